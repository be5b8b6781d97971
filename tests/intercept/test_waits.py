"""Each wait of the standard library, and the time that passes meanwhile by the fake's clock and the code's own."""

import asyncio
import concurrent.futures
import ctypes
import gc
import importlib
import multiprocessing
import multiprocessing.pool
import os
import queue
import select
import socket
import subprocess
import sys
import threading
import time
import weakref
from asyncio import run_coroutine_threadsafe
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import anyio.from_thread
import grpc
import pytest
import requests
import trio
import trio.testing
from loguru import logger

from fake_bluejay import FakeBluejay
from fake_bluejay.agents import ends_after
from fake_bluejay.intercept.clockwork import CLOCKWORK, LongestExceeded
from fake_bluejay.intercept.true_time import REAL
from fake_bluejay.intercept.working import Watch


@pytest.fixture
def passed(bluejay: FakeBluejay) -> Callable[[], float]:
    """Say how many seconds have passed by the fake's clock; the code's own has moved as far."""
    start, monotonic, wall = bluejay.clock.now, time.monotonic(), time.time()

    def passed() -> float:
        seconds = (bluejay.clock.now - start).total_seconds()
        assert time.monotonic() - monotonic == pytest.approx(seconds, abs=1e-5)
        assert time.time() - wall == pytest.approx(seconds, abs=1e-5)
        return seconds

    return passed


@pytest.fixture
def bystander() -> Iterator[Callable[[Callable[[], Any]], threading.Thread]]:
    """Start a thread that takes no part, as one from before the fake does not."""

    def start(work: Callable[[], Any]) -> threading.Thread:
        thread = threading.Thread(target=work, daemon=True)
        member = CLOCKWORK._members.pop(REAL.get_ident())
        try:
            thread.start()
        finally:
            CLOCKWORK._members[REAL.get_ident()] = member
        return thread

    return start


def condition_wait() -> None:
    with (condition := threading.Condition()):
        condition.wait(30)


def condition_wait_for() -> None:
    with (condition := threading.Condition()):
        assert not condition.wait_for(lambda: False, 30)


def join_a_sleeper() -> None:
    thread = threading.Thread(target=lambda: time.sleep(30))
    thread.start()
    thread.join()
    assert not thread.is_alive()


def join_in_time() -> None:
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    thread.join(30)
    assert thread.is_alive()
    over.set()
    thread.join()


def in_a_pool(pool: concurrent.futures.Executor) -> None:
    with pool:
        assert pool.submit(time.sleep, 30).result() is None


def as_completed() -> None:
    with pytest.raises(TimeoutError):
        list(concurrent.futures.as_completed([concurrent.futures.Future()], 30))


def timer() -> None:
    over = threading.Event()
    threading.Timer(30, over.set).start()
    assert over.wait()


def expect(error: type[BaseException], call: Callable[[], Any]) -> None:
    with pytest.raises(error):
        call()


async def wait_for() -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.Event().wait(), 30)


async def threadsafe() -> None:
    await asyncio.to_thread(
        lambda loop: asyncio.run_coroutine_threadsafe(asyncio.sleep(30), loop).result(60), asyncio.get_running_loop()
    )


def through_a_portal(backend: str) -> None:
    with anyio.from_thread.start_blocking_portal(backend) as portal:
        portal.call(anyio.sleep, 30)


def guest_run() -> None:
    calls: queue.Queue[Callable[[], object]] = queue.Queue()
    done: list[Any] = []
    trio.lowlevel.start_guest_run(trio.sleep, 30, run_sync_soon_threadsafe=calls.put, done_callback=done.append)
    while not done:
        calls.get()()


def guest_run_that_is_called() -> None:
    """Its host has it go on, 30 seconds later."""
    calls: queue.Queue[Callable[[], object]] = queue.Queue()
    done: list[Any] = []
    send, receive = trio.open_memory_channel[str](1)
    trio.lowlevel.start_guest_run(receive.receive, run_sync_soon_threadsafe=calls.put, done_callback=done.append)
    while not receive.statistics().tasks_waiting_receive:
        calls.get()()
    time.sleep(30)
    send.send_nowait("go on")
    while not done:
        calls.get()()


WAITS: dict[str, Callable[[], Any]] = {
    "time.sleep": lambda: time.sleep(30),
    "Event.wait": lambda: threading.Event().wait(30),
    "Condition.wait": condition_wait,
    "Condition.wait_for": condition_wait_for,
    "Semaphore.acquire": lambda: threading.Semaphore(0).acquire(timeout=30),
    "Barrier.wait": lambda: expect(threading.BrokenBarrierError, lambda: threading.Barrier(2).wait(30)),
    "Timer": timer,
    "Thread.join of a sleeper": join_a_sleeper,
    "Thread.join in time": join_in_time,
    "Queue.get": lambda: expect(queue.Empty, lambda: queue.Queue[int]().get(timeout=30)),
    "SimpleQueue.get": lambda: expect(queue.Empty, lambda: queue.SimpleQueue[int]().get(timeout=30)),
    "Future.result": lambda: expect(TimeoutError, lambda: concurrent.futures.Future[int]().result(30)),
    "futures.wait": lambda: concurrent.futures.wait([concurrent.futures.Future[int]()], 30),
    "as_completed": as_completed,
    "a pool": lambda: in_a_pool(concurrent.futures.ThreadPoolExecutor(2)),
    "asyncio.sleep": lambda: asyncio.run(asyncio.sleep(30)),
    "asyncio.wait_for": lambda: asyncio.run(wait_for()),
    "asyncio.to_thread": lambda: asyncio.run(asyncio.to_thread(time.sleep, 30)),
    "run_coroutine_threadsafe": lambda: asyncio.run(threadsafe()),
    "anyio on asyncio": lambda: anyio.run(anyio.sleep, 30),
    "anyio on trio": lambda: anyio.run(anyio.sleep, 30, backend="trio"),
    "trio": lambda: trio.run(trio.sleep, 30),
    "a guest run of trio": guest_run,
    "a guest run of trio that is called": guest_run_that_is_called,
    "trio's threads": lambda: trio.run(trio.to_thread.run_sync, time.sleep, 30),
    "trio from a thread": lambda: trio.run(trio.to_thread.run_sync, trio.from_thread.run, trio.sleep, 30),
    "anyio's portal": lambda: through_a_portal("asyncio"),
    "anyio's portal on trio": lambda: through_a_portal("trio"),
}


@pytest.mark.parametrize("name", WAITS)
def test_a_wait_passes_as_long_as_it_would_and_at_once(passed: Callable[[], float], name: str) -> None:
    WAITS[name]()
    assert passed() == pytest.approx(30, abs=1e-4)
    WAITS[name]()
    assert passed() == pytest.approx(60, abs=1e-4)


def test_the_threads_of_a_pool_of_multiprocessing_wait_at_once(passed: Callable[[], float]) -> None:
    start = REAL.monotonic()
    with multiprocessing.pool.ThreadPool(2) as pool:
        pool.map(time.sleep, [30, 30, 30, 30], chunksize=1)
        assert passed() == pytest.approx(60, abs=0.5)
    pool = multiprocessing.pool.ThreadPool(2)
    pool.apply_async(time.sleep, [30])
    pool.close()
    pool.join()
    assert passed() == pytest.approx(90, abs=0.5)
    assert REAL.monotonic() - start < 10


def test_waits_leave_no_garbage_to_collect(bluejay: FakeBluejay) -> None:
    """Garbage of the fake's would keep the code's own objects alive, too."""
    for wait in WAITS.values():
        wait()
    for _ in range(3):  # what tests before this have left may take more than one
        gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for wait in WAITS.values():
            wait()
        gc.collect()
        assert [each for each in gc.garbage if type(each).__module__.startswith("fake_bluejay.")] == []
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def test_a_polling_loop_that_waits_by_an_event_comes_to_its_deadline(passed: Callable[[], float]) -> None:
    stop, deadline, polls = threading.Event(), time.monotonic() + 60, 0
    while time.monotonic() < deadline:
        polls += 1
        assert not stop.wait(0.5)
    assert (polls, passed()) == (120, 60)


def test_a_thread_from_before_that_sleeps_for_ever_moves_the_clock_by_nothing() -> None:
    slept, stop = threading.Event(), threading.Event()

    def sleep() -> None:
        while not stop.is_set():
            time.sleep(0.001)
            slept.set()

    thread = threading.Thread(target=sleep, daemon=True)
    thread.start()
    with FakeBluejay() as bluejay:
        start = bluejay.clock.now
        for _ in range(5):
            slept.clear()
            REAL.sleep(0.003)
        assert bluejay.clock.now == start
        time.sleep(3600)  # and holds nobody up
        assert bluejay.clock.now - start == timedelta(hours=1)
    stop.set()
    thread.join()


@pytest.mark.parametrize("name", ["sleep", "monotonic", "monotonic_ns"])
def test_a_mock_of_time_from_before_is_called_and_moves_nothing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(time, name, lambda *args: [7, *args])
    args = [30] if name == "sleep" else []
    with FakeBluejay() as bluejay:
        start = bluejay.clock.now
        assert getattr(time, name)(*args) == [7, *args]
        assert bluejay.clock.now == start


def test_a_mock_of_time_is_called_that_was_there_before_anything_of_ours_was_imported() -> None:
    code = """
import time
naps, true_sleep = [], time.sleep
time.sleep = naps.append
from fake_bluejay import FakeBluejay
with FakeBluejay() as bluejay:
    time.sleep(7)
    assert naps == [7]
    time.sleep = true_sleep
with FakeBluejay() as bluejay:
    start = bluejay.clock.now
    time.sleep(7)
    assert (bluejay.clock.now - start).total_seconds() == 7
assert (naps, time.sleep) == ([7], true_sleep)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("times_before", [0, 100], ids=["new code", "code that Python has specialised"])
def test_beside_a_thread_that_reads_a_pipe_a_sleep_takes_its_time_and_no_more(
    bluejay: FakeBluejay, times_before: int
) -> None:
    """As the writer of a log does that is written by a thread."""
    ours, theirs = os.pipe()
    os.write(theirs, b"." * times_before)

    def read() -> None:
        for _ in range(times_before + 1):
            os.read(ours, 1)

    reader = threading.Thread(target=read)
    reader.start()
    start, real = bluejay.clock.now, REAL.monotonic()
    time.sleep(0.3)
    assert 0.29 < REAL.monotonic() - real < 4
    assert bluejay.clock.now - start >= timedelta(seconds=0.29)
    os.write(theirs, b".")
    reader.join()
    os.close(ours)
    os.close(theirs)


GREENLETS = {
    "gevent": "import gevent.monkey; gevent.monkey.patch_all(); from gevent import spawn; wait = lambda one: one.get()",
    # Without its own resolver, which imports whatever dnspython can use, and much of that does not bear eventlet.
    "eventlet": "import os; os.environ['EVENTLET_NO_GREENDNS'] = 'yes'\n"
    "import eventlet; eventlet.monkey_patch(); from eventlet import spawn; wait = lambda one: one.wait()",
}


@pytest.mark.parametrize("name", GREENLETS)
def test_greenlets_come_to_the_end_of_a_call(name: str) -> None:
    """They sleep in real time, which counts: in the main greenlet and in others, for requests and for views."""
    pytest.importorskip(name)
    code = (
        f"{GREENLETS[name]}\n"
        + """
import time, requests
from fake_bluejay import FakeBluejay
KEY = {"X-API-Key": "key"}
API = "https://api.getbluejay.ai/v1"

def is_over(id):
    answer = requests.get(f"{API}/retrieve-simulation-result/{id}", headers=KEY)
    return answer.json()["simulation_result"]["status"] != "RUNNING"

def wait_for_the_end(id):
    while not is_over(id):
        time.sleep(0.1)

with FakeBluejay(agent="ends-after=0.3") as bluejay:
    for run in lambda id: wait(spawn(wait_for_the_end, id)), wait_for_the_end:
        result, start = bluejay.add_test_result(), time.perf_counter()
        requests.post(f"{API}/end-conversations", json={"test_result_ids": [result.id]}, headers=KEY)
        run(result.id)
        assert time.perf_counter() - start > 0.25
    result = bluejay.add_test_result()
    requests.post(f"{API}/end-conversations", json={"test_result_ids": [result.id]}, headers=KEY)
    time.sleep(0.4)
    assert result.status != "RUNNING"
    assert requests.get(f"{bluejay.url}/v1/ping", timeout=20).status_code == 200  # by its server in this process
"""
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("now", [None, "2031-03-01T12:00:00Z"])
def test_threads_from_before_keep_the_present_unless_the_test_chooses_another(now: str | None) -> None:
    """A scheduler among them would else wait, after the test, until the real clock is where the test's was."""
    asked, answers = queue.SimpleQueue[None](), queue.SimpleQueue[float]()

    def bystander() -> None:
        while True:
            asked.get()
            answers.put(time.time())

    threading.Thread(target=bystander, daemon=True).start()

    def theirs() -> float:
        asked.put(None)
        return answers.get()

    with FakeBluejay(now=now):
        time.sleep(600)
        assert abs(time.time() - theirs() - (0 if now else 600)) < 5


def test_a_servers_thread_from_before_that_polls_for_the_test_comes_to_the_end_of_a_call(
    bluejay: FakeBluejay,
    bystander: Callable[[Callable[[], Any]], threading.Thread],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As in a test of an application that a live server serves: the test waits in C for the answer."""
    monkeypatch.setattr("fake_bluejay.intercept.clockwork._UNSEEN", 0.1)
    call = bluejay.add_test_result(agent=ends_after(0.2))
    headers, api = {"X-API-Key": "key"}, "https://api.getbluejay.ai/v1"
    requests.post(f"{api}/end-conversations", headers=headers, json={"test_result_ids": [call.id]}, timeout=5)
    near, far = socket.socketpair()

    def serve() -> None:
        for _ in range(200):
            answer = requests.get(f"{api}/retrieve-simulation-result/{call.id}", headers=headers, timeout=5).json()
            if answer["simulation_result"]["status"] != "RUNNING":
                far.send(b"over")
                return
            time.sleep(0.02)
        far.send(b"running for ever")

    with near, far:
        server = bystander(serve)
        assert near.recv(100) == b"over"
        server.join()


@pytest.mark.parametrize("imported", ["by name", "with its module"])
def test_a_loop_from_before_has_real_time_to_give_a_result(imported: str) -> None:
    """Its coroutine lives in real time, so a timeout that jumps would come before it has begun."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    while not loop.is_running():
        REAL.sleep(0.001)

    async def work() -> int:
        await asyncio.sleep(0.05)
        return 1

    with FakeBluejay() as bluejay:
        run = run_coroutine_threadsafe if imported == "by name" else asyncio.run_coroutine_threadsafe
        start = bluejay.clock.now
        assert run(work(), loop).result(60) == 1
        assert 0.04 < (bluejay.clock.now - start).total_seconds() < 30
        with pytest.raises(TimeoutError):
            run(asyncio.sleep(0.2), loop).result(timeout=0.01)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_a_loop_from_before_that_took_part_once_keeps_its_timers_in_later_tests() -> None:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="a loop from before")
    thread.start()
    armed, rang = threading.Event(), threading.Event()
    while not loop.is_running():
        REAL.sleep(0.001)
    with FakeBluejay(participants=["a loop from before"]):
        assert asyncio.run_coroutine_threadsafe(asyncio.sleep(30, 1), loop).result(60) == 1
    loop.call_soon_threadsafe(loop.call_later, 300, rang.set)
    loop.call_soon_threadsafe(armed.set)
    assert armed.wait(5)
    for _ in range(2):
        with FakeBluejay():
            time.sleep(3600)
    assert not rang.wait(0.05)
    [timer] = loop._scheduled  # type: ignore[attr-defined]
    assert timer.when() - time.monotonic() == pytest.approx(300, abs=30)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_a_loop_in_a_thread_of_the_test_gives_its_result_at_once(passed: Callable[[], float]) -> None:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    assert asyncio.run_coroutine_threadsafe(asyncio.sleep(30, 1), loop).result(60) == 1
    assert passed() == 30
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


class Seconds:
    """An integer of another library, as NumPy has them."""

    def __index__(self) -> int:
        return 30


def test_integers_of_all_kinds_are_lengths_of_waits(passed: Callable[[], float]) -> None:
    time.sleep(Seconds())  # type: ignore[arg-type]
    thread = threading.Thread(target=lambda: time.sleep(100))
    thread.start()
    thread.join(Seconds())  # type: ignore[arg-type]
    assert passed() == 60
    thread.join()
    with pytest.raises(TypeError, match="cannot be interpreted as an integer"):
        time.sleep("1")  # type: ignore[arg-type]


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        await asyncio.sleep(30)
        writer.write(line)
    writer.close()


async def test_a_server_and_its_clients_in_one_loop_take_no_time(passed: Callable[[], float]) -> None:
    start = REAL.monotonic()
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server:
        await asyncio.sleep(30)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        for line in (b"one\n", b"two\n"):
            writer.write(line)
            assert await asyncio.wait_for(reader.readline(), 40) == line
            await asyncio.sleep(30)
        writer.close()
        await writer.wait_closed()
    assert passed() == 150
    assert REAL.monotonic() - start < 10


async def test_a_connection_that_leads_out_of_the_loop_takes_its_time(passed: Callable[[], float]) -> None:
    near, far = socket.socketpair()
    with far:
        reader, writer = await asyncio.open_connection(sock=near)
        threading.Timer(0.05, far.send, [b"x\n"]).start()
        assert await asyncio.wait_for(reader.readline(), 40) == b"x\n"
        assert 0.05 <= passed() < 30
        writer.close()


def test_a_thread_that_is_started_by_a_bystander_is_one(
    passed: Callable[[], float], bystander: Callable[[Callable[[], Any]], threading.Thread]
) -> None:
    took: list[float] = []

    def child() -> None:
        start = time.monotonic()
        time.sleep(0.01)
        took.append(REAL.monotonic() - start)

    def start() -> None:
        thread = threading.Thread(target=child)
        thread.start()
        thread.join()

    bystander(start).join()
    assert took[0] >= 0.01


def test_an_item_wakes_the_thread_that_waits_and_not_the_one_that_has_just_taken_another(
    bluejay: FakeBluejay,
) -> None:
    items: queue.SimpleQueue[str] = queue.SimpleQueue()
    items.put("first")
    got: list[str] = []
    waiting = threading.Thread(target=lambda: got.append(items.get()), daemon=True)

    def meanwhile(frame: Any, event: str, function: Any) -> None:
        if event == "c_return" and function.__name__ == "get_nowait":
            sys.setprofile(None)
            waiting.start()
            REAL.sleep(0.1)
            items.put("second")

    sys.setprofile(meanwhile)
    try:
        assert items.get() == "first"
    finally:
        sys.setprofile(None)
    waiting.join(5)
    assert got == ["second"]


def test_wait_lasts_while_another_thread_works(passed: Callable[[], float]) -> None:
    future: concurrent.futures.Future[int] = concurrent.futures.Future()

    def work() -> None:
        end = REAL.monotonic() + 0.1
        while REAL.monotonic() < end:
            pass
        future.set_result(1)

    threading.Thread(target=work).start()
    assert future.result(5) == 1
    assert passed() == 0


async def test_a_loop_waits_for_a_thread_that_works(bluejay: FakeBluejay) -> None:
    loop = asyncio.get_running_loop()
    future = loop.create_future()

    def work() -> None:
        REAL.sleep(0.05)
        loop.call_soon_threadsafe(future.set_result, 1)

    threading.Thread(target=work).start()
    start = bluejay.clock.now
    assert await asyncio.wait_for(future, 5) == 1
    assert (bluejay.clock.now - start).total_seconds() < 1


POOL = concurrent.futures.ThreadPoolExecutor(2)
"""One that is made at import, as applications do."""


def work_in_pool() -> int:
    end = REAL.monotonic() + 0.1
    while REAL.monotonic() < end:
        pass
    time.sleep(3)
    return 1


@pytest.mark.parametrize("again", [False, True])
async def test_a_loop_waits_for_a_pool_from_before_that_works(bluejay: FakeBluejay, again: bool) -> None:
    start = bluejay.clock.now
    calls = [asyncio.wrap_future(POOL.submit(work_in_pool)) for _ in range(4)]
    assert await asyncio.wait_for(asyncio.gather(*calls), 9) == [1, 1, 1, 1]
    assert (bluejay.clock.now - start).total_seconds() == 6


def submit(pool: concurrent.futures.ThreadPoolExecutor) -> None:
    """Submit a call to a pool that is shut down."""
    with pytest.raises(RuntimeError):
        pool.submit(int)


@pytest.mark.parametrize("how", ["is cancelled", "is refused"])
def test_a_call_that_never_runs_leaves_the_thread_that_submitted_it_in_virtual_time(how: str) -> None:
    pool, free = concurrent.futures.ThreadPoolExecutor(1), REAL.Lock()
    free.acquire()
    pool.submit(lambda: free.acquire())
    with FakeBluejay() as bluejay:
        start = bluejay.clock.now
        if how == "is cancelled":
            assert pool.submit(int).cancel()
        else:
            pool.shutdown(wait=False)
            submit(pool)
        time.sleep(1)
        assert (bluejay.clock.now - start).total_seconds() == pytest.approx(1, abs=0.1)
        free.release()


def test_a_pool_from_before_is_shut_down_while_another_thread_submits() -> None:
    """The pool has a lock of its own: it cancels calls under it, and a call that is submitted waits for it."""
    pool, free = concurrent.futures.ThreadPoolExecutor(1), REAL.Lock()
    free.acquire()
    pool.submit(lambda: free.acquire())
    with FakeBluejay() as bluejay:
        queued = pool.submit(int)
        submitting = threading.Thread(target=submit, args=(pool,), daemon=True)
        over = threading.Thread(target=lambda: pool.shutdown(wait=False, cancel_futures=True), daemon=True)
        cancel = queued.cancel

        def cancel_meanwhile() -> bool:
            submitting.start()
            REAL.sleep(0.1)  # it waits for the pool's lock by now
            return cancel()

        queued.cancel = cancel_meanwhile  # type: ignore[method-assign]
        over.start()
        over.join(5)
        assert not over.is_alive()
        submitting.join(5)
        free.release()
        start = bluejay.clock.now
        time.sleep(60)  # no call that has ended holds time up
        assert (bluejay.clock.now - start).total_seconds() == pytest.approx(60, abs=1)


async def test_data_of_a_webhook_arrives_at_its_time(bluejay: FakeBluejay) -> None:
    arrived: asyncio.Queue[str] = asyncio.Queue()

    async def receive(request: Any) -> None:
        await arrived.put(request.event)

    bluejay.webhooks.add(receive, ["simulation_ended"])
    bluejay.queue_run()
    start = bluejay.clock.now
    async with asyncio.timeout(300):
        await arrived.get()
    assert (bluejay.clock.now - start).total_seconds() == 48
    bluejay.queue_run()
    await arrived.get()  # without any deadline


def test_a_thread_of_trios_cache_from_before_takes_part_while_it_works() -> None:
    trio.run(trio.to_thread.run_sync, int)
    with FakeBluejay() as bluejay:
        start, real = bluejay.clock.now, REAL.monotonic()
        trio.run(trio.to_thread.run_sync, lambda: time.sleep(60))
        assert (bluejay.clock.now - start).total_seconds() == pytest.approx(60, abs=1e-4)
        assert REAL.monotonic() - real < 30


@pytest.mark.parametrize("kind", ["pool", "trio"])
def test_a_thread_that_takes_part_by_name_also_runs_calls_of_a_pool(kind: str) -> None:
    pool = concurrent.futures.ThreadPoolExecutor(1)

    def run(work: Callable[[], Any]) -> Any:
        return trio.run(trio.to_thread.run_sync, work) if kind == "trio" else pool.submit(work).result()

    thread = run(threading.current_thread)
    with FakeBluejay(participants=[thread]) as bluejay:
        start = bluejay.clock.now
        for _ in range(2):
            run(lambda: time.sleep(10))
            time.sleep(1)
        assert (bluejay.clock.now - start).total_seconds() == pytest.approx(22, abs=1e-3)
        if kind == "pool":
            threading.Timer(5, pool.shutdown, [False]).start()
            thread.join(60)
            assert not thread.is_alive()
            assert (bluejay.clock.now - start).total_seconds() == pytest.approx(27, abs=1)


@pytest.mark.parametrize("joins", [True, False])
def test_a_thread_from_before_that_takes_part_may_end(joins: bool) -> None:
    begin = threading.Event()

    def work() -> None:
        begin.wait()
        time.sleep(5)

    thread = threading.Thread(target=work)
    thread.start()
    with FakeBluejay(participants=[thread]) as bluejay:
        start = bluejay.clock.now
        begin.set()
        if joins:
            thread.join()
            assert (bluejay.clock.now - start).total_seconds() == pytest.approx(5, abs=0.1)
        time.sleep(20)
        assert not thread.is_alive()
        assert 20 <= (bluejay.clock.now - start).total_seconds() <= 25.1


class MovesWhileItReckons(asyncio.SelectorEventLoop):
    """A loop whose clock is moved by another thread between its look at the clock and its wait."""

    between: Callable[[], Any] | None = None

    def time(self) -> float:
        now = super().time()
        if self.between is not None and getattr(self, "_scheduled"):  # noqa: B009
            between, self.between = self.between, None
            between()
        return now


def test_a_timer_is_not_late_when_another_thread_moves_the_clock_as_the_loop_begins_to_wait(
    bluejay: FakeBluejay, passed: Callable[[], float]
) -> None:
    def advance() -> None:
        thread = threading.Thread(target=bluejay.clock.advance, args=(10,))
        thread.start()
        thread.join()

    async def sleep(loop: MovesWhileItReckons) -> None:
        loop.between = advance
        await asyncio.sleep(30)

    with asyncio.Runner(loop_factory=MovesWhileItReckons) as runner:
        runner.run(sleep(runner.get_loop()))  # type: ignore[arg-type]
    assert passed() == pytest.approx(30, abs=1e-5)


def test_a_timer_of_trio_is_not_late_when_the_clock_is_moved_as_it_begins_to_wait(
    bluejay: FakeBluejay, passed: Callable[[], float]
) -> None:
    class Advance(trio.abc.Instrument):
        def before_io_wait(self, timeout: float) -> None:
            if 20 < timeout < 60:
                bluejay.clock.advance(10)

    trio.run(trio.sleep, 30, instruments=[Advance()])
    assert passed() == pytest.approx(30, abs=1e-5)


def test_trio_waits_no_longer_than_it_asks_for(passed: Callable[[], float]) -> None:
    async def settle() -> None:
        with trio.move_on_after(60):
            await trio.testing.wait_all_tasks_blocked(2)

    trio.run(settle)
    assert passed() == pytest.approx(2, abs=1e-5)


def test_a_wait_that_a_bystander_ends_while_the_next_deadline_is_sought_is_not_jumped_over(
    bluejay: FakeBluejay,
    passed: Callable[[], float],
    monkeypatch: pytest.MonkeyPatch,
    bystander: Callable[[Callable[[], Any]], threading.Thread],
) -> None:
    over, woken = threading.Event(), list[float]()

    def wait() -> None:
        over.wait()
        end = REAL.monotonic() + 0.05
        while REAL.monotonic() < end:  # meanwhile the clock would have been moved
            pass
        woken.append(passed())

    thread = threading.Thread(target=wait)
    thread.start()
    [timeline] = CLOCKWORK.timelines
    due_in = timeline.due_in

    def end_it_and_look() -> int | None:
        if not over.is_set():
            bystander(over.set).join()
        return due_in()

    monkeypatch.setattr(timeline, "due_in", end_it_and_look)
    time.sleep(30)
    thread.join()
    assert woken[0] < 1


def test_watching_a_thread_keeps_nothing_of_it_alive(bluejay: FakeBluejay) -> None:
    freed: list[str] = []

    def work() -> None:
        class Thing: ...

        thing = Thing()
        weakref.finalize(thing, freed.append, "the thing")
        end = REAL.monotonic() + 0.05  # while the waiting thread looks at this one, again and again
        while REAL.monotonic() < end:
            sum(range(100))
        del Thing

    gc.collect()
    gc.disable()
    try:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert freed == ["the thing"]
    finally:
        gc.enable()


def test_woken_thread_finds_both_clocks_moved(bluejay: FakeBluejay, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    monkeypatch.setattr(CLOCKWORK, "on_moved", [lambda length: order.append("the wall clock moves")])
    wake = CLOCKWORK._wake_who_is_due
    monkeypatch.setattr(CLOCKWORK, "_wake_who_is_due", lambda: (order.append("who is due wakes"), wake()))
    time.sleep(30)
    assert order == ["the wall clock moves", "who is due wakes"]


def test_wait_in_c_for_a_lock_holds_nobody_up(passed: Callable[[], float]) -> None:
    lock, order = threading.Lock(), list[str]()

    def hold() -> None:
        with lock:
            time.sleep(30)
            order.append("held")

    def want() -> None:
        with lock:
            order.append("got")

    threads = [threading.Thread(target=hold), threading.Thread(target=want)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert order == ["held", "got"]
    assert passed() == 30


def test_a_logger_that_writes_in_a_thread_of_its_own_holds_no_time_up(passed: Callable[[], float]) -> None:
    written = list[str]()
    handler = logger.add(written.append, enqueue=True, format="{message}")
    start = REAL.monotonic()
    time.sleep(30)
    logger.info("slept")
    logger.remove(handler)
    assert written == ["slept\n"]
    assert REAL.monotonic() - start < 10
    assert 30 <= passed() < 40


@pytest.mark.parametrize("held", [0.0, 1.2])
def test_a_call_by_grpc_waits_for_its_handler(bluejay: FakeBluejay, held: float) -> None:
    class Handlers(grpc.GenericRpcHandler):
        def service(self, handler_call_details: object) -> Any:
            return grpc.unary_unary_rpc_method_handler(lambda request, context: (time.sleep(0.1), request)[1])

    server = grpc.server(concurrent.futures.ThreadPoolExecutor(1), [Handlers()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    REAL.sleep(held)  # for so long the fake's time has stood
    start = REAL.monotonic()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        assert channel.unary_unary("/agent/call")(b"x", timeout=20) == b"x"
    assert REAL.monotonic() - start < 4
    server.stop(None).wait()


def test_a_handler_of_grpc_that_polls_for_the_test_comes_to_the_end_of_a_call(bluejay: FakeBluejay) -> None:
    ended = bluejay.add_test_result(agent=ends_after(1.5))
    bluejay.client().post("/v1/end-conversations", json={"test_result_ids": [ended.id]}, headers={"X-API-Key": "key"})

    def poll(request: bytes, context: object) -> bytes:
        while ended.status == "RUNNING":
            time.sleep(0.3)
        return b"over"

    class Handlers(grpc.GenericRpcHandler):
        def service(self, handler_call_details: object) -> Any:
            return grpc.unary_unary_rpc_method_handler(poll)

    server = grpc.server(concurrent.futures.ThreadPoolExecutor(1), [Handlers()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        assert channel.unary_unary("/agent/call")(b"x", timeout=20) == b"over"
    server.stop(None).wait()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no usleep")
def test_time_passes_while_a_thread_waits_in_c_in_pieces(bluejay: FakeBluejay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fake_bluejay.intercept.clockwork._HELD_UP", 0.3)
    over, usleep = threading.Event(), ctypes.CDLL(None).usleep
    piece = 50_000 if Path("/proc/self/task").is_dir() else 600_000

    def wait_in_pieces() -> None:
        while not over.is_set():
            usleep(piece)

    thread = threading.Thread(target=wait_in_pieces)
    thread.start()
    time.sleep(0.1)  # real time counts, for otherwise this would never come
    over.set()
    thread.join()


@pytest.mark.parametrize("what", ["a socket", "a lock"])
def test_wait_in_c_within_an_assertion_holds_nobody_up(bluejay: FakeBluejay, what: str) -> None:
    """pytest rewrites assertions: it keeps the function in a variable of its own before it calls it."""
    start = REAL.monotonic()
    near, far = socket.socketpair()
    lock = threading.Lock()
    lock.acquire()

    def end() -> None:
        time.sleep(0.05)
        far.send(b"x")
        lock.release()

    with near, far:
        thread = threading.Thread(target=end)
        thread.start()
        if what == "a socket":
            assert near.recv(1) == b"x"
        else:
            assert lock.acquire()
        thread.join()
    assert REAL.monotonic() - start < 3


def test_a_child_process_gets_its_time(bluejay: FakeBluejay) -> None:
    child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(0.1)"])
    deadline, start = time.monotonic() + 30, bluejay.clock.now
    while child.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert (bluejay.clock.now - start).total_seconds() >= 0.1
    start = bluejay.clock.now
    time.sleep(30)  # and then nobody waits
    assert (bluejay.clock.now - start).total_seconds() == 30


OUTSIDE: dict[str, Callable[[Any, Any], Any]] = {
    "Connection.poll": lambda pipe, sock: pipe.poll(0.03),
    "select": lambda pipe, sock: select.select([sock], [], [], 0.03),
    "a process": lambda pipe, sock: subprocess.run([sys.executable, "-S", "-c", "import time; time.sleep(0.03)"]),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_wait_for_something_outside_takes_real_time_that_counts(bluejay: FakeBluejay, name: str) -> None:
    ours, theirs = multiprocessing.Pipe()
    near, far = socket.socketpair()
    with near, far, ours, theirs:
        start, monotonic = bluejay.clock.now, time.monotonic()
        OUTSIDE[name](ours, near)
        length = 0.0299 if sys.platform != "win32" else 0.0139  # a clock of Windows ticks every 16 ms
        assert time.monotonic() - monotonic >= length
        assert (bluejay.clock.now - start).total_seconds() >= length


def test_a_module_that_asks_the_machine_something_at_import_moves_no_time(
    bluejay: FakeBluejay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As trio does, which HTTPX imports with its first asynchronous request."""
    monkeypatch.syspath_prepend(tmp_path)
    asks = "import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', ''], check=True)"
    for number in range(2):
        (tmp_path / f"asks_{number}.py").write_text(asks)
    before = bluejay.clock.now
    importlib.import_module("asks_0")
    assert bluejay.clock.now == before
    monkeypatch.setattr(CLOCKWORK, "_free_for_imports", 0)  # so that a deadline in a module comes, too
    importlib.import_module("asks_1")
    assert bluejay.clock.now > before


def test_a_lock_that_is_waited_for_with_a_timeout_comes_to_a_deadline(
    bluejay: FakeBluejay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fake_bluejay.intercept.clockwork._UNSEEN", 0.1)
    lock, deadline = threading.Lock(), time.monotonic() + 0.2
    lock.acquire()
    while time.monotonic() < deadline:
        assert not lock.acquire(timeout=0.05)


def test_uvloop_waits_in_real_time_that_counts(bluejay: FakeBluejay) -> None:
    uvloop = pytest.importorskip("uvloop")

    async def poll() -> int:
        deadline, turns = time.monotonic() + 0.2, 0
        while time.monotonic() < deadline:
            await asyncio.sleep(0.05)
            turns += 1
        return turns

    assert uvloop.run(poll()) <= 6


END = "https://api.getbluejay.ai/v1/end-conversations"


@pytest.mark.parametrize("look", [lambda bluejay, result: result.status, lambda bluejay, result: bluejay.clock.now])
def test_a_view_is_of_the_present_after_a_sleep_in_uvloop(bluejay: FakeBluejay, look: Any) -> None:
    uvloop = pytest.importorskip("uvloop")
    result = bluejay.add_test_result(agent=ends_after(0.1))

    async def sleep() -> None:
        requests.post(END, json={"test_result_ids": [result.id]}, headers={"X-API-Key": "key"}, timeout=5)
        before = look(bluejay, result)
        await asyncio.sleep(0.2)
        assert look(bluejay, result) != before

    uvloop.run(sleep())


def test_a_client_that_polls_for_ever_fails_the_test_and_says_who(make_bluejay: Callable[..., FakeBluejay]) -> None:
    bluejay = make_bluejay(longest=timedelta(hours=1))

    def poll_for_ever() -> None:
        while True:
            try:
                time.sleep(5)
            except Exception:
                continue

    with pytest.raises(LongestExceeded, match=r"poll_for_ever\(\) at .*test_waits.py"):
        poll_for_ever()
    time.sleep(5)  # what cleans up may sleep
    assert "poll_for_ever() at" in bluejay.report()


def test_a_loop_that_polls_for_ever_fails_the_test(make_bluejay: Callable[..., FakeBluejay]) -> None:
    async def poll_for_ever() -> None:
        while True:
            await asyncio.to_thread(time.sleep, 5)

    make_bluejay(longest=3600)
    with pytest.raises(LongestExceeded):
        asyncio.run(poll_for_ever())


def test_a_file_written_now_is_not_older_than_the_present(bluejay: FakeBluejay, tmp_path: Path) -> None:
    present = time.time()
    (tmp_path / "file").write_text("x")
    assert os.path.getmtime(tmp_path / "file") >= present


def test_a_wait_that_nobody_can_end_explains_itself(
    bluejay: FakeBluejay,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    bystander: Callable[[Callable[[], Any]], threading.Thread],
) -> None:
    monkeypatch.setattr("fake_bluejay.intercept.clockwork._HELD_UP", 0.02)
    over = threading.Event()
    bystander(lambda: (REAL.sleep(0.2), over.set()))
    over.wait()
    said = capsys.readouterr().err
    assert "MainThread waited" in said
    assert "test_a_wait_that_nobody_can_end_explains_itself" in said


def test_report_names_the_thread_that_holds_time_up(bluejay: FakeBluejay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fake_bluejay.intercept.clockwork._HELD_UP", 0.02)
    over = threading.Event()

    def spin() -> None:
        while not over.is_set():
            pass

    thread = threading.Thread(target=spin, name="spinner")
    thread.start()
    time.sleep(0.1)  # real time counts, for otherwise this would never come
    over.set()
    thread.join()
    assert "spinner worked for long" in bluejay.report()


def test_report_lists_moves_of_the_clock_and_pending_timers(bluejay: FakeBluejay) -> None:
    def poll() -> None:
        for _ in range(3):
            time.sleep(5)

    stuck = bluejay.add_test_result(agent="silent")
    bluejay.client().post(
        "/v1/end-conversations", json={"test_result_ids": [stuck.id]}, headers={"X-API-Key": "key"}
    ).raise_for_status()
    poll()
    report = bluejay.report()
    assert "+15.000 s slept by poll() at " in report
    assert ", 3 times" in report
    assert "pending: test result 1: watchdog at +30.000000 s" in report
    assert "hint" not in report  # so few may be a back-off


def test_the_report_hints_at_real_sleeps_where_something_real_seems_to_be_polled(bluejay: FakeBluejay) -> None:
    for _ in range(30):
        time.sleep(60)
    assert "hint: much of the fake's time was slept away in little real time" in bluejay.report()
    assert "with bluejay.clock.real()" in bluejay.report()


async def test_advancing_blocks_the_loop_and_async_receivers_run_at_the_next_await(bluejay: FakeBluejay) -> None:
    heard: list[str] = []

    async def receive(request: Any) -> None:
        heard.append(request.event)

    bluejay.webhooks.add(receive, ["simulation_ended"])
    bluejay.queue_run()
    bluejay.clock.advance(60)
    assert heard == []
    await asyncio.sleep(0.1)
    assert heard == ["simulation_ended"]


def test_sleeps_take_real_time_where_that_is_asked_for(bluejay: FakeBluejay) -> None:
    start, monotonic = bluejay.clock.now, REAL.monotonic()
    with bluejay.clock.real():
        time.sleep(0.02)
    assert REAL.monotonic() - monotonic >= 0.02
    assert (bluejay.clock.now - start).total_seconds() >= 0.0199


def test_a_thread_from_before_takes_part_if_it_is_named(make_bluejay: Callable[..., FakeBluejay]) -> None:
    work: queue.Queue[Callable[[], Any]] = queue.Queue()
    done = threading.Event()

    def serve() -> None:
        while True:
            work.get()()

    threading.Thread(target=serve, daemon=True, name="consumer of a queue").start()
    bluejay = make_bluejay(participants=["consumer*"])
    start = bluejay.clock.now
    work.put(lambda: (time.sleep(30), done.set()))
    assert done.wait(60)
    assert (bluejay.clock.now - start).total_seconds() == 30


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"now": "2026-03-01T12:00:00"}, "has no time zone"),
        ({"now": "yesterday"}, "now is an aware datetime, or one as ISO text"),
        ({"now": 5}, "now is an aware datetime"),
        ({"clock": "real", "speed": 0}, "speed is a positive number"),
        ({"clock": "real", "speed": "fast"}, "speed is a positive number"),
        ({"speed": 60}, "speed goes with clock='real'"),
        ({"longest": 0}, "longest is a positive number of seconds"),
        ({"longest": timedelta(-1)}, "longest is a positive number of seconds"),
        ({"longest": "days"}, "longest is a positive number of seconds"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FakeBluejay(**options)


def test_an_unknown_participant_is_refused_with_those_there_are() -> None:
    fake = FakeBluejay(participants=["MainThreat"])
    with pytest.raises(ValueError, match="did you mean 'MainThread'"):
        fake.start()
    assert not fake.is_on
    assert time.monotonic() == pytest.approx(REAL.monotonic(), abs=1)


def test_looking_at_threads_does_not_wait_for_garbage_to_be_collected() -> None:
    """Python 3.11's `sys._current_frames` may collect garbage, and waits for ever if a `threading.local` is in that."""
    script = """
import gc, threading
from fake_bluejay.intercept.working import threads_alive
gc.set_threshold(1)
for _ in range(300):
    garbage = [threading.local()]
    garbage[0].itself = garbage
    del garbage
    assert threading.get_ident() in threads_alive()
assert gc.isenabled()
gc.disable()
threads_alive()
assert not gc.isenabled()
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


@pytest.mark.skipif(sys.platform != "linux", reason="the processor time of a thread is only known on Linux")
def test_processor_time_of_a_thread_that_ends_at_any_moment_can_be_asked_for() -> None:
    """The C library's own function for it reads the memory of a thread that may be gone, and crashes."""
    watch = Watch(threading.current_thread())
    assert 0 < watch.processor_time() <= REAL.thread_time()
    together = threading.Barrier(40)
    threads = [threading.Thread(target=together.wait) for _ in range(together.parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for thread in threads:
        while Path(f"/proc/self/task/{thread.native_id}").exists():  # it has left Python, and is about to end
            REAL.sleep(0.001)
    assert [Watch(thread).processor_time() for thread in threads] == [0] * len(threads)
