"""README and docs work as shown: every block of Python is run as a test file, every command line as a command."""

import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.thoroughness import thorough
from tests.warm import started

ROOT = Path(__file__).parent.parent
BLOCKS = [
    pytest.param(code, id=f"{page.name}:{page.read_text()[: match.start()].count(chr(10)) + 1}")
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    for match in re.finditer(r"^```python\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    for code in [match[1]]
]
SESSIONS = [
    pytest.param(page, block[1], id=f"{page.name}:{page.read_text()[: block.start()].count(chr(10)) + 1}")
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    for block in re.finditer(r"^```console\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
]
PLUGINS = {"anyio": "anyio", "httpx_mock": "pytest_httpx", "requests_mock": "requests_mock", "respx_mock": "respx"}
"""The fixtures of other plugins that blocks use, and those."""
STRICT = ("-W", "error", "-W", "ignore:'asyncio.iscoroutinefunction' is deprecated")  # backoff calls it on Python 3.14
QUIET = ("-p", "no:randomly", "-p", "no:asyncio", *STRICT)


@pytest.mark.parametrize("code", BLOCKS)
def test_a_block_of_python(pytester: pytest.Pytester, code: str) -> None:
    pytester.makepyfile(code)
    others = (plugin for fixture, plugin in PLUGINS.items() if re.search(rf"\b{fixture}\b", code))
    assert pytester.runpytest_inprocess(*QUIET, *(f"-p{plugin}" for plugin in others)).ret == pytest.ExitCode.OK


def test_failing_test_has_the_report_of_the_readme(pytester: pytest.Pytester) -> None:
    text = (ROOT / "README.md").read_text()
    first = text.index("```python\n") + len("```python\n")
    code = text[first : text.index("```", first)]
    pytester.makepyfile(code.replace('"SYSTEM_ERROR"', '"CONVERSATION_ENDED"'))
    shown = text[text.index("```text\n") + len("```text\n") :].partition("```")[0].splitlines()
    result = pytester.runpytest_inprocess(*QUIET, "--tb=short")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([line.replace("[", "[[]") for line in shown])


@pytest.mark.parametrize(("page", "session"), SESSIONS)
def test_a_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: Callable[[str], str], page: Path, session: str
) -> None:
    """Each command does what is shown below it, an ellipsis standing for anything; a server runs to the block's end.

    The server takes a free port in place of the one that is shown, and the files that the page shows are there.
    """
    if "curl " in session:
        tool("curl")
    for name, content in re.findall(r"^```(toml|yaml)\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE):
        (tmp_path / f"world.{name}").write_text(content)
    monkeypatch.chdir(tmp_path)
    bin = tmp_path / "bin"
    bin.mkdir()
    (bin / "fake-bluejay").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fake_bluejay "$@"\n')
    (bin / "fake-bluejay").chmod(0o755)
    environment = {**os.environ, "PATH": f"{bin}:{os.environ['PATH']}", "FAKE_BLUEJAY_PORT": "0"}
    url, servers = "http://127.0.0.1:8787", []
    try:
        for part in re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            if command.startswith("pip install "):
                continue  # this is what runs here
            if command.startswith("fake-bluejay serve") and "--help" not in command:
                output = tmp_path / "server.txt"
                server = started(shlex.split(command)[1:], output, environment)
                servers.append(server)
                while not (found := re.search(r"listens on (\S+)", output.read_text())):
                    assert server.poll() is None, output.read_text()
                    time.sleep(0.005)
                url = found[1]
                continue
            line = command.replace("http://127.0.0.1:8787", url).replace("curl ", "curl --fail ")
            done = subprocess.run(
                line,
                shell=True,
                env=environment,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            assert done.returncode == 0, (command, done.stdout)
            assert done.stdout or not command.startswith(("fake-bluejay", "curl")), command
            expected = ".*".join(re.escape(one.strip()) for one in shown.split("…"))
            assert re.search(expected, done.stdout, re.DOTALL), (command, done.stdout)
    finally:
        for server in servers:
            server.terminate()
            server.wait(timeout=20)


def test_each_line_that_installs_the_fake_takes_it_from_the_clone() -> None:
    """The package is not published yet, and somebody else could publish one of its name."""
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").glob("*/README.md")]
    lines = [
        line for page in pages for line in re.findall(r"^(?:\$ |    )pip install (.*)", page.read_text(), re.MULTILINE)
    ]
    assert len(lines) == 7
    assert [line for line in lines if not line.startswith(('".[', '"../..['))] == []


def test_the_tables_of_endpoints_are_current() -> None:
    text = (ROOT / "docs" / "endpoints.md").read_text()
    page = runpy.run_path(str(ROOT / "docs" / "endpoints.py"))["page"]
    assert page(text) == text, "make docs writes them anew"


@pytest.fixture
def copied(pytester: pytest.Pytester) -> Callable[[str], object]:
    """Copy an example to where pytester runs."""
    return lambda name: shutil.copytree(ROOT / "examples" / name, pytester.path, dirs_exist_ok=True)


def test_the_downstream_example(pytester: pytest.Pytester, copied: Callable[[str], object]) -> None:
    copied("downstream")
    result = pytester.runpytest_subprocess(*STRICT)
    result.assert_outcomes(passed=14)


@thorough
def test_the_example_of_a_pipeline(pytester: pytest.Pytester, copied: Callable[[str], object]) -> None:
    copied("pipeline")
    result = pytester.runpytest_subprocess(*STRICT)
    result.assert_outcomes(passed=14)


@thorough
def test_the_example_of_monitoring(pytester: pytest.Pytester, copied: Callable[[str], object]) -> None:
    copied("monitoring")
    result = pytester.runpytest_subprocess(*STRICT)
    result.assert_outcomes(passed=17)


@thorough
@pytest.mark.parametrize("example", ["downstream", "pipeline"])
def test_the_examples_pass_under_every_reading(
    pytester: pytest.Pytester, copied: Callable[[str], object], example: str
) -> None:
    copied(example)
    pytester.makeconftest(
        "import pytest\n\n\n@pytest.fixture(autouse=True)\ndef _every(bluejay_every_reading):\n    pass\n"
    )
    # Some have a fake of their own, or a server's; two name statuses, in the words of the default; and how long the
    # examples wait for evaluations is a choice of theirs, which the runs with other timings are there to question.
    others = (
        "not subprocess and not as_a_command and not a_hundred_at_once and not has_not_passed and not by_their_names"
        " and not slow and not at-once"
    )
    result = pytester.runpytest_subprocess(*STRICT, "-k", others)
    outcomes = result.parseoutcomes()
    assert set(outcomes) == {"passed", "deselected"}, result.outlines[-20:]
    assert outcomes["passed"] > 300


def test_the_example_of_readings(pytester: pytest.Pytester, copied: Callable[[str], object]) -> None:
    copied("readings")
    result = pytester.runpytest_subprocess(*STRICT)
    outcomes = result.parseoutcomes()
    assert outcomes["failed"] == 4
    failures = [line for line in result.outlines if line.startswith("FAILED")]
    assert all("hopeful-" in line for line in failures)
    assert not any("defaults" in line for line in failures)


def test_the_published_document_is_read_from_where_the_environment_names_it(tmp_path: Path) -> None:
    document = tmp_path / "theirs.json"
    document.write_text('{"openapi": "3.1.0"}')
    program = "from tests.published import read; print(read())"
    named = {**os.environ, "BLUEJAY_OPENAPI": str(document)}
    root = Path(__file__).parents[1]
    read = subprocess.run([sys.executable, "-c", program], env=named, cwd=root, capture_output=True, text=True)
    assert read.stdout == "{'openapi': '3.1.0'}\n", read.stderr
