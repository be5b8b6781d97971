"""Load with 200 connections, half of them broken or slow: are the others answered right, and does memory stay flat?

`make soak` runs a minute of it; a test runs a few seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import re
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

KEY = b"fake-bluejay-key"


@dataclass
class Report:
    """The observations of a run."""

    answered: int = 0
    wrong: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    """The seconds that each right answer took."""
    broken: Counter[str] = field(default_factory=Counter)
    """The number of connections of each bad kind."""
    memory: list[int] = field(default_factory=list)
    """The server's memory in KiB, each second."""
    log: str = ""
    status: int | None = None

    @property
    def growth(self) -> float:
        """The server's memory at the end, as a multiple of that half-way.

        Half a minute is what the slowest connections are given; until then more of them are open with each second. Each
        value is the median of a few seconds, for the journal is emptied once a second.
        """
        if len(self.memory) < 4:
            return 1.0
        middle = len(self.memory) // 2
        early, late = self.memory[max(0, middle - 3) : middle + 2], self.memory[-5:]
        return statistics.median(late) / statistics.median(early)

    @property
    def is_well(self) -> bool:
        """True if all answers were right, memory stayed within 5 %, and the server ended well, without a traceback."""
        return not self.wrong and self.growth < 1.05 and "Traceback" not in self.log and self.status == 0

    def __str__(self) -> str:
        taken = sorted(self.seconds)
        sixth, half = len(self.memory) // 6, len(self.memory) // 2
        return (
            f"{self.answered:,} right answers, {len(self.wrong)} wrong; median {taken[len(taken) // 2] * 1000:.1f} ms,"
            f" 99 % within {taken[len(taken) * 99 // 100] * 1000:.0f} ms, the slowest {taken[-1] * 1000:.0f} ms\n"
            f"{sum(self.broken.values()):,} broken or slow connections: {dict(self.broken)}\n"
            f"memory: {self.memory[sixth] / 1024:.1f} MiB after {sixth} s, "
            f"{self.memory[half] / 1024:.1f} after {half} s, {self.memory[-1] / 1024:.1f} at the end, "
            f"at most {max(self.memory) / 1024:.1f}; {self.growth:.3f} times what it was half-way\n"
            f"tracebacks in the log: {self.log.count('Traceback')}; exit status {self.status}"
        )


def soak(seconds: float, connections: int = 200) -> Report:
    """Start a server, load it, stop it."""
    report = Report()
    with tempfile.TemporaryDirectory() as directory:
        seed, output = Path(directory, "seed.json"), Path(directory, "output.txt")
        results = [{"count": 20, "agent": "silent"}, {"count": 20, "status": "COMPLETED"}]
        seed.write_text(json.dumps({"clock": "manual", "test_results": results}))
        command = [sys.executable, "-m", "fake_bluejay", "serve", "--port", "0", "--client-timeout", "2"]
        with output.open("w") as file:
            server = subprocess.Popen([*command, "--seed", str(seed)], stdout=file, stderr=subprocess.STDOUT)
        try:
            while not (listens := re.search(r"listens on http://127.0.0.1:(\d+)", output.read_text())):
                if server.poll() is not None:
                    raise RuntimeError(output.read_text())
                time.sleep(0.05)
            asyncio.run(_load(report, int(listens[1]), server.pid, seconds, connections))
            server.send_signal(signal.SIGTERM)
            report.status = server.wait(timeout=30)
        finally:
            server.kill()
            server.wait()
        report.log = output.read_text()
    return report


async def _load(report: Report, port: int, pid: int, seconds: float, connections: int) -> None:
    end = time.monotonic() + seconds
    chance = random.Random(7)
    good = [_good(report, port, end, random.Random(number)) for number in range(connections // 2)]
    bad = [
        _bad(report, port, end, kind, chance) for kind in (list(BAD.values()) * connections)[: connections - len(good)]
    ]
    await asyncio.gather(_watch(report, pid, end), _reset(report, port, end), *good, *bad)


async def _watch(report: Report, pid: int, end: float) -> None:
    while time.monotonic() < end:
        with contextlib.suppress(OSError):  # not everywhere
            text = Path(f"/proc/{pid}/status").read_text()
            report.memory.append(int(text.partition("VmRSS:")[2].split()[0]))
        await asyncio.sleep(1)


# --- the good -------------------------------------------------------------------------------------------------------


def _request(method: str, path: str, body: bytes = b"") -> bytes:
    return (
        f"{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n".encode()
        + b"x-api-key: %s\r\ncontent-length: %d\r\n\r\n%s" % (KEY, len(body), body)
    )


def _calls(chance: random.Random) -> tuple[bytes, int, Callable[[object], bool]]:
    """A request, and what its answer has to be, whatever the others do."""
    running, completed = chance.randint(1, 20), chance.randint(21, 40)
    kind = chance.randint(1, 7)
    if kind == 1:
        ids = [running, completed, 999]
        body = {"test_result_ids": [running], "failed_ids": [completed, 999], "success": True, "ended_count": 1}
        content = json.dumps({"test_result_ids": ids}).encode()
        return _request("POST", "/v1/end-conversations", content), 200, lambda answer: body.items() <= answer.items()
    if kind == 2:
        content = b'{"test_result_ids": []}'
        return _request("POST", "/v1/end-conversations", content), 422, lambda answer: "too_short" in str(answer)
    if kind == 3:
        path = f"/v1/retrieve-simulation-result/{completed}"
        return _request("GET", path), 200, lambda answer: answer["simulation_result"]["id"] == completed
    if kind == 4:
        return _request("GET", "/v1/nothing"), 404, lambda answer: answer == {"detail": "Not Found"}
    if kind == 5:
        large = b"x-large: " + b"y" * 50_000 + b"\r\nhost"
        path = f"/v1/retrieve-simulation-result/{completed}"
        request = _request("GET", path).replace(b"host", large, 1)
        return request, 200, lambda answer: answer["simulation_result"]["id"] == completed
    if kind == 6:
        request = _request("POST", "/v1/end-conversations").replace(
            b"content-length: 0\r\n\r\n",
            b'transfer-encoding: chunked\r\n\r\n1c\r\n{"test_result_ids": [99999]}\r\n0\r\n'
            + b"x-trailer: y\r\n" * 3_000
            + b"\r\n",
        )
        return request, 200, lambda answer: answer["failed_ids"] == [99999]
    path = f"/_fake/test-results/{running}"
    return _request("GET", path), 200, lambda answer: (answer["id"], answer["status"]) == (running, "RUNNING")


async def _good(report: Report, port: int, end: float, chance: random.Random) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.monotonic() < end:
        request, status, is_right = _calls(chance)
        began = time.monotonic()
        writer.write(request)
        try:
            got, answer = await asyncio.wait_for(_answer(reader), 30)
        except (OSError, EOFError, TimeoutError) as error:
            report.wrong.append(f"{request[:60]!r}: {error!r}")
            return
        if got == status and is_right(answer):
            report.answered += 1
            report.seconds.append(time.monotonic() - began)
        else:
            report.wrong.append(f"{request[:60]!r}: {got} {answer}")
    writer.close()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, object]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    assert length
    return int(head[9:12]), json.loads(await reader.readexactly(int(length[1])))


async def _reset(report: Report, port: int, end: float) -> None:
    """A fresh start now and then, so that the world does not grow by what the good ones do."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.monotonic() < end:
        writer.write(_request("POST", "/_fake/reset"))
        if (await _answer(reader))[0] != 200:
            report.wrong.append("reset")
        await asyncio.sleep(1)
    writer.close()


# --- the bad --------------------------------------------------------------------------------------------------------

_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_HALF = _request("POST", "/v1/end-conversations", b'{"test_result_ids": [1]}')[:-9]


async def _drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Its headers come byte by byte, and never end."""
    for byte in b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 1000:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.1)


async def _half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Half a body, and then nothing."""
    writer.write(_HALF)
    await reader.read()


async def _resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Gone in the middle of its request."""
    writer.write(_HALF)
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await asyncio.sleep(0.02)
    writer.transport.abort()


async def _leaves(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Gone before it is answered."""
    writer.write(_request("GET", "/v1/retrieve-simulation-result/1"))
    await asyncio.sleep(0)


async def _rubbish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Nothing like HTTP."""
    writer.write(os.urandom(1000))
    await reader.read()


async def _too_large(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A body that is declared larger than any may be, and sent."""
    writer.write(b"POST /v1/end-conversations HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n")
    for _ in range(20):
        writer.write(b"x" * 50_000)
        await writer.drain()
    await reader.read()


async def _does_not_read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Asks and asks, and takes no answer."""
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(_request("GET", "/_fake/state") * 30)
    await asyncio.sleep(3)


async def _idles(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says nothing at all."""
    await asyncio.sleep(2)


BAD: dict[str, Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]] = {
    function.__name__.strip("_"): function
    for function in (_drips, _half, _resets, _leaves, _rubbish, _too_large, _does_not_read, _idles)
}


async def _bad(
    report: Report,
    port: int,
    end: float,
    behave: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    chance: random.Random,
) -> None:
    while time.monotonic() < end:
        with contextlib.suppress(OSError, TimeoutError):
            async with _connection(port) as (reader, writer):
                await asyncio.wait_for(behave(reader, writer), max(0.1, end - time.monotonic()))
        report.broken[behave.__name__.strip("_")] += 1
        await asyncio.sleep(chance.random() / 10)


@contextlib.asynccontextmanager
async def _connection(port: int) -> AsyncIterator[_Streams]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


def main() -> None:
    report = soak(float(sys.argv[1]) if len(sys.argv) > 1 else 60)
    print(report)
    for wrong in report.wrong[:10]:
        print(f"wrong: {wrong}")
    sys.exit(not report.is_well)


if __name__ == "__main__":
    main()
