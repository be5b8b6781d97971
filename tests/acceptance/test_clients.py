"""Real clients, unmodified, with the host hard-coded; no socket is ever opened for them."""

import asyncio
import http.client
import json
import ssl
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import aiohttp
import bluejay as bluejay_sdk
import certifi
import httpx
import httpx2
import pytest
import requests
import urllib3
from bluejay import errors
from requests import post
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from fake_bluejay import FakeBluejay
from tests.warm import output_of

URL = "https://api.getbluejay.ai/v1/end-conversations"
SESSION = requests.Session()  # before any fake is on, as an application's would be
CLIENT = httpx.Client()
ASYNC_CLIENT = httpx.AsyncClient()
RETRYING = requests.Session()
RETRYING.mount("https://", HTTPAdapter(max_retries=Retry(3, status_forcelist=[503])))
IDS = {"test_result_ids": [1]}
KEY = {"X-API-Key": "key"}
BOTH = {**KEY, "Content-Type": "application/json"}


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """The URL of another host: a real server, which must be reached for real."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"elsewhere")

        def log_message(self, *args: Any) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_the_documentations_example(bluejay: FakeBluejay) -> None:
    def example(api_key: str, payload: dict[str, Any]) -> Any:
        response = requests.post(
            "https://api.getbluejay.ai/v1/end-conversations", headers={"X-API-Key": api_key}, json=payload
        )
        response.raise_for_status()
        return response.json()

    call = bluejay.add_test_result()
    answer = example(bluejay.api_key, {"test_result_ids": [call.id, 999]})
    assert list(answer) == ["success", "ended_count", "test_result_ids", "failed_ids", "message"]
    assert list(answer.values())[:4] == [True, 1, [call.id], [999]]
    with pytest.raises(requests.HTTPError, match="422"):
        example(bluejay.api_key, {"test_result_ids": []})


def parts() -> Iterator[bytes]:
    yield b'{"test_result'
    yield b'_ids":[1]}'


def sdk() -> bluejay_sdk.Bluejay:
    # Clients of one's own, so that the SDK has none to close when it is collected.
    return bluejay_sdk.Bluejay("key", client=CLIENT, async_client=ASYNC_CLIENT)


def by_urllib() -> Any:
    request = urllib.request.Request(URL, data=b'{"test_result_ids":[1]}', headers=BOTH)
    with urllib.request.urlopen(request, timeout=5) as response:
        return json.loads(response.read())


def by_http_client() -> Any:
    connection = http.client.HTTPSConnection("api.getbluejay.ai")
    for _ in range(2):  # twice over one connection
        connection.request("POST", "/v1/end-conversations", b'{"test_result_ids":[1]}', BOTH)
        answer = json.loads(connection.getresponse().read())
    return answer


def by_httpx(library: Any, **configuration: Any) -> Any:
    with library.Client(**configuration) as client:
        return client.post(URL, json=IDS, headers=KEY).json()


PROXY = "http://proxy.test:3128"
WAYS: dict[str, Any] = {
    "imported by name": lambda: post(URL, json=IDS, headers=KEY).json(),
    "an old session": lambda: SESSION.post(URL, json=IDS, headers=KEY).json(),
    "retries": lambda: RETRYING.post(URL, json=IDS, headers=KEY).json(),
    "a streamed upload": lambda: requests.post(URL, data=parts(), headers=BOTH).json(),
    "a streamed answer": lambda: json.loads(
        b"".join(SESSION.post(URL, json=IDS, headers=KEY, stream=True).iter_content(7))
    ),
    "a redirect": lambda: SESSION.post(f"{URL}/", json=IDS, headers=KEY).json(),
    "a redirect with retries": lambda: RETRYING.post(f"{URL}/", json=IDS, headers=KEY).json(),
    "plain http": lambda: SESSION.post(URL.replace("https", "http"), json=IDS, headers=KEY).json(),
    "another port": lambda: SESSION.post(URL.replace(".ai", ".ai:8443"), json=IDS, headers=KEY).json(),
    "a proxy": lambda: SESSION.post(URL, json=IDS, headers=KEY, proxies={"https": PROXY}).json(),
    "a proxy with retries": lambda: RETRYING.post(URL, json=IDS, headers=KEY, proxies={"https": PROXY}).json(),
    "plain http by a proxy": lambda: json.loads(
        urllib3.ProxyManager(PROXY)
        .request("POST", URL.replace("https", "http"), body=b'{"test_result_ids":[1]}', headers=BOTH)
        .data
    ),
    "httpx": lambda: httpx.post(URL, json=IDS, headers=KEY).json(),
    "an old httpx client": lambda: CLIENT.post(URL, json=IDS, headers=KEY).json(),
    "httpx, a streamed upload": lambda: CLIENT.post(URL, content=parts(), headers=BOTH).json(),
    "httpx, a redirect": lambda: CLIENT.post(f"{URL}/", json=IDS, headers=KEY, follow_redirects=True).json(),
    "httpx, a proxy": lambda: httpx.post(URL, json=IDS, headers=KEY, proxy=PROXY, verify=False).json(),
    "httpx with HTTP/2": lambda: by_httpx(httpx, http2=True),
    "httpx2 with HTTP/2": lambda: by_httpx(httpx2, http2=True),
    "httpx, a transport of one's own": lambda: by_httpx(httpx, transport=httpx.HTTPTransport(retries=2)),
    "httpx, transports mounted": lambda: by_httpx(httpx, mounts={"https://": httpx.HTTPTransport(proxy=PROXY)}),
    "httpx, an SSL context": lambda: by_httpx(httpx, verify=ssl.create_default_context()),
    "a CA bundle": lambda: SESSION.post(URL, json=IDS, headers=KEY, verify=certifi.where()).json(),
    "Expect: 100-continue": lambda: RETRYING.post(URL, json=IDS, headers={**KEY, "Expect": "100-continue"}).json(),
    "urllib.request": by_urllib,
    "http.client": by_http_client,
    "the SDK": lambda: sdk().conversations.end_conversations(test_result_ids=[1]).model_dump(),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_ask(bluejay: FakeBluejay, way: str) -> None:
    bluejay.add_test_result()
    answer = WAYS[way]()
    assert (answer["ended_count"], answer["test_result_ids"], answer["failed_ids"]) == (1, [1], None)
    bluejay.assert_ended(1)
    assert bluejay.requests[-1].json == IDS
    assert bluejay.requests[-1].headers["host"].startswith("api.getbluejay.ai")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("session", [SESSION, RETRYING], ids=["plain", "retries"])
def test_answer_is_read_once_as_requests_leaves_it(
    bluejay: FakeBluejay, session: requests.Session, stream: bool
) -> None:
    """As requests leaves it: read to its end unless it is streamed, and then readable once."""
    response = session.post(URL, json=IDS, headers=KEY, stream=stream)
    assert (response.status_code, response.reason, response.raw.version) == (200, "OK", 11)
    if stream:
        assert json.loads(response.raw.read(10_000))["failed_ids"] == [1]
        assert response.content == b""
    else:
        assert response.raw.read() == b""
        assert json.loads(b"".join(response.iter_content(7))) == response.json()
        assert response.json()["failed_ids"] == [1]


@pytest.mark.parametrize("way", ["an old session", "plain http", "httpx", "httpx with HTTP/2", "urllib.request"])
def test_proxies_in_the_environment(bluejay: FakeBluejay, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(variable, PROXY)
    monkeypatch.setattr(urllib.request, "_opener", None)  # it remembers the proxies of its first call
    bluejay.add_test_result()
    assert WAYS[way]()["ended_count"] == 1
    bluejay.assert_ended(1)


@pytest.mark.parametrize(
    "configuration",
    [
        {"trust_env": True},
        {"base_url": "https://api.getbluejay.ai/v1/"},
        {"connector": lambda: aiohttp.TCPConnector(limit=1, ssl=False, resolver=aiohttp.ThreadedResolver())},
    ],
    ids=["proxies in the environment", "a base URL", "a connector of one's own"],
)
async def test_aiohttp(bluejay: FakeBluejay, configuration: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def stream() -> Any:
        yield b'{"test_result'
        yield b'_ids":[1]}'

    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    bluejay.add_test_result()
    configuration = {name: each() if callable(each) else each for name, each in configuration.items()}
    url = "end-conversations" if "base_url" in configuration else URL
    async with aiohttp.ClientSession(**configuration) as session:
        for sent in ({"json": IDS}, {"data": stream()}, {"json": IDS, "expect100": True}):
            async with session.post(url, headers=BOTH, **sent) as response:
                parts = [part async for part in response.content.iter_chunked(7)]
                assert json.loads(b"".join(parts))["ended_count"] == 1
    assert [one.json for one in bluejay.requests] == [IDS] * 3


@pytest.mark.skipif(sys.platform == "win32", reason="Windows' Python has no Unix sockets")
async def test_aiohttp_to_a_unix_socket(bluejay: FakeBluejay, tmp_path: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nelsewhere")
        writer.close()

    path = str(tmp_path / "socket")
    async with (
        await asyncio.start_unix_server(answer, path),
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(path)) as session,
        session.get("http://localhost/") as response,
    ):
        assert await response.text() == "elsewhere"


async def test_async_httpx(bluejay: FakeBluejay) -> None:
    async def stream() -> Any:
        yield b'{"test_result_ids":[1]}'

    bluejay.add_test_result()
    async with httpx.AsyncClient() as client:
        assert (await client.post(URL, json=IDS, headers=KEY)).json()["ended_count"] == 1
        assert (await client.post(URL, content=stream(), headers=BOTH)).json()["ended_count"] == 1
        async with client.stream("POST", URL, json={}, headers=KEY) as response:
            assert response.status_code == 422
            assert b"".join([part async for part in response.aiter_bytes()]).startswith(b'{"detail"')
    async with bluejay.async_client() as client:
        assert (await client.post("/v1/end-conversations")).status_code == 401


async def test_the_sdk_async(bluejay: FakeBluejay) -> None:
    bluejay.add_test_result()
    answer = await sdk().conversations.end_conversations_async(test_result_ids=[1, 999])
    assert (answer.ended_count, answer.failed_ids) == (1, [999])


def test_the_sdks_errors(bluejay: FakeBluejay) -> None:
    with pytest.raises(errors.HTTPValidationError):
        sdk().conversations.end_conversations(test_result_ids=[])
    bluejay.require_known_keys = True
    with pytest.raises(errors.BluejayDefaultError, match="401"):
        sdk().conversations.end_conversations(test_result_ids=[1])


def test_urllib_raises_its_own_error(bluejay: FakeBluejay) -> None:
    with pytest.raises(urllib.error.HTTPError, match="401") as error:
        urllib.request.urlopen(urllib.request.Request(URL, data=b"{}"), timeout=5)
    error.value.close()


def test_elapsed_and_reason(bluejay: FakeBluejay) -> None:
    for client in (SESSION, RETRYING, CLIENT):
        assert client.post(URL).elapsed.total_seconds() >= 0
    assert SESSION.post(URL).reason == "Unauthorized"


def test_head_has_no_body(bluejay: FakeBluejay) -> None:
    for client in (SESSION, RETRYING, CLIENT):
        response = client.head(URL)
        assert (response.status_code, response.content, response.headers["content-length"]) == (405, b"", "31")


async def test_other_hosts_are_reached_for_real(bluejay: FakeBluejay, elsewhere: str) -> None:
    assert requests.get(elsewhere, timeout=5).text == "elsewhere"
    assert httpx.get(elsewhere).text == "elsewhere"
    with urllib.request.urlopen(elsewhere, timeout=5) as response:
        assert response.read() == b"elsewhere"
    async with httpx.AsyncClient() as client:
        assert (await client.get(elsewhere)).text == "elsewhere"
    bluejay.assert_no_requests()


def test_clients_first_imported_while_a_fake_is_on(tmp_path: Path) -> None:
    script = f"""
import sys
from fake_bluejay import FakeBluejay
with FakeBluejay() as bluejay:
    assert "requests" not in sys.modules and "httpx" not in sys.modules
    import httpx, requests, urllib3
    for post in (requests.post, httpx.post):
        assert post({URL!r}).status_code == 401
    assert urllib3.PoolManager().request("POST", {URL!r}).status == 401
    assert len(bluejay.requests) == 3
assert httpx.HTTPTransport.handle_request.__module__.startswith("httpx")
"""
    output_of(script, directory=tmp_path)
