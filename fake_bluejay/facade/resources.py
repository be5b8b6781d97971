"""Live views of the entities of resources (agents, simulations, folders, …)."""

from __future__ import annotations

from typing import Any

from fake_bluejay.bluejay.modules import declared
from fake_bluejay.core.resources import Entity
from fake_bluejay.core.world import World
from fake_bluejay.facade.results import View


class ResourceView(View[Any]):
    """A live view of an agent, a folder, …. It raises `KeyError` after the entity's removal."""

    def __init__(self, world: World, collection: str, id: Any) -> None:
        super().__init__(world, id)
        self._collection = collection

    @property
    def _held(self) -> Entity:
        collection = self._world.resources.named(self._collection)
        entity = None if collection is None else collection.get(self._id)
        if entity is None:
            raise KeyError(f"there is no {declared(self._collection).of.name} {self._id}")
        return entity

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of the request that makes one, as they are now."""
        return self._held.fields

    @property
    def organisation(self) -> str:
        """The name of the organisation that it belongs to."""
        return self._held.organisation

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
        """The digital humans of the simulation, in the order they were made."""
        humans = self._world.resources.of("digital human", self.organisation, simulation_ids=self._id)
        return [DigitalHumanView(self._world, "digital_humans", human.id) for human in humans]


_VIEWS = {"agents": AgentView, "digital_humans": DigitalHumanView, "simulations": SimulationView}


def view(world: World, name: str, id: Any) -> Any:
    """Return the view of an entity, by the name of its collection."""
    return _VIEWS.get(name, ResourceView)(world, name, id)
