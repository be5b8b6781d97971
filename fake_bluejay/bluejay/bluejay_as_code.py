"""Bluejay as code: one bundle of a simulation and all that belongs to it, to be kept in files, pulled and pushed.

An item of a bundle has the fields of the request that creates it, and a `bluejay_as_code_id`, by which a push finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, Field, ValidationError

from fake_bluejay.bluejay.agents import AGENTS, AgentRequest, agents, create_agent
from fake_bluejay.bluejay.digital_humans import (
    DIGITAL_HUMANS,
    DigitalHumanRequestData,
    create_digital_human,
    digital_humans,
)
from fake_bluejay.bluejay.metrics import METRICS, CreateCustomMetricRequest, create_metric, metrics
from fake_bluejay.bluejay.models.runs import BACRunRequest, SimulationRunResponse
from fake_bluejay.bluejay.models.wire import Wire
from fake_bluejay.bluejay.resources import Operations, as_fields
from fake_bluejay.bluejay.runs import given, queue_run
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
        names: Names of the documentation's example → those of the request.
    """

    resource: Resource
    operations: Operations
    request: type[BaseModel]
    defaults: _Item
    links: tuple[str, ...] = ()
    names: _Item = {}  # noqa: RUF012 - a tuple, which nobody changes


_KINDS = {
    "agents": _CodeKind(AGENTS, agents, AgentRequest, {"goals": []}),
    "simulations": _CodeKind(SIMULATIONS, simulations, SimulationRequest, {"agent_id": ""}, ("agent", "agent_id")),
    "digital_humans": _CodeKind(
        DIGITAL_HUMANS,
        digital_humans,
        DigitalHumanRequestData,
        {},
        ("simulations",),
        {"human_name": "name", "description": "intent"},
    ),
    "custom_metrics": _CodeKind(
        METRICS, metrics, CreateCustomMetricRequest, {"response_type": "pass_fail"}, ("agent_id", "agent_ids")
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


@bluejay_as_code.operation("POST", "/v1/bluejay-as-code/push")
def push_bundle(call: ApiCall, request: BluejayAsCodePayload) -> PushResponse:
    """Create and change the items of a bundle; items that are not in it are taken out of the simulation, and stay."""
    return _push(call, request)


@bluejay_as_code.operation("POST", "/v1/bluejay-as-code")
def push(call: ApiCall, request: BluejayAsCodePayload) -> PushResponse:
    """Create and change the items of a bundle; items that are not in it are taken out of the simulation, and stay."""
    return _push(call, request)


@bluejay_as_code.operation("POST", "/v1/bluejay-as-code/run/{simulation_bac_id}")
def run(call: ApiCall, simulation_bac_id: str, request: BACRunRequest) -> SimulationRunResponse:
    """Queue a run of the simulation of that `bluejay_as_code_id`."""
    simulation = _of_code_id(call, SIMULATIONS, simulation_bac_id)
    if simulation is None:
        raise not_found("simulation")
    queued = queue_run(call.world, simulation, given(request))
    return SimulationRunResponse(
        simulation_run_id=str(queued.id),
        simulation_result_ids=[str(id) for id in queued.result_ids],
        agent_id=str(queued.agent_id),
    )


# --- pull ---------------------------------------------------------------------------------------------------------


def _bundle_of(call: ApiCall, root_type: str, root_id: str) -> BluejayAsCodePayload:
    resources, organisation = call.world.resources, call.organisation
    resource = _ROOTS[root_type]
    root = _of_code_id(call, resource, root_id) or resources.require(
        resource.name, resource.ids.read(root_id), organisation
    )
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
    bundle = {name: [_item(call.world, name, one) for one in entities] for name, entities in chosen.items()}
    return BluejayAsCodePayload(**bundle)


def _item(world: World, name: str, entity: Entity) -> _Item:
    kind, resources = _KINDS[name], world.resources
    fields = {one: entity.fields.get(one) for one in kind.request.model_fields if one not in kind.links}
    links: _Item = {}
    if kind.resource is SIMULATIONS:
        agent = resources.find("agent", entity.fields["agent_id"], entity.organisation)
        links["agent"] = None if agent is None else _code_id(world, agent)
    elif kind.resource is DIGITAL_HUMANS:
        found = (resources.find("simulation", id, entity.organisation) for id in entity.fields["simulation_ids"])
        links["simulations"] = [_code_id(world, one) for one in found if one is not None]
    given_fields = {one: value for one, value in fields.items() if value is not None}
    return {**given_fields, "bluejay_as_code_id": _code_id(world, entity), **links}


def _code_id(world: World, entity: Entity) -> str:
    """Return the `bluejay_as_code_id` of an entity, which gets one if it has none."""
    if entity.resource is METRICS:
        return str(entity.id)
    if entity.fields.get("bluejay_as_code_id") is None:
        made = uuid_ids.make(world.seed, f"bluejay-as-code:{entity.resource.name}", entity.id)
        world.resources[entity.resource].change(entity, {"bluejay_as_code_id": made})
    return str(entity.fields["bluejay_as_code_id"])


def _of_code_id(call: ApiCall, resource: Resource, code_id: str) -> Entity | None:
    wanted = uuid_ids.read(code_id)
    if resource is METRICS:
        return call.world.resources.find("metric", wanted, call.organisation)
    return call.world.resources.find_by(resource.name, call.organisation, "bluejay_as_code_id", wanted)


# --- push ---------------------------------------------------------------------------------------------------------


class _PlannedCode(NamedTuple):
    """A valid item of a bundle: the request, the names of its given fields, and the entity that it changes, if any."""

    kind: _CodeKind
    request: BaseModel
    code_id: str
    given: frozenset[str]
    entity: Entity | None


def _push(call: ApiCall, bundle: BluejayAsCodePayload) -> PushResponse:
    plan, errors = _plan(call, bundle)
    if errors:
        return PushResponse(valid=False, errors=errors, actions=[])
    with call.world.resources.undone():  # a rehearsal, so that nothing has changed if one item excludes another
        _carry_out(call, plan)
    return _carry_out(call, plan)


def _carry_out(call: ApiCall, plan: dict[str, list[_PlannedCode]]) -> PushResponse:
    world, actions = call.world, list[str]()
    [planned_agent], [planned_simulation] = plan["agents"], plan["simulations"]
    agent = _apply(call, planned_agent, actions)
    planned_simulation.request.agent_id = str(agent.id)  # type: ignore[attr-defined]
    simulation = _apply(call, planned_simulation, actions, {"agent_id": agent.id})
    humans = [_apply(call, one, actions) for one in plan["digital_humans"]]
    scoring = [_apply(call, one, actions) for one in plan["custom_metrics"]]
    _relink(world, DIGITAL_HUMANS, "simulation_ids", simulation, humans, "digital human", actions)
    _relink(world, METRICS, "agent_ids", agent, scoring, "custom metric", actions)
    return PushResponse(valid=True, errors=[], actions=actions, simulation_id=simulation.id)


def _plan(
    call: ApiCall, bundle: BluejayAsCodePayload
) -> tuple[dict[str, list[_PlannedCode]], list[EntityValidationError]]:
    """Return the valid items of a bundle by its lists, and the errors of the others."""
    plan: dict[str, list[_PlannedCode]] = {}
    errors = []
    for name in ("agents", "simulations"):
        if len(getattr(bundle, name)) != 1:
            wrong = f"exactly one is needed, and there are {len(getattr(bundle, name))}"
            errors.append(EntityValidationError(entity_type=name, entity_id=None, errors=[wrong]))
    for name, kind in _KINDS.items():
        for item in getattr(bundle, name):
            renamed = {kind.names.get(one, one): value for one, value in item.items() if one not in kind.links}
            code_id = uuid_ids.read(item.get("bluejay_as_code_id"))
            try:
                request = kind.request.model_validate({**kind.defaults, **renamed})
            except ValidationError as error:
                wrong_ones = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
            else:
                wrong_ones = [] if code_id is not None else ["bluejay_as_code_id: a UUID is needed"]
            if wrong_ones:
                id = item.get("bluejay_as_code_id")
                errors.append(EntityValidationError(entity_type=name, entity_id=id, errors=wrong_ones))
                continue
            entity = _of_code_id(call, kind.resource, str(code_id))
            plan.setdefault(name, []).append(_PlannedCode(kind, request, str(code_id), frozenset(renamed), entity))
    return {name: plan.get(name, []) for name in _KINDS}, errors


def _apply(call: ApiCall, planned: _PlannedCode, actions: list[str], links: _Item | None = None) -> Entity:
    """Create or change the entity that an item of a bundle describes, and return it."""
    kind, request, entity, world = planned.kind, planned.request, planned.entity, call.world
    title = "custom metric" if kind.resource is METRICS else kind.resource.name
    if entity is None:
        made: Entity = _CREATE[kind.resource.name](world, call.organisation, request)
        if kind.resource is SIMULATIONS:  # the resource's request has no field for it
            world.resources[SIMULATIONS].change(made, {"bluejay_as_code_id": planned.code_id})
        actions.append(f"Created {title} '{made.fields.get('name') or made.id}'")
        return made
    fields = {name: value for name, value in as_fields(request).items() if name in planned.given}
    fields.pop("bluejay_as_code_id", None)
    fields.pop("folder", None)
    changed = {name: value for name, value in {**fields, **(links or {})}.items() if entity.fields.get(name) != value}
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


def _relink(
    world: World, resource: Resource, field: str, to: Entity, wanted: Iterable[Entity], title: str, actions: list[str]
) -> None:
    """Link the wanted entities to the simulation or the agent of a bundle, and unlink all others."""
    wanted = set(wanted)
    linked = unlinked = 0
    for one in world.resources.of(resource.name, to.organisation):
        ids = one.fields[field] or []
        if one in wanted and to.id not in ids:
            world.resources[resource].change(one, {field: [*ids, to.id]})
            linked += 1
        elif one not in wanted and to.id in ids:
            world.resources[resource].change(one, {field: [id for id in ids if id != to.id]})
            unlinked += 1
    if linked:
        actions.append(f"Linked {linked} {title}(s) to {to.resource.name}")
    if unlinked:
        actions.append(f"Unlinked {unlinked} {title}(s) from {to.resource.name}")
