"""Runs of a simulation: queueing one, by any medium, and its state and results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field

from fake_bluejay.bluejay.models.runs import (
    DeleteSimulationRunResponse,
    GetSimulationRunsResponse,
    HttpSimulationRunRequest,
    SimulationResultsResponse,
    SimulationRunRequest,
    SimulationRunRequestUsingBACId,
    SimulationRunResponse,
    SimulationRunStatus,
    SmsSimulationRunRequest,
    SmsSimulationRunResponse,
)
from fake_bluejay.bluejay.resources import Operations, check_version, not_null_fields
from fake_bluejay.bluejay.results import owned, simulation_result
from fake_bluejay.core.clock import END, datetime_at, microseconds
from fake_bluejay.core.errors import Refused
from fake_bluejay.core.readings import (
    Contract,
    ListedResults,
    PersonalityCalls,
    RunStatus,
    RunWithoutCalls,
    TestsFailed,
    TestsIncompleted,
)
from fake_bluejay.core.resources import Entity
from fake_bluejay.core.runs import DEFAULT_LONGEST, DEFAULT_RINGING, Run, Tally, tally
from fake_bluejay.core.statuses import Event, Status
from fake_bluejay.core.test_results import Record
from fake_bluejay.core.webhooks import check_url
from fake_bluejay.core.world import World
from fake_bluejay.http.operation import ApiCall, Parameter

MOST_CALLS = 100_000
"""The most calls of one run: this project's limit, so that a mistyped number does not use up the memory."""


operations = Operations()


@operations.operation("POST", "/v1/queue-email-simulation-run", takes=HttpSimulationRunRequest)
@operations.operation("POST", "/v1/queue-http-text-simulation-run", takes=HttpSimulationRunRequest)
@operations.operation("POST", "/v1/queue-simulation-run", takes_under={Contract.OPENAPI: SimulationRunRequest})
def queue_simulation_run(
    call: ApiCall, request: SimulationRunRequestUsingBACId | SimulationRunRequest
) -> SimulationRunResponse:
    """Queue a run: a call for each repetition, personality and journey step of each digital human."""
    return SimulationRunResponse(**_queued(call, request))


@operations.operation("POST", "/v1/queue-sms-simulation-run")
def queue_sms_simulation_run(call: ApiCall, request: SmsSimulationRunRequest) -> SmsSimulationRunResponse:
    """Queue a run of text messages and, if the request says so, end overlapping conversations before it."""
    if not request.terminate_overlapping_simulations:
        return SmsSimulationRunResponse(**_queued(call, request))
    overlapping = _running(call)
    queued = _queued(call, request)
    run = call.world.runs[int(queued["simulation_run_id"])]
    wanted = {_numbers(call.world, call.world.results[id]) for id in run.result_ids} - {None}
    terminated = [record for record in overlapping if _numbers(call.world, record) in wanted]
    for record in terminated:
        call.world.change(record.id, Event.END, "api")
    # Published is only a list of objects; the name of the id is ours.
    return SmsSimulationRunResponse(
        **queued, terminated_conversations=[{"simulation_result_id": record.id} for record in terminated]
    )


def _running(call: ApiCall) -> list[Record]:
    """Return the running conversations of the caller's organisation."""
    call.world.settle()
    return [
        record
        for record in call.world.results.values()
        if record.status is Status.RUNNING and record.organisation == call.organisation
    ]


def _numbers(world: World, record: Record) -> tuple[str, str] | None:
    """Return the two phone numbers of a conversation; None if one of them is not known.

    The agent's number is the one that its run was queued with, or the agent's own. A digital human writes from its
    number for texts, or else from its only one.
    """
    find, run = world.resources.find, record.run
    human = find("digital human", record.digital_human_id, record.organisation)
    if run is None or human is None:
        return None
    agent = find("agent", run.agent_id, record.organisation)
    agents = run.fields.get("phone_number") or (agent and agent.fields.get("phone_number"))
    humans = human.fields.get("outbound_text_number") or human.fields.get("phone_number")
    return (agents, humans) if agents and humans else None


def _queued(call: ApiCall, request: BaseModel) -> dict[str, Any]:
    check_version(request)
    fields = not_null_fields(request)
    return queued_answer(queue_run(call.world, _simulation(call, fields), fields))


def queued_answer(run: Run) -> dict[str, Any]:
    """Return the answer about a run that was queued."""
    return {
        "simulation_run_id": str(run.id),
        "simulation_result_ids": [str(id) for id in run.result_ids],
        "agent_id": str(run.agent_id),
    }


def _simulation(call: ApiCall, fields: Mapping[str, Any]) -> Entity:
    if "simulation_id" in fields:
        return call.require("simulation", fields["simulation_id"])
    code_id = fields.get("bluejay_as_code_id")
    return call.world.resources.require_by("simulation", call.organisation, "bluejay_as_code_id", code_id)


def queue_run(world: World, simulation: Entity, fields: dict[str, Any]) -> Run:
    """Queue a run with the fields of a request. Raises `NotFound` for an unknown digital human."""
    settings = simulation.fields
    agent = world.resources.require("agent", settings["agent_id"], simulation.organisation)
    asked_for = fields.get("digital_human_ids")
    if asked_for is None:
        humans = world.resources.of("digital human", simulation.organisation, simulation_ids=simulation.id)
    else:
        humans = [world.resources.require("digital human", id, simulation.organisation) for id in asked_for]
    minutes = settings.get("max_call_duration_units") != "seconds"
    personalities = len(settings.get("personality_ids") or ())
    if not personalities or world.readings.personality_calls is PersonalityCalls.ITSELF_TOO:
        personalities += 1
    called = []
    for human in humans:
        steps, times = len(human.fields.get("journey_steps") or ()), _repetitions(human, settings, fields)
        # Documented: a customer journey keeps its number of steps, whatever the personalities.
        called.append((human, times, steps) if steps else (human, times * personalities, 1))
    if not called and world.readings.run_without_calls is RunWithoutCalls.BAD_REQUEST:
        raise Refused("The simulation has no digital humans")
    if sum(times * steps for _, times, steps in called) > MOST_CALLS:
        raise Refused(f"The fake runs at most {MOST_CALLS:,} calls at once")
    return world.queue_run(
        simulation,
        called,
        {name: value for name, value in fields.items() if name not in _NOT_OF_A_RUN},
        slots=1 if settings.get("sequential_calling") else settings.get("max_concurrent"),
        longest=_length(settings.get("max_call_duration"), DEFAULT_LONGEST, 60 if minutes else 1),
        ringing=_length(settings.get("ringing_timeout"), DEFAULT_RINGING),
        inbound=agent.fields.get("type") == "OUTBOUND",
        trigger=_trigger(world, agent),
    )


def _trigger(world: World, agent: Entity) -> str | None:
    """Return the URL of an outbound agent that is told of each call to make; None if it has none.

    Ours: a URL to which nothing may be sent counts as none, and the call goes on as if it had answered.
    """
    url: str | None = agent.fields.get("outbound_trigger_webhook_url")
    if not url or agent.fields.get("type") != "OUTBOUND":
        return None
    try:
        check_url(url, anywhere=world.webhooks_anywhere)
    except ValueError:
        return None
    return url


def _length(given: int | None, default: int, unit: int = 1) -> int:
    """Return a limit of a simulation in microseconds, between 0 and the end of time; `unit` is its unit in seconds."""
    return default if given is None else min(max(0, microseconds(given * unit)), END)


def _repetitions(human: Entity, settings: Mapping[str, Any], fields: Mapping[str, Any]) -> int:
    """Return the number of repetitions of a digital human: the closest setting counts; without any, it is 1.

    A digital human's own `num_runs` has a default, which is not stored and does not count. A change to a simulation may
    store anything as `num_runs` (as published); a value that is no integer does not count either.
    """
    own = human.fields.get("num_runs")
    shared = (settings.get("digital_humans_settings") or {}).get("num_runs")
    shared = shared if isinstance(shared, int) else None
    sources = (fields.get("runs_per_digital_human"), own, settings.get("runs_per_digital_human"))
    return max(0, next((times for times in (*sources, shared) if times is not None), 1))


@operations.operation(
    "GET",
    "/v1/retrieve-simulation-results/{simulation_run_id}",
    query={
        "limit": Parameter(Annotated[int, Field(ge=1, le=100)], 100),
        "offset": Parameter(Annotated[int, Field(ge=0)], 0),
        "issue_ids": Parameter(list[str] | None, None, many=True),
    },
    returns=SimulationResultsResponse,
)
def retrieve_simulation_results(
    call: ApiCall, simulation_run_id: str, limit: int, offset: int, issue_ids: list[str] | None
) -> dict[str, Any]:
    """Return a run and a page of its results, the oldest first. Clients poll it."""
    run = _run(call, simulation_run_id)
    world = call.world
    records = [world.results[id] for id in run.result_ids]
    if world.readings.contract is Contract.DOCS:  # the older contracts have no pages
        if issue_ids is not None:
            # A test has linked results to issues; the fake finds none by itself.
            records = [one for one in records if not set(issue_ids).isdisjoint(one.fields.get("issue_ids") or ())]
        records = records[offset : offset + limit]
    brief = world.readings.listed_results is ListedResults.BRIEF
    return {
        "simulation_run": {"id": str(run.id), "simulation_id": str(run.simulation_id), **_state(world, run)},
        "simulation_results": [
            {**simulation_result(record, call), **(_NOT_LISTED if brief else {})} for record in records
        ],
    }


@operations.operation("GET", "/v1/get-simulation-runs/{simulation_id}", returns=GetSimulationRunsResponse)
def get_simulation_runs(call: ApiCall, simulation_id: str) -> dict[str, Any]:
    """List the runs of a simulation, the oldest first."""
    world = call.world
    simulation = call.require("simulation", simulation_id)
    world.settle()
    runs = [run for run in world.runs.values() if run.simulation_id == simulation.id]
    return {
        "simulation_runs": [
            {
                "id": run.id,
                "experiment_id": simulation.id,
                **_state(world, run),
                "phone_number": run.fields.get("phone_number"),
            }
            for run in runs
        ]
    }


@operations.operation("POST", "/v1/check-queue-simulation-run/{simulation_run_id}")
def check_queue_simulation_run(call: ApiCall, simulation_run_id: int) -> dict[str, Any]:
    """Return the queueing state of a run. The published answer has no shape; ours names the run and its status."""
    run = _run(call, simulation_run_id)
    return {"simulation_run_id": str(run.id), "status": _state(call.world, run)["status"]}


@operations.operation("DELETE", "/v1/simulation-run/{simulation_run_id}")
def delete_simulation_run(call: ApiCall, simulation_run_id: int) -> DeleteSimulationRunResponse:
    """Delete a run with its test results."""
    run = _run(call, simulation_run_id)
    call.world.remove_run(run.id)
    return DeleteSimulationRunResponse(message="Simulation run deleted", deleted_simulation_run_id=run.id)


def _run(call: ApiCall, id: object) -> Run:
    return owned(call.world, call.world.runs, "run", call.organisation, id)


def _state(world: World, run: Run) -> dict[str, Any]:
    """Return the common part of both shapes of a run: its status and its counters, as they are now."""
    counted = tally(world.results[id] for id in run.result_ids)
    readings = world.readings
    scored_only = readings.tests_failed is TestsFailed.SCORED_ONLY
    state = {
        "status": run_status(counted, readings.run_status),
        "total_tests": counted.total,
        "tests_passed": counted.passed,
        "tests_failed": counted.not_passed if scored_only else counted.failed,
        "tests_completed": counted.completed,
        "created_at": datetime_at(run.created_at),
    }
    if readings.tests_incompleted is not TestsIncompleted.ABSENT:
        otherwise = readings.tests_incompleted is TestsIncompleted.ENDED_OTHERWISE
        state["tests_incompleted"] = counted.ended_otherwise if otherwise else counted.total - counted.completed
    return state


def run_status(counted: Tally, reading: RunStatus) -> SimulationRunStatus:
    """Return the status of a run with these counts."""
    by_calls = reading is RunStatus.BY_ITS_CALLS
    if not counted.is_over:
        return SimulationRunStatus.RUNNING if counted.begun or not by_calls else SimulationRunStatus.INITIALIZING
    if not by_calls or counted.completed or not counted.total:
        return SimulationRunStatus.COMPLETED
    unfunded = counted.unfunded == counted.total
    return SimulationRunStatus.INSUFFICIENT_FUNDS if unfunded else SimulationRunStatus.INCOMPLETED


_NOT_OF_A_RUN = ("simulation_id", "bluejay_as_code_id", "digital_human_ids")
"""The fields of a request that select the simulation and the digital humans."""

_NOT_LISTED = {"tool_calls": None, "metrics": None}
"""The fields that a brief result in a list does not show."""
