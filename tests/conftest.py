"""What the whole suite shares."""

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from fake_bluejay import FakeBluejay

pytest_plugins = ["pytester"]


class Serving(NamedTuple):
    """A running `fake-bluejay serve`: its process, where it listens, and what it printed until then."""

    process: "subprocess.Popen[str]"
    url: str
    printed: str

    @property
    def exported(self) -> dict[str, str]:
        """What the `export` lines that it printed set."""
        lines = re.findall(r"^  export (.*)", self.printed, re.MULTILINE)
        return dict(one.split("=", 1) for line in lines for one in shlex.split(line))

    def run(self, *command: str, **options: Any) -> str:
        """What a command prints, in a shell with those lines, and without this machine's own proxies."""
        clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        environment = {**clean, **self.exported}
        done = subprocess.run(command, capture_output=True, text=True, timeout=110, env=environment, **options)
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextlib.contextmanager
def _serving(*arguments: str) -> Iterator[Serving]:
    command = [sys.executable, "-m", "fake_bluejay", "serve", "--port", "0", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None
        printed = ""
        for line in process.stdout:
            printed += line
            if "Ctrl-C" in line:
                break
        found = re.search(r"listens on (\S+)", printed)
        assert found, printed
        yield Serving(process, found[1], printed)
    finally:
        process.kill()
        process.communicate(timeout=10)


@pytest.fixture(scope="session")
def serving() -> Callable[..., contextlib.AbstractContextManager[Serving]]:
    """`with serving("--clock", "manual") as server:` runs the command on a free port."""
    return _serving


@pytest.fixture(scope="session")
def tool() -> Callable[[str], str]:
    """The path of a program that not everybody has; without it a test is skipped, and under CI it fails."""

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is None and os.environ.get("CI") == "true":
            pytest.fail(f"{name} is needed here: see .ci/run")
        return path or pytest.skip(f"{name} is not installed")

    return find


@pytest.fixture(scope="session")
def furnished() -> Any:
    """A dump of a world with something of everything: of what has an id, 1 and 2; external ids and names are `a`.

    The test results 1 and 2 are evaluated, 3 is RUNNING.
    """
    fake = FakeBluejay(seed=5)
    fake.add_simulation(digital_humans=2, agent=fake.add_agent(external_agent_id="a", http_webhook="http://127.0.0.1/"))
    fake.add_simulation(digital_humans=0)
    fake.add_digital_human(test_name="a")
    fake.webhooks.add(lambda delivery: None)
    fake.queue_run(1)
    fake.queue_run(2)
    fake.clock.advance(3600)
    fake.add_test_result()
    return fake.dump()
