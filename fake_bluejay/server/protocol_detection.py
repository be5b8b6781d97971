"""One port for HTTP, for TLS, and for a proxy's CONNECT: what a connection is, its first bytes tell.

So a client with the real host in it needs neither port 443, which is root's, nor an entry in the hosts file: it takes
the fake for its proxy (`HTTPS_PROXY`). What came without TLS still does.
"""

from __future__ import annotations

import asyncio
import functools
import re
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable
from typing import Any

import uvicorn

from fake_bluejay.intercept.hosts import is_bluejay
from fake_bluejay.server.protocol import Limits, leads_elsewhere, make_room

__all__ = ["speak_tls_too"]

_TLS_HANDSHAKE = b"\x16"
_CONNECT = b"CONNECT "
_MOST = 16_384
"""Bytes of a CONNECT request; one that is longer is refused."""


def speak_tls_too(config: uvicorn.Config, context: ssl.SSLContext, limits: Limits) -> None:
    """Let a server that has been configured take TLS and CONNECT beside plain HTTP.

    A connection must say what it is within the client's timeout, and shake hands within as much again.
    """
    config.load()
    http = config.http_protocol_class
    config.http_protocol_class = functools.partial(_FirstBytes, http, context, limits)  # type: ignore[assignment]


class _FirstBytes(asyncio.Protocol):
    """A connection that has not yet said what it is. Once it has, and has shaken hands if it is to be TLS, uvicorn's
    protocol takes its place."""

    def __init__(
        self,
        http: Callable[..., asyncio.Protocol],
        context: ssl.SSLContext,
        limits: Limits,
        *,
        server_state: Any,
        **more: Any,
    ) -> None:
        self._http = functools.partial(http, server_state=server_state, **more)
        self._context = context
        self._limits = limits
        self._connections: set[Any] = server_state.connections
        self._received = b""
        self._is_tls = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The connection is there; or, inside of it, that of TLS, which is HTTP's to go on with."""
        if self._is_tls:
            self._become_http(transport)
            return
        loop = asyncio.get_running_loop()
        self.transport = transport
        self.waits_since: float | None = loop.time()
        self._timer = loop.call_later(self._limits.client_timeout, transport.close)
        self._connections.add(self)
        # If all others are being answered, HTTP will say so: it can do that in the client's own language.
        make_room(self._connections, self, self._limits.max_connections)

    def connection_lost(self, error: Exception | None) -> None:
        self._over()

    def _over(self) -> None:
        self._connections.discard(self)
        self._timer.cancel()

    def is_waiting(self) -> bool:
        """Whether it is the client's turn: here it always is."""
        return True

    def check(self, now: float) -> None:
        """There is a timer here for clients that are slow."""

    def shutdown(self) -> None:
        """The server stops: nothing has been asked here, so nothing is lost."""
        self.transport.close()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._received.startswith(_TLS_HANDSHAKE):
            self._become_tls()
        elif self._received.startswith(_CONNECT):
            self._connect()
        elif not _CONNECT.startswith(self._received):
            self._become_http(self.transport).data_received(self._received)

    def _become_http(self, transport: asyncio.Transport) -> asyncio.Protocol:
        self._over()  # first, for it counts as one of the connections
        http = self._http()
        transport.set_protocol(http)
        http.connection_made(transport)
        return http

    def _become_tls(self) -> None:
        # Not `loop.start_tls`: that would wait for the bytes that are here already.
        loop = asyncio.get_running_loop()
        shaken = loop.create_future()
        shaken.add_done_callback(self._shaken)
        self._timer.cancel()
        self._is_tls = True
        tls = SSLProtocol(
            loop,
            self,
            self._context,
            shaken,
            server_side=True,
            ssl_handshake_timeout=self._limits.client_timeout,  # type: ignore[arg-type]  # any number will do
        )
        self.transport.set_protocol(tls)
        tls.connection_made(self.transport)
        rest = self._received
        while rest:
            buffer = tls.get_buffer(len(rest))
            length = min(len(buffer), len(rest))
            buffer[:length] = rest[:length]
            tls.buffer_updated(length)
            rest = rest[length:]

    def _shaken(self, shaken: asyncio.Future[Any]) -> None:
        """The handshake is over, and HTTP goes on; or it failed, which is the client's to tell."""
        shaken.exception()
        self._over()

    def _connect(self) -> None:
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if not end and len(head) <= _MOST:
            return
        target = re.match(rb"CONNECT (\S+):(\d+) HTTP/1\.[01](\r\n|$)", head)
        if not end or target is None:
            self._refuse(400, "This is not a CONNECT request.")
        elif not is_bluejay(target[1]):
            other = target[1].decode("latin-1")
            self._refuse(403, leads_elsewhere(other))
        else:
            self.transport.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self._received = rest
            self._become_tls()

    def _refuse(self, status: int, why: str) -> None:
        reason = {400: "Bad Request", 403: "Forbidden"}[status]
        body = f"{why}\n".encode()
        head = f"HTTP/1.1 {status} {reason}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {len(body)}"
        self.transport.write(f"{head}\r\nconnection: close\r\n\r\n".encode() + body)
        self.transport.close()
