"""Bluejay as code: what is pulled can be pushed again, and a push makes, changes and unlinks what a bundle says."""

import copy
import json
from typing import Any

import pytest

from fake_bluejay import FakeBluejay
from tests.api.client import Client

AGENT, SIMULATION, HUMAN, METRIC, OTHER, SECOND = (f"6b1e7a52-26f3-4d6c-8a1f-0d2c3f4b5a6{digit}" for digit in range(6))
BUNDLE: dict[str, Any] = {
    "agents": [{"bluejay_as_code_id": AGENT, "name": "Desk", "system_prompt": "Help.", "voice": "v"}],
    "simulations": [{"bluejay_as_code_id": SIMULATION, "name": "Coverage", "agent": AGENT}],
    "digital_humans": [
        {"bluejay_as_code_id": HUMAN, "human_name": "Maria", "description": "Books.", "simulations": [SIMULATION]}
    ],
    "custom_metrics": [{"bluejay_as_code_id": METRIC, "name": "Verified", "description": "The agent asks."}],
}


WITHOUT_AGENT: dict[str, Any] = {"simulations": [{"bluejay_as_code_id": SIMULATION, "name": "Coverage"}]}
GAPS = "journey_steps: the steps must be numbered from 1, without gaps"


def journey(*numbers: int, intent: str = "Call.") -> dict[str, Any]:
    steps = [{"step": number, "intent": intent} for number in numbers]
    return {"digital_humans": [{"bluejay_as_code_id": HUMAN, "human_name": "Ann", "journey_steps": steps}]}


def changed(**lists: Any) -> dict[str, Any]:
    return {**copy.deepcopy(BUNDLE), **lists}


@pytest.fixture
def pushed(ask: Client) -> Any:
    return ask("POST", "bluejay-as-code", BUNDLE)


def test_push_creates_the_items_of_a_bundle(ask: Client, pushed: Any) -> None:
    assert pushed == {
        "valid": True,
        "errors": [],
        "actions": [
            "Created agent 'Desk'",
            "Created simulation 'Coverage'",
            "Created digital human 'Maria'",
            "Created custom metric 'Verified'",
            "Linked 1 existing digital human(s) to simulation",
            "Linked 1 existing custom metric(s) to agent",
        ],
        "simulation_id": 1,
    }
    assert ask("GET", "agents/1")["bluejay_as_code_id"] == AGENT
    assert ask("GET", "simulation/1")["agent_id"] == 1
    human = ask("GET", "digital-human/1")["digital_human"]
    assert (human["name"], human["intent"]) == ("Maria", "Books.")
    assert len(ask("GET", "digital-humans-by-simulation/1")["digital_humans"]) == 1
    assert ask("GET", f"custom-metric/{METRIC}")["agent_ids"] == [1]


def test_push_of_the_same_changes_nothing(ask: Client, fake: FakeBluejay, pushed: Any) -> None:
    before = fake.dump()
    again = ask("POST", "bluejay-as-code/push", BUNDLE)
    assert (again["valid"], again["actions"], again["simulation_id"]) == (True, [], 1)
    assert fake.dump() == before


def test_push_of_a_pulled_bundle_changes_nothing(ask: Client, fake: FakeBluejay) -> None:
    fake.add_simulation(agent=fake.add_agent(name="Ann"), digital_humans=2)
    fake.add("metric", agent_ids=[1])
    bundle = ask("GET", "bluejay-as-code/simulation/1")
    assert [len(bundle[name]) for name in ("agents", "simulations", "digital_humans", "custom_metrics")] == [1, 1, 2, 1]
    code_ids = {one["bluejay_as_code_id"] for items in bundle.values() for one in items}
    assert len(code_ids) == 5
    before = fake.dump()
    assert ask("POST", "bluejay-as-code", bundle)["actions"] == []
    assert ask("GET", "bluejay-as-code/simulation/1") == bundle
    assert fake.dump() == before


def test_pull_names_the_fields_as_the_documentation_does_and_leaves_some_out(ask: Client, fake: FakeBluejay) -> None:
    trait = {"trait_name": "age", "trait_data_type": "NUMBER", "value": 7}
    human = {**BUNDLE["digital_humans"][0], "temperature": 0.2, "traits": [trait], "num_runs": 3, "extension": "9"}
    ask("POST", "bluejay-as-code", changed(digital_humans=[human]))
    bundle = ask("GET", "bluejay-as-code/simulation/1")
    [pulled] = bundle["digital_humans"]
    assert (pulled["human_name"], pulled["description"], pulled["temperature"]) == ("Maria", "Books.", 0.2)
    assert pulled.keys().isdisjoint(("name", "intent", "creativity", "traits", "num_runs", "extension"))
    assert (bundle["agents"][0]["system_prompt"], bundle["agents"][0]["simulations"]) == ("Help.", [SIMULATION])
    assert "agent" not in bundle["simulations"][0]
    # Documented: the fields that are not pulled are dropped silently by pull, edit and push.
    assert ask("POST", "bluejay-as-code", changed(digital_humans=[human]))["actions"] == []
    assert ask("GET", "digital-human/1")["digital_human"]["traits"] != []
    assert ask("POST", "bluejay-as-code", bundle)["actions"] == ["Updated digital human 'Maria'"]
    assert ask("GET", "digital-human/1")["digital_human"]["traits"] is None
    assert ask("POST", "bluejay-as-code", bundle)["actions"] == []


def test_short_forms_of_a_bundle_are_written_out(ask: Client) -> None:
    human = {"bluejay_as_code_id": HUMAN, "description": "Books.", "accent": "en_american2_feminine"}
    agent = {"bluejay_as_code_id": AGENT, "name": "Desk", "agent_description": "Help."}
    ask("POST", "bluejay-as-code", changed(agents=[agent], digital_humans=[human]))
    made = ask("GET", "digital-human/1")["digital_human"]
    assert (made["language"], made["accent"], made["gender"]) == ("en", "american2", "female")
    assert ask("GET", "agents/1")["agent_description"] == "Help."


def test_newest_names_of_a_metric_change_it(ask: Client, pushed: Any) -> None:
    metric = {"bluejay_as_code_id": METRIC, "name": "Verified", "prompt": "Does it ask?", "eval_modality": "TEXT"}
    assert ask("POST", "bluejay-as-code", changed(custom_metrics=[metric]))["actions"] == [
        "Updated custom metric 'Verified'"
    ]
    found = ask("GET", f"metric/{METRIC}")
    assert (found["description"], found["eval_route"]) == ("Does it ask?", "TEXT")
    assert ask("POST", "bluejay-as-code", changed(custom_metrics=[metric]))["actions"] == []


def test_customer_journey_of_a_bundle_is_tagged_and_run_step_by_step(ask: Client, fake: FakeBluejay) -> None:
    assert ask("POST", "bluejay-as-code", changed(**journey(1, 2)))["valid"] is True
    assert ask("GET", "digital-human/1")["digital_human"]["tag"] == "Customer Journey"
    pulled = ask("GET", "bluejay-as-code/simulation/1")
    assert [one["step"] for one in pulled["digital_humans"][0]["journey_steps"]] == [1, 2]
    assert ask("POST", "bluejay-as-code", pulled)["actions"] == []
    assert len(ask("POST", f"bluejay-as-code/run/{SIMULATION}", {})["simulation_result_ids"]) == 2


@pytest.mark.parametrize(
    ("human", "intent"),
    [
        ({"tag": "voicemail-custom", "speaks_first_config": {"speaks_first": True, "mode": "custom"}}, ""),
        ({"formatted_transcript": [{"role": "caller", "utterance": "Hi."}]}, '["Hi."]'),
        ({"original_transcript": "Caller: Hi."}, '["Hi."]'),
    ],
)
def test_digital_human_with_another_purpose_needs_no_description(ask: Client, human: Any, intent: str) -> None:
    bundle = changed(digital_humans=[{"bluejay_as_code_id": HUMAN, **human}])
    assert ask("POST", "bluejay-as-code", bundle)["valid"] is True
    assert ask("GET", "digital-human/1")["digital_human"]["intent"] == intent
    assert ask("POST", "bluejay-as-code", bundle)["actions"] == []


def test_bundle_of_several_agents_and_simulations_links_each_to_what_names_it(ask: Client) -> None:
    agents = [
        {"bluejay_as_code_id": code_id, "name": name, "system_prompt": "Help.", "simulations": [simulation]}
        for code_id, name, simulation in ((AGENT, "A", SIMULATION), (OTHER, "B", SECOND))
    ]
    groups = [{"bluejay_as_code_id": code_id, "name": code_id} for code_id in (SECOND, SIMULATION)]
    humans = [
        {"bluejay_as_code_id": HUMAN, "description": "Of the second.", "simulations": [SECOND]},
        {"bluejay_as_code_id": METRIC, "description": "Of both."},
    ]
    scoring = [{"bluejay_as_code_id": METRIC, "name": "m", "description": "d", "agents": [AGENT]}]
    bundle = {"agents": agents, "simulations": groups, "digital_humans": humans, "custom_metrics": scoring}
    answer = ask("POST", "bluejay-as-code", bundle)
    assert (answer["valid"], answer["simulation_id"]) == (True, 1)
    assert [ask("GET", f"simulation/{id}")["agent_id"] for id in (1, 2)] == [2, 1]
    members = [ask("GET", f"digital-humans-by-simulation/{id}")["digital_humans"] for id in (1, 2)]
    assert [[one["intent"] for one in group] for group in members] == [["Of the second.", "Of both."], ["Of both."]]
    assert ask("GET", f"custom-metric/{METRIC}")["agent_ids"] == [1]
    assert ask("POST", "bluejay-as-code", bundle)["actions"] == []


def with_members(humans: Any, metrics: Any) -> dict[str, Any]:
    return changed(
        agents=[{**BUNDLE["agents"][0], "custom_metrics": metrics}],
        simulations=[{**BUNDLE["simulations"][0], "digital_humans": humans}],
    )


def linked(ask: Client) -> tuple[list[str], list[str]]:
    """The names of the digital humans of the simulation, and of the metrics of its agent."""
    humans = ask("GET", "digital-humans-by-simulation/1")["digital_humans"]
    return [one["name"] for one in humans], [one["name"] for one in ask("GET", "custom-metrics-by-agent/1")["metrics"]]


def test_the_list_of_a_simulation_or_an_agent_is_the_state_that_is_wanted(ask: Client, pushed: Any) -> None:
    assert linked(ask) == (["Maria"], ["Verified"])
    released = ask(
        "POST", "bluejay-as-code", with_members([], [])
    )  # although the items name these, or are in the bundle
    assert released["actions"] == [
        "Unlinked 1 digital human(s) from simulation",
        "Unlinked 1 custom metric(s) from agent",
    ]
    assert linked(ask) == ([], [])
    assert ask("POST", "bluejay-as-code", with_members([HUMAN.upper()], [METRIC]))["valid"]
    assert linked(ask) == (["Maria"], ["Verified"])
    assert ask("POST", "bluejay-as-code", with_members([HUMAN], [METRIC]))["actions"] == []


def test_a_list_may_name_what_is_in_bluejay_and_not_in_the_bundle(ask: Client, pushed: Any) -> None:
    bundle = {**with_members([HUMAN], [METRIC]), "digital_humans": [], "custom_metrics": []}
    assert ask("POST", "bluejay-as-code", bundle)["actions"] == []
    assert linked(ask) == (["Maria"], ["Verified"])


@pytest.mark.parametrize(
    ("humans", "metrics", "wrong"),
    [
        ([OTHER], [METRIC], ("simulations", SIMULATION, f"digital_humans: nothing has the bluejay_as_code_id {OTHER}")),
        ([HUMAN], ["x"], ("agents", AGENT, "custom_metrics: nothing has the bluejay_as_code_id x")),
        (HUMAN, [METRIC], ("simulations", SIMULATION, "digital_humans: a list of bluejay_as_code_ids is needed")),
    ],
)
def test_a_list_that_names_nothing_is_an_error(
    ask: Client, fake: FakeBluejay, pushed: Any, humans: Any, metrics: Any, wrong: tuple[str, str, str]
) -> None:
    before = fake.dump()
    answer = ask("POST", "bluejay-as-code", with_members(humans, metrics))
    assert not answer["valid"]
    assert [(one["entity_type"], one["entity_id"], *one["errors"]) for one in answer["errors"]] == [wrong]
    assert fake.dump() == before


def test_bundle_of_an_agent_with_several_simulations_can_be_pushed_again(ask: Client, fake: FakeBluejay) -> None:
    agent = fake.add_agent(name="Ann")
    for _ in range(2):
        fake.add_simulation(agent=agent)
    bundle = ask("GET", "bluejay-as-code/agent/1")
    assert len(bundle["simulations"]) == 2
    answer = ask("POST", "bluejay-as-code", bundle)
    assert (answer["valid"], answer["actions"]) == (True, [])


def test_every_root_leads_to_the_same_bundle(ask: Client, pushed: Any) -> None:
    bundle = ask("GET", f"bluejay-as-code/pull/{SIMULATION}")
    for root in (
        "simulation/1",
        f"simulation/{SIMULATION}",
        "agent/1",
        f"digital-human/{HUMAN}",
        f"custom-metric/{METRIC}",
    ):
        assert ask("GET", f"bluejay-as-code/{root}") == bundle
    assert ask("GET", "bluejay-as-code/pull/1") == bundle
    ask("GET", "bluejay-as-code/folder/1", status=422)
    for root in ("simulation/9", f"agent/{OTHER}", "custom-metric/x", "pull/x"):
        ask("GET", f"bluejay-as-code/{root}", status=404)


def test_push_changes_different_items_and_unlinks_missing_ones(ask: Client, pushed: Any) -> None:
    new = {"bluejay_as_code_id": OTHER, "name": "James", "intent": "Cancels."}
    agent = {**BUNDLE["agents"][0], "system_prompt": "Help quickly."}
    answer = ask("POST", "bluejay-as-code", changed(agents=[agent], digital_humans=[new], custom_metrics=[]))
    assert answer["actions"] == [
        "Updated agent 'Desk'",
        "Created digital human 'James'",
        "Linked 1 existing digital human(s) to simulation",
        "Unlinked 1 digital human(s) from simulation",
        "Unlinked 1 custom metric(s) from agent",
    ]
    assert ask("GET", "agents/1")["agent_description"] == "Help quickly."
    members = ask("GET", "digital-humans-by-simulation/1")["digital_humans"]
    assert [one["name"] for one in members] == ["James"]
    assert ask("GET", f"custom-metric/{METRIC}")["agent_ids"] == []
    again = ask("POST", "bluejay-as-code", BUNDLE)
    assert "Linked 1 existing digital human(s) to simulation" in again["actions"]


@pytest.mark.parametrize(
    ("lists", "wrong"),
    [
        ({"agents": []}, [("agents", None, "at least one is needed")]),
        (
            {"simulations": BUNDLE["simulations"] * 2},
            [("simulations", SIMULATION, "bluejay_as_code_id: another item has it, too")],
        ),
        (
            {"agents": [BUNDLE["agents"][0], {**BUNDLE["agents"][0], "bluejay_as_code_id": OTHER}], **WITHOUT_AGENT},
            [("simulations", SIMULATION, "the simulations of one of the 2 agents must have it")],
        ),
        ({"digital_humans": [{"tag": "a"}]}, [("digital_humans", None, "bluejay_as_code_id: a UUID is needed")]),
        (
            {"digital_humans": [{"bluejay_as_code_id": HUMAN, "human_name": "Maria"}]},
            [("digital_humans", HUMAN, "description: Field required")],
        ),
        (journey(2, 3), [("digital_humans", HUMAN, GAPS)]),
        (journey(1, 1), [("digital_humans", HUMAN, GAPS)]),
        (
            journey(1, 2, intent=""),
            [("digital_humans", HUMAN, *(f"journey_steps.{n}.intent: Field required" for n in (0, 1)))],
        ),
        (
            {"custom_metrics": [{"bluejay_as_code_id": METRIC, "name": 7, "description": "d"}]},
            [("custom_metrics", METRIC, "name: Input should be a valid string")],
        ),
        (
            {"agents": [{"bluejay_as_code_id": AGENT, "name": "a"}]},
            [("agents", AGENT, "system_prompt: Field required")],
        ),
    ],
)
def test_bundle_that_is_not_valid_changes_nothing(ask: Client, fake: FakeBluejay, lists: Any, wrong: Any) -> None:
    before = fake.dump()
    answer = ask("POST", "bluejay-as-code", changed(**lists))
    assert (answer["valid"], answer["actions"], answer["simulation_id"]) == (False, [], None)
    assert [(one["entity_type"], one["entity_id"], *one["errors"]) for one in answer["errors"]] == wrong
    assert fake.dump() == before


def test_bundle_with_a_lone_surrogate_is_refused(ask: Client) -> None:
    body = json.dumps(changed(agents=[{"bluejay_as_code_id": "\ud800"}]))
    answer = ask.http.post("/v1/bluejay-as-code", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, "lone surrogate" in answer.json()["detail"]) == (400, True)


def test_push_of_which_one_item_is_refused_changes_nothing(ask: Client, fake: FakeBluejay, pushed: Any) -> None:
    active = {"phone_number": "+15555550100", "always_on_mode": True}
    fake.add_digital_human(**active)
    before = fake.dump()
    human = {**BUNDLE["digital_humans"][0], "bluejay_as_code_id": OTHER, **active}
    bundle = changed(agents=[{**BUNDLE["agents"][0], "name": "Other"}], digital_humans=[human])
    ask("POST", "bluejay-as-code", bundle, status=409)
    assert fake.dump() == before


def test_run_by_code_id(ask: Client, pushed: Any) -> None:
    queued = ask("POST", f"bluejay-as-code/run/{SIMULATION}", {"runs_per_digital_human": 2})
    assert queued == {
        "simulation_run_id": "1",
        "simulation_result_ids": ["1", "2"],
        "agent_id": "1",
        "status": "success",
    }
    for id in (OTHER, "1", "x"):
        assert ask("POST", f"bluejay-as-code/run/{id}", {}, status=404) == {"detail": "Simulation not found"}


def test_bundles_of_another_organisation_do_not_exist(ask: Client, others: Client, pushed: Any) -> None:
    others("GET", "bluejay-as-code/simulation/1", status=403)
    others("GET", f"bluejay-as-code/pull/{SIMULATION}", status=404)
    others("POST", f"bluejay-as-code/run/{SIMULATION}", {}, status=404)
    before = ask("GET", "bluejay-as-code/simulation/1")
    theirs = changed(custom_metrics=[])
    assert others("POST", "bluejay-as-code", theirs)["simulation_id"] == 2
    assert ask("GET", "bluejay-as-code/simulation/1") == before
