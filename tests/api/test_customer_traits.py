"""Customer traits: what the API does with them, and with the digital humans that have them."""

from typing import Any

import pytest

from fake_bluejay import FakeBluejay
from tests.api.client import Client


@pytest.fixture
def trait(ask: Client, fake: FakeBluejay) -> Any:
    fake.add_agent()
    new = {"agent_id": 1, "name": "age", "data_type": "NUMBER", "default_value": 30}
    return ask("POST", "create-customer-trait", new)


def test_created_trait_is_found_and_listed(ask: Client, fake: FakeBluejay, trait: Any) -> None:
    fake.add_agent()
    other = ask("POST", "create-customer-trait", {"agent_id": 2, "name": "born", "data_type": "DATE"})
    assert trait == {
        "id": trait["id"],
        "agent_id": 1,
        "name": "age",
        "data_type": "NUMBER",
        "default_value": 30,
        "created_at": "2026-01-01T00:00:00Z",
    }
    assert ask("GET", f"customer-trait/{trait['id']}") == trait
    assert ask("GET", "customer-traits") == {"traits": [trait, other], "total_count": 2}
    assert ask("GET", "customer-traits?agent_id=2") == {"traits": [other], "total_count": 1}
    assert ask("GET", "customer-traits?agent_id=9") == {"traits": [], "total_count": 0}


def test_update_changes_the_given_fields(ask: Client, trait: Any) -> None:
    changed = ask("PUT", f"update-customer-trait/{trait['id']}", {"data_type": "STRING", "default_value": "old"})
    assert changed == {**trait, "data_type": "STRING", "default_value": "old"}
    assert ask("GET", f"customer-trait/{trait['id']}") == changed
    ask("PUT", f"update-customer-trait/{trait['id']}", {"data_type": "COLOUR"}, status=422)


@pytest.mark.parametrize(
    ("data_type", "given", "stored"),
    [
        ("NUMBER", "30", 30),
        ("NUMBER", "1.5", 1.5),
        ("NUMBER", "old", "old"),
        ("NUMBER", "nan", "nan"),
        ("NUMBER", "-inf", "-inf"),
        ("BOOLEAN", "True", True),
        ("BOOLEAN", "no", "no"),
        ("STRING", 30, "30"),
        ("STRING", True, "true"),
        ("DATE", "2026-01-01", "2026-01-01"),
    ],
)
def test_default_value_is_converted_to_the_type_of_the_trait(
    ask: Client, trait: Any, data_type: str, given: Any, stored: Any
) -> None:
    new = {"agent_id": 1, "name": "x", "data_type": data_type, "default_value": given}
    made = ask("POST", "create-customer-trait", new)
    assert repr(made["default_value"]) == repr(stored)
    changed = ask("PUT", f"update-customer-trait/{trait['id']}", {"data_type": data_type, "default_value": given})
    assert repr(changed["default_value"]) == repr(stored)


def test_new_type_of_a_trait_converts_its_default_value(ask: Client, trait: Any) -> None:
    changed = ask("PUT", f"update-customer-trait/{trait['id']}", {"data_type": "STRING"})
    assert changed == {**trait, "data_type": "STRING", "default_value": "30"}


@pytest.mark.parametrize("sync", [True, False])
def test_digital_humans_of_the_agent_follow_a_trait_if_asked_to(
    ask: Client, fake: FakeBluejay, trait: Any, sync: bool
) -> None:
    traits = [{"trait_name": name, "trait_data_type": "NUMBER", "value": 7} for name in ("age", "size")]
    simulation = fake.add_simulation(agent=1, digital_humans=0)
    inside = fake.add_digital_human(traits=traits, simulation_ids=[simulation.id])
    outside = fake.add_digital_human(traits=traits)
    ask("PUT", f"update-customer-trait/{trait['id']}", {"name": "years", "sync_existing": sync})
    names = [
        [one["trait_name"] for one in ask("GET", f"digital-human/{human.id}")["digital_human"]["traits"]]
        for human in (inside, outside)
    ]
    assert names == [["years" if sync else "age", "size"], ["age", "size"]]


def test_deleted_trait_is_gone(ask: Client, trait: Any) -> None:
    deleted = ask("DELETE", f"customer-trait/{trait['id']}")
    assert deleted == {"message": "Customer trait deleted", "deleted_trait_id": trait["id"]}
    for method, path, body in (
        ("GET", f"customer-trait/{trait['id']}", None),
        ("DELETE", f"customer-trait/{trait['id']}", None),
        ("PUT", f"update-customer-trait/{trait['id']}", {}),
    ):
        assert ask(method, path, body, status=404) == {"detail": "Customer trait not found"}


def test_traits_go_with_their_agent(ask: Client, trait: Any) -> None:
    ask("DELETE", "agent/1")
    assert ask("GET", "customer-traits") == {"traits": [], "total_count": 0}


def test_trait_of_an_agent_that_does_not_exist_is_not_made(ask: Client, fake: FakeBluejay) -> None:
    before = fake.dump()
    ask("POST", "create-customer-trait", {"agent_id": 9, "name": "a", "data_type": "DATE"}, status=404)
    assert fake.dump() == before


def test_traits_of_another_organisation_do_not_exist(ask: Client, others: Client, trait: Any) -> None:
    assert others("GET", "customer-traits") == {"traits": [], "total_count": 0}
    for method, path, body in (
        ("GET", f"customer-trait/{trait['id']}", None),
        ("DELETE", f"customer-trait/{trait['id']}", None),
        ("PUT", f"update-customer-trait/{trait['id']}", {}),
    ):
        others(method, path, body, status=404)
    assert ask("GET", "customer-traits")["traits"] == [trait]


def test_restored_dump_has_the_traits(fake: FakeBluejay, trait: Any) -> None:
    with FakeBluejay.load(fake.dump()) as again:
        assert Client(again, again.api_key)("GET", f"customer-trait/{trait['id']}") == trait
