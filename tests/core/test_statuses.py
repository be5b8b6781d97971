"""The table of statuses and the table of moves agree, and what is said of a status is what the documentation says."""

import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.core.readings import StatusWords
from fake_bluejay.core.statuses import STATUSES, TRANSITIONS, Event, Group, Status, error_codes, is_final
from fake_bluejay.core.test_results import Record

OLDER = {
    "INITIALIZING",
    "QUEUED",
    "READY",
    "DISPATCHED",
    "RUNNING",
    "CONVERSATION_ENDED",
    "EVALUATING",
    "COMPLETED",
    "INCOMPLETED",
    "REJECTED",
    "INSUFFICIENT_FUNDS",
}
"""The enum of the OpenAPI of 30 April 2026."""


def test_every_status_has_a_row() -> None:
    assert list(STATUSES) == list(Status)


@pytest.mark.parametrize("status", Status)
def test_moves_lead_out_of_what_is_in_progress_and_of_nothing_else(status: Status) -> None:
    leads_out = any(from_ is status and event is not Event.RE_EVALUATE for from_, event in TRANSITIONS)
    assert leads_out != is_final(status)


@pytest.mark.parametrize("status", Status)
def test_the_older_words_are_of_the_older_enum(status: Status) -> None:
    record = Record(1, "default", status, None, 0, {})
    assert record.wire_status(StatusWords.OPENAPI) in OLDER
    assert record.wire_status(StatusWords.DOCUMENTATION) == status


def test_only_a_failure_or_a_cancelled_call_has_an_error_code() -> None:
    fake = FakeBluejay()
    with_code = {str(status) for status in Status if fake.add_test_result(status=status).error_code is not None}
    failures = {str(status) for status, row in STATUSES.items() if row.group is Group.FAILURE}
    assert with_code == failures - {"INCOMPLETED", "REJECTED", "INSUFFICIENT_FUNDS"} | {"CANCELLED"}


def test_the_documented_codes_are_known_each_once() -> None:
    codes = error_codes()
    assert len(codes) == len(set(codes)) == 63
    assert STATUSES[Status.CALL_DROPPED].error_codes[:2] == ("BRIDGE_DISCONNECTED", "PIPECAT_CONNECTION_FAILED")
    assert {"LIVEKIT_SESSION_SETUP_FAILED", "MISSING_PIPECAT_INTEGRATION", "WEBSOCKET_AUTH_FAILED"} <= {
        *STATUSES[Status.NO_CONNECTION].error_codes
    }


@pytest.mark.parametrize("text", ["EVALUATION_PENDING", "Evaluation Pending"])
def test_a_label_is_no_status_and_the_message_names_the_status(text: str) -> None:
    with pytest.raises(ValueError, match=f"'{text}' is a label; the status is CONVERSATION_ENDED"):
        FakeBluejay().add_test_result(status=text)
