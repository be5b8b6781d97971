"""Shims: the one way in which attributes of other people's modules and classes are replaced.

A *seam* is an attribute of somebody else: an owner, a name, and a function that makes the replacement, which is called
a *shim*. The theory:

- A shim calls through to what it found, and asks at each call whether it is wanted. So a shim that is off is inert,
  wherever it is held: by a wrapper, by a saved attribute, by a module that imported it by name.
- A shim is put on over whatever stands there, so tools that were there before are under it and tools that come later
  are over it, as if each were the only one.
- A shim is taken away only if it is on top, which is decided with `is` on the owner's own namespace. Under somebody's
  wrapper it stays. The next time it is wanted, a shim that is on top or within reach of what is on top is in use
  already; so shims never pile up. Otherwise a shim is put on over what is there.
- A wrapper leads to a shim if a chain of references does, such as the garbage collector follows. The search is bounded;
  if it misses a shim, a second one is put on, which does no harm.

Looking never runs code of others. Objects are compared with `is` and asked for their `type()`; modules and classes give
their namespaces through `types.ModuleType` and `type` themselves, so no `__getattr__`, `__class__`, descriptor or
metaclass has a say, and a module that loads itself when it is touched does not. A namespace of a module is written
directly for the same reason.

A function of a module is also held by whoever wrote `from module import function`. A seam that gives the function as
`named` is replaced there too: in modules, in their classes and in the defaults of their functions.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from types import (
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    ModuleType,
    NoneType,
    SimpleNamespace,
    WrapperDescriptorType,
)
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

LOCK = threading.RLock()
"""The lock that is held while a shim is put on or taken off."""

_ABSENT: Any = object()
"""A marker for a class that only inherits the attribute."""

_REACH = 500
"""The number of objects looked at to see whether a wrapper leads to a shim."""


class Seam(NamedTuple):
    """A place to put a shim."""

    owner: Any
    """A module or a class."""
    name: str
    make: Callable[[Callable[..., Any]], Callable[..., Any]]
    """Makes the shim, a plain function, from a function that calls the original; in a class, `self` comes first."""
    named: Any = None
    """The original function, if it is to be replaced also where it was imported by name."""


class _Found(NamedTuple):
    seam: Seam
    value: Any


_found: WeakKeyDictionary[Any, _Found] = WeakKeyDictionary()
"""Shim → the value that it was put over."""


def _is_shim(value: Any) -> bool:
    return type(value) is FunctionType and value in _found


def _is_class(value: Any) -> bool:
    return issubclass(type(value), type)


_namespace_of_module: Callable[[Any], dict[str, Any]] = vars(ModuleType)["__dict__"].__get__
_namespace_of_class: Callable[[Any], Mapping[str, Any]] = vars(type)["__dict__"].__get__


_module_of_class: Callable[[Any], Any] = vars(type)["__module__"].__get__
_qualified_name: Callable[[Any], str] = vars(type)["__qualname__"].__get__


def _is_text(value: Any, expected: str) -> bool:
    return type(value) is str and value == expected


def _namespace(owner: Any) -> Mapping[str, Any]:
    return _namespace_of_class(owner) if _is_class(owner) else _namespace_of_module(owner)


def contents(module: ModuleType) -> SimpleNamespace:
    """Return the namespace of a module, for reading seams from it without loading its lazy parts."""
    return SimpleNamespace(**_namespace_of_module(module))


def _setter(owner: Any, name: str) -> Callable[[Any], object]:
    """Return a function that sets an attribute without code of its owner's."""
    if type(owner) is FunctionType:
        return partial(setattr, owner, name)
    if _is_class(owner):
        return partial(type.__setattr__, owner, name)
    return partial(_namespace_of_module(owner).__setitem__, name)


def class_of(module: str, name: str, base: type) -> Any:
    """Return the class that a module defined, also where somebody has put another in its place since.

    None, if it has defined no such class.

    Args:
        module: The module that defined it.
        name: Its qualified name.
        base: A class that it is derived from, directly.
    """
    subclasses: list[Any] = type.__subclasses__(base)
    for one in subclasses:
        if _is_text(_module_of_class(one), module) and _is_text(_qualified_name(one), name):
            return one
    return None


def derived(base: type, package: str) -> list[Any]:
    """Return the classes that are derived from a class and that a package defined, in any of its modules."""
    found: list[Any] = []
    subclasses: list[Any] = type.__subclasses__(base)
    for one in subclasses:
        module = _module_of_class(one)
        if type(module) is str and module.partition(".")[0] == package:
            found.append(one)
        found += derived(one, package)
    return found


# --- one seam ---------------------------------------------------------------------------------------------------


class _Shims:
    """The shims of one seam."""

    def __init__(self, seam: Seam) -> None:
        self.seam = seam
        self.name = seam.name
        self.look = _namespace(seam.owner).get
        self.set = _setter(seam.owner, seam.name)
        self.newest: Any = self
        """The shim that was made last; `self`, which no attribute holds, until there is one."""
        self.under: Any = self
        """The value that the newest shim was put over, which is not a shim of this seam."""
        self.named: Any = None
        """The replacement of the function where it was imported by name."""
        if seam.named is not None:
            self.named = self._over(seam.named)

    def put_on(self) -> None:
        """Put a shim over the present value, unless one is there or within reach."""
        top = self.look(self.name, _ABSENT)
        if top is self.under or not (self._is_mine(top) or self._is_reached_from(top)):
            self.set(self._over(top))

    def take_off(self) -> None:
        """Take away the shims that are on top."""
        top = self.look(self.name, _ABSENT)
        while top is self.newest or self._is_mine(top):
            top = self.under if top is self.newest else _found[top].value
            if top is _ABSENT:
                type.__delattr__(self.seam.owner, self.name)
            else:
                self.set(top)

    def _over(self, value: Any) -> Any:
        """Return a shim over this value: the newest again if it is over the same."""
        if value is self.under:
            return self.newest
        if self.named is not None and value is self.seam.named:
            self.newest, self.under = self.named, value
            return self.named
        shim = self.seam.make(_caller(self.seam, value))
        assert type(shim) is FunctionType
        shim.__name__ = shim.__qualname__ = self.seam.name
        if type(value) is FunctionType:
            shim.__doc__ = value.__doc__
            shim.__wrapped__ = value  # type: ignore[attr-defined]
        _found[shim] = _Found(self.seam, value)
        self.newest, self.under = shim, value
        return shim

    def _is_mine(self, value: Any) -> bool:
        if not _is_shim(value):
            return False
        seam = _found[value].seam
        return seam.owner is self.seam.owner and seam.name == self.seam.name

    def _is_reached_from(self, value: Any) -> bool:
        if value is _ABSENT or self.newest is self:
            return False
        return _leads_to(value, self._is_mine)


def leads_to(value: Any, function: Any) -> bool:
    """Return whether a value is a function, or holds it and may call it, as far as a look of bounded length shows."""
    return _leads_to(value, lambda one: one is function)


def _leads_to(value: Any, wanted: Callable[[Any], bool]) -> bool:
    seen: dict[int, Any] = {}
    queue = deque([value])
    while queue and len(seen) < _REACH:
        one = queue.popleft()
        if id(one) in seen:
            continue
        seen[id(one)] = one
        if wanted(one):
            return True
        queue.extend(_held_by(one))
    return False


def _held_by(value: Any) -> Iterable[Any]:
    """Return the objects that an object holds and may call, without those of whole modules and classes."""
    if type(value) is FunctionType:
        names = _names_in(value.__code__)
        by_name = [value.__globals__[name] for name in names if name in value.__globals__]
        return [*(value.__closure__ or ()), *by_name, *value.__dict__.values(), *(value.__defaults__ or ())]
    if _is_class(value) or issubclass(type(value), ModuleType):
        return ()
    return gc.get_referents(value)


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if type(constant) is CodeType:
            yield from _names_in(constant)


def _caller(seam: Seam, found: Any) -> Callable[..., Any]:
    """Return a function that calls the original as Python would have called it in its place."""
    owner, name, *_ = seam
    if found is _ABSENT:
        return lambda self, *args, **kwargs: getattr(super(owner, self), name)(*args, **kwargs)
    if type(found) is FunctionType or not _is_class(owner):
        call: Callable[..., Any] = found
        return call
    if not hasattr(type(found), "__get__"):
        return lambda self, *args, **kwargs: found(*args, **kwargs)  # for example, a mock is called without the object
    return lambda self, *args, **kwargs: found.__get__(self, type(self))(*args, **kwargs)


# --- many seams, on and off together ----------------------------------------------------------------------------


class ShimGroup:
    """Seams that are on and off together.

    Args:
        files: Name of a module whose import makes seams possible → the file beside this one whose `seams(module)` lists
            them. A module that is first imported while the group is on gets its shims then.
        spared: The packages in which functions that were imported by name are left alone.
    """

    def __init__(self, files: Mapping[str, str], spared: Collection[str] = ("fake_bluejay",)) -> None:
        self.files = files
        self.spared = spared
        self.on = False
        self._modules: dict[str, ModuleType | None] = dict.fromkeys(files)
        """Name → the module whose seams are in `_shims`; None until it has been loaded."""
        self._shims: dict[str, list[_Shims]] = {}
        self._replaced: list[_Shims] = []
        """The shims in modules that were imported anew, and so replaced, while the group was on."""
        self._all: list[_Shims] = []
        """All shims of the group, those in replaced modules too."""
        self.places: list[_Place] = []
        """The places where functions of the group's seams are held by name."""
        _groups.append(self)

    def switch(self, on: bool) -> None:
        """Put all shims on, also those that another tool has taken off; or take off all that are on top."""
        switch({self: on})

    def _switch(self, on: bool) -> None:
        """Switch the group's seams, but not functions that are held by name elsewhere."""
        self.on = on
        if on:
            for name, module in self.new_modules():
                self.put_on(name, module)
            for shims in self._all:
                # Every test comes here for every seam, so nothing is called that need not be.
                if shims.look(shims.name, _ABSENT) is shims.under:
                    shims.set(shims.newest)
                else:
                    shims.put_on()
        else:
            self.take_off()

    def new_modules(self) -> list[tuple[str, Any]]:
        """Return the loaded modules whose seams are not in `_shims` yet, each with its name."""
        loaded = sys.modules.get
        return [(name, module) for name, known in self._modules.items() if (module := loaded(name)) is not known]

    def put_on(self, name: str, module: Any, *, executed: bool = False) -> None:
        """Put the shims of this module on, if it is one, and loaded."""
        if type(module) is not ModuleType and not executed:
            if type(module) is _LazyModule:
                _call_once_executed(_namespace_of_module(module)["__spec__"].loader, name)
            return
        if not executed and _is_being_imported(module):
            return
        if self._modules[name] is not module:
            seams = importlib.import_module(f"fake_bluejay.intercept.{self.files[name]}").seams
            new = [_Shims(seam) for seam in seams(module)]
            if self._modules[name] is not None:
                self._replaced += self._shims[name]
            self._shims[name] = new
            self._list()
            for shims in new:
                if shims.named is not None:
                    _look_for(shims, self)
            # Last, for a signal's handler, such as Ctrl-C or a test's timeout, may raise at any line before.
            self._modules[name] = module
        for shims in self._shims[name]:
            shims.put_on()

    def take_off(self) -> None:
        """Remove the shims that are on top."""
        for shims in reversed(self._all):
            top = shims.look(shims.name, _ABSENT)
            if top is shims.newest and shims.under is not _ABSENT:
                shims.set(shims.under)
            elif top is not shims.under:
                shims.take_off()
        if self._replaced:
            self._replaced = []
            self._list()

    def _list(self) -> None:
        self._all = [*chain.from_iterable(self._shims.values()), *self._replaced]


_groups: list[ShimGroup] = []


def switch(groups: Mapping[ShimGroup, bool]) -> None:
    """Put groups of shims on or take them off, with one look through the modules for all of them."""
    changed = [group for group, on in groups.items() if on or group.on]
    for name in [name for group in changed if groups[group] for name, module in group.new_modules()]:
        if _is_being_imported(sys.modules.get(name)):
            with contextlib.suppress(ImportError):
                importlib.import_module(name)  # it waits for the importing thread, which may need the lock
    if changed:
        with LOCK:
            for group in changed:
                group._switch(groups[group])
            _switch_named(changed)
            _watch(any(group.on for group in _groups))


def leave_nothing() -> None:
    """Take off the shims of groups that are off, if another tool has put them back."""
    with LOCK:
        off = [group for group in _groups if not group.on]
        for group in off:
            group.take_off()
        _switch_named(off)


# --- modules that are imported meanwhile ------------------------------------------------------------------------

_LazyModule: Any = importlib.util._LazyModule  # type: ignore[attr-defined]
"""The type of a module that `importlib.util.LazyLoader` is to load once it is touched."""


def _is_being_imported(module: Any) -> bool:
    """Return whether a module is there, but not all that will be in it."""
    if type(module) is not ModuleType:
        return False
    spec = _namespace_of_module(module).get("__spec__")
    return type(spec) is importlib.machinery.ModuleSpec and bool(getattr(spec, "_initializing", False))


class _Watcher(importlib.abc.MetaPathFinder):
    """Puts shims on a module that is first imported while its group is on."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not any(fullname in group.files for group in _groups):
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(fullname, path, target)
            if spec is not None and spec.loader is not None:
                loader: Any = spec.loader
                if type(loader) is importlib.util.LazyLoader:
                    loader = loader.loader  # type: ignore[attr-defined]
                _call_once_executed(loader, fullname)
                return spec
        return None


def _call_once_executed(loader: Any, name: str) -> None:
    """Put the shims on a module as soon as this loader has executed it."""
    if _is_class(loader) or "exec_module" in vars(loader):
        return  # a builtin module; or the work is done already
    execute = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        vars(loader).pop("exec_module", None)
        execute(module)
        with LOCK:
            for each in _groups:
                if each.on and name in each.files:
                    each.put_on(name, module, executed=True)

    loader.exec_module = exec_module


_watcher = _Watcher()


def _watch(on: bool) -> None:
    there = any(finder is _watcher for finder in sys.meta_path)
    if on and not there:
        # On top, for a finder may find a module itself, as that of pytest does to rewrite assertions; but below that of
        # pyfakefs, which is taken off by its place, before each report.
        top = type(sys.meta_path[0]).__module__ if sys.meta_path else ""
        sys.meta_path.insert(1 if top.startswith("pyfakefs.") else 0, _watcher)
    elif there and not on:
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not _watcher]


# --- functions that were imported by name -----------------------------------------------------------------------


class _Named(NamedTuple):
    """A function that is looked for, and its shim."""

    seam: Seam
    function: Any
    shim: Any
    group: ShimGroup


class _Place:
    """A place outside its module where such a function is held: an attribute, with its values for off and on."""

    def __init__(self, owner: Any, name: str, off: Any, on: Any, group: ShimGroup) -> None:
        self.owner, self.name = owner, name
        self.off, self.on = off, on
        self.group = group
        self.look = partial(getattr, owner) if type(owner) is FunctionType else _namespace(owner).get
        self.set = _setter(owner, name)

    def is_same(self, other: _Place) -> bool:
        """Return whether both are one place; the first value that was found there is the one to restore."""
        return self.owner is other.owner and self.name == other.name

    def is_ours(self, held: Any) -> bool:
        """Return whether nobody has put another value there."""
        return _hold_the_same(held, self.off) or _hold_the_same(held, self.on)


_named: dict[int, _Named] = {}
"""Id of a function that is looked for, or of its shim → both."""
_seen: dict[str, Any] = {}
"""The modules that have been looked through."""
_newest: tuple[int, Any] = 0, None
"""The number of modules, and the newest of them, at the last look through all."""


def look_again() -> None:
    """Look through all modules anew when functions are next replaced: the modules may hold other functions by now."""
    global _newest
    for group in _groups:
        group.places.clear()
    _seen.clear()
    _newest = 0, None


def _look_for(shims: _Shims, group: ShimGroup) -> None:
    global _newest
    named = _Named(shims.seam, shims.seam.named, shims.named, group)
    for value in (named.function, named.shim):
        _named[id(value)] = named
    _seen.clear()
    _newest = 0, None


def _switch_named(groups: Collection[ShimGroup]) -> None:
    """Replace the functions that groups have by name, or put them back; and leave alone what others put there."""
    _look_for_places()
    for group in groups:
        on = group.on
        for place in group.places:
            held, wanted = place.look(place.name), place.on if on else place.off
            if held is not wanted and (held is (place.off if on else place.on) or place.is_ours(held)):
                place.set(wanted)


def _hold_the_same(value: Any, other: Any) -> bool:
    ours, theirs = _functions_in(value), _functions_in(other)
    return len(ours) == len(theirs) and all(one is another for one, another in zip(ours, theirs, strict=True))


def _functions_in(value: Any) -> Sequence[Any]:
    kind = type(value)
    if kind is staticmethod:
        return (value.__func__,)
    if kind is dict:
        return list(value.values())
    return value if kind is tuple else (value,)


def _look_for_places() -> None:
    global _newest
    # Comparing all modules would touch each, which costs more than all the rest of the switch. A module that
    # replaced an older one, and is not the newest, is missed until the next import.
    newest = len(sys.modules), next(reversed(sys.modules.values()))
    if not _named or (newest[0] == _newest[0] and newest[1] is _newest[1]):
        return
    for name, module in list(sys.modules.items()):
        if _seen.get(name) is not module:
            if issubclass(type(module), ModuleType):
                package = name.partition(".")[0]
                for place in _places_in(module, name, ""):
                    known = place.group.places
                    if package not in place.group.spared and not any(map(place.is_same, known)):
                        known.append(place)
            _seen[name] = module
    for name in _seen.keys() - sys.modules.keys():
        del _seen[name]
    _newest = newest


_PLAIN = frozenset(
    id(kind)
    for kind in (
        *(bool, dict, int, list, property, str, tuple, ModuleType, NoneType),
        *(GetSetDescriptorType, MemberDescriptorType, MethodDescriptorType, WrapperDescriptorType),
    )
)
"""The ids of types whose objects, in namespaces, are no functions of modules and hold none that could be found."""


def _places_in(owner: Any, module: str, prefix: str) -> Iterator[_Place]:
    """Yield the places in a module or class, and in the functions and classes that were defined in it."""
    for name, held in list(_namespace(owner).items()):
        kind = type(held)
        # Tens of thousands of objects are looked at before a session's first test, most of them of these kinds.
        if id(kind) in _PLAIN:
            continue
        if kind is FunctionType and id(held) not in _named:
            if (held.__defaults__ or held.__kwdefaults__) and _is_text(held.__module__, module):
                yield from _places_in_defaults(held)
            continue
        value = held.__func__ if kind is staticmethod or kind is classmethod else held
        named = _named.get(id(value))
        if named is not None and kind is not classmethod:
            seam, function, shim, group = named
            if owner is seam.owner and name == seam.name:
                continue
            off, on = function, shim
            if kind is staticmethod:
                off, on = held if value is function else staticmethod(function), staticmethod(shim)
            elif _is_class(owner) and type(function) is not FunctionType:
                on = staticmethod(shim)  # a builtin does not get `self`, but its shim, a function, would
            yield _Place(owner, name, off, on, group)
        elif type(value) is FunctionType:
            if _is_text(value.__module__, module):
                yield from _places_in_defaults(value)
        elif _is_class(value):
            path = prefix + name
            if _is_text(_module_of_class(value), module) and _qualified_name(value) == path:
                yield from _places_in(value, module, f"{path}.")


def _places_in_defaults(function: FunctionType) -> Iterator[_Place]:
    by_position, by_name = function.__defaults__ or (), function.__kwdefaults__ or {}
    held = [id(each) for each in (*by_position, *by_name.values())]
    if _named.keys().isdisjoint(held):
        return
    for group in {_named[one].group for one in held if one in _named}:
        off, on = ([_in_default(group, on, each) for each in by_position] for on in (False, True))
        yield _Place(function, "__defaults__", tuple(off), tuple(on), group)
        off_by_name, on_by_name = (
            {name: _in_default(group, on, each) for name, each in by_name.items()} for on in (False, True)
        )
        yield _Place(function, "__kwdefaults__", off_by_name, on_by_name, group)


def _in_default(group: ShimGroup, on: bool, value: Any) -> Any:
    """Return the replacement of a default value while the group is on or off."""
    named = _named.get(id(value))
    if named is None or named.group is not group:
        return value
    return named.shim if on else named.function
