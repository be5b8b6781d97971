"""Commands: what a tester adds to a fake, each a model that is checked as data and says how it is applied.

A seed is a list of commands, and a POST to the control API is one. What needs no world is checked by the types of the
fields; what does not fit to what is there is said with its place.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from inspect import Parameter
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    create_model,
    model_validator,
)

from fake_bluejay.bluejay import adding
from fake_bluejay.bluejay.calls import checked_call
from fake_bluejay.bluejay.models.results import FIELDS, as_given
from fake_bluejay.bluejay.options import world_of
from fake_bluejay.bluejay.service import Service
from fake_bluejay.core.behaviors import agent_from_text, agent_of
from fake_bluejay.core.outbox import EVENTS, MOST_RETRIES, WebhookRecord
from fake_bluejay.core.resources import Entity
from fake_bluejay.core.scripts import call_from_dict
from fake_bluejay.core.statuses import Status, status_from_text
from fake_bluejay.core.suggest import check_known
from fake_bluejay.core.webhooks import add_webhook, check_secret, check_url
from fake_bluejay.core.world import DEFAULT_ORGANISATION, World
from fake_bluejay.http.faults import KINDS, Faults, arm_from_data
from fake_bluejay.http.stubs import Stubs, check_answer, pattern_of

__all__ = [
    "AgentText",
    "Command",
    "Key",
    "Misfit",
    "NewStub",
    "NewWebhook",
    "Path_",
    "SeedCalls",
    "SeedFault",
    "SeedOrganisation",
    "SeedResource",
    "SeedSimulation",
    "SeedTestResult",
    "Shape",
    "at",
    "checked",
    "one_of",
]
Path_ = tuple[str | int, ...]
"""A place in a seed: names of fields, and positions in lists."""


def checked(check: Callable[[Any], Any]) -> AfterValidator:
    """Return a validator for what `check` accepts; it raises a `ValueError` for anything else."""

    def validate(value: Any) -> Any:
        check(value)
        return value

    return AfterValidator(validate)


def one_of(kind: str, choices: tuple[str, ...]) -> AfterValidator:
    """Return a validator for one of these choices."""

    def check(text: str) -> None:
        check_known(kind, text, choices)

    return checked(check)


def _published(name: str) -> Any:
    """Return the type and the default of a published field of a test result."""
    return Annotated[Any, checked(lambda value: value is None or as_given({name: value}))], None


AgentText = Annotated[
    str,
    checked(agent_from_text),
    Field(json_schema_extra={"examples": ["ends-after=2", "ends-within=20", "silent", "drops-after=5"]}),
]
_Status = Annotated[str, checked(status_from_text), Field(json_schema_extra={"enum": [str(one) for one in Status]})]
_FaultKind = Annotated[str, one_of("kind of fault", tuple(KINDS)), Field(json_schema_extra={"enum": list(KINDS)})]


_Script = Annotated[dict[str, Any], checked(lambda fields: checked_call(call_from_dict(fields)))]
Key = Annotated[str, checked(lambda key: world_of({"api_keys": [key]}))]
_Events = Annotated[list[str], checked(lambda events: add_webhook(World(), "http://127.0.0.1", events))]
_Secret = Annotated[str, checked(check_secret)]
_Url = Annotated[str, checked(functools.partial(check_url, anywhere=True))]
_Method = Annotated[str, checked(lambda method: Stubs().add(method, "/"))]
_StubPath = Annotated[str, checked(pattern_of)]
_StubStatus = Annotated[int, checked(lambda status: check_answer(status, None))]


def _check_human(name: str) -> None:
    """Raise `ValueError` for what is neither the name of a digital human nor an id."""
    if not name or (name.isdecimal() and int(name) < 1):
        raise ValueError(f"a digital human, its id or its name is needed, not {name!r}")


_Human = Annotated[str, checked(_check_human)]


class Misfit(ValueError):
    """A value of a seed that does not fit, with its place."""

    def __init__(self, place: Path_, what: str) -> None:
        super().__init__(what)
        self.place = place


@contextlib.contextmanager
def at(*place: str | int) -> Iterator[None]:
    """Add a place to whatever does not fit within the `with`.

    Raises:
        Misfit: Something does not fit.
    """
    try:
        yield
    except ValueError as error:
        inner = error.place if isinstance(error, Misfit) else ()
        raise Misfit((*place, *inner), str(error)) from None


def _check_organisation(service: Service, name: str) -> None:
    with at("organisation"):
        check_known("organisation", name, service.world.organisations)


class Shape(BaseModel):
    """An object in a seed. A name that is not known is an error, and no value is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True)


class Command(Shape):
    """An object in a seed that adds something to a world. The types of the fields check all that needs no world."""

    def apply(self, service: Service) -> Any:
        """Add it to a fake.

        Raises:
            ValueError: It does not fit what is there; `at` gives the place.
        """
        raise NotImplementedError


class SeedOrganisation(Command):
    """An organisation: what it has is invisible to others. If there is any, only known keys are accepted."""

    name: str = Field(min_length=1)
    api_keys: list[Key] = Field(min_length=1)

    def apply(self, service: Service) -> None:
        """Add the organisation and its keys, which no other organisation may have."""
        with at("name"):
            service.world.add_organisation(self.name)
        with at("api_keys"):
            service.world.add_api_keys(self.name, *self.api_keys)


class _TestResult(Command):
    """A test result, or several that are alike; the published fields of a simulation result stand beside these."""

    count: int = Field(1, ge=1, le=1_000_000, description="So many that are alike.")
    id: int | None = Field(None, description="Counted from 1 unless given; of several, the first one's.")
    status: _Status = "RUNNING"
    agent: AgentText | None = Field(None, description="What its agent does; null: as `agent` above says.")
    organisation: str = Field(DEFAULT_ORGANISATION, description="Whose it is.")

    def apply(self, service: Service) -> None:
        """Add all of them."""
        _check_organisation(service, self.organisation)
        fields = {name: value for name in FIELDS if (value := getattr(self, name)) is not None}
        for number in range(self.count):
            id = None if self.id is None else self.id + number
            with at("id"):
                service.add_test_result(
                    id, status_from_text(self.status), agent_of(self.agent), organisation=self.organisation, **fields
                )


SeedTestResult = create_model(
    "SeedTestResult",
    __base__=_TestResult,
    __doc__=_TestResult.__doc__,
    **{name: _published(name) for name in FIELDS},
)


class SeedCalls(Command):
    """The scripts of the calls of runs, each as the fields of a `Call`: `talks_for`, `end`, `passes`, and more."""

    default: _Script = {}
    next: list[_Script] = Field(default=[], description="In the next calls, the next first.")
    of: dict[_Human, _Script] = Field(
        default={}, description="In the calls of a digital human of that name; digits are an id."
    )

    def apply(self, service: Service) -> None:
        """Script the runs that are queued from then on."""
        service.world.script(
            default=checked_call(call_from_dict(self.default)),
            next=[checked_call(call_from_dict(script)) for script in self.next],
            of={
                int(human) if human.isdecimal() else human: checked_call(call_from_dict(script))
                for human, script in self.of.items()
            },
        )


class NewWebhook(Command):
    """A webhook to a server on this machine."""

    url: _Url
    events: _Events | None = Field(
        None, description="The selected events; null: all; none: observability_call_evaluated, as documented."
    )
    secret: _Secret | None = Field(None, description="What deliveries are signed with; drawn, if none is given.")
    agents: list[int] = Field([], description="Whose events are sent; with no folders either, those of all.")
    folders: list[str] = Field([], description="Ids or names of folders, each with all its agents.")
    retries: Annotated[int, Field(ge=0, le=MOST_RETRIES)] | None = Field(
        None, description="How often a failed delivery is sent again; null: as the reading webhook_retries says."
    )
    enabled: bool = True
    organisation: str = Field(DEFAULT_ORGANISATION, description="Whose events.")

    def apply(self, service: Service) -> WebhookRecord:
        """Add the webhook: to this machine only, unless the fake delivers anywhere."""
        _check_organisation(service, self.organisation)
        with at("url"):
            return add_webhook(
                service.world,
                self.url,
                EVENTS if self.events is None else self.events,
                self.secret,
                agents=self.agents,
                folders=self.folders,
                retries=self.retries,
                enabled=self.enabled,
                organisation=self.organisation,
            )


class SeedSimulation(Command):
    """A simulation, of an agent of its own, with digital humans of its own; and runs of it, queued at the start."""

    agent: dict[str, Any] = Field({}, description="The published fields of an agent.")
    digital_humans: Annotated[int, Field(ge=0, le=adding.MOST_DIGITAL_HUMANS)] | list[dict[str, Any]] = Field(
        1, description="How many; or the published fields of a digital human each."
    )
    fields: dict[str, Any] = Field({}, description="The published fields of a simulation.")
    runs: int = Field(0, ge=0, le=10_000)
    organisation: str = Field(DEFAULT_ORGANISATION, description="Whose it is.")

    def apply(self, service: Service) -> None:
        """Add the simulation and its digital humans.

        Raises:
            ValueError: A field is unknown, or its value is not allowed.
        """
        world, organisation = service.world, self.organisation
        _check_organisation(service, organisation)
        with at("agent"):
            agent = adding.add(world, "agents", organisation, self.agent)
        humans: int | list[Entity] = 0
        if isinstance(self.digital_humans, int):
            humans = self.digital_humans
        else:
            humans = []
            for number, one in enumerate(self.digital_humans):
                with at("digital_humans", number):
                    humans.append(adding.add_digital_human(world, organisation, one))
        with at("fields"):
            simulation = adding.add_simulation(world, organisation, agent.id, humans, self.fields)
        with at("runs"):
            for _ in range(self.runs):
                adding.queue_run(world, simulation.id, {})


class SeedResource(Command):
    """An entity of a resource, such as a folder."""

    resource: str
    fields: dict[str, Any]
    """The fields of the request that creates the entity, and `organisation`."""

    def apply(self, service: Service) -> None:
        """Add the entity as `bluejay.add` does."""
        organisation = self.fields.get("organisation", DEFAULT_ORGANISATION)
        _check_organisation(service, organisation)
        own = {name: value for name, value in self.fields.items() if name != "organisation"}
        adding.add(service.world, self.resource, organisation, own)


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


class _Fault(Command):
    """A fault for the next requests to meet, with the arguments that its kind takes."""

    kind: _FaultKind
    path: str | None = Field(None, description="Only requests of this path.")
    times: int | None = Field(1, description="How many requests meet it; null: all from now on.")
    after: int = Field(0, description="So many requests that it is for pass first.")
    probability: float | None = Field(None, description="Of meeting it, from 0 to 1, drawn from the seed.")

    @model_validator(mode="after")
    def _fits(self) -> _Fault:
        self.arm(Faults())
        return self

    def arm(self, faults: Faults) -> None:
        """Arm the fault.

        Raises:
            ValueError: An argument is not allowed.
        """
        given = {name.rstrip("_"): getattr(self, name) for name in self.model_fields_set if name != "kind"}
        arm_from_data(faults, self.kind, given)

    def apply(self, service: Service) -> None:
        """Arm the fault as `bluejay.faults` does."""
        self.arm(service.faults)


def _arguments() -> Iterator[tuple[str, Any]]:
    """List the arguments of all kinds of faults as fields, each of them optional."""
    for kind in KINDS.values():
        for one in kind.arguments:
            description = f"Of `{kind.name}`: {one.description[:1].lower()}{one.description[1:]}"
            default = None if one.default is Parameter.empty else one.default
            alias = "json" if one.name == "json" else None
            extra: Any = {"enum": [*one.choices, None]} if one.choices else {}
            field = Field(default, alias=alias, description=description, json_schema_extra=extra)
            yield "json_" if one.name == "json" else one.name, (one.type | None, field)


SeedFault = create_model("SeedFault", __base__=_Fault, __doc__=_Fault.__doc__, **dict(_arguments()))
