"""A dump with a malformed field is refused, or nothing that reads the field fails later.

Each field of each entity, test result and run, also of an object inside one, gets values of other types and none. What
is then read is asked for by every operation that only reads, and by the clock within a month.
"""

import copy
import json
from collections.abc import Iterator
from random import Random
from typing import Any, Final

import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.bluejay.modules import operations
from fake_bluejay.state.snapshot import DumpError
from tests.contract.test_answers import IN_PATHS, path_of
from tests.furnished import furnished_world
from tests.thoroughness import examples

Place = tuple[str | int, ...]

MISSING: Final = object()
ODD: Final = (
    None, "x", "", 5, -1, 1.5, 10**30, True, [], {}, [None], [5], ["x"], [{}], {"x": 1}, {"x": None}, MISSING,
)  # fmt: skip
DAY: Final = 86_400.0


@pytest.fixture(scope="module")
def whole() -> Any:
    """A dump whose optional fields are set, too, where something depends on them."""
    fake = FakeBluejay.load(furnished_world())
    with fake.client(headers={"X-API-Key": fake.api_key}) as client:
        weekdays = {"days": ["monday", "friday"], "start_time": "08:00", "end_time": "20:00"}
        schedule = {"frequency": "every_n_hours", "interval": 12, "window": weekdays}
        client.post("/v1/create-schedule", json={"simulation_id": "1", "schedule": schedule, "timezone": "Asia/Tokyo"})
        steps = [{"step": 1, "intent": "Ask."}, {"step": 2}]
        client.put("/v1/update-digital-human/2", json={"journey_steps": steps, "traits": [TRAIT]})
        client.put("/v1/update-simulation/1", json={"max_call_duration": 90, "max_call_duration_units": "seconds"})
        client.post("/v1/queue-simulation-run", json={"simulation_id": "1", "phone_number": "+15555550123"})
    fake.add("evaluation script", waits=5, scores={"Metric": True})
    fake.add_test_result(metadata={"caller": "Ann"}, tags=["urgent"], duration=5)
    return fake.dump()


TRAIT: Final = {"trait_name": "age", "trait_data_type": "NUMBER", "value": 30}


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Yield the places of the fields of entities, test results, runs and scripts, and of the first item of lists."""
    if isinstance(value, (dict, list)):
        for name, one in value.items() if isinstance(value, dict) else enumerate(value[:1]):
            here = (*place, name)
            if {"fields", "call", "calls", "metrics"} & set(here[:-1]):
                yield here
            yield from places(one, here)


def spoilt(dump: Any, place: Place, value: Any) -> Any:
    """Return a copy of a dump with another value in a place."""
    dump = copy.deepcopy(dump)
    holder = dump
    for part in place[:-1]:
        holder = holder[part]
    if value is MISSING:
        del holder[place[-1]]
    else:
        holder[place[-1]] = value
    return dump


def failures(fake: FakeBluejay, days: int) -> Iterator[str]:
    """Yield what fails of all that only reads, and of the clock."""
    with fake.client(headers={"X-API-Key": fake.api_key}) as client:
        for operation in operations():
            if operation.method == "GET" and operation.in_path.keys() <= IN_PATHS.keys():
                path = path_of(operation)
                if client.get(path).status_code == 500:
                    yield f"GET {path}"
    fake.clock.advance(days * DAY)
    fake.report()
    json.dumps(fake.dump())


@pytest.mark.parametrize("seed", range(examples(8, 1)))
def test_a_malformed_field_is_refused_or_harms_nothing(whole: Any, seed: int) -> None:
    assert not list(failures(FakeBluejay.load(whole), days=31))
    every = [(place, value) for place in places(whole) for value in ODD]
    accepted = 0
    for place, value in Random(seed).sample(every, examples(250, 60)):
        if value is MISSING and isinstance(place[-1], int):
            continue
        dump = spoilt(whole, place, value)
        try:
            fake = FakeBluejay.load(dump)
        except DumpError:
            continue
        accepted += 1
        assert not list(failures(fake, days=3)), (place, value)
    assert accepted


@pytest.mark.parametrize(
    ("place", "value", "problem"),
    [
        (("schedules", "all", 2, "fields", "window"), "always", "fields.window: an object is needed, not 'always'"),
        (
            ("schedules", "all", 2, "fields", "window", "days", 0),
            "Monday",
            "fields.window.days[0]: input should be 'mo",
        ),
        (("schedules", "all", 2, "fields", "timezone"), "Mars", "fields.timezone: 'Mars' is not the name of a time zo"),
        (("schedules", "all", 2, "fields", "enabled"), MISSING, "fields.enabled: missing"),
        (("digital_humans", "all", 1, "fields", "journey_steps"), 5, "fields.journey_steps: a list is needed, not 5"),
        (
            ("digital_humans", "all", 1, "fields", "journey_steps", 0, "step"),
            "1",
            "fields.journey_steps[0].step: an integer is needed, not '1'",
        ),
        (("digital_humans", "all", 0, "fields", "simulation_ids", 0), None, "fields.simulation_ids[0]: an integer is"),
        (("alerts", "all", 0, "fields", "seen"), [5], "fields.seen[0]: "),
        (("traces", "all", 0, "fields", "trace_id"), MISSING, "fields.trace_id: missing"),
        (("labs", "all", 0, "fields", "call_ids"), MISSING, "fields.call_ids: missing"),
        (("call_logs", "all", 0, "fields", "transcript", 0, "speaker"), "x", "fields.transcript[0].speaker: "),
        (("test_results", 0, "fields", "digital_human_id"), "1", "fields.digital_human_id: an integer is needed"),
        (("runs", -1, "fields", "phone_number"), 5, "fields.phone_number: a string is needed, not 5"),
    ],
)
def test_a_malformed_field_is_named_with_its_place(whole: Any, place: Place, value: Any, problem: str) -> None:
    with pytest.raises(DumpError) as error:
        FakeBluejay.load(spoilt(whole, place, value))
    [said] = error.value.problems
    assert problem in said


def test_all_malformed_fields_are_reported_at_once(whole: Any) -> None:
    dump = spoilt(
        spoilt(whole, ("schedules", "all", 2, "fields", "window"), 5), ("folders", "all", 0, "fields", "name"), 5
    )
    with pytest.raises(DumpError) as error:
        FakeBluejay.load(dump)
    assert [one.partition(":")[0] for one in error.value.problems] == [
        "folders.all[0].fields.name",
        "schedules.all[2].fields.window",
    ]
