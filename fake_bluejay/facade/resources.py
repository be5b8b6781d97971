"""What a test sees of agents, simulations and digital humans: live views, and a short way to add each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from fake_bluejay.bluejay.agents import create_agent
from fake_bluejay.bluejay.digital_humans import create_digital_human
from fake_bluejay.bluejay.models.agents import AgentRequest
from fake_bluejay.bluejay.models.digital_humans import DigitalHumanRequestData
from fake_bluejay.bluejay.models.simulations import SimulationRequest
from fake_bluejay.bluejay.simulations import create_simulation, join
from fake_bluejay.core.clock import datetime_at
from fake_bluejay.core.resources import Collection, Resource
from fake_bluejay.core.suggest import check_known, unknown
from fake_bluejay.core.world import World

__all__ = [
    "MOST_DIGITAL_HUMANS",
    "AgentView",
    "DigitalHumanView",
    "ResourceView",
    "SimulationView",
    "add_agent",
    "add_digital_human",
    "add_simulation",
    "validated",
]

MOST_DIGITAL_HUMANS = 10_000
"""That are new with one simulation: ours, so that a slip of the pen does not cost a server its memory."""

_Model = TypeVar("_Model", bound=BaseModel)

_AGENT = {"name": "Agent", "system_prompt": "You answer the phone.", "knowledge_base": "", "goals": []}
_DIGITAL_HUMAN = {"intent": "Ask something.", "success_criteria": "It is answered.", "phone_number": "+15555550100"}


class ResourceView:
    """An agent, a simulation or a digital human: always what it is now. Raises `KeyError` once it is gone."""

    def __init__(self, world: World, collection: str, id: int) -> None:
        self._world = world
        self._collection = collection
        self._id = id

    @property
    def _resource(self) -> Resource:
        collection: Collection = getattr(self._world, self._collection)
        resource = collection.get(self._id)
        if resource is None:
            raise KeyError(f"there is no {collection.kind} {self._id}")
        return resource

    @property
    def id(self) -> int:
        return self._id

    @property
    def fields(self) -> dict[str, Any]:
        """The published fields of the request that makes one, as they are now."""
        return self._resource.fields

    @property
    def organisation(self) -> str:
        return self._resource.organisation

    @property
    def created_at(self) -> datetime:
        return datetime_at(self._resource.created_at)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self._world, self._collection, self._id))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._id}>"


class AgentView(ResourceView):
    """An agent."""


class DigitalHumanView(ResourceView):
    """A digital human."""


class SimulationView(ResourceView):
    """A simulation."""

    @property
    def agent(self) -> AgentView:
        """The agent that is tested."""
        return AgentView(self._world, "agents", self.fields["agent_id"])

    @property
    def digital_humans(self) -> list[DigitalHumanView]:
        """Those who take part in it, in the order they were made."""
        return [
            DigitalHumanView(self._world, "digital_humans", human.id)
            for human in self._world.digital_humans.of(self.organisation)
            if self._id in human.fields["simulation_ids"]
        ]


def add_agent(world: World, organisation: str, fields: Mapping[str, Any]) -> AgentView:
    """A new agent. Raises `ValueError` for what cannot be."""
    request = validated(AgentRequest, "an agent", {**_AGENT, **fields})
    return AgentView(world, "agents", _made(world, organisation, lambda: create_agent(world, organisation, request)).id)


def add_simulation(
    world: World,
    organisation: str,
    agent: AgentView | int | None,
    digital_humans: int | Sequence[DigitalHumanView],
    fields: Mapping[str, Any],
) -> SimulationView:
    """A new simulation, of a new agent unless one is given. Raises `ValueError` for what cannot be, `KeyError` for a
    digital human that is gone; then nothing is new.
    """
    with world.lock:
        counted = type(digital_humans) is int and 0 <= digital_humans <= MOST_DIGITAL_HUMANS
        if not counted and not isinstance(digital_humans, (list, tuple)):
            raise ValueError(
                f"digital_humans is how many, at most {MOST_DIGITAL_HUMANS:,}, or a list of those added,"
                f" not {digital_humans!r:.80}"
            )
        for human in () if isinstance(digital_humans, int) else digital_humans:
            if not isinstance(human, DigitalHumanView):
                raise ValueError(f"a digital human is needed, as add_digital_human() gives it, not {human!r:.80}")
            if human.organisation != organisation:
                raise ValueError(f"{human!r} is of the organisation {human.organisation!r}, not {organisation!r}")
        agent_id = getattr(agent, "id", agent)
        if agent is not None:
            check_known("agent", agent_id, [one.id for one in world.agents.of(organisation)])
        # Checked first: what cannot be leaves no agent behind.
        request = validated(SimulationRequest, "a simulation", {"agent_id": str(agent_id), **fields})
        if agent_id is None and "agent_id" not in fields:
            request.agent_id = str(add_agent(world, organisation, {}).id)
        made = _made(world, organisation, lambda: create_simulation(world, organisation, request))
        if isinstance(digital_humans, int):
            for _ in range(digital_humans):
                add_digital_human(world, organisation, {"simulation_ids": [made.id]})
        else:
            for human in digital_humans:
                join(world, human._resource, made)
        return SimulationView(world, "simulations", made.id)


def add_digital_human(world: World, organisation: str, fields: Mapping[str, Any]) -> DigitalHumanView:
    """A new digital human. Raises `ValueError` for what cannot be."""
    own = {name: value for name, value in fields.items() if name != "simulation_ids"}
    request = validated(
        DigitalHumanRequestData, "a digital human", {**_DIGITAL_HUMAN, **own}, ("simulation_ids", "organisation")
    )
    ids = fields.get("simulation_ids")
    if ids is None:
        ids = ()
    if not isinstance(ids, (list, tuple)) or any(type(id) is not int for id in ids):
        raise ValueError(f"simulation_ids is a list of integers, e.g. [simulation.id], not {ids!r:.80}")

    def make() -> Resource:
        simulations = [one.id for one in world.simulations.of(organisation)] if ids else ()
        for id in ids:
            check_known("simulation", id, simulations)
        return create_digital_human(world, organisation, request, ids)

    return DigitalHumanView(world, "digital_humans", _made(world, organisation, make).id)


def validated(
    model: type[_Model], what: str, fields: Mapping[str, Any], besides: tuple[str, ...] = ("organisation",)
) -> _Model:
    """What a test gave, as the API would take it. `besides`: what else it might have given. Raises `ValueError`."""
    for name in fields:
        if name not in model.model_fields:
            raise ValueError(unknown(f"field of {what}", name, sorted({*model.model_fields, *besides} - {name})))
    try:
        return model.model_validate(dict(fields))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ValueError(f"{place} of {what}: {first['msg']}, not {first['input']!r:.80}") from None


def _made(world: World, organisation: str, make: Callable[[], Resource]) -> Resource:
    with world.lock:
        check_known("organisation", organisation, world.organisations)
        try:
            return make()
        except HTTPException as error:
            raise ValueError(error.detail) from None
