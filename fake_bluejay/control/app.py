"""The control API under `/_fake`, by which a person or a test in another process controls a fake.

Errors are JSON with a `detail` that names what was wrong and what was expected: 400 for a bad value, 404 for something
that is not there, 405 with `allow` for a method that a path does not have.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, NoReturn

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from fake_bluejay.bluejay.service import Service
from fake_bluejay.control import models
from fake_bluejay.control.events import EventStream
from fake_bluejay.control.operations import OPERATIONS, Control, ControlCall, ControlOperation, NothingThere
from fake_bluejay.control.page import console_file, icon, reference
from fake_bluejay.core import errors as domain
from fake_bluejay.core.suggest import unknown
from fake_bluejay.state.commands import validated

_log = logging.getLogger("fake_bluejay")


def control_app(service: Service, reset: Callable[[], None]) -> ASGIApp:
    """Return the control API over a service; `reset` puts it back to how it began."""
    control = Control(service, reset)
    paths: dict[str, dict[str, ControlOperation]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = operation
    routes = [
        *(Route(f"/{path}", _Path(control, operations)) for path, operations in paths.items()),
        Route("/events", _Events(control)),
        Route("/openapi.json", _openapi),
        Route("/", console_file),
        Route("/docs", reference),
        Route("/console/{name}", console_file),
        Route("/bluejay-openapi.json", _bluejay_openapi),
    ]
    # Starlette redirects from /_fake to /_fake/, and from a path with a trailing slash to the one without.
    router = Router([Mount("/_fake", routes=routes), Route("/", _to_console), Route("/favicon.ico", icon)])

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = app  # by which Starlette's routes know that their `HTTPException`s are answered
        try:
            await router(scope, receive, send)
        except HTTPException as error:
            await _refusal(scope["path"], error)(scope, receive, send)

    return app


class _Path:
    """The operations of one path, as an ASGI application."""

    def __init__(self, control: Control, operations: dict[str, ControlOperation]) -> None:
        self._control = control
        self._operations = operations
        methods = {*operations, "HEAD"} if "GET" in operations else set(operations)
        self._allow = ", ".join(sorted(methods))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        method = "GET" if request.method == "HEAD" else request.method
        operation = self._operations.get(method)
        if operation is None:
            detail = f"Method Not Allowed: {request.method} is not for {request.url.path}, which takes {self._allow}"
            raise HTTPException(405, detail, {"allow": self._allow})
        await (await self._answer(operation, request))(scope, receive, send)

    async def _answer(self, operation: ControlOperation, request: Request) -> Response:
        world = self._control.world
        try:
            call = ControlCall(str(request.base_url).removesuffix("/_fake/"), **request.path_params)
            called = f"{operation.method} {operation.path}"
            call.query = _query(self._control, request, operation.query, called, for_one=operation.for_one)
            if operation.takes is not None:
                call.body = validated(operation.takes, json_object(await request.body()))
            if operation.first is not None:
                await operation.first(self._control, call)
            with world.lock if operation.locked else nullcontext():
                world.settle()
                answer = operation.answer(self._control, call)
            world.deliver()
            return _json(answer, operation.status, call.headers)
        except (ValueError, NothingThere, domain.DomainError) as error:
            return _mistake(error)
        except Exception:
            _log.exception("%s %s: the fake failed", request.method, request.url.path)
            return _json({"detail": "the fake failed; its log says how. This is a bug of the fake"}, 500)


class _Events:
    """The event stream, for a request whose parameters are valid."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._stream = EventStream(control.service.events)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer: ASGIApp = self._stream
        try:
            _query(self._control, Request(scope), models.Query, "GET events")
        except (ValueError, NothingThere) as error:
            answer = _mistake(error)
        await answer(scope, receive, send)


def _query(
    control: Control, request: Request, model: type[models.Query], called: str, *, for_one: bool = False
) -> models.Query:
    """Return the parameters of a request.

    Args:
        control: The fake under control.
        request: The request.
        model: The parameters that it may have.
        called: The method and the path, for the message.
        for_one: True if the request can be for one of the organisations that share a world.

    Raises:
        ValueError: A parameter is unknown, not valid or there twice, or the request would affect other organisations.
        NothingThere: No organisation has the name. Organisations with a world of their own do not come here.
    """
    query = validated(model, each_once(request.query_params.multi_items()), "parameter")
    name, organisations = query.organisation, control.world.organisations
    if name is not None and name not in organisations:
        raise NothingThere(unknown("organisation", name, organisations))
    if name is not None and not for_one:
        raise ValueError(
            f"the organisation {name!r} shares its world with others, so {called} cannot be for it alone:"
            " leave the organisation out"
        )
    return query


def _mistake(error: Exception) -> Response:
    """Return the answer to a request that is not valid, or names something that does not exist."""
    return _json({"detail": str(error)}, 404 if isinstance(error, (NothingThere, domain.NotFound)) else 400)


def _json(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    # In ASCII, for bodies in the journal may have lone surrogates, which UTF-8 cannot encode.
    content = json.dumps(data, separators=(",", ":"), default=str)
    return Response(content, status, headers, "application/json")


def json_object(content: bytes) -> dict[str, Any]:
    """Return the object that a body holds, or an empty one without a body.

    Raises:
        ValueError: The body is no JSON object, or in one of its objects a name is there twice.
    """
    try:
        body = json.loads(content, parse_constant=_no_constant, object_pairs_hook=each_once) if content else {}
    except _TwiceError:
        raise
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise ValueError(f"the body must be a JSON object, not {type(body).__name__}")
    return body


class _TwiceError(ValueError):
    """A name is given twice, of which only one could count."""


def each_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return names with their values.

    Raises:
        ValueError: A name is there twice.
    """
    names = dict(pairs)
    if len(names) < len(pairs):
        [(twice, _)] = Counter(name for name, _ in pairs).most_common(1)
        raise _TwiceError(f"{twice!r} is there twice, and only one of them could count: give it once")
    return names


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


async def _openapi(request: Request) -> Response:
    from fake_bluejay.control.openapi import document

    return _json(document())


async def _bluejay_openapi(request: Request) -> Response:
    """Answer with Bluejay's own document for the reference, without an entry in the journal."""
    from fake_bluejay.bluejay.openapi import content

    return Response(content(), media_type="application/json")


async def _to_console(request: Request) -> Response:
    return RedirectResponse(f"{request.scope.get('root_path', '')}/_fake/")


def _refusal(path: str, error: HTTPException) -> Response:
    detail = error.detail
    if error.status_code == 404:
        detail = f"Not Found: there is nothing at {path[:200]}; /_fake/openapi.json says what there is under /_fake"
    return _json({"detail": detail}, error.status_code, dict(error.headers or {}))
