"""Dumps of earlier versions, put into today's words.

The words of statuses, events, ends of calls and readings have changed, and human evaluations are entities, which were a
field of their lab. So a dump is translated as data before it is read, and its mistakes are reported when it is read,
like those of any dump.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fake_bluejay.core.readings import Contract, StatusWords
from fake_bluejay.core.resources import uuid_ids

_STATUS: Final = {"EVALUATION_PENDING": "CONVERSATION_ENDED"}
_EVENT: Final = {"lack_funds": "run_out_of_funds"}
_GONE: Final = "await_evaluation"
"""The event that led from CONVERSATION_ENDED to a status which is only its label now: such a move no longer exists."""

_CHOICE: Final[dict[tuple[str, str], str]] = {
    ("contract", "openapi-2026-07"): Contract.OPENAPI,
    ("status_words", "as-they-are"): StatusWords.DOCUMENTATION,
    ("status_words", "august"): StatusWords.DOCUMENTATION,
    ("status_words", "july"): StatusWords.OPENAPI,
}
"""A reading and a choice of an older version → the present name of the choice."""

_BEFORE: Final = {
    "tests_failed": "scored-only",
    "webhook_retries": "at-least-once",
    "listed_results": "full",
    "reported_later": "replaces",
    "traces_while_evaluated": "kept",
    "transcript_regex": "drawn",
    **{f"foreign_{kind}": "404" for kind in ("agent", "simulation", "digital_human", "run", "result")},
}
"""Readings that an older dump lacks → the behavior of that version."""


def as_written_today(dump: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the dump in today's words. One that has them already is returned equal."""
    changed = dict(dump)
    if isinstance(readings := dump.get("readings"), Mapping):
        changed["readings"] = _BEFORE | {
            name: _CHOICE.get((name, choice), choice) if isinstance(choice, str) else choice
            for name, choice in readings.items()
        }
    if isinstance(records := dump.get("test_results"), list):
        changed["test_results"] = [_record(one) if isinstance(one, Mapping) else one for one in records]
    return _with_human_evaluations(changed)


def _with_human_evaluations(dump: dict[str, Any]) -> dict[str, Any]:
    """Make entities of the human evaluations in the fields of labs."""
    labs = dump.get("labs")
    if not isinstance(labs, Mapping) or not isinstance(labs.get("all"), list):
        return dump
    made: list[Mapping[str, Any]] = []
    changed = {**dump, "labs": {**labs, "all": [_without_human_evaluations(lab, made) for lab in labs["all"]]}}
    return {**changed, "human_evaluations": {"last_id": len(made), "all": made}} if made else changed


def _without_human_evaluations(lab: Any, made: list[Mapping[str, Any]]) -> Any:
    """Return a lab without its human evaluations, which are added to `made` as entities."""
    fields = lab.get("fields") if isinstance(lab, Mapping) else None
    if not isinstance(fields, Mapping) or not isinstance(fields.get("human_evaluations"), list):
        return lab
    for one in fields["human_evaluations"]:
        id = uuid_ids.make(0, "human evaluation of an older dump", len(made))
        own = {**one, "lab_id": lab.get("id")} if isinstance(one, Mapping) else one
        made.append({**lab, "id": id, "fields": own})
    return {**lab, "fields": {name: value for name, value in fields.items() if name != "human_evaluations"}}


def _record(record: Mapping[str, Any]) -> Mapping[str, Any]:
    changed = {**record, "status": _word(_STATUS, record.get("status"))} if "status" in record else dict(record)
    if isinstance(history := record.get("history"), list):
        changed["history"] = [
            _move(one) if isinstance(one, Mapping) else one
            for one in history
            if not (isinstance(one, Mapping) and one.get("event") == _GONE)
        ]
    return changed


def _move(move: Mapping[str, Any]) -> Mapping[str, Any]:
    words = {"from": _STATUS, "to": _STATUS, "event": _EVENT}
    return {name: _word(words.get(name, {}), value) for name, value in move.items()}


def _word(words: Mapping[str, str], value: Any) -> Any:
    return words.get(value, value) if isinstance(value, str) else value
