"""The ASGI application: a thin shell that keeps the journal around routes that Starlette dispatches."""

from __future__ import annotations

import logging
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from fake_bluejay.api.endpoints import STATE, Endpoint, end_conversations, retrieve_simulation_result
from fake_bluejay.api.journal import Answer, Exchange, Journal
from fake_bluejay.api.validation import json_error
from fake_bluejay.core.world import World

__all__ = ["Api"]

_log = logging.getLogger("fake_bluejay")


def _route(method: str, path: str, endpoint: Endpoint) -> Route:
    route = Route(path, endpoint, methods=[method], name=path)
    route.methods = {method}  # Starlette adds HEAD to GET; FastAPI, and so Bluejay, does not
    return route


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return json_error(error.status_code, error.detail, dict(error.headers) if error.headers else None)


# One for all fakes: what differs between them travels in the scope, so a new fake costs a test nothing to set up.
_SURFACE = Starlette(
    routes=[
        _route("POST", "/v1/end-conversations", Endpoint(end_conversations, has_body=True)),
        _route(
            "GET",
            "/v1/retrieve-simulation-result/{test_result_id}",
            Endpoint(retrieve_simulation_result, has_body=False),
        ),
    ],
    exception_handlers={HTTPException: _on_http_exception},
)


class Api:
    """Bluejay's HTTP surface over one world. An ASGI application that never truly waits once the body is there."""

    def __init__(self, world: World, journal: Journal) -> None:
        self._world = world
        self._journal = journal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await _SURFACE(scope, receive, send)
            return
        message = await receive()
        content: bytes = message.get("body", b"")
        if message.get("more_body"):
            parts = [content]
            while message.get("more_body"):
                message = await receive()
                parts.append(message.get("body", b""))
            content = b"".join(parts)
        if message["type"] == "http.disconnect":
            return  # the client left before its request was whole, so nothing was asked
        world = self._world
        world.settle()
        exchange = Exchange(
            world.now(),
            scope["method"],
            scope["path"],
            scope.get("query_string", b"").decode("latin-1"),
            scope["headers"],
            content,
        )
        self._journal.append(exchange)
        recorder = _Recorder()
        scope[STATE] = world, content
        try:
            await _SURFACE(scope, receive, recorder)
        except Exception:
            # Starlette has sent its 500 by then: a bug of ours goes to the log, not to the client or the door.
            _log.exception("%s %s: the fake failed; nothing was changed", scope["method"], scope["path"])
        exchange.response = Answer(recorder.status, recorder.headers, recorder.body)
        await send({"type": "http.response.start", "status": recorder.status, "headers": recorder.headers})
        await send({"type": "http.response.body", "body": recorder.body})


class _Recorder:
    """An ASGI `send` that keeps the answer."""

    __slots__ = ("body", "headers", "status")

    def __init__(self) -> None:
        self.status = 500
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = list(message["headers"])
        else:
            self.body += message.get("body", b"")


def scope_for(
    method: str, scheme: str, host: str, port: int, path: bytes, headers: list[tuple[bytes, bytes]]
) -> dict[str, Any]:
    """The ASGI scope of a request that never was on a socket. `path` is the raw target, percent-encoded, with query."""
    from urllib.parse import unquote

    raw_path, _, query = path.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": scheme,
        "path": unquote(raw_path.decode("ascii")),
        "raw_path": raw_path,
        "root_path": "",
        "query_string": query,
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": (host, port),
    }
