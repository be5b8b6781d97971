"""aiohttp: its connectors make a connection whose transport is a wire to the fake.

The seams are private methods of connectors: `_create_connection` makes a connection, and `_get` takes one that is kept
alive. Under the public methods, aiohttp resolves names and calls proxies.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any

from fake_bluejay.intercept.shims import Seam, contents
from fake_bluejay.intercept.switch import takes
from fake_bluejay.intercept.waiting import now
from fake_bluejay.intercept.wire import OWN, PEER, Arrival, HttpWire, open_wire


def seams(module: ModuleType) -> Iterator[Seam]:
    """List the seams in `aiohttp.connector`."""
    connector = contents(module)

    def creating(found: Callable[..., Any]) -> Callable[..., Any]:
        async def _create_connection(self: Any, req: Any, *args: Any, **kwargs: Any) -> Any:
            if not takes(req.url.host):
                return await found(self, req, *args, **kwargs)
            try:
                wire = open_wire(req.url.scheme, req.url.host, req.url.port)
            except OSError as error:
                raise connector.ClientConnectorError(req.connection_key, error) from error
            protocol = self._factory()
            protocol.connection_made(_Transport(protocol, wire))
            return protocol

        return _create_connection

    def getting(found: Callable[..., Any]) -> Callable[..., Any]:
        def _get(self: Any, key: Any, *args: Any) -> Any:
            if takes(key.host):
                for protocol, _ in self._conns.get(key, ()):
                    if type(protocol.transport) is not _Transport:  # kept alive from before the fake
                        protocol.close()
            return found(self, key, *args)

        return _get

    yield Seam(connector.TCPConnector, "_create_connection", creating)
    yield Seam(connector.UnixConnector, "_create_connection", creating)
    yield Seam(connector.BaseConnector, "_get", getting)


class _Transport(asyncio.Transport):
    """A transport over a wire: it writes data to the wire, and passes data that arrives to its protocol."""

    def __init__(self, protocol: Any, wire: HttpWire) -> None:
        super().__init__({"peername": PEER, "sockname": OWN})
        self._protocol = protocol
        self._wire = wire
        self._loop = asyncio.get_running_loop()
        self._closing = False
        self._reading = True
        self._waiting: list[Arrival] = []

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        if self._closing:
            return
        try:
            self._wire.write(bytes(data))
        except OSError as error:
            self._loop.call_soon(self._lose, error)
        while (arrival := self._wire.next_arrival()) is not None:
            if arrival.instant is None:
                # Two turns of the loop later: in the next turn, aiohttp 3.9 is still writing, and would not keep the
                # connection alive.
                self._loop.call_soon(self._loop.call_soon, self._arrive, arrival)
            else:
                # By a timer of the loop, so that a client's own timeout can come first.
                self._loop.call_later(max(0, arrival.instant - now()), self._arrive, arrival)

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
        return self._closing or not self._wire.is_open()  # so that a session that outlives the fake connects anew

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
