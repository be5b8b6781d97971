import asyncio

import pytest
import requests
from waiting import IN_PROGRESS, all_at_once, by_backoff, by_deadline, by_tenacity

from fake_bluejay import FakeBluejay
from fake_bluejay.agents import ends_within, silent


def end(bluejay, *ids):
    url = "https://api.getbluejay.ai/v1/end-conversations"
    requests.post(url, headers={"X-API-Key": bluejay.api_key}, json={"test_result_ids": ids}, timeout=10)


@pytest.mark.parametrize("wait", [by_tenacity, by_backoff, by_deadline])
def test_a_stuck_call_is_waited_for(bluejay, wait):
    stuck = bluejay.add_test_result(agent=silent())
    end(bluejay, stuck.id)
    assert wait(stuck.id, bluejay.api_key) not in IN_PROGRESS
    assert stuck.history[0].cause == "watchdog"


@pytest.mark.parametrize("wait", [by_tenacity, by_backoff])
def test_failures_on_the_way_are_forgiven(bluejay, wait):
    call = bluejay.add_test_result()
    end(bluejay, call.id)
    bluejay.faults.delay(60)
    bluejay.faults.reset(times=2)
    bluejay.faults.respond(503)
    assert wait(call.id, bluejay.api_key) == "COMPLETED"
    assert len([one for one in bluejay.requests if one.faults]) == 4


def test_a_deadline_passes(bluejay):
    call = bluejay.add_test_result()
    start = bluejay.clock.now
    with pytest.raises(TimeoutError, match="is RUNNING"):
        by_deadline(call.id, bluejay.api_key)
    assert (bluejay.clock.now - start).total_seconds() == pytest.approx(60, abs=1e-5)


def statuses(bluejay):
    found = [call.status for call in bluejay.test_results]
    assert found[:70] == ["COMPLETED"] * 70  # and what the watchdog sets is a reading
    return found


def test_a_hundred_at_once_and_the_same_again():
    def run():
        with FakeBluejay(seed=5) as bluejay:
            bluejay.add_test_results(70, agent=ends_within(20))
            bluejay.add_test_results(30, agent=silent())
            ids = list(range(1, 101))
            end(bluejay, *ids)
            assert asyncio.run(all_at_once(ids, bluejay.api_key)) == statuses(bluejay)
            return str(bluejay.dump())

    assert run() == run()
