"""A proxy in the environment, and the loopback server, which no proxy could reach or should."""

import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable

import httpx
import pytest
import requests

from fake_bluejay import FakeBluejay

NOWHERE = "http://127.0.0.1:9"
"""A proxy at which nobody listens."""

one_variable_on_windows = pytest.mark.skipif(sys.platform == "win32", reason="NO_PROXY and no_proxy are one there")


@pytest.fixture(autouse=True)
def behind_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, NOWHERE)


def both() -> list[str | None]:
    return [os.environ.get("NO_PROXY"), os.environ.get("no_proxy")]


GETS: dict[str, Callable[[str], object]] = {
    "requests": lambda url: requests.get(url, timeout=5).raise_for_status(),
    "httpx": lambda url: httpx.get(url, timeout=5).raise_for_status(),
    "urllib": lambda url: urllib.request.build_opener().open(url, timeout=5).close(),  # `urlopen` keeps its proxies
}


@pytest.mark.parametrize("client", GETS)
def test_a_client_reaches_the_server_whatever_proxy_the_environment_names(
    bluejay_server: FakeBluejay, client: str
) -> None:
    GETS[client](f"{bluejay_server.url}/_fake/health")


@one_variable_on_windows
@pytest.mark.parametrize("client", GETS)
def test_a_proxy_that_the_test_itself_names(
    bluejay_server: FakeBluejay, client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", NOWHERE)
    monkeypatch.delenv("NO_PROXY", raising=False)
    GETS[client](f"{bluejay_server.url}/_fake/health")


def test_a_child_process_reaches_the_server(bluejay_server: FakeBluejay) -> None:
    ask = "httpx.get(os.environ['BLUEJAY_API_URL'] + '/ping', headers={'X-API-Key': 'k'})"
    code = f"import os, httpx; print({ask}.json()['message'])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert out.stdout == "pong\n", out.stderr


@pytest.mark.parametrize(
    ("before", "meanwhile"),
    [
        ({}, ["127.0.0.1", "127.0.0.1"]),
        ({"NO_PROXY": "corp.example"}, ["corp.example,127.0.0.1"] * 2),
        ({"no_proxy": "corp.example"}, ["corp.example,127.0.0.1"] * 2),
        pytest.param({"NO_PROXY": "a", "no_proxy": "b"}, ["a,127.0.0.1", "b,127.0.0.1"], marks=one_variable_on_windows),
        ({"NO_PROXY": "a, 127.0.0.1"}, ["a, 127.0.0.1"] * 2),
        ({"NO_PROXY": "*"}, ["*", "*"]),
    ],
)
def test_hosts_exempt_from_proxies_stay_exempt(
    before: dict[str, str], meanwhile: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in before.items():
        monkeypatch.setenv(name, value)
    found = both()
    with FakeBluejay() as bluejay:
        assert both() == found
        assert bluejay.url
        assert both() == meanwhile
    assert both() == found


def test_a_server_from_before_the_fake_was_on() -> None:
    bluejay = FakeBluejay()
    assert bluejay.url
    assert both() == [None, None]
    with bluejay:
        assert both() == ["127.0.0.1", "127.0.0.1"]
    assert both() == [None, None]


@pytest.mark.parametrize("first_off", [0, 1])
@pytest.mark.parametrize("served", [(0,), (1,), (0, 1), (1, 0)])
def test_nested_fakes_with_servers_stopped_in_either_order(served: tuple[int, ...], first_off: int) -> None:
    fakes = [FakeBluejay().start(), FakeBluejay().start()]
    try:
        assert all(fakes[index].url for index in served)
    finally:
        fakes.pop(first_off).stop()
        assert both() == ([None, None] if served == (first_off,) else ["127.0.0.1", "127.0.0.1"])
        fakes.pop().stop()
    assert both() == [None, None]
