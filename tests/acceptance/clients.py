"""Every client library as a function, importable without any of them: `post(url, json)` and `get(url)`.

Each gives `(status, parsed JSON)` and raises what its library raises. Run as a program, it plays the scenario with a
client that is imported only once a fake is on: `python clients.py <client>`.
"""

import asyncio
import json
import sys
import warnings
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

KEY = {"X-API-Key": "key"}
BOTH = {**KEY, "Content-Type": "application/json"}
HOST = "https://api.getbluejay.ai"
TIMEOUT = 5
Asked = tuple[int, Any]


def use_requests() -> Callable[..., Asked]:
    import requests

    def ask(method: str, url: str, body: Any = None) -> Asked:
        with requests.Session() as session:
            response = session.request(method, url, json=body, headers=KEY, timeout=TIMEOUT)
            return response.status_code, response.json()

    return ask


def use_httpx(name: str = "httpx") -> Callable[..., Asked]:
    httpx: Any = __import__(name)

    def ask(method: str, url: str, body: Any = None) -> Asked:
        with httpx.Client(timeout=TIMEOUT) as client:
            response = client.request(method, url, json=body, headers=KEY)
            return response.status_code, response.json()

    return ask


def use_httpx2() -> Callable[..., Asked]:
    return use_httpx("httpx2")


def use_urllib3() -> Callable[..., Asked]:
    import urllib3

    def ask(method: str, url: str, body: Any = None) -> Asked:
        content = None if body is None else json.dumps(body).encode()
        with urllib3.PoolManager(retries=False, timeout=TIMEOUT) as pool:
            response = pool.request(method, url, body=content, headers=BOTH)
            return response.status, json.loads(response.data)

    return ask


def use_http_client() -> Callable[..., Asked]:
    import http.client
    from urllib.parse import urlsplit

    def ask(method: str, url: str, body: Any = None) -> Asked:
        parts = urlsplit(url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.netloc, timeout=TIMEOUT)
        try:
            connection.request(method, parts.path, None if body is None else json.dumps(body), BOTH)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    return ask


def use_urllib_request() -> Callable[..., Asked]:
    import urllib.request

    def ask(method: str, url: str, body: Any = None) -> Asked:
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, content, BOTH, method=method)
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            return response.status, json.loads(response.read())

    return ask


def use_httpx_async(name: str = "httpx") -> Callable[..., Awaitable[Asked]]:
    httpx: Any = __import__(name)

    async def ask(method: str, url: str, body: Any = None) -> Asked:
        async with httpx.AsyncClient(timeout=TIMEOUT) as client:
            response = await client.request(method, url, json=body, headers=KEY)
            return response.status_code, response.json()

    return ask


def use_httpx2_async() -> Callable[..., Awaitable[Asked]]:
    return use_httpx_async("httpx2")


def use_aiohttp() -> Callable[..., Awaitable[Asked]]:
    import aiohttp

    async def ask(method: str, url: str, body: Any = None) -> Asked:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.request(method, url, json=body, headers=KEY) as response,
        ):
            return response.status, await response.json()

    return ask


SYNC: dict[str, Callable[[], Callable[..., Asked]]] = {
    "requests": use_requests,
    "httpx": use_httpx,
    "httpx2": use_httpx2,
    "urllib3": use_urllib3,
    "http.client": use_http_client,
    "urllib.request": use_urllib_request,
}
ASYNC: dict[str, Callable[[], Callable[..., Awaitable[Asked]]]] = {
    "httpx (async)": use_httpx_async,
    "httpx2 (async)": use_httpx2_async,
    "aiohttp": use_aiohttp,
}
CLIENTS = [*SYNC, *ASYNC]
FINAL = ("COMPLETED", "SYSTEM_ERROR")


def end_three_and_poll(client: str, base: str) -> dict[str, Any]:
    """The scenario: mark three, one of them silent, and one unknown; poll until all have ended."""
    if client in SYNC:
        return _sync(SYNC[client](), base)
    return asyncio.run(_async(ASYNC[client](), base))


def _sync(ask: Callable[..., Asked], base: str) -> dict[str, Any]:
    import time

    status, answer = ask("POST", f"{base}/v1/end-conversations", {"test_result_ids": [1, 2, 3, 999]})
    assert status == 200
    deadline, polls = time.monotonic() + 60, 0
    while time.monotonic() < deadline:
        results = [ask("GET", f"{base}/v1/retrieve-simulation-result/{id}")[1]["simulation_result"] for id in (1, 2, 3)]
        if all(result["status"] in FINAL for result in results):
            return {"answer": answer, "polls": polls, "results": results}
        time.sleep(5)
        polls += 1
    raise TimeoutError


async def _async(ask: Callable[..., Awaitable[Asked]], base: str) -> dict[str, Any]:
    import time

    status, answer = await ask("POST", f"{base}/v1/end-conversations", {"test_result_ids": [1, 2, 3, 999]})
    assert status == 200
    deadline, polls = time.monotonic() + 60, 0
    while time.monotonic() < deadline:
        asked = [ask("GET", f"{base}/v1/retrieve-simulation-result/{id}") for id in (1, 2, 3)]
        results = [one["simulation_result"] for _, one in await asyncio.gather(*asked)]
        if all(result["status"] in FINAL for result in results):
            return {"answer": answer, "polls": polls, "results": results}
        await asyncio.sleep(5)
        polls += 1
    raise TimeoutError


def play(client: str, loopback: bool) -> SimpleNamespace:
    """The scenario on a fake of its own. Gives what the client saw, and the fake."""
    from fake_bluejay import FakeBluejay
    from fake_bluejay.agents import silent

    with FakeBluejay() as fake:
        fake.add_test_results(2)
        fake.add_test_result(agent=silent())
        seen = end_three_and_poll(client, fake.url if loopback else HOST)
        return SimpleNamespace(seen=seen, histories=[result.history for result in fake.test_results], fake=fake)


def only_loopback() -> None:
    """From now on this process can reach nobody but itself: an attempt is an error, and cannot be undone."""

    def look(event: str, arguments: tuple[Any, ...]) -> None:
        if (
            event == "socket.connect"
            and isinstance(arguments[1], tuple)
            and arguments[1][0] not in ("127.0.0.1", "::1")
        ):
            raise RuntimeError(f"a packet was about to leave for {arguments[1]}")
        if event == "socket.getaddrinfo" and arguments[0] not in ("127.0.0.1", b"127.0.0.1", "localhost", None):
            raise RuntimeError(f"a name was about to be looked up: {arguments[0]}")

    sys.addaudithook(look)


if __name__ == "__main__":
    only_loopback()
    warnings.simplefilter("error")
    library = sys.argv[1].split()[0].partition(".")[0]
    assert library in ("http", "urllib") or library not in sys.modules
    for loopback in (False, True):
        played = play(sys.argv[1], loopback)
        print(json.dumps(played.seen))
