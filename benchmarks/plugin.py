"""The cost of the plugin for a suite that never asks for it: its import, beside an installed pytest."""

from __future__ import annotations

import subprocess
import sys
from statistics import median

ROUNDS = 11
MODULE = "fake_bluejay.pytest_plugin"
MEASURE = f"import pytest, time; start = time.perf_counter(); import {MODULE}; print(time.perf_counter() - start)"


def run() -> None:
    """Print the time of the import."""
    times = [float(subprocess.check_output([sys.executable, "-c", MEASURE])) * 1000 for _ in range(ROUNDS)]
    print(f"importing the unused plugin: {median(times):.2f} ms ({min(times):.2f} to {max(times):.2f}; goal ≤ 5)")
