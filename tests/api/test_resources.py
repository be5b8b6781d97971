"""Agents, simulations and digital humans: what is stored is given back, what belongs to others does not exist."""

import json
from typing import Any

import httpx
import pytest

from fake_bluejay import FakeBluejay, __version__
from fake_bluejay.bluejay.modules import operation_at, operations
from fake_bluejay.bluejay.published import METHODS, MODELLED_IN
from tests.api.client import Client

AGENT = {"name": "Ann", "system_prompt": "Be kind.", "knowledge_base": "Much.", "goals": ["help"]}
NOT_FOUND = {
    "agent": {"detail": "Agent not found"},
    "simulation": {"detail": "Simulation not found"},
    "digital human": {"detail": "Digital human not found"},
}


def test_an_agent_from_its_first_to_its_last_day(ask: Client) -> None:
    assert ask("POST", "add-agent", AGENT) == {
        "agent_id": 1,
        "status": "200",
        "http_webhook_key": None,
        "version": 1,
    }
    agent = ask("GET", "agents/1")
    assert (agent["id"], agent["agent_description"], agent["created_at"]) == (1, "Be kind.", "2026-01-01T00:00:00Z")
    assert (agent["type"], agent["mode"], agent["redact_pii"]) == ("INBOUND", "VOICE", False)
    updated = ask("POST", "update-agent", {"agent_id": "1", "goals": ["listen"], "external_agent_id": "a/1"})
    assert (updated["status"], updated["agent"]["agent_id"], updated["agent"]["goals"]) == ("200", "1", ["listen"])
    assert updated["agent"]["system_prompt"] == "Be kind."
    assert (
        ask("PUT", "update-agent-by-external-id", {"external_agent_id": "a/1", "name": "Bea"})["agent"]["name"] == "Bea"
    )
    ask("POST", "update-agent", {"agent_id": None, "external_agent_id": "a/1", "mode": "TEXT"})
    [agent] = ask("GET", "all-agents")
    assert (agent["name"], agent["goals"], agent["mode"]) == ("Bea", ["listen"], "TEXT")
    ask("POST", "update-agent", {"agent_id": "1", "external_agent_id": "a-1"})
    assert ask("GET", "agent-by-external-id/a-1") == {**agent, "external_agent_id": "a-1"}
    assert ask("DELETE", "agent/1")["agent_id"] == 1
    assert ask("GET", "agents/1", status=404) == NOT_FOUND["agent"]
    assert ask("GET", "all-agents") == []
    assert ask("POST", "add-agent", AGENT)["agent_id"] == 2


def test_the_folder_of_an_agent_has_one_id(ask: Client, others: Client) -> None:
    for one in (ask, ask, others):
        one("POST", "add-agent", {**AGENT, "folder": "calls"})
    first, second = ask("GET", "all-agents")
    assert first["folder_id"] == second["folder_id"] != others("GET", "all-agents")[0]["folder_id"]


def test_the_key_of_an_http_webhook(ask: Client) -> None:
    ask("POST", "add-agent", AGENT)
    key = ask("POST", "add-agent", {**AGENT, "http_webhook": "http://127.0.0.1/", "external_agent_id": "b"})
    assert len(key["http_webhook_key"]) == 64
    assert ask("POST", "get-http-webhook-key", {"agent_id": "2"})["signing_key"] == key["http_webhook_key"]
    assert ask("POST", "get-http-webhook-key", {"agent_id": "1"}, 404)["detail"]
    new = ask("POST", "generate-http-webhook-key", {"external_agent_id": "b"})["signing_key"]
    assert new != key["http_webhook_key"]
    assert ask("GET", "agents/2")["http_webhook_key"] == new
    assert ask("POST", "get-http-webhook-key", {}, 404) == NOT_FOUND["agent"]
    later = ask("POST", "update-agent", {"agent_id": "1", "http_webhook": "http://127.0.0.1/"})["http_webhook_key"]
    assert later not in (None, new)


def test_keys_differ_with_the_seed_and_only_with_it() -> None:
    def key(seed: int) -> Any:
        fake = FakeBluejay(seed=seed)
        return fake.add_agent(http_webhook="http://127.0.0.1/").fields["http_webhook_key"]

    assert key(1) == key(1) != key(2)


def test_a_simulation_from_its_first_to_its_last_day(fake: FakeBluejay, ask: Client) -> None:
    fake.add_agent()
    assert ask("POST", "create-simulation", {"agent_id": "1", "always_on": True}) == {
        "simulation_id": 1,
        "status": "200",
    }
    simulation = ask("GET", "simulation/1")
    assert (simulation["name"], simulation["type"], simulation["agent_id"]) == ("Simulation 1", "parallel", 1)
    assert simulation["settings"]["max_call_duration"] == 10
    assert simulation["always_on"] is True
    changed = {"max_concurrent": 3, "tags": ["a"], "max_call_duration": 30, "max_call_duration_units": "seconds"}
    after = ask("PUT", "simulation/1", changed)
    assert (after["type"], after["max_concurrent"], after["tags"]) == ("max_concurrent", 3, ["a"])
    assert (after["settings"]["max_call_duration"], after["settings"]["max_call_duration_units"]) == (30, "seconds")
    assert ask("GET", "simulation/1") == after
    ask("POST", "create-simulation", {"agent_id": "1", "name": "two", "sequential_calling": True, "max_concurrent": 2})
    assert ask("GET", "simulation/2")["type"] == "sequential"
    assert [one["name"] for one in ask("GET", "get-all-simulations")["simulations"]] == ["Simulation 1", "two"]
    assert ask("DELETE", "simulation/1")["deleted_simulation_id"] == 1
    assert ask("GET", "simulation/1", status=404) == NOT_FOUND["simulation"]
    assert [one["id"] for one in ask("GET", "get-simulations-by-agent/1")["simulations"]] == [2]


def test_digital_humans_join_and_leave_a_simulation(fake: FakeBluejay, ask: Client) -> None:
    one, two = fake.add_simulation(digital_humans=2), fake.add_simulation(digital_humans=0)
    path = f"simulation/{two.id}"
    ask("POST", f"{path}/add-digital-humans", {"digital_human_ids": [2, 99]}, 404)
    assert two.digital_humans == []
    for _ in range(2):  # twice is once
        ask("POST", f"{path}/add-digital-humans", {"digital_human_ids": [2]})
    assert [human.id for human in two.digital_humans] == [2]
    assert ask("GET", "digital-human/2")["simulation_ids"] == [one.id, two.id]
    for _ in range(2):
        ask("POST", f"{path}/remove-digital-humans", {"digital_human_ids": [2, 99]})
    assert two.digital_humans == []
    listed = ask("GET", f"digital-humans-by-simulation/{one.id}")
    assert ([human["id"] for human in listed["digital_humans"]], listed["total"]) == ([1, 2], 2)
    assert listed["simulation_id"] == one.id
    ask("DELETE", f"simulation/{one.id}")
    assert ask("GET", "digital-human/1")["simulation_ids"] == []


def test_a_digital_human_from_its_first_to_its_last_day(fake: FakeBluejay, ask: Client) -> None:
    for _ in range(3):
        fake.add_simulation(digital_humans=0)
    given = {"phone_number": "+1", "name": "Ann", "test_name": "loud", "interruptions": {"type": "high"}}
    created = ask(
        "POST", "create-digital-human", {"digital_human": given, "simulation_ids": [2, 2], "simulation_id": 1}
    )
    assert (created["simulation_ids"], created["simulation_id"]) == ([2, 1], 2)
    human = created["digital_human"]
    assert {name: human[name] for name in given} == given
    assert (human["language"], human["creativity"]) == ("en", 0.7)
    assert ask("GET", "digital-human-by-test-name/loud") == ask("GET", "digital-human/1") == created
    ask("GET", "digital-human-by-test-name/still", status=404)
    traits = [{"trait_name": "age", "trait_data_type": "NUMBER", "value": 7, "is_sip_header": False}]
    after = ask("PUT", "update-digital-human/1", {"traits": traits, "simulation_ids": [3]})
    assert (after["simulation_ids"], after["digital_human"]["traits"]) == ([3], traits)
    assert after["digital_human"]["interruptions"] == {"type": "high"}
    ask("PUT", "update-digital-human/1", {"name": "Bea", "simulation_ids": [4]}, 404)
    assert ask("GET", "digital-human/1") == after
    assert ask("DELETE", "digital-human/1") == after["digital_human"]
    assert ask("GET", "digital-human/1", status=404) == NOT_FOUND["digital human"]


def test_many_digital_humans_at_once(fake: FakeBluejay, ask: Client) -> None:
    fake.add_simulation(digital_humans=0)
    active = {"phone_number": "+1", "always_on_mode": True}
    answer = ask("POST", "create-digital-humans", {"digital_humans": [{}, active, active, {}], "simulation_ids": [1]})
    assert [one["digital_human"]["id"] for one in answer["created"]] == [1, 2, 3]
    assert [one["simulation_ids"] for one in answer["created"]] == [[1]] * 3
    assert [error["index"] for error in answer["errors"]] == [2]
    ask("POST", "create-digital-humans", {"digital_humans": [{}], "simulation_ids": [9]}, 404)
    for n in (0, 101):
        ask("POST", "create-digital-humans", {"digital_humans": [{}] * n}, 422)
    page = ask("GET", "digital-humans?page_size=2&page=2")
    assert [one["id"] for one in page.pop("digital_humans")] == [1]
    assert page == {"total_count": 3, "page": 2, "page_size": 2, "total_pages": 2}
    ask("GET", "digital-humans?page=0", status=422)
    answer = ask("DELETE", "delete-digital-humans?digital_human_ids=1,9,%202,x")
    assert [one["id"] for one in answer["deleted"]] == [1, 2]
    assert [error["id"] for error in answer["errors"]] == [9, "x"]
    ask("DELETE", f"delete-digital-humans?digital_human_ids={','.join('1' * 101)}", status=400)
    assert ask("GET", "digital-humans")["total_count"] == 1


def test_one_number_is_taken_by_one_that_is_always_on(ask: Client, others: Client) -> None:
    active = {"phone_number": "+1", "always_on_mode": True}  # and active, for it has a number
    for one in (ask, others):
        one("POST", "create-digital-human", {"digital_human": active})
    ask("POST", "create-digital-human", {"digital_human": active}, 409)
    ask("POST", "create-digital-human", {"digital_human": {**active, "always_on_active": False}})
    second = ask("POST", "create-digital-human", {"digital_human": {"phone_number": "+1"}})["digital_human"]["id"]
    assert ask("PUT", f"update-digital-human/{second}", {"always_on_mode": True}, 409)["detail"]
    ask("PUT", f"update-digital-human/{second}", {"always_on_mode": True, "override_conflict": True})
    ask("PUT", "update-digital-human/1", {"always_on_active": True}, 409)  # the first is active no more
    ask("PUT", "update-digital-human/1", {"always_on_active": True, "phone_number": "+2"})


def test_only_a_digital_human_that_is_always_on_takes_part_in_a_simulation_that_is(
    fake: FakeBluejay, ask: Client
) -> None:
    simulation = fake.add_simulation(always_on=True, digital_humans=2).id
    wanted = {"detail": "always_on_mode must be true: the simulation is always on"}
    human = fake.add_digital_human().id
    new = {"digital_human": {}, "simulation_ids": [simulation]}
    assert ask("POST", "create-digital-human", new, 400) == wanted
    assert ask("PUT", f"update-digital-human/{human}", {"simulation_ids": [simulation]}, 400) == wanted
    ask("PUT", f"update-digital-human/{human}", {"simulation_ids": [simulation], "always_on_mode": True})
    [error] = ask("POST", "create-digital-humans", {**new, "digital_humans": [{}]})["errors"]
    assert error == {"index": 0, **wanted}


PLAYBACK = {"tag": "My Workflow", "enriched_playback": [{"message": "Hello."}]}


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"enriched_playback": None}, "enriched_playback"),
        ({"enriched_playback": []}, "enriched_playback"),
        ({"intent": "Ask."}, "intent"),
        ({"success_criteria": "Answered."}, "success_criteria"),
        ({"role_description": "A customer."}, "role_description"),
        ({"original_transcript": ""}, "original_transcript"),
        ({"formatted_transcript": []}, "formatted_transcript"),
        ({"tag": None, "tags": ["workflow"], "intent": "Ask."}, "intent"),
    ],
)
def test_digital_human_with_a_workflow_tag_plays_back_and_has_no_intent(
    fake: FakeBluejay, ask: Client, fields: Any, named: str
) -> None:
    refused = ask("POST", "create-digital-human", {"digital_human": {**PLAYBACK, **fields}}, 400)
    assert refused["detail"].startswith(f"{named} ")
    with pytest.raises(ValueError, match=f"^{named} "):
        fake.add_digital_human(**{**PLAYBACK, **fields})
    assert ask("GET", "digital-humans")["total_count"] == 0


def test_digital_human_that_plays_back_is_stored_without_an_intent(fake: FakeBluejay, ask: Client) -> None:
    tagged = {**PLAYBACK, "intent": " ", "success_criteria": "", "role_description": " "}
    untagged = {**PLAYBACK, "tag": "a", "intent": "Ask.", "success_criteria": "Answered.", "role_description": "Ann."}
    for given, role in ((tagged, None), (untagged, "Ann.")):
        human = ask("POST", "create-digital-human", {"digital_human": given})["digital_human"]
        assert (human["intent"], human["success_criteria"], human["role_description"]) == ("", "", role)
    assert fake.add_digital_human(**PLAYBACK).fields["intent"] == ""


def test_update_of_a_digital_human_with_a_workflow_tag_keeps_its_intent(ask: Client) -> None:
    made = ask("POST", "create-digital-human", {"digital_human": PLAYBACK})["digital_human"]
    path = f"update-digital-human/{made['id']}"
    same = {"intent": "", "success_criteria": "", "formatted_transcript": None}
    other = [{"message": "Goodbye."}]
    assert ask("PUT", path, {**same, "enriched_playback": other})["digital_human"]["enriched_playback"] == other
    assert ask("PUT", path, {"intent": "Ask.", "name": "Ann"}, 400)["detail"].startswith("intent ")
    assert ask("GET", f"digital-human/{made['id']}")["digital_human"]["name"] is None
    assert ask("PUT", path, {"tag": "a", "intent": "Ask."})["digital_human"]["intent"] == "Ask."
    assert ask("PUT", path, {"tag": "workflow", "intent": "Pay."}, 400)["detail"].startswith("intent ")


def test_new_transcript_of_a_digital_human_is_formatted_or_is_its_intent(fake: FakeBluejay, ask: Client) -> None:
    path = f"update-digital-human/{fake.add_digital_human(intent='Ask.').id}"
    hello = [{"role": "AGENT", "utterance": "Hello."}, {"role": "USER", "utterance": "Hi."}]

    def after(change: Any) -> Any:
        human = ask("PUT", path, change)["digital_human"]
        return human["original_transcript"], human["formatted_transcript"], human["intent"]

    text = "Agent: Hello.\nAnn: Hi."
    assert after({"original_transcript": text}) == (text, hello, '["Hi."]')
    assert after({"original_transcript": text, "intent": "Ask."}) == (text, hello, "Ask.")  # the same transcript
    assert after({"original_transcript": "?", "formatted_transcript": hello}) == ("?", hello, '["Hi."]')
    bye = [{"role": "USER", "utterance": "Bye."}]
    assert after({"formatted_transcript": bye}) == (None, bye, '["Bye."]')


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        (
            {"original_transcript": "Agent: Hello.\nAnn: Hi.", "intent": "Ask."},
            (
                "Agent: Hello.\nAnn: Hi.",
                [{"role": "AGENT", "utterance": "Hello."}, {"role": "USER", "utterance": "Hi."}],
                '["Hi."]',
            ),
        ),
        (
            {
                "formatted_transcript": [
                    {"role": "agent", "utterance": "Hello."},
                    {"role": "caller", "utterance": "Hi."},
                ]
            },
            (None, [{"role": "agent", "utterance": "Hello."}, {"role": "caller", "utterance": "Hi."}], '["Hi."]'),
        ),
        ({"formatted_transcript": [], "intent": "Ask."}, (None, [], "Ask.")),
        ({"intent": "Ask."}, (None, None, "Ask.")),
    ],
)
def test_transcript_of_a_new_digital_human_gives_its_intent(ask: Client, given: Any, stored: Any) -> None:
    human = ask("POST", "create-digital-human", {"digital_human": given})["digital_human"]
    assert (human["original_transcript"], human["formatted_transcript"], human["intent"]) == stored


def test_patience_is_another_name_of_the_endpointing_delay(ask: Client) -> None:
    def delay(method: str, path: str, body: Any) -> Any:
        return ask(method, path, body)["digital_human"]["endpointing_delay"]

    assert delay("POST", "create-digital-human", {"digital_human": {"patience": 2.5}}) == 2.5
    assert delay("PUT", "update-digital-human/1", {"patience": 3}) == 3
    assert delay("PUT", "update-digital-human/1", {"patience": 4, "endpointing_delay": 5}) == 5
    wrong = ask("PUT", "update-digital-human/1", {"patience": "long"}, status=422)["detail"]
    assert [(one["type"], one["loc"]) for one in wrong] == [("float_parsing", ["body", "patience"])]


ELSEWHERE = [
    ("GET", "agents/ID", None, "agent"),
    ("DELETE", "agent/ID", None, "agent"),
    ("GET", "agent-by-external-id/ID", None, "agent"),
    ("POST", "update-agent", {"agent_id": "ID"}, "agent"),
    ("PUT", "update-agent-by-external-id", {"external_agent_id": "ID"}, "agent"),
    ("POST", "get-http-webhook-key", {"agent_id": "ID"}, "agent"),
    ("POST", "generate-http-webhook-key", {"agent_id": "ID"}, "agent"),
    ("POST", "create-simulation", {"agent_id": "ID"}, "agent"),
    ("GET", "get-simulations-by-agent/ID", None, "agent"),
    ("GET", "simulation/ID", None, "simulation"),
    ("PUT", "simulation/ID", {}, "simulation"),
    ("DELETE", "simulation/ID", None, "simulation"),
    ("POST", "simulation/ID/add-digital-humans", {"digital_human_ids": []}, "simulation"),
    ("POST", "simulation/ID/remove-digital-humans", {"digital_human_ids": []}, "simulation"),
    ("GET", "digital-humans-by-simulation/ID", None, "simulation"),
    ("POST", "create-digital-human", {"digital_human": {"phone_number": ""}, "simulation_ids": ["ID"]}, "simulation"),
    ("GET", "digital-human/ID", None, "digital human"),
    ("DELETE", "digital-human/ID", None, "digital human"),
    ("PUT", "update-digital-human/ID", {}, "digital human"),
    ("GET", "digital-human-by-test-name/ID", None, "digital human"),
]


@pytest.mark.parametrize(("method", "path", "body", "kind"), ELSEWHERE)
@pytest.mark.parametrize("id", ["1", "99", "9" * 4000])
def test_missing_and_foreign_entities_are_404_or_403(
    fake: FakeBluejay, others: Client, method: str, path: str, body: Any, kind: str, id: str
) -> None:
    """The key asks for what nobody has, or for what belongs to another organisation: 404, and 403 or the same 404."""
    fake.add_simulation(
        agent=fake.add_agent(external_agent_id="1"), digital_humans=[fake.add_digital_human(test_name="1")]
    )
    reading = f"foreign_{kind.replace(' ', '_')}"
    fake.readings.set(**{reading: "403"})
    before = fake.dump()
    body = None if body is None else json.loads(json.dumps(body).replace("ID", id))
    if '"simulation_ids"' in json.dumps(body):
        body["simulation_ids"] = [int(id)] if len(id) < 4000 else [10**30]
    # A name that customers give is looked up among the caller's own entities only.
    forbidden = id == "1" and "by-external-id" not in path and "by-test-name" not in path
    answer = others(method, path.replace("ID", id), body, 403 if forbidden else 404)
    assert answer == ({"detail": f"{kind.capitalize()} is not in your organization"} if forbidden else NOT_FOUND[kind])
    assert fake.dump() == before
    fake.readings.set(**{reading: "404"})
    assert others(method, path.replace("ID", id), body, 404) == NOT_FOUND[kind]


@pytest.mark.parametrize("id", ["abc", "-1", "+1", " 1", "1.0", "٣", "1_0", "", "9" * 19])
@pytest.mark.parametrize("path", ["create-simulation", "update-agent", "get-http-webhook-key"])
def test_an_id_in_a_text_that_is_none(fake: FakeBluejay, ask: Client, path: str, id: str) -> None:
    fake.add_agent()
    assert ask("POST", path, {"agent_id": id}, 404) == NOT_FOUND["agent"]


def test_lone_surrogate_changes_nothing(fake: FakeBluejay, ask: Client) -> None:
    response = ask.http.post(
        "/v1/add-agent",
        content=json.dumps({**AGENT, "livekit_metadata": {"a": "\ud800"}}),
        headers={"content-type": "application/json"},
    )
    assert response.status_code == 400
    assert "lone surrogate" in response.json()["detail"]
    assert ask("GET", "all-agents") == []


def test_ping_needs_no_key_and_names_the_version_of_the_code(ask: Client, fake: FakeBluejay) -> None:
    answer = httpx.get("https://api.getbluejay.ai/v1/ping")
    assert (answer.status_code, answer.json()["sha"]) == (200, __version__)
    assert ask("GET", "ping") == answer.json()


def test_a_path_that_is_not_modelled_is_not_unknown(ask: Client) -> None:
    assert "bluejay.stub" in ask("GET", "subscription/active-package", status=501)["detail"]


def test_known_path_that_is_not_modelled_says_how_to_stub_it(fake: FakeBluejay) -> None:
    others = {path: methods for path, methods in METHODS.items() if path not in MODELLED_IN}
    assert "/mcp" in others
    with fake.client(headers={"X-API-Key": fake.api_key}) as client:
        for path, methods in others.items():
            for method in methods:
                answer = client.request(method, path.replace("{", "").replace("}", ""))
                assert answer.status_code == 501, path
                assert f'bluejay.stub("{method}", "' in answer.json()["detail"]


def test_each_module_models_its_published_paths() -> None:
    declared = {(operation.path, operation.method) for operation in operations()}
    assert declared == {(path, method) for path in MODELLED_IN for method in METHODS[path]}
    assert all(operation_at(method, path) is not None for path, method in declared)


def test_a_dump_carries_them_all(fake: FakeBluejay, ask: Client) -> None:
    fake.add_simulation(digital_humans=2)
    ask("DELETE", "digital-human/2")
    dump = fake.dump()
    loaded = FakeBluejay.load(dump)
    assert loaded.dump() == dump
    assert loaded.add_digital_human().id == 3
    with fake.snapshot():
        ask("DELETE", "agent/1")
    assert ask("GET", "simulation/1")["agent_id"] == 1


def test_a_dump_from_before_there_were_any() -> None:
    dump = FakeBluejay().dump()
    for name in ("agents", "simulations", "digital_humans"):
        dump.pop(name, None)
    assert FakeBluejay.load(dump).add_agent().id == 1


def test_a_dump_with_an_id_twice(fake: FakeBluejay) -> None:
    fake.add_agent()
    fake.add_agent(organisation="others")
    dump = fake.dump()
    dump["agents"]["all"][1]["id"] = 1
    with pytest.raises(ValueError, match=r"agents.all\[1\].id: 1 is there twice"):
        FakeBluejay.load(dump)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": 2}, r"agents.all\[0\].id: 2 is there twice, or above last_id"),
        ({"organisation": "nobody"}, r"agents.all\[0\].organisation: unknown organisation 'nobody'"),
        ({"fields": {}}, r"agents.all\[0\].fields.name: missing"),
        ({"fields": {"name": 7}}, r"agents.all\[0\].fields.name: a string is needed, not 7"),
        ({"created_at": "today"}, r"agents.all\[0\].created_at: Invalid isoformat"),
    ],
)
def test_a_dump_that_cannot_be(change: Any, message: str) -> None:
    fake = FakeBluejay()
    fake.add_agent()
    dump = fake.dump()
    dump["agents"]["all"][0].update(change)
    with pytest.raises(ValueError, match=message):
        FakeBluejay.load(dump)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"last_run_id": 0}, r"runs\[0\].id: 1 is there twice, below 1, or above last_run_id"),
        ({"irregularities": [{"later": 0, "copies": 0, "event": None, "times": 1}]}, r"irregularities\[0\].copies: "),
        ({"irregularities": [{"later": 0, "copies": 1, "event": None, "times": 0}]}, r"irregularities\[0\].copies: "),
        ({"irregularities": [{"later": -1, "copies": 1, "event": None, "times": 1}]}, r"irregularities\[0\].copies: "),
    ],
)
def test_a_dump_of_runs_and_webhooks_that_cannot_be(change: Any, message: str) -> None:
    fake = FakeBluejay()
    fake.queue_run()
    with pytest.raises(ValueError, match=message):
        FakeBluejay.load({**fake.dump(), **change})


def test_a_dump_with_a_webhook_twice() -> None:
    fake = FakeBluejay()
    fake.webhooks.add(print)
    dump = fake.dump()
    dump["webhooks"] *= 2
    with pytest.raises(ValueError, match=r"webhooks\[1\].id: the webhook .* is there twice"):
        FakeBluejay.load(dump)


def test_the_short_way(fake: FakeBluejay) -> None:
    simulation = fake.add_simulation()
    assert (simulation.agent.id, [human.id for human in simulation.digital_humans]) == (1, [1])
    assert simulation.agent == fake.add_simulation(agent=simulation.agent, name="again").agent
    assert simulation.fields["name"] == "Simulation 1"
    theirs = fake.add_agent(organisation="others", name="Zoe")
    assert (theirs.organisation, theirs.fields["name"], theirs.created_at) == ("others", "Zoe", fake.clock.now)
    assert fake.add_digital_human(simulation_ids=[1]) == simulation.digital_humans[1]
    fake.reset()
    with pytest.raises(KeyError, match="there is no simulation 1"):
        _ = simulation.fields


def test_adding_names_bad_arguments_and_changes_nothing(fake: FakeBluejay) -> None:
    before = fake.dump()
    with pytest.raises(ValueError, match="unknown field of an agent 'nam'; did you mean 'name'"):
        fake.add_agent(nam="Ann")
    with pytest.raises(ValueError, match="goals of an agent: a list is needed, not 3"):
        fake.add_agent(goals=3)
    with pytest.raises(ValueError, match="max_concurrent of a simulation: input should be less than or equal to 500"):
        fake.add_simulation(max_concurrent=501)
    with pytest.raises(ValueError, match="unknown agent 7; known: none"):
        fake.add_simulation(agent=7)
    with pytest.raises(ValueError, match="unknown organisation 'nobody'"):
        fake.add_simulation(organisation="nobody")
    with pytest.raises(ValueError, match="unknown simulation 7; known: none"):
        fake.add_digital_human(simulation_ids=[7])
    with pytest.raises(ValueError, match="unknown field of a digital human 'langage'; did you mean 'language'"):
        fake.add_digital_human(langage="en")
    assert fake.dump() == before
    others, gone = fake.add_digital_human(organisation="others"), fake.add_digital_human()
    fake.world.resources.remove(gone._held)
    before = fake.dump()
    with pytest.raises(ValueError, match="the digital human 1 is of the organisation 'others', not 'default'"):
        fake.add_simulation(digital_humans=[others])
    with pytest.raises(KeyError, match="there is no digital human 2"):
        fake.add_simulation(digital_humans=[gone])
    assert fake.dump() == before
