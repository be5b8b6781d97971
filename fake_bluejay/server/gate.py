"""The gate before the control API: open to callers that use the server's own address, closed to foreign web pages.

A page in the tester's browser can send requests to this machine, and through a host name that resolves to 127.0.0.1 it
could even read the answers (DNS rebinding). `Host`, `Origin` and `Sec-Fetch-Site` show where a browser's request comes
from.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.responses import JSONResponse, Response
from starlette.types import Scope

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach a server at this address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_every_address(host: str) -> bool:
    """Return whether a listener at this address listens on every address of the machine."""
    return host in ("0.0.0.0", "::")  # noqa: S104 - no default, asked for


def check_origin(origin: str) -> None:
    """Check that this is an origin of pages as browsers write it, or `*`.

    Raises:
        ValueError: No browser writes an origin so.
    """
    if origin != "*" and not re.fullmatch(r"[a-z][a-z0-9+.-]*://([a-z0-9_.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", origin):
        raise ValueError(
            "--cors-origin takes the origin of pages as browsers write it, e.g. http://localhost:3000, or * for any,"
            f" not {origin!r}"
        )


def check_name(name: str) -> None:
    """Check that requests can call a server by this name.

    Raises:
        ValueError: The text is not a name or an address, or has further parts.
    """
    if not _is_address(name) and not re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?", name):
        raise ValueError(
            f"--allow-host takes a name or an address to be called by, e.g. fake.local, without a port, not {name!r}"
        )


class Gate:
    """The check of the hosts by which the control API is called: the server's `host`, and `allowed` ones."""

    def __init__(self, host: str, allowed: Iterable[str] = ()) -> None:
        self._allowed = frozenset(name.lower() for name in allowed)
        self._hosts = self._allowed | {host.lower(), *_LOOPBACK}
        self._every_address = is_every_address(host)
        if self._every_address:
            self._hosts |= {socket.gethostname().lower()}

    def refusal(self, scope: Scope) -> Response | None:
        """Return the 403 for a request that may not come through; None if it may."""
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get(b"host", "")
        if not self.is_ours(_name(host)):
            return _refuse(f"the Host {host!r} is not an address of this server's; --allow-host adds one")
        origin = headers.get(b"origin")
        if origin is not None and not self._is_same(origin, host):
            return _refuse(f"requests from pages of another origin, here {origin!r}, are refused")
        site = headers.get(b"sec-fetch-site", "none")
        if origin is None and site not in ("none", "same-origin") and not _opens_the_console(scope, headers):
            return _refuse("requests from pages of another origin are refused")
        return None

    def is_ours(self, name: str) -> bool:
        """Return whether the server may be called by this name."""
        if name in self._hosts:
            return True
        # A foreign page can make a name resolve to this machine, but not a bare address.
        return self._every_address and _is_address(name)

    def _is_same(self, origin: str, host: str) -> bool:
        parts = urlsplit(origin)
        return parts.netloc.lower() == host.lower() or _name(parts.netloc) in self._allowed


def _name(authority: str) -> str:
    """Return the host of a `Host` header, without port and brackets; empty if it is malformed."""
    try:
        return (urlsplit(f"//{authority}").hostname or "").lower()
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _opens_the_console(scope: Scope, headers: dict[bytes, str]) -> bool:
    """Return whether a request only opens the console. A link on any page may do so: it changes and reveals nothing."""
    return (
        scope["method"] == "GET"
        and scope["path"] in ("/", "/_fake", "/_fake/")
        and headers.get(b"sec-fetch-dest") == "document"
    )


def _refuse(why: str) -> Response:
    return JSONResponse({"detail": f"the control API is not for this caller: {why}"}, status_code=403)
