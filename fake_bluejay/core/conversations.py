"""Conversations that are over, of production and of simulations, in the one form that alerts watch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from fake_bluejay.core.runs import Run
from fake_bluejay.core.scoring import evaluations
from fake_bluejay.core.test_results import Record

if TYPE_CHECKING:
    from fake_bluejay.core.world import World


class Conversation(NamedTuple):
    """A conversation that is over: evaluated, or failed."""

    source: Literal["observability", "simulation"]
    id: int | str
    """The id of the call log or of the test result."""
    organisation: str
    agent_id: int
    evaluation: Mapping[str, Any] | None
    """The latest evaluation; None if there is none."""
    metadata: Mapping[str, Any]
    failure: str | None
    """The error code, or the status, of a conversation that failed."""
    run: Run | None = None

    def value_of(self, world: World, watched: Mapping[str, Any]) -> Any:
        """Return the conversation's value that an alert watches; None if there is none.

        Args:
            world: The world, for the names of metrics.
            watched: The alert's fields, of which `entity_type` and `entity_field` name the value.
        """
        kind, name = watched["entity_type"], watched["entity_field"]
        if kind == "metadata_field":
            return self.metadata.get(name)
        if kind == "system_failure":
            return self.failure
        if self.evaluation is None:
            return None
        if kind == "custom_goal":
            return self.evaluation.get("goal_success")
        if kind == "standard_metric":
            return {**(self.evaluation.get("latency") or {}), **self.evaluation}.get(name)
        metric = world.resources.find("metric", name, self.organisation)
        metric_name = name if metric is None else metric.fields["name"]
        found = self.evaluation.get("custom_metrics") or ()
        return next((one["response_value"] for one in found if one.get("name") == metric_name), None)


def of_record(world: World, record: Record) -> Conversation:
    """Return the conversation of a test result."""
    found = evaluations(record, world.seed)
    return Conversation(
        source="simulation",
        id=record.id,
        organisation=record.organisation,
        agent_id=record.agent_id,
        evaluation=found[-1] if found else None,
        metadata=record.fields.get("metadata") or {},
        failure=record.error_code,
        run=record.run,
    )
