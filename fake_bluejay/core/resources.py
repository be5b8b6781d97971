"""Resources (agents, folders, …): declarations, and collections of the entities of organisations.

A `Resource` is declared once, in its file in `fake_bluejay.bluejay`, and is plain data:

    FOLDERS = Resource("folder", ids=uuid_ids, example={"name": "Support"})

A `World` keeps a `Collection` of `Entity` records for each resource that it has met; `world.resources[FOLDERS]` is that
of folders. Dumps, seeds, events, the control API, the facade and the console go through `world.resources`, and never
name a resource.

Rules of this file:
- The wire's models say which fields an entity has; the core keeps them as JSON-ready data, as they were given.
- An entity is removed by `Resources.remove` and nowhere else: it walks the links that lead to the entity. Before a
  test result is removed, `Resources.release` walks those that lead to it.
"""

from __future__ import annotations

import uuid
import weakref
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fake_bluejay.core.errors import Foreign, NotFound
from fake_bluejay.core.numbers import is_integer
from fake_bluejay.core.scoring import uuid_from

if TYPE_CHECKING:
    from fake_bluejay.core.conversations import Conversation
    from fake_bluejay.core.readings import Readings
    from fake_bluejay.core.test_results import Record
    from fake_bluejay.core.world import World

Id = int | str
"""An id as it is stored: an integer, or a UUID as text."""


@dataclass(frozen=True)
class Ids:
    """A way to make the ids of a resource.

    Attributes:
        wire_type: The type of an id on the wire.
    """

    wire_type: type[int] | type[uuid.UUID]

    @property
    def stored(self) -> type[int] | type[str]:
        """The type of an id where it is stored."""
        return int if self.wire_type is int else str

    def make(self, seed: int, resource: str, number: int) -> Id:
        """Return the id of the entity that is the `number`th of its resource; always the same for the same seed."""
        if self.wire_type is int:
            return number
        return uuid_from(f"{seed}:{resource}:{number}")

    def read(self, value: object) -> Id | None:
        """Return a value as an id is stored; None if no id is written so."""
        if self.wire_type is int:
            if is_integer(value):
                return value
            text = value if isinstance(value, str) else ""
            return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
        try:
            return str(value if isinstance(value, uuid.UUID) else uuid.UUID(str(value)))
        except ValueError:
            return None


int_ids = Ids(int)
"""Ids that count from 1."""
uuid_ids = Ids(uuid.UUID)
"""Ids that are UUIDs, drawn from the seed."""


class OnDelete(StrEnum):
    """The consequence for an entity when another one, to which it links, is deleted."""

    CASCADE = "cascade"
    """The entity is deleted, too."""
    DETACH = "detach"
    """The entity stays, and its link is set to null; in a list of links, this one is taken out."""
    KEEP = "keep"
    """The entity stays as it is, and its link leads nowhere."""


@dataclass(frozen=True)
class Link:
    """A field of a resource that holds the id of another resource's entity, or a list of such ids.

    Attributes:
        field: The field, such as `folder_id` or `digital_human_ids`.
        to: The name of the other resource, whose module need not be loaded; or `test result`.
        on_delete: The effect of the other entity's removal; a function of the readings if that is an open question.
        ids: The form of the other resource's ids.
        find: Returns the linked test result by its id, for an organisation. Raises `NotFound`.
    """

    field: str
    to: str
    on_delete: OnDelete | Callable[[Readings], OnDelete] = OnDelete.DETACH
    ids: Ids = int_ids
    find: Callable[[World, str, object], Record] | None = None

    def require(self, world: World, id: object, organisation: str) -> Entity | Record:
        """Return what the link leads to. Raises `NotFound` if there is none that the organisation can see."""
        if self.find is not None:
            return self.find(world, organisation, id)
        return world.resources.require(self.to, id, organisation)

    @property
    def parameter(self) -> str:
        """The name of one id of it in a path or a query: `digital_human_id` for `digital_human_ids`."""
        return self.field.removesuffix("s")

    def on_delete_in(self, readings: Readings) -> OnDelete:
        """Return the effect of the other entity's removal, by these readings."""
        return self.on_delete if isinstance(self.on_delete, OnDelete) else self.on_delete(readings)


@dataclass(frozen=True, eq=False)
class Resource:
    """The declaration of one kind of thing that Bluejay keeps for an organisation.

    Attributes:
        name: The name of one entity, in lower case: `digital human`. It begins messages and names events, so
            `digital-human-added`; its fields are called `digital_human_id`, and its collection `digital_humans`.
        ids: The form of the ids, and the way to make one.
        links: The links to other resources.
        example: Values for the fields of the request that makes one, for a test that gives only what it cares about.
        on_remove: Called after an entity was removed.
        on_load: Called for an entity of a dump after everything in the dump was read.
        on_timer: Called when the timer of an entity fires, which `World.resources.schedule` set. Whatever it does
            happens at the instant at which the timer was due, as `World.settle` tells it.
        on_conversation: Called when a conversation is over, if there was ever an entity of the resource.
    """

    name: str
    ids: Ids = int_ids
    links: tuple[Link, ...] = ()
    example: Mapping[str, Any] = field(default_factory=dict)
    on_remove: Callable[[World, Entity], None] | None = None
    on_load: Callable[[World, Entity], None] | None = None
    on_timer: Callable[[World, Entity], None] | None = None
    on_conversation: Callable[[World, Conversation], None] | None = None

    @property
    def field(self) -> str:
        """The resource's name as part of a field's name: `digital_human`."""
        return self.name.replace(" ", "_")

    @cached_property
    def plural(self) -> str:
        """The name of its collection: `digital_humans`."""
        return plural_of(self.name)


def plural_of(name: str) -> str:
    """Return the name of the collection of a resource; that of a collection is returned as it is."""
    name = name.strip().lower().replace(" ", "_").replace("-", "_")
    if name.endswith("s"):
        return name
    return f"{name[:-1]}ies" if name.endswith("y") and name[-2:-1] not in "aeiou" else f"{name}s"


def change_of(resource: str, what: str) -> str:
    """Return the name of the event that an entity was `added`, `changed` or `removed`: `digital-human-added`."""
    return f"{resource.replace(' ', '-')}-{what}"


class Entity:
    """An agent, a folder, …: an id, an organisation, instants, and its fields as JSON-ready data."""

    __slots__ = ("created_at", "fields", "id", "organisation", "resource", "timer", "updated_at")

    def __init__(self, resource: Resource, id: Id, organisation: str, created_at: int, fields: dict[str, Any]) -> None:
        self.resource = resource
        self.id: Any = id
        self.organisation = organisation
        self.created_at = created_at
        self.updated_at = created_at
        self.fields = fields
        self.timer: int | None = None
        """The sequence number of its timer, if it has one; it has one at the most."""

    def has(self, field: str, value: Any) -> bool:
        """Return whether a field has a value, or is a list that contains it."""
        held = self.fields.get(field)
        return bool(value in held if isinstance(held, list) else value == held)

    def __repr__(self) -> str:
        return f"<{self.resource.name} {self.id}>"


class Collection:
    """The entities of one resource, of every organisation, in the order they were made."""

    def __init__(self, resource: Resource, world: World) -> None:
        self.resource = resource
        self.last_id = 0
        """The number of entities that were made; where ids are integers, also the last id."""
        self.given_id: Id | None = None
        """The id of the entity that is made next, where a test chooses it."""
        self._world = world
        self._all: dict[Id, Entity] = {}

    def add(self, organisation: str, fields: dict[str, Any], id: Id | None = None) -> Entity:
        """Make an entity; without an id, it gets the next one."""
        id = id or self.next_id()
        self.last_id = max(self.last_id, id) if isinstance(id, int) else self.last_id + 1
        entity = self.put(Entity(self.resource, id, organisation, self._world.settle(), fields))
        self._world.publish(change_of(self.resource.name, "added"), entity)
        return entity

    def next_id(self) -> Id:
        """Return the id that the next entity gets."""
        return self.given_id or self.resource.ids.make(self._world.seed, self.resource.name, self.last_id + 1)

    def put(self, entity: Entity) -> Entity:
        """Put back an entity that existed before, such as one of a dump."""
        self._all[entity.id] = entity
        return entity

    def get(self, id: object) -> Entity | None:
        """Return the entity of that id, written as `Ids.read` reads it, of any organisation; None if there is none."""
        read = self.resource.ids.read(id)
        return None if read is None else self._all.get(read)

    def of(self, organisation: str, /, **fields: Any) -> list[Entity]:
        """Return all that an organisation can see and that have these values (`Entity.has`), the oldest first."""
        found = [entity for entity in self.all() if entity.organisation == organisation]
        for name, value in fields.items():
            found = [entity for entity in found if entity.has(name, value)]
        return found

    def all(self) -> list[Entity]:
        """Return a copy, made in one step, of the entities of every organisation, the oldest first."""
        return list(self._all.values())

    def __len__(self) -> int:
        return len(self._all)


class Resources:
    """The collections of a world, each made when it is first asked for: `world.resources[FOLDERS]`."""

    def __init__(self, world: World) -> None:
        # Weak, so that a world goes with its last user, and need not wait for a collection of garbage.
        self._its = weakref.ref(world)
        self._all: dict[str, Collection] = {}
        self.watchers: list[Callable[[World, Conversation], None]] = []
        """The functions that are called when a conversation is over: the `on_conversation` of the resources that have
        one."""

    @property
    def _world(self) -> World:
        world = self._its()
        assert world is not None, "its user has the world"
        return world

    def __getitem__(self, resource: Resource) -> Collection:
        """Return the collection of a resource."""
        collection = self._all.get(resource.plural)
        if collection is None:
            collection = self._all[resource.plural] = Collection(resource, self._world)
            if resource.on_conversation is not None:
                self.watchers.append(resource.on_conversation)
        return collection

    def __iter__(self) -> Iterator[Collection]:
        """Return the collections that were asked for so far."""
        return iter(list(self._all.values()))

    def named(self, name: str) -> Collection | None:
        """Return the collection of the resource of that name; None if there was never an entity of it here."""
        return self._all.get(plural_of(name))

    def find(self, name: str, id: object, organisation: str) -> Entity | None:
        """Return an entity by the name of its resource; None if there is none that the organisation can see."""
        entity = self._of_any(name, id)
        return entity if entity is not None and entity.organisation == organisation else None

    def require(self, name: str, id: object, organisation: str) -> Entity:
        """Return an entity by the name of its resource.

        Raises:
            NotFound: There is none that the organisation can see; it is `Foreign` if it is another's.
        """
        entity = self._of_any(name, id)
        if entity is None:
            raise not_found(name)
        if entity.organisation != organisation:
            raise Foreign(entity.resource.name, not_found(name).detail)
        return entity

    def _of_any(self, name: str, id: object) -> Entity | None:
        collection = self.named(name)
        return None if collection is None else collection.get(id)

    def find_by(self, name: str, organisation: str, field: str, value: Any) -> Entity | None:
        """Return the oldest entity of a resource with this value in a field; None if there is none, or no value."""
        return None if value is None else next(iter(self.of(name, organisation, **{field: value})), None)

    def require_by(self, name: str, organisation: str, field: str, value: Any) -> Entity:
        """Return the oldest entity of a resource with this value in a field. Raises `NotFound` if there is none."""
        entity = self.find_by(name, organisation, field, value)
        if entity is None:
            raise not_found(name)
        return entity

    def of(self, name: str, organisation: str, /, **fields: Any) -> list[Entity]:
        """Return those of a resource that `Collection.of` finds."""
        collection = self.named(name)
        return [] if collection is None else collection.of(organisation, **fields)

    def change(self, entity: Entity, fields: Mapping[str, Any]) -> None:
        """Change fields of an entity; it keeps the others."""
        before = entity.fields
        entity.fields = {**before, **fields}
        if others := [name for name, value in fields.items() if name not in before or before[name] != value]:
            entity.updated_at = self._world.settle()
            self._world.publish(change_of(entity.resource.name, "changed"), entity, others)

    def change_list(self, entity: Entity, field: str, *, add: Iterable[Any] = (), remove: Container[Any] = ()) -> None:
        """Add values to the list in a field of an entity, each once, and take others out of it."""
        kept = [one for one in entity.fields.get(field) or () if one not in remove]
        self.change(entity, {field: list(dict.fromkeys([*kept, *add]))})

    def remove(self, entity: Entity) -> None:
        """Remove an entity, and deal with all that links to it as each link declares."""
        self._remove(entity, set())

    def release(self, record: Record) -> None:
        """Deal with all that links to a test result that is about to be removed, as each link declares."""
        self._unlink("test result", record, set())

    def _remove(self, entity: Entity, going: set[Entity]) -> None:
        """Remove an entity, and before it those that go with it, except those that are `going` already."""
        going.add(entity)
        self._unlink(entity.resource.name, entity, going)
        self.schedule(entity, None)
        del self[entity.resource]._all[entity.id]
        self._world.publish(change_of(entity.resource.name, "removed"), entity.id)
        if entity.resource.on_remove is not None:
            entity.resource.on_remove(self._world, entity)

    def _unlink(self, name: str, target: Entity | Record, going: set[Entity]) -> None:
        """Remove what goes with an entity of a resource, or with a test result, and the links of what stays."""
        readings = self._world.readings
        linking = [(holder, link, link.on_delete_in(readings)) for holder, link in self._linking_to(name, target)]
        for holder, _, on_delete in linking:
            if on_delete is OnDelete.CASCADE and holder not in going:
                self._remove(holder, going)
        for holder, link, on_delete in linking:
            if on_delete is OnDelete.DETACH and self[holder.resource].get(holder.id) is holder:
                value = holder.fields[link.field]
                left = [id for id in value if id != target.id] if isinstance(value, list) else None
                self.change(holder, {link.field: left})

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Undo additions, changes and removals of the `with` block, except timers, and publish none of them.

        An operation that makes several entities can so find out whether it may make all, before it makes any.
        """
        world = self._world
        publish, world.on_change = world.on_change, None
        before = {one: (one.last_id, one._all.copy()) for one in self}
        entities = [(one, one.fields, one.updated_at) for collection in before for one in collection.all()]
        try:
            yield
        finally:
            for collection in self:
                collection.last_id, collection._all = before.get(collection, (0, {}))
            for entity, fields, updated_at in entities:
                entity.fields, entity.updated_at = fields, updated_at
            if world.on_change is None:  # else somebody has subscribed meanwhile, on another thread
                world.on_change = publish

    def schedule(self, entity: Entity, due: int | None) -> None:
        """Set the timer of an entity, in place of the one it had: the resource's `on_timer` is called when it is due.

        Args:
            entity: The entity of the timer.
            due: The instant, in microseconds; None for no timer.
        """
        timers = self._world.timers
        if entity.timer is not None:
            timers.cancel([entity.timer])
        subject = f"{entity.resource.plural}/{entity.id}"
        entity.timer = None if due is None else timers.schedule(due, "resource", subject)

    def subject(self, text: str) -> Entity | None:
        """Return the entity that a timer is for, by its `"<collection>/<id>"`; None if there is none."""
        name, _, id = text.partition("/")
        return self._of_any(name, id)

    def fire(self, text: str) -> None:
        """Call the `on_timer` of the resource for the entity that a timer is for."""
        entity = self.subject(text)
        if entity is not None and entity.resource.on_timer is not None:
            entity.timer = None
            entity.resource.on_timer(self._world, entity)

    def move_to(self, world: World) -> None:
        """Belong to another world from now on."""
        self._its = weakref.ref(world)
        for collection in self:
            collection._world = world

    def _linking_to(self, name: str, target: Entity | Record) -> Iterator[tuple[Entity, Link]]:
        """Yield the entities that link to an entity of a resource, or to a test result, each with the link."""
        plural = plural_of(name)
        for collection in self:
            for link in collection.resource.links:
                if plural_of(link.to) == plural:
                    for holder in collection.of(target.organisation, **{link.field: target.id}):
                        yield holder, link


def not_found(name: str) -> NotFound:
    """Return the error for an entity that a caller cannot see."""
    # The wording is nowhere documented for most resources: ours, and nothing for a client to rely on.
    return NotFound(f"{name.replace('_', ' ').capitalize()} not found")
