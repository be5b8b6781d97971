"""Time in the code under test: to sleep moves the fake's clock instead of waiting, and the system's clocks follow it.

What is replaced while a fake is on that skips sleeps:
- `time.sleep`, `time.monotonic`, `time.monotonic_ns`, also where they were imported by name, or are a default argument.
- The wall clock (`time.time`, `datetime.now` and their kin), by time-machine, in C, so it is the same for everybody.
- The clock of asyncio's own event loop, and how it waits: `asyncio.py` beside this file.

What is not: `time.perf_counter`, so that durations stay true; waiting for a thread, a lock or a file descriptor (those
who are waited for need real time); other event loops, such as uvloop's and trio's.
"""

from __future__ import annotations

import functools
import math
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from contextvars import ContextVar
from datetime import timedelta
from types import ModuleType
from typing import Any, TypeVar
from weakref import WeakSet

from fake_bluejay.intercept.shims import Seam

__all__ = [
    "HELPING",
    "LOOPS",
    "REAL_TIME_THREADS",
    "SPARED",
    "VirtualTime",
    "current_time",
    "join",
    "leave",
    "seams",
    "whole",
]

# Held, because they are what is replaced.
_sleep, _monotonic, _monotonic_ns = time.sleep, time.monotonic, time.monotonic_ns
_get_ident = threading.get_ident

_T = TypeVar("_T")

REAL_TIME_THREADS: set[int] = set()
"""Threads that live in real time whatever is on: the loopback servers'."""

HELPING: ContextVar[bool] = ContextVar("HELPING", default=False)
"""Whether somebody who moves the clock waits for this: then it is this one's to move. A context, and no thread, for an
application hands a request on to threads of its own, which have the context."""

_movers: set[int] = set()
"""Threads in which the clock is being moved, so that whatever sleeps there sleeps on the way."""

_times: list[VirtualTime] = []
"""Those of the fakes that are on and skip sleeps. The first is what the clocks show; a sleep moves all."""

LOOPS: WeakSet[Any] = WeakSet()
"""The event loops that have looked at virtual time: one that outlives a fake takes its timers back to real time."""

_LONGEST = 9_000_000_000
"""Seconds; what is longer is for `time.sleep` itself to refuse."""
_PATIENCE = 0.02
"""Real seconds that a thread has, once awake, to come to its next sleep, before time moves on without it."""
_GLANCE = 0.002
"""Real seconds after which who waits for others looks again, whatever they do."""
_LOOKS = 100_000
"""So often the clocks may be read while time stands; a loop that goes on reading would wait for ever. Libraries and
event loops read them, too: with each request, log record or turn."""


class VirtualTime:
    """The time that a fake's clock and the code under test have in common.

    `move` moves the fake's clock by a `timedelta`; the fake tells `moved` of every move, by whomever. If `frozen`, time
    stands still between moves; if not, it is real time, and moves come on top.
    """

    def __init__(self, move: Callable[[timedelta], None], *, frozen: bool) -> None:
        self.move = move
        self._frozen = frozen
        self.next_due: Callable[[], int | None] = lambda: None
        """Returns the microseconds to the fake's next timer, if it has one."""
        self._elapsed = 0
        """Microseconds moved by since the start."""
        # Whole seconds: a difference of two readings is then exact to the microsecond, and the same in every run.
        self._start = math.ceil(_monotonic())
        self._looks = 0
        self._moving = threading.Lock()
        self._changed = threading.Condition(threading.Lock())
        self._sleepers: list[tuple[int, threading.Thread]] = []
        """The sleeping threads, each with what it waits for."""
        self._awake_since: dict[threading.Thread, float] = {}
        """Thread that is not asleep → the real time at which it woke, or was first seen to be awake."""
        self._travel: Any = None
        self._traveller: Any = None

    def moved(self, length: int) -> None:
        """The fake's clock has moved by so many microseconds."""
        with self._changed:
            self._elapsed += length
            self._looks = 0
            if self._traveller is not None:
                self._traveller.shift(timedelta(microseconds=length))
            self._changed.notify_all()

    def start(self) -> None:
        """Take the wall clock along."""
        datetime = sys.modules.get("datetime")
        if datetime is not None and datetime.datetime.__name__ == "FakeDatetime":
            return  # freezegun was here first, and the wall clock is its
        import time_machine

        self._travel = time_machine.travel(math.ceil(time.time()), tick=not self._frozen)
        self._traveller = self._travel.start()
        if self._frozen:
            self._traveller.time_ns = functools.partial(self._look_at_wall_clock, self._traveller.time_ns)

    def _look_at_wall_clock(self, time_ns: Callable[[], int]) -> int:
        if _get_ident() not in REAL_TIME_THREADS:
            self.look()
        return time_ns()

    def stop(self) -> None:
        """Let go of the wall clock, and wake who sleeps."""
        with self._changed:
            self._traveller = None
            self._elapsed = sys.maxsize
            self._changed.notify_all()
        if self._travel is not None:
            self._travel.stop()

    def microseconds(self) -> int:
        """What a monotonic clock shows."""
        if self._frozen:
            return self._start * 1_000_000 + self._elapsed
        return int(_monotonic() * 1_000_000) + self._elapsed

    def look(self) -> int:
        """The same, for code that may be waiting in a loop that does nothing but look."""
        self._looks += 1
        if self._frozen and self._looks > _LOOKS:
            looks = self._looks
            self.move(timedelta(milliseconds=1))
            self._looks = looks
        return self.microseconds()

    def sleep(self, length: int) -> None:
        """Pass that many microseconds, in step with the other threads: the clock stops at each one's deadline.

        It moves at once when all are asleep; who is awake has a moment to come to its own next sleep.
        """
        if _has_the_turn():
            _pass(length)
            return
        deadline = self._lie_down(length)
        try:
            while self._elapsed < deadline:
                with self._moving:
                    now = self._elapsed
                    if now >= deadline:
                        return
                    patience = self._patience()
                    if patience <= 0:
                        first = min(each for each, _ in tuple(self._sleepers) if each > now)
                        _move_all(first - now)
                        # A clock that follows real time is moved by less, for some has passed meanwhile. That counts:
                        # to move it by so little again, when as much passes again, might never come to an end.
                        if self._elapsed < first:
                            self.moved(first - self._elapsed)
                        continue
                with self._changed:
                    self._changed.wait(min(patience, _GLANCE))
        finally:
            self._get_up(deadline)

    def wait(self, wait: Callable[[], _T], length: int | None, slice: int = 0) -> _T:
        """Do this, which waits for something in real time, instead of sleeping so many microseconds (None: for ever).

        Others may move the clock meanwhile. If nothing comes of it, a `slice` of it has passed.
        """
        deadline = self._lie_down(sys.maxsize if length is None else length)
        try:
            found = wait()
        finally:
            self._get_up(deadline)
        if not found and slice:
            with nullcontext() if _has_the_turn() else self._moving:
                _move_all(max(0, min(slice, deadline - self._elapsed)))
        return found

    def _lie_down(self, length: int) -> int:
        me = threading.current_thread()
        with self._changed:
            deadline = self._elapsed + length
            self._sleepers.append((deadline, me))
            self._awake_since.pop(me, None)  # it wakes with its deadline, before it comes to say so
            self._changed.notify_all()
        return deadline

    def _get_up(self, deadline: int) -> None:
        me = threading.current_thread()
        with self._changed:
            self._sleepers.remove((deadline, me))
            self._awake_since[me] = _monotonic()

    def _patience(self) -> float:
        """Real seconds for which the clock is to stand still yet, because of threads that are awake."""
        threads = threading.enumerate()
        if len(threads) == 1:
            return 0
        real = _monotonic()
        asleep = {thread for deadline, thread in tuple(self._sleepers) if deadline > self._elapsed}
        # Of a foreign thread nothing is known, and a timer's has nothing to do before its time, which is real.
        awake = [
            self._awake_since.setdefault(thread, real)
            for thread in threads
            if thread not in asleep
            and thread.ident not in REAL_TIME_THREADS
            and not isinstance(thread, (threading.Timer, threading._DummyThread))
        ]
        return max(awake, default=-math.inf) + _PATIENCE - real


def _move_all(length: int) -> None:
    me = _get_ident()
    _movers.add(me)
    try:
        _pass(length)
    finally:
        _movers.discard(me)


def _pass(length: int) -> None:
    for each in tuple(_times):
        each.move(timedelta(microseconds=length))


def _has_the_turn() -> bool:
    """Whether this thread is called from where the clock is being moved: to wait for the turn would be for ever."""
    return _get_ident() in _movers or HELPING.get()


def join(now: VirtualTime) -> None:
    """A fake that skips sleeps is on."""
    before = _shown()
    _times.append(now)
    if len(_times) == 1:
        now.start()
        _take_timers_along(_shown() - before)


def leave(now: VirtualTime) -> None:
    """It is off again."""
    if now not in _times:
        return
    first = _times[0] is now
    before = _shown()
    _times.remove(now)
    now.stop()
    if first:
        if _times:
            _times[0].start()
        _take_timers_along(_shown() - before)


def _shown() -> float:
    """What the monotonic clock shows, in seconds."""
    return _times[0].microseconds() / 1_000_000 if _times else _monotonic()


def _take_timers_along(seconds: float) -> None:
    """The clock of event loops goes to another time; what they have yet to wait for stays as long."""
    for loop in LOOPS:
        for handle in getattr(loop, "_scheduled", ()):
            handle._when += seconds


def current_time() -> VirtualTime | None:
    """The time to live by, in this thread; None for real time."""
    return _times[0] if _times and _get_ident() not in REAL_TIME_THREADS else None


def seams(module: ModuleType) -> Iterator[Seam]:
    """List the seams in `time`."""

    def with_sleep(original: Callable[[float], None]) -> Callable[[float], None]:
        def sleep(seconds: float, /) -> None:
            now = current_time()
            if now is None or not isinstance(seconds, (int, float)) or not 0 < seconds < _LONGEST:
                original(seconds)
            else:
                now.sleep(whole(seconds))

        return sleep

    def with_monotonic(original: Callable[[], float]) -> Callable[[], float]:
        def monotonic() -> float:
            now = current_time()
            return original() if now is None else now.look() / 1_000_000

        return monotonic

    def with_monotonic_ns(original: Callable[[], int]) -> Callable[[], int]:
        def monotonic_ns() -> int:
            now = current_time()
            return original() if now is None else now.look() * 1000

        return monotonic_ns

    yield Seam(module, "sleep", with_sleep, named=_sleep)
    yield Seam(module, "monotonic", with_monotonic, named=_monotonic)
    yield Seam(module, "monotonic_ns", with_monotonic_ns, named=_monotonic_ns)


def whole(seconds: float) -> int:
    """Seconds in microseconds, at least one: nothing at all would be slept for ever by who waits for its end."""
    return max(1, round(seconds * 1_000_000))


SPARED = frozenset(sys.stdlib_module_names) | {
    "_pytest", "anyio", "conftest_plugin", "coverage", "execnet", "fake_bluejay", "hypothesis", "pluggy", "pytest",
    "pytest_asyncio", "pytest_timeout", "time_machine", "trio", "uvicorn", "uvloop", "xdist",
}  # fmt: skip
"""The packages that measure, wait or serve in real time, and must go on to."""
