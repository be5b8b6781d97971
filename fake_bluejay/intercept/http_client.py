"""`http.client`, and with it `urllib.request`, urllib3 and what stands on them: a socket that is no socket.

Only the connection is replaced. All that a client library does above it (retries, streaming, keep-alive, its own
exceptions) is the library's own code.
"""

from __future__ import annotations

import errno
import functools
import io
import os
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from fake_bluejay.intercept.door import HOST
from fake_bluejay.intercept.shims import Seam
from fake_bluejay.intercept.switch import current, taker
from fake_bluejay.intercept.wire import Arrival, Wire

__all__ = ["InProcessSocket", "connect_in_process", "seams"]


def seams(http_client: ModuleType) -> Iterator[Seam]:
    """What to replace in `http.client`."""
    yield Seam(http_client.HTTPConnection, "putrequest", _putrequest)
    yield Seam(http_client.HTTPConnection, "connect", functools.partial(connect_in_process, "http"))
    yield Seam(http_client.HTTPSConnection, "connect", functools.partial(connect_in_process, "https"))


def _putrequest(original: Callable[..., Any]) -> Callable[..., Any]:
    """One that sees to it that a request is on the right kind of connection, also on one that was kept alive.

    A connection may be from before the fake; and one to a proxy is for many hosts: a request's target is a whole URL.
    """

    def putrequest(self: Any, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        by_proxy = url[:4].lower() == "http"
        host = urlsplit(url).hostname if by_proxy else self._tunnel_host or self.host
        for_bluejay = taker(host) is not None
        if for_bluejay != isinstance(self.sock, InProcessSocket) and (by_proxy or self.sock is not None):
            if self.sock is not None:
                self.sock.close()
            self.sock = InProcessSocket("http", HOST, 80) if for_bluejay and by_proxy else None
            if self.sock is None:
                self.connect()
        return original(self, method, url, *args, **kwargs)

    return putrequest


def connect_in_process(scheme: str, original: Callable[..., Any]) -> Callable[..., Any]:
    """A `connect` that gives connections to Bluejay, straight or through a proxy's tunnel, a socket in this process."""

    def connect(self: Any) -> None:
        host, port = (self._tunnel_host, self._tunnel_port) if self._tunnel_host else (self.host, self.port)
        if taker(host) is None:
            original(self)
            return
        self.sock = InProcessSocket("https" if self._tunnel_host else scheme, host, port)
        self.sock.settimeout(self.timeout if isinstance(self.timeout, (int, float)) else None)

    return connect


class InProcessSocket:
    """A `Wire` with the methods of a socket that client libraries use."""

    def __init__(self, scheme: str, host: str, port: int | None) -> None:
        self._wire = Wire(scheme, host, port)
        self._arrivals: list[Arrival] = []
        self._answer = bytearray()
        self._end: str | None = None
        self._timeout: float | None = None

    def sendall(self, data: bytes) -> None:
        """Take a part of a request; once it is whole, it is answered."""
        if self._end is not None:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        arrival = self._wire.take(bytes(data))
        if arrival is not None:
            self._arrivals.append(arrival)

    def recv_into(self, buffer: memoryview) -> int:
        """What has arrived of the answer; 0 at its end. An answer that is late is waited for, in the fake's time."""
        while not self._answer and self._arrivals:
            seconds, data, end = self._arrivals[0]
            if self._timeout is not None and seconds > self._timeout:
                time.sleep(self._timeout)
                self._arrivals[0] = Arrival(seconds - self._timeout, data, end)
                raise TimeoutError("timed out")
            if seconds:
                time.sleep(seconds)
            del self._arrivals[0]
            self._answer += data
            self._end = end
        if not self._answer and self._end == "reset":
            raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
        count = min(len(buffer), len(self._answer))
        buffer[:count] = self._answer[:count]
        del self._answer[:count]
        return count

    def makefile(self, *args: Any, **kwargs: Any) -> io.BufferedReader:
        """The answer, as a file."""
        return io.BufferedReader(_Incoming(self))

    def fileno(self) -> int:
        """A descriptor by which a pool sees that the connection still stands, or that its fake is off: then it ends."""
        return _silence() if current() is not None else _end()

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
    """A descriptor on which nothing is ever readable."""
    return os.pipe()[0]


@functools.cache
def _end() -> int:
    """A descriptor on which the end is readable."""
    reading, writing = os.pipe()
    os.close(writing)
    return reading
