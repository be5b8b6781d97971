"""Timers as data: a heap of tuples, no closures, so that a world can be saved in mid-flight and go on later."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

__all__ = ["Timer", "TimerKind", "Timers"]


class TimerKind(IntEnum):
    """What a timer does when it fires; `World` knows how."""

    AGENT_ENDS = 1
    AGENT_DROPS = 2
    WATCHDOG = 3
    EVALUATION_STARTS = 4
    EVALUATION_COMPLETES = 5


class Timer(NamedTuple):
    """One timer. Ordered by `due`, and among equals by `sequence`: in the order they were scheduled."""

    due: int
    sequence: int
    kind: TimerKind
    test_result_id: int


class Timers:
    """All timers of a world. Scheduling and firing cost O(log n), cancelling O(1)."""

    def __init__(self) -> None:
        self._heap: list[Timer] = []
        self._armed: set[int] = set()
        self.sequence = 0
        """How many timers were ever scheduled."""

    def schedule(self, due: int, kind: TimerKind, test_result_id: int) -> int:
        """Arm a timer; its sequence number is what `cancel` takes."""
        self.sequence = sequence = self.sequence + 1
        heapq.heappush(self._heap, Timer(due, sequence, kind, test_result_id))
        self._armed.add(sequence)
        return sequence

    def cancel(self, sequence: int) -> None:
        """Disarm a timer; nothing happens if it has fired already."""
        self._armed.discard(sequence)

    def next_due(self) -> int | None:
        """When the next armed timer is due, or None if there is none."""
        heap = self._heap
        while heap and heap[0][1] not in self._armed:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def pop_due(self, now: int) -> Iterator[Timer]:
        """Take the timers due at `now` or before, in order, also those scheduled while this iterates."""
        heap, armed, pop = self._heap, self._armed, heapq.heappop
        while heap and heap[0][0] <= now:
            timer = pop(heap)
            if timer[1] in armed:
                armed.remove(timer[1])
                yield timer

    def restore(self, timers: list[Timer], sequence: int) -> None:
        """Replace all timers by saved ones."""
        self._heap = sorted(timers)
        self._armed = {timer.sequence for timer in timers}
        self.sequence = sequence

    def __iter__(self) -> Iterator[Timer]:
        """The armed timers, in the order they would fire."""
        return iter(sorted(timer for timer in self._heap if timer.sequence in self._armed))

    def __len__(self) -> int:
        return len(self._armed)
