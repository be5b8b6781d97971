"""The event log: the numbered changes of a fake, for its subscribers. It costs nothing until somebody subscribes.

Rules of this file:
- Only the log itself holds changes, so memory is bounded: a subscription is a position in the log, not a queue. If
  changes are forgotten before a subscriber has taken them, `take` says so, and the subscriber has to look at the
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

from fake_bluejay.core.behaviors import Agent
from fake_bluejay.core.clock import iso
from fake_bluejay.core.outbox import Attempt
from fake_bluejay.core.statuses import Status
from fake_bluejay.core.test_results import WATCHDOG_DELAY, Move

__all__ = ["KINDS", "Change", "EventLog", "Source", "Subscription", "TooManySubscribers"]


class Change(NamedTuple):
    """A change: its number in the log, its kind, and the values that describe it."""

    number: int
    kind: str
    kept: tuple[Any, ...]

    @property
    def data(self) -> dict[str, Any]:
        """The change as data that JSON can carry."""
        return _words_of(self.kind)(*self.kept)


class Source(Protocol):
    """An object whose changes are logged: a world, a journal, faults, stubs."""

    on_change: Callable[..., None] | None


class TooManySubscribers(Exception):
    """The log has as many subscribers as it may have; the message gives the number."""


class EventLog:
    """The latest changes of its sources.

    The log records from the first subscription on. When the last subscription closes, it goes on recording, so that a
    subscriber who comes back misses nothing; it stops after `limit` changes that nobody has taken.

    Args:
        sources: The objects whose changes are logged.
        limit: The number of changes that are kept.
        most: The number of subscriptions that may be open at the same time.
    """

    def __init__(self, *sources: Source, limit: int = 4096, most: int = 64) -> None:
        self._sources = sources
        self._limit = limit
        self._most = most
        self._lock = threading.Lock()
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
        keep = _KEPT.get(kind) if kind in KINDS else _KEPT_OF_RESOURCES.get(kind.rpartition("-")[2])
        kept = subjects if keep is None else keep(*subjects)
        with self._lock:
            self._last += 1
            self._changes.append(Change(self._last, kind, kept))
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


def _added(id: int, at: int, status: Status, agent: Agent | None, organisation: str) -> dict[str, Any]:
    return {
        "id": id,
        "at": iso(at),
        "status": str(status),
        "agent": None if agent is None else str(agent),
        "organisation": organisation,
    }


def _moved(id: int, move: Move) -> dict[str, Any]:
    return {
        "id": id,
        "at": iso(move.at),
        "from": str(move.from_),
        "to": str(move.to),
        "event": str(move.event),
        "cause": move.cause,
    }


def _marked(id: int, control_id: int, at: int) -> dict[str, Any]:
    return {"id": id, "control_object": control_id, "at": iso(at), "watchdog_due": iso(at + WATCHDOG_DELAY)}


def _gone(id: int, control_id: int, at: int | None, by: str) -> dict[str, Any]:
    return {"id": id, "control_object": control_id, "at": None if at is None else iso(at), "by": by}


def _changed(id: int, agent: Agent | None, fields: list[str]) -> dict[str, Any]:
    return {"id": id, "agent": None if agent is None else str(agent), "fields": fields}


def _resource(id: int | str, at: int, organisation: str) -> dict[str, Any]:
    return {"id": id, "at": iso(at), "organisation": organisation}


def _resource_changed(id: int | str, fields: list[str]) -> dict[str, Any]:
    return {"id": id, "fields": fields}


def _gone_for_good(id: int | str) -> dict[str, Any]:
    return {"id": id}


def _run(id: int, at: int, simulation_id: int, agent_id: int, count: int, organisation: str) -> dict[str, Any]:
    return {
        "id": id,
        "at": iso(at),
        "simulation_id": simulation_id,
        "agent_id": agent_id,
        "test_results": count,
        "organisation": organisation,
    }


def _attempted(id: str, webhook_id: str, event: str, count: int, attempt: Attempt) -> dict[str, Any]:
    return {
        "delivery": id,
        "webhook": webhook_id,
        "event": event,
        "at": iso(attempt.at),
        "attempt": count,
        "status": attempt.status,
        "problem": attempt.problem and attempt.problem[:200],
    }


def _answered(number: int, at: int, method: str, path: str, status_code: int | None) -> dict[str, Any]:
    return {"number": number, "at": iso(at), "method": method, "path": path, "status_code": status_code}


KINDS: dict[str, Callable[..., dict[str, Any]]] = {
    "test-result-added": _added,
    "test-result-moved": _moved,
    "test-result-marked": _marked,
    "control-object-gone": _gone,
    "test-result-changed": _changed,
    "test-result-removed": _gone_for_good,
    "run-added": _run,
    "run-removed": _gone_for_good,
    "webhook-added": lambda webhook: {"id": webhook.id, "events": list(webhook.events)},
    "webhook-changed": lambda webhook: {"id": webhook.id, "enabled": webhook.enabled},
    "webhook-removed": _gone_for_good,
    "webhook-attempted": _attempted,
    "clock-moved": lambda now, length: {"now": iso(now), "seconds": length / 1_000_000},
    "clock-changed": lambda now, mode, speed: {"now": iso(now), "mode": mode, "speed": speed},
    "request-answered": _answered,
    "requests-cleared": dict,
    "fault-armed": lambda kind: {"kind": kind},
    "fault-met": lambda kind, path: {"kind": kind, "path": path},
    "faults-cleared": dict,
    "readings-changed": lambda choices: choices,
    "organisation-added": lambda name: {"name": name[:200]},
    "stub-added": lambda method, path, status: {"method": method, "path": path[:200], "status": status},
    "stubs-cleared": dict,
    "world-replaced": dict,
}
"""The kinds of change, and the data of each. `world-replaced` is a reset, or a state that was restored.

Beside these, each resource has three: `agent-added`, `agent-changed`, `agent-removed`.
"""

_OF_RESOURCES: dict[str, Callable[..., dict[str, Any]]] = {
    "added": _resource,
    "changed": _resource_changed,
    "removed": _gone_for_good,
}
_KEPT_OF_RESOURCES: dict[str, Callable[..., tuple[Any, ...]]] = {
    "added": lambda one: (one.id, one.created_at, one.organisation),
    "changed": lambda one, fields: (one.id, sorted(fields)),
}


def _words_of(kind: str) -> Callable[..., dict[str, Any]]:
    return KINDS.get(kind) or _OF_RESOURCES[kind.rpartition("-")[2]]


_KEPT: dict[str, Callable[..., tuple[Any, ...]]] = {
    "test-result-added": lambda one: (one.id, one.created_at, one.status, one.agent, one.organisation),
    "test-result-moved": lambda one: (one.id, one.history[-1]),
    "test-result-marked": lambda control: (control.test_result_id, control.id, control.written_at),
    "control-object-gone": lambda control: (control.test_result_id, control.id, control.gone_at, control.by),
    "test-result-changed": lambda one, fields: (one.id, one.agent, sorted(fields)),
    "run-added": lambda run: (
        run.id,
        run.created_at,
        run.simulation_id,
        run.agent_id,
        len(run.result_ids),
        run.organisation,
    ),
    "webhook-attempted": lambda one: (one.id, one.webhook_id, one.event, len(one.attempts), one.attempts[-1]),
    "request-answered": lambda one: (
        one.number,
        one.instant,
        one.method,
        one.path[:200],
        one.response and one.response.status_code,
    ),
    "fault-armed": lambda fault: (fault.kind,),
    "fault-met": lambda fault, path: (fault.kind, path[:200]),
    "readings-changed": lambda choices: ({name: str(choice) for name, choice in choices.items()},),
}
"""The values that are kept of a subject which goes on changing.

They become JSON-ready data when a subscriber takes the change; in a burst, most changes are never taken.
"""
