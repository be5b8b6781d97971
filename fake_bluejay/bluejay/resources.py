"""The engine under the resources: it turns the declarations in a resource's file into operations, rules and data.

A resource is one file in this package: its Pydantic models, its `Resource`, and its `Operations`. All of folders:

    FOLDERS = Resource("folder", ids=uuid_ids, example={"name": "Support"})
    folders = Operations(FOLDERS, returns=FolderResponse)

    folders.create("POST", "/v1/create-folder", FolderCreateRequest)
    folders.list("GET", "/v1/all-folders")
    folders.get("GET", "/v1/folder/{folder_id}")
    folders.update("PUT", "/v1/update-folder/{folder_id}", FolderUpdateRequest)
    folders.delete("DELETE", "/v1/folder/{folder_id}", returns=shape("FolderDeleteResponse", …, folder_id=UUID))

and each path stands in `published.py` with the name of the module. Dumps, seeds, events, the control API,
`FakeBluejay.add`, `connect`, the OpenAPI document and the console then have folders, too.

**Answers.** The models give the form of an answer, so Bluejay's different envelopes need no code. A model is filled by
the names of its fields: `id` and `<resource>_id` with the id, `deleted_<resource>_id` with that of the deleted one,
`organization_id`, `created_at`, `updated_at` (a `str` gets ISO text), `<resource>` with the whole (a nested model), the
list in an envelope with the entities, `total`, `total_count`, `items_in_page`, `page`, `page_size`, `total_pages`,
`limit`, `offset` and `has_more` with the figures of the list and its page, `message` with a sentence, and any other
with the stored field of that name. A field without such a value has its default: `status: str = "success"`, `success:
bool = True`. A model that only one operation returns is declared there, by `shape`. With `returns=None, status=204` the
answer is empty; with `returns=dict[str, Any]` it is `{}`.

**Parameters in the path.** The last one is the entity's id, under any name. A parameter with the name of a link's id
(`Link("agent_id", to="agent")`) names the parent: it must exist (404), a list has only its children, and an entity
of another parent is not found.

**Links.** A request that names something that does not exist is 404 and changes nothing. The link's `on_delete` is the
effect of the target's removal, and `World.resources.remove` walks all links.
A link to a test result says how that is found: `Link("test_result_id", to="test result", find=find_result)`.

**Dumps.** An entity of a dump is loaded if each field has, in JSON, the type that the request or the answer declares.
`stored=` declares the fields that neither has, those that are stored otherwise than requested, and those that an
operation reads without asking whether they are there.

**Time.** An entity has one timer: `world.resources.schedule(entity, due)` sets it, and the resource's `on_timer` is
called when it is due, at that instant. Dumps have it.

**Rules.** An operation that is more than this is a function:

    @communities.operation("PUT", "/v1/add-to-community/{community_id}")
    def add_to_community(call: ApiCall, community: Entity, request: AddRequest) -> Entity:
        ...

Its first parameter is the `ApiCall`; a parameter with the resource's name gets the entity that the path names;
`request` is the body; the others are parameters in path or query, by name, with FastAPI's meaning of annotations and
defaults. It returns an instance of the model in its annotation; or an `Entity`, a list of them, or `Answered(entity,
message=…)` with values that are not stored, of which the answer is made as above, by the decorator's `returns=` if that
is another model. With `paging=` it returns the whole list, of which the answer has one page. It raises `NotFound`,
`Conflict` or `Refused` of `core.errors`, and plans before it changes, so that an error leaves no change. A rule that
also holds for what a test adds is a function `(world, organisation, request) -> Entity`, given as `new=`.
"""

from __future__ import annotations

import functools
import inspect
import json
import sys
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints
from uuid import UUID

from pydantic import BaseModel, Field, ValidationError, create_model
from pydantic.fields import FieldInfo

from fake_bluejay.bluejay.mistakes import first_mistake, misfits, mistakes_by_place
from fake_bluejay.bluejay.models.wire import stored_type
from fake_bluejay.core.clock import datetime_at, iso
from fake_bluejay.core.errors import DomainError, Refused
from fake_bluejay.core.readings import PageOutOfRange, Readings, UpdateChanges
from fake_bluejay.core.resources import Entity, Id, Link, Resource, not_found, uuid_ids
from fake_bluejay.core.suggest import Place, check_known, unknown, written_place
from fake_bluejay.core.world import World
from fake_bluejay.http.operation import ApiCall, Operation, Parameter

_Function = TypeVar("_Function", bound=Callable[..., Any])
_Model = TypeVar("_Model", bound=BaseModel)
New = Callable[[World, str, Any], Entity]
"""Makes an entity of an organisation from a request, by all rules.

If it raises a `DomainError`, nothing has changed.
"""


@dataclass(frozen=True)
class Paging:
    """The pages of a list.

    Attributes:
        size: The query parameter for the size of a page.
        default: The size of a page, if the request gives none.
        most: The largest size of a page.
        place: The query parameter for the beginning: `page`, counted from 1, or `offset`.
        bounded: True if a size or a page below 1 is refused; otherwise it counts as 1.
        ends: True if the reading `page_out_of_range` says what a page after the last one is; otherwise it is empty.
    """

    size: str
    default: int
    most: int = 100
    place: str = "page"
    bounded: bool = True
    ends: bool = False

    @property
    def _first(self) -> int:
        return int(self.place == "page")

    @property
    def query(self) -> dict[str, Parameter]:
        """The query parameters."""
        size: Any = Annotated[int, Field(ge=1, le=self.most)] if self.bounded else int
        place: Any = Annotated[int, Field(ge=self._first)] if self.bounded else int
        return {self.size: Parameter(size, self.default), self.place: Parameter(place, self._first)}

    def part(self, every: list[Any], call: ApiCall) -> tuple[list[Any], dict[str, Any]]:
        """Return the part of a list that a request asks for, and its figures: size, place, number of pages, `has_more`.

        Raises:
            Refused: The part begins after the last item, and the reading refuses that. The first page is never refused.
        """
        total, size, place = len(every), call.parameters[self.size], call.parameters[self.place]
        if not self.bounded:
            size, place = max(size, 1), max(place, self._first)
        begin = (place - 1) * size if self.place == "page" else place
        if self.ends and 0 < begin >= total and call.world.readings.page_out_of_range is PageOutOfRange.BAD_REQUEST:
            raise Refused("Page out of range")
        pages, has_more = -(-total // size), begin + size < total
        return every[begin : begin + size], {
            self.size: size,
            "total_pages": pages,
            "has_more": has_more,
            self.place: place,
        }


PAGES = Paging("page_size", 20)


class Answered:
    """An entity, or several, to answer with, and further values for fields of the answer's model."""

    def __init__(self, what: Any, **values: Any) -> None:
        self.what = what
        self.values = values


class Operations:
    """Operations of one module, of a resource or of none.

    Args:
        resource: The resource; None if nothing is stored, as for `ping`.
        returns: The model of one entity in an answer.
        values: Returns values of an entity that are not stored, by the names of the fields of its models.
        looked_up: Returns more such values, which depend on other entities of the world.
        new: The rule that makes an entity; by default, the request's fields are stored.
        request: The model that `new` takes; by default, that of `create`.
        edited: Called after a test has changed an entity, to update values that depend on its fields.
        id_type: The published type of the id in paths, if it is not that of the resource's ids.
        stored: The fields of an entity that `request` and `returns` do not declare as they are stored. One without a
            default is in every dump.
        tried_first: True if each request is first tried and undone, because its operation may change something before
            it refuses the request. `operation` takes this, too, for one operation.
    """

    def __init__(
        self,
        resource: Resource | None = None,
        *,
        returns: type[BaseModel] | None = None,
        values: Callable[[Entity], Mapping[str, Any]] | None = None,
        looked_up: Callable[[World, Entity], Mapping[str, Any]] | None = None,
        new: New | None = None,
        request: type[BaseModel] | None = None,
        edited: Callable[[World, Entity], None] | None = None,
        id_type: type[str] | None = None,
        stored: type[BaseModel] | None = None,
        tried_first: bool = False,
    ) -> None:
        self.resource = resource
        self.returns = returns
        self.request = request
        self.stored = stored
        self.all: list[Operation] = []
        self._tried_first = tried_first
        self.module = sys._getframe(1).f_globals["__name__"]
        self._values = values
        self._looked_up = looked_up
        self._edited = edited
        self._id_type = id_type
        self._new = new or self._store

    # --- declarations -------------------------------------------------------------------------------------------

    def create(self, method: str, path: str, request: type[BaseModel], **options: Any) -> None:
        """Declare the operation that creates an entity; `options` are those of `Operation`."""
        self.request = self.request or request

        def create(call: ApiCall) -> Any:
            return self._new(call.world, call.organisation, call.request)

        self._declare(
            method, path, create, f"create_{self.of.field}", f"Create {_a(self.of)}.", takes=request, **options
        )

    def list(
        self,
        method: str,
        path: str,
        *,
        filters: Mapping[str, Any] | None = None,
        newest_first: bool = False,
        **options: Any,
    ) -> None:
        """Declare the operation that lists the entities, or those of the parent in the path, that match the filters.

        Args:
            method: The method.
            path: The path.
            filters: Query parameters and their types. If a request gives one, the field of that name must have its
                value; for the parameter of a link to several, the link must contain it.
            newest_first: True if the newest comes first.
            **options: Those of `Operation`, and `paging`: the pages of the list.
        """
        options.setdefault("returns", list[self.returns])  # type: ignore[name-defined]
        query = {name: Parameter(of, None) for name, of in (filters or {}).items()}
        fields = {link.parameter: link.field for link in self.links}

        def list_(call: ApiCall) -> Any:
            wanted = {link.field: parent.id for link, parent in self._parents(call, path, whole=True)}
            given = {name: call.parameters[name] for name in query}
            wanted |= {fields.get(name, name): value for name, value in given.items() if value is not None}
            entities = call.world.resources[self.of].of(call.organisation, **wanted)
            return entities[::-1] if newest_first else entities

        text = f"Return all {self.of.plural.replace('_', ' ')}, the {'newest' if newest_first else 'oldest'} first."
        self._declare(method, path, list_, f"list_{self.of.plural}", text, query=query, **options)

    def get(self, method: str, path: str, *, by: str | None = None, **options: Any) -> None:
        """Declare the operation that returns one entity: by its id, or the oldest by the value of its field `by`."""

        def get(call: ApiCall) -> Any:
            return self._entity(call, path, by)

        name = f"get_{self.of.field}" if by is None else f"get_{self.of.field}_by_{by}"
        self._declare(method, path, get, name, f"Return {_a(self.of)}.", has_id=by is None, **options)

    def update(self, method: str, path: str, request: type[BaseModel], **options: Any) -> None:
        """Declare the operation that changes fields of an entity."""

        def update(call: ApiCall) -> Any:
            entity = self._entity(call, path)
            self.change(call.world, entity, changes(call.request, call.world.readings, self.never_null))
            return Answered(entity, message=f"{self.of.name.capitalize()} updated")

        name, text = f"update_{self.of.field}", f"Change {_a(self.of)}."
        self._declare(method, path, update, name, text, has_id=True, takes=request, **options)

    def delete(self, method: str, path: str, **options: Any) -> None:
        """Declare the operation that removes an entity, with the effects that links to it declare."""

        def delete(call: ApiCall) -> Any:
            entity = self._entity(call, path)
            call.world.resources.remove(entity)
            deleted = {f"deleted_{name}": entity.id for name in (f"{self.of.field}_id", _last(path))}
            return Answered(entity, message=f"{self.of.name.capitalize()} deleted", **deleted)

        self._declare(method, path, delete, f"delete_{self.of.field}", f"Delete {_a(self.of)}.", has_id=True, **options)

    def operation(self, method: str, path: str, **options: Any) -> Callable[[_Function], _Function]:
        """Declare a function as an operation; the module's docstring describes its parameters and results."""

        def declare(function: _Function) -> _Function:
            hints = get_type_hints(function, include_extras=True)
            returns = hints.pop("return", Any)
            options.setdefault("returns", self.returns if returns in (Entity, Answered) else returns)
            paging: Paging | None = options.get("paging")
            query = {**(paging.query if paging else {}), **options.pop("query", {})}
            types, names = dict(options.pop("path_types", {})), []
            wants_entity = wants_request = False
            for name, parameter in list(inspect.signature(function).parameters.items())[1:]:
                if name == "request":
                    options.setdefault("takes", hints[name])
                    wants_request = True
                elif self.resource is not None and name == self.resource.field:
                    wants_entity = True
                else:
                    names.append(name)
                    if f"{{{name}}}" in path:
                        types.setdefault(name, hints[name])
                    elif parameter.default is inspect.Parameter.empty:
                        query.setdefault(name, Parameter(hints[name]))
                    else:
                        query.setdefault(name, Parameter(hints[name], parameter.default))

            def answer(call: ApiCall) -> Any:
                arguments = {name: call.parameters[name] for name in names}
                if wants_entity:
                    arguments[self.of.field] = self._entity(call, path)
                if wants_request:
                    arguments["request"] = call.request
                return function(call, **arguments)

            options.update(path_types=types, query=query, has_id=wants_entity)
            self._declare(method, path, answer, function.__name__, function.__doc__ or "", **options)
            return function

        return declare

    def _declare(
        self,
        method: str,
        path: str,
        answer: Callable[[ApiCall], Any],
        name: str,
        text: str,
        *,
        has_id: bool = False,
        path_types: Mapping[str, Any] | None = None,
        query: Mapping[str, Parameter] | None = None,
        paging: Paging | None = None,
        tried_first: bool = False,
        **options: Any,
    ) -> None:
        returns = options.setdefault("returns", self.returns)
        types: dict[str, Any] = {
            link.parameter: link.ids.wire_type for link in self.links if f"{{{link.parameter}}}" in path
        }
        if has_id:
            types[_last(path)] = self._id_type or self.of.ids.wire_type
        types |= path_types or {}

        def answered(call: ApiCall) -> Any:
            if tried_first or self._tried_first:
                with call.world.resources.undone():
                    answer(call)
            what = answer(call)
            if isinstance(what, list):
                what = _counted(what, call, paging)
            return self.filled(what, returns, call.world)

        answered.__name__, answered.__doc__ = name, inspect.cleandoc(text)
        query = {**(query or {}), **(paging.query if paging else {})}
        self.all.append(Operation(method, path, answered, path_types=types, query=query, **options))

    # --- answers ------------------------------------------------------------------------------------

    def filled(self, what: Any, returns: Any, world: World | None = None) -> Any:
        """Return an answer by the model `returns`, filled with an entity or entities.

        Another value is returned as it is. Without the world, values that are looked up there are left out.
        """
        values: dict[str, Any] = {}
        if isinstance(what, Answered):
            what, values = what.what, what.values
        if isinstance(what, Entity):
            return self._filled(what, returns, values, world)
        if isinstance(what, list) and all(isinstance(one, Entity) for one in what):
            return self._listed(what, returns, values, world)
        return what

    def shown(self, entity: Entity, world: World | None = None) -> BaseModel:
        """Return an entity as answers show it; without the world, values that are looked up there are left out."""
        assert self.returns is not None, "Operations(…, returns=…) says how one is shown"
        return cast(BaseModel, self._filled(entity, self.returns, {}, world))

    def _filled(self, entity: Entity, returns: Any, values: Mapping[str, Any], world: World | None) -> Any:
        if self._looked_up is not None and world is not None:
            values = {**self._looked_up(world, entity), **values}
        if self._values is not None:
            values = {**self._values(entity), **values}
        if isinstance(returns, type) and issubclass(returns, BaseModel):
            field = returns.model_fields.get(entity.resource.field)
            if field is not None and field.annotation is self.returns:
                values = {entity.resource.field: self.shown(entity, world), **values}
            return _fill(returns, entity, values)
        return None if returns is None else {}

    def _listed(self, entities: Sequence[Entity], returns: Any, values: Mapping[str, Any], world: World | None) -> Any:
        if get_origin(returns) is list:
            model = get_args(returns)[0]
            return [self._filled(entity, model, {}, world) for entity in entities]
        for name, field in returns.model_fields.items():
            model = get_args(field.annotation)[0] if get_origin(field.annotation) is list else None
            if isinstance(model, type) and issubclass(model, BaseModel):
                said = {one: value for one, value in values.items() if one in returns.model_fields}
                return returns(**{**said, name: [self._filled(entity, model, {}, world) for entity in entities]})
        raise TypeError(f"{returns.__name__} has no list of models to put {self.of.plural} into")

    # --- rules --------------------------------------------------------------------------------------------------

    @property
    def of(self) -> Resource:
        """The resource of operations that have one."""
        assert self.resource is not None, f"the operations of {self.module} have no resource"
        return self.resource

    @property
    def links(self) -> tuple[Link, ...]:
        """The links of the resource, if there is one."""
        return () if self.resource is None else self.resource.links

    @cached_property
    def never_null(self) -> frozenset[str]:
        """The fields that an update cannot make null."""
        models = (model for model in (self.stored, self.returns) if model is not None)
        return frozenset(name for model in models for name in _not_null(model))

    @cached_property
    def _fields(self) -> type[BaseModel]:
        """The fields of an entity as they are stored, each by the first of its declarations."""
        fields: dict[str, Any] = {link.field: (_type_of(link) | None, None) for link in self.links}
        fields |= {name: (stored_type(field), field) for name, field in _fields_of(self.stored).items()}
        models = _fields_of(self.request), _fields_of(self.returns)
        for name, field in [*models[0].items(), *models[1].items()]:
            nullable = any(_is_nullable(model[name].annotation) for model in models if name in model)
            fields.setdefault(name, (stored_type(field) | None if nullable else stored_type(field), None))
        return create_model("Fields", **fields)

    def add(self, world: World, organisation: str, fields: Mapping[str, Any]) -> Entity:
        """Make an entity for a test, by all rules, with the example's values for fields that are left out.

        Args:
            world: The world to add it to.
            organisation: The name of the organisation that it belongs to.
            fields: The fields of the request that creates one; and `id`, to choose it.

        Raises:
            ValueError: A field is unknown, or a value is not allowed; then nothing has changed.
        """
        given = {**self.of.example, **fields}
        id = given.pop("id", None)
        request = validated(cast(type[BaseModel], self.request), _a(self.of), given, ("id", "organisation"))
        with world.lock:
            check_known("organisation", organisation, world.organisations)
            collection = world.resources[self.of]
            given_id = self._given_id(id)
            if given_id is not None and collection.get(given_id) is not None:
                raise ValueError(f"the {self.of.name} id {given_id} is taken")
            collection.given_id = given_id
            try:
                return self._new(world, organisation, request)
            except DomainError as error:
                raise ValueError(error.detail) from None
            finally:
                collection.given_id = None

    def edit(self, world: World, entity: Entity, fields: Mapping[str, Any]) -> None:
        """Change fields of an entity for a test.

        Raises:
            ValueError: A field is unknown, or no answer could show its value; then nothing has changed.
            NotFound: A linked entity does not exist.
        """
        known = {*entity.fields, *(self.request.model_fields if self.request else ())}
        for name in fields:
            if name not in known:
                raise ValueError(unknown(f"field of {_a(self.of)}", name, sorted(known)))
        changed = self.linked(world, entity.organisation, dict(fields))
        after = Entity(self.of, entity.id, entity.organisation, entity.created_at, {**entity.fields, **changed})
        self.check(after)
        world.resources.change(entity, changed)
        if self._edited is not None:
            self._edited(world, entity)

    def _given_id(self, id: Any) -> Id | None:
        if id is None:
            return None
        read = self.of.ids.read(id)
        if read is None or (isinstance(read, int) and read < 1):
            raise ValueError(f"id of {_a(self.of)}: {_IDS[self.of.ids.stored]} is needed, not {id!r:.80}")
        return read

    def _store(self, world: World, organisation: str, request: BaseModel) -> Entity:
        return world.resources[self.of].add(organisation, self.linked(world, organisation, as_fields(request)))

    def change(self, world: World, entity: Entity, changed: dict[str, Any]) -> None:
        """Change fields of an entity."""
        world.resources.change(entity, self.linked(world, entity.organisation, changed))

    def linked(self, world: World, organisation: str, fields: dict[str, Any]) -> dict[str, Any]:
        """Return fields with the ids of their links as they are stored, each once.

        Raises:
            NotFound: A linked entity does not exist.
        """
        fields = dict(fields)
        for link in self.links:
            value = fields.get(link.field)
            if value is None:
                continue
            given = value if isinstance(value, list) else [value]
            ids = [link.require(world, one, organisation).id for one in given]
            fields[link.field] = list(dict.fromkeys(ids)) if isinstance(value, list) else ids[0]
        return fields

    def problems(self, entity: Entity) -> dict[Place, str]:
        """Return the problems of an entity by their places: a wrong type, or a value that no answer could show."""
        found = misfits(self._fields, entity.fields)
        if not found and self.returns is not None:
            try:
                self.shown(entity)
            except ValidationError as error:
                return mistakes_by_place(error, entity.fields)
        return found

    def check(self, entity: Entity) -> None:
        """Check that an entity is as operations store it. Raises `ValueError`."""
        for place, problem in self.problems(entity).items():
            raise ValueError(f"{written_place(place)}: {problem}")

    def _parents(self, call: ApiCall, path: str, *, whole: bool = False) -> Sequence[tuple[Link, Entity]]:
        """Return the parents that the path names; with `whole`, its last parameter may be one. Raises `NotFound`."""
        own = None if whole else _last(path)
        return [
            (link, call.require(link.to, call.parameters[link.parameter]))
            for link in self.links
            if f"{{{link.parameter}}}" in path and link.parameter != own
        ]

    def _entity(self, call: ApiCall, path: str, by: str | None = None) -> Entity:
        """Return the entity that the path names. Raises `NotFound`."""
        value, of = call.parameters[_last(path)], self.of
        if by is None:
            entity = call.require(of.name, value)
        else:
            entity = call.world.resources.require_by(of.name, call.organisation, by, value)
        if not all(entity.has(link.field, parent.id) for link, parent in self._parents(call, path)):
            raise not_found(of.name)
        return entity


_IDS = {int: "an integer above 0", str: "a UUID"}


@functools.cache
def _last(path: str) -> str:
    """Return the name of the last parameter in a path; empty if there is none."""
    return path.rpartition("{")[2].partition("}")[0] if "{" in path else ""


def _counted(every: list[Any], call: ApiCall, paging: Paging | None) -> Answered:
    """Return a list, or the page of it that a request asks for, with its figures and the request's parameters."""
    page, said = (every, {}) if paging is None else paging.part(every, call)
    totals = {"total": len(every), "total_count": len(every), "items_in_page": len(page)}
    return Answered(page, **{**call.parameters, **said, **totals})


def _a(resource: Resource) -> str:
    return f"a{'n' * (resource.name[0] in 'aeiou')} {resource.name}"


def _fill(model: type[_Model], entity: Entity, values: Mapping[str, Any]) -> _Model:
    """Return a model filled with an entity's values, by the names of its fields."""
    known = {
        **entity.fields,
        "id": entity.id,
        f"{entity.resource.field}_id": entity.id,
        "organization_id": entity.organisation,
        "created_at": entity.created_at,
        "updated_at": entity.updated_at,
        **values,
    }
    never_null, fields = _not_null(model), model.model_fields
    given = {
        name: known[name] for name in fields if name in known and (known[name] is not None or name not in never_null)
    }
    for name in ("created_at", "updated_at"):
        if name in given and type(given[name]) is int:
            as_text = fields[name].annotation in (str, str | None)
            given[name] = iso(given[name]) if as_text else datetime_at(given[name])
    return model(**given)


def _fields_of(model: type[BaseModel] | None) -> Mapping[str, FieldInfo]:
    return {} if model is None else model.model_fields


def _type_of(link: Link) -> Any:
    """Return the type of a link's field as it is stored."""
    one = link.ids.wire_type
    return one if link.parameter == link.field else list[one]  # type: ignore[valid-type]


@functools.cache
def _not_null(model: type[BaseModel]) -> frozenset[str]:
    """Return the names of a model's fields that cannot be null."""
    return frozenset(name for name, field in model.model_fields.items() if not _is_nullable(field.annotation))


def _is_nullable(annotation: Any) -> bool:
    if get_origin(annotation) in (Union, UnionType):
        return any(map(_is_nullable, get_args(annotation)))
    return annotation in (Any, None, NoneType)


def organisation_id(entity: Entity) -> UUID | None:
    """Return the name of an entity's organisation, for an answer that has a UUID there; None if it is not a UUID."""
    read = uuid_ids.read(entity.organisation)
    return None if read is None else UUID(str(read))


def as_fields(model: BaseModel) -> dict[str, Any]:
    """Return the values of a model, as JSON-ready data to store.

    Raises:
        Refused: A text has a lone surrogate, which UTF-8, and so any answer, cannot carry. Bluejay's own behavior is
            not known.
    """
    try:
        # Pydantic's own writer silently replaces lone surrogates in the keys of a dictionary.
        json.dumps(model.model_dump(), default=str, ensure_ascii=False).encode()
        fields: dict[str, Any] = json.loads(model.model_dump_json())
    except UnicodeEncodeError:
        raise Refused("A text in the body has a lone surrogate: it is not valid Unicode") from None
    return fields


def given_fields(request: BaseModel) -> dict[str, Any]:
    """Return the fields that a request gives, also as null, as JSON-ready data. Raises as `as_fields` does."""
    return {name: value for name, value in as_fields(request).items() if name in request.model_fields_set}


def not_null_fields(request: BaseModel) -> dict[str, Any]:
    """Return the fields of a request that are not null, as JSON-ready data. Raises as `as_fields` does."""
    return {name: value for name, value in as_fields(request).items() if value is not None}


def check_version(request: BaseModel) -> None:
    """Check that a request names one version of the agent's prompt.

    Raises:
        Refused: `prompt_id`, which is deprecated, and `agent_version_id` differ.
    """
    old, new = getattr(request, "prompt_id", None), getattr(request, "agent_version_id", None)
    if old is not None and new is not None and old != new:
        raise Refused("prompt_id and agent_version_id name different versions; send agent_version_id alone")


def changes(request: BaseModel, readings: Readings, never_null: Container[str] = ()) -> dict[str, Any]:
    """Return the fields that an update changes, with their new values, by the reading `update_changes`."""
    which = readings.update_changes
    given = as_fields(request) if which is UpdateChanges.NOT_NULL else given_fields(request)
    clears = which is UpdateChanges.GIVEN
    return {name: value for name, value in given.items() if value is not None or (clears and name not in never_null)}


def validated(
    model: type[_Model], what: str, fields: Mapping[str, Any], besides: tuple[str, ...] = ("organisation",)
) -> _Model:
    """Return the fields that a test gave, as the model of a request.

    Args:
        model: The model of the request.
        what: The object in words, for messages: `an agent`.
        fields: The fields, as the test gave them.
        besides: Further names that the test may have meant, for a suggestion.

    Raises:
        ValueError: A field is unknown, or its value is not allowed.
    """
    for name in fields:
        if name not in model.model_fields:
            raise ValueError(unknown(f"field of {what}", name, sorted({*model.model_fields, *besides} - {name})))
    try:
        return model.model_validate(dict(fields))
    except ValidationError as error:
        raise ValueError(first_mistake(error, f" of {what}")) from None
