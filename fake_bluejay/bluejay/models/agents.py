"""Agents: what a customer has Bluejay call, or be called by."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from fake_bluejay.bluejay.models.wire import Wire
from fake_bluejay.core.clock import Moment

__all__ = [
    "AgentPydantic",
    "AgentRequest",
    "AgentRequestOfOpenApi",
    "AgentRequestOfSdk",
    "AgentResponse",
    "AgentUpdateRequest",
    "AgentUpdateRequestOfOpenApi",
    "AgentUpdateResponse",
    "AgentUpdateWithExternalIdRequest",
    "AgentUpdateWithExternalIdRequestOfOpenApi",
    "AgentWebhookKeyRequest",
    "AgentWebhookKeyResponse",
    "NewAgentResponse",
]


class AgentType(StrEnum):
    """Who calls: an INBOUND agent is called, an OUTBOUND one calls."""

    INBOUND = "INBOUND"
    OUTBOUND = "OUTBOUND"


class ConnectionType(StrEnum):
    """How an agent is reached."""

    SMS = "SMS"
    HTTP_WEBHOOK = "HTTP_WEBHOOK"
    PHONE = "PHONE"
    SIP = "SIP"
    WEBSOCKET = "WEBSOCKET"
    LIVEKIT = "LIVEKIT"
    PIPECAT = "PIPECAT"


class AgentMode(StrEnum):
    """Whether an agent talks or writes."""

    VOICE = "VOICE"
    TEXT = "TEXT"


AnyConnectionType = ConnectionType | Literal["ELEVEN_LABS", "RETELL", "VAPI", "KORE"]
"""Those of the OpenAPI, and those of the SDK."""


class _Connection(Wire):
    """How an agent is reached, as every request that describes one ends."""

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
    """Which agent to change, and what. The id must be there, and may be null."""


class AgentUpdateWithExternalIdRequest(_Connection, _ChangedAgent):
    """Which agent to change, by the customer's own id for it, and what."""

    external_agent_id: str


class AgentRequestOfSdk(AgentRequest):
    """A new agent, as the SDK describes one: it has a knowledge base."""

    knowledge_base: str


class AgentRequestOfOpenApi(AgentRequestOfSdk):
    """A new agent, as the OpenAPI describes one: there are fewer ways to reach it."""

    connection_type: ConnectionType | None = None


class AgentUpdateRequestOfOpenApi(AgentUpdateRequest):
    """What to change, as the OpenAPI describes it: there are fewer ways to reach an agent."""

    connection_type: ConnectionType | None = None


class AgentUpdateWithExternalIdRequestOfOpenApi(AgentUpdateWithExternalIdRequest):
    """What to change, as the OpenAPI describes it: there are fewer ways to reach an agent."""

    connection_type: ConnectionType | None = None


class AgentResponse(Wire):
    """An agent that was deleted. The key is there if the agent has an HTTP webhook."""

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


class AgentPydantic(Wire):
    """An agent, as it is given back."""

    id: str | int | None = None
    bluejay_as_code_id: UUID | None = None
    name: str
    agent_description: str
    knowledge_base: str
    organization_id: str
    goals: list[str] | None = None
    mode: AgentMode
    type: AgentType | None = None
    connection_type: AnyConnectionType | None = None
    phone_number: str | None = None
    websocket_url: str | None = None
    redact_pii: bool | None = None
    folder_id: UUID | None = None
    created_at: Moment | None = None
    keyterms: list[str] | None = None
    voice_provider: str | None = None
    provider_id: str | None = None
    websocket_username: str | None = None
    websocket_password: str | None = None
    external_agent_id: str | None = None
    sip_uri: str | None = None
    custom_sip_headers: dict[str, Any] | None = None
    sip_username: str | None = None
    sip_password: str | None = None
    simulation_notifications: dict[str, Any] = Field(default_factory=dict)
    livekit_agent_name: str | None = None
    livekit_metadata: dict[str, Any] | None = None
    livekit_customer_tool_topic: str | None = None
    pipecat_agent_name: str | None = None
    pipecat_agent_configuration: dict[str, Any] | None = None
    pipecat_room_properties: dict[str, Any] | None = None
    http_webhook: str | None = None
    http_webhook_key: str | None = None
    eleven_labs_agent_id: str | None = None
    retell_agent_id: str | None = None
    vapi_assistant_id: str | None = None
    kore_host: str | None = None
    kore_bot_id: str | None = None
    kore_client_id: str | None = None
    kore_client_secret: str | None = None
    kore_inbound_token: str | None = None
    enable_outbound_call_auto_start: bool | None = None
    simulations_disabled: bool | None = False
    workflow: dict[str, Any] | None = None
    provider: str | None = None


class AgentWebhookKeyRequest(Wire):
    """Whose key it is about: an agent, by either of its ids."""

    agent_id: str | None = None
    external_agent_id: str | None = None


class AgentWebhookKeyResponse(Wire):
    """The key that an agent's HTTP webhook is signed with."""

    signing_key: str
    message: str
