"""The service: one fake Bluejay with all its parts, which every door holds. It knows of no door."""

from __future__ import annotations

import functools
from typing import Any, Final, Unpack

from fake_bluejay.bluejay.app import PATHS, Api
from fake_bluejay.bluejay.calls import checked_call
from fake_bluejay.bluejay.options import WorldOptions, world_of
from fake_bluejay.core.behaviors import agent_of
from fake_bluejay.core.events import EventLog
from fake_bluejay.core.suggest import check_text
from fake_bluejay.core.test_results import Record
from fake_bluejay.http.faults import ArmedFaults, Faults
from fake_bluejay.http.journal import Journal
from fake_bluejay.http.stubs import Stubs

OWN_FIELDS: Final = ("agent", "call", "id", "organisation", "status")
"""The arguments of `add_test_result` that are not published fields of a test result."""


class Service:
    """A fake: its world, and the parts that stand around it on the way of a request.

    Attributes:
        world: The model.
        journal: The requests that arrived, with their answers.
        armed: The armed faults.
        faults: The interface that arms them.
        stubs: The answers that a test gave.
        events: The log of every change.
    """

    def __init__(self, **options: Unpack[WorldOptions]) -> None:
        self._options = options
        self.world = world_of(options)
        self.journal = Journal()
        stubs = self.stubs = Stubs()
        self.armed = ArmedFaults(self.world.seed, lambda: PATHS.union(stubs.paths))
        self.faults = Faults(self.armed)
        self.events = EventLog(self.world, self.journal, self.armed, self.stubs)

    @functools.cached_property
    def app(self) -> Api:
        """Bluejay's HTTP surface, an ASGI application. A `FakeBluejay` that is on has one of its own."""
        return Api(self.world, self.journal, self.armed, self.stubs)

    def add_test_result(
        self, id: int | None = None, status: str = "RUNNING", agent: Any = None, **fields: Any
    ) -> Record:
        """Add a test result.

        Args:
            id: Its id; None: the next one.
            status: Its status, or the text of one.
            agent: The behavior of its agent, or the text of one; None: as the fake says.
            **fields: The published fields of a simulation result; `organisation`; and `call`, the script of its call.
                None is as if it were not given.

        Raises:
            ValueError: The id is taken, the status, the agent or a field is unknown, or no answer could show it.
        """
        own = {name: value for name in ("organisation", "call") if (value := fields.pop(name, None)) is not None}
        if "organisation" in own:
            check_text("organisation", own["organisation"])
        if "call" in own:
            own["call"] = checked_call(own["call"])
        if fields:
            from fake_bluejay.bluejay.models.results import as_given

            given = as_given(fields, OWN_FIELDS)
            fields = {name: value for name, value in given.items() if value is not None}
        return self.world.add_test_result(id, status, agent_of(agent), **own, **fields)

    def reset(self) -> None:
        """Put the fake back to its beginning: the options, no test results, no journal, no faults, no stubs."""
        self.world.replace_state(world_of(self._options))
        self.journal.clear()
        self.faults.clear()
        self.stubs.clear()
