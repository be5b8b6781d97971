"""The door that every intercepted call comes through: one request in, one answer out, nothing waited for."""

from __future__ import annotations

import functools
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from fake_bluejay.http.faults import BREAKAGE, Breakage
from fake_bluejay.intercept.clockwork import CLOCKWORK

if TYPE_CHECKING:
    from fake_bluejay.bluejay.app import Api

RawHeaders = list[tuple[bytes, bytes]]


class Reply(NamedTuple):
    """An answer, whole: the status, the headers with lower-case names, the body (empty for HEAD)."""

    status: int
    headers: RawHeaders
    body: bytes
    breakage: Breakage | None = None


def exchange(
    app: Api, method: str, scheme: str, host: str, port: int | None, target: bytes, headers: RawHeaders, body: bytes
) -> Reply:
    """Answer one request in this thread, with no event loop.

    `target` is the path with its query as on the wire; header names are lower-case.
    """
    raw_path, _, query = target.partition(b"?")
    extensions: dict[str, Any] = {BREAKAGE: None}
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": scheme,
        "path": unquote(raw_path.decode("ascii")),
        "raw_path": raw_path,
        "root_path": "",
        "query_string": query,
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": (host, port or (443 if scheme == "https" else 80)),
        "extensions": extensions,
    }
    CLOCKWORK.notice()
    answer = app.answer(scope, body)
    answered = list(answer.raw_headers)
    if b"date" not in [name for name, _ in answered]:  # a fault's answer may have its own
        # By the client's own calendar: a client that caches the response compares this with its clock.
        answered.insert(0, (b"date", _date(int(time.time()))))
    return Reply(answer.status_code, answered, b"" if method == "HEAD" else answer.content, extensions[BREAKAGE])


@functools.lru_cache(maxsize=1)
def _date(seconds: int) -> bytes:
    """Return an instant as HTTP has it."""
    return formatdate(seconds, usegmt=True).encode()
