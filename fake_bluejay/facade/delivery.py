"""The delivery worker: it sends the due deliveries of a world, those of each webhook in the order they were due.

Waiting:
- The thread that moves the clock waits for the deliveries, so that a receiver finds the clock at the instant of the
  sending.
- A thread that runs an event loop of the application does not call functions, because they may wait for that loop.
- A server's own thread does not wait, because a receiver may call that server.
- No thread waits for a receiver, or a server at a URL, on an event loop that runs in the same thread: it runs when the
  loop goes on.

Threads and loops of the worker take part in virtual time, like the code that they call.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections import deque
from collections.abc import Coroutine
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from fake_bluejay.core.clock import ManualClock
from fake_bluejay.core.outbox import PATIENCE, TRIGGER, Attempt, Delivery, WebhookRecord, signature
from fake_bluejay.core.readings import WebhookHeaders, WebhookProof
from fake_bluejay.core.webhooks import check_url
from fake_bluejay.core.world import World
from fake_bluejay.facade.receivers import (
    TOO_LATE,
    AsyncReceiver,
    FunctionReceiver,
    InvalidStatus,
    Lifespan,
    Request,
    keep_running,
    post,
    running_loop,
)
from fake_bluejay.intercept.asyncio import serves
from fake_bluejay.intercept.clockwork import CLOCKWORK, REAL_TIME_THREADS

_USER_AGENT = "Bluejay-Webhooks/1.0"
"""The documentation of August 2026 has this header, but not its value."""

_MOST_AT_ONCE = 50
"""The most threads that send to servers at the same time."""

_PATIENCE = 2 * PATIENCE / 1e6
"""The longest wait for an attempt, in seconds."""


@dataclass(eq=False)
class _Sending:
    """A delivery that is to be attempted."""

    delivery: Delivery
    webhook: WebhookRecord
    loop: asyncio.AbstractEventLoop | None = None
    """The loop that has to run before the receiver answers, if there is one: its own, or one in the calling thread."""
    error: BaseException | None = None
    """The error that the receiver raised for the test, by `pytest.fail`, say."""
    finished: threading.Event = field(default_factory=threading.Event)

    def wait(self) -> None:
        """Wait until the attempt is over, but at most `_PATIENCE` seconds."""
        self.finished.wait(_PATIENCE)


@dataclass(eq=False)
class _Lane:
    """A queue of the deliveries to one webhook, which a thread sends one after the other."""

    queue: deque[_Sending] = field(default_factory=deque)
    owner: object = None
    """The call of `deliver` that began the sending under way; None if none is."""


class _Thread(threading.local):
    """The state of a thread."""

    attempting = False
    """True if the thread is in a receiver."""


class DeliveryWorker:
    """The sender of a world's deliveries, which reports each attempt to the world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.receivers: dict[str, FunctionReceiver | AsyncReceiver] = {}
        """Webhook → its receiver in this process."""
        self._thread = _Thread()
        self._lock = threading.Lock()
        self._lanes: dict[str, _Lane] = {}
        self._waiting_lanes: deque[_Lane] = deque()
        self._threads = 0
        self._under_way: dict[_Sending, None] = {}
        self._raised: list[BaseException] = []
        """Errors for the test, of receivers that no thread waited for."""
        self._lifespans: dict[Any, Lifespan] = {}
        self._own_loop: _OwnLoop | None = None

    # --- for a world and a test ---------------------------------------------------------------------------------

    def deliver(self) -> None:
        """Send the due deliveries, and then raise an error that a receiver has raised for the test."""
        call = object()
        is_server = threading.get_ident() in REAL_TIME_THREADS
        waited_for: list[_Sending] = []
        for delivery, webhook in iter(self._world.next_delivery, None):
            if webhook is None:
                gone = Attempt(self._world.now(), None, "the webhook is gone")
                self._world.attempted(delivery, gone, 0)
                continue
            sending = _Sending(delivery, webhook)
            receiver = self.receivers.get(webhook.id) if webhook.url is None else None
            if isinstance(receiver, AsyncReceiver):
                awaited = self._send_on_loop(sending, receiver, is_server) and not is_server
            elif isinstance(receiver, FunctionReceiver) and not is_server and receiver.blocks_a_loop():
                sending.loop = running_loop()
                self._send_on_thread(sending, call)
                awaited = False
            elif webhook.url is None and not is_server:
                self._send_here(sending)
                awaited = True
            else:
                sending.loop = _serving_loop(webhook.url)
                awaited = self._send_on_thread(sending, call) and not is_server and sending.loop is None
            if awaited:
                waited_for.append(sending)
        errors = []
        for sending in waited_for:
            sending.wait()
            if sending.error is not None:
                errors.append(sending.error)
                with self._lock:
                    self._raised = [one for one in self._raised if one is not sending.error]
        if errors:
            raise errors[0]

    @property
    def is_busy(self) -> bool:
        """True if a delivery is on its way."""
        return bool(self._under_way)

    def wait(self) -> None:
        """Wait for the deliveries under way, unless this is called from within a receiver.

        A receiver on the event loop of this thread is not waited for: it could not go on.

        Raises:
            BaseException: A receiver that no thread waited for has raised this for the test.
        """
        if self._thread.attempting:
            return
        here = running_loop()
        for sending in list(self._under_way):
            if sending.loop is None or (sending.loop is not here and sending.loop.is_running()):
                sending.wait()
        if self._raised:
            raise self._raised.pop(0)

    async def shut_down(self) -> None:
        """Run the shutdown of the applications that were started on the loop that is running."""
        here = asyncio.get_running_loop()
        for key in [key for key in list(self._lifespans) if key[1] is here]:
            await self._lifespans.pop(key).shut_down()

    def close(self) -> None:
        """Run the shutdown of all applications that were started, and end the worker's own event loop.

        On a loop that runs in this thread, the shutdown begins once the loop has its turn.
        """
        here = running_loop()
        for loop in {loop for _, loop in list(self._lifespans)}:
            if loop is here:
                keep_running(self.shut_down())
            elif loop.is_running():
                _wait_for(loop, self.shut_down())
            elif here is None and not loop.is_closed():
                loop.run_until_complete(self.shut_down())
        if self._own_loop is not None:
            self._own_loop.close()
            self._own_loop = None

    # --- the three ways -----------------------------------------------------------------------------------------

    def _send_here(self, sending: _Sending) -> None:
        """Call a function in this thread, after earlier deliveries to it."""
        lane = self._lanes.get(sending.webhook.id)
        if lane is not None and not self._thread.attempting:
            for before in list(lane.queue):
                before.wait()
        self._under_way[sending] = None
        self._attempt(sending)
        if isinstance(sending.error, KeyboardInterrupt):
            raise sending.error

    def _send_on_thread(self, sending: _Sending, call: object) -> bool:
        """Queue a delivery for a thread, after the earlier ones to the same webhook. Return whether to wait for it."""
        with self._lock:
            lane = self._lanes.setdefault(sending.webhook.id, _Lane())
            lane.queue.append(sending)
            self._under_way[sending] = None
            begins = lane.owner is None
            if begins:
                lane.owner = call
                self._waiting_lanes.append(lane)
            is_ours = lane.owner is call
        if begins:
            self._start_thread()
        return is_ours

    def _start_thread(self) -> None:
        """Start a thread for a waiting lane, unless there are enough.

        Call it without the lock: time may move until the thread runs, and this thread may then send what falls due.
        """
        with self._lock:
            if not self._waiting_lanes or self._threads >= _MOST_AT_ONCE:
                return
            self._threads += 1
        threading.Thread(target=self._work, name="fake-bluejay webhooks", daemon=True).start()

    @CLOCKWORK.taking_part()
    def _work(self) -> None:
        """Send the deliveries on the lanes, on a thread of the worker's own, until none is left."""
        while True:
            with self._lock:
                if not self._waiting_lanes:
                    self._threads -= 1
                    return
                lane = self._waiting_lanes.popleft()
            while True:
                self._attempt(lane.queue[0])
                added: list[_Lane] = []
                with self._lock:
                    late = lane.queue.popleft().delivery.attempts[-1:]
                    if late and late[0].problem == TOO_LATE:
                        # The server hangs: send the rest at the same time, so that its timeouts do not add up.
                        added = [_Lane(deque([sending]), lane.owner) for sending in lane.queue]
                        self._waiting_lanes += added
                        lane.queue.clear()
                    is_over = not lane.queue
                    if is_over:
                        lane.owner = None
                for _ in added:
                    self._start_thread()
                if is_over:
                    break

    def _attempt(self, sending: _Sending) -> None:
        """Attempt a delivery in this thread, by a function or a server."""
        world, webhook = self._world, sending.webhook
        began, asked, within = world.now(), world.requested_advance.microseconds, self._thread.attempting
        self._thread.attempting = True
        status, problem = None, None
        try:
            receiver = self.receivers.get(webhook.id)
            if webhook.url is not None:
                with _in_real_time():
                    check_url(webhook.url, anywhere=world.webhooks_anywhere)
                    status = post(webhook.url, self._request(sending))
            elif isinstance(receiver, FunctionReceiver):
                status = receiver.answer(self._request(sending))
            else:
                problem = "its receiver is not in this process"
        except BaseException as error:
            problem = self._problem(sending, error)
        finally:
            # The time that other threads advanced meanwhile is not this receiver's.
            manual = isinstance(world.clock, ManualClock)
            took = world.requested_advance.microseconds - asked if manual else world.now() - began
            world.requested_advance.microseconds, self._thread.attempting = asked, within
        if webhook.url is None and took > PATIENCE:
            status, problem = None, TOO_LATE
        self._finish(sending, Attempt(began, status, problem), took)

    def _send_on_loop(self, sending: _Sending, receiver: AsyncReceiver, is_server: bool) -> bool:
        """Schedule a receiver on its event loop. Return whether to wait for it."""
        here = None if is_server else running_loop()
        loop = receiver.loop
        if loop is None or not loop.is_running():
            if here is None and self._own_loop is None:
                self._own_loop = _OwnLoop()
                weakref.finalize(self, self._own_loop.stop)
            loop = receiver.loop = self._own_loop.loop if here is None and self._own_loop is not None else here
            receiver.last = None
        assert loop is not None
        own = self._own_loop if self._own_loop is not None and loop is self._own_loop.loop else None
        sending.loop = loop
        self._under_way[sending] = None
        began, is_free = self._world.now(), receiver.last is None or receiver.last.done()

        def start() -> None:
            before, receiver.last = receiver.last, loop.create_future()
            keep_running(self._attempt_on_loop(sending, receiver, began, before, receiver.last))

        if loop is here:
            loop.call_soon(start)
            return False
        loop.call_soon_threadsafe(start)
        return own is not None and is_free

    async def _attempt_on_loop(
        self,
        sending: _Sending,
        receiver: AsyncReceiver,
        began: int,
        before: asyncio.Future[None] | None,
        last: asyncio.Future[None],
    ) -> None:
        loop = asyncio.get_running_loop()
        status, problem, started = None, None, loop.time()
        try:
            if before is not None:
                await asyncio.wait([before])
            started = loop.time()
            status = await receiver.answer(self._request(sending), self._lifespans)
        except BaseException as error:
            problem = self._problem(sending, error)
        finally:
            last.set_result(None)
            took = round((loop.time() - started) * 1_000_000)
            self._finish(sending, Attempt(began, status, problem), took)

    # --- common parts -------------------------------------------------------------------------------------------

    def _problem(self, sending: _Sending, error: BaseException) -> str:
        """Return the problem of an attempt, and keep the error if it is meant for the test."""
        if isinstance(error, TimeoutError):
            return TOO_LATE
        if isinstance(error, asyncio.CancelledError):
            return "it was cancelled, or its event loop has ended"
        if not isinstance(error, Exception) or isinstance(error, InvalidStatus):
            sending.error = error
            with self._lock:
                self._raised.append(error)
        return f"{type(error).__name__}: {error}"

    def _finish(self, sending: _Sending, attempt: Attempt, took: int) -> None:
        self._world.attempted(sending.delivery, attempt, took)
        self._under_way.pop(sending, None)
        sending.finished.set()

    def _request(self, sending: _Sending) -> Request:
        from starlette.datastructures import Headers

        delivery, readings = sending.delivery, self._world.readings
        headers = {"Content-Type": "application/json", "User-Agent": _USER_AGENT}
        if delivery.event == TRIGGER:
            headers["X-Bluejay-Idempotency-Key"] = delivery.id
            if sending.webhook.secret:
                headers["X-Bluejay-Signature"] = signature(delivery.body, sending.webhook.secret)
            return Request(Headers(headers), delivery.body)
        if readings.webhook_proof is WebhookProof.SIGNATURE:
            headers["X-Bluejay-Signature"] = signature(delivery.body, sending.webhook.secret)
        else:
            headers["X-Webhook-Secret"] = sending.webhook.secret
        if readings.webhook_headers is WebhookHeaders.EVENT_AND_DELIVERY:
            headers |= {"X-Bluejay-Event": delivery.event, "X-Bluejay-Delivery": delivery.id}
        return Request(Headers(headers), delivery.body)


def _serving_loop(url: str | None) -> asyncio.AbstractEventLoop | None:
    """Return the event loop that runs in this thread, if the server of a URL runs on it."""
    loop = running_loop()
    if url is None or loop is None:
        return None
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return loop if serves(loop, port) else None


def _in_real_time() -> AbstractContextManager[None]:
    """Return a context in which this thread lives in real time, like a server on a socket."""
    member = CLOCKWORK.me()
    return nullcontext() if member is None else CLOCKWORK.real_time(member, "sent to a server", meanwhile="stand")


def _wait_for(loop: asyncio.AbstractEventLoop, what: Coroutine[Any, Any, None]) -> None:
    """Run something on a loop that runs in another thread, and wait for it."""
    done = threading.Event()

    def start() -> None:
        keep_running(what).add_done_callback(lambda _: done.set())

    loop.call_soon_threadsafe(start)
    done.wait(_PATIENCE)


class _OwnLoop:
    """An event loop in a thread of its own, for receivers that were added where none runs."""

    def __init__(self) -> None:
        self.loop = asyncio.SelectorEventLoop()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fake-bluejay receivers", daemon=True)
        self._thread.start()

    @CLOCKWORK.taking_part()
    def _run(self) -> None:
        loop = self.loop
        try:
            asyncio.set_event_loop(loop)
            loop.run_forever()
            tasks = asyncio.all_tasks(loop)
            for task in tasks:
                task.cancel()
            if tasks:
                loop.run_until_complete(asyncio.wait(tasks, timeout=_PATIENCE))
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()
            self._ended.set()

    def stop(self) -> None:
        """Cancel the tasks of the loop and close it, without waiting for that."""
        with suppress(RuntimeError):  # the loop is closed already
            self.loop.call_soon_threadsafe(self.loop.stop)

    def close(self) -> None:
        """Cancel the tasks of the loop, and close it."""
        self.stop()
        if threading.current_thread() is not self._thread:
            self._ended.wait(_PATIENCE)
