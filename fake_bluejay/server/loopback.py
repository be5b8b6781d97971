"""A server on 127.0.0.1 in a thread of this process, for as long as a fake is on.

Starting and stopping a server costs a test far more than a request does, so servers are kept and lent. A server that
was given back answers nobody, and then serves the next fake, also on the connections that clients have kept alive.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import socket
import threading

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

try:
    import uvicorn

    from fake_bluejay.server.protocol import unbounded
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        'the loopback server (bluejay.url, bluejay_server) needs uvicorn: pip install "fake-bluejay[server]"',
        name=error.name,
    ) from None

from fake_bluejay.intercept.clockwork import threads_are_greenlets

try:
    from uvloop import new_event_loop
except ModuleNotFoundError:
    from asyncio import new_event_loop  # type: ignore[assignment]

_idle: list[Loopback] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # the servers' threads exist only in the parent
_lock = threading.Lock()
_STOPPED = PlainTextResponse("The fake Bluejay that listened here has been stopped.", status_code=503)


def lend(app: ASGIApp) -> Loopback:
    """Return a server for this application; `give_back()` ends the loan."""
    with _lock:
        server = _idle.pop() if _idle else Loopback()
    server.app = app
    return server


class Loopback:
    """A server: a listening socket, and uvicorn in a daemon thread."""

    def __init__(self) -> None:
        self.app: ASGIApp | None = None
        self._answering = 0
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._serve,
                http=unbounded(),
                interface="asgi3",
                lifespan="off",
                proxy_headers=False,
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=1,
                ws="none",
            )
        )
        # An error in the server's thread would leave its clients waiting.
        self._server.config.load()
        # The socket listens before uvicorn runs: early clients wait in its queue.
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=2048)
        self.host: str
        self.port: int
        self.host, self.port = self._socket.getsockname()
        self.url = f"http://{self.host}:{self.port}"
        # uvloop waits in C, where no greenlet gets its turn.
        self._loop = asyncio.SelectorEventLoop() if threads_are_greenlets() else new_event_loop()
        self._thread = threading.Thread(target=self._run, name="fake-bluejay loopback", daemon=True)
        self._thread.start()
        atexit.register(self._end)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._server.serve(sockets=[self._socket]))

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        # A stream of events stays open as long as its client wants: it is no request that is being answered.
        counts = scope.get("path") != "/_fake/events"
        self._answering += counts
        try:
            await (self.app or _STOPPED)(scope, receive, send)
        finally:
            self._answering -= counts

    @property
    def thread_id(self) -> int:
        """The id of the server's thread."""
        assert self._thread.ident is not None
        return self._thread.ident

    def is_answering(self) -> bool:
        """Return whether a request is being answered, or has been sent and not been read yet."""
        caught_up = threading.Event()

        def turn(left: int) -> None:
            if left:
                self._loop.call_soon(turn, left - 1)
            else:
                caught_up.set()

        # In so many turns of its loop, a waiting connection gets from its first byte to its request.
        self._loop.call_soon_threadsafe(turn, 10)
        return not caught_up.wait(timeout=1) or self._answering > 0

    def give_back(self) -> None:
        """Answer no more requests until lent again; clients that still wait for an answer lose the connection."""
        self.app = None
        if self._answering:
            asyncio.run_coroutine_threadsafe(self._close_connections(), self._loop).result(timeout=5)
        with _lock:
            _idle.append(self)

    async def _close_connections(self) -> None:
        for connection in list(self._server.server_state.connections):
            connection.shutdown()

    def _end(self) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=5)
        self._socket.close()
