"""The `fake-bluejay` command, as a person meets it."""

import contextlib
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from fake_bluejay.readings import questions

COMMAND = [sys.executable, "-m", "fake_bluejay"]


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60)


@contextlib.contextmanager
def serving(*arguments: str) -> Iterator[tuple["subprocess.Popen[str]", str, str]]:
    """A running server: the process, its URL, and what it printed."""
    process = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert process.stdout is not None
        printed = ""
        for line in process.stdout:
            printed += line
            if "Ctrl-C" in line:
                break
        found = re.search(r"listens on (\S+)", printed)
        assert found, printed
        yield process, found[1], printed
    finally:
        process.kill()
        process.communicate(timeout=10)


def test_the_printed_lines_do_what_they_say() -> None:
    with serving("--clock", "manual", "--no-access-log") as (_, url, printed), httpx.Client(base_url=url) as client:
        key = re.search(r"X-API-Key: (\S+)'", printed)
        body = re.search(r"-d '(\{\"test_result_ids\": \[1.*?\})'", printed)
        assert key
        assert body
        headers = {"X-API-Key": key[1], "Content-Type": "application/json"}
        answer = client.post("/v1/end-conversations", content=body[1], headers=headers).json()
        assert (answer["test_result_ids"], answer["failed_ids"]) == ([1, 4], [999])
        assert client.post("/v1/end-conversations", json={"test_result_ids": []}, headers=headers).status_code == 422
        client.post("/_fake/clock/advance", json={"seconds": 29.999999})
        assert client.get("/_fake/test-results/4").json()["status"] == "RUNNING"
        client.post("/_fake/clock/advance", json={"seconds": 0.000001})
        stuck = client.get("/_fake/test-results/4").json()
        assert (stuck["status"], stuck["history"][0]["cause"]) == ("CONVERSATION_ENDED", "watchdog")
        client.post("/_fake/reset")
        assert client.get("/_fake/test-results/4").json()["history"] == []


def test_the_control_api_says_what_is_wrong() -> None:
    with serving("--no-access-log") as (_, url, _), httpx.Client(base_url=f"{url}/_fake") as client:
        assert client.get("/health").json() == {"status": "ok"}
        assert len(client.get("/test-results").json()) == len(client.get("/state").json()["test_results"]) == 9
        added = client.post("/test-results", json={"id": 50, "agent": "silent"}).json()
        assert (added["id"], added["status"], added["agent"]) == (50, "RUNNING", "silent")
        for method, path, body, status, detail in [
            ("POST", "/test-results", {"id": 50}, 400, "id 50 is taken"),
            ("POST", "/test-results", {"status": "X"}, 400, "unknown status 'X'"),
            ("POST", "/test-results", {"agent": 5}, 400, "agent: a string is needed"),
            ("POST", "/test-results", [], 400, "must be a JSON object"),
            ("POST", "/clock/advance", {"seconds": -1}, 400, "cannot advance by -1"),
            ("POST", "/clock/advance", {}, 400, "expected"),
            ("GET", "/test-results/77", None, 404, "there is no test result 77"),
            ("GET", "/nothing", None, 404, "Not Found"),
            ("GET", "/reset", None, 405, "Method Not Allowed"),
        ]:
            answer = client.request(method, path, json=body)
            assert answer.status_code == status, (path, answer.text)
            assert detail in answer.json()["detail"]


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_signals_stop_it_cleanly(stop: signal.Signals) -> None:
    with serving() as (process, url, _):
        assert httpx.get(f"{url}/_fake/health").status_code == 200
        process.send_signal(stop)
        output, _ = process.communicate(timeout=20)
        assert process.returncode == 0, output
        assert "Traceback" not in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--reading", "sucess=always"], "unknown reading 'sucess'; did you mean 'success'?"),
        (["--reading", "success"], "--reading takes NAME=CHOICE"),
        (["--agent", "sleepy"], "unknown agent behaviour 'sleepy'"),
        (["--host", "256.0.0.1"], "cannot listen on 256.0.0.1"),
    ],
)
def test_a_bad_option_is_one_line_and_status_2(arguments: list[str], message: str) -> None:
    done = run("serve", "--port", "0", *arguments)
    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (2, 1, "")
    assert message in done.stderr


def test_a_taken_port_is_one_line_and_status_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("serve", "--port", port)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"cannot listen on 127.0.0.1 port {port}" in done.stderr


def test_readings_are_all_printed() -> None:
    printed = run("readings").stdout
    for name, _, choices, evidence in questions():
        assert name in printed
        assert evidence in printed
        assert all(choice in printed for choice in choices)


def test_the_version() -> None:
    assert re.fullmatch(r"fake-bluejay, version \d+\.\d+\.\d+\n", run("--version").stdout)
