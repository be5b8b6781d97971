"""Strict type checkers accept a suite that uses every public name, and find every typo in another."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

import fake_bluejay
from fake_bluejay import FakeBluejay
from fake_bluejay.core.outbox import ALERTS, EVENTS, AlertEvent, WebhookEvent
from fake_bluejay.core.readings import ReadingChoices, questions
from fake_bluejay.core.statuses import Event, EventChoice, Status, StatusChoice
from fake_bluejay.facade.protocols import Bluejay
from fake_bluejay.facade.remote import RemoteBluejay
from fake_bluejay.http.faults import BILLING, BillingCode, Faults
from tests.thoroughness import THOROUGH, absent

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SUITES = ("every_name.py", "typos.py")

Errors = list[tuple[str, int, str]]
"""File, line and message of each."""


def needed(program: str) -> str:
    """Return a type checker of this environment; without it the test is skipped, and under CI it fails."""
    path = shutil.which(program, path=str(Path(sys.executable).parent))
    return path or absent(f"{program} is not installed: pip install --group lint")


def output_of(command: list[str], directory: Path) -> str:
    """Return what a type checker prints. By a file: a pipe stays open as long as what it started runs."""
    with (directory / "output.txt").open("w+") as output:
        done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, timeout=280, cwd=directory)
        output.seek(0)
        text = output.read()
    assert done.returncode in (0, 1), text
    return text


def mypy(directory: Path, cache: Path) -> Errors:
    command = [needed("mypy"), "--strict", "--output=json", f"--cache-dir={cache}", "--config-file="]
    text = output_of([*command, *SUITES], directory)
    found = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [(one["file"], one["line"], one["message"]) for one in found if one["severity"] == "error"]


def pyright(directory: Path, cache: Path) -> Errors:
    config = {"include": list(SUITES), "typeCheckingMode": "strict", "extraPaths": [str(ROOT)]}
    (directory / "pyrightconfig.json").write_text(json.dumps(config))
    program = needed("pyright")
    text = output_of([program, "--outputjson", "--pythonpath", sys.executable, "--project", "."], directory)
    try:
        told = json.loads(text[text.index("{") :])
    except ValueError:  # it is there, and cannot get what it runs
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"pyright does not run here: {text:.200}")
    assert told["summary"]["filesAnalyzed"] == len(SUITES)
    return [
        (Path(one["file"]).name, one["range"]["start"]["line"] + 1, one["message"])
        for one in told["generalDiagnostics"]
        if one["severity"] == "error"
    ]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("check", [mypy, pyright], ids=["mypy", "pyright"])
def test_every_typo_is_found_and_nothing_else(
    check: Callable[[Path, Path], Errors], tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    keeps = hasattr(pytestconfig, "cache") and not THOROUGH  # what mypy read of the packages, which takes the most time
    cache = pytestconfig.cache.mkdir("mypy") if keeps else tmp_path / "cache"  # type: ignore[union-attr]
    lines = {name: Path(shutil.copy(HERE / name, tmp_path)).read_text().splitlines() for name in SUITES}
    typos = {
        (name, number)
        for name, texts in lines.items()
        for number, line in enumerate(texts, 1)
        if line.endswith("# typo")
    }
    assert len(typos) > 30
    assert {name for name, _ in typos} == {"typos.py"}
    found = check(tmp_path, cache)
    assert [error for error in found if error[:2] not in typos] == []
    assert typos - {error[:2] for error in found} == set(), "which were not found"


def texts(of: Any) -> set[str]:
    """Return the texts among the choices of a type."""
    return {text for each in get_args(of) or (of,) for text in (texts(each) if get_args(each) else [each])} - {None}


def test_the_types_have_the_choices_that_there_are() -> None:
    def without_classes(of: Any) -> set[str]:
        return {one for one in texts(of) if not isinstance(one, type)}

    assert without_classes(StatusChoice) == set(Status)
    assert without_classes(EventChoice) == set(Event)
    assert without_classes(WebhookEvent) == set(EVENTS)
    assert without_classes(AlertEvent) == set(ALERTS)
    assert set(get_args(BillingCode)) == set(BILLING)
    hints = get_type_hints(ReadingChoices)
    assert list(hints) == [one.name for one in questions()]
    for one in questions():
        enum: type[Enum] = type(one.choices[0])
        assert enum in get_args(hints[one.name])
        assert without_classes(hints[one.name]) == {str(choice) for choice in enum}


def test_the_suite_uses_every_public_name() -> None:
    suite = (HERE / "every_name.py").read_text()
    members = {name for name in dir(Bluejay) if not name.startswith("_")} - {"world"}  # which is for the doors
    faults = {name for name in vars(Faults) if not name.startswith("_")}
    assert {name for name in {*members, *faults, *fake_bluejay.__all__} if name not in suite} == set()


def test_both_kinds_of_fake_have_the_members_of_the_protocol() -> None:
    members = {name for name in dir(Bluejay) if not name.startswith("_")}
    both = {name for name in dir(FakeBluejay) if not name.startswith("_")} & set(dir(RemoteBluejay))
    assert both - members == set(), "what both have is in the protocol"
