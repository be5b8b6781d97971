"""The published OpenAPI document, which lies beside the repository and not in it."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from fake_bluejay import FakeBluejay

PUBLISHED = Path(__file__).parents[3] / "shared" / "bluejay-openapi-2026-07.json"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "published" in metafunc.fixturenames and not PUBLISHED.exists() and os.environ.get("CI") != "true":
        metafunc.definition.add_marker(pytest.mark.skip(reason=f"the published OpenAPI is not there: {PUBLISHED.name}"))


@pytest.fixture(scope="session")
def published() -> Any:
    """The document. Where it is missing in CI, whoever asks for it fails."""
    return json.loads(PUBLISHED.read_text())


@pytest.fixture(scope="session")
def furnished() -> Any:
    """A dump of a world with something of everything, whose ids are 1 and 2, and whose external ids are `a`."""
    fake = FakeBluejay(seed=5)
    fake.add_simulation(digital_humans=2, agent=fake.add_agent(external_agent_id="a", http_webhook="http://127.0.0.1/"))
    fake.add_simulation()
    fake.webhooks.add(lambda delivery: None)
    fake.queue_run(1)
    fake.queue_run(2)
    fake.clock.advance(3600)
    fake.add_test_result()
    return fake.dump()
