"""Beside tools that mock HTTP themselves, each started before the fake and after it.

One rule holds for all: whoever stands closest to the wire answers last, and that is the fake. What another tool claims
is its own; what it lets through is the fake's; what it is told nothing of is as that tool has it without the fake.
"""

import asyncio
import contextlib
import http.client
import json
import socket
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import aiohttp
import httpx
import pytest
import requests
import urllib3

from fake_bluejay import FakeBluejay

API = "https://api.getbluejay.ai"
PING = f"{API}/v1/ping"
OTHER = "https://other.example/v1/ping"
KEY = {"X-API-Key": "key"}
FAKE, MOCK = "pong", "mocked"
ITS_OWN = "as without the fake"
"""The answer of aioresponses, which some releases of aiohttp leave unable to make one."""
BODY = {"message": MOCK}


def by_requests(url: str) -> str:
    return str(requests.get(url, headers=KEY, timeout=5).json()["message"])


def by_httpx(url: str) -> str:
    return str(httpx.get(url, headers=KEY, timeout=5).json()["message"])


def by_httpx_async(url: str) -> str:
    async def ask() -> Any:
        async with httpx.AsyncClient(timeout=5) as client:
            return (await client.get(url, headers=KEY)).json()

    return str(asyncio.run(ask())["message"])


def by_aiohttp(url: str) -> str:
    async def ask() -> Any:
        async with aiohttp.ClientSession() as session, session.get(url, headers=KEY) as response:
            return await response.json()

    return str(asyncio.run(ask())["message"])


def by_urllib3(url: str) -> str:
    return str(json.loads(urllib3.PoolManager(retries=False).request("GET", url, headers=KEY).data)["message"])


def by_http_client(url: str) -> str:
    connection = http.client.HTTPSConnection(url.split("/")[2], timeout=5)
    connection.request("GET", "/v1/ping", headers=KEY)
    return str(json.load(connection.getresponse())["message"])


def by_urllib(url: str) -> str:
    with urllib.request.urlopen(urllib.request.Request(url, headers=KEY), timeout=5) as answer:
        return str(json.load(answer)["message"])


def error_of(ask: Callable[[str], str], url: str) -> str:
    """The answer, or the name of the error."""
    try:
        return ask(url)
    except Exception as error:
        return type(error).__name__


# --- the tools: what each is told, as a context in which it is on ------------------------------------------------


@contextlib.contextmanager
def requests_mock_of(*urls: str, **options: Any) -> Iterator[None]:
    import requests_mock

    with requests_mock.Mocker(**options) as mocker:
        for url in urls:
            mocker.get(url, json=BODY)
        yield


@contextlib.contextmanager
def responses_of(*urls: str, passthru: str = "") -> Iterator[None]:
    import responses

    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        for url in urls:
            mock.get(url, json=BODY)
        if passthru:
            mock.add_passthru(passthru)
        yield


@contextlib.contextmanager
def respx_of(*urls: str, passing: str = "", using: str = "httpcore") -> Iterator[None]:
    import respx

    with respx.mock(assert_all_called=False, using=using) as router:
        for url in urls:
            router.get(url).respond(json=BODY)
        if passing:
            router.route(host=passing).pass_through()
        yield


@contextlib.contextmanager
def aioresponses_of(*urls: str, passthrough: Sequence[str] = ()) -> Iterator[None]:
    from aioresponses import aioresponses

    with aioresponses(passthrough=list(passthrough)) as mock:
        for url in urls:
            mock.get(url, payload=BODY, repeat=True)
        yield


def vcr_of(*urls: str, **options: Any) -> AbstractContextManager[Any]:
    """A cassette with answers for these, and nothing else, kept in memory only."""
    import vcr
    from vcr.persisters.filesystem import FilesystemPersister
    from vcr.serialize import deserialize

    cassette = {
        "version": 1,
        "interactions": [
            {
                "request": {"method": "GET", "uri": url, "body": None, "headers": {}},
                "response": {
                    "status": {"code": 200, "message": "OK"},
                    "headers": {"content-type": ["application/json"]},
                    "body": {"string": json.dumps(BODY)},
                },
            }
            for url in urls
        ],
    }

    class InMemory(FilesystemPersister):  # type: ignore[misc]
        @classmethod
        def load_cassette(cls, cassette_path: Any, serializer: Any) -> Any:
            return deserialize(json.dumps(cassette), serializer)

        @staticmethod
        def save_cassette(cassette_path: Any, cassette_dict: Any, serializer: Any) -> None: ...

    recorder = vcr.VCR(serializer="json", record_mode="none")
    recorder.register_persister(InMemory)
    context: AbstractContextManager[Any] = recorder.use_cassette("cassette.json", **options)
    return context


@contextlib.contextmanager
def moto_of() -> Iterator[None]:
    import moto

    with moto.mock_aws():
        yield


@contextlib.contextmanager
def pytest_socket_of(**allowed: Any) -> Iterator[None]:
    import pytest_socket

    real = socket.socket
    if allowed:
        pytest_socket.socket_allow_hosts(**allowed)
    else:
        pytest_socket.disable_socket(allow_unix_socket=True)
    try:
        yield
    finally:
        pytest_socket.enable_socket()
        pytest_socket._remove_restrictions()
    assert socket.socket is real


class Row(NamedTuple):
    """A tool that has been told something, the call that is then made, and who answers, or which error there is."""

    tool: Callable[[], AbstractContextManager[Any]]
    ask: Callable[[str], str]
    url: str
    answer: str


ROWS = {
    "requests-mock claims the API": Row(lambda: requests_mock_of(PING), by_requests, PING, MOCK),
    "requests-mock claims another host": Row(lambda: requests_mock_of(OTHER), by_requests, OTHER, MOCK),
    "requests-mock passes the rest": Row(lambda: requests_mock_of(OTHER, real_http=True), by_requests, PING, FAKE),
    "requests-mock knows nothing of it": Row(lambda: requests_mock_of(OTHER), by_requests, PING, "NoMockAddress"),
    "requests-mock and httpx": Row(lambda: requests_mock_of(), by_httpx, PING, FAKE),
    "responses claims the API": Row(lambda: responses_of(PING), by_requests, PING, MOCK),
    "responses claims another host": Row(lambda: responses_of(OTHER), by_requests, OTHER, MOCK),
    "responses passes the API": Row(lambda: responses_of(OTHER, passthru=API), by_requests, PING, FAKE),
    "responses knows nothing of it": Row(lambda: responses_of(OTHER), by_requests, PING, "ConnectionError"),
    "responses and urllib3": Row(lambda: responses_of(), by_urllib3, PING, FAKE),
    "aioresponses claims the API": Row(lambda: aioresponses_of(PING), by_aiohttp, PING, ITS_OWN),
    "aioresponses claims another host": Row(lambda: aioresponses_of(OTHER), by_aiohttp, OTHER, ITS_OWN),
    "aioresponses passes the API": Row(lambda: aioresponses_of(OTHER, passthrough=[API]), by_aiohttp, PING, FAKE),
    "aioresponses knows nothing of it": Row(lambda: aioresponses_of(OTHER), by_aiohttp, PING, "ClientConnectionError"),
    "moto": Row(moto_of, by_requests, PING, FAKE),
}
for using in ("httpcore", "httpx"):
    for ask in (by_httpx, by_httpx_async):
        name = f"respx on {using}, {ask.__name__.removeprefix('by_')},"
        ROWS |= {
            f"{name} claims the API": Row(lambda using=using: respx_of(PING, using=using), ask, PING, MOCK),
            f"{name} claims another host": Row(lambda using=using: respx_of(OTHER, using=using), ask, OTHER, MOCK),
            f"{name} passes the API": Row(
                lambda using=using: respx_of(OTHER, passing="api.getbluejay.ai", using=using), ask, PING, FAKE
            ),
            f"{name} knows nothing of it": Row(
                lambda using=using: respx_of(OTHER, using=using), ask, PING, "AllMockedAssertionError"
            ),
        }
for ask in (by_requests, by_httpx, by_httpx_async, by_aiohttp, by_urllib3, by_http_client, by_urllib):
    name = ask.__name__.removeprefix("by_")
    ROWS |= {
        f"VCR.py has the API, {name}": Row(lambda: vcr_of(PING), ask, PING, MOCK),
        f"VCR.py has another host, {name}": Row(lambda: vcr_of(OTHER), ask, OTHER, MOCK),
        f"VCR.py ignores the API, {name}": Row(
            lambda: vcr_of(OTHER, ignore_hosts=["api.getbluejay.ai"]), ask, PING, FAKE
        ),
        f"VCR.py records, {name}": Row(lambda: vcr_of(OTHER, record_mode="new_episodes"), ask, PING, FAKE),
        f"VCR.py knows nothing of it, {name}": Row(
            lambda: vcr_of(OTHER), ask, PING, "CannotOverwriteExistingCassetteException"
        ),
        f"pytest-socket disables sockets, {name}": Row(pytest_socket_of, ask, PING, FAKE),
        f"pytest-socket allows this machine, {name}": Row(
            lambda: pytest_socket_of(allowed=["127.0.0.1"]), ask, PING, FAKE
        ),
    }


def told(row: str) -> Row:
    tool, ask, url, answer = ROWS[row]
    if answer == ITS_OWN:
        with tool():
            answer = error_of(ask, url)
    return Row(tool, ask, url, answer)


@pytest.mark.parametrize("row", ROWS)
def test_a_tool_that_is_on_before_the_fake(row: str) -> None:
    tool, ask, url, answer = told(row)
    with tool(), FakeBluejay() as bluejay:
        assert error_of(ask, url) == answer
        assert len(bluejay.requests) == (answer == FAKE)


@pytest.mark.parametrize("row", ROWS)
def test_a_tool_that_is_on_after_the_fake(row: str) -> None:
    tool, ask, url, answer = told(row)
    with FakeBluejay() as bluejay, tool():
        assert error_of(ask, url) == answer
        assert len(bluejay.requests) == (answer == FAKE)


@pytest.mark.parametrize("row", ROWS)
def test_a_tool_that_goes_off_between(row: str) -> None:
    """Neither the one that stays on nor the calls afterwards are disturbed by which goes first."""
    tool, ask, url, answer = told(row)
    for fake_first in (True, False):
        with contextlib.ExitStack() as of_tool, contextlib.ExitStack() as of_fake:
            for on in (of_fake, of_tool) if fake_first else (of_tool, of_fake):
                on.enter_context(FakeBluejay() if on is of_fake else tool())  # type: ignore[arg-type]
            of_fake.close() if fake_first else of_tool.close()
            if fake_first and answer != FAKE:
                assert error_of(ask, url) == answer
            elif not fake_first:
                assert error_of(ask, PING) == FAKE
    with FakeBluejay():
        assert error_of(ask, PING) == FAKE


def test_moto_and_the_fake_each_take_their_own(bluejay: FakeBluejay, monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with moto_of():
        client = boto3.client("sqs", region_name="us-east-1")
        client.create_queue(QueueName="calls")
        assert by_requests(PING) == FAKE
        assert client.list_queues()["QueueUrls"][0].endswith("/calls")
    assert len(bluejay.requests) == 1


# --- pytest-httpx, which is a fixture only ------------------------------------------------------------------------


@pytest.fixture(params=["before the fake", "after the fake"])
def both(request: pytest.FixtureRequest) -> tuple[Any, FakeBluejay]:
    if request.param == "before the fake":
        mock = request.getfixturevalue("httpx_mock")
        return mock, request.getfixturevalue("bluejay")
    bluejay = request.getfixturevalue("bluejay")
    return request.getfixturevalue("httpx_mock"), bluejay


@pytest.mark.parametrize("ask", [by_httpx, by_httpx_async])
def test_pytest_httpx_claims_the_api(both: tuple[Any, FakeBluejay], ask: Callable[[str], str]) -> None:
    mock, bluejay = both
    mock.add_response(url=PING, json=BODY)
    assert ask(PING) == MOCK
    bluejay.assert_no_requests()


@pytest.mark.httpx_mock(should_mock=lambda request: request.url.host != "api.getbluejay.ai")
@pytest.mark.parametrize("ask", [by_httpx, by_httpx_async])
def test_pytest_httpx_passes_the_api(both: tuple[Any, FakeBluejay], ask: Callable[[str], str]) -> None:
    mock, bluejay = both
    mock.add_response(url=OTHER, json=BODY)
    assert [ask(PING), ask(OTHER)] == [FAKE, MOCK]
    assert len(bluejay.requests) == 1


@pytest.mark.httpx_mock(assert_all_requests_were_expected=False)
@pytest.mark.parametrize("ask", [by_httpx, by_httpx_async])
def test_pytest_httpx_knows_nothing_of_it(both: tuple[Any, FakeBluejay], ask: Callable[[str], str]) -> None:
    assert error_of(ask, PING) == "TimeoutException"
    both[1].assert_no_requests()
