"""Copies of JSON-ready data."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

_ATOMS = frozenset({str, int, float, bool, type(None)})


def copied(value: Any) -> Any:
    """Return a copy of JSON-ready data that shares nothing with it which can be changed.

    `deepcopy` also keeps what is the same object in two places the same, which data in JSON cannot say; the account of
    it takes most of the time of a dump. It still copies what is no JSON.
    """
    kind = type(value)
    if kind is dict:
        return {name: one if type(one) in _ATOMS else copied(one) for name, one in value.items()}
    if kind is list:
        return [one if type(one) in _ATOMS else copied(one) for one in value]
    return value if kind in _ATOMS else deepcopy(value)
