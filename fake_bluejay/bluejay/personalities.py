"""Personalities: manners of speech. A simulation calls each digital human once in each personality that it selects.

Only the documentation of September 2026 has them. It gives the fields of requests; the answers are ours.
"""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from fake_bluejay.bluejay.digital_humans import (
    AnyBackgroundNoise,
    AudioQualityType,
    FluencyType,
    VerbosityType,
    VoiceSpeedType,
)
from fake_bluejay.bluejay.models.wire import Wire, like, shape
from fake_bluejay.bluejay.resources import Operations, as_fields
from fake_bluejay.bluejay.simulations import simulations
from fake_bluejay.core.clock import Moment
from fake_bluejay.core.resources import Entity, Resource, uuid_ids
from fake_bluejay.http.operation import ApiCall


class _Delivery(Wire):
    """The manner of speech, which every model of a personality has."""

    language: str | None = None
    accent: str | None = None
    gender: str | None = None
    background_noise: AnyBackgroundNoise | None = None
    background_noise_volume: float | None = None
    custom_background_noise_url: str | None = None
    voice_speed: VoiceSpeedType | None = None
    audio_quality: AudioQualityType | None = None
    connection_quality: str | None = None
    fluency: FluencyType | None = None
    verbosity: VerbosityType | None = None
    endpointing_delay: float | None = None
    silence_timeout: int | None = None
    temperature: float | None = None
    interruption_configs: dict[str, Any] | None = None
    role_description: str | None = None


class NewPersonality(_Delivery):
    """A new personality."""

    name: str


class CreatePersonalitiesRequest(Wire):
    """A list of new personalities."""

    personalities: Annotated[list[NewPersonality], Field(min_length=1)]


class Personality(_Delivery):
    """A personality."""

    id: UUID
    name: str
    created_at: Moment


class Personalities(Wire):
    """Personalities."""

    personalities: list[Personality]


class SelectedPersonalities(Wire):
    """The personalities that a simulation selects, in place of the earlier ones."""

    personality_ids: list[UUID] = Field(default_factory=list)


PERSONALITIES = Resource("personality", ids=uuid_ids, example={"name": "Personality"})
personalities = Operations(PERSONALITIES, returns=Personality, request=NewPersonality)
selections = Operations()

personalities.list("GET", "/v1/personalities", returns=Personalities)
personalities.update(
    "PATCH",
    "/v1/personalities/{personality_id}",
    like(NewPersonality, "UpdatePersonalityRequest", "A change of a personality."),
)
personalities.delete(
    "DELETE",
    "/v1/personalities/{personality_id}",
    returns=shape(
        "DeletePersonalityResponse", "A personality that was deleted.", message=str, deleted_personality_id=UUID
    ),
)


@personalities.operation("POST", "/v1/personalities", returns=Personalities)
def create_personalities(call: ApiCall, request: CreatePersonalitiesRequest) -> list[Entity]:
    """Create personalities."""
    fields = as_fields(request)["personalities"]
    return [call.world.resources[PERSONALITIES].add(call.organisation, one) for one in fields]


@selections.operation("GET", "/v1/simulations/{simulation_id}/personalities")
def get_simulation_personalities(call: ApiCall, simulation_id: int) -> Personalities:
    """Return the personalities that a simulation selects."""
    return _selected(call, call.require("simulation", simulation_id))


@selections.operation("PUT", "/v1/simulations/{simulation_id}/personalities")
def set_simulation_personalities(call: ApiCall, simulation_id: int, request: SelectedPersonalities) -> Personalities:
    """Select the personalities of a simulation. Each later run calls every digital human in each of them."""
    simulation = call.require("simulation", simulation_id)
    simulations.change(call.world, simulation, {"personality_ids": [str(id) for id in request.personality_ids]})
    return _selected(call, simulation)


def _selected(call: ApiCall, simulation: Entity) -> Personalities:
    ids = simulation.fields.get("personality_ids") or ()
    return Personalities.model_validate(
        {"personalities": [personalities.shown(call.require("personality", id)) for id in ids]}
    )
