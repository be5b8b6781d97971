"""`POST /v1/end-conversations`: the call this fake was first made for."""

from __future__ import annotations

from pydantic import Field
from starlette.responses import Response

from fake_bluejay.bluejay.models.wire import Wire
from fake_bluejay.bluejay.resources import Operations
from fake_bluejay.core.readings import AllFailedStatus, NoFailedIds, Readings, Success, TestResultIds
from fake_bluejay.core.world import Ending
from fake_bluejay.http.errors import json_error
from fake_bluejay.http.operation import ApiCall


class EndConversationsRequest(Wire):
    """The conversations to end: at least one test result's id."""

    test_result_ids: list[int] = Field(min_length=1)


class EndConversationsResponse(Wire):
    """The conversations that were marked, and those that were not. The order of the fields is the published one."""

    success: bool
    ended_count: int
    test_result_ids: list[int]
    failed_ids: list[int] | None = None
    message: str


operations = Operations()


@operations.operation("POST", "/v1/end-conversations", returns=EndConversationsResponse)
def end_conversations(call: ApiCall, request: EndConversationsRequest) -> Response | EndConversationsResponse:
    """Mark running conversations for ending, and say which were marked and which were not."""
    ids = request.test_result_ids
    ending = call.world.plan_ending(call.organisation, ids)
    if call.unwritable and (unwritable := call.unwritable(ending.marked)):
        ending = call.world.plan_ending(call.organisation, ids, unwritable)
    answer = _answer_to(ending, call.world.readings)
    call.world.carry_out(ending)
    return answer


def _answer_to(ending: Ending, readings: Readings) -> Response | EndConversationsResponse:
    marked, failed = ending.marked, ending.failed
    if ending.forbidden:
        return json_error(403, "Forbidden")
    if not marked and readings.all_failed_status is not AllFailedStatus.OK:
        return json_error(int(readings.all_failed_status), "No conversation could be marked for ending")
    return EndConversationsResponse(
        success=(
            readings.success is Success.ALWAYS
            or (not failed if readings.success is Success.IF_NONE_FAILED else bool(marked))
        ),
        ended_count=len(marked),
        test_result_ids=marked if readings.test_result_ids is TestResultIds.MARKED else ending.processed,
        failed_ids=failed or (None if readings.no_failed_ids is NoFailedIds.NULL else []),
        # No documentation has the wording: it is this project's, and clients must not rely on it.
        message=f"Marked {len(marked)} conversation(s) for ending" + (f", {len(failed)} failed" if failed else ""),
    )
