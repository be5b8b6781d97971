"""httpcore and httpcore2, and on them httpx and httpx2, sync and async: a network backend that connects to the fake.

A pool calls `create_connection`, an undocumented method of a public class, for each new connection. For Bluejay it gets
the library's own connection over a backend of ours, whatever backend, proxy or Unix socket the pool has. Only the
library's `MockBackend`, which gives answers of the test's own, is left alone. Connections from before the fake are not
used again, because `can_handle_request` returns False for them; it is public, but three of its classes are not
exported. A library that derives classes from these, and overrides the methods, has seams of its own.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import math
import sys
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

from fake_bluejay.intercept.shims import Seam, contents, derived
from fake_bluejay.intercept.switch import takes
from fake_bluejay.intercept.waiting import wait, wait_async
from fake_bluejay.intercept.wire import OWN, PEER, HttpWire, open_wire

Open = Callable[[str, int], HttpWire]
"""Opens a wire to a host and a port, without TLS."""


def seams(module: ModuleType) -> Iterator[Seam]:
    """List the seams in httpcore or httpcore2, or in a library that derives its classes from theirs."""
    if module.__name__ in _DERIVED:
        for name in ("httpcore", "httpcore2"):
            if name in sys.modules:
                yield from _seams_of_derived_classes(contents(sys.modules[name]), module.__name__)
        return
    library = contents(module)
    for prefix, folder in (("", "_sync"), ("Async", "_async")):
        creating = functools.partial(_creating, library, prefix)
        for name in ("ConnectionPool", "HTTPProxy", "SOCKSProxy"):
            owner = getattr(library, prefix + name)
            if hasattr(owner, "create_connection"):  # without socksio, the last class has none
                yield Seam(owner, "create_connection", creating)
        passing_over = functools.partial(_passing_over, library, prefix)
        yield Seam(getattr(library, f"{prefix}HTTPConnection"), "can_handle_request", passing_over)
        for file, names in _PROXIED.items():
            with contextlib.suppress(ImportError):
                proxied = importlib.import_module(f"{library.__name__}.{folder}.{file}")
                for name in names:
                    yield Seam(getattr(proxied, prefix + name), "can_handle_request", passing_over)


_DERIVED = ("httpx_socks",)
"""The libraries whose pools are derived from httpcore's, and make connections of their own: to proxies."""


def _seams_of_derived_classes(library: Any, package: str) -> Iterator[Seam]:
    for prefix in ("", "Async"):
        for base, name, make in (
            (f"{prefix}ConnectionPool", "create_connection", _creating),
            (f"{prefix}ConnectionInterface", "can_handle_request", _passing_over),
        ):
            for owner in derived(getattr(library, base), package):
                if name in vars(owner):
                    yield Seam(owner, name, functools.partial(make, library, prefix))


_PROXIED = {
    "http_proxy": ("ForwardHTTPConnection", "TunnelHTTPConnection"),
    "socks_proxy": ("Socks5Connection",),
}


def _creating(library: Any, prefix: str, found: Callable[..., Any]) -> Callable[..., Any]:
    def create_connection(self: Any, origin: Any) -> Any:
        if not takes(origin.host) or _answers_itself(library, self):
            return found(self, origin)
        return getattr(library, f"{prefix}HTTPConnection")(
            origin=origin,
            ssl_context=self._ssl_context,
            keepalive_expiry=self._keepalive_expiry,
            http2=self._http2,
            retries=self._retries,
            local_address=self._local_address,
            uds=self._uds,
            network_backend=backend(library, prefix, lambda *_: open_wire("http", origin.host.decode(), origin.port)),
            socket_options=self._socket_options,
        )

    return create_connection


def _passing_over(library: Any, prefix: str, found: Callable[..., Any]) -> Callable[..., Any]:
    def can_handle_request(self: Any, origin: Any) -> bool:
        return bool(found(self, origin)) and (not takes(origin.host) or _answers_itself(library, self))

    return can_handle_request


def _answers_itself(library: Any, of: Any) -> bool:
    """Return whether a pool or a connection has a backend of ours, or a mock of the library's."""
    below = getattr(of, "_network_backend", None)
    return isinstance(below, (library.MockBackend, library.AsyncMockBackend)) or hasattr(type(below), "_opens_wires")


def backend(library: Any, prefix: str, open: Open) -> Any:
    """Return a network backend whose connections are wires, sync for the prefix `""` and async for `"Async"`."""
    return _classes(library.ConnectionPool)[prefix](open)


@functools.cache
def _classes(pool_class: Any) -> dict[str, Any]:
    """Return the backends for the library of a class, sync and async."""
    library: Any = importlib.import_module(pool_class.__module__.partition(".")[0])

    class Connecting:
        """The common part of both backends, which also marks them as ours."""

        _opens_wires = True

        def __init__(self, open: Open) -> None:
            self._open = open

        def connect(self, stream_class: Any, host: str, port: int) -> Any:
            with _mapped(library.ConnectError):
                return stream_class(self._open(host, port))

    class Stream:
        """The common part of both streams: a network stream over a wire."""

        def __init__(self, wire: HttpWire) -> None:
            self._wire = wire

        def secure(self) -> Any:
            self._wire.start_tls()
            return self

        def send(self, buffer: bytes) -> None:
            with _mapped(library.WriteError):
                self._wire.write(buffer)

        def receive(self, max_bytes: int) -> bytes:
            with _mapped(library.ReadError):
                return self._wire.read(max_bytes)

        def get_extra_info(self, info: str) -> Any:
            match info:
                case "is_readable":
                    return self._wire.is_readable
                case "ssl_object" if self._wire.scheme == "https":
                    return _TLS
                case "client_addr":
                    return OWN
                case "server_addr":
                    return PEER
            return None

    class SyncStream(Stream, library.NetworkStream):  # type: ignore[misc]
        def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
            seconds = self._wire.due_in()
            if timeout is not None and timeout < seconds:
                wait(timeout)
                raise library.ReadTimeout("timed out")
            if 0 < seconds < math.inf:
                wait(seconds)
            return self.receive(max_bytes)

        def write(self, buffer: bytes, timeout: float | None = None) -> None:
            self.send(buffer)

        def close(self) -> None:
            self._wire.close()

        def start_tls(self, ssl_context: Any, server_hostname: Any = None, timeout: float | None = None) -> Any:
            return self.secure()

    class SyncBackend(Connecting, library.NetworkBackend):  # type: ignore[misc]
        def connect_tcp(self, host: str, port: int, *args: Any, **kwargs: Any) -> Any:
            return self.connect(SyncStream, host, port)

        def connect_unix_socket(self, path: str, *args: Any, **kwargs: Any) -> Any:
            return self.connect(SyncStream, path, 0)

        def sleep(self, seconds: float) -> None:
            wait(seconds)

    class AsyncStream(Stream, library.AsyncNetworkStream):  # type: ignore[misc]
        async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
            seconds = self._wire.due_in()
            if timeout is not None and timeout < seconds:
                await wait_async(timeout)
                raise library.ReadTimeout
            await wait_async(seconds if seconds < math.inf else 0)
            return self.receive(max_bytes)

        async def write(self, buffer: bytes, timeout: float | None = None) -> None:
            self.send(buffer)

        async def aclose(self) -> None:
            self._wire.close()

        async def start_tls(self, ssl_context: Any, server_hostname: Any = None, timeout: float | None = None) -> Any:
            return self.secure()

    class AsyncBackend(Connecting, library.AsyncNetworkBackend):  # type: ignore[misc]
        async def connect_tcp(self, host: str, port: int, *args: Any, **kwargs: Any) -> Any:
            return self.connect(AsyncStream, host, port)

        async def connect_unix_socket(self, path: str, *args: Any, **kwargs: Any) -> Any:
            return self.connect(AsyncStream, path, 0)

        async def sleep(self, seconds: float) -> None:
            await wait_async(seconds)

    return {"": SyncBackend, "Async": AsyncBackend}


@contextlib.contextmanager
def _mapped(error_class: Any) -> Iterator[None]:
    """Raise the library's error for an error of the system, as each of its own backends does."""
    try:
        yield
    except OSError as error:
        raise error_class(error) from error


_TLS = SimpleNamespace(
    selected_alpn_protocol=lambda: "http/1.1",
    version=lambda: "TLSv1.3",
    cipher=lambda: ("TLS_AES_256_GCM_SHA384", "TLSv1.3", 256),
    getpeercert=lambda binary_form=False: b"" if binary_form else {},
)
"""The properties of a TLS connection that counts as established."""
