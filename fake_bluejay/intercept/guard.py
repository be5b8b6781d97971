"""The guard: code that still resolves the name of a host of Bluejay's, or sends to one, gets an error instead.

It covers the places where Python code resolves names: the socket module, also functions that were imported from it by
name, asyncio's event loops and uvloop's. It is on while a fake is on, and also between fakes if the whole suite is
guarded. `docs/guard.md` lists what it cannot see, such as code that resolves names without Python.
"""

from __future__ import annotations

import functools
import socket
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from fake_bluejay.intercept import switch
from fake_bluejay.intercept.hosts import is_in_domain
from fake_bluejay.intercept.shims import Seam, contents


class NotIntercepted(socket.gaierror):
    """A name of Bluejay's was about to be resolved. To callers of the socket module, the name is not found."""


def seams(module: ModuleType) -> Iterator[Seam]:
    """List the seams in the socket module, in asyncio's event loops, or in uvloop's."""
    namespace = contents(module)
    if namespace.__name__ == "uvloop":
        yield from _seams_of_loop(namespace.Loop)
    elif namespace.__name__ == "asyncio.base_events":
        yield Seam(namespace.BaseEventLoop, "getaddrinfo", functools.partial(_guard_host, 1))
    else:
        yield from _seams_of_sockets(namespace)


def _seams_of_sockets(namespace: Any) -> Iterator[Seam]:
    # `socket` imports most of these from `_socket` by name, as other modules do from `socket`. Its own `getaddrinfo`
    # calls that of `_socket`, so it is guarded also where it was imported by name.
    built_in = sys.modules["_socket"]
    for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr"):
        yield Seam(built_in, name, functools.partial(_guard_host, 0), named=getattr(built_in, name))
    for name in ("connect", "connect_ex", "bind", "sendto"):
        yield Seam(namespace.socket, name, _guard_last_address)
    if hasattr(namespace.socket, "sendmsg"):
        yield Seam(namespace.socket, "sendmsg", _guard_message)


def _seams_of_loop(loop: type) -> Iterator[Seam]:
    """List the methods of an event loop that has a resolver of its own."""
    yield Seam(loop, "getaddrinfo", functools.partial(_guard_host, 1))
    for name in ("create_connection", "create_server"):
        yield Seam(loop, name, functools.partial(_guard_host, 2))
    yield Seam(loop, "create_datagram_endpoint", _guard_endpoint)
    yield Seam(loop, "sock_connect", _guard_last_address)


def _check(*hosts: object) -> None:
    if switch.is_guarded():
        for host in hosts:
            if is_in_domain(host):
                raise NotIntercepted(socket.EAI_FAIL, switch.refusal_of(host))


def _guard_host(position: int, original: Callable[..., Any]) -> Callable[..., Any]:
    def resolve(*args: Any, **kwargs: Any) -> Any:
        _check(args[position] if len(args) > position else kwargs.get("host"))
        return original(*args, **kwargs)

    return resolve


def _guard_last_address(original: Callable[..., Any]) -> Callable[..., Any]:
    def reach(*args: Any, **kwargs: Any) -> Any:
        _check(_host_of(args[-1]))
        return original(*args, **kwargs)

    return reach


def _guard_message(original: Callable[..., Any]) -> Callable[..., Any]:
    def sendmsg(*args: Any) -> Any:
        _check(_host_of(args[4] if len(args) > 4 else None))
        return original(*args)

    return sendmsg


def _guard_endpoint(original: Callable[..., Any]) -> Callable[..., Any]:
    def create_datagram_endpoint(*args: Any, **kwargs: Any) -> Any:
        _check(*map(_host_of, (*args[2:4], kwargs.get("local_addr"), kwargs.get("remote_addr"))))
        return original(*args, **kwargs)

    return create_datagram_endpoint


def _host_of(address: Any) -> object:
    return address[0] if issubclass(type(address), tuple) and len(address) > 0 else None
