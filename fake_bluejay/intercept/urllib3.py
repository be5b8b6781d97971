"""urllib3 1.26 and 2: it overrides how `http.client` connects, so that is replaced here too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from fake_bluejay.intercept.http_client import InProcessSocket, connect_in_process
from fake_bluejay.intercept.shims import Seam

__all__ = ["seams"]


def seams(urllib3: ModuleType) -> Iterator[Seam]:
    """What to replace in urllib3."""

    def connect_as(scheme: str) -> Callable[[Any], Any]:
        def replacement(original: Callable[..., Any]) -> Callable[..., Any]:
            connect_here = connect_in_process(scheme, original)

            def connect(self: Any) -> None:
                connect_here(self)
                if isinstance(self.sock, InProcessSocket):
                    self.is_verified = True  # or urllib3 warns of an unverified connection that was never made

            return connect

        return replacement

    from urllib3 import connection

    yield Seam(connection.HTTPConnection, "connect", connect_as("http"))
    yield Seam(connection.HTTPSConnection, "connect", connect_as("https"))
