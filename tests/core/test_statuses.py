"""The table of statuses and the table of moves agree, and what is said of a status is what the documentation says."""

import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.calls import Call
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
def test_moves_lead_only_out_of_statuses_in_progress(status: Status) -> None:
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


PROVIDERS = ("ELEVEN_LABS", "RETELL", "VAPI")
PUBLISHED_CODES = {
    "NO_CONNECTION": {
        *(f"{provider}_AUTH_FAILED" for provider in (*PROVIDERS, "WEBSOCKET")),
        *(f"MISSING_{provider}_INTEGRATION" for provider in (*PROVIDERS, "PIPECAT")),
        "NO_PIPECAT_AGENT_NAME",
        "MISSING_ELEVEN_LABS_AGENT_ID",
        "MISSING_RETELL_AGENT_ID",
        "MISSING_VAPI_ASSISTANT_ID",
        *(f"{provider}_INTEGRATION_DECRYPT_FAILED" for provider in PROVIDERS),
        *(f"{provider}_BRIDGE_CONNECT_FAILED" for provider in PROVIDERS),
        *(f"{provider}_SESSION_SETUP_FAILED" for provider in (*PROVIDERS, "LIVEKIT")),
        "UNUSABLE_CALLER_ID",
        "INVALID_PHONE_NUMBER",
        "INVALID_SIP_DESTINATION",
        "SIP_DIAL_FAILED",
        "CUSTOMER_CONCURRENCY_LIMIT",
        "BRIDGE_PRE_START_FAILED",
        "NO_CONNECTION_TYPE",
        "OUTBOUND_TRIGGER_FAILED",
        "DYNAMIC_ENDPOINT_FAILED",
    },
    "NO_ANSWER": {
        "NO_ANSWER",
        "CALL_REJECTED",
        "AGENT_HUNG_UP_BEFORE_SPEECH",
        "INBOUND_NO_INCOMING_CALL",
        "STEP_NO_ACTIVITY",
    },
    "CALL_DROPPED": {
        *(f"{provider}_AGENT_ERROR" for provider in PROVIDERS),
        *(f"{provider}_AGENT_START_FAILED" for provider in PROVIDERS),
        *(f"{provider}_MONITORING_ERROR" for provider in PROVIDERS),
        "PIPECAT_CONNECTION_FAILED",
        "BRIDGE_DISCONNECTED",
    },
    "OUT_OF_FUNDS": {"INSUFFICIENT_BALANCE"},
    "SYSTEM_ERROR": {
        "HYDRATION_FAILED",
        "EVAL_HYDRATION_FAILED",
        "EVAL_NO_TRANSCRIPT",
        "EVAL_AUDIO_CONVERSION_FAILED",
        "EVAL_PIPELINE_FAILED",
        "RECORDING_URL_FAILED",
        "EVAL_QUEUE_FAILED",
        "END_SIGNAL_TIMEOUT",
        "AGENT_WORKER_LOST",
        "SIP_TRUNK_RECYCLED",
        "DB_WRITE_FAILED",
        "EMAIL_SENDER_MISMATCH",
        "UNKNOWN",
        "UNKNOWN_LEGACY",
    },
    "CUSTOM_ERROR": {"CUSTOM_ERROR"},
    "CANCELLED": {"USER_CANCELLED", "STEP_SKIPPED"},
}
"""Status → the error codes that the documentation's page on simulation results has of it (September 2026), and those of
the pages on outbound trigger webhooks and on dynamic SIP webhooks."""


def test_each_status_has_the_published_error_codes() -> None:
    assert {status: set(row.error_codes) for status, row in STATUSES.items() if row.error_codes} == PUBLISHED_CODES
    assert sorted(error_codes()) == sorted(code for codes in PUBLISHED_CODES.values() for code in codes)


END_OF = {
    "NO_CONNECTION": "no_connection",
    "NO_ANSWER": "no_answer",
    "CALL_DROPPED": "dropped",
    "OUT_OF_FUNDS": "out_of_funds",
    "SYSTEM_ERROR": "system_error",
    "CUSTOM_ERROR": "custom_error",
}
"""Status → the end of a script that leads to it; nothing but a request or a test cancels a call."""


@pytest.mark.parametrize(
    ("status", "code"), [(status, code) for status in END_OF for code in sorted(PUBLISHED_CODES[status])]
)
def test_a_call_can_end_with_each_published_error_code(status: str, code: str) -> None:
    with FakeBluejay() as fake:
        fake.readings.set(error_code_in="own-field")
        fake.calls.next(Call(end=END_OF[status], error_code=code))
        [result] = fake.queue_run(fake.add_simulation()).test_results
        fake.clock.advance(600)
        with fake.client(headers={"X-API-Key": fake.api_key}) as client:
            answer = client.get(f"/v1/retrieve-simulation-result/{result.id}").json()["simulation_result"]
        assert (result.status, result.error_code, answer["status"], answer["error_code"]) == (status, code) * 2


@pytest.mark.parametrize("text", ["EVALUATION_PENDING", "Evaluation Pending"])
def test_a_label_is_no_status_and_the_message_names_the_status(text: str) -> None:
    with pytest.raises(ValueError, match=f"'{text}' is a label; the status is CONVERSATION_ENDED"):
        FakeBluejay().add_test_result(status=text)
