"""Commands: the objects that a tester adds to a fake. Each is a model that checks its data and applies itself.

A seed is a list of commands, and a POST to the control API is one. The types of the fields check everything that does
not depend on the world; `apply` checks the rest, and its errors name the place in the command.
"""

from __future__ import annotations

import contextlib
import functools
import operator
from collections.abc import Callable, Iterator, Mapping
from inspect import Parameter
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar, get_type_hints

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
    model_validator,
)

from fake_bluejay.bluejay import adding
from fake_bluejay.bluejay.mistakes import names_at, unknown_name, what_is_wrong
from fake_bluejay.bluejay.models.results import FIELDS, as_given
from fake_bluejay.bluejay.options import world_of
from fake_bluejay.bluejay.service import Service
from fake_bluejay.core.behaviors import agent_from_text, agent_of
from fake_bluejay.core.errors import DomainError, NotFound
from fake_bluejay.core.json_data import copied
from fake_bluejay.core.outbox import EVENTS, MOST_RETRIES, WebhookRecord
from fake_bluejay.core.resources import Entity
from fake_bluejay.core.runs import Run
from fake_bluejay.core.statuses import Status, status_from_text
from fake_bluejay.core.suggest import Place, check_known, passing, unknown
from fake_bluejay.core.test_results import MOST_ALIKE, Organisation, Record
from fake_bluejay.core.webhooks import check_secret, check_url, new_webhook, scope_of, selected
from fake_bluejay.core.world import DEFAULT_ORGANISATION, World
from fake_bluejay.http.faults import KINDS, FaultKind, Faults, Which, arm_from_data
from fake_bluejay.http.stubs import Stubs, check_answer, pattern_of
from fake_bluejay.state.snapshot import call_from_data

_Model = TypeVar("_Model", bound=BaseModel)


def checked(check: Callable[[Any], Any]) -> AfterValidator:
    """Return a validator for the values that `check` accepts; for others, `check` raises a `ValueError`."""
    return AfterValidator(passing(check))


def _published(name: str) -> Any:
    """Return the type and the default of a published field of a test result, whose value becomes the stored one."""
    return Annotated[Any, AfterValidator(lambda value: as_given({name: value})[name])], None


AgentText = Annotated[
    str,
    checked(agent_from_text),
    Field(json_schema_extra={"examples": ["ends-after=2", "ends-within=20", "silent", "drops-after=5"]}),
]
_Status = Annotated[str, checked(status_from_text), Field(json_schema_extra={"enum": [str(one) for one in Status]})]


Script = Annotated[
    dict[str, Any],
    checked(call_from_data),
    Field(description="`talks_for`, `end`, `passes`, …: the fields of a `Call`."),
]
Key = Annotated[str, checked(lambda key: world_of({"api_keys": [key]}))]
_Events = Annotated[list[str], checked(selected)]
_Secret = Annotated[str, checked(check_secret)]
_Url = Annotated[str, checked(functools.partial(check_url, anywhere=True))]
_Folder = Annotated[str, checked(lambda folder: scope_of((), [folder]))]
_Method = Annotated[str, checked(lambda method: Stubs().add(method, "/"))]
_StubPath = Annotated[str, checked(pattern_of)]
_StubStatus = Annotated[int, checked(lambda status: check_answer(status, None))]


def _check_human(name: str) -> None:
    """Check that a text is the name of a digital human, or an id.

    Raises:
        ValueError: It is not.
    """
    if not name or (name.isdecimal() and int(name) < 1):
        raise ValueError(f"a digital human, its id or its name is needed, not {name!r}")


_Human = Annotated[str, checked(_check_human)]


class Misfits(ValueError):
    """Values of a command that do not fit the world."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[Place, str]] = []
        """Each value's place in the command, and what is wrong."""

    @contextlib.contextmanager
    def at(self, *place: str | int) -> Iterator[None]:
        """Collect the errors of the `with` block, as misfits at this place, and go on after it."""
        try:
            yield
        except Misfits as error:
            self.found += [((*place, *inner), what) for inner, what in error.found]
        except (ValueError, DomainError) as error:
            self.found.append((place, str(error)))

    def check(self) -> None:
        """Raise the collected misfits, if there are any."""
        if self.found:
            raise self

    def __str__(self) -> str:
        return "; ".join(what for _, what in self.found)


@contextlib.contextmanager
def at(*place: str | int) -> Iterator[None]:
    """Turn an error of the `with` block into misfits at this place.

    Raises:
        Misfits: The block has raised an error.
    """
    misfits = Misfits()
    with misfits.at(*place):
        yield
    misfits.check()


def validated(model: type[_Model], data: Any, kind: str = "field") -> _Model:
    """Return data as a model.

    Args:
        model: The model.
        data: The data, as a tester gave it.
        kind: The word for a field of the model in messages.

    Raises:
        ValueError: The data does not fit. The message names each place, the given value, and the needed one.
    """
    try:
        return model.model_validate(data)
    except ValidationError as errors:
        raise ValueError("; ".join(_in_words(one, model, kind) for one in errors.errors())) from None


def _in_words(error: Any, model: type[BaseModel], kind: str) -> str:
    place = ".".join(str(part) for part in error["loc"] if part not in KINDS)
    if error["type"] == "extra_forbidden":
        return unknown_name(model, error["loc"], kind)
    if error["type"] == "missing":
        return f"{place}: missing; known: {', '.join(names_at(model, error['loc'][:-1]))}"
    if error["type"] == "union_tag_not_found":
        return f"kind: missing; known: {', '.join(sorted(KINDS))}"
    if error["type"] == "union_tag_invalid":
        return unknown("kind", error["ctx"]["tag"], sorted(KINDS))
    return what_is_wrong(error) if error["type"] == "value_error" else f"{place}: {what_is_wrong(error)}"


class Shape(BaseModel):
    """An object that a tester gives. Unknown names are errors, and values are not converted."""

    model_config = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True, defer_build=True)


class Command(Shape):
    """An object that a tester adds to a fake."""

    def apply(self, service: Service) -> Any:
        """Add it to a fake, and return the new object.

        Raises:
            ValueError: It does not fit the world; `at` gives the place.
        """
        raise NotImplementedError


def _check_organisation(service: Service, name: str) -> None:
    with at("organisation"):
        check_known("organisation", name, service.world.organisations)


class NewOrganisation(Command):
    """An organisation, whose data is invisible to others. With any, only known keys are accepted."""

    name: str = Field(min_length=1)
    api_keys: list[Key] = Field(min_length=1)

    def apply(self, service: Service) -> Organisation:
        """Add the organisation and its keys, which no other organisation may have."""
        with at("name" if self.name in service.world.organisations else "api_keys"):
            return service.world.add_organisation(self.name, *self.api_keys)


class RevokedKey(Command):
    """A key that is refused from now on."""

    api_key: str = Field(min_length=1)

    def apply(self, service: Service) -> None:
        """Refuse the key, whether an organisation has it or any key serves."""
        service.world.revoke_api_key(self.api_key)


class _TestResult(Command):
    """A test result to add, or several that are alike; its published fields stand beside these."""

    field_kind: ClassVar[str] = "field of a test result"

    id: int | None = Field(None, description="By default counted from 1; of several test results, the id of the first.")
    status: _Status = "RUNNING"
    agent: AgentText | None = Field(None, description="The behavior of its agent; null: the fake's default.")
    organisation: str | None = Field(None, description="The name of its organisation; null: `default`.")
    call: Script | None = Field(None, description="The script of its call, which moves it on by itself.")
    count: int | None = Field(None, ge=1, le=MOST_ALIKE, description="The number of test results, all alike.")

    def apply(self, service: Service) -> list[Record]:
        """Add the test results."""
        organisation = DEFAULT_ORGANISATION if self.organisation is None else self.organisation
        _check_organisation(service, organisation)
        agent, call = agent_of(self.agent), None if self.call is None else call_from_data(self.call)
        fields = {name: value for name in FIELDS if (value := getattr(self, name)) is not None}
        added = []
        for number in range(self.count or 1):
            id = None if self.id is None else self.id + number
            with at("id"):
                added.append(
                    service.world.add_test_result(id, self.status, agent, organisation, call, **copied(fields))
                )
        return added


NewTestResult = create_model(
    "NewTestResult",
    __base__=_TestResult,
    __doc__=_TestResult.__doc__,
    **{name: _published(name) for name in FIELDS},
)


class NewEntity(Command):
    """An entity of a resource to add; the fields of the request that makes one stand beside these, and its `id`."""

    model_config = ConfigDict(extra="allow")
    _resource: str = ""

    organisation: str = DEFAULT_ORGANISATION

    def of(self, resource: str) -> Self:
        """Return the command for the resource, or the collection, of this name."""
        self._resource = resource
        return self

    @property
    def resource(self) -> str:
        """The name of the resource, or of the collection."""
        return self._resource

    def apply(self, service: Service) -> Entity:
        """Add the entity by the rules of the request that creates one."""
        _check_organisation(service, self.organisation)
        return adding.add(service.world, self._resource, self.organisation, self.model_extra or {})


class NewAgent(NewEntity):
    """An agent to add; its published fields stand beside these, each with a default."""

    _resource: str = "agents"


class NewDigitalHuman(NewEntity):
    """A digital human to add; its published fields stand beside these, each with a default."""

    _resource: str = "digital_humans"


class NewSimulation(Command):
    """A simulation to add; its published fields stand beside these, each with a default."""

    model_config = ConfigDict(extra="allow")

    organisation: str = DEFAULT_ORGANISATION
    agent: int | None = Field(None, description="The id of its agent; a new one, if none is given.")
    digital_humans: Annotated[
        int | list[int], BeforeValidator(passing(lambda given: adding.check_humans(given, int)))
    ] = Field(1, description="The number of new digital humans, or the ids of those that take part.")

    def apply(self, service: Service) -> Entity:
        """Add the simulation, ready to be run."""
        world, humans = service.world, self.digital_humans
        _check_organisation(service, self.organisation)
        taking_part = humans if isinstance(humans, int) else [_digital_human(world, id) for id in humans]
        return adding.add_simulation(world, self.organisation, self.agent, taking_part, self.model_extra or {})


def _digital_human(world: World, id: int) -> Entity:
    collection = world.resources.named("digital human")
    human = None if collection is None else collection.get(id)
    if human is None:
        raise NotFound(f"there is no digital human {id!r}")
    return human


class NewRun(Command):
    """A run to queue; the fields of `POST /v1/queue-simulation-run` stand beside these."""

    model_config = ConfigDict(extra="allow")

    simulation: int | None = Field(None, description="The id of its simulation; a new one, if none is given.")

    def apply(self, service: Service) -> Run:
        """Queue the run. Call this without the world's lock: webhooks may get an event of it."""
        return adding.queue_run(service.world, self.simulation, self.model_extra or {})


class ScriptsOfCalls(Command):
    """Scripts of the calls of runs that are queued from now on."""

    default: Script | None = Field(None, description="The script of every call that has no other.")
    next: list[Script] = Field([], description="The scripts of the next calls, after those that were given before.")
    of: dict[Annotated[str, Field(min_length=1)], Script] = Field(
        {}, description="The scripts of the calls of digital humans, by name."
    )
    of_ids: dict[Annotated[int, Field(gt=0, strict=False)], Script] = Field(
        {}, description="The scripts of the calls of digital humans, by id."
    )

    def apply(self, service: Service) -> None:
        """Script the runs that are queued from then on."""
        service.world.script(
            default=None if self.default is None else call_from_data(self.default),
            next=map(call_from_data, self.next),
            of={human: call_from_data(script) for human, script in self._by_human()},
        )

    def _by_human(self) -> Iterator[tuple[int | str, dict[str, Any]]]:
        yield from self.of.items()
        yield from self.of_ids.items()


class SeedCalls(ScriptsOfCalls):
    """The scripts of the calls of runs, each as the fields of a `Call`: `talks_for`, `end`, `passes`, and more."""

    of: dict[_Human, Script] = Field(
        {}, description="The scripts of the calls of digital humans, by name; digits are an id."
    )

    def _by_human(self) -> Iterator[tuple[int | str, dict[str, Any]]]:
        for human, script in super()._by_human():
            yield (int(human) if isinstance(human, str) and human.isdecimal() else human), script


class NewWebhook(Command):
    """A webhook to a server on this machine."""

    url: _Url
    events: _Events | None = Field(
        None, description="The selected events; null: all; an empty list: observability_call_evaluated, as documented."
    )
    secret: _Secret | None = Field(None, description="The secret that signs deliveries; drawn if not given.")
    agents: list[int] = Field([], description="Agents whose events are sent; without agents and folders, those of all.")
    folders: list[_Folder] = Field([], description="Ids or names of folders, each with all its agents.")
    retries: Annotated[int, Field(ge=0, le=MOST_RETRIES)] | None = Field(
        None, description="The number of retries of a failed delivery; null: as the reading webhook_retries says."
    )
    enabled: bool = True
    organisation: str = Field(DEFAULT_ORGANISATION, description="The name of the organisation whose events are sent.")

    def apply(self, service: Service) -> WebhookRecord:
        """Add the webhook: to this machine only, unless the fake delivers anywhere."""
        misfits = Misfits()
        with misfits.at():
            _check_organisation(service, self.organisation)
        with misfits.at("url"):
            check_url(self.url, anywhere=service.world.webhooks_anywhere)
        misfits.check()
        new = new_webhook(**{**dict(self), "events": EVENTS if self.events is None else self.events})
        with at("agents"):
            return service.world.add_webhook(new)


class SeedSimulation(Command):
    """A simulation, of an agent of its own, with digital humans of its own; and runs of it, queued at the start."""

    agent: dict[str, Any] = Field({}, description="The published fields of an agent.")
    digital_humans: Annotated[int, Field(ge=0, le=adding.MOST_DIGITAL_HUMANS)] | list[dict[str, Any]] = Field(
        1, description="The number of digital humans, or the published fields of each."
    )
    fields: dict[str, Any] = Field({}, description="The published fields of a simulation.")
    runs: int = Field(0, ge=0, le=10_000)
    organisation: str = Field(DEFAULT_ORGANISATION, description="The name of the organisation that it belongs to.")

    def apply(self, service: Service) -> None:
        """Add the simulation with its agent, its digital humans and its runs, as far as they fit.

        Raises:
            Misfits: Some of them do not.
        """
        world, organisation, misfits = service.world, self.organisation, Misfits()
        _check_organisation(service, organisation)
        agent: int | None = None
        with misfits.at("agent"):
            agent = adding.add(world, "agents", organisation, self.agent).id
        humans: int | list[Entity] = 0
        if isinstance(self.digital_humans, int):
            humans = self.digital_humans
        else:
            humans = []
            for number, one in enumerate(self.digital_humans):
                with misfits.at("digital_humans", number):
                    humans.append(adding.add_digital_human(world, organisation, one))
        with misfits.at("fields"):
            simulation = adding.add_simulation(world, organisation, agent, humans, self.fields)
        misfits.check()
        with at("runs"):
            for _ in range(self.runs):
                adding.queue_run(world, simulation.id, {})


class NewStub(Command):
    """An answer for requests of a method and path, which may have parameters in braces."""

    method: _Method
    path: _StubPath
    status: _StubStatus = 200
    json_: Any = Field(None, alias="json")

    def apply(self, service: Service) -> None:
        """Add the stub as `bluejay.stub` does."""
        with at("json"):  # answers with some statuses have no body
            service.stubs.add(self.method, self.path, self.status, self.json_)


_CHOICE = {
    "path": "Only requests of this path; null: any.",
    "times": "The number of requests that meet it; null: all from now on.",
    "after": "The number of matching requests that are let through first.",
    "probability": "Of meeting it, from 0 to 1, drawn from the seed.",
}
"""Field of `Which` → its description."""


class _Fault(Command):
    kind: str

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self.arm(Faults())
        return self

    def arm(self, faults: Faults) -> None:
        """Arm the fault. Raises `ValueError` for arguments that cannot be."""
        given = {name.rstrip("_"): getattr(self, name) for name in self.model_fields_set if name != "kind"}
        arm_from_data(faults, self.kind, given)

    def apply(self, service: Service) -> None:
        """Arm the fault for the next requests to meet, as `bluejay.faults` does."""
        self.arm(service.faults)


def _fault_model(kind: FaultKind) -> Any:
    """Return the model of a kind of fault, derived from the declaration of its arguments."""
    fields: dict[str, Any] = {"kind": (Literal[kind.name], ...)}
    for one in kind.arguments:
        field = Field(
            ... if one.default is Parameter.empty else one.default,
            alias="json" if one.name == "json" else None,
            description=one.description or None,
            examples=list(one.likely) or None,
            json_schema_extra={"enum": list(one.choices)} if one.choices else {},
        )
        type_ = dict[str, str] | None if one.type == Mapping[str, str] | None else one.type
        fields["json_" if one.name == "json" else one.name] = (type_, field)
    types = get_type_hints(Which)
    for name, default in kind.which.items():
        fields[name] = (types[name], Field(default, description=_CHOICE[name]))
    model = create_model("".join(map(str.title, kind.name.split("_"))), __base__=_Fault, __doc__=kind.summary, **fields)
    model.model_config["title"] = kind.label
    return model


AnyFault: Any = Annotated[
    functools.reduce(operator.or_, map(_fault_model, KINDS.values())), Field(discriminator="kind")
]
"""A fault for the next requests to meet: a command of its kind."""
