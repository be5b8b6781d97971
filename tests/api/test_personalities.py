"""Personalities: what the API does with them, and what a simulation that selects some does in its runs."""

from typing import Any

import pytest

from fake_bluejay import FakeBluejay
from tests.api.client import Client

UNKNOWN = "6b1e7a52-26f3-4d6c-8a1f-0d2c3f4b5a69"


@pytest.fixture
def two(ask: Client) -> Any:
    new = [{"name": "Loud", "background_noise": "cafe"}, {"name": "Slow", "voice_speed": "slowest"}]
    return ask("POST", "personalities", {"personalities": new})["personalities"]


def test_created_personalities_are_listed(ask: Client, two: Any) -> None:
    assert [(one["name"], one["background_noise"], one["voice_speed"]) for one in two] == [
        ("Loud", "cafe", None),
        ("Slow", None, "slowest"),
    ]
    assert ask("GET", "personalities") == {"personalities": two}


@pytest.mark.parametrize("noise", ["none", "noisy_restaurant", "hospital", "custom"])
def test_personality_has_the_noises_that_a_digital_human_has(ask: Client, noise: str) -> None:
    new = {"personalities": [{"name": "Loud", "background_noise": noise}]}
    assert ask("POST", "personalities", new)["personalities"][0]["background_noise"] == noise


def test_update_changes_the_given_fields(ask: Client, two: Any) -> None:
    changed = ask("PATCH", f"personalities/{two[0]['id']}", {"accent": "british"})
    assert changed == {**two[0], "accent": "british"}
    assert ask("GET", "personalities")["personalities"] == [changed, two[1]]


@pytest.mark.parametrize(("reading", "once"), [("itself-too", 3), ("selected-only", 0)])
def test_simulation_calls_each_digital_human_in_each_personality_it_selects(
    ask: Client, fake: FakeBluejay, two: Any, reading: str, once: int
) -> None:
    """The documentation counts six conversations of two digital humans with two personalities; one page says four."""
    fake.readings.set(personality_calls=reading)
    fake.add_simulation(digital_humans=3)
    settings = ask("GET", "simulation/1")["settings"]
    assert ask("GET", "simulations/1/personalities") == {"personalities": []}
    ids = [one["id"] for one in two]
    for selected, calls in ((ids, 6 + once), (ids[::-1], 6 + once), ([ids[0]] * 2, 3 + once), ([], 3)):
        answer = ask("PUT", "simulations/1/personalities", {"personality_ids": selected})
        assert [one["id"] for one in answer["personalities"]] == list(dict.fromkeys(selected))
        assert ask("GET", "simulations/1/personalities") == answer
        queued = ask("POST", "queue-simulation-run", {"simulation_id": "1"})
        assert len(queued["simulation_result_ids"]) == calls
    assert ask("GET", "simulation/1")["settings"] == settings


def test_customer_journey_keeps_its_number_of_calls_whatever_the_personalities(
    ask: Client, fake: FakeBluejay, two: Any
) -> None:
    steps = [{"step": 1, "intent": "Book."}, {"step": 2, "intent": "Cancel."}]
    fake.add_simulation(digital_humans=[fake.add_digital_human(journey_steps=steps)])
    ask("PUT", "simulations/1/personalities", {"personality_ids": [one["id"] for one in two]})
    assert len(ask("POST", "queue-simulation-run", {"simulation_id": "1"})["simulation_result_ids"]) == 2


def test_deleted_personality_leaves_the_simulations_that_selected_it(ask: Client, fake: FakeBluejay, two: Any) -> None:
    fake.add_simulation()
    ask("PUT", "simulations/1/personalities", {"personality_ids": [one["id"] for one in two]})
    deleted = ask("DELETE", f"personalities/{two[0]['id']}")
    assert deleted == {"message": "Personality deleted", "deleted_personality_id": two[0]["id"]}
    assert ask("GET", "simulations/1/personalities") == {"personalities": [two[1]]}
    assert ask("GET", "personalities") == {"personalities": [two[1]]}
    for method, body in (("DELETE", None), ("PATCH", {})):
        answer = ask(method, f"personalities/{two[0]['id']}", body, status=404)
        assert answer == {"detail": "Personality not found"}


def test_bad_requests_change_nothing(ask: Client, fake: FakeBluejay, two: Any) -> None:
    fake.add_simulation()
    before = fake.dump()
    known = [two[0]["id"]]
    ask("PUT", "simulations/1/personalities", {"personality_ids": [*known, UNKNOWN]}, status=404)
    ask("PUT", "simulations/9/personalities", {"personality_ids": known}, status=404)
    ask("GET", "simulations/9/personalities", status=404)
    ask("PUT", "simulations/1/personalities", {"personality_ids": ["x"]}, status=422)
    ask("POST", "personalities", {"personalities": [{"name": "a"}, {}]}, status=422)
    ask("POST", "personalities", {"personalities": []}, status=422)
    assert fake.dump() == before


def test_personalities_of_another_organisation_do_not_exist(
    ask: Client, others: Client, fake: FakeBluejay, two: Any
) -> None:
    fake.add_simulation()
    assert others("GET", "personalities") == {"personalities": []}
    others("PATCH", f"personalities/{two[0]['id']}", {}, status=404)
    others("DELETE", f"personalities/{two[0]['id']}", status=404)
    others("PUT", "simulations/1/personalities", {"personality_ids": []}, status=403)
    mine = fake.add_simulation(organisation="others", agent=fake.add_agent(organisation="others"))
    others("PUT", f"simulations/{mine.id}/personalities", {"personality_ids": [two[0]["id"]]}, status=404)
    assert ask("GET", "personalities") == {"personalities": two}


def test_restored_dump_has_the_selection(ask: Client, fake: FakeBluejay, two: Any) -> None:
    fake.add_simulation()
    ask("PUT", "simulations/1/personalities", {"personality_ids": [two[1]["id"]]})
    with FakeBluejay.load(fake.dump()) as again:
        assert Client(again, again.api_key)("GET", "simulations/1/personalities") == {"personalities": [two[1]]}
