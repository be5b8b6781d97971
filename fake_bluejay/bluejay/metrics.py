"""Custom metrics, which score conversations beside Bluejay's own evaluation."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AliasChoices, Field

from fake_bluejay.bluejay.drafts import drafted
from fake_bluejay.bluejay.models.wire import DEPRECATED, Wire, of_openapi, shape, stored
from fake_bluejay.bluejay.resources import (
    Answered,
    Operations,
    Paging,
    as_fields,
    changes,
    given_fields,
    organisation_id,
)
from fake_bluejay.core.clock import Moment
from fake_bluejay.core.errors import Conflict, Refused
from fake_bluejay.core.metrics import drafts, wanted_tools
from fake_bluejay.core.readings import Contract, IncompleteMetric
from fake_bluejay.core.resources import Entity, Link, Resource, uuid_ids
from fake_bluejay.core.world import World
from fake_bluejay.http.operation import ApiCall

# The values of a `StrEnum` that is made of names are these in lower case.
MetricType = StrEnum("MetricType", "PASS_FAIL YES_NO QUALITATIVE QUANTITATIVE JSON ENUM")
MetricType.__doc__ = "The type of a metric's value."


AnyMetricType = MetricType | Literal["tool_call", "int", "float", "boolean"]
"""The types of the OpenAPI and the SDK, and those that only the documentation has."""

MetricMethod = StrEnum("MetricMethod", "LLM_JUDGE COMPOSITE TOOL_CALL TRANSCRIPT_REGEX TRANSFER_LANDED")
MetricMethod.__doc__ = "The method by which a metric gets its value."


Segment = Literal["agent", "user", "all"]
"""The side of a conversation that a metric evaluates."""

Scope = Literal["observability", "simulations", "all"]
"""The conversations that a metric evaluates."""


class EvalRoute(StrEnum):
    """The part of a conversation that a metric evaluates."""

    AUDIO = "AUDIO"
    TEXT = "TEXT"
    AUTO = "AUTO"


_PROMPT = AliasChoices("description", "prompt")
_MODALITY = AliasChoices("eval_route", "eval_modality")
"""The older and the newest name of a field in requests; if both are given, the older counts."""


class _Newest(Wire):
    """The fields that only the newest documentation has, in requests and answers alike."""

    summary: str | None = None
    settings: dict[str, Any] | None = None
    json_schema: dict[str, Any] | None = None


class _Judge(Wire):
    """The method of evaluation, which every model of a metric has."""

    min_value: float | None = None
    max_value: float | None = None
    category: str | None = None
    tags: list[str] | None = None
    scoring_guidance: str | None = None
    eval_route: Annotated[EvalRoute | None, Field(validation_alias=_MODALITY)] = EvalRoute.AUTO
    model: str | None = None
    audio_model: str | None = None
    temperature: float | None = None
    enum_options: list[str] | None = None


class _NewMetric(Wire):
    bluejay_as_code_id: UUID | None = None
    agent_id: Annotated[int | None, DEPRECATED] = None
    agent_ids: list[int] | None = None
    name: str
    description: Annotated[str, Field(validation_alias=_PROMPT)] = ""
    response_type: AnyMetricType


class CreateCustomMetricRequest(_Newest, _Judge, _NewMetric):
    """A new metric."""

    allow_not_applicable: bool = False
    tool_names: list[str] | None = None
    metric_type: MetricMethod | None = MetricMethod.LLM_JUDGE
    eval_segment: Segment | None = "all"
    scope: Scope | None = "all"
    template_id: str | None = None


class CreateCustomMetricsBulkRequest(Wire):
    """A list of new metrics."""

    metrics: list[CreateCustomMetricRequest]


class _ChangedMetric(Wire):
    bluejay_as_code_id: str | None = None
    name: str | None = None
    description: Annotated[str | None, Field(validation_alias=_PROMPT)] = None
    response_type: AnyMetricType | None = None
    agent_ids: list[int] | None = None


class UpdateCustomMetricRequest(_Newest, _Judge, _ChangedMetric):
    """A change of a metric; a given list of agents replaces the old one."""

    allow_not_applicable: bool | None = None
    tool_names: list[str] | None = None
    metric_type: MetricMethod | None = None
    eval_segment: Segment | None = None
    scope: Scope | None = None


class CustomMetricUpdates(Wire):
    """A change that several metrics have in common."""

    tags: list[str] | None = None
    agent_ids: list[int] | None = None
    eval_route: Annotated[EvalRoute | None, Field(validation_alias=_MODALITY)] = None
    eval_segment: Segment | None = None
    scope: Scope | None = None
    model: str | None = None
    audio_model: str | None = None
    temperature: float | None = None
    allow_not_applicable: bool | None = None


class BulkUpdateCustomMetricsRequest(Wire):
    """The metrics to change, and the change, in which a null is stored."""

    metric_ids: list[str]
    updates: CustomMetricUpdates


class BulkUpdateCustomMetricsResponse(Wire):
    """The number of metrics that were changed."""

    success: bool = True
    message: str | None = None
    updated: int | None = None


class BulkDeleteCustomMetricsRequest(Wire):
    """The metrics to delete."""

    custom_metric_ids: Annotated[list[str], Field(min_length=1, max_length=100)]


class BulkDeleteCustomMetricsResponse(Wire):
    """The metrics that were deleted."""

    deleted_count: int
    deleted_metric_ids: list[str]


class CustomMetricResponse(_Newest):
    """A metric. Its `bluejay_as_code_id` is its id; its prompt is its description, and its modality is its route."""

    id: str
    bluejay_as_code_id: str | None = None
    name: str
    description: str
    response_type: AnyMetricType
    agent_ids: list[int] = Field(default_factory=list)
    min_value: float | None = None
    max_value: float | None = None
    category: str | None = None
    tags: list[str] | None = None
    scoring_guidance: str | None = None
    created_at: Moment
    eval_route: EvalRoute | None = None
    model: str | None = None
    audio_model: str | None = None
    temperature: float | None = None
    enum_options: list[str] | None = None
    allow_not_applicable: bool = False
    eval_route_auto_selected: bool = False
    tool_names: list[str] | None = None
    prompt: str | None = None
    metric_type: MetricMethod | None = MetricMethod.LLM_JUDGE
    eval_segment: Segment | None = "all"
    scope: Scope | None = "all"
    eval_modality: EvalRoute | None = None


class DeletedMetric(Wire):
    """A metric that was deleted, in the shape of a row of the database: it has one agent, and its organisation."""

    agent_id: int | None = None
    name: str
    description: str
    response_type: AnyMetricType
    min_value: float | None = None
    max_value: float | None = None
    created_at: Moment | None = None
    id: UUID | None = None
    category: str | None = None
    tags: list[str] = Field(default_factory=list)
    scoring_guidance: str | None = None
    eval_route: EvalRoute | None = EvalRoute.AUTO
    model: str | None = None
    audio_model: str | None = None
    temperature: float | None = None
    enum_options: list[str] | None = None
    organization_id: UUID | None = None
    allow_not_applicable: bool = False
    eval_route_auto_selected: bool = False


class GenerateCustomMetricsRequest(Wire):
    """The agent to write metrics for, and their number."""

    agent_id: str
    prompt_id: UUID | None = None
    knowledge_base_id: UUID | None = None
    count: int = 5
    custom_prompt: str | None = None


def create_metric(world: World, organisation: str, request: CreateCustomMetricRequest) -> Entity:
    """Make a metric. Raises `Conflict` and `NotFound` as `_planned` does."""
    id, fields = _planned(world, organisation, request)
    return world.resources[METRICS].add(organisation, fields, id)


def _planned(world: World, organisation: str, request: CreateCustomMetricRequest) -> tuple[str | None, dict[str, Any]]:
    """Return the id of the metric that a request asks for, which is its `bluejay_as_code_id`, and the fields.

    Raises:
        Conflict: A metric has this id already.
        NotFound: One of its agents does not exist.
        Refused: It lacks what its type needs, and a reading forbids that.
    """
    fields = as_fields(request)
    if world.readings.incomplete_metric is IncompleteMetric.REFUSED and (missing := _missing(fields)):
        raise Refused(f"{missing} is needed for a metric of this type")
    id, agent_id = fields.pop("bluejay_as_code_id"), fields.pop("agent_id")
    fields["agent_ids"] = [*(fields["agent_ids"] or ()), *(() if agent_id is None else (agent_id,))]
    if id is not None and world.resources[METRICS].get(id) is not None:
        raise Conflict(_TAKEN)
    return id, metrics.linked(world, organisation, fields)


def _missing(fields: dict[str, Any]) -> str | None:
    """Return what a metric lacks of the fields that the documentation calls required for its type; None if nothing."""
    method, settings = fields["metric_type"], fields["settings"] or {}
    if method in (None, MetricMethod.LLM_JUDGE):
        low, high = fields["min_value"], fields["max_value"]
        if not fields["description"].strip():
            return "prompt"
        if fields["response_type"] == MetricType.QUANTITATIVE and (low is None or high is None or low >= high):
            return "min_value, less than max_value,"
        return "json_schema" if fields["response_type"] == MetricType.JSON and not fields["json_schema"] else None
    if method == MetricMethod.TOOL_CALL:
        return None if wanted_tools(fields) else "settings.tool_names"
    needed = {"composite": ("composite",), "transfer_landed": ("receiver_test_case_id",)}
    names = needed.get(method, ("phrases", "pattern"))
    return None if any(settings.get(name) for name in names) else f"settings.{names[0]}"


_MOST_DRAFTS = 100
_TAKEN = "A metric with this bluejay_as_code_id exists already"


def _as_answered(metric: Entity) -> dict[str, Any]:
    agents = metric.fields.get("agent_ids") or [None]
    return {
        "bluejay_as_code_id": metric.id,
        "agent_id": agents[0],
        "prompt": metric.fields["description"],
        "eval_modality": metric.fields.get("eval_route"),
        "organization_id": organisation_id(metric),
    }


METRICS = Resource(
    "metric",
    ids=uuid_ids,
    links=(Link("agent_ids", to="agent"),),
    example={"name": "Metric", "description": "The agent helps.", "response_type": "pass_fail"},
)
metrics = Operations(
    METRICS,
    returns=CustomMetricResponse,
    values=_as_answered,
    new=create_metric,
    stored=stored(
        CreateCustomMetricRequest, without=("bluejay_as_code_id", "agent_id"), allow_not_applicable=bool | None
    ),
)
_Metrics = shape(
    "CustomMetricsListResponse",
    "A page of metrics.",
    metrics=list[CustomMetricResponse],
    total_count=int,
    page=int,
    page_size=int,
    items_in_page=int,
    total_pages=int,
)
_OLDER = (Contract.SDK, Contract.OPENAPI)
_New = of_openapi(CreateCustomMetricRequest, description=str, response_type=MetricType)

metrics.create(
    "POST",
    "/v1/create-custom-metric",
    CreateCustomMetricRequest,
    takes_under=dict.fromkeys(_OLDER, _New),
)
metrics.get("GET", "/v1/custom-metric/{metric_id}")
metrics.list(
    "GET",
    "/v1/custom-metrics",
    filters={"agent_id": int | None},
    paging=Paging("page_size", 50, bounded=False),
    returns=_Metrics,
)
metrics.delete("DELETE", "/v1/custom-metric/{metric_id}", returns=DeletedMetric)


@metrics.operation("GET", "/v1/custom-metrics-by-agent/{agent_id}", returns=_Metrics)
def list_metrics_by_agent(call: ApiCall, agent_id: int) -> Answered:
    """Return all metrics of an agent on one page, the oldest first."""
    agent = call.require("agent", agent_id)
    found = call.world.resources[METRICS].of(call.organisation, agent_ids=agent.id)
    count = len(found)
    return Answered(found, total_count=count, page=1, page_size=count, items_in_page=count, total_pages=min(count, 1))


@metrics.operation(
    "PUT",
    "/v1/update-custom-metric/{metric_id}",
    takes_under=dict.fromkeys(_OLDER, of_openapi(UpdateCustomMetricRequest, response_type=(MetricType | None, None))),
)
def update_metric(call: ApiCall, metric: Entity, request: UpdateCustomMetricRequest) -> Entity:
    """Change a metric. Its id, and with it its `bluejay_as_code_id`, stays."""
    changed = changes(request, call.world.readings, metrics.never_null)
    changed.pop("bluejay_as_code_id", None)
    metrics.change(call.world, metric, changed)
    return metric


@metrics.operation(
    "POST",
    "/v1/create-custom-metrics",
    takes_under=dict.fromkeys(_OLDER, of_openapi(CreateCustomMetricsBulkRequest, metrics=list[_New])),  # type: ignore[valid-type]
    returns=shape("CreateCustomMetricsBulkResponse", "Metrics that were created.", metrics=list[CustomMetricResponse]),
)
def create_metrics(call: ApiCall, request: CreateCustomMetricsBulkRequest) -> list[Entity]:
    """Create several metrics, unless one of them cannot be created."""
    planned = [_planned(call.world, call.organisation, one) for one in request.metrics]
    ids = [id for id, _ in planned if id is not None]
    if len(set(ids)) < len(ids):
        raise Conflict(_TAKEN)
    return [call.world.resources[METRICS].add(call.organisation, fields, id) for id, fields in planned]


@metrics.operation("PUT", "/v1/update-custom-metrics")
def update_metrics(call: ApiCall, request: BulkUpdateCustomMetricsRequest) -> BulkUpdateCustomMetricsResponse:
    """Change several metrics in the same way. Documented: all given values are stored, also null."""
    updates = metrics.linked(call.world, call.organisation, given_fields(request.updates))
    found = call.require_all("metric", request.metric_ids)
    for metric in found:
        metrics.change(call.world, metric, updates)
    return BulkUpdateCustomMetricsResponse(message=f"Updated {len(found)} custom metric(s)", updated=len(found))


@metrics.operation("POST", "/v1/delete-custom-metrics")
def delete_metrics(call: ApiCall, request: BulkDeleteCustomMetricsRequest) -> BulkDeleteCustomMetricsResponse:
    """Delete several metrics, unless one of them does not exist."""
    found = call.require_all("metric", request.custom_metric_ids)
    for metric in found:
        call.world.resources.remove(metric)
    return BulkDeleteCustomMetricsResponse(deleted_count=len(found), deleted_metric_ids=[one.id for one in found])


@metrics.operation("POST", "/v1/generate-custom-metrics")
def generate_metrics(call: ApiCall, request: GenerateCustomMetricsRequest) -> dict[str, Any]:
    """Return drafts of metrics for an agent, and store nothing. Their texts and the shape of the answer are made up."""
    agent = call.require("agent", request.agent_id)
    count = min(max(0, request.count), _MOST_DRAFTS)
    return {"metrics": drafted(call, "metrics", lambda _: drafts(call.world.seed, agent.id, count), agent.id)}
