"""The records of a world: test results with their histories, control objects, organisations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fake_bluejay.core.behaviors import Agent
from fake_bluejay.core.numbers import is_integer
from fake_bluejay.core.readings import StatusWords
from fake_bluejay.core.scripts import ENDS, Call
from fake_bluejay.core.statuses import (
    END_SIGNAL_TIMEOUT,
    OLDER_WORD_OF_CODE,
    STATUSES,
    STEP_SKIPPED,
    TRIGGER_FAILED,
    Event,
    Group,
    Status,
)

if TYPE_CHECKING:
    from fake_bluejay.core.runs import Run

WATCHDOG_DELAY: Final = 30_000_000
"""Documented: a 30-second fallback watchdog for each conversation. Microseconds."""


_CODE_OF_CAUSE: Final = {"watchdog": END_SIGNAL_TIMEOUT, "journey": STEP_SKIPPED, "trigger": TRIGGER_FAILED}
"""The cause of a last move → the error code that it brings, whatever the script says."""


class Move(NamedTuple):
    """A change of status.

    The cause is `api`, `agent`, `watchdog`, `evaluation` or `test`; or `call` (its script), `limit` (it rang or
    lasted as long as its simulation allows), `journey` (the step before it in a customer journey failed) or `trigger`
    (its agent's trigger webhook did not answer).
    """

    at: int
    from_: Status
    to: Status
    event: Event
    cause: str


class Organisation(NamedTuple):
    """An owner of data. An API key belongs to one organisation, and sees only that organisation's data."""

    name: str
    api_keys: tuple[str, ...]

    def __repr__(self) -> str:
        return f"<Organisation {self.name}, {len(self.api_keys)} keys>"


class Organisations(dict[str, Organisation]):
    """The organisations of a world by their names; one is also found by a key, however many there are."""

    def __init__(self) -> None:
        super().__init__()
        self.by_key: dict[str, Organisation] = {}
        """The organisations by their keys, to be read only."""

    def __setitem__(self, name: str, organisation: Organisation) -> None:
        """Replace the organisation of this name; the keys of the old one are forgotten."""
        if name in self:
            for key in self[name].api_keys:
                self.by_key.pop(key, None)  # a key may be given twice
        super().__setitem__(name, organisation)
        self.by_key.update(dict.fromkeys(organisation.api_keys, organisation))

    def clear(self) -> None:
        """Forget all of them."""
        super().clear()
        self.by_key.clear()


MOST_ALIKE: Final = 1_000_000
"""The most test results that are added at once: this project's limit, so that a slip does not take all memory."""


def check_id(id: object) -> None:
    """Check that a value can be the id of a test result. Raises `ValueError`."""
    if not is_integer(id):
        raise ValueError(f"a test result's id is an integer, not {id!r:.80}")


@dataclass(slots=True, eq=False, repr=False)
class ControlObject:
    """A control object, which end-conversations writes for the LiveKit agent to pick up.

    `by` is `"agent"` once the agent picked it up, `"watchdog"` once that expired it, and stays None if the conversation
    was over before either. The watchdog is due 30 s after `written_at`. Instants are in microseconds.
    """

    id: int
    test_result_id: int
    written_at: int
    gone_at: int | None = None
    by: str | None = None


@dataclass(slots=True, eq=False, repr=False)
class Record:
    """A test result as the world holds it. `World` alone changes one."""

    id: int
    organisation: str
    status: Status
    agent: Agent | None
    """The behavior of its agent. None: the default of the world at the moment when the conversation is marked."""
    created_at: int
    fields: dict[str, Any]
    start_time: int | None = None
    end_time: int | None = None
    history: list[Move] = field(default_factory=list)
    control_objects: list[ControlObject] = field(default_factory=list)
    armed: list[int] = field(default_factory=list)
    """The timers that are cancelled when the status changes: watchdogs, evaluation, the call's next step."""
    call: Call | None = None
    """The script of the call; None: nothing happens by itself."""
    run: Run | None = None
    metrics: list[dict[str, Any]] = field(default_factory=list)
    """The custom metrics that counted when it was last evaluated, with their values."""

    @property
    def digital_human_id(self) -> int:
        """The id of the digital human; 1 for a test result that a test added without one."""
        id: int = self.fields.get("digital_human_id", 1)
        return id

    @property
    def agent_id(self) -> int:
        """The id of its run's agent; 1 for a test result without a run."""
        return 1 if self.run is None else self.run.agent_id

    @property
    def run_id(self) -> int:
        """The id of its run; 1 for a test result that a test added without one."""
        id: int = self.fields.get("simulation_run_id", 1) if self.run is None else self.run.id
        return id

    @property
    def duration(self) -> int | None:
        """The time that the conversation was RUNNING, in milliseconds (documented); None if it was not, or still is."""
        given: int | None = self.fields.get("duration")
        if given is None and self.start_time is not None and self.end_time is not None:
            return (self.end_time - self.start_time) // 1000
        return given

    @property
    def error_code(self) -> str | None:
        """The reason why the call failed or was cancelled: each such status has a code; None with other statuses."""
        row = STATUSES[self.status]
        if not row.error_codes and row.group is not Group.FAILURE:
            return None
        last, call = self.history[-1] if self.history else None, self.call
        if last is not None and last.cause in _CODE_OF_CAUSE:
            return _CODE_OF_CAUSE[last.cause]
        if last is not None and call is not None and call.error_code is not None and last.event is ENDS[call.end]:
            return call.error_code
        return row.error_codes[0] if row.error_codes else None

    def wire_status(self, words: StatusWords) -> str:
        """Return its status as answers and webhooks spell it."""
        if words is StatusWords.DOCUMENTATION:
            return str(self.status)
        return OLDER_WORD_OF_CODE.get(self.error_code or "") or STATUSES[self.status].older

    @property
    def passes(self) -> bool:
        """True if the evaluation finds the goal reached: as the given evaluations say, or else the script."""
        evaluations = self.fields.get("evaluations")
        if evaluations is None and self.call is not None:
            evaluations = self.call.evaluations
        goals = [goal for one in evaluations or () if isinstance(goal := one.get("goal_success"), bool)]
        if goals:
            return all(goals)
        return self.call is None or self.call.passes
