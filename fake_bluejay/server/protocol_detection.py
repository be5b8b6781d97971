"""Protocol detection: one port for HTTP, TLS and a proxy's CONNECT, told apart by the first bytes of a connection.

A client that has the real host in its code uses the fake as its proxy (`HTTPS_PROXY`), so it needs neither port 443,
which only root may open, nor an entry in the hosts file. Plain HTTP still works.
"""

from __future__ import annotations

import asyncio
import functools
import re
import ssl
from collections.abc import Callable
from typing import Any

import uvicorn

from fake_bluejay.intercept.hosts import is_bluejay
from fake_bluejay.server.protocol import Limits, leads_elsewhere, make_room, wrap_protocol

_TLS_HANDSHAKE = b"\x16"
_CONNECT = b"CONNECT "
_MOST = 16_384
"""The most bytes of a CONNECT request; a longer one is refused."""


def speak_tls_too(config: uvicorn.Config, context: ssl.SSLContext, limits: Limits) -> None:
    """Let a configured server accept TLS and CONNECT beside plain HTTP.

    A connection must send its first bytes within the client's timeout, and finish its handshake within as much again.
    """
    wrap_protocol(config, lambda http: functools.partial(DetectProtocol, http, context, limits))


class DetectProtocol(asyncio.Protocol):
    """A connection whose protocol is not known yet.

    Uvicorn's protocol replaces this one as soon as it is known, and after the handshake of TLS, if there is one.
    """

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
        self._handshake: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give the client time to send its first bytes."""
        loop = asyncio.get_running_loop()
        self.transport = transport
        self.waits_since: float | None = loop.time()
        self._timer = loop.call_later(self._limits.client_timeout, transport.close)
        self._connections.add(self)
        # If no other connection can be closed, the HTTP protocol refuses this one with a status.
        make_room(self._connections, self, self._limits.max_connections)

    def connection_lost(self, error: Exception | None) -> None:
        self._leave()

    def _leave(self) -> None:
        """Take this protocol from the connections, and stop its timer."""
        self._connections.discard(self)
        self._timer.cancel()

    def is_waiting(self) -> bool:
        """Return True: before the protocol is known, the server always waits for the client."""
        return True

    def check(self, now: float) -> None:
        """Forget a client that has left in the middle of its handshake, which uvloop does not report.

        A timer ends clients that are slow.
        """
        if self._handshake is not None and self.transport.is_closing():
            self._give_up()

    def shutdown(self) -> None:
        """Close the connection because the server stops; there is no request yet, so nothing is lost."""
        self.transport.close()
        if self._handshake is not None:
            self._give_up()

    def _give_up(self) -> None:
        assert self._handshake is not None
        self._leave()
        self._handshake.cancel()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._handshake is not None:
            return  # bytes that arrived after the handshake, before the HTTP protocol took over
        if self._received.startswith(_TLS_HANDSHAKE):
            self._become_tls()
        elif self._received.startswith(_CONNECT):
            self._connect()
        elif not _CONNECT.startswith(self._received):
            self._become_http(self.transport).data_received(self._received)

    def _become_http(self, transport: asyncio.Transport) -> asyncio.Protocol:
        self._leave()  # first, because it counts as one of the connections
        http = self._http()
        transport.set_protocol(http)
        http.connection_made(transport)
        return http

    def _become_tls(self) -> None:
        self._timer.cancel()
        self.transport.pause_reading()  # until TLS has the transport; otherwise the next bytes would be read as HTTP
        received, self._received = self._received, b""
        self._handshake = asyncio.get_running_loop().create_task(self._shake_hands(received))

    async def _shake_hands(self, received: bytes) -> None:
        """Start TLS, whose first bytes have been received already, and HTTP inside of it."""
        loop, raw = asyncio.get_running_loop(), self.transport
        patience = self._limits.client_timeout
        starting = asyncio.ensure_future(
            loop.start_tls(
                raw,
                self,
                self._context,
                server_side=True,
                ssl_handshake_timeout=patience,
                ssl_shutdown_timeout=patience,
            )
        )
        # TLS takes the transport in the first turn of the loop, and goes on reading in the second.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        tls: Any = raw.get_protocol()  # an `asyncio.BufferedProtocol`, or uvloop's, which has the same methods
        while received and not raw.is_closing():
            buffer = tls.get_buffer(len(received))
            length = min(len(buffer), len(received))
            buffer[:length] = received[:length]
            tls.buffer_updated(length)
            received = received[length:]
        try:
            encrypted = await starting
        except (OSError, EOFError):  # the client's side reports the failure
            encrypted = None
        if encrypted is None or encrypted.is_closing():  # uvloop raises nothing when the client has left
            self._leave()
            return
        http = self._become_http(encrypted)
        if self._received:
            http.data_received(self._received)

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
