"""The ASGI application: a thin shell that keeps the journal around routes that Starlette dispatches.

The routes, and with them Starlette and Pydantic, are loaded with the first request: their imports cost more than all
else that a test's start needs.
"""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Collection
from typing import Any, cast

from starlette.types import Receive, Scope, Send

from fake_bluejay.bluejay.published import METHODS, OPENAPI_PATH
from fake_bluejay.core.world import World
from fake_bluejay.http.calendar import real_calendar
from fake_bluejay.http.faults import BREAKAGE, ArmedFaults, Fault, response_of
from fake_bluejay.http.journal import EXCHANGE, Answer, Exchange, Journal
from fake_bluejay.http.stubs import Stubs

_log = logging.getLogger("fake_bluejay")


PATHS = frozenset({*METHODS, OPENAPI_PATH})
"""The known paths, modelled or not."""

_LIMITED_BY_ORGANISATION = ("POST /v1/evaluate", "POST /v1/evaluate-call")
"""The endpoints whose rate limit counts an organisation's requests, as documented; others count those of an address."""

_FAILED = b"Internal Server Error"
"""The framework's answer when an application fails."""


class Api:
    """Bluejay's HTTP surface over one world: an ASGI application, which waits for nothing but a request's body."""

    def __init__(
        self, world: World, journal: Journal, faults: ArmedFaults | None = None, stubs: Stubs | None = None
    ) -> None:
        self._world = world
        self._journal = journal
        self._faults = ArmedFaults() if faults is None else faults
        self._stubs = Stubs() if stubs is None else stubs
        if "freezegun" in sys.modules:  # else Pydantic might be imported first while that has replaced `datetime`
            _routes()

    def answer(self, scope: Scope, content: bytes) -> Answer:
        """Answer a request whose body is whole: by a fault, a stub, or the operation that it is for.

        A fault that breaks the connection is left in the scope's extensions, for the door to carry out.
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
        fault = self._fault_of(exchange, scope) if self._faults.faults else None
        unwritable = functools.partial(self._unwritable, exchange) if self._faults.faults else None
        # Even if a fault's answer replaces the stub's: a request met the stub.
        stubbed = self._stubs.find(scope["method"], scope["path"]) if self._stubs else None
        try:
            if fault is not None and fault.answers:
                answer = Answer.of(response_of(fault))
            elif fault is not None and fault.prevents:
                answer = Answer(503, [], b"")  # never sent: the door breaks the connection instead
            elif stubbed is not None:
                answer = Answer.of(stubbed)
            else:
                answer = _routes().answer(scope, self._world, content, unwritable)
        except UnicodeDecodeError:
            # Starlette cannot redirect an address whose query is not UTF-8; FastAPI fails there, too.
            answer = _failed()
        except Exception:
            # A bug of ours is logged, and the client gets the framework's answer.
            _log.exception("%s %s: the fake failed; nothing was changed", scope["method"], scope["path"])
            answer = _failed()
        if fault is None or not fault.prevents:
            exchange.response = answer
        self._journal.append(exchange)
        self._world.deliver()
        if (publish := self._journal.on_change) is not None:
            publish("request-answered", exchange)
        return answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request as an ASGI application."""
        if scope["type"] != "http":
            await _routes().ROUTER(scope, receive, send)
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
            return  # the client left before its request was whole
        await self.answer(scope, content)(scope, receive, send)

    def _reads_body(self, scope: Scope) -> bool:
        """Return whether FastAPI would read a request's body: only if there is an operation, and it takes one.

        Reading it makes the server send `100 Continue`, upon which the client sends the body.
        """
        if self._faults.faults or self._stubs:
            return True  # a test may look at the body afterwards
        return bool(_routes().reads_body(scope))

    def _fault_of(self, exchange: Exchange, scope: Scope) -> Fault | None:
        """Return the fault that a request meets; the scope gets the breakage of its connection."""
        counted_as = None
        if any(one.kind == "rate_limit" for one in self._faults):
            # Before `take` locks the faults: an operation locks them while it has the world's lock, which this takes.
            counted_as = self._counted_as(exchange, scope)
        fault = self._faults.take(
            exchange.path,
            # An ASGI server that is not ours has no way to break a connection.
            breakable=BREAKAGE in scope.get("extensions", ()),
            counted_as=counted_as,
        )
        if fault is not None:
            exchange.faults = (str(fault),)
            if (breakage := fault.breakage) is not None:
                scope["extensions"][BREAKAGE] = breakage
        return fault

    def _counted_as(self, exchange: Exchange, scope: Scope) -> tuple[str, str, int]:
        """Return the sender (an organisation or an address), the endpoint and the instant by which a limit counts."""
        endpoint, sender = _endpoint_name(scope), None
        if endpoint in _LIMITED_BY_ORGANISATION:
            sender = _routes().organisation_of(scope, self._world)
        return sender or _client(scope), endpoint, exchange.instant

    def _unwritable(self, exchange: Exchange, ids: Collection[int]) -> Collection[int]:
        """Return those ids, of test results to be marked, whose control objects a fault keeps from being written."""
        fault = self._faults.take_refusal(exchange.path, ids)
        if fault is None:
            return ()
        exchange.faults += (str(fault),)
        return cast(list[int], fault.arguments["ids"])


@functools.cache
def _routes() -> Any:
    """Return the module of the routes, which is loaded now."""
    with real_calendar():
        from fake_bluejay.bluejay import routes
    return routes


def _endpoint_name(scope: Scope) -> str:
    """Return the method and the path of the route that a request is for, or the request's own if there is none."""
    route = _routes().ROUTER.route_of(scope)
    return f"{scope['method']} {scope['path'] if route is None else route.path}"


def _client(scope: Scope) -> str:
    """Return the address that a request comes from; requests of doors without one come from one client."""
    return scope["client"][0] if scope.get("client") else ""


def _failed() -> Answer:
    length = (b"content-length", b"%d" % len(_FAILED))
    return Answer(500, [length, (b"content-type", b"text/plain; charset=utf-8")], _FAILED)
