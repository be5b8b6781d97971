"""Nothing is left behind: after the last fake, everything is as it was before the first."""

import os
import sys
import time
from collections.abc import Callable
from time import monotonic, sleep  # noqa: F401 (only held)
from types import BuiltinFunctionType, FunctionType, MethodDescriptorType, ModuleType
from typing import Any, NamedTuple

import aiohttp  # noqa: F401 (to be patched)
import httpcore  # noqa: F401
import httpcore2  # noqa: F401
import httpx  # noqa: F401
import pytest
import requests
import time_machine

from fake_bluejay import FakeBluejay
from fake_bluejay.facade.fake import ACTIVE

URL = "https://api.getbluejay.ai/"
FUNCTIONS = (BuiltinFunctionType, FunctionType, MethodDescriptorType, classmethod, property, staticmethod)


def nap(seconds: float, by: Callable[[float], None] = time.sleep) -> None:
    by(seconds)


def functions() -> dict[tuple[str, ...], Any]:
    """Every function there is, of every module that is loaded and of its classes: so none escapes by its name."""
    found: dict[tuple[str, ...], Any] = {}
    # By the names in `sys.modules`, for a copy of a module, such as eventlet's of `time`, may have the same `__name__`.
    for module_name, module in list(sys.modules.items()):
        if not isinstance(module, ModuleType) or module_name.startswith("fake_bluejay."):
            continue
        for name, value in list(vars(module).items()):
            if isinstance(value, FUNCTIONS):
                found[module_name, name] = value
            elif isinstance(value, type) and value.__module__ == module.__name__:
                of_class = [(inner, each) for inner, each in vars(value).items() if isinstance(each, FUNCTIONS)]
                found |= {(module_name, name, inner): each for inner, each in of_class}
    return found


class State(NamedTuple):
    functions: dict[tuple[str, ...], Any]
    others: list[Any]


def state() -> State:
    variables = [os.environ.get(name) for name in ("BLUEJAY_API_KEY", "BLUEJAY_API_URL")]
    travelling = time_machine.escape_hatch.is_travelling()
    return State(functions(), [nap.__defaults__, variables, list(sys.meta_path), list(ACTIVE), travelling])


def assert_as_it_was(before: State) -> None:
    now = state()
    assert now.others == before.others
    changed = [place for place, value in now.functions.items() if before.functions.get(place, value) is not value]
    ours = [place for place, value in now.functions.items() if module_of(value).startswith("fake_bluejay.intercept.")]
    assert (changed, ours) == ([], [])


def module_of(value: Any) -> str:
    return str(getattr(getattr(value, "__func__", value), "__module__", None))


def patched(before: State) -> set[str]:
    now = functions()
    return {".".join(place) for place, value in now.items() if before.functions.get(place) is not value}


@pytest.fixture
def before(monkeypatch: pytest.MonkeyPatch) -> State:
    monkeypatch.setenv("BLUEJAY_API_KEY", "a-real-key")
    monkeypatch.delenv("BLUEJAY_API_URL", raising=False)
    with FakeBluejay():  # or what a first fake imports would be missing before
        pass
    return state()


def test_after_a_fake(before: State) -> None:
    with FakeBluejay() as bluejay:
        assert os.environ["BLUEJAY_API_KEY"] == bluejay.api_key != "a-real-key"
        assert os.environ["BLUEJAY_API_URL"] == "https://api.getbluejay.ai/v1"
        assert patched(before) >= {
            "aiohttp.connector.BaseConnector._get",
            "aiohttp.connector.TCPConnector._create_connection",
            "aiohttp.connector.UnixConnector._create_connection",
            "asyncio.base_events.BaseEventLoop.time",
            "http.client.HTTPConnection.connect",
            "http.client.HTTPConnection.putrequest",
            "http.client.HTTPSConnection.connect",
            *(
                f"{library}.{place}"
                for library in ("httpcore", "httpcore2")
                for place in (
                    "AsyncConnectionPool.create_connection",
                    "AsyncHTTPConnection.can_handle_request",
                    "AsyncHTTPProxy.create_connection",
                    "_async.http_proxy.AsyncForwardHTTPConnection.can_handle_request",
                    "_async.http_proxy.AsyncTunnelHTTPConnection.can_handle_request",
                    "ConnectionPool.create_connection",
                    "HTTPConnection.can_handle_request",
                    "HTTPProxy.create_connection",
                    "_sync.http_proxy.ForwardHTTPConnection.can_handle_request",
                    "_sync.http_proxy.TunnelHTTPConnection.can_handle_request",
                )
            ),
            "selectors.DefaultSelector.select",
            "_socket.getaddrinfo",
            "socket.gethostbyaddr",
            "socket.gethostbyname",
            "socket.gethostbyname_ex",
            "socket.socket.bind",
            "socket.socket.connect",
            "socket.socket.connect_ex",
            "time.monotonic",
            "time.monotonic_ns",
            "time.sleep",
            "urllib3.connection.HTTPConnection.connect",
            "urllib3.connection.HTTPSConnection.connect",
            f"{__name__}.monotonic",
            f"{__name__}.sleep",
        }
    assert_as_it_was(before)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_after_an_error(before: State, error: type[BaseException]) -> None:
    with pytest.raises(error), FakeBluejay():
        raise error
    assert_as_it_was(before)


def test_after_nested_fakes_stopped_in_any_order(before: State) -> None:
    first, second = FakeBluejay().start(), FakeBluejay(api_keys=["second-key"]).start()
    assert os.environ["BLUEJAY_API_KEY"] == "second-key"
    requests.post(URL)
    first.stop()
    requests.post(URL)
    assert (len(first.requests), len(second.requests)) == (0, 2)
    second.stop()
    assert_as_it_was(before)


def test_the_inner_fake_gives_the_calls_back() -> None:
    with FakeBluejay() as outer:
        with FakeBluejay() as inner:
            requests.post(URL)
        requests.post(URL)
        assert (len(outer.requests), len(inner.requests)) == (1, 1)


def test_after_failing_and_erring_tests(pytester: pytest.Pytester, before: State) -> None:
    pytester.makepyfile(
        """
        import pytest
        def test_fails(bluejay): assert False
        @pytest.fixture
        def broken(bluejay): raise RuntimeError
        def test_errs(broken): pass
        @pytest.mark.bluejay(agnet="silent")
        def test_has_a_bad_option(bluejay): pass
        def test_a_library_fails_to_start(bluejay, monkeypatch):
            monkeypatch.setattr("time_machine.travel", None)
            from fake_bluejay import FakeBluejay
            bluejay.stop()
            with pytest.raises(TypeError), FakeBluejay(): pass
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:randomly", "-p", "no:asyncio", "-p", "no:socket")
    result.assert_outcomes(passed=1, failed=1, errors=2)
    result.stdout.fnmatch_lines(["*unknown option 'agnet'; did you mean 'agent'? known: *"])
    assert_as_it_was(before)


def test_after_an_interrupt(pytester: pytest.Pytester, before: State) -> None:
    pytester.makepyfile("def test_is_interrupted(bluejay): raise KeyboardInterrupt")
    result = pytester.runpytest_inprocess(
        "-p", "no:randomly", "-p", "no:asyncio", "-p", "no:socket", no_reraise_ctrlc=True
    )
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert_as_it_was(before)
