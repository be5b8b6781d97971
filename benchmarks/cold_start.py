"""The cost of the first test that asks for `bluejay`, beside importing Pydantic and building one model."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.report import ratio

ROUNDS = 7

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
WITH_REQUEST = """
def test_first(bluejay):
    from http.client import HTTPSConnection

    connection = HTTPSConnection("api.getbluejay.ai")
    connection.request("GET", "/v1/all-folders", headers={"X-API-Key": bluejay.api_key})
    assert connection.getresponse().status == 200
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
    """Print the ratios, of the processor's time that pytest takes for the test."""
    print(f"the first test with `bluejay` / importing Pydantic and building one model, {ROUNDS} rounds:")
    with tempfile.TemporaryDirectory() as folder:
        _measure("with bytecode", Path(folder), os.environ | {"PYTHONDONTWRITEBYTECODE": ""}, "≤ 2")
        # As in a fresh image, no module has bytecode, neither ours nor those of what we use.
        bare = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": str(Path(folder, "none"))}
        _measure("without bytecode", Path(folder), os.environ | bare, "≤ 2.5")


def _measure(what: str, folder: Path, environment: dict[str, str], goal: str) -> None:
    asking: list[float] = []
    requesting: list[float] = []
    theirs: list[float] = []
    for _ in range(ROUNDS + 1):
        asking.append(_cost(WITH_FAKE, folder, environment))
        requesting.append(_cost(WITH_REQUEST, folder, environment))
        theirs.append(_cost(WITH_PYDANTIC, folder, environment))
    # The first rounds may have written bytecode.
    ratio(what, asking[1:], theirs[1:], goal)
    ratio(f"{what}, and the first request", requesting[1:], theirs[1:], "none")


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
