"""Faults: the ways in which a remote service fails, asked for by a test, met by the next requests.

A fault that only changes the answer is carried out here; one that breaks the connection is a `Breakage`, which travels
beside the answer for the door to carry out, as each client would meet it.
"""

from __future__ import annotations

import json as jsons
import random
import re
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Literal, NamedTuple, TypedDict, Unpack

from starlette.responses import Response

from fake_bluejay.core.integers import is_integer
from fake_bluejay.core.suggest import check_known
from fake_bluejay.http.journal import masked_headers
from fake_bluejay.http.stubs import check_answer, content_of, pattern_of

__all__ = ["BREAKAGE", "GARBAGE", "Breakage", "Fault", "Faults", "Which"]

BREAKAGE = "fake_bluejay.breakage"
"""Where, in a request's `scope["extensions"]`, a door that can break connections finds the `Breakage`, if any."""

GARBAGE = b"\x15\x03\x01 this is not HTTP\r\n\r\n"
"""What arrives instead of an answer: bytes as a peer might send that speaks TLS, or nothing known."""

MOST_DELAY = 1_000_000
"""Seconds: longer than any client waits, and not too long for what sleeps or has a timeout, which 1e300 is."""

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")

Kind = Literal["respond", "delay", "reset", "lose_response", "truncate", "garbage", "refuse_control_write"]


class Breakage(NamedTuple):
    """What becomes of an answer on its way to the client."""

    kind: Literal["delay", "reset", "lose_response", "truncate", "garbage"]
    seconds: float = 0
    """For `delay`: the time that passes before it."""
    bytes: int = 0
    """For `truncate`: how much of the body arrives before the connection dies."""


class Which(TypedDict, total=False):
    """Which requests meet a fault."""

    path: str | None
    """Only those of this path, which may have parameters in braces; None: of any."""
    times: int | None
    """So many; None: all from now on."""
    after: int
    """So many that it is for pass first."""
    probability: float | None
    """Of meeting it, drawn from the fake's seed."""


_WHICH: Which = {"path": None, "times": 1, "after": 0, "probability": None}


class Fault:
    """One armed fault: what it does, to which requests, and how often it still will."""

    __slots__ = ("after", "arguments", "kind", "path", "pattern", "probability", "times")

    def __init__(
        self,
        kind: Kind,
        arguments: dict[str, Any],
        path: str | None,
        times: int | None,
        after: int,
        probability: float | None,
    ) -> None:
        self.kind = kind
        self.arguments = arguments
        self.path = path
        self.pattern = None if path is None else pattern_of(path)
        self.times = times
        self.after = after
        self.probability = probability

    def __str__(self) -> str:
        """What it does, and to which requests: the same each time that it is met."""
        return self._words("path", "probability")

    def __repr__(self) -> str:
        """As it could be armed to do what is left of it."""
        return self._words("path", "times", "after", "probability")

    @property
    def shown(self) -> dict[str, Any]:
        """Its arguments as they may be shown: the cookies and keys in its headers are masked."""
        headers = self.arguments.get("headers")
        return {**self.arguments, "headers": masked_headers(headers)} if headers else self.arguments

    def _words(self, *which: str) -> str:
        given = {name: value for name, value in self.shown.items() if value is not None}
        given |= {name: getattr(self, name) for name in which if getattr(self, name) != _WHICH[name]}  # type: ignore[literal-required]
        return f"{self.kind}({', '.join(f'{name}={value!r}' for name, value in given.items())})"


class Faults:
    """The armed faults. A request meets at most one, the first that is armed for it; and beside it a refused write.

    Each takes what `Which` has: `path`, `times` (1 unless given), `after` and `probability`. Raises `ValueError` for
    what cannot be.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self._random: random.Random | None = None
        """Made when a probability first asks for it; to make one costs more than the rest of a fake's faults."""
        self._armed: list[Fault] = []
        self._lock = threading.Lock()
        """A test arms in its thread, a server's thread meets."""
        self.on_change: Callable[..., None] | None = None
        """As `World.on_change`."""

    def respond(
        self, status: int, json: Any = None, headers: dict[str, str] | None = None, **to: Unpack[Which]
    ) -> None:
        """Answer with this status, JSON and headers; the request has no effect."""
        check_answer(status, json)
        _check_headers(headers, len(content_of(json)))
        self._arm("respond", {"status": status, "json": json, "headers": headers}, to)

    def delay(self, seconds: float, **to: Unpack[Which]) -> None:
        """Answer late. The request takes effect when it arrives; a client whose patience ends before hears nothing."""
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds <= MOST_DELAY:
            raise ValueError(f"a delay is a number of seconds from 0 to {MOST_DELAY:,}, not {seconds!r:.80}")
        self._arm("delay", {"seconds": seconds}, to)

    def reset(self, **to: Unpack[Which]) -> None:
        """The connection is reset before the request takes effect."""
        self._arm("reset", {}, to)

    def lose_response(self, **to: Unpack[Which]) -> None:
        """The request takes effect, and the connection dies before the answer."""
        self._arm("lose_response", {}, to)

    def truncate(self, bytes: int, **to: Unpack[Which]) -> None:
        """The request takes effect; of the answer's body so many bytes arrive, and the connection dies."""
        if not is_integer(bytes, 0):
            raise ValueError(f"a number of bytes is an integer, at least 0, not {bytes!r}")
        self._arm("truncate", {"bytes": bytes}, to)

    def garbage(self, **to: Unpack[Which]) -> None:
        """The request takes effect; what arrives instead of the answer is not HTTP."""
        self._arm("garbage", {}, to)

    def refuse_control_write(self, *ids: int, **to: Unpack[Which]) -> None:
        """The control objects of these cannot be written: RUNNING, and yet failed. For requests that would mark any."""
        if not ids or not all(map(is_integer, ids)):
            raise ValueError(f"refuse_control_write takes test result ids, at least one, not {ids!r}")
        self._arm("refuse_control_write", {"ids": list(ids)}, to)

    def clear(self) -> None:
        """Disarm all, and draw from the seed's beginning again."""
        with self._lock:
            self._armed.clear()
            self._random = None
        if (tell := self.on_change) is not None:
            tell("faults-cleared")

    def _arm(self, kind: Kind, arguments: dict[str, Any], to: Mapping[str, Any]) -> None:
        for name in to:
            check_known("argument", name, _WHICH)
        which: Any = {**_WHICH, **to}
        times, after, probability = which["times"], which["after"], which["probability"]
        if times is not None and not is_integer(times, 1):
            raise ValueError(f"times is an integer, at least 1, or None for always, not {times!r}")
        if not is_integer(after, 0):
            raise ValueError(f"after is an integer, at least 0, not {after!r}")
        if probability is not None and not (type(probability) in (int, float) and 0 <= probability <= 1):
            raise ValueError(f"probability is a number from 0 to 1, not {probability!r}")
        fault = Fault(kind, arguments, **which)
        self._armed.append(fault)
        if (tell := self.on_change) is not None:
            tell("fault-armed", fault)

    def take(self, path: str, *, breakable: bool) -> Fault | None:
        """The fault that a request meets; it is used up by that. One that breaks the connection only if it can be."""
        return self._take(path, lambda one: one.kind == "respond" or (breakable and one.kind != "refuse_control_write"))

    def take_refusal(self, path: str, ids: Collection[int]) -> Fault | None:
        """The refusal that a request meets which would mark these test results; it is used up by that."""
        return self._take(
            path, lambda one: one.kind == "refuse_control_write" and not set(ids).isdisjoint(one.arguments["ids"])
        )

    def _take(self, path: str, is_for: Callable[[Fault], bool]) -> Fault | None:
        with self._lock:
            fault = self._next(path, is_for)
        if fault is not None and (tell := self.on_change) is not None:
            tell("fault-met", fault, path)
        return fault

    def _next(self, path: str, is_for: Callable[[Fault], bool]) -> Fault | None:
        for fault in tuple(self._armed):
            if not is_for(fault) or (fault.pattern is not None and not fault.pattern.fullmatch(path)):
                continue
            if fault.after:
                fault.after -= 1
                continue
            if fault.probability is not None and self._draw() >= fault.probability:
                continue
            if fault.times is not None:
                fault.times -= 1
                if fault.times == 0:
                    self._armed.remove(fault)
            return fault
        return None

    def _draw(self) -> float:
        if self._random is None:
            self._random = random.Random(self.seed)
        return self._random.random()

    def __bool__(self) -> bool:
        return bool(self._armed)

    def __len__(self) -> int:
        return len(self._armed)

    def __iter__(self) -> Iterator[Fault]:
        return iter(tuple(self._armed))

    def __repr__(self) -> str:
        return repr(self._armed)


def response_of(fault: Fault) -> Response:
    """The answer that a `respond` gives."""
    json, headers = fault.arguments["json"], fault.arguments["headers"]
    media_type = None if json is None else "application/json"
    return Response(content_of(json), fault.arguments["status"], headers, media_type)


def requested_ids(content: bytes) -> list[int]:
    """The test result ids in the body of an end-conversations request, as far as they are any."""
    try:
        ids = jsons.loads(content)["test_result_ids"]
        return [int(id) for id in ids]
    except (ValueError, TypeError, KeyError, RecursionError):
        return []


def _check_headers(headers: Any, length: int) -> None:
    """Whether HTTP can carry them with so long a body: found out here, and not when the answer is sent."""
    if headers is not None and not isinstance(headers, Mapping):
        raise ValueError(f"headers are names with values, e.g. {{'Retry-After': '2'}}, not {headers!r}")
    for name, value in (headers or {}).items():
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            raise ValueError(f"a header's name is letters, digits and dashes, not {name!r}")
        if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
            raise ValueError(f"a header's value is text in one line of Latin-1, e.g. {name}: '2', not {value!r}")
        if name.lower() in ("transfer-encoding", "trailer"):
            raise ValueError(f"the body is sent whole, with its Content-Length, so there is no {name}: leave it out")
        if name.lower() == "content-length" and value != str(length):
            raise ValueError(f"the body has {length} bytes, so its Content-Length is not {value}: leave it out")
