"""Readings: the questions that Bluejay's documentation leaves open, each with its plausible answers.

Rules of this file:
- No behavior that is a guess lives outside it.
- Each question is an enum of its choices; `Readings` says which is the default, and on what evidence.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, Literal, NamedTuple, TypedDict

from fake_bluejay.core.suggest import check_known

__all__ = [
    "AgentEnds",
    "AgentWithoutWorkflow",
    "AllFailedStatus",
    "AlreadyMarked",
    "BadKeyAndBadBody",
    "BearerKey",
    "Contract",
    "DeletedAgent",
    "DeletedSimulation",
    "DroppedCallTells",
    "DuplicateIds",
    "ErrorCodeIn",
    "EvaluateParticipants",
    "FirstVersion",
    "ForeignId",
    "ForeignResource",
    "IncompleteMetric",
    "LabelOnAnother",
    "ListedResults",
    "MissingKey",
    "MissingKeyName",
    "NoFailedIds",
    "NoiseWithoutFile",
    "PageOutOfRange",
    "PersonalityCalls",
    "PingNames",
    "Question",
    "ReEvaluateUnfinished",
    "ReadingChoices",
    "Readings",
    "RemovingNoLabels",
    "ReportedLater",
    "ResultMetrics",
    "RunStatus",
    "RunWithoutCalls",
    "SameExternalId",
    "SimulationAlerts",
    "StatusWords",
    "Success",
    "TestResultIds",
    "TestsFailed",
    "TestsIncompleted",
    "TracesWhileEvaluated",
    "TranscriptRegex",
    "UnknownKey",
    "UnknownVersion",
    "UpdateChanges",
    "UpdatedText",
    "WatchdogSets",
    "WatchdogTells",
    "WebhookHeaders",
    "WebhookProof",
    "WebhookRetries",
    "WebhookTranscript",
    "questions",
]


class Success(StrEnum):
    """`success` when some or all ids failed."""

    IF_ANY_MARKED = "if-any-marked"
    IF_NONE_FAILED = "if-none-failed"
    ALWAYS = "always"


class AllFailedStatus(StrEnum):
    """The HTTP status when every id failed."""

    OK = "200"
    NOT_FOUND = "404"
    BAD_REQUEST = "400"


class TestResultIds(StrEnum):
    """The ids in the answer's `test_result_ids`."""

    __test__ = False  # not a test class, whatever its name says to a test runner

    MARKED = "marked"
    REQUESTED = "requested"


class NoFailedIds(StrEnum):
    """`failed_ids` when none failed."""

    NULL = "null"
    EMPTY_LIST = "empty-list"


class DuplicateIds(StrEnum):
    """The same id twice in one request."""

    EACH_COUNTS = "each-counts"
    COUNTED_ONCE = "counted-once"


class AlreadyMarked(StrEnum):
    """An id that is marked already and still RUNNING."""

    MARKED_AGAIN = "marked-again"
    FAILS = "fails"


class WatchdogSets(StrEnum):
    """The status that the watchdog sets."""

    # As in statuses: every watchdog that fires looks it up.
    __hash__ = str.__hash__

    SYSTEM_ERROR = "SYSTEM_ERROR"
    CONVERSATION_ENDED = "CONVERSATION_ENDED"
    INCOMPLETED = "INCOMPLETED"
    COMPLETED = "COMPLETED"


class WatchdogTells(StrEnum):
    """The webhook for a call that the watchdog closed without CONVERSATION_ENDED."""

    NOTHING = "nothing"
    SIMULATION_ENDED = "simulation-ended"


class ForeignId(StrEnum):
    """An id, in the list of a request, that belongs to another organisation."""

    FAILS = "fails"
    FORBIDDEN = "403"


class ForeignResource(StrEnum):
    """A resource of another organisation, asked for by its id."""

    FORBIDDEN = "403"
    NOT_FOUND = "404"


class MissingKey(StrEnum):
    """A request without `X-API-Key`."""

    UNAUTHORIZED_DETAIL = "401-detail"
    UNAUTHORIZED_ERROR_AND_DETAIL = "401-error-and-detail"
    UNPROCESSABLE = "422"
    FORBIDDEN = "403"


class MissingKeyName(StrEnum):
    """The spelling of the header in the 422 for a missing key."""

    LOWER_CASE = "x-api-key"
    AS_PUBLISHED = "X-API-Key"


class UnknownKey(StrEnum):
    """A key that no organisation has, one that was revoked, or an empty one."""

    UNAUTHORIZED_DETAIL = "401-detail"
    UNAUTHORIZED_ERROR_AND_DETAIL = "401-error-and-detail"
    FORBIDDEN = "403"


class BearerKey(StrEnum):
    """A key in `Authorization: Bearer` alone, without `X-API-Key`."""

    IGNORED = "ignored"
    SERVES = "serves"


class BadKeyAndBadBody(StrEnum):
    """The reason for which a request with a bad key and an invalid body is refused."""

    KEY_FIRST = "key-first"
    BODY_FIRST = "body-first"


class PingNames(StrEnum):
    """The name of the server's code version in the answer of `GET /v1/ping`."""

    SHA = "sha"
    COMMIT = "commit"


class AgentEnds(StrEnum):
    """The time that an agent takes to end a marked conversation, unless the test result says otherwise."""

    AFTER_2_SECONDS = "after-2-seconds"
    WITHIN_20_SECONDS = "within-20-seconds"


class StatusWords(StrEnum):
    """The words for the status of a test result, and of a production conversation whose evaluation failed."""

    DOCUMENTATION = "docs-2026-09"
    OPENAPI = "openapi-2026-04-30"


class RunStatus(StrEnum):
    """The status of a run of which no call is in flight any more."""

    COMPLETED = "completed"
    BY_ITS_CALLS = "by-its-calls"


class TestsFailed(StrEnum):
    """The calls that a run's `tests_failed` counts."""

    __test__ = False

    FAILURES_TOO = "failures-too"
    SCORED_ONLY = "scored-only"


class TestsIncompleted(StrEnum):
    """The calls that a run's `tests_incompleted` counts, if there is such a field."""

    __test__ = False

    ABSENT = "absent"
    ENDED_OTHERWISE = "ended-otherwise"
    NOT_COMPLETED = "not-completed"


class ErrorCodeIn(StrEnum):
    """The place of the error code in the simulation result of a failed call."""

    NOWHERE = "nowhere"
    RESULT = "result"
    OWN_FIELD = "own-field"


class DroppedCallTells(StrEnum):
    """The webhooks for a dropped call."""

    EVALUATED = "evaluated"
    ENDED_AND_EVALUATED = "ended-and-evaluated"
    NOTHING = "nothing"


class ReEvaluateUnfinished(StrEnum):
    """Asking that a result be evaluated again that is not COMPLETED."""

    BAD_REQUEST = "400"
    IGNORED = "ignored"


class WebhookProof(StrEnum):
    """The proof, for its receiver, that a webhook comes from Bluejay."""

    SIGNATURE = "signature"
    SECRET_HEADER = "secret-header"  # noqa: S105  # the name of a choice


class WebhookHeaders(StrEnum):
    """The headers of a webhook besides the proof of who sends it."""

    EVENT_AND_DELIVERY = "event-and-delivery"
    NONE = "none"


class WebhookRetries(StrEnum):
    """Retries of a failed delivery to a webhook."""

    NONE = "none"
    AT_LEAST_ONCE = "at-least-once"


class WebhookTranscript(StrEnum):
    """The transcript in the webhook for an evaluated conversation of production."""

    ABSENT = "absent"
    PRESENT = "present"


class Contract(StrEnum):
    """The contract that a request must keep where the published ones differ."""

    DOCS = "docs-2026-09"
    SDK = "sdk-0.3.6"
    OPENAPI = "openapi-2026-04-30"


class ListedResults(StrEnum):
    """`metrics` and `tool_calls` in the list of a run's results, compared with a result that is retrieved alone."""

    BRIEF = "brief"
    FULL = "full"


class ReportedLater(StrEnum):
    """The effect of a second `update-simulation-result` on the values that the first reported."""

    ADDS = "adds"
    REPLACES = "replaces"


class TracesWhileEvaluated(StrEnum):
    """The fate of `trace_ids` that are reported before an evaluation is over."""

    CLEARED = "cleared"
    KEPT = "kept"


class UpdateChanges(StrEnum):
    """The fields of an agent, a simulation or a digital human that an update changes."""

    GIVEN_NOT_NULL = "given-not-null"
    GIVEN = "given"
    NOT_NULL = "not-null-defaults-too"


class SameExternalId(StrEnum):
    """A second agent with the same external id."""

    ADDED = "added"
    CONFLICT = "409"


class SimulationAlerts(StrEnum):
    """The results that an alert for simulations alone considers."""

    RUNS = "latest-runs"
    WINDOW = "window"


class FirstVersion(StrEnum):
    """The labels of version 1 of an agent's prompt or knowledge base."""

    PRODUCTION = "production"
    LATEST = "latest-only"


class UpdatedText(StrEnum):
    """The effect on an agent's versions when its prompt or knowledge base is updated with the agent."""

    IN_PLACE = "in-place"
    NEW_VERSION = "new-version"


class LabelOnAnother(StrEnum):
    """A label that is put on a version while another one has it, without `override_label`."""

    BOTH = "both"
    MOVED = "moved"
    CONFLICT = "409"


class RemovingNoLabels(StrEnum):
    """The labels that are taken from a version if the request names none."""

    ALL = "all"
    NONE = "none"


class NoiseWithoutFile(StrEnum):
    """A custom background noise that is registered before its file was uploaded."""

    TAKEN = "taken"
    REFUSED = "400"


class PersonalityCalls(StrEnum):
    """The calls of each digital human in a run of a simulation that selects personalities."""

    ITSELF_TOO = "itself-too"
    SELECTED_ONLY = "selected-only"


class IncompleteMetric(StrEnum):
    """A new metric without a prompt, bounds, a JSON schema or tool names that its type needs."""

    TAKEN = "taken"
    REFUSED = "400"


class TranscriptRegex(StrEnum):
    """A metric of the type `transcript_regex` whose pattern or phrases are in the transcript."""

    FOUND_PASSES = "found-passes"
    FOUND_FAILS = "found-fails"
    DRAWN = "drawn"

    @property
    def found_is(self) -> bool | None:
        """The value of the metric; None if the transcript does not decide."""
        return {"found-passes": True, "found-fails": False}.get(self)


class ResultMetrics(StrEnum):
    """The metrics that the field `metrics` of a simulation result has."""

    BUILT_IN = "built-in"
    CUSTOM = "custom"


class AgentWithoutWorkflow(StrEnum):
    """The workflow of an agent that was given none, at the workflow endpoints."""

    EMPTY = "empty"
    NOT_FOUND = "404"


class DeletedAgent(StrEnum):
    """The simulations of an agent that is deleted."""

    SIMULATIONS_GO = "simulations-go"
    SIMULATIONS_STAY = "simulations-stay"


class DeletedSimulation(StrEnum):
    """The runs of a simulation that is deleted, with their results."""

    RUNS_GO = "runs-go"
    RUNS_STAY = "runs-stay"


class RunWithoutCalls(StrEnum):
    """Queueing a run of a simulation that has no digital humans."""

    COMPLETED = "completed"
    BAD_REQUEST = "400"


class UnknownVersion(StrEnum):
    """A version that the agent does not have, in a request for the evaluation of a conversation."""

    WARNING = "warning"
    NOT_FOUND = "404"


class EvaluateParticipants(StrEnum):
    """The number of participants that a conversation to evaluate must have."""

    UP_TO_TWO = "up-to-two"
    EXACTLY_TWO = "exactly-two"


class PageOutOfRange(StrEnum):
    """A page of the digital humans after the last one."""

    BAD_REQUEST = "400"
    EMPTY = "empty"


_PAGE = "the endpoint's page of September 2026"
_ACTIONS = "the documentation's page on GitHub Actions of September 2026"
_INTRODUCTION = "the documentation's introduction to the API of September 2026"
_STATUSES = "the documentation's page on simulation results of September 2026"
_WEBHOOKS = "the documentation's page on webhooks of September 2026"
_CHANGELOG = "the documentation's changelog of 11 August 2026"
_OPENAPI = "the OpenAPI of 30 April 2026"
_SDK = "bluejay-sdk 0.3.6 of June 2026"


def _reading(default: Any, source: str, evidence: str, question: str | None = None) -> Any:
    return field(default=default, metadata={"evidence": f"{source}: {evidence}", "question": question})


def _foreign(kind: str) -> Any:
    return _reading(
        ForeignResource.FORBIDDEN,
        _INTRODUCTION,
        "403 is listed for a resource that is not in the caller's organization; pages of single endpoints had 404 until"
        " August 2026",
        f"{kind} of another organisation, asked for by its id.",
    )


@dataclass(frozen=True, slots=True)
class Readings:
    """A choice for each open question; unless given, the default."""

    success: Success = _reading(
        Success.IF_ANY_MARKED,
        _OPENAPI,
        '"whether the operation was successful" is all that is said of it, with failures listed beside it',
    )
    all_failed_status: AllFailedStatus = _reading(
        AllFailedStatus.OK, _OPENAPI, "no status but 200 and 422 is declared for this endpoint"
    )
    test_result_ids: TestResultIds = _reading(
        TestResultIds.MARKED, _PAGE, '"the response lists which IDs were marked to end and which failed"'
    )
    no_failed_ids: NoFailedIds = _reading(NoFailedIds.NULL, _OPENAPI, '"(if any)", nullable and not required')
    duplicate_ids: DuplicateIds = _reading(
        DuplicateIds.EACH_COUNTS, _PAGE, "the steps read as a loop over the list; nothing speaks of a set"
    )
    already_marked: AlreadyMarked = _reading(
        AlreadyMarked.MARKED_AGAIN, _PAGE, '"each ID must be a test result in RUNNING status", and nothing else'
    )
    watchdog_sets: WatchdogSets = _reading(
        WatchdogSets.SYSTEM_ERROR,
        _STATUSES,
        "END_SIGNAL_TIMEOUT is an error code of System Error; the page on statuses of May 2026 explained it as a call"
        " that sent no end signal in time, so that the watchdog closed it",
    )
    watchdog_tells: WatchdogTells = _reading(
        WatchdogTells.NOTHING,
        _WEBHOOKS,
        "simulation_ended is sent before an evaluation, with the status CONVERSATION_ENDED; such a call has neither",
    )
    foreign_id: ForeignId = _reading(
        ForeignId.FAILS,
        _PAGE,
        "the response lists the ids that failed; for public clients, another organisation's data is invisible",
    )
    foreign_agent: ForeignResource = _foreign("An agent")
    foreign_simulation: ForeignResource = _foreign("A simulation")
    foreign_digital_human: ForeignResource = _reading(
        ForeignResource.NOT_FOUND,
        "the page of update-digital-human of September 2026",
        "404 where it does not exist or is in a different organization; the introduction to the API of September 2026"
        " lists 403 for that, for no endpoint in particular",
        "A digital human of another organisation, asked for by its id.",
    )
    foreign_run: ForeignResource = _foreign("A run")
    foreign_result: ForeignResource = _foreign("A simulation result")
    foreign_trace: ForeignResource = _reading(
        ForeignResource.FORBIDDEN,
        _PAGE,
        "a trace that is not in the caller's organization returns 403; the introduction lists 403 for any resource",
        "A trace of another organisation, asked for by its id.",
    )
    foreign_other: ForeignResource = _reading(
        ForeignResource.NOT_FOUND,
        "the pages of knowledge bases and scenarios of August 2026",
        "404 for what is not in the caller's organization; the introduction to the API of September 2026 lists 403 for"
        " that, for no endpoint in particular",
        "Anything else of another organisation, asked for by its id.",
    )
    missing_key: MissingKey = _reading(
        MissingKey.UNAUTHORIZED_DETAIL,
        _INTRODUCTION,
        "401, with a detail, where the key is missing; the OpenAPI of 30 April 2026 declares the header as required,"
        " which FastAPI would answer with 422",
    )
    missing_key_name: MissingKeyName = _reading(
        MissingKeyName.LOWER_CASE,
        _OPENAPI,
        "FastAPI spells a header in lower case unless it is given an alias; the X-API-Key declared there may be one",
    )
    unknown_key: UnknownKey = _reading(
        UnknownKey.UNAUTHORIZED_DETAIL,
        _INTRODUCTION,
        "401, with a detail, where the key is not valid or revoked; the MCP page showed an error beside the detail",
    )
    bearer_key: BearerKey = _reading(
        BearerKey.IGNORED,
        _INTRODUCTION,
        "the key is sent in the X-API-Key header; FastAPI's own export of May 2025 declares a bearer token too, and one"
        " public script relies on it",
    )
    bad_key_and_bad_body: BadKeyAndBadBody = _reading(
        BadKeyAndBadBody.KEY_FIRST,
        _INTRODUCTION,
        "401 is the same for every endpoint, so a dependency checks the key, and FastAPI runs those before it validates"
        " the body",
    )
    ping_names: PingNames = _reading(
        PingNames.SHA,
        _OPENAPI,
        "the answer has no declared shape; public clients read a sha or a commit in it",
    )
    agent_ends: AgentEnds = _reading(
        AgentEnds.AFTER_2_SECONDS,
        _OPENAPI,
        '"once marked, conversations will end within 20 seconds", which 2 seconds are',
    )
    status_words: StatusWords = _reading(
        StatusWords.DOCUMENTATION,
        _STATUSES,
        "it lists every status with its code, and failed evaluations among the reasons for SYSTEM_ERROR; the enums of"
        " the OpenAPI of 30 April 2026 are older, and have other words for what failed",
    )
    run_status: RunStatus = _reading(
        RunStatus.COMPLETED,
        _STATUSES,
        "COMPLETED once every call reached a final status, also if every call failed; the enum of the OpenAPI of"
        " 30 April 2026 has INITIALIZING, INCOMPLETED and INSUFFICIENT_FUNDS too",
    )
    tests_failed: TestsFailed = _reading(
        TestsFailed.FAILURES_TOO,
        _STATUSES,
        "pass, fail and cancel counts stand next to the run status; in August 2026 the example was 47 passed, 2 failed"
        " and 1 cancelled of 50, with no other count for calls that were never connected",
    )
    tests_incompleted: TestsIncompleted = _reading(
        TestsIncompleted.ABSENT,
        _SDK,
        "its runs have no such field; those of the OpenAPI of 30 April 2026 have, and one public client reads it",
    )
    error_code_in: ErrorCodeIn = _reading(
        ErrorCodeIn.NOWHERE,
        _STATUSES,
        "each failed call has an error_code, which is shown when its row is clicked; no published answer has a field"
        " for it",
    )
    dropped_call_tells: DroppedCallTells = _reading(
        DroppedCallTells.EVALUATED,
        _STATUSES,
        "the transcript up to the drop is scored; CONVERSATION_ENDED, which simulation_ended carries, such a call never"
        " is",
    )
    re_evaluate_unfinished: ReEvaluateUnfinished = _reading(
        ReEvaluateUnfinished.BAD_REQUEST,
        _INTRODUCTION,
        "400 is for a request that is not valid for the current state",
    )
    webhook_proof: WebhookProof = _reading(
        WebhookProof.SIGNATURE,
        _WEBHOOKS,
        "every request has X-Bluejay-Signature; the OpenAPI of 14 April 2026 has X-Webhook-Secret instead, that of"
        " 30 April has neither",
    )
    webhook_headers: WebhookHeaders = _reading(
        WebhookHeaders.EVENT_AND_DELIVERY,
        _WEBHOOKS,
        "it names only the signature, and does not say that X-Bluejay-Event and X-Bluejay-Delivery are gone, which the"
        " documentation of August 2026 lists",
    )
    webhook_retries: WebhookRetries = _reading(
        WebhookRetries.NONE,
        _WEBHOOKS,
        '"sends each event once and does not retry"; the documentation of August 2026 has deliveries at least once',
    )
    webhook_transcript: WebhookTranscript = _reading(
        WebhookTranscript.ABSENT,
        "the documentation's page on the events webhook of September 2026",
        "its schema has no transcript; the page on webhooks of that month calls the body the full conversation, and its"
        " abridged example has one",
    )

    contract: Contract = _reading(
        Contract.DOCS,
        "the documentation of September 2026",
        "it is the newest: an agent needs no knowledge base, any language will do, a run may name its simulation as"
        " code does, results come in pages; bluejay-sdk 0.3.6 is of June 2026",
    )
    listed_results: ListedResults = _reading(
        ListedResults.BRIEF,
        "public clients of 2026",
        "they ask for each result alone, because the list shows fewer of its metrics and tool calls",
    )
    result_metrics: ResultMetrics = _reading(
        ResultMetrics.BUILT_IN,
        "the benchmark that Bluejay published in August 2026",
        "it reads the name and the value of num_turns, avg_agent_latency, … there, and custom metrics in custom_metrics"
        " or in the evaluation",
    )
    reported_later: ReportedLater = _reading(
        ReportedLater.ADDS,
        "the documentation of September 2026",
        '"adds tool calls, events, tags, metadata, and trace IDs"; a public client met its tools twice after a second'
        " report",
    )
    traces_while_evaluated: TracesWhileEvaluated = _reading(
        TracesWhileEvaluated.CLEARED,
        "two public clients of 2026",
        "they wait for a final status, because the evaluation wipes the trace ids",
    )
    update_changes: UpdateChanges = _reading(
        UpdateChanges.GIVEN_NOT_NULL,
        _OPENAPI,
        '"only provided fields will be updated", with null allowed where what is updated cannot be null',
    )
    same_external_id: SameExternalId = _reading(
        SameExternalId.ADDED,
        _OPENAPI,
        "nothing says that an external id is unique, and no status but 200 and 422 is declared",
    )
    agent_without_workflow: AgentWithoutWorkflow = _reading(
        AgentWithoutWorkflow.EMPTY,
        _SDK,
        "a node may be added to the workflow that an agent has stored, and no method creates one before; every workflow"
        " has a start node",
    )
    deleted_agent: DeletedAgent = _reading(
        DeletedAgent.SIMULATIONS_GO,
        _OPENAPI,
        "a simulation's agent_id is a required integer, and deleting a run deletes what belongs to it",
    )
    deleted_simulation: DeletedSimulation = _reading(
        DeletedSimulation.RUNS_GO,
        _ACTIONS,
        "deleting the agent and the simulation deletes the history of runs with them, too; the endpoint's page does not"
        " speak of runs",
    )
    run_without_calls: RunWithoutCalls = _reading(
        RunWithoutCalls.COMPLETED,
        _ACTIONS,
        "without digital humans, the run fails, which no status of a run says: its pass rate of 0 calls fails the step;"
        " a public skill of July 2026 says that such a run does nothing",
    )
    simulation_alerts: SimulationAlerts = _reading(
        SimulationAlerts.RUNS,
        _PAGE,
        "for simulations, threshold_time_interval is the number of recent completed runs, and min_events is not used;"
        " the page on simulation alerts of August 2026 counted results in a rolling window of time",
    )
    first_version: FirstVersion = _reading(
        FirstVersion.PRODUCTION,
        _PAGE,
        "evaluate uses the version with the production label unless told otherwise, which an agent that was only added"
        " must have; it warns of an agent without one, too",
    )
    unknown_version: UnknownVersion = _reading(
        UnknownVersion.WARNING,
        _PAGE,
        "the version in production is used, and a warning says so; until then, that page and the changelog of"
        " 9 September 2026 had 404",
    )
    evaluate_participants: EvaluateParticipants = _reading(
        EvaluateParticipants.UP_TO_TWO,
        _PAGE,
        "0 to 2 items, with one in the example; the overview of observability of September 2026 says exactly 2, as the"
        " OpenAPI of 30 April 2026 has it",
    )
    updated_text: UpdatedText = _reading(
        UpdatedText.IN_PLACE,
        _PAGE,
        "POST …/versions creates the next version; of update-agent it is only said that fields that are not sent keep"
        " their values",
    )
    label_on_another: LabelOnAnother = _reading(
        LabelOnAnother.CONFLICT,
        _OPENAPI,
        "override_label moves the label, and without it, conflicts return 409; a page of September 2026 knows labels on"
        " more than one version",
    )
    removing_no_labels: RemovingNoLabels = _reading(
        RemovingNoLabels.ALL,
        _OPENAPI,
        "empty or null means to clear all, though each caller decides; the endpoint's page does not speak of it",
    )
    noise_without_file: NoiseWithoutFile = _reading(
        NoiseWithoutFile.TAKEN,
        _PAGE,
        "400 for the 21st noise and 409 for the same file twice are listed, and nothing for a file that is not there;"
        " it registers a noise that was uploaded already",
    )
    personality_calls: PersonalityCalls = _reading(
        PersonalityCalls.ITSELF_TOO,
        _STATUSES,
        '"each Digital Human calls once as itself and once for each Personality", and the page on personalities counts'
        " six conversations of two digital humans with two personalities; the endpoint's page says one conversation per"
        " digital human per selected personality",
    )
    page_out_of_range: PageOutOfRange = _reading(
        PageOutOfRange.BAD_REQUEST,
        "the endpoint's page of August 2026",
        "400 for a page out of range; that of September says only that total_pages tells when to stop",
    )
    incomplete_metric: IncompleteMetric = _reading(
        IncompleteMetric.TAKEN,
        _PAGE,
        "a name and a response type are all that it requires, and its example has no more; the page on custom metrics"
        " calls these fields required, without a status, and the OpenAPI of 30 April 2026 does not know of that",
    )
    transcript_regex: TranscriptRegex = _reading(
        TranscriptRegex.FOUND_PASSES,
        _CHANGELOG,
        '"the words the agent must (or must not) say" are matched with the transcript; that a metric which asks for'
        " phrases or a pattern passes if all are there is what the first half says, and nothing tells the two apart",
    )

    def changed(self, **choices: str) -> Readings:
        """Return a copy with other choices, each an enum member or its text.

        Raises:
            ValueError: A question or a choice is unknown; the message lists the known ones.
        """
        known = {question.name: question.choices for question in questions()}
        for name, choice in choices.items():
            check_known("reading", name, known)
            check_known(f"choice for the reading {name!r}:", str(choice), known[name])
        chosen: dict[str, Any] = {name: type(known[name][0])(str(choice)) for name, choice in choices.items()}
        return replace(self, **chosen)

    def chosen(self, choice: StrEnum) -> bool:
        """Return whether a choice is made here, for any question that has it."""
        return any(getattr(self, name) is choice for name in _asking(type(choice)))

    def departures(self) -> Iterator[tuple[str, str]]:
        """Yield every other plausible choice, one at a time, as `(name, choice)`."""
        for question in questions():
            for choice in question.choices:
                if choice is not getattr(self, question.name):
                    yield question.name, choice

    def as_dict(self) -> dict[str, str]:
        """Return the choices as `{name: choice}`, both as text."""
        return {question.name: str(getattr(self, question.name)) for question in questions()}


class Question(NamedTuple):
    """An open question: its name in `Readings`, what is asked, the choices (the default first), and the evidence."""

    name: str
    question: str
    choices: tuple[StrEnum, ...]
    evidence: str


def questions() -> tuple[Question, ...]:
    """Return the open questions, in the order of `Readings`."""
    return _QUESTIONS


def _question(one: Any) -> Question:
    known: type[StrEnum] = type(one.default)
    asked = one.metadata["question"] or known.__doc__ or ""
    choices = (one.default, *(choice for choice in known if choice is not one.default))
    return Question(one.name, asked, choices, one.metadata["evidence"])


_QUESTIONS = tuple(_question(one) for one in fields(Readings))


@functools.cache
def _asking(choices: type[StrEnum]) -> tuple[str, ...]:
    """Return the names of the questions that have these choices."""
    return tuple(one.name for one in _QUESTIONS if isinstance(one.choices[0], choices))


# A type checker cannot derive these texts from the enums, so they are listed again; a test compares both.
class ReadingChoices(TypedDict, total=False):
    """Readings by name, each an enum member or its text."""

    success: Success | Literal["if-any-marked", "if-none-failed", "always"]
    all_failed_status: AllFailedStatus | Literal["200", "404", "400"]
    test_result_ids: TestResultIds | Literal["marked", "requested"]
    no_failed_ids: NoFailedIds | Literal["null", "empty-list"]
    duplicate_ids: DuplicateIds | Literal["each-counts", "counted-once"]
    already_marked: AlreadyMarked | Literal["marked-again", "fails"]
    watchdog_sets: WatchdogSets | Literal["SYSTEM_ERROR", "CONVERSATION_ENDED", "INCOMPLETED", "COMPLETED"]
    watchdog_tells: WatchdogTells | Literal["nothing", "simulation-ended"]
    foreign_id: ForeignId | Literal["fails", "403"]
    foreign_agent: ForeignResource | Literal["403", "404"]
    foreign_simulation: ForeignResource | Literal["403", "404"]
    foreign_digital_human: ForeignResource | Literal["403", "404"]
    foreign_run: ForeignResource | Literal["403", "404"]
    foreign_result: ForeignResource | Literal["403", "404"]
    foreign_trace: ForeignResource | Literal["403", "404"]
    foreign_other: ForeignResource | Literal["403", "404"]
    missing_key: MissingKey | Literal["401-detail", "401-error-and-detail", "422", "403"]
    missing_key_name: MissingKeyName | Literal["x-api-key", "X-API-Key"]
    unknown_key: UnknownKey | Literal["401-detail", "401-error-and-detail", "403"]
    bearer_key: BearerKey | Literal["ignored", "serves"]
    bad_key_and_bad_body: BadKeyAndBadBody | Literal["key-first", "body-first"]
    ping_names: PingNames | Literal["sha", "commit"]
    agent_ends: AgentEnds | Literal["after-2-seconds", "within-20-seconds"]
    status_words: StatusWords | Literal["docs-2026-09", "openapi-2026-04-30"]
    run_status: RunStatus | Literal["completed", "by-its-calls"]
    tests_failed: TestsFailed | Literal["failures-too", "scored-only"]
    tests_incompleted: TestsIncompleted | Literal["absent", "ended-otherwise", "not-completed"]
    error_code_in: ErrorCodeIn | Literal["nowhere", "result", "own-field"]
    dropped_call_tells: DroppedCallTells | Literal["evaluated", "ended-and-evaluated", "nothing"]
    re_evaluate_unfinished: ReEvaluateUnfinished | Literal["400", "ignored"]
    webhook_proof: WebhookProof | Literal["signature", "secret-header"]
    webhook_headers: WebhookHeaders | Literal["event-and-delivery", "none"]
    webhook_retries: WebhookRetries | Literal["none", "at-least-once"]
    webhook_transcript: WebhookTranscript | Literal["absent", "present"]
    contract: Contract | Literal["docs-2026-09", "sdk-0.3.6", "openapi-2026-04-30"]
    listed_results: ListedResults | Literal["brief", "full"]
    result_metrics: ResultMetrics | Literal["built-in", "custom"]
    reported_later: ReportedLater | Literal["adds", "replaces"]
    traces_while_evaluated: TracesWhileEvaluated | Literal["cleared", "kept"]
    update_changes: UpdateChanges | Literal["given-not-null", "given", "not-null-defaults-too"]
    same_external_id: SameExternalId | Literal["added", "409"]
    agent_without_workflow: AgentWithoutWorkflow | Literal["empty", "404"]
    deleted_agent: DeletedAgent | Literal["simulations-go", "simulations-stay"]
    deleted_simulation: DeletedSimulation | Literal["runs-go", "runs-stay"]
    run_without_calls: RunWithoutCalls | Literal["completed", "400"]
    simulation_alerts: SimulationAlerts | Literal["latest-runs", "window"]
    first_version: FirstVersion | Literal["production", "latest-only"]
    unknown_version: UnknownVersion | Literal["warning", "404"]
    evaluate_participants: EvaluateParticipants | Literal["up-to-two", "exactly-two"]
    updated_text: UpdatedText | Literal["in-place", "new-version"]
    label_on_another: LabelOnAnother | Literal["both", "moved", "409"]
    removing_no_labels: RemovingNoLabels | Literal["all", "none"]
    noise_without_file: NoiseWithoutFile | Literal["taken", "400"]
    personality_calls: PersonalityCalls | Literal["itself-too", "selected-only"]
    page_out_of_range: PageOutOfRange | Literal["400", "empty"]
    incomplete_metric: IncompleteMetric | Literal["taken", "400"]
    transcript_regex: TranscriptRegex | Literal["found-passes", "found-fails", "drawn"]
