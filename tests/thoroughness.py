"""The number of examples of generated tests: many in CI (`CI=true`), few in `make test`, for which somebody waits."""

import os
from collections.abc import Iterable
from typing import NoReturn, TypeVar

import pytest

__all__ = ["CI_ALONE", "JAVA_OPTIONS", "THOROUGH", "absent", "examples", "some", "thorough"]

Case = TypeVar("Case")

THOROUGH = os.environ.get("CI") == "true"

JAVA_OPTIONS = [] if THOROUGH else ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
"""Options with which a short program in Java takes half as long: it is compiled less, and its heap gets no threads."""

CI_ALONE = "takes long, and repeats under more conditions what others show: CI=true"
"""The reason why a test that only CI runs is skipped elsewhere."""

thorough = pytest.mark.skipif(not THOROUGH, reason=CI_ALONE)
"""Marks a test that only CI runs."""


def examples(many: int, few: int) -> int:
    """Return how many examples are tried: many in CI, else few."""
    return many if THOROUGH else few


def some(cases: Iterable[Case]) -> list[Case]:
    """Return all cases in CI, else the first eight and every fourth after them."""
    return [case for number, case in enumerate(cases) if THOROUGH or number < 8 or number % 4 == 0]


def absent(reason: str) -> NoReturn:
    """Skip the test, which needs what is not there; in CI, where everything must be, fail it."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
