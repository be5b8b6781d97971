"""Time in the code under test: to sleep moves the fake's clock instead of waiting, and the system's clocks follow it.

What is replaced while a fake is on that skips sleeps:
- `time.sleep`, `time.monotonic`, `time.monotonic_ns`, also where they were imported by name, or are a default argument.
- The wall clock (`time.time`, `datetime.now` and their kin), by time-machine, in C, so it is the same for everybody.
- The clock of asyncio's own event loop, and how it waits: `asyncio.py` beside this file.

What is not: `time.perf_counter`, so that durations stay true; waiting for a thread, a lock or a file descriptor (those
who are waited for need real time); other event loops, such as uvloop's and trio's.
"""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from fake_bluejay.intercept.patch import Patch

__all__ = [
    "HELPERS",
    "REAL_TIME_THREADS",
    "VirtualTime",
    "current_time",
    "join",
    "leave",
    "patches",
    "switch_named",
    "whole",
]

# Held, because they are what is replaced.
_sleep, _monotonic, _monotonic_ns = time.sleep, time.monotonic, time.monotonic_ns
_get_ident = threading.get_ident

REAL_TIME_THREADS: set[int] = set()
"""Threads that live in real time whatever is on: the loopback servers'."""

HELPERS: set[int] = set()
"""Threads that somebody waits for who moves the clock, so it is theirs to move."""

_times: list[VirtualTime] = []
"""Those of the fakes that are on and skip sleeps. The first is what the clocks show; a sleep moves all."""

_LONGEST = 9_000_000_000
"""Seconds; what is longer is for `time.sleep` itself to refuse."""
_GRACE = 0.002
"""Real seconds in which other threads may come to their own next sleep before time moves on without them."""
_SLICE = 0.005
"""Real seconds for which an event loop waits at a time for something that is not a timer."""
_LOOKS = 10_000
"""So often the clock may be read while it stands; a loop that goes on reading would wait for ever."""


class VirtualTime:
    """The time that a fake's clock and the code under test have in common.

    `move` moves the fake's clock by a `timedelta`; the fake tells `moved` of every move, by whomever. If `frozen`, time
    stands still between moves; if not, it is real time, and moves come on top.
    """

    def __init__(self, move: Callable[[timedelta], None], *, frozen: bool) -> None:
        self.move = move
        self._frozen = frozen
        self._elapsed = 0
        """Microseconds moved by since the start."""
        # Whole seconds: a difference of two readings is then exact to the microsecond, and the same in every run.
        self._start = math.ceil(_monotonic())
        self._looks = 0
        self._owner = _get_ident()
        self._moving = threading.Lock()
        self._mover: int | None = None
        """The thread that moves the clock now."""
        self._changed = threading.Condition(threading.Lock())
        self._deadlines: list[int] = []
        """What the sleeping threads wait for."""
        self._travel: Any = None
        self._traveller: Any = None

    def moved(self, length: int) -> None:
        """The fake's clock has moved by so many microseconds."""
        with self._changed:
            self._elapsed += length
            self._looks = 0
            if self._traveller is not None:
                self._traveller.shift(timedelta(microseconds=length))
            self._changed.notify_all()

    def start(self) -> None:
        """Take the wall clock along."""
        datetime = sys.modules.get("datetime")
        if datetime is not None and datetime.datetime.__name__ == "FakeDatetime":
            return  # freezegun was here first, and the wall clock is its
        import time_machine

        self._travel = time_machine.travel(math.ceil(time.time()), tick=not self._frozen)
        self._traveller = self._travel.start()

    def stop(self) -> None:
        """Let go of the wall clock, and wake who sleeps."""
        with self._changed:
            self._traveller = None
            self._elapsed = sys.maxsize
            self._changed.notify_all()
        if self._travel is not None:
            self._travel.stop()

    def microseconds(self) -> int:
        """What a monotonic clock shows."""
        if self._frozen:
            return self._start * 1_000_000 + self._elapsed
        return int(_monotonic() * 1_000_000) + self._elapsed

    def look(self) -> int:
        """The same, for code that may be waiting in a loop that does nothing but look."""
        self._looks += 1
        if self._frozen and self._looks > _LOOKS:
            looks = self._looks
            self.move(timedelta(milliseconds=1))
            self._looks = looks
        return self.microseconds()

    def sleep(self, length: int) -> None:
        """Pass that many microseconds, in step with the other sleeping threads: the clock stops at each one's deadline.

        The thread that switched the fake on moves it at once; others first give everybody a moment to do so.
        """
        if self._mover == _get_ident() or _get_ident() in HELPERS:
            # Called from where the clock is being moved: the turn is ours already.
            for each in tuple(_times):
                each.move(timedelta(microseconds=length))
            return
        patient = _get_ident() != self._owner
        with self._changed:
            deadline = self._elapsed + length
            self._deadlines.append(deadline)
        try:
            while self._elapsed < deadline:
                if patient:
                    with self._changed:
                        if self._changed.wait(_GRACE):
                            continue
                with self._moving:
                    now = self._elapsed
                    if now >= deadline:
                        return
                    first = min(each for each in tuple(self._deadlines) if each > now)
                    self._mover = _get_ident()
                    try:
                        for each in tuple(_times):
                            each.move(timedelta(microseconds=first - now))
                    finally:
                        self._mover = None
                if first < deadline:
                    _sleep(_GRACE)  # whose turn it was is awake now, and may have more to sleep
        finally:
            with self._changed:
                self._deadlines.remove(deadline)


def join(now: VirtualTime) -> None:
    """A fake that skips sleeps is on."""
    _times.append(now)
    if len(_times) == 1:
        now.start()


def leave(now: VirtualTime) -> None:
    """It is off again."""
    if now not in _times:
        return
    first = _times[0] is now
    _times.remove(now)
    now.stop()
    if first and _times:
        _times[0].start()


def current_time() -> VirtualTime | None:
    """The time to live by, in this thread; None for real time."""
    return _times[0] if _times and _get_ident() not in REAL_TIME_THREADS else None


def wait(seconds: float) -> None:
    """Pass so many seconds in this thread: virtual ones, if any fake is on that skips sleeps."""
    time.sleep(seconds)


def sleep(seconds: float, /) -> None:
    """`time.sleep`, but virtual."""
    now = current_time()
    if now is None or not isinstance(seconds, (int, float)) or not 0 < seconds < _LONGEST:
        _sleep(seconds)
    else:
        now.sleep(whole(seconds))


def monotonic() -> float:
    """`time.monotonic`, but virtual."""
    now = current_time()
    return _monotonic() if now is None else now.look() / 1_000_000


def monotonic_ns() -> int:
    """`time.monotonic_ns`, but virtual."""
    now = current_time()
    return _monotonic_ns() if now is None else now.look() * 1000


_REPLACEMENTS: dict[Any, Any] = {_sleep: sleep, _monotonic: monotonic, _monotonic_ns: monotonic_ns}


def patches(module: ModuleType) -> Iterator[Patch]:
    """What to replace in `time`."""
    yield Patch(module, "sleep", lambda _: sleep)
    yield Patch(module, "monotonic", lambda _: monotonic)
    yield Patch(module, "monotonic_ns", lambda _: monotonic_ns)


def whole(seconds: float) -> int:
    """Seconds in microseconds, at least one: nothing at all would be slept for ever by who waits for its end."""
    return max(1, round(seconds * 1_000_000))


# --- imported by name -------------------------------------------------------------------------------------------

_LEFT_ALONE = frozenset(sys.stdlib_module_names) | {
    "_pytest", "anyio", "conftest_plugin", "coverage", "execnet", "fake_bluejay", "hypothesis", "pluggy", "pytest",
    "pytest_asyncio", "pytest_timeout", "time_machine", "trio", "uvicorn", "uvloop", "xdist",
}  # fmt: skip
"""Who measures, waits or serves in real time, and must go on to."""


class _Place(NamedTuple):
    """Where a function of `time` is held outside `time`: by an attribute, with the value that replaces it."""

    owner: Any
    name: str
    original: Any
    replacement: Any


_seen: dict[str, ModuleType] = {}
_loaded: list[ModuleType] = []
_places: list[_Place] = []


def switch_named(on: bool) -> None:
    """Replace the functions of `time` wherever modules, their classes or defaults of their functions hold them."""
    global _loaded
    loaded = list(sys.modules.values())
    if loaded != _loaded:
        _loaded = loaded
        _look_for_places()
    for owner, name, original, replacement in _places:
        if isinstance(owner, FunctionType):
            ours = getattr(owner, name) == (original if on else replacement)
        else:
            value = vars(owner).get(name)
            ours = id(value.__func__ if isinstance(value, staticmethod) else value) in _ORIGINALS
        if ours:  # and not what somebody else has put there since
            setattr(owner, name, replacement if on else original)


def _look_for_places() -> None:
    for name, module in list(sys.modules.items()):
        if _seen.get(name) is not module:
            _seen[name] = module
            if name.partition(".")[0] not in _LEFT_ALONE and isinstance(module, ModuleType):
                _places.extend(_in_namespace(module))
    for name in _seen.keys() - sys.modules.keys():
        del _seen[name]


# A module that is imported while a fake is on takes the replacements for the originals.
_ORIGINALS: dict[int, Any] = {
    id(each): original for original, replacement in _REPLACEMENTS.items() for each in (original, replacement)
}


def _in_namespace(owner: Any) -> Iterator[_Place]:
    prefix = f"{owner.__qualname__}." if isinstance(owner, type) else ""
    for name, value in list(vars(owner).items()):
        if id(value) in _ORIGINALS:
            original = _ORIGINALS[id(value)]
            replacement = _REPLACEMENTS[original]
            yield _Place(owner, name, original, staticmethod(replacement) if isinstance(owner, type) else replacement)
        elif isinstance(value, FunctionType) and value.__module__ == _module(owner):
            yield from _in_defaults(value)
        elif isinstance(value, type) and value.__module__ == _module(owner) and value.__qualname__ == prefix + name:
            yield from _in_namespace(value)


def _in_defaults(function: FunctionType) -> Iterator[_Place]:
    if any(id(each) in _ORIGINALS for each in function.__defaults__ or ()):
        originals = tuple(_ORIGINALS.get(id(each), each) for each in function.__defaults__ or ())
        yield _Place(function, "__defaults__", originals, tuple(_replaced(each) for each in originals))
    by_name = function.__kwdefaults__ or {}
    if any(id(each) in _ORIGINALS for each in by_name.values()):
        named = {name: _ORIGINALS.get(id(each), each) for name, each in by_name.items()}
        yield _Place(function, "__kwdefaults__", named, {name: _replaced(each) for name, each in named.items()})


def _replaced(value: Any) -> Any:
    original = _ORIGINALS.get(id(value))
    return value if original is None else _REPLACEMENTS[original]


def _module(owner: Any) -> str:
    return str(owner.__name__ if isinstance(owner, ModuleType) else owner.__module__)
