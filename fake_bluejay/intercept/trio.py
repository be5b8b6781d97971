"""trio: a run whose thread takes part lives in virtual time, by trio's own clock, and waits as an event loop does.

The clock of a run that was given another one (`MockClock`, say) stays its own. A guest run, as anyio's pytest plugin
has them, waits in a thread of trio's cache; such a thread takes part while it works for a thread that does.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from fake_bluejay.intercept.clockwork import CLOCKWORK
from fake_bluejay.intercept.shims import Seam
from fake_bluejay.intercept.wakeups import SIGNALS, Signal, waking

MODULES = (
    "trio._core._io_epoll",
    "trio._core._io_kqueue",
    "trio._core._run",
    "trio._core._thread_cache",
    "trio._core._wakeup_socketpair",
)
"""The modules whose attributes are replaced here."""


def seams(module: ModuleType) -> Iterator[Seam]:
    """List the seams in a module of `MODULES`."""
    match module.__name__.rpartition(".")[2]:
        case "_io_epoll":
            yield Seam(module.EpollIOManager, "get_events", _get_events)
        case "_io_kqueue":
            yield Seam(module.KqueueIOManager, "get_events", _get_events)
        case "_run":
            yield Seam(module.SystemClock, "current_time", _current_time)
        case "_thread_cache":
            yield Seam(module.ThreadCache, "start_thread_soon", _start_thread_soon)
        case "_wakeup_socketpair":
            yield Seam(module.WakeupSocketpair, "wakeup_thread_and_signal_safe", waking)


_clocks: list[Any] = []
"""The clocks of trio that have seen virtual time. They are compared, and held, by identity: they may be equal."""


def _current_time(original: Callable[[Any], float]) -> Callable[..., Any]:
    def current_time(self: Any) -> float:
        now = CLOCKWORK.look()
        if now is None:
            return original(self)
        if all(clock is not self for clock in _clocks):
            _clocks.append(self)
        return float(self.offset + now / 1_000_000)

    return current_time


def take_clocks_along(seconds: float, *, over: bool) -> None:
    """Move the offsets of trio's clocks, so that they go on from where they are when the monotonic clock changes."""
    for clock in _clocks:
        object.__setattr__(clock, "offset", clock.offset - seconds)
    if over:
        _clocks.clear()


_runners: WeakKeyDictionary[Any, weakref.ref[Any]] = WeakKeyDictionary()
"""The object that waits for a run's events → the run."""


def _get_events(original: Callable[..., Any]) -> Callable[..., Any]:
    def get_events(self: Any, timeout: float) -> Any:
        runner = getattr(sys.modules["trio._core._run"].GLOBAL_RUN_CONTEXT, "runner", None)
        if runner is not None:
            _runners.setdefault(self, weakref.ref(runner))
        elif self in _runners:  # in guest mode, in another thread
            runner = _runners[self]()
        member = CLOCKWORK.me()
        if member is None or timeout <= 0 or runner is None:
            return original(self, timeout)
        wakeup = runner.entry_queue.wakeup
        signal = SIGNALS.setdefault(wakeup, Signal())
        SIGNALS[self._force_wakeup] = signal  # the way into a run in guest mode
        signal.called = False
        if events := original(self, 0):
            return events
        until = None
        if type(runner.clock) is sys.modules["trio._core._run"].SystemClock:
            until = runner.deadlines.next_deadline() - runner.clock.offset
        wait = signal.wait = CLOCKWORK.begin(member, timeout, "waited in trio", until=until)
        wait.on_wake = lambda: _wake(self)
        wait.has_work = lambda: bool(runner.runq)
        wait.is_outside = any(fd != wakeup.wakeup_sock.fileno() for fd in getattr(self, "_registered", ()))
        if signal.called:
            wait.ended = True
        found: list[Any] = []

        def block(seconds: float | None) -> bool:
            found[:] = [original(self, 86_400 if seconds is None else seconds)]
            return bool(found[0])

        try:
            CLOCKWORK.finish(wait, block)
        finally:
            signal.wait = None
        return found[0] if found and found[0] else original(self, 0)

    return get_events


def _wake(manager: Any) -> None:
    # Not by `force_wakeup`, which counts as a call from another thread.
    with contextlib.suppress(OSError):  # the buffer is full, or the run is over
        manager._force_wakeup.write_sock.send(b"\0")


# --- the threads that work for runs -----------------------------------------------------------------------------


def _start_thread_soon(original: Callable[..., None]) -> Callable[..., Any]:
    def start_thread_soon(self: Any, fn: Any, deliver: Any, *args: Any, **kwargs: Any) -> None:
        if CLOCKWORK.me() is None:
            original(self, fn, deliver, *args, **kwargs)
            return
        member = CLOCKWORK.expect(threading.current_thread())

        def work() -> Any:
            CLOCKWORK.arrive(member, threading.current_thread())
            return fn()

        def deliver_and_depart(outcome: Any) -> None:
            try:
                deliver(outcome)
            finally:
                CLOCKWORK.depart(member, dies=False)

        try:
            original(self, work, deliver_and_depart, *args, **kwargs)
        except BaseException:  # the thread cannot be started
            CLOCKWORK.depart(member, dies=False)
            raise

    return start_thread_soon
