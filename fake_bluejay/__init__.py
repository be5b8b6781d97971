"""A fake of the Bluejay API for other teams' tests: offline, deterministic, true to the real service."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fake_bluejay.core.statuses import Status
    from fake_bluejay.facade.fake import FakeBluejay
    from fake_bluejay.facade.protocols import Bluejay, MakeBluejay

__all__ = ["Bluejay", "FakeBluejay", "MakeBluejay", "Status", "__version__"]

__version__ = "0.1.0"

_LOADED_ON_USE = {
    "Bluejay": "facade.protocols",
    "FakeBluejay": "facade.fake",
    "MakeBluejay": "facade.protocols",
    "Status": "core.statuses",
}
"""Name → its module, which is loaded on first use, because pytest loads this package in every session."""


def __getattr__(name: str) -> Any:
    if name not in _LOADED_ON_USE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LOADED_ON_USE[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
