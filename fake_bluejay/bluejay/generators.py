"""Generators: endpoints whose texts a language model writes for Bluejay. Here, the texts are drafts.

The fake stores the same objects as Bluejay does.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from fake_bluejay.bluejay.digital_humans import (
    DigitalHumanRequestData,
    DigitalHumanResponseData,
    SpeaksFirstConfig,
    Trait,
    TraitDataType,
    conflicting,
    create_digital_human,
    digital_humans,
    has_tag,
)
from fake_bluejay.bluejay.drafts import MADE_UP, drafted
from fake_bluejay.bluejay.models.wire import Wire
from fake_bluejay.bluejay.prompts import text_of
from fake_bluejay.bluejay.resources import Operations
from fake_bluejay.bluejay.results import find_result
from fake_bluejay.bluejay.transcripts import spoken_in, utterances
from fake_bluejay.core.clock import datetime_at
from fake_bluejay.core.errors import NotFound, Refused
from fake_bluejay.core.resources import Entity, Resource, uuid_ids
from fake_bluejay.core.scenario_graphs import paths
from fake_bluejay.core.scoring import transcript
from fake_bluejay.http.operation import ApiCall

MOST = 100
"""The most items that one request makes, besides those of scenarios. The documentation mentions a limit on digital
humans without its value."""

MOST_PATHS = 200
"""Documented: the most digital humans of one scenario."""

LONG_TEXT = 500
"""Documented: an intent up to this length needs no summary. For prompts, the documentation mentions a limit without its
value."""


class GenerateGoalsRequest(Wire):
    """The agent to write goals for, and their number."""

    agent_id: str
    count: int = 5
    prompt_id: UUID | None = None
    knowledge_base_id: UUID | None = None
    custom_prompt: str | None = None


class GenerateCustomPersonasRequest(Wire):
    """The agent to write personas for, and their number."""

    agent_id: str
    prompt_id: UUID | None = None
    knowledge_base_id: UUID | None = None
    count: int = 5
    custom_prompt: str | None = None


class GoalAdherence(Wire):
    """A goal, and the number of digital humans that test it."""

    goal: str
    num_calls: int


class ReplayTranscriptFromText(Wire):
    """A conversation to play again, as a text."""

    transcript: str
    success_criteria: str | None = None
    mode: Literal["strict", "smart", "persona"] = "smart"


class ReplayTranscriptFromConversation(Wire):
    """A conversation of production to play again."""

    conversation_id: str
    success_criteria: str | None = None
    mode: Literal["strict", "smart", "persona"] = "smart"


class CustomerPersonaRequest(Wire):
    """A persona, and the number of digital humans that have it."""

    name: str
    description: str
    goal: str
    num_calls: int


class DigitalHumanRequest(Wire):
    """A request to make digital humans for an agent."""

    agent_id: str
    simulation_id: str | None = None
    prompt_id: UUID | None = None
    agent_version_id: UUID | None = None
    knowledge_base_id: UUID | None = None
    goal_adherence: list[GoalAdherence] | None = None
    workflow_adherence: dict[str, int] | None = None
    workflow_adherence_v2: dict[str, int] | None = None
    replay_transcript: list[ReplayTranscriptFromText | ReplayTranscriptFromConversation] | None = None
    customer_personas: list[CustomerPersonaRequest] | None = None
    load_testing: int | None = 0
    red_teaming: int | None = 0
    traits: list[Trait] | None = None
    num_runs: Annotated[int, Field(ge=1)] | None = 1


class GeneratedDigitalHumans(Wire):
    """The digital humans that were made."""

    digital_humans: list[Any] = Field(default_factory=list)
    status: str = "200"
    success: bool = True
    test_scenarios: list[Any] | None = None
    warning: str | None = None


class GenerateObjectivesRequest(Wire):
    """A digital human."""

    test_case_id: int


class GenerateObjectivesResponse(Wire):
    """The objectives of a digital human."""

    objectives: str | None = None
    test_case_id: int


class GenerateIntentSummaryRequest(GenerateObjectivesRequest):
    """A digital human."""


class GenerateIntentSummaryResponse(Wire):
    """A summary of a digital human's intent; null if the intent is short already."""

    intent_summary: str | None = None
    test_case_id: int
    skipped: bool = False


class GeneratePromptSummaryRequest(Wire):
    """A version of a prompt."""

    prompt_id: str


class GeneratePromptSummaryResponse(Wire):
    """A prompt in short; null if it is short already."""

    prompt_summary: str | None = None
    prompt_id: str
    skipped: bool = False


class GenerateFormattedTranscriptRequest(Wire):
    """A transcript in any form."""

    original_transcript: str


class GenerateFormattedTranscriptResponse(Wire):
    """A transcript by speakers, and the first words of a digital human that says the same."""

    formatted_transcript: list[dict[str, str]]
    description: str
    speaks_first_config: SpeaksFirstConfig | None = None


class TraitInput(Wire):
    """A trait to find values for."""

    name: str
    data_type: TraitDataType


class GenerateTraitValuesRequest(Wire):
    """Scenarios, and traits to find values for in each."""

    scenarios: list[str]
    traits: list[TraitInput]
    agent_prompt: str | None = None
    knowledge_base: str | None = None


_Language = Annotated[str, Field(min_length=2, max_length=10)]


class TranslateSimulationTranscriptRequest(Wire):
    """A simulation result whose transcript to translate."""

    simulation_result_id: int
    target_language: _Language = "en"


class TranslateObservabilityTranscriptRequest(Wire):
    """A conversation of production whose transcript to translate."""

    conversation_id: str
    target_language: _Language = "en"


TranslateRequest = TranslateSimulationTranscriptRequest | TranslateObservabilityTranscriptRequest


class TranslateTranscriptResponse(Wire):
    """The place of the translation."""

    translated_transcript_url: str
    target_language: str
    success: bool = True


class OptimizeMetricPromptRequest(Wire):
    """The prompt of a metric."""

    name: Annotated[str, Field(min_length=1)]
    prompt: Annotated[str, Field(min_length=1)]
    additional_instructions: str | None = None


class EvaluationDiffItem(Wire):
    """The findings of a person and of the metric on one conversation."""

    call_id: str | None = None
    test_result_id: int | None = None
    human_value: str | None = None
    ai_value: str | None = None
    human_reasoning: str | None = None
    ai_reasoning: str | None = None


class OptimizeMetricPromptWithDiffRequest(OptimizeMetricPromptRequest):
    """The prompt of a metric, and conversations on which people disagreed with it."""

    evaluation_diffs: list[EvaluationDiffItem] | None = None
    diff_prompt: str | None = None


class OptimizeMetricPromptResponse(Wire):
    """A better prompt."""

    optimized_prompt: str


class GenerateWorkflowFromPromptRequest(Wire):
    """The subject of a scenario."""

    prompt: Annotated[str, Field(min_length=1, max_length=12_000)]
    context: Annotated[str, Field(max_length=8_000)] | None = None


class GenerateWorkflowFromPromptResponse(Wire):
    """A graph, which is not stored."""

    definition: dict[str, Any]


class Translation(Wire):
    """A transcript in another language."""

    id: str
    target_language: str
    transcript: list[dict[str, Any]]


TRANSLATIONS = Resource("translation", ids=uuid_ids)
translations = Operations(TRANSLATIONS, returns=Translation)
generators = Operations()


# --- for an agent -----------------------------------------------------------------------------------------------


@generators.operation("POST", "/v1/generate-goals")
def generate_goals(call: ApiCall, request: GenerateGoalsRequest) -> Any:
    """Return goals of an agent, and store nothing. The shape of the answer is made up."""
    agent = call.require("agent", request.agent_id)
    names = range(1, min(request.count, MOST) + 1)
    return {"goals": drafted(call, "goals", lambda _: [f"Goal {number} {MADE_UP}" for number in names], agent.id)}


@generators.operation("POST", "/v1/generate-customer-personas")
def generate_customer_personas(call: ApiCall, request: GenerateCustomPersonasRequest) -> Any:
    """Return personas of an agent's customers, and store nothing. The shape of the answer is made up."""
    agent = call.require("agent", request.agent_id)

    def made_up(chance: random.Random) -> list[dict[str, Any]]:
        named = chance.sample(_NAMES, len(_NAMES))
        return [
            {
                "name": named[number % len(named)] + (f" {number // len(named) + 1}" if number >= len(named) else ""),
                "description": f"A customer. {MADE_UP}",
                "goal": f"To get an answer. {MADE_UP}",
            }
            for number in range(min(request.count, MOST))
        ]

    return {"customer_personas": drafted(call, "customer_personas", made_up, agent.id)}


_NAMES = ("Ada", "Bela", "Chen", "Dara", "Emre", "Fatou")


@generators.operation("POST", "/v1/generate-digital-humans", tried_first=True)
def generate_digital_humans(call: ApiCall, request: DigitalHumanRequest) -> GeneratedDigitalHumans:
    """Make digital humans for an agent; those of a simulation take part in it."""
    call.require("agent", request.agent_id)
    simulation = request.simulation_id and call.require("simulation", request.simulation_id)
    most = MOST + MOST_PATHS * len(request.workflow_adherence_v2 or ())
    asked = list(islice(_asked_for(call, request), most + 1))
    said = {"traits": request.traits} | ({} if request.num_runs == 1 else {"num_runs": request.num_runs})
    given = drafted(call, "digital_humans", lambda _: [{**one, **said} for one in asked])
    answer, warnings = GeneratedDigitalHumans(), []
    if len(given) > most:
        warnings.append(f"Only {most} digital humans were made")
    for one in given[:most]:
        new = DigitalHumanRequestData.model_validate(one)
        if conflicting(call.world, call.organisation, new.model_dump()):
            warnings.append(f"Another digital human is active on the number {new.phone_number}")
            continue
        ids = [simulation.id] if simulation else []
        human = create_digital_human(call.world, call.organisation, new, ids, generated=True)
        answer.digital_humans.append(digital_humans.filled(human, DigitalHumanResponseData))
    answer.test_scenarios = answer.digital_humans
    answer.warning = "; ".join(warnings) or (None if given else "The request asks for no digital human")
    return answer


def _asked_for(call: ApiCall, request: DigitalHumanRequest) -> Iterator[dict[str, Any]]:
    """Yield the digital humans that a request asks for, each tagged with the field that asks for it.

    Documented: a scenario has one for each of its paths, up to the number that is asked for, and their tag is
    `scenario`.

    Raises:
        NotFound: It names a scenario or a conversation that does not exist.
    """
    for goal in request.goal_adherence or ():
        yield from (_human("goal_adherence", goal.goal) for _ in range(goal.num_calls))
    for id, count in (request.workflow_adherence or {}).items():
        yield from (_human("workflow_adherence", f"Follow a path of workflow {id}.") for _ in range(count))
    for id, count in (request.workflow_adherence_v2 or {}).items():
        scenario = call.require("workflow", id)
        found = islice(paths(scenario.fields["definition"]), max(0, min(count, MOST_PATHS)))
        for number, turns in enumerate(found):
            one = _human("scenario", f"Follow a path of {scenario.fields['name']}.")
            yield {**one, "enriched_playback": turns, "workflow_v2_id": scenario.id, "workflow_path_index": number}
    for replay in request.replay_transcript or ():
        text = replay.transcript if isinstance(replay, ReplayTranscriptFromText) else _said_in(call, replay)
        spoken = spoken_in(text)
        one = _human("replay_transcript", utterances(spoken), replay.success_criteria)
        yield {**one, "original_transcript": text, "formatted_transcript": spoken}
    for persona in request.customer_personas or ():
        one = _human("customer_personas", persona.goal)
        one |= {"name": persona.name, "role_description": persona.description}
        yield from (one for _ in range(persona.num_calls))
    for tag, intent, calls in (
        ("load_testing", "Ask a usual question.", request.load_testing),
        ("red_teaming", "Try to make the agent break its rules.", request.red_teaming),
    ):
        yield from (_human(tag, intent) for _ in range(calls or 0))


def _human(tag: str, intent: str, success_criteria: str | None = None) -> dict[str, Any]:
    return {"tag": tag, "intent": intent, "success_criteria": success_criteria or f"The intent is fulfilled. {MADE_UP}"}


def _said_in(call: ApiCall, replay: ReplayTranscriptFromConversation) -> str:
    log = call.require("call log", replay.conversation_id)
    return "\n".join(f"{one['speaker']}: {one['utterance']}" for one in log.fields.get("transcript") or ())


# --- for a digital human ----------------------------------------------------------------------------------------


@generators.operation("POST", "/v1/generate-objectives")
def generate_objectives(call: ApiCall, request: GenerateObjectivesRequest) -> GenerateObjectivesResponse:
    """Write the objectives of a digital human, from its intent, and store them."""
    human = _with_intent(call, request.test_case_id)
    text = drafted(call, "objectives", lambda _: f"1. {human.fields['intent']} {MADE_UP}", human.id)
    digital_humans.change(call.world, human, {"objectives": text})
    return GenerateObjectivesResponse(objectives=text, test_case_id=human.id)


@generators.operation("POST", "/v1/generate-intent-summary")
def generate_intent_summary(call: ApiCall, request: GenerateIntentSummaryRequest) -> GenerateIntentSummaryResponse:
    """Write a summary of a digital human's intent, and store it; for a short intent, clear it."""
    human = _with_intent(call, request.test_case_id)
    text = _summary(call, "intent_summary", human.fields["intent"], human.id)
    digital_humans.change(call.world, human, {"intent_summary": text})
    return GenerateIntentSummaryResponse(intent_summary=text, test_case_id=human.id, skipped=text is None)


@generators.operation("POST", "/v1/generate-prompt-summary")
def generate_prompt_summary(call: ApiCall, request: GeneratePromptSummaryRequest) -> GeneratePromptSummaryResponse:
    """Write a summary of a version of a prompt, unless it is short, and store nothing."""
    version = call.require("prompt", request.prompt_id)
    text = _summary(call, "prompt_summary", text_of(call.world, version), version.id)
    return GeneratePromptSummaryResponse(prompt_summary=text, prompt_id=version.id, skipped=text is None)


def _summary(call: ApiCall, kind: str, text: str, subject: Any) -> str | None:
    return drafted(call, kind, lambda _: f"{text[:100]}… {MADE_UP}", subject) if len(text) > LONG_TEXT else None


def _with_intent(call: ApiCall, id: int) -> Entity:
    """Return a digital human. Raises `Refused` if it has a workflow or voicemail tag or no intent, as documented."""
    human = call.require("digital human", id)
    for word in ("workflow", "voicemail"):
        if has_tag(human.fields, word):
            raise Refused(f"The digital human has a {word} tag")
    if not human.fields["intent"]:
        raise Refused("The digital human has no intent")
    return human


@generators.operation("POST", "/v1/generate-test-scenarios")
def generate_test_scenarios(call: ApiCall) -> Any:
    """Return scenarios, and store nothing. The shapes of the body and the answer, which are not published, are ours."""
    scenario = {"intent": f"Ask a question. {MADE_UP}", "success_criteria": f"It is answered. {MADE_UP}"}
    return {"test_scenarios": drafted(call, "test_scenarios", lambda _: [scenario])}


@generators.operation("POST", "/v1/generate-trait-values")
def generate_trait_values(call: ApiCall, request: GenerateTraitValuesRequest) -> dict[str, list[dict[str, Any]]]:
    """Return a value of each trait for each scenario, by the scenario's index."""
    today = datetime_at(call.world.settle()).date()

    def value(kind: TraitDataType, chance: random.Random) -> Any:
        if kind is TraitDataType.STRING:
            return f"{chance.choice(_NAMES)} {MADE_UP}"
        number = chance.randrange(100)
        day = (today - timedelta(days=number)).isoformat()
        return {TraitDataType.BOOLEAN: number % 2 == 0, TraitDataType.NUMBER: number, TraitDataType.DATE: day}[kind]

    given: list[Any] = drafted(call, "trait_values", lambda _: [])
    return {
        str(index): [
            {
                "name": trait.name,
                "data_type": trait.data_type.value,
                "value": given[index]
                if index < len(given)
                else value(trait.data_type, random.Random(f"{call.world.seed}:{index}:{trait.name}:{scenario}")),
            }
            for trait in request.traits
        ]
        for index, scenario in enumerate(request.scenarios)
    }


# --- transcripts ------------------------------------------------------------------------------------------------


@generators.operation("POST", "/v1/generate-formatted-transcript")
def generate_formatted_transcript(
    call: ApiCall, request: GenerateFormattedTranscriptRequest
) -> GenerateFormattedTranscriptResponse:
    """Return a transcript as entries, and the first words of a digital human that says the same."""
    spoken = drafted(call, "formatted_transcript", lambda _: spoken_in(request.original_transcript))
    first = spoken[0] if spoken else {}
    begins = first.get("role") == "USER"
    return GenerateFormattedTranscriptResponse(
        formatted_transcript=spoken,
        description=utterances(spoken),
        speaks_first_config=SpeaksFirstConfig(
            speaks_first=begins,
            mode="custom" if begins else None,
            message=first.get("utterance") if begins else None,
        ),
    )


@generators.operation("POST", "/v1/translate-transcript")
def translate_transcript(call: ApiCall, request: TranslateRequest) -> TranslateTranscriptResponse:
    """Translate a transcript, and return the URL of the translation."""
    if isinstance(request, TranslateSimulationTranscriptRequest):
        entries = _entries_of_result(call, request.simulation_result_id)
    else:
        log = call.require("call log", request.conversation_id)
        entries = log.fields.get("transcript") or []
    url = _translated(call, entries, request.target_language)
    return TranslateTranscriptResponse(translated_transcript_url=url, target_language=request.target_language)


@generators.operation("POST", "/v1/generate-translated-transcript/{test_result_id}")
def generate_translated_transcript(call: ApiCall, test_result_id: str) -> Any:
    """Translate the transcript of a simulation result into English, and return the URL of the translation."""
    url = _translated(call, _entries_of_result(call, test_result_id), "en")
    return {"status": "success", "message": "Transcript translated", "translated_transcript_url": url}


@generators.operation("GET", "/fake/translations/{translation_id}.json", needs_key=False)
def retrieve_translation(call: ApiCall, translation_id: str) -> list[dict[str, Any]]:
    """Return a translation. Bluejay has no such endpoint: our URLs lead here, and need no key."""
    found = call.world.resources[TRANSLATIONS].get(translation_id)
    if found is None:
        raise NotFound("Translation not found")
    entries: list[dict[str, Any]] = found.fields["transcript"]
    return entries


def _entries_of_result(call: ApiCall, id: object) -> list[Any]:
    return list(transcript(find_result(call.world, call.organisation, id)))


def _translated(call: ApiCall, entries: list[Any], language: str) -> str:
    said = drafted(call, "translation", lambda _: [f"[{language}] {one['utterance']} {MADE_UP}" for one in entries])
    translated = [{**one, "utterance": text} for one, text in zip(entries, said, strict=False)]
    fields = {"target_language": language, "transcript": translated}
    translation = call.world.resources[TRANSLATIONS].add(call.organisation, fields)
    return call.own_url(f"/fake/translations/{translation.id}.json")


# --- prompts and graphs -----------------------------------------------------------------------------------------


@generators.operation("POST", "/v1/optimize/metric-prompt")
def optimize_metric_prompt(call: ApiCall, request: OptimizeMetricPromptRequest) -> OptimizeMetricPromptResponse:
    """Return a better prompt for a metric, and store nothing."""
    better = drafted(call, "metric_prompt", lambda _: f"{request.prompt} {MADE_UP}", request.name)
    return OptimizeMetricPromptResponse(optimized_prompt=better)


@generators.operation("POST", "/v1/optimize/metric-prompt-with-diff")
def optimize_metric_prompt_with_diff(
    call: ApiCall, request: OptimizeMetricPromptWithDiffRequest
) -> OptimizeMetricPromptResponse:
    """Return a better prompt for a metric, from people's disagreements with it. Documented: there must be one."""
    if not request.evaluation_diffs:
        raise Refused("evaluation_diffs is required and must not be empty")
    return optimize_metric_prompt(call, request)


@generators.operation("POST", "/v1/workflow/generate-from-prompt")
def generate_workflow(call: ApiCall, request: GenerateWorkflowFromPromptRequest) -> GenerateWorkflowFromPromptResponse:
    """Return a graph for a prompt, and store nothing."""
    turn = {"speaker": "agent", "type": "contextual", "message": f"{request.prompt} {MADE_UP}"}
    graph: dict[str, Any] = {
        "nodes": [{"id": "start", "type": "start"}, {"id": "1", "type": "single", "data": turn}],
        "edges": [{"id": "start-1", "source": "start", "target": "1"}],
    }
    return GenerateWorkflowFromPromptResponse(definition=drafted(call, "workflow", lambda _: graph))


@generators.operation("POST", "/v1/workflow/generate-definition")
def generate_definition(call: ApiCall) -> Any:
    """Answer with the endpoint to call instead: this one is published as a deprecated placeholder."""
    return {
        "message": "Deprecated: use POST /v1/workflow/generate-from-prompt or POST /v1/workflow/validate-definition"
    }
