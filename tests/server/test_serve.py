"""The `fake-bluejay` command, as a person meets it."""

import gc
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from fake_bluejay.readings import questions

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals that ask a process to end")


def test_the_printed_lines_do_what_they_say(serving) -> None:
    with serving("--clock", "manual", "--no-access-log") as server, httpx.Client(base_url=server.url) as client:
        key = re.search(r"X-API-Key: (\S+)'", server.printed)
        body = re.search(r"-d '(\{\"test_result_ids\": \[1.*?\})'", server.printed)
        assert key
        assert body
        assert f"API key: {key[1]}\nConsole: {server.url}/_fake/\n" in server.printed
        headers = {"X-API-Key": key[1], "Content-Type": "application/json"}
        answer = client.post("/v1/end-conversations", content=body[1], headers=headers).json()
        assert (answer["test_result_ids"], answer["failed_ids"]) == ([1, 4], [999])
        assert client.post("/v1/end-conversations", json={"test_result_ids": []}, headers=headers).status_code == 422
        client.post("/_fake/clock/advance", json={"seconds": 29.999999})
        assert client.get("/_fake/test-results/4").json()["status"] == "RUNNING"
        client.post("/_fake/clock/advance", json={"seconds": 0.000001})
        stuck = client.get("/_fake/test-results/4").json()
        assert (stuck["status"], stuck["history"][0]["cause"]) == ("SYSTEM_ERROR", "watchdog")
        client.post("/_fake/reset")
        assert client.get("/_fake/test-results/4").json()["history"] == []


def test_the_control_api_says_what_is_wrong(serving) -> None:
    with serving("--no-access-log") as server, httpx.Client(base_url=f"{server.url}/_fake") as client:
        assert client.get("/health").json()["status"] == "ok"
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


@posix
@pytest.mark.parametrize("stop", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_signals_stop_it_cleanly(serving, stop: str) -> None:
    with serving() as server:
        assert httpx.get(f"{server.url}/_fake/health").status_code == 200
        server.process.send_signal(getattr(signal, stop))
        assert server.process.wait(timeout=20) == 0
        assert "Traceback" not in server.output.read_text()


@posix
def test_a_server_under_nohup_outlives_its_terminal_and_these_tests_run_there_too(serving) -> None:
    command = [sys.executable, "-m", "fake_bluejay", "serve", "--port", "0"]
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does; what is started inherits it
    try:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            try:
                assert process.stdout
                url = next(found[1] for line in process.stdout if (found := re.search(r"listens on (\S+)", line)))
                process.send_signal(signal.SIGHUP)
                for _ in range(10):  # for longer than a server takes to see that it is to stop
                    assert httpx.get(f"{url}/_fake/health").status_code == 200
                    time.sleep(0.05)
            finally:
                process.terminate()
        assert process.returncode == 0
        with serving() as server:
            server.process.send_signal(signal.SIGHUP)
            assert server.process.wait(timeout=20) == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_fault_that_delays_for_an_hour_does_not_keep_it_from_stopping(serving, tmp_path: Path) -> None:
    seed = tmp_path / "seed.toml"
    seed.write_text('[[faults]]\nkind = "delay"\nseconds = 3600\n')
    with serving("--seed", seed) as server, socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"GET /v1/ping HTTP/1.1\r\nhost: x\r\n\r\n")
        for _ in range(5):  # each takes the server's loop round, so that by then it has read what came before
            httpx.get(f"{server.url}/_fake/health")
        output = server.stop()
        assert client.recv(1000) == b""
    assert "Traceback" not in output
    assert re.search(r" --- .*GET /v1/ping +fault=delay\(seconds=3600.*  the server stopped, so there was no", output)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--reading", "sucess=always"], "unknown reading 'sucess'; did you mean 'success'?"),
        (["--reading", "success"], "--reading takes NAME=CHOICE"),
        (["--agent", "sleepy"], "unknown agent behavior 'sleepy'"),
        (["--host", "256.0.0.1"], "choose another with --host"),
        (["--host", "a" * 70], "choose another with --host"),
        (["--host", ""], "--host is the address to listen on"),
        (["--allow-host", "fake.local:8787"], "--allow-host takes a name or an address to be called by"),
        (["--clock", "manual", "--speed", "2"], "a manual clock has no speed"),
        (["--speed", "1e18"], "a clock's speed is a number from 0 to 1,000,000, not 1e+18"),
        (["--client-timeout", "nan"], "--client-timeout takes a number of seconds, not nan"),
        (["--seed", "nowhere.toml"], "cannot read nowhere.toml: No such file"),
        (["--seed", "seed.ini"], "the name of a seed ends in one of .toml, .yaml, .yml, .json"),
        (["--save", "world.toml"], "its name ends in .json"),
        (["--save", "nowhere/world.json"], "cannot save to nowhere/world.json: No such file"),
        (["--save", "/dev/null/world.json"], "cannot save to /dev/null/world.json: Not a directory"),
    ],
)
def test_a_bad_option_is_one_line_and_status_2(run_here, arguments: list[str], message: str) -> None:
    done = run_here("serve", "--port", "0", *arguments)
    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (2, 1, "")
    assert message in done.stderr


def test_an_error_is_json_beside_a_log_in_json(run_here) -> None:
    done = run_here("serve", "--port", "0", "--log-format", "json", "--seed", "nowhere.toml")
    assert (done.returncode, done.stdout) == (2, "")
    assert json.loads(done.stderr) == {
        "event": "error",
        "message": "cannot read nowhere.toml: No such file or directory",
    }


def test_a_taken_port_is_one_line_and_status_2(run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("serve", "--port", port)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"cannot listen on 127.0.0.1 port {port}" in done.stderr


def test_each_option_has_its_name_in_the_environment(run, serving) -> None:
    from fake_bluejay.cli import serve

    shown = run("serve", "--help").stdout
    for option in serve.params:
        assert f"FAKE_BLUEJAY_{option.name.upper()}" in shown.replace("\n", " ")
    environment = {"FAKE_BLUEJAY_CLOCK": "manual", "FAKE_BLUEJAY_API_KEYS": "one-key another-key"}
    with serving(**environment) as server:
        assert "until you advance the clock" in server.printed
        assert "API key: one-key" in server.printed
    with serving(FAKE_BLUEJAY_API_KEY="one-key", FAKE_BLUEJAY_READING="success=always") as server:
        assert "API key: one-key" in server.printed


def test_the_first_line_of_json_has_what_is_needed_to_begin(serving) -> None:
    with serving("--log-format", "json", "--api-key", "k", "--host", "0.0.0.0") as server:
        listening, warning = sorted(
            (json.loads(line) for line in server.printed.splitlines()), key=lambda one: one["event"]
        )
        assert (listening["url"], listening["api_key"]) == (server.url, "k")
        assert "'X-API-Key: k'" in listening["curl"]
        assert warning["message"].startswith("listening on 0.0.0.0: others on the network")


def test_beyond_loopback_it_warns(serving) -> None:
    with serving("--host", "0.0.0.0") as server:
        assert "Warning: listening on 0.0.0.0: others on the network" in server.output.read_text()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize("output", [">&-", ">/dev/full"])
def test_a_server_whose_output_cannot_be_written_serves(output: str, tmp_path: Path) -> None:
    """Started by a daemon with its output closed, or with a log on a disk that is full."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = f"exec {sys.executable} -m fake_bluejay serve --port {port} {output}"
    server = subprocess.Popen(["sh", "-c", command], stderr=subprocess.PIPE, text=True)
    try:
        with httpx.Client(transport=httpx.HTTPTransport(retries=8)) as client:
            assert client.get(f"http://127.0.0.1:{port}/v1/ping").status_code == 200
        server.terminate()
        _, errors = server.communicate(timeout=20)
        assert "Traceback" not in errors
        assert "cannot save" not in errors
    finally:
        server.kill()


def test_readings_are_all_printed(run) -> None:
    printed = run("readings").stdout
    for name, _, choices, evidence in questions():
        assert name in printed
        assert f"the default is from {evidence}\n" in printed
        assert re.match(r"(the|bluejay-sdk|(two )?public clients) [^:]*\b20\d\d: ", evidence), (
            evidence
        )  # a source, its date
        assert all(choice in printed for choice in choices)


def test_the_version(run) -> None:
    assert re.fullmatch(r"fake-bluejay, version \d+\.\d+\.\d+\n", run("--version").stdout)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(run, shell: str) -> None:
    printed = run("completion", shell).stdout
    assert f"# Install it with: fake-bluejay completion {shell} > " in printed
    asked = {"bash": "COMP_WORDS", "zsh": "COMP_WORDS", "fish": "COMP_WORDS"}[shell]
    variable = re.search(r"_FAKE_BLUEJAY_COMPLETE=(\w+)", printed)
    assert variable
    answer = run(
        _FAKE_BLUEJAY_COMPLETE=variable[1], COMP_CWORD="che" if shell == "fish" else "1", **{asked: "fake-bluejay che"}
    )
    assert "check" in answer.stdout
    if interpreter := shutil.which(shell):
        assert subprocess.run([interpreter, "-n"], input=printed, text=True).returncode == 0


def test_the_openapi_document(run) -> None:
    pytest.importorskip("fake_bluejay.bluejay.openapi", reason="there is no OpenAPI document yet")
    assert json.loads(run("openapi").stdout)["openapi"].startswith("3.1")


def test_command_imports_only_its_own_dependencies() -> None:
    heavy = {"pydantic", "starlette", "uvicorn", "yaml"}
    code = f"import sys, fake_bluejay.cli; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_garbage_is_collected_while_it_serves() -> None:
    code = (
        "import gc; from fake_bluejay.cli import main; from fake_bluejay.server.foreground import _Server;"
        "_Server.run = lambda *_, **__: print(gc.isenabled()); main(['serve', '--port', '0'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout.splitlines()[-1:], done.stderr) == (["True"], "")


def test_garbage_is_collected_again_if_it_does_not_start(run_here) -> None:
    assert run_here("serve", "--agent", "sleepy").returncode == 2
    assert gc.isenabled()
