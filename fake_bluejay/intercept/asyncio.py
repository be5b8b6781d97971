"""asyncio: its event loops live in virtual time, and move to their next timer when nothing else is left to wait for.

So whatever is built on a loop's timers passes at once: `asyncio.sleep`, `wait_for`, `timeout`, anyio, a client's own
timeouts. Many sleepers wake in the order of their deadlines. While a connection, a subprocess or a thread is waited
for, time is real, because theirs is.
"""

from __future__ import annotations

import asyncio
import selectors
import sys
import threading
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from fake_bluejay.intercept.shims import Seam
from fake_bluejay.intercept.virtual_time import LOOPS, current_time, whole

__all__ = ["LOOPBACKS", "seams"]

LOOPBACKS: dict[int, Callable[[], bool]] = {}
"""Port of a loopback server of ours → whether it has a request in hand."""

_SLICE = 0.005
"""Real seconds for which a loop waits at a time for something that is not a timer."""

_in_executor: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
"""Event loop → how many calls it waits for that run on threads."""


def seams(base_events: ModuleType) -> Iterator[Seam]:
    """What to replace in `asyncio.base_events`, and in how its loops wait."""
    yield Seam(base_events.BaseEventLoop, "time", _replace_time)
    yield Seam(base_events.BaseEventLoop, "run_in_executor", _replace_run_in_executor)
    yield Seam(selectors.DefaultSelector, "select", _replace_select)


def _replace_time(original: Callable[[Any], float]) -> Callable[[Any], float]:
    def time(self: Any) -> float:
        now = current_time()
        if now is None:
            return original(self)
        LOOPS.add(self)
        return now.look() / 1_000_000

    return time


def _replace_run_in_executor(original: Callable[..., Any]) -> Callable[..., Any]:
    def run_in_executor(self: Any, executor: Any, func: Any, *args: Any) -> Any:
        future = original(self, executor, func, *args)
        if current_time() is not None:
            _in_executor[self] = _in_executor.get(self, 0) + 1
            future.add_done_callback(lambda _: _in_executor.update({self: _in_executor[self] - 1}))
        return future

    return run_in_executor


def _replace_select(original: Callable[..., Any]) -> Callable[..., Any]:
    def select(self: Any, timeout: float | None = None) -> Any:
        now = current_time() if timeout is None or timeout > 0 else None
        loop: Any = asyncio._get_running_loop() if now is not None else None
        if now is None or loop is None or getattr(loop, "_selector", None) != self:
            return original(self, timeout)
        if timeout is None:
            return now.wait(lambda: original(self, None), None)
        events = original(self, 0)
        if events:
            return events
        others = [each for each in self.get_map() if each != loop._ssock.fileno()]
        if _waits_for_threads(loop) or not all(_is_idle_loopback(loop, each) for each in others):
            # Something may happen that is not one of the loop's timers, in real time; these are to see that pass.
            slice = min(timeout, _SLICE)
            return now.wait(lambda: original(self, slice), whole(timeout), whole(slice))
        if others and (events := original(self, 0)):  # what an idle server had sent by then
            return events
        # No further than to the next timer of a fake: a receiver of webhooks may run on this loop then.
        now.sleep(min(whole(timeout), now.next_due() or whole(timeout)))
        return []

    return select


def _waits_for_threads(loop: Any) -> bool:
    """Whether something is to come from a thread that asyncio or anyio has: work, its end, or a subprocess's."""
    return bool(
        _in_executor.get(loop)
        or (loop._executor_shutdown_called and loop._default_executor is not None)
        or ("anyio.to_thread" in sys.modules and _on_anyio_threads())
        # Where there are no descriptors for processes, a thread waits for each.
        or any(thread.name.startswith("asyncio-waitpid-") for thread in threading.enumerate())
    )


def _on_anyio_threads() -> bool:
    return bool(sys.modules["anyio.to_thread"].current_default_thread_limiter().borrowed_tokens)


def _is_idle_loopback(loop: Any, descriptor: int) -> bool:
    """Whether a connection leads to a loopback server of ours, which has nothing to do."""
    transport = loop._transports.get(descriptor)
    peer = transport and transport.get_extra_info("peername")
    in_hand = LOOPBACKS.get(peer[1]) if peer else None
    return in_hand is not None and not in_hand()
