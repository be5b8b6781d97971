"""Text messages: what an agent writes in a conversation is kept, and tool calls and the end have their effects."""

from typing import Any

import pytest

from fake_bluejay import FakeBluejay
from tests.api.client import Client


@pytest.fixture
def run(fake: FakeBluejay) -> Any:
    return fake.queue_run(fake.add_simulation(digital_humans=2))


def send(ask: Client, status: int = 200, **fields: Any) -> Any:
    return ask("POST", "send-http-text-message", {"simulation_result_id": "1", **fields}, status=status)


def test_first_message_begins_the_conversation_and_one_may_end_it(ask: Client, fake: FakeBluejay, run: Any) -> None:
    told: list[Any] = []
    fake.webhooks.add(lambda delivery: told.append(delivery.json["type"]))
    answer = send(ask, message="Hello.")
    assert answer == {"simulation_result_id": "1", "status": "success", "end_conversation": False}
    assert [ask.result(id)["status"] for id in (1, 2)] == ["RUNNING", "QUEUED"]
    assert send(ask, type="message", message="Bye.", end_conversation=True)["end_conversation"] is True
    assert ask.result()["status"] == "CONVERSATION_ENDED"
    fake.clock.advance(3600)
    assert ask.result()["status"] == "COMPLETED"
    assert told[:1] == ["simulation_ended"]
    assert [message.fields["message"] for message in fake.resources("text_message")] == ["Hello.", "Bye."]


def test_message_after_the_end_is_refused(ask: Client, fake: FakeBluejay, run: Any) -> None:
    send(ask, message="Bye.", end_conversation=True)
    before = fake.dump()
    refused = send(ask, status=400, message="Hello?")
    assert refused == {"detail": "The simulation result is not active: its conversation is over"}
    fake.clock.advance(3600)
    send(ask, status=400, type="tool_call", name="look_up")
    assert len(fake.resources("text_message")) == len(before["text_messages"]["all"]) == 1


def test_tool_call_is_one_of_the_result_and_says_when_it_was(ask: Client, fake: FakeBluejay, run: Any) -> None:
    send(ask, message="One moment.")
    fake.clock.advance(1.5)
    send(ask, type="tool_call", name="look_up", parameters={"order": 7}, output=["shipped"])
    send(ask, type="tool_call", name="look_up")
    [group] = ask.result()["tool_calls"]
    assert (group["name"], group["actual"]) == (
        "look_up",
        [
            {"parameters": {"order": 7}, "output": ["shipped"], "start_offset_ms": 1500},
            {"parameters": None, "output": None, "start_offset_ms": 1500},
        ],
    )


def test_message_of_the_same_id_counts_once_in_its_conversation(ask: Client, fake: FakeBluejay, run: Any) -> None:
    for id in ("1", "1", "2"):
        send(ask, simulation_result_id=id, message="Hello.", message_id="m")
    send(ask, message="Bye.", message_id="n", end_conversation=True)
    assert send(ask, message="Bye.", message_id="n", end_conversation=True)["end_conversation"] is True
    taken = [
        (message.fields["simulation_result_id"], message.fields["message_id"])
        for message in fake.resources("text_message")
    ]
    assert taken == [(1, "m"), (2, "m"), (1, "n")]


def test_conversation_that_is_unknown_or_anothers_changes_nothing(
    ask: Client, others: Client, fake: FakeBluejay, run: Any
) -> None:
    for id in ("99", "x"):
        assert send(ask, status=404, simulation_result_id=id, message="a") == {"detail": "Simulation result not found"}
    send(others, status=403, message="a", end_conversation=True)
    fake.readings.set(foreign_result="404")
    send(others, status=404, message="a")
    assert ask.result()["status"] == "QUEUED"
    assert len(fake.resources("text_message")) == 0


@pytest.mark.parametrize(
    ("body", "type", "place"),
    [
        ({}, "missing", ["body", "message", "message"]),
        ({"type": "tool_call"}, "missing", ["body", "tool_call", "name"]),
        ({"type": "image"}, "union_tag_invalid", ["body"]),
        ({"message": 7}, "string_type", ["body", "message", "message"]),
    ],
)
def test_invalid_message(ask: Client, run: Any, body: Any, type: str, place: list[str]) -> None:
    [error] = send(ask, status=422, **body)["detail"]
    assert (error["type"], error["loc"]) == (type, place)


def test_restored_dump_knows_which_messages_were_taken(ask: Client, fake: FakeBluejay, run: Any) -> None:
    send(ask, message="Hello.", message_id="m")
    with FakeBluejay.load(fake.dump()) as again:
        send(Client(again, again.api_key), message="Hello.", message_id="m")
        assert len(again.resources("text_message")) == 1


def test_messages_go_with_their_test_result(ask: Client, fake: FakeBluejay, run: Any) -> None:
    for id in ("1", "2"):
        send(ask, simulation_result_id=id, message="Hello.", message_id="m")
    ask("DELETE", "simulation-result/1")
    assert [one.fields["simulation_result_id"] for one in fake.resources("text_message")] == [2]
    fake.add_test_result(id=1)
    send(ask, message="Hello.", message_id="m")
    assert len(fake.resources("text_message")) == 2


def test_message_takes_a_line_of_a_run_that_has_few(ask: Client, fake: FakeBluejay) -> None:
    fake.queue_run(fake.add_simulation(digital_humans=3, max_concurrent=1))
    send(ask, simulation_result_id="3", message="Hello.")
    fake.clock.advance(3600)
    assert [ask.result(id)["status"] for id in (1, 2, 3)] == ["COMPLETED"] * 3
