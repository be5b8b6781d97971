"""Runs, as a client of the API meets them: queueing, polling, ending, scores, deleting."""

from typing import Any

import httpx
import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.agents import drops_after, silent
from fake_bluejay.calls import Call, call_dropped, custom_error, no_answer, no_connection, rejected
from tests.api.client import Client

NO_RUN = {"detail": "Simulation run not found"}
NO_RESULT = {"detail": "Simulation result not found"}


# --- queueing -----------------------------------------------------------------------------------------------------


def test_a_run_has_its_bounds(fake: FakeBluejay, ask: Client) -> None:
    fake.add_simulation(digital_humans=2)
    body = {"simulation_id": "1", "runs_per_digital_human": 50_001}
    assert "100,000" in ask("POST", "queue-simulation-run", body, status=400)["detail"]
    assert (fake.runs, fake.test_results) == ([], [])


def test_a_run_from_its_queueing_to_its_scores(fake: FakeBluejay, ask: Client) -> None:
    fake.add_simulation(digital_humans=2)
    fake.calls.next(Call(), Call(passes=False))
    queued = ask("POST", "queue-simulation-run", {"simulation_id": "1"})
    # Strings here, as published, and integers where a result is asked for.
    assert queued == {
        "simulation_run_id": "1",
        "simulation_result_ids": ["1", "2"],
        "agent_id": "1",
        "status": "success",
    }
    answer = ask("GET", "retrieve-simulation-results/1")
    assert (answer["simulation_run"]["id"], answer["simulation_run"]["simulation_id"]) == ("1", "1")
    assert answer["simulation_run"]["status"] == "RUNNING"
    assert [(one["id"], one["status"], one["evaluations"]) for one in answer["simulation_results"]] == [
        (1, "QUEUED", None),
        (2, "QUEUED", None),
    ]
    assert ask("GET", "get-simulation-runs/1")["simulation_runs"][0]["id"] == 1
    fake.clock.advance(10)
    assert ask.result()["status"] == "RUNNING"
    assert (ask.result()["start_time"], ask.result()["end_time"]) == ("2026-01-01T00:00:03Z", None)
    fake.clock.advance(44)
    answer = ask("GET", "retrieve-simulation-results/1")
    run = answer["simulation_run"]
    assert (run["status"], run["total_tests"], run["tests_completed"]) == ("COMPLETED", 2, 2)
    assert (run["tests_passed"], run["tests_failed"], "tests_incompleted" in run) == (1, 1, False)
    assert [one["evaluations"][0]["goal_success"] for one in answer["simulation_results"]] == [True, False]
    assert answer["simulation_results"][0]["duration"] == 45_000
    [listed] = ask("GET", "get-simulation-runs/1")["simulation_runs"]
    assert {name: listed[name] for name in ("status", "tests_passed", "total_tests")} == {
        "status": "COMPLETED",
        "tests_passed": 1,
        "total_tests": 2,
    }
    assert ask("POST", "check-queue-simulation-run/1")["status"] == "COMPLETED"


def test_agent_is_reached_by_email_as_documented(ask: Client, fake: FakeBluejay) -> None:
    email = {"email_address": "support@example.com", "outbound_trigger_webhook_url": "https://agent.example/start"}
    agent = {"name": "Desk", "system_prompt": "Help.", "goals": [], "mode": "TEXT", "connection_type": "EMAIL", **email}
    ask("POST", "add-agent", {**agent, "outbound_trigger_payload_template": {"to": "{{digital_human.email}}"}})
    found = ask("GET", "agents/1")
    assert found["connection_type"] == "EMAIL"
    assert {name: found[name] for name in email} == email
    ask("POST", "create-simulation", {"agent_id": "1"})
    fake.add_digital_human(simulation_ids=[1])
    queued = ask("POST", "queue-email-simulation-run", {"simulation_id": "1"})
    fake.clock.advance(600)
    assert ask.result(int(queued["simulation_result_ids"][0]))["status"] == "COMPLETED"


@pytest.mark.parametrize("path", [f"queue-{medium}simulation-run" for medium in ("", "sms-", "http-text-", "email-")])
def test_whom_to_run_with(fake: FakeBluejay, ask: Client, path: str) -> None:
    fake.add_simulation(digital_humans=3)
    queued = ask("POST", path, {"simulation_id": "1", "digital_human_ids": ["3", "1"]})
    assert queued["simulation_result_ids"] == ["1", "2"]
    assert [one.fields["digital_human_id"] for one in fake.runs[0].test_results] == [3, 1]
    for ids in (["4"], ["x"], ["1", "-1"], [""]):
        answer = ask("POST", path, {"simulation_id": "1", "digital_human_ids": ids}, 404)
        assert answer == {"detail": "Digital human not found"}
    assert len(fake.runs) == 1


def test_how_often_to_run(fake: FakeBluejay, ask: Client) -> None:
    """The number that is set closest to the call counts: the request's, the digital human's, the simulation's."""
    once, twice = fake.add_digital_human(), fake.add_digital_human(num_runs=2)
    plain = fake.add_simulation(digital_humans=[once, twice])
    shared = fake.add_simulation(digital_humans=[once, twice], digital_humans_settings={"num_runs": 3})

    def runs(simulation: Any, **fields: Any) -> list[int]:
        run = fake.queue_run(simulation, **fields)
        return [sum(one.fields["digital_human_id"] == human.id for one in run.test_results) for human in (once, twice)]

    assert runs(plain) == [1, 2]
    assert runs(shared) == [3, 2]
    assert runs(shared, runs_per_digital_human=4) == [4, 4]
    ask("PUT", f"update-digital-human/{once.id}", {"num_runs": 1})
    assert runs(shared) == [1, 2]  # its own wish now, though the same as the default
    queued = ask("POST", "queue-simulation-run", {"simulation_id": str(plain.id), "runs_per_digital_human": 2})
    assert len(queued["simulation_result_ids"]) == 4


@pytest.mark.parametrize("num_runs", [2.5, "two", None, [2]])
def test_number_of_runs_that_is_no_integer_is_ignored(fake: FakeBluejay, ask: Client, num_runs: Any) -> None:
    """Published: a change to a simulation may have anything there."""
    fake.add_simulation()
    ask("PUT", "simulation/1", {"digital_humans_settings": {"num_runs": num_runs}})
    assert len(ask("POST", "queue-simulation-run", {"simulation_id": "1"})["simulation_result_ids"]) == 1


def test_a_run_with_nobody_is_over_at_once(fake: FakeBluejay, ask: Client) -> None:
    fake.add_simulation(digital_humans=0)
    assert ask("POST", "queue-simulation-run", {"simulation_id": "1"})["simulation_result_ids"] == []
    assert (ask.run()["status"], ask.run()["total_tests"]) == ("COMPLETED", 0)
    assert ask("GET", "retrieve-simulation-results/1")["simulation_results"] == []


def test_settings_of_the_connection_are_stored_in_the_run(fake: FakeBluejay, ask: Client) -> None:
    fake.add_simulation()
    fields = {"phone_number": "+15555550123", "sip_uri": "sip:a@b", "livekit_metadata": {"a": 1}}
    ask("POST", "queue-simulation-run", {"simulation_id": "1", **fields})
    assert ask("GET", "get-simulation-runs/1")["simulation_runs"][0]["phone_number"] == "+15555550123"
    assert fake.dump()["runs"][0]["fields"] == fields


@pytest.mark.parametrize(("id", "status"), [("7", 404), ("x", 404), ("", 404), ("1e3", 404), (1, 422), (None, 422)])
def test_a_simulation_that_there_is_not(fake: FakeBluejay, ask: Client, id: Any, status: int) -> None:
    fake.add_simulation()
    answer = ask("POST", "queue-simulation-run", {"simulation_id": id}, status)
    if status == 404:
        assert answer == {"detail": "Simulation not found"}
    assert fake.runs == []


def test_a_request_that_names_no_simulation_is_refused_as_fastapi_does(ask: Client) -> None:
    detail = ask("POST", "queue-simulation-run", {"phone_number": 5}, 422)["detail"]
    by_code, by_id = "SimulationRunRequestUsingBACId", "SimulationRunRequest"
    assert {(one["type"], *one["loc"]) for one in detail} == {
        ("missing", "body", by_code, "bluejay_as_code_id"),
        ("string_type", "body", by_code, "phone_number"),
        ("missing", "body", by_id, "simulation_id"),
        ("string_type", "body", by_id, "phone_number"),
    }


# --- customer journeys --------------------------------------------------------------------------------------------


@pytest.fixture
def journeys(fake: FakeBluejay) -> Any:
    """A simulation of a digital human with three steps, and of one without."""
    steps = [{"step": number, "intent": intent} for number, intent in enumerate(("Book.", "Confirm.", "Cancel."), 1)]
    return fake.add_simulation(digital_humans=[fake.add_digital_human(journey_steps=steps), fake.add_digital_human()])


def statuses(fake: FakeBluejay) -> list[str]:
    return [str(one.status) for one in fake.test_results]


def test_each_step_of_a_journey_waits_for_the_end_of_the_one_before_it(fake: FakeBluejay, journeys: Any) -> None:
    run = fake.queue_run(journeys)
    assert [one.fields["digital_human_id"] for one in run.test_results] == [1, 1, 1, 2]
    fake.clock.advance(49)  # the first is being evaluated
    assert statuses(fake) == ["EVALUATING", "INITIALIZING", "INITIALIZING", "EVALUATING"]
    fake.clock.advance(6)
    assert statuses(fake) == ["COMPLETED", "DISPATCHED", "INITIALIZING", "COMPLETED"]
    fake.clock.run_until(lambda: run.status == "COMPLETED")
    assert statuses(fake) == ["COMPLETED"] * 4
    begun = [one.history[0].at for one in fake.test_results[:3]]
    assert begun == [fake.test_results[0].created_at, *(one.history[-1].at for one in fake.test_results[:2])]


@pytest.mark.parametrize("failure", [no_answer(), call_dropped(after=1), custom_error()])
def test_steps_after_one_that_failed_are_skipped(fake: FakeBluejay, journeys: Any, failure: Call) -> None:
    fake.calls.next(Call(), failure)
    run = fake.queue_run(journeys)
    fake.clock.run_until(lambda: run.status == "COMPLETED")
    last = fake.test_result(3)
    assert (last.status, last.error_code, last.history[-1].cause) == ("CANCELLED", "STEP_SKIPPED", "journey")
    assert [move.event for move in last.history] == ["cancel"]
    assert (fake.test_result(1).status, fake.test_result(4).status) == ("COMPLETED", "COMPLETED")


def test_step_whose_goal_was_missed_has_not_failed(fake: FakeBluejay, journeys: Any) -> None:
    fake.calls.default = Call(passes=False)
    run = fake.queue_run(journeys)
    fake.clock.run_until(lambda: run.status == "COMPLETED")
    assert statuses(fake) == ["COMPLETED"] * 4


def test_journey_of_very_many_steps_is_skipped_at_once(fake: FakeBluejay) -> None:
    steps = [{"step": number, "intent": "Call."} for number in range(1, 5_001)]
    fake.add_simulation(digital_humans=[fake.add_digital_human(journey_steps=steps)])
    fake.calls.default = no_answer()
    run = fake.queue_run(1)
    fake.clock.run_until(lambda: run.status == "COMPLETED")
    assert run.tally.other_ends == 4_999


def test_each_repetition_of_a_journey_is_a_sequence_of_its_own(fake: FakeBluejay, journeys: Any) -> None:
    fake.queue_run(journeys, runs_per_digital_human=2)
    fake.clock.advance(5)
    assert statuses(fake) == [*["RUNNING", "INITIALIZING", "INITIALIZING"] * 2, "RUNNING", "RUNNING"]


def test_cancelled_or_deleted_step_holds_up_no_other(fake: FakeBluejay, ask: Client, journeys: Any) -> None:
    run = fake.queue_run(journeys, digital_human_ids=["1"], runs_per_digital_human=3)
    ask("DELETE", "simulation-result/2")  # of the first sequence: the third step waits for the first now
    ask("DELETE", "simulation-result/4")  # of the second: its second step begins
    fake.test_result(8).cancel()  # of the third: what comes after it is skipped
    fake.clock.advance(5)
    assert statuses(fake) == ["RUNNING", "INITIALIZING", "RUNNING", "INITIALIZING", "RUNNING", "CANCELLED", "CANCELLED"]
    assert [fake.test_result(id).error_code for id in (8, 9)] == ["USER_CANCELLED", "STEP_SKIPPED"]
    fake.clock.run_until(lambda: run.status == "COMPLETED")
    assert statuses(fake) == [*["COMPLETED"] * 5, "CANCELLED", "CANCELLED"]


def test_journey_goes_on_in_a_restored_dump(fake: FakeBluejay, journeys: Any) -> None:
    fake.queue_run(journeys)
    fake.clock.advance(20)
    with FakeBluejay.load(fake.dump()) as again:
        assert again.dump() == fake.dump()
        again.clock.run_until(lambda: again.runs[0].status == "COMPLETED")
        assert statuses(again) == ["COMPLETED"] * 4
    dump = fake.dump()
    for pairs, wrong in (
        ([[1, 9]], "no pair"),
        ([[1]], "no pair"),
        ([[2, 1]], "not in order"),
        ([[1, 2], [1, 3]], "there already"),
        (["x"], "list"),
    ):
        dump["runs"][0]["next_steps"] = pairs
        with pytest.raises(ValueError, match=wrong):
            FakeBluejay.load(dump)


# --- lines --------------------------------------------------------------------------------------------------------


def test_no_more_calls_at_once_than_there_are_lines(fake: FakeBluejay) -> None:
    run = fake.queue_run(fake.add_simulation(digital_humans=5, max_concurrent=2))
    seen = []
    for _ in range(160):
        statuses = [result.status for result in run.test_results]
        on = sum(status in ("READY", "DISPATCHED", "RUNNING") for status in statuses)
        assert on <= 2
        seen.append(on)
        fake.clock.advance(1)
    assert [result.start_time.second for result in run.test_results if result.start_time] == [3, 3, 51, 51, 39]
    assert seen.count(2) > 90


def test_one_after_the_other(fake: FakeBluejay) -> None:
    fake.calls.next(no_answer(after=4), call_dropped(after=10), Call(talks_for=5))
    run = fake.queue_run(fake.add_simulation(digital_humans=3, sequential_calling=True, max_concurrent=3))
    fake.clock.advance(100)
    spans = [(result.history[1].at, result.end_time or result.history[-1].at) for result in run.test_results]
    assert [(start.second, end.second) for start, end in spans] == [(1, 5), (6, 18), (19, 26)]


def test_a_line_is_free_again_when_a_call_is_cancelled_or_deleted_or_ended(fake: FakeBluejay, ask: Client) -> None:
    run = fake.queue_run(fake.add_simulation(digital_humans=6, sequential_calling=True))
    fake.clock.advance(2)
    first, second, third, fourth, fifth, sixth = run.test_results
    fourth.cancel()
    first.cancel()
    fake.clock.advance(1)
    assert second.status == "DISPATCHED"
    ask("DELETE", "simulation-result/2")
    fake.clock.advance(3)
    assert third.status == "RUNNING"
    ask("POST", "end-conversations", {"test_result_ids": [3]})
    fake.clock.advance(3)
    assert (third.status, fifth.status, sixth.status) == ("EVALUATING", "DISPATCHED", "QUEUED")
    assert ask.run()["total_tests"] == 5


def test_a_call_that_a_test_sets_in_motion_holds_a_line_too(fake: FakeBluejay) -> None:
    run = fake.queue_run(fake.add_simulation(digital_humans=3, sequential_calling=True))
    fake.clock.advance(0)
    first, second, third = run.test_results
    second.set_status("DISPATCHED")
    fake.clock.advance(5)
    assert (first.status, second.status, third.status) == ("RUNNING", "RUNNING", "QUEUED")
    first.end()
    fake.clock.advance(5)
    assert third.status == "QUEUED"
    second.end()
    fake.clock.advance(1)
    assert third.status == "DISPATCHED"


# --- ending -------------------------------------------------------------------------------------------------------


def test_a_call_that_is_ended_early_is_still_evaluated(fake: FakeBluejay, ask: Client) -> None:
    stuck = Call(talks_for=None)
    fake.calls.next(Call(passes=False), stuck, stuck, Call())
    run = fake.queue_run(fake.add_simulation(digital_humans=4))
    _, mute, dropping, done = run.test_results
    mute.agent, dropping.agent, done.agent = silent(), drops_after(5), "ends-after=45"
    fake.clock.advance(10)
    answer = ask("POST", "end-conversations", {"test_result_ids": [int(id) for id in ("1", "2", "3", "4", "5")]})
    assert (answer["ended_count"], answer["failed_ids"]) == (4, [5])
    fake.clock.advance(100)
    assert [(result.status, result.passed) for result in run.test_results] == [
        ("COMPLETED", False),
        ("SYSTEM_ERROR", None),
        ("CALL_DROPPED", True),
        ("SYSTEM_ERROR", None),
    ]
    assert [result.error_code for result in run.test_results][1::2] == ["END_SIGNAL_TIMEOUT"] * 2
    assert [result.history[3].cause for result in run.test_results] == ["agent", "watchdog", "agent", "watchdog"]
    assert ask.result(1)["duration"] == 9_000
    assert ask.run()["status"] == "COMPLETED"


def test_call_before_its_connection_can_be_cancelled_but_not_ended(fake: FakeBluejay, ask: Client) -> None:
    run = fake.queue_run(fake.add_simulation(digital_humans=2))
    first, second = run.test_results
    answer = ask("POST", "end-conversations", {"test_result_ids": [1]})
    assert answer["failed_ids"] == [1]
    first.cancel()
    fake.clock.advance(5)
    with pytest.raises(ValueError, match="cancel is not legal now"):
        second.cancel()
    fake.clock.advance(600)
    assert [one["status"] for one in ask("GET", "retrieve-simulation-results/1")["simulation_results"]] == [
        "CANCELLED",
        "COMPLETED",
    ]
    assert (ask.run()["tests_passed"], ask.run()["tests_failed"], ask.run()["total_tests"]) == (1, 0, 2)


# --- scores, and what is reported ---------------------------------------------------------------------------------


def test_evaluations_are_given_or_made_the_same_for_the_same_seed(ask: Client, fake: FakeBluejay) -> None:
    def made(seed: int) -> Any:
        with FakeBluejay(seed=seed) as other:
            other.queue_run()
            other.clock.advance(60)
            return Client(other, other.api_key).result()["evaluations"]

    assert made(1) == made(1) != made(2)
    fake.calls.next(
        Call(evaluations=({"goal_success": False, "call_summary": "Lost."}, {"goal_success": True})),
        Call(custom_metrics=({"name": "m", "description": "d", "response_type": "score", "response_value": "3"},)),
    )
    fake.queue_run(fake.add_simulation(digital_humans=2))
    fake.clock.advance(60)
    given = ask.result(1)["evaluations"]
    assert [(one["goal_success"], one["call_summary"]) for one in given] == [
        (False, "Lost."),
        (True, "The caller changed an appointment."),  # what is left out is made
    ]
    assert given[0]["id"] != given[1]["id"]
    assert {one["created_at"] for one in given} == {"2026-01-01T00:00:54Z"}
    assert ask.run()["tests_failed"] == 1  # one of its evaluations did not find the goal reached
    assert ask.result(2)["evaluations"][0]["custom_metrics"][0]["response_value"] == "3"


def test_a_goal_of_null_says_nothing(ask: Client, fake: FakeBluejay) -> None:
    result = fake.add_test_result(status="COMPLETED", evaluations=[{"goal_success": None}])
    [evaluation] = ask.result(result.id)["evaluations"]
    assert (result.passed, evaluation["goal_success"], evaluation["goal_reasoning"]) == (
        True,
        None,
        "The goal was reached.",
    )


def test_reported_data_is_returned(ask: Client, fake: FakeBluejay) -> None:
    human = fake.add_digital_human(
        expected_tool_calls=[
            {"name": "book", "parameters": {"day": "Thursday"}, "output": "done"},
            {"name": "thank", "parameters": None, "output": None},
        ]
    )
    fake.queue_run(fake.add_simulation(digital_humans=[human]))
    made = [
        {"name": "book", "start_offset_ms": 5, "parameters": {"day": "Friday"}},
        {"name": "book", "start_offset_ms": 9, "parameters": {"day": "Thursday"}, "output": "done"},
        {"name": "look_up", "start_offset_ms": 1},
    ]
    said = {"start_offset_ms": 0, "end_offset_ms": 9, "speaker": "USER", "utterance": "Hello?"}
    report = {
        "events": [{"title": "greeted", "start_offset_ms": 5}],
        "tool_calls": made,
        "tags": ["a"],
        "metadata": {"b": 1},
        "recorded_transcript": [said],
    }
    assert ask("POST", "update-simulation-result", {"simulation_result_id": "1", **report}) == {
        "status": "success",
        "message": None,
    }
    result = ask.result()
    assert result["events"][0]["title"] == "greeted"
    groups = {group["name"]: group for group in result["tool_calls"]}
    assert groups["book"]["expected"] == [{"parameters": {"day": "Thursday"}, "output": "done"}]
    assert [one["parameters"]["day"] for one in groups["book"]["actual"]] == ["Friday", "Thursday"]
    assert (len(groups["thank"]["expected"]), groups["thank"]["actual"]) == (1, [])
    assert (groups["look_up"]["expected"], groups["look_up"]["actual"][0]["start_offset_ms"]) == ([], 1)
    ask("POST", "update-simulation-result", {"simulation_result_id": "1", "tags": ["c"]})
    other = FakeBluejay.load(fake.dump())
    fields = other.test_result(1).fields
    assert (fields["tags"], fields["metadata"]) == (["a", "c"], {"b": 1})
    assert fields["recorded_transcript"][0]["utterance"] == "Hello?"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"simulation_result_id": "9"}, 404),
        ({"simulation_result_id": "x"}, 404),
        ({"simulation_result_id": 1}, 422),
        ({"simulation_result_id": "1", "tool_calls": [{"name": "a", "start_offset_ms": -1}]}, 422),
        ({"simulation_result_id": "1", "events": [{"title": "a"}]}, 422),
        ({}, 422),
    ],
)
def test_a_report_that_cannot_be_changes_nothing(ask: Client, fake: FakeBluejay, body: Any, status: int) -> None:
    fake.queue_run()
    before = fake.dump()
    ask("POST", "update-simulation-result", body, status)
    assert fake.dump() == before


def test_the_transcript_is_where_the_answer_says_and_needs_no_key(fake: FakeBluejay, ask: Client) -> None:
    said = {"start_offset_ms": 0, "end_offset_ms": 900, "speaker": "USER", "utterance": "Hello?"}
    fake.calls.next(Call(), Call(transcript=(said,)), no_answer(after=1), call_dropped(after=5))
    fake.queue_run(fake.add_simulation(digital_humans=4))
    fake.clock.advance(20)
    assert ask.result(1)["transcript_url"] is None
    fake.clock.advance(40)
    made, given, none, partial = (ask.result(id)["transcript_url"] for id in (1, 2, 3, 4))
    assert none is None
    assert httpx.get(given).json() == [said]
    assert len(httpx.get(made).json()) == 6
    assert httpx.get(partial).json()[-1]["end_offset_ms"] <= 5_000
    on_socket = httpx.get(f"{fake.base_url}/retrieve-simulation-result/2", headers={"X-API-Key": fake.api_key}).json()
    url = on_socket["simulation_result"]["transcript_url"]
    assert url.startswith(fake.url)
    assert httpx.get(url).json() == [said]
    assert httpx.get(url.replace("/2.", "/3.")).status_code == 404


def test_evaluating_again(fake: FakeBluejay, ask: Client) -> None:
    fake.queue_run()
    ask("POST", "re-evaluate-simulation-result/1", status=400)
    fake.clock.advance(54)
    assert ask("POST", "re-evaluate-simulation-result/1")["simulation_result_id"] == 1
    assert (ask.result()["status"], ask.run()["status"]) == ("EVALUATING", "RUNNING")
    fake.clock.advance(5)
    assert (ask.result()["status"], ask.run()["status"]) == ("COMPLETED", "COMPLETED")


def test_error_codes(fake: FakeBluejay, ask: Client) -> None:
    """Each failure has one; where an answer would show it is a reading."""
    fake.calls.next(no_connection("RETELL_AUTH_FAILED"), rejected(), Call(connects_after=None), Call())
    run = fake.queue_run(fake.add_simulation(digital_humans=4, ringing_timeout=10))
    assert [result.error_code for result in run.test_results] == [None] * 4
    fake.clock.advance(600)
    codes = ["RETELL_AUTH_FAILED", "CALL_REJECTED", "NO_ANSWER", None]
    assert [result.error_code for result in run.test_results] == codes
    fake.readings.set(error_code_in="own-field")
    assert [ask.result(id).get("error_code") for id in (1, 2, 3, 4)] == codes


# --- deleting, and who may see ------------------------------------------------------------------------------------


def test_deleting_a_result_and_a_run(fake: FakeBluejay, ask: Client) -> None:
    fake.queue_run(fake.add_simulation(digital_humans=3))
    fake.queue_run()
    assert ask("DELETE", "simulation-result/2")["deleted_simulation_result_id"] == 2
    assert ask("GET", "retrieve-simulation-result/2", status=404) == NO_RESULT
    assert ask.run()["total_tests"] == 2
    assert ask("DELETE", "simulation-run/1")["deleted_simulation_run_id"] == 1
    assert ask("GET", "retrieve-simulation-results/1", status=404) == NO_RUN
    assert ask("GET", "retrieve-simulation-result/1", status=404) == NO_RESULT
    assert ask("DELETE", "simulation-run/1", status=404) == NO_RUN
    assert [result.id for result in fake.test_results] == [4]
    assert {timer.subject_id for timer in fake.clock.pending} == {4}
    fake.clock.advance(600)
    assert ask.run(2)["status"] == "COMPLETED"
    assert ask("GET", "get-simulation-runs/1")["simulation_runs"] == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "queue-simulation-run", {"simulation_id": "{}"}),
        ("POST", "queue-sms-simulation-run", {"simulation_id": "{}"}),
        ("POST", "queue-http-text-simulation-run", {"simulation_id": "{}"}),
        ("GET", "retrieve-simulation-results/{}", None),
        ("GET", "get-simulation-runs/{}", None),
        ("POST", "check-queue-simulation-run/{}", None),
        ("DELETE", "simulation-run/{}", None),
        ("GET", "retrieve-simulation-result/{}", None),
        ("POST", "update-simulation-result", {"simulation_result_id": "{}"}),
        ("POST", "re-evaluate-simulation-result/{}", None),
        ("DELETE", "simulation-result/{}", None),
    ],
)
def test_run_of_another_organisation_is_403_or_404(
    fake: FakeBluejay, ask: Client, others: Client, method: str, path: str, body: Any
) -> None:
    fake.queue_run()
    fake.clock.advance(60)
    before = fake.dump()
    said = others(method, path.format("1"), body and dict.fromkeys(body, "1"), 403)["detail"]
    assert said.endswith("is not in your organization")
    assert fake.dump() == before
    fake.readings.set(foreign_simulation="404", foreign_run="404", foreign_result="404")
    answers = [
        client(method, path.format(id), body and dict.fromkeys(body, id), 404)
        for client, id in ((others, "1"), (ask, "77"))
    ]
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "check-queue-simulation-run/x"),
        ("DELETE", "simulation-run/1.5"),
        ("POST", "re-evaluate-simulation-result/x"),
        ("DELETE", "simulation-result/x"),
    ],
)
def test_a_path_that_has_no_integer_is_a_422(ask: Client, method: str, path: str) -> None:
    [error] = ask(method, path, status=422)["detail"]
    assert (error["type"], error["loc"][0]) == ("int_parsing", "path")


# --- what a test sees ---------------------------------------------------------------------------------------------


def test_a_test_queues_a_run_itself(fake: FakeBluejay) -> None:
    human = fake.add_digital_human()
    simulation = fake.add_simulation(digital_humans=[human, fake.add_digital_human()])
    run = fake.queue_run(simulation, digital_human_ids=[human], runs_per_digital_human=2)
    assert fake.runs == [run]
    assert run.simulation == simulation
    assert (run.status, run.tally.total, run.tally.is_over, len(run.test_results)) == ("RUNNING", 2, False, 2)
    fake.clock.advance(60)
    assert (run.status, run.tally.passed, repr(run)) == ("COMPLETED", 2, "<Run 1 COMPLETED>")
    assert fake.queue_run(simulation.id, digital_human_ids=[human.id]).id == 2
    others = fake.add_digital_human(organisation="others")
    before = fake.dump()
    for fields, message in [
        ({"simulation": 9}, "unknown simulation 9; known: 1"),
        ({"digital_human_ids": [9]}, "unknown digital human '9'; known: 1, 2"),
        ({"digital_human_ids": [others]}, "unknown digital human '3'; known: 1, 2"),
        ({"simulation_id": str(simulation.id)}, "the simulation to run comes first"),
        ({"runs": 3}, "unknown field of a run 'runs'"),
        ({"runs_per_digital_human": "many"}, "runs_per_digital_human of a run"),
    ]:
        with pytest.raises(ValueError) as error:  # noqa: PT011 - the message is compared below
            fake.queue_run(**fields)  # type: ignore[arg-type]
        assert message in str(error.value)
    assert fake.dump() == before
    fake.reset()
    with pytest.raises(KeyError, match="there is no run 1"):
        _ = run.tally


@pytest.mark.parametrize("medium", ["http-text-", "email-"])
def test_run_by_messages_keeps_any_text_as_a_version_in_a_dump(fake: FakeBluejay, ask: Client, medium: str) -> None:
    fake.add_simulation(digital_humans=1)
    named = {"prompt_id": "newest", "agent_version_id": "newest", "knowledge_base_id": "ours"}
    ask("POST", f"queue-{medium}simulation-run", {"simulation_id": "1", **named})
    assert FakeBluejay.load(fake.dump()).dump() == fake.dump()
