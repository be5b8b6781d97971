"""The fake as the control API shows it: data that JSON can carry."""

from __future__ import annotations

import base64
import json
import shlex
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel

from fake_bluejay.bluejay.runs import run_status
from fake_bluejay.control import models
from fake_bluejay.core.clock import ScaledClock, iso
from fake_bluejay.core.outbox import Delivery, WebhookRecord
from fake_bluejay.core.readings import questions
from fake_bluejay.core.resources import Entity, Resource, plural_of
from fake_bluejay.core.runs import Run, tally
from fake_bluejay.core.statuses import STATUSES, TRANSITIONS, is_final
from fake_bluejay.core.test_results import Organisation, Record
from fake_bluejay.core.webhooks import without_password
from fake_bluejay.core.world import World, watchdog_of
from fake_bluejay.http.faults import Fault
from fake_bluejay.http.journal import Exchange, is_secret, masked, masked_headers, masked_query, with_query
from fake_bluejay.state.snapshot import CONTROL_OBJECT, DELIVERY, ENTITY, RECORD, WEBHOOK

_MOST_TEXT = 65_536
"""The most characters of a body that are shown."""
_MOST_JSON = 4_194_304
"""The most bytes of a body that is shown parsed."""

_NOT_REPEATED = {
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
"""Headers that belong to the connection, not to the request."""
_LONGEST_ARGUMENT = 100_000
"""The longest argument of a command, with room to spare, in bytes."""
_MOST_IN_CURL = 1_048_576
"""The most bytes of a body that stand in a line of shell."""


def _attributes(one: object, model: type[BaseModel], **others: Any) -> dict[str, Any]:
    """Return the fields of a model: the attributes of an object, and others in their place."""
    return {name: others[name] if name in others else getattr(one, name) for name in model.model_fields}


def test_result(record: Record) -> dict[str, Any]:
    """Return a test result as it stands in a dump, with its error code, its control objects and its watchdog."""
    data = RECORD.dump(record)
    data["error_code"] = record.error_code
    data["controls"] = [CONTROL_OBJECT.dump(control) for control in record.control_objects]
    for control in data["controls"]:
        del control["test_result_id"]
    watchdog = watchdog_of(record)
    data["watchdog"] = watchdog and dict(zip(("armed_at", "due"), map(iso, watchdog), strict=True))
    return data


def entity(one: Entity) -> dict[str, Any]:
    """Return an entity of a resource as it stands in a dump, and the name of its collection."""
    return {"collection": one.resource.plural, **ENTITY.dump(one)}


def resource(one: Resource, world: World) -> dict[str, Any]:
    """Return a resource, with the number of its entities."""
    held = world.resources.named(one.plural)
    return {
        "name": one.name,
        "collection": one.plural,
        "count": 0 if held is None else len(held),
        "ids": "integer" if one.ids.stored is int else "uuid",
        "links": [
            {"field": link.field, "to": plural_of(link.to), "on_delete": str(link.on_delete_in(world.readings))}
            for link in one.links
        ],
        "example": dict(one.example),
    }


def clock(world: World) -> dict[str, Any]:
    """Return the clock, and the next timer."""
    scaled = world.clock if isinstance(world.clock, ScaledClock) else None
    due = world.timers.next_due()
    return {
        "now": iso(world.clock.now()),
        "mode": "real" if scaled else "manual",
        "speed": scaled.speed if scaled else 0.0,
        "paused": scaled is not None and scaled.speed == 0,
        "next_due": None if due is None else iso(due),
        "pending": len(world.timers),
    }


def exchange(one: Exchange, base_url: str, *, brief: bool = False, whole: bool = False) -> dict[str, Any]:
    """Return a request and its answer as JSON-ready data, with the API keys masked.

    Args:
        one: The exchange.
        base_url: The address that the `curl` line names.
        brief: Leave headers and bodies out.
        whole: Add a body's bytes as base64 where its text does not give all of them.
    """
    response = one.response
    data: dict[str, Any] = {
        "number": one.number,
        "at": iso(one.instant),
        "method": one.method,
        "path": one.path,
        "query": masked_query(one.query),
        "modelled": one.modelled,
        "faults": list(one.faults),
        "size": len(one.content),
        "response": response and {"status_code": response.status_code, "size": len(response.content)},
    }
    if not brief:
        data |= {"headers": masked_headers(one.headers), **_body(one.content, whole), "curl": curl(one, base_url)}
        if response:
            data["response"] |= {"headers": masked_headers(response.headers), **_body(response.content, whole)}
    return data


def _body(content: bytes, whole: bool) -> dict[str, Any]:
    try:
        value = json.loads(content) if len(content) <= _MOST_JSON else None
        json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        value = None
    text = content[: _MOST_TEXT * 4].decode(errors="replace")[:_MOST_TEXT]
    all_of_it = base64.b64encode(content).decode() if whole and text.encode() != content else None
    return {"text": text, "json": value, "base64": all_of_it}


def curl(one: Exchange, base_url: str) -> str:
    """Return a line of shell that sends the request again.

    The API key comes from `$BLUEJAY_API_KEY`, and a long body from a file. A key in the query is masked.
    """
    url = base_url.rstrip("/") + with_query(quote(one.path, safe="/:@!$&'()*+,;=~-._"), one.query)
    parts = ["curl", "-sS", "-I" if one.method == "HEAD" else f"-X {shlex.quote(one.method)}", shlex.quote(url)]
    headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in one.raw_headers]
    parts += [_header_option(name, value) for name, value in headers if name not in _NOT_REPEATED]
    if not one.content:
        return " ".join(parts)
    if not any(name == "content-type" for name, _ in headers):
        parts.append("-H 'Content-Type:'")  # else curl adds its own
    if len(one.content) > _MOST_IN_CURL:
        return " ".join([*parts, f"--data-binary @FILE  # with the {len(one.content)} bytes of its body"])
    text = _as_argument(one.content)
    if text is not None:
        return " ".join([*parts, "--data-binary", shlex.quote(text)])
    encoded = base64.b64encode(one.content).decode()
    return f"echo {encoded} | base64 -d | {' '.join(parts)} --data-binary @-"


def _header_option(name: str, value: str) -> str:
    if name == "x-api-key":
        return '-H "X-API-Key: $BLUEJAY_API_KEY"'
    if name == "authorization":
        return '-H "Authorization: Bearer $BLUEJAY_API_KEY"'
    if is_secret(name):
        value = masked(value)
    # An empty value is sent only if it is written with a semicolon.
    return f"-H {shlex.quote(f'{name}: {value}' if value else f'{name};')}"


def _as_argument(content: bytes) -> str | None:
    """Return the body as text that can stand in a command; None if it cannot."""
    if len(content) > _LONGEST_ARGUMENT or content.startswith(b"@"):
        return None
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return text if all(character.isprintable() or character in "\n\t" for character in text) else None


def fault(one: Fault) -> dict[str, Any]:
    """Return an armed fault."""
    return _attributes(one, models.FaultShown, arguments=one.shown)


def readings(world: World) -> list[dict[str, Any]]:
    """Return every open question with the choice that is in force."""
    return [
        _attributes(
            question,
            models.QuestionShown,
            choice=str(getattr(world.readings, question.name)),
            default=str(question.choices[0]),
            choices=list(map(str, question.choices)),
        )
        for question in questions()
    ]


def run(world: World, one: Run) -> dict[str, Any]:
    """Return a run as the console shows it."""
    counted = tally(world.results[id] for id in one.result_ids)
    return _attributes(
        one,
        models.RunShown,
        created_at=iso(one.created_at),
        status=str(run_status(counted, world.readings.run_status)),
        total=counted.total,
        passed=counted.passed,
        failed=counted.failed,
        cancelled=counted.other_ends,
        test_results=one.result_ids[:50],
    )


def organisations(world: World) -> list[dict[str, Any]]:
    """Return the organisations with their keys masked."""
    return [organisation(one) for one in world.organisations.values()]


def organisation(one: Organisation) -> dict[str, Any]:
    """Return an organisation, its keys masked."""
    return {"name": one.name, "api_keys": [masked(key) for key in one.api_keys]}


def webhook(one: WebhookRecord) -> dict[str, Any]:
    """Return a webhook as it stands in a dump, its secret and a password in its URL masked."""
    return {**WEBHOOK.dump(one), "url": one.url and without_password(one.url), "secret": masked(one.secret)}


def delivery(one: Delivery, world: World) -> dict[str, Any]:
    """Return a delivery as it stands in a dump, with the URL it goes to, its body parsed and its outcome."""
    dumped = DELIVERY.dump(one)
    to = world.outbox.webhook(one.webhook_id)
    return {
        **dumped,
        "url": to and to.url and without_password(to.url),
        "body": json.loads(one.body),
        "text": dumped["body"],
        "delivered": one.delivered,
        "given_up": one.given_up,
    }


def transitions() -> dict[str, Any]:
    """Return the transition table."""
    return {
        "statuses": [
            _attributes(row, models.StatusFacts, name=str(status), final=is_final(status), group=str(row.group))
            for status, row in STATUSES.items()
        ],
        "transitions": [
            {"from": str(from_), "event": str(event), "to": str(to)} for (from_, event), to in TRANSITIONS.items()
        ],
    }
