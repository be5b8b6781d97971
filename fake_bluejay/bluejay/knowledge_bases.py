"""Knowledge bases of an organisation: collections of documents, which agents are attached to.

Documents are uploaded in the dashboard, so only a test adds them: `bluejay.add("knowledge base", documents=[…])`.
The older knowledge bases, a text of each agent, are in `prompts.py`.
"""

from __future__ import annotations

from uuid import UUID

from pydantic import Field

from fake_bluejay.bluejay.models.wire import Wire, like
from fake_bluejay.bluejay.resources import Operations, not_null_fields
from fake_bluejay.core.clock import Moment
from fake_bluejay.core.errors import Refused
from fake_bluejay.core.resources import Entity, Link, Resource, not_found, uuid_ids
from fake_bluejay.http.operation import ApiCall


class CreateKnowledgeBaseRequest(Wire):
    """A new knowledge base."""

    name: str
    description: str | None = None


UpdateKnowledgeBaseRequest = like(
    CreateKnowledgeBaseRequest,
    "UpdateKnowledgeBaseRequest",
    "A change of a knowledge base: at least one of both fields.",
)


class Document(Wire):
    """A document, and the progress of its import."""

    id: str
    name: str
    status: str = "ready"


class NewKnowledgeBase(CreateKnowledgeBaseRequest):
    """A knowledge base that a test adds."""

    documents: list[Document] = Field(default_factory=list)
    agent_ids: list[int] = Field(default_factory=list)


class KnowledgeBase(Wire):
    """A knowledge base in a list, and the number of its documents."""

    id: UUID
    name: str
    description: str | None = None
    document_count: int = 0
    agent_ids: list[int] = Field(default_factory=list)
    created_at: Moment
    updated_at: Moment


class KnowledgeBaseWithDocuments(KnowledgeBase):
    """A knowledge base, and its documents."""

    documents: list[Document] = Field(default_factory=list)


class AttachedAgent(Wire):
    """An agent that has access to a knowledge base."""

    knowledge_base_id: UUID
    agent_id: int


KNOWLEDGE_BASES = Resource(
    "knowledge base", ids=uuid_ids, links=(Link("agent_ids", to="agent"),), example={"name": "Knowledge base"}
)
knowledge_bases = Operations(
    KNOWLEDGE_BASES,
    returns=KnowledgeBaseWithDocuments,
    values=lambda base: {"document_count": len(base.fields.get("documents") or ())},
    request=NewKnowledgeBase,
)
_AGENT = "/v1/knowledge-base/{knowledge_base_id}/agents/{agent_id}"

knowledge_bases.create("POST", "/v1/knowledge-base", CreateKnowledgeBaseRequest)
knowledge_bases.list("GET", "/v1/knowledge-base", returns=list[KnowledgeBase])
knowledge_bases.get("GET", "/v1/knowledge-base/{knowledge_base_id}")
knowledge_bases.delete("DELETE", "/v1/knowledge-base/{knowledge_base_id}", returns=None, status=204)


@knowledge_bases.operation("PUT", "/v1/knowledge-base/{knowledge_base_id}", takes=UpdateKnowledgeBaseRequest)
def update_knowledge_base(call: ApiCall, knowledge_base: Entity, request: Wire) -> Entity:
    """Change the name or the description of a knowledge base."""
    given = not_null_fields(request)
    if not given:
        raise Refused("A name or a description is needed")
    knowledge_bases.change(call.world, knowledge_base, given)
    return knowledge_base


@knowledge_bases.operation("POST", _AGENT)
def attach_agent(call: ApiCall, knowledge_base_id: UUID, agent_id: int) -> AttachedAgent:
    """Give an agent access to a knowledge base. If it has access already, nothing changes (documented)."""
    base, _ = _attached(call, knowledge_base_id, agent_id)
    call.world.resources.change_list(base, "agent_ids", add=[agent_id])
    return AttachedAgent(knowledge_base_id=base.id, agent_id=agent_id)


@knowledge_bases.operation("DELETE", _AGENT, returns=None, status=204)
def detach_agent(call: ApiCall, knowledge_base_id: UUID, agent_id: int) -> None:
    """Remove an agent's access to a knowledge base.

    Raises:
        NotFound: The agent has no access.
    """
    base, agent = _attached(call, knowledge_base_id, agent_id)
    if not base.has("agent_ids", agent.id):
        raise not_found("agent")
    call.world.resources.change_list(base, "agent_ids", remove=[agent.id])


def _attached(call: ApiCall, base_id: UUID, agent_id: int) -> tuple[Entity, Entity]:
    """Return a knowledge base and an agent. Raises `NotFound` if one of them does not exist."""
    return call.require("knowledge base", base_id), call.require("agent", agent_id)
