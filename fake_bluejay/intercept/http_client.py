"""`http.client`, and with it `urllib.request`, urllib3 and what stands on them: a socket that is no socket.

Only the connection is replaced. All that a client library does above it (retries, streaming, keep-alive, its own
exceptions) is the library's own code.
"""

from __future__ import annotations

import functools
import io
import os
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from fake_bluejay.intercept.door import Reply, exchange, is_bluejay
from fake_bluejay.intercept.switch import Patch, current

__all__ = ["InProcessSocket", "connect_in_process", "patches"]


def patches(http_client: ModuleType) -> Iterator[Patch]:
    """What to replace in `http.client`."""
    yield Patch(http_client.HTTPConnection, "connect", functools.partial(connect_in_process, "http"))
    yield Patch(http_client.HTTPSConnection, "connect", functools.partial(connect_in_process, "https"))


def connect_in_process(scheme: str, original: Callable[..., Any]) -> Callable[..., Any]:
    """A `connect` that gives connections to Bluejay, straight or through a proxy's tunnel, a socket in this process."""

    def connect(self: Any) -> None:
        host, port = (self._tunnel_host, self._tunnel_port) if self._tunnel_host else (self.host, self.port)
        if current() is None or not is_bluejay(host):
            original(self)
            return
        self.sock = InProcessSocket("https" if self._tunnel_host else scheme, host, port)

    return connect


class InProcessSocket:
    """Takes the bytes of HTTP/1.1 requests, and gives the bytes of the fake's answers."""

    def __init__(self, scheme: str, host: str, port: int | None) -> None:
        import h11

        self._h11 = h11
        self._scheme, self._host, self._port = scheme, host, port
        self._connection = h11.Connection(h11.SERVER)
        self._request: Any = None
        self._body: list[bytes] = []
        self._answer = bytearray()
        self._timeout: float | None = None

    def sendall(self, data: bytes) -> None:
        """Take a part of a request; once it is whole, it is answered."""
        self._connection.receive_data(bytes(data))
        while True:
            event = self._connection.next_event()
            if isinstance(event, self._h11.Request):
                self._request, self._body = event, []
            elif isinstance(event, self._h11.Data):
                self._body.append(bytes(event.data))
            elif isinstance(event, self._h11.EndOfMessage):
                self._take_answer()
                return
            else:
                return

    def _take_answer(self) -> None:
        fake = current()
        if fake is None:
            raise ConnectionResetError("the fake Bluejay that this connection was made to has been stopped")
        request = self._request
        reply = exchange(
            fake.app,
            request.method.decode(),
            self._scheme,
            self._host,
            self._port,
            request.target,
            list(request.headers),
            b"".join(self._body),
        )
        self._answer += self._bytes_of(reply)
        if self._connection.our_state is self._h11.DONE and self._connection.their_state is self._h11.DONE:
            self._connection.start_next_cycle()

    def _bytes_of(self, reply: Reply) -> bytes:
        from http import client

        reason = client.responses.get(reply.status, "")
        h11, send = self._h11, self._connection.send
        start = h11.Response(status_code=reply.status, headers=reply.headers, reason=reason)
        parts = [send(start), send(h11.Data(data=reply.body)), send(h11.EndOfMessage())]
        return b"".join(part for part in parts if part)

    def recv_into(self, buffer: memoryview) -> int:
        """What there is of the answer; 0 at its end."""
        count = min(len(buffer), len(self._answer))
        buffer[:count] = self._answer[:count]
        del self._answer[:count]
        return count

    def makefile(self, *args: Any, **kwargs: Any) -> io.BufferedReader:
        """The answer, as a file."""
        return io.BufferedReader(_Incoming(self))

    def fileno(self) -> int:
        """A descriptor on which nothing is ever readable: to a pool, a connection that still stands."""
        return _silence()

    def settimeout(self, timeout: float | None) -> None:
        self._timeout = timeout

    def gettimeout(self) -> float | None:
        return self._timeout

    def setsockopt(self, *args: Any) -> None: ...

    def shutdown(self, how: int) -> None: ...

    def close(self) -> None: ...


class _Incoming(io.RawIOBase):
    def __init__(self, socket: InProcessSocket) -> None:
        self._socket = socket

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._socket.recv_into(memoryview(buffer))


@functools.cache
def _silence() -> int:
    return os.pipe()[0]
