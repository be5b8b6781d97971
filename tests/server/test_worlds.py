"""Suites that run against one server at the same time, and do not meet."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest


@pytest.fixture
def client(serving) -> Iterator[httpx.Client]:
    with serving("--clock", "manual") as server, httpx.Client(base_url=server.url) as client:
        yield client


def end(client: httpx.Client, key: str, *ids: int) -> list[int]:
    answer = client.post("/v1/end-conversations", json={"test_result_ids": ids}, headers={"X-API-Key": key})
    return answer.json()["test_result_ids"]


def now(client: httpx.Client, **params: str) -> str:
    return client.get("/_fake/clock", params=params).json()["now"]


def test_an_organisation_with_a_world_of_its_own(client: httpx.Client) -> None:
    for name in ("a", "b"):
        made = client.post("/_fake/organisations", json={"name": name, "api_key": f"{name}-secret-key", "world": "own"})
        assert (made.status_code, made.json()["world"]) == (201, "own")
        assert "secret" not in made.text
        added = client.post("/_fake/test-results", params={"organisation": name}, json={"agent": "silent"})
        assert added.json()["id"] == 1  # its own ids
    # Requests go by key, and so do those of the control API.
    assert end(client, "a-secret-key", 1, 2) == [1]
    assert end(client, "b-secret-key", 2) == []
    assert end(client, "another", 1, 2) == [1, 2]  # the world that all share
    by_key = client.get("/_fake/test-results/1", headers={"X-API-Key": "a-secret-key"}).json()
    assert by_key["control_objects"]
    bearer = client.get("/_fake/test-results", headers={"Authorization": "Bearer b-secret-key"})
    assert len(bearer.json()) == 1
    # Its own clock.
    began = now(client)
    client.post("/_fake/clock/advance", params={"organisation": "a"}, json={"seconds": 30})
    assert (now(client), now(client, organisation="b")) == (began, began)
    assert now(client, organisation="a") > began
    results = {
        name: client.get("/_fake/test-results/1", params={"organisation": name}).json()["status"] for name in "ab"
    }
    assert results == {"a": "SYSTEM_ERROR", "b": "RUNNING"}
    # Reset is for one.
    client.post("/_fake/reset", params={"organisation": "a"})
    assert client.get("/_fake/test-results", params={"organisation": "a"}).json() == []
    assert now(client, organisation="a") == began
    assert len(client.get("/_fake/test-results", params={"organisation": "b"}).json()) == 1
    assert len(client.get("/_fake/test-results").json()) == 9


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("save?to=a.json", None),
        ("reset?organisation=default&all=true", None),
        ("organisations?world=own", {"name": "a", "api_key": "a-key", "world": "own"}),
    ],
)
def test_unknown_parameters_are_refused_also_where_the_server_answers_for_all_worlds(
    client: httpx.Client, path: str, body: Any
) -> None:
    refused = client.post(f"/_fake/{path}", json=body)
    assert refused.status_code == 400
    assert "unknown parameter" in refused.json()["detail"]
    assert len(client.get("/_fake/test-results").json()) == 9
    assert len(client.get("/_fake/organisations").json()) == 1


def test_bad_organisations_are_refused_and_change_nothing(client: httpx.Client) -> None:
    client.post("/_fake/organisations", json={"name": "a", "api_key": "a-key", "world": "own"})
    for body, detail in [
        ({"name": "a", "api_key": "x", "world": "own"}, "there is an organisation 'a' already"),
        ({"name": "default", "api_key": "x", "world": "own"}, "there is an organisation 'default' already"),
        ({"name": "b", "api_key": "a-key", "world": "own"}, "belongs to another organisation already"),
        ({"name": "b", "api_key": "fake-bluejay-key", "world": "own"}, "belongs to another organisation already"),
        ({"name": "b", "api_key": "a-key"}, "belongs to another organisation already"),
        ({"name": "b", "api_keys": ["x", "a-key"]}, "belongs to another organisation already"),
        ({"name": "a", "api_key": "x"}, "there is an organisation 'a' already"),
        ({"name": "b", "world": "own"}, "api_key: a text"),
        ({"api_key": "b", "world": "own"}, "name: a text"),
        ({"name": "b", "api_key": "x", "world": "mine"}, "world: 'own' or nothing"),
        ({"name": "b", "api_key": "x", "world": "own", "nmae": 1}, "did you mean 'name'?"),
    ]:
        answer = client.post("/_fake/organisations", json=body)
        assert answer.status_code == 400, body
        assert detail in answer.json()["detail"]
    twice = b'{"name": "b", "name": "c", "api_key": "x", "world": "own"}'
    for method, path, content in (
        ("POST", "/_fake/organisations", twice),
        ("GET", "/_fake/test-results?organisation=a&organisation=default", b""),
        ("GET", "/_fake/test-results?organisation=a&status=RUNNING&status=QUEUED", b""),
    ):
        refused = client.request(method, path, content=content)
        assert (refused.status_code, "is there twice, and only one" in refused.json()["detail"]) == (400, True)
    unknown = client.get("/_fake/state", params={"organisation": "aa"})
    assert (unknown.status_code, unknown.json()["detail"]) == (
        404,
        "unknown organisation 'aa'; did you mean 'a'? known: default, a",
    )


def test_every_key_of_a_world_of_its_own_leads_there(client: httpx.Client) -> None:
    for name in "ab":
        client.post("/_fake/organisations", json={"name": name, "api_key": f"{name}-key", "world": "own"})
    of_a = {"organisation": "a"}
    empty = client.get("/_fake/state", params=of_a).json()
    new = {"name": "more", "api_keys": ["more-key"]}
    assert client.post("/_fake/organisations", params=of_a, json=new).status_code == 201
    client.post("/_fake/test-results", params=of_a, json={"organisation": "more"})
    assert end(client, "more-key", 1) == [1]
    # Nobody else may have it, however it comes.
    full = client.get("/_fake/state", params=of_a).json()
    for elsewhere in ({}, {"organisation": "b"}):
        for taken in (
            client.post("/_fake/organisations", params=elsewhere, json=new),
            client.put("/_fake/state", params=elsewhere, json=full),
        ):
            assert (taken.status_code, "belongs to another" in taken.text) == (400, True)
    # It goes with the organisation, and may come again only while nobody else has it.
    assert client.put("/_fake/state", params=of_a, json=empty).status_code == 200
    assert client.put("/_fake/state", params={"organisation": "b"}, json=full).status_code == 200
    assert client.put("/_fake/state", params=of_a, json=full).status_code == 400
    # The world's own key goes on leading there, whatever is put in.
    assert end(client, "b-key", 1) == []
    client.post("/_fake/test-results", params={"organisation": "b"}, json={"id": 7})
    assert end(client, "b-key", 7) == [7]


def test_a_key_that_is_created_in_a_world_of_its_own_leads_there(client: httpx.Client) -> None:
    def agents(key: str) -> Any:
        answer = client.get("/v1/all-agents", headers={"X-API-Key": key})
        return [one["name"] for one in answer.json()] if answer.status_code == 200 else answer.status_code

    made = {}
    for name in "ab":
        client.post("/_fake/organisations", json={"name": name, "api_key": f"{name}-key", "world": "own"})
        headers = {"X-API-Key": f"{name}-key"}
        client.post("/v1/add-agent", json={"name": name, "system_prompt": "", "goals": []}, headers=headers)
        made[name] = client.post("/v1/api-keys", json={"scope": "organization"}, headers=headers).json()
    assert [agents(made[name]["api_key"]) for name in "ab"] == [["a"], ["b"]]
    gone = client.delete(f"/v1/api-keys/{made['a']['id']}", headers={"X-API-Key": "a-key"})
    assert gone.status_code == 204
    assert [agents(made[name]["api_key"]) for name in "ab"] == [401, ["b"]]
    assert agents("a-key") == ["a"]


def test_an_organisation_comes_back_by_a_reset_only_while_its_key_is_free(serving, tmp_path) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text('{"organisations": [{"name": "acme", "api_keys": ["acme-key"]}]}')
    with serving("--seed", seed) as server, httpx.Client(base_url=server.url) as client:
        state = client.get("/_fake/state").json()
        state["organisations"] = state["organisations"][:1]
        assert client.put("/_fake/state", json=state).status_code == 200
        own = {"name": "b", "api_key": "acme-key", "world": "own"}
        assert client.post("/_fake/organisations", json=own).status_code == 201
        assert "belongs to another" in client.post("/_fake/reset").json()["detail"]


def test_resetting_an_organisation_that_shares_a_world(serving, tmp_path) -> None:
    seed = tmp_path / "seed.yaml"
    seed.write_text(
        "organisations: [{name: acme, api_keys: [acme-key]}]\n"
        "test_results: [{count: 2}, {count: 3, organisation: acme, status: EVALUATING}]\n"
    )
    with serving("--seed", seed) as server, httpx.Client(base_url=server.url) as client:
        answer = client.post("/_fake/reset", params={"organisation": "acme"})
        assert answer.json() == {"organisation": "acme", "removed": 3}
        assert [one["id"] for one in client.get("/_fake/test-results").json()] == [1, 2]
        assert client.get("/_fake/clock").json()["pending"] in (0, [])
        client.post("/_fake/reset")
        assert len(client.get("/_fake/test-results").json()) == 5
