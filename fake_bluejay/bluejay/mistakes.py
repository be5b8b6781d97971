"""Errors of Pydantic in words for people: what is needed, and what was given instead. The caller says where."""

from __future__ import annotations

from typing import Any, Final

from pydantic import ValidationError

from fake_bluejay.core.suggest import instead_of

__all__ = ["first_mistake", "what_is_wrong"]

_MOMENT = "a moment, e.g. 2026-01-01T00:00:30Z"

_NEEDED: Final = {
    "string_type": "a string",
    "int_type": "an integer",
    "int_parsing": "an integer",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "an object",
    "datetime_type": _MOMENT,
    "datetime_from_date_parsing": _MOMENT,
    "datetime_parsing": _MOMENT,
    "timezone_aware": "a moment with its time zone, e.g. 2026-01-01T00:00:30Z",
}
"""A type of error → the needed value, in words."""


def what_is_wrong(error: Any) -> str:
    """Return what is wrong at the place of an error, one of `ValidationError.errors()`."""
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    if error["type"] == "missing":
        return "missing"
    needed = _NEEDED.get(error["type"])
    said = f"{error['msg'][:1].lower()}{error['msg'][1:]}" if needed is None else f"{needed} is needed"
    return f"{said}, {instead_of(error['loc'], error['input'])}"


def first_mistake(errors: ValidationError, what: str = "") -> str:
    """Return the first thing that is wrong: where, what is needed, and what was given.

    Args:
        errors: All that is wrong.
        what: What it is wrong with, e.g. ` of an agent`, to stand behind the place.
    """
    first = errors.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}{what}: {what_is_wrong(first)}"
