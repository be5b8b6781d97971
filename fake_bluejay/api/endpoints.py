"""What each modelled endpoint does: from a validated request, through the world, to the answer in its own shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from fake_bluejay.api.models import EndConversationsRequest, EndConversationsResponse
from fake_bluejay.api.validation import Invalid, json_error, missing, read_body, validate_body
from fake_bluejay.core.clock import datetime_at
from fake_bluejay.core.readings import (
    AllFailedStatus,
    BadKeyAndBadBody,
    MissingKey,
    NoFailedIds,
    Readings,
    Success,
    TestResultIds,
    UnknownKey,
)
from fake_bluejay.core.records import Record
from fake_bluejay.core.world import Ending, World

__all__ = ["STATE", "Endpoint", "Refused", "end_conversations", "retrieve_simulation_result"]

STATE = "fake_bluejay"
"""The key under which a request's scope carries `(world, body)`."""


class Refused(Exception):
    """A request that is answered before its endpoint sees it."""

    def __init__(self, response: Response) -> None:
        self.response = response


@dataclass(slots=True)
class Call:
    """One request to an endpoint."""

    world: World
    scope: Scope
    headers: Headers
    body: Any
    unwritable: frozenset[int] = frozenset()
    """The test results whose control objects a fault keeps from being written."""

    def organisation(self, errors: list[dict[str, Any]]) -> str | None:
        """The caller's organisation; None if the key is unknown, which `refuse_unknown_key` answers.

        A missing key is one more of `errors`, or refused at once: a reading.
        """
        key = self.headers.get("x-api-key")
        readings = self.world.readings
        if key is None:
            if readings.missing_key is MissingKey.UNPROCESSABLE:
                errors.append(missing("header", str(readings.missing_key_name)))
                return None
            raise Refused(_MISSING_KEY[readings.missing_key]())
        organisation = self.world.organisation_of(key)
        if organisation is None and readings.bad_key_and_bad_body is BadKeyAndBadBody.KEY_FIRST:
            raise Refused(_UNKNOWN_KEY[readings.unknown_key]())
        return organisation


class Endpoint:
    """An ASGI application that answers one operation, all of it under the world's lock."""

    def __init__(self, answer: Callable[[Call], Response], *, has_body: bool) -> None:
        self._answer = answer
        self._has_body = has_body

    def answer(self, world: World, scope: Scope, content: bytes, unwritable: frozenset[int] = frozenset()) -> Response:
        """The answer to a request whose body is whole."""
        headers = Headers(scope=scope)
        try:
            body = read_body(headers, content) if self._has_body else None
            with world.lock:
                return self._answer(Call(world, scope, headers, body, unwritable))
        except Invalid as invalid:
            return invalid.response()
        except Refused as refused:
            return refused.response
        except HTTPException as error:
            return json_error(error.status_code, error.detail)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        world, content = scope[STATE]
        await self.answer(world, scope, content)(scope, receive, send)


def end_conversations(call: Call) -> Response:
    """`POST /v1/end-conversations`: mark running conversations, and say which were marked and which were not."""
    errors: list[dict[str, Any]] = []
    organisation = call.organisation(errors)
    request = validate_body(EndConversationsRequest, call.body, errors)
    if organisation is None:
        return _UNKNOWN_KEY[call.world.readings.unknown_key]()
    ending = call.world.plan_ending(organisation, request.test_result_ids, call.unwritable)
    response = _answer_to(ending, call.world.readings)
    call.world.carry_out(ending)
    return response


def _answer_to(ending: Ending, readings: Readings) -> Response:
    marked, failed = ending.marked, ending.failed
    if ending.forbidden:
        return json_error(403, "Forbidden")
    if not marked and readings.all_failed_status is not AllFailedStatus.OK:
        return json_error(int(readings.all_failed_status), "No conversation could be marked for ending")
    answer = EndConversationsResponse(
        success=(
            readings.success is Success.ALWAYS
            or (not failed if readings.success is Success.IF_NONE_FAILED else bool(marked))
        ),
        ended_count=len(marked),
        test_result_ids=marked if readings.test_result_ids is TestResultIds.MARKED else ending.processed,
        failed_ids=failed or (None if readings.no_failed_ids is NoFailedIds.NULL else []),
        # The wording is nowhere documented: ours, and nothing for a client to rely on.
        message=f"Marked {len(marked)} conversation(s) for ending" + (f", {len(failed)} failed" if failed else ""),
    )
    return Response(answer.__pydantic_serializer__.to_json(answer), media_type="application/json")


def retrieve_simulation_result(call: Call) -> Response:
    """`GET /v1/retrieve-simulation-result/{test_result_id}`: one test result, as clients poll it."""
    errors: list[dict[str, Any]] = []
    organisation = call.organisation(errors)
    if errors:
        raise Invalid(errors)
    if organisation is None:
        return _UNKNOWN_KEY[call.world.readings.unknown_key]()
    call.world.settle()
    text = call.scope["path_params"]["test_result_id"]
    record = call.world.results.get(int(text)) if text.isascii() and text.isdigit() else None
    if record is None or record.organisation != organisation:
        return json_error(404, "Simulation result not found")
    return JSONResponse({"simulation_result": _simulation_result(record), "status": "200"})


def _simulation_result(record: Record) -> dict[str, Any]:
    """The published fields of a simulation result, in the published order."""
    fields = record.fields
    duration = fields.get("duration")
    if duration is None and record.start_time is not None and record.end_time is not None:
        duration = (record.end_time - record.start_time) // 1000  # documented: milliseconds
    return {
        "id": record.id,
        "digital_human_id": fields.get("digital_human_id", 1),
        "result": fields.get("result"),
        "duration": duration,
        "start_time": _time(record.start_time),
        "end_time": _time(record.end_time),
        "custom_metrics": fields.get("custom_metrics"),
        "status": str(record.status),
        "latency": fields.get("latency"),
        "events": fields.get("events"),
        "transcript_url": fields.get("transcript_url"),
        "audio_url": fields.get("audio_url"),
        "evaluations": fields.get("evaluations"),
        "tool_calls": fields.get("tool_calls"),
    }


def _time(instant: int | None) -> str | None:
    return None if instant is None else datetime_at(instant).isoformat().replace("+00:00", "Z")


_MISSING_KEY: dict[MissingKey, Callable[[], Response]] = {
    MissingKey.UNAUTHORIZED: lambda: json_error(401, "Missing API key"),
    MissingKey.FORBIDDEN: lambda: json_error(403, "Not authenticated"),
}
_UNKNOWN_KEY: dict[UnknownKey, Callable[[], Response]] = {
    UnknownKey.UNAUTHORIZED_ERROR_AND_DETAIL: lambda: JSONResponse(
        {"error": "Unauthorized", "detail": "Invalid API key"}, status_code=401
    ),
    UnknownKey.UNAUTHORIZED_DETAIL: lambda: json_error(401, "Invalid API key"),
    UnknownKey.FORBIDDEN: lambda: json_error(403, "Invalid API key"),
}
