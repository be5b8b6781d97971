"""The texts that stand for enum members, as types: a type checker finds a typo in one.

A type checker cannot read these out of the enums, so they are listed again; a test compares the two.
"""

from __future__ import annotations

from typing import Literal, TypedDict

from fake_bluejay.core import readings
from fake_bluejay.core.behaviors import Agent
from fake_bluejay.core.statuses import Event, Status

__all__ = ["AgentChoice", "AlertEvent", "EventChoice", "ReadingChoices", "StatusChoice", "WebhookEvent"]

AgentChoice = Agent | Literal["silent"]
"""A behaviour of the simulated agent. One with a number is made by its function: `agents.ends_after(2)`."""

StatusChoice = (
    Status
    | Literal[
        "INITIALIZING",
        "QUEUED",
        "READY",
        "DISPATCHED",
        "RUNNING",
        "CONVERSATION_ENDED",
        "EVALUATING",
        "COMPLETED",
        "NOT_EVALUATED",
        "CANCELLED",
        "NO_CONNECTION",
        "NO_ANSWER",
        "CALL_DROPPED",
        "OUT_OF_FUNDS",
        "SYSTEM_ERROR",
        "CUSTOM_ERROR",
        "INCOMPLETED",
        "REJECTED",
        "INSUFFICIENT_FUNDS",
    ]
)
"""A status, or its text."""

EventChoice = (
    Event
    | Literal[
        "queue",
        "await_call",
        "dispatch",
        "connect",
        "end",
        "drop",
        "evaluate",
        "complete",
        "match_custom_error",
        "re_evaluate",
        "give_up",
        "reject",
        "run_out_of_funds",
        "fail_to_connect",
        "go_unanswered",
        "cancel",
        "break",
        "force",
    ]
)
"""An event of the transition table, or its text."""

AlertEvent = Literal["observability_alert_triggered", "simulation_alert_triggered"]
"""A webhook event of alerts."""

WebhookEvent = Literal[
    "simulation_ended",
    "simulation_result_evaluated",
    "outbound_simulation_started",
    "observability_call_evaluated",
    "observability_alert_triggered",
    "simulation_alert_triggered",
]
"""A webhook event."""


class ReadingChoices(TypedDict, total=False):
    """Readings by name, each an enum member or its text."""

    success: readings.Success | Literal["if-any-marked", "if-none-failed", "always"]
    all_failed_status: readings.AllFailedStatus | Literal["200", "404", "400"]
    test_result_ids: readings.TestResultIds | Literal["marked", "requested"]
    no_failed_ids: readings.NoFailedIds | Literal["null", "empty-list"]
    duplicate_ids: readings.DuplicateIds | Literal["each-counts", "counted-once"]
    already_marked: readings.AlreadyMarked | Literal["marked-again", "fails"]
    watchdog_sets: readings.WatchdogSets | Literal["SYSTEM_ERROR", "CONVERSATION_ENDED", "INCOMPLETED", "COMPLETED"]
    watchdog_tells: readings.WatchdogTells | Literal["nothing", "simulation-ended"]
    foreign_id: readings.ForeignId | Literal["fails", "403"]
    foreign_agent: readings.ForeignResource | Literal["403", "404"]
    foreign_simulation: readings.ForeignResource | Literal["403", "404"]
    foreign_digital_human: readings.ForeignResource | Literal["403", "404"]
    foreign_run: readings.ForeignResource | Literal["403", "404"]
    foreign_result: readings.ForeignResource | Literal["403", "404"]
    foreign_trace: readings.ForeignResource | Literal["403", "404"]
    foreign_other: readings.ForeignResource | Literal["403", "404"]
    missing_key: readings.MissingKey | Literal["401-detail", "401-error-and-detail", "422", "403"]
    missing_key_name: readings.MissingKeyName | Literal["x-api-key", "X-API-Key"]
    unknown_key: readings.UnknownKey | Literal["401-detail", "401-error-and-detail", "403"]
    bearer_key: readings.BearerKey | Literal["ignored", "serves"]
    bad_key_and_bad_body: readings.BadKeyAndBadBody | Literal["key-first", "body-first"]
    ping_names: readings.PingNames | Literal["sha", "commit"]
    agent_ends: readings.AgentEnds | Literal["after-2-seconds", "within-20-seconds"]
    status_words: readings.StatusWords | Literal["docs-2026-09", "openapi-2026-04-30"]
    run_status: readings.RunStatus | Literal["completed", "by-its-calls"]
    tests_failed: readings.TestsFailed | Literal["failures-too", "scored-only"]
    tests_incompleted: readings.TestsIncompleted | Literal["absent", "ended-otherwise", "not-completed"]
    error_code_in: readings.ErrorCodeIn | Literal["nowhere", "result", "own-field"]
    dropped_call_tells: readings.DroppedCallTells | Literal["evaluated", "ended-and-evaluated", "nothing"]
    re_evaluate_unfinished: readings.ReEvaluateUnfinished | Literal["400", "ignored"]
    webhook_proof: readings.WebhookProof | Literal["signature", "secret-header"]
    webhook_headers: readings.WebhookHeaders | Literal["event-and-delivery", "none"]
    webhook_retries: readings.WebhookRetries | Literal["none", "at-least-once"]
    contract: readings.Contract | Literal["docs-2026-09", "sdk-0.3.6", "openapi-2026-04-30"]
    listed_results: readings.ListedResults | Literal["brief", "full"]
    reported_later: readings.ReportedLater | Literal["adds", "replaces"]
    traces_while_evaluated: readings.TracesWhileEvaluated | Literal["cleared", "kept"]
    update_changes: readings.UpdateChanges | Literal["given-not-null", "given", "not-null-defaults-too"]
    same_external_id: readings.SameExternalId | Literal["added", "409"]
    agent_without_workflow: readings.AgentWithoutWorkflow | Literal["empty", "404"]
    deleted_agent: readings.DeletedAgent | Literal["simulations-go", "simulations-stay"]
    simulation_alerts: readings.SimulationAlerts | Literal["latest-runs", "window"]
    first_version: readings.FirstVersion | Literal["production", "latest-only"]
    updated_text: readings.UpdatedText | Literal["in-place", "new-version"]
    label_on_another: readings.LabelOnAnother | Literal["both", "moved", "409"]
    noise_without_file: readings.NoiseWithoutFile | Literal["taken", "400"]
