"""What is replaced while a fake is on: data, which the switch acts on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["Patch"]


class Patch(NamedTuple):
    """An attribute to replace: where, which, and what makes the replacement out of the original."""

    owner: Any
    name: str
    replacement: Callable[[Any], Any]
