"""What the endpoints of agents, simulations and digital humans have in common."""

from __future__ import annotations

import json
from collections.abc import Container
from typing import Any

from pydantic import BaseModel
from starlette.exceptions import HTTPException

from fake_bluejay.core.readings import Readings, UpdateChanges
from fake_bluejay.core.resources import Collection, Resource
from fake_bluejay.http.errors import Foreign

__all__ = ["as_fields", "changes", "found"]


def found(collection: Collection, id: int | None, organisation: str) -> Resource:
    """Return the one of that id.

    Raises:
        HTTPException: 404, there is none.
        Foreign: It is another organisation's.
    """
    resource = None if id is None else collection.get(id)
    if resource is None:
        # The wording is nowhere documented: ours, and nothing for a client to rely on.
        raise HTTPException(404, f"{collection.kind.capitalize()} not found")
    if resource.organisation != organisation:
        raise Foreign(collection.kind)
    return resource


def as_fields(model: BaseModel) -> dict[str, Any]:
    """What a model says, as JSON-ready data to store. Raises `ValueError` for text that no JSON can carry."""
    fields: dict[str, Any] = json.loads(model.model_dump_json())
    return fields


def changes(request: BaseModel, readings: Readings, never_null: Container[str] = ()) -> dict[str, Any]:
    """What an update is to change: a field and its new value each."""
    which = readings.update_changes
    given = as_fields(request)
    if which is not UpdateChanges.NOT_NULL:
        given = {name: value for name, value in given.items() if name in request.model_fields_set}
    clears = which is UpdateChanges.GIVEN
    return {name: value for name, value in given.items() if value is not None or (clears and name not in never_null)}
