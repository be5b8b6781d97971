"""The report of a failing test, and the warnings of a passing one."""

import asyncio
import re
import sys
import unittest
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
import requests

from fake_bluejay import FakeBluejay
from fake_bluejay.facade import report as report_module

URL = "https://api.getbluejay.ai/v1/end-conversations"
QUIET = ("-p", "no:randomly", "-p", "no:asyncio")
FAILING = """
import requests
def test_fails(bluejay):
    result = bluejay.add_test_result()
    bluejay.faults.delay(1)
    bluejay.faults.respond(503, after=5)
    bluejay.readings.set(success="always")
    requests.post(
        "https://api.getbluejay.ai/v1/end-conversations",
        headers={"X-API-Key": "a-very-secret-key"},
        json={"test_result_ids": [result.id, 404]},
    )
    requests.get("https://api.getbluejay.ai/v1/" + "x" * 3000)
    bluejay.clock.advance(10)
    assert False
"""


def test_the_bluejay_section(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(FAILING)
    result = pytester.runpytest_inprocess(*QUIET, "--bluejay-seed=7")
    result.stdout.fnmatch_lines(
        [
            "*-- bluejay --*",
            "now 2026-01-01T00:00:11+00:00, 0 timers pending, seed 7",
            "readings that are not the defaults: success=always",
            "faults still armed: [[]respond(status=503, after=4)]",
            "*+0.000000 s  test result 1 added, RUNNING",
            "*+0.000000 s  POST /v1/end-conversations key=a-ve…ey *[[]1, 404]*",
            "*fault: delay(seconds=1)",
            '*→ 200 {"success":true,*',
            "*+1.000000 s  GET /v1/xxx*",
            '*→ 404 {"detail":"Not Found"}',
            "*+2.000000 s  test result 1: RUNNING → CONVERSATION_ENDED (end, by the agent)",
            "*+3.000000 s  test result 1: CONVERSATION_ENDED → EVALUATING (evaluate, by the evaluation)",
            "*+8.000000 s  test result 1: EVALUATING → COMPLETED (complete, by the evaluation)",
        ]
    )
    assert "secret" not in result.stdout.str().split("-- bluejay --")[1]


def test_the_section_is_whole_also_if_a_call_is_refused_meanwhile(
    bluejay: FakeBluejay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that the test has left running calls on."""

    def refuse_another(message: str) -> str:
        bluejay._refused[f"{message}, and again"] = None
        return message

    bluejay._refused["first"] = None
    monkeypatch.setattr(report_module, "printable", refuse_another)
    assert "refused by the guard: first" in report_module.report(bluejay)


def test_the_section_has_the_calls_that_the_guard_refused(pytester: pytest.Pytester) -> None:
    """A client may replace the message, as niquests does."""
    pytester.makepyfile("""
        import socket
        import pytest

        def call(host):
            try:
                socket.getaddrinfo(host, 443)
            except OSError:
                return "not found"

        def test_fails(bluejay):
            for _ in range(3):
                answers = [call(f"{one}.getbluejay.ai") for one in ["api", "app", *map(str, range(20))]]
            assert "not found" not in answers
    """)
    result = pytester.runpytest_inprocess(*QUIET)
    section = result.stdout.str().split("-- bluejay --")[1]
    [first, second, *others] = [line for line in section.splitlines() if line.startswith("refused by the guard: ")]
    assert "api.getbluejay.ai was about to be called for real, by a client that the fake Bluejay does not" in first
    assert re.search(r"The call is at .*\.py:6\.$", first)
    assert "app.getbluejay.ai was about to be called" in second
    assert len(others) == 8


def test_nothing_in_the_report_is_secret_or_obeyed_by_a_terminal(bluejay: FakeBluejay) -> None:
    requests.post("https://api.getbluejay.ai/v1/%1b[2J?page=2&api_key=a-very-secret-key", data=b"\x1b[31mred\n")
    shown = bluejay.report() + repr(bluejay.requests)
    assert r"POST /v1/\x1b[2J?page=2&api_key=a-ve…ey \x1b[31mred\n" in shown
    assert "secret" not in shown
    assert "\x1b" not in shown


def test_of_much_the_end_is_shown() -> None:
    with FakeBluejay() as bluejay:
        bluejay.add_test_results(200)
        requests.post(URL, headers={"X-API-Key": "k"}, json={"test_result_ids": list(range(1, 201))})
        bluejay.clock.advance(60)
        report = bluejay.report()
    assert "… 742 lines more before" in report
    assert report.count("\n") == 61
    assert "test result 200: EVALUATING → COMPLETED" in report.splitlines()[-1]


def test_errors_around_a_test_have_the_section_too(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest, requests
        @pytest.fixture
        def broken(bluejay):
            requests.get("https://api.getbluejay.ai/v1/in-set-up")
            raise RuntimeError
        def test_errs_before(broken): pass
        @pytest.fixture
        def breaks(bluejay):
            yield
            requests.get("https://api.getbluejay.ai/v1/in-tear-down")
            raise RuntimeError
        def test_errs_after(breaks): pass
        """
    )
    result = pytester.runpytest_inprocess(*QUIET)
    result.assert_outcomes(passed=1, errors=2)
    result.stdout.fnmatch_lines(
        ["*GET /v1/in-set-up", "*ERROR at teardown*", "*-- bluejay --*", "*GET /v1/in-tear-down"]
    )


WITHOUT_A_FIXTURE = """
import unittest, pytest, requests
from fake_bluejay import FakeBluejay
from hypothesis import given, strategies
from hypothesis.stateful import rule
from fake_bluejay.strategies import BluejayMachine

def fail():
    assert requests.get("https://api.getbluejay.ai/v1/here").ok

class TestEntered(unittest.TestCase):
    def setUp(self): self.enterContext(FakeBluejay())
    def test_it(self): fail()
class TestCleanedUp(unittest.TestCase):
    def setUp(self): self.addCleanup(FakeBluejay().start().stop)
    def test_it(self): fail()
class TestTornDown(unittest.TestCase):
    def setUp(self): self.fake = FakeBluejay().start()
    def tearDown(self): self.fake.stop()
    def test_it(self): fail()
class TestAsync(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self): await self.enterAsyncContext(FakeBluejay())
    async def test_it(self): fail()
@FakeBluejay()
class TestDecorated(unittest.TestCase):
    def test_it(self): requests.get("https://api.getbluejay.ai/v1/here").raise_for_status()
def test_with_that_fails_otherwise():
    with FakeBluejay(), pytest.raises(ValueError): requests.get("https://api.getbluejay.ai/v1/here")
def test_the_last_of_many():
    with FakeBluejay(): requests.get("https://api.getbluejay.ai/v1/over")
    with FakeBluejay(): fail()
@given(strategies.integers())
def test_examples(number):
    with FakeBluejay(): fail()
class Machine(BluejayMachine):
    faults = ()
    @rule()
    def step(self): fail()
TestMachine = Machine.TestCase
def test_with_a_fixture_too(bluejay):
    requests.get("https://api.getbluejay.ai/v1/of-the-fixture")
    with FakeBluejay(): fail()
"""


def test_the_section_without_a_fixture(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(WITHOUT_A_FIXTURE)
    reports = [
        report for report in pytester.inline_run(*QUIET).getreports("pytest_runtest_logreport") if report.when == "call"
    ]
    asked = {
        report.nodeid.partition("::")[2]: [
            re.findall(r"GET /v1/([\w-]+)", text) for title, text in report.sections if title == "bluejay"
        ]
        for report in reports
    }
    assert asked.pop("test_with_a_fixture_too") == [["of-the-fixture"], ["here"]]
    assert len(asked) == 9
    assert all(sections == [["here"]] for sections in asked.values()), asked


def test_a_fake_is_forgotten_with_the_test_that_started_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import weakref
        from fake_bluejay import FakeBluejay
        def test_it():
            global fake
            with FakeBluejay() as fake: fake = weakref.ref(fake)
        def test_afterwards():
            import gc; gc.collect()
            assert fake() is None
        """
    )
    pytester.runpytest_inprocess(*QUIET).assert_outcomes(passed=2)


def test_without_pytest_the_assertion_carries_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "fake_bluejay.pytest_plugin")

    @FakeBluejay()
    def fails(bluejay: FakeBluejay) -> None:
        bluejay.add_test_result(7)
        requests.post(URL, headers={"X-API-Key": "k"}, json={"test_result_ids": [7]})
        bluejay.assert_failed(7)

    with pytest.raises(AssertionError) as raised:
        fails()
    assert "test result 7 added, RUNNING" in "".join(raised.value.__notes__)


def test_a_call_that_is_not_modelled(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import requests
        URL = "https://api.getbluejay.ai/v1/subscription/active-package"
        def test_not_stubbed(bluejay):
            answer = requests.get(URL)
            assert answer.status_code == 501
            line = 'bluejay.stub("GET", "/v1/subscription/active-package", status=200, json={'
            assert line in answer.json()["detail"]
        def test_stubbed(bluejay):
            bluejay.stub("GET", "/v1/subscription/active-package", json=[1, 2])
            assert requests.get(URL).json() == [1, 2]
            assert requests.post(URL).status_code == 405
            bluejay.reset()
            bluejay.stub("get", "/v1/subscription/{any}", status=204)
            assert requests.get(URL).status_code == 204
        def test_501_for_another_reason(bluejay):
            bluejay.faults.respond(501)
            bluejay.stub("GET", "/v1/subscription/active-package", status=501)
            assert [requests.get(URL).status_code for _ in "12"] == [501, 501]
        """
    )
    result = pytester.runpytest_inprocess(*QUIET, "-W", "always")
    result.assert_outcomes(passed=3, warnings=1)
    result.stdout.fnmatch_lines(["*UnmodelledEndpoint: GET /v1/subscription/* is not modelled by the fake Bluejay*"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("GTE", "/v1/x"), "unknown method 'GTE'; did you mean 'GET'?"),
        ((None, "/v1/x"), "unknown method None; "),
        (("GET", "v1/x"), "starts with a slash"),
        (("GET", None), "starts with a slash"),
        (("GET", "/v1/x?y=1"), "a path has no query, and is met with any: /v1/x, not /v1/x?y=1"),
        (("GET", "/v1/{a:foo}"), "unknown kind of parameter 'foo'; "),
        (("GET", "/v1/x/{"), "a parameter of a path is a name in braces"),
        (("GET", "/v1/x", 99), "from 200 to 599, not 99"),
    ],
)
def test_a_stub_that_cannot_be(bluejay: FakeBluejay, arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        bluejay.stub(*arguments)  # type: ignore[arg-type]


def test_every_reading(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import requests
        seen = []
        def test_it(bluejay_every_reading):
            seen.append({**dict(bluejay_every_reading.readings), "takes": bluejay_every_reading.world.evaluation_takes})
        def test_each_departs_in_one():
            defaults = seen[0]
            for readings in seen[1:]:
                assert sum(readings[name] != defaults[name] for name in defaults) == 1
            assert {0, 5_000_000, 600_000_000} == {readings["takes"] for readings in seen}
            assert len({str(readings) for readings in seen}) == len(seen)
        """
    )
    from fake_bluejay.readings import Readings

    count = 1 + len(list(Readings().departures())) + 2  # early and late evaluations
    result = pytester.runpytest_inprocess(*QUIET, "-v")
    result.assert_outcomes(passed=count + 1)
    result.stdout.fnmatch_lines(["*test_it[[]defaults] PASSED*", "*test_it[[]success=if-none-failed] PASSED*"])


def test_a_client_that_takes_the_end_for_final_fails_where_evaluations_come_at_once(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import requests
        def test_it(bluejay_every_reading, request):
            bluejay = bluejay_every_reading
            running, url = bluejay.add_test_result(), "https://api.getbluejay.ai/v1"
            key = {"X-API-Key": bluejay.api_key, "x_api_key": bluejay.api_key}
            running.end()
            for _ in range(1000):
                answer = requests.get(f"{url}/retrieve-simulation-result/{running.id}", headers=key)
                if answer.json()["simulation_result"]["status"] != "RUNNING":
                    break
                bluejay.clock.advance(1)
            bluejay.clock.advance(0)
            answer = requests.get(f"{url}/retrieve-simulation-result/{running.id}", headers=key)
            assert answer.json()["simulation_result"]["status"] in ("CONVERSATION_ENDED", "conversation_ended")
        """
    )
    result = pytester.runpytest_inprocess(*QUIET, "-k", "defaults or at-once or slow")
    assert result.parseoutcomes()["failed"] == 1
    result.stdout.fnmatch_lines(["*FAILED*evaluation=at-once*"])


def test_every_reading_reaches_fixtures_built_on_the_fixture(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest
        from fake_bluejay.readings import Readings, Success
        @pytest.fixture
        def mine(bluejay): return bluejay
        @pytest.mark.bluejay(readings=Readings(success=Success.ALWAYS))
        def test_it(mine, make_bluejay, bluejay_every_reading, request):
            assert mine is bluejay_every_reading
            departure = request.node.callspec.params["bluejay_every_reading"]
            expected = {"success": "always", **departure.get("readings", {})}
            for fake in (mine, make_bluejay()):
                assert expected.items() <= dict(fake.readings).items()
        """
    )
    result = pytester.runpytest_inprocess(*QUIET)
    assert set(result.parseoutcomes()) == {"passed"}


@pytest.mark.parametrize(
    "test",
    [
        "def test_it(request): request.getfixturevalue('bluejay_every_reading')",
        "@pytest.mark.usefixtures('bluejay_every_reading')\nclass It(unittest.TestCase):\n    def test_it(self): pass",
    ],
    ids=["getfixturevalue", "unittest"],
)
def test_every_reading_fails_where_pytest_would_try_only_one(pytester: pytest.Pytester, test: str) -> None:
    pytester.makepyfile(f"import pytest, unittest\n{test}")
    result = pytester.runpytest_inprocess(*QUIET)
    outcomes = result.parseoutcomes()
    assert outcomes.get("failed", 0) + outcomes.get("error", outcomes.get("errors", 0)) == 1
    result.stdout.fnmatch_lines(["*test_it would run with one reading: pytest repeats a test*"])


GUARDED = """
import asyncio, socket, urllib.request, aiohttp, httpx, pytest, requests
URL = "https://api.getbluejay.ai/v1/ping"
async def by_aiohttp(url):
    async with aiohttp.ClientSession(trust_env=True) as session:
        await session.get(url)
@pytest.mark.parametrize(
    "ask", [requests.get, httpx.get, urllib.request.urlopen, lambda url: asyncio.run(by_aiohttp(url))]
)
def test_by_a_proxy(ask, monkeypatch):
    with socket.socket() as proxy:  # where nobody listens: a connection is refused
        proxy.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        with pytest.raises(Exception, match="was about to be called for real, while no fake Bluejay is on"):
            ask(URL)
def test_without_the_fixture():
    with pytest.raises(OSError, match="api.getbluejay.ai was about to be called for real, while no fake Bluejay is on"):
        socket.getaddrinfo("api.getbluejay.ai", 443)
def test_with_it(bluejay):
    with pytest.raises(OSError, match="by a client that the fake Bluejay does not intercept: point it at bluejay.url"):
        socket.create_connection(("api.getbluejay.ai", 443))
    with pytest.raises(OSError):
        socket.gethostbyname("API.getbluejay.ai.")
    with socket.socket() as one:
        for connect in (one.connect, one.connect_ex):  # they look the name up themselves
            with pytest.raises(OSError, match="was about to be called for real"):
                connect(("api.getbluejay.ai", 443))
"""


def test_the_guard_of_a_whole_suite(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(GUARDED)
    pytester.makeini("[pytest]\nbluejay_guard = true\n")
    pytester.runpytest_inprocess(*QUIET).assert_outcomes(passed=6)
    pytester.makeini("[pytest]\n")
    import socket

    look_up = socket.getaddrinfo
    pytester.runpytest_inprocess(*QUIET, "-k", "with_it").assert_outcomes(passed=1, deselected=5)
    assert socket.getaddrinfo is look_up

    pytester.makeini("[pytest]\nbluejay_guard = treu\n")
    refused = pytester.runpytest_inprocess(*QUIET).stderr
    refused.fnmatch_lines(["ERROR: bluejay_guard: invalid truth value 'treu': expected true or false"])


class TestInAUnittestCase(unittest.TestCase):
    def setUp(self) -> None:
        self.bluejay = self.enterContext(FakeBluejay())

    def test_it(self) -> None:
        self.bluejay.add_test_result()
        answer = requests.post(URL, headers={"X-API-Key": "k"}, json={"test_result_ids": [1]})
        assert answer.json()["ended_count"] == 1

    @FakeBluejay(agent="silent")
    def test_decorated(self, bluejay: FakeBluejay) -> None:
        bluejay.add_test_result()
        requests.post(URL, headers={"X-API-Key": "k"}, json={"test_result_ids": [1]})
        bluejay.clock.advance(30)
        bluejay.assert_ended(1, by="watchdog")


@FakeBluejay(agent="silent")
class TestADecoratedClass:
    def test_with_the_fake(self, bluejay: FakeBluejay) -> None:
        bluejay.add_test_result()
        assert requests.post(URL, headers={"X-API-Key": "k"}, json={"test_result_ids": [1]}).json()["ended_count"] == 1

    def test_without_it(self) -> None:
        assert requests.post(URL, headers={"X-API-Key": "k"}, json={"test_result_ids": [1]}).json()["failed_ids"] == [1]

    async def test_async(self, bluejay: FakeBluejay) -> None:
        await asyncio.sleep(1000)
        assert bluejay.clock.now.minute == 16


@pytest.fixture
@FakeBluejay(seed=3)
def made_by_a_generator(bluejay: FakeBluejay) -> Iterator[FakeBluejay]:
    yield bluejay
    assert requests.get(URL).status_code == 405  # still on


@pytest_asyncio.fixture
@FakeBluejay(seed=4)
async def made_by_an_async_generator(bluejay: FakeBluejay) -> AsyncIterator[FakeBluejay]:
    yield bluejay
    assert requests.get(URL).status_code == 405


def test_a_decorated_generator(made_by_a_generator: FakeBluejay) -> None:
    requests.get(URL)
    assert len(made_by_a_generator.requests) == 1


async def test_a_decorated_async_generator(made_by_an_async_generator: FakeBluejay) -> None:
    requests.get(URL)
    assert len(made_by_an_async_generator.requests) == 1


def test_fixtures_of_wider_scopes(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest, requests
        from fake_bluejay import FakeBluejay
        @pytest.fixture(scope="session")
        def shared():
            with FakeBluejay() as fake:
                yield fake
        class TestShared:
            def test_one(self, shared):
                shared.add_test_result()
                with shared.snapshot():
                    shared.add_test_result()
            def test_two(self, shared, bluejay):
                requests.get("https://api.getbluejay.ai/v1/nothing")
                assert len(shared.test_results) == 1
                assert (len(shared.requests), len(bluejay.requests)) == (0, 1)
            def test_three(self, shared):
                requests.get("https://api.getbluejay.ai/v1/nothing")
                assert len(shared.requests) == 1
        """
    )
    pytester.runpytest_inprocess(*QUIET).assert_outcomes(passed=3)
