"""What the endpoints of agents, simulations and digital humans have in common."""

from __future__ import annotations

import json
from collections.abc import Container
from typing import Any

from pydantic import BaseModel
from starlette.exceptions import HTTPException

from fake_bluejay.core.readings import Readings, UpdateChanges
from fake_bluejay.core.resources import Collection, Resource

__all__ = ["as_fields", "changes", "check_version", "found"]


def found(collection: Collection, id: int | None, organisation: str) -> Resource:
    """The one of that id. Raises the 404 for one that there is not, and likewise for another organisation's."""
    resource = None if id is None else collection.find(id, organisation)
    if resource is None:
        # The wording is nowhere documented: ours, and nothing for a client to rely on.
        raise HTTPException(404, f"{collection.kind.capitalize()} not found")
    return resource


def as_fields(model: BaseModel) -> dict[str, Any]:
    """Return what a model says, as JSON-ready data to store.

    Raises:
        HTTPException: 400, for a text with a lone surrogate, which no UTF-8 and so no answer can carry. What Bluejay
            does then is not known.
    """
    try:
        # Pydantic's own writer replaces what is no Unicode in the keys of a dictionary without a word.
        json.dumps(model.model_dump(), default=str, ensure_ascii=False).encode()
        fields: dict[str, Any] = json.loads(model.model_dump_json())
    except UnicodeEncodeError:
        raise HTTPException(400, "A text in the body has a lone surrogate: it is not valid Unicode") from None
    return fields


def check_version(request: BaseModel) -> None:
    """Check that a request names one version of the agent's prompt.

    Raises:
        HTTPException: 400 if `prompt_id`, which is deprecated, and `agent_version_id` differ.
    """
    old, new = getattr(request, "prompt_id", None), getattr(request, "agent_version_id", None)
    if old is not None and new is not None and old != new:
        raise HTTPException(400, "prompt_id and agent_version_id name different versions; send agent_version_id alone")


def changes(request: BaseModel, readings: Readings, never_null: Container[str] = ()) -> dict[str, Any]:
    """What an update is to change: a field and its new value each."""
    which = readings.update_changes
    given = as_fields(request)
    if which is not UpdateChanges.NOT_NULL:
        given = {name: value for name, value in given.items() if name in request.model_fields_set}
    clears = which is UpdateChanges.GIVEN
    return {name: value for name, value in given.items() if value is not None or (clears and name not in never_null)}
