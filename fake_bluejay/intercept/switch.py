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
from typing import Any, NamedTuple

from fake_bluejay.intercept.door import App

__all__ = ["Patch", "current", "switch_off", "switch_on"]

_CLIENTS = {
    "http.client": "http_client",
    "httpx": "httpx",
    "requests": "requests",
    "urllib3": "urllib3",
}
"""The module whose import makes a client library usable → the file here that takes its calls."""


class Patch(NamedTuple):
    """An attribute to replace: where, which, and what makes the replacement out of the original."""

    owner: Any
    name: str
    replacement: Callable[[Any], Any]


class On(NamedTuple):
    """A fake that is on: its application, and the variables that its clients are to find in the environment."""

    app: App
    environment: dict[str, str]


_lock = threading.RLock()
_on: list[On] = []
_patched: list[_Prepared] = []
_environment: dict[str, str | None] = {}
"""What the variables were before the first fake was switched on; None for not set."""


def current() -> On | None:
    """The fake that takes calls now: the one that was switched on last."""
    return _on[-1] if _on else None


def switch_on(fake: On) -> None:
    """Let this fake take the calls to the real host."""
    with _lock:
        if not _on:
            sys.meta_path.insert(0, _watcher)
            for module, file in _CLIENTS.items():
                if module in sys.modules:
                    _patch(sys.modules[module], file)
        _on.append(fake)
        _set_environment(fake)


def switch_off(fake: On) -> None:
    """Stop taking calls for this fake; with the last one, everything is as it was before the first."""
    with _lock:
        _on[:] = [one for one in _on if one is not fake]
        if _on:
            _set_environment(_on[-1])
            return
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not _watcher]
        while _patched:
            patch = _patched.pop()
            if patch.original is _ABSENT:
                delattr(patch.owner, patch.name)
            else:
                setattr(patch.owner, patch.name, patch.original)
        for variable, value in _environment.items():
            if value is None:
                os.environ.pop(variable, None)
            else:
                os.environ[variable] = value
        _environment.clear()


def _set_environment(fake: On) -> None:
    for variable, value in fake.environment.items():
        _environment.setdefault(variable, os.environ.get(variable))
        os.environ[variable] = value


_ABSENT: Any = object()


class _Prepared(NamedTuple):
    """A patch made ready: what the class itself has there (it may inherit the attribute), and what replaces it."""

    owner: Any
    name: str
    original: Any
    replacement: Any


_prepared: dict[str, tuple[ModuleType, list[_Prepared]]] = {}


def _patch(module: ModuleType, file: str) -> None:
    for patch in _prepare(module, file):
        setattr(patch.owner, patch.name, patch.replacement)
        _patched.append(patch)


def _prepare(module: ModuleType, file: str) -> list[_Prepared]:
    # Kept from test to test, unless somebody else has replaced something since.
    known, prepared = _prepared.get(file, (None, []))
    if known is not module or any(vars(one.owner).get(one.name, _ABSENT) is not one.original for one in prepared):
        patches: Iterable[Patch] = importlib.import_module(f"fake_bluejay.intercept.{file}").patches(module)
        prepared = [
            _Prepared(owner, name, vars(owner).get(name, _ABSENT), replacement(getattr(owner, name)))
            for owner, name, replacement in patches
        ]
        _prepared[file] = module, prepared
    return prepared


class _Watcher(importlib.abc.MetaPathFinder):
    """Patches a client library that is first imported while a fake is on."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in _CLIENTS:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(fullname, path, target)
            if spec is not None and spec.loader is not None:
                _patch_once_executed(spec.loader, _CLIENTS[fullname])
                return spec
        return None


def _patch_once_executed(loader: Any, file: str) -> None:
    execute = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        del loader.exec_module
        execute(module)
        with _lock:
            if _on:
                _patch(module, file)

    loader.exec_module = exec_module


_watcher = _Watcher()
