"""The control API under `/_fake`: what a person or a test in another process may do to a fake.

Errors are JSON with a `detail` that names what was wrong: 400 for a bad value, 404 for something that is not there.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fake_bluejay.core.agents import agent_from_text
from fake_bluejay.core.clock import datetime_at
from fake_bluejay.core.dump import dump, dump_record
from fake_bluejay.core.records import Record
from fake_bluejay.core.world import World

__all__ = ["Controlled", "control_app"]


class Controlled(Protocol):
    """What the control API needs of a fake; `FakeBluejay` has it."""

    @property
    def world(self) -> World:
        """The model behind it."""
        ...


class _BadRequest(Exception):
    """What the caller sent cannot be used; the text says why."""


def control_app(fake: Controlled, reset: Callable[[], None]) -> Starlette:
    """The control API over a fake; `reset` puts it back to how it began."""
    world = fake.world

    def route(method: str, path: str, answer: Callable[[Request, Any], Any]) -> Route:
        async def endpoint(request: Request) -> Response:
            body = await _json_object(request) if method in ("POST", "PATCH", "PUT") else {}
            with world.lock:
                world.settle()
                return JSONResponse(answer(request, body))

        return Route(f"/_fake/{path}", endpoint, methods=[method], name=f"{method} {path}")

    def find(request: Request) -> Record:
        return world.result(request.path_params["id"])

    def add(request: Request, body: dict[str, Any]) -> Any:
        agent = body.pop("agent", None)
        if agent is not None:
            body["agent"] = agent_from_text(_of_type("agent", agent, str))
        return dump_record(world.add_test_result(**body))

    def advance(request: Request, body: dict[str, Any]) -> Any:
        if set(body) - {"seconds", "to"} or len(body) != 1:
            raise _BadRequest('expected {"seconds": number} or {"to": "2026-01-01T00:00:30Z"}')
        if "to" in body:
            world.advance_to(datetime.fromisoformat(_of_type("to", body["to"], str)))
        else:
            world.advance(body["seconds"])
        return clock(request, None)

    def clock(request: Request, body: Any) -> Any:
        due = world.timers.next_due()
        return {
            "now": datetime_at(world.now()).isoformat(),
            "next_due": None if due is None else datetime_at(due).isoformat(),
            "pending": len(world.timers),
        }

    def start_again(request: Request, body: Any) -> Any:
        reset()
        return clock(request, None)

    return Starlette(
        routes=[
            route("GET", "health", lambda request, body: {"status": "ok"}),
            route("GET", "state", lambda request, body: dump(world)),
            route("POST", "reset", start_again),
            route("GET", "test-results", lambda request, body: [dump_record(one) for one in world.results.values()]),
            route("POST", "test-results", add),
            route("GET", "test-results/{id:int}", lambda request, body: dump_record(find(request))),
            route("GET", "clock", clock),
            route("POST", "clock/advance", advance),
        ],
        exception_handlers={
            HTTPException: _on_error,
            _BadRequest: _on_error,
            ValueError: _on_error,
            KeyError: _on_error,
            TypeError: _on_error,
        },
    )


async def _json_object(request: Request) -> dict[str, Any]:
    content = await request.body()
    try:
        body = json.loads(content) if content else {}
    except (ValueError, RecursionError) as error:
        raise _BadRequest(f"the body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise _BadRequest(f"the body must be a JSON object, not {type(body).__name__}")
    return body


def _of_type(name: str, value: Any, type_: type) -> Any:
    if not isinstance(value, type_):
        raise _BadRequest(f"{name}: {type_.__name__} is needed, not {value!r}")
    return value


async def _on_error(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return JSONResponse({"detail": error.detail}, status_code=error.status_code, headers=error.headers)
    if isinstance(error, KeyError):
        return JSONResponse({"detail": error.args[0]}, status_code=404)
    return JSONResponse({"detail": str(error)}, status_code=400)
