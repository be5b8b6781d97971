"""One connection to the fake as bytes: those of HTTP/1.1 requests go in, those of the answers come out."""

from __future__ import annotations

from http.client import responses
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from fake_bluejay.intercept.door import GARBAGE, Reply, exchange
from fake_bluejay.intercept.switch import current

__all__ = ["Arrival", "Wire"]


_NOT_HTTP = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n\r\n"
    b"Invalid HTTP request received."
)
"""What uvicorn answers then."""


class Arrival(NamedTuple):
    """What comes back for a request: after so many seconds these bytes; and then, maybe, the end of the connection."""

    seconds: float
    data: bytes
    end: str | None
    """None: the connection goes on. `close`: it is closed. `reset`: it is reset."""


class Wire:
    """Takes bytes as a server would, and says what arrives for each request that is whole."""

    def __init__(self, scheme: str, host: str, port: int | None) -> None:
        import h11

        self._h11 = h11
        self._scheme, self._host, self._port = scheme, host, port
        self._connection = h11.Connection(h11.SERVER)
        self._request: Any = None
        self._body: list[bytes] = []

    def take(self, data: bytes) -> Arrival | None:
        """The next bytes of a request; None until it is whole.

        Raises `ConnectionResetError` if no fake is on any more.
        """
        h11 = self._h11
        self._connection.receive_data(data)
        while True:
            try:
                event = self._connection.next_event()
            except h11.RemoteProtocolError:
                return Arrival(0, _NOT_HTTP, "close")
            if isinstance(event, h11.Request):
                self._request, self._body = event, []
                if self._connection.they_are_waiting_for_100_continue:
                    return Arrival(0, self._send(h11.InformationalResponse(status_code=100, headers=[])), None)
            elif isinstance(event, h11.Data):
                self._body.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                return self._arrival()
            else:
                return None

    def _arrival(self) -> Arrival:
        fake = current()
        if fake is None:
            raise ConnectionResetError("the fake Bluejay that this connection was made to has been stopped")
        target = self._request.target.partition(b"#")[0]
        if target[:4].lower() == b"http":  # as it is said to a proxy
            url = urlsplit(target)
            target = (url.path or b"/") + (b"?" + url.query if url.query else b"")
        reply = exchange(
            fake.app,
            self._request.method.decode(),
            self._scheme,
            self._host,
            self._port,
            target,
            list(self._request.headers),
            b"".join(self._body),
        )
        arrival = self._broken(reply, self._bytes_of(reply))
        if self._connection.our_state is self._h11.DONE and self._connection.their_state is self._h11.DONE:
            self._connection.start_next_cycle()
        return arrival

    def _broken(self, reply: Reply, data: bytes) -> Arrival:
        ends = self._connection.our_state is not self._h11.DONE
        breakage = reply.breakage
        if breakage is None:
            return Arrival(0, data, "close" if ends else None)
        match breakage.kind:
            case "delay":
                return Arrival(breakage.seconds, data, "close" if ends else None)
            case "reset":
                return Arrival(0, b"", "reset")
            case "lose_response":
                return Arrival(0, b"", "close")
            case "truncate":
                return Arrival(0, data[: max(0, len(data) - len(reply.body)) + breakage.bytes], "close")
            case "garbage":
                return Arrival(0, GARBAGE, "close")
        raise AssertionError(f"no such breakage: {breakage!r}")

    def _bytes_of(self, reply: Reply) -> bytes:
        h11, reason = self._h11, responses.get(reply.status, "")
        start = h11.Response(status_code=reply.status, headers=reply.headers, reason=reason)
        return self._send(start) + self._send(h11.Data(data=reply.body)) + self._send(h11.EndOfMessage())

    def _send(self, event: Any) -> bytes:
        return self._connection.send(event) or b""
