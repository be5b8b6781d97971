"""The event stream: every change of the fake as server-sent events, resumable by `Last-Event-ID`.

Format: https://html.spec.whatwg.org/multipage/server-sent-events.html. An event's name is the kind of change, its data
one JSON object. The event `resync` says that changes were missed: the client has to read the present state anew, and
the events after it are complete again.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from fake_bluejay.core.events import Change, EventLog, Subscription, TooManySubscribers

_HEARTBEAT: Final = 15.0
"""Real seconds of silence after which a comment is sent, so that proxies keep the stream open."""

_FINAL_SECONDS: Final = 0.2
"""Real seconds that a client has to read the rest when the server stops."""


class EventStream:
    """The ASGI application of `GET events`. A stream costs one task, and no memory beyond the events on their way."""

    def __init__(self, log: EventLog, heartbeat: float = _HEARTBEAT) -> None:
        self._log = log
        self._heartbeat = heartbeat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events to one client, from now on or from its `Last-Event-ID`."""
        if scope["method"] != "GET":
            detail = f"Method Not Allowed: {scope['method']} is not for the event stream, which takes GET"
            raise HTTPException(405, detail, {"allow": "GET"})
        loop, news, end = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()

        def wake() -> None:
            with suppress(RuntimeError):  # the loop is closed, and the stream with it
                loop.call_soon_threadsafe(woken)

        def woken() -> None:
            news.set()
            if subscription.ended:
                end.set()

        try:
            subscription = self._log.subscribe(wake, Headers(scope=scope).get("last-event-id"))
        except TooManySubscribers as error:
            raise HTTPException(503, str(error)) from None
        streaming = asyncio.create_task(self._stream(subscription, news, send))
        tasks = streaming, asyncio.create_task(_gone(receive)), asyncio.create_task(end.wait())
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if subscription.ended:
                await asyncio.wait((streaming,), timeout=_FINAL_SECONDS)
        finally:
            subscription.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _stream(self, subscription: Subscription, news: asyncio.Event, send: Send) -> None:
        headers = [
            (b"content-type", b"text/event-stream"),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await _write(send, "retry: 1000\n: every change of the fake, from now on\n\n")
        first = True
        while not subscription.ended:
            news.clear()
            changes = subscription.take()
            if changes is None:
                await _write(send, f"id: {subscription.last_id}\nevent: resync\ndata: {{}}\n\n")
            elif changes:
                await _write(send, "".join(_event(subscription, change) for change in changes))
            elif first:
                # An id without an event: a client that loses the stream before the first event can resume from here.
                await _write(send, f"id: {subscription.last_id}\n\n")
            else:
                await self._wait(news, send)
            first = False
        await send({"type": "http.response.body", "body": b""})

    async def _wait(self, news: asyncio.Event, send: Send) -> None:
        try:
            async with asyncio.timeout(self._heartbeat):
                await news.wait()
        except TimeoutError:
            await _write(send, ": still here\n\n")


def _event(subscription: Subscription, change: Change) -> str:
    data = json.dumps(change.data, separators=(",", ":"))
    return f"id: {subscription.id_of(change.number)}\nevent: {change.kind}\ndata: {data}\n\n"


async def _write(send: Send, text: str) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
