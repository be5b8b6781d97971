"""Readings: the questions that Bluejay's documentation leaves open, each with its plausible answers.

Rules of this file:
- No behaviour that is a guess lives outside it.
- Each question is an enum; its first member is the default, and `Readings` says on what evidence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, NamedTuple

from fake_bluejay.core.suggest import check_known

__all__ = [
    "AgentEnds",
    "AllFailedStatus",
    "AlreadyMarked",
    "BadKeyAndBadBody",
    "Contract",
    "DeletedAgent",
    "DroppedCallTells",
    "DuplicateIds",
    "ErrorCodeIn",
    "ForeignId",
    "ListedResults",
    "MissingKey",
    "MissingKeyName",
    "NoFailedIds",
    "Question",
    "ReEvaluateUnfinished",
    "Readings",
    "ReportedLater",
    "RunStatus",
    "SameExternalId",
    "StatusWords",
    "Success",
    "TestResultIds",
    "TestsIncompleted",
    "TracesWhileEvaluated",
    "UnknownKey",
    "UpdateChanges",
    "WatchdogSets",
    "WebhookHeaders",
    "WebhookProof",
    "WebhookRetries",
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
    """What the answer's `test_result_ids` lists."""

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

    CONVERSATION_ENDED = "CONVERSATION_ENDED"
    INCOMPLETED = "INCOMPLETED"
    COMPLETED = "COMPLETED"


class ForeignId(StrEnum):
    """An id that belongs to another organisation."""

    FAILS = "fails"
    FORBIDDEN = "403"


class MissingKey(StrEnum):
    """A request without `X-API-Key`."""

    UNPROCESSABLE = "422"
    UNAUTHORIZED = "401"
    FORBIDDEN = "403"


class MissingKeyName(StrEnum):
    """How the 422 for a missing key spells the header."""

    LOWER_CASE = "x-api-key"
    AS_PUBLISHED = "X-API-Key"


class UnknownKey(StrEnum):
    """A key that no organisation has, or an empty one."""

    UNAUTHORIZED_ERROR_AND_DETAIL = "401-error-and-detail"
    UNAUTHORIZED_DETAIL = "401-detail"
    FORBIDDEN = "403"


class BadKeyAndBadBody(StrEnum):
    """What a request with an unknown key and an invalid body hears of first."""

    BODY_FIRST = "body-first"
    KEY_FIRST = "key-first"


class AgentEnds(StrEnum):
    """When an agent that answers ends a conversation, unless the test result says otherwise."""

    AFTER_2_SECONDS = "after-2-seconds"
    WITHIN_20_SECONDS = "within-20-seconds"


class StatusWords(StrEnum):
    """The words for a test result's status."""

    AS_THEY_ARE = "as-they-are"
    JULY = "july"
    AUGUST = "august"


class RunStatus(StrEnum):
    """The status of a run of which no call is in flight any more."""

    COMPLETED = "completed"
    BY_ITS_CALLS = "by-its-calls"


class TestsIncompleted(StrEnum):
    """What a run's `tests_incompleted` counts."""

    __test__ = False

    ENDED_OTHERWISE = "ended-otherwise"
    NOT_COMPLETED = "not-completed"


class ErrorCodeIn(StrEnum):
    """Where a simulation result says why its call failed."""

    NOWHERE = "nowhere"
    RESULT = "result"
    OWN_FIELD = "own-field"


class DroppedCallTells(StrEnum):
    """What webhooks are told of a dropped call."""

    EVALUATED = "evaluated"
    ENDED_AND_EVALUATED = "ended-and-evaluated"
    NOTHING = "nothing"


class ReEvaluateUnfinished(StrEnum):
    """Asking that a result be evaluated again that is not COMPLETED."""

    BAD_REQUEST = "400"
    IGNORED = "ignored"


class WebhookProof(StrEnum):
    """How a webhook's receiver can tell that it comes from Bluejay."""

    SIGNATURE = "signature"
    SECRET_HEADER = "secret-header"  # noqa: S105  # the name of a choice


class WebhookHeaders(StrEnum):
    """The headers of a webhook besides the proof of who sends it."""

    EVENT_AND_DELIVERY = "event-and-delivery"
    NONE = "none"


class WebhookRetries(StrEnum):
    """Whether a failed delivery to a webhook is sent again."""

    NONE = "none"
    AT_LEAST_ONCE = "at-least-once"


class Contract(StrEnum):
    """Which contract a request is held to where the published ones differ."""

    DOCS = "docs-2026-09"
    SDK = "sdk-0.3.6"
    OPENAPI = "openapi-2026-04-30"


class ListedResults(StrEnum):
    """How much of `metrics` and `tool_calls` the results of a run show, beside a result that is asked for alone."""

    BRIEF = "brief"
    FULL = "full"


class ReportedLater(StrEnum):
    """What a second `update-simulation-result` does with what the first has reported."""

    ADDS = "adds"
    REPLACES = "replaces"


class TracesWhileEvaluated(StrEnum):
    """What becomes of `trace_ids` that are reported before an evaluation is over."""

    CLEARED = "cleared"
    KEPT = "kept"


class UpdateChanges(StrEnum):
    """What an update changes of an agent, a simulation or a digital human."""

    GIVEN_NOT_NULL = "given-not-null"
    GIVEN = "given"
    NOT_NULL = "not-null-defaults-too"


class SameExternalId(StrEnum):
    """A second agent with the same external id."""

    ADDED = "added"
    CONFLICT = "409"


class DeletedAgent(StrEnum):
    """What becomes of the simulations of an agent that is deleted."""

    SIMULATIONS_GO = "simulations-go"
    SIMULATIONS_STAY = "simulations-stay"


def _reading(default: Any, evidence: str) -> Any:
    return field(default=default, metadata={"evidence": evidence})


@dataclass(frozen=True, slots=True)
class Readings:
    """One answer to each open question; unless given, the default."""

    success: Success = _reading(
        Success.IF_ANY_MARKED, 'the OpenAPI: "whether the operation was successful", with failures listed beside it'
    )
    all_failed_status: AllFailedStatus = _reading(
        AllFailedStatus.OK, "the OpenAPI declares no status but 200 and 422 for this endpoint"
    )
    test_result_ids: TestResultIds = _reading(
        TestResultIds.MARKED, 'the endpoint\'s step 4: which were "successfully marked … and which failed"'
    )
    no_failed_ids: NoFailedIds = _reading(NoFailedIds.NULL, 'the OpenAPI: "(if any)", nullable and not required')
    duplicate_ids: DuplicateIds = _reading(
        DuplicateIds.EACH_COUNTS, "the steps read as a loop over the list; nothing speaks of a set"
    )
    already_marked: AlreadyMarked = _reading(
        AlreadyMarked.MARKED_AGAIN, "the endpoint's step 1 checks for RUNNING and nothing else"
    )
    watchdog_sets: WatchdogSets = _reading(
        WatchdogSets.CONVERSATION_ENDED, 'the endpoint: "the conversation status will be updated"'
    )
    foreign_id: ForeignId = _reading(
        ForeignId.FAILS, "public clients: another organisation's data is invisible, as if it did not exist"
    )
    missing_key: MissingKey = _reading(
        MissingKey.UNPROCESSABLE, "the OpenAPI declares the header as a required parameter, which FastAPI checks"
    )
    missing_key_name: MissingKeyName = _reading(
        MissingKeyName.LOWER_CASE,
        "FastAPI spells a header so unless it is given an alias; the OpenAPI's X-API-Key may be one",
    )
    unknown_key: UnknownKey = _reading(
        UnknownKey.UNAUTHORIZED_ERROR_AND_DETAIL,
        "the documentation's MCP page shows this body; clients have met a 401 at run time",
    )
    bad_key_and_bad_body: BadKeyAndBadBody = _reading(
        BadKeyAndBadBody.BODY_FIRST, "FastAPI validates header and body before the endpoint's code can look at the key"
    )
    agent_ends: AgentEnds = _reading(
        AgentEnds.AFTER_2_SECONDS, 'the endpoint\'s page: "conversations will end within 20 seconds"'
    )
    status_words: StatusWords = _reading(
        StatusWords.AS_THEY_ARE,
        "the OpenAPI of July and the documentation of August have different words, and public clients know both",
    )
    run_status: RunStatus = _reading(
        RunStatus.COMPLETED,
        "the documentation of August: COMPLETED once every call has reached an end state, whatever the mix; July's enum"
        " also has INITIALIZING, INCOMPLETED and INSUFFICIENT_FUNDS",
    )
    tests_incompleted: TestsIncompleted = _reading(
        TestsIncompleted.ENDED_OTHERWISE,
        "counters stand beside a status that says whether calls are in flight, so they would count ends",
    )
    error_code_in: ErrorCodeIn = _reading(
        ErrorCodeIn.NOWHERE, "each failure carries a code, but neither the OpenAPI nor the SDK has a field for it"
    )
    dropped_call_tells: DroppedCallTells = _reading(
        DroppedCallTells.EVALUATED,
        "the documentation: of a dropped call, the transcript so far is still scored; what simulation_ended carries,"
        " CONVERSATION_ENDED, it never is",
    )
    re_evaluate_unfinished: ReEvaluateUnfinished = _reading(
        ReEvaluateUnfinished.BAD_REQUEST, "there is nothing yet to evaluate again, and the answer has no way to say so"
    )
    webhook_proof: WebhookProof = _reading(
        WebhookProof.SIGNATURE,
        "the documentation of September 2026: every request has X-Bluejay-Signature; the OpenAPI of 14 April 2026 has"
        " X-Webhook-Secret instead, that of 30 April has neither",
    )
    webhook_headers: WebhookHeaders = _reading(
        WebhookHeaders.EVENT_AND_DELIVERY,
        "the documentation of August 2026 lists X-Bluejay-Event and X-Bluejay-Delivery; that of September names only"
        " the signature, and does not say that the others are gone",
    )
    webhook_retries: WebhookRetries = _reading(
        WebhookRetries.NONE,
        'the documentation of September 2026: "sends each event once and does not retry"; that of August 2026 has'
        " deliveries at least once",
    )

    contract: Contract = _reading(
        Contract.DOCS,
        "the documentation of September 2026 is the newest: an agent needs no knowledge base, any language will do, a"
        " run may name its simulation as code does, results come in pages; bluejay-sdk 0.3.6 is of June 2026",
    )
    listed_results: ListedResults = _reading(
        ListedResults.BRIEF,
        "public clients of 2026 ask for each result alone, because the list shows fewer of its metrics and tool calls",
    )
    reported_later: ReportedLater = _reading(
        ReportedLater.ADDS,
        'the documentation of September 2026: "adds tool calls, events, tags, metadata, and trace IDs"; a public client'
        " met its tools twice after a second report",
    )
    traces_while_evaluated: TracesWhileEvaluated = _reading(
        TracesWhileEvaluated.CLEARED,
        "two public clients of 2026 wait for a final status, because the evaluation wipes the trace ids",
    )
    update_changes: UpdateChanges = _reading(
        UpdateChanges.GIVEN_NOT_NULL,
        'the OpenAPI: "only provided fields will be updated", with null allowed where what is updated cannot be null',
    )
    same_external_id: SameExternalId = _reading(
        SameExternalId.ADDED, "nothing says that an external id is unique, and no status but 200 and 422 is declared"
    )
    deleted_agent: DeletedAgent = _reading(
        DeletedAgent.SIMULATIONS_GO,
        "a simulation's agent_id is a required integer; deleting a run is documented to delete what belongs to it",
    )

    def changed(self, **choices: str) -> Readings:
        """A copy with other choices, each an enum member or its text.

        Raises `ValueError` naming an unknown question or choice and the known ones.
        """
        known = {question.name: question.choices for question in questions()}
        for name, choice in choices.items():
            check_known("reading", name, known)
            check_known(f"choice for the reading {name!r}:", str(choice), known[name])
        chosen: dict[str, Any] = {name: type(known[name][0])(str(choice)) for name, choice in choices.items()}
        return replace(self, **chosen)

    def departures(self) -> Iterator[tuple[str, str]]:
        """Every other plausible choice, one at a time: `(name, choice)`."""
        for question in questions():
            for choice in question.choices:
                if choice is not getattr(self, question.name):
                    yield question.name, choice

    def as_dict(self) -> dict[str, str]:
        """`{name: choice}`, as text."""
        return {question.name: str(getattr(self, question.name)) for question in questions()}


class Question(NamedTuple):
    """An open question: its name in `Readings`, what is asked, the choices (the default first), and the evidence."""

    name: str
    question: str
    choices: tuple[StrEnum, ...]
    evidence: str


def questions() -> tuple[Question, ...]:
    """Every open question, in the order of `Readings`."""
    return _QUESTIONS


def _question(one: Any) -> Question:
    choices: type[StrEnum] = type(one.default)
    return Question(one.name, choices.__doc__ or "", tuple(choices), one.metadata["evidence"])


_QUESTIONS = tuple(_question(one) for one in fields(Readings))
