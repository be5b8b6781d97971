"""Schemathesis against the published document, of what is modelled, with a world that has something of everything.

Its check `negative_data_rejection` does not apply: Pydantic, and so Bluejay, takes `"1"` where an integer is published.
What is refused, `test_answers` and the comparison with FastAPI decide.
"""

import copy
import re
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
from fake_bluejay.bluejay import openapi
from fake_bluejay.bluejay.app import operations
from fake_bluejay.bluejay.published import PUBLISHED
from fake_bluejay.core.readings import Contract
from fake_bluejay.http.operation import Operation
from fake_bluejay.state.snapshot import restore
from tests.furnished import ids_by_name
from tests.thoroughness import examples

MODELLED = [operation for operation in operations() if operation.method in PUBLISHED.get(operation.path, ())]
KEY = "the-only-key"
CHECKS = [
    allow_header_conformance,
    content_type_conformance,
    missing_required_header,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
]
HOST = "https://api.getbluejay.ai"
SETTINGS = settings(derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
KNOWN = [
    "simulation_result_id",
    "simulation_run_id",
    "test_case_id",
    "test_result_id",
    "test_result_ids",
]
"""What requests call ids that are not a resource's, of which there are 1 and 2 in the furnished world."""

RULED = {
    "/v1/metrics-lab/evaluate-conversation",
    "/v1/metrics-lab/lab",
    "/v1/metrics-lab/lab/{lab_id}/conversations",
    "/v1/metrics-lab/lab/{lab_id}/human-evaluation",
    "/v1/optimize/metric-prompt-with-diff",
    "/v1/send-http-text-message",
    "/v1/workflow",
    "/v1/workflow/validate-definition",
    "/v1/workflow/{workflow_id}",
    # The version in production, the only one, a label that is missing or reserved: all documented.
    *(path for path in PUBLISHED if re.match(r"/v1/agents/{agent_id}/(prompts|knowledge-bases|labels)", path)),
}
"""Paths that answer 400 to what is valid by its schema: a graph that breaks a rule, a message after the end, …"""

REFUSED = {
    "type": "object",
    "properties": {"detail": {"type": "string"}},
    "required": ["detail"],
}


def names_in(document: Any) -> set[str]:
    return {name for schema in document["components"]["schemas"].values() for name in schema.get("properties", ())}


@pytest.fixture(scope="module")
def valid_data_is_accepted(published: Any) -> Any:
    """The check `positive_data_acceptance`, but for fields of the SDK alone, whose types are not in the document."""
    of_sdk = names_in(openapi.document(Contract.OPENAPI)) - names_in(published)

    def valid_data_is_accepted(ctx: Any, response: Any, case: Any) -> bool | None:
        try:
            return positive_data_acceptance(ctx, response, case)
        except AssertionError:
            if response.status_code == 400 and case.operation.path in RULED:
                return None
            if response.status_code == 422 and all(of_sdk & set(one["loc"]) for one in response.json()["detail"]):
                return None
            raise

    return valid_data_is_accepted


def asking_for_what_there_is(schema: Any, name: str, known: dict[str, list[Any]]) -> None:
    """Narrow the schema of an id to the ids there are; whatever is made to violate it asks for others."""
    if "anyOf" in schema:
        asking_for_what_there_is(schema["anyOf"][0], name, known)
    elif "items" in schema:
        asking_for_what_there_is(schema["items"], name, known)
    elif name in known:
        schema["enum"] = [str(id) for id in known[name]] if schema["type"] == "string" else known[name]


@pytest.fixture(scope="module")
def document(published: Any) -> Any:
    """The published document of what is modelled, and the other ways to be refused, which it leaves out."""
    document = copy.deepcopy(published)
    for schema in document["components"]["schemas"].values():
        if "runs_per_digital_human" in schema.get("properties", {}):
            # How many calls a run may have is ours; within reason, there is no limit.
            schema["properties"]["runs_per_digital_human"]["anyOf"][0]["maximum"] = 50
        for name, one in schema.get("properties", {}).items():
            # What is no time of a day, and no cron expression, is refused; the document does not say what is one.
            if name in ("time", "expression"):
                one.update(enum=["09:30"] if name == "time" else ["*/5 9-17 * * 1-5"])
                one.pop("pattern", None)
    document["paths"] = {operation.path: document["paths"][operation.path] for operation in MODELLED}
    for described in (one for methods in document["paths"].values() for one in methods.values()):
        if described["operationId"].startswith("pong"):  # it needs no key, whatever the document says
            described["parameters"] = []
        described.pop("security", None)  # names a scheme that the document does not define
        for status in ("400", "401", "404", "409"):
            content = {"application/json": {"schema": REFUSED}}
            described["responses"][status] = {"description": "Refused", "content": content}
        described["responses"].setdefault("422", {"description": "Not valid"})  # ping has none
        for parameter in described["parameters"]:
            if parameter["name"] == "X-API-Key":
                parameter["schema"]["enum"] = [KEY]
    return document


@pytest.fixture(scope="module")
def any_ids(document: Any) -> Any:
    return schemathesis.openapi.from_dict(document)


@pytest.fixture(scope="module")
def known_ids(document: Any, furnished: Any) -> Any:
    narrowed = copy.deepcopy(document)
    known: dict[str, list[Any]] = {**ids_by_name(), **{name: [1, 2] for name in KNOWN}}
    known |= {"external_id": ["a"], "external_agent_id": ["a"]}
    known["webhook_id"] = [webhook["id"] for webhook in furnished["webhooks"]]
    for described in (one for methods in narrowed["paths"].values() for one in methods.values()):
        for parameter in described["parameters"]:
            asking_for_what_there_is(parameter["schema"], parameter["name"], known)
        if "requestBody" in described:
            body = described["requestBody"]["content"]["application/json"]
            if "$ref" not in body["schema"]:
                continue  # a list or a choice of models
            named = narrowed["components"]["schemas"][body["schema"]["$ref"].rpartition("/")[2]]
            if "properties" not in named:
                continue  # a choice of models that has a name
            body["schema"] = copy.deepcopy(named)
            for name, one in body["schema"].get("properties", {}).items():  # a choice of models has none
                asking_for_what_there_is(one, name, known)
    return schemathesis.openapi.from_dict(narrowed)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("operation", MODELLED, ids=lambda one: f"{one.method} {one.path}")
def test_schemathesis_finds_nothing(
    any_ids: Any, known_ids: Any, valid_data_is_accepted: Any, furnished: Any, operation: Operation
) -> None:
    with FakeBluejay(api_keys=[KEY]) as fake:
        world = {**furnished, "require_known_keys": True, "organisations": fake.dump()["organisations"]}

        checks = [*CHECKS, *([ignored_auth] if operation.needs_key else []), valid_data_is_accepted]

        def valid(case: Any) -> None:
            restore(fake.world, world)
            fake.readings.set(contract="openapi-2026-04-30")
            case.call_and_validate(base_url=HOST, headers={"X-API-Key": KEY}, checks=checks)

        def invalid(case: Any) -> None:
            restore(fake.world, world)
            fake.readings.set(contract="openapi-2026-04-30")
            case.call_and_validate(base_url=HOST, checks=CHECKS)

        for schema, mode, asking, most in (
            (any_ids, GenerationMode.POSITIVE, valid, examples(15, 4) if operation.takes is None else 5),
            (known_ids, GenerationMode.POSITIVE, valid, examples(15, 4)),
            (known_ids, GenerationMode.NEGATIVE, invalid, examples(10, 4)),
        ):
            cases = schema[operation.path][operation.method].as_strategy(generation_mode=mode)
            settings(SETTINGS, max_examples=most)(given(cases)(asking))()
