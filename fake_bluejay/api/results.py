"""Simulation results, as clients poll them."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException

from fake_bluejay.api.models.results import SingleSimulationResultResponse
from fake_bluejay.api.operation import Call, Operation, as_id
from fake_bluejay.core.clock import datetime_at
from fake_bluejay.core.records import Record

__all__ = ["OPERATIONS"]


def retrieve_simulation_result(call: Call) -> Any:
    """One test result. An unknown id is 404, as public clients rely on."""
    call.world.settle()
    id = as_id(call.parameters["test_result_id"])
    record = None if id is None else call.world.results.get(id)
    if record is None or record.organisation != call.organisation:
        raise HTTPException(404, "Simulation result not found")
    return {"simulation_result": _simulation_result(record)}


def _simulation_result(record: Record) -> dict[str, Any]:
    fields = record.fields
    duration = fields.get("duration")
    if duration is None and record.start_time is not None and record.end_time is not None:
        duration = (record.end_time - record.start_time) // 1000  # documented: milliseconds
    return {
        **fields,
        "id": record.id,
        "digital_human_id": fields.get("digital_human_id", 1),
        "duration": duration,
        "start_time": None if record.start_time is None else datetime_at(record.start_time),
        "end_time": None if record.end_time is None else datetime_at(record.end_time),
        "status": str(record.status),
    }


OPERATIONS = [
    Operation(
        "GET",
        "/v1/retrieve-simulation-result/{test_result_id}",
        retrieve_simulation_result,
        returns=SingleSimulationResultResponse,
    ),
]
