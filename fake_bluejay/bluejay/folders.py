"""Folders of agents."""

from __future__ import annotations

from uuid import UUID

from fake_bluejay.bluejay.models.wire import Wire, shape
from fake_bluejay.bluejay.resources import Operations
from fake_bluejay.core.resources import Entity, Resource, uuid_ids
from fake_bluejay.core.world import World
from fake_bluejay.http.operation import ApiCall


class FolderCreateRequest(Wire):
    """A new folder."""

    name: str


class FolderUpdateRequest(Wire):
    """The new name of a folder."""

    name: str


class FolderResponse(Wire):
    """A folder."""

    id: UUID
    name: str
    organization_id: str
    created_at: str


class MoveAgentRequest(Wire):
    """An agent, and its new folder; null for none."""

    agent_id: int
    folder_id: UUID | None = None


class MoveAgentResponse(Wire):
    """An agent, and its folder now."""

    agent_id: int
    folder_id: UUID | None = None
    status: str = "success"


FOLDERS = Resource("folder", ids=uuid_ids, example={"name": "Folder"})
folders = Operations(FOLDERS, returns=FolderResponse)

folders.create("POST", "/v1/create-folder", FolderCreateRequest)
folders.list("GET", "/v1/all-folders")
folders.get("GET", "/v1/folder/{folder_id}")
folders.update("PUT", "/v1/update-folder/{folder_id}", FolderUpdateRequest)
folders.delete(
    "DELETE",
    "/v1/folder/{folder_id}",
    returns=shape("FolderDeleteResponse", "A folder that was deleted.", folder_id=UUID, status=(str, "success")),
)


@folders.operation("PUT", "/v1/folders/move-agent")
def move_agent(call: ApiCall, request: MoveAgentRequest) -> MoveAgentResponse:
    """Put an agent into a folder, or take it out of its folder."""
    agent = call.require("agent", request.agent_id)
    folder_id = request.folder_id and call.require("folder", request.folder_id).id
    call.world.resources.change(agent, {"folder_id": folder_id})
    return MoveAgentResponse(agent_id=agent.id, folder_id=folder_id)


def folder_named(world: World, organisation: str, name: str) -> Entity:
    """Return the oldest folder with a name, or a new one."""
    named = world.resources.find_by("folder", organisation, "name", name)
    return named or world.resources[FOLDERS].add(organisation, {"name": name})
