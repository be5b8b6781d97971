"""Servers and programs that are forked from a process which has loaded the fake: that spares each half a second.

In CI, each is started as people start it.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fake_bluejay.cli import main
from tests.thoroughness import THOROUGH

__all__ = ["Process", "output_of", "started"]

LOADED = [
    __name__,
    *(
        f"fake_bluejay.{name}"
        for name in (
            "facade.fake",
            "server.foreground",
            "state.loaded_seed",
            "bluejay.routes",
            "bluejay.adding",
            "bluejay.agents",
            "bluejay.digital_humans",
            "bluejay.results",
            "bluejay.runs",
            "bluejay.simulations",
            "control.app",
        )
    ),
    "uvicorn.lifespan.off",
    "uvicorn.loops.uvloop",
]
"""The modules that `fake-bluejay serve` has imported when it has answered a request or two."""


class Process:
    """The part of `subprocess.Popen` that tests use, for a process that was forked."""

    def __init__(self, forked: Any) -> None:
        self._forked = forked

    def poll(self) -> int | None:
        status: int | None = self._forked.exitcode
        return status

    def wait(self, timeout: float | None = None) -> int:
        self._forked.join(timeout)
        status = self.poll()
        if status is None:
            raise subprocess.TimeoutExpired("fake-bluejay serve", timeout or 0)
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self._forked.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


COLD = THOROUGH or "forkserver" not in multiprocessing.get_all_start_methods()


def started(arguments: list[str], output: Path, environment: Mapping[str, str]) -> "Process | subprocess.Popen[str]":
    """Start the command in a process of its own that writes what it prints to a file."""
    if COLD:
        command = [sys.executable, "-m", "fake_bluejay", *arguments]
        with output.open("w") as file:
            return subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, text=True, env=environment)
    return _forked(_serve, arguments, output, environment)


def output_of(program: str, *arguments: str, directory: Path) -> str:
    """Run a program in a process of its own, and return what it printed.

    Outside CI, the modules of the fake are loaded there already. Client libraries are not.
    """
    output = directory / "output.txt"
    if COLD:
        command = [sys.executable, "-c", program, *arguments]
        with output.open("w") as file:
            status = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, timeout=60).returncode
    else:
        process = _forked(_run, [program, *arguments], output, os.environ)
        try:
            status = process.wait(timeout=60)
        finally:
            process.kill()
    printed = output.read_text()
    assert status == 0, printed
    return printed


def _forked(
    target: Callable[[list[str]], None], arguments: list[str], output: Path, environment: Mapping[str, str]
) -> Process:
    output.write_text("")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    forked = context.Process(target=_in_child, args=(target, arguments, str(output), dict(environment)), daemon=True)
    forked.start()
    return Process(forked)


def _in_child(
    target: Callable[[list[str]], None], arguments: list[str], output: str, environment: Mapping[str, str]
) -> None:
    file = os.open(output, os.O_WRONLY | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(file, stream)
    sys.stdout, sys.stderr = (os.fdopen(stream, "w") for stream in (1, 2))
    os.environ.clear()
    os.environ.update(environment)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    target(arguments)


def _serve(arguments: list[str]) -> None:
    main(arguments, prog_name="fake-bluejay")


def _run(arguments: list[str]) -> None:
    program, *rest = arguments
    sys.argv = ["-c", *rest]
    sys.modules["__main__"] = types.ModuleType("__main__")
    exec(compile(program, "<program>", "exec"), vars(sys.modules["__main__"]))
