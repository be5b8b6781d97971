"""The ASGI application: a thin shell that keeps the journal around routes that Starlette dispatches."""

from __future__ import annotations

import functools
import logging
from collections.abc import Collection, Coroutine, Sequence
from typing import Any, cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Match, Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fake_bluejay.bluejay.modules import operation_at, operations
from fake_bluejay.bluejay.published import METHODS, MODELLED_IN
from fake_bluejay.core.world import World
from fake_bluejay.http.errors import json_error
from fake_bluejay.http.faults import BREAKAGE, Fault, Faults, response_of
from fake_bluejay.http.journal import EXCHANGE, Answer, Exchange, Journal
from fake_bluejay.http.operation import STATE, Unwritable, unwritten
from fake_bluejay.http.stubs import Stubs

__all__ = ["OPENAPI_PATH", "PATHS", "Api", "operations"]

_log = logging.getLogger("fake_bluejay")


class _Route(Route):
    """A route of one method, as FastAPI has them: Starlette's own adds HEAD to GET."""

    def __init__(self, method: str, path: str) -> None:
        super().__init__(path, _Endpoint(method, path), methods=[method], name=path)
        self.methods = {method}


class _Router(Router):
    """Starlette's router, which looks a path up before it tries patterns.

    A path without parameters is found as it is. No path has a parameter in its first two segments, so for others those
    say which few routes can be meant; among these Starlette's own router decides, and answers 404, 405 and 307.
    """

    def __init__(self, routes: Sequence[Route]) -> None:
        super().__init__()
        self._none = Router()
        begun: dict[str, list[Route]] = {}
        for route in routes:
            begun.setdefault(_beginning(route.path), []).append(route)
        self._exact = {(method, route.path): route for route in routes for method in route.methods or ()}
        self._among = {beginning: Router(some) for beginning, some in begun.items()}

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by the route of the path; or else by those that begin as it does, as a router of these."""
        if scope["type"] != "http":
            await super().app(scope, receive, send)
            return
        if (route := self._exact.get((scope["method"], _path_in(scope)))) is not None:
            scope["path_params"] = {}
            await route.app(scope, receive, send)
            return
        await self._among.get(_beginning(_path_in(scope)), self._none).app(scope, receive, send)

    def endpoint_of(self, scope: Scope) -> Any:
        """Return the endpoint that answers a request; None if it is refused before."""
        route = self.route_of(scope)
        return None if route is None else route.endpoint

    def route_of(self, scope: Scope) -> Route | None:
        """Return the route that a request is for; None if it is refused before."""
        among = self._among.get(_beginning(_path_in(scope)), self._none)
        routes = (route for route in among.routes if isinstance(route, Route))
        return next((route for route in routes if route.matches(scope)[0] is Match.FULL), None)


def _path_in(scope: Scope) -> str:
    path: str = scope["path"]
    return path.removeprefix(root) if (root := scope.get("root_path")) else path


def _beginning(path: str) -> str:
    """Return the first two segments of a path."""
    return "/".join(path.split("/", 3)[:3])


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return json_error(error.status_code, error.detail, dict(error.headers) if error.headers else None)


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

    @property
    def takes_nothing(self) -> bool:
        """Whether it is modelled, and no request to it has a body that would be read."""
        operation = operation_at(*self._called)
        return operation is not None and operation.takes is None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (operation_at(*self._called) or _not_modelled)(scope, receive, send)


async def _openapi(request: Request) -> Response:
    from fake_bluejay.bluejay.openapi import content

    return Response(content(), media_type="application/json")


OPENAPI_PATH = "/openapi.json"
"""Where the OpenAPI document of what is modelled is."""

PATHS = frozenset({*METHODS, OPENAPI_PATH})
"""Every path that is known, modelled or not."""

_CALLED = sorted(
    ((method, path) for path, methods in METHODS.items() for method in methods),
    # Paths without parameters first, or /v1/things/{id} would take /v1/things/all; then what is called most.
    key=lambda each: ("{" in each[1], each[1] not in MODELLED_IN),
)
_ROUTER = _Router([Route(OPENAPI_PATH, _openapi), *(_Route(*each) for each in _CALLED)])


class _Surface(Starlette):
    """The application around the router. What an operation raises by mistake is for `Api` to log and to answer."""

    def build_middleware_stack(self) -> ASGIApp:
        """Build the application that turns an `HTTPException` into an answer, and leave the rest out."""
        return ExceptionMiddleware(_ROUTER, {HTTPException: _on_http_exception})


# One for all fakes: what differs between them travels in the scope, so a new fake costs a test nothing to set up.
_SURFACE = _Surface()


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
        now = self._world.settle()
        exchange = scope[EXCHANGE] = Exchange(
            now,
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
            fault = self._faults.take(
                scope["path"],
                breakable=BREAKAGE in scope.get("extensions", ()),
                exceeds=lambda limit: limit.exceeded(_client(scope), _endpoint_name(scope), now),
            )
        if fault is not None:
            exchange.faults = (str(fault),)
            if (breakage := fault.breakage) is not None:
                scope["extensions"][BREAKAGE] = breakage
        # Also if a fault takes its place: a request met it.
        stubbed = self._stubs.find(scope["method"], scope["path"]) if self._stubs else None
        try:
            answer = self._answer(scope, content, fault, stubbed, unwritable)
        except Exception:
            # A bug of ours goes to the log, and the client gets what the framework answers then.
            _log.exception("%s %s: the fake failed; nothing was changed", scope["method"], scope["path"])
            answer = Answer.of(PlainTextResponse("Internal Server Error", status_code=500))
        if fault is None or not fault.prevents:
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
        endpoint = _ROUTER.endpoint_of(scope)
        return endpoint is not None and not (isinstance(endpoint, _Endpoint) and endpoint.takes_nothing)

    def _answer(
        self, scope: Scope, content: bytes, fault: Fault | None, stubbed: Response | None, unwritable: Unwritable
    ) -> Answer:
        if fault is not None and fault.answers:
            return Answer.of(response_of(fault))
        if fault is not None and fault.prevents:
            return Answer(503, [], b"")  # which nobody gets: the door breaks the connection instead
        if stubbed is not None:
            return Answer.of(stubbed)
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


def _endpoint_name(scope: Scope) -> str:
    """Return the method and the path of the route that a request is for, or the request's own if there is none."""
    route = _ROUTER.route_of(scope)
    return f"{scope['method']} {scope['path'] if route is None else route.path}"


def _client(scope: Scope) -> str:
    """Return the address that a request comes from; requests of doors without one come from one client."""
    return scope["client"][0] if scope.get("client") else ""


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
