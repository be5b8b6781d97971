"""A fake of the Bluejay API for other teams' tests: offline, deterministic, true to the real service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fake_bluejay.core.statuses import Status

if TYPE_CHECKING:
    from fake_bluejay.facade.fake import FakeBluejay

__all__ = ["FakeBluejay", "Status", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # The core works with nothing installed, so the facade and what it needs load with their first use.
    if name == "FakeBluejay":
        from fake_bluejay.facade.fake import FakeBluejay

        return FakeBluejay
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
