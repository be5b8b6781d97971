"""asyncio: an event loop whose thread takes part lives in virtual time, and waits as a thread does.

So everything that is built on a loop's timers passes at once: `asyncio.sleep`, `wait_for`, `timeout`, anyio, a client's
own timeouts. A loop waits in its selector. If the selector has files besides the loop's own, the loop waits for
something outside, and time is real. Three kinds of files do not count: a socket that only listens, an idle connection
to a server of ours, and a connection both of whose ends are in the loop. A loop that is called from another thread
counts as working from that moment.

This is the only file that touches what asyncio does not document, except that other files ask whether a loop has a
`_selector`. What it touches, and what public thing is missing:

- A loop's `_selector`, `_ssock`, `_csock` and `_write_to_self`: a loop does not say what it waits in, nor which of the
  files there are for waking it up, and `call_soon_threadsafe` would add a callback where the loop is only to look
  again.
- The `_cache` of a proactor, in which Windows' loops wait: it does not say which operations are under way.
- A loop's `_ready` and `_scheduled`, and a handle's `_when`: nothing says whether a loop has something to do at once or
  when its next timer is due, and no timer can be moved.
- `asyncio._get_running_loop`: `get_running_loop` raises where there is none, which is no error here.
"""

from __future__ import annotations

import _socket
import asyncio
import contextlib
import functools
import socket
from asyncio.base_events import BaseEventLoop
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from fake_bluejay.intercept.clockwork import CLOCKWORK, Member
from fake_bluejay.intercept.shims import Seam
from fake_bluejay.intercept.true_time import REAL
from fake_bluejay.intercept.wakeups import SIGNALS, Signal, waking

MODULES = (
    "asyncio.base_events",
    "asyncio.proactor_events",
    "asyncio.selector_events",
    "asyncio.unix_events",
    "asyncio.windows_events",
    "selectors",
)
"""The modules whose attributes are replaced here."""

_ON_THEIR_WAY = 0.001
"""The real seconds that the operating system may take to pass bytes on from one end of a connection to the other."""

_INTERNET = (socket.AF_INET, socket.AF_INET6)
"""The families of sockets whose names have a port; sockets of others may have no name."""

LOOPBACKS: dict[int, Callable[[], bool]] = {}
"""Port of a loopback server of ours → a function that returns whether it has a request in hand."""


def seams(module: ModuleType) -> Iterator[Seam]:
    """List the seams in a module of `MODULES`."""
    match module.__name__:
        case "asyncio.base_events":
            yield Seam(module.BaseEventLoop, "time", _time)
        case "asyncio.unix_events":  # where freezegun keeps the originals
            yield Seam(module._UnixSelectorEventLoop, "time", _time)
        case "asyncio.windows_events":
            yield Seam(module.ProactorEventLoop, "time", _time)
            yield Seam(module.IocpProactor, "select", _select)
        case "asyncio.selector_events":
            yield Seam(module.BaseSelectorEventLoop, "_write_to_self", waking)
        case "asyncio.proactor_events":
            yield Seam(module.BaseProactorEventLoop, "_write_to_self", waking)
        case "selectors":
            for name in ("SelectSelector", "PollSelector", "EpollSelector", "DevpollSelector", "KqueueSelector"):
                if name in vars(module):
                    yield Seam(vars(module)[name], "select", _select)


# --- the loop's clock -------------------------------------------------------------------------------------------

_loops: WeakSet[Any] = WeakSet()
"""The loops that have seen virtual time since the first of the fakes that are on."""
_earlier_loops: WeakSet[Any] = WeakSet()
"""The loops that saw virtual time during earlier fakes."""


def _time(original: Callable[[Any], float]) -> Callable[..., Any]:
    def time(self: Any) -> float:
        now = CLOCKWORK.look() if hasattr(self, "_selector") else None
        if now is None:
            return original(self)
        _loops.add(self)
        return now / 1_000_000

    return time


def take_timers_along(seconds: float, *, over: bool) -> None:
    """Move the timers of loops by as much as their clock: what they have yet to wait for stays as long.

    Args:
        seconds: The difference between the clocks.
        over: True if virtual time ends; False if it begins. A loop that runs in another thread takes no part then.
    """
    if over:
        loops = list(_loops)
        _loops.clear()
        _earlier_loops.update(loops)
    else:
        here = REAL.get_ident()
        loops = [each for each in _earlier_loops or () if getattr(each, "_thread_id", None) in (None, here)]
    for loop in loops:
        for handle in getattr(loop, "_scheduled", ()):
            handle._when += seconds


_own_clocks: WeakKeyDictionary[Any, tuple[float, int]] = WeakKeyDictionary()
"""A loop that has a clock of its own → its time and the fake's when they were last compared."""


def _follow(loop: Any) -> None:
    """Move the fake's time by as much as the clock of a loop, by looptime, say, has moved since the last call."""
    now = loop.time()
    loop_time, elapsed = _own_clocks.get(loop, (now, CLOCKWORK.elapsed))
    length = round((now - loop_time) * 1_000_000) - (CLOCKWORK.elapsed - elapsed)
    if length > 0:
        CLOCKWORK.follow(length, "passed by the event loop's own clock")
    _own_clocks[loop] = now, CLOCKWORK.elapsed


def _has_own_clock(loop: Any) -> bool:
    """Return whether a loop has a clock of its own. freezegun has a `time` of its own, which leads to our clock."""
    own = next(each for each in type(loop).__mro__ if "time" in vars(each))
    if own is BaseEventLoop or vars(own)["time"] is vars(BaseEventLoop)["time"]:
        return False
    return bool(abs(loop.time() - CLOCKWORK.microseconds() / 1_000_000) > 0.001)


# --- how it waits -----------------------------------------------------------------------------------------------


def _select(original: Callable[..., Any]) -> Callable[..., Any]:
    def select(self: Any, timeout: float | None = None) -> Any:
        member = CLOCKWORK.me()
        if member is None:
            return original(self, timeout)
        loop: Any = asyncio._get_running_loop()
        looks_only = timeout is not None and timeout <= 0
        if loop is None or getattr(loop, "_selector", None) is not self:
            if looks_only:
                CLOCKWORK.wait_for_nothing(member)
                return original(self, timeout)
            outside = [each for each in _descriptors(self) if not _listens(each)]
            with CLOCKWORK.real_time(member, "waited for a file or socket", meanwhile="count" if outside else "jump"):
                return original(self, timeout)
        has_own_clock = _has_own_clock(loop)
        if has_own_clock:
            _follow(loop)
        if looks_only:
            return original(self, timeout)
        if has_own_clock:
            with CLOCKWORK.real_time(member, "waited in an event loop that has a clock of its own"):
                return original(self, timeout)
        return _wait(loop, member, functools.partial(original, self), timeout)

    return select


def _wait(loop: Any, member: Member, select: Callable[..., list[Any]], timeout: float | None) -> list[Any]:
    """Wait in virtual time until a loop has something to do, and return the events of its files."""
    signal = SIGNALS.setdefault(loop, Signal())
    signal.called = False
    if events := select(0):
        return events
    own = loop._ssock.fileno()
    connected = [fd for fd in _descriptors(loop._selector) if fd != own and not _listens(fd)]
    theirs = _without_inner_ends(connected)
    if len(theirs) < len(connected) and (events := select(_ON_THEIR_WAY)):
        return events
    is_outside = False
    if theirs:
        with CLOCKWORK.real_time(member, "looked at a server of ours", meanwhile="stand"):
            is_outside = not all(_is_idle_loopback(each) for each in theirs)
        if events := select(0):  # bytes that an idle server had sent by then
            return events
    until = loop._scheduled[0].when() if loop._scheduled else None
    wait = signal.wait = CLOCKWORK.begin(member, timeout, "waited in the event loop", until=until)
    wait.on_wake = lambda: _wake(loop)
    wait.has_work = lambda: bool(loop._ready)
    wait.is_outside = is_outside
    if signal.called:
        wait.ended = True

    def block(seconds: float | None) -> bool:
        events.extend(select(seconds))
        return bool(events)

    try:
        CLOCKWORK.finish(wait, block)
        if timeout is None and CLOCKWORK.me() is not member:  # the fake is off
            return select(None)
    finally:
        signal.wait = None
    return events or select(0)


def _wake(loop: Any) -> None:
    with contextlib.suppress(OSError, AttributeError):  # the buffer is full, or the loop is closed
        loop._csock.send(b"\0")


def serves(loop: Any, port: int) -> bool:
    """Return whether a socket of an event loop listens at a port."""
    for each in _descriptors(getattr(loop, "_selector", None)):
        if _listens(each):
            with _socket_of(each) as found:
                if found is not None and found.family in _INTERNET and found.getsockname()[1] == port:
                    return True
    return False


def _descriptors(selector: Any) -> list[int]:
    """Return the descriptors of the files in which something is awaited, in a selector or a proactor.

    What a proactor awaits may be no file, such as the end of a process; then the descriptor is that of no socket.
    """
    if hasattr(selector, "get_map"):
        return list(selector.get_map() or ())
    operations = list(getattr(selector, "_cache", {}).values())
    return list(dict.fromkeys(file.fileno() if hasattr(file, "fileno") else -1 for _, _, file, _ in operations))


def _listens(descriptor: int) -> bool:
    with _socket_of(descriptor) as found:
        return found is not None and bool(found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def _without_inner_ends(descriptors: list[int]) -> list[int]:
    """Return the descriptors but for those of connections whose other end is among them as well.

    Bytes between two ends in one loop come when the loop works, and not while it waits.
    """
    ends = {each: found for each in descriptors if (found := _ends_of(each)) is not None}
    among = set(ends.values())
    return [each for each in descriptors if each not in ends or ends[each][::-1] not in among]


def _ends_of(descriptor: int) -> tuple[Any, Any] | None:
    """Return the names of a connection's ends, ours and the peer's; None if the descriptor is not a connection's."""
    with _socket_of(descriptor) as found, contextlib.suppress(OSError):  # it is not connected
        if found is not None and found.family in _INTERNET:
            return found.getsockname(), found.getpeername()
    return None


@contextlib.contextmanager
def _socket_of(descriptor: int) -> Iterator[_socket.socket | None]:
    """Yield a socket for a descriptor, which stays open; None if it is no socket's.

    It is a `_socket.socket`, the base class, because tools that forbid or mock sockets replace `socket.socket`.
    """
    try:
        found = _socket.socket(fileno=descriptor)
    except (OSError, ValueError):
        found = None
    try:
        yield found
    finally:
        if found is not None:
            found.detach()


def _is_idle_loopback(descriptor: int) -> bool:
    """Return whether a connection leads to a loopback server of ours, which has nothing to do."""
    ends = _ends_of(descriptor)
    in_hand = None if ends is None else LOOPBACKS.get(ends[1][1])
    return in_hand is not None and not in_hand()
