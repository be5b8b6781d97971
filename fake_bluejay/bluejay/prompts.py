"""Versions of an agent's prompt and of its older knowledge base, and the labels of versions.

One engine serves both kinds of text. Version 1 is the text with which the agent was added. It is made when a request
first needs a version or a label of the agent; each request is tried first, so that one that is refused makes none. The
version with the label `production` has the agent's own text: a change of one changes the other. The highest version
always has the label `latest`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, Field

from fake_bluejay.bluejay.models.wire import Wire, of_openapi, shape
from fake_bluejay.bluejay.resources import Operations, as_fields
from fake_bluejay.core.clock import Moment
from fake_bluejay.core.errors import Conflict, NotFound, Refused
from fake_bluejay.core.readings import Contract, FirstVersion, LabelOnAnother, RemovingNoLabels
from fake_bluejay.core.resources import Entity, Link, OnDelete, Resource, not_found, uuid_ids
from fake_bluejay.core.world import World
from fake_bluejay.http.operation import ApiCall

PRODUCTION: Final = "production"
LATEST: Final = "latest"
RESERVED: Final = (PRODUCTION, LATEST)
"""Labels that only one version can have, and that cannot be made, renamed or deleted."""


class _New(Wire):
    commit_message: str | None = None
    labels: list[str] | None = None
    metadata: dict[str, Any] | None = None


class _Version(Wire):
    id: UUID | None = None


class _OfAgent(_New):
    version: int
    agent_id: int


class _PromptText(Wire):
    prompt_text: str


class _KnowledgeBaseText(Wire):
    kb_text: str


class _AnyPromptText(Wire):
    prompt_text: str | None = None


class CreatePromptVersionBody(_New, _AnyPromptText):
    """A new version of an agent's prompt; without a text, it has the present one. Labels may be taken from others."""

    override_label: bool | None = None


class CreateKnowledgeBaseVersionBody(_New, _KnowledgeBaseText):
    """A new version of an agent's knowledge base."""


class PromptResponse(_OfAgent, _PromptText, _Version):
    """A version of an agent's prompt."""


class KnowledgeBaseResponse(_OfAgent, _KnowledgeBaseText, _Version):
    """A version of an agent's knowledge base."""


class LabelDeltaRequest(Wire):
    """Labels to put on a version, or to take from it; `override_label` takes them from the others."""

    labels: list[str] | None = None
    override_label: bool | None = False


class LabelListResponse(Wire):
    """The labels of a version."""

    labels: list[str] = Field(default_factory=list)


class LabelBody(Wire):
    """The text of a label."""

    label_text: str


class LabelResponse(Wire):
    """A label of an agent, and its version, if it is on one."""

    id: UUID | None = None
    created_at: Moment | None = None
    agent_id: int
    label_text: str
    prompt_id: UUID | None = None
    knowledge_base_id: UUID | None = None
    color: str | None = None


@dataclass(frozen=True)
class _Kind:
    """A kind of text that has versions.

    Attributes:
        resource: Its versions.
        text: The field of a version that holds the text.
        own: The field of the agent that holds the text of the production version.
        label: The field of a label that holds the id of a version.
    """

    resource: Resource
    text: str
    own: str
    label: str


def _settle_latest(world: World, gone: Entity) -> None:
    """Put `latest` on the highest remaining version, after one was removed."""
    kind = _KINDS[gone.resource]
    agent = world.resources.find("agent", gone.fields["agent_id"], gone.organisation)
    left = [] if agent is None else _stored(world, kind, agent)
    # If the agent is being deleted, its labels may be deleted already.
    if agent is not None and left and _rows(world, agent, LATEST):
        _put(world, kind, agent, left[-1], LATEST)


_AGENT = Link("agent_id", to="agent", on_delete=OnDelete.CASCADE)
PROMPTS = Resource(
    "prompt",
    ids=uuid_ids,
    links=(_AGENT,),
    example={"agent_id": 1, "prompt_text": "You answer the phone."},
    on_remove=_settle_latest,
)
KNOWLEDGE_BASE_VERSIONS = Resource(
    "knowledge base version",
    ids=uuid_ids,
    links=(_AGENT,),
    example={"agent_id": 1, "kb_text": "We open at nine."},
    on_remove=_settle_latest,
)
LABELS = Resource(
    "label",
    ids=uuid_ids,
    links=(
        _AGENT,
        Link("prompt_id", to="prompt", ids=uuid_ids),
        Link("knowledge_base_id", to="knowledge base version", ids=uuid_ids),
    ),
    example={"agent_id": 1},
)
_PROMPT: Final = _Kind(PROMPTS, "prompt_text", "system_prompt", "prompt_id")
_KNOWLEDGE_BASE: Final = _Kind(KNOWLEDGE_BASE_VERSIONS, "kb_text", "knowledge_base", "knowledge_base_id")
_KINDS: Final = {kind.resource: kind for kind in (_PROMPT, _KNOWLEDGE_BASE)}


# --- versions ---------------------------------------------------------------------------------------------------------


def _stored(world: World, kind: _Kind, agent: Entity) -> list[Entity]:
    """Return the versions that were made, the lowest first."""
    versions = world.resources[kind.resource].of(agent.organisation, agent_id=agent.id)
    return sorted(versions, key=lambda one: one.fields["version"])


def _versions(world: World, kind: _Kind, agent: Entity) -> list[Entity]:
    """Return the versions of an agent's text, the lowest first; an empty knowledge base has none."""
    versions, text = _stored(world, kind, agent), agent.fields[kind.own]
    if versions or (kind is _KNOWLEDGE_BASE and not text):
        return versions
    return [_add(world, kind, agent, text)]


def _add(
    world: World, kind: _Kind, agent: Entity, text: str, commit_message: Any = None, metadata: Any = None
) -> Entity:
    """Add a version with the next number. The first one may go into production."""
    before = _stored(world, kind, agent)
    number = before[-1].fields["version"] + 1 if before else 1
    given = {kind.text: text, "commit_message": commit_message, "metadata": metadata}
    fields = {**given, "agent_id": agent.id, "version": number}
    version = world.resources[kind.resource].add(agent.organisation, fields)
    _put(world, kind, agent, version, LATEST)
    if not before and world.readings.first_version is FirstVersion.PRODUCTION:
        _put(world, kind, agent, version, PRODUCTION)
    return version


def _new_version(world: World, kind: _Kind, agent: Entity, request: BaseModel) -> Entity:
    """Add a version with labels to those of an agent.

    Raises:
        Conflict: A label is on another version, and a reading forbids to move it.
    """
    fields = as_fields(request)
    wanted, override = dict.fromkeys(fields.pop("labels") or ()), bool(fields.get("override_label"))
    if fields[kind.text] is None:
        fields[kind.text] = agent.fields[kind.own]
    _versions(world, kind, agent)
    for text in wanted:
        _check(world, kind, agent, None, text, override=override)
    version = _add(world, kind, agent, fields[kind.text], fields["commit_message"], fields["metadata"])
    for text in wanted:
        _put(world, kind, agent, version, text, override=override)
    return version


def update_text(world: World, agent: Entity, changed: Mapping[str, Any]) -> None:
    """Make a version of each text that changes, and put it into production."""
    for kind in _KINDS.values():
        text = changed.get(kind.own)
        if text is not None and text != agent.fields[kind.own]:
            _versions(world, kind, agent)
            version = _add(world, kind, agent, text)
            _put(world, kind, agent, version, PRODUCTION)


def evaluated_version(world: World, agent: Entity, version: int | None, label: str | None) -> str | None:
    """Check the version of a conversation to evaluate, and put an unknown label on the version in production.

    Args:
        world: The world of the agent.
        agent: The agent of the conversation.
        version: The number of the version; None: the one in production.
        label: A label of the version.

    Returns:
        A warning about the version; None if it is known.
    """
    versions = _versions(world, _PROMPT, agent)
    production = next((one for one in versions if PRODUCTION in _labels_of(world, _PROMPT, one)), None)
    if label is not None and label not in RESERVED and not _rows(world, agent, label):
        _add_label(world, agent, label, {} if production is None else {"prompt_id": production.id})
    if production is None:
        return "The agent has no production version"
    known = version is None or any(one.fields["version"] == version for one in versions)
    return None if known else f"Version {version} was not found; the production version is used"


def has_version(world: World, agent: Entity, version: int) -> bool:
    """Return whether an agent has a version of this number, or would have it: version 1 may not be made yet."""
    stored = _stored(world, _PROMPT, agent)
    return version == 1 if not stored else any(one.fields["version"] == version for one in stored)


def _looked_up(world: World, version: Entity) -> dict[str, Any]:
    """Return the labels and the text of a version."""
    kind = _KINDS[version.resource]
    return {"labels": _labels_of(world, kind, version), kind.text: text_of(world, version)}


def text_of(world: World, version: Entity) -> str:
    """Return the text of a version; for the version in production, the agent's own text."""
    kind = _KINDS[version.resource]
    if PRODUCTION not in _labels_of(world, kind, version):
        return str(version.fields[kind.text])
    agent = world.resources.require("agent", version.fields["agent_id"], version.organisation)
    return str(agent.fields[kind.own])


# --- labels -----------------------------------------------------------------------------------------------------------


def _rows(world: World, agent: Entity, text: str | None = None) -> list[Entity]:
    """Return the labels of an agent, or those with a text."""
    also = {} if text is None else {"label_text": text}
    return world.resources[LABELS].of(agent.organisation, agent_id=agent.id, **also)


def _labels_of(world: World, kind: _Kind, version: Entity) -> list[str]:
    labels = world.resources[LABELS].of(version.organisation, **{kind.label: version.id})
    return [one.fields["label_text"] for one in labels]


def _is_free(label: Entity) -> bool:
    return label.fields["prompt_id"] is None and label.fields["knowledge_base_id"] is None


def _check(world: World, kind: _Kind, agent: Entity, version: Entity | None, text: str, *, override: bool) -> None:
    """Check that a label may be put on a version.

    Raises:
        Conflict: The label is on another version, and a reading forbids to move it.
    """
    others = [one for one in _rows(world, agent, text) if one.fields[kind.label] not in (None, version and version.id)]
    exclusive = override or text in RESERVED
    if others and not exclusive and world.readings.label_on_another is LabelOnAnother.CONFLICT:
        raise Conflict(f"The label {text[:50]} is on another version; override_label moves it")


def _put(world: World, kind: _Kind, agent: Entity, version: Entity, text: str, *, override: bool = False) -> None:
    """Put a label on a version. If the label can stand on only one version, take it from the others."""
    rows = _rows(world, agent, text)
    here = [one for one in rows if one.fields[kind.label] == version.id]
    held = [one for one in rows if one.fields[kind.label] not in (None, version.id)]
    if text == PRODUCTION and not here:
        for one in held:  # the version keeps the agent's latest text
            other = world.resources.require(kind.resource.name, one.fields[kind.label], agent.organisation)
            world.resources.change(other, {kind.text: agent.fields[kind.own]})
        world.resources.change(agent, {kind.own: version.fields[kind.text]})
    exclusive = override or text in RESERVED or world.readings.label_on_another is LabelOnAnother.MOVED
    taken = [*here, *(held if exclusive else ()), *(one for one in rows if _is_free(one))]
    for one in taken[1:]:
        world.resources.remove(one)
    if taken:
        world.resources.change(taken[0], {kind.label: version.id})
    else:
        _add_label(world, agent, text, {kind.label: version.id})


def _add_label(world: World, agent: Entity, text: str, on: dict[str, Any]) -> Entity:
    fields = {"label_text": text, "agent_id": agent.id, "prompt_id": None, "knowledge_base_id": None, "color": None}
    return world.resources[LABELS].add(agent.organisation, {**fields, **on})


def _take(world: World, kind: _Kind, agent: Entity, version: Entity, text: str) -> None:
    """Take a label from a version. The agent keeps the label, once (documented)."""
    rows = _rows(world, agent, text)
    for one in rows:
        if one.fields[kind.label] == version.id:
            if text == PRODUCTION:
                world.resources.change(version, {kind.text: agent.fields[kind.own]})
            if len(rows) > 1:
                world.resources.remove(one)
            else:
                world.resources.change(one, {kind.label: None})


# --- operations -------------------------------------------------------------------------------------------------------


class _OfTest(Wire):
    """The value that a test gives besides those of a request."""

    agent_id: int


class NewPrompt(CreatePromptVersionBody, _OfTest):
    """A version of a prompt that a test adds."""


class NewKnowledgeBaseVersion(CreateKnowledgeBaseVersionBody, _OfTest):
    """A version of a knowledge base that a test adds."""


class NewLabel(_OfTest):
    """A label that a test adds; without a text, it gets a new one."""

    label_text: str | None = None


def _new_for_test(world: World, organisation: str, request: NewPrompt | NewKnowledgeBaseVersion) -> Entity:
    """Add a version for a test.

    Raises:
        NotFound: There is no such agent.
    """
    kind = _PROMPT if isinstance(request, NewPrompt) else _KNOWLEDGE_BASE
    agent = world.resources.require("agent", request.agent_id, organisation)
    return _new_version(world, kind, agent, request)


def _agent(call: ApiCall) -> Entity:
    return call.require("agent", call.parameters["agent_id"])


def _numbered(call: ApiCall, kind: _Kind, version: int | UUID) -> Entity:
    """Return a version by its number, or by its id.

    Raises:
        NotFound: There is no such version.
    """
    for one in _versions(call.world, kind, _agent(call)):
        if version in (one.fields["version"], UUID(one.id)):
            return one
    raise not_found(kind.resource.name)


def _labelled(call: ApiCall, kind: _Kind, agent: Entity, label: str | None) -> Entity:
    """Return the only version that has a label.

    Raises:
        Refused: The request has no label, or more than one version has it.
        NotFound: No version has it.
    """
    if label is None:
        raise Refused("A label is needed")
    versions = _versions(call.world, kind, agent)
    found = [one for one in versions if label in _labels_of(call.world, kind, one)]
    if len(found) > 1:
        raise Refused(f"The label {label[:50]} is ambiguous: it is on {len(found)} versions")
    if not found:
        raise NotFound(f"No version has the label {label[:50]}")
    return found[0]


def _delete(call: ApiCall, kind: _Kind, version: Entity) -> dict[str, Any]:
    """Delete a version.

    Raises:
        Refused: The version is in production, or is the only one.
    """
    if PRODUCTION in _labels_of(call.world, kind, version):
        raise Refused("The production version cannot be deleted: move the label first")
    agent_id = version.fields["agent_id"]
    if len(_versions(call.world, kind, _agent(call))) == 1:
        raise Refused("The only version cannot be deleted")
    call.world.resources.remove(version)
    return {"deleted": True, "id": version.id, "version": version.fields["version"], "agent_id": agent_id}


def _declare(
    operations: Operations, kind: _Kind, path: str, takes: type[BaseModel], older: type[BaseModel], id: str
) -> None:
    """Declare the operations of a kind of text under a path.

    Args:
        operations: The operations of the resource.
        kind: The kind of text.
        path: The path of the texts below that of an agent.
        takes: The request for a new version.
        older: The same under the older contracts.
        id: The name of the version's id in the path.
    """
    under = f"/v1/agents/{{agent_id}}/{path}"
    of_one, of_labels = f"{under}/versions/{{version}}", f"{under}/versions/{{version}}/labels"
    by_id = f"{under}/{{{id}}}"

    @operations.operation("GET", under)
    def get_by_label(call: ApiCall, label: str | None = None) -> Entity:
        """Return the version that has a label."""
        return _labelled(call, kind, _agent(call), label)

    older_contracts = dict.fromkeys((Contract.SDK, Contract.OPENAPI), older)

    @operations.operation("POST", f"{under}/versions", takes=takes, takes_under=older_contracts)
    def create_version(call: ApiCall, request: Any) -> Entity:
        """Create the next version."""
        return _new_version(call.world, kind, _agent(call), request)

    @operations.operation("GET", f"{under}/versions", returns=list[operations.returns])  # type: ignore[name-defined]
    def list_versions(
        call: ApiCall, label: str | None = None, version: int | None = None, limit: int = 50
    ) -> list[Entity]:
        """Return the versions of an agent, the highest first."""
        found = [
            one
            for one in reversed(_versions(call.world, kind, _agent(call)))
            if (label is None or label in _labels_of(call.world, kind, one))
            and (version is None or version == one.fields["version"])
        ]
        return found[: max(0, limit)]

    @operations.operation("DELETE", f"{under}/versions")
    def delete_by_label(call: ApiCall, label: str | None = None) -> Any:
        """Delete the version that has a label."""
        return _delete(call, kind, _labelled(call, kind, _agent(call), label))

    @operations.operation("GET", of_one)
    def get_version(call: ApiCall, version: int) -> Entity:
        """Return a version by its number."""
        return _numbered(call, kind, version)

    @operations.operation("DELETE", of_one)
    def delete_version(call: ApiCall, version: int) -> Any:
        """Delete a version by its number."""
        return _delete(call, kind, _numbered(call, kind, version))

    @operations.operation("GET", by_id, path_types={id: UUID})
    def get_by_id(call: ApiCall) -> Entity:
        """Return a version by its id."""
        return _numbered(call, kind, call.parameters[id])

    @operations.operation("DELETE", by_id, path_types={id: UUID})
    def delete_by_id(call: ApiCall) -> Any:
        """Delete a version by its id."""
        return _delete(call, kind, _numbered(call, kind, call.parameters[id]))

    @operations.operation("GET", of_labels)
    def list_labels(call: ApiCall, version: int) -> LabelListResponse:
        """Return the labels of a version."""
        return LabelListResponse(labels=_labels_of(call.world, kind, _numbered(call, kind, version)))

    @operations.operation("POST", of_labels)
    def add_labels(call: ApiCall, version: int, request: LabelDeltaRequest) -> LabelListResponse:
        """Put labels on a version."""
        agent, one, override = _agent(call), _numbered(call, kind, version), bool(request.override_label)
        wanted = _movable(request)
        for text in wanted:
            _check(call.world, kind, agent, one, text, override=override)
        for text in wanted:
            _put(call.world, kind, agent, one, text, override=override)
        return LabelListResponse(labels=_labels_of(call.world, kind, one))

    @operations.operation("DELETE", of_labels, default_body={"labels": []})
    def remove_labels(call: ApiCall, version: int, request: LabelDeltaRequest) -> LabelListResponse:
        """Take labels from a version. The agent keeps them."""
        agent, one = _agent(call), _numbered(call, kind, version)
        wanted = _movable(request)
        if not wanted and call.world.readings.removing_no_labels is RemovingNoLabels.ALL:
            wanted = [text for text in _labels_of(call.world, kind, one) if text != LATEST]
        for text in wanted:
            _take(call.world, kind, agent, one, text)
        return LabelListResponse(labels=_labels_of(call.world, kind, one))


def _movable(request: LabelDeltaRequest) -> list[str]:
    """Return the labels that a request names. Raises `Refused` if `latest` is one of them."""
    wanted: list[str] = as_fields(request)["labels"] or []
    if LATEST in wanted:
        raise Refused("The label latest cannot be changed: it is on the highest version")
    return list(dict.fromkeys(wanted))


prompts = Operations(
    PROMPTS,
    returns=PromptResponse,
    looked_up=_looked_up,
    new=_new_for_test,
    request=NewPrompt,
    tried_first=True,
)
knowledge_base_versions = Operations(
    KNOWLEDGE_BASE_VERSIONS,
    returns=KnowledgeBaseResponse,
    looked_up=_looked_up,
    new=_new_for_test,
    request=NewKnowledgeBaseVersion,
    tried_first=True,
)
_OLDER_PROMPT = of_openapi(CreatePromptVersionBody, prompt_text=str)
_NEW_KNOWLEDGE = CreateKnowledgeBaseVersionBody

_declare(prompts, _PROMPT, "prompts", CreatePromptVersionBody, _OLDER_PROMPT, "prompt_id")
_declare(knowledge_base_versions, _KNOWLEDGE_BASE, "knowledge-bases", _NEW_KNOWLEDGE, _NEW_KNOWLEDGE, "kb_id")


@prompts.operation("POST", "/v1/agents/{agent_id}/prompts/promote")
def promote(call: ApiCall, prompt_id: UUID | None = None, version: int | None = None) -> Entity:
    """Put `production` on the latest version, or on another one.

    If the request has a number and an id, the number counts.
    """
    wanted = prompt_id if version is None else version
    agent = _agent(call)
    one = _versions(call.world, _PROMPT, agent)[-1] if wanted is None else _numbered(call, _PROMPT, wanted)
    _put(call.world, _PROMPT, agent, one, PRODUCTION)
    return one


@prompts.operation("GET", "/v1/agents/{agent_id}/versions/{version}")
def get_agent_version(call: ApiCall, version: int | UUID) -> Entity:
    """Return a version by its number, or by its id."""
    return _numbered(call, _PROMPT, version)


@prompts.operation("DELETE", "/v1/agents/{agent_id}/versions/{version}")
def delete_agent_version(call: ApiCall, version: int | UUID) -> Any:
    """Delete a version by its number, or by its id."""
    return _delete(call, _PROMPT, _numbered(call, _PROMPT, version))


# --- labels of an agent -----------------------------------------------------------------------------------------------


def _new_label(world: World, organisation: str, request: NewLabel) -> Entity:
    """Make a label that is on no version.

    Raises:
        Refused: The label is reserved.
        Conflict: The agent has it already.
    """
    agent = world.resources.require("agent", request.agent_id, organisation)
    text = request.label_text or f"label-{world.resources[LABELS].last_id + 1}"
    if text in RESERVED:
        raise Refused(f"The label {text} is reserved")
    if _rows(world, agent, text):
        raise Conflict("The agent has this label already")
    return _add_label(world, agent, text, {})


def _labels(call: ApiCall) -> tuple[Entity, list[Entity]]:
    """Return the agent that a path names, and its labels."""
    agent = _agent(call)
    for kind in _KINDS.values():
        _versions(call.world, kind, agent)
    return agent, _rows(call.world, agent)


labels = Operations(
    LABELS,
    returns=LabelResponse,
    new=_new_label,
    request=NewLabel,
    id_type=str,
    stored=shape("StoredLabel", "A label.", prompt_id=UUID | None, knowledge_base_id=UUID | None),
    tried_first=True,
)


@labels.operation("POST", "/v1/agents/{agent_id}/labels")
def create_label(call: ApiCall, request: LabelBody) -> Entity:
    """Create a label that is on no version."""
    agent, _ = _labels(call)
    text = as_fields(request)["label_text"]
    return _new_label(call.world, call.organisation, NewLabel(agent_id=agent.id, label_text=text))


@labels.operation("GET", "/v1/agents/{agent_id}/labels", returns=list[LabelResponse])
def list_labels(call: ApiCall, q: str | None = None) -> list[Entity]:
    """Return the labels of an agent, or those whose text contains another."""
    return [one for one in _labels(call)[1] if q is None or q in one.fields["label_text"]]


labels.get("GET", "/v1/agents/{agent_id}/labels/{label_id}")


@labels.operation("PUT", "/v1/agents/{agent_id}/labels/{label_id}")
def update_label(call: ApiCall, label: Entity, request: LabelBody) -> Entity:
    """Rename a label, on all of its versions."""
    new, before = as_fields(request)["label_text"], label.fields["label_text"]
    if new in RESERVED or before in RESERVED:
        raise Refused("A reserved label cannot be renamed, and none can be renamed to one")
    agent = _agent(call)
    if new != before and _rows(call.world, agent, new):
        raise Conflict("The agent has this label already")
    for one in _rows(call.world, agent, before):
        call.world.resources.change(one, {"label_text": new})
    return label


@labels.operation("DELETE", "/v1/agents/{agent_id}/labels/{label_id}")
def delete_label(call: ApiCall, label: Entity) -> Any:
    """Delete a label that is on no version."""
    if label.fields["label_text"] in RESERVED or not _is_free(label):
        raise Refused("A reserved label, or one that is on a version, cannot be deleted")
    call.world.resources.remove(label)
    return {}
