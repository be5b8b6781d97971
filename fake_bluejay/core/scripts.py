"""Scripts of calls: the course of a call from the queue to its end.

Scripts are values, like the behaviors of agents: they compare, print, and become data and back, for dumps and seeds.
The documentation of September 2026 names the stages of a call and its ends. It gives no durations: those are fields of
the script, with this project's defaults.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from fake_bluejay.core.clock import delay, microseconds
from fake_bluejay.core.statuses import TRANSITIONS, Event, Status, error_codes
from fake_bluejay.core.suggest import check_known, unknown

ENDS: Final = {
    "ended": Event.END,
    "dropped": Event.DROP,
    "no_answer": Event.GO_UNANSWERED,
    "no_connection": Event.FAIL_TO_CONNECT,
    "rejected": Event.REJECT,
    "out_of_funds": Event.RUN_OUT_OF_FUNDS,
    "system_error": Event.BREAK,
    "custom_error": Event.MATCH_CUSTOM_ERROR,
}
"""The name of an end of a call → the event that leads to the call's last status."""

OLDER_ENDS: Final = {"incompleted": "no_connection", "insufficient_funds": "out_of_funds"}
"""An end named after an older status → the end that replaces it."""

CONNECTED: Final = {"ended": Event.END, "dropped": Event.DROP, "custom_error": Event.END}
"""An end of a call that was connected → the event that ends its conversation. The other ends precede the connection."""

ERROR_CODES: Final = error_codes()
"""The documented error codes. A script may also name another, which Bluejay may have added."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A script of a call. Times are seconds of the fake's clock.

    Raises:
        ValueError: A time is negative, the end is unknown, or a value has a wrong type.
    """

    waits: float = 1
    """Seconds in the queue, once a concurrency slot is free, until a worker takes the call up."""
    ready_for: float | None = None
    """Seconds that an inbound digital human is online before the customer's agent calls; None if the digital human
    calls."""
    connects_after: float | None = 2
    """Seconds from DISPATCHED until the call is RUNNING, or fails. None: for as long as the simulation lets it ring."""
    talks_for: float | None = 45
    """Seconds that the call is RUNNING. None: until it is ended, or until the simulation's longest duration."""
    end: str = "ended"
    """The end of the call: one of `ENDS`."""
    passes: bool = True
    """True if the evaluation finds that the goal was reached."""
    error_code: str | None = None
    """The error code of a failure, e.g. `SIP_DIAL_FAILED`. None: the first that is documented for the last status."""
    transcript: tuple[Mapping[str, Any], ...] | None = None
    """The transcript, as published entries; None: generated."""
    evaluations: tuple[Mapping[str, Any], ...] | None = None
    """The evaluations, as published; None: generated from the seed, in keeping with `passes`."""
    tool_calls: tuple[Mapping[str, Any], ...] | None = None
    """The agent's tool calls: `{"name": …, "start_offset_ms": …, "parameters": …, "output": …}`."""
    custom_metrics: tuple[Mapping[str, Any], ...] | None = None
    """The custom metrics of the generated evaluation, as published; None: those of the agent, with `scores`."""
    scores: Mapping[str, Any] | None = None
    """The values of custom metrics, by their names: `{"politeness": 4}`; the others are drawn from the seed."""

    def __post_init__(self) -> None:
        for name in ("waits", "ready_for", "connects_after", "talks_for"):
            seconds = getattr(self, name)
            if seconds is not None or name == "waits":
                delay(f"a call's {name}", seconds)
        end = OLDER_ENDS.get(self.end, self.end) if isinstance(self.end, str) else None
        if end not in ENDS:
            raise ValueError(unknown("end of a call", str(self.end), ENDS))
        object.__setattr__(self, "end", end)
        if not isinstance(self.passes, bool):
            raise ValueError(f"a call's passes is true or false, not {self.passes!r:.80}")
        if self.error_code is not None and not isinstance(self.error_code, str):
            raise ValueError(f"a call's error_code is a text, not {self.error_code!r:.80}")
        for name in ("transcript", "evaluations", "tool_calls", "custom_metrics"):
            entries = getattr(self, name)
            if entries is not None:
                if not isinstance(entries, (list, tuple)) or not all(isinstance(entry, Mapping) for entry in entries):
                    raise ValueError(f"a call's {name} is a list of objects, not {entries!r:.80}")
                object.__setattr__(self, name, tuple(entries))
        if self.scores is not None:
            if not isinstance(self.scores, Mapping) or not all(isinstance(name, str) for name in self.scores):
                raise ValueError(f"a call's scores are an object of values by metrics' names, not {self.scores!r:.80}")
            try:
                object.__setattr__(self, "scores", json.loads(json.dumps(dict(self.scores), allow_nan=False)))
            except (TypeError, ValueError) as error:
                raise ValueError(f"a call's scores are JSON: {error}") from None

    @property
    def connects(self) -> bool:
        """True if the call is ever RUNNING."""
        return self.end in CONNECTED

    def next(self, status: Status, ringing: int, longest: int) -> tuple[int, Event, str] | None:
        """Return the next step after a status: the delay in microseconds, the event, its cause; None for no step.

        Args:
            status: The status that the call has reached.
            ringing: The longest time that a call of the simulation may ring, in microseconds.
            longest: The longest time that a call of the simulation may last, in microseconds.
        """
        match status:
            case Status.INITIALIZING:
                return 0, Event.QUEUE, "call"
            case Status.QUEUED:
                return microseconds(self.waits), Event.DISPATCH if self.ready_for is None else Event.AWAIT_CALL, "call"
            case Status.READY:
                return microseconds(self.ready_for or 0), Event.DISPATCH if self.connects else ENDS[self.end], "call"
            case Status.DISPATCHED:
                rings = ringing if self.connects_after is None else microseconds(self.connects_after)
                if self.connects and rings >= ringing:
                    return ringing, Event.GO_UNANSWERED, "limit"
                return min(rings, ringing), Event.CONNECT if self.connects else ENDS[self.end], "call"
            case Status.RUNNING:
                talks = longest if self.talks_for is None else microseconds(self.talks_for)
                # A test may have forced a call to RUNNING although its script ends it before the connection.
                event = CONNECTED.get(self.end, ENDS[self.end])
                by_script = talks < longest and (status, event) in TRANSITIONS
                return (talks, event, "call") if by_script else (longest, Event.END, "limit")
        return None

    def as_dict(self) -> dict[str, Any]:
        """Return the script as data, without the fields that have their default."""
        data: dict[str, Any] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if value != each.default:
                data[each.name] = [dict(entry) for entry in value] if isinstance(value, tuple) else value
        return data


def call_from_dict(data: Mapping[str, Any]) -> Call:
    """Return the script that the data describes.

    Raises:
        ValueError: A field is unknown, or a value is not allowed.
    """
    known = [each.name for each in fields(Call)]
    for name in data:
        check_known("field of a call", name, known)
    return Call(**data)
