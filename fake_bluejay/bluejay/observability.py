"""Conversations of production, as the newest documentation has them: call logs with the results of their metrics.

The documentation names the parameters and describes the answers in words; no source publishes their shapes. So a
conversation has the fields of its call log, and the further fields that the documentation names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import Field

from fake_bluejay.bluejay.call_logs import CallDirection, CallLog, call_logs, metric_results
from fake_bluejay.bluejay.models.results import CustomMetric, TranscriptEntryRequest
from fake_bluejay.bluejay.models.wire import Wire
from fake_bluejay.bluejay.resources import PAGES, Answered, Operations
from fake_bluejay.core.clock import iso
from fake_bluejay.core.errors import Refused
from fake_bluejay.core.resources import Entity, uuid_ids
from fake_bluejay.core.statuses import Status
from fake_bluejay.http.operation import ApiCall, Parameter


class Conversation(CallLog):
    """A conversation of production, with the results of its newest evaluation."""

    label: str | None = None
    metric_results: list[CustomMetric] = Field(default_factory=list)


class ConversationWithTranscript(Conversation):
    """A conversation of production with its transcript, which is null if it is not known or not requested."""

    transcript: list[TranscriptEntryRequest] | None = None


class ConversationsPage(Wire):
    """A page of conversations."""

    conversations: list[Conversation]
    total_count: int
    page: int
    page_size: int
    total_pages: int


class ConversationGroup(Wire):
    """The number of conversations with a common value; `metric` is the name of the metric that the value belongs to."""

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


@conversations.operation("GET", "/v1/observability/conversations/{conversation_id}", returns=ConversationWithTranscript)
def get_conversation(call: ApiCall, conversation_id: str, include_transcript: bool = True) -> Any:
    """Return a conversation with its transcript and the results of its metrics."""
    log = call.require("call log", conversation_id)
    hidden = {} if include_transcript else {"transcript": None}
    return call_logs.filled(Answered(log, **hidden), ConversationWithTranscript)


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
    status: Status | None = None,
    agent_ids: list[str] | None = None,
    label_ids: list[str] | None = None,
    initiation_direction: CallDirection | None = None,
    caller_number: str | None = None,
    duration_min: float | None = None,
    group_by: Grouping | None = None,
    metadata_path: str | None = None,
) -> ConversationsPage | ConversationGroups:
    """Return a page of the conversations that match all filters, the newest first; with `group_by`, their counts."""
    if group_by == "metadata_path" and not metadata_path:
        raise Refused("metadata_path is needed to group by it")
    # A label is given by its text, or by its id, which stands for a text of one agent.
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
    part, said = PAGES.part(kept, call)
    answer: ConversationsPage = call_logs.filled(Answered(part, **said, total_count=len(kept)), ConversationsPage)
    return answer


def _labels(call: ApiCall, ids: list[str]) -> Iterator[tuple[int, str]]:
    """Yield the agent and the text of each label with one of these ids."""
    wanted = [uuid_ids.read(id) for id in ids]
    for label in call.world.resources.of("label", call.organisation):
        if label.id in wanted:
            yield label.fields["agent_id"], label.fields["label_text"]


def _numbers(log: Entity) -> list[str | None]:
    """Return the phone numbers of the participants other than the agent."""
    return [one.get("phone_number") for one in log.fields["participants"] if one["role"] != "AGENT"]


def _values(log: Entity, group_by: Grouping, path: str) -> Iterator[tuple[str | None, str | None]]:
    """Yield the groups that count a conversation: the metric, if the groups are of metrics, and the value as a text."""
    if group_by == "metric_value":
        yield from ((one["name"], one["response_value"]) for one in metric_results(log))
    elif group_by == "day":
        yield None, str(log.fields.get("created_at") or iso(log.created_at))[:10]
    else:
        value: Any = log.fields.get("metadata") if group_by == "metadata_path" else log.fields.get(_FIELDS[group_by])
        for name in path.split(".") if group_by == "metadata_path" else ():
            value = value.get(name) if isinstance(value, Mapping) else None
        yield None, None if value is None else str(value)
