"""Faults: the ways in which a remote service fails, asked for by a test, met by the next requests.

A kind of fault is one method of `Faults` with its `@_kind`. The method's signature and docstring describe the
arguments, and the decorator the effect: an answer in the place of the operation's, or a `Breakage`, which travels
beside the answer for the door to carry out, as each client would meet it. The control API, seeds, the console's form
and `BluejayMachine` are derived from that, so that a new kind is a new method here, and a row in docs/faults.md.
"""

from __future__ import annotations

import inspect
import json as jsons
import random
import re
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypedDict, TypeVar, Unpack, get_args, get_origin

from fake_bluejay.core.clock import microseconds
from fake_bluejay.core.numbers import is_integer, is_number
from fake_bluejay.core.suggest import check_known, nearest
from fake_bluejay.http.journal import masked_headers
from fake_bluejay.http.stubs import can_meet, check_answer, content_of, pattern_of

if TYPE_CHECKING:
    from starlette.responses import Response

BREAKAGE = "fake_bluejay.breakage"
"""The key in a request's `scope["extensions"]` under which a door that can break connections finds the `Breakage`."""

GARBAGE = b"\x15\x03\x01 this is not HTTP\r\n\r\n"
"""The bytes that replace an answer: neither HTTP nor TLS, though they begin like TLS."""

MOST_DELAY = 1_000_000
"""The longest delay, in seconds: longer than any client waits, and short enough for every sleep and timeout."""

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")

BillingCode = Literal[
    "NO_PAYMENT_METHOD",
    "RED_TEAMING_PAYMENT_METHOD_REQUIRED",
    "INSUFFICIENT_CREDITS",
    "SPEND_ALERT_REACHED",
]

BILLING: Final[dict[BillingCode, int]] = {
    "NO_PAYMENT_METHOD": 402,
    "RED_TEAMING_PAYMENT_METHOD_REQUIRED": 402,
    "INSUFFICIENT_CREDITS": 403,
    "SPEND_ALERT_REACHED": 403,
}
"""The codes of a request that billing blocks → the status of its answer, both as documented."""


class Breakage(NamedTuple):
    """A disturbance of an answer on its way to the client."""

    seconds: float = 0
    """The time that passes before the first byte arrives."""
    body: int | None = None
    """The number of bytes of the body that arrive; None for all."""
    instead: bytes | None = None
    """The bytes that arrive instead of the answer; None for the answer."""
    end: Literal["close", "reset"] | None = None
    """The end of the connection; None for the usual one."""


class Which(TypedDict, total=False):
    """The choice of requests that meet a fault."""

    path: str | None
    """The path of the requests, which may have parameters in braces; None for any path."""
    times: int | None
    """The number of requests that meet the fault; None for all from now on."""
    after: int
    """The number of requests that are let through first."""
    probability: float | None
    """The probability that a request meets the fault, drawn from the fake's seed."""


class Argument(NamedTuple):
    """An argument of a kind of fault."""

    name: str
    type: Any
    """The type, for Pydantic; a list where the method takes several, as `ids`."""
    default: Any
    """The default; `inspect.Parameter.empty` if there is none."""
    description: str
    choices: Sequence[str]
    """The texts that are allowed; empty if others are, too."""
    likely: Sequence[Any]
    """Values for a form and for random tests, the best example first."""


Effect = tuple[int, Any, Mapping[str, str] | None]
"""The status, the JSON and the headers of an answer."""


class FaultKind(NamedTuple):
    """A kind of fault: its arguments, and its effect on a request that meets it."""

    name: str
    label: str
    """The effect on a request, for people: `answer late`."""
    method: Callable[..., None]
    """The method of `Faults` that arms it."""
    answer: Callable[..., Effect] | None = None
    """Makes the answer in the place of the operation's, from the arguments."""
    breakage: Callable[..., Breakage] | None = None
    """Makes the disturbance of the operation's answer, from the arguments."""
    prevents: bool = False
    """True if the connection breaks before the request has an effect."""
    times: int | None = 1
    """The default of `times`."""
    likely: Mapping[str, Sequence[Any]] = MappingProxyType({})

    @property
    def summary(self) -> str:
        """The description, in a few sentences."""
        return inspect.cleandoc(self.method.__doc__ or "").split("\n\n")[0]

    @property
    def arguments(self) -> list[Argument]:
        """The arguments, without those that all kinds of faults have."""
        described = dict(re.findall(r"^    \*?(\w+): (.*)$", inspect.cleandoc(self.method.__doc__ or ""), re.MULTILINE))
        found = []
        for name, one in inspect.signature(self.method, eval_str=True).parameters.items():
            if name == "self" or one.kind is one.VAR_KEYWORD:
                continue
            type_ = one.annotation
            choices = get_args(type_) if get_origin(type_) is Literal else ()
            if one.kind is one.VAR_POSITIONAL:
                type_ = list[type_]  # type: ignore[valid-type]
            elif choices:
                type_ = str
            description = described.get(name, "")
            found.append(Argument(name, type_, one.default, description, choices, self.likely.get(name, ())))
        return found

    @property
    def which(self) -> Which:
        """The default choice of requests."""
        return {"path": None, "times": self.times, "after": 0, "probability": None}


KINDS: Final[dict[str, FaultKind]] = {}
"""The kinds of faults, by name."""

_Method = TypeVar("_Method", bound=Callable[..., None])


def _kind(label: str, **effect: Any) -> Callable[[_Method], _Method]:
    """Declare that a method of `Faults` arms a kind of fault. The parameters are fields of `FaultKind`."""

    def declare(method: _Method) -> _Method:
        name = method.__name__
        KINDS[name] = FaultKind(name, label, method, **effect)
        return method

    return declare


@dataclass(slots=True, eq=False, repr=False)
class Fault:
    """An armed fault: its effect, its requests, and how often it will still be met."""

    kind: str
    arguments: dict[str, Any]
    path: str | None
    times: int | None
    after: int
    probability: float | None
    id: int = 0
    """The number of the fault among all that were armed, from 1."""
    met: bool = False
    """True if a request has met the fault; requests that it lets through do not count."""
    pattern: re.Pattern[str] | None = field(init=False)
    _window: int = -1
    _asked: Counter[tuple[str, str]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.pattern = None if self.path is None else pattern_of(self.path)

    @property
    def answers(self) -> bool:
        """True if the fault is an answer in the place of the operation's."""
        return KINDS[self.kind].answer is not None

    @property
    def breaks(self) -> bool:
        """True if the fault breaks the connection."""
        return KINDS[self.kind].breakage is not None

    @property
    def prevents(self) -> bool:
        """True if the fault breaks the connection before the request takes effect."""
        return KINDS[self.kind].prevents

    @property
    def breakage(self) -> Breakage | None:
        """The disturbance of the operation's answer on its way; None if there is none."""
        make = KINDS[self.kind].breakage
        return None if make is None else make(**self.arguments)

    def exceeded(self, sender: str, endpoint: str, now: int) -> bool:
        """Count one more request of a sender to an endpoint, and return whether a `rate_limit` refuses it.

        Documented is to wait until the next minute: so windows begin at full minutes, and not with a client's request.
        """
        window = now // microseconds(self.arguments["per"])
        if window != self._window:
            self._window = window
            self._asked.clear()
        self._asked[sender, endpoint] += 1
        return self._asked[sender, endpoint] > int(self.arguments["count"])

    def __str__(self) -> str:
        """Return the effect and the requests, in the same words each time that the fault is met."""
        return self._words("path", "probability")

    def __repr__(self) -> str:
        """Return the call that would arm the rest of the fault."""
        return self._words("path", "times", "after", "probability")

    @property
    def shown(self) -> dict[str, Any]:
        """The arguments for display: the cookies and keys in its headers are masked."""
        headers = self.arguments.get("headers")
        return {**self.arguments, "headers": masked_headers(headers)} if headers else self.arguments

    def _words(self, *which: str) -> str:
        given = {name: value for name, value in self.shown.items() if value is not None}
        unless = KINDS[self.kind].which
        given |= {name: getattr(self, name) for name in which if getattr(self, name) != unless[name]}  # type: ignore[literal-required]
        return f"{self.kind}({', '.join(f'{name}={value!r}' for name, value in given.items())})"


class ArmedFaults:
    """The armed faults, for the doors; `Faults` is the interface for a test."""

    def __init__(self, seed: int = 0, known: Callable[[], Collection[str]] | None = None) -> None:
        """Begin with no fault armed.

        Args:
            seed: The seed of the probabilities.
            known: Returns the paths that requests can have; a fault for another is refused. None: any path can be met.
        """
        self.seed = seed
        self._known = known
        self._random: random.Random | None = None
        """Made when a probability first needs it: making it costs more than all other faults of a fake."""
        self.faults: list[Fault] = []
        """The armed faults, in the order in which requests meet them: always the same list."""
        self._last_id = 0
        self._lock = threading.RLock()  # reentrant, for a signal's handler may send a request while it is held
        """The lock for the faults: a test arms them in its thread, and requests meet them in a server's."""
        self.on_change: Callable[..., None] | None = None
        """Called with each change, like `World.on_change`."""

    def arm(self, kind: str, arguments: dict[str, Any], which: dict[str, Any]) -> Fault:
        """Arm a fault.

        Raises:
            ValueError: No request could meet it.
        """
        __tracebackhide__ = True
        times, after, probability = which["times"], which["after"], which["probability"]
        if times is not None and not is_integer(times, 1):
            raise ValueError(f"times is an integer, at least 1, or None for always, not {times!r}")
        if not is_integer(after, 0):
            raise ValueError(f"after is an integer, at least 0, not {after!r}")
        if probability is not None and not (is_number(probability) and 0 <= probability <= 1):
            raise ValueError(f"probability is a number from 0 to 1, not {probability!r}")
        fault = Fault(kind, arguments, **which)
        if which["path"] is not None:
            self._check_path(which["path"])
        with self._lock:
            self._last_id += 1
            fault.id = self._last_id
            self.faults.append(fault)
        if (publish := self.on_change) is not None:
            publish("fault-armed", fault)
        return fault

    def disarm(self, fault: Fault) -> None:
        """Disarm a fault, unless requests have used it up meanwhile."""
        with self._lock:
            if fault in self.faults:
                self.faults.remove(fault)
        if (publish := self.on_change) is not None:
            publish("faults-cleared")

    def clear(self) -> None:
        """Disarm all, and draw from the seed's beginning again."""
        with self._lock:
            self.faults.clear()
            self._random = None
        if (publish := self.on_change) is not None:
            publish("faults-cleared")

    def _check_path(self, path: str) -> None:
        """Raise `ValueError` for a path that no request could have."""
        __tracebackhide__ = True
        known = () if self._known is None else self._known()
        if self._known is None or path in known or any(can_meet(path, each) for each in known):
            return
        raise ValueError(
            f"no request could meet a fault of {path!r}: Bluejay has no such path, and none is stubbed;"
            f" did you mean {nearest(path, known)!r}? (For an endpoint of your own: stub it first.)"
        )

    def take(self, path: str, *, breakable: bool, counted_as: tuple[str, str, int] | None = None) -> Fault | None:
        """Return the fault that a request meets, and use it up.

        Args:
            path: The request's.
            breakable: True if its connection can be broken; otherwise it meets no fault that would break it.
            counted_as: The sender, the endpoint and the instant by which a `rate_limit` counts the request.
        """

        def meets(one: Fault) -> bool:
            return one.answers or (breakable and one.breaks)

        return self._take(path, meets, counted_as)

    def take_refusal(self, path: str, ids: Collection[int]) -> Fault | None:
        """Use up the armed refusal that a request for these test results meets. Return it, or None if there is none."""
        return self._take(
            path, lambda one: one.kind == "refuse_control_write" and not set(ids).isdisjoint(one.arguments["ids"])
        )

    def _take(
        self, path: str, meets: Callable[[Fault], bool], counted_as: tuple[str, str, int] | None = None
    ) -> Fault | None:
        with self._lock:
            fault = self._next(path, meets, counted_as)
        if fault is not None and (publish := self.on_change) is not None:
            publish("fault-met", fault, path)
        return fault

    def _next(self, path: str, meets: Callable[[Fault], bool], counted_as: tuple[str, str, int] | None) -> Fault | None:
        for fault in tuple(self.faults):
            if not meets(fault) or (fault.pattern is not None and not fault.pattern.fullmatch(path)):
                continue
            if fault.after:
                fault.after -= 1
                continue
            fault.met = True
            if fault.kind == "rate_limit" and not (counted_as and fault.exceeded(*counted_as)):
                continue
            if fault.probability is not None and self._draw() >= fault.probability:
                continue
            if fault.times is not None:
                fault.times -= 1
                if fault.times == 0:
                    self.faults.remove(fault)
            return fault
        return None

    def _draw(self) -> float:
        if self._random is None:
            self._random = random.Random(self.seed)
        return self._random.random()

    def __iter__(self) -> Iterator[Fault]:
        return iter(tuple(self.faults))


# No documentation has the wording of the detail: it is this project's, and clients must not rely on it.
class Faults:
    """The faults of a fake.

    A request meets at most one, the first that was armed for it, and in addition a refused write.

    Each kind takes the fields of `Which`: `path`, `times` (by default 1, for a `rate_limit` None), `after` and
    `probability`.

    Raises:
        ValueError: An argument is not allowed.
    """

    def __init__(self, armed: ArmedFaults | None = None) -> None:
        self._armed = ArmedFaults() if armed is None else armed

    @_kind(
        "answer with a status",
        answer=lambda status, json, headers: (status, json, headers),
        likely={"status": (503, 429, 500, 502, 504)},
    )
    def respond(
        self, status: int, json: Any = None, headers: Mapping[str, str] | None = None, **to: Unpack[Which]
    ) -> None:
        """Answer with this status, JSON and headers; the request has no effect.

        Args:
            status: The status, from 200 to 599.
            json: The body; without it, the answer is empty.
            headers: Headers besides those of the server: `{"Retry-After": "2"}`.
            **to: The choice of requests that meet it.
        """
        check_answer(status, json)
        _check_headers(headers, len(content_of(json)))
        self._arm("respond", {"status": status, "json": json, "headers": headers}, to)

    @_kind(
        "are blocked by billing",
        answer=lambda code: (BILLING[code], {"detail": "Billing blocks this request", "code": code}, None),
        likely={"code": tuple(BILLING)},
    )
    def billing(self, code: BillingCode, **to: Unpack[Which]) -> None:
        """Refuse a request as billing does: 402 or 403, with `detail` and `code`. It has no effect.

        Args:
            code: `NO_PAYMENT_METHOD` (402), `INSUFFICIENT_CREDITS` or `SPEND_ALERT_REACHED` (403), …
            **to: The choice of requests that meet it.
        """
        check_known("billing code", code, BILLING)
        self._arm("billing", {"code": code}, to)

    @_kind(
        "find authentication away",
        answer=lambda: (503, {"detail": "Authentication is temporarily unavailable"}, None),
    )
    def unavailable(self, **to: Unpack[Which]) -> None:
        """Answer 503, as while Bluejay's authentication is away for a moment. The request has no effect."""
        self._arm("unavailable", {}, to)

    @_kind(
        "have a rate limit",
        answer=lambda count, per: (429, {"error": f"Rate limit exceeded: {_limit_in_words(count, per)}"}, None),
        times=None,
        likely={"count": (100, 1, 2, 10)},
    )
    def rate_limit(self, count: int, per: float = 60, **to: Unpack[Which]) -> None:
        """Answer 429 to each request of a client to an endpoint beyond a number of them.

        Requests that another fault meets first are not counted. A client is an address; `evaluate` counts the requests
        of each organisation instead, as documented.

        Args:
            count: The number of requests that are let through.
            per: In how many seconds of the fake's clock.
            **to: The choice of requests that are counted; `times` is the number that it refuses, by default all.
        """
        if not is_integer(count, 1):
            raise ValueError(f"count is how many requests are let through, an integer of at least 1, not {count!r:.80}")
        if not is_number(per) or not 0.001 <= per <= MOST_DELAY:
            raise ValueError(f"per is a number of seconds from 0.001 to {MOST_DELAY:,}, e.g. 60, not {per!r:.80}")
        self._arm("rate_limit", {"count": count, "per": per}, to)

    @_kind(
        "answer late",
        breakage=lambda seconds: Breakage(seconds=seconds),
        likely={"seconds": (5, 0, 1, 20, 30, 60)},
    )
    def delay(self, seconds: float, **to: Unpack[Which]) -> None:
        """Answer late. The request takes effect when it arrives; a client whose patience ends before hears nothing.

        Args:
            seconds: The delay, by the fake's clock.
            **to: The choice of requests that meet it.
        """
        if not is_number(seconds) or not 0 <= seconds <= MOST_DELAY:
            raise ValueError(f"a delay is a number of seconds from 0 to {MOST_DELAY:,}, not {seconds!r:.80}")
        self._arm("delay", {"seconds": seconds}, to)

    @_kind("reset the connection", breakage=lambda: Breakage(instead=b"", end="reset"), prevents=True)
    def reset(self, **to: Unpack[Which]) -> None:
        """Reset the connection before the request takes effect."""
        self._arm("reset", {}, to)

    @_kind("lose the response", breakage=lambda: Breakage(instead=b"", end="close"))
    def lose_response(self, **to: Unpack[Which]) -> None:
        """Let the request take effect, and close the connection before the answer."""
        self._arm("lose_response", {}, to)

    @_kind(
        "cut the answer short",
        breakage=lambda **given: Breakage(body=given["bytes"], end="close"),
        likely={"bytes": (10, 0, 1, 20, 40)},
    )
    def truncate(self, bytes: int, **to: Unpack[Which]) -> None:
        """Let the request take effect, and cut its answer short: the connection closes within the body.

        Args:
            bytes: The number of the body's bytes that arrive.
            **to: The choice of requests that meet it.
        """
        if not is_integer(bytes, 0):
            raise ValueError(f"a number of bytes is an integer, at least 0, not {bytes!r}")
        self._arm("truncate", {"bytes": bytes}, to)

    @_kind("send what is not HTTP", breakage=lambda: Breakage(instead=GARBAGE, end="close"))
    def garbage(self, **to: Unpack[Which]) -> None:
        """Let the request take effect, and send bytes that are not HTTP instead of the answer."""
        self._arm("garbage", {}, to)

    @_kind("refuse a control object")
    def refuse_control_write(self, *ids: int, **to: Unpack[Which]) -> None:
        """Refuse to write the control objects of test results: they are RUNNING, and yet fail to be marked.

        Args:
            *ids: The ids of test results; the fault is for requests that would mark one of them.
            **to: The choice among these requests.
        """
        if not ids or not all(map(is_integer, ids)):
            raise ValueError(f"refuse_control_write takes test result ids, at least one, not {ids!r}")
        self._arm("refuse_control_write", {"ids": list(ids)}, to)

    def _arm(self, kind: str, arguments: dict[str, Any], to: Mapping[str, Any]) -> None:
        __tracebackhide__ = True
        which = KINDS[kind].which
        for name in to:
            check_known("argument", name, which)
        self._armed.arm(kind, arguments, {**which, **to})

    def clear(self) -> None:
        """Disarm all, and draw from the seed's beginning again."""
        self._armed.clear()

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._armed)

    def __repr__(self) -> str:
        return repr(list(self))


def arm_from_data(faults: Faults, kind: str, given: Mapping[str, Any]) -> None:
    """Arm a fault whose kind and arguments are given as data, in which several ids are a list.

    Raises:
        ValueError: A value is not allowed.
    """
    several = [one.name for one in KINDS[kind].arguments if get_origin(one.type) is list]
    listed = [value for name in several for value in given[name]]
    getattr(faults, kind)(*listed, **{name: value for name, value in given.items() if name not in several})


def response_of(fault: Fault) -> Response:
    """Return the response of a fault whose `answers` is true."""
    from starlette.responses import Response

    make = KINDS[fault.kind].answer
    assert make is not None
    status, json, headers = make(**fault.arguments)
    return Response(content_of(json), status, headers, None if json is None else "application/json")


def _limit_in_words(count: int, per: float) -> str:
    """Return the limit as the framework's limiter says it, e.g. `100 per 1 minute`."""
    for unit, seconds in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if per % seconds == 0:
            return f"{count} per {per // seconds:g} {unit}"
    return f"{count} per {per:g} second"


def requested_ids(content: bytes) -> list[int]:
    """Return the test result ids in the body of an end-conversations request; anything else in it is left out."""
    try:
        ids = jsons.loads(content)["test_result_ids"]
        return [int(id) for id in ids]
    except (ValueError, TypeError, KeyError, RecursionError):
        return []


def _check_headers(headers: Any, length: int) -> None:
    """Check that HTTP can carry these headers with a body of this length, so that sending the answer cannot fail."""
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
