"""`--save`: the world is written whole, on exit and on request, and lost by nothing that was answered."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.server import saving


def test_a_world_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "world.json"
    saving.write(path, {"one": 1})
    path.chmod(0o640)
    with pytest.raises(TypeError):
        saving.write(path, {"two": object()})

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            saving.write(path, {"three": 3})
    assert json.loads(path.read_text()) == {"one": 1}
    assert os.listdir(tmp_path) == ["world.json"]

    link = tmp_path / "link.json"
    link.symlink_to(path)
    saving.write(link, {"four": 4})
    assert link.is_symlink()
    assert json.loads(path.read_text()) == {"four": 4}
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_place_that_cannot_be_written_is_found_at_once(tmp_path: Path) -> None:
    with saving.alone(tmp_path / "world.json"):
        pass
    assert os.listdir(tmp_path) == []
    for nowhere in (tmp_path, tmp_path / "nowhere" / "world.json"):
        with pytest.raises(OSError, match=r"directory"), saving.alone(nowhere):
            pass


@pytest.fixture
def device() -> Iterator[str]:
    """A terminal: a device whose place no file can take, whatever the code under test does."""
    ends = os.openpty()
    yield os.ttyname(ends[1])
    for end in ends:
        os.close(end)


@pytest.mark.parametrize("kind", ["device", "pipe", "loop"])
def test_device_pipe_or_loop_is_not_replaced_by_a_file(tmp_path: Path, kind: str, device: str, run_here) -> None:
    path, link = tmp_path / "world.json", tmp_path / "link.json"

    def what_is_there() -> tuple[int, ...]:
        """Return what a link or a pipe is known by; to follow a link changes when it was last read."""
        status = path.lstat()
        return status.st_ino, status.st_mode, status.st_mtime_ns

    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(device if kind == "device" else link)
        link.symlink_to(path)
    before = what_is_there()
    with pytest.raises(OSError, match=r"device or a pipe|levels of symbolic links"):
        saving.write(path, {"one": 1})
    assert what_is_there() == before
    done = run_here("serve", "--port", "0", "--save", path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert f"cannot save to {path}" in done.stderr


def test_a_file_that_becomes_a_loop_while_the_server_runs_is_no_bug_of_it(serving, tmp_path: Path) -> None:
    path = tmp_path / "world.json"
    with serving("--save", path) as server:
        path.symlink_to(path)
        answer = httpx.post(f"{server.url}/_fake/save")
        assert answer.status_code == 400
        assert "symbolic links" in answer.json()["detail"]
        path.unlink()
        assert "Traceback" not in server.stop()


def test_remains_of_a_killed_server_are_removed(serving, tmp_path: Path) -> None:
    path, others = tmp_path / "world.json", tmp_path / ".other.json.abc.saving"
    others.touch()
    (tmp_path / ".world.json.abc.saving").write_text('{"api_keys": ["a key"]}')
    (tmp_path / ".world.json.lock").touch()
    with serving("--save", path) as server:
        assert not list(tmp_path.glob(".world.json.*.saving"))
        server.process.kill()
        server.process.wait()
    with serving("--save", path) as server:
        server.stop()
    assert sorted(os.listdir(tmp_path)) == [others.name, "world.json"]


def test_two_servers_do_not_save_to_one_file(serving, run, tmp_path: Path) -> None:
    path, link = tmp_path / "world.json", tmp_path / "link.json"
    link.symlink_to(path)
    with serving("--save", path) as server:
        done = run("serve", "--port", "0", "--save", link)
        assert done.returncode == 2
        assert "another server saves its world" in done.stderr
        server.stop()
    assert json.loads(path.read_text())["format"]


def test_on_request_and_on_exit(serving, tmp_path: Path) -> None:
    path = tmp_path / "world.json"
    with serving("--save", path, "--clock", "manual") as server:
        assert f"The world is saved to {path} on exit." in server.printed
        assert not path.exists()
        assert httpx.post(f"{server.url}/_fake/save").json() == {"saved": str(path)}
        assert len(json.loads(path.read_text())["test_results"]) == 9
        httpx.post(f"{server.url}/_fake/test-results", json={"id": 77})
        path.unlink()
        server.process.send_signal(signal.SIGUSR1)
        while "saved the world to" not in server.output.read_text():
            httpx.get(f"{server.url}/_fake/health")
        assert len(json.loads(path.read_text())["test_results"]) == 10
        httpx.post(f"{server.url}/_fake/clock/advance", json={"seconds": 5})
        server.stop()
    saved = FakeBluejay.load(json.loads(path.read_text()))
    assert saved.test_result(77).status == "RUNNING"
    assert saved.clock.now.second == 5


def test_a_world_that_will_be_replaced_because_its_seed_was_forgotten_is_named(serving, tmp_path: Path) -> None:
    path = tmp_path / "world.json"
    warning = f"Warning: the world in {path} will be replaced by a new one; --seed {path} goes on with it."
    with serving("--seed", path, "--save", path) as server:
        assert warning not in server.stop()
    with serving("--seed", path, "--save", path) as server:
        assert warning not in server.stop()
    with serving("--save", path) as server:
        assert warning in server.stop()


def test_without_save_there_is_nowhere_to_save_to(serving) -> None:
    with serving() as server:
        answer = httpx.post(f"{server.url}/_fake/save")
    assert (answer.status_code, "--save FILE" in answer.json()["detail"]) == (400, True)


def test_a_signal_to_save_does_not_end_a_server_that_has_no_file(serving) -> None:
    with serving() as server:
        httpx.get(f"{server.url}/_fake/health")  # by now, its event loop takes signals
        server.process.send_signal(signal.SIGUSR1)
        while "started without --save FILE" not in server.output.read_text():
            httpx.get(f"{server.url}/_fake/health")
        server.stop()


def test_one_file_for_seed_and_save_goes_on_from_run_to_run(serving, tmp_path: Path) -> None:
    path = tmp_path / "world.json"
    for run in range(3):
        with serving("--seed", path, "--save", path, "--clock", "manual", "--api-key", "my-key") as server:
            assert "API key: my-key" in server.printed
            assert len(httpx.get(f"{server.url}/_fake/test-results").json()) == 9 + run
            httpx.post(f"{server.url}/_fake/test-results", json={})
            server.stop()


@pytest.mark.parametrize("format", ["text", "json"])
def test_a_place_that_goes_away_is_a_line_and_status_1(serving, tmp_path: Path, format: str) -> None:
    path = tmp_path / "there" / "world.json"
    path.parent.mkdir()
    with serving("--save", path, "--log-format", format) as server:
        shutil.rmtree(path.parent)
        refused = httpx.post(f"{server.url}/_fake/save")
        assert (refused.status_code, refused.json()["detail"]) == (
            400,
            f"cannot save the world to {path}: No such file or directory",
        )
        server.process.terminate()
        assert server.process.wait(timeout=20) == 1
        output = server.output.read_text()
    message = f"cannot save the world to {path}: No such file"
    if format == "text":
        assert f"fake-bluejay: {message}" in output
    else:
        last = json.loads(output.splitlines()[-1])
        assert last["event"] == "error"
        assert last["message"].startswith(message)
    assert "Traceback" not in output


def test_request_that_was_answered_last_is_logged_although_the_world_cannot_be_saved(serving, tmp_path: Path) -> None:
    path = tmp_path / "there" / "world.json"
    path.parent.mkdir()
    with serving("--save", path) as server, socket.create_connection(("127.0.0.1", server.port)) as client:
        shutil.rmtree(path.parent)
        httpx.post(f"{server.url}/_fake/faults", json={"kind": "delay", "seconds": 0.5})
        client.sendall(b"GET /v1/ping HTTP/1.1\r\nhost: x\r\n\r\n")
        for _ in range(5):  # each takes the server's loop round, so that by then it has read what came before
            httpx.get(f"{server.url}/_fake/health")
        server.process.terminate()
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
        assert server.process.wait(timeout=20) == 1
        assert re.search(r"200 .* GET /v1/ping", server.output.read_text())


def test_worlds_of_organisations_are_saved_too(serving, tmp_path: Path) -> None:
    path = tmp_path / "world.json"
    with serving("--save", path, "--clock", "manual") as server, httpx.Client(base_url=f"{server.url}/_fake") as client:
        client.post("/organisations", json={"name": "suite", "api_key": "suite-key", "world": "own"})
        client.post("/test-results?organisation=suite", json={"id": 5})
        client.post("/organisations", json={"name": "other", "api_key": "other-key", "world": "own"})
        # The state of one world goes on in another, under that one's key.
        client.put("/state?organisation=other", json=client.get("/state").json())
        server.stop()
    with serving("--seed", path) as server, httpx.Client(base_url=f"{server.url}/_fake") as client:
        assert [one["id"] for one in client.get("/test-results", params={"organisation": "suite"}).json()] == [5]
        assert len(client.get("/test-results", headers={"x-api-key": "other-key"}).json()) == 9
        assert len(client.get("/test-results").json()) == 9


def test_terminated_under_load_it_has_saved_every_answered_request(serving, tmp_path: Path) -> None:
    seed, path = tmp_path / "seed.json", tmp_path / "world.json"
    seed.write_text(json.dumps({"test_results": [{"count": 20_000, "agent": "silent"}]}))
    answered: list[int] = []
    enough = threading.Event()

    def client(port: int, first: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        headers = {"X-API-Key": "k", "Content-Type": "application/json"}
        try:
            for id in range(first, 20_000, 8):
                connection.request("POST", "/v1/end-conversations", json.dumps({"test_result_ids": [id]}), headers)
                response = connection.getresponse()
                assert json.loads(response.read())["test_result_ids"] == [id]
                answered.append(id)
                if len(answered) > 300:
                    enough.set()
        except (OSError, http.client.HTTPException):
            pass  # the server has gone
        finally:
            connection.close()

    with serving("--seed", seed, "--save", path) as server:
        threads = [threading.Thread(target=client, args=(server.port, number)) for number in range(1, 9)]
        for thread in threads:
            thread.start()
        assert enough.wait(timeout=60)
        output = server.stop()
        for thread in threads:
            thread.join(timeout=20)
    assert "Traceback" not in output
    assert 300 < len(answered) < 19_000  # it was stopped in the middle
    marked = {control["test_result_id"] for control in json.loads(path.read_text())["control_objects"]}
    assert set(answered) <= marked
    assert re.search(r"200 .* POST /v1/end-conversations", output)
