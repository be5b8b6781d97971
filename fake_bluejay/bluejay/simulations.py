"""Simulations: which agent is tested, by whom, and how."""

from __future__ import annotations

from typing import Any

from fake_bluejay.bluejay.models.simulations import (
    AddDigitalHumansToSimulationRequest,
    AddDigitalHumansToSimulationResponse,
    DeleteSimulationResponse,
    GetSimulationsResponse,
    RemoveDigitalHumansFromSimulationRequest,
    RemoveDigitalHumansFromSimulationResponse,
    SimulationPydantic,
    SimulationRequest,
    SimulationRes,
    SimulationResponse,
    SimulationType,
    UpdateSimulationRequest,
)
from fake_bluejay.bluejay.resources import Operations, as_fields, changes, check_version, found
from fake_bluejay.core.clock import datetime_at
from fake_bluejay.core.readings import DeletedAgent, Readings
from fake_bluejay.core.resources import Entity, Link, OnDelete, Resource
from fake_bluejay.core.world import World
from fake_bluejay.http.operation import Call, Operation, as_id

__all__ = ["OPERATIONS", "SIMULATIONS", "create_simulation", "join", "simulations"]


def _with_its_agent(readings: Readings) -> OnDelete:
    return OnDelete.CASCADE if readings.deleted_agent is DeletedAgent.SIMULATIONS_GO else OnDelete.KEEP


SIMULATIONS = Resource(
    "simulation",
    links=(Link("agent_id", to="agent", on_delete=_with_its_agent),),
    required={"agent_id": int, "name": str},
)
_OWN_FIELDS = frozenset(SimulationPydantic.model_fields)
"""What an answer has a field for; the rest of what a simulation carries is in its `settings`."""


def create_simulation(world: World, organisation: str, request: SimulationRequest) -> Entity:
    """A new simulation. Raises the 404 if there is no such agent, the 400 for two versions of it."""
    check_version(request)
    agent = world.resources.require("agent", as_id(request.agent_id), organisation)
    fields = {**as_fields(request), "agent_id": agent.id}
    if fields["name"] is None:
        fields["name"] = f"Simulation {world.resources[SIMULATIONS].next_id()}"
    return world.resources[SIMULATIONS].add(organisation, fields)


def create(call: Call) -> SimulationResponse:
    """Create a simulation."""
    return SimulationResponse(simulation_id=create_simulation(call.world, call.organisation, call.request).id)


def get_simulation(call: Call) -> SimulationPydantic:
    """One simulation."""
    return _simulation(_asked_for(call))


def update_simulation(call: Call) -> SimulationPydantic:
    """Change a simulation."""
    simulation = _asked_for(call)
    check_version(call.request)
    changed = changes(call.request, call.world.readings, simulations.never_null)
    call.world.resources[SIMULATIONS].change(simulation, changed)
    return _simulation(simulation)


def delete_simulation(call: Call) -> DeleteSimulationResponse:
    """Delete a simulation."""
    simulation = _asked_for(call)
    call.world.resources.remove(simulation)
    return DeleteSimulationResponse(message="Simulation deleted", deleted_simulation_id=simulation.id)


def get_all_simulations(call: Call) -> GetSimulationsResponse:
    """All simulations, the oldest first."""
    return _listed(call.world.resources[SIMULATIONS].of(call.organisation))


def get_simulations_by_agent(call: Call) -> GetSimulationsResponse:
    """The simulations of an agent, the oldest first."""
    agent = call.require("agent", as_id(call.parameters["agent_id"]))
    return _listed(
        [one for one in call.world.resources[SIMULATIONS].of(call.organisation) if one.fields["agent_id"] == agent.id]
    )


def add_digital_humans(call: Call) -> AddDigitalHumansToSimulationResponse:
    """Let digital humans take part in a simulation, besides those who do; all of them, or if one is unknown none."""
    simulation = _asked_for(call)
    world, ids = call.world, call.request.digital_human_ids
    for human in [call.require("digital human", id) for id in ids]:
        join(world, human, simulation)
    return AddDigitalHumansToSimulationResponse(message=f"Added {len(ids)} digital human(s) to the simulation")


def remove_digital_humans(call: Call) -> RemoveDigitalHumansFromSimulationResponse:
    """Let digital humans take part in a simulation no more; documented: idempotent for those who do not."""
    simulation = _asked_for(call)
    ids = call.request.digital_human_ids
    for id in ids:
        human = call.world.resources.find("digital human", id, call.organisation)
        if human is not None:
            _leave(call.world, human, simulation)
    return RemoveDigitalHumansFromSimulationResponse(message=f"Removed {len(ids)} digital human(s) from the simulation")


def join(world: World, human: Entity, simulation: Entity) -> None:
    """Let a digital human take part in a simulation; nothing happens if it does."""
    ids = human.fields["simulation_ids"]
    if simulation.id not in ids:
        world.resources[human.resource].change(human, {"simulation_ids": [*ids, simulation.id]})


def _leave(world: World, human: Entity, simulation: Entity) -> None:
    ids = human.fields["simulation_ids"]
    if simulation.id in ids:
        world.resources[human.resource].change(human, {"simulation_ids": [id for id in ids if id != simulation.id]})


def _asked_for(call: Call) -> Entity:
    return found(call.world.resources[SIMULATIONS], call.parameters["simulation_id"], call.organisation)


def _settings(simulation: Entity) -> dict[str, Any]:
    return {name: value for name, value in simulation.fields.items() if name not in _OWN_FIELDS}


def _simulation(simulation: Entity) -> SimulationPydantic:
    fields = simulation.fields
    kind = SimulationType.PARALLEL if fields.get("max_concurrent") is None else SimulationType.MAX_CONCURRENT
    return SimulationPydantic(
        id=simulation.id,
        created_at=datetime_at(simulation.created_at),
        settings=_settings(simulation),
        type=SimulationType.SEQUENTIAL if fields.get("sequential_calling") else kind,
        **{name: value for name, value in fields.items() if name in _OWN_FIELDS},
    )


def _listed(those: list[Entity]) -> GetSimulationsResponse:
    return GetSimulationsResponse(
        simulations=[
            SimulationRes(
                id=simulation.id,
                name=simulation.fields["name"],
                agent_id=simulation.fields["agent_id"],
                created_at=datetime_at(simulation.created_at),
                settings=_settings(simulation),
                selected_custom_metrics=simulation.fields.get("selected_custom_metrics"),
            )
            for simulation in those
        ]
    )


simulations = Operations(
    SIMULATIONS, returns=SimulationPydantic, show=_simulation, new=create_simulation, request=SimulationRequest
)

_BY_ID: dict[str, Any] = {"path_types": {"simulation_id": int}}

OPERATIONS = [
    Operation("POST", "/v1/create-simulation", create, takes=SimulationRequest, returns=SimulationResponse),
    Operation("GET", "/v1/get-all-simulations", get_all_simulations, returns=GetSimulationsResponse),
    Operation(
        "GET", "/v1/get-simulations-by-agent/{agent_id}", get_simulations_by_agent, returns=GetSimulationsResponse
    ),
    Operation("GET", "/v1/simulation/{simulation_id}", get_simulation, **_BY_ID, returns=SimulationPydantic),
    Operation(
        "PUT",
        "/v1/simulation/{simulation_id}",
        update_simulation,
        **_BY_ID,
        takes=UpdateSimulationRequest,
        returns=SimulationPydantic,
    ),
    Operation(
        "DELETE", "/v1/simulation/{simulation_id}", delete_simulation, **_BY_ID, returns=DeleteSimulationResponse
    ),
    Operation(
        "POST",
        "/v1/simulation/{simulation_id}/add-digital-humans",
        add_digital_humans,
        **_BY_ID,
        takes=AddDigitalHumansToSimulationRequest,
        returns=AddDigitalHumansToSimulationResponse,
    ),
    Operation(
        "POST",
        "/v1/simulation/{simulation_id}/remove-digital-humans",
        remove_digital_humans,
        **_BY_ID,
        takes=RemoveDigitalHumansFromSimulationRequest,
        returns=RemoveDigitalHumansFromSimulationResponse,
    ),
]
