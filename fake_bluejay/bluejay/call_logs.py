"""Call logs: conversations of production that a customer submits to Bluejay, with their evaluations.

A call log is QUEUED when it is submitted, EVALUATING a while later, and then COMPLETED, or SYSTEM_ERROR if the
evaluation failed. The oldest evaluation script of the organisation gives the findings, or else the default does; the
metrics of the agent, and those that the request names, score the conversation.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AnyHttpUrl, Field, HttpUrl, UrlConstraints, create_model

from fake_bluejay.bluejay.models.results import (
    CustomMetric,
    Evaluation,
    Event,
    GivenEvaluation,
    ParticipantRole,
    ToolCall,
    TranscriptEntryRequest,
)
from fake_bluejay.bluejay.models.wire import PAGE, Wire, shape, stored
from fake_bluejay.bluejay.resources import PAGES, Operations, as_fields, not_null_fields
from fake_bluejay.core.clock import Moment, datetime_at, iso, microseconds
from fake_bluejay.core.conversations import Conversation
from fake_bluejay.core.errors import NotFound, Refused
from fake_bluejay.core.metrics import check_scores, metrics_for, scored
from fake_bluejay.core.readings import Contract, EvaluateParticipants, StatusWords, UnknownVersion, WebhookTranscript
from fake_bluejay.core.resources import Entity, Link, OnDelete, Resource, uuid_ids
from fake_bluejay.core.scoring import evaluations
from fake_bluejay.core.scripts import Call as Script
from fake_bluejay.core.statuses import Status
from fake_bluejay.core.test_results import Record
from fake_bluejay.core.world import World
from fake_bluejay.http.operation import ApiCall


class CallDirection(StrEnum):
    """The direction of a call, seen from the agent."""

    INBOUND = "INBOUND"
    OUTBOUND = "OUTBOUND"


class CallInterface(StrEnum):
    """The medium of a conversation."""

    PHONE = "PHONE"
    WEB = "WEB"


class Participant(Wire):
    """A participant of a conversation."""

    role: ParticipantRole
    spoke_first: bool | None = None
    name: str | None = None
    phone_number: str | None = None


class ParticipantResponse(Participant):
    """A participant of a conversation, as answers show it."""


class _CallRequest(Wire):
    recording_url: Annotated[AnyHttpUrl, UrlConstraints(max_length=5000)] | None = None
    recording_base64: str | None = None
    start_time_utc: Moment
    participants: Annotated[list[Participant], Field(max_length=2)]
    call_direction: CallDirection | None = CallDirection.INBOUND
    interface: CallInterface | None = CallInterface.PHONE
    transcript_url: HttpUrl | None = None
    transcript: list[TranscriptEntryRequest] | None = None
    tool_calls: list[ToolCall] | None = None
    events: list[Event] | None = None
    tags: list[str] | None = None
    trace_id: str | None = None
    created_at: Moment | None = None
    metadata: dict[str, Any] | None = None
    webhook_tag: str | None = None
    custom_metrics: list[UUID] | None = None
    custom_metric_tags: list[str] | None = None
    label: str | None = None
    enable_phrase_latencies: bool | None = None
    conversation_ended_by: ParticipantRole | None = None
    multichannel: bool | None = False


class _ByAgentId(Wire):
    agent_id: str


class _ByExternalAgentId(Wire):
    external_agent_id: str


class _OfDocs(_CallRequest):
    version: int | None = None


class CallRequestUsingAgentId(_OfDocs, _ByAgentId):
    """A conversation to evaluate, of an agent by its id."""


class CallRequestUsingExternalAgentId(_OfDocs, _ByExternalAgentId):
    """A conversation to evaluate, of an agent by the customer's own id for it."""

    label: str | None = "production"


CallRequest = CallRequestUsingAgentId | CallRequestUsingExternalAgentId


def _either(base: type[_CallRequest]) -> Any:
    """Return both requests with the rules of `base`, under the published names: a union's errors contain them."""
    by_id, by_external_id = CallRequestUsingAgentId, CallRequestUsingExternalAgentId
    of_agent: Any = create_model(by_id.__name__, __base__=(base, _ByAgentId), __doc__=by_id.__doc__)
    label: Any = str | None, "production"
    return of_agent | create_model(
        by_external_id.__name__, __base__=(base, _ByExternalAgentId), __doc__=by_external_id.__doc__, label=label
    )


_Two = Annotated[list[Participant], Field(min_length=2, max_length=2)]


class _OfTwo(_OfDocs):
    participants: _Two


class _OfOpenApi(_CallRequest):
    recording_url: HttpUrl | None = None  # type: ignore[assignment]
    participants: _Two


class ReEvaluateCallRequest(Wire):
    """The agent's version for a new evaluation; null for the version of the last one."""

    version: int | None = None


class ReEvaluateCallResponse(Wire):
    """A conversation that is evaluated again."""

    status: str
    call_id: str
    message: str


class EvaluateCallResponse(ReEvaluateCallResponse):
    """A conversation that was submitted."""

    warning: str | None = None


class ConversationMetric(Wire):
    """A metric of a conversation, with its value as a text."""

    metric_name: str
    metric_type: str
    value: str
    human_edited: bool = False
    reasoning: str | None = None


class CallLog(Wire):
    """A conversation with its evaluations."""

    id: str
    agent_id: str
    external_agent_id: str | None = None
    recording_url: str | None
    start_time_utc: str
    participants: list[ParticipantResponse]
    call_direction: CallDirection = CallDirection.INBOUND
    interface: CallInterface = CallInterface.PHONE
    status: Status  # documented: one enum for conversations of production and of simulations
    created_at: Moment = Field(default_factory=lambda: datetime_at(0))
    transcript_url: str | None = None
    tool_calls: list[ToolCall] | None = None
    events: list[Event] | None = None
    tags: list[str] | None = None
    duration_ms: int | None = 0
    evaluations: list[Evaluation] | None = None
    metrics: list[ConversationMetric] = Field(default_factory=list)
    annotations: list[Any] | None = None
    metadata: dict[str, Any] | None = None
    custom_metrics: list[Any] | None = None
    conversation_ended_by: ParticipantRole | None = None


class UpdateCallLogRequest(Wire):
    """A change of a call log, with the choice to evaluate it again."""

    tool_calls: list[ToolCall] | None = None
    events: list[Event] | None = None
    metadata: dict[str, Any] | None = None
    reevaluate: bool | None = False


class UpdateLogResponse(Wire):
    """A call log that was changed."""

    message: str
    status: str = "200"


class DeleteCallLogResponse(Wire):
    """A call log that was deleted, or whose recording was."""

    message: str
    status: str = "200"


class BulkDeleteCallLogsRequest(Wire):
    """The call logs to delete."""

    call_ids: list[str]


class BulkDeleteCallLogsResponse(Wire):
    """Call logs that were deleted."""

    message: str
    deleted_count: int
    status: str = "200"


class EvaluationScriptRequest(Wire):
    """A script of the next evaluation of a call log, in seconds of the fake's clock; null: as the fake is set."""

    waits: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    takes: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    fails: bool = False
    passes: bool = True
    evaluation: GivenEvaluation | None = None
    custom_metrics: list[CustomMetric] | None = None
    scores: dict[str, Any] | None = None


class EvaluationScript(EvaluationScriptRequest):
    """A script of a coming evaluation."""

    id: UUID


DAYS: Final = {"1day": 1, "3days": 3, "7days": 7, "30days": 30, "90days": 90, "all": None}
"""The choices of the parameter `last` → days."""

_DAY: Final = 86_400_000_000


def _new_script(world: World, organisation: str, request: EvaluationScriptRequest) -> Entity:
    """Make a script. Its evaluation is stored with the given fields alone."""
    fields = as_fields(request)
    if request.evaluation is not None:
        fields["evaluation"] = request.evaluation.model_dump(mode="json", exclude_unset=True)
    return world.resources[EVALUATION_SCRIPTS].add(organisation, fields)


EVALUATION_SCRIPTS = Resource("evaluation script", ids=uuid_ids)
evaluation_scripts = Operations(
    EVALUATION_SCRIPTS, returns=EvaluationScript, new=_new_script, request=EvaluationScriptRequest
)


def _proceed(world: World, log: Entity) -> None:
    """Move a call log to its next status."""
    now, script = world.settle(), log.fields["script"]
    if log.fields["status"] == Status.QUEUED:
        world.resources.change(log, {"status": Status.EVALUATING.value})
        world.resources.schedule(log, now + _length(script.get("takes"), world.evaluation_takes))
        return
    if script.get("fails"):
        documented = world.readings.status_words is StatusWords.DOCUMENTATION
        status = Status.SYSTEM_ERROR if documented else Status.INCOMPLETED
        world.resources.change(log, {"status": status.value})
        _over(world, log, now)
        return
    found = [*(log.fields.get("evaluations") or []), _found(world, log, now)]
    world.resources.change(log, {"status": Status.COMPLETED.value, "evaluations": found})
    event = "observability_call_evaluated"
    world.emit(event, log.organisation, log.fields["agent_id"], lambda: _payload(world, log), now)
    _over(world, log, now)


def _over(world: World, log: Entity, now: int) -> None:
    """Publish a conversation to alerts after its evaluation."""
    fields, done = log.fields, log.fields["status"] == Status.COMPLETED
    evaluation, failure = (fields["evaluations"][-1], None) if done else (None, fields["status"])
    metadata = fields.get("metadata") or {}
    world.conversation_over(
        Conversation("observability", log.id, log.organisation, fields["agent_id"], evaluation, metadata, failure), now
    )


def _payload(world: World, log: Entity) -> dict[str, Any]:
    payload = {**call_logs.shown(log).model_dump(), "type": "observability_call_evaluated"}
    if world.readings.webhook_transcript is WebhookTranscript.PRESENT:
        payload["transcript"] = log.fields.get("transcript") or []
    return payload


def _found(world: World, log: Entity, now: int) -> dict[str, Any]:
    """Return the findings of an evaluation, by the function that scores calls of simulations."""
    fields, script = log.fields, log.fields["script"]
    number = len(fields.get("evaluations") or [])
    record = Record(f"{log.id}:{number}", log.organisation, Status.COMPLETED, None, now, {})  # type: ignore[arg-type]
    given = script.get("evaluation")
    metrics = script.get("custom_metrics")
    record.call = Script(
        passes=script.get("passes", True),
        evaluations=None if given is None else (given,),
        custom_metrics=None if metrics is None else tuple(metrics),
        transcript=tuple(fields.get("transcript") or ()),
    )
    counting, spoken = _metrics_of(world, log.organisation, fields), fields.get("transcript") or ()
    subject = f"metric:{record.id}"
    record.metrics = scored(world, counting, subject, spoken, fields.get("tool_calls"), script.get("scores"))
    [one] = evaluations(record, world.seed) or []
    return {**one, "created_at": iso(now)}


def _metrics_of(world: World, organisation: str, fields: Mapping[str, Any]) -> list[Entity]:
    """Return the metrics that score a conversation: its agent's, and those that it names by id or tag."""
    also, tags = fields.get("custom_metric_ids") or (), fields.get("custom_metric_tags") or ()
    return metrics_for(world.resources, organisation, fields["agent_id"], "observability", also=also, tags=tags)


def _length(seconds: float | None, default: int) -> int:
    return default if seconds is None else microseconds(seconds)


def _submit(world: World, organisation: str, request: CallRequest) -> Entity:
    """Make a call log, and queue its evaluation.

    Raises:
        NotFound: The agent, or one of the named metrics, does not exist.
        Refused: The script of its evaluation gives a score that no metric can have.
    """
    agent = _agent_of(world, organisation, request)
    fields = as_fields(request)
    fields.pop("recording_base64")
    fields.update(
        agent_id=agent.id,
        external_agent_id=agent.fields.get("external_agent_id"),
        label=request.label,
        call_direction=fields["call_direction"] or CallDirection.INBOUND.value,
        interface=fields["interface"] or CallInterface.PHONE.value,
        status=Status.QUEUED.value,
        duration_ms=max((entry.end_offset_ms for entry in request.transcript or ()), default=0),
        script={},
    )
    # The stored metrics are those of the request; answers show the scored ones.
    fields["custom_metric_ids"] = fields.pop("custom_metrics")
    if fields["created_at"] is None:
        del fields["created_at"]
    fields = call_logs.linked(world, organisation, fields)
    script = _next_script(world, organisation, fields)
    log = world.resources[CALL_LOGS].add(organisation, fields)
    _queue(world, log, script)
    return log


def _agent_of(world: World, organisation: str, request: CallRequest) -> Entity:
    """Return the agent that a request names by either id. Raises `NotFound`."""
    if isinstance(request, _ByAgentId):
        return world.resources.require("agent", request.agent_id, organisation)
    return world.resources.require_by("agent", organisation, "external_agent_id", request.external_agent_id)


def metric_results(log: Entity) -> list[Mapping[str, Any]]:
    """Return the metrics of the newest evaluation with their values."""
    evaluations = log.fields.get("evaluations") or [{}]
    return evaluations[-1].get("custom_metrics") or []


def _values(log: Entity) -> dict[str, Any]:
    found = metric_results(log)
    values: dict[str, Any] = {
        "agent_id": str(log.fields["agent_id"]),
        "metric_results": found,
        "metrics": [
            {
                "metric_name": one["name"],
                "metric_type": one["response_type"],
                "value": one["response_value"],
                "human_edited": bool(one.get("human_edited")),
                "reasoning": one.get("reasoning"),
            }
            for one in found
        ],
    }
    if "created_at" in log.fields:
        values["created_at"] = log.fields["created_at"]
    return values


CALL_LOGS = Resource(
    "call log",
    ids=uuid_ids,
    links=(
        Link("agent_id", to="agent", on_delete=OnDelete.KEEP),
        Link("custom_metric_ids", to="metric", ids=uuid_ids),
    ),
    example={
        "agent_id": "1",
        "start_time_utc": "2026-01-01T00:00:00Z",
        "participants": [{"role": "AGENT"}, {"role": "USER"}],
        "transcript": [{"start_offset_ms": 0, "end_offset_ms": 900, "speaker": "AGENT", "utterance": "Hello."}],
    },
    on_timer=_proceed,
)
call_logs = Operations(
    CALL_LOGS,
    returns=CallLog,
    values=_values,
    new=_submit,
    request=CallRequestUsingAgentId,
    stored=stored(
        CallRequestUsingAgentId,
        without=("recording_base64", "custom_metrics", "created_at", "version"),
        agent_id=int,
        external_agent_id=str | None,
        label=str | None,
        call_direction=CallDirection,
        interface=CallInterface,
        status=Status,
        duration_ms=int,
        script=EvaluationScriptRequest,
    ),
)

_ID: Final = {"call_id": str}
"""The published type of the id in some of the paths: a text that is not a UUID names no call log."""


@call_logs.operation(
    "GET",
    "/v1/retrieve-call-log/{call_id}",
    path_types=_ID,
    returns=shape(
        "RetrieveCallLogResponse",
        "A call log. The credits that it used are null, as they are until they are priced.",
        call_log=CallLog,
        credits_used=(float | None, None),
        status=(str, "200"),
    ),
)
def retrieve_call_log(call: ApiCall, call_log: Entity) -> Entity:
    """Return a call log."""
    return call_log


@call_logs.operation(
    "POST",
    "/v1/evaluate",
    takes_under={Contract.OPENAPI: _either(_OfOpenApi), EvaluateParticipants.EXACTLY_TWO: _either(_OfTwo)},
)
def evaluate(call: ApiCall, request: CallRequest) -> EvaluateCallResponse:
    """Submit a conversation, to be evaluated."""
    if call.world.readings.contract is Contract.DOCS:
        _check_sources(call, request)
    version = getattr(request, "version", None)
    if version is not None and call.world.readings.unknown_version is UnknownVersion.NOT_FOUND:
        from fake_bluejay.bluejay.prompts import has_version

        if not has_version(call.world, _agent_of(call.world, call.organisation, request), version):
            raise NotFound(f"Version {version} not found")
    log = _submit(call.world, call.organisation, request)
    return EvaluateCallResponse(
        status="success",
        call_id=log.id,
        message="Evaluation queued",
        warning=_warning(call, log, version, request.label),
    )


def _check_sources(call: ApiCall, request: CallRequest) -> None:
    """Raise `Refused` without a recording or a transcript, or for a text agent without a transcript.

    Both are documented; the wording and the status are ours.
    """
    sources = (request.transcript_url, request.transcript)
    if _agent_of(call.world, call.organisation, request).fields["mode"] == "TEXT":
        if not any(sources):
            raise Refused("A transcript is needed: the agent is a text agent")
    elif not any((*sources, request.recording_url, request.recording_base64)):
        raise Refused("A recording or a transcript is needed")


def _warning(call: ApiCall, log: Entity, version: int | None, label: str | None) -> str | None:
    """Return a warning about the agent's version of a conversation, if it is unknown; make a label that is new."""
    if version is None and label in (None, "production") and not call.world.resources.named("prompt"):
        return None  # most tests use no versions
    from fake_bluejay.bluejay.prompts import evaluated_version

    return evaluated_version(call.world, call.require("agent", log.fields["agent_id"]), version, label)


def _next_script(world: World, organisation: str, fields: Mapping[str, Any]) -> Entity | None:
    """Return the organisation's oldest evaluation script; None if there is none.

    Raises:
        Refused: The script gives a score that none of the conversation's metrics can have.
    """
    script = next(iter(world.resources[EVALUATION_SCRIPTS].of(organisation)), None)
    if script is not None and script.fields.get("scores"):
        try:
            check_scores(script.fields["scores"], _metrics_of(world, organisation, fields))
        except ValueError as error:
            raise Refused(str(error)) from None
    return script


def _queue(world: World, log: Entity, script: Entity | None) -> None:
    """Queue the evaluation of a call log, and use up its script."""
    if script is not None:
        world.resources.remove(script)
    said = {} if script is None else script.fields
    world.resources.change(log, {"status": Status.QUEUED.value, "script": said})
    due = world.settle() + _length(said.get("waits"), world.evaluation_starts_after)
    world.resources.schedule(log, due)


@call_logs.operation("POST", "/v1/re-evaluate/{call_id}", default_body={"version": None})
def re_evaluate(call: ApiCall, call_log: Entity, request: ReEvaluateCallRequest) -> ReEvaluateCallResponse:
    """Evaluate a conversation again. The new evaluation stands beside the older ones."""
    if (version := request.version) is not None:
        from fake_bluejay.bluejay.prompts import has_version

        if not has_version(call.world, call.require("agent", call_log.fields["agent_id"]), version):
            raise Refused(f"Version {version} not found")
    script = _next_script(call.world, call.organisation, call_log.fields)
    if version is not None:
        call_logs.change(call.world, call_log, {"version": version})
    _queue(call.world, call_log, script)
    return ReEvaluateCallResponse(status="success", call_id=call_log.id, message="Evaluation queued")


@call_logs.operation(
    "GET",
    "/v1/retrieve-call-logs/{agent_id}",
    paging=PAGES,
    returns=shape(
        "RetrieveCallLogsResponse",
        "A page of call logs.",
        call_logs=(list[CallLog], Field(default_factory=list)),
        **PAGE,
    ),
)
def retrieve_call_logs(
    call: ApiCall,
    agent_id: str,
    label: str | None = None,
    last: Literal["1day", "3days", "7days", "30days", "90days", "all"] = "1day",
) -> list[Entity]:
    """Return a page of the call logs of an agent, the newest first; `last` counts back from now."""
    agent = call.require("agent", agent_id)
    days, now = DAYS[last], call.world.settle()
    wanted = {"agent_id": agent.id} if label is None else {"agent_id": agent.id, "label": label}
    logs = call.world.resources[CALL_LOGS].of(call.organisation, **wanted)
    return [log for log in reversed(logs) if days is None or log.created_at >= now - days * _DAY]


@call_logs.operation("PUT", "/v1/update-log/{call_id}", path_types=_ID)
def update_log(call: ApiCall, call_log: Entity, request: UpdateCallLogRequest) -> UpdateLogResponse:
    """Change a call log and, with `reevaluate`, evaluate the conversation again."""
    given = not_null_fields(request)
    again = given.pop("reevaluate", False)
    script = _next_script(call.world, call.organisation, call_log.fields) if again else None
    call_logs.change(call.world, call_log, given)
    if again:
        _queue(call.world, call_log, script)
    return UpdateLogResponse(message="Call log updated")


@call_logs.operation("DELETE", "/v1/call-log/{call_id}", path_types=_ID)
def delete_call_log(call: ApiCall, call_log: Entity, recording_only: bool = False) -> DeleteCallLogResponse:
    """Delete a call log, or only its recording."""
    if recording_only:
        call_logs.change(call.world, call_log, {"recording_url": None})
        return DeleteCallLogResponse(message="Recording deleted")
    call.world.resources.remove(call_log)
    return DeleteCallLogResponse(message="Call log deleted")


@call_logs.operation("DELETE", "/v1/call-logs")
def bulk_delete_call_logs(call: ApiCall, request: BulkDeleteCallLogsRequest) -> BulkDeleteCallLogsResponse:
    """Delete call logs, unless one of them does not exist."""
    gone = call.require_all("call log", request.call_ids)
    for log in gone:
        call.world.resources.remove(log)
    return BulkDeleteCallLogsResponse(message="Call logs deleted", deleted_count=len(gone))


def _name_one(call: ApiCall) -> dict[str, str]:
    """Answer that the path needs an id; Bluejay's own answer is not published."""
    return {
        "message": "The id of a call log, or of an agent for a list, belongs at the end of the path; nothing was done"
    }


for _method, _path in (("GET", "retrieve-call-log"), ("GET", "retrieve-call-logs"), ("DELETE", "call-log")):
    call_logs.operation(_method, f"/v1/{_path}", returns=Any)(_name_one)
