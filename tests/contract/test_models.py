"""What our own document says of each modelled operation is what the published one says."""

from collections.abc import Iterator
from typing import Any

import bluejay.models
import pytest

from fake_bluejay.bluejay.app import operations
from fake_bluejay.bluejay.published import PUBLISHED
from fake_bluejay.http.openapi import document
from fake_bluejay.http.operation import Operation

MODELLED = [operation for operation in operations() if operation.path in PUBLISHED]

OF_SDK = {
    "AgentPydantic": "AgentPydantic",
    "AgentRequest": "AgentRequest",
    "AgentUpdateRequest": "AgentUpdateRequest",
    "AgentUpdateRequestOfSdk": "AgentUpdateRequest",
    "AgentUpdateWithExternalIdRequest": "AgentUpdateWithExternalIDRequest",
    "DigitalHumanRequestData": "DigitalHumanRequestData",
    "DigitalHumanResponseData": "DigitalHumanResponseData",
    "HttpSimulationRunRequest": "HTTPSimulationRunRequest",
    "SimulationPydantic": "SimulationPydantic",
    "SimulationRequest": "SimulationRequest",
    "SimulationRes": "SimulationRes",
    "SimulationRunRequest": "SrcAPIQueueSimulationRunSimulationRunRequest",
    "SmsSimulationRunRequest": "SrcTextAgentsSmsTextAgentAPISimulationRunRequest",
    "UpdateDigitalHumanRequest": "UpdateDigitalHumanRequest",
    "UpdateSimulationRequest": "UpdateSimulationRequest",
}
"""Our models that have fields besides the published ones → the SDK's model that has them."""

EXPLAINED = {
    "POST /v1/check-queue-simulation-run/{simulation_run_id}": "nothing is published of the answer",
    "SimulationResultResponse": "a reading adds a field",
    "UpdateSimulationResultRequest.trace_ids": "the product's documentation has it",
    "AgentPydantic.connection_type": "the SDK's, which the reading `contract` lets in",
    "AgentUpdateRequestOfSdk.connection_type": "the SDK's, which the reading `contract` lets in",
    "DigitalHumanResponseData.accent": "the SDK's, which the reading `contract` lets in",
    "DigitalHumanResponseData.language": "the SDK's, which the reading `contract` lets in",
}
"""Where ours differs from the published, and why."""

UNUSED = ("header", "X-Webhook-Secret")
"""An optional header of check-queue-simulation-run, which Bluejay itself calls so; it changes nothing here."""

ASIDE = frozenset({"title", "description", "examples", "deprecated"})
"""What a schema says besides what it allows."""


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
        more = [name for name in ours if name not in theirs]
        known = {one.alias or name for name, one in sdk_fields(where).items()}
        for name in more:
            if name not in known:
                yield f"{where}.{name}: only here"
        if [*theirs, *more] != list(ours):
            yield f"{where}: the fields are {list(ours)} here, {list(theirs)} published"
        for name in theirs.keys() & ours.keys():
            yield from self.differences(ours[name], theirs[name], f"{where}.{name}")


def sdk_fields(ours: str) -> Any:
    return getattr(bluejay.models, OF_SDK[ours]).model_fields if ours in OF_SDK else {}


def unexplained(differences: Iterator[str]) -> str:
    return "\n".join(one for one in differences if one.partition(":")[0] not in EXPLAINED)


@pytest.fixture(scope="module")
def ours() -> Any:
    return document()


def content(described: Any) -> Any:
    return described["content"]["application/json"]["schema"]


@pytest.mark.parametrize("operation", MODELLED, ids=lambda one: f"{one.method} {one.path}")
def test_an_operation_takes_and_gives_what_is_published(ours: Any, published: Any, operation: Operation) -> None:
    here = ours["paths"][operation.path][operation.method.lower()]
    there = published["paths"][operation.path][operation.method.lower()]
    compare = Comparison(ours, published).differences
    name = f"{operation.method} {operation.path}"
    assert unexplained(compare(content(here["responses"]["200"]), content(there["responses"]["200"]), name)) == ""
    assert ("requestBody" in here) == ("requestBody" in there)
    if "requestBody" in here:
        assert unexplained(compare(content(here["requestBody"]), content(there["requestBody"]), name)) == ""
    parameters = [
        {(one["in"], one["name"]): (one["required"], one["schema"]) for one in described["parameters"]}
        for described in (here, there)
    ]
    assert parameters[0].keys() == parameters[1].keys() - {UNUSED}
    for key, (required, schema) in parameters[0].items():
        assert required == parameters[1][key][0]
        assert unexplained(compare(schema, parameters[1][key][1], f"{name} {key[1]}")) == ""


def test_every_explanation_is_needed(ours: Any, published: Any) -> None:
    compare = Comparison(ours, published).differences
    found = set()
    for operation in MODELLED:
        here = ours["paths"][operation.path][operation.method.lower()]
        there = published["paths"][operation.path][operation.method.lower()]
        pairs = [(here["responses"]["200"], there["responses"]["200"])]
        pairs += [(here["requestBody"], there["requestBody"])] if "requestBody" in here else []
        name = f"{operation.method} {operation.path}"
        found |= {one.partition(":")[0] for pair in pairs for one in compare(*map(content, pair), name)}
    assert EXPLAINED.keys() <= found


def test_the_list_of_published_operations_is_the_published_one(published: Any) -> None:
    assert {path: tuple(sorted(map(str.upper, methods))) for path, methods in published["paths"].items()} == {
        path: tuple(sorted(methods)) for path, methods in PUBLISHED.items()
    }
