"""Cron expressions of five fields: minute, hour, day of the month, month, day of the week; in UTC.

A field is `*`, or a list of numbers, names (of months and days of the week) and ranges, each with a step if need be.
Sunday is 0 or 7. As cron has it, a day suits if either its date or its day of the week does, where both are restricted,
that is, where neither begins with `*`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, NamedTuple

_MONTHS: Final = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS: Final = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_FIELDS: Final[tuple[tuple[str, int, int, list[str]], ...]] = (
    ("minute", 0, 59, []),
    ("hour", 0, 23, []),
    ("day of the month", 1, 31, []),
    ("month", 1, 12, ["", *_MONTHS]),
    ("day of the week", 0, 7, _DAYS),
)
"""The fields: name, lowest and highest number, and the names of the numbers from 0 on."""

_LONGEST: Final = 8 * 366
"""The largest number of days from one 29 February to the next: a schedule that fits none of them never fits."""


class Cron(NamedTuple):
    """A cron expression that was read."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool
    """True if a day fits that matches only the date or only the day of the week."""

    @classmethod
    def read(cls, expression: str) -> Cron:
        """Return an expression that was read.

        Raises:
            ValueError: The expression is not valid, or matches no day; the message says why.
        """
        fields = expression.lower().split()
        if len(fields) != len(_FIELDS):
            raise ValueError(f"a cron expression has five fields, not {len(fields)}")
        minutes, hours, days, months, weekdays = map(_read, fields, range(len(_FIELDS)))
        either = not (fields[2].startswith("*") or fields[4].startswith("*"))
        cron = cls(minutes, hours, days, months, frozenset(day % 7 for day in weekdays), either)
        if cron.after(datetime(2026, 1, 1)) is None:
            raise ValueError(f"no month has a day for {fields[2]!r} {fields[3]!r}")
        return cron

    def after(self, moment: datetime) -> datetime | None:
        """Return the first moment after one, at which the expression is due; None if there is none."""
        start = moment.replace(second=0, microsecond=0)
        for offset in range(_LONGEST):
            try:
                day = start + timedelta(days=offset)
            except OverflowError:
                return None
            if self._suits(day):
                first = 0 if offset else moment.hour
                times = (day.replace(hour=hour, minute=minute) for hour, minute in self._times(first))
                if (found := next((time for time in times if time > moment), None)) is not None:
                    return found
        return None

    def _suits(self, day: datetime) -> bool:
        date, weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return day.month in self.months and (date or weekday if self.either else date and weekday)

    def _times(self, first: int) -> Iterator[tuple[int, int]]:
        for hour in sorted(hour for hour in self.hours if hour >= first):
            for minute in sorted(self.minutes):
                yield hour, minute


def _read(text: str, position: int) -> frozenset[int]:
    """Return the numbers that a field stands for."""
    name, low, high, names = _FIELDS[position]

    def number(part: str) -> int:
        if part and part in names:
            return names.index(part)
        if not (part.isascii() and part.isdigit() and len(part) <= 2 and low <= int(part) <= high):
            raise ValueError(f"{name}: a number from {low} to {high} is needed, not {part[:20]!r}")
        return int(part)

    numbers: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        every = int(step) if step.isascii() and step.isdigit() and len(step) <= 2 else 0
        if slash and not every:
            raise ValueError(f"{name}: a step above 0 is needed, not {step[:20]!r}")
        first, dash, last = span.partition("-")
        begin, end = (low, high) if span == "*" else (number(first), number(last) if dash else number(first))
        if slash and not dash:
            end = high
        if begin > end:
            raise ValueError(f"{name}: {span[:20]} goes backwards")
        numbers.update(range(begin, end + 1, every or 1))
    return frozenset(numbers)
