"""Integrations: an organisation's keys for other platforms, and its agents at ElevenLabs."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from fake_bluejay.bluejay.models.wire import Wire, stored
from fake_bluejay.bluejay.resources import Operations, as_fields
from fake_bluejay.core.errors import NotFound, Refused
from fake_bluejay.core.resources import Entity, Resource
from fake_bluejay.http.errors import NOTHING, read_body
from fake_bluejay.http.operation import ApiCall

_SECRET = ("key", "secret", "token", "password")
"""The ends of the names of secret fields, whose values only `get-integration-key` shows."""


class _Change(Wire):
    """A body that changes integrations. The names of their fields are not published."""

    fields: dict[Any, Any]


class IntegrationKeyRequest(Wire):
    """The name of a secret field."""

    field: str


class IntegrationKeyResponse(Wire):
    """A secret."""

    value: str


class IntegrationsUpdateResponse(Wire):
    """The stored integrations after a change, without the secrets."""

    success: bool = True
    message: str
    status: str = "200"
    integrations: dict[str, Any]


class ElevenLabsAgentRequest(Wire):
    """An agent at ElevenLabs that a test adds: its id there, its name, and the branches of its workflow."""

    agent_id: str = "agent"
    name: str = "Agent"
    branches: list[str] = Field(default_factory=lambda: ["Main"])


class ElevenLabsAgent(ElevenLabsAgentRequest):
    """An agent at ElevenLabs."""

    id: int


INTEGRATIONS = Resource("integration")
integrations = Operations(INTEGRATIONS)
ELEVENLABS_AGENTS = Resource("elevenlabs agent")
elevenlabs_agents = Operations(
    ELEVENLABS_AGENTS,
    returns=ElevenLabsAgent,
    request=ElevenLabsAgentRequest,
    stored=stored(ElevenLabsAgentRequest),
)


@integrations.operation("GET", "/v1/integrations")
def get_integrations(call: ApiCall) -> Any:
    """Return the stored integrations; a secret appears only as set or not set."""
    return _shown(_stored(call))


@integrations.operation("PATCH", "/v1/integrations", reads_bytes=True)
def patch_integrations(call: ApiCall) -> Any:
    """Change the fields that the body has; null clears one."""
    return _shown(_updated(call))


@integrations.operation("POST", "/v1/update-integrations", reads_bytes=True)
def update_integrations(call: ApiCall) -> IntegrationsUpdateResponse:
    """Change the fields that the body has; null clears one."""
    return IntegrationsUpdateResponse(message="Integrations updated", integrations=_shown(_updated(call)))


@integrations.operation("POST", "/v1/get-integration-key")
def get_integration_key(call: ApiCall, request: IntegrationKeyRequest) -> IntegrationKeyResponse:
    """Return a secret. A secret that is not set is 404."""
    entity = _stored(call)
    value = None if entity is None or not _is_secret(request.field) else entity.fields.get(request.field)
    if value is None:
        raise NotFound("Integration key not found")
    return IntegrationKeyResponse(value=str(value))


@elevenlabs_agents.operation("GET", "/v1/integrations/elevenlabs/agents")
def list_elevenlabs_agents(call: ApiCall) -> dict[str, Any]:
    """Return the agents at ElevenLabs that a test has added, the oldest first."""
    agents = call.world.resources[ELEVENLABS_AGENTS].of(call.organisation)
    return {"agents": [{name: agent.fields[name] for name in ("agent_id", "name")} for agent in agents]}


@elevenlabs_agents.operation("GET", "/v1/integrations/elevenlabs/agents/{bluejay_agent_id}/branches")
def list_elevenlabs_branches(call: ApiCall, bluejay_agent_id: str) -> dict[str, Any]:
    """Return the branches of an agent's counterpart at ElevenLabs."""
    agent = call.require("agent", bluejay_agent_id)
    theirs = agent.fields.get("eleven_labs_agent_id")
    if theirs is None:
        raise Refused("The agent has no eleven_labs_agent_id")
    one = call.world.resources.require_by("elevenlabs agent", call.organisation, "agent_id", theirs)
    return {"branches": [{"id": name.lower(), "name": name} for name in one.fields["branches"]]}


def _stored(call: ApiCall) -> Entity | None:
    return next(iter(call.world.resources[INTEGRATIONS].of(call.organisation)), None)


def _updated(call: ApiCall) -> Entity:
    """Store the fields of the body. Raises `Refused` if it is not an object, or has a lone surrogate."""
    given = read_body(call.headers.get(b"content-type"), call.content)
    given = {} if given is NOTHING else given
    if not isinstance(given, dict):
        raise Refused("Send an object with the fields to change")
    fields = as_fields(_Change(fields=given))["fields"]
    entity = _stored(call) or call.world.resources[INTEGRATIONS].add(call.organisation, {})
    call.world.resources.change(entity, fields)
    return entity


def _shown(entity: Entity | None) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, value in ({} if entity is None else entity.fields).items():
        shown[name] = None if _is_secret(name) else value
        if _is_secret(name):
            shown[f"{name}_set"] = value is not None
    return shown


def _is_secret(name: str) -> bool:
    return name.lower().endswith(_SECRET)
