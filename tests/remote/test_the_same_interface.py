"""Each test here runs over a fake in this process, over one in a thread, and over one that another process serves."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.agents import drops_after, ends_within, silent
from fake_bluejay.calls import Call, call_dropped, no_answer, out_of_funds, rejected, system_error
from fake_bluejay.facade.handles import Snapshot
from fake_bluejay.facade.remote import RemoteBluejay
from fake_bluejay.webhooks import verify

START = datetime(2026, 1, 1, tzinfo=UTC)
EMPTY = FakeBluejay().dump()
Fake = FakeBluejay | RemoteBluejay


@pytest.fixture(scope="module")
def server(serving: Callable[..., Any]) -> Iterator[str]:
    with serving("--clock", "manual", "--no-access-log") as running:
        yield running.url


@pytest.fixture(params=["here", "in a thread", "served"])
def fake(request: pytest.FixtureRequest) -> Iterator[Fake]:
    if request.param == "served":
        remote = FakeBluejay.connect(request.getfixturevalue("server"))
        remote.reset()
        remote.faults.clear()
        remote.restore(Snapshot(remote, EMPTY))
        yield remote
        return
    local = FakeBluejay()
    try:
        yield FakeBluejay.connect(local.url) if request.param == "in a thread" else local
    finally:
        local.stop()


def end(fake: Fake, *ids: int, key: str = "a-very-secret-key") -> httpx.Response:
    with fake.client() as client:
        return client.post("/v1/end-conversations", json={"test_result_ids": ids}, headers={"X-API-Key": key})


def test_the_watchdog_to_the_microsecond(fake: Fake) -> None:
    stuck = fake.add_test_result(agent=silent())
    assert (stuck.status, stuck.history, stuck.control, stuck.watchdog) == ("RUNNING", [], None, None)
    assert end(fake, stuck.id, 999).json()["failed_ids"] == [999]
    assert stuck.watchdog is not None
    assert (stuck.watchdog.armed_at, stuck.watchdog.due) == (START, START + timedelta(seconds=30))
    fake.clock.advance(29.999999)
    assert stuck.status == "RUNNING"
    fake.clock.advance(0.000001)
    assert (stuck.status, stuck.error_code) == ("SYSTEM_ERROR", "END_SIGNAL_TIMEOUT")
    (entry,) = stuck.history
    assert entry == (START + timedelta(seconds=30), "RUNNING", "SYSTEM_ERROR", "break", "watchdog")
    assert stuck.control is not None
    assert (stuck.control.by, stuck.control.expired_at) == ("watchdog", stuck.end_time)
    assert (stuck.created_at, stuck.start_time) == (START, START)
    fake.assert_ended(stuck.id, by="watchdog")
    fake.assert_failed(999)


def test_test_results_are_views(fake: Fake) -> None:
    first, *others = fake.add_test_results(3, agent="ends-within=20", digital_human_id=7)
    named = fake.add_test_result(id=50, status="QUEUED", agent=drops_after(5))
    assert [one.id for one in fake.test_results] == [1, 2, 3, 50]
    assert fake.test_results == [first, *others, named]
    assert (first.agent, first.fields, first.organisation) == (ends_within(20), {"digital_human_id": 7}, "default")
    assert fake.test_result(50) == named
    named.set_status("DISPATCHED")
    named.set_status("RUNNING")
    named.agent = None
    assert named.agent is None
    named.set_status("QUEUED", force=True)
    assert [(one.to, one.cause) for one in named.history][-1] == ("QUEUED", "test")
    first.end()
    others[0].drop()
    assert (first.status, first.history[-1].cause, others[0].status) == ("CONVERSATION_ENDED", "agent", "CALL_DROPPED")
    assert repr(first) == "<TestResult 1 CONVERSATION_ENDED>"


def test_a_call_by_its_script(fake: Fake) -> None:
    call = fake.add_test_result(
        status="INITIALIZING", call=Call(connects_after=3, talks_for=10, evaluations=[{"goal_success": False}])
    )
    alike = fake.add_test_results(2, status="INITIALIZING", call=Call(end="no_answer"))
    fake.clock.advance(3600)
    assert [(entry.to, entry.cause) for entry in call.history][-2:] == [
        ("EVALUATING", "evaluation"),
        ("COMPLETED", "evaluation"),
    ]
    assert call.call == Call(connects_after=3, talks_for=10, evaluations=[{"goal_success": False}])
    assert [(one.status, one.error_code) for one in alike] == [("NO_ANSWER", "NO_ANSWER")] * 2


def test_time(fake: Fake) -> None:
    assert (fake.clock.now, fake.clock.next_due, fake.clock.pending) == (START, None, [])
    call = fake.add_test_result()
    end(fake, call.id)
    assert fake.clock.next_due == START + timedelta(seconds=2)
    assert [(timer.kind, timer.test_result_id) for timer in fake.clock.pending] == [("agent_ends", 1), ("watchdog", 1)]
    fake.clock.run_until(lambda: call.status != "RUNNING", limit=3)
    assert fake.clock.now == START + timedelta(seconds=2)
    with pytest.raises(TimeoutError, match=r"did not hold within 0\.5 s"):
        fake.clock.run_until(lambda: False, limit=0.5)
    assert fake.clock.now == START + timedelta(seconds=2.5)
    fake.clock.advance_to(START + timedelta(seconds=20))
    fake.clock.advance(timedelta(minutes=1))
    assert (fake.clock.now, call.status) == (START + timedelta(seconds=80), "COMPLETED")


def test_control_objects(fake: Fake) -> None:
    fake.add_test_results(2)
    end(fake, 2, 1)
    assert [(one.id, one.test_result_id, one.written_at, one.by) for one in fake.control_objects] == [
        (1, 2, START, None),
        (2, 1, START, None),
    ]


def test_the_journal(fake: Fake) -> None:
    fake.assert_no_requests()
    end(fake, 9)
    (one,) = fake.requests
    assert (one.method, one.path, one.json, one.at) == (
        "POST",
        "/v1/end-conversations",
        {"test_result_ids": [9]},
        START,
    )
    assert one.headers["content-type"] == "application/json"
    assert one.response is not None
    assert (one.response.status_code, one.response.json["failed_ids"]) == (200, [9])
    assert one.response.headers["content-type"] == "application/json"
    fake.assert_requested("POST", "/v1/end-conversations", times=1)


@pytest.mark.parametrize("body", [b'{"test_result_ids": [' + b"1, " * 40_000 + b"1]}", b"\xff\x00 no text"])
def test_the_journal_has_bodies_whole(fake: Fake, body: bytes) -> None:
    with fake.client() as client:
        client.post("/v1/end-conversations", content=body, headers={"X-API-Key": "k"})
    (one,) = fake.requests
    assert one.content == body
    assert (one.json is None) == (b"no text" in body)


def test_the_journal_has_answers_with_cookies_and_keys(fake: Fake) -> None:
    fake.faults.respond(503, json={}, headers={"Set-Cookie": "session=0123456789", "X-Note": "tea"})
    assert end(fake, 1).status_code == 503
    [request] = fake.requests
    assert request.response is not None
    assert request.response.headers["X-Note"] == "tea"
    assert request.response.headers["set-cookie"] == ("session=0123456789" if type(fake) is FakeBluejay else "sess…89")
    assert "503" in fake.report()


def test_failed_assertion_shows_the_arrived_requests(fake: Fake) -> None:
    fake.add_test_result(agent=silent())
    end(fake, 1, 9)
    checks: list[tuple[Callable[[], None], str]] = [
        (lambda: fake.assert_ended(9), "no call marked 9"),
        (lambda: fake.assert_ended(1, by="agent"), "1 was marked, but not ended by the agent: it is RUNNING, and was"),
        (lambda: fake.assert_failed(1), "no call was refused for 1"),
        (lambda: fake.assert_no_requests(), "1 requests arrived"),
        (lambda: fake.assert_requested("GET", "/v1/ping"), "GET /v1/ping was expected at least once, and came 0"),
    ]
    for check, message in checks:
        with pytest.raises(AssertionError) as error:
            check()
        assert message in str(error.value)
        assert "<POST /v1/end-conversations key=a-ve…ey" in str(error.value)
        assert "secret" not in str(error.value)


def test_the_report_is_the_same(fake: Fake) -> None:
    fake.readings.set(success="always")
    fake.faults.respond(503, after=1)
    fake.add_test_result(agent=silent())
    end(fake, 1)
    fake.clock.advance(30)
    lines = fake.report().splitlines()
    assert lines[:3] == [
        "now 2026-01-01T00:00:30+00:00, 0 timers pending, seed 0",
        "readings that are not the defaults: success=always",
        "faults still armed: [respond(status=503)]",
    ]
    assert lines[-1].endswith("test result 1: RUNNING → SYSTEM_ERROR (break, by the watchdog)")


def test_limits_billing_and_revoked_keys(fake: Fake) -> None:
    fake.faults.billing("NO_PAYMENT_METHOD")
    fake.faults.unavailable()
    fake.faults.rate_limit(2, per=60, path="/v1/end-conversations")
    assert [(one.kind, one.arguments, one.times) for one in fake.faults] == [
        ("billing", {"code": "NO_PAYMENT_METHOD"}, 1),
        ("unavailable", {}, 1),
        ("rate_limit", {"count": 2, "per": 60}, None),
    ]
    fake.add_test_result()
    assert [end(fake, 1).status_code for _ in range(5)] == [402, 503, 200, 200, 429]
    fake.clock.advance(60)
    assert end(fake, 1).status_code == 200
    fake.revoke_key("a-very-secret-key")
    assert end(fake, 1).status_code == 401
    assert end(fake, 1, key="another").status_code == 429
    with pytest.raises(ValueError, match="the API key given is revoked already"):
        fake.revoke_key("a-very-secret-key")
    with pytest.raises(ValueError, match="unknown billing code 'NO_MONEY'"):
        fake.faults.billing("NO_MONEY")


def test_faults_readings_stubs(fake: Fake) -> None:
    fake.add_test_result()
    fake.faults.respond(503, json={"detail": "busy"}, headers={"retry-after": "1"}, path="/v1/end-conversations")
    fake.faults.refuse_control_write(1, times=2)
    assert (len(fake.faults), bool(fake.faults), [one.times for one in fake.faults]) == (2, True, [1, 2])
    refused = end(fake, 1)
    assert (refused.status_code, refused.json(), refused.headers["retry-after"]) == (503, {"detail": "busy"}, "1")
    assert [one.met for one in fake.faults] == [False]
    assert end(fake, 1).json()["failed_ids"] == [1]
    assert [one.met for one in fake.faults] == [True]
    fake.faults.clear()
    fake.readings.set(no_failed_ids="empty-list")
    assert (fake.readings.no_failed_ids, dict(fake.readings)["no_failed_ids"]) == ("empty-list", "empty-list")
    assert end(fake, 1).json()["failed_ids"] == []
    fake.stub("GET", "/v1/phone-numbers/{id}", json={"number": "+44"})
    with fake.client() as client:
        assert client.get("/v1/phone-numbers/5", headers={"X-API-Key": "k"}).json() == {"number": "+44"}
        fake.stub("GET", "/v1/agents/{id}/prompts", status=501)
        for path in ("/v1/agents/1/prompts", "/v1/subscription/active-package"):
            assert client.get(path, headers={"X-API-Key": "k"}).status_code == 501
    assert fake.unmodelled == ["GET /v1/subscription/active-package"]


def test_organisations(fake: Fake) -> None:
    fake.add_organisation("other", api_key="other-key")
    assert fake.require_known_keys
    fake.add_test_result()
    fake.add_test_result(organisation="other")
    assert end(fake, 1, 2, key=fake.api_key).json()["test_result_ids"] == [1]
    assert end(fake, 1, 2, key="other-key").json()["test_result_ids"] == [2]


def test_unknown_keys_are_refused_if_required(fake: Fake) -> None:
    for required in (True, False):
        fake.require_known_keys = required
        assert fake.require_known_keys is required
        assert end(fake, 1, key="of-nobody").status_code == (401 if required else 200)


def test_runs_with_their_simulations_agents_and_digital_humans(fake: Fake) -> None:
    fake.add_organisation("acme", "acme-key")
    agent = fake.add_agent(name="Ann", organisation="acme")
    humans = [fake.add_digital_human(organisation="acme", intent=intent) for intent in ("Ask.", "Tell.")]
    simulation = fake.add_simulation(agent=agent, digital_humans=humans, organisation="acme", name="Both")
    assert (simulation.agent, simulation.digital_humans, simulation.organisation) == (agent, humans, "acme")
    assert (agent.fields["name"], humans[1].fields["intent"], agent.created_at) == ("Ann", "Tell.", START)
    run = fake.queue_run(simulation, digital_human_ids=humans[1:])
    assert fake.runs == [run]
    assert (run.simulation, run.created_at, len(run.test_results)) == (simulation, START, 1)
    assert fake.queue_run().simulation != simulation
    assert len({*fake.runs, *fake.runs, run}) == 2
    fake.clock.advance(3600)
    assert (run.test_results[0].status, run.tally.is_over, run.status) == ("COMPLETED", True, "COMPLETED")
    fake.assert_no_requests()


def test_calls_follow_their_scripts(fake: Fake) -> None:
    ben, _ = humans = [fake.add_digital_human(name=name) for name in ("Ben", "2")]
    simulation = fake.add_simulation(digital_humans=humans)
    fake.calls.default = slow = Call(talks_for=600, evaluations=[{"goal_success": False}])
    assert fake.calls.default == slow
    fake.calls.of("2", rejected())
    fake.calls.next(no_answer(after=3), Call(talks_for=1))
    fake.calls.next(call_dropped())
    runs = [fake.queue_run(simulation) for _ in range(4)]
    fake.calls.of(ben, out_of_funds())
    fake.calls.of(ben.id, system_error())
    runs.append(fake.queue_run(simulation))
    fake.clock.advance(300)
    assert [[one.status for one in run.test_results] for run in runs] == [
        [status, "NO_ANSWER"] for status in ("NO_ANSWER", "COMPLETED", "CALL_DROPPED", "RUNNING", "SYSTEM_ERROR")
    ]
    fake.calls.clear()
    assert fake.calls.default == Call()
    assert fake.dump()["calls"] == EMPTY["calls"]


def test_a_webhook_is_told_again_until_it_takes_it(fake: Fake, receiver: Any) -> None:
    receiver.answers.append(500)
    added = fake.webhooks.add(receiver.url, ["simulation_ended"], "s3cret", retries=1)
    fake.add_test_result().end()
    [refused] = fake.webhooks.deliveries
    assert ([one.status for one in refused.attempts], refused.delivered, refused.given_up) == ([500], False, False)
    fake.clock.advance(5)
    [taken] = fake.webhooks.deliveries
    assert [(one.at, one.status) for one in taken.attempts] == [(START, 500), (START + timedelta(seconds=5), 204)]
    assert (taken.delivered, taken.event, taken.webhook_id) == (True, "simulation_ended", added.id)
    assert (taken.id, taken.created_at, repr(taken)[-22:]) == (refused.id, START, "2 attempts, delivered>")
    assert [body for _, body in receiver.received] == [taken.body] * 2
    for headers, body in receiver.received:
        assert verify(body, added.secret, headers["X-Bluejay-Signature"])
    fake.webhooks.remove(added)
    with pytest.raises(KeyError, match=f"webhook '{added.id}'"):
        fake.webhooks.remove(added.id)
    fake.add_test_result().end()
    assert len(fake.webhooks.deliveries) == 1


def test_webhooks_of_some_agents_and_disabled_ones(fake: Fake, receiver: Any) -> None:
    agents = [fake.add_agent(folder="Sales"), fake.add_agent()]
    scoped = fake.webhooks.add(receiver.url, agents=agents[:1])
    folder = fake.webhooks.add(receiver.url, folders=["Sales"], enabled=False)
    heard: list[Any] = []
    for change in (lambda: None, lambda: fake.webhooks.enable(folder), lambda: fake.webhooks.disable(scoped)):
        change()
        for agent in agents:
            fake.webhooks.send_alert("simulation_alert_triggered", "recovered", agent_id=agent.id)
        heard.append([(one.webhook_id, one.json["agent_id"]) for one in fake.webhooks.deliveries])
    assert heard[2] == [(scoped.id, 1), (scoped.id, 1), (folder.id, 1), (folder.id, 1)]
    assert heard[:2] == [heard[2][:1], heard[2][:3]]
    with pytest.raises(ValueError, match="unknown agent 9; "):
        fake.webhooks.add(receiver.url, agents=[9])
    with pytest.raises(ValueError, match="unknown event of alerts: 'ended'"):
        fake.webhooks.send_alert("ended")
    with pytest.raises(KeyError, match="webhook 'x'"):
        fake.webhooks.enable("x")


def test_a_payload_of_ones_own_to_the_byte(fake: Fake, receiver: Any) -> None:
    assert len(fake.webhooks.add(receiver.url).secret) == 64
    fake.webhooks.send("observability_call_evaluated", {"z": "Zoë \U0001f426", "a": [1.0, START, None, 10**20, 1e-9]})
    [delivery] = fake.webhooks.deliveries
    assert delivery.body == (
        '{"z":"Zoë \U0001f426","a":[1.0,"2026-01-01T00:00:00Z",null,100000000000000000000,1e-09]}'.encode()
    )
    assert receiver.received[0][1] == delivery.body
    state = fake.dump()
    state["deliveries"][0]["body"] = '{"a": 1.50}'  # as it would not be written anew
    fake.restore(Snapshot(fake, state))
    assert fake.webhooks.deliveries[0].body == b'{"a": 1.50}'
    with pytest.raises(TypeError, match="a payload is JSON, with datetimes, and not "):
        fake.webhooks.send("observability_call_evaluated", {"a": object()})


def test_deliveries_that_are_late_or_twice(fake: Fake, receiver: Any) -> None:
    fake.webhooks.add(receiver.url)
    fake.webhooks.delay(30.5, event="simulation_ended")
    fake.webhooks.duplicate(times=2, copies=3)
    for event in ("simulation_ended", "simulation_result_evaluated", "simulation_ended"):
        fake.webhooks.send(event, {})
    fake.webhooks.wait()
    heard = Counter(headers["X-Bluejay-Event"] for headers, _ in receiver.received)
    assert heard == {"simulation_result_evaluated": 3, "simulation_ended": 1}
    fake.clock.advance(30.5)
    assert [len(one.attempts) for one in fake.webhooks.deliveries] == [3, 3, 1]


def test_one_that_never_takes_it_is_given_up(fake: Fake, receiver: Any) -> None:
    receiver.answers.extend([500] * 5)
    fake.webhooks.add(receiver.url, retries=4)
    fake.webhooks.send("simulation_ended", {})
    for _ in range(4):
        fake.webhooks.wait()
        assert fake.clock.next_due is not None
        fake.clock.advance_to(fake.clock.next_due)
    [delivery] = fake.webhooks.deliveries
    assert (len(delivery.attempts), delivery.delivered, delivery.given_up) == (5, False, True)


def test_states(fake: Fake) -> None:
    call = fake.add_test_result()
    with fake.snapshot():
        end(fake, call.id)
        fake.clock.advance(60)
        assert call.status == "COMPLETED"
    assert (call.status, call.history, fake.control_objects) == ("RUNNING", [], [])
    before = fake.dump()
    assert FakeBluejay.load(json.loads(json.dumps(before))).dump() == before
    assert fake.world.results.keys() == {1}
    with pytest.raises(ValueError, match=r"test_results\[0\]\.status: unknown status 'BUSY'"):
        fake.restore(Snapshot(fake, {**before, "test_results": [{**before["test_results"][0], "status": "BUSY"}]}))
    assert fake.dump() == before


async def test_async_clients(fake: Fake) -> None:
    async with fake.async_client() as client:
        answer = await client.post("/v1/end-conversations", json={}, headers={"X-API-Key": "k"})
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda fake: fake.add_test_result(id=7), "id 7 is taken; there are: 7"),
        (lambda fake: fake.add_test_result(status="RUNING"), "unknown status 'RUNING'; did you mean 'RUNNING'?"),
        (lambda fake: fake.add_test_result(agent="sleepy"), "unknown agent behavior 'sleepy'"),
        (lambda fake: fake.add_test_result(colour="red"), "unknown field of a test result 'colour'"),
        (lambda fake: fake.add_test_result(count=2), "unknown field of a test result 'count'"),
        (lambda fake: fake.add_test_result(agent=5), "an agent is a behavior such as silent()"),
        (lambda fake: fake.add_test_result(call={"talks_for": 5}), "a Call is needed, e.g. no_answer()"),
        (lambda fake: fake.clock.advance(-1), "cannot advance by -1"),
        (
            lambda fake: fake.clock.advance(timedelta(seconds=-2)),
            "cannot advance by -2.0 seconds",
        ),
        (lambda fake: fake.clock.advance(float("nan")), "finite"),
        (lambda fake: fake.clock.advance_to(START - timedelta(days=1)), "cannot advance to 2025-12-31"),
        (lambda fake: fake.clock.advance_to(datetime(2027, 1, 1)), "no time zone"),
        (lambda fake: fake.readings.set(sucess="always"), "unknown reading 'sucess'; did you mean 'success'?"),
        (lambda fake: fake.test_result(7).set_status("QUEUED"), "from RUNNING to QUEUED"),
        (lambda fake: fake.faults.delay(-1), "-1"),
        (lambda fake: fake.stub("FETCH", "/v1/x"), "unknown method 'FETCH'"),
        (lambda fake: fake.stub("GET", "/v1/traces", json=[float("nan")]), "JSON"),
        (lambda fake: fake.faults.respond(503, json={"a": float("inf")}), "JSON"),
        (lambda fake: fake.add_organisation("default", "k"), "'default' already"),
        (lambda fake: fake.assert_ended(7, by="cat"), "unknown cause of an end: 'cat'"),
        (lambda fake: setattr(fake, "require_known_keys", "no"), "require_known_keys"),
        (lambda fake: fake.add_agent(nam="x"), "unknown field of an agent 'nam'; did you mean 'name'?"),
        (lambda fake: fake.add_digital_human(organisation="x"), "unknown organisation 'x'"),
        (lambda fake: fake.restore(fake.dump()), "a snapshot is needed, as snapshot() gives it (a dump: Fake"),  # type: ignore[arg-type]
        (lambda fake: fake.queue_run(9), "unknown simulation 9"),
        (lambda fake: fake.calls.next(Call(), 5), "a Call is needed, e.g. no_answer()"),
        (lambda fake: fake.calls.next(Call(transcript=[{"speaker": "USER"}])), "a call's transcript.0.start_offset"),
        (lambda fake: setattr(fake.calls, "default", None), "a Call is needed"),
        (lambda fake: fake.calls.of("", Call()), "a digital human, its id or its name is needed, not ''"),
        (lambda fake: fake.webhooks.add("http://10.0.0.1/"), "10.0.0.1 is not this machine"),
        (lambda fake: fake.webhooks.add("127.0.0.1"), "a webhook's URL is like"),
        (lambda fake: fake.webhooks.add("http://localhost/", "simulation_ended"), "not one string: 'simulation_ended'"),
        (lambda fake: fake.webhooks.add("http://localhost/", ["ended"]), "unknown webhook event 'ended'"),
        (lambda fake: fake.webhooks.add("http://localhost/", secret="ü"), "a secret is printable ASCII text"),
        (lambda fake: fake.webhooks.add("http://localhost/", organisation="x"), "unknown organisation 'x'"),
        (lambda fake: fake.webhooks.send("ended", {}), "unknown webhook event 'ended'"),
        (lambda fake: fake.webhooks.send("simulation_ended", {}, "x"), "unknown organisation 'x'"),
        (lambda fake: fake.webhooks.delay(-1), "seconds must not be negative: -1"),
        (lambda fake: fake.webhooks.delay(1, event="ended"), "unknown webhook event 'ended'"),
        (lambda fake: fake.webhooks.duplicate(copies=0), "copies is an integer from 1 to 1000, not 0"),
        (lambda fake: fake.webhooks.duplicate(0), "times is an integer of at least 1"),
        (lambda fake: fake.queue_run(digital_human_ids=[9]), "unknown digital human '9'"),
    ],
)
def test_bad_input_names_the_value_and_the_choices(fake: Fake, call: Callable[[Fake], object], message: str) -> None:
    fake.add_test_result(id=7)
    before = fake.dump()
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the message is compared below
        call(fake)
    assert message in str(error.value)
    assert fake.dump() == before


def test_an_unknown_id_names_the_known_ones(fake: Fake) -> None:
    fake.add_test_results(2)
    with pytest.raises(KeyError, match="there is no test result 8; there are: 1, 2"):
        fake.test_result(8)


@pytest.mark.parametrize("id", ["", "a b", "../clock", "1?organisation=x", "ü", "%31"])
def test_an_id_that_cannot_be_is_unknown(fake: Fake, id: Any) -> None:
    fake.add_test_result()
    for call in (fake.test_result, fake.webhooks.disable, fake.webhooks.remove):
        with pytest.raises(KeyError):
            call(id)


def test_a_queued_call_can_be_cancelled(fake: Fake) -> None:
    queued = fake.add_test_result(status="QUEUED", organisation=None)
    queued.cancel()
    assert (queued.status, queued.history[-1].cause, queued.organisation) == ("CANCELLED", "api", "default")
