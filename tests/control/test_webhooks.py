"""Webhooks by the control API: added, told, removed."""

import http.server
import threading
from collections.abc import Iterator

import httpx
import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.api.journal import masked
from fake_bluejay.webhooks import verify


class Receiver(http.server.BaseHTTPRequestHandler):
    """Refuses the first delivery, and takes the others."""

    received: list[tuple[dict[str, str], bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append((dict(self.headers), body))
        self.send_response(500 if len(self.received) == 1 else 204)
        self.end_headers()

    def log_message(self, *arguments: object) -> None: ...


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    handler = type("Handler", (Receiver,), {"received": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hook?a=1", handler.received
        server.shutdown()
        thread.join()


@pytest.fixture
def fake() -> Iterator[FakeBluejay]:
    with FakeBluejay() as fake:
        yield fake


@pytest.fixture
def control(fake: FakeBluejay) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{fake.url}/_fake") as client:
        yield client


def test_a_server_is_told_and_told_again(
    fake: FakeBluejay, control: httpx.Client, receiver: tuple[str, list[tuple[dict[str, str], bytes]]]
) -> None:
    url, received = receiver
    added = control.post("/webhooks", json={"url": url, "events": ["simulation_ended"]})
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
    for headers, body in received:
        assert verify(body, added.json()["secret"], headers["X-Bluejay-Signature"])
        assert headers["X-Bluejay-Delivery"] == delivery["id"]
    assert control.delete(f"/webhooks/{added.json()['id']}").json() == {"removed": 1}
    fake.add_test_result().end()
    assert len(control.get("/deliveries").json()) == len(received) - 1 == 1


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
    ("body", "says"),
    [
        ({"url": "http://10.0.0.1/"}, "10.0.0.1 is not this machine"),
        ({"url": "127.0.0.1"}, "a webhook's URL is like"),
        ({"url": "http://localhost/", "events": ["simulation_end"]}, "did you mean 'simulation_ended'?"),
        ({}, "url: missing"),
    ],
)
def test_what_cannot_be_is_said(control: httpx.Client, body: object, says: str) -> None:
    answer = control.post("/webhooks", json=body)
    assert answer.status_code == 400
    assert says in answer.json()["detail"]
    assert control.get("/webhooks").json() == []


def test_one_that_is_not_there(control: httpx.Client) -> None:
    answer = control.delete("/webhooks/x")
    assert (answer.status_code, answer.json()["detail"]) == (404, "unknown webhook 'x'; known: none")
