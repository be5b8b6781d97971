"""API keys: each is valid from its creation until it is revoked."""

from __future__ import annotations

import hashlib

from fake_bluejay.bluejay.models.wire import Wire
from fake_bluejay.bluejay.resources import Operations, as_fields
from fake_bluejay.core.resources import Entity, Resource, uuid_ids
from fake_bluejay.core.world import World


class CreateApiKeyRequest(Wire):
    """A new API key, with its purpose."""

    scope: str
    name: str | None = None


class ApiKeyResponse(Wire):
    """A key that was created: the only answer that shows it."""

    id: str
    api_key: str
    scope: str
    name: str
    created_at: str
    revoked: bool


def _create(world: World, organisation: str, request: CreateApiKeyRequest) -> Entity:
    """Make a key that is valid from now on.

    The draw depends also on the organisation's other keys: two worlds of one server may have the same seed, and a key
    must lead to one of them.
    """
    collection, others = world.resources[API_KEYS], world.organisations[organisation].api_keys
    drawn = f"api-key:{collection.next_id()}:{others}"  # the id is drawn from the seed
    key = hashlib.sha256(drawn.encode()).hexdigest()
    fields = as_fields(request)
    world.add_api_keys(organisation, key)
    return collection.add(organisation, {**fields, "name": request.name or "", "api_key": key, "revoked": False})


def _revoke(world: World, key: Entity) -> None:
    """Refuse a deleted key, unless a test has revoked it already."""
    if key.fields["api_key"] not in world.revoked_keys:
        world.revoke_api_key(key.fields["api_key"])


API_KEYS = Resource("api key", ids=uuid_ids, example={"scope": "organization"}, on_remove=_revoke)
api_keys = Operations(API_KEYS, returns=ApiKeyResponse, new=_create, id_type=str)

api_keys.create("POST", "/v1/api-keys", CreateApiKeyRequest)
api_keys.delete("DELETE", "/v1/api-keys/{key_id}", returns=None, status=204)
