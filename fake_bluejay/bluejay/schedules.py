"""Schedules: each queues a run of a simulation at the times of its cron expression, in UTC, by the fake's clock.

`core.cron` reads the expression, in eighty lines, which spare the fake a dependency.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field

from fake_bluejay.bluejay.models.wire import Wire, shape
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


Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class EveryNMinutes(Wire):
    """A schedule: every so many minutes of an hour."""

    frequency: Literal["every_n_minutes"]
    interval: Annotated[int, Field(gt=0, le=59)]


class EveryNHours(Wire):
    """A schedule: every so many hours of a day."""

    frequency: Literal["every_n_hours"]
    interval: Annotated[int, Field(gt=0, le=23)]


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
    enabled: bool | None = True


class UpdateCronJobRequest(Wire):
    """A change of a schedule."""

    schedule: AnySchedule | None = None
    enabled: bool | None = None


class CreateCronJobResponse(Wire):
    """A schedule that was created."""

    id: str
    simulation_id: str
    cron_expression: Annotated[str, AfterValidator(_checked)]
    enabled: bool | None = None


class UpdateCronJobResponse(CreateCronJobResponse):
    """A schedule that was changed."""

    created_at: str


class CronJobResponse(UpdateCronJobResponse):
    """A schedule. Of its time zone, only the existence is documented."""

    timezone: str = "UTC"


class DeleteCronJobResponse(Wire):
    """A schedule that was deleted."""

    status: Literal["success", "error"]
    message: str


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
    fields["cron_expression"] = _expression(fields.pop("schedule"))
    fields["enabled"] = fields["enabled"] is not False
    schedule = world.resources[SCHEDULES].add(organisation, fields)
    _plan(world, schedule)
    return schedule


def _plan(world: World, schedule: Entity) -> None:
    """Set the timer for the next time of a schedule, or none if it is not enabled."""
    due = None
    if schedule.fields["enabled"]:
        due = Cron.read(schedule.fields["cron_expression"]).after(datetime_at(world.settle()))
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
    required={"enabled": bool},
    on_timer=_run,
)
schedules = Operations(
    SCHEDULES,
    returns=CronJobResponse,
    values=lambda schedule: {"simulation_id": str(schedule.fields["simulation_id"])},
    new=_create,
    edited=_plan,
    id_type=str,
)

schedules.create("POST", "/v1/create-schedule", CreateCronJobRequest, returns=CreateCronJobResponse)
schedules.get("GET", "/v1/schedule/{schedule_id}")
schedules.list("GET", "/v1/schedules", returns=shape("CronJobsResponse", "Schedules.", schedules=list[CronJobResponse]))


@schedules.operation("PUT", "/v1/update-schedule/{schedule_id}", returns=UpdateCronJobResponse)
def update_schedule(call: ApiCall, schedule: Entity, request: UpdateCronJobRequest) -> Entity:
    """Change the times of a schedule, or enable or disable it."""
    given = not_null_fields(request)
    if "schedule" in given:
        given["cron_expression"] = _expression(given.pop("schedule"))
    schedules.change(call.world, schedule, given)
    _plan(call.world, schedule)
    return schedule


@schedules.operation("DELETE", "/v1/delete-schedule/{schedule_id}")
def delete_schedule(call: ApiCall, schedule: Entity) -> DeleteCronJobResponse:
    """Delete a schedule; the runs that it has queued go on."""
    call.world.resources.remove(schedule)
    return DeleteCronJobResponse(status="success", message="Schedule deleted")
