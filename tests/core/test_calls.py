"""Scripts of calls: what each makes of a call, to the second."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from fake_bluejay import FakeBluejay, Status
from fake_bluejay.calls import (
    Call,
    call_dropped,
    call_from_dict,
    custom_error,
    inbound,
    no_answer,
    no_connection,
    out_of_funds,
    rejected,
    system_error,
)
from fake_bluejay.core.clock import microseconds
from fake_bluejay.core.statuses import is_final

START = ["queue→QUEUED@0", "dispatch→DISPATCHED@1"]
ENDED = ["evaluate→EVALUATING@49", "complete→COMPLETED@54"]


def life(call: Call, **simulation: Any) -> tuple[list[str], str | None, bool | None]:
    """Return the statuses of a call with their instants, its error code, and `passed`."""
    fake = FakeBluejay()
    fake.calls.default = call
    began = fake.clock.now
    run = fake.queue_run(fake.add_simulation(**simulation))
    fake.clock.advance(10_000)
    [result] = run.test_results
    assert is_final(result.status)
    moves = [f"{move.event}→{move.to}@{(move.at - began).total_seconds():g}" for move in result.history]
    return moves, result.error_code, result.passed


def test_without_a_script_a_call_is_answered_after_two_seconds_lasts_45_and_passes() -> None:
    moves, code, passed = life(Call())
    assert moves == [*START, "connect→RUNNING@3", "end→CONVERSATION_ENDED@48", *ENDED]
    assert (code, passed) == (None, True)


@pytest.mark.parametrize(
    ("call", "moves", "code", "passed"),
    [
        (
            Call(passes=False, error_code="AGENT_HUNG_UP_BEFORE_SPEECH"),
            [*START, "connect→RUNNING@3", "end→CONVERSATION_ENDED@48", *ENDED],
            None,  # it did not fail, so it has none
            False,
        ),
        (no_answer(), [*START, "go_unanswered→NO_ANSWER@301"], "NO_ANSWER", None),
        (no_answer(after=7), [*START, "go_unanswered→NO_ANSWER@8"], "NO_ANSWER", None),
        (no_answer(after=7000), [*START, "go_unanswered→NO_ANSWER@301"], "NO_ANSWER", None),
        (
            no_connection("RETELL_AUTH_FAILED"),
            [*START, "fail_to_connect→NO_CONNECTION@3"],
            "RETELL_AUTH_FAILED",
            None,
        ),
        (
            call_dropped(after=10),
            [*START, "connect→RUNNING@3", "drop→CALL_DROPPED@13"],
            "BRIDGE_DISCONNECTED",
            False,
        ),
        (out_of_funds(), [*START, "run_out_of_funds→OUT_OF_FUNDS@1"], "INSUFFICIENT_BALANCE", None),
        (Call(end="insufficient_funds"), [*START, "run_out_of_funds→OUT_OF_FUNDS@3"], "INSUFFICIENT_BALANCE", None),
        (Call(end="incompleted"), [*START, "fail_to_connect→NO_CONNECTION@3"], "SIP_DIAL_FAILED", None),
        (rejected(), [*START, "reject→NO_ANSWER@3"], "CALL_REJECTED", None),
        (system_error(), [*START, "break→SYSTEM_ERROR@3"], "UNKNOWN", None),
        (
            custom_error(),
            [
                *START,
                "connect→RUNNING@3",
                "end→CONVERSATION_ENDED@48",
                "evaluate→EVALUATING@49",
                "match_custom_error→CUSTOM_ERROR@54",
            ],
            "CUSTOM_ERROR",
            None,
        ),
        (Call(connects_after=None), [*START, "go_unanswered→NO_ANSWER@301"], "NO_ANSWER", None),
        (
            inbound(20, Call(talks_for=10)),
            [
                "queue→QUEUED@0",
                "await_call→READY@1",
                "dispatch→DISPATCHED@21",
                "connect→RUNNING@23",
                "end→CONVERSATION_ENDED@33",
                "evaluate→EVALUATING@34",
                "complete→COMPLETED@39",
            ],
            None,
            True,
        ),
        (
            inbound(20, no_answer(error_code="INBOUND_NO_INCOMING_CALL")),
            ["queue→QUEUED@0", "await_call→READY@1", "go_unanswered→NO_ANSWER@21"],
            "INBOUND_NO_INCOMING_CALL",
            None,
        ),
    ],
)
def test_a_script(call: Call, moves: list[str], code: str | None, passed: bool | None) -> None:
    assert life(call) == (moves, code, passed)


@pytest.mark.parametrize(
    ("simulation", "end"),
    [
        ({}, 603),  # documented: 10 minutes
        ({"max_call_duration": 2}, 123),
        ({"max_call_duration": 2, "max_call_duration_units": "minutes"}, 123),
        ({"max_call_duration": 30, "max_call_duration_units": "seconds"}, 33),
    ],
)
def test_a_call_lasts_as_long_as_the_simulation_lets_it(simulation: dict[str, Any], end: int) -> None:
    moves, _, passed = life(Call(talks_for=None), **simulation)
    assert moves[3] == f"end→CONVERSATION_ENDED@{end}"
    assert passed
    assert life(call_dropped(after=5000), **simulation)[0][3] == f"end→CONVERSATION_ENDED@{end}"


def test_it_rings_as_long_as_the_simulation_lets_it() -> None:
    assert life(Call(connects_after=20), ringing_timeout=20)[0][-1] == "go_unanswered→NO_ANSWER@21"
    assert life(Call(connects_after=19.999999), ringing_timeout=20)[0][2] == "connect→RUNNING@21"
    assert life(no_connection(after=30), ringing_timeout=20)[0][-1] == "fail_to_connect→NO_CONNECTION@21"


def test_history_has_the_cause_of_each_move() -> None:
    fake = FakeBluejay()
    fake.calls.next(Call(talks_for=None), Call(connects_after=None), call_dropped())
    run = fake.queue_run(fake.add_simulation(digital_humans=3))
    fake.clock.advance(10_000)
    causes = [[move.cause for move in result.history] for result in run.test_results]
    assert causes == [
        ["call", "call", "call", "limit", "evaluation", "evaluation"],
        ["call", "call", "limit"],
        ["call"] * 4,
    ]


def test_own_script_comes_before_the_next_and_the_default() -> None:
    """A digital human's own comes first, then those for the next calls, then the default."""
    fake = FakeBluejay()
    ann, ben, cleo = (fake.add_digital_human(name=name) for name in ("Ann", "Ben", "Cleo"))
    simulation = fake.add_simulation(digital_humans=[ann, ben, cleo])
    fake.calls.of("Ben", rejected())
    fake.calls.of(cleo, no_answer(after=1))
    fake.calls.next(out_of_funds())
    fake.calls.default = system_error()

    def ends() -> list[Status]:
        run = fake.queue_run(simulation)
        fake.clock.advance(400)
        return [result.status for result in run.test_results]

    assert ends() == ["OUT_OF_FUNDS", "NO_ANSWER", "NO_ANSWER"]
    assert ends() == ["SYSTEM_ERROR", "NO_ANSWER", "NO_ANSWER"]
    fake.calls.clear()
    assert ends() == ["COMPLETED"] * 3


def test_a_script_is_for_an_id_or_for_a_name_and_not_for_whoever_has_neither() -> None:
    fake = FakeBluejay()
    humans = [fake.add_digital_human(**name) for name in ({"name": "2"}, {}, {"name": "Cleo"})]
    simulation = fake.add_simulation(digital_humans=humans)
    fake.calls.of(2, rejected())
    fake.calls.of("None", no_answer(after=1))

    def calls(fake: FakeBluejay) -> list[Call | None]:
        return [result.call for result in fake.queue_run(simulation.id).test_results]

    assert calls(fake) == calls(FakeBluejay.load(fake.dump())) == [Call(), rejected(), Call()]
    fake.calls.of("2", out_of_funds())
    fake.calls.of(3, system_error())
    assert calls(fake) == calls(FakeBluejay.load(fake.dump())) == [out_of_funds(), rejected(), system_error()]
    dump = fake.dump()
    dump["calls"]["of_ids"] = {"Cleo": {}}
    with pytest.raises(ValueError, match=r"^calls.of_ids.Cleo: the id of a digital human is needed"):
        FakeBluejay.load(dump)


@pytest.mark.parametrize(
    ("goals", "passes", "passed"),
    [
        ([{}], False, False),
        ([{"goal_success": None}], True, True),
        ([{}, {"goal_success": True}], False, True),
        ([{"goal_success": True}, {"goal_success": False}], True, False),
    ],
)
def test_whether_it_passes_its_evaluations_say_or_else_its_script(
    goals: list[dict[str, Any]], passes: bool, passed: bool
) -> None:
    assert life(Call(passes=passes, evaluations=tuple(goals)))[2] is passed


def test_a_script_is_taken_when_a_call_is_queued() -> None:
    fake = FakeBluejay()
    run = fake.queue_run()
    fake.calls.default = rejected()
    fake.clock.advance(400)
    assert run.test_results[0].status == "COMPLETED"
    assert fake.queue_run().test_results[0].call == rejected()


def test_one_that_is_running_though_its_script_has_it_never_connect_lasts_as_long_as_it_may() -> None:
    fake = FakeBluejay()
    call = fake.add_test_result(call=no_answer())
    other = fake.add_test_result(call=Call(end="system_error", talks_for=3))
    fake.clock.advance(599.999999)
    assert (call.status, other.status) == ("RUNNING", "SYSTEM_ERROR")
    fake.clock.advance(0.000001)
    assert (call.status, call.history[-1].cause) == ("CONVERSATION_ENDED", "limit")


def test_timer_beyond_the_end_of_time_is_due_at_the_end() -> None:
    fake = FakeBluejay(agent="ends-after=1e12")
    fake.add_test_result(status="QUEUED", call=Call(waits=1e12))
    marked = fake.add_test_result(status="EVALUATING")
    simulation = fake.add_simulation(max_call_duration=10**400, ringing_timeout=10**400)
    fake.calls.default = Call(talks_for=None)
    fake.queue_run(simulation)
    fake.clock.advance(10)
    assert marked.status == "COMPLETED"
    assert FakeBluejay.load(fake.dump()).clock.next_due == fake.clock.next_due == datetime(9999, 1, 1, tzinfo=UTC)


def test_an_error_code_is_of_the_end_that_came_last() -> None:
    fake = FakeBluejay()
    call = fake.add_test_result(status="DISPATCHED", call=Call(end="dropped", talks_for=3, error_code="X"))
    codes = []
    for status in ("RUNNING", "CALL_DROPPED", "RUNNING", "CONVERSATION_ENDED", "EVALUATING", "COMPLETED"):
        call.set_status(status, force=status == "RUNNING")
        codes.append(call.error_code)
    assert codes == [None, "X", None, None, None, None]
    call.set_status("CALL_DROPPED", force=True)
    assert call.error_code == "BRIDGE_DISCONNECTED"  # that is a test's doing, and not the script's


def test_a_test_result_of_a_test_may_have_a_script_too() -> None:
    fake = FakeBluejay()
    call = fake.add_test_result(status="DISPATCHED", call=Call(connects_after=3, talks_for=4))
    fake.clock.advance(7)
    assert call.status == "CONVERSATION_ENDED"
    assert fake.add_test_result().call is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Call(waits=-1), "a call's waits must not be negative: -1"),
        (lambda: Call(talks_for=float("nan")), "a call's talks_for: a finite number"),
        (lambda: Call(connects_after="soon"), "a call's connects_after: a number of seconds"),
        (lambda: Call(waits=None), "a call's waits"),
        (lambda: Call(end="noanswer"), "unknown end of a call 'noanswer'; did you mean 'no_answer'?"),
        (lambda: Call(transcript="hello"), "a call's transcript is a list of objects"),
        (lambda: Call(end=["ended"]), "unknown end of a call"),  # type: ignore[arg-type]
        (lambda: Call(passes="yes"), "a call's passes is true or false, not 'yes'"),  # type: ignore[arg-type]
        (lambda: Call(error_code=5), "a call's error_code is a text, not 5"),  # type: ignore[arg-type]
        (lambda: Call(transcript=iter([{}])), "a call's transcript is a list of objects"),  # type: ignore[arg-type]
        (lambda: Call(tool_calls=({"name": 1}, 2)), "a call's tool_calls is a list of objects"),
        (lambda: call_from_dict({"talks": 1}), "unknown field of a call 'talks'; did you mean 'talks_for'?"),
        (lambda: FakeBluejay().calls.next("no_answer"), "a Call is needed, e.g. no_answer()"),
        (lambda: FakeBluejay().calls.of(None, Call()), "a digital human, its id or its name is needed, not None"),
        (lambda: FakeBluejay().calls.of(0, Call()), "a digital human, its id or its name is needed, not 0"),
        (lambda: FakeBluejay().calls.of(True, Call()), "a digital human, its id or its name is needed, not True"),
        (lambda: FakeBluejay().calls.next(Call(tool_calls=({"name": "a"},))), "0.start_offset_ms: missing"),
        (
            lambda: FakeBluejay().calls.next(Call(evaluations=({"goal_sucess": False},))),
            "unknown field of a call's evaluations: 'goal_sucess'; did you mean 'goal_success'?",
        ),
        (
            lambda: FakeBluejay().add_test_result(call=Call(transcript=({"speeker": "USER"},))),
            "unknown field of a call's transcript: 'speeker'; did you mean 'speaker'?",
        ),
        (lambda: FakeBluejay().add_test_result(call=Call(evaluations=({"num_turns": "few"},))), "0.num_turns"),
    ],
)
def test_bad_script_is_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the message is compared below
        make()
    assert message in str(error.value)


def test_a_script_goes_to_data_and_back() -> None:
    call = Call(
        ready_for=3,
        end="dropped",
        transcript=({"start_offset_ms": 0, "end_offset_ms": 5, "speaker": "USER", "utterance": "Hello?"},),
    )
    assert call_from_dict(json.loads(json.dumps(call.as_dict()))) == call
    assert Call().as_dict() == {}
    assert microseconds(Call().waits) == 1_000_000
