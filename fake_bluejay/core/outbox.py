"""Webhooks: who wants to hear of which events, and what was sent to them.

Source: the product's documentation (August 2026) for the events, at-least-once delivery and the 5 seconds that a
receiver has; the OpenAPI of July 2026 for the payloads. When a delivery is tried again is nowhere said, so it is ours.

The core decides what is sent and when; a door carries it, and says how it went. Between the two, nothing is locked: a
receiver may take its time and call back.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from fake_bluejay.core.clock import datetime_at
from fake_bluejay.core.integers import is_integer
from fake_bluejay.core.resources import Entity, Resources
from fake_bluejay.core.runs import Run
from fake_bluejay.core.scoring import evaluations, tool_calls, uuid_from
from fake_bluejay.core.suggest import check_known
from fake_bluejay.core.test_results import Record
from fake_bluejay.core.timers import Timers

__all__ = ["EVENTS", "PATIENCE", "RETRIES", "Attempt", "Delivery", "Outbox", "Webhook", "encoded", "signature"]

EVENTS: Final = (
    "simulation_ended",
    "simulation_result_evaluated",
    "outbound_simulation_started",
    "observability_call_evaluated",
)
"""The documented events; the last is of calls outside simulations, so only a test sends it."""

PATIENCE: Final = 5_000_000
"""Documented: a receiver has 5 seconds to answer. Microseconds."""

MOST_COPIES: Final = 1_000
"""Of one delivery."""

KEPT: Final = 10_000
"""So many deliveries that are over are kept, as many as the journal keeps requests."""

RETRIES: Final = (5_000_000, 30_000_000, 120_000_000, 600_000_000)
"""So many microseconds after an attempt failed the next one follows; after the last, none does. Undocumented: ours."""


class Webhook(NamedTuple):
    """Who is told: an address (None: a receiver in this process), and of what. The secret signs what is sent."""

    id: str
    organisation: str
    url: str | None
    events: tuple[str, ...]
    secret: str


class Attempt(NamedTuple):
    """One time that a delivery was sent: when, and what came back; `status` is None if nothing did."""

    at: int
    status: int | None
    problem: str | None

    @property
    def succeeded(self) -> bool:
        """Whether a 2xx came, in time."""
        return self.problem is None and self.status is not None and 200 <= self.status < 300


class Delivery:
    """An event on its way to one webhook. `number` counts from 1, `id` is what receivers tell repetitions by."""

    __slots__ = ("attempts", "body", "created_at", "event", "id", "number", "planned", "retries", "webhook_id")

    def __init__(self, number: int, id: str, webhook_id: str, event: str, body: bytes, created_at: int) -> None:
        self.number = number
        self.id = id
        self.webhook_id = webhook_id
        self.event = event
        self.body = body
        self.created_at = created_at
        self.attempts: list[Attempt] = []
        self.planned = 0
        """How many attempts are scheduled, or on their way."""
        self.retries = 0
        """How many attempts were planned because none had succeeded."""

    @property
    def delivered(self) -> bool:
        """Whether the receiver has answered with a 2xx in time."""
        return any(attempt.succeeded for attempt in self.attempts)

    @property
    def given_up(self) -> bool:
        """Whether it has not been taken, and is not sent any more."""
        return not self.delivered and not self.planned


class Irregularity:
    """What is to go amiss with the next deliveries, so many `times` (None: with all): each leaves so much `later`, and
    in so many `copies`. Raises `ValueError` for what cannot be."""

    __slots__ = ("copies", "event", "later", "times")

    def __init__(self, later: int, copies: int, event: str | None, times: int | None) -> None:
        if later < 0:
            raise ValueError(f"seconds must not be negative: {later / 1_000_000:g}")
        if not is_integer(copies, 1) or copies > MOST_COPIES:
            raise ValueError(f"copies is an integer from 1 to {MOST_COPIES}, not {copies!r:.80}")
        if times is not None and not is_integer(times, 1):
            raise ValueError(f"times is an integer of at least 1, or None for all from now on, not {times!r:.80}")
        if event is not None:
            check_known("webhook event", event, EVENTS)
        self.later = later
        self.copies = copies
        self.event = event
        self.times = times


class Outbox:
    """The webhooks of a world, and what is sent to them."""

    def __init__(self, timers: Timers, seed: int) -> None:
        self._timers = timers
        self._seed = seed
        self.webhooks: dict[str, Webhook] = {}
        self.deliveries: dict[int, Delivery] = {}
        """By their numbers: those on their way, and the latest that are over."""
        self.over: deque[int] = deque()
        """The numbers of those that are over, in that order."""
        self.last_delivery = 0
        """How many deliveries there ever were: no number is given twice."""
        self.irregularities: list[Irregularity] = []
        self.ready: deque[Delivery] = deque()
        """Those to be carried now."""
        self.last_webhook = 0
        """How many webhooks were ever added: no id is given twice."""

    def add(self, organisation: str, url: str | None, events: tuple[str, ...], secret: str | None) -> Webhook:
        """A new webhook; without a secret one is drawn. Raises `ValueError` for an event that is not documented."""
        for event in events:
            check_known("webhook event", event, EVENTS)
        self.last_webhook += 1
        id = uuid_from(f"{self._seed}:webhook:{self.last_webhook}")
        webhook = Webhook(id, organisation, url, events, secret or self._secret(id))
        self.webhooks[id] = webhook
        return webhook

    def renew_secret(self, webhook: Webhook) -> Webhook:
        """The webhook with another signing secret, which no earlier one was."""
        renewed = webhook._replace(secret=self._secret(f"{webhook.id}:{webhook.secret}"))
        self.webhooks[webhook.id] = renewed
        return renewed

    def _secret(self, draw: str) -> str:
        return hashlib.sha256(f"{self._seed}:secret:{draw}".encode()).hexdigest()

    def emit(self, event: str, organisation: str, payload: Callable[[], Mapping[str, Any]], now: int) -> int:
        """Something has happened: it is sent to each webhook of the organisation that wants to hear of it. Returns to
        how many."""
        to = [one for one in self.webhooks.values() if one.organisation == organisation and event in one.events]
        body = encoded(payload()) if to else b""
        for webhook in to:
            self.last_delivery = number = self.last_delivery + 1
            delivery = Delivery(number, uuid_from(f"{self._seed}:delivery:{number}"), webhook.id, event, body, now)
            self.deliveries[number] = delivery
            amiss = self._amiss_with(event)
            for _ in range(max((one.copies for one in amiss), default=1)):
                self._plan(delivery, now + sum(one.later for one in amiss))
        return len(to)

    def _amiss_with(self, event: str) -> list[Irregularity]:
        """Use up what is to go amiss with the next delivery: at most one delay, and one duplication."""
        amiss: dict[bool, Irregularity] = {}
        for one in self.irregularities:
            if one.event in (None, event):
                amiss.setdefault(one.copies > 1, one)
        for one in amiss.values():
            if one.times is not None:
                one.times -= 1
        self.irregularities = [one for one in self.irregularities if one.times != 0]
        return list(amiss.values())

    def _plan(self, delivery: Delivery, due: int) -> None:
        delivery.planned += 1
        self._timers.schedule(due, "delivery", delivery.number)

    def fall_due(self, number: int) -> None:
        """A delivery's time has come; one to a webhook that is gone comes to nothing."""
        delivery = self.deliveries[number]
        if delivery.webhook_id in self.webhooks:
            self.ready.append(delivery)
        else:
            delivery.planned -= 1
            self.forget_if_over(delivery)

    def attempted(self, delivery: Delivery, attempt: Attempt, over: int) -> None:
        """How an attempt went that was over at that instant; after one that failed, the next is planned."""
        if self.deliveries.get(delivery.number) is not delivery:
            return  # of a world that was reset or restored meanwhile
        delivery.attempts.append(attempt)
        delivery.planned -= 1
        if not delivery.delivered and not delivery.planned and delivery.retries < len(RETRIES):
            self._plan(delivery, over + RETRIES[delivery.retries])
            delivery.retries += 1
        self.forget_if_over(delivery)

    def forget_if_over(self, delivery: Delivery) -> None:
        """Note that a delivery is not sent any more, if so; of those, the oldest are forgotten past `KEPT`."""
        if not delivery.planned:
            self.over.append(delivery.number)
            if len(self.over) > KEPT:
                del self.deliveries[self.over.popleft()]


def signature(body: bytes, secret: str) -> str:
    """The `X-Bluejay-Signature` of a body: HMAC-SHA256 by the webhook's secret, in hexadecimal (documented)."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def encoded(payload: Mapping[str, Any]) -> bytes:
    """A payload as it is sent. Raises `TypeError` for what is not JSON."""
    try:
        return json.dumps(payload, ensure_ascii=False, separators=(",", ":"), default=_plain, allow_nan=False).encode()
    except ValueError as error:  # NaN, half of a character, or what is within itself
        raise TypeError(f"a payload is JSON, with datetimes: {error}") from None


def _plain(value: Any) -> str:
    if not isinstance(value, datetime):
        raise TypeError(f"a payload is JSON, with datetimes, and not {value!r:.80}")
    return value.isoformat().replace("+00:00", "Z")


def simulation_ended(record: Record) -> dict[str, Any]:
    """The payload of `simulation_ended`: before the evaluation."""
    return {
        "type": "simulation_ended",
        "id": record.id,
        "digital_human_id": record.digital_human_id,
        "status": "CONVERSATION_ENDED",
        "simulation_run_id": record.run_id,
        **_times(record),
    }


def simulation_result_evaluated(record: Record, status: str, seed: int, resources: Resources) -> dict[str, Any]:
    """The payload of `simulation_result_evaluated`; `status` is how the test result's is spelt."""
    run, fields = record.run, record.fields
    agent_id = 1 if run is None else run.agent_id
    agent = resources.find("agent", agent_id, record.organisation)
    return {
        "type": "simulation_result_evaluated",
        "id": record.id,
        "digital_human_id": record.digital_human_id,
        "status": status,
        "simulation_run_id": record.run_id,
        "simulation_id": 1 if run is None else run.simulation_id,
        "agent_id": agent_id,
        "folder_id": None if agent is None else agent.fields.get("folder_id"),
        "result": fields.get("result"),
        "custom_metrics": _list_of(_is_metric, fields.get("custom_metrics")),
        "evaluations": evaluations(record, seed),
        **_times(record),
        "latency": _list_of(_is_number, fields.get("latency")),
        "events": fields.get("events"),
        "tool_calls": _ungrouped(tool_calls(record)),
        "tags": fields.get("tags"),
        "metadata": fields.get("metadata"),
    }


def _list_of(fits: Callable[[Any], bool], value: Any) -> list[Any] | None:
    """What may be anything in an answer, and only a list of some kind here; None if it is none."""
    return value if isinstance(value, list) and all(map(fits, value)) else None


def _is_metric(value: Any) -> bool:
    needed = ("name", "description", "response_type", "response_value")
    return isinstance(value, dict) and all(isinstance(value.get(name), str) for name in needed)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _ungrouped(calls: Iterable[Mapping[str, Any]] | None) -> list[Mapping[str, Any]] | None:
    """Tool calls one by one, as published here: of those that a test gave as answers have them, the ones made."""
    return None if calls is None else [one for each in calls for one in _made(each)]


def _made(call: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "start_offset_ms" in call:
        yield call
    for one in call.get("actual", ()):
        yield {"name": call["name"], **one, "start_offset_ms": one.get("start_offset_ms") or 0}


def outbound_simulation_started(run: Run, humans: Iterable[tuple[Entity, list[int]]]) -> dict[str, Any]:
    """The payload of `outbound_simulation_started`: whom the customer's agent is to call, and for which test results.

    Published is that each has a name and a number; what one without them has is ours.
    """
    return {
        "type": "outbound_simulation_started",
        "agent_id": run.agent_id,
        "simulation_id": run.simulation_id,
        "simulation_run_id": run.id,
        "digital_humans": [
            {
                "id": human.id,
                "name": human.fields.get("name") or f"Digital human {human.id}",
                "phone_number": human.fields.get("phone_number") or "",
                "associated_simulation_result_ids": ids,
            }
            for human, ids in humans
        ],
    }


def _times(record: Record) -> dict[str, Any]:
    return {
        "created_at": datetime_at(record.created_at),
        "start_time": None if record.start_time is None else datetime_at(record.start_time),
        "end_time": None if record.end_time is None else datetime_at(record.end_time),
        "duration": record.duration,
    }
