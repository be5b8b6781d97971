"""The log of changes and its stream: whole, resumable, bounded, and no burden to anybody who does not listen."""

import asyncio
import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from starlette.types import Message

from fake_bluejay import FakeBluejay
from fake_bluejay.agents import silent
from fake_bluejay.control.events import EventStream
from fake_bluejay.core.events import KINDS, Change, EventLog, Subscription, TooManySubscribers


@pytest.fixture
def fake() -> Iterator[FakeBluejay]:
    fake = FakeBluejay()
    yield fake
    fake.stop()


Event = tuple[str, str, Any]
"""An event's id, name and data."""


def events(response: httpx.Response) -> Iterator[Event]:
    """Yield the events of a stream as they come; an id alone is an event without a name."""
    block: dict[str, str] = {}
    for line in response.iter_lines():
        if line:
            name, _, value = line.partition(":")
            block[name] = value.strip()
        else:
            if "id" in block:
                yield block["id"], block.get("event", ""), json.loads(block.get("data", "null"))
            block = {}


@contextlib.contextmanager
def listening(url: str, last_id: str | None = None) -> Iterator[Iterator[Event]]:
    headers = {} if last_id is None else {"Last-Event-ID": last_id}
    with httpx.stream("GET", f"{url}/_fake/events", headers=headers, timeout=10) as response:
        assert response.headers["content-type"] == "text/event-stream"
        yield events(response)


def end(fake: FakeBluejay, *ids: int) -> None:
    httpx.post(f"{fake.base_url}/end-conversations", json={"test_result_ids": ids}, headers={"X-API-Key": "a-key"})


def until_listening(fake: FakeBluejay, count: int) -> None:
    """Until so many listen: each request gives the server's loop a turn, in which it sees who left."""
    for _ in range(1000):
        if len(fake.service.events._subscriptions) == count:
            return
        httpx.get(f"{fake.url}/_fake/health")
    raise AssertionError(f"{len(fake.service.events._subscriptions)} listen, not {count}")


def test_every_change_is_told_in_order(fake: FakeBluejay) -> None:
    with listening(fake.url) as stream, httpx.Client(base_url=f"{fake.url}/_fake") as control:
        assert next(stream)[1] == ""
        told: list[Event] = []

        def comes(kind: str) -> Any:
            """Read on to an event of this kind; its data."""
            while True:
                try:
                    told.append(next(stream))
                except httpx.ReadTimeout:
                    pytest.fail(f"{kind} was not told; the last was {told[-1]}")
                if told[-1][1] == kind:
                    return told[-1][2]

        def call(method: str, path: str, **body: Any) -> None:
            headers = {"X-API-Key": fake.api_key}
            fake.client().request(method, f"/v1/{path}", json=body, headers=headers).raise_for_status()

        fake.add_test_result(agent=silent())
        assert comes("test-result-added")["agent"] == "silent"
        end(fake, 1)
        assert comes("test-result-marked")["watchdog_due"] == "2026-01-01T00:00:30.000000Z"
        answered = comes("request-answered")
        assert (answered["number"], answered["path"], answered["status_code"]) == (1, "/v1/end-conversations", 200)
        fake.clock.advance(30)
        assert comes("control-object-gone")["by"] == "watchdog"
        moved = comes("test-result-moved")
        assert (moved["id"], moved["to"], moved["cause"]) == (1, "SYSTEM_ERROR", "watchdog")
        assert comes("clock-moved") == {"now": "2026-01-01T00:00:30.000000Z", "seconds": 30.0}
        control.patch("/test-results/1", json={"agent": "ends-after=3", "fields": {"latency": {"p50": 1}}})
        assert comes("test-result-changed") == {"id": 1, "agent": "ends-after=3", "fields": ["latency"]}
        call("POST", "update-simulation-result", simulation_result_id="1", tags=["a"])
        assert comes("test-result-changed") == {"id": 1, "agent": "ends-after=3", "fields": ["tags"]}
        control.patch("/clock", json={"mode": "real", "speed": 2})
        assert comes("clock-changed")["speed"] == 2
        control.patch("/clock", json={"mode": "manual"})
        assert comes("clock-changed")["speed"] == 0
        fake.faults.reset()
        assert comes("fault-armed") == {"kind": "reset"}
        with pytest.raises(httpx.TransportError):
            end(fake, 1)
        assert comes("fault-met")["kind"] == "reset"
        assert comes("request-answered")["status_code"] is None
        fake.faults.clear()
        comes("faults-cleared")
        fake.readings.set(success="always")
        assert comes("readings-changed") == {"success": "always"}
        fake.stub("GET", "/v1/traces")
        assert comes("stub-added")["path"] == "/v1/traces"
        control.delete("/stubs")
        comes("stubs-cleared")
        fake.add_organisation("other", "other-key")
        assert comes("organisation-added") == {"name": "other"}
        control.delete("/test-results/1")
        assert comes("test-result-removed") == {"id": 1}
        fake.requests.clear()
        comes("requests-cleared")
        webhook = fake.webhooks.add(lambda request: 503, ["simulation_ended"])
        assert comes("webhook-added")["events"] == ["simulation_ended"]
        fake.add_test_result().end()
        made = comes("delivery-added")
        assert (made["webhook"], made["event"]) == (webhook.id, "simulation_ended")
        attempted = comes("webhook-attempted")
        assert (attempted["delivery"], attempted["status"]) == (made["delivery"], 503)
        fake.webhooks.disable(webhook)
        assert comes("webhook-changed") == {"id": webhook.id, "enabled": False}
        fake.webhooks.remove(webhook)
        assert comes("webhook-removed") == {"id": webhook.id}
        simulation = fake.add_simulation(digital_humans=2)
        assert comes("agent-added")["id"] == simulation.agent.id
        assert comes("simulation-added")["organisation"] == "default"
        assert [comes("digital-human-added")["id"] for _ in "12"] == [1, 2]
        call("POST", "update-agent", agent_id="1", name="Another")
        assert comes("agent-changed") == {"id": 1, "fields": ["name"]}
        call("PUT", "simulation/1", name="Another")
        assert comes("simulation-changed") == {"id": 1, "fields": ["name"]}
        call("PUT", "simulation/1", name="Another")  # which changes nothing
        for _ in "12":
            assert comes("request-answered")["path"] == "/v1/simulation/1"
        assert told[-2][1] == "request-answered"
        call("POST", "simulation/1/remove-digital-humans", digital_human_ids=[2])
        assert comes("digital-human-changed") == {"id": 2, "fields": ["simulation_ids"]}
        call("DELETE", "digital-human/2")
        assert comes("digital-human-removed") == {"id": 2}
        run = fake.queue_run(simulation)
        assert comes("run-added")["test_results"] == 1
        fake.world.remove_run(run.id)
        assert comes("run-removed") == {"id": run.id}
        call("DELETE", "agent/1")
        assert (comes("simulation-removed"), comes("agent-removed")) == ({"id": 1}, {"id": 1})
        fake.reset()
        comes("world-replaced")
        assert {kind for _, kind, _ in told} >= set(KINDS)
        numbers = [int(id.rpartition("-")[2]) for id, _, _ in told]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert "other-key" not in json.dumps(told)


@pytest.mark.parametrize("begin", [lambda fake: None, FakeBluejay.reset, lambda fake: fake.restore(fake.snapshot())])
def test_changes_are_published_in_any_world(fake: FakeBluejay, begin: Callable[[FakeBluejay], None]) -> None:
    begin(fake)
    subscription = fake.service.events.subscribe(lambda: None)
    fake.add_simulation()
    assert [change.kind for change in subscription.take() or ()] == [
        "agent-added",
        "simulation-added",
        "digital-human-added",
    ]


def test_a_stream_is_resumed_where_it_broke_off(fake: FakeBluejay) -> None:
    with listening(fake.url) as stream:
        nothing_yet, _, _ = next(stream)
        fake.add_test_result()
        last, kind, _ = next(stream)
        assert kind == "test-result-added"
    fake.add_test_results(2)  # while nobody listens
    with listening(fake.url, last) as stream:
        assert [next(stream)[2]["id"] for _ in "23"] == [2, 3]
    with listening(fake.url, nothing_yet) as stream:
        assert [next(stream)[2]["id"] for _ in "123"] == [1, 2, 3]
    for strange in ("0123abcd-1", "x", "999999", "-1", ""):
        with listening(fake.url, strange) as stream:
            assert next(stream)[1] == "resync"
            fake.add_test_result()
            assert next(stream)[1] == "test-result-added"


def test_without_listeners_nothing_is_told(fake: FakeBluejay) -> None:
    sources = (fake.world, fake.service.journal, fake.service.armed, fake.service.stubs)
    assert all(source.on_change is None for source in sources)
    with listening(fake.url) as stream:
        next(stream)
        assert all(source.on_change is not None for source in sources)
    until_listening(fake, 0)
    subscription = fake.service.events.subscribe(lambda: None)
    subscription.close()
    for _ in range(4097):
        fake.clock.advance(1)
    assert all(source.on_change is None for source in sources)
    fake.add_test_result()
    with listening(fake.url, subscription.last_id) as stream:
        assert next(stream)[1] == "resync"


class Source:
    """Something that changes."""

    on_change: Callable[..., None] | None = None

    def change(self) -> None:
        assert self.on_change is not None
        self.on_change("requests-cleared")


def numbers(subscription: Subscription, most: int = 256) -> list[int]:
    changes = subscription.take(most)
    assert changes is not None
    return [change.number for change in changes]


def test_slow_subscriber_is_told_of_lost_changes_and_costs_no_memory() -> None:
    source = Source()
    log = EventLog(source, limit=10)
    woken: list[int] = []
    slow, fast = log.subscribe(lambda: woken.append(1)), log.subscribe(lambda: None)
    for count in range(1, 26):
        source.change()
        assert numbers(fast) == [count + 1]
    assert woken == [1]
    assert len(log._changes) == 10
    assert slow.take() is None
    assert slow.take() == []
    source.change()
    assert numbers(slow) == [27]
    assert woken == [1, 1]
    for _ in range(10):
        source.change()
    assert numbers(slow, 4) == [28, 29, 30, 31]
    assert numbers(slow) == [32, 33, 34, 35, 36, 37]
    assert isinstance(log._changes[0], Change)


def test_only_so_many_may_listen(fake: FakeBluejay) -> None:
    log = EventLog(Source(), most=2)
    first = log.subscribe(lambda: None)
    log.subscribe(lambda: None)
    with pytest.raises(TooManySubscribers, match="2 event streams are open"):
        log.subscribe(lambda: None)
    first.close()
    log.subscribe(lambda: None)

    subscriptions = [fake.service.events.subscribe(lambda: None) for _ in range(64)]
    refused = httpx.get(f"{fake.url}/_fake/events")
    assert (refused.status_code, refused.json()["detail"][:25]) == (503, "64 event streams are open")
    for subscription in subscriptions:
        subscription.close()


@pytest.mark.parametrize(
    ("query", "status", "detail"),
    [
        ("organisation=default", 400, "'default' shares its world with others, so GET events cannot be for it alone"),
        ("organisation=x", 404, "unknown organisation 'x'; known: default"),
        ("kind=clock-moved", 400, "unknown parameter 'kind'; known: organisation"),
        ("organisation=a&organisation=b", 400, "'organisation' is there twice"),
    ],
)
def test_stream_for_some_of_the_changes_is_refused(fake: FakeBluejay, query: str, status: int, detail: str) -> None:
    with httpx.stream("GET", f"{fake.url}/_fake/events?{query}", timeout=10) as answer:
        assert answer.status_code == status
        assert detail in json.loads(answer.read())["detail"]


def test_changes_from_many_threads_are_all_told_once() -> None:
    fake = FakeBluejay()
    subscription = fake.service.events.subscribe(lambda: None)
    threads = [threading.Thread(target=lambda: [fake.add_test_result() for _ in range(300)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    changes: list[Change] = []
    while taken := subscription.take(1000):
        changes += taken
    assert [change.data["id"] for change in changes] == list(range(1, 2401))
    assert [change.number for change in changes] == list(range(2, 2402))


class Client:
    """A client of the stream at the level of ASGI, whose reading can be held up."""

    def __init__(self, log: EventLog, heartbeat: float = 3600) -> None:
        self.log = log
        self.texts: list[str] = []
        self.reads = asyncio.Event()
        self.reads.set()
        self.left = asyncio.Event()
        self.news = asyncio.Condition()
        self.task = asyncio.create_task(EventStream(log, heartbeat)(SCOPE, self.receive, self.send))

    async def receive(self) -> Message:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        await self.reads.wait()
        async with self.news:
            self.texts.append(message.get("body", b"").decode())
            self.news.notify_all()

    async def has(self, text: str) -> None:
        async with self.news:
            await asyncio.wait_for(self.news.wait_for(lambda: any(text in one for one in self.texts)), timeout=20)


SCOPE = {"type": "http", "method": "GET", "path": "/_fake/events", "headers": []}


async def test_a_client_that_does_not_read_is_resynced() -> None:
    source = Source()
    log = EventLog(source, limit=50)
    slow, quick = Client(log), Client(log)
    await slow.has("id: ")
    await quick.has("id: ")
    slow.reads.clear()
    for _ in range(20):
        for _ in range(40):
            source.change()
        await quick.has(log.id_of(log._last))
    assert "resync" not in "".join(quick.texts)
    assert len(log._changes) == 50
    slow.reads.set()
    await slow.has("event: resync")
    source.change()
    await slow.has(log.id_of(log._last))
    assert sum(map(len, slow.texts)) < sum(map(len, quick.texts)) / 4
    for client in (slow, quick):
        client.left.set()
        await asyncio.wait_for(client.task, 20)
    assert not log._subscriptions


async def test_silence_is_broken_by_a_comment() -> None:
    client = Client(EventLog(Source()), heartbeat=0.01)
    await client.has(": still here")
    client.log.end()
    await asyncio.wait_for(client.task, 20)
    assert client.texts[-1] == ""


async def test_end_of_the_log_ends_all_streams_at_once_also_unread_ones() -> None:
    source = Source()
    log = EventLog(source)
    client, stuck = Client(log), Client(log)
    await client.has("id: ")
    await stuck.has("id: ")
    stuck.reads.clear()
    source.change()
    await client.has("requests-cleared")
    log.end()
    await asyncio.wait_for(client.task, 20)
    await asyncio.wait_for(stuck.task, 20)
    assert not log._subscriptions


def test_stopping_the_fake_ends_its_streams() -> None:
    fake = FakeBluejay()
    with listening(fake.url) as stream:
        next(stream)
        fake.stop()
        assert list(stream) == []


def test_a_stream_is_nothing_that_is_in_hand(fake: FakeBluejay) -> None:
    with listening(fake.url) as stream:
        next(stream)
        assert fake._loopback is not None
        assert not fake._loopback.is_answering()
        fake.add_test_result()
        next(stream)


def test_a_raw_client_that_leaves_is_forgotten(fake: FakeBluejay) -> None:
    port = int(fake.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET /_fake/events HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % port)
        assert b"200 OK" in connection.recv(4096)
        assert len(fake.service.events._subscriptions) == 1
    with listening(fake.url) as stream:
        next(stream)
        until_listening(fake, 1)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
def test_a_signal_ends_the_server_however_long_its_streams_were_meant_to_last() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "fake_bluejay", "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            url = next(found[1] for line in process.stdout if (found := re.search(r"listens on (\S+)", line)))
            with listening(url) as first, listening(url) as second:
                next(first), next(second)
                process.send_signal(signal.SIGTERM)
                assert list(first) == list(second) == []
            output, _ = process.communicate(timeout=20)
            assert process.returncode == 0
            assert "exceeded" not in output  # what uvicorn says when it has to cut a request off
            assert "Traceback" not in output
        finally:
            process.kill()
