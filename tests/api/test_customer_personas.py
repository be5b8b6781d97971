"""Customer personas: what the API does with them, and what becomes of them when their agent goes."""

from typing import Any

import pytest

from fake_bluejay import FakeBluejay
from tests.api.client import Client

NEW = {"name": "Hurried", "description": "Has no time.", "goal": "A short call."}


@pytest.fixture
def persona(ask: Client, fake: FakeBluejay) -> Any:
    fake.add_agent()
    return ask("POST", "create-customer-persona", {**NEW, "agent_id": 1})


def test_created_persona_is_found_and_listed_by_its_agent(ask: Client, persona: Any) -> None:
    ask("POST", "create-customer-persona", NEW)
    assert persona == {**NEW, "id": persona["id"], "created_at": "2026-01-01T00:00:00Z", "org_id": None}
    assert ask("GET", f"customer-persona/{persona['id']}") == persona
    assert ask("GET", "customer-personas-by-agent/1") == [persona]


def test_update_changes_the_given_fields_and_delete_returns_the_persona(ask: Client, persona: Any) -> None:
    place = persona["id"]
    changed = ask("PUT", f"update-customer-persona/{place}", {"goal": "None.", "name": None})
    assert changed == {**persona, "goal": "None."} == ask("GET", f"customer-persona/{place}")
    assert ask("DELETE", f"customer-persona/{place}") == changed
    for method, path, body in (
        ("GET", f"customer-persona/{place}", None),
        ("DELETE", f"customer-persona/{place}", None),
        ("PUT", f"update-customer-persona/{place}", {}),
    ):
        assert ask(method, path, body, status=404) == {"detail": "Customer persona not found"}
    assert ask("GET", "customer-personas-by-agent/1") == []


def test_persona_outlives_its_agent(ask: Client, persona: Any) -> None:
    ask("DELETE", "agent/1")
    assert ask("GET", f"customer-persona/{persona['id']}") == persona
    ask("GET", "customer-personas-by-agent/1", status=404)


def test_persona_of_an_agent_that_does_not_exist_is_not_made(ask: Client, fake: FakeBluejay) -> None:
    before = fake.dump()
    assert ask("POST", "create-customer-persona", {**NEW, "agent_id": 9}, status=404) == {"detail": "Agent not found"}
    ask("POST", "create-customer-persona", {"name": "a"}, status=422)
    assert fake.dump() == before


def test_personas_of_another_organisation_do_not_exist(ask: Client, others: Client, persona: Any) -> None:
    for method, path, body in (
        ("GET", f"customer-persona/{persona['id']}", None),
        ("DELETE", f"customer-persona/{persona['id']}", None),
        ("PUT", f"update-customer-persona/{persona['id']}", {}),
    ):
        others(method, path, body, status=404)
    others("GET", "customer-personas-by-agent/1", status=403)
    assert ask("GET", "customer-personas-by-agent/1") == [persona]


def test_restored_dump_has_the_personas(fake: FakeBluejay, persona: Any) -> None:
    with FakeBluejay.load(fake.dump()) as again:
        assert Client(again, again.api_key)("GET", "customer-personas-by-agent/1") == [persona]
