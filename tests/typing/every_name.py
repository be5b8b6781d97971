"""A suite that uses every public name, for the type checkers to find nothing wrong with; it is not run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

import fake_bluejay
from fake_bluejay import Bluejay, FakeBluejay, MakeBluejay, Status
from fake_bluejay.agents import Agent, agent_from_text, drops_after, ends_after, ends_within, silent
from fake_bluejay.calls import (
    Call,
    call_dropped,
    custom_error,
    inbound,
    no_answer,
    no_connection,
    out_of_funds,
    rejected,
    system_error,
)
from fake_bluejay.evaluations import failed
from fake_bluejay.readings import NoFailedIds, Readings, Success
from fake_bluejay.webhooks import EVENTS, Request, Webhook, sign, verify


@pytest.fixture
def served() -> Bluejay:
    return FakeBluejay.connect("http://127.0.0.1:8787", organisation="checkout")


@pytest.fixture
def one(make_bluejay: MakeBluejay) -> Bluejay:
    return make_bluejay(
        readings={"success": "if-none-failed", "no_failed_ids": NoFailedIds.EMPTY_LIST},
        agent=ends_within(20),
        clock="real",
        now="2026-03-01T12:00:00Z",
        speed=60,
        sleep="skip",
        longest=timedelta(hours=1),
        unmet="warn",
        api_keys=["key"],
        seed=7,
        evaluation_starts_after=1,
        evaluation_takes=5.5,
        webhooks_anywhere=False,
    )


def other_options(make_session_bluejay: MakeBluejay) -> None:
    fake: FakeBluejay = make_session_bluejay(readings=Readings(success=Success.ALWAYS), agent="silent", clock="manual")
    with fake as same:
        same.start().stop()
    FakeBluejay.load(fake.dump(), unmet="error").transport  # noqa: B018
    fake.app  # noqa: B018


async def asynchronous() -> None:
    async with FakeBluejay() as fake, fake.async_client() as client:
        await client.get("/v1/ping")


@FakeBluejay(unmet="ignore")
def decorated(bluejay: FakeBluejay) -> None:
    assert bluejay.is_on


def helper(bluejay: Bluejay) -> str:
    """Take a fake of either kind."""
    return bluejay.api_key


def test_results(bluejay: FakeBluejay, one: Bluejay, served: Bluejay) -> None:
    assert fake_bluejay.__version__
    for each in (bluejay, one, served):
        helper(each)
    result = one.add_test_result(7, status="QUEUED", agent=silent(), organisation="default")
    one.add_test_result(status=Status.RUNNING, agent="silent")
    one.add_test_results(3, status="RUNNING")
    assert result.status == "QUEUED"
    assert one.test_result(7) in one.test_results
    assert [entry.to for entry in result.history] == [Status.QUEUED]
    print(result.history[-1].at, result.history[-1].from_, result.history[-1].cause, result.history[-1].event)
    assert result.control is None or result.control.by is None
    assert result.watchdog is None or result.watchdog.due > result.created_at
    print(
        result.id,
        result.agent,
        result.start_time,
        result.end_time,
        result.passed,
        result.error_code,
        result.fields,
    )
    result.set_status("RUNNING")
    result.set_status(Status.COMPLETED, force=True)
    result.happen("end", cause="test")
    result.agent = ends_after(2)
    result.end()
    result.drop()
    result.cancel()
    assert one.control_objects[-1].written_at
    behaviors: list[Agent] = [drops_after(5), agent_from_text("ends-after=2")]
    assert behaviors


def test_time(bluejay: Bluejay) -> None:
    clock = bluejay.clock
    clock.advance(30)
    clock.advance(timedelta(seconds=1))
    clock.advance_to(datetime(2027, 1, 1, tzinfo=UTC))
    clock.run_until(lambda: bluejay.requests, limit=60)
    assert clock.now < datetime.now(UTC)
    assert clock.next_due is None
    assert [timer.kind for timer in clock.pending]
    with clock.real():
        pass


def test_faults(bluejay: Bluejay) -> None:
    faults = bluejay.faults
    faults.respond(503, json={"detail": "busy"}, headers={"Retry-After": "1"}, path="/v1/ping", times=None, after=1)
    faults.delay(5, probability=0.5)
    faults.reset(times=2)
    faults.lose_response()
    faults.truncate(10)
    faults.garbage()
    faults.refuse_control_write(1, 2, after=1)
    faults.rate_limit(100, per=60, path="/v1/ping")
    faults.billing("INSUFFICIENT_CREDITS")
    faults.unavailable()
    faults.clear()
    bluejay.readings.set(success="always", watchdog_sets="COMPLETED")
    bluejay.stub("GET", "/v1/traces", status=200, json={"traces": []})


def test_arrived_requests(bluejay: Bluejay) -> None:
    bluejay.client(timeout=5).post("/v1/end-conversations", json={"test_result_ids": [1]})
    request = bluejay.requests[-1]
    print(request.method, request.path, request.query, request.headers["x-api-key"], request.json, request.at)
    assert request.response is not None
    print(request.response.status_code, request.response.json, request.faults)
    bluejay.assert_ended(1, by="watchdog")
    bluejay.assert_failed(2)
    bluejay.assert_no_requests()
    bluejay.assert_requested(
        "post", "/v1/end-conversations", times=1, json={"a": 1}, query={"limit": 10, "tag": ["a"]}, headers={"X": "1"}
    )
    assert bluejay.unmodelled == []
    assert bluejay.report()


def test_resources_and_runs(bluejay: Bluejay) -> None:
    agent = bluejay.add_agent(name="Support")
    human = bluejay.add_digital_human(name="Ada")
    simulation = bluejay.add_simulation(agent=agent, digital_humans=[human])
    run = bluejay.queue_run(simulation)
    assert run in bluejay.runs
    print(run.status, run.tally.total, run.test_results[0].id, run.simulation.agent.id)
    folder = bluejay.add("folder", name="Support")
    assert folder in bluejay.resources("folder")
    bluejay.drafts.next(goals=["Book a table"])
    bluejay.evaluations.next(failed())
    bluejay.calls.default = Call(talks_for=10)
    bluejay.calls.next(no_answer(), no_connection(), call_dropped(), out_of_funds(), rejected(), system_error())
    bluejay.calls.of(human, inbound(20, custom_error()))
    bluejay.calls.clear()


def test_webhooks(bluejay: Bluejay) -> None:
    received: list[Request] = []
    webhook: Webhook = bluejay.webhooks.add(received.append, events=["simulation_ended"], secret="s3cret", retries=1)

    def receive(request: Request) -> int:
        assert verify(request.body, "s3cret", request.headers["X-Bluejay-Signature"])
        assert (request.event, request.json) != ("", sign(request.body, "s3cret"))
        return 204

    async def receive_later(request: Request) -> None:
        received.append(request)

    bluejay.webhooks.add(receive, events=EVENTS)
    bluejay.webhooks.add(receive_later)
    bluejay.webhooks.add("http://127.0.0.1:8000/hook")
    bluejay.webhooks.send("observability_call_evaluated", {"agent_id": 1})
    bluejay.webhooks.send_alert("simulation_alert_triggered", "recovered", alert_name="Goal")
    bluejay.webhooks.duplicate(event="simulation_ended")
    bluejay.webhooks.delay(5, event=None)
    bluejay.webhooks.disable(webhook)
    bluejay.webhooks.enable(webhook)
    bluejay.webhooks.remove(webhook.id)
    delivery = bluejay.webhooks.deliveries[-1]
    print(delivery.event, delivery.json, delivery.attempts[-1].status, delivery.delivered, delivery.given_up)


def test_state(bluejay: Bluejay) -> None:
    bluejay.add_organisation("other", api_key="other-key")
    bluejay.revoke_key("other-key")
    bluejay.require_known_keys = True
    print(bluejay.url, bluejay.base_url, bluejay.dump())
    with bluejay.snapshot():
        pass
    bluejay.restore(bluejay.snapshot())
    bluejay.reset()
