"""The rules for a webhook that a tester adds: its URL, its events and agents, its secret."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote, urlsplit

from fake_bluejay.core.numbers import is_integer
from fake_bluejay.core.outbox import EVENTS, UNSELECTED, Scope, WebhookRecord, check_retries
from fake_bluejay.core.suggest import check_known, check_text
from fake_bluejay.core.world import DEFAULT_ORGANISATION


def new_webhook(
    url: str | None,
    events: Iterable[str] = EVENTS,
    secret: str | None = None,
    *,
    agents: Iterable[Any] = (),
    folders: Iterable[str] = (),
    retries: int | None = None,
    enabled: bool = True,
    organisation: str = DEFAULT_ORGANISATION,
) -> WebhookRecord:
    """Return a webhook for `World.add_webhook`, which gives it an id and, if it has none, a secret.

    Raises:
        ValueError: An argument is not allowed, or an event is not documented. The URL is not checked.
    """
    chosen = selected(events)
    if secret is not None:
        check_secret(secret)
    check_retries(retries)
    if not isinstance(enabled, bool):
        raise ValueError(f"enabled is True or False, not {enabled!r:.80}")
    check_text("organisation", organisation)
    return WebhookRecord("", organisation, url, chosen, secret or "", scope_of(agents, folders), retries, enabled)


def selected(events: Iterable[str]) -> tuple[str, ...]:
    """Return the selected events of a webhook; for an empty selection, the documented ones. Raises `ValueError`."""
    chosen = tuple(_listed("events", events))
    for event in chosen:
        check_known("webhook event", event, EVENTS)
    return chosen or UNSELECTED


def scope_of(agents: Iterable[Any], folders: Iterable[Any]) -> Scope:
    """Return the scope of agents, or their ids, and of folders, by id or name. Raises `ValueError`."""
    return Scope(tuple(map(_agent_id, _listed("agents", agents))), tuple(map(_folder, _listed("folders", folders))))


def check_url(url: str, *, anywhere: bool) -> None:
    """Check that a webhook may lead to a URL: on this machine, unless `anywhere`, and to no control API.

    Raises:
        ValueError: It may not, or nothing could be sent there.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname if parts.scheme in ("http", "https") and parts.port != 0 else None
        (host or "").encode("idna")
    except ValueError:  # a bad port or a bad host name
        host = None
    if not host:
        raise ValueError(f"a webhook's URL is like http://127.0.0.1:8000/webhooks, not {without_password(url)!r}")
    if not (url.isascii() and url.isprintable()) or " " in url:
        raise ValueError(
            "a webhook's URL is of ASCII characters without blanks: write others percent-encoded, e.g. %20 for a blank,"
            f" not {without_password(url)!r}"
        )
    if unquote(parts.path) == "/_fake" or unquote(parts.path).startswith("/_fake/"):
        raise ValueError(
            f"/_fake is a fake Bluejay's control API, which no webhook may lead to: {without_password(url)!r}"
        )
    if not (anywhere or _is_loopback(host)):
        raise ValueError(
            f"{host} is not this machine: the fake delivers webhooks to loopback addresses only,"
            " unless told otherwise (webhooks_anywhere=True, --webhooks-anywhere)"
        )


def without_password(url: str) -> str:
    """Return a URL for a message, without its password."""
    return re.sub(r"//([^/@:]*):[^/@]*@", r"//\1:…@", url)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") in ("localhost", "ip6-localhost")


def _listed(name: str, given: Iterable[Any]) -> list[Any]:
    """Return the given values as a list.

    Raises:
        ValueError: They are one string, or no list.
    """
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise ValueError(f"{name} is a list of {name}, not {'one string: ' * isinstance(given, str)}{given!r:.80}")
    return list(given)


def _agent_id(agent: Any) -> int:
    id = getattr(agent, "id", agent)
    if not is_integer(id):
        raise ValueError(f"agents are those of add_agent(), or their ids, not {agent!r:.80}")
    return id


def _folder(folder: Any) -> str:
    text = str(folder)
    if not text:
        raise ValueError("a folder is known by its id or its name, and this one is empty")
    return text


def check_secret(secret: object) -> None:
    """Raise `ValueError` for a secret that a header cannot carry, as a choice of the reading `webhook_proof` needs."""
    if isinstance(secret, str) and secret and secret.isascii() and secret.isprintable():
        return
    if not isinstance(secret, str):
        given = f"a {type(secret).__name__}"
    else:
        given = "a text with other characters" if secret else "an empty text"
    raise ValueError(f"a secret is printable ASCII text, or None to have one drawn, and this is {given}")
