"""Shims stack with what others replace, and looking for places runs none of their code."""

import importlib.abc
import importlib.util
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.intercept import shims
from fake_bluejay.intercept.shims import Seam, ShimGroup
from tests.warm import output_of


class Base:
    def inherited(self) -> str:
        return "inherited"


class Theirs(Base):
    def call(self) -> str:
        return "theirs"


def original() -> str:
    return "theirs"


wanted = False


def make(found: Callable[..., Any]) -> Callable[..., Any]:
    def shim(*args: Any) -> Any:
        return f"ours({found(*args)})" if wanted else found(*args)

    return shim


CALL, INHERITED = vars(Theirs)["call"], Theirs.inherited


@pytest.fixture
def group(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bool], None]]:
    """A switch of a group that has seams in a module and in a class of "theirs"."""
    module = types.ModuleType("theirs")
    module.original = original  # type: ignore[attr-defined]
    file = types.ModuleType("fake_bluejay.intercept.of_theirs")

    def seams(found: Any) -> Iterator[Seam]:
        yield Seam(Theirs, "call", make)
        yield Seam(Theirs, "inherited", make)
        yield Seam(found, "original", make, named=original)

    file.seams = seams  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "theirs", module)
    monkeypatch.setitem(sys.modules, file.__name__, file)
    made = ShimGroup({"theirs": "of_theirs"}, spared=("fake_bluejay",))

    def switch(on: bool) -> None:
        global wanted
        wanted = on
        made.switch(on)

    yield switch
    switch(False)
    shims._groups.remove(made)
    for value in [key for key, named in shims._named.items() if named.group is made]:
        del shims._named[value]
    assert "inherited" not in vars(Theirs)


Switch = Callable[[bool], None]


def test_shim_that_is_on_is_called_and_off_restores_the_original(group: Switch) -> None:
    for _ in range(2):
        group(True)
        assert (Theirs().call(), Theirs().inherited()) == ("ours(theirs)", "ours(inherited)")
        assert original() == "ours(theirs)"
        assert sys.modules["theirs"].original() == "ours(theirs)"
        group(False)
        assert (vars(Theirs)["call"], vars(Theirs).get("inherited")) == (CALL, None)
        assert original() == "theirs"


def test_a_wrapper_from_before_is_under_the_shim(group: Switch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Theirs, "call", wrapper := lambda self: f"before({CALL(self)})")
    group(True)
    assert Theirs().call() == "ours(before(theirs))"
    group(False)
    assert vars(Theirs)["call"] is wrapper


def by_closure() -> Any:
    found = Theirs.call
    return lambda self: f"after({found(self)})"


def by_global() -> Any:
    global held
    held = Theirs.call

    def outer(self: Any) -> str:
        return f"after({held(self)})"

    return outer


def by_wrapt() -> Any:
    import wrapt

    return wrapt.FunctionWrapper(Theirs.call, lambda found, self, args, kwargs: f"after({found(*args)})")


class Callee:
    def __init__(self) -> None:
        self.found = Theirs.call

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return lambda: f"after({self.found(instance)})"


@pytest.mark.parametrize("wrap", [by_closure, by_global, by_wrapt, Callee])
def test_a_wrapper_that_outlives_the_shim_stays_and_layers_do_not_pile_up(group: Switch, wrap: Any) -> None:
    group(True)
    theirs = wrap()
    Theirs.call = theirs  # type: ignore[method-assign]
    try:
        assert Theirs().call() == "after(ours(theirs))"
        for _ in range(3):
            group(False)
            assert vars(Theirs)["call"] is theirs
            assert Theirs().call() == "after(theirs)"
            group(True)
            assert vars(Theirs)["call"] is theirs
            assert Theirs().call() == "after(ours(theirs))"
    finally:
        Theirs.call = CALL  # type: ignore[method-assign]


def test_a_shim_that_somebody_took_away_is_put_on_again(group: Switch, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Theirs, "call", lambda self: "before")
        group(True)
    assert Theirs().call() == "theirs"
    group(True)
    assert Theirs().call() == "ours(theirs)"


def test_a_shim_that_somebody_put_back_is_taken_away(group: Switch, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        group(True)
        patch.setattr(Theirs, "call", lambda self: "after")
        group(False)
        assert Theirs().call() == "after"
    assert Theirs().call() == "theirs"  # inert
    assert vars(Theirs)["call"] is not CALL
    shims.leave_nothing()
    assert vars(Theirs)["call"] is CALL


def test_a_module_that_is_imported_anew_while_on_leaves_nothing_in_the_old_one(
    group: Switch, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = sys.modules["theirs"], types.ModuleType("theirs")
    new.original = original  # type: ignore[attr-defined]
    group(True)
    monkeypatch.setitem(sys.modules, "theirs", new)
    group(True)
    assert (old.original(), new.original()) == ("ours(theirs)", "ours(theirs)")
    group(False)
    assert vars(old)["original"] is original
    assert vars(new)["original"] is original


def test_a_mock_is_called_as_python_calls_it(group: Switch) -> None:
    with mock.patch.object(Theirs, "call", return_value="mocked") as mocked:
        group(True)
        assert Theirs().call() == "ours(mocked)"
        mocked.assert_called_once_with()  # without the object
        group(False)
        assert vars(Theirs)["call"] is mocked


def test_a_name_bound_while_on_is_inert_when_off(group: Switch) -> None:
    group(True)
    bound = sys.modules["theirs"].original
    held = {"by nobody that can be seen": bound}
    assert bound() == "ours(theirs)"
    group(False)
    assert held.popitem()[1]() == "theirs"


class Raising:
    """An object that is not to be touched: any question runs its code, which fails."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(f"asked for {name}")

    __class__ = property(lambda self: self.anything)  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("compared")

    def __hash__(self) -> int:
        raise RuntimeError("hashed")

    def __bool__(self) -> bool:
        raise RuntimeError("asked whether it is true")


class RaisingMeta(type):
    def __getattribute__(cls, name: str) -> Any:
        raise RuntimeError(f"asked for {name}")

    def __setattr__(cls, name: str, value: Any) -> None:
        raise RuntimeError(f"set {name}")


class RaisingModule(types.ModuleType):
    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(f"asked for {name}")

    def __setattr__(self, name: str, value: Any) -> None:
        raise RuntimeError(f"set {name}")


def test_looking_runs_nobodys_code(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    module = RaisingModule("raises_when_touched")
    contents = vars(types.ModuleType)["__dict__"].__get__(module)
    contents["lazy"] = Raising()
    contents["odd"] = RaisingMeta("odd", (), {"__module__": module_name, "sleep": time.sleep})
    contents["sleep"] = time.sleep
    contents[7] = None
    monkeypatch.setitem(sys.modules, module_name, module)
    with FakeBluejay() as bluejay:
        contents["sleep"](5)
        vars(type)["__dict__"].__get__(contents["odd"])["sleep"].__func__(6)
        assert bluejay.clock.now.second == 11
    assert contents["sleep"] is time.sleep
    assert vars(type)["__dict__"].__get__(contents["odd"])["sleep"] is time.sleep


module_name = "raises_when_touched"


def test_a_module_that_loads_lazily_is_not_loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / "loads_lazily.py").write_text("import time\nfrom time import sleep\nraise RuntimeError('loaded')\n")
    spec = importlib.util.spec_from_file_location("loads_lazily", tmp_path / "loads_lazily.py")
    assert spec is not None
    assert spec.loader is not None
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "loads_lazily", module)
    spec.loader.exec_module(module)
    with FakeBluejay():
        pass
    with pytest.raises(RuntimeError, match="loaded"):
        module.sleep  # noqa: B018


@pytest.mark.parametrize("before", [True, False])
def test_a_client_that_loads_lazily_is_intercepted_once_it_loads(before: bool, tmp_path: Path) -> None:
    load = """
spec = importlib.util.find_spec("httpcore")
spec.loader = importlib.util.LazyLoader(spec.loader)
lazy = sys.modules["httpcore"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(lazy)
"""
    script = f"""
import importlib.util, sys
from fake_bluejay import FakeBluejay
{load if before else ""}
with FakeBluejay():
    {load.replace(chr(10), chr(10) + "    ") if not before else ""}
    assert type(lazy) is importlib.util._LazyModule
    assert lazy.ConnectionPool.create_connection.__module__ == "fake_bluejay.intercept.httpcore"
assert lazy.ConnectionPool.create_connection.__module__.startswith("httpcore.")
"""
    output_of(script, directory=tmp_path)


def test_a_client_that_another_thread_is_just_importing_is_intercepted(tmp_path: Path) -> None:
    """The import is held up at h2, which httpcore looks for."""
    (tmp_path / "h2").mkdir()
    (tmp_path / "h2" / "__init__.py").write_text(
        "import builtins\nbuiltins.begun.set()\nbuiltins.go_on.wait(20)\nraise ImportError('not here')\n"
    )
    script = f"""
import builtins, importlib, sys, threading
sys.path.insert(0, {str(tmp_path)!r})
builtins.begun, builtins.go_on = threading.Event(), threading.Event()
from fake_bluejay import FakeBluejay
importing = threading.Thread(target=importlib.import_module, args=("httpcore",))
importing.start()
assert builtins.begun.wait(20)
threading.Timer(0.1, builtins.go_on.set).start()
with FakeBluejay():
    importing.join()
    import httpx
    assert httpx.get("https://api.getbluejay.ai/v1/ping").status_code == 200
"""
    output_of(script, directory=tmp_path)


def test_another_library_under_the_name_of_urllib3_is_left_alone(tmp_path: Path) -> None:
    """As urllib3-future is, whose connections are not derived from those of `http.client`."""
    code = """
import sys, types
for name in "urllib3", "urllib3.connection":
    sys.modules[name] = types.ModuleType(name)
class HTTPConnection:
    __module__ = "urllib3.connection"
    def connect(self): return "theirs"
sys.modules["urllib3.connection"].HTTPConnection = HTTPConnection
import urllib.request
from fake_bluejay import FakeBluejay
with FakeBluejay():
    assert HTTPConnection().connect() == "theirs"
    assert urllib.request.urlopen("https://api.getbluejay.ai/v1/ping").status == 200
"""
    output_of(code, directory=tmp_path)


class Finder(importlib.abc.MetaPathFinder):
    """A finder that finds nothing."""

    def find_spec(self, *_: Any) -> None:
        return None


@pytest.mark.parametrize("before", [True, False])
def test_pyfakefs_finds_its_own_finder_on_top(before: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the topmost finder off, whoever's it is."""
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    monkeypatch.setattr(Finder, "__module__", "pyfakefs.fake_filesystem_unittest")
    found, theirs = [*sys.meta_path], Finder()
    if before:
        sys.meta_path.insert(0, theirs)
    with FakeBluejay():
        if not before:
            sys.meta_path.insert(0, theirs)
        assert sys.meta_path.pop(0) is theirs
        sys.meta_path.insert(0, theirs)
    assert sys.meta_path.pop(0) is theirs
    assert sys.meta_path == found


def test_a_module_that_the_finder_of_another_tool_finds_gets_its_shims(tmp_path: Path) -> None:
    code = """
import importlib.machinery, sys
from fake_bluejay import FakeBluejay


class Finder:
    find_spec = staticmethod(importlib.machinery.PathFinder.find_spec)


sys.meta_path.insert(0, Finder())
with FakeBluejay():
    import urllib3
    assert urllib3.PoolManager().request("GET", "https://api.getbluejay.ai/v1/ping").status == 200
"""
    output_of(code, directory=tmp_path)


INTERRUPTED = """
import importlib, sys, time
from time import sleep
import httpcore, httpx, requests, urllib.request
from fake_bluejay import FakeBluejay
from fake_bluejay.intercept import switch

name, function = sys.argv[1].rsplit(".", 1)
owner, about = importlib.import_module(name), sys.modules[sys.argv[2]]
original, done = getattr(owner, function), []

def interrupted(*args):
    if args[0] is about and not done:
        done.append(True)
        raise KeyboardInterrupt  # as Ctrl-C does, or the timeout of a test, at any line
    return original(*args)

setattr(owner, function, interrupted)
try:
    with FakeBluejay():
        raise SystemExit("was not interrupted")
except KeyboardInterrupt:
    pass
assert switch.current() is None
for _ in range(2):
    with FakeBluejay() as bluejay:
        assert requests.get("https://api.getbluejay.ai/v1/ping", timeout=5).status_code == 200
        assert httpx.get("https://api.getbluejay.ai/v1/ping", timeout=5).status_code == 200
        assert urllib.request.urlopen("https://api.getbluejay.ai/v1/ping", timeout=5).status == 200
        start, real = bluejay.clock.now, time.perf_counter()
        sleep(30)
        time.sleep(30)
        assert (bluejay.clock.now - start).total_seconds() == 60
        assert time.perf_counter() - real < 20
"""


@pytest.mark.parametrize(
    ("function", "about"),
    [
        ("fake_bluejay.intercept.http_client.seams", "http.client"),
        ("fake_bluejay.intercept.urllib3.seams", "urllib3.connection"),
        ("fake_bluejay.intercept.httpcore.seams", "httpcore"),
        ("fake_bluejay.intercept.waits.seams", "time"),
        ("fake_bluejay.intercept.shims._places_in", "__main__"),
    ],
)
def test_a_start_that_is_interrupted_harms_no_later_one(function: str, about: str, tmp_path: Path) -> None:
    output_of(INTERRUPTED, function, about, directory=tmp_path)
