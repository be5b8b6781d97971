"""The outbox of webhooks: the webhooks of a world, and the deliveries to them with their attempts.

Source: the documentation of September 2026 for the six events, a single attempt, scope and disabling; that of August
2026 for at-least-once delivery and the 5 seconds that a receiver has. The time between a failed delivery and its
repetition is documented nowhere, so `RETRIES` is this project's.

The outbox decides about contents and times. A `DeliveryWorker` sends it and reports the attempt. It holds no lock of
the outbox while it sends, because a receiver may be slow, and may call back.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import os
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, Protocol, get_args

from fake_bluejay.core import json_data
from fake_bluejay.core.numbers import is_integer
from fake_bluejay.core.scoring import uuid_from
from fake_bluejay.core.suggest import check_known
from fake_bluejay.core.timers import Timers

AlertEvent = Literal["observability_alert_triggered", "simulation_alert_triggered"]
"""A webhook event of alerts."""

WebhookEvent = Literal[
    "simulation_ended",
    "simulation_result_evaluated",
    "outbound_simulation_started",
    "observability_call_evaluated",
    AlertEvent,
]
"""A webhook event."""

ALERTS: Final[tuple[AlertEvent, ...]] = get_args(AlertEvent)
"""The events of alerts."""

EVENTS: Final[tuple[WebhookEvent, ...]] = get_args(WebhookEvent)
"""The documented events."""

TRIGGER: Final = "outbound_trigger"
"""This project's name for the request that tells the customer's system to call a digital human. It is no event that
webhooks select: an agent has a URL of its own for it."""

TRIGGER_RETRIES: Final = 2
"""Documented: such a request is attempted up to 3 times."""

UNSELECTED: Final = ("observability_call_evaluated",)
"""Documented: the events of a webhook for which none were selected."""

PATIENCE: Final = 5_000_000
"""Documented: a receiver has 5 seconds to answer. Microseconds."""

MOST_COPIES: Final = 1_000
"""The most copies of one delivery."""

KEPT: Final = 10_000
"""The number of finished deliveries that are kept, as many as the journal keeps requests."""

RETRIES: Final = (5_000_000, 30_000_000, 120_000_000, 600_000_000)
"""Microseconds from a failed attempt to the next one, where deliveries are retried: undocumented, so this project's
choice."""

MOST_RETRIES: Final = 100
"""The most retries of one delivery; those after the fourth follow at the last interval of `RETRIES`."""


class Scope(NamedTuple):
    """The agents and folders whose events a webhook gets; without any, the events of all agents."""

    agents: tuple[int, ...] = ()
    folders: tuple[str, ...] = ()
    """The folders, each by its id or its name."""

    def includes(self, agent_id: int | None, folders: tuple[str, ...]) -> bool:
        """Return whether the webhook gets the events of this agent, whose folder has these names."""
        return (
            not (self.agents or self.folders)
            or agent_id in self.agents
            or any(folder in self.folders for folder in folders)
        )


ALL_AGENTS: Final = Scope()


class WebhookRecord(NamedTuple):
    """A webhook: its URL (None for a receiver in this process), its events, its scope, and its signing secret."""

    id: str
    organisation: str
    url: str | None
    events: tuple[str, ...]
    secret: str
    scope: Scope = ALL_AGENTS
    retries: int | None = None
    """The number of retries of a failed delivery; None: as the reading `webhook_retries` says."""
    enabled: bool = True


class Attempt(NamedTuple):
    """An attempt to deliver: its instant and the answer; `status` is None if there was no answer."""

    at: int
    status: int | None
    problem: str | None

    @property
    def succeeded(self) -> bool:
        """True if the answer was a 2xx and came in time."""
        return self.problem is None and self.status is not None and 200 <= self.status < 300


@dataclass(slots=True, eq=False, repr=False)
class Delivery:
    """An event for one webhook. `number` counts from 1; receivers recognize a repetition by `id`."""

    number: int
    id: str
    webhook_id: str
    event: str
    body: bytes
    created_at: int
    attempts: list[Attempt] = field(default_factory=list)
    planned: int = 0
    """The number of attempts that are scheduled or under way."""
    retries: int = 0
    """The number of attempts that were planned because none had succeeded."""

    @property
    def delivered(self) -> bool:
        """True if the receiver has answered with a 2xx in time."""
        return any(attempt.succeeded for attempt in self.attempts)

    @property
    def given_up(self) -> bool:
        """True if the delivery failed and will not be sent again."""
        return not self.delivered and not self.planned


class Deliverer(Protocol):
    """The sender of a world's due deliveries. A world calls it without holding its lock."""

    def deliver(self) -> None:
        """Send the deliveries of `World.next_delivery`, and report each attempt to `World.attempted`."""
        ...

    @property
    def is_busy(self) -> bool:
        """True if a delivery is on its way."""
        ...


@dataclass(slots=True, eq=False, repr=False)
class Irregularity:
    """A disturbance of the next deliveries: each leaves later than it should, or in several copies.

    Raises `ValueError` for a value that is out of its range.
    """

    later: int
    """The delay of a delivery, in microseconds."""
    copies: int
    """The number of copies in which a delivery leaves."""
    event: str | None
    """The event whose deliveries are disturbed; None for any."""
    times: int | None
    """The number of deliveries that are disturbed; None for all from now on."""

    def __post_init__(self) -> None:
        if self.later < 0:
            raise ValueError(f"seconds must not be negative: {self.later / 1_000_000:g}")
        if not is_integer(self.copies, 1) or self.copies > MOST_COPIES:
            raise ValueError(f"copies is an integer from 1 to {MOST_COPIES}, not {self.copies!r:.80}")
        if self.times is not None and not is_integer(self.times, 1):
            raise ValueError(f"times is an integer of at least 1, or None for all from now on, not {self.times!r:.80}")
        if self.event is not None:
            check_known("webhook event", self.event, EVENTS)


class Outbox:
    """The webhooks of a world, and the deliveries to them.

    With a `seed`, ids of deliveries repeat from run to run. Without one they differ, so that a receiver which drops
    repetitions does not take one run's deliveries for another's.
    """

    def __init__(self, timers: Timers, seed: int | None) -> None:
        self._timers = timers
        self._seed = seed or 0
        self._is_seeded = seed is not None
        self.webhooks: dict[str, WebhookRecord] = {}
        self.triggers: dict[str, WebhookRecord] = {}
        """The trigger webhooks of runs, by `Run.trigger_id`."""
        self.untriggered: set[int] = set()
        """The ids of the test results whose trigger webhook has not answered yet."""
        self.deliveries: dict[int, Delivery] = {}
        """The unfinished deliveries and the latest finished ones, by number."""
        self.over: deque[int] = deque()
        """The numbers of the finished deliveries, in the order in which they finished."""
        self.last_delivery = 0
        """The number of deliveries that were ever made: no number is given twice."""
        self.irregularities: list[Irregularity] = []
        self.ready: deque[Delivery] = deque()
        """The deliveries that are to be sent now."""
        self.last_webhook = 0
        """The number of webhooks that were ever added: no id is given twice."""

    @property
    def sends(self) -> bool:
        """True if anything may be sent."""
        return bool(self.webhooks or self.triggers)

    def webhook(self, id: str) -> WebhookRecord | None:
        """Return the webhook of a delivery; None if it is gone."""
        return self.webhooks.get(id) or self.triggers.get(id)

    @functools.cached_property
    def _deliveries_seed(self) -> str:
        return str(self._seed) if self._is_seeded else os.urandom(8).hex()

    def add(self, new: WebhookRecord) -> WebhookRecord:
        """Add a webhook, with the next id; without a secret one is drawn."""
        self.last_webhook += 1
        id = uuid_from(f"{self._seed}:webhook:{self.last_webhook}")
        webhook = new._replace(id=id, secret=new.secret or self._secret(id))
        self.webhooks[id] = webhook
        return webhook

    def renew_secret(self, webhook: WebhookRecord) -> WebhookRecord:
        """Give a webhook a new signing secret."""
        renewed = webhook._replace(secret=self._secret(f"{webhook.id}:{webhook.secret}"))
        self.webhooks[webhook.id] = renewed
        return renewed

    def _secret(self, draw: str) -> str:
        return hashlib.sha256(f"{self._seed}:secret:{draw}".encode()).hexdigest()

    def emit(
        self,
        event: str,
        organisation: str,
        payload: Callable[[], Mapping[str, Any]],
        now: int,
        agent_id: int | None,
        folders: tuple[str, ...],
    ) -> list[Delivery]:
        """Send an event to each enabled webhook of the organisation that selected it and includes the agent.

        Args:
            event: A documented event.
            organisation: The name of the organisation.
            payload: Makes the payload, if there is such a webhook.
            now: The instant, in microseconds.
            agent_id: The id of the agent that the event concerns, if any.
            folders: The id and the name of the agent's folder.

        Returns:
            The deliveries, one for each of these webhooks.
        """
        to = [
            one
            for one in self.webhooks.values()
            if one.organisation == organisation
            and event in one.events
            and one.enabled
            and one.scope.includes(agent_id, folders)
        ]
        body = encoded(payload()) if to else b""
        made = []
        for webhook in to:
            id = uuid_from(f"{self._deliveries_seed}:delivery:{self.last_delivery + 1}")
            delivery = self._made(id, webhook, event, body, now)
            disturbances = self._disturbances_of(event)
            for _ in range(max((one.copies for one in disturbances), default=1)):
                self._plan(delivery, now + sum(one.later for one in disturbances))
            made.append(delivery)
        return made

    def trigger(self, webhook: WebhookRecord, test_result_id: int, payload: Mapping[str, Any], now: int) -> Delivery:
        """Ask the trigger webhook of a test result's run to call. The delivery has the id of the test result."""
        self.untriggered.add(test_result_id)
        delivery = self._made(str(test_result_id), webhook, TRIGGER, encoded(payload), now)
        self._plan(delivery, now)
        return delivery

    def _made(self, id: str, webhook: WebhookRecord, event: str, body: bytes, now: int) -> Delivery:
        self.last_delivery = number = self.last_delivery + 1
        delivery = self.deliveries[number] = Delivery(number, id, webhook.id, event, body, now)
        return delivery

    def _disturbances_of(self, event: str) -> list[Irregularity]:
        """Use up the disturbances of the next delivery of an event: at most one delay and one duplication.

        Return them.
        """
        disturbances: dict[bool, Irregularity] = {}
        for one in self.irregularities:
            if one.event in (None, event):
                disturbances.setdefault(one.copies > 1, one)
        for one in disturbances.values():
            if one.times is not None:
                one.times -= 1
        self.irregularities = [one for one in self.irregularities if one.times != 0]
        return list(disturbances.values())

    def _plan(self, delivery: Delivery, due: int) -> None:
        delivery.planned += 1
        self._timers.schedule(due, "delivery", delivery.number)

    def fall_due(self, number: int) -> None:
        """Put a due delivery among those to be sent, unless its webhook is gone or disabled."""
        delivery = self.deliveries[number]
        webhook = self.webhook(delivery.webhook_id)
        if webhook is not None and webhook.enabled:
            self.ready.append(delivery)
        else:
            delivery.planned -= 1
            self.forget_if_over(delivery)

    def attempted(self, delivery: Delivery, attempt: Attempt, over: int, retried: bool) -> None:
        """Note an attempt, and plan the next if no attempt has succeeded.

        Args:
            delivery: The delivery.
            attempt: The attempt, with its outcome.
            over: The instant at which the attempt was over, in microseconds.
            retried: True if deliveries are retried to webhooks that have no number of retries of their own.
        """
        delivery.attempts.append(attempt)
        delivery.planned -= 1
        webhook = self.webhook(delivery.webhook_id)
        most = webhook.retries if webhook is not None else 0
        if most is None:
            most = len(RETRIES) if retried else 0
        if not delivery.delivered and not delivery.planned and delivery.retries < most:
            self._plan(delivery, over + RETRIES[min(delivery.retries, len(RETRIES) - 1)])
            delivery.retries += 1
        self.forget_if_over(delivery)

    def forget_if_over(self, delivery: Delivery) -> None:
        """Note whether a delivery is finished. Past `KEPT` finished deliveries, the oldest are forgotten."""
        if not delivery.planned:
            self.over.append(delivery.number)
            if len(self.over) > KEPT:
                del self.deliveries[self.over.popleft()]


def check_retries(retries: int | None) -> None:
    """Check a number of retries.

    Raises:
        ValueError: The value is not a number of retries.
    """
    if retries is not None and not (is_integer(retries, 0) and retries <= MOST_RETRIES):
        raise ValueError(
            f"retries is an integer from 0 to {MOST_RETRIES}, or None for what the reading webhook_retries says,"
            f" not {retries!r:.80}"
        )


def signature(body: bytes, secret: str) -> str:
    """Return the `X-Bluejay-Signature` of a body: HMAC-SHA256 by the webhook's secret, in hexadecimal (documented)."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def encoded(payload: Mapping[str, Any]) -> bytes:
    """Return a payload as it is sent. Raises `TypeError` if it is not JSON."""
    return json_data.encoded("a payload", payload)
