"""Time on a server: it passes by itself, at a speed, or not at all; and what falls due happens then."""

import asyncio
import functools
import itertools
import json
import time

import httpx
import pytest

from fake_bluejay.agents import silent
from fake_bluejay.core.clock import END, ManualClock, ScaledClock
from fake_bluejay.core.world import World
from fake_bluejay.server.timekeeper import Timekeeper


class Watched(World):
    """A world that tells when something fell due, by real time."""

    fired: "asyncio.Queue[tuple[str, float]]"

    def _fire(self, due: int, kind: object, record: object) -> None:
        super()._fire(due, kind, record)  # type: ignore[arg-type]
        self.fired.put_nowait((str(kind), time.monotonic()))


def watched(clock: ScaledClock | ManualClock) -> Watched:
    world = Watched(clock=clock, agent=silent())
    world.fired = asyncio.Queue()
    return world


def mark(world: World, *ids: int) -> None:
    world.carry_out(world.plan_ending("default", ids))


async def test_timekeeper_fires_timers_at_their_time_without_a_request() -> None:
    world = watched(ScaledClock(1000))
    world.choose(watchdog_sets="CONVERSATION_ENDED")
    keeper = Timekeeper(world)
    keeper.plan()
    world.add_test_result()
    mark(world, 1)
    began = time.monotonic()
    keeper.look()
    fired = [await asyncio.wait_for(world.fired.get(), 10) for _ in "123"]
    assert [kind for kind, _ in fired] == ["watchdog", "evaluation_starts", "evaluation_completes"]
    assert fired[0][1] - began >= 0.029  # 30 s, a thousand times as fast
    assert world.results[1].status == "COMPLETED"
    keeper.stop()


async def test_timer_that_is_due_before_the_planned_one_is_not_late() -> None:
    world = watched(ScaledClock(1))
    keeper = Timekeeper(world)
    for _ in "12":
        world.add_test_result()
    mark(world, 1)
    keeper.look()  # plans for 30 s from now
    world.evaluation_starts_after = 0
    world.happen(2, "end", "test")  # type: ignore[arg-type]
    keeper.look()
    assert (await asyncio.wait_for(world.fired.get(), 10))[0] == "evaluation_starts"
    keeper.stop()


async def test_a_clock_that_stands_still_is_not_waited_for_until_it_is_switched() -> None:
    world = watched(ManualClock())
    keeper = Timekeeper(world)
    world.add_test_result()
    mark(world, 1)
    for stands_still in (lambda: None, lambda: world.switch_clock("real", 0)):
        stands_still()
        keeper.plan()
        assert keeper._handle is None
    before = world.now()
    world.switch_clock("real", 10_000)
    keeper.plan()
    assert (await asyncio.wait_for(world.fired.get(), 10))[0] == "watchdog"
    world.switch_clock("manual")
    keeper.plan()
    assert world.now() - before >= 30_000_000
    assert (keeper._handle, world.now()) == (None, world.now())


def test_switching_goes_on_from_the_same_instant() -> None:
    world = World()
    begin = world.now()
    world.switch_clock("real", 0)
    assert world.now() == begin
    world.advance(5)
    world.switch_clock("manual")
    assert world.now() == begin + 5_000_000
    for mode, speed, message in [("fast", 1, "unknown clock 'fast'"), ("real", -1, "from 0 to")]:
        with pytest.raises(ValueError, match=message):
            world.switch_clock(mode, speed)
    assert isinstance(world.clock, ManualClock)


def test_a_server_keeps_time(serving, tmp_path) -> None:
    # The world as it is when nobody asks is what is saved last: whoever asked would make it be the present.
    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps({"test_results": [{"agent": "silent"}]}))
    with serving("--seed", seed, "--speed", "1000") as server, httpx.Client(base_url=server.url) as client:
        client.post("/v1/end-conversations", json={"test_result_ids": [1]}, headers={"X-API-Key": "k"})
        while (result := client.get("/_fake/test-results/1").json())["status"] != "SYSTEM_ERROR":
            pass
    assert [move["cause"] for move in result["history"]] == ["watchdog"]


def test_time_ends_before_there_are_no_dates_left(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count(0, 10**18)  # nanoseconds, some thirty years
    monkeypatch.setattr(time, "monotonic_ns", lambda: next(ticks))
    clock = ScaledClock(1_000_000)
    assert clock.now() == clock.now() == END
    for begin in (ManualClock, functools.partial(ScaledClock, 1.0)):
        with pytest.raises(ValueError, match="years 1 to 9998"):
            begin(END + 1)
