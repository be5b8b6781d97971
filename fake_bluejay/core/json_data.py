"""Copies of JSON-ready data."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

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
