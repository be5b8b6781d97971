"""Agents: what a customer has Bluejay call, or be called by."""

from __future__ import annotations

import hashlib
from typing import Any

from fake_bluejay.bluejay.folders import folder_named
from fake_bluejay.bluejay.models.agents import (
    AgentPydantic,
    AgentRequest,
    AgentRequestOfOpenApi,
    AgentRequestOfSdk,
    AgentResponse,
    AgentUpdateRequest,
    AgentUpdateRequestOfOpenApi,
    AgentUpdateResponse,
    AgentUpdateWithExternalIdRequest,
    AgentUpdateWithExternalIdRequestOfOpenApi,
    AgentWebhookKeyRequest,
    AgentWebhookKeyResponse,
    NewAgentResponse,
)
from fake_bluejay.bluejay.resources import Operations, as_fields, changes, found
from fake_bluejay.core.clock import datetime_at
from fake_bluejay.core.errors import Conflict, NotFound
from fake_bluejay.core.readings import Contract, SameExternalId
from fake_bluejay.core.resources import Entity, Link, OnDelete, Resource, uuid_ids
from fake_bluejay.core.world import World
from fake_bluejay.http.operation import Call, Operation, as_id

__all__ = ["AGENTS", "OPERATIONS", "agents", "create_agent"]


def _settle_folder(world: World, agent: Entity) -> None:
    """Put an agent into the folder that it names, as agents of older dumps do."""
    if "folder" in agent.fields:
        agent.fields.update(_with_folder(world, agent.organisation, {"folder": agent.fields.pop("folder")}))


AGENTS = Resource(
    "agent",
    links=(Link("folder_id", to="folder", on_delete=OnDelete.DETACH, ids=uuid_ids),),
    example={"name": "Agent", "system_prompt": "You answer the phone.", "knowledge_base": "", "goals": []},
    required={"name": str, "system_prompt": str, "knowledge_base": str, "mode": str},
    on_load=_settle_folder,
)


def _with_folder(world: World, organisation: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields with the id of a folder in the place of its name. A name that no folder has makes a new one."""
    if "folder" in fields:
        name = fields.pop("folder")
        fields["folder_id"] = None if name is None else folder_named(world, organisation, name).id
    return fields


def create_agent(world: World, organisation: str, request: AgentRequest) -> Entity:
    """A new agent. Raises the 409 if its external id is taken, where a reading says so."""
    fields = as_fields(request)
    # A null `mode` may be asked for, and not be given back: what is published as the default stands.
    fields["mode"] = fields["mode"] or "VOICE"
    # Optional in the newest documentation's request, and a text in every answer that is published.
    fields["knowledge_base"] = fields["knowledge_base"] or ""
    _refuse_taken(world, organisation, fields.get("external_agent_id"))
    fields["http_webhook_key"] = _key(world, world.resources[AGENTS].next_id()) if fields.get("http_webhook") else None
    return world.resources[AGENTS].add(organisation, _with_folder(world, organisation, fields))


def add_agent(call: Call) -> NewAgentResponse:
    """Add an agent."""
    agent = create_agent(call.world, call.organisation, call.request)
    return NewAgentResponse(agent_id=agent.id, http_webhook_key=agent.fields.get("http_webhook_key"))


def update_agent(call: Call) -> AgentUpdateResponse:
    """Change an agent; one whose id is null is meant by its external id."""
    request = call.request
    if request.agent_id is not None:
        return _update(call, found(call.world.resources[AGENTS], as_id(request.agent_id), call.organisation))
    return _update(call, _by_external_id(call, request.external_agent_id))


def update_agent_by_external_id(call: Call) -> AgentUpdateResponse:
    """Change an agent that is meant by the customer's own id for it."""
    return _update(call, _by_external_id(call, call.request.external_agent_id))


def get_agent(call: Call) -> AgentPydantic:
    """One agent."""
    return _agent(found(call.world.resources[AGENTS], call.parameters["agent_id"], call.organisation))


def get_agent_by_external_id(call: Call) -> AgentPydantic:
    """One agent, by the customer's own id for it."""
    return _agent(_by_external_id(call, call.parameters["external_id"]))


def get_all_agents(call: Call) -> list[AgentPydantic]:
    """All agents, the oldest first."""
    return [_agent(agent) for agent in call.world.resources[AGENTS].of(call.organisation)]


def delete_agent(call: Call) -> AgentResponse:
    """Delete an agent; its simulations go or stay, as a reading says."""
    agent = found(call.world.resources[AGENTS], call.parameters["agent_id"], call.organisation)
    call.world.resources.remove(agent)
    return AgentResponse(agent_id=agent.id, http_webhook_key=agent.fields.get("http_webhook_key"))


def get_http_webhook_key(call: Call) -> AgentWebhookKeyResponse:
    """The key of an agent's HTTP webhook; 404 if it has none."""
    key = _agent_of_key(call).fields.get("http_webhook_key")
    if key is None:
        raise NotFound("The agent has no HTTP webhook key")
    return AgentWebhookKeyResponse(signing_key=key, message="The HTTP webhook key of the agent")


def generate_http_webhook_key(call: Call) -> AgentWebhookKeyResponse:
    """A new key for an agent's HTTP webhook; the one before is valid no more."""
    agent = _agent_of_key(call)
    key = _key(call.world, agent.id, agent.fields.get("http_webhook_key"))
    call.world.resources[AGENTS].change(agent, {"http_webhook_key": key})
    return AgentWebhookKeyResponse(signing_key=key, message="The HTTP webhook key of the agent is new")


def _update(call: Call, agent: Entity) -> AgentUpdateResponse:
    changed = changes(call.request, call.world.readings, agents.never_null)
    changed.pop("agent_id", None)
    if changed.get("external_agent_id") != agent.fields.get("external_agent_id"):
        _refuse_taken(call.world, call.organisation, changed.get("external_agent_id"))
    after = {**agent.fields, **changed}
    if after.get("http_webhook") and not after.get("http_webhook_key"):
        changed["http_webhook_key"] = _key(call.world, agent.id)
    call.world.resources[AGENTS].change(agent, _with_folder(call.world, call.organisation, changed))
    folder = call.world.resources.find("folder", agent.fields["folder_id"], call.organisation)
    return AgentUpdateResponse(
        agent=AgentUpdateRequest(
            agent_id=str(agent.id), **{**agent.fields, "folder": folder and folder.fields["name"]}
        ),
        http_webhook_key=agent.fields.get("http_webhook_key"),
    )


def _refuse_taken(world: World, organisation: str, external_id: str | None) -> None:
    if external_id is None or world.readings.same_external_id is SameExternalId.ADDED:
        return
    if any(agent.fields.get("external_agent_id") == external_id for agent in world.resources[AGENTS].of(organisation)):
        raise Conflict("An agent with this external id exists already")


def _by_external_id(call: Call, external_id: str | None) -> Entity:
    """The first agent of that external id."""
    for agent in call.world.resources[AGENTS].of(call.organisation):
        if external_id is not None and agent.fields.get("external_agent_id") == external_id:
            return agent
    return found(call.world.resources[AGENTS], None, call.organisation)


def _agent_of_key(call: Call) -> Entity:
    request = call.request
    if request.agent_id is None:
        return _by_external_id(call, request.external_agent_id)
    return found(call.world.resources[AGENTS], as_id(request.agent_id), call.organisation)


def _key(world: World, agent_id: int | str, before: str | None = None) -> str:
    """A key for an agent, another one than it had before; always the same for the same seed."""
    return hashlib.sha256(f"{world.seed}:http-webhook-key:{agent_id}:{before}".encode()).hexdigest()


def _agent(agent: Entity) -> AgentPydantic:
    fields = dict(agent.fields)
    return AgentPydantic(
        id=agent.id,
        agent_description=fields.pop("system_prompt"),
        organization_id=agent.organisation,
        created_at=datetime_at(agent.created_at),
        **fields,
    )


agents = Operations(AGENTS, returns=AgentPydantic, show=_agent, new=create_agent, request=AgentRequest)
agents.list("GET", "/v1/get-agents-by-folder/{folder_id}")

OPERATIONS = [
    Operation(
        "POST",
        "/v1/add-agent",
        add_agent,
        takes=AgentRequest,
        takes_under={Contract.SDK: AgentRequestOfSdk, Contract.OPENAPI: AgentRequestOfOpenApi},
        returns=NewAgentResponse,
    ),
    Operation(
        "POST",
        "/v1/update-agent",
        update_agent,
        takes=AgentUpdateRequest,
        takes_under={Contract.OPENAPI: AgentUpdateRequestOfOpenApi},
        returns=AgentUpdateResponse,
    ),
    Operation(
        "PUT",
        "/v1/update-agent-by-external-id",
        update_agent_by_external_id,
        takes=AgentUpdateWithExternalIdRequest,
        takes_under={Contract.OPENAPI: AgentUpdateWithExternalIdRequestOfOpenApi},
        returns=AgentUpdateResponse,
    ),
    Operation("GET", "/v1/agents/{agent_id}", get_agent, path_types={"agent_id": int}, returns=AgentPydantic),
    Operation("GET", "/v1/agent-by-external-id/{external_id}", get_agent_by_external_id, returns=AgentPydantic),
    Operation("GET", "/v1/all-agents", get_all_agents, returns=list[AgentPydantic]),
    Operation("DELETE", "/v1/agent/{agent_id}", delete_agent, path_types={"agent_id": int}, returns=AgentResponse),
    Operation(
        "POST",
        "/v1/get-http-webhook-key",
        get_http_webhook_key,
        takes=AgentWebhookKeyRequest,
        returns=AgentWebhookKeyResponse,
    ),
    Operation(
        "POST",
        "/v1/generate-http-webhook-key",
        generate_http_webhook_key,
        takes=AgentWebhookKeyRequest,
        returns=AgentWebhookKeyResponse,
    ),
]
