"""Every fault, as every client meets it: in process and on a socket, each cell of the table in docs/faults.md."""

import asyncio
import importlib
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bluejay as bluejay_sdk
import httpx
import pytest
import requests
import urllib3
from bluejay.utils import BackoffStrategy, RetryConfig

from fake_bluejay import FakeBluejay
from fake_bluejay.intercept.true_time import REAL

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import clients  # noqa: E402

sys.path.remove(str(HERE))

URL = "https://api.getbluejay.ai/v1/end-conversations"
ARGUMENTS = {"delay": [60], "truncate": [10]}
TABLE = re.findall(r"^\| ([\w.() ]+) \| (`.*) \|$", (HERE.parent.parent / "docs/faults.md").read_text(), re.MULTILINE)
KINDS = ["delay", "reset", "lose_response", "truncate", "garbage"]
CELLS = [
    (client, kind, exception.strip("`"))
    for client, cells in TABLE
    for kind, exception in zip(KINDS, cells.split(" | "), strict=True)
    if client in clients.CLIENTS
]


def ask(client: str, base: str) -> Any:
    arguments = ("POST", f"{base}/v1/end-conversations", {"test_result_ids": [1]})
    if client in clients.SYNC:
        return clients.SYNC[client]()(*arguments)
    return asyncio.run(clients.ASYNC[client]()(*arguments))  # type: ignore[arg-type]


def test_the_table_is_whole() -> None:
    assert len(CELLS) == len(clients.CLIENTS) * len(KINDS)


@pytest.mark.parametrize("loopback", [False, True], ids=["in process", "loopback"])
@pytest.mark.parametrize(("client", "kind", "exception"), CELLS, ids=lambda each: str(each).split(".")[-1])
def test_cell(client: str, kind: str, exception: str, loopback: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if loopback and kind == "reset" and sys.platform == "win32":
        pytest.skip("a proactor ends a connection in order before it resets it")
    if loopback:
        monkeypatch.setattr(clients, "TIMEOUT", 0.1 if kind == "delay" else 5)
    module, _, name = exception.rpartition(".")
    expected = getattr(importlib.import_module(module or "builtins"), name)
    with FakeBluejay() as bluejay:
        bluejay.add_test_result()
        start = bluejay.clock.now
        getattr(bluejay.faults, kind)(*ARGUMENTS.get(kind, []))
        if (client, kind) == ("requests", "truncate") and urllib3.__version__.startswith("1."):
            expected = requests.exceptions.JSONDecodeError  # the old one lets it pass, says the page
        with pytest.raises(expected) as raised:
            ask(client, bluejay.url if loopback else clients.HOST)
        assert raised.type is expected
        for _ in range(10_000):  # on a busy machine the client may give up before the server has read what it sent
            if any(one.response or (kind == "reset" and one.faults) for one in bluejay.requests):
                break
            REAL.sleep(0.001)
        assert len(bluejay.control_objects) == (kind != "reset")
        assert bluejay.requests[-1].faults[0].startswith(kind)
        assert (bluejay.requests[-1].response is None) == (kind == "reset")
        if kind == "delay" and not loopback:
            assert (bluejay.clock.now - start).total_seconds() == pytest.approx(5, abs=1e-5)
        monkeypatch.setattr(clients, "TIMEOUT", 5)
        assert ask(client, bluejay.url if loopback else clients.HOST)[0] == 200  # one request, one fault


@pytest.mark.parametrize("client", clients.CLIENTS)
def test_a_delay_that_the_client_has_the_patience_for(client: str) -> None:
    with FakeBluejay() as bluejay:
        start = bluejay.clock.now
        bluejay.faults.delay(4)
        assert ask(client, clients.HOST)[0] == 200
        assert (bluejay.clock.now - start).total_seconds() == pytest.approx(4, abs=1e-5)


@pytest.mark.parametrize("client", [each for each in clients.CLIENTS if each != "urllib.request"])  # it raises
def test_an_answer_of_ones_own(client: str) -> None:
    with FakeBluejay() as bluejay:
        bluejay.faults.respond(429, json={"detail": "slow down"}, headers={"Retry-After": "2"})
        assert ask(client, clients.HOST) == (429, {"detail": "slow down"})
        assert bluejay.requests[0].response.headers["retry-after"] == "2"  # type: ignore[union-attr]


def test_a_refused_control_write(bluejay: FakeBluejay) -> None:
    bluejay.add_test_results(3)
    bluejay.faults.refuse_control_write(2, times=2)
    answers = [end(*ids) for ids in ([1], [1, 2, 3], [2], [2])]
    assert [answer["failed_ids"] for answer in answers] == [None, [2], [2], None]
    assert bluejay.test_result(2).status == "RUNNING"
    assert not bluejay.faults


def test_a_refusal_waits_for_the_write_that_it_is_of(bluejay: FakeBluejay) -> None:
    running, over = bluejay.add_test_result(), bluejay.add_test_result(status="COMPLETED")
    bluejay.faults.refuse_control_write(running.id, over.id)
    body = {"test_result_ids": [running.id]}
    statuses = [
        requests.post(URL.replace("end-conversations", "nothing"), json=body, headers=clients.KEY).status_code,
        requests.post(URL, json=body).status_code,  # without a key
        requests.post(URL, json={"test_result_ids": [over.id]}, headers=clients.KEY).status_code,
    ]
    assert statuses == [404, 401, 200]
    assert not any(request.faults for request in bluejay.requests)
    bluejay.faults.lose_response()
    with pytest.raises(requests.ConnectionError):
        end(running.id)
    assert bluejay.requests[-1].faults == ("lose_response()", "refuse_control_write(ids=[1, 2])")
    assert not bluejay.faults
    assert running.control is None


async def test_a_fault_waits_for_a_door_that_can_break(bluejay: FakeBluejay) -> None:
    bluejay.faults.reset()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(bluejay.app), base_url="http://fake") as client:
        assert (await client.get("/v1/ping", headers=clients.KEY)).status_code == 200
        assert bluejay.requests[-1].faults == ()
        bluejay.faults.respond(503)
        assert (await client.get("/v1/ping")).status_code == 503
    with pytest.raises(httpx.ReadError):
        httpx.get(URL)
    assert not bluejay.faults


def test_an_armed_fault_shows_its_rest(bluejay: FakeBluejay) -> None:
    bluejay.faults.respond(503, path="/v1/agents/{id}", times=3, after=1)
    bluejay.faults.reset(times=None, probability=0.0)
    asked = [httpx.get(f"https://api.getbluejay.ai/v1/agents{path}").status_code for path in ("/1", "", "/2")]
    assert asked[-1] == 503 not in asked[:-1]
    left = "[respond(status=503, path='/v1/agents/{id}', times=2), reset(times=None, probability=0.0)]"
    assert repr(bluejay.faults) == left
    assert bluejay.requests[-1].faults == ("respond(status=503, path='/v1/agents/{id}')",)


def end(*ids: int) -> Any:
    return requests.post(URL, json={"test_result_ids": ids}, headers=clients.KEY).json()


def test_fault_meets_requests_by_path_after_and_times(bluejay: FakeBluejay) -> None:
    bluejay.faults.respond(503, path="/v1/end-conversations", after=1, times=2)
    bluejay.faults.respond(500, path="/v1/ping")
    statuses = [httpx.post(URL, headers=clients.KEY).status_code for _ in range(4)]
    assert statuses == [422, 503, 503, 422]
    assert httpx.get("https://api.getbluejay.ai/v1/ping").status_code == 500
    bluejay.faults.respond(503, times=None)
    assert [httpx.get(URL).status_code for _ in range(3)] == [503] * 3
    bluejay.faults.clear()
    assert httpx.get(URL).status_code == 405


def test_probabilities_come_from_the_seed() -> None:
    def statuses(seed: int) -> list[int]:
        with FakeBluejay(seed=seed) as bluejay, httpx.Client() as client:
            bluejay.faults.respond(503, times=None, probability=0.5)
            return [client.get(URL).status_code for _ in range(30)]

    assert statuses(1) == statuses(1) != statuses(2)
    assert set(statuses(1)) == {503, 405}


@pytest.mark.parametrize(
    ("arm", "message"),
    [
        (lambda faults: faults.respond(99), "an integer from 200 to 599, not 99"),
        (lambda faults: faults.respond(204, json={}), "an answer of status 204 has no body: leave json out"),
        (lambda faults: faults.respond(429, headers={"Retry-After": 2}), "e.g. Retry-After: '2', not 2"),
        (lambda faults: faults.respond(429, headers={"a": "b\r\nc: d"}), "a header's value is text in one line"),
        (lambda faults: faults.respond(429, headers={"a b": "c"}), "letters, digits and dashes, not 'a b'"),
        (lambda faults: faults.respond(429, headers=[("a", "b")]), "headers are names with values, e.g."),
        (lambda faults: faults.delay(-1), "a number of seconds from 0 to 1,000,000, not -1"),
        (lambda faults: faults.delay(1e300), "a number of seconds from 0 to 1,000,000, not 1e+300"),
        (lambda faults: faults.truncate("x"), "an integer, at least 0, not 'x'"),
        (lambda faults: faults.refuse_control_write(), "at least one"),
        (lambda faults: faults.reset(times=0), "at least 1, or None for always, not 0"),
        (lambda faults: faults.reset(after=-1), "at least 0, not -1"),
        (lambda faults: faults.reset(probability=2), "from 0 to 1, not 2"),
        (lambda faults: faults.reset(probability=True), "from 0 to 1, not True"),
        (lambda faults: faults.reset(path="v1"), "starts with a slash"),
        (lambda faults: faults.reset(path="/v1/ping?x=1"), "a path has no query, and is met with any: /v1/ping, not"),
        (lambda faults: faults.respond(503, headers={"Content-length": "5"}), "the body has 0 bytes, so its Content"),
        (lambda faults: faults.rate_limit(0), "an integer of at least 1, not 0"),
        (lambda faults: faults.rate_limit(True), "an integer of at least 1, not True"),
        (lambda faults: faults.rate_limit(2.5), "an integer of at least 1, not 2.5"),
        (lambda faults: faults.rate_limit(1, per=0), "a number of seconds from 0.001 to 1,000,000, e.g. 60, not 0"),
        (lambda faults: faults.rate_limit(1, per=-60), "e.g. 60, not -60"),
        (lambda faults: faults.rate_limit(1, per=float("nan")), "e.g. 60, not nan"),
        (lambda faults: faults.billing("NO_MONEY"), "unknown billing code 'NO_MONEY'; known: NO_PAYMENT_METHOD"),
        (lambda faults: faults.billing(None), "known: NO_PAYMENT_METHOD, RED_TEAMING_PAYMENT_METHOD_REQUIRED, INSU"),
        (lambda faults: faults.reset(tiems=2), "unknown argument 'tiems'; did you mean 'times'?"),
    ],
)
def test_bad_fault_is_refused(bluejay: FakeBluejay, arm: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        arm(bluejay.faults)
    assert not bluejay.faults


MakeSdk = Callable[[str], bluejay_sdk.Bluejay]
RETRIES = RetryConfig("backoff", BackoffStrategy(500, 60_000, 1.5, 3_600_000), True)


def test_the_sdk_retries_in_no_time(bluejay: FakeBluejay, make_sdk: MakeSdk) -> None:
    result = bluejay.add_test_result()
    bluejay.faults.respond(429, headers={"Retry-After": "2"}, times=3)
    start = bluejay.clock.now
    with make_sdk(bluejay.api_key) as sdk:
        answer = sdk.conversations.end_conversations(test_result_ids=[result.id], retries=RETRIES)
    assert answer.test_result_ids == [result.id]
    assert len(bluejay.requests) == 4
    assert 6 <= (bluejay.clock.now - start).total_seconds() < 10


async def test_the_sdk_retries_in_no_time_async(bluejay: FakeBluejay, make_sdk: MakeSdk) -> None:
    result = bluejay.add_test_result()
    bluejay.faults.respond(503, times=2)
    async with make_sdk(bluejay.api_key) as sdk:
        answer = await sdk.conversations.end_conversations_async(test_result_ids=[result.id], retries=RETRIES)
    assert answer.test_result_ids == [result.id]
    assert len(bluejay.requests) == 3
