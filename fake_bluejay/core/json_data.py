"""Copies of JSON-ready data, and JSON-ready data made of the values that a test gives."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime
from typing import Any
from uuid import UUID

_ATOMS = frozenset({str, int, float, bool, type(None)})


def copied(value: Any) -> Any:
    """Return a copy of JSON-ready data that shares no list or object with the original.

    `deepcopy` would do, but it also preserves the identity of objects that occur twice. JSON has no such identity, and
    the bookkeeping for it takes most of the time of a dump. Values of other types are left to `deepcopy`.
    """
    kind = type(value)
    if kind is dict:
        return {name: one if type(one) in _ATOMS else copied(one) for name, one in value.items()}
    if kind is list:
        return [one if type(one) in _ATOMS else copied(one) for one in value]
    return value if kind in _ATOMS else deepcopy(value)


def encoded(what: str, value: Any) -> bytes:
    """Return a value as compact JSON, with datetimes and UUIDs as texts.

    Args:
        what: The value in words, for messages: `a payload`.
        value: The value.

    Raises:
        TypeError: It is not JSON.
    """

    def plain(one: Any) -> Any:
        if isinstance(one, datetime):
            return one.isoformat().replace("+00:00", "Z")
        if isinstance(one, UUID):
            return str(one)
        if isinstance(one, Mapping):
            return dict(one)
        raise TypeError(f"{what} is JSON, with datetimes, and not {one!r:.80}")

    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=plain, allow_nan=False).encode()
    except ValueError as error:  # NaN, a lone surrogate, or a value that contains itself
        raise TypeError(f"{what} is JSON, with datetimes: {error}") from None


def json_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that a test gives, as JSON-ready data.

    Raises:
        ValueError: A value is not JSON.
    """
    try:
        return {name: json.loads(encoded(name, value)) for name, value in fields.items()}
    except TypeError as error:
        raise ValueError(str(error)) from None
