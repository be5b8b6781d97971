"""A session that was there before the fake: its kept connections are not used while the fake is on, nor after it."""

import asyncio
import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import aiohttp
import httpx
import pytest
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from fake_bluejay import FakeBluejay

HOST = "api.getbluejay.ai"


class RealService:
    """A stand-in for the real Bluejay: a server on this machine that the real name leads to."""

    def __init__(self, port: int) -> None:
        self.url = f"http://{HOST}:{port}"
        self.port = port
        self.connections = 0
        self.requests = 0


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> Iterator[RealService]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            service.connections += 1

        def do_GET(self) -> None:
            service.requests += 1
            self.send_response(200)
            self.send_header("content-length", "4")
            self.end_headers()
            self.wfile.write(b"real")

        def log_message(self, *args: Any) -> None: ...

    look_up = socket.getaddrinfo

    def here(host: Any, *args: Any, **kwargs: Any) -> Any:
        return look_up("127.0.0.1" if host in (HOST, HOST.encode()) else host, *args, **kwargs)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        service = RealService(server.server_port)
        monkeypatch.setattr(socket, "getaddrinfo", here)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield service
        server.shutdown()
        thread.join()


Ask = Callable[[str], str]


def a_requests_session(stack: ExitStack, service: RealService) -> Ask:
    session = stack.enter_context(requests.Session())
    return lambda path: session.get(service.url + path, timeout=5).text


def a_requests_session_with_retries(stack: ExitStack, service: RealService) -> Ask:
    session = stack.enter_context(requests.Session())
    session.mount("http://", HTTPAdapter(max_retries=Retry(0, status_forcelist=[503])))
    return lambda path: session.get(service.url + path, timeout=5).text


def an_httpx_client(stack: ExitStack, service: RealService) -> Ask:
    client = stack.enter_context(httpx.Client())
    return lambda path: client.get(service.url + path).text


def a_urllib3_pool(stack: ExitStack, service: RealService) -> Ask:
    pool = stack.enter_context(urllib3.PoolManager(retries=False))
    return lambda path: pool.request("GET", service.url + path).data.decode()  # type: ignore[no-any-return]


def an_http_client_connection(stack: ExitStack, service: RealService) -> Ask:
    connection = http.client.HTTPConnection(HOST, service.port, timeout=5)
    stack.callback(connection.close)

    def ask(path: str) -> str:
        try:
            connection.request("GET", path)
        except ConnectionResetError:  # as with any server that has gone away meanwhile
            connection.close()
            connection.request("GET", path)
        return connection.getresponse().read().decode()

    return ask


def an_aiohttp_session(stack: ExitStack, service: RealService) -> Ask:
    runner = stack.enter_context(asyncio.Runner())

    async def open_() -> aiohttp.ClientSession:
        # With another resolver, which is its default where aiodns is installed, the name would really be looked up.
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=aiohttp.ThreadedResolver()))

    session = runner.run(open_())
    stack.callback(lambda: runner.run(session.close()))

    async def ask(path: str) -> str:
        async with session.get(service.url + path) as response:
            return await response.text()

    return lambda path: runner.run(ask(path))


@pytest.mark.parametrize(
    "session",
    [
        a_requests_session,
        a_requests_session_with_retries,
        an_httpx_client,
        a_urllib3_pool,
        an_http_client_connection,
        an_aiohttp_session,
    ],
)
def test_a_session_before_in_and_after(real: RealService, session: Callable[[ExitStack, RealService], Ask]) -> None:
    with ExitStack() as stack:
        ask = session(stack, real)
        assert [ask("/v1/nothing"), ask("/v1/nothing")] == ["real", "real"]
        assert real.connections == 1  # so it is kept alive
        for _ in range(2):
            with FakeBluejay() as bluejay:
                assert ask("/v1/nothing") == ask("/v1/nothing") == '{"detail":"Not Found"}'
                assert len(bluejay.requests) == 2
        assert real.requests == 2
        assert ask("/v1/nothing") == "real"
