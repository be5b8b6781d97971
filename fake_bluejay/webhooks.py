"""Webhooks, as a test uses them: add a receiver, let time pass, look at the deliveries.

    received = []
    bluejay.webhooks.add(received.append, events=["simulation_ended"], secret="s3cret")

A receiver is a function of a `Request`, an ASGI application, or the URL of a server on this machine. It has 5 seconds
to answer. What fails is not sent again, unless the webhook has `retries` or the reading `webhook_retries` says so.

Functions and applications live in the fake's time, as all code under test: one that sleeps for 10 seconds is too late
at once. A server lives in real time.
"""

from fake_bluejay.core.outbox import EVENTS
from fake_bluejay.facade.receivers import Receiver, Request
from fake_bluejay.facade.webhooks import AttemptView, DeliveryView, Webhook, Webhooks, sign, verify

__all__ = ["EVENTS", "AttemptView", "DeliveryView", "Receiver", "Request", "Webhook", "Webhooks", "sign", "verify"]
