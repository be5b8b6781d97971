"""Schedules: what they are told, when they run, and what ends them."""

import zoneinfo
from datetime import UTC, datetime
from typing import Any
from unittest.mock import Mock

import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.bluejay import schedules as schedules_module
from fake_bluejay.bluejay.schedules import schedules
from tests.api.client import Client

DAILY = {"frequency": "daily", "time": "09:05"}
EVERY_12_HOURS = {"frequency": "every_n_hours", "interval": 12}


@pytest.fixture
def simulation(fake: FakeBluejay) -> Any:
    return fake.add_simulation(digital_humans=2)


def created(ask: Client, schedule: Any, **fields: Any) -> Any:
    return ask("POST", "create-schedule", {"simulation_id": "1", "schedule": schedule, **fields})


def runs(fake: FakeBluejay) -> list[str]:
    return [f"{run.created_at:%Y-%m-%d %H:%M}" for run in fake.runs]


def test_created_schedule_is_found_listed_and_deleted(ask: Client, simulation: Any) -> None:
    new = created(ask, DAILY)
    assert new == {"id": new["id"], "simulation_id": "1", "cron_expression": "5 9 * * *", "enabled": True}
    found = ask("GET", f"schedule/{new['id']}")
    assert found == {**new, "created_at": "2026-01-01T00:00:00.000000Z", "timezone": "UTC"}
    other = created(ask, DAILY, enabled=False)
    listed = ask("GET", "schedules")["schedules"]
    assert [one["id"] for one in listed] == [new["id"], other["id"]]
    assert listed[0] == found
    assert ask("DELETE", f"delete-schedule/{new['id']}")["status"] == "success"
    assert ask("GET", f"schedule/{new['id']}", status=404) == {"detail": "Schedule not found"}
    assert len(ask("GET", "schedules")["schedules"]) == 1


@pytest.mark.parametrize(
    ("schedule", "expression"),
    [
        ({"frequency": "every_n_minutes", "interval": 7}, "*/7 * * * *"),
        ({"frequency": "every_n_hours", "interval": 5}, "0 */5 * * *"),
        ({"frequency": "daily", "time": "00:00"}, "0 0 * * *"),
        ({"frequency": "weekly", "day_of_week": "sunday", "time": "23:59"}, "59 23 * * 0"),
        ({"frequency": "weekly", "day_of_week": "saturday", "time": "10:30"}, "30 10 * * 6"),
        ({"frequency": "monthly", "day_of_month": 31, "time": "08:09"}, "9 8 31 * *"),
        ({"frequency": "cron", "expression": "0 9 * * MON-FRI"}, "0 9 * * MON-FRI"),
    ],
)
def test_every_frequency_has_its_expression(ask: Client, simulation: Any, schedule: Any, expression: str) -> None:
    assert created(ask, schedule)["cron_expression"] == expression


def test_run_is_queued_at_each_time_however_far_the_clock_goes(ask: Client, fake: FakeBluejay, simulation: Any) -> None:
    created(ask, {"frequency": "weekly", "day_of_week": "monday", "time": "09:05"})
    fake.clock.advance_to(datetime(2026, 1, 5, 9, 4, 59, tzinfo=UTC))
    assert runs(fake) == []
    fake.clock.advance(1)
    assert runs(fake) == ["2026-01-05 09:05"]
    assert len(fake.runs[0].test_results) == 2
    fake.clock.advance_to(datetime(2026, 1, 26, tzinfo=UTC))
    assert runs(fake) == ["2026-01-05 09:05", "2026-01-12 09:05", "2026-01-19 09:05"]
    # Each run went on as soon as it was queued.
    assert {result.status for run in fake.runs for result in run.test_results} == {"COMPLETED"}


def test_schedule_runs_at_the_times_of_its_time_zone(ask: Client, fake: FakeBluejay, simulation: Any) -> None:
    id = created(ask, DAILY, timezone="Europe/Berlin")["id"]
    assert ask("GET", f"schedule/{id}")["timezone"] == "Europe/Berlin"
    fake.clock.advance(86_400)
    assert runs(fake) == ["2026-01-01 08:05"]
    ask("PUT", f"update-schedule/{id}", {"timezone": "America/New_York"})
    fake.clock.advance(86_400)
    assert runs(fake)[1:] == ["2026-01-02 14:05"]
    assert ask("PUT", f"update-schedule/{id}", {"enabled": True})["cron_expression"] == "5 9 * * *"
    assert ask("GET", f"schedule/{id}")["timezone"] == "America/New_York"


def test_utc_needs_no_database_of_time_zones(
    ask: Client, fake: FakeBluejay, simulation: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedules_module, "ZoneInfo", absent := Mock(side_effect=zoneinfo.ZoneInfoNotFoundError))
    monkeypatch.setattr(schedules_module, "available_timezones", set)
    created(ask, DAILY)
    fake.clock.advance(86_400)
    assert runs(fake) == ["2026-01-01 09:05"]
    absent.assert_not_called()
    refused = ask("POST", "create-schedule", {"simulation_id": "1", "schedule": DAILY, "timezone": "Europe/Paris"}, 400)
    assert "pip install tzdata" in refused["detail"]


@pytest.mark.parametrize(
    ("month", "day", "expected"),
    [
        # Clocks go from 2:00 to 3:00, and the time of 2:30, which there is not, is 3:30.
        (3, 29, ["2026-03-28 01:30", "2026-03-29 01:30", "2026-03-30 00:30"]),
        # Clocks go from 3:00 back to 2:00, and the time of 2:30, which is there twice, counts once.
        (10, 25, ["2026-10-24 00:30", "2026-10-25 00:30", "2026-10-26 01:30"]),
    ],
)
def test_schedule_runs_once_a_day_when_clocks_change(
    ask: Client, fake: FakeBluejay, simulation: Any, month: int, day: int, expected: list[str]
) -> None:
    fake.clock.advance_to(datetime(2026, month, day - 1, tzinfo=UTC))
    created(ask, {"frequency": "daily", "time": "02:30"}, timezone="Europe/Berlin")
    fake.clock.advance(3 * 86_400)
    assert runs(fake) == expected


def test_schedule_that_begins_in_the_repeated_hour_goes_on_after_it(
    ask: Client, fake: FakeBluejay, simulation: Any
) -> None:
    fake.clock.advance_to(datetime(2026, 10, 25, 1, 10, tzinfo=UTC))  # the second 2:10 in Berlin
    created(ask, {"frequency": "every_n_minutes", "interval": 20}, timezone="Europe/Berlin")
    fake.clock.advance(3_600)
    assert runs(fake) == ["2026-10-25 01:20", "2026-10-25 01:40", "2026-10-25 02:00"]


@pytest.mark.parametrize(
    ("days", "begins", "ends", "expected"),
    [
        (["thursday"], "22:00", "22:40", ["2026-01-01 22:00", "2026-01-01 22:20", "2026-01-01 22:40"]),
        (["friday"], "00:10", "00:30", ["2026-01-02 00:20"]),
        ([], "23:40", "00:00", ["2026-01-01 00:00", "2026-01-01 23:40", "2026-01-02 00:00", "2026-01-02 23:40"][1:]),
    ],
)
def test_schedule_keeps_to_its_window(
    ask: Client, fake: FakeBluejay, simulation: Any, days: Any, begins: str, ends: str, expected: list[str]
) -> None:
    window = {"days": days, "start_time": begins, "end_time": ends}
    created(ask, {"frequency": "every_n_minutes", "interval": 20, "window": window})
    fake.clock.advance(2 * 86_400 - 60)
    assert runs(fake) == expected


@pytest.mark.parametrize(
    ("fields", "status", "why"),
    [
        ({"timezone": "Mars/Olympus"}, 400, "time zone"),
        ({"timezone": "../zone"}, 400, "time zone"),
        ({"timezone": ""}, 200, ""),
        ({"schedule": {**EVERY_12_HOURS, "window": {"start_time": "13:00", "end_time": "14:00"}}}, 400, "window"),
        ({"schedule": {**EVERY_12_HOURS, "window": {"start_time": "11:00", "end_time": "14:00"}}}, 200, ""),
    ],
)
def test_schedule_of_no_time_zone_or_without_a_time_in_its_window_is_refused(
    ask: Client, fake: FakeBluejay, simulation: Any, fields: Any, status: int, why: str
) -> None:
    id, before = created(ask, DAILY)["id"], fake.dump()
    answers = [
        ask("POST", "create-schedule", {"simulation_id": "1", "schedule": DAILY, **fields}, status=status),
        ask("PUT", f"update-schedule/{id}", fields, status=status),
    ]
    if status == 400:
        assert all(why in answer["detail"] for answer in answers)
        assert fake.dump() == before


def test_schedule_that_is_not_enabled_runs_when_it_is(ask: Client, fake: FakeBluejay, simulation: Any) -> None:
    id = created(ask, DAILY, enabled=False)["id"]
    fake.clock.advance(3 * 86_400)
    assert runs(fake) == []
    assert ask("PUT", f"update-schedule/{id}", {"enabled": True})["enabled"] is True
    fake.clock.advance(86_400)
    ask("PUT", f"update-schedule/{id}", {"enabled": False})
    fake.clock.advance(86_400)
    assert runs(fake) == ["2026-01-04 09:05"]


def test_updated_schedule_runs_at_its_new_times_only(ask: Client, fake: FakeBluejay, simulation: Any) -> None:
    id = created(ask, DAILY)["id"]
    updated = ask(
        "PUT", f"update-schedule/{id}", {"schedule": {"frequency": "daily", "time": "10:00"}, "enabled": None}
    )
    assert (updated["cron_expression"], updated["enabled"]) == ("0 10 * * *", True)
    fake.clock.advance(86_400)
    assert runs(fake) == ["2026-01-01 10:00"]


def test_schedule_that_a_test_changes_runs_as_changed(fake: FakeBluejay, simulation: Any) -> None:
    schedule = fake.add("schedule")
    [entity] = fake.world.resources.of("schedule", "default")
    with pytest.raises(ValueError, match="five fields"):
        schedules.edit(fake.world, entity, {"cron_expression": "never"})
    assert schedule.fields["cron_expression"] == "0 9 * * *"
    schedules.edit(fake.world, entity, {"cron_expression": "0 3 * * *"})
    assert schedule.fields["cron_expression"] == "0 3 * * *"
    fake.clock.advance(86_400)
    assert runs(fake) == ["2026-01-01 03:00"]


@pytest.mark.parametrize("gone", ["delete-schedule", "simulation", "agent"])
def test_nothing_runs_after_the_schedule_or_its_simulation_is_deleted(
    ask: Client, fake: FakeBluejay, simulation: Any, gone: str
) -> None:
    id = created(ask, DAILY)["id"]
    ask("DELETE", f"{gone}/{id if gone == 'delete-schedule' else 1}")
    assert ask("GET", "schedules") == {"schedules": []}
    fake.clock.advance(3 * 86_400)
    assert (runs(fake), fake.clock.pending) == ([], [])


def test_schedule_whose_simulation_cannot_run_queues_nothing(ask: Client, fake: FakeBluejay, simulation: Any) -> None:
    fake.readings.set(deleted_agent="simulations-stay")
    created(ask, DAILY)
    ask("DELETE", "agent/1")
    fake.clock.advance(3 * 86_400)
    assert runs(fake) == []
    assert len(ask("GET", "schedules")["schedules"]) == 1


@pytest.mark.parametrize(
    ("schedule", "why"),
    [
        ({"frequency": "daily", "time": "24:00"}, "hour"),
        ({"frequency": "weekly", "day_of_week": "monday", "time": "09:60"}, "minute"),
        ({"frequency": "cron", "expression": "0 9 * *"}, "five fields"),
        ({"frequency": "cron", "expression": "0 9 31 2 *"}, "no month has a day"),
    ],
)
def test_time_that_never_comes_is_refused_and_nothing_changes(
    ask: Client, fake: FakeBluejay, simulation: Any, schedule: Any, why: str
) -> None:
    id = created(ask, DAILY)["id"]
    before = fake.dump()
    for method, path in (("POST", "create-schedule"), ("PUT", f"update-schedule/{id}")):
        body = {"simulation_id": "1", "schedule": schedule, "enabled": False}
        assert why in ask(method, path, body, status=400)["detail"]
    assert fake.dump() == before


def test_invalid_and_unknown(ask: Client, fake: FakeBluejay, simulation: Any) -> None:
    for schedule in ({"frequency": "every_n_minutes", "interval": 60}, {"frequency": "daily", "time": "9:00"}, {}):
        ask("POST", "create-schedule", {"simulation_id": "1", "schedule": schedule}, status=422)
    theirs = fake.add_simulation(organisation="others").id
    for id, status in (("99", 404), ("x", 404), ("", 404), (str(theirs), 403)):
        ask("POST", "create-schedule", {"simulation_id": id, "schedule": DAILY}, status=status)
    for id in ("x", "6b1e7a52-26f3-4d6c-8a1f-0d2c3f4b5a69"):
        for method, path in (("GET", "schedule"), ("PUT", "update-schedule"), ("DELETE", "delete-schedule")):
            assert ask(method, f"{path}/{id}", {}, status=404) == {"detail": "Schedule not found"}
    assert ask("GET", "schedules") == {"schedules": []}


def test_schedules_of_another_organisation_do_not_exist(ask: Client, others: Client, simulation: Any) -> None:
    id = created(ask, DAILY)["id"]
    assert others("GET", "schedules") == {"schedules": []}
    for method, path in (("GET", "schedule"), ("PUT", "update-schedule"), ("DELETE", "delete-schedule")):
        others(method, f"{path}/{id}", {"enabled": False}, status=404)
    assert ask("GET", f"schedule/{id}")["enabled"] is True


def test_restored_schedule_runs_at_the_same_times(ask: Client, fake: FakeBluejay, simulation: Any) -> None:
    created(ask, {"frequency": "every_n_hours", "interval": 7})
    fake.clock.advance(86_400)
    with FakeBluejay.load(fake.dump()) as restored:
        for one in (fake, restored):
            one.clock.advance(86_400)
        assert restored.dump() == fake.dump()
        assert len(restored.runs) == 8


def test_dump_with_an_expression_that_is_none_is_refused(ask: Client, fake: FakeBluejay, simulation: Any) -> None:
    created(ask, DAILY)
    dumped = fake.dump()
    dumped["schedules"]["all"][0]["fields"]["cron_expression"] = "never"
    with pytest.raises(ValueError, match="five fields"):
        FakeBluejay.load(dumped)
