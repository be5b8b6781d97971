"""Schemathesis on every operation that is modelled, with a world that has something of everything.

Operations of the published document are compared with that; those of newer sources alone, with the document that the
fake serves.

Its check `negative_data_rejection` does not apply: Pydantic, and so Bluejay, takes `"1"` where an integer is published.
What is refused, `test_answers` and the comparison with FastAPI decide.
"""

import copy
import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.bluejay import openapi
from fake_bluejay.bluejay.modules import operations
from fake_bluejay.bluejay.published import ALIASES, EXPORT_PATH, PUBLISHED
from fake_bluejay.core.readings import Contract, Readings
from fake_bluejay.http.operation import Operation
from fake_bluejay.state.snapshot import dump, restore
from tests.furnished import ids_by_name
from tests.published import MODELLED
from tests.thoroughness import CI_ALONE, THOROUGH

if THOROUGH:
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
else:  # a fuzzer, which loads for a second
    pytest.skip(CI_ALONE, allow_module_level=True)

NEWER = [
    operation
    for operation in operations()
    if operation.method not in PUBLISHED.get(operation.path, ())
    and (operation.method, operation.path) != ("POST", EXPORT_PATH)  # the OTLP host answers there, not the API's
]
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
"""The names, in requests, of ids that are not a resource's; in the furnished world they are 1 and 2."""

RULED = {
    "/v1/custom-background-noises",
    "/v1/custom-background-noises/upload-url",
    "/v1/digital-humans",  # a page after the last
    "/v1/integrations/elevenlabs/agents/{bluejay_agent_id}/branches",
    "/v1/issues/{issue_id}",
    "/v1/knowledge-base/{knowledge_base_id}",
    "/v1/metrics-lab/evaluate-conversation",
    "/v1/metrics-lab/lab",
    "/v1/metrics-lab/lab/{lab_id}/conversations",
    "/v1/metrics-lab/lab/{lab_id}/human-evaluation",
    "/v1/observability/conversations",
    "/v1/observability/issues/{issue_id}",
    "/v1/optimize/metric-prompt-with-diff",
    "/v1/queue-email-simulation-run",
    "/v1/send-http-text-message",
    "/v1/workflow",
    "/v1/workflow/validate-definition",
    "/v1/workflow/{workflow_id}",
    # The version in production, the only one, a label that is missing or reserved: all documented.
    *(path for path in PUBLISHED if re.match(r"/v1/agents/{agent_id}/(prompts|knowledge-bases|labels)", path)),
}
RULED |= {alias for alias, path in ALIASES.items() if path in RULED}
"""Paths that answer 400 to what is valid by its schema: a graph that breaks a rule, a message after the end, …"""

REFUSED = {
    "type": "object",
    "properties": {"detail": {"type": "string"}},
    "required": ["detail"],
}


def names_in(document: Any) -> set[str]:
    return {name for schema in document["components"]["schemas"].values() for name in schema.get("properties", ())}


def accepting(ours: set[str]) -> Any:
    """Return the check `positive_data_acceptance`, but for some fields, whose types are not in the document."""

    def valid_data_is_accepted(ctx: Any, response: Any, case: Any) -> bool | None:
        try:
            return positive_data_acceptance(ctx, response, case)
        except AssertionError:
            if response.status_code == 400 and case.operation.path in RULED:
                return None
            if response.status_code == 422 and all(ours & set(one["loc"]) for one in response.json()["detail"]):
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


def prepared(given: Any, of: Sequence[Operation]) -> Any:
    """Return a document with these operations alone, and the other ways to be refused, which it leaves out."""
    document = copy.deepcopy(given)
    for schema in document["components"]["schemas"].values():
        if "runs_per_digital_human" in schema.get("properties", {}):
            # The bound is this test's: the fake has no limit on the calls of a run, within reason.
            schema["properties"]["runs_per_digital_human"]["anyOf"][0]["maximum"] = 50
        for name, one in schema.get("properties", {}).items():
            # Only a time of day and a cron expression are accepted; the document does not say what their forms are.
            if name in ("time", "expression"):
                one.update(enum=["09:30"] if name == "time" else ["*/5 9-17 * * 1-5"])
                one.pop("pattern", None)
    document["paths"] = {operation.path: document["paths"][operation.path] for operation in of}
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


def asking_for_known_ids(document: Any, furnished: Any) -> Any:
    """Return a document whose ids are those that there are, where requests name them."""
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
    return narrowed


class Described(NamedTuple):
    """Operations as a document describes them."""

    contract: Contract
    any_ids: Any
    known_ids: Any
    accepting: Any


def described(document: Any, of: Sequence[Operation], contract: Contract, furnished: Any, ours: set[str]) -> Described:
    every = prepared(document, of)
    schemas = (schemathesis.openapi.from_dict(one) for one in (every, asking_for_known_ids(every, furnished)))
    return Described(contract, *schemas, accepting(ours))


@pytest.fixture(scope="module")
def as_published(published: Any, furnished: Any) -> Described:
    of_sdk = names_in(openapi.document(Readings(contract=Contract.OPENAPI))) - names_in(published)
    return described(published, MODELLED, Contract.OPENAPI, furnished, of_sdk)


@pytest.fixture(scope="module")
def as_served(furnished: Any) -> Described:
    return described(json.loads(openapi.content()), NEWER, Contract.DOCS, furnished, set())


@pytest.mark.timeout(300)
@pytest.mark.parametrize("operation", MODELLED, ids=lambda one: f"{one.method} {one.path}")
def test_schemathesis_finds_nothing(as_published: Described, furnished: Any, operation: Operation) -> None:
    run(as_published, furnished, operation)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("operation", NEWER, ids=lambda one: f"{one.method} {one.path}")
def test_schemathesis_finds_nothing_newer(as_served: Described, furnished: Any, operation: Operation) -> None:
    run(as_served, furnished, operation)


def run(described: Described, furnished: Any, operation: Operation) -> None:
    with FakeBluejay(api_keys=[KEY]) as fake:
        world = {**furnished, "require_known_keys": True, "organisations": fake.dump()["organisations"]}

        checks = [*CHECKS, *([ignored_auth] if operation.needs_key else []), described.accepting]

        untouched: Any = None

        def as_furnished() -> None:
            nonlocal untouched
            if untouched is None or dump(fake.world) != untouched:
                restore(fake.world, world)
                fake.readings.set(contract=described.contract)
                untouched = dump(fake.world)

        def valid(case: Any) -> None:
            as_furnished()
            case.call_and_validate(base_url=HOST, headers={"X-API-Key": KEY}, checks=checks)

        def invalid(case: Any) -> None:
            as_furnished()
            case.call_and_validate(base_url=HOST, checks=CHECKS)

        for schema, mode, asking, most in (
            (
                described.any_ids,
                GenerationMode.POSITIVE,
                valid,
                15 if operation.takes is None else 5,
            ),
            (described.known_ids, GenerationMode.POSITIVE, valid, 15),
            (described.known_ids, GenerationMode.NEGATIVE, invalid, 10),
        ):
            cases = schema[operation.path][operation.method].as_strategy(generation_mode=mode)
            settings(SETTINGS, max_examples=most)(given(cases)(asking))()
