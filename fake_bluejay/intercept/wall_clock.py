"""The wall clock of the code under test: `time.time`, `datetime.now` and the like, which move with the fake's time.

time-machine replaces them in C, for every caller. If another tool has replaced them (freezegun, or a travel of the
test's own), that tool keeps the wall clock: if its clock ticks, it moves with what is slept away; if it is frozen, it
stands still.

Threads that were started before the fake keep the present, so that a scheduler among them misses nothing; an instant
that the test has chosen holds for them, too. The threads of the fake's servers date answers by the virtual wall clock.
"""

from __future__ import annotations

import datetime
import sys
import time
from collections.abc import Callable
from typing import Any

from fake_bluejay.http.calendar import is_frozen_by_freezegun
from fake_bluejay.intercept.clockwork import CLOCKWORK, REAL_TIME_THREADS
from fake_bluejay.intercept.true_time import REAL

_GRAIN = 1 / 64
"""The resolution of the wall clock, in seconds.

It is a binary fraction, so that differences of readings are exact. It is longer than a kernel's tick, by which the time
of a file may be older than the wall clock's was when the file was written.
"""


class WallClock:
    """The wall clock while a fake is on."""

    def __init__(self) -> None:
        self._travel: Any = None
        self._traveller: Any = None

    def start(self, now: float | None, *, frozen: bool) -> None:
        """Begin at an instant, in seconds since 1970; None: at the present."""
        if is_frozen_by_freezegun():
            return
        import time_machine

        if _travellers(time_machine):
            return
        start = (time.time() // _GRAIN - 1) * _GRAIN if now is None else now
        self._travel = time_machine.travel(start, tick=not frozen)
        self._traveller = self._travel.start()
        traveller = self._traveller
        time_ns: Callable[[Any], int] = type(traveller).time_ns
        in_real_time: Callable[[], int] = time_machine.escape_hatch.time.time_ns
        find_member: Callable[[], object] = CLOCKWORK.look if frozen else CLOCKWORK.me

        def look() -> int:
            if find_member() is None and now is None and REAL.get_ident() not in REAL_TIME_THREADS:
                return in_real_time()
            return time_ns(traveller)

        traveller.time_ns = look

    def moved(self, length: int) -> None:
        """Move on by the microseconds by which the fake's clock has moved."""
        by = datetime.timedelta(microseconds=length)
        if self._traveller is not None:
            self._traveller.shift(by)
        machine: Any = sys.modules.get("time_machine")
        for traveller in _travellers(machine) if machine is not None else ():
            if traveller is not self._traveller and traveller._tick:
                traveller.shift(by)
        freezegun: Any = sys.modules.get("freezegun.api")
        for factory in freezegun.freeze_factories if freezegun is not None else ():
            if type(factory).__name__ == "TickingDateTimeFactory":
                factory.tick(by)

    def stop(self) -> None:
        """Restore the wall clock."""
        travel, traveller = self._travel, self._traveller
        self._travel = self._traveller = None
        if travel is None:
            return
        import time_machine

        stack = _travellers(time_machine)
        if traveller in stack and stack[-1] is not traveller:  # another tool's patch is over ours, and stays
            stack.remove(traveller)
            stack.append(traveller)
        travel.stop()
        del traveller.time_ns  # which holds its owner


def _travellers(time_machine: Any) -> list[Any]:
    """Return the list of travels, of which the last counts. time-machine 2 has another name for it than 3."""
    contents = vars(time_machine)
    travellers: list[Any] = contents["traveller_stack" if "traveller_stack" in contents else "coordinates_stack"]
    return travellers
