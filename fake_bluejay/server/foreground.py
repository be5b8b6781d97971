"""The standalone server: uvicorn in the foreground until SIGINT or SIGTERM."""

from __future__ import annotations

import gc
import signal
import socket
from typing import Any

import uvicorn

from fake_bluejay.core.feed import Feed
from fake_bluejay.fake import FakeBluejay
from fake_bluejay.server.app import served_app

__all__ = ["listen", "serve"]


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `OSError` if the port is taken or the host is not this machine's."""
    return socket.create_server((host, port), backlog=2048, family=socket.AF_INET6 if ":" in host else socket.AF_INET)


def serve(fake: FakeBluejay, listening: socket.socket, *, access_log: bool = True) -> None:
    """Serve a fake on a socket until SIGINT or SIGTERM, then finish what is in flight and return.

    A reset through the control API brings back the world as it is now.
    """
    start = fake.snapshot()

    def reset() -> None:
        fake.restore(start)
        fake.requests.clear()

    config = uvicorn.Config(
        served_app(fake, reset),
        interface="asgi3",
        lifespan="off",
        proxy_headers=False,
        log_level="info" if access_log else "warning",
        access_log=access_log,
        timeout_graceful_shutdown=5,
        ws="none",
    )
    server = _Server(config, fake.feed)
    gc.freeze()  # what is loaded by now stays: collections need not look at it again, at each of many requests
    # uvicorn raises the signal again once it has stopped; by then it has done its work, so nothing more is to happen.
    before = {one: signal.signal(one, _ignore) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        server.run(sockets=[listening])
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
        listening.close()


class _Server(uvicorn.Server):
    """Ends the event streams when it stops, or it would wait for clients that mean to listen for ever."""

    def __init__(self, config: uvicorn.Config, feed: Feed) -> None:
        super().__init__(config)
        self._feed = feed

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._feed.end()
        await super().shutdown(sockets)


def _ignore(signum: int, frame: Any) -> None: ...
