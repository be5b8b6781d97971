import json

import metrics
import monitoring
import pytest
import requests

from fake_bluejay.evaluations import Evaluation

HELPED = {"name": "helped", "description": "The agent helps.", "response_type": "pass_fail"}
POLITE = {
    "name": "polite",
    "description": "How polite.",
    "response_type": "quantitative",
    "min_value": 1,
    "max_value": 5,
}


@pytest.fixture(autouse=True)
def agent(bluejay):
    return bluejay.add_agent(external_agent_id="front-desk")


@pytest.fixture
def synchronize():
    return lambda *wanted: dict(metrics.synchronize(metrics.Bluejay(), 1, list(wanted)))


def names(bluejay):
    return [one.fields["name"] for one in bluejay.resources("metric")]


def test_metrics_are_created_kept_changed_and_deleted(bluejay, synchronize):
    assert synchronize(HELPED, POLITE) == {"created": 2, "deleted": 0}
    assert synchronize(HELPED, POLITE) == {"created": 0, "kept": 2, "deleted": 0}
    assert synchronize({**POLITE, "max_value": 10}) == {"created": 0, "changed": 1, "deleted": 1}
    assert names(bluejay) == ["polite"]
    assert bluejay.resources("metric")[0].fields["max_value"] == 10


def test_metrics_of_other_agents_stay_as_they_are(bluejay, synchronize):
    other = bluejay.add_agent()
    bluejay.add("metric", name="theirs", agent_ids=[other.id])
    synchronize(HELPED)
    synchronize()
    assert names(bluejay) == ["theirs"]


def test_more_metrics_than_a_page_has_are_all_found(bluejay, synchronize):
    many = [{**HELPED, "name": f"metric {number}"} for number in range(120)]
    assert synchronize(*many)["created"] == 120
    assert synchronize(*many)["kept"] == 120


def test_report_counts_the_values_of_each_metric(bluejay, tmp_path, capsys):
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps([HELPED, POLITE]))
    assert metrics.main([str(path), "--agent-id", "1"]) == 0
    assert capsys.readouterr().out == "2 created, 0 deleted\n"
    bluejay.evaluations.next(
        Evaluation(scores={"helped": True, "polite": 5}),
        Evaluation(scores={"helped": True, "polite": 4}),
        Evaluation(scores={"helped": False, "polite": 4}),
    )
    client = monitoring.Bluejay()
    turns = [{"who": "agent", "text": "Hello.", "from_ms": 0, "to_ms": 900}]
    for number in range(3):
        call = {"id": str(number), "started_at": "2026-01-01T00:00:00Z", "turns": turns}
        monitoring.evaluate(client, "front-desk", call)
    bluejay.clock.advance(10)
    assert metrics.main([str(path), "--agent-id", "1"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "helped: pass 2 times, fail 1 times",
        "polite: 4 2 times, 5 1 times",
    ]


def test_metric_that_cannot_be_is_refused_and_nothing_is_created(bluejay, synchronize):
    with pytest.raises(requests.HTTPError, match="422"):
        synchronize(HELPED, {**POLITE, "response_type": "stars"})
    assert names(bluejay) == []
