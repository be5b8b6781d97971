"""Folders: what the API does with them, and what happens to their agents."""

from typing import Any

import pytest

from fake_bluejay import FakeBluejay
from tests.api.client import Client

UNKNOWN = "6b1e7a52-26f3-4d6c-8a1f-0d2c3f4b5a69"


@pytest.fixture
def support(ask: Client) -> Any:
    return ask("POST", "create-folder", {"name": "Support"})


def test_created_folder_is_found_and_listed(ask: Client, support: Any) -> None:
    sales = ask("POST", "create-folder", {"name": "Sales"})
    assert support == {
        "id": support["id"],
        "name": "Support",
        "organization_id": "default",
        "created_at": "2026-01-01T00:00:00.000000Z",
    }
    assert ask("GET", f"folder/{support['id']}") == support
    assert ask("GET", "all-folders") == [support, sales]
    assert support["id"] != sales["id"]


def test_ids_are_the_same_for_the_same_seed_and_differ_for_another() -> None:
    first, second, other = (FakeBluejay(seed=seed).add("folder").id for seed in (1, 1, 2))
    assert first == second != other


def test_updated_folder_has_its_new_name(ask: Client, support: Any) -> None:
    renamed = ask("PUT", f"update-folder/{support['id']}", {"name": "Help"})
    assert renamed == {**support, "name": "Help"} == ask("GET", f"folder/{support['id']}")


def test_deleted_folder_is_gone_and_its_agents_have_none(ask: Client, fake: FakeBluejay, support: Any) -> None:
    inside = fake.add_agent(folder="Support")
    assert ask("GET", f"agents/{inside.id}")["folder_id"] == support["id"]
    assert ask("DELETE", f"folder/{support['id']}") == {"folder_id": support["id"], "status": "success"}
    assert ask("GET", f"agents/{inside.id}")["folder_id"] is None
    assert ask("GET", "all-folders") == []
    assert ask("GET", f"folder/{support['id']}", status=404) == {"detail": "Folder not found"}
    assert ask("DELETE", f"folder/{support['id']}", status=404) == {"detail": "Folder not found"}


def test_moved_agent_is_in_the_other_folder(ask: Client, fake: FakeBluejay, support: Any) -> None:
    agent, other = fake.add_agent(), fake.add_agent()
    moved = ask("PUT", "folders/move-agent", {"agent_id": agent.id, "folder_id": support["id"]})
    assert moved == {"agent_id": agent.id, "folder_id": support["id"], "status": "success"}
    assert [one["id"] for one in ask("GET", f"get-agents-by-folder/{support['id']}")] == [agent.id]
    out = ask("PUT", "folders/move-agent", {"agent_id": agent.id})
    assert out == {"agent_id": agent.id, "folder_id": None, "status": "success"}
    assert ask("GET", f"get-agents-by-folder/{support['id']}") == []
    assert ask("GET", f"agents/{other.id}")["folder_id"] is None


def test_agent_is_not_moved_into_a_folder_that_is_not_there(ask: Client, fake: FakeBluejay, support: Any) -> None:
    agent = fake.add_agent(folder="Support")
    before = fake.dump()
    unknown = {"agent_id": agent.id, "folder_id": UNKNOWN}
    assert ask("PUT", "folders/move-agent", unknown, status=404) == {"detail": "Folder not found"}
    nobody = {"agent_id": 99, "folder_id": support["id"]}
    assert ask("PUT", "folders/move-agent", nobody, status=404) == {"detail": "Agent not found"}
    assert ask("GET", f"get-agents-by-folder/{UNKNOWN}", status=404) == {"detail": "Folder not found"}
    assert fake.dump() == before


def test_agent_is_put_into_the_folder_of_the_name_it_is_added_with(ask: Client, support: Any) -> None:
    agent = {"name": "Ann", "system_prompt": "", "knowledge_base": "", "goals": []}
    ask("POST", "add-agent", {**agent, "folder": "Support"})
    ask("POST", "add-agent", {**agent, "folder": "Sales"})
    [_, sales] = ask("GET", "all-folders")
    assert sales["name"] == "Sales"
    assert [one["folder_id"] for one in ask("GET", "all-agents")] == [support["id"], sales["id"]]
    updated = ask("POST", "update-agent", {"agent_id": "1", "folder": "Sales"})
    assert updated["agent"]["folder"] == "Sales"
    assert ask("GET", "agents/1")["folder_id"] == sales["id"]


def test_folders_of_another_organisation_do_not_exist(ask: Client, others: Client, support: Any) -> None:
    assert others("GET", "all-folders") == []
    for method, path, body in (
        ("GET", f"folder/{support['id']}", None),
        ("PUT", f"update-folder/{support['id']}", {"name": "Mine"}),
        ("DELETE", f"folder/{support['id']}", None),
        ("GET", f"get-agents-by-folder/{support['id']}", None),
    ):
        assert others(method, path, body, status=404) == {"detail": "Folder not found"}
    assert ask("GET", "all-folders") == [support]


@pytest.mark.parametrize("id", ["1", "x", "6b1e7a52"])
def test_id_that_is_no_uuid_is_invalid(ask: Client, id: str) -> None:
    [error] = ask("GET", f"folder/{id}", status=422)["detail"]
    assert (error["type"], error["loc"]) == ("uuid_parsing", ["path", "folder_id"])
