"""The access log: a line a request, as text or JSON, written in batches and by a thread, so that nobody waits for it.

Whoever does not read what is written loses lines, and is told how many: a full pipe does not stop the server.
"""

from __future__ import annotations

import asyncio
import json
import queue
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple, TextIO

from starlette.types import Scope

from fake_bluejay.api.journal import masked

__all__ = ["FORMATS", "Access", "AccessLog"]

_BATCH = 0.1
"""Seconds in which lines gather."""
_MOST_WAITING = 100
"""Batches that wait to be written, before lines are dropped."""
_MOST_IN_A_BATCH = 5_000


class Access(NamedTuple):
    """One request and what became of it."""

    at: float
    """When it was answered: seconds since 1970."""
    took: float
    """Seconds from the request being whole to its answer."""
    scope: Scope
    status: int
    faults: tuple[str, ...] = ()
    detail: str | None = None
    """Why it was refused, if it came no further than the connection."""


class AccessLog:
    """Writes lines to a stream, in one of `FORMATS`."""

    def __init__(self, format: str = "text", stream: TextIO | None = None) -> None:
        self._line = FORMATS[format]
        self._stream = stream or sys.stdout
        self._lines: list[Access] = []
        self._batches: queue.Queue[str | None] = queue.Queue(_MOST_WAITING)
        self._dropped = 0
        self._gathering = False
        self._writer = threading.Thread(target=self._write, name="fake-bluejay access log", daemon=True)
        self._writer.start()

    def add(self, access: Access) -> None:
        """Write it, soon. To be called on the event loop."""
        if len(self._lines) >= _MOST_IN_A_BATCH:
            self.flush()
        self._lines.append(access)
        if not self._gathering:
            self._gathering = True
            asyncio.get_running_loop().call_later(_BATCH, self.flush)

    def flush(self) -> None:
        """Hand over to the thread what has gathered."""
        self._gathering = False
        gathered, self._lines = self._lines, []
        if not gathered:
            return
        try:
            self._batches.put_nowait("".join(map(self._line, gathered)))
        except queue.Full:
            self._dropped += len(gathered)

    def close(self, within: float = 2.0) -> None:
        """Write what is left; give up after so many seconds."""
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
                    self._stream.write(f"… {dropped} lines of the access log are missing: nobody read them in time\n")
                self._stream.write(batch)
                self._stream.flush()
            except (OSError, ValueError):
                pass  # nobody is there to read it


def _key(scope: Scope) -> str | None:
    for name, value in scope.get("headers", ()):
        if name in (b"x-api-key", b"authorization"):
            return masked(value.decode("latin-1"))
    return None


def _text(access: Access) -> str:
    scope = access.scope
    at = datetime.fromtimestamp(access.at).isoformat(" ", "milliseconds")
    key = _key(scope)
    return (
        f"{at} {access.status} {access.took * 1000:6.1f} ms  {scope.get('method', '-')} {_path(scope)}"
        f"{f'  key={key}' if key is not None else ''}"
        f"{''.join(f'  fault={fault}' for fault in access.faults)}"
        f"{f'  {access.detail}' if access.detail else ''}\n"
    )


def _json(access: Access) -> str:
    scope = access.scope
    client = scope.get("client")
    entry: dict[str, Any] = {
        "at": datetime.fromtimestamp(access.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "event": "request",
        "method": scope.get("method"),
        "path": _path(scope),
        "status": access.status,
        "ms": round(access.took * 1000, 3),
        "client": client[0] if client else None,
        "key": _key(scope),
    }
    if access.faults:
        entry["faults"] = access.faults
    if access.detail:
        entry["detail"] = access.detail
    return json.dumps(entry, ensure_ascii=False) + "\n"


def _path(scope: Scope) -> str:
    """As it was sent, so that no line break of a client's makes a line of its own."""
    query = scope.get("query_string")
    path = scope.get("raw_path", b"-").decode("latin-1")
    return f"{path}?{query.decode('latin-1')}" if query else path


FORMATS: dict[str, Callable[[Access], str]] = {"text": _text, "json": _json}
