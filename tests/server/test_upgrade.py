"""A client may offer another protocol with a request; the server ignores the offer and answers the request."""

import json
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from fake_bluejay import FakeBluejay
from tests.thoroughness import JAVA_OPTIONS

BODY = b'{"test_result_ids":[999]}'
OFFERS = {
    "h2c": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
    "websocket": b"Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: YQ==\r\n",
    "TLS": b"Upgrade: TLS/1.0\r\nConnection: Upgrade\r\n",
}
JAVA = """
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

class Post {
    public static void main(String[] args) throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        for (int i = 0; i < 2; i++) {
            HttpRequest request = HttpRequest.newBuilder(URI.create(args[0]))
                .header("X-API-Key", "key")
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(args[1]))
                .build();
            HttpResponse<String> response = client.send(request, HttpResponse.BodyHandlers.ofString());
            System.out.println(response.statusCode() + " " + response.body());
        }
    }
}
"""


@pytest.fixture(params=["serve", "bluejay.url"])
def url(request: pytest.FixtureRequest, serving: Callable) -> Iterator[str]:
    if request.param == "serve":
        with serving() as server:
            yield server.url
            assert "Traceback" not in server.stop()
    else:
        yield request.getfixturevalue("bluejay").url


def post(offer: bytes, body: bytes = BODY, more: bytes = b"") -> bytes:
    return (
        b"POST /v1/end-conversations HTTP/1.1\r\nHost: x\r\nX-API-Key: k\r\nContent-Type: application/json\r\n"
        b"%s%sContent-Length: %d\r\n\r\n%s" % (offer, more, len(body), body)
    )


def answers(url: str, *pieces: bytes) -> list[tuple[int, bytes]]:
    """The statuses and bodies that come until the server closes."""
    address = httpx.URL(url)
    with socket.create_connection((address.host, address.port), timeout=20) as connection:
        received = b""
        for piece in pieces:
            connection.sendall(piece)
        while data := connection.recv(65536):
            received += data
    heads = re.split(rb"HTTP/1\.1 (?=\d{3} )", received)[1:]
    return [(int(one[:3]), one.partition(b"\r\n\r\n")[2]) for one in heads]


@pytest.mark.parametrize("name", OFFERS)
def test_requests_that_offer_an_upgrade_are_answered_in_turn(url: str, name: str) -> None:
    get = b"GET /v1/nowhere HTTP/1.1\r\nHost: x\r\n%s\r\n" % OFFERS[name]
    last = post(OFFERS[name], more=b"X-More: 1\r\n").replace(b"Connection: ", b"Connection: close, ")
    several = post(OFFERS[name]) + get + post(b"") + last
    for pieces in ([several], [several[at : at + 7] for at in range(0, len(several), 7)]):
        found = answers(url, *pieces)
        assert [status for status, _ in found] == [200, 404, 200, 200]
        assert json.loads(found[0][1])["failed_ids"] == [999]


def test_a_chunked_body_behind_an_offer_is_read(url: str) -> None:
    head = post(b"Transfer-Encoding: chunked\r\n" + OFFERS["h2c"], b"").replace(b"Content-Length: 0\r\n", b"")
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
    [(status, _), (closing, _)] = answers(url, head + chunked[:9], chunked[9:] + post(b"Connection: close\r\n"))
    assert (status, closing) == (200, 200)


def test_the_journal_shows_the_offer(bluejay: FakeBluejay) -> None:
    answers(bluejay.url, post(OFFERS["h2c"].replace(b"Upgrade, ", b"close, Upgrade, ")))
    [request] = bluejay.requests
    assert request.headers["upgrade"] == "h2c"
    assert request.headers["connection"] == "close, Upgrade, HTTP2-Settings"
    assert request.json == {"test_result_ids": [999]}


def test_the_limit_of_a_head_holds_behind_an_offer(serving: Callable) -> None:
    large = post(OFFERS["h2c"], more=b"X-Filler: " + b"x" * 70_000 + b"\r\n")
    with serving() as server:
        for pieces in ([large], [large[:60_000], large[60_000:]]):
            assert [status for status, _ in answers(server.url, *pieces)] == [431]


def test_curl_that_prefers_http_2(url: str, tool: Callable[[str], str], run_program: Callable[..., str]) -> None:
    command = [tool("curl"), "-sS", "--http2", "-H", "X-API-Key: k", "-w", "%{http_code}\n"]
    more = ["-H", "Content-Type: application/json", "-d", BODY.decode()]
    out = run_program(*command, *more, *[f"{url}/v1/end-conversations"] * 2)
    assert re.findall(r"\}(\d+)", out) == ["200", "200"], out
    assert run_program(*command, f"{url}/v1/ping").endswith("}200\n")


def test_javas_client_as_it_is_by_default(
    url: str, tool: Callable[[str], str], run_program: Callable[..., str], tmp_path: Path
) -> None:
    program = tmp_path / "Post.java"
    program.write_text(JAVA)
    out = run_program(tool("java"), *JAVA_OPTIONS, str(program), f"{url}/v1/end-conversations", BODY.decode())
    assert [line[:4] for line in out.splitlines()] == ["200 ", "200 "], out
