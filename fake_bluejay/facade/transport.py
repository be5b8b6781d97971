"""An httpx transport that leads to a fake, for clients that can be given one."""

from __future__ import annotations

from typing import Any

try:
    import httpx
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "bluejay.client(), .async_client() and .transport are httpx's: pip install httpx", name=error.name
    ) from None

from fake_bluejay.bluejay.app import Api
from fake_bluejay.intercept.httpx import answer, answer_async

__all__ = ["transport"]


class _Transport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    def __init__(self, app: Api) -> None:
        self._app = app

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response: httpx.Response = answer(httpx, self._app, request)
        return response

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response: httpx.Response = await answer_async(httpx, self._app, request)
        return response


def transport(app: Api) -> Any:
    """A transport, sync and async, that answers every request from this application, whatever its host."""
    return _Transport(app)
