"""What strict type checkers find: nothing wrong with a suite that uses every public name, and every typo in another."""

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
from fake_bluejay.core import choices
from fake_bluejay.core.outbox import ALERTS, EVENTS
from fake_bluejay.core.readings import questions
from fake_bluejay.core.statuses import Event, Status
from fake_bluejay.facade.protocols import Bluejay
from fake_bluejay.facade.remote import RemoteBluejay
from fake_bluejay.http.faults import BILLING, BillingCode, Faults

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def needed(program: str) -> str:
    """Return a type checker of this environment; without it the test is skipped, and under CI it fails."""
    path = shutil.which(program, path=str(Path(sys.executable).parent))
    if path is None and os.environ.get("CI") == "true":
        pytest.fail(f"{program} is needed here: pip install --group lint")
    return path or pytest.skip(f"{program} is not installed: pip install --group lint")


def mypy(path: Path, tmp_path: Path) -> dict[int, str]:
    command = [needed("mypy"), "--strict", "--output=json", f"--cache-dir={tmp_path}", f"--config-file={os.devnull}"]
    done = subprocess.run([*command, path], capture_output=True, text=True, timeout=110, cwd=ROOT)
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert done.returncode in (0, 1), done.stdout + done.stderr
    errors = [one for one in found if one["severity"] == "error"]
    assert {Path(one["file"]).name for one in errors} <= {path.name}
    return {one["line"]: one["message"] for one in errors}


def pyright(path: Path, tmp_path: Path) -> dict[int, str]:
    program = needed("pyright")
    shutil.copy(path, tmp_path)  # for it takes nothing from outside its project
    config = {"include": [path.name], "typeCheckingMode": "strict", "extraPaths": [str(ROOT)]}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(config))
    command = [program, "--outputjson", "--pythonpath", sys.executable, "--project", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, cwd=tmp_path)
    try:
        told = json.loads(done.stdout)
    except ValueError:  # it is there, and cannot get what it runs
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"pyright does not run here: {done.stderr or done.stdout:.200}")
    assert told["summary"]["filesAnalyzed"] == 1
    return {
        one["range"]["start"]["line"] + 1: one["message"]
        for one in told["generalDiagnostics"]
        if one["severity"] == "error"
    }


CHECKERS = pytest.mark.parametrize("check", [mypy, pyright], ids=["mypy", "pyright"])
Check = Callable[[Path, Path], dict[int, str]]


@CHECKERS
def test_nothing_is_wrong_with_a_suite_that_uses_every_public_name(check: Check, tmp_path: Path) -> None:
    assert check(HERE / "every_name.py", tmp_path) == {}


@CHECKERS
def test_every_typo_is_found(check: Check, tmp_path: Path) -> None:
    path = HERE / "typos.py"
    lines = path.read_text().splitlines()
    typos = {number for number, line in enumerate(lines, 1) if line.endswith("# typo")}
    assert len(typos) > 30
    found = check(path, tmp_path)
    assert {number: lines[number - 1] for number in typos - set(found)} == {}, "not found"
    assert {number: message for number, message in found.items() if number not in typos} == {}, "no typos"


def texts(of: Any) -> set[str]:
    """Return the texts among the choices of a type."""
    return {text for each in get_args(of) or (of,) for text in (texts(each) if get_args(each) else [each])} - {None}


def test_the_types_have_the_choices_that_there_are() -> None:
    def without_classes(of: Any) -> set[str]:
        return {one for one in texts(of) if not isinstance(one, type)}

    assert without_classes(choices.StatusChoice) == set(Status)
    assert without_classes(choices.EventChoice) == set(Event)
    assert without_classes(choices.WebhookEvent) == set(EVENTS)
    assert without_classes(choices.AlertEvent) == set(ALERTS)
    assert set(get_args(BillingCode)) == set(BILLING)
    hints = get_type_hints(choices.ReadingChoices)
    assert list(hints) == [one.name for one in questions()]
    for one in questions():
        enum: type[Enum] = type(one.choices[0])
        assert enum in get_args(hints[one.name])
        assert without_classes(hints[one.name]) == {str(choice) for choice in enum}


def test_the_suite_uses_every_public_name() -> None:
    suite = (HERE / "every_name.py").read_text()
    members = {name for name in dir(Bluejay) if not name.startswith("_")}
    faults = {name for name in vars(Faults) if not name.startswith("_")} - OF_THE_DOORS
    assert {name for name in {*members, *faults, *fake_bluejay.__all__} if name not in suite} == set()


OF_THE_DOORS = {"disarm", "take", "take_refusal", "unmet"}


def test_both_kinds_of_fake_have_what_the_protocol_says() -> None:
    members = {name for name in dir(Bluejay) if not name.startswith("_")}
    both = {name for name in dir(FakeBluejay) if not name.startswith("_")} & set(dir(RemoteBluejay))
    assert both - members == {"world"}, "what both have is in the protocol"
