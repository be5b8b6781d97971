"""The report of a failing test: requests with their answers, and histories, in time order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fake_bluejay.core.clock import datetime_at
from fake_bluejay.core.readings import Readings
from fake_bluejay.http.faults import requested_ids
from fake_bluejay.http.journal import Exchange, masked_key, printable, shortened, with_query

if TYPE_CHECKING:
    from fake_bluejay.core.world import World
    from fake_bluejay.facade.assertions import Assertions

_MOST_PENDING = 5
_MOST_MOVEMENTS = 15
_MOST = 60
"""The most lines of the report; the oldest are left out."""


def report(fake: Assertions) -> str:
    """Return the text of the *bluejay* section.

    Keys are masked, long bodies cut, and of many lines the last are shown.
    """
    world, journal = fake.world, fake.requests
    with world.lock:
        now = world.settle()
        exchanges = list(journal)
        touched = {id for exchange in exchanges for id in _ids(exchange) if id in world.results}
        events = [(exchange.instant, 0, _request_lines(exchange)) for exchange in exchanges]
        for id in touched:
            record = world.results[id]
            first = record.history[0].from_ if record.history else record.status
            events.append((record.created_at, -1, [f"test result {id} added, {first}"]))
            for move in record.history:
                change = f"test result {id}: {move.from_} → {move.to} ({move.event}, by the {move.cause})"
                events.append((move.at, 1, [change]))
        start = min((at for at, _, _ in events), default=now)
        lines = []
        for at, _, texts in sorted(events, key=lambda event: event[:2]):
            lines.append(f"{(at - start) / 1e6:>+14.6f} s  {texts[0]}")
            lines += [f"{'':>18}{text}" for text in texts[1:]]
        if len(lines) > _MOST:
            lines = [f"… {len(lines) - _MOST} lines more before", *lines[-_MOST:]]
        defaults = Readings().as_dict()
        others = [f"{name}={choice}" for name, choice in world.readings.as_dict().items() if choice != defaults[name]]
        head = [
            f"now {datetime_at(now).isoformat()}, {len(world.timers)} timers pending, seed {world.seed}",
            *([f"readings that are not the defaults: {', '.join(others)}"] if others else []),
            *([f"faults still armed: {fake.faults!r}"] if fake.faults else []),
        ]
        refused = [f"refused by the guard: {printable(message)}" for message in list(fake._refused)]
        lines = [*(lines or ["no requests"]), *refused]
        return "\n".join([*head, *_pending(world, start, now), *lines, *_time_lines(fake)])


def _pending(world: World, start: int, now: int) -> list[str]:
    timers = list(world.timers)
    lines = []
    for timer in timers[:_MOST_PENDING]:
        whose = f"{'delivery' if timer.kind == 'delivery' else 'test result'} {timer.subject_id}"
        if timer.kind == "resource":
            whose = str(timer.subject_id)
        lines.append(f"pending: {whose}: {timer.kind} at {(timer.due - start) / 1e6:+.6f} s")
    if len(timers) > _MOST_PENDING:
        lines.append(f"pending: {len(timers) - _MOST_PENDING} more")
    return lines


def _time_lines(fake: Assertions) -> list[str]:
    """Return lines about the movements of the clock, and the threads that held it up."""
    timeline = getattr(fake, "_timeline", None)
    if timeline is None:
        return []
    lines = [f"clock {movement}" for movement in timeline.movements[-_MOST_MOVEMENTS:]]
    for name, stack in list(timeline.held_up.items()):
        lines.append(f"{name} worked for long while others waited, so time stood still, at:\n{stack}")
    if timeline.seems_to_poll_something_real():
        lines.append(
            "hint: much of the fake's time was slept away in little real time. If the code polls something real,"
            ' such as a port or a file, let it take real time: with bluejay.clock.real(), or sleep="real"'
        )
    return lines


def _ids(exchange: Exchange) -> list[int]:
    return requested_ids(exchange.content) + [int(part) for part in re.findall(r"/(\d{1,18})(?=/|$)", exchange.path)]


def _request_lines(exchange: Exchange) -> list[str]:
    address = printable(with_query(exchange.path, exchange.query))
    asked = f"{exchange.method} {address}{masked_key(exchange)}"
    lines = [f"{asked} {shortened(exchange.content)}".rstrip()]
    lines += [f"fault: {fault}" for fault in exchange.faults]
    if exchange.response is None:
        lines.append("→ no answer")
    else:
        lines.append(f"→ {exchange.response.status_code} {shortened(exchange.response.content)}".rstrip())
    return lines
