"""Customer personas: kinds of customers of an agent, with their goals. The newest documentation has personalities."""

from __future__ import annotations

from uuid import UUID

from fake_bluejay.bluejay.models.wire import Wire, like
from fake_bluejay.bluejay.resources import Operations, organisation_id
from fake_bluejay.core.clock import Moment
from fake_bluejay.core.resources import Link, Resource, uuid_ids


class CreateCustomerPersonaRequest(Wire):
    """A new persona."""

    agent_id: int | None = None
    name: str
    description: str
    goal: str


class CustomerPersonaPydantic(Wire):
    """A persona, in the shape of a row of the database: without its agent."""

    id: UUID | None = None
    created_at: Moment | None = None
    name: str | None = None
    description: str | None = None
    goal: str | None = None
    org_id: UUID | None = None


CUSTOMER_PERSONAS = Resource(
    "customer persona",
    ids=uuid_ids,
    links=(Link("agent_id", to="agent"),),
    example={"name": "Persona", "description": "A customer.", "goal": "To be helped."},
)
customer_personas = Operations(
    CUSTOMER_PERSONAS,
    returns=CustomerPersonaPydantic,
    values=lambda persona: {"org_id": organisation_id(persona)},
)

customer_personas.create("POST", "/v1/create-customer-persona", CreateCustomerPersonaRequest)
customer_personas.get("GET", "/v1/customer-persona/{persona_id}")
customer_personas.list("GET", "/v1/customer-personas-by-agent/{agent_id}")
customer_personas.update(
    "PUT",
    "/v1/update-customer-persona/{persona_id}",
    like(
        CreateCustomerPersonaRequest, "UpdateCustomerPersonaRequest", "A change of a persona.", "name description goal"
    ),
)
customer_personas.delete("DELETE", "/v1/customer-persona/{persona_id}")
