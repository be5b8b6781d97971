"""The life of a test result, as data: the statuses with their properties, and the moves between them.

Rules of this file:
- Everything that decides whether a status may change must live here, and nothing else may.
- `TRANSITIONS` is the single authority on moves. Code asks it; diagrams are drawn from it.
- `STATUSES` is the only place with knowledge about a status. Other modules read a column of it.

Sources: the documentation of September 2026 (the page on simulation results) for statuses, labels, groups and error
codes; the OpenAPI of 30 April 2026 for the older words.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal, NamedTuple

from fake_bluejay.core.suggest import unknown
from fake_bluejay.core.timers import TimerKind


class Status(StrEnum):
    """The status of a test result (one simulated conversation)."""

    # Enum's own hash is Python code; a status is a key in the hottest lookups, so hash it as a string, in C.
    __hash__ = str.__hash__

    INITIALIZING = "INITIALIZING"
    QUEUED = "QUEUED"
    READY = "READY"
    DISPATCHED = "DISPATCHED"
    RUNNING = "RUNNING"
    CONVERSATION_ENDED = "CONVERSATION_ENDED"
    EVALUATING = "EVALUATING"
    COMPLETED = "COMPLETED"
    NOT_EVALUATED = "NOT_EVALUATED"
    CANCELLED = "CANCELLED"
    NO_CONNECTION = "NO_CONNECTION"
    NO_ANSWER = "NO_ANSWER"
    CALL_DROPPED = "CALL_DROPPED"
    OUT_OF_FUNDS = "OUT_OF_FUNDS"
    SYSTEM_ERROR = "SYSTEM_ERROR"
    CUSTOM_ERROR = "CUSTOM_ERROR"
    INCOMPLETED = "INCOMPLETED"
    REJECTED = "REJECTED"
    INSUFFICIENT_FUNDS = "INSUFFICIENT_FUNDS"


class Group(StrEnum):
    """The documentation's groups of statuses."""

    IN_PROGRESS = "in-progress"
    FINAL = "final"
    FAILURE = "failure"


class StatusRow(NamedTuple):
    """The facts about one status."""

    label: str
    """The status in the words of Bluejay's pages."""
    group: Group
    tone: str
    """The color of the status in the console."""
    older: str
    """The status in the words of the OpenAPI of 30 April 2026."""
    begun: bool = True
    """True if a worker has taken the call up."""
    cancellable: bool = False
    """True if the call can be cancelled. Documented: one that is not yet connected can; a running one can only be
    ended."""
    holds_slot: bool = False
    """True if a call with this status counts against its simulation's `max_concurrent`."""
    scored: bool = False
    """True if the conversation has been evaluated; of a dropped one, the part up to the drop."""
    timer: TimerKind | None = None
    """The timer that ends the status unless something else comes first; leaving the status cancels it."""
    webhook_event: str | None = None
    """The webhook event that is sent when a test result reaches the status; for a dropped call, a reading decides."""
    error_codes: tuple[str, ...] = ()
    """The error codes of the status. The first is the code of a call whose script names none."""


_OLDER_FAILURE: Final = "INCOMPLETED"


def _each(*providers: str, code: str) -> tuple[str, ...]:
    """Return an error code for each provider."""
    return tuple(f"{provider}_{code}" for provider in providers)


_PROVIDERS: Final = ("ELEVEN_LABS", "RETELL", "VAPI")
_AUTH_FAILED: Final = _each(*_PROVIDERS, "WEBSOCKET", code="AUTH_FAILED")

END_SIGNAL_TIMEOUT: Final = "END_SIGNAL_TIMEOUT"
"""The error code of a call that the watchdog closed."""

STEP_SKIPPED: Final = "STEP_SKIPPED"
"""The error code of a step of a customer journey after one that failed."""

TRIGGER_FAILED: Final = "OUTBOUND_TRIGGER_FAILED"
"""The error code of a call whose agent's trigger webhook did not answer."""

STATUSES: Final[dict[Status, StatusRow]] = {
    Status.INITIALIZING: StatusRow(
        "Initializing", Group.IN_PROGRESS, "wait", "INITIALIZING", begun=False, cancellable=True
    ),
    Status.QUEUED: StatusRow("Queued", Group.IN_PROGRESS, "wait", "QUEUED", begun=False, cancellable=True),
    Status.READY: StatusRow("Ready", Group.IN_PROGRESS, "wait", "READY", cancellable=True, holds_slot=True),
    Status.DISPATCHED: StatusRow(
        "Dispatched", Group.IN_PROGRESS, "wait", "DISPATCHED", cancellable=True, holds_slot=True
    ),
    Status.RUNNING: StatusRow("Running", Group.IN_PROGRESS, "run", "RUNNING", holds_slot=True, timer="watchdog"),
    Status.CONVERSATION_ENDED: StatusRow(
        "Evaluation Pending",
        Group.IN_PROGRESS,
        "end",
        "CONVERSATION_ENDED",
        timer="evaluation_starts",
        webhook_event="simulation_ended",
    ),
    Status.EVALUATING: StatusRow("Evaluating", Group.IN_PROGRESS, "end", "EVALUATING", timer="evaluation_completes"),
    Status.COMPLETED: StatusRow(
        "Completed", Group.FINAL, "done", "COMPLETED", scored=True, webhook_event="simulation_result_evaluated"
    ),
    # Documented for production conversations only, so no move leads a simulated call to it.
    Status.NOT_EVALUATED: StatusRow("Not Evaluated", Group.FINAL, "off", "COMPLETED"),
    Status.CANCELLED: StatusRow(
        "Cancelled", Group.FINAL, "off", _OLDER_FAILURE, error_codes=("USER_CANCELLED", STEP_SKIPPED)
    ),
    Status.NO_CONNECTION: StatusRow(
        "No Connection",
        Group.FAILURE,
        "fail",
        _OLDER_FAILURE,
        error_codes=(
            "SIP_DIAL_FAILED",
            *_AUTH_FAILED,
            *(f"MISSING_{provider}_INTEGRATION" for provider in (*_PROVIDERS, "PIPECAT")),
            "NO_PIPECAT_AGENT_NAME",
            "MISSING_ELEVEN_LABS_AGENT_ID",
            "MISSING_RETELL_AGENT_ID",
            "MISSING_VAPI_ASSISTANT_ID",
            *_each(*_PROVIDERS, code="INTEGRATION_DECRYPT_FAILED"),
            *_each(*_PROVIDERS, code="BRIDGE_CONNECT_FAILED"),
            *_each(*_PROVIDERS, "LIVEKIT", code="SESSION_SETUP_FAILED"),
            "UNUSABLE_CALLER_ID",
            "INVALID_PHONE_NUMBER",
            "INVALID_SIP_DESTINATION",
            "CUSTOMER_CONCURRENCY_LIMIT",
            "BRIDGE_PRE_START_FAILED",
            "NO_CONNECTION_TYPE",
            TRIGGER_FAILED,
            "DYNAMIC_ENDPOINT_FAILED",
        ),
    ),
    Status.NO_ANSWER: StatusRow(
        "No Answer",
        Group.FAILURE,
        "fail",
        _OLDER_FAILURE,
        error_codes=(
            "NO_ANSWER",
            "CALL_REJECTED",
            "AGENT_HUNG_UP_BEFORE_SPEECH",
            "INBOUND_NO_INCOMING_CALL",
            "STEP_NO_ACTIVITY",
        ),
    ),
    Status.CALL_DROPPED: StatusRow(
        "Call Dropped",
        Group.FAILURE,
        "fail",
        _OLDER_FAILURE,
        scored=True,
        error_codes=(
            "BRIDGE_DISCONNECTED",
            "PIPECAT_CONNECTION_FAILED",
            *_each(*_PROVIDERS, code="AGENT_ERROR"),
            *_each(*_PROVIDERS, code="AGENT_START_FAILED"),
            *_each(*_PROVIDERS, code="MONITORING_ERROR"),
        ),
    ),
    Status.OUT_OF_FUNDS: StatusRow(
        "Out of Funds", Group.FAILURE, "money", "INSUFFICIENT_FUNDS", error_codes=("INSUFFICIENT_BALANCE",)
    ),
    Status.SYSTEM_ERROR: StatusRow(
        "System Error",
        Group.FAILURE,
        "fail",
        _OLDER_FAILURE,
        error_codes=(
            "UNKNOWN",
            "HYDRATION_FAILED",
            "EVAL_HYDRATION_FAILED",
            "EVAL_NO_TRANSCRIPT",
            "EVAL_AUDIO_CONVERSION_FAILED",
            "EVAL_PIPELINE_FAILED",
            "RECORDING_URL_FAILED",
            "EVAL_QUEUE_FAILED",
            END_SIGNAL_TIMEOUT,
            "AGENT_WORKER_LOST",
            "SIP_TRUNK_RECYCLED",
            "DB_WRITE_FAILED",
            "EMAIL_SENDER_MISMATCH",
            "UNKNOWN_LEGACY",
        ),
    ),
    Status.CUSTOM_ERROR: StatusRow(
        "Custom Error",
        Group.FAILURE,
        "fail",
        _OLDER_FAILURE,
        webhook_event="simulation_result_evaluated",
        error_codes=("CUSTOM_ERROR",),
    ),
    # From older enums. The only move that leads here is the watchdog's, if a reading says so.
    Status.INCOMPLETED: StatusRow("Incompleted", Group.FAILURE, "fail", _OLDER_FAILURE),
    Status.REJECTED: StatusRow("Rejected", Group.FAILURE, "fail", "REJECTED"),
    Status.INSUFFICIENT_FUNDS: StatusRow("Insufficient Funds", Group.FAILURE, "money", "INSUFFICIENT_FUNDS"),
}
"""The table of statuses."""

OLDER_WORD_OF_CODE: Final = dict.fromkeys((*_AUTH_FAILED, "CALL_REJECTED"), "REJECTED")
"""Error code → the older word for a status with this code, if it differs from the older word of the status."""


class Event(StrEnum):
    """An event that can happen to a test result."""

    __hash__ = str.__hash__

    QUEUE = "queue"
    AWAIT_CALL = "await_call"
    DISPATCH = "dispatch"
    CONNECT = "connect"
    END = "end"
    DROP = "drop"
    EVALUATE = "evaluate"
    COMPLETE = "complete"
    MATCH_CUSTOM_ERROR = "match_custom_error"
    RE_EVALUATE = "re_evaluate"
    GIVE_UP = "give_up"
    REJECT = "reject"
    RUN_OUT_OF_FUNDS = "run_out_of_funds"
    FAIL_TO_CONNECT = "fail_to_connect"
    GO_UNANSWERED = "go_unanswered"
    CANCEL = "cancel"
    BREAK = "break"
    FORCE = "force"
    """A test's own `set_status(…, force=True)`: not in the table, and marked as such in the history."""


def in_columns(**columns: object) -> tuple[Status, ...]:
    """Return the statuses whose row has these values, in the table's order."""
    return tuple(
        status
        for status, row in STATUSES.items()
        if all(getattr(row, name) == value for name, value in columns.items())
    )


_CANCELLABLE = in_columns(cancellable=True)
_DIALLING = (Status.READY, Status.DISPATCHED)

TRANSITIONS: Final[dict[tuple[Status, Event], Status]] = {
    (Status.INITIALIZING, Event.QUEUE): Status.QUEUED,
    (Status.QUEUED, Event.AWAIT_CALL): Status.READY,
    (Status.QUEUED, Event.DISPATCH): Status.DISPATCHED,
    (Status.READY, Event.DISPATCH): Status.DISPATCHED,
    (Status.DISPATCHED, Event.CONNECT): Status.RUNNING,
    (Status.RUNNING, Event.END): Status.CONVERSATION_ENDED,
    (Status.RUNNING, Event.DROP): Status.CALL_DROPPED,
    # A reading decides what the watchdog sets: BREAK (SYSTEM_ERROR), END, or one of these two.
    (Status.RUNNING, Event.GIVE_UP): Status.INCOMPLETED,
    (Status.RUNNING, Event.COMPLETE): Status.COMPLETED,
    (Status.CONVERSATION_ENDED, Event.EVALUATE): Status.EVALUATING,
    (Status.EVALUATING, Event.COMPLETE): Status.COMPLETED,
    (Status.EVALUATING, Event.MATCH_CUSTOM_ERROR): Status.CUSTOM_ERROR,
    # On request only: nothing else leads out of COMPLETED.
    (Status.COMPLETED, Event.RE_EVALUATE): Status.EVALUATING,
    **{(status, Event.FAIL_TO_CONNECT): Status.NO_CONNECTION for status in _DIALLING},
    **{(status, Event.GO_UNANSWERED): Status.NO_ANSWER for status in _DIALLING},
    **{(status, Event.REJECT): Status.NO_ANSWER for status in _DIALLING},
    **{(status, Event.CANCEL): Status.CANCELLED for status in _CANCELLABLE},
    **{(status, Event.RUN_OUT_OF_FUNDS): Status.OUT_OF_FUNDS for status in _CANCELLABLE},
    **{(status, Event.BREAK): Status.SYSTEM_ERROR for status in in_columns(group=Group.IN_PROGRESS)},
}
"""`(from, event) → to`: every legal move."""


class IllegalMove(ValueError):
    """A move that `TRANSITIONS` does not have; the message names both statuses and the legal moves."""


def is_final(status: Status) -> bool:
    """Return whether a status is an end: the only move that may lead out of it is a new evaluation on request."""
    return STATUSES[status].group is not Group.IN_PROGRESS


def error_codes() -> tuple[str, ...]:
    """Return every documented error code, status by status."""
    return tuple(code for row in STATUSES.values() for code in row.error_codes)


def event_between(from_: Status, to: Status) -> Event:
    """Return the event that leads from one status to the other.

    Raises:
        IllegalMove: No event does.
    """
    for (source, event), target in TRANSITIONS.items():
        if source is from_ and target is to:
            return event
    raise IllegalMove(f"no move leads from {from_} to {to}; {ways_on(from_)}")


def ways_on(from_: Status) -> str:
    """Return the legal moves from a status, as a phrase for error messages."""
    ways = [f"{event} → {to}" for (source, event), to in TRANSITIONS.items() if source is from_]
    return f"from {from_} the legal moves are: {', '.join(ways)}" if ways else f"{from_} is final"


def status_from_text(text: str) -> Status:
    """Return the status with this name.

    Raises:
        ValueError: The name is unknown. The message lists the known names; for a label it names the status.
    """
    try:
        return Status(text)
    except ValueError:
        for status, row in STATUSES.items():
            if str(text).upper().replace("_", " ") == row.label.upper():
                raise ValueError(f"{text!r} is a label; the status is {status}") from None
        raise ValueError(unknown("status", text, Status)) from None


CauseByHand = Literal["agent", "test", "api"]
"""The cause of an event that a test lets happen."""

# A type checker cannot derive these texts from the enums, so they are listed again; a test compares both.
StatusChoice = Status | Literal[
    "INITIALIZING", "QUEUED", "READY", "DISPATCHED", "RUNNING", "CONVERSATION_ENDED", "EVALUATING", "COMPLETED",
    "NOT_EVALUATED", "CANCELLED", "NO_CONNECTION", "NO_ANSWER", "CALL_DROPPED", "OUT_OF_FUNDS", "SYSTEM_ERROR",
    "CUSTOM_ERROR", "INCOMPLETED", "REJECTED", "INSUFFICIENT_FUNDS",
]  # fmt: skip
"""A status, or its text."""

EventChoice = Event | Literal[
    "queue", "await_call", "dispatch", "connect", "end", "drop", "evaluate", "complete", "match_custom_error",
    "re_evaluate", "give_up", "reject", "run_out_of_funds", "fail_to_connect", "go_unanswered", "cancel", "break",
    "force",
]  # fmt: skip
"""An event of the transition table, or its text."""
