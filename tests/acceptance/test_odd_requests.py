"""Requests that a client may refuse to send, or a server to read, end in process as they do on a socket."""

import http.client
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import httpx2
import pytest
import requests
import urllib3

from fake_bluejay import FakeBluejay


def ask_by_http_client(base: str, target: str, headers: dict[str, str]) -> Any:
    url = urlsplit(base)
    connection_class = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = connection_class(url.netloc)
    try:
        connection.request("GET", target, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


ODD: dict[str, Callable[[str], Any]] = {
    **{
        f"{library.__name__} with a key of {key!r}": lambda base, library=library, key=key: (
            library.get(f"{base}/v1/ping", headers={"X-API-Key": key}).status_code
        )
        for library in (httpx, httpx2)
        for key in ("key\n", " key", "k\0y", "k\r\nX: y", "ké", "")
    },
    "httpx with a header's name that cannot be": lambda base: httpx.get(base, headers={"X API": "1"}),
    "httpx with more promised than sent": lambda base: httpx.post(base, content=b"1", headers={"Content-Length": "9"}),
    "httpx with less promised than sent": lambda base: httpx.post(base, content=b"12", headers={"Content-Length": "1"}),
    **{
        f"requests that wait {timeout!r}": lambda base, timeout=timeout: (
            requests.get(f"{base}/v1/ping", timeout=timeout).status_code
        )
        for timeout in (0, -1, "x", True, (1, 0), (1, 2, 3), (1, None), urllib3.Timeout(2))
    },
    "urllib3 with a key that is no header": lambda base: (
        urllib3.request("GET", f"{base}/v1/ping", headers={"X-API-Key": "k\0y"}, retries=False).status
    ),
    "http.client with a fragment": lambda base: ask_by_http_client(base, "/v1/ping#part", {}),
    "http.client with a header's name that cannot be": lambda base: ask_by_http_client(
        base, "/v1/ping", {"X/API": "1"}
    ),
}
"""Requests that a client may refuse to send, or a server to read."""


@pytest.mark.parametrize("what", ODD)
def test_odd_request_ends_in_process_as_on_a_socket(bluejay: FakeBluejay, what: str) -> None:
    def end(base: str) -> Any:
        try:
            return ODD[what](base)
        except Exception as error:
            return type(error), re.sub(r"0x\w+", "", str(error))

    assert end("https://api.getbluejay.ai") == end(bluejay.url)


@pytest.mark.bluejay(now="2031-02-03T04:05:06Z")
def test_an_answer_has_the_date_of_the_clients_calendar(bluejay: FakeBluejay) -> None:
    bluejay.clock.advance(90)
    assert requests.get("https://api.getbluejay.ai/v1/ping").headers["date"] == "Mon, 03 Feb 2031 04:06:36 GMT"
    assert "date" in requests.get(bluejay.base_url).headers
    for base in ("https://api.getbluejay.ai/v1", bluejay.base_url):
        own = {"date": "Thu, 01 Jan 1998 00:00:00 GMT", "server": "cloudflare"}
        bluejay.faults.respond(503, headers=own)
        answer = requests.get(f"{base}/ping")
        assert {name: answer.headers[name] for name in own} == own
