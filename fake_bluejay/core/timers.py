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
        # Plain tuples, in the order of Timer's fields: a named one takes three times as long to make and to collect.
        self._heap: list[tuple[int, int, TimerKind, int]] = []
        self._armed: set[int] = set()
        self.sequence = 0
        """How many timers were ever scheduled."""

    def schedule(self, due: int, kind: TimerKind, test_result_id: int) -> int:
        """Arm a timer; its sequence number is what `cancel` takes."""
        self.sequence = sequence = self.sequence + 1
        heapq.heappush(self._heap, (due, sequence, kind, test_result_id))
        self._armed.add(sequence)
        return sequence

    def cancel(self, sequence: int) -> None:
        """Disarm a timer; nothing happens if it has fired already."""
        self._armed.discard(sequence)

    def cancel_all(self, test_result_id: int) -> None:
        """Disarm whatever is scheduled for a test result. Costs O(n)."""
        self._armed.difference_update(sequence for _, sequence, _, id in self._heap if id == test_result_id)

    def next_due(self) -> int | None:
        """When the next armed timer is due, or None if there is none."""
        heap = self._heap
        while heap and heap[0][1] not in self._armed:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def pop_due(self, now: int) -> Iterator[tuple[int, TimerKind, int]]:
        """Take the timers due at `now` or before, in order, also those scheduled while this iterates.

        Yields when each is due, its kind, and the test result's id.
        """
        heap, armed, pop = self._heap, self._armed, heapq.heappop
        while heap and heap[0][0] <= now:
            due, sequence, kind, test_result_id = pop(heap)
            if sequence in armed:
                armed.remove(sequence)
                yield due, kind, test_result_id

    def restore(self, timers: list[Timer], sequence: int) -> None:
        """Replace all timers by saved ones."""
        self._heap = sorted(tuple(timer) for timer in timers)
        self._armed = {timer.sequence for timer in timers}
        self.sequence = sequence

    def __iter__(self) -> Iterator[Timer]:
        """The armed timers, in the order they would fire."""
        return (Timer(*entry) for entry in sorted(self._heap) if entry[1] in self._armed)

    def __len__(self) -> int:
        return len(self._armed)
