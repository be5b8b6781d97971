"""What the first test that asks for `bluejay` costs, beside importing Pydantic and building one model."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.report import ratio

ROUNDS = 9

CONFTEST = """
import time

import pytest


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    began = time.process_time()
    yield
    print("COST", time.process_time() - began)
"""
WITH_FAKE = """
def test_first(bluejay):
    pass
"""
WITH_PYDANTIC = """
def test_first():
    import pydantic

    class Model(pydantic.BaseModel):
        id: int
        names: list[str] = []

    Model(id=1)
"""


def run() -> None:
    """Print both ratios, of the processor's time that pytest takes for the test."""
    print(f"the first test with `bluejay` / importing Pydantic and building one model, {ROUNDS} rounds:")
    with tempfile.TemporaryDirectory() as folder:
        _measure("with bytecode", Path(folder), os.environ | {"PYTHONDONTWRITEBYTECODE": ""}, "≤ 2")
        # As in a fresh image, no module has bytecode, neither ours nor those of what we use.
        bare = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": str(Path(folder, "none"))}
        _measure("without bytecode", Path(folder), os.environ | bare, "≤ 2.5")


def _measure(what: str, folder: Path, environment: dict[str, str], goal: str) -> None:
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(ROUNDS + 1):
        ours.append(_cost(WITH_FAKE, folder, environment))
        theirs.append(_cost(WITH_PYDANTIC, folder, environment))
    ratio(what, ours[1:], theirs[1:], goal)  # the first rounds may have written bytecode


def _cost(test: str, folder: Path, environment: dict[str, str]) -> float:
    """Return the seconds of processor time that a process's only test takes, with its fixtures."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_cold.py").write_text(test)
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "test_cold.py"]
    # Other plugins of this environment would import what the measured test then finds loaded.
    chosen = {**environment, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    command += ["-p", "fake_bluejay.pytest_plugin"]
    printed = subprocess.run(command, cwd=folder, env=chosen, check=True, capture_output=True, text=True).stdout
    return float(printed.partition("COST")[2].split()[0])
