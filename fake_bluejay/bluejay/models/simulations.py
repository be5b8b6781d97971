"""Simulations: which agent is tested, by whom, and how."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from fake_bluejay.bluejay.models.wire import Wire
from fake_bluejay.core.clock import Moment

__all__ = [
    "AddDigitalHumansToSimulationRequest",
    "AddDigitalHumansToSimulationResponse",
    "DeleteSimulationResponse",
    "DigitalHumansSettings",
    "GetSimulationsResponse",
    "Positive",
    "RemoveDigitalHumansFromSimulationRequest",
    "RemoveDigitalHumansFromSimulationResponse",
    "SimulationPydantic",
    "SimulationRequest",
    "SimulationRes",
    "SimulationResponse",
    "SimulationType",
    "UpdateSimulationRequest",
]

Positive = Annotated[int, Field(gt=0)]
_Concurrent = Annotated[int, Field(gt=0, le=500)]
_Percentage = Annotated[int, Field(ge=0, le=100)]
_DEPRECATED = Field(json_schema_extra={"deprecated": True})
_Units = Literal["minutes", "seconds"]


class SimulationType(StrEnum):
    """How the calls of a run follow each other."""

    SEQUENTIAL = "sequential"
    PARALLEL = "parallel"
    MAX_CONCURRENT = "max_concurrent"


class DigitalHumansSettings(Wire):
    """What the digital humans of a simulation are like unless they say otherwise."""

    default_name: str | None = "random"
    default_caller_number: str | None = "random"
    default_language: str | None = "random"
    default_background_noise: str | None = "none"
    first_message: str | None = "ai_generated"
    num_runs: Annotated[int, Field(ge=1)] | None = 1


class SimulationRequest(Wire):
    """A new simulation of an agent, whose id is a string here."""

    agent_id: str
    name: str | None = None
    description: str | None = None
    prompt_id: Annotated[UUID | None, _DEPRECATED] = None
    agent_version_id: UUID | None = None
    knowledge_base_id: UUID | None = None
    sequential_calling: bool | None = False
    max_concurrent: _Concurrent | None = None
    hangup_on_transfer: bool | None = False
    max_call_duration: int | None = 10
    max_call_duration_units: _Units | None = "minutes"
    ringing_timeout: int | None = 300
    digital_humans_settings: DigitalHumansSettings | None = None
    selected_custom_metrics: list[UUID] | None = None
    custom_metrics_failing_threshold: _Percentage | None = None
    custom_metrics_passing_threshold: _Percentage | None = None
    runs_per_digital_human: Positive | None = None
    delay_between_tests_seconds: float | None = None
    inactivity_timeout_seconds: int | None = None
    always_on: bool | None = False


class SimulationResponse(Wire):
    """A simulation that was created."""

    simulation_id: int
    status: str = "200"


class SimulationRes(Wire):
    """A simulation in a list of many."""

    id: int
    name: str
    agent_id: int | None = None
    created_at: Moment
    settings: dict[str, Any] | None = None
    selected_custom_metrics: list[UUID] | None = None


class GetSimulationsResponse(Wire):
    """Many simulations."""

    simulations: list[SimulationRes] = Field(default_factory=list)


class DeleteSimulationResponse(Wire):
    """A simulation that was deleted."""

    message: str
    deleted_simulation_id: int


class UpdateSimulationRequest(Wire):
    """What to change of a simulation."""

    bluejay_as_code_id: UUID | None = None
    name: str | None = None
    description: str | None = None
    prompt_id: Annotated[UUID | None, _DEPRECATED] = None
    agent_version_id: UUID | None = None
    knowledge_base_id: UUID | None = None
    max_concurrent: _Concurrent | None = None
    hangup_on_transfer: bool | None = None
    max_call_duration: int | None = None
    max_call_duration_units: _Units | None = None
    max_turns: int | None = None
    ringing_timeout: int | None = None
    digital_humans_settings: dict[str, Any] | None = None
    selected_custom_metrics: list[UUID] | None = None
    custom_metrics_failing_threshold: _Percentage | None = None
    custom_metrics_passing_threshold: _Percentage | None = None
    outcome_failing_threshold: Annotated[int, Field(ge=0, le=99)] | None = None
    outcome_passing_threshold: Annotated[int, Field(ge=1, le=100)] | None = None
    runs_per_digital_human: Positive | None = None
    delay_between_tests_seconds: float | None = None
    inactivity_timeout_seconds: int | None = None
    tags: list[str] | None = None
    pinned: bool | None = None
    custom_error_enabled: bool | None = None
    custom_error_prompt: str | None = None
    enable_rerun_failed_test_results: bool | None = None
    enable_rerun_on_custom_error: bool | None = None
    rerun_max_retries: int | None = None


class SimulationPydantic(Wire):
    """A simulation. What has no field of its own here is in `settings`."""

    id: int | None = None
    bluejay_as_code_id: UUID | None = None
    agent_id: int
    name: str
    created_at: Moment | None = None
    settings: dict[str, Any] | None = None
    type: SimulationType
    max_concurrent: int | None = None
    max_turns: int | None = None
    ringing_timeout: int | None = None
    tags: list[str] | None = None
    description: str | None = None
    pinned: bool | None = None
    always_on: bool | None = None


class AddDigitalHumansToSimulationRequest(Wire):
    """Who is to take part, besides those who do already."""

    digital_human_ids: list[int]


class AddDigitalHumansToSimulationResponse(Wire):
    """They take part now."""

    message: str


class RemoveDigitalHumansFromSimulationRequest(Wire):
    """Who is not to take part any more."""

    digital_human_ids: list[int]


class RemoveDigitalHumansFromSimulationResponse(Wire):
    """They take part no more."""

    message: str
