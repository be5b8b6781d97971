"""Each public method, given the same bad arguments, raises the same error here and over a connection."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.calls import Call

START = datetime(2030, 1, 1, tzinfo=UTC)
NAIVE = datetime(2030, 1, 1)
BAD: list[Any] = [
    *(None, True, -1, 0, 1.5, 10**30, math.nan, math.inf, "", "x", "ü", b"x"),
    *([], ["x"], [None], {}, {"x": 1}, object, NAIVE),
]
"""Values of which every parameter refuses some."""

OWN = ("connect", "load", "app", "restore")
"""Members that one kind of fake has alone, or of which the argument is a fake's own object."""
DIFFERENT = {("webhooks.add", "to"), ("webhooks.add", "path"), ("webhooks.add", "lifespan")}
"""Parameters about the receiver, which is no function here and there: `test_connecting.py`."""
GOOD: dict[str, dict[str, Any]] = {
    "add_organisation": {"name": "new", "api_key": "new-key"},
    "add_test_results": {"n": 2},
    "assert_requested": {"method": "GET", "path": "/v1/ping"},
    "add": {"resource": "folder"},
    "resources": {"resource": "folder"},
    "revoke_key": {"api_key": "revoked"},
    "stub": {"method": "GET", "path": "/v1/traces"},
    "test_result": {"id": 1},
    "clock.advance": {"seconds": 0},
    "clock.advance_to": {"moment": START},
    "clock.run_until": {"predicate": lambda: True},
    "calls.of": {"digital_human": "Ann", "call": Call()},
    "webhooks.add": {"to": "http://127.0.0.1:9/"},
    "webhooks.send": {"event": "simulation_ended", "payload": {}},
    "webhooks.send_alert": {"event": "simulation_alert_triggered"},
    "webhooks.delay": {"seconds": 1},
    "webhooks.disable": {"webhook": "x"},
    "webhooks.enable": {"webhook": "x"},
    "webhooks.remove": {"webhook": "x"},
    "faults.respond": {"status": 503},
    "faults.billing": {"code": "NO_PAYMENT_METHOD"},
    "faults.rate_limit": {"count": 1},
    "faults.delay": {"seconds": 1},
    "faults.truncate": {"bytes": 1},
    "result.set_status": {"status": "RUNNING"},
    "result.happen": {"event": "end"},
}
"""A method → arguments that are right, for those parameters that need one."""
FIELDS = {
    "add_test_result": ("organisation", "call", "tags"),
    "add_test_results": ("id", "status", "agent", "organisation", "call", "tags", "count"),
    "add": ("name", "id"),
    "add_agent": ("name", "goals", "id", "mode"),
    "add_digital_human": ("name", "id", "simulation_ids"),
    "add_simulation": ("name", "runs_per_digital_human"),
    "queue_run": ("digital_human_ids", "agent_version_id"),
    "readings.set": ("success",),
    "drafts.next": ("goals", "workflow"),
    "webhooks.send_alert": ("agent_id",),
}
"""A method → some of the names that it takes besides its parameters."""
WHICH = ("path", "times", "after", "probability")
PARTS = ("clock", "readings", "calls", "drafts", "evaluations", "webhooks", "faults")


def part(fake: Any, name: str) -> Any:
    """Return a member of a fake by its dotted name; `result` is its first test result."""
    for one in name.split("."):
        fake = fake.test_result(1) if one == "result" else getattr(fake, one)
    return fake


def public_methods(fake: FakeBluejay) -> Iterator[str]:
    for prefix in ("", *(f"{one}." for one in (*PARTS, "result"))):
        holder = part(fake, prefix[:-1]) if prefix else fake
        for name in dir(type(holder)):
            static = inspect.getattr_static(type(holder), name)
            if name.startswith("_") or name in OWN or isinstance(static, (property, functools.cached_property)):
                continue
            if callable(method := getattr(holder, name)) and inspect.signature(method).parameters:
                yield f"{prefix}{name}"


with FakeBluejay() as _one:
    _one.add_test_result()
    METHODS = list(public_methods(_one))


def arguments(name: str, method: Callable[..., Any]) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """Yield the arguments of calls of which one argument is bad."""
    good = GOOD.get(name, {})
    for one in inspect.signature(method).parameters.values():
        if (name, one.name) in DIFFERENT:
            continue
        for bad in BAD:
            if one.kind is one.VAR_POSITIONAL:
                yield (bad,), good
            elif one.kind is one.VAR_KEYWORD:
                for field in (*FIELDS.get(name, WHICH if name.startswith("faults.") else ()), "nope"):
                    yield (), {**good, field: bad}
            else:
                yield (), {**good, one.name: bad}


def outcome(call: Callable[..., Any], args: Any, kwargs: Any) -> tuple[type[BaseException] | None, str]:
    try:
        call(*args, **kwargs)
    except Exception as error:
        return type(error), str(error)
    return None, ""


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Any, Any, Callable[[], None]]]:
    """Two fakes that are alike, of which one is used over a connection; and a function that puts both back."""
    here, there = FakeBluejay(), FakeBluejay()
    for fake in (here, there):
        fake.add_test_result()
        fake.add_organisation("acme", "acme-key")
    before = here.snapshot(), there.snapshot()

    def put_back() -> None:
        for fake, snapshot in zip((here, there), before, strict=True):
            fake.restore(snapshot)
            fake.faults.clear()

    try:
        yield here, FakeBluejay.connect(there.url), put_back
    finally:
        there.stop()


@pytest.mark.filterwarnings("ignore:a stub for")
@pytest.mark.parametrize("name", METHODS)
def test_a_bad_argument_raises_the_same_error(pair: tuple[Any, Any, Callable[[], None]], name: str) -> None:
    here, far, put_back = pair
    put_back()
    different = []
    for args, kwargs in arguments(name, part(here, name)):
        outcomes = [outcome(part(fake, name), args, kwargs) for fake in (here, far)]
        if outcomes[0] != outcomes[1]:
            different.append((args, kwargs, *outcomes))
        if None in (outcomes[0][0], outcomes[1][0]):
            put_back()
    assert different == []


def test_every_part_with_methods_is_looked_at() -> None:
    assert {name.partition(".")[0] for name in METHODS if "." in name} == {*PARTS, "result"}
    assert {name for name in GOOD if name not in METHODS} == set()
