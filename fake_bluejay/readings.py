"""The enums of the readings: what the documentation of Bluejay leaves open, and the choices for each question."""

from __future__ import annotations

from fake_bluejay.core.readings import *  # noqa: F403
from fake_bluejay.core.readings import __all__ as __all__
