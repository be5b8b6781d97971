"""Bluejay as code: a bundle of simulations and all that belongs to them, to be kept in files, pulled and pushed.

An item of a bundle has the fields of the request that creates it, and a `bluejay_as_code_id`, by which a push finds it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, Field, ValidationError

from fake_bluejay.bluejay.agents import AGENTS, AgentRequest, agents, create_agent
from fake_bluejay.bluejay.digital_humans import (
    DIGITAL_HUMANS,
    DigitalHumanRequestData,
    GenderType,
    by_transcript,
    create_digital_human,
    digital_humans,
)
from fake_bluejay.bluejay.metrics import METRICS, CreateCustomMetricRequest, create_metric, metrics
from fake_bluejay.bluejay.mistakes import pydantics_messages
from fake_bluejay.bluejay.models.runs import BACRunRequest, SimulationRunResponse
from fake_bluejay.bluejay.models.wire import Wire
from fake_bluejay.bluejay.resources import Operations, as_fields, not_null_fields
from fake_bluejay.bluejay.runs import queue_run, queued_answer
from fake_bluejay.bluejay.simulations import SIMULATIONS, SimulationRequest, create_simulation, simulations
from fake_bluejay.core.resources import Entity, Resource, not_found, uuid_ids
from fake_bluejay.core.world import World
from fake_bluejay.http.operation import ApiCall

_Item = dict[str, Any]


class BluejayAsCodePayload(Wire):
    """A bundle."""

    agents: list[dict[str, Any]]
    simulations: list[dict[str, Any]]
    digital_humans: list[dict[str, Any]]
    custom_metrics: list[dict[str, Any]]


class EntityValidationError(Wire):
    """A problem with an item of a bundle."""

    entity_type: str
    entity_id: Any
    errors: list[str]


class PushResponse(Wire):
    """The result of a push. If the bundle is not valid, nothing has changed, and `errors` has its problems."""

    valid: bool
    errors: list[EntityValidationError]
    actions: list[str] = Field([])
    simulation_id: int | None = None


class _CodeKind(NamedTuple):
    """A list of a bundle.

    Attributes:
        resource: The resource whose entities the list has.
        operations: The operations of the resource, with the rules for a change.
        request: The model of the request that creates an entity.
        defaults: Values for fields that the request needs and the documentation's own example leaves out.
        links: Names that a bundle has for links, in the place of ids.
        members: The list of the bundle that an item may name its own items of, by their code ids, under the same name.
        names: Names that an item may have → those of the request.
        pulled: The names, of those in `names`, that a pull uses instead of the request's.
        not_pulled: The fields that no pull has.
    """

    resource: Resource
    operations: Operations
    request: type[BaseModel]
    defaults: _Item
    links: tuple[str, ...] = ()
    names: _Item = {}  # noqa: RUF012 - a tuple, which nobody changes
    pulled: tuple[str, ...] = ()
    not_pulled: tuple[str, ...] = ()
    members: str = ""


_TRANSCRIPTS = ("original_transcript", "formatted_transcript")

_NOT_PULLED = (
    *("traits", "scripted_responses", "expected_tool_calls", "custom_voice_id", "extension", "num_runs"),
    *_TRANSCRIPTS,
    *("workflow_v2_id", "workflow_path_index", "tested_path"),
    *("attack_vector", "attack_type", "attack_plan", "livekit_metadata"),
)
"""Documented: a push stores these fields of a digital human, no pull has them, and the next push without them drops
them."""

_KINDS = {
    "agents": _CodeKind(
        AGENTS,
        agents,
        AgentRequest,
        {"goals": []},
        ("simulations",),
        {"agent_description": "system_prompt"},
        members="custom_metrics",
    ),
    "simulations": _CodeKind(
        SIMULATIONS,
        simulations,
        SimulationRequest,
        {"agent_id": ""},
        ("agent", "agent_id"),
        members="digital_humans",
    ),
    "digital_humans": _CodeKind(
        DIGITAL_HUMANS,
        digital_humans,
        DigitalHumanRequestData,
        {},
        ("simulations",),
        {
            "human_name": "name",
            "description": "intent",
            "temperature": "creativity",
            "patience": "endpointing_delay",
        },
        ("human_name", "description", "temperature"),
        _NOT_PULLED,
    ),
    "custom_metrics": _CodeKind(
        METRICS,
        metrics,
        CreateCustomMetricRequest,
        {"response_type": "pass_fail"},
        ("agents", "agent_id", "agent_ids"),
        {"prompt": "description", "eval_modality": "eval_route"},
    ),
}

_ROOTS = {"simulation": SIMULATIONS, "agent": AGENTS, "digital-human": DIGITAL_HUMANS, "custom-metric": METRICS}

bluejay_as_code = Operations()


@bluejay_as_code.operation("GET", "/v1/bluejay-as-code/pull/{simulation_bluejay_id}")
def pull_simulation(call: ApiCall, simulation_bluejay_id: str) -> BluejayAsCodePayload:
    """Return the bundle of a simulation; items without a `bluejay_as_code_id` get one."""
    return _bundle_of(call, "simulation", simulation_bluejay_id)


@bluejay_as_code.operation("GET", "/v1/bluejay-as-code/{root_type}/{root_id}")
def pull(
    call: ApiCall, root_type: Literal["simulation", "agent", "digital-human", "custom-metric"], root_id: str
) -> BluejayAsCodePayload:
    """Return the bundle of a simulation, or of all simulations of an agent, a digital human or a metric."""
    return _bundle_of(call, root_type, root_id)


@bluejay_as_code.operation("POST", "/v1/bluejay-as-code/push", tried_first=True)
def push_bundle(call: ApiCall, request: BluejayAsCodePayload) -> PushResponse:
    """Create and change the items of a bundle; items that are not in it are taken out of the simulation, and stay."""
    return _push(call, request)


@bluejay_as_code.operation("POST", "/v1/bluejay-as-code", tried_first=True)
def push(call: ApiCall, request: BluejayAsCodePayload) -> PushResponse:
    """Create and change the items of a bundle; items that are not in it are taken out of the simulation, and stay."""
    return _push(call, request)


@bluejay_as_code.operation("POST", "/v1/bluejay-as-code/run/{simulation_bac_id}")
def run(call: ApiCall, simulation_bac_id: str, request: BACRunRequest) -> SimulationRunResponse:
    """Queue a run of the simulation of that `bluejay_as_code_id`."""
    simulation = _of_code_id(call, SIMULATIONS, simulation_bac_id)
    if simulation is None:
        raise not_found("simulation")
    return SimulationRunResponse(**queued_answer(queue_run(call.world, simulation, not_null_fields(request))))


# --- pull ---------------------------------------------------------------------------------------------------------


def _bundle_of(call: ApiCall, root_type: str, root_id: str) -> BluejayAsCodePayload:
    resources, organisation = call.world.resources, call.organisation
    resource = _ROOTS[root_type]
    root = _of_code_id(call, resource, root_id) or resources.require(resource.name, root_id, organisation)
    belongs: dict[Resource, Callable[[Entity], bool]] = {
        SIMULATIONS: lambda simulation: simulation is root,
        AGENTS: lambda simulation: bool(simulation.fields["agent_id"] == root.id),
        DIGITAL_HUMANS: lambda simulation: simulation.id in root.fields["simulation_ids"],
        METRICS: lambda simulation: simulation.fields["agent_id"] in (root.fields["agent_ids"] or ()),
    }
    belonging = [one for one in resources.of("simulation", organisation) if belongs[resource](one)]
    simulation_ids = {one.id for one in belonging}
    agent_ids = {one.fields["agent_id"] for one in belonging}
    chosen = {
        "agents": [one for one in resources.of("agent", organisation) if one.id in agent_ids or one is root],
        "simulations": belonging,
        "digital_humans": [
            one
            for one in resources.of("digital human", organisation)
            if simulation_ids.intersection(one.fields["simulation_ids"]) or one is root
        ],
        "custom_metrics": [
            one
            for one in resources.of("metric", organisation)
            if agent_ids.intersection(one.fields["agent_ids"] or ()) or one is root
        ],
    }
    bundle = {name: [_item(call.world, name, one, chosen) for one in entities] for name, entities in chosen.items()}
    return BluejayAsCodePayload(**bundle)


def _item(world: World, name: str, entity: Entity, chosen: dict[str, list[Entity]]) -> _Item:
    """Return an item of a bundle; `chosen` has the entities of the whole bundle."""
    kind, resources = _KINDS[name], world.resources
    shown = {kind.names[pulled]: pulled for pulled in kind.pulled}
    fields = {
        shown.get(one, one): entity.fields.get(one)
        for one in kind.request.model_fields
        if one not in (*kind.links, *kind.not_pulled)
    }
    links: _Item = {}
    if kind.resource is AGENTS:
        owned = (one for one in chosen["simulations"] if one.fields["agent_id"] == entity.id)
        links["simulations"] = [_code_id(world, one) for one in owned]
    elif kind.resource is DIGITAL_HUMANS:
        found = (resources.find("simulation", id, entity.organisation) for id in entity.fields["simulation_ids"])
        links["simulations"] = [_code_id(world, one) for one in found if one is not None]
    elif kind.resource is METRICS:
        scored = (one for one in chosen["agents"] if one.id in (entity.fields["agent_ids"] or ()))
        links["agents"] = [_code_id(world, one) for one in scored]
    given_fields = {one: value for one, value in fields.items() if value is not None}
    return {**given_fields, "bluejay_as_code_id": _code_id(world, entity), **links}


def _code_id(world: World, entity: Entity) -> str:
    """Return the `bluejay_as_code_id` of an entity, which gets one if it has none."""
    if entity.resource is METRICS:
        return str(entity.id)
    if entity.fields.get("bluejay_as_code_id") is None:
        made = uuid_ids.make(world.seed, f"bluejay-as-code:{entity.resource.name}", entity.id)
        world.resources.change(entity, {"bluejay_as_code_id": made})
    return str(entity.fields["bluejay_as_code_id"])


def _of_code_id(call: ApiCall, resource: Resource, code_id: str) -> Entity | None:
    if resource is METRICS:
        return call.world.resources.find("metric", code_id, call.organisation)
    return call.world.resources.find_by(resource.name, call.organisation, "bluejay_as_code_id", uuid_ids.read(code_id))


# --- push ---------------------------------------------------------------------------------------------------------


class _PlannedCode(NamedTuple):
    """A valid item of a bundle.

    Attributes:
        kind: The list that it is in.
        request: Its fields.
        code_id: Its `bluejay_as_code_id`.
        given: The names of the fields that it has.
        links: The items that it names as linked, by their code ids; None if it names none.
        entity: The entity that it changes; None if a new one is made.
        members: The digital humans of a simulation, or the metrics of an agent, that it names; None if it names none.
    """

    kind: _CodeKind
    request: BaseModel
    code_id: str
    given: frozenset[str]
    links: list[str] | None
    entity: Entity | None
    members: list[str] | None = None


_Plan = dict[str, list[_PlannedCode]]


def _push(call: ApiCall, bundle: BluejayAsCodePayload) -> PushResponse:
    as_fields(bundle)  # refuses a lone surrogate, which no answer could repeat
    plan, errors = _plan(call, bundle)
    if errors:
        return PushResponse(valid=False, errors=errors, actions=[])
    actions: list[str] = []
    owners = {one.code_id: _apply(call, one, actions) for one in plan["agents"]}
    groups: dict[str, Entity] = {}
    for planned in plan["simulations"]:
        owner = _owner(planned, plan["agents"])
        assert owner is not None, "a plan without errors has an agent for each simulation"
        planned.request.agent_id = str(owners[owner].id)  # type: ignore[attr-defined]
        groups[planned.code_id] = _apply(call, planned, actions, {"agent_id": owners[owner].id})
    humans = [(one, _apply(call, one, actions)) for one in plan["digital_humans"]]
    scoring = [(one, _apply(call, one, actions)) for one in plan["custom_metrics"]]
    for planned in plan["simulations"]:
        simulation, wanted = groups[planned.code_id], _members(call, planned, humans)
        _relink(call.world, DIGITAL_HUMANS, "simulation_ids", simulation, wanted, "digital human", actions)
    for planned in plan["agents"]:
        agent, wanted = owners[planned.code_id], _members(call, planned, scoring)
        _relink(call.world, METRICS, "agent_ids", agent, wanted, "custom metric", actions)
    return PushResponse(valid=True, errors=[], actions=actions, simulation_id=next(iter(groups.values())).id)


def _owner(simulation: _PlannedCode, agents: list[_PlannedCode]) -> str | None:
    """Return the code id of the agent of a simulation; None if several are possible.

    Documented: it is the only agent of the bundle, or else the one whose `simulations` has it. The documentation of
    July 2026 has an `agent` in the simulation instead.
    """
    named = [one.code_id for one in agents if simulation.code_id in (one.links or ())]
    named += [one.code_id for one in agents if one.code_id in (simulation.links or ())]
    return named[0] if named else agents[0].code_id if len(agents) == 1 else None


def _plan(call: ApiCall, bundle: BluejayAsCodePayload) -> tuple[_Plan, list[EntityValidationError]]:
    """Return the valid items of a bundle by its lists, and the errors of the others."""
    plan: _Plan = {name: [] for name in _KINDS}
    problems: list[tuple[str, str | None, list[str]]] = []
    for name, kind in _KINDS.items():
        if not getattr(bundle, name) and name in ("agents", "simulations"):
            problems.append((name, None, ["at least one is needed"]))
        for item in getattr(bundle, name):
            planned, wrong = _planned(call, kind, item)
            if planned is not None and planned.code_id in [one.code_id for one in plan[name]]:
                wrong.append("bluejay_as_code_id: another item has it, too")
            if planned is not None and not wrong:
                plan[name].append(planned)
            else:
                problems.append((name, item.get("bluejay_as_code_id"), wrong))
    problems = problems or [
        ("simulations", one.code_id, [f"the simulations of one of the {len(plan['agents'])} agents must have it"])
        for one in plan["simulations"]
        if _owner(one, plan["agents"]) is None
    ]
    problems = problems or [
        (name, one.code_id, wrong)
        for name in ("agents", "simulations")
        for one in plan[name]
        if (wrong := _unknown_members(call, one, plan))
    ]
    return plan, [EntityValidationError(entity_type=name, entity_id=id, errors=wrong) for name, id, wrong in problems]


def _unknown_members(call: ApiCall, planned: _PlannedCode, plan: _Plan) -> list[str]:
    """Return the errors of members that are neither in the bundle nor in Bluejay."""
    name = planned.kind.members
    there = {one.code_id for one in plan[name]}
    return [
        f"{name}: nothing has the bluejay_as_code_id {id}"
        for id in planned.members or ()
        if id not in there and _of_code_id(call, _KINDS[name].resource, id) is None
    ]


def _planned(call: ApiCall, kind: _CodeKind, item: _Item) -> tuple[_PlannedCode | None, list[str]]:
    """Return an item of a bundle as it is planned, and what is wrong with it."""
    own = (*kind.links, kind.members)
    fields = {kind.names.get(one, one): value for one, value in item.items() if one not in own}
    if kind.resource is DIGITAL_HUMANS:
        fields = _human(fields)
    try:
        request = kind.request.model_validate({**kind.defaults, **fields})
    except ValidationError as error:
        return None, pydantics_messages(error)
    wrong = _wrong_with(request) if isinstance(request, DigitalHumanRequestData) else []
    if (read := uuid_ids.read(item.get("bluejay_as_code_id"))) is None:
        return None, [*wrong, "bluejay_as_code_id: a UUID is needed"]
    code_id = str(read)
    named = next((item[name] for name in kind.links if item.get(name) is not None), None)
    links = named if isinstance(named, list) or named is None else [named]
    linked = None if links is None else [str(uuid_ids.read(one)) for one in links]
    entity, members = _of_code_id(call, kind.resource, code_id), item.get(kind.members)
    if members is not None:
        if not isinstance(members, list):
            return None, [*wrong, f"{kind.members}: a list of bluejay_as_code_ids is needed"]
        members = [str(uuid_ids.read(one) or one) for one in members]
    return _PlannedCode(kind, request, code_id, frozenset(fields), linked, entity, members), wrong


_VOICE = re.compile(r"([^_]+)_(.+)_(masculine|feminine)")
"""The form of an accent that has the language and the gender with it, as `en_american_masculine`."""

_GENDERS = {"masculine": GenderType.MALE.value, "feminine": GenderType.FEMALE.value}


def _human(fields: _Item) -> _Item:
    """Return the fields of a digital human with the documented short forms written out.

    An accent may have the language and the gender with it, and a customer journey has a tag of its own.
    """
    if voice := _VOICE.fullmatch(str(fields.get("accent"))):
        fields = {**fields, "language": voice[1], "accent": voice[2], "gender": _GENDERS[voice[3]]}
    if fields.get("journey_steps") and fields.get("tag") is None:
        fields = {**fields, "tag": "Customer Journey"}
    return fields


def _wrong_with(human: DigitalHumanRequestData) -> list[str]:
    """Return the errors of a digital human in a bundle, by the documented rules.

    The steps of a journey are numbered from 1 without gaps, and each has an intent. Without a journey, a tag, a
    transcript or a playback, a description is needed.
    """
    if steps := human.journey_steps:
        wrong = [f"journey_steps.{at}.intent: Field required" for at, one in enumerate(steps) if not one.intent]
        if sorted(one.step for one in steps) != list(range(1, len(steps) + 1)):
            wrong.insert(0, "journey_steps: the steps must be numbered from 1, without gaps")
        return wrong
    others = (human.tag, human.tags, human.original_transcript, human.formatted_transcript, human.enriched_playback)
    return [] if any(others) or "intent" in human.model_fields_set else ["description: Field required"]


def _apply(call: ApiCall, planned: _PlannedCode, actions: list[str], links: _Item | None = None) -> Entity:
    """Create or change the entity that an item of a bundle describes, and return it."""
    kind, request, entity, world = planned.kind, planned.request, planned.entity, call.world
    title = "custom metric" if kind.resource is METRICS else kind.resource.name
    if entity is None:
        made: Entity = _CREATE[kind.resource.name](world, call.organisation, request)
        if kind.resource is SIMULATIONS:  # the resource's request has no field for it
            world.resources.change(made, {"bluejay_as_code_id": planned.code_id})
        actions.append(f"Created {title} '{made.fields.get('name') or made.id}'")
        return made
    absent = set(kind.not_pulled) - planned.given
    if not planned.given.isdisjoint(_TRANSCRIPTS):  # one follows from the other
        absent.difference_update(_TRANSCRIPTS)
    fields = {name: value for name, value in as_fields(request).items() if name in planned.given}
    fields.pop("bluejay_as_code_id", None)
    fields.pop("folder", None)
    fields |= dict.fromkeys(absent)
    changed = {name: value for name, value in {**fields, **(links or {})}.items() if entity.fields.get(name) != value}
    if kind.resource is DIGITAL_HUMANS:
        changed |= by_transcript(changed, entity.fields)
    if changed:
        kind.operations.change(world, entity, changed)
        actions.append(f"Updated {title} '{entity.fields.get('name') or entity.id}'")
    return entity


_CREATE: dict[str, Any] = {
    "agent": create_agent,
    "simulation": create_simulation,
    "digital human": create_digital_human,
    "metric": create_metric,
}


def _members(call: ApiCall, planned: _PlannedCode, items: Iterable[tuple[_PlannedCode, Entity]]) -> set[Entity]:
    """Return the entities that a simulation or an agent of a bundle is to be linked to.

    Documented: its own list is the state that is wanted. Without one, they are the items of the bundle that name it;
    ours: or that name none.
    """
    if planned.members is None:
        return {one for other, one in items if other.links is None or planned.code_id in other.links}
    resource = _KINDS[planned.kind.members].resource
    made = {other.code_id: one for other, one in items}
    found = (made.get(id) or _of_code_id(call, resource, id) for id in planned.members)
    return {one for one in found if one is not None}


def _relink(
    world: World, resource: Resource, field: str, to: Entity, wanted: set[Entity], title: str, actions: list[str]
) -> None:
    """Link a simulation or an agent to the wanted entities, and unlink all others."""
    linked = unlinked = 0
    for one in world.resources.of(resource.name, to.organisation):
        if one in wanted and not one.has(field, to.id):
            world.resources.change_list(one, field, add=[to.id])
            linked += 1
        elif one not in wanted and one.has(field, to.id):
            world.resources.change_list(one, field, remove=[to.id])
            unlinked += 1
    if linked:
        actions.append(f"Linked {linked} existing {title}(s) to {to.resource.name}")
    if unlinked:
        actions.append(f"Unlinked {unlinked} {title}(s) from {to.resource.name}")
