"""The enums of the readings: the choices for each question that Bluejay's documentation leaves open."""

from __future__ import annotations

from fake_bluejay.core.readings import *  # noqa: F403
from fake_bluejay.core.readings import __all__ as __all__
