"""Traces: spans that are exported to the OTLP host, by the exporters that customers have, and are asked for again."""

import gzip
import json
import logging
import sys
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode

from fake_bluejay import FakeBluejay
from fake_bluejay.bluejay import traces as module
from tests.api.client import Client

EXPORT = "https://otlp.getbluejay.ai/v1/traces"
TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"
SPANS: dict[str, Any] = {
    "resourceSpans": [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "agent"}}]},
            "scopeSpans": [
                {
                    "scope": {"name": "tracer", "version": "1"},
                    "spans": [
                        {
                            "traceId": TRACE,
                            "spanId": SPAN,
                            "name": "call",
                            "kind": 2,
                            "startTimeUnixNano": "1767225600000000000",
                            "endTimeUnixNano": "1767225601500000000",
                            "attributes": [
                                {"key": "turns", "value": {"intValue": "3"}},
                                {"key": "cost", "value": {"doubleValue": 0.5}},
                                {"key": "odd", "value": {"doubleValue": "NaN"}},
                                {"key": "raw", "value": {"bytesValue": "AAE="}},
                                {"key": "none", "value": {}},
                                {"key": "list", "value": {"arrayValue": {"values": [{"boolValue": True}]}}},
                                {
                                    "key": "map",
                                    "value": {"kvlistValue": {"values": [{"key": "a", "value": {"stringValue": "b"}}]}},
                                },
                            ],
                            "unknownField": 1,
                        }
                    ],
                }
            ],
        }
    ]
}


@pytest.fixture
def key(fake: FakeBluejay) -> str:
    return fake.api_key


def provider(exporter: OTLPSpanExporter, batch: bool = False) -> TracerProvider:
    made = TracerProvider(resource=Resource.create({SERVICE_NAME: "agent"}), shutdown_on_exit=False)
    made.add_span_processor(BatchSpanProcessor(exporter) if batch else SimpleSpanProcessor(exporter))
    return made


@pytest.fixture(params=["one by one", "in batches", "gzip", "deflate"])
def tracer(request: pytest.FixtureRequest, key: str) -> Iterator[TracerProvider]:
    compression = {"gzip": Compression.Gzip, "deflate": Compression.Deflate}.get(request.param)
    exporter = OTLPSpanExporter(EXPORT, headers={"X-API-KEY": key}, compression=compression)
    made = provider(exporter, batch=request.param == "in batches")
    yield made
    made.shutdown()


def post(key: str, content: Any, url: str = EXPORT, **headers: str) -> requests.Response:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    headers = {"Content-Type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return requests.post(url, data=data, headers={"X-API-Key": key, **headers}, timeout=10)


def test_spans_of_opentelemetrys_exporter_are_seen_as_a_trace(ask: Client, tracer: TracerProvider) -> None:
    with tracer.get_tracer("tests").start_as_current_span("call", kind=SpanKind.SERVER) as call:
        with tracer.get_tracer("tests", "2").start_as_current_span("turn", attributes={"words": ["a", "b"]}) as turn:
            turn.add_event("heard", {"text": "Hello."})
            turn.set_status(Status(StatusCode.ERROR, "no answer"))
        call.add_link(turn.get_span_context(), {"why": "because"})
    assert tracer.force_flush()
    trace_id = f"{call.get_span_context().trace_id:032x}"
    ids = [f"{span.get_span_context().span_id:016x}" for span in (call, turn)]
    [listed] = ask("GET", "traces")["traces"]
    found = ask("POST", f"traces/{trace_id}")
    assert found["trace_id"] == trace_id
    spans = {span["span_id"]: span for span in found["spans"]}
    assert list(spans) == ids[::-1]
    one, other = spans[ids[0]], spans[ids[1]]
    assert (one["name"], one["kind"], one["parent_span_id"]) == ("call", "SERVER", None)
    assert one["links"] == [{"trace_id": trace_id, "span_id": ids[1], "attributes": {"why": "because"}}]
    assert (other["parent_span_id"], other["attributes"]) == (ids[0], {"words": ["a", "b"]})
    assert other["status"] == {"code": "ERROR", "message": "no answer"}
    assert other["scope"] == {"name": "tests", "version": "2"}
    assert [(event["name"], event["attributes"]) for event in other["events"]] == [("heard", {"text": "Hello."})]
    assert (one["service_name"], one["resource"]["service.name"]) == ("agent", "agent")
    assert one["start_time"] <= other["start_time"] <= other["end_time"] <= one["end_time"]
    assert listed == {
        "trace_id": trace_id,
        "name": "call",
        "service_name": "agent",
        "start_time": one["start_time"],
        "end_time": one["end_time"],
        "span_count": 2,
    }
    assert ask("POST", f"spans/{trace_id}/{ids[1]}") == {"trace_id": trace_id, **other}


def test_json_is_taken_with_ids_in_hexadecimal_digits(ask: Client, key: str) -> None:
    answer = post(key, SPANS)
    assert (answer.status_code, answer.json(), answer.headers["content-type"]) == (200, {}, "application/json")
    [span] = ask("POST", f"traces/{TRACE.upper()}")["spans"]
    assert span == {
        "span_id": SPAN,
        "parent_span_id": None,
        "name": "call",
        "kind": "SERVER",
        "service_name": "agent",
        "start_time": "2026-01-01T00:00:00.000000Z",
        "end_time": "2026-01-01T00:00:01.500000Z",
        "duration_ms": 1500.0,
        "status": {"code": "UNSET", "message": ""},
        "attributes": {
            "turns": 3,
            "cost": 0.5,
            "odd": "nan",
            "raw": "AAE=",
            "none": None,
            "list": [True],
            "map": {"a": "b"},
        },
        "resource": {"service.name": "agent"},
        "scope": {"name": "tracer", "version": "1"},
        "events": [],
        "links": [],
    }
    assert ask("POST", f"spans/{TRACE}/{SPAN.upper()}")["span_id"] == SPAN


def test_bluejays_own_benchmark_reads_the_names_and_times_of_spans(ask: Client, key: str) -> None:
    requests.post(EXPORT, json=SPANS, headers={"X-API-Key": key}, timeout=5)
    answer = ask("POST", f"traces/{TRACE}", {})
    rows = answer["data"]["data"]["results"][0]["rows"]
    assert [(row["data"]["timestamp"], row["data"]["name"]) for row in rows] == [
        ("2026-01-01T00:00:00.000000000Z", "call")
    ]
    assert [span["name"] for span in answer["spans"]] == ["call"]
    ask("GET", f"traces/{TRACE}", status=405)  # as that benchmark notes


def test_span_that_is_exported_again_is_there_once(ask: Client, key: str) -> None:
    again = json.loads(json.dumps(SPANS).replace('"call"', '"renamed"'))
    for content in (SPANS, SPANS, again):
        assert post(key, content).status_code == 200
    assert [span["name"] for span in ask("POST", f"traces/{TRACE}")["spans"]] == ["renamed"]


def test_spans_whose_ids_are_not_valid_are_rejected_and_the_others_taken(ask: Client, key: str) -> None:
    content = json.loads(json.dumps(SPANS))
    spans = content["resourceSpans"][0]["scopeSpans"][0]["spans"]
    spans += [{**spans[0], "traceId": "ab"}, {**spans[0], "spanId": "0" * 16}]
    answer = post(key, content).json()
    assert answer["partialSuccess"]["rejectedSpans"] == "2"
    assert ask("GET", "traces")["traces"][0]["span_count"] == 1
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.add(name="without ids")
    raw = post(key, request.SerializeToString(), Content_Type="application/x-protobuf")
    assert raw.headers["content-type"] == "application/x-protobuf"
    assert ExportTraceServiceResponse.FromString(raw.content).partial_success.rejected_spans == 1


@pytest.mark.parametrize(
    ("content", "headers", "status", "says"),
    [
        (b"\xff\xff", {"Content_Type": "application/x-protobuf"}, 400, "cannot be read"),
        (b"{", {}, 400, "cannot be read"),
        (b"\xff", {}, 400, "cannot be read"),
        (b"[" * 100_000, {}, 400, "cannot be read"),
        (b"[]", {}, 400, "cannot be read"),
        ({"resourceSpans": 7}, {}, 400, "cannot be read"),
        ({"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "zz"}]}]}]}, {}, 400, "digits, not 'zz'"),
        ({"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": 7}]}]}]}, {}, 400, "digits, not 7"),
        (b"plain", {"Content_Encoding": "gzip"}, 400, "cannot be read"),
        (gzip.compress(b"{}", mtime=0)[:-4], {"Content_Encoding": "gzip"}, 400, "cut short"),
        (b"{}", {"Content_Encoding": "br"}, 415, "'br' is not known"),
        (b"{}", {"Content_Type": "text/plain"}, 415, "not text/plain"),
    ],
)
def test_export_that_cannot_be_read_is_refused(
    ask: Client, key: str, content: Any, headers: dict[str, str], status: int, says: str
) -> None:
    answer = post(key, content, **headers)
    assert answer.status_code == status
    assert says in answer.json()["detail"]
    assert ask("GET", "traces") == {"traces": []}


def test_compressed_export_that_is_too_large_is_refused(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from fake_bluejay.bluejay import otlp

    monkeypatch.setattr(otlp, "_LARGEST", 100)
    content = zlib.compress(json.dumps(SPANS).encode())
    assert "too large" in post(key, content, Content_Encoding="deflate").json()["detail"]


def test_key_decides_whose_the_trace_is(ask: Client, others: Client, fake: FakeBluejay) -> None:
    assert post("unknown", SPANS).status_code == 401
    assert requests.post(EXPORT, json=SPANS, timeout=10).status_code == 401
    post(fake.api_key, SPANS)
    assert others("GET", "traces") == {"traces": []}
    for path in (f"traces/{TRACE}", f"spans/{TRACE}/{SPAN}"):
        assert "organization" in others("POST", path, status=403)["detail"]
    fake.readings.set(foreign_trace="404")
    assert others("POST", f"traces/{TRACE}", status=404) == {"detail": "Trace not found"}
    post("other-key", json.loads(json.dumps(SPANS).replace('"call"', '"theirs"')))
    names = [client("POST", f"traces/{TRACE}")["spans"][0]["name"] for client in (ask, others)]
    assert names == ["call", "theirs"]


def test_unknown_trace_or_span_is_404(ask: Client, key: str) -> None:
    post(key, SPANS)
    for path in ("traces/x", f"traces/{'0' * 32}", f"spans/{'0' * 32}/{SPAN}"):
        assert ask("POST", path, status=404) == {"detail": "Trace not found"}
    assert ask("POST", f"spans/{TRACE}/{'0' * 16}", status=404) == {"detail": "Span not found"}


def test_trace_and_span_are_found_by_ids_in_capitals_and_with_dashes(ask: Client, fake: FakeBluejay) -> None:
    fake.add("trace", trace_id="0af7651916cd43dd8448eb211c80319c", spans=[{"span_id": "b7ad6b7169203331"}])
    written = "0AF76519-16CD-43DD-8448-EB211C80319C"
    for path in (f"traces/{written}", f"spans/{written}/B7AD6B7169203331"):
        assert ask("POST", path)["trace_id"] == "0af7651916cd43dd8448eb211c80319c"


def test_list_has_the_newest_first_and_as_many_as_asked_for(ask: Client, fake: FakeBluejay) -> None:
    for number in range(60):
        fake.add("trace", trace_id=f"{number:032x}")
    listed = [trace["trace_id"] for trace in ask("GET", "traces")["traces"]]
    assert listed == [f"{number:032x}" for number in range(59, 9, -1)]
    assert len(ask("GET", "traces?limit=100")["traces"]) == 60
    for limit in ("0", "101", "x"):
        assert ask("GET", f"traces?limit={limit}", status=422)["detail"][0]["loc"] == ["query", "limit"]


def test_trace_of_too_many_spans_is_not_given_back(ask: Client, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    post(key, SPANS)
    monkeypatch.setattr(module, "MOST_SPANS", 1)
    ask("POST", f"traces/{TRACE}")
    monkeypatch.setattr(module, "MOST_SPANS", 0)
    ask("POST", f"traces/{TRACE}", status=413)
    ask("POST", f"spans/{TRACE}/{SPAN}")


def test_restored_dump_has_the_traces_and_takes_more_of_their_spans(fake: FakeBluejay, key: str) -> None:
    post(key, SPANS)
    dump = fake.dump()
    with FakeBluejay.load(dump) as again:
        post(again.api_key, json.loads(json.dumps(SPANS).replace(SPAN, SPAN[::-1])))
        spans = Client(again, again.api_key)("POST", f"traces/{TRACE}")["spans"]
        assert [span["span_id"] for span in spans] == [SPAN, SPAN[::-1]]


@pytest.mark.parametrize(
    ("method", "url", "status", "allow"),
    [
        ("GET", EXPORT, 405, "POST"),
        ("GET", "https://otlp.getbluejay.ai/v1/all-agents", 404, None),
        ("POST", "https://OTLP.getbluejay.ai./v1/metrics", 404, None),
        ("POST", "https://api.getbluejay.ai/v1/traces", 405, "GET"),
    ],
)
def test_each_host_answers_only_its_own_paths(
    fake: FakeBluejay, method: str, url: str, status: int, allow: str | None
) -> None:
    answer = requests.request(method, url, headers={"X-API-Key": fake.api_key}, timeout=10)
    assert (answer.status_code, answer.headers.get("allow")) == (status, allow)


def test_sdks_tracing_leads_to_the_fake_by_the_environment(ask: Client, fake: FakeBluejay) -> None:
    from bluejay.tracing import BluejayTracing

    tracing = BluejayTracing.init(service_name="voice")
    with tracing.tracer_provider.get_tracer("tests").start_as_current_span("call"):
        trace_id = tracing.capture_trace()
    tracing.tracer_provider.shutdown()
    [listed] = ask("GET", "traces")["traces"]
    assert (listed["trace_id"], listed["service_name"]) == (trace_id, "voice")
    assert (fake.requests[0].method, fake.requests[0].path) == ("POST", "/v1/traces")


def test_loopback_server_takes_exports_too(ask: Client, fake: FakeBluejay, key: str) -> None:
    assert post(key, SPANS, url=f"{fake.base_url}/traces").status_code == 200
    assert ask("GET", "traces")["traces"][0]["trace_id"] == TRACE


def test_absence_of_the_library_is_answered_with_the_extra_that_brings_it(
    key: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delitem(sys.modules, "fake_bluejay.bluejay.otlp", raising=False)
    monkeypatch.delattr("fake_bluejay.bluejay.otlp", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.proto.collector.trace.v1.trace_service_pb2", None)
    answer = post(key, SPANS)
    assert answer.status_code == 501
    assert 'pip install "fake-bluejay[otlp]"' in answer.json()["detail"]
    with caplog.at_level(logging.ERROR):
        made = provider(OTLPSpanExporter(EXPORT, headers={"X-API-KEY": key}))
        with made.get_tracer("tests").start_as_current_span("call"):
            pass
    assert "fake-bluejay[otlp]" in caplog.text
