"""Simulation results, which the end-conversations call knows as test results."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, StrictInt, ValidationError, create_model, model_validator
from pydantic_core import PydanticCustomError

from fake_bluejay.bluejay.mistakes import first_mistake, models_in
from fake_bluejay.bluejay.models.wire import Wire
from fake_bluejay.core.clock import Moment, datetime_at
from fake_bluejay.core.scripts import Call
from fake_bluejay.core.suggest import check_known, unknown


class Event(Wire):
    """An event in a conversation. Offsets are milliseconds from its start."""

    title: str
    start_offset_ms: int
    description: str | None = None
    end_offset_ms: int | None = None
    tags: list[str] | None = None
    metadata: dict[str, Any] | None = None


class ToolCall(Wire):
    """A tool that the agent called, as it is reported to Bluejay."""

    name: str
    start_offset_ms: Annotated[int, Field(ge=0)]
    description: str | None = None
    parameters: dict[str, Any] | None = None
    output: Any | None = None


class ExpectedToolCallDetail(Wire):
    """An expected call of a tool."""

    parameters: dict[str, Any] | None = None
    output: Any | None = None


class ActualToolCallDetail(ExpectedToolCallDetail):
    """A call of a tool that was made."""

    start_offset_ms: int | None = None


class ToolCallComparisonGroup(Wire):
    """The calls of one tool: those that were expected, and those that were made."""

    name: str
    expected: list[ExpectedToolCallDetail] = Field(default_factory=list)
    actual: list[ActualToolCallDetail] = Field(default_factory=list)


class CustomMetric(Wire):
    """A metric of the customer's own, with the value that it was found to have."""

    name: str
    description: str
    response_type: str
    response_value: str
    reasoning: str | None = None
    min_value: float | None = None
    max_value: float | None = None
    category: str | None = None
    tags: list[str] | None = None
    scoring_guidance: str | None = None
    enum_options: list[str] | None = None
    human_edited: bool | None = None
    human_response_value: str | None = None
    human_reasoning: str | None = None
    override_reason_code: str | None = None
    override_notes: str | None = None
    last_edited_by: str | None = None
    last_edited_at: Moment | None = None


class BuiltInMetric(Wire):
    """A metric that every conversation has, such as `num_turns`."""

    name: str
    value: Any = None


class Latency(Wire):
    """The agent's response times, in milliseconds."""

    avg_agent_latency: float | None = 0
    max_agent_latency: float | None = 0
    p50_agent_latency: float | None = 0
    p90_agent_latency: float | None = 0
    p95_agent_latency: float | None = 0
    p99_agent_latency: float | None = 0


class FillerIgnoredLatency(Wire):
    """The same, where a filler is not yet an answer."""

    avg_filler_ignored_latency: float | None = 0
    p50_filler_ignored_latency: float | None = 0
    p90_filler_ignored_latency: float | None = 0
    p95_filler_ignored_latency: float | None = 0
    p99_filler_ignored_latency: float | None = 0


class GivenEvaluation(Wire):
    """An evaluation as a test gives it; the fields that it leaves out are made up."""

    id: str = Field(default_factory=str)
    created_at: Moment = Field(default_factory=lambda: datetime_at(0))
    hallucination: bool | None = None
    hallucination_reasoning: str | None = None
    redundancy: bool | None = None
    redundancy_reasoning: str | None = None
    agent_speak_percentage: float | None = None
    avg_agent_latency: float | None = None
    latency: Latency | None = None
    filler_ignored_latency: FillerIgnoredLatency | None = None
    num_turns: int | None = None
    call_summary: str | None = None
    custom_evals: list[Any] | dict[str, Any] | None = None
    custom_evals_success_rate: float | None = None
    goal_success: bool | None = None
    goal_reasoning: str | None = None
    pronunciation_score: float | None = None
    pronunciation_reasoning: str | None = None
    sentiment_label: str | None = None
    sentiment_score: float | None = None
    sentiment_scores: dict[str, float] | None = None
    custom_metrics: list[CustomMetric] | None = None
    human_edited: bool | None = None
    human_goal_success: bool | None = None
    human_goal_reasoning: str | None = None
    human_hallucination: bool | None = None
    human_hallucination_reasoning: str | None = None
    human_redundancy: bool | None = None
    human_redundancy_reasoning: str | None = None
    human_pronunciation_score: float | None = None
    human_pronunciation_reasoning: str | None = None
    override_goal_reason_code: str | None = None
    override_goal_notes: str | None = None
    override_hallucination_reason_code: str | None = None
    override_hallucination_notes: str | None = None
    override_redundancy_reason_code: str | None = None
    override_redundancy_notes: str | None = None
    override_pronunciation_reason_code: str | None = None
    override_pronunciation_notes: str | None = None
    last_edited_by: str | None = None
    last_edited_at: Moment | None = None
    predicted_age: float | None = None
    customer_gender: str | None = None
    gender_confidence: float | None = None
    detected_language: str | None = None
    language_confidence: float | None = None
    agent_audio_clarity: float | None = None
    user_audio_clarity: float | None = None


class Evaluation(GivenEvaluation):
    """The findings of an evaluation."""

    agent_speak_percentage: float | None
    avg_agent_latency: float | None


class SimulationResultResponse(Wire):
    """A simulated conversation. `duration` is in milliseconds. The order of the fields is the published one."""

    # Added by a reading.
    model_config = ConfigDict(extra="allow")

    id: int
    digital_human_id: int
    result: dict[str, Any] | None = None
    duration: int | None = None
    start_time: Moment | None = None
    end_time: Moment | None = None
    custom_metrics: dict[str, Any] | list[Any] | None = None
    status: str | None = None
    latency: dict[str, Any] | list[Any] | None = None
    events: list[Event] | None = None
    transcript_url: str | None = None
    audio_url: str | None = None
    evaluations: list[Evaluation] | None = None
    tool_calls: list[ToolCallComparisonGroup] | None = None
    trace_ids: list[str] | None = None
    metrics: list[CustomMetric | BuiltInMetric] | None = None


class SingleSimulationResultResponse(Wire):
    """A simulated conversation that is requested by its id."""

    simulation_result: SimulationResultResponse
    status: str = "200"


class ParticipantRole(StrEnum):
    """The role of a speaker."""

    AGENT = "AGENT"
    USER = "USER"


class TranscriptEntryRequest(Wire):
    """An utterance, as the customer recorded it. Offsets are milliseconds from the conversation's start."""

    start_offset_ms: int
    end_offset_ms: int
    speaker: ParticipantRole
    utterance: str
    filler_utterance: bool | None = None


class UpdateSimulationResultRequest(Wire):
    """A customer's report on a conversation, which is named by its id, or by its times and its duration."""

    simulation_result_id: str | None = None
    start_time: Moment | None = None
    end_time: Moment | None = None
    duration: float | None = None
    events: list[Event] | None = None
    tool_calls: list[ToolCall] | None = None
    recorded_transcript: list[TranscriptEntryRequest] | None = None
    tags: list[str] | None = None
    metadata: dict[str, Any] | None = None
    trace_ids: list[str] | None = None

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        when = (self.start_time, self.end_time, self.duration)
        if self.simulation_result_id is None and None in when:
            # The documentation says that one of these is needed; the wording is ours.
            raise PydanticCustomError(
                "value_error", "Value error, simulation_result_id is needed, or start_time, end_time and duration"
            )
        return self


class UpdateSimulationResultRequestById(UpdateSimulationResultRequest):
    """A customer's report on a conversation, as the OpenAPI and the SDK describe it: it is named by its id."""

    simulation_result_id: str


class UpdateSimulationResponse(Wire):
    """A confirmation that the report is stored."""

    status: str = "success"
    message: str | None = None


class ReEvaluateSimulationResultResponse(Wire):
    """The conversation is to be evaluated again."""

    status: str
    simulation_result_id: int
    message: str


class DeleteSimulationResultResponse(Wire):
    """The conversation is gone."""

    message: str
    deleted_simulation_result_id: int


class Given(Wire):
    """A value that a test gives. NaN is kept here, so that the check for JSON finds it."""

    model_config = ConfigDict(ser_json_inf_nan="constants")


class _GivenFields(Given):
    """The fields of a test result that a test may give; an answer leaves the others out or makes them up."""

    digital_human_id: StrictInt = 1
    duration: StrictInt | None = None
    evaluations: list[GivenEvaluation] | None = None
    issue_ids: list[str] | None = None
    simulation_run_id: StrictInt = 1
    tool_calls: list[ToolCall | ToolCallComparisonGroup] | None = None


_OF_THE_WORLD = ("id", "status", "start_time", "end_time", "simulation_result_id")
"""The published parts of a test result that are not among its fields."""


def _published() -> Iterator[tuple[str, Any]]:
    """Yield the published fields of a test result, and those of a report about one, as fields that a test may give."""
    for model in (UpdateSimulationResultRequest, SimulationResultResponse):
        for name, one in model.model_fields.items():
            if name not in _OF_THE_WORLD and name not in _GivenFields.model_fields:
                yield name, (one.annotation, None)


GivenFields = create_model("GivenFields", __base__=_GivenFields, __doc__=_GivenFields.__doc__, **dict(_published()))

FIELDS = tuple(sorted(GivenFields.model_fields))
"""The fields that a test result may have besides its status and times."""


class GivenScript(Given):
    """The part of a call's script that answers show."""

    transcript: list[TranscriptEntryRequest] | None = None
    evaluations: list[GivenEvaluation] | None = None
    tool_calls: list[ToolCall] | None = None
    custom_metrics: list[CustomMetric] | None = None


def check_fields(names: Iterable[str], besides: Iterable[str] = ()) -> None:
    """Check the names of the fields of a test result.

    Args:
        names: The names that were given.
        besides: Other names that are known in that place, and so may have been meant.

    Raises:
        ValueError: A field is not published. The message names it, and those that are known.
    """
    for name in names:
        if name not in FIELDS:
            raise ValueError(unknown("field of a test result", name, sorted({*FIELDS, *besides} - {name})))


def as_given(fields: Mapping[str, Any], besides: Iterable[str] = ()) -> dict[str, Any]:
    """Return the fields that a test gives, as they are stored: as JSON; None removes a field.

    Args:
        fields: The fields, as the test gave them.
        besides: As of `check_fields`.

    Raises:
        ValueError: A field, or a name inside one, is unknown, or no answer could show a value.
    """
    check_fields(fields, besides)
    given = {name: value for name, value in fields.items() if value is not None}
    return {**fields, **_as_json(GivenFields, given, "a test result's")}


def as_scripted(call: Call) -> Call:
    """Return a call's script with the values for answers as they are stored: as JSON.

    Raises:
        ValueError: A value does not have the published shape, as `as_given` says.
    """
    given = {name: getattr(call, name) for name in GivenScript.model_fields}
    return replace(call, **_as_json(GivenScript, given, "a call's"))


def _as_json(model: type[Given], given: Mapping[str, Any], whose: str) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in given.items():
        if name not in model.model_fields:
            continue
        _refuse_unknown(model.model_fields[name].annotation, value, f"{whose} {name}")
        try:
            one = model.model_validate({name: value}).model_dump(mode="json", exclude_unset=True)
            json.dumps(one, allow_nan=False, ensure_ascii=False).encode()
        except ValidationError as error:
            raise ValueError(f"{whose} {first_mistake(error)}") from None
        except ValueError as error:
            raise ValueError(f"{whose} {name}: JSON is needed: {error}") from None
        kept |= one
    return kept


def _refuse_unknown(annotation: Any, value: Any, what: str) -> None:
    """Check that an object whose fields are known has no other name.

    Raises:
        ValueError: It has one.
    """
    if isinstance(value, (list, tuple)):
        for one in value:
            _refuse_unknown(annotation, one, what)
    elif isinstance(value, Mapping) and (models := list(models_in(annotation))):
        fields = {name: field.annotation for model in models for name, field in model.model_fields.items()}
        for name, inner in value.items():
            check_known(f"field of {what}:", name, fields)
            _refuse_unknown(fields[name], inner, f"{what}.{name}")
