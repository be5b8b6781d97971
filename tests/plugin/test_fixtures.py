"""The fixtures, the marker and the options of the plugin."""

import importlib.metadata
import os
import re
import subprocess
import sys
from typing import Any

import httpx
import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.agents import silent


def run(pytester: pytest.Pytester, *arguments: str, **outcomes: int) -> pytest.RunResult:
    result = pytester.runpytest_inprocess("-p", "no:randomly", "-p", "no:asyncio", *arguments)
    result.assert_outcomes(**outcomes)
    return result


def python(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def test_the_first_test_of_the_readme(bluejay: FakeBluejay) -> None:
    stuck = bluejay.add_test_result(agent=silent())
    answer = httpx.post(
        "https://api.getbluejay.ai/v1/end-conversations",
        headers={"X-API-Key": bluejay.api_key},
        json={"test_result_ids": [stuck.id, 999]},
    ).json()
    assert answer["failed_ids"] == [999]
    bluejay.clock.advance(29.999999)
    assert stuck.status == "RUNNING"
    bluejay.clock.advance(0.000001)
    assert stuck.status == "SYSTEM_ERROR"
    assert stuck.history[-1].cause == "watchdog"


def test_the_closest_marker_wins_over_command_line_and_ini(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nbluejay_agent = silent\nbluejay_readings = success=always")
    pytester.makepyfile(
        """
        import pytest

        def agent(bluejay): return str(bluejay.world.agent)
        def test_command_line_over_ini(bluejay):
            assert agent(bluejay) == "ends-after=7" and bluejay.readings.success == "always"
        @pytest.mark.bluejay(agent="drops-after=5", api_keys=["one-key"], seed=9)
        class TestMarked:
            def test_of_the_class(self, bluejay):
                assert agent(bluejay) == "drops-after=5" and bluejay.api_key == "one-key" and bluejay.world.seed == 9
            @pytest.mark.bluejay(agent="ends-within=20")
            def test_of_the_function(self, bluejay): assert agent(bluejay) == "ends-within=20"
        """
    )
    run(pytester, "--bluejay-agent=ends-after=7", passed=3)


def test_several_fakes_in_one_test(make_bluejay) -> None:  # type: ignore[no-untyped-def]
    one, other = make_bluejay(), make_bluejay(seed=1)
    assert one.url != other.url
    assert httpx.get(other.url).status_code == 404
    assert (len(one.requests), len(other.requests)) == (0, 1)


def test_a_subprocess_reaches_the_server(bluejay_server: FakeBluejay) -> None:
    call = bluejay_server.add_test_result()
    answer = python(
        """
import os, urllib.request
request = urllib.request.Request(
    os.environ["BLUEJAY_API_URL"] + "/end-conversations", data=b'{"test_result_ids":[1]}',
    headers={"X-API-Key": os.environ["BLUEJAY_API_KEY"], "Content-Type": "application/json"})
print(urllib.request.urlopen(request, timeout=10).read().decode())
"""
    )
    assert f'"test_result_ids":[{call.id}]' in answer
    bluejay_server.assert_ended(call.id)


def test_another_fake_for_a_while_leaves_the_server_in_the_environment(bluejay_server: FakeBluejay) -> None:
    with FakeBluejay():
        assert os.environ["BLUEJAY_API_URL"] == "https://api.getbluejay.ai/v1"
    assert os.environ["BLUEJAY_API_URL"] == bluejay_server.base_url


def test_the_unused_plugin_imports_nothing_heavy() -> None:
    assert (
        python(
            """
import sys, pytest
before = set(sys.modules)
import fake_bluejay.pytest_plugin
heavy = {"starlette", "pydantic", "httpx", "requests", "uvicorn", "asyncio"}
new = set(sys.modules) - before
print(sorted(heavy & new), sorted(name for name in new if name.startswith("fake_bluejay")))
"""
        )
        == "[] ['fake_bluejay', 'fake_bluejay.pytest_plugin']\n"
    )


def test_the_package_lists_the_names_that_it_loads_on_use() -> None:
    import fake_bluejay

    assert {"FakeBluejay", "Status", "__version__"} <= set(dir(fake_bluejay))
    assert all(hasattr(fake_bluejay, name) for name in fake_bluejay.__all__)


def test_the_core_needs_nothing_installed() -> None:
    assert (
        python(
            """
import importlib, pathlib, sys
before = set(sys.modules)
import fake_bluejay
for file in (pathlib.Path(fake_bluejay.__file__).parent / "core").glob("*.py"):
    importlib.import_module(f"fake_bluejay.core.{file.stem}")
print(sorted({name.partition(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)))
"""
        )
        == "['fake_bluejay']\n"
    )


@pytest.mark.bluejay(seed=3)
def test_a_fake_is_for_the_test_that_asks_also_after_others_ran_inside_it(
    pytester: pytest.Pytester, request: pytest.FixtureRequest
) -> None:
    pytester.makepyfile("def test_it(bluejay): assert bluejay.world.seed == 0")
    run(pytester, passed=1)
    assert request.getfixturevalue("bluejay").world.seed == 3


CONFTEST = 'pytest_plugins = ["conftest_plugin"]'


@pytest.fixture
def autoloading(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have pytest load the plugins that are installed by itself, as if ours were the only one."""
    names = {one.name for one in importlib.metadata.entry_points(group="pytest11")} - {"fake_bluejay.pytest_plugin"}
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    monkeypatch.delenv("PYTEST_PLUGINS")
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(f"-p no:{name}" for name in sorted(names)))


@pytest.mark.parametrize(
    ("autoload", "conftest", "arguments"),
    [
        (True, "", []),
        (True, CONFTEST, ["-p", "conftest_plugin"]),
        (True, "", ["-p", "fake_bluejay.pytest_plugin"]),
        (False, "", []),
        (False, CONFTEST, []),
        (False, "", ["-p", "conftest_plugin"]),
        (False, CONFTEST, ["-p", "fake_bluejay.pytest_plugin"]),
    ],
)
def test_the_plugin_loads_once_however_it_is_asked_for(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    autoload: bool,
    conftest: str,
    arguments: list[str],
) -> None:
    if autoload:
        request.getfixturevalue("autoloading")
    monkeypatch.delenv("PYTEST_PLUGINS", raising=False)
    pytester.makeconftest(conftest)
    pytester.makepyfile(
        """
        def test_it(bluejay, pytestconfig):
            plugins = pytestconfig.pluginmanager.list_name_plugin()
            loaded = [name for name, plugin in plugins if hasattr(plugin, "make_bluejay")]
            assert loaded == ["fake_bluejay.pytest_plugin"]
        """
    )
    loaded = autoload or conftest or arguments
    pytester.runpytest_subprocess(*arguments).assert_outcomes(**{"passed" if loaded else "errors": 1})


def test_a_file_of_the_users_does_not_hide_the_plugin(pytester: pytest.Pytester, autoloading: None) -> None:
    pytester.makepyfile(conftest_plugin="raise AssertionError('not ours')", test_it="def test_it(bluejay): pass")
    done = subprocess.run([sys.executable, "-m", "pytest", "-q"], cwd=pytester.path, capture_output=True, text=True)
    assert "1 passed" in done.stdout


@pytest.mark.parametrize("conftest", ["", CONFTEST])
def test_the_plugin_can_be_switched_off(pytester: pytest.Pytester, autoloading: None, conftest: str) -> None:
    pytester.makeconftest(conftest)
    pytester.makepyfile("def test_it(bluejay): pass")
    done = pytester.runpytest_subprocess("-p", "no:fake_bluejay.pytest_plugin")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines("*fixture 'bluejay' not found*")


def test_pytest_does_not_rewrite_the_assertions_of_the_package(pytester: pytest.Pytester, autoloading: None) -> None:
    pytester.makepyfile(
        """
        import sys
        def test_it(bluejay):
            ours = [each for name, each in sys.modules.items() if name.startswith("fake_bluejay.") and each.__spec__]
            rewritten = [each.__name__ for each in ours if "@pytest_ar" in vars(each)]
            assert len(ours) > 20 and set(rewritten) <= {"fake_bluejay.pytest_plugin"}
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_all_fakes_are_switched_off_where_a_warning_is_an_error(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import httpx
        from fake_bluejay.facade.fake import ACTIVE

        def test_several(make_bluejay):
            make_bluejay(), make_bluejay()
            httpx.get("https://api.getbluejay.ai/v1/subscription/active-package", headers={"X-API-Key": "key"})
        def test_afterwards(): assert not ACTIVE
        """
    )
    run(pytester, "-W", "error", "-p", "no:xdist", passed=2, errors=1)


def test_an_unknown_option_is_an_error_that_lists_the_known(pytester: pytest.Pytester) -> None:
    done = pytester.runpytest_subprocess("--bluejay-reading=success=always")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    message = "unknown option '--bluejay-reading'; did you mean '--bluejay-readings'? known: --bluejay-readings, "
    assert message in done.stderr.str()


def test_paths_may_be_given_to_pytest_as_paths(pytester: pytest.Pytester) -> None:
    path = pytester.makepyfile("def test_it(bluejay): assert bluejay.is_on")
    assert " 1 passed " in python(f"import pathlib, pytest; pytest.main([pathlib.Path({str(path)!r})])")


def test_a_suite_may_have_an_option_of_its_own_whose_name_begins_like_ours(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        def pytest_addoption(parser): parser.addoption("--bluejay-live", action="store_true")
        """
    )
    pytester.makepyfile("def test_it(request): assert request.config.getoption('--bluejay-live')")
    run(pytester, "--bluejay-live", "--bluejay-agent=silent", passed=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"agnet": "silent"}, "unknown option 'agnet'; did you mean 'agent'?"),
        ({"readings": "success=always"}, "readings are names with choices, e.g. {'success': 'always'}, not 'success="),
        ({"readings": {"sucess": "always"}}, "unknown reading 'sucess'; did you mean 'success'?"),
        ({"agent": 5}, "an agent is a behavior such as silent(), or its text such as 'ends-after=2', not 5"),
        ({"clock": 5}, "unknown choice for clock: 5; known: manual, real"),
        ({"sleep": True}, "unknown choice for sleep: True"),
        ({"api_keys": "key"}, "api_keys is a list of strings, not a str"),
        ({"api_keys": 5}, "api_keys is a list of strings, not an int"),
        ({"api_keys": [5]}, "api_keys is a list of strings, not a list"),
        ({"seed": "7"}, "a seed is an integer, not '7'"),
        ({"webhooks_anywhere": "false"}, "webhooks_anywhere is True or False, not 'false'"),
        ({"evaluation_takes": "5"}, "evaluation_takes: a number of seconds or a timedelta is needed, not '5'"),
    ],
)
def test_an_option_that_cannot_be(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        FakeBluejay(**options)


@pytest.mark.parametrize(
    ("option", "text", "message"),
    [
        ("agent", "sleepy", "unknown agent behavior 'sleepy'*known: *silent*"),
        ("seed", "x", "expected an integer*"),
        ("evaluation_takes", "soon", "expected how many seconds*"),
        ("evaluation_starts_after", "-1", "evaluation_starts_after must not be negative: -1*"),
        ("webhooks_anywhere", "maybe", "expected true, or false*"),
        ("clock", "sundial", "unknown choice for clock: 'sundial'*known: manual, real*"),
        ("readings", "success=never", "unknown choice for the reading 'success'*known: if-any-marked*"),
        ("readings", "success", "expected other readings than the defaults: name=choice*"),
    ],
)
@pytest.mark.parametrize("in_ini", [False, True])
def test_a_bad_option_is_one_error_that_names_the_choices(
    pytester: pytest.Pytester, option: str, text: str, message: str, in_ini: bool
) -> None:
    if in_ini:
        pytester.makeini(f"[pytest]\nbluejay_{option} = {text}")
    arguments = [] if in_ini else [f"--bluejay-{option.replace('_', '-')}={text}"]
    result = pytester.runpytest_inprocess("-p", "no:asyncio", *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: bluejay_{option} = '{text}': {message}"])


def test_every_option_has_its_place_in_the_ini_file_and_on_the_command_line(pytester: pytest.Pytester) -> None:
    from fake_bluejay.facade.fake import OPTIONS

    help = pytester.runpytest_inprocess("--help", "-p", "no:asyncio").stdout.str()
    assert [name for name in OPTIONS if f"bluejay_{name}" not in help] == []
    assert [name for name in OPTIONS if f"--bluejay-{name.replace('_', '-')}" not in help] == []


@pytest.mark.parametrize("in_ini", [False, True])
def test_evaluation_and_the_reach_of_webhooks_are_options_of_a_session(pytester: pytest.Pytester, in_ini: bool) -> None:
    pytester.makepyfile(
        """
        def test_it(bluejay):
            ended = bluejay.add_test_result(agent="silent")
            ended.end()
            bluejay.clock.advance(6)
            assert ended.status == "CONVERSATION_ENDED"
            bluejay.clock.advance(1)
            assert ended.status == "EVALUATING"
            bluejay.clock.advance(30)
            assert ended.status == "COMPLETED"
            bluejay.webhooks.add("http://203.0.113.1/")
        """
    )
    options = {"evaluation_starts_after": "7", "evaluation_takes": "30", "webhooks_anywhere": "true"}
    if in_ini:
        lines = [f"bluejay_{name} = {text}" for name, text in options.items()]
        pytester.makeini("\n".join(["[pytest]", *lines]))
    arguments = [] if in_ini else [f"--bluejay-{name.replace('_', '-')}={text}" for name, text in options.items()]
    run(pytester, *arguments, passed=1)


WIDER_SCOPES = """
import pytest, requests
pytestmark = pytest.mark.bluejay(agent="drops-after=5", seed=1)
made = []

@pytest.fixture(scope="session")
def of_session(make_session_bluejay): return make_session_bluejay(seed=9)
@pytest.fixture(scope="module")
def of_module(make_module_bluejay): return make_module_bluejay()
@pytest.fixture(scope="class")
def of_class(make_class_bluejay): return make_class_bluejay()

@pytest.mark.bluejay(seed=2)
class TestIt:
    @pytest.mark.parametrize("n", range(2))
    def test_one(self, n, of_session, of_module, of_class):
        made.append((of_session, of_module, of_class))
        assert made[0] == made[-1]
        assert [(fake.world.seed, str(fake.world.agent)) for fake in made[0]] == [
            (9, "silent"), (1, "drops-after=5"), (2, "drops-after=5"),
        ]
        requests.get("https://api.getbluejay.ai/v1/subscription/active-package")
        assert len(of_class.requests) == n + 1

def test_afterwards(of_session, of_module):
    session, module, of_class = made[0]
    assert (of_session, of_module) == (session, module)
    assert (session.is_on, module.is_on, of_class.is_on) == (True, True, False)
    requests.get("https://api.getbluejay.ai/v1/in-the-module")
    assert False
"""


def test_factories_of_wider_scopes(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nbluejay_agent = silent")
    pytester.makepyfile(WIDER_SCOPES)
    result = run(pytester, "-W", "always", passed=2, failed=1, warnings=1)
    result.stdout.fnmatch_lines(
        ["*-- bluejay --*", "*GET /v1/in-the-module", "*GET /v1/subscription/* is not modelled*"]
    )
