"""The guard: no Python name by which a host of Bluejay's is resolved or connected to leads out of the machine."""

import _socket
import asyncio
import contextlib
import http.client
import json
import os
import pickle
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
import requests
import urllib3

from fake_bluejay import FakeBluejay
from fake_bluejay.intercept import guard, switch
from fake_bluejay.intercept.guard import NotIntercepted
from fake_bluejay.intercept.refusal import GuardError

from socket import getaddrinfo, gethostbyaddr, gethostbyname, gethostbyname_ex  # isort: skip  # by name, before any fake

HERE = Path(__file__).name
API = "api.getbluejay.ai"
APP = "app.getbluejay.ai"
FORMS: list[Any] = [API, "API.GetBluejay.ai.", "ａｐｉ。getbluejay.ai", API.encode(), APP, "getbluejay.ai"]


def of_a_socket(kind: int, call: Callable[[socket.socket, Any], Any]) -> Callable[[Any], Any]:
    def run(host: Any) -> Any:
        with socket.socket(socket.AF_INET, kind) as one:
            return call(one, (host, 443))

    return run


class Keeps:
    """A class that has a function of the socket module for an attribute, and one that has it for a default."""

    look_up = staticmethod(gethostbyname)

    def look(self, host: Any, look_up: Callable[[Any], Any] = gethostbyname) -> Any:
        return look_up(host)


BY_SOCKET: dict[str, Callable[[Any], Any]] = {
    "socket.getaddrinfo": lambda host: socket.getaddrinfo(host, 443),
    "getaddrinfo(host=)": lambda host: socket.getaddrinfo(host=host, port=443),
    "from socket import getaddrinfo": lambda host: getaddrinfo(host, 443),
    "_socket.getaddrinfo": lambda host: _socket.getaddrinfo(host, 443),
    "socket.gethostbyname": lambda host: socket.gethostbyname(host),
    "from socket import gethostbyname": lambda host: gethostbyname(host),
    "_socket.gethostbyname": lambda host: _socket.gethostbyname(host),
    "socket.gethostbyname_ex": lambda host: socket.gethostbyname_ex(host),
    "from socket import gethostbyname_ex": lambda host: gethostbyname_ex(host),
    "socket.gethostbyaddr": lambda host: socket.gethostbyaddr(host),
    "from socket import gethostbyaddr": lambda host: gethostbyaddr(host),
    "an attribute of a class": lambda host: Keeps.look_up(host),
    "a default of a function": lambda host: Keeps().look(host),
    "connect": of_a_socket(socket.SOCK_STREAM, lambda one, address: one.connect(address)),
    "connect_ex": of_a_socket(socket.SOCK_STREAM, lambda one, address: one.connect_ex(address)),
    "bind": of_a_socket(socket.SOCK_STREAM, lambda one, address: one.bind(address)),
    "sendto": of_a_socket(socket.SOCK_DGRAM, lambda one, address: one.sendto(b"x", address)),
    "sendto with flags": of_a_socket(socket.SOCK_DGRAM, lambda one, address: one.sendto(b"x", 0, address)),
    "sendmsg": of_a_socket(socket.SOCK_DGRAM, lambda one, address: one.sendmsg([b"x"], [], 0, address)),
    "create_connection": lambda host: socket.create_connection((host, 443), timeout=5),
}
"""The functions of the socket module that resolve a name, or have C resolve one."""


async def by_sock_connect(loop: asyncio.AbstractEventLoop, host: Any) -> None:
    with socket.socket() as one:
        one.setblocking(False)
        await loop.sock_connect(one, (host, 443))


BY_LOOP: dict[str, Callable[[asyncio.AbstractEventLoop, Any], Any]] = {
    "getaddrinfo": lambda loop, host: loop.getaddrinfo(host, 443),
    "create_connection": lambda loop, host: loop.create_connection(asyncio.Protocol, host, 443),
    "create_connection(host=)": lambda loop, host: loop.create_connection(asyncio.Protocol, host=host, port=443),
    "create_datagram_endpoint": lambda loop, host: loop.create_datagram_endpoint(
        asyncio.DatagramProtocol, remote_addr=(host, 443)
    ),
    "create_server": lambda loop, host: loop.create_server(asyncio.Protocol, host, 443),
    "sock_connect": by_sock_connect,
    "open_connection": lambda loop, host: asyncio.open_connection(host, 443),
}
LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": lambda: pytest.importorskip("uvloop").new_event_loop(),
}


@pytest.fixture(params=["a fake is on", "the suite is guarded"])
def guarded(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "a fake is on":
        with FakeBluejay():
            yield "by a client that the fake Bluejay does not intercept: point it at bluejay.url"
    else:
        switch.guard(True)
        yield "while no fake Bluejay is on: the test needs the `bluejay` fixture (bluejay_guard is on)"
        switch.guard(False)


def expected(host: Any, why: str) -> str:
    """The text of an error, up to where the call is."""
    name = "getbluejay.ai" if host == "getbluejay.ai" else APP if host == APP else API
    if name != API:
        why = f"and the fake Bluejay answers {API} and otlp.getbluejay.ai alone"
    return f"{name} was about to be called for real, {why}"


@pytest.mark.parametrize("host", FORMS, ids=ascii)
@pytest.mark.parametrize("way", BY_SOCKET)
def test_the_socket_module(guarded: str, way: str, host: Any) -> None:
    with pytest.raises(NotIntercepted) as caught:
        BY_SOCKET[way](host)
    if host in (API, APP, "getbluejay.ai"):
        assert expected(host, guarded) in str(caught.value)
    assert caught.value.errno == socket.EAI_FAIL
    assert f"{HERE}:" in str(caught.value)


@pytest.mark.parametrize("host", [API, APP])
@pytest.mark.parametrize("way", BY_LOOP)
@pytest.mark.parametrize("loop", LOOPS)
def test_event_loops(guarded: str, loop: str, way: str, host: str) -> None:
    async def go() -> None:
        await BY_LOOP[way](asyncio.get_running_loop(), host)

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner, pytest.raises(NotIntercepted) as caught:
        runner.run(go())
    assert expected(host, guarded) in str(caught.value)
    assert f"{HERE}:" in str(caught.value)


@pytest.mark.parametrize("loop", LOOPS)
def test_event_loops_still_lead_elsewhere(guarded: str, loop: str) -> None:
    async def go() -> None:
        running = asyncio.get_running_loop()
        server = await running.create_server(asyncio.Protocol, "localhost", 0)
        port = server.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection("localhost", port)
        writer.close()
        endpoint, _ = await running.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=("127.0.0.1", port))
        endpoint.close()
        assert await running.getaddrinfo("127.0.0.1", port)
        server.close()

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(go())


def test_the_first_line_that_is_not_a_librarys_is_named(bluejay: FakeBluejay) -> None:
    def ours() -> None:
        urllib3.PoolManager(retries=False).request("GET", f"https://{APP}/v1/traces")

    with pytest.raises(GuardError) as caught:
        ours()
    assert str(caught.value).endswith(f"The call is at {__file__}:{ours.__code__.co_firstlineno + 1}.")


def test_a_call_from_a_thread_of_a_library_names_the_thread(bluejay: FakeBluejay) -> None:
    caught: list[BaseException] = []
    thread = threading.Thread(target=in_a_library(caught.append), name="worker-7")
    thread.start()
    thread.join()
    assert "threading.py:" in str(caught[0])
    assert "in thread worker-7" in str(caught[0])


def in_a_library(keep: Callable[[BaseException], None]) -> Callable[[], None]:
    """Code whose file is among the installed libraries."""
    source = textwrap.dedent("""
        def run():
            try:
                gethostbyname("api.getbluejay.ai")
            except OSError as error:
                keep(error)
    """)
    names: dict[str, Any] = {"gethostbyname": socket.gethostbyname, "keep": keep}
    exec(compile(source, str(Path(threading.__file__)), "exec"), names)
    return names["run"]  # type: ignore[no-any-return]


ASKS: dict[str, Callable[[str], Any]] = {
    "requests": lambda url: requests.get(url, timeout=5),
    "httpx": lambda url: httpx.get(url, timeout=5),
    "urllib3": lambda url: urllib3.PoolManager(retries=2, timeout=5).request("GET", url),
    "aiohttp": lambda url: asyncio.run(_by_aiohttp(url)),
}


async def _by_aiohttp(url: str) -> None:
    async with aiohttp.ClientSession(trust_env=True) as session:
        await session.get(url)


@pytest.mark.parametrize(
    ("client", "proxied"),
    [*((client, False) for client in ASKS), ("requests", True), ("httpx", True), ("aiohttp", True)],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_clients_of_a_host_that_is_not_faked(
    guarded: str, client: str, scheme: str, proxied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if proxied:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
    with pytest.raises((GuardError, NotIntercepted)) as caught:
        ASKS[client](f"{scheme}://APP.getbluejay.ai/v1/traces")
    assert expected(APP, guarded) in str(caught.value)
    assert "give the code under test another address" in str(caught.value)


@pytest.mark.parametrize("target", ["HTTP://API.GETBLUEJAY.AI/v1/ping", "hTTp://api.getbluejay.ai./v1/ping"])
def test_http_client_asks_a_proxy_in_capitals(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    switch.guard(True)
    try:
        connection = http.client.HTTPConnection("127.0.0.1", 9)
        with pytest.raises(GuardError, match="while no fake Bluejay is on"):
            connection.request("GET", target, headers={"X-API-Key": "k"})
        with FakeBluejay() as bluejay:
            connection = http.client.HTTPConnection("127.0.0.1", 9)
            connection.request("GET", target, headers={"X-API-Key": "k"})
            assert json.load(connection.getresponse())["message"] == "pong"
            assert bluejay.requests[0].path == "/v1/ping"
    finally:
        switch.guard(False)


def test_a_span_of_the_sdks_tracing_is_given_up_at_once_while_no_fake_is_on(caplog: pytest.LogCaptureFixture) -> None:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    waits: list[object] = []
    exporter = OTLPSpanExporter("https://otlp.getbluejay.ai/v1/traces", headers={"X-API-KEY": "k"})
    exporter._client._shutdown_event.wait = waits.append  # type: ignore[method-assign, assignment]
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    switch.guard(True)
    try:
        with provider.get_tracer("test").start_as_current_span("span"):
            pass
    finally:
        switch.guard(False)
    assert waits == []
    assert "while no fake Bluejay is on" in caplog.text
    assert f"{HERE}:" in caplog.text


@pytest.mark.parametrize("first", ["the resolver", "the fake"])
def test_a_resolver_that_somebody_put_in_place_of_pythons_answers(first: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 9))]
    with contextlib.ExitStack() as stack:
        if first == "the fake":
            stack.enter_context(FakeBluejay())
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: answer)
        if first == "the resolver":
            stack.enter_context(FakeBluejay())
        assert socket.getaddrinfo(API, 443) == answer
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((API, 443))


def test_errors_cross_the_borders_of_processes() -> None:
    for error in (NotIntercepted(socket.EAI_FAIL, "why"), GuardError("why")):
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), again.args) == (type(error), error.args)


def test_afterwards_everything_is_as_before() -> None:
    pytest.importorskip("uvloop")

    def held() -> list[object]:
        places = [
            vars(seam.owner).get(seam.name) for name in ("socket", "uvloop") for seam in guard.seams(sys.modules[name])
        ]
        return [*places, vars(asyncio.BaseEventLoop)["getaddrinfo"], gethostbyname, Keeps.look.__defaults__]

    before = held()
    with FakeBluejay():
        assert all(one is not another for one, another in zip(held()[:-3], before, strict=False))
    assert all(one is another or one == another for one, another in zip(held(), before, strict=True))


def test_a_module_first_imported_meanwhile_is_inert_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "imported_meanwhile.py").write_text(
        "import asyncio\n"
        "from socket import getaddrinfo, gethostbyname, gethostbyname_ex, gethostbyaddr\n"
        "from _socket import getaddrinfo as inner\n"
        "from socket import socket\n"
        "connect, sendto = socket.connect, socket.sendto\n"
        "loop_getaddrinfo = asyncio.BaseEventLoop.getaddrinfo\n"
        "kept = [gethostbyname, lambda host: inner(host, 443), lambda host, inner=inner: inner(host, 443)]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with FakeBluejay():
        import imported_meanwhile as meanwhile  # type: ignore[import-not-found]

        for look_up in (meanwhile.gethostbyname, *meanwhile.kept):
            with pytest.raises(NotIntercepted):
                look_up(API)
    del sys.modules["imported_meanwhile"]
    # A name that nobody resolves anywhere: too long for the system to ask for, and in the guarded domain.
    nowhere = ("x" * 63 + ".") * 4 + "getbluejay.ai"
    for look_up in (meanwhile.gethostbyname, meanwhile.gethostbyname_ex, meanwhile.gethostbyaddr, *meanwhile.kept):
        assert of_error(look_up, nowhere) is not NotIntercepted
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        assert of_error(meanwhile.sendto, one, b"x", (nowhere, 9)) is not NotIntercepted


def of_error(call: Callable[..., Any], *args: Any) -> type[BaseException]:
    try:
        call(*args)
    except (OSError, UnicodeError) as error:
        return type(error)
    pytest.fail("there was no error")


def test_uvloop_first_imported_while_a_fake_is_on() -> None:
    code = """
        import asyncio
        from fake_bluejay import FakeBluejay
        with FakeBluejay():
            import uvloop
            try:
                uvloop.run(asyncio.open_connection("api.getbluejay.ai", 443))
            except OSError as error:
                print(type(error).__name__)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60, env=os.environ
    )
    assert done.stdout == "NotIntercepted\n", done.stderr
