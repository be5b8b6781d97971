"""The memory that calls leave behind is bounded, whatever ids they name and however often."""

from typing import Any

from fake_bluejay import FakeBluejay
from fake_bluejay.agents import silent
from fake_bluejay.core.world import MOST_OPEN, MOST_REFUSED


def end(fake: FakeBluejay, ids: list[int]) -> Any:
    with fake.world.lock:
        ending = fake.world.plan_ending("default", ids)
        fake.world.carry_out(ending)
    return ending


def test_test_result_that_is_marked_again_and_again_has_a_limited_number_of_control_objects() -> None:
    with FakeBluejay() as fake:
        stuck, other = fake.add_test_results(2, agent=silent())
        for _ in range(MOST_OPEN + 50):
            assert (end(fake, [stuck.id]).marked, fake.world.refused) == ([stuck.id], {})
        assert end(fake, [other.id]).marked == [other.id]
        mine = [one for one in fake.control_objects if one.test_result_id == stuck.id]
        assert (len(mine), len(fake.clock.pending)) == (MOST_OPEN, MOST_OPEN + 1)
        assert [one.id for one in fake.control_objects] == list(range(1, MOST_OPEN + 2))
        fake.clock.advance(30)
        assert (stuck.status, other.status, fake.clock.pending) == ("SYSTEM_ERROR", "SYSTEM_ERROR", [])


def test_marked_test_result_fails_once_more_where_a_reading_says_so_however_full_it_is() -> None:
    with FakeBluejay() as fake:
        stuck = fake.add_test_result(agent=silent())
        for _ in range(MOST_OPEN):
            end(fake, [stuck.id])
        assert end(fake, [stuck.id, stuck.id]).marked == [stuck.id, stuck.id]
        fake.readings.set(already_marked="fails")
        assert end(fake, [stuck.id]).failed == [stuck.id]


def test_only_the_latest_of_many_refused_ids_are_remembered() -> None:
    with FakeBluejay() as fake:
        ids = list(range(1, 2 * MOST_REFUSED + 1))
        end(fake, ids)
        end(fake, [1])
        assert len(fake.world.refused) == 2 * MOST_REFUSED
        end(fake, [0])
        assert len(fake.world.refused) == MOST_REFUSED
        fake.assert_failed(0, 1, ids[-1], ids[-MOST_REFUSED + 2])
        assert ids[-MOST_REFUSED + 1] not in fake.world.refused
        with FakeBluejay.load(fake.dump()) as other:
            assert list(other.world.refused) == list(fake.world.refused)
