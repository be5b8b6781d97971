"""The event log: the numbered changes of a fake, for its subscribers. It costs nothing until somebody subscribes.

Rules of this file:
- Only the log itself holds changes, so memory is bounded: a subscription is a position in the log, not a queue. If
  changes are forgotten before a subscriber has taken them, `take` returns None, and the subscriber has to look at the
  present state.
- Nothing here waits, and no lock but the log's own is taken: changes are published under other locks.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Any, NamedTuple, Protocol

from fake_bluejay.core.clock import iso
from fake_bluejay.core.outbox import Delivery
from fake_bluejay.core.runs import Run
from fake_bluejay.core.test_results import WATCHDOG_DELAY, ControlObject, Record


class Change(NamedTuple):
    """A change: its number in the log, its kind, and the values that describe it.

    The values become JSON-ready when a subscriber asks for them: in a burst, most changes are never taken.
    """

    number: int
    kind: str
    values: dict[str, Any]

    @property
    def data(self) -> dict[str, Any]:
        """The values, JSON-ready."""
        return {
            name: iso(value) if name in _INSTANTS and value is not None else value
            for name, value in self.values.items()
        }


class Source(Protocol):
    """An object whose changes are logged: a world, a journal, faults, stubs."""

    on_change: Callable[..., None] | None


class TooManySubscribers(Exception):
    """The log has as many subscribers as it may have; the message gives the number."""


class EventLog:
    """The latest changes of its sources.

    The log records from the first subscription on. When the last subscription closes, it goes on recording, so that a
    subscriber that comes back misses nothing; it stops after `limit` changes without a subscriber.

    Args:
        sources: The objects whose changes are logged.
        limit: The number of changes that are kept.
        most: The number of subscriptions that may be open at the same time.
    """

    def __init__(self, *sources: Source, limit: int = 4096, most: int = 64) -> None:
        self._sources = sources
        self._limit = limit
        self._most = most
        self._lock = threading.RLock()  # reentrant, for a signal's handler may send a request while it is held
        self._changes: deque[Change] = deque(maxlen=limit)
        self._subscriptions: set[Subscription] = set()
        self._last = 0
        self._unread = 0
        self._name = ""
        """A name of this log, so that its ids differ from those of another one, before a restart say."""

    def subscribe(self, wake: Callable[[], None], last_id: str | None = None) -> Subscription:
        """Return a subscription to all changes from now on, or to those after the change `last_id`.

        Args:
            wake: A function that is called when there are changes to take, once until they are taken, on any thread and
                under locks.
            last_id: The id of the last change that the subscriber has seen.

        Raises:
            TooManySubscribers: No more subscriptions may be open.
        """
        with self._lock:
            if len(self._subscriptions) >= self._most:
                raise TooManySubscribers(f"{self._most} event streams are open, and no more may be; close one of them")
            if not self._subscriptions and self._sources and self._sources[0].on_change is None:
                self._begin()
            self._unread = 0
            subscription = Subscription(self, wake, self._last if last_id is None else self._place_of(last_id))
            self._subscriptions.add(subscription)
            return subscription

    def end(self) -> None:
        """End all subscriptions; new ones are possible."""
        with self._lock:
            for subscription in self._subscriptions:
                subscription.ended = True
                subscription._call()
            self._subscriptions.clear()

    def id_of(self, number: int) -> str:
        """Return the public id of a change, given its number."""
        return f"{self._name}-{number}"

    def _place_of(self, id: str) -> int:
        """Return the number of the change with this id; -1, before all changes, if the id is not from this log."""
        name, dash, number = id.rpartition("-")
        if (dash and name != self._name) or not (number.isascii() and number.isdigit() and len(number) < 20):
            return -1
        return int(number) if int(number) <= self._last else -1

    def _begin(self) -> None:
        self._name = self._name or os.urandom(4).hex()
        self._last += 1  # the unrecorded changes count as one forgotten change
        self._changes.clear()
        for source in self._sources:
            source.on_change = self._publish

    def _stop(self) -> None:
        for source in self._sources:
            source.on_change = None
        self._changes.clear()

    def _publish(self, kind: str, *subjects: Any) -> None:
        describe = KINDS.get(kind) or _KINDS_OF_RESOURCES[kind.rpartition("-")[2]]
        values = describe(*subjects)
        with self._lock:
            self._last += 1
            self._changes.append(Change(self._last, kind, values))
            for subscription in self._subscriptions:
                subscription._wake()
            if not self._subscriptions:
                self._unread += 1
                if self._unread > self._limit:
                    self._stop()


class Subscription:
    """A position in an event log. Close it when done."""

    def __init__(self, log: EventLog, wake: Callable[[], None], place: int) -> None:
        self._log = log
        self._call = wake
        self._place = place
        self._woken = False
        self.ended = False
        """True if the log has ended this subscription."""

    @property
    def last_id(self) -> str:
        """The id of the change that was taken last."""
        return self._log.id_of(self._place)

    def take(self, most: int = 256) -> list[Change] | None:
        """Return the next changes, at most `most`; an empty list if there are none.

        If changes were forgotten before this subscription took them, the result is None, and the next call continues
        with the changes from now on.
        """
        log = self._log
        with log._lock:
            self._woken = False
            forgotten = log._last - len(log._changes)
            if self._place < forgotten:
                self._place = log._last
                return None
            first = self._place - forgotten
            changes = list(islice(log._changes, first, first + most))
            self._place += len(changes)
            return changes

    def id_of(self, number: int) -> str:
        """Return the public id of a change, given its number."""
        return self._log.id_of(number)

    def close(self) -> None:
        """End the subscription."""
        with self._log._lock:
            self._log._subscriptions.discard(self)

    def _wake(self) -> None:
        if not self._woken:
            self._woken = True
            self._call()


def _agent_of(record: Record) -> str | None:
    return None if record.agent is None else str(record.agent)


def _added(record: Record) -> dict[str, Any]:
    return {
        "id": record.id,
        "at": record.created_at,
        "status": record.status,
        "agent": _agent_of(record),
        "organisation": record.organisation,
    }


def _moved(record: Record) -> dict[str, Any]:
    move = record.history[-1]
    return {
        "id": record.id,
        "at": move.at,
        "from": move.from_,
        "to": move.to,
        "event": move.event,
        "cause": move.cause,
    }


def _marked(control: ControlObject) -> dict[str, Any]:
    return {
        "id": control.test_result_id,
        "control_object": control.id,
        "at": control.written_at,
        "watchdog_due": control.written_at + WATCHDOG_DELAY,
    }


def _control_object_gone(control: ControlObject) -> dict[str, Any]:
    return {"id": control.test_result_id, "control_object": control.id, "at": control.gone_at, "by": control.by}


def _run_added(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "at": run.created_at,
        "simulation_id": run.simulation_id,
        "agent_id": run.agent_id,
        "test_results": len(run.result_ids),
        "organisation": run.organisation,
    }


def _attempted(delivery: Delivery) -> dict[str, Any]:
    attempt = delivery.attempts[-1]
    return {
        "delivery": delivery.id,
        "webhook": delivery.webhook_id,
        "event": delivery.event,
        "at": attempt.at,
        "attempt": len(delivery.attempts),
        "status": attempt.status,
        "problem": attempt.problem and attempt.problem[:200],
    }


def _answered(exchange: Any) -> dict[str, Any]:
    return {
        "number": exchange.number,
        "at": exchange.instant,
        "method": exchange.method,
        "path": exchange.path[:200],
        "status_code": exchange.response and exchange.response.status_code,
    }


def _only_id(id: int | str) -> dict[str, Any]:
    return {"id": id}


KINDS: dict[str, Callable[..., dict[str, Any]]] = {
    "test-result-added": _added,
    "test-result-moved": _moved,
    "test-result-marked": _marked,
    "control-object-gone": _control_object_gone,
    "test-result-changed": lambda one, fields: {"id": one.id, "agent": _agent_of(one), "fields": sorted(fields)},
    "test-result-removed": _only_id,
    "run-added": _run_added,
    "run-removed": _only_id,
    "webhook-added": lambda webhook: {"id": webhook.id, "events": list(webhook.events)},
    "webhook-changed": lambda webhook: {"id": webhook.id, "enabled": webhook.enabled},
    "webhook-removed": _only_id,
    "webhook-attempted": _attempted,
    "delivery-added": lambda one: {"delivery": one.id, "webhook": one.webhook_id, "event": one.event},
    "clock-moved": lambda now, length: {"now": now, "seconds": length / 1_000_000},
    "clock-changed": lambda now, mode, speed: {"now": now, "mode": mode, "speed": speed},
    "request-answered": _answered,
    "requests-cleared": dict,
    "fault-armed": lambda fault: {"kind": fault.kind},
    "fault-met": lambda fault, path: {"kind": fault.kind, "path": path[:200]},
    "faults-cleared": dict,
    "readings-changed": lambda choices: {name: str(choice) for name, choice in choices.items()},
    "organisation-added": lambda name: {"name": name[:200]},
    "stub-added": lambda method, path, status: {"method": method, "path": path[:200], "status": status},
    "stubs-cleared": dict,
    "world-replaced": dict,
}
"""The kinds of change → a function that returns the values of a change, given its subjects.

It is called when the change is published, because a subject goes on changing. `world-replaced` is a reset, or a state
that was restored. Beside these, each resource has three kinds: `agent-added`, `agent-changed`, `agent-removed`.
"""

_KINDS_OF_RESOURCES: dict[str, Callable[..., dict[str, Any]]] = {
    "added": lambda entity: {"id": entity.id, "at": entity.created_at, "organisation": entity.organisation},
    "changed": lambda entity, fields: {"id": entity.id, "fields": sorted(fields)},
    "removed": _only_id,
}

_INSTANTS = frozenset({"at", "now", "watchdog_due"})
"""The names of values that are instants, in microseconds."""
