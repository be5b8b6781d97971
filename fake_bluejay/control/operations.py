"""The operations of the control API: each is a function whose decorator declares its route and its models.

An operation runs after all due timers have fired, under the world's lock. One that may send to webhooks runs without
the lock, because receivers are called without it. An operation raises `ValueError` for a mistake in the request, which
is a 400, and `NothingThere` for something that does not exist.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Literal, NamedTuple, TypeVar

from pydantic import BaseModel

from fake_bluejay import __version__
from fake_bluejay.bluejay.models.results import as_given
from fake_bluejay.bluejay.modules import declared, resource_names
from fake_bluejay.bluejay.resources import Operations as ResourceOperations
from fake_bluejay.bluejay.service import Service
from fake_bluejay.control import data, models
from fake_bluejay.core.behaviors import agent_from_text
from fake_bluejay.core.clock import ScaledClock, microseconds
from fake_bluejay.core.outbox import PATIENCE, Irregularity
from fake_bluejay.core.resources import Entity
from fake_bluejay.core.statuses import Event, status_from_text
from fake_bluejay.core.suggest import check_known, unknown
from fake_bluejay.core.test_results import Record
from fake_bluejay.core.world import World
from fake_bluejay.http.journal import Exchange
from fake_bluejay.state import commands
from fake_bluejay.state import snapshot as dumps

_A_MOMENT = 0.002
"""The seconds between two checks of a delivery."""


_Item = TypeVar("_Item")
_Answer = Callable[["Control", "ControlCall"], Any]
_Declare = Callable[[_Answer], _Answer]


class NothingThere(Exception):
    """The thing that a request names does not exist; the message says what does."""


@dataclass(slots=True)
class Control:
    """A fake under control."""

    service: Service
    reset: Callable[[], None]
    """Puts the fake back to its beginning."""
    speed: float = 1.0
    """The speed of the clock after a pause."""

    @property
    def world(self) -> World:
        """The world of the fake."""
        return self.service.world


@dataclass(slots=True)
class ControlCall:
    """A validated request to an operation."""

    base_url: str
    id: str = ""
    name: str = ""
    """The value of `{name}` in the path."""
    body: Any = None
    query: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    """Headers of the answer."""


class ControlOperation(NamedTuple):
    """An operation: its method and path, its function, its models, and the status of its answer."""

    method: str
    path: str
    answer: _Answer
    gives: Any
    takes: type[BaseModel] | None = None
    query: type[models.Query] = models.Query
    status: int = 200
    locked: bool = True
    """True if the operation runs under the world's lock."""
    for_one: bool = False
    """True if the operation can be for one of the organisations that share a world."""
    id: Literal["integer", "string"] = "integer"
    """The type of `{id}` in the path."""
    first: Callable[[Control, ControlCall], Awaitable[None]] | None = None
    """A step that is awaited before the operation, without the lock."""


OPERATIONS: list[ControlOperation] = []
"""The operations; the event stream and the console are not among them."""


def _operation(method: str, path: str, gives: Any, takes: type[BaseModel] | None = None, **options: Any) -> _Declare:
    """Declare a function as an operation; the arguments are those of a `ControlOperation`."""

    def declare(answer: _Answer) -> _Answer:
        OPERATIONS.append(ControlOperation(method, path, answer, gives, takes, **options))
        return answer

    return declare


# --- the server and its world ---------------------------------------------------------------------------------------


@_operation("GET", "health", models.Health)
def health(control: Control, call: ControlCall) -> Any:
    """Return a sign of life."""
    return {"status": "ok"}


@_operation("GET", "overview", models.Overview)
def overview(control: Control, call: ControlCall) -> Any:
    """Return the clock, and the numbers of objects."""
    world, service = control.world, control.service
    return {
        "version": __version__,
        "clock": data.clock(world),
        "statuses": dict(Counter(str(record.status) for record in world.results.values())),
        "requests": service.journal.total,
        "faults": len(service.faults),
        "stubs": len(service.stubs),
        "readings_changed": [one["name"] for one in data.readings(world) if one["choice"] != one["default"]],
        "require_known_keys": world.require_known_keys,
    }


@_operation("GET", "state", models.State)
def state(control: Control, call: ControlCall) -> Any:
    """Return the whole world, with its timers, as `PUT state` takes it. API keys in it are not masked."""
    return dumps.dump(control.world)


@_operation("PUT", "state", models.Overview, models.State)
def put_state(control: Control, call: ControlCall) -> Any:
    """Replace the world by a dumped one, which goes on from its own time. A bad dump changes nothing."""
    if "own_worlds" in call.body.root:
        raise ValueError(
            "own_worlds: this was saved by a server that has worlds of organisations, too: serve --seed takes it all;"
            " here, leave own_worlds out, or put in the 'world' of one of them"
        )
    dumps.restore(control.world, call.body.root)
    return overview(control, call)


@_operation("POST", "reset", models.ClockShown)
def reset(control: Control, call: ControlCall) -> Any:
    """Put the fake back to its beginning."""
    control.reset()
    return data.clock(control.world)


@_operation("GET", "transitions", models.Transitions)
def transitions(control: Control, call: ControlCall) -> Any:
    """Return the transition table: every status, and every legal move."""
    return data.transitions()


# --- test results ---------------------------------------------------------------------------------------------------


@_operation("GET", "test-results", list[models.TestResultShown], query=models.TestResultsQuery, for_one=True)
def test_results(control: Control, call: ControlCall) -> Any:
    """List the test results, in the order they were added; `x-total-count` says how many match before paging."""
    query: models.TestResultsQuery = call.query
    found: Iterable[Record] = control.world.results.values()
    if query.status is not None:
        statuses = {status_from_text(text.strip()) for text in query.status.split(",")}
        found = [record for record in found if record.status in statuses]
    if query.organisation is not None:
        found = [record for record in found if record.organisation == query.organisation]
    if query.after:
        found = [record for record in found if record.id > query.after]
    for word in (query.q or "").lower().split():
        found = [record for record in found if _has(record, word)]
    return [data.test_result(record) for record in _page(call, found)]


def _page(call: ControlCall, found: Iterable[_Item]) -> list[_Item]:
    """Return the requested part of a list, and say in a header how long the list is."""
    query, items = call.query, list(found)
    call.headers["x-total-count"] = str(len(items))
    if query.order == "newest":
        items.reverse()
    begin = getattr(query, "offset", 0)
    return items[begin : None if query.limit is None else begin + query.limit]


def _cleared(things: Any) -> dict[str, int]:
    """Clear a collection, and return the number of things that it had."""
    count = len(things)
    things.clear()
    return {"removed": count}


def _has(record: Record, word: str) -> bool:
    if word[0] == "#":
        return str(record.id) == word[1:]
    text = f"{record.id} {record.status} {record.agent or ''} {record.organisation} run {record.run_id}"
    return word in text.lower()


@_operation(
    "POST",
    "test-results",
    models.TestResultShown | list[models.TestResultShown],
    models.NewTestResults,
    status=201,
    for_one=True,
)
def add_test_results(control: Control, call: ControlCall) -> Any:
    """Add a test result, or `count` of them. The status is RUNNING unless another is given."""
    new: Any = call.body
    if new.organisation is None:
        new.organisation = call.query.organisation
    added = [data.test_result(record) for record in new.apply(control.service)]
    return added if new.count is not None else added[0]


@_operation("GET", "test-results/{id}", models.TestResultShown, for_one=True)
def test_result(control: Control, call: ControlCall) -> Any:
    """Return a test result."""
    with control.world.lock:
        return data.test_result(_found(control, call))


@_operation("PATCH", "test-results/{id}", models.TestResultShown, models.TestResultChange, locked=False, for_one=True)
def change_test_result(control: Control, call: ControlCall) -> Any:
    """Change a test result's status, agent or fields. An error changes nothing."""
    record, change = _found(control, call), call.body
    given = change.model_fields_set
    agent = None if change.agent is None else agent_from_text(change.agent)
    fields = as_given(change.fields, models.TestResultChange.model_fields)
    if change.status is not None:
        control.world.set_status(record.id, change.status, force=change.force)
    if "agent" in given or fields:
        control.world.edit(record.id, agent=agent if "agent" in given else ..., fields=fields)
    return test_result(control, call)


@_operation("DELETE", "test-results/{id}", models.Cleared, for_one=True)
def remove_test_result(control: Control, call: ControlCall) -> Any:
    """Forget a test result and its timers."""
    control.world.remove_test_result(_found(control, call).id)
    return {"removed": 1}


@_operation("POST", "test-results/{id}/events", models.TestResultShown, models.EventByHand, locked=False, for_one=True)
def happen(control: Control, call: ControlCall) -> Any:
    """Let an event happen to a test result by hand: `end`, `drop`, … as the transition table allows."""
    record = _found(control, call)
    check_known("event", call.body.event, sorted(set(Event) - {Event.FORCE}))
    control.world.happen(record.id, Event(call.body.event), call.body.cause)
    return test_result(control, call)


def _found(control: Control, call: ControlCall) -> Record:
    # Longer numbers are not parsed: Python refuses them beyond some thousand digits.
    id = int(call.id) if re.fullmatch(r"-?[0-9]{1,100}", call.id) else call.id[:100]
    organisation = call.query.organisation
    with control.world.lock:
        results = control.world.results
        if id in results and organisation in (None, results[int(id)].organisation):
            return results[int(id)]
        seen = sorted(one.id for one in results.values() if organisation in (None, one.organisation))
    ids = ", ".join(map(str, seen[:20])) + (", …" if len(seen) > 20 else "")
    raise NothingThere(f"there is no test result {id!r}{f'; there are: {ids}' if ids else ''}")


@_operation("POST", "end-conversations", models.ClientAnswer, models.EndConversations, locked=False)
def end_conversations(control: Control, call: ControlCall) -> Any:
    """Mark conversations for ending as a client would, with a key that the server knows.

    The request is in the journal, and is answered, like any other. Faults that break a connection need a real client.
    """
    ids, world = call.body.test_result_ids, control.world
    record = next((world.results[id] for id in ids if isinstance(id, int) and id in world.results), None)
    keys = world.organisations[record.organisation if record else "default"].api_keys
    headers = {"content-type": "application/json", "x-api-key": keys[0] if keys else "console", "user-agent": "console"}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/end-conversations",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
    }
    answer = control.service.app.answer(scope, json.dumps({"test_result_ids": ids}).encode())
    return {"status_code": answer.status_code, "text": answer.text}


# --- time -----------------------------------------------------------------------------------------------------------


@_operation("GET", "clock", models.ClockShown)
def clock(control: Control, call: ControlCall) -> Any:
    """Return the clock, and the next timer."""
    with control.world.lock:
        return data.clock(control.world)


@_operation("PATCH", "clock", models.ClockShown, models.ClockChange)
def change_clock(control: Control, call: ControlCall) -> Any:
    """Let time stand still, follow real time at a speed, pause, or go on, from the present moment."""
    change, world = call.body, control.world
    if isinstance(world.clock, ScaledClock) and world.clock.speed:
        control.speed = world.clock.speed
    is_manual = not isinstance(world.clock, ScaledClock)
    if change.mode == "manual":
        world.switch_clock("manual")
        return data.clock(world)
    if is_manual and change.mode is None and change.speed is None:
        raise ValueError('the clock is manual, so it is never paused; {"mode": "real"} makes it follow real time')
    speed = control.speed if change.speed is None else change.speed
    if change.speed:
        control.speed = change.speed
    if change.paused is not None:
        speed = 0 if change.paused else speed or control.speed
    elif change.speed is None and not is_manual:
        return data.clock(world)  # it is real already
    world.switch_clock("real", speed)
    return data.clock(world)


@_operation("POST", "clock/advance", models.ClockShown, models.Advance, locked=False)
def advance(control: Control, call: ControlCall) -> Any:
    """Move time forward, and fire the timers that are due on the way, in order, each at its own moment."""
    world, how = control.world, call.body
    if how.seconds is not None:
        world.advance(how.seconds)
    elif how.to is not None:
        world.advance_to(how.to)
    else:
        due = world.next_due()
        if due is None:
            raise ValueError("no timer is pending, so there is no next one to advance to; give seconds instead")
        world.advance(max(0, due - world.clock.now()) / 1_000_000)
    return clock(control, call)


# --- requests -------------------------------------------------------------------------------------------------------


@_operation("GET", "requests", list[models.ExchangeShown], query=models.RequestsQuery)
def requests(control: Control, call: ControlCall) -> Any:
    """List the requests with their answers, keys masked; `x-total-count` says how many match before paging."""
    query: models.RequestsQuery = call.query
    found = [one for one in control.service.journal if one.number > query.after]
    for word in (query.q or "").lower().split():
        found = [one for one in found if _mentions(one, word)]
    return [data.exchange(one, call.base_url, brief=query.brief, whole=query.whole) for one in _page(call, found)]


def _mentions(one: Exchange, word: str) -> bool:
    answer = one.response
    line = f"#{one.number} {one.method} {one.path}?{one.query} {answer.status_code if answer else ''}".lower()
    return (
        word in line
        or word.encode() in one.content.lower()
        or (answer is not None and word.encode() in answer.content.lower())
    )


@_operation("GET", "requests/{id}", models.ExchangeShown)
def request(control: Control, call: ControlCall) -> Any:
    """Return a request with its answer."""
    for one in control.service.journal:
        if str(one.number) == call.id:
            return data.exchange(one, call.base_url)
    raise NothingThere(
        f"there is no request {call.id[:100]!r} in the journal, which counts {control.service.journal.total}"
    )


@_operation("DELETE", "requests", models.Cleared)
def clear_requests(control: Control, call: ControlCall) -> Any:
    """Forget the requests."""
    return _cleared(control.service.journal)


# --- faults ---------------------------------------------------------------------------------------------------------


@_operation("GET", "faults", list[models.FaultShown])
def faults(control: Control, call: ControlCall) -> Any:
    """List the armed faults, in the order in which requests meet them."""
    return [data.fault(one) for one in control.service.faults]


@_operation("POST", "faults", models.FaultShown, models.NewFault, status=201)
def arm_fault(control: Control, call: ControlCall) -> Any:
    """Arm a fault, which the next matching request meets."""
    call.body.root.apply(control.service)
    return data.fault(list(control.service.armed)[-1])


@_operation("DELETE", "faults/{id}", models.Cleared)
def disarm_fault(control: Control, call: ControlCall) -> Any:
    """Disarm one fault; the others stay."""
    armed = list(control.service.faults)
    fault = next((one for one in armed if str(one.id) == call.id), None)
    if fault is None:
        raise NothingThere(unknown("fault", call.id[:100], [one.id for one in armed]))
    control.service.armed.disarm(fault)
    return {"removed": 1}


@_operation("DELETE", "faults", models.Cleared)
def clear_faults(control: Control, call: ControlCall) -> Any:
    """Disarm all faults."""
    return _cleared(control.service.faults)


# --- readings, organisations ----------------------------------------------------------------------------------------


@_operation("GET", "readings", list[models.QuestionShown])
def readings(control: Control, call: ControlCall) -> Any:
    """List the questions that the documentation leaves open: choices, default, evidence, and the choice in force."""
    return data.readings(control.world)


@_operation("PATCH", "readings", list[models.QuestionShown], models.NewReadings)
def choose(control: Control, call: ControlCall) -> Any:
    """Choose other readings, from now on."""
    control.world.choose(**call.body.root)
    return data.readings(control.world)


@_operation("GET", "organisations", list[models.OrganisationShown])
def organisations(control: Control, call: ControlCall) -> Any:
    """List the organisations; their keys are masked."""
    return data.organisations(control.world)


@_operation("POST", "organisations", models.OrganisationShown, models.NewOrganisationOrWorld, status=201)
def add_organisation(control: Control, call: ControlCall) -> Any:
    """Add an organisation, whose data is invisible to the others. From now on only known keys are accepted."""
    return data.organisation(call.body.apply(control.service))


@_operation("POST", "organisations/revoked-keys", list[models.OrganisationShown], commands.RevokedKey)
def revoke_key(control: Control, call: ControlCall) -> Any:
    """Refuse a key from now on, also if an organisation has it."""
    call.body.apply(control.service)
    return data.organisations(control.world)


@_operation("PATCH", "organisations", list[models.OrganisationShown], models.WhoMayCall)
def choose_who_may_call(control: Control, call: ControlCall) -> Any:
    """Refuse unknown keys, or accept them as keys of the default organisation."""
    control.world.require_known_keys = call.body.require_known_keys
    return data.organisations(control.world)


# --- resources, runs ------------------------------------------------------------------------------------------------


@_operation("GET", "resources", list[models.ResourceShown])
def all_resources(control: Control, call: ControlCall) -> Any:
    """List the resources, the number of entities of each, and the links between them."""
    return [data.resource(declared(name).of, control.world) for name in resource_names()]


@_operation("GET", "resources/{name}", list[models.EntityShown], query=models.ResourcesQuery)
def entities(control: Control, call: ControlCall) -> Any:
    """List the entities of a resource; `x-total-count` says how many match before paging."""
    query: models.ResourcesQuery = call.query
    collection = control.world.resources.named(_resource(call).of.plural)
    matching = [data.entity(one) for one in ([] if collection is None else collection.all())]
    for word in (query.q or "").lower().split():
        matching = [one for one in matching if word in json.dumps(one, ensure_ascii=False).lower()]
    return _page(call, matching)


@_operation("POST", "resources/{name}", models.EntityShown, commands.NewEntity, status=201)
def add_entity(control: Control, call: ControlCall) -> Any:
    """Add an entity of a resource, by the rules of the request that creates one."""
    return data.entity(call.body.of(_resource(call).of.name).apply(control.service))


@_operation("GET", "resources/{name}/{id}", models.EntityShown, id="string")
def entity(control: Control, call: ControlCall) -> Any:
    """Return an entity of a resource."""
    return data.entity(_entity(control, call)[1])


@_operation("PATCH", "resources/{name}/{id}", models.EntityShown, models.EntityChange, id="string")
def change_entity(control: Control, call: ControlCall) -> Any:
    """Change fields of an entity."""
    operations, one = _entity(control, call)
    operations.edit(control.world, one, call.body.fields)
    return data.entity(one)


@_operation("DELETE", "resources/{name}/{id}", models.Cleared, id="string")
def remove_entity(control: Control, call: ControlCall) -> Any:
    """Remove an entity; an entity that links to it is removed, too, loses the link, or forbids the removal."""
    before = sum(map(len, control.world.resources))
    control.world.resources.remove(_entity(control, call)[1])
    return {"removed": before - sum(map(len, control.world.resources))}


def _resource(call: ControlCall) -> ResourceOperations:
    try:
        return declared(call.name)
    except ValueError as error:
        raise NothingThere(str(error)) from None


def _entity(control: Control, call: ControlCall) -> tuple[ResourceOperations, Entity]:
    operations = _resource(call)
    collection = control.world.resources.named(operations.of.plural)
    one = None if collection is None else collection.get(call.id)
    if one is None:
        raise NothingThere(f"there is no {operations.of.name} {call.id[:100]!r}")
    return operations, one


@_operation("POST", "agents", models.Made, commands.NewAgent, status=201)
def add_agent(control: Control, call: ControlCall) -> Any:
    """Add an agent."""
    return {"id": call.body.apply(control.service).id}


@_operation("POST", "digital-humans", models.Made, commands.NewDigitalHuman, status=201)
def add_digital_human(control: Control, call: ControlCall) -> Any:
    """Add a digital human."""
    return {"id": call.body.apply(control.service).id}


@_operation("POST", "simulations", models.Made, commands.NewSimulation, status=201)
def add_simulation(control: Control, call: ControlCall) -> Any:
    """Add a simulation, ready to be run."""
    return {"id": call.body.apply(control.service).id}


@_operation("GET", "runs", list[models.RunShown], query=models.RunsQuery)
def runs(control: Control, call: ControlCall) -> Any:
    """List the runs, with the counts of their test results; `x-total-count` says how many match before paging."""
    found = [run for run in control.world.runs.values() if run.id > call.query.after]
    return [data.run(control.world, run) for run in _page(call, found)]


@_operation("POST", "runs", models.Made, commands.NewRun, status=201, locked=False)
def queue_run(control: Control, call: ControlCall) -> Any:
    """Queue a run, as `POST /v1/queue-simulation-run` does."""
    return {"id": call.body.apply(control.service).id}


@_operation("GET", "calls", models.CallScripts)
def calls(control: Control, call: ControlCall) -> Any:
    """Return the scripts of the calls of runs that are queued from now on."""
    world = control.world
    return dumps.dump_calls(world.call, world.next_calls, world.calls_of)


@_operation("PATCH", "calls", models.CallScripts, commands.ScriptsOfCalls)
def script_calls(control: Control, call: ControlCall) -> Any:
    """Script the calls of runs: the default, the next ones, or those of digital humans. An error changes nothing."""
    call.body.apply(control.service)
    return calls(control, call)


@_operation("DELETE", "calls", models.Cleared)
def clear_calls(control: Control, call: ControlCall) -> Any:
    """Put the scripts of the calls of runs back to the default."""
    count = len(control.world.next_calls) + len(control.world.calls_of)
    control.world.clear_scripts()
    return {"removed": count}


# --- stubs ----------------------------------------------------------------------------------------------------------


@_operation("GET", "stubs", list[models.Stub])
def stubs(control: Control, call: ControlCall) -> Any:
    """List the stubs."""
    return control.service.stubs.as_list()


@_operation("POST", "stubs", models.Stub, commands.NewStub, status=201)
def add_stub(control: Control, call: ControlCall) -> Any:
    """Add an answer for an endpoint, mostly for one that is not modelled."""
    call.body.apply(control.service)
    return control.service.stubs.as_list()[-1]


@_operation("DELETE", "stubs", models.Cleared)
def clear_stubs(control: Control, call: ControlCall) -> Any:
    """Forget all stubs."""
    return _cleared(control.service.stubs)


# --- webhooks -------------------------------------------------------------------------------------------------------


@_operation("GET", "webhooks", list[models.WebhookShown])
def webhooks(control: Control, call: ControlCall) -> Any:
    """List the webhooks; secrets, and passwords in URLs, are masked."""
    return [data.webhook(one) for one in control.world.outbox.webhooks.values()]


@_operation("POST", "webhooks", models.WebhookShown, commands.NewWebhook, status=201)
def add_webhook(control: Control, call: ControlCall) -> Any:
    """Add a webhook to a server on this machine. This answer alone has the secret and the URL unmasked."""
    new: commands.NewWebhook = call.body
    return dumps.WEBHOOK.dump(new.apply(control.service))


@_operation("PATCH", "webhooks/{id}", models.WebhookShown, models.WebhookChange, id="string")
def change_webhook(control: Control, call: ControlCall) -> Any:
    """Enable or disable a webhook, or change how often failed deliveries to it are sent again."""
    _check_webhook(control, call.id)
    changes = {name: getattr(call.body, name) for name in call.body.model_fields_set}
    return data.webhook(control.world.change_webhook(call.id, **changes))


@_operation("DELETE", "webhooks/{id}", models.Cleared, id="string")
def remove_webhook(control: Control, call: ControlCall) -> Any:
    """Remove a webhook."""
    _check_webhook(control, call.id)
    control.world.remove_webhook(call.id)
    return {"removed": 1}


def _check_webhook(control: Control, id: str) -> None:
    if id not in control.world.outbox.webhooks:
        raise NothingThere(unknown("webhook", id, control.world.outbox.webhooks))


async def _settle_deliveries(control: Control, call: ControlCall) -> None:
    """Wait until no delivery is under way, if the request asks for that; each receiver has 5 seconds."""
    if call.query.settled:
        control.world.deliver()
        patience = perf_counter() + 2 * PATIENCE / 1e6
        while control.world.is_delivering and perf_counter() < patience:
            await asyncio.sleep(_A_MOMENT)


@_operation("GET", "deliveries", list[models.DeliveryShown], query=models.DeliveriesQuery, first=_settle_deliveries)
def deliveries(control: Control, call: ControlCall) -> Any:
    """List the deliveries to webhooks with their outcome; `x-total-count` says how many match before paging."""
    found = [one for number, one in control.world.outbox.deliveries.items() if number > call.query.after]
    return [data.delivery(one, control.world) for one in _page(call, found)]


@_operation("POST", "deliveries", models.Sent, models.NewDelivery, status=201, locked=False)
def send(control: Control, call: ControlCall) -> Any:
    """Send an event of your own to the webhooks that have selected it, without waiting for the receivers."""
    new: models.NewDelivery = call.body
    try:
        return {"sent": control.world.send(new.event, new.payload, new.organisation)}
    except TypeError as error:
        raise ValueError(str(error)) from None


@_operation("POST", "irregularities", models.NewIrregularity, models.NewIrregularity, status=201)
def disturb(control: Control, call: ControlCall) -> Any:
    """Disturb the next deliveries: they leave later, or more than once."""
    given: models.NewIrregularity = call.body
    amiss = Irregularity(microseconds(given.later), given.copies, given.event, given.times)
    control.world.disturb(amiss)
    return dumps.IRREGULARITY.dump(amiss)
