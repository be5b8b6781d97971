"""The decision whether a host is one that the fake answers, or any other of Bluejay's domain."""

from __future__ import annotations

import re
from typing import Any

from fake_bluejay.bluejay.published import DOMAIN, HOST, OTLP_HOST

_NAME = re.compile(rf"(?P<host>(?:[\w-]+\.)*{re.escape(DOMAIN)})\.?(?::\d*)?", re.ASCII | re.IGNORECASE)
"""A name of the domain, with or without the root's dot and a port."""

_HOST = HOST.encode()


def is_bluejay(host: object) -> bool:
    """Return whether the fake answers this host: the API's, or the one that takes traces.

    Args:
        host: A name as a client or the socket module takes one: text or bytes, in any case, with or without the root's
            dot and a port, and with any characters that IDNA maps to the same name. Anything else is not Bluejay's.
            Methods that a subclass of `str` or `bytes` overrides are not called.
    """
    if type(host) is str and host == HOST:
        return True
    name = _NAME.fullmatch(text_of(host))
    return name is not None and name["host"].lower() in (HOST, OTLP_HOST)


def is_in_domain(host: object) -> bool:
    """Return whether this host is Bluejay's domain or a name under it, whatever it serves.

    Args:
        host: As for `is_bluejay`.
    """
    if (type(host) is str and host == HOST) or (type(host) is bytes and host == _HOST):  # the usual cases, fast
        return True
    return _NAME.fullmatch(text_of(host)) is not None


def text_of(host: Any) -> str:
    """Return a host as text, in ASCII if the socket module would resolve it; empty if it is no text."""
    kind = type(host)
    if issubclass(kind, bytes):
        return bytes.decode(host, "latin-1")
    if issubclass(kind, bytearray):
        return bytearray.decode(host, "latin-1")
    if not issubclass(kind, str):
        return ""
    text = str.__str__(host)
    try:
        return text if text.isascii() else text.encode("idna").decode()
    except UnicodeError:
        return text
