"""The metrics lab: what is in a lab, evaluations by metrics and by revisions of them, and what people find."""

from typing import Any

import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.calls import Call
from tests.api.client import Client

UNKNOWN = "6b1e7a52-26f3-4d6c-8a1f-0d2c3f4b5a69"


@pytest.fixture
def metric(ask: Client, fake: FakeBluejay) -> str:
    """The id of a metric, with which a test result and no call has been evaluated."""
    fake.add_agent()
    new = {"name": "politeness", "description": "d", "response_type": "yes_no", "agent_ids": [1]}
    id = ask("POST", "create-custom-metric", new)["id"]
    fake.queue_run(fake.add_simulation(agent=1))
    fake.clock.advance(3600)
    return str(id)


@pytest.fixture
def other(ask: Client, metric: str) -> str:
    """The id of a metric with which nothing has been evaluated."""
    return str(
        ask("POST", "create-custom-metric", {"name": "tone", "description": "", "response_type": "yes_no"})["id"]
    )


@pytest.fixture
def call_id(fake: FakeBluejay, metric: str) -> str:
    return str(fake.add("call log").id)


@pytest.fixture
def lab(ask: Client, metric: str, call_id: str) -> Any:
    conversations = [{"test_result_id": 1}, {"call_id": call_id}]
    return ask("POST", "metrics-lab/lab", {"name": "QA", "conversations": conversations, "metric_ids": [metric]})


def whole(ask: Client, lab: Any) -> Any:
    return ask("GET", f"metrics-lab/lab/{lab['id']}")


def test_created_lab_has_copies_of_earlier_findings(
    ask: Client, fake: FakeBluejay, lab: Any, metric: str, call_id: str
) -> None:
    assert lab.keys() == {"id", "name", "description", "created_at", "updated_at"}
    found = whole(ask, lab)
    assert found["conversations"] == [
        {"call_id": call_id, "test_result_id": None},
        {"call_id": None, "test_result_id": 1},
    ]
    assert (found["metric_ids"], found["metric_revisions"], found["human_evaluations"]) == ([metric], [], [])
    [copied] = found["evaluations"]
    [value] = ask.result()["custom_metrics"]
    assert (copied["status"], copied["test_result_id"], copied["custom_metric_id"]) == ("COMPLETED", 1, metric)
    assert copied["response_value"] == value["response_value"]


def test_labs_are_listed_in_pages_the_newest_first_and_counted(ask: Client, lab: Any, metric: str) -> None:
    ask("POST", f"metrics-lab/lab/{lab['id']}/metric-revisions", {"custom_metric_id": metric})
    empty = ask("POST", "metrics-lab/lab", {"name": "Empty", "conversations": [], "metric_ids": []})
    listed = ask("GET", "metrics-lab/labs")
    assert (listed["total_count"], listed["page"], listed["page_size"]) == (2, 1, 20)
    counts = ("conversation_count", "metric_count", "revision_count")
    assert [(one["id"], *(one[name] for name in counts)) for one in listed["labs"]] == [
        (empty["id"], 0, 0, 0),
        (lab["id"], 2, 1, 1),
    ]
    assert [one["id"] for one in ask("GET", "metrics-lab/labs?page=2&page_size=1")["labs"]] == [lab["id"]]
    ask("GET", "metrics-lab/labs?page_size=101", status=422)


def test_update_and_delete(ask: Client, lab: Any) -> None:
    place = f"metrics-lab/lab/{lab['id']}"
    assert ask("PUT", place, {"description": "d"})["description"] == "d"
    assert whole(ask, lab)["name"] == "QA"
    assert ask("DELETE", place) == {"message": "Lab deleted", "deleted_lab_id": lab["id"]}
    for method, path, body in (
        ("GET", place, None),
        ("PUT", place, {}),
        ("DELETE", place, None),
        ("POST", f"{place}/metrics", {"lab_id": "", "metric_ids": [UNKNOWN]}),
        ("PUT", f"{place}/settings", {}),
    ):
        assert ask(method, path, body, status=404) == {"detail": "Lab not found"}


def test_added_metrics_evaluate_conversations_without_a_result(
    ask: Client, fake: FakeBluejay, lab: Any, metric: str, other: str
) -> None:
    body = {"lab_id": lab["id"], "metric_ids": [metric, other, other], "evaluate_conversations": True}
    assert ask("POST", f"metrics-lab/lab/{lab['id']}/metrics", body) == {
        "added_count": 1,
        "skipped_count": 2,
        "added_metric_ids": [other],
        "evaluation_triggered": True,
        "evaluation_count": 2,
        "message": "Added 1 metric(s)",
    }
    statuses = [sorted(one["status"] for one in whole(ask, lab)["evaluations"])]
    fake.clock.advance(1)
    statuses.append(sorted(one["status"] for one in whole(ask, lab)["evaluations"]))
    fake.clock.advance(3600)
    done = whole(ask, lab)["evaluations"]
    assert statuses == [["COMPLETED", "QUEUED", "QUEUED"], ["COMPLETED", "EVALUATING", "EVALUATING"]]
    assert [one["status"] for one in done] == ["COMPLETED"] * 3
    assert {one["response_value"] for one in done} <= {"yes", "no"}
    again = ask("POST", f"metrics-lab/lab/{lab['id']}/metrics", body)
    assert (again["added_count"], again["evaluation_triggered"], again["evaluation_count"]) == (0, False, None)


def test_metrics_about_tools_and_phrases_look_at_the_conversation(ask: Client, fake: FakeBluejay) -> None:
    fake.add_agent()
    entry = {"start_offset_ms": 0, "end_offset_ms": 900, "speaker": "AGENT", "utterance": "It is booked."}
    tool = {"name": "book", "start_offset_ms": 5}
    call = fake.add("call log", agent_id="1", transcript=[entry], tool_calls=[tool])
    fake.calls.next(Call(transcript=({**entry, "utterance": "No."},)))
    fake.queue_run(fake.add_simulation(agent=1))
    fake.clock.advance(3600)
    about = {
        "tools": {"metric_type": "tool_call", "tool_names": ["book"]},
        "phrases": {"metric_type": "transcript_regex", "settings": {"phrases": ["booked"]}},
    }
    metrics = {fake.add("metric", name=name, response_type="pass_fail", **one).id: name for name, one in about.items()}
    conversations = [{"test_result_id": 1}, {"call_id": call.id}]
    lab = ask("POST", "metrics-lab/lab", {"name": "QA", "conversations": conversations, "metric_ids": []})
    added = {"lab_id": lab["id"], "metric_ids": list(metrics), "evaluate_conversations": True}
    ask("POST", f"metrics-lab/lab/{lab['id']}/metrics", added)
    fake.clock.advance(3600)
    found = {
        (metrics[one["custom_metric_id"]], one["test_result_id"]): one["response_value"]
        for one in whole(ask, lab)["evaluations"]
    }
    assert found == {("tools", None): "pass", ("phrases", None): "pass", ("tools", 1): "fail", ("phrases", 1): "fail"}


def test_conversations_come_and_go(ask: Client, fake: FakeBluejay, lab: Any, call_id: str) -> None:
    place = f"metrics-lab/lab/{lab['id']}/conversations"
    second = fake.add_test_result().id
    items = [{"test_result_id": second}, {"call_id": call_id}]
    added = ask("POST", place, {"lab_id": lab["id"], "conversations": items})
    assert added == {
        "added_count": 1,
        "skipped_count": 1,
        "added_conversation_ids": [{"call_id": None, "test_result_id": second}],
        "message": "Added 1 conversation(s)",
    }
    removed = ask("DELETE", place, {"lab_id": lab["id"], "conversations": [*items, {"call_id": UNKNOWN}]})
    assert removed["removed_count"] == 2
    assert whole(ask, lab)["conversations"] == [{"call_id": None, "test_result_id": 1}]
    ask("GET", f"retrieve-call-log/{call_id}")


def test_deleted_call_and_metric_leave_the_lab(ask: Client, lab: Any, call_id: str, metric: str) -> None:
    ask("DELETE", f"call-log/{call_id}")
    assert whole(ask, lab)["conversations"] == [{"call_id": None, "test_result_id": 1}]
    ask("DELETE", f"custom-metric/{metric}")
    found = whole(ask, lab)
    assert (found["metric_ids"], found["evaluations"]) == ([], [])


@pytest.mark.parametrize("path", ["simulation-result/1", "simulation-run/1", "simulation/1"])
def test_deleted_test_result_leaves_the_lab_with_what_was_found_in_it(
    ask: Client, fake: FakeBluejay, lab: Any, metric: str, call_id: str, path: str
) -> None:
    human = {"custom_metric_id": metric, "human_response_value": "yes"}
    for conversation in ({"test_result_id": 1}, {"call_id": call_id}):
        ask("PUT", f"metrics-lab/lab/{lab['id']}/human-evaluation", {**human, **conversation})
    ask("DELETE", path)
    found = whole(ask, lab)
    assert found["conversations"] == [{"call_id": call_id, "test_result_id": None}]
    assert found["evaluations"] == []
    assert [one["call_id"] for one in found["human_evaluations"]] == [call_id]
    ask("DELETE", f"call-log/{call_id}")
    assert whole(ask, lab)["human_evaluations"] == []
    assert ask("GET", "metrics-lab/labs")["labs"][0]["conversation_count"] == 0


def test_evaluation_under_way_ends_with_its_test_result(
    ask: Client, fake: FakeBluejay, lab: Any, metric: str, other: str
) -> None:
    asked = {"lab_id": lab["id"], "conversation": {"type": "test_result", "id": "1"}}
    by = {"type": "custom_metric", "custom_metric_ids": [other]}
    before = fake.clock.pending
    ask("POST", "metrics-lab/evaluate-conversation", {**asked, "metrics": by})
    ask("DELETE", "simulation-result/1")
    assert fake.clock.pending == before
    ask("POST", "metrics-lab/evaluate-conversation", {**asked, "metrics": by}, status=404)


def test_human_evaluation_is_there_once_for_a_conversation_and_a_metric(
    ask: Client, lab: Any, metric: str, call_id: str
) -> None:
    place = f"metrics-lab/lab/{lab['id']}/human-evaluation"
    for value, more in (("yes", {"test_result_id": 1}), ("yes", {"call_id": call_id}), ("no", {"test_result_id": 1})):
        answer = ask("PUT", place, {"custom_metric_id": metric, "human_response_value": value, **more})
        assert answer == {"success": True, "message": "Human evaluation saved"}
    found = whole(ask, lab)["human_evaluations"]
    assert [(one["call_id"], one["test_result_id"], one["human_response_value"]) for one in found] == [
        (call_id, None, "yes"),
        (None, 1, "no"),
    ]


def test_settings_are_merged(ask: Client, lab: Any) -> None:
    place = f"metrics-lab/lab/{lab['id']}/settings"
    ask("PUT", place, {"fuzzy_alignment": {"threshold": 1}})
    assert ask("PUT", place, {"view": "wide"}) == {"success": True, "message": "Lab settings updated"}
    assert whole(ask, lab)["settings"] == {"fuzzy_alignment": {"threshold": 1}, "view": "wide"}


def test_revisions_are_numbered_for_each_metric_and_evaluate(
    ask: Client, fake: FakeBluejay, lab: Any, metric: str, other: str, call_id: str
) -> None:
    place = f"metrics-lab/lab/{lab['id']}/metric-revisions"
    made = [ask("POST", place, {"custom_metric_id": id, "description": "new"}) for id in (metric, other, metric)]
    assert [one["revision_number"] for one in made] == [1, 1, 2]
    assert whole(ask, lab)["metric_revisions"] == made
    assert ask("GET", f"custom-metric/{metric}")["description"] == "d"
    body = {
        "lab_id": lab["id"],
        "conversation": {"type": "obs_conversation", "id": call_id},
        "metrics": {"type": "custom_metric_revision", "custom_metric_revision_id": made[2]["id"]},
    }
    queued = ask("POST", "metrics-lab/evaluate-conversation", body)
    [item] = queued["metrics"]
    assert (item["type"], item["id"]) == ("custom_metric_revision", made[2]["id"])
    fake.clock.advance(3600)
    [found] = [one for one in whole(ask, lab)["evaluations"] if one["id"] == item["eval_id"]]
    assert (found["status"], found["call_id"], found["custom_metric_id"]) == ("COMPLETED", call_id, metric)
    fake.readings.set(contract="openapi-2026-04-30")
    [error] = ask("POST", "metrics-lab/evaluate-conversation", body, status=422)["detail"]
    assert error["loc"] == ["body", "conversation", "type"]


def test_conversation_is_evaluated_by_metrics(
    ask: Client, fake: FakeBluejay, lab: Any, metric: str, other: str
) -> None:
    body = {
        "lab_id": lab["id"],
        "conversation": {"type": "test_result", "id": "1"},
        "metrics": {"type": "custom_metric", "custom_metric_ids": [metric, other]},
    }
    queued = ask("POST", "metrics-lab/evaluate-conversation", body)
    assert (queued["status"], queued["conversation_id"], queued["conversation_type"]) == ("success", "1", "test_result")
    assert [one["id"] for one in queued["metrics"]] == [metric, other]
    with FakeBluejay.load(fake.dump()) as again:
        again.clock.advance(3600)
        restored = whole(Client(again, again.api_key), lab)["evaluations"]
    fake.clock.advance(3600)
    assert whole(ask, lab)["evaluations"] == restored
    assert [one["status"] for one in restored] == ["COMPLETED"] * 3


def test_bad_requests_change_nothing(ask: Client, fake: FakeBluejay, lab: Any, metric: str, call_id: str) -> None:
    before, place = fake.dump(), f"metrics-lab/lab/{lab['id']}"
    good = {"name": "a", "conversations": [{"test_result_id": 1}], "metric_ids": [metric]}
    evaluated = {
        "lab_id": lab["id"],
        "conversation": {"type": "call", "id": call_id},
        "metrics": {"type": "custom_metric", "custom_metric_ids": [metric]},
    }
    for path, body, status in (
        ("metrics-lab/lab", {**good, "metric_ids": [metric, UNKNOWN]}, 404),
        ("metrics-lab/lab", {**good, "conversations": [{"test_result_id": 1}, {"test_result_id": 99}]}, 404),
        ("metrics-lab/lab", {**good, "conversations": [{"call_id": "x"}]}, 404),
        ("metrics-lab/lab", {**good, "conversations": [{}]}, 400),
        ("metrics-lab/lab", {**good, "name": ""}, 422),
        (f"{place}/metrics", {"lab_id": "", "metric_ids": [UNKNOWN]}, 404),
        (f"{place}/conversations", {"lab_id": "", "conversations": [{"call_id": UNKNOWN}]}, 404),
        (f"{place}/conversations", {"lab_id": "", "conversations": []}, 422),
        (f"{place}/metrics", {"lab_id": "", "metric_ids": []}, 422),
        (f"{place}/metric-revisions", {"custom_metric_id": UNKNOWN}, 404),
        ("metrics-lab/evaluate-conversation", {**evaluated, "conversation": {"type": "call", "id": "1"}}, 404),
        ("metrics-lab/evaluate-conversation", {**evaluated, "conversation": {"type": "test_result", "id": "x"}}, 404),
        ("metrics-lab/evaluate-conversation", {**evaluated, "metrics": {"type": "custom_metric"}}, 400),
        ("metrics-lab/evaluate-conversation", {**evaluated, "metrics": {"type": "custom_metric_revision"}}, 404),
        ("metrics-lab/evaluate-conversation", {**evaluated, "lab_id": UNKNOWN}, 404),
    ):
        ask("POST", path, body, status=status)
    human = {"custom_metric_id": metric, "human_response_value": "yes"}
    ask("PUT", f"{place}/human-evaluation", human, status=400)
    ask("PUT", f"{place}/human-evaluation", {**human, "test_result_id": 99}, status=404)
    assert fake.dump() == before


def test_labs_of_another_organisation_do_not_exist(
    ask: Client, others: Client, fake: FakeBluejay, lab: Any, metric: str
) -> None:
    before, place = whole(ask, lab), f"metrics-lab/lab/{lab['id']}"
    assert others("GET", "metrics-lab/labs")["labs"] == []
    for method, path, body in (
        ("GET", place, None),
        ("PUT", place, {"name": "mine"}),
        ("DELETE", place, None),
        ("POST", f"{place}/metrics", {"lab_id": "", "metric_ids": [UNKNOWN]}),
        ("POST", f"{place}/conversations", {"lab_id": "", "conversations": [{"test_result_id": 1}]}),
        ("DELETE", f"{place}/conversations", {"lab_id": "", "conversations": [{"test_result_id": 1}]}),
        ("POST", f"{place}/metric-revisions", {"custom_metric_id": metric}),
    ):
        others(method, path, body, status=404)
    others("POST", "metrics-lab/lab", {"name": "a", "conversations": [], "metric_ids": [metric]}, status=404)
    mine = {"name": "a", "conversations": [{"test_result_id": 1}], "metric_ids": []}
    others("POST", "metrics-lab/lab", mine, status=403)
    assert whole(ask, lab) == before
