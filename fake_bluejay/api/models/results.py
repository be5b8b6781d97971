"""Simulation results, which the end-conversations call knows as test results."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import ConfigDict, Field, StrictInt, TypeAdapter, ValidationError

from fake_bluejay.api.models.wire import Wire
from fake_bluejay.core.calls import Call

__all__ = [
    "DeleteSimulationResultResponse",
    "Event",
    "ReEvaluateSimulationResultResponse",
    "SimulationResultResponse",
    "SingleSimulationResultResponse",
    "ToolCall",
    "UpdateSimulationResponse",
    "UpdateSimulationResultRequest",
    "check_given",
    "check_script",
]


class Event(Wire):
    """Something that happened in a conversation. Offsets are milliseconds from its start."""

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
    """How a tool should have been called."""

    parameters: dict[str, Any] | None = None
    output: Any | None = None


class ActualToolCallDetail(Wire):
    """How a tool was called."""

    parameters: dict[str, Any] | None = None
    output: Any | None = None
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


class Latency(Wire):
    """How long the agent took to answer, in milliseconds."""

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


class Evaluation(Wire):
    """What an evaluation found."""

    id: str | None = None
    created_at: datetime | None = None
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
    custom_metrics: list[CustomMetric] | None = None


class SimulationResultResponse(Wire):
    """One conversation. `duration` is in milliseconds. The order of the fields is that of the published schema."""

    # What a reading adds.
    model_config = ConfigDict(extra="allow")

    id: int
    digital_human_id: int
    result: dict[str, Any] | None = None
    duration: int | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    custom_metrics: dict[str, Any] | list[Any] | None = None
    status: str | None = None
    latency: dict[str, Any] | list[Any] | None = None
    events: list[Event] | None = None
    transcript_url: str | None = None
    audio_url: str | None = None
    evaluations: list[Evaluation] | None = None
    tool_calls: list[ToolCallComparisonGroup] | None = None


class SingleSimulationResultResponse(Wire):
    """One conversation, asked for by its id."""

    simulation_result: SimulationResultResponse
    status: str = "200"


class ParticipantRole(StrEnum):
    """Who speaks."""

    AGENT = "AGENT"
    USER = "USER"


class TranscriptEntryRequest(Wire):
    """What somebody said, as the customer recorded it. Offsets are milliseconds from the conversation's start."""

    start_offset_ms: int
    end_offset_ms: int
    speaker: ParticipantRole
    utterance: str
    filler_utterance: bool | None = None


class UpdateSimulationResultRequest(Wire):
    """What the customer knows of a conversation. The last field only the SDK has."""

    simulation_result_id: str
    events: list[Event] | None = None
    tool_calls: list[ToolCall] | None = None
    recorded_transcript: list[TranscriptEntryRequest] | None = None
    tags: list[str] | None = None
    metadata: dict[str, Any] | None = None
    trace_ids: list[str] | None = None


class UpdateSimulationResponse(Wire):
    """It was taken."""

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


class GivenFields(Wire):
    """What a test may say of a test result; what is left out, an answer leaves out or makes up."""

    audio_url: str | None = None
    custom_metrics: dict[str, Any] | list[Any] | None = None
    digital_human_id: StrictInt = 1
    duration: StrictInt | None = None
    evaluations: list[Evaluation] | None = None
    events: list[Event] | None = None
    latency: dict[str, Any] | list[Any] | None = None
    metadata: dict[str, Any] | None = None
    recorded_transcript: list[TranscriptEntryRequest] | None = None
    result: dict[str, Any] | None = None
    simulation_run_id: StrictInt = 1
    tags: list[str] | None = None
    tool_calls: list[ToolCall | ToolCallComparisonGroup] | None = None
    trace_ids: list[str] | None = None
    transcript_url: str | None = None


def check_given(fields: Mapping[str, Any]) -> None:
    """Raises `ValueError` if a field of a test result is what no answer can show; unknown ones are not looked at."""
    try:
        GivenFields.model_validate(dict(fields))
    except ValidationError as error:
        raise ValueError(f"a test result's {_first(error)}") from None


_IN_A_SCRIPT: dict[str, type[Wire]] = {
    "transcript": TranscriptEntryRequest,
    "evaluations": Evaluation,
    "tool_calls": ToolCall,
    "custom_metrics": CustomMetric,
}


def check_script(call: Call) -> None:
    """Raises `ValueError` if a call's script gives what no answer can show."""
    for name, model in _IN_A_SCRIPT.items():
        try:
            TypeAdapter(list[model] | None).validate_python(getattr(call, name), strict=False)  # type: ignore[valid-type, arg-type]
        except ValidationError as error:
            raise ValueError(f"a call's {name}: {_first(error)}") from None


def _first(error: ValidationError) -> str:
    """The first thing that is wrong: where, what is needed, and what was given."""
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}, not {first['input']!r:.80}"
