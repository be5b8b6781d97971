"""The faults and stubs of a test that no request met."""

from __future__ import annotations

from collections.abc import Sequence

from fake_bluejay.core.suggest import nearest
from fake_bluejay.http.faults import Faults
from fake_bluejay.http.journal import Exchange
from fake_bluejay.http.stubs import Stubs, pattern_of


def unmet(faults: Faults, stubs: Stubs, came: Sequence[Exchange]) -> str:
    """Return a message about the faults and stubs that met no request, each with the nearest requests.

    Empty if each has met one.
    """
    lines = [f"  {fault!r}: {_instead(fault.path, came)}" for fault in faults if not fault.met]
    lines += [f'  stub("{method}", "{path}"): {_instead(path, came, method)}' for method, path in stubs.unmet]
    if not lines:
        return ""
    advice = 'If that is meant: @pytest.mark.bluejay(unmet="ignore"), or "warn"; outside pytest, FakeBluejay(unmet=…).'
    return "\n".join([f"faults and stubs that no request met: {len(lines)}", *lines, advice])


def _instead(path: str | None, came: Sequence[Exchange], method: str | None = None) -> str:
    """Return the requests that came in place of one with this path and method; None stands for any."""
    if not came:
        return "no request came"
    fits = None if path is None else pattern_of(path)
    meant = [
        one for one in came if (fits is None or fits.fullmatch(one.path)) and (method is None or one.method == method)
    ]
    if meant:
        return f"{meant[-1]!r} came too early, met another fault or stub first, or was let through"
    asked = {f"{one.method} {one.path}" if method else one.path: one for one in came}
    return f"the nearest request that came: {asked[nearest(f'{method} {path}' if method else str(path), asked)]!r}"
