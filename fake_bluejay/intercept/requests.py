"""requests: its adapter, where a call that needs none of urllib3's machinery is answered at once.

What does need it (retries, faults, streamed uploads, client certificates) goes on into urllib3, and meets the fake
there.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from http.client import HTTPMessage, responses
from types import ModuleType, SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from fake_bluejay.intercept.door import Reply, exchange
from fake_bluejay.intercept.shims import Seam
from fake_bluejay.intercept.switch import taker

__all__ = ["seams"]


def seams(requests: ModuleType) -> Iterator[Seam]:
    """What to replace in requests."""
    from urllib3.response import HTTPResponse

    def send(original: Callable[..., Any]) -> Callable[..., Any]:
        def send(
            self: Any,
            request: Any,
            stream: bool = False,
            timeout: Any = None,
            verify: Any = True,
            cert: Any = None,
            proxies: Any = None,
        ) -> Any:
            url = urlsplit(request.url)
            host = url.hostname
            fake = taker(host)
            body = request.body.encode() if isinstance(request.body, str) else request.body or b""
            plain = (
                isinstance(body, bytes)
                and _exists(verify)
                and cert is None
                and not _retries(self)
                and _can_be_waited_for(timeout)
            )
            if fake is None or not plain or fake.may_fail():
                return original(
                    self, request, stream=stream, timeout=timeout, verify=verify, cert=cert, proxies=proxies
                )
            headers = [(b"host", url.netloc.rpartition("@")[2].encode())]
            headers += [(_bytes(name).lower(), _bytes(value)) for name, value in request.headers.items()]
            target = f"{url.path or '/'}{'?' if url.query else ''}{url.query}".encode()
            reply = exchange(fake.app, request.method, url.scheme, host or "", url.port, target, headers, body)
            response = self.build_response(request, _urllib3_response(HTTPResponse, request.method, reply, stream))
            if not stream:  # which requests itself reads to its end at once
                response._content, response._content_consumed = reply.body, True
            return response

        return send

    yield Seam(requests.adapters.HTTPAdapter, "send", send)


def _can_be_waited_for(timeout: Any) -> bool:
    # Whatever else may be a timeout, or is refused as one, urllib3 knows.
    both = timeout if type(timeout) is tuple and len(timeout) == 2 else (timeout,)
    return all(each is None or (type(each) in (int, float) and each > 0) for each in both)


def _exists(verify: Any) -> bool:
    # A CA bundle that is not there is requests' own error to raise.
    return isinstance(verify, bool) or os.path.exists(verify)


def _retries(adapter: Any) -> bool:
    return bool(adapter.max_retries.total or adapter.max_retries.status_forcelist)


def _bytes(text: Any) -> bytes:
    return text if isinstance(text, bytes) else str(text).encode("latin-1")


def _urllib3_response(response_class: Any, method: str, reply: Reply, stream: bool) -> Any:
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in reply.headers]
    return response_class(
        body=io.BytesIO(reply.body if stream else b""),
        headers=headers,
        status=reply.status,
        reason=responses.get(reply.status, ""),
        version=11,
        preload_content=False,
        decode_content=False,
        enforce_content_length=stream,
        request_method=method,
        original_response=_cookies(headers),
    )


def _cookies(headers: list[tuple[str, str]]) -> Any:
    """What requests reads cookies from: the answer as `http.client` would have it, needed only if it sets any."""
    if all(name != "set-cookie" for name, _ in headers):
        return None
    message = HTTPMessage()
    for name, value in headers:
        message[name] = value
    return SimpleNamespace(msg=message, isclosed=lambda: True, close=lambda: None)
