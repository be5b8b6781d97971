"""Clocks, sleeping and locks of the operating system, past all replacements.

Tools that replace time look for its functions in the modules that hold them: freezegun puts its own into every module
that has `time.monotonic`, also into ours. So the clocks come from a private copy of `time`.
"""

from __future__ import annotations

import _thread
import gc
import importlib.machinery
import importlib.util
import time
from types import BuiltinFunctionType, ModuleType
from typing import Any


def _copy(name: str) -> ModuleType:
    """Return a copy of a builtin module, with functions of its own."""
    spec = importlib.machinery.BuiltinImporter.find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_time = _copy("time")


class REAL:
    """The real functions of time. They stand in a class because tools that replace functions look into modules only."""

    monotonic: Any = _time.monotonic
    sleep: Any = _time.sleep
    thread_time: Any = getattr(_time, "thread_time", _time.process_time)
    process_time: Any = _time.process_time
    clock_gettime: Any = getattr(_time, "clock_gettime", None)
    Lock: Any = _thread.allocate_lock
    RLock: Any = _thread.RLock
    get_ident: Any = _thread.get_ident


def _original(name: str) -> Any:
    """Return the true function of `time`, also where another tool has replaced it; None if nobody has kept it."""

    def is_original(value: Any) -> bool:
        return type(value) is BuiltinFunctionType and value.__self__ is time and value.__name__ == name

    found = vars(time)[name]
    return found if is_original(found) else next(filter(is_original, gc.get_referrers(time)), None)


class ORIGINALS:
    """The functions of `time` itself, to recognize where else they are held; None if they are not to be found."""

    sleep: Any = _original("sleep")
    monotonic: Any = _original("monotonic")
    monotonic_ns: Any = _original("monotonic_ns")
