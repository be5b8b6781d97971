"""Every client in a second thread, in an event loop of another thread, in a forked process, and in a new one.

A forked process has a copy of the test's fake, whose changes the test does not see: a call there is an error that names
the fixture to use. A new process knows nothing of the fake, and is led to the server by its environment.
"""

import asyncio
import concurrent.futures.process  # now: a test that runs pytest in this process forgets what it imported
import inspect
import multiprocessing
import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
import urllib3

from fake_bluejay import FakeBluejay
from fake_bluejay.intercept import shims
from fake_bluejay.intercept.refusal import GuardError

CLIENTS_FILE = Path(__file__).with_name("clients.py")
sys.path.insert(0, str(CLIENTS_FILE.parent))
import clients  # noqa: E402

sys.path.remove(str(CLIENTS_FILE.parent))

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # this process has threads

USES: dict[str, Callable[[], Callable[..., Any]]] = {**clients.SYNC, **clients.ASYNC}


def get(client: str, url: str) -> Any:
    """The JSON that a client gets, run in an event loop if it needs one."""
    answer = USES[client]()("GET", url)
    return (asyncio.run(answer) if inspect.iscoroutine(answer) else answer)[1]


def end(client: str, id: int) -> Any:
    answer = USES[client]()("POST", f"{clients.HOST}/v1/end-conversations", {"test_result_ids": [id]})
    return (asyncio.run(answer) if inspect.iscoroutine(answer) else answer)[1]


def in_thread(call: Callable[[], Any]) -> Any:
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result(timeout=60)


@pytest.fixture(scope="module", autouse=True)
def imported_before() -> None:
    for use in USES.values():
        use()


@pytest.mark.parametrize("client", clients.CLIENTS)
def test_in_a_second_thread(bluejay: FakeBluejay, client: str) -> None:
    bluejay.add_test_result()
    assert in_thread(lambda: end(client, 1))["ended_count"] == 1
    bluejay.assert_ended(1)


@pytest.mark.parametrize("client", clients.CLIENTS)
def test_in_an_event_loop_of_another_thread(bluejay: FakeBluejay, client: str) -> None:
    bluejay.add_test_result()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:

        async def ask() -> Any:
            path = f"{clients.HOST}/v1/end-conversations"
            call = USES[client]()
            if client in clients.ASYNC:
                return await call("POST", path, {"test_result_ids": [1]})
            return await asyncio.to_thread(call, "POST", path, {"test_result_ids": [1]})

        status, answer = asyncio.run_coroutine_threadsafe(ask(), loop).result(timeout=60)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
    assert (status, answer["ended_count"]) == (200, 1)
    bluejay.assert_ended(1)


def refused(call: Callable[[], Any]) -> str:
    """The error of a call in this process, which is a child."""
    try:
        return f"answered: {call()}"
    except GuardError as error:
        return str(error)
    except BaseException:
        return traceback.format_exc()


def in_os_fork(call: Callable[[], str]) -> str:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, refused(call).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        text = file.read()
    os.waitpid(child, 0)
    return text


def in_multiprocessing(call: Callable[[], str]) -> str:
    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=lambda: sending.send(refused(call)))
    process.start()
    sending.close()
    text: str = receiving.recv()
    process.join()
    receiving.close()
    process.close()
    return text


def in_pool(call: Callable[[], str]) -> str:
    global _call_of_pool
    _call_of_pool = call
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        try:
            return f"answered: {pool.submit(_run_call_of_pool).result()}"
        except GuardError as error:  # which has come through a pipe
            return str(error)


def _run_call_of_pool() -> str:
    return _call_of_pool()


_call_of_pool: Callable[[], str]


@needs_fork
@pytest.mark.parametrize("fork", [in_os_fork, in_multiprocessing, in_pool])
@pytest.mark.parametrize("client", clients.CLIENTS)
def test_in_a_forked_process(bluejay: FakeBluejay, client: str, fork: Callable[[Callable[[], str]], str]) -> None:
    bluejay.add_test_result()
    said = fork(lambda: end(client, 1))
    assert said.startswith("api.getbluejay.ai was about to be called by a process that was forked"), said
    assert "`bluejay_server` fixture" in said
    assert f"{CLIENTS_FILE}:" in said
    bluejay.assert_no_requests()
    assert end(client, 1)["ended_count"] == 1


SESSIONS: dict[str, Callable[[], Any]] = {
    "requests": requests.Session,
    "httpx": httpx.Client,
    "urllib3": lambda: urllib3.PoolManager(retries=False),
}


@needs_fork
@pytest.mark.parametrize("library", SESSIONS)
def test_on_a_connection_that_a_forked_process_inherits(bluejay: FakeBluejay, library: str) -> None:
    with SESSIONS[library]() as session:
        for _ in range(2):
            session.request("GET", f"{clients.HOST}/v1/ping", headers=clients.KEY)
        said = in_os_fork(lambda: session.request("GET", f"{clients.HOST}/v1/ping", headers=clients.KEY))
        assert "forked" in said, said
        session.request("GET", f"{clients.HOST}/v1/ping", headers=clients.KEY)
    assert len(bluejay.requests) == 3


async def ask_async(bluejay: FakeBluejay) -> Any:
    async with bluejay.async_client() as client:
        return await client.get("/v1/ping")


async def ask_application(bluejay: FakeBluejay) -> Any:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(bluejay.app), base_url="http://app") as client:
        return await client.get("/v1/ping")


WAYS_IN: dict[str, Callable[[FakeBluejay], Any]] = {
    "client": lambda bluejay: bluejay.client().get("/v1/ping"),
    "async_client": lambda bluejay: asyncio.run(ask_async(bluejay)),
    "transport": lambda bluejay: httpx.Client(transport=bluejay.transport).get("http://host/v1/ping"),
    "app": lambda bluejay: asyncio.run(ask_application(bluejay)),
    "url": lambda bluejay: bluejay.url,
}


@needs_fork
@pytest.mark.parametrize("is_on", [True, False])
@pytest.mark.parametrize("way", WAYS_IN)
def test_in_a_forked_process_by_the_fakes_own_client_or_application(way: str, is_on: bool) -> None:
    bluejay = FakeBluejay()
    if is_on:
        bluejay.start()
    try:
        said = in_os_fork(lambda: WAYS_IN[way](bluejay))
        assert said.startswith("A fake Bluejay was about to be called by a process that was forked from its own"), said
        assert "`bluejay_server` fixture" in said
        assert f"{__file__}:" in said
        bluejay.assert_no_requests()
        assert bluejay.client().get("/v1/ping").status_code == 200
    finally:
        bluejay.stop()


@needs_fork
@pytest.mark.parametrize("client", clients.CLIENTS)
def test_in_a_forked_process_by_the_server(bluejay_server: FakeBluejay, client: str) -> None:
    url = f"{os.environ['BLUEJAY_API_URL']}/ping"
    assert in_os_fork(lambda: get(client, url)["message"]) == "answered: pong"
    assert [request.path for request in bluejay_server.requests] == ["/v1/ping"]


@pytest.mark.parametrize("client", clients.CLIENTS)
def test_in_a_new_process_by_the_server(bluejay_server: FakeBluejay, client: str) -> None:
    code = (
        "import asyncio, inspect, os, clients\n"
        f"answer = {{**clients.SYNC, **clients.ASYNC}}[{client!r}]()('GET', os.environ['BLUEJAY_API_URL'] + '/ping')\n"
        "print((asyncio.run(answer) if inspect.iscoroutine(answer) else answer)[1]['message'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(CLIENTS_FILE.parent)},
    )
    assert done.stdout == "pong\n", done.stderr
    assert [request.path for request in bluejay_server.requests] == ["/v1/ping"]


@needs_fork
def test_a_fake_of_the_forked_process_itself(bluejay: FakeBluejay) -> None:
    def call() -> str:
        with FakeBluejay() as own:
            own.add_test_result()
            return f"{end('requests', 1)['ended_count']}, {refused(lambda: end('requests', 1))[:8]}"

    assert in_os_fork(call) == "answered: 1, answered"
    assert "forked" in in_os_fork(lambda: f"{call()}{refused(lambda: end('requests', 1))}")
    bluejay.assert_no_requests()


@needs_fork
def test_a_server_of_the_forked_process_itself() -> None:
    with FakeBluejay() as before:
        assert before.url  # a server that is kept when the fake is off, and is not the child's

    def call() -> str:
        with FakeBluejay() as own:
            requests.get(f"{own.base_url}/ping", headers=clients.KEY, timeout=10).raise_for_status()
            return str(len(own.requests))

    assert in_os_fork(call) == "answered: 1"


@needs_fork
def test_a_process_forked_while_no_fake_is_on() -> None:
    def call() -> str:
        with FakeBluejay() as own:
            own.add_test_result()
            return str(end("requests", 1)["ended_count"])

    assert in_os_fork(call) == "answered: 1"


def is_free() -> str:
    """Say if this thread and a new one each get the lock of the switch."""

    def take() -> bool:
        taken = shims.LOCK.acquire(timeout=5)
        if taken:
            shims.LOCK.release()
        return taken

    return f"{take()}, {in_thread(take)}"


@needs_fork
def test_a_fork_while_another_thread_switches_a_fake() -> None:
    """The child does not find the lock taken by a thread that it does not have."""
    holds = threading.Event()

    def hold() -> None:
        with shims.LOCK:
            holds.set()
            threading.Event().wait(0.1)

    thread = threading.Thread(target=hold)
    thread.start()
    holds.wait()
    assert in_os_fork(is_free) == "answered: True, True"
    thread.join()


@needs_fork
def test_a_handler_of_somebody_elses_that_starts_a_thread_in_the_forked_process() -> None:
    """As OpenTelemetry's does, which runs before ours where it was there first."""
    script = """
import os, signal, threading
def start() -> None:
    signal.alarm(20)  # so that nothing hangs, in the child neither
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()
for name in ("before", "after_in_parent", "after_in_child"):
    os.register_at_fork(**{name: start})
from fake_bluejay import FakeBluejay
with FakeBluejay() as bluejay:
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    working = threading.Thread(target=os.read, args=(os.pipe()[0], 1), daemon=True)
    working.start()
    child = os.fork()
    if not child:
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    bluejay.clock.advance(1)
print("done")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout == "done\n", done
