"""The metrics lab: the findings of custom metrics, and of revisions of them, beside those of people.

The findings of an evaluation are drawn from the seed, as everywhere; if a conversation has a result of a metric
already, it is copied. The answers to `GET`, which are not published, are ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from fake_bluejay.bluejay.models.wire import Wire, like, of_openapi, shape, stored
from fake_bluejay.bluejay.resources import PAGES, Operations, as_fields, given_fields
from fake_bluejay.bluejay.results import find_result
from fake_bluejay.core.clock import Moment
from fake_bluejay.core.errors import Refused
from fake_bluejay.core.metrics import scored
from fake_bluejay.core.readings import Contract
from fake_bluejay.core.resources import Entity, Link, OnDelete, Resource, uuid_ids
from fake_bluejay.core.scoring import tool_calls, transcript
from fake_bluejay.core.world import World
from fake_bluejay.http.operation import ApiCall

_Name = Annotated[str, Field(min_length=1, max_length=255)]


class ConversationItem(Wire):
    """A conversation: a call of production, or a test result."""

    call_id: str | None = None
    test_result_id: int | None = None


class CreateLabRequest(Wire):
    """A new lab."""

    name: _Name
    description: str | None = None
    tags: list[str] | None = None
    conversations: list[ConversationItem]
    metric_ids: list[str]


class LabResponse(Wire):
    """A lab."""

    id: str
    name: str
    description: str | None = None
    created_at: Moment
    updated_at: Moment | None = None


class AddMetricsToLabRequest(Wire):
    """Metrics to add to a lab, with the choice to evaluate its conversations by them."""

    lab_id: str
    metric_ids: Annotated[list[str], Field(min_length=1)]
    evaluate_conversations: bool | None = False


class AddMetricsToLabResponse(Wire):
    """The metrics that were added, and the number of conversations that are evaluated by them."""

    added_count: int
    skipped_count: int
    added_metric_ids: list[str]
    evaluation_triggered: bool = False
    evaluation_count: int | None = None
    message: str | None = None


class _ConversationsOfLab(Wire):
    lab_id: str
    conversations: Annotated[list[ConversationItem], Field(min_length=1)]


class AddConversationsToLabRequest(_ConversationsOfLab):
    """Conversations to add to a lab."""


class AddConversationsToLabResponse(Wire):
    """The conversations that were added."""

    added_count: int
    skipped_count: int
    added_conversation_ids: list[dict[str, Any]]
    message: str | None = None


class RemoveConversationsFromLabRequest(_ConversationsOfLab):
    """Conversations to take out of a lab."""


class CreateOrUpdateHumanEvaluationRequest(Wire):
    """A person's evaluation of a conversation by a metric."""

    custom_metric_id: str
    call_id: str | None = None
    test_result_id: int | None = None
    human_response_value: str
    human_reasoning: str | None = None


class HumanEvaluation(CreateOrUpdateHumanEvaluationRequest):
    """A person's evaluation of a conversation in a lab."""


class HumanEvaluationResponse(Wire):
    """A confirmation that a person's evaluation is stored."""

    success: bool
    message: str


class CreateMetricRevisionRequest(Wire):
    """A revision: a definition to try in the place of a metric's own."""

    custom_metric_id: str
    description: str | None = None
    scoring_guidance: str | None = None
    eval_route: str | None = None
    model: str | None = None
    audio_model: str | None = None
    temperature: float | None = None
    allow_not_applicable: bool | None = None


class MetricRevisionResponse(Wire):
    """A revision of a metric in a lab."""

    id: str
    lab_id: str
    custom_metric_id: str
    revision_number: int
    description: str | None = None
    scoring_guidance: str | None = None
    eval_route: str | None = None
    model: str | None = None
    audio_model: str | None = None
    temperature: float | None = None
    allow_not_applicable: bool | None = None
    created_at: Moment


class UpdateLabSettingsRequest(Wire):
    """New settings of a lab; the others stay."""

    model_config = ConfigDict(extra="allow")

    fuzzy_alignment: dict[str, Any] | None = None


class UpdateLabSettingsResponse(Wire):
    """A confirmation that the settings are stored."""

    success: bool
    message: str


class ConversationRequest(Wire):
    """A conversation to evaluate."""

    type: Literal["test_result", "call", "obs_conversation"]
    id: str


class MetricsRequest(Wire):
    """The metrics to evaluate by, or the revision of one."""

    type: Literal["custom_metric", "custom_metric_revision"]
    custom_metric_ids: list[str] | None = None
    custom_metric_revision_id: str | None = None


class EvaluateConversationRequest(Wire):
    """A conversation to evaluate in a lab."""

    lab_id: UUID
    conversation: ConversationRequest
    metrics: MetricsRequest


class MetricEvaluationItem(Wire):
    """An evaluation that was queued, with its metric or revision."""

    type: str
    id: str
    eval_id: str


class EvaluateConversationResponse(Wire):
    """The evaluations that were queued."""

    status: str
    message: str
    conversation_id: str
    conversation_type: str
    metrics: list[MetricEvaluationItem]


class LabEvaluation(Wire):
    """The finding of a metric, or of a revision of one, on a conversation."""

    id: str
    lab_id: str
    custom_metric_id: str
    custom_metric_revision_id: str | None = None
    call_id: str | None = None
    test_result_id: int | None = None
    status: Literal["QUEUED", "EVALUATING", "COMPLETED"]
    response_value: str | None = None
    reasoning: str | None = None


_LAB = Link("lab_id", to="lab", ids=uuid_ids, on_delete=OnDelete.CASCADE)
_METRIC = Link("custom_metric_id", to="metric", ids=uuid_ids, on_delete=OnDelete.CASCADE)
_CONVERSATION = (
    Link("call_id", to="call log", ids=uuid_ids, on_delete=OnDelete.CASCADE),
    Link("test_result_id", to="test result", find=find_result, on_delete=OnDelete.CASCADE),
)
"""The links to a conversation, a call log or a test result. What was found in it is removed with it."""


def _proceed(world: World, evaluation: Entity) -> None:
    """Move an evaluation to its next status, after the same times as that of a test result."""
    if evaluation.fields["status"] == "QUEUED":
        world.resources.change(evaluation, {"status": "EVALUATING"})
        world.resources.schedule(evaluation, world.settle() + world.evaluation_takes)
        return
    metric = world.resources.require("metric", evaluation.fields["custom_metric_id"], evaluation.organisation)
    [found] = scored(world, [metric], f"lab:{evaluation.id}", *_heard(world, evaluation))
    published = {name: found[name] for name in ("response_value", "reasoning")}
    world.resources.change(evaluation, {"status": "COMPLETED", **published})


def _heard(world: World, evaluation: Entity) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]] | None]:
    """Return the transcript of the evaluated conversation, and the tool calls of its agent."""
    record = world.results.get(evaluation.fields.get("test_result_id") or 0)
    if record is not None:
        return transcript(record), tool_calls(record)
    log = world.resources.find("call log", evaluation.fields.get("call_id"), evaluation.organisation)
    fields = {} if log is None else log.fields
    return fields.get("transcript") or [], fields.get("tool_calls")


LABS = Resource(
    "lab",
    ids=uuid_ids,
    links=(
        Link("metric_ids", to="metric", ids=uuid_ids),
        Link("call_ids", to="call log", ids=uuid_ids),
        Link("test_result_ids", to="test result", find=find_result),
    ),
    example={"name": "Lab", "conversations": [], "metric_ids": []},
)
METRIC_REVISIONS = Resource("metric revision", ids=uuid_ids, links=(_LAB, _METRIC))
LAB_EVALUATIONS = Resource(
    "lab evaluation",
    ids=uuid_ids,
    links=(
        _LAB,
        _METRIC,
        Link("custom_metric_revision_id", to="metric revision", ids=uuid_ids, on_delete=OnDelete.CASCADE),
        *_CONVERSATION,
    ),
    on_timer=_proceed,
)
HUMAN_EVALUATIONS = Resource("human evaluation", ids=uuid_ids, links=(_LAB, _METRIC, *_CONVERSATION))


def create_lab(world: World, organisation: str, request: CreateLabRequest) -> Entity:
    """Make a lab, with copies of the earlier findings of its metrics in its conversations.

    Raises:
        NotFound: A metric or a conversation does not exist.
        Refused: A conversation has neither of its ids.
    """
    fields = as_fields(request)
    calls, results = _conversations(world, organisation, fields.pop("conversations"))
    own = {"call_ids": calls, "test_result_ids": results, "settings": {}}
    lab = world.resources[LABS].add(organisation, labs.linked(world, organisation, {**fields, **own}))
    for conversation in _all_of(lab):
        _evaluate(world, lab, conversation, lab.fields["metric_ids"], queue=False)
    return lab


labs = Operations(
    LABS,
    returns=LabResponse,
    new=create_lab,
    stored=stored(
        CreateLabRequest,
        without=("conversations",),
        call_ids=list[UUID],
        test_result_ids=list[int],
        settings=dict[str, Any],
    ),
)
metric_revisions = Operations(METRIC_REVISIONS, returns=MetricRevisionResponse)
lab_evaluations = Operations(LAB_EVALUATIONS, returns=LabEvaluation)
human_evaluations = Operations(HUMAN_EVALUATIONS, returns=HumanEvaluation)
_PLACE = "/v1/metrics-lab/lab/{lab_id}"

labs.create("POST", "/v1/metrics-lab/lab", CreateLabRequest)
labs.update("PUT", _PLACE, like(CreateLabRequest, "UpdateLabRequest", "A change of a lab.", "name description"))
labs.delete(
    "DELETE", _PLACE, returns=shape("DeleteLabResponse", "A lab that was deleted.", message=str, deleted_lab_id=str)
)


@labs.operation("GET", "/v1/metrics-lab/labs", query=PAGES.query)
def list_labs(call: ApiCall) -> dict[str, Any]:
    """Return a page of labs, the newest first, with the sizes of each."""
    every = call.world.resources[LABS].of(call.organisation)[::-1]
    part, said = PAGES.part(every, call)
    counted = [
        {
            **labs.shown(lab).model_dump(),
            "conversation_count": len(_all_of(lab)),
            "metric_count": len(lab.fields["metric_ids"]),
            "revision_count": len(_in(call.world, METRIC_REVISIONS, lab)),
        }
        for lab in part
    ]
    return {"labs": counted, "total_count": len(every), **said}


@labs.operation("GET", _PLACE)
def get_lab(call: ApiCall, lab: Entity) -> dict[str, Any]:
    """Return a lab with its conversations and metrics, all findings, and the revisions."""
    kept = ("tags", "settings", "metric_ids")
    return {
        **labs.shown(lab).model_dump(),
        **{name: lab.fields[name] for name in kept},
        "conversations": _all_of(lab),
        "evaluations": [lab_evaluations.shown(one) for one in _in(call.world, LAB_EVALUATIONS, lab)],
        "human_evaluations": [human_evaluations.shown(one) for one in _in(call.world, HUMAN_EVALUATIONS, lab)],
        "metric_revisions": [metric_revisions.shown(one) for one in _in(call.world, METRIC_REVISIONS, lab)],
    }


@labs.operation("POST", f"{_PLACE}/metrics")
def add_metrics_to_lab(call: ApiCall, lab: Entity, request: AddMetricsToLabRequest) -> AddMetricsToLabResponse:
    """Add metrics to a lab, unless one of them does not exist. Earlier findings are copied."""
    wanted = call.require_all("metric", request.metric_ids)
    added = [one.id for one in wanted if one.id not in lab.fields["metric_ids"]]
    labs.change(call.world, lab, {"metric_ids": [*lab.fields["metric_ids"], *added]})
    evaluated = None
    if request.evaluate_conversations:
        queued = [_evaluate(call.world, lab, one, added) for one in _all_of(lab)]
        evaluated = sum(bool(one) for one in queued)
    return AddMetricsToLabResponse(
        added_count=len(added),
        skipped_count=len(request.metric_ids) - len(added),
        added_metric_ids=added,
        evaluation_triggered=bool(evaluated),
        evaluation_count=evaluated or None,
        message=f"Added {len(added)} metric(s)",
    )


@labs.operation("POST", f"{_PLACE}/conversations")
def add_conversations_to_lab(
    call: ApiCall, lab: Entity, request: AddConversationsToLabRequest
) -> AddConversationsToLabResponse:
    """Add conversations to a lab, unless one of them does not exist."""
    calls, results = _conversations(call.world, call.organisation, as_fields(request)["conversations"])
    before = _all_of(lab)
    fields = {
        "call_ids": list(dict.fromkeys([*lab.fields["call_ids"], *calls])),
        "test_result_ids": list(dict.fromkeys([*lab.fields["test_result_ids"], *results])),
    }
    labs.change(call.world, lab, fields)
    added = [one for one in _all_of(lab) if one not in before]
    for one in added:
        _evaluate(call.world, lab, one, lab.fields["metric_ids"], queue=False)
    return AddConversationsToLabResponse(
        added_count=len(added),
        skipped_count=len(calls) + len(results) - len(added),
        added_conversation_ids=added,
        message=f"Added {len(added)} conversation(s)",
    )


@labs.operation("DELETE", f"{_PLACE}/conversations")
def remove_conversations_from_lab(call: ApiCall, lab: Entity, request: RemoveConversationsFromLabRequest) -> Any:
    """Remove conversations from a lab; the conversations stay. Others in the request are ignored."""
    before = len(_all_of(lab))
    gone = as_fields(request)["conversations"]
    calls = {uuid_ids.read(one["call_id"]) for one in gone if one["call_id"] is not None}
    results = {one["test_result_id"] for one in gone}
    fields = {
        "call_ids": [id for id in lab.fields["call_ids"] if id not in calls],
        "test_result_ids": [id for id in lab.fields["test_result_ids"] if id not in results],
    }
    labs.change(call.world, lab, fields)
    removed = before - len(_all_of(lab))
    return {"removed_count": removed, "message": f"Removed {removed} conversation(s)"}


@labs.operation("PUT", f"{_PLACE}/human-evaluation")
def set_human_evaluation(
    call: ApiCall, lab: Entity, request: CreateOrUpdateHumanEvaluationRequest
) -> HumanEvaluationResponse:
    """Store a person's evaluation of a conversation by a metric, in the place of an earlier one."""
    fields = as_fields(request)
    key = {"custom_metric_id": call.require("metric", request.custom_metric_id).id, **_conversation(call, fields)}
    for before in _in(call.world, HUMAN_EVALUATIONS, lab, **key):
        call.world.resources.remove(before)
    call.world.resources[HUMAN_EVALUATIONS].add(call.organisation, {**fields, **key, "lab_id": lab.id})
    return HumanEvaluationResponse(success=True, message="Human evaluation saved")


@labs.operation("PUT", f"{_PLACE}/settings")
def update_lab_settings(call: ApiCall, lab: Entity, request: UpdateLabSettingsRequest) -> UpdateLabSettingsResponse:
    """Change settings of a lab."""
    labs.change(call.world, lab, {"settings": {**lab.fields["settings"], **given_fields(request)}})
    return UpdateLabSettingsResponse(success=True, message="Lab settings updated")


@metric_revisions.operation("POST", f"{_PLACE}/metric-revisions")
def create_metric_revision(call: ApiCall, lab_id: UUID, request: CreateMetricRevisionRequest) -> Entity:
    """Make a revision of a metric in a lab; the metric stays as it is."""
    lab = call.require("lab", lab_id)
    metric = call.require("metric", request.custom_metric_id)
    before = _in(call.world, METRIC_REVISIONS, lab, custom_metric_id=metric.id)
    number = max((one.fields["revision_number"] for one in before), default=0) + 1
    own = {"lab_id": lab.id, "custom_metric_id": metric.id, "revision_number": number}
    return call.world.resources[METRIC_REVISIONS].add(call.organisation, {**as_fields(request), **own})


@lab_evaluations.operation(
    "POST",
    "/v1/metrics-lab/evaluate-conversation",
    takes_under=dict.fromkeys(
        (Contract.SDK, Contract.OPENAPI),
        of_openapi(
            EvaluateConversationRequest,
            conversation=of_openapi(ConversationRequest, type=Literal["test_result", "call"]),
        ),
    ),
)
def evaluate_conversation(call: ApiCall, request: EvaluateConversationRequest) -> EvaluateConversationResponse:
    """Queue evaluations of a conversation: by metrics, or by a revision of one."""
    lab, asked = call.require("lab", request.lab_id), request.metrics
    of_test = request.conversation.type == "test_result"
    named = request.conversation.id
    item = {"call_id": None, "test_result_id": named} if of_test else {"call_id": named, "test_result_id": None}
    conversation = _conversation(call, item)
    if asked.type == "custom_metric_revision":
        revision = call.require("metric revision", asked.custom_metric_revision_id)
        metric_ids, revision_id = [revision.fields["custom_metric_id"]], revision.id
    else:
        if not asked.custom_metric_ids:
            raise Refused("custom_metric_ids are needed for the type custom_metric")
        metric_ids = [call.require("metric", id).id for id in asked.custom_metric_ids]
        revision_id = None
    queued = [_queue(call.world, lab, conversation, id, revision_id) for id in metric_ids]
    return EvaluateConversationResponse(
        status="success",
        message="Evaluation queued",
        conversation_id=named,
        conversation_type=request.conversation.type,
        metrics=[
            MetricEvaluationItem(type=asked.type, id=revision_id or one.fields["custom_metric_id"], eval_id=one.id)
            for one in queued
        ],
    )


def _conversation(call: ApiCall, item: dict[str, Any]) -> dict[str, Any]:
    """Return the ids of a conversation. Raises as `_conversations` does."""
    calls, results = _conversations(call.world, call.organisation, [item])
    return {"call_id": next(iter(calls), None), "test_result_id": next(iter(results), None)}


def _conversations(world: World, organisation: str, items: Iterable[dict[str, Any]]) -> tuple[list[str], list[int]]:
    """Return the ids of calls and those of test results.

    Raises:
        NotFound: One of them does not exist.
        Foreign: One is another organisation's.
        Refused: One names neither.
    """
    calls: list[str] = []
    results: list[int] = []
    for item in items:
        if item["call_id"] is None and item["test_result_id"] is None:
            raise Refused("A conversation needs a call_id or a test_result_id")
        if item["call_id"] is not None:
            calls.append(world.resources.require("call log", item["call_id"], organisation).id)
        if item["test_result_id"] is not None:
            results.append(find_result(world, organisation, item["test_result_id"]).id)
    return calls, results


def _all_of(lab: Entity) -> list[dict[str, Any]]:
    """Return the conversations of a lab."""
    calls = [{"call_id": id, "test_result_id": None} for id in lab.fields["call_ids"]]
    return calls + [{"call_id": None, "test_result_id": id} for id in lab.fields["test_result_ids"]]


def _in(world: World, resource: Resource, lab: Entity, **fields: Any) -> list[Entity]:
    return world.resources[resource].of(lab.organisation, lab_id=lab.id, **fields)


def _evaluate(
    world: World, lab: Entity, conversation: dict[str, Any], metric_ids: Iterable[str], *, queue: bool = True
) -> list[Entity]:
    """Copy the earlier findings of metrics in a conversation and, if wanted, queue evaluations by the other metrics.

    Returns:
        The evaluations that were queued.
    """
    record = world.results.get(conversation["test_result_id"] or 0)
    there = {} if record is None else {one["name"]: one for one in record.metrics}
    queued = []
    for id in metric_ids:
        metric = world.resources.require("metric", id, lab.organisation)
        if (found := there.get(metric.fields["name"])) is not None:
            published = {name: found[name] for name in ("response_value", "reasoning")}
            _add(world, lab, {**conversation, "custom_metric_id": id, "status": "COMPLETED", **published})
        elif queue:
            queued.append(_queue(world, lab, conversation, id))
    return queued


def _queue(
    world: World, lab: Entity, conversation: dict[str, Any], metric_id: str, revision_id: str | None = None
) -> Entity:
    named = {"custom_metric_id": metric_id, "custom_metric_revision_id": revision_id}
    evaluation = _add(world, lab, {**conversation, **named, "status": "QUEUED"})
    world.resources.schedule(evaluation, world.settle() + world.evaluation_starts_after)
    return evaluation


def _add(world: World, lab: Entity, fields: dict[str, Any]) -> Entity:
    empty = {"custom_metric_revision_id": None, "response_value": None, "reasoning": None}
    return world.resources[LAB_EVALUATIONS].add(lab.organisation, {**empty, **fields, "lab_id": lab.id})
