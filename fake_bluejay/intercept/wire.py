"""A connection to the fake: bytes of HTTP/1.1 requests in, bytes of the answers out, each at its instant.

The files beside this one give a wire the form that a client library expects below itself: a socket, a network stream, a
transport. All that a library does with bytes is its own.

h11 reads and writes. Plain requests, as clients write nearly all of theirs, are matched by a strict pattern instead,
and so are their answers: that costs a fifth. If the pattern does not match, h11 gets the bytes from the first one on.
Both must agree on every input, at whatever points it is cut; a test compares them.
"""

from __future__ import annotations

import errno
import functools
import math
import os
import re
from collections import deque
from collections.abc import Callable
from http.client import responses
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from fake_bluejay.intercept.door import RawHeaders, Reply, exchange
from fake_bluejay.intercept.switch import taker, takes_calls
from fake_bluejay.intercept.waiting import now

if TYPE_CHECKING:
    from fake_bluejay.bluejay.app import Api

OWN, PEER = ("127.0.0.1", 49152), ("127.0.0.1", 443)
"""The addresses of both ends, as far as anybody asks."""

_LONGEST_HEAD = 65_536
"""The most bytes of a request's head, as on the loopback server."""

_NOT_HTTP = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n\r\n"
    b"Invalid HTTP request received."
)
"""uvicorn's answer to bytes that are not HTTP."""


End: TypeAlias = Literal["close", "reset"]


class Arrival(NamedTuple):
    """Bytes that arrive at the client, and then maybe the end of the connection."""

    data: bytes
    end: End | None = None
    instant: float | None = None
    """The instant of arrival, by the clock of `waiting`; None: at once."""


_REFUSED = {
    b"CONNECT": Arrival(_NOT_HTTP, "close"),  # the form of a request to a proxy, and this is none
    b"PRI": Arrival(b"", "reset"),  # HTTP/2 with prior knowledge
}


def _always() -> bool:
    return True


class HttpWire:
    """A connection, as the client has it.

    Args:
        app: The application that answers.
        is_open: Returns whether the fake still takes calls; if not, the wire has ended.
    """

    def __init__(
        self, app: Api, scheme: str, host: str, port: int | None, is_open: Callable[[], bool] = _always
    ) -> None:
        self._app: Any = app
        self.scheme, self._host, self._port = scheme, host, port
        self.is_open = is_open
        self._arrivals: deque[Arrival] = deque()
        self._arrived = b""
        self._end: End | None = None
        """The end as far as it has arrived."""
        self._is_done = False
        """True if the server reads nothing more: one of both has ended the connection."""
        self._written: list[bytes] = []
        """The bytes of a head that is not whole, or of a body."""
        self._head: _Head | None = None
        self._missing = 0
        """The number of bytes that the body of a plain request still lacks."""
        self._h11: Any = None
        """h11's connection, once a message was not plain."""
        self._request: Any = None

    # --- the client's end ---------------------------------------------------------------------------------------

    @property
    def has_ended(self) -> bool:
        """True if nothing can be sent any more: the server has closed the connection, or its fake is off."""
        return self._end is not None or not self.is_open()

    @property
    def is_readable(self) -> bool:
        """True if a read would return at once, even if with the end of the stream."""
        return self.has_ended or self.due_in() == 0

    def start_tls(self) -> None:
        """Go on under TLS, which counts as established."""
        self.scheme = "https"

    def write(self, data: bytes) -> None:
        """Send bytes to the fake.

        Raises:
            ConnectionResetError: The fake has been stopped.
            BrokenPipeError: The connection has ended otherwise.
        """
        if not self.is_open():
            raise ConnectionResetError(
                errno.ECONNRESET, "the fake Bluejay that this connection was made to has been stopped: connect again"
            )
        if self._end is not None:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        if data:  # for a socket, an empty write is nothing; for h11, it is the end of the stream
            self._take(data)

    def due_in(self) -> float:
        """Return the seconds until there is something to read: 0 for now, infinity if nothing is on its way."""
        if self._arrived:
            return 0
        if self._arrivals:
            instant = self._arrivals[0].instant
            return 0 if instant is None else max(0.0, instant - now())
        return 0 if self.has_ended else math.inf

    def read(self, most: int) -> bytes:
        """Return the next data that has arrived, due or not; `b""` is the end.

        Raises:
            ConnectionResetError: The connection was reset.
        """
        if not self._arrived and (arrival := self.next_arrival()) is not None:
            self._arrived = arrival.data
        if self._arrived:
            data, self._arrived = self._arrived[:most], self._arrived[most:]
            return data
        if self._end == "reset":
            raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
        self._end = "close"  # even if nothing more comes: a server does not wait for ever
        return b""

    def next_arrival(self) -> Arrival | None:
        """Return the next arrival, whose instant the caller is to wait for; None if nothing is on its way."""
        if not self._arrivals:
            return None
        arrival = self._arrivals.popleft()
        self._end = self._end or arrival.end
        return arrival

    def close(self) -> None:
        """Close the connection from the client's end."""
        self._end = "close"
        self._arrivals.clear()
        self._arrived = b""
        # httpx leaves closed connections to the garbage collector: they are not to keep the fake until then.
        self._app, self.is_open, self._is_done = None, _always, True

    # --- the server's end ---------------------------------------------------------------------------------------

    def _take(self, data: bytes) -> None:
        while data and not self._is_done:
            if self._h11 is not None:
                self._take_by_h11(data)
                return
            if self._head is None:
                data = b"".join((*self._written, data))
                self._written = []
                head = _plain_head(data)
                if head is _UNFINISHED:
                    self._written = [data]
                    return
                if head is None:
                    self._h11 = _new_h11()
                    continue
                self._head, self._missing = head, head.content_length
                data = data[len(head.raw) :]
            body, data = data[: self._missing], data[self._missing :]
            self._written.append(body)
            self._missing -= len(body)
            if self._missing == 0:
                self._answer_plain(self._head, b"".join(self._written))
                self._head, self._written = None, []

    def _take_by_h11(self, data: bytes) -> None:
        import h11

        connection = self._h11
        connection.receive_data(data)
        while True:
            try:
                event = connection.next_event()
            except h11.RemoteProtocolError:
                self._arrive(Arrival(_NOT_HTTP, "close"))
                return
            if type(event) is h11.Request:
                self._request = event
                if event.method in _REFUSED:
                    self._arrive(_REFUSED[event.method])
                    return
                if connection.they_are_waiting_for_100_continue:
                    go_on = h11.InformationalResponse(status_code=100, headers=[])
                    self._arrive(Arrival(connection.send(go_on)))
            elif type(event) is h11.Data:
                self._written.append(bytes(event.data))
            elif type(event) is h11.EndOfMessage:
                request, body, self._written = self._request, b"".join(self._written), []
                reply = self._reply(request.method, request.target, list(request.headers), body)
                self._arrive(_answer_by_h11(connection, reply))
                if self._is_done:
                    return
                connection.start_next_cycle()
            else:
                return

    def _answer_plain(self, head: _Head, body: bytes) -> None:
        reply = self._reply(head.method, head.target, head.headers, body)
        if (data := _plain_answer(head.method, reply)) is not None:
            self._arrive(_arrival(reply, data, None))
            return
        import h11

        connection = _new_h11()
        connection.receive_data(head.raw + body)
        while type(connection.next_event()) is not h11.EndOfMessage:
            pass
        self._arrive(_answer_by_h11(connection, reply))

    def _reply(self, method: bytes, target: bytes, headers: RawHeaders, body: bytes) -> Reply:
        target = target.partition(b"#")[0]
        if not target.startswith(b"/"):  # the form of a request to a proxy
            target = _ORIGIN.sub(b"", target)
            target = b"/" + target if target[:1] in (b"", b"?") else target
        return exchange(self._app, method.decode(), self.scheme, self._host, self._port, target, headers, body)

    def _arrive(self, arrival: Arrival) -> None:
        self._arrivals.append(arrival)
        self._is_done = self._is_done or arrival.end is not None


_ORIGIN = re.compile(rb"https?://[^/?]*", re.IGNORECASE)


def _arrival(reply: Reply, data: bytes, end: End | None) -> Arrival:
    """Return an answer with its disturbances."""
    breakage = reply.breakage
    if breakage is None:
        return Arrival(data, end)
    if breakage.body is not None:
        data = data[: max(0, len(data) - len(reply.body)) + breakage.body]
    if breakage.instead is not None:
        data = breakage.instead
    return Arrival(data, breakage.end or end, now() + breakage.seconds if breakage.seconds else None)


# --- HTTP/1.1 by h11 --------------------------------------------------------------------------------------------


def _new_h11() -> Any:
    import h11

    return h11.Connection(h11.SERVER, max_incomplete_event_size=_LONGEST_HEAD)


def _answer_by_h11(connection: Any, reply: Reply) -> Arrival:
    import h11

    start = h11.Response(
        status_code=reply.status,
        headers=[(name, value.strip(b" \t")) for name, value in reply.headers],
        reason=responses.get(reply.status, ""),
    )
    data = b"".join(connection.send(each) or b"" for each in (start, h11.Data(data=reply.body), h11.EndOfMessage()))
    goes_on = connection.our_state is h11.DONE and connection.their_state is h11.DONE
    return _arrival(reply, data, None if goes_on else "close")


# --- HTTP/1.1 where it is plain ---------------------------------------------------------------------------------

_PLAIN_HEAD = re.compile(
    rb"([A-Z]+) (/[!-~]*) HTTP/1\.1\r\n((?:[A-Za-z0-9-]+: [!-~]+(?: [!-~]+)*\r\n)+)\r\n",
)
_HEADER = re.compile(rb"([^:]+): ([^\r]+)\r\n")
_END_OF_HEAD = re.compile(rb"\n\r?\n")
"""The end of a head, as h11 finds it."""


class _Head(NamedTuple):
    method: bytes
    target: bytes
    headers: RawHeaders
    content_length: int
    raw: bytes


_UNFINISHED = _Head(b"", b"", [], 0, b"")
"""A head that is not whole yet."""


def _plain_head(data: bytes) -> _Head | None:
    """Return the head that these bytes begin with, `_UNFINISHED`, or None if it is not plain."""
    found = _PLAIN_HEAD.match(data)
    if found is None:
        is_unfinished = b"A" <= data[:1] <= b"Z" and len(data) <= _LONGEST_HEAD and not _END_OF_HEAD.search(data)
        return _UNFINISHED if is_unfinished else None
    method, target, lines = found.groups()
    headers = [(name.lower(), value) for name, value in _HEADER.findall(lines)]
    hosts = lengths = content_length = 0
    for name, value in headers:
        if name == b"host":
            hosts += 1
        elif name == b"content-length" and value.isdigit() and len(value) < 12:
            lengths += 1
            content_length = int(value)
        elif name in _NOT_PLAIN and (name != b"connection" or value.lower() != b"keep-alive"):
            return None
    if hosts != 1 or lengths > 1 or method == b"CONNECT":
        return None
    return _Head(method, target, headers, content_length, found[0])


_NOT_PLAIN = frozenset((b"connection", b"content-length", b"expect", b"transfer-encoding", b"upgrade"))
"""The headers that affect the framing of a message, or its connection."""


def _plain_answer(method: bytes, reply: Reply) -> bytes | None:
    """Return an answer as h11 would write it; None if it is not plain."""
    status, headers, body, _ = reply
    length = b"%d" % len(body)
    lines = [b"HTTP/1.1 %d %b\r\n" % (status, responses.get(status, "").encode())]
    lengths = 0
    for name, value in headers:
        if name == b"content-length" and (value == length or method == b"HEAD"):
            lengths += 1
        elif name in _NOT_PLAIN or name == b"host" or value != value.strip():
            return None
        lines += name, b": ", value, b"\r\n"
    if lengths != 1 or status < 200:
        return None
    return b"".join((*lines, b"\r\n", body))


def open_wire(scheme: str, host: str, port: int | None) -> HttpWire:
    """Connect to the fake that takes calls.

    Raises:
        GuardError: No fake may take it.
        ConnectionRefusedError: The fake has been stopped since the client began to connect.
    """
    fake = taker(host)
    if fake is None:
        raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
    return HttpWire(fake.app, scheme, host, port, functools.partial(takes_calls, fake))
