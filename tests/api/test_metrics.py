"""Custom metrics: what the API does with them, what links to them, and how conversations are scored by them."""

import json
from typing import Any

import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.calls import Call
from tests.api.client import Client

UNKNOWN = "6b1e7a52-26f3-4d6c-8a1f-0d2c3f4b5a69"
NEW = {"name": "politeness", "description": "How polite the agent is.", "response_type": "quantitative"}
NEWEST = {
    "summary": None,
    "settings": None,
    "json_schema": None,
    "metric_type": "llm_judge",
    "eval_segment": "all",
    "scope": "all",
    "eval_modality": "AUTO",
}
"""The fields of an answer that only the newest documentation has, as they are by default."""
RANGE = {"min_value": 1, "max_value": 5}


@pytest.fixture
def politeness(ask: Client, fake: FakeBluejay) -> Any:
    """A metric of agent 1, who has a simulation with one digital human."""
    fake.add_simulation(digital_humans=1)
    return ask("POST", "create-custom-metric", {**NEW, **RANGE, "agent_ids": [1]})


def run(fake: FakeBluejay, ask: Client) -> Any:
    """Queue a run of simulation 1, and return its last result once it is evaluated."""
    asked = ask("POST", "queue-simulation-run", {"simulation_id": "1"})
    fake.clock.advance(600)
    return ask.result(int(asked["simulation_result_ids"][-1]))


def values(result: Any) -> dict[str, str]:
    return {one["name"]: one["response_value"] for one in result["custom_metrics"] or ()}


def test_created_metric_is_found_and_listed(ask: Client, politeness: Any) -> None:
    assert politeness == {
        "id": politeness["id"],
        "bluejay_as_code_id": politeness["id"],
        **NEW,
        **RANGE,
        "agent_ids": [1],
        "category": None,
        "tags": None,
        "scoring_guidance": None,
        "created_at": "2026-01-01T00:00:00Z",
        "eval_route": "AUTO",
        "model": None,
        "audio_model": None,
        "temperature": None,
        "enum_options": None,
        "allow_not_applicable": False,
        "eval_route_auto_selected": False,
        "tool_names": None,
        **NEWEST,
        "prompt": NEW["description"],
    }
    assert ask("GET", f"custom-metric/{politeness['id']}") == politeness
    everywhere = ask("POST", "create-custom-metric", NEW)
    assert everywhere["agent_ids"] == []
    page = {"page": 1, "page_size": 50, "total_pages": 1}
    assert ask("GET", "custom-metrics") == {
        "metrics": [politeness, everywhere],
        "total_count": 2,
        "items_in_page": 2,
        **page,
    }
    assert ask("GET", "custom-metrics?agent_id=1") == {
        "metrics": [politeness],
        "total_count": 1,
        "items_in_page": 1,
        **page,
    }
    assert ask("GET", "custom-metrics?agent_id=99")["metrics"] == []


def test_metrics_have_newer_paths(ask: Client, politeness: Any) -> None:
    assert ask("GET", f"metric/{politeness['id']}") == politeness
    assert ask("GET", "metrics")["metrics"] == [politeness]
    created = ask("POST", "create-metric", NEW)
    assert ask("PUT", f"update-metric/{created['id']}", {"name": "b"})["name"] == "b"
    assert ask("PUT", "update-metrics", {"metric_ids": [created["id"]], "updates": {"tags": ["a"]}})["updated"] == 1
    assert ask("POST", "delete-metrics", {"custom_metric_ids": [created["id"]]})["deleted_count"] == 1
    [other] = ask("POST", "create-metrics", {"metrics": [NEW]})["metrics"]
    assert ask("DELETE", f"metric/{other['id']}")["id"] == other["id"]


def test_pages_of_metrics(ask: Client) -> None:
    ask("POST", "create-custom-metrics", {"metrics": [{**NEW, "name": str(number)} for number in range(5)]})
    page = ask("GET", "custom-metrics?page=2&page_size=2")
    assert [one["name"] for one in page.pop("metrics")] == ["2", "3"]
    assert page == {"total_count": 5, "page": 2, "page_size": 2, "items_in_page": 2, "total_pages": 3}
    assert ask("GET", "custom-metrics?page=9")["items_in_page"] == 0
    # No bounds are published.
    first = ask("GET", "custom-metrics?page=0&page_size=0")
    assert ([one["name"] for one in first["metrics"]], first["total_pages"]) == (["0"], 5)
    assert ask("GET", "custom-metrics?page=-3&page_size=1000")["items_in_page"] == 5


def test_metrics_of_an_agent_by_the_deprecated_path(ask: Client, fake: FakeBluejay, politeness: Any) -> None:
    ask("POST", "create-custom-metric", NEW)
    listed = {"total_count": 1, "page": 1, "page_size": 1, "items_in_page": 1, "total_pages": 1}
    assert ask("GET", "custom-metrics-by-agent/1") == {"metrics": [politeness], **listed}
    assert ask("GET", "custom-metrics-by-agent/99", status=404) == {"detail": "Agent not found"}


def test_deprecated_agent_id_is_one_of_the_agents(ask: Client, fake: FakeBluejay) -> None:
    first, second = fake.add_agent().id, fake.add_agent().id
    created = ask("POST", "create-custom-metric", {**NEW, "agent_ids": [second], "agent_id": first})
    assert created["agent_ids"] == [second, first]
    assert ask("POST", "create-custom-metric", {**NEW, "agent_ids": [1], "agent_id": 1})["agent_ids"] == [1]


def test_code_id_of_a_metric_is_its_id(ask: Client, fake: FakeBluejay) -> None:
    created = ask("POST", "create-custom-metric", {**NEW, "bluejay_as_code_id": UNKNOWN})
    assert (created["id"], created["bluejay_as_code_id"]) == (UNKNOWN, UNKNOWN)
    before = fake.dump()
    again = {"detail": "A metric with this bluejay_as_code_id exists already"}
    assert ask("POST", "create-custom-metric", {**NEW, "bluejay_as_code_id": UNKNOWN}, status=409) == again
    other = "7b1e7a52-26f3-4d6c-8a1f-0d2c3f4b5a69"
    twice = [{**NEW, "bluejay_as_code_id": other}] * 2
    assert ask("POST", "create-custom-metrics", {"metrics": twice}, status=409) == again
    assert fake.dump() == before
    assert ask("PUT", f"update-custom-metric/{UNKNOWN}", {"bluejay_as_code_id": other})["bluejay_as_code_id"] == UNKNOWN
    assert ask("POST", "create-custom-metric", NEW)["id"] not in (UNKNOWN, other)


def test_updated_metric_has_its_agents_replaced(ask: Client, fake: FakeBluejay, politeness: Any) -> None:
    other = fake.add_agent().id
    changed = {"name": "kindness", "max_value": 10, "agent_ids": [other], "tags": ["tone"]}
    updated = ask("PUT", f"update-custom-metric/{politeness['id']}", changed)
    assert updated == {**politeness, **changed} == ask("GET", f"custom-metric/{politeness['id']}")
    fake.readings.set(update_changes="not-null-defaults-too")
    ask("PUT", f"update-custom-metric/{politeness['id']}", {"eval_route": "TEXT"})
    # The published default of an update is AUTO.
    assert ask("PUT", f"update-custom-metric/{politeness['id']}", {"name": "a"})["eval_route"] == "AUTO"


def test_bulk_update_writes_given_values_and_null_too(ask: Client, politeness: Any) -> None:
    other = ask("POST", "create-custom-metric", {**NEW, "tags": ["a"], "model": "m"})
    ids = [politeness["id"], other["id"], other["id"]]
    updates = {"tags": None, "agent_ids": None, "eval_route": "AUDIO", "allow_not_applicable": None}
    told = ask("PUT", "update-custom-metrics", {"metric_ids": ids, "updates": updates})
    assert told == {"success": True, "message": "Updated 2 custom metric(s)", "updated": 2}
    written = {"tags": None, "agent_ids": [], "allow_not_applicable": False}
    written |= {"eval_route": "AUDIO", "eval_modality": "AUDIO"}
    assert ask("GET", "custom-metrics")["metrics"] == [{**politeness, **written}, {**other, **written}]
    assert ask("GET", "custom-metrics-by-agent/1")["total_count"] == 0


def test_deleted_metric_is_answered_as_a_row_and_is_gone(ask: Client, politeness: Any) -> None:
    gone = ask("DELETE", f"custom-metric/{politeness['id']}")
    not_there = ("bluejay_as_code_id", "agent_ids", "tool_names", "prompt", *NEWEST)
    assert gone == {
        **{name: value for name, value in politeness.items() if name not in not_there},
        "agent_id": 1,
        "tags": [],
        "organization_id": None,
    }
    for method in ("GET", "DELETE"):
        assert ask(method, f"custom-metric/{politeness['id']}", status=404) == {"detail": "Metric not found"}
    assert ask("GET", "custom-metrics")["metrics"] == []


def test_bulk_deletion_deletes_all_or_none(ask: Client, fake: FakeBluejay, politeness: Any) -> None:
    other = ask("POST", "create-custom-metric", NEW)
    before = fake.dump()
    for unknown in (UNKNOWN, "none"):
        ask("POST", "delete-custom-metrics", {"custom_metric_ids": [other["id"], unknown]}, status=404)
    assert fake.dump() == before
    ids = [politeness["id"], other["id"]]
    told = ask("POST", "delete-custom-metrics", {"custom_metric_ids": [*ids, ids[0]]})
    assert told == {"deleted_count": 2, "deleted_metric_ids": ids}
    assert ask("GET", "custom-metrics")["total_count"] == 0
    for ids in ([], [UNKNOWN] * 101):
        [error] = ask("POST", "delete-custom-metrics", {"custom_metric_ids": ids}, status=422)["detail"]
        assert error["loc"] == ["body", "custom_metric_ids"]


def test_unknown_agent_or_metric_changes_nothing(ask: Client, fake: FakeBluejay, politeness: Any) -> None:
    foreign = fake.add_agent(organisation="others").id
    theirs = str(fake.add("metric", organisation="others").id)
    before, id = fake.dump(), politeness["id"]
    for agent_id, status in ((99, 404), (foreign, 403)):
        body = {**NEW, "agent_ids": [1, agent_id]}
        ask("POST", "create-custom-metric", body, status=status)
        ask("POST", "create-custom-metric", {**NEW, "agent_id": agent_id}, status=status)
        ask("POST", "create-custom-metrics", {"metrics": [NEW, body]}, status=status)
        ask("PUT", f"update-custom-metric/{id}", {"name": "a", "agent_ids": [agent_id]}, status=status)
        ask("PUT", "update-custom-metrics", {"metric_ids": [id], "updates": {"agent_ids": [agent_id]}}, status=status)
    for metric_id in (UNKNOWN, theirs):
        ask("PUT", "update-custom-metrics", {"metric_ids": [id, metric_id], "updates": {"tags": ["a"]}}, status=404)
        ask("PUT", "simulation/1", {"name": "a", "selected_custom_metrics": [id, metric_id]}, status=404)
        ask("POST", "create-simulation", {"agent_id": "1", "selected_custom_metrics": [metric_id]}, status=404)
    assert fake.dump() == before


def test_metrics_of_another_organisation_do_not_exist(ask: Client, others: Client, politeness: Any) -> None:
    assert others("GET", "custom-metrics")["metrics"] == []
    id = politeness["id"]
    for method, path, body in (
        ("GET", f"custom-metric/{id}", None),
        ("DELETE", f"custom-metric/{id}", None),
        ("PUT", f"update-custom-metric/{id}", {"name": "Mine"}),
        ("PUT", "update-custom-metrics", {"metric_ids": [id], "updates": {"tags": []}}),
        ("POST", "delete-custom-metrics", {"custom_metric_ids": [id]}),
    ):
        assert others(method, path, body, status=404) == {"detail": "Metric not found"}
    assert ask("GET", f"custom-metric/{id}") == politeness


def test_deleted_agent_leaves_its_metrics_and_a_deleted_metric_its_simulations(ask: Client, politeness: Any) -> None:
    ask("PUT", "simulation/1", {"selected_custom_metrics": [politeness["id"]]})
    ask("DELETE", f"custom-metric/{politeness['id']}")
    [simulation] = ask("GET", "get-all-simulations")["simulations"]
    assert simulation["selected_custom_metrics"] == []
    of_agent = ask("POST", "create-custom-metric", {**NEW, "agent_ids": [1]})
    ask("DELETE", "agent/1")
    assert ask("GET", f"custom-metric/{of_agent['id']}")["agent_ids"] == []


def test_metric_about_tools_is_only_in_the_newest_contract(ask: Client, fake: FakeBluejay) -> None:
    about_tools = {**NEW, "response_type": "tool_call", "tool_names": ["look_up"]}
    created = ask("POST", "create-custom-metric", about_tools)
    assert (created["response_type"], created["tool_names"]) == ("tool_call", ["look_up"])
    for contract in ("sdk-0.3.6", "openapi-2026-04-30"):
        fake.readings.set(contract=contract)
        [error] = ask("POST", "create-custom-metric", about_tools, status=422)["detail"]
        assert error["loc"] == ["body", "response_type"]
        ask("POST", "create-custom-metrics", {"metrics": [about_tools]}, status=422)
        ask("PUT", f"update-custom-metric/{created['id']}", {"response_type": "tool_call"}, status=422)


def test_newest_names_and_fields_of_a_metric_are_stored_and_returned(ask: Client, fake: FakeBluejay) -> None:
    given = {
        "prompt": "Did the agent greet?",
        "summary": "Greeting",
        "metric_type": "llm_judge",
        "settings": {"use_knowledge_base": True},
        "eval_segment": "agent",
        "scope": "simulations",
        "eval_modality": "TEXT",
        "json_schema": {"type": "object"},
    }
    created = ask("POST", "create-metric", {"name": "m", "response_type": "json", **given, "template_id": "t"})
    assert {name: created[name] for name in given} == given
    assert (created["description"], created["eval_route"]) == (given["prompt"], "TEXT")
    changed = ask("PUT", f"update-metric/{created['id']}", {"prompt": "Did it?", "scope": "all", "settings": {}})
    assert (changed["description"], changed["scope"], changed["settings"]) == ("Did it?", "all", {})
    bulk = {"metric_ids": [created["id"]], "updates": {"eval_modality": "AUDIO", "eval_segment": "user"}}
    ask("PUT", "update-metrics", bulk)
    found = ask("GET", f"metric/{created['id']}")
    assert (found["eval_route"], found["eval_modality"], found["eval_segment"]) == ("AUDIO", "AUDIO", "user")


def test_newest_contract_needs_a_name_and_a_response_type_alone(ask: Client, fake: FakeBluejay) -> None:
    least = {"name": "m", "response_type": "pass_fail"}
    assert ask("POST", "create-metric", least)["prompt"] == ""
    fake.readings.set(contract="openapi-2026-04-30")
    [error] = ask("POST", "create-metric", least, status=422)["detail"]
    assert (error["type"], error["loc"]) == ("missing", ["body", "description"])


@pytest.mark.parametrize(
    ("metric", "missing"),
    [
        ({"response_type": "pass_fail"}, "prompt"),
        ({"response_type": "quantitative", "prompt": "p", "min_value": 1}, "min_value, less than max_value,"),
        ({"response_type": "quantitative", "prompt": "p", "min_value": 5, "max_value": 5}, "min_value, less than"),
        ({"response_type": "json", "prompt": "p"}, "json_schema"),
        ({"response_type": "pass_fail", "metric_type": "tool_call"}, "settings.tool_names"),
        ({"response_type": "pass_fail", "metric_type": "composite"}, "settings.composite"),
        ({"response_type": "pass_fail", "metric_type": "transcript_regex"}, "settings.phrases"),
        ({"response_type": "pass_fail", "metric_type": "transfer_landed"}, "settings.receiver_test_case_id"),
    ],
)
def test_reading_decides_whether_a_metric_may_lack_what_its_type_needs(
    ask: Client, fake: FakeBluejay, metric: Any, missing: str
) -> None:
    body = {"name": "m", **metric}
    ask("POST", "create-metric", body)
    fake.readings.set(incomplete_metric="400")
    assert ask("POST", "create-metric", body, status=400)["detail"].startswith(f"{missing} ")
    ask("POST", "create-metrics", {"metrics": [body]}, status=400)


@pytest.mark.parametrize(
    "metric",
    [
        {"response_type": "pass_fail", "prompt": "p"},
        {"response_type": "quantitative", "prompt": "p", "min_value": 1, "max_value": 5},
        {"response_type": "json", "prompt": "p", "json_schema": {"type": "object"}},
        {"response_type": "pass_fail", "metric_type": "tool_call", "tool_names": ["a"]},
        {"response_type": "pass_fail", "metric_type": "tool_call", "settings": {"tool_names": ["a"]}},
        {"response_type": "pass_fail", "metric_type": "transcript_regex", "settings": {"pattern": "hi"}},
        {"response_type": "pass_fail", "metric_type": "composite", "settings": {"composite": {"formula": "1"}}},
    ],
)
def test_complete_metric_is_taken_under_either_reading(ask: Client, fake: FakeBluejay, metric: Any) -> None:
    fake.readings.set(incomplete_metric="400")
    ask("POST", "create-metric", {"name": "m", **metric})


def test_metric_scores_the_conversations_in_its_scope(ask: Client, fake: FakeBluejay) -> None:
    fake.add_simulation(digital_humans=1)
    for scope in ("all", "simulations", "observability"):
        ask("POST", "create-metric", {"name": scope, "response_type": "pass_fail", "scope": scope, "agent_ids": [1]})
    assert list(values(run(fake, ask))) == ["all", "simulations"]
    call = fake.add("call log", agent_id="1")
    fake.clock.advance(60)
    found = ask("GET", f"observability/conversations/{call.id}")["metric_results"]
    assert [one["name"] for one in found] == ["all", "observability"]


def test_generated_metrics_are_drafts_that_can_be_created(ask: Client, fake: FakeBluejay) -> None:
    fake.add_agent()
    drafts = ask("POST", "generate-custom-metrics", {"agent_id": "1", "count": 7})["metrics"]
    assert len(drafts) == len({one["name"] for one in drafts}) == 7
    assert ask("GET", "custom-metrics")["metrics"] == []
    created = ask("POST", "create-custom-metrics", {"metrics": drafts})["metrics"]
    assert [{name: one[name] for name in draft} for one, draft in zip(created, drafts, strict=True)] == drafts
    assert ask("POST", "generate-custom-metrics", {"agent_id": "1", "count": -1})["metrics"] == []
    ask("POST", "generate-custom-metrics", {"agent_id": "x"}, status=404)


# --- scores ---------------------------------------------------------------------------------------------------------


def test_result_has_the_metrics_of_its_agent_with_the_scores_that_the_test_gives(
    ask: Client, fake: FakeBluejay, politeness: Any
) -> None:
    ask("POST", "create-custom-metric", {**NEW, "name": "of nobody"})
    fake.calls.next(Call(scores={"politeness": 4}))
    result = run(fake, ask)
    [metric] = result["custom_metrics"]
    assert {name: metric[name] for name in (*NEW, *RANGE, "response_value", "reasoning")} == {
        **NEW,
        **RANGE,
        "response_value": "4",
        "reasoning": "Given by the test.",
    }
    assert result["evaluations"][0]["custom_metrics"] == [metric]


def test_scores_that_are_not_given_are_drawn_from_the_seed_within_the_range() -> None:
    def drawn(seed: int) -> list[str]:
        with FakeBluejay(seed=seed) as fake:
            fake.add_simulation(digital_humans=20)
            fake.add("metric", **NEW, **RANGE, agent_ids=[1])
            ask = Client(fake, fake.api_key)
            ask("POST", "queue-simulation-run", {"simulation_id": "1"})
            fake.clock.advance(600)
            results = [ask.result(id) for id in range(1, 21)]
            assert {one["custom_metrics"][0]["reasoning"] for one in results} == {"Made up by the fake."}
            return [values(one)["politeness"] for one in results]

    first, again, other = drawn(1), drawn(1), drawn(2)
    assert first == again != other
    assert {int(one) for one in first + other} <= {1, 2, 3, 4, 5}
    assert len(set(first)) > 2


@pytest.mark.parametrize(
    ("kind", "given", "shown", "wrong"),
    [
        ({"response_type": "pass_fail"}, True, "pass", 1),
        ({"response_type": "pass_fail"}, "fail", "fail", "yes"),
        ({"response_type": "yes_no"}, False, "no", "pass"),
        ({"response_type": "quantitative", **RANGE}, 4.5, "4.5", 5.1),
        ({"response_type": "quantitative"}, -3, "-3", True),
        ({"response_type": "quantitative", "min_value": 0}, 0, "0", -1),
        ({"response_type": "qualitative"}, "Kind.", "Kind.", 4),
        ({"response_type": "enum", "enum_options": ["a", "b"]}, "b", "b", "c"),
        ({"response_type": "json"}, {"a": [1]}, '{"a": [1]}', "a"),
        ({"response_type": "pass_fail", "allow_not_applicable": True}, None, "Not Applicable", "maybe"),
        ({"response_type": "tool_call", "tool_names": ["look_up"]}, True, "pass", None),
        ({"response_type": "qualitative", "metric_type": "tool_call"}, False, "fail", "Kind."),
        ({"response_type": "boolean"}, True, "true", "pass"),
        ({"response_type": "int", **RANGE}, 4, "4", 4.5),
        ({"response_type": "float"}, 4.5, "4.5", "4.5"),
    ],
)
def test_given_score_is_one_of_its_type(
    ask: Client, fake: FakeBluejay, kind: Any, given: Any, shown: str, wrong: Any
) -> None:
    fake.add_simulation(digital_humans=1)
    ask("POST", "create-custom-metric", {"name": "m", "description": "", **kind, "agent_ids": [1]})
    fake.calls.next(Call(scores={"m": given}))
    assert values(run(fake, ask)) == {"m": shown}
    fake.calls.next(Call(scores={"m": wrong}))
    refused = ask("POST", "queue-simulation-run", {"simulation_id": "1"}, status=400)["detail"]
    assert refused.startswith("the score of the metric 'm': ")
    assert repr(wrong) in refused


@pytest.mark.parametrize(
    ("kind", "possible"),
    [
        ({"response_type": "pass_fail"}, {"pass", "fail"}),
        ({"response_type": "yes_no"}, {"yes", "no"}),
        ({"response_type": "enum", "enum_options": ["a", "b"]}, {"a", "b"}),
        ({"response_type": "quantitative", "min_value": 2, "max_value": 3}, {"2", "3"}),
        ({"response_type": "enum"}, {"Not Applicable"}),
        ({"response_type": "int", "min_value": 0.5, "max_value": 2.5}, {"1", "2"}),
    ],
)
def test_drawn_score_is_one_of_its_type(ask: Client, fake: FakeBluejay, kind: Any, possible: set[str]) -> None:
    fake.add_simulation(digital_humans=20)
    ask("POST", "create-custom-metric", {"name": "m", "description": "", **kind, "agent_ids": [1]})
    ask("POST", "queue-simulation-run", {"simulation_id": "1"})
    fake.clock.advance(600)
    assert {values(ask.result(id))["m"] for id in range(1, 21)} == possible


@pytest.mark.parametrize("range", [{}, {"min_value": 7}, {"max_value": -7}, {"min_value": 0.25, "max_value": 0.75}])
def test_drawn_number_keeps_to_the_bounds_there_are(ask: Client, fake: FakeBluejay, range: dict[str, float]) -> None:
    fake.add_simulation(digital_humans=1)
    ask("POST", "create-custom-metric", {**NEW, **range, "agent_ids": [1]})
    value = float(values(run(fake, ask))["politeness"])
    assert range.get("min_value", value) <= value <= range.get("max_value", value)


def test_drawn_json_is_json_and_a_metric_about_tools_follows_from_the_tools(ask: Client, fake: FakeBluejay) -> None:
    fake.add_simulation(digital_humans=1)
    by_method = {"response_type": "pass_fail", "metric_type": "tool_call", "settings": {"tool_names": ["a"]}}
    for name, kind in (
        ("j", {"response_type": "json"}),
        ("t", {"response_type": "tool_call", "tool_names": ["a"]}),
        ("m", by_method),
    ):
        ask("POST", "create-custom-metric", {"name": name, "description": "", **kind, "agent_ids": [1]})
    fake.calls.next(Call(tool_calls=({"name": "a", "start_offset_ms": 0},)), Call())
    first, second = values(run(fake, ask)), values(run(fake, ask))
    assert json.loads(first["j"]) == {"made_up": True}
    assert (first["t"], second["t"]) == (first["m"], second["m"]) == ("pass", "fail")


def spoken(agent: str, user: str = "Yes.") -> list[dict[str, Any]]:
    times = {"start_offset_ms": 0, "end_offset_ms": 900}
    return [{**times, "speaker": "AGENT", "utterance": agent}, {**times, "speaker": "USER", "utterance": user}]


@pytest.mark.parametrize(
    ("settings", "agent", "value"),
    [
        ({"phrases": ["call is recorded"]}, "Hello, this CALL is, recorded!", "pass"),
        ({"phrases": ["call is recorded"]}, "I recall: is recorded", "fail"),
        ({"phrases": ["recorded", "FDA"]}, "Recorded by the F.D.A.", "pass"),
        ({"phrases": ["F.D.A. approved"]}, "It is FDA approved.", "pass"),
        ({"phrases": ["recorded", "FDA"]}, "Recorded.", "fail"),
        ({"pattern": r"order \d+"}, "Your order 17", "pass"),
        ({"pattern": "^Yes"}, "No.", "fail"),  # the caller says it
        ({"pattern": "sorry", "phrases": ["order"]}, "Sorry for the order", "pass"),
    ],
)
def test_transcript_decides_a_metric_of_phrases_or_a_pattern(
    ask: Client, fake: FakeBluejay, settings: Any, agent: str, value: str
) -> None:
    fake.add_simulation(digital_humans=1)
    about = {"response_type": "pass_fail", "metric_type": "transcript_regex", "settings": settings, "agent_ids": [1]}
    ask("POST", "create-metric", {"name": "said", **about, "eval_segment": "agent"})
    call = fake.add("call log", agent_id="1", transcript=spoken(agent))
    fake.calls.next(Call(transcript=tuple(spoken(agent))))
    assert values(run(fake, ask)) == {"said": value}
    assert [
        one["response_value"] for one in ask("GET", f"observability/conversations/{call.id}")["metric_results"]
    ] == [value]


def test_score_of_a_test_goes_before_the_transcript(ask: Client, fake: FakeBluejay) -> None:
    fake.add_simulation(digital_humans=1)
    fake.add("metric", name="said", metric_type="transcript_regex", settings={"phrases": ["hello"]}, agent_ids=[1])
    fake.calls.next(Call(scores={"said": False}))
    assert values(run(fake, ask)) == {"said": "fail"}


@pytest.mark.parametrize("settings", [{"pattern": "("}, {"pattern": 5}, {"phrases": 5}, {"phrases": [5]}, {}, None])
def test_what_is_no_pattern_is_drawn_as_a_judge_would_find(ask: Client, fake: FakeBluejay, settings: Any) -> None:
    fake.add_simulation(digital_humans=1)
    fake.add("metric", name="said", metric_type="transcript_regex", settings=settings, agent_ids=[1])
    [found] = run(fake, ask)["custom_metrics"]
    assert found["reasoning"] == "Made up by the fake."


def test_unknown_metric_in_scores_refuses_the_run_and_changes_nothing(
    ask: Client, fake: FakeBluejay, politeness: Any
) -> None:
    fake.calls.next(Call(), Call(scores={"politness": 4}))
    assert run(fake, ask)["custom_metrics"] is not None
    before = fake.dump()
    refused = ask("POST", "queue-simulation-run", {"simulation_id": "1"}, status=400)
    assert refused["detail"] == (
        "unknown metric in a call's scores 'politness'; did you mean 'politeness'? known: politeness"
    )
    assert fake.dump() == before
    with pytest.raises(ValueError, match="did you mean 'politeness'"):
        fake.add_test_result(status="COMPLETED", call=Call(scores={"politness": 4}))


def test_selected_metrics_of_a_simulation_count_and_not_those_of_its_agent(
    ask: Client, fake: FakeBluejay, politeness: Any
) -> None:
    other = ask("POST", "create-custom-metric", {**NEW, "name": "other"})
    ask("PUT", "simulation/1", {"selected_custom_metrics": [other["id"]]})
    assert values(run(fake, ask)).keys() == {"other"}
    ask("PUT", "simulation/1", {"selected_custom_metrics": []})
    assert run(fake, ask)["custom_metrics"] is None


def test_result_keeps_its_scores_after_changes_of_the_metric(ask: Client, fake: FakeBluejay, politeness: Any) -> None:
    before = run(fake, ask)
    ask("PUT", f"update-custom-metric/{politeness['id']}", {"name": "kindness"})
    ask("POST", "create-custom-metric", {**NEW, "name": "later", "agent_ids": [1]})
    assert ask.result(before["id"]) == before
    with FakeBluejay.load(fake.dump()) as loaded:
        assert Client(loaded, loaded.api_key).result(before["id"])["custom_metrics"] == before["custom_metrics"]
    ask("POST", f"re-evaluate-simulation-result/{before['id']}")
    assert ask.result(before["id"])["custom_metrics"] is None
    fake.clock.advance(60)
    assert values(ask.result(before["id"])).keys() == {"kindness", "later"}


def test_webhook_and_brief_list_agree_with_the_result(ask: Client, fake: FakeBluejay, politeness: Any) -> None:
    told: list[Any] = []
    fake.webhooks.add(lambda delivery: told.append(delivery.json), events=["simulation_result_evaluated"])
    result = run(fake, ask)
    [listed] = ask("GET", "retrieve-simulation-results/1")["simulation_results"]
    found = result["evaluations"][0]["custom_metrics"]
    assert found
    assert [told[0]["custom_metrics"], told[0]["evaluations"][0]["custom_metrics"]] == [found, found]
    assert [result["custom_metrics"], listed["custom_metrics"]] == [found, found]


def test_conversation_that_fails_has_no_scores(ask: Client, fake: FakeBluejay, politeness: Any) -> None:
    fake.calls.next(Call(end="no_answer", scores={"politeness": 4}))
    assert run(fake, ask)["custom_metrics"] is None


@pytest.mark.parametrize("scores", [["a"], {1: 2}, {"a": float("nan")}, {"a": object()}])
def test_scores_that_cannot_be_are_refused(scores: Any) -> None:
    with pytest.raises(ValueError, match="a call's scores"):
        Call(scores=scores)


def test_script_with_scores_goes_to_data_and_back() -> None:
    from fake_bluejay.calls import call_from_dict

    assert call_from_dict(Call(scores={"a": 1}).as_dict()) == Call(scores={"a": 1})
