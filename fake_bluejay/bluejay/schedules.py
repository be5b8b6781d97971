"""Schedules: each queues a run of a simulation at the times of its cron expression, by the fake's clock.

`core.cron` reads the expression, in eighty lines, which spare the fake a dependency.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field

from fake_bluejay.bluejay.models.wire import Wire, like, shape
from fake_bluejay.bluejay.resources import Operations, as_fields, not_null_fields
from fake_bluejay.bluejay.runs import queue_run
from fake_bluejay.core.clock import datetime_at, instant_of
from fake_bluejay.core.cron import Cron
from fake_bluejay.core.errors import DomainError, Refused
from fake_bluejay.core.resources import Entity, Link, OnDelete, Resource, uuid_ids
from fake_bluejay.core.world import World
from fake_bluejay.http.operation import ApiCall

Time = Annotated[str, Field(pattern=r"^\d{2}:\d{2}$")]


def _checked(expression: str) -> str:
    Cron.read(expression)
    return expression


def _zone(name: str) -> str:
    try:
        _zone_named(name)
    except (ValueError, OSError, LookupError):
        hint = "" if available_timezones() else ", for there are none on this machine: pip install tzdata"
        raise ValueError(f"{name[:50]!r} is not the name of a time zone{hint}") from None
    return name


def _zone_named(name: str) -> tzinfo:
    """Return a time zone. UTC needs no database of them, which Windows has only with the package `tzdata`."""
    return UTC if name == "UTC" else ZoneInfo(name)


Expression = Annotated[str, AfterValidator(_checked)]
Zone = Annotated[str, AfterValidator(_zone)]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class Window(Wire):
    """The days and the times of day, both ends included, to which a schedule keeps. Without days, it is every day."""

    days: list[Weekday] = Field(default_factory=list)
    start_time: Time
    end_time: Time


class EveryNMinutes(Wire):
    """A schedule: every so many minutes of an hour."""

    frequency: Literal["every_n_minutes"]
    interval: Annotated[int, Field(gt=0, le=59)]
    window: Window | None = None


class EveryNHours(Wire):
    """A schedule: every so many hours of a day."""

    frequency: Literal["every_n_hours"]
    interval: Annotated[int, Field(gt=0, le=23)]
    window: Window | None = None


class Daily(Wire):
    """A schedule: every day at a time."""

    frequency: Literal["daily"]
    time: Time


class Weekly(Wire):
    """A schedule: every week, on a day at a time."""

    frequency: Literal["weekly"]
    day_of_week: Weekday
    time: Time


class Monthly(Wire):
    """A schedule: every month that has the day, at a time."""

    frequency: Literal["monthly"]
    day_of_month: Annotated[int, Field(ge=1, le=31)]
    time: Time


class CronSchedule(Wire):
    """A schedule: the times of a cron expression."""

    frequency: Literal["cron"]
    expression: str


AnySchedule = EveryNMinutes | EveryNHours | Daily | Weekly | Monthly | CronSchedule


class CreateCronJobRequest(Wire):
    """A new schedule of a simulation."""

    simulation_id: str
    schedule: AnySchedule
    timezone: str | None = None
    enabled: bool | None = True


class CreateCronJobResponse(Wire):
    """A schedule that was created."""

    id: str
    simulation_id: str
    cron_expression: Expression
    enabled: bool | None = None


class UpdateCronJobResponse(CreateCronJobResponse):
    """A schedule that was changed."""

    created_at: str


class CronJobResponse(UpdateCronJobResponse):
    """A schedule."""

    timezone: Zone = "UTC"


class DeleteCronJobResponse(Wire):
    """A schedule that was deleted."""

    status: Literal["success", "error"]
    message: str


def _times(given: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a schedule about its times, after a change.

    Args:
        given: The fields of the request; its `schedule` is taken out.
        before: The fields so far.

    Raises:
        Refused: There is no such time or time zone, or the expression is not valid.
    """
    zone = given.get("timezone") or before.get("timezone") or "UTC"
    try:
        _zone(zone)
    except ValueError as error:
        raise Refused(f"timezone: {error}") from None
    schedule = given.pop("schedule", None)
    changed = {"timezone": zone}
    if schedule is not None:
        changed |= {"window": schedule.get("window"), "cron_expression": _expression(schedule)}
    after = {**before, **changed}
    if _next(after, datetime(2026, 1, 1, tzinfo=UTC)) is None:  # any moment far from the end of the calendar will do
        raise Refused("The schedule cannot be: it has no time in its window")
    return changed


def _next(fields: dict[str, Any], moment: datetime) -> datetime | None:
    """Return the first time of a schedule after a moment; None if there is none."""
    cron, zone = Cron.read(fields["cron_expression"]), _zone_named(fields.get("timezone") or "UTC")
    window = fields.get("window")
    begin = local = moment.astimezone(zone).replace(tzinfo=None)
    while (found := cron.after(local)) is not None:
        local = found
        if window is not None and local - begin > timedelta(days=8):
            return None
        # Where clocks are put back, a local time is there twice, and the first may be over.
        both = (found.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        due = next((one for one in both if one > moment), None)
        if due is not None and (window is None or _is_in(window, found)):
            return due
    return None


def _is_in(window: dict[str, Any], time: datetime) -> bool:
    """Return whether a local time is in a window, which may begin in the evening and end in the morning."""
    days = window["days"] or get_args(Weekday)
    begins, ends, at = window["start_time"], window["end_time"], f"{time:%H:%M}"
    is_at_that_time = begins <= at <= ends if begins <= ends else at >= begins or at <= ends
    return is_at_that_time and get_args(Weekday)[time.weekday()] in days


def _expression(schedule: dict[str, Any]) -> str:
    """Return the cron expression of a schedule.

    Raises:
        Refused: There is no such time, or the expression is not valid.
    """
    hour, _, minute = schedule.get("time", "").partition(":")
    at = f"{minute.removeprefix('0')} {hour.removeprefix('0')}"
    match schedule["frequency"]:
        case "every_n_minutes":
            expression = f"*/{schedule['interval']} * * * *"
        case "every_n_hours":
            expression = f"0 */{schedule['interval']} * * *"
        case "daily":
            expression = f"{at} * * *"
        case "weekly":
            expression = f"{at} * * {(get_args(Weekday).index(schedule['day_of_week']) + 1) % 7}"
        case "monthly":
            expression = f"{at} {schedule['day_of_month']} * *"
        case _:
            expression = schedule["expression"]
    try:
        Cron.read(expression)
    except ValueError as error:
        raise Refused(f"The schedule cannot be: {error}") from None
    return expression


def _create(world: World, organisation: str, request: CreateCronJobRequest) -> Entity:
    """Make a schedule, which begins with its next time."""
    fields = schedules.linked(world, organisation, as_fields(request))
    fields |= _times(fields, {})
    fields["enabled"] = fields["enabled"] is not False
    schedule = world.resources[SCHEDULES].add(organisation, fields)
    _plan(world, schedule)
    return schedule


def _plan(world: World, schedule: Entity) -> None:
    """Set the timer for the next time of a schedule, or none if it is not enabled."""
    due = None
    if schedule.fields["enabled"]:
        with suppress(OverflowError):  # after the last day of the calendar
            due = _next(schedule.fields, datetime_at(world.settle()))
    world.resources.schedule(schedule, None if due is None else instant_of(due))


def _run(world: World, schedule: Entity) -> None:
    """Queue a run, if that is possible, and set the timer for the next time."""
    simulation = world.resources.find("simulation", schedule.fields["simulation_id"], schedule.organisation)
    try:
        if simulation is not None:
            queue_run(world, simulation, {})
    except DomainError:
        pass  # for example, the agent was deleted; there is no caller to answer
    _plan(world, schedule)


SCHEDULES = Resource(
    "schedule",
    ids=uuid_ids,
    links=(Link("simulation_id", to="simulation", on_delete=OnDelete.CASCADE),),
    example={"simulation_id": "1", "schedule": {"frequency": "daily", "time": "09:00"}},
    on_timer=_run,
)
schedules = Operations(
    SCHEDULES,
    returns=CronJobResponse,
    values=lambda schedule: {"simulation_id": str(schedule.fields["simulation_id"])},
    new=_create,
    edited=_plan,
    id_type=str,
    stored=shape(
        "StoredSchedule",
        "A schedule.",
        simulation_id=int,
        cron_expression=Expression,
        window=(Window | None, None),
        timezone=(Zone | None, None),
        enabled=bool,
    ),
)

schedules.create("POST", "/v1/create-schedule", CreateCronJobRequest, returns=CreateCronJobResponse)
schedules.get("GET", "/v1/schedule/{schedule_id}")
schedules.list("GET", "/v1/schedules", returns=shape("CronJobsResponse", "Schedules.", schedules=list[CronJobResponse]))


@schedules.operation(
    "PUT",
    "/v1/update-schedule/{schedule_id}",
    takes=like(CreateCronJobRequest, "UpdateCronJobRequest", "A change of a schedule.", "schedule timezone enabled"),
    returns=UpdateCronJobResponse,
)
def update_schedule(call: ApiCall, schedule: Entity, request: Wire) -> Entity:
    """Change the times of a schedule, or enable or disable it."""
    given = not_null_fields(request)
    given |= _times(given, schedule.fields)
    schedules.change(call.world, schedule, given)
    _plan(call.world, schedule)
    return schedule


@schedules.operation("DELETE", "/v1/delete-schedule/{schedule_id}")
def delete_schedule(call: ApiCall, schedule: Entity) -> DeleteCronJobResponse:
    """Delete a schedule; the runs that it has queued go on."""
    call.world.resources.remove(schedule)
    return DeleteCronJobResponse(status="success", message="Schedule deleted")
