"""The cost of a test: set-up, one call with a shared client, tear-down; an empty test's cost subtracted.

The tests of all peers run in turn, and the median of each counts: a machine with other work to do, and a collection of
garbage that somebody happens to set off, then decide nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.report import ratio

ROUNDS = 5
SUITE = """
import asyncio, io, json, os
import aiohttp, httpcore, httpx, mocket, mocket.mocks.mockhttp, pytest, requests, responses, urllib3, vcr
from urllib3.connection import HTTPSConnection

HOST = "https://api.getbluejay.ai"
URL = HOST + "/v1/end-conversations"
ANSWER = {"success": True, "ended_count": 1, "test_result_ids": [1], "failed_ids": None, "message": "Marked 1"}
BODY = json.dumps(ANSWER)
RAW = (
    b"HTTP/1.1 200 OK\\r\\ncontent-type: application/json\\r\\ncontent-length: %d\\r\\n\\r\\n" % len(BODY)
) + BODY.encode()
CALL = {"json": {"test_result_ids": [1]}, "headers": {"X-API-Key": "key"}}
client, session = httpx.Client(), requests.Session()
loop = asyncio.new_event_loop()

async def make_session(**options):
    return aiohttp.ClientSession(**options)

aio_session = loop.run_until_complete(make_session())

def by_httpx(client=client, url=URL):
    assert client.post(url, **CALL).json()["ended_count"] == 1

def by_requests(session=session, url=URL):
    assert session.post(url, **CALL).json()["ended_count"] == 1

def by_aiohttp(session=aio_session, url=URL):
    async def ask():
        async with session.post(url, **CALL) as response:
            assert (await response.json())["ended_count"] == 1
    loop.run_until_complete(ask())

# The floors: a constant on the barest stream, socket or transport.

class Stream(httpcore.NetworkStream):
    def write(self, buffer, timeout=None): self.left = RAW
    def read(self, most, timeout=None):
        data, self.left = self.left, b""
        return data
    def close(self): pass
    def start_tls(self, *args, **kwargs): return self

class Backend(httpcore.NetworkBackend):
    def connect_tcp(self, *args, **kwargs): return Stream()

floor_client = httpx.Client(transport=httpx.HTTPTransport())
floor_client._transport._pool._network_backend = Backend()

class Socket:
    file = os.pipe()[0]
    def sendall(self, data): pass
    def makefile(self, *args): return io.BytesIO(RAW)
    def settimeout(self, timeout): pass
    def fileno(self): return self.file
    def close(self): pass
    def shutdown(self, how): pass

class Connection(HTTPSConnection):
    def connect(self):
        self.sock, self.is_verified = Socket(), True

class Pool(urllib3.HTTPSConnectionPool):
    ConnectionCls = Connection

floor_session = requests.Session()
floor_session.adapters["https://"].poolmanager.pool_classes_by_scheme = {"https": Pool}

class Transport(asyncio.Transport):
    def __init__(self, protocol): super().__init__(); self.protocol = protocol
    def write(self, data):
        if b"test_result_ids" in data:
            loop.call_soon(self.protocol.data_received, RAW)
    def writelines(self, parts): self.write(b"".join(parts))
    def is_closing(self): return False
    def get_write_buffer_size(self): return 0
    def close(self): pass
    def abort(self): pass

class Connector(aiohttp.TCPConnector):
    async def _create_connection(self, *args, **kwargs):
        protocol = self._factory()
        protocol.connection_made(Transport(protocol))
        return protocol

async def make_floor():
    return aiohttp.ClientSession(connector=Connector())

floor_aio_session = loop.run_until_complete(make_floor())

@pytest.fixture
def nothing():
    yield

many = pytest.mark.parametrize("n", range(201))  # the first warms up

@many
def test_empty(n): pass

@many
def test_httpx_on_a_constant(nothing, n): by_httpx(floor_client)

@many
def test_requests_on_a_constant(nothing, n): by_requests(floor_session)

@many
def test_aiohttp_on_a_constant(nothing, n): by_aiohttp(floor_aio_session)

@many
def test_bluejay_httpx(bluejay, n):
    bluejay.add_test_result()
    by_httpx()

@many
def test_bluejay_requests(bluejay, n):
    bluejay.add_test_result()
    by_requests()

@many
def test_bluejay_aiohttp(bluejay, n):
    bluejay.add_test_result()
    by_aiohttp()

@many
def test_pytest_httpx(httpx_mock, n):
    httpx_mock.add_response(url=URL, method="POST", json=ANSWER)
    by_httpx()

@many
def test_respx(respx_mock, n):
    respx_mock.post(URL).respond(json=ANSWER)
    by_httpx()

CASSETTE = {
    "interactions": [{
        "request": {"method": "POST", "uri": URL, "body": "", "headers": {}},
        "response": {"status": {"code": 200, "message": "OK"}, "body": {"string": BODY},
                     "headers": {"content-type": ["application/json"]}},
    }],
    "version": 1,
}
with open("cassette.json", "w") as file:
    json.dump(CASSETTE, file)
player = vcr.VCR(serializer="json", record_mode="none")

@many
def test_vcr_httpx(n):
    with player.use_cassette("cassette.json"):
        by_httpx()

@many
@responses.activate
def test_responses(n):
    responses.add(responses.POST, URL, json=ANSWER)
    by_requests()

@many
def test_httpserver_httpx(httpserver, n):
    httpserver.expect_request("/v1/end-conversations", method="POST").respond_with_json(ANSWER)
    by_httpx(url=httpserver.url_for("/v1/end-conversations"))

@many
def test_httpserver_requests(httpserver, n):
    httpserver.expect_request("/v1/end-conversations", method="POST").respond_with_json(ANSWER)
    by_requests(url=httpserver.url_for("/v1/end-conversations"))

@many
def test_httpserver_aiohttp(httpserver, n):
    httpserver.expect_request("/v1/end-conversations", method="POST").respond_with_json(ANSWER)
    by_aiohttp(url=httpserver.url_for("/v1/end-conversations"))

def expect():
    mocket.mocks.mockhttp.Entry.single_register("POST", URL, body=BODY, headers={"content-type": "application/json"})

@many
@mocket.mocketize
def test_mocket_httpx(n):
    expect()
    with httpx.Client(verify=False) as own: by_httpx(own)

@many
@mocket.mocketize
def test_mocket_requests(n):
    expect()
    with requests.Session() as own: by_requests(own)

@many
def test_bluejay_loopback(bluejay, n):
    bluejay.add_test_result()
    by_requests(url=bluejay.base_url + "/end-conversations")
"""
TIMER = """
import json, os, time, pytest
costs = {}

def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.callspec.params["n"] // 50)  # in turn, fifty at a time: as warm as in a suite

@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item, nextitem):
    start = time.perf_counter()
    result = yield
    costs.setdefault(item.originalname, []).append(time.perf_counter() - start)
    return result

def pytest_sessionfinish():
    with open(os.environ["COSTS"], "w") as file:
        json.dump(costs, file)
"""
PLUGINS = ("fake_bluejay.pytest_plugin", "respx.plugin", "pytest_httpx", "pytest_httpserver.pytest_plugin")


STUBS = {"httpx": ("pytest_httpx", "respx", "vcr_httpx"), "requests": ("responses",)}
"""Client → what answers it by skipping its machinery."""
PEERS = {
    "httpx": {"httpserver_httpx": "≤ 0.6", "mocket_httpx": "≤ 1"},
    "requests": {"httpserver_requests": "≤ 0.6", "mocket_requests": "≤ 1"},
    "aiohttp": {"httpserver_aiohttp": "≤ 0.6"},
}
"""Client → what answers it by a connection, with the goal."""


def run() -> None:
    """Print the cost of a test for each client against stubs, against peers that keep its machinery, and the floor."""
    rounds = [_round() for _ in range(ROUNDS)]

    def net(name: str) -> list[float]:
        return [one[f"test_{name}"] - one["test_empty"] for one in rounds]

    print(f"a test's cost, {ROUNDS} rounds of 200 tests of each kind in turn, µs over an empty test's (medians):")
    for name in rounds[0]:
        print(f"  {name[5:]}: {median(net(name[5:])) * 1e6:.0f}")
    for client in PEERS:
        ours = net(f"bluejay_{client}")
        for stub in STUBS.get(client, ()):
            ratio(f"bluejay + {client} / {stub}, a stub", ours, net(stub), "≤ 2.5")
        for peer, goal in PEERS[client].items():
            ratio(f"bluejay + {client} / {peer}, a connection", ours, net(peer), goal)
        ratio(f"bluejay + {client} / a constant under it, the floor", ours, net(f"{client}_on_a_constant"), "none")
    ratio("bluejay.url + requests / httpserver", net("bluejay_loopback"), net("httpserver_requests"), "≤ 0.6")


def _round() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "test_cost.py").write_text(SUITE)
        Path(directory, "conftest.py").write_text(TIMER)
        Path(directory, "pytest.ini").write_text("[pytest]\n")
        costs = Path(directory, "costs.json")
        plugins = [argument for plugin in PLUGINS for argument in ("-p", plugin)]
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", *plugins, directory],
            env={**os.environ, "COSTS": str(costs), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            cwd=directory,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # of the sessions that are not closed
        )
        return {name: median(each[1:]) for name, each in json.loads(costs.read_text()).items()}
