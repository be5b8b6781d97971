"""Virtual time of a fake that is on: the clockwork, the wall clock and the event loops, taken along together."""

from __future__ import annotations

from fake_bluejay.intercept.asyncio import take_timers_along
from fake_bluejay.intercept.clockwork import CLOCKWORK, Timeline
from fake_bluejay.intercept.trio import take_clocks_along
from fake_bluejay.intercept.true_time import REAL
from fake_bluejay.intercept.wall_clock import WallClock

_wall_clock = WallClock()
CLOCKWORK.on_moved.append(_wall_clock.moved)


def join(timeline: Timeline) -> None:
    """Begin to move the time of a fake that is switched on. The calling thread takes part from now on."""
    if CLOCKWORK.is_on:
        CLOCKWORK.join(timeline)
        return
    before = REAL.monotonic()
    CLOCKWORK.join(timeline)
    _wall_clock.start(timeline.now, frozen=timeline.frozen)
    _take_along(_virtual() - before)


def leave(timeline: Timeline) -> None:
    """Stop moving the time of a fake that is switched off."""
    if timeline not in CLOCKWORK.timelines:
        return
    before = _virtual()
    CLOCKWORK.leave(timeline)
    if not CLOCKWORK.is_on:
        _wall_clock.stop()
        _take_along(REAL.monotonic() - before, over=True)


def _take_along(seconds: float, *, over: bool = False) -> None:
    """Keep the timers of event loops in step when clocks begin to show another time."""
    take_timers_along(seconds, over=over)
    take_clocks_along(seconds, over=over)


def _virtual() -> float:
    """Return the time of a monotonic clock while a fake is on, in seconds."""
    return CLOCKWORK.microseconds() / 1_000_000
