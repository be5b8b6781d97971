"""`GET /v1/ping`: a sign of life."""

from __future__ import annotations

from typing import Any

from fake_bluejay import __version__
from fake_bluejay.bluejay.resources import Operations
from fake_bluejay.http.operation import ApiCall

operations = Operations()


@operations.operation("GET", "/v1/ping", needs_key=False)
def ping(call: ApiCall) -> Any:
    """Answer that the service is there, with the version of its code: here, the fake's."""
    # No documentation has the message: it is this project's, and clients must not rely on it.
    return {"message": "pong", str(call.world.readings.ping_names): __version__}
