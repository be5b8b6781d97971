"""The rule for the script of a call. It loads the models of answers only for a script that needs them."""

from __future__ import annotations

from fake_bluejay.core.scripts import Call


def checked_call(call: Call) -> Call:
    """Return the script of a call as it is stored. Raises `ValueError` if no answer could show its values."""
    if not isinstance(call, Call):
        raise ValueError(f"a Call is needed, e.g. no_answer() or Call(talks_for=10), not {call!r}")
    if any((call.transcript, call.evaluations, call.tool_calls, call.custom_metrics)):
        from fake_bluejay.bluejay.models.results import as_scripted

        return as_scripted(call)
    return call
