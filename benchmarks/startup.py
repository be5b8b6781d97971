"""From the command to the first answer, beside a bare Starlette application on uvicorn."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from statistics import median

from benchmarks.report import ratio
from benchmarks.server import STARLETTE, cpu_seconds

ROUNDS = 11


def run() -> None:
    """Print the medians and the ratio."""
    ours: list[tuple[float, float]] = []
    theirs: list[tuple[float, float]] = []
    for _ in range(ROUNDS):
        ours.append(_first_answer(["-m", "fake_bluejay", "serve", "--port", "{port}"]))
        theirs.append(_first_answer(["-c", STARLETTE.replace("port=0", "port={port}")]))
    print(f"from the command to the first answer, {ROUNDS} rounds (medians):")
    for name, each, goal in (("fake-bluejay", ours, " (goal ≤ 0.6 s)"), ("bare Starlette", theirs, "")):
        took, busy = (median(one) for one in zip(*each, strict=True))
        print(f"  {name}: {took:.3f} s{goal}, of which {busy:.2f} s of processor time")
    ratio("fake-bluejay / bare Starlette", [took for took, _ in ours], [took for took, _ in theirs], "none")


def _first_answer(arguments: list[str]) -> tuple[float, float]:
    """Seconds until it is there, and seconds of processor time in them."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    began = time.perf_counter()
    server = subprocess.Popen(
        [sys.executable, *(one.replace("{port}", str(port)) for one in arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
                    client.sendall(b"GET /v1/nothing HTTP/1.1\r\nhost: x\r\n\r\n")
                    if client.recv(1000).startswith(b"HTTP/1.1 404"):
                        return time.perf_counter() - began, cpu_seconds(server.pid) or 0
            except OSError:
                time.sleep(0.002)
    finally:
        server.terminate()
        server.wait(timeout=10)
