"""The standard library's clocks and waits, virtual for participants.

A wait that a thread of this process ends is virtual. It is announced where such waits come together: `Condition.wait`
waits on a lock that `threading` makes for it (events, semaphores, barriers, queues, futures and timers are made of
conditions). Other waits are `time.sleep`, `Thread.join`, and that of `SimpleQueue`, which is in C.

A wait for something outside takes real time, which counts: `select`, processes, and threads that are bystanders. Each
call asks whether the calling thread takes part; for a bystander nothing changes.
"""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
import weakref
from _queue import SimpleQueue
from collections import deque
from collections.abc import Callable, Iterator
from operator import index
from types import FunctionType, ModuleType
from typing import Any, Literal, SupportsIndex

from fake_bluejay.http.calendar import is_frozen_by_freezegun
from fake_bluejay.intercept.clockwork import CLOCKWORK, Member, Wait, threads_are_greenlets
from fake_bluejay.intercept.shims import Seam, leads_to
from fake_bluejay.intercept.true_time import ORIGINALS, REAL

MODULES = (
    "asyncio.tasks",
    "concurrent.futures._base",
    "concurrent.futures.thread",
    "freezegun.api",
    "multiprocessing.connection",
    "multiprocessing.pool",
    "multiprocessing.process",
    "pdb",
    "select",
    "subprocess",
    "threading",
    "time",
)
"""The modules whose attributes are replaced here."""

SPARED = frozenset({
    "_pydev_bundle", "_pydevd_bundle", "_pydevd_frame_eval", "_pytest", "anyio", "conftest_plugin", "coverage",
    "debugpy", "execnet", "fake_bluejay", "hypothesis", "pluggy", "pydevd", "pytest", "pytest_asyncio",
    "pytest_timeout", "time_machine", "trio", "uvicorn", "uvloop", "xdist",
})  # fmt: skip
"""The packages that measure, wait or serve in real time, and hold functions of `time` by name."""

_TOOLS = (
    "_pydev_bundle",
    "_pydevd_bundle",
    "_pytest",
    "coverage",
    "debugpy",
    "execnet",
    "fake_bluejay.server",
    "grpc",  # its threads give C deadlines by the wall clock, which must be the machine's
    "loguru",
    "pydevd",
    "pytest_timeout",
    "trio._core._thread_cache",
    "xdist",
)
"""The packages whose threads do not take part."""

WIRES: set[type] = set()
"""The classes of connections to a fake.

On Windows, urllib3 asks its connection by `select`, before each request, whether it has ended. That is no wait.
"""

_LONGEST = 9_000_000_000
"""The longest wait, in seconds; the original function refuses longer ones."""


def seams(module: ModuleType) -> Iterator[Seam]:
    """List the seams in a module of `MODULES`."""
    match module.__name__:
        case "time":
            yield Seam(module, "sleep", _sleep, named=ORIGINALS.sleep)
            yield Seam(module, "monotonic", _monotonic, named=ORIGINALS.monotonic)
            yield Seam(module, "monotonic_ns", _monotonic_ns, named=ORIGINALS.monotonic_ns)
        case "freezegun.api":  # freezegun's clocks may stand still, and a deadline by one would never come
            yield Seam(module, "fake_monotonic", _monotonic, named=_function(module.fake_monotonic))
            yield Seam(module, "fake_monotonic_ns", _monotonic_ns, named=_function(module.fake_monotonic_ns))
        case "threading":
            yield Seam(module, "_allocate_lock", _allocate_lock)
            yield Seam(module.Thread, "start", _start)
            yield Seam(module.Thread, "join", _join)
            yield Seam(module.Thread, "_bootstrap_inner", _bootstrap_inner)
        case "asyncio.tasks":
            function = module.run_coroutine_threadsafe
            yield Seam(module, "run_coroutine_threadsafe", _run_coroutine_threadsafe, named=_function(function))
        case "concurrent.futures._base":
            for name in ("result", "exception"):
                yield Seam(module.Future, name, _result)
        case "concurrent.futures.thread":
            yield Seam(module.ThreadPoolExecutor, "submit", _submit)
            yield Seam(module._WorkItem, "run", _run)
        case "select":
            yield Seam(module, "select", _select, named=_builtin(module.select))
        case "subprocess":
            yield Seam(module.Popen, "_execute_child", _execute_child)
            yield Seam(module.Popen, "wait", _in_real_time("waited for a process"))
            yield Seam(module.Popen, "communicate", _in_real_time("communicated with a process"))
        case "multiprocessing.connection" if sys.platform == "win32":  # elsewhere it waits in a selector
            yield Seam(module, "wait", _in_real_time("waited for a file or socket"))
        case "multiprocessing.pool":  # a thread of each pool waits, on a pipe, for workers to end
            yield Seam(module, "wait", _in_real_time("waited for workers", meanwhile="jump"))
        case "multiprocessing.process":
            yield Seam(module.BaseProcess, "start", _start_process)
        case "pdb":  # time stands while a person looks at the program
            yield Seam(module.Pdb, "interaction", _in_real_time("was looked at in a debugger", meanwhile="stand"))


_was_frozen = False


def holders_have_changed() -> bool:
    """Return whether freezegun has begun or ended since the last call, and so has changed the clocks of modules."""
    global _was_frozen
    was_frozen, _was_frozen = _was_frozen, is_frozen_by_freezegun()
    return was_frozen != _was_frozen


def _builtin(function: Any) -> Any:
    """Return the function if it is the original, so that it can be looked for."""
    return function if type(function) is type(len) else None


def _function(function: Any) -> Any:
    return function if type(function) is FunctionType else None


# --- clocks and sleeping ----------------------------------------------------------------------------------------


def _is_replaced(found: Any, true: Any) -> bool:
    """Return whether another tool's function, such as a mock, replaces the true one without calling it."""
    return true is not None and not leads_to(found, true)


def _sleep(original: Callable[[float], None]) -> Callable[..., Any]:
    # A greenlet that sleeps lets others run.
    if _is_replaced(original, ORIGINALS.sleep) or threads_are_greenlets():
        return lambda *args: original(*args)

    def sleep(seconds: float, /) -> None:
        member = CLOCKWORK.me()
        if member is None:
            original(seconds)
            return
        length = seconds if isinstance(seconds, float) else index(seconds)
        if 0 < length < _LONGEST:
            CLOCKWORK.finish(CLOCKWORK.begin(member, length, "slept"))
            return
        if length == 0:
            CLOCKWORK.wait_for_nothing(member, once=True)
        original(length)

    return sleep


def _monotonic(original: Callable[[], float]) -> Callable[..., Any]:
    if _is_replaced(original, ORIGINALS.monotonic):
        return lambda: original()

    def monotonic() -> float:
        now = CLOCKWORK.look()
        return original() if now is None else now / 1_000_000

    return monotonic


def _monotonic_ns(original: Callable[[], int]) -> Callable[..., Any]:
    if _is_replaced(original, ORIGINALS.monotonic_ns):
        return lambda: original()

    def monotonic_ns() -> int:
        now = CLOCKWORK.look()
        return original() if now is None else now * 1000

    return monotonic_ns


# --- conditions, and what is made of them -----------------------------------------------------------------------


class _Waiter:
    """The stand-in for the lock on which a condition lets a thread wait, by taking it twice."""

    def __init__(self, member: Member) -> None:
        self._member = member
        self._taken = False
        self._wait: Wait | None = None

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if self._taken and blocking:
            seconds = None if timeout < 0 or timeout > _LONGEST else timeout
            wait = self._wait = CLOCKWORK.begin(self._member, seconds, "waited")
            if self._taken:  # not released meanwhile
                CLOCKWORK.finish(wait)
                while self._taken and seconds is None:  # the fake is off, and the wait goes on
                    wait.block(None)
        elif self._taken:
            CLOCKWORK.wait_for_nothing(self._member)
        if self._taken:
            return False
        self._taken = True
        return True

    def release(self) -> None:
        if not self._taken:
            raise RuntimeError("release unlocked lock")
        self._taken = False
        if self._wait is not None:
            CLOCKWORK.end(self._wait)

    def locked(self) -> bool:
        return self._taken


def _allocate_lock(original: Callable[[], Any]) -> Callable[..., Any]:
    def allocate_lock() -> Any:
        member = CLOCKWORK.me()
        return original() if member is None else _Waiter(member)

    return allocate_lock


class _AsSimpleQueue(type):
    """The type of a queue for which `isinstance` also accepts objects of the original's type."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, SimpleQueue)


class VirtualSimpleQueue(SimpleQueue[Any], metaclass=_AsSimpleQueue):
    """A `SimpleQueue` whose waits are known. It goes on as an ordinary one when the fake is off."""

    def __init__(self) -> None:
        super().__init__()
        self._waits: deque[Wait] = deque()

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """Put an item on the queue; it never waits."""
        super().put(item)
        self._wake_one()

    def _wake_one(self) -> None:
        try:
            wait = self._waits.popleft()
        except IndexError:
            return
        CLOCKWORK.end(wait)

    put_nowait = put

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Remove an item and return it. Raises `queue.Empty` if none comes in time."""
        member = CLOCKWORK.me()
        if member is None or not block or (timeout is not None and not 0 < timeout < _LONGEST):
            return super().get(block, timeout)
        wait = CLOCKWORK.begin(member, timeout, "waited for a queue")
        while True:
            self._waits.append(wait)  # before it looks, so that a later `put` wakes it
            woken = False
            try:
                return super().get_nowait()
            except queue.Empty:
                woken = CLOCKWORK.finish(wait)
            finally:
                try:
                    self._waits.remove(wait)
                except ValueError:  # a `put` has woken this thread
                    if not woken:  # this thread does not need the item of that `put`: let another have it
                        self._wake_one()
            if not woken:
                return super().get_nowait() if timeout is not None else super().get()
            wait.ended = False  # another thread may have taken the item


def switch_simple_queue(on: bool) -> None:
    """Let `queue.SimpleQueue` be the class whose waits are known, or the original."""
    before, after = (SimpleQueue, VirtualSimpleQueue) if on else (VirtualSimpleQueue, SimpleQueue)
    if vars(queue)["SimpleQueue"] is before:
        queue.SimpleQueue = after  # type: ignore[misc]


# --- threads ----------------------------------------------------------------------------------------------------

_expected: weakref.WeakKeyDictionary[Any, Member] = weakref.WeakKeyDictionary()
"""A thread that was started → its participation."""


def _start(original: Callable[..., None]) -> Callable[..., Any]:
    def start(self: Any) -> None:
        me = CLOCKWORK.me()
        if me is None or self.ident is not None:
            original(self)
            return
        if not _takes_part(self):
            with CLOCKWORK.real_time(me, "started a thread", meanwhile="stand"):
                original(self)
            return
        member = _expected[self] = CLOCKWORK.expect(self)
        try:
            original(self)
        except RuntimeError:  # it cannot be started
            if _expected.pop(self, None) is not None:
                CLOCKWORK.depart(member, dies=False)
            raise

    return start


def _takes_part(thread: Any) -> bool:
    """Return whether a thread that a participant starts takes part as well."""
    frame: Any = sys._getframe(2)
    while frame is not None and frame.f_globals.get("__name__") in ("threading", __name__):
        frame = frame.f_back
    name = frame.f_globals.get("__name__") if frame is not None else None
    if type(name) is str and any(name == tool or name.startswith(f"{tool}.") for tool in _TOOLS):
        return False
    # A worker of an older pool takes part only while it runs a call of a participant: see `_submit`.
    target, arguments = vars(thread).get("_target"), vars(thread).get("_args")
    work = getattr(sys.modules.get("concurrent.futures.thread"), "_worker", None)
    return not (target is work and work is not None and not _has_known_queue(arguments))


def _has_known_queue(arguments: Any) -> bool:
    return any(type(each) is VirtualSimpleQueue for each in arguments or ())


def _bootstrap_inner(original: Callable[..., None]) -> Callable[..., Any]:
    def bootstrap_inner(self: Any) -> None:
        member = _expected.pop(self, None)
        if member is None:
            original(self)
            return
        CLOCKWORK.arrive(member, self)
        try:
            original(self)
        finally:
            CLOCKWORK.depart(member)

    return bootstrap_inner


def _join(original: Callable[..., None]) -> Callable[..., Any]:
    def join(self: Any, timeout: float | None = None) -> None:
        me = CLOCKWORK.me()
        if isinstance(timeout, SupportsIndex):
            timeout = index(timeout)
        if me is None or not isinstance(timeout, (int, float, type(None))) or self is me.thread or not self.is_alive():
            original(self, timeout)
            return
        if timeout is not None and not 0 < timeout < _LONGEST:
            original(self, timeout)
            return
        wait = CLOCKWORK.begin(me, timeout, f"waited for the end of {self.name}")
        match CLOCKWORK.await_end(self, wait):
            case "is dying":
                original(self)
            case "takes no part" if not self.is_alive():  # it has died meanwhile
                original(self)
            case "takes no part":
                with CLOCKWORK.real_time(me, wait.what):
                    original(self, timeout)
            case "takes part":
                over = CLOCKWORK.finish(wait)
                original(self, None if over or timeout is None else 0)

    return join


# --- pools ------------------------------------------------------------------------------------------------------


class _Pool:
    """The calls that are handed over to a pool whose threads take no part by themselves."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.begun: list[_PoolCall] = []
        """The calls that a worker runs, or is free to take."""
        self.queued: list[_PoolCall] = []
        """The calls that have to wait for a worker, and so hold nobody up."""


_pools: weakref.WeakKeyDictionary[Any, _Pool] = weakref.WeakKeyDictionary()
_pool_calls: weakref.WeakKeyDictionary[Any, _PoolCall] = weakref.WeakKeyDictionary()
"""Future → its call."""
_pools_lock = REAL.RLock()
"""The lock for the pools and their calls."""
_cancelled: deque[Any] = deque()
"""The futures that were cancelled and whose calls are still to be ended."""


class _PoolCall:
    """A call that was submitted to a pool: the worker that runs it takes part until its end."""

    def __init__(self, pool: _Pool) -> None:
        self._pool = pool
        self._member: Member | None = None
        if len(pool.begun) < pool.workers:
            self._expect()
        else:
            pool.queued.append(self)

    def _expect(self) -> None:
        self._pool.begun.append(self)
        self._member = CLOCKWORK.expect(threading.current_thread())

    def begin(self) -> None:
        """Let the calling thread, a worker, take part."""
        if self._member is None:  # a worker that was thought to be busy is free
            self._pool.queued.remove(self)
            self._expect()
        assert self._member is not None
        CLOCKWORK.arrive(self._member, threading.current_thread())

    def end(self) -> None:
        """End the participation for this call."""
        if self._member is None:
            self._pool.queued.remove(self)
            return
        self._pool.begun.remove(self)
        if self._pool.queued:
            self._pool.queued.pop(0)._expect()
        CLOCKWORK.depart(self._member, dies=False)


@contextlib.contextmanager
def _pools_locked() -> Iterator[None]:
    try:
        with _pools_lock:
            yield
    finally:
        _end_cancelled()


def _submit(original: Callable[..., Any]) -> Callable[..., Any]:
    def submit(self: Any, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        if CLOCKWORK.me() is None or type(self._work_queue) is VirtualSimpleQueue:
            return original(self, function, *args, **kwargs)
        with _pools_locked():
            pool_call = _PoolCall(_pools.setdefault(self, _Pool(self._max_workers)))
            try:
                future = original(self, function, *args, **kwargs)
            except BaseException:
                pool_call.end()
                raise
            _pool_calls[future] = pool_call
        future.add_done_callback(_end_if_cancelled)
        return future

    return submit


def _end_if_cancelled(future: Any) -> None:
    if future.cancelled():
        _cancelled.append(future)
        _end_cancelled()


def _end_cancelled() -> None:
    """End the calls that were cancelled, or leave that to the thread that has the lock now.

    Nothing waits for the lock here: a pool cancels calls under its own lock, for which `submit` waits under this one.
    """
    while _cancelled and _pools_lock.acquire(False):
        try:
            pool_call = _pool_calls.pop(_cancelled.popleft(), None)
            if pool_call is not None:
                pool_call.end()
        except IndexError:  # another thread has been here
            pass
        finally:
            _pools_lock.release()


def _run(original: Callable[..., None]) -> Callable[..., Any]:
    def run(self: Any, *args: Any) -> None:
        with _pools_locked():
            pool_call = _pool_calls.pop(self.future, None)
            if pool_call is not None:
                pool_call.begin()
        try:
            original(self, *args)
        finally:
            # By now every waiting thread and callback knows the result.
            if pool_call is not None:
                with _pools_locked():
                    pool_call.end()

    return run


# --- event loops of bystanders ----------------------------------------------------------------------------------

_loops: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
"""Future of `run_coroutine_threadsafe` → the loop that was to run the coroutine."""


def _run_coroutine_threadsafe(original: Callable[..., Any]) -> Callable[..., Any]:
    def run_coroutine_threadsafe(coro: Any, loop: Any) -> Any:
        future = original(coro, loop)
        _loops[future] = loop
        return future

    return run_coroutine_threadsafe


def _result(original: Callable[..., Any]) -> Callable[..., Any]:
    """Make a `result` whose timeout is real if a loop that lives in real time is to give the result."""

    def result(self: Any, timeout: float | None = None) -> Any:
        member = CLOCKWORK.me()
        if member is None or timeout is None or self.done():
            return original(self, timeout)
        loop = _loops.get(self)
        if loop is None or not loop.is_running() or CLOCKWORK.has_member(getattr(loop, "_thread_id", None)):
            return original(self, timeout)
        with CLOCKWORK.real_time(member, "waited for an event loop that takes no part"):
            return original(self, timeout)

    return result


# --- outside ----------------------------------------------------------------------------------------------------

_children: dict[Any, float] = {}
"""A child process that a participant started → the real time of its start."""


def _execute_child(original: Callable[..., None]) -> Callable[..., Any]:
    def execute_child(self: Any, *args: Any, **kwargs: Any) -> None:
        member, since = CLOCKWORK.me(), REAL.monotonic()
        if member is None:
            original(self, *args, **kwargs)
            return
        with CLOCKWORK.real_time(member, "started a process"):  # the process may have ended meanwhile
            original(self, *args, **kwargs)
        _children[self] = since

    return execute_child


def _start_process(original: Callable[..., None]) -> Callable[..., Any]:
    def start(self: Any) -> None:
        original(self)
        if CLOCKWORK.me() is not None:
            _children[self] = REAL.monotonic()

    return start


def _since_when_children_live() -> float | None:
    if not _children:
        return None
    for child in list(_children):
        if not _lives(child):
            _children.pop(child, None)
    return min(_children.values(), default=None)


def _lives(child: Any) -> bool:
    if getattr(child, "returncode", None) is not None:
        return False
    pid = child.pid if hasattr(child, "returncode") else getattr(getattr(child, "_popen", None), "pid", None)
    if pid is None:
        return False
    if sys.platform == "win32" or not hasattr(os, "waitid"):
        return getattr(child, "_popen", child).poll() is None
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    except OSError:
        return False


CLOCKWORK.children = _since_when_children_live


def _in_real_time(
    what: str, *, meanwhile: Literal["count", "jump", "stand"] = "count"
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            member = CLOCKWORK.me()
            if member is None:
                return original(*args, **kwargs)
            with CLOCKWORK.real_time(member, what, meanwhile=meanwhile):
                return original(*args, **kwargs)

        return call

    return make


def _select(original: Callable[..., Any]) -> Callable[..., Any]:
    def select(*args: Any) -> Any:
        member = CLOCKWORK.me()
        if member is None:
            return original(*args)
        if len(args) > 3 and args[3] == 0:
            if not _has_wires(args[0]):
                CLOCKWORK.wait_for_nothing(member)
            return original(*args)
        with CLOCKWORK.real_time(member, "waited for a file or socket"):
            return original(*args)

    return select


def _has_wires(files: Any) -> bool:
    return type(files) is list and any(type(each) in WIRES for each in files)


def _in_child() -> None:
    _children.clear()
    CLOCKWORK.forget_others()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=CLOCKWORK.stand_aside, after_in_parent=CLOCKWORK.come_back, after_in_child=_in_child)
