"""Commands: what a test adds is one model, whichever way it comes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from fake_bluejay import FakeBluejay
from fake_bluejay.calls import Call
from fake_bluejay.facade.fake import fake_over
from fake_bluejay.http.faults import Fault
from fake_bluejay.state import seed as seeds
from fake_bluejay.state.seed import SeedError, load_seed

SEED = """
clock: manual
now: 2026-01-01T00:00:00Z
seed: 3
api_keys: [a-key]
organisations: [{name: acme, api_keys: [acme-key]}]
calls: {default: {talks_for: 10}, next: [{end: no_answer}], of: {Ben: {passes: false}, "1": {talks_for: 20}}}
resources:
  folders: [{name: Support, organisation: acme}]
  agents: [{name: Ann}]
  digital_humans: [{name: Ben}]
webhooks: [{url: "http://127.0.0.1:9/", agents: [1], secret: s3cret}]
test_results:
  - {status: QUEUED, agent: silent, organisation: acme, call: {waits: 3, talks_for: 4}, tags: [a]}
  - {count: 2, duration: 7}
stubs: [{method: GET, path: /v1/pong, status: 201, json: {pong: true}}]
faults:
  - {kind: respond, status: 503, json: {down: 1}, headers: {retry-after: "2"}, path: /v1/pong, times: 2}
  - {kind: refuse_control_write, ids: [1, 2], times: null, probability: 0.5}
  - {kind: rate_limit, count: 3}
"""


def of_a_seed(folder: Path, fake: FakeBluejay) -> FakeBluejay:
    path = folder / "seed.yaml"
    path.write_text(SEED)
    return fake_over(load_seed(path).service)


def of_posts(folder: Path, fake: FakeBluejay) -> FakeBluejay:
    data = yaml.safe_load(SEED)
    calls = data["calls"]
    calls["of_ids"] = {"1": calls["of"].pop("1")}
    with httpx.Client(base_url=f"{fake.url}/_fake") as control:

        def post(path: str, one: Any) -> None:
            answer = control.post(path, json=one)
            assert answer.status_code == 201, answer.text

        for one in data["organisations"]:
            post("/organisations", one)
        assert control.patch("/calls", json=calls).status_code == 200
        for name, entities in data["resources"].items():
            for one in entities:
                post(f"/resources/{name}", one)
        for path in ("webhooks", "test_results", "stubs", "faults"):
            for one in data[path]:
                post(f"/{path.replace('_', '-')}", one)
    return fake


def of_calls(folder: Path, fake: Any) -> Any:
    fake.add_organisation("acme", "acme-key")
    fake.calls.default = Call(talks_for=10)
    fake.calls.next(Call(end="no_answer"))
    fake.calls.of("Ben", Call(passes=False))
    fake.calls.of(1, Call(talks_for=20))
    fake.add("folder", name="Support", organisation="acme")
    ann = fake.add_agent(name="Ann")
    fake.add_digital_human(name="Ben")
    fake.webhooks.add("http://127.0.0.1:9/", agents=[ann], secret="s3cret")
    call = Call(waits=3, talks_for=4)
    fake.add_test_result(status="QUEUED", agent="silent", organisation="acme", call=call, tags=["a"])
    fake.add_test_results(2, duration=7)
    fake.stub("GET", "/v1/pong", 201, {"pong": True})
    fake.faults.respond(503, json={"down": 1}, headers={"retry-after": "2"}, path="/v1/pong", times=2)
    fake.faults.refuse_control_write(1, 2, times=None, probability=0.5)
    fake.faults.rate_limit(3)
    return fake


def of_calls_over_a_connection(folder: Path, fake: FakeBluejay) -> FakeBluejay:
    of_calls(folder, FakeBluejay.connect(fake.url))
    return fake


def without_what_is_drawn(dump: dict[str, Any]) -> dict[str, Any]:
    """A dump without the UUIDs and keys that are drawn anew each time."""
    for collection in ("folders",):
        for one in dump[collection]["all"]:
            del one["id"]
    return dump


def armed(fault: Fault) -> tuple[Any, ...]:
    return fault.kind, fault.arguments, fault.path, fault.times, fault.after, fault.probability


@pytest.mark.filterwarnings("ignore:.*is not known to have")
@pytest.mark.parametrize("door", [of_posts, of_calls, of_calls_over_a_connection], ids=lambda door: door.__name__)
def test_every_door_makes_the_same_world(tmp_path: Path, door: Callable[[Path, FakeBluejay], FakeBluejay]) -> None:
    made = FakeBluejay(seed=3, api_keys=["a-key"], unmet="ignore")
    try:
        found, expected = door(tmp_path, made), of_a_seed(tmp_path, made)
        assert without_what_is_drawn(found.dump()) == without_what_is_drawn(expected.dump())
        assert found.service.stubs.as_list() == expected.service.stubs.as_list()
        assert list(map(armed, found.faults)) == list(map(armed, expected.faults))
    finally:
        made.stop()


def test_a_field_of_a_test_result_that_is_null_is_not_given(tmp_path: Path) -> None:
    path = tmp_path / "seed.yaml"
    path.write_text("test_results: [{duration: null, tags: [a]}]")
    fake = fake_over(load_seed(path).service)
    fake.add_test_result(duration=None, tags=["a"])
    assert [one.fields for one in fake.test_results] == [{"tags": ["a"]}] * 2


def problems_of(path: Path, text: str) -> list[str]:
    path.write_text(text)
    with pytest.raises(SeedError) as error:
        load_seed(path)
    return [one.removeprefix(f"{path}:") for one in error.value.problems]


def test_each_part_that_does_not_fit_is_reported_and_all_that_is_wrong_in_it(tmp_path: Path) -> None:
    found = problems_of(
        tmp_path / "seed.yaml",
        "simulations:\n- agent: {nme: Ann}\n  digital_humans:\n  - {nme: Ben}\n  - {name: Cid}\n  - {language: 5}\n"
        "  fields: {nam: x}\n"
        "webhooks:\n- url: http://127.0.0.1:9/\n  agents: [9]\n- url: http://10.0.0.1/\n  organisation: nobody\n"
        "test_results:\n- organisation: nobody\n- {organisation: nobody}\n",
    )
    assert [one.partition(": ")[0] + ": " + one.split(": ")[1] for one in found] == [
        "10: webhooks[0].agents",
        "12: webhooks[1].organisation",
        "11: webhooks[1].url",
        "2: simulations[0].agent",
        "4: simulations[0].digital_humans[0]",
        "6: simulations[0].digital_humans[2]",
        "7: simulations[0].fields",
        "14: test_results[0].organisation",
        "15: test_results[1].organisation",
    ]


def mistakes(kind: str) -> str:
    """Four hundred mistakes of a kind."""
    several = range(400)
    return {
        "unknown names at the top": "".join(f"naem{one}: 1\n" for one in several),
        "names that are no texts": "".join(f"{one}: 1\n" for one in several),
        "unknown names": "test_results:\n" + "- {stauts: 1}\n" * 400,
        "wrong types": "test_results:\n" + "- id: x\n" * 400,
        "names of digital humans": "calls:\n  of:\n" + "".join(f'    "{"0" * one}": {{x: 1}}\n' for one in several),
        "what does not fit": "test_results:\n" + "- {organisation: x}\n" * 400,
        "values that are no JSON": "api_keys: [" + ".inf, " * 400 + "]",
    }[kind]


def in_toml(kind: str) -> str:
    return {
        "unknown names at the top": "".join(f"naem{one} = 1\n" for one in range(400)),
        "unknown names": "[[test_results]]\nstauts = 1\n" * 400,
        "wrong types": "[[test_results]]\nid = 'x'\n" * 400,
        "what does not fit": "[[test_results]]\norganisation = 'x'\n" * 400,
    }[kind]


@pytest.mark.parametrize(
    "kind",
    [
        "unknown names at the top",
        "names that are no texts",
        "unknown names",
        "wrong types",
        "names of digital humans",
        "what does not fit",
        "values that are no JSON",
    ],
)
def test_four_hundred_mistakes_are_located_in_one_reading(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The work is counted, and not the time: how often the file is read again to find lines."""
    composed = []
    compose = yaml.compose
    monkeypatch.setattr(yaml, "compose", lambda *given, **options: composed.append(1) or compose(*given, **options))
    found = problems_of(tmp_path / "seed.yaml", mistakes(kind))
    assert len(found) >= 400
    assert len(composed) == 1
    assert found[-1].partition(":")[0].isdigit()


@pytest.mark.parametrize("kind", ["unknown names at the top", "unknown names", "wrong types", "what does not fit"])
def test_four_hundred_mistakes_in_toml_read_each_statement_once(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    loads = seeds.tomllib.loads
    monkeypatch.setattr(seeds.tomllib, "loads", lambda text: read.append(len(text)) or loads(text))
    text = in_toml(kind)
    found = problems_of(tmp_path / "seed.toml", text)
    assert len(found) == 400
    assert sum(read) == len(text), "beyond the first reading of the whole, each statement is read once for its line"
