"""OTLP: the spans in an export request, read by OpenTelemetry's own library."""

from __future__ import annotations

import base64
import json
import math
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from starlette.exceptions import HTTPException

from fake_bluejay.core.clock import iso

try:
    from google.protobuf import json_format
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTraceServiceRequest,
        ExportTraceServiceResponse,
    )
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        'spans are read by opentelemetry-proto: pip install "fake-bluejay[otlp]"', name=error.name
    ) from None

_PROTOBUF: Final = "application/x-protobuf"
_JSON: Final = "application/json"
_IDS: Final = {"traceId", "spanId", "parentSpanId"}
"""The fields that are hexadecimal digits in OTLP's JSON, and base64 in protobuf's."""

_TRACE_ID, _SPAN_ID = 16, 8
"""The lengths of ids, in bytes."""

_LARGEST: Final = 256 * 2**20
"""The most bytes that a compressed request may have when it is decompressed."""


class Export(NamedTuple):
    """An export request that was read.

    Attributes:
        traces: Trace id → its spans, as `Span` has them.
        answer: The body of the answer, which says how many spans were rejected, if any.
        content_type: The content type of the answer.
    """

    traces: dict[str, list[dict[str, Any]]]
    answer: bytes
    content_type: str


def read(content: bytes, content_type: str, encoding: str) -> Export:
    """Return the spans of an export request.

    Args:
        content: The body, as it was sent.
        content_type: The header of that name.
        encoding: The compression: `gzip`, `deflate`, or none.

    Raises:
        HTTPException: It is written or compressed in no way that is known (415), or not well (400).
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in (_PROTOBUF, _JSON):
        raise HTTPException(415, f"OTLP is {_PROTOBUF} or {_JSON}, not {kind or 'without a content type'}")
    request = ExportTraceServiceRequest()
    try:
        data = _decompressed(content, encoding)
        if kind == _JSON:
            given = json.loads(data)
            if not isinstance(given, dict):
                raise ValueError("an object is needed")
            json_format.ParseDict(_with_base64_ids(given), request, ignore_unknown_fields=True)
        else:
            request.ParseFromString(data)
    except (DecodeError, json_format.ParseError, ValueError, RecursionError, zlib.error) as error:
        raise HTTPException(400, f"The export cannot be read: {error!s:.200}") from None
    traces: dict[str, list[dict[str, Any]]] = {}
    response = ExportTraceServiceResponse()
    for trace_id, span in _spans(request):
        if span is None:
            response.partial_success.rejected_spans += 1
            response.partial_success.error_message = "a trace id has 16 bytes and a span id 8, not all of them zero"
        else:
            traces.setdefault(trace_id, []).append(span)
    as_json = json_format.MessageToJson(response, indent=None).encode()
    return Export(traces, as_json if kind == _JSON else response.SerializeToString(), kind)


def _decompressed(content: bytes, encoding: str) -> bytes:
    if encoding.strip().lower() in ("", "identity"):
        return content
    windows = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
    if encoding.strip().lower() not in windows:
        raise HTTPException(415, f"The content encoding {encoding!r:.80} is not known: gzip and deflate are")
    unpacked = zlib.decompressobj(windows[encoding.strip().lower()])
    data = unpacked.decompress(content, _LARGEST)
    if not unpacked.eof:
        raise ValueError("it is cut short, or too large when it is decompressed")
    return data


def _with_base64_ids(value: Any) -> Any:
    """Return JSON of OTLP as protobuf's library reads it. It is as deep as JSON's own reader allows."""
    if isinstance(value, list):
        return [_with_base64_ids(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {name: _as_base64(one) if name in _IDS else _with_base64_ids(one) for name, one in value.items()}


def _as_base64(digits: Any) -> str:
    try:
        return base64.urlsafe_b64encode(bytes.fromhex(digits)).decode()  # the alphabet that protobuf decodes silently
    except (TypeError, ValueError):
        raise ValueError(f"an id is in hexadecimal digits, not {digits!r:.80}") from None


def _spans(request: Any) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Return each span of a request and its trace id; None in the place of one whose ids are not valid."""
    for of_resource in request.resource_spans:
        resource = _attributes(of_resource.resource.attributes)
        for of_scope in of_resource.scope_spans:
            scope = {"name": of_scope.scope.name, "version": of_scope.scope.version}
            for span in of_scope.spans:
                if _is_id(span.trace_id, _TRACE_ID) and _is_id(span.span_id, _SPAN_ID):
                    yield span.trace_id.hex(), _span(span, resource, scope)
                else:
                    yield "", None


def _is_id(id: bytes, length: int) -> bool:
    return len(id) == length and any(id)


def _span(span: Any, resource: Mapping[str, Any], scope: Mapping[str, Any]) -> dict[str, Any]:
    service = resource.get("service.name")
    return {
        "span_id": span.span_id.hex(),
        "parent_span_id": span.parent_span_id.hex() or None,
        "name": span.name,
        "kind": _name(span, "kind", "SPAN_KIND_"),
        "service_name": service if isinstance(service, str) else None,
        "start_time": _time(span.start_time_unix_nano),
        "end_time": _time(span.end_time_unix_nano),
        "duration_ms": max(0, span.end_time_unix_nano - span.start_time_unix_nano) / 1e6,
        "status": {"code": _name(span.status, "code", "STATUS_CODE_"), "message": span.status.message},
        "attributes": _attributes(span.attributes),
        "resource": dict(resource),
        "scope": dict(scope),
        "events": [
            {"name": one.name, "time": _time(one.time_unix_nano), "attributes": _attributes(one.attributes)}
            for one in span.events
        ],
        "links": [
            {"trace_id": one.trace_id.hex(), "span_id": one.span_id.hex(), "attributes": _attributes(one.attributes)}
            for one in span.links
        ],
    }


def _name(message: Any, field: str, prefix: str) -> str:
    """Return the name of an enum's value; of one that is not known, that of 0."""
    values = message.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number
    name: str = values.get(getattr(message, field), values[0]).name
    return name.removeprefix(prefix)


def _time(nanoseconds: int) -> str:
    return iso(nanoseconds // 1000)


def _attributes(attributes: Any) -> dict[str, Any]:
    return {one.key: _value(one.value) for one in attributes}


def _value(value: Any) -> Any:
    """Return the value of an attribute as JSON has it: bytes in base64, and numbers that JSON has not as texts."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    given = getattr(value, kind)
    if kind == "array_value":
        return [_value(one) for one in given.values]
    if kind == "kvlist_value":
        return _attributes(given.values)
    if kind == "bytes_value":
        return base64.b64encode(given).decode()
    if kind == "double_value" and not math.isfinite(given):
        return str(given)
    return given
