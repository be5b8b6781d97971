"""Checks and the texts of their errors: a place, an unknown name with the likely meaning, the value that was given."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Place = tuple[str | int, ...]
"""A place in data: names of fields, and positions in lists."""


def written_place(place: Place) -> str:
    """Return a place as it is written in messages: `test_results[2].status`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".")


def check_known(kind: str, given: object, known: Iterable[object]) -> None:
    """Check that a name is one of the known ones.

    Raises:
        ValueError: It is not; the message suggests the closest and lists all.
    """
    known = list(known)  # a list, for the given thing may have no hash
    if given not in known:
        raise ValueError(unknown(kind, given, known))


def check_text(name: str, given: object) -> None:
    """Check that a value is a text. Raises `ValueError`."""
    if not isinstance(given, str):
        raise ValueError(f"{name}: a string is needed, not {given!r:.80}")


def passing(check: Callable[[Any], None]) -> Callable[[Any], Any]:
    """Return a function that returns the values which `check` accepts; for others, `check` raises a `ValueError`."""

    def accepted(value: Any) -> Any:
        check(value)
        return value

    return accepted


def unknown(kind: str, given: object, known: Iterable[object]) -> str:
    """Return a message that names the unknown thing, the closest known one, and all known ones."""
    names = [str(name) for name in known]
    close = meant(given, names)
    hint = f"did you mean {close!r}? " if close else ""
    return f"unknown {kind} {given!r}; {hint}known: {', '.join(names) or 'none'}"


def meant(given: object, known: Iterable[str]) -> str:
    """Return the known name that an unknown one probably means; empty if it is similar to none."""
    import difflib  # costs a millisecond to import, and only mistakes need it

    return next(iter(difflib.get_close_matches(str(given), known, n=1, cutoff=0.5)), "")


def nearest(given: str, known: Iterable[str]) -> str:
    """Return the text that is most similar to the given one; empty without any."""
    import difflib

    return next(iter(difflib.get_close_matches(given, known, n=1, cutoff=0)), "")


def instead_of(place: object, given: object) -> str:
    """Return the end of a message with the value at a place; of a key or a secret, it has only the type."""
    secret = "api_key" in str(place) or "secret" in str(place)
    kind = type(given).__name__
    return f"not {'an' if kind[0] in 'aeiou' else 'a'} {kind}" if secret else f"not {given!r:.80}"
