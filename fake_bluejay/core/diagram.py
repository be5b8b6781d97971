"""The transition table as a diagram: `python -m fake_bluejay.core.diagram` prints it, for the guide to show."""

from __future__ import annotations

from collections.abc import Iterator

from fake_bluejay.core.statuses import TRANSITIONS, Event, Status, in_columns, is_final

_CANCELLABLE = in_columns(cancellable=True)
_GROUP = "NOT_CONNECTED"
"""The statuses that can be cancelled, drawn as one group: an arrow that leaves each of them is drawn once."""


def mermaid() -> str:
    """Return the diagram in Mermaid's language."""
    inner: list[str] = []
    outer: list[str] = []
    for source, target, label in _arrows():
        (inner if {source, target} <= set(_CANCELLABLE) else outer).append(f"    {source} --> {target}: {label}")
    return "\n".join(
        [
            "stateDiagram-v2",
            f"    [*] --> {next(iter(Status))}",
            f'    state "not connected: can be cancelled" as {_GROUP} {{',
            *(f"    {line}" for line in inner),
            "    }",
            *outer,
            *(f"    {status} --> [*]" for status in Status if is_final(status) and status in TRANSITIONS.values()),
        ]
    )


def _arrows() -> Iterator[tuple[str, str, str]]:
    """Yield each arrow once: the status it leaves, the status it leads to, and the event."""
    sources: dict[tuple[Event, Status], list[Status]] = {}
    for (from_, event), to in TRANSITIONS.items():
        sources.setdefault((event, to), []).append(from_)
    for (event, target), all in sources.items():
        grouped = set(_CANCELLABLE) <= set(all)
        if grouped:
            yield _GROUP, target, event
        yield from ((source, target, event) for source in all if not (grouped and source in _CANCELLABLE))


if __name__ == "__main__":
    print(mermaid())
