"""Digital humans: whom Bluejay lets talk to an agent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import Field

from fake_bluejay.bluejay.models.digital_humans import (
    BulkCreateDigitalHumansRequest,
    BulkCreateDigitalHumansRequestOfOpenApi,
    BulkCreateDigitalHumansResponse,
    BulkDeleteDigitalHumansResponse,
    BulkUpdateDigitalHumansRequest,
    BulkUpdateDigitalHumansResponse,
    CreateDigitalHumanRequest,
    CreateDigitalHumanRequestOfOpenApi,
    DigitalHumanRequestData,
    DigitalHumanResponse,
    DigitalHumanResponseData,
    DigitalHumansListResponse,
    PaginatedDigitalHumansResponse,
    UpdateDigitalHumanRequest,
    UpdateDigitalHumanRequestOfOpenApi,
)
from fake_bluejay.bluejay.resources import Operations, as_fields, changes, found
from fake_bluejay.core.clock import datetime_at
from fake_bluejay.core.errors import Conflict, DomainError, Refused
from fake_bluejay.core.readings import Contract
from fake_bluejay.core.resources import Entity, Link, Resource
from fake_bluejay.core.world import World
from fake_bluejay.http.operation import Call, Operation, Parameter, as_id

__all__ = ["DIGITAL_HUMANS", "OPERATIONS", "create_digital_human", "digital_humans"]

DIGITAL_HUMANS = Resource(
    "digital human",
    links=(Link("simulation_ids", to="simulation"),),
    example={"intent": "Ask something.", "success_criteria": "It is answered.", "phone_number": "+15555550100"},
    required={"intent": str, "success_criteria": str, "simulation_ids": list},
)
_MOST_AT_ONCE = 100


def create_digital_human(
    world: World, organisation: str, request: DigitalHumanRequestData, simulation_ids: Iterable[int] = ()
) -> Entity:
    """A new digital human. Raises the 404 for a simulation that there is not, the 409 for a phone number in use."""
    fields = {**as_fields(request), "simulation_ids": _known(world, organisation, simulation_ids)}
    if "num_runs" not in request.model_fields_set:
        fields["num_runs"] = None  # the default would be taken for its own wish, which comes before its simulation's
    _refuse_conflict(world, organisation, fields)
    return world.resources[DIGITAL_HUMANS].add(organisation, fields)


def create(call: Call) -> DigitalHumanResponse:
    """Create a digital human."""
    request = call.request
    ids = [*(request.simulation_ids or ()), *([] if request.simulation_id is None else [request.simulation_id])]
    return _answer(create_digital_human(call.world, call.organisation, request.digital_human, ids))


def create_many(call: Call) -> BulkCreateDigitalHumansResponse:
    """Create digital humans that take part in the same simulations."""
    answer = BulkCreateDigitalHumansResponse()
    ids = _known(call.world, call.organisation, call.request.simulation_ids or ())
    for index, human in enumerate(call.request.digital_humans):
        try:
            answer.created.append(_answer(create_digital_human(call.world, call.organisation, human, ids)))
        except DomainError as error:
            answer.errors.append({"index": index, "detail": error.detail})
    return answer


def get_digital_human(call: Call) -> DigitalHumanResponse:
    """One digital human."""
    return _answer(_asked_for(call))


def get_digital_human_by_test_name(call: Call) -> DigitalHumanResponse:
    """One digital human, by the customer's own name for it: the first."""
    humans = call.world.resources[DIGITAL_HUMANS]
    for human in humans.of(call.organisation):
        if human.fields.get("test_name") == call.parameters["test_name"]:
            return _answer(human)
    return _answer(found(humans, None, call.organisation))


def get_digital_humans_by_simulation(call: Call) -> DigitalHumansListResponse:
    """The digital humans that take part in a simulation, the oldest first."""
    world = call.world
    simulation = call.require("simulation", call.parameters["simulation_id"])
    humans = [
        one
        for one in world.resources[DIGITAL_HUMANS].of(call.organisation)
        if simulation.id in one.fields["simulation_ids"]
    ]
    return DigitalHumansListResponse(
        digital_humans=[_data(human) for human in humans], total=len(humans), simulation_id=simulation.id
    )


def get_all_digital_humans(call: Call) -> PaginatedDigitalHumansResponse:
    """Return a page of all digital humans, the newest first; the first page is 1."""
    humans = call.world.resources[DIGITAL_HUMANS].of(call.organisation)[::-1]
    page, size = call.parameters["page"], call.parameters["page_size"]
    return PaginatedDigitalHumansResponse(
        digital_humans=[_data(human) for human in humans[(page - 1) * size : page * size]],
        total_count=len(humans),
        page=page,
        page_size=size,
        total_pages=-(-len(humans) // size),
    )


def update_digital_human(call: Call) -> DigitalHumanResponse:
    """Change a digital human. Documented: lists of simulations, traits, … are replaced, not added to."""
    human = _asked_for(call)
    _update(call, human, call.request)
    return _answer(human)


def update_many(call: Call) -> BulkUpdateDigitalHumansResponse:
    """Change digital humans, each in its own way. What cannot be changed is listed, and the others are changed."""
    answer = BulkUpdateDigitalHumansResponse()
    for one in call.request.updates:
        try:
            human = found(call.world.resources[DIGITAL_HUMANS], one.digital_human_id, call.organisation)
            _update(call, human, one.update)
        except DomainError as error:
            answer.errors.append({"digital_human_id": one.digital_human_id, "detail": error.detail})
        else:
            answer.updated.append(_answer(human))
    return answer


def _update(call: Call, human: Entity, request: UpdateDigitalHumanRequest) -> None:
    changed = changes(request, call.world.readings, digital_humans.never_null)
    overrides = changed.pop("override_conflict", False)
    if "simulation_ids" in changed:
        changed["simulation_ids"] = _known(call.world, call.organisation, changed["simulation_ids"])
    after = {**human.fields, **changed}
    if overrides:
        for other in _conflicting(call.world, call.organisation, after, human):
            call.world.resources[DIGITAL_HUMANS].change(other, {"always_on_active": False})
    elif "always_on_active" in changed or "phone_number" in changed:
        _refuse_conflict(call.world, call.organisation, after, human)
    call.world.resources[DIGITAL_HUMANS].change(human, changed)


def delete_digital_human(call: Call) -> DigitalHumanResponseData:
    """Delete a digital human, and say what it was."""
    human = _asked_for(call)
    call.world.resources.remove(human)
    return _data(human)


def delete_many(call: Call) -> BulkDeleteDigitalHumansResponse:
    """Delete digital humans, given by their ids in one text, and say what they were."""
    texts = [text.strip() for text in call.parameters["digital_human_ids"].split(",")]
    if len(texts) > _MOST_AT_ONCE:
        raise Refused(f"At most {_MOST_AT_ONCE} digital humans can be deleted at once")
    answer = BulkDeleteDigitalHumansResponse()
    for text in texts:
        id = as_id(text)
        try:
            human = found(call.world.resources[DIGITAL_HUMANS], id, call.organisation)
        except DomainError as error:
            answer.errors.append({"id": text if id is None else id, "detail": error.detail})
        else:
            call.world.resources.remove(human)
            answer.deleted.append(_data(human))
    return answer


def _asked_for(call: Call) -> Entity:
    return found(call.world.resources[DIGITAL_HUMANS], call.parameters["digital_human_id"], call.organisation)


def _known(world: World, organisation: str, simulation_ids: Iterable[int]) -> list[int]:
    """The ids, each once. Raises the 404 if one is no simulation's."""
    return [world.resources.require("simulation", id, organisation).id for id in dict.fromkeys(simulation_ids)]


def _conflicting(world: World, organisation: str, fields: dict[str, Any], but: Entity | None = None) -> list[Entity]:
    """Other digital humans that take calls on the same number, if these fields say that one takes calls on it."""
    if not fields.get("always_on_active") or fields.get("phone_number") is None:
        return []
    return [
        human
        for human in world.resources[DIGITAL_HUMANS].of(organisation)
        if human is not but
        and human.fields.get("always_on_active")
        and human.fields.get("phone_number") == fields.get("phone_number")
    ]


def _refuse_conflict(world: World, organisation: str, fields: dict[str, Any], but: Entity | None = None) -> None:
    # Documented: `override_conflict` allows to replace one that is active on the same number; so else it is refused.
    if _conflicting(world, organisation, fields, but):
        raise Conflict("Another digital human is active on this phone number")


def _data(human: Entity) -> DigitalHumanResponseData:
    return DigitalHumanResponseData(id=human.id, created_at=datetime_at(human.created_at), **human.fields)


def _answer(human: Entity) -> DigitalHumanResponse:
    ids = human.fields["simulation_ids"]
    return DigitalHumanResponse(
        digital_human=_data(human), simulation_ids=list(ids), simulation_id=ids[0] if ids else None
    )


digital_humans = Operations(
    DIGITAL_HUMANS,
    returns=DigitalHumanResponseData,
    show=_data,
    new=create_digital_human,
    request=DigitalHumanRequestData,
)

_BY_ID: dict[str, Any] = {"path_types": {"digital_human_id": int}}
_FROM_1 = Annotated[int, Field(ge=1)]
_PAGE_SIZE = Annotated[int, Field(ge=1, le=100)]

OPERATIONS = [
    Operation(
        "POST",
        "/v1/create-digital-human",
        create,
        takes=CreateDigitalHumanRequest,
        takes_under={Contract.OPENAPI: CreateDigitalHumanRequestOfOpenApi},
        returns=DigitalHumanResponse,
    ),
    Operation(
        "POST",
        "/v1/create-digital-humans",
        create_many,
        takes=BulkCreateDigitalHumansRequest,
        takes_under={Contract.OPENAPI: BulkCreateDigitalHumansRequestOfOpenApi},
        returns=BulkCreateDigitalHumansResponse,
    ),
    Operation("GET", "/v1/digital-human/{digital_human_id}", get_digital_human, **_BY_ID, returns=DigitalHumanResponse),
    Operation(
        "DELETE",
        "/v1/digital-human/{digital_human_id}",
        delete_digital_human,
        **_BY_ID,
        returns=DigitalHumanResponseData,
    ),
    Operation(
        "GET",
        "/v1/digital-human-by-test-name/{test_name}",
        get_digital_human_by_test_name,
        returns=DigitalHumanResponse,
    ),
    Operation(
        "GET",
        "/v1/digital-humans-by-simulation/{simulation_id}",
        get_digital_humans_by_simulation,
        path_types={"simulation_id": int},
        returns=DigitalHumansListResponse,
    ),
    Operation(
        "GET",
        "/v1/digital-humans",
        get_all_digital_humans,
        query={"page_size": Parameter(_PAGE_SIZE, 20), "page": Parameter(_FROM_1, 1)},
        returns=PaginatedDigitalHumansResponse,
    ),
    Operation(
        "PUT",
        "/v1/update-digital-human/{digital_human_id}",
        update_digital_human,
        **_BY_ID,
        takes=UpdateDigitalHumanRequest,
        takes_under={Contract.OPENAPI: UpdateDigitalHumanRequestOfOpenApi},
        returns=DigitalHumanResponse,
    ),
    Operation(
        "PUT",
        "/v1/update-digital-humans",
        update_many,
        takes=BulkUpdateDigitalHumansRequest,
        returns=BulkUpdateDigitalHumansResponse,
    ),
    Operation(
        "DELETE",
        "/v1/delete-digital-humans",
        delete_many,
        query={"digital_human_ids": Parameter(str)},
        returns=BulkDeleteDigitalHumansResponse,
    ),
]
