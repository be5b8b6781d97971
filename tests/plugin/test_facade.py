"""`FakeBluejay`, with and without pytest's fixtures."""

import gc
import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from fake_bluejay import FakeBluejay, Status, pytest_plugin
from fake_bluejay.agents import drops_after, ends_after, ends_within, silent
from fake_bluejay.calls import Call, call_dropped, no_answer, no_connection, out_of_funds, rejected
from fake_bluejay.core.clock import ManualClock
from fake_bluejay.readings import questions
from tests.warm import output_of

URL = "https://api.getbluejay.ai/v1/end-conversations"
START = datetime(2026, 1, 1, tzinfo=UTC)


def end(*ids: int, key: str = "a-key") -> httpx.Response:
    return httpx.post(URL, json={"test_result_ids": ids}, headers={"X-API-Key": key})


def test_as_a_decorator() -> None:
    @FakeBluejay(agent="silent")
    def decorated(extra: int, bluejay: FakeBluejay) -> tuple[int, int]:
        bluejay.add_test_result()
        return extra, end(1).json()["ended_count"]

    assert decorated(7) == decorated(7) == (7, 1)  # type: ignore[call-arg]


def test_a_decorated_function_takes_the_fake_wherever_it_names_it() -> None:
    def first(bluejay: FakeBluejay, x: int, /, *rest: int) -> tuple[object, ...]:
        return type(bluejay), x, *rest

    def between(x: int, bluejay: FakeBluejay, y: int = 2) -> tuple[object, ...]:
        return type(bluejay), x, y

    def by_name(*numbers: int, bluejay: FakeBluejay) -> tuple[object, ...]:
        return type(bluejay), *numbers

    for function in (first, between, by_name):
        assert FakeBluejay()(function)(1, 2) == (FakeBluejay, 1, 2)  # type: ignore[operator]
    assert FakeBluejay()(between)(y=2, x=1) == (FakeBluejay, 1, 2)  # type: ignore[call-arg]


def test_a_clock_that_is_given_begins_anew() -> None:
    seen = []

    @FakeBluejay(clock=ManualClock(5_000_000))
    def decorated(bluejay: FakeBluejay) -> None:
        for _ in "12":
            seen.append(bluejay.clock.now)
            bluejay.clock.advance(10)
            bluejay.reset()

    decorated()  # type: ignore[call-arg]
    decorated()  # type: ignore[call-arg]
    assert seen == [datetime(1970, 1, 1, 0, 0, 5, tzinfo=UTC)] * 4


async def test_async_as_a_decorator_and_a_context_manager() -> None:
    @FakeBluejay()
    async def decorated() -> int:
        return end(1).status_code

    assert await decorated() == 200
    async with FakeBluejay() as bluejay:
        end(1)
        assert len(bluejay.requests) == 1


def test_with_leaves_a_fake_on_that_was_on(bluejay: FakeBluejay) -> None:
    with bluejay, bluejay:
        end(1)
    end(1)
    with FakeBluejay() as other:
        with other:
            end(1)
        assert other.is_on
    assert not other.is_on
    assert (len(bluejay.requests), len(other.requests)) == (2, 1)


def test_the_watchdog_to_the_microsecond(bluejay: FakeBluejay) -> None:
    exact, late = bluejay.add_test_result(agent=ends_after(30)), bluejay.add_test_result(agent=ends_after(45))
    end(1, 2)
    assert exact.watchdog is not None
    assert exact.watchdog.due - bluejay.clock.now == timedelta(seconds=30)
    for _ in range(299):
        bluejay.clock.advance(0.1)
    bluejay.clock.advance(0.099999)
    assert (exact.status, late.status) == ("RUNNING", "RUNNING")
    bluejay.clock.advance(0.000001)
    assert [entry.cause for entry in exact.history] == ["agent"]
    assert [entry.cause for entry in late.history] == ["watchdog"]
    bluejay.clock.advance(100)
    assert [entry.to for entry in late.history] == ["SYSTEM_ERROR"]
    assert late.error_code == "END_SIGNAL_TIMEOUT"
    bluejay.assert_ended(1, by="agent")
    bluejay.assert_ended(2, by="watchdog")
    assert late.control is not None
    assert late.control.expired_at == late.end_time == START + timedelta(seconds=30)


def test_three_hundred_tenths_fire_the_watchdog_once(bluejay: FakeBluejay) -> None:
    stuck = bluejay.add_test_result(agent=silent())
    end(1)
    for _ in range(300):
        assert stuck.history == []
        bluejay.clock.advance(0.1)
    assert [(entry.at, entry.cause) for entry in stuck.history] == [(START + timedelta(seconds=30), "watchdog")]


def test_agents(bluejay: FakeBluejay) -> None:
    within, drops, default = (bluejay.add_test_result(agent=one) for one in (ends_within(20), drops_after(5), None))
    end(1, 2, 3)
    bluejay.clock.run_until(lambda: default.status != "RUNNING", limit=3)
    assert bluejay.clock.now == START + timedelta(seconds=2)
    with pytest.raises(TimeoutError, match="did not hold within 1 s"):
        bluejay.clock.run_until(lambda: False, limit=1)
    bluejay.clock.advance_to(START + timedelta(seconds=20))
    assert within.history[0].cause == "agent"
    assert (drops.status, drops.control.by if drops.control else "") == ("CALL_DROPPED", None)


def agent_took(bluejay: FakeBluejay) -> float:
    call, marked = bluejay.add_test_result(), bluejay.clock.now
    end(call.id)
    bluejay.clock.advance(40)
    return (call.history[0].at - marked).total_seconds()


def set_by_watchdog(bluejay: FakeBluejay) -> str:
    end(2)
    bluejay.clock.advance(30)
    return bluejay.test_result(2).status


def without_key() -> httpx.Response:
    return httpx.post(URL, json={"test_result_ids": [1]})


def ask(method: str, path: str, json: Any = None) -> httpx.Response:
    return httpx.request(method, f"https://api.getbluejay.ai/v1/{path}", json=json, headers={"x-api-key": "a-key"})


def contracts(fake: FakeBluejay) -> list[int]:
    """Return the statuses for an agent without a knowledge base, one of ElevenLabs, and one of the telephone."""
    agent = {"name": "Ann", "system_prompt": "", "goals": []}
    more = [
        {},
        {"knowledge_base": "", "connection_type": "ELEVEN_LABS"},
        {"knowledge_base": "", "connection_type": "SIP"},
    ]
    return [ask("POST", "add-agent", {**agent, **one}).status_code for one in more]


def listed(fake: FakeBluejay) -> list[str] | None:
    """The tools that a result in a list shows."""
    fake.queue_run()
    fake.world.edit(fake.test_results[-1].id, fields={"tool_calls": [{"name": "a", "start_offset_ms": 0}]})
    [result] = ask("GET", "retrieve-simulation-results/1").json()["simulation_results"]
    return None if result["tool_calls"] is None else [one["name"] for one in result["tool_calls"]]


def metrics_of_a_result(fake: FakeBluejay) -> list[str]:
    metric = {"name": "tone", "description": "", "response_type": "text", "response_value": "kind"}
    [result] = queued(fake, Call(custom_metrics=(metric,)))["simulation_results"]
    answer = ask("GET", f"retrieve-simulation-result/{result['id']}").json()
    return [one["name"] for one in answer["simulation_result"]["metrics"]]


def reported(fake: FakeBluejay) -> dict[str, Any]:
    """Return the fields of a test result after two reports."""
    for tag in "ab":
        ask("POST", "update-simulation-result", {"simulation_result_id": "1", "tags": [tag]})
    return fake.test_result(1).fields


def evaluated(fake: FakeBluejay) -> dict[str, Any]:
    """Return the fields of a test result after an evaluation."""
    one = fake.add_test_result(status="EVALUATING", trace_ids=["t"])
    fake.clock.advance(600)
    return one.fields


def updated(fake: FakeBluejay, **changes: Any) -> tuple[Any, Any]:
    human = fake.add_digital_human(name="Ann", language="fr")
    ask("PUT", f"update-digital-human/{human.id}", changes)
    return human.fields["name"], human.fields["language"]


def versions(fake: FakeBluejay, label: str | None = None) -> list[list[str]]:
    """The labels of an agent's versions after one was added, both with a label, and the agent was updated."""
    fake.add_agent()
    with fake.client(headers={"X-API-Key": fake.api_key}) as client:
        if label is not None:
            client.post("/v1/agents/1/versions/1/labels", json={"labels": [label]})
        client.post("/v1/agents/1/versions", json={"prompt_text": "Second.", "labels": [label] if label else []})
        if label is None:
            client.post("/v1/update-agent", json={"agent_id": "1", "system_prompt": "Third."})
        found = client.get("/v1/agents/1/versions").json()
    return [sorted(one["labels"]) for one in reversed(found)]


def labels_left(fake: FakeBluejay) -> Any:
    """Return the labels of the first version, which is no longer the latest, after a request that removes none."""
    versions(fake)
    return ask("DELETE", "agents/1/versions/1/labels").json()["labels"]


def went_off(fake: FakeBluejay) -> Any:
    """Return the state of an alert for simulations after a run whose only result violates its condition."""
    fake.add_simulation(digital_humans=1)
    condition = {"entity_type": "custom_goal", "entity_field": "goal", "operator": "equals", "comparison_value": "pass"}
    alert = fake.add("alert", source_scope="simulation", **condition)
    fake.queue_run(1)
    fake.clock.advance(600)
    return alert.fields["in_alert"]


def registered(fake: FakeBluejay) -> int:
    """The status of registering a noise whose file was not uploaded."""
    noise = {"name": "Rain", "storage_path": "custom-background-noises/default/rain.wav"}
    return fake.client(headers={"X-API-Key": fake.api_key}).post("/v1/custom-background-noises", json=noise).status_code


def added_twice(fake: FakeBluejay) -> int:
    fake.add_agent(external_agent_id="a")
    body = {"name": "", "system_prompt": "", "knowledge_base": "", "goals": [], "external_agent_id": "a"}
    return ask("POST", "add-agent", body).status_code


def of_agent_without_workflow(fake: FakeBluejay) -> int:
    return ask("GET", f"agents/{fake.add_agent().id}/workflow/summary").status_code


def of_deleted_simulation(fake: FakeBluejay) -> list[int]:
    """Return the statuses for a run and its result after their simulation was deleted, another one being left."""
    run = fake.queue_run(fake.add_simulation(digital_humans=1))
    paths = f"retrieve-simulation-results/{run.id}", f"retrieve-simulation-result/{run.test_results[0].id}"
    other = fake.queue_run(fake.add_simulation(digital_humans=1))
    ask("DELETE", f"simulation/{run.simulation.id}")
    assert ask("GET", f"retrieve-simulation-results/{other.id}").status_code == 200
    return [ask("GET", path).status_code for path in paths]


def of_run_without_calls(fake: FakeBluejay) -> int:
    simulation = fake.add_simulation(digital_humans=0)
    return ask("POST", "queue-simulation-run", {"simulation_id": str(simulation.id)}).status_code


def of_unknown_version(fake: FakeBluejay) -> int:
    body = {"agent_id": str(fake.add_agent().id), "start_time_utc": "2026-01-01T00:00:00Z"}
    body["participants"] = [{"role": "AGENT"}, {"role": "USER"}]
    before = fake.dump()
    answer = ask("POST", "evaluate", {**body, "recording_url": "https://example.com/a.wav", "version": 7})
    assert bool(answer.json().get("warning")) == (answer.status_code == 200)
    assert answer.status_code == 200 or fake.dump() == before
    return answer.status_code


def of_participants(fake: FakeBluejay) -> list[int]:
    """Return the statuses for conversations of no participant, and of one to three."""
    body = {"agent_id": str(fake.add_agent().id), "start_time_utc": "2026-01-01T00:00:00Z"}
    body["recording_url"] = "https://example.com/a.wav"
    counts = range(4)
    return [ask("POST", "evaluate", {**body, "participants": [{"role": "AGENT"}] * n}).status_code for n in counts]


def of_pages_of_humans(fake: FakeBluejay) -> list[int]:
    """Return the statuses for the first page without anything, and for the last and the next page of three."""
    statuses = [ask("GET", "digital-humans?page_size=2").status_code]
    for _ in range(3):
        fake.add_digital_human()
    return statuses + [ask("GET", f"digital-humans?page_size=2&page={page}").status_code for page in (2, 3)]


def of_deleted_agent(fake: FakeBluejay) -> int:
    simulation = fake.add_simulation()
    ask("DELETE", f"agent/{simulation.agent.id}")
    return ask("GET", f"simulation/{simulation.id}").status_code


def queued(fake: FakeBluejay, *calls: Call, **fields: Any) -> Any:
    """The answer that a client polls, an hour after a run was queued in which these calls happen."""
    fake.calls.next(*calls)
    run = fake.queue_run(fake.add_simulation(digital_humans=len(calls), **fields))
    fake.clock.advance(3600)
    return ask("GET", f"retrieve-simulation-results/{run.id}").json()


def words(fake: FakeBluejay) -> list[str]:
    answer = queued(fake, no_answer(), rejected(), no_connection("RETELL_AUTH_FAILED"), out_of_funds())
    return [result["status"] for result in answer["simulation_results"]]


def run_statuses(fake: FakeBluejay) -> list[str]:
    return [
        queued(fake, *calls)["simulation_run"]["status"]
        for calls in ([Call(), no_answer()], [no_answer(), no_answer()], [out_of_funds()])
    ]


def incompleted(fake: FakeBluejay) -> list[Any]:
    over = queued(fake, Call(), no_answer())["simulation_run"].get("tests_incompleted")
    run = ask("GET", f"retrieve-simulation-results/{fake.queue_run().id}").json()["simulation_run"]
    return [over, run.get("tests_incompleted")]


def failed(fake: FakeBluejay) -> tuple[int, int, int]:
    """Of one that passes, one that does not, one that is not answered and one that is cancelled."""
    fake.calls.next(Call(), Call(passes=False), no_answer(), Call())
    run = fake.queue_run(fake.add_simulation(digital_humans=4))
    run.test_results[3].cancel()
    fake.clock.advance(3600)
    answer = ask("GET", f"retrieve-simulation-results/{run.id}").json()["simulation_run"]
    return answer["tests_passed"], answer["tests_failed"], answer["total_tests"]


def told_of_watchdog(fake: FakeBluejay) -> list[str]:
    fake.webhooks.add(lambda request: None)
    end(2)
    fake.clock.advance(60)
    return [delivery.event for delivery in fake.webhooks.deliveries]


def name_of_missing_key(fake: FakeBluejay) -> str:
    fake.readings.set(missing_key="422")
    name: str = without_key().json()["detail"][0]["loc"][1]
    return name


def by_bearer() -> int:
    return httpx.post(URL, json={"test_result_ids": [1]}, headers={"authorization": "Bearer a-key"}).status_code


def bad_keys() -> set[int]:
    """With a body that is not valid: an unknown key, an empty one, none."""
    missing = httpx.post(URL, json={})
    return {end(key="wrong").status_code, end(key="").status_code, missing.status_code}


def foreign(fake: FakeBluejay, kind: str) -> int:
    """Ask for what is another organisation's, whose kinds but this one are read the other way round."""
    others = [one for one in ("agent", "simulation", "digital_human", "run", "result", "trace", "other") if one != kind]
    other = {"403": "404", "404": "403"}[getattr(fake.readings, f"foreign_{kind}")]
    fake.readings.set(**{f"foreign_{one}": other for one in others})
    simulation = fake.add_simulation(organisation="other", agent=fake.add_agent(organisation="other"))
    run = fake.queue_run(simulation)
    fake.add("trace", organisation="other", trace_id="1" * 32)
    paths = {
        "agent": f"agents/{simulation.agent.id}",
        "simulation": f"simulation/{simulation.id}",
        "digital_human": f"digital-human/{simulation.digital_humans[0].id}",
        "run": f"retrieve-simulation-results/{run.id}",
        "result": f"retrieve-simulation-result/{run.test_results[0].id}",
        "trace": f"traces/{'1' * 32}",
        "other": f"folder/{fake.add('folder', organisation='other').id}",
    }
    return ask("POST" if kind == "trace" else "GET", paths[kind]).status_code


def failure(fake: FakeBluejay) -> tuple[Any, Any]:
    result = queued(fake, no_connection("SIP_DIAL_FAILED"))["simulation_results"][0]
    return result["result"], result.get("error_code")


def told_of_drop(fake: FakeBluejay) -> list[str]:
    fake.webhooks.add(lambda request: None)
    queued(fake, call_dropped())
    return [delivery.event for delivery in fake.webhooks.deliveries]


def called_in_a_personality(fake: FakeBluejay) -> int:
    simulation = fake.add_simulation(digital_humans=1)
    made = ask("POST", "personalities", {"personalities": [{"name": "Loud"}]}).json()["personalities"]
    ask("PUT", f"simulations/{simulation.id}/personalities", {"personality_ids": [made[0]["id"]]})
    return len(fake.queue_run(simulation).test_results)


def metric_without_a_prompt(fake: FakeBluejay) -> int:
    return ask("POST", "create-metric", {"name": "Polite", "response_type": "pass_fail"}).status_code


def phrases_found(fake: FakeBluejay) -> Any:
    fake.add_agent()
    phrases = {"metric_type": "transcript_regex", "settings": {"phrases": ["hello"]}}
    fake.add("metric", agent_ids=[1], **phrases)
    call = fake.add("call log", agent_id="1")  # its agent says hello
    fake.clock.advance(60)
    return ask("GET", f"observability/conversations/{call.id}").json()["metric_results"][0]


def re_evaluated(fake: FakeBluejay) -> int:
    return ask("POST", "re-evaluate-simulation-result/1").status_code


def headers(fake: FakeBluejay) -> set[str]:
    received: list[Any] = []
    fake.webhooks.add(received.append)
    queued(fake, Call())
    assert received[0].event == "simulation_ended"
    return set(received[0].headers)


def attempts(fake: FakeBluejay) -> list[int | None]:
    answers = iter([500, 200])
    fake.webhooks.add(lambda request: next(answers), ["simulation_ended"])
    queued(fake, Call())
    fake.clock.advance(5)
    return [attempt.status for attempt in fake.webhooks.deliveries[0].attempts]


def proof(fake: FakeBluejay) -> set[str]:
    received: list[Any] = []
    fake.webhooks.add(received.append)
    queued(fake, Call())
    return {name for name in ("X-Bluejay-Signature", "X-Webhook-Secret") if name in received[0].headers}


def told_of_conversation(fake: FakeBluejay) -> Any:
    """Return what the webhook for an evaluated conversation has as its transcript."""
    received: list[Any] = []
    fake.webhooks.add(lambda request: received.append(request.json), ["observability_call_evaluated"])
    fake.add_agent()
    fake.add("call log", agent_id="1")
    fake.clock.advance(60)
    return received[0].get("transcript", "absent")


# 1 is RUNNING, 2 with a silent agent, 3 another organisation's; there is no 9.
READINGS: dict[tuple[str, str], Callable[[FakeBluejay], object]] = {
    ("success", "if-any-marked"): lambda fake: end(1, 9).json()["success"] and not end(9).json()["success"],
    ("success", "if-none-failed"): lambda fake: end(1).json()["success"] and not end(1, 9).json()["success"],
    ("success", "always"): lambda fake: end(9).json()["success"],
    ("all_failed_status", "200"): lambda fake: end(9).status_code == 200,
    ("all_failed_status", "404"): lambda fake: end(9).status_code == 404 and end(1, 9).status_code == 200,
    ("all_failed_status", "400"): lambda fake: end(9).status_code == 400 and end(1, 9).status_code == 200,
    ("test_result_ids", "marked"): lambda fake: end(1, 9).json()["test_result_ids"] == [1],
    ("test_result_ids", "requested"): lambda fake: end(1, 9).json()["test_result_ids"] == [1, 9],
    ("no_failed_ids", "null"): lambda fake: end(1).json()["failed_ids"] is None,
    ("no_failed_ids", "empty-list"): lambda fake: end(1).json()["failed_ids"] == [],
    ("duplicate_ids", "each-counts"): lambda fake: end(1, 1, 9, 9).json()["failed_ids"] == [9, 9],
    ("duplicate_ids", "counted-once"): lambda fake: end(1, 1, 9, 9).json()["ended_count"] == 1,
    ("already_marked", "marked-again"): lambda fake: [end(1).json()["ended_count"] for _ in "12"] == [1, 1],
    ("already_marked", "fails"): lambda fake: [end(1).json()["failed_ids"] for _ in "12"] == [None, [1]],
    ("foreign_id", "fails"): lambda fake: end(1, 3).json()["failed_ids"] == [3],
    ("foreign_id", "403"): lambda fake: end(1, 3).status_code == 403 and not fake.control_objects,
    ("missing_key", "401-detail"): lambda fake: list(without_key().json()) == ["detail"],
    ("missing_key", "401-error-and-detail"): lambda fake: list(without_key().json()) == ["error", "detail"],
    ("missing_key", "422"): lambda fake: without_key().status_code == 422,
    ("missing_key", "403"): lambda fake: without_key().status_code == 403,
    ("missing_key_name", "x-api-key"): lambda fake: name_of_missing_key(fake) == "x-api-key",
    ("missing_key_name", "X-API-Key"): lambda fake: name_of_missing_key(fake) == "X-API-Key",
    ("unknown_key", "401-error-and-detail"): lambda fake: list(end(1, key="").json()) == ["error", "detail"],
    ("unknown_key", "401-detail"): lambda fake: list(end(1, key="wrong").json()) == ["detail"],
    ("unknown_key", "403"): lambda fake: end(1, key="wrong").status_code == 403,
    ("bearer_key", "ignored"): lambda fake: by_bearer() == 401,
    ("bearer_key", "serves"): lambda fake: by_bearer() == 200,
    ("bad_key_and_bad_body", "body-first"): lambda fake: bad_keys() == {422},
    ("bad_key_and_bad_body", "key-first"): lambda fake: bad_keys() == {401},
    ("ping_names", "sha"): lambda fake: "sha" in ask("GET", "ping").json(),
    ("ping_names", "commit"): lambda fake: "commit" in ask("GET", "ping").json(),
    ("watchdog_sets", "SYSTEM_ERROR"): lambda fake: set_by_watchdog(fake) == "SYSTEM_ERROR",
    ("watchdog_sets", "CONVERSATION_ENDED"): lambda fake: set_by_watchdog(fake) == "CONVERSATION_ENDED",
    ("watchdog_sets", "INCOMPLETED"): lambda fake: set_by_watchdog(fake) == "INCOMPLETED",
    ("watchdog_sets", "COMPLETED"): lambda fake: set_by_watchdog(fake) == "COMPLETED",
    ("agent_ends", "after-2-seconds"): lambda fake: agent_took(fake) == 2,
    ("agent_ends", "within-20-seconds"): lambda fake: 0 < agent_took(fake) < 20 and agent_took(fake) != 2,
    ("watchdog_tells", "nothing"): lambda fake: told_of_watchdog(fake) == [],
    ("watchdog_tells", "simulation-ended"): lambda fake: told_of_watchdog(fake) == ["simulation_ended"],
    ("foreign_agent", "403"): lambda fake: foreign(fake, "agent") == 403,
    ("foreign_agent", "404"): lambda fake: foreign(fake, "agent") == 404,
    ("foreign_simulation", "403"): lambda fake: foreign(fake, "simulation") == 403,
    ("foreign_simulation", "404"): lambda fake: foreign(fake, "simulation") == 404,
    ("foreign_digital_human", "403"): lambda fake: foreign(fake, "digital_human") == 403,
    ("foreign_digital_human", "404"): lambda fake: foreign(fake, "digital_human") == 404,
    ("foreign_run", "403"): lambda fake: foreign(fake, "run") == 403,
    ("foreign_run", "404"): lambda fake: foreign(fake, "run") == 404,
    ("foreign_result", "403"): lambda fake: foreign(fake, "result") == 403,
    ("foreign_result", "404"): lambda fake: foreign(fake, "result") == 404,
    ("foreign_trace", "403"): lambda fake: foreign(fake, "trace") == 403,
    ("foreign_trace", "404"): lambda fake: foreign(fake, "trace") == 404,
    ("foreign_other", "403"): lambda fake: foreign(fake, "other") == 403,
    ("foreign_other", "404"): lambda fake: foreign(fake, "other") == 404,
    ("contract", "docs-2026-09"): lambda fake: contracts(fake) == [200, 200, 200],
    ("contract", "sdk-0.3.6"): lambda fake: contracts(fake) == [422, 200, 200],
    ("contract", "openapi-2026-04-30"): lambda fake: contracts(fake) == [422, 422, 200],
    ("listed_results", "brief"): lambda fake: listed(fake) is None,
    ("listed_results", "full"): lambda fake: listed(fake) == ["a"],
    ("result_metrics", "built-in"): lambda fake: "num_turns" in metrics_of_a_result(fake),
    ("result_metrics", "custom"): lambda fake: metrics_of_a_result(fake) == ["tone"],
    ("reported_later", "adds"): lambda fake: reported(fake)["tags"] == ["a", "b"],
    ("reported_later", "replaces"): lambda fake: reported(fake)["tags"] == ["b"],
    ("traces_while_evaluated", "cleared"): lambda fake: "trace_ids" not in evaluated(fake),
    ("traces_while_evaluated", "kept"): lambda fake: evaluated(fake)["trace_ids"] == ["t"],
    ("update_changes", "given-not-null"): lambda fake: updated(fake, name=None) == ("Ann", "fr"),
    ("update_changes", "given"): lambda fake: updated(fake, name=None) == (None, "fr"),
    ("update_changes", "not-null-defaults-too"): lambda fake: updated(fake, name=None) == ("Ann", "en"),
    ("same_external_id", "added"): lambda fake: added_twice(fake) == 200,
    ("same_external_id", "409"): lambda fake: added_twice(fake) == 409,
    ("simulation_alerts", "latest-runs"): lambda fake: went_off(fake) is True,
    ("simulation_alerts", "window"): lambda fake: went_off(fake) is False,
    ("first_version", "production"): lambda fake: versions(fake)[0] == ["production"],
    ("first_version", "latest-only"): lambda fake: versions(fake)[0] == [],
    ("updated_text", "in-place"): lambda fake: len(versions(fake)) == 2,
    ("updated_text", "new-version"): lambda fake: len(versions(fake)) == 3,
    ("removing_no_labels", "all"): lambda fake: labels_left(fake) == [],
    ("removing_no_labels", "none"): lambda fake: labels_left(fake) == ["production"],
    ("label_on_another", "both"): lambda fake: ["a" in one for one in versions(fake, "a")][:2] == [True, True],
    ("label_on_another", "moved"): lambda fake: ["a" in one for one in versions(fake, "a")][:2] == [False, True],
    ("label_on_another", "409"): lambda fake: len(versions(fake, "a")) == 1,
    ("noise_without_file", "taken"): lambda fake: registered(fake) == 200,
    ("noise_without_file", "400"): lambda fake: registered(fake) == 400,
    ("agent_without_workflow", "empty"): lambda fake: of_agent_without_workflow(fake) == 200,
    ("agent_without_workflow", "404"): lambda fake: of_agent_without_workflow(fake) == 404,
    ("deleted_simulation", "runs-go"): lambda fake: of_deleted_simulation(fake) == [404, 404],
    ("deleted_simulation", "runs-stay"): lambda fake: of_deleted_simulation(fake) == [200, 200],
    ("run_without_calls", "completed"): lambda fake: of_run_without_calls(fake) == 200,
    ("run_without_calls", "400"): lambda fake: of_run_without_calls(fake) == 400,
    ("unknown_version", "warning"): lambda fake: of_unknown_version(fake) == 200,
    ("unknown_version", "404"): lambda fake: of_unknown_version(fake) == 404,
    ("evaluate_participants", "up-to-two"): lambda fake: of_participants(fake) == [200, 200, 200, 422],
    ("evaluate_participants", "exactly-two"): lambda fake: of_participants(fake) == [422, 422, 200, 422],
    ("page_out_of_range", "400"): lambda fake: of_pages_of_humans(fake) == [200, 200, 400],
    ("page_out_of_range", "empty"): lambda fake: of_pages_of_humans(fake) == [200, 200, 200],
    ("deleted_agent", "simulations-go"): lambda fake: of_deleted_agent(fake) == 404,
    ("deleted_agent", "simulations-stay"): lambda fake: of_deleted_agent(fake) == 200,
    ("status_words", "docs-2026-09"): lambda fake: (
        words(fake) == ["NO_ANSWER", "NO_ANSWER", "NO_CONNECTION", "OUT_OF_FUNDS"]
    ),
    ("status_words", "openapi-2026-04-30"): lambda fake: (
        words(fake) == ["INCOMPLETED", "REJECTED", "REJECTED", "INSUFFICIENT_FUNDS"]
    ),
    ("run_status", "completed"): lambda fake: run_statuses(fake) == ["COMPLETED"] * 3,
    ("run_status", "by-its-calls"): lambda fake: (
        run_statuses(fake) == ["COMPLETED", "INCOMPLETED", "INSUFFICIENT_FUNDS"]
    ),
    ("tests_failed", "failures-too"): lambda fake: failed(fake) == (1, 2, 4),
    ("tests_failed", "scored-only"): lambda fake: failed(fake) == (1, 1, 4),
    ("tests_incompleted", "absent"): lambda fake: incompleted(fake) == [None, None],
    ("tests_incompleted", "ended-otherwise"): lambda fake: incompleted(fake) == [1, 0],
    ("tests_incompleted", "not-completed"): lambda fake: incompleted(fake) == [1, 1],
    ("error_code_in", "nowhere"): lambda fake: failure(fake) == (None, None),
    ("error_code_in", "result"): lambda fake: failure(fake) == ({"error_code": "SIP_DIAL_FAILED"}, None),
    ("error_code_in", "own-field"): lambda fake: failure(fake) == (None, "SIP_DIAL_FAILED"),
    ("dropped_call_tells", "evaluated"): lambda fake: told_of_drop(fake) == ["simulation_result_evaluated"],
    ("dropped_call_tells", "ended-and-evaluated"): lambda fake: (
        told_of_drop(fake) == ["simulation_ended", "simulation_result_evaluated"]
    ),
    ("dropped_call_tells", "nothing"): lambda fake: told_of_drop(fake) == [],
    ("personality_calls", "itself-too"): lambda fake: called_in_a_personality(fake) == 2,
    ("personality_calls", "selected-only"): lambda fake: called_in_a_personality(fake) == 1,
    ("incomplete_metric", "taken"): lambda fake: metric_without_a_prompt(fake) == 200,
    ("incomplete_metric", "400"): lambda fake: metric_without_a_prompt(fake) == 400,
    ("transcript_regex", "found-passes"): lambda fake: phrases_found(fake)["response_value"] == "pass",
    ("transcript_regex", "found-fails"): lambda fake: phrases_found(fake)["response_value"] == "fail",
    ("transcript_regex", "drawn"): lambda fake: "Made up" in phrases_found(fake)["reasoning"],
    ("re_evaluate_unfinished", "400"): lambda fake: re_evaluated(fake) == 400,
    ("re_evaluate_unfinished", "ignored"): lambda fake: re_evaluated(fake) == 200,
    ("webhook_proof", "signature"): lambda fake: proof(fake) == {"X-Bluejay-Signature"},
    ("webhook_proof", "secret-header"): lambda fake: proof(fake) == {"X-Webhook-Secret"},
    ("webhook_headers", "event-and-delivery"): lambda fake: (
        headers(fake) >= {"x-bluejay-signature", "x-bluejay-event", "x-bluejay-delivery"}
    ),
    ("webhook_headers", "none"): lambda fake: headers(fake) == {"content-type", "user-agent", "x-bluejay-signature"},
    ("webhook_transcript", "absent"): lambda fake: told_of_conversation(fake) == "absent",
    ("webhook_transcript", "present"): lambda fake: told_of_conversation(fake)[0]["utterance"] == "Hello.",
    ("webhook_retries", "none"): lambda fake: attempts(fake) == [500],
    ("webhook_retries", "at-least-once"): lambda fake: attempts(fake) == [500, 200],
}


def test_every_choice_of_every_reading_is_tested() -> None:
    assert set(READINGS) == {(one.name, str(choice)) for one in questions() for choice in one.choices}
    assert all(one.evidence and one.question for one in questions())


@pytest.mark.parametrize(("name", "choice"), READINGS)
def test_each_reading_shows_in_what_a_client_meets(bluejay: FakeBluejay, name: str, choice: str) -> None:
    bluejay.add_organisation("other", "other-key")
    bluejay.world.add_api_keys("default", "a-key")
    bluejay.add_test_result()
    bluejay.add_test_result(agent=silent())
    bluejay.add_test_result(organisation="other")
    bluejay.readings.set(**{name: choice})
    assert READINGS[name, choice](bluejay)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda fake: fake.add_test_result(id=7), "id 7 is taken; there are: 7"),
        (lambda fake: fake.add_test_result(statsu="RUNNING"), "a test result 'statsu'; did you mean 'status'?"),
        (lambda fake: fake.add_test_result(agnet="silent"), "a test result 'agnet'; did you mean 'agent'?"),
        (lambda fake: fake.add_simulation(agnt=1), "a simulation 'agnt'; did you mean 'agent'?"),
        (lambda fake: fake.add_simulation(digital_human=1), "'digital_human'; did you mean 'digital_humans'?"),
        (lambda fake: fake.add_simulation(agent_id=1), "as in a request, not 1; a test gives agent=1"),
        (lambda fake: fake.queue_run(simulaton=1), "a run 'simulaton'; did you mean 'simulation'?"),
        (lambda fake: fake.add_test_result(status="RUNING"), "unknown status 'RUNING'; did you mean 'RUNNING'?"),
        (lambda fake: fake.add_test_result(agent="sleepy"), "unknown agent behavior 'sleepy'"),
        (lambda fake: fake.add_test_result(colour="red"), "unknown field of a test result 'colour'"),
        (
            lambda fake: fake.add_test_result(evaluations=[{"latency": {"avg_latency": 3}}]),
            "unknown field of a test result's evaluations.latency: 'avg_latency'; did you mean 'avg_agent_latency'?",
        ),
        (lambda fake: fake.add_test_result(evaluations=[{"id": None}]), "evaluations.0.id: a string is needed"),
        (lambda fake: fake.add_test_result(metadata={"call": object()}), "a test result's metadata: JSON is needed"),
        (
            lambda fake: fake.add_test_result(metadata={"call": float("nan")}),
            "a test result's metadata: JSON is needed",
        ),
        (lambda fake: fake.add_test_result(duration=5, tags=["\ud800"]), "a test result's tags: JSON is needed"),
        (lambda fake: fake.clock.advance(-1), "cannot advance by -1"),
        (lambda fake: fake.clock.advance(float("nan")), "finite"),
        (lambda fake: fake.clock.advance_to(START - timedelta(days=1)), "cannot advance to 2025-12-31"),
        (lambda fake: fake.clock.advance_to(datetime(2027, 1, 1)), "no time zone"),
        (lambda fake: fake.clock.advance_to("2027-01-01"), "an aware datetime is needed"),  # type: ignore[arg-type]
        (lambda fake: fake.add_organisation("", api_key="k"), "the name of an organisation is text that is not empty"),
        (lambda fake: fake.add_organisation("o", api_key=""), "an API key must not be empty"),
        (lambda fake: fake.add_organisation("o", api_key="a\nb"), "an API key is printable ASCII text"),
        (lambda fake: fake.add_organisation("o", api_key=5), "an API key is printable ASCII"),  # type: ignore[arg-type]
        (
            lambda fake: fake.assert_ended(fake.test_result(7)),
            "are integers, e.g. `result.id` or `int(text)`, not <Test",
        ),
        (lambda fake: fake.assert_failed("7"), "are integers, e.g. `result.id` or `int(text)`, not '7'"),  # type: ignore[arg-type]
        (lambda fake: fake.stub("GET", "/v1/ping", 204, json={}), "an answer of status 204 has no body"),
        (lambda fake: fake.stub("GET", "/v1/x/{"), "is a name in braces, e.g. /v1/agents/{id}, not '/v1/x/{'"),
        (lambda fake: fake.stub("GET", 5), "a path starts with a slash"),  # type: ignore[arg-type]
        (lambda fake: fake.stub(5, "/v1/x"), "unknown method 5"),  # type: ignore[arg-type]
        (lambda fake: fake.assert_ended(), "nothing is asserted: the ids of test results are needed"),
        (lambda fake: fake.assert_failed(), "nothing is asserted: the ids of test results are needed"),
        (lambda fake: fake.queue_run("x"), "simulation: an integer is needed, not 'x'"),  # type: ignore[arg-type]
        (lambda fake: fake.queue_run([1]), "simulation: an integer is needed, not [1]"),  # type: ignore[arg-type]
        (lambda fake: fake.queue_run(digital_human_ids="12"), "a list of ids or digital humans, not '12'"),
        (lambda fake: fake.add_simulation(agent=99), "unknown agent 99; known: none"),
        *(
            (
                lambda fake, humans=humans: fake.add_simulation(digital_humans=humans),
                "at most 10,000, or a list of those",
            )
            for humans in (-1, True, None, "ab", 10**9)
        ),
        (lambda fake: fake.add_simulation(digital_humans=[1]), "as add_digital_human() gives it, not 1"),  # type: ignore[list-item]
        *(
            (lambda fake, ids=ids: fake.add_digital_human(simulation_ids=ids), "simulation_ids is a list of integers")
            for ids in (5, "1", 0, [[1]], [True], ["1"])
        ),
        (lambda fake: fake.clock.run_until(lambda: False, -1), "a limit of -1 seconds: time only moves forward"),
        (lambda fake: fake.readings.set(sucess="always"), "unknown reading 'sucess'; did you mean 'success'?"),
        (lambda fake: fake.test_result(7).set_status("QUEUED"), "from RUNNING to QUEUED"),
        (lambda fake: fake.clock.run_until(True), "run_until takes a function, e.g."),  # type: ignore[arg-type]
        (lambda fake: fake.test_result(7).happen("edn"), "unknown event 'edn'; did you mean 'end'? known: "),
        (lambda fake: ends_after(-2), "must not be negative"),
    ],
)
def test_bad_input_names_the_value_and_the_choices(
    bluejay: FakeBluejay, call: Callable[[FakeBluejay], object], message: str
) -> None:
    bluejay.add_test_result(id=7)
    before = bluejay.dump()
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the message is compared below
        call(bluejay)
    assert message in str(error.value)
    assert bluejay.dump() == before


def test_a_fake_says_how_it_stands() -> None:
    with FakeBluejay() as fake:
        fake.add_test_result()
        fake.client().get("/v1/ping")
        fake.clock.advance(1)
        assert repr(fake) == "<FakeBluejay on, 2026-01-01T00:00:01+00:00, 1 test results, 1 requests>"
    assert repr(fake).startswith("<FakeBluejay off, ")


def test_a_client_may_have_a_base_url_of_the_tests_own(bluejay: FakeBluejay) -> None:
    with bluejay.client(base_url="https://api.getbluejay.ai/v1") as client:
        assert client.get("/ping").status_code == 200


def test_a_reading_that_is_assigned_is_not_taken_for_one_that_is_set(bluejay: FakeBluejay) -> None:
    with pytest.raises(AttributeError, match=re.escape("a reading is chosen by readings.set(success='always')")):
        bluejay.readings.success = "always"  # type: ignore[assignment, method-assign, unused-ignore]


def test_an_unknown_id_names_the_known_ones(bluejay: FakeBluejay) -> None:
    bluejay.add_test_results(2)
    with pytest.raises(KeyError, match="there is no test result 8; there are: 1, 2"):
        bluejay.test_result(8)


def test_a_dump_without_a_key_brings_a_fake_that_can_be_used(bluejay: FakeBluejay) -> None:
    dump = bluejay.dump()
    dump["organisations"][0]["api_keys"] = []
    with FakeBluejay.load(dump) as other:
        result = other.add_test_result()
        answer = other.client().post(
            "/v1/end-conversations",
            json={"test_result_ids": [result.id]},
            headers={"X-API-Key": os.environ["BLUEJAY_API_KEY"]},
        )
    assert answer.status_code == 200


def test_given_fields_are_stored_as_json(bluejay: FakeBluejay) -> None:
    entry = {"goal_success": False, "created_at": START}
    given = bluejay.add_test_result(evaluations=[entry], metadata={"days": (START,), "set": {1}})
    assert given.fields["evaluations"] == [{"goal_success": False, "created_at": "2026-01-01T00:00:00Z"}]
    assert given.fields["metadata"] == {"days": ["2026-01-01T00:00:00Z"], "set": [1]}
    bluejay.calls.default = Call(evaluations=[entry])
    bluejay.queue_run()
    assert FakeBluejay.load(bluejay.dump()).dump() == bluejay.dump()


def test_a_dump_goes_on_where_it_stopped(bluejay: FakeBluejay) -> None:
    bluejay.add_test_results(3, agent=ends_within(20))
    bluejay.add_test_result(agent=silent())
    end(1, 2, 3, 4, 999)
    bluejay.clock.advance(9)
    other = FakeBluejay.load(json.loads(json.dumps(bluejay.dump())))
    for length in (0, 60):
        for fake in (bluejay, other):
            fake.clock.advance(length)
        assert other.dump() == bluejay.dump()
    assert other.test_result(4).history[0].cause == "watchdog"
    data = bluejay.dump()
    data["test_results"][2]["status"] = "BUSY"
    with pytest.raises(ValueError, match=r"test_results\[2\]\.status: unknown status 'BUSY'"):
        FakeBluejay.load(data)


def test_a_snapshot_brings_back(bluejay: FakeBluejay) -> None:
    call = bluejay.add_test_result()
    with bluejay.snapshot():
        end(call.id)
        bluejay.clock.advance(60)
        assert call.status == Status.COMPLETED
    assert (call.status, call.history, bluejay.control_objects) == ("RUNNING", [], [])
    bluejay.reset()
    assert bluejay.test_results == []


def test_organisations_do_not_see_each_other(bluejay: FakeBluejay) -> None:
    bluejay.add_organisation("other", api_key="other-key")
    bluejay.add_test_result()
    bluejay.add_test_result(organisation="other")
    assert end(1, 2, key=bluejay.api_key).json()["test_result_ids"] == [1]
    assert end(1, 2, key="other-key").json()["test_result_ids"] == [2]
    polled = "https://api.getbluejay.ai/v1/retrieve-simulation-result/2"
    assert httpx.get(polled, headers={"X-API-Key": bluejay.api_key}).status_code == 403
    assert httpx.get(polled, headers={"X-API-Key": "other-key"}).json()["simulation_result"]["status"] == "RUNNING"


def test_headers_in_the_journal_are_found_in_any_case_and_shown_masked(bluejay: FakeBluejay) -> None:
    end(1, key="a-very-secret-key")
    [request] = bluejay.requests
    assert request.headers["X-API-Key"] == request.headers["x-api-key"] == "a-very-secret-key"
    assert request.headers.get("X-Api-Key") == "a-very-secret-key"
    assert "X-API-Key" in request.headers
    assert "X-Other" not in request.headers
    assert request.response is not None
    assert request.response.headers["Content-Type"] == "application/json"
    assert "'x-api-key': 'a-ve…ey'" in repr(request.headers)


def test_failed_assertion_shows_the_arrived_requests(bluejay: FakeBluejay) -> None:
    bluejay.add_test_result(agent=silent())
    bluejay.assert_no_requests()
    end(1, 9, key="a-very-secret-key")
    bluejay.assert_failed(9)
    bluejay.assert_requested("POST", "/v1/end-conversations", times=1)
    checks: list[tuple[Callable[[], None], str]] = [
        (lambda: bluejay.assert_ended(9), "no call marked 9"),
        (lambda: bluejay.assert_ended(1, by="agent"), "1 was marked, but not ended by the agent: it is RUNNING"),
        (lambda: bluejay.assert_failed(1), "no call was refused for 1"),
        (lambda: bluejay.assert_no_requests(), "1 requests arrived"),
        (lambda: bluejay.assert_requested("GET", "/v1/ping"), "GET /v1/ping was expected at least once, and came 0"),
    ]
    for check, message in checks:
        with pytest.raises(AssertionError) as error:
            check()
        assert message in str(error.value)
        assert "<POST /v1/end-conversations key=a-ve…ey" in str(error.value)
        assert "secret" not in str(error.value)


def test_a_request_that_breaks_the_fake_changes_nothing(bluejay: FakeBluejay, caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def reaction(self, draw: str) -> None:
            raise RuntimeError("broken agent")

    bluejay.add_test_result()
    bluejay.add_test_result(agent=Broken())
    answer = end(1, 2)
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
    assert bluejay.control_objects == bluejay.clock.pending == []
    assert "broken agent" in caplog.text
    assert end(1).json()["ended_count"] == 1


def test_a_condition_may_be_asked_by_way_of_the_server(bluejay: FakeBluejay) -> None:
    result = bluejay.add_test_result()
    with httpx.Client(base_url=bluejay.base_url, headers={"X-API-Key": "k"}, timeout=30) as client:
        client.post("/end-conversations", json={"test_result_ids": [result.id]})

        def is_over() -> bool:
            answer = client.get(f"/retrieve-simulation-result/{result.id}").json()
            return bool(answer["simulation_result"]["status"] != "RUNNING")

        bluejay.clock.run_until(is_over, limit=30)
    assert result.status == "CONVERSATION_ENDED"


@pytest.mark.parametrize(
    ("missing", "use", "advice"),
    [
        ("uvicorn", "bluejay.url", 'pip install "fake-bluejay[server]"'),
        ("httpx httpx2", "bluejay.client()", "pip install httpx"),
        ("httpx httpx2", "bluejay.transport", "pip install httpx"),
        ("hypothesis", "import fake_bluejay.strategies", "pip install hypothesis"),
    ],
)
def test_missing_package_is_named_with_its_installation(missing: str, use: str, advice: str) -> None:
    code = f"""
import sys
sys.modules.update(dict.fromkeys({missing.split()!r}))
from fake_bluejay import FakeBluejay
bluejay = FakeBluejay()
{use}
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert re.search(rf"ModuleNotFoundError: .*{re.escape(advice)}", done.stderr.splitlines()[-1])


def test_httpx2_alone_serves_for_clients(tmp_path: Path) -> None:
    code = """
import asyncio, sys
sys.modules["httpx"] = None
from fake_bluejay import FakeBluejay
bluejay = FakeBluejay()
import httpx2
async def ask():
    async with bluejay.async_client() as client:
        return await client.get("/v1/ping")
with bluejay.client() as client:
    answers = [client.get("/v1/ping"), asyncio.run(ask())]
with httpx2.Client(transport=bluejay.transport) as client:
    answers.append(client.get("http://any.test/v1/ping"))
served = FakeBluejay.connect(bluejay.url)
async def ask_the_server():
    async with served.async_client() as client:
        return await client.get("/v1/ping")
with served.client() as client:
    answers += [client.get("/v1/ping"), asyncio.run(ask_the_server())]
assert [type(each) for each in answers] == [httpx2.Response] * 5
assert [each.status_code for each in answers] == [200] * 5
assert len(bluejay.requests) == 5
bluejay.stop()
"""
    output_of(code, directory=tmp_path)


async def test_own_transports_lead_to_their_own_fake(bluejay: FakeBluejay) -> None:
    """Off or on, and with the library's own exceptions for faults."""
    other = FakeBluejay()
    with other.client() as client:
        assert client.get("/v1/ping").status_code == 200
        other.faults.reset()
        with pytest.raises(httpx.ReadError):
            client.get("/v1/ping")
    async with other.async_client() as async_client:
        assert (await async_client.get("/v1/ping")).status_code == 200
        other.faults.truncate(3)
        with pytest.raises(httpx.RemoteProtocolError):
            await async_client.get("/v1/ping")
    assert len(other.requests) == 4
    bluejay.assert_no_requests()


def test_a_fake_leaves_no_garbage_to_collect(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each collection costs a test more than making a fake does."""
    monkeypatch.setattr(pytest_plugin, "_running", [])  # a report of this test would need its fakes
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        with FakeBluejay() as bluejay:
            bluejay.add_test_result()
            with urllib.request.urlopen("https://api.getbluejay.ai/v1/ping") as answer:
                assert answer.status == 200
        del bluejay
        gc.collect()
        kinds = {f"{type(each).__module__}.{type(each).__qualname__}" for each in gc.garbage}
        assert {kind for kind in kinds if kind.startswith(("fake_bluejay.", "time_machine."))} == set()
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
