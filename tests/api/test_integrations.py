"""Integrations: secrets are stored and not shown, and what an organisation has at ElevenLabs is what a test added."""

from typing import Any

import pytest

from fake_bluejay import FakeBluejay
from tests.api.client import Client


def test_stored_secret_is_shown_only_on_request(ask: Client) -> None:
    assert ask("GET", "integrations") == {}
    changed = ask("POST", "update-integrations", {"retell_api_key": "r-1", "slack_channel": "C1"})
    shown = {"retell_api_key": None, "retell_api_key_set": True, "slack_channel": "C1"}
    assert changed == {"success": True, "message": "Integrations updated", "status": "200", "integrations": shown}
    assert ask("GET", "integrations") == shown
    assert ask("POST", "get-integration-key", {"field": "retell_api_key"}) == {"value": "r-1"}


def test_change_keeps_other_fields_and_null_clears(ask: Client) -> None:
    ask("PATCH", "integrations", {"vapi_api_key": "v", "retell_api_key": "r"})
    shown = ask("PATCH", "integrations", {"vapi_api_key": None})
    assert shown == {
        "vapi_api_key": None,
        "vapi_api_key_set": False,
        "retell_api_key": None,
        "retell_api_key_set": True,
    }
    assert ask("GET", "integrations") == shown
    ask("POST", "get-integration-key", {"field": "vapi_api_key"}, status=404)
    assert ask("POST", "get-integration-key", {"field": "retell_api_key"}) == {"value": "r"}


def test_field_that_is_no_secret_or_not_set_is_404(ask: Client) -> None:
    ask("PATCH", "integrations", {"slack_channel": "C1"})
    for field in ("slack_channel", "retell_api_key", ""):
        answer = ask("POST", "get-integration-key", {"field": field}, status=404)
        assert answer == {"detail": "Integration key not found"}


def test_change_of_nothing_is_one(ask: Client) -> None:
    assert ask("PATCH", "integrations") == ask("PATCH", "integrations", {}) == {}


@pytest.mark.parametrize("body", [[], "text", 7])
def test_change_must_be_an_object(ask: Client, fake: FakeBluejay, body: Any) -> None:
    for method, path in (("PATCH", "integrations"), ("POST", "update-integrations")):
        assert ask(method, path, body, status=400) == {"detail": "Send an object with the fields to change"}
    assert ask("GET", "integrations") == {}


@pytest.mark.parametrize("body", [rb'{"slack_channel": "\ud800"}', rb'{"\ud800": 1}'])
def test_lone_surrogate_is_refused_and_changes_nothing(fake: FakeBluejay, ask: Client, body: bytes) -> None:
    headers = {"X-API-Key": fake.api_key, "Content-Type": "application/json"}
    answer = fake.client().patch("/v1/integrations", content=body, headers=headers)
    assert (answer.status_code, "lone surrogate" in answer.json()["detail"]) == (400, True)
    assert ask("GET", "integrations") == {}


def test_number_that_is_not_finite_becomes_null(fake: FakeBluejay, ask: Client) -> None:
    headers = {"X-API-Key": fake.api_key, "Content-Type": "application/json"}
    fake.client().patch("/v1/integrations", content=b'{"limit": NaN}', headers=headers).raise_for_status()
    assert ask("GET", "integrations") == {"limit": None}
    assert FakeBluejay.load(fake.dump()).dump() == fake.dump()


def test_integrations_are_an_organisations_own_and_in_dumps(ask: Client, others: Client, fake: FakeBluejay) -> None:
    ask("PATCH", "integrations", {"vapi_api_key": "v"})
    assert others("GET", "integrations") == {}
    others("POST", "get-integration-key", {"field": "vapi_api_key"}, status=404)
    with FakeBluejay.load(fake.dump()) as again:
        stored = Client(again, again.api_key)("POST", "get-integration-key", {"field": "vapi_api_key"})
    assert stored == {"value": "v"}


def test_agents_at_elevenlabs_are_those_that_a_test_has_added(ask: Client, others: Client, fake: FakeBluejay) -> None:
    assert ask("GET", "integrations/elevenlabs/agents") == {"agents": []}
    fake.add("elevenlabs agent", agent_id="e1", name="Ann", branches=["Main", "Draft"])
    assert ask("GET", "integrations/elevenlabs/agents") == {"agents": [{"agent_id": "e1", "name": "Ann"}]}
    assert others("GET", "integrations/elevenlabs/agents") == {"agents": []}


def test_branches_are_those_of_the_agent_that_an_agent_names(ask: Client, others: Client, fake: FakeBluejay) -> None:
    fake.add("elevenlabs agent", agent_id="e1", branches=["Main", "Draft"])
    named, unknown, without = (fake.add_agent(eleven_labs_agent_id=id) for id in ("e1", "e2", None))
    path = "integrations/elevenlabs/agents/{}/branches".format
    branches = [{"id": "main", "name": "Main"}, {"id": "draft", "name": "Draft"}]
    assert ask("GET", path(named.id)) == {"branches": branches}
    assert ask("GET", path(unknown.id), status=404) == {"detail": "Elevenlabs agent not found"}
    ask("GET", path(without.id), status=400)
    assert ask("GET", path("x"), status=404) == {"detail": "Agent not found"}
    others("GET", path(named.id), status=403)
