"""`GET /v1/ping`: whether Bluejay is there."""

from __future__ import annotations

from typing import Any

from fake_bluejay import __version__
from fake_bluejay.http.operation import ApiCall, Operation

__all__ = ["OPERATIONS"]


def ping(call: ApiCall) -> dict[str, str]:
    """Say that the service is there, and which version of its code answers: here, the fake's."""
    # The message is nowhere documented: ours, and nothing for a client to rely on.
    return {"message": "pong", str(call.world.readings.ping_names): __version__}


OPERATIONS = [Operation("GET", "/v1/ping", ping, returns=Any, needs_key=False)]
