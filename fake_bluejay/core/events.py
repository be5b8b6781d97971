"""The feed: every change of a fake, numbered, for whoever listens. It costs nothing until somebody does.

Rules of this file:
- Memory is bounded by the feed alone: a listener is a place in it, not a queue. Who falls so far behind that changes
  were forgotten is told so, and has to look at the present instead.
- Nothing here waits, and no lock but the feed's own is taken: changes are told from under other locks.
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

__all__ = ["KINDS", "Change", "Feed", "Listener", "Source", "TooManyListeners"]


class Change(NamedTuple):
    """One change: its number in the feed, what kind it is, and what is kept of it. Small, whatever changed."""

    number: int
    kind: str
    kept: tuple[Any, ...]

    @property
    def data(self) -> dict[str, Any]:
        """What it is told with, as data that JSON can carry."""
        return _words_of(self.kind)(*self.kept)


class Source(Protocol):
    """What changes: a world, a journal, faults, stubs."""

    on_change: Callable[..., None] | None


class TooManyListeners(Exception):
    """As many listen as may; the message says how many."""


class Feed:
    """The latest `limit` changes of its sources, for at most `most` listeners at a time.

    It begins to record with the first listener. It goes on when the last one leaves, so that who comes back misses
    nothing, until `limit` changes went unheard.
    """

    def __init__(self, *sources: Source, limit: int = 4096, most: int = 64) -> None:
        self._sources = sources
        self._limit = limit
        self._most = most
        self._lock = threading.Lock()
        self._changes: deque[Change] = deque(maxlen=limit)
        self._listeners: set[Listener] = set()
        self._last = 0
        self._unheard = 0
        self._name = ""
        """Tells the ids of this feed from those of another one, before a restart say."""

    def listen(self, wake: Callable[[], None], last_id: str | None = None) -> Listener:
        """Hear of every change from now on, or from the one after that of `last_id`.

        `wake` is called, from any thread and under locks, when there is something to take: once, until it was taken.
        Raises `TooManyListeners`.
        """
        with self._lock:
            if len(self._listeners) >= self._most:
                raise TooManyListeners(f"{self._most} listen already, and no more may; close one of the streams")
            if not self._listeners and self._sources and self._sources[0].on_change is None:
                self._begin()
            self._unheard = 0
            listener = Listener(self, wake, self._last if last_id is None else self._place_of(last_id))
            self._listeners.add(listener)
            return listener

    def end(self) -> None:
        """Send all listeners away; others may come."""
        with self._lock:
            for listener in self._listeners:
                listener.ended = True
                listener._call()
            self._listeners.clear()

    def id_of(self, number: int) -> str:
        """What a change is called outside."""
        return f"{self._name}-{number}"

    def _place_of(self, id: str) -> int:
        """The number of a change; -1, before all of them, if it is none of this feed's."""
        name, dash, number = id.rpartition("-")
        if (dash and name != self._name) or not (number.isascii() and number.isdigit() and len(number) < 20):
            return -1
        return int(number) if int(number) <= self._last else -1

    def _begin(self) -> None:
        self._name = self._name or os.urandom(4).hex()
        self._last += 1  # what happened unrecorded counts as one change that was forgotten
        self._changes.clear()
        for source in self._sources:
            source.on_change = self._tell

    def _stop(self) -> None:
        for source in self._sources:
            source.on_change = None
        self._changes.clear()

    def _tell(self, kind: str, *subjects: Any) -> None:
        keep = _KEPT.get(kind) if kind in KINDS else _KEPT_OF_RESOURCES.get(kind.rpartition("-")[2])
        kept = subjects if keep is None else keep(*subjects)
        with self._lock:
            self._last += 1
            self._changes.append(Change(self._last, kind, kept))
            for listener in self._listeners:
                listener._wake()
            if not self._listeners:
                self._unheard += 1
                if self._unheard > self._limit:
                    self._stop()


class Listener:
    """Somebody's place in a feed. Close it when done."""

    def __init__(self, feed: Feed, wake: Callable[[], None], place: int) -> None:
        self._feed = feed
        self._call = wake
        self._place = place
        self._woken = False
        self.ended = False
        """Whether the feed has sent this listener away."""

    @property
    def last_id(self) -> str:
        """The id of the change that was taken last."""
        return self._feed.id_of(self._place)

    def take(self, most: int = 256) -> list[Change] | None:
        """The next changes, at most so many; none if nothing happened.

        None if changes were forgotten that were never taken: then it is the present that has to be looked at, and
        what happens from now on comes next.
        """
        feed = self._feed
        with feed._lock:
            self._woken = False
            forgotten = feed._last - len(feed._changes)
            if self._place < forgotten:
                self._place = feed._last
                return None
            first = self._place - forgotten
            changes = list(islice(feed._changes, first, first + most))
            self._place += len(changes)
            return changes

    def id_of(self, number: int) -> str:
        """What a change is called outside."""
        return self._feed.id_of(number)

    def close(self) -> None:
        """Hear no more."""
        with self._feed._lock:
            self._feed._listeners.discard(self)

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
"""The kinds of change, and the data that each is told with. `world-replaced`: a reset, or another state was put in.

Beside these, each resource has three: `agent-added`, `agent-changed`, `agent-removed`."""

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
"""What is kept of a subject that goes on changing. Put into words when somebody takes it: most of a burst is not."""
