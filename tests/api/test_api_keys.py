"""API keys: each serves from its creation to its revocation."""

import pytest

from fake_bluejay import FakeBluejay
from tests.api.client import Client


def status(fake: FakeBluejay, key: str) -> int:
    return fake.client(headers={"X-API-Key": key}).get("/v1/all-agents").status_code


def test_created_key_serves_its_organisation_until_it_is_revoked(ask: Client, fake: FakeBluejay) -> None:
    ask("POST", "add-agent", {"name": "Ann", "system_prompt": "", "goals": []})
    created = ask("POST", "api-keys", {"scope": "organization", "name": "CI"})
    assert created == {
        "id": created["id"],
        "api_key": created["api_key"],
        "scope": "organization",
        "name": "CI",
        "created_at": "2026-01-01T00:00:00.000000Z",
        "revoked": False,
    }
    with_it = Client(fake, created["api_key"])
    assert [one["name"] for one in with_it("GET", "all-agents")] == ["Ann"]
    assert ask.http.delete(f"/v1/api-keys/{created['id']}").status_code == 204
    assert with_it("GET", "all-agents", status=401) == {"detail": "Invalid API key"}
    assert ask("DELETE", f"api-keys/{created['id']}", status=404) == {"detail": "Api key not found"}
    assert status(fake, fake.api_key) == 200


def test_key_without_a_name_has_an_empty_one(ask: Client) -> None:
    assert ask("POST", "api-keys", {"scope": "agent"})["name"] == ""


def test_key_may_revoke_itself(ask: Client, fake: FakeBluejay) -> None:
    created = ask("POST", "api-keys", {"scope": "organization"})
    itself = fake.client(headers={"X-API-Key": created["api_key"]})
    assert itself.delete(f"/v1/api-keys/{created['id']}").status_code == 204
    assert status(fake, created["api_key"]) == 401


def test_key_that_a_test_revoked_can_be_deleted(ask: Client, fake: FakeBluejay) -> None:
    created = ask("POST", "api-keys", {"scope": "organization"})
    fake.revoke_key(created["api_key"])
    assert ask.http.delete(f"/v1/api-keys/{created['id']}").status_code == 204
    assert status(fake, created["api_key"]) == 401


def test_revoked_key_is_refused_where_any_key_serves() -> None:
    with FakeBluejay() as fake:
        created = Client(fake, "any")("POST", "api-keys", {"scope": "organization"})
        assert status(fake, created["api_key"]) == 200
        Client(fake, "any").http.delete(f"/v1/api-keys/{created['id']}")
        assert (status(fake, created["api_key"]), status(fake, "any")) == (401, 200)


def test_key_that_was_given_twice_serves_beside_a_created_one() -> None:
    with FakeBluejay(api_keys=["twice", "twice"]) as fake:
        created = Client(fake, "twice")("POST", "api-keys", {"scope": "organization"})
        assert [status(fake, key) for key in ("twice", created["api_key"], "other")] == [200, 200, 401]


def test_keys_of_another_organisation_do_not_exist(ask: Client, others: Client, fake: FakeBluejay) -> None:
    mine = ask("POST", "api-keys", {"scope": "organization"})
    assert others("DELETE", f"api-keys/{mine['id']}", status=404) == {"detail": "Api key not found"}
    theirs = others("POST", "api-keys", {"scope": "organization"})
    ask("POST", "add-agent", {"name": "Ann", "system_prompt": "", "goals": []})
    assert Client(fake, theirs["api_key"])("GET", "all-agents") == []
    assert len(Client(fake, mine["api_key"])("GET", "all-agents")) == 1


def test_unknown_and_malformed(ask: Client) -> None:
    for id in ("x", "6b1e7a52-26f3-4d6c-8a1f-0d2c3f4b5a69"):
        assert ask("DELETE", f"api-keys/{id}", status=404) == {"detail": "Api key not found"}
    [error] = ask("POST", "api-keys", {}, status=422)["detail"]
    assert error["loc"] == ["body", "scope"]


def test_restored_world_knows_its_keys(ask: Client, fake: FakeBluejay) -> None:
    kept, gone = (ask("POST", "api-keys", {"scope": "organization"}) for _ in range(2))
    ask.http.delete(f"/v1/api-keys/{gone['id']}")
    dumped = fake.dump()
    expected = ask("POST", "api-keys", {"scope": "organization"})
    with FakeBluejay.load(dumped) as restored:
        assert (status(restored, kept["api_key"]), status(restored, gone["api_key"])) == (200, 401)
        assert Client(restored, fake.api_key)("POST", "api-keys", {"scope": "organization"}) == expected


@pytest.mark.parametrize("seed", [1, 2])
def test_keys_are_drawn_from_the_seed(seed: int) -> None:
    first, again, other = (FakeBluejay(seed=one).add("api key").fields["api_key"] for one in (seed, seed, 3))
    assert first == again != other
