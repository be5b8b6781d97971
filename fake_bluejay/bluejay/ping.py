"""`GET /v1/ping`: whether Bluejay is there."""

from __future__ import annotations

from typing import Any

from fake_bluejay.http.operation import Call, Operation

__all__ = ["OPERATIONS"]


def ping(call: Call) -> dict[str, str]:
    """It is. What it says is nowhere documented: ours, and nothing for a client to rely on."""
    return {"message": "pong"}


OPERATIONS = [Operation("GET", "/v1/ping", ping, returns=Any)]
