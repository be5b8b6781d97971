"""One way to say what counts as an integer: in Python True and False are integers, too, and here they are mistakes."""

from __future__ import annotations

from typing import TypeGuard

__all__ = ["is_integer"]


def is_integer(value: object, least: int | None = None) -> TypeGuard[int]:
    """Whether it is an integer, and at least so much."""
    return isinstance(value, int) and not isinstance(value, bool) and (least is None or value >= least)
