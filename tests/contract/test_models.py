"""Our own document describes each modelled operation as the published one does."""

import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bluejay.models
import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.bluejay.openapi import document
from fake_bluejay.bluejay.published import MODELLED_IN, PUBLISHED, SOURCES
from fake_bluejay.core.readings import Contract, Readings
from fake_bluejay.http.operation import Operation
from tests.published import MODELLED, read

OF_SDK = {
    "AgentPydantic": "AgentPydantic",
    "AgentRequestOfOpenApi": "AgentRequest",
    "AgentUpdateRequest": "AgentUpdateRequest",
    "AgentUpdateRequestOfOpenApi": "AgentUpdateRequest",
    "AgentUpdateWithExternalIdRequestOfOpenApi": "AgentUpdateWithExternalIDRequest",
    "CustomMetric": "SrcModelsAPICustomMetricCustomMetric",
    "CustomMetricResponse": "CustomMetricResponse",
    "DeletedMetric": "SrcModelsCustomMetricCustomMetric",
    "DigitalHumanRequestDataOfOpenApi": "DigitalHumanRequestData",
    "DigitalHumanResponseData": "DigitalHumanResponseData",
    "Evaluation": "Evaluation",
    "JourneyStep": "JourneyStep",
    "ScriptedResponse": "ScriptedResponse",
    "SimulationRes": "SimulationRes",
    "SimulationResultResponse": "SimulationResultResponse",
    "SimulationRunRequest": "SrcAPIQueueSimulationRunSimulationRunRequest",
    "UpdateDigitalHumanRequestOfOpenApi": "UpdateDigitalHumanRequest",
    "UpdateSimulationRequest": "UpdateSimulationRequest",
}
"""Our models that have fields besides the published ones → the SDK's model that has them."""

OF_DOCS = {
    "attack_plan",
    "attack_type",
    "attack_vector",
    "connection_quality",
    "extension",
    "follow_up_sms_success_criteria",
    "scripted_responses_ordered",
    "system_prompt_rule_ids",
    "system_prompt_rule_quotes",
    "tags",
}
"""Fields of a digital human in the documentation of September 2026."""

OF_METRICS = {"tool_names", "summary", "settings", "json_schema", "metric_type", "eval_segment", "scope"}
"""Fields of a metric in the documentation of September 2026."""

OF_ALERTS = {"sample_size", "simulation_id", "aggregation", "evaluation_scope", "min_events_type"}
"""Fields of an alert in the documentation of September 2026."""

OF_EMAIL = {
    "email_address",
    "outbound_trigger_webhook_url",
    "outbound_trigger_payload_template",
    "dynamic_sip_webhook_url",
    "amelia_flow_name",
}
"""Fields for an agent's connection in the documentation of July to September 2026."""

NEWER = {
    "AgentPydantic": OF_EMAIL,
    "AgentRequestOfOpenApi": OF_EMAIL,
    "AgentUpdateRequest": OF_EMAIL,
    "AgentUpdateRequestOfOpenApi": OF_EMAIL,
    "AgentUpdateWithExternalIdRequestOfOpenApi": OF_EMAIL,
    "AlertResponse": OF_ALERTS,
    "CreateAlertRequestOfOpenApi": OF_ALERTS,
    "BACRunRequest": {"agent_version_id", "eleven_labs_agent_id", "retell_agent_id", "vapi_assistant_id"},
    "CreateCustomMetricRequestOfOpenApi": OF_METRICS | {"template_id"},
    "CallLog": {"metrics"},
    "CronJobResponse": {"timezone"},
    "CreateCronJobRequest": {"timezone"},
    "CreatePromptVersionBodyOfOpenApi": {"override_label"},
    "CustomMetricResponse": OF_METRICS | {"prompt", "eval_modality"},
    "CustomMetricUpdates": {"eval_segment", "scope"},
    "DigitalHumanRequestDataOfOpenApi": OF_DOCS,
    "DigitalHumanResponseData": OF_DOCS - {"tags"},
    "EvaluateCallResponse": {"warning"},
    "Evaluation": {
        "predicted_age",
        "customer_gender",
        "gender_confidence",
        "detected_language",
        "language_confidence",
        "agent_audio_clarity",
        "user_audio_clarity",
    },
    "DigitalHumanRequest": {"agent_version_id"},
    "EveryNHours": {"window"},
    "EveryNMinutes": {"window"},
    "HttpSimulationRunRequest": {"agent_version_id"},
    "NewAgentResponse": {"version"},
    "PushResponse": {"simulation_id"},
    "RetrieveCallLogResponse": {"credits_used"},
    "SimulationRequest": {"agent_version_id", "delay_between_tests_seconds", "inactivity_timeout_seconds"},
    "SimulationResultResponse": {"metrics"},
    "SimulationRunRequest": {"agent_version_id"},
    "SmsSimulationRunRequest": {"agent_version_id"},
    "SpeaksFirstConfig": {"dynamic"},
    "UpdateDigitalHumanRequestOfOpenApi": {
        "connection_quality",
        "extension",
        "follow_up_sms_success_criteria",
        "scripted_responses_ordered",
    },
    "UpdateAlertRequestOfOpenApi": OF_ALERTS,
    "UpdateCronJobRequest": {"timezone"},
    "UpdateCustomMetricRequestOfOpenApi": OF_METRICS,
    "UpdateSimulationRequest": {"agent_version_id", "delay_between_tests_seconds", "inactivity_timeout_seconds"},
    "UpdateSimulationResultRequestById": {"start_time", "end_time", "duration", "trace_ids"},
}
"""Our models → their fields that the documentation of September 2026 has, or that public clients read."""

NEWER_PARAMETERS = {
    "retrieve-simulation-results": {("query", "limit"), ("query", "offset"), ("query", "issue_ids")},
    "promote": {("query", "version")},
}
"""Part of a path → the parameters that the documentation of September 2026 has."""

NEWER_BODIES = {"POST /v1/re-evaluate/{call_id}"}
"""Operations that take an optional body since the documentation of September 2026."""

EXPLAINED = {
    "POST /v1/check-queue-simulation-run/{simulation_run_id}": "nothing is published of the answer",
    "POST /v1/generate-custom-metrics": "nothing is published of the answer",
    "SimulationResultResponse": "a reading adds a field",
    "AlertResponse.entity_type": "the documentation has one more type",
    "AgentPydantic.connection_type": "the SDK has more ways to reach an agent",
    "AgentUpdateRequest.connection_type": "the SDK has more ways to reach an agent",
    "CallLog.status": "the documentation has one enum for conversations of production and of simulations",
    "CustomMetricResponse.response_type": "the documentation has more types",
    "DeletedMetric.response_type": "the documentation has more types",
    "DigitalHumanResponseData.accent": "the documentation: any is taken",
    "DigitalHumanResponseData.allow_silence_tool": "the documentation: false if it is left out",
    "DigitalHumanResponseData.language": "the documentation: any is taken",
}
"""The differences between our document and the published one → the reason."""

UNUSED = ("header", "X-Webhook-Secret")
"""An optional header of check-queue-simulation-run, which Bluejay itself calls so; it changes nothing here."""

ASIDE = frozenset({"title", "description", "examples", "deprecated"})
"""Keywords of a schema that do not limit its values."""


class Comparison:
    """Walks two schemas side by side, each in its own document, and notes where they differ."""

    def __init__(self, ours: Any, theirs: Any) -> None:
        self._ours, self._theirs = ours["components"]["schemas"], theirs["components"]["schemas"]
        self._seen: set[tuple[str, str]] = set()

    def differences(self, ours: Any, theirs: Any, where: str) -> Iterator[str]:
        if "$ref" in ours and "$ref" in theirs:
            pair = ours["$ref"].rpartition("/")[2], theirs["$ref"].rpartition("/")[2]
            if pair not in self._seen:
                self._seen.add(pair)
                inner = self._ours[pair[0]], self._theirs[pair[1]]
                yield from self.differences(*inner, pair[0] if "properties" in inner[0] else where)
            return
        if "$ref" in theirs or "$ref" in ours:
            yield f"{where}: {ours} here, {theirs} published"
            return
        for keyword in sorted({*ours, *theirs} - ASIDE):
            mine, published = ours.get(keyword), theirs.get(keyword)
            if keyword == "properties":
                yield from self._properties(mine or {}, published or {}, where)
            elif keyword == "anyOf" and mine and published and len(mine) == len(published):
                for one, other in zip(mine, published, strict=True):
                    yield from self.differences(one, other, where)
            elif (
                keyword in ("items", "additionalProperties") and isinstance(mine, dict) and isinstance(published, dict)
            ):
                yield from self.differences(mine, published, where)
            elif mine != published:
                yield f"{where}: {keyword} is {mine} here, {published} published"

    def _properties(self, ours: Any, theirs: Any, where: str) -> Iterator[str]:
        known = {one.alias or name for name, one in sdk_fields(where).items()} | NEWER.get(where, set())
        for name in ours:
            if name not in theirs and name not in known:
                yield f"{where}.{name}: only here"
        if [name for name in ours if name in theirs] != list(theirs):
            yield f"{where}: the fields are {list(ours)} here, {list(theirs)} published"
        for name in theirs.keys() & ours.keys():
            yield from self.differences(ours[name], theirs[name], f"{where}.{name}")


def sdk_fields(ours: str) -> Any:
    return getattr(bluejay.models, OF_SDK[ours]).model_fields if ours in OF_SDK else {}


def unexplained(differences: Iterator[str]) -> str:
    return "\n".join(one for one in differences if one.partition(":")[0] not in EXPLAINED)


@pytest.fixture(scope="module")
def ours() -> Any:
    return document(Readings(contract=Contract.OPENAPI))


def content(described: Any) -> Any:
    return described["content"]["application/json"]["schema"]


def answer(described: Any) -> Any:
    """The schema of a successful answer; of one without a body, what no schema is."""
    return content(described["responses"]["200"]) if "200" in described["responses"] else {"status": 204}


@pytest.mark.parametrize("operation", MODELLED, ids=lambda one: f"{one.method} {one.path}")
def test_an_operation_has_the_published_request_and_answer(ours: Any, published: Any, operation: Operation) -> None:
    here = ours["paths"][operation.path][operation.method.lower()]
    there = published["paths"][operation.path][operation.method.lower()]
    compare = Comparison(ours, published).differences
    name = f"{operation.method} {operation.path}"
    assert unexplained(compare(*map(answer, (here, there)), name)) == ""
    assert ("requestBody" in here) == ("requestBody" in there or name in NEWER_BODIES)
    if "requestBody" in there:
        assert unexplained(compare(content(here["requestBody"]), content(there["requestBody"]), name)) == ""
    parameters = [
        {(one["in"], one["name"]): (one["required"], one["schema"]) for one in described["parameters"]}
        for described in (here, there)
    ]
    newer = set().union(*(newer for part, newer in NEWER_PARAMETERS.items() if part in operation.path))
    older = {UNUSED} if operation.needs_key else {UNUSED, ("header", "X-API-Key")}
    assert parameters[0].keys() - newer == parameters[1].keys() - older
    for key, (required, schema) in parameters[0].items():
        if key in newer:
            continue
        assert required == parameters[1][key][0]
        assert unexplained(compare(schema, parameters[1][key][1], f"{name} {key[1]}")) == ""


def test_every_explanation_is_needed(ours: Any, published: Any) -> None:
    compare = Comparison(ours, published).differences
    found = set()
    for operation in MODELLED:
        here = ours["paths"][operation.path][operation.method.lower()]
        there = published["paths"][operation.path][operation.method.lower()]
        pairs = [(answer(here), answer(there))]
        pairs += [(content(here["requestBody"]), content(there["requestBody"]))] if "requestBody" in there else []
        name = f"{operation.method} {operation.path}"
        found |= {one.partition(":")[0] for pair in pairs for one in compare(*pair, name)}
    assert EXPLAINED.keys() <= found


def test_every_newer_field_is_needed(ours: Any, published: Any) -> None:
    """Nothing is listed as newer that is published, that the SDK has, or that ours has not."""
    for model, names in NEWER.items():
        fields = ours["components"]["schemas"][model]["properties"]
        assert names <= fields.keys(), model
        assert not names & {one.alias or name for name, one in sdk_fields(model).items()}, model


def test_the_list_of_published_operations_is_the_published_one(published: Any) -> None:
    assert {path: tuple(sorted(map(str.upper, methods))) for path, methods in published["paths"].items()} == {
        path: tuple(sorted(methods)) for path, methods in PUBLISHED.items()
    }


def shape(path: str) -> str:
    """A path without the names of its parameters, which differ from source to source."""
    return re.sub(r"{\w+}", "{}", path)


def test_every_operation_that_the_sdk_calls_is_known() -> None:
    known = {(method, shape(path)) for source in SOURCES for path, methods in source.items() for method in methods}
    called = runpy.run_path(str(Path(__file__).parents[2] / "docs" / "endpoints.py"))["methods"]()
    assert {(one.method, shape(one.path)) for one in called} <= known


def test_each_operation_stands_in_one_list() -> None:
    every = [(method, shape(path)) for source in SOURCES for path, methods in source.items() for method in methods]
    assert sorted(every) == sorted(set(every))


@pytest.mark.parametrize("source", SOURCES, ids=["OpenAPI", "SDK", "documentation", "clients"])
def test_known_path_that_is_not_modelled_says_how_to_stub_it(source: dict[str, tuple[str, ...]]) -> None:
    with FakeBluejay() as fake, fake.client(headers={"X-API-Key": fake.api_key}) as client:
        for path, methods in source.items():
            if path in MODELLED_IN:
                continue
            for method in methods:
                answer = client.request(method, re.sub(r"{\w+}", "1", path))
                assert answer.status_code == 501, path
                assert "bluejay.stub(" in answer.json()["detail"]


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_the_absence_of_the_published_document_is_told_and_in_ci_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ci: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("CI", ci)
    with pytest.raises((pytest.fail.Exception, pytest.skip.Exception)) as told:
        read(tmp_path / "nothing.json")
    assert (told.type, str(told.value)) == (
        outcome,
        f"the published OpenAPI is needed here, and {tmp_path / 'nothing.json'} is not there: CONTRIBUTING.md says how"
        " to get it",
    )
