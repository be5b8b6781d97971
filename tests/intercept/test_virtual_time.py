"""Sleeping in the code under test moves the fake's clock instead of waiting; deadlines see it move."""

import asyncio
import random
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from time import monotonic as clock_by_name
from time import sleep
from typing import Any

import anyio
import anyio.to_thread
import httpx
import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.intercept import clockwork
from fake_bluejay.intercept.true_time import REAL


def real_sleep(seconds: float) -> None:
    """Not virtual: held by a module that is left alone. Under a name in this module it would be replaced, too."""
    REAL.sleep(seconds)


def by_default(
    seconds: float, wait: Callable[[float], None] = time.sleep, *, again: Callable[[float], None] = sleep
) -> None:
    wait(seconds)
    again(seconds)


class Waiter:
    nap = sleep

    def wait(self, seconds: float, nap: Callable[[float], None] = time.sleep) -> None:
        nap(seconds)


def passed(bluejay: FakeBluejay) -> float:
    return (bluejay.clock.now - datetime(2026, 1, 1, tzinfo=UTC)).total_seconds()


def test_every_way_to_sleep(bluejay: FakeBluejay) -> None:
    time.sleep(10_000)
    sleep(1_000)
    by_default(100)
    Waiter.nap(10)
    Waiter().nap(2)
    Waiter().wait(0.000001)
    assert passed(bluejay) == 11_212.000001


def test_sleep_refuses_bad_lengths(bluejay: FakeBluejay) -> None:
    sleep(0)
    for wrong, error in ((-1, ValueError), ("1", TypeError), (float("inf"), OverflowError)):
        with pytest.raises(error):
            sleep(wrong)  # type: ignore[arg-type]
    assert passed(bluejay) == 0


CLOCKS: list[Callable[[], float]] = [
    lambda: clock_by_name(),
    lambda: time.monotonic(),
    lambda: time.monotonic_ns() / 1e9,
    lambda: time.time(),
    lambda: time.time_ns() / 1e9,
    lambda: datetime.now(UTC).timestamp(),
    lambda: datetime.now().timestamp(),
]


@pytest.mark.parametrize("number", range(len(CLOCKS)))
def test_a_loop_with_a_deadline(bluejay: FakeBluejay, number: int) -> None:
    clock, polls = CLOCKS[number], 0
    deadline = clock() + 60
    while clock() < deadline:
        polls += 1
        sleep(min(7, deadline - clock()))
    assert polls == 9
    assert passed(bluejay) == pytest.approx(60, abs=1e-5)


@pytest.fixture
def few_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that reads clocks so often waits for them."""
    monkeypatch.setattr(clockwork, "_LOOKS", 1000)


@pytest.mark.parametrize("number", range(len(CLOCKS)))
def test_a_loop_that_only_reads_a_clock_ends_in_real_time(bluejay: FakeBluejay, few_looks: None, number: int) -> None:
    clock, start = CLOCKS[number], REAL.monotonic()
    deadline = clock() + 0.02
    while clock() < deadline:
        pass
    assert REAL.monotonic() - start >= 0.02
    assert passed(bluejay) >= 0.0199


async def turn_until(deadline: float) -> None:
    while asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0)


async def test_an_event_loop_that_only_turns_ends_in_real_time(bluejay: FakeBluejay, few_looks: None) -> None:
    await turn_until(asyncio.get_running_loop().time() + 0.01)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await turn_until(float("inf"))
    assert passed(bluejay) >= 0.03


async def test_an_event_loop_with_much_to_do_is_not_waiting(bluejay: FakeBluejay) -> None:
    for _ in range(20_000):
        await asyncio.sleep(0)
    assert passed(bluejay) == 0


async def test_httpx_gives_others_their_turn(bluejay: FakeBluejay) -> None:
    order: list[str] = []

    async def ask(name: str) -> None:
        for _ in range(3):
            await client.get("https://api.getbluejay.ai/v1/ping")
            order.append(name)

    async with httpx.AsyncClient() as client:
        await asyncio.gather(ask("a"), ask("b"))
        assert "".join(order) == "ababab"
        task = asyncio.create_task(ask("c"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert "c" not in order
    assert len(bluejay.requests) == 6


def test_advancing_moves_the_clocks_of_the_code(bluejay: FakeBluejay) -> None:
    monotonic, wall = time.monotonic(), time.time()
    bluejay.clock.advance(12.5)
    assert time.monotonic() - monotonic == pytest.approx(12.5, abs=1e-6)
    assert time.time() - wall == pytest.approx(12.5, abs=1e-6)
    bluejay.reset()  # the fake's clock goes back, the code's must not
    assert time.monotonic() - monotonic == pytest.approx(12.5, abs=1e-6)


def test_durations_stay_true(bluejay: FakeBluejay) -> None:
    start = time.perf_counter()
    sleep(3600)
    assert time.perf_counter() - start < 3600


@pytest.mark.bluejay(sleep="real")
def test_real_sleep(bluejay: FakeBluejay) -> None:
    start = time.monotonic()
    time.sleep(0.001)
    assert time.monotonic() - start >= 0.001
    assert passed(bluejay) == 0


@pytest.mark.bluejay(clock="real")
def test_skipped_sleep_on_a_real_clock(bluejay: FakeBluejay) -> None:
    before, wall, monotonic = bluejay.clock.now, time.time(), time.monotonic()
    sleep(600)
    assert 600 <= (bluejay.clock.now - before).total_seconds() < 660
    assert 600 <= time.monotonic() - monotonic < 660
    assert 590 <= time.time() - wall < 660


def test_a_clock_that_moves_on_while_it_is_moved_does_not_hold_a_sleeper(
    bluejay: FakeBluejay, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, moves = bluejay.world.on_move, []

    def moved(length: int) -> None:
        assert told is not None
        moves.append(length)
        assert len(moves) < 5
        told(max(0, length - 50))  # so much real time has passed in the meantime

    monkeypatch.setattr(bluejay.world, "on_move", moved)
    sleep(600)
    assert passed(bluejay) == 600


def test_two_fakes_move_together(make_bluejay: Callable[..., FakeBluejay]) -> None:
    first, second = make_bluejay(), make_bluejay()
    sleep(30)
    assert passed(first) == passed(second) == 30
    first.stop()
    sleep(5)
    assert (passed(first), passed(second)) == (30, 35)


def test_sleepers_on_threads(bluejay: FakeBluejay) -> None:
    def work() -> None:
        for _ in range(3):
            sleep(5)

    threads = [threading.Thread(target=work) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
        assert not thread.is_alive()
    assert passed(bluejay) >= 15


def test_sleepers_in_a_pool_sleep_at_the_same_time(bluejay: FakeBluejay) -> None:
    begin = threading.Barrier(8)

    def work(seconds: float) -> None:
        begin.wait()
        sleep(seconds)

    threads = [threading.Thread(target=work, args=(seconds,)) for seconds in range(10, 90, 10)]
    for thread in threads:
        thread.start()
    time.sleep(100)
    for thread in threads:
        thread.join(timeout=30)
    assert passed(bluejay) == 100


def test_thread_that_waits_for_another_does_not_run_ahead_of_it(bluejay: FakeBluejay) -> None:
    done: list[float] = []

    def work() -> None:
        for _ in range(3):
            real_sleep(0.005)  # what takes its real time, of which virtual time knows nothing
            sleep(100)
        done.append(passed(bluejay))

    thread = threading.Thread(target=work)
    thread.start()
    deadline = time.monotonic() + 310
    while not done and time.monotonic() < deadline:
        sleep(1)
    thread.join(timeout=30)
    assert done == [300]


@pytest.mark.parametrize("loop_sleeps", [50, 400])
def test_an_event_loop_in_a_thread_keeps_step(bluejay: FakeBluejay, loop_sleeps: float) -> None:
    woken: list[tuple[str, float]] = []

    async def sleeper() -> None:
        for _ in range(2):
            await asyncio.sleep(loop_sleeps)
            woken.append(("loop", passed(bluejay)))

    thread = threading.Thread(target=lambda: asyncio.run(sleeper()))
    thread.start()
    for _ in range(4):
        sleep(201)
        woken.append(("test", passed(bluejay)))
    thread.join(timeout=30)
    assert woken == sorted(woken, key=lambda each: each[1])
    assert [round(at) for who, at in woken if who == "loop"] == [loop_sleeps, 2 * loop_sleeps]


async def test_sleeping_on_a_thread_and_in_the_loop(bluejay: FakeBluejay) -> None:
    async def note(what: str, sleeping: Awaitable[None]) -> str:
        await sleeping
        return f"{what} {round(passed(bluejay))}"

    noted = [
        await each
        for each in asyncio.as_completed(
            [
                note("thread", asyncio.to_thread(sleep, 30)),
                note("loop", asyncio.sleep(20)),
                note("loop", asyncio.sleep(40)),
            ]
        )
    ]
    assert noted == ["loop 20", "thread 30", "loop 40"]


async def test_a_subprocess_gets_its_time(bluejay: FakeBluejay) -> None:
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", "import time; time.sleep(0.05)")
    assert await asyncio.wait_for(child.wait(), 600) == 0
    assert passed(bluejay) < 60


def test_a_thread_polls_while_the_test_sleeps(bluejay: FakeBluejay) -> None:
    polls: list[float] = []
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            sleep(5)
            polls.append(passed(bluejay))

    thread = threading.Thread(target=work)
    thread.start()
    sleep(100)
    stop.set()
    thread.join(timeout=30)
    assert len(polls) > 10
    assert polls == sorted(polls)


async def test_asyncio_sleepers_wake_in_order(bluejay: FakeBluejay) -> None:
    draw = random.Random(3)
    lengths = [draw.randint(1, 60_000_000) / 1e6 for _ in range(500)]
    woken: list[float] = []

    async def sleeper(length: float) -> None:
        await asyncio.sleep(length)
        woken.append(length)

    await asyncio.gather(*map(sleeper, lengths))
    assert woken == sorted(lengths)
    assert passed(bluejay) == pytest.approx(max(lengths), abs=1e-5)


async def test_timeouts_of_asyncio_and_anyio_are_virtual(bluejay: FakeBluejay) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.Event().wait(), 1000)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(100):
            await asyncio.Event().wait()
    with anyio.move_on_after(10) as scope:
        await anyio.sleep(3600)
    assert scope.cancelled_caught
    assert passed(bluejay) == pytest.approx(1110, abs=1e-4)
    assert asyncio.get_running_loop().time() == pytest.approx(time.monotonic(), abs=1e-6)


async def test_work_on_threads_gets_its_time(bluejay: FakeBluejay) -> None:
    def work() -> str:
        real_sleep(0.02)
        return "done"

    assert await asyncio.wait_for(asyncio.to_thread(work), 600) == "done"
    with anyio.fail_after(600):
        assert await anyio.to_thread.run_sync(work) == "done"
    assert passed(bluejay) < 60


async def test_the_end_of_an_executor_gets_its_time(bluejay: FakeBluejay) -> None:
    """From Python 3.12 on, `asyncio.run` gives it 300 seconds, and warns if they are over."""
    await asyncio.to_thread(int)
    loop: Any = asyncio.get_running_loop()
    loop._default_executor.submit(real_sleep, 0.02)
    await asyncio.wait_for(loop.shutdown_default_executor(), 300)
    assert passed(bluejay) < 60


async def test_a_connection_gets_its_time(bluejay: FakeBluejay) -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        await asyncio.to_thread(real_sleep, 0.02)
        writer.write(b"pong\n")
        writer.close()

    server = await asyncio.start_server(slow, "127.0.0.1", 0)
    async with server, asyncio.timeout(600):
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"ping\n")
        assert await reader.readline() == b"pong\n"
        writer.close()
        await writer.wait_closed()
    assert passed(bluejay) < 60


async def test_an_idle_loopback_connection_holds_nothing_up(bluejay: FakeBluejay) -> None:
    async with httpx.AsyncClient(base_url=bluejay.url) as client:
        assert (await client.get("/v1/nothing")).status_code == 404
        before = passed(bluejay)
        await asyncio.sleep(3600)
        assert passed(bluejay) - before == pytest.approx(3600, abs=1)
        assert (await client.get("/v1/nothing")).status_code == 404


def test_a_loop_that_outlives_the_fake_goes_on_as_before() -> None:
    loop = asyncio.new_event_loop()
    try:
        ends = []
        for _ in range(2):
            with FakeBluejay():
                loop.run_until_complete(asyncio.sleep(3600))
                handle = loop.call_later(60, print)
            ends.append(handle.when() - loop.time())
            with FakeBluejay():
                ends.append(handle.when() - loop.time())
            handle.cancel()
        assert [round(end, 1) for end in ends] == [60.0] * 4
    finally:
        loop.close()
