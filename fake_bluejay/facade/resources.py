"""What a test sees of a resource (agents, simulations, folders, …): live views, and a short way to add each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from fake_bluejay.bluejay.digital_humans import DIGITAL_HUMANS, DigitalHumanRequestData, create_digital_human
from fake_bluejay.bluejay.modules import declared
from fake_bluejay.bluejay.resources import validated
from fake_bluejay.bluejay.simulations import SimulationRequest, create_simulation, join
from fake_bluejay.core.clock import datetime_at
from fake_bluejay.core.errors import DomainError
from fake_bluejay.core.resources import Entity
from fake_bluejay.core.suggest import check_known
from fake_bluejay.core.world import World

__all__ = [
    "MOST_DIGITAL_HUMANS",
    "AgentView",
    "DigitalHumanView",
    "ResourceView",
    "SimulationView",
    "add",
    "add_agent",
    "add_digital_human",
    "add_simulation",
    "resources",
    "view",
]

MOST_DIGITAL_HUMANS = 10_000
"""That are new with one simulation: ours, so that a slip of the pen does not cost a server its memory."""


class ResourceView:
    """An agent, a folder, …: always what it is now. Raises `KeyError` once it is gone."""

    def __init__(self, world: World, collection: str, id: Any) -> None:
        self._world = world
        self._collection = collection
        self._id = id

    @property
    def _entity(self) -> Entity:
        collection = self._world.resources.named(self._collection)
        entity = None if collection is None else collection.get(self._id)
        if entity is None:
            raise KeyError(f"there is no {declared(self._collection).of.name} {self._id}")
        return entity

    @property
    def id(self) -> Any:
        """The id: an integer, or a UUID as text."""
        return self._id

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of the request that makes one, as they are now."""
        return self._entity.fields

    @property
    def organisation(self) -> str:
        """The name of the organisation that it belongs to."""
        return self._entity.organisation

    @property
    def created_at(self) -> datetime:
        """The moment at which it was made."""
        return datetime_at(self._entity.created_at)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self._world, self._collection, self._id))

    def __repr__(self) -> str:
        name = "" if type(self) is not ResourceView else f" {declared(self._collection).of.name}"
        return f"<{type(self).__name__}{name} {self._id}>"


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
            for human in self._world.resources.of("digital human", self.organisation)
            if self._id in human.fields["simulation_ids"]
        ]


_VIEWS = {"agents": AgentView, "digital_humans": DigitalHumanView, "simulations": SimulationView}


def view(world: World, name: str, id: Any) -> Any:
    """Return the view of an entity, by the name of its collection."""
    return _VIEWS.get(name, ResourceView)(world, name, id)


def add(world: World, name: str, organisation: str, fields: Mapping[str, Any]) -> Any:
    """Make an entity of a resource. Raises `ValueError` for a name, a field or a value that cannot be."""
    operations = declared(name)
    if operations.of is DIGITAL_HUMANS:
        return add_digital_human(world, organisation, fields)
    if operations.request is None:
        raise ValueError(f"{operations.of.plural.replace('_', ' ')} cannot be added by themselves")
    return view(world, operations.of.plural, operations.add(world, organisation, fields).id)


def resources(world: World, name: str) -> list[Any]:
    """Return all entities of a resource, the oldest first. Raises `ValueError` if there is no such resource."""
    plural = declared(name).of.plural
    with world.lock:
        collection = world.resources.named(plural)
        return [] if collection is None else [view(world, plural, entity.id) for entity in collection.all()]


def add_agent(world: World, organisation: str, fields: Mapping[str, Any]) -> AgentView:
    """Make an agent. Raises `ValueError` for what cannot be."""
    made: AgentView = add(world, "agents", organisation, fields)
    return made


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
            check_known("agent", agent_id, [one.id for one in world.resources.of("agent", organisation)])
        if not isinstance(given := fields.get("agent_id", ""), str):
            raise ValueError(
                f"agent_id of a simulation is a text, as in a request, not {given!r:.80};"
                f" a test gives agent={given!r:.80}"
            )
        # Checked first: what cannot be leaves no agent behind.
        request = validated(
            SimulationRequest,
            "a simulation",
            {"agent_id": str(agent_id), **fields},
            ("agent", "digital_humans", "organisation"),
        )
        if agent_id is None and "agent_id" not in fields:
            request.agent_id = str(add_agent(world, organisation, {}).id)
        made = _made(world, organisation, lambda: create_simulation(world, organisation, request))
        if isinstance(digital_humans, int):
            for _ in range(digital_humans):
                add_digital_human(world, organisation, {"simulation_ids": [made.id]})
        else:
            for human in digital_humans:
                join(world, human._entity, made)
        return SimulationView(world, "simulations", made.id)


def add_digital_human(world: World, organisation: str, fields: Mapping[str, Any]) -> DigitalHumanView:
    """A new digital human. Raises `ValueError` for what cannot be."""
    own = {name: value for name, value in fields.items() if name != "simulation_ids"}
    request = validated(
        DigitalHumanRequestData,
        "a digital human",
        {**DIGITAL_HUMANS.example, **own},
        ("simulation_ids", "organisation"),
    )
    ids = fields.get("simulation_ids")
    if ids is None:
        ids = ()
    if not isinstance(ids, (list, tuple)) or any(type(id) is not int for id in ids):
        raise ValueError(f"simulation_ids is a list of integers, e.g. [simulation.id], not {ids!r:.80}")

    def make() -> Entity:
        simulations = [one.id for one in world.resources.of("simulation", organisation)] if ids else ()
        for id in ids:
            check_known("simulation", id, simulations)
        return create_digital_human(world, organisation, request, ids)

    return DigitalHumanView(world, "digital_humans", _made(world, organisation, make).id)


def _made(world: World, organisation: str, make: Callable[[], Entity]) -> Entity:
    with world.lock:
        check_known("organisation", organisation, world.organisations)
        try:
            return make()
        except DomainError as error:
            raise ValueError(error.detail) from None
