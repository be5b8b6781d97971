"""Wake-ups: calls from other threads that end the wait of an event loop, of asyncio's or trio's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from fake_bluejay.intercept.clockwork import CLOCKWORK, Wait


class Signal:
    """The state of a loop's wait, which a call from another thread ends."""

    called = False
    wait: Wait | None = None


SIGNALS: WeakKeyDictionary[Any, Signal] = WeakKeyDictionary()
"""The object whose method wakes a loop → the state of the loop's wait."""


def waking(original: Callable[[Any], None]) -> Callable[..., Any]:
    """Return a method that wakes a loop as the original does, and ends the loop's wait."""

    def wake(self: Any) -> None:
        original(self)
        signal = SIGNALS.get(self)
        if signal is not None:
            signal.called = True
            if signal.wait is not None:
                # With a byte of its own: the original's may have been read before this wait began.
                CLOCKWORK.end(signal.wait)

    return wake
