"""A fuzzer of what comes from outside: the control API, raw HTTP, and seeds. Seeded, and bounded in time.

`make fuzz` runs a minute of it. It ends with status 1, and prints inputs that do it again, if the server answered 5xx
of its own, logged a traceback or died, or if a seed raised anything but an error that says what is wrong with it.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fake_bluejay.control.openapi import document
from fake_bluejay.state.seed import SeedError, load_seed, schema

ODD: list[Any] = [
    None, True, False, 0, 1, -1, 2, 1.5, 1e308, -0.0, 10**30, "", " ", "1", "default", "x" * 300, "\ud800", "\x00", "é",
    "ends-after=2", "ends-after=1e400", "RUNNING", "end", "2026-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "/v1/ping",
    "/{", "http://127.0.0.1:9", [], [1, 2], [[]], {}, {"a": 1}, {"": None},
]  # fmt: skip
"""Values to put where others are expected."""

NOT_OURS = re.compile(r"Internal Server Error|does not model|event streams are open|connections are in use")
"""The words of a 5xx that is the framework's, or a documented refusal."""


class Found(list[str]):
    """Failures, each with the input that reproduces it."""


def drawn(chance: random.Random, of: dict[str, Any], schemas: dict[str, Any], depth: int = 0) -> Any:
    """Return a value that a JSON Schema describes, or now and then something else."""
    if chance.random() < 0.15 or depth > 6:
        return chance.choice(ODD)
    if "$ref" in of:
        return drawn(chance, schemas[of["$ref"].rpartition("/")[2]], schemas, depth + 1)
    for name in ("anyOf", "oneOf", "allOf"):
        if name in of:
            return drawn(chance, chance.choice(of[name]), schemas, depth + 1)
    if "enum" in of:
        return chance.choice(of["enum"])
    if "const" in of:
        return of["const"]
    kind = of.get("type")
    if kind == "object":
        fields = {
            name: drawn(chance, one, schemas, depth + 1)
            for name, one in of.get("properties", {}).items()
            if name in of.get("required", ()) or chance.random() < 0.4
        }
        if chance.random() < 0.1:
            fields[chance.choice(["x", "", "tags", "metadata"])] = chance.choice(ODD)
        return fields
    if kind == "array":
        return [drawn(chance, of.get("items", {}), schemas, depth + 1) for _ in range(chance.randint(0, 3))]
    if kind == "integer":
        return chance.choice([0, 1, 2, 3, 200, 404, -1, 10**9])
    if kind == "number":
        return chance.choice([0, 0.5, 1, 30, 1e-6, 1e6])
    if kind == "boolean":
        return chance.random() < 0.5
    return chance.choice([one for one in ODD if isinstance(one, str)])


def control_requests(chance: random.Random) -> Iterator[tuple[str, str, bytes]]:
    """Yield requests to the control API without end: method, path and body."""
    described = document()
    schemas = described["components"]["schemas"]
    operations = [
        (method.upper(), path, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
        if path != "/_fake/events"
    ]
    while True:
        method, path, operation = chance.choice(operations)
        path = path.replace("{id}", str(chance.choice([1, 2, 3, "x", -1, "9" * 200, "%00"])))
        query = [
            f"{one['name']}={chance.choice(['1', '0', '-1', 'x', '', 'default', 'RUNNING', '%ff', '9' * 30])}"
            for one in operation.get("parameters", ())
            if one["in"] == "query" and chance.random() < 0.2
        ]
        body = b""
        if "requestBody" in operation:
            of = operation["requestBody"]["content"]["application/json"]["schema"]
            value = drawn(chance, of, schemas)
            if isinstance(value, dict) and isinstance(value.get("status"), int) and value["status"] >= 500:
                value["status"] = 404  # a 5xx that was asked for is none of the server's own
            if isinstance(value, dict) and "count" in value:
                value["count"] = chance.choice([1, 2, "x"])
            body = json.dumps(value).encode()
        yield method, path + ("?" + "&".join(query) if query else ""), body


def mutated(chance: random.Random, content: bytes) -> bytes:
    """Return content with a few bytes changed, left out, doubled or put in."""
    changed = bytearray(content)
    for _ in range(chance.randint(0, 4)):
        at = chance.randrange(len(changed) + 1)
        kind = chance.randrange(4)
        if kind == 0:
            changed[at:at] = bytes(chance.randrange(256) for _ in range(chance.randint(1, 4)))
        elif kind == 1:
            del changed[at : at + chance.randint(1, 20)]
        elif kind == 2:
            changed[at:at] = changed[at : at + chance.randint(1, 60)]
        elif changed:
            changed[at % len(changed)] = chance.randrange(256)
    return bytes(changed)


RAW = [
    b"GET /v1/ping HTTP/1.1\r\nhost: localhost\r\nx-api-key: k\r\n\r\n",
    b"GET /v1/ping/?a=%ff HTTP/1.1\r\nhost: localhost\r\nx-api-key: k\r\n\r\n",
    b"POST /v1/end-conversations HTTP/1.1\r\nhost: localhost\r\nx-api-key: k\r\ncontent-type: application/json\r\n"
    b'content-length: 25\r\n\r\n{"test_result_ids": [1]}\n',
    b"POST /v1/end-conversations HTTP/1.1\r\nhost: localhost\r\nx-api-key: k\r\ncontent-type: application/json\r\n"
    b'transfer-encoding: chunked\r\n\r\n18\r\n{"test_result_ids": [1]}\r\n0\r\nx-trailer: y\r\n\r\n',
    b"POST /v1/create-simulation HTTP/1.1\r\nhost: x\r\nx-api-key: k\r\nexpect: 100-continue\r\n"
    b"content-length: 2\r\n\r\n{}",
    b"GET /_fake?x=%ff HTTP/1.1\r\nhost: localhost\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: localhost\r\naccept: text/html\r\n\r\n",
    b"OPTIONS /v1/ping HTTP/1.1\r\nhost: x\r\norigin: http://a\r\naccess-control-request-method: GET\r\n\r\n",
    b"GET /fake/transcripts/1.json?organisation=%ff HTTP/1.1\r\nhost: x\r\n\r\n",
    b"CONNECT api.getbluejay.ai:443 HTTP/1.1\r\nhost: x\r\n\r\n",
    b"GET http://api.getbluejay.ai/v1/ping HTTP/1.1\r\nhost: x\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n",
]


def raw(port: int, content: bytes) -> bytes:
    """Send bytes, and return what comes in a moment."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(content)
            connection.shutdown(socket.SHUT_WR)
        received = b""
        with contextlib.suppress(OSError):
            while data := connection.recv(65536):
                received += data
        return received


def a_seed(chance: random.Random, directory: Path) -> Path:
    """Return the file of a seed of any format, which may be broken."""
    of = schema()
    value = drawn(chance, of, of["$defs"])
    for name in ("test_results", "simulations"):
        given = value.get(name) if isinstance(value, dict) else None
        for one in given if isinstance(given, list) else ():
            if isinstance(one, dict):
                one.pop("count", None)
                one.pop("runs", None)
    text = json.dumps(value)
    ending = chance.choice([".json", ".yaml", ".toml"])
    if ending == ".toml":
        text = (
            "\n".join(f"{name} = {json.dumps(one)}" for name, one in value.items()) if isinstance(value, dict) else ""
        )
    path = directory / f"seed{ending}"
    path.write_bytes(mutated(chance, text.encode()) if chance.random() < 0.5 else text.encode())
    return path


def fuzz_seed(chance: random.Random, directory: Path, found: Found) -> str:
    """Plant one seed. Return what became of it."""
    path = a_seed(chance, directory)
    try:
        load_seed(path)
    except SeedError as error:
        if not error.problems or not all(str(path) in one for one in error.problems):
            found.append(f"a message without a place: {error} of {path.read_bytes()!r}")
        return "seeds refused"
    except Exception as error:
        found.append(f"{type(error).__name__}: {error} of {path.name} {path.read_bytes()!r}")
    return "seeds loaded"


def checked(status: int, text: str, request: object, found: Found) -> str:
    """Note an answer that must not be. Return its status."""
    if status >= 500 and not NOT_OURS.search(text):
        found.append(f"{status} {text[:300]} to {request!r}")
    return f"{status // 100}xx"


@contextlib.contextmanager
def served(directory: Path) -> Iterator[tuple[int, subprocess.Popen[bytes], Path]]:
    """Serve, and yield the port, the process, and the file of what it prints."""
    output = directory / "output.txt"
    command = [sys.executable, "-m", "fake_bluejay", "serve", "--port", "0", "--no-access-log", "--client-timeout", "2"]
    with output.open("wb") as file:
        server = subprocess.Popen(
            [*command, "--clock", "manual", "--save", str(directory / "saved.json")],
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        while not (listens := re.search(r"listens on http://127.0.0.1:(\d+)", output.read_text())):
            if server.poll() is not None:
                raise RuntimeError(output.read_text())
            time.sleep(0.05)
        yield int(listens[1]), server, output
    finally:
        server.kill()
        server.wait()


def fuzz(seconds: float, seed: int) -> tuple[Counter[str], Found]:
    """Return what was answered, counted, and what went wrong."""
    chance, found, seen = random.Random(seed), Found(), Counter[str]()
    requests = control_requests(chance)
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as name, served(Path(name)) as (port, server, output):

        def control() -> str:
            method, path, body = next(requests)
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            try:
                connection.request(method, path, body)
                answer = connection.getresponse()
                return "control " + checked(
                    answer.status, answer.read().decode(errors="replace"), (method, path, body), found
                )
            finally:
                connection.close()

        def bytes_() -> str:
            content = mutated(chance, b"".join(chance.choices(RAW, k=chance.randint(1, 3))))
            answers = raw(port, content)
            for one in re.findall(rb"HTTP/1\.1 (5\d\d)[\s\S]*?\r\n\r\n([^\r\n]*)", answers):
                checked(int(one[0]), one[1].decode(errors="replace"), content, found)
            return "raw answered" if answers.startswith(b"HTTP/1.") else "raw not answered"

        kinds: list[Callable[[], str]] = [control, control, bytes_, lambda: fuzz_seed(chance, Path(name), found)]
        count = 0
        while time.monotonic() < end and len(found) < 20 and server.poll() is None:
            try:
                seen[chance.choice(kinds)()] += 1
            except (OSError, http.client.HTTPException) as error:
                found.append(f"{error!r}")
            count += 1
            if count % 200 == 0:  # or it would be full of what was added, and of faults that break each connection
                raw(port, b"POST /_fake/reset HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n")
        server.send_signal(signal.SIGTERM)
        status = server.wait(timeout=30)
        printed = output.read_text(errors="replace")
        if status != 0:
            found.append(f"the server ended with status {status}")
        for traceback in re.findall(r"(?:.*\n)?Traceback[\s\S]*?\n\w[^\n]*", printed)[:5]:
            found.append(traceback)
    return seen, found


def main() -> None:
    """Fuzz, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seconds", nargs="?", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    seen, found = fuzz(given.seconds, given.seed)
    print(", ".join(f"{count:,} {name}" for name, count in sorted(seen.items())))
    for one in found:
        print(f"FOUND: {one}")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
