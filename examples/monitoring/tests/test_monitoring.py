import json

import monitoring
import pytest
import requests

from fake_bluejay.evaluations import Evaluation, failed


def call(name):
    turns = [
        {"who": "agent", "text": "Front desk, hello.", "from_ms": 0, "to_ms": 900},
        {"who": "caller", "text": "A table for two, please.", "from_ms": 1000, "to_ms": 2500},
    ]
    return {"id": name, "started_at": "2026-01-01T00:00:00Z", "from": "+15555550100", "turns": turns}


@pytest.fixture(autouse=True)
def agent(bluejay):
    return bluejay.add_agent(external_agent_id="front-desk")


@pytest.fixture
def run(tmp_path):
    def run(*names, more=()):
        path = tmp_path / "calls.json"
        path.write_text(json.dumps([call(name) for name in names]))
        return monitoring.main([str(path), "--agent", "front-desk", *more])

    return run


def test_every_call_is_evaluated_and_reached_its_goal(run, capsys):
    assert run("a", "b") == 0
    assert capsys.readouterr().out == "a: reached {}\nb: reached {}\n"


def test_call_that_missed_its_goal_is_reported_with_its_scores(bluejay, run, capsys):
    bluejay.add("metric", name="politeness", response_type="quantitative", min_value=1, max_value=5, agent_ids=[1])
    bluejay.evaluations.next(Evaluation(scores={"politeness": 5}), Evaluation(passes=False, scores={"politeness": 2}))
    assert run("a", "b") == 1
    assert capsys.readouterr().out == 'a: reached {"politeness": "5"}\nb: missed {"politeness": "2"}\n'


def test_evaluation_that_fails_is_no_success(bluejay, run, capsys):
    bluejay.evaluations.next(failed())
    assert run("a") == 1
    assert "a: missed" in capsys.readouterr().out


def test_evaluation_that_is_slow_is_waited_for(bluejay, run):
    bluejay.evaluations.next(Evaluation(takes=175))
    began = bluejay.clock.now
    assert run("a") == 0
    assert 175 <= (bluejay.clock.now - began).total_seconds() < 190


def test_evaluation_that_does_not_come_is_given_up(bluejay, run, capsys):
    bluejay.evaluations.next(Evaluation(takes=10_000))
    assert run("a", more=["--budget", "60"]) == 2
    assert capsys.readouterr().out == "a: not evaluated in time {}\n"


def test_agent_that_is_unknown_takes_no_call(bluejay, tmp_path, capsys):
    path = tmp_path / "calls.json"
    path.write_text(json.dumps([call("a")]))
    assert monitoring.main([str(path), "--agent", "nobody"]) == 2
    assert "a: not taken: 404" in capsys.readouterr().err
    assert bluejay.resources("call log") == []


def test_rate_limit_and_a_short_absence_are_waited_out(bluejay, run):
    bluejay.faults.rate_limit(2, per=60)
    bluejay.faults.unavailable()
    assert run("a", "b", "c") == 0
    statuses = {request.response.status_code for request in bluejay.requests}
    assert {429, 503} <= statuses
    assert len(bluejay.resources("call log")) == 3


def test_webhook_tells_the_same_as_polling(bluejay):
    told = []

    def receiver(delivery):
        told.append(monitoring.received(delivery.headers, delivery.body, "s3cret"))

    bluejay.webhooks.add(receiver, secret="s3cret", events=[monitoring.EVENT])
    client = monitoring.Bluejay()
    id = monitoring.evaluate(client, "front-desk", call("a"))
    polled = monitoring.wait_for(client, [id])[id]
    [payload] = told
    assert (payload["id"], payload["status"], payload["metadata"]) == (id, "COMPLETED", {"provider_call_id": "a"})
    assert [one["id"] for one in payload["evaluations"]] == [one["id"] for one in polled["evaluations"]]


def test_forged_webhook_is_refused():
    with pytest.raises(PermissionError):
        monitoring.received({"X-Bluejay-Signature": "0" * 64}, b'{"type": "x"}', "s3cret")


def test_open_issues_are_reported(bluejay, run, capsys):
    bluejay.add("issue", title="Ends without a confirmation")
    bluejay.add("issue", title="Solved", status="resolved")
    assert run("a") == 0
    assert capsys.readouterr().out.endswith("open issue: Ends without a confirmation (0 calls)\n")


def test_many_issues_come_in_parts(bluejay):
    for number in range(201):
        bluejay.add("issue", title=f"Issue {number}")
    assert len(monitoring.open_issues(monitoring.Bluejay())) == 201


def test_key_that_is_revoked_is_an_error(bluejay):
    bluejay.revoke_key(bluejay.api_key)
    with pytest.raises(requests.HTTPError, match="401"):
        monitoring.open_issues(monitoring.Bluejay())
