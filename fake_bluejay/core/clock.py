"""Time as a value. Instants are integer microseconds since 1970-01-01 UTC, so sums of them are exact."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Protocol

from fake_bluejay.core.numbers import is_number

_ZERO = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

EPOCH = (datetime(2026, 1, 1, tzinfo=UTC) - _ZERO) // _MICROSECOND
"""The start of a manual clock, unless another is given: fixed, so that runs are reproducible to the byte."""

_BEGINNING = (datetime(1, 1, 1, tzinfo=UTC) - _ZERO) // _MICROSECOND

END = (datetime(9999, 1, 1, tzinfo=UTC) - _ZERO) // _MICROSECOND
"""The latest instant of any clock, early enough for timers after it to have a date."""

if TYPE_CHECKING:
    Moment = datetime
    Day = date
else:
    # freezegun replaces `datetime` by a class of its own in every module that has it, and Pydantic makes no schema
    # of that class. It does not replace an alias.
    Moment = Annotated[next(each for each in datetime.__mro__ if each.__module__ == "datetime"), "a moment"]
    Day = Annotated[next(each for each in date.__mro__ if each.__module__ == "datetime"), "a day"]
"""A datetime and a date, in the models."""

MOST_SPEED = 1_000_000
"""The largest number of virtual seconds that may pass in a real one."""


def microseconds(seconds: float | timedelta) -> int:
    """Return a length of time in whole microseconds, rounded to the nearest: `0.1` is exactly 100,000.

    Raises:
        ValueError: It is not a finite number.
    """
    if isinstance(seconds, timedelta):
        return seconds // _MICROSECOND
    if not is_number(seconds):
        raise ValueError(f"a number of seconds or a timedelta is needed, not {seconds!r}")
    try:
        return round(seconds * 1_000_000)
    except (OverflowError, ValueError):
        raise ValueError(f"a finite number of seconds is needed, not {seconds!r}") from None


def delay(name: str, seconds: float) -> int:
    """Return a length of time that is not negative in microseconds, as `microseconds` does; `name` is for messages."""
    try:
        length = microseconds(seconds)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    if length < 0:
        raise ValueError(f"{name} must not be negative: {seconds!r}")
    return length


def datetime_at(instant: int) -> datetime:
    """Return an instant as an aware datetime in UTC."""
    return _ZERO + timedelta(microseconds=instant)


def iso(instant: int) -> str:
    """Return an instant as ISO 8601 text in UTC, to the microsecond."""
    return datetime_at(instant).isoformat(timespec="microseconds").replace("+00:00", "Z")


def instant_of(moment: datetime) -> int:
    """Return a datetime as an instant.

    Raises:
        ValueError: The value is not a datetime, or has no time zone.
    """
    if not isinstance(moment, datetime):
        raise ValueError(f"an aware datetime is needed, e.g. datetime(…, tzinfo=UTC), not {moment!r}")
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone: give an aware datetime, e.g. datetime(…, tzinfo=UTC)")
    return (moment - _ZERO) // _MICROSECOND


def check_start(instant: int) -> int:
    """Return an instant if a clock may begin there.

    Raises:
        ValueError: No date exists for it, or time would soon run out of dates.
    """
    if not _BEGINNING <= instant <= END:
        raise ValueError("a clock begins somewhere in the years 1 to 9998, in UTC")
    return instant


class Clock(Protocol):
    """The source of a world's time. Only a world advances its clock, so that due timers fire."""

    def now(self) -> int:
        """Return the current instant, in microseconds."""
        ...

    def advance(self, length: int) -> None:
        """Move forward by `length` microseconds."""
        ...


class ManualClock:
    """A clock that stands still until it is advanced: the default in a test."""

    def __init__(self, start: int | None = None) -> None:
        self._now = EPOCH if start is None else check_start(start)

    def now(self) -> int:
        """Return the current instant, in microseconds."""
        return self._now

    def advance(self, length: int) -> None:
        """Move forward by `length` microseconds."""
        self._now += length


class ScaledClock:
    """A clock that follows real time: the default of a server. At speed 10 it is ten times as fast, at 0 it pauses."""

    def __init__(self, speed: float = 1.0, start: int | None = None) -> None:
        self._check(speed)
        self._speed, self._start = speed, start
        # Held here, because a test may have replaced time.monotonic_ns by then.
        self._real = time.monotonic_ns
        self._from = time.time_ns() // 1000 if start is None else check_start(start)
        self._since = self._real()

    def __copy__(self) -> ScaledClock:
        """Return a clock that begins as this one began: at its start, or at the present moment."""
        return ScaledClock(self._speed, self._start)

    def now(self) -> int:
        """Return the current instant, in microseconds."""
        now = self._from + int((self._real() - self._since) * self._speed) // 1000
        return now if now < END else END

    def advance(self, length: int) -> None:
        """Move forward by `length` microseconds at once, on top of the real time that passes."""
        self._from += length

    @property
    def speed(self) -> float:
        """Virtual seconds a real second; settable, and time goes on from where it is."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self._check(speed)
        self._from, self._since, self._speed = self.now(), self._real(), speed

    @staticmethod
    def _check(speed: float) -> None:
        if not 0 <= speed <= MOST_SPEED:
            raise ValueError(f"a clock's speed is a number from 0 to {MOST_SPEED:,}, not {speed!r}")
