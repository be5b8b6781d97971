"""Requests that offer another protocol, answered as if they had not, which RFC 9110 (7.8) leaves to the server.

Clients that prefer HTTP/2 offer `h2c` with a request that has a body already: `curl --http2`, Java's `HttpClient` by
default. httptools takes whatever follows such a head, the body included, for the other protocol.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httptools


class IgnoresUpgrades:
    """httptools' parser, except that it parses a head with an offer a second time, without the offer.

    The protocol gets the callbacks for the head's parts the first time, and the callback for its end the second time.
    """

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self._is_second_time = False
        self.on_message_begin: Callable[..., None] = protocol.on_message_begin
        self.on_url: Callable[..., None] = protocol.on_url
        self.on_header: Callable[..., None] = protocol.on_header
        self.on_body = protocol.on_body
        self._parse_anew()

    def _parse_anew(self) -> None:
        self._parser = parser = httptools.HttpRequestParser(self)
        if hasattr(parser, "set_dangerous_leniencies"):  # from httptools 0.6.3 on; older ones are always this lenient
            parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
        self.get_http_version, self.get_method = parser.get_http_version, parser.get_method
        self.should_keep_alive = parser.should_keep_alive

    def feed_data(self, data: bytes) -> None:
        """Parse bytes from the client.

        Raises:
            httptools.HttpParserError: They are not HTTP, or the protocol refused them.
            httptools.HttpParserUpgrade: They are a CONNECT request, after which other protocols follow.
        """
        while data:
            try:
                self._parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                if not self._is_offered():
                    raise
                data = data[upgrade.args[0] :]
                self._parse_head_again()

    def should_upgrade(self) -> bool:
        """Return whether the connection is to go on in another protocol."""
        return False

    def on_headers_complete(self) -> None:
        """Pass on the end of a head, unless that will be parsed again."""
        if not self._is_offered():
            self._is_second_time = False
            self._protocol.on_headers_complete()

    def on_message_complete(self) -> None:
        """Pass on the end of a request, unless its body is still to come."""
        if not self._is_offered():
            self._protocol.on_message_complete()

    def _is_offered(self) -> bool:
        return bool(self._parser.should_upgrade()) and self.get_method() != b"CONNECT"

    def _parse_head_again(self) -> None:
        protocol = self._protocol
        head = [b"%s %s HTTP/%s" % (self.get_method(), protocol.url, self.get_http_version().encode())]
        head += [b"%s: %s" % header for header in protocol.headers if header[0] != b"upgrade"]
        self.on_message_begin = self._first_time_only(protocol.on_message_begin)
        self.on_url = self._first_time_only(protocol.on_url)
        self.on_header = self._first_time_only(protocol.on_header)
        self._parse_anew()
        self._is_second_time = True
        self._parser.feed_data(b"\r\n".join([*head, b"", b""]))

    def _first_time_only(self, callback: Callable[..., None]) -> Callable[..., None]:
        def call(*args: bytes) -> None:
            if not self._is_second_time:
                callback(*args)

        return call
