"""A world as JSON-ready data, and back: a loaded world goes on exactly where the saved one stopped.

A `_Shape` declares once how the objects of a class stand in a dump; it dumps and loads them.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast, get_args

from fake_bluejay.bluejay.calls import checked_call
from fake_bluejay.bluejay.modules import declared, resource_names
from fake_bluejay.core.behaviors import agent_from_text
from fake_bluejay.core.clock import Clock, ManualClock, ScaledClock, datetime_at, instant_of, microseconds
from fake_bluejay.core.clock import iso as _iso
from fake_bluejay.core.json_data import copied
from fake_bluejay.core.outbox import (
    EVENTS,
    MOST_COPIES,
    TRIGGER,
    Attempt,
    Delivery,
    Irregularity,
    Scope,
    WebhookRecord,
    check_retries,
)
from fake_bluejay.core.readings import Readings
from fake_bluejay.core.resources import Entity
from fake_bluejay.core.runs import Run
from fake_bluejay.core.scripts import Call, call_from_dict
from fake_bluejay.core.statuses import STATUSES, Event, Status, is_final, status_from_text
from fake_bluejay.core.suggest import Place, check_known, instead_of, passing, unknown, written_place
from fake_bluejay.core.test_results import ControlObject, Move, Organisation, Record
from fake_bluejay.core.timers import Timer, TimerKind
from fake_bluejay.core.world import DEFAULT_ORGANISATION, World
from fake_bluejay.state.older import as_written_today

if TYPE_CHECKING:
    from pydantic import BaseModel

FORMAT = 1

_Object = TypeVar("_Object")
_Types = type | tuple[type, ...]

_MOST_SHOWN = 100
"""The most problems of a dump that one message shows."""


class DumpError(ValueError):
    """A dump that cannot be read: everything that is wrong with it, each problem with its place."""

    def __init__(self, found: list[tuple[Place, str]]) -> None:
        self.found = found
        """Each place, and what is wrong there."""
        self.problems = [f"{written_place(place)}: {what}" if place else what for place, what in found]
        more = [f"and {len(found) - _MOST_SHOWN} more"] if len(found) > _MOST_SHOWN else []
        super().__init__("; ".join([*self.problems[:_MOST_SHOWN], *more]))


# --- the shapes -----------------------------------------------------------------------------------------------------


def _same(value: Any) -> Any:
    return value


@dataclasses.dataclass(frozen=True)
class _Value:
    """A field of a dump: a plain value."""

    types: _Types = object
    """The types of the value in a dump."""
    write: Callable[[Any], Any] = _same
    """Returns the value as it stands in a dump, unless it is None."""
    parse: Callable[[Any], Any] = _same
    """Returns a value that stood in a dump as the object has it; raises `ValueError` if there is no such value."""
    nullable: bool = False
    older: Any = ...
    """The value in a dump of an earlier version, which lacks the field; `...` if each version has it."""
    name: str = ""
    """The name in a dump, if it is not the attribute's."""
    get: Callable[[Any], Any] | None = None
    """Returns the value of an object, if it is not the attribute's."""

    def but(self, **changes: Any) -> Self:
        """Return such a field with some changes."""
        return dataclasses.replace(self, **changes)

    def dump(self, value: Any) -> Any:
        """Return a value as it stands in a dump."""
        return None if value is None else self.write(value)

    def load(self, place: _Node, name: str) -> Any:
        """Return the value in a dump as the object has it."""
        return place.read(name, self.types, self.parse, optional=self.nullable, older=self.older)


class _Values(_Value):
    """A field of a dump: a list of plain values."""

    def dump(self, value: Any) -> Any:
        return list(map(self.write, value))

    def load(self, place: _Node, name: str) -> Any:
        return place.items(name, self.types, self.parse, older=self.older)


@dataclasses.dataclass(frozen=True)
class _Each(_Value):
    """A field of a dump: a list of objects of a shape."""

    of: Any = None

    def dump(self, value: Any) -> Any:
        return [self.of.dump(one) for one in value]

    def load(self, place: _Node, name: str) -> Any:
        return [self.of.loaded(node) for node in place.each(name, older=self.older)]


class _Shape(Generic[_Object]):
    """The shape of the objects of a class: their fields, in the order of a dump, by the names of their attributes.

    Args:
        make: Returns an object, given the values of its attributes; those of a part with problems may be None.
        fields: The fields. An underscore at the end of a name is not written.
    """

    def __init__(self, make: Callable[..., _Object], **fields: _Value) -> None:
        self._make = make
        self._fields = [
            (attribute, one.name or attribute.rstrip("_"), one.get or attrgetter(attribute), one.dump, one.load)
            for attribute, one in fields.items()
        ]

    def dump(self, one: _Object) -> dict[str, Any]:
        """Return an object as it stands in a dump."""
        return {name: dump(get(one)) for _, name, get, dump, _ in self._fields}

    def values(self, place: _Node) -> dict[str, Any]:
        """Return the values of the attributes of the object at a place."""
        return {attribute: load(place, name) for attribute, name, _, _, load in self._fields}

    def loaded(self, place: _Node) -> _Object:
        """Return the object at a place."""
        return self._make(**self.values(place))

    def load(self, data: Mapping[str, Any]) -> _Object:
        """Return an object that stands by itself.

        Raises:
            DumpError: Something in the data is wrong.
        """
        root = _Node(data)
        loaded = self.loaded(root)
        root.check()
        return loaded


def _instant(text: str) -> int:
    moment = instant_of(datetime.fromisoformat(text))
    datetime_at(moment)  # an offset can move it out of the range of a datetime
    return moment


def call_from_data(data: Mapping[str, Any]) -> Call:
    """Return the script of a call, as it stands in a dump. Raises `ValueError`."""
    return checked_call(call_from_dict(data))


def _json_bytes(text: str) -> bytes:
    json.loads(text)  # else no answer could show it
    return text.encode()


def _webhook(*, events: list[str], agents: list[int], folders: list[str], **others: Any) -> WebhookRecord:
    return WebhookRecord(events=tuple(events), scope=Scope(tuple(agents), tuple(folders)), **others)


_TEXT = _Value(str)
_TEXT_OR_NULL = _Value(str, nullable=True)
_INTEGER = _Value(int)
_INTEGER_OR_NULL = _Value(int, nullable=True)
_INSTANT = _Value(str, _iso, _instant)
_INSTANT_OR_NULL = _INSTANT.but(nullable=True)
_SECONDS = _Value((int, float), lambda length: length / 1_000_000, microseconds)
_STATUS = _Value(str, str, status_from_text)
_AGENT = _Value(str, str, agent_from_text, nullable=True)
_SCRIPT = _Value(dict, Call.as_dict, call_from_data)
_JSON = _Value(dict, copied, copied)

_SETTINGS = _Shape(
    World,
    seed=_INTEGER_OR_NULL.but(get=lambda world: world.seed if world.is_seeded else None),
    agent=_AGENT,
    readings=_Value(dict, Readings.as_dict, lambda choices: Readings().changed(**choices)),
    evaluation_starts_after=_SECONDS.but(parse=_same),
    evaluation_takes=_SECONDS.but(parse=_same),
)

ORGANISATION = _Shape(Organisation, name=_TEXT, api_keys=_Values(str))
"""An organisation, with its keys."""

CONTROL_OBJECT = _Shape(
    ControlObject,
    id=_INTEGER,
    test_result_id=_INTEGER,
    written_at=_INSTANT,
    gone_at=_INSTANT_OR_NULL,
    by=_TEXT_OR_NULL,
)
"""A control object."""

RECORD = _Shape(
    Record,
    id=_INTEGER,
    organisation=_TEXT,
    status=_STATUS,
    agent=_AGENT,
    created_at=_INSTANT,
    start_time=_INSTANT_OR_NULL,
    end_time=_INSTANT_OR_NULL,
    fields=_JSON,
    history=_Each(of=_Shape(Move, at=_INSTANT, from_=_STATUS, to=_STATUS, event=_Value(str, str, Event), cause=_TEXT)),
    control_objects=_Values(int, get=lambda record: [control.id for control in record.control_objects]),
    call=_SCRIPT.but(nullable=True, older=None),
    # Not read: a run itself lists its test results.
    run=_Value(get=lambda record: record.run and record.run.id, parse=lambda _: None, older=None),
    metrics=_Values(dict, copied, copied, older=[]),
)
"""A test result. One that is loaded has the ids of its control objects in their place."""

_RUN = _Shape(
    Run,
    id=_INTEGER,
    organisation=_TEXT,
    simulation_id=_INTEGER,
    agent_id=_INTEGER,
    created_at=_INSTANT,
    fields=_JSON,
    slots=_INTEGER_OR_NULL.but(name="lines"),
    longest=_SECONDS,
    ringing=_SECONDS,
    result_ids=_Values(int, name="test_results"),
    waiting=_Values(int),
    next_steps=_Values(list, older=[], get=lambda run: map(list, run.next_steps.items())),
)

WEBHOOK = _Shape(
    _webhook,
    id=_TEXT,
    organisation=_TEXT,
    url=_TEXT_OR_NULL,
    events=_Values(str, parse=passing(lambda event: check_known("webhook event", event, EVENTS))),
    secret=_TEXT,
    agents=_Values(int, older=[], get=attrgetter("scope.agents")),
    folders=_Values(str, older=[], get=attrgetter("scope.folders")),
    retries=_INTEGER_OR_NULL.but(parse=passing(check_retries), older=None),
    enabled=_Value(bool, older=True),
)
"""A webhook."""

DELIVERY = _Shape(
    Delivery,
    number=_INTEGER.but(older=None),
    id=_TEXT,
    webhook_id=_TEXT,
    event=_TEXT,
    body=_Value(str, bytes.decode, _json_bytes),
    created_at=_INSTANT,
    attempts=_Each(of=_Shape(Attempt, at=_INSTANT, status=_INTEGER_OR_NULL, problem=_TEXT_OR_NULL)),
    planned=_INTEGER,  # a delivery under way is sent again after a restore: at-least-once delivery
    retries=_INTEGER,
)
"""A delivery with its attempts."""

IRREGULARITY = _Shape(Irregularity, later=_SECONDS, copies=_INTEGER, event=_TEXT_OR_NULL, times=_INTEGER_OR_NULL)
"""A disturbance of deliveries."""


_ENTITIES: dict[Any, _Shape[Any]] = {
    ids: _Shape(
        dict,
        id=_Value(ids),
        organisation=_TEXT,
        created_at=_INSTANT,
        updated_at=_INSTANT.but(older=None),
        fields=_JSON,
    )
    for ids in (object, int, str)
}
"""The entities of a resource, by the type of its ids in a dump."""

ENTITY = _ENTITIES[object]
"""An entity of any resource, to be dumped."""

_TIMERS: dict[Any, _Shape[Timer]] = {
    subjects: _Shape(
        Timer,
        due=_INSTANT,
        sequence=_INTEGER,
        kind=_Value(str, parse=passing(lambda kind: check_known("kind of timer", kind, get_args(TimerKind)))),
        subject_id=_Value(subjects),
    )
    for subjects in (object, int, str)
}
"""The timers, by the type of their subjects in a dump."""


# --- a world --------------------------------------------------------------------------------------------------------


def dump(world: World) -> dict[str, Any]:
    """Return everything a world holds, as data that JSON can carry.

    Instants are ISO 8601 in UTC, to the microsecond.
    """
    with world.lock:
        now = world.settle()
        return {
            "format": FORMAT,
            "now": _iso(now),
            "clock": {"speed": world.clock.speed} if isinstance(world.clock, ScaledClock) else "manual",
            **_SETTINGS.dump(world),
            "require_known_keys": world.require_known_keys,
            "organisations": [ORGANISATION.dump(one) for one in world.organisations.values()],
            "revoked_keys": sorted(world.revoked_keys),
            **{
                collection.resource.plural: {
                    "last_id": collection.last_id,
                    "all": [ENTITY.dump(one) for one in collection.all()],
                }
                for collection in sorted(world.resources, key=lambda one: one.resource.plural)
                if collection.last_id or len(collection)
            },
            "test_results": [RECORD.dump(record) for record in world.results.values()],
            "control_objects": [CONTROL_OBJECT.dump(control) for control in world.control_objects],
            "refused": list(world.refused),
            "timers": [_TIMERS[object].dump(timer) for timer in world.timers],
            "last_sequence": world.timers.sequence,
            "last_id": world.last_id,
            "calls": dump_calls(world.call, world.next_calls, world.calls_of),
            "runs": [
                {**_RUN.dump(run), **({} if run.trigger is None else {"trigger": run.trigger})}
                for run in world.runs.values()
            ],
            "last_run_id": world.last_run_id,
            "webhooks": [WEBHOOK.dump(webhook) for webhook in world.outbox.webhooks.values()],
            "last_webhook": world.outbox.last_webhook,
            "deliveries": [DELIVERY.dump(delivery) for delivery in world.outbox.deliveries.values()],
            "last_delivery": world.outbox.last_delivery,
            "irregularities": [IRREGULARITY.dump(one) for one in world.outbox.irregularities],
        }


def dump_calls(default: Call | None, next: Iterable[Call], of: Mapping[int | str, Call]) -> dict[str, Any]:
    """Return the scripts of calls as they stand in a dump."""
    return {
        "default": None if default is None else default.as_dict(),
        "next": [call.as_dict() for call in next],
        "of": {name: call.as_dict() for name, call in of.items() if isinstance(name, str)},
        "of_ids": {str(id): call.as_dict() for id, call in of.items() if isinstance(id, int)},
    }


def load(data: Mapping[str, Any]) -> World:
    """Return the world that was dumped.

    Raises:
        DumpError: Something in the data is wrong.
    """
    root = _Node(as_written_today(data))
    format = root.get("format", int)
    if format is not None and format != FORMAT:
        raise DumpError([(("format",), f"this version reads dumps of format {FORMAT}, not {format!r}")])
    world = _load_settings(root)
    resources = _resources_in(root)
    _load_test_results(root, world)
    for name in resources:
        if (entities := root.child(name)) is not None:
            _load_collection(entities, name, world)
    world.refused = dict.fromkeys(root.items("refused", int))
    _load_calls(root, world)
    _load_runs(root, world)
    _load_outbox(root, world)
    last_sequence = root.most("last_sequence")
    timers = _load_timers(root, world, resources, last_sequence)
    world.last_id = root.get("last_id", int)
    root.check()
    world.timers.restore(timers, last_sequence)
    _resend(world)
    for collection in world.resources:
        if (on_load := collection.resource.on_load) is not None:
            for entity in collection.all():
                on_load(world, entity)
    return world


def _resources_in(root: _Node) -> list[str]:
    """Return the names of a dump's collections of resources."""
    found = []
    for name in root.data():
        if name not in _names():
            try:
                declared(name, exactly=True)
            except ValueError:
                root.note(unknown("name in a dump", name, (*_names(), *resource_names())), name)
            else:
                found.append(name)
    return found


def _load_settings(root: _Node) -> World:
    """Return a world with its clock, its options and its organisations, as far as they are right."""
    clock, values = _load_clock(root), _SETTINGS.values(root)
    world = World()
    if not root.problems:
        world = root.parsed(values, lambda values: World(clock=clock, **values)) or world
    world.organisations.clear()
    for place in root.each("organisations"):
        api_keys = place.items("api_keys", str)
        place.read("name", str, lambda name, keys=api_keys: world.add_organisation(name, *keys))
    if DEFAULT_ORGANISATION not in world.organisations:
        root.misfit("organisations", f"the organisation {DEFAULT_ORGANISATION!r} is missing", of=["organisations"])
    world.require_known_keys = root.get("require_known_keys", bool)
    world.revoked_keys = set(root.items("revoked_keys", str, older=[]))
    return world


def _check_organisation(place: _Node, name: str, world: World) -> None:
    if place.is_right and name not in world.organisations:
        place.misfit("organisation", unknown("organisation", name, world.organisations), of=["organisations"])


@functools.cache
def _names() -> tuple[str, ...]:
    """Return the names of a dump's fields."""
    return tuple(dump(World()))


def restore(world: World, data: Mapping[str, Any]) -> None:
    """Put a world back into a dumped state; a dump that cannot be read changes nothing."""
    world.replace_state(load(data))


def _load_test_results(root: _Node, world: World) -> None:
    for number, place in enumerate(root.each("control_objects"), 1):
        control = CONTROL_OBJECT.loaded(place)
        if place.is_right and control.id != number:
            place.misfit("id", f"control objects are numbered from 1, so this one is {number}", of=["control_objects"])
        world.control_objects.append(control)
    control_objects = {control.id: control for control in world.control_objects}
    for place in root.each("test_results"):
        record = _load_record(place, control_objects)
        if place.is_right and record.id in world.results:
            place.misfit("id", f"the test result id {record.id} is there twice")
        _check_organisation(place, record.organisation, world)
        if place.is_right:
            world.results[record.id] = record


def _load_record(place: _Node, control_objects: Mapping[int, ControlObject]) -> Record:
    record = RECORD.loaded(place)
    if record.fields or record.metrics:
        from fake_bluejay.bluejay.models.results import CustomMetric, GivenFields, check_fields

        fields = record.fields or {}
        place.parsed(fields, check_fields, "fields")
        place.conform(fields, GivenFields, "fields")
        for number, metric in enumerate(record.metrics):
            place.conform(metric, CustomMetric, "metrics", number)
    ids: list[Any] = record.control_objects
    record.control_objects = [control_objects[id] for id in ids if id in control_objects]
    for id in ids:
        if id not in control_objects:
            place.misfit("control_objects", f"there is no control object {id}", of=["control_objects"])
    return record


def _load_calls(root: _Node, world: World) -> None:
    calls = root.child("calls", older=None)
    if calls is None:
        return
    world.call = calls.read("default", dict, call_from_data)
    world.next_calls.extend(calls.items("next", dict, call_from_data))
    if (of := calls.child("of")) is not None:
        world.calls_of = {name: of.read(name, dict, call_from_data) for name in of.data()}
    if (of_ids := calls.child("of_ids", older=None)) is not None:
        for id in of_ids.data():
            if id.isascii() and id.isdigit():
                world.calls_of[int(id)] = of_ids.read(id, dict, call_from_data)
            else:
                of_ids.note("the id of a digital human is needed", id)


def _load_runs(root: _Node, world: World) -> None:
    if "runs" in root.data():  # older dumps have neither these nor `last_run_id`
        world.last_run_id = root.most("last_run_id")
        for place in root.each("runs"):
            _load_run(place, world)


def _load_run(place: _Node, world: World) -> None:
    values = _RUN.values(place)
    waiting, next_steps = values.pop("waiting"), values.pop("next_steps")
    run = Run(**values, trigger=place.get("trigger", str, optional=True, older=None))
    if run.fields:
        from fake_bluejay.bluejay.models.runs import RunFields

        place.conform(run.fields, RunFields, "fields")
    if not place.is_right:
        return
    if run.id in world.runs or not 0 < run.id <= world.last_run_id:
        place.misfit("id", f"{run.id} is there twice, below 1, or above last_run_id")
    _check_organisation(place, run.organisation, world)
    if run.slots is not None and run.slots < 1:
        place.misfit("lines", f"at least 1 is needed, or null, not {run.slots}")
    for id in run.result_ids:
        record = world.results.get(id)
        if record is None or record.run is not None:
            place.misfit("test_results", f"there is no test result {id}, or it is there twice", of=["test_results"])
        elif record.call is None:
            place.misfit("test_results", f"the test result {id} of a run has no call")
        else:
            record.run = run
    for id in waiting:
        waits = world.results.get(id)
        if id in run.waiting or waits is None or waits.run is not run or waits.status is not Status.QUEUED:
            place.misfit("waiting", f"{id} is there twice, or no queued test result of this run", of=["test_results"])
        run.waiting[id] = None
    for pair in next_steps:
        _load_next_step(place, pair, run, world)
    if place.is_right:
        for id in run.result_ids:
            if id not in run.waiting and id in world.results:
                run.note_status(id, world.results[id].status)
        world.runs[run.id] = run
        world.add_trigger(run)


def _load_next_step(place: _Node, pair: list[Any], run: Run, world: World) -> None:
    """Let the second test result of a pair wait for the end of the first."""
    steps = [world.results.get(id) for id in pair if type(id) is int]
    if len(pair) != 2 or len(steps) != 2 or any(one is None or one.run is not run for one in steps):
        place.misfit("next_steps", f"{pair!r:.80} is no pair of test results of this run", of=["test_results"])
    elif pair[0] in run.next_steps or pair[1] in run.held or pair[0] >= pair[1]:
        place.misfit("next_steps", f"{pair!r:.80} is not in order, or has a test result that is there already")
    elif is_final(world.results[pair[0]].status):
        place.misfit("next_steps", f"the test result {pair[0]} is over, so none waits for its end")
    else:
        run.hold(pair[1], after=pair[0])


def _load_outbox(root: _Node, world: World) -> None:
    outbox = world.outbox
    for place in root.each("webhooks", older=[]):
        webhook = WEBHOOK.loaded(place)
        _check_organisation(place, webhook.organisation, world)
        if place.is_right and webhook.id in outbox.webhooks:
            place.misfit("id", f"the webhook {webhook.id!r} is there twice")
        outbox.webhooks[webhook.id] = webhook
    outbox.last_webhook = root.get("last_webhook", int, older=len(outbox.webhooks))
    for count, place in enumerate(root.each("deliveries", older=[]), 1):
        delivery = _load_delivery(place, count)
        if not place.is_right:
            continue
        if delivery.number <= outbox.last_delivery:
            place.misfit("number", f"deliveries are numbered from 1 and ascend, so this is not {delivery.number}")
        outbox.deliveries[delivery.number] = delivery
        outbox.last_delivery = delivery.number
    last = root.most("last_delivery", older=outbox.last_delivery)
    if last < outbox.last_delivery:
        root.misfit("last_delivery", f"there is a delivery of number {outbox.last_delivery}, not only {last}")
    outbox.last_delivery = last
    for place in root.each("irregularities", older=[]):
        values = IRREGULARITY.values(place)
        amiss = place.parsed(values, lambda values: Irregularity(**values), "copies") if place.is_right else None
        if amiss is not None:
            outbox.irregularities.append(amiss)


def _load_delivery(place: _Node, count: int) -> Delivery:
    delivery = DELIVERY.loaded(place)
    if delivery.number is None:
        delivery.number = count
    if place.is_right and delivery.event == TRIGGER and not delivery.id.isdecimal():
        place.misfit("id", "the id of a test result is needed, which is called")
    if place.is_right and not 0 <= delivery.planned <= MOST_COPIES:
        place.misfit("planned", f"0 to {MOST_COPIES} attempts are planned at once, not {delivery.planned}")
    return delivery


def _resend(world: World) -> None:
    """Schedule deliveries that were under way when the world was dumped."""
    scheduled = Counter(timer.subject_id for timer in world.timers if timer.kind == "delivery")
    for delivery in list(world.outbox.deliveries.values()):
        # A timer beyond the planned attempts would send once more, and the count of attempts would be wrong.
        delivery.planned = max(delivery.planned, scheduled[delivery.number])
        for _ in range(delivery.planned - scheduled[delivery.number]):
            world.timers.schedule(world.now(), "delivery", delivery.number)
        world.outbox.forget_if_over(delivery)
        if delivery.event == TRIGGER and delivery.planned and not delivery.delivered:
            world.outbox.untriggered.add(int(delivery.id))


def _load_collection(root: _Node, name: str, world: World) -> None:
    operations = declared(name)
    resource = operations.of
    collection = world.resources[resource]
    collection.last_id = root.most("last_id")
    shape = _ENTITIES[resource.ids.stored]
    for place in root.each("all"):
        values = shape.loaded(place)
        if not place.is_right:
            continue
        id, updated_at = values["id"], values.pop("updated_at")
        _check_organisation(place, values["organisation"], world)
        if resource.ids.read(id) != id:
            place.misfit("id", f"a {resource.ids.wire_type.__name__} is needed, not {id!r}")
        elif collection.get(id) is not None or (isinstance(id, int) and not 0 < id <= collection.last_id):
            place.misfit("id", f"{id} is there twice, or above last_id")
        entity = Entity(resource, **values)
        if updated_at is not None:
            entity.updated_at = updated_at
        for field, problem in operations.problems(entity).items():
            place.note(problem, "fields", *field)
        if place.is_right:
            collection.put(entity)


def _load_timers(root: _Node, world: World, resources: Iterable[str], last_sequence: int) -> list[Timer]:
    """Return the timers; those that a change of status cancels are armed in their test results."""
    timers: dict[int, Timer] = {}
    for place in root.each("timers"):
        timer = _TIMERS[str if place.data().get("kind") == "resource" else int].loaded(place)
        if not place.is_right:
            continue
        sequence, kind, id = timer.sequence, timer.kind, cast(Any, timer.subject_id)
        record = world.results.get(id)
        if kind == "resource":
            entity = world.resources.subject(id)
            if entity is None or entity.resource.on_timer is None or entity.timer is not None:
                problem = f"nothing is scheduled for {id!r}, or something is already"
                place.misfit("subject_id", problem, of=resources)
            else:
                entity.timer = sequence
        elif kind == "delivery":
            if id not in world.outbox.deliveries:
                place.misfit("subject_id", f"there is no delivery {id}", of=["deliveries"])
        elif record is None:
            place.misfit("subject_id", f"there is no test result {id}", of=["test_results"])
        elif kind == "call_proceeds" or any(kind == row.timer for row in STATUSES.values()):
            if not (world.goes_on(record) if kind == "call_proceeds" else STATUSES[record.status].timer == kind):
                problem = f"nothing like this is scheduled for a test result that is {record.status}"
                place.misfit("kind", problem, of=["runs"])
            record.armed.append(sequence)
        if sequence in timers or not 0 < sequence <= last_sequence:
            place.misfit("sequence", f"{sequence} is there twice, or above last_sequence")
        timers[sequence] = timer
    return list(timers.values())


def _load_clock(root: _Node) -> Clock:
    now = root.read("now", str, _instant)
    clock = root.get("clock", (str, dict))
    manual = ManualClock(0 if now is None else now)
    if clock is None or clock == "manual" or (scaled := root.child("clock")) is None:
        return manual
    clock = scaled.read("speed", (int, float), lambda speed: ScaledClock(speed, manual.now()))
    return manual if clock is None else clock


class _Node:
    """A mapping inside the dump that knows its place, for messages about its problems.

    Problems are collected, so that all are reported. A value with a problem is read as None; its users check
    `is_right` first.

    Args:
        data: The mapping.
        place: Its place.
        within: The node around it.

    Raises:
        DumpError: The outermost node is not a mapping.
    """

    def __init__(self, data: Any, place: Place = (), within: _Node | None = None) -> None:
        self._place = place
        self.problems: list[tuple[Place, str]] = [] if within is None else within.problems
        """The problems of the whole dump so far."""
        self.is_right = True
        """True if no problem in it is known."""
        self._within = within
        self._parts: set[str | int] = set() if within is None else within._parts
        """The names of the parts of the dump that have problems."""
        self._data = data
        if not isinstance(data, Mapping):
            self._data = {}
            self.note(f"{'' if place else 'a dump: '}an object is needed, not {data!r:.80}")
        if within is None:
            self.check()

    def get(self, name: str, type_: _Types, *, optional: bool = False, older: Any = ...) -> Any:
        """Return the value of a field if it has the type, or None if it is `optional` and null.

        A dump of an earlier version may lack a field, for which `older` then stands.
        """
        if name not in self._data:
            if older is not ...:
                return older
            self.note("missing", name)
            return None
        value = self._data[name]
        return None if optional and value is None else self._checked(value, type_, name)

    def _checked(self, value: Any, type_: _Types, *place: str | int) -> Any:
        if not isinstance(value, type_) or (isinstance(value, bool) and type_ is not bool):
            kinds = type_ if isinstance(type_, tuple) else (type_,)
            needed = " or ".join(kind.__name__ for kind in kinds)
            self.note(f"{needed} is needed, {instead_of(place, value)}", *place)
            return None
        return value

    def read(self, name: str, type_: _Types, parse: Any, *, optional: bool = False, older: Any = ...) -> Any:
        """Return the value of a field, parsed."""
        return self.parsed(self.get(name, type_, optional=optional, older=older), parse, name)

    def parsed(self, value: Any, parse: Callable[[Any], Any], *place: str | int) -> Any:
        """Return a value at a place within the object, parsed; None if it cannot be."""
        if value is None or parse is _same:
            return value
        try:
            return parse(value)
        except (ValueError, TypeError, OverflowError) as error:
            self.note(str(error), *place)
            return None

    def most(self, name: str, *, older: Any = ...) -> int:
        """Return a field that has the greatest number so far; a number that none exceeds, if the field is wrong."""
        number = self.get(name, int, older=older)
        return sys.maxsize if number is None else number

    def child(self, name: str, *, older: Any = ...) -> _Node | None:
        """Return the object in a field; None if there is none."""
        value = self.get(name, dict, older=older)
        return None if value is None else _Node(value, (*self._place, name), self)

    def each(self, name: str, *, older: Any = ...) -> Iterator[_Node]:
        """Yield the objects of a list, each with its place."""
        for index, item in enumerate(self.get(name, list, older=older) or ()):
            node = _Node(item, (*self._place, name, index), self)
            if node.is_right:
                yield node

    def items(self, name: str, type_: _Types, parse: Callable[[Any], Any] = _same, *, older: Any = ...) -> list[Any]:
        """Return the plain values of a list, parsed, as far as they are right."""
        return [
            value
            for index, item in enumerate(self.get(name, list, older=older) or ())
            if (value := self.parsed(self._checked(item, type_, name, index), parse, name, index)) is not None
        ]

    def conform(self, data: Any, model: type[BaseModel], *place: str | int) -> None:
        """Collect what is wrong with the data at a place within the object if it is not as a model says."""
        from fake_bluejay.bluejay.mistakes import misfits

        for inner, problem in misfits(model, data).items():
            self.note(problem, *place, *inner)

    def data(self) -> dict[str, Any]:
        """Return the object."""
        return dict(self._data)

    def note(self, problem: str, *place: str | int) -> None:
        """Collect a problem at a place within the object, or of the object itself."""
        place = (*self._place, *place)
        self.problems.append((place, problem))
        self._parts.update(place[:1])
        node: _Node | None = self
        while node is not None:
            node.is_right = False
            node = node._within

    def misfit(self, name: str, problem: str, of: Iterable[str] = ()) -> None:
        """Collect a problem of a field whose value is right, but does not fit the others.

        Args:
            name: The name of the field.
            problem: The problem.
            of: The parts of the dump that the field was compared with. If one has a problem, that may be the cause,
                and this one is not reported.
        """
        if self._parts.isdisjoint(of):
            self.note(problem, name)

    def check(self) -> None:
        """Raise the collected problems, if there are any."""
        if self.problems:
            raise DumpError(self.problems)
