"""The keys that webhooks are signed with."""

from __future__ import annotations

from uuid import UUID

from fake_bluejay.bluejay.models.wire import Wire


class WebhookKeyRequest(Wire):
    """The webhook whose key is meant."""

    webhook_id: UUID


class WebhookKeyResponse(Wire):
    """The signing key of a webhook."""

    signing_key: str
    message: str
