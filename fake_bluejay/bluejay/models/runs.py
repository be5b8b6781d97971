"""Models of runs of a simulation."""

from __future__ import annotations

from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from fake_bluejay.bluejay.models.results import SimulationResultResponse
from fake_bluejay.bluejay.models.wire import Positive, Wire, like
from fake_bluejay.core.clock import Moment


class _RunRequest(Wire):
    """The choice of digital humans for a run, and settings of the connection, in place of the agent's."""

    prompt_id: UUID | None = None
    agent_version_id: UUID | None = None
    knowledge_base_id: UUID | None = None
    digital_human_ids: list[str] | None = None
    phone_number: str | None = None
    sip_uri: str | None = None
    livekit_agent_name: str | None = None
    livekit_metadata: dict[str, Any] | None = None
    pipecat_agent_name: str | None = None
    pipecat_agent_configuration: dict[str, Any] | None = None
    pipecat_room_properties: dict[str, Any] | None = None
    eleven_labs_agent_id: str | None = None
    retell_agent_id: str | None = None
    vapi_assistant_id: str | None = None
    runs_per_digital_human: Positive | None = None


class _SimulationId(Wire):
    simulation_id: str


class _CodeId(Wire):
    bluejay_as_code_id: str


class SimulationRunRequest(_RunRequest, _SimulationId):
    """A request to run a simulation, whose id is a string here."""


class SimulationRunRequestUsingBACId(_RunRequest, _CodeId):
    """A request to run a simulation, which is named by its id in code."""


class BACRunRequest(_RunRequest):
    """The settings of a run whose simulation the path names by its id in code."""


RunFields = like(
    _RunRequest,
    "RunFields",
    "The fields of a request that a run keeps. Not every request names a version by a UUID.",
    prompt_id=(str | None, None),
    agent_version_id=(str | None, None),
    knowledge_base_id=(str | None, None),
)


class HttpSimulationRunRequest(Wire):
    """A request to run a simulation by HTTP messages."""

    simulation_id: str
    prompt_id: str | None = None
    agent_version_id: str | None = None
    knowledge_base_id: str | None = None
    digital_human_ids: list[str] | None = None
    runs_per_digital_human: Positive | None = None


class SmsSimulationRunRequest(Wire):
    """A request to run a simulation by text messages."""

    simulation_id: str
    prompt_id: UUID | None = None
    agent_version_id: UUID | None = None
    knowledge_base_id: UUID | None = None
    digital_human_ids: list[str] | None = None
    terminate_overlapping_simulations: bool | None = False
    runs_per_digital_human: Positive | None = None


class SimulationRunResponse(Wire):
    """A run that was queued. Its ids are strings."""

    simulation_run_id: str
    simulation_result_ids: list[str]
    agent_id: str
    status: str = "success"


class SmsSimulationRunResponse(SimulationRunResponse):
    """The same, of text messages."""

    terminated_conversations: list[dict[str, Any]] | None = None


class SimulationRunStatus(StrEnum):
    """The status of a run."""

    INITIALIZING = "INITIALIZING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    INCOMPLETED = "INCOMPLETED"
    INSUFFICIENT_FUNDS = "INSUFFICIENT_FUNDS"


class _Counted(Wire):
    """A model whose `tests_incompleted` is absent if it is not counted."""

    # Without a return type, which would become the schema. (`Field(exclude_if=…)` needs Pydantic 2.12.)
    @model_serializer(mode="wrap")
    def _without_what_is_not_counted(self, serialize: SerializerFunctionWrapHandler):  # type: ignore[no-untyped-def]
        fields = serialize(self)
        if fields["tests_incompleted"] is None:
            del fields["tests_incompleted"]
        return fields


class SimulationRunResultResponse(_Counted):
    """A run, as it comes with its results. Its ids are strings."""

    id: str
    simulation_id: str
    summary: str | None = None
    status: SimulationRunStatus | None = None
    total_tests: int | None = None
    tests_passed: int | None = None
    tests_failed: int | None = None
    tests_completed: int | None = None
    tests_incompleted: int | None = None
    created_at: Moment


class SimulationResultsResponse(Wire):
    """A run with its results, whose ids are integers."""

    simulation_run: SimulationRunResultResponse
    simulation_results: list[SimulationResultResponse] | None = None
    status: str = "200"


class SimulationRunRes(_Counted):
    """A run, as it comes with the others of its simulation. Its ids are integers."""

    id: int
    experiment_id: int
    summary: str | None = None
    tests_passed: int | None = None
    tests_failed: int | None = None
    total_tests: int | None = None
    tests_completed: int | None = None
    tests_incompleted: int | None = None
    curr_step_id: int | None = None
    created_at: Moment
    status: SimulationRunStatus
    phone_number: str | None = None


class GetSimulationRunsResponse(Wire):
    """The runs of a simulation."""

    simulation_runs: list[SimulationRunRes] = Field(default_factory=list)


class DeleteSimulationRunResponse(Wire):
    """The run is gone, with its results."""

    message: str
    deleted_simulation_run_id: int
