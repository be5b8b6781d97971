"""Communities: what the API does with them, and what happens to their digital humans."""

from typing import Any

import pytest

from fake_bluejay import FakeBluejay
from tests.api.client import Client

UNKNOWN = "6b1e7a52-26f3-4d6c-8a1f-0d2c3f4b5a69"


@pytest.fixture
def billing(ask: Client, fake: FakeBluejay) -> Any:
    """A community of the digital humans 1 and 2; 3 is in none."""
    for _ in range(3):
        fake.add_digital_human()
    return ask("POST", "create-community", {"title": "Billing", "digital_human_ids": [1, 2]})


def test_created_community_is_found_and_listed(ask: Client, billing: Any) -> None:
    assert billing == {
        "id": billing["id"],
        "title": "Billing",
        "description": None,
        "created_at": "2026-01-01T00:00:00Z",
        "digital_human_ids": [1, 2],
    }
    empty = ask("POST", "create-community", {"title": "Empty", "description": "Nobody yet."})
    assert empty["digital_human_ids"] == []
    assert ask("GET", f"community/{billing['id']}") == billing
    assert ask("GET", "communities") == {"communities": [billing, empty], "total_count": 2}


def test_communities_are_listed_by_digital_human(ask: Client, billing: Any) -> None:
    both = ask("POST", "create-community", {"title": "Both", "digital_human_ids": [2, 3]})
    for id, expected in ((1, [billing]), (2, [billing, both]), (3, [both]), (99, [])):
        listed = ask("GET", f"communities?digital_human_id={id}")
        assert listed == {"communities": expected, "total_count": len(expected)}


def test_updated_community_has_its_digital_humans_replaced(ask: Client, billing: Any) -> None:
    updated = ask("PUT", f"update-community/{billing['id']}", {"digital_human_ids": [3]})
    assert updated == {**billing, "digital_human_ids": [3]}
    renamed = ask("PUT", f"update-community/{billing['id']}", {"title": "Help", "description": "Text"})
    assert renamed == {**updated, "title": "Help", "description": "Text"} == ask("GET", f"community/{billing['id']}")


def test_digital_humans_are_added_once_and_removed(ask: Client, billing: Any) -> None:
    added = ask("PUT", f"add-to-community/{billing['id']}", {"digital_human_ids": [2, 3, 3]})
    assert added["digital_human_ids"] == [1, 2, 3]
    removed = ask("PUT", f"remove-from-community/{billing['id']}", {"digital_human_ids": [1, 99]})
    assert removed["digital_human_ids"] == [2, 3]
    assert ask("GET", "digital-human/1")["digital_human"]["id"] == 1


def test_unknown_digital_human_changes_nothing(ask: Client, fake: FakeBluejay, billing: Any) -> None:
    others = fake.add_digital_human(organisation="others").id
    before = fake.dump()
    for ids in ([1, 99], [1, others]):
        for method, path in (
            ("POST", "create-community"),
            ("PUT", f"update-community/{billing['id']}"),
            ("PUT", f"add-to-community/{billing['id']}"),
        ):
            refused = ask(method, path, {"title": "T", "digital_human_ids": ids}, status=404)
            assert refused == {"detail": "Digital human not found"}
    assert fake.dump() == before


def test_deleted_digital_human_leaves_its_communities(ask: Client, billing: Any) -> None:
    ask("DELETE", "digital-human/1")
    assert ask("GET", f"community/{billing['id']}")["digital_human_ids"] == [2]


def test_deleted_community_is_answered_whole_and_its_digital_humans_stay(ask: Client, billing: Any) -> None:
    assert ask("DELETE", f"community/{billing['id']}") == billing
    assert ask("GET", f"community/{billing['id']}", status=404) == {"detail": "Community not found"}
    assert ask("GET", "digital-humans")["total_count"] == 3


def test_communities_of_another_organisation_do_not_exist(ask: Client, others: Client, billing: Any) -> None:
    assert others("GET", "communities") == {"communities": [], "total_count": 0}
    members = {"digital_human_ids": []}
    for method, path, body in (
        ("GET", "community", None),
        ("DELETE", "community", None),
        ("PUT", "update-community", {"title": "Mine"}),
        ("PUT", "add-to-community", members),
        ("PUT", "remove-from-community", members),
    ):
        assert others(method, f"{path}/{billing['id']}", body, status=404) == {"detail": "Community not found"}
    assert ask("GET", f"community/{billing['id']}") == billing
    assert ask("GET", f"community/{UNKNOWN}", status=404)
