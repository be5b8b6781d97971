"""Requests a second of the standalone endpoint, beside a bare Starlette route and a FastAPI one with the same JSON."""

from __future__ import annotations

import asyncio
import contextlib
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from statistics import median

from benchmarks.report import ratio

ROUNDS = 9
CONNECTIONS = 16
SECONDS = 2.0
BODY = b'{"test_result_ids":[1]}'
REQUEST = (
    b"POST /v1/end-conversations HTTP/1.1\r\nhost: 127.0.0.1\r\nx-api-key: fake-bluejay-key\r\n"
    b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY)
)
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
    "fake-bluejay": ["-m", "fake_bluejay", "serve", "--port", "0", "--no-access-log"],
    "Starlette": ["-c", STARLETTE],
    "FastAPI": ["-c", FASTAPI],
}


def run() -> None:
    """Print the rates and the ratios."""
    rates: dict[str, list[float]] = {name: [] for name in SERVERS}
    with contextlib.ExitStack() as stack:
        ports = {name: stack.enter_context(_serving(arguments)) for name, arguments in SERVERS.items()}
        for _ in range(ROUNDS):
            for name, port in ports.items():
                rates[name].append(asyncio.run(_load(port)))
    print(f"requests a second, {ROUNDS} rounds of {SECONDS:.0f} s in turn, {CONNECTIONS} connections (medians):")
    for name, each in rates.items():
        print(f"  {name}: {median(each):,.0f}")
    ratio("fake-bluejay / bare Starlette", rates["fake-bluejay"], rates["Starlette"], "≥ 0.85")
    ratio("fake-bluejay / FastAPI", rates["fake-bluejay"], rates["FastAPI"], "≥ 1.9")


@contextlib.contextmanager
def _serving(arguments: list[str]) -> Iterator[int]:
    server = subprocess.Popen(
        [sys.executable, "-u", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert server.stdout is not None
        for line in server.stdout:
            if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
                yield int(found[1])
                return
        raise RuntimeError(f"{arguments[:2]} did not start")
    finally:
        server.terminate()
        server.communicate(timeout=10)


async def _load(port: int) -> float:
    loop = asyncio.get_running_loop()
    clients = [(await loop.create_connection(_Client, "127.0.0.1", port))[1] for _ in range(CONNECTIONS)]
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

    def __init__(self) -> None:
        self.answered = 0
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(REQUEST)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._buffer.endswith(b"}"):
            assert self._buffer.startswith(b"HTTP/1.1 200"), self._buffer
            self._buffer = b""
            self.answered += 1
            self.transport.write(REQUEST)
