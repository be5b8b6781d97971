"""Virtual time of a fake that is on: the clockwork, the wall clock and the event loops, taken along together."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from fake_bluejay.intercept.asyncio import take_timers_along
from fake_bluejay.intercept.clockwork import CLOCKWORK, Timeline
from fake_bluejay.intercept.true_time import REAL
from fake_bluejay.intercept.wall_clock import WallClock

__all__ = ["join", "leave", "now", "sleep_until", "sleep_until_async"]

_wall_clock = WallClock()
CLOCKWORK.on_moved.append(_wall_clock.moved)


def join(timeline: Timeline, now: float | None = None) -> None:
    """Go along with a fake that is on. The calling thread takes part from now on.

    Args:
        timeline: The fake's time.
        now: Where the wall clock begins, in seconds since 1970; None: where it is.
    """
    first, before = not CLOCKWORK.is_on, _monotonic()
    CLOCKWORK.join(timeline)
    if first:
        _wall_clock.start(now, frozen=timeline.frozen)
        take_timers_along(_monotonic() - before)


def leave(timeline: Timeline) -> None:
    """Leave a fake that is off."""
    if timeline not in CLOCKWORK.timelines:
        return
    before = _monotonic()
    CLOCKWORK.leave(timeline)
    if not CLOCKWORK.is_on:
        _wall_clock.stop()
        take_timers_along(_monotonic() - before)


def _monotonic() -> float:
    return CLOCKWORK.microseconds() / 1_000_000 if CLOCKWORK.is_on else float(REAL.monotonic())


def now() -> float:
    """Return the seconds that a monotonic clock shows in the calling thread, virtual or real."""
    return float(REAL.monotonic()) if CLOCKWORK.me() is None else CLOCKWORK.microseconds() / 1_000_000


def sleep_until(instant: float) -> None:
    """Let the calling thread wait until `now()` is an instant."""
    seconds = instant - now()
    if seconds <= 0:
        return
    member = CLOCKWORK.me()
    if member is None:
        REAL.sleep(seconds)
    else:
        CLOCKWORK.finish(CLOCKWORK.begin(member, seconds, "waited for the fake's answer"))


async def sleep_until_async(instant: float) -> None:
    """Let the calling task wait until `now()` is an instant, on asyncio or trio."""
    seconds = max(instant - now(), 0)
    if asyncio._get_running_loop() is not None:
        await asyncio.sleep(seconds)
    else:
        trio: Any = sys.modules["trio"]
        await trio.sleep(seconds)
