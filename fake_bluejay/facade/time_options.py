"""Options for the way in which the code under test shares the fake's time: `longest` and `participants`."""

from __future__ import annotations

import fnmatch
import threading
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from fake_bluejay.core.clock import microseconds
from fake_bluejay.core.suggest import instead_of, unknown

_LONGEST = timedelta(days=3)
"""The default for the longest time by which waits may move a fake's clock. The choice is this project's."""


def longest_of(options: Mapping[str, Any]) -> int:
    """Return the most microseconds by which waits may move the clock.

    Raises:
        ValueError: `longest` is not a positive number of seconds, or a positive timedelta.
    """
    longest = options.get("longest", _LONGEST)
    try:
        length = microseconds(longest)
    except ValueError:
        length = 0
    if length <= 0:
        raise ValueError(
            f"longest is a positive number of seconds of the fake's time, or a timedelta, {instead_of('', longest)}"
        )
    return length


def threads_of(participants: Any) -> list[threading.Thread]:
    """Return the threads that `participants` names.

    Raises:
        ValueError: One is neither a running thread nor the name of one.
    """
    if isinstance(participants, (str, threading.Thread)) or not isinstance(participants, Iterable):
        participants = (participants,)
    threads: list[threading.Thread] = []
    for each in participants:
        running = threading.enumerate()
        if isinstance(each, threading.Thread):
            found = [each] if each in running else []
        else:
            found = [one for one in running if isinstance(each, str) and fnmatch.fnmatchcase(one.name, each)]
        if not found:
            names = [one.name for one in running]
            raise ValueError(
                "participants are threads that run, or their names, in which * stands for anything:"
                f" {unknown('participant', getattr(each, 'name', each), names)}"
            )
        threads += found
    return threads
