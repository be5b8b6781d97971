"""The rule for the script of a call. It loads the models of what answers show only for a script that says any of it."""

from __future__ import annotations

from fake_bluejay.core.scripts import Call


def checked_call(call: Call) -> Call:
    """Return the script of a call as it is kept. Raises `ValueError` if no answer could show what it says."""
    if not isinstance(call, Call):
        raise ValueError(f"a Call is needed, e.g. no_answer() or Call(talks_for=10), not {call!r}")
    if any((call.transcript, call.evaluations, call.tool_calls, call.custom_metrics)):
        from fake_bluejay.bluejay.models.results import as_scripted

        return as_scripted(call)
    return call
