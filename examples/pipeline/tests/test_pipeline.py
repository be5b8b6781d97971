import os
import subprocess
import sys

import pipeline
import pytest

from fake_bluejay.agents import silent
from fake_bluejay.calls import Call, call_dropped, no_answer, no_connection, out_of_funds, rejected

FIFTY = ["--poll", "30", "--repetitions", "50", "--callers"]


@pytest.fixture
def one_caller(tmp_path):
    path = tmp_path / "caller.json"
    path.write_text(
        '[{"name": "Ann", "intent": "Ask.", "success_criteria": "An answer.", "phone_number": "+15555550100"}]'
    )
    return str(path)


def test_all_pass(bluejay, capsys):
    assert pipeline.main([]) == 0
    assert "3 of 3 calls passed: 100%" in capsys.readouterr().out


def test_fifty_calls_with_mixed_endings(bluejay, one_caller, capsys):
    bluejay.calls.next(
        *[Call(passes=False)] * 3,
        *[no_answer(after=30)] * 2,
        *[call_dropped(after=12)] * 2,
        no_connection(),
        rejected(),
        out_of_funds(),
    )
    began = bluejay.clock.now
    assert pipeline.main([*FIFTY, one_caller, "--max-concurrent", "10", "--pass-rate", "0.8"]) == 0
    printed = capsys.readouterr().out
    assert " 40 passed\n" in printed
    assert " 3 failed\n" in printed
    assert "40 of 50 calls passed: 80%" in printed
    assert (bluejay.clock.now - began).total_seconds() > 240  # which nobody has waited for
    assert pipeline.main([*FIFTY, one_caller, "--pass-rate", "1"]) == 0  # the scripts were for the first run


def test_the_ends_are_printed_by_their_names(bluejay, one_caller, capsys):
    bluejay.calls.next(no_answer(after=30), rejected(), call_dropped(after=12), no_connection(), out_of_funds())
    assert pipeline.main(["--repetitions", "6", "--callers", one_caller]) == 1
    printed = capsys.readouterr().out
    for line in ["1 passed", "2 no_answer", "1 call_dropped", "1 no_connection", "1 out_of_funds"]:
        assert f" {line}\n" in printed


@pytest.mark.parametrize(("needed", "status"), [("0.66", 0), ("0.67", 1)])
def test_the_exit_status_says_whether_enough_passed(bluejay, needed, status):
    bluejay.calls.of("Cleo", Call(passes=False))
    assert pipeline.main(["--pass-rate", needed]) == status


def test_what_still_talks_when_the_budget_is_spent_is_ended_and_scored(bluejay, capsys):
    bluejay.calls.of("Ben", Call(talks_for=None))
    assert pipeline.main(["--budget", "100"]) == 0
    assert "ending 1 calls" in capsys.readouterr().out
    bluejay.assert_ended(2, by="agent")
    assert bluejay.test_result(2).passed


def test_a_stuck_call_is_ended_by_the_watchdog(bluejay):
    bluejay.world.agent = silent()
    bluejay.calls.of("Ben", Call(talks_for=None))
    pipeline.main(["--budget", "100"])
    bluejay.assert_ended(2, by="watchdog")


def test_a_call_that_the_watchdog_closed_has_not_passed(bluejay, capsys):
    bluejay.world.agent = silent()
    bluejay.calls.of("Ben", Call(talks_for=None))
    assert pipeline.main(["--budget", "100"]) == 1
    assert " 1 system_error\n" in capsys.readouterr().out


def test_a_run_that_hangs_is_given_up(bluejay, capsys):
    bluejay.calls.of("Ann", Call(waits=5000))
    assert pipeline.main(["--budget", "100"]) == 2
    assert "not over 160 s after its start" in capsys.readouterr().err


@pytest.mark.parametrize("fault", ["respond", "reset"])
def test_a_service_that_fails_is_a_failure_of_the_run(bluejay, capsys, fault):
    bluejay.faults.respond(503) if fault == "respond" else bluejay.faults.reset()
    assert pipeline.main([]) == 2
    assert "the run failed" in capsys.readouterr().err


def test_without_a_key(bluejay, monkeypatch):
    monkeypatch.delenv("BLUEJAY_API_KEY")
    assert pipeline.main([]) == 2


# A subprocess lives in real time: the calls are short, and the fake's clock is real.
@pytest.mark.bluejay(clock="real", sleep="real", agent="ends-after=0", evaluation_starts_after=0, evaluation_takes=0.02)
@pytest.mark.parametrize(("needed", "status"), [("0.9", 0), ("0.95", 1)])
def test_as_a_command(bluejay_server, one_caller, needed, status):
    bluejay_server.calls.default = Call(waits=0, connects_after=0, talks_for=0.02)
    bluejay_server.calls.next(
        no_answer(after=0.01),
        no_connection(after=0),
        call_dropped(after=0.01),
        Call(waits=0, connects_after=0, talks_for=0.01, passes=False),
        Call(waits=0, connects_after=0, talks_for=None),
    )
    command = [sys.executable, pipeline.__file__, *FIFTY, one_caller, "--poll", "0.05", "--budget", "1.5"]
    done = subprocess.run(
        [*command, "--pass-rate", needed], capture_output=True, text=True, timeout=60, env=dict(os.environ)
    )
    assert (done.returncode, done.stderr) == (status, "")
    assert "ending 1 calls" in done.stdout
    assert "46 of 50 calls passed: 92%" in done.stdout
    assert "1 failed" in done.stdout
