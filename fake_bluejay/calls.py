"""Scripts of the calls of a run: `bluejay.calls.next(no_answer(), Call(passes=False))`.

Without a script a call is answered after 2 seconds, lasts 45, and passes. Times are seconds of the fake's clock. The
ends and the error codes are documented (September 2026).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fake_bluejay.bluejay.calls import checked_call
from fake_bluejay.core.numbers import is_integer
from fake_bluejay.core.scripts import ERROR_CODES, Call, call_from_dict
from fake_bluejay.core.world import READY_FOR, World

if TYPE_CHECKING:
    from fake_bluejay.facade.resources import DigitalHumanView

__all__ = [
    "ERROR_CODES",
    "Call",
    "Calls",
    "call_dropped",
    "call_from_dict",
    "custom_error",
    "inbound",
    "no_answer",
    "no_connection",
    "out_of_funds",
    "rejected",
    "system_error",
]


def no_answer(after: float | None = None, error_code: str = "NO_ANSWER") -> Call:
    """Return the script of a call that nobody engages in: NO_ANSWER.

    Args:
        after: The seconds until it fails; None: as long as the simulation lets it ring.
        error_code: The error code of the failure, as in a `Call`.
    """
    return Call(end="no_answer", connects_after=after, error_code=error_code)


def no_connection(error_code: str = "SIP_DIAL_FAILED", after: float = 2) -> Call:
    """Return the script of a call that does not reach the agent: NO_CONNECTION."""
    return Call(end="no_connection", connects_after=after, error_code=error_code)


def call_dropped(after: float = 10, error_code: str = "BRIDGE_DISCONNECTED") -> Call:
    """Return the script of a call that drops in the conversation: CALL_DROPPED. The part up to the drop is scored."""
    return Call(end="dropped", talks_for=after, error_code=error_code, passes=False)


def out_of_funds() -> Call:
    """Return the script of a call that lacks funds: OUT_OF_FUNDS."""
    return Call(end="out_of_funds", connects_after=0, error_code="INSUFFICIENT_BALANCE")


def rejected(after: float = 2) -> Call:
    """Return the script of a call that the agent rejects (SIP 486 or 603): NO_ANSWER, or the older REJECTED."""
    return Call(end="rejected", connects_after=after, error_code="CALL_REJECTED")


def system_error(after: float = 2, error_code: str = "UNKNOWN") -> Call:
    """Return the script of a call in which something breaks on Bluejay's side: SYSTEM_ERROR."""
    return Call(end="system_error", connects_after=after, error_code=error_code)


def custom_error(talks_for: float = 45) -> Call:
    """Return the script of a call whose transcript matches the simulation's custom error prompt: CUSTOM_ERROR."""
    return Call(end="custom_error", talks_for=talks_for, error_code="CUSTOM_ERROR")


def inbound(ready_for: float = READY_FOR, call: Call | None = None) -> Call:
    """Return the script of a call that the customer's agent makes.

    Args:
        ready_for: The seconds for which the digital human is READY, until the agent calls.
        call: The call that follows; None: the default one. One that never connects ends when the seconds are over:
            `inbound(20, no_answer(error_code="INBOUND_NO_INCOMING_CALL"))`.
    """
    return replace(call or Call(), ready_for=ready_for)


class Calls:
    """The scripts of the calls of runs that are queued from now on; each call takes its script when it is queued.

    A digital human's own script comes first, then those given by `next`, then the default.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def default(self) -> Call:
        """The script of every call that has no other; can be set."""
        return self._world.call

    @default.setter
    def default(self, call: Call) -> None:
        self._world.script(default=checked_call(call))

    def next(self, *calls: Call) -> None:
        """Script the next calls, one each, after those that were scripted before."""
        self._world.script(next=[checked_call(call) for call in calls])

    def of(self, digital_human: DigitalHumanView | int | str, call: Call) -> None:
        """Script every call of a digital human: one that was added, its id, or else its name.

        Raises:
            ValueError: It is none of these.
        """
        human = getattr(digital_human, "id", digital_human)
        if not is_integer(human, 1) and not (isinstance(human, str) and human):
            raise ValueError(f"a digital human, its id or its name is needed, not {digital_human!r:.80}")
        self._world.script(of={human: checked_call(call)})

    def clear(self) -> None:
        """Put all scripts back to the default."""
        self._world.clear_scripts()
