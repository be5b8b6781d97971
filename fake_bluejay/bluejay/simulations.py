"""Simulations of calls: an agent under test, its digital humans, and settings."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from fake_bluejay.bluejay.models.wire import DEPRECATED, Positive, Wire, shape
from fake_bluejay.bluejay.resources import Operations, as_fields, changes, check_version
from fake_bluejay.core.clock import Moment
from fake_bluejay.core.readings import DeletedAgent, DeletedSimulation, Readings
from fake_bluejay.core.resources import Entity, Link, OnDelete, Resource, uuid_ids
from fake_bluejay.core.world import World
from fake_bluejay.http.operation import ApiCall

_Concurrent = Annotated[int, Field(gt=0, le=500)]
_Percentage = Annotated[int, Field(ge=0, le=100)]
_Units = Literal["minutes", "seconds"]

# The values of a `StrEnum` that is made of names are these in lower case.
SimulationType = StrEnum("SimulationType", "SEQUENTIAL PARALLEL MAX_CONCURRENT")
SimulationType.__doc__ = "The order of the calls of a run."


class DigitalHumansSettings(Wire):
    """The settings of a simulation's digital humans, unless they have their own."""

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
    prompt_id: Annotated[UUID | None, DEPRECATED] = None
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


class SimulationRes(Wire):
    """A simulation in a list of many."""

    id: int
    name: str
    agent_id: int | None = None
    created_at: Moment
    settings: dict[str, Any] | None = None
    selected_custom_metrics: list[UUID] | None = None


class UpdateSimulationRequest(Wire):
    """A change of a simulation."""

    bluejay_as_code_id: UUID | None = None
    name: str | None = None
    description: str | None = None
    prompt_id: Annotated[UUID | None, DEPRECATED] = None
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
    """A simulation. `settings` has the stored fields that are not listed here."""

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
    """The digital humans to add to a simulation."""

    digital_human_ids: list[int]


class AddDigitalHumansToSimulationResponse(Wire):
    """A confirmation that the digital humans take part."""

    message: str


class RemoveDigitalHumansFromSimulationRequest(Wire):
    """The digital humans to remove from a simulation."""

    digital_human_ids: list[int]


class RemoveDigitalHumansFromSimulationResponse(Wire):
    """A confirmation that the digital humans no longer take part."""

    message: str


def _with_its_agent(readings: Readings) -> OnDelete:
    """Return the effect of an agent's deletion on its simulations, by the reading `deleted_agent`."""
    return OnDelete.CASCADE if readings.deleted_agent is DeletedAgent.SIMULATIONS_GO else OnDelete.KEEP


def _remove_runs(world: World, simulation: Entity) -> None:
    """Remove the runs of a simulation that was deleted, unless a reading keeps them."""
    if world.readings.deleted_simulation is DeletedSimulation.RUNS_GO:
        for run in [run for run in world.runs.values() if run.simulation_id == simulation.id]:
            world.remove_run(run.id)


SIMULATIONS = Resource(
    "simulation",
    on_remove=_remove_runs,
    links=(
        Link("agent_id", to="agent", on_delete=_with_its_agent),
        Link("selected_custom_metrics", to="metric", ids=uuid_ids),
        Link("personality_ids", to="personality", ids=uuid_ids),
    ),
)
_OWN_FIELDS = frozenset(SimulationPydantic.model_fields) | {"personality_ids"}
"""The fields that answers or another endpoint show themselves; `settings` has the others."""


def create_simulation(world: World, organisation: str, request: SimulationRequest) -> Entity:
    """Make a simulation.

    Raises:
        NotFound: There is no such agent.
        Refused: The request names two versions of the agent.
    """
    check_version(request)
    agent = world.resources.require("agent", request.agent_id, organisation)
    fields = {**as_fields(request), "agent_id": agent.id}
    if fields["name"] is None:
        fields["name"] = f"Simulation {world.resources[SIMULATIONS].next_id()}"
    return world.resources[SIMULATIONS].add(organisation, simulations.linked(world, organisation, fields))


def _computed(simulation: Entity) -> dict[str, Any]:
    """Return the values that answers show besides the stored fields."""
    fields = simulation.fields
    kind = SimulationType.PARALLEL if fields.get("max_concurrent") is None else SimulationType.MAX_CONCURRENT
    return {
        "settings": {name: value for name, value in fields.items() if name not in _OWN_FIELDS},
        "type": SimulationType.SEQUENTIAL if fields.get("sequential_calling") else kind,
    }


simulations = Operations(SIMULATIONS, returns=SimulationPydantic, values=_computed, new=create_simulation)

_Simulations = shape(
    "GetSimulationsResponse",
    "A list of simulations.",
    simulations=(list[SimulationRes], Field(default_factory=list)),
)

simulations.create(
    "POST",
    "/v1/create-simulation",
    SimulationRequest,
    returns=shape("SimulationResponse", "A simulation that was created.", simulation_id=int, status=(str, "200")),
)
simulations.get("GET", "/v1/simulation/{simulation_id}")
simulations.list("GET", "/v1/get-all-simulations", returns=_Simulations)
simulations.list(
    "GET",
    "/v1/get-simulations-by-agent/{agent_id}",
    path_types={"agent_id": str},
    returns=_Simulations,
)
simulations.delete(
    "DELETE",
    "/v1/simulation/{simulation_id}",
    returns=shape("DeleteSimulationResponse", "A simulation that was deleted.", message=str, deleted_simulation_id=int),
)


@simulations.operation("PUT", "/v1/simulation/{simulation_id}")
def update_simulation(call: ApiCall, simulation: Entity, request: UpdateSimulationRequest) -> Entity:
    """Change a simulation."""
    check_version(request)
    simulations.change(call.world, simulation, changes(request, call.world.readings, simulations.never_null))
    return simulation


@simulations.operation("POST", "/v1/simulation/{simulation_id}/add-digital-humans")
def add_digital_humans(
    call: ApiCall, simulation: Entity, request: AddDigitalHumansToSimulationRequest
) -> AddDigitalHumansToSimulationResponse:
    """Add digital humans to a simulation. If one of them is unknown, none is added."""
    ids = request.digital_human_ids
    for human in call.require_all("digital human", ids):
        join(call.world, human, simulation)
    return AddDigitalHumansToSimulationResponse(message=f"Added {len(ids)} digital human(s) to the simulation")


@simulations.operation("POST", "/v1/simulation/{simulation_id}/remove-digital-humans")
def remove_digital_humans(
    call: ApiCall, simulation: Entity, request: RemoveDigitalHumansFromSimulationRequest
) -> RemoveDigitalHumansFromSimulationResponse:
    """Remove digital humans from a simulation. Documented: other ids are ignored."""
    ids = request.digital_human_ids
    for id in ids:
        human = call.world.resources.find("digital human", id, call.organisation)
        if human is not None:
            call.world.resources.change_list(human, "simulation_ids", remove=[simulation.id])
    return RemoveDigitalHumansFromSimulationResponse(message=f"Removed {len(ids)} digital human(s) from the simulation")


def join(world: World, human: Entity, simulation: Entity) -> None:
    """Add a digital human to a simulation, unless it takes part already."""
    world.resources.change_list(human, "simulation_ids", add=[simulation.id])
