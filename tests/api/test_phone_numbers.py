"""Phone numbers: bought, listed and given back."""

from fake_bluejay import FakeBluejay
from tests.api.client import Client


def test_bought_number_is_listed_until_it_is_released(ask: Client, fake: FakeBluejay) -> None:
    fake.clock.advance(90_000)
    bought = ask("POST", "phone-numbers/add", {"area_code": "415"})
    assert (bought["phone_number"], bought["purchase_date"]) == ("+14155550100", "2026-01-02")
    other = ask("POST", "phone-numbers/add", {})
    [first, second] = ask("GET", "phone-numbers")
    assert first["id"] == 1
    assert first["created_at"] == "2026-01-02T01:00:00Z"
    shared = ("phone_number", "purchase_date", "price", "organization_id")
    assert [first[name] for name in shared] == [bought[name] for name in shared]
    assert ask("DELETE", "phone-numbers/+14155550100/release") == {"phone_number": "+14155550100", "released": True}
    assert ask("GET", "phone-numbers") == [second]
    assert second["phone_number"] == other["phone_number"]
    assert ask("DELETE", "phone-numbers/+14155550100/release", status=404) == {"detail": "Phone number not found"}


def test_number_that_was_released_is_not_sold_again(ask: Client) -> None:
    first = ask("POST", "phone-numbers/add", {})["phone_number"]
    ask("DELETE", f"phone-numbers/{first}/release")
    assert ask("POST", "phone-numbers/add", {})["phone_number"] != first


def test_area_that_there_is_not_is_no_bias(ask: Client) -> None:
    for count, area in enumerate(("41", "4155", "abc", "٤١٥")):
        assert ask("POST", "phone-numbers/add", {"area_code": area})["phone_number"] == f"+1555555010{count}"
    [error] = ask("POST", "phone-numbers/add", {"area_code": 415}, status=422)["detail"]
    assert error["loc"] == ["body", "area_code"]
    assert len(ask("GET", "phone-numbers")) == 4


def test_numbers_of_another_organisation_do_not_exist(ask: Client, others: Client) -> None:
    [mine, theirs] = [one("POST", "phone-numbers/add", {}) for one in (ask, others)]
    assert mine["organization_id"] != theirs["organization_id"]
    assert mine["phone_number"] != theirs["phone_number"]
    assert [one["phone_number"] for one in others("GET", "phone-numbers")] == [theirs["phone_number"]]
    others("DELETE", f"phone-numbers/{mine['phone_number']}/release", status=404)
    assert len(ask("GET", "phone-numbers")) == 1


def test_restored_world_sells_the_next_number(ask: Client, fake: FakeBluejay) -> None:
    ask("POST", "phone-numbers/add", {})
    dumped = fake.dump()
    expected = ask("POST", "phone-numbers/add", {})
    restored = FakeBluejay.load(dumped)
    assert Client(restored, fake.api_key)("POST", "phone-numbers/add", {}) == expected
