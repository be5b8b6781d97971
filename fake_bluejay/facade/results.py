"""Live views of test results, their control objects and their history, with datetimes for instants."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, get_args

from fake_bluejay.core.behaviors import Agent, agent_of
from fake_bluejay.core.clock import datetime_at
from fake_bluejay.core.scoring import is_scored
from fake_bluejay.core.scripts import Call
from fake_bluejay.core.statuses import CauseByHand, Event, Status, status_from_text
from fake_bluejay.core.suggest import check_known
from fake_bluejay.core.test_results import ControlObject, Record
from fake_bluejay.core.world import World, watchdog_of
from fake_bluejay.intercept.clockwork import CLOCKWORK

if TYPE_CHECKING:
    from fake_bluejay.core.behaviors import AgentChoice
    from fake_bluejay.core.statuses import EventChoice, StatusChoice


_Id = TypeVar("_Id")


class View(Generic[_Id]):
    """A live view of something in a world, which its id names."""

    def __init__(self, world: World, id: _Id) -> None:
        self._world = world
        self._id = id

    @property
    def _held(self) -> Any:
        """The thing as the world holds it now. Raises `KeyError` after its removal."""
        raise NotImplementedError

    @property
    def id(self) -> _Id:
        """The id: an integer, or a UUID as text."""
        return self._id

    @property
    def created_at(self) -> datetime:
        """The moment at which it was made, in UTC."""
        return datetime_at(self._held.created_at)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self._world, self._id))


class HistoryEntry(NamedTuple):
    """A change of status. The cause is `api`, `agent`, `watchdog`, `evaluation` or `test`."""

    at: datetime
    from_: Status
    to: Status
    event: Event
    cause: str


class Watchdog(NamedTuple):
    """The fallback behind a marked conversation: since when it is armed, and when it will end the conversation."""

    armed_at: datetime
    due: datetime


class ControlObjectView:
    """A live view of a control object, which end-conversations wrote for the LiveKit agent.

    `.by` is None while it waits (for good, if the conversation was over first), `"agent"` once the agent picked it up,
    `"watchdog"` once that expired it.
    """

    def __init__(self, control: ControlObject) -> None:
        self._control = control

    @property
    def id(self) -> int:
        """The id."""
        return self._control.id

    @property
    def test_result_id(self) -> int:
        """The id of the test result that is to end."""
        return self._control.test_result_id

    @property
    def written_at(self) -> datetime:
        """The moment at which it was written, in UTC."""
        return datetime_at(self._control.written_at)

    @property
    def by(self) -> str | None:
        """`"agent"`, `"watchdog"`, … once it was picked up; None before."""
        return self._control.by

    @property
    def picked_up_at(self) -> datetime | None:
        """The moment at which the agent picked it up; None if it has not."""
        return _moment(self._control.gone_at) if self.by == "agent" else None

    @property
    def expired_at(self) -> datetime | None:
        """The moment at which the watchdog expired it; None if it has not."""
        return _moment(self._control.gone_at) if self.by == "watchdog" else None

    def __repr__(self) -> str:
        state = f"by {self.by}" if self.by else "waiting"
        return f"<ControlObject {self.id} for {self.test_result_id}, written {self.written_at:%H:%M:%S.%f}, {state}>"


class TestResult(View[int]):
    """A live view of a test result, also after moves of time, and after the world was restored.

    Every member raises `KeyError` after the test result's removal, such as by a reset.
    """

    __test__ = False  # not a test class, whatever its name says to a test runner

    @property
    def _held(self) -> Record:
        CLOCKWORK.notice()
        return self._world.result(self._id)

    @property
    def status(self) -> Status:
        """The status now."""
        return self._held.status

    @property
    def history(self) -> list[HistoryEntry]:
        """The changes of status, oldest first."""
        return [HistoryEntry(datetime_at(move.at), *move[1:]) for move in self._held.history]

    @property
    def control(self) -> ControlObjectView | None:
        """The control object that was written last; None if there was none."""
        objects = self._held.control_objects
        return ControlObjectView(objects[-1]) if objects else None

    @property
    def watchdog(self) -> Watchdog | None:
        """The watchdog that fires first; None if none is armed."""
        watchdog = watchdog_of(self._held)
        return None if watchdog is None else Watchdog(*map(datetime_at, watchdog))

    @property
    def agent(self) -> Agent | None:
        """The behavior of its agent; None: the fake's default at the moment when the conversation is marked."""
        return self._held.agent

    @agent.setter
    def agent(self, agent: AgentChoice | None) -> None:
        self._world.edit(self._id, agent=agent_of(agent))

    @property
    def call(self) -> Call | None:
        """The script of the call; None: nothing happens by itself."""
        return self._held.call

    @property
    def error_code(self) -> str | None:
        """The reason why the call failed; None if it did not."""
        return self._held.error_code

    @property
    def passed(self) -> bool | None:
        """True if the evaluation found the goal reached; None before the evaluation."""
        record = self._held
        return record.passes if is_scored(record) else None

    @property
    def organisation(self) -> str:
        """The name of the organisation that it belongs to."""
        return self._held.organisation

    @property
    def fields(self) -> dict[str, Any]:
        """The other published fields, as they were given, such as `digital_human_id` and `evaluations`."""
        return self._held.fields

    @property
    def start_time(self) -> datetime | None:
        """The moment at which it became RUNNING."""
        return _moment(self._held.start_time)

    @property
    def end_time(self) -> datetime | None:
        """The moment at which it was no longer RUNNING."""
        return _moment(self._held.end_time)

    def set_status(self, status: StatusChoice, *, force: bool = False) -> None:
        """Move it to a status by a legal move, or with `force` by any.

        Raises:
            ValueError: The status is unknown, or no legal move leads there; the message lists the legal moves.
        """
        status = status_from_text(status)
        if not isinstance(force, bool):
            raise ValueError(f"force is True or False, not {force!r:.80}")
        self._world.set_status(self._id, status, force=force)

    def happen(self, event: EventChoice, cause: CauseByHand = "agent") -> None:
        """Let an event of the transition table happen.

        Raises:
            ValueError: The event or the cause is unknown, or the event is not legal now.
        """
        check_known("event", event, Event)
        check_known("cause of an event:", cause, get_args(CauseByHand))
        self._world.happen(self._id, Event(event), cause)

    def end(self) -> None:
        """Let the agent end the conversation now.

        Raises:
            ValueError: It is not RUNNING.
        """
        self.happen(Event.END)

    def drop(self) -> None:
        """Drop the call now.

        Raises:
            ValueError: It is not RUNNING.
        """
        self.happen(Event.DROP)

    def cancel(self) -> None:
        """Cancel it.

        Raises:
            ValueError: It is RUNNING, so it can only be ended (documented), or it is over.
        """
        self.happen(Event.CANCEL, "api")

    def __repr__(self) -> str:
        try:
            return f"<TestResult {self._id} {self.status}>"
        except KeyError:
            return f"<TestResult {self._id} gone>"


def _moment(instant: int | None) -> datetime | None:
    return None if instant is None else datetime_at(instant)
