"""The world: every test result, control object, timer and organisation, and the one place where they change.

Rules of this file:
- A status changes in `_change` and nowhere else, and `TRANSITIONS` alone decides which changes are legal.
- Every public method takes the lock, or is called under it, and, if it depends on the time, fires the due timers first,
  so that callers see the present.
- A request is planned first and carried out last: a request that fails half-way has changed nothing.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import EllipsisType
from typing import Any, Final, NamedTuple

from fake_bluejay.core.behaviors import Agent, EndsAfter, EndsWithin
from fake_bluejay.core.clock import END, Clock, ManualClock, ScaledClock, datetime_at, delay, instant_of, microseconds
from fake_bluejay.core.conversations import Conversation, of_record
from fake_bluejay.core.errors import Refused
from fake_bluejay.core.metrics import check_scores, metrics_for, scored
from fake_bluejay.core.numbers import is_integer
from fake_bluejay.core.outbox import (
    EVENTS,
    PATIENCE,
    TRIGGER,
    TRIGGER_RETRIES,
    Attempt,
    Deliverer,
    Delivery,
    Irregularity,
    Outbox,
    WebhookRecord,
    check_retries,
    encoded,
)
from fake_bluejay.core.payloads import (
    outbound_simulation_started,
    outbound_trigger,
    simulation_ended,
    simulation_result_evaluated,
)
from fake_bluejay.core.readings import (
    AgentEnds,
    AlreadyMarked,
    DroppedCallTells,
    DuplicateIds,
    ForeignId,
    Readings,
    TracesWhileEvaluated,
    WatchdogSets,
    WatchdogTells,
    WebhookRetries,
)
from fake_bluejay.core.resources import Entity, Resources
from fake_bluejay.core.runs import DEFAULT_LONGEST, DEFAULT_RINGING, Run
from fake_bluejay.core.scoring import tool_calls, transcript
from fake_bluejay.core.scripts import Call
from fake_bluejay.core.statuses import (
    STATUSES,
    TRANSITIONS,
    Event,
    IllegalMove,
    Status,
    event_between,
    is_final,
    status_from_text,
    ways_on,
)
from fake_bluejay.core.suggest import check_known, unknown
from fake_bluejay.core.test_results import (
    WATCHDOG_DELAY,
    ControlObject,
    Move,
    Organisation,
    Organisations,
    Record,
    check_id,
)
from fake_bluejay.core.timers import Timer, TimerKind, Timers

DEFAULT_ORGANISATION = "default"

# Looking up a member of an enum costs as much as a call, and each timer that fires uses these.
_RUNNING, _DROP = Status.RUNNING, Event.DROP

_PICK_UP = ("agent", "watchdog")
"""The causes of a conversation's end that remove its control objects."""

_CALL = Call()

READY_FOR = 20.0
"""Seconds that an inbound digital human waits for the customer's agent by default. The choice is this project's."""

_DEFAULT_AGENTS: dict[AgentEnds, Agent] = {
    AgentEnds.AFTER_2_SECONDS: EndsAfter(2),
    AgentEnds.WITHIN_20_SECONDS: EndsWithin(20),
}
_WATCHDOG_EVENTS = {
    WatchdogSets.SYSTEM_ERROR: Event.BREAK,
    WatchdogSets.CONVERSATION_ENDED: Event.END,
    WatchdogSets.INCOMPLETED: Event.GIVE_UP,
    WatchdogSets.COMPLETED: Event.COMPLETE,
}
_DROP_EVENTS = {
    DroppedCallTells.EVALUATED: ["simulation_result_evaluated"],
    DroppedCallTells.ENDED_AND_EVALUATED: ["simulation_ended", "simulation_result_evaluated"],
    DroppedCallTells.NOTHING: [],
}
_FIRES: dict[TimerKind, tuple[Event | None, str]] = {
    "agent_ends": (Event.END, "agent"),
    "agent_drops": (Event.DROP, "agent"),
    "watchdog": (None, "watchdog"),
    "evaluation_starts": (Event.EVALUATE, "evaluation"),
    "evaluation_completes": (Event.COMPLETE, "evaluation"),
}
"""A kind of timer → its event, and the cause of that. None: the reading `watchdog_sets` decides."""

MOST_OPEN: Final = 1_000
"""The most control objects of one test result that wait to be picked up; further marks write no more of them."""

MOST_REFUSED: Final = 100_000
"""The number of the latest refused ids that are remembered; at times, up to twice as many are."""

Mark = tuple[Record, int, tuple[int, TimerKind] | None]
"""A test result to mark: its record, the id of its control object, and its agent's reaction."""


class Ending(NamedTuple):
    """A plan of an end-conversations call. Ids are in the order of the request."""

    processed: list[int]
    marked: list[int]
    failed: list[int]
    forbidden: bool
    """True if a reading refuses the whole request; then nothing is marked."""
    marks: list[Mark]
    """One mark for each distinct id, except those of test results with `MOST_OPEN` control objects."""
    at: int
    """The instant of all marks."""


class _RequestedAdvance(threading.local):
    """The sum of the moves of the clock for which each thread has asked, in microseconds.

    Its growth during a call of a webhook receiver is the time that the receiver took.
    """

    microseconds = 0


class World:
    """A deterministic model of Bluejay: the same calls in the same order make the same world, to the byte."""

    on_attempt: Callable[[], None] | None = None
    """Called, on any thread, when an attempt to deliver is over and the next may be scheduled."""
    on_change: Callable[..., None] | None = None
    """Called with the kind and the subjects of every change. An `EventLog` sets it while it has subscribers."""

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        readings: Readings | None = None,
        agent: Agent | None = None,
        seed: int | None = None,
        api_keys: tuple[str, ...] = (),
        evaluation_starts_after: float = 1.0,
        evaluation_takes: float = 5.0,
    ) -> None:
        self.lock = threading.RLock()
        self.clock: Clock = clock or ManualClock()
        self.readings = readings or Readings()
        self.agent = agent
        """The default behavior of an agent; None: as the reading `agent_ends` says."""
        self.seed = seed or 0
        self.is_seeded = seed is not None
        """True if a seed was given; then ids that otherwise differ between runs repeat, too."""
        self.evaluation_starts_after = delay("evaluation_starts_after", evaluation_starts_after)
        """Microseconds from a conversation's end to EVALUATING: undocumented, so a setting."""
        self.evaluation_takes = delay("evaluation_takes", evaluation_takes)
        """Microseconds from EVALUATING to COMPLETED: undocumented, so a setting."""
        self.require_known_keys = False
        """True if only the keys of organisations are accepted; otherwise, any key that is not empty."""
        self.revoked_keys: set[str] = set()
        """The keys that are refused, also if an organisation has them."""
        self.organisations = Organisations()
        self._check_keys(api_keys)
        self.organisations[DEFAULT_ORGANISATION] = Organisation(DEFAULT_ORGANISATION, api_keys)
        self.resources = Resources(self)
        """The entities of organisations: agents, simulations, digital humans, folders, …"""
        self.runs: dict[int, Run] = {}
        self.results: dict[int, Record] = {}
        self.control_objects: list[ControlObject] = []
        self.timers = Timers()
        self.outbox = Outbox(self.timers, seed)
        self.refused: dict[int, None] = {}
        """The ids that an end-conversations call did not mark."""
        self.call = _CALL
        """The script of calls without one of their own."""
        self.next_calls: deque[Call] = deque()
        """The scripts of the next calls of runs, in order."""
        self.calls_of: dict[int | str, Call] = {}
        """The scripts of the calls of digital humans, by id or name."""
        self.last_id = 0
        """The id that was given last to a test result whose id the test did not choose."""
        self.last_run_id = 0
        self._firing_at: int | None = None
        """The instant of the resource's timer that fires now, or of the conversation's end that is published now."""
        self.make_delivery_worker: Callable[[World], Deliverer] | None = None
        """Makes the sender of due deliveries; None if nobody is to send them."""
        self.delivery_worker: Deliverer | None = None
        """The sender of due deliveries; None as long as there was nothing to send."""
        self.webhooks_anywhere = False
        """True if webhooks may lead to other machines."""
        self.requested_advance = _RequestedAdvance()
        self.on_move: Callable[[int], None] | None = None
        """Called after each move of the clock with its microseconds, for a wall clock that follows it."""

    def publish(self, kind: str, *what: Any) -> None:
        """Publish a change, if there is an event log. Callers that may change a million conversations inline this."""
        if (publish := self.on_change) is not None:
            publish(kind, *what)

    # --- time ---------------------------------------------------------------------------------------------------

    def now(self) -> int:
        """Return the current instant, in microseconds."""
        with self.lock:
            return self.clock.now()

    def settle(self) -> int:
        """Fire all due timers, each at its own instant, and return the present instant.

        The caller acts at this instant, however long it takes: on a clock that follows real time, timers that have not
        fired could be due before a later instant. While a resource's timer fires, the present instant is its due time.
        """
        with self.lock:
            if self._firing_at is not None:
                return self._firing_at
            now = self.clock.now()
            for due, kind, id in self.timers.pop_due(now):
                if kind == "delivery":
                    self.outbox.fall_due(id)
                elif kind == "resource":
                    self._firing_at = due
                    try:
                        self.resources.fire(id)
                    finally:
                        self._firing_at = None
                else:
                    self._fire(due, kind, self.results[id])
            return now

    def next_due(self) -> int | None:
        """Return the instant of the next timer; None if none is pending."""
        with self.lock:
            self.settle()
            return self.timers.next_due()

    def pending(self) -> list[Timer]:
        """Return the pending timers, in the order they will fire."""
        with self.lock:
            self.settle()
            return list(self.timers)

    def advance(self, seconds: float | timedelta) -> None:
        """Move time forward, and fire the timers that are due on the way, in order, each at its own instant.

        Raises:
            ValueError: The length is negative or not a finite number, or leads beyond the year 9998.
        """
        length = microseconds(seconds)
        if length < 0:
            raise ValueError(f"cannot advance by {length / 1_000_000} seconds: time only moves forward")
        # With the lock, two threads that advance at the same time each add their own length.
        with self.lock:
            instant = self.settle() + length
            if instant > END:
                raise ValueError(f"cannot advance by {length / 1_000_000} seconds: that is beyond the year 9998")
            self.requested_advance.microseconds += length
            is_there = self._jump_to(instant)
        self._advance_to(instant, is_there)

    def move(self, length: int) -> None:
        """Move time forward by microseconds, as `advance` does, for a waiting thread, which calls `waited` itself."""
        with self.lock:
            instant = min(self.settle() + length, END)
            is_there = self._jump_to(instant)
        self._advance_to(instant, is_there)

    def waited(self, length: int) -> None:
        """Add microseconds that the calling thread has waited."""
        self.requested_advance.microseconds += length

    def due_in(self) -> int | None:
        """Return the microseconds from now until the next timer is due; None if none is pending."""
        with self.lock:
            now = self.settle()
            due = self.timers.next_due()
            return None if due is None else max(due - now, 0)

    def advance_to(self, moment: datetime) -> None:
        """Move time forward to a moment.

        Raises:
            ValueError: The moment is past, has no time zone, or is beyond the year 9998.
        """
        instant = instant_of(moment)
        now = self.settle()
        if instant < now:
            raise ValueError(f"cannot advance to {datetime_at(instant)}: it is {datetime_at(now)} already")
        if instant > END:
            raise ValueError(f"cannot advance to {datetime_at(instant)}: that is beyond the year 9998")
        self.requested_advance.microseconds += instant - now
        self._advance_to(instant)

    def _advance_to(self, instant: int, is_there: bool = False) -> None:
        """Move on in one step; or, if something may be sent, from one due timer to the next.

        So a receiver is called at the instant of its delivery. If it advances the clock itself, deliveries to other
        receivers that are due at this instant have been sent before. Receivers are called without the lock, because
        they may advance the clock, and other threads need the lock to send.
        """
        if self.outbox.ready:
            self.deliver()
        while not is_there:
            is_there = self._step_to(instant)
            self.deliver()

    def _jump_to(self, instant: int) -> bool:
        """Move on in one step if nothing may be sent on the way, and return whether that is so."""
        return not self._may_send() and self._step_to(instant)

    def _step_to(self, instant: int) -> bool:
        """Move on, but no further than to the next due timer if something may be sent; return whether it is there."""
        with self.lock:
            stop = instant
            if self._may_send():
                stop = min(instant, self.timers.next_due() or instant)
            # A clock that follows real time may be past it by now.
            length = max(0, stop - self.clock.now())
            self.clock.advance(length)
            self.settle()
            if self.on_move is not None:
                self.on_move(length)
            if (publish := self.on_change) is not None:
                publish("clock-moved", self.clock.now(), length)
            return stop == instant

    def _may_send(self) -> bool:
        """Return whether anything may be sent: a schedule may queue a run of an agent that has a trigger webhook."""
        if self.outbox.sends or not self.resources.named("schedule"):
            return self.outbox.sends
        agents = self.resources.named("agent")
        return agents is not None and any(one.fields.get("outbound_trigger_webhook_url") for one in agents.all())

    def switch_clock(self, mode: str, speed: float = 1.0) -> None:
        """Go on from this instant with another clock: `manual`, or `real` at a speed; a speed of 0 is a pause."""
        check_known("clock", mode, ("manual", "real"))
        with self.lock:
            now = self.settle()
            self.clock = ManualClock(now) if mode == "manual" else ScaledClock(speed, now)
            self.publish("clock-changed", now, mode, speed if mode == "real" else 0.0)

    def deliver(self) -> None:
        """Let the delivery worker send all due deliveries. Call it without the lock."""
        if not (self.outbox.sends or self.outbox.ready) or (worker := self.worker()) is None:
            return
        self.settle()
        while self.outbox.ready:
            worker.deliver()
            self.settle()  # receivers may have taken time

    def worker(self) -> Deliverer | None:
        """Return the sender of due deliveries, which most worlds never need; None if nobody is to send them."""
        with self.lock:
            if self.delivery_worker is None and self.make_delivery_worker is not None:
                self.delivery_worker = self.make_delivery_worker(self)
            return self.delivery_worker

    def next_delivery(self) -> tuple[Delivery, WebhookRecord | None] | None:
        """Return the next delivery to send, and its webhook, which is None if it was removed."""
        with self.lock:
            if not self.outbox.ready:
                return None
            delivery = self.outbox.ready.popleft()
            return delivery, self.outbox.webhook(delivery.webhook_id)

    def attempted(self, delivery: Delivery, attempt: Attempt, took: int) -> None:
        """Note an attempt that took so many microseconds. A failed delivery may be scheduled again."""
        with self.lock:
            if self.outbox.deliveries.get(delivery.number) is not delivery:
                return  # the world was reset or restored meanwhile
            retried = self.readings.webhook_retries is WebhookRetries.AT_LEAST_ONCE
            self.outbox.attempted(delivery, attempt, attempt.at + min(took, PATIENCE), retried)
            self.publish("webhook-attempted", delivery)
            if delivery.event == TRIGGER:
                self._triggered(delivery)
        if self.on_attempt is not None:
            self.on_attempt()

    @property
    def is_delivering(self) -> bool:
        """True if a delivery is on its way."""
        return self.delivery_worker is not None and self.delivery_worker.is_busy

    def _fire(self, due: int, kind: TimerKind, record: Record) -> None:
        if kind == "call_proceeds":
            step = self._next_of_call(record)
            assert step is not None, "the timer was set because the script has a next step"
            self._change(record, step[1], step[2], due)
            return
        event, cause = _FIRES[kind]
        if event is None:
            event = _WATCHDOG_EVENTS[self.readings.watchdog_sets]
        elif kind == "evaluation_completes" and record.call is not None and record.call.end == "custom_error":
            event = Event.MATCH_CUSTOM_ERROR
        # An agent that is late, because its control object is gone or the call is over, changes nothing.
        elif cause == "agent" and not (record.status is _RUNNING and is_marked(record)):
            return
        self._change(record, event, cause, due)

    # --- the one place where a status changes ------------------------------------------------------------------

    def _change(self, record: Record, event: Event, cause: str, now: int, forced_to: Status | None = None) -> None:
        from_ = record.status
        to = forced_to or TRANSITIONS.get((from_, event))
        if to is None:
            raise IllegalMove(f"test result {record.id}: {event} is not legal now; {ways_on(from_)}")
        if event is Event.COMPLETE and from_ is Status.EVALUATING:
            self._clear_traces(record)
        record.status = to
        record.history.append(Move(now, from_, to, event, cause))
        self.timers.cancel(record.armed)
        record.armed.clear()
        if from_ is _RUNNING:
            record.end_time = now
            if event is not _DROP and cause in _PICK_UP:
                for control in record.control_objects:
                    if control.by is None:
                        control.by, control.gone_at = cause, now
                        if (publish := self.on_change) is not None:
                            publish("control-object-gone", control)
        self._enter(record, now)
        if record.run is not None and record.run.waiting:
            self._assign_free_slots(record.run, now)
        if self.outbox.webhooks:
            self._publish_status(record, now)
        if self.resources.watchers and is_final(record.status):
            self.conversation_over(of_record(self, record), now)
        if (publish := self.on_change) is not None:
            publish("test-result-moved", record)
        if record.run is not None and record.run.next_steps and is_final(record.status):
            self._end_step(record, record.run, now)

    def _end_step(self, record: Record, run: Run, now: int) -> None:
        """Let the next step of a customer journey begin after the end of a step; after a failure, skip all the others.

        Documented: a step waits for the end of the one before it, and is skipped if that failed.
        """
        failed = record.status is not Status.COMPLETED
        following = run.release(record.id)
        while following is not None:
            step = self.results[following]
            following = run.release(step.id) if failed else None
            if step.status is Status.INITIALIZING:  # else a test has begun it, or ended it
                if failed:
                    self._change(step, Event.CANCEL, "journey", now)
                else:
                    self._follow_script(step, now)

    def conversation_over(self, conversation: Conversation, now: int) -> None:
        """Show the watchers a conversation that was over at this instant. Call it under the lock."""
        before, self._firing_at = self._firing_at, now
        try:
            for watch in self.resources.watchers:
                watch(self, conversation)
        finally:
            self._firing_at = before

    def _enter(self, record: Record, now: int) -> None:
        """Carry out the consequences of a new status: its timer, its score, the next step of its script."""
        if record.status is _RUNNING:
            record.start_time, record.end_time = now, None
        elif kind := STATUSES[record.status].timer:
            length = self.evaluation_starts_after if kind == "evaluation_starts" else self.evaluation_takes
            record.armed.append(self.timers.schedule(now + length, kind, record.id))
        if STATUSES[record.status].scored:
            self._score(record)
        elif record.status is Status.READY and record.run is not None:
            self._trigger(record, record.run, now)
        if record.call is not None:
            self._follow_script(record, now)

    def _score(self, record: Record) -> None:
        """Store the values of the present metrics: later changes of a metric do not affect them."""
        simulation_id = None if record.run is None else record.run.simulation_id
        metrics = self._metrics_of(record.organisation, record.agent_id, simulation_id)
        if not metrics:  # as in most tests
            record.metrics = []
            return
        scores = None if record.call is None else record.call.scores
        subject = f"metric:{record.id}"
        record.metrics = scored(self, metrics, subject, transcript(record), tool_calls(record), scores)

    def _metrics_of(self, organisation: str, agent_id: int, simulation_id: int | None = None) -> list[Entity]:
        """Return the metrics that score the conversations of an agent, or of its simulation."""
        if not self.resources.named("metric"):
            return []
        simulation = self.resources.find("simulation", simulation_id, organisation)
        selected = None if simulation is None else simulation.fields.get("selected_custom_metrics")
        return metrics_for(self.resources, organisation, agent_id, "simulations", selected=selected)

    def _clear_traces(self, record: Record) -> None:
        """Forget the trace ids that were reported before the end of an evaluation, if a reading says so."""
        if self.readings.traces_while_evaluated is TracesWhileEvaluated.CLEARED and "trace_ids" in record.fields:
            record.fields = {name: value for name, value in record.fields.items() if name != "trace_ids"}
            self.publish("test-result-changed", record, {"trace_ids": None})

    def _publish_status(self, record: Record, now: int) -> None:
        """Send webhooks the events of a test result's new status."""
        status, readings = record.status, self.readings
        webhook_event = STATUSES[status].webhook_event
        events = [] if webhook_event is None else [webhook_event]
        if status is Status.CALL_DROPPED:
            events += _DROP_EVENTS[readings.dropped_call_tells]
        elif record.history[-1].cause == "watchdog" and readings.watchdog_tells is WatchdogTells.SIMULATION_ENDED:
            events = list(dict.fromkeys(["simulation_ended", *events]))
        payloads = {
            "simulation_ended": lambda: simulation_ended(record),
            "simulation_result_evaluated": lambda: simulation_result_evaluated(
                record, record.wire_status(readings.status_words), self.seed, self.resources
            ),
        }
        for event in events:
            self.emit(event, record.organisation, record.agent_id, payloads[event], now)

    def emit(
        self, event: str, organisation: str, agent_id: Any, payload: Callable[[], Mapping[str, Any]], now: int
    ) -> int:
        """Send an event of an agent to the webhooks that have selected it, and return their number.

        Call it under the lock.
        """
        agent = self.resources.find("agent", agent_id, organisation) if is_integer(agent_id) else None
        folder = agent and self.resources.find("folder", agent.fields.get("folder_id"), organisation)
        folders = () if folder is None else (folder.id, folder.fields["name"])
        deliveries = self.outbox.emit(event, organisation, payload, now, agent_id, folders)
        for delivery in deliveries:
            self.publish("delivery-added", delivery)
        return len(deliveries)

    # --- calls that go on by themselves -------------------------------------------------------------------------

    def _next_of_call(self, record: Record) -> tuple[int, Event, str] | None:
        assert record.call is not None
        run = record.run
        ringing, longest = (DEFAULT_RINGING, DEFAULT_LONGEST) if run is None else (run.ringing, run.longest)
        return record.call.next(record.status, ringing, longest)

    def goes_on(self, record: Record) -> bool:
        """Return whether the script of a test result has a next step after its present status."""
        return record.call is not None and self._next_of_call(record) is not None

    def _follow_script(self, record: Record, now: int) -> None:
        """Schedule the next step of a call after its new status, unless it has to wait for a free slot first."""
        if record.run is not None and not record.run.admit(record.id, record.status):
            return
        step = None if record.id in self.outbox.untriggered else self._next_of_call(record)
        if step is not None:
            record.armed.append(self.timers.schedule(now + step[0], "call_proceeds", record.id))

    def add_trigger(self, run: Run) -> None:
        """Prepare the trigger webhook of a run that has one."""
        if run.trigger is not None:
            agent = self.resources.find("agent", run.agent_id, run.organisation)
            secret = "" if agent is None else agent.fields.get("http_webhook_key") or ""
            self.outbox.triggers[run.trigger_id] = WebhookRecord(
                run.trigger_id, run.organisation, run.trigger, (TRIGGER,), secret, retries=TRIGGER_RETRIES
            )

    def _trigger(self, record: Record, run: Run, now: int) -> None:
        """Tell the agent's system to call the digital human, if the run has a trigger webhook."""
        webhook = self.outbox.triggers.get(run.trigger_id)
        agent = self.resources.find("agent", run.agent_id, record.organisation)
        human = self.resources.find("digital human", record.digital_human_id, record.organisation)
        if webhook is None or agent is None or human is None:
            return
        simulation = self.resources.find("simulation", run.simulation_id, record.organisation)
        payload = outbound_trigger(record.id, agent, human, simulation)
        self.publish("delivery-added", self.outbox.trigger(webhook, record.id, payload, now))

    def _triggered(self, delivery: Delivery) -> None:
        """Let a call go on once its trigger webhook has answered; let it fail after the last attempt."""
        record = self.results.get(int(delivery.id))
        if record is None or record.id not in self.outbox.untriggered or not (delivery.delivered or delivery.given_up):
            return
        self.outbox.untriggered.discard(record.id)
        if record.status is not Status.READY:
            return
        now = self.settle()
        if delivery.given_up:
            self._change(record, Event.FAIL_TO_CONNECT, "trigger", now)
        elif record.call is not None:
            self._follow_script(record, now)

    def _assign_free_slots(self, run: Run, now: int) -> None:
        """Let waiting calls go on while the run has free concurrency slots."""
        while (following := run.next_waiting()) is not None:
            self._follow_script(self.results[following], now)

    def queue_run(
        self,
        simulation: Entity,
        humans: Iterable[tuple[Entity, int, int]],
        fields: dict[str, Any],
        *,
        inbound: bool,
        **limits: Any,
    ) -> Run:
        """Queue a run of a simulation.

        Args:
            simulation: The simulation.
            humans: The digital humans, each with the number of its repetitions, and of the calls of each repetition,
                which are made one after the other: the steps of a customer journey.
            fields: The settings of the connection that the request gave.
            inbound: True if the customer's agent calls the digital humans; then a webhook announces the run.
            **limits: `slots`, `longest`, `ringing` and `trigger`, as of `Run`.

        Raises:
            Refused: A script has scores for metrics that the simulation does not use.
        """
        with self.lock:
            now = self.settle()
            agent_id = simulation.fields["agent_id"]
            waiting = deque(self.next_calls)
            scripted = [
                (human, [[self._script_for(human, inbound, waiting) for _ in range(steps)] for _ in range(times)])
                for human, times, steps in humans
            ]
            self._check_scripts((call for _, journeys in scripted for calls in journeys for call in calls), simulation)
            self.next_calls = waiting
            self.last_run_id += 1
            run = Run(self.last_run_id, simulation.organisation, simulation.id, agent_id, now, fields, **limits)
            self.runs[run.id] = run
            self.add_trigger(run)
            published = []
            for human, journeys in scripted:
                ids: list[int] = []
                for calls in journeys:
                    before: int | None = None
                    for call in calls:
                        before = self._add(human.organisation, call, run, human.id, now, before).id
                        ids.append(before)
                published.append((human, ids))
            if inbound:
                started = "outbound_simulation_started"
                self.emit(started, run.organisation, agent_id, lambda: outbound_simulation_started(run, published), now)
            self.publish("run-added", run)
            return run

    def _check_scripts(self, calls: Iterable[Call], simulation: Entity) -> None:
        """Check the scores of scripts. Raises `Refused` for a score of a metric that the simulation does not use."""
        metrics: list[Entity] | None = None
        for call in calls:
            if call.scores:
                if metrics is None:
                    metrics = self._metrics_of(simulation.organisation, simulation.fields["agent_id"], simulation.id)
                try:
                    check_scores(call.scores, metrics)
                except ValueError as error:
                    raise Refused(str(error)) from None

    def _script_for(self, human: Entity, inbound: bool, waiting: deque[Call]) -> Call:
        """Return the script of the next call of a digital human: its own, or the next that waits, or the default."""
        call = self.calls_of.get(human.id) or self.calls_of.get(human.fields.get("name") or "")
        if call is None:
            call = waiting.popleft() if waiting else self.call
        if inbound and call.ready_for is None:
            call = replace(call, ready_for=READY_FOR)
        return call

    def _add(self, organisation: str, call: Call, run: Run, human_id: int, now: int, after: int | None) -> Record:
        """Add the test result of a call of a run; `after` is the one of the step before it in a customer journey."""
        record = Record(self._free_id(), organisation, Status.INITIALIZING, None, now, {"digital_human_id": human_id})
        record.call, record.run = call, run
        run.result_ids.append(record.id)
        if after is not None:
            run.hold(record.id, after)
        return self._admit(record, now)

    def remove_run(self, id: int) -> None:
        """Forget a run, its test results and their timers. Raises `KeyError` for an unknown id."""
        with self.lock:
            self.settle()
            run = self.runs[id]
            for result_id in run.result_ids:
                self.resources.release(self.results[result_id])
            del self.runs[id]
            self.outbox.triggers.pop(run.trigger_id, None)
            self.timers.cancel_all(set(run.result_ids))
            for result_id in run.result_ids:
                del self.results[result_id]
                self.publish("test-result-removed", result_id)
            self.publish("run-removed", id)

    def happen(self, id: int, event: Event, cause: str) -> None:
        """Let an event happen to a test result, and deliver its webhooks. Raises as `change` does."""
        self.change(id, event, cause)
        self.deliver()

    def change(self, id: int, event: Event, cause: str) -> None:
        """Let an event happen to a test result. It may be called under the lock, and leaves webhooks to the caller.

        Raises:
            KeyError: There is no test result with this id.
            IllegalMove: The event is not legal now.
        """
        with self.lock:
            now = self.settle()
            self._change(self.result(id), event, cause, now)

    def begin(self, id: int) -> None:
        """Make a waiting conversation RUNNING, because its agent sends a message. It may be called under the lock."""
        with self.lock:
            now, record = self.settle(), self.result(id)
            for event in (Event.QUEUE, Event.DISPATCH, Event.CONNECT):
                if (record.status, event) in TRANSITIONS:
                    self._change(record, event, "api", now)

    def set_status(self, id: int, status: str, *, force: bool = False) -> None:
        """Move a test result to a status for a test; `force` allows moves that the table does not have.

        Raises:
            KeyError: There is no test result with this id.
            ValueError: The status is unknown, or the move is not legal (`IllegalMove`).
        """
        to = status_from_text(status)
        with self.lock:
            now = self.settle()
            record = self.result(id)
            if force:
                self._change(record, Event.FORCE, "test", now, forced_to=to)
            else:
                self._change(record, event_between(record.status, to), "test", now)
        self.deliver()

    def replace_state(self, other: World) -> None:
        """Take over the state of another world, which must not be used afterwards."""
        with self.lock:
            own = (
                "lock",
                "on_move",
                "on_change",
                "on_attempt",
                "delivery_worker",
                "make_delivery_worker",
                "webhooks_anywhere",
                "requested_advance",
            )
            vars(self).update({name: value for name, value in vars(other).items() if name not in own})
            self.resources.move_to(self)
            self.publish("world-replaced")

    def choose(self, **choices: str) -> None:
        """Choose other readings from now on.

        Raises:
            ValueError: A reading or a choice is unknown; the message lists the known ones.
        """
        with self.lock:
            self.readings = self.readings.changed(**choices)
            self.publish("readings-changed", choices)

    # --- test results -------------------------------------------------------------------------------------------

    def add_test_result(
        self,
        id: int | None = None,
        status: str = Status.RUNNING,
        agent: Agent | None = None,
        organisation: str = DEFAULT_ORGANISATION,
        call: Call | None = None,
        **fields: Any,
    ) -> Record:
        """Add a test result; ids count from 1 unless given. A `call` is a script that it follows from its status on.

        Raises:
            ValueError: The id is taken or not an integer, or the status or the organisation is unknown.
        """
        with self.lock:
            now = self.settle()
            state = status_from_text(status)
            check_known("organisation", organisation, self.organisations)
            if id is None:
                id = self._free_id()
            else:
                check_id(id)
                if id in self.results:
                    raise ValueError(f"the test result id {id} is taken; {self._ids()}")
            if call is not None and call.scores:
                check_scores(call.scores, self._metrics_of(organisation, 1))
            record = Record(id, organisation, state, agent, now, fields)
            record.call = call
            return self._admit(record, now)

    def _admit(self, record: Record, now: int) -> Record:
        self.results[record.id] = record
        self._enter(record, now)
        if (publish := self.on_change) is not None:
            publish("test-result-added", record)
        return record

    def _free_id(self) -> int:
        id = self.last_id + 1
        while id in self.results:
            id += 1
        self.last_id = id
        return id

    def edit(self, id: int, *, agent: Agent | EllipsisType | None = ..., fields: Mapping[str, Any] = {}) -> None:
        """Change the agent or the fields of a test result; a field set to None counts as never given."""
        with self.lock:
            record = self.result(id)
            if agent is not ...:
                record.agent = agent
            record.fields = {name: value for name, value in {**record.fields, **fields}.items() if value is not None}
            self.publish("test-result-changed", record, fields)

    def remove_test_result(self, id: int) -> None:
        """Forget a test result and its timers. Raises `KeyError` if there is no such id."""
        with self.lock:
            now = self.settle()
            record = self.result(id)
            self.resources.release(record)
            # All timers are cancelled, a late agent's too: they would fire for a new test result with the same id.
            self.timers.cancel_all({id})
            del self.results[id]
            if record.run is not None:
                following = record.run.remove(id)
                if following is not None and self.results[following].status is Status.INITIALIZING:
                    self._follow_script(self.results[following], now)
                self._assign_free_slots(record.run, now)
            self.publish("test-result-removed", id)

    def result(self, id: int) -> Record:
        """Return the record of a test result.

        Raises:
            KeyError: There is none with this id; the message lists the ids.
        """
        with self.lock:
            self.settle()
            try:
                return self.results[id]
            except KeyError:
                raise KeyError(f"there is no test result {id!r}; {self._ids()}") from None

    def _ids(self) -> str:
        ids = sorted(self.results)
        return f"there are: {', '.join(map(str, ids[:20]))}{', …' * (len(ids) > 20)}" if ids else "there are none"

    # --- scripts and webhooks -----------------------------------------------------------------------------------

    def script(
        self, *, default: Call | None = None, next: Iterable[Call] = (), of: Mapping[int | str, Call] = {}
    ) -> None:
        """Script the calls of runs that are queued from now on.

        Args:
            default: The script of calls without one of their own.
            next: The scripts of the next calls, after those of earlier calls of this method.
            of: The scripts of the calls of digital humans, by name or id.
        """
        with self.lock:
            if default is not None:
                self.call = default
            self.next_calls.extend(next)
            self.calls_of.update(of)

    def clear_scripts(self) -> None:
        """Put the scripts of calls back to the default."""
        with self.lock:
            self.call = _CALL
            self.next_calls.clear()
            self.calls_of.clear()

    def add_webhook(self, new: WebhookRecord) -> WebhookRecord:
        """Add a webhook, and return it with its id and its secret.

        Raises:
            ValueError: The organisation or one of its agents is unknown.
        """
        with self.lock:
            check_known("organisation", new.organisation, self.organisations)
            for id in new.scope.agents:
                check_known("agent", id, [agent.id for agent in self.resources.of("agent", new.organisation)])
            webhook = self.outbox.add(new)
            self.publish("webhook-added", webhook)
            return webhook

    def change_webhook(self, id: str, **changes: Any) -> WebhookRecord:
        """Enable or disable a webhook, or change its `retries`.

        Raises:
            KeyError: There is no such webhook.
        """
        with self.lock:
            webhook = self._webhook(id)._replace(**changes)
            check_retries(webhook.retries)
            self.outbox.webhooks[id] = webhook
            self.publish("webhook-changed", webhook)
            return webhook

    def remove_webhook(self, id: str) -> None:
        """Remove a webhook.

        Raises:
            KeyError: There is none with this id.
        """
        with self.lock:
            self._webhook(id)
            del self.outbox.webhooks[id]
            self.publish("webhook-removed", id)

    def _webhook(self, id: str) -> WebhookRecord:
        if id not in self.outbox.webhooks:
            raise KeyError(unknown("webhook", id, self.outbox.webhooks))
        return self.outbox.webhooks[id]

    def send(self, event: str, payload: Any, organisation: str) -> int:
        """Send a payload of a test's own, of the agent that its `agent_id` names, if it has one.

        Returns:
            The number of webhooks that get it.

        Raises:
            ValueError: There is no such event or organisation.
            TypeError: The payload is not JSON.
        """
        check_known("webhook event", event, EVENTS)
        encoded(payload)  # raises if it is not JSON, also without webhooks
        agent_id = payload.get("agent_id") if isinstance(payload, Mapping) else None
        with self.lock:
            check_known("organisation", organisation, self.organisations)
            sent = self.emit(event, organisation, agent_id, lambda: payload, self.settle())
        self.deliver()
        return sent

    def disturb(self, irregularity: Irregularity) -> None:
        """Disturb the next deliveries."""
        with self.lock:
            self.outbox.irregularities.append(irregularity)

    def deliveries(self) -> list[Delivery]:
        """Return the deliveries to webhooks, the newest last."""
        with self.lock:
            return list(self.outbox.deliveries.values())

    # --- organisations ------------------------------------------------------------------------------------------

    def add_organisation(self, name: str, *api_keys: str) -> Organisation:
        """Add an organisation with its keys; from then on, only known keys are accepted.

        Raises:
            ValueError: The name or a key is taken or empty, or a header cannot carry a key.
        """
        if not isinstance(name, str) or not name:
            raise ValueError(f"the name of an organisation is text that is not empty, not {name!r}")
        with self.lock:
            if name in self.organisations:
                raise ValueError(f"there is an organisation {name!r} already")
            self._check_keys(api_keys)
            self.organisations[name] = Organisation(name, api_keys)
            self.require_known_keys = True
            self.publish("organisation-added", name)
            return self.organisations[name]

    def add_api_keys(self, name: str, *api_keys: str) -> None:
        """Add keys to an organisation.

        Raises:
            ValueError: A key is taken or empty, or a header cannot carry it.
        """
        with self.lock:
            check_known("organisation", name, self.organisations)
            self._check_keys(api_keys)
            self.organisations[name] = Organisation(name, self.organisations[name].api_keys + api_keys)

    def revoke_api_key(self, api_key: str) -> None:
        """Refuse a key from now on, also if an organisation has it.

        Raises:
            ValueError: It is not a key, or revoked already.
        """
        if not isinstance(api_key, str) or not api_key:
            raise ValueError(f"a key to revoke is text that is not empty, not a {type(api_key).__name__}")
        with self.lock:
            if api_key in self.revoked_keys:
                raise ValueError("the API key given is revoked already")
            self.revoked_keys.add(api_key)

    def _check_keys(self, api_keys: Iterable[str]) -> None:
        for key in api_keys:
            if not key:
                raise ValueError("an API key must not be empty: Bluejay refuses an empty one")
            if not isinstance(key, str) or not key.isascii() or not key.isprintable() or key != key.strip():
                raise ValueError("an API key is printable ASCII text with no blanks around it: a header carries it")
            if (owner := self.organisations.by_key.get(key)) is not None:
                raise ValueError(f"the API key given belongs to the organisation {owner.name!r} already")

    def organisation_of(self, api_key: str) -> str | None:
        """Return the name of the organisation of a key; None if the key is refused."""
        with self.lock:
            if api_key in self.revoked_keys:
                return None
            if (owner := self.organisations.by_key.get(api_key)) is not None:
                return owner.name
            return DEFAULT_ORGANISATION if api_key and not self.require_known_keys else None

    # --- end-conversations --------------------------------------------------------------------------------------

    def plan_ending(self, organisation: str, ids: Sequence[int], unwritable: Container[int] = ()) -> Ending:
        """Plan an end-conversations call, and change nothing.

        Args:
            organisation: The name of the caller's organisation, whose RUNNING test results can be marked.
            ids: The requested ids.
            unwritable: Ids of test results whose control objects cannot be written, because of a fault.
        """
        with self.lock:
            now = self.settle()
            readings = self.readings
            distinct = dict.fromkeys(ids)
            processed = list(distinct if readings.duplicate_ids is DuplicateIds.COUNTED_ONCE else ids)
            once_marked_fails = readings.already_marked is AlreadyMarked.FAILS
            # A test result is examined once, even if the request repeats its id: there may be half a million ids.
            marks: dict[int, Mark] = {}
            accepted: set[int] = set()
            for id in distinct:
                record = self.results.get(id)
                if record is None:
                    continue
                if record.organisation != organisation:
                    if readings.foreign_id is ForeignId.FORBIDDEN:
                        return Ending(processed, [], processed, True, [], now)
                elif not (
                    record.status is not _RUNNING or (once_marked_fails and is_marked(record)) or id in unwritable
                ):
                    accepted.add(id)
                    written = record.control_objects
                    # All that wait are picked up together, so those that wait now are the last ones.
                    if len(written) >= MOST_OPEN and written[-MOST_OPEN].by is None:
                        continue
                    control_id = len(self.control_objects) + len(marks) + 1
                    agent = record.agent or self.agent or _DEFAULT_AGENTS[readings.agent_ends]
                    marks[id] = record, control_id, agent.reaction(f"{self.seed}:{control_id}")
            if once_marked_fails and len(distinct) < len(processed):
                unmarked = set(accepted)
                marked: list[int] = []
                failed: list[int] = []
                for id in processed:
                    (marked if id in unmarked else failed).append(id)
                    unmarked.discard(id)
            else:
                marked = [id for id in processed if id in accepted]
                failed = [id for id in processed if id not in accepted]
            return Ending(processed, marked, failed, False, list(marks.values()), now)

    def carry_out(self, ending: Ending) -> None:
        """Mark the test results of a plan: write each control object, and schedule each watchdog.

        Call it under the same lock as `plan_ending`.
        """
        with self.lock:
            now = ending.at
            schedule = self.timers.schedule
            self._remember_refused(ending.failed)
            for record, control_id, reaction in ending.marks:
                control = ControlObject(control_id, record.id, now)
                self.control_objects.append(control)
                record.control_objects.append(control)
                # The agent's timer is set first, so that an agent that is due at exactly 30 s beats the watchdog.
                if reaction is not None:
                    schedule(now + reaction[0], reaction[1], record.id)
                record.armed.append(schedule(now + WATCHDOG_DELAY, "watchdog", record.id))
                if (publish := self.on_change) is not None:
                    publish("test-result-marked", control)

    def _remember_refused(self, ids: Iterable[int]) -> None:
        for id in ids:
            self.refused.pop(id, None)
            self.refused[id] = None
        if len(self.refused) > 2 * MOST_REFUSED:  # all at once, because each drop alone costs time
            self.refused = dict.fromkeys(list(self.refused)[-MOST_REFUSED:])


def is_marked(record: Record) -> bool:
    """Return whether a control object of this test result still waits to be picked up."""
    return any(control.by is None for control in reversed(record.control_objects))


def watchdog_of(record: Record) -> tuple[int, int] | None:
    """Return the instants at which the first watchdog of a test result was armed, and is due; None if none is armed."""
    if record.status is not _RUNNING or not is_marked(record):
        return None
    armed_at = min(control.written_at for control in record.control_objects if control.by is None)
    return armed_at, armed_at + WATCHDOG_DELAY
