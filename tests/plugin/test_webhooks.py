"""Webhooks, as a user's tests meet them: who is told of what, how it is proved, and what goes amiss."""

import asyncio
import base64
import contextlib
import gc
import hashlib
import hmac
import http.server
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from unittest.mock import Mock

import anyio.from_thread
import fastapi
import httpx
import jsonschema
import pytest
import requests
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from fastapi import BackgroundTasks, FastAPI
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from fake_bluejay import FakeBluejay
from fake_bluejay.calls import Call, call_dropped, no_answer
from fake_bluejay.core import outbox as core_webhooks
from fake_bluejay.facade import receivers
from fake_bluejay.intercept.true_time import REAL
from fake_bluejay.state.snapshot import restore
from fake_bluejay.webhooks import EVENTS, AttemptView, DeliveryView, Request, sign, verify
from tests.published import published

__all__ = ["published"]

START = datetime(2026, 1, 1, tzinfo=UTC)
API = "https://api.getbluejay.ai/v1"


def seconds(delivery: DeliveryView) -> list[float]:
    """Return the instants of its attempts, in seconds from the first one."""
    times = [attempt.at for attempt in delivery.attempts]
    return [(one - times[0]).total_seconds() for one in times]


@contextlib.contextmanager
def listening(answer: Callable[[http.server.BaseHTTPRequestHandler, bytes], int]) -> Iterator[str]:
    """A server on a socket, in a thread."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with contextlib.suppress(ConnectionError):
                self.send_response(answer(self, body))
                self.send_header("Content-Length", "0")
                self.end_headers()

        def log_message(self, *args: Any) -> None: ...

    class Server(http.server.ThreadingHTTPServer):
        request_queue_size = 128  # or a machine that is busy refuses some of fifty at once

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook?from=bluejay"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# --- what is sent -------------------------------------------------------------------------------------------------


def test_a_call_is_told_of_when_it_ends_and_when_it_is_evaluated(bluejay: FakeBluejay) -> None:
    received: list[Request] = []
    bluejay.webhooks.add(received.append, secret="s3cret")
    bluejay.calls.next(Call(waits=1, connects_after=2, talks_for=45))
    run = bluejay.queue_run()
    bluejay.clock.advance(47.999999)
    assert received == []
    bluejay.clock.advance(0.000001)
    [ended] = received
    assert (ended.event, ended.json["status"], ended.json["id"]) == ("simulation_ended", "CONVERSATION_ENDED", 1)
    assert (ended.json["start_time"], ended.json["duration"]) == ("2026-01-01T00:00:03Z", 45)
    bluejay.clock.advance(6)
    evaluated = received[1]
    assert (evaluated.event, evaluated.json["status"]) == ("simulation_result_evaluated", "COMPLETED")
    assert evaluated.json["simulation_run_id"] == run.id
    assert evaluated.json["evaluations"][0]["goal_success"] is True
    assert "evaluations" not in ended.json


def test_headers_prove_the_sender(bluejay: FakeBluejay) -> None:
    received: list[Request] = []
    bluejay.webhooks.add(received.append, secret="s3cret")
    bluejay.queue_run()
    bluejay.clock.advance(60)
    for request in received:
        mac = hmac.new(b"s3cret", request.body, hashlib.sha256).hexdigest()
        assert request.headers["X-Bluejay-Signature"] == request.headers["x-bluejay-signature"] == mac
        assert request.headers["content-type"] == "application/json"
        assert request.headers["X-Bluejay-Event"] == request.json["type"] == request.event
        assert request.headers["User-Agent"]
    assert [one.headers["X-Bluejay-Delivery"] for one in received] == [one.id for one in bluejay.webhooks.deliveries]
    assert len({one.headers["X-Bluejay-Delivery"] for one in received}) == 2


def test_a_signature_is_of_these_bytes_and_this_secret() -> None:
    proof = sign(b'{"id":1}', "s3cret")
    assert verify(b'{"id":1}', "s3cret", proof)
    assert not verify(b'{"id":2}', "s3cret", proof)
    assert not verify(b'{"id":1}', "other", proof)
    assert not verify(b'{"id":1}', "s3cret", "")
    assert not verify(b'{"id":1}', "s3cret", None)
    assert not verify(b'{"id":1}', "s3cret", "ü")


def test_only_webhooks_that_selected_an_event_get_it(bluejay: FakeBluejay) -> None:
    bluejay.add_organisation("other", "other-key")
    ended: list[Request] = []
    others: list[Request] = []
    bluejay.webhooks.add(ended.append, ["simulation_ended"])
    bluejay.webhooks.add(others.append, organisation="other")
    bluejay.calls.next(Call(), no_answer(after=5), call_dropped())
    bluejay.queue_run(bluejay.add_simulation(digital_humans=3))
    bluejay.clock.advance(600)
    assert [request.json["id"] for request in ended] == [1]
    assert others == []


def test_whom_the_customers_agent_is_to_call(bluejay: FakeBluejay) -> None:
    received: list[Request] = []
    bluejay.webhooks.add(received.append, ["outbound_simulation_started"])
    simulation = bluejay.add_simulation(agent=bluejay.add_agent(type="OUTBOUND"), digital_humans=2)
    run = bluejay.queue_run(simulation, runs_per_digital_human=2)
    [started] = received
    assert (started.json["simulation_run_id"], started.json["agent_id"]) == (run.id, simulation.agent.id)
    humans = started.json["digital_humans"]
    assert [human["associated_simulation_result_ids"] for human in humans] == [[1, 2], [3, 4]]
    assert all(human["phone_number"] for human in humans)


def test_digital_human_without_name_or_number_gets_a_made_up_one(bluejay: FakeBluejay) -> None:
    bluejay.webhooks.add(lambda request: None, ["outbound_simulation_started"])
    humans = [bluejay.add_digital_human(name="Ann"), bluejay.add_digital_human(phone_number=None)]
    bluejay.queue_run(bluejay.add_simulation(agent=bluejay.add_agent(type="OUTBOUND"), digital_humans=humans))
    told = bluejay.webhooks.deliveries[0].json["digital_humans"]
    assert [(one["name"], one["phone_number"]) for one in told] == [("Ann", "+15555550100"), ("Digital human 2", "")]


def test_payload_has_the_reported_data(bluejay: FakeBluejay) -> None:
    received: list[Request] = []
    bluejay.webhooks.add(received.append, ["simulation_result_evaluated"])
    bluejay.queue_run()
    known = {
        "events": [{"title": "greeted", "start_offset_ms": 5}],
        "tool_calls": [{"name": "book", "start_offset_ms": 9, "parameters": {"day": "Thursday"}}],
        "tags": ["a"],
        "metadata": {"b": [1]},
    }
    answer = requests.post(
        f"{API}/update-simulation-result",
        headers={"X-API-Key": bluejay.api_key},
        json={"simulation_result_id": "1", **known},
        timeout=5,
    )
    assert answer.json()["status"] == "success"
    bluejay.clock.advance(60)
    [told] = received
    assert told.json["events"][0]["title"] == "greeted"
    assert told.json["tool_calls"][0]["parameters"] == {"day": "Thursday"}
    assert (told.json["tags"], told.json["metadata"]) == (["a"], {"b": [1]})


def test_payloads_are_as_published(bluejay: FakeBluejay, published: Any) -> None:
    bluejay.readings.set(status_words="openapi-2026-04-30")  # as the published document
    bluejay.webhooks.add(lambda request: None)
    bluejay.calls.default = Call(
        tool_calls=({"name": "book", "start_offset_ms": 1, "output": "done"},),
        custom_metrics=({"name": "m", "description": "", "response_type": "score", "response_value": "3"},),
    )
    bluejay.calls.next(call_dropped(), Call(passes=False), Call(evaluations=[{"goal_success": True}, {}]))
    simulation = bluejay.add_simulation(agent=bluejay.add_agent(type="OUTBOUND", folder="F"), digital_humans=4)
    bluejay.queue_run(simulation)
    bluejay.add_test_result(
        status="EVALUATING",
        evaluations=[{"goal_success": False}],
        custom_metrics={"m": 3},
        latency={"average": 3},
        tool_calls=[{"name": "book", "actual": [{"output": "done"}]}],
    )
    bluejay.clock.advance(600)
    document = published
    operation = document["webhooks"]["events_webhook"]["post"]
    mapping = operation["requestBody"]["content"]["application/json"]["schema"]["discriminator"]["mapping"]
    seen = set()
    for delivery in bluejay.webhooks.deliveries:
        schema = {"$ref": mapping[delivery.event], "components": document["components"]}
        validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
        assert [error.message for error in validator.iter_errors(delivery.json)] == []
        # Nothing is said that is not published either.
        model = document["components"]["schemas"][mapping[delivery.event].rpartition("/")[2]]
        assert set(delivery.json) <= set(model["properties"])
        seen.add(delivery.event)
    assert len(seen) == 3


def test_payload_agrees_with_the_answer(bluejay: FakeBluejay) -> None:
    bluejay.webhooks.add(lambda request: None, ["simulation_result_evaluated"])
    bluejay.add_agent(folder="F")
    metric = {"name": "m", "description": "", "response_type": "score", "response_value": "3"}
    given = {"custom_metrics": [metric], "latency": [1, 2.5], "result": {"a": 1}}
    made = [{"parameters": None, "output": "done", "start_offset_ms": 5}, {"output": "done"}]
    calls = [{"name": "book", "actual": made}, {"name": "thank", "start_offset_ms": 9}]
    bluejay.add_test_result(status="EVALUATING", evaluations=[{}], tool_calls=calls, **given)
    bluejay.add_test_result(status="EVALUATING", custom_metrics=[metric, {}], latency=[True])
    bluejay.clock.advance(5)
    told, other = (delivery.json for delivery in bluejay.webhooks.deliveries)
    with bluejay.client(headers={"X-API-Key": bluejay.api_key}) as client:
        answered = client.get("/v1/retrieve-simulation-result/1").json()["simulation_result"]
        assert told["folder_id"] == client.get("/v1/agents/1").json()["folder_id"] is not None
    assert {name: told[name] for name in given} == {name: answered[name] for name in given}
    [evaluation], [answer] = told["evaluations"], answered["evaluations"]
    assert evaluation == answer
    assert [(call["name"], call["start_offset_ms"]) for call in told["tool_calls"]] == [
        ("book", 5),
        ("book", 0),
        ("thank", 9),
    ]
    assert (other["custom_metrics"], other["latency"]) == (None, None)  # which are none of these, as published


def test_fields_stand_in_a_payload_in_the_order_of_the_answer(bluejay: FakeBluejay) -> None:
    got: list[Any] = []
    bluejay.webhooks.add(lambda request: got.append(request.json), ["simulation_result_evaluated"])
    agent = bluejay.add_agent()
    bluejay.add("metric", agent_ids=[agent.id])
    run = bluejay.queue_run(bluejay.add_simulation(agent=agent))
    bluejay.clock.advance(3600)
    url = f"https://api.getbluejay.ai/v1/retrieve-simulation-result/{run.test_results[0].id}"
    answer = requests.get(url, headers={"X-API-Key": "key"}, timeout=10).json()["simulation_result"]
    [sent], [shown] = got[0]["evaluations"], answer["evaluations"]
    assert list(sent) == list(shown)
    assert list(sent["custom_metrics"][0]) == list(shown["custom_metrics"][0])
    assert list(got[0]["custom_metrics"][0]) == list(shown["custom_metrics"][0])


def test_a_payload_of_ones_own(bluejay: FakeBluejay) -> None:
    received: list[Request] = []
    bluejay.webhooks.add(received.append, ["observability_call_evaluated"])
    bluejay.webhooks.send("observability_call_evaluated", {"type": "observability_call_evaluated", "id": 7})
    assert received[0].json["id"] == 7
    with pytest.raises(ValueError, match="unknown webhook event 'call_evaluated'; did you mean"):
        bluejay.webhooks.send("call_evaluated", {})


# --- what is amiss ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("somebody_listens", [True, False])
@pytest.mark.parametrize(
    ("value", "message"),
    [(object(), ", and not <object object"), (float("nan"), ": Out of range"), ("\ud800", ": 'utf-8' codec can't")],
)
def test_a_payload_that_is_no_json_is_refused(
    bluejay: FakeBluejay, value: Any, message: str, somebody_listens: bool
) -> None:
    if somebody_listens:
        bluejay.webhooks.add(lambda request: None)
    with pytest.raises(TypeError, match=f"a payload is JSON, with datetimes{message}"):
        bluejay.webhooks.send("observability_call_evaluated", {"call": value})
    assert bluejay.webhooks.deliveries == []


@pytest.mark.parametrize("by_reading", [True, False])
def test_failed_delivery_is_retried_after_5_30_120_and_600_seconds(bluejay: FakeBluejay, by_reading: bool) -> None:
    if by_reading:
        bluejay.readings.set(webhook_retries="at-least-once")
    bluejay.webhooks.add(lambda request: 500, ["simulation_ended"], retries=None if by_reading else 4)
    bluejay.queue_run()
    bluejay.clock.advance(10_000)
    [delivery] = bluejay.webhooks.deliveries
    assert seconds(delivery) == [0, 5, 35, 155, 755]
    assert [attempt.status for attempt in delivery.attempts] == [500] * 5
    assert delivery.attempts[0].at == START + timedelta(seconds=48)
    assert delivery.given_up
    assert not delivery.delivered


def test_of_those_that_are_over_the_latest_are_kept(bluejay: FakeBluejay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_webhooks, "KEPT", 2)
    bluejay.webhooks.add(lambda request: 500 if request.json["number"] == 1 else 200, retries=4)
    gone = bluejay.webhooks.add(lambda request: 200, ["simulation_result_evaluated"])
    for number in range(1, 5):
        bluejay.webhooks.send("simulation_ended", {"number": number})

    def kept(fake: FakeBluejay) -> list[int]:
        return [delivery.json["number"] for delivery in fake.webhooks.deliveries]

    assert kept(bluejay) == [1, 3, 4]  # the first is on its way yet
    other = FakeBluejay.load(bluejay.dump())
    assert other.dump() == bluejay.dump()
    other.webhooks.send("simulation_ended", {"number": 5})
    ids = {delivery.id for delivery in (*bluejay.webhooks.deliveries, *other.webhooks.deliveries)}
    assert (kept(other), len(ids)) == ([1, 3, 4, 5], 4)
    bluejay.webhooks.delay(1)
    bluejay.webhooks.send("simulation_result_evaluated", {"number": 5})
    bluejay.webhooks.remove(gone)
    bluejay.clock.advance(1000)
    assert kept(bluejay) == [1, 5]
    dump = bluejay.dump()
    dump["deliveries"].reverse()
    with pytest.raises(ValueError, match=r"^deliveries\[1\].number: deliveries are numbered from 1 and ascend"):
        FakeBluejay.load(dump)
    with pytest.raises(ValueError, match=r"^last_delivery: there is a delivery of number"):
        FakeBluejay.load({**bluejay.dump(), "last_delivery": 1})


def test_a_repetition_is_known_by_its_id(bluejay: FakeBluejay) -> None:
    received: list[Request] = []

    def receive(request: Request) -> int:
        received.append(request)
        return 204 if len(received) > 2 else 503

    bluejay.webhooks.add(receive, ["simulation_ended"], retries=2)
    bluejay.queue_run()
    bluejay.clock.advance(1000)
    assert len(received) == 3
    assert len({request.headers["X-Bluejay-Delivery"] for request in received}) == 1
    assert len({request.body for request in received}) == 1
    [delivery] = bluejay.webhooks.deliveries
    assert delivery.delivered
    assert not delivery.given_up


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (299, 299),
        (HTTPStatus.CREATED, 201),
        (300, 300),
        (404, 404),
        *((whatever, 200) for whatever in (None, "x", False, {}, Mock(), 404.0)),
    ],
)
def test_an_integer_is_a_status_of_which_2xx_is_taken_and_whatever_else_is_200(
    bluejay: FakeBluejay, answer: Any, status: int
) -> None:
    bluejay.webhooks.add(lambda request: answer)
    bluejay.webhooks.send("simulation_ended", {})
    [delivery] = bluejay.webhooks.deliveries
    assert (delivery.attempts[0].status, delivery.delivered) == (status, 200 <= status < 300)


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("answer", [0, 99, 103, 199, 600, -1])
def test_an_integer_that_is_no_status_is_told_the_test(bluejay: FakeBluejay, answer: int, is_async: bool) -> None:
    async def receive(request: Request) -> int:
        return answer

    bluejay.webhooks.add(receive if is_async else lambda request: answer)
    with pytest.raises(ValueError, match=f"a receiver returned {answer}: an integer is its status, 200 to 599"):
        bluejay.webhooks.send("simulation_ended", {})
    assert not bluejay.webhooks.deliveries[0].delivered


def test_a_receiver_that_raises_disturbs_nobody(bluejay: FakeBluejay) -> None:
    received: list[Request] = []

    def broken(request: Request) -> None:
        raise RuntimeError("broken receiver")

    bluejay.webhooks.add(broken)
    bluejay.webhooks.add(received.append)
    run = bluejay.queue_run()
    bluejay.clock.advance(60)
    assert [request.event for request in received] == ["simulation_ended", "simulation_result_evaluated"]
    assert run.status == "COMPLETED"
    assert bluejay.webhooks.deliveries[0].attempts[0].problem == "RuntimeError: broken receiver"


def sleeps(length: float) -> Callable[[Request], None]:
    def receive(request: Request) -> None:
        time.sleep(length)

    return receive


def asgi_that_sleeps(length: float) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(length)
        await Response()(scope, receive, send)

    return app


def async_that_sleeps(length: float) -> Any:
    async def receive(request: Request) -> int:
        await asyncio.sleep(length)
        return 201

    return receive


@pytest.mark.parametrize("sleeping", [sleeps, asgi_that_sleeps, async_that_sleeps])
def test_receiver_that_takes_ten_seconds_is_too_late_and_delays_no_other(
    bluejay: FakeBluejay, sleeping: Callable[[float], Any]
) -> None:
    arrived: list[datetime] = []
    events = ["simulation_ended"]
    bluejay.webhooks.add(sleeping(10), events, retries=4)
    bluejay.webhooks.add(sleeping(3), events)
    bluejay.webhooks.add(lambda request: arrived.append(bluejay.clock.now), events)
    began = time.perf_counter()
    run = bluejay.queue_run()
    bluejay.clock.advance(48)
    assert arrived == [START + timedelta(seconds=48)]
    bluejay.clock.advance(2000)
    late, slow, _ = bluejay.webhooks.deliveries
    assert late.given_up
    assert {attempt.problem for attempt in late.attempts} == {"no answer within 5 seconds"}
    # It has failed after 5 seconds, and is tried again so long after that.
    assert seconds(late) == [0, 10, 45, 170, 775]
    assert slow.delivered
    assert [move.at for move in run.test_results[0].history if move.to == "EVALUATING"] == [
        START + timedelta(seconds=49)
    ]
    assert time.perf_counter() - began < 20  # none of it in real time


@pytest.mark.parametrize("length", [5, 5.000001])
@pytest.mark.parametrize("sleeping", [sleeps, asgi_that_sleeps, async_that_sleeps])
def test_receiver_has_exactly_five_seconds(
    bluejay: FakeBluejay, sleeping: Callable[[float], Any], length: float
) -> None:
    bluejay.webhooks.add(sleeping(length))
    bluejay.webhooks.send("simulation_ended", {})
    assert bluejay.webhooks.deliveries[0].delivered is (length == 5)


def test_delivery_to_a_receiver_that_ends_the_test_has_failed(bluejay: FakeBluejay) -> None:
    answers = iter([lambda: pytest.fail("this should not have come"), lambda: 200])
    bluejay.webhooks.add(lambda request: next(answers)(), ["simulation_ended"], retries=1)
    bluejay.queue_run()
    with pytest.raises(pytest.fail.Exception, match="should not have come"):
        bluejay.clock.advance(60)
    bluejay.clock.advance(60)
    [delivery] = bluejay.webhooks.deliveries
    assert [attempt.status for attempt in delivery.attempts] == [None, 200]
    assert "should not have come" in str(delivery.attempts[0].problem)


def end_over_a_socket(bluejay: FakeBluejay) -> None:
    httpx.post(f"{bluejay.url}/_fake/test-results/1/events", json={"event": "end"})
    bluejay.webhooks.wait()


@pytest.mark.parametrize("end", [lambda bluejay: bluejay.test_result(1).end(), end_over_a_socket])
def test_receiver_that_ends_the_test_does_not_stop_other_deliveries(
    bluejay: FakeBluejay, end: Callable[[FakeBluejay], None]
) -> None:
    heard: list[str] = []
    bluejay.webhooks.add(lambda request: pytest.fail("this should not have come"), ["simulation_ended"])
    bluejay.webhooks.add(lambda request: heard.append(request.event), ["simulation_ended"])
    bluejay.add_test_result()
    with pytest.raises(pytest.fail.Exception, match="should not have come"):
        end(bluejay)
    assert heard == ["simulation_ended"]
    first, second = bluejay.webhooks.deliveries
    assert (len(first.attempts), second.delivered) == (1, True)


def test_one_that_never_answers(bluejay: FakeBluejay) -> None:
    async def hangs(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.Event().wait()

    bluejay.webhooks.add(hangs, ["simulation_ended"])
    bluejay.queue_run()
    bluejay.clock.advance(49)
    assert bluejay.webhooks.deliveries[0].attempts[0].problem == "no answer within 5 seconds"


def test_deliveries_may_come_twice_and_in_another_order(bluejay: FakeBluejay) -> None:
    received: list[Request] = []
    bluejay.webhooks.add(received.append)
    bluejay.webhooks.duplicate(copies=3, event="simulation_result_evaluated")
    bluejay.webhooks.delay(30, event="simulation_ended")
    bluejay.queue_run()
    bluejay.clock.advance(100)
    assert [request.event for request in received] == ["simulation_result_evaluated"] * 3 + ["simulation_ended"]
    bluejay.webhooks.duplicate(None)
    bluejay.queue_run()
    bluejay.clock.advance(100)
    assert len(received) == 8
    with pytest.raises(ValueError, match="at least 1"):
        bluejay.webhooks.delay(1, times=0)


def test_one_may_come_late_and_twice(bluejay: FakeBluejay) -> None:
    bluejay.webhooks.add(lambda request: None)
    bluejay.webhooks.delay(30)
    bluejay.webhooks.delay(10)
    bluejay.webhooks.duplicate(event="simulation_ended")
    for _ in range(3):
        bluejay.webhooks.send("simulation_ended", {})
    bluejay.clock.advance(100)
    sent = [[(attempt.at - START).seconds for attempt in one.attempts] for one in bluejay.webhooks.deliveries]
    assert sent == [[30, 30], [10], [0]]


def test_duplicates_do_not_use_up_the_retries(bluejay: FakeBluejay) -> None:
    bluejay.webhooks.add(lambda request: 500, ["simulation_ended"], retries=4)
    bluejay.webhooks.duplicate(copies=7)
    bluejay.queue_run()
    bluejay.clock.advance(10_000)
    assert seconds(bluejay.webhooks.deliveries[0]) == [0] * 7 + [5, 35, 155, 755]


# --- receivers of every kind --------------------------------------------------------------------------------------


def test_an_asgi_application_at_its_own_path(bluejay: FakeBluejay) -> None:
    received: list[Any] = []

    async def endpoint(request: Any) -> Response:
        body = await request.body()
        assert dict(request.query_params) == {"from": "bluejay"}
        received.append((await request.json(), verify(body, "s3cret", request.headers["X-Bluejay-Signature"])))
        return Response(status_code=202)

    app = Starlette(routes=[Route("/hooks/blue jay", endpoint, methods=["POST"])])
    bluejay.webhooks.add(app, ["simulation_ended"], "s3cret", path="/hooks/blue%20jay?from=bluejay")
    bluejay.webhooks.add(app, ["simulation_ended"], "s3cret")
    bluejay.queue_run()
    bluejay.clock.advance(48)
    right, wrong = bluejay.webhooks.deliveries
    assert (right.attempts[0].status, wrong.attempts[0].status) == (202, 404)
    [(payload, proved)] = received
    assert proved
    assert payload["id"] == 1


@pytest.mark.parametrize("by_sleeping", [True, False])
def test_an_application_that_answers_in_a_thread_of_its_own_and_sleeps_there(
    bluejay: FakeBluejay, by_sleeping: bool
) -> None:
    def endpoint(request: Any) -> Response:
        time.sleep(1)
        return Response()

    bluejay.webhooks.add(Starlette(routes=[Route("/", endpoint, methods=["POST"])]), ["simulation_ended"])
    bluejay.queue_run()
    time.sleep(60) if by_sleeping else bluejay.clock.advance(60)
    [delivery] = bluejay.webhooks.deliveries
    assert [attempt.status for attempt in delivery.attempts] == [200]


def test_a_server_on_this_machine(bluejay: FakeBluejay) -> None:
    received: list[Any] = []

    def answer(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> int:
        received.append((handler.path, json.loads(body)["type"]))
        return 200 if verify(body, "s3cret", handler.headers["X-Bluejay-Signature"]) else 401

    with listening(answer) as url:
        bluejay.webhooks.add(url, secret="s3cret")
        bluejay.queue_run(bluejay.add_simulation(digital_humans=60))
        bluejay.clock.advance(60)
    assert [delivery.delivered for delivery in bluejay.webhooks.deliveries] == [True] * 120
    assert received[0][0] == "/hook?from=bluejay"
    assert {event for _, event in received} == {"simulation_ended", "simulation_result_evaluated"}


def test_time_that_passes_while_a_thread_starts_may_bring_further_deliveries(
    bluejay: FakeBluejay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that starts another sends them."""

    def start_slowly(thread: threading.Thread) -> None:
        if thread.name == "fake-bluejay webhooks":
            REAL.sleep(0.05)
        note(thread)

    note = threading.Thread._set_native_id  # type: ignore[attr-defined]
    monkeypatch.setattr(threading.Thread, "_set_native_id", start_slowly)
    result = bluejay.add_test_result()
    with listening(lambda request, body: 200) as url:
        for _ in range(3):
            bluejay.webhooks.add(url, ["simulation_ended"])
        with bluejay.clock.real():
            result.end()
    assert [delivery.delivered for delivery in bluejay.webhooks.deliveries] == [True] * 3


@pytest.mark.parametrize(
    ("address", "target"),
    [("", "/"), ("?a=1", "/?a=1"), ("/hook?a=1#part", "/hook?a=1"), ("/a%20b#part", "/a%20b")],
)
def test_path_and_query_of_a_webhook_url_reach_the_server(bluejay: FakeBluejay, address: str, target: str) -> None:
    received: list[str] = []

    def answer(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> int:
        received.append(handler.path)
        return 200

    with listening(answer) as url:
        bluejay.webhooks.add(url.removesuffix("/hook?from=bluejay") + address)
        bluejay.webhooks.send("simulation_ended", {})
    assert received == [target]


def test_a_server_that_hangs_or_refuses_or_fails_delays_nothing_else(
    bluejay: FakeBluejay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receivers, "PATIENCE", 100_000)  # of real time
    received: list[Request] = []
    released = threading.Event()

    def hang(handler: Any, body: bytes) -> int:
        released.wait(10)
        return 200

    with listening(hang) as hanging, listening(lambda handler, body: 500) as failing:
        with listening(hang) as gone:
            pass
        for url in (hanging, failing, gone):
            bluejay.webhooks.add(url, ["simulation_ended"])
        bluejay.webhooks.add(received.append, ["simulation_ended"])
        run = bluejay.queue_run()
        bluejay.clock.advance(54)
        problems = [one.attempts[0].problem for one in bluejay.webhooks.deliveries]
        released.set()
    assert problems[0] == "no answer within 5 seconds"
    assert problems[1] is None
    assert (problems[2] or "").startswith("ConnectionRefusedError")
    assert bluejay.webhooks.deliveries[1].attempts[0].status == 500
    assert len(received) == 1
    assert run.status == "COMPLETED"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://example.com/hook", "example.com is not this machine"),
        ("http://10.0.0.1/", "10.0.0.1 is not this machine"),
        ("http://127.0.0.1.example.com/", "is not this machine"),
        ("ftp://127.0.0.1/", "a webhook's URL is like"),
        ("http://127.0.0.1:99999/", "a webhook's URL is like"),
        ("localhost:8000", "a webhook's URL is like"),
    ],
)
def test_other_addresses_are_refused(bluejay: FakeBluejay, url: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bluejay.webhooks.add(url)
    assert bluejay.dump()["webhooks"] == []


@pytest.mark.parametrize(
    ("url", "problem"),
    [("http://203.0.113.1/", "203.0.113.1 is not this machine"), ("http://127.0.0.1/_fake/reset", "/_fake is a fake")],
)
def test_an_address_that_is_not_allowed_and_that_a_dump_brings_is_not_sent_to(url: str, problem: str) -> None:
    fake = FakeBluejay()
    fake.webhooks.add("http://127.0.0.1/", ["simulation_ended"])
    data = fake.dump()
    data["webhooks"][0]["url"] = url
    other = FakeBluejay.load(data)
    other.queue_run()
    other.clock.advance(48)
    assert problem in str(other.webhooks.deliveries[0].attempts[0].problem)


@pytest.mark.parametrize("receiver", [lambda: None, lambda environ, start_response: None, 7])
def test_object_that_is_no_receiver_is_refused(bluejay: FakeBluejay, receiver: Any) -> None:
    with pytest.raises(ValueError, match="a receiver is a function of one request"):
        bluejay.webhooks.add(receiver)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda webhooks: webhooks.add(print, "simulation_ended"), "not one string: 'simulation_ended'"),
        (lambda webhooks: webhooks.add(print, 5), "events is a list of events, not 5"),
        (lambda webhooks: webhooks.add(print, agents=[99]), "unknown agent 99; known: none"),
        (lambda webhooks: webhooks.add(print, agents=["1"]), "agents are those of add_agent(), or their ids, not '1'"),
        (lambda webhooks: webhooks.add(print, agents=1), "agents is a list of agents, not 1"),
        (lambda webhooks: webhooks.add(print, folders="Support"), "not one string: 'Support'"),
        (lambda webhooks: webhooks.add(print, folders=[""]), "a folder is known by its id or its name"),
        (lambda webhooks: webhooks.add(print, retries=-1), "retries is an integer from 0 to 100, or None"),
        (lambda webhooks: webhooks.add(print, retries=True), "retries is an integer from 0 to 100, or None"),
        (lambda webhooks: webhooks.add(print, enabled="no"), "enabled is True or False, not 'no'"),
        (lambda webhooks: webhooks.add(print, lifespan=None), "lifespan is True or False, not None"),
        (lambda webhooks: webhooks.send_alert("alert"), "unknown event of alerts: 'alert'"),
        (lambda webhooks: webhooks.send_alert("simulation_alert_triggered", "ended"), "unknown subtype of an alert:"),
        (lambda webhooks: webhooks.add(print, ["ended"]), "unknown webhook event 'ended'"),
        (lambda webhooks: webhooks.add(print, organisation="other"), "unknown organisation 'other'"),
        *(
            (lambda webhooks, secret=secret: webhooks.add(print, secret=secret), "a secret is printable ASCII text")
            for secret in (b"x", 5, "", "a\n", "ü")
        ),
        (lambda webhooks: webhooks.add(print, path="hook"), "a path starts with a slash, e.g. /hooks/bluejay"),
        (lambda webhooks: webhooks.send("simulation_ended", {}, "other"), "unknown organisation 'other'"),
        (lambda webhooks: webhooks.duplicate(copies="2"), "copies is an integer from 1 to 1000, not '2'"),
        (lambda webhooks: webhooks.duplicate(copies=1001), "copies is an integer from 1 to 1000, not 1001"),
        (lambda webhooks: webhooks.duplicate(True), "times is an integer of at least 1, or None for all from now on"),
        (lambda webhooks: webhooks.delay("soon"), "a number of seconds or a timedelta is needed, not 'soon'"),
        (lambda webhooks: webhooks.delay(-1), "seconds must not be negative: -1"),
    ],
)
def test_bad_argument_is_refused_and_changes_nothing(
    bluejay: FakeBluejay, call: Callable[[Any], object], message: str
) -> None:
    before = bluejay.dump()
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the message is compared below
        call(bluejay.webhooks)
    assert message in str(error.value)
    assert bluejay.dump() == before


# --- receivers that call back, and tests with an event loop -------------------------------------------------------


def ask(url: str, id: int) -> Any:
    answer = requests.get(f"{url}/retrieve-simulation-result/{id}", headers={"X-API-Key": "key"}, timeout=5)
    return answer.json()["simulation_result"]["status"]


@pytest.mark.parametrize("by_socket", [False, True])
@pytest.mark.parametrize("trigger", ["advance", "sleep", "request in process", "request on a socket"])
def test_a_receiver_calls_the_fake_back(bluejay: FakeBluejay, by_socket: bool, trigger: str) -> None:
    url = bluejay.base_url if by_socket else API
    heard: list[str] = []
    bluejay.webhooks.add(lambda request: heard.append(ask(url, request.json["id"])), ["simulation_ended"])
    bluejay.queue_run()
    bluejay.clock.advance(47.9)
    if trigger == "advance":
        bluejay.clock.advance(1)
    elif trigger == "sleep":
        time.sleep(1)
    else:
        bluejay.webhooks.delay(0)
        bluejay.test_result(1).set_status("CONVERSATION_ENDED")
        ask(API if trigger == "request in process" else bluejay.base_url, 1)
    assert bluejay.webhooks.deliveries[0].delivered
    assert heard in (["CONVERSATION_ENDED"], ["EVALUATING"])


def test_applications_and_servers_call_the_fake_back(bluejay: FakeBluejay) -> None:
    heard: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body = json.loads((await receive())["body"])
        async with httpx.AsyncClient(headers={"X-API-Key": "key"}) as client:
            for url in (API, bluejay.base_url):
                answer = await client.get(f"{url}/retrieve-simulation-result/{body['id']}")
                heard.append(answer.json()["simulation_result"]["status"])
        await Response()(scope, receive, send)

    def answer(handler: Any, body: bytes) -> int:
        heard.extend(ask(url, json.loads(body)["id"]) for url in (API, bluejay.base_url))
        return 200

    bluejay.webhooks.add(app, ["simulation_ended"])
    with listening(answer) as url:
        bluejay.webhooks.add(url, ["simulation_ended"])
        bluejay.queue_run()
        time.sleep(48.5)
        assert [one.delivered for one in bluejay.webhooks.deliveries] == [True, True]
    assert heard == ["CONVERSATION_ENDED"] * 4


def test_a_receiver_may_ask_that_the_result_be_evaluated_again(bluejay: FakeBluejay) -> None:
    asked: list[int] = []

    def again(request: Request) -> None:
        if not asked:
            id = request.json["id"]
            url = f"{API}/re-evaluate-simulation-result/{id}"
            asked.append(requests.post(url, headers={"X-API-Key": "key"}, timeout=5).status_code)

    bluejay.webhooks.add(again, ["simulation_result_evaluated"])
    bluejay.queue_run()
    bluejay.clock.advance(60)
    assert asked == [200]
    assert len(bluejay.webhooks.deliveries) == 2


def test_an_application_is_told_while_a_request_changes_the_world(bluejay: FakeBluejay) -> None:
    """A due webhook is delivered after the request; from within the request, it would wait for itself."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert bluejay.test_result(1).status
        await Response()(scope, receive, send)

    bluejay.webhooks.add(app)
    bluejay.queue_run()
    bluejay.clock.advance(54)
    bluejay.webhooks.send("simulation_ended", {"type": "simulation_ended", "id": 1})
    bluejay.webhooks.delay(5)
    bluejay.webhooks.send("simulation_ended", {"type": "simulation_ended", "id": 1})
    bluejay.world.clock.advance(5_000_000)  # as real time would have passed, with nobody looking
    began = time.perf_counter()
    url = f"{API}/re-evaluate-simulation-result/1"
    assert requests.post(url, headers={"X-API-Key": "key"}, timeout=5).status_code == 200
    assert all(one.delivered for one in bluejay.world.deliveries())  # which does not deliver itself
    assert time.perf_counter() - began < 5


async def test_in_an_async_test(bluejay: FakeBluejay) -> None:
    heard: list[str] = []

    def function(request: Request) -> None:
        heard.append("function")
        ask(API, 1)

    async def coroutine(request: Request) -> None:
        await asyncio.sleep(0.1)
        heard.append("coroutine")

    bluejay.webhooks.add(function, ["simulation_ended"])
    bluejay.webhooks.add(coroutine, ["simulation_ended"])
    bluejay.webhooks.add(asgi_that_sleeps(0.1), ["simulation_ended"])
    bluejay.queue_run()
    await asyncio.sleep(50)
    assert heard == ["function", "coroutine"]
    bluejay.queue_run()
    bluejay.clock.advance(50)  # while the event loop is kept from running anything
    assert heard == ["function", "coroutine", "function"]
    await asyncio.sleep(1)
    assert heard == ["function", "coroutine"] * 2
    assert all(one.delivered for one in bluejay.webhooks.deliveries)


def test_without_the_fixture_and_its_time() -> None:
    received: list[Request] = []
    fake = FakeBluejay()
    fake.webhooks.add(received.append, ["simulation_ended"])
    fake.webhooks.add(async_that_sleeps(0), ["simulation_ended"])
    fake.queue_run()
    fake.clock.advance(60)
    assert len(received) == 1
    assert all(one.delivered for one in fake.webhooks.deliveries)


@pytest.mark.parametrize("by", ["advancing", "sleeping"])
async def test_a_server_on_the_loop_of_the_test_answers_when_the_test_awaits(bluejay: FakeBluejay, by: str) -> None:
    """It could not while the thread waited for it."""
    heard = []

    async def receive(request: web.Request) -> web.Response:
        heard.append((await request.json())["type"])
        return web.json_response({})

    application = web.Application()
    application.router.add_post("/hook", receive)
    start = time.perf_counter()
    async with TestClient(TestServer(application)) as client:
        bluejay.webhooks.add(str(client.make_url("/hook")), ["simulation_ended"])
        call = bluejay.add_test_result()
        call.end()
        if by == "advancing":
            bluejay.clock.advance(60)
            await asyncio.sleep(1)
        else:
            await asyncio.sleep(61)
    assert heard == ["simulation_ended"]
    [delivery] = bluejay.webhooks.deliveries
    assert [attempt.status for attempt in delivery.attempts] == [200]
    assert time.perf_counter() - start < 4


def test_a_function_is_not_called_by_an_applications_loop_that_it_waits_for(bluejay: FakeBluejay) -> None:
    """The last thread to wait moves the clock, which may be the thread of the loop, by chance."""
    heard = []

    async def beat() -> None:
        while True:
            await asyncio.sleep(0.4)

    async def answer() -> int:
        return 200

    with anyio.from_thread.start_blocking_portal() as portal:

        def receive(request: Request) -> int:
            heard.append(portal.call(answer))
            return heard[-1]

        beating = portal.start_task_soon(beat)
        bluejay.webhooks.add(receive, ["simulation_ended"])
        for _ in range(20):
            call = bluejay.add_test_result(agent="ends-after=1")
            bluejay.client().post(
                "/v1/end-conversations", json={"test_result_ids": [call.id]}, headers={"X-API-Key": "k"}
            )
            time.sleep(3)
        beating.cancel()
    assert heard == [200] * 20


def test_a_client_on_the_socket_brings_deliveries_about(bluejay_server: FakeBluejay) -> None:
    """The run is queued, and time moved on, by a process that knows nothing of the receivers."""
    bluejay = bluejay_server
    received: list[str] = []
    bluejay.webhooks.add(lambda request: received.append(request.event))
    bluejay.webhooks.add(asgi_that_sleeps(0.01))
    simulation = bluejay.add_simulation(agent=bluejay.add_agent(type="OUTBOUND"))
    script = (
        "import os, json, urllib.request as u;"
        "h = {'X-API-Key': os.environ['BLUEJAY_API_KEY'], 'Content-Type': 'application/json'};"
        "b = os.environ['BLUEJAY_API_URL'];"
        "post = lambda url, body: u.urlopen(u.Request(url, json.dumps(body).encode(), h), timeout=10).read();"
        f"post(b + '/queue-simulation-run', {{'simulation_id': '{simulation.id}'}});"
        "post(b[:-3] + '/_fake/clock/advance', {'seconds': 600})"
    )
    subprocess.run([sys.executable, "-c", script], timeout=60, check=True)
    assert all(one.delivered for one in bluejay.webhooks.deliveries)
    assert sorted(received) == ["outbound_simulation_started", "simulation_ended", "simulation_result_evaluated"]


# --- secrets and state --------------------------------------------------------------------------------------------


def test_a_secret_is_read_and_renewed_by_the_api(bluejay: FakeBluejay) -> None:
    bluejay.add_organisation("other", "other-key")
    received: list[Request] = []
    webhook = bluejay.webhooks.add(received.append, ["simulation_ended"])

    def key(which: str, id: str = webhook.id, key: str = bluejay.api_key) -> httpx.Response:
        return httpx.post(f"{API}/{which}-signing-key", json={"webhook_id": id}, headers={"X-API-Key": key})

    assert key("get").json()["signing_key"] == webhook.secret
    new = key("generate").json()["signing_key"]
    assert new != webhook.secret
    assert key("get").json()["signing_key"] == new
    assert key("generate").json()["signing_key"] not in (new, webhook.secret)
    new = key("get").json()["signing_key"]
    bluejay.queue_run()
    bluejay.clock.advance(60)
    assert verify(received[0].body, new, received[0].headers["X-Bluejay-Signature"])
    assert key("get", key="other-key").status_code == key("get", "00000000-0000-4000-8000-000000000000").status_code
    assert key("get", key="other-key").status_code == 404
    assert key("get", "no-uuid").status_code == 422


def test_a_webhook_is_removed(bluejay: FakeBluejay) -> None:
    received: list[Request] = []
    webhook = bluejay.webhooks.add(received.append, ["simulation_ended"])
    bluejay.webhooks.delay(100)
    bluejay.queue_run()
    bluejay.clock.advance(60)
    bluejay.webhooks.remove(webhook)
    later: list[Request] = []
    assert bluejay.webhooks.add(later.append, ["simulation_result_evaluated"]).id != webhook.id
    bluejay.clock.advance(1000)
    assert received == later == []
    assert bluejay.webhooks.deliveries[0].given_up
    with pytest.raises(KeyError, match="unknown webhook"):
        bluejay.webhooks.remove(webhook)


def test_snapshots_restores_and_resets(bluejay: FakeBluejay) -> None:
    first: list[Request] = []
    second: list[Request] = []
    webhook = bluejay.webhooks.add(first.append, ["simulation_ended"])
    bluejay.queue_run()
    snapshot = bluejay.snapshot()
    bluejay.clock.advance(60)
    assert len(first) == len(bluejay.webhooks.deliveries) == 1
    bluejay.webhooks.remove(webhook)
    bluejay.restore(snapshot)
    assert bluejay.webhooks.deliveries == []
    bluejay.clock.advance(60)
    assert len(first) == 2
    assert first[0].body == first[1].body
    assert first[0].headers["X-Bluejay-Delivery"] != first[1].headers["X-Bluejay-Delivery"]
    bluejay.reset()
    assert bluejay.webhooks.deliveries == []
    assert bluejay.webhooks.add(second.append, ["simulation_ended"]).id == webhook.id  # reproducible
    bluejay.queue_run()
    bluejay.clock.advance(60)
    assert (len(first), len(second)) == (2, 1)
    bluejay.restore(snapshot)
    bluejay.clock.advance(60)
    assert (len(first), len(second)) == (3, 1)


def test_a_receiver_of_before_a_reset_hears_of_nothing_that_a_dump_brings(bluejay: FakeBluejay) -> None:
    received: list[Request] = []
    other = FakeBluejay()
    other.webhooks.add(print)  # of the same id
    other.queue_run()
    bluejay.webhooks.add(received.append)
    bluejay.reset()
    restore(bluejay.world, other.dump())
    bluejay.clock.advance(60)
    assert received == []
    assert bluejay.webhooks.deliveries[0].attempts[0].problem == "its receiver is not in this process"


@pytest.mark.parametrize("is_watched", [False, True])
def test_a_receiver_resets_the_world_that_tells_it(bluejay: FakeBluejay, is_watched: bool) -> None:
    if is_watched:  # as by a console
        bluejay.service.events.subscribe(lambda: None)

    def reset(request: Request) -> int:
        bluejay.reset()
        return 500

    bluejay.webhooks.add(reset)
    bluejay.queue_run()
    bluejay.clock.advance(60)
    assert bluejay.webhooks.deliveries == []
    assert bluejay.clock.pending == []


def test_delivery_under_way_goes_on_from_a_dump(bluejay: FakeBluejay) -> None:
    bluejay.webhooks.add(lambda request: 500, ["simulation_ended"], retries=4)
    bluejay.queue_run()
    bluejay.clock.advance(60)
    other = FakeBluejay.load(bluejay.dump())
    for fake in (bluejay, other):
        fake.clock.advance(10_000)
    [ours], [theirs] = bluejay.webhooks.deliveries, other.webhooks.deliveries
    assert seconds(ours) == seconds(theirs)
    assert theirs.attempts[-1].problem == "its receiver is not in this process"


def test_the_same_seed_gives_the_same_deliveries() -> None:
    def told(seed: int) -> list[Any]:
        with FakeBluejay(seed=seed) as bluejay:
            received: list[Request] = []
            bluejay.webhooks.add(received.append)
            bluejay.queue_run(bluejay.add_simulation(digital_humans=3))
            bluejay.clock.advance(60)
            return [(request.headers.raw, request.body) for request in received]

    assert told(1) == told(1) != told(2)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("planned", 10**9, r"deliveries\[0\]\.planned: 0 to 1000 attempts"),
        ("planned", -1, r"deliveries\[0\]\.planned: 0 to 1000 attempts"),
        ("body", "not JSON", r"deliveries\[0\]\.body: Expecting value"),
    ],
)
def test_a_dump_of_deliveries_that_cannot_be_is_refused(
    bluejay: FakeBluejay, field: str, value: object, says: str
) -> None:
    bluejay.webhooks.add(lambda request: None)
    bluejay.add_test_result().end()
    dump = bluejay.dump()
    dump["deliveries"][0][field] = value
    with pytest.raises(ValueError, match=says):
        FakeBluejay.load(dump)


# --- which events, of which agents --------------------------------------------------------------------------------


def test_all_events_are_selected_unless_some_are_given_and_with_none_one_as_documented(bluejay: FakeBluejay) -> None:
    heard: list[tuple[str, str]] = []
    bluejay.webhooks.add(lambda request: heard.append(("all", request.event)))
    bluejay.webhooks.add(lambda request: heard.append(("none", request.event)), [])
    for event in EVENTS:
        bluejay.webhooks.send(event, {"type": event})
    assert [event for which, event in heard if which == "all"] == list(EVENTS)
    assert [event for which, event in heard if which == "none"] == ["observability_call_evaluated"]


@pytest.mark.parametrize(
    ("event", "own"),
    [
        ("observability_alert_triggered", {"event_count", "min_events"}),
        (
            "simulation_alert_triggered",
            {"simulation_id", "simulation_run_id", "actual_value", "operator", "comparison_value"},
        ),
    ],
)
@pytest.mark.parametrize("subtype", ["triggered", "recovered"])
def test_an_alert_is_sent_by_hand_with_the_documented_fields(
    bluejay: FakeBluejay, event: str, own: set[str], subtype: Any
) -> None:
    received: list[Request] = []
    bluejay.webhooks.add(received.append, [event])
    bluejay.webhooks.send_alert(event, subtype, alert_name="Goal", agent_id=7)
    told = received[0].json
    common = {"type", "subtype", "alert_id", "alert_name", "display_text", "organization_id", "agent_id"}
    assert set(told) == common | own
    assert (told["type"], told["subtype"], told["alert_name"], told["agent_id"]) == (event, subtype, "Goal", 7)


def test_a_webhook_hears_of_its_agents_and_folders_alone(bluejay: FakeBluejay) -> None:
    agents = [bluejay.add_agent(folder="Sales"), bluejay.add_agent(folder="Support"), bluejay.add_agent()]
    with bluejay.client(headers={"X-API-Key": bluejay.api_key}) as client:
        support = client.get(f"/v1/agents/{agents[1].id}").json()["folder_id"]
    heard: dict[str, list[int]] = {}

    def add(name: str, **scope: Any) -> None:
        runs = heard.setdefault(name, [])
        bluejay.webhooks.add(lambda request: runs.append(request.json["simulation_run_id"]), **scope)

    add("all")
    add("agent", agents=[agents[0]])
    add("id", agents=[agents[2].id])
    add("folder", folders=["Sales"])
    add("folder's id", folders=[support])
    add("both", agents=[agents[2]], folders=["Sales"])
    runs = [bluejay.queue_run(bluejay.add_simulation(agent=agent)).id for agent in agents]
    bluejay.clock.advance(60)
    assert {name: sorted(set(found)) for name, found in heard.items()} == {
        "all": runs,
        "agent": [runs[0]],
        "id": [runs[2]],
        "folder": [runs[0]],
        "folder's id": [runs[1]],
        "both": [runs[0], runs[2]],
    }
    assert len(heard["agent"]) == 2  # the end and the evaluation


def test_a_disabled_webhook_gets_nothing_not_even_late_deliveries(bluejay: FakeBluejay) -> None:
    heard: list[int] = []
    webhook = bluejay.webhooks.add(lambda request: heard.append(request.json["n"]), enabled=False)
    bluejay.webhooks.send("simulation_ended", {"n": 1})
    bluejay.webhooks.enable(webhook)
    bluejay.webhooks.send("simulation_ended", {"n": 2})
    bluejay.webhooks.delay(5)
    bluejay.webhooks.send("simulation_ended", {"n": 3})
    bluejay.webhooks.disable(webhook.id)
    bluejay.clock.advance(10)
    bluejay.webhooks.send("simulation_ended", {"n": 4})
    assert heard == [2]
    assert [one.json["n"] for one in bluejay.webhooks.deliveries] == [2, 3]
    assert bluejay.webhooks.deliveries[1].given_up
    for change in (bluejay.webhooks.enable, bluejay.webhooks.disable):
        with pytest.raises(KeyError, match="unknown webhook 'x'"):
            change("x")


def test_settings_of_a_webhook_survive_a_dump(bluejay: FakeBluejay) -> None:
    agent = bluejay.add_agent(folder="Sales")
    bluejay.webhooks.add(print, agents=[agent], folders=["Sales"], retries=3, enabled=False)
    dump = bluejay.dump()
    assert FakeBluejay.load(dump).dump() == dump
    for name in ("agents", "folders", "retries", "enabled"):
        del dump["webhooks"][0][name]  # as of before there were such
    [loaded] = FakeBluejay.load(dump).dump()["webhooks"]
    assert (loaded["agents"], loaded["folders"], loaded["retries"], loaded["enabled"]) == ([], [], None, True)
    dump["webhooks"][0]["retries"] = 101
    with pytest.raises(ValueError, match=r"^webhooks\[0\].retries: retries is an integer from 0 to 100"):
        FakeBluejay.load(dump)


def test_a_failed_delivery_is_not_sent_again_unless_its_webhook_says_so(bluejay: FakeBluejay) -> None:
    bluejay.webhooks.add(lambda request: 500, ["simulation_ended"])
    bluejay.webhooks.add(lambda request: 500, ["simulation_ended"], retries=1)
    bluejay.webhooks.add(lambda request: 500, ["simulation_ended"], retries=6)
    bluejay.queue_run()
    bluejay.clock.advance(10_000)
    never, once, often = bluejay.webhooks.deliveries
    assert [seconds(one) for one in (never, once)] == [[0], [0, 5]]
    assert seconds(often) == [0, 5, 35, 155, 755, 1355, 1955]
    bluejay.readings.set(webhook_retries="at-least-once")
    bluejay.webhooks.add(lambda request: 500, ["simulation_result_evaluated"], retries=0)
    bluejay.queue_run()
    bluejay.clock.advance(10_000)
    assert seconds(bluejay.webhooks.deliveries[-1]) == [0]
    assert len(seconds(bluejay.webhooks.deliveries[3])) == 5


def test_seconds_and_empty_lists_as_documented(bluejay: FakeBluejay) -> None:
    bluejay.webhooks.add(lambda request: None)
    bluejay.calls.next(Call(talks_for=11.9))
    bluejay.queue_run()
    bluejay.clock.advance(60)
    ended, evaluated = (delivery.json for delivery in bluejay.webhooks.deliveries)
    assert (ended["duration"], evaluated["duration"]) == (11, 11)
    assert (evaluated["tags"], evaluated["metadata"]) == ([], {})


# --- ids that a receiver keeps ------------------------------------------------------------------------------------


def first_id(fake: FakeBluejay) -> str:
    fake.webhooks.add(lambda request: None)
    fake.webhooks.send("simulation_ended", {})
    return fake.webhooks.deliveries[0].id


def test_without_a_seed_each_reset_load_and_fake_has_other_ids_of_deliveries(bluejay: FakeBluejay) -> None:
    empty = bluejay.dump()
    ids = [first_id(bluejay), first_id(FakeBluejay()), first_id(FakeBluejay.load(empty)), first_id(FakeBluejay())]
    bluejay.reset()
    ids.append(first_id(bluejay))
    snapshot = FakeBluejay.load(empty).snapshot()
    for _ in range(2):
        bluejay.restore(snapshot)
        ids.append(first_id(bluejay))
    assert len(set(ids)) == len(ids)


def test_with_a_seed_they_repeat(make_bluejay: Callable[..., FakeBluejay]) -> None:
    fake = make_bluejay(seed=0)
    first = first_id(fake)
    fake.reset()
    assert first_id(fake) == first_id(FakeBluejay(seed=0)) == first
    assert first_id(FakeBluejay.load(FakeBluejay(seed=0).dump())) == first
    assert first_id(FakeBluejay(seed=1)) != first


def test_processes_have_other_ids_too() -> None:
    code = (
        "from fake_bluejay import FakeBluejay as F; f = F(); f.webhooks.add(lambda r: None);"
        "f.webhooks.send('simulation_ended', {}); print(f.webhooks.deliveries[0].id)"
    )
    ran = [subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=True) for _ in range(2)]
    assert ran[0].stdout != ran[1].stdout


# --- servers on sockets -------------------------------------------------------------------------------------------


@contextlib.contextmanager
def speaking(*parts: bytes | threading.Event) -> Iterator[str]:
    """A server that answers each connection with these bytes, waiting for events between them; it goes on at the end
    of the `with`."""
    listener = socket.create_server(("127.0.0.1", 0))
    events = [one for one in parts if isinstance(one, threading.Event)]
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            with contextlib.suppress(OSError), listener.accept()[0] as connection:
                received = b""
                # All of it: a connection that is closed with something unread is reset, and what was sent may be lost.
                while not received.endswith(b"}") and (more := connection.recv(65536)):
                    received += more
                for part in parts:
                    if isinstance(part, bytes):
                        connection.sendall(part)
                    else:
                        part.wait(20)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        ended.set()
        for event in events:
            event.set()
        with contextlib.suppress(OSError):
            socket.create_connection(listener.getsockname()).close()
        thread.join(20)
        listener.close()


def attempt_at(fake: FakeBluejay, url: str) -> AttemptView:
    fake.webhooks.add(url)
    fake.webhooks.send("simulation_ended", {})
    return fake.webhooks.deliveries[0].attempts[0]


@pytest.mark.parametrize("interim", [b"100 Continue", b"102 Processing", b"103 Early Hints", b"199 X"])
def test_an_interim_answer_of_a_server_is_passed_over(bluejay: FakeBluejay, interim: bytes) -> None:
    head = b"HTTP/1.1 " + interim + b"\r\nLink: </x>\r\n\r\n"
    with speaking(head, head, b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n") as url:
        assert attempt_at(bluejay, url) == (START, 201, None)


def test_a_server_that_never_comes_to_its_final_answer_has_not_answered(bluejay: FakeBluejay) -> None:
    with speaking(b"HTTP/1.1 103 Early Hints\r\n\r\n") as url:
        assert "RemoteDisconnected" in str(attempt_at(bluejay, url).problem)


@pytest.mark.parametrize(
    ("before", "byte"),
    [
        (b"HTTP/1.1 200 OK\r\nX-A: ", b"a"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"a"),
        (b"HTTP/1.1 200 OK\r\n", b"a: b\r\n"),
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    ],
)
def test_a_server_that_sends_a_little_at_a_time_is_given_up_after_five_seconds_in_all(
    bluejay: FakeBluejay, monkeypatch: pytest.MonkeyPatch, before: bytes, byte: bytes
) -> None:
    monkeypatch.setattr(receivers, "PATIENCE", 200_000)  # of real time

    class Dribble(threading.Event):
        """Passes a moment, which is less than a receiver has."""

        def wait(self, timeout: float | None = None) -> bool:
            return super().wait(0.05)

    drop: list[bytes | threading.Event] = [byte, Dribble()]
    with speaking(before, *drop * 60) as url:
        began = time.perf_counter()
        assert attempt_at(bluejay, url) == (START, None, "no answer within 5 seconds")
        assert time.perf_counter() - began < 2.5  # all of it would take 3


@pytest.mark.parametrize(
    ("user", "credentials"),
    [("user:p%40ss", "user:p@ss"), ("user", "user:"), (":secret", ":secret"), ("%C3%BC:%C3%BC", "ü:ü")],
)
def test_a_user_and_a_password_in_a_url_are_sent_as_httpx_sends_them(
    bluejay: FakeBluejay, user: str, credentials: str
) -> None:
    received: list[tuple[str | None, str | None, str]] = []

    def answer(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> int:
        received.append((handler.headers["Authorization"], handler.headers["Host"], handler.path))
        return 200

    with listening(answer) as url:
        with_user = url.replace("://", f"://{user}@")
        bluejay.webhooks.add(with_user)
        bluejay.webhooks.send("simulation_ended", {})
        httpx.post(with_user)
    [ours, theirs] = received
    assert ours == theirs
    assert base64.b64decode(str(ours[0]).removeprefix("Basic ")).decode() == credentials


def test_a_server_of_the_tests_own_that_waits_gets_its_time(bluejay: FakeBluejay) -> None:
    def answer(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> int:
        threading.Event().wait(0.2)
        return 200

    with listening(answer) as url:
        bluejay.webhooks.add(url)
        bluejay.webhooks.send("simulation_ended", {})
        (delivery,) = bluejay.webhooks.deliveries
    assert delivery.delivered


def test_events_that_one_advance_passes_reach_a_server_in_the_order_they_were_due(bluejay_server: FakeBluejay) -> None:
    """Also if the server that time is moved by does not wait for receivers, and the first answer is the slowest."""
    fake, received = bluejay_server, []
    release = threading.Event()

    def answer(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> int:
        if not received:
            release.wait(0.2)
        received.append((json.loads(body)["id"], json.loads(body)["type"]))
        return 200

    heard: list[tuple[int, str]] = []
    fake.calls.next(*(Call(talks_for=length) for length in (40, 10, 30, 20)))
    with listening(answer) as url:
        fake.webhooks.add(url)
        fake.webhooks.add(lambda request: heard.append((request.json["id"], request.event)))
        fake.queue_run(fake.add_simulation(digital_humans=4))
        httpx.post(f"{fake.url}/_fake/clock/advance", json={"seconds": 60})
        for _ in range(200):
            if all(one.delivered for one in fake.webhooks.deliveries):
                break
            threading.Event().wait(0.01)
        assert all(one.delivered for one in fake.webhooks.deliveries)
    ended, evaluated = "simulation_ended", "simulation_result_evaluated"
    assert received == heard == [(id, event) for id in (2, 4, 3, 1) for event in (ended, evaluated)]


def test_a_server_that_hangs_is_not_waited_for_once_for_each_delivery(
    bluejay: FakeBluejay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receivers, "PATIENCE", 200_000)  # of real time
    release = threading.Event()
    with listening(lambda handler, body: 200 if release.wait(10) else 500) as url:
        bluejay.webhooks.add(url, ["simulation_ended"])
        bluejay.queue_run(bluejay.add_simulation(digital_humans=40))
        began = time.perf_counter()
        bluejay.clock.advance(48)
        assert time.perf_counter() - began < 4  # 8, if each was waited for
        release.set()
    assert [len(one.attempts) for one in bluejay.webhooks.deliveries] == [1] * 40


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://127.0.0.1/a b", "without blanks: write others percent-encoded, e.g. %20 for a blank"),
        ("http://127.0.0.1/ ", "without blanks"),
        (" http://127.0.0.1/", "without blanks"),
        ("http://127.0.0.1/a\tb", "without blanks"),
        ("http://127.0.0.1/ü", "of ASCII characters"),
        ("http://u:secret@127.0.0.1/a b", "not 'http://u:…@127.0.0.1/a b'"),
        ("http://u:secret@127.0.0.1:0/", "not 'http://u:…@127.0.0.1:0/'"),
        ("http://127.0.0.1/_fake/reset", "/_fake is a fake Bluejay's control API, which no webhook may lead to"),
        ("http://localhost/_fake", "control API"),
        ("http://[::1]/%5ffake%2Freset?a", "control API"),
    ],
)
def test_an_address_that_nothing_could_or_should_be_sent_to_is_refused_when_it_is_added(
    bluejay: FakeBluejay, url: str, message: str
) -> None:
    with pytest.raises(ValueError, match="webhook") as error:
        bluejay.webhooks.add(url)
    assert message in str(error.value)
    assert ":secret@" not in str(error.value)
    assert bluejay.dump()["webhooks"] == []
    answer = httpx.post(f"{bluejay.url}/_fake/webhooks", json={"url": url})
    assert (answer.status_code, message in answer.json()["detail"]) == (400, True)


@pytest.mark.parametrize(
    ("secret", "given"),
    [("", "an empty text"), ("ü", "a text with other characters"), (b"x", "a bytes"), (5, "a int")],
)
def test_bad_secret_is_refused_with_the_reason(bluejay: FakeBluejay, secret: Any, given: str) -> None:
    with pytest.raises(ValueError, match=f"a secret is printable ASCII text, .*, and this is {given}"):
        bluejay.webhooks.add(print, secret=secret)


# --- event loops that last ----------------------------------------------------------------------------------------


async def test_a_receiver_runs_on_the_loop_of_the_test_and_its_tasks_go_on(bluejay: FakeBluejay) -> None:
    events: asyncio.Queue[str] = asyncio.Queue()
    loops = []

    async def receive(request: Request) -> None:
        loops.append(asyncio.get_running_loop())
        tasks.append(asyncio.create_task(later(request.event)))

    async def later(event: str) -> None:
        await asyncio.sleep(30)
        await events.put(event)

    tasks: list[asyncio.Task[None]] = []
    bluejay.webhooks.add(receive, ["simulation_ended"])
    bluejay.queue_run()
    began = bluejay.clock.now
    async with asyncio.timeout(300):
        assert await events.get() == "simulation_ended"
    assert loops == [asyncio.get_running_loop()]
    assert (bluejay.clock.now - began).total_seconds() == 78
    assert bluejay.webhooks.deliveries[0].attempts[0].at == START + timedelta(seconds=48)


async def test_a_receiver_that_was_added_before_the_loop_ran_runs_on_the_loop_of_the_test(bluejay: FakeBluejay) -> None:
    loops = []

    async def receive(request: Request) -> None:
        loops.append(asyncio.get_running_loop())

    await asyncio.to_thread(bluejay.webhooks.add, receive)
    bluejay.webhooks.send("simulation_ended", {})
    await asyncio.sleep(1)
    assert loops == [asyncio.get_running_loop()]


async def test_a_receiver_runs_on_the_loop_it_was_added_on_also_if_a_thread_brings_it_about(
    bluejay: FakeBluejay,
) -> None:
    loops = []

    async def receive(request: Request) -> None:
        loops.append(asyncio.get_running_loop())

    bluejay.webhooks.add(receive)
    await asyncio.to_thread(bluejay.webhooks.send, "simulation_ended", {})
    await asyncio.sleep(1)
    assert loops == [asyncio.get_running_loop()]


@pytest.mark.parametrize("by_sleeping", [True, False])
def test_without_a_loop_of_the_test_they_run_on_one_that_lives_as_long_as_the_fake(by_sleeping: bool) -> None:
    done, cancelled, loops = threading.Event(), threading.Event(), set()

    async def later() -> None:
        await asyncio.sleep(30)
        done.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async def receive(request: Request) -> None:
        loops.add(asyncio.get_running_loop())
        tasks.append(asyncio.create_task(later()))

    tasks: list[asyncio.Task[None]] = []
    with FakeBluejay() as bluejay:
        bluejay.webhooks.add(receive)
        bluejay.queue_run()
        time.sleep(60) if by_sleeping else bluejay.clock.advance(60)
        assert all(one.delivered for one in bluejay.webhooks.deliveries)
        assert len(tasks) == 2
        bluejay.clock.advance(60)
        assert done.wait(20)
        [loop] = loops
        assert not cancelled.is_set()
    assert cancelled.wait(20)
    assert loop.is_closed()


def test_fake_that_was_never_closed_moves_no_clock_when_it_is_collected() -> None:
    """Its event loop ends in whichever test the garbage collector runs, which must not wait for that."""
    loops = []

    async def receive(request: Request) -> None:
        loops.append(asyncio.get_running_loop())

    forgotten: FakeBluejay | None = FakeBluejay()
    forgotten.webhooks.add(receive)
    forgotten.webhooks.send("simulation_ended", {})
    with FakeBluejay() as bluejay:
        began, forgotten = bluejay.clock.now, None
        gc.collect()
        assert bluejay.clock.now == began
    while not loops[0].is_closed():
        time.sleep(0.001)


def fastapi_app(told: list[Any]) -> Any:
    """An application with a lifespan, a task group in it, and background tasks."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> Any:
        told.append("startup")
        async with asyncio.TaskGroup() as group:
            yield {"group": group}
        told.append("shutdown")

    app = FastAPI(lifespan=lifespan)

    @app.post("/hook", status_code=202)
    async def hook(request: fastapi.Request, background: BackgroundTasks) -> None:
        request.state.group.create_task(in_group((await request.json())["type"]))
        background.add_task(in_background)

    async def in_group(event: str) -> None:
        await asyncio.sleep(1)
        told.append(event)

    async def in_background() -> None:
        await asyncio.sleep(20)  # longer than a receiver may take to answer
        told.append("background")

    return app


def check_of_app(bluejay: FakeBluejay, told: list[Any]) -> None:
    assert [one.attempts[0].status for one in bluejay.webhooks.deliveries] == [202, 202, 202]
    assert told[0] == "startup"
    assert sorted(told[1:]) == ["background"] * 3 + [
        "simulation_ended",
        "simulation_ended",
        "simulation_result_evaluated",
    ]


async def test_an_application_has_its_lifespan_on_the_loop_of_the_test() -> None:
    told: list[Any] = []
    async with FakeBluejay() as bluejay:
        app = fastapi_app(told)
        bluejay.webhooks.add(app, ["simulation_ended"], path="/hook")
        bluejay.webhooks.add(app, path="/hook")  # which starts it no second time
        bluejay.queue_run()
        await asyncio.sleep(100)
        check_of_app(bluejay, told)
        bluejay.reset()
        bluejay.webhooks.add(app, path="/hook")
        bluejay.webhooks.send("simulation_ended", {"type": "simulation_ended"})
        await asyncio.sleep(25)
        assert told[-2:] == ["simulation_ended", "background"]
        assert told.count("startup") == 1
    assert told[-1] == "shutdown"


async def test_a_fake_is_off_after_a_test_that_was_cancelled_while_an_application_shuts_down() -> None:
    fake = FakeBluejay()

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> Any:
        yield
        task.cancel()
        await asyncio.sleep(1)

    async def a_test() -> None:
        async with fake:
            fake.webhooks.add(Starlette(lifespan=lifespan))
            fake.webhooks.send("simulation_ended", {})
            await asyncio.sleep(1)

    task = asyncio.create_task(a_test())
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not fake.is_on


def test_an_application_has_its_lifespan_on_the_fakes_own_loop() -> None:
    told: list[Any] = []
    with FakeBluejay() as bluejay:
        app = fastapi_app(told)
        bluejay.webhooks.add(app, ["simulation_ended"], path="/hook")
        bluejay.webhooks.add(app, path="/hook")
        bluejay.queue_run()
        while len(told) < 7 and bluejay.clock.now < START + timedelta(hours=1):
            time.sleep(1)
        check_of_app(bluejay, told)
    assert told[-1] == "shutdown"


def test_an_application_without_lifespan_if_the_test_says_so(bluejay: FakeBluejay) -> None:
    told: list[Any] = []
    bluejay.webhooks.add(fastapi_app(told), path="/hook", lifespan=False)
    bluejay.webhooks.send("simulation_ended", {"type": "simulation_ended"})
    assert told == []  # and so there is no group
    assert bluejay.webhooks.deliveries[0].attempts[0].status == 500


def test_an_application_whose_startup_fails_is_not_there(bluejay: FakeBluejay) -> None:
    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> Any:
        raise LookupError("no database")
        yield

    bluejay.webhooks.add(Starlette(lifespan=lifespan))
    bluejay.webhooks.send("simulation_ended", {})
    [attempt] = bluejay.webhooks.deliveries[0].attempts
    assert (attempt.status, attempt.problem) == (
        None,
        "RuntimeError: the application's startup failed: LookupError: no database",
    )


@pytest.mark.parametrize("status", [500, 103])
def test_an_application_that_raises_after_its_answer_has_answered(
    bluejay: FakeBluejay, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": status, "headers": []})
        if status == 103:
            await send({"type": "http.response.start", "status": 500, "headers": []})
        await send({"type": "http.response.body"})
        raise LookupError("afterwards")

    bluejay.webhooks.add(app)
    bluejay.webhooks.send("simulation_ended", {})
    assert bluejay.webhooks.deliveries[0].attempts[0] == (START, 500, None)
    bluejay.stop()
    assert "afterwards" in caplog.text


def test_an_application_that_does_not_finish_its_answer_has_none(bluejay: FakeBluejay) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "more_body": True})

    bluejay.webhooks.add(app)
    bluejay.webhooks.send("simulation_ended", {})
    problem = "RuntimeError: the application returned before its answer was whole"
    assert bluejay.webhooks.deliveries[0].attempts[0].problem == problem


def test_webhooks_have_only_public_members_for_tests() -> None:
    names = {name for name in dir(FakeBluejay().webhooks) if not name.startswith("_")}
    assert names == {
        "add", "delay", "deliveries", "disable", "duplicate", "enable", "remove", "send", "send_alert", "wait",
    }  # fmt: skip
