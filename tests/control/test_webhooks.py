"""Webhooks by the control API: added, told, removed."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.control import operations
from fake_bluejay.core.world import World
from fake_bluejay.http.journal import masked
from fake_bluejay.webhooks import EVENTS, verify


@pytest.fixture
def fake() -> Iterator[FakeBluejay]:
    with FakeBluejay() as fake:
        yield fake


@pytest.fixture
def control(fake: FakeBluejay) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{fake.url}/_fake") as client:
        yield client


def test_a_server_is_told_and_told_again(fake: FakeBluejay, control: httpx.Client, receiver: Any) -> None:
    url, received, answers = receiver
    answers.append(500)
    added = control.post("/webhooks", json={"url": url, "events": ["simulation_ended"], "retries": 1})
    assert added.status_code == 201
    [listed] = control.get("/webhooks").json()
    assert {**listed, "secret": added.json()["secret"]} == added.json()
    assert listed["secret"] == masked(added.json()["secret"])
    fake.add_test_result().end()
    fake.clock.advance(5)
    [delivery] = control.get("/deliveries").json()
    assert [attempt["status"] for attempt in delivery["attempts"]] == [500, 204]
    assert (delivery["delivered"], delivery["given_up"]) == (True, False)
    assert delivery["body"]["status"] == "CONVERSATION_ENDED"
    assert (delivery["planned"], delivery["retries"]) == (0, 1)
    for headers, body in received:
        assert verify(body, added.json()["secret"], headers["X-Bluejay-Signature"])
        assert headers["X-Bluejay-Delivery"] == delivery["id"]
        assert body == delivery["text"].encode()
    assert control.delete(f"/webhooks/{added.json()['id']}").json() == {"removed": 1}
    fake.add_test_result().end()
    assert len(control.get("/deliveries").json()) == len(received) - 1 == 1


def test_only_a_settled_list_waits_for_deliveries_under_way(
    fake: FakeBluejay, control: httpx.Client, receiver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived, asked, release = threading.Event(), threading.Event(), threading.Event()
    look: Any = World.is_delivering.fget  # type: ignore[attr-defined]
    monkeypatch.setattr(World, "is_delivering", property(lambda self: asked.set() or look(self)))

    def hang() -> int:
        arrived.set()
        return 200 if release.wait(20) else 500

    receiver.answers.append(hang)
    control.post("/webhooks", json={"url": receiver.url})
    assert control.post("/deliveries", json={"event": "simulation_ended", "payload": [1]}).json() == {"sent": 1}
    assert arrived.wait(20)
    answers: list[Any] = []

    def ask() -> None:
        answers.extend(httpx.get(f"{fake.url}/_fake/deliveries?settled=true").json())

    waiting = threading.Thread(target=ask)
    waiting.start()
    assert asked.wait(20)
    [now] = control.get("/deliveries").json()
    assert (now["planned"], now["attempts"], answers) == (1, [], [])
    with monkeypatch.context() as patch:
        patch.setattr(operations, "PATIENCE", 0)
        assert control.get("/deliveries", params={"settled": True}).json() == [now]
    release.set()
    waiting.join(20)
    [then] = answers
    assert (then["planned"], then["delivered"], then["text"]) == (0, True, "[1]")


def test_own_event_and_irregular_deliveries(fake: FakeBluejay, control: httpx.Client) -> None:
    heard: list[str] = []
    fake.webhooks.add(lambda request: heard.append(request.event), ["observability_call_evaluated"])
    given = {"later": 30.0, "copies": 2, "event": "observability_call_evaluated", "times": 1}
    assert control.post("/irregularities", json=given).json() == given
    defaults = {"later": 0.0, "copies": 3, "event": None, "times": 1}
    assert control.post("/irregularities", json={"copies": 3}).json() == defaults
    for event, sent in (("simulation_ended", 0), ("observability_call_evaluated", 1)):
        answer = control.post("/deliveries", json={"event": event, "payload": {"id": 1}})
        assert (answer.status_code, answer.json()) == (201, {"sent": sent})
    fake.clock.advance(29)
    assert heard == []
    fake.clock.advance(1)
    assert len(heard) == 2


def test_deliveries_come_in_pages(fake: FakeBluejay, control: httpx.Client) -> None:
    fake.webhooks.add(lambda request: 200)
    for _ in range(4):
        fake.webhooks.send("simulation_ended", {})
    for query, numbers, total in (
        ({}, [1, 2, 3, 4], "4"),
        ({"after": 1, "limit": 2}, [2, 3], "3"),
        ({"order": "newest", "limit": 1}, [4], "4"),
    ):
        answer = control.get("/deliveries", params=query)
        assert ([one["number"] for one in answer.json()], answer.headers["x-total-count"]) == (numbers, total)
    assert control.get("/deliveries", params={"limit": 0}).status_code == 400


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("/webhooks", {"url": "http://10.0.0.1/"}, "10.0.0.1 is not this machine"),
        ("/webhooks", {"url": "127.0.0.1"}, "a webhook's URL is like"),
        ("/webhooks", {"url": "http://localhost/", "events": ["simulation_end"]}, "did you mean 'simulation_ended'?"),
        ("/webhooks", {}, "url: missing"),
        ("/deliveries", {"event": "simulation_ended"}, "payload: missing"),
        ("/deliveries", {"event": "simulation_end", "payload": {}}, "did you mean 'simulation_ended'?"),
        ("/deliveries", {"event": "simulation_ended", "payload": "\ud800"}, "a payload is JSON, with datetimes: "),
        ("/deliveries", {"event": "simulation_ended", "payload": 1, "organisation": "x"}, "unknown organisation 'x'"),
        ("/irregularities", {"times": 3}, 'expected {"later": seconds} or {"copies": number}, or both'),
        ("/irregularities", {"later": -1}, "seconds must not be negative: -1"),
        ("/irregularities", {"copies": 1001}, "copies is an integer from 1 to 1000, not 1001"),
        ("/irregularities", {"copies": 2, "times": 0}, "times is an integer of at least 1, or None for all"),
        ("/irregularities", {"copies": 2, "event": "ended"}, "unknown webhook event 'ended'"),
    ],
)
def test_bad_request_names_its_mistake_and_changes_nothing(
    fake: FakeBluejay, control: httpx.Client, path: str, body: object, says: str
) -> None:
    before = fake.dump()
    answer = control.post(path, content=json.dumps(body))
    assert answer.status_code == 400
    assert says in answer.json()["detail"]
    assert fake.dump() == before


def test_one_that_is_not_there(control: httpx.Client) -> None:
    answer = control.delete("/webhooks/x")
    assert (answer.status_code, answer.json()["detail"]) == (404, "unknown webhook 'x'; known: none")


def test_scope_retries_and_disabling(fake: FakeBluejay, control: httpx.Client, receiver: Any) -> None:
    agents = [fake.add_agent(folder="Sales"), fake.add_agent(), fake.add_agent()]
    new = {"url": receiver.url, "agents": [agents[1].id], "folders": ["Sales"], "retries": 1, "enabled": False}
    added = control.post("/webhooks", json=new).json()
    assert {name: added[name] for name in new} == new
    path = f"/webhooks/{added['id']}"

    def send() -> list[int]:
        before = len(receiver.received)
        for agent in agents:
            payload = {"agent_id": agent.id}
            control.post("/deliveries", json={"event": "simulation_alert_triggered", "payload": payload})
        control.get("/deliveries", params={"settled": True})
        return [json.loads(body)["agent_id"] for _, body in receiver.received[before:]]

    assert send() == []
    assert control.patch(path, json={"enabled": True}).json()["enabled"] is True
    assert send() == [1, 2]
    assert control.patch(path, json={"retries": None}).json()["retries"] is None
    assert control.patch(path, json={"enabled": False}).json()["retries"] is None
    assert send() == []
    for body, says in (
        ({}, 'expected {"enabled": true or false} or {"retries": number or null}, or both'),
        ({"retries": -1}, "retries is an integer from 0 to 100"),
        ({"enabled": "no"}, "enabled: "),
    ):
        answer = control.patch(path, json=body)
        assert (answer.status_code, says in answer.json()["detail"]) == (400, True), answer.text
    assert control.patch("/webhooks/x", json={"enabled": True}).status_code == 404


def test_a_webhook_for_which_no_event_is_selected(fake: FakeBluejay, control: httpx.Client) -> None:
    for events, selected in (([], ["observability_call_evaluated"]), (None, list(EVENTS))):
        added = control.post("/webhooks", json={"url": "http://127.0.0.1:9/", "events": events}).json()
        assert added["events"] == selected


def test_a_password_in_a_url_is_shown_this_once(fake: FakeBluejay, control: httpx.Client) -> None:
    url = "http://user:pass@127.0.0.1:9/hook"
    assert control.post("/webhooks", json={"url": url}).json()["url"] == url
    assert control.get("/webhooks").json()[0]["url"] == "http://user:…@127.0.0.1:9/hook"
    assert fake.dump()["webhooks"][0]["url"] == url


def test_a_delivery_has_the_url_it_goes_to_without_its_password(
    fake: FakeBluejay, control: httpx.Client, receiver: Any
) -> None:
    webhook = control.post("/webhooks", json={"url": receiver.url.replace("//", "//user:pass@")}).json()
    fake.webhooks.add(lambda request: 200)
    fake.add_test_result().end()
    urls = [one["url"] for one in control.get("/deliveries").json()]
    assert urls == [receiver.url.replace("//", "//user:…@"), None]
    control.delete(f"/webhooks/{webhook['id']}")
    assert [one["url"] for one in control.get("/deliveries").json()] == [None, None]


def test_delivery_of_an_outbound_trigger_has_the_url_of_the_agent(
    fake: FakeBluejay, control: httpx.Client, receiver: Any
) -> None:
    agent = fake.add_agent(type="OUTBOUND", outbound_trigger_webhook_url=receiver.url)
    run = fake.queue_run(fake.add_simulation(agent=agent, digital_humans=1))
    fake.clock.run_until(lambda: run.status == "COMPLETED")
    [delivery] = control.get("/deliveries").json()
    assert (delivery["event"], delivery["url"]) == ("outbound_trigger", receiver.url)


def test_a_webhook_that_a_state_brings_resets_nothing(fake: FakeBluejay, control: httpx.Client) -> None:
    control.post("/webhooks", json={"url": fake.url})
    state = control.get("/state").json()
    state["webhooks"][0]["url"] = f"{fake.url}/_fake/reset"
    assert control.put("/state", json=state).status_code == 200
    fake.add_test_result().end()
    [delivery] = control.get("/deliveries", params={"settled": True}).json()
    assert "/_fake is a fake Bluejay's control API" in delivery["attempts"][0]["problem"]
    assert len(fake.test_results) == 1
