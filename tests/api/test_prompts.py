"""Versions of prompts and of the older knowledge bases, their labels, and the agent whose texts they are."""

from typing import Any

import pytest

from fake_bluejay import FakeBluejay
from tests.api.client import Client

UNKNOWN = "6b1e7a52-26f3-4d6c-8a1f-0d2c3f4b5a69"
TEXT = {"prompts": "prompt_text", "knowledge-bases": "kb_text"}
OWN = {"prompts": "agent_description", "knowledge-bases": "knowledge_base"}


@pytest.fixture(params=["prompts", "knowledge-bases"])
def kind(request: pytest.FixtureRequest, fake: FakeBluejay) -> Any:
    """Each kind of text, of an agent whose both texts are `First.`"""
    fake.add_agent(system_prompt="First.", knowledge_base="First.")
    return request.param


def new(ask: Client, kind: str, text: str, **fields: Any) -> Any:
    return ask("POST", f"agents/1/{kind}/versions", {TEXT[kind]: text, **fields})


def listed(ask: Client, kind: str, query: str = "") -> list[tuple[int, str, list[str]]]:
    versions = ask("GET", f"agents/1/{kind}/versions{query}")
    return [(one["version"], one[TEXT[kind]], sorted(one["labels"])) for one in versions]


def labels(ask: Client) -> list[tuple[str, bool]]:
    """The labels of the agent's prompts, and whether each is on a version."""
    found = [one for one in ask("GET", "agents/1/labels") if one["knowledge_base_id"] is None]
    return sorted((one["label_text"], one["prompt_id"] is not None) for one in found)


def test_agent_begins_with_version_1_in_production(ask: Client, kind: str) -> None:
    assert listed(ask, kind) == [(1, "First.", ["latest", "production"])]
    assert ask("GET", "agents/1")[OWN[kind]] == "First."


def test_agent_that_was_given_no_knowledge_base_has_no_version_of_it(ask: Client, fake: FakeBluejay) -> None:
    fake.add_agent(knowledge_base="")
    assert ask("GET", "agents/1/knowledge-bases/versions") == []
    ask("GET", "agents/1/knowledge-bases?label=latest", status=404)
    first = ask("POST", "agents/1/knowledge-bases/versions", {"kb_text": "We open at nine."})
    assert (first["version"], sorted(first["labels"])) == (1, ["latest", "production"])
    assert ask("GET", "agents/1")["knowledge_base"] == "We open at nine."


def test_new_version_without_a_text_copies_the_present_prompt(ask: Client, fake: FakeBluejay) -> None:
    fake.add_agent(system_prompt="First.")
    ask("POST", "agents/1/versions", {"prompt_text": "Second."})
    third = ask("POST", "agents/1/versions", {"commit_message": "Again."})
    assert (third["version"], third["prompt_text"]) == (3, "First.")  # that of the version in production
    for contract in ("sdk-0.3.6", "openapi-2026-04-30"):
        fake.readings.set(contract=contract)
        [error] = ask("POST", "agents/1/versions", {}, status=422)["detail"]
        assert error["loc"] == ["body", "prompt_text"]


def test_new_version_may_take_labels_from_others(ask: Client, fake: FakeBluejay) -> None:
    fake.add_agent()
    fake.readings.set(label_on_another="both")
    for override in (False, False, True):
        ask("POST", "agents/1/versions", {"labels": ["a"], "override_label": override})
    labelled = [("a" in one["labels"]) for one in ask("GET", "agents/1/versions")]
    assert labelled == [True, False, False, False]


def test_new_version_is_the_latest_and_found_by_number_id_and_label(ask: Client, kind: str) -> None:
    second = new(ask, kind, "Second.", commit_message="Try it.", labels=["staging"], metadata={"by": "Ann"})
    assert second == {
        "id": second["id"],
        TEXT[kind]: "Second.",
        "commit_message": "Try it.",
        "labels": ["latest", "staging"],
        "metadata": {"by": "Ann"},
        "version": 2,
        "agent_id": 1,
    }
    assert ask("GET", f"agents/1/{kind}/versions/2") == second
    assert ask("GET", f"agents/1/{kind}/{second['id']}") == second
    for label in ("latest", "staging"):
        assert ask("GET", f"agents/1/{kind}?label={label}") == second
    assert listed(ask, kind) == [(2, "Second.", ["latest", "staging"]), (1, "First.", ["production"])]
    assert listed(ask, kind, "?label=staging") == [(2, "Second.", ["latest", "staging"])]
    assert listed(ask, kind, "?version=1") == [(1, "First.", ["production"])]
    assert [one[0] for one in listed(ask, kind, "?limit=1")] == [2]
    assert listed(ask, kind, "?limit=-1") == []
    assert ask("GET", "agents/1")[OWN[kind]] == "First."


def test_text_in_production_is_the_agents(ask: Client, kind: str) -> None:
    new(ask, kind, "Second.")
    ask("POST", f"agents/1/{kind}/versions/2/labels", {"labels": ["production"]})
    assert ask("GET", "agents/1")[OWN[kind]] == "Second."
    field = {"prompts": "system_prompt", "knowledge-bases": "knowledge_base"}[kind]
    ask("POST", "update-agent", {"agent_id": "1", field: "Changed."})
    assert listed(ask, kind) == [(2, "Changed.", ["latest", "production"]), (1, "First.", [])]
    ask("POST", f"agents/1/{kind}/versions/1/labels", {"labels": ["production"]})
    assert [one[1] for one in listed(ask, kind)] == ["Changed.", "First."]
    assert ask("GET", "agents/1")[OWN[kind]] == "First."
    ask("POST", "update-agent", {"agent_id": "1", field: "Changed, too."})
    ask("DELETE", f"agents/1/{kind}/versions/1/labels", {"labels": ["production"]})
    assert [one[1] for one in listed(ask, kind)] == ["Changed.", "Changed, too."]


def test_updated_agent_has_a_new_version_by_the_other_reading(ask: Client, fake: FakeBluejay, kind: str) -> None:
    fake.readings.set(updated_text="new-version")
    texts = {"system_prompt": "Second.", "knowledge_base": "Second."}
    for _ in range(2):  # the same again is no change
        ask("POST", "update-agent", {"agent_id": "1", **texts})
    assert listed(ask, kind) == [(2, "Second.", ["latest", "production"]), (1, "First.", [])]
    assert ask("GET", "agents/1")[OWN[kind]] == "Second."


def test_first_version_is_not_in_production_by_the_other_reading(ask: Client, fake: FakeBluejay, kind: str) -> None:
    fake.readings.set(first_version="latest-only")
    assert listed(ask, kind) == [(1, "First.", ["latest"])]
    ask("GET", f"agents/1/{kind}?label=production", status=404)


def test_labels_are_put_on_versions_and_taken_from_them(ask: Client, fake: FakeBluejay, kind: str) -> None:
    new(ask, kind, "Second.")
    path = f"agents/1/{kind}/versions"
    assert ask("POST", f"{path}/2/labels", {"labels": ["a", "b", "a"]}) == {"labels": ["latest", "a", "b"]}
    assert ask("GET", f"{path}/2/labels") == {"labels": ["latest", "a", "b"]}
    assert ask("DELETE", f"{path}/2/labels", {"labels": ["a", "unknown"]}) == {"labels": ["latest", "b"]}
    fake.readings.set(removing_no_labels="none")
    for body in (None, {}, {"labels": None}):
        assert ask("DELETE", f"{path}/2/labels", body) == {"labels": ["latest", "b"]}
    fake.readings.set(removing_no_labels="all")
    for body in (None, {}, {"labels": None}, {"labels": []}):
        ask("POST", f"{path}/2/labels", {"labels": ["b"]})
        assert ask("DELETE", f"{path}/2/labels", body) == {"labels": ["latest"]}
    texts = {one["label_text"] for one in ask("GET", "agents/1/labels")}
    assert texts == {"latest", "production", "a", "b"}  # `a` stays on the agent
    for method in ("POST", "DELETE"):
        ask(method, f"{path}/1/labels", {"labels": ["c", "latest"]}, status=400)
        ask(method, f"{path}/3/labels", {"labels": ["c"]}, status=404)
    assert ask("GET", f"{path}/1/labels") == {"labels": ["production"]}
    assert ask("DELETE", f"{path}/1/labels", {"labels": ["production"]}) == {"labels": []}
    ask("GET", f"agents/1/{kind}?label=production", status=404)


@pytest.mark.parametrize(
    ("reading", "status", "expected"),
    [("both", 200, [2, 1]), ("moved", 200, [2]), ("409", 409, [1])],
)
def test_label_that_another_version_has(
    ask: Client, fake: FakeBluejay, kind: str, reading: str, status: int, expected: list[int]
) -> None:
    fake.readings.set(label_on_another=reading)
    new(ask, kind, "Second.")
    path = f"agents/1/{kind}/versions"
    ask("POST", f"{path}/1/labels", {"labels": ["a"]})
    ask("POST", f"{path}/2/labels", {"labels": ["b", "a"]}, status=status)
    assert [one[0] for one in listed(ask, kind, "?label=a")] == expected
    assert [one[0] for one in listed(ask, kind, "?label=b")] == ([2] if status == 200 else [])
    if len(expected) > 1:
        for method in ("GET", "DELETE"):
            path_of_label = kind if method == "GET" else f"{kind}/versions"
            assert "ambiguous" in ask(method, f"agents/1/{path_of_label}?label=a", status=400)["detail"]
    ask("POST", f"{path}/2/labels", {"labels": ["a"], "override_label": True})
    assert [one[0] for one in listed(ask, kind, "?label=a")] == [2]


def test_version_with_a_label_that_is_taken_is_not_made(ask: Client, fake: FakeBluejay, kind: str) -> None:
    new(ask, kind, "Second.", labels=["a"])
    before = fake.dump()
    ask("POST", f"agents/1/{kind}/versions", {TEXT[kind]: "Third.", "labels": ["b", "a"]}, status=409)
    assert fake.dump() == before


def test_deleted_version_gives_latest_to_the_highest_that_is_left(ask: Client, kind: str) -> None:
    ids = [new(ask, kind, f"{number}.", labels=[f"l{number}"])["id"] for number in range(2, 6)]
    path = f"agents/1/{kind}"
    for method, what, version in (
        ("by number", f"{path}/versions/5", 5),
        ("by label", f"{path}/versions?label=l4", 4),
        ("by id", f"{path}/{ids[1]}", 3),
    ):
        deleted = ask("DELETE", what)
        assert (deleted["version"], deleted["agent_id"]) == (version, 1), method
        ask("DELETE", what, status=404)
    assert listed(ask, kind) == [(2, "2.", ["l2", "latest"]), (1, "First.", ["production"])]
    assert new(ask, kind, "Again.")["version"] == 3


def test_version_in_production_and_the_only_one_cannot_be_deleted(ask: Client, fake: FakeBluejay, kind: str) -> None:
    first = ask("GET", f"agents/1/{kind}/versions/1")["id"]
    new(ask, kind, "Second.")
    path = f"agents/1/{kind}"
    before = fake.dump()
    for what in (f"{path}/versions/1", f"{path}/versions?label=production", f"{path}/{first}", f"{path}/versions"):
        ask("DELETE", what, status=400)
    assert fake.dump() == before
    ask("DELETE", f"{path}/versions/1/labels", {"labels": ["production"]})
    ask("DELETE", f"{path}/versions/1")
    ask("DELETE", f"{path}/versions/2", status=400)


def test_label_is_needed_to_find_a_version_by_it(ask: Client, kind: str) -> None:
    ask("GET", f"agents/1/{kind}", status=400)
    ask("GET", f"agents/1/{kind}?label=none", status=404)


def test_unknown_versions_and_agents(ask: Client, kind: str) -> None:
    path = f"agents/1/{kind}"
    for what, status in ((f"{path}/versions/2", 404), (f"{path}/versions/x", 422), (f"{path}/{UNKNOWN}", 404)):
        for method in ("GET", "DELETE"):
            ask(method, what, status=status)
    for what in ("versions", "versions/1", "versions/1/labels", UNKNOWN, "?label=latest"):
        assert ask("GET", f"agents/9/{kind}/{what}".replace("/?", "?"), status=404) == {"detail": "Agent not found"}
    [error] = ask("POST", f"{path}/versions", {TEXT[kind]: 7}, status=422)["detail"]
    assert error["loc"] == ["body", TEXT[kind]]


def test_versions_of_another_organisation_do_not_exist(
    ask: Client, others: Client, fake: FakeBluejay, kind: str
) -> None:
    theirs = fake.add_agent(organisation="others").id
    second = new(ask, kind, "Second.")
    others("GET", f"agents/1/{kind}/versions", status=403)
    others("GET", f"agents/{theirs}/{kind}/{second['id']}", status=404)
    ask("POST", f"agents/{theirs}/{kind}/versions", {TEXT[kind]: "Mine."}, status=403)
    assert len(listed(ask, kind)) == 2


def test_deleted_agent_takes_its_versions_and_labels_along(ask: Client, fake: FakeBluejay, kind: str) -> None:
    fake.add("label", label_text="first")
    new(ask, kind, "Second.", labels=["a"])
    ask("DELETE", "agent/1")
    for resource in ("label", "prompt", "knowledge base version"):
        assert fake.resources(resource) == []


def test_restored_versions_go_on_the_same(ask: Client, fake: FakeBluejay, kind: str) -> None:
    new(ask, kind, "Second.", labels=["a"])
    with FakeBluejay.load(fake.dump()) as restored:
        again = Client(restored, fake.api_key)
        for client in (ask, again):
            ask_for = f"agents/1/{kind}/versions"
            client("POST", f"{ask_for}/2/labels", {"labels": ["production"]})
            client("DELETE", f"{ask_for}/1")
        assert new(again, kind, "Third.") == new(ask, kind, "Third.")
        assert restored.dump() == fake.dump()


# --- the newest paths -------------------------------------------------------------------------------------------------


def test_agent_versions_are_those_of_the_prompt(ask: Client, fake: FakeBluejay) -> None:
    fake.add_agent(system_prompt="First.")
    second = ask("POST", "agents/1/versions", {"prompt_text": "Second."})
    assert ask("GET", "agents/1/versions") == ask("GET", "agents/1/prompts/versions")
    assert ask("GET", "agents/1/versions/2") == second == ask("GET", f"agents/1/versions/{second['id']}")
    assert ask("POST", "agents/1/versions/2/labels", {"labels": ["a"]}) == {"labels": ["latest", "a"]}
    assert ask("DELETE", "agents/1/versions/2/labels", {"labels": ["a"]}) == {"labels": ["latest"]}
    assert ask("DELETE", "agents/1/versions?label=latest")["version"] == 2
    third = ask("POST", "agents/1/versions", {"prompt_text": "Third."})
    assert ask("DELETE", f"agents/1/versions/{third['id']}")["version"] == 2
    ask("GET", "agents/1/versions/x", status=422)


def test_promotion_moves_production_to_the_latest_or_to_another_version(ask: Client, fake: FakeBluejay) -> None:
    fake.add_agent(system_prompt="First.")
    ids = [ask("POST", "agents/1/versions", {"prompt_text": text})["id"] for text in ("Second.", "Third.")]
    for path, expected in (
        ("agents/1/versions/promote", 3),
        ("agents/1/versions/promote?version=1", 1),
        (f"agents/1/prompts/promote?prompt_id={ids[0]}", 2),
        (f"agents/1/versions/promote?prompt_id={ids[0]}&version=3", 3),
    ):
        promoted = ask("POST", path)
        assert promoted["version"] == expected
        assert "production" in promoted["labels"]
        assert ask("GET", "agents/1")["agent_description"] == promoted["prompt_text"]
        assert [one["version"] for one in ask("GET", "agents/1/versions?label=production")] == [expected]
    for path in ("agents/1/versions/promote?version=9", f"agents/1/versions/promote?prompt_id={UNKNOWN}"):
        ask("POST", path, status=404)


def test_evaluated_conversation_is_of_a_version_and_makes_its_label(ask: Client, fake: FakeBluejay) -> None:
    fake.add_agent(external_agent_id="a")
    ask("POST", "agents/1/versions", {"prompt_text": "Second."})
    conversation = {
        "start_time_utc": "2026-01-01T00:00:00Z",
        "participants": [{"role": "AGENT"}, {"role": "USER"}],
        "transcript": [{"start_offset_ms": 0, "end_offset_ms": 9, "speaker": "AGENT", "utterance": "Hello."}],
    }

    def warning(**fields: Any) -> Any:
        return ask("POST", "evaluate", {**conversation, **fields})["warning"]

    assert [warning(agent_id="1", version=version) for version in (None, 1, 2)] == [None] * 3
    assert warning(agent_id="1", version=3) == "Version 3 was not found; the production version is used"
    assert warning(external_agent_id="a", label="canary") is None
    assert ask("GET", "agents/1/versions/1/labels") == {"labels": ["production", "canary"]}
    assert warning(agent_id="1", label="canary") is None
    assert [one["label_text"] for one in ask("GET", "agents/1/labels")].count("canary") == 1
    ask("DELETE", "agents/1/versions/1/labels", {"labels": ["production"]})
    assert warning(agent_id="1", version=2) == "The agent has no production version"


# --- labels -----------------------------------------------------------------------------------------------------------


def test_label_is_created_found_renamed_and_deleted(ask: Client, fake: FakeBluejay) -> None:
    fake.add_agent(knowledge_base="")
    created = ask("POST", "agents/1/labels", {"label_text": "staging"})
    assert created == {
        "id": created["id"],
        "created_at": "2026-01-01T00:00:00Z",
        "agent_id": 1,
        "label_text": "staging",
        "prompt_id": None,
        "knowledge_base_id": None,
        "color": None,
    }
    path = f"agents/1/labels/{created['id']}"
    assert ask("GET", path) == created
    assert ask("GET", "agents/1/labels?q=stag") == [created]
    renamed = ask("PUT", path, {"label_text": "canary"})
    assert renamed == {**created, "label_text": "canary"}
    assert labels(ask) == [("canary", False), ("latest", True), ("production", True)]
    assert ask("DELETE", path) == {}
    for method in ("GET", "PUT", "DELETE"):
        body = {"label_text": "x"} if method == "PUT" else None
        assert ask(method, path, body, status=404) == {"detail": "Label not found"}


def test_label_on_a_version_is_renamed_there_and_cannot_be_deleted(ask: Client, fake: FakeBluejay) -> None:
    fake.add_agent()
    ask("POST", "agents/1/labels", {"label_text": "a"})
    ask("POST", "agents/1/versions/1/labels", {"labels": ["a"]})
    [label] = [one for one in ask("GET", "agents/1/labels") if one["label_text"] == "a"]
    assert label["prompt_id"] == ask("GET", "agents/1/versions/1")["id"]
    ask("PUT", f"agents/1/labels/{label['id']}", {"label_text": "b"})
    assert sorted(ask("GET", "agents/1/versions/1/labels")["labels"]) == ["b", "latest", "production"]
    ask("DELETE", f"agents/1/labels/{label['id']}", status=400)
    ask("DELETE", "agents/1/versions/1/labels", {"labels": ["b"]})
    assert ask("DELETE", f"agents/1/labels/{label['id']}") == {}


def test_reserved_labels_and_those_that_exist_are_refused(ask: Client, fake: FakeBluejay) -> None:
    fake.add_agent()
    free = ask("POST", "agents/1/labels", {"label_text": "a"})["id"]
    ask("POST", "agents/1/labels", {"label_text": "b"})
    reserved = {one["label_text"]: one["id"] for one in ask("GET", "agents/1/labels")}
    before = fake.dump()
    for text, status in (("production", 400), ("latest", 400), ("a", 409), ("b", 409)):
        ask("POST", "agents/1/labels", {"label_text": text}, status=status)
        if text != "a":
            ask("PUT", f"agents/1/labels/{free}", {"label_text": text}, status=status)
    for text in ("production", "latest"):
        ask("PUT", f"agents/1/labels/{reserved[text]}", {"label_text": "c"}, status=400)
        ask("DELETE", f"agents/1/labels/{reserved[text]}", status=400)
    assert fake.dump() == before


def test_labels_of_another_agent_or_organisation_do_not_exist(ask: Client, others: Client, fake: FakeBluejay) -> None:
    for organisation in ("default", "default", "others"):
        fake.add_agent(organisation=organisation)
    label = ask("POST", "agents/1/labels", {"label_text": "a"})["id"]
    ask("GET", f"agents/2/labels/{label}", status=404)
    ask("DELETE", f"agents/2/labels/{label}", status=404)
    others("GET", f"agents/3/labels/{label}", status=404)
    others("GET", "agents/1/labels", status=403)
    ask("GET", "agents/9/labels", status=404)
    ask("GET", "agents/1/labels/x", status=404)
    assert ask("POST", "agents/2/labels", {"label_text": "a"})["agent_id"] == 2
