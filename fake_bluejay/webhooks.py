"""Webhooks, as a test uses them: add a receiver, let time pass, look at what was delivered.

    received = []
    bluejay.webhooks.add(received.append, events=["simulation_ended"], secret="s3cret")

A receiver is a function of a `Request`, an ASGI application, or the URL of a server on this machine. One that fails, or
takes longer than 5 seconds, hears of it again (documented: at least once); the fake tries after 5 and 30 seconds, 2 and
10 minutes, and then gives up.
"""

from __future__ import annotations

import asyncio
import hmac
import http.client
import inspect
import ipaddress
import json as jsons
import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from fake_bluejay.core.clock import datetime_at, microseconds
from fake_bluejay.core.readings import WebhookProof
from fake_bluejay.core.suggest import unknown
from fake_bluejay.core.webhooks import EVENTS, PATIENCE, Attempt, Delivery, Irregularity, signature
from fake_bluejay.core.webhooks import Webhook as Registered
from fake_bluejay.core.world import DEFAULT_ORGANISATION, World
from fake_bluejay.intercept.virtual_time import HELPERS, REAL_TIME_THREADS

__all__ = ["EVENTS", "Attempt", "DeliveryView", "Receiver", "Request", "Webhook", "Webhooks", "sign", "verify"]

_USER_AGENT = "Bluejay-Webhooks/1.0"
"""The documentation has such a header, and does not say what is in it."""

_MOST_AT_ONCE = 100
"""So many receivers may keep us waiting; whoever is next then is tried again later."""

Receiver = Callable[..., Any]
"""A function of a `Request`, whose answer is a status (None: 200); or an ASGI application."""


def sign(body: bytes, secret: str) -> str:
    """The `X-Bluejay-Signature` of a body."""
    return signature(body, secret)


def verify(body: bytes, secret: str, signature: str) -> bool:
    """Whether this is the signature of that body: what a receiver must check. `body` is the raw one."""
    return hmac.compare_digest(sign(body, secret).encode(), signature.encode())


class Request(NamedTuple):
    """What a receiver is sent."""

    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return jsons.loads(self.body)

    @property
    def event(self) -> str:
        """Which event it tells of."""
        return self.headers["X-Bluejay-Event"]


class Webhook(NamedTuple):
    """A webhook that was added: its id, which the endpoints of signing keys take, and the secret it is signed with."""

    id: str
    secret: str


class DeliveryView:
    """An event on its way to a webhook, and what has become of it."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery

    @property
    def id(self) -> str:
        """What is in `X-Bluejay-Delivery`: the same for every attempt."""
        return self._delivery.id

    @property
    def webhook_id(self) -> str:
        return self._delivery.webhook_id

    @property
    def event(self) -> str:
        return self._delivery.event

    @property
    def body(self) -> bytes:
        return self._delivery.body

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return jsons.loads(self._delivery.body)

    @property
    def created_at(self) -> datetime:
        return datetime_at(self._delivery.created_at)

    @property
    def attempts(self) -> list[Attempt]:
        """Each time that it was sent: `.at` (an instant, in microseconds), `.status`, `.problem`, `.succeeded`."""
        return list(self._delivery.attempts)

    @property
    def delivered(self) -> bool:
        """Whether the receiver has taken it."""
        return self._delivery.delivered

    @property
    def given_up(self) -> bool:
        """Whether it has not, and is not sent any more."""
        return not self.delivered and not self._delivery.planned

    def __repr__(self) -> str:
        state = "delivered" if self.delivered else "given up" if self.given_up else "on its way"
        return f"<Delivery {self.event} {self.id[:8]}, {len(self.attempts)} attempts, {state}>"


class Webhooks:
    """The webhooks of a fake."""

    def __init__(self, world: World, *, loopback_only: bool = True) -> None:
        self._world = world
        self.loopback_only = loopback_only
        """Whether a URL must be on this machine: a fake tells nobody else anything, unless told otherwise."""
        self._receivers: dict[str, Receiver] = {}
        self._under_way: list[threading.Thread] = []

    def add(
        self,
        to: str | Receiver,
        events: Iterable[str] = EVENTS,
        secret: str | None = None,
        organisation: str = DEFAULT_ORGANISATION,
    ) -> Webhook:
        """Have a receiver told of events; all, unless some are given. Without a secret one is drawn from the seed.

        Raises `ValueError` for an event that is not documented, or an address that is not on this machine.
        """
        if isinstance(events, str):
            raise ValueError(f"events is a list of events, not one string: {events!r}")
        url = to if isinstance(to, str) else None
        if url is not None:
            self._check(url)
        with self._world.lock:
            registered = self._world.outbox.add(organisation, url, tuple(events), secret)
            self._receivers.pop(registered.id, None)  # one of before a reset has the same id
            if not isinstance(to, str):
                self._receivers[registered.id] = to
            if (tell := self._world.on_change) is not None:
                tell("webhook-added", registered)
        return Webhook(registered.id, registered.secret)

    def _check(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"a webhook's URL is like http://127.0.0.1:8000/webhooks, not {url!r}")
        if self.loopback_only and not _is_loopback(parts.hostname):
            raise ValueError(
                f"{parts.hostname} is not this machine: the fake delivers webhooks to loopback addresses only,"
                " unless bluejay.webhooks.loopback_only is set to False"
            )

    def remove(self, webhook: Webhook | str) -> None:
        """Tell it nothing any more. Raises `KeyError` if it is not there."""
        id = webhook if isinstance(webhook, str) else webhook.id
        with self._world.lock:
            if id not in self._world.outbox.webhooks:
                raise KeyError(f"there is no webhook {id!r}")
            del self._world.outbox.webhooks[id]
            self._receivers.pop(id, None)
            if (tell := self._world.on_change) is not None:
                tell("webhook-removed", id)

    def send(self, event: str, payload: Any, organisation: str = DEFAULT_ORGANISATION) -> None:
        """Send a payload of your own: an event of calls outside simulations, say. Raises `ValueError` for no event."""
        if event not in EVENTS:
            raise ValueError(unknown("webhook event", event, EVENTS))
        with self._world.lock:
            self._world.outbox.emit(event, organisation, payload, self._world.settle())
        self._world.deliver()

    def duplicate(self, times: int = 1, *, copies: int = 2, event: str | None = None) -> None:
        """The next deliveries (of that event) are sent more than once, though the first was taken."""
        self._arm(0, copies, event, times)

    def delay(self, seconds: float, times: int = 1, *, event: str | None = None) -> None:
        """The next deliveries (of that event) leave so much later: later ones may arrive before them."""
        self._arm(microseconds(seconds), 1, event, times)

    def _arm(self, later: int, copies: int, event: str | None, times: int) -> None:
        if later < 0 or copies < 1 or times < 1:
            raise ValueError("seconds must not be negative, and copies and times must be at least 1")
        if event is not None and event not in EVENTS:
            raise ValueError(unknown("webhook event", event, EVENTS))
        with self._world.lock:
            self._world.outbox.irregularities.append(Irregularity(later, copies, event, times))

    @property
    def deliveries(self) -> list[DeliveryView]:
        """What was sent, the newest last; what is on its way on a thread is waited for."""
        self._world.deliver()
        self._wait()
        return [DeliveryView(delivery) for delivery in self._world.outbox.deliveries]

    # --- carrying ------------------------------------------------------------------------------------------------

    def carry(self, delivery: Delivery) -> None:
        """Send a delivery to its receiver, and note how that went.

        A function is called here and now. Others get a thread: an application has an event loop of its own, and a
        server may call back. Who moves the clock waits for them, all at once; a server's own thread does not.
        """
        registered = self._world.outbox.webhooks.get(delivery.webhook_id)
        if registered is None:  # removed a moment ago
            return self._world.attempted(delivery, None, "the webhook is gone")
        receiver = self._receivers.get(delivery.webhook_id)
        on_server = threading.get_ident() in REAL_TIME_THREADS
        if receiver is not None and not _is_asgi(receiver) and not on_server:
            return self._attempt(delivery, registered, receiver)
        self._under_way = [thread for thread in self._under_way if thread.is_alive()]
        if len(self._under_way) >= _MOST_AT_ONCE:
            return self._world.attempted(delivery, None, f"{_MOST_AT_ONCE} receivers have not answered yet")
        thread = threading.Thread(target=self._help, args=(delivery, registered, receiver), daemon=True)
        self._under_way.append(thread)
        thread.start()
        if not on_server and not self._world.outbox.ready:
            self._wait()
        return None

    def _wait(self) -> None:
        threads, self._under_way = self._under_way, []
        for thread in threads:
            thread.join(2 * PATIENCE / 1e6)

    def _help(self, *attempt: Any) -> None:
        HELPERS.add(threading.get_ident())
        try:
            self._attempt(*attempt)
        finally:
            HELPERS.discard(threading.get_ident())

    def _attempt(self, delivery: Delivery, registered: Registered, receiver: Receiver | None) -> None:
        request = self._request(delivery, registered)
        began = self._world.now()
        status, problem = None, None
        try:
            if registered.url is None and receiver is None:
                problem = "its receiver is not in this process"
            elif registered.url is not None:
                status = _post(registered.url, request)
            elif receiver is not None and _is_asgi(receiver):
                status = asyncio.run(_ask(receiver, request))
            elif receiver is not None:
                answer = receiver(request)
                status = 200 if answer is None else int(answer)
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
        if receiver is not None and self._world.now() - began > PATIENCE:
            status, problem = None, "no answer within 5 seconds"
        self._world.attempted(delivery, status, problem)

    def _request(self, delivery: Delivery, registered: Registered) -> Request:
        signed = self._world.readings.webhook_proof is WebhookProof.SIGNATURE
        return Request(
            {
                "Content-Type": "application/json",
                "User-Agent": _USER_AGENT,
                **({"X-Bluejay-Signature": sign(delivery.body, registered.secret)} if signed else {}),
                **({} if signed else {"X-Webhook-Secret": registered.secret}),
                "X-Bluejay-Event": delivery.event,
                "X-Bluejay-Delivery": delivery.id,
            },
            delivery.body,
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") in ("localhost", "ip6-localhost")


def _is_asgi(receiver: Receiver) -> bool:
    """An application takes three arguments, and is answered by a coroutine."""
    called = receiver if inspect.isroutine(receiver) else type(receiver).__call__
    try:
        required = [each for each in inspect.signature(receiver).parameters.values() if each.default is each.empty]
    except (TypeError, ValueError):
        return False
    return inspect.iscoroutinefunction(called) and len(required) == 3


def _post(url: str, request: Request) -> int:
    """POST to a server, by nothing that is intercepted, in real time."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=PATIENCE / 1e6)
    try:
        connection.request("POST", parts._replace(scheme="", netloc="").geturl() or "/", request.body, request.headers)
        return connection.getresponse().status
    finally:
        connection.close()


async def _ask(app: Receiver, request: Request) -> int:
    """POST to an ASGI application; its answer is over when its body is."""
    statuses: list[int] = []
    sent = False

    async def receive() -> dict[str, Any]:
        nonlocal sent
        if sent:
            return {"type": "http.disconnect"}
        sent = True
        return {"type": "http.request", "body": request.body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    headers = [
        (name.lower().encode(), value.encode()) for name, value in {"Host": "testserver", **request.headers}.items()
    ]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "root_path": "",
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("testserver", 80),
    }
    async with asyncio.timeout(PATIENCE / 1e6):
        await app(scope, receive, send)
    return statuses[0]
