"""Run all benchmarks, or those named: `python -m benchmarks tests waits`."""

from __future__ import annotations

import os
import platform
import sys

from benchmarks import cold_start, plugin, runs, server, startup, tests, waits, watchdogs

ALL = {
    "tests": tests.run,
    "server": server.run,
    "startup": startup.run,
    "watchdogs": watchdogs.run,
    "runs": runs.run,
    "plugin": plugin.run,
    "cold_start": cold_start.run,
    "waits": waits.run,
}


def main() -> None:
    print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores\n")
    for name in sys.argv[1:] or ALL:
        ALL[name]()
        print()


main()
