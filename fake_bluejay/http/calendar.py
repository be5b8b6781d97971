"""The real classes `datetime` and `date`, for Pydantic, which must not build anything with those of freezegun."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def is_frozen_by_freezegun() -> bool:
    """Return whether freezegun has replaced the clocks."""
    freezegun: Any = sys.modules.get("freezegun.api")
    return freezegun is not None and bool(freezegun.freeze_factories)


@contextmanager
def real_calendar() -> Iterator[None]:
    """Put the original classes back into `datetime` within the `with`, if freezegun has replaced them.

    Pydantic compares the types of fields with these classes, and keeps those that it found at its import. Models are
    built with their first use and modules are imported with the first request, both maybe in a test whose clock
    freezegun has stopped.
    """
    if not is_frozen_by_freezegun():
        yield
        return
    api: Any = sys.modules["freezegun.api"]
    theirs = datetime.datetime, datetime.date
    datetime.datetime, datetime.date = api.real_datetime, api.real_date  # type: ignore[misc]
    try:
        yield
    finally:
        if is_frozen_by_freezegun():
            datetime.datetime, datetime.date = theirs  # type: ignore[misc]
