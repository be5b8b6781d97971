"""httpx, sync and async: its transports, the lowest public seam, under clients with any configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from fake_bluejay.intercept.door import App, Reply, exchange, is_bluejay
from fake_bluejay.intercept.switch import Patch, current

__all__ = ["answer", "answer_async", "patches"]


def patches(httpx: ModuleType) -> Iterator[Patch]:
    """What to replace in httpx."""

    def handle_request(original: Callable[..., Any]) -> Callable[..., Any]:
        def handle_request(self: Any, request: Any) -> Any:
            fake = current() if is_bluejay(request.url.host) else None
            if fake is None:
                return original(self, request)
            return answer(httpx, fake.app, request)

        return handle_request

    def handle_async_request(original: Callable[..., Any]) -> Callable[..., Any]:
        async def handle_async_request(self: Any, request: Any) -> Any:
            fake = current() if is_bluejay(request.url.host) else None
            if fake is None:
                return await original(self, request)
            return await answer_async(httpx, fake.app, request)

        return handle_async_request

    yield Patch(httpx.HTTPTransport, "handle_request", handle_request)
    yield Patch(httpx.AsyncHTTPTransport, "handle_async_request", handle_async_request)


def answer(httpx: ModuleType, app: App, request: Any) -> Any:
    """The application's answer to an `httpx.Request`, as an `httpx.Response`."""
    return _response(httpx, _exchange(app, request, b"".join(request.stream)))


async def answer_async(httpx: ModuleType, app: App, request: Any) -> Any:
    """The same where the request's body is an async stream."""
    return _response(httpx, _exchange(app, request, b"".join([part async for part in request.stream])))


def _exchange(app: App, request: Any, body: bytes) -> Reply:
    url = request.url
    headers = [(name.lower(), value) for name, value in request.headers.raw]
    return exchange(app, request.method, url.scheme, url.host, url.port, url.raw_path, headers, body)


def _response(httpx: ModuleType, reply: Reply) -> Any:
    return httpx.Response(
        reply.status,
        headers=reply.headers,
        stream=httpx.ByteStream(reply.body),
        extensions={"http_version": b"HTTP/1.1"},
    )
