"""The tables of `endpoints.md`: `make docs` writes them, and a test fails if they are not current."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from bluejay import Bluejay

from fake_bluejay.bluejay.published import MODELLED_IN, ONLY_IN_CLIENTS, ONLY_IN_DOCS, ONLY_IN_SDK, PUBLISHED

PAGE = Path(__file__).with_suffix(".md")


class Method(NamedTuple):
    """A method of the SDK, and what it calls."""

    name: str
    """The name in code: `agents.add_agent`."""
    method: str
    path: str


def methods() -> Iterator[Method]:
    """Yield the methods of the SDK that call an endpoint, by its source, without their `…_async` twins."""
    for part, (module, name) in Bluejay._sub_sdk_map.items():
        for method, function in inspect.getmembers(getattr(importlib.import_module(module), name), inspect.isfunction):
            called = re.search(r'method="(\w+)",\s*path="([^"]+)"', inspect.getsource(function))
            if called and not method.endswith("_async"):
                yield Method(f"{part}.{method}", called[1], called[2])


NOT_PUBLISHED = "its answers are not published, and no known client needs them"
REASONS = {
    "/mcp": "a protocol of its own beside REST, whose tools are not published",
    "/v1/agents/{agent_id}/workflow/sync": "it calls a voice provider, where the fake has no account",
    "/v1/call-webhook": "a telephony provider calls it, not a client",
    "/v1/compare-experiment-runs": "a language model's comparison, which no known client uses",
    "/v1/dashboards": NOT_PUBLISHED,
    "/v1/generate-": NOT_PUBLISHED,
    "/v1/integrations/amelia/": "it calls Amelia, where the fake has no account",
    "/v1/integrations/vapi/sync": "it calls Vapi, where the fake has no account",
    "/v1/integrations/": "a voice provider calls it, not a client",
    "/v1/kore-webhook/": "a chat provider calls it, not a client",
    "/v1/langfuse/": "Langfuse's protocol, which the newest documentation no longer names",
    "/v1/move-regen-": NOT_PUBLISHED,
    "/v1/optimize/": "a language model's rewriting, which no known client uses",
    "/v1/receive-text-message": "a messaging provider calls it, not a client",
    "/v1/red-team-simulations": NOT_PUBLISHED,
    "/v1/regen": NOT_PUBLISHED,
    "/v1/self-improve/": NOT_PUBLISHED,
    "/v1/send-text": "it names keys in Bluejay's own Redis, which clients cannot know",
    "/v1/subscription/": NOT_PUBLISHED,
    "/v1/uptime/": NOT_PUBLISHED,
    "/v1/weekly-notifications": "no known client uses it",
    "/v1/widgets": NOT_PUBLISHED,
    "/v1/workflow/generate-": "a language model's graph, which no known client uses",
}
"""The beginning of paths that are not modelled → the reason; the first that fits counts."""


def _here(path: str) -> str:
    if path in MODELLED_IN:
        return "modelled"
    for beginning, reason in REASONS.items():
        if path.startswith(beginning):
            return f"501, unless stubbed: {reason}"
    raise ValueError(f"{path} is not modelled: REASONS needs to say why, or published.py by which module it is")


def _count(paths: Mapping[str, object]) -> str:
    return f"{sum(path in MODELLED_IN for path in paths)} of {len(paths)} paths are modelled."


def _paths(paths: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    yield from (_count(paths), "", "| path | methods | here |", "|---|---|---|")
    for path, verbs in sorted(paths.items()):
        yield f"| `{path}` | {', '.join(verbs)} | {_here(path)} |"


def _sdk() -> Iterator[str]:
    every = list(methods())
    yield f"{sum(one.path in MODELLED_IN for one in every)} of {len(every)} methods are answered by a model."
    yield from ("", "| method | calls | here |", "|---|---|---|")
    for one in every:
        yield f"| `{one.name}` | `{one.method} {one.path}` | {_here(one.path)} |"


def page(text: str) -> str:
    """Return the page with current tables."""
    for name, lines in (
        ("published", _paths(PUBLISHED)),
        ("only in the SDK", _paths(ONLY_IN_SDK)),
        ("only in the documentation", _paths(ONLY_IN_DOCS)),
        ("only in clients", _paths(ONLY_IN_CLIENTS)),
        ("SDK", _sdk()),
    ):
        begin, end = f"<!-- begin: {name} -->\n", f"<!-- end: {name} -->\n"
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = "".join([before, begin, *(f"{line}\n" for line in lines), end, after])
    return text


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
