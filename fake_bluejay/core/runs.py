"""Runs of simulations: their test results, and which of these hold a concurrency slot."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from fake_bluejay.core.statuses import STATUSES, Group, Status, is_final
from fake_bluejay.core.test_results import Record

DEFAULT_LONGEST: Final = 600_000_000
"""The longest duration of a call by default, in microseconds. Documented: 10 minutes."""

DEFAULT_RINGING: Final = 300_000_000
"""The longest time that a call rings by default, in microseconds. Documented: 300 seconds."""


@dataclass(slots=True, eq=False, repr=False)
class Run:
    """A run of a simulation. Its status and counters are derived from its test results on each request."""

    id: int
    organisation: str
    simulation_id: int
    agent_id: int
    created_at: int
    fields: dict[str, Any]
    """The settings of the connection that the request gave, in place of the agent's."""
    slots: int | None = None
    """The number of calls at the same time; None if it is not limited."""
    longest: int = DEFAULT_LONGEST
    """The longest duration of a call, in microseconds."""
    ringing: int = DEFAULT_RINGING
    """The longest time that a call rings, in microseconds."""
    trigger: str | None = None
    """The URL that is told of each digital human to call, if the agent has one."""
    result_ids: list[int] = field(default_factory=list)
    taken: set[int] = field(default_factory=set)
    """The ids of the test results that hold a slot, if slots are limited."""
    waiting: OrderedDict[int, None] = field(default_factory=OrderedDict)
    """The ids of the test results that wait for a slot, in order."""
    next_steps: dict[int, int] = field(default_factory=dict)
    """The id of a step of a customer journey → the id of the next step, which waits for its end."""
    held: set[int] = field(default_factory=set)
    """The ids of the steps that wait for the end of the step before them."""

    @property
    def trigger_id(self) -> str:
        """The id of the trigger webhook, for its deliveries."""
        return f"run-{self.id}"

    def hold(self, id: int, after: int) -> None:
        """Let a step of a customer journey wait for the end of the step before it."""
        self.next_steps[after] = id
        self.held.add(id)

    def release(self, after: int) -> int | None:
        """End the wait of the step after this one, and return its id; None if no step waited for this one."""
        id = self.next_steps.pop(after, None)
        if id is not None:
            self.held.discard(id)
        return id

    def admit(self, id: int, status: Status) -> bool:
        """Note the new status of a test result. Return False if its call has to wait.

        It waits for a free concurrency slot, or for the end of the step before it in a customer journey.
        """
        if id in self.held and status is Status.INITIALIZING:
            return False
        if self.slots is None:
            return True
        if status is Status.QUEUED and id not in self.taken and len(self.taken) >= self.slots:
            self.waiting[id] = None
            return False
        self.note_status(id, status)
        return True

    def note_status(self, id: int, status: Status) -> None:
        """Take or free the slot of a test result by its new status."""
        self.waiting.pop(id, None)
        if self.slots is not None and (status is Status.QUEUED or STATUSES[status].holds_slot):
            self.taken.add(id)
        else:
            self.taken.discard(id)

    def remove(self, id: int) -> int | None:
        """Forget a test result that is removed. Return the id of a step that waited for its end and may begin now."""
        self.result_ids.remove(id)
        self.waiting.pop(id, None)
        self.taken.discard(id)
        following = self.release(id)
        if id in self.held:
            before = next(before for before, held in self.next_steps.items() if held == id)
            self.release(before)
            if following is not None:
                self.hold(following, before)
                return None
        return following

    def next_waiting(self) -> int | None:
        """Remove the test result that is next in the queue for a slot, and return its id; None if no slot is free."""
        if not self.waiting or self.slots is None or len(self.taken) >= self.slots:
            return None
        return self.waiting.popitem(last=False)[0]


class Tally(NamedTuple):
    """Counts of the test results of a run."""

    total: int
    passed: int
    """The number of COMPLETED results whose evaluation found the goal reached."""
    not_passed: int
    """The number of COMPLETED results whose evaluation found the goal missed."""
    failures: int
    """The number of final statuses that the documentation calls a failure: no connection, no answer, dropped, an error,
    no funds."""
    other_ends: int
    """The number of other final statuses: cancelled, or not evaluated."""
    unfunded: int
    """The number of failures for lack of funds."""
    begun: int
    """The number of calls that have left the queue."""

    @property
    def failed(self) -> int:
        """The number of results that did not pass, or failed before an evaluation."""
        return self.not_passed + self.failures

    @property
    def completed(self) -> int:
        """The number of results with the status COMPLETED."""
        return self.passed + self.not_passed

    @property
    def ended_otherwise(self) -> int:
        """The number of results with a final status other than COMPLETED."""
        return self.failures + self.other_ends

    @property
    def is_over(self) -> bool:
        """True if every call has reached a final status."""
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
