"""Generators: scripted drafts first, then made-up texts that say so; what is stored in life is stored."""

import json
from typing import Any

import pytest

from fake_bluejay import FakeBluejay
from tests.api.client import Client
from tests.api.test_call_logs import UNKNOWN, submit

MADE_UP = "Made up by the fake"
GRAPH = {"nodes": [{"id": "s", "type": "start"}], "edges": []}


def turn(id: str, message: str, speaker: str = "agent") -> dict[str, Any]:
    return {"id": id, "type": "single", "data": {"type": "exact", "speaker": speaker, "message": message}}


def edge(source: str, target: str, branch: str | None = None) -> dict[str, Any]:
    handle = {} if branch is None else {"sourceHandle": branch}
    return {"id": f"{source}-{target}-{branch}", "source": source, "target": target, **handle}


BRANCHES = [
    {"id": "one", "type": "dtmf", "digits": "1"},
    {"id": "two", "type": "exact", "message": "Billing"},
    {"id": "none", "type": "silence", "duration_ms": 900},
]
MENU = {
    "nodes": [
        *GRAPH["nodes"],
        turn("menu", "Press 1."),
        {"id": "choice", "type": "options", "data": {"branch_options": BRANCHES}},
        turn("support", "Support."),
        turn("bill", "Your bill."),
        turn("bye", "Goodbye.", "user"),
    ],
    "edges": [
        edge("s", "menu"),
        edge("menu", "choice"),
        edge("choice", "support", "one"),
        edge("choice", "bill", "two"),
        edge("support", "bye"),
        edge("bill", "bye"),
    ],
}
"""A menu of three branches, the last of which ends the conversation."""


def ladder(length: int) -> dict[str, Any]:
    """Return a graph with two ways from each step to the next."""
    steps = [turn(f"{side}{number}", f"{side}{number}") for number in range(length) for side in "ab"]
    ways = [edge(f"{a}{number}", f"{b}{number + 1}") for number in range(length - 1) for a in "ab" for b in "ab"]
    return {"nodes": [*GRAPH["nodes"], *steps], "edges": [edge("s", "a0"), edge("s", "b0"), *ways]}


@pytest.fixture(autouse=True)
def agent(fake: FakeBluejay) -> Any:
    return fake.add_agent()


@pytest.mark.parametrize("name", ["prompt_id", "agent_version_id", "knowledge_base_id"])
def test_version_for_new_digital_humans_is_a_uuid(ask: Client, name: str) -> None:
    ask("POST", "generate-digital-humans", {"agent_id": "1", "red_teaming": 1, name: UNKNOWN})
    refused = ask("POST", "generate-digital-humans", {"agent_id": "1", name: "3"}, status=422)
    assert refused["detail"][0]["loc"] == ["body", name]


def stored(fake: FakeBluejay, id: int, name: str) -> Any:
    [human] = [one for one in fake.dump()["digital_humans"]["all"] if one["id"] == id]
    return human["fields"].get(name)


@pytest.mark.parametrize(
    ("path", "body", "kind", "draft", "where"),
    [
        ("generate-goals", {"agent_id": "1"}, "goals", ["a", "b"], "goals"),
        ("generate-customer-personas", {"agent_id": "1"}, "customer_personas", [{"name": "x"}], "customer_personas"),
        ("generate-custom-metrics", {"agent_id": "1"}, "metrics", [{"name": "x"}], "metrics"),
        ("generate-objectives", {"test_case_id": 1}, "objectives", "1. Ask.", "objectives"),
        ("generate-intent-summary", {"test_case_id": 2}, "intent_summary", "Asks.", "intent_summary"),
        ("generate-test-scenarios", None, "test_scenarios", [{"intent": "x"}], "test_scenarios"),
        ("optimize/metric-prompt", {"name": "m", "prompt": "p"}, "metric_prompt", "better", "optimized_prompt"),
        (
            "optimize/metric-prompt-with-diff",
            {"name": "m", "prompt": "p", "evaluation_diffs": [{}]},
            "metric_prompt",
            "better",
            "optimized_prompt",
        ),
        ("workflow/generate-from-prompt", {"prompt": "p"}, "workflow", GRAPH, "definition"),
        (
            "generate-formatted-transcript",
            {"original_transcript": "?"},
            "formatted_transcript",
            [{"role": "USER", "utterance": "Hi."}],
            "formatted_transcript",
        ),
    ],
)
def test_draft_answers_one_request_and_later_ones_are_made_up(
    ask: Client, fake: FakeBluejay, path: str, body: Any, kind: str, draft: Any, where: str
) -> None:
    fake.add_digital_human(intent="Ask.")
    fake.add_digital_human(intent="x" * 501)
    others_kind = {"goals": ["another's"]} if kind != "goals" else {"objectives": "another's"}
    fake.drafts.next(**others_kind)
    fake.drafts.next(**{kind: draft})
    assert ask("POST", path, body)[where] == draft
    made_up = ask("POST", path, body)[where]
    assert made_up != draft
    if path != "generate-formatted-transcript":
        assert MADE_UP in json.dumps(made_up)
    [left] = fake.resources("draft")
    assert [left.fields["kind"]] == list(others_kind)


def test_made_up_texts_are_the_same_for_the_same_seed_and_differ_for_another() -> None:
    def names(seed: int) -> Any:
        with FakeBluejay(seed=seed) as fake:
            fake.add_agent()
            ask = Client(fake, fake.api_key)
            answer = ask("POST", "generate-customer-personas", {"agent_id": "1", "count": 8})
            assert len({one["name"] for one in answer["customer_personas"]}) == 8
            traits = {"scenarios": ["a", "b"], "traits": [{"name": "age", "data_type": "NUMBER"}]}
            return answer, ask("POST", "generate-trait-values", traits)

    first, again, other = names(1), names(1), names(2)
    assert first == again
    assert first[0] != other[0]
    assert first[1] != other[1]


@pytest.mark.parametrize(("count", "made"), [(-1, 0), (0, 0), (3, 3), (10**12, 100)])
@pytest.mark.parametrize("what", ["goals", "customer_personas", "metrics"])
def test_count_says_how_many_within_reason(ask: Client, what: str, count: int, made: int) -> None:
    path = "custom-metrics" if what == "metrics" else what.replace("_", "-")
    assert len(ask("POST", f"generate-{path}", {"agent_id": "1", "count": count})[what]) == made


def test_generated_digital_humans_are_stored_and_take_part_in_their_simulation(ask: Client, fake: FakeBluejay) -> None:
    simulation = fake.add_simulation(digital_humans=0)
    scenario = ask("POST", "workflow", {"name": "Booking", "definition": MENU})["id"]
    trait = {"trait_name": "age", "trait_data_type": "NUMBER", "value": 7}
    answer = ask(
        "POST",
        "generate-digital-humans",
        {
            "agent_id": "1",
            "simulation_id": str(simulation.id),
            "goal_adherence": [{"goal": "Book a table.", "num_calls": 2}],
            "workflow_adherence": {"old": 1},
            "workflow_adherence_v2": {scenario: 2},
            "replay_transcript": [
                {"transcript": "Agent: Hello.\nCaller: A table\nfor two.", "success_criteria": "It is booked."},
                {"conversation_id": submit(ask)},
            ],
            "customer_personas": [{"name": "Ada", "description": "In a hurry.", "goal": "Be quick.", "num_calls": 1}],
            "load_testing": 1,
            "red_teaming": 1,
            "traits": [trait],
            "num_runs": 3,
        },
    )
    humans = answer["digital_humans"]
    assert [one["tag"] for one in humans] == [
        *["goal_adherence"] * 2,
        "workflow_adherence",
        *["scenario"] * 2,
        *["replay_transcript"] * 2,
        "customer_personas",
        "load_testing",
        "red_teaming",
    ]
    assert [one["intent"] for one in humans[2:5]] == [""] * 3
    assert [bool(one["enriched_playback"]) for one in humans[2:5]] == [False, True, True]
    assert (humans[0]["intent"], humans[0]["traits"][0]["value"]) == ("Book a table.", 7)
    assert [(one["workflow_v2_id"], one["workflow_path_index"]) for one in humans[3:5]] == [
        (scenario, 0),
        (scenario, 1),
    ]
    assert (humans[5]["intent"], humans[5]["success_criteria"]) == ('["A table for two."]', "It is booked.")
    assert humans[6]["intent"] == '["Goodbye."]'
    assert (humans[7]["name"], humans[7]["role_description"]) == ("Ada", "In a hurry.")
    assert (answer["success"], answer["warning"]) == (True, None)
    inside = ask("GET", f"digital-humans-by-simulation/{simulation.id}")["digital_humans"]
    assert inside == humans
    assert stored(fake, humans[0]["id"], "num_runs") == 3


def test_each_path_of_a_scenario_is_a_digital_human_that_plays_it_back(ask: Client) -> None:
    scenario = ask("POST", "scenario", {"name": "Menu", "definition": MENU})["id"]
    body = {"agent_id": "1", "workflow_adherence_v2": {scenario: 50}}
    humans = ask("POST", "generate-digital-humans", body)["digital_humans"]
    said = [
        [one.get("message") or one.get("digits") or one["duration_ms"] for one in human["enriched_playback"]]
        for human in humans
    ]
    assert said == [
        ["Press 1.", "1", "Support.", "Goodbye."],
        ["Press 1.", "Billing", "Your bill.", "Goodbye."],
        ["Press 1.", 900],
    ]
    assert [one["speaker"] for one in humans[0]["enriched_playback"]] == ["agent", "user", "agent", "user"]
    assert [one["workflow_path_index"] for one in humans] == [0, 1, 2]


@pytest.mark.parametrize(
    ("definition", "count", "made"),
    [
        (MENU, 2, 2),
        (MENU, -1, 0),
        (GRAPH, 5, 0),
        (ladder(40), 150, 150),
        (ladder(40), 10**12, 200),
        (ladder(6), 99, 64),
    ],
    ids=["fewer", "negative", "draft", "up to 200", "at most 200", "all"],
)
def test_scenario_has_at_most_as_many_digital_humans_as_paths(
    ask: Client, definition: Any, count: int, made: int
) -> None:
    scenario = ask("POST", "scenario", {"name": "Menu", "definition": definition})["id"]
    body = {"agent_id": "1", "workflow_adherence_v2": {scenario: count}}
    humans = ask("POST", "generate-digital-humans", body)["digital_humans"]
    assert len(humans) == made
    assert len({json.dumps(one["enriched_playback"]) for one in humans}) == made


def test_data_of_a_start_node_may_be_anything(ask: Client) -> None:
    nodes = [{"id": "s", "type": "start", "data": "a text"}, turn("hello", "Hello.")]
    definition = {"nodes": nodes, "edges": [edge("s", "hello")]}
    scenario = ask("POST", "scenario", {"name": "Odd", "definition": definition})["id"]
    body = {"agent_id": "1", "workflow_adherence_v2": {scenario: 1}}
    [human] = ask("POST", "generate-digital-humans", body)["digital_humans"]
    assert [one["message"] for one in human["enriched_playback"]] == ["Hello."]


def test_path_of_very_many_turns_is_found(ask: Client) -> None:
    names = [f"n{number}" for number in range(5_000)]
    nodes = [*GRAPH["nodes"], *(turn(name, name) for name in names)]
    edges = [edge(source, target) for source, target in zip(["s", *names], names, strict=False)]
    scenario = ask("POST", "scenario", {"name": "Long", "definition": {"nodes": nodes, "edges": edges}})["id"]
    body = {"agent_id": "1", "workflow_adherence_v2": {scenario: 1}}
    [human] = ask("POST", "generate-digital-humans", body)["digital_humans"]
    assert len(human["enriched_playback"]) == 5_000


def test_drafts_of_digital_humans_are_those_that_are_made(ask: Client, fake: FakeBluejay) -> None:
    active = {"intent": "One.", "phone_number": "+15550001", "always_on_mode": True}
    fake.drafts.next(digital_humans=[active, {**active, "intent": "Two."}, {"intent": "Three.", "language": "de"}])
    answer = ask("POST", "generate-digital-humans", {"agent_id": "1"})
    assert [one["intent"] for one in answer["digital_humans"]] == ["One.", "Three."]
    assert answer["warning"] == "Another digital human is active on the number +15550001"


def test_generating_too_many_or_no_digital_humans_says_so(ask: Client, fake: FakeBluejay) -> None:
    many = {"agent_id": "1", "load_testing": 10**30}
    answer = ask("POST", "generate-digital-humans", many)
    assert (len(answer["digital_humans"]), answer["warning"]) == (100, "Only 100 digital humans were made")
    answer = ask("POST", "generate-digital-humans", {"agent_id": "1"})
    assert (answer["digital_humans"], answer["warning"]) == ([], "The request asks for no digital human")


@pytest.mark.parametrize(
    "unknown",
    [
        {"agent_id": "9"},
        {"simulation_id": "9"},
        {"workflow_adherence_v2": {UNKNOWN: 1}},
        {"replay_transcript": [{"conversation_id": UNKNOWN}]},
    ],
)
def test_unknown_part_of_a_request_makes_nobody_and_keeps_the_draft(
    ask: Client, fake: FakeBluejay, unknown: Any
) -> None:
    fake.drafts.next(digital_humans=[{}])
    before = fake.dump()
    body = {"agent_id": "1", "goal_adherence": [{"goal": "g", "num_calls": 1}], **unknown}
    assert "not found" in ask("POST", "generate-digital-humans", body, status=404)["detail"]
    assert fake.dump() == before


def test_digital_human_that_cannot_take_part_makes_nobody_and_keeps_the_draft(ask: Client, fake: FakeBluejay) -> None:
    simulation = fake.add_simulation(digital_humans=0, always_on=True)
    one = {"intent": "Ask.", "success_criteria": "It is answered."}
    fake.add("draft", kind="digital_humans", value=[{**one, "always_on_mode": True}, one])
    before = fake.dump()
    body = {"agent_id": "1", "simulation_id": str(simulation.id)}
    refused = ask("POST", "generate-digital-humans", body, status=400)
    assert refused == {"detail": "always_on_mode must be true: the simulation is always on"}
    assert fake.dump() == before


def test_objectives_and_summary_are_kept_of_the_digital_human(ask: Client, fake: FakeBluejay) -> None:
    long, short = fake.add_digital_human(intent="x" * 501).id, fake.add_digital_human(intent="x" * 500).id
    fake.drafts.next(objectives="1. Ask.", intent_summary="Asks.")
    ask("POST", "generate-objectives", {"test_case_id": long})
    ask("POST", "generate-intent-summary", {"test_case_id": long})
    assert (stored(fake, long, "objectives"), stored(fake, long, "intent_summary")) == ("1. Ask.", "Asks.")
    skipped = ask("POST", "generate-intent-summary", {"test_case_id": short})
    assert skipped == {"intent_summary": None, "test_case_id": short, "skipped": True}
    ask("PUT", f"update-digital-human/{long}", {"intent": "short"})
    ask("POST", "generate-intent-summary", {"test_case_id": long})
    assert stored(fake, long, "intent_summary") is None


def test_long_version_of_a_prompt_has_a_summary_and_a_short_one_none(ask: Client, fake: FakeBluejay) -> None:
    versions = "agents/1/prompts/versions"
    short = ask("POST", versions, {"prompt_text": "x" * 500})["id"]
    long = ask("POST", versions, {"prompt_text": "y" * 501})["id"]
    fake.drafts.next(prompt_summary="Says y.")
    skipped = ask("POST", "generate-prompt-summary", {"prompt_id": short})
    assert skipped == {"prompt_summary": None, "prompt_id": short, "skipped": True}
    answer = ask("POST", "generate-prompt-summary", {"prompt_id": long})
    assert answer == {"prompt_summary": "Says y.", "prompt_id": long, "skipped": False}
    assert MADE_UP in ask("POST", "generate-prompt-summary", {"prompt_id": long})["prompt_summary"]
    for unknown in (UNKNOWN, "none"):
        assert ask("POST", "generate-prompt-summary", {"prompt_id": unknown}, status=404)["detail"]


@pytest.mark.parametrize("path", ["generate-objectives", "generate-intent-summary"])
def test_workflow_or_voicemail_tag_and_missing_intent_are_refused_as_documented(
    ask: Client, fake: FakeBluejay, path: str
) -> None:
    flow = fake.add_digital_human(tag="My Workflow", enriched_playback=[{"message": "Hello."}])
    voicemail = fake.add_digital_human(tags=["voicemail"])
    silent = fake.add_digital_human(intent="")
    for human in (flow, voicemail, silent):
        assert ask("POST", path, {"test_case_id": human.id}, status=400)["detail"]
        assert stored(fake, human.id, "objectives") is None


def test_formatted_transcript_is_parsed_line_by_line(ask: Client) -> None:
    text = "Caller: Hello?\nAgent: How can I help?\nCaller: A table\nfor two."
    answer = ask("POST", "generate-formatted-transcript", {"original_transcript": text})
    assert answer["formatted_transcript"] == [
        {"role": "USER", "utterance": "Hello?"},
        {"role": "AGENT", "utterance": "How can I help?"},
        {"role": "USER", "utterance": "A table for two."},
    ]
    assert json.loads(answer["description"]) == ["Hello?", "A table for two."]
    first = {"speaks_first": True, "mode": "custom", "message": "Hello?", "dynamic": None}
    assert answer["speaks_first_config"] == first
    answer = ask("POST", "generate-formatted-transcript", {"original_transcript": "Agent: Hello."})
    assert answer["speaks_first_config"]["speaks_first"] is False


def test_trait_values_have_the_type_of_their_trait(ask: Client, fake: FakeBluejay) -> None:
    kinds = ("BOOLEAN", "STRING", "NUMBER", "DATE")
    body = {"scenarios": ["a", "b"], "traits": [{"name": kind.lower(), "data_type": kind} for kind in kinds]}
    fake.drafts.next(trait_values=["given"])
    answer = ask("POST", "generate-trait-values", body)
    assert {one["value"] for one in answer["0"]} == {"given"}
    [boolean, text, number, date] = [one["value"] for one in answer["1"]]
    assert (type(boolean), MADE_UP in text, type(number), date <= "2026-01-01") == (bool, True, int, True)
    assert list(answer) == ["0", "1"]


def test_translation_is_where_its_url_leads(ask: Client, fake: FakeBluejay) -> None:
    conversation = submit(ask)
    fake.drafts.next(translation=["Hallo.", "Auf Wiedersehen."])
    answer = ask("POST", "translate-transcript", {"conversation_id": conversation, "target_language": "de"})
    assert (answer["target_language"], answer["success"]) == ("de", True)
    entries = ask.http.get(answer["translated_transcript_url"], headers={"X-API-Key": ""}).json()
    assert [(one["speaker"], one["utterance"]) for one in entries] == [
        ("AGENT", "Hallo."),
        ("USER", "Auf Wiedersehen."),
    ]
    result = fake.add_test_result(status="COMPLETED", duration=9_000).id
    for path, body in (
        ("translate-transcript", {"simulation_result_id": result}),
        (f"generate-translated-transcript/{result}", None),
    ):
        url = ask("POST", path, body)["translated_transcript_url"]
        [first, *_] = ask.http.get(url).json()
        assert first["utterance"].startswith("[en] ")
        assert MADE_UP in first["utterance"]
    assert ask.http.get(url.replace("translations/", "translations/0")).status_code == 404


def test_optimizing_by_disagreements_needs_some(ask: Client) -> None:
    body = {"name": "m", "prompt": "p", "evaluation_diffs": []}
    assert "evaluation_diffs" in ask("POST", "optimize/metric-prompt-with-diff", body, status=400)["detail"]


def test_generated_graph_can_be_stored_as_a_scenario(ask: Client) -> None:
    definition = ask("POST", "workflow/generate-from-prompt", {"prompt": "A booking."})["definition"]
    assert ask("POST", "workflow", {"name": "Booking", "definition": definition})["definition"] == definition
    assert "generate-from-prompt" in ask("POST", "workflow/generate-definition")["message"]


@pytest.mark.parametrize(
    "wrong", [{}, {"goals": "Book"}, {"goals": [1]}, {"workflow": {"nodes": 1}}, {"digital_humans": [{"language": 1}]}]
)
def test_draft_that_cannot_be_is_refused_and_nothing_is_kept(fake: FakeBluejay, wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"draft|goals|nodes|language"):
        fake.drafts.next(**wrong)
    assert fake.resources("draft") == []


def test_draft_of_an_unknown_kind_is_refused(fake: FakeBluejay) -> None:
    with pytest.raises(ValueError, match="unknown field of a draft 'goal'; did you mean 'goals'"):
        fake.add("draft", kind="goal", value=["a"])
    assert fake.resources("draft") == []


def test_another_organisation_has_its_own_drafts_and_nothing_of_ours(
    ask: Client, others: Client, fake: FakeBluejay
) -> None:
    human, conversation = fake.add_digital_human().id, submit(ask)
    prompt = fake.add("prompt", agent_id=1, prompt_text="x" * 501).id
    result = fake.add_test_result(status="COMPLETED").id
    fake.drafts.next(test_scenarios=[{"intent": "ours"}])
    assert others("POST", "generate-test-scenarios")["test_scenarios"] != [{"intent": "ours"}]
    for path, body in (
        ("generate-objectives", {"test_case_id": human}),
        ("generate-intent-summary", {"test_case_id": human}),
        ("generate-prompt-summary", {"prompt_id": prompt}),
        ("generate-goals", {"agent_id": "1"}),
        ("generate-digital-humans", {"agent_id": "1"}),
        ("translate-transcript", {"conversation_id": conversation}),
        ("translate-transcript", {"simulation_result_id": result}),
        (f"generate-translated-transcript/{result}", None),
    ):
        response = others.http.post(f"/v1/{path}", json=body)
        assert response.status_code in (403, 404), path
    assert ask("POST", "generate-test-scenarios")["test_scenarios"] == [{"intent": "ours"}]


def test_dump_brings_drafts_and_translations_back(ask: Client, fake: FakeBluejay) -> None:
    fake.drafts.next(goals=["a"], digital_humans=[{"intent": "x"}])
    url = ask("POST", "translate-transcript", {"conversation_id": submit(ask)})["translated_transcript_url"]
    with FakeBluejay.load(fake.dump()) as other:
        again = Client(other, other.api_key)
        assert again("POST", "generate-goals", {"agent_id": "1"})["goals"] == ["a"]
        assert again("POST", "generate-digital-humans", {"agent_id": "1"})["digital_humans"][0]["intent"] == "x"
        assert again.http.get(url).json() == ask.http.get(url).json()
