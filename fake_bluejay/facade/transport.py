"""A transport of httpx or httpx2 that leads to a fake, for clients that can be given one."""

from __future__ import annotations

import functools
import importlib
import ssl
from typing import Any

from fake_bluejay.bluejay.app import Api
from fake_bluejay.intercept.httpcore import backend
from fake_bluejay.intercept.wire import HttpWire


def library() -> Any:
    """Return httpx, or else httpx2.

    Raises:
        ModuleNotFoundError: Neither is installed.
    """
    for name in ("httpx", "httpx2"):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
    raise ModuleNotFoundError(
        "bluejay.client(), .async_client() and .transport are httpx's, or httpx2's: pip install httpx", name="httpx"
    )


def transport(app: Api) -> Any:
    """Return a transport, sync and async, over which this application answers every request, to any host."""
    return _transport_class(library())(app)


@functools.cache
def _transport_class(httpx: Any) -> Any:
    class Transport(httpx.BaseTransport, httpx.AsyncBaseTransport):  # type: ignore[misc]
        """The library's own transports, over wires."""

        def __init__(self, app: Api) -> None:
            self._app = app

        def handle_request(self, request: Any) -> Any:
            return self._sync.handle_request(request)

        async def handle_async_request(self, request: Any) -> Any:
            return await self._async.handle_async_request(request)

        def close(self) -> None:
            self._sync.close()

        async def aclose(self) -> None:
            await self._async.aclose()

        @functools.cached_property
        def _sync(self) -> Any:
            return self._over_wires(httpx.HTTPTransport, "")

        @functools.cached_property
        def _async(self) -> Any:
            return self._over_wires(httpx.AsyncHTTPTransport, "Async")

        def _over_wires(self, transport_class: Any, prefix: str) -> Any:
            # A default context would load certificates, which are never used.
            inner = transport_class(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
            core = importlib.import_module(type(inner._pool).__module__.partition(".")[0])
            # Private attributes: a transport has no parameter for the network backend of its pool.
            inner._pool._network_backend = backend(core, prefix, functools.partial(HttpWire, self._app, "http"))
            return inner

    return Transport
