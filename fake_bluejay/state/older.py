"""Dumps of earlier versions, put into today's words.

The words of statuses, events, ends of calls and readings have changed, never the shape. So a dump is translated as data
before it is read, and its mistakes are reported when it is read, like those of any dump.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fake_bluejay.core.readings import Contract, StatusWords

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
"""Readings that an older dump lacks → the behaviour of that version."""


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
    return changed


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
