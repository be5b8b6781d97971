"""`GET /v1/ping`: whether Bluejay is there."""

from __future__ import annotations

from typing import Any

from fake_bluejay import __version__
from fake_bluejay.http.operation import ApiCall, Operation


def ping(call: ApiCall) -> dict[str, str]:
    """Answer that the service is there, with the version of its code: here, the fake's."""
    # No documentation has the message: it is this project's, and clients must not rely on it.
    return {"message": "pong", str(call.world.readings.ping_names): __version__}


OPERATIONS = [Operation("GET", "/v1/ping", ping, returns=Any, needs_key=False)]
