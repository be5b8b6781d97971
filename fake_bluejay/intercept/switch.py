"""The switch: which fakes are on, and the shims and environment variables that hold while any is."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from fake_bluejay.intercept import asyncio, shims, virtual_time, waits
from fake_bluejay.intercept.door import is_bluejay
from fake_bluejay.intercept.shims import LOCK, Group
from fake_bluejay.intercept.clockwork import Timeline

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
    time: Timeline | None
    """What sleeping moves; None if it takes its real time."""


_clients = Group(
    {
        "aiohttp.connector": "aiohttp",
        "http.client": "http_client",
        "httpx": "httpx",
        "httpx2": "httpx",
        "requests": "requests",
        "urllib3": "urllib3",
    }
)
_clocks = Group({**waits.FILES, **asyncio.FILES}, spared=waits.SPARED)
_names = Group({"socket": "guard"})

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
    with LOCK:
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
    with LOCK:
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
    with LOCK:
        if not _on:
            for variable, (values, before) in _given.items():
                if os.environ.get(variable) in values:
                    _set(variable, before)
            _given.clear()
            shims.leave_nothing()


def _set(variable: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(variable, None)
    else:
        os.environ[variable] = value


def guard(on: bool) -> None:
    """Keep calls from the real host also while no fake is on; as often off as on."""
    global _guards
    with LOCK:
        _guards += 1 if on else -1
        _switch_groups()


def _switch_groups() -> None:
    sleepless = any(fake.time is not None for fake in _on)
    if sleepless != _clocks.on:
        _clocks.switch(sleepless)
        waits.switch_simple_queue(sleepless)
    needed = bool(_on) or _guards > 0
    _clients.switch(needed)
    _names.switch(needed)
