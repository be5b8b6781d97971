"""The ASGI application: a thin shell that keeps the journal around routes that Starlette dispatches."""

from __future__ import annotations

import functools
import importlib
import logging
import re
from collections.abc import Collection
from typing import cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fake_bluejay.api.faults import BREAKAGE, Breakage, Fault, Faults, response_of
from fake_bluejay.api.journal import EXCHANGE, Answer, Exchange, Journal
from fake_bluejay.api.operation import STATE, Operation, Unwritable
from fake_bluejay.api.published import MODELLED_IN, ONLY_IN_SDK, OURS, PUBLISHED
from fake_bluejay.api.stubs import Stubs
from fake_bluejay.api.validation import json_error
from fake_bluejay.core.world import World

__all__ = ["Api", "operations"]

_log = logging.getLogger("fake_bluejay")


def _route(method: str, path: str, endpoint: ASGIApp) -> Route:
    route = Route(path, endpoint, methods=[method], name=path)
    route.methods = {method}  # Starlette adds HEAD to GET; FastAPI, and so Bluejay, does not
    return route


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return json_error(error.status_code, error.detail, dict(error.headers) if error.headers else None)


@functools.cache
def _operation(method: str, path: str) -> Operation:
    """The operation that is modelled there."""
    return next(one for one in _operations_in(MODELLED_IN[path]) if (one.method, one.path) == (method, path))


def _operations_in(module: str) -> list[Operation]:
    found: list[Operation] = importlib.import_module(f"fake_bluejay.api.{module}").OPERATIONS
    return found


def operations() -> list[Operation]:
    """Every operation that is modelled; which loads all of them."""
    return [one for module in sorted(set(MODELLED_IN.values())) for one in _operations_in(module)]


async def _not_modelled(scope: Scope, receive: Receive, send: Send) -> None:
    method, path = scope["method"], scope["path"]
    detail = (
        f"{method} {path} is an endpoint of Bluejay that this fake does not model. Give it an answer: "
        f'bluejay.stub("{method}", "{path}", status=200, json={{…}})'
    )
    scope[EXCHANGE].modelled = False
    await json_error(501, detail)(scope, receive, send)


class _Endpoint:
    # A class, for Starlette takes a function for an endpoint of its own kind.
    def __init__(self, method: str, path: str) -> None:
        self._called = method, path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        modelled = self._called[1] in MODELLED_IN
        await (_operation(*self._called) if modelled else _not_modelled)(scope, receive, send)


async def _openapi(request: Request) -> Response:
    from fake_bluejay.api.openapi import content

    return Response(content(), media_type="application/json")


_CALLED = [(method, path) for path, methods in {**PUBLISHED, **ONLY_IN_SDK, **OURS}.items() for method in methods]

_STATIC = {(method, path) for method, path in _CALLED if path in MODELLED_IN and "{" not in path}
"""Those whose path has no parameters: found by a look-up."""

_LAST = {
    (method, match[1]): (path, match[2])
    for method, path in _CALLED
    if path in MODELLED_IN and (match := re.fullmatch(r"([^{}]+)/\{(\w+)\}", path))
}
"""Those whose only parameter is the end of the path: found by what comes before. Gives the path, and the name."""

# One for all fakes: what differs between them travels in the scope, so a new fake costs a test nothing to set up.
_SURFACE = Starlette(
    # Paths without parameters first, or /v1/things/{id} would take /v1/things/all; then what is called most.
    routes=[
        Route("/openapi.json", _openapi),
        *(
            _route(*called, _Endpoint(*called))
            for called in sorted(_CALLED, key=lambda each: ("{" in each[1], each[1] not in MODELLED_IN))
        ),
    ],
    exception_handlers={HTTPException: _on_http_exception},
)


def _none(ids: Collection[int]) -> Collection[int]:
    return ()


class Api:
    """Bluejay's HTTP surface over one world. An ASGI application that never truly waits once the body is there."""

    def __init__(
        self, world: World, journal: Journal, faults: Faults | None = None, stubs: Stubs | None = None
    ) -> None:
        self._world = world
        self._journal = journal
        self._faults = Faults() if faults is None else faults
        self._stubs = Stubs() if stubs is None else stubs

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
        exchange = Exchange(
            self._world.settle(),
            scope["method"],
            scope["path"],
            scope.get("query_string", b"").decode("latin-1"),
            scope["headers"],
            content,
        )
        self._journal.append(exchange)
        scope[EXCHANGE] = exchange
        fault: Fault | None = None
        unwritable: Unwritable = _none
        if self._faults:
            unwritable = functools.partial(self._unwritable, exchange)
            # A door that is an ASGI server of somebody else's cannot break anything.
            fault = self._faults.take(scope["path"], breakable=BREAKAGE in scope.get("extensions", ()))
        if fault is not None:
            exchange.faults = (str(fault),)
            if fault.kind != "respond":
                scope["extensions"][BREAKAGE] = Breakage(fault.kind, **fault.arguments)  # type: ignore[arg-type]
        response: Response | _Recorder
        try:
            response = await self._answer(scope, receive, content, fault, unwritable)
        except Exception:
            # A bug of ours goes to the log, and the client gets what the framework answers then.
            _log.exception("%s %s: the fake failed; nothing was changed", scope["method"], scope["path"])
            response = PlainTextResponse("Internal Server Error", status_code=500)
        if fault is None or fault.kind != "reset":
            answer = Answer(response.status_code, response.raw_headers, bytes(response.body))
            self._journal.answered(exchange, answer)
        self._world.deliver()
        if (tell := self._journal.on_change) is not None:
            tell("request-answered", exchange)
        await send({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})
        await send({"type": "http.response.body", "body": response.body})

    async def _answer(
        self, scope: Scope, receive: Receive, content: bytes, fault: Fault | None, unwritable: Unwritable
    ) -> Response | _Recorder:
        world = self._world
        if fault is not None and fault.kind == "respond":
            return response_of(fault)
        if fault is not None and fault.kind == "reset":
            return Response(status_code=503)  # which nobody gets: the door resets the connection instead
        if self._stubs and (stubbed := self._stubs.find(scope["method"], scope["path"])):
            return stubbed
        # Whatever there is to routing beyond a look-up is Starlette's.
        method, path = scope["method"], scope["path"]
        if not scope.get("root_path"):
            if (method, path) in _STATIC:
                scope["path_params"] = {}
                return _operation(method, path).respond(world, scope, content, unwritable)
            before, _, last = path.rpartition("/")
            if last and (called := _LAST.get((method, before))):
                scope["path_params"] = {called[1]: last}
                return _operation(method, called[0]).respond(world, scope, content, unwritable)
        recorder = _Recorder()
        scope[STATE] = world, content, unwritable
        await _SURFACE(scope, receive, recorder)
        return recorder

    def _unwritable(self, exchange: Exchange, ids: Collection[int]) -> Collection[int]:
        """Of test results that are to be marked, those whose control objects a fault keeps from being written."""
        fault = self._faults.take_refusal(exchange.path, ids)
        if fault is None:
            return ()
        exchange.faults += (str(fault),)
        return cast(list[int], fault.arguments["ids"])


class _Recorder:
    """An ASGI `send` that keeps the answer."""

    def __init__(self) -> None:
        self.status_code = 500
        self.raw_headers: list[tuple[bytes, bytes]] = []
        self.body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status_code = message["status"]
            self.raw_headers = list(message["headers"])
        else:
            self.body += message.get("body", b"")
