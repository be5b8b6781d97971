"""The access log: a line for each request, as text or JSON, written in batches by a thread, so that no request waits.

If the output is not read, lines are dropped, and a later line says how many: a full pipe does not stop the server.
"""

from __future__ import annotations

import asyncio
import functools
import json
import queue
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, TextIO

from starlette.types import Scope

from fake_bluejay.http.journal import masked, with_query

_BATCH = 0.1
"""Seconds in which lines are gathered."""
_MOST_IN_A_BATCH = 5_000
_MOST_WAITING = 100
"""The most batches that wait to be written; further lines are dropped."""

Format = Callable[[Scope, int | None, float, tuple[str, ...], str | None], str]


class AccessLog:
    """A log of requests, which a thread writes to a stream in one of `FORMATS`."""

    def __init__(self, format: str, stream: TextIO | None = None) -> None:
        self._format = FORMATS[format]
        self._stream = stream or sys.stdout
        self._lines: list[str] = []
        self._batches: queue.Queue[str | None] = queue.Queue(_MOST_WAITING)
        self._dropped = 0
        self._writer = threading.Thread(target=self._write, name="fake-bluejay access log", daemon=True)
        self._writer.start()

    def add(
        self, scope: Scope, status: int | None, took: float, faults: tuple[str, ...] = (), detail: str | None = None
    ) -> None:
        """Log a request and its answer; call this on the event loop.

        Args:
            scope: The ASGI scope of the request.
            status: The status of the answer; None if there was no answer.
            took: The duration, in seconds.
            faults: The faults that the request met.
            detail: The reason why the request was refused.
        """
        lines = self._lines
        if not lines:
            asyncio.get_running_loop().call_later(_BATCH, self.flush)
        # Formatted at once: keeping the request for later would cost the garbage collector more.
        lines.append(self._format(scope, status, took, faults, detail))
        if len(lines) >= _MOST_IN_A_BATCH:
            self.flush()

    def flush(self) -> None:
        """Hand the gathered lines over to the thread."""
        gathered, self._lines = self._lines, []
        if not gathered:
            return
        try:
            self._batches.put_nowait("".join(gathered))
        except queue.Full:
            self._dropped += len(gathered)

    def close(self, within: float = 2.0) -> None:
        """Write the remaining lines; give up after so many seconds."""
        self.flush()
        try:
            self._batches.put(None, timeout=within)
        except queue.Full:
            return
        self._writer.join(within)

    def _write(self) -> None:
        while (batch := self._batches.get()) is not None:
            dropped, self._dropped = self._dropped, 0
            try:
                if dropped:
                    self._stream.write(_lost(dropped, self._format))
                self._stream.write(batch)
                self._stream.flush()
            except (OSError, ValueError):
                pass  # nobody is there to read it


def _lost(lines: int, format: Format) -> str:
    message = f"{lines} lines of the access log are missing: nobody read it in time"
    return json.dumps({"event": "warning", "message": message}) + "\n" if format is _json else f"… {message}\n"


def _text(scope: Scope, status: int | None, took: float, faults: tuple[str, ...], detail: str | None) -> str:
    at = time.time()
    second = int(at)
    line = (
        f"{_second(second)}.{int((at - second) * 1000):03} {status or '---'} {took * 1000:6.1f} ms"
        f"  {scope.get('method', '-')} {_address(scope.get('raw_path', b'-'), scope.get('query_string'))}"
    )
    if (key := _key(scope)) is not None:
        line += f"  key={key}"
    if faults:
        line += f"  fault={faults[0]}"
    if detail is not None:
        line += f"  {detail}"
    return line + "\n"


def _json(scope: Scope, status: int | None, took: float, faults: tuple[str, ...], detail: str | None) -> str:
    at = time.time()
    client = scope.get("client")
    entry: dict[str, Any] = {
        "at": f"{_utc_second(int(at))}.{int(at % 1 * 1000):03}Z",
        "event": "request",
        "method": scope.get("method"),
        "path": _address(scope.get("raw_path", b"-"), scope.get("query_string")),
        "status": status,
        "ms": round(took * 1000, 3),
        "client": client[0] if client else None,
        "key": _key(scope),
    }
    if faults:
        entry["faults"] = faults
    if detail is not None:
        entry["detail"] = detail
    return _encode(entry) + "\n"


_encode = json.JSONEncoder(ensure_ascii=False).encode


@functools.lru_cache(maxsize=4)
def _second(at: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


@functools.lru_cache(maxsize=4)
def _utc_second(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at))


@functools.lru_cache(maxsize=256)
def _address(path: bytes, query: bytes | None) -> str:
    """Return the address as it was sent, still percent-encoded, so that it stays in one line; keys are masked."""
    return with_query(path.decode("latin-1"), (query or b"").decode("latin-1"))


def _key(scope: Scope) -> str | None:
    for name, value in scope.get("headers", ()):
        if name in (b"x-api-key", b"authorization"):
            return _masked(value)
    return None


@functools.lru_cache(maxsize=256)
def _masked(key: bytes) -> str:
    return masked(key.decode("latin-1"))


FORMATS: dict[str, Format] = {"text": _text, "json": _json}
