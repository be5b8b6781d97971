"""No test of real clients lets a packet leave: it is an error to connect or send to anybody but this machine."""

import socket
from collections.abc import Callable
from typing import Any

import bluejay
import httpx
import pytest

# The SDK makes a model when it is first asked for. freezegun asks for all there are, after it has put its own datetime
# in the place of the true one, and models that are made then take no other.
for name in dir(bluejay.models):
    getattr(bluejay.models, name)

HERE = ("127.0.0.1", b"127.0.0.1", "::1")


@pytest.fixture(autouse=True)
def no_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    look_up = socket.getaddrinfo

    def only_local(host: Any, *args: Any, **kwargs: Any) -> Any:
        assert host in HERE, f"a look-up of {host} was tried"
        return look_up(host, *args, **kwargs)

    def only_here(original: Callable[..., Any]) -> Callable[..., Any]:
        def reach(self: socket.socket, *args: Any) -> Any:
            address = args[-1]
            assert isinstance(address, str) or address[0] in HERE, f"a packet was about to leave for {address}"
            return original(self, *args)

        return reach

    monkeypatch.setattr(socket, "getaddrinfo", only_local)
    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, only_here(getattr(socket.socket, name)))


@pytest.fixture(scope="session")
def make_sdk() -> Callable[[str], bluejay.Bluejay]:
    """A `Bluejay` of the SDK for an API key, with clients that live as long as the session.

    Those that it makes for itself it closes when it is collected, by running an event loop and importing wherever a
    collection happens to begin; within an import, that breaks the import (before Python 3.12: cpython #91351).
    """
    client, async_client = httpx.Client(), httpx.AsyncClient()
    return lambda api_key: bluejay.Bluejay(api_key, client=client, async_client=async_client)
