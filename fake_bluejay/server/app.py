"""What a server serves: the control API under `/_fake`, and Bluejay everywhere else, its faults carried out."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fake_bluejay.api.faults import BREAKAGE, GARBAGE, Breakage
from fake_bluejay.control.app import control_app
from fake_bluejay.core.clock import ScaledClock
from fake_bluejay.core.world import World

__all__ = ["served_app"]


def served_app(world: World, api: ASGIApp, reset: Callable[[], None]) -> ASGIApp:
    """One ASGI application of both surfaces, for uvicorn."""
    control = control_app(world, reset)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (scope["path"] + "/").startswith("/_fake/"):
            await control(scope, receive, send)
            return
        extensions = scope.setdefault("extensions", {})
        extensions[BREAKAGE] = None

        async def send_broken(message: Message) -> None:
            breakage: Breakage | None = extensions[BREAKAGE]
            if breakage is not None and await _break(breakage, message, send, world):
                return
            await send(message)

        await api(scope, receive, send_broken)

    return app


async def _break(breakage: Breakage, message: Message, send: Any, world: World) -> bool:
    """Carry a fault out on a socket. Says whether the message is not to be sent any more."""
    begins = message["type"] == "http.response.start"
    # The connection itself is uvicorn's, and no part of ASGI.
    transport: asyncio.Transport = send.__self__.transport
    match breakage.kind:
        case "delay":
            if begins:
                speed = world.clock.speed if isinstance(world.clock, ScaledClock) else 1.0
                await asyncio.sleep(breakage.seconds / speed if speed else breakage.seconds)
            return False
        case "truncate":
            if not begins:
                await send({**message, "body": message["body"][: breakage.bytes], "more_body": True})
                transport.close()
            return not begins
        case "reset":
            if begins:
                _linger_not(transport)
                transport.abort()
        case "garbage":
            if begins:
                transport.write(GARBAGE)
                transport.close()
        case "lose_response":
            if begins:
                transport.close()
    return True


def _linger_not(transport: asyncio.Transport) -> None:
    """Closing sends a reset then, not an orderly end."""
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
