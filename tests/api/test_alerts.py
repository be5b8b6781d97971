"""Alerts: what sets them off, what lets them recover, and who is told."""

from typing import Any

import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.calls import Call
from fake_bluejay.evaluations import Evaluation, failed
from tests.api.client import Client

CONVERSATION = {
    "agent_id": "1",
    "start_time_utc": "2026-01-01T00:00:00Z",
    "participants": [{"role": "AGENT"}, {"role": "USER"}],
    "transcript": [{"start_offset_ms": 0, "end_offset_ms": 900, "speaker": "AGENT", "utterance": "Hello."}],
}
SLOW = {
    "name": "Slow",
    "entity_type": "standard_metric",
    "entity_field": "avg_agent_latency",
    "operator": "greater_than",
    "comparison_value": "3000",
    "min_events": 3,
    "source_scope": "observability",
}
UNKNOWN = "6b1e7a52-26f3-4d6c-8a1f-0d2c3f4b5a69"
STEP = 6
"""Seconds from a conversation's submission to the end of its evaluation."""


@pytest.fixture
def told(fake: FakeBluejay) -> list[Any]:
    """The bodies of the webhooks about alerts."""
    heard: list[Any] = []
    events = ["observability_alert_triggered", "simulation_alert_triggered"]
    fake.webhooks.add(lambda delivery: heard.append(delivery.json), events=events)  # type: ignore[arg-type]
    fake.add_agent()
    return heard


def alert(ask: Client, **fields: Any) -> Any:
    return ask("POST", "create-alert", {**SLOW, **fields})


def standing(ask: Client, id: str) -> Any:
    [one] = [one for one in ask("GET", "alerts")["alerts"] if one["id"] == id]
    return one


def evaluated(ask: Client, fake: FakeBluejay, *latencies: float, **fields: Any) -> str:
    """Conversations of these latencies, evaluated one after the other; the id of the last."""
    for latency in latencies:
        fake.evaluations.next(Evaluation(evaluation={"avg_agent_latency": latency}))
        id = ask("POST", "evaluate", {**CONVERSATION, **fields})["call_id"]
        fake.clock.advance(STEP)
    return str(id)


def test_created_alert_is_listed_changed_and_gone(ask: Client, told: list[Any]) -> None:
    channels = [{"type": "slack", "target": "#calls"}]
    new = alert(ask, applies_to_all_agents=False, agent_ids=[1], notification_channels=channels, sample_size=30)
    assert new == {
        **SLOW,
        "id": new["id"],
        "description": None,
        "is_enabled": True,
        "organization_id": "default",
        "notification_channels": channels,
        "last_triggered_at": None,
        "trigger_count": 0,
        "created_by": None,
        "applies_to_all_agents": False,
        "agents": [1],
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "threshold_time_interval": 600,
        "in_alert": False,
        "sample_size": 30,
        "simulation_id": None,
        "aggregation": None,
        "evaluation_scope": None,
        "min_events_type": None,
    }
    other = alert(ask, source_scope="simulation")
    assert other["threshold_time_interval"] == 1
    assert ask("GET", "alerts") == {"alerts": [new, other], "total_count": 2}
    assert ask("GET", "alerts?source_scope=simulation") == {"alerts": [other], "total_count": 1}
    changed = ask("PUT", f"update-alert/{new['id']}", {"name": None, "sample_size": None, "description": "Why."})
    assert changed == {**new, "sample_size": None, "description": "Why."}
    deleted = ask("DELETE", f"alert/{new['id']}")
    assert deleted == {"message": "Alert deleted", "deleted_alert_id": new["id"]}
    assert ask("GET", "alerts")["alerts"] == [other]
    for method, path in (("PUT", "update-alert/{}"), ("DELETE", "alert/{}"), ("GET", "alerts/{}/results")):
        assert ask(method, path.format(new["id"]), {}, status=404) == {"detail": "Alert not found"}


def test_enough_violations_in_the_window_set_an_alert_off_and_their_end_lets_it_recover(
    ask: Client, fake: FakeBluejay, told: list[Any]
) -> None:
    id = alert(ask)["id"]
    evaluated(ask, fake, 4000, 2000, 3000, 5000)
    assert (standing(ask, id)["in_alert"], told) == (False, [])
    last = evaluated(ask, fake, 6000)
    went_off = standing(ask, id)
    assert (went_off["in_alert"], went_off["trigger_count"]) == (True, 1)
    assert went_off["last_triggered_at"] == "2026-01-01T00:00:30Z"
    payload = {
        "type": "observability_alert_triggered",
        "subtype": "triggered",
        "alert_id": id,
        "alert_name": "Slow",
        "display_text": "Threshold: 3 events in 10 min",
        "organization_id": "default",
        "agent_id": 1,
        "event_count": 3,
        "min_events": 3,
    }
    assert told == [payload]
    [result] = ask("GET", f"alerts/{id}/results")["results"]
    assert (result["call_id"], result["source"], result["event_count"]) == (last, "observability", 3)
    assert (result["agent_id"], result["created_at"]) == (1, "2026-01-01T00:00:30Z")
    # The first violation, of 00:00:06, leaves the window of ten minutes.
    fake.clock.advance(576 - 0.000001)
    assert standing(ask, id)["in_alert"] is True
    fake.clock.advance(0.000001)
    assert standing(ask, id)["in_alert"] is False
    assert told[1:] == [{**payload, "subtype": "recovered", "event_count": 2}]
    assert len(ask("GET", f"alerts/{id}/results")["results"]) == 1


def test_more_violations_keep_an_alert_going_and_it_goes_off_again_later(
    ask: Client, fake: FakeBluejay, told: list[Any]
) -> None:
    id = alert(ask, threshold_time_interval=60)["id"]
    evaluated(ask, fake, *[4000] * 8)
    assert [one["subtype"] for one in told] == ["triggered"]
    fake.clock.advance(60)
    assert [one["subtype"] for one in told] == ["triggered", "recovered"]
    evaluated(ask, fake, *[4000] * 3)
    assert [one["subtype"] for one in told] == ["triggered", "recovered", "triggered"]
    assert standing(ask, id)["trigger_count"] == 2
    page = ask("GET", f"alerts/{id}/results?page_size=1")
    assert (page["total_count"], page["total_pages"], page["page"]) == (2, 2, 1)
    assert page["results"][0]["created_at"] > ask("GET", f"alerts/{id}/results")["results"][1]["created_at"]
    assert ask("GET", f"alerts/{id}/results?source=simulation")["results"] == []


@pytest.mark.parametrize(
    ("kind", "field", "operator", "value", "violates"),
    [
        ("standard_metric", "avg_agent_latency", "less_than_or_equal", "3000", True),
        ("standard_metric", "hallucination", "equals", "true", False),
        ("standard_metric", "hallucination", "equals", "false", True),
        ("standard_metric", "no_such_metric", "not_equals", "1", False),
        ("custom_goal", "goal", "equals", "fail", True),
        ("custom_metric", "politeness", "less_than", "3", True),
        ("custom_metric", "politeness", "greater_than_or_equal", "3", False),
        ("custom_metric", "another", "less_than", "3", False),
        ("metadata_field", "plan", "contains", "old", True),
        ("metadata_field", "plan", "not_contains", "old", False),
        ("metadata_field", "plan", "equals", "gold", True),
        ("metadata_field", "seats", "greater_than", "9", True),
        ("system_failure", "any", "not_equals", "", False),
    ],
)
def test_condition_is_about_the_named_value(
    ask: Client, fake: FakeBluejay, told: list[Any], kind: str, field: str, operator: str, value: str, violates: bool
) -> None:
    metric = {"name": "politeness", "description": "", "response_type": "quantitative", "agent_ids": [1]}
    ask("POST", "create-metric", metric)
    condition = {"entity_type": kind, "entity_field": field, "operator": operator, "comparison_value": value}
    id = alert(ask, **condition, min_events=1)["id"]
    fake.evaluations.next(Evaluation(passes=False, evaluation={"avg_agent_latency": 3000.0}, scores={"politeness": 2}))
    ask("POST", "evaluate", {**CONVERSATION, "metadata": {"plan": "gold", "seats": 10}})
    fake.clock.advance(STEP)
    assert standing(ask, id)["in_alert"] is violates


def test_metric_is_named_by_its_id_too(ask: Client, fake: FakeBluejay, told: list[Any]) -> None:
    metric = {"name": "politeness", "description": "", "response_type": "pass_fail", "agent_ids": [1]}
    field = ask("POST", "create-metric", metric)["id"]
    condition = {"entity_type": "custom_metric", "entity_field": field, "operator": "equals"}
    id = alert(ask, **condition, comparison_value="fail", min_events=1)["id"]
    fake.evaluations.next(scores={"politeness": False})
    ask("POST", "evaluate", CONVERSATION)
    fake.clock.advance(STEP)
    assert standing(ask, id)["in_alert"] is True


def test_failed_evaluation_is_a_system_failure(ask: Client, fake: FakeBluejay, told: list[Any]) -> None:
    condition = {"entity_type": "system_failure", "entity_field": "status", "operator": "equals"}
    id = alert(ask, **condition, comparison_value="SYSTEM_ERROR", min_events=1)["id"]
    fake.evaluations.next(failed())
    ask("POST", "evaluate", CONVERSATION)
    fake.clock.advance(STEP)
    assert standing(ask, id)["in_alert"] is True


def test_alert_of_some_agents_or_disabled_sees_nothing_else(ask: Client, fake: FakeBluejay, told: list[Any]) -> None:
    fake.add_agent()
    mine = alert(ask, applies_to_all_agents=False, agent_ids=[2], min_events=1)["id"]
    disabled = alert(ask, is_enabled=False, min_events=1)["id"]
    of_simulations = alert(ask, source_scope="simulation", min_events=1)["id"]
    evaluated(ask, fake, 4000)
    assert told == []
    evaluated(ask, fake, 4000, agent_id="2")
    assert [one["alert_id"] for one in told] == [mine]
    assert told[0]["agent_id"] == 2
    assert not any(standing(ask, id)["in_alert"] for id in (disabled, of_simulations))
    ask("DELETE", "agent/2")
    assert standing(ask, mine)["agents"] == []


def test_sample_is_of_the_latest_conversations_and_needs_them_all(
    ask: Client, fake: FakeBluejay, told: list[Any]
) -> None:
    id = alert(ask, sample_size=30, min_events=2)["id"]
    evaluated(ask, fake, *[4000, 4000], *[1000] * 27)
    assert told == []
    fake.clock.advance(86_400)  # no window counts
    evaluated(ask, fake, 1000)
    assert (told[0]["display_text"], told[0]["event_count"]) == ("Threshold: 2 events of 30 conversations", 2)
    evaluated(ask, fake, 1000)
    assert [one["subtype"] for one in told] == ["triggered", "recovered"]
    assert standing(ask, id)["in_alert"] is False


def test_alert_recovers_below_four_fifths_of_the_needed_number(ask: Client, fake: FakeBluejay, told: list[Any]) -> None:
    alert(ask, min_events=10, threshold_time_interval=600)
    begun = fake.clock.now
    evaluated(ask, fake, *[4000] * 10)  # at 00:00:06, 00:00:12, …
    left = [600 + STEP * number - (fake.clock.now - begun).total_seconds() for number in (2, 3)]
    fake.clock.advance(left[0])  # eight are left
    assert [(one["subtype"], one["event_count"]) for one in told] == [("triggered", 10)]
    fake.clock.advance(left[1] - left[0])
    assert [(one["subtype"], one["event_count"]) for one in told] == [("triggered", 10), ("recovered", 7)]


def test_alert_of_a_sample_recovers_below_four_fifths_too(ask: Client, fake: FakeBluejay, told: list[Any]) -> None:
    alert(ask, sample_size=30, min_events=5)
    evaluated(ask, fake, *[4000] * 5, *[1000] * 25, 1000)
    assert [(one["subtype"], one["event_count"]) for one in told] == [("triggered", 5)]  # and four are left
    evaluated(ask, fake, 1000)
    assert [(one["subtype"], one["event_count"]) for one in told] == [("triggered", 5), ("recovered", 3)]


# --- simulations ------------------------------------------------------------------------------------------------------

GOAL = {"entity_type": "custom_goal", "entity_field": "Goal completion", "operator": "less_than"}


def run(fake: FakeBluejay, *passes: bool) -> None:
    """A run whose calls pass or not, until it is over."""
    fake.calls.next(*(Call(passes=one) for one in passes))
    fake.queue_run(1, runs_per_digital_human=len(passes))
    fake.clock.advance(3600)


def test_simulation_alert_goes_off_and_recovers_by_the_average_of_a_run(
    ask: Client, fake: FakeBluejay, told: list[Any]
) -> None:
    fake.add_simulation(agent=1, digital_humans=1)
    id = alert(ask, **GOAL, comparison_value="0.8", source_scope="simulation")["id"]
    run(fake, True, True)
    assert told == []
    run(fake, True, False, False, True, False)
    payload = {
        "type": "simulation_alert_triggered",
        "subtype": "triggered",
        "alert_id": id,
        "alert_name": "Slow",
        "display_text": "Goal completion: avg across simulation run 2 was 0.4 (less_than 0.8)",
        "organization_id": "default",
        "agent_id": 1,
        "simulation_id": 1,
        "simulation_run_id": 2,
        "actual_value": 0.4,
        "operator": "less_than",
        "comparison_value": "0.8",
    }
    assert told == [payload]
    run(fake, False)
    assert (told[1]["subtype"], told[1]["simulation_run_id"]) == ("triggered", 3)  # one for each run
    run(fake, True)
    assert (told[2]["subtype"], told[2]["actual_value"], len(told)) == ("recovered", 1.0, 3)
    results = ask("GET", f"alerts/{id}/results?source=simulation")["results"]
    assert [(one["simulation_id"], one["simulation_run_id"], one["actual_value"]) for one in results] == [
        (1, 3, 0.0),
        (1, 2, 0.4),
    ]
    assert (standing(ask, id)["trigger_count"], standing(ask, id)["in_alert"]) == (2, False)


def test_simulation_alert_looks_at_as_many_runs_as_it_says(ask: Client, fake: FakeBluejay, told: list[Any]) -> None:
    fake.add_simulation(agent=1, digital_humans=1)
    condition = {**GOAL, "comparison_value": "0.6", "source_scope": "simulation"}
    alert(ask, **condition, threshold_time_interval=2)
    run(fake, False)
    run(fake, True)
    assert [one["actual_value"] for one in told] == [0.0, 0.5]
    run(fake, True)
    assert (told[-1]["subtype"], told[-1]["actual_value"]) == ("recovered", 1.0)


def test_simulation_alert_without_average_looks_at_each_result(ask: Client, fake: FakeBluejay, told: list[Any]) -> None:
    fake.add_simulation(agent=1, digital_humans=1)
    alert(ask, **GOAL, comparison_value="0.1", source_scope="simulation", aggregation="none")
    run(fake, True, True, False)
    assert [one["actual_value"] for one in told] == [False]


@pytest.mark.parametrize(("aggregation", "value"), [("min", 1), ("max", 5), ("avg", 3), (None, 3), ("count", 3)])
def test_simulation_alert_of_the_lowest_or_the_highest_result(
    ask: Client, fake: FakeBluejay, told: list[Any], aggregation: str | None, value: int
) -> None:
    fake.add_simulation(agent=1, digital_humans=1)
    fake.add("metric", name="politeness", response_type="quantitative", min_value=1, max_value=5, agent_ids=[1])
    of_metric = {"entity_type": "custom_metric", "entity_field": "politeness", "operator": "less_than"}
    alert(ask, **of_metric, comparison_value="6", source_scope="simulation", aggregation=aggregation)
    fake.calls.next(*(Call(scores={"politeness": score}) for score in (5, 1, 3)))
    fake.queue_run(1, runs_per_digital_human=3)
    fake.clock.advance(3600)
    how = aggregation if aggregation in ("min", "max") else "avg"
    assert (told[0]["actual_value"], told[0]["display_text"].partition(" was")[0]) == (
        value,
        f"politeness: {how} across simulation run 1",
    )


def test_simulation_alert_of_a_metric_that_passes_or_fails_compares_a_percentage(
    ask: Client, fake: FakeBluejay, told: list[Any]
) -> None:
    fake.add_simulation(agent=1, digital_humans=1)
    fake.add("metric", name="polite", response_type="pass_fail", agent_ids=[1])
    of_metric = {"entity_type": "custom_metric", "entity_field": "polite", "operator": "less_than"}
    alert(ask, **of_metric, comparison_value="80", source_scope="simulation")
    fake.calls.next(*(Call(scores={"polite": score}) for score in (True, True, True, False)))
    fake.queue_run(1, runs_per_digital_human=4)
    fake.clock.advance(3600)
    assert [one["actual_value"] for one in told] == [75.0]


def test_simulation_alert_of_the_latest_conversations_needs_them_all(
    ask: Client, fake: FakeBluejay, told: list[Any]
) -> None:
    fake.add_simulation(agent=1, digital_humans=1)
    alert(ask, **GOAL, comparison_value="0.9", source_scope="simulation", sample_size=30)
    run(fake, *[False] * 15, *[True] * 14)
    assert told == []
    run(fake, True)
    assert (told[0]["actual_value"], told[0]["display_text"].partition(" was")[0]) == (
        0.5,
        "Goal completion: avg across the last 30 conversations",
    )
    run(fake, *[True] * 15)  # the oldest, which failed, are no longer among the latest thirty
    assert [(one["subtype"], one["actual_value"]) for one in told] == [("triggered", 0.5), ("recovered", 1.0)]


def test_simulation_alert_of_a_failure_goes_off_at_once_and_once_a_run(
    ask: Client, fake: FakeBluejay, told: list[Any]
) -> None:
    fake.add_simulation(agent=1, digital_humans=1)
    failure = {"entity_type": "system_failure", "entity_field": "status", "operator": "equals"}
    alert(ask, **failure, comparison_value="NO_ANSWER", source_scope="simulation")
    fake.calls.next(Call(end="rejected", connects_after=1), Call(end="rejected", connects_after=5), Call(talks_for=90))
    first = fake.queue_run(1, runs_per_digital_human=3)
    fake.clock.advance(10)
    assert first.status == "RUNNING"
    assert [(one["subtype"], one["actual_value"], one["simulation_run_id"]) for one in told] == [
        ("triggered", "NO_ANSWER", 1)
    ]
    fake.clock.advance(3600)
    assert len(told) == 1
    run(fake, True)
    assert (told[1]["subtype"], told[1]["simulation_run_id"], len(told)) == ("recovered", 2, 2)


def test_simulation_alert_of_one_simulation(ask: Client, fake: FakeBluejay, told: list[Any]) -> None:
    for _ in range(2):
        fake.add_simulation(agent=1, digital_humans=1)
    condition = {**GOAL, "comparison_value": "0.8", "source_scope": "simulation"}
    id = alert(ask, **condition, simulation_id=2)["id"]
    run(fake, False)
    assert told == []
    ask("PUT", f"update-alert/{id}", {"simulation_id": None})
    run(fake, False)
    assert len(told) == 1


def test_simulation_alert_counts_results_by_the_other_reading(ask: Client, fake: FakeBluejay, told: list[Any]) -> None:
    fake.readings.set(simulation_alerts="window")
    fake.add_simulation(agent=1, digital_humans=1)
    id = alert(ask, **GOAL, comparison_value="1", source_scope="simulation", min_events=2)["id"]
    run(fake, False, True)
    assert told == []
    run(fake, False, False)
    assert [(one["type"], one["subtype"]) for one in told] == [
        ("simulation_alert_triggered", "triggered"),
        ("simulation_alert_triggered", "recovered"),
    ]
    assert standing(ask, id)["trigger_count"] == 1


def test_alert_of_one_source_does_not_see_the_other(ask: Client, fake: FakeBluejay, told: list[Any]) -> None:
    fake.readings.set(simulation_alerts="window")
    fake.add_simulation(agent=1, digital_humans=1)
    ids = {
        scope: alert(ask, **GOAL, comparison_value="1", source_scope=scope, min_events=1)["id"]
        for scope in ("observability", "simulation")
    }
    run(fake, False)
    assert {one["alert_id"] for one in told} == {ids["simulation"]}
    told.clear()
    fake.evaluations.next(Evaluation(passes=False))
    ask("POST", "evaluate", CONVERSATION)
    fake.clock.advance(STEP)
    assert {one["alert_id"] for one in told} == {ids["observability"]}


def test_alert_of_everything_counts_both(ask: Client, fake: FakeBluejay, told: list[Any]) -> None:
    fake.add_simulation(agent=1, digital_humans=1)
    alert(ask, **GOAL, comparison_value="1", source_scope="all", min_events=2, threshold_time_interval=86_400)
    run(fake, False)
    fake.evaluations.next(Evaluation(passes=False))
    ask("POST", "evaluate", CONVERSATION)
    fake.clock.advance(STEP)
    assert [one["type"] for one in told] == ["observability_alert_triggered"]


# --- changes and refusals ---------------------------------------------------------------------------------------------


def test_changed_condition_counts_anew_and_a_changed_name_does_not(
    ask: Client, fake: FakeBluejay, told: list[Any]
) -> None:
    id = alert(ask)["id"]
    evaluated(ask, fake, 4000, 4000)
    ask("PUT", f"update-alert/{id}", {"name": "Slower"})
    evaluated(ask, fake, 4000)
    assert [one["alert_name"] for one in told] == ["Slower"]
    assert ask("PUT", f"update-alert/{id}", {"comparison_value": "3500"})["in_alert"] is False
    fake.clock.advance(3600)
    evaluated(ask, fake, 4000, 4000)
    assert len(told) == 1


def test_bad_alert_changes_nothing(ask: Client, fake: FakeBluejay, told: list[Any]) -> None:
    id = alert(ask)["id"]
    theirs = fake.add_agent(organisation="others").id
    before = fake.dump()
    for fields, status in (
        ({"agent_ids": [99]}, 404),
        ({"agent_ids": [theirs]}, 403),
        ({"simulation_id": 99}, 404),
        ({"sample_size": 29}, 422),
        ({"operator": "is"}, 422),
    ):
        ask("POST", "create-alert", {**SLOW, **fields}, status=status)
        ask("PUT", f"update-alert/{id}", {"name": "Changed", **fields}, status=status)
    for method, path in (("PUT", "update-alert/x"), ("DELETE", "alert/x"), ("GET", "alerts/x/results")):
        ask(method, path, {}, status=422)
    assert fake.dump() == before


def test_alerts_of_another_organisation_do_not_exist(
    ask: Client, others: Client, fake: FakeBluejay, told: list[Any]
) -> None:
    id = alert(ask, min_events=1)["id"]
    assert others("GET", "alerts") == {"alerts": [], "total_count": 0}
    for method, path in (("PUT", f"update-alert/{id}"), ("DELETE", f"alert/{id}"), ("GET", f"alerts/{id}/results")):
        others(method, path, {"name": "Mine"}, status=404)
    theirs = fake.add_agent(organisation="others").id
    others("POST", "evaluate", {**CONVERSATION, "agent_id": str(theirs)})
    fake.clock.advance(STEP)
    assert standing(ask, id)["in_alert"] is False


def test_restored_alert_goes_off_and_recovers_the_same(ask: Client, fake: FakeBluejay, told: list[Any]) -> None:
    for sample_size in (None, 30):
        alert(ask, min_events=2, sample_size=sample_size)
    evaluated(ask, fake, 4000)
    with FakeBluejay.load(fake.dump()) as restored:
        again = Client(restored, fake.api_key)
        for one, client in ((fake, ask), (restored, again)):
            evaluated(client, one, 4000)
            one.clock.advance(599)
        assert again("GET", "alerts") == ask("GET", "alerts")
        first = ask("GET", "alerts")["alerts"][0]
        assert (first["trigger_count"], first["in_alert"]) == (1, False)
        assert restored.world.timers.next_due() == fake.world.timers.next_due()


def test_alert_that_is_deleted_while_it_goes_off_tells_nothing_more(
    ask: Client, fake: FakeBluejay, told: list[Any]
) -> None:
    id = alert(ask, min_events=1)["id"]
    evaluated(ask, fake, 4000)
    ask("DELETE", f"alert/{id}")
    fake.clock.advance(3600)
    assert [one["subtype"] for one in told] == ["triggered"]
    assert fake.resources("alert result") == []
