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

from fake_bluejay.intercept.door import HOST

__all__ = ["speak_tls_too"]

_TLS_HANDSHAKE = b"\x16"
_CONNECT = b"CONNECT "
_MOST = 16_384
"""Bytes of a CONNECT request; one that is longer is refused."""


def speak_tls_too(config: uvicorn.Config, context: ssl.SSLContext, patience: float = 20.0) -> None:
    """Let a server that has been configured take TLS and CONNECT beside plain HTTP.

    A connection must say what it is within so many seconds, and shake hands within as many.
    """
    config.load()
    http = config.http_protocol_class
    config.http_protocol_class = functools.partial(_FirstBytes, http, context, patience)  # type: ignore[assignment]


class _FirstBytes(asyncio.Protocol):
    """A connection that has not yet said what it is. Once it has, uvicorn's protocol takes its place."""

    def __init__(
        self,
        http: Callable[..., asyncio.Protocol],
        context: ssl.SSLContext,
        patience: float,
        *,
        server_state: Any,
        **more: Any,
    ) -> None:
        self._http = functools.partial(http, server_state=server_state, **more)
        self._context = context
        self._patience = patience
        self._connections: set[Any] = server_state.connections
        self._received = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._connections.add(self)
        self._timer = asyncio.get_running_loop().call_later(self._patience, transport.close)

    def connection_lost(self, error: Exception | None) -> None:
        self._over()

    def _over(self) -> None:
        self._connections.discard(self)
        self._timer.cancel()

    def check(self, now: float) -> None:
        """There is a timer here for clients that are slow."""

    def shutdown(self) -> None:
        """The server stops: nothing has been asked here, so nothing is lost."""
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._received.startswith(_TLS_HANDSHAKE):
            self._become_tls()
        elif self._received.startswith(_CONNECT):
            self._connect()
        elif not _CONNECT.startswith(self._received):
            self._over()
            http = self._http()
            self._become(http)
            http.data_received(self._received)

    def _become(self, protocol: asyncio.Protocol | SSLProtocol) -> None:
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)

    def _become_tls(self) -> None:
        # Not `loop.start_tls`: that would wait for the bytes that are here already.
        loop = asyncio.get_running_loop()
        shaken = loop.create_future()
        shaken.add_done_callback(self._shaken)
        self._timer.cancel()
        tls = SSLProtocol(
            loop,
            self._http(),
            self._context,
            shaken,
            server_side=True,
            ssl_handshake_timeout=self._patience,  # type: ignore[arg-type]  # any number will do
        )
        self._become(tls)
        rest = self._received
        while rest:
            buffer = tls.get_buffer(len(rest))
            length = min(len(buffer), len(rest))
            buffer[:length] = rest[:length]
            tls.buffer_updated(length)
            rest = rest[length:]

    def _shaken(self, shaken: asyncio.Future[Any]) -> None:
        """The handshake is over, and the connection is HTTP's to count; or it failed, which is the client's to tell."""
        shaken.exception()
        self._over()

    def _connect(self) -> None:
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if not end and len(head) <= _MOST:
            return
        target = re.match(rb"CONNECT (\S+):(\d+) HTTP/1\.[01](\r\n|$)", head)
        if not end or target is None:
            self._refuse(400, "This is not a CONNECT request.")
        elif target[1].lower() != HOST.encode():
            other = target[1].decode("latin-1")
            self._refuse(403, f"This proxy leads to {HOST} alone. To reach {other}: NO_PROXY={other}")
        else:
            self._transport.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self._received = rest
            self._become_tls()

    def _refuse(self, status: int, why: str) -> None:
        reason = {400: "Bad Request", 403: "Forbidden"}[status]
        body = f"{why}\n".encode()
        head = f"HTTP/1.1 {status} {reason}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {len(body)}"
        self._transport.write(f"{head}\r\nconnection: close\r\n\r\n".encode() + body)
        self._transport.close()
