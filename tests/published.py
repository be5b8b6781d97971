"""The published OpenAPI document of 30 April 2026, which lies beside the repository and not in it."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

PUBLISHED = Path(__file__).parents[2] / "shared" / "bluejay-openapi-2026-04-30.json"


def read(path: Path = PUBLISHED) -> Any:
    """Return the document; where it is absent, skip the test that needs it, or in CI fail it."""
    if not path.exists():
        reason = f"the published OpenAPI is needed here, and {path.name} is not there"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return json.loads(path.read_text())


@pytest.fixture(scope="session")
def published() -> Any:
    """The document."""
    return read()
