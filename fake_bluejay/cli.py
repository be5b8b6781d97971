"""The `fake-bluejay` command."""

from __future__ import annotations

import contextlib
import ipaddress
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from fake_bluejay import FakeBluejay, __version__
from fake_bluejay.agents import silent
from fake_bluejay.core.clock import ManualClock, ScaledClock
from fake_bluejay.core.readings import questions

if TYPE_CHECKING:
    from fake_bluejay.server.tls import Tls

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="fake-bluejay")
def main() -> None:
    """A fake of the Bluejay API: offline, deterministic, true to the real service."""


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8787, show_default=True, type=click.IntRange(0, 65535), help="0 takes any free port.")
@click.option("--clock", type=click.Choice(["real", "manual"]), default="real", show_default=True)
@click.option(
    "--speed", type=click.FloatRange(0), default=1.0, show_default=True, help="How many times as fast as real."
)
@click.option("--agent", default=None, help="What agents do: ends-after=2, ends-within=20, silent, drops-after=5.")
@click.option("--reading", "readings", multiple=True, metavar="NAME=CHOICE", help="See `fake-bluejay readings`.")
@click.option("--api-key", "api_keys", multiple=True, metavar="KEY", help="Accept only this key, and others so given.")
@click.option("--access-log/--no-access-log", default=True, show_default=True)
@click.option("--tls", is_flag=True, help="Speak TLS too, for https://api.getbluejay.ai, by a throw-away authority.")
@click.option("--ca-file", type=Path, default=None, metavar="FILE", help="Where to write that authority, with --tls.")
def serve(
    host: str,
    port: int,
    clock: str,
    speed: float,
    agent: str | None,
    readings: tuple[str, ...],
    api_keys: tuple[str, ...],
    access_log: bool,
    tls: bool,
    ca_file: Path | None,
) -> None:
    """Serve the fake, with a small world to try, until Ctrl-C."""
    from fake_bluejay.server.foreground import listen, serve

    try:
        fake = FakeBluejay(
            clock=ManualClock() if clock == "manual" else ScaledClock(speed),
            readings=dict(_name_and_choice(reading) for reading in readings),
            api_keys=api_keys,
            agent=agent,
        )
    except ValueError as error:
        _fail(str(error))
    _seed(fake)
    try:
        listening = listen(host, port)
    except OSError as error:
        _fail(f"cannot listen on {host} port {port}: {error.strerror or error}; choose another with --port")
    if not _is_loopback(host):
        click.echo(f"Warning: listening on {host}: others on the network can reach this, and its controls.", err=True)
    name = f"[{host}]" if ":" in host else host
    url = f"http://{name}:{listening.getsockname()[1]}"
    with _tls(tls, ca_file, host) as authority:
        click.echo(_welcome(fake, url, clock))
        if authority is not None:
            click.echo(authority.client_lines(url, fake.api_key))
        click.echo("Ctrl-C stops it.")
        sys.stdout.flush()
        serve(fake, listening, access_log=access_log, tls=authority and authority.context)


@contextlib.contextmanager
def _tls(wanted: bool, ca_file: Path | None, host: str) -> Iterator[Tls | None]:
    """What TLS needs, for as long as the server runs."""
    with contextlib.ExitStack() as until_the_end:
        tls = None
        try:
            if ca_file is not None and not wanted:
                raise ValueError("--ca-file is where --tls writes its authority; add --tls")
            if wanted:
                from fake_bluejay.server.tls import throw_away_authority

                tls = until_the_end.enter_context(throw_away_authority(ca_file, host=host))
        except (ImportError, OSError, ValueError) as error:
            _fail(str(error))
        yield tls


@main.command()
def readings() -> None:
    """Print what Bluejay's documentation leaves open: each question, the choices, and the evidence for the default."""
    for name, question, choices, evidence in questions():
        default, *others = choices
        click.echo(f"{click.style(name, bold=True)}: {question}")
        click.echo(f"    {default} (default); {'; '.join(others)}")
        click.echo(f"    because of {evidence}")


def _seed(fake: FakeBluejay) -> None:
    """A few test results to try things on."""
    fake.add_test_results(3)
    fake.add_test_results(2, agent=silent())
    for status in ("QUEUED", "DISPATCHED", "COMPLETED", "NO_ANSWER"):
        fake.add_test_result(status=status)


def _welcome(fake: FakeBluejay, url: str, clock: str) -> str:
    running = [result for result in fake.test_results if result.status == "RUNNING"]
    answering = [str(result.id) for result in running if result.agent is None]
    silent_ones = [str(result.id) for result in running if result.agent is not None]
    others = [f"{result.id} is {result.status}" for result in fake.test_results if result not in running]
    time = "by itself" if clock == "real" else "when you advance the clock"
    end = f"curl -s {url}/v1/end-conversations -H 'X-API-Key: {fake.api_key}' -H 'Content-Type: application/json' -d"
    return f"""\
fake Bluejay {__version__} listens on {url}
API key: {fake.api_key}

RUNNING are {", ".join(answering)}, whose agents answer, and {", ".join(silent_ones)}, whose agents are silent;
{", ".join(others)}.

End some, one with a silent agent and one that does not exist:
  {end} '{{"test_result_ids": [{answering[0]}, {silent_ones[0]}, 999]}}'
Time passes {time}: {answering[0]} ends within seconds, {silent_ones[0]} after 30 s, by the watchdog. Look:
  curl -s {url}/_fake/test-results/{silent_ones[0]}
Or don't wait:
  curl -s {url}/_fake/clock/advance -d '{{"seconds": 30}}'
A request that does not validate, and a fresh start:
  {end} '{{"test_result_ids": []}}'
  curl -s -X POST {url}/_fake/reset
"""


def _name_and_choice(text: str) -> tuple[str, str]:
    name, equals, choice = text.partition("=")
    if not equals:
        raise ValueError(f"--reading takes NAME=CHOICE, not {text!r}")
    return name, choice


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _fail(message: str) -> NoReturn:
    click.echo(f"fake-bluejay: {message}", err=True)
    sys.exit(2)
