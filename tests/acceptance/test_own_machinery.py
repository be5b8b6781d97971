"""All of a client's own machinery runs: what adapters, extensions, logs and settings do, they do beside the fake."""

import http.client
import importlib
import logging
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import aiohttp
import httpcore
import httpx
import httpx2
import httpx_socks
import pytest
import requests
import urllib3

from fake_bluejay import FakeBluejay

URL = "https://api.getbluejay.ai/v1/ping"
KEY = {"X-API-Key": "key"}


class Signing(requests.adapters.HTTPAdapter):
    def add_headers(self, request: Any, **kwargs: Any) -> None:
        request.headers["X-API-Key"] = "signed"


class Rerouting(requests.adapters.HTTPAdapter):
    def request_url(self, request: Any, proxies: Any) -> str:
        return "/v1/ping"


class Marking(requests.adapters.HTTPAdapter):
    def build_response(self, req: Any, resp: Any) -> Any:
        response = super().build_response(req, resp)
        response.reason = "marked"
        return response


@pytest.mark.bluejay(unmet="ignore")  # the fault is for another path: that it is armed must not matter
@pytest.mark.parametrize("armed_elsewhere", [True, False])
def test_an_adapters_own_methods_run(bluejay: FakeBluejay, armed_elsewhere: bool) -> None:
    if armed_elsewhere:
        bluejay.faults.respond(503, path="/v1/agents/{id}")
    with requests.Session() as session:
        session.mount("https://", Signing())
        assert session.get(URL).status_code == 200
        assert bluejay.requests[-1].headers["x-api-key"] == "signed"
        session.mount("https://", Rerouting())
        assert session.get(URL.replace("ping", "nothing"), headers=KEY).status_code == 200
        session.mount("https://", Marking())
        assert session.get(URL, headers=KEY).reason == "marked"


def test_retries_that_are_a_number_are_as_without_the_fake(bluejay: FakeBluejay) -> None:
    with requests.Session() as session:
        adapter: Any = session.adapters["https://"]
        adapter.max_retries = 3
        assert session.get(URL, headers=KEY).status_code == 200
        bluejay.faults.reset(times=3)
        assert session.get(URL, headers=KEY).status_code == 200
        assert len(bluejay.requests) == 5


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_httpxs_trace_and_network_stream(bluejay: FakeBluejay, library: Any) -> None:
    events: list[str] = []
    with library.Client(headers=KEY) as client:
        extensions = {"trace": lambda name, info: events.append(name)}
        with client.stream("GET", URL, extensions=extensions) as response:
            stream = response.extensions["network_stream"]
            assert stream.get_extra_info("server_addr") == ("127.0.0.1", 443)
            assert stream.get_extra_info("ssl_object").version() == "TLSv1.3"
            assert (response.http_version, response.reason_phrase) == ("HTTP/1.1", "OK")
            response.read()
    assert events[:4] == [
        "connection.connect_tcp.started",
        "connection.connect_tcp.complete",
        "connection.start_tls.started",
        "connection.start_tls.complete",
    ]
    assert "http11.receive_response_headers.complete" in events


async def test_httpxs_trace_async(bluejay: FakeBluejay) -> None:
    events: list[str] = []

    async def trace(name: str, info: Any) -> None:
        events.append(name)

    async with httpx.AsyncClient(headers=KEY) as client:
        await client.get(URL, extensions={"trace": trace})
    assert events[0] == "connection.connect_tcp.started"
    assert "http11.receive_response_headers.complete" in events


def test_log_lines(bluejay: FakeBluejay, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    caplog.set_level(logging.DEBUG)
    requests.get(URL, headers=KEY)
    httpx.get(URL, headers=KEY)
    assert {"urllib3.connectionpool", "httpcore.connection", "httpcore.http11"} <= {one.name for one in caplog.records}
    assert '"GET /v1/ping HTTP/1.1" 200' in caplog.text
    connection = http.client.HTTPSConnection("api.getbluejay.ai")
    connection.set_debuglevel(1)
    connection.request("GET", "/v1/ping", headers=KEY)
    connection.getresponse().read()
    printed = capsys.readouterr().out
    assert "send: b'GET /v1/ping HTTP/1.1" in printed
    assert "reply: 'HTTP/1.1 200 OK" in printed


def test_a_connection_is_kept_alive(bluejay: FakeBluejay, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with requests.Session() as session, httpx.Client() as client:
        for each in (session, client):
            for _ in range(3):
                each.get(URL, headers=KEY)  # type: ignore[attr-defined]
    assert caplog.text.count("Starting new HTTPS connection") == 1
    assert caplog.text.count("connect_tcp.complete") == 1


async def test_aiohttps_traces(bluejay: FakeBluejay) -> None:
    events: list[str] = []
    config = aiohttp.TraceConfig()

    def note(name: str) -> Any:
        async def happened(*args: Any) -> None:
            events.append(name)

        return happened

    for name in ("connection_create_end", "connection_reuseconn", "request_end"):
        getattr(config, f"on_{name}").append(note(name))
    async with aiohttp.ClientSession(trace_configs=[config], headers=KEY) as session:
        for _ in range(2):
            async with session.get(URL) as response:
                await response.read()
    assert events == ["connection_create_end", "request_end", "connection_reuseconn", "request_end"]


async def test_aiohttp_sends_a_get_again_by_itself(bluejay: FakeBluejay) -> None:
    bluejay.faults.reset()
    async with aiohttp.ClientSession(headers=KEY) as session, session.get(URL) as response:
        assert response.status == 200
    assert [bool(request.faults) for request in bluejay.requests] == [True, False]


def test_a_ca_bundle_that_is_not_there_is_the_librarys_error(bluejay: FakeBluejay) -> None:
    with pytest.raises(OSError, match="Could not find a suitable TLS CA certificate bundle"):
        requests.get(URL, headers=KEY, verify="/nowhere.pem")
    with pytest.raises(OSError, match="Could not find the TLS certificate file"):
        requests.get(URL, headers=KEY, cert="/nowhere.pem")
    bluejay.assert_no_requests()


def test_a_mock_backend_of_ones_own_wins(bluejay: FakeBluejay) -> None:
    backend = httpcore.MockBackend([b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n"])
    with httpcore.ConnectionPool(network_backend=backend) as pool:
        assert pool.request("GET", URL, headers=KEY).status == 201
    bluejay.assert_no_requests()


@pytest.mark.parametrize("proxy", ["http://proxy.test:1", "https://proxy.test:1", "socks5://proxy.test:1"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_pools_of_ones_own_with_proxies_of_all_kinds(bluejay: FakeBluejay, proxy: str, scheme: str) -> None:
    with httpcore.ConnectionPool(proxy=httpcore.Proxy(proxy)) as pool:
        for _ in range(2):
            assert pool.request("GET", URL.replace("https", scheme), headers=KEY).status == 200


def test_pools_that_another_library_derives(bluejay: FakeBluejay, elsewhere: str) -> None:
    """httpx-socks makes connections of its own, to a proxy, which the guard would not see."""
    with httpx.Client(transport=httpx_socks.SyncProxyTransport.from_url("socks5://127.0.0.1:1")) as client:
        for _ in range(2):
            assert client.get(URL, headers=KEY).status_code == 200
        with pytest.raises(httpx_socks.ProxyConnectionError):
            client.get(elsewhere)


async def test_pools_that_another_library_derives_async(bluejay: FakeBluejay) -> None:
    transport = httpx_socks.AsyncProxyTransport.from_url("socks5://127.0.0.1:1")
    async with httpx.AsyncClient(transport=transport) as client:
        for _ in range(2):
            assert (await client.get(URL, headers=KEY)).status_code == 200


def test_a_unix_socket(bluejay: FakeBluejay) -> None:
    with httpx.Client(transport=httpx.HTTPTransport(uds="/nowhere.sock")) as client:
        assert client.get(URL, headers=KEY).status_code == 200


@pytest.mark.parametrize("library", [httpx, httpx2])
@pytest.mark.parametrize("configuration", [{"http2": True}, {"http1": False, "http2": True}])
def test_http_2_negotiates_http_1(bluejay: FakeBluejay, library: Any, configuration: Any) -> None:
    with library.Client(headers=KEY, **configuration) as client:
        assert client.get(URL).http_version == "HTTP/1.1"


@pytest.mark.skipif(urllib3.__version__.startswith("1."), reason="urllib3 1.26 has no HTTP/2")
def test_urllib3s_http_2_is_refused_and_does_not_hang(bluejay: FakeBluejay) -> None:
    http2 = importlib.import_module("urllib3.http2")
    http2.inject_into_urllib3()
    try:
        with urllib3.PoolManager(retries=False) as pool, pytest.raises(urllib3.exceptions.ProtocolError):
            pool.request("GET", URL, headers=KEY)
    finally:
        http2.extract_from_urllib3()


@pytest.fixture
def elsewhere() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-length", "9")
            self.end_headers()
            self.wfile.write(b"elsewhere")

        def log_message(self, *args: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def files_run_by(call: Callable[[], Any]) -> set[str]:
    """The files of all Python code that a call runs."""
    files: set[str] = set()
    sys.setprofile(lambda frame, event, argument: files.add(frame.f_code.co_filename))
    try:
        call()
    finally:
        sys.setprofile(None)
    return files


def test_after_the_last_stop_a_call_runs_the_code_that_it_would_have_run_without_us(elsewhere: str) -> None:
    import asyncio
    import urllib.request

    session, client = requests.Session(), httpx.Client()

    async def by_aiohttp() -> None:
        async with aiohttp.ClientSession() as session, session.get(elsewhere) as response:
            await response.read()

    def by_urllib() -> None:
        with urllib.request.urlopen(elsewhere) as response:
            response.read()

    calls: list[Callable[[], Any]] = [
        lambda: session.get(elsewhere),
        lambda: client.get(elsewhere),
        lambda: asyncio.run(by_aiohttp()),
        by_urllib,
        lambda: socket.getaddrinfo("127.0.0.1", 1),
    ]
    with FakeBluejay():
        for get in (session.get, client.get):
            get(URL, headers=KEY)  # type: ignore[operator]
        during = [files_run_by(call) for call in calls]
    session.get(elsewhere)
    client.get(elsewhere)  # which finds that its connections to the fake have ended, and drops them
    after = [files_run_by(call) for call in calls]
    session.close()
    client.close()
    ours = str(Path(sys.modules["fake_bluejay"].__file__ or "").parent)
    assert all(any(file.startswith(ours) for file in files) for files in during)
    assert not [file for files in after for file in files if file.startswith(ours)]
