"""Parts of a fake that a test holds, in this process or served: its clock, its readings, its snapshots."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self, Unpack, cast

from fake_bluejay.core.clock import datetime_at, microseconds
from fake_bluejay.core.readings import Readings
from fake_bluejay.core.suggest import unknown
from fake_bluejay.core.timers import Timer
from fake_bluejay.core.world import World
from fake_bluejay.facade.time_options import threads_of
from fake_bluejay.intercept.clockwork import CLOCKWORK

if TYPE_CHECKING:
    from fake_bluejay.core.readings import ReadingChoices
    from fake_bluejay.facade.protocols import Bluejay


class Snapshot:
    """A world at a moment. As a context manager it restores that moment at its end."""

    def __init__(self, fake: Bluejay, data: dict[str, Any], receivers: Mapping[str, Any] | None = None) -> None:
        self._fake = fake
        self.data = data
        self.receivers = receivers or {}
        """The receivers in this process of the world's webhooks."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._fake.restore(self)


def data_of(snapshot: Snapshot) -> dict[str, Any]:
    """Return the dump in a snapshot.

    Raises:
        ValueError: The argument is not a snapshot.
    """
    if not isinstance(snapshot, Snapshot):
        raise ValueError(
            f"a snapshot is needed, as snapshot() gives it (a dump: FakeBluejay.load()), not {snapshot!r:.80}"
        )
    return snapshot.data


class FakeClock:
    """The fake's time. It stands still until it is advanced, unless the fake was started with `clock="real"`."""

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def now(self) -> datetime:
        """The current moment, aware, in UTC."""
        CLOCKWORK.notice()
        return datetime_at(self._world.now())

    def advance(self, seconds: float | timedelta) -> None:
        """Move forward, and fire the timers that are due on the way, each at its own moment.

        On an event loop this blocks, as any function does, so that async receivers of webhooks run when the test awaits
        next. `await asyncio.sleep(seconds)` lets them run at their own moment.

        Raises:
            ValueError: `seconds` is negative.
        """
        self._world.advance(seconds)

    def advance_to(self, moment: datetime) -> None:
        """Move forward to an aware datetime.

        Raises:
            ValueError: The moment is past.
        """
        self._world.advance_to(moment)

    def run_until(self, predicate: Callable[[], object], limit: float | timedelta = 3600) -> None:
        """Move forward until the predicate holds, from one due timer to the next.

        Raises:
            TimeoutError: It does not hold within `limit` seconds of the fake's time.
            ValueError: The limit is negative, or the predicate is not a function.
        """
        if not callable(predicate):
            raise ValueError(f"run_until takes a function, e.g. `lambda: result.status == …`, not {predicate!r}")
        if microseconds(limit) < 0:
            raise ValueError(f"a limit of {limit} seconds: time only moves forward")
        world = self._world
        deadline = world.now() + microseconds(limit)
        while not predicate():  # without the world's lock: the predicate may ask a server, whose thread needs it
            now, due = world.now(), world.next_due()
            stop = deadline if due is None else min(due, deadline)
            # As a length: a clock that follows real time may be past that moment by now.
            world.advance(timedelta(microseconds=max(0, stop - now)))
            if stop != due and not predicate():
                raise TimeoutError(
                    f"the condition did not hold within {limit} s of the fake's clock:"
                    f" it is {datetime_at(deadline)}, and {len(world.pending())} timers are pending"
                )

    def take_part(self, *threads: threading.Thread | str) -> None:
        """Let threads that were started before the fake take part in virtual time.

        Args:
            threads: Threads that run, or their names, in which `*` stands for anything.

        Raises:
            ValueError: One is neither a running thread nor the name of one.
        """
        for thread in threads_of(threads):
            if CLOCKWORK.is_on:
                CLOCKWORK.take_part(thread)

    def real(self) -> AbstractContextManager[None]:
        """Let waits in the code under test take real time within the `with`; the clock follows."""
        return CLOCKWORK.real()

    @property
    def next_due(self) -> datetime | None:
        """The moment of the next timer; None if none is pending."""
        due = self._world.next_due()
        return None if due is None else datetime_at(due)

    @property
    def pending(self) -> list[Timer]:
        """The pending timers, in the order they will fire."""
        return self._world.pending()

    def __repr__(self) -> str:
        return f"<FakeClock {self.now.isoformat()}, {len(self.pending)} timers pending>"


class FakeReadings:
    """The fake's readings: its choices for the questions that the documentation leaves open."""

    def __init__(self, world: World) -> None:
        self._world = world

    def set(self, **choices: Unpack[ReadingChoices]) -> None:
        """Choose readings from now on: `set(success="always")`.

        Raises:
            ValueError: A reading or a choice is unknown; the message lists the known ones.
        """
        self._world.choose(**cast(dict[str, str], choices))

    def __setattr__(self, name: str, value: object) -> None:
        if name != "_world":
            raise AttributeError(f"a reading is chosen by readings.set({name}={value!r})")
        super().__setattr__(name, value)

    def __getattr__(self, name: str) -> str:
        if name not in Readings.__dataclass_fields__:
            raise AttributeError(unknown("reading", name, Readings.__dataclass_fields__))
        return cast(str, getattr(self._world.readings, name))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._world.readings.as_dict().items())

    def __repr__(self) -> str:
        return repr(self._world.readings)
