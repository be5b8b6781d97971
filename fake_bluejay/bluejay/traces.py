"""Traces: spans that a customer's agent exports by OTLP, and the endpoints that return them.

Spans are sent to `POST https://otlp.getbluejay.ai/v1/traces`, as protobuf or as JSON. The shape of the answers about
traces, which is not published, is ours.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fake_bluejay.bluejay.models.wire import Wire, shape, stored
from fake_bluejay.bluejay.resources import Operations, as_fields
from fake_bluejay.core.errors import Foreign
from fake_bluejay.core.resources import Entity, Resource, not_found, uuid_ids
from fake_bluejay.core.scoring import uuid_from
from fake_bluejay.core.world import World
from fake_bluejay.http.journal import EXCHANGE
from fake_bluejay.http.operation import ApiCall

_log = logging.getLogger("fake_bluejay")

MOST_SPANS = 200_000
"""The most spans of a trace that are returned."""


TraceId = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]


class SpanEvent(Wire):
    """An event during a span."""

    name: str = ""
    time: str
    attributes: dict[str, Any] = Field(default_factory=dict)


class SpanLink(Wire):
    """A link from a span to another one."""

    trace_id: str
    span_id: str
    attributes: dict[str, Any] = Field(default_factory=dict)


class SpanStatus(Wire):
    """The outcome of a span."""

    code: Literal["UNSET", "OK", "ERROR"] = "UNSET"
    message: str = ""


class Span(Wire):
    """A span. Its times are ISO texts, in UTC."""

    span_id: str = "0000000000000001"
    parent_span_id: str | None = None
    name: str = "span"
    kind: Literal["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"] = "INTERNAL"
    service_name: str | None = None
    start_time: str = "2026-01-01T00:00:00.000000Z"
    end_time: str = "2026-01-01T00:00:00.000000Z"
    duration_ms: float = 0.0
    status: SpanStatus = Field(default_factory=SpanStatus)
    attributes: dict[str, Any] = Field(default_factory=dict)
    resource: dict[str, Any] = Field(default_factory=dict)
    scope: dict[str, Any] = Field(default_factory=dict)
    events: list[SpanEvent] = Field(default_factory=list)
    links: list[SpanLink] = Field(default_factory=list)


class NewTrace(Wire):
    """A trace that a test adds; its id is 32 hexadecimal digits."""

    trace_id: TraceId | None = None
    spans: list[Span] = Field(default_factory=lambda: [Span()])


class TraceSummary(Wire):
    """A trace in a list, with the names of its first span without a parent, and the times of all spans."""

    trace_id: str
    name: str | None = None
    service_name: str | None = None
    start_time: str | None = None
    end_time: str | None = None
    span_count: int


class Trace(Wire):
    """A trace with all of its spans."""

    trace_id: TraceId
    spans: list[Span]


def _id_of(organisation: str, trace_id: str) -> str:
    """Return the id of a trace's entity: clients choose trace ids, so two organisations may have the same one."""
    return uuid_from(f"{organisation}:{trace_id}")


def _store(world: World, organisation: str, trace_id: str, spans: list[dict[str, Any]]) -> Entity:
    """Add spans to a trace, which is made if it does not exist; a span with the id of an old one replaces it."""
    collection = world.resources[TRACES]
    id = _id_of(organisation, trace_id)
    trace = world.resources.find("trace", id, organisation)
    if trace is not None:
        new = {span["span_id"] for span in spans}
        before = [span for span in trace.fields["spans"] if span["span_id"] not in new]
        world.resources.change(trace, {"spans": before + spans})
        return trace
    return collection.add(organisation, {"trace_id": trace_id, "spans": spans}, id)


def _new_trace(world: World, organisation: str, request: NewTrace) -> Entity:
    fields = as_fields(request)
    number = world.resources[TRACES].last_id + 1
    trace_id = fields["trace_id"] or hashlib.sha256(f"{world.seed}:trace:{number}".encode()).hexdigest()[:32]
    return _store(world, organisation, trace_id, fields["spans"])


TRACES = Resource("trace", ids=uuid_ids)
traces = Operations(
    TRACES,
    returns=Trace,
    values=lambda trace: {"trace_id": trace.fields["trace_id"]},
    new=_new_trace,
    request=NewTrace,
    stored=shape("StoredTrace", "A trace.", trace_id=TraceId, spans=list[stored(Span)]),  # type: ignore[misc]
)


def _trace(call: ApiCall, trace_id: str) -> Entity:
    """Return the trace of an id. Raises `NotFound`, or `Foreign` if only another organisation has one."""
    wanted = trace_id.lower().replace("-", "")
    found = call.world.resources.find("trace", _id_of(call.organisation, wanted), call.organisation)
    if found is not None:
        return found
    error = not_found("trace")
    if any(trace.fields["trace_id"] == wanted for trace in call.world.resources[TRACES].all()):
        raise Foreign("trace", error.detail)
    raise error


def _summary(trace: Entity) -> TraceSummary:
    spans = trace.fields["spans"]
    root = next((span for span in spans if span["parent_span_id"] is None), None) or (spans[0] if spans else {})
    return TraceSummary(
        trace_id=trace.fields["trace_id"],
        name=root.get("name"),
        service_name=root.get("service_name"),
        start_time=min((span["start_time"] for span in spans), default=None),
        end_time=max((span["end_time"] for span in spans), default=None),
        span_count=len(spans),
    )


@traces.operation("GET", "/v1/traces")
def list_traces(call: ApiCall, limit: Annotated[int, Field(ge=1, le=100)] = 50) -> Any:
    """Return the latest traces of the organisation, the newest first."""
    newest = call.world.resources[TRACES].of(call.organisation)[::-1]
    return {"traces": [_summary(trace) for trace in newest[:limit]]}


@traces.operation("POST", "/v1/traces/{trace_id}")
def get_trace(call: ApiCall, trace_id: str) -> Any:
    """Return a trace with all of its spans, unless they are too many."""
    found = _trace(call, trace_id)
    if len(found.fields["spans"]) > MOST_SPANS:
        raise HTTPException(413, f"The trace has more than {MOST_SPANS} spans")
    rows = [_row(found.fields["trace_id"], span) for span in found.fields["spans"]]
    return {**traces.shown(found).model_dump(), "data": {"data": {"results": [{"rows": rows}]}}}


def _row(trace_id: str, span: Mapping[str, Any]) -> dict[str, Any]:
    """Return a span as a row of the answer of the store that Bluejay asks.

    Its own public benchmark (August 2026) reads the `name` and the `timestamp`, in nanoseconds; the ids are ours.
    """
    timestamp = re.sub(r"\.(\d{6})Z$", r".\g<1>000Z", span["start_time"])
    row = {"timestamp": timestamp, "name": span["name"], "span_id": span["span_id"], "trace_id": trace_id}
    return {"timestamp": timestamp, "data": row}


@traces.operation("POST", "/v1/spans/{trace_id}/{span_id}")
def get_span(call: ApiCall, trace_id: str, span_id: str) -> Any:
    """Return one span of a trace."""
    trace = _trace(call, trace_id).fields
    found = next((span for span in trace["spans"] if span["span_id"] == span_id.lower()), None)
    if found is None:
        raise not_found("span")
    return {"trace_id": trace["trace_id"], **found}


@traces.operation("POST", "/v1/traces", reads_bytes=True)
def export_traces(call: ApiCall) -> Any:
    """Store the spans of an OTLP export, as protobuf or as JSON; those with invalid ids are rejected."""
    try:
        from fake_bluejay.bluejay import otlp
    except ModuleNotFoundError as error:
        _log.error("%s %s: %s", call.scope["method"], call.scope["path"], error)  # exporters do not log the body
        call.scope[EXCHANGE].modelled = False
        raise HTTPException(501, str(error)) from None
    export = otlp.read(call.content, call.header(b"content-type"), call.header(b"content-encoding"))
    for trace_id, spans in export.traces.items():
        _store(call.world, call.organisation, trace_id, spans)
    return Response(export.answer, headers={"content-type": export.content_type})
