"""Random schedules of threads and tasks, and a naive model that says what happens in each, and when.

A schedule is a list of actors, each with a list of steps. Instants are drawn to the microsecond, so that hardly any two
things fall together, and what happens does not depend on the order in which threads get their turn.

    python tests/intercept/schedules.py 10000     # so many of them, each compared with the model
"""

import asyncio
import concurrent.futures
import heapq
import itertools
import queue
import random
import sys
import threading
import time
from collections.abc import Callable, Generator
from typing import Any, NamedTuple

from fake_bluejay import FakeBluejay

Step = tuple[Any, ...]
History = list[tuple[int, str, str]]
"""Microsecond, actor, and what happened."""

WEBHOOK_EVENT = 0
"""The event that is set when a simulation ends, by a webhook."""
ENDS_AT = 48_000_000
"""Microseconds after which the fake tells of that."""


class Schedule(NamedTuple):
    actors: dict[str, list[Step]]
    """Those whose name begins with `task` run on an event loop."""


def schedule(seed: int) -> Schedule:
    draw = random.Random(seed)
    events, locks = range(1, 4), range(3)

    def length(most: int = 60_000_000) -> int:
        return draw.randint(1, most)

    def step(actor: str) -> Step:
        kinds = ["wait", "set", "put", "get", "work", "poll"]
        # A lock that is taken by a thread that sleeps is waited for in C.
        kind = draw.choice(kinds + ["hold"] * (not actor.startswith("task") and draw.random() < 0.3))
        match kind:
            case "wait":
                return kind, draw.choice([WEBHOOK_EVENT, *events]), length()
            case "set":
                return kind, draw.choice(events)
            case "put":
                return kind, draw.choice(names)
            case "poll":
                return kind, draw.choice([WEBHOOK_EVENT, *events]), draw.randint(50_000, 9_000_000), length()
            case "work":
                return kind, length(), length()
            case "hold":
                return kind, draw.choice([lock for lock in locks if actor in lockers[lock]] or [None]), length()
        return kind, length()

    names = [f"{kind} {number}" for kind in ("thread", "task") for number in range(draw.randint(1, 4))]
    threads = [name for name in names if not name.startswith("task")]
    lockers = {lock: draw.sample(threads, min(2, len(threads))) for lock in locks}
    # A sleep before each, so that what two actors do at the instant at which one wakes the other has an order.
    return Schedule(
        {name: [one for _ in range(draw.randint(0, 6)) for one in (("sleep", length()), step(name))] for name in names}
    )


# --- the model ------------------------------------------------------------------------------------------------------


class Model:
    """Runs a schedule by a heap of instants."""

    def __init__(self, schedule: Schedule) -> None:
        self.now = 0
        self.history: History = []
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._set: set[int] = set()
        self._items = dict.fromkeys(schedule.actors, 0)
        self._held: set[int] = set()
        self._waiting: dict[Any, list[Callable[[], None]]] = {}
        self._at(ENDS_AT, lambda: self._note("webhook", "simulation_ended") or self._set_event(WEBHOOK_EVENT))
        for name, steps in schedule.actors.items():
            self._go_on(self._act(name, steps))

    def run(self) -> History:
        while self._heap:
            self.now, _, happen = heapq.heappop(self._heap)
            happen()
        return sorted(self.history)

    def _at(self, instant: int, happen: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (instant, next(self._order), happen))

    def _note(self, actor: str, what: str) -> None:
        self.history.append((self.now, actor, what))

    def _set_event(self, event: int) -> None:
        self._set.add(event)
        for wake in self._waiting.pop(("event", event), []):
            wake()

    def _go_on(self, actor: Generator[tuple[Any, int | None], bool, None], came: bool | None = None) -> None:
        """Run an actor to its next wait: for something, or so long."""
        try:
            what, length = next(actor) if came is None else actor.send(came)
        except StopIteration:
            return
        over = False

        def wake(came: bool) -> None:
            nonlocal over
            if not over:
                over = True
                if not came and what is not None:
                    self._waiting[what].remove(give)
                self._go_on(actor, came)

        def give() -> None:
            wake(True)

        if what is not None:
            self._waiting.setdefault(what, []).append(give)
        if length is not None:
            self._at(self.now + length, lambda: wake(False))

    def _act(self, name: str, steps: list[Step]) -> Generator[tuple[Any, int | None], bool, None]:
        for step in steps:
            match step:
                case "sleep", length:
                    yield None, length
                    self._note(name, "slept")
                case "set", event:
                    self._set_event(event)
                case "wait", event, length:
                    came = event in self._set or (yield ("event", event), length)
                    self._note(name, f"event {event} {came}")
                case "put", other:
                    waiting = self._waiting.pop(("items", other), [])
                    if waiting:
                        waiting[0]()
                    else:
                        self._items[other] += 1
                case "get", length:
                    came = self._items[name] > 0
                    if came:
                        self._items[name] -= 1
                    else:
                        came = yield ("items", name), length
                    self._note(name, f"item {came}")
                case "work", takes, patience:
                    yield None, min(takes, patience)
                    self._note(name, f"work {takes <= patience}")
                    if takes > patience:
                        yield None, takes - patience
                case "poll", event, every, patience:
                    deadline = self.now + patience
                    while self.now < deadline and event not in self._set:
                        yield None, every
                    self._note(name, f"polled {event in self._set}")
                case "hold", lock, length if lock is not None:
                    while lock in self._held:
                        yield ("lock", lock), None
                    self._held.add(lock)
                    yield None, length
                    self._held.discard(lock)
                    for wake in self._waiting.pop(("lock", lock), []):
                        wake()
                    self._note(name, f"held {lock}")


# --- for real -------------------------------------------------------------------------------------------------------


class Run:
    """Runs a schedule in threads and tasks, by the standard library."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._history: History = []
        self._events = {event: threading.Event() for event in range(4)}
        self._locks = {lock: threading.Lock() for lock in range(3)}

    def run(self) -> History:
        asyncio.run(self._run())
        return sorted(self._history)

    async def _run(self) -> None:
        self._start = time.monotonic()
        self._loop = asyncio.get_running_loop()
        self._loop._clock_resolution = 1e-9  # by which timers come early: 16 ms on Windows, 1e-9 elsewhere
        self._async_events = {event: asyncio.Event() for event in self._events}
        self._async_queues: dict[str, asyncio.Queue[int]] = {name: asyncio.Queue() for name in self._schedule.actors}
        with FakeBluejay() as bluejay:
            self._start = time.monotonic()
            kinds: Any = itertools.cycle((queue.Queue, queue.SimpleQueue))
            self._queues: dict[str, Any] = {name: next(kinds)() for name in self._schedule.actors}
            bluejay.webhooks.add(self._receive, ["simulation_ended"])
            bluejay.queue_run()
            self._pool = concurrent.futures.ThreadPoolExecutor(10)
            threads = [
                threading.Thread(target=self._act, args=(name, steps), name=name)
                for name, steps in self._schedule.actors.items()
                if not name.startswith("task")
            ]
            # None is to be ahead of the others.
            for thread in threads:
                thread.start()
            tasks = [
                asyncio.create_task(self._act_async(name, steps))
                for name, steps in self._schedule.actors.items()
                if name.startswith("task")
            ]
            await asyncio.gather(*tasks)
            for thread in threads:
                await asyncio.to_thread(thread.join)
            await asyncio.to_thread(self._events[WEBHOOK_EVENT].wait)
            await asyncio.to_thread(self._pool.shutdown)

    def _receive(self, request: Any) -> None:
        self._note("webhook", request.event)
        self._set(WEBHOOK_EVENT)

    def _note(self, actor: str, what: str) -> None:
        self._history.append((round((time.monotonic() - self._start) * 1e6), actor, what))

    def _set(self, event: int) -> None:
        self._events[event].set()
        self._loop.call_soon_threadsafe(self._async_events[event].set)

    def _put(self, other: str) -> None:
        if other.startswith("task"):
            self._loop.call_soon_threadsafe(self._async_queues[other].put_nowait, 1)
        else:
            self._queues[other].put(1)

    def _act(self, name: str, steps: list[Step]) -> None:
        for step in steps:
            match step:
                case "sleep", length:
                    time.sleep(length / 1e6)
                    self._note(name, "slept")
                case "set", event:
                    self._set(event)
                case "wait", event, length:
                    self._note(name, f"event {event} {self._events[event].wait(length / 1e6)}")
                case "put", other:
                    self._put(other)
                case "get", length:
                    try:
                        self._queues[name].get(timeout=length / 1e6)
                        self._note(name, "item True")
                    except queue.Empty:
                        self._note(name, "item False")
                case "work", takes, patience:
                    future = self._pool.submit(time.sleep, takes / 1e6)
                    try:
                        future.result(patience / 1e6)
                        self._note(name, "work True")
                    except TimeoutError:
                        self._note(name, "work False")
                        future.result()
                case "poll", event, every, patience:
                    deadline = time.monotonic() + patience / 1e6
                    while time.monotonic() < deadline and not self._events[event].is_set():
                        time.sleep(every / 1e6)
                    self._note(name, f"polled {self._events[event].is_set()}")
                case "hold", lock, length if lock is not None:
                    with self._locks[lock]:
                        time.sleep(length / 1e6)
                    self._note(name, f"held {lock}")

    async def _act_async(self, name: str, steps: list[Step]) -> None:
        for step in steps:
            match step:
                case "sleep", length:
                    await asyncio.sleep(length / 1e6)
                    self._note(name, "slept")
                case "set", event:
                    self._set(event)
                    await asyncio.sleep(0)  # for it to be set
                case "wait", event, length:
                    self._note(name, f"event {event} {await self._came(self._async_events[event].wait(), length)}")
                case "put", other:
                    self._put(other)
                    await asyncio.sleep(0)
                case "get", length:
                    self._note(name, f"item {await self._came(self._async_queues[name].get(), length)}")
                case "work", takes, patience:
                    working = asyncio.ensure_future(asyncio.to_thread(time.sleep, takes / 1e6))
                    self._note(name, f"work {await self._came(asyncio.shield(working), patience)}")
                    await working
                case "poll", event, every, patience:
                    deadline = time.monotonic() + patience / 1e6
                    while time.monotonic() < deadline and not self._async_events[event].is_set():
                        await asyncio.sleep(every / 1e6)
                    self._note(name, f"polled {self._async_events[event].is_set()}")

    async def _came(self, what: Any, length: int) -> bool:
        try:
            await asyncio.wait_for(what, length / 1e6)
        except TimeoutError:
            return False
        return True


def differences(seed: int) -> list[str]:
    """Return where a schedule goes otherwise than the model says, by more than the rounding of clocks."""
    drawn = schedule(seed)
    expected, found = Model(drawn).run(), Run(drawn).run()

    def by_actor(history: History) -> dict[str, list[tuple[int, str]]]:
        return {name: [(at, what) for at, who, what in history if who == name] for name in [*drawn.actors, "webhook"]}

    wrong = []
    for name, steps in by_actor(expected).items():
        others = by_actor(found)[name]
        same = len(steps) == len(others) and all(
            one[1] == other[1] and abs(one[0] - other[0]) <= 20 for one, other in zip(steps, others, strict=True)
        )
        if not same:
            wrong.append(f"schedule {seed}, {name}: {drawn.actors.get(name)}\n  model {steps}\n  found {others}")
    return wrong


if __name__ == "__main__":
    first, last = (0, int(sys.argv[1])) if len(sys.argv) == 2 else (int(sys.argv[1]), int(sys.argv[2]))
    began, failed = time.monotonic(), 0
    for seed in range(first, last):
        wrong = differences(seed)
        failed += bool(wrong)
        print(*wrong, sep="\n", end="\n" if wrong else "")
        if seed % 500 == 499:
            print(f"{seed + 1} schedules, {failed} wrong, {time.monotonic() - began:.0f} s", flush=True)
    sys.exit(failed > 0)
