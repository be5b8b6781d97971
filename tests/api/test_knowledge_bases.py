"""Knowledge bases of an organisation: created, changed, attached to agents, and gone."""

from typing import Any

import pytest

from fake_bluejay import FakeBluejay
from tests.api.client import Client

UNKNOWN = "6b1e7a52-26f3-4d6c-8a1f-0d2c3f4b5a69"


@pytest.fixture
def faqs(ask: Client, fake: FakeBluejay) -> Any:
    for _ in range(2):
        fake.add_agent()
    return ask("POST", "knowledge-base", {"name": "FAQs", "description": "What callers ask."})


def test_created_knowledge_base_is_found_and_listed(ask: Client, fake: FakeBluejay, faqs: Any) -> None:
    assert faqs == {
        "id": faqs["id"],
        "name": "FAQs",
        "description": "What callers ask.",
        "document_count": 0,
        "agent_ids": [],
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "documents": [],
    }
    assert ask("GET", f"knowledge-base/{faqs['id']}") == faqs
    documents = [{"id": "a", "name": "hours.pdf", "status": "processing"}, {"id": "b", "name": "prices.md"}]
    other = fake.add("knowledge base", documents=documents).id
    listed = ask("GET", "knowledge-base")
    assert [(one["id"], one["document_count"]) for one in listed] == [(faqs["id"], 0), (other, 2)]
    assert "documents" not in listed[0]
    found = ask("GET", f"knowledge-base/{other}")["documents"]
    assert found == [documents[0], {**documents[1], "status": "ready"}]


def test_updated_knowledge_base_keeps_fields_that_were_not_sent(ask: Client, fake: FakeBluejay, faqs: Any) -> None:
    fake.clock.advance(60)
    renamed = ask("PUT", f"knowledge-base/{faqs['id']}", {"name": "Help"})
    assert renamed == {**faqs, "name": "Help", "updated_at": "2026-01-01T00:01:00Z"}
    described = ask("PUT", f"knowledge-base/{faqs['id']}", {"description": "Much.", "name": None})
    assert described == {**renamed, "description": "Much."}
    for body in ({}, {"name": None}):
        assert ask("PUT", f"knowledge-base/{faqs['id']}", body, status=400)["detail"]


def test_agents_are_attached_once_and_detached(ask: Client, faqs: Any) -> None:
    path = f"knowledge-base/{faqs['id']}"
    for agent in (2, 1, 2):
        assert ask("POST", f"{path}/agents/{agent}") == {"knowledge_base_id": faqs["id"], "agent_id": agent}
    assert ask("GET", path)["agent_ids"] == [2, 1]
    assert ask.http.delete(f"/v1/{path}/agents/2").status_code == 204
    assert ask("GET", path)["agent_ids"] == [1]
    assert ask("DELETE", f"{path}/agents/2", status=404) == {"detail": "Agent not found"}


def test_deleted_agent_is_attached_to_nothing(ask: Client, faqs: Any) -> None:
    path = f"knowledge-base/{faqs['id']}"
    for agent in (1, 2):
        ask("POST", f"{path}/agents/{agent}")
    ask("DELETE", "agent/1")
    assert ask("GET", path)["agent_ids"] == [2]


def test_deleted_knowledge_base_is_gone_and_its_agents_stay(ask: Client, faqs: Any) -> None:
    path = f"knowledge-base/{faqs['id']}"
    ask("POST", f"{path}/agents/1")
    answer = ask.http.delete(f"/v1/{path}")
    assert (answer.status_code, answer.content) == (204, b"")
    missing = {"detail": "Knowledge base not found"}
    for method, rest in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/agents/1"), ("DELETE", "/agents/1")):
        assert ask(method, f"{path}{rest}", {"name": "N"} if method == "PUT" else None, status=404) == missing
    assert ask("GET", "knowledge-base") == []
    assert len(ask("GET", "all-agents")) == 2


def test_unknown_and_invalid_change_nothing(ask: Client, fake: FakeBluejay, faqs: Any) -> None:
    theirs = fake.add_agent(organisation="others").id
    before = fake.dump()
    path = f"knowledge-base/{faqs['id']}"
    ask("POST", f"{path}/agents/99", status=404)
    ask("POST", f"{path}/agents/{theirs}", status=403)
    ask("POST", f"{path}/agents/x", status=422)
    ask("POST", f"knowledge-base/{UNKNOWN}/agents/1", status=404)
    [error] = ask("POST", "knowledge-base", {"description": "No name."}, status=422)["detail"]
    assert error["loc"] == ["body", "name"]
    [error] = ask("GET", "knowledge-base/1", status=422)["detail"]
    assert error["type"] == "uuid_parsing"
    assert fake.dump() == before


def test_knowledge_bases_of_another_organisation_do_not_exist(
    ask: Client, others: Client, fake: FakeBluejay, faqs: Any
) -> None:
    theirs = fake.add_agent(organisation="others").id
    path = f"knowledge-base/{faqs['id']}"
    assert others("GET", "knowledge-base") == []
    for method, rest in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", f"/agents/{theirs}")):
        body = {"name": "Mine"} if method == "PUT" else None
        assert others(method, f"{path}{rest}", body, status=404) == {"detail": "Knowledge base not found"}
    assert ask("GET", path) == faqs


def test_restored_knowledge_base_is_the_same(ask: Client, fake: FakeBluejay, faqs: Any) -> None:
    ask("POST", f"knowledge-base/{faqs['id']}/agents/1")
    with FakeBluejay.load(fake.dump()) as restored:
        again = Client(restored, fake.api_key)
        assert again("GET", "knowledge-base") == ask("GET", "knowledge-base")
        new = {"name": "Next"}
        assert again("POST", "knowledge-base", new) == ask("POST", "knowledge-base", new)
