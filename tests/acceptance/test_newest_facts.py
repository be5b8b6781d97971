"""Facts of the newest sources, as a client meets them: in process, and on a socket."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.agents import silent
from fake_bluejay.calls import Call, custom_error, no_answer, no_connection, out_of_funds, rejected, system_error

Ask = Callable[..., httpx.Response]


@pytest.fixture(params=["in process", "on a socket"])
def ask(request: pytest.FixtureRequest, bluejay: FakeBluejay) -> Iterator[Ask]:
    base = "https://api.getbluejay.ai" if request.param == "in process" else bluejay.url
    with httpx.Client(base_url=f"{base}/v1/", timeout=30) as client:

        def ask(method: str, path: str, json: Any = None, key: str | None = "key", **more: Any) -> httpx.Response:
            headers = {**({} if key is None else {"X-API-Key": key}), **more}
            return client.request(method, path, json=json, headers=headers)

        yield ask


def watchdog_closes(bluejay: FakeBluejay, ask: Ask) -> Any:
    """End a call whose agent is silent, let a minute pass, and return what a client then is told of it."""
    stuck = bluejay.add_test_result(agent=silent())
    assert ask("POST", "end-conversations", {"test_result_ids": [stuck.id]}).json()["ended_count"] == 1
    bluejay.clock.advance(60)
    return ask("GET", f"retrieve-simulation-result/{stuck.id}").json()["simulation_result"]


def test_a_call_that_the_watchdog_closes_is_a_system_error_and_never_evaluated(bluejay: FakeBluejay, ask: Ask) -> None:
    result = watchdog_closes(bluejay, ask)
    assert (result["status"], result["evaluations"], result["transcript_url"]) == ("SYSTEM_ERROR", None, None)
    assert result["end_time"] == "2026-01-01T00:00:30Z"
    [stuck] = bluejay.test_results
    assert (stuck.error_code, stuck.passed, len(stuck.history)) == ("END_SIGNAL_TIMEOUT", None, 1)
    assert stuck.control is not None
    assert stuck.control.by == "watchdog"
    assert bluejay.clock.pending == []


@pytest.mark.parametrize(
    ("status", "evaluated"), [("CONVERSATION_ENDED", True), ("INCOMPLETED", False), ("COMPLETED", True)]
)
def test_reading_decides_the_status_that_the_watchdog_sets(
    bluejay: FakeBluejay, ask: Ask, status: str, evaluated: bool
) -> None:
    bluejay.readings.set(watchdog_sets=status)
    result = watchdog_closes(bluejay, ask)
    assert bluejay.test_results[0].history[0].to == status
    assert (result["evaluations"] is not None) == evaluated


@pytest.mark.parametrize(("tells", "events"), [("nothing", []), ("simulation-ended", ["simulation_ended"])])
def test_webhooks_are_told_of_it_only_if_a_reading_says_so(
    bluejay: FakeBluejay, ask: Ask, tells: str, events: list[str]
) -> None:
    bluejay.webhooks.add(lambda request: None)
    bluejay.readings.set(watchdog_tells=tells)
    watchdog_closes(bluejay, ask)
    assert [delivery.event for delivery in bluejay.webhooks.deliveries] == events


@pytest.mark.parametrize("key", [None, "", "unknown", "revoked"])
def test_missing_invalid_or_revoked_key_is_401_with_any_body(bluejay: FakeBluejay, ask: Ask, key: str | None) -> None:
    bluejay.add_organisation("ours", "key")
    bluejay.add_organisation("theirs", "revoked")
    assert ask("POST", "end-conversations", {"test_result_ids": [1]}, key="revoked").status_code == 200
    bluejay.revoke_key("revoked")
    for path, body in (("end-conversations", {}), ("end-conversations", {"test_result_ids": [1]})):
        answer = ask("POST", path, body, key=key)
        assert answer.status_code == 401
        assert list(answer.json()) == ["detail"]
    assert ask("GET", "agents/abc", key=key).status_code == 401
    assert ask("POST", "end-conversations", {"test_result_ids": [1]}).status_code == 200


def test_a_key_can_be_revoked_where_every_other_serves(bluejay: FakeBluejay, ask: Ask) -> None:
    bluejay.revoke_key("key")
    assert ask("GET", "all-agents").status_code == 401
    assert ask("GET", "all-agents", key="another").status_code == 200
    loaded = FakeBluejay.load(bluejay.dump())
    assert loaded.client(headers={"X-API-Key": "key"}).get("/v1/all-agents").status_code == 401


def test_ping_needs_no_key(ask: Ask) -> None:
    answer = ask("GET", "ping", key=None)
    assert (answer.status_code, "sha" in answer.json()) == (200, True)


def test_entity_of_another_organisation_is_403_and_a_digital_human_404(bluejay: FakeBluejay, ask: Ask) -> None:
    bluejay.add_organisation("ours", "key")
    simulation = bluejay.add_simulation()
    run = bluejay.queue_run(simulation)
    for path in (
        f"agents/{simulation.agent.id}",
        f"simulation/{simulation.id}",
        f"retrieve-simulation-results/{run.id}",
        f"retrieve-simulation-result/{run.test_results[0].id}",
    ):
        assert ask("GET", path).status_code == 403, path
        assert ask("GET", re.sub(r"\d+$", "77", path)).status_code == 404, path
    # The endpoint's page says so of a digital human.
    assert ask("PUT", f"update-digital-human/{simulation.digital_humans[0].id}", {"name": "A"}).status_code == 404
    ending = ask("POST", "end-conversations", {"test_result_ids": [run.test_results[0].id]})
    assert (ending.status_code, ending.json()["failed_ids"]) == (200, [run.test_results[0].id])


def test_a_run_counts_failures_as_failed_and_cancelled_calls_as_neither(bluejay: FakeBluejay, ask: Ask) -> None:
    bluejay.calls.next(*[Call()] * 47, Call(passes=False), no_connection(), Call())
    run = bluejay.queue_run(bluejay.add_simulation(digital_humans=50))
    run.test_results[-1].cancel()
    bluejay.clock.advance(600)
    counted = ask("GET", f"retrieve-simulation-results/{run.id}").json()["simulation_run"]
    assert (counted["status"], counted["total_tests"], counted["tests_passed"], counted["tests_failed"]) == (
        "COMPLETED",
        50,
        47,
        2,
    )
    assert "tests_incompleted" not in counted
    assert "tests_incompleted" not in ask("GET", "get-simulation-runs/1").json()["simulation_runs"][0]


def test_no_older_word_is_answered_by_default_and_each_failed_call_has_an_error_code(
    bluejay: FakeBluejay, ask: Ask
) -> None:
    ends = [no_answer(), no_connection(), out_of_funds(), rejected(), system_error(), custom_error()]
    bluejay.calls.next(*ends)
    run = bluejay.queue_run(bluejay.add_simulation(digital_humans=len(ends)))
    bluejay.clock.advance(600)
    results = ask("GET", f"retrieve-simulation-results/{run.id}").json()["simulation_results"]
    assert [one["status"] for one in results] == [
        "NO_ANSWER",
        "NO_CONNECTION",
        "OUT_OF_FUNDS",
        "NO_ANSWER",
        "SYSTEM_ERROR",
        "CUSTOM_ERROR",
    ]
    assert [one.error_code for one in run.test_results] == [
        "NO_ANSWER",
        "SIP_DIAL_FAILED",
        "INSUFFICIENT_BALANCE",
        "CALL_REJECTED",
        "UNKNOWN",
        "CUSTOM_ERROR",
    ]


def test_a_rate_limit_counts_each_endpoint_by_itself_until_the_next_minute(bluejay: FakeBluejay, ask: Ask) -> None:
    bluejay.clock.advance(50)
    bluejay.faults.rate_limit(2, per=60)
    assert [ask("GET", f"agents/{id}").status_code for id in (1, 2, 3)] == [404, 404, 429]
    assert [ask("DELETE", f"agent/{id}").status_code for id in (1, 2, 3)] == [404, 404, 429]
    refused = ask("GET", "agents/1")
    assert refused.json() == {"error": "Rate limit exceeded: 2 per 1 minute"}
    assert bluejay.requests[-1].faults == ("rate_limit(count=2, per=60)",)
    bluejay.clock.advance(9.999999)
    assert ask("GET", "agents/1").status_code == 429
    bluejay.clock.advance(0.000001)
    assert [ask("GET", "agents/1").status_code for _ in "123"] == [404, 404, 429]
    bluejay.faults.clear()
    assert ask("GET", "agents/1").status_code == 404


def test_a_rate_limit_lets_requests_through_first_and_ends_when_it_has_refused_enough(
    bluejay: FakeBluejay, ask: Ask
) -> None:
    bluejay.faults.rate_limit(2, after=1, times=3)
    assert repr(bluejay.faults) == "[rate_limit(count=2, per=60, times=3, after=1)]"
    assert [ask("GET", "ping").status_code for _ in range(8)] == [200] * 3 + [429] * 3 + [200] * 2
    assert len(bluejay.faults) == 0


def test_a_rate_limit_refuses_the_requests_beyond_it_with_a_probability(bluejay: FakeBluejay, ask: Ask) -> None:
    bluejay.faults.rate_limit(20, probability=0.5)
    statuses = [ask("GET", "ping").status_code for _ in range(60)]
    assert (set(statuses[:20]), set(statuses[20:])) == ({200}, {200, 429})


@pytest.mark.parametrize("endpoint", ["evaluate", "evaluate-call"])
def test_a_rate_limit_of_evaluate_counts_the_requests_of_each_organisation(
    bluejay: FakeBluejay, ask: Ask, endpoint: str
) -> None:
    body = {"start_time_utc": "2026-01-01T00:00:00Z", "participants": [], "recording_url": "https://example.com/a.wav"}
    for name in ("ours", "theirs"):
        bluejay.add_organisation(name, name)
        bluejay.add_agent(organisation=name, external_agent_id="desk")
    bluejay.faults.rate_limit(1)
    statuses = [
        ask("POST", endpoint, {"external_agent_id": "desk", **body}, key=key).status_code
        for key in ("ours", "ours", "theirs", "theirs", "unknown", "unknown")
    ]
    assert statuses == [200, 429, 200, 429, 401, 429]
    assert [ask("GET", "all-agents", key=key).status_code for key in ("ours", "theirs")] == [200, 429]


@pytest.mark.bluejay(readings={"bearer_key": "serves"})
def test_a_rate_limit_of_evaluate_knows_an_organisation_by_a_bearer_key(bluejay: FakeBluejay, ask: Ask) -> None:
    for name in ("ours", "theirs"):
        bluejay.add_organisation(name, name)
    bluejay.faults.rate_limit(1)
    statuses = [
        ask("POST", "evaluate", {}, key=None, Authorization=f"Bearer {key}").status_code
        for key in ("ours", "ours", "theirs", "theirs")
    ]
    assert statuses == [422, 429, 422, 429]


def test_a_request_that_is_refused_by_a_limit_has_no_effect(bluejay: FakeBluejay, ask: Ask) -> None:
    call = bluejay.add_test_result()
    bluejay.faults.rate_limit(1, per=1, path="/v1/end-conversations")
    ask("POST", "end-conversations", {"test_result_ids": [99]})
    assert ask("POST", "end-conversations", {"test_result_ids": [call.id]}).status_code == 429
    assert bluejay.control_objects == []
    assert [ask("GET", "ping").status_code for _ in "123"] == [200] * 3


@pytest.mark.parametrize(
    ("code", "status"), [("NO_PAYMENT_METHOD", 402), ("INSUFFICIENT_CREDITS", 403), ("SPEND_ALERT_REACHED", 403)]
)
def test_billing_refuses_with_a_code_beside_the_detail(bluejay: FakeBluejay, ask: Ask, code: str, status: int) -> None:
    bluejay.faults.billing(code)
    answer = ask("POST", "end-conversations", {"test_result_ids": [1]})
    assert (answer.status_code, list(answer.json()), answer.json()["code"]) == (status, ["detail", "code"], code)
    assert ask("POST", "end-conversations", {"test_result_ids": [1]}).status_code == 200


def test_authentication_may_be_away_for_a_moment(bluejay: FakeBluejay, ask: Ask) -> None:
    bluejay.faults.unavailable(times=2)
    assert [ask("GET", "all-agents").status_code for _ in "123"] == [503, 503, 200]


def test_there_is_no_limit_by_default(bluejay: FakeBluejay, ask: Ask) -> None:
    assert {ask("GET", "all-agents").status_code for _ in range(150)} == {200}
