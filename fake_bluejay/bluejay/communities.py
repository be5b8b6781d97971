"""Communities: test suites, each a group of digital humans."""

from __future__ import annotations

from pydantic import Field

from fake_bluejay.bluejay.models.wire import Wire, like, shape
from fake_bluejay.bluejay.resources import Operations
from fake_bluejay.core.clock import Moment
from fake_bluejay.core.resources import Entity, Link, Resource, uuid_ids
from fake_bluejay.http.operation import ApiCall


class CreateCommunityRequest(Wire):
    """A new community."""

    title: str
    description: str | None = None
    digital_human_ids: list[int] | None = None


UpdateCommunityRequest = like(
    CreateCommunityRequest,
    "UpdateCommunityRequest",
    "A change of a community; a given list of digital humans replaces the old one.",
)


class AddToCommunityRequest(Wire):
    """Digital humans to add to a community, or to remove from it."""

    digital_human_ids: list[int]


class CommunityResponse(Wire):
    """A community."""

    id: str
    title: str
    description: str | None = None
    created_at: Moment
    digital_human_ids: list[int] = Field(default_factory=list)


COMMUNITIES = Resource(
    "community",
    ids=uuid_ids,
    links=(Link("digital_human_ids", to="digital human"),),
    example={"title": "Community"},
)
communities = Operations(COMMUNITIES, returns=CommunityResponse)

communities.create("POST", "/v1/create-community", CreateCommunityRequest)
communities.get("GET", "/v1/community/{community_id}")
communities.list(
    "GET",
    "/v1/communities",
    filters={"digital_human_id": int | None},
    returns=shape("CommunitiesListResponse", "Communities.", communities=list[CommunityResponse], total_count=int),
)
communities.update("PUT", "/v1/update-community/{community_id}", UpdateCommunityRequest)
communities.delete("DELETE", "/v1/community/{community_id}")


@communities.operation("PUT", "/v1/add-to-community/{community_id}")
def add_to_community(call: ApiCall, community: Entity, request: AddToCommunityRequest) -> Entity:
    """Add digital humans to a community."""
    members = call.require_all("digital human", request.digital_human_ids)
    call.world.resources.change_list(community, "digital_human_ids", add=[one.id for one in members])
    return community


@communities.operation("PUT", "/v1/remove-from-community/{community_id}")
def remove_from_community(call: ApiCall, community: Entity, request: AddToCommunityRequest) -> Entity:
    """Remove digital humans from a community, which does not delete them; ids that are not in it are ignored."""
    call.world.resources.change_list(community, "digital_human_ids", remove=request.digital_human_ids)
    return community
