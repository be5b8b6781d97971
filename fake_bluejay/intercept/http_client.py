"""`http.client` and its users (`urllib.request`, urllib3, requests): their `connect` gets a socket to the fake.

The seams are public methods: `connect`, which makes a connection's socket, and `putrequest`, with which each request
begins. urllib3 overrides `connect`; its seams are in `urllib3.py`.
"""

from __future__ import annotations

import errno
import functools
import io
import math
import os
import socket
import sys
from collections.abc import Callable, Iterator
from types import ModuleType, NoneType
from typing import Any
from urllib.parse import urlsplit

from fake_bluejay.bluejay.published import HOST
from fake_bluejay.intercept.shims import Seam, class_of
from fake_bluejay.intercept.switch import takes
from fake_bluejay.intercept.waiting import wait
from fake_bluejay.intercept.waits import WIRES
from fake_bluejay.intercept.wire import OWN, PEER, HttpWire, open_wire


def seams(module: ModuleType) -> Iterator[Seam]:
    """List the seams in `http.client`."""
    http_connection = class_of("http.client", "HTTPConnection", object)
    https_connection = class_of("http.client", "HTTPSConnection", http_connection)
    yield Seam(http_connection, "putrequest", _putrequest)
    yield Seam(http_connection, "connect", functools.partial(connecting, "http"))
    yield Seam(https_connection, "connect", functools.partial(connecting, "https"))


def connecting(scheme: str, found: Callable[..., Any]) -> Callable[..., Any]:
    """Make a `connect` that gives connections to Bluejay, straight or by a proxy's tunnel, a socket to the fake."""

    def connect(self: Any) -> None:
        host, port = (self._tunnel_host, self._tunnel_port) if self._tunnel_host else (self.host, self.port)
        if takes(host):
            _give_socket(self, "https" if self._tunnel_host else scheme, host, port)
        else:
            found(self)

    return connect


def _putrequest(found: Callable[..., Any]) -> Callable[..., Any]:
    """Make a `putrequest` that first replaces a connection which does not lead to the request's host.

    A connection may be from before the fake, or from an earlier one. One to a proxy serves many hosts: the target of
    each request is a whole URL.
    """

    def putrequest(self: Any, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        proxied = urlsplit(url) if url[:4].lower() == "http" else None
        for_bluejay = takes(proxied.hostname if proxied else self._tunnel_host or self.host)
        is_ours = type(self.sock) is WireSocket and self.sock.wire.is_open()
        if (proxied or self.sock is not None) and is_ours is not for_bluejay:
            if self.sock is not None:
                self.sock.close()
                self.sock = None
            if for_bluejay and proxied:
                _give_socket(self, proxied.scheme, proxied.hostname or HOST, proxied.port)
            else:
                self.connect()
        return found(self, method, url, *args, **kwargs)

    return putrequest


def _give_socket(connection: Any, scheme: str, host: str, port: int | None) -> None:
    """Connect an `http.client` connection to the fake."""
    timeout = connection.timeout
    connection.sock = WireSocket(open_wire(scheme, host, port))
    # Other values are handled as the `socket` module handles them.
    connection.sock.settimeout(timeout if isinstance(timeout, (int, float, NoneType)) else socket.getdefaulttimeout())


class WireSocket:
    """A wire with the methods of a socket that client libraries use."""

    def __init__(self, wire: HttpWire) -> None:
        self.wire = wire
        self._timeout: float | None = None

    def sendall(self, data: bytes, flags: int = 0) -> None:
        self.wire.write(bytes(data))

    def send(self, data: bytes, flags: int = 0) -> int:
        self.sendall(data)
        return len(data)

    def recv(self, most: int, flags: int = 0) -> bytes:
        """Return the data that has arrived, after waiting for it up to the timeout."""
        seconds, timeout = self.wire.due_in(), self._timeout
        if timeout is not None and timeout < seconds:
            if timeout == 0:
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            wait(timeout)
            raise TimeoutError("timed out")
        if 0 < seconds < math.inf:
            wait(seconds)
        return self.wire.read(most)

    def recv_into(self, buffer: Any, most: int = 0, flags: int = 0) -> int:
        view = memoryview(buffer)
        data = self.recv(most or len(view))
        view[: len(data)] = data
        return len(data)

    def makefile(self, *args: Any, **kwargs: Any) -> io.BufferedReader:
        """Return the arriving data as a file, which outlives a `close`, as a socket's does."""
        return io.BufferedReader(_Incoming(self))

    def fileno(self) -> int:
        """Return a descriptor that is readable when this is: so a pool sees that a connection has ended."""
        return _readable() if self.wire.is_readable else _silent()

    def settimeout(self, timeout: float | None) -> None:
        self._timeout = timeout

    def gettimeout(self) -> float | None:
        return self._timeout

    def getpeername(self) -> tuple[str, int]:
        return PEER

    def getsockname(self) -> tuple[str, int]:
        return OWN

    def setsockopt(self, *args: Any) -> None: ...

    def shutdown(self, how: int) -> None: ...

    def close(self) -> None: ...


WIRES.add(WireSocket)


class _Incoming(io.RawIOBase):
    def __init__(self, socket: WireSocket) -> None:
        self._socket = socket

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._socket.recv_into(buffer)


@functools.cache
def _silent() -> int:
    """Return a descriptor on which nothing is ever readable."""
    return _connected()[0]


@functools.cache
def _readable() -> int:
    """Return a descriptor on which the end is readable."""
    reading, writing = _connected()
    socket.close(writing)
    return reading


def _connected() -> tuple[int, int]:
    """Return the descriptors of two ends of a connection: of sockets on Windows, which can select nothing else."""
    if sys.platform != "win32":
        return os.pipe()
    one, other = socket.socketpair()
    return one.detach(), other.detach()
