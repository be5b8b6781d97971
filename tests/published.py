"""The published OpenAPI document of 30 April 2026, which is Bluejay's, and so not in this repository.

The environment variable `BLUEJAY_OPENAPI` names it; CONTRIBUTING.md says where it is found.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from fake_bluejay.bluejay.modules import operations
from fake_bluejay.bluejay.published import PUBLISHED as OPERATIONS
from tests.thoroughness import absent

PUBLISHED = Path(
    os.environ.get("BLUEJAY_OPENAPI")
    or Path(__file__).parents[2] / "shared" / "bluejay-openapi-2026-04-30.json"  # beside the repository
)

MODELLED = [operation for operation in operations() if operation.method in OPERATIONS.get(operation.path, ())]
"""The operations of the document that are modelled."""


def read(path: Path = PUBLISHED) -> Any:
    """Return the document; where it is absent, skip the test that needs it, or in CI fail it."""
    if not path.exists():
        reason = f"the published OpenAPI is needed here, and {path} is not there: CONTRIBUTING.md says how to get it"
        absent(reason)
    return json.loads(path.read_text())


@pytest.fixture(scope="session")
def published() -> Any:
    """The document."""
    return read()
