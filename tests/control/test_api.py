"""The control API, over a socket: what it does to a fake, and what it says to whoever asks for what cannot be."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import openapi_spec_validator
import pytest
from pydantic import TypeAdapter

from fake_bluejay import FakeBluejay
from fake_bluejay.agents import silent
from fake_bluejay.calls import Call, no_answer
from fake_bluejay.control.openapi import document
from fake_bluejay.control.operations import OPERATIONS
from tests.thoroughness import absent

KEY = "a-key-that-nobody-may-see"


@pytest.fixture
def fake() -> Iterator[FakeBluejay]:
    fake = FakeBluejay(api_keys=[KEY])
    yield fake
    fake.stop()


@pytest.fixture
def control(fake: FakeBluejay) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{fake.url}/_fake") as client:
        yield client


def end(fake: FakeBluejay, *ids: int) -> httpx.Response:
    return httpx.post(f"{fake.base_url}/end-conversations", json={"test_result_ids": ids}, headers={"X-API-Key": KEY})


def test_a_test_result_from_its_adding_to_its_end(fake: FakeBluejay, control: httpx.Client) -> None:
    added = control.post("/test-results", json={"agent": "silent", "simulation_run_id": 7, "organisation": "default"})
    assert added.status_code == 201
    assert (added.json()["id"], added.json()["fields"]) == (1, {"simulation_run_id": 7})
    end(fake, 1)
    marked = control.get("/test-results/1").json()
    assert marked["watchdog"] == {"armed_at": "2026-01-01T00:00:00.000000Z", "due": "2026-01-01T00:00:30.000000Z"}
    assert [(one["id"], one["by"]) for one in marked["controls"]] == [(1, None)]
    assert control.post("/clock/advance", json={"seconds": 12}).json()["now"] == "2026-01-01T00:00:12.000000Z"
    assert control.post("/clock/advance", json={"next": True}).json()["now"] == "2026-01-01T00:00:30.000000Z"
    ended = control.get("/test-results/1").json()
    assert (ended["status"], ended["watchdog"], ended["controls"][0]["by"]) == ("SYSTEM_ERROR", None, "watchdog")
    assert control.post("/clock/advance", json={"to": "2026-01-01T01:01:00+01:00"}).json()["pending"] == 0
    assert (fake.test_result(1).status, fake.test_result(1).error_code) == ("SYSTEM_ERROR", "END_SIGNAL_TIMEOUT")
    assert control.delete("/test-results/1").json() == {"removed": 1}
    assert control.get("/test-results").json() == fake.test_results == []


def test_runs_are_listed_with_their_counts(fake: FakeBluejay, control: httpx.Client) -> None:
    assert control.get("/runs").json() == []
    simulation = fake.add_simulation(digital_humans=60).id
    fake.calls.next(Call(passes=False), no_answer())
    fake.queue_run(simulation)
    fake.clock.advance(3600)
    fake.queue_run(simulation)
    second, first = control.get("/runs").json()
    assert first == {
        "id": 1,
        "organisation": "default",
        "simulation_id": simulation,
        "agent_id": 1,
        "created_at": "2026-01-01T00:00:00.000000Z",
        "status": "COMPLETED",
        "total": 60,
        "passed": 58,
        "failed": 2,
        "cancelled": 0,
        "test_results": list(range(1, 51)),
    }
    assert (second["id"], second["status"], second["passed"]) == (2, "RUNNING", 0)
    assert [one["id"] for one in control.get("/runs?order=oldest&limit=1").json()] == [1]
    assert [one["id"] for one in control.get("/runs?after=1").json()] == [2]


def test_many_at_once_are_found_and_paged(fake: FakeBluejay, control: httpx.Client) -> None:
    added = control.post("/test-results", json={"count": 25, "agent": "silent"}).json()
    assert [one["id"] for one in added] == list(range(1, 26))
    fake.add_test_result(status="QUEUED", simulation_run_id=99)

    def found(**query: Any) -> tuple[list[int], str]:
        answer = control.get("/test-results", params=query)
        return [one["id"] for one in answer.json()], answer.headers["x-total-count"]

    assert found() == (list(range(1, 27)), "26")
    assert found(status="QUEUED,READY") == ([26], "1")
    assert found(q="silent", offset=20, limit=3) == ([21, 22, 23], "25")
    assert found(order="newest", limit=2) == ([26, 25], "26")
    assert found(q="99 queued") == ([26], "1")
    assert found(q="#2") == ([2], "1")
    assert found(after=24) == ([25, 26], "2")
    assert found(organisation="default", limit=1) == ([1], "26")


def test_one_of_the_organisations_that_share_a_world(fake: FakeBluejay, control: httpx.Client) -> None:
    fake.add_organisation("acme", "acme-key")
    of_acme = {"organisation": "acme"}
    assert control.post("/test-results", params=of_acme, json={"id": -5}).json()["organisation"] == "acme"
    mine = control.post("/test-results", params=of_acme, json={"organisation": "default"}).json()
    assert mine["organisation"] == "default"
    assert [one["id"] for one in control.get("/test-results", params=of_acme).json()] == [-5]
    assert control.get("/test-results/-5").json()["id"] == -5


def test_change_applies_as_a_whole_or_not_at_all(fake: FakeBluejay, control: httpx.Client) -> None:
    fake.add_test_result(result={"all": "fine"}, latency={"p50": 3})
    before = fake.dump()
    for change in (
        {"agent": "silent", "status": "QUEUED"},
        {"agent": "sleepy", "status": "COMPLETED", "force": True},
        {"fields": {"colour": "red"}, "status": "CONVERSATION_ENDED"},
        {"fields": {"latency": "long"}, "status": "CONVERSATION_ENDED"},
        {"status": "CONVERSATION_ENDED", "forced": True},
    ):
        assert control.patch("/test-results/1", json=change).status_code == 400
        assert fake.dump() == before
    changed = control.patch(
        "/test-results/1",
        json={"status": "QUEUED", "force": True, "agent": "silent", "fields": {"latency": None, "tags": ["a"]}},
    ).json()
    assert (changed["status"], changed["agent"], changed["fields"]) == (
        "QUEUED",
        "silent",
        {"result": {"all": "fine"}, "tags": ["a"]},
    )
    assert control.patch("/test-results/1", json={"agent": None}).json()["agent"] is None
    assert control.patch("/test-results/1", json={"status": "DISPATCHED"}).json()["history"][-1]["event"] == "dispatch"


@pytest.mark.parametrize(
    ("new", "message"),
    [
        ({"duration": "long"}, "a test result's duration: "),
        ({"evaluations": [{"goal_success": "perhaps"}]}, "a test result's evaluations.0.goal_success: "),
        ({"tool_calls": [{"name": 5}]}, "a test result's tool_calls.0.ToolCall.name: "),
        ({"tool_calls": [{"nam": "x"}]}, "unknown field of a test result's tool_calls: 'nam'; did you mean 'name'?"),
        ({"call": {"end": []}}, "unknown end of a call '[]'"),
        ({"call": {"transcript": 5}}, "a call's transcript is a list of objects, not 5"),
        ({"call": {"transcript": [{"speaker": "USER"}]}}, "a call's transcript.0.start_offset_ms: "),
        ({"call": {"passes": "perhaps"}}, "a call's passes is true or false, not 'perhaps'"),
        ({"call": {"error_code": 7}}, "a call's error_code is a text, not 7"),
    ],
)
def test_value_that_no_answer_could_show_is_refused(
    fake: FakeBluejay, control: httpx.Client, new: dict[str, Any], message: str
) -> None:
    answer = control.post("/test-results", json=new)
    assert answer.status_code == 400
    assert message in answer.json()["detail"]
    assert fake.test_results == []


def test_events_by_hand(fake: FakeBluejay, control: httpx.Client) -> None:
    fake.add_test_results(2)
    end(fake, 1)
    ended = control.post("/test-results/1/events", json={"event": "end"}).json()
    assert (ended["status"], ended["history"][-1]["cause"]) == ("CONVERSATION_ENDED", "agent")
    assert ended["controls"][0]["by"] == "agent"
    by_test = control.post("/test-results/2/events", json={"event": "drop", "cause": "test"}).json()
    assert (by_test["status"], by_test["history"][-1]["cause"]) == ("CALL_DROPPED", "test")


def test_the_clock_changes_its_pace_and_keeps_its_time(fake: FakeBluejay, control: httpx.Client) -> None:
    fake.clock.advance(100)
    paused = control.patch("/clock", json={"mode": "real", "speed": 60, "paused": True}).json()
    assert (paused["mode"], paused["paused"], paused["speed"]) == ("real", True, 0)
    assert paused["now"] == "2026-01-01T00:01:40.000000Z"
    assert control.get("/clock").json()["now"] == paused["now"]
    on = control.patch("/clock", json={"paused": False}).json()
    assert (on["paused"], on["speed"]) == (False, 60)
    assert control.patch("/clock", json={"paused": True}).json()["paused"]
    assert control.patch("/clock", json={"speed": 10}).json()["speed"] == 10
    assert control.patch("/clock", json={"mode": "real"}).json()["speed"] == 10
    manual = control.patch("/clock", json={"mode": "manual"}).json()
    assert (manual["mode"], manual["speed"]) == ("manual", 0)
    assert control.get("/clock").json()["now"] == manual["now"] > paused["now"]


def test_the_journal_as_data_masks_keys_and_pages(fake: FakeBluejay, control: httpx.Client) -> None:
    fake.add_test_results(3)
    for id in (1, 2, 999):
        end(fake, id)
    httpx.get(f"{fake.base_url}/ping?api_key={KEY}", headers={"Authorization": f"Bearer {KEY}", "Cookie": f"key={KEY}"})
    everything = control.get("/requests")
    assert everything.headers["x-total-count"] == "4"
    first = everything.json()[0]
    assert (first["number"], first["method"], first["path"]) == (1, "POST", "/v1/end-conversations")
    assert first["json"] == {"test_result_ids": [1]}
    assert first["response"]["json"]["ended_count"] == 1
    assert first["headers"]["x-api-key"] == "a-ke…ee"
    assert KEY not in everything.text
    assert [one["number"] for one in control.get("/requests", params={"after": 1, "limit": 2}).json()] == [2, 3]
    assert [one["number"] for one in control.get("/requests", params={"order": "newest", "limit": 1}).json()] == [4]
    assert [one["number"] for one in control.get("/requests", params={"q": "999"}).json()] == [3]
    assert "curl" not in control.get("/requests", params={"brief": True}).json()[0]
    assert control.get("/requests/1").json() == first
    assert control.get("/requests/77").status_code == 404
    assert control.delete("/requests").json() == {"removed": 4}
    assert len(fake.requests) == 0


@pytest.mark.parametrize(
    ("method", "path", "content", "headers"),
    [
        ("POST", "/v1/end-conversations", b'{"test_result_ids": [1, 9]}', {"content-type": "application/json"}),
        (
            "POST",
            "/v1/end-conversations",
            b'{"test_result_ids":\n\t["it\'s $HOME `id` \\"\\\\"]}',
            {"content-type": "application/json"},
        ),
        ("POST", "/v1/end-conversations", b'{"test_result_ids": [1]}', {}),
        ("POST", "/v1/end-conversations", b"@/etc/hostname", {"content-type": "text/plain"}),
        ("POST", "/v1/end-conversations", b"\xff\x00\r\n\xfe", {"content-type": "application/json"}),
        (
            "POST",
            "/v1/end-conversations",
            json.dumps({"test_result_ids": [7] * 60_000}).encode(),
            {"content-type": "application/json"},
        ),
        ("GET", "/v1/retrieve-simulation-result/1?a=%20b&c='d'", b"", {"x-empty": ""}),
        ("GET", "/v1/a%25b%3F%20'c", b"", {}),
        ("PUT", "/v1/end-conversations", b"", {}),
    ],
    ids=["plain", "quotes", "no type", "at sign", "bytes", "long", "query", "percent", "no body"],
)
def test_the_curl_line_repeats_the_request(
    fake: FakeBluejay, control: httpx.Client, method: str, path: str, content: bytes, headers: dict[str, str]
) -> None:
    if shutil.which("curl") is None:
        absent("curl is not there: install it")
    fake.add_test_result(agent=silent())
    sent = httpx.request(method, fake.url + path, content=content, headers={**headers, "X-API-Key": KEY})
    line = control.get("/requests").json()[0]["curl"]
    assert KEY not in line
    done = subprocess.run(
        ["bash"],
        input=line.encode(),
        capture_output=True,
        env={**os.environ, "BLUEJAY_API_KEY": KEY},
        timeout=30,
        check=True,
    )
    assert done.stdout == sent.content
    first, again = fake.requests
    assert (again.method, again.path, again.query, again.content) == (
        first.method,
        first.path,
        first.query,
        first.content,
    )
    assert _without_the_connections_own(again.headers) == _without_the_connections_own(first.headers)


def test_the_curl_line_of_a_long_body_takes_it_from_a_file(fake: FakeBluejay, control: httpx.Client) -> None:
    httpx.post(f"{fake.base_url}/end-conversations", content=b" " * 2_000_000, headers={"X-API-Key": KEY})
    assert (
        control.get("/requests/1").json()["curl"].endswith("--data-binary @FILE  # with the 2000000 bytes of its body")
    )


def _without_the_connections_own(headers: dict[str, str]) -> dict[str, str]:
    own = ("accept-encoding", "connection", "content-length")
    return {name: value for name, value in headers.items() if name not in own}


def test_halves_of_characters_and_nan_are_shown(fake: FakeBluejay, control: httpx.Client) -> None:
    for content in (b'{"test_result_ids": ["\\ud800"]}', b'{"test_result_ids": [NaN]}', b"\xff"):
        httpx.post(
            f"{fake.base_url}/end-conversations",
            content=content,
            headers={"X-API-Key": KEY, "content-type": "application/json"},
        )
    shown = control.get("/requests").json()
    assert [one["json"] for one in shown] == [{"test_result_ids": ["\ud800"]}, None, None]
    assert shown[2]["text"] == "�"


def test_a_fault_armed_here_hits_the_next_request(fake: FakeBluejay, control: httpx.Client) -> None:
    fake.add_test_results(2)
    armed = control.post("/faults", json={"kind": "respond", "status": 503, "json": {"no": 1}, "times": 2})
    assert (armed.status_code, armed.json()["arguments"]) == (201, {"status": 503, "json": {"no": 1}, "headers": None})
    answer = end(fake, 1)
    assert (answer.status_code, answer.json()) == (503, {"no": 1})
    assert control.get("/faults").json()[0]["times"] == 1
    control.post("/faults", json={"kind": "refuse_control_write", "ids": [1], "times": None})
    control.post("/faults", json={"kind": "lose_response", "path": "/v1/ping", "after": 3, "probability": 0.5})
    assert [one["kind"] for one in control.get("/faults").json()] == [
        "respond",
        "refuse_control_write",
        "lose_response",
    ]
    end(fake, 1)
    assert end(fake, 1, 2).json()["failed_ids"] == [1]
    assert control.delete("/faults").json() == {"removed": 2}
    assert not fake.faults


def test_a_limit_and_a_revoked_key_are_a_request_each(fake: FakeBluejay, control: httpx.Client) -> None:
    armed = control.post("/faults", json={"kind": "rate_limit", "count": 1}).json()
    assert (armed["arguments"], armed["times"]) == ({"count": 1, "per": 60.0}, None)
    assert [end(fake, 1).status_code for _ in "12"] == [200, 429]
    control.delete("/faults")
    assert control.post("/organisations/revoked-keys", json={"api_key": KEY}).status_code == 200
    assert end(fake, 1).status_code == 401
    again = control.post("/organisations/revoked-keys", json={"api_key": KEY})
    assert (again.status_code, KEY in again.text) == (400, False)


@pytest.mark.parametrize("kind", [{"kind": "reset"}, {"kind": "garbage"}, {"kind": "truncate", "bytes": 3}])
def test_faults_that_break_the_connection(fake: FakeBluejay, control: httpx.Client, kind: dict[str, Any]) -> None:
    assert control.post("/faults", json=kind).status_code == 201
    with pytest.raises(httpx.TransportError):
        end(fake, 1)
    assert end(fake, 1).status_code == 200


def test_readings_organisations_and_stubs(fake: FakeBluejay, control: httpx.Client) -> None:
    questions = {one["name"]: one for one in control.get("/readings").json()}
    assert questions["success"]["choices"][0] == questions["success"]["default"] == questions["success"]["choice"]
    assert questions["success"]["evidence"]
    assert questions["success"]["question"]
    chosen = control.patch("/readings", json={"success": "always", "no_failed_ids": "empty-list"}).json()
    assert {one["name"] for one in chosen if one["choice"] != one["default"]} == {"success", "no_failed_ids"}
    assert end(fake, 9).json()["success"] is True

    other = control.post("/organisations", json={"name": "other", "api_key": "another-secret-key"})
    assert (other.status_code, other.json()) == (201, {"name": "other", "api_keys": ["anot…ey"]})
    assert KEY not in control.get("/organisations").text
    control.post("/test-results", json={"organisation": "other"})
    assert end(fake, 1).json()["failed_ids"] == [1]

    stub = control.post("/stubs", json={"method": "get", "path": "/v1/agents/{id}", "json": {"id": 5}})
    assert (stub.status_code, stub.json()["status"]) == (201, 200)
    assert httpx.get(f"{fake.base_url}/agents/5").json() == {"id": 5}
    assert control.get("/stubs").json() == [
        {"method": "GET", "path": "/v1/agents/{id}", "status": 200, "json": {"id": 5}}
    ]
    assert control.delete("/stubs").json() == {"removed": 1}


def test_scripts_of_calls(fake: FakeBluejay, control: httpx.Client) -> None:
    began = control.get("/calls").json()
    assert began == {"default": {}, "next": [], "of": {}, "of_ids": {}}
    fake.calls.next(no_answer())
    given = {"default": {"talks_for": 9}, "next": [{"passes": False}], "of": {"2": {"waits": 2}}, "of_ids": {"2": {}}}
    changed = control.patch("/calls", json=given).json()
    assert changed == {**given, "next": [no_answer().as_dict(), {"passes": False}]} == control.get("/calls").json()
    assert (fake.calls.default, fake.world.calls_of) == (Call(talks_for=9), {"2": Call(waits=2), 2: Call()})
    assert control.delete("/calls").json() == {"removed": 4}
    assert control.get("/calls").json() == began


def test_the_state_goes_out_and_in_again(fake: FakeBluejay, control: httpx.Client) -> None:
    fake.add_test_result(agent=silent())
    end(fake, 1)
    fake.clock.advance(10)
    saved = control.get("/state").json()
    fake.clock.advance(60)
    assert control.put("/state", json=saved).json()["clock"]["now"] == "2026-01-01T00:00:10.000000Z"
    assert control.get("/state").json() == saved
    fake.clock.advance(20)
    assert fake.test_result(1).history[-1].cause == "watchdog"
    now = control.get("/state").json()
    for broken in ({}, {**saved, "timers": 5}, {**saved, "format": 9}):
        assert control.put("/state", json=broken).status_code == 400
    assert control.get("/state").json() == now
    assert control.post("/reset", json={}).json()["pending"] == 0
    assert fake.test_results == []


def test_marking_from_here_is_a_request_like_any_other(fake: FakeBluejay, control: httpx.Client) -> None:
    fake.add_organisation("other", "another-secret-key")
    fake.add_test_result(organisation="other")
    answer = control.post("/end-conversations", json={"test_result_ids": [1, "x"]}).json()
    assert answer["status_code"] == 422
    answer = control.post("/end-conversations", json={"test_result_ids": [1]}).json()
    assert json.loads(answer["text"])["test_result_ids"] == [1]
    fake.assert_requested("POST", "/v1/end-conversations", times=2)
    assert "another-secret-key" not in control.get("/requests").text


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "detail"),
    [
        ("POST", "/test-results", {"id": 1}, 400, "id 1 is taken; there are: 1"),
        ("PATCH", "/clock", {"speed": 1e18}, 400, "a clock's speed is a number from 0 to 1,000,000, not 1e+18"),
        ("POST", "/test-results", {"status": "RUNING"}, 400, "unknown status 'RUNING'; did you mean 'RUNNING'?"),
        ("POST", "/test-results", {"agent": 5}, 400, "agent: a string is needed, not 5"),
        ("POST", "/test-results", {"id": True}, 400, "id: an integer is needed, not True"),
        ("POST", "/test-results", {"statsu": "RUNNING"}, 400, "a test result 'statsu'; did you mean 'status'?"),
        ("POST", "/test-results", {"cuont": 2}, 400, "a test result 'cuont'; did you mean 'count'?"),
        ("POST", "/test-results", {"colour": 1}, 400, "unknown field of a test result 'colour'"),
        ("POST", "/test-results", {"count": 20_000}, 400, "less than or equal to 10000, not 20000"),
        ("POST", "/test-results", {"count": 2, "id": 5}, 400, "give an id or a count, not both"),
        ("POST", "/test-results", {"organisation": "x"}, 400, "unknown organisation 'x'; known: default"),
        ("POST", "/test-results", [], 400, "must be a JSON object, not list"),
        ("POST", "/test-results", b"{", 400, "the body is not JSON"),
        ("POST", "/test-results", b'{"id": NaN}', 400, "NaN is no JSON"),
        ("POST", "/test-results", b'{"id": 7, "id": 8}', 400, "'id' is there twice, and only one of them could count"),
        ("POST", "/stubs", b'{"method": "GET", "path": "/x", "json": {"a": 1, "a": 2}}', 400, "'a' is there twice"),
        ("GET", "/test-results?status=RUNNING&status=QUEUED", None, 400, "'status' is there twice"),
        ("POST", "/test-results", b"[" * 100_000, 400, "the body is not JSON"),
        ("GET", "/test-results?statuz=RUNNING", None, 400, "unknown parameter 'statuz'; did you mean 'status'?"),
        ("GET", "/test-results?limit=x", None, 400, "limit: an integer is needed, not 'x'"),
        ("GET", "/test-results?status=NONE", None, 400, "unknown status 'NONE'"),
        ("GET", "/test-results/77", None, 404, "there is no test result 77; there are: 1"),
        ("GET", "/test-results/x", None, 404, "there is no test result 'x'"),
        ("GET", f"/test-results/{'9' * 5000}", None, 404, "there is no test result"),
        ("GET", "/test-results/-5", None, 404, "there is no test result -5; there are: 1"),
        ("GET", "/test-results?organisation=x", None, 404, "unknown organisation 'x'; known: default"),
        ("POST", "/test-results", {"organisation": ""}, 400, "unknown organisation ''; known: default"),
        ("DELETE", "/faults?kind=delay", None, 400, "unknown parameter 'kind'; known: organisation"),
        (
            "DELETE",
            "/requests?organisation=default",
            None,
            400,
            "'default' shares its world with others, so DELETE req",
        ),
        ("POST", "/clock/advance?organisation=default", {"seconds": 1}, 400, "leave the organisation out"),
        ("POST", "/reset?organisation=x", None, 404, "unknown organisation 'x'"),
        (
            "PUT",
            "/state",
            {"format": 1, "own_worlds": []},
            400,
            "own_worlds: this was saved by a server that has worlds",
        ),
        (
            "PUT",
            "/state",
            {"format": 1, "timer": []},
            400,
            "timer: unknown name in a dump 'timer'; did you mean 'timers'",
        ),
        ("PATCH", "/test-results/1", {"status": "QUEUED"}, 400, "no move leads from RUNNING to QUEUED"),
        ("PATCH", "/test-results/1", {"statis": "QUEUED"}, 400, "did you mean 'status'?"),
        ("POST", "/test-results/1/events", {"event": "ende"}, 400, "unknown event 'ende'; did you mean 'end'?"),
        ("POST", "/test-results/1/events", {"event": "queue"}, 400, "queue is not legal now; from RUNNING the legal"),
        ("POST", "/test-results/1/events", {"event": "force"}, 400, "unknown event 'force'"),
        ("POST", "/test-results/1/events", {}, 400, "event: missing; known: event, cause"),
        ("PATCH", "/clock", {}, 400, 'expected some of {"mode"'),
        ("PATCH", "/clock", {"mode": "fast"}, 400, "mode: input should be 'manual' or 'real', not 'fast'"),
        ("PATCH", "/clock", {"paused": True}, 400, "the clock is manual, so it is never paused"),
        ("PATCH", "/clock", {"mode": "manual", "speed": 2}, 400, "a manual clock has no speed"),
        ("PATCH", "/clock", {"speed": -1}, 400, "speed: input should be greater than or equal to 0, not -1"),
        ("POST", "/clock/advance", {"seconds": -1}, 400, "cannot advance by -1"),
        ("POST", "/clock/advance", {"seconds": 1, "to": None}, 400, 'expected {"seconds": number}'),
        ("POST", "/clock/advance", {"to": "2025-01-01T00:00:00Z"}, 400, "cannot advance to 2025"),
        ("POST", "/clock/advance", {"to": "2027-01-01T00:00:00"}, 400, "to: a moment with its time zone"),
        ("POST", "/clock/advance", {"seconds": 1e300}, 400, "beyond"),
        ("POST", "/clock/advance", {"next": True}, 400, "no timer is pending"),
        ("POST", "/faults", {"kind": "respnd"}, 400, "unknown kind 'respnd'; did you mean 'respond'?"),
        ("POST", "/faults", {"status": 503}, 400, "kind: missing; known: billing, delay"),
        ("POST", "/faults", {"kind": "respond", "status": 99}, 400, "an integer from 200 to 599, not 99"),
        ("POST", "/faults", {"kind": "delay", "second": 1}, 400, "unknown field 'second'; did you mean 'seconds'?"),
        ("POST", "/faults", {"kind": "reset", "times": 0}, 400, "times is an integer, at least 1"),
        ("POST", "/faults", {"kind": "billing", "code": "NONE"}, 400, "unknown billing code 'NONE'"),
        ("POST", "/faults", {"kind": "rate_limit", "count": 0}, 400, "an integer of at least 1, not 0"),
        ("POST", "/faults", {"kind": "rate_limit", "count": 1, "per": 0}, 400, "a number of seconds from 0.001"),
        ("POST", "/faults", {"kind": "rate_limit", "count": 1, "times": 0}, 400, "times is an integer, at least 1"),
        ("POST", "/organisations/revoked-keys", {"api_key": ""}, 400, "api_key"),
        ("PATCH", "/readings", {"sucess": "always"}, 400, "unknown reading 'sucess'; did you mean 'success'?"),
        ("PATCH", "/readings", {"success": "alway"}, 400, "did you mean 'always'?"),
        ("PATCH", "/readings", {"success": True}, 400, "success: a string is needed, not True"),
        (
            "POST",
            "/organisations",
            {"name": "default", "api_key": "x"},
            400,
            "there is an organisation 'default' already",
        ),
        ("POST", "/organisations", {"name": "new", "api_key": "k", "world": "own"}, 400, "one world for all"),
        ("POST", "/organisations", {"name": "new", "api_keys": "k"}, 400, "api_keys: a list is needed, not a str"),
        ("POST", "/organisations", {"name": "new"}, 400, 'expected {"name": …, "api_key": …}'),
        (
            "POST",
            "/organisations",
            {"name": "new", "api_key": KEY},
            400,
            "belongs to the organisation 'default' already",
        ),
        ("POST", "/simulations", {"digital_humans": [9]}, 404, "there is no digital human 9"),
        ("POST", "/simulations", {"digital_humans": 10**9}, 400, "digital_humans is how many, at most 10,000, or"),
        ("POST", "/digital-humans", {"simulation_ids": 5}, 400, "simulation_ids is a list of integers"),
        ("POST", "/digital-humans", {"simulation_ids": [9]}, 400, "unknown simulation 9; known: none"),
        ("POST", "/agents", {"self": 1}, 400, "unknown field of an agent 'self'"),
        ("PATCH", "/organisations", {"require_known_keys": 1}, 400, "require_known_keys: "),
        (
            "PATCH",
            "/calls",
            {"default": {"passes": False}, "next": [{}], "of": {"Ben": {"wait": 3}}},
            400,
            "unknown field of a call 'wait'; did you mean 'waits'?",
        ),
        ("PATCH", "/calls", {"next": [{}, {"transcript": [{"speaker": "USER"}]}]}, 400, "a call's transcript.0.start"),
        ("PATCH", "/calls", {"of": {"": {}}}, 400, "of..[key]: string should have at least 1 character, not ''"),
        ("PATCH", "/calls", {"of_ids": {"Ben": {}}}, 400, "of_ids.Ben.[key]: an integer is needed, not 'Ben'"),
        ("PATCH", "/calls", {"of_ids": {"0": {}}}, 400, "greater than 0, not '0'"),
        ("POST", "/stubs", {"method": "FETCH", "path": "/x"}, 400, "unknown method 'FETCH'"),
        ("POST", "/stubs", {"method": "GET", "path": "/_fake/state"}, 400, "what is under /_fake answers for itself"),
        ("POST", "/stubs", {"method": "GET", "path": "x"}, 400, "a path starts with a slash"),
        ("GET", "/nothing", None, 404, "Not Found: there is nothing at /_fake/nothing"),
        ("DELETE", "/events", None, 405, "Method Not Allowed"),
    ],
)
def test_bad_input_is_named_and_changes_nothing(
    fake: FakeBluejay, control: httpx.Client, method: str, path: str, body: Any, status: int, detail: str
) -> None:
    fake.add_test_result()
    before = fake.dump()
    given = {"content": body} if isinstance(body, bytes) else {} if body is None else {"json": body}
    answer = control.request(method, path, **given)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    assert list(answer.json()) == ["detail"]
    assert detail in answer.json()["detail"]
    assert fake.dump() == before
    assert not fake.faults
    assert fake.service.stubs.as_list() == []


def test_a_method_that_a_path_has_not(control: httpx.Client) -> None:
    answer = control.put("/test-results")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")
    assert "which takes GET, HEAD, POST" in answer.json()["detail"]
    assert control.get("/reset").headers["allow"] == "POST"
    head = control.head("/health")
    assert (head.status_code, head.content) == (200, b"")


def test_a_bug_of_the_fake_is_an_answer_too(
    fake: FakeBluejay, control: httpx.Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(fake.service.stubs, "as_list", lambda: 1 / 0)
    answer = control.get("/stubs")
    assert (answer.status_code, answer.json()["detail"][:16]) == (500, "the fake failed;")
    assert "ZeroDivisionError" in caplog.text


def test_every_answer_is_as_the_document_says(fake: FakeBluejay, control: httpx.Client) -> None:
    fake.add_test_result(agent=silent())
    fake.faults.delay(1, path="/v1/ping")
    fake.stub("GET", "/v1/traces", json=[1])
    fake.webhooks.add(lambda request: None)
    fake.add_agent()
    end(fake, 1)
    fake.add_test_result(status="EVALUATING")  # of which webhooks are told
    fake.clock.advance(31)
    fake.queue_run(fake.add_simulation())
    for operation in OPERATIONS:
        if operation.method == "GET":
            answer = control.get("/" + operation.path.format(id=1, name="agents")).json()
            model = TypeAdapter(operation.gives)
            documented = model.dump_python(model.validate_python(answer), by_alias=True, mode="json")
            sent, named = (answer[0], documented[0]) if isinstance(answer, list) else (answer, documented)
            assert set(sent) == set(named), operation.path


def test_the_document_is_whole(control: httpx.Client) -> None:
    served = control.get("/openapi.json").json()
    openapi_spec_validator.validate(served)
    assert served == document()
    schemas = served["components"]["schemas"]

    def references(part: Any) -> Iterator[str]:
        if isinstance(part, dict):
            if isinstance(part.get("$ref"), str):
                yield part["$ref"]
            for value in part.values():
                yield from references(value)
        elif isinstance(part, list):
            for value in part:
                yield from references(value)

    assert {one.rpartition("/")[2] for one in references(served)} <= set(schemas)
    for path, methods in {
        "health": "get", "state": "get put", "reset": "post", "test-results": "get post",
        "test-results/{id}": "get patch delete", "test-results/{id}/events": "post", "clock": "get patch",
        "clock/advance": "post", "requests": "get delete", "faults": "get post delete", "readings": "get patch",
        "organisations": "get post", "calls": "get patch delete", "stubs": "get post delete", "webhooks": "get post",
        "webhooks/{id}": "patch delete", "deliveries": "get post", "irregularities": "post", "transitions": "get",
        "events": "get",
    }.items():  # fmt: skip
        assert set(methods.split()) <= set(served["paths"][f"/_fake/{path}"]), path
    [id] = [one for one in served["paths"]["/_fake/webhooks/{id}"]["delete"]["parameters"] if one["name"] == "id"]
    assert id["schema"] == {"type": "string"}
    assert all(operation["summary"] for methods in served["paths"].values() for operation in methods.values())


def test_the_transition_table(control: httpx.Client) -> None:
    table = control.get("/transitions").json()
    assert {"from": "RUNNING", "event": "end", "to": "CONVERSATION_ENDED"} in table["transitions"]
    completed = {"final": True, "label": "Completed", "group": "final", "tone": "done", "error_codes": []}
    assert {"name": "COMPLETED", **completed} in table["statuses"]
    [pending] = [one for one in table["statuses"] if one["name"] == "CONVERSATION_ENDED"]
    assert (pending["final"], pending["label"]) == (False, "Evaluation Pending")


def test_a_call_that_goes_on_by_itself(fake: FakeBluejay, control: httpx.Client) -> None:
    added = control.post("/test-results", json={"status": "QUEUED", "call": {"waits": 3, "talks_for": None}}).json()
    assert (added["call"], added["run"]) == ({"waits": 3, "talks_for": None}, None)
    control.post("/clock/advance", json={"seconds": 5})
    assert fake.test_result(1).status == "RUNNING"
    refused = control.post("/test-results", json={"call": {"wait": 3}})
    assert (refused.status_code, "did you mean 'waits'?" in refused.json()["detail"]) == (400, True)
