"""Simulation results: clients poll them, add to them, and ask for a new evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from fake_bluejay.bluejay.matching import find_by_time
from fake_bluejay.bluejay.models.results import (
    DeleteSimulationResultResponse,
    ReEvaluateSimulationResultResponse,
    SimulationResultResponse,
    SingleSimulationResultResponse,
    UpdateSimulationResponse,
    UpdateSimulationResultRequest,
    UpdateSimulationResultRequestById,
)
from fake_bluejay.bluejay.resources import Operations, changes
from fake_bluejay.core.clock import datetime_at
from fake_bluejay.core.errors import Foreign, NotFound, Refused
from fake_bluejay.core.readings import Contract, ErrorCodeIn, ReEvaluateUnfinished, ReportedLater, ResultMetrics
from fake_bluejay.core.resources import int_ids
from fake_bluejay.core.runs import Run
from fake_bluejay.core.scoring import built_in_metrics, custom_metrics, evaluations, is_scored, tool_calls, transcript
from fake_bluejay.core.statuses import Event, Status
from fake_bluejay.core.test_results import Record
from fake_bluejay.core.world import World
from fake_bluejay.http.operation import ApiCall

_TRANSCRIPTS = "/fake/transcripts"
"""The path of transcripts, to which `transcript_url` leads; it is made up."""

operations = Operations()


@operations.operation("GET", "/v1/retrieve-simulation-result/{test_result_id}", returns=SingleSimulationResultResponse)
def retrieve_simulation_result(call: ApiCall, test_result_id: str) -> dict[str, Any]:
    """Return a test result. An unknown id is 404, as public clients rely on."""
    record = find_result(call.world, call.organisation, test_result_id)
    return {"simulation_result": simulation_result(record, call)}


@operations.operation(
    "POST",
    "/v1/update-simulation-result",
    takes_under=dict.fromkeys((Contract.SDK, Contract.OPENAPI), UpdateSimulationResultRequestById),
)
def update_simulation_result(call: ApiCall, request: UpdateSimulationResultRequest) -> UpdateSimulationResponse:
    """Add the customer's data to a conversation, which is found by its id, or else by its time."""
    if request.simulation_result_id is not None:
        record = find_result(call.world, call.organisation, request.simulation_result_id)
    else:
        record = find_by_time(call.world, call.organisation, request)
    reported = changes(request, call.world.readings, never_null=_IDENTIFYING)
    for name in _IDENTIFYING:
        reported.pop(name, None)
    if call.world.readings.reported_later is ReportedLater.ADDS:
        reported = {name: _added(record.fields.get(name), value, name) for name, value in reported.items()}
    call.world.edit(record.id, fields=reported)
    return UpdateSimulationResponse()


_IDENTIFYING = ("simulation_result_id", "start_time", "end_time", "duration")
"""The fields that identify the conversation of a report."""


def _added(before: Any, reported: Any, name: str) -> Any:
    """Return a reported value together with the earlier ones; a tag or a trace occurs once."""
    if not before or reported is None:
        return reported
    if isinstance(reported, dict):
        return {**before, **reported}
    if name == "recorded_transcript":  # the latest transcript counts
        return reported
    return [*before, *(one for one in reported if name not in ("tags", "trace_ids") or one not in before)]


@operations.operation("POST", "/v1/re-evaluate-simulation-result/{simulation_result_id}")
def re_evaluate_simulation_result(call: ApiCall, simulation_result_id: int) -> ReEvaluateSimulationResultResponse:
    """Evaluate a conversation again: it is EVALUATING from now on, and COMPLETED a while later."""
    record = find_result(call.world, call.organisation, simulation_result_id)
    if record.status is Status.COMPLETED:
        call.world.change(record.id, Event.RE_EVALUATE, "api")
    elif call.world.readings.re_evaluate_unfinished is ReEvaluateUnfinished.BAD_REQUEST:
        raise Refused("Only a completed simulation result can be evaluated again")
    return ReEvaluateSimulationResultResponse(
        status="success", simulation_result_id=record.id, message="Evaluation queued"
    )


@operations.operation("DELETE", "/v1/simulation-result/{simulation_result_id}")
def delete_simulation_result(call: ApiCall, simulation_result_id: int) -> DeleteSimulationResultResponse:
    """Delete a test result."""
    record = find_result(call.world, call.organisation, simulation_result_id)
    call.world.remove_test_result(record.id)
    return DeleteSimulationResultResponse(message="Simulation result deleted", deleted_simulation_result_id=record.id)


@operations.operation("GET", f"{_TRANSCRIPTS}/{{test_result_id}}.json", returns=list[dict[str, Any]], needs_key=False)
def retrieve_transcript(call: ApiCall, test_result_id: str) -> list[Mapping[str, Any]]:
    """Return the transcript of a test result.

    Bluejay has no such endpoint: our `transcript_url` leads here, and needs no key.
    """
    call.world.settle()
    id: Any = int_ids.read(test_result_id)
    record = call.world.results.get(id)
    if record is None or not is_scored(record):
        raise NotFound("Transcript not found")
    return transcript(record)


def find_result(world: World, organisation: str, id: object) -> Record:
    """Return a simulation result that the organisation can see.

    Raises:
        NotFound: There is no result with this id.
        Foreign: It is another organisation's.
    """
    return owned(world, world.results, "result", organisation, id)


_Owned = TypeVar("_Owned", Record, Run)


def owned(world: World, held: Mapping[Any, _Owned], name: str, organisation: str, id: object) -> _Owned:
    """Return the result or the run of a simulation that has this id. Raises as `find_result` does."""
    world.settle()
    one = held.get(int_ids.read(id))
    if one is None:
        raise NotFound(f"Simulation {name} not found")
    if one.organisation != organisation:
        raise Foreign(name, f"Simulation {name} not found")
    return one


def simulation_result(record: Record, call: ApiCall) -> dict[str, Any]:
    """Return a test result in the published shape of a simulation result."""
    world, fields, readings = call.world, record.fields, call.world.readings
    result, given = fields.get("result"), fields.get("custom_metrics")
    built_in = readings.result_metrics is ResultMetrics.BUILT_IN
    metrics = built_in_metrics(record, world.seed) if built_in else custom_metrics(record)
    transcript_url = call.own_url(f"{_TRANSCRIPTS}/{record.id}.json") if is_scored(record) else None
    answer: dict[str, Any] = {name: fields.get(name) for name in SimulationResultResponse.model_fields}
    answer |= {
        "id": record.id,
        "digital_human_id": record.digital_human_id,
        "duration": record.duration,
        "start_time": None if record.start_time is None else datetime_at(record.start_time),
        "end_time": None if record.end_time is None else datetime_at(record.end_time),
        "status": record.wire_status(readings.status_words),
        "transcript_url": fields.get("transcript_url") or transcript_url,
        "evaluations": evaluations(record, world.seed),
        "tool_calls": _compared(_expected(record, world), tool_calls(record)),
        "custom_metrics": custom_metrics(record) if given is None else given,
        "metrics": fields.get("metrics") or metrics,
    }
    code = record.error_code
    if code is not None and readings.error_code_in is not ErrorCodeIn.NOWHERE:
        if readings.error_code_in is ErrorCodeIn.RESULT:
            answer["result"] = {**(result or {}), "error_code": code}
        else:
            answer["error_code"] = code
    return answer


def _expected(record: Record, world: World) -> list[dict[str, Any]]:
    human = world.resources.find("digital human", record.digital_human_id, record.organisation)
    return [] if human is None else human.fields.get("expected_tool_calls") or []


def _compared(
    expected: Iterable[Mapping[str, Any]], actual: Iterable[Mapping[str, Any]] | None
) -> list[Mapping[str, Any]] | None:
    """Return the tool calls by tool, the expected beside the actual ones; None without either."""
    groups: dict[str, Any] = {}
    for side, calls in (("expected", expected), ("actual", actual or ())):
        for one in calls:
            group = {"name": one["name"], "expected": [], "actual": []}
            if "expected" in one or "actual" in one:  # a test has given them in the answer's form
                given = {part: list(one.get(part) or ()) for part in ("expected", "actual")}
                groups[one["name"]] = {**group, **given}
            else:
                groups.setdefault(one["name"], group)[side].append(one)
    return list(groups.values()) or (None if actual is None else [])
