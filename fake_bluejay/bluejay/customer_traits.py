"""Customer traits: facts that digital humans of an agent know of themselves, such as a birthday, with their types."""

from __future__ import annotations

import json
import math
from typing import Any

from fake_bluejay.bluejay.digital_humans import TraitDataType
from fake_bluejay.bluejay.models.wire import Wire, shape
from fake_bluejay.bluejay.resources import Operations, as_fields, changes
from fake_bluejay.core.clock import Moment
from fake_bluejay.core.resources import Entity, Link, OnDelete, Resource, uuid_ids
from fake_bluejay.core.world import World
from fake_bluejay.http.operation import ApiCall


class CreateCustomerTraitRequest(Wire):
    """A new trait."""

    agent_id: int
    name: str
    data_type: TraitDataType
    default_value: Any | None = None


class UpdateCustomerTraitRequest(Wire):
    """A change of a trait, with the choice to change it in the digital humans that have it."""

    name: str | None = None
    data_type: TraitDataType | None = None
    default_value: Any | None = None
    sync_existing: bool | None = False


class CustomerTraitResponse(Wire):
    """A trait."""

    id: str
    agent_id: int
    name: str
    data_type: TraitDataType
    default_value: Any | None = None
    created_at: Moment


CUSTOMER_TRAITS = Resource(
    "customer trait",
    ids=uuid_ids,
    # Every answer has the agent's id, so every trait needs an agent.
    links=(Link("agent_id", to="agent", on_delete=OnDelete.CASCADE),),
    example={"agent_id": 1, "name": "Trait", "data_type": "STRING"},
)


def _converted(value: Any, data_type: str) -> Any:
    """Return the default value of a trait in the trait's type, as documented.

    A value that does not fit the type is stored as it was given, which is this project's choice.
    """
    if isinstance(value, str) and data_type == TraitDataType.BOOLEAN:
        return {"true": True, "false": False}.get(value.strip().lower(), value)
    if isinstance(value, str) and data_type == TraitDataType.NUMBER:
        try:
            number = float(value)
        except ValueError:
            return value
        return int(number) if number.is_integer() else number if math.isfinite(number) else value
    if isinstance(value, bool | int | float) and data_type == TraitDataType.STRING:
        return json.dumps(value)
    return value


def _new_trait(world: World, organisation: str, request: CreateCustomerTraitRequest) -> Entity:
    fields = customer_traits.linked(world, organisation, as_fields(request))
    fields["default_value"] = _converted(fields["default_value"], fields["data_type"])
    return world.resources[CUSTOMER_TRAITS].add(organisation, fields)


customer_traits = Operations(CUSTOMER_TRAITS, returns=CustomerTraitResponse, new=_new_trait)

customer_traits.create("POST", "/v1/create-customer-trait", CreateCustomerTraitRequest)
customer_traits.get("GET", "/v1/customer-trait/{trait_id}")
customer_traits.list(
    "GET",
    "/v1/customer-traits",
    filters={"agent_id": int | None},
    returns=shape("CustomerTraitsListResponse", "Traits.", traits=list[CustomerTraitResponse], total_count=int),
)
customer_traits.delete(
    "DELETE",
    "/v1/customer-trait/{trait_id}",
    returns=shape("DeleteCustomerTraitResponse", "A trait that was deleted.", message=str, deleted_trait_id=str),
)


@customer_traits.operation("PUT", "/v1/update-customer-trait/{trait_id}")
def update_customer_trait(call: ApiCall, customer_trait: Entity, request: UpdateCustomerTraitRequest) -> Entity:
    """Change a trait. With `sync_existing`, digital humans' traits of its old name get its new name and type."""
    changed = changes(request, call.world.readings, customer_traits.never_null)
    sync, old = changed.pop("sync_existing", False), customer_trait.fields["name"]
    after = {**customer_trait.fields, **changed}
    changed["default_value"] = _converted(after["default_value"], after["data_type"])
    customer_traits.change(call.world, customer_trait, changed)
    if sync:
        _sync(call, old, customer_trait)
    return customer_trait


def _sync(call: ApiCall, old: str, trait: Entity) -> None:
    """Give a trait its new name and type in the digital humans of its agent's simulations."""
    resources, agent_id = call.world.resources, trait.fields["agent_id"]
    simulations = {one.id for one in resources.of("simulation", call.organisation, agent_id=agent_id)}
    new = {"trait_name": trait.fields["name"], "trait_data_type": trait.fields["data_type"]}
    for human in resources.of("digital human", call.organisation):
        theirs = human.fields.get("traits") or []
        if simulations.intersection(human.fields["simulation_ids"]):
            changed = [{**one, **new} if one.get("trait_name") == old else one for one in theirs]
            resources.change(human, {"traits": changed} if theirs else {})
