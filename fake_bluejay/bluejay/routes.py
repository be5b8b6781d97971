"""The routes of all operations that are known, which Starlette dispatches: loaded with the first request."""

from __future__ import annotations

import functools
from collections.abc import Coroutine, Iterator, Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match, Route, Router
from starlette.types import Message, Receive, Scope, Send

from fake_bluejay.bluejay.models.wire import Wire
from fake_bluejay.bluejay.modules import operation_at
from fake_bluejay.bluejay.published import EXPORT_PATH, HOST, METHODS, MODELLED_IN, OPENAPI_PATH, OTLP_HOST
from fake_bluejay.core.world import World
from fake_bluejay.http.calendar import is_frozen_by_freezegun, real_calendar
from fake_bluejay.http.errors import json_error
from fake_bluejay.http.journal import EXCHANGE, Answer
from fake_bluejay.http.operation import STATE, ApiCall, Operation, RequestHeaders, Unwritable, key_in


class _Route(Route):
    """A route of one method, as FastAPI has them: Starlette's own adds HEAD to GET."""

    def __init__(self, method: str, path: str) -> None:
        super().__init__(path, _Endpoint(method, path), methods=[method], name=path)
        self.methods = {method}


class _Router(Router):
    """Bluejay's surface: Starlette's router, which looks a path up before it tries patterns.

    A path without parameters is found as it is. No path has a parameter in its first two segments, so for others those
    say which few routes can be meant; among these Starlette's own router decides, and answers 404, 405 and 307. Routes
    are made with the first request for one of them: to make one compiles a pattern, and a test uses few of them.

    This application is no `Starlette`. Tools that trace servers, such as Sentry, replace that class or its methods, and
    would report the fake as a server of the user's. Its middleware is for applications that may have begun to answer;
    here nothing has been sent.

    Args:
        published: The method and the path of each operation, in the order in which routes are tried.
        others: Further routes.
    """

    def __init__(self, published: Sequence[tuple[str, str]], others: Sequence[Route]) -> None:
        super().__init__()
        self._exact: dict[tuple[str, str], _Endpoint] = {}
        self.made: dict[str, Router] = {_beginning(route.path): Router([route]) for route in others}
        """The first two segments of a path → the routes that begin so, if a request has needed them."""
        self._published: dict[str, list[tuple[str, str]]] = {}
        for method, path in published:
            self._published.setdefault(_beginning(path), []).append((method, path))
            if "{" not in path:
                self._exact[method, path] = _Endpoint(method, path)

    def answer(self, call: ApiCall) -> Answer:
        """Return the answer of the route that a call is for: without a coroutine, where its path is found as it is."""
        scope = call.scope
        if (endpoint := self._exact.get((scope["method"], _path_in(scope)))) is not None:
            return endpoint.answer(call)
        scope[STATE] = call
        _step(self(scope, _nothing_more, call.record))
        del scope[STATE]  # they refer to each other: free both at once
        return call.answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by the routes that begin as the path does, as a router of these.

        What an operation raises by mistake is for `Api` to log and to answer.
        """
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
        else:
            scope["app"] = self  # by which Starlette's routes know that their `HTTPException`s are answered
            try:
                await self._among(scope).app(scope, receive, send)
            except HTTPException as error:
                headers = dict(error.headers) if error.headers else None
                await json_error(error.status_code, error.detail, headers)(scope, receive, send)

    def _among(self, scope: Scope) -> Router:
        """Return a router of the routes whose first two segments are those of a request's path."""
        beginning = _beginning(_path_in(scope))
        if beginning in self.made:
            return self.made[beginning]
        if beginning not in self._published:
            return _NO_ROUTES
        return self.made.setdefault(beginning, Router([_Route(*each) for each in self._published[beginning]]))

    def route_of(self, scope: Scope) -> Route | None:
        """Return the route that a request is for; None if it is refused before."""
        routes = (route for route in self._among(scope).routes if isinstance(route, Route))
        return next((route for route in routes if route.matches(scope)[0] is Match.FULL), None)


_NO_ROUTES = Router()


def _path_in(scope: Scope) -> str:
    path: str = scope["path"]
    return path.removeprefix(root) if (root := scope.get("root_path")) else path


def _beginning(path: str) -> str:
    """Return the first two segments of a path."""
    return "/".join(path.split("/", 3)[:3])


def _not_modelled(scope: Scope) -> Answer:
    method, path = scope["method"], scope["path"]
    detail = (
        f"{method} {path} is an endpoint of Bluejay that this fake does not model. Give it an answer: "
        f'bluejay.stub("{method}", "{path}", status=200, json={{…}})'
    )
    scope[EXCHANGE].modelled = False
    return Answer.of(json_error(501, detail))


class _Endpoint:
    # A class, for Starlette would treat a function as a request-response endpoint.
    def __init__(self, method: str, path: str) -> None:
        self._called = method, path

    @property
    def takes_nothing(self) -> bool:
        """True if it is modelled, and reads no request's body."""
        operation = operation_at(*self._called)
        return operation is not None and operation.takes is None and not operation.reads_bytes

    def answer(self, call: ApiCall) -> Answer:
        operation = operation_at(*self._called)
        if operation is None:
            return _not_modelled(call.scope)
        if is_frozen_by_freezegun():
            _build(operation)
        return operation.respond(call)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The answer is left with the call: messages would only be put together again.
        call: ApiCall = scope[STATE]
        call.answer = self.answer(call)


def _build(operation: Operation) -> None:
    """Build by the real calendar what the operation would build with its first use: its models and parameters."""
    with real_calendar():
        for model in _derived_from(Wire):
            if not model.__pydantic_complete__:
                model.model_rebuild()
        for parameter in (*operation.in_path.values(), *operation.in_query.values()):
            parameter.build()


def _derived_from(model: type[Wire]) -> Iterator[type[Wire]]:
    for one in model.__subclasses__():
        yield one
        yield from _derived_from(one)


class _OpenApi:
    """The endpoint of the OpenAPI document."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from fake_bluejay.bluejay.openapi import content

        await Response(content(), media_type="application/json")(scope, receive, send)


_CALLED = sorted(
    ((method, path) for path, methods in METHODS.items() for method in methods),
    # Paths without parameters first, else /v1/things/{id} would match /v1/things/all; then the ones called most.
    key=lambda each: ("{" in each[1], each[1] not in MODELLED_IN),
)
# One router for all fakes: their differences are in the scope, so a new fake costs a test nothing to set up.
ROUTER = _Router(_CALLED, [Route(OPENAPI_PATH, _OpenApi(), methods=["GET"])])


def answer(scope: Scope, world: World, content: bytes, unwritable: Unwritable | None) -> Answer:
    """Return the answer of the route that a request is for.

    Args:
        scope: The request.
        world: The world that answers it.
        content: Its body, whole.
        unwritable: Returns the ids of test results whose control objects a fault keeps from being written.
    """
    headers = _headers(scope)
    if (elsewhere := _of_another_host(scope, headers)) is not None:
        return Answer.of(elsewhere)
    return ROUTER.answer(ApiCall(world, scope, headers, content, unwritable))


def organisation_of(scope: Scope, world: World) -> str | None:
    """Return the organisation whose key a request has; None if it has none that is known."""
    key = key_in(_headers(scope), world.readings)
    return None if key is None else world.organisation_of(key)


def _headers(scope: Scope) -> RequestHeaders:
    return dict(reversed(scope["headers"]))  # so that the first of one name counts, as with Starlette


def _of_another_host(scope: Scope, headers: RequestHeaders) -> Response | None:
    """Return the refusal of a request to one of Bluejay's hosts that another of them takes; None if there is none.

    A server of the fake's takes all, whatever it is called.
    """
    name = _host_name(headers.get(b"host", b""))
    exports = scope["path"] == EXPORT_PATH
    if name == _OTLP_HOST and not (exports and scope["method"] == "POST"):
        return json_error(405, "Method Not Allowed", {"allow": "POST"}) if exports else json_error(404, "Not Found")
    if exports and name == _HOST and scope["method"] == "POST":
        return json_error(405, "Method Not Allowed", {"allow": "GET"})
    return None


_HOST, _OTLP_HOST = HOST.encode(), OTLP_HOST.encode()


@functools.lru_cache(maxsize=64)
def _host_name(host: bytes) -> bytes:
    """Return the name in a `Host` header, without the port."""
    return host.partition(b":")[0].removesuffix(b".").lower()


def reads_body(scope: Scope) -> bool:
    """Return whether a request is for an operation that may take a body."""
    route = ROUTER.route_of(scope)
    return route is not None and not (isinstance(route.endpoint, _Endpoint) and route.endpoint.takes_nothing)


def _step(answering: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that never waits to its end."""
    try:
        answering.send(None)
    except StopIteration:
        return
    raise RuntimeError("the fake's application waited, which it never does; this is a bug of fake-bluejay")


async def _nothing_more() -> Message:
    """Return the message of an ASGI `receive` after the whole body."""
    return {"type": "http.request", "body": b"", "more_body": False}
