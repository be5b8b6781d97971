"""Stubs: answers that a test gives for endpoints, above all for those that are not modelled."""

from __future__ import annotations

import json as jsons
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fake_bluejay.core.suggest import unknown

if TYPE_CHECKING:
    from starlette.responses import Response

_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")

WITHOUT_BODY = (204, 304)
"""The statuses of answers that have no body."""


def check_answer(status: int, json: Any) -> None:
    """Check that an answer is possible.

    Raises:
        ValueError: The status is not, or a value in the body.
        TypeError: The body is not JSON.
    """
    if not isinstance(status, int) or not 200 <= status <= 599:
        raise ValueError(f"a status is an integer from 200 to 599, not {status!r}")
    if status in WITHOUT_BODY and json is not None:
        raise ValueError(f"an answer of status {status} has no body: leave json out")
    content_of(json)


def content_of(json: Any) -> bytes:
    """Return the body of an answer as the framework writes it, empty for None.

    Raises:
        TypeError: It is not JSON.
        ValueError: It has a number that is not finite, or a lone surrogate.
    """
    if json is None:
        return b""
    return jsons.dumps(json, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def pattern_of(path: str) -> re.Pattern[str]:
    """Return a pattern for the paths that are meant; parameters stand in braces.

    Raises:
        ValueError: The text is not a path.
    """
    from starlette.convertors import CONVERTOR_TYPES
    from starlette.routing import PARAM_REGEX, compile_path

    if not isinstance(path, str) or not path.startswith("/"):
        raise ValueError(f"a path starts with a slash, e.g. /v1/agents/{{id}}, not {path!r}")
    if "?" in path or "#" in path:
        raise ValueError(f"a path has no query, and is met with any: {re.split('[?#]', path)[0]}, not {path}")
    if path == "/_fake" or path.startswith("/_fake/"):
        raise ValueError(f"what is under /_fake answers for itself, so no request would meet {path!r}")
    for _, kind in PARAM_REGEX.findall(path):
        if kind and kind[1:] not in CONVERTOR_TYPES:
            raise ValueError(unknown("kind of parameter", kind[1:], CONVERTOR_TYPES))
    if re.search("[{}]", PARAM_REGEX.sub("", path)):
        raise ValueError(f"a parameter of a path is a name in braces, e.g. /v1/agents/{{id}}, not {path!r}")
    return compile_path(path)[0]


def can_meet(one: str, other: str) -> bool:
    """Return whether a request can have a path that both of these paths, which may have parameters, mean."""
    if "{" not in one + other:
        return one == other
    if ":path}" in one + other:  # such a parameter takes any number of segments
        return True
    ones, others = one.split("/"), other.split("/")
    return len(ones) == len(others) and all(map(_can_be_alike, ones, others))


def _can_be_alike(one: str, other: str) -> bool:
    """Return whether two segments of paths can mean the same text."""
    if "{" in one and "{" in other:
        return True
    from starlette.routing import compile_path

    pattern, text = (one, other) if "{" in one else (other, one)
    return pattern == text or ("{" in pattern and compile_path(pattern)[0].fullmatch(text) is not None)


class Stubs:
    """The stubs of a fake. One that is given later for the same requests wins."""

    def __init__(self) -> None:
        self._stubs: dict[tuple[str, str], tuple[re.Pattern[str], int, Any]] = {}
        self._met: set[tuple[str, str]] = set()
        self.on_change: Callable[..., None] | None = None
        """Called with each change, like `World.on_change`."""

    def add(self, method: str, path: str, status: int = 200, json: Any = None) -> None:
        """Answer requests with this method and path as given. `path` may have parameters: `/v1/agents/{id}`.

        Raises:
            ValueError: The method, the path or the status is not possible.
            TypeError: The body is not JSON.
        """
        if not isinstance(method, str) or method.upper() not in _METHODS:
            raise ValueError(unknown("method", method, _METHODS))
        pattern = pattern_of(path)
        check_answer(status, json)
        self._stubs.pop((method.upper(), path), None)
        self._met.discard((method.upper(), path))
        self._stubs[method.upper(), path] = pattern, status, json
        if (publish := self.on_change) is not None:
            publish("stub-added", method.upper(), path, status)

    def find(self, method: str, path: str) -> Response | None:
        """Return the answer of the stub for a request, and note that the stub has met one; None if there is no stub."""
        from starlette.responses import Response

        for (stubbed, of), (pattern, status, json) in reversed(list(self._stubs.items())):
            if method == stubbed and pattern.match(path):
                self._met.add((stubbed, of))
                if json is None:
                    return Response(status_code=status)
                return Response(content_of(json), status, media_type="application/json")
        return None

    def clear(self) -> None:
        """Forget all."""
        self._stubs.clear()
        self._met.clear()
        if (publish := self.on_change) is not None:
            publish("stubs-cleared")

    def as_list(self) -> list[dict[str, Any]]:
        """Return the stubs as data: method, path, status, json."""
        return [
            {"method": method, "path": path, "status": status, "json": json}
            for (method, path), (_, status, json) in list(self._stubs.items())
        ]

    @property
    def paths(self) -> list[str]:
        """The paths that are stubbed."""
        return [path for _, path in list(self._stubs)]

    @property
    def unmet(self) -> list[tuple[str, str]]:
        """Method and path of those that no request has met."""
        return [stub for stub in list(self._stubs) if stub not in self._met]

    def __len__(self) -> int:
        return len(self._stubs)
