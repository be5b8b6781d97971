"""Whatever goes through what a world holds has its lock, or a copy: a server's thread may add something meanwhile."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from fake_bluejay import FakeBluejay


class Lock:
    """A lock that says whether this thread has it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._owners: list[int] = []

    def __enter__(self) -> None:
        self._lock.acquire()
        self._owners.append(threading.get_ident())

    def __exit__(self, *exception: object) -> None:
        self._owners.pop()
        self._lock.release()

    @property
    def is_mine(self) -> bool:
        return self._owners[-1:] == [threading.get_ident()]


def guarded(kind: type, lock: Lock) -> Any:
    """A dict or a list of which whoever iterates needs the lock."""

    class Guarded(kind):  # type: ignore[misc]
        def __iter__(self) -> Iterator[Any]:
            assert lock.is_mine, f"a {kind.__name__} of the world is iterated without its lock"
            return super().__iter__()

    if kind is dict:
        for name in ("values", "items", "keys"):

            def view(self: Any, name: str = name) -> Any:
                assert lock.is_mine, f"a {kind.__name__} of the world is iterated without its lock"
                return getattr(dict, name)(self)

            setattr(Guarded, name, view)
    return Guarded


VIEWS: dict[str, Callable[[FakeBluejay], object]] = {
    "test_results": lambda fake: fake.test_results,
    "test_results of a run": lambda fake: fake.runs[0].test_results,
    "tally": lambda fake: fake.runs[0].tally,
    "runs": lambda fake: fake.runs,
    "control_objects": lambda fake: fake.control_objects,
    "pending": lambda fake: fake.clock.pending,
    "next_due": lambda fake: fake.clock.next_due,
    "deliveries": lambda fake: fake.webhooks.deliveries,
    "report": lambda fake: fake.report(),
    "dump": lambda fake: fake.dump(),
    "repr": repr,
    **{
        path: lambda fake, path=path: httpx.get(f"{fake.url}/_fake/{path}").raise_for_status()  # type: ignore[misc]
        for path in ("overview", "state", "test-results", "test-results?q=1", "test-results/1", "clock", "deliveries")
    },
    "end-conversations": lambda fake: httpx.post(
        f"{fake.url}/_fake/end-conversations", json={"test_result_ids": [1]}
    ).raise_for_status(),
}


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_has_the_lock_while_it_goes_through_the_world(name: str) -> None:
    with FakeBluejay() as fake:
        fake.queue_run()
        fake.add_test_results(3)
        world, lock = fake.world, Lock()
        world.lock = lock  # type: ignore[assignment]
        for what in ("results", "runs"):
            setattr(world, what, guarded(dict, lock)(getattr(world, what)))
        world.control_objects = guarded(list, lock)(world.control_objects)
        world.outbox.deliveries = guarded(dict, lock)(world.outbox.deliveries)
        VIEWS[name](fake)


def test_a_fault_that_is_armed_once_is_met_once_by_many_threads() -> None:
    fake = FakeBluejay()
    for _ in range(200):
        fake.faults.respond(503)
    met: list[object] = []

    def meet() -> None:
        for _ in range(100):
            met.append(fake.service.armed.take("/", breakable=True))

    threads = [threading.Thread(target=meet) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([one for one in met if one is not None]) == 200
    assert not fake.faults
