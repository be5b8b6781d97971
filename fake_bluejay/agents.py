"""Behaviors of the simulated LiveKit agent once a conversation is marked for ending.

Give one to `add_test_result(agent=…)`, or to the fake as the default for all. Documented is only that a marked
conversation ends "within 20 seconds", and that a 30-second watchdog stands behind an agent that fails to respond.
"""

from __future__ import annotations

from fake_bluejay.core.behaviors import Agent, DropsAfter, EndsAfter, EndsWithin, Silent, agent_from_text

__all__ = ["Agent", "agent_from_text", "drops_after", "ends_after", "ends_within", "silent"]


def ends_after(seconds: float) -> EndsAfter:
    """Return a behavior: the agent ends the conversation `seconds` after it was marked.

    Raises:
        ValueError: The number is negative.
    """
    return EndsAfter(seconds)


def ends_within(seconds: float) -> EndsWithin:
    """Return a behavior: the agent ends the conversation up to `seconds` after marking, drawn from the fake's seed."""
    return EndsWithin(seconds)


def silent() -> Silent:
    """Return a behavior: the agent never reacts, and the watchdog ends the conversation 30 s after marking."""
    return Silent()


def drops_after(seconds: float) -> DropsAfter:
    """Return a behavior: the call drops `seconds` after it was marked, and the control object is never picked up."""
    return DropsAfter(seconds)
