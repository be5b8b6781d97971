"""Handlers of signals, which run in the middle of a wait: they may wait themselves, and they may raise."""

import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from fake_bluejay import FakeBluejay
from fake_bluejay.core.events import Subscription
from fake_bluejay.http.faults import ArmedFaults
from fake_bluejay.http.journal import _HeadersSeen
from fake_bluejay.intercept import clockwork
from fake_bluejay.intercept.true_time import REAL

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGALRM")


class Interrupted(BaseException):
    """What a handler raises, as that of Ctrl-C and pytest-timeout do."""


@pytest.fixture
def alarm() -> Iterator[Callable[[Callable[[], None]], None]]:
    """Set a handler off in a moment of real time."""
    before = signal.getsignal(signal.SIGALRM)

    def set_off(handler: Callable[[], None]) -> None:
        signal.signal(signal.SIGALRM, lambda number, frame: handler())
        signal.setitimer(signal.ITIMER_REAL, 0.05)

    yield set_off
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def seconds(bluejay: FakeBluejay, wait: Callable[[], object]) -> float:
    """Return the fake's seconds that a wait takes; it takes hardly any real time."""
    start, began = bluejay.clock.now, REAL.monotonic()
    wait()
    assert REAL.monotonic() - began < 3
    return (bluejay.clock.now - start).total_seconds()


@posix
def test_a_handler_may_wait_while_its_thread_waits(
    bluejay: FakeBluejay, alarm: Callable[[Callable[[], None]], None]
) -> None:
    over = threading.Event()

    def shut_down() -> None:
        time.sleep(3)
        over.set()

    alarm(shut_down)
    assert seconds(bluejay, over.wait) == 3
    assert seconds(bluejay, lambda: time.sleep(30)) == 30


@posix
def test_a_wait_goes_on_after_a_handler_that_waited(
    bluejay: FakeBluejay, alarm: Callable[[Callable[[], None]], None]
) -> None:
    def work() -> None:
        REAL.sleep(0.2)
        time.sleep(60)

    worker = threading.Thread(target=work)
    worker.start()
    alarm(lambda: time.sleep(3))
    assert seconds(bluejay, worker.join) == pytest.approx(60, abs=0.9)


def sleep() -> None:
    time.sleep(30)


def wait_for_an_event() -> None:
    threading.Event().wait(30)


def wait_for_a_socket() -> None:
    one, other = socket.socketpair()
    with one, other:
        select.select([one], [], [], 0.001)


@pytest.mark.parametrize("wait", [sleep, wait_for_an_event, wait_for_a_socket])
def test_time_goes_on_after_a_handler_that_raises_anywhere_in_a_wait(
    bluejay: FakeBluejay, wait: Callable[[], object]
) -> None:
    """Python runs handlers as it enters a function, and after a call of one in C: so does a profiler.

    From Python 3.14 on, a profiler is also called between the moment that `with` has taken a lock and that from which
    it would give it back, and the lock stays taken. No handler runs there but in 3.14 itself, where this befalls any
    lock of any program.
    """
    unsafe = ("__enter__",) if sys.version_info >= (3, 14) else ()

    def raise_at(place: int) -> Callable[..., None]:
        places = iter(range(place + 1))

        def profile(frame: Any, event: str, argument: object) -> None:
            ours = event in ("call", "c_return") and frame.f_code.co_filename == clockwork.__file__
            if ours and getattr(argument, "__name__", "") not in unsafe and next(places) == place:
                raise Interrupted

        return profile

    for place in range(1000):
        sys.setprofile(raise_at(place))
        try:
            wait()
        except Interrupted:
            sys.setprofile(None)
            assert seconds(bluejay, lambda: time.sleep(60)) == pytest.approx(60, abs=0.5), place
        else:
            break
        finally:
            sys.setprofile(None)
    assert 20 < place < 999, place


@posix
@pytest.mark.parametrize(("owner", "name"), [(_HeadersSeen, "share"), (ArmedFaults, "_next"), (Subscription, "_wake")])
def test_a_handler_may_call_bluejay_in_the_middle_of_a_call(
    bluejay: FakeBluejay, monkeypatch: pytest.MonkeyPatch, owner: type, name: str
) -> None:
    """As one that ends its conversations at a SIGTERM does, whatever lock its thread has at that moment."""
    bluejay.faults.respond(503, path="/v1/all-agents")
    bluejay.service.events.subscribe(lambda: None)
    original = getattr(owner, name)
    before = signal.signal(signal.SIGUSR1, lambda number, frame: answered.append(call()))
    answered: list[int] = []

    def call() -> int:
        return requests.get(
            "https://api.getbluejay.ai/v1/all-agents", headers={"X-API-Key": "key"}, timeout=5
        ).status_code

    def interrupted(*arguments: Any) -> Any:
        if not answered:
            answered.append(0)
            signal.raise_signal(signal.SIGUSR1)
        return original(*arguments)

    monkeypatch.setattr(owner, name, interrupted)
    try:
        answered.append(call())
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert sorted(answered) == [0, 200, 503]
    assert [exchange.number for exchange in bluejay.requests] == [1, 2]
