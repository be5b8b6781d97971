"""The peculiarities of a fake that is served elsewhere: the connection, the environment, organisations, its clock."""

import http.server
import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.calls import no_answer
from fake_bluejay.core.clock import ManualClock
from fake_bluejay.facade.remote import _Control
from fake_bluejay.intercept.true_time import REAL


@pytest.fixture
def served() -> Iterator[FakeBluejay]:
    """A fake whose loopback server is connected to."""
    fake = FakeBluejay()
    yield fake
    fake.stop()


def test_it_names_the_server_in_the_environment_meanwhile(served: FakeBluejay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLUEJAY_API_KEY", "a-real-key")
    monkeypatch.delenv("BLUEJAY_API_URL", raising=False)
    with FakeBluejay.connect(f"{served.url}/") as remote:
        assert (os.environ["BLUEJAY_API_URL"], os.environ["BLUEJAY_API_KEY"]) == (served.base_url, served.api_key)
        assert remote.base_url == served.base_url
        assert remote.start() is remote
    assert "BLUEJAY_API_URL" not in os.environ
    assert os.environ["BLUEJAY_API_KEY"] == "a-real-key"


async def test_as_an_async_context_manager(served: FakeBluejay) -> None:
    async with FakeBluejay.connect(served.url):
        assert os.environ["BLUEJAY_API_URL"] == served.base_url
    assert os.environ.get("BLUEJAY_API_URL") != served.base_url


def test_failed_assertion_shows_the_history(served: FakeBluejay) -> None:
    def a_test() -> None:
        with FakeBluejay.connect(served.url) as remote:
            httpx.get(f"{remote.base_url}/ping", headers={"X-API-Key": "k"})
            raise AssertionError("mine")

    with pytest.raises(AssertionError) as error:
        a_test()
    (note,) = error.value.__notes__
    assert note.startswith("--- bluejay ---")
    assert "GET /v1/ping" in note


def test_failed_assertion_is_the_tests_own_although_the_server_has_gone(serving: Callable[..., Any]) -> None:
    def a_test() -> None:
        with FakeBluejay.connect(server.url):
            server.stop()
            raise AssertionError("mine")

    with serving() as server, pytest.raises(AssertionError, match="mine"):
        a_test()
    assert os.environ.get("BLUEJAY_API_URL") != f"{server.url}/v1"


def test_worlds_of_organisations_and_resets_have_other_ids_of_deliveries(serving: Callable[..., Any]) -> None:
    with serving("--clock", "manual", "--no-access-log") as server:
        ids = []
        for organisation in (None, "one", "two", "two"):
            fake = FakeBluejay.connect(server.url, organisation=organisation)
            fake.reset()
            fake.webhooks.add("http://127.0.0.1:9/")  # nobody listens there
            fake.webhooks.send("simulation_ended", {})
            ids += [delivery.id for delivery in fake.webhooks.deliveries]
        assert len(set(ids)) == len(ids) == 4


def test_suites_that_share_a_server_do_not_meet(serving: Callable[..., Any], receiver: Any) -> None:
    with serving("--clock", "manual", "--no-access-log") as server:
        all = FakeBluejay.connect(server.url)
        one, two = (FakeBluejay.connect(server.url, organisation=name) for name in ("suite-1", "suite 2 & more"))
        mine, theirs = one.add_test_result(agent="silent"), two.add_test_result(agent="silent")
        assert mine.id == theirs.id == 1
        assert mine != theirs
        one.faults.respond(503)
        for fake, status in ((one, 503), (one, 200), (two, 200)):
            with fake, fake.client(headers={"X-API-Key": os.environ["BLUEJAY_API_KEY"]}) as client:
                assert client.post("/v1/end-conversations", json={"test_result_ids": [1]}).status_code == status
        one.clock.advance(30)
        assert (mine.status, theirs.status, all.test_result(1).control) == ("SYSTEM_ERROR", "RUNNING", None)
        assert [len(fake.requests) for fake in (one, two, all)] == [2, 1, 0]
        one.calls.next(no_answer())
        one.webhooks.add(receiver.url, ["simulation_ended"])
        for fake in (one, two, all):
            fake.webhooks.send("simulation_ended", {})
        assert [len(fake.webhooks.deliveries) for fake in (one, two, all)] == [1, 0, 0]
        assert [len(fake.dump()["calls"]["next"]) for fake in (one, two, all)] == [1, 0, 0]
        again = FakeBluejay.connect(server.url, organisation="suite-1")
        assert again.api_key == one.api_key != two.api_key
        assert again.test_results == one.test_results == [mine]
        one.reset()
        assert (one.test_results, two.test_results, len(all.test_results)) == ([], [theirs], 9)
        with pytest.raises(ValueError, match="'default' shares a world with others"):
            FakeBluejay.connect(server.url, organisation="default")


def test_an_organisation_that_another_suite_adds_just_now(
    serving: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, asked = _Control.__call__, []

    def late(control: _Control, method: str, path: str, *rest: Any, **more: Any) -> Any:
        asked.append((method, path))
        # The organisation that the other suite adds is not listed yet when this one looks first.
        return (
            []
            if asked.count(("GET", "organisations")) == 1 == len(asked) - 1
            else ask(control, method, path, *rest, **more)
        )

    with serving() as server:
        first = FakeBluejay.connect(server.url, organisation="suite")
        monkeypatch.setattr(_Control, "__call__", late)
        assert FakeBluejay.connect(server.url, organisation="suite").api_key == first.api_key
        assert ("POST", "organisations") in asked


def test_the_clock_can_be_told_how_to_pass(served: FakeBluejay) -> None:
    clock = FakeBluejay.connect(served.url).clock
    assert (clock.mode, clock.speed) == ("manual", 0)
    clock.mode = "real"
    clock.speed = 0
    before = clock.now
    assert (clock.mode, clock.speed, clock.now) == ("real", 0, before)
    clock.speed = 1000
    assert clock.speed == 1000
    clock.mode = "manual"
    with pytest.raises(ValueError, match="real"):
        clock.mode = "fast"


def test_a_manual_clock_follows_real_time_while_waits_are_real(served: FakeBluejay) -> None:
    clock = FakeBluejay.connect(served.url).clock
    before = clock.now
    with clock.real():
        time.sleep(0.05)
        assert clock.now - before >= timedelta(seconds=0.05)
    stopped = clock.now
    time.sleep(0.05)
    assert (clock.mode, clock.now) == ("manual", stopped)


@pytest.mark.parametrize("speed", [0, 1000])
def test_a_clock_that_passes_by_itself_keeps_its_speed_while_waits_are_real(served: FakeBluejay, speed: int) -> None:
    clock = FakeBluejay.connect(served.url).clock
    clock.mode, clock.speed = "real", speed
    with clock.real():
        assert (clock.mode, clock.speed) == ("real", speed)
    assert (clock.mode, clock.speed) == ("real", speed)


def test_the_clock_of_a_fake_that_is_on_moves_once_while_waits_are_real(served: FakeBluejay) -> None:
    clock = FakeBluejay.connect(served.url).clock
    with served, clock.real():
        start, before = REAL.monotonic(), clock.now
        time.sleep(0.2)
        moved = clock.now - before
        assert timedelta(seconds=0.2) <= moved < timedelta(seconds=1.5 * (REAL.monotonic() - start))


def test_run_until_over_a_clock_that_passes_by_itself(served: FakeBluejay) -> None:
    remote = FakeBluejay.connect(served.url)
    stuck = remote.add_test_result(agent="silent")
    remote.clock.mode = "real"
    httpx.post(f"{remote.base_url}/end-conversations", json={"test_result_ids": [stuck.id]}, headers={"X-API-Key": "k"})
    remote.clock.run_until(lambda: stuck.status == "SYSTEM_ERROR", limit=60)
    assert stuck.history[0].cause == "watchdog"


def test_a_copy_of_the_world_stands_still(served: FakeBluejay) -> None:
    remote = FakeBluejay.connect(served.url)
    remote.clock.mode = "real"
    assert isinstance(remote.world.clock, ManualClock)


def test_many_are_added_at_once(served: FakeBluejay) -> None:
    added = FakeBluejay.connect(served.url).add_test_results(10_001, agent="silent")
    assert len(added) == len(served.test_results) == 10_001
    assert added[-1].id == 10_001


def test_a_test_result_is_the_same_over_another_connection(served: FakeBluejay) -> None:
    served.add_test_results(2)
    one, again = (FakeBluejay.connect(served.url).test_result(1) for _ in "12")
    assert len({one, again, FakeBluejay.connect(served.url).test_result(2)}) == 2


def test_a_test_result_that_is_gone(served: FakeBluejay) -> None:
    remote = FakeBluejay.connect(served.url)
    call = remote.add_test_result()
    remote.reset()
    assert repr(call) == "<TestResult 1 gone>"
    with pytest.raises(KeyError, match="there is no test result 1"):
        _ = call.status


async def an_application(scope: Any, receive: Any, send: Any) -> None: ...


@pytest.mark.parametrize("receiver", [print, an_application, None])
def test_a_receiver_is_the_url_of_a_server(served: FakeBluejay, receiver: Any) -> None:
    message = "a receiver is the URL of a server that the fake's server can reach, e.g. http://127.0.0.1:8000/webhooks"
    with pytest.raises(ValueError, match=message):
        FakeBluejay.connect(served.url).webhooks.add(receiver)
    assert served.world.outbox.webhooks == {}


def test_deliveries_are_read_whole(served: FakeBluejay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fake_bluejay.facade.remote._AT_ONCE", 2)
    remote = FakeBluejay.connect(served.url)
    for n in range(6):
        assert [one.json for one in remote.webhooks.deliveries] == list(range(n))
        if not n:
            served.webhooks.add(lambda request: 200)
        served.webhooks.send("simulation_ended", n)


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8787", "http://127.0.0.1:8787/v1", "ftp://127.0.0.1", "http://127.0.0.1:many", ""]
)
def test_bad_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"a server's address is needed, e\.g\. http://127\.0\.0\.1:8787"):
        FakeBluejay.connect(url)


def test_a_server_that_is_gone_is_one_clear_error(serving: Callable[..., Any]) -> None:
    with serving("--no-access-log") as server:
        remote = FakeBluejay.connect(server.url)
        server.stop()
    message = rf"no fake Bluejay answers at {server.url} \(.*refused\); `fake-bluejay serve` starts one"
    for call in (lambda: FakeBluejay.connect(server.url), lambda: remote.test_results):
        with pytest.raises(ConnectionError, match=message) as error:
            call()
        assert error.value.__suppress_context__


@pytest.mark.parametrize(
    ("status", "body", "error", "message"),
    [
        (404, b"<html>", ConnectionError, "is no fake Bluejay"),
        (200, b'{"status": "up"}', ConnectionError, "is no fake Bluejay"),
        (200, b"ok", ConnectionError, "is no fake Bluejay"),
        (502, b"[]", ConnectionError, "is no fake Bluejay"),
        (403, b'{"detail": "not for this caller"}', PermissionError, "^not for this caller$"),
    ],
)
def test_a_server_that_is_something_else(status: int, body: bytes, error: type[Exception], message: str) -> None:
    class Other(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None: ...

    with http.server.HTTPServer(("127.0.0.1", 0), Other) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            with pytest.raises(error, match=message):
                FakeBluejay.connect(f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
            thread.join()


def test_every_member_of_a_fake_is_there(served: FakeBluejay) -> None:
    """But for the ways into this process."""

    def members(one: object) -> set[str]:
        return {name for name in dir(one) if name[0] != "_"}

    remote = FakeBluejay.connect(served.url)
    assert members(served) - members(remote) == {"app", "connect", "load", "service", "transport"}
    assert members(remote) <= members(served)
    for name in ("calls", "clock", "faults", "readings", "webhooks"):
        assert members(getattr(served, name)) <= members(getattr(remote, name)), name
