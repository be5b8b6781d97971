"""freezegun, time-machine and loops with clocks of their own, started before the fake or after: who decides what.

The table of docs/time.md, each cell a test: their wall clock; our sleeping, and our monotonic clock.
"""

import asyncio
import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from time import monotonic as by_name
from typing import Any

import freezegun
import pytest
import requests
import time_machine

from fake_bluejay import FakeBluejay
from fake_bluejay.intercept.true_time import REAL

THEN = datetime(2031, 3, 1, 12, tzinfo=UTC)

CLOCKS: dict[str, tuple[Callable[[], Any], bool]] = {
    "freezegun": (lambda: freezegun.freeze_time(THEN), False),
    "freezegun, ticking": (lambda: freezegun.freeze_time(THEN, tick=True), True),
    "freezegun, real asyncio": (lambda: freezegun.freeze_time(THEN, real_asyncio=True), False),
    "time-machine": (lambda: time_machine.travel(THEN, tick=False), False),
    "time-machine, ticking": (lambda: time_machine.travel(THEN, tick=True), True),
}


@contextlib.contextmanager
def both(other: Callable[[], Any], order: str) -> Iterator[FakeBluejay]:
    """The fake and another clock, entered in that order, and left in the other one or in the same."""
    bluejay, theirs = FakeBluejay(), other()
    first, second = (theirs, bluejay) if order.startswith("theirs first") else (bluejay, theirs)
    first.__enter__()
    second.__enter__()
    last, next_ = (first, second) if order.endswith("and ends first") else (second, first)
    try:
        yield bluejay
    finally:
        last.__exit__(None, None, None)
        next_.__exit__(None, None, None)


ORDERS = ["theirs first", "ours first", "theirs first and ends first", "ours first and ends first"]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", CLOCKS)
def test_their_wall_clock_and_our_sleeping(name: str, order: str) -> None:
    other, ticks = CLOCKS[name]
    real, start = REAL.monotonic(), datetime.now(UTC)
    with both(other, order) as bluejay:
        assert datetime.now(UTC) - THEN < timedelta(minutes=5)
        assert abs(time.time() - THEN.timestamp()) < 300
        began, wall = bluejay.clock.now, time.time()
        done = threading.Event()
        threading.Thread(target=done.wait).start()  # with any other thread
        time.sleep(3600)
        done.set()
        assert (bluejay.clock.now - began).total_seconds() == 3600
        assert time.time() - wall == pytest.approx(3600 if ticks else 0, abs=300)
        for monotonic in (time.monotonic, by_name):  # the deadlines come
            deadline = monotonic() + 60
            while monotonic() < deadline:
                time.sleep(5)
        assert (bluejay.clock.now - began).total_seconds() == 3720
        asyncio.run(asyncio.wait_for(asyncio.sleep(60), 100))
        assert (bluejay.clock.now - began).total_seconds() == 3780
        bluejay.add_test_result()
        url = "https://api.getbluejay.ai/v1/retrieve-simulation-result/1"
        answer = requests.get(url, headers={"X-API-Key": "key"}, timeout=10)
        assert answer.status_code == 200
    assert abs(datetime.now(UTC) - start) < timedelta(seconds=REAL.monotonic() - real + 5)
    assert time.monotonic() == pytest.approx(REAL.monotonic(), abs=1)
    assert by_name() == pytest.approx(REAL.monotonic(), abs=1)
    assert not time_machine.traveller_stack


def test_a_clock_of_theirs_within_a_test(bluejay: FakeBluejay) -> None:
    with freezegun.freeze_time(THEN):
        assert datetime.now(UTC) == THEN
    began = bluejay.clock.now
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        time.sleep(5)
    assert (bluejay.clock.now - began).total_seconds() == 60


class OwnClock(asyncio.SelectorEventLoop):
    """A loop that skips its timers by a clock of its own, as looptime's do."""

    _now = 0.0

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        scheduled: Any = getattr(self, "_scheduled")  # noqa: B009
        if scheduled and not getattr(self, "_ready"):  # noqa: B009
            self._now = max(self._now, scheduled[0].when())
        super()._run_once()  # type: ignore[misc]


def test_a_loop_with_a_clock_of_its_own_is_followed(bluejay: FakeBluejay) -> None:
    async def poll() -> int:
        polls = 0
        while stuck.status != "COMPLETED":
            await asyncio.sleep(5)
            polls += 1
        return polls

    stuck, start = bluejay.add_test_result(agent="ends-after=20"), bluejay.clock.now
    bluejay.client().post(
        "/v1/end-conversations", json={"test_result_ids": [stuck.id]}, headers={"X-API-Key": "key"}
    ).raise_for_status()
    with asyncio.Runner(loop_factory=OwnClock) as runner:
        assert runner.run(poll()) == 6
    assert (bluejay.clock.now - start).total_seconds() == pytest.approx(30, abs=5)


@pytest.mark.bluejay(now="2030-05-06T07:08:09+02:00")
def test_now_sets_both_calendars(bluejay: FakeBluejay) -> None:
    then = datetime(2030, 5, 6, 5, 8, 9, tzinfo=UTC)
    assert bluejay.clock.now == datetime.now(UTC) == then
    time.sleep(30)
    assert bluejay.clock.now == datetime.now(UTC) == then + timedelta(seconds=30)


@pytest.mark.bluejay(now=datetime(2030, 5, 6, tzinfo=UTC), sleep="real")
def test_now_sets_both_calendars_also_where_sleeps_are_real(bluejay: FakeBluejay) -> None:
    assert bluejay.clock.now == datetime(2030, 5, 6, tzinfo=UTC)
    assert abs(datetime.now(UTC) - bluejay.clock.now) < timedelta(minutes=5)


def test_a_client_finds_the_date_of_an_answer_in_its_own_calendar(bluejay: FakeBluejay) -> None:
    for _ in range(2):
        answer = requests.get("https://api.getbluejay.ai/v1/ping", headers={"X-API-Key": "key"}, timeout=10)
        date = datetime.strptime(answer.headers["date"], "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
        assert timedelta() <= datetime.now(UTC) - date < timedelta(seconds=2)
        time.sleep(3600)


FROZEN_FIRST = """
import datetime, sys
from http.client import HTTPSConnection
import freezegun
from fake_bluejay import FakeBluejay
assert "pydantic" not in sys.modules

def status(path):
    connection = HTTPSConnection("api.getbluejay.ai")
    connection.request("GET", path, headers={"X-API-Key": "key"})
    return connection.getresponse().status

def all_statuses():
    with FakeBluejay() as bluejay:
        bluejay.add_test_result()
        bluejay.add_agent()
        paths = "all-agents", "retrieve-simulation-result/1", "custom-metrics", "schedules", "all-folders"
        return {path: status(f"/v1/{path}") for path in paths}

with freezegun.freeze_time("2026-01-01"):
    frozen = all_statuses()
    assert datetime.datetime.now().isoformat() == "2026-01-01T00:00:00"
assert set(frozen.values()) == {200}, frozen
assert all_statuses() == frozen

import pydantic

class Theirs(pydantic.BaseModel):
    at: datetime.datetime
    on: datetime.date

assert Theirs(at="2026-01-01T00:00:00Z", on="2026-01-01").at.year == 2026
"""


def test_modules_loaded_under_a_frozen_calendar_know_real_dates() -> None:
    ran = subprocess.run([sys.executable, "-c", FROZEN_FIRST], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr[-2000:]


SDK = """
import sys
import freezegun
if "ignored" in sys.argv:
    freezegun.configure(extend_ignore_list=["bluejay"])
import bluejay.models
with freezegun.freeze_time("2026-01-01"):
    pass
at = "2026-01-01T00:00:00Z"
bluejay.models.CommunityResponse.model_validate({"id": "1", "title": "t", "created_at": at, "digital_human_ids": []})
"""


@pytest.mark.parametrize("ignored", [False, True])
def test_freezegun_breaks_models_of_the_sdk_by_itself_unless_it_ignores_them(ignored: bool) -> None:
    command = [sys.executable, "-c", SDK, *(["ignored"] if ignored else [])]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ("instance of FakeDatetime" in ran.stderr, ran.returncode == 0) == (not ignored, ignored), ran.stderr
