"""Conversations of production as the newest documentation has them: the call logs, with what the metrics found.

The documentation names the parameters and says what an answer is about; no source publishes its shape. A conversation
has the fields of its call log, and beside these those that the documentation names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import Field

from fake_bluejay.bluejay.call_logs import CallDirection, CallLog, CallStatus, call_logs
from fake_bluejay.bluejay.models.results import CustomMetric, TranscriptEntryRequest
from fake_bluejay.bluejay.models.wire import Wire
from fake_bluejay.bluejay.resources import PAGES, Answered, Operations
from fake_bluejay.core.clock import iso
from fake_bluejay.core.errors import Refused
from fake_bluejay.core.resources import Entity, uuid_ids
from fake_bluejay.http.operation import ApiCall, Parameter

__all__ = ["conversations"]


class Conversation(CallLog):
    """A conversation of production, and what its newest evaluation found by each metric."""

    label: str | None = None
    metric_results: list[CustomMetric] = Field(default_factory=list)


class ConversationWithTranscript(Conversation):
    """A conversation of production, and what was said; null if that is not known or not asked for."""

    transcript: list[TranscriptEntryRequest] | None = None


class ConversationsPage(Wire):
    """A page of conversations."""

    conversations: list[Conversation]
    total_count: int
    page: int
    page_size: int
    total_pages: int


class ConversationGroup(Wire):
    """The number of conversations with a common value; `metric` is the metric, if the value is a metric's."""

    value: Any
    count: int
    metric: str | None = None


class ConversationGroups(Wire):
    """Conversations counted by group, the largest group first."""

    groups: list[ConversationGroup]
    total_count: int


Grouping = Literal[
    "status", "agent", "label", "day", "interface", "direction", "ended_by", "metadata_path", "metric_value"
]
_FIELDS = {
    "status": "status",
    "agent": "agent_id",
    "label": "label",
    "interface": "interface",
    "direction": "call_direction",
    "ended_by": "conversation_ended_by",
}
"""A grouping → the field of a call log that it groups by."""

conversations = Operations()


@conversations.operation("GET", "/v1/observability/conversations/{conversation_id}")
def get_conversation(
    call: ApiCall, conversation_id: str, include_transcript: bool = True
) -> ConversationWithTranscript:
    """Return a conversation with its transcript and the results of its metrics."""
    log = call.require("call log", uuid_ids.read(conversation_id))
    said = {} if include_transcript else {"transcript": None}
    answer = Answered(log, metric_results=_metric_results(log), **said)
    filled: ConversationWithTranscript = call_logs.filled(answer, ConversationWithTranscript)
    return filled


@conversations.operation(
    "GET",
    "/v1/observability/conversations",
    query={
        "agent_ids": Parameter(list[str] | None, None, many=True),
        "label_ids": Parameter(list[str] | None, None, many=True),
        **PAGES.query,
    },
)
def list_conversations(
    call: ApiCall,
    page: int,
    page_size: int,
    status: CallStatus | None = None,
    agent_ids: list[str] | None = None,
    label_ids: list[str] | None = None,
    initiation_direction: CallDirection | None = None,
    caller_number: str | None = None,
    duration_min: float | None = None,
    group_by: Grouping | None = None,
    metadata_path: str | None = None,
) -> ConversationsPage | ConversationGroups:
    """Return a page of the conversations that all filters keep, the newest first; with `group_by`, counts of these."""
    if group_by == "metadata_path" and not metadata_path:
        raise Refused("metadata_path is needed to group by it")
    labels = None if label_ids is None else {*label_ids, *_labels(call, label_ids)}
    kept = [
        log
        for log in reversed(call.world.resources.of("call log", call.organisation))
        if (status is None or log.fields["status"] == status)
        and (agent_ids is None or str(log.fields["agent_id"]) in agent_ids)
        and (labels is None or log.fields["label"] in labels or (log.fields["agent_id"], log.fields["label"]) in labels)
        and (initiation_direction is None or log.fields["call_direction"] == initiation_direction)
        and (caller_number is None or caller_number in _numbers(log))
        and (duration_min is None or log.fields["duration_ms"] >= duration_min * 1000)
    ]
    if group_by is not None:
        counts = Counter(value for log in kept for value in _values(log, group_by, metadata_path or ""))
        groups = [ConversationGroup(value=one[1], count=n, metric=one[0]) for one, n in counts.most_common()]
        return ConversationGroups(groups=groups, total_count=len(kept))
    part, said = PAGES.part(kept, {"page": page, "page_size": page_size})
    shown = [call_logs.filled(Answered(log, metric_results=_metric_results(log)), Conversation) for log in part]
    return ConversationsPage(
        conversations=shown, total_count=len(kept), page=page, page_size=page_size, total_pages=said["total_pages"]
    )


def _labels(call: ApiCall, ids: list[str]) -> Iterator[tuple[int, str]]:
    """Return the labels of these ids: whose each is, and its text, by which a conversation has it."""
    wanted = [uuid_ids.read(id) for id in ids]
    for label in call.world.resources.of("label", call.organisation):
        if label.id in wanted:
            yield label.fields["agent_id"], label.fields["label_text"]


def _metric_results(log: Entity) -> list[Mapping[str, Any]]:
    """Return the metrics of the newest evaluation, with their values."""
    found = log.fields.get("evaluations") or [{}]
    return found[-1].get("custom_metrics") or []


def _numbers(log: Entity) -> list[str | None]:
    """Return the numbers of those who took part and are not the agent."""
    return [one.get("phone_number") for one in log.fields["participants"] if one["role"] != "AGENT"]


def _values(log: Entity, group_by: Grouping, path: str) -> Iterator[tuple[str | None, str | None]]:
    """Return by which values a conversation is counted: the metric, if it is one's, and the value as a text."""
    if group_by == "metric_value":
        yield from ((one["name"], one["response_value"]) for one in _metric_results(log))
    elif group_by == "day":
        yield None, str(log.fields.get("created_at") or iso(log.created_at))[:10]
    else:
        value: Any = log.fields.get("metadata") if group_by == "metadata_path" else log.fields.get(_FIELDS[group_by])
        for name in path.split(".") if group_by == "metadata_path" else ():
            value = value.get(name) if isinstance(value, Mapping) else None
        yield None, None if value is None else str(value)
