"""The activity of a thread that has announced no wait: it works, waits for a lock, or waits for something outside.

A thread *works* unless it is proved to wait. To Linux, a thread that is ready to run but gets no processor is not
asleep, and one that waits for Python's own lock (the GIL) wakes with every switch interval. So a thread that sleeps,
and has not woken once while two such intervals passed, waits in the kernel, however busy the machine is. Where there is
no `/proc`, a thread waits if its processor time and its current instruction have not changed for a quarter of a second.

The innermost instruction of a thread that waits says for what: a call of `acquire`, `get` or `__enter__` in C takes a
lock (or takes from a queue), which a thread of this process will release; a call of `recv`, `poll`, `waitpid` or `read`
waits for something outside, such as a pipe (a thread that reads a disk does not sleep in this sense). A thread that
waits in any other call counts as one that works.
"""

from __future__ import annotations

import dis
import gc
import os
import sys
import threading
from enum import Enum
from types import FrameType
from typing import Any, NamedTuple

from fake_bluejay.intercept.true_time import REAL

_SLEEPS_WITHOUT_PROC = 0.25
"""Real seconds for which a thread must have stood still, on systems without `/proc`."""

_KNOWS_PROCESSOR_TIMES = sys.platform.startswith("linux")
"""True if the processor time of another thread can be asked for at any moment."""

_TAKES_A_LOCK = frozenset({"acquire", "__enter__", "get", "_acquire_restore", "acquire_lock"})

_WAITS_OUTSIDE = frozenset({
    "GetOverlappedResult", "GetQueuedCompletionStatus", "WaitForMultipleObjects", "WaitForSingleObject",  # on Windows
    "accept", "_accept", "connect", "connect_ex", "control", "do_handshake", "epoll_wait", "next_event", "poll", "read",
    "readinto", "readline", "readv", "recv", "recv_into", "recvfrom", "recvfrom_into", "recvmsg", "run_forever",
    "run_until_complete", "select", "send", "sendall", "sendto", "sigtimedwait", "sigwait", "sleep",
    "wait4", "waitid", "waitpid",
})  # fmt: skip


class Activity(Enum):
    """An activity of a thread."""

    WORKS = "works"
    WAITS_FOR_LOCK = "waits for a lock"
    WAITS_OUTSIDE = "waits for something outside"


class _Look(NamedTuple):
    """A thread's state at a moment."""

    state: object
    """A value that changes when the thread runs; None if it may be running."""
    since: float
    """The real time since which the state has not changed."""


class _OutsideCall(NamedTuple):
    """A call for something outside that a thread is in."""

    place: object
    """The frame and the instruction that call."""
    since: float
    """The real time at which the thread was first found in the call."""
    processor_time: float
    """The thread's processor time by then."""


class Watch:
    """An observer of one thread, which derives the thread's activity from several looks."""

    def __init__(self, thread: threading.Thread) -> None:
        self._thread = thread
        self._last = _Look(None, 0.0)
        self._known: Activity | None = None
        """The activity that was found, for as long as the state does not change."""
        self.since = 0.0
        """The real time since which the thread is known to wait."""
        self.waited = 0.0
        """The real seconds for which looks have found the thread in the kernel, waiting for anything."""
        self._counted = 0.0
        """The real time up to which `waited` counts."""
        self._call: _OutsideCall | None = None
        """The call in which `outside_since` last found the thread."""

    def look(self) -> Activity:
        """Return the thread's activity, by this look and the earlier ones."""
        now = REAL.monotonic()
        state, patience = _state_of(self._thread)
        if state is None:
            self._last, self._known = _Look(None, now), None
            return Activity.WORKS
        if state != self._last.state:
            self._last, self._known = _Look(state, now), None
            return Activity.WORKS
        if now - self._last.since < patience:
            return Activity.WORKS
        self.waited += now - max(self._counted, self._last.since)
        self._counted = now
        if self._known is None:
            frame = _frames_of_threads().get(self._thread.ident or 0)
            if frame is None:
                return Activity.WORKS
            self._known = _activity_in(frame)
            self.since = self._last.since
        return self._known

    def outside_since(self) -> float | None:
        """Return the real time since which the thread waits for something outside; None if it works.

        A thread may wake now and then within the call, as in gRPC, which looks for signals. Then the time counts from
        the moment at which this function first found the thread in the call, if it has hardly run since.
        """
        if self.look() is Activity.WAITS_OUTSIDE and self._call is None:
            return self.since
        now, frame = REAL.monotonic(), _frames_of_threads().get(self._thread.ident or 0)
        if frame is None or _activity_in(frame) is not Activity.WAITS_OUTSIDE:
            self._call = None
            return None
        place, spent, before = (id(frame), frame.f_lasti), _processor_time(self._thread), self._call
        if before is None or before.place != place or spent - before.processor_time > 0.1 * (now - before.since):
            before = self._call = _OutsideCall(place, now, spent)
        return before.since

    def processor_time(self) -> float:
        """Return the seconds for which the thread has run; where that is unknown, the real time."""
        return _processor_time(self._thread) if _KNOWS_PROCESSOR_TIMES else float(REAL.monotonic())


def _state_of(thread: threading.Thread) -> tuple[object, float]:
    """Return a thread's state, as a `_Look` has it, and the seconds that it must stay the same to prove a wait."""
    native = thread.native_id
    if native is not None:
        try:
            with open(f"/proc/self/task/{native}/stat") as file:
                state = file.read().rpartition(")")[2].split(None, 1)[0]
            with open(f"/proc/self/task/{native}/schedstat") as file:
                ran = file.read()
        except OSError:
            pass
        else:
            # What ran is: processor time, time ready to run, turns.
            return (ran if state == "S" and ran[0] != "0" else None), 2.4 * sys.getswitchinterval()
    frame = _frames_of_threads().get(thread.ident or 0)
    if frame is None:
        return None, 0.0
    return (id(frame), frame.f_lasti, _processor_time(thread)), _SLEEPS_WITHOUT_PROC


def _processor_time(thread: threading.Thread) -> float:
    """Return the seconds for which a thread has run; 0 if it has ended, or where that is unknown.

    The clock is named as the kernel names it, because `time.pthread_getcpuclockid` crashes the process if the thread
    has ended, which it may do at any moment.
    """
    if not _KNOWS_PROCESSOR_TIMES or thread.native_id is None:
        return 0.0
    try:
        return float(REAL.clock_gettime(~thread.native_id << 3 | 6))
    except OSError:
        return 0.0


def threads_alive() -> set[int]:
    """Return the ids of all threads.

    The frames are dropped here: a caller that held them all, its own among them, would make a cycle that only a garbage
    collection frees.
    """
    return set(_frames_of_threads())


def _frames_of_threads() -> dict[int, FrameType]:
    """Return the present frame of each thread, by the thread's id.

    Python holds a lock meanwhile. If Python 3.11 began to collect garbage then, freeing a `threading.local` would wait
    for the same lock, in the same thread, for ever. So no collection begins here.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        return sys._current_frames()
    finally:
        if collects:
            gc.enable()


class Turns(NamedTuple):
    """Times of this process's threads on the processor, up to a moment."""

    starved: float
    """Seconds for which the calling thread was ready to run, but did not."""
    turns: int
    """The number of times that it began to run."""
    others_starved: float
    """Seconds for which the other threads were ready to run, added up."""


def turns_of_threads() -> Turns | None:
    """Return the times of this process's threads on the processor; None if that is unknown."""
    me, mine, others = threading.get_native_id(), None, 0.0
    try:
        for each in os.listdir("/proc/self/task"):
            try:
                with open(f"/proc/self/task/{each}/schedstat") as file:
                    _, waited, turns = file.read().split()
            except OSError:  # the thread has ended
                continue
            if int(each) == me:
                mine = int(waited) / 1e9, int(turns)
            else:
                others += int(waited) / 1e9
    except (OSError, ValueError):
        return None
    return None if mine is None else Turns(*mine, others)


def _activity_in(frame: Any) -> Activity:
    """Return the activity of a thread that waits in C, called by the frame's current instruction."""
    called = _called_by(frame)
    if called in _TAKES_A_LOCK:
        return Activity.WAITS_FOR_LOCK
    return Activity.WAITS_OUTSIDE if called in _WAITS_OUTSIDE else Activity.WORKS


def _called_by(frame: Any) -> str | None:
    """Return the name of the function that the frame's current instruction calls."""
    code, at = frame.f_code, frame.f_lasti
    before: list[dis.Instruction] = []
    for instruction in dis.get_instructions(code):
        if instruction.offset > at:
            break
        before.append(instruction)
    if not before:
        return None
    current = before[-1]
    if current.opname == "BEFORE_WITH":
        return "__enter__"
    if len(before) > 1 and before[-2].opname == "LOAD_SPECIAL":  # a `with` in Python 3.14
        return before[-2].argrepr
    # Once Python 3.11 has specialised a call, PRECALL makes it.
    if not current.opname.startswith(("CALL", "PRECALL")):
        return None
    # The function's name is the last one loaded of those whose expressions begin where the call does. Python 3.13 puts
    # the names of keyword arguments there, too, as a constant, and pytest its own variables in a rewritten assertion.
    start = _start(current)
    for instruction in reversed(before[:-1]):
        if (
            instruction.opname.startswith("LOAD_")
            and instruction.opname != "LOAD_CONST"
            and not str(instruction.argval).startswith("@py_assert")
            and start is not None
            and _start(instruction) == start
        ):
            return str(instruction.argval)
    return None


def _start(instruction: dis.Instruction) -> tuple[int, int] | None:
    """Return the line and column at which the expression of an instruction begins; None if that is unknown."""
    positions = instruction.positions
    if positions is None or positions.lineno is None or positions.col_offset is None:
        return None
    return positions.lineno, positions.col_offset


def describe_stack(ident: int | None) -> str:
    """Return the innermost calls of a thread, a line each, without running code of others."""
    frame: Any = _frames_of_threads().get(ident or 0)
    lines: list[str] = []
    while frame is not None and len(lines) < 12:
        code = frame.f_code
        lines.append(f"    {code.co_name}() at {code.co_filename}:{frame.f_lineno}")
        frame = frame.f_back
    return "\n".join(lines)
