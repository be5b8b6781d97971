"""The keys that webhooks are signed with. The API has no way to register a webhook: that is done in the dashboard."""

from __future__ import annotations

from fake_bluejay.bluejay.models.webhooks import WebhookKeyRequest, WebhookKeyResponse
from fake_bluejay.core.errors import NotFound
from fake_bluejay.core.outbox import WebhookRecord
from fake_bluejay.http.operation import ApiCall, Operation


def get_signing_key(call: ApiCall) -> WebhookKeyResponse:
    """Return the signing key of a webhook."""
    return WebhookKeyResponse(signing_key=_asked_for(call).secret, message="Signing key retrieved")


def generate_signing_key(call: ApiCall) -> WebhookKeyResponse:
    """Give a webhook a new key, which signs all deliveries from now on."""
    webhook = call.world.outbox.renew_secret(_asked_for(call))
    return WebhookKeyResponse(signing_key=webhook.secret, message="Signing key generated")


def _asked_for(call: ApiCall) -> WebhookRecord:
    webhook = call.world.outbox.webhooks.get(str(call.request.webhook_id))
    if webhook is None or webhook.organisation != call.organisation:
        raise NotFound("Webhook not found")
    return webhook


OPERATIONS = [
    Operation("POST", "/v1/get-signing-key", get_signing_key, takes=WebhookKeyRequest, returns=WebhookKeyResponse),
    Operation(
        "POST", "/v1/generate-signing-key", generate_signing_key, takes=WebhookKeyRequest, returns=WebhookKeyResponse
    ),
]
