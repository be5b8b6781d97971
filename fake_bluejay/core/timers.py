"""Timers as data: tuples, no closures, so that a world can be saved in mid-flight and go on later."""

from __future__ import annotations

import heapq
from collections.abc import Container, Iterable, Iterator
from typing import Any, Literal, NamedTuple

from fake_bluejay.core.clock import END

TimerKind = Literal[
    "agent_ends",
    "agent_drops",
    "watchdog",
    "evaluation_starts",
    "evaluation_completes",
    "call_proceeds",
    "delivery",
    "resource",
]
"""The kind of a timer, which `World` acts on. All but `delivery` and `resource` belong to a test result."""


class Timer(NamedTuple):
    """An armed timer. Timers due at the same instant are ordered by `sequence`, as they were scheduled."""

    due: int
    sequence: int
    kind: TimerKind
    subject_id: int | str
    """The test result; for a `delivery`, its number; for a `resource`, the entity: `"<collection>/<id>"`."""

    @property
    def test_result_id(self) -> int | None:
        """The test result that it is for; None for a timer of anything else."""
        return self.subject_id if isinstance(self.subject_id, int) and self.kind != "delivery" else None


class Timers:
    """The timers of a world.

    Those due at the same instant wait in one list, in the order they were scheduled, and a heap holds the instants: a
    million conversations that were marked at once are fired in a walk, not in a million searches. Scheduling costs
    O(log n) in the instants that are pending, cancelling O(1).
    """

    def __init__(self) -> None:
        self._instants: list[int] = []
        self._due_at: dict[int, list[tuple[int, TimerKind, int | str]]] = {}
        """Instant → the timers due then: sequence, kind and subject. Cancelled ones stay until that instant."""
        self._armed: set[int] = set()
        self.sequence = 0
        """The number of timers that were ever scheduled."""

    def schedule(self, due: int, kind: TimerKind, subject_id: int | str) -> int:
        """Arm a timer, and return its sequence number for `cancel`. A timer due after the end of time is due then."""
        due = min(due, END)
        self.sequence = sequence = self.sequence + 1
        if due not in self._due_at:
            self._due_at[due] = []
            heapq.heappush(self._instants, due)
        self._due_at[due].append((sequence, kind, subject_id))
        self._armed.add(sequence)
        return sequence

    def cancel(self, sequences: Iterable[int]) -> None:
        """Disarm timers; nothing happens to those that have fired already."""
        self._armed.difference_update(sequences)

    def cancel_all(self, test_result_ids: Container[int]) -> None:
        """Disarm all timers of these test results. Costs O(n)."""
        self.cancel(
            [timer.sequence for timer in self if timer.subject_id in test_result_ids and timer.kind != "delivery"]
        )

    def next_due(self) -> int | None:
        """Return the instant of the next armed timer, or None if there is none."""
        while self._instants:
            due = self._instants[0]
            for sequence, _, _ in self._due_at[due]:
                if sequence in self._armed:
                    return due
            self._forget_first()
        return None

    def pop_due(self, now: int) -> Iterable[tuple[int, TimerKind, Any]]:
        """Yield and remove the timers due at `now` or before, in order, also those scheduled during the iteration."""
        # This runs with every request, and mostly nothing is due.
        return self._pop_due(now) if self._instants and self._instants[0] <= now else ()

    def _pop_due(self, now: int) -> Iterator[tuple[int, TimerKind, Any]]:
        armed = self._armed
        while self._instants and self._instants[0] <= now:
            due = self._instants[0]
            for sequence, kind, subject_id in self._due_at[due]:
                if sequence in armed:
                    armed.remove(sequence)
                    yield due, kind, subject_id
            self._forget_first()

    def _forget_first(self) -> None:
        del self._due_at[heapq.heappop(self._instants)]

    def restore(self, timers: list[Timer], last_sequence: int) -> None:
        """Replace all timers by saved ones."""
        self._due_at = {}
        for due, sequence, kind, subject_id in sorted(timers):
            self._due_at.setdefault(due, []).append((sequence, kind, subject_id))
        self._instants = sorted(self._due_at)  # which is a heap
        self._armed = {timer.sequence for timer in timers}
        self.sequence = last_sequence

    def __iter__(self) -> Iterator[Timer]:
        """Iterate over the armed timers, in the order they will fire."""
        for due in sorted(self._instants):
            for sequence, kind, subject_id in self._due_at[due]:
                if sequence in self._armed:
                    yield Timer(due, sequence, kind, subject_id)

    def __len__(self) -> int:
        return len(self._armed)
