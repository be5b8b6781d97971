"""The options of a fake, given by a test, a seed or the command line."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypedDict, cast

from fake_bluejay.core.behaviors import agent_of
from fake_bluejay.core.clock import MOST_SPEED, Clock, ManualClock, ScaledClock, check_start, instant_of
from fake_bluejay.core.numbers import is_number
from fake_bluejay.core.readings import Readings
from fake_bluejay.core.suggest import check_known, instead_of
from fake_bluejay.core.world import World

if TYPE_CHECKING:
    from fake_bluejay.core.behaviors import AgentChoice
    from fake_bluejay.core.readings import ReadingChoices

API_KEY = "fake-bluejay-key"
"""The key of the default organisation: made up, so no real key is ever needed in a test."""


class WorldOptions(TypedDict, total=False):
    """The options of a world; each has a default."""

    readings: Readings | ReadingChoices
    """Readings other than the defaults: `{"success": "if-none-failed"}`."""
    agent: AgentChoice | None
    """The default behavior of agents: `silent()` or `"ends-after=2"`."""
    clock: Literal["manual", "real"] | Clock
    """`"manual"` (stands still until advanced), `"real"`, or a clock, of which a copy is used."""
    now: datetime | str
    """The start of the fake's clock and of the clocks of the code under test: an aware datetime, or its ISO text."""
    speed: float
    """The number of the fake's seconds that pass in a real one, with `clock="real"`."""
    api_keys: Sequence[str]
    """The keys of the default organisation; if given, other keys are refused."""
    seed: int
    """The seed of everything random. Without one, ids of webhook deliveries differ from run to run."""
    evaluation_starts_after: float
    """Seconds from a conversation's end to EVALUATING."""
    evaluation_takes: float
    """Seconds from EVALUATING to COMPLETED."""
    webhooks_anywhere: bool
    """True if webhooks may lead to other machines."""


def clock_of(options: Mapping[str, Any]) -> Clock:
    """Return the clock that `clock`, `now` and `speed` ask for.

    Raises:
        ValueError: One of them cannot be, or they do not fit together.
    """
    clock, now, speed = options.get("clock", "manual"), now_of(options), options.get("speed")
    if hasattr(clock, "now") and hasattr(clock, "advance"):
        if now is not None or speed is not None:
            raise ValueError("`now` and `speed` go with clock='manual' or 'real': a clock of your own knows its own")
        return copy.copy(cast(Clock, clock))  # a reset, or the next decorated call, begins at the same instant
    check_known("choice for clock:", clock, ("manual", "real"))
    if speed is not None:
        if not is_number(speed) or not 0 < speed <= MOST_SPEED:
            raise ValueError(f"speed is a positive number up to {MOST_SPEED:,}, {instead_of('speed', speed)}")
        if clock != "real":
            raise ValueError("speed goes with clock='real': a manual clock stands still until it is moved")
    if clock == "real":
        return ScaledClock(1.0 if speed is None else speed, now)
    return ManualClock(now)


def now_of(options: Mapping[str, Any]) -> int | None:
    """Return the instant that `now` names, in microseconds since 1970; None if it is not given.

    Raises:
        ValueError: The value is neither an aware datetime nor the ISO text of one.
    """
    now = options.get("now")
    if now is None:
        return None
    moment = now
    if isinstance(now, str):
        try:
            moment = datetime.fromisoformat(now)
        except ValueError:
            moment = None
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        lacks = " has no time zone" if isinstance(moment, datetime) else ""
        raise ValueError(
            "now is an aware datetime, or one as ISO text with its offset from UTC, e.g. 2026-03-01T12:00:00Z;"
            f" {now!r:.80}{lacks or ' is neither'}"
        )
    return check_start(instant_of(moment))


_DEFAULTS = Readings()


def world_of(options: WorldOptions) -> World:
    """Return a new world of these options.

    Raises:
        ValueError: One of them cannot be, or they do not fit together.
    """
    readings, seed = options.get("readings") or _DEFAULTS, options.get("seed")
    keys = _keys_of(options["api_keys"]) if "api_keys" in options else ()
    if not isinstance(readings, (Readings, Mapping)):
        raise ValueError(f"readings are names with choices, e.g. {{'success': 'always'}}, not {readings!r}")
    if seed is not None and not isinstance(seed, int):
        raise ValueError(f"a seed is an integer, not {seed!r}")
    world = World(
        clock=clock_of(options),
        readings=readings if isinstance(readings, Readings) else Readings().changed(**cast(dict[str, str], readings)),
        agent=agent_of(options.get("agent")),
        seed=seed,
        api_keys=keys or (API_KEY,),
        evaluation_starts_after=options.get("evaluation_starts_after", 1.0),
        evaluation_takes=options.get("evaluation_takes", 5.0),
    )
    world.require_known_keys = bool(keys)
    anywhere = options.get("webhooks_anywhere", False)
    if not isinstance(anywhere, bool):
        raise ValueError(f"webhooks_anywhere is True or False, {instead_of('webhooks_anywhere', anywhere)}")
    world.webhooks_anywhere = anywhere
    return world


def _keys_of(given: Any) -> tuple[str, ...]:
    keys = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (None,)
    if not all(isinstance(key, str) for key in keys):
        raise ValueError(f"api_keys is a list of strings, {instead_of('api_keys', given)}")
    return cast(tuple[str, ...], keys)
