"""Assertions on the requests that arrived: shared by a fake in this process and one that is connected to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal, Protocol, Self

from fake_bluejay.bluejay.published import OPENAPI_PATH
from fake_bluejay.core.clock import datetime_at
from fake_bluejay.core.numbers import is_integer
from fake_bluejay.core.suggest import check_known
from fake_bluejay.core.world import World
from fake_bluejay.facade.wanted import Wanted
from fake_bluejay.http.faults import Faults, requested_ids
from fake_bluejay.http.journal import Exchange, Requests

_SECTION = "--- bluejay ---"
"""The beginning of the note on an assertion that failed while a fake was on."""


class Assertions(Protocol):
    """The assertions of a fake, over its world and its journal; on failure they show the requests that arrived.

    A subclass is a context manager, sync and async, that calls `start` and `stop`.
    """

    faults: Faults
    """The faults that requests meet."""

    _is_shown: bool = False
    """True if pytest shows the report if the test fails."""
    _refused: Iterable[str] = ()
    """The guard's messages of the calls that it has refused since the fake was last switched on."""
    _inner: int = 0
    """The number of `with` blocks that found the fake on, and will leave it on."""

    @property
    def world(self) -> World:
        """The model behind the fake, for the doors; a test uses the other members."""

    @property
    def requests(self) -> Requests:
        """The requests that arrived, with their answers, the newest last."""

    def assert_ended(self, *ids: int, by: Literal["agent", "watchdog"] | None = None) -> None:
        """Assert that an end-conversations call marked each of these test results.

        Args:
            ids: The ids.
            by: `"agent"` or `"watchdog"`: and that this has since ended the conversation.

        Raises:
            AssertionError: One was not marked, or not ended so.
            ValueError: There are no ids, or one is not an integer.
        """
        __tracebackhide__ = True
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
        """Assert that an end-conversations call refused each of these ids.

        At least the latest 100,000 refused ids are remembered.
        """
        __tracebackhide__ = True
        _check_ids(ids)
        world = self.world
        for id in ids:
            if id not in world.refused:
                self._fail(f"no call was refused for {id}", world, id)

    def _fail(self, what: str, world: World, id: int) -> None:
        __tracebackhide__ = True
        journal = self.requests
        raise AssertionError(f"{what}: {_instead(world, journal, id)}{_arrived(journal)}")

    @property
    def unmodelled(self) -> list[str]:
        """The calls that got a 501, because their endpoint is neither modelled nor stubbed: `"GET /v1/…"`."""
        return list(dict.fromkeys(f"{one.method} {one.path}" for one in self.requests if not one.modelled))

    def assert_no_requests(self) -> None:
        """Check that no request arrived; those of the console and the API page do not count."""
        __tracebackhide__ = True
        came = [one for one in self.requests if not _is_of_a_page(one)]
        if came:
            raise AssertionError(f"{len(came)} requests arrived{_arrived(came)}")

    def assert_requested(
        self,
        method: str,
        path: str,
        times: int | None = None,
        *,
        json: Any = None,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Check that a request arrived that has the given parts, and perhaps others.

        Args:
            method: In any case.
            path: Without the query.
            times: The number of such requests; None: at least one.
            json: The fields that the body must contain, also in the objects within it. Lists must have the same length,
                and anything else must be equal. None: any body.
            query: Parameters that it must have, each with this value, or with each value of a list.
            headers: Headers that it must have, by their names in any case.

        Raises:
            AssertionError: None arrived, or not so many. The message shows the nearest, field by field.
        """
        __tracebackhide__ = True
        wanted = Wanted(method, path, json, query, headers)
        journal = list(self.requests)
        differences = [wanted.differences(one) for one in journal]
        count = sum(not each for each in differences)
        if (count == 0) if times is None else (count != times):
            often = "at least once" if times is None else f"{times} times"
            nearest = wanted.nearest(journal, differences) if not count else ""
            raise AssertionError(f"{wanted} was expected {often}, and came {count} times{nearest}{_arrived(journal)}")

    def report(self) -> str:
        """Return requests, answers, faults and histories as text, in time order. Keys are masked."""
        from fake_bluejay.facade.report import report

        return report(self)

    # --- as a context manager -----------------------------------------------------------------------------------

    @property
    def is_on(self) -> bool:
        """True if the fake is between `start` and `stop`."""

    def start(self) -> Self:
        """Switch the fake on for the code under test, and return it."""

    def stop(self) -> None:
        """Switch the fake off."""

    def __enter__(self) -> Self:
        self._inner += self.is_on
        return self.start()

    def __exit__(self, type_: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        """Stop, unless the fake was on before; add the report to an assertion that failed, unless pytest shows it."""
        noted = self._is_shown or _SECTION in "".join(getattr(error, "__notes__", ()))
        try:
            if isinstance(error, AssertionError) and not noted:
                with suppress(ConnectionError):  # the server of a fake that is connected to has gone
                    error.add_note(f"{_SECTION}\n{self.report()}")
        finally:
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
    """Check that there are ids, and that each is an integer.

    An id of another type never arrives in a request, so the assertion would report a missing call. Without ids, every
    assertion would hold.

    Raises:
        ValueError: There are none, or one is no integer.
    """
    __tracebackhide__ = True
    if not ids:
        raise ValueError("nothing is asserted: the ids of test results are needed, e.g. assert_ended(result.id)")
    for id in ids:
        if not is_integer(id):
            raise ValueError(f"ids of test results are integers, e.g. `result.id` or `int(text)`, not {id!r}")


def _instead(world: World, journal: Requests, id: int) -> str:
    """Return the history of a test result, for the message of an assertion that fails."""
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


def _is_of_a_page(exchange: Exchange) -> bool:
    """Return whether the console or the API page has sent a request; a browser marks requests to a page's server."""
    return exchange.path == OPENAPI_PATH or exchange.headers.get("sec-fetch-site") == "same-origin"


def _arrived(journal: Iterable[Exchange], most: int = 10) -> str:
    """Return the requests that arrived, a line each; of many, the last ones."""
    lines = [f"  {exchange!r}" for exchange in journal]
    before = [f"  … {len(lines) - most} more before"] if len(lines) > most else []
    return "\n".join(["", "what arrived:", *before, *(lines[-most:] or ["  nothing"])])
