"""The checks that a value is a number. In Python True and False are numbers, too; here they are mistakes."""

from __future__ import annotations

from typing import TypeGuard


def is_integer(value: object, least: int | None = None) -> TypeGuard[int]:
    """Return whether a value is an integer, and not less than `least`."""
    return isinstance(value, int) and not isinstance(value, bool) and (least is None or value >= least)


def is_number(value: object) -> TypeGuard[float]:
    """Return whether a value is an integer or a float."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)
