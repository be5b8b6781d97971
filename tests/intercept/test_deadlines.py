"""Deadlines come, however code waits for them: at once if somebody in this process ends the wait, and else in time."""

import asyncio
import concurrent.futures
import multiprocessing
import multiprocessing.connection
import queue
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import anyio
import httpx
import pytest
import requests
import sniffio
import urllib3.util.wait

from fake_bluejay import FakeBluejay
from fake_bluejay.intercept import clockwork
from fake_bluejay.intercept.clockwork import CLOCKWORK
from fake_bluejay.intercept.true_time import REAL

Wait = Callable[[float], Any]


def passed_since(bluejay: FakeBluejay, start: Any) -> float:
    return (bluejay.clock.now - start).total_seconds()


def poll_until_a_deadline(seconds: float, step: float, wait: Wait) -> int:
    """The loop of a user's: it looks, waits a little, and gives up at its deadline."""
    deadline, turns = time.monotonic() + seconds, 0
    while time.monotonic() < deadline:
        turns += 1
        with suppress(TimeoutError, queue.Empty, subprocess.TimeoutExpired):
            wait(step)
    return turns


def by_condition(seconds: float) -> None:
    with (condition := threading.Condition()):
        condition.wait(seconds)


def by_as_completed(seconds: float) -> None:
    list(concurrent.futures.as_completed([concurrent.futures.Future[int]()], seconds))


INSIDE: dict[str, Wait] = {
    "time.sleep": lambda seconds: time.sleep(seconds),
    "Event.wait": lambda seconds: threading.Event().wait(seconds),
    "Condition.wait": by_condition,
    "Semaphore.acquire": lambda seconds: threading.Semaphore(0).acquire(timeout=seconds),
    "Queue.get": lambda seconds: queue.Queue[int]().get(timeout=seconds),
    "SimpleQueue.get": lambda seconds: queue.SimpleQueue[int]().get(timeout=seconds),
    "Future.result": lambda seconds: concurrent.futures.Future[int]().result(seconds),
    "as_completed": by_as_completed,
}


@pytest.mark.parametrize("name", INSIDE)
def test_a_deadline_comes_at_once_to_who_polls_by(bluejay: FakeBluejay, name: str) -> None:
    start, real = bluejay.clock.now, REAL.monotonic()
    assert poll_until_a_deadline(60, 0.5, INSIDE[name]) == 120
    assert REAL.monotonic() - real < 30
    assert passed_since(bluejay, start) == pytest.approx(60, abs=0.001)


def sleeps_for_the_rest(deadline: float) -> None:
    time.sleep(min(5, max(0, deadline - time.monotonic())))


def sleeps_if_there_is_a_rest(deadline: float) -> None:
    if (rest := deadline - time.monotonic()) > 0:
        time.sleep(min(5, rest))


def waits_for_a_queue_for_the_rest(deadline: float) -> None:
    with suppress(queue.Empty):
        queue.Queue[int]().get(timeout=min(5, max(0, deadline - time.monotonic())))


@pytest.mark.parametrize(
    ("wait", "patience"),
    [
        (sleeps_for_the_rest, 20),
        (sleeps_if_there_is_a_rest, 20),
        (waits_for_a_queue_for_the_rest, 20),
        (sleeps_for_the_rest, 0),
    ],
)
def test_who_is_woken_at_a_deadline_gets_past_it(
    bluejay: FakeBluejay,
    wait: Callable[[float], None],
    patience: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A clock that stands still at a deadline never passes it, as every real one does."""
    monkeypatch.setattr(clockwork, "_AT_ONE_INSTANT", 1000)  # so that it takes no second
    start, deadline, turns = bluejay.clock.now, time.monotonic() + patience, 0
    while time.monotonic() <= deadline and turns < 1000:
        turns += 1
        wait(deadline)
    assert turns < 1000
    assert passed_since(bluejay, start) == pytest.approx(patience, abs=1e-5)


async def test_a_coroutine_that_is_woken_at_a_deadline_gets_past_it(bluejay: FakeBluejay) -> None:
    loop = asyncio.get_running_loop()
    deadline, turns = loop.time() + 20, 0
    while loop.time() <= deadline and turns < 60_000:
        turns += 1
        await asyncio.sleep(min(5, max(0, deadline - loop.time())))
    assert turns < 60_000


async def test_hundreds_of_requests_at_one_instant_do_not_move_the_clock(bluejay: FakeBluejay) -> None:
    start = bluejay.clock.now

    async with httpx.AsyncClient(headers={"X-API-Key": bluejay.api_key}) as client:

        async def asks() -> None:
            await asyncio.sleep(30)
            for _ in range(3):
                await client.get("https://api.getbluejay.ai/v1/ping")

        await asyncio.gather(*(asks() for _ in range(100)))
    assert passed_since(bluejay, start) == 30


def test_requests_of_a_session_do_not_move_the_clock(bluejay: FakeBluejay, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session asks by `select` whether its connection has ended, where there is no `poll`: on Windows."""
    monkeypatch.setattr(urllib3.util.wait, "wait_for_socket", urllib3.util.wait.select_wait_for_socket)
    time.sleep(30)
    start = bluejay.clock.now
    with requests.Session() as session:
        for _ in range(50):
            session.get("https://api.getbluejay.ai/v1/ping", timeout=10)
    assert bluejay.clock.now == start


def test_a_clock_that_nothing_has_moved_stands_still(bluejay: FakeBluejay) -> None:
    start = bluejay.clock.now
    for _ in range(5000):
        time.monotonic()
    time.sleep(0)
    assert bluejay.clock.now == start


NO_TIME: dict[str, Callable[[Any, socket.socket], object]] = {
    "Connection.poll": lambda pipe, near: pipe.poll(0),
    "wait": lambda pipe, near: multiprocessing.connection.wait([pipe], 0),
    "a loop with select": lambda pipe, near: poll_by_select(near),
}


def poll_by_select(near: socket.socket) -> None:
    deadline = time.monotonic() + 0
    while deadline - time.monotonic() >= 0:
        select.select([near], [], [], 0)


@pytest.mark.parametrize("name", NO_TIME)
def test_waiting_outside_for_no_time_at_all_is_over_at_once(bluejay: FakeBluejay, name: str) -> None:
    """`multiprocessing` looks again until its deadline of this very instant is past."""
    near, far = socket.socketpair()
    pipe, other_end = multiprocessing.Pipe()
    with near, far, pipe, other_end:
        NO_TIME[name](pipe, near)
    member = CLOCKWORK.me()
    assert member is not None
    assert member.looks < 100


def test_a_deadline_comes_at_once_to_who_polls_by_joining_a_thread(bluejay: FakeBluejay) -> None:
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    start = bluejay.clock.now
    assert poll_until_a_deadline(60, 0.5, thread.join) == 120
    assert passed_since(bluejay, start) == 60
    over.set()
    thread.join()


@pytest.fixture
def process() -> Iterator[Any]:
    """A process that does nothing for a minute."""
    started = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(60,))
    started.start()
    yield started
    started.kill()
    started.join()
    started.close()


@pytest.fixture
def resources() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def child(resources: ExitStack) -> Wait:
    child = resources.enter_context(subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"]))
    resources.callback(child.kill)
    return lambda seconds: child.wait(seconds)


def pipe(resources: ExitStack) -> Wait:
    ours, theirs = multiprocessing.Pipe()
    resources.enter_context(theirs)
    return resources.enter_context(ours).poll


def queue_of_processes(resources: ExitStack) -> Wait:
    items: Any = multiprocessing.get_context("spawn").Queue()
    resources.callback(items.close)
    return lambda seconds: items.get(timeout=seconds)


def near_end(resources: ExitStack) -> socket.socket:
    near, far = socket.socketpair()
    resources.enter_context(far)
    return resources.enter_context(near)


def receiving(resources: ExitStack) -> Wait:
    near = near_end(resources)

    def receive(seconds: float) -> None:
        near.settimeout(seconds)
        near.recv(1)

    return receive


def selecting(resources: ExitStack) -> Wait:
    near = near_end(resources)
    return lambda seconds: select.select([near], [], [], seconds)


OUTSIDE: dict[str, Callable[[ExitStack], Wait]] = {
    "Connection.poll": pipe,
    "multiprocessing.Queue.get": queue_of_processes,
    "Popen.wait": child,
    "select": selecting,
    "socket.recv": receiving,
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_deadline_comes_in_time_to_who_polls_by(bluejay: FakeBluejay, resources: ExitStack, name: str) -> None:
    wait, start, real = OUTSIDE[name](resources), bluejay.clock.now, REAL.monotonic()
    # A socket's own wait is in C, and is known when the thread has waited for a good part of a second.
    seconds = 1.2 if name == "socket.recv" else 0.1
    poll_until_a_deadline(seconds, 0.02, wait)
    assert REAL.monotonic() - real >= seconds - 0.02
    assert passed_since(bluejay, start) >= seconds


def test_a_deadline_comes_in_time_to_who_polls_by_joining_a_process(process: Any, bluejay: FakeBluejay) -> None:
    start = bluejay.clock.now
    poll_until_a_deadline(0.1, 0.02, process.join)
    assert process.is_alive()
    assert passed_since(bluejay, start) >= 0.1


LISTENS_LATER = (
    "import socket, time; time.sleep(0.3); server = socket.socket(fileno={}); server.listen(); server.accept()"
)


@pytest.mark.skipif(sys.platform == "win32", reason="a child inherits no socket there")
def test_polling_a_port_gives_the_child_process_time_to_open_it(bluejay: FakeBluejay) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))  # it refuses connections until it listens
        command = [sys.executable, "-S", "-c", LISTENS_LATER.format(server.fileno())]
        with subprocess.Popen(command, pass_fds=[server.fileno()]):
            deadline = time.monotonic() + 10
            while True:
                try:
                    socket.create_connection(server.getsockname(), timeout=1).close()
                    break
                except ConnectionRefusedError:
                    assert time.monotonic() < deadline
                    time.sleep(0.1)


POLLS_A_SERVER = """
import json, os, time, urllib.request
headers = {"X-API-Key": os.environ["BLUEJAY_API_KEY"]}
request = urllib.request.Request(os.environ["BLUEJAY_API_URL"] + "/retrieve-simulation-result/1", headers=headers)
deadline = time.monotonic() + 20
while json.load(urllib.request.urlopen(request))["simulation_result"]["status"] != "COMPLETED":
    assert time.monotonic() < deadline
    time.sleep(0.01)
"""


@pytest.mark.bluejay(clock="real", speed=600)
def test_a_process_that_polls_a_server_comes_to_the_end_of_a_call(bluejay_server: FakeBluejay) -> None:
    call = bluejay_server.add_test_result(agent="ends-after=20")
    bluejay_server.client().post(
        "/v1/end-conversations", json={"test_result_ids": [call.id]}, headers={"X-API-Key": "key"}
    ).raise_for_status()
    subprocess.run([sys.executable, "-c", POLLS_A_SERVER], check=True, timeout=60)
    assert call.status == "COMPLETED"


async def test_a_coroutine_sleeps_where_sniffio_is_installed(bluejay: FakeBluejay) -> None:
    start = bluejay.clock.now
    await asyncio.sleep(30)
    assert sniffio.current_async_library() == "asyncio"
    await anyio.sleep(30)
    assert passed_since(bluejay, start) == 60


def test_a_coroutine_of_trio_sleeps_where_sniffio_is_installed(bluejay: FakeBluejay) -> None:
    async def sleep() -> str:
        await anyio.sleep(30)
        return sniffio.current_async_library()

    start = bluejay.clock.now
    assert anyio.run(sleep, backend="trio") == "trio"
    assert passed_since(bluejay, start) == 30


async def test_webhook_wakes_its_waiter_before_the_deadline(bluejay: FakeBluejay) -> None:
    arrived: asyncio.Queue[str] = asyncio.Queue()
    bluejay.webhooks.add(lambda request: arrived.put_nowait(request.event), ["simulation_ended"])
    bluejay.queue_run()
    start = bluejay.clock.now
    with anyio.fail_after(300):
        assert await arrived.get() == "simulation_ended"
    assert passed_since(bluejay, start) == 48


def work_for_real() -> str:
    end = REAL.monotonic() + 0.1
    while REAL.monotonic() < end:
        pass
    return "done"


async def test_a_deadline_does_not_come_while_a_pool_works(bluejay: FakeBluejay) -> None:
    start = bluejay.clock.now
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        for _ in range(3):
            assert await asyncio.wait_for(asyncio.wrap_future(pool.submit(work_for_real)), 5) == "done"
            loop = asyncio.get_running_loop()
            assert await asyncio.wait_for(loop.run_in_executor(pool, work_for_real), 5) == "done"
    assert passed_since(bluejay, start) == 0


@pytest.mark.filterwarnings("ignore:.*uvloop:DeprecationWarning")
@pytest.mark.parametrize("wait", [asyncio.sleep, anyio.sleep])
def test_a_monotonic_deadline_comes_in_uvloop(bluejay: FakeBluejay, wait: Callable[[float], Any]) -> None:
    uvloop = pytest.importorskip("uvloop")

    async def poll() -> int:
        deadline, turns = time.monotonic() + 0.2, 0
        while time.monotonic() < deadline:
            await wait(0.04)
            turns += 1
            assert turns < 20, "a deadline of 0.2 s has not come in 0.8 s"
        return turns

    start, real = bluejay.clock.now, REAL.monotonic()
    assert uvloop.run(poll()) <= 6
    # Real time counts that has passed since the thread last read a clock: on a busy machine, some from before the loop.
    assert REAL.monotonic() - real >= 0.12
    assert passed_since(bluejay, start) >= 0.2


def test_a_cache_keeps_an_answer_for_as_long_as_it_says(bluejay: FakeBluejay) -> None:
    import cachecontrol

    bluejay.faults.respond(200, json={"n": 1}, headers={"Cache-Control": "max-age=60"}, times=2)
    url = "https://api.getbluejay.ai/v1/ping"
    with cachecontrol.CacheControl(requests.Session()) as session:
        from_cache = [session.get(url, timeout=10).from_cache for _ in range(2)]
        time.sleep(30)
        from_cache.append(session.get(url, timeout=10).from_cache)
        time.sleep(31)
        from_cache.append(session.get(url, timeout=10).from_cache)
    assert from_cache == [False, True, True, False]
    assert len(bluejay.requests) == 2
