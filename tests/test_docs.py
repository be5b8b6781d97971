"""What README and docs show works: every block of Python is run as a test file, every command line as a command."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BLOCKS = [
    pytest.param(code, id=f"{page.name}:{page.read_text()[: match.start()].count(chr(10)) + 1}")
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    for match in re.finditer(r"^```python\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    for code in [match[1]]
]
COMMANDS = [
    pytest.param(line, id=f"{page.name}: {line}")
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    for block in re.findall(r"^```console\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    for line in re.findall(r"^\$ (fake-bluejay (?!serve).*)$", block, re.MULTILINE)
]
QUIET = ("-p", "no:randomly", "-p", "no:asyncio", "-W", "error")


@pytest.mark.parametrize("code", BLOCKS)
def test_a_block_of_python(pytester: pytest.Pytester, code: str) -> None:
    pytester.makepyfile(code)
    assert pytester.runpytest_inprocess(*QUIET).ret == pytest.ExitCode.OK


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command(line: str) -> None:
    done = subprocess.run([sys.executable, "-m", "fake_bluejay", *line.split()[1:]], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def copied(pytester: pytest.Pytester, name: str) -> None:
    shutil.copytree(ROOT / "examples" / name, pytester.path, dirs_exist_ok=True)


def test_the_downstream_example(pytester: pytest.Pytester) -> None:
    copied(pytester, "downstream")
    result = pytester.runpytest_subprocess(*QUIET)
    result.assert_outcomes(passed=14)


def test_the_example_of_a_pipeline(pytester: pytest.Pytester) -> None:
    copied(pytester, "pipeline")
    result = pytester.runpytest_subprocess(*QUIET)
    result.assert_outcomes(passed=12)


def test_the_example_of_readings(pytester: pytest.Pytester) -> None:
    copied(pytester, "readings")
    result = pytester.runpytest_subprocess(*QUIET)
    outcomes = result.parseoutcomes()
    assert outcomes["failed"] == 4
    failures = [line for line in result.outlines if line.startswith("FAILED")]
    assert all("hopeful-" in line for line in failures)
    assert not any("defaults" in line for line in failures)
