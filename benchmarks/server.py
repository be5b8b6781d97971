"""Requests a second of the standalone endpoint, beside a bare Starlette route and a FastAPI one with the same JSON, and
Prism (with npm's `npx` there), which plays the documented example back.

Ours in its default settings, with journal, events and access log; theirs without any log. Each round begins with
the conversation RUNNING, so that it is marked; *refusing* is the same for one that is over, where the world does not
change.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.report import ratio

ROUNDS = 9
CONNECTIONS = 16
SECONDS = 2.0


def _request(body: bytes) -> bytes:
    return (
        b"POST /v1/end-conversations HTTP/1.1\r\nhost: 127.0.0.1\r\nx-api-key: fake-bluejay-key\r\n"
        b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
    )


REQUEST = _request(b'{"test_result_ids":[1]}')
REFUSED = _request(b'{"test_result_ids":[8]}')
"""For a conversation that is over in the small world: nothing is marked."""
SERVE = "import uvicorn; uvicorn.run(app, port=0, lifespan='off', access_log=False, proxy_headers=False)"
STARLETTE = f"""
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
async def end(request):
    ids = (await request.json())["test_result_ids"]
    return JSONResponse({{"success": True, "ended_count": len(ids), "test_result_ids": ids, "failed_ids": None,
                          "message": "Marked"}})
app = Starlette(routes=[Route("/v1/end-conversations", end, methods=["POST"])])
{SERVE}
"""
FASTAPI = f"""
from typing import Annotated
from fastapi import FastAPI, Header
from pydantic import BaseModel, Field
class Request(BaseModel):
    test_result_ids: list[int] = Field(min_length=1)
class Response(BaseModel):
    success: bool
    ended_count: int
    test_result_ids: list[int]
    failed_ids: list[int] | None = None
    message: str
app = FastAPI()
@app.post("/v1/end-conversations")
async def end(request: Request, x_api_key: Annotated[str, Header()]) -> Response:
    ids = request.test_result_ids
    return Response(success=True, ended_count=len(ids), test_result_ids=ids, message="Marked")
{SERVE}
"""
SERVERS = {
    "fake-bluejay": [sys.executable, "-u", "-m", "fake_bluejay", "serve", "--port", "0"],
    "Starlette": [sys.executable, "-u", "-c", STARLETTE],
    "FastAPI": [sys.executable, "-u", "-c", FASTAPI],
}
PRISM = "@stoplight/prism-cli@5"
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "One endpoint", "version": "1"},
    "paths": {
        "/v1/end-conversations": {
            "post": {
                "parameters": [{"name": "X-API-Key", "in": "header", "required": True, "schema": {"type": "string"}}],
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "required": ["test_result_ids"],
                                "properties": {
                                    "test_result_ids": {"type": "array", "minItems": 1, "items": {"type": "integer"}}
                                },
                            }
                        }
                    },
                },
                "responses": {
                    "200": {
                        "description": "Marked",
                        "content": {"application/json": {"example": {"success": True, "test_result_ids": [1]}}},
                    }
                },
            }
        }
    },
}


def run() -> None:
    """Print the rates and the ratios."""
    rates: dict[str, list[float]] = {}
    cpu: dict[str, list[float]] = {}
    with contextlib.ExitStack() as stack:
        ports = {name: stack.enter_context(_serving(command)) for name, command in SERVERS.items()}
        ports["fake-bluejay, refusing"] = ports["fake-bluejay"]
        if npx := shutil.which("npx"):
            ports["Prism"] = stack.enter_context(_prism(npx))
        for _ in range(ROUNDS):
            for name, (pid, port) in ports.items():
                before = cpu_seconds(pid)
                rate = asyncio.run(_load(port, REFUSED if name.endswith("refusing") else REQUEST))
                rates.setdefault(name, []).append(rate)
                if before is not None:
                    spent = (cpu_seconds(pid) or 0) - before
                    cpu.setdefault(name, []).append(rate * SECONDS / spent)
                if name == "fake-bluejay":  # now, or the agents would come to all that was marked in others' time
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/_fake/reset", b"").close()
    print(f"requests a second, {ROUNDS} rounds of {SECONDS:.0f} s in turn, {CONNECTIONS} connections (medians):")
    for name, each in rates.items():
        busy = f"; {median(cpu[name]):,.0f} a second of its processor time" if name in cpu else ""
        print(f"  {name}: {median(each):,.0f}{busy}")
    if "Prism" not in rates:
        print("  Prism: left out, for there is no npx")
    goals = {"Starlette": "≥ 0.75", "FastAPI": "≥ 1.9", "Prism": "none"}
    for ours in ("fake-bluejay", "fake-bluejay, refusing"):
        for theirs in [name for name in goals if name in rates]:
            ratio(f"{ours} / {theirs}", rates[ours], rates[theirs], goals[theirs])
            if theirs in cpu:
                ratio(
                    "… by processor time, which others on the machine disturb less",
                    cpu[ours],
                    cpu[theirs],
                    goals[theirs],
                )


def cpu_seconds(pid: int) -> float | None:
    """Of processor time that a process has taken; None where that cannot be told."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def _serving(command: list[str]) -> Iterator[tuple[int, int]]:
    """A server that prints where it listens, and its log to a file: process and port."""
    with tempfile.NamedTemporaryFile("w+") as output:
        server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            while not (found := re.search(r"http://127\.0\.0\.1:(\d+)", Path(output.name).read_text())):
                if server.poll() is not None:
                    raise RuntimeError(f"{command} did not start: {Path(output.name).read_text()}")
                time.sleep(0.05)
            yield server.pid, int(found[1])
        finally:
            server.terminate()
            server.wait(timeout=10)


@contextlib.contextmanager
def _prism(npx: str) -> Iterator[tuple[int, int]]:
    with tempfile.TemporaryDirectory() as directory:
        document = Path(directory, "openapi.json")
        document.write_text(json.dumps(DOCUMENT))
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        # npx runs it in a process of its own, whose time is not looked at.
        command = [npx, "--yes", PRISM, "mock", str(document), "-p", str(port), "-v", "error"]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            deadline = time.monotonic() + 300  # it may have to be fetched
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except OSError:
                    if server.poll() is not None or time.monotonic() > deadline:
                        raise RuntimeError("Prism did not start") from None
                    time.sleep(0.2)
            yield 0, port
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(timeout=10)


async def _load(port: int, request: bytes) -> float:
    loop = asyncio.get_running_loop()
    clients = [
        (await loop.create_connection(lambda: _Client(request), "127.0.0.1", port))[1] for _ in range(CONNECTIONS)
    ]
    start = time.perf_counter()
    await asyncio.sleep(SECONDS)
    spent = time.perf_counter() - start
    answered = sum(client.answered for client in clients)
    for client in clients:
        client.transport.close()
    assert answered, "no request was answered"
    return answered / spent


class _Client(asyncio.Protocol):
    """Sends the next request as soon as the last is answered; nothing is parsed but the end and the status."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self.answered = 0
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._buffer.endswith(b"}"):
            assert self._buffer.startswith(b"HTTP/1.1 200"), self._buffer
            self._buffer = b""
            self.answered += 1
            self.transport.write(self._request)
