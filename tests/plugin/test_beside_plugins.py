"""Other plugins of pytest beside virtual time: what they run, measure, limit and distribute goes on as without it."""

import re
import subprocess
import sys
import time

import pytest

PLUGINS = {
    "anyio": "anyio.pytest_plugin",
    "asyncio": "pytest_asyncio.plugin",
    "freezer": "pytest_freezer",
    "pyfakefs": "pyfakefs.pytest_plugin",
    "socket": "pytest_socket",
    "timeout": "pytest_timeout",
    "trio": "pytest_trio.plugin",
    "xdist": "xdist.plugin",
}


SLEEPS = """
    import time
    import pytest

    def test_sleeps(bluejay):
        start = bluejay.clock.now
        time.sleep(3600)
        assert (bluejay.clock.now - start).total_seconds() == 3600
"""


@pytest.fixture(autouse=True)
def only_what_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def ran(pytester: pytest.Pytester, plugins: str, code: str, *arguments: str, **outcomes: int) -> pytest.RunResult:
    """Run tests in a process of their own, with the fake's plugin and others; they have these outcomes."""
    pytester.makepyfile(code)
    names = ["fake_bluejay.pytest_plugin", *(PLUGINS[each] for each in plugins.split())]
    loaded = [argument for name in names for argument in ("-p", name)]
    result = pytester.runpytest_subprocess("-W", "error", *loaded, *arguments, timeout=100)
    result.assert_outcomes(**outcomes)
    return result


def test_pytest_asyncio(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    ran(
        pytester,
        "asyncio",
        """
        import asyncio
        import pytest
        import pytest_asyncio

        pytestmark = pytest.mark.asyncio(loop_scope="module")
        beats = []

        async def beat():
            while True:
                await asyncio.sleep(60)
                beats.append(asyncio.get_running_loop().time())

        @pytest_asyncio.fixture(loop_scope="module", scope="module")
        async def heart():  # on a loop that outlives the fake
            task = asyncio.create_task(beat())
            yield
            task.cancel()

        @pytest_asyncio.fixture(loop_scope="module")
        async def started(bluejay):
            await asyncio.sleep(30)
            return bluejay.clock.now

        @pytest.mark.parametrize("again", [False, True])
        async def test_sleeps(heart, started, bluejay, again):
            before = len(beats)
            await asyncio.sleep(600)
            assert (bluejay.clock.now - started).total_seconds() == pytest.approx(600, abs=1e-3)
            assert 9 <= len(beats) - before <= 11

        @pytest.mark.asyncio(loop_scope="function")
        async def test_sleeps_on_a_loop_of_its_own(bluejay):
            start = bluejay.clock.now
            await asyncio.gather(asyncio.sleep(30), asyncio.to_thread(asyncio.run, asyncio.sleep(60)))
            assert (bluejay.clock.now - start).total_seconds() == pytest.approx(60, abs=1e-3)
        """,
        passed=3,
    )


def test_the_plugin_of_anyio(pytester: pytest.Pytester) -> None:
    ran(
        pytester,
        "anyio",
        """
        import anyio
        import pytest

        pytestmark = pytest.mark.anyio

        @pytest.fixture(params=["asyncio", "trio"])
        def anyio_backend(request):
            return request.param

        @pytest.fixture
        async def started(bluejay):
            await anyio.sleep(30)
            return bluejay.clock.now

        async def test_sleeps(started, bluejay):
            with anyio.move_on_after(600):
                await anyio.sleep_forever()
            await anyio.to_thread.run_sync(__import__("time").sleep, 30)
            assert (bluejay.clock.now - started).total_seconds() == pytest.approx(630, abs=1e-3)
        """,
        passed=2,
    )


def test_pytest_trio(pytester: pytest.Pytester) -> None:
    ran(
        pytester,
        "trio",
        """
        import pytest
        import trio

        pytestmark = pytest.mark.trio

        @pytest.fixture
        async def started(bluejay):
            await trio.sleep(30)
            return bluejay.clock.now

        async def test_sleeps(started, bluejay):
            await trio.sleep(600)
            assert (bluejay.clock.now - started).total_seconds() == pytest.approx(600, abs=1e-3)

        async def test_its_own_clock_stays_its_own(bluejay, autojump_clock):
            start, began = bluejay.clock.now, trio.current_time()
            await trio.sleep(600)
            assert trio.current_time() - began == pytest.approx(600, abs=1e-3)
            assert bluejay.clock.now == start
        """,
        passed=2,
    )


@pytest.mark.parametrize("method", ["signal", "thread"])
def test_pytest_timeout_ignores_sleep_in_the_fakes_time(pytester: pytest.Pytester, method: str) -> None:
    ran(pytester, "timeout", SLEEPS, "--timeout=50", f"--timeout-method={method}", passed=1)


def test_pytest_timeout_ends_a_test_that_hangs_for_real(pytester: pytest.Pytester) -> None:
    result = ran(
        pytester,
        "timeout",
        """
        import threading
        import pytest

        @pytest.mark.timeout(0.5, method="signal", func_only=True)
        def test_hangs(bluejay):
            threading.Event().wait()

        @pytest.mark.timeout(0.5, method="signal", func_only=True)
        def test_works_for_ever(bluejay):
            while True:
                pass

        def test_goes_on(bluejay):
            __import__("time").sleep(3600)
        """,
        failed=2,
        passed=1,
    )
    result.stdout.fnmatch_lines(["*Failed: Timeout (>0.5s)*"] * 2)


def test_durations_are_real(pytester: pytest.Pytester) -> None:
    result = ran(pytester, "", SLEEPS, "--durations=0", "--durations-min=0", passed=1)
    [seconds] = re.findall(r"([\d.]+)s call ", result.stdout.str())
    assert float(seconds) < 60
    [total] = re.findall(r"1 passed in ([\d.]+)s", result.stdout.str())
    assert float(total) < 100


def test_pytest_xdist(pytester: pytest.Pytester) -> None:
    cases = '    @pytest.mark.parametrize("case", range(8))\n'
    many = SLEEPS.replace("    def test_sleeps(bluejay)", f"{cases}    def test_sleeps(bluejay, case)")
    ran(pytester, "xdist", many, "-n", "2", passed=8)


@pytest.mark.parametrize("fixtures", ["freezer, bluejay", "bluejay, freezer"])
def test_pytest_freezer(pytester: pytest.Pytester, fixtures: str) -> None:
    ran(
        pytester,
        "freezer",
        f"""
        import threading
        import time
        from datetime import datetime

        def test_sleeps_while_another_thread_waits({fixtures}):
            freezer.move_to("2031-03-01")
            start, done = bluejay.clock.now, threading.Event()
            thread = threading.Thread(target=done.wait)
            thread.start()
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                time.sleep(5)
            done.set()
            thread.join()
            assert (bluejay.clock.now - start).total_seconds() == 60
            assert datetime.now() == datetime(2031, 3, 1)
        """,
        passed=1,
    )


def test_the_first_request_of_a_process_while_the_clock_is_frozen(pytester: pytest.Pytester) -> None:
    """Schemas are built then, which must not take the frozen `datetime` for the type of a field."""
    ran(
        pytester,
        "",
        """
        import requests
        from freezegun import freeze_time

        @freeze_time("2026-03-01")
        def test_it(bluejay):
            bluejay.add_test_result()
            url = "https://api.getbluejay.ai/v1/retrieve-simulation-result/1"
            answer = requests.get(url, headers={"X-API-Key": "key"}, timeout=10)
            assert answer.status_code == 200
            assert answer.json()["simulation_result"]["start_time"].startswith("2026-01-01")
            for path in ("agents", "simulations", "folders", "metrics", "communities"):
                url = f"https://api.getbluejay.ai/v1/{path}"
                assert requests.get(url, headers={"X-API-Key": "key"}, timeout=10).status_code < 500
        """,
        passed=1,
    )


def test_a_server_works_after_a_test_in_which_sockets_are_forbidden(pytester: pytest.Pytester) -> None:
    """uvloop keeps the class of sockets that it finds when it is imported."""
    ran(
        pytester,
        "socket",
        """
        import pytest
        import requests

        @pytest.mark.disable_socket
        @pytest.mark.filterwarnings("ignore:A test tried to use")
        def test_forbidden(bluejay):
            with pytest.raises(RuntimeError, match="A test tried to use socket.socket"):
                bluejay.url

        def test_allowed(bluejay_server):
            assert requests.get(f"{bluejay_server.base_url}/ping", timeout=5).status_code == 200
        """,
        passed=2,
    )


@pytest.mark.parametrize("fixtures", ["bluejay, fs", "fs, bluejay"])
def test_pyfakefs(pytester: pytest.Pytester, fixtures: str) -> None:
    """The clients are first loaded while the files are fake, and pyfakefs unloads what is."""
    ran(
        pytester,
        "pyfakefs",
        f"""
        import time
        import urllib.request

        PING = "https://api.getbluejay.ai/v1/ping"

        def test_clients({fixtures}):
            import httpx
            assert httpx.get(PING).status_code == 200
            assert urllib.request.urlopen(PING).status == 200
            start = bluejay.clock.now
            time.sleep(30)
            assert (bluejay.clock.now - start).total_seconds() == 30

        def test_imports_after_it(bluejay):
            import this_module_is_not_there
        """,
        passed=1,
        failed=1,
    ).stdout.fnmatch_lines(["E*ModuleNotFoundError: No module named 'this_module_is_not_there'"])


LOADS_NOTHING = """
    import sys
    import pytest

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(item):
        before = set(sys.modules)
        yield
        loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
        assert not loaded & {"fake_bluejay", "pydantic", "starlette"}
"""

EXAMPLES = {
    "fixture": """
    @settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(x=strategies.integers())
    def test_it(bluejay, x):
        end()
""",
    "context": """
    class TestIt:
        @settings(max_examples=2, deadline=None)
        @given(x=strategies.integers())
        def test_it(self, x):
            with fake_bluejay.FakeBluejay():
                end()
""",
    "decorator": """
    from fake_bluejay import FakeBluejay
    del fake_bluejay

    @settings(max_examples=2, deadline=None)
    @given(x=strategies.integers())
    @FakeBluejay()
    def test_it(x):
        end()
""",
}


@pytest.mark.parametrize("by", EXAMPLES)
def test_no_example_of_hypothesis_spends_its_deadline_on_loading(pytester: pytest.Pytester, by: str) -> None:
    pytester.makeconftest(LOADS_NOTHING)
    code = """
    import requests
    from hypothesis import HealthCheck, given, settings, strategies
    import fake_bluejay

    def end():
        url, headers = "https://api.getbluejay.ai/v1/end-conversations", {"X-API-Key": "key"}
        assert requests.post(url, json={"test_result_ids": [1]}, headers=headers).status_code == 200
"""
    ran(pytester, "", code + EXAMPLES[by], passed=1)


def test_a_test_of_hypothesis_without_the_fake_loads_nothing_of_it(pytester: pytest.Pytester) -> None:
    code = """
        import sys
        from hypothesis import given, strategies

        @given(x=strategies.integers())
        def test_alone(x):
            assert "fake_bluejay.facade" not in sys.modules
    """
    ran(pytester, "", code, passed=1)


def test_a_debugger_that_a_test_starts_holds_no_time_up(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\ntimeout = 60")
    ran(
        pytester,
        "timeout",
        """
        import threading
        import time

        import debugpy


        def test_sleeps(bluejay):
            debugpy.listen(("127.0.0.1", 0))
            start, began = bluejay.clock.now, time.perf_counter()
            thread = threading.Thread(target=time.sleep, args=[3600])
            thread.start()
            thread.join()
            assert 3600 <= (bluejay.clock.now - start).total_seconds() < 3610
            assert time.perf_counter() - began < 20
        """,
        "-W",
        "ignore",
        passed=1,
    )


def test_time_stands_while_a_person_looks_at_a_test_in_pdb(pytester: pytest.Pytester) -> None:
    code = """
        import threading
        import time


        def test_looked_at(bluejay):
            stuck, ended = bluejay.add_test_result(agent="silent"), threading.Event()
            worker = threading.Thread(target=lambda: (time.sleep(10), ended.set()))
            worker.start()
            bluejay.client().post(
                "/v1/end-conversations", json={"test_result_ids": [stuck.id]}, headers={"X-API-Key": "key"}
            )
            start = bluejay.clock.now
            breakpoint()
            assert bluejay.clock.now == start
            assert (stuck.status, ended.is_set()) == ("RUNNING", False)
            worker.join()
            time.sleep(30)
            assert stuck.status == "SYSTEM_ERROR"
    """
    pytester.makepyfile(code)
    command = [sys.executable, "-m", "pytest", "-p", "fake_bluejay.pytest_plugin", "-q"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as tests:
        assert tests.stdout is not None
        shown = ""
        while "(Pdb) " not in shown and (read := tests.stdout.read(1)):
            shown += read
        time.sleep(1.5)
        shown, _ = tests.communicate("c\n", timeout=60)
    assert "1 passed" in shown, shown
