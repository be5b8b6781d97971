"""The ASGI application: a thin shell that keeps the journal around routes that Starlette dispatches."""

from __future__ import annotations

import functools
import importlib
import logging
import re
from collections.abc import Collection, Coroutine
from typing import Any, cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fake_bluejay.bluejay.published import MODELLED_IN, OURS, SOURCES
from fake_bluejay.core.world import World
from fake_bluejay.http.errors import json_error
from fake_bluejay.http.faults import BREAKAGE, Breakage, Fault, Faults, response_of
from fake_bluejay.http.journal import EXCHANGE, Answer, Exchange, Journal
from fake_bluejay.http.operation import STATE, Operation, Unwritable, unwritten
from fake_bluejay.http.stubs import Stubs

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
    found: list[Operation] = importlib.import_module(f"fake_bluejay.bluejay.{module}").OPERATIONS
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
    from fake_bluejay.http.openapi import content

    return Response(content(), media_type="application/json")


_CALLED = [(method, path) for source in (*SOURCES, OURS) for path, methods in source.items() for method in methods]

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


class Api:
    """Bluejay's HTTP surface over one world: an ASGI application, which waits for nothing but a request's body."""

    def __init__(
        self, world: World, journal: Journal, faults: Faults | None = None, stubs: Stubs | None = None
    ) -> None:
        self._world = world
        self._journal = journal
        self._faults = Faults() if faults is None else faults
        self._stubs = Stubs() if stubs is None else stubs

    def answer(self, scope: Scope, content: bytes) -> Answer:
        """Answer a request whose body is whole: by a fault, a stub, or the operation that it is for.

        What breaks the connection is left in the scope's extensions, for the door to carry out.
        """
        exchange = scope[EXCHANGE] = Exchange(
            self._world.settle(),
            scope["method"],
            scope["path"],
            scope.get("query_string", b"").decode("latin-1"),
            scope["headers"],
            content,
        )
        self._journal.append(exchange)
        fault: Fault | None = None
        unwritable = unwritten
        if self._faults:
            unwritable = functools.partial(self._unwritable, exchange)
            # A door that is an ASGI server of somebody else's cannot break anything.
            fault = self._faults.take(scope["path"], breakable=BREAKAGE in scope.get("extensions", ()))
        if fault is not None:
            exchange.faults = (str(fault),)
            if fault.kind != "respond":
                scope["extensions"][BREAKAGE] = Breakage(fault.kind, **fault.arguments)  # type: ignore[arg-type]
        try:
            answer = self._answer(scope, content, fault, unwritable)
        except Exception:
            # A bug of ours goes to the log, and the client gets what the framework answers then.
            _log.exception("%s %s: the fake failed; nothing was changed", scope["method"], scope["path"])
            answer = Answer.of(PlainTextResponse("Internal Server Error", status_code=500))
        if fault is None or fault.kind != "reset":
            self._journal.answered(exchange, answer)
        self._world.deliver()
        if (tell := self._journal.on_change) is not None:
            tell("request-answered", exchange)
        return answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await _SURFACE(scope, receive, send)
            return
        if (b"expect", b"100-continue") in scope["headers"] and not self._reads_body(scope):
            await self.answer(scope, b"")(scope, receive, send)
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
        await self.answer(scope, content)(scope, receive, send)

    def _reads_body(self, scope: Scope) -> bool:
        """Return whether FastAPI would read a request's body: not where nothing takes one, nor where there is nothing.

        To read it is to tell a client that waits for `100 Continue` to send it.
        """
        if self._faults or self._stubs:
            return True  # a test may ask afterwards what was sent
        if (operation := _look_up(scope)) is not None:
            return operation.takes is not None
        return any(route.matches(scope)[0] is Match.FULL for route in _SURFACE.routes)

    def _answer(self, scope: Scope, content: bytes, fault: Fault | None, unwritable: Unwritable) -> Answer:
        if fault is not None and fault.kind == "respond":
            return Answer.of(response_of(fault))
        if fault is not None and fault.kind == "reset":
            return Answer(503, [], b"")  # which nobody gets: the door resets the connection instead
        if self._stubs and (stubbed := self._stubs.find(scope["method"], scope["path"])):
            return Answer.of(stubbed)
        if (operation := _look_up(scope)) is not None:
            return operation.respond(self._world, scope, content, unwritable)
        recorder = _Recorder()
        scope[STATE] = self._world, content, unwritable
        try:
            _step(_SURFACE(scope, _nothing_more, recorder))
        except UnicodeDecodeError:
            # Starlette cannot redirect an address whose query is not UTF-8, so FastAPI fails on it, too.
            return Answer.of(PlainTextResponse("Internal Server Error", status_code=500))
        return recorder.answer

    def _unwritable(self, exchange: Exchange, ids: Collection[int]) -> Collection[int]:
        """Of test results that are to be marked, those whose control objects a fault keeps from being written."""
        fault = self._faults.take_refusal(exchange.path, ids)
        if fault is None:
            return ()
        exchange.faults += (str(fault),)
        return cast(list[int], fault.arguments["ids"])


def _look_up(scope: Scope) -> Operation | None:
    """The operation that a request is for. None if there is more to finding it than a look-up: that is Starlette's."""
    if scope.get("root_path"):
        return None
    method, path = called = scope["method"], scope["path"]
    if called in _STATIC:
        scope["path_params"] = {}
        return _operation(method, path)
    before, _, last = path.rpartition("/")
    if not last or (found := _LAST.get((method, before))) is None:
        return None
    scope["path_params"] = {found[1]: last}
    return _operation(method, found[0])


def _step(answering: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that never waits to its end."""
    try:
        answering.send(None)
    except StopIteration:
        return
    raise RuntimeError("the fake's application waited, which it never does; this is a bug of fake-bluejay")


async def _nothing_more() -> Message:
    """An ASGI `receive`, of a body that has been read."""
    return {"type": "http.request", "body": b"", "more_body": False}


class _Recorder:
    """An ASGI `send` that keeps the answer."""

    def __init__(self) -> None:
        self.answer = Answer(500, [], b"")

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.answer = Answer(message["status"], list(message["headers"]), b"")
        else:
            self.answer.content += message.get("body", b"")
