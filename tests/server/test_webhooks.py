"""Webhooks of a served fake: delivered although nobody asks, and by a server that goes on answering meanwhile."""

import http.server
import queue
import re
import subprocess
import sys
import threading
from collections.abc import Iterator

import httpx
import pytest

EVENTS = ["simulation_ended", "simulation_result_evaluated"]


@pytest.fixture
def url() -> Iterator[str]:
    command = [sys.executable, "-m", "fake_bluejay", "serve", "--port", "0", "--clock", "manual", "--no-access-log"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield next(found[1] for line in process.stdout if (found := re.search(r"listens on (\S+)", line)))
        finally:
            process.kill()


def test_a_receiver_is_not_waited_for_and_may_call_back(url: str) -> None:
    answered = threading.Event()
    told: queue.Queue[tuple[str, bool, int]] = queue.Queue()

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            in_time = answered.wait(4)  # a receiver has 5 seconds
            called_back = httpx.get(f"{url}/_fake/health", timeout=20).status_code
            told.put((self.headers["x-bluejay-event"], in_time, called_back))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as receiver, httpx.Client(timeout=30) as client:
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        webhook = {"id": "a", "organisation": "default", "events": EVENTS, "secret": "a-secret"}
        state = client.get(f"{url}/_fake/state").json()
        state["webhooks"] = [{**webhook, "url": f"http://127.0.0.1:{receiver.server_port}/"}]
        client.put(f"{url}/_fake/state", json=state)
        client.post(f"{url}/_fake/test-results/1/events", json={"event": "end"})
        answered.set()
        assert told.get(timeout=20) == ("simulation_ended", True, 200)
        client.patch(f"{url}/_fake/clock", json={"mode": "real", "speed": 100})
        assert told.get(timeout=20) == ("simulation_result_evaluated", True, 200)  # nobody asked
        receiver.shutdown()
