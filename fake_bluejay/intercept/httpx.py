"""httpx and httpx2, sync and async: its transports, the lowest public seam, under clients with any configuration."""

from __future__ import annotations

import functools
import time
from collections.abc import AsyncIterator, Callable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from fake_bluejay.intercept.door import GARBAGE, Reply, exchange
from fake_bluejay.intercept.shims import Seam
from fake_bluejay.intercept.switch import Fake, taker

if TYPE_CHECKING:
    from fake_bluejay.bluejay.app import Api

__all__ = ["answer", "answer_async", "seams"]


def seams(httpx: ModuleType) -> Iterator[Seam]:
    """What to replace in httpx."""

    def handle_request(original: Callable[..., Any]) -> Callable[..., Any]:
        def handle_request(self: Any, request: Any) -> Any:
            fake = _taker(httpx, request)
            if fake is None:
                return original(self, request)
            return answer(httpx, fake.app, request)

        return handle_request

    def handle_async_request(original: Callable[..., Any]) -> Callable[..., Any]:
        async def handle_async_request(self: Any, request: Any) -> Any:
            fake = _taker(httpx, request)
            if fake is None:
                return await original(self, request)
            return await answer_async(httpx, fake.app, request)

        return handle_async_request

    yield Seam(httpx.HTTPTransport, "handle_request", handle_request)
    yield Seam(httpx.AsyncHTTPTransport, "handle_async_request", handle_async_request)


def _taker(httpx: ModuleType, request: Any) -> Fake | None:
    try:
        return taker(request.url.host)
    except OSError as error:
        raise httpx.ConnectError(str(error), request=request) from error


def answer(httpx: ModuleType, app: Api, request: Any) -> Any:
    """The application's answer to an `httpx.Request`, as an `httpx.Response`. Raises what httpx raises for a fault."""
    reply = _exchange(httpx, app, request, b"".join(request.stream))
    late = _lateness(httpx, request, reply)
    if late:
        time.sleep(late.seconds)
        if late.too_late:
            raise late.too_late
    return _response(httpx, request, reply)


async def answer_async(httpx: ModuleType, app: Api, request: Any) -> Any:
    """The same where the request's body is an async stream; others get their turn, and who cancels is heard."""
    import anyio.lowlevel  # which httpx brings

    await anyio.lowlevel.checkpoint()
    reply = _exchange(httpx, app, request, b"".join([part async for part in request.stream]))
    late = _lateness(httpx, request, reply)
    if late:
        await anyio.sleep(late.seconds)
        if late.too_late:
            raise late.too_late
    return _response(httpx, request, reply)


def _exchange(httpx: ModuleType, app: Api, request: Any, body: bytes) -> Reply:
    url, headers = request.url, []
    for raw, value in request.headers.raw:
        name = raw.lower()
        if not _is_plain(name, value) or (name == b"content-length" and value != b"%d" % len(body)):
            _refuse_as_h11(httpx, request, body)
        headers.append((name, value))
    return exchange(app, request.method, url.scheme, url.host, url.port, url.raw_path, headers, body)


def _is_plain(name: bytes, value: bytes) -> bool:
    """Whether a header is one of which nothing could be wrong."""
    return (
        name.replace(b"-", b"").isalnum()
        and value.isascii()
        and value.decode().isprintable()
        and value == value.strip()
    )


def _refuse_as_h11(httpx: ModuleType, request: Any, body: bytes) -> None:
    """Raise what httpx raises for a request that h11 cannot write; for a body of another length that is h11's own."""
    import h11

    connection = h11.Connection(h11.CLIENT)
    try:
        connection.send(h11.Request(method=request.method, target=request.url.raw_path, headers=request.headers.raw))
    except h11.LocalProtocolError as error:
        raise httpx.LocalProtocolError(str(error), request=request) from error
    connection.send(h11.Data(body))
    connection.send(h11.EndOfMessage())


class _Lateness(NamedTuple):
    seconds: float
    too_late: Exception | None


def _lateness(httpx: ModuleType, request: Any, reply: Reply) -> _Lateness | None:
    """How long the client waits for an answer, and what it raises if its patience ends before."""
    if reply.breakage is None or reply.breakage.kind != "delay":
        return None
    patience = request.extensions.get("timeout", {}).get("read")
    if patience is not None and patience < reply.breakage.seconds:
        return _Lateness(patience, httpx.ReadTimeout("The read operation timed out", request=request))
    return _Lateness(reply.breakage.seconds, None)


def _response(httpx: ModuleType, request: Any, reply: Reply) -> Any:
    stream = httpx.ByteStream(reply.body)
    if reply.breakage is not None:
        match reply.breakage.kind:
            case "reset":
                raise httpx.ReadError("[Errno 104] Connection reset by peer", request=request)
            case "lose_response":
                raise httpx.RemoteProtocolError("Server disconnected without sending a response.", request=request)
            case "garbage":
                raise httpx.RemoteProtocolError(f"illegal status line: {bytearray(GARBAGE)!r}", request=request)
            case "truncate" if reply.breakage.bytes < len(reply.body):
                part = reply.body[: reply.breakage.bytes]
                lack = f"received {len(part)} bytes, expected {len(reply.body)}"
                error = httpx.RemoteProtocolError(
                    f"peer closed connection without sending complete message body ({lack})", request=request
                )
                stream = _broken_stream(httpx)(part, error)
    return httpx.Response(
        reply.status,
        headers=reply.headers,
        stream=stream,
        extensions={"http_version": b"HTTP/1.1"},
    )


@functools.cache
def _broken_stream(httpx: ModuleType) -> Any:
    class BrokenStream(httpx.SyncByteStream, httpx.AsyncByteStream):  # type: ignore[misc, name-defined]
        """A part of a body, and then the error with which its connection died."""

        def __init__(self, part: bytes, error: Exception) -> None:
            self._part, self._error = part, error

        def __iter__(self) -> Iterator[bytes]:
            yield self._part
            raise self._error

        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield self._part
            raise self._error

    return BrokenStream
