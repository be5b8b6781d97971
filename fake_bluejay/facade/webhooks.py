"""The webhooks of a fake, as a test holds them, and views of their deliveries."""

from __future__ import annotations

import hmac
import json as jsons
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from fake_bluejay.core.clock import datetime_at, microseconds
from fake_bluejay.core.outbox import ALERTS, EVENTS, Attempt, Delivery, Irregularity, signature
from fake_bluejay.core.suggest import check_known, check_text
from fake_bluejay.core.webhooks import check_url, new_webhook
from fake_bluejay.core.world import DEFAULT_ORGANISATION, World
from fake_bluejay.facade.delivery import DeliveryWorker
from fake_bluejay.facade.receivers import Receiver, receiver_of

if TYPE_CHECKING:
    from fake_bluejay.core.outbox import AlertEvent, WebhookEvent
    from fake_bluejay.facade.resources import AgentView


def sign(body: bytes, secret: str) -> str:
    """Return the `X-Bluejay-Signature` of a body."""
    return signature(body, secret)


def verify(body: bytes, secret: str, signature: str | None) -> bool:
    """Return whether a signature is that of a raw body, which a receiver must check."""
    return signature is not None and hmac.compare_digest(sign(body, secret).encode(), signature.encode())


class Webhook(NamedTuple):
    """A webhook that was added: its id, which the endpoints for signing keys take, and the secret of its signatures."""

    id: str
    secret: str


class AttemptView(NamedTuple):
    """An attempt to deliver: its moment and the answer; `status` is None if no answer came in time."""

    at: datetime
    status: int | None
    problem: str | None

    @property
    def succeeded(self) -> bool:
        """True if the answer was a 2xx and came in time."""
        return Attempt(0, self.status, self.problem).succeeded


class DeliveryView:
    """The delivery of an event to a webhook, with its outcome."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery

    @property
    def id(self) -> str:
        """The value of `X-Bluejay-Delivery`: the same for every attempt."""
        return self._delivery.id

    @property
    def webhook_id(self) -> str:
        """The id of the webhook."""
        return self._delivery.webhook_id

    @property
    def event(self) -> str:
        """The name of the event."""
        return self._delivery.event

    @property
    def body(self) -> bytes:
        """The body as it is sent."""
        return self._delivery.body

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return jsons.loads(self._delivery.body)

    @property
    def created_at(self) -> datetime:
        """The moment of the event."""
        return datetime_at(self._delivery.created_at)

    @property
    def attempts(self) -> list[AttemptView]:
        """The attempts, oldest first."""
        return [AttemptView(datetime_at(attempt.at), *attempt[1:]) for attempt in self._delivery.attempts]

    @property
    def delivered(self) -> bool:
        """True if the receiver has answered with a 2xx in time."""
        return self._delivery.delivered

    @property
    def given_up(self) -> bool:
        """True if it failed, and will not be sent again."""
        return self._delivery.given_up

    def __repr__(self) -> str:
        state = "delivered" if self.delivered else "given up" if self.given_up else "on its way"
        return f"<Delivery {self.event} {self.id[:8]}, {len(self.attempts)} attempts, {state}>"


_ALERT_FIELDS: Final[Mapping[str, Mapping[str, Any]]] = {
    "observability_alert_triggered": {"event_count": 6, "min_events": 5},
    "simulation_alert_triggered": {
        "simulation_id": 1,
        "simulation_run_id": 1,
        "actual_value": 0.4,
        "operator": "less_than",
        "comparison_value": "0.8",
    },
}
"""An event of alerts → its own documented fields, with plausible values."""


class Webhooks:
    """The webhooks of a fake."""

    def __init__(self, world: World, worker: DeliveryWorker | None) -> None:
        self._world = world
        self._worker = worker
        """The sender of deliveries in this process; None if a server sends them."""

    def add(
        self,
        to: str | Receiver,
        events: Iterable[WebhookEvent] = EVENTS,
        secret: str | None = None,
        *,
        path: str = "/",
        agents: Iterable[AgentView | int] = (),
        folders: Iterable[str] = (),
        retries: int | None = None,
        enabled: bool = True,
        lifespan: bool = True,
        organisation: str = DEFAULT_ORGANISATION,
    ) -> Webhook:
        """Add a webhook, which Bluejay's customers do in the dashboard.

        Args:
            to: A function of a `Request` (also an async one), an ASGI application, or a URL.
            events: The selected events; all, unless given. With none selected, `observability_call_evaluated` alone is
                sent (documented).
            secret: The secret that signs deliveries. Without one, it is drawn from the seed.
            path: The path of an application's endpoint.
            agents: Agents whose events are sent, or their ids. Without agents and folders, those of all.
            folders: Ids or names of folders; a folder includes every agent in it.
            retries: The number of retries of a failed delivery: after 5 and 30 seconds, 2 and 10 minutes, and every 10
                minutes from then on. None: as the reading `webhook_retries` says, by default never.
            enabled: False to send nothing until `enable`.
            lifespan: False if the test itself runs an application's startup and shutdown.
            organisation: The name of the organisation whose events are sent.

        Raises:
            ValueError: An event is not documented, an address is not on this machine, `to` is not a receiver, or
                another argument is not valid.
        """
        url = to if isinstance(to, str) else None
        new = new_webhook(
            url,
            events,
            secret,
            agents=agents,
            folders=folders,
            retries=retries,
            enabled=enabled,
            organisation=organisation,
        )
        if not isinstance(path, str) or not path.startswith("/"):
            raise ValueError(f"a path starts with a slash, e.g. /hooks/bluejay, not {path!r:.80}")
        if not isinstance(lifespan, bool):
            raise ValueError(f"lifespan is True or False, not {lifespan!r:.80}")
        receiver = self._receiver(to, path, lifespan)
        with self._world.lock:  # so that nothing is sent before the receiver is known
            added = self._world.add_webhook(new)
            if self._worker is not None:
                self._worker.receivers.pop(added.id, None)  # a webhook before a reset had the same id
                if receiver is not None:
                    self._worker.receivers[added.id] = receiver
        return Webhook(added.id, added.secret)

    def _receiver(self, to: str | Receiver, path: str, lifespan: bool) -> Any:
        """Return the receiver in this process; None for a URL, which is checked."""
        if not isinstance(to, str):
            return receiver_of(to, path, lifespan=lifespan)
        check_url(to, anywhere=self._world.webhooks_anywhere)
        return None

    def disable(self, webhook: Webhook | str) -> None:
        """Stop sending to a webhook.

        Raises:
            KeyError: There is none with this id.
        """
        self._world.change_webhook(_id(webhook), enabled=False)

    def enable(self, webhook: Webhook | str) -> None:
        """Send to a webhook again.

        Raises:
            KeyError: There is none with this id.
        """
        self._world.change_webhook(_id(webhook), enabled=True)

    def remove(self, webhook: Webhook | str) -> None:
        """Remove a webhook.

        Raises:
            KeyError: There is none with this id.
        """
        self._world.remove_webhook(_id(webhook))

    def send(self, event: WebhookEvent, payload: Any, organisation: str = DEFAULT_ORGANISATION) -> None:
        """Send a payload of your own, such as an event of production calls, of the agent that its `agent_id` names.

        Raises:
            ValueError: There is no such event or organisation.
            TypeError: The payload is not JSON.
        """
        check_known("webhook event", event, EVENTS)
        check_text("organisation", organisation)
        self._world.send(event, payload, organisation)

    def send_alert(
        self,
        event: AlertEvent,
        subtype: Literal["triggered", "recovered"] = "triggered",
        *,
        organisation: str = DEFAULT_ORGANISATION,
        **fields: Any,
    ) -> None:
        """Send an event of an alert with the documented fields; the alert need not exist.

        Args:
            event: `"simulation_alert_triggered"` or `"observability_alert_triggered"`.
            subtype: `"triggered"` or `"recovered"`.
            organisation: The name of the organisation of the alert.
            fields: Other values: `agent_id=7`, `alert_name="Goal"`, ….

        Raises:
            ValueError: There is no such event of alerts, subtype or organisation.
            TypeError: A field is not JSON.
        """
        check_known("event of alerts:", event, ALERTS)
        check_known("subtype of an alert:", subtype, ("triggered", "recovered"))
        payload = {
            "type": event,
            "subtype": subtype,
            "alert_id": "00000000-0000-4000-8000-000000000001",
            "alert_name": "Alert 1",
            "display_text": f"Alert 1 has {subtype}",
            "organization_id": organisation,
            "agent_id": 1,
            **_ALERT_FIELDS[event],
            **fields,
        }
        self.send(event, payload, organisation)

    def duplicate(self, times: int | None = 1, *, copies: int = 2, event: WebhookEvent | None = None) -> None:
        """Send the next deliveries (of an event, or any) more than once, although the first succeeds."""
        self._world.disturb(Irregularity(0, copies, event, times))

    def delay(self, seconds: float, times: int | None = 1, *, event: WebhookEvent | None = None) -> None:
        """Send the next deliveries (of an event, or any) later, so that others may overtake them."""
        self._world.disturb(Irregularity(microseconds(seconds), 1, event, times))

    @property
    def deliveries(self) -> list[DeliveryView]:
        """The deliveries, the newest last, after those that another thread is sending have ended.

        Of the finished deliveries, the latest 10,000 are kept.
        """
        self._world.deliver()
        self.wait()
        return [DeliveryView(delivery) for delivery in self._world.deliveries()]

    def wait(self) -> None:
        """Wait for the deliveries under way, unless this is called from within a receiver.

        It does not wait for a receiver on the event loop of the test: `await` something first.

        Raises:
            BaseException: A receiver has raised it for the test, for example by `pytest.fail`.
        """
        if self._worker is not None:
            self._worker.wait()


def _id(webhook: Webhook | str) -> str:
    """Return the id of a webhook. Raises `KeyError` for a value that can be none."""
    id = webhook.id if isinstance(webhook, Webhook) else webhook
    if not isinstance(id, str) or not id:
        raise KeyError(f"a webhook is needed, as add() gives it, or its id, not {webhook!r:.80}")
    return id
