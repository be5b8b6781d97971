"""Thirty seconds of the fake's time in each kind of wait, in real milliseconds."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

import anyio
import trio

from fake_bluejay import FakeBluejay

ROUNDS = 51
GOAL = 5.0
"""Milliseconds."""


def _condition() -> None:
    with (condition := threading.Condition()):
        condition.wait(30)


def _queue() -> None:
    with contextlib.suppress(queue.Empty):
        queue.Queue[int]().get(timeout=30)


def _future() -> None:
    with contextlib.suppress(TimeoutError):
        concurrent.futures.Future[int]().result(30)


def _join() -> None:
    thread = threading.Thread(target=lambda: time.sleep(30))
    thread.start()
    thread.join()


async def _wait_for() -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.Event().wait(), 30)


THREADS: dict[str, Callable[[], Any]] = {
    "time.sleep": lambda: time.sleep(30),
    "Event.wait": lambda: threading.Event().wait(30),
    "Condition.wait": _condition,
    "queue.get": _queue,
    "Future.result": _future,
    "Thread.join on a sleeper": _join,
}
COROUTINES: dict[str, tuple[Callable[[], Any], str]] = {
    "asyncio.sleep": (lambda: asyncio.sleep(30), "asyncio"),
    "asyncio.wait_for": (_wait_for, "asyncio"),
    "anyio": (lambda: anyio.sleep(30), "asyncio"),
    "trio.sleep": (lambda: trio.sleep(30), "trio"),
}


def run() -> None:
    """Print the median and the longest of each."""
    print(f"30 s of the fake's time, {ROUNDS} rounds (goal ≤ {GOAL:g} ms):")
    with FakeBluejay(longest=86_400 * 30) as bluejay:
        for name, wait in THREADS.items():
            took: list[float] = []
            for _ in range(ROUNDS):
                with _timed(bluejay, took):
                    wait()
            _print(name, took)
        for name, (coroutine, backend) in COROUTINES.items():
            took = []
            anyio.run(_rounds, coroutine, bluejay, took, backend=backend)
            _print(name, took)


async def _rounds(coroutine: Callable[[], Any], bluejay: FakeBluejay, took: list[float]) -> None:
    for _ in range(ROUNDS):
        with _timed(bluejay, took):
            await coroutine()


@contextmanager
def _timed(bluejay: FakeBluejay, took: list[float]) -> Iterator[None]:
    start, began = bluejay.clock.now, time.perf_counter()
    yield
    took.append(1000 * (time.perf_counter() - began))
    assert round((bluejay.clock.now - start).total_seconds(), 3) == 30


def _print(name: str, took: list[float]) -> None:
    print(f"  {name}: {median(took):.2f} ms, at most {max(took):.2f} ms")
