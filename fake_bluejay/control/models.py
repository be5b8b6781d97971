"""The Pydantic models of the control API, for validation and for its OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, RootModel, StrictBool, StrictInt, model_validator

from fake_bluejay.core.clock import Moment
from fake_bluejay.core.statuses import CauseByHand
from fake_bluejay.state.commands import AnyFault, Key, NewOrganisation, NewTestResult, Script

Seconds = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Model(BaseModel):
    """A request's body or query. Unknown names are errors."""

    model_config = ConfigDict(extra="forbid")


# --- requests ---------------------------------------------------------------------------------------------------


class NewTestResults(NewTestResult):  # type: ignore[misc, valid-type]
    """A test result to add or, with `count`, several; the published fields stand beside these."""

    organisation: str | None = Field(None, description="`default`, unless the query names another.")
    count: int | None = Field(
        None, ge=1, le=10_000, description="The number of test results, all alike; the answer is then a list."
    )

    @model_validator(mode="after")
    def _one_id(self) -> Self:
        if self.id is not None and self.count is not None:
            raise ValueError("give an id or a count, not both: ids are counted for many")
        return self


class EntityChange(Model):
    """A change of an entity: new values of some of its fields."""

    fields: dict[str, Any]


class TestResultChange(Model):
    """A change of a test result; nothing changes if a part of it is not possible."""

    __test__ = False

    status: str | None = Field(None, description="Reached by a legal move, unless `force`.")
    force: StrictBool = Field(False, description="Move to the status even against the transition table.")
    agent: str | None = Field(None, description="null: the default at the moment when the conversation is marked.")
    fields: dict[str, Any] = Field({}, description="Merged into the present fields; null removes one.")


class EventByHand(Model):
    """An event for a test result, which must be legal now."""

    event: str
    cause: CauseByHand = "agent"


class EndConversations(Model):
    """The conversations to mark for ending, as a client would."""

    test_result_ids: list[Any]


class ClockChange(Model):
    """A change of the clock from now on."""

    mode: Literal["manual", "real"] | None = None
    speed: Seconds | None = Field(None, ge=0, description="Virtual seconds a real second; 0 is a pause.")
    paused: StrictBool | None = Field(None, description="false: go on at the speed before the pause.")

    @model_validator(mode="after")
    def _something(self) -> ClockChange:
        if self.mode is None and self.speed is None and self.paused is None:
            raise ValueError('expected some of {"mode": "manual" or "real", "speed": number, "paused": true or false}')
        if self.mode == "manual" and (self.speed is not None or self.paused is not None):
            raise ValueError("a manual clock has no speed and is never paused: it stands still until advanced")
        return self


class Advance(Model):
    """A move forward in time: by seconds, to a moment, or to the next timer."""

    seconds: Seconds | None = None
    to: AwareDatetime | None = Field(None, description="A moment, e.g. 2026-01-01T00:00:30Z.")
    next: Literal[True] | None = Field(None, description="To the moment at which the next timer is due.")

    @model_validator(mode="after")
    def _one(self) -> Advance:
        if len(self.model_fields_set) != 1 or not any(
            value is not None for value in (self.seconds, self.to, self.next)
        ):
            raise ValueError('expected {"seconds": number}, {"to": "2026-01-01T00:00:30Z"} or {"next": true}')
        return self


class NewFault(RootModel[AnyFault]):
    """A fault for the next requests to meet."""


class NewReadings(RootModel[dict[str, str]]):
    """`{name: choice}`; `GET readings` has the names and the choices."""


class NewOrganisationOrWorld(NewOrganisation):
    """An organisation to add; from then on, only known keys are accepted."""

    api_key: Key | None = None
    api_keys: list[Key] = Field([])
    world: Literal["own"] | None = Field(
        None,
        description="A world apart from all others, on a standalone server, with its own clock, faults and journal.",
    )

    @model_validator(mode="after")
    def _a_key(self) -> Self:
        if self.api_key is not None:
            self.api_keys = [self.api_key, *self.api_keys]
        if not self.api_keys:
            raise ValueError('expected {"name": …, "api_key": …} or {"name": …, "api_keys": [ … ]}')
        if self.world is not None:
            raise ValueError("this server has one world for all; `fake-bluejay serve` can give organisations their own")
        return self


class WhoMayCall(Model):
    """The choice to refuse unknown keys, or to accept them as keys of the default organisation."""

    require_known_keys: StrictBool


class WebhookChange(Model):
    """A change of a webhook."""

    enabled: StrictBool = True
    retries: StrictInt | None = None

    @model_validator(mode="after")
    def _something(self) -> WebhookChange:
        if not self.model_fields_set:
            raise ValueError('expected {"enabled": true or false} or {"retries": number or null}, or both')
        return self


class NewDelivery(Model):
    """An event of a test's own making, for the webhooks that selected such events."""

    event: str
    payload: Any
    organisation: str = "default"


class NewIrregularity(Model):
    """A disturbance of the next deliveries."""

    later: Seconds = Field(0, description="The delay of each, in seconds.")
    copies: StrictInt = Field(1, description="The number of times that each is sent, even after a success.")
    event: str | None = Field(None, description="Only deliveries of this event; null: any.")
    times: StrictInt | None = Field(
        1, description="The number of deliveries that are disturbed; null: all from now on."
    )

    @model_validator(mode="after")
    def _something(self) -> NewIrregularity:
        if not self.model_fields_set & {"later", "copies"}:
            raise ValueError('expected {"later": seconds} or {"copies": number}, or both')
        return self


class Query(Model):
    """The parameters that every operation takes."""

    organisation: str | None = None


class TestResultsQuery(Query):
    """A selection of test results; all of them without any parameter."""

    __test__ = False

    status: str | None = Field(None, description="Only these statuses, separated by commas.")
    q: str | None = Field(None, description="Only those whose id, status, agent, organisation or run has this text.")
    order: Literal["oldest", "newest"] = Field("oldest", description="Which come first.")
    after: int = Field(0, ge=0, description="Only those whose id is greater.")
    offset: int = Field(0, ge=0)
    limit: int | None = Field(None, ge=1)


class ResourcesQuery(Query):
    """A selection of the entities of a resource."""

    q: str | None = Field(None, description="Only those whose id, organisation or fields have this text.")
    order: Literal["oldest", "newest"] = Field("oldest", description="Which come first.")
    offset: int = Field(0, ge=0)
    limit: int | None = Field(None, ge=1)


class _Page(Query):
    after: int = Field(0, ge=0, description="Only those whose number is greater.")
    limit: int = Field(1000, ge=1, le=10_000)
    order: Literal["oldest", "newest"] = Field("oldest", description="Which come first.")


class DeliveriesQuery(_Page):
    """A selection of deliveries."""

    settled: bool = Field(False, description="Wait until no delivery is under way, 10 seconds at most.")


class RunsQuery(_Page):
    """A selection of runs."""

    order: Literal["oldest", "newest"] = Field("newest", description="Which come first.")


class RequestsQuery(_Page):
    """A selection of requests in the journal."""

    q: str | None = Field(None, description="Only those whose method, path, status or bodies have this text.")
    brief: bool = Field(False, description="Without headers and bodies.")
    whole: bool = Field(False, description="With `base64` of each body whose `text` is not all of it.")


# --- answers -----------------------------------------------------------------------------------------------


class Message(BaseModel):
    """An error: what was wrong, what was expected, and what to do."""

    detail: str


class Health(BaseModel):
    """A sign of life."""

    status: Literal["ok"]


class Cleared(BaseModel):
    """The number of removed objects."""

    removed: int


class Sent(BaseModel):
    """The number of webhooks that get the event."""

    sent: int


class Made(BaseModel):
    """The object that was added."""

    id: int


class EntityShown(BaseModel):
    """An agent, a folder, …: an entity of a resource."""

    collection: str
    id: int | str
    organisation: str
    created_at: Moment
    updated_at: Moment
    fields: dict[str, Any]


class ResourceLink(BaseModel):
    """A field by which an entity links to others, and the effect of their removal."""

    field: str
    to: str
    on_delete: str


class ResourceShown(BaseModel):
    """A resource, with the number of its entities."""

    name: str
    collection: str
    count: int
    ids: Literal["integer", "uuid"]
    links: list[ResourceLink]
    example: dict[str, Any]


class ControlObjectShown(BaseModel):
    """A control object, which end-conversations wrote for the agent; `by` names who picked it up."""

    id: int
    written_at: Moment
    gone_at: Moment | None
    by: str | None


class WatchdogShown(BaseModel):
    """The watchdog that is due first."""

    armed_at: Moment
    due: Moment


class HistoryEntryShown(BaseModel):
    """A change of status."""

    at: Moment
    from_: str = Field(alias="from")
    to: str
    event: str
    cause: str


class TestResultShown(BaseModel):
    """A test result, with its history, its control objects (the newest last), and its watchdog if one is armed."""

    __test__ = False

    id: int
    organisation: str
    status: str
    agent: str | None
    created_at: Moment
    start_time: Moment | None
    end_time: Moment | None
    fields: dict[str, Any]
    history: list[HistoryEntryShown]
    control_objects: list[int]
    call: dict[str, Any] | None = Field(description="The script of its call, if it has one.")
    metrics: list[dict[str, Any]] = Field(description="The custom metrics of its last evaluation.")
    run: int | None = Field(description="The run that it belongs to.")
    error_code: str | None = Field(description="The reason of its failure or cancellation.")
    controls: list[ControlObjectShown]
    watchdog: WatchdogShown | None


class RunShown(BaseModel):
    """A run of a simulation, with the counts of its test results."""

    id: int
    organisation: str
    simulation_id: int
    agent_id: int
    created_at: Moment
    status: str
    total: int
    passed: int
    failed: int = Field(description="The number that did not pass, or failed before an evaluation.")
    cancelled: int = Field(description="The number of other ends.")
    test_results: list[int] = Field(description="The ids of its first 50 test results.")


class ClientAnswer(BaseModel):
    """The answer that a client would have got."""

    status_code: int
    text: str


class ClockShown(BaseModel):
    """The fake's time, and the moment of the next timer."""

    now: Moment
    mode: Literal["manual", "real"]
    speed: float = Field(description="Virtual seconds a real second; 0 for a manual clock and while it is paused.")
    paused: bool
    next_due: Moment | None
    pending: int = Field(description="The number of armed timers.")


class AnswerShown(BaseModel):
    """The answer of the fake."""

    status_code: int
    headers: dict[str, str] | None = None
    text: str | None = None
    json_: Any = Field(None, alias="json")
    base64: str | None = None
    size: int


class ExchangeShown(BaseModel):
    """A request and its answer. Keys are masked; `curl` is a line that repeats it, given `$BLUEJAY_API_KEY`."""

    number: int
    at: Moment
    method: str
    path: str
    query: str
    modelled: bool = Field(description="True if its endpoint is modelled or stubbed.")
    faults: list[str]
    headers: dict[str, str] | None = None
    text: str | None = None
    json_: Any = Field(None, alias="json")
    base64: str | None = None
    size: int
    curl: str | None = None
    response: AnswerShown | None


class FaultShown(BaseModel):
    """An armed fault, with the number of requests that it still meets."""

    id: int
    kind: str
    arguments: dict[str, Any]
    path: str | None
    times: int | None
    after: int
    probability: float | None
    met: bool = Field(description="True if a request has met it; requests that it lets through do not count.")


class QuestionShown(BaseModel):
    """A question that the documentation leaves open, and the present choice."""

    name: str
    question: str
    choice: str
    default: str
    choices: list[str]
    evidence: str


class OrganisationShown(BaseModel):
    """An organisation; its keys are masked."""

    name: str
    api_keys: list[str]


class Stub(BaseModel):
    """An answer given by hand."""

    method: str
    path: str
    status: int
    json_: Any = Field(alias="json")


class WebhookShown(BaseModel):
    """A webhook, with the secret that its deliveries are signed with. Without a URL it is a function in a test."""

    id: str
    url: str | None
    organisation: str
    events: list[str]
    secret: str
    agents: list[int] = Field(description="Agents whose events are sent; without agents and folders, those of all.")
    folders: list[str]
    retries: int | None
    enabled: bool


class AttemptShown(BaseModel):
    """An attempt to send a delivery."""

    at: Moment
    status: int | None = Field(description="The status of the answer; null if there was none.")
    problem: str | None


class DeliveryShown(BaseModel):
    """The delivery of an event to one webhook, with its outcome."""

    number: int
    id: str
    webhook_id: str
    url: str | None = Field(description="null for a function in a test, and once the webhook is removed.")
    event: str
    created_at: Moment
    body: Any
    text: str = Field(description="The exact body, as it is signed.")
    attempts: list[AttemptShown]
    planned: int = Field(description="The number of attempts that are under way or planned.")
    retries: int = Field(description="The number of attempts that were planned because none had succeeded.")
    delivered: bool
    given_up: bool


class CallScripts(BaseModel):
    """The scripts of the calls of runs, each with the fields of a `Call` that differ from the default."""

    default: Script
    next: list[Script] = Field(description="In the next calls, the next first.")
    of: dict[str, Script] = Field(description="By the names of digital humans.")
    of_ids: dict[int, Script] = Field(description="By their ids.")


class StatusFacts(BaseModel):
    """A status of the transition table."""

    name: str
    final: bool
    label: str
    group: str
    tone: str
    error_codes: list[str]


class Transition(BaseModel):
    """A legal move."""

    from_: str = Field(alias="from")
    event: str
    to: str


class Transitions(BaseModel):
    """The transition table: every status, and every legal move between them."""

    statuses: list[StatusFacts]
    transitions: list[Transition]


class Overview(BaseModel):
    """The clock, and the numbers of objects."""

    version: str
    clock: ClockShown
    statuses: dict[str, int]
    requests: int
    faults: int
    stubs: int
    readings_changed: list[str]
    require_known_keys: bool


class State(RootModel[dict[str, Any]]):
    """A dump: everything a world holds, which `PUT state` takes back. It holds the API keys as they are."""
