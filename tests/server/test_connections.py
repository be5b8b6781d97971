"""The course of a connection: trailers, `100 Continue`, requests sent at once, and the end of TLS."""

import re
import signal
import socket
import ssl
import time
from collections.abc import Iterator

import httpx
import pytest

from fake_bluejay import FakeBluejay

HEAD = b"POST /v1/end-conversations HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
HEAD += b"transfer-encoding: chunked\r\n"
BODY = b'{"test_result_ids":[1]}'
CHUNKS = b"%x\r\n%s\r\n0\r\n" % (len(BODY), BODY)


@pytest.fixture(scope="module")
def server(serving) -> Iterator[object]:
    """A server with little patience, for all tests of this file."""
    with serving("--client-timeout", 1) as server:
        yield server
        output = server.stop()
        assert "Traceback" not in output
        assert "ERROR" not in output


def connect(port: int, receives: int | None = None) -> socket.socket:
    connection = socket.socket()
    if receives is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
    connection.settimeout(20)
    connection.connect(("127.0.0.1", port))
    return connection


def received(connection: socket.socket, *, until: bytes = b"") -> bytes:
    """Return the received bytes: until the server closes, or until they end with `until`."""
    content = b""
    while not (until and content.endswith(until)) and (data := connection.recv(65536)):
        content += data
    return content


def sent(port: int, *parts: bytes, until: bytes = b"") -> bytes:
    with connect(port) as connection:
        try:
            for part in parts:
                connection.sendall(part)
        except OSError:
            pass  # the server has said what it has to say
        return received(connection, until=until)


# --- trailers -------------------------------------------------------------------------------------------------------


def test_a_key_in_a_trailer_authenticates_nobody(server) -> None:
    answer = sent(server.port, HEAD + b"connection: close\r\n\r\n" + CHUNKS + b"x-api-key: k\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"Missing API key" in answer


def test_a_key_in_a_trailer_authenticates_nobody_at_the_server_of_a_test() -> None:
    fake = FakeBluejay()
    port = int(fake.url.rpartition(":")[2])
    answer = sent(port, HEAD + b"connection: close\r\n\r\n" + CHUNKS + b"x-api-key: k\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert "x-api-key" not in fake.requests[0].headers
    fake.stop()


@pytest.mark.parametrize("ending", [b"x: " + b"y" * 60_000 + b"\r\n", b"x: y\r\n" * 10_000, b"y" * 60_000])
def test_trailers_without_end_are_refused(server, ending: bytes) -> None:
    answer = sent(server.port, HEAD + b"x-api-key: k\r\n\r\n", CHUNKS + b"x: ", *[ending] * 20)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b"trailers" in answer


def test_extensions_of_a_chunk_without_end_are_refused(server) -> None:
    answer = sent(server.port, HEAD + b"x-api-key: k\r\n\r\n", b"5;a=", *[b"b" * 60_000] * 20)
    assert answer.startswith(b"HTTP/1.1 431 ")


def test_a_body_in_tiny_chunks_is_read_whole(server) -> None:
    body = b'{"test_result_ids":[999]' + b" " * 60_000 + b"}"
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    head = HEAD + b"x-api-key: k\r\nconnection: close\r\n\r\n"
    answer = sent(server.port, head, *[chunks[at : at + 4_000] for at in range(0, len(chunks), 4_000)])
    assert answer.startswith(b"HTTP/1.1 200 ")


# --- 100 Continue ---------------------------------------------------------------------------------------------------


def expecting(method: str, path: str, length: int) -> bytes:
    return (
        f"{method} {path} HTTP/1.1\r\nhost: localhost\r\nx-api-key: k\r\ncontent-type: application/json\r\n"
        f"content-length: {length}\r\nexpect: 100-continue\r\n\r\n"
    ).encode()


def test_a_client_that_waits_is_told_to_send_what_will_be_read(server) -> None:
    with connect(server.port) as connection:
        connection.sendall(expecting("POST", "/v1/end-conversations", len(BODY)))
        assert received(connection, until=b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(BODY)
        assert received(connection, until=b"}").startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("POST", "/v1/nothing", 404), ("PUT", "/v1/end-conversations", 405), ("POST", "/_fake/nothing", 404)],
)
def test_a_client_that_waits_is_not_told_to_send_what_nobody_reads(server, method: str, path: str, status: int) -> None:
    answer = sent(server.port, expecting(method, path, 100))
    assert re.findall(rb"HTTP/1\.1 (\d+)", answer) == [b"%d" % status]
    assert b"connection: close" in answer  # what came next might be the body, or another request


def test_a_client_that_waits_with_nothing_to_send_is_just_answered(server) -> None:
    answer = sent(server.port, expecting("POST", "/v1/end-conversations", 0), until=b"}")
    assert re.findall(rb"HTTP/1\.1 (\d+)", answer) == [b"422"]


# --- several requests at once ---------------------------------------------------------------------------------------


def test_answers_that_nobody_takes_are_given_up_in_silence(serving) -> None:
    with serving("--client-timeout", 1) as server:
        for path in ("/openapi.json", "/_fake/openapi.json"):  # so that both are made
            httpx.get(f"{server.url}{path}", timeout=60)
        with connect(server.port, receives=4096) as connection:
            connection.sendall(b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n" * 20)
            time.sleep(0.3)  # for the server to have filled what the connection holds
        with connect(server.port, receives=4096) as connection:
            connection.sendall(b"GET /_fake/openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n" * 40)
            time.sleep(0.3)
        output = server.stop()
    assert "Exception" not in output
    assert "ERROR" not in output


# --- TLS ------------------------------------------------------------------------------------------------------------


def test_a_connection_of_tls_that_is_kept_does_not_hold_the_server_up(serving) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with serving("--tls") as server:
        connections = []
        for last in (b"", b"connection: close\r\n"):
            connection = context.wrap_socket(connect(server.port))
            connection.sendall(b"GET /v1/ping HTTP/1.1\r\nhost: x\r\nx-api-key: k\r\n" + last + b"\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
            connections.append(connection)
        time.sleep(0.7)  # the server looks at its connections each half second
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=20) == 0
        assert time.monotonic() - began < 3
        output = server.output.read_text()
        for connection in connections:
            connection.close()
    assert "ERROR" not in output
    assert "Traceback" not in output


def test_a_request_that_comes_with_the_end_of_the_handshake_is_answered(serving) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with serving("--tls") as server:
        for _ in range(20):
            with context.wrap_socket(connect(server.port), do_handshake_on_connect=False) as connection:
                connection.sendall(b"GET /v1/ping HTTP/1.1\r\nhost: x\r\nx-api-key: k\r\nconnection: close\r\n\r\n")
                assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
