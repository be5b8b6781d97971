"""The error of a call to Bluejay that no fake may take, and its message."""

from __future__ import annotations

import functools
import os
import sys
import sysconfig
import threading
from types import FrameType

from fake_bluejay.bluejay.published import HOST, OTLP_HOST
from fake_bluejay.intercept.hosts import is_bluejay, text_of

_OURS = os.path.dirname(os.path.dirname(__file__))


class GuardError(RuntimeError):
    """A client library was about to connect to Bluejay.

    It is no `OSError`: libraries take those for an outage, and try again for seconds or go on without.
    """


def refusal(host: object, *, is_forked: bool, is_on: bool) -> str:
    """Return the message of an error about a call to this host: the reason, the remedy, and the place of the call.

    Args:
        host: The host that was about to be called.
        is_forked: True if the fake that would take the call is on in the process that this one was forked from.
        is_on: True if a fake is on.
    """
    name = text_of(host).lower().partition(":")[0].removesuffix(".")
    if is_forked:
        return _refusal_after_fork(
            f"{name} was about to be called by a process that was forked while a fake Bluejay was on"
        )
    said = f"{name} was about to be called for real, "
    if not is_bluejay(host):
        said += (
            f"and the fake Bluejay answers {HOST} and {OTLP_HOST} alone: give the code under test another address, or "
            f"keep it from calling this one"
        )
    elif is_on:
        said += "by a client that the fake Bluejay does not intercept: point it at bluejay.url"
    else:
        said += "while no fake Bluejay is on: the test needs the `bluejay` fixture (bluejay_guard is on)"
    return f"{said}. The call is at {_caller()}."


def refusal_of_copy() -> str:
    """Return the message of an error about a call to a fake, by its own client or application, in a forked process."""
    return _refusal_after_fork("A fake Bluejay was about to be called by a process that was forked from its own")


def _refusal_after_fork(event: str) -> str:
    return (
        f"{event} (as by os.fork, multiprocessing or ProcessPoolExecutor): the test would not see what it does there. "
        "Use the `bluejay_server` fixture, whose BLUEJAY_API_URL leads to the test's fake from any process. "
        f"The call is at {_caller()}."
    )


def _caller() -> str:
    """Return the innermost line that is neither ours nor in an installed library; failing that, not ours."""
    fallback = None
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith((f"{_OURS}{os.sep}", "<frozen ")):
            place = f"{file}:{frame.f_lineno}"
            if not file.startswith(_libraries()):
                return place
            fallback = fallback or place
        frame = frame.f_back
    return f"{fallback} in thread {threading.current_thread().name}"


@functools.cache
def _libraries() -> tuple[str, ...]:
    """Return the folders of installed libraries and of Python's own, each with a separator behind it."""
    paths = sysconfig.get_paths()
    return tuple({paths[name] + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib")})
