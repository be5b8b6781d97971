"""What a test asserts of what arrived: shared by a fake in this process and one that is connected to."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence
from typing import Self

from fake_bluejay.core.clock import datetime_at
from fake_bluejay.core.integers import is_integer
from fake_bluejay.core.suggest import check_known
from fake_bluejay.core.world import World
from fake_bluejay.http.faults import Faults, requested_ids
from fake_bluejay.http.journal import Journal

__all__ = ["Assertions"]

_SECTION = "--- bluejay ---"
"""What begins the note on an assertion that failed while a fake was on."""


class Assertions:
    """The assertions of a fake, over its world and its journal; on failure they show what did arrive.

    What has them is a context manager, sync and async: it is there from `start` to `stop`.
    """

    faults: Faults

    _is_shown = False
    """Whether pytest shows what happened here if the test fails."""
    _inner = 0
    """How many `with`s are entered that found it on, and leave it on."""

    @property
    def world(self) -> World:
        """The model behind it all, for the doors; a test has better names for what it needs."""
        raise NotImplementedError

    @property
    def requests(self) -> Journal:
        """The journal: the requests that arrived, with their answers, the newest last."""
        raise NotImplementedError

    def assert_ended(self, *ids: int, by: str | None = None) -> None:
        """An end-conversations call marked each of these; by `"agent"` or `"watchdog"`: that has since ended it."""
        if by is not None:
            check_known("cause of an end:", by, ("agent", "watchdog"))
        _check_ids(ids)
        world = self.world
        world.settle()
        for id in ids:
            causes = [control.by for control in world.control_objects if control.test_result_id == id]
            if not causes:
                self._fail(f"no call marked {id} for ending", world, id)
            if by is not None and by not in causes:
                self._fail(f"{id} was marked, but not ended by the {by}", world, id)

    def assert_failed(self, *ids: int) -> None:
        """An end-conversations call refused each of these."""
        _check_ids(ids)
        world = self.world
        for id in ids:
            if id not in world.refused:
                self._fail(f"no call was refused for {id}", world, id)

    def _fail(self, what: str, world: World, id: int) -> None:
        journal = self.requests
        raise AssertionError(f"{what}: {_instead(world, journal, id)}{_arrived(journal)}")

    @property
    def unmodelled(self) -> list[str]:
        """The calls that got a 501, because their endpoint is neither modelled nor stubbed: `"GET /v1/…"`."""
        return list(dict.fromkeys(f"{one.method} {one.path}" for one in self.requests if not one.modelled))

    def assert_no_requests(self) -> None:
        """Nothing arrived."""
        journal = self.requests
        if len(journal):
            raise AssertionError(f"{len(journal)} requests arrived{_arrived(journal)}")

    def assert_requested(self, method: str, path: str, times: int | None = None) -> None:
        """A request of that method and path arrived: at least once, or exactly so many `times`."""
        journal = self.requests
        came = Counter(f"{one.method} {one.path}" for one in journal)
        asked = f"{method.upper()} {path}"
        if (came[asked] == 0) if times is None else (came[asked] != times):
            wanted = "at least once" if times is None else f"{times} times"
            near = difflib.get_close_matches(asked, came, n=1, cutoff=0)
            nearest = f" (the nearest that came: {near[0]}, {came[near[0]]} times)" if near and near[0] != asked else ""
            raise AssertionError(
                f"{asked} was expected {wanted}, and came {came[asked]} times{nearest}{_arrived(journal)}"
            )

    def report(self) -> str:
        """What happened, as text: requests, answers, faults, histories, in time order. Keys are masked."""
        from fake_bluejay.facade.report import report

        return report(self)

    # --- a `with` around what is asserted -----------------------------------------------------------------------

    @property
    def is_on(self) -> bool:
        """Whether it is there for the code under test: from `start` to `stop`."""
        raise NotImplementedError

    def start(self) -> Self:
        """Be there for the code under test."""
        raise NotImplementedError

    def stop(self) -> None:
        """Be there for it no more."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._inner += self.is_on
        return self.start()

    def __exit__(self, type_: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        """An assertion that failed is noted what happened here, unless pytest shows it. What was on before stays on."""
        noted = self._is_shown or _SECTION in "".join(getattr(error, "__notes__", ()))
        if isinstance(error, AssertionError) and not noted:
            error.add_note(f"{_SECTION}\n{self.report()}")
        if self._inner:
            self._inner -= 1
        else:
            self.stop()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, type_: type[BaseException] | None, error: BaseException | None, traceback: object
    ) -> None:
        self.__exit__(type_, error, traceback)


def _check_ids(ids: Sequence[int]) -> None:
    """What is no id was never asked for, so that would look like a call that is missing; and of no ids anything holds.
    Raises `ValueError`.
    """
    if not ids:
        raise ValueError("nothing is asserted: the ids of test results are needed, e.g. assert_ended(result.id)")
    for id in ids:
        if not is_integer(id):
            raise ValueError(f"ids of test results are integers, e.g. `result.id` or `int(text)`, not {id!r}")


def _instead(world: World, journal: Journal, id: int) -> str:
    """What did happen to a test result, for the message of an assertion that does not hold."""
    record = world.results.get(id)
    controls = [control for control in world.control_objects if control.test_result_id == id]
    said = "there is no such test result" if record is None else f"it is {record.status}"
    if controls:
        ended = controls[-1].by
        said += f", and was marked at {datetime_at(controls[-1].written_at).isoformat()}"
        said += f" and ended by the {ended}" if ended else ""
    elif id in world.refused:
        said += ", and a call for it failed"
    asked = any(id in requested_ids(exchange.content) for exchange in journal)
    return said if asked else f"{said}, and no request named it"


def _arrived(journal: Journal, most: int = 10) -> str:
    """What did arrive, a line each; of much, the end."""
    lines = [f"  {exchange!r}" for exchange in journal]
    before = [f"  … {len(lines) - most} more before"] if len(lines) > most else []
    return "\n".join(["", "what arrived:", *before, *(lines[-most:] or ["  nothing"])])
