"""The request that an assertion wants, and how a request that came differs from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any
from urllib.parse import parse_qs

from fake_bluejay.http.journal import Exchange, is_secret, masked, masked_headers


class Wanted:
    """A method and a path, and what the body, the query and the headers must contain.

    Raises `ValueError` for a part that no request can have.
    """

    def __init__(
        self,
        method: str,
        path: str,
        json: Any,
        query: Mapping[str, object] | None,
        headers: Mapping[str, str] | None,
    ) -> None:
        __tracebackhide__ = True
        if not isinstance(method, str) or not isinstance(path, str) or not path.startswith("/"):
            raise ValueError(f"a method and a path are needed, e.g. 'POST', '/v1/add-agent', not {method!r}, {path!r}")
        if "?" in path:
            bare, _, _ = path.partition("?")
            raise ValueError(f"a path has no query: {bare!r}, query={{'name': 'value'}}, not {path!r}")
        for name, given in (("query", query), ("headers", headers)):
            if given is not None and not isinstance(given, Mapping):
                raise ValueError(f"{name} are names with values, e.g. {{'name': 'value'}}, not {given!r:.80}")
        self._method = method.upper()
        self._path = path
        self._json = json
        self._query = {name: _texts(value) for name, value in (query or {}).items()}
        self._headers = dict(headers or {})

    def __str__(self) -> str:
        """Return the wanted request for a message."""
        shown = {
            "json": self._json,
            "query": {name: _shown(name, values) for name, values in self._query.items()} or None,
            "headers": masked_headers(self._headers) or None,
        }
        parts = [f"{name}={value!r}" for name, value in shown.items() if value is not None]
        return f"{self._method} {self._path}{' with ' * bool(parts)}{', '.join(parts)}"

    def differences(self, exchange: Exchange) -> list[str]:
        """Return the differences between a request and the wanted one, a line each."""
        return list(self._differences(exchange))

    def nearest(self, came: Sequence[Exchange], differences: Sequence[list[str]]) -> str:
        """Return which of these requests is nearest, and its differences, as lines that begin with a line break."""
        if not came:
            return ""
        asked = f"{self._method} {self._path}"

        def nearness(each: tuple[Exchange, list[str]]) -> tuple[float, int]:
            one, found = each
            return SequenceMatcher(None, asked, f"{one.method} {one.path}").ratio(), -len(found)

        # If several are equally near, the newest counts.
        one, found = max(reversed(list(zip(came, differences, strict=True))), key=nearness)
        return "\n".join([f"\nthe nearest that came: {one!r}", *(f"  {line}" for line in found)])

    def _differences(self, exchange: Exchange) -> Iterator[str]:
        if exchange.method != self._method:
            yield f"method: {exchange.method}, not {self._method}"
        if exchange.path != self._path:
            yield f"path: {exchange.path}, not {self._path}"
        if self._json is not None:
            if exchange.json is None:
                yield f"json: the body is no JSON, {'but ' if exchange.content else 'and '}{_body(exchange)}"
            else:
                yield from _missing("json", self._json, exchange.json)
        has = parse_qs(exchange.query, keep_blank_values=True) if self._query else {}
        for name, values in self._query.items():
            there = has.get(name)
            if there is None:
                yield f"query.{name}: not there, {_masked(name, values)} is wanted"
            elif not all(value in there or _is_masked(name, value, there) for value in values):
                yield f"query.{name}: {_masked(name, there)}, not {_masked(name, values)}"
        for name, value in self._headers.items():
            got = exchange.headers.get(name)
            if got is None:
                yield f"headers.{name}: not there, {_masked(name, [value])} is wanted"
            elif got != value and not _is_masked(name, value, [got]):
                yield f"headers.{name}: {_masked(name, [got])}, not {_masked(name, [value])}"


def _body(exchange: Exchange) -> str:
    return f"{exchange.content[:80]!r}" if exchange.content else "empty"


def _missing(place: str, wanted: Any, given: Any) -> Iterator[str]:
    """Yield the parts that a JSON value lacks."""
    if isinstance(wanted, Mapping) and isinstance(given, Mapping):
        for name, value in wanted.items():
            if name in given:
                yield from _missing(f"{place}.{name}", value, given[name])
            else:
                yield f"{place}.{name}: not there, {value!r} is wanted"
    elif isinstance(wanted, (list, tuple)) and isinstance(given, list) and len(wanted) == len(given):
        for number, (one, other) in enumerate(zip(wanted, given, strict=True)):
            yield from _missing(f"{place}[{number}]", one, other)
    elif wanted != given or isinstance(wanted, bool) is not isinstance(given, bool):
        yield f"{place}: {given!r}, not {wanted!r}"


def _texts(value: object) -> list[str]:
    """Return the values of a parameter, as clients write them."""
    if isinstance(value, (list, tuple, set, frozenset)):
        return [text for each in value for text in _texts(each)]
    if isinstance(value, bool):
        return [str(value).lower()]
    return ["" if value is None else str(value)]


def _shown(name: str, values: Sequence[str]) -> str | list[str]:
    """Return a parameter's value, or its values, as they may be shown."""
    shown = [masked(value) if is_secret(name) else value for value in values]
    return shown[0] if len(shown) == 1 else shown


def _masked(name: str, values: Sequence[str]) -> str:
    return repr(_shown(name, values))


def _is_masked(name: str, value: str, given: Sequence[str]) -> bool:
    """Return whether a value is among the given ones as a connected fake shows it: with a key masked."""
    return is_secret(name) and masked(value) in given
