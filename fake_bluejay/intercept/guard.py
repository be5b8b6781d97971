"""The last guard: what still looks for a host of Bluejay's, or is about to send to one, gets an error instead.

It stands where Python code has names resolved: in the socket module, also in functions that were imported from it by
name, in asyncio's event loops and in uvloop's. It holds while a fake is on, and otherwise while the whole suite is
guarded. Code that resolves names without Python is out of its sight: `docs/beside-other-tools.md` lists it.
"""

from __future__ import annotations

import functools
import os
import socket
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from types import FrameType, ModuleType
from typing import Any

from fake_bluejay.intercept import switch
from fake_bluejay.intercept.hosts import HOST, is_bluejay, is_in_domain, text_of
from fake_bluejay.intercept.shims import Seam, contents

__all__ = ["GuardError", "NotIntercepted", "refusal", "refusal_of_copy", "seams"]


class NotIntercepted(socket.gaierror):
    """A name of Bluejay's was about to be resolved. Callers of the socket module take it for one that is not found."""


class GuardError(RuntimeError):
    """A client library was about to connect to Bluejay.

    It is no `OSError`: libraries take those for an outage, and try again for seconds or go on without.
    """


def refusal(host: object) -> str:
    """Return what an error says of a call to this host: which host, why not, what to do, and where the call is."""
    name = text_of(host).lower().partition(":")[0].removesuffix(".")
    if switch.is_forked():
        return _refusal_after_fork(
            f"{name} was about to be called by a process that was forked while a fake Bluejay was on"
        )
    said = f"{name} was about to be called for real, "
    if not is_bluejay(host):
        said += f"and the fake Bluejay answers {HOST} alone: "
        if name.startswith("otlp."):
            said += "set BLUEJAY_OTLP_ENDPOINT, or give BluejayTracing an otlp_endpoint, of a collector of your own"
        else:
            said += "give the code under test another address, or keep it from calling this one"
    elif switch.current() is not None:
        said += "by a client that the fake Bluejay does not intercept: point it at bluejay.url"
    else:
        said += "while no fake Bluejay is on: the test needs the `bluejay` fixture (bluejay_guard is on)"
    return f"{said}. The call is at {_caller()}."


def refusal_of_copy() -> str:
    """Return what an error says of a call to a fake, by its own client or application, in a process forked from its."""
    return _refusal_after_fork("A fake Bluejay was about to be called by a process that was forked from its own")


def _refusal_after_fork(event: str) -> str:
    return (
        f"{event} (as by os.fork, multiprocessing or ProcessPoolExecutor): the test would not see what it does there. "
        "Use the `bluejay_server` fixture, whose BLUEJAY_API_URL leads to the test's fake from any process. "
        f"The call is at {_caller()}."
    )


def seams(module: ModuleType) -> Iterator[Seam]:
    """List where names are resolved by the socket module, by asyncio's event loops, or by uvloop's."""
    namespace = contents(module)
    if namespace.__name__ == "uvloop":
        yield from _seams_of_loop(namespace.Loop)
    elif namespace.__name__ == "asyncio.base_events":
        yield Seam(namespace.BaseEventLoop, "getaddrinfo", functools.partial(_guard_host, 1))
    else:
        yield from _seams_of_sockets(namespace)


def _seams_of_sockets(namespace: Any) -> Iterator[Seam]:
    # `socket` has most of these from `_socket` by name, as others have them from `socket`; its own `getaddrinfo` calls
    # that of `_socket`, so whoever has it by name is guarded, too.
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
                raise NotIntercepted(socket.EAI_FAIL, refusal(host))


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


# --- where a call comes from ------------------------------------------------------------------------------------

_OURS = os.path.dirname(os.path.dirname(__file__))


def _caller() -> str:
    """Return the innermost line that is neither ours nor in an installed library; failing that, not ours."""
    fallback = None
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith((f"{_OURS}{os.sep}", "<frozen ")):
            place = f"{file}:{frame.f_lineno}"
            if not file.startswith(_libraries()):
                return place
            fallback = fallback or place
        frame = frame.f_back
    return f"{fallback} in thread {threading.current_thread().name}"


@functools.cache
def _libraries() -> tuple[str, ...]:
    """Return the folders of installed libraries and of Python's own, each with a separator behind it."""
    paths = sysconfig.get_paths()
    return tuple({paths[name] + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib")})
