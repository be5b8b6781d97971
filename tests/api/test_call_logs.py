"""Call logs: conversations of production that are submitted, evaluated by the clock, listed, changed and deleted."""

from typing import Any, Literal

import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.evaluations import Evaluation, failed
from fake_bluejay.readings import ReadingChoices
from tests.api.client import Client

UNKNOWN = "6b1e7a52-26f3-4d6c-8a1f-0d2c3f4b5a69"
CONVERSATION: dict[str, Any] = {
    "start_time_utc": "2026-01-01T00:00:00Z",
    "participants": [{"role": "AGENT", "name": "Ann"}, {"role": "USER"}],
    "transcript": [
        {"start_offset_ms": 0, "end_offset_ms": 900, "speaker": "AGENT", "utterance": "Hello."},
        {"start_offset_ms": 1000, "end_offset_ms": 2500, "speaker": "USER", "utterance": "Goodbye."},
    ],
    "metadata": {"case": 7},
}
SCORED = {"description": "", "response_type": "quantitative", "min_value": 1, "max_value": 5}


@pytest.fixture(autouse=True)
def agent(fake: FakeBluejay) -> Any:
    return fake.add_agent(external_agent_id="front-desk")


def submit(ask: Client, **more: Any) -> str:
    id: str = ask("POST", "evaluate", {"agent_id": "1", **CONVERSATION, **more})["call_id"]
    return id


def log(ask: Client, id: str) -> Any:
    return ask("GET", f"retrieve-call-log/{id}")["call_log"]


def listed(ask: Client, query: str = "last=all", agent: str = "1") -> list[str]:
    return [one["id"] for one in ask("GET", f"retrieve-call-logs/{agent}?{query}")["call_logs"]]


def test_conversation_is_queued_then_evaluated_then_completed(ask: Client, fake: FakeBluejay) -> None:
    id = submit(ask)
    assert (log(ask, id)["status"], log(ask, id)["evaluations"]) == ("QUEUED", None)
    fake.clock.advance(1)
    assert (log(ask, id)["status"], log(ask, id)["evaluations"]) == ("EVALUATING", None)
    fake.clock.advance(5)
    done = log(ask, id)
    assert (done["status"], done["agent_id"], done["external_agent_id"]) == ("COMPLETED", "1", "front-desk")
    assert (done["duration_ms"], done["metadata"]) == (2500, {"case": 7})
    [evaluation] = done["evaluations"]
    assert (evaluation["goal_success"], evaluation["num_turns"]) == (True, 1)
    assert evaluation["created_at"] == "2026-01-01T00:00:06Z"


def test_credits_of_a_call_log_are_null_as_long_as_nothing_is_priced(ask: Client, fake: FakeBluejay) -> None:
    id = submit(ask)
    fake.clock.advance(60)
    assert ask("GET", f"retrieve-call-log/{id}")["credits_used"] is None


def test_scripts_give_the_findings_of_the_next_evaluations(ask: Client, fake: FakeBluejay) -> None:
    metric = {"name": "politeness", "description": "", "response_type": "NUMBER", "response_value": "4"}
    fake.evaluations.next(
        Evaluation(passes=False, custom_metrics=[metric]),
        failed(takes=60),
        Evaluation(waits=10, evaluation={"call_summary": "All went well."}),
    )
    first, second, third, fourth = (submit(ask) for _ in range(4))
    fake.clock.advance(6)
    assert [log(ask, id)["status"] for id in (first, second, third, fourth)] == [
        "COMPLETED",
        "EVALUATING",
        "QUEUED",
        "COMPLETED",
    ]
    [evaluation] = log(ask, first)["evaluations"]
    assert (evaluation["goal_success"], evaluation["custom_metrics"][0]["response_value"]) == (False, "4")
    fake.clock.advance(60)
    assert (log(ask, second)["status"], log(ask, second)["evaluations"]) == ("SYSTEM_ERROR", None)
    [evaluation] = log(ask, third)["evaluations"]
    assert (evaluation["call_summary"], evaluation["goal_success"]) == ("All went well.", True)
    assert log(ask, fourth)["evaluations"][0]["goal_success"] is True


@pytest.mark.parametrize(("words", "status"), [("docs-2026-09", "SYSTEM_ERROR"), ("openapi-2026-04-30", "INCOMPLETED")])
def test_reading_decides_the_status_after_a_failed_evaluation(
    ask: Client, fake: FakeBluejay, words: Literal["docs-2026-09", "openapi-2026-04-30"], status: str
) -> None:
    fake.readings.set(status_words=words)
    fake.evaluations.next(failed())
    id = submit(ask)
    fake.clock.advance(6)
    assert log(ask, id)["status"] == status


def test_script_that_is_none_is_refused(fake: FakeBluejay) -> None:
    with pytest.raises(ValueError, match="an Evaluation is needed"):
        fake.evaluations.next("no")  # type: ignore[arg-type]
    assert fake.resources("evaluation script") == []


@pytest.fixture
def politeness(ask: Client) -> Any:
    return ask("POST", "create-metric", {**SCORED, "name": "politeness", "agent_ids": [1]})


def found(ask: Client, id: str) -> dict[str, str]:
    """The values of the metrics in the newest evaluation of a conversation, by their names."""
    metrics = log(ask, id)["evaluations"][-1]["custom_metrics"]
    return {one["name"]: one["response_value"] for one in metrics or ()}


def test_conversation_is_scored_by_the_metrics_of_its_agent_as_the_script_says(
    ask: Client, fake: FakeBluejay, politeness: Any
) -> None:
    told: list[Any] = []
    fake.webhooks.add(lambda delivery: told.append(delivery.json), events=["observability_call_evaluated"])
    fake.add_agent()
    fake.evaluations.next(scores={"politeness": 4})
    own, others = submit(ask), submit(ask, agent_id="2")
    fake.clock.advance(6)
    assert (found(ask, own), found(ask, others)) == ({"politeness": "4"}, {})
    [metric] = told[0]["evaluations"][0]["custom_metrics"]
    assert (metric["name"], metric["response_value"], metric["reasoning"]) == ("politeness", "4", "Given by the test.")


def test_scores_that_no_script_gives_are_drawn_from_the_seed(ask: Client, fake: FakeBluejay, politeness: Any) -> None:
    ids = [submit(ask) for _ in range(20)]
    fake.clock.advance(6)
    values = {found(ask, id)["politeness"] for id in ids}
    assert len(values) > 2
    assert values <= {"1", "2", "3", "4", "5"}


def test_conversation_names_more_metrics_by_their_ids_or_tags(
    ask: Client, others: Client, fake: FakeBluejay, politeness: Any
) -> None:
    by_id = ask("POST", "create-metric", {**SCORED, "name": "by id"})["id"]
    for tag in ("tone", "other"):
        ask("POST", "create-metric", {**SCORED, "name": f"by the tag {tag}", "tags": [tag]})
    id = submit(ask, custom_metrics=[by_id], custom_metric_tags=["tone"])
    fake.clock.advance(6)
    assert sorted(found(ask, id)) == ["by id", "by the tag tone", "politeness"]
    before = fake.dump()
    unknown = {"agent_id": "1", **CONVERSATION, "custom_metrics": [by_id, UNKNOWN]}
    assert ask("POST", "evaluate", unknown, status=404) == {"detail": "Metric not found"}
    assert fake.dump() == before


def test_deleted_metric_scores_no_conversation_that_named_it(ask: Client, fake: FakeBluejay) -> None:
    metric = ask("POST", "create-metric", {**SCORED, "name": "m"})["id"]
    first, second = submit(ask, custom_metrics=[metric]), submit(ask, custom_metrics=[metric])
    fake.clock.advance(6)
    ask("POST", f"re-evaluate/{second}")
    ask("DELETE", f"metric/{metric}")
    fake.clock.advance(6)
    assert (list(found(ask, first)), found(ask, second)) == (["m"], {})


def test_metric_about_tools_is_decided_by_the_tools_that_were_called(ask: Client, fake: FakeBluejay) -> None:
    for tool in ("look_up", "book"):
        body = {"name": tool, "description": "", "response_type": "tool_call", "tool_names": [tool], "agent_ids": [1]}
        ask("POST", "create-metric", body)
    id = submit(ask, tool_calls=[{"name": "book", "start_offset_ms": 5}])
    fake.clock.advance(6)
    assert found(ask, id) == {"look_up": "fail", "book": "pass"}


@pytest.mark.parametrize("scores", [{"politness": 4}, {"politeness": 6}, {"politeness": "much"}])
def test_score_that_no_metric_can_have_refuses_the_conversation_and_keeps_the_script(
    ask: Client, fake: FakeBluejay, politeness: Any, scores: Any
) -> None:
    done = submit(ask)
    fake.clock.advance(6)
    fake.evaluations.next(scores=scores)
    before = fake.dump()
    for method, path, body in (
        ("POST", "evaluate", {"agent_id": "1", **CONVERSATION}),
        ("POST", f"re-evaluate/{done}", None),
        ("PUT", f"update-log/{done}", {"metadata": {"a": 1}, "reevaluate": True}),
    ):
        assert "politeness" in ask(method, path, body, status=400)["detail"]
    assert fake.dump() == before
    assert len(fake.resources("evaluation script")) == 1


def test_scripts_are_of_one_organisation(ask: Client, fake: FakeBluejay) -> None:
    fake.evaluations.next(failed(), organisation="others")
    id = submit(ask)
    fake.clock.advance(10)
    assert log(ask, id)["status"] == "COMPLETED"


def test_webhooks_are_told_once_it_is_evaluated_and_not_if_that_failed(ask: Client, fake: FakeBluejay) -> None:
    told: list[Any] = []
    fake.webhooks.add(lambda delivery: told.append(delivery.json), events=["observability_call_evaluated"])
    fake.evaluations.next(Evaluation(), failed())
    id, _ = submit(ask), submit(ask)
    fake.clock.advance(5)
    assert told == []
    fake.clock.advance(10)
    [payload] = told
    assert (payload["type"], payload["id"], payload["status"]) == ("observability_call_evaluated", id, "COMPLETED")
    assert payload == {**log(ask, id), "type": "observability_call_evaluated"}
    assert payload["evaluations"][0]["goal_success"] is True


def test_agent_may_be_named_by_the_customers_id_and_must_exist(ask: Client, others: Client, fake: FakeBluejay) -> None:
    by_external_id = {"external_agent_id": "front-desk", **CONVERSATION}
    id = ask("POST", "evaluate-call", by_external_id)["call_id"]
    assert log(ask, id)["agent_id"] == "1"
    before = fake.dump()
    nobody = {"detail": "Agent not found"}
    assert ask("POST", "evaluate", {"agent_id": "9", **CONVERSATION}, status=404) == nobody
    assert ask("POST", "evaluate", {**by_external_id, "external_agent_id": "b"}, status=404) == nobody
    assert others("POST", "evaluate", by_external_id, status=404) == nobody
    assert fake.dump() == before


def test_conversation_needs_a_recording_or_a_transcript_and_two_participants_at_the_most(ask: Client) -> None:
    assert ask("POST", "evaluate", {"agent_id": "1", **CONVERSATION, "transcript": None}, status=400)
    recorded = submit(ask, transcript=None, recording_url="https://example.com/a.wav")
    assert log(ask, recorded)["recording_url"] == "https://example.com/a.wav"
    longest = "https://example.com/".ljust(5000, "a")
    assert log(ask, submit(ask, recording_url=longest))["recording_url"] == longest
    assert ask("POST", "evaluate", {"agent_id": "1", **CONVERSATION, "recording_url": longest + "a"}, status=422)
    three = [{"role": "USER"}] * 3
    assert ask("POST", "evaluate", {"agent_id": "1", **CONVERSATION, "participants": three}, status=422)


@pytest.mark.parametrize(
    ("readings", "version"),
    [({"evaluate_participants": "exactly-two"}, 422), ({"contract": "openapi-2026-04-30"}, 200)],
)
def test_too_few_participants_are_refused_as_fastapi_refuses_a_short_list(
    ask: Client, fake: FakeBluejay, readings: ReadingChoices, version: int
) -> None:
    fake.readings.set(**readings)
    body = {"agent_id": "1", **CONVERSATION, "participants": [{"role": "AGENT"}]}
    errors = ask("POST", "evaluate", body, status=422)["detail"]
    assert [(one["type"], one["loc"]) for one in errors] == [
        ("too_short", ["body", "CallRequestUsingAgentId", "participants"]),
        ("missing", ["body", "CallRequestUsingExternalAgentId", "external_agent_id"]),
        ("too_short", ["body", "CallRequestUsingExternalAgentId", "participants"]),
    ]
    # The OpenAPI of April has no `version`.
    ask("POST", "evaluate", {"agent_id": "1", **CONVERSATION, "version": "a"}, status=version)
    by_external_id = ask("POST", "evaluate", {"external_agent_id": "front-desk", **CONVERSATION})
    assert ask("GET", "retrieve-call-logs/1?label=production")["call_logs"][0]["id"] == by_external_id["call_id"]


def test_conversation_of_a_text_agent_needs_a_transcript(ask: Client, fake: FakeBluejay) -> None:
    body = {"agent_id": str(fake.add_agent(mode="TEXT").id), **CONVERSATION}
    recorded = {**body, "transcript": None, "recording_url": "https://example.com/a.wav"}
    before = fake.dump()
    assert "transcript" in ask("POST", "evaluate", recorded, status=400)["detail"]
    assert fake.dump() == before
    ask("POST", "evaluate", body)
    ask("POST", "evaluate", {**recorded, "transcript_url": "https://example.com/a.json"})


def test_unknown_version_is_evaluated_as_the_production_one_with_a_warning(ask: Client) -> None:
    body = {"agent_id": "1", **CONVERSATION}
    assert ask("POST", "evaluate", {**body, "version": 1})["warning"] is None
    assert "production" in ask("POST", "evaluate", {**body, "version": 7})["warning"]


def test_lists_have_the_newest_first_by_label_by_age_and_in_pages(ask: Client, fake: FakeBluejay) -> None:
    fake.add_agent()
    old = submit(ask, label="beta")
    fake.clock.advance(2 * 86_400)
    new, other = submit(ask), submit(ask, agent_id="2")
    assert (listed(ask), listed(ask, agent="2")) == ([new, old], [other])
    assert (listed(ask, ""), listed(ask, "last=1day"), listed(ask, "last=3days")) == ([new], [new], [new, old])
    assert listed(ask, "last=all&label=beta") == [old]
    page = ask("GET", "retrieve-call-logs/1?last=all&page_size=1&page=2")
    assert ([one["id"] for one in page["call_logs"]], page["total_count"], page["total_pages"]) == ([old], 2, 2)
    assert ask("GET", "retrieve-call-logs/9", status=404) == {"detail": "Agent not found"}
    assert ask("GET", "retrieve-call-logs/1?last=2days", status=422)


def test_evaluation_that_is_repeated_stands_beside_the_first(ask: Client, fake: FakeBluejay) -> None:
    id = submit(ask)
    fake.clock.advance(10)
    fake.evaluations.next(Evaluation(passes=False))
    assert ask("POST", f"re-evaluate/{id}") == {"status": "success", "call_id": id, "message": "Evaluation queued"}
    assert log(ask, id)["status"] == "QUEUED"
    fake.clock.advance(10)
    first, second = log(ask, id)["evaluations"]
    assert (first["goal_success"], second["goal_success"]) == (True, False)
    assert first["id"] != second["id"]


def test_evaluation_is_repeated_by_a_version_of_the_agent_that_there_is(ask: Client, fake: FakeBluejay) -> None:
    ask("POST", "agents/1/versions", {"prompt_text": "Be brief."})
    id = submit(ask)
    fake.clock.advance(10)
    assert ask("POST", f"re-evaluate/{id}", {"version": 9}, 400) == {"detail": "Version 9 not found"}
    assert ask("POST", f"re-evaluate/{id}", {"version": "two"}, 422)
    assert log(ask, id)["status"] == "COMPLETED"
    for body, version in (({"version": 2}, 2), ({}, 2), (None, 2), ({"version": None}, 2), ({"version": 1}, 1)):
        ask("POST", f"re-evaluate/{id}", body)
        [stored] = fake.dump()["call_logs"]["all"]
        assert (log(ask, id)["status"], stored["fields"]["version"]) == ("QUEUED", version)
        fake.clock.advance(10)


def test_changed_log_is_evaluated_again_if_that_is_asked_for(ask: Client, fake: FakeBluejay) -> None:
    id = submit(ask)
    fake.clock.advance(10)
    assert ask("PUT", f"update-log/{id}", {"metadata": {"case": 8}})["status"] == "200"
    assert (log(ask, id)["metadata"], log(ask, id)["status"]) == ({"case": 8}, "COMPLETED")
    call = {"name": "look_up", "start_offset_ms": 10}
    ask("PUT", f"update-log/{id}", {"tool_calls": [call], "reevaluate": True})
    assert (log(ask, id)["tool_calls"][0]["name"], log(ask, id)["status"]) == ("look_up", "QUEUED")


def test_deleted_logs_are_gone_with_their_timers_and_a_recording_by_itself(ask: Client, fake: FakeBluejay) -> None:
    one, two, three = (submit(ask, recording_url="https://example.com/a.wav") for _ in range(3))
    ask("DELETE", f"call-log/{one}?recording_only=true")
    assert log(ask, one)["recording_url"] is None
    ask("DELETE", f"call-log/{one}")
    assert ask("GET", f"retrieve-call-log/{one}", status=404) == {"detail": "Call log not found"}
    assert ask("DELETE", "call-logs", {"call_ids": [two, one]}, status=404) == {"detail": "Call log not found"}
    assert listed(ask) == [three, two]
    assert ask("DELETE", "call-logs", {"call_ids": [two, three, two]})["deleted_count"] == 2
    assert (listed(ask), fake.clock.pending) == ([], [])


def test_another_organisation_sees_none_of_it(ask: Client, others: Client) -> None:
    id = submit(ask)
    for method, path, body in (
        ("GET", f"retrieve-call-log/{id}", None),
        ("PUT", f"update-log/{id}", {}),
        ("POST", f"re-evaluate/{id}", None),
        ("DELETE", f"call-log/{id}", None),
        ("DELETE", "call-logs", {"call_ids": [id]}),
        ("GET", f"retrieve-call-log/{UNKNOWN}", None),
        ("GET", "retrieve-call-log/none", None),
    ):
        assert others(method, path, body, status=404) == {"detail": "Call log not found"}
    assert others("GET", "retrieve-call-logs/1", status=403)
    assert listed(ask) == [id]


def test_world_that_was_saved_in_mid_evaluation_goes_on(ask: Client, fake: FakeBluejay) -> None:
    fake.evaluations.next(Evaluation(passes=False, takes=20))
    submit(ask)
    fake.clock.advance(3)
    with FakeBluejay.load(fake.dump()) as other:
        fake.clock.advance(30)
        other.clock.advance(30)
        assert other.dump() == fake.dump()
        [saved] = other.dump()["call_logs"]["all"]
        assert (saved["fields"]["status"], saved["fields"]["evaluations"][0]["goal_success"]) == ("COMPLETED", False)


def test_timer_of_a_dump_must_be_of_something_that_is_there(ask: Client, fake: FakeBluejay) -> None:
    submit(ask)
    data = fake.dump()
    data["timers"][0]["subject_id"] = f"call_logs/{UNKNOWN}"
    with pytest.raises(ValueError, match=r"timers\[0\]\.subject_id: nothing is scheduled for 'call_logs/6b1e"):
        FakeBluejay.load(data)
