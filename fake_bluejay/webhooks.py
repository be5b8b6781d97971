"""Webhooks, as a test uses them: add a receiver, let time pass, look at what was delivered.

    received = []
    bluejay.webhooks.add(received.append, events=["simulation_ended"], secret="s3cret")

A receiver is a function of a `Request`, an ASGI application, or the URL of a server on this machine. One that fails, or
takes longer than 5 seconds, hears of it again (documented: at least once); the fake tries after 5 and 30 seconds, 2 and
10 minutes, and then gives up.

Functions and applications live in the fake's time, as all code under test: one that sleeps for 10 seconds is too late
at once. A server lives in real time.
"""

from __future__ import annotations

import asyncio
import hmac
import http.client
import inspect
import ipaddress
import json as jsons
import threading
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from time import perf_counter
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from starlette.datastructures import Headers

from fake_bluejay.core.clock import ManualClock, datetime_at, microseconds
from fake_bluejay.core.integers import is_integer
from fake_bluejay.core.outbox import (
    EVENTS,
    PATIENCE,
    Attempt,
    Delivery,
    Irregularity,
    signature,
)
from fake_bluejay.core.outbox import Webhook as Registered
from fake_bluejay.core.readings import WebhookProof
from fake_bluejay.core.suggest import instead_of
from fake_bluejay.core.world import DEFAULT_ORGANISATION, World
from fake_bluejay.intercept.clockwork import CLOCKWORK, REAL_TIME_THREADS

__all__ = ["EVENTS", "AttemptView", "DeliveryView", "Receiver", "Request", "Webhook", "Webhooks", "sign", "verify"]

_USER_AGENT = "Bluejay-Webhooks/1.0"
"""The documentation has such a header, and does not say what is in it."""

_MOST_AT_ONCE = 50
"""So many servers are sent to at the same time."""

_TOO_LATE = "no answer within 5 seconds"

Receiver = Callable[..., Any]
"""A function of a `Request`, also an async one; or an ASGI application. An integer that the function returns is its
status; whatever else it returns, it has received it: 200."""


def sign(body: bytes, secret: str) -> str:
    """The `X-Bluejay-Signature` of a body."""
    return signature(body, secret)


def verify(body: bytes, secret: str, signature: str | None) -> bool:
    """Whether this is the signature of that body: what a receiver must check. `body` is the raw one."""
    return signature is not None and hmac.compare_digest(sign(body, secret).encode(), signature.encode())


class Request(NamedTuple):
    """What a receiver is sent."""

    headers: Headers
    """By name, in whatever case."""
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


class AttemptView(NamedTuple):
    """One time that a delivery was sent: when, and what came back; `status` is None if nothing did, in time."""

    at: datetime
    status: int | None
    problem: str | None

    @property
    def succeeded(self) -> bool:
        """Whether a 2xx came, in time."""
        return Attempt(0, self.status, self.problem).succeeded


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
    def attempts(self) -> list[AttemptView]:
        """Each time that it was sent, the first first."""
        return [AttemptView(datetime_at(attempt.at), *attempt[1:]) for attempt in self._delivery.attempts]

    @property
    def delivered(self) -> bool:
        """Whether the receiver has taken it."""
        return self._delivery.delivered

    @property
    def given_up(self) -> bool:
        """Whether it has not, and is not sent any more."""
        return self._delivery.given_up

    def __repr__(self) -> str:
        state = "delivered" if self.delivered else "given up" if self.given_up else "on its way"
        return f"<Delivery {self.event} {self.id[:8]}, {len(self.attempts)} attempts, {state}>"


class _Thread(threading.local):
    """What a thread is about."""

    attempting = False
    """Whether it is in a receiver."""


class Webhooks:
    """The webhooks of a fake."""

    def __init__(self, world: World, *, loopback_only: bool = True) -> None:
        self._world = world
        self.loopback_only = loopback_only
        """Whether a URL must be on this machine: a fake tells nobody else anything, unless told otherwise."""
        self.on_attempt: Callable[[], None] = lambda: None
        """Told, on any thread, that an attempt is over, and the next may be planned."""
        self.receivers: dict[str, tuple[Receiver, str]] = {}
        """Webhook → its receiver in this process, and under which path an application has it."""
        self._thread = _Thread()
        self._meant_for_the_test: list[BaseException] = []
        self._under_way: list[threading.Thread] = []

    def add(
        self,
        to: str | Receiver,
        events: Iterable[str] = EVENTS,
        secret: str | None = None,
        *,
        path: str = "/",
        organisation: str = DEFAULT_ORGANISATION,
    ) -> Webhook:
        """Have a receiver told of events; all, unless some are given. Without a secret one is drawn from the seed.

        `path` is where an ASGI application has it. Raises `ValueError` for an event that is not documented, an address
        that is not on this machine, a receiver that is none, or a secret or a path that cannot be.
        """
        if isinstance(events, str) or not isinstance(events, Iterable):
            raise ValueError(
                f"events is a list of events, not {'one string: ' * isinstance(events, str)}{events!r:.80}"
            )
        events = tuple(events)
        if not events:
            raise ValueError(f"events is empty, so nothing would be told; leave it out for all: {', '.join(EVENTS)}")
        # A header carries it, by a reading of `webhook_proof`.
        if secret is not None and not (
            isinstance(secret, str) and secret and secret.isascii() and secret.isprintable()
        ):
            raise ValueError(
                f"a secret is printable ASCII text, or None to have one drawn, {instead_of('secret', secret)}"
            )
        if not isinstance(path, str) or not path.startswith("/"):
            raise ValueError(f"a path starts with a slash, e.g. /hooks/bluejay, not {path!r:.80}")
        self._check(to)
        with self._world.lock:  # nothing is sent to it before its receiver is known
            registered = self._world.add_webhook(organisation, to if isinstance(to, str) else None, events, secret)
            self.receivers.pop(registered.id, None)  # one of before a reset has the same id
            if not isinstance(to, str):
                self.receivers[registered.id] = to, path
        return Webhook(registered.id, registered.secret)

    def _check(self, to: str | Receiver) -> None:
        if not isinstance(to, str):
            if not callable(to) or not _takes_what_is_sent(to):
                raise ValueError(
                    f"a receiver is a function of one request, an ASGI application, or a URL, not {to!r:.80}"
                )
            return
        try:
            parts = urlsplit(to)
            host = parts.hostname if parts.scheme in ("http", "https") and parts.port != 0 else None
        except ValueError:  # the port
            host = None
        if host is None:
            raise ValueError(f"a webhook's URL is like http://127.0.0.1:8000/webhooks, not {to!r}")
        if self.loopback_only and not _is_loopback(host):
            raise ValueError(
                f"{host} is not this machine: the fake delivers webhooks to loopback addresses only,"
                " unless told otherwise (webhooks_anywhere=True, --webhooks-anywhere)"
            )

    def remove(self, webhook: Webhook | str) -> None:
        """Tell it nothing any more. Raises `KeyError` if it is not there."""
        self._world.remove_webhook(webhook.id if isinstance(webhook, Webhook) else webhook)

    def send(self, event: str, payload: Any, organisation: str = DEFAULT_ORGANISATION) -> None:
        """Send a payload of your own: an event of calls outside simulations, say.

        Raises `ValueError` for an event or an organisation that there is not, `TypeError` for what is not JSON.
        """
        self._world.send(event, payload, organisation)

    def duplicate(self, times: int | None = 1, *, copies: int = 2, event: str | None = None) -> None:
        """The next deliveries (of that event; None: all) are sent more than once, though the first was taken."""
        self._world.disturb(Irregularity(0, copies, event, times))

    def delay(self, seconds: float, times: int | None = 1, *, event: str | None = None) -> None:
        """The next deliveries (of that event; None: all) leave so much later: later ones may arrive before them."""
        self._world.disturb(Irregularity(microseconds(seconds), 1, event, times))

    @property
    def deliveries(self) -> list[DeliveryView]:
        """What was sent, the newest last; what is on its way on a thread is waited for.

        Of those that are over, it keeps the latest 10,000.
        """
        self._world.deliver()
        self.wait()
        return [DeliveryView(delivery) for delivery in self._world.deliveries()]

    # --- carrying ------------------------------------------------------------------------------------------------

    def carry(self) -> None:
        """Send what is to be sent now to its receivers, and note how that went.

        Whoever moves the clock waits for it. A server's own thread does not: a receiver may call that server.
        """
        if threading.get_ident() in REAL_TIME_THREADS:
            taken = list(iter(self._world.next_delivery, None))
            thread = threading.Thread(target=self._help, args=(self._carry_aside, taken), daemon=True)
            thread.start()  # first, for what is under way may be waited for
            self._under_way = [*(one for one in self._under_way if one.is_alive()), thread]
        else:
            self._carry(iter(self._world.next_delivery, None))

    def _carry_aside(self, deliveries: Iterable[tuple[Delivery, Registered | None]]) -> None:
        try:
            self._carry(deliveries)
        except BaseException as error:
            self._meant_for_the_test.append(error)

    def _carry(self, deliveries: Iterable[tuple[Delivery, Registered | None]]) -> None:
        """A function is called here. Others get a thread: an application has an event loop, and a server takes time."""
        helpers: list[threading.Thread] = []
        meant_for_the_test: list[BaseException] = []

        def attempt(delivery: Delivery, webhook: Registered | None) -> None:
            try:
                self._attempt(delivery, webhook)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # once the others have been sent to
                meant_for_the_test.append(error)

        for delivery, webhook in deliveries:
            receiver, _ = self.receivers.get(delivery.webhook_id, (None, ""))
            if webhook is None or (webhook.url is None and not _is_async(receiver)):
                attempt(delivery, webhook)
                continue
            helper = threading.Thread(target=self._help, args=(attempt, delivery, webhook), daemon=True)
            helper.start()
            helpers.append(helper)
            # In virtual time one after the other, each in its own time; else at once, some of them.
            if (webhook.url is None and CLOCKWORK.is_on) or len(helpers) >= _MOST_AT_ONCE:
                helpers.pop(0).join(2 * PATIENCE / 1e6)
        for helper in helpers:
            helper.join(2 * PATIENCE / 1e6)
        if meant_for_the_test:
            raise meant_for_the_test[0]

    def _help(self, do: Callable[..., None], *what: Any) -> None:
        with CLOCKWORK.taking_part():
            do(*what)

    @property
    def is_carrying(self) -> bool:
        """Whether something is on its way because of a request to a server."""
        return any(thread.is_alive() for thread in self._under_way)

    def wait(self) -> None:
        """Wait for what is under way because of a request to a server; not from within a receiver.

        Raises what a receiver there has raised for the test: by `pytest.fail`, say.
        """
        if self._thread.attempting:
            return
        while self._under_way:
            self._under_way.pop(0).join(2 * PATIENCE / 1e6)
        if self._meant_for_the_test:
            raise self._meant_for_the_test.pop(0)

    def _attempt(self, delivery: Delivery, webhook: Registered | None) -> None:
        world = self._world
        began, asked, within = world.now(), world.asked.microseconds, self._thread.attempting
        self._thread.attempting = True
        status, problem = None, None
        try:
            if webhook is None:
                problem = "the webhook is gone"
            else:
                status, problem = self._sent(webhook, self._request(delivery, webhook))
        except TimeoutError:
            problem = _TOO_LATE
        except BaseException as error:
            problem = f"{type(error).__name__}: {error}"
            if not isinstance(error, Exception) or isinstance(error, _NoStatus):
                raise  # it is meant for the test: `pytest.fail`, say
        finally:
            # What others have made of the time meanwhile is not this receiver's.
            manual = isinstance(world.clock, ManualClock)
            took = world.asked.microseconds - asked if manual else world.now() - began
            world.asked.microseconds, self._thread.attempting = asked, within
            if webhook is not None and webhook.url is None and took > PATIENCE:
                status, problem = None, _TOO_LATE
            world.attempted(delivery, Attempt(began, status, problem), took)
            self.on_attempt()

    def _sent(self, webhook: Registered, request: Request) -> tuple[int | None, str | None]:
        """The status that came back; or the problem, if nothing can be sent."""
        receiver, path = self.receivers.get(webhook.id, (None, ""))
        if webhook.url is not None:
            if self.loopback_only and not _is_loopback(urlsplit(webhook.url).hostname or ""):
                return None, "its address is not on this machine"
            return _post(webhook.url, request), None
        if receiver is None:
            return None, "its receiver is not in this process"
        if _is_asgi(receiver):
            return asyncio.run(_ask(receiver, path, request)), None
        return _status(
            asyncio.run(_within_patience(receiver(request))) if _is_async(receiver) else receiver(request)
        ), None

    def _request(self, delivery: Delivery, registered: Registered) -> Request:
        signed = self._world.readings.webhook_proof is WebhookProof.SIGNATURE
        headers = {
            "Content-Type": "application/json",
            "User-Agent": _USER_AGENT,
            **({"X-Bluejay-Signature": sign(delivery.body, registered.secret)} if signed else {}),
            **({} if signed else {"X-Webhook-Secret": registered.secret}),
            "X-Bluejay-Event": delivery.event,
            "X-Bluejay-Delivery": delivery.id,
        }
        return Request(Headers(headers), delivery.body)


class _NoStatus(ValueError):
    """A receiver of the test's has returned what no server could: the test is told."""


def _status(answer: Any) -> int:
    if not is_integer(answer):
        return 200
    if not 100 <= answer <= 599:
        raise _NoStatus(f"a receiver returned {answer}: an integer is its status, 100 to 599; return None for 200")
    return int(answer)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") in ("localhost", "ip6-localhost")


def _is_asgi(receiver: Receiver) -> bool:
    """An application takes three arguments."""
    return _is_async(receiver) and _takes(receiver, 3)


def _is_async(receiver: Receiver | None) -> bool:
    """Whether it answers with a coroutine."""
    called = receiver if inspect.isroutine(receiver) else getattr(receiver, "__call__", None)  # noqa: B004
    return inspect.iscoroutinefunction(called) or inspect.iscoroutinefunction(getattr(receiver, "func", None))


def _takes_what_is_sent(receiver: Receiver) -> bool:
    return _is_asgi(receiver) or _takes(receiver, 1)


def _takes(receiver: Receiver, number: int) -> bool:
    """Whether it can be called with so many arguments."""
    try:
        inspect.signature(receiver).bind(*range(number))
    except TypeError:
        return False
    except ValueError:  # nobody knows
        return number == 1
    return True


def _post(url: str, request: Request) -> int:
    """POST to a server, by nothing that is intercepted, in real time. Raises `TimeoutError` if that takes too long."""
    began = perf_counter()
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=PATIENCE / 1e6)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {name.title(): value for name, value in request.headers.items()}  # as the documentation spells them
    try:
        connection.request("POST", target, request.body, headers)
        status = connection.getresponse().status
        # The connection's patience is for each part of the answer; this is for all of them.
        if perf_counter() - began > PATIENCE / 1e6:
            raise TimeoutError
        return status
    finally:
        connection.close()


async def _within_patience(answer: Awaitable[Any]) -> Any:
    # A microsecond longer than the patience: who takes exactly that is in time, however it is called.
    async with asyncio.timeout((PATIENCE + 1) / 1e6):
        return await answer


async def _ask(app: Receiver, path: str, request: Request) -> int:
    """POST to an ASGI application; its answer is over when its body is."""
    path, _, query = path.partition("?")
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

    length = str(len(request.body)).encode()
    headers = [(b"host", b"testserver"), (b"content-length", length), *request.headers.raw]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("testserver", 80),
    }
    await _within_patience(app(scope, receive, send))
    return statuses[0]
