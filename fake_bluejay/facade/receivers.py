"""Receivers of webhooks: how a request reaches a function, a coroutine function, an ASGI application or a URL.

Functions and applications live in the fake's time, as all code under test. A server on a socket lives in real time.

Asynchronous receivers run on an event loop that outlives the delivery, so that tasks which a receiver creates go on
when it has returned. An application's lifespan runs on the same loop: its startup before the first request, its
shutdown when the fake stops.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import http.client
import inspect
import io
import logging
import socket
import threading
from collections.abc import Awaitable, Callable
from math import inf
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from starlette.types import ASGIApp

from fake_bluejay.core.numbers import is_integer
from fake_bluejay.core.outbox import PATIENCE
from fake_bluejay.intercept.clockwork import CLOCKWORK

if TYPE_CHECKING:
    from starlette.datastructures import Headers

Receiver = Callable[["Request"], object] | ASGIApp
"""A function of a `Request`, also an async one; or an ASGI application.

An integer that the function returns is the status of its answer; for any other result, the status is 200.
"""

TOO_LATE = "no answer within 5 seconds"

_AT_ONE_STROKE = 0.5
"""Seconds past a loop's timer that show that another thread has moved the clock."""

_AT_ONCE = 0.25
"""Real seconds within which a part of a server's answer moves no time."""

_SHUTDOWN = 5.0
"""The time that an application has for its shutdown, in seconds: this project's."""

_log = logging.getLogger(__name__)


class Request(NamedTuple):
    """The request of a webhook delivery."""

    headers: Headers
    """The headers, by name in any case."""
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        import json

        return json.loads(self.body)

    @property
    def event(self) -> str:
        """The name of the event."""
        named = self.headers.get("X-Bluejay-Event")
        return self.json["type"] if named is None else named


class InvalidStatus(ValueError):
    """A receiver of the test's returned a status that no server's answer can have: an error of the test."""


def _status(answer: Any) -> int:
    if not is_integer(answer):
        return 200
    if not 200 <= answer <= 599:
        interim = " (1xx are interim answers, which a final one follows)" if 100 <= answer < 200 else ""
        raise InvalidStatus(
            f"a receiver returned {answer}: an integer is its status, 200 to 599{interim}; return None for 200"
        )
    return int(answer)


# --- in this process ------------------------------------------------------------------------------------------------


class FunctionReceiver:
    """A function of a request, called by the thread that moves the clock."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._added_by = threading.get_ident()

    def blocks_a_loop(self) -> bool:
        """Return whether a call in this thread would block an event loop of the application's.

        The function may wait for that loop. A loop in the thread that added the function is the test's own.
        """
        return running_loop() is not None and threading.get_ident() != self._added_by

    def answer(self, request: Request) -> int:
        """Return the status of its answer."""
        return _status(self._function(request))


class AsyncReceiver:
    """A receiver that needs an event loop."""

    def __init__(self) -> None:
        self.loop = running_loop()
        """The loop on which it runs: the one that was running where it was added, if any."""
        self.last: asyncio.Future[None] | None = None
        """Done when the last request so far has been answered."""

    async def answer(self, request: Request, lifespans: dict[Any, Lifespan]) -> int:
        """Return the status of its answer. Raises `TimeoutError` if that takes more than 5 seconds."""
        raise NotImplementedError


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop that runs in this thread, if one does."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


async def _within_patience(*waited_for: asyncio.Future[Any]) -> None:
    """Wait until one of these is done. They go on if it takes too long: a server does not stop when a client leaves.

    Time that somebody else has let pass at one stroke does not count, for the receiver could do nothing in it.
    """
    loop = asyncio.get_running_loop()
    # A microsecond more, for an answer after exactly 5 seconds is in time.
    patience = (PATIENCE + 1) / 1e6
    while True:
        deadline = loop.time() + patience
        done, _ = await asyncio.wait(waited_for, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        if done:
            return
        if loop.time() - deadline < _AT_ONE_STROKE:
            raise TimeoutError


_tasks: set[asyncio.Future[Any]] = set()
"""The tasks of receivers, kept here because an event loop holds tasks only weakly."""


def keep_running(awaitable: Awaitable[Any]) -> asyncio.Future[Any]:
    """Run something on the running loop, and hold it until it is done."""
    task = asyncio.ensure_future(awaitable)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
    return task


def _log_failure(task: asyncio.Future[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("a receiver of webhooks failed after its answer", exc_info=error)


class CoroutineReceiver(AsyncReceiver):
    """A receiver of webhooks that is a coroutine function of a request."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self._function = function

    async def answer(self, request: Request, lifespans: dict[Any, Lifespan]) -> int:
        """Return the status with which the function answers the request."""
        task = keep_running(self._function(request))
        try:
            await _within_patience(task)
        except TimeoutError:
            task.add_done_callback(_log_failure)
            raise
        return _status(task.result())


class AppReceiver(AsyncReceiver):
    """A receiver of webhooks that is an ASGI application with an endpoint at a path."""

    def __init__(self, app: Callable[..., Any], path: str, *, lifespan: bool) -> None:
        super().__init__()
        self._app = app
        self._path = path
        self._has_lifespan = lifespan

    async def answer(self, request: Request, lifespans: dict[Any, Lifespan]) -> int:
        """Return the status with which the application answers, after its startup if it has a lifespan."""
        state: dict[str, Any] | None = None
        if self._has_lifespan:
            # Several webhooks to one application share its lifespan.
            key = id(self._app), asyncio.get_running_loop()
            if key not in lifespans:
                lifespans[key] = Lifespan(self._app)
            state = await lifespans[key].started()
        statuses: list[int] = []
        whole: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        sent = False

        async def receive() -> dict[str, Any]:
            nonlocal sent
            if not sent:
                sent = True
                return {"type": "http.request", "body": request.body, "more_body": False}
            await asyncio.wait([whole])
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
            elif message["type"] == "http.response.body" and not message.get("more_body") and not whole.done():
                whole.set_result(None)

        task = keep_running(self._app(self._scope(request, state), receive, send))
        try:
            await _within_patience(whole, task)
        finally:
            if whole.done() or not task.done():
                task.add_done_callback(_log_failure)
                if not whole.done():
                    whole.set_result(None)  # the client has left
        if not whole.done():
            task.result()  # raises what the application raised
            raise RuntimeError("the application returned before its answer was whole")
        return _status(statuses[-1])

    def _scope(self, request: Request, state: dict[str, Any] | None) -> dict[str, Any]:
        path, _, query = self._path.partition("?")
        length = str(len(request.body)).encode()
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(b"host", b"testserver"), (b"content-length", length), *request.headers.raw],
            "client": ("127.0.0.1", 1),
            "server": ("testserver", 80),
            **({} if state is None else {"state": state.copy()}),
        }


class Lifespan:
    """The lifespan of an application on the event loop that is running."""

    def __init__(self, app: Callable[..., Any]) -> None:
        self._app = app
        self._state: dict[str, Any] = {}
        self._messages: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self._startup: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = keep_running(self._run())
        self._messages.put_nowait({"type": "lifespan.startup"})

    async def started(self) -> dict[str, Any]:
        """Wait until the application has started, and return its state.

        Raises:
            RuntimeError: Its startup failed.
            TimeoutError: It takes longer than a receiver has to answer, and goes on.
        """
        await _within_patience(self._startup)
        self._startup.result()
        return self._state

    async def shut_down(self) -> None:
        """Run the application's shutdown, if it has started."""
        self._messages.put_nowait({"type": "lifespan.shutdown"})
        await asyncio.wait([self._task], timeout=_SHUTDOWN)
        if not self._task.done():
            self._task.cancel()

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self._state}
        try:
            await self._app(scope, self._messages.get, self._send)
        except Exception as error:
            if self._startup.done():
                _log.error("an application's lifespan failed", exc_info=error)
        finally:
            # Like a server: an application that returns or raises before it has answered has no lifespan.
            if not self._startup.done():
                self._startup.set_result(None)

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "lifespan.startup.complete" and not self._startup.done():
            self._startup.set_result(None)
        elif message["type"] == "lifespan.startup.failed" and not self._startup.done():
            said = message.get("message", "").strip().splitlines()
            self._startup.set_exception(RuntimeError(f"the application's startup failed: {(said or ['?'])[-1]}"))
        elif message["type"] == "lifespan.shutdown.failed":
            _log.error("an application's shutdown failed: %s", message.get("message", ""))
        elif message["type"] != "lifespan.shutdown.complete":
            raise RuntimeError(f"an application's lifespan does not send {message['type']!r}")


def receiver_of(to: Receiver, path: str, *, lifespan: bool) -> FunctionReceiver | AsyncReceiver:
    """Return the receiver that a function or an application is.

    Raises:
        ValueError: It can be called neither with a request nor as an ASGI application.
    """
    if callable(to):
        if _is_async(to) and _takes(to, 3):
            return AppReceiver(to, path, lifespan=lifespan)
        if _takes(to, 1):
            return CoroutineReceiver(to) if _is_async(to) else FunctionReceiver(to)
    raise ValueError(f"a receiver is a function of one request, an ASGI application, or a URL, not {to!r:.80}")


def _is_async(receiver: Callable[..., Any]) -> bool:
    """Return whether a call of the receiver gives a coroutine."""
    called = receiver if inspect.isroutine(receiver) else getattr(receiver, "__call__", None)  # noqa: B004
    return inspect.iscoroutinefunction(called) or inspect.iscoroutinefunction(getattr(receiver, "func", None))


def _takes(receiver: Callable[..., Any], number: int) -> bool:
    """Return whether the receiver takes so many positional arguments."""
    try:
        inspect.signature(receiver).bind(*range(number))
    except TypeError:
        return False
    except ValueError:  # the signature is unknown
        return number == 1
    return True


# --- on a socket ----------------------------------------------------------------------------------------------------


def post(url: str, request: Request) -> int:
    """Send a POST to a server in real time, past all interception, and return the status of its final answer."""
    deadline = perf_counter() + PATIENCE / 1e6
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=PATIENCE / 1e6)
    connection.response_class = _FinalResponse
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {name.title(): value for name, value in request.headers.items()}  # the documented spelling
    if parts.username is not None:
        credentials = unquote_to_bytes(parts.username) + b":" + unquote_to_bytes(parts.password or "")
        headers["Authorization"] = f"Basic {base64.b64encode(credentials).decode()}"
    connection.connect()
    with connection.sock as connected:
        connection.sock = _WithDeadline(connected, deadline)
        connection.request("POST", target, request.body, headers)
        with connection.getresponse() as response:
            while response.read(65536):
                pass
        return response.status


class _FinalResponse(http.client.HTTPResponse):
    """The answer after all interim ones (1xx), of which `http.client` itself passes over 100 alone."""

    def begin(self) -> None:
        super().begin()
        while 100 <= self.status < 200:
            self.headers = None  # type: ignore[assignment]
            super().begin()


class _WithDeadline:
    """A connected socket that raises `TimeoutError` at an instant of `perf_counter`.

    A socket's own timeout is for each part of an answer, not for the whole.
    """

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        self._socket = connected
        self._deadline = deadline

    def in_time(self, most: float = inf) -> socket.socket:
        """Return the socket with the time that is left as its timeout, but at most `most` seconds."""
        left = self._deadline - perf_counter()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(min(left, most))
        return self._socket

    def sendall(self, data: bytes) -> None:
        self.in_time().sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self))

    def close(self) -> None:
        """Leave the socket open: the answer may still be read. `post` closes it."""


class _Reader(io.RawIOBase):
    def __init__(self, source: _WithDeadline) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        # Time stands still while an answer comes at once, so that instants are the same in each run. It passes while an
        # answer is slow: the server may be the test's own, and wait for virtual time.
        with contextlib.suppress(TimeoutError):
            return self._source.in_time(_AT_ONCE).recv_into(buffer)
        with CLOCKWORK.counting("waited for a webhook's receiver"):
            return self._source.in_time().recv_into(buffer)
