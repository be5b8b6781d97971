"""What an organisation sets up before it tests: its agents, simulations and digital humans, as collections of records.

What a resource carries is for the wire's models to say; the core keeps it as it was given.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["NEEDED", "Collection", "Resource", "change_of", "folder_id"]

NEEDED: dict[str, dict[str, type]] = {
    "agent": {"name": str, "system_prompt": str, "knowledge_base": str, "mode": str},
    "simulation": {"agent_id": int, "name": str},
    "digital human": {"intent": str, "success_criteria": str, "simulation_ids": list},
}
"""What one of each kind carries in any case, and as what; all else may be missing."""


class Resource:
    """An agent, a simulation or a digital human: whose it is, since when (an instant), and its published fields."""

    __slots__ = ("created_at", "fields", "id", "organisation")

    def __init__(self, id: int, organisation: str, created_at: int, fields: dict[str, Any]) -> None:
        self.id = id
        self.organisation = organisation
        self.created_at = created_at
        self.fields = fields


_FOLDERS = uuid.UUID("7c2a7a3e-6a0f-4f0e-9d53-9a6f2f0d5b11")
"""The name space of folder ids."""


def folder_id(agent: Resource) -> uuid.UUID | None:
    """The id of the folder that an agent is in, made of its name, for folders are not modelled; None: it is in none."""
    folder = agent.fields.get("folder")
    return None if folder is None else uuid.uuid5(_FOLDERS, f"{agent.organisation}/{folder}")


def change_of(kind: str, what: str) -> str:
    """What it is called that one of a kind is `added`, `changed` or `removed`, e.g. `digital-human-added`."""
    return f"{kind.replace(' ', '-')}-{what}"


class Collection:
    """The resources of one kind. Ids count from 1; what belongs to another organisation does not exist for a caller."""

    def __init__(self, kind: str, tell: Callable[..., None] = lambda *change: None) -> None:
        self.kind = kind
        """What one is called in messages: `agent`, `simulation`, `digital human`."""
        self.tell = tell
        """Told of every change: what kind, and what changed."""
        self.last_id = 0
        self._all: dict[int, Resource] = {}

    def add(self, organisation: str, created_at: int, fields: dict[str, Any]) -> Resource:
        """A new one, whose id is the one after `last_id`."""
        self.last_id += 1
        resource = self.put(Resource(self.last_id, organisation, created_at, fields))
        self.tell(change_of(self.kind, "added"), resource)
        return resource

    def change(self, resource: Resource, fields: Mapping[str, Any]) -> None:
        """Give it these fields; it keeps its others."""
        before = resource.fields
        resource.fields = {**before, **fields}
        if others := [name for name, value in fields.items() if name not in before or before[name] != value]:
            self.tell(change_of(self.kind, "changed"), resource, others)

    def put(self, resource: Resource) -> Resource:
        """One that was there before, e.g. in a dump."""
        self._all[resource.id] = resource
        return resource

    def find(self, id: int, organisation: str) -> Resource | None:
        """The one of that id; None if there is none that this organisation can see."""
        resource = self.get(id)
        return resource if resource is not None and resource.organisation == organisation else None

    def get(self, id: int) -> Resource | None:
        """The one of that id, whoever's it is; None if there is none."""
        return self._all.get(id)

    def remove(self, resource: Resource) -> None:
        """Forget it."""
        del self._all[resource.id]
        self.tell(change_of(self.kind, "removed"), resource.id)

    def of(self, organisation: str) -> list[Resource]:
        """All that an organisation can see, in the order they were made."""
        return [resource for resource in self.all() if resource.organisation == organisation]

    def all(self) -> list[Resource]:
        """Return every organisation's: a copy, made in one step, since views of a test come here without the lock."""
        return list(self._all.values())
