"""A fake as a server serves it: the control API under `/_fake`, Bluejay everywhere else, broken connections."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fake_bluejay.bluejay.service import Service
from fake_bluejay.core.clock import ScaledClock
from fake_bluejay.core.world import World
from fake_bluejay.http.calendar import real_calendar
from fake_bluejay.http.faults import BREAKAGE, Breakage
from fake_bluejay.server.gate import Gate
from fake_bluejay.server.protocol import CONNECTION, Connection

_SERVERS_OWN = {b"date", b"server"}
"""The headers that uvicorn adds to every answer."""


def served_app(service: Service, reset: Callable[[], None]) -> ASGIApp:
    """Return one ASGI application of both surfaces, for a server on loopback.

    Args:
        service: The service to serve.
        reset: Puts the service back to how it began.
    """
    surface, gate = Surface(service, reset), Gate("127.0.0.1")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if is_control(scope) and (refusal := gate.refusal(scope)):
            await refusal(scope, receive, send)
        else:
            await surface(scope, receive, send)

    return app


def is_control(scope: Scope) -> bool:
    """Return whether a request is for the control API, or for the console, and not for Bluejay."""
    path: str = scope.get("path", "")
    return path.startswith("/_fake/") or path == "/_fake" or (path in ("/", "/favicon.ico") and _is_browsing(scope))


def _is_browsing(scope: Scope) -> bool:
    """Return whether a person's browser has opened the server's root, or wants the icon that belongs to a page.

    Bluejay has neither, and code under test asks for neither.
    """
    if scope["method"] not in ("GET", "HEAD"):
        return False
    headers = dict(scope["headers"])
    if scope["path"] == "/":
        return b"text/html" in headers.get(b"accept", b"")
    return headers.get(b"sec-fetch-dest") == b"image"


class Surface:
    """A service as one ASGI application: Bluejay's API, the control API, and the faults that break a connection."""

    def __init__(self, service: Service, reset: Callable[[], None]) -> None:
        self.service = service
        self.reset = reset
        self.api = service.app

    @functools.cached_property
    def control(self) -> ASGIApp:
        """The control API, which is loaded with the first request to it: its models cost a quarter of a start."""
        with real_calendar():
            from fake_bluejay.control.app import control_app
        return control_app(self.service, self.reset)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or break its connection where a fault says so."""
        if is_control(scope):
            await self.control(scope, receive, send)
            return
        extensions = scope.setdefault("extensions", {})
        extensions[BREAKAGE] = None

        async def send_broken(message: Message) -> None:
            breakage: Breakage | None = extensions[BREAKAGE]
            if breakage is not None and await _break(breakage, message, scope, receive, send, self.service.world):
                return
            brought = {name for name, _ in message.get("headers", ())} & _SERVERS_OWN
            if brought:  # a fault's headers replace the server's own
                extensions[CONNECTION].omit_server_headers(brought)
            await send(message)

        await self.api(scope, receive, send_broken)


async def _break(
    breakage: Breakage, message: Message, scope: Scope, receive: Receive, send: Send, world: World
) -> bool:
    """Break the connection as a fault says. Return whether the message is not to be sent any more."""
    begins = message["type"] == "http.response.start"
    if begins and breakage.seconds and await _leaves_within(breakage.seconds, receive, world):
        return True
    if breakage.end is None or (begins and breakage.instead is None):
        return False
    if not begins and breakage.instead is not None:
        return True  # the connection has ended already
    connection: Connection = scope["extensions"][CONNECTION]
    if breakage.instead is None:
        await send({**message, "body": message["body"][: breakage.body], "more_body": True})
    if breakage.end == "reset":
        connection.abort(reset=True)
    else:
        connection.close(breakage.instead or b"")
    return True


async def _leaves_within(seconds: float, receive: Receive, world: World) -> bool:
    """Wait so long, in the clock's seconds if it follows real time; true at once if the client leaves meanwhile."""
    speed = world.clock.speed if isinstance(world.clock, ScaledClock) else 1
    try:
        async with asyncio.timeout(seconds / speed if speed else seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True
