"""The published OpenAPI document, which lies beside the repository and not in it."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

PUBLISHED = Path(__file__).parents[3] / "shared" / "bluejay-openapi-2026-07.json"


@pytest.fixture(scope="session")
def published() -> Any:
    """The document. Without it, whoever asks for it is skipped; in CI, where it has to be, an error."""
    if not PUBLISHED.exists() and os.environ.get("CI") != "true":
        pytest.skip(f"the published OpenAPI is not there: {PUBLISHED.name}")
    return json.loads(PUBLISHED.read_text())
