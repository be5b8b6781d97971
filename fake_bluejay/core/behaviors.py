"""Behaviors of the simulated LiveKit agent: its reactions to a control object.

Behaviors are values: they compare, print, and go to text and back (`ends-after=2`), for seeds, the command line and the
control API.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from fake_bluejay.core.clock import delay, microseconds
from fake_bluejay.core.suggest import unknown
from fake_bluejay.core.timers import TimerKind


class Agent(Protocol):
    """A behavior: how an agent reacts to a control object."""

    def reaction(self, draw: str) -> tuple[int, TimerKind] | None:
        """Return the microseconds from the control object to the agent's reaction, and the reaction; None for never.

        Args:
            draw: The seed of random reactions: the same text gives the same reaction.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Timed:
    """A behavior with a number of seconds."""

    seconds: float

    name: ClassVar[str] = ""
    """The name of the behavior in its text."""

    def __post_init__(self) -> None:
        delay(f"the seconds of {self.name}", self.seconds)

    def __str__(self) -> str:
        text = f"{self.seconds:g}"
        return f"{self.name}={text if float(text) == self.seconds else repr(self.seconds)}"


class EndsAfter(_Timed):
    """A behavior that picks the control object up `seconds` after it was written, and ends the conversation."""

    __slots__ = ()
    name = "ends-after"

    def reaction(self, draw: str) -> tuple[int, TimerKind]:
        """Return the end of the conversation, always after the same time."""
        return microseconds(self.seconds), "agent_ends"


class EndsWithin(_Timed):
    """A behavior that ends the conversation at a random moment of these `seconds`: "within 20 seconds" (documented)."""

    __slots__ = ()
    name = "ends-within"

    def reaction(self, draw: str) -> tuple[int, TimerKind]:
        """Return the end of the conversation, after a time drawn evenly between 0 and `seconds`."""
        return random.Random(draw).randint(0, microseconds(self.seconds)), "agent_ends"


class DropsAfter(_Timed):
    """A behavior that never picks the control object up: the call drops `seconds` after that was written."""

    __slots__ = ()
    name = "drops-after"

    def reaction(self, draw: str) -> tuple[int, TimerKind]:
        """Return the drop of the call, always after the same time."""
        return microseconds(self.seconds), "agent_drops"


@dataclass(frozen=True, slots=True)
class Silent:
    """A behavior without any reaction, so that the watchdog ends the conversation."""

    def reaction(self, draw: str) -> None:
        """Return None."""

    def __str__(self) -> str:
        return "silent"


_TIMED = {behavior.name: behavior for behavior in (EndsAfter, EndsWithin, DropsAfter)}


def agent_from_text(text: str) -> Agent:
    """Return the behavior that a text names: `ends-after=2`, `ends-within=20`, `silent`, `drops-after=5`.

    Raises:
        ValueError: The text names no behavior.
    """
    name, equals, seconds = text.partition("=")
    if name == "silent" and not equals:
        return Silent()
    if name not in _TIMED:
        raise ValueError(unknown("agent behavior", text, [*(f"{timed}=SECONDS" for timed in _TIMED), "silent"]))
    try:
        return _TIMED[name](float(seconds))
    except ValueError:
        raise ValueError(f"{text!r}: {name} needs a number of seconds of at least 0, e.g. {name}=2") from None


def agent_of(given: Agent | str | None) -> Agent | None:
    """Return a behavior that is given as such or as text; None stays None.

    Raises:
        ValueError: The value is not a behavior.
    """
    if isinstance(given, str):
        return agent_from_text(given)
    if given is not None and not hasattr(given, "reaction"):
        raise ValueError(f"an agent is a behavior such as silent(), or its text such as 'ends-after=2', not {given!r}")
    return given


AgentChoice = Agent | Literal["silent"]
"""A behavior of the simulated agent. One with a number is made by its function: `agents.ends_after(2)`."""
