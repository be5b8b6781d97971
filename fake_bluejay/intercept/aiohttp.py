"""aiohttp: its connector makes a connection whose transport is a wire to the fake. All above it is aiohttp's own."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any

from fake_bluejay.intercept.door import is_bluejay
from fake_bluejay.intercept.shims import Seam
from fake_bluejay.intercept.switch import current, taker
from fake_bluejay.intercept.wire import Arrival, Wire

__all__ = ["seams"]


def seams(connector: ModuleType) -> Iterator[Seam]:
    """What to replace in `aiohttp.connector`."""

    def create_connection(original: Callable[..., Any]) -> Callable[..., Any]:
        async def _create_connection(self: Any, req: Any, *args: Any, **kwargs: Any) -> Any:
            if taker(req.url.host) is None:
                return await original(self, req, *args, **kwargs)
            protocol = self._factory()
            protocol.connection_made(_Transport(protocol, Wire(req.url.scheme, req.url.host, req.url.port)))
            return protocol

        return _create_connection

    def get(original: Callable[..., Any]) -> Callable[..., Any]:
        def _get(self: Any, key: Any, *args: Any) -> Any:
            if is_bluejay(key.host):
                for protocol, _ in self._conns.get(key, ()):
                    if not isinstance(protocol.transport, _Transport):  # kept alive from before the fake
                        protocol.close()
            return original(self, key, *args)

        return _get

    yield Seam(connector.TCPConnector, "_create_connection", create_connection)
    yield Seam(connector.BaseConnector, "_get", get)


class _Transport(asyncio.Transport):
    """A transport that gives what is written to a wire, and its protocol what arrives."""

    def __init__(self, protocol: Any, wire: Wire) -> None:
        super().__init__({"peername": ("127.0.0.1", 443)})
        self._protocol = protocol
        self._wire = wire
        self._loop = asyncio.get_running_loop()
        self._closing = False
        self._reading = True
        self._waiting: list[Arrival] = []

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        arrival = self._wire.take(bytes(data))
        if arrival is not None:
            # As a timer of the loop, so that a client's own timeout, another one, can be due before.
            self._loop.call_later(arrival.seconds, self._arrive, arrival)

    def writelines(self, list_of_data: Iterable[Any]) -> None:
        self.write(b"".join(list_of_data))

    def _arrive(self, arrival: Arrival) -> None:
        if self._closing:
            return
        if not self._reading:
            self._waiting.append(arrival)
            return
        if arrival.data:
            self._protocol.data_received(arrival.data)
        if arrival.end == "reset":
            self._lose(ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET)))
        elif arrival.end == "close":
            self._protocol.eof_received()
            self._lose(None)

    def _lose(self, error: Exception | None) -> None:
        if not self._closing:
            self._closing = True
            self._protocol.connection_lost(error)

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        self._reading = True
        waiting, self._waiting = self._waiting, []
        for arrival in waiting:
            self._arrive(arrival)

    def is_reading(self) -> bool:
        return self._reading and not self._closing

    def is_closing(self) -> bool:
        return self._closing or current() is None  # so a session that outlives the fake does not go on with it

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._loop.call_soon(self._protocol.connection_lost, None)

    def abort(self) -> None:
        self.close()

    def get_write_buffer_size(self) -> int:
        return 0

    def set_protocol(self, protocol: Any) -> None:
        self._protocol = protocol

    def get_protocol(self) -> Any:
        return self._protocol
