"""Timers of resources: what they do happens at the instant at which they were due, and in order."""

import pytest

from fake_bluejay.core.resources import Entity, Resource
from fake_bluejay.core.world import DEFAULT_ORGANISATION, World

SECOND = 1_000_000


class Alarms:
    """A world with a resource whose entities note the instants at which their timers fire."""

    def __init__(self) -> None:
        self.world = World()
        self.fired: list[tuple[int, int]] = []
        self.resource = Resource("alarm", on_timer=self.on_timer)
        self.begin = self.world.now()

    def on_timer(self, world: World, alarm: Entity) -> None:
        now = world.settle()
        self.fired.append((alarm.id, (now - self.begin) // SECOND))
        world.resources.change(alarm, {"times": alarm.fields["times"] + 1})
        if repeats := alarm.fields.get("every"):
            world.resources.schedule(alarm, now + repeats * SECOND)

    def add(self, after: int, every: int | None = None) -> Entity:
        alarm = self.world.resources[self.resource].add(DEFAULT_ORGANISATION, {"times": 0, "every": every})
        self.world.resources.schedule(alarm, self.world.now() + after * SECOND)
        return alarm


@pytest.fixture
def alarms() -> Alarms:
    return Alarms()


def test_timers_fire_in_order_each_at_its_own_instant(alarms: Alarms) -> None:
    alarms.add(after=30)
    repeated = alarms.add(after=10, every=10)
    alarms.world.advance(35)
    assert alarms.fired == [(2, 10), (2, 20), (1, 30), (2, 30)]
    assert repeated.updated_at == alarms.begin + 30 * SECOND  # and not when it was looked at
    assert alarms.world.next_due() == alarms.begin + 40 * SECOND


def test_entity_has_one_timer_and_none_once_it_is_removed(alarms: Alarms) -> None:
    alarm = alarms.add(after=10)
    alarms.world.resources.schedule(alarm, alarms.begin + 20 * SECOND)
    assert [timer.subject_id for timer in alarms.world.pending()] == ["alarms/1"]
    alarms.world.advance(15)
    assert alarms.fired == []
    alarms.world.resources.remove(alarm)
    alarms.world.advance(15)
    assert (alarms.fired, alarms.world.pending()) == ([], [])


def test_failing_timer_does_not_stop_the_time(alarms: Alarms) -> None:
    def fail(world: World, alarm: Entity) -> None:
        raise RuntimeError("no")

    broken = Resource("bell", on_timer=fail)
    bell = alarms.world.resources[broken].add(DEFAULT_ORGANISATION, {})
    alarms.world.resources.schedule(bell, alarms.begin + SECOND)
    with pytest.raises(RuntimeError, match="no"):
        alarms.world.advance(2)
    alarms.world.advance(1)
    assert alarms.world.settle() == alarms.begin + 3 * SECOND
