"""A seed that has been loaded into a service, and the options that override its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from fake_bluejay.bluejay.options import WorldOptions
from fake_bluejay.bluejay.service import Service
from fake_bluejay.core.behaviors import agent_of
from fake_bluejay.core.clock import ManualClock, ScaledClock
from fake_bluejay.core.readings import Readings

MOST_WORLDS = 100
"""The most organisations that have a world of their own on one server."""


class Overrides(NamedTuple):
    """The options that both a seed and the command line have; those of the command line override the seed's."""

    clock: str | None = None
    speed: float | None = None
    agent: str | None = None
    readings: Mapping[str, str] = {}
    api_keys: tuple[str, ...] = ()
    webhooks_anywhere: bool = False

    def check_clock(self) -> None:
        """Check that a clock with a speed is one that moves.

        Raises:
            ValueError: A manual clock has a speed.
        """
        if self.clock == "manual" and self.speed is not None:
            raise ValueError("a manual clock has no speed: leave the speed out, or choose the clock that is real")

    def overridden(self, other: Overrides) -> Overrides:
        """Return these options, overridden by what `other` sets. Its speed without a clock implies the real clock."""
        return Overrides(
            other.clock or (self.clock if other.speed is None else "real"),
            self.speed if other.speed is None else other.speed,
            other.agent or self.agent,
            {**self.readings, **other.readings},
            other.api_keys or self.api_keys,
            other.webhooks_anywhere or self.webhooks_anywhere,
        )

    def options(self, start: int | None = None) -> WorldOptions:
        """Return the options of a service whose time begins at an instant."""
        speed = 1.0 if self.speed is None else self.speed
        return {
            "clock": ManualClock(start) if self.clock == "manual" else ScaledClock(speed, start),
            "agent": agent_of(self.agent),
            "readings": Readings().changed(**self.readings),
            "api_keys": self.api_keys,
            "webhooks_anywhere": self.webhooks_anywhere,
        }


@dataclass
class LoadedSeed:
    """A service that a seed was loaded into, with its organisations."""

    service: Service
    reset: Callable[[], None]
    """Puts the service back to its beginning; on a clock that follows real time, now."""
    own_worlds: list[tuple[str, str, Service]] = field(default_factory=list)
    """The organisations that have a world of their own in the seed, if it is a save: name, API key, service."""

    def maker_of_empty_services(self) -> Callable[[str], Service]:
        """Return a function that makes an empty service with the same settings, given its API key."""
        world = self.service.world
        speed = world.clock.speed if isinstance(world.clock, ScaledClock) else None
        options: WorldOptions = {
            "readings": world.readings,
            "agent": world.agent,
            "evaluation_starts_after": world.evaluation_starts_after / 1_000_000,
            "evaluation_takes": world.evaluation_takes / 1_000_000,
            "webhooks_anywhere": world.webhooks_anywhere,
        }
        if world.is_seeded:
            options["seed"] = world.seed

        def make(key: str) -> Service:
            clock = ManualClock() if speed is None else ScaledClock(speed)
            own: WorldOptions = {**options, "clock": clock, "api_keys": [key]}
            return Service(**own)

        return make
