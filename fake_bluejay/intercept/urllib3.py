"""urllib3 1.26 and 2, and with them requests: they override how `http.client` connects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from fake_bluejay.intercept.http_client import WireSocket, connecting
from fake_bluejay.intercept.shims import Seam, class_of


def seams(module: ModuleType) -> Iterator[Seam]:
    """List the seams in urllib3: public methods of its connections."""

    def connecting_as(scheme: str) -> Callable[[Any], Any]:
        def make(found: Callable[..., Any]) -> Callable[..., Any]:
            connect_by_wire = connecting(scheme, found)

            def connect(self: Any) -> None:
                connect_by_wire(self)
                if type(self.sock) is WireSocket:
                    self.is_verified = True  # TLS counts as established
                    # Else a later failure would be reported as the proxy's.
                    self._has_connected_to_proxy = bool(self.proxy)

            return connect

        return make

    base = class_of("http.client", "HTTPConnection", object)
    http_connection = class_of("urllib3.connection", "HTTPConnection", base)
    if http_connection is None:
        return  # urllib3-future, which niquests brings: it stands under this name and has an HTTP of its own
    https_connection = class_of("urllib3.connection", "HTTPSConnection", http_connection)
    yield Seam(http_connection, "connect", connecting_as("http"))
    yield Seam(https_connection, "connect", connecting_as("https"))
