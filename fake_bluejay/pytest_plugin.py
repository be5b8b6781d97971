"""The pytest plugin: the `bluejay` fixtures. Nothing heavy is imported until a test asks for one of them.

The entry point is named like this module, so that pytest sees one plugin however it is asked for: by the entry point,
by `-p conftest_plugin`, or by a conftest's `pytest_plugins`. `-p no:fake_bluejay.pytest_plugin` switches it off.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Generator, Iterator, Sequence
from types import FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any, Unpack, cast

import pytest

if TYPE_CHECKING:
    from fake_bluejay.facade.fake import FakeBluejay, Options
    from fake_bluejay.facade.protocols import MakeBluejay


class _PlainImports(importlib.abc.MetaPathFinder):
    """A finder that imports the modules of `fake_bluejay` as Python does, before pytest's own finder sees them.

    pytest rewrites the assertions of every module of a distribution that has a plugin. No report shows ours, and
    without kept bytecode, rewriting them costs the first test several times all other imports.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not fullname.startswith("fake_bluejay."):
            return None
        return importlib.machinery.PathFinder.find_spec(fullname, path, target)


sys.meta_path.insert(0, _PlainImports())

_TIMES: dict[str, dict[str, Any]] = {
    "evaluation=at-once": {"evaluation_starts_after": 0, "evaluation_takes": 0},
    "evaluation=slow": {"evaluation_starts_after": 60, "evaluation_takes": 600},
}
"""The settings that `bluejay_every_reading` tries besides readings: no documentation says how long an evaluation takes.

A client that waits for CONVERSATION_ENDED never sees it if the evaluation follows at once.
"""

_OPTIONS = {
    "readings": "other readings than the defaults: name=choice, separated by spaces",
    "agent": "the behavior of agents without one of their own: ends-after=2, ends-within=20, silent, drops-after=5",
    "clock": "manual (the default: time stands still until advanced) or real",
    "now": "where the clocks begin, as ISO text with its offset from UTC: 2026-03-01T12:00:00Z",
    "speed": "how many of the fake's seconds pass in a real one, with clock = real",
    "sleep": "skip (the default) or real: what sleeping in the code under test does",
    "longest": "how many seconds of the fake's time the code under test may sleep away before the test fails",
    "participants": "names of threads older than the fake that take part in its time, separated by commas; * is any",
    "api_keys": "the only keys to accept, separated by spaces",
    "unmet": "error (the default), warn or ignore: what a fault or stub does that met no request when the test ends",
    "seed": "an integer, from which everything random is drawn",
    "evaluation_starts_after": "how many seconds from a conversation's end to EVALUATING",
    "evaluation_takes": "how many seconds from EVALUATING to COMPLETED",
    "webhooks_anywhere": "true, or false (the default): whether webhooks may lead elsewhere than to this machine",
}
"""The options that the ini file and the command line take as text, and the marker as values."""

_SESSION = pytest.StashKey[dict[str, Any]]()
"""The options of the whole session, read at its start."""

_FAKES = pytest.StashKey["list[FakeBluejay]"]()
"""The fakes that were started while a test ran; some may be off when its report is written."""

_MADE = pytest.StashKey["list[FakeBluejay]"]()
"""The fakes that fixtures made for one test: when it ends, their faults must have been met."""

_FIXTURES = frozenset(
    {
        "bluejay",
        "bluejay_every_reading",
        "bluejay_server",
        "make_bluejay",
        "make_class_bluejay",
        "make_module_bluejay",
        "make_session_bluejay",
    }
)

_FAKE_FILES = frozenset({"fs", "fs_class", "fs_module", "fs_session"})
"""The fixtures of pyfakefs."""

_running: list[pytest.Item] = []
"""The running tests; the last is the innermost, for a test of a plugin runs others inside it.

`request.node` would say the same, but a fixture that asks for `request` costs a test more than pytest's whole handling
of one that does not.
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare each option for the ini file and for the command line, and `bluejay_guard` for the ini file."""
    group = parser.getgroup("bluejay", "fake Bluejay")
    for name, help in _OPTIONS.items():
        parser.addini(f"bluejay_{name}", help, default=None)
        group.addoption(f"--bluejay-{name.replace('_', '-')}", dest=f"bluejay_{name}", default=None, help=help)

    parser.addini("bluejay_guard", "no test may reach the real Bluejay, with the fixture or without", "bool", False)


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(parser: pytest.Parser, args: list[str]) -> Generator[None, object, object]:
    """Refuse an unknown `--bluejay-…` option with a suggestion; pytest itself only says that it is unknown.

    By now the conftests have declared their options, which may be named like that, too. An unknown ini option is left
    to pytest, for only pytest can find one.
    """
    result = yield
    if any(str(arg).startswith("--bluejay-") for arg in args):  # `pytest.main` takes paths, too
        for name in (arg.partition("=")[0] for arg in parser.parse_known_and_unknown_args(args)[1]):
            if name.startswith("--bluejay-"):
                from fake_bluejay.core.suggest import unknown

                known = [f"--bluejay-{name.replace('_', '-')}" for name in _OPTIONS]
                raise pytest.UsageError(unknown("option", name, known))
    return result


def pytest_configure(config: pytest.Config) -> None:
    """Read the options of the session, declare the marker, and start the guard if the ini file asks for it."""
    try:
        guarded = config.getini("bluejay_guard")
    except (ValueError, pytest.UsageError) as error:  # which one depends on the version of pytest
        raise pytest.UsageError(f"bluejay_guard: {error}: expected true or false") from None
    if guarded:
        from fake_bluejay.intercept import switch

        switch.guard(True)
        config.add_cleanup(lambda: switch.guard(False))
    config.stash[_SESSION] = _of_the_session(config)
    config.addinivalue_line(
        "markers",
        f"bluejay({'=…, '.join(_OPTIONS)}=…): options of the bluejay fixture for this test, class or module",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that uses `bluejay_every_reading` once for each departure from the defaults."""
    if "bluejay_every_reading" in metafunc.fixturenames:
        from fake_bluejay.core.readings import Readings

        options: dict[str, dict[str, Any]] = {"defaults": {}}
        for name, choice in Readings().departures():
            options[f"{name}={choice}"] = {"readings": {name: str(choice)}}
        options |= _TIMES
        metafunc.parametrize("bluejay_every_reading", list(options.values()), ids=list(options), indirect=True)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Keep the running test in `_running`."""
    _running.append(item)
    try:
        return (yield)
    finally:
        _running.pop()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse a marker that has no effect before the test runs without a fake; load the fake if it cannot be later."""
    if "request" not in getattr(item, "fixturenames", ()):  # by `request`, it may ask for a fixture while it runs
        _check_marker(item)
    if _has_fake_files(item) or ("hypothesis" in sys.modules and _has_examples(item)):
        from fake_bluejay.facade.fake import load_ahead

        load_ahead()
        item.stash.get(_FAKES, []).clear()


def _has_examples(item: pytest.Item) -> bool:
    """Return whether a test of Hypothesis uses a fake, by a fixture or by what its module has imported.

    Each example has a deadline, which the first would miss if it had to load everything.
    """
    if not isinstance(item, pytest.Function):
        return False
    function: Any = item.function
    if type(function) is MethodType:
        function = function.__func__
    if type(function) is not FunctionType or "is_hypothesis_test" not in vars(function):
        return False
    if not _FIXTURES.isdisjoint(item.fixturenames):
        return True
    ours = [sys.modules.get("fake_bluejay"), getattr(sys.modules.get("fake_bluejay.facade.fake"), "FakeBluejay", None)]
    return any(value is one for value in vars(item.module).values() for one in ours if one is not None)


def _has_fake_files(item: pytest.Item) -> bool:
    """Return whether a test uses a fake by a fixture, and pyfakefs.

    Before each report, pyfakefs unloads what was imported while it was on: the modules of a fake that has begun.
    """
    names = getattr(item, "fixturenames", ())
    return not _FIXTURES.isdisjoint(names) and not _FAKE_FILES.isdisjoint(names)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test that has passed, if one of its faults or stubs met no request."""
    result = yield
    _check_marker(item)
    for fake in item.stash.get(_MADE, []):
        _check_unmet(item, fake)
    return result


def _check_marker(item: pytest.Item) -> None:
    marked = any(marker.name == "bluejay" for marker in item.own_markers)
    if marked and _FIXTURES.isdisjoint(getattr(item, "fixturenames", ())) and _MADE not in item.stash:
        names = ", ".join(sorted(_FIXTURES))
        pytest.fail(f"@pytest.mark.bluejay has no effect on {item.name}, which uses none of: {names}", pytrace=False)


def _check_unmet(node: pytest.Item | pytest.Collector, fake: FakeBluejay) -> None:
    try:
        said = fake._fail_if_unmet()
    except AssertionError as error:
        pytest.fail(str(error), pytrace=False)
    if said:
        node.warn(Unmet(said))


def starts(fake: FakeBluejay) -> bool:
    """Note a fake that is being switched on; return whether a test is running, whose report would show the fake.

    Fakes that are off by then are dropped from the report: they belong to something that is over, such as an earlier
    example of Hypothesis.
    """
    if not _running:
        return False
    fakes = _running[-1].stash.setdefault(_FAKES, [])
    fakes[:] = [*(one for one in fakes if one.is_on), fake]
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the *bluejay* section to the report of a failing test."""
    report = yield
    if call.when == "teardown" and _MADE in item.stash:
        del item.stash[_MADE]
    facade = sys.modules.get("fake_bluejay.facade.fake")
    if facade is not None:
        fakes = item.stash.get(_FAKES, [])
        if report.failed:
            report.sections += [("bluejay", fake.report()) for fake in dict.fromkeys([*fakes, *facade.ACTIVE])]
        if call.when == "teardown":
            facade.switch.leave_nothing()
            fakes.clear()  # a test is kept until the session ends; its fakes need not be
    return report


class UnmodelledEndpoint(pytest.PytestWarning):
    """A test called an endpoint of Bluejay that the fake neither models nor was given a stub for."""


class Unmet(pytest.PytestWarning):
    """A fault or a stub met no request, and the option `unmet` is `warn`."""


def _factory(request: pytest.FixtureRequest) -> Iterator[MakeBluejay]:
    """Yield a factory of fakes, `make_bluejay(**options)`.

    Each fake is on until the test ends, or the class, the module or the session in whose scope the fixture is. The last
    made takes the calls.
    """
    node: pytest.Item | pytest.Collector = request.node
    configured = _configured(node)
    with contextlib.ExitStack() as at_the_end:  # it stops all fakes, even if stopping one raises

        def make(**options: Unpack[Options]) -> FakeBluejay:
            __tracebackhide__ = True
            fake = _started(node, {**configured, **options})
            if not isinstance(node, pytest.Item):
                at_the_end.callback(_check_unmet, node, fake)
            at_the_end.callback(_stop, node, fake)
            return fake

        yield make


make_bluejay = pytest.fixture(_factory)
make_class_bluejay = pytest.fixture(_factory, scope="class")
make_module_bluejay = pytest.fixture(_factory, scope="module")
make_session_bluejay = pytest.fixture(_factory, scope="session")


@pytest.fixture
def bluejay() -> Iterator[FakeBluejay]:
    """Yield a fresh fake Bluejay: it answers calls to the real host, in this process, and time stands still."""
    item = _running[-1]
    fake = _started(item, _configured(item))
    try:
        yield fake
    finally:
        _stop(item, fake)


@pytest.fixture
def bluejay_every_reading(bluejay: FakeBluejay) -> FakeBluejay:
    """Return `bluejay`, with the defaults, with each other plausible reading, and with evaluations early and late."""
    item = _running[-1]
    callspec = getattr(item, "callspec", None)
    if callspec is None or "bluejay_every_reading" not in callspec.params:
        pytest.fail(
            f"{item.name} would run with one reading: pytest repeats a test for each reading only if a test function,"
            " or a fixture that it names, has the argument bluejay_every_reading; it does not for getfixturevalue, for"
            " methods of unittest.TestCase, and for doctests",
            pytrace=False,
        )
    return bluejay


@pytest.fixture
def bluejay_server(bluejay: FakeBluejay, monkeypatch: pytest.MonkeyPatch) -> FakeBluejay:
    """Return `bluejay` with its loopback server started, and with that address in the environment, for subprocesses."""
    monkeypatch.setenv("BLUEJAY_API_URL", bluejay.base_url)
    monkeypatch.setenv("BLUEJAY_OTLP_ENDPOINT", f"{bluejay.base_url}/traces")
    return bluejay


def _started(node: pytest.Item | pytest.Collector, options: Options) -> FakeBluejay:
    __tracebackhide__ = True
    from fake_bluejay.facade.fake import FakeBluejay

    fake = FakeBluejay(**options)
    if isinstance(node, pytest.Item):
        node.stash.setdefault(_MADE, []).append(fake)
    return fake.start()


def _stop(node: pytest.Item | pytest.Collector, fake: FakeBluejay) -> None:
    fake.stop()
    for call in fake.unmodelled:
        method, path = call.split(" ", 1)
        advice = f'answered 501; give it an answer: bluejay.stub("{method}", "{path}", json={{…}})'
        node.warn(UnmodelledEndpoint(f"{call} is not modelled by the fake Bluejay, and was {advice}"))


def _configured(node: pytest.Item | pytest.Collector) -> Options:
    """Return the options for a test, or a class or module.

    Each of these overrides those before: the ini file, the command line, the markers from the farthest to the closest,
    and the reading that the test runs with. A mistake in a marker fails the test in one line.
    """
    options = node.config.stash[_SESSION].copy()
    markers = list(node.iter_markers("bluejay"))
    for marker in reversed(markers):
        if marker.args:
            pytest.fail(f"@pytest.mark.bluejay takes options by name, not {marker.args!r}", pytrace=False)
        options.update(marker.kwargs)
    callspec = getattr(node, "callspec", None)
    if callspec is not None and (departure := callspec.params.get("bluejay_every_reading")):
        from fake_bluejay.core.readings import Readings

        readings = options.get("readings") or {}
        given = readings.as_dict() if isinstance(readings, Readings) else readings
        options |= {**departure, "readings": {**given, **departure.get("readings", {})}}
    if markers:
        from fake_bluejay.facade.fake import FakeBluejay

        try:
            FakeBluejay(**options)
        except (TypeError, ValueError) as error:
            pytest.fail(f"@pytest.mark.bluejay: {error}", pytrace=False)
    return cast("Options", options)


def _of_the_session(config: pytest.Config) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for name in _OPTIONS:
        for text in (config.getini(f"bluejay_{name}"), config.getoption(f"bluejay_{name}")):
            if text:
                options[name] = _from_text(name, text)
    return options


def _from_text(name: str, text: str) -> Any:
    """Return the value of an option that is given as text.

    Raises:
        pytest.UsageError: No fake can be made with it.
    """
    from fake_bluejay.facade.fake import FakeBluejay

    value: Any = text.split() if name == "api_keys" else text
    try:
        if name == "seed":
            value = int(text)
        if name in ("speed", "longest", "evaluation_starts_after", "evaluation_takes"):
            value = float(text)
        if name == "webhooks_anywhere":
            value = {"true": True, "false": False}.get(text.lower())
            if value is None:
                raise ValueError
        if name == "participants":
            return [each.strip() for each in text.split(",")]  # each test will find the threads that run by then
        if name == "readings":
            value = dict(part.split("=", 1) for part in text.split())
    except ValueError:
        raise pytest.UsageError(f"bluejay_{name} = {text!r}: expected {_OPTIONS[name]}") from None
    options: dict[str, Any] = {"clock": "real", name: value} if name == "speed" else {name: value}
    try:
        FakeBluejay(**options)
    except ValueError as error:
        raise pytest.UsageError(f"bluejay_{name} = {text!r}: {error}") from None
    return value
