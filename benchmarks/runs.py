"""Runs that progress from queueing to their scores in one advance: how time and memory grow with the calls."""

from __future__ import annotations

import gc
import math
import time
import tracemalloc
from statistics import linear_regression

from fake_bluejay.bluejay.digital_humans import DIGITAL_HUMANS
from fake_bluejay.bluejay.simulations import SIMULATIONS
from fake_bluejay.core.outbox import WebhookRecord
from fake_bluejay.core.runs import DEFAULT_LONGEST, DEFAULT_RINGING
from fake_bluejay.core.scripts import Call
from fake_bluejay.core.statuses import is_final
from fake_bluejay.core.world import DEFAULT_ORGANISATION, World

SIZES = (1_000, 10_000, 100_000)
ROUNDS = 3
_ENDS = (Call(), Call(passes=False), Call(end="no_answer"), Call(end="dropped", talks_for=10), Call(talks_for=None))
"""The scripts of the calls, in turn."""


def run() -> None:
    """Print times, the exponent that fits them, and the bytes."""
    _advance(1_000, None)  # so that nothing is done for the first time
    alone = _fastest(None)
    _print("runs of 10 calls", alone)
    print(f"  10,000 runs of 10 calls in one advance: {alone[100_000]:.2f} s (goal < 20 s)")
    _print("… with 3 slots a run", _fastest(3))
    _print("… with a webhook that hears of all", _fastest(None, webhook=True))
    print(f"  bytes a call that has run to its end: {_bytes():.0f}")


def _fastest(slots: int | None, *, webhook: bool = False) -> dict[int, float]:
    """Of each size the fastest of some: what else the machine does only adds."""
    return {calls: min(_advance(calls, slots, webhook=webhook) for _ in range(ROUNDS)) for calls in SIZES}


def _print(what: str, times: dict[int, float]) -> None:
    each = ", ".join(f"{calls:,} in {seconds:.3f} s" for calls, seconds in times.items())
    slope, _ = linear_regression([math.log(calls) for calls in times], [math.log(each) for each in times.values()])
    print(f"{what}: {each}\n  exponent: {slope:.2f} (goal about 1)")


def _queued(calls: int, slots: int | None, *, webhook: bool = False) -> World:
    world = World()
    simulation = world.resources[SIMULATIONS].add(DEFAULT_ORGANISATION, {"agent_id": 1, "name": ""})
    human = world.resources[DIGITAL_HUMANS].add(DEFAULT_ORGANISATION, {"name": "Ann"})
    world.next_calls.extend(_ENDS[number % len(_ENDS)] for number in range(calls))
    if webhook:
        events = ("simulation_ended", "simulation_result_evaluated")
        world.outbox.add(WebhookRecord("", DEFAULT_ORGANISATION, None, events, ""))
        world.delivery_worker = _Taker(world)
    for _ in range(calls // 10):
        world.queue_run(
            simulation,
            [(human, 10, 1)],
            {},
            slots=slots,
            longest=DEFAULT_LONGEST,
            ringing=DEFAULT_RINGING,
            inbound=False,
        )
    return world


class _Taker:
    """A delivery worker of which every receiver takes everything at once."""

    is_busy = False

    def __init__(self, world: World) -> None:
        self._world = world

    def deliver(self) -> None:
        from fake_bluejay.core.outbox import Attempt

        while (taken := self._world.next_delivery()) is not None:
            self._world.attempted(taken[0], Attempt(self._world.now(), 200, None), 0)


def _advance(calls: int, slots: int | None, *, webhook: bool = False) -> float:
    world = _queued(calls, slots, webhook=webhook)
    gc.collect()
    start = time.perf_counter()
    world.advance(7200)
    spent = time.perf_counter() - start
    assert all(is_final(record.status) for record in world.results.values())
    return spent


def _bytes(calls: int = 10_000) -> float:
    tracemalloc.start()
    world = _queued(calls, None)
    world.advance(7200)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(world.results) == calls
    return used / calls
