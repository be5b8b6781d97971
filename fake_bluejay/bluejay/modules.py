"""The declarations of this package's modules, found by path or by name; each module is loaded on first use.

`published` names the module of each path. A resource's module has the name of its collection, so it is found without
loading others. To find a further resource of a module, all modules are loaded.
"""

from __future__ import annotations

import functools
import importlib
from types import ModuleType
from typing import TYPE_CHECKING

from fake_bluejay.bluejay.published import ALIASES, MODELLED_IN, MODULES
from fake_bluejay.core.resources import plural_of
from fake_bluejay.core.suggest import unknown
from fake_bluejay.http.calendar import real_calendar

if TYPE_CHECKING:
    from fake_bluejay.bluejay.resources import Operations
    from fake_bluejay.http.operation import Operation


def _load(module: str) -> ModuleType:
    with real_calendar():
        return importlib.import_module(f"fake_bluejay.bluejay.{module}")


@functools.cache
def _declarations(module: str) -> tuple[Operations, ...]:
    """Load a module, and return all `Operations` that stand in it."""
    from fake_bluejay.bluejay.resources import Operations

    names = vars(_load(module))
    return tuple(one for one in names.values() if isinstance(one, Operations) and one.module == names["__name__"])


def _operations_in(module: str) -> list[Operation]:
    return [operation for declared in _declarations(module) for operation in declared.all]


@functools.cache
def operation_at(method: str, path: str) -> Operation | None:
    """Return the operation that is modelled at a published path; None if there is none."""
    module = MODELLED_IN.get(path)
    if module is None:
        return None
    declared_at = ALIASES.get(path, path)
    for operation in _operations_in(module):
        if (operation.method, operation.path) == (method, declared_at):
            return operation if path == declared_at else operation.moved_to(path)
    return None


def operations() -> list[Operation]:
    """Return every operation that is modelled, those of aliases too; this loads all modules."""
    found = [one for module in sorted(MODULES) for one in _operations_in(module)]
    aliases = [one.moved_to(path) for path, declared_at in ALIASES.items() for one in found if one.path == declared_at]
    return found + aliases


@functools.cache
def declared(name: str, *, exactly: bool = False) -> Operations:
    """Return the operations of a resource, by its name or the name of its collection.

    Args:
        name: `folder`, `folders`, `digital human`, `digital_human`, `digital-humans`, …
        exactly: True if only the name of the collection will do.

    Raises:
        ValueError: There is no such resource; the message says what there is.
    """
    plural = plural_of(name)
    modules = sorted(MODULES, key=lambda module: module != plural)
    if not exactly or name == plural:
        for module in modules:
            for operations in _declarations(module):
                if operations.resource is not None and operations.resource.plural == plural:
                    return operations
    raise ValueError(unknown("resource", name, resource_names()))


def resource_names() -> list[str]:
    """Return the names of the collections of all resources; this loads all modules."""
    every = (one for module in MODULES for one in _declarations(module))
    return sorted(one.resource.plural for one in every if one.resource is not None)
