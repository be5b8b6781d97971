"""The world: every test result, control object, timer and organisation, and the one place where they change.

Rules of this file:
- A status changes in `_change` and nowhere else; whether it may is for `TRANSITIONS` to say.
- Every public method takes the lock and, if time matters to it, lets what has fallen due happen first: whoever looks,
  looks at the present.
- What a request will do is planned first and carried out last: a request that fails half-way has changed nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Iterable, Mapping
from datetime import datetime, timedelta
from types import EllipsisType
from typing import Any, NamedTuple

from fake_bluejay.core.agents import Agent, EndsAfter, EndsWithin
from fake_bluejay.core.clock import END, Clock, ManualClock, ScaledClock, datetime_at, instant_of, microseconds
from fake_bluejay.core.readings import (
    AgentEnds,
    AlreadyMarked,
    DuplicateIds,
    ForeignId,
    Readings,
    WatchdogSets,
)
from fake_bluejay.core.records import WATCHDOG_DELAY, ControlObject, Move, Organisation, Record, check_fields
from fake_bluejay.core.statuses import TRANSITIONS, Event, IllegalMove, Status, event_between, ways_on
from fake_bluejay.core.suggest import unknown
from fake_bluejay.core.timers import TimerKind, Timers

__all__ = ["DEFAULT_ORGANISATION", "LEFT_BY", "Ending", "World", "is_marked", "status_from_text"]

DEFAULT_ORGANISATION = "default"

# Looking a member up in its enum costs as much as a call, and these stand where everything passes that falls due.
_RUNNING, _DROP = Status.RUNNING, Event.DROP

_DEFAULT_AGENTS: dict[AgentEnds, Agent] = {
    AgentEnds.AFTER_2_SECONDS: EndsAfter(2),
    AgentEnds.WITHIN_20_SECONDS: EndsWithin(20),
}
_WATCHDOG_EVENTS = {
    WatchdogSets.CONVERSATION_ENDED: Event.END,
    WatchdogSets.INCOMPLETED: Event.GIVE_UP,
    WatchdogSets.COMPLETED: Event.COMPLETE,
}
_FIRES: dict[TimerKind, tuple[Event | None, str]] = {
    "agent_ends": (Event.END, "agent"),
    "agent_drops": (Event.DROP, "agent"),
    "watchdog": (None, "watchdog"),
    "evaluation_starts": (Event.EVALUATE, "evaluation"),
    "evaluation_completes": (Event.COMPLETE, "evaluation"),
}
"""What a timer makes happen, and the cause; the watchdog's event is a reading."""

LEFT_BY: dict[Status, TimerKind] = {
    Status.RUNNING: "watchdog",
    Status.CONVERSATION_ENDED: "evaluation_starts",
    Status.EVALUATION_PENDING: "evaluation_starts",
    Status.EVALUATING: "evaluation_completes",
}
"""The timers that hold only while a status does, and end it unless something else comes first."""


class Ending(NamedTuple):
    """What an end-conversations call will do, before it is done. Ids in the order of the request.

    `forbidden` is set when the whole request is to be refused (a reading); then nothing is marked.
    """

    processed: list[int]
    marked: list[int]
    failed: list[int]
    forbidden: bool
    marks: list[tuple[Record, int, tuple[int, TimerKind] | None]]
    """For each marked id: its record, the id of its control object, and how its agent will react."""
    at: int
    """The instant at which it all happens."""


class World:
    """A deterministic model of Bluejay: the same calls in the same order give the same world, to the byte."""

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        readings: Readings | None = None,
        agent: Agent | None = None,
        seed: int = 0,
        evaluation_starts_after: float = 1.0,
        evaluation_takes: float = 5.0,
    ) -> None:
        self.lock = threading.RLock()
        self.clock: Clock = clock or ManualClock()
        self.readings = readings or Readings()
        self.agent = agent
        """What an agent does that was not told otherwise; None: as the reading `agent_ends` says."""
        self.seed = seed
        self.evaluation_starts_after = _delay("evaluation_starts_after", evaluation_starts_after)
        """Microseconds from a conversation's end to EVALUATING: undocumented, so a setting."""
        self.evaluation_takes = _delay("evaluation_takes", evaluation_takes)
        """Microseconds from EVALUATING to COMPLETED: undocumented, so a setting."""
        self.require_known_keys = False
        """Whether only keys that an organisation has are accepted, or any key that is not empty."""
        self.organisations: dict[str, Organisation] = {DEFAULT_ORGANISATION: Organisation(DEFAULT_ORGANISATION, ())}
        self.results: dict[int, Record] = {}
        self.control_objects: list[ControlObject] = []
        self.timers = Timers()
        self.refused: set[int] = set()
        """The ids that an end-conversations call did not mark."""
        self._last_id = 0
        self.on_move: Callable[[int], None] | None = None
        """Told how many microseconds the clock was moved by, each time it was: for whoever keeps step with it."""
        self.on_change: Callable[..., None] | None = None
        """Told of every change: what kind, and what changed. A `Feed` sets it while somebody listens."""

    # --- time ---------------------------------------------------------------------------------------------------

    def now(self) -> int:
        """The current instant, in microseconds."""
        with self.lock:
            return self.clock.now()

    def settle(self) -> int:
        """Let everything happen that has fallen due, each thing at its own instant.

        Returns the present instant. What a call then does, it does at that one, however long it takes: a clock that
        follows real time would put it after things that are due meanwhile, and have not happened.
        """
        with self.lock:
            now = self.clock.now()
            for due, kind, id in self.timers.pop_due(now):
                self._fire(due, kind, self.results[id])
            return now

    def advance(self, seconds: float | timedelta) -> None:
        """Move time forward; all that falls due on the way happens, in order, each at its own instant.

        Raises `ValueError` if the length is negative or not a finite number, or leads beyond the year 9998.
        """
        length = microseconds(seconds)
        if length < 0:
            raise ValueError(f"cannot advance by {seconds!r} seconds: time only moves forward")
        with self.lock:
            if self.settle() + length > END:
                raise ValueError(f"cannot advance by {seconds!r} seconds: that is beyond the year 9998")
            self._move(length)

    def advance_to(self, moment: datetime) -> None:
        """Move time forward to a moment.

        Raises `ValueError` if the moment is past or has no time zone.
        """
        instant = instant_of(moment)
        with self.lock:
            now = self.settle()
            if instant < now:
                raise ValueError(f"cannot advance to {datetime_at(instant)}: it is {datetime_at(now)} already")
            if instant > END:
                raise ValueError(f"cannot advance to {datetime_at(instant)}: that is beyond the year 9998")
            self._advance_to(instant)

    def _advance_to(self, instant: int) -> None:
        """A clock that follows real time may be past it by now."""
        self._move(max(0, instant - self.clock.now()))

    def _move(self, length: int) -> None:
        self.clock.advance(length)
        self.settle()
        if self.on_move is not None:
            self.on_move(length)
        if (tell := self.on_change) is not None:
            tell("clock-moved", self.clock.now(), length)

    def switch_clock(self, mode: str, speed: float = 1.0) -> None:
        """Go on from this instant by another clock: `manual`, or `real` at a speed, of which 0 is a pause.

        Raises `ValueError` for an unknown mode or a speed that cannot be.
        """
        if mode not in ("manual", "real"):
            raise ValueError(unknown("clock", mode, ("manual", "real")))
        with self.lock:
            now = self.settle()
            self.clock = ManualClock(now) if mode == "manual" else ScaledClock(speed, now)
            if (tell := self.on_change) is not None:
                tell("clock-changed", now, mode, speed)

    def run_until(self, predicate: Callable[[], object], limit: float | timedelta) -> None:
        """Advance from one due timer to the next, and stop at the first instant at which the predicate holds.

        Raises `TimeoutError` if it does not hold within `limit` seconds of the clock, which then have passed.
        """
        with self.lock:
            deadline = self.settle() + microseconds(limit)
            while not predicate():
                due = self.timers.next_due()
                if due is None or due > deadline:
                    self._advance_to(deadline)
                    if predicate():
                        return
                    raise TimeoutError(
                        f"the condition did not hold within {limit} s of the fake's clock:"
                        f" it is {datetime_at(deadline)}, and {len(self.timers)} timers are pending"
                    )
                self._advance_to(due)

    def _fire(self, due: int, kind: TimerKind, record: Record) -> None:
        event, cause = _FIRES[kind]
        if event is None:
            event = _WATCHDOG_EVENTS[self.readings.watchdog_sets]
        # A late agent finds its control object gone, or the call over, and changes nothing.
        elif cause == "agent" and not (record.status is _RUNNING and is_marked(record)):
            return
        self._change(record, event, cause, due)

    # --- the one place where a status changes ------------------------------------------------------------------

    def _change(self, record: Record, event: Event, cause: str, now: int, forced_to: Status | None = None) -> None:
        from_ = record.status
        to = forced_to or TRANSITIONS.get((from_, event))
        if to is None:
            raise IllegalMove(f"test result {record.id}: {event} is not legal now; {ways_on(from_)}")
        record.status = to
        record.history.append(Move(now, from_, to, event, cause))
        self.timers.cancel(record.armed)
        record.armed.clear()
        if from_ is _RUNNING:
            record.end_time = now
            if event is not _DROP and cause != "test":
                for control in record.control_objects:
                    if control.by is None:
                        control.by, control.gone_at = cause, now
                        if (tell := self.on_change) is not None:
                            tell("control-object-gone", control)
        self._enter(record, now)
        if (tell := self.on_change) is not None:
            tell("test-result-moved", record)

    def _enter(self, record: Record, now: int) -> None:
        """What begins with a status by itself, however it was reached."""
        if record.status is _RUNNING:
            record.start_time, record.end_time = now, None
        elif kind := LEFT_BY.get(record.status):
            length = self.evaluation_starts_after if kind == "evaluation_starts" else self.evaluation_takes
            record.armed.append(self.timers.schedule(now + length, kind, record.id))

    def happen(self, id: int, event: Event, cause: str) -> None:
        """Let an event happen to a test result.

        Raises `KeyError` if there is no such id, `IllegalMove` (a `ValueError`) if the event is not legal now.
        """
        with self.lock:
            now = self.settle()
            self._change(self.result(id), event, cause, now)

    def set_status(self, id: int, status: str, *, force: bool = False) -> None:
        """Move a test result to a status because a test says so; `force` allows what the table does not.

        Raises `KeyError`, `IllegalMove`, or `ValueError` for an unknown status.
        """
        to = status_from_text(status)
        with self.lock:
            now = self.settle()
            record = self.result(id)
            if force:
                self._change(record, Event.FORCE, "test", now, forced_to=to)
            else:
                self._change(record, event_between(record.status, to), "test", now)

    def become(self, other: World) -> None:
        """Take over everything from another world, which is not to be used any more."""
        with self.lock:
            own = ("lock", "on_move", "on_change")
            vars(self).update({name: value for name, value in vars(other).items() if name not in own})
            if (tell := self.on_change) is not None:
                tell("world-replaced")

    def choose(self, **choices: str) -> None:
        """Read what the documentation leaves open otherwise, from now on. Raises `ValueError` naming what is known."""
        with self.lock:
            self.readings = self.readings.changed(**choices)
            if (tell := self.on_change) is not None:
                tell("readings-changed", choices)

    # --- test results -------------------------------------------------------------------------------------------

    def add_test_result(
        self,
        id: int | None = None,
        status: str = Status.RUNNING,
        agent: Agent | None = None,
        organisation: str = DEFAULT_ORGANISATION,
        **fields: Any,
    ) -> Record:
        """A new test result; ids count from 1 unless given.

        Raises `ValueError` if the id is taken or no integer, or the status, the organisation or a field is unknown.
        """
        with self.lock:
            now = self.settle()
            state = status_from_text(status)
            check_fields(fields)
            if organisation not in self.organisations:
                raise ValueError(unknown("organisation", organisation, self.organisations))
            if id is None:
                id = self._last_id + 1
                while id in self.results:
                    id += 1
                self._last_id = id
            elif isinstance(id, bool) or not isinstance(id, int):
                raise ValueError(f"a test result's id is an integer, not {id!r}")
            elif id in self.results:
                raise ValueError(f"the test result id {id} is taken; {self._ids()}")
            record = Record(id, organisation, state, agent, now, fields)
            self.results[id] = record
            self._enter(record, now)
            if (tell := self.on_change) is not None:
                tell("test-result-added", record)
            return record

    def edit(self, id: int, *, agent: Agent | EllipsisType | None = ..., fields: Mapping[str, Any] = {}) -> None:
        """Give a test result another agent, or other fields; a field of None is as if it had never been given.

        Raises `KeyError` if there is no such id, `ValueError` for an unknown field; then nothing has changed.
        """
        check_fields(fields)
        with self.lock:
            record = self.result(id)
            if agent is not ...:
                record.agent = agent
            record.fields = {name: value for name, value in {**record.fields, **fields}.items() if value is not None}
            if (tell := self.on_change) is not None:
                tell("test-result-changed", record, fields)

    def remove_test_result(self, id: int) -> None:
        """Forget a test result and what was scheduled for it. Raises `KeyError` if there is no such id."""
        with self.lock:
            self.settle()
            self.result(id)
            # All of it, late agents too: the id may be given again, and they would take the new one for theirs.
            self.timers.cancel_all(id)
            del self.results[id]
            if (tell := self.on_change) is not None:
                tell("test-result-removed", id)

    def result(self, id: int) -> Record:
        """The record of a test result. Raises `KeyError` naming the ids there are."""
        with self.lock:
            self.settle()
            try:
                return self.results[id]
            except KeyError:
                raise KeyError(f"there is no test result {id!r}; {self._ids()}") from None

    def _ids(self) -> str:
        ids = sorted(self.results)
        return f"there are: {', '.join(map(str, ids[:20]))}{', …' * (len(ids) > 20)}" if ids else "there are none"

    # --- organisations ------------------------------------------------------------------------------------------

    def add_organisation(self, name: str, *api_keys: str) -> Organisation:
        """A new organisation with its keys; from then on, only known keys are accepted.

        Raises `ValueError` if the name or a key is taken, or a key is empty.
        """
        with self.lock:
            if name in self.organisations:
                raise ValueError(f"there is an organisation {name!r} already")
            self._check_keys(api_keys)
            self.organisations[name] = Organisation(name, api_keys)
            self.require_known_keys = True
            if (tell := self.on_change) is not None:
                tell("organisation-added", name)
            return self.organisations[name]

    def add_api_keys(self, name: str, *api_keys: str) -> None:
        """More keys for an organisation. Raises `ValueError` as `add_organisation` does."""
        with self.lock:
            if name not in self.organisations:
                raise ValueError(unknown("organisation", name, self.organisations))
            self._check_keys(api_keys)
            self.organisations[name] = Organisation(name, self.organisations[name].api_keys + api_keys)

    def _check_keys(self, api_keys: Iterable[str]) -> None:
        for key in api_keys:
            if not key:
                raise ValueError("an API key must not be empty: Bluejay refuses an empty one")
            for organisation in self.organisations.values():
                if key in organisation.api_keys:
                    raise ValueError(f"the API key given belongs to the organisation {organisation.name!r} already")

    def organisation_of(self, api_key: str) -> str | None:
        """The name of the organisation that a key belongs to; None if the key is to be refused."""
        with self.lock:
            for organisation in self.organisations.values():
                if api_key in organisation.api_keys:
                    return organisation.name
            return DEFAULT_ORGANISATION if api_key and not self.require_known_keys else None

    # --- end-conversations --------------------------------------------------------------------------------------

    def plan_ending(self, organisation: str, ids: Iterable[int], unwritable: Container[int] = ()) -> Ending:
        """Step 1 of the endpoint: which ids exist, for this organisation, and are RUNNING. Changes nothing.

        The control objects of `unwritable` ids will not be written, so these fail.
        """
        with self.lock:
            now = self.settle()
            readings = self.readings
            once = readings.duplicate_ids is DuplicateIds.COUNTED_ONCE
            marked_fails = readings.already_marked is AlreadyMarked.FAILS
            ending = Ending(list(dict.fromkeys(ids)) if once else list(ids), [], [], False, [], now)
            control_id = len(self.control_objects)
            marked_here: set[int] = set()
            for id in ending.processed:
                record = self.results.get(id)
                if record is None:
                    ending.failed.append(id)
                elif record.organisation != organisation:
                    if readings.foreign_id is ForeignId.FORBIDDEN:
                        return Ending(ending.processed, [], ending.processed, True, [], now)
                    ending.failed.append(id)
                elif (
                    record.status is not _RUNNING
                    or (marked_fails and (is_marked(record) or id in marked_here))
                    or id in unwritable
                ):
                    ending.failed.append(id)
                else:
                    control_id += 1
                    agent = record.agent or self.agent or _DEFAULT_AGENTS[readings.agent_ends]
                    ending.marked.append(id)
                    marked_here.add(id)
                    ending.marks.append((record, control_id, agent.reaction(f"{self.seed}:{control_id}")))
            return ending

    def carry_out(self, ending: Ending) -> None:
        """Steps 2 and 3 of the endpoint: write each control object, schedule each watchdog.

        Call it under the lock that the plan was made under.
        """
        with self.lock:
            now = ending.at
            schedule = self.timers.schedule
            self.refused.update(ending.failed)
            for record, control_id, reaction in ending.marks:
                control = ControlObject(control_id, record.id, now)
                self.control_objects.append(control)
                record.control_objects.append(control)
                # The agent's timer comes first, so an agent due at exactly 30 s beats the watchdog.
                if reaction is not None:
                    schedule(now + reaction[0], reaction[1], record.id)
                record.armed.append(schedule(now + WATCHDOG_DELAY, "watchdog", record.id))
                if (tell := self.on_change) is not None:
                    tell("test-result-marked", control)


def is_marked(record: Record) -> bool:
    """Whether a control object of this test result still waits to be picked up."""
    return any(control.by is None for control in record.control_objects)


def status_from_text(text: str) -> Status:
    """The status of that name. Raises `ValueError` naming the known ones."""
    try:
        return Status(text)
    except ValueError:
        raise ValueError(unknown("status", text, Status)) from None


def _delay(name: str, seconds: float) -> int:
    try:
        length = microseconds(seconds)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    if length < 0:
        raise ValueError(f"{name} must not be negative: {seconds!r}")
    return length
