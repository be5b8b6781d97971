"""The standalone server: uvicorn in the foreground until a signal ends it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import io
import json
import logging
import signal
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from fake_bluejay.bluejay.service import Service
from fake_bluejay.intercept.clockwork import REAL_TIME_THREADS
from fake_bluejay.server import saving
from fake_bluejay.server.access import AccessLog
from fake_bluejay.server.gate import Gate
from fake_bluejay.server.protocol import Limits, Protocol, protocol, sweep
from fake_bluejay.server.worlds import Worlds

_log = logging.getLogger("fake_bluejay")

_LISTENER_COUNT = 16 if sys.platform != "win32" else 1
"""The number of listening sockets, all duplicates of one.

In a round, an event loop accepts one connection from each listening socket, and under load a round is long. With one
socket, connections that are made and dropped would keep other clients waiting for seconds. A proactor, in which loops
wait on Windows, takes no duplicates.
"""

_PATIENCE = 5
"""Seconds that requests in flight have when the server is to stop."""

_COLLECTIONS = (10_000, 20, 20)
"""The thresholds of the garbage collector.

Python's own are for programs that keep little. Here each request leaves something in the journal, and often in the
world, and examining all of that again and again was a tenth of the work.
"""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a server."""

    host: str
    allow_hosts: tuple[str, ...]
    """Names besides `host` by which the control API may be called."""
    limits: Limits
    access_log: bool
    log_format: str
    save: Path | None
    """The file to which the world is written on exit, on `POST /_fake/save` and on SIGUSR1."""
    cors_origins: tuple[str, ...]
    """The origins of web pages that may call Bluejay's API."""
    tls: ssl.SSLContext | None
    """The TLS context, if the same port is to take TLS, too."""


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Raises:
        OSError: The port is taken, or the host is not this machine's.
    """
    if ":" not in host:
        return socket.create_server((host, port), backlog=2048)
    both = host == "::" and socket.has_dualstack_ipv6()  # "every address" includes those of IPv4
    return socket.create_server((host, port), backlog=2048, family=socket.AF_INET6, dualstack_ipv6=both)


def serve(
    service: Service,
    listening: socket.socket,
    settings: Settings,
    *,
    reset: Callable[[], None],
    make_service: Callable[[str], Service],
    own_worlds: Iterable[tuple[str, str, Service]],
    announce: Callable[[], None],
) -> None:
    """Serve a fake on a socket until a signal, then finish what is in flight, save, and return.

    The signals are SIGINT and SIGTERM, SIGHUP where there is one, and on Windows SIGBREAK.

    Args:
        service: The fake.
        listening: The socket.
        settings: The options of `fake-bluejay serve`.
        reset: Puts the fake back to how it began.
        make_service: Makes the service of an organisation that is to have a world of its own, given its key.
        own_worlds: The organisations that have such a world at the start: the name, the key, and the service of each.
        announce: Called when the server is ready; errors after that end it in order.

    Raises:
        OSError: The world could not be saved.
    """
    _log_to_stderr(settings.log_format)
    is_read = sys.stdout is not None  # it is None if the process was started with it closed
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A character that it does not have would cost lines of the log, and in the name of a seed the server.
        sys.stdout.reconfigure(errors="backslashreplace")
    log = AccessLog(settings.log_format) if settings.access_log and is_read else None
    gate = Gate(settings.host, settings.allow_hosts)
    worlds = Worlds(service, reset, make_service=make_service, gate=gate, log=log, cors_origins=settings.cors_origins)
    for name, key, its in own_worlds:
        worlds.add(name, key, its)
    saver = _Saver(worlds, settings.save)
    worlds.save = saver.save

    def refused(connection: Protocol, status: int, detail: str) -> None:
        if log is not None:
            scope = dict(connection.scope or {})
            log.add(scope, status, 0, detail=detail)

    config = uvicorn.Config(
        worlds,
        http=protocol(settings.limits, worlds.at_once, refused, gate.is_ours),
        interface="asgi3",
        lifespan="off",
        proxy_headers=False,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_PATIENCE,
        ws="none",
    )
    if settings.tls is not None:
        from fake_bluejay.server.protocol_detection import speak_tls_too

        speak_tls_too(config, settings.tls, settings.limits)
    server = _Server(config, worlds, saver)
    _make_room_for(settings.limits.max_connections)
    gc.freeze()  # all that is loaded by now stays, so collections need not examine it
    gc.set_threshold(*_COLLECTIONS)
    gc.enable()  # which the command stops while it loads
    REAL_TIME_THREADS.add(threading.get_ident())  # receivers of webhooks are not waited for here: they may call back
    try:
        with _handling_signals(server, saver):
            announce()
            server.run(sockets=[listening, *(listening.dup() for _ in range(_LISTENER_COUNT - 1))])
    finally:
        REAL_TIME_THREADS.discard(threading.get_ident())
        listening.close()
        try:
            saver.save_now()
        finally:
            if log is not None:
                log.close()


class _Server(uvicorn.Server):
    """uvicorn, with further tasks on its event loop: time, checks of slow clients, saving on SIGUSR1."""

    def __init__(self, config: uvicorn.Config, worlds: Worlds, saver: _Saver) -> None:
        super().__init__(config)
        self._worlds = worlds
        self._saver = saver
        self._sweeping: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        if hasattr(signal, "SIGUSR1"):  # before a request is answered: its client may send the signal then
            asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self._saver.save_soon)
        await super().startup(sockets)
        self._worlds.begin()
        self._sweeping = asyncio.create_task(sweep(self.server_state.connections))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._worlds.end_streams()  # else it would wait for clients that keep their streams open
        for _ in range(10):  # after so many turns of the loop, the ends of the streams are on their way
            await asyncio.sleep(0)
        await super().shutdown(sockets)
        self._worlds.end()
        if self._sweeping is not None:
            self._sweeping.cancel()
        await self._saver.finished()


class _Saver:
    """A saver of a server's worlds to the file of `--save`, if the server was given one."""

    def __init__(self, worlds: Worlds, path: Path | None) -> None:
        self._worlds = worlds
        self._path = path
        self._one_at_a_time = asyncio.Lock()
        self._saving: set[asyncio.Task[Path]] = set()

    async def save(self) -> Path:
        """Write the worlds as they are now; the writing happens in a thread.

        Raises:
            ValueError: There is no file.
            OSError: The file cannot be written.
        """
        if self._path is None:
            raise ValueError("the server was started without --save FILE, so there is nowhere to save the world to")
        async with self._one_at_a_time:
            await asyncio.to_thread(saving.write, self._path, self._worlds.dump())
        return self._path

    def save_soon(self) -> None:
        """Save because of a signal; the log says whether it worked."""

        def done(task: asyncio.Task[Path]) -> None:
            self._saving.discard(task)
            if error := task.exception():
                _log.error("%s", error)
            else:
                _log.warning("saved the world to %s", self._path)

        task = asyncio.get_running_loop().create_task(self.save())
        self._saving.add(task)
        task.add_done_callback(done)

    async def finished(self) -> None:
        """Wait until no world is being written."""
        async with self._one_at_a_time:
            pass

    def save_now(self) -> None:
        """Write the worlds at once, if there is a file: before the event loop runs, and after."""
        if self._path is not None:
            saving.write(self._path, self._worlds.dump())


@contextlib.contextmanager
def _handling_signals(server: uvicorn.Server, saver: _Saver) -> Iterator[None]:
    """Handle signals before uvicorn does, and after: uvicorn raises them again once it has stopped."""

    def end(signum: int, frame: object) -> None:
        server.should_exit = True

    ending = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as under nohup
        ending.append(signal.SIGHUP)
    if sys.platform == "win32":
        ending.append(signal.SIGBREAK)
    before: dict[signal.Signals, Any] = {one: signal.signal(one, end) for one in ending}
    if hasattr(signal, "SIGUSR1"):
        before[signal.SIGUSR1] = signal.signal(signal.SIGUSR1, lambda signum, frame: saver.save_now())
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _make_room_for(connections: int) -> None:
    """Raise the limit of open files for so many connections, as far as the system allows."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + 100
    if hard != resource.RLIM_INFINITY:
        needed = min(needed, hard)
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def _log_to_stderr(format: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter() if format == "json" else logging.Formatter("%(levelname)s: %(message)s"))
    for name in ("uvicorn", "fake_bluejay"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.WARNING)


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        entry: dict[str, Any] = {"at": at, "event": record.levelname.lower(), "message": record.getMessage()}
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)
