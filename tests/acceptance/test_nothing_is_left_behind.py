"""When the last fake is off, everything is as it was before the first."""

import asyncio
import http.client
import os
import selectors
import socket
import sys
import time
from collections.abc import Callable
from time import monotonic, sleep  # noqa: F401 (only held)
from typing import Any

import aiohttp
import httpx
import httpx2
import pytest
import requests
import time_machine
import urllib3.connection

from fake_bluejay import FakeBluejay
from fake_bluejay.fake import ACTIVE

URL = "https://api.getbluejay.ai/"
SEAMS = [
    (httpx.HTTPTransport, "handle_request"),
    (httpx.AsyncHTTPTransport, "handle_async_request"),
    (httpx2.HTTPTransport, "handle_request"),
    (httpx2.AsyncHTTPTransport, "handle_async_request"),
    (aiohttp.TCPConnector, "_create_connection"),
    (requests.adapters.HTTPAdapter, "send"),
    (http.client.HTTPConnection, "putrequest"),
    (http.client.HTTPConnection, "connect"),
    (http.client.HTTPSConnection, "connect"),
    (urllib3.connection.HTTPConnection, "connect"),
    (urllib3.connection.HTTPSConnection, "connect"),
    (socket, "getaddrinfo"),
    (socket, "gethostbyname"),
    (socket, "gethostbyname_ex"),
    (time, "sleep"),
    (time, "monotonic"),
    (time, "monotonic_ns"),
    (asyncio.BaseEventLoop, "time"),
    (asyncio.BaseEventLoop, "run_in_executor"),
    (selectors.DefaultSelector, "select"),
    (sys.modules[__name__], "sleep"),
    (sys.modules[__name__], "monotonic"),
]


def nap(seconds: float, by: Callable[[float], None] = time.sleep) -> None:
    by(seconds)


def state() -> list[Any]:
    variables = [os.environ.get(name) for name in ("BLUEJAY_API_KEY", "BLUEJAY_API_URL")]
    return [
        *(vars(owner).get(name) for owner, name in SEAMS),
        *(nap.__defaults__ or ()),
        *variables,
        *sys.meta_path,
        *ACTIVE,
        time_machine.escape_hatch.is_travelling(),
    ]


@pytest.fixture
def before(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    monkeypatch.setenv("BLUEJAY_API_KEY", "a-real-key")
    monkeypatch.delenv("BLUEJAY_API_URL", raising=False)
    return state()


def test_after_a_fake(before: list[Any]) -> None:
    with FakeBluejay() as bluejay:
        assert os.environ["BLUEJAY_API_KEY"] == bluejay.api_key != "a-real-key"
        assert os.environ["BLUEJAY_API_URL"] == "https://api.getbluejay.ai/v1"
        assert all(one is not other for one, other in zip(state()[: len(SEAMS)], before, strict=False))
    assert state() == before


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_after_an_error(before: list[Any], error: type[BaseException]) -> None:
    with pytest.raises(error), FakeBluejay():
        raise error
    assert state() == before


def test_after_nested_fakes_stopped_in_any_order(before: list[Any]) -> None:
    first, second = FakeBluejay().start(), FakeBluejay(api_keys=["second-key"]).start()
    assert os.environ["BLUEJAY_API_KEY"] == "second-key"
    requests.post(URL)
    first.stop()
    requests.post(URL)
    assert (len(first.requests), len(second.requests)) == (0, 2)
    second.stop()
    assert state() == before


def test_the_inner_fake_gives_the_calls_back() -> None:
    with FakeBluejay() as outer:
        with FakeBluejay() as inner:
            requests.post(URL)
        requests.post(URL)
        assert (len(outer.requests), len(inner.requests)) == (1, 1)


def test_after_failing_and_erring_tests(pytester: pytest.Pytester, before: list[Any]) -> None:
    pytester.makepyfile(
        """
        import pytest
        def test_fails(bluejay): assert False
        @pytest.fixture
        def broken(bluejay): raise RuntimeError
        def test_errs(broken): pass
        @pytest.mark.bluejay(agnet="silent")
        def test_has_a_bad_option(bluejay): pass
        def test_a_library_fails_to_start(bluejay, monkeypatch):
            monkeypatch.setattr("time_machine.travel", None)
            from fake_bluejay import FakeBluejay
            bluejay.stop()
            with pytest.raises(TypeError), FakeBluejay(): pass
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:randomly", "-p", "no:asyncio")
    result.assert_outcomes(passed=1, failed=1, errors=2)
    result.stdout.fnmatch_lines(["*unknown option 'agnet'; did you mean 'agent'? known: *"])
    assert state() == before


def test_after_an_interrupt(pytester: pytest.Pytester, before: list[Any]) -> None:
    pytester.makepyfile("def test_is_interrupted(bluejay): raise KeyboardInterrupt")
    result = pytester.runpytest_inprocess("-p", "no:randomly", "-p", "no:asyncio", no_reraise_ctrlc=True)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert state() == before
