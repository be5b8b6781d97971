"""The last guard, at name resolution: whatever still looks for the real host gets an error that says what to do."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from fake_bluejay.intercept.door import HOST, is_bluejay
from fake_bluejay.intercept.shims import Seam
from fake_bluejay.intercept.switch import current

__all__ = ["NotIntercepted", "seams"]


class NotIntercepted(socket.gaierror):
    """Something tried to reach the real Bluejay. An `OSError`, so a client treats it as a host it cannot find."""

    def __init__(self) -> None:
        if current() is not None:
            what = "by a client that the fake Bluejay does not intercept: point it at bluejay.url"
        else:
            what = "while no fake Bluejay is on: the test needs the `bluejay` fixture (bluejay_guard is on)"
        super().__init__(socket.EAI_FAIL, f"{HOST} was about to be called for real, {what}")


def seams(module: ModuleType) -> Iterator[Seam]:
    """What to replace in `socket`."""

    def guarded(original: Callable[..., Any]) -> Callable[..., Any]:
        def resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
            if isinstance(host, (str, bytes)) and is_bluejay(host):
                raise NotIntercepted
            return original(host, *args, **kwargs)

        return resolve

    def connecting(original: Callable[..., Any]) -> Callable[..., Any]:
        def connect(self: Any, address: Any) -> Any:  # a name is resolved in there, in C
            if isinstance(address, tuple) and isinstance(address[0], (str, bytes)) and is_bluejay(address[0]):
                raise NotIntercepted
            return original(self, address)

        return connect

    for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
        yield Seam(module, name, guarded)
    for name in ("connect", "connect_ex"):
        yield Seam(module.socket, name, connecting)
