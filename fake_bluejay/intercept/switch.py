"""The switch: which fakes are on, and the patches and environment variables that hold while any is."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from fake_bluejay.intercept import virtual_time
from fake_bluejay.intercept.door import is_bluejay
from fake_bluejay.intercept.patch import Patch
from fake_bluejay.intercept.virtual_time import VirtualTime

if TYPE_CHECKING:
    from fake_bluejay.bluejay.app import Api

__all__ = ["Fake", "current", "guard", "leave_nothing", "switch_off", "switch_on", "taker"]


class Fake(NamedTuple):
    """A fake that is on, as its doors know it."""

    app: Api
    environment: dict[str, str]
    """The variables that its clients are to find."""
    may_fail: Callable[[], bool]
    """Whether a fault is armed, so that a call has to go through all of a client's machinery."""
    time: VirtualTime | None
    """What sleeping moves; None if it takes its real time."""


class _Prepared(NamedTuple):
    """A patch made ready: what the class itself has there (it may inherit the attribute), and what replaces it."""

    owner: Any
    name: str
    original: Any
    replacement: Any


_ABSENT: Any = object()


def _put_back(patch: _Prepared) -> None:
    if patch.original is _ABSENT:
        delattr(patch.owner, patch.name)
    else:
        setattr(patch.owner, patch.name, patch.original)


class _Group:
    """Patches that are on and off together: module whose import makes them possible → the file here that has them."""

    def __init__(self, files: dict[str, str]) -> None:
        self.files = files
        self.on = False
        self._patched: list[_Prepared] = []
        self._prepared: dict[str, tuple[ModuleType, list[_Prepared]]] = {}

    def switch(self, on: bool) -> None:
        if on == self.on:
            return
        self.on = on
        if on:
            for name, file in self.files.items():
                module = sys.modules.get(name)
                if module is not None:
                    self.patch(module, file)
        else:
            for patch in reversed(self._patched):
                _put_back(patch)
            self._patched.clear()

    def leave_nothing(self) -> None:
        """What is off and in its place all the same is put back."""
        for _, ready in () if self.on else self._prepared.values():
            for patch in ready:
                if patch.owner.__dict__.get(patch.name) is patch.replacement:
                    _put_back(patch)

    def patch(self, module: ModuleType, file: str) -> None:
        ready = self._prepare(module, file)
        for owner, name, _, replacement in ready:
            setattr(owner, name, replacement)
        self._patched += ready

    def _prepare(self, module: ModuleType, file: str) -> list[_Prepared]:
        # Kept from test to test, unless somebody else has replaced something since.
        known, ready = self._prepared.get(module.__name__, (None, []))
        if known is module:
            for owner, name, original, _ in ready:
                if owner.__dict__.get(name, _ABSENT) is not original:
                    break
            else:
                return ready
        patches: Iterable[Patch] = importlib.import_module(f"fake_bluejay.intercept.{file}").patches(module)
        ready = [
            _Prepared(owner, name, vars(owner).get(name, _ABSENT), replacement(getattr(owner, name)))
            for owner, name, replacement in patches
        ]
        self._prepared[module.__name__] = module, ready
        return ready


_clients = _Group(
    {
        "aiohttp.connector": "aiohttp",
        "http.client": "http_client",
        "httpx": "httpx",
        "httpx2": "httpx",
        "requests": "requests",
        "urllib3": "urllib3",
    }
)
_clocks = _Group({"time": "virtual_time", "asyncio.base_events": "asyncio"})
_names = _Group({"socket": "guard"})
_groups = (_clients, _clocks, _names)

_lock = threading.RLock()
_on: list[Fake] = []
_guards = 0
_found: list[dict[str, str | None]] = []
"""For each that is on, what the variables were before; None for not set."""
_given: dict[str, tuple[set[str], str | None]] = {}
"""Variable → the values that fakes have given it, and what it was before the first of them."""


def current() -> Fake | None:
    """The fake that takes calls now: the one that was switched on last."""
    return _on[-1] if _on else None


def taker(host: str | bytes | None) -> Fake | None:
    """The fake that takes a call to this host; None if that is not Bluejay's, or no fake is on.

    Raises `NotIntercepted` where none is on and all calls to Bluejay are guarded: by a proxy they would get out.
    """
    if not is_bluejay(host):
        return None
    if not _on and _guards:
        from fake_bluejay.intercept.guard import NotIntercepted

        raise NotIntercepted
    return current()


def switch_on(fake: Fake) -> None:
    """Let this fake take the calls to the real host."""
    with _lock:
        _on.append(fake)
        found = {variable: os.environ.get(variable) for variable in fake.environment}
        _found.append(found)
        for variable, value in fake.environment.items():
            _given.setdefault(variable, (set(), found[variable]))[0].add(value)
        _switch_groups()
        if fake.time is not None:
            virtual_time.join(fake.time)
        os.environ.update(fake.environment)


def switch_off(fake: Fake) -> None:
    """Stop taking calls for this fake; with the last one, everything is as it was before the first."""
    with _lock:
        place = next(index for index, one in enumerate(_on) if one is fake)
        found = _found.pop(place)
        del _on[place]
        if fake.time is not None:
            virtual_time.leave(fake.time)
        _switch_groups()
        if place < len(_on):  # the one that came next will leave what this one found
            _found[place] = found
            return
        for variable, value in found.items():
            _set(variable, value)


def leave_nothing() -> None:
    """While no fake is on: take away what is there of ours again.

    Whoever undoes changes of their own that were made while a fake was on puts back what was there then. `monkeypatch`
    and pytest-mock's `mocker` do, where a test has them from before its fake.
    """
    with _lock:
        if not _on:
            for variable, (values, before) in _given.items():
                if os.environ.get(variable) in values:
                    _set(variable, before)
            _given.clear()
            for group in _groups:
                group.leave_nothing()
            virtual_time.switch_named(False)


def _set(variable: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(variable, None)
    else:
        os.environ[variable] = value


def guard(on: bool) -> None:
    """Keep calls from the real host also while no fake is on; as often off as on."""
    global _guards
    with _lock:
        _guards += 1 if on else -1
        _switch_groups()


def _switch_groups() -> None:
    sleepless = any(fake.time is not None for fake in _on)
    if sleepless != _clocks.on:
        _clocks.switch(sleepless)
        virtual_time.switch_named(sleepless)
    needed = bool(_on) or _guards > 0
    _clients.switch(needed)
    _names.switch(needed)
    watching = _watcher in sys.meta_path
    if needed and not watching:
        sys.meta_path.insert(0, _watcher)
    elif watching and not needed:
        sys.meta_path.remove(_watcher)


class _Watcher(importlib.abc.MetaPathFinder):
    """Patches a client library that is first imported while a fake, or the guard, is on."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        group = next((group for group in _groups if fullname in group.files), None)
        if group is None:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(fullname, path, target)
            if spec is not None and spec.loader is not None:
                _patch_once_executed(spec.loader, group, group.files[fullname])
                return spec
        return None


def _patch_once_executed(loader: Any, group: _Group, file: str) -> None:
    execute = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        del loader.exec_module
        execute(module)
        with _lock:
            if group.on:
                group.patch(module, file)

    loader.exec_module = exec_module


_watcher = _Watcher()
