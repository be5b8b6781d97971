"""The journal: every exchange that reached the fake, as it was on the wire."""

from __future__ import annotations

import json
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Any, overload
from urllib.parse import unquote_plus

from starlette.types import Receive, Scope, Send

from fake_bluejay.core.clock import datetime_at

if TYPE_CHECKING:
    from starlette.responses import Response

EXCHANGE = "fake_bluejay.exchange"
"""The key in a request's scope under which the API leaves the `Exchange` for the door that the request came by."""

_SECRET_WORDS = ("key", "token", "secret", "password", "auth", "cookie")
"""Words in the names of headers and query parameters whose values are masked wherever they are shown."""
_NO_SECRETS = ("idempotency-key", "proxy-authenticate", "sec-websocket-key", "www-authenticate")
"""Headers with such a word in their names whose values are no secrets."""
_CARRY_KEYS = ("x-api-key", "authorization")
"""The headers by which a caller authenticates to Bluejay."""


def is_secret(name: str) -> bool:
    """Return whether the value of a header, or of a parameter, of this name is to be masked."""
    name = name.lower()
    return name not in _NO_SECRETS and any(word in name for word in _SECRET_WORDS)


class _Message:
    """The headers and the body of a request, or of an answer."""

    __slots__ = ()
    raw_headers: list[tuple[bytes, bytes]]
    """The headers as they are sent, in their order."""
    content: bytes

    @property
    def headers(self) -> Headers:
        """The headers, by name in any case."""
        headers: dict[str, str] = {}
        for name, value in self.raw_headers:
            key = name.decode("latin-1").lower()
            headers[key] = f"{headers[key]}, {value.decode('latin-1')}" if key in headers else value.decode("latin-1")
        return Headers(headers)

    @property
    def json(self) -> Any:
        """The body parsed as JSON; None if it is not JSON."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            return None


class Answer(_Message):
    """The answer to a request: `.status_code`, `.headers` (found in any case), `.content` (bytes), `.text`, `.json`.

    Also an ASGI application that answers so.
    """

    __slots__ = ("content", "raw_headers", "status_code")

    def __init__(self, status_code: int, headers: list[tuple[bytes, bytes]], content: bytes) -> None:
        self.status_code = status_code
        self.raw_headers = headers
        self.content = content

    @classmethod
    def of(cls, response: Response) -> Answer:
        """Return a response of Starlette as an answer."""
        return cls(response.status_code, response.raw_headers, bytes(response.body))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer, as an ASGI application."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.content})

    @property
    def text(self) -> str:
        """The body as text; what is not UTF-8 in it is replaced."""
        return self.content.decode(errors="replace")

    def __repr__(self) -> str:
        return f"<Answer {self.status_code} {shortened(self.content)}>"


class Exchange(_Message):
    """A request and its answer.

    `.method`, `.path` (decoded, without the query), `.query`, `.headers` (found in any case), `.content`, `.json`,
    `.at` (aware datetime of the fake's clock), `.response` (None where a fault reset the connection instead),
    `.faults` (those applied, in words), `.number` (its place in the journal, counted from 1), `.modelled` (whether it
    was for an endpoint that is modelled or stubbed, or for none of Bluejay's).
    """

    __slots__ = (
        "content",
        "faults",
        "instant",
        "method",
        "modelled",
        "number",
        "path",
        "query",
        "raw_headers",
        "response",
        "size",
    )

    def __init__(
        self,
        instant: int,
        method: str,
        path: str,
        query: str,
        headers: list[tuple[bytes, bytes]],
        content: bytes,
    ) -> None:
        self.instant = instant
        self.method = method
        self.path = path
        self.query = query
        self.raw_headers = headers
        self.content = content
        self.response: Answer | None = None
        self.faults: tuple[str, ...] = ()
        self.number = 0
        self.modelled = True
        self.size = 0
        """The number of bytes that the journal counts for this exchange."""

    @property
    def at(self) -> datetime:
        """The moment at which the request arrived, by the fake's clock, in UTC."""
        return datetime_at(self.instant)

    def __repr__(self) -> str:
        answer = "no answer" if self.response is None else f"{self.response.status_code}"
        return f"<{self.method} {printable(self.path)}{masked_key(self)} {shortened(self.content)} → {answer}>"


MOST_BYTES = 64 * 1024 * 1024
"""The most bytes that large requests and answers together take in a journal.

An exchange is large if a full journal of such exchanges would take more than this.
"""

_SHOWN = 200
"""The number of characters of a body that reports show."""

_HEADER_COSTS = 128
"""Bytes that Python needs for a header besides its name and value."""


class _HeadersSeen:
    """The latest headers of requests, or of answers.

    Most of a client's requests have equal headers: these are kept, and counted, once.
    """

    def __init__(self) -> None:
        self._latest: list[tuple[bytes, bytes]] = []
        self._size = 0

    def share(self, headers: list[tuple[bytes, bytes]]) -> tuple[list[tuple[bytes, bytes]], int]:
        """Return equal headers, and how many bytes they keep: many short ones keep more than was sent."""
        if headers != self._latest:
            self._latest = headers
            self._size = sum(map(len, chain.from_iterable(headers))) + _HEADER_COSTS * len(headers)
        return self._latest, self._size


class Journal:
    """The exchanges in the order they were answered.

    The oldest are forgotten past `limit` or `most_bytes`, but never the newest.

    The doors write it; a test reads it as `Requests`.
    """

    def __init__(self, limit: int = 10_000, most_bytes: int = MOST_BYTES) -> None:
        self._limit = limit
        self._most_bytes = most_bytes
        self._small = most_bytes // limit
        """The size up to which an exchange need not be counted: a full journal of such exchanges keeps within
        `most_bytes`."""
        self._exchanges: deque[Exchange] = deque()
        self._bytes = 0
        self._asked, self._answered = _HeadersSeen(), _HeadersSeen()
        self._lock = threading.RLock()  # reentrant, for a signal's handler may send a request while it is held
        self.total = 0
        """The number of exchanges, including the forgotten ones."""
        self.on_change: Callable[..., None] | None = None
        """Called with each change, like `World.on_change`."""

    def append(self, exchange: Exchange) -> None:
        """Add an exchange that was answered, and number it."""
        answer = exchange.response
        with self._lock:
            exchange.raw_headers, size = self._asked.share(exchange.raw_headers)
            size += len(exchange.content) + len(exchange.path) + len(exchange.query)
            if answer is not None:
                answer.raw_headers, of_headers = self._answered.share(answer.raw_headers)
                size += of_headers + len(answer.content)
            self._exchanges.append(exchange)
            self.total = exchange.number = self.total + 1
            if len(self._exchanges) > self._limit:
                self._bytes -= self._exchanges.popleft().size
            if size > self._small:
                exchange.size = size
                self._bytes += size
                while self._bytes > self._most_bytes and len(self._exchanges) > 1:
                    self._bytes -= self._exchanges.popleft().size

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._exchanges.clear()
            self._bytes = self.total = 0
        if (publish := self.on_change) is not None:
            publish("requests-cleared")

    def __iter__(self) -> Iterator[Exchange]:
        with self._lock:
            return iter(list(self._exchanges))

    def __len__(self) -> int:
        return len(self._exchanges)


class Requests:
    """The requests that arrived, with their answers, the newest last; of many, the oldest are forgotten.

    Reads like a list.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def clear(self) -> None:
        """Forget all of them."""
        self._journal.clear()

    def __iter__(self) -> Iterator[Exchange]:
        return iter(self._journal)

    def __len__(self) -> int:
        return len(self._journal)

    @overload
    def __getitem__(self, index: int) -> Exchange: ...
    @overload
    def __getitem__(self, index: slice) -> list[Exchange]: ...
    def __getitem__(self, index: int | slice) -> Exchange | list[Exchange]:
        return list(self)[index]

    def __repr__(self) -> str:
        return repr(list(self))


def masked(key: str) -> str:
    """Return an API key for reports and logs: enough to tell two apart, not enough to use.

    A masked key stays as it is.
    """
    if re.fullmatch(r"(.{4})?…(.{2})?", key):
        return key
    return f"{key[:4]}…{key[-2:]}" if len(key) >= 12 else "…" if key else "(empty)"


def masked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers as they may be shown."""
    return {name: masked(value) if is_secret(name) else value for name, value in headers.items()}


def masked_key(exchange: Exchange) -> str:
    """Return the API key of a request for display; empty if it had none."""
    headers = exchange.headers
    keys = [masked(headers[name]) for name in _CARRY_KEYS if name in headers]
    return f" key={keys[0]}" if keys else ""


class Headers(dict[str, str]):
    """Headers by their lower-case names, looked up in any case, as HTTP has it. Its `repr` masks keys."""

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of a header, or the default if there is no such header."""
        return super().get(name.lower(), default)

    def __repr__(self) -> str:
        return repr(masked_headers(self))


def shortened(content: bytes) -> str:
    """Return a body for a report, or the beginning of a long one."""
    text = content.decode(errors="replace")
    return printable(text) if len(text) <= _SHOWN else f"{printable(text[:_SHOWN])}… ({len(content)} bytes)"


def printable(text: str) -> str:
    """Return a text in one line, without control characters that a terminal would interpret."""
    return text if text.isprintable() else "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def with_query(path: str, query: str) -> str:
    """Return a path and its query, if there is one, for display."""
    return f"{path}?{masked_query(query)}" if query else path


def masked_query(query: str) -> str:
    """Return a query for display: values with the name of a key are masked."""
    parts = []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        parts.append(f"{name}={masked(value)}" if value and is_secret(unquote_plus(name)) else part)
    return "&".join(parts)
