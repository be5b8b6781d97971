"""Custom metrics and their scores, for runs and for evaluated calls alike.

The texts of the values are documented for each type (August 2026). A test gives the score, or it is drawn from the seed
within the type's range: the figures of the fake mean nothing.
"""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from fake_bluejay.core.numbers import is_integer, is_number
from fake_bluejay.core.resources import Entity, Resources
from fake_bluejay.core.suggest import unknown

if TYPE_CHECKING:
    from fake_bluejay.core.world import World

NOT_APPLICABLE: Final = "Not Applicable"
"""The value of a metric that does not apply to a conversation; a test gives None for it."""

_BINARY: Final = {
    "pass_fail": ("pass", "fail"),
    "tool_call": ("pass", "fail"),
    "yes_no": ("yes", "no"),
    "boolean": ("true", "false"),
}
"""The type of a metric → the values that stand for true and false; those of `boolean` are this project's choice."""

_NUMBERS: Final = ("quantitative", "int", "float")
"""The types of metrics whose values are numbers."""

_DRAFTS: Final = (
    ("Politeness", "The agent is polite throughout.", "pass_fail"),
    ("Clarity", "How clear what the agent says is.", "quantitative"),
    ("Outcome", "How the conversation ended.", "enum"),
    ("Disclosure", "The agent says that it is an AI.", "pass_fail"),
    ("Summary", "What a reviewer should know of the conversation.", "qualitative"),
)


def metrics_for(
    resources: Resources,
    organisation: str,
    agent_id: int,
    scope: str,
    *,
    selected: Iterable[str] | None = None,
    also: Iterable[str] = (),
    tags: Iterable[str] = (),
) -> list[Entity]:
    """Return the metrics that score a conversation, the oldest first.

    Args:
        resources: The resources of the world.
        organisation: The name of the conversation's organisation.
        agent_id: The id of the agent whose metrics count if the simulation selects none.
        scope: `simulations` or `observability`: the kind of the conversation, which is in the scope of the metrics.
        selected: The ids that the simulation selects; None: the agent's metrics count.
        also: The ids of further metrics, as the evaluation of a call names them.
        tags: Tags; all metrics with one of them count, too.
    """
    chosen = None if selected is None else set(selected)
    more, tags = set(also), set(tags)

    def counts(metric: Entity) -> bool:
        fields = metric.fields
        if fields.get("scope") not in (None, "all", scope):
            return False
        own = agent_id in (fields["agent_ids"] or ()) if chosen is None else metric.id in chosen
        return own or metric.id in more or not tags.isdisjoint(fields.get("tags") or ())

    return [metric for metric in resources.of("metric", organisation) if counts(metric)]


def check_scores(scores: Mapping[str, Any], metrics: Iterable[Entity]) -> None:
    """Check the scores that a test gives, by the names of metrics.

    Raises:
        ValueError: No metric that counts has the name, or the metric's type does not have the value.
    """
    named: dict[str, list[Entity]] = {}
    for metric in metrics:
        named.setdefault(metric.fields["name"], []).append(metric)
    for name, score in scores.items():
        if name not in named:
            raise ValueError(unknown("metric in a call's scores", name, sorted(named)))
        for metric in named[name]:
            if _value(metric.fields, score) is None:
                raise ValueError(f"the score of the metric {name!r}: {_wanted(metric.fields)}, not {score!r:.80}")


def scored(
    world: World,
    metrics: Iterable[Entity],
    subject: str,
    spoken: Sequence[Mapping[str, Any]] = (),
    calls: Iterable[Mapping[str, Any]] | None = None,
    scores: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """Return metrics with their values, as evaluations have them.

    Args:
        world: The world, whose seed and readings count.
        metrics: The metrics that score the conversation.
        subject: The conversation; a different subject makes a different draw of the values that are not given.
        spoken: The transcript, which decides the metrics with a pattern or phrases; without one, they are drawn.
        calls: The agent's tool calls, which decide the metrics about tools.
        scores: The values that the test gives, by the names of metrics.
    """
    draw, found_is = f"{world.seed}:{subject}", world.readings.transcript_regex.found_is
    tools = {one["name"] for one in calls or ()}
    return [_scored(metric, draw, scores or {}, tools, spoken, found_is) for metric in metrics]


def _scored(
    metric: Entity,
    draw: str,
    scores: Mapping[str, Any],
    tools: Container[str],
    spoken: Sequence[Mapping[str, Any]],
    found_is: bool | None,
) -> dict[str, Any]:
    fields = metric.fields
    names = ("name", "description", "response_type")
    found = {name: fields[name] for name in names}
    value, reasoning = None, "Given by the test."
    if fields["name"] in scores:
        value = _value(fields, scores[fields["name"]])
    elif fields.get("metric_type") == "transcript_regex" and spoken and found_is is not None:
        said = _is_said(fields, spoken)
        value = None if said is None else _value(fields, said is found_is)
        reasoning = f"The pattern or the phrases are{'' if said else ' not'} in the transcript."
    found["response_value"] = _drawn(fields, random.Random(f"{draw}:{metric.id}"), tools) if value is None else value
    found["reasoning"] = "Made up by the fake." if value is None else reasoning
    kept = ("min_value", "max_value", "category", "tags", "scoring_guidance", "enum_options")
    return found | {name: fields.get(name) for name in kept}


def _is_said(fields: Mapping[str, Any], spoken: Iterable[Mapping[str, Any]]) -> bool | None:
    """Return whether the transcript has the pattern of a metric and all of its phrases; None if none can be found.

    Documented: `eval_segment` is the side that is evaluated, and punctuation and the spelling of acronyms make no
    difference to a phrase. That the case makes none either, to a pattern as well, is this project's choice.
    """
    segment = fields.get("eval_segment") or "all"
    text = "\n".join(one["utterance"] for one in spoken if segment == "all" or one["speaker"] == segment.upper())
    settings = fields.get("settings") or {}
    phrases, pattern = settings.get("phrases") or (), settings.get("pattern")
    try:
        patterns = [_of_phrase(one) for one in ([phrases] if isinstance(phrases, str) else phrases)]
        patterns += [pattern] if pattern else []
        return all(re.search(one, text, re.IGNORECASE) for one in patterns) if patterns else None
    except (re.error, TypeError):  # these are no phrases, or this is no regular expression
        return None


def _of_phrase(phrase: str) -> str:
    """Return a regular expression for a phrase, with anything that is no letter or digit between its words.

    The letters of an acronym, a word in capitals, may stand apart: `FDA`, `F.D.A.` and `F D A` are the same.
    """
    joined = re.sub(r"\b(?:\w\W)+\w\b", lambda one: re.sub(r"\W", "", one[0]).upper(), phrase)
    words = [r"\W*".join(word) if word.isupper() else word for word in re.findall(r"\w+", joined)]
    return r"\b" + r"\W+".join(words) + r"\b"


def _value(fields: Mapping[str, Any], score: Any) -> str | None:
    """Return a score as the text of a value; None if the metric's type does not have such a value."""
    kind, options = _kind(fields), fields.get("enum_options") or ()
    if score is None or score == NOT_APPLICABLE:
        return NOT_APPLICABLE if fields.get("allow_not_applicable") else None
    if kind in _BINARY:
        yes, no = _BINARY[kind]
        return (yes if score else no) if isinstance(score, bool) else score if score in (yes, no) else None
    if kind in _NUMBERS:
        if not (is_integer(score) if kind == "int" else is_number(score)):
            return None
        low, high = fields.get("min_value"), fields.get("max_value")
        return f"{score:.15g}" if (low is None or low <= score) and (high is None or score <= high) else None
    if kind == "json":
        return json.dumps(score) if isinstance(score, (Mapping, list)) else None
    return score if isinstance(score, str) and (kind != "enum" or score in options) else None


def _kind(fields: Mapping[str, Any]) -> str:
    """Return the type of a metric's value. A metric about tools says so by its method or, as before, by its type."""
    return "tool_call" if fields.get("metric_type") == "tool_call" else str(fields["response_type"])


def wanted_tools(fields: Mapping[str, Any]) -> Collection[str]:
    """Return the names of the tools that a metric about tools asks for: a field of its own or, since, a setting."""
    return fields.get("tool_names") or (fields.get("settings") or {}).get("tool_names") or ()


def _wanted(fields: Mapping[str, Any]) -> str:
    """Return the scores that a metric takes, in words for a message."""
    kind = _kind(fields)
    if kind in _BINARY:
        return "True, False, {!r} or {!r} is needed".format(*_BINARY[kind])
    if kind in _NUMBERS:
        bounds = (("of at least", fields.get("min_value")), ("of at most", fields.get("max_value")))
        said = " and".join(f" {words} {bound:g}" for words, bound in bounds if bound is not None)
        return f"{'an integer' if kind == 'int' else 'a number'}{said} is needed"
    if kind == "enum":
        return f"one of its enum_options is needed ({', '.join(fields.get('enum_options') or ()) or 'it has none'})"
    return "an object or a list is needed" if kind == "json" else "a text is needed"


def _drawn(fields: Mapping[str, Any], chance: random.Random, tools: Container[str]) -> str:
    """Return a random value within the range of a metric's type; a metric about tools is decided by the calls."""
    kind = _kind(fields)
    if kind == "tool_call":
        return _BINARY[kind][not all(name in tools for name in wanted_tools(fields))]
    if kind in _BINARY:
        return chance.choice(_BINARY[kind])
    if kind in _NUMBERS:
        low, high = fields.get("min_value"), fields.get("max_value")
        low = min(0.0, high or 0.0) if low is None else low
        high = max(low, low + 10.0) if high is None else high
        if kind == "int" and math.ceil(low) <= math.floor(high):
            low, high = math.ceil(low), math.floor(high)
        part = chance.random()
        value = low * (1 - part) + high * part
        whole = round(value) if float(low).is_integer() and float(high).is_integer() else round(value, 2)
        return f"{min(max(whole, low), high):.15g}" if low <= high else f"{low:.15g}"
    if kind == "enum":
        options: list[str] = fields.get("enum_options") or [NOT_APPLICABLE]
        return chance.choice(options)
    return json.dumps({"made_up": True}) if kind == "json" else "Made up by the fake: nothing was assessed."


def drafts(seed: int, agent_id: int, count: int) -> list[dict[str, Any]]:
    """Return drafts of metrics for an agent: the same for the same seed, and made up, not written for the agent."""
    first = random.Random(f"{seed}:metrics:{agent_id}").randrange(len(_DRAFTS))
    chosen = [(_DRAFTS[(first + number) % len(_DRAFTS)], number // len(_DRAFTS)) for number in range(count)]
    return [
        {
            "name": name if not again else f"{name} {again + 1}",
            "description": f"{description} (Made up by the fake.)",
            "response_type": kind,
            **({"min_value": 1, "max_value": 5} if kind == "quantitative" else {}),
            **({"enum_options": ["resolved", "escalated", "unresolved"]} if kind == "enum" else {}),
        }
        for (name, description, kind), again in chosen
    ]
