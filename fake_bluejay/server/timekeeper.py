"""A timekeeper that fires a world's timers on time; without it, they fire when the next request comes."""

from __future__ import annotations

import asyncio

from fake_bluejay.core.clock import ScaledClock
from fake_bluejay.core.world import World

_LONGEST = 3600.0
"""The longest sleep, in seconds, after which a change of the system's clock is noticed."""


class Timekeeper:
    """A timer on the event loop for the next timer of a world. The first use chooses the loop."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._planned: int | None = None
        self._sequence = -1
        self._handle: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def look(self) -> None:
        """Plan anew if a timer may have been scheduled."""
        timers = self._world.timers
        if timers.sequence != self._sequence:
            with self._world.lock:  # a receiver's thread may be scheduling a retry
                self._sequence, due = timers.sequence, timers.next_due()
            if due != self._planned:
                self.plan()

    def look_soon(self) -> None:
        """Call `look` on the event loop, from another thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.look)

    def plan(self) -> None:
        """Fire the due timers, and schedule the next wake-up; call this when the clock has moved or changed."""
        self._loop = asyncio.get_running_loop()
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        with self._world.lock:
            now = self._world.settle()
            self._sequence, self._planned = self._world.timers.sequence, self._world.timers.next_due()
            clock = self._world.clock
        self._world.deliver()
        if self._planned is not None and isinstance(clock, ScaledClock) and clock.speed:
            seconds = (self._planned - now) / 1_000_000 / clock.speed
            # A little late rather than too early, which would need a second wake-up.
            self._handle = self._loop.call_later(min(seconds + 0.001, _LONGEST), self.plan)

    def stop(self) -> None:
        """Fire nothing any more."""
        if self._handle is not None:
            self._handle.cancel()
