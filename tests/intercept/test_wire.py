"""The wire takes and writes HTTP/1.1 as h11 does, also where a pattern does it in h11's place, however it is cut.

As a program it compares more inputs than the test does: `python -m tests.intercept.test_wire 100000`.
"""

import random
import sys
import zlib
from typing import Any, NamedTuple

import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.http.journal import Answer
from fake_bluejay.intercept import wire as wires
from fake_bluejay.intercept.door import Reply
from fake_bluejay.intercept.wire import HttpWire
from tests.thoroughness import examples

INPUTS = examples(20_000, 3_000)

HOST = b"Host: api.getbluejay.ai\r\n"
PLAIN = [
    b"GET /v1/ping HTTP/1.1\r\n" + HOST + b"X-API-Key: key\r\n\r\n",
    b"POST /v1/end-conversations HTTP/1.1\r\n" + HOST + b"Content-Length: 23\r\n\r\n" + b'{"test_result_ids":[1]}',
    b"GET /v1/a?b=c&d=%20 HTTP/1.1\r\n" + HOST + b"Accept: */*\r\nConnection: keep-alive\r\nUser-Agent: a/1 b\r\n\r\n",
]
OTHERS = [
    b"POST /v1/a?b=c&d=%20 HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"HEAD /v1/ping HTTP/1.1\r\n" + HOST + b"Connection: keep-alive\r\nAccept: */*\r\n\r\n",
    b"PUT /v1/x HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
    b"DELETE /v1/x HTTP/1.1\r\n" + HOST + b"Connection: close\r\nUser-Agent: a b  c\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET HTTP://api.getbluejay.ai?a=b HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET http://api.getbluejay.ai/v1/ping#part HTTP/1.1\r\n" + HOST + b"\r\n",
    b"POST /v1/x HTTP/1.1\r\n" + HOST + b"Upgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 3\r\n\r\nabc",
    b"GET /v1/ping HTTP/1.0\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
]
PIECES = [
    b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b"\x00", b"\x7f", b"\xe9", b"0", b"9", b"A", b"a", b"/", b"#", b"%", b",",
    b"HTTP/1.1", b"HTTP/1.0", b"\r\n\r\n", b"\n\n", HOST, b"Host:\r\n", b"content-length: 3\r\n",
    b"Content-Length: 03\r\n",
    b"Content-Length: 3, 3\r\n", b"Content-Length: -1\r\n", b"Content-Length: +3\r\n", b"Content-Length:\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip, chunked\r\n", b"Connection: close\r\n",
    b"Connection: keep-alive\r\n", b"connection: Keep-Alive, x\r\n", b"Expect: 100-continue\r\n", b"Upgrade: h2c\r\n",
    b"X: \r\n", b"X:y\r\n", b"X : y\r\n", b" folded\r\n", b"X_Y: z\r\n", b"CONNECT ", b"GET /", b"x" * 100,
]  # fmt: skip


def mutated(rng: random.Random) -> bytes:
    data = bytearray(
        b"".join(rng.choice(rng.choice((PLAIN, PLAIN, OTHERS))) for _ in range(rng.choice((1, 1, 1, 2, 3))))
    )
    for _ in range(rng.choice((0, 1, 1, 2, 3, 6))):
        place = rng.randrange(len(data) + 1)
        match rng.randrange(4):
            case 0:
                data[place:place] = rng.choice(PIECES)
            case 1:
                del data[place : place + rng.choice((1, 2, 4, 20))]
            case 2:
                data[place : place + 1] = bytes([rng.randrange(256)])
            case 3:  # at the start of a line, where headers are
                place = data.find(b"\n", place) + 1
                data[place:place] = rng.choice(PIECES)
    return bytes(data)


def cut(rng: random.Random, data: bytes) -> list[bytes]:
    places = sorted(rng.randrange(len(data) + 1) for _ in range(rng.choice((0, 0, 1, 2, 5, 30))))
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]


class Seen(NamedTuple):
    requests: list[Any]
    arrivals: list[tuple[bytes, str | None, int]]
    """Each with the number of the piece after which it came."""


def reply_to(request: tuple[Any, ...]) -> Reply:
    """One of several answers, the same for the same request."""
    body = b"" if request[0] == "HEAD" else b"answer"
    json = [(b"content-length", b"6"), (b"content-type", b"application/json")]
    return [
        Reply(200, json, body),
        Reply(200, json, body),
        Reply(422, [(b"date", b"Thu, 01 Jan 2026 00:00:00 GMT"), *json], body),
        Reply(204, [], b""),
        Reply(304, [(b"etag", b"x")], b""),
        Reply(204, [(b"content-length", b"0")], b""),
        Reply(503, [*json, (b"connection", b"close")], body),
        Reply(200, [(b"content-type", b"text/plain")], body),
        Reply(599, [*json, (b"host", b"x")], body),
    ][zlib.crc32(repr(request).encode()) % 9]


def taken(pieces: list[bytes], *, by_h11_alone: bool) -> Seen:
    """Return the requests and answers of a wire to which bytes are written in these pieces."""
    seen = Seen([], [])

    def exchange(app: object, *request: Any) -> Reply:
        seen.requests.append(request)
        return reply_to(request)

    original, wires.exchange = wires.exchange, exchange  # type: ignore[assignment]
    try:
        wire = HttpWire(None, "https", "api.getbluejay.ai", 443)  # type: ignore[arg-type]
        if by_h11_alone:
            wire._h11 = wires._new_h11()
        for number, piece in enumerate(pieces):
            wire._take(piece)
            while (arrival := wire.next_arrival()) is not None:
                seen.arrivals.append((arrival.data, arrival.end, number))
    finally:
        wires.exchange = original
    return seen


def compare(inputs: int, seed: int) -> int:
    """The number of inputs that were answered at all; raises at the first that differs."""
    rng = random.Random(seed)
    answered = 0
    for number in range(inputs):
        pieces = cut(rng, mutated(rng))
        ours, theirs = (taken(pieces, by_h11_alone=each) for each in (False, True))
        assert ours == theirs, f"input {number} of seed {seed}: {pieces!r}"
        answered += bool(ours.requests)
    return answered


def test_wire_reads_and_writes_as_h11_does() -> None:
    assert compare(INPUTS, seed=1) > INPUTS / 4


@pytest.mark.parametrize("by_h11_alone", [False, True])
def test_a_head_may_come_in_pieces_and_be_as_long_as_the_servers(by_h11_alone: bool) -> None:
    start = b"GET /v1/ping HTTP/1.1\r\n" + HOST
    for length, status in ((60_000, b" 200"), (70_000, b" 400")):
        data = start + b"X: " + b"y" * length + b"\r\n"
        pieces = [data[place : place + 1000] for place in range(0, len(data), 1000)]
        seen = taken([*pieces, b"\r\n"], by_h11_alone=by_h11_alone)
        assert len(seen.arrivals) == 1
        assert (b" 400" in seen.arrivals[0][0][:20]) == (status == b" 400")


def test_a_large_body_in_many_pieces_takes_time_that_grows_with_it_alone() -> None:
    body = b"x" * 1_000_000
    head = b"POST /v1/x HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(body)
    seen = taken([head, *[body[place : place + 100] for place in range(0, len(body), 100)]], by_h11_alone=False)
    [(*_, received)] = seen.requests
    assert received == body


@pytest.mark.parametrize("end", [b"", b"Connection: close\r\n"], ids=["plain", "by h11"])
def test_a_client_that_closes_its_connection_while_it_is_answered_gets_no_more_answers(end: bytes) -> None:
    """As a receiver of webhooks may do, in the thread of the request that set it off."""
    asked: list[bytes] = []

    class Closing:
        def answer(self, scope: dict[str, Any], content: bytes) -> Answer:
            asked.append(scope["raw_path"])
            wire.close()
            return Answer(200, [(b"content-length", b"0")], b"")

    wire = HttpWire(Closing(), "https", "api.getbluejay.ai", None)  # type: ignore[arg-type]
    first = b"GET /v1/first HTTP/1.1\r\n" + HOST + b"X_Y: z\r\n" * bool(end) + b"\r\n"
    wire.write(first + b"GET /v1/second HTTP/1.1\r\n" + HOST + end + b"\r\n")
    assert asked == [b"/v1/first"]
    with pytest.raises(BrokenPipeError):
        wire.write(first)


def test_bytes_that_are_not_http_get_the_servers_400(bluejay: FakeBluejay) -> None:
    import http.client

    connection = http.client.HTTPSConnection("api.getbluejay.ai")
    connection.connect()
    connection.sock.sendall(b"\x16\x03\x01 hello\r\n\r\n")
    assert connection.sock.recv(1000).startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert connection.sock.recv(1000) == b""
    with pytest.raises(BrokenPipeError):
        connection.sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
    bluejay.assert_no_requests()


if __name__ == "__main__":
    count = int(sys.argv[1])
    print(f"{count} inputs, {compare(count, seed=2)} of them answered, no difference")
