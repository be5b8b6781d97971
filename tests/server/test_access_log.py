"""The access log: what a line says, and that writing it holds nobody up."""

import asyncio
import io
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from fake_bluejay.server.access import FORMATS, AccessLog

SCOPE = {
    "type": "http",
    "method": "GET",
    "raw_path": b"/v1/x%0Ay",
    "query_string": b"a=1&api%5fk%65y=a-very-secret-key",
    "headers": [(b"x-api-key", b"a-very-secret-key")],
    "client": ("127.0.0.1", 5),
}


def test_a_line_of_text() -> None:
    line = FORMATS["text"](SCOPE, 404, 0.0123, ("delay(seconds=3)",), "why")
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} 404   12\.3 ms  GET /v1/x%0Ay\?a=1&api%5fk%65y=a-ve…ey  key=a-ve…ey"
        r"  fault=delay\(seconds=3\)  why\n",
        line,
    )


def test_a_line_of_json() -> None:
    entry = json.loads(FORMATS["json"](SCOPE, 404, 0.0123, ("delay(seconds=3)",), "why"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry.pop("at"))
    assert entry == {
        "event": "request",
        "method": "GET",
        "path": "/v1/x%0Ay?a=1&api%5fk%65y=a-ve…ey",
        "status": 404,
        "ms": 12.3,
        "client": "127.0.0.1",
        "key": "a-ve…ey",
        "faults": ["delay(seconds=3)"],
        "detail": "why",
    }


@pytest.mark.parametrize("format", ["text", "json"])
def test_the_servers_log(serving, format: str) -> None:
    with serving("--log-format", format, "--api-key", "a-very-secret-key") as server:
        for key in ("a-very-secret-key", "a-wrong-secret-key"):
            end = {"url": f"{server.url}/v1/end-conversations", "json": {"test_result_ids": [1]}}
            httpx.post(**end, headers={"X-API-Key": key})
        httpx.get(f"{server.url}/_fake/test-results?q=no", headers={"Authorization": "Bearer a-very-secret-key"})
        httpx.post(f"{server.url}/_fake/faults", json={"kind": "reset"})
        with pytest.raises(httpx.ReadError):
            httpx.get(f"{server.url}/v1/ping")
        output = server.stop()
    lines = output[output.index("2") :].splitlines() if format == "text" else output.splitlines()
    if format == "json":
        entries = [json.loads(line) for line in lines]
        assert entries[0]["event"] == "listening"
        assert [(one["status"], one["key"]) for one in entries[1:]] == [
            (200, "a-ve…ey"),
            (401, "a-wr…ey"),
            (200, entries[3]["key"]),
            (201, None),
            (None, None),  # the connection was reset
        ]
        assert "secret" not in "".join(lines[1:])
    else:
        logged = [line for line in lines if " ms  " in line]
        assert [line.split()[2] for line in logged] == ["200", "401", "200", "201", "---"]
        assert not any("secret" in line for line in logged)


def test_without_a_log_nothing_is_printed(serving) -> None:
    with serving("--no-access-log") as server:
        httpx.get(f"{server.url}/v1/ping")
        assert server.stop() == server.printed


def test_a_log_that_nobody_reads_stops_nothing() -> None:
    """A full pipe would block whoever writes to it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "fake_bluejay", "serve", "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        url = re.search(r"http\S+", process.stdout.readline())
        assert url
        with httpx.Client(base_url=url[0]) as client:
            for _ in range(50):
                assert client.get("/v1/" + "x" * 10_000).status_code == 404
        process.terminate()
        assert process.wait(timeout=20) == 0
    finally:
        process.kill()
        process.communicate(timeout=10)


def test_characters_that_the_output_does_not_have_are_escaped(tmp_path: Path) -> None:
    """As in a Latin-1 locale, which lacks the ellipsis of a masked key, or on Windows."""
    seed = tmp_path / "wört.toml"
    seed.touch()
    process = subprocess.Popen(
        [sys.executable, "-m", "fake_bluejay", "serve", "--port", "0", "--seed", seed],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    try:
        assert process.stdout is not None
        url = re.search(r"http\S+", process.stdout.readline())
        assert url
        httpx.get(f"{url[0]}/v1/all-agents", headers={"X-API-Key": "a-very-secret-key"})
        process.terminate()
        output = process.stdout.read()
        assert r"w\xf6rt.toml" in output
        assert r"GET /v1/all-agents  key=a-ve\u2026ey" in output
    finally:
        process.kill()
        process.communicate(timeout=10)


def test_lines_that_cannot_be_written_are_counted() -> None:
    class Stuck(io.StringIO):
        released = threading.Event()

        def write(self, text: str) -> int:
            self.released.wait(30)
            return super().write(text)

    async def run() -> str:
        stream = Stuck()
        log = AccessLog("text", stream)
        for _ in range(300):
            log.add(SCOPE, 200, 0)
            log.flush()
        stream.released.set()
        log.add(SCOPE, 200, 0)
        while log._batches.qsize():
            await asyncio.sleep(0)
        log.close()
        return stream.getvalue()

    written = asyncio.run(run())
    missing = re.findall(r"… (\d+) lines of the access log are missing", written)  # said more than once, maybe
    assert missing
    assert written.count(" 200    0.0 ms") + sum(map(int, missing)) == 301
