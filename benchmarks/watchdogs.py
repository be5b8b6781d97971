"""One million armed watchdogs fired in one advance, against `heapq` alone; and the memory of a conversation."""

from __future__ import annotations

import gc
import heapq
import time
import tracemalloc
from statistics import median

from benchmarks.report import ratio
from fake_bluejay.agents import silent
from fake_bluejay.core.world import DEFAULT_ORGANISATION, World

COUNT = 1_000_000
ROUNDS = 5


def run() -> None:
    """Print the ratio of times, and the bytes."""
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(_fire())
        theirs.append(_pop())
    print(f"{COUNT:,} watchdogs in one advance: {median(ours):.2f} s; heapq alone: {median(theirs):.2f} s")
    ratio("fire / pop", ours, theirs, "≤ 5")
    print(f"  bytes a marked conversation: {_bytes():.0f} (goal ≤ 1,024)")


def _marked(count: int) -> World:
    world = World()
    agent = silent()
    for _ in range(count):
        world.add_test_result(agent=agent)
    world.carry_out(world.plan_ending(DEFAULT_ORGANISATION, range(1, count + 1)))
    return world


def _fire() -> float:
    world = _marked(COUNT)
    gc.collect()
    start = time.perf_counter()
    world.advance(30)
    spent = time.perf_counter() - start
    assert world.results[COUNT].status == "SYSTEM_ERROR"
    return spent


def _pop() -> float:
    heap: list[tuple[int, int, int, int]] = []
    for number in range(COUNT):
        heapq.heappush(heap, (30_000_000, number, 3, number))
    gc.collect()
    start = time.perf_counter()
    while heap:
        heapq.heappop(heap)
    return time.perf_counter() - start


def _bytes(count: int = 50_000) -> float:
    tracemalloc.start()
    world = _marked(count)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(world.results) == count
    return used / count
