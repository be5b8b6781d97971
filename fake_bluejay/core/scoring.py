"""The findings of an evaluation where a test gives none: plausible, and the same for the same seed.

The shapes are the published ones (OpenAPI of 30 April 2026). The figures mean nothing, except that `goal_success`
agrees with the call's script.
"""

from __future__ import annotations

import hashlib
import random
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from fake_bluejay.core.clock import datetime_at
from fake_bluejay.core.statuses import STATUSES
from fake_bluejay.core.test_results import Record

_OPENING, _CLOSING = ("Hello, how can I help you?", "Thank you, goodbye.")
_TURNS = (
    ("USER", "I would like to change my appointment."),
    ("AGENT", "Of course. Which day suits you?"),
    ("USER", "Thursday, if that is possible."),
    ("AGENT", "Thursday is free. I have changed it."),
)
_MILLISECONDS_A_TURN: Final = 4_000

_UNKNOWN: Final = dict.fromkeys(
    (
        "human_edited", "human_goal_success",
        "human_goal_reasoning", "human_hallucination", "human_hallucination_reasoning", "human_redundancy",
        "human_redundancy_reasoning", "human_pronunciation_score", "human_pronunciation_reasoning",
        "override_goal_reason_code", "override_goal_notes", "override_hallucination_reason_code",
        "override_hallucination_notes", "override_redundancy_reason_code", "override_redundancy_notes",
        "override_pronunciation_reason_code", "override_pronunciation_notes", "last_edited_by", "last_edited_at",
        "predicted_age", "customer_gender", "gender_confidence", "detected_language", "language_confidence",
        "agent_audio_clarity", "user_audio_clarity",
    )
)  # fmt: skip
"""The last fields of an evaluation, which are null unless a test gives them."""
_NOT_REVIEWED: Final = dict.fromkeys(
    (
        "human_edited", "human_response_value", "human_reasoning", "override_reason_code", "override_notes",
        "last_edited_by", "last_edited_at",
    )
)  # fmt: skip
"""The last fields of a custom metric's value, which are null unless a test gives them."""


def uuid_from(text: str) -> str:
    """Return a UUID drawn from a text; the same text gives the same UUID."""
    return str(uuid.UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=4))


def is_scored(record: Record) -> bool:
    """Return whether it has been evaluated."""
    return STATUSES[record.status].scored


def evaluations(record: Record, seed: int) -> list[Mapping[str, Any]] | None:
    """Return the evaluations of a test result, given or made up; None before an evaluation.

    Fields that a given evaluation lacks are made up, too, because the published schema requires some of them.
    """
    given: Iterable[Mapping[str, Any]] | None = record.fields.get("evaluations")
    if given is None:
        if not is_scored(record):
            return None
        given = record.call.evaluations if record.call is not None else None
    return [_evaluation(record, seed, number, one) for number, one in enumerate([{}] if given is None else given)]


def _evaluation(record: Record, seed: int, number: int, given: Mapping[str, Any]) -> dict[str, Any]:
    draw = f"{seed}:evaluation:{record.id}:{number}"
    chance = random.Random(draw)
    average = round(chance.uniform(600, 1400), 1)
    said = given.get("goal_success")
    passes = record.passes if said is None else said
    latency = {
        "avg_agent_latency": average,
        "max_agent_latency": round(average * 2.1, 1),
        **{f"p{percent}_agent_latency": round(average * (0.5 + percent / 100), 1) for percent in (50, 90, 95, 99)},
    }
    return {
        "id": uuid_from(draw),
        "created_at": datetime_at(record.history[-1].at if record.history else record.created_at),
        "hallucination": False,
        "hallucination_reasoning": "The agent said nothing that its knowledge base does not.",
        "redundancy": False,
        "redundancy_reasoning": "The agent did not repeat itself.",
        "agent_speak_percentage": round(chance.uniform(40, 60), 1),
        "avg_agent_latency": average,
        "latency": latency,
        "filler_ignored_latency": {
            name.replace("agent_latency", "filler_ignored_latency"): value
            for name, value in latency.items()
            if not name.startswith("max")
        },
        "num_turns": sum(entry["speaker"] == "AGENT" for entry in transcript(record)),
        "call_summary": "The caller changed an appointment." if passes else "The caller did not get what they wanted.",
        "custom_evals": None,
        "custom_evals_success_rate": None,
        "goal_success": passes,
        "goal_reasoning": "The goal was reached." if passes else "The goal was not reached.",
        "pronunciation_score": round(chance.uniform(85, 99), 1),
        "pronunciation_reasoning": "Every word could be understood.",
        "sentiment_label": None,
        "sentiment_score": None,
        "sentiment_scores": None,
        "custom_metrics": custom_metrics(record),
        **_UNKNOWN,
        **given,
    }


def custom_metrics(record: Record) -> list[dict[str, Any]] | None:
    """Return the custom metrics that an evaluation found: its script's, or those that counted; None without any."""
    if not is_scored(record):
        return None
    scripted = None if record.call is None else record.call.custom_metrics
    found = (record.metrics or None) if scripted is None else scripted
    return None if found is None else [{**metric, **_NOT_REVIEWED, **metric} for metric in found]


def built_in_metrics(record: Record, seed: int) -> list[dict[str, Any]] | None:
    """Return the metrics that every conversation has, by name, of its first evaluation; None before that.

    Bluejay's public benchmark (August 2026) reads these names and more, which have no counterpart here.
    """
    found = evaluations(record, seed)
    if not found:
        return None
    values = {
        "duration": record.duration,
        "num_turns": found[0]["num_turns"],
        **(found[0]["latency"] or {}),
        "agent_speak_percentage": found[0]["agent_speak_percentage"],
        "pronunciation": found[0]["pronunciation_score"],
        "redundancy": found[0]["redundancy"],
        "success": found[0]["goal_success"],
    }
    return [{"name": name, "value": value} for name, value in values.items()]


def transcript(record: Record) -> list[Mapping[str, Any]]:
    """Return the utterances of a conversation: those given, or as many as it had time for; empty if it had none."""
    if record.call is not None and record.call.transcript is not None:
        return list(record.call.transcript)
    return list(_turns(record.duration or 0))


def _turns(milliseconds: int) -> Iterator[Mapping[str, Any]]:
    spoken = [("AGENT", _OPENING), *_TURNS, ("AGENT", _CLOSING)]
    for number, (speaker, utterance) in enumerate(spoken):
        start = number * _MILLISECONDS_A_TURN
        if start >= milliseconds:
            return
        end = min(start + _MILLISECONDS_A_TURN - 500, milliseconds)
        yield {"start_offset_ms": start, "end_offset_ms": end, "speaker": speaker, "utterance": utterance}


def tool_calls(record: Record) -> list[Mapping[str, Any]] | None:
    """Return the tool calls of the agent: the reported ones, or its script's; None if there are neither."""
    reported: list[Mapping[str, Any]] | None = record.fields.get("tool_calls")
    if reported is None and record.call is not None and record.call.tool_calls is not None and is_scored(record):
        return list(record.call.tool_calls)
    return reported
