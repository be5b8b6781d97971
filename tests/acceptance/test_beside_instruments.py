"""Libraries that instrument clients, cache their answers or replace them work beside the fake, in either order."""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
import requests
import urllib3

from fake_bluejay import FakeBluejay, __version__
from tests.warm import output_of

URL = "https://api.getbluejay.ai/v1/ping"
KEY = {"X-API-Key": "key"}
Tool = Callable[[], contextlib.AbstractContextManager[Any]]


def by_requests() -> Any:
    return requests.get(URL, headers=KEY).json()


def by_httpx() -> Any:
    return httpx.get(URL, headers=KEY).json()


def by_async_httpx() -> Any:
    async def ask() -> Any:
        async with httpx.AsyncClient() as client:
            return (await client.get(URL, headers=KEY)).json()

    return asyncio.run(ask())


def by_urllib3() -> Any:
    return json.loads(urllib3.PoolManager().request("GET", URL, headers=KEY).data)


def by_aiohttp() -> Any:
    async def ask() -> Any:
        async with aiohttp.ClientSession() as session, session.get(URL, headers=KEY) as response:
            return await response.json()

    return asyncio.run(ask())


PONG = {"message": "pong", "sha": __version__}


@pytest.fixture(params=["before", "after"])
def beside(request: pytest.FixtureRequest) -> Iterator[Callable[[Tool], tuple[Any, FakeBluejay]]]:
    """Start a tool before a fake, or after; the one that came last ends first."""
    with contextlib.ExitStack() as stack:

        def start(tool: Tool) -> tuple[Any, FakeBluejay]:
            if request.param == "before":
                started = stack.enter_context(tool())
                return started, stack.enter_context(FakeBluejay())
            fake = stack.enter_context(FakeBluejay())
            return stack.enter_context(tool()), fake

        yield start


Beside = Callable[[Tool], tuple[Any, FakeBluejay]]

# --- OpenTelemetry ----------------------------------------------------------------------------------------------


def instrumentor(name: str) -> Any:
    if name == "httpx":
        from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor

        return HTTPXClientInstrumentor()
    if name == "requests":
        from opentelemetry.instrumentation.requests import RequestsInstrumentor

        return RequestsInstrumentor()
    if name == "urllib3":
        from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor

        return URLLib3Instrumentor()
    from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor

    return AioHttpClientInstrumentor()


@contextlib.contextmanager
def telemetry(name: str) -> Iterator[Any]:
    """The spans that an instrumentation makes."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrument = instrumentor(name)
    instrument.instrument(tracer_provider=provider)
    try:
        yield exporter.get_finished_spans
    finally:
        instrument.uninstrument()


TRACED = {
    "httpx": [by_httpx, by_async_httpx],
    "requests": [by_requests],
    "urllib3": [by_urllib3, by_requests],
    "aiohttp": [by_aiohttp],
}


@pytest.mark.parametrize("name", TRACED)
def test_opentelemetry(beside: Beside, name: str) -> None:
    spans, fake = beside(lambda: telemetry(name))
    for number, call in enumerate(TRACED[name], 1):
        assert call() == PONG
        assert len(spans()) == number
        assert spans()[-1].attributes["http.status_code"] == 200
        assert "traceparent" in fake.requests[-1].headers


@pytest.mark.parametrize("name", TRACED)
def test_opentelemetry_that_starts_in_a_test_and_stays(name: str) -> None:
    with contextlib.ExitStack() as stack:
        with FakeBluejay():
            spans = stack.enter_context(telemetry(name))
        with FakeBluejay() as fake:
            assert TRACED[name][0]() == PONG
            assert len(spans()) == 1
            assert "traceparent" in fake.requests[-1].headers


# --- Sentry -----------------------------------------------------------------------------------------------------

SENTRY = """
import asyncio, os, sys
os.environ["EVENTLET_NO_GREENDNS"] = "yes"  # Sentry imports eventlet, whose own DNS fails beside trio
import aiohttp, httpx, requests, sentry_sdk
from http.client import HTTPConnection
from fake_bluejay import FakeBluejay
sys.path.insert(0, {here!r})
import test_beside_instruments as calls

crumbs, transactions = [], []
def start():
    sentry_sdk.init(dsn="http://key@127.0.0.1:9/1", transport=lambda event: None, traces_sample_rate=1.0,
                    before_send_transaction=lambda event, hint: transactions.append(event["transaction"]),
                    before_breadcrumb=lambda crumb, hint: crumbs.append(crumb))
def check():
    for call in (calls.by_requests, calls.by_httpx, calls.by_async_httpx, calls.by_aiohttp, calls.by_urllib3):
        crumbs.clear()
        transactions.clear()
        with sentry_sdk.start_transaction(name="t"):
            assert call() == calls.PONG
        assert [one["type"] for one in crumbs] == ["http"], (call, crumbs)
        assert transactions == ["t"], (call, transactions)  # the fake is no server of the user's
        assert "sentry-trace" in bluejay.requests[-1].headers
if {before}:
    start()
with FakeBluejay(sleep="real") as bluejay:  # Sentry's own threads sleep
    if not {before}:
        start()
    check()
theirs = HTTPConnection.putrequest
assert theirs.__module__.startswith("sentry_sdk"), theirs
for _ in range(2):
    with FakeBluejay(sleep="real") as bluejay:
        check()
assert HTTPConnection.putrequest is theirs
"""


@pytest.mark.parametrize("before", [True, False])
def test_sentry(before: bool, tmp_path: Path) -> None:
    """In a process of its own, for what it wraps it never lets go."""
    output_of(SENTRY.format(here=str(Path(__file__).parent), before=before), directory=tmp_path)


# --- tools that trace servers -----------------------------------------------------------------------------------

TRACED_SERVERS = """
import starlette.applications, starlette.routing
traced = []
def trace(owner, name):
    original = getattr(owner, name)
    def tracing(*args, **kwargs):
        traced.append(name)
        return original(*args, **kwargs)
    setattr(owner, name, tracing)
trace(starlette.applications.Starlette, "__call__")
trace(starlette.applications.Starlette, "__init__")
trace(starlette.routing, "request_response")

import httpx
from fake_bluejay import FakeBluejay
URL = "https://api.getbluejay.ai"
with FakeBluejay() as bluejay:
    assert [httpx.get(f"{URL}{path}").status_code for path in ("/v1/ping", "/openapi.json", "/no")] == [200, 200, 404]
    assert httpx.get(f"{URL}/v1/end-conversations").status_code == 405
    assert httpx.get(f"{bluejay.url}/v1/ping").status_code == bluejay.client().get("/v1/ping").status_code == 200
    assert traced == [], traced
    assert FakeBluejay.connect(bluejay.url).add_test_result().id == 1
assert "__call__" not in traced and "__init__" not in traced, traced
"""


def test_no_tool_that_traces_servers_sees_the_fake() -> None:
    """In a process of its own, in which Starlette is traced before the fake is loaded, as after `instrument()`."""
    subprocess.run([sys.executable, "-c", TRACED_SERVERS], check=True, timeout=60)


# --- caches and tools of requests -------------------------------------------------------------------------------


def test_cachecontrol(bluejay: FakeBluejay) -> None:
    import cachecontrol

    bluejay.faults.respond(200, json={"n": 1}, headers={"Cache-Control": "max-age=60", "Date": formatdate()})
    with cachecontrol.CacheControl(requests.Session()) as session:
        first, second = session.get(URL), session.get(URL)
    assert (first.json(), second.json()) == ({"n": 1}, {"n": 1})
    assert (first.from_cache, second.from_cache) == (False, True)
    assert len(bluejay.requests) == 1


def test_requests_toolbelt(bluejay: FakeBluejay) -> None:
    import requests_toolbelt
    from requests_toolbelt.adapters.source import SourceAddressAdapter
    from requests_toolbelt.utils import dump

    encoder = requests_toolbelt.MultipartEncoder({"field": "value", "file": ("name", b"content", "text/plain")})
    monitored: list[int] = []
    monitor = requests_toolbelt.MultipartEncoderMonitor(encoder, lambda one: monitored.append(one.bytes_read))
    with requests.Session() as session:
        session.mount("https://", SourceAddressAdapter("127.0.0.1"))
        response = session.post(URL, data=monitor, headers={**KEY, "Content-Type": monitor.content_type})
    assert response.status_code == 405
    assert b"content" in bluejay.requests[-1].content
    assert monitored[-1] == encoder.len
    dumped = dump.dump_all(response)
    assert b"< POST /v1/ping HTTP/1.1" in dumped
    assert b"> HTTP/1.1 405 Method Not Allowed" in dumped


# --- what loads itself when it is looked at ---------------------------------------------------------------------


def test_django_that_is_not_configured(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from django.conf import settings      # not configured, and never used
        from django.utils.functional import SimpleLazyObject
        lazy = SimpleLazyObject(lambda: 1 / 0)
        class Lazy:
            @property
            def __class__(self): raise RuntimeError("too early")
        client = Lazy()
        def test_it(bluejay): pass
        def test_it_again(bluejay): pass
        """
    )
    pytester.runpytest_subprocess("-p", "no:randomly").assert_outcomes(passed=2)


# --- other mocks: what they claim is theirs, and what they let through is the fake's ----------------------------


@pytest.mark.parametrize("call", [by_requests, by_httpx, by_async_httpx, by_urllib3, by_aiohttp])
def test_vcr_records_and_plays_back(beside: Beside, tmp_path: Path, call: Callable[[], Any]) -> None:
    import vcr

    path = str(tmp_path / "cassette.yaml")
    cassette, fake = beside(lambda: vcr.use_cassette(path))
    assert call() == PONG
    assert (len(cassette), cassette.play_count, len(fake.requests)) == (1, 0, 1)
    cassette._save()
    with vcr.use_cassette(path) as played:
        assert call() == PONG
    assert (played.play_count, len(fake.requests)) == (1, 1)


def test_responses(beside: Beside) -> None:
    import responses

    mock, fake = beside(lambda: responses.RequestsMock(assert_all_requests_are_fired=False))
    mock.get(URL, json={"by": "responses"})
    assert by_requests() == {"by": "responses"}
    assert by_httpx() == PONG
    mock.reset()
    mock.add_passthru("https://api.getbluejay.ai")
    assert by_requests() == PONG
    assert len(fake.requests) == 2


def test_requests_mock(beside: Beside) -> None:
    import requests_mock

    mock, fake = beside(requests_mock.Mocker)
    mock.get(URL, json={"by": "requests-mock"})
    assert by_requests() == {"by": "requests-mock"}
    mock.get(URL, real_http=True)
    assert by_requests() == PONG
    assert len(fake.requests) == 1


@pytest.mark.parametrize("using", ["httpcore", "httpx"])
def test_respx(beside: Beside, using: str) -> None:
    import respx

    mock, fake = beside(lambda: respx.mock(assert_all_called=False, using=using))
    mock.get(URL).respond(json={"by": "respx"})
    assert by_httpx() == by_async_httpx() == {"by": "respx"}
    mock.get(URL).pass_through()
    assert by_httpx() == by_async_httpx() == PONG
    assert len(fake.requests) == 2


@pytest.mark.httpx_mock(should_mock=lambda request: request.url.path != "/v1/ping")
def test_pytest_httpx_before(httpx_mock: Any, bluejay: FakeBluejay) -> None:
    check_pytest_httpx(httpx_mock)


@pytest.mark.httpx_mock(should_mock=lambda request: request.url.path != "/v1/ping")
def test_pytest_httpx_after(bluejay: FakeBluejay, httpx_mock: Any) -> None:
    check_pytest_httpx(httpx_mock)


def check_pytest_httpx(httpx_mock: Any) -> None:
    httpx_mock.add_response(url=URL.replace("ping", "mocked"), json={"by": "pytest-httpx"})
    assert httpx.get(URL.replace("ping", "mocked"), headers=KEY).json() == {"by": "pytest-httpx"}
    assert by_httpx() == by_async_httpx() == PONG


def test_aioresponses(beside: Beside) -> None:
    aioresponses = pytest.importorskip("aioresponses", exc_type=ImportError).aioresponses
    _, fake = beside(lambda: aioresponses(passthrough=["https://api.getbluejay.ai/v1/ping"]))
    assert by_aiohttp() == PONG
    assert len(fake.requests) == 1


def test_moto(beside: Beside, monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3
    import moto

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    _, fake = beside(moto.mock_aws)
    client = boto3.client("s3", region_name="us-east-1")
    client.create_bucket(Bucket="bucket")
    assert [one["Name"] for one in client.list_buckets()["Buckets"]] == ["bucket"]
    assert by_requests() == by_httpx() == PONG
    assert len(fake.requests) == 2


def test_pytest_socket(beside: Beside) -> None:
    import pytest_socket

    @contextlib.contextmanager
    def without_sockets() -> Iterator[None]:
        pytest_socket.disable_socket(allow_unix_socket=True)  # event loops have one
        try:
            yield
        finally:
            pytest_socket.enable_socket()

    _, fake = beside(without_sockets)
    for call in (by_requests, by_httpx, by_async_httpx, by_aiohttp, by_urllib3):
        assert call() == PONG
    assert len(fake.requests) == 5
