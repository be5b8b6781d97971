"""`POST /v1/end-conversations`: the call this fake was first made for."""

from __future__ import annotations

from starlette.responses import Response

from fake_bluejay.bluejay.models.conversations import EndConversationsRequest, EndConversationsResponse
from fake_bluejay.core.readings import AllFailedStatus, NoFailedIds, Readings, Success, TestResultIds
from fake_bluejay.core.world import Ending
from fake_bluejay.http.errors import json_error
from fake_bluejay.http.operation import ApiCall, Operation


def end_conversations(call: ApiCall) -> Response | EndConversationsResponse:
    """Mark running conversations for ending, and say which were marked and which were not."""
    ending = call.world.plan_ending(call.organisation, call.request.test_result_ids)
    if unwritable := call.unwritable(ending.marked):
        ending = call.world.plan_ending(call.organisation, call.request.test_result_ids, unwritable)
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


OPERATIONS = [
    Operation(
        "POST",
        "/v1/end-conversations",
        end_conversations,
        takes=EndConversationsRequest,
        returns=EndConversationsResponse,
    ),
]
