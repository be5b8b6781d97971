"""Functions of `time` that were imported by name, also in modules that come and go."""

import sys
import time
from types import ModuleType

import pytest

from fake_bluejay import FakeBluejay


def module(name: str, source: str) -> ModuleType:
    made = ModuleType(name)
    exec(source, vars(made))
    return made


SOURCE = """
from time import sleep as nap
def wait(seconds, *, by=nap): by(seconds)
class Outer:
    class Inner:
        nap = nap
    held = staticmethod(nap)
    @staticmethod
    def static(seconds, by=nap): by(seconds)
    @classmethod
    def of_class(cls, seconds, by=nap): by(seconds)
"""


def test_a_module_that_takes_the_place_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        made = module("comes_and_goes", SOURCE)
        monkeypatch.delitem(sys.modules, "comes_and_goes", raising=False)  # so that it is the newest
        monkeypatch.setitem(sys.modules, "comes_and_goes", made)
        with FakeBluejay() as bluejay:
            start = bluejay.clock.now
            made.nap(1000)
            made.wait(200)
            made.Outer.Inner().nap(30)
            made.Outer.held(4)
            made.Outer.static(0.5)
            made.Outer().of_class(0.25)
            assert (bluejay.clock.now - start).total_seconds() == 1234.75
        assert_original(made)


def assert_original(made: ModuleType) -> None:
    static, of_class = made.Outer.static.__defaults__, made.Outer.of_class.__func__.__defaults__
    assert {made.nap, made.wait.__kwdefaults__["by"], made.Outer.Inner.nap, *static, *of_class} == {time.sleep}
    held = vars(made.Outer)["held"]
    assert isinstance(held, staticmethod)
    assert held.__func__ is time.sleep


def test_a_module_that_is_imported_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeBluejay():
        made = module("comes_late", SOURCE)
        monkeypatch.setitem(sys.modules, "comes_late", made)
    assert_original(made)


def test_name_that_somebody_else_replaced_stays_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    made = module("replaced", SOURCE)
    monkeypatch.setitem(sys.modules, "replaced", made)
    with FakeBluejay():
        pass
    with FakeBluejay():
        vars(made)["nap"] = print
    assert made.nap is print
