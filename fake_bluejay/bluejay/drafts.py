"""Drafts: texts that a language model writes for Bluejay. A test scripts them, or they are made up from the seed.

The next request for its kind uses a draft up. A made-up text says that it is, and is the same for the same seed and
request.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Final, TypeVar
from uuid import UUID

from fake_bluejay.bluejay.digital_humans import DigitalHumanRequestData
from fake_bluejay.bluejay.models.wire import Wire
from fake_bluejay.bluejay.resources import Operations, as_fields, validated
from fake_bluejay.core.resources import Entity, Resource, uuid_ids
from fake_bluejay.core.scenario_graphs import check_graph
from fake_bluejay.core.world import World
from fake_bluejay.http.operation import ApiCall

MADE_UP: Final = "(Made up by the fake.)"
_Made = TypeVar("_Made")


class Kinds(Wire):
    """The kinds of drafts, with the type of each."""

    customer_personas: list[dict[str, Any]] | None = None
    digital_humans: list[DigitalHumanRequestData] | None = None
    formatted_transcript: list[dict[str, str]] | None = None
    goals: list[str] | None = None
    intent_summary: str | None = None
    metric_prompt: str | None = None
    metrics: list[dict[str, Any]] | None = None
    objectives: str | None = None
    prompt_summary: str | None = None
    test_scenarios: list[dict[str, Any]] | None = None
    trait_values: list[Any] | None = None
    translation: list[str] | None = None
    workflow: dict[str, Any] | None = None


class NewDraft(Wire):
    """A draft: the answer to the next request of one kind."""

    kind: str
    value: Any


class Draft(NewDraft):
    """A draft that no request has used yet."""

    id: UUID


def _new_draft(world: World, organisation: str, request: NewDraft) -> Entity:
    """Make a draft. Raises `ValueError` if there is no such kind, or the value is not of its type."""
    fields = as_fields(request)
    draft = validated(Kinds, "a draft", {request.kind: request.value})
    check_graph(draft.workflow or {})
    return world.resources[DRAFTS].add(organisation, fields)


DRAFTS = Resource("draft", ids=uuid_ids, example={"kind": "goals", "value": ["Book a table."]})
drafts = Operations(DRAFTS, returns=Draft, new=_new_draft, request=NewDraft)


def drafted(call: ApiCall, kind: str, made_up: Callable[[random.Random], _Made], subject: Any = "") -> _Made:
    """Return the organisation's oldest draft of a kind, and use it up; without one, make one up.

    Args:
        call: The request that asks for it.
        kind: A field of `Kinds`.
        made_up: Makes up a draft, of the type of the kind.
        subject: The subject of the text; a different subject makes a different draw.

    Raises:
        Refused: A text in the request has a lone surrogate.
    """
    if call.request is not None:
        as_fields(call.request)
    for draft in call.world.resources[DRAFTS].of(call.organisation, kind=kind):
        call.world.resources.remove(draft)
        value: _Made = draft.fields["value"]
        return value
    return made_up(random.Random(f"{call.world.seed}:{kind}:{subject}"))
