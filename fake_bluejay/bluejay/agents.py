"""Agents: the voice and text agents that customers let Bluejay test."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from fake_bluejay.bluejay.folders import folder_named
from fake_bluejay.bluejay.models.wire import Wire, like, of_openapi, shape
from fake_bluejay.bluejay.resources import Operations, as_fields, changes
from fake_bluejay.core.clock import Moment
from fake_bluejay.core.errors import Conflict, NotFound
from fake_bluejay.core.readings import Contract, SameExternalId, UpdatedText
from fake_bluejay.core.resources import Entity, Link, OnDelete, Resource, uuid_ids
from fake_bluejay.core.world import World
from fake_bluejay.http.operation import ApiCall


class AgentType(StrEnum):
    """The direction of calls: an INBOUND agent is called, an OUTBOUND one calls."""

    INBOUND = "INBOUND"
    OUTBOUND = "OUTBOUND"


class ConnectionType(StrEnum):
    """A way to reach an agent."""

    SMS = "SMS"
    HTTP_WEBHOOK = "HTTP_WEBHOOK"
    PHONE = "PHONE"
    SIP = "SIP"
    WEBSOCKET = "WEBSOCKET"
    LIVEKIT = "LIVEKIT"
    PIPECAT = "PIPECAT"


class AgentMode(StrEnum):
    """The medium of an agent: speech or text."""

    VOICE = "VOICE"
    TEXT = "TEXT"


AnyConnectionType = ConnectionType | Literal["ELEVEN_LABS", "RETELL", "VAPI", "KORE", "EMAIL"]
"""The connection types of the OpenAPI, those of the SDK, and the documentation's for email."""
_OLDER_CONNECTION = {"connection_type": (ConnectionType | None, None)}
"""The OpenAPI has fewer ways to reach an agent."""


class _Connection(Wire):
    """The way to reach an agent, which is the last part of every request that describes one."""

    folder: str | None = None
    websocket_url: str | None = None
    websocket_username: str | None = None
    websocket_password: str | None = None
    sip_uri: str | None = None
    sip_username: str | None = None
    sip_password: str | None = None
    custom_sip_headers: dict[str, str] | None = None
    redact_pii: bool | None = None
    livekit_agent_name: str | None = None
    livekit_metadata: dict[str, Any] | None = None
    livekit_customer_tool_topic: str | None = None
    pipecat_agent_name: str | None = None
    pipecat_agent_configuration: dict[str, Any] | None = None
    pipecat_room_properties: dict[str, Any] | None = None
    http_webhook: str | None = None
    voice_provider: str | None = None
    provider_id: str | None = None
    eleven_labs_agent_id: str | None = None
    retell_agent_id: str | None = None
    vapi_assistant_id: str | None = None
    kore_host: str | None = None
    kore_bot_id: str | None = None
    kore_client_id: str | None = None
    kore_client_secret: str | None = None
    enable_outbound_call_auto_start: bool | None = None
    simulations_disabled: bool | None = None
    workflow: dict[str, Any] | None = None
    provider: str | None = None
    email_address: str | None = None
    outbound_trigger_webhook_url: str | None = None
    outbound_trigger_payload_template: Any | None = None
    dynamic_sip_webhook_url: str | None = None
    amelia_flow_name: str | None = None


class _NewAgent(Wire):
    bluejay_as_code_id: UUID | None = None
    name: str
    system_prompt: str
    knowledge_base: str | None = None
    phone_number: str | None = None
    goals: list[str]
    type: AgentType | None = AgentType.INBOUND
    connection_type: AnyConnectionType | None = None
    mode: AgentMode | None = AgentMode.VOICE
    keyterms: list[str] | None = None
    external_agent_id: str | None = None


class AgentRequest(_Connection, _NewAgent):
    """A new agent."""

    redact_pii: bool | None = False
    simulations_disabled: bool | None = False


class _ChangedAgent(Wire):
    external_agent_id: str | None = None
    name: str | None = None
    system_prompt: str | None = None
    knowledge_base: str | None = None
    phone_number: str | None = None
    goals: list[str] | None = None
    type: AgentType | None = None
    connection_type: AnyConnectionType | None = None
    mode: AgentMode | None = None
    keyterms: list[str] | None = None


class _AgentId(Wire):
    bluejay_as_code_id: UUID | None = None
    agent_id: str | None


class AgentUpdateRequest(_Connection, _ChangedAgent, _AgentId):
    """A change of an agent, which is named by its id. The id must be there, and may be null."""


class AgentUpdateWithExternalIdRequest(_Connection, _ChangedAgent):
    """A change of an agent, which is named by the customer's own id for it."""

    external_agent_id: str


class AgentRequestOfSdk(AgentRequest):
    """A new agent, as the SDK describes one: it has a knowledge base."""

    knowledge_base: str


class AgentResponse(Wire):
    """An agent that was deleted, with the key of its HTTP webhook, if it has one."""

    agent_id: int
    status: str = "200"
    http_webhook_key: str | None = None


class NewAgentResponse(AgentResponse):
    """An agent that was added, and the first version of its prompt."""

    version: int = 1


class AgentUpdateResponse(Wire):
    """An agent that was changed, in the form of the request that changes one."""

    agent: AgentUpdateRequest
    status: str = "200"
    http_webhook_key: str | None = None


AgentPydantic = like(
    AgentRequest,
    "AgentPydantic",
    "An agent, as answers show it.",
    """
    id bluejay_as_code_id name agent_description knowledge_base organization_id goals mode type
    connection_type phone_number websocket_url redact_pii folder_id created_at keyterms voice_provider provider_id
    websocket_username websocket_password external_agent_id sip_uri custom_sip_headers sip_username sip_password
    simulation_notifications
    livekit_agent_name livekit_metadata livekit_customer_tool_topic
    pipecat_agent_name pipecat_agent_configuration pipecat_room_properties
    http_webhook http_webhook_key eleven_labs_agent_id retell_agent_id vapi_assistant_id
    kore_host kore_bot_id kore_client_id kore_client_secret kore_inbound_token
    enable_outbound_call_auto_start simulations_disabled workflow provider email_address
    outbound_trigger_webhook_url outbound_trigger_payload_template dynamic_sip_webhook_url amelia_flow_name
    """,
    id=(str | int | None, None),
    name=str,
    agent_description=str,
    knowledge_base=str,
    organization_id=str,
    mode=AgentMode,
    folder_id=(UUID | None, None),
    created_at=(Moment | None, None),
    custom_sip_headers=(dict[str, Any] | None, None),
    simulation_notifications=(dict[str, Any], Field(default_factory=dict)),
    http_webhook_key=(str | None, None),
    kore_inbound_token=(str | None, None),
    simulations_disabled=(bool | None, False),
)


class AgentWebhookKeyRequest(Wire):
    """The agent whose key is meant, named by either of its ids."""

    agent_id: str | None = None
    external_agent_id: str | None = None


class AgentWebhookKeyResponse(Wire):
    """The key that an agent's HTTP webhook is signed with."""

    signing_key: str
    message: str


def _settle_folder(world: World, agent: Entity) -> None:
    """Put an agent into the folder that it names, as agents of older dumps do."""
    if "folder" in agent.fields:
        agent.fields.update(_with_folder(world, agent.organisation, {"folder": agent.fields.pop("folder")}))


AGENTS = Resource(
    "agent",
    links=(Link("folder_id", to="folder", on_delete=OnDelete.DETACH, ids=uuid_ids),),
    example={"name": "Agent", "system_prompt": "You answer the phone.", "knowledge_base": "", "goals": []},
    on_load=_settle_folder,
)


def _with_folder(world: World, organisation: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields with the id of a folder in the place of its name; a folder that does not exist is created."""
    if "folder" in fields:
        name = fields.pop("folder")
        fields["folder_id"] = None if name is None else folder_named(world, organisation, name).id
    return fields


def create_agent(world: World, organisation: str, request: AgentRequest) -> Entity:
    """Make an agent. Raises `Conflict` if its external id is taken and a reading forbids that."""
    fields = as_fields(request)
    # A request may have a null `mode`, an answer may not, so the published default replaces it.
    fields["mode"] = fields["mode"] or "VOICE"
    # Optional in the newest documentation's request, but a text in every published answer.
    fields["knowledge_base"] = fields["knowledge_base"] or ""
    if fields["connection_type"] is None and world.readings.contract is Contract.DOCS:
        fields["connection_type"] = _connection_type(fields)
    _refuse_taken(world, organisation, fields.get("external_agent_id"))
    fields["http_webhook_key"] = _key(world, world.resources[AGENTS].next_id()) if fields.get("http_webhook") else None
    return world.resources[AGENTS].add(organisation, _with_folder(world, organisation, fields))


_CONNECTED_BY = {
    "sip_uri": "SIP",
    "dynamic_sip_webhook_url": "SIP",
    "websocket_url": "WEBSOCKET",
    "livekit_agent_name": "LIVEKIT",
    "pipecat_agent_name": "PIPECAT",
    "http_webhook": "HTTP_WEBHOOK",
    "eleven_labs_agent_id": "ELEVEN_LABS",
    "retell_agent_id": "RETELL",
    "vapi_assistant_id": "VAPI",
    "kore_bot_id": "KORE",
    "email_address": "EMAIL",
    "phone_number": "PHONE",
}
"""A field that says how an agent is reached → the connection type."""


def _connection_type(fields: dict[str, Any]) -> str | None:
    """Return the connection type of a new agent by the field that it has for it; None without one.

    The documentation says that the field decides. The order, for an agent with several such fields, is this project's
    choice.
    """
    found = next((kind for name, kind in _CONNECTED_BY.items() if fields.get(name)), None)
    return "SMS" if found == "PHONE" and fields["mode"] == "TEXT" else found


agents = Operations(
    AGENTS,
    returns=AgentPydantic,
    values=lambda agent: {"agent_description": agent.fields["system_prompt"]},
    new=create_agent,
    stored=shape("StoredAgent", "An agent.", name=str, system_prompt=str, knowledge_base=str, mode=str),
)

agents.create(
    "POST",
    "/v1/add-agent",
    AgentRequest,
    takes_under={
        Contract.SDK: AgentRequestOfSdk,
        Contract.OPENAPI: of_openapi(AgentRequest, knowledge_base=str, **_OLDER_CONNECTION),
    },
    returns=NewAgentResponse,
)
agents.get("GET", "/v1/agents/{agent_id}")
agents.get("GET", "/v1/agent-by-external-id/{external_id}", by="external_agent_id")
agents.list("GET", "/v1/all-agents")
agents.list("GET", "/v1/get-agents-by-folder/{folder_id}")
agents.delete("DELETE", "/v1/agent/{agent_id}", returns=AgentResponse)


@agents.operation(
    "POST",
    "/v1/update-agent",
    takes_under={Contract.OPENAPI: of_openapi(AgentUpdateRequest, **_OLDER_CONNECTION)},
)
def update_agent(call: ApiCall, request: AgentUpdateRequest) -> AgentUpdateResponse:
    """Change an agent, which the external id names if its id is null."""
    return _update(call, request)


@agents.operation(
    "PUT",
    "/v1/update-agent-by-external-id",
    takes_under={Contract.OPENAPI: of_openapi(AgentUpdateWithExternalIdRequest, **_OLDER_CONNECTION)},
)
def update_agent_by_external_id(call: ApiCall, request: AgentUpdateWithExternalIdRequest) -> AgentUpdateResponse:
    """Change an agent, which the customer's own id for it names."""
    return _update(call, request)


@agents.operation("POST", "/v1/get-http-webhook-key")
def get_http_webhook_key(call: ApiCall, request: AgentWebhookKeyRequest) -> AgentWebhookKeyResponse:
    """Return the key of an agent's HTTP webhook; 404 if it has none."""
    key = _named(call, request).fields.get("http_webhook_key")
    if key is None:
        raise NotFound("The agent has no HTTP webhook key")
    return AgentWebhookKeyResponse(signing_key=key, message="The HTTP webhook key of the agent")


@agents.operation("POST", "/v1/generate-http-webhook-key")
def generate_http_webhook_key(call: ApiCall, request: AgentWebhookKeyRequest) -> AgentWebhookKeyResponse:
    """Make a new key for an agent's HTTP webhook, which replaces the old one."""
    agent = _named(call, request)
    key = _key(call.world, agent.id, agent.fields.get("http_webhook_key"))
    call.world.resources.change(agent, {"http_webhook_key": key})
    return AgentWebhookKeyResponse(signing_key=key, message="The HTTP webhook key of the agent is new")


_AnyUpdate = AgentUpdateRequest | AgentUpdateWithExternalIdRequest


def _update(call: ApiCall, request: _AnyUpdate) -> AgentUpdateResponse:
    agent = _named(call, request)
    changed = changes(request, call.world.readings, agents.never_null)
    changed.pop("agent_id", None)
    if changed.get("external_agent_id") != agent.fields.get("external_agent_id"):
        _refuse_taken(call.world, call.organisation, changed.get("external_agent_id"))
    after = {**agent.fields, **changed}
    if after.get("http_webhook") and not after.get("http_webhook_key"):
        changed["http_webhook_key"] = _key(call.world, agent.id)
    if call.world.readings.updated_text is UpdatedText.NEW_VERSION:
        # Loaded on use: it is as large as this module, and most tests use no versions.
        from fake_bluejay.bluejay.prompts import update_text

        update_text(call.world, agent, changed)
    call.world.resources.change(agent, _with_folder(call.world, call.organisation, changed))
    folder = call.world.resources.find("folder", agent.fields.get("folder_id"), call.organisation)
    return AgentUpdateResponse(
        agent=AgentUpdateRequest(
            agent_id=str(agent.id), **{**agent.fields, "folder": folder and folder.fields["name"]}
        ),
        http_webhook_key=agent.fields.get("http_webhook_key"),
    )


def _refuse_taken(world: World, organisation: str, external_id: str | None) -> None:
    if world.readings.same_external_id is SameExternalId.ADDED:
        return
    if world.resources.find_by("agent", organisation, "external_agent_id", external_id) is not None:
        raise Conflict("An agent with this external id exists already")


def _named(call: ApiCall, request: _AnyUpdate | AgentWebhookKeyRequest) -> Entity:
    """Return the agent of a request: that of its id or, if there is none, the oldest one of its external id."""
    if (id := getattr(request, "agent_id", None)) is not None:
        return call.require("agent", id)
    external_id = request.external_agent_id
    return call.world.resources.require_by("agent", call.organisation, "external_agent_id", external_id)


def _key(world: World, agent_id: int | str, before: str | None = None) -> str:
    """Return a key for an agent that differs from the one before; it is the same for the same seed."""
    return hashlib.sha256(f"{world.seed}:http-webhook-key:{agent_id}:{before}".encode()).hexdigest()
