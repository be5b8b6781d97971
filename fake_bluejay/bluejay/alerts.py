"""Alerts: each counts conversations that violate its condition, goes off and recovers, with a webhook event each time.

An alert of production counts violations in a window of the fake's time, or among the latest conversations, and recovers
when there are fewer than 80 % of the needed number. An alert of simulations evaluates the latest runs or conversations
whenever a run is over (documented in September 2026), or counts as well (documented in August), by the reading
`simulation_alerts`.
"""

from __future__ import annotations

import contextlib
import math
import operator
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from fake_bluejay.bluejay.models.wire import PAGE, Wire, like, of_openapi, shape, stored
from fake_bluejay.bluejay.resources import PAGES, Operations, as_fields, given_fields
from fake_bluejay.core.clock import Moment, iso, microseconds
from fake_bluejay.core.conversations import Conversation, of_record
from fake_bluejay.core.readings import Contract, SimulationAlerts
from fake_bluejay.core.resources import Entity, Link, OnDelete, Resource, uuid_ids
from fake_bluejay.core.runs import Run
from fake_bluejay.core.statuses import is_final
from fake_bluejay.core.world import World
from fake_bluejay.http.operation import ApiCall

# The values of a `StrEnum` that is made of names are these in lower case.
EntityType = StrEnum("EntityType", "STANDARD_METRIC CUSTOM_GOAL CUSTOM_METRIC METADATA_FIELD")
EntityType.__doc__ = "The kind of value that an alert watches."


AnyEntityType = EntityType | Literal["system_failure"]
"""The entity types of the OpenAPI, and the one that only the documentation has."""

Operator = StrEnum(
    "Operator",
    "EQUALS NOT_EQUALS GREATER_THAN LESS_THAN GREATER_THAN_OR_EQUAL LESS_THAN_OR_EQUAL CONTAINS NOT_CONTAINS",
)
Operator.__doc__ = "A comparison of a value."

SourceScope = StrEnum("SourceScope", "ALL OBSERVABILITY SIMULATION")
SourceScope.__doc__ = "The conversations that an alert watches, by their source."


class NotificationChannel(Wire):
    """A further receiver of notifications, which the fake does not notify."""

    type: str
    target: str


SampleSize = Annotated[int, Field(ge=30)]


class CreateAlertRequest(Wire):
    """A new alert."""

    name: str
    description: str | None = None
    is_enabled: bool = True
    entity_type: AnyEntityType
    entity_field: str
    operator: Operator
    comparison_value: str
    notification_channels: list[NotificationChannel] = Field(default_factory=list)
    applies_to_all_agents: bool = True
    agent_ids: list[int] | None = None
    threshold_time_interval: int = 600
    min_events: int = 10
    source_scope: SourceScope = SourceScope.ALL
    sample_size: SampleSize | None = None
    simulation_id: int | None = None
    aggregation: str | None = None
    evaluation_scope: str | None = None
    min_events_type: str | None = None


UpdateAlertRequest = like(CreateAlertRequest, "UpdateAlertRequest", "A change of an alert.")


class AlertResponse(Wire):
    """An alert and its state."""

    id: str
    name: str
    description: str | None = None
    is_enabled: bool
    organization_id: str
    entity_type: AnyEntityType
    entity_field: str
    operator: Operator
    comparison_value: str
    notification_channels: list[Any]
    last_triggered_at: Moment | None = None
    trigger_count: int
    created_by: str | None = None
    applies_to_all_agents: bool
    agents: list[int] | None = None
    created_at: Moment
    updated_at: Moment | None = None
    threshold_time_interval: int
    min_events: int
    in_alert: bool
    source_scope: str = "all"
    sample_size: int | None = None
    simulation_id: int | None = None
    aggregation: str | None = None
    evaluation_scope: str | None = None
    min_events_type: str | None = None


Source = Literal["observability", "simulation"]


class AlertResult(Wire):
    """A trigger of an alert, with its cause: a conversation of production, or a run of a simulation."""

    id: str
    alert_id: str
    source: Source
    created_at: Moment
    agent_id: int
    call_id: str | None = None
    simulation_id: int | None = None
    simulation_run_id: int | None = None
    event_count: int | None = None
    actual_value: Any = None


_NULLABLE: Final = {
    "description", "agent_ids", "sample_size", "simulation_id", "aggregation", "evaluation_scope", "min_events_type",
}  # fmt: skip
_DESCRIPTIVE: Final = {"name", "description", "notification_channels"}
"""The fields whose change does not start the count again."""
_KEPT: Final = 1_000
"""The number of violations that an alert counts in its window, unless it needs more for a trigger."""
_ARMED: Final[Mapping[str, Any]] = {"in_alert": False, "seen": []}
"""The state of an alert before its first conversation. `seen` has pairs: an instant, and True for a violation."""


def _create(world: World, organisation: str, request: CreateAlertRequest) -> Entity:
    """Make an alert. Raises `NotFound` if one of its agents, or its simulation, does not exist."""
    fields = alerts.linked(world, organisation, as_fields(request))
    if _by_runs(world, fields) and "threshold_time_interval" not in request.model_fields_set:
        fields["threshold_time_interval"] = 1
    return world.resources[ALERTS].add(organisation, {**fields, **_ARMED, "trigger_count": 0})


def _by_runs(world: World, fields: Mapping[str, Any]) -> bool:
    """Return whether an alert evaluates whole runs."""
    return (
        fields["source_scope"] == SourceScope.SIMULATION and world.readings.simulation_alerts is SimulationAlerts.RUNS
    )


# --- conversations ----------------------------------------------------------------------------------


def _watch(world: World, conversation: Conversation) -> None:
    """Update the alerts of an organisation after a conversation."""
    for alert in world.resources[ALERTS].of(conversation.organisation):
        fields, run = alert.fields, conversation.run
        if not (fields["is_enabled"] and _concerns(fields, conversation)):
            continue
        if not _by_runs(world, fields):
            _count(world, alert, conversation)
        elif run is not None and fields["entity_type"] == "system_failure":
            _look_at_failure(world, alert, run, conversation)
        elif run is not None and _is_over(world, run):
            _look_at_runs(world, alert, run, conversation)


def _is_over(world: World, run: Run) -> bool:
    """Return whether all calls of a run are over. It checks the last ones first, because they mostly end last."""
    return all(is_final(world.results[id].status) for id in reversed(run.result_ids))


def _concerns(fields: Mapping[str, Any], conversation: Conversation) -> bool:
    run, simulation_id = conversation.run, fields["simulation_id"]
    return (
        fields["source_scope"] in ("all", conversation.source)
        and (fields["applies_to_all_agents"] or conversation.agent_id in (fields["agent_ids"] or ()))
        and (simulation_id is None or run is None or run.simulation_id == simulation_id)
    )


def _count(world: World, alert: Entity, conversation: Conversation) -> None:
    """Count a conversation; enough violations in the window, or among the latest, set the alert off."""
    fields, now, value = alert.fields, world.settle(), conversation.value_of(world, alert.fields)
    if value is None:
        return
    size, violates = fields["sample_size"], _violates(fields, value)
    if size is not None or violates:
        kept = size or max(_KEPT, fields["min_events"])
        alert.fields = {**fields, "seen": [*fields["seen"], [now, violates]][-kept:]}
    _judge(world, alert, conversation.agent_id, conversation)


def _judge(world: World, alert: Entity, agent_id: int, conversation: Conversation | None = None) -> None:
    """Set an alert off, or let it recover, by its count, which shrinks when violations leave the window."""
    fields, size = alert.fields, alert.fields["sample_size"]
    now, window, least = world.settle(), microseconds(fields["threshold_time_interval"]), max(1, fields["min_events"])
    violations = [at for at, violated in fields["seen"] if violated and (size is not None or at > now - window)]
    stays = -(-least * 4 // 5)  # documented: an alert recovers below 80 % of the needed number, which is at least 1
    needed = stays if fields["in_alert"] else least
    enough = len(violations) >= needed and (size is None or len(fields["seen"]) >= size)
    if size is None:
        world.resources.schedule(alert, violations[-stays] + window if enough else None)
    if enough is not fields["in_alert"]:
        details = {"event_count": len(violations), "min_events": fields["min_events"]}
        per = f"of {size} conversations" if size else f"in {fields['threshold_time_interval'] / 60:g} min"
        text = f"Threshold: {fields['min_events']} events {per}"
        _turn(world, alert, enough, agent_id, conversation, text, details)


def _recover(world: World, alert: Entity) -> None:
    """Evaluate an alert again when a violation leaves its window."""
    _judge(world, alert, alert.fields.get("last_agent_id") or 0)


def _look_at_runs(world: World, alert: Entity, run: Run, conversation: Conversation) -> None:
    """Compare the results of the latest runs with an alert's condition, after the end of one."""
    fields, size = alert.fields, alert.fields["sample_size"]
    values: list[Any] = []
    for one in _latest_runs(world, alert, run):
        seen = (of_record(world, world.results[id]) for id in one.result_ids)
        values += [value for result in seen if (value := result.value_of(world, fields)) is not None]
    if not values or (size is not None and len(values) < size):
        return
    actual, violates = _aggregated(fields, values if size is None else values[-size:])
    if violates or fields["in_alert"]:
        across = f"simulation run {run.id}" if size is None else f"the last {size} conversations"
        how = fields["aggregation"] if fields["aggregation"] in _AGGREGATED else "avg"
        _turn_for_run(world, alert, violates, run, conversation, f"{how} across {across}", actual)


def _look_at_failure(world: World, alert: Entity, run: Run, conversation: Conversation) -> None:
    """Set an alert off at a run's first conversation with the failure; let it recover after a run without one."""
    violating = [
        one
        for one in (of_record(world, world.results[id]) for id in run.result_ids)
        if (value := one.value_of(world, alert.fields)) is not None and _violates(alert.fields, value)
    ]
    if [one.id for one in violating] == [conversation.id]:
        actual = conversation.value_of(world, alert.fields)
        _turn_for_run(world, alert, True, run, conversation, f"a conversation of simulation run {run.id}", actual)
    elif not violating and alert.fields["in_alert"] and _is_over(world, run):
        _turn_for_run(world, alert, False, run, conversation, f"no conversation of simulation run {run.id}", None)


def _turn_for_run(
    world: World, alert: Entity, on: bool, run: Run, conversation: Conversation, what: str, actual: Any
) -> None:
    fields = alert.fields
    details = {
        "simulation_id": run.simulation_id,
        "simulation_run_id": run.id,
        "actual_value": actual,
        "operator": fields["operator"],
        "comparison_value": fields["comparison_value"],
    }
    text = f"{fields['entity_field']}: {what} was {actual} ({fields['operator']} {fields['comparison_value']})"
    _turn(world, alert, on, run.agent_id, conversation, text, details)


def _latest_runs(world: World, alert: Entity, run: Run) -> list[Run]:
    """Return the latest runs that are over and concern an alert, as many as it evaluates, the given one last.

    For a number of conversations in the place of runs, all runs of the agent count.
    """
    fields, size = alert.fields, alert.fields["sample_size"]
    others = [
        one
        for one in world.runs.values()
        if one is not run
        and one.organisation == run.organisation
        and (one.simulation_id == run.simulation_id or fields["simulation_id"] is None)
        and (fields["applies_to_all_agents"] or one.agent_id in (fields["agent_ids"] or ()))
        and (size is None or one.agent_id == run.agent_id)
        and _is_over(world, one)
    ]
    left_out = 0 if size is not None else max(0, len(others) + 1 - max(1, fields["threshold_time_interval"]))
    return [*others[left_out:], run]


def _aggregated(fields: Mapping[str, Any], values: list[Any]) -> tuple[Any, bool]:
    """Return the value to compare, and whether it violates: numbers aggregated, or else the first violation.

    Documented: the average, the lowest or the highest of numbers; of a metric that passes or fails, the percentage of
    conversations that passed.
    """
    numbers = [number for value in values if (number := _number(value)) is not None]
    if fields["aggregation"] != "none" and len(numbers) == len(values) and "contains" not in fields["operator"]:
        if fields["entity_type"] == "custom_metric" and {*values} <= {"pass", "fail"}:
            numbers = [100 * number for number in numbers]
        aggregated = _AGGREGATED.get(fields["aggregation"], _average)(numbers)
        return aggregated, _violates(fields, aggregated)
    worst = [value for value in values if _violates(fields, value)]
    return (worst or values)[0], bool(worst)


def _average(numbers: list[float]) -> float:
    return round(sum(number / len(numbers) for number in numbers), 4)


_AGGREGATED: Final[Mapping[str, Callable[[list[float]], float]]] = {"avg": _average, "min": min, "max": max}
"""The documented aggregations. No source says what another one, `count`, counts: it is the average here."""


def _turn(
    world: World,
    alert: Entity,
    on: bool,
    agent_id: int,
    conversation: Conversation | None,
    text: str,
    details: Mapping[str, Any],
) -> None:
    """Set an alert off, or let it recover; store the result, and send webhooks an event with the details."""
    now, fields = world.settle(), alert.fields
    changed: dict[str, Any] = {"in_alert": on, "last_agent_id": agent_id}
    if on and conversation is not None:
        changed |= {"trigger_count": fields["trigger_count"] + 1, "last_triggered_at": iso(now)}
        changed["last_source"] = conversation.source
        run = conversation.run
        cause: Mapping[str, Any] = (
            {"call_id": conversation.id}
            if run is None
            else {"simulation_id": run.simulation_id, "simulation_run_id": run.id}
        )
        stored = {"alert_id": alert.id, "source": conversation.source, "agent_id": agent_id}
        found = {name: details[name] for name in ("event_count", "actual_value") if name in details}
        world.resources[ALERT_RESULTS].add(alert.organisation, {**stored, **cause, **found})
    world.resources.change(alert, changed)
    source = conversation.source if conversation is not None else fields.get("last_source", "observability")
    event = f"{source}_alert_triggered"
    payload = {
        "type": event,
        "subtype": "triggered" if on else "recovered",
        "alert_id": alert.id,
        "alert_name": fields["name"],
        "display_text": text,
        "organization_id": alert.organisation,
        "agent_id": agent_id,
        **details,
    }
    world.emit(event, alert.organisation, agent_id, lambda: payload, now)


_COMPARED: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "equals": operator.eq,
    "not_equals": operator.ne,
    "greater_than": operator.gt,
    "less_than": operator.lt,
    "greater_than_or_equal": operator.ge,
    "less_than_or_equal": operator.le,
    "contains": operator.contains,
    "not_contains": lambda text, part: part not in text,
}


def _violates(fields: Mapping[str, Any], value: Any) -> bool:
    """Return whether a value meets an alert's condition, compared as numbers if both are, else as texts."""
    wanted, how = fields["comparison_value"], fields["operator"]
    one, other = (None, None) if "contains" in how else (_number(value), _number(wanted))
    pair = (str(value), wanted) if one is None or other is None else (one, other)
    return _COMPARED[how](*pair)


_WORDS: Final = {"true": 1.0, "pass": 1.0, "yes": 1.0, "false": 0.0, "fail": 0.0, "no": 0.0}


def _number(value: Any) -> float | None:
    """Return a value as a number, with 1 and 0 for words of truth; None if it is not a number."""
    text = str(value).strip().lower()
    if text in _WORDS:
        return _WORDS[text]
    with contextlib.suppress(ValueError):
        number = float(text.removesuffix("%"))
        return number if math.isfinite(number) else None
    return None


# --- resources --------------------------------------------------------------------------------------------------------

_RESULT_OF = Link("alert_id", to="alert", on_delete=OnDelete.CASCADE, ids=uuid_ids)
ALERT_RESULTS = Resource("alert result", ids=uuid_ids, links=(_RESULT_OF,))
alert_results = Operations(ALERT_RESULTS, returns=AlertResult)
alert_results.list(
    "GET",
    "/v1/alerts/{alert_id}/results",
    filters={"source": Literal["observability", "simulation"] | None},
    paging=PAGES,
    newest_first=True,
    returns=shape("AlertResultsResponse", "A page of the results of an alert.", results=list[AlertResult], **PAGE),
)

ALERTS = Resource(
    "alert",
    ids=uuid_ids,
    links=(Link("agent_ids", to="agent"), Link("simulation_id", to="simulation", on_delete=OnDelete.KEEP)),
    example={
        "name": "Alert",
        "entity_type": "custom_metric",
        "entity_field": "Metric",
        "operator": "equals",
        "comparison_value": "fail",
    },
    on_timer=_recover,
    on_conversation=_watch,
)
alerts = Operations(
    ALERTS,
    returns=AlertResponse,
    values=lambda alert: {"agents": alert.fields["agent_ids"]},
    new=_create,
    stored=stored(
        CreateAlertRequest,
        in_alert=bool,
        seen=list[tuple[int, bool]],
        trigger_count=int,
        last_agent_id=(int | None, None),
        last_source=(Source | None, None),
    ),
)

alerts.create(
    "POST",
    "/v1/create-alert",
    CreateAlertRequest,
    takes_under={Contract.OPENAPI: of_openapi(CreateAlertRequest, entity_type=EntityType)},
)
alerts.list(
    "GET",
    "/v1/alerts",
    filters={"source_scope": SourceScope | None},
    returns=shape("AlertsResponse", "Alerts.", alerts=list[AlertResponse], total_count=int),
)
alerts.delete(
    "DELETE",
    "/v1/alert/{alert_id}",
    returns=shape("DeleteAlertResponse", "An alert that was deleted.", message=str, deleted_alert_id=str),
)


@alerts.operation(
    "PUT",
    "/v1/update-alert/{alert_id}",
    takes=UpdateAlertRequest,
    takes_under={Contract.OPENAPI: of_openapi(UpdateAlertRequest, entity_type=(EntityType | None, None))},
)
def update_alert(call: ApiCall, alert: Entity, request: Wire) -> Entity:
    """Change an alert. Documented: null clears a field that may be null. A new condition starts the count again."""
    given = {name: value for name, value in given_fields(request).items() if value is not None or name in _NULLABLE}
    given = alerts.linked(call.world, call.organisation, given)
    if any(alert.fields[name] != value for name, value in given.items() if name not in _DESCRIPTIVE):
        given |= _ARMED
        call.world.resources.schedule(alert, None)
    alerts.change(call.world, alert, given)
    return alert
