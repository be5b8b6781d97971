"""A world as JSON-ready data, and back: a loaded world goes on exactly where the saved one stopped."""

from __future__ import annotations

import functools
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from fake_bluejay.bluejay.calls import checked_call
from fake_bluejay.bluejay.modules import declared, resource_names
from fake_bluejay.core.behaviors import Agent, agent_from_text
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
from fake_bluejay.core.suggest import check_known, instead_of, unknown
from fake_bluejay.core.test_results import ControlObject, Move, Organisation, Record
from fake_bluejay.core.timers import Timer, TimerKind
from fake_bluejay.core.world import DEFAULT_ORGANISATION, World
from fake_bluejay.state.older import as_written_today

if TYPE_CHECKING:
    from pydantic import BaseModel

FORMAT = 1

_Loaded = TypeVar("_Loaded")
_Types = type | tuple[type, ...]

_MOST_SHOWN = 100
"""The most problems of a dump that one message shows."""


class DumpError(ValueError):
    """A dump that cannot be read: everything that is wrong with it, each problem with its place."""

    def __init__(self, problems: list[str]) -> None:
        more = [f"and {len(problems) - _MOST_SHOWN} more"] if len(problems) > _MOST_SHOWN else []
        super().__init__("; ".join([*problems[:_MOST_SHOWN], *more]))
        self.problems = problems


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
            "seed": world.seed if world.is_seeded else None,
            "agent": _optional_text(world.agent),
            "readings": world.readings.as_dict(),
            "evaluation_starts_after": world.evaluation_starts_after / 1_000_000,
            "evaluation_takes": world.evaluation_takes / 1_000_000,
            "require_known_keys": world.require_known_keys,
            "organisations": [dump_organisation(one) for one in world.organisations.values()],
            "revoked_keys": sorted(world.revoked_keys),
            **{
                collection.resource.plural: {
                    "last_id": collection.last_id,
                    "all": [dump_entity(one) for one in collection.all()],
                }
                for collection in sorted(world.resources, key=lambda one: one.resource.plural)
                if collection.last_id or len(collection)
            },
            "test_results": [dump_record(record) for record in world.results.values()],
            "control_objects": [
                {
                    "id": control.id,
                    "test_result_id": control.test_result_id,
                    "written_at": _iso(control.written_at),
                    "gone_at": _optional_iso(control.gone_at),
                    "by": control.by,
                }
                for control in world.control_objects
            ],
            "refused": list(world.refused),
            "timers": [{**timer._asdict(), "due": _iso(timer.due)} for timer in world.timers],
            "last_sequence": world.timers.sequence,
            "last_id": world._last_id,
            "calls": dump_calls(world.call, world.next_calls, world.calls_of),
            "runs": [_dump_run(run) for run in world.runs.values()],
            "last_run_id": world._last_run_id,
            "webhooks": [dump_webhook(webhook) for webhook in world.outbox.webhooks.values()],
            "last_webhook": world.outbox.last_webhook,
            "deliveries": [dump_delivery(delivery) for delivery in world.outbox.deliveries.values()],
            "last_delivery": world.outbox.last_delivery,
            "irregularities": [dump_irregularity(one) for one in world.outbox.irregularities],
        }


def dump_organisation(one: Organisation) -> dict[str, Any]:
    """Return an organisation, with its keys, as it stands in a dump."""
    return {"name": one.name, "api_keys": list(one.api_keys)}


def dump_entity(entity: Entity) -> dict[str, Any]:
    """Return an entity of a resource as data, as it stands in a dump."""
    return {
        "id": entity.id,
        "organisation": entity.organisation,
        "created_at": _iso(entity.created_at),
        "updated_at": _iso(entity.updated_at),
        "fields": copied(entity.fields),
    }


def dump_record(record: Record) -> dict[str, Any]:
    """Return a test result as it stands in a dump."""
    return {
        "id": record.id,
        "organisation": record.organisation,
        "status": str(record.status),
        "agent": _optional_text(record.agent),
        "created_at": _iso(record.created_at),
        "start_time": _optional_iso(record.start_time),
        "end_time": _optional_iso(record.end_time),
        "fields": copied(record.fields),
        "history": [
            {
                "at": _iso(move.at),
                "from": str(move.from_),
                "to": str(move.to),
                "event": str(move.event),
                "cause": move.cause,
            }
            for move in record.history
        ],
        "control_objects": [control.id for control in record.control_objects],
        "call": None if record.call is None else record.call.as_dict(),
        "run": None if record.run is None else record.run.id,
        "metrics": copied(record.metrics),
    }


def dump_calls(default: Call | None, next: Iterable[Call], of: Mapping[int | str, Call]) -> dict[str, Any]:
    """Return the scripts of calls as they stand in a dump."""
    return {
        "default": None if default is None else default.as_dict(),
        "next": [call.as_dict() for call in next],
        "of": {name: call.as_dict() for name, call in of.items() if isinstance(name, str)},
        "of_ids": {str(id): call.as_dict() for id, call in of.items() if isinstance(id, int)},
    }


def _dump_run(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "organisation": run.organisation,
        "simulation_id": run.simulation_id,
        "agent_id": run.agent_id,
        "created_at": _iso(run.created_at),
        "fields": copied(run.fields),
        "lines": run.slots,
        "longest": run.longest / 1_000_000,
        "ringing": run.ringing / 1_000_000,
        "test_results": list(run.result_ids),
        "waiting": list(run.waiting),
        "next_steps": [list(pair) for pair in run.next_steps.items()],
        **({} if run.trigger is None else {"trigger": run.trigger}),
    }


def dump_irregularity(one: Irregularity) -> dict[str, Any]:
    """Return a disturbance of deliveries as it stands in a dump."""
    return {"later": one.later / 1_000_000, "copies": one.copies, "event": one.event, "times": one.times}


def dump_webhook(webhook: WebhookRecord) -> dict[str, Any]:
    """Return a webhook as data, as it stands in a dump."""
    return {
        "id": webhook.id,
        "organisation": webhook.organisation,
        "url": webhook.url,
        "events": list(webhook.events),
        "secret": webhook.secret,
        "agents": list(webhook.scope.agents),
        "folders": list(webhook.scope.folders),
        "retries": webhook.retries,
        "enabled": webhook.enabled,
    }


def dump_delivery(delivery: Delivery) -> dict[str, Any]:
    """Return a delivery as it stands in a dump."""
    return {
        "number": delivery.number,
        "id": delivery.id,
        "webhook_id": delivery.webhook_id,
        "event": delivery.event,
        "body": delivery.body.decode(),
        "created_at": _iso(delivery.created_at),
        "attempts": [{**attempt._asdict(), "at": _iso(attempt.at)} for attempt in delivery.attempts],
        # A delivery under way is sent again after a restore: at-least-once delivery.
        "planned": delivery.planned,
        "retries": delivery.retries,
    }


def load(data: Mapping[str, Any]) -> World:
    """Return the world that was dumped.

    Raises:
        DumpError: Something in the data is wrong.
    """
    data = as_written_today(data)
    root = _Node(data, "")
    format = root.get("format", int)
    if format is not None and format != FORMAT:
        raise DumpError([f"format: this version reads dumps of format {FORMAT}, not {format!r}"])
    world = _load_settings(root)
    resources = []
    for name in data:
        if name not in _names():
            try:
                declared(name, exactly=True)
            except ValueError:
                root.note(name, unknown("name in a dump", name, (*_names(), *resource_names())))
            else:
                resources.append(name)
    for number, place in enumerate(root.each("control_objects"), 1):
        control = _load_control_object(place)
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
    for name in resources:
        if (entities := root.child(name)) is not None:
            _load_collection(entities, name, world)
    world.refused = dict.fromkeys(root.items("refused", int))
    _load_calls(root, world)
    if "runs" in data:
        last_run_id = root.most("last_run_id")
        for place in root.each("runs"):
            _load_run(place, world, last_run_id)
        world._last_run_id = last_run_id
    _load_outbox(root, world)
    last_sequence = root.most("last_sequence")
    timers = _load_timers(root, world, resources, last_sequence)
    world._last_id = root.get("last_id", int)
    root.check()
    world.timers.restore(timers, last_sequence)
    _resend(world)
    for collection in world.resources:
        if (on_load := collection.resource.on_load) is not None:
            for entity in collection.all():
                on_load(world, entity)
    return world


def _load_settings(root: _Node) -> World:
    """Return a world with its clock, its options and its organisations, as far as they are right."""
    options: dict[str, Any] = {
        "clock": _load_clock(root),
        "readings": root.read("readings", dict, lambda choices: Readings().changed(**choices)),
        "agent": root.read("agent", str, agent_from_text, optional=True),
        "seed": root.get("seed", int, optional=True),
        "evaluation_starts_after": root.get("evaluation_starts_after", (int, float)),
        "evaluation_takes": root.get("evaluation_takes", (int, float)),
    }
    world = World()
    if not root.problems:
        try:
            world = World(**options)
        except ValueError as error:
            root.problems.append(str(error))
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


def _load_control_object(place: _Node) -> ControlObject:
    control = ControlObject(
        place.get("id", int), place.get("test_result_id", int), place.read("written_at", str, _instant)
    )
    control.gone_at = place.read("gone_at", str, _instant, optional=True)
    control.by = place.get("by", str, optional=True)
    return control


def load_record(data: Mapping[str, Any], control_objects: Iterable[Mapping[str, Any]]) -> Record:
    """Return a test result from its data in a dump, with its control objects.

    Raises:
        ValueError: Something in the data is wrong.
    """

    def load(root: _Node) -> Record:
        loaded = [_load_control_object(_Node(one, "control_objects.", root)) for one in control_objects]
        return _load_record(root, {control.id: control for control in loaded})

    return _load_alone(data, load)


def _load_alone(data: Mapping[str, Any], load: Callable[[_Node], _Loaded]) -> _Loaded:
    """Return a part of a dump that stands by itself, or raise all its problems."""
    root = _Node(data, "")
    loaded = load(root)
    root.check()
    return loaded


def _load_record(place: _Node, control_objects: Mapping[int, ControlObject]) -> Record:
    fields, metrics = place.child("fields"), list(place.each("metrics", older=[]))
    call = place.read("call", dict, _script, optional=True, older=None)
    if fields or metrics:
        from fake_bluejay.bluejay.models.results import CustomMetric, GivenFields, check_fields

        place.read("fields", dict, check_fields)
        if fields:
            fields.conform(GivenFields)
        for metric in metrics:
            metric.conform(CustomMetric)
    record = Record(
        place.get("id", int),
        place.get("organisation", str),
        place.read("status", str, status_from_text),
        place.read("agent", str, agent_from_text, optional=True),
        place.read("created_at", str, _instant),
        copied(fields.data()) if fields else {},
    )
    record.start_time = place.read("start_time", str, _instant, optional=True)
    record.end_time = place.read("end_time", str, _instant, optional=True)
    record.call, record.metrics = call, [metric.data() for metric in metrics]
    record.history = [
        Move(
            move.read("at", str, _instant),
            move.read("from", str, status_from_text),
            move.read("to", str, status_from_text),
            move.read("event", str, Event),
            move.get("cause", str),
        )
        for move in place.each("history")
    ]
    for number in place.items("control_objects", int):
        if number in control_objects:
            record.control_objects.append(control_objects[number])
        else:
            place.misfit("control_objects", f"there is no control object {number}", of=["control_objects"])
    return record


def _script(data: Mapping[str, Any]) -> Call:
    return checked_call(call_from_dict(data))


def _load_calls(root: _Node, world: World) -> None:
    calls = root.child("calls", older=None)
    if calls is None:
        return
    world.call = calls.read("default", dict, _script)
    world.next_calls.extend(
        _Node({"call": each}, f"calls.next[{index}].", calls).read("call", dict, _script)
        for index, each in enumerate(calls.get("next", list) or ())
    )
    if (of := calls.child("of")) is not None:
        world.calls_of = {name: of.read(name, dict, _script) for name in of.names()}
    if (of_ids := calls.child("of_ids", older=None)) is not None:
        for id in of_ids.names():
            if id.isascii() and id.isdigit():
                world.calls_of[int(id)] = of_ids.read(id, dict, _script)
            else:
                of_ids.note(id, "the id of a digital human is needed")


def _load_run(place: _Node, world: World, last_id: int) -> None:
    fields = place.child("fields")
    run = Run(
        place.get("id", int),
        place.get("organisation", str),
        place.get("simulation_id", int),
        place.get("agent_id", int),
        place.read("created_at", str, _instant),
        copied(fields.data()) if fields else {},
        slots=place.get("lines", int, optional=True),
        longest=place.read("longest", (int, float), microseconds),
        ringing=place.read("ringing", (int, float), microseconds),
        trigger=place.get("trigger", str, optional=True, older=None),
    )
    if fields:
        from fake_bluejay.bluejay.models.runs import BACRunRequest

        fields.conform(BACRunRequest)
    run.result_ids = place.items("test_results", int)
    waiting = place.items("waiting", int)
    next_steps = place.items("next_steps", list, older=[])
    if not place.is_right:
        return
    if run.id in world.runs or not 0 < run.id <= last_id:
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
        steps = [world.results.get(id) for id in pair if type(id) is int]
        if len(pair) != 2 or len(steps) != 2 or any(one is None or one.run is not run for one in steps):
            place.misfit("next_steps", f"{pair!r:.80} is no pair of test results of this run", of=["test_results"])
        elif pair[0] in run.next_steps or pair[1] in run.held or pair[0] >= pair[1]:
            place.misfit("next_steps", f"{pair!r:.80} is not in order, or has a test result that is there already")
        elif is_final(world.results[pair[0]].status):
            place.misfit("next_steps", f"the test result {pair[0]} is over, so none waits for its end")
        else:
            run.hold(pair[1], after=pair[0])
    if place.is_right:
        for id in run.result_ids:
            if id not in run.waiting and id in world.results:
                run.note_status(id, world.results[id].status)
        world.runs[run.id] = run
        world.add_trigger(run)


def _load_outbox(root: _Node, world: World) -> None:
    outbox = world.outbox
    for place in root.each("webhooks", older=[]):
        webhook = _load_webhook(place)
        _check_organisation(place, webhook.organisation, world)
        for event in webhook.events:
            if event not in EVENTS:
                place.misfit("events", unknown("webhook event", event, EVENTS))
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
        later = place.read("later", (int, float), microseconds)
        event = place.get("event", str, optional=True)
        times = place.get("times", int, optional=True)
        copies = place.get("copies", int)
        if place.is_right:
            try:
                outbox.irregularities.append(Irregularity(later, copies, event, times))
            except ValueError as error:
                place.note("copies", str(error))


def _load_webhook(place: _Node) -> WebhookRecord:
    return WebhookRecord(
        place.get("id", str),
        place.get("organisation", str),
        place.get("url", str, optional=True),
        tuple(place.items("events", str)),
        place.get("secret", str),
        Scope(tuple(place.items("agents", int, older=[])), tuple(place.items("folders", str, older=[]))),
        place.read("retries", int, _retries, optional=True, older=None),
        place.get("enabled", bool, older=True),
    )


def _retries(number: int) -> int:
    check_retries(number)
    return number


def load_webhook(data: Mapping[str, Any]) -> WebhookRecord:
    """Return a webhook that stands by itself, as in a dump. Raises `ValueError`."""
    return _load_alone(data, _load_webhook)


def load_delivery(data: Mapping[str, Any]) -> Delivery:
    """Return a delivery from its data in a dump.

    Raises:
        ValueError: Something in the data is wrong.
    """
    return _load_alone(data, lambda root: _load_delivery(root, 1))


def _load_delivery(place: _Node, count: int) -> Delivery:
    delivery = Delivery(
        place.get("number", int, older=count),
        place.get("id", str),
        place.get("webhook_id", str),
        place.get("event", str),
        place.read("body", str, _json_bytes),
        place.read("created_at", str, _instant),
    )
    delivery.attempts = [
        Attempt(
            attempt.read("at", str, _instant),
            attempt.get("status", int, optional=True),
            attempt.get("problem", str, optional=True),
        )
        for attempt in place.each("attempts")
    ]
    if place.is_right and delivery.event == TRIGGER and not delivery.id.isdecimal():
        place.misfit("id", "the id of a test result is needed, which is called")
    delivery.planned, delivery.retries = place.get("planned", int), place.get("retries", int)
    if place.is_right and not 0 <= delivery.planned <= MOST_COPIES:
        place.misfit("planned", f"0 to {MOST_COPIES} attempts are planned at once, not {delivery.planned}")
    return delivery


def _json_bytes(text: str) -> bytes:
    json.loads(text)  # else no answer could show it
    return text.encode()


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
            world.outbox.untold.add(int(delivery.id))


def _load_collection(root: _Node, name: str, world: World) -> None:
    operations = declared(name)
    resource = operations.of
    collection = world.resources[resource]
    collection.last_id = root.most("last_id")
    for place in root.each("all"):
        id, organisation = place.get("id", resource.ids.stored), place.get("organisation", str)
        created_at = place.read("created_at", str, _instant)
        updated_at = place.read("updated_at", str, _instant, older=None)
        fields = copied(place.get("fields", dict) or {})
        if not place.is_right:
            continue
        _check_organisation(place, organisation, world)
        if resource.ids.read(id) != id:
            place.misfit("id", f"a {resource.ids.wire_type.__name__} is needed, not {id!r}")
        elif collection.get(id) is not None or (isinstance(id, int) and not 0 < id <= collection.last_id):
            place.misfit("id", f"{id} is there twice, or above last_id")
        entity = Entity(resource, id, organisation, created_at, fields)
        if updated_at is not None:
            entity.updated_at = updated_at
        for field, problem in operations.problems(entity).items():
            place.note(f"fields.{field}", problem)
        if place.is_right:
            collection.put(entity)


def _load_timers(root: _Node, world: World, resources: Iterable[str], last_sequence: int) -> list[Timer]:
    """Return the timers; those that a change of status cancels are armed in their test results."""
    timers: dict[int, Timer] = {}
    for place in root.each("timers"):
        due, kind = place.read("due", str, _instant), place.read("kind", str, _timer_kind)
        sequence, id = place.get("sequence", int), place.get("subject_id", str if kind == "resource" else int)
        if not place.is_right:
            continue
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
        timers[sequence] = Timer(due, sequence, kind, id)
    return list(timers.values())


def _timer_kind(text: str) -> str:
    check_known("kind of timer", text, get_args(TimerKind))
    return text


def _load_clock(root: _Node) -> Clock:
    now = root.read("now", str, _instant)
    clock = root.get("clock", (str, dict))
    manual = ManualClock(0 if now is None else now)
    if clock is None or clock == "manual" or (scaled := root.child("clock")) is None:
        return manual
    clock = scaled.read("speed", (int, float), lambda speed: ScaledClock(speed, manual.now()))
    return manual if clock is None else clock


def _optional_iso(instant: int | None) -> str | None:
    return None if instant is None else _iso(instant)


def _optional_text(agent: Agent | None) -> str | None:
    return None if agent is None else str(agent)


def _instant(text: str) -> int:
    moment = instant_of(datetime.fromisoformat(text))
    datetime_at(moment)  # an offset can move it out of the range of a datetime
    return moment


class _Node:
    """A mapping inside the dump that knows its place, for messages about its problems.

    Problems are collected, so that all are reported. A value with a problem is read as None; its users check
    `is_right` first.

    Args:
        data: The mapping.
        path: Its place, in the form before a field's name: `test_results[2].`.
        within: The node around it.

    Raises:
        DumpError: The outermost node is not a mapping.
    """

    def __init__(self, data: Any, path: str, within: _Node | None = None) -> None:
        self.path = path
        self.problems: list[str] = [] if within is None else within.problems
        """The problems of the whole dump so far."""
        self.is_right = True
        """True if no problem in it is known."""
        self._within = within
        self._parts: set[str] = set() if within is None else within._parts
        """The names of the parts of the dump that have problems."""
        self._data = data
        if not isinstance(data, Mapping):
            self._data = {}
            self._report(f"{path.rstrip('.') or 'a dump'}: an object is needed, not {data!r:.80}")
        if within is None:
            self.check()

    def get(self, name: str, type_: _Types, *, optional: bool = False, older: Any = ...) -> Any:
        """Return the value of a field if it has the type, or None if it is `optional` and null.

        A dump of an earlier version may lack a field, for which `older` then stands.
        """
        if name not in self._data:
            if older is not ...:
                return older
            self.note(name, "missing")
            return None
        value = self._data[name]
        return None if optional and value is None else self._checked(name, value, type_)

    def _checked(self, name: str, value: Any, type_: _Types) -> Any:
        if not isinstance(value, type_) or (isinstance(value, bool) and type_ is not bool):
            kinds = type_ if isinstance(type_, tuple) else (type_,)
            self.note(name, f"{' or '.join(kind.__name__ for kind in kinds)} is needed, {instead_of(name, value)}")
            return None
        return value

    def read(self, name: str, type_: _Types, parse: Any, *, optional: bool = False, older: Any = ...) -> Any:
        """Return the value of a field, parsed."""
        value = self.get(name, type_, optional=optional, older=older)
        if value is None:
            return None
        try:
            return parse(value)
        except (ValueError, TypeError, OverflowError) as error:
            self.note(name, str(error))
            return None

    def most(self, name: str, *, older: Any = ...) -> int:
        """Return a field that has the greatest number so far; a number that none exceeds, if the field is wrong."""
        number = self.get(name, int, older=older)
        return sys.maxsize if number is None else number

    def __bool__(self) -> bool:
        return bool(self._data)

    def names(self) -> list[str]:
        """Return the names of the fields."""
        return list(self._data)

    def child(self, name: str, *, older: Any = ...) -> _Node | None:
        """Return the object in a field; None if there is none."""
        value = self.get(name, dict, older=older)
        return None if value is None else _Node(value, f"{self.path}{name}.", self)

    def each(self, name: str, *, older: Any = ...) -> Iterator[_Node]:
        """Yield the objects of a list, each with its place."""
        for index, item in enumerate(self.get(name, list, older=older) or ()):
            node = _Node(item, f"{self.path}{name}[{index}].", self)
            if node.is_right:
                yield node

    def items(self, name: str, type_: type, *, older: Any = ...) -> list[Any]:
        """Return the plain values of a list if they have the type."""
        return [
            value
            for index, item in enumerate(self.get(name, list, older=older) or ())
            if (value := self._checked(f"{name}[{index}]", item, type_)) is not None
        ]

    def conform(self, model: type[BaseModel]) -> None:
        """Collect what is wrong with the object if it is not as a model says."""
        from fake_bluejay.bluejay.mistakes import misfits

        for field, problem in misfits(model, self._data).items():
            self.note(field, problem)

    def data(self) -> dict[str, Any]:
        """Return the object."""
        return dict(self._data)

    def note(self, name: str, problem: str) -> None:
        """Collect a problem with a field."""
        self._report(f"{self.path}{name}: {problem}")

    def misfit(self, name: str, problem: str, of: Iterable[str] = ()) -> None:
        """Collect a problem of a field whose value is right, but does not fit the others.

        Args:
            name: The name of the field.
            problem: The problem.
            of: The parts of the dump that the field was compared with. If one has a problem, that may be the cause,
                and this one is not reported.
        """
        if self._parts.isdisjoint(of):
            self.note(name, problem)

    def check(self) -> None:
        """Raise the collected problems, if there are any."""
        if self.problems:
            raise DumpError(self.problems)

    def _report(self, problem: str) -> None:
        self.problems.append(problem)
        self._parts.add(problem.partition(":")[0].partition(".")[0].partition("[")[0])
        node: _Node | None = self
        while node is not None:
            node.is_right = False
            node = node._within
