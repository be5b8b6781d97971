"""The life of a test result, as data: the statuses, the events, and which event leads where.

Rules of this file:
- Everything that decides whether a status may change must live here, and nothing else may.
- `TRANSITIONS` is the single authority. Code asks it; diagrams are drawn from it.

Sources: the published OpenAPI (July 2026: `TestResultStatus`) and the product's documentation
(August 2026), which adds `NO_CONNECTION`, `NO_ANSWER`, `CALL_DROPPED`, `CANCELLED`, `SYSTEM_ERROR` and the
labels "Evaluation Pending" and "Out of Funds".
"""

from __future__ import annotations

from enum import StrEnum

__all__ = ["CANCELLABLE", "TERMINAL", "TRANSITIONS", "Event", "IllegalMove", "Status", "event_between"]


class Status(StrEnum):
    """The status of a test result (one simulated conversation)."""

    # Enum hashes in Python code; a status is a key in the hottest lookups, so hash it as the string it is.
    __hash__ = str.__hash__

    INITIALIZING = "INITIALIZING"
    QUEUED = "QUEUED"
    READY = "READY"
    DISPATCHED = "DISPATCHED"
    RUNNING = "RUNNING"
    CONVERSATION_ENDED = "CONVERSATION_ENDED"
    EVALUATION_PENDING = "EVALUATION_PENDING"
    EVALUATING = "EVALUATING"
    COMPLETED = "COMPLETED"
    INCOMPLETED = "INCOMPLETED"
    REJECTED = "REJECTED"
    INSUFFICIENT_FUNDS = "INSUFFICIENT_FUNDS"
    OUT_OF_FUNDS = "OUT_OF_FUNDS"
    NO_CONNECTION = "NO_CONNECTION"
    NO_ANSWER = "NO_ANSWER"
    CALL_DROPPED = "CALL_DROPPED"
    CANCELLED = "CANCELLED"
    SYSTEM_ERROR = "SYSTEM_ERROR"


class Event(StrEnum):
    """What can happen to a test result."""

    __hash__ = str.__hash__

    QUEUE = "queue"
    AWAIT_CALL = "await_call"
    DISPATCH = "dispatch"
    CONNECT = "connect"
    END = "end"
    DROP = "drop"
    AWAIT_EVALUATION = "await_evaluation"
    EVALUATE = "evaluate"
    COMPLETE = "complete"
    RE_EVALUATE = "re_evaluate"
    GIVE_UP = "give_up"
    REJECT = "reject"
    LACK_FUNDS = "lack_funds"
    RUN_OUT_OF_FUNDS = "run_out_of_funds"
    FAIL_TO_CONNECT = "fail_to_connect"
    GO_UNANSWERED = "go_unanswered"
    CANCEL = "cancel"
    BREAK = "break"
    FORCE = "force"
    """A test's own `set_status(…, force=True)`: outside the table, and marked so in the history."""


CANCELLABLE = (Status.INITIALIZING, Status.QUEUED, Status.READY, Status.DISPATCHED)
"""Documented: a run that is not yet connected can be cancelled; a running one can only be ended."""

_DIALLING = (Status.READY, Status.DISPATCHED)

TRANSITIONS: dict[tuple[Status, Event], Status] = {
    (Status.INITIALIZING, Event.QUEUE): Status.QUEUED,
    (Status.QUEUED, Event.AWAIT_CALL): Status.READY,
    (Status.QUEUED, Event.DISPATCH): Status.DISPATCHED,
    (Status.READY, Event.DISPATCH): Status.DISPATCHED,
    (Status.DISPATCHED, Event.CONNECT): Status.RUNNING,
    (Status.RUNNING, Event.END): Status.CONVERSATION_ENDED,
    (Status.RUNNING, Event.DROP): Status.CALL_DROPPED,
    # What a watchdog sets is a reading; two of its choices skip the evaluation.
    (Status.RUNNING, Event.GIVE_UP): Status.INCOMPLETED,
    (Status.RUNNING, Event.COMPLETE): Status.COMPLETED,
    (Status.CONVERSATION_ENDED, Event.AWAIT_EVALUATION): Status.EVALUATION_PENDING,
    (Status.CONVERSATION_ENDED, Event.EVALUATE): Status.EVALUATING,
    (Status.EVALUATION_PENDING, Event.EVALUATE): Status.EVALUATING,
    (Status.EVALUATING, Event.COMPLETE): Status.COMPLETED,
    # On request only: a test result that is COMPLETED stays so by itself.
    (Status.COMPLETED, Event.RE_EVALUATE): Status.EVALUATING,
    **{(status, Event.FAIL_TO_CONNECT): Status.NO_CONNECTION for status in _DIALLING},
    **{(status, Event.GO_UNANSWERED): Status.NO_ANSWER for status in _DIALLING},
    **{(status, Event.REJECT): Status.REJECTED for status in _DIALLING},
    **{(status, Event.GIVE_UP): Status.INCOMPLETED for status in CANCELLABLE},
    **{(status, Event.CANCEL): Status.CANCELLED for status in CANCELLABLE},
    **{(status, Event.LACK_FUNDS): Status.INSUFFICIENT_FUNDS for status in CANCELLABLE},
    **{(status, Event.RUN_OUT_OF_FUNDS): Status.OUT_OF_FUNDS for status in CANCELLABLE},
    **{
        (status, Event.BREAK): Status.SYSTEM_ERROR
        for status in (
            *CANCELLABLE,
            Status.RUNNING,
            Status.CONVERSATION_ENDED,
            Status.EVALUATION_PENDING,
            Status.EVALUATING,
        )
    },
}
"""`(from, event) → to`: every legal move there is."""

TERMINAL = frozenset(Status) - {from_ for from_, event in TRANSITIONS if event is not Event.RE_EVALUATE}
"""The statuses that nothing leads out of but the wish to have it evaluated again."""


class IllegalMove(ValueError):
    """A move that `TRANSITIONS` does not have; the message names both ends and the legal ways on."""


def event_between(from_: Status, to: Status) -> Event:
    """The event that leads from one status to the other.

    Raises `IllegalMove` if none does.
    """
    for (source, event), target in TRANSITIONS.items():
        if source is from_ and target is to:
            return event
    raise IllegalMove(f"no move leads from {from_} to {to}; {ways_on(from_)}")


def ways_on(from_: Status) -> str:
    """A phrase for error messages: the moves that are legal from here."""
    ways = [f"{event} → {to}" for (source, event), to in TRANSITIONS.items() if source is from_]
    return f"from {from_} the legal moves are: {', '.join(ways)}" if ways else f"{from_} is final"
