"""The clockwork: virtual time, and what moves it. It replaces nothing; `waits.py`, `asyncio.py` and `trio.py` do.

The theory is trio's autojump, applied to threads:

- *Participants* see virtual time: the thread that switched a fake on, and the threads that participants have started
  since. All other threads are bystanders: they live in real time, and the clock neither waits for them nor follows
  them.
- A participant works, or is in a *wait* that it has announced here. A wait is over when a thread ends it, or at its
  deadline. The thread that ends a wait counts the waiting thread as working in the same step, so there is no moment at
  which a thread has been woken and nobody seems to work.
- *When all participants wait, the clock jumps to the earliest deadline*, the fake's own timers included. The last to
  wait moves the clock, within its own wait, so what falls due runs in that thread.
- While a participant works, the others wait for it, without a limit. `working.py` tells a participant that works from
  one that waits without having announced it (in C, for a lock).
- The clock cannot jump over what is *outside*: a process, a socket, a file, an event loop of another kind. While a
  participant waits for such a thing, real time is added to the clock, so every deadline comes. Real time counts once,
  however many wait.

Rules of this file:

- `_mutex` guards everything. It is never held while other code runs, nor while a fake's lock is acquired.
- `_working` is the number of participants that do not wait. It changes in `_begin` and `_resume`, with the wait, and
  where a thread joins or leaves. A thread has one open wait at most.
- One of the waiting participants is the *lookout*: it wakes every few real milliseconds to look at those that work,
  while the others sleep until they are woken.
- `elapsed` grows in `moved` alone, which the first fake's clock calls.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any, Literal, NamedTuple

from fake_bluejay.intercept.true_time import REAL
from fake_bluejay.intercept.working import Activity, Turns, Watch, describe_stack, threads_alive, turns_of_threads

_TICK = 0.005
"""The real seconds between two looks of the lookout, and between two additions of real time in a wait outside."""

_HELD_UP = 5.0
"""Real seconds after which the report names the thread that holds time up, and a warning the waits that cannot end."""

_LOOKS = 300_000
"""The number of readings of clocks without a wait after which real time counts: the thread waits by reading clocks."""

_AT_ONE_INSTANT = 100_000
"""The number of readings of clocks without a wait after which the clock moves by a microsecond.

The thread may be at its deadline, and in real time it would get past it, as code relies on: `while time.monotonic() <=
deadline: …`. An asynchronous client reads clocks a hundred times for a request if it has many connections, and hundreds
of requests at one instant must not move the clock.
"""

_SHORT_WAIT = 0.004
"""The average of waits, in real seconds, from which they count; shorter ones are waits for a disk."""

_FREE_FOR_IMPORTS = 1_000_000
"""Microseconds that waits of modules being imported may take without moving the clock, while fakes are on.

Some modules ask the machine something at their import, and no instant in a test should depend on whether the test is
the first to import them.
"""

_WAITS_FOR_NOTHING = 10
"""The number of consecutive waits for no time at all after which each takes a microsecond."""

_JUST_SEEN = 0.02
"""Real seconds within which a thread that was seen has not waited for anything worth counting."""

_UNSEEN = 1.0
"""Real seconds after which a thread that reads clocks is examined.

If it has waited, in ways not known here, for a good part of them, that part counts.
"""

_MOVEMENTS = 200
"""The number of movements of the clock that are kept for the report."""


class LongestExceeded(BaseException):
    """The code under test has slept away more of the fake's time than `longest` allows.

    It is not an `Exception`, so that a client that retries after any failure does not go on for ever.
    """


class Timeline:
    """A fake's time, as the clockwork needs it.

    Args:
        advance: Moves the fake's clock by a number of microseconds, and fires the timers that are due on the way.
        due_in: Returns the microseconds until the fake's next timer is due; None if none is pending.
        waited: Called with the microseconds that a thread has waited, in that thread.
        frozen: True if the fake's clock stands still between moves; otherwise real time passes, and moves come on top.
        now: The start of the wall clock, in seconds since 1970; None: the present.
        longest: The most microseconds by which waits may move it.
    """

    def __init__(
        self,
        advance: Callable[[int], None],
        due_in: Callable[[], int | None],
        *,
        waited: Callable[[int], None],
        frozen: bool,
        now: float | None,
        longest: int,
    ) -> None:
        self.advance, self.due_in, self.waited = advance, due_in, waited
        self.frozen, self.now, self.longest = frozen, now, longest
        self.slept = 0
        """The microseconds by which waits have moved it."""
        self.exceeded: LongestExceeded | None = None
        """The error that was raised because `slept` was more than `longest`."""
        self.to_raise_in: set[Member] = set()
        """The threads in which the error is still to be raised."""
        self.owner: Member | None = None
        """The thread that switched the fake on."""
        self.movements: list[Movement] = []
        """The latest movements, for the report."""
        self.held_up: dict[str, str] = {}
        """The name of a thread for which others have waited long → its stack."""
        self._began = REAL.monotonic()

    def seems_to_poll_something_real(self) -> bool:
        """Return whether one place has slept again and again, and far longer in sum than real time has passed."""
        often = [one for one in self.movements if one.times >= 20 and one.place is not None]
        real = (REAL.monotonic() - self._began) * 1_000_000
        return any(one.length > 20 * real for one in often)


class Place(NamedTuple):
    """A place in the code that waits."""

    code: CodeType
    line: int

    def __str__(self) -> str:
        return f"{self.code.co_name}() at {self.code.co_filename}:{self.line}"


class Movement(NamedTuple):
    """A movement of the clock by waits of one kind at one place, one after the other."""

    length: int
    what: str
    place: Place | None
    times: int

    def __str__(self) -> str:
        often = f", {self.times} times" if self.times > 1 else ""
        return f"+{self.length / 1e6:.3f} s {self.what}{f' by {self.place}' if self.place else ''}{often}"


class Member:
    """A participant."""

    def __init__(self, thread: threading.Thread, generation: int) -> None:
        self.thread = thread
        self.ident = thread.ident
        self.generation = generation
        """The generation of fakes, on together, in which the thread joined."""
        self.joining: list[Wait] = []
        """The waits for the end of the thread."""
        self.open: Wait | None = None
        """The thread's own wait, while it is open."""
        self.suspended: Member | None = None
        """The thread's own participation, which this one, for a single call, replaces until the call's end."""
        self.watch = Watch(thread)
        self.waits_for_nothing = 0
        """The number of waits for no time at all since the last real wait."""
        self.looks = 0
        """The number of readings of clocks since the last wait."""
        self.seen = self.since = REAL.monotonic()
        """The real time up to which it is known what the thread did (`seen`), and the end of its last wait (`since`).
        """
        self.held_up: tuple[float, float, float] | None = None
        """The end of the wait since which others wait for the thread, and its processor time and the time it has spent
        in the kernel when that was noted.
        """
        self._spent: tuple[float, float, Turns | None] | None = None

    def run_by(self, thread: threading.Thread) -> None:
        """Set the thread: one of a pool, which now runs a call that was submitted to the pool."""
        if thread is not self.thread:
            self.thread, self.watch = thread, Watch(thread)

    def start_afresh(self) -> None:
        """Forget what the thread did before its wait."""
        self.looks = self.waits_for_nothing = 0
        self.seen = self.since = REAL.monotonic()
        self._spent = None

    def waited_unseen(self, now: float) -> float:
        """Return the real seconds, at least, for which this very thread has waited unseen, up to now.

        They are those in which it neither ran nor was ready to. Some of them may have been waits for the GIL; but such
        a wait lasts no longer than a switch interval at a time, and meanwhile another thread runs or is ready to. Very
        short waits are a disk's. Where there is no `/proc`, hardly anything in this process must have run.
        """
        spent = (REAL.thread_time(), REAL.process_time(), turns_of_threads())
        last, self._spent = self._spent, spent
        since, self.seen = self.seen, now
        if last is None:
            return 0.0
        passed, own, everybody = now - since, spent[0] - last[0], spent[1] - last[1]
        if spent[2] is None or last[2] is None:
            return float(passed - everybody) if everybody < 0.1 * passed else 0.0
        starved, turns, others_ready = (new - old for new, old in zip(spent[2], last[2], strict=True))
        waited = passed - own - starved
        if waited < _SHORT_WAIT * turns:
            return 0.0
        return float(waited - min(everybody - own + others_ready, 1.2 * sys.getswitchinterval() * turns))


class Wait:
    """A wait of a participating thread, from the moment it is announced."""

    __slots__ = (
        "deadline", "due", "ended", "gate", "has_work", "is_blind", "is_open", "is_outside", "member",
        "on_wake", "place", "since", "what",
    )  # fmt: skip

    def __init__(self, member: Member, deadline: int | None, what: str) -> None:
        self.member = member
        self.deadline = deadline
        """The end of the wait, in elapsed microseconds; None if it has none."""
        self.what = what
        """The wait in words, for reports: `slept`, `waited for an event`."""
        self.place = _place()
        self.ended = False
        """True if a thread has ended it."""
        self.due = False
        """True if the deadline has come."""
        self.is_open = False
        """True if its thread waits; otherwise the thread works, or is about to."""
        self.is_outside = False
        """True if something outside is waited for."""
        self.is_blind = False
        """True if its thread cannot be woken before the awaited thing comes, so that it cannot be the lookout."""
        self.has_work: Callable[[], bool] = _no
        """Returns whether a move of the clock has given its thread something to do."""
        self.since = REAL.monotonic()
        """The real time at which it was announced."""
        self.gate: Any = None
        self.on_wake: Callable[[], object] | None = None
        """Wakes a thread that waits otherwise than by `block`."""

    def wake(self) -> None:
        """Let the thread look whether its wait is over."""
        if self.on_wake is not None:
            self.on_wake()
        elif self.gate is not None and self.gate.locked():
            self.gate.release()

    def block(self, seconds: float | None) -> bool:
        """Wait in real time until woken, or for so many seconds. Return False: only `Clockwork.end` ends the wait."""
        if seconds is None:
            self.gate.acquire()
        else:
            self.gate.acquire(True, seconds)
        return False


def _is_importing() -> bool:
    """Return whether the calling thread is in the middle of an import."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


class Clockwork:
    """Virtual time in this process."""

    def __init__(self) -> None:
        self._mutex = REAL.RLock()  # reentrant, for a signal's handler may wait while it is held
        self.timelines: list[Timeline] = []
        """The timelines of the fakes that are on and skip sleeps. The clocks show the first; a wait moves all."""
        self._start = 0
        self._elapsed = 0
        self._past_a_deadline = 0
        """The instant to which the clock was last moved to get a thread past its deadline; at first the start."""
        self._members: dict[int, Member] = {}
        """The participants, by thread id; one that has not begun to run has none yet."""
        self._forking: dict[int, Member] = {}
        """The participants that are forking this process."""
        self._in_real_time: dict[int, Member] = {}
        """The participants that wait for something outside by means that must not see virtual time."""
        self._dying: list[Member] = []
        """The participants that have left, and whose threads are about to end."""
        self._working = 0
        self._waits: dict[Wait, None] = {}
        """The open waits, in the order they began."""
        self._lookout: Wait | None = None
        self._changes = 0
        """A counter that grows with each change of who works."""
        self._counted = 0.0
        """The real time up to which real time has been added to the clock."""
        self._free_for_imports = 0
        """The real time that waits of modules being imported may still take without moving the clock, in microseconds.
        """
        self._quiet_since: float | None = None
        """The real time since which all participants wait and nothing is due."""
        self.children: Callable[[], float | None] = lambda: None
        """Returns the real time since which a child process of the test has lived; None if none does."""
        self.on_moved: list[Callable[[int], None]] = []
        """Functions that are called with each length by which the clock was moved, for the wall clock."""
        self._generation = 0
        self._real = 0
        """The number of `with` blocks of `real` that are open."""

    # --- on and off -------------------------------------------------------------------------------------------------

    def join(self, timeline: Timeline) -> None:
        """Begin to move the time of a fake that is switched on. The calling thread takes part from now on."""
        with self._mutex:
            if not self.timelines:
                self._start = int(REAL.monotonic()) + 1
                self._elapsed = self._past_a_deadline = 0
                self._counted = REAL.monotonic()
                self._free_for_imports = _FREE_FOR_IMPORTS
            self.timelines.append(timeline)
        timeline.owner = self.take_part(threading.current_thread())

    def leave(self, timeline: Timeline) -> None:
        """Stop moving the time of a fake that is switched off.

        After the last one, nobody takes part any more, and sleeping threads wake.
        """
        with self._mutex:
            if timeline not in self.timelines:
                return
            self.timelines.remove(timeline)
            if self.timelines:
                return
            for wait in list(self._waits):
                wait.due = True
                self._resume(wait)
            self._members.clear()
            self._in_real_time.clear()
            self._dying.clear()
            self._working = 0
            self._generation += 1

    def stand_aside(self) -> None:
        """Let the calling thread, which forks, live in real time until `come_back`.

        In the child, handlers of other libraries run before the clockwork has forgotten the threads that the child
        lacks.
        """
        me = self._members.pop(REAL.get_ident(), None)
        if me is not None:
            self._forking[REAL.get_ident()] = me

    def come_back(self) -> None:
        """Let the calling thread, which has forked, take part again."""
        me = self._forking.pop(REAL.get_ident(), None)
        if me is not None and me.generation == self._generation:
            self._members[REAL.get_ident()] = me

    def forget_others(self) -> None:
        """Forget all other threads: this is a child process, which does not have them."""
        self._mutex = REAL.RLock()
        self.come_back()
        self._forking.clear()
        me = self._members.get(REAL.get_ident())
        self._members = {} if me is None or me.ident is None else {me.ident: me}
        for wait in self._waits:
            wait.is_open, wait.member.open = False, None
        self._waits.clear()
        self._in_real_time.clear()
        self._dying.clear()
        self._lookout = None
        self._working = len(self._members)

    @property
    def is_on(self) -> bool:
        """True if virtual time is on."""
        return bool(self.timelines)

    # --- participants -----------------------------------------------------------------------------------------------

    def me(self) -> Member | None:
        """Return the calling thread, if it takes part."""
        return self._members.get(REAL.get_ident())

    def has_member(self, ident: int | None) -> bool:
        """Return whether the thread of this id takes part."""
        return ident in self._members or ident in self._in_real_time

    def take_part(self, thread: threading.Thread) -> Member:
        """Let a running thread take part."""
        with self._mutex:
            assert thread.ident is not None
            member = self._members.get(thread.ident)
            if member is None:
                member = self._members[thread.ident] = Member(thread, self._generation)
                self._working += 1
                self._changes += 1
            return member

    def expect(self, thread: threading.Thread) -> Member:
        """Let a thread that is about to start take part."""
        with self._mutex:
            member = Member(thread, self._generation)
            member.ident = None  # a pool's call is submitted by one thread, and run by another
            self._working += 1
            self._changes += 1
        return member

    def arrive(self, member: Member, thread: threading.Thread) -> None:
        """Let the calling thread, which was expected, take part."""
        with self._mutex:
            if member.generation == self._generation:
                member.ident = REAL.get_ident()
                member.run_by(thread)
                member.suspended = self._members.get(member.ident)
                if member.suspended is not None:  # the thread was counted twice since the call was expected
                    self._working -= 1
                    self._changes += 1
                self._members[member.ident] = member

    def depart(self, member: Member, *, dies: bool = True) -> None:
        """End a thread's participation; if the thread dies, time stands still until it is gone."""
        with self._mutex:
            if member.generation != self._generation:
                return
            if member.ident is not None:
                del self._members[member.ident]
                if member.suspended is not None:
                    member.suspended.start_afresh()
                    member.suspended.joining += member.joining
                    self._members[member.ident] = member.suspended
                    return
            self._working -= 1
            self._changes += 1
            if dies:
                self._dying.append(member)
            for wait in member.joining:
                self.end(wait)
            if not self._working:
                self._wake_lookout()

    def await_end(self, thread: threading.Thread, wait: Wait) -> Literal["takes part", "is dying", "takes no part"]:
        """Let a wait end when a thread departs, if that takes part. Return the thread's part in virtual time."""
        with self._mutex:
            for member in (self._members.get(thread.ident or 0), self._in_real_time.get(thread.ident or 0)):
                if member is not None and member.thread is thread:
                    member.joining.append(wait)
                    return "takes part"
            return "is dying" if any(one.thread is thread for one in self._dying) else "takes no part"

    @contextmanager
    def taking_part(self) -> Iterator[None]:
        """Let the calling thread take part within the `with`, if a fake is on."""
        if not self.timelines or self.me() is not None:
            yield
            return
        member = self.take_part(threading.current_thread())
        try:
            yield
        finally:
            self.depart(member, dies=False)

    # --- clocks -----------------------------------------------------------------------------------------------------

    @property
    def elapsed(self) -> int:
        """Virtual microseconds since the start."""
        if self.timelines and not self.timelines[0].frozen:
            return self._elapsed + int((REAL.monotonic() - self._start) * 1_000_000)
        return self._elapsed

    def microseconds(self) -> int:
        """Return the time of a monotonic clock, in microseconds."""
        return self._start * 1_000_000 + self.elapsed

    def look(self) -> int | None:
        """Return the time of a monotonic clock, in microseconds, to the calling thread, if it takes part.

        The thread may be waiting, by reading the clock, in a way that is not known here.
        """
        member = self._members.get(REAL.get_ident())
        if member is None:
            return None
        member.looks = looks = member.looks + 1
        if looks == _AT_ONE_INSTANT:
            self._get_past_a_deadline()
        now = REAL.monotonic()
        if looks >= _LOOKS or now - member.seen > _JUST_SEEN:
            self._count_what_it_waits_by(member, now)
        return self._start * 1_000_000 + self.elapsed

    def _count_what_it_waits_by(self, member: Member, now: float) -> None:
        if member.looks == _LOOKS:
            member.seen = now
        elif member.looks > _LOOKS:
            since, member.seen = member.seen, now
            self.count(since, "read clocks, again and again")
        else:
            self._count_unseen(member, now)

    def notice(self) -> None:
        """Count the real time that the calling thread has waited unseen, before it reads the fake's state.

        For a bystander, count the time that all participants have waited, for nobody else may do it.
        """
        member, now = self.me(), REAL.monotonic()
        if member is None:
            if self.timelines and threads_are_greenlets():  # a greenlet, for whose thread there is no name here
                self.count(0, "passed in greenlets")
            elif self.timelines:
                self._count_for_a_bystander(now)
        elif now - member.seen > _UNSEEN or (now - member.seen > _JUST_SEEN and _is_in_foreign_loop()):
            self._count_unseen(member, now)

    def _count_unseen(self, member: Member, now: float) -> None:
        since = self.children()
        if since is not None:
            member.seen = now
            self.count(since, "passed while a child process lived")
        elif _is_in_foreign_loop():
            since, member.seen = member.seen, now
            self.count(since, "passed in an event loop of another kind")
        elif member._spent is None or now - member.seen > _UNSEEN:
            since = member.seen
            waited = member.waited_unseen(now)
            if waited > 0.3 * (now - since):
                self.count(now - waited, "waited in real time")

    def _count_for_a_bystander(self, now: float) -> None:
        """Count the real time for which all participants have waited outside, if none of them is a lookout.

        The test may wait for an answer of the calling thread, which is a server's and polls the fake.
        """
        with self._mutex:
            waits = list(self._waits)
            waiting = {one.member for one in waits}
            working = [one for one in self._members.values() if one not in waiting]
            if len(working) != self._working or not all(one.is_blind for one in waits):
                return
        instants = [one.since for one in waits if one.is_outside]
        for member in working:
            since = member.watch.outside_since()
            if since is not None:
                instants.append(since)
            elif member.watch.look() is Activity.WORKS:
                return
        if instants and now - max(instants) > _UNSEEN:
            self.count(max(instants), "passed while the test waited for something outside")

    def wait_for_nothing(self, member: Member, *, once: bool = False) -> None:
        """Note that a thread waits for no time at all; if it does so again and again, move the clock a little.

        The thread has come to its deadline, and in real time it would get a little past it. Code relies on that: `while
        remaining >= 0: wait(…)`.

        Args:
            member: The calling thread.
            once: True if many such waits mean little, as when a thread lets others run.
        """
        member.waits_for_nothing += 1
        if member.waits_for_nothing > _WAITS_FOR_NOTHING and self.me() is member:
            if not once:
                self._pass(1, "waited for no time at all, again and again", None)
            elif self._elapsed != self._past_a_deadline:  # just past a deadline, or at the start, no thread is at one
                self._get_past_a_deadline()

    def _get_past_a_deadline(self) -> None:
        """Move the clock by a microsecond, for it may stand at a thread's deadline."""
        with self._mutex:
            if not self.timelines or not self.timelines[0].frozen:
                return
            self._past_a_deadline = self._elapsed + 1
        self._pass(1, "got past an instant at which clocks were read, again and again", None)

    def count(self, since: float, what: str, place: Place | None = None) -> None:
        """Add the real time since an instant to the clock, as far as it has not been counted."""
        with self._mutex:
            now = REAL.monotonic()
            length = int((now - max(since, self._counted)) * 1_000_000)
            if length <= 0 or not self.timelines or not self.timelines[0].frozen:
                return
            self._counted = now
            if length <= self._free_for_imports and _is_importing():
                self._free_for_imports -= length
                return
        self._pass(length, what, place)

    def moved(self, timeline: Timeline, length: int) -> None:
        """Note that the clock of a fake has moved by so many microseconds, and wake the threads that are due."""
        with self._mutex:
            if not self.timelines or timeline is not self.timelines[0]:
                return
        for notify in self.on_moved:  # before a woken thread reads the clock
            notify(length)
        with self._mutex:
            self._elapsed += length
            self._wake_who_is_due()

    def follow(self, length: int, what: str) -> None:
        """Move the clock by so many microseconds, which have passed by another library's clock."""
        self._pass(length, what, None)
        self._spend(length, None)

    def _wake_who_is_due(self) -> None:
        now = self.elapsed
        for wait in list(self._waits):
            if wait.deadline is not None and wait.deadline <= now:
                wait.due = True
                self._resume(wait)

    # --- waits ------------------------------------------------------------------------------------------------------

    def begin(self, member: Member, seconds: float | None, what: str, *, until: float | None = None) -> Wait:
        """Return a new wait of the calling thread, which then waits by `finish`.

        Args:
            member: The calling thread.
            seconds: The longest time it waits; None: until it is ended.
            what: The reason of the wait, for the report.
            until: The instant, by a monotonic clock, from which `seconds` were reckoned a moment ago. Another thread
                may have moved the clock since.
        """
        if seconds is None:
            return Wait(member, None, what)
        elapsed = self.elapsed
        if until is not None:
            seconds = min(seconds, until - self._start - elapsed / 1_000_000)
        return Wait(member, elapsed + (max(1, round(seconds * 1_000_000)) if seconds > 0 else 0), what)

    def end(self, wait: Wait) -> None:
        """End a wait because the awaited thing has come."""
        with self._mutex:
            wait.ended = True
            self._resume(wait, wake=False)
            wait.wake()

    def finish(self, wait: Wait, block: Callable[[float | None], bool] | None = None) -> bool:
        """Wait until the wait is over.

        Args:
            wait: A wait of the calling thread.
            block: A function that waits in real time, for so many seconds at most, or until `wait.wake` is called; it
                returns whether the awaited thing has come.

        Returns:
            True if the wait was ended or `block` succeeded; False if the deadline has come.

        Raises:
            LongestExceeded: More of the fake's time has been slept away than it allows.
        """
        if block is None:
            wait.gate = REAL.Lock()
            wait.gate.acquire()
            block = wait.block
        member, began = wait.member, self.elapsed
        got = False
        try:
            while not got:
                with self._mutex:
                    if not self._begin(wait):
                        break
                    pause, changes = self._pause(wait), self._changes
                if pause == 0:
                    self._move(wait, changes)
                    if wait.has_work():
                        break
                    continue
                since = REAL.monotonic()
                got = block(pause)
                if not got and wait.is_open:
                    self._look_around(wait, since)
        finally:
            with self._mutex:
                self._resume(wait, wake=False)
            member.start_afresh()
            waited = self.elapsed - began
            for timeline in tuple(self.timelines):
                timeline.waited(waited)
        self._raise_if_exceeded(member)
        return got or wait.ended

    @contextmanager
    def real_time(
        self, member: Member, what: str, *, meanwhile: Literal["count", "jump", "stand"] = "count"
    ) -> Iterator[None]:
        """Let the calling thread wait for something outside, by any means, all of them in real time.

        Args:
            member: The calling thread.
            what: The reason of the wait, for the report.
            meanwhile: The effect on virtual time. `count`: real time is added to the clock. `jump`: the clock jumps if
                all others wait, for the thread waits for nothing in particular, like a server without a connection.
                `stand`: the clock stands still, as if the thread worked.
        """
        wait = Wait(member, None, what)
        wait.is_blind, wait.on_wake = True, _nothing
        counts = wait.is_outside = meanwhile == "count"
        since, ident = REAL.monotonic(), REAL.get_ident()
        taking_part = False
        try:
            with self._mutex:
                if self._members.get(ident) is member:
                    taking_part = True
                    self._in_real_time[ident] = member
                    del self._members[ident]
                    if meanwhile != "stand":
                        self._begin(wait)
                        self._wake_lookout()
            yield
        finally:
            with self._mutex:
                if taking_part and member.generation == self._generation:
                    self._members[ident] = member
                    del self._in_real_time[ident]
                self._resume(wait)
            member.start_afresh()
            if counts:
                self.count(since, what, wait.place)

    @contextmanager
    def counting(self, what: str) -> Iterator[None]:
        """Add real time to the clock within a wait of `real_time` that holds the clock."""
        ident = REAL.get_ident()
        with self._mutex:
            member = self._in_real_time.pop(ident, None)
            if member is not None:
                self._members[ident] = member
        if member is None:
            yield
            return
        try:
            with self.real_time(member, what):
                yield
        finally:
            with self._mutex:
                if self._members.get(ident) is member:
                    self._in_real_time[ident] = self._members.pop(ident)

    def _begin(self, wait: Wait) -> bool:
        """Open a wait. Return False if it is over already."""
        if wait.ended or wait.due or wait.member.generation != self._generation:
            return False
        if wait.deadline is not None and wait.deadline <= self.elapsed:
            wait.due = True
            self._resume(wait, wake=False)
            return False
        if not wait.is_open:
            if wait.member.open is not None:
                # The thread has worked meanwhile: a signal's handler has interrupted that wait, and waits itself, or
                # has raised in the middle of it.
                self._resume(wait.member.open)
            wait.is_open = True
            wait.member.open = wait
            self._waits[wait] = None
            self._working -= 1
            self._changes += 1
            self._quiet_since = None
        return True

    def _resume(self, wait: Wait, *, wake: bool = True) -> None:
        """Count a wait's thread as working again; wake it, unless it is the calling one."""
        if wait.is_open:
            now = REAL.monotonic()
            # No call separates these, for after a call the handler of a signal may raise.
            wait.is_open = False
            wait.member.open = None
            wait.member.since = now
            del self._waits[wait]
            self._working += 1
            self._changes += 1
            if wake:
                wait.wake()
            if wait is self._lookout:
                self._lookout = next((one for one in self._waits if not one.is_blind), None)
                self._wake_lookout()

    def _wake_lookout(self) -> None:
        if self._lookout is not None:
            self._lookout.wake()

    def _pause(self, wait: Wait) -> float | None:
        """Return the real seconds to wait: 0 if this thread is to move the clock, None to wait until woken."""
        if self._dying:
            self._dying = [one for one in self._dying if one.thread.is_alive()]
        if self._lookout is None or not self._lookout.is_open or (self._dying and not self._working):
            self._lookout = wait
        if not self._working and not self._dying and self._quiet_since is None and not self._is_outside():
            return 0
        if not wait.is_outside and self._lookout is not wait:
            return None
        pause = 0.0001 if self._dying and not self._working else _TICK
        if wait.deadline is not None and (self._is_outside() or not self.timelines[0].frozen):
            pause = min(pause, max((wait.deadline - self.elapsed) / 1_000_000, 0.0001))
        return pause

    @contextmanager
    def real(self) -> Iterator[None]:
        """Let all waits take real time within the `with`; that time is added to the clock."""
        self._real += 1
        since = REAL.monotonic()
        try:
            yield
        finally:
            self._real -= 1
            self.count(since, "passed in real time, as was asked for")

    def _is_outside(self) -> bool:
        return self._real > 0 or self.children() is not None or any(wait.is_outside for wait in self._waits)

    def _look_around(self, wait: Wait, since: float) -> None:
        """Act after a pause: as the lookout, or as a thread that waits for something outside."""
        with self._mutex:
            self._let_dead_threads_depart()
            is_outside = self._is_outside()
        if is_outside:
            self.count(since, f"{wait.what} in real time", wait.place)
            return
        with self._mutex:
            if wait is not self._lookout:
                return
            if not self.timelines[0].frozen:
                self._wake_who_is_due()
            changes = self._changes
            waiting = {one.member for one in self._waits}
            working = [one for one in self._members.values() if one not in waiting]
            expected = self._working - len(working)  # threads that have not begun to run
            quiet = self._quiet_since
        if quiet is not None:
            if any(each.due_in() is not None for each in tuple(self.timelines)):
                self._quiet_since = None  # a bystander has set a timer
            else:
                self._warn_of_a_wait_for_ever(quiet)
        if not working or expected:
            return
        activities = {one: one.watch.look() for one in working}
        if Activity.WORKS in activities.values():
            self._note_who_holds_up(since, activities)
        elif Activity.WAITS_OUTSIDE in activities.values():
            outside = next(one for one in working if activities[one] is Activity.WAITS_OUTSIDE)
            self.count(max(since, outside.watch.since), f"{outside.thread.name} waited for something outside")
        else:
            self._move(wait, changes)

    def _let_dead_threads_depart(self) -> None:
        """End the participation of threads that have ended; those from before the fake do not announce their end."""
        alive = threads_alive()
        for member in [one for ident, one in self._members.items() if ident not in alive]:
            self.depart(member, dies=False)

    # --- moving -----------------------------------------------------------------------------------------------------

    def _move(self, wait: Wait, changes: int) -> None:
        """Move the clock to the next deadline, in the calling thread, which waits.

        Nothing happens if anything has changed since this thread was chosen to move the clock, because another thread
        may be moving it now.
        """
        with self._mutex:
            if self._changes != changes or not wait.is_open or self._dying:
                return
            # A thread that moves the clock counts as working.
            first = min(self._waits, key=lambda one: sys.maxsize if one.deadline is None else one.deadline)
            self._resume(wait, wake=False)
            changes = self._changes
            timelines = tuple(self.timelines)
            lengths = [] if first.deadline is None else [first.deadline - self.elapsed]
        lengths += [due for each in timelines if (due := each.due_in()) is not None]
        if self._changes != changes:
            return  # a bystander has woken a participant meanwhile
        if lengths:
            length = max(min(lengths), 0)
            before = self._elapsed
            timers = first.deadline is None or length < first.deadline - self.elapsed
            self._pass(length, "to the fake's next timer" if timers else first.what, None if timers else first.place)
            self._spend(length, first.member)
            with self._mutex:
                missing = length - (self._elapsed - before)
                if timelines[:1] == tuple(self.timelines[:1]) and missing > 0:
                    # A clock that follows real time was moved by less, for real time has passed meanwhile.
                    self._elapsed += missing
                    self._wake_who_is_due()
        else:
            with self._mutex:
                if self._changes == changes:
                    self._quiet_since = REAL.monotonic()
                if not wait.ended and not wait.due and self.timelines:
                    quiet = self._quiet_since
                    self._begin(wait)
                    self._quiet_since = quiet

    def _pass(self, length: int, what: str, place: Place | None) -> None:
        for timeline in tuple(self.timelines):
            _note(timeline.movements, length, what, place)
            timeline.advance(length)

    def _spend(self, length: int, sleeper: Member | None) -> None:
        for timeline in tuple(self.timelines):
            timeline.slept += length
            if timeline.slept > timeline.longest:
                self._exceed(timeline, sleeper)

    def _exceed(self, timeline: Timeline, sleeper: Member | None) -> None:
        """Raise an error in the test's thread and in the sleeper's.

        Not in others, because they may be a library's and would end.
        """
        movements = "\n".join(f"  {one}" for one in timeline.movements[-10:])
        timeline.exceeded = LongestExceeded(
            f"the code under test has slept for more than {timeline.longest / 86_400e6:g} days of the fake's time"
            f" (option longest); what it waits for does not come. The last that moved the clock:\n{movements}"
        )
        timeline.slept = 0  # cleaning up may sleep, too
        with self._mutex:
            timeline.to_raise_in = {each for each in (timeline.owner, sleeper) if each is not None}
            for wait in list(self._waits):
                if wait.member in timeline.to_raise_in:
                    wait.due = True
                    self._resume(wait)

    def _raise_if_exceeded(self, member: Member) -> None:
        for timeline in tuple(self.timelines):
            if timeline.exceeded is not None and member in timeline.to_raise_in:
                timeline.to_raise_in.discard(member)
                raise timeline.exceeded

    # --- long work and long waits -----------------------------------------------------------------------------------

    def _note_who_holds_up(self, since: float, activities: dict[Member, Activity]) -> None:
        """Note the threads that have worked for long.

        A thread that has used the processor for long, or has been in the kernel for long, at once or in pieces, may be
        waiting in a way that is not known here: from then on real time counts. A thread that gets no processor on a
        busy machine is not waiting.
        """
        now = REAL.monotonic()
        waits = False
        for member, activity in activities.items():
            if activity is not Activity.WORKS:
                continue
            watch = member.watch
            if member.held_up is None or member.held_up[0] != member.since:
                member.held_up = member.since, watch.processor_time(), watch.waited
            if now - member.since < _HELD_UP:
                continue
            for timeline in tuple(self.timelines):
                timeline.held_up[member.thread.name] = describe_stack(member.ident)
            _, spent, waited = member.held_up
            waits = waits or watch.processor_time() - spent > _HELD_UP or watch.waited - waited > _HELD_UP
        if waits:
            self.count(since, "passed while a thread worked for long")

    def _warn_of_a_wait_for_ever(self, since: float) -> None:
        if REAL.monotonic() - since < _HELD_UP:
            return
        self._quiet_since = float("inf")
        waits = [
            f"  {one.member.thread.name} {one.what}\n{describe_stack(one.member.ident)}" for one in list(self._waits)
        ]
        sys.stderr.write(
            "fake Bluejay: everybody who takes part in virtual time waits, without a deadline, and no timer of the fake"
            " is pending:\n" + "\n".join(waits) + "\nIf a thread from before the fake is to end that wait, it is a"
            " bystander: see the option `participants`.\n"
        )


def _nothing() -> None: ...


def _no() -> bool:
    return False


def _note(movements: list[Movement], length: int, what: str, place: Place | None) -> None:
    if movements:
        last = movements[-1]
        if last.what == what and last.place == place:
            movements[-1] = last._replace(length=last.length + length, times=last.times + 1)
            return
    movements.append(Movement(length, what, place, 1))
    if len(movements) > _MOVEMENTS:
        del movements[0]


_BETWEEN = frozenset(sys.stdlib_module_names - {"__main__"}) | {"fake_bluejay", "anyio", "trio", "sniffio"}
"""The packages that wait on behalf of the code that calls them."""


def _place() -> Place | None:
    frame: Any = sys._getframe(2)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if type(name) is str and name.partition(".")[0] not in _BETWEEN:
            return Place(frame.f_code, frame.f_lineno)
        frame = frame.f_back
    return None


def threads_are_greenlets() -> bool:
    """Return whether gevent or eventlet has replaced the functions that wait, and threads by its greenlets."""
    for module, name in (("gevent.monkey", "saved"), ("eventlet.patcher", "already_patched")):
        patcher: Any = sys.modules.get(module)
        if patcher is not None and "time" in vars(patcher).get(name, ()):
            return True
    return False


def _is_in_foreign_loop() -> bool:
    """Return whether an event loop runs in this thread that is not asyncio's own."""
    if threads_are_greenlets():
        return True
    asyncio: Any = sys.modules.get("asyncio")
    try:
        loop = None if asyncio is None else asyncio.get_running_loop()
    except RuntimeError:
        loop = None
    return loop is not None and not (isinstance(loop, asyncio.BaseEventLoop) and hasattr(loop, "_selector"))


REAL_TIME_THREADS: set[int] = set()
"""The ids of the servers' threads, which wait for nothing that the code under test does."""

CLOCKWORK = Clockwork()
"""The clockwork of this process."""
