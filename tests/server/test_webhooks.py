"""A standalone server delivers webhooks when they are due, whether or not anybody calls it."""

import http.server
import json
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import httpx

from fake_bluejay import FakeBluejay
from fake_bluejay.webhooks import verify


def test_what_is_due_is_delivered_by_itself_and_may_call_back(
    serving: Callable[..., AbstractContextManager[Any]],
) -> None:
    received: list[Any] = []
    both = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            payload = json.loads(body)
            result = httpx.get(
                f"{server.url}/v1/retrieve-simulation-result/{payload['id']}", headers={"X-API-Key": "k"}
            )
            proved = verify(body, "s3cret", self.headers["X-Bluejay-Signature"])
            received.append((payload["type"], proved, result.json()["simulation_result"]["status"]))
            self.send_response(200)
            self.end_headers()
            if len(received) == 2:
                both.set()

        def log_message(self, *args: Any) -> None: ...

    receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    fake = FakeBluejay()
    fake.webhooks.add(f"http://127.0.0.1:{receiver.server_port}/", secret="s3cret")
    fake.queue_run()
    state = {**fake.dump(), "clock": {"speed": 500.0}}
    try:
        with serving("--no-access-log") as server:
            assert httpx.put(f"{server.url}/_fake/state", json=state, timeout=10).status_code == 200
            assert both.wait(30)
            while not all(one["attempts"] for one in httpx.get(f"{server.url}/_fake/state").json()["deliveries"]):
                time.sleep(0.01)
            deliveries = httpx.get(f"{server.url}/_fake/state").json()["deliveries"]
    finally:
        receiver.shutdown()
        receiver.server_close()
    assert [(type, proved) for type, proved, _ in received] == [
        ("simulation_ended", True),
        ("simulation_result_evaluated", True),
    ]
    assert received[1][2] == "COMPLETED"
    assert [attempt["status"] for one in deliveries for attempt in one["attempts"]] == [200, 200]
