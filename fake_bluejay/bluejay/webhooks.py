"""The signing keys of webhooks. The API cannot register a webhook, which customers do in the dashboard."""

from __future__ import annotations

from uuid import UUID

from fake_bluejay.bluejay.models.wire import Wire
from fake_bluejay.bluejay.resources import Operations
from fake_bluejay.core.errors import NotFound
from fake_bluejay.core.outbox import WebhookRecord
from fake_bluejay.http.operation import ApiCall


class WebhookKeyRequest(Wire):
    """The webhook whose key is meant."""

    webhook_id: UUID


class WebhookKeyResponse(Wire):
    """The signing key of a webhook."""

    signing_key: str
    message: str


operations = Operations()


@operations.operation("POST", "/v1/get-signing-key")
def get_signing_key(call: ApiCall, request: WebhookKeyRequest) -> WebhookKeyResponse:
    """Return the signing key of a webhook."""
    return WebhookKeyResponse(signing_key=_named(call, request).secret, message="Signing key retrieved")


@operations.operation("POST", "/v1/generate-signing-key")
def generate_signing_key(call: ApiCall, request: WebhookKeyRequest) -> WebhookKeyResponse:
    """Give a webhook a new key, which signs all deliveries from now on."""
    webhook = call.world.outbox.renew_secret(_named(call, request))
    return WebhookKeyResponse(signing_key=webhook.secret, message="Signing key generated")


def _named(call: ApiCall, request: WebhookKeyRequest) -> WebhookRecord:
    webhook = call.world.outbox.webhooks.get(str(request.webhook_id))
    if webhook is None or webhook.organisation != call.organisation:
        raise NotFound("Webhook not found")
    return webhook
