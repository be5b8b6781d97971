"""All that is wrong with a dump is reported at once, each with its place; what only follows from it is not."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.calls import Call, no_answer
from fake_bluejay.core.json_data import copied
from fake_bluejay.state.seed import SeedError, load_seed
from fake_bluejay.state.snapshot import DumpError, dump, load
from tests.thoroughness import some

Place = tuple[str | int, ...]


def a_dump() -> Any:
    """A dump with something in each of its parts."""
    fake = FakeBluejay(seed=1, agent="silent")
    fake.add_organisation("acme", api_key="k")
    fake.calls.default = Call(talks_for=100)
    fake.calls.of("Ann", no_answer())
    fake.calls.of(7, no_answer())
    fake.calls.next(Call(talks_for=10), Call(talks_for=20))
    fake.webhooks.add(lambda request: 503, retries=2)
    fake.webhooks.delay(5, event="simulation_ended", times=100)
    simulation = fake.add_simulation(digital_humans=8, max_concurrent=1)
    fake.queue_run(simulation)
    fake.queue_run(simulation)
    fake.clock.advance(60)
    stuck = fake.add_test_result()
    headers = {"X-API-Key": fake.api_key}
    fake.client().post("/v1/end-conversations", json={"test_result_ids": [stuck.id, 99]}, headers=headers)
    fake.revoke_key("old")
    dump = fake.dump()
    assert [name for name in dump if not dump[name]] == []
    return dump


@pytest.fixture(scope="module")
def whole() -> Any:
    dump = a_dump()
    load(dump)
    return dump


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    """List the places of all fields of a dump, but for those whose content is a resource's own affair."""
    if isinstance(value, dict):
        for name, one in value.items():
            if name == "run":  # nothing reads it: a run itself lists its test results
                continue
            yield (*place, name)
            if name not in ("fields", "readings", "call", "default", "next", "of", "of_ids", "metrics"):
                yield from places(one, (*place, name))
    elif isinstance(value, list):
        for number, one in enumerate(value[:3]):
            yield (*place, number)
            yield from places(one, (*place, number))


def written(place: Place) -> str:
    return "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in place).lstrip(".")


def at(dump: Any, place: Place) -> Any:
    for one in place:
        dump = dump[one]
    return dump


class Odd:
    """A value of no type that a dump has."""


def spoilt(dump: Any, place: Place) -> None:
    at(dump, place[:-1])[place[-1]] = Odd()


def removed(dump: Any, place: Place) -> None:
    # A dump may have no deliveries, and a test result no call: what then lacks them is to blame.
    if isinstance(place[-1], str) and place[-1] not in ("deliveries", "call"):
        del at(dump, place[:-1])[place[-1]]


def problems_of(dump: Any) -> list[str]:
    try:
        load(dump)
    except DumpError as error:
        return error.problems
    return []


@pytest.mark.parametrize("breaks", [spoilt, removed])
def test_nothing_is_reported_that_only_follows_from_something_else(
    whole: Any, breaks: Callable[[Any, Place], None]
) -> None:
    seen = 0
    tried = some(places(whole))
    for place in tried:
        dump = copied(whole)
        breaks(dump, place)
        problems = problems_of(dump)
        assert all(one.startswith(written(place)) for one in problems), (place, problems)
        assert len(problems) == 1 or breaks is removed, (place, problems)
        seen += len(problems)
    assert seen > len(tried) / 3


def test_each_of_several_problems_is_reported(whole: Any) -> None:
    random = Random(3)
    known = [place for place in places(whole) if isinstance(place[-1], str) and len(place) > 1]
    for _ in range(60):
        dump, broken = copied(whole), random.sample(known, 6)
        broken = [one for one in broken if not any(one[: len(other)] == other for other in broken if other != one)]
        for place in broken:
            spoilt(dump, place)
        problems = problems_of(dump)
        for place in broken:
            assert any(one.startswith(f"{written(place)}: ") for one in problems), (place, problems)


def test_all_problems_stand_in_the_message_and_nothing_changes(whole: Any) -> None:
    fake = FakeBluejay()
    before = fake.dump()
    dump = copied(whole) | {"seed": "x", "agent": "silnt", "refused": [1, "a"], "last_id": None}
    dump["test_results"][0] |= {"status": "RUNING", "created_at": "today"}
    dump["timers"][0]["subject_id"] = 1_000
    with pytest.raises(ValueError, match="seed: int is needed") as error:
        fake.restore(_snapshot(fake, dump))
    for part in ("agent: ", "refused[1]: ", "last_id: ", "test_results[0].status: ", "test_results[0].created_at: "):
        assert part in str(error.value)
    assert fake.dump() == before


def _snapshot(fake: FakeBluejay, dump: Any) -> Any:
    snapshot = fake.snapshot()
    snapshot.data.clear()
    snapshot.data.update(dump)
    return snapshot


def test_a_place_has_no_name_of_a_model(whole: Any) -> None:
    dump = copied(whole)
    dump["digital_humans"]["all"][0]["fields"]["interruptions"] = {}
    assert problems_of(dump) == ["digital_humans.all[0].fields.interruptions.type: missing"]


def test_a_dump_shares_no_object_with_the_world(whole: Any) -> None:
    world = load(whole)
    for record in world.results.values():
        record.metrics = [{"name": "politeness", "scores": [4]}]
    held: list[Any] = [one.fields for one in (*world.results.values(), *world.runs.values())]
    held += [entity.fields for collection in world.resources for entity in collection.all()]
    held += [record.metrics for record in world.results.values()]
    ours, dumped = set(containers(held)), dump(world)
    assert len(ours) > 20
    assert ours.isdisjoint(containers(dumped))


def containers(value: Any) -> Iterator[int]:
    """Yield the identity of each list and object in a value."""
    if isinstance(value, (dict, list)):
        yield id(value)
        for inner in value.values() if isinstance(value, dict) else value:
            yield from containers(inner)


def test_a_message_does_not_grow_without_bound(whole: Any) -> None:
    with pytest.raises(DumpError, match=r"; and 900 more$") as error:
        load({**whole, "refused": ["x"] * 1_000})
    assert len(error.value.problems) == 1_000


def test_a_saved_file_is_reported_line_by_line(whole: Any, tmp_path: Path) -> None:
    dump = copied(whole)
    dump["last_id"] = "x"
    dump["organisations"][1]["api_keys"] = 5
    called = copied(whole)
    called["calls"]["of"]["Ann Bee"] = 5
    own = {"name": "globex", "api_key": "g", "world": {**whole, "seed": "x", "last_run_id": "y"}}
    path = tmp_path / "saved.json"
    for content, fields in (
        (dump, ["organisations[1].api_keys", "last_id"]),
        (called, ["calls.of.Ann Bee"]),
        ({**whole, "own_worlds": [own]}, ["own_worlds[0].world.seed", "own_worlds[0].world.last_run_id"]),
    ):
        path.write_text(json.dumps(content, indent=1))
        with pytest.raises(SeedError) as error:
            load_seed(path)
        lines = path.read_text().splitlines()
        said = [one.removeprefix(f"{path}:").split(": ") for one in error.value.problems]
        assert [one[1] for one in said] == fields
        assert all(one[1].rpartition(".")[2] in lines[int(one[0]) - 1] for one in said)
