"""Several threads use one world at once: only one at a time looks at its timers or adds to its time."""

import asyncio
import threading
from typing import Any

import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.server.timekeeper import Timekeeper


class Watched:
    """Notes of each call of a method whether this thread had the world's lock."""

    def __init__(self, fake: FakeBluejay, monkeypatch: pytest.MonkeyPatch, owner: Any, *names: str) -> None:
        self.locked: list[bool] = []
        for name in names:
            monkeypatch.setattr(owner, name, self._noting(fake.world.lock, getattr(owner, name)))

    def _noting(self, lock: Any, method: Any) -> Any:
        def noting(*arguments: Any) -> Any:
            self.locked.append(lock._is_owned())
            return method(*arguments)

        return noting


def test_whoever_looks_at_the_timers_has_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """To look forgets what was cancelled, so another thread that fires timers would find less than there is."""
    fake = FakeBluejay()
    result = fake.add_test_result(status="CONVERSATION_ENDED")
    timekeeper = Timekeeper(fake.world)
    watched = Watched(fake, monkeypatch, fake.world.timers, "next_due")
    assert fake.clock.next_due is not None
    fake.clock.run_until(lambda: result.status == "COMPLETED")
    fake.add_test_result(status="EVALUATING")

    async def look() -> None:
        timekeeper.look()
        timekeeper.stop()

    asyncio.run(look())
    assert len(watched.locked) >= 5
    assert all(watched.locked)


def test_of_two_threads_that_advance_at_once_each_adds_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeBluejay()
    watched = Watched(fake, monkeypatch, fake.world, "_step_to")
    fake.clock.advance(1)
    assert watched.locked == [True]


def test_a_receiver_is_called_without_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or whoever it waits for, on another thread, could not do anything."""
    fake = FakeBluejay()
    locked: list[bool] = []
    fake.webhooks.add(lambda request: locked.append(fake.world.lock._is_owned()))  # type: ignore[attr-defined]
    fake.queue_run()
    fake.clock.advance(60)
    assert locked == [False, False]


def test_a_receiver_that_is_added_while_a_thread_is_about_to_advance_is_called_without_the_lock() -> None:
    fake = FakeBluejay()
    locked: list[bool] = []
    advancing = threading.Thread(target=lambda: fake.clock.advance(60))
    with fake.world.lock:
        advancing.start()
        advancing.join(0.05)  # it waits for the lock by now
        fake.webhooks.add(lambda request: locked.append(fake.world.lock._is_owned()))  # type: ignore[attr-defined]
        fake.queue_run()
    advancing.join()
    assert locked == [False, False]


def answered(fake: FakeBluejay, path: str) -> int:
    headers = [(b"x-api-key", b"key"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": path, "headers": headers}
    return fake.service.app.answer(scope, b'{"test_result_ids": [1]}').status_code


def test_an_end_is_answered_while_a_rate_limit_looks_for_the_organisation_of_an_evaluation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each needs the world's lock and that of the faults; in another order each, they would wait for each other."""
    fake = FakeBluejay()
    fake.add_test_result()
    fake.faults.rate_limit(100)
    organisation_of = fake.world.organisation_of
    statuses: list[int] = []
    ending = threading.Thread(target=lambda: statuses.append(answered(fake, "/v1/end-conversations")))

    def meanwhile(key: str) -> str | None:
        if ending.ident is None:
            ending.start()
            ending.join(5)
            assert not ending.is_alive()
        return organisation_of(key)

    monkeypatch.setattr(fake.world, "organisation_of", meanwhile)
    assert answered(fake, "/v1/evaluate") == 422
    assert statuses == [200]
