"""The options that say how time passes: `clock`, `now`, `speed`, `longest` and `participants`."""

from __future__ import annotations

import copy
import fnmatch
import threading
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, cast

from fake_bluejay.core.clock import (
    MOST_SPEED,
    Clock,
    ManualClock,
    ScaledClock,
    check_start,
    instant_of,
    microseconds,
)
from fake_bluejay.core.suggest import check_known, instead_of, unknown

__all__ = ["LONGEST", "clock_of", "longest_of", "now_of", "threads_of"]

LONGEST = timedelta(days=3)
"""By how much waits may move a fake's clock, unless told otherwise: this project's."""


def clock_of(options: Mapping[str, Any]) -> Clock:
    """Return the clock that `clock`, `now` and `speed` ask for.

    Raises:
        ValueError: One of them cannot be, or they do not fit together.
    """
    clock, now, speed = options.get("clock", "manual"), now_of(options), options.get("speed")
    if hasattr(clock, "now") and hasattr(clock, "advance"):
        if now is not None or speed is not None:
            raise ValueError("`now` and `speed` go with clock='manual' or 'real': a clock of your own knows its own")
        return copy.copy(cast(Clock, clock))  # what is reset, or called again when decorated, begins where it began
    check_known("choice for clock:", clock, ("manual", "real"))
    if speed is not None:
        if isinstance(speed, bool) or not isinstance(speed, (int, float)) or not 0 < speed <= MOST_SPEED:
            raise ValueError(f"speed is a positive number up to {MOST_SPEED:,}, {instead_of('speed', speed)}")
        if clock != "real":
            raise ValueError("speed goes with clock='real': a manual clock stands still until it is moved")
    if clock == "real":
        return ScaledClock(1.0 if speed is None else speed, now)
    return ManualClock() if now is None else ManualClock(now)


def now_of(options: Mapping[str, Any]) -> int | None:
    """Return the instant that `now` names, in microseconds since 1970; None if it is not given.

    Raises:
        ValueError: It is no aware datetime, nor the ISO text of one.
    """
    now = options.get("now")
    if now is None:
        return None
    moment = now
    if isinstance(now, str):
        try:
            moment = datetime.fromisoformat(now)
        except ValueError:
            moment = None
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        lacks = " has no time zone" if isinstance(moment, datetime) else ""
        raise ValueError(
            "now is an aware datetime, or one as ISO text with its offset from UTC, e.g. 2026-03-01T12:00:00Z;"
            f" {now!r:.80}{lacks or ' is neither'}"
        )
    return check_start(instant_of(moment))


def longest_of(options: Mapping[str, Any]) -> int:
    """Return the microseconds by which waits may move the clock.

    Raises:
        ValueError: `longest` is not a positive number of seconds, or a positive timedelta.
    """
    longest = options.get("longest", LONGEST)
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
        ValueError: One is no thread that runs, nor the name of one.
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
