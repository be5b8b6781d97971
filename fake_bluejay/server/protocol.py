"""HTTP on a connection: uvicorn's protocol with limits for clients, and a short way for most requests.

The short way: a request is taken up once its body is there, and if the answer waits for nothing, it is sent in the same
step, without a task. `sweep` finds slow clients: it looks at all connections now and then, which costs less than a
timer for each request.

This is the only file that touches what uvicorn does not document. What it touches, and what public thing is missing:

- `HttpToolsProtocol`, its parser callbacks, `pipeline`, `flow`: `Config(http=…)` takes a protocol class, and none is
  meant to be derived from. There is no public bound for headers, trailers, a body, or the time that a client takes;
  Starlette's `RequestBodyLimitMiddleware` acts inside the application, after the task has begun.
- The protocol's `parser`: no option has uvicorn ignore an offer of another protocol together with its body.
- A cycle's `disconnected`, `transport`, `keep_alive`, `default_headers`, `waiting_for_100_continue`: ASGI cannot reset
  a connection, send what is not HTTP, replace the server's `Date`, or see whether `100 Continue` was sent. `Connection`
  is what the rest of the package sees of this.
- `STATUS_LINE`, `HIGH_WATER_LIMIT`: to write an answer in one piece as uvicorn would in two.
- `Config.http_protocol_class`: uvicorn builds the protocol itself; it has no hook for what a connection's first bytes
  decide.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import struct
import sys
from collections.abc import Callable, Collection
from types import SimpleNamespace
from typing import Any, NamedTuple

import httptools
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from fake_bluejay.bluejay.published import HOST, OTLP_HOST
from fake_bluejay.http.journal import Answer
from fake_bluejay.intercept.hosts import is_bluejay
from fake_bluejay.server.upgrade import parse_without_offer

_log = logging.getLogger("fake_bluejay")

_LINGER = 2.0
"""Seconds for which a refused client may go on sending, so that it can read the refusal."""
_GOODBYE = 0.1
"""Seconds that the end of TLS may take when the server stops."""
_IDLE = 75.0
"""Seconds for which a connection without a request is kept."""
_MOST_HEAD = 64 * 1024
"""The most bytes of a request's headers."""
_LEAST_RATE = 16 * 1024
"""The lowest rate of a body, in bytes a second."""
_NEEDS_TLS = "it begins TLS, or asks a proxy for it (CONNECT), which is answered by `fake-bluejay serve --tls` alone"
_BUSY: Any = SimpleNamespace(response_complete=False)
"""In the place of a connection's cycle while uvicorn reads a head: it then queues the request and starts no task."""


CONNECTION = "fake_bluejay.connection"
"""The key in a request's `scope["extensions"]` under which the application finds its `Connection`."""


class Connection:
    """The connection of a request, for actions that ASGI does not have."""

    __slots__ = ("_cycle",)

    def __init__(self, cycle: Any) -> None:
        self._cycle = cycle

    def omit_server_headers(self, names: Collection[bytes]) -> None:
        """Leave out headers that the server would add, because the answer has its own."""
        cycle = self._cycle
        cycle.default_headers = [header for header in cycle.default_headers if header[0] not in names]

    def close(self, last: bytes = b"") -> None:
        """Close the connection after what was written and these last bytes; later answers are dropped."""
        if last:
            self._cycle.transport.write(last)
        self._cycle.transport.close()
        self._cycle.disconnected = True  # else uvicorn logs that the answer is not whole

    def abort(self, *, reset: bool = False) -> None:
        """Close the connection at once; with `reset`, the client sees a reset instead of an orderly end."""
        transport = self._cycle.transport
        connection = transport.get_extra_info("socket")
        if reset and connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        self._cycle.disconnected = True


class Limits(NamedTuple):
    """The limits of a server for its clients."""

    max_body: int
    """The most bytes of a request's body; a larger one gets 413. 0: no limit."""
    max_connections: int
    """The most connections that are open at the same time.

    One more closes the one that has waited longest for its client; if all are being answered, the new one gets 503.
    """
    client_timeout: float
    """Seconds in which a request must arrive whole, and one more for each 16 KiB of it; a slower one gets 408."""


class Protocol(HttpToolsProtocol):
    """The protocol of one connection. `protocol` makes the class, with the common values of a server's connections."""

    limits: Limits
    at_once: Callable[[Any, bytes], Answer | None]
    """Answers a request, given its scope and its body, without waiting; None if it may have to wait."""
    refused: Callable[[Any, int, str], None]
    """Called with each refusal: the protocol, the status, and the reason."""
    is_ours: Callable[[str], bool]
    """Returns whether the server may be called by a name."""

    _little = HIGH_WATER_LIMIT
    """The size of a body up to which it may wait in memory for its rest."""
    _defaults: tuple[Any, bytes] = (None, b"")
    """The headers that every answer has, as uvicorn keeps them, and as they are sent."""

    # Slots, because with this many more attributes, Python would store all of them in a slower way.
    __slots__ = (
        "_answering", "_barren", "_begun", "_completed", "_deferred_response", "_follows", "_head",
        "_is_offer", "_piece", "_received", "_refused", "_unread", "_waiting", "waits_since",
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.waits_since: float | None = None
        """The instant at which `sweep` first saw the connection wait for its client; None until then."""
        self._is_offer = False
        """True if the present head offers another protocol; it is parsed again, without the offer."""
        self._begun = False
        """True if a request has begun to arrive and is not whole."""
        self._head = self._received = 0
        """The bytes of the present request: of its headers, including the piece that ends them, and of its body."""
        self._barren = 0
        """The bytes since the last of the body: of trailers, or of extensions of a chunk."""
        self._answering: Any = None
        """The cycle of the request that has a task; of several that were sent at once, it is not the last."""
        self._completed = self._follows = False
        """True if a request ended in the latest piece of data (`_completed`), or in the piece in which the present one
        began (`_follows`).

        In the second case, nobody knows how much of that piece belongs to the present request.
        """
        self._piece = 0
        """The size of the latest piece, in bytes."""
        self._unread: tuple[int, float] = (0, 0.0)
        """The number of bytes that the client has not taken, and the instant since which it has taken none of them."""
        self._waiting: Any = None
        """The application, while the body of the request is not whole."""
        self._refused = False
        self._deferred_response: bytes | None = None
        """A refusal that waits until earlier requests are answered."""

    # --- requests -----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a new connection; refuse it if there is no room."""
        super().connection_made(transport)
        if not make_room(self.connections, self, self.limits.max_connections):
            self._refuse(503, f"all {self.limits.max_connections} connections are in use (--max-connections)")

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the request that is being answered that its client is gone."""
        super().connection_lost(exc)
        if self._answering is not None:  # uvicorn tells only the request that came last
            self._answering.disconnected = True
            self._answering.message_event.set()
            self._answering = None
        if self.cycle is not None and self.cycle.response_complete:
            self.cycle = None  # type: ignore[assignment]  # they refer to each other: free both at once

    def is_waiting(self) -> bool:
        """Return whether the server waits for the client."""
        return self.cycle is None or self.cycle.response_complete or self.cycle.more_body

    def data_received(self, data: bytes) -> None:
        """Parse the data that has arrived, and refuse it if it is not HTTP or too large."""
        if self._refused:
            return
        self._piece, self._completed = len(data), False
        received = self._received
        try:
            self._parse(data)
        except httptools.HttpParserError as error:
            is_tls = data.startswith((b"\x16\x03", b"CONNECT "))
            self._refuse(400, f"this is not HTTP: {_NEEDS_TLS if is_tls else error}")
        if self._begun:  # and not whole yet
            self._look_at_size(received)

    def _parse(self, data: bytes) -> None:
        while data:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                if not self._is_offer:  # a CONNECT request, which is answered as any other
                    return
                data = data[upgrade.args[0] :]
                parse_without_offer(self)

    def on_message_begin(self) -> None:
        """Start counting the bytes of a new request."""
        HttpToolsProtocol.on_message_begin(self)
        self._begun, self.waits_since = True, None
        self._follows = self._completed
        self._head, self._received = -self._piece if self._follows else 0, 0
        self._barren = -self._piece

    def on_headers_complete(self) -> None:
        """Refuse a request whose headers are too large or that is for another host; else let uvicorn start it."""
        self._is_offer = self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
        if self._is_offer:
            return
        # Only large pieces need a closer look.
        if (self._follows or self._head + self._piece > _MOST_HEAD) and self._is_head_too_large():
            self._refuse_head()
            raise ValueError  # so that nothing more is read
        if self.url[:1] != b"/" and self.url[:4].lower() == b"http":  # the form of a request to a proxy
            host = (httptools.parse_url(self.url).host or b"").decode("latin-1").lower()
            if not is_bluejay(host) and not type(self).is_ours(host):
                self._refuse(403, leads_elsewhere(host))
                raise ValueError
        self._add_cycle()
        self.headers = []  # trailers are dropped: they are no headers, and must not authenticate a request

    def _add_cycle(self) -> None:
        """Make the cycle of the request whose head has come, and begin with it if no other is before it.

        uvicorn would start its task here, by a method of its own only in new versions.
        """
        before, flow = self.cycle, self.flow
        paused = flow.read_paused
        is_first = before is None or before.response_complete
        if is_first:
            self.cycle = _BUSY
            flow.read_paused = True  # so that uvicorn does not pause reading, as it does for a request that has to wait
        try:
            HttpToolsProtocol.on_headers_complete(self)
        finally:
            if is_first:
                flow.read_paused = paused
            if self.cycle is _BUSY:
                self.cycle = before
        self.cycle.keep_alive = self.cycle.keep_alive and self.parser.should_keep_alive()  # as new versions do
        if is_first:
            self._take(*self.pipeline.popleft())

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body; refuse the request once its body is too large."""
        if self._refused:
            return
        self._received += len(body)
        if self._received > self._little:
            if self._is_too_large():
                self._refuse_body()
                return
            if self._waiting is not None:
                self._begin()
        HttpToolsProtocol.on_body(self, body)

    def _look_at_size(self, received_before: int) -> None:
        if "path" not in self.scope:
            self._head += self._piece
            if self._head > _MOST_HEAD:
                self._refuse_head()
            return
        self._barren = self._barren + self._piece if self._received == received_before else 0
        if self._barren > _MOST_HEAD:
            self._refuse(431, f"the trailers, or the extensions of a chunk, are larger than {_MOST_HEAD} bytes")
        elif self._is_too_large():
            self._refuse_body()

    def _is_head_too_large(self) -> bool:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > _MOST_HEAD

    def _refuse_head(self) -> None:
        self._refuse(431, f"the address and the headers are larger than {_MOST_HEAD} bytes")

    def _refuse_body(self) -> None:
        self._refuse(413, f"the body is larger than {self.limits.max_body} bytes (--max-body)")

    def _is_too_large(self) -> bool:
        limit = self.limits.max_body
        declared = next((int(value) for name, value in self.scope["headers"] if name == b"content-length"), 0)
        return bool(limit) and max(declared, self._received) > limit

    def on_message_complete(self) -> None:
        """Answer the request, now that it is whole, unless the application has begun already."""
        if self._is_offer:
            return
        self._begun, self._completed = False, True
        self.cycle.waiting_for_100_continue = False  # the whole body is here, so the client needs no "100 Continue"
        HttpToolsProtocol.on_message_complete(self)
        if self._waiting is not None:
            self._begin()

    # --- answering ----------------------------------------------------------------------------------------------

    def _take(self, cycle: Any, app: Any) -> None:
        """Begin with a request that no other is before, or wait for its body."""
        if cycle is self.cycle and cycle.more_body and not cycle.waiting_for_100_continue:
            self._waiting = app
        else:
            self._start(cycle, app)

    def _start(self, cycle: Any, app: Any) -> None:
        """Let the application answer in a task of its own."""
        self._answering = cycle
        cycle.scope.setdefault("extensions", {})[CONNECTION] = Connection(cycle)
        if cycle.waiting_for_100_continue:
            app = _closing_if_unread(cycle, app)
        task = self.loop.create_task(cycle.run_asgi(app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def _begin(self) -> None:
        app, self._waiting = self._waiting, None
        cycle, answer = self.cycle, None
        if not cycle.more_body and not self.flow.write_paused:
            try:
                answer = type(self).at_once(self.scope, bytes(cycle.body))
            except Exception:
                _log.exception("%s %s: the server failed", self.scope["method"], self.scope["path"])
                self.transport.close()
                return
        if answer is None:
            self._start(cycle, app)
        else:
            self._send(answer)

    def _send(self, answer: Answer) -> None:
        """Answer the present request: head and body leave together."""
        cycle = self.cycle
        defaults = self.server_state.default_headers
        if self._defaults[0] is not defaults:
            type(self)._defaults = defaults, b"".join(b"%s: %s\r\n" % header for header in defaults)
        parts = [STATUS_LINE[answer.status_code], self._defaults[1]]
        for header in answer.raw_headers:
            parts.append(b"%s: %s\r\n" % header)
        parts.append(b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n")
        if self.scope["method"] != "HEAD":
            parts.append(answer.content)
        self.transport.write(b"".join(parts))
        cycle.response_started = cycle.response_complete = True
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def on_response_complete(self) -> None:
        """Go on to the next request, or send a refusal that had to wait for this answer."""
        self.waits_since = None
        self.server_state.total_requests += 1
        if self.pipeline:
            if not self.transport.is_closing():
                self.flow.resume_reading()
                self._take(*self.pipeline.pop())
        elif self._deferred_response is not None:
            self._send_and_close(self._deferred_response)
        elif not self.transport.is_closing():
            self.flow.resume_reading()

    # --- limits -------------------------------------------------------------------------------------------------

    def check(self, now: float) -> None:
        """Close the connection if its client has taken too long."""
        if self.transport.is_closing() and self.scheme == "https":
            return  # TLS has its own timer for closing, and asyncio's TLS has no buffer any more
        unread = self.transport.get_write_buffer_size()
        if unread != self._unread[0]:
            self._unread = unread, now
        elif unread and now - self._unread[1] >= self.limits.client_timeout:
            self.transport.abort()
        if not self.is_waiting() or self._deferred_response is not None or self.transport.is_closing():
            return
        if self.waits_since is None:
            self.waits_since = now
        waited = now - self.waits_since
        if self._refused or not self._begun:
            if waited >= (_LINGER if self._refused else _IDLE):
                self.transport.close()
        elif waited >= self.limits.client_timeout + self._received / _LEAST_RATE:
            self._refuse(408, f"the request was not whole within {waited:.0f} seconds (--client-timeout)")

    def shutdown(self) -> None:
        """Close the connection in an orderly way, without waiting for clients that would never let go."""
        if not self.transport.is_closing():
            super().shutdown()
        if self.scheme == "https" and self.transport.is_closing():
            # A client that keeps the connection in its pool reads nothing, so it does not answer the end of TLS.
            self.loop.call_later(_GOODBYE, self.transport.abort)
        if self._waiting is not None:
            self.transport.close()  # an incomplete request has no answer
        elif self.cycle is not None and not self.cycle.response_complete and self.cycle.chunked_encoding:
            # A stream of events ends only when its client leaves, so pretend that it has left.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            self.transport.close()

    def _refuse(self, status: int, detail: str) -> None:
        """Answer a request that will not be read to its end, after those that came before it."""
        if self._refused:
            return
        self._refused, self._waiting, self.waits_since = True, None, None
        content = json.dumps({"detail": detail}, separators=(",", ":")).encode()
        response = b"%scontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s" % (
            STATUS_LINE[status],
            len(content),
            content,
        )
        cycle = self.cycle
        its_own = self._begun and "path" in self.scope  # else the scope is that of the request before
        if self.pipeline or not (its_own or cycle is None or cycle.response_complete):
            if its_own:
                self.pipeline.popleft()
            self._deferred_response = response
        else:
            if its_own:
                cycle.disconnected = True
                cycle.waiting_for_100_continue = False  # the rest is not wanted any more
                cycle.message_event.set()
            # An answer that has begun before the request was whole is the last one on this connection.
            self._send_and_close(b"" if its_own and cycle.response_started else response)
        self.flow.resume_reading()
        type(self).refused(self, status, detail)

    def _send_and_close(self, response: bytes) -> None:
        """Send these bytes, and let the client read them before the connection closes."""
        self._deferred_response = None
        if self.transport.is_closing():
            return
        self.transport.write(response)
        if self.transport.can_write_eof():
            self.transport.write_eof()


def _closing_if_unread(cycle: Any, app: ASGIApp) -> Any:
    """Wrap the application for a client that waits for `100 Continue` before it sends its body.

    If the request is answered without reading the body, the connection ends with the answer: nobody could say whether
    the bytes that come next are the body.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if cycle.waiting_for_100_continue and message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
            await send(message)

        await app(scope, receive, sending)

    return answer


def unbounded() -> type[Protocol]:
    """Return the protocol for a server whose clients are trusted: it refuses nobody, and each answer has a task."""
    return protocol(
        Limits(max_body=0, max_connections=sys.maxsize, client_timeout=float("inf")),
        lambda scope, content: None,
        lambda connection, status, detail: None,
    )


def wrap_protocol(config: uvicorn.Config, wrap: Callable[[Any], Any]) -> None:
    """Replace a server's protocol class by the result of `wrap`."""
    config.load()
    config.http_protocol_class = wrap(config.http_protocol_class)


def protocol(
    limits: Limits,
    at_once: Callable[[Any, bytes], Answer | None],
    refused: Callable[[Any, int, str], None],
    is_ours: Callable[[str], bool] = lambda name: True,
) -> type[Protocol]:
    """Return the protocol class for one server, as uvicorn takes it.

    Args:
        limits: The limits for clients.
        at_once: A function that answers a request without waiting; None if it may have to wait.
        refused: A function that is called with each request that is refused here.
        is_ours: A function that returns whether the server may be called by a name.
    """
    shared = {
        "limits": limits,
        "at_once": staticmethod(at_once),
        "refused": staticmethod(refused),
        "is_ours": staticmethod(is_ours),
        "_little": min(HIGH_WATER_LIMIT, limits.max_body or HIGH_WATER_LIMIT),
    }
    return type("Protocol", (Protocol,), shared)


def leads_elsewhere(host: str) -> str:
    """Return the reason why a proxy is of no use for that host."""
    return f"This proxy leads to {HOST} and {OTLP_HOST} alone. To reach {host}: NO_PROXY={host}"


def make_room(connections: set[Any], newcomer: object, most: int) -> bool:
    """Make room for one more connection, if need be by closing the one that has waited longest for its client.

    Each connection has a `transport`, and says by `is_waiting()` and `waits_since` whether and since when it waits.

    Returns:
        True if there is room.
    """
    if len(connections) <= most:
        return True
    idle = [one for one in connections if one is not newcomer and one.is_waiting()]
    if not idle:
        return False
    longest = min(idle, key=lambda one: float("inf") if one.waits_since is None else one.waits_since)
    connections.discard(longest)
    longest.transport.abort()
    return True


async def sweep(connections: Any) -> None:
    """Look after slow clients, every half second, until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(0.5)
        now = loop.time()
        for connection in list(connections):
            try:
                connection.check(now)
            except Exception:
                # A failure with one connection must not keep the others from being checked.
                _log.exception("a connection could not be looked at")
                connection.transport.abort()
