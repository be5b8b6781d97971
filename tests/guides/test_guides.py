"""The guides' commands, run against the server that the page says to start, in the order of the page.

A `console` block starts `fake-bluejay serve`; blocks of sh, js, java and go are run after it, and print what a `json`
block that follows says.
"""

import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fake_bluejay.core.diagram import mermaid
from tests.thoroughness import JAVA_OPTIONS

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ["start", "watchdog", "partial-failure", "errors", "other-languages", "how-it-works", "console"]
RUN = {
    "sh": ("curl", "client.sh"),
    "js": ("node", "client.mjs"),
    "java": ("java", "Client.java"),
    "go": ("go", "main.go"),
}
ELSEWHERE = {"python", "mermaid", "text"}
"""Run by tests/test_docs.py, or looked at below, or a picture."""


class Block(NamedTuple):
    language: str
    code: str


def blocks(page: str) -> Iterator[Block]:
    for match in re.finditer(r"^```(\w*)\n(.*?)^```$", (DOCS / f"{page}.md").read_text(), re.DOTALL | re.MULTILINE):
        yield Block(match[1], match[2])


def served(page: str) -> tuple[list[str], list[tuple[Block, Any]]]:
    """Return a page's arguments for the server, and the blocks to run after it, each with the expected output."""
    starts: list[list[str]] = []
    runs: list[tuple[Block, Any]] = []
    said = 0
    for block in blocks(page):
        if block.language == "console":
            (line,) = block.code.splitlines()
            assert line.startswith("$ fake-bluejay serve"), line
            starts.append(shlex.split(line)[3:])
        elif block.language == "json":
            runs = [*runs[:said], *((one, json.loads(block.code)) for one, _ in runs[said:])]
            said = len(runs)
        elif block.language not in ELSEWHERE:
            runs.append((block, None))
    assert len(starts) == (1 if runs else 0)
    return (starts or [[]])[0], runs


@pytest.mark.parametrize(
    ("page", "language"),
    [(page, language) for page in PAGES for language in dict.fromkeys(block.language for block, _ in served(page)[1])],
)
def test_commands_of_a_guide_print_the_shown_output(
    page: str, language: str, serving: Callable[..., Any], tool: Callable[[str], str], tmp_path: Path
) -> None:
    needed, file = RUN[language]
    path = tool(needed)
    command = {"sh": ["sh", "-e"], "go": [path, "run"], "java": [path, *JAVA_OPTIONS]}.get(language, [path])
    options, runs = served(page)
    with serving(*options, "--no-access-log") as server:
        if language == "java":
            (keytool,) = re.findall(r"^  (keytool .*)", server.printed, re.MULTILINE)
            server.run("sh", "-c", keytool)
        for block, expected in [one for one in runs if one[0].language == language]:
            (tmp_path / file).write_text(block.code.replace("http://127.0.0.1:8787", server.url))
            printed = server.run(*command, file, cwd=tmp_path)
            if expected is not None:
                assert json.loads(printed) == expected


def test_the_diagram_is_that_of_the_table() -> None:
    (drawn,) = [block.code for block in blocks("how-it-works") if block.language == "mermaid"]
    assert drawn == mermaid() + "\n", "python -m fake_bluejay.core.diagram prints the present one"
