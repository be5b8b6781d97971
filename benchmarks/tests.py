"""What a test costs: set-up, one call with a shared client, tear-down; an empty test's cost subtracted.

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
import json, socket, threading
import httpx, pytest, requests, responses

URL = "https://api.getbluejay.ai/v1/end-conversations"
ANSWER = {"success": True, "ended_count": 1, "test_result_ids": [1], "failed_ids": None, "message": "Marked 1"}
CALL = {"json": {"test_result_ids": [1]}, "headers": {"X-API-Key": "key"}}
client, session = httpx.Client(), requests.Session()

class Transport(httpx.BaseTransport):
    def handle_request(self, request):
        return httpx.Response(200, json=ANSWER)

class Adapter(requests.adapters.HTTPAdapter):
    def send(self, request, **options):
        response = requests.Response()
        response.status_code, response.request, response._content = 200, request, json.dumps(ANSWER).encode()
        return response

floor_client, floor_session = httpx.Client(transport=Transport()), requests.Session()
floor_session.mount("https://", Adapter())

listening = socket.create_server(("127.0.0.1", 0))
FLOOR_URL = f"http://127.0.0.1:{listening.getsockname()[1]}/v1/end-conversations"

def answer():
    body = json.dumps(ANSWER).encode()
    head = b"HTTP/1.1 200 OK\\r\\ncontent-type: application/json\\r\\ncontent-length: %d\\r\\n\\r\\n" % len(body)
    connection, _ = listening.accept()
    while received := connection.recv(65536):
        if b"test_result_ids" in received:
            connection.sendall(head + body)

threading.Thread(target=answer, daemon=True).start()

@pytest.fixture
def nothing():
    yield

many = pytest.mark.parametrize("n", range(501))  # the first warms up

@many
def test_empty(n): pass

@many
def test_floor_of_httpx(nothing, n):
    assert floor_client.post(URL, **CALL).json()["ended_count"] == 1

@many
def test_floor_of_requests(nothing, n):
    assert floor_session.post(URL, **CALL).json()["ended_count"] == 1

@many
def test_floor_of_loopback(nothing, n):
    assert session.post(FLOOR_URL, **CALL).json()["ended_count"] == 1

@many
def test_bluejay_httpx(bluejay, n):
    bluejay.add_test_result()
    assert client.post(URL, **CALL).json()["ended_count"] == 1

@many
def test_pytest_httpx(httpx_mock, n):
    httpx_mock.add_response(url=URL, method="POST", json=ANSWER)
    assert client.post(URL, **CALL).json()["ended_count"] == 1

@many
def test_respx(respx_mock, n):
    respx_mock.post(URL).respond(json=ANSWER)
    assert client.post(URL, **CALL).json()["ended_count"] == 1

@many
def test_bluejay_requests(bluejay, n):
    bluejay.add_test_result()
    assert session.post(URL, **CALL).json()["ended_count"] == 1

@many
@responses.activate
def test_responses(n):
    responses.add(responses.POST, URL, json=ANSWER)
    assert session.post(URL, **CALL).json()["ended_count"] == 1

@many
def test_bluejay_loopback(bluejay, n):
    bluejay.add_test_result()
    assert session.post(bluejay.base_url + "/end-conversations", **CALL).json()["ended_count"] == 1

@many
def test_pytest_httpserver(httpserver, n):
    httpserver.expect_request("/v1/end-conversations", method="POST").respond_with_json(ANSWER)
    assert session.post(httpserver.url_for("/v1/end-conversations"), **CALL).json()["ended_count"] == 1
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


def run() -> None:
    """Print the ratios for httpx and for requests."""
    rounds = [_round() for _ in range(ROUNDS)]

    def net(name: str) -> list[float]:
        return [one[name] - one["test_empty"] for one in rounds]

    # The floors are what a test costs with any fixture that has a tear-down and any answer, however cheap: of such a
    # fixture of no content, and of the client itself, answered by a constant in its lowest public seam or on a socket.
    print(f"a test's cost, {ROUNDS} rounds of 500 tests of each kind in turn, µs over an empty test's (medians):")
    for name in rounds[0]:
        print(f"  {name[5:]}: {median(net(name)) * 1e6:.0f}")
    ratio("bluejay + httpx.Client / pytest-httpx", net("test_bluejay_httpx"), net("test_pytest_httpx"), "≤ 0.6")
    ratio("bluejay + httpx.Client / respx", net("test_bluejay_httpx"), net("test_respx"), "≤ 0.6")
    ratio("the floor of httpx / pytest-httpx", net("test_floor_of_httpx"), net("test_pytest_httpx"), "none")
    ratio("bluejay + requests / responses", net("test_bluejay_requests"), net("test_responses"), "≤ 0.9")
    ratio("the floor of requests / responses", net("test_floor_of_requests"), net("test_responses"), "none")
    ratio(
        "bluejay.url + requests / pytest-httpserver",
        net("test_bluejay_loopback"),
        net("test_pytest_httpserver"),
        "≤ 0.6",
    )
    ratio(
        "the floor of a socket / pytest-httpserver",
        net("test_floor_of_loopback"),
        net("test_pytest_httpserver"),
        "none",
    )


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
        )
        return {name: median(each[1:]) for name, each in json.loads(costs.read_text()).items()}
