import subprocess
import sys

import pytest
import requests
from stragglers import StillRunning, end, is_running

from fake_bluejay.agents import drops_after, silent


def test_a_running_conversation_ends_within_seconds(bluejay):
    call = bluejay.add_test_result()
    assert end([call.id]) == [call.id]
    bluejay.clock.advance(20)
    assert not is_running(call.id)
    bluejay.assert_ended(call.id, by="agent")


def test_a_stuck_conversation_is_ended_by_the_watchdog(bluejay):
    stuck = bluejay.add_test_result(agent=silent())
    end([stuck.id])
    bluejay.clock.advance(29.999999)
    assert is_running(stuck.id)
    bluejay.clock.advance(0.000001)
    assert not is_running(stuck.id)
    assert stuck.history[-1].cause == "watchdog"


def test_partial_failure_names_what_was_refused(bluejay):
    running, finished = bluejay.add_test_result(), bluejay.add_test_result(status="COMPLETED")
    with pytest.raises(StillRunning) as refused:
        end([running.id, finished.id, 999])
    assert refused.value.ids == [finished.id, 999]
    bluejay.assert_ended(running.id)


def test_an_empty_list_is_a_422(bluejay):
    with pytest.raises(requests.HTTPError, match="422"):
        end([])


def test_a_wrong_key_is_refused(bluejay):
    bluejay.require_known_keys = True
    with pytest.raises(requests.HTTPError, match=r"401|403"):
        end([1], api_key="wrong")


@pytest.mark.bluejay(agent=drops_after(5), readings={"no_failed_ids": "empty-list"})
def test_a_call_may_die_first(bluejay):
    call = bluejay.add_test_result()
    end([call.id])
    bluejay.clock.run_until(lambda: not is_running(call.id), limit=20)
    assert call.status == "CALL_DROPPED"


def test_a_subprocess_meets_the_same_fake(bluejay_server):
    call = bluejay_server.add_test_result()
    script = (
        "import os, json, urllib.request as u;"
        "r = u.Request(os.environ['BLUEJAY_API_URL'] + '/end-conversations', method='POST',"
        f" data=json.dumps({{'test_result_ids': [{call.id}]}}).encode(),"
        " headers={'X-API-Key': os.environ['BLUEJAY_API_KEY'], 'Content-Type': 'application/json'});"
        "print(u.urlopen(r, timeout=10).read().decode())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    assert f'"test_result_ids":[{call.id}]' in done.stdout
    bluejay_server.assert_ended(call.id)
