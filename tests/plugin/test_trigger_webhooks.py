"""An outbound agent's trigger webhook is told of each digital human to call, and the call waits for its answer."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.calls import Call


class Dialler:
    """A customer's system that is told to call."""

    def __init__(self) -> None:
        self.told: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        """The statuses of the next answers; then 200."""
        dialler = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                dialler.told.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(dialler.statuses.pop(0) if dialler.statuses else 200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/call"

    def bodies(self) -> list[Any]:
        return [json.loads(body) for _, body in self.told]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def dialler() -> Iterator[Dialler]:
    dialler = Dialler()
    yield dialler
    dialler.close()


def simulated(fake: FakeBluejay, url: str, humans: int = 1, **fields: Any) -> Any:
    fake.add_agent(name="Desk", type="OUTBOUND", outbound_trigger_webhook_url=url, **fields)
    return fake.add_simulation(digital_humans=humans, agent=1, name="Coverage")


def test_each_call_is_told_when_it_is_ready(dialler: Dialler, bluejay: FakeBluejay) -> None:
    bluejay.calls.default = Call(ready_for=5, talks_for=10)
    [first, second] = bluejay.queue_run(simulated(bluejay, dialler.url, humans=2)).test_results
    numbers = [one["fields"]["phone_number"] for one in bluejay.dump()["digital_humans"]["all"]]
    assert dialler.told == []
    bluejay.clock.advance(1)
    assert (first.status, second.status) == ("READY", "READY")
    assert dialler.bodies() == [
        {"phone_number": number, "sim_conversation_id": str(one.id)}
        for number, one in zip(numbers, (first, second), strict=True)
    ]
    headers, _ = dialler.told[0]
    assert (headers["content-type"], headers["x-bluejay-idempotency-key"]) == ("application/json", str(first.id))
    assert "x-bluejay-signature" not in headers
    bluejay.clock.advance(60)
    assert (first.status, len(dialler.told)) == ("COMPLETED", 2)


def test_template_is_filled_and_signed_with_the_agents_key(dialler: Dialler, bluejay: FakeBluejay) -> None:
    template = {
        "key": "own",
        "id": "{{digital_human.id}}",
        "email": "{{digital_human.email}}",
        "text": "Sim {{ simulation.name }} of {{agent.name}}, {{sim_conversation_id}}",
        "nested": [{"simulation": "{{simulation.id}}", "typo": "{{digitl_human.id}}"}],
    }
    simulation = simulated(
        bluejay, dialler.url, outbound_trigger_payload_template=template, http_webhook="http://127.0.0.1/"
    )
    bluejay.queue_run(simulation)
    bluejay.clock.advance(1)
    [(headers, body)] = dialler.told
    assert json.loads(body) == {
        "key": "own",
        "id": 1,
        "email": "monitor+1@mail.bluejaysims.com",
        "text": "Sim Coverage of Desk, 1",
        "nested": [{"simulation": 1, "typo": "{{digitl_human.id}}"}],
    }
    key = bluejay.dump()["agents"]["all"][0]["fields"]["http_webhook_key"]
    assert headers["x-bluejay-signature"] == hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def test_failed_request_is_repeated_and_the_call_waits(dialler: Dialler, bluejay: FakeBluejay) -> None:
    dialler.statuses = [500, 503]
    bluejay.calls.default = Call(ready_for=2, talks_for=10)
    [call] = bluejay.queue_run(simulated(bluejay, dialler.url)).test_results
    bluejay.clock.advance(20)
    assert (call.status, len(dialler.told)) == ("READY", 2)
    bluejay.clock.advance(60)
    assert (call.status, len(dialler.told)) == ("COMPLETED", 3)
    assert len({headers["x-bluejay-idempotency-key"] for headers, _ in dialler.told}) == 1


def test_call_fails_after_the_third_attempt(dialler: Dialler, bluejay: FakeBluejay) -> None:
    dialler.statuses = [403] * 3
    [call] = bluejay.queue_run(simulated(bluejay, dialler.url)).test_results
    bluejay.readings.set(error_code_in="own-field")
    bluejay.clock.advance(3600)
    assert (call.status, call.history[-1].cause, len(dialler.told)) == ("NO_CONNECTION", "trigger", 3)
    with bluejay.client(headers={"X-API-Key": bluejay.api_key}) as client:
        answer = client.get(f"/v1/retrieve-simulation-result/{call.id}").json()
    assert answer["simulation_result"]["error_code"] == "OUTBOUND_TRIGGER_FAILED"


@pytest.mark.parametrize("answered", [0, 1])
def test_a_restored_world_goes_on_telling(dialler: Dialler, bluejay: FakeBluejay, answered: int) -> None:
    dialler.statuses = [500] * answered
    bluejay.queue_run(simulated(bluejay, dialler.url))
    bluejay.clock.advance(answered)
    dump = bluejay.dump()
    bluejay.clock.advance(3600)
    assert len(dialler.told) == answered + 1
    bluejay.reset()
    before = len(dialler.told)
    with FakeBluejay.load(json.loads(json.dumps(dump))) as other:
        assert other.dump() == dump
        other.clock.advance(3600)
        assert other.test_result(1).status == "COMPLETED"
    assert len(dialler.told) == before + 1


@pytest.mark.parametrize(
    "fields", [{"type": "INBOUND"}, {"outbound_trigger_webhook_url": "https://example.com/call"}], ids=str
)
def test_nothing_is_sent_for_inbound_agents_or_beyond_this_machine(
    dialler: Dialler, bluejay: FakeBluejay, fields: Any
) -> None:
    agent = {"type": "OUTBOUND", "outbound_trigger_webhook_url": dialler.url, **fields}
    bluejay.add_agent(**agent)
    [call] = bluejay.queue_run(bluejay.add_simulation(digital_humans=1, agent=1)).test_results
    bluejay.clock.advance(3600)
    assert (call.status, dialler.told, list(bluejay.webhooks.deliveries)) == ("COMPLETED", [], [])


def test_call_that_is_over_before_the_answer_stays_as_it_is(dialler: Dialler, bluejay: FakeBluejay) -> None:
    dialler.statuses = [500]
    [call] = bluejay.queue_run(simulated(bluejay, dialler.url)).test_results
    bluejay.clock.advance(1)
    call.set_status("CANCELLED")
    bluejay.clock.advance(3600)
    assert call.status == "CANCELLED"


@pytest.mark.parametrize("how", ["advance", "advance_to", "sleep"])
def test_a_run_that_a_schedule_queues_is_told_of_at_its_moment(
    dialler: Dialler, bluejay: FakeBluejay, how: str
) -> None:
    """Nothing could be sent when the clock set out: neither a webhook nor a run was there."""
    simulated(bluejay, dialler.url)
    bluejay.add("schedule", simulation_id="1", schedule={"frequency": "daily", "time": "09:05"})
    start, day = bluejay.clock.now, timedelta(days=1)
    {
        "advance": lambda: bluejay.clock.advance(day),
        "advance_to": lambda: bluejay.clock.advance_to(start + day),
        "sleep": lambda: time.sleep(day.total_seconds()),
    }[how]()
    assert bluejay.clock.now == start + day
    [delivery] = bluejay.webhooks.deliveries
    assert [attempt.at for attempt in delivery.attempts] == [start + timedelta(hours=9, minutes=5, seconds=1)]
    assert [result.status for result in bluejay.test_results] == ["COMPLETED"]
