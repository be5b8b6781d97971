"""Runs: what a simulation was queued for, the test results it consists of, and which of them have a line."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from fake_bluejay.core.statuses import STATUSES, Group, Status, is_final
from fake_bluejay.core.test_results import Record

__all__ = ["DEFAULT_LONGEST", "DEFAULT_RINGING", "Run", "Tally", "tally"]

DEFAULT_LONGEST: Final = 600_000_000
"""Documented: a call lasts 10 minutes at most, unless the simulation says otherwise. Microseconds."""

DEFAULT_RINGING: Final = 300_000_000
"""Documented: it rings for 300 seconds at most, unless the simulation says otherwise. Microseconds."""


class Run:
    """One run of a simulation. Its status and counters are derived from its test results when they are asked for."""

    __slots__ = (
        "agent_id",
        "created_at",
        "fields",
        "id",
        "lines",
        "longest",
        "organisation",
        "result_ids",
        "ringing",
        "simulation_id",
        "taken",
        "waiting",
    )

    def __init__(
        self,
        id: int,
        organisation: str,
        simulation_id: int,
        agent_id: int,
        created_at: int,
        fields: dict[str, Any],
        *,
        lines: int | None = None,
        longest: int = DEFAULT_LONGEST,
        ringing: int = DEFAULT_RINGING,
    ) -> None:
        self.id = id
        self.organisation = organisation
        self.simulation_id = simulation_id
        self.agent_id = agent_id
        self.created_at = created_at
        self.fields = fields
        """What it was queued with: the overrides of the connection."""
        self.lines = lines
        """How many calls may go on at once; None: all."""
        self.longest = longest
        """How long a call may last, in microseconds."""
        self.ringing = ringing
        """How long a call may ring, in microseconds."""
        self.result_ids: list[int] = []
        self.taken: set[int] = set()
        """The test results that have a line, where lines are counted."""
        self.waiting: OrderedDict[int, None] = OrderedDict()
        """Those that are queued for one, the first first."""

    def may_go_on(self, id: int, status: Status) -> bool:
        """Note that a test result has come to a status. Says whether it may go on, or waits for a line."""
        if self.lines is None:
            return True
        if status is Status.QUEUED and id not in self.taken and len(self.taken) >= self.lines:
            self.waiting[id] = None
            return False
        self.note(id, status)
        return True

    def note(self, id: int, status: Status) -> None:
        """Note that a test result has come to a status in which it waits for no line."""
        self.waiting.pop(id, None)
        if self.lines is not None and (status is Status.QUEUED or STATUSES[status].holds_slot):
            self.taken.add(id)
        else:
            self.taken.discard(id)

    def leave(self, id: int) -> None:
        """Forget a test result that is removed."""
        self.result_ids.remove(id)
        self.waiting.pop(id, None)
        self.taken.discard(id)

    def next_waiting(self) -> int | None:
        """Take the test result that is next to have a line, if one is free."""
        if not self.waiting or self.lines is None or len(self.taken) >= self.lines:
            return None
        return self.waiting.popitem(last=False)[0]


class Tally(NamedTuple):
    """The test results of a run, counted."""

    total: int
    passed: int
    """COMPLETED, and the evaluation found the goal reached."""
    not_passed: int
    """COMPLETED, and it did not."""
    failures: int
    """At an end that the documentation calls a failure: no connection, no answer, dropped, an error, no funds."""
    other_ends: int
    """At another end: cancelled, or not evaluated."""
    unfunded: int
    """Of the failures, the ones for lack of funds."""
    begun: int
    """Past being queued."""

    @property
    def failed(self) -> int:
        """Those that did not pass, and those that failed before they could."""
        return self.not_passed + self.failures

    @property
    def completed(self) -> int:
        """Those with the status COMPLETED."""
        return self.passed + self.not_passed

    @property
    def ended_otherwise(self) -> int:
        """Those at another end than COMPLETED."""
        return self.failures + self.other_ends

    @property
    def is_over(self) -> bool:
        """Whether every call has reached an end state."""
        return self.completed + self.ended_otherwise == self.total


def tally(records: Iterable[Record]) -> Tally:
    """Count the test results of a run."""
    total = passed = not_passed = failures = other_ends = unfunded = begun = 0
    for record in records:
        row = STATUSES[record.status]
        total += 1
        begun += row.begun
        if record.status is Status.COMPLETED:
            passes = record.passes
            passed += passes
            not_passed += not passes
        elif row.group is Group.FAILURE:
            failures += 1
            unfunded += row.older == "INSUFFICIENT_FUNDS"
        elif is_final(record.status):
            other_ends += 1
    return Tally(total, passed, not_passed, failures, other_ends, unfunded, begun)
