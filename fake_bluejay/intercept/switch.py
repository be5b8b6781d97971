"""The switch: which fakes are on, and the shims and environment variables that hold while any is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from fake_bluejay.intercept import asyncio, shims, trio, virtual_time, waits
from fake_bluejay.intercept.clockwork import Timeline
from fake_bluejay.intercept.hosts import is_bluejay, is_in_domain
from fake_bluejay.intercept.refusal import GuardError, refusal
from fake_bluejay.intercept.shims import LOCK, ShimGroup

if TYPE_CHECKING:
    from fake_bluejay.bluejay.app import Api


class Fake(NamedTuple):
    """A fake that is on, as its doors know it."""

    app: Api
    environment: dict[str, str]
    """The variables that clients of the fake find."""
    time: Timeline | None
    """The time that sleeps move; None if sleeping takes real time."""
    refused: dict[str, None]
    """The first few messages of the guard's refusals, for the report: a client may hide the message of its error."""


_clients = ShimGroup(
    {
        "aiohttp.connector": "aiohttp",
        "http.client": "http_client",
        "httpcore": "httpcore",
        "httpcore2": "httpcore",
        "httpx_socks": "httpcore",
        "urllib3.connection": "urllib3",
    }
)
_clocks = ShimGroup(
    {
        **dict.fromkeys(waits.MODULES, "waits"),
        **dict.fromkeys(asyncio.MODULES, "asyncio"),
        **dict.fromkeys(trio.MODULES, "trio"),
    },
    spared=waits.SPARED,
)
_names = ShimGroup({"socket": "guard", "asyncio.base_events": "guard", "uvloop": "guard"})

_on: list[Fake] = []
_inherited: list[Fake] = []
"""The fakes that were on when this process was forked."""
_MOST_REFUSED = 10
_guards = 0
_found: list[dict[str, str | None]] = []
"""For each fake that is on, the earlier values of the variables; None for not set."""
_direct: list[Fake] = []
"""The fakes whose server must not be reached through a proxy."""
_found_direct: dict[str, str | None] = {}
"""The earlier values of the variables that name proxies' exceptions."""
_given: dict[str, tuple[set[str], str | None]] = {}
"""Variable → the values that fakes have given it, and its value before the first of them."""


def current() -> Fake | None:
    """Return the fake that takes calls now: the one that was switched on last, in this process."""
    return _on[-1] if _on and not is_forked() else None


def takes_calls(fake: Fake) -> bool:
    """Return whether this is the fake that takes calls now."""
    return current() is fake


def is_guarded() -> bool:
    """Return whether calls to Bluejay are to be kept from its real hosts."""
    return bool(_on) or _guards > 0


def takes(host: object) -> bool:
    """Return whether a client's call to this host must not reach the network: `taker` says what it meets instead."""
    return is_guarded() and is_in_domain(host)


def is_forked() -> bool:
    """Return whether the fake that would take calls is another process's, of which this one was forked."""
    return bool(_inherited) and bool(_on) and any(_on[-1] is fake for fake in _inherited)


def taker(host: object) -> Fake | None:
    """Return the fake that takes a client's call to this host, or None if the client may make the call itself.

    Raises:
        GuardError: No fake can take it, and it must not get out, as it would by a proxy.
    """
    if not takes(host):
        return None
    if _on and is_bluejay(host) and not is_forked():
        return _on[-1]
    raise GuardError(refusal_of(host))


def refusal_of(host: object) -> str:
    """Return the message of an error about a call to this host in the present state, and note it for the report."""
    fake = current()
    message = refusal(host, is_forked=is_forked(), is_on=fake is not None)
    if fake is not None and len(fake.refused) < _MOST_REFUSED:
        fake.refused[message] = None
    return message


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
        if any(one is fake for one in _direct):
            _direct[:] = [one for one in _direct if one is not fake]
            for variable, value in () if _direct else _found_direct.items():
                _set(variable, value)
        if place < len(_on):  # the next fake will restore the value that this one found
            _found[place] = found
            return
        for variable, value in found.items():
            _set(variable, value)


def bypass_proxies(fake: Fake, host: str) -> None:
    """Let clients reach a host directly until this fake is off, without the environment's proxies."""
    with LOCK:
        if not _direct:
            found = {name: os.environ.get(name) for name in ("no_proxy", "NO_PROXY")}
            _found_direct.update(found)
            # Most clients look for the lower-case variable first, and for the upper-case one if that is not set.
            either = found["no_proxy"] or found["NO_PROXY"] or ""
            for name, before in found.items():
                hosts = before or either
                if not {"*", host} & {one.strip() for one in hosts.split(",")}:
                    hosts = f"{hosts},{host}" if hosts else host
                _given.setdefault(name, (set(), before))[0].add(hosts)
                os.environ[name] = hosts
        _direct.append(fake)


def leave_nothing() -> None:
    """Remove what is left of the fakes, if none is on.

    A tool that undoes its own changes after a fake was on may restore the fake's values: `monkeypatch` and
    pytest-mock's `mocker` do, if a test has them from before its fake.
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
    """Keep calls from the real host while no fake is on. Each `guard(True)` needs one `guard(False)`."""
    global _guards
    with LOCK:
        _guards += 1 if on else -1
        _switch_groups()


def _switch_groups() -> None:
    sleepless = any(fake.time is not None for fake in _on)
    groups = {_clients: is_guarded(), _names: is_guarded()}
    if sleepless != _clocks.on:
        if sleepless and waits.holders_have_changed():
            shims.look_again()
        groups = {_clocks: sleepless, **groups}
        waits.switch_simple_queue(sleepless)
    shims.switch(groups)


def _in_forked_child() -> None:
    _inherited[:] = _on
    LOCK.release()


if hasattr(os, "register_at_fork"):
    # With the lock held, so that no other thread, which the child would lack, holds it there.
    os.register_at_fork(before=LOCK.acquire, after_in_parent=LOCK.release, after_in_child=_in_forked_child)
