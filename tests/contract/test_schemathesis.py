"""Schemathesis against the published document, of what is modelled, with a world that has something of everything.

Its check `negative_data_rejection` does not apply: Pydantic, and so Bluejay, takes `"1"` where an integer is published.
What is refused, `test_answers` and the comparison with FastAPI decide.
"""

import copy
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    ignored_auth,
    missing_required_header,
    positive_data_acceptance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from fake_bluejay import FakeBluejay
from fake_bluejay.api.app import operations
from fake_bluejay.api.operation import Operation
from fake_bluejay.api.published import PUBLISHED
from fake_bluejay.core.dump import restore

MODELLED = [operation for operation in operations() if operation.path in PUBLISHED]
KEY = "the-only-key"
CHECKS = [
    allow_header_conformance,
    content_type_conformance,
    missing_required_header,
    not_a_server_error,
    positive_data_acceptance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
]
HOST = "https://api.getbluejay.ai"
SETTINGS = settings(
    max_examples=50, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
REFUSED = {
    "type": "object",
    "properties": {"detail": {"type": "string"}},
    "required": ["detail"],
}


@pytest.fixture(scope="module")
def schema(published: Any) -> Any:
    """The published document, with what it leaves out: other ways to be refused, and which ids there are to ask for."""
    document = copy.deepcopy(published)
    document["paths"] = {operation.path: document["paths"][operation.path] for operation in MODELLED}
    for methods in document["paths"].values():
        for described in methods.values():
            described.pop("security", None)  # names a scheme that the document does not define
            for status in ("400", "401", "404", "409"):
                described["responses"][status] = {
                    "description": "Refused",
                    "content": {"application/json": {"schema": REFUSED}},
                }
            described["responses"].setdefault("422", {"description": "Not valid"})  # ping has none
            for parameter in described["parameters"]:
                kind = parameter["schema"].get("type")
                if parameter["name"] == "X-API-Key":
                    parameter["schema"] = {"type": "string", "enum": [KEY]}
                elif parameter["in"] == "path":
                    ids = [1, 2] if kind == "integer" else ["1", "2", "a"]
                    parameter["schema"] = {"anyOf": [{"type": kind, "enum": ids}, {"type": kind}]}
    return schemathesis.openapi.from_dict(document)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("operation", MODELLED, ids=lambda one: f"{one.method} {one.path}")
def test_schemathesis_finds_nothing(schema: Any, furnished: Any, operation: Operation) -> None:
    asked = schema[operation.path][operation.method]
    valid, invalid = (
        asked.as_strategy(generation_mode=mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    )
    with FakeBluejay(api_keys=[KEY]) as fake:
        known = {**furnished, "require_known_keys": True, "organisations": fake.dump()["organisations"]}

        @SETTINGS
        @given(valid)
        def asking(case: Any) -> None:
            restore(fake.world, known)
            fake.readings.set(missing_key="401")  # as the check of authentication wants it; the default, 422, is below
            case.call_and_validate(base_url=HOST, headers={"X-API-Key": KEY}, checks=[*CHECKS, ignored_auth])

        @SETTINGS
        @given(invalid)
        def asking_for_what_is_not(case: Any) -> None:
            restore(fake.world, known)
            case.call_and_validate(base_url=HOST, checks=CHECKS)

        asking()
        asking_for_what_is_not()
