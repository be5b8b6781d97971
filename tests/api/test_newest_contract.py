"""The contract of the documentation of September 2026 and of bluejay-sdk 0.3.6, in process and on a socket."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter

from fake_bluejay import FakeBluejay
from fake_bluejay.agents import silent
from fake_bluejay.bluejay.modules import operations
from fake_bluejay.calls import Call
from fake_bluejay.http.operation import Operation

HUMAN = {"intent": "Ask.", "success_criteria": "It is answered."}
AGENT = {"name": "Ann", "system_prompt": "Be kind.", "goals": []}
ONE, OTHER = "6b1e7a52-26f3-4d6c-8a1f-0d2c3f4b5a69", "0b0f4f3e-6a0f-4f0e-9d53-9a6f2f0d5b11"


@pytest.fixture
def fake() -> Iterator[FakeBluejay]:
    with FakeBluejay() as fake:
        yield fake


@pytest.fixture(params=["in process", "on a socket"])
def http(request: pytest.FixtureRequest, fake: FakeBluejay) -> Iterator[httpx.Client]:
    headers = {"X-API-Key": fake.api_key}
    in_process = request.param == "in process"
    with fake.client(headers=headers) if in_process else httpx.Client(base_url=fake.url, headers=headers) as client:
        yield client


class Ask:
    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def __call__(self, method: str, path: str, json: Any = None, status: int = 200) -> Any:
        response = self.http.request(method, f"/v1/{path}", json=json)
        assert response.status_code == status, response.text
        return response.json()


@pytest.fixture
def ask(http: httpx.Client) -> Ask:
    return Ask(http)


# --- simulation results ----------------------------------------------------------------------------------------------


def ids(page: Any) -> list[int]:
    return [one["id"] for one in page["simulation_results"]]


def test_results_of_a_run_come_in_pages_the_oldest_first(fake: FakeBluejay, ask: Ask) -> None:
    run = fake.queue_run(fake.add_simulation(digital_humans=103)).id
    path = f"retrieve-simulation-results/{run}"
    page = ask("GET", path)
    assert ids(page) == list(range(1, 101))
    assert page["simulation_run"]["total_tests"] == 103
    assert ids(ask("GET", f"{path}?limit=1")) == [1]
    assert ids(ask("GET", f"{path}?limit=2&offset=101")) == [102, 103]
    assert ids(ask("GET", f"{path}?offset=103")) == []
    for query in ("limit=0", "limit=101", "offset=-1", "limit=x"):
        assert ask("GET", f"{path}?{query}", status=422)["detail"][0]["loc"] == ["query", query.partition("=")[0]]
    fake.readings.set(contract="sdk-0.3.6")
    assert len(ids(ask("GET", path))) == 103


def test_results_can_be_asked_for_by_their_issues(fake: FakeBluejay, ask: Ask) -> None:
    run = fake.queue_run(fake.add_simulation(digital_humans=3)).id
    fake.world.edit(1, fields={"issue_ids": ["a"]})
    fake.world.edit(2, fields={"issue_ids": ["a", "b"]})
    path = f"retrieve-simulation-results/{run}"
    assert ids(ask("GET", f"{path}?issue_ids=a")) == [1, 2]
    assert ids(ask("GET", f"{path}?issue_ids=b&issue_ids=c")) == [2]
    assert ids(ask("GET", f"{path}?issue_ids=c")) == []


def test_a_result_has_metrics_and_traces_and_its_evaluation_what_people_changed(fake: FakeBluejay, ask: Ask) -> None:
    metric = {"name": "tone", "description": "How", "response_type": "text", "response_value": "kind"}
    fake.calls.default = Call(custom_metrics=(metric,), tool_calls=({"name": "book", "start_offset_ms": 0},))
    run = fake.queue_run(fake.add_simulation()).id
    fake.clock.advance(3600)
    result = ask("GET", "retrieve-simulation-result/1")["simulation_result"]
    assert [one["response_value"] for one in result["custom_metrics"]] == ["kind"]
    built_in = {one["name"]: one["value"] for one in result["metrics"]}
    assert (built_in["duration"], built_in["success"]) == (result["duration"], True)
    assert built_in["p90_agent_latency"] == result["evaluations"][0]["latency"]["p90_agent_latency"]
    assert [one["name"] for one in result["tool_calls"]] == ["book"]
    assert result["trace_ids"] is None
    [evaluation] = result["evaluations"]
    unknown = ("sentiment_", "human_", "override_", "last_edited_", "predicted_", "customer_", "gender_", "detected_")
    newer = [name for name in evaluation if name.startswith(unknown) or name.endswith(("_clarity", "_confidence"))]
    assert len(newer) == 29
    assert {evaluation[name] for name in newer} == {None}
    [listed] = ask("GET", f"retrieve-simulation-results/{run}")["simulation_results"]
    assert (listed["metrics"], listed["tool_calls"]) == (None, None)
    assert listed["evaluations"][0]["custom_metrics"] == result["evaluations"][0]["custom_metrics"]
    fake.readings.set(listed_results="full")
    assert ask("GET", f"retrieve-simulation-results/{run}")["simulation_results"] == [result]


@pytest.mark.parametrize(
    ("fields", "reached"),
    [
        ({}, None),
        ({"sip_uri": "sip:a@example.com", "phone_number": "+15555550100"}, "SIP"),
        ({"dynamic_sip_webhook_url": "https://example.com"}, "SIP"),
        ({"websocket_url": "wss://example.com"}, "WEBSOCKET"),
        ({"phone_number": "+15555550100"}, "PHONE"),
        ({"phone_number": "+15555550100", "mode": "TEXT"}, "SMS"),
        ({"phone_number": "+15555550100", "connection_type": "LIVEKIT"}, "LIVEKIT"),
    ],
)
def test_connection_type_of_a_new_agent_follows_from_the_field_that_it_has(
    fake: FakeBluejay, ask: Ask, fields: Any, reached: str | None
) -> None:
    body = {"name": "Ann", "system_prompt": "", "goals": [], "knowledge_base": "", **fields}
    id = ask("POST", "add-agent", body)["agent_id"]
    agent = ask("GET", f"agents/{id}")
    assert {**agent, **fields, "connection_type": reached} == agent
    fake.readings.set(contract="openapi-2026-04-30")
    id = ask("POST", "add-agent", body)["agent_id"]
    assert ask("GET", f"agents/{id}")["connection_type"] == fields.get("connection_type")


# --- update-simulation-result ----------------------------------------------------------------------------------------


def reported(ask: Ask, body: Any, status: int = 200) -> Any:
    return ask("POST", "update-simulation-result", body, status)


def tools(ask: Ask, id: int = 1) -> list[str]:
    groups = ask("GET", f"retrieve-simulation-result/{id}")["simulation_result"]["tool_calls"] or []
    return [one["name"] for one in groups for _ in one["actual"]]


def test_a_second_report_adds_to_the_first(fake: FakeBluejay, ask: Ask) -> None:
    fake.add_test_result()
    for name, trace in (("book", "t1"), ("book", "t2"), ("pay", "t2")):
        reported(
            ask,
            {
                "simulation_result_id": "1",
                "tool_calls": [{"name": name, "start_offset_ms": 1}],
                "events": [{"title": name, "start_offset_ms": 1}],
                "trace_ids": [trace],
                "tags": [name],
                "metadata": {name: 1},
            },
        )
    assert tools(ask) == ["book", "book", "pay"]
    result = ask("GET", "retrieve-simulation-result/1")["simulation_result"]
    assert [one["title"] for one in result["events"]] == ["book", "book", "pay"]
    assert result["trace_ids"] == ["t1", "t2"]
    fields = fake.test_result(1).fields
    assert (fields["tags"], fields["metadata"]) == (["book", "pay"], {"book": 1, "pay": 1})
    fake.readings.set(reported_later="replaces")
    reported(ask, {"simulation_result_id": "1", "tool_calls": [{"name": "end", "start_offset_ms": 1}]})
    assert tools(ask) == ["end"]


def test_a_report_adds_to_tool_calls_that_a_test_has_given_compared(fake: FakeBluejay, ask: Ask) -> None:
    fake.add_test_result(tool_calls=[{"name": "book", "actual": [{"output": 1}]}])
    for _ in "12":
        reported(ask, {"simulation_result_id": "1", "tool_calls": [{"name": "book", "start_offset_ms": 1}]})
        tools(ask)
    assert tools(ask) == ["book"] * 3


@pytest.mark.parametrize("choice", ["cleared", "kept"])
def test_traces_that_come_before_the_evaluation_is_over(fake: FakeBluejay, ask: Ask, choice: str) -> None:
    fake.readings.set(traces_while_evaluated=choice)
    fake.add_test_result(status="EVALUATING")
    report = {"simulation_result_id": "1", "trace_ids": ["t"]}
    reported(ask, report)
    fake.clock.advance(600)
    result = ask("GET", "retrieve-simulation-result/1")["simulation_result"]
    assert (result["status"], result["trace_ids"]) == ("COMPLETED", None if choice == "cleared" else ["t"])
    reported(ask, report)
    assert ask("GET", "retrieve-simulation-result/1")["simulation_result"]["trace_ids"] == ["t"]


def finished(fake: FakeBluejay, *lengths: float, said: str | None = None) -> None:
    """Calls that began at the same time, ended after so many seconds, and are scored."""
    for length in lengths:
        words = None if said is None else (spoken(said),)
        fake.add_test_result(status="DISPATCHED", call=Call(talks_for=length, transcript=words))
    fake.clock.advance(3600)
    assert {one.status for one in fake.test_results} == {"COMPLETED"}


def spoken(utterance: str) -> Any:
    return {"start_offset_ms": 0, "end_offset_ms": 1, "speaker": "USER", "utterance": utterance}


def window(fake: FakeBluejay, id: int = 1, *, start: float = 0, end: float = 0, duration: float = 0) -> dict[str, Any]:
    """Return the start, end and duration of a call, each off by so many seconds."""
    result = fake.test_result(id)
    assert result.start_time is not None
    assert result.end_time is not None
    return {
        "start_time": (result.start_time + timedelta(seconds=start)).isoformat(),
        "end_time": (result.end_time + timedelta(seconds=end)).isoformat(),
        "duration": (result.end_time - result.start_time).total_seconds() + duration,
    }


@pytest.mark.parametrize(
    ("off", "status"),
    [
        ({}, 200),
        ({"start": 90, "end": -90}, 200),
        ({"start": 91}, 404),
        ({"end": -91}, 404),
        ({"duration": 5}, 200),
        ({"duration": 6}, 404),
        ({"duration": -5}, 200),
    ],
)
def test_a_report_without_an_id_finds_its_call_by_its_times(
    fake: FakeBluejay, ask: Ask, off: dict[str, float], status: int
) -> None:
    finished(fake, 40)
    reported(ask, {**window(fake, **off), "tags": ["x"]}, status)
    assert fake.test_result(1).fields.get("tags") == (["x"] if status == 200 else None)


def test_a_long_call_may_be_off_by_a_tenth(fake: FakeBluejay, ask: Ask) -> None:
    finished(fake, 100)
    reported(ask, window(fake, duration=11))
    reported(ask, window(fake, duration=12), 404)


def test_the_only_call_of_a_time_is_the_one_if_its_words_are(fake: FakeBluejay, ask: Ask) -> None:
    finished(fake, 40, said="I want to book a table for two on Friday")
    tags = {"tags": ["x"]}
    the_one = {**window(fake), **tags, "recorded_transcript": [spoken("I WANT to book a table, for two; on Friday!")]}
    reported(ask, the_one)
    assert fake.test_result(1).fields["tags"] == ["x"]
    reported(ask, {**the_one, "recorded_transcript": [spoken("Something else altogether")]}, 409)


def test_several_calls_of_one_time_and_no_way_to_tell(fake: FakeBluejay, ask: Ask) -> None:
    for words in ("I want to book a table", "Where is my parcel, please"):
        fake.add_test_result(status="DISPATCHED", call=Call(talks_for=40, transcript=(spoken(words),)))
    fake.clock.advance(3600)
    reported(ask, {**window(fake), "tags": ["x"]}, 409)
    reported(ask, {**window(fake), "recorded_transcript": [spoken("Nothing of the kind")], "tags": ["x"]}, 409)
    assert not any("tags" in one.fields for one in fake.test_results)
    reported(ask, {**window(fake), "recorded_transcript": [spoken("where is my parcel please")], "tags": ["x"]})
    assert [one.fields.get("tags") for one in fake.test_results] == [None, ["x"]]


def test_a_call_whose_transcript_is_not_stored_yet_is_a_conflict(fake: FakeBluejay, ask: Ask) -> None:
    fake.add_test_result(agent=silent()).end()
    reported(ask, {**window(fake), "recorded_transcript": [spoken("Hello")]}, 409)


def test_another_organisations_call_is_not_found_by_its_times(fake: FakeBluejay, ask: Ask) -> None:
    fake.add_organisation("others", "other-key")
    fake.add_test_result(organisation="others").end()
    reported(ask, window(fake), 404)


@pytest.mark.parametrize("body", [{}, {"tags": []}, {"start_time": "2026-01-01T00:00:00Z", "duration": 3}])
def test_a_report_that_is_for_no_call_is_refused(ask: Ask, body: Any) -> None:
    [error] = reported(ask, body, 422)["detail"]
    assert (error["loc"], error["input"]) == (["body"], body)
    assert "start_time, end_time and duration" in error["msg"]


@pytest.mark.parametrize("contract", ["sdk-0.3.6", "openapi-2026-04-30"])
def test_older_contracts_want_an_id(fake: FakeBluejay, ask: Ask, contract: str) -> None:
    finished(fake, 40)
    fake.readings.set(contract=contract)
    assert reported(ask, window(fake), 422)["detail"][0]["loc"] == ["body", "simulation_result_id"]


# --- agents and digital humans ---------------------------------------------------------------------------------------


def test_an_agent_needs_no_knowledge_base(fake: FakeBluejay, ask: Ask) -> None:
    assert ask("POST", "add-agent", AGENT) == {"agent_id": 1, "status": "200", "http_webhook_key": None, "version": 1}
    agent = ask("GET", "agents/1")
    assert (agent["knowledge_base"], agent["simulations_disabled"]) == ("", False)
    assert "version" not in ask("DELETE", "agent/1")
    for contract in ("sdk-0.3.6", "openapi-2026-04-30"):
        fake.readings.set(contract=contract)
        assert ask("POST", "add-agent", AGENT, 422)["detail"][0]["loc"] == ["body", "knowledge_base"]


def test_a_digital_human_has_the_fields_of_newer_sources(fake: FakeBluejay, ask: Ask) -> None:
    newer = {
        "language": "eo",
        "accent": "scottish",
        "tag": "a",
        "tags": ["a", "b"],
        "extension": "12",
        "connection_quality": "poor",
        "follow_up_sms_success_criteria": "It is sent.",
        "scripted_responses_ordered": True,
        "speaks_first_config": {"speaks_first": True, "mode": None, "message": None, "dynamic": True},
        "attack_plan": {"a": 1},
        "test_name": "t",
    }
    human = ask("POST", "create-digital-human", {"digital_human": {**HUMAN, **newer}})["digital_human"]
    assert {name: human[name] for name in newer} == newer
    assert (human["phone_number"], human["allow_silence_tool"], human["allow_dtmf_tool"]) == (None, False, True)
    assert human["default_dtmf_or_voiced"] == "voiced"
    fake.readings.set(contract="openapi-2026-04-30")
    ask("POST", "create-digital-human", {"digital_human": {"language": "eo"}}, 422)
    assert ask("POST", "create-digital-human", {"digital_human": HUMAN})["digital_human"]["allow_silence_tool"] is True


def test_a_test_gives_a_digital_human_tags(fake: FakeBluejay, ask: Ask) -> None:
    assert fake.add_digital_human(tags=["a", "b"]).fields["tags"] == ["a", "b"]
    assert ask("GET", "digital-human/1")["digital_human"]["tags"] == ["a", "b"]


def test_digital_humans_are_listed_the_newest_first(fake: FakeBluejay, ask: Ask) -> None:
    for _ in range(3):
        fake.add_digital_human()
    page = ask("GET", "digital-humans?page_size=2")
    assert [one["id"] for one in page["digital_humans"]] == [3, 2]
    assert [one["id"] for one in ask("GET", "digital-humans?page_size=2&page=2")["digital_humans"]] == [1]
    ask("GET", "digital-humans?page_size=100")
    assert ask("GET", "digital-humans?page_size=101", status=422)["detail"][0]["loc"] == ["query", "page_size"]


def test_many_digital_humans_are_changed_at_once(fake: FakeBluejay, ask: Ask) -> None:
    for _ in "12":
        fake.add_digital_human()
    answer = ask(
        "PUT",
        "update-digital-humans",
        {
            "updates": [
                {"digital_human_id": 1, "update": {"name": "Ann"}},
                {"digital_human_id": 9, "update": {"name": "Bea"}},
                {"digital_human_id": 2, "update": {"simulation_ids": [9]}},
                {"digital_human_id": 2, "update": {"name": "Cid"}},
            ]
        },
    )
    assert [one["digital_human"]["name"] for one in answer["updated"]] == ["Ann", "Cid"]
    assert answer["errors"] == [
        {"digital_human_id": 9, "detail": "Digital human not found"},
        {"digital_human_id": 2, "detail": "Simulation not found"},
    ]
    loc = ["body", "updates", 0, "digital_human_id"]
    assert ask("PUT", "update-digital-humans", {"updates": [{"update": {}}]}, 422)["detail"][0]["loc"] == loc


# --- simulations and runs --------------------------------------------------------------------------------------------


def test_a_simulation_keeps_its_version_its_delay_and_its_timeout(fake: FakeBluejay, ask: Ask) -> None:
    fake.add_agent()
    more = {"agent_version_id": ONE, "delay_between_tests_seconds": 1.5, "inactivity_timeout_seconds": 20}
    ask("POST", "create-simulation", {"agent_id": "1", "prompt_id": ONE, **more})
    settings = ask("GET", "simulation/1")["settings"]
    assert {name: settings[name] for name in more} == more
    updated = ask("PUT", "simulation/1", {"agent_version_id": OTHER, "inactivity_timeout_seconds": 30})["settings"]
    assert (updated["agent_version_id"], updated["inactivity_timeout_seconds"]) == (OTHER, 30)


@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("POST", "create-simulation", {"agent_id": "1"}),
        ("PUT", "simulation/1", {}),
        ("POST", "queue-simulation-run", {"simulation_id": "1"}),
        ("POST", "queue-sms-simulation-run", {"simulation_id": "1"}),
        ("POST", "queue-http-text-simulation-run", {"simulation_id": "1"}),
    ],
)
def test_two_versions_of_one_prompt_are_refused(
    fake: FakeBluejay, ask: Ask, method: str, path: str, more: dict[str, str]
) -> None:
    fake.add_simulation()
    before = fake.dump()
    assert "agent_version_id" in ask(method, path, {**more, "prompt_id": ONE, "agent_version_id": OTHER}, 400)["detail"]
    assert fake.dump() == before
    ask(method, path, {**more, "prompt_id": ONE, "agent_version_id": ONE})


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("runs_per_digital_human", [1], [0, -4]),
        ("outcome_failing_threshold", [0, 99], [-1, 100]),
        ("outcome_passing_threshold", [1, 100], [0, 101]),
        ("agent_version_id", [ONE], ["none"]),
        ("prompt_id", [ONE], ["none"]),
        ("knowledge_base_id", [ONE], ["none"]),
        ("bluejay_as_code_id", [ONE], ["none"]),
    ],
)
def test_a_simulations_values_are_checked(
    fake: FakeBluejay, ask: Ask, field: str, good: list[Any], bad: list[Any]
) -> None:
    fake.add_simulation()
    for value in good:
        ask("PUT", "simulation/1", {field: value})
    for value in bad:
        assert ask("PUT", "simulation/1", {field: value}, 422)["detail"][0]["loc"] == ["body", field]


@pytest.mark.parametrize("kind", ["simulation", "sms-simulation", "http-text-simulation"])
def test_a_run_calls_each_at_least_once(fake: FakeBluejay, ask: Ask, kind: str) -> None:
    fake.add_simulation()
    for number in (0, -4):
        detail = ask("POST", f"queue-{kind}-run", {"simulation_id": "1", "runs_per_digital_human": number}, 422)
        assert any(one["loc"][-1] == "runs_per_digital_human" for one in detail["detail"])
    assert fake.runs == []


def test_a_run_names_its_simulation_as_code_does(fake: FakeBluejay, ask: Ask) -> None:
    fake.add_simulation()
    ask("PUT", "simulation/1", {"bluejay_as_code_id": ONE})
    queued = ask("POST", "queue-simulation-run", {"bluejay_as_code_id": ONE})
    assert queued["simulation_result_ids"] == ["1"]
    ask("POST", "queue-simulation-run", {"bluejay_as_code_id": OTHER}, 404)
    fake.readings.set(contract="openapi-2026-04-30")
    ask("POST", "queue-simulation-run", {"bluejay_as_code_id": ONE}, 422)


def test_a_run_of_texts_ends_conversations_of_the_same_two_numbers(fake: FakeBluejay, ask: Ask) -> None:
    fake.calls.default = Call(talks_for=500)
    agent = fake.add_agent(phone_number="+1")
    same, other = (fake.add_digital_human(phone_number=number) for number in ("+2", "+3"))
    fake.queue_run(fake.add_simulation(agent=agent, digital_humans=[same, other]))
    fake.queue_run(fake.add_simulation(digital_humans=[same]))  # of an agent with another number
    fake.clock.run_until(lambda: {one.status for one in fake.test_results} == {"RUNNING"}, 100)
    fake.add_simulation(agent=agent, digital_humans=[fake.add_digital_human(outbound_text_number="+2")])
    body = {"simulation_id": "3"}
    assert ask("POST", "queue-sms-simulation-run", body)["terminated_conversations"] is None
    answer = ask("POST", "queue-sms-simulation-run", {**body, "terminate_overlapping_simulations": True})
    assert answer["terminated_conversations"] == [{"simulation_result_id": 1}]
    assert [fake.test_result(id).status for id in (1, 2, 3)] == ["CONVERSATION_ENDED", "RUNNING", "RUNNING"]
    assert fake.test_result(1).history[-1].cause == "api"


# --- texts that are no Unicode ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "queue-simulation-run", '{"simulation_id": "%s"}'),
        ("POST", "queue-sms-simulation-run", '{"simulation_id": "%s"}'),
        ("POST", "queue-http-text-simulation-run", '{"simulation_id": "%s"}'),
        ("POST", "queue-simulation-run", '{"simulation_id": "1", "digital_human_ids": ["%s"]}'),
        ("POST", "create-simulation", '{"agent_id": "1", "name": "%s"}'),
        ("PUT", "simulation/1", '{"digital_humans_settings": {"%s": 1}}'),
        ("POST", "add-agent", '{"name": "%s", "system_prompt": "", "goals": []}'),
        ("POST", "update-agent", '{"agent_id": "1", "name": "%s"}'),
        ("POST", "create-digital-human", '{"digital_human": {"name": "%s"}}'),
        (
            "PUT",
            "update-digital-human/1",
            '{"expected_tool_calls": [{"name": "a", "output": "%s"}]}',
        ),
        ("POST", "update-simulation-result", '{"simulation_result_id": "1", "metadata": {"a": "%s"}}'),
    ],
)
def test_a_lone_surrogate_is_refused_and_nothing_changes(
    fake: FakeBluejay, http: httpx.Client, method: str, path: str, body: str
) -> None:
    fake.add_simulation()
    fake.add_test_result()
    before = fake.dump()
    content = (body % r"\ud800").encode()
    response = http.request(method, f"/v1/{path}", content=content, headers={"content-type": "application/json"})
    assert (response.status_code, fake.dump()) == (400, before)
    assert "lone surrogate" in response.json()["detail"]


def with_text(schema: Any, definitions: Any, text: str) -> Iterator[Any]:
    """Values that a schema allows, with a text or a key of that text in each place that takes one."""
    schema = definitions[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    for choice in schema.get("anyOf", ()):
        yield from with_text(choice, definitions, text)
    if schema.get("type") == "string" and "format" not in schema:
        yield text
    elif schema.get("type") == "array":
        yield from ([one] for one in with_text(schema.get("items", {}), definitions, text))
    elif "properties" in schema:
        whole = {name: least(schema["properties"][name], definitions) for name in schema.get("required", ())}
        for name, inner in schema["properties"].items():
            yield from ({**whole, name: one} for one in with_text(inner, definitions, text))
    elif schema.get("type") == "object":
        yield from ({text: 1}, {"a": text})
    elif not schema.keys() - {"title", "default"}:
        yield from (text, {text: [text]})


def least(schema: Any, definitions: Any) -> Any:
    """The least value that a schema allows, of those that the API has."""
    schema = definitions[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    if "anyOf" in schema:
        return least(schema["anyOf"][0], definitions)
    if schema.get("type") == "object":
        return {name: least(schema["properties"][name], definitions) for name in schema.get("required", ())}
    if schema.get("type") == "array":
        return [least(schema["items"], definitions)] * schema.get("minItems", 0)
    return schema.get("enum", [{"integer": 1, "boolean": True}.get(schema.get("type"), "1")])[0]


@pytest.mark.parametrize(
    "operation", [one for one in operations() if one.takes], ids=lambda one: f"{one.method} {one.path}"
)
def test_no_text_anywhere_makes_the_fake_fail(
    furnished: Any, operation: Operation, caplog: pytest.LogCaptureFixture
) -> None:
    """A lone surrogate in any place of any body is at worst what FastAPI cannot show: never a failure of the fake."""
    schema = TypeAdapter(operation.takes).json_schema()
    path = operation.path.format_map(dict.fromkeys(operation.in_path, 1))
    fake = FakeBluejay.load(furnished)
    with fake.client(headers={"X-API-Key": fake.api_key, "content-type": "application/json"}) as client:
        for body in with_text(schema, schema.get("$defs", {}), "\ud800"):
            client.request(operation.method, path, content=json.dumps(body))
            assert not caplog.records, body
    json.dumps(fake.dump(), ensure_ascii=False).encode()
