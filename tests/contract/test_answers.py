"""Requests made from the published schemas are accepted or refused as these say, and the answers are what they say."""

import copy
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlencode

import jsonschema
import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.http.operation import Operation
from tests.furnished import furnished_world, ids_by_name
from tests.published import MODELLED
from tests.thoroughness import THOROUGH, some

KNOWN: dict[str, Any] = {
    **{name: ids if name.endswith("s") else ids[0] for name, ids in ids_by_name().items()},
    "call_ids": ids_by_name()["call_log_id"],
    "conversation_id": ids_by_name()["call_log_id"][0],
    "custom_metric_id": ids_by_name()["metric_id"][0],
    "custom_metric_ids": ids_by_name()["metric_ids"],
    "external_agent_id": "a",
    "external_id": "a",
    "selected_custom_metrics": ids_by_name()["metric_ids"],
    "simulation_ids": [1],
    "simulation_result_id": 1,
    "simulation_run_id": 1,
    "test_case_id": 1,
    "test_result_id": 1,
    "test_result_ids": [1],
}
"""Ids and values of the furnished world, by the names that requests have for them."""

IN_PATHS: dict[str, Any] = {
    **KNOWN,
    "phone_number": "+15555550100",
    # Entities that may be deleted: a version that is not in production, and a label that is on no version.
    "prompt_id": ids_by_name()["prompt_id"][1],
    "kb_id": ids_by_name()["knowledge_base_version_id"][1],
    "label_id": furnished_world()["labels"]["all"][-1]["id"],
    "version": 2,
}
"""The same for paths."""

IN_QUERIES = {"label": "latest"}
"""The same for parameters in queries that may be left out, where without them nothing is answered."""
INSTEAD: dict[str, dict[str, Any]] = {
    "/v1/get-integration-key": {"field": "vapi_api_key"},
    "/v1/metrics-lab/evaluate-conversation": {
        "conversation": {"type": "test_result", "id": "1"},
        "metrics": {"type": "custom_metric", "custom_metric_ids": ids_by_name()["metric_ids"]},
    },
    "/v1/send-http-text-message": {"simulation_result_id": "3"},
}
"""Path → fields of its valid bodies that are something else than in others: the third test result is RUNNING."""

UNDECLARED = {400, 404, 409}
"""The statuses for requests that are valid and cannot be carried out; the published document declares none."""

WRONG = {"string": {}, "integer": "x", "number": "x", "boolean": "x", "array": 7, "object": 7}
"""A value of no use where that type is wanted, to JSON Schema and to Pydantic alike."""


class Case(NamedTuple):
    """A body, and where in it something is wrong, if anything is."""

    name: str
    body: Any
    wrong: tuple[str | int, ...] | None


class Maker:
    """Makes values from schemas."""

    def __init__(self, published: Any, furnished: Any) -> None:
        self._schemas = published["components"]["schemas"]
        self._webhook_id = furnished["webhooks"][0]["id"]

    def resolved(self, schema: Any) -> Any:
        return self._schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema

    def value(self, schema: Any, name: str = "", *, full: bool) -> Any:
        """A valid value: of an object, all that is required, or `full`, all that there is."""
        schema = self.resolved(schema)
        for choice in ("anyOf", "oneOf"):
            if choice in schema:
                return self.value(schema[choice][0], name, full=full)
        if name in KNOWN:
            return known(schema, KNOWN[name])
        if name == "webhook_id":
            return self._webhook_id
        if "enum" in schema or "const" in schema:
            return schema.get("enum", [schema.get("const")])[0]
        match schema.get("type"):
            case "object":
                wanted = schema.get("properties", {}) if full else schema.get("required", ())
                return {one: self.value(schema["properties"][one], one, full=full) for one in wanted}
            case "array":
                return [self.value(schema["items"], full=full)] * schema.get("minItems", 1)
            case "integer" | "number":
                low = schema.get("minimum", schema.get("exclusiveMinimum", 1))
                return int(low) + ("exclusiveMinimum" in schema)
            case "boolean":
                return True
            case "string" if "pattern" in schema:
                return "09:30"  # the only pattern that is published
            case "string" if schema.get("format") == "uuid":
                return "6b1e7a52-26f3-4d6c-8a1f-0d2c3f4b5a69"
            case "string" if schema.get("format") == "date-time":
                return "2026-01-01T00:00:00Z"
            case "string" if schema.get("format") == "uri":
                return "https://example.com/a.wav"
            case _:
                return "text"

    def cases(self, schema: Any) -> Iterator[Case]:
        """Valid bodies, and each with one thing wrong; of a choice of models, only valid ones of each."""
        for choice in (resolved := self.resolved(schema)).get("oneOf", ()):
            yield Case("the smallest", self.value(choice, full=False), None)
            yield Case("the fullest", self.value(choice, full=True), None)
        if "oneOf" in resolved:
            return
        full = self.value(schema, full=True)
        yield Case("the smallest", self.value(schema, full=False), None)
        yield Case("the fullest", full, None)
        yield Case("with something else", {**full, "something_else": 1}, None)
        for place, one, required in self._places(schema, ()):
            yield from self._cases_of(full, place, one, required)

    def _places(self, schema: Any, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any, bool]]:
        schema = self.resolved(schema)
        for name, one in schema.get("properties", {}).items():
            yield (*place, name), one, name in schema.get("required", ())
            inner = self.resolved(one["anyOf"][0] if "anyOf" in one else one)
            if "properties" in inner and len(one.get("anyOf", ())) < 3:  # of a union, the errors have other places
                yield from self._places(inner, (*place, name))

    def _cases_of(self, full: Any, place: tuple[str, ...], schema: Any, required: bool) -> Iterator[Case]:
        name = ".".join(place)
        choices = [self.resolved(one) for one in schema.get("anyOf", [schema])]
        nullable = any(one.get("type") == "null" or one == {} for one in choices)
        choice = choices[0]
        yield Case(f"{name} null", changed(full, place, None), None if nullable else place)
        yield Case(f"no {name}", changed(full, place), place if required else None)
        if len(choices) > 2 or "type" not in choice:
            return
        yield Case(f"{name} of another type", changed(full, place, WRONG[choice["type"]]), place)
        for value in choice.get("enum", ()):
            yield Case(f"{name} {value}", changed(full, place, value), None)
        if "enum" in choice:
            yield Case(f"{name} none of its values", changed(full, place, "none-of-them"), place)
        if choice.get("format") == "uuid":
            yield Case(f"{name} no UUID", changed(full, place, "none"), place)
        for bound, step in (("minimum", -1), ("maximum", 1)):
            if bound in choice:
                yield Case(f"{name} at its {bound}", changed(full, place, int(choice[bound])), None)
                yield Case(f"{name} beyond its {bound}", changed(full, place, int(choice[bound]) + step), place)
        if "exclusiveMinimum" in choice:
            yield Case(f"{name} too small", changed(full, place, int(choice["exclusiveMinimum"])), place)
        if "minItems" in choice:
            yield Case(f"{name} too short", changed(full, place, []), place)


def known(schema: Any, value: Any) -> Any:
    """Return a known value in the type of the schema: ids are numbers in one place and texts in the next."""
    if isinstance(value, list):
        return [known(schema["items"], item) for item in value]
    return str(value) if schema["type"] == "string" else value


def changed(body: Any, place: tuple[str, ...], *value: Any) -> Any:
    """A copy with that value there, or without any."""
    copied = copy.deepcopy(body)
    inner = copied
    for name in place[:-1]:
        inner = inner[name]
    if value:
        inner[place[-1]] = value[0]
    else:
        del inner[place[-1]]
    return copied


def validator(published: Any, schema: Any) -> jsonschema.Draft202012Validator:
    whole = {**schema, "components": published["components"]}
    return jsonschema.Draft202012Validator(whole, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


def described(published: Any, operation: Operation) -> Any:
    return published["paths"][operation.path][operation.method.lower()]


def content(of: Any) -> Any:
    return of["content"]["application/json"]["schema"]


def path_of(operation: Operation) -> str:
    path = operation.path.format_map({name: IN_PATHS[name] for name in operation.in_path})
    needed = {name: "1" for name, parameter in operation.in_query.items() if parameter.required}
    needed |= {name: value for name, value in IN_QUERIES.items() if name in operation.in_query}
    return f"{path}?{urlencode(needed)}" if needed else path


def furnished_fake(furnished: Any, contract: str) -> FakeBluejay:
    fake = FakeBluejay.load(furnished)
    fake.readings.set(contract=contract)
    return fake


@pytest.mark.parametrize("operation", some(MODELLED), ids=lambda one: f"{one.method} {one.path}")
def test_bodies(published: Any, furnished: Any, operation: Operation) -> None:
    there = described(published, operation)
    answers = None if "204" in there["responses"] else validator(published, content(there["responses"]["200"]))
    refusals = validator(published, {"$ref": "#/components/schemas/HTTPValidationError"})
    cases = [Case("no body", None, None)]
    if "requestBody" in there:
        schema = content(there["requestBody"])
        cases, valid = some(Maker(published, furnished).cases(schema)), validator(published, schema)
        for case in cases:
            assert valid.is_valid(case.body) == (case.wrong is None), case.name
    answered, fake = 0, None
    for case in cases:
        fake = fake or furnished_fake(furnished, "openapi-2026-04-30")
        body = (
            {**case.body, **INSTEAD[operation.path]} if operation.path in INSTEAD and case.wrong is None else case.body
        )
        with fake.client(headers={"X-API-Key": fake.api_key}) as client:
            response = client.request(operation.method, path_of(operation), json=body)
        if response.status_code < 400:
            fake = None  # what is refused changes nothing
        if case.wrong is not None:
            assert response.status_code == 422, case
            refusals.validate(response.json())
            assert response.json()["detail"][0]["loc"][: len(case.wrong) + 1] == ["body", *case.wrong]
        elif response.status_code == operation.status:
            answered += 1
            if answers is None:
                assert response.content == b""
            else:
                answers.validate(response.json())
        else:
            assert response.status_code in UNDECLARED, (case, response.text)
    assert answered


@pytest.mark.parametrize("contract", ["docs-2026-09", "sdk-0.3.6"])
@pytest.mark.parametrize("operation", some(MODELLED), ids=lambda one: f"{one.method} {one.path}")
def test_newer_contracts_accept_all_requests_of_the_published_one(
    published: Any, furnished: Any, operation: Operation, contract: str
) -> None:
    there = described(published, operation)
    if "requestBody" not in there:
        return
    fake = None
    for case in some(Maker(published, furnished).cases(content(there["requestBody"]))):
        if case.wrong is not None and not THOROUGH:
            continue  # what becomes of it is only in CI asked of these contracts, too
        fake = fake or furnished_fake(furnished, contract)
        with fake.client(headers={"X-API-Key": fake.api_key}) as client:
            response = client.request(operation.method, path_of(operation), json=case.body)
        if response.status_code < 400:
            fake = None
        if case.wrong is None:
            assert response.status_code in {operation.status, *UNDECLARED}, (case, response.text)


@pytest.mark.parametrize("operation", some(MODELLED), ids=lambda one: f"{one.method} {one.path}")
def test_parameters(published: Any, furnished: Any, operation: Operation) -> None:
    """Without one that is required, or with one that is not what it is to be: 422, at that place."""
    there = described(published, operation)
    body = (
        Maker(published, furnished).value(content(there["requestBody"]), full=False) if "requestBody" in there else None
    )
    for parameter in there.get("parameters", ()):
        path, headers, query = path_of(operation), {"X-API-Key": "key"}, {}
        place = parameter["in"], parameter["name"]
        if parameter["in"] == "path":
            if parameter["schema"]["type"] != "integer":
                continue
            path = operation.path.format_map({**IN_PATHS, parameter["name"]: "x"})
        elif parameter["in"] == "header" and not operation.needs_key:
            continue  # clients show that ping answers without one
        elif parameter["in"] == "header":
            headers, place = {}, ("header", "x-api-key")
        elif parameter["required"]:
            path = path.partition("?")[0]
        elif parameter["schema"].get("anyOf", [{}])[0] == {"type": "string"}:
            continue  # any text is one
        else:
            query = {parameter["name"]: "x"}
        fake = FakeBluejay.load(furnished)
        fake.readings.set(contract="openapi-2026-04-30", missing_key="422")  # as published
        with fake.client() as client:
            response = client.request(operation.method, path, json=body, headers=headers, params=query or None)
        assert response.status_code == 422
        assert tuple(response.json()["detail"][0]["loc"]) == place
