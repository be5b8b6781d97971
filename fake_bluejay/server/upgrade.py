"""Requests that offer another protocol, answered as if they had not, which RFC 9110 (7.8) leaves to the server.

Clients that prefer HTTP/2 offer `h2c` with a request that has a body already: `curl --http2`, Java's `HttpClient` by
default. httptools takes whatever follows such a head, the body included, for the other protocol.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httptools


def parse_without_offer(protocol: Any) -> None:
    """Give a protocol a new parser, and parse the head of its request again, without the offer.

    The protocol gets the callback for the end of the head, but not again those for the head's parts.
    """
    parser = httptools.HttpRequestParser(_AfterHead(protocol))
    if hasattr(parser, "set_dangerous_leniencies"):  # from httptools 0.6.3 on; older ones are always this lenient
        parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
    before, protocol.parser = protocol.parser, parser
    head = [b"%s %s HTTP/%s" % (before.get_method(), protocol.url, before.get_http_version().encode())]
    head += [b"%s: %s" % header for header in protocol.headers if header[0] != b"upgrade"]
    parser.feed_data(b"\r\n".join([*head, b"", b""]))


class _AfterHead:
    """The callbacks of a parser, which are passed on to a protocol from the end of the first head on."""

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self._is_first_head = True
        self.on_message_begin: Callable[..., None] = self._later(protocol.on_message_begin)
        self.on_url: Callable[..., None] = self._later(protocol.on_url)
        self.on_header: Callable[..., None] = self._later(protocol.on_header)
        self.on_body = protocol.on_body
        self.on_message_complete = protocol.on_message_complete

    def on_headers_complete(self) -> None:
        """Pass on the end of a head."""
        self._is_first_head = False
        self._protocol.on_headers_complete()

    def _later(self, callback: Callable[..., None]) -> Callable[..., None]:
        def call(*args: bytes) -> None:
            if not self._is_first_head:
                callback(*args)

        return call
