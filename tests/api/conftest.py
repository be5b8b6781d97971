"""A fake with two organisations, and a client of each."""

from collections.abc import Iterator

import pytest

from fake_bluejay import FakeBluejay
from tests.api.client import Client


@pytest.fixture
def fake() -> Iterator[FakeBluejay]:
    with FakeBluejay() as fake:
        fake.add_organisation("others", "other-key")
        yield fake


@pytest.fixture
def ask(fake: FakeBluejay) -> Client:
    return Client(fake, fake.api_key)


@pytest.fixture
def others(fake: FakeBluejay) -> Client:
    return Client(fake, "other-key")
