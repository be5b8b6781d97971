"""The door that every intercepted call comes through: one request in, the ASGI application stepped once, one answer."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, MutableMapping
from email.utils import formatdate
from typing import Any, NamedTuple
from urllib.parse import unquote

from fake_bluejay.api.faults import BREAKAGE, GARBAGE, Breakage
from fake_bluejay.api.journal import EXCHANGE

__all__ = ["GARBAGE", "HOST", "App", "Breakage", "Reply", "exchange", "is_bluejay"]

HOST = "api.getbluejay.ai"

App = Callable[
    [
        MutableMapping[str, Any],
        Callable[[], Awaitable[MutableMapping[str, Any]]],
        Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ],
    Awaitable[None],
]
RawHeaders = list[tuple[bytes, bytes]]


class Reply(NamedTuple):
    """An answer, whole: the status, the headers with lower-case names, the body (empty for HEAD)."""

    status: int
    headers: RawHeaders
    body: bytes
    breakage: Breakage | None = None


def is_bluejay(host: str | bytes | None) -> bool:
    """Whether this is the real service's host, in whatever case, with or without the root's dot."""
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    return host is not None and (host == HOST or host.rstrip(".").lower() == HOST)


def exchange(
    app: App, method: str, scheme: str, host: str, port: int | None, target: bytes, headers: RawHeaders, body: bytes
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
    messages: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        messages.append(message)

    step(app(scope, receive, send))
    start, *rest = messages
    content = b"" if method == "HEAD" else b"".join(message.get("body", b"") for message in rest)
    answered = list(start["headers"])
    if all(name != b"date" for name, _ in answered):  # which a fault may bring
        answered.insert(0, (b"date", _date(scope[EXCHANGE].instant // 1_000_000)))
    return Reply(start["status"], answered, content, extensions[BREAKAGE])


@functools.lru_cache(maxsize=1)
def _date(seconds: int) -> bytes:
    """A moment of the fake's clock as HTTP has it: a server adds when it answered."""
    return formatdate(seconds, usegmt=True).encode()


def step(answering: Awaitable[None]) -> None:
    """Run a coroutine that never waits to its end."""
    steps = answering.__await__()
    try:
        next(steps)
    except StopIteration:
        return
    raise RuntimeError("the fake's application waited inside a call that cannot wait; this is a bug of fake-bluejay")
