"""The entities and runs that a tester adds without a request, by the rules of the requests that create them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fake_bluejay.bluejay.digital_humans import DIGITAL_HUMANS, DigitalHumanRequestData, create_digital_human
from fake_bluejay.bluejay.modules import declared
from fake_bluejay.bluejay.resources import not_null_fields, validated
from fake_bluejay.bluejay.simulations import SimulationRequest, create_simulation, join
from fake_bluejay.core.errors import DomainError
from fake_bluejay.core.resources import Entity
from fake_bluejay.core.runs import Run
from fake_bluejay.core.suggest import check_known
from fake_bluejay.core.world import DEFAULT_ORGANISATION, World
from fake_bluejay.http.calendar import real_calendar

MOST_DIGITAL_HUMANS = 10_000
"""The most new digital humans with one simulation: this project's limit, so that a slip does not take all memory."""


def add(world: World, name: str, organisation: str, fields: Mapping[str, Any]) -> Entity:
    """Add an entity of a resource.

    Args:
        world: The world to add it to.
        name: The name of the resource, or of its collection.
        organisation: The name of the organisation that it belongs to.
        fields: The fields of the request that creates one, each with a default where one is needed.

    Raises:
        ValueError: There is no such resource, a field is unknown, or its value is not allowed.
    """
    operations = declared(name)
    if operations.of is DIGITAL_HUMANS:
        return add_digital_human(world, organisation, fields)
    if operations.request is None:
        raise ValueError(f"{operations.of.plural.replace('_', ' ')} cannot be added by themselves")
    return operations.add(world, organisation, fields)


def add_simulation(
    world: World,
    organisation: str,
    agent: int | None,
    digital_humans: int | Sequence[Entity],
    fields: Mapping[str, Any],
) -> Entity:
    """Add a simulation that is ready to be run.

    Args:
        world: The world to add it to.
        organisation: The name of the organisation that it belongs to.
        agent: The id of the agent under test; None for a new one.
        digital_humans: The digital humans that take part, or the number of new ones.
        fields: The fields of `POST /v1/create-simulation`.

    Raises:
        ValueError: An argument is not allowed; then nothing has been added.
    """
    with world.lock:
        check_humans(digital_humans)
        for human in () if isinstance(digital_humans, int) else digital_humans:
            if human.organisation != organisation:
                raise ValueError(
                    f"the digital human {human.id} is of the organisation {human.organisation!r}, not {organisation!r}"
                )
        if agent is not None:
            check_known("agent", agent, [one.id for one in world.resources.of("agent", organisation)])
        if not isinstance(given := fields.get("agent_id", ""), str):
            raise ValueError(
                f"agent_id of a simulation is a text, as in a request, not {given!r:.80};"
                f" a test gives agent={given!r:.80}"
            )
        # Checked first, so that a refusal leaves no new agent behind.
        request = validated(
            SimulationRequest,
            "a simulation",
            {"agent_id": str(agent), **fields},
            ("agent", "digital_humans", "organisation"),
        )
        if agent is None and "agent_id" not in fields:
            request.agent_id = str(add(world, "agents", organisation, {}).id)
        made = _made(world, organisation, lambda: create_simulation(world, organisation, request))
        if isinstance(digital_humans, int):
            own = {"always_on_mode": True, "phone_number": None} if request.always_on else {}
            for _ in range(digital_humans):
                add_digital_human(world, organisation, {"simulation_ids": [made.id], **own})
        else:
            for human in digital_humans:
                join(world, human, made)
        return made


def check_humans(given: object, kind: type = object) -> None:
    """Check the digital humans that are given for a simulation.

    Raises:
        ValueError: The value is neither a number of new ones, nor a list of objects of that kind.
    """
    is_number = type(given) is int and 0 <= given <= MOST_DIGITAL_HUMANS
    if not is_number and not (isinstance(given, (list, tuple)) and all(isinstance(one, kind) for one in given)):
        raise ValueError(
            f"digital_humans is how many, at most {MOST_DIGITAL_HUMANS:,}, or a list of those added, not {given!r:.80}"
        )


def add_digital_human(world: World, organisation: str, fields: Mapping[str, Any]) -> Entity:
    """Add a digital human, with the fields of `POST /v1/create-digital-human`, and `simulation_ids`.

    Raises:
        ValueError: A field is unknown, or its value is not allowed.
    """
    own = {name: value for name, value in fields.items() if name != "simulation_ids"}
    example = dict(DIGITAL_HUMANS.example)
    if own.get("enriched_playback"):  # the workflow replaces the intent
        example = {"phone_number": example["phone_number"]}
    request = validated(
        DigitalHumanRequestData,
        "a digital human",
        {**example, **own},
        ("simulation_ids", "organisation"),
    )
    ids = fields.get("simulation_ids")
    if ids is None:
        ids = ()
    if not isinstance(ids, (list, tuple)) or any(type(id) is not int for id in ids):
        raise ValueError(f"simulation_ids is a list of integers, e.g. [simulation.id], not {ids!r:.80}")

    def make() -> Entity:
        simulations = [one.id for one in world.resources.of("simulation", organisation)] if ids else ()
        for id in ids:
            check_known("simulation", id, simulations)
        return create_digital_human(world, organisation, request, ids)

    return _made(world, organisation, make)


def queue_run(world: World, simulation: int | None, fields: Mapping[str, Any]) -> Run:
    """Queue a run of a simulation.

    Args:
        world: The world of the simulation.
        simulation: The id of the simulation; None for a new one.
        fields: The fields of `POST /v1/queue-simulation-run`.

    Raises:
        ValueError: An argument is not allowed; then nothing has been added.
    """
    with real_calendar():  # loaded with the first run
        from fake_bluejay.bluejay import runs
        from fake_bluejay.bluejay.models.runs import SimulationRunRequest

    for name in ("simulation_id", "bluejay_as_code_id"):
        if name in fields:
            raise ValueError(f"the simulation to run comes first, as queue_run(simulation), and not as {name}")
    humans = fields.get("digital_human_ids")
    if humans is not None and not isinstance(humans, (list, tuple)):
        raise ValueError(f"digital_human_ids is a list of ids or digital humans, not {humans!r:.80}")
    ids = None if humans is None else [str(getattr(human, "id", human)) for human in humans]
    request = validated(
        SimulationRunRequest, "a run", {"simulation_id": "", **fields, "digital_human_ids": ids}, ("simulation",)
    )
    with world.lock:
        organisation = DEFAULT_ORGANISATION
        if simulation is not None:
            held = world.resources.named("simulation")
            simulations = {one.id: one for one in ([] if held is None else held.all())}
            check_known("simulation", simulation, simulations)
            organisation = simulations[simulation].organisation
        for human in ids or ():
            check_known(
                "digital human", human, [str(one.id) for one in world.resources.of("digital human", organisation)]
            )
        if simulation is None:
            simulation = add_simulation(world, organisation, None, 1, {}).id
        try:
            found = world.resources.require("simulation", simulation, organisation)
            run = runs.queue_run(world, found, not_null_fields(request))
        except DomainError as error:  # the agent is gone
            raise ValueError(error.detail) from None
    world.deliver()
    return run


def _made(world: World, organisation: str, make: Callable[[], Entity]) -> Entity:
    """Call `make` under the world's lock, and turn a domain error into a `ValueError`."""
    with world.lock:
        check_known("organisation", organisation, world.organisations)
        try:
            return make()
        except DomainError as error:
            raise ValueError(error.detail) from None
