"""The payloads of webhooks, one for each event."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from fake_bluejay.core.clock import datetime_at
from fake_bluejay.core.numbers import is_number
from fake_bluejay.core.resources import Entity, Resources
from fake_bluejay.core.runs import Run
from fake_bluejay.core.scoring import custom_metrics, evaluations, tool_calls
from fake_bluejay.core.test_results import Record


def simulation_ended(record: Record) -> dict[str, Any]:
    """Return the payload of `simulation_ended`, which is sent before the evaluation."""
    return {
        "type": "simulation_ended",
        "id": record.id,
        "digital_human_id": record.digital_human_id,
        "status": "CONVERSATION_ENDED",
        "simulation_run_id": record.run_id,
        **_times(record),
    }


def simulation_result_evaluated(record: Record, status: str, seed: int, resources: Resources) -> dict[str, Any]:
    """Return the payload of `simulation_result_evaluated`; `status` is the status in the words of the wire."""
    run, fields, given = record.run, record.fields, record.fields.get("custom_metrics")
    agent = resources.find("agent", record.agent_id, record.organisation)
    return {
        "type": "simulation_result_evaluated",
        "id": record.id,
        "digital_human_id": record.digital_human_id,
        "status": status,
        "simulation_run_id": record.run_id,
        "simulation_id": 1 if run is None else run.simulation_id,
        "agent_id": record.agent_id,
        "folder_id": None if agent is None else agent.fields.get("folder_id"),
        "result": fields.get("result"),
        "custom_metrics": custom_metrics(record) if given is None else _list_of(_is_metric, given),
        "evaluations": evaluations(record, seed),
        **_times(record),
        "latency": _list_of(is_number, fields.get("latency")),
        "events": fields.get("events"),
        "tool_calls": _ungrouped(tool_calls(record)),
        "tags": fields.get("tags") or [],
        "metadata": fields.get("metadata") or {},
    }


def _list_of(fits: Callable[[Any], bool], value: Any) -> list[Any] | None:
    """Return a value if it is a list of items that fit, else None; the payload is stricter than the answer."""
    return value if isinstance(value, list) and all(map(fits, value)) else None


def _is_metric(value: Any) -> bool:
    needed = ("name", "description", "response_type", "response_value")
    return isinstance(value, dict) and all(isinstance(value.get(name), str) for name in needed)


def _ungrouped(calls: Iterable[Mapping[str, Any]] | None) -> list[Mapping[str, Any]] | None:
    """Return the tool calls one by one, as this payload has them.

    Tool calls that a test gave in the grouped form of an answer count only as far as they were made.
    """
    return None if calls is None else [one for each in calls for one in _made(each)]


def _made(call: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "start_offset_ms" in call:
        yield call
    for one in call.get("actual", ()):
        yield {"name": call["name"], **one, "start_offset_ms": one.get("start_offset_ms") or 0}


def outbound_simulation_started(run: Run, humans: Iterable[tuple[Entity, list[int]]]) -> dict[str, Any]:
    """Return the payload of `outbound_simulation_started`: the digital humans to call, each with its test results.

    Published is that each digital human has a name and a number; what stands for a missing one is this project's
    choice.
    """
    return {
        "type": "outbound_simulation_started",
        "agent_id": run.agent_id,
        "simulation_id": run.simulation_id,
        "simulation_run_id": run.id,
        "digital_humans": [
            {
                "id": human.id,
                "name": human.fields.get("name") or f"Digital human {human.id}",
                "phone_number": human.fields.get("phone_number") or "",
                "associated_simulation_result_ids": ids,
            }
            for human, ids in humans
        ],
    }


def outbound_trigger(id: int, agent: Entity, human: Entity, simulation: Entity | None) -> dict[str, Any]:
    """Return the payload for the trigger webhook of an agent, by its template, as documented.

    A token that is a whole value keeps its type, and an unknown token is left as it is. The values for a missing name,
    number or intent, and what follows the `+` in the address, are this project's choice.

    Args:
        id: The id of the test result.
        agent: The agent, which calls.
        human: The digital human to call.
        simulation: The simulation; None if it was deleted.
    """
    values = {
        "digital_human.phone_number": human.fields.get("phone_number") or "",
        "digital_human.email": f"monitor+{id}@mail.bluejaysims.com",
        "digital_human.id": human.id,
        "digital_human.name": human.fields.get("name") or f"Digital human {human.id}",
        "digital_human.intent": human.fields.get("intent") or "",
        "sim_conversation_id": str(id),
        "simulation.id": None if simulation is None else simulation.id,
        "simulation.name": "" if simulation is None else simulation.fields["name"],
        "agent.id": agent.id,
        "agent.name": agent.fields["name"],
    }
    template = agent.fields.get("outbound_trigger_payload_template")
    if not isinstance(template, dict):
        template = {name: f"{{{{{token}}}}}" for name, token in _DEFAULT_TRIGGER.items()}
    return {name: _rendered(value, values) for name, value in template.items()}


_DEFAULT_TRIGGER: Final = {"phone_number": "digital_human.phone_number", "sim_conversation_id": "sim_conversation_id"}
"""Documented: the names of the default payload → their tokens."""

_TOKEN: Final = re.compile(r"\{\{\s*([\w.]+)\s*\}\}")


def _rendered(value: Any, values: Mapping[str, Any]) -> Any:
    """Return a value of a template with the values of its tokens."""
    if isinstance(value, dict):
        return {name: _rendered(one, values) for name, one in value.items()}
    if isinstance(value, list):
        return [_rendered(one, values) for one in value]
    if not isinstance(value, str):
        return value
    whole = _TOKEN.fullmatch(value)
    if whole is not None:
        return values.get(whole[1], value)
    return _TOKEN.sub(lambda token: str(values.get(token[1], token[0])), value)


def _times(record: Record) -> dict[str, Any]:
    """Return when the call was made, began and ended, and its duration in whole seconds (results have milliseconds)."""
    return {
        "created_at": datetime_at(record.created_at),
        "start_time": None if record.start_time is None else datetime_at(record.start_time),
        "end_time": None if record.end_time is None else datetime_at(record.end_time),
        "duration": None if record.duration is None else record.duration // 1000,
    }
