"""What a server serves: the control API under `/_fake`, and Bluejay everywhere else."""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from fake_bluejay.control.app import control_app
from fake_bluejay.core.world import World

__all__ = ["served_app"]


def served_app(world: World, api: ASGIApp, reset: Callable[[], None]) -> ASGIApp:
    """One ASGI application of both surfaces."""
    control = control_app(world, reset)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        to_control = scope["type"] == "http" and (scope["path"] + "/").startswith("/_fake/")
        await (control if to_control else api)(scope, receive, send)

    return app
