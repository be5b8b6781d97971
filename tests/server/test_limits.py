"""Limits on the resources of a server that one client may use, so that others are served."""

import asyncio
import contextlib
import gc
import json
import re
import socket
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import uvicorn
from uvicorn.server import ServerState

from fake_bluejay.bluejay.service import Service
from fake_bluejay.http.journal import Answer, Exchange, Journal
from fake_bluejay.server.protocol import Limits, Protocol, protocol

BODY = b'{"test_result_ids":[1]}'
HEAD = (
    b"POST /v1/end-conversations HTTP/1.1\r\nhost: x\r\nx-api-key: k\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\n"
)
WHOLE = HEAD % len(BODY) + b"\r\n" + BODY
LAST = HEAD % len(BODY) + b"connection: close\r\n\r\n" + BODY
LIMITS = Limits(max_body=64 * 1024 * 1024, max_connections=1000, client_timeout=20.0)


@pytest.fixture(scope="module")
def server(serving) -> Iterator[object]:
    """One with little patience, for all tests of this file."""
    with serving("--max-body", 100_000, "--client-timeout", 2, "--max-connections", 20) as server:
        yield server
        output = server.stop()
        assert "Traceback" not in output


def connect(server) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.settimeout(20)
    return connection


def answers(connection: socket.socket) -> list[tuple[int, bytes]]:
    """Whatever comes until the server closes: statuses and bodies."""
    received = b""
    while data := connection.recv(65536):
        received += data
    heads = re.split(rb"HTTP/1\.1 (?=\d{3} )", received)[1:]
    return [(int(one[:3]), one.partition(b"\r\n\r\n")[2]) for one in heads]


def sent(server, *parts: bytes) -> list[tuple[int, bytes]]:
    with connect(server) as connection:
        for part in parts:
            connection.sendall(part)
        return answers(connection)


def test_a_body_that_is_declared_too_large_is_refused_before_it_comes(server) -> None:
    [(status, body)] = sent(server, HEAD % 100_001 + b"\r\n{")
    assert (status, json.loads(body)) == (413, {"detail": "the body is larger than 100000 bytes (--max-body)"})


def test_a_client_that_asks_whether_to_send_too_large_a_body_is_told_no(server) -> None:
    [(status, _)] = sent(server, HEAD % 100_001 + b"expect: 100-continue\r\n\r\n")
    assert status == 413  # and no traceback, which the fixture looks for


def test_a_body_that_grows_too_large_is_refused_while_it_comes(server) -> None:
    chunk = b"8000\r\n" + b" " * 0x8000 + b"\r\n"
    head = (HEAD % 0).replace(b"content-length: 0", b"transfer-encoding: chunked") + b"\r\n"
    [(status, _)] = sent(server, head, *[chunk] * 4)
    assert status == 413


def test_a_client_that_sends_it_all_first_still_hears_why(server) -> None:
    answer = httpx.post(f"{server.url}/v1/end-conversations", content=b" " * 3_000_000, headers={"X-API-Key": "k"})
    assert answer.status_code == 413


def test_a_large_body_within_the_limit_is_answered(server) -> None:
    body = json.dumps({"test_result_ids": [999], "more": "x" * 90_000}).encode()
    parts = [body[at : at + 30_000] for at in range(0, len(body), 30_000)]
    [(status, answer)] = sent(server, HEAD % len(body) + b"connection: close\r\n\r\n", *parts)
    assert (status, json.loads(answer)["failed_ids"]) == (200, [999])


def test_the_limit_can_be_lifted(serving) -> None:
    with serving("--max-body", "0") as server:
        body = json.dumps({"test_result_ids": [1], "more": "x" * 70_000_000}).encode()
        answer = httpx.post(f"{server.url}/v1/end-conversations", content=body, headers={"X-API-Key": "k"}, timeout=60)
        assert answer.status_code == 422  # it has no content type


def test_a_request_that_does_not_come_whole_is_given_up(server) -> None:
    parts = (b"POST /v1/end", HEAD % len(BODY), HEAD % len(BODY) + b"\r\n" + BODY[:5])
    with contextlib.ExitStack() as all:
        opened = [all.enter_context(connect(server)) for _ in parts]
        for connection, part in zip(opened, parts, strict=True):
            connection.sendall(part)
        for connection in opened:
            [(status, body)] = answers(connection)
            assert status == 408
            assert b"--client-timeout" in body


def test_headers_without_end_are_refused(server) -> None:
    with connect(server) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        try:
            for _ in range(100):
                connection.sendall(b"x-filler: " + b"x" * 1000 + b"\r\n")
        except OSError:
            pass  # it has closed already
        assert [status for status, _ in answers(connection)] == [431]


@pytest.mark.parametrize(
    "large",
    [
        b"GET /v1/ping?" + b"x" * 70_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /v1/ping HTTP/1.1\r\nx-filler: " + b"x" * 70_000 + b"\r\n\r\n",
        b"GET /v1/ping HTTP/1.1\r\n" + (b"x-filler: " + b"x" * 1000 + b"\r\n") * 70 + b"\r\n",
    ],
)
async def test_a_head_that_is_too_large_is_refused_however_it_comes(large: bytes) -> None:
    for pieces in ([large], [large[:60_000], large[60_000:]]):
        connection, transport = connections(None, LIMITS)()
        for piece in pieces:
            connection.data_received(piece)
        assert transport.written.startswith(b"HTTP/1.1 431 "), transport.written[:200]
        assert transport.written.count(b"HTTP/1.1") == 1


def test_bytes_that_are_not_http_get_a_clear_400(server) -> None:
    [(status, body)] = sent(server, b"\x16\x03\x01 hello")
    assert status == 400
    assert b"this is not HTTP" in body


@pytest.mark.parametrize("first", [b"CONNECT api.getbluejay.ai:443 HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00"])
def test_a_client_that_wants_tls_from_a_server_without_it_is_told_how_to_get_it(server, first: bytes) -> None:
    """Such as curl with `HTTPS_PROXY` or an `https://` address of this server."""
    [(status, body)] = sent(server, first)
    assert status == 400
    assert b"`fake-bluejay serve --tls`" in body


def test_requests_that_come_together_are_answered_in_turn(server) -> None:
    statuses = [status for status, _ in sent(server, WHOLE + b"GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n" + LAST)]
    assert statuses == [200, 404, 200]
    large = b"POST /nowhere HTTP/1.1\r\nhost: x\r\ncontent-length: 70000\r\n\r\n" + b" " * 70_000
    assert [status for status, _ in sent(server, large + LAST[:10], LAST[10:])] == [404, 200]
    byte_by_byte = [LAST[at : at + 1] for at in range(len(LAST))]
    assert [status for status, _ in sent(server, *byte_by_byte)] == [200]


def test_head_has_no_body_and_expect_is_answered(server) -> None:
    assert sent(server, b"HEAD /v1/nowhere HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n") == [(404, b"")]
    with connect(server) as connection:
        connection.sendall(HEAD % len(BODY) + b"expect: 100-continue\r\nconnection: close\r\n\r\n")
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(BODY)
        assert [status for status, _ in answers(connection)] == [200]


def test_idle_connections_give_way_and_slow_ones_do_not_hold_others_up(server) -> None:
    slow = [connect(server) for _ in range(40)]  # twice as many as there may be
    try:
        for connection in slow:
            with contextlib.suppress(OSError):  # it may have given way already
                connection.sendall(HEAD % len(BODY))
        assert [status for status, _ in sent(server, LAST)] == [200]
    finally:
        for connection in slow:
            connection.close()


class Transport(asyncio.Transport):
    """Nobody at the other end."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.written += data

    def write_eof(self) -> None: ...

    def can_write_eof(self) -> bool:
        return True

    def abort(self) -> None:
        self.aborted = True

    close = abort

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def get_extra_info(self, name: str, default: object = None) -> object:
        return default

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.aborted


def connections(app: Any, limits: Limits, *, at_once: Any = None) -> Callable[[], tuple[Protocol, Transport]]:
    """Return a function that makes connections to a server of that application, on the running loop."""
    made = protocol(limits, at_once or (lambda scope, content: None), lambda *refused: None)
    config = uvicorn.Config(app, http=made, interface="asgi3", lifespan="off", log_config=None)
    config.load()
    state = ServerState()

    def connect() -> tuple[Protocol, Transport]:
        connection, transport = made(config, state, {}), Transport()
        connection.connection_made(transport)
        return connection, transport

    return connect


async def test_if_all_are_being_answered_one_more_is_refused() -> None:
    forever = asyncio.Event()

    async def never(scope: Any, receive: Any, send: Any) -> None:
        await forever.wait()

    connect = connections(never, LIMITS._replace(max_connections=2))
    busy = [connect() for _ in "12"]
    for connection, _ in busy:
        connection.data_received(WHOLE)
    _, refused = connect()
    assert refused.written.startswith(b"HTTP/1.1 503 ")
    assert b"all 2 connections are in use" in refused.written
    assert not any(transport.aborted for _, transport in busy)
    tasks = [*busy[0][0].tasks]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_the_one_that_has_waited_longest_gives_way() -> None:
    connect = connections(None, LIMITS._replace(max_connections=2))
    (first, first_transport), (second, second_transport) = connect(), connect()
    second.check(1.0)
    first.check(2.0)
    _, third = connect()
    assert (first_transport.aborted, second_transport.aborted, third.written) == (False, True, b"")


async def test_an_answer_that_is_not_taken_is_given_up() -> None:
    connection, transport = connections(None, LIMITS._replace(client_timeout=5))()
    transport.get_write_buffer_size = lambda: 10  # type: ignore[method-assign]
    for moment, aborted in [(1.0, False), (5.9, False), (6.0, True)]:
        connection.check(moment)
        assert transport.aborted is aborted


async def test_a_request_after_the_last_one_has_no_effect() -> None:
    asked = []

    def at_once(scope: Any, content: bytes) -> Answer:
        asked.append(scope["path"])
        return Answer(200, [], b"")

    connection, transport = connections(None, LIMITS, at_once=at_once)()
    connection.data_received(WHOLE + LAST + WHOLE)
    assert transport.written.count(b"HTTP/1.1 200") == len(asked) == 2


async def test_failure_of_an_immediate_answer_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def at_once(scope: Any, content: bytes) -> Answer:
        raise RuntimeError("a bug")

    connection, transport = connections(None, LIMITS, at_once=at_once)()
    connection.data_received(WHOLE)
    assert (transport.written, transport.aborted) == (b"", True)
    assert "POST /v1/end-conversations: the server failed" in caplog.text
    assert "RuntimeError: a bug" in caplog.text


@pytest.mark.parametrize(
    ("bad", "status"),
    [
        (b"rubbish\r\n\r\n", b"400"),
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n", b"431"),
        (HEAD % 1000 + b"\r\n" + b" " * 200, b"413"),
    ],
)
@pytest.mark.parametrize("before", [WHOLE, WHOLE * 3])
async def test_refusal_comes_after_the_answers_to_earlier_requests(before: bytes, bad: bytes, status: bytes) -> None:
    go_on = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await go_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    connection, transport = connections(app, LIMITS._replace(max_body=100))()
    connection.data_received(before + bad)
    connection.check(100.0)
    connection.check(200.0)
    assert (transport.written, transport.aborted) == (b"", False)
    go_on.set()
    while connection.tasks:
        await asyncio.wait(connection.tasks)
        await asyncio.sleep(0)  # in which those that are done leave the set
    statuses = re.findall(rb"HTTP/1.1 (\d+)", transport.written)
    assert statuses == [*[b"200"] * before.count(b"POST"), status]


async def test_request_without_an_immediate_answer_gets_a_task() -> None:
    async def waits(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["body"] == BODY
        await asyncio.sleep(0)
        assert asyncio.current_task() is not None
        await send({"type": "http.response.start", "status": 201, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    asked = []
    connection, transport = connections(waits, LIMITS, at_once=lambda scope, content: asked.append(content))()
    connection.data_received(WHOLE)
    assert (asked, transport.written) == ([BODY], b"")
    await asyncio.gather(*connection.tasks)
    assert transport.written == b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nok"


def test_the_journal_forgets_by_number_and_by_bytes() -> None:
    def kept(*sizes: tuple[int, int | None], **limits: int) -> list[int]:
        journal = Journal(**limits)
        for request, answer in sizes:
            exchange = Exchange(0, "POST", "", "", [], b"x" * request)
            if answer is not None:
                exchange.response = Answer(200, [], b"x" * answer)
            journal.append(exchange)
        assert journal.total == len(sizes)
        return [one.number for one in journal]

    assert kept(*[(1, 1)] * 5, limit=3) == [3, 4, 5]
    assert kept(*[(1, 1)] * 5, most_bytes=5) == [4, 5]
    assert kept((9, 0), (1, None), most_bytes=10) == [1, 2]
    assert kept((1, 9), (1, None), most_bytes=10) == [2]
    assert kept((1, None), (1, 9), most_bytes=10) == [2]
    assert kept((1, 1), (99, 99), most_bytes=10) == [2]


@pytest.mark.parametrize("path", ["/v1/end-conversations", "/v1/simulation/1/add-digital-humans", "/v1/nowhere"])
def test_a_request_leaves_nothing_for_the_garbage_collector(path: str) -> None:
    app = Service().app

    def answer() -> None:
        headers = [(b"x-api-key", b"key"), (b"content-type", b"application/json")]
        app.answer({"type": "http", "method": "POST", "path": path, "headers": headers}, BODY)

    def garbage() -> int:
        gc.collect()
        for _ in range(20):
            answer()
        return gc.collect()

    answer()  # which loads modules
    gc.disable()
    try:
        # A thread of an earlier test that ends just now may leave garbage, but not each time.
        assert min(garbage() for _ in range(5)) == 0
    finally:
        gc.enable()
