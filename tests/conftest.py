"""Fixtures of the whole suite: the command, a running server, and programs that not everybody has."""

import contextlib
import functools
import gc
import http.server
import io
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, redirect_stderr, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
import trustme

from fake_bluejay.cli import main
from tests.furnished import furnished_world
from tests.thoroughness import absent
from tests.warm import Process, started

pytest_plugins = ["pytester"]

_MADE = pytest.StashKey[tuple[tempfile.TemporaryDirectory[str], dict[str, str | None]]]()


def pytest_configure(config: pytest.Config) -> None:
    """Spare clients the authorities of the whole world: no test leaves this machine, and loading them takes 40 ms."""
    if hasattr(config, "workerinput"):
        return  # the environment is inherited
    directory = tempfile.TemporaryDirectory()
    authority = str(Path(directory.name, "authority.pem"))
    trustme.CA().cert_pem.write_to_path(authority)
    names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
    config.stash[_MADE] = directory, {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, authority))


def pytest_unconfigure(config: pytest.Config) -> None:
    if _MADE in config.stash:
        directory, before = config.stash[_MADE]
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        directory.cleanup()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep collections of garbage from examining what is loaded for the tests, which took a tenth of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()
        gc.set_threshold(25_000, 20, 10)


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """Return one worker more than there are cores: a test that waits for a process leaves its core idle."""
    workers = yield
    return workers if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ else workers + 1


COMMAND = [sys.executable, "-m", "fake_bluejay"]


class Server(NamedTuple):
    process: "Process | subprocess.Popen[str]"
    url: str
    printed: str
    output: Path

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def stop(self) -> str:
        """All that it printed, after SIGTERM, which it takes well. On Windows that ends it at once."""
        self.process.terminate()
        assert self.process.wait(timeout=20) == (1 if sys.platform == "win32" else 0), self.output.read_text()
        return self.output.read_text()

    @property
    def exported(self) -> dict[str, str]:
        """The variables that the printed `export` lines set."""
        lines = re.findall(r"^  export (.*)", self.printed, re.MULTILINE)
        return dict(one.split("=", 1) for line in lines for one in shlex.split(line))

    def run(self, *command: str, **options: Any) -> str:
        """Run a command with those variables, and without this machine's own proxies, and return its output."""
        environment = {**without_proxies(), **self.exported}
        done = subprocess.run(command, capture_output=True, text=True, timeout=110, env=environment, **options)
        assert done.returncode == 0, done.stderr
        return done.stdout


Serving = Callable[..., AbstractContextManager[Server]]


class Loaded:
    """A plugin for pytest in pytest, which keeps the libraries that are first imported there in `sys.modules`.

    `pytester` removes them, so a later test would import a second copy, whose classes differ from those that other
    modules still hold. Some extensions in C cannot be imported twice at all.
    """

    def __init__(self) -> None:
        self.before = set(sys.modules)
        self.modules: dict[str, ModuleType] = {}

    def pytest_unconfigure(self, config: pytest.Config) -> None:
        for name in set(sys.modules) - self.before:
            origin = getattr(getattr(sys.modules[name], "__spec__", None), "origin", None)
            if origin is not None and not Path(origin).is_relative_to(config.rootpath):
                self.modules[name] = sys.modules[name]


@pytest.fixture
def loaded() -> Iterator[Loaded]:
    loaded = Loaded()
    yield loaded
    for name, module in loaded.modules.items():
        sys.modules.setdefault(name, module)


@pytest.fixture
def pytester(loaded: Loaded, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Run pytest in pytest, with our plugin alone: those that happen to be installed take most of the time of a run."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "fake_bluejay.pytest_plugin")
    monkeypatch.setattr(pytester, "inline_run", functools.partial(pytester.inline_run, plugins=[loaded]))
    return pytester


@pytest.fixture
def run() -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Run the command to its end."""

    def run(*arguments: object, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*COMMAND, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=60,
            env={**_environment(), **environment},
        )

    return run


class Done(NamedTuple):
    """The outcome of a command."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run_here(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """Run the command to its end in this process, where that of a process of its own is not the question."""

    def run(*arguments: object, **environment: str) -> Done:
        stdout, stderr, status = io.StringIO(), io.StringIO(), 0
        with monkeypatch.context() as patched, redirect_stdout(stdout), redirect_stderr(stderr):
            for name in os.environ.keys() - _environment().keys():
                patched.delenv(name)
            for name, value in environment.items():
                patched.setenv(name, value)
            try:
                main([*map(str, arguments)], prog_name="fake-bluejay")
            except SystemExit as end:
                status = end.code if isinstance(end.code, int) else 0
        return Done(status, stdout.getvalue(), stderr.getvalue())

    return run


@pytest.fixture(scope="session")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Serving:
    """Start a server on a free port, and kill it in the end."""

    @contextlib.contextmanager
    def serving(*arguments: object, **environment: str) -> Iterator[Server]:
        output = tmp_path_factory.mktemp("server") / "output.txt"
        with _hanging_up():
            command = ["serve", "--port", "0", *map(str, arguments)]
            process = started(command, output, {**_environment(), **environment})
        try:
            printed = ""
            while not (found := re.search(r'(?:listens on |"url": ")(http\S+?)[\s"]', printed)):
                assert process.poll() is None, printed
                time.sleep(0.005)
                printed = output.read_text()
            yield Server(process, found[1], printed, output)
        finally:
            process.kill()
            process.wait(timeout=10)

    return serving


@contextlib.contextmanager
def _hanging_up() -> Iterator[None]:
    """Let processes that are started in the block obey SIGHUP, also if the tests run under `nohup`."""
    if not hasattr(signal, "SIGHUP"):
        yield
        return
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.fixture(scope="session")
def run_program() -> Callable[..., str]:
    """A function that runs a program without this machine's proxies, and returns its output if it succeeds."""

    def run(*command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, timeout=110, env=without_proxies())
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("FAKE_BLUEJAY_")}


def without_proxies() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}


class Receiver(NamedTuple):
    """A server that webhooks lead to."""

    url: str
    received: list[tuple[dict[str, str], bytes]]
    """Headers and body of each delivery."""
    answers: list[int | Callable[[], int]]
    """The statuses of the next answers, or functions that find them; without any it is 204."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """One that listens meanwhile."""
    received: list[tuple[dict[str, str], bytes]] = []
    answers: list[int | Callable[[], int]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            answer = answers.pop(0) if answers else 204
            self.send_response(answer() if callable(answer) else answer)
            self.end_headers()

        def log_message(self, *arguments: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Receiver(f"http://127.0.0.1:{server.server_port}/hook?a=1", received, answers)
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def tool() -> Callable[[str], str]:
    """The path of a program that not everybody has; without it a test is skipped, and under CI it fails."""

    def find(name: str) -> str:
        path = shutil.which(name)
        return path or absent(f"{name} is not installed, and needed here: see .ci/run")

    return find


@pytest.fixture(scope="session")
def furnished() -> Any:
    """A dump of a world with something of everything."""
    return furnished_world()
