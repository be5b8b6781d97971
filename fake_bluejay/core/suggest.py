"""One way to say that a name is not known: what was wrong, what was expected, and the likely meaning."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["unknown"]


def unknown(kind: str, given: object, known: Iterable[object]) -> str:
    """A message that names the unknown thing, the closest known one, and all known ones."""
    import difflib  # costs a millisecond to import, and only mistakes need it

    names = [str(name) for name in known]
    close = difflib.get_close_matches(str(given), names, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"unknown {kind} {given!r}; {hint}known: {', '.join(names) or 'none'}"
