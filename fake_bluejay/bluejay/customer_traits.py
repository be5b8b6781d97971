"""Customer traits: facts that digital humans of an agent know of themselves, such as a birthday, with their types."""

from __future__ import annotations

from typing import Any

from fake_bluejay.bluejay.digital_humans import TraitDataType
from fake_bluejay.bluejay.models.wire import Wire, shape
from fake_bluejay.bluejay.resources import Operations, changes
from fake_bluejay.core.clock import Moment
from fake_bluejay.core.resources import Entity, Link, OnDelete, Resource, uuid_ids
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
customer_traits = Operations(CUSTOMER_TRAITS, returns=CustomerTraitResponse)

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
