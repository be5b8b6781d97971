"""Digital humans: Bluejay's callers, who talk to the agent under test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AliasChoices, Field

from fake_bluejay.bluejay.models.wire import DEPRECATED, PAGE, Wire, like, of_openapi, shape
from fake_bluejay.bluejay.resources import PAGES, Operations, as_fields, changes
from fake_bluejay.core.clock import Moment
from fake_bluejay.core.errors import Conflict, DomainError, Refused
from fake_bluejay.core.readings import Contract
from fake_bluejay.core.resources import Entity, Link, Resource, int_ids
from fake_bluejay.core.world import World
from fake_bluejay.http.operation import ApiCall

# The values of a `StrEnum` that is made of names are these in lower case.
LanguageType = StrEnum("LanguageType", "EN ES PT JA TR HI AR RU ZH ML FR YUE VI DE")
LanguageType.__doc__ = "The language of a digital human."

AccentType = StrEnum(
    "AccentType",
    "MULTILINGUAL AMERICAN AMERICAN2 MATURE SOUTHERN ITALIAN INDIAN BRITISH AUSTRALIAN MEXICAN SPANISH "
    "PORTUGUESE FRENCH TURKISH JAPANESE HINDI ARABIC RUSSIAN CHINESE GERMAN",
)
AccentType.__doc__ = "The accent of a digital human."

GenderType = StrEnum("GenderType", "MALE FEMALE")
GenderType.__doc__ = "The gender of a voice."

BackgroundNoiseType = StrEnum("BackgroundNoiseType", "NONE OFFICE TALKING TRAFFIC CAFE PARK TV")
BackgroundNoiseType.__doc__ = "The noise behind the voice."

VoiceSpeedType = StrEnum("VoiceSpeedType", "SLOWEST SLOW NORMAL FAST FASTEST")
VoiceSpeedType.__doc__ = "The speed of speech."

AudioQualityType = StrEnum("AudioQualityType", "HIGH MEDIUM LOW HORRIBLE")
AudioQualityType.__doc__ = "The quality of the line."

FluencyType = StrEnum("FluencyType", "BEGINNER INTERMEDIATE NATIVE")
FluencyType.__doc__ = "The fluency of a digital human in the language."

VerbosityType = StrEnum("VerbosityType", "LOW MEDIUM HIGH")
VerbosityType.__doc__ = "The length of a digital human's utterances."


class TraitDataType(StrEnum):
    """The type of a trait's value."""

    BOOLEAN = "BOOLEAN"
    STRING = "STRING"
    DATE = "DATE"
    NUMBER = "NUMBER"


MatchType = StrEnum("MatchType", "EXACT CONTEXT")
MatchType.__doc__ = "The trigger of a scripted response."

ResponseType = StrEnum("ResponseType", "PHRASE SILENCE DTMF")
ResponseType.__doc__ = "The action of a scripted response."

DtmfOrVoicedType = StrEnum("DtmfOrVoicedType", "VOICED DTMF")
DtmfOrVoicedType.__doc__ = "The way in which a digital human gives numbers: keys or speech."

OccurrenceMode = StrEnum("OccurrenceMode", "ALWAYS FIRST_N")
OccurrenceMode.__doc__ = "The frequency of a scripted response."


AnyBackgroundNoise = BackgroundNoiseType | Literal["noisy_restaurant", "hospital", "custom"]
"""The noises of the OpenAPI, and those of the SDK."""


class ExpectedToolCall(Wire):
    """A tool that the agent is expected to call."""

    name: str
    parameters: dict[str, Any] | None = None
    output: Any | None = None


class Trait(Wire):
    """A fact about a digital human, which the customer's systems know."""

    trait_name: str
    trait_data_type: TraitDataType
    value: Any
    is_sip_header: bool = False


class SimpleInterruptionConfig(Wire):
    """The frequency of interruptions without a special cause."""

    type: Literal["none", "low", "medium", "high"]


class KeywordResponse(Wire):
    """An utterance in answer to a keyword, with its probability."""

    keyword: str
    response: str
    probability: Annotated[float, Field(ge=0, le=1)] = 1.0


class KeywordsInterruptionConfig(Wire):
    """The keywords at which a digital human interrupts."""

    type: Literal["keywords"]
    keyword_responses: list[KeywordResponse]


class ContextualInterruptionConfig(Wire):
    """A description of the situations in which a digital human interrupts."""

    type: Literal["contextual"]
    contextual_prompt: str


class ScriptedResponse(Wire):
    """An answer that a digital human always gives in a situation."""

    match_type: MatchType
    match_phrase: str
    response_type: ResponseType
    response_value: str | None = None
    scripted_response_audio_snippet_url: str | None = None
    occurrence_mode: OccurrenceMode
    occurrence_n: Annotated[int, Field(gt=0)] | None = None
    silence_duration: Annotated[int, Field(gt=0)] | None = None


class SpeaksFirstConfig(Wire):
    """The choice whether a digital human speaks first, with its first words."""

    speaks_first: bool
    mode: Literal["custom", "ai_generated"] | None = None
    message: str | None = None
    dynamic: bool | None = None


class JourneyStep(Wire):
    """A step of a customer journey. Only the newest documentation has the fields after `success_criteria`."""

    step: int
    intent: str = ""
    success_criteria: str = ""
    modality: str | None = None
    direction: str | None = None
    wait_seconds: float | None = None
    response_window_seconds: float | None = None
    unresponsive: bool | None = None
    phone_number: str | None = None


_Interruptions = SimpleInterruptionConfig | KeywordsInterruptionConfig | ContextualInterruptionConfig
_Volume = Annotated[float, Field(ge=0, le=1)]
_Creativity = Annotated[float, Field(ge=0, le=2)]
_Silence = Annotated[int, Field(ge=15)]
_Runs = Annotated[int, Field(ge=1)]
_PATIENCE = AliasChoices("endpointing_delay", "patience")
"""The names that requests may have for the delay, as documented; if both are given, the first counts."""


class DigitalHumanRequestData(Wire):
    """A new digital human. Any language and accent is accepted, because Bluejay adds new ones."""

    bluejay_as_code_id: UUID | None = None
    intent: str = ""
    success_criteria: str = ""
    name: str | None = None
    tag: str | None = None
    tags: list[str] | None = None
    system_prompt_rule_ids: list[str] | None = None
    system_prompt_rule_quotes: list[str] | None = None
    language: str | None = "en"
    accent: str | None = None
    gender: GenderType | None = None
    custom_voice_id: str | None = None
    background_noise: AnyBackgroundNoise | None = BackgroundNoiseType.NONE
    custom_background_noise_url: str | None = None
    voice_speed: VoiceSpeedType | None = VoiceSpeedType.NORMAL
    audio_quality: AudioQualityType | None = AudioQualityType.HIGH
    connection_quality: str | None = None
    fluency: FluencyType | None = FluencyType.NATIVE
    verbosity: VerbosityType | None = VerbosityType.MEDIUM
    phone_number: str | None = None
    extension: str | None = None
    outbound_text_number: str | None = None
    follow_up_sms_success_criteria: str | None = None
    background_noise_volume: _Volume | None = 0.8
    expected_tool_calls: list[ExpectedToolCall] | None = None
    allow_end_call_tool: bool | None = True
    allow_silence_tool: bool | None = False
    allow_dtmf_tool: bool | None = True
    default_dtmf_or_voiced: DtmfOrVoicedType | None = DtmfOrVoicedType.VOICED
    silence_tool_instructions: str | None = "default"
    endpointing_delay: Annotated[float | None, Field(validation_alias=_PATIENCE)] = 1.5
    creativity: _Creativity | None = 0.7
    hangup_phrases: list[str] | None = None
    hangup_instructions: str | None = None
    silence_timeout: _Silence | None = None
    role_description: str | None = None
    traits: list[Trait] | None = None
    interruptions: _Interruptions | None = None
    scripted_responses: list[ScriptedResponse] | None = None
    scripted_responses_ordered: bool | None = None
    speaks_first_config: SpeaksFirstConfig | None = None
    original_transcript: str | None = None
    formatted_transcript: list[dict[str, str]] | None = None
    enriched_playback: list[dict[str, Any]] | None = None
    workflow_v2_id: UUID | None = None
    workflow_path_index: Annotated[int, Field(ge=0)] | None = None
    tested_path: list[str] | None = None
    journey_steps: list[JourneyStep] | None = None
    always_on_mode: bool | None = False
    always_on_active: bool | None = None
    num_runs: _Runs | None = 1
    livekit_metadata: dict[str, Any] | None = None
    test_name: str | None = None
    attack_vector: str | None = None
    attack_type: str | None = None
    attack_plan: dict[str, Any] | None = None


class CreateDigitalHumanRequest(Wire):
    """A new digital human, and its simulations: a list or, as before, one."""

    simulation_ids: list[int] | None = None
    simulation_id: Annotated[int | None, DEPRECATED] = None
    digital_human: DigitalHumanRequestData


class BulkCreateDigitalHumansRequest(Wire):
    """New digital humans, and the simulations that all of them take part in."""

    simulation_ids: list[int] | None = None
    digital_humans: Annotated[list[DigitalHumanRequestData], Field(min_length=1, max_length=100)]


UpdateDigitalHumanRequest = like(
    DigitalHumanRequestData,
    "UpdateDigitalHumanRequest",
    "A change of a digital human.",
    """
    intent success_criteria name tag language accent gender custom_voice_id background_noise custom_background_noise_url
    voice_speed audio_quality connection_quality fluency verbosity
    phone_number extension outbound_text_number follow_up_sms_success_criteria background_noise_volume
    expected_tool_calls allow_end_call_tool allow_silence_tool allow_dtmf_tool default_dtmf_or_voiced
    silence_tool_instructions endpointing_delay creativity hangup_phrases hangup_instructions silence_timeout
    simulation_ids traits interruptions scripted_responses scripted_responses_ordered role_description
    speaks_first_config original_transcript formatted_transcript enriched_playback num_runs livekit_metadata
    always_on_mode always_on_active test_name journey_steps override_conflict
    """,
    language=(str | None, "en"),
    background_noise=(AnyBackgroundNoise | None, BackgroundNoiseType.NONE),
    voice_speed=(VoiceSpeedType | None, VoiceSpeedType.NORMAL),
    background_noise_volume=(_Volume | None, 0.8),
    endpointing_delay=(Annotated[float | None, Field(validation_alias=_PATIENCE)], 1.5),
    creativity=(_Creativity | None, 0.7),
    simulation_ids=(list[int] | None, None),
    override_conflict=(bool | None, False),
)


class DigitalHumanUpdate(Wire):
    """A change of a digital human, with its id."""

    digital_human_id: int
    update: UpdateDigitalHumanRequest  # type: ignore[valid-type]


class BulkUpdateDigitalHumansRequest(Wire):
    """Changes of several digital humans. Only public clients are known to send it."""

    updates: list[DigitalHumanUpdate]


class DigitalHumanResponseData(Wire):
    """A digital human."""

    id: int | None = None
    bluejay_as_code_id: UUID | None = None
    intent: str
    success_criteria: str
    tag: str | None = None
    tags: list[str] | None = None
    name: str | None = None
    system_prompt_rule_ids: list[str] | None = None
    system_prompt_rule_quotes: list[str] | None = None
    language: str | None = None
    accent: str | None = None
    gender: GenderType | None = None
    custom_voice_id: str | None = None
    background_noise: str | None = None
    custom_background_noise_url: str | None = None
    voice_speed: str | None = None
    audio_quality: str | None = None
    connection_quality: str | None = None
    fluency: str | None = None
    verbosity: str | None = None
    phone_number: str | None = None
    extension: str | None = None
    outbound_text_number: str | None = None
    follow_up_sms_success_criteria: str | None = None
    websocket_url: str | None = None
    background_noise_volume: float | None = None
    expected_tool_calls: list[ExpectedToolCall] | None = None
    allow_end_call_tool: bool | None = True
    allow_silence_tool: bool | None = False
    allow_dtmf_tool: bool | None = True
    default_dtmf_or_voiced: str | None = "voiced"
    silence_tool_instructions: str | None = "default"
    endpointing_delay: float | None = None
    creativity: float | None = None
    hangup_phrases: list[str] | None = None
    hangup_instructions: str | None = None
    silence_timeout: int | None = None
    role_description: str | None = None
    created_at: Moment | None = None
    traits: list[Trait] | None = None
    interruptions: dict[str, Any] | None = None
    scripted_responses: list[ScriptedResponse] | None = None
    scripted_responses_ordered: bool | None = None
    speaks_first_config: SpeaksFirstConfig | None = None
    original_transcript: str | None = None
    formatted_transcript: list[dict[str, str]] | None = None
    enriched_playback: list[dict[str, Any]] | None = None
    workflow_v2_id: UUID | None = None
    workflow_path_index: int | None = None
    tested_path: list[str] | None = None
    livekit_metadata: dict[str, Any] | None = None
    test_name: str | None = None
    journey_steps: list[JourneyStep] | None = None
    attack_vector: str | None = None
    attack_type: str | None = None
    attack_plan: dict[str, Any] | None = None


class DigitalHumanResponse(Wire):
    """A digital human and its simulations: all of them and, as before, the first."""

    digital_human: DigitalHumanResponseData
    simulation_ids: list[int] | None = None
    simulation_id: Annotated[int | None, DEPRECATED] = None


class BulkCreateDigitalHumansResponse(Wire):
    """The digital humans that were created, and the index and the reason of each failure."""

    created: list[DigitalHumanResponse] = Field(default_factory=list)
    errors: list[dict[str, Any]] = Field(default_factory=list)


class BulkUpdateDigitalHumansResponse(Wire):
    """The digital humans that were changed, and the id and the reason of each failure."""

    updated: list[DigitalHumanResponse] = Field(default_factory=list)
    errors: list[dict[str, Any]] = Field(default_factory=list)


class BulkDeleteDigitalHumansResponse(Wire):
    """The digital humans that were deleted, and the id and the reason of each failure."""

    deleted: list[DigitalHumanResponseData] = Field(default_factory=list)
    errors: list[dict[str, Any]] = Field(default_factory=list)


_FEWER_CHOICES = {
    "language": (LanguageType | None, LanguageType.EN),
    "accent": (AccentType | None, None),
    "background_noise": (BackgroundNoiseType | None, BackgroundNoiseType.NONE),
}
_OF_OPENAPI = of_openapi(DigitalHumanRequestData, **_FEWER_CHOICES, allow_silence_tool=(bool | None, True))
DIGITAL_HUMANS = Resource(
    "digital human",
    links=(Link("simulation_ids", to="simulation"),),
    example={"intent": "Ask something.", "success_criteria": "It is answered.", "phone_number": "+15555550100"},
)
_MOST_AT_ONCE = 100


_OF_INTENT = ("intent", "success_criteria", "role_description", "original_transcript", "formatted_transcript")
"""The fields that are not for a digital human with a workflow tag."""


def has_tag(fields: Mapping[str, Any], word: str) -> bool:
    """Return whether a word is in a tag of a digital human, in any case: `workflow` in `Workflow Adherence`."""
    return any(word in tag.lower() for tag in (fields.get("tag") or "", *(fields.get("tags") or ())))


def create_digital_human(
    world: World,
    organisation: str,
    request: DigitalHumanRequestData,
    simulation_ids: Iterable[int] = (),
    *,
    generated: bool = False,
) -> Entity:
    """Make a digital human.

    Args:
        world: The world to add it to.
        organisation: The name of the organisation that it belongs to.
        request: Its fields.
        simulation_ids: The simulations that it takes part in.
        generated: True if Bluejay makes it; then fields that a client may not give are left out.

    Raises:
        NotFound: There is no such simulation.
        Conflict: The phone number is in use.
        Refused: A field is not for digital humans with its tag, or it cannot take part in an always-on simulation.
    """
    fields = as_fields(request)
    if "num_runs" not in request.model_fields_set:
        fields["num_runs"] = None  # the default would count as its own setting, before its simulation's
    if has_tag(fields, "workflow"):
        if not generated:
            _refuse_intent(fields)
        fields |= {"intent": "", "success_criteria": "", "role_description": None}
    elif not generated:
        fields |= by_transcript(fields, {})
    if fields["enriched_playback"]:
        fields |= {"intent": "", "success_criteria": ""}
    if fields["always_on_active"] is None and fields["phone_number"] is not None:
        fields["always_on_active"] = True  # documented: the default, if it has a number
    fields["simulation_ids"] = _known(world, organisation, simulation_ids, fields)
    _refuse_conflict(world, organisation, fields)
    return world.resources[DIGITAL_HUMANS].add(organisation, fields)


def _refuse_intent(fields: Mapping[str, Any]) -> None:
    """Refuse a new digital human with a workflow tag that has no playback, or has fields that are not for it."""
    if not fields["enriched_playback"]:
        raise Refused("enriched_playback is needed, a list that is not empty: the digital human has a workflow tag")
    for name in _OF_INTENT:
        if (given := fields[name]) is not None and (name.endswith("transcript") or given.strip()):
            raise Refused(f"{name} must be left out: the digital human has a workflow tag, and plays back")


digital_humans = Operations(
    DIGITAL_HUMANS,
    returns=DigitalHumanResponseData,
    values=lambda human: {"simulation_id": next(iter(human.fields["simulation_ids"]), None)},
    new=create_digital_human,
    request=DigitalHumanRequestData,
    stored=shape("StoredDigitalHuman", "A digital human.", simulation_ids=list[int]),
)

digital_humans.get("GET", "/v1/digital-human/{digital_human_id}", returns=DigitalHumanResponse)
digital_humans.get("GET", "/v1/digital-human-by-test-name/{test_name}", by="test_name", returns=DigitalHumanResponse)


@digital_humans.operation(
    "GET",
    "/v1/digital-humans",
    paging=replace(PAGES, ends=True),
    returns=shape(
        "PaginatedDigitalHumansResponse",
        "A page of the digital humans.",
        digital_humans=list[DigitalHumanResponseData],
        **PAGE,
    ),
)
def list_digital_humans(call: ApiCall) -> list[Entity]:
    """Return all digital humans, the newest first."""
    return call.world.resources[DIGITAL_HUMANS].of(call.organisation)[::-1]


digital_humans.list(
    "GET",
    "/v1/digital-humans-by-simulation/{simulation_id}",
    returns=shape(
        "DigitalHumansListResponse",
        "The digital humans of a simulation.",
        digital_humans=list[DigitalHumanResponseData],
        total=int,
        simulation_id=int,
    ),
)
digital_humans.delete("DELETE", "/v1/digital-human/{digital_human_id}")


@digital_humans.operation(
    "POST",
    "/v1/create-digital-human",
    takes_under={Contract.OPENAPI: of_openapi(CreateDigitalHumanRequest, digital_human=_OF_OPENAPI)},
    returns=DigitalHumanResponse,
)
def create(call: ApiCall, request: CreateDigitalHumanRequest) -> Entity:
    """Create a digital human."""
    ids = [*(request.simulation_ids or ()), *([] if request.simulation_id is None else [request.simulation_id])]
    return create_digital_human(call.world, call.organisation, request.digital_human, ids)


@digital_humans.operation(
    "POST",
    "/v1/create-digital-humans",
    takes_under={
        Contract.OPENAPI: of_openapi(
            BulkCreateDigitalHumansRequest,
            digital_humans=Annotated[list[_OF_OPENAPI], Field(min_length=1, max_length=100)],  # type: ignore[valid-type]
        )
    },
)
def create_many(call: ApiCall, request: BulkCreateDigitalHumansRequest) -> BulkCreateDigitalHumansResponse:
    """Create digital humans that take part in the same simulations."""
    answer = BulkCreateDigitalHumansResponse()
    ids = request.simulation_ids or []
    for id in ids:
        call.require("simulation", id)
    for index, human in enumerate(request.digital_humans):
        try:
            new = create_digital_human(call.world, call.organisation, human, ids)
            answer.created.append(digital_humans.filled(new, DigitalHumanResponse))
        except DomainError as error:
            answer.errors.append({"index": index, "detail": error.detail})
    return answer


@digital_humans.operation(
    "PUT",
    "/v1/update-digital-human/{digital_human_id}",
    takes=UpdateDigitalHumanRequest,
    takes_under={Contract.OPENAPI: of_openapi(UpdateDigitalHumanRequest, **_FEWER_CHOICES)},
    returns=DigitalHumanResponse,
)
def update_digital_human(call: ApiCall, digital_human: Entity, request: Wire) -> Entity:
    """Change a digital human. Documented: lists of simulations, traits, … are replaced, not added to."""
    _update(call, digital_human, request)
    return digital_human


@digital_humans.operation("PUT", "/v1/update-digital-humans")
def update_many(call: ApiCall, request: BulkUpdateDigitalHumansRequest) -> BulkUpdateDigitalHumansResponse:
    """Change digital humans, each in its own way. Failures are listed, and the others are changed."""
    answer = BulkUpdateDigitalHumansResponse()
    for one in request.updates:
        try:
            human = call.require("digital human", one.digital_human_id)
            _update(call, human, one.update)
        except DomainError as error:
            answer.errors.append({"digital_human_id": one.digital_human_id, "detail": error.detail})
        else:
            answer.updated.append(digital_humans.filled(human, DigitalHumanResponse))
    return answer


@digital_humans.operation("DELETE", "/v1/delete-digital-humans")
def delete_many(call: ApiCall, digital_human_ids: str) -> BulkDeleteDigitalHumansResponse:
    """Delete digital humans, given by their ids in one text, and return them."""
    texts = [text.strip() for text in digital_human_ids.split(",")]
    if len(texts) > _MOST_AT_ONCE:
        raise Refused(f"At most {_MOST_AT_ONCE} digital humans can be deleted at once")
    answer = BulkDeleteDigitalHumansResponse()
    for text in texts:
        id = int_ids.read(text)
        try:
            human = call.require("digital human", id)
        except DomainError as error:
            answer.errors.append({"id": text if id is None else id, "detail": error.detail})
        else:
            call.world.resources.remove(human)
            answer.deleted.append(digital_humans.filled(human, DigitalHumanResponseData))
    return answer


def _update(call: ApiCall, human: Entity, request: Wire) -> None:
    changed = changes(request, call.world.readings, digital_humans.never_null)
    overrides = changed.pop("override_conflict", False)
    if has_tag({"tag": changed["tag"]} if "tag" in changed else human.fields, "workflow"):
        for name in _OF_INTENT:
            if name in changed and changed[name] != human.fields.get(name):
                raise Refused(f"{name} cannot be changed: the digital human has a workflow tag, and plays back")
    else:
        changed |= by_transcript(changed, human.fields)
    after = {**human.fields, **changed}
    if "simulation_ids" in changed:
        changed["simulation_ids"] = _known(call.world, call.organisation, changed["simulation_ids"], after)
    if overrides:
        for other in conflicting(call.world, call.organisation, after, human):
            call.world.resources.change(other, {"always_on_active": False})
    elif changed.keys() & {"always_on_active", "always_on_mode", "phone_number"}:
        _refuse_conflict(call.world, call.organisation, after, human)
    call.world.resources.change(human, changed)


def by_transcript(given: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that follow from a new transcript: its two forms, and the intent, as documented.

    A transcript as text is formatted unless the formatted one is given, too; a formatted one alone replaces the text.
    """
    from fake_bluejay.bluejay.transcripts import spoken_in, utterances

    original, formatted = given.get("original_transcript"), given.get("formatted_transcript")
    if formatted is None and original is not None and original != before.get("original_transcript"):
        formatted = spoken_in(original)
    if not formatted:
        return {}
    return {"original_transcript": original, "formatted_transcript": formatted, "intent": utterances(formatted)}


def _known(world: World, organisation: str, simulation_ids: Iterable[int], fields: Mapping[str, Any]) -> list[int]:
    """Return the ids of simulations, each once, if a digital human of these fields can take part in them.

    Raises:
        NotFound: One does not exist.
        Refused: One is always on, and the digital human is not.
    """
    found = [world.resources.require("simulation", id, organisation) for id in dict.fromkeys(simulation_ids)]
    if not fields.get("always_on_mode") and any(one.fields.get("always_on") for one in found):
        raise Refused("always_on_mode must be true: the simulation is always on")
    return [one.id for one in found]


def _takes_calls(fields: Mapping[str, Any]) -> bool:
    """Return whether a digital human always takes calls: it is always on, has a number, and was not made inactive."""
    active = fields.get("always_on_active") is not False
    return bool(fields.get("always_on_mode")) and active and fields.get("phone_number") is not None


def conflicting(world: World, organisation: str, fields: dict[str, Any], but: Entity | None = None) -> list[Entity]:
    """Return the others that take calls on the number of a digital human of these fields, if it takes calls."""
    if not _takes_calls(fields):
        return []
    same_number = world.resources[DIGITAL_HUMANS].of(organisation, phone_number=fields["phone_number"])
    return [human for human in same_number if human is not but and _takes_calls(human.fields)]


def _refuse_conflict(world: World, organisation: str, fields: dict[str, Any], but: Entity | None = None) -> None:
    # Documented: `override_conflict` replaces one that is active on the same number; without it, 409 is listed.
    if conflicting(world, organisation, fields, but):
        raise Conflict("Another digital human is active on this phone number")
