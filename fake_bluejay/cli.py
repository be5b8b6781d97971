"""The `fake-bluejay` command. Each command imports its own dependencies, so that the others answer at once."""

from __future__ import annotations

import contextlib
import errno
import functools
import gc
import json
import math
import os
import re
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click
from click.core import ParameterSource

from fake_bluejay import __version__

if TYPE_CHECKING:
    from fake_bluejay.facade.fake import FakeBluejay
    from fake_bluejay.facade.results import TestResult
    from fake_bluejay.server.tls import Tls
    from fake_bluejay.state.loaded_seed import LoadedSeed, Overrides

_ENVIRONMENT = {"auto_envvar_prefix": "FAKE_BLUEJAY"}
_INSTALLED = {
    "bash": "fake-bluejay completion bash > ~/.local/share/bash-completion/completions/fake-bluejay",
    "zsh": 'fake-bluejay completion zsh > "${fpath[1]}/_fake-bluejay"',
    "fish": "fake-bluejay completion fish > ~/.config/fish/completions/fake-bluejay.fish",
}

_Function = TypeVar("_Function", bound=Callable[..., Any])
_option = functools.partial(click.option, show_envvar=True)


def _options(option: str, parameter: str, **attributes: Any) -> Callable[[_Function], _Function]:
    """Return an option that can be given several times; its name in the environment may be singular or plural."""
    names = [f"FAKE_BLUEJAY_{name.strip('-').replace('-', '_').upper()}" for name in (option, parameter)]
    return _option(option, parameter, multiple=True, envvar=names, **attributes)


_file = click.Path(dir_okay=False, path_type=Path)

_PORT = 8787


class _Port(click.IntRange):
    """A port. Beside a Service named `fake-bluejay`, Kubernetes sets `FAKE_BLUEJAY_PORT` to a URL, which is ignored."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the port, or the default in the place of such a URL. Raises as `click.IntRange` does."""
        return _PORT if value == _url_of_kubernetes() else super().convert(value, param, ctx)


def _url_of_kubernetes() -> str | None:
    """Return what stands in `FAKE_BLUEJAY_PORT` if it is a URL of Kubernetes."""
    url = os.environ.get("FAKE_BLUEJAY_PORT", "")
    return url if re.match(r"(tcp|udp|sctp)://", url) else None


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="fake-bluejay")
def main() -> None:
    """A fake of the Bluejay API: offline, deterministic, true to the real service."""


_SMALL_WORLD = {
    "test_results": [
        {"count": 3},
        {"count": 2, "agent": "silent"},
        *({"status": status} for status in ("QUEUED", "DISPATCHED", "COMPLETED", "NO_ANSWER")),
    ],
    "simulations": [{"digital_humans": 2, "fields": {"name": "Try me"}}],
}
"""The seed of a world with a few test results to try things on."""


# --- serve ----------------------------------------------------------------------------------------------------------


@main.command(context_settings=_ENVIRONMENT)
@_option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@_option("--port", default=_PORT, show_default=True, type=_Port(0, 65535), help="0 takes any free port.")
@_option("--seed", type=_file, help="The world to begin with: TOML, YAML or JSON, or a saved world, which goes on.")
@_option("--save", type=_file, help="Write the world there on exit, on POST /_fake/save and on SIGUSR1.")
@_option(
    "--clock",
    type=click.Choice(["real", "manual"]),
    help="A clock that follows real time, or is moved by hand.  [default: real]",
)
@_option("--speed", type=click.FloatRange(0), help="Virtual seconds in a real one; 0 is a pause.  [default: 1]")
@_option(
    "--agent", metavar="BEHAVIOR", help="The agents' behavior: ends-after=2, ends-within=20, silent, drops-after=5."
)
@_options("--reading", "readings", metavar="NAME=CHOICE", help="See `fake-bluejay readings`.")
@_options("--api-key", "api_keys", metavar="KEY", help="Accept only this key, and others so given.")
@_options("--allow-host", "allow_hosts", metavar="NAME", help="A name to call the control API by, too.")
@_options("--cors-origin", "cors_origins", metavar="ORIGIN", help="Let pages of this origin call /v1 in a browser.")
@_option("--access-log/--no-access-log", default=True, show_default=True, help="A line for each request.")
@_option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@_option(
    "--max-body",
    type=click.IntRange(0),
    default=64 * 1024 * 1024,
    metavar="BYTES",
    help="Of one request; past it: 413. 0 is no limit.  [default: 64 MiB]",
)
@_option("--max-connections", type=click.IntRange(1), default=1000, show_default=True, help="Open at the same time.")
@_option(
    "--client-timeout",
    type=click.FloatRange(0, min_open=True),
    default=20.0,
    metavar="SECONDS",
    show_default=True,
    help="In which a request must be whole, and one more for each 16 KiB of it; then: 408.",
)
@_option("--webhooks-anywhere", is_flag=True, help="Let webhooks lead elsewhere than to this machine.")
@_option("--tls", is_flag=True, help="Speak TLS too, for https://api.getbluejay.ai, by a throw-away authority.")
@_option("--ca-file", type=_file, help="The file for that authority's certificate.  [default: a temporary file]")
def serve(
    host: str,
    port: int,
    seed: Path | None,
    save: Path | None,
    clock: str | None,
    speed: float | None,
    agent: str | None,
    readings: tuple[str, ...],
    api_keys: tuple[str, ...],
    allow_hosts: tuple[str, ...],
    cors_origins: tuple[str, ...],
    access_log: bool,
    log_format: str,
    max_body: int,
    max_connections: int,
    client_timeout: float,
    webhooks_anywhere: bool,
    tls: bool,
    ca_file: Path | None,
) -> None:
    """Serve the fake until Ctrl-C: with a small world to try, or that of a seed.

    Each option can also be given in the environment, under the name shown with it.
    """
    # What is loaded from here on is no garbage, and to look for some would take an eighth of the start.
    gc.disable()
    click.get_current_context().call_on_close(gc.enable)

    from fake_bluejay.facade.fake import fake_over
    from fake_bluejay.server.foreground import Settings, listen, serve
    from fake_bluejay.server.gate import check_name, check_origin, is_every_address, is_loopback
    from fake_bluejay.server.protocol import Limits
    from fake_bluejay.state.loaded_seed import Overrides

    from_environment = click.get_current_context().get_parameter_source("port") == ParameterSource.ENVIRONMENT
    if from_environment and (url_of_kubernetes := _url_of_kubernetes()):
        _warn(
            f"FAKE_BLUEJAY_PORT={url_of_kubernetes} is what Kubernetes sets for a Service named fake-bluejay, and no"
            f" port to listen on; {_PORT} it is. --port chooses another."
        )
    _check_saving(save)
    if seed is None and save is not None and save.exists():
        _warn(f"the world in {save} will be replaced by a new one; --seed {save} goes on with it.")
    if not host:
        _fail("--host is the address to listen on, e.g. 127.0.0.1, or 0.0.0.0 for every one of this machine's; not ''")
    try:
        choices = dict(_name_and_choice(one) for one in readings)
        overrides = Overrides(clock, speed, agent, choices, api_keys, webhooks_anywhere)
        overrides.check_clock()
        if math.isnan(client_timeout):
            raise ValueError("--client-timeout takes a number of seconds, not nan")
        for name in allow_hosts:
            check_name(name)
        for origin in cors_origins:
            check_origin(origin)
    except ValueError as error:
        _fail(str(error))
    if seed is not None and seed == save and not seed.exists():
        seed = None  # it is written on exit
    loaded = _small_world(overrides) if seed is None else _load_seed(seed, overrides)
    fake, make = fake_over(loaded.service), loaded.maker_of_empty_services()
    try:
        listening = click.get_current_context().with_resource(listen(host, port))
    except (OSError, UnicodeError) as error:
        is_taken = isinstance(error, OSError) and error.errno in (errno.EADDRINUSE, errno.EACCES)
        why = (isinstance(error, OSError) and error.strerror) or error
        _fail(f"cannot listen on {host} port {port}: {why}; choose another with {'--port' if is_taken else '--host'}")
    if not is_loopback(host):
        _warn(f"listening on {host}: others on the network can reach this, and its controls.")
    # "every address" is none that can be opened, so print the loopback address.
    name = "127.0.0.1" if is_every_address(host) else f"[{host}]" if ":" in host else host
    url = f"http://{name}:{listening.getsockname()[1]}"
    authority = _tls(tls, ca_file, host)

    def announce() -> None:
        if log_format == "json":
            begin = {"event": "listening", "url": url, "console": f"{url}/_fake/", "version": __version__}
            begin |= {"api_key": fake.api_key, "curl": _first_line(fake, url)}
            text = json.dumps(begin if authority is None else {**begin, "ca_file": str(authority.ca_file)})
        else:
            lines = "" if authority is None else f"{authority.client_lines(url, fake.api_key)}\n"
            text = f"{_welcome(fake, url, seed, save)}\n{lines}Ctrl-C stops it.\n"
        with contextlib.suppress(OSError):  # if nobody can read it, the server serves all the same
            print(text, flush=True)  # not click.echo: before click 8.1.4 it raises if the output is closed

    settings = Settings(
        host=host,
        allow_hosts=allow_hosts,
        cors_origins=cors_origins,
        limits=Limits(max_body, max_connections, client_timeout),
        access_log=access_log,
        log_format=log_format,
        save=save,
        tls=authority and authority.context,
    )
    try:
        serve(
            loaded.service,
            listening,
            settings,
            reset=loaded.reset,
            make_service=lambda key: fake_over(make(key)).service,
            own_worlds=[(name, key, fake_over(its).service) for name, key, its in loaded.own_worlds],
            announce=announce,
        )
    except OSError as error:
        _fail(str(error), status=1)


def _tls(wanted: bool, ca_file: Path | None, host: str) -> Tls | None:
    """Return the certificate of the server, if it is to speak TLS; it is there for as long as the server runs."""
    if not wanted:
        if ca_file is not None:
            _fail("--ca-file is where --tls writes its authority; add --tls")
        return None
    try:
        from fake_bluejay.server.tls import throw_away_authority

        return click.get_current_context().with_resource(throw_away_authority(ca_file, host=host))
    except OSError as error:
        where = f" to {ca_file}" if ca_file else ""
        _fail(
            f"cannot write the authority of --tls{where}: {error.strerror or error}; --ca-file is for another file,"
            " and TMPDIR for another directory of temporary ones"
        )
    except (ImportError, ValueError) as error:
        _fail(str(error))


def _check_saving(save: Path | None) -> None:
    """End the command now if the world could not be saved later; hold the right to save to the file."""
    if save is None:
        return
    from fake_bluejay.server import saving

    if save.suffix.lower() != ".json":
        _fail(f"cannot save to {save}: a saved world is JSON, so its name ends in .json")
    try:
        click.get_current_context().with_resource(saving.alone(save))
    except OSError as error:
        _fail(f"cannot save to {save}: {error.strerror or error}")


def _small_world(overrides: Overrides) -> LoadedSeed:
    from fake_bluejay.state.seed import Seed, loaded

    try:
        return loaded(Seed.model_validate(_SMALL_WORLD), overrides)
    except ValueError as error:
        _fail(str(error))


def _load_seed(seed: Path, overrides: Overrides) -> LoadedSeed:
    from fake_bluejay.state.seed import SeedError, load_seed

    try:
        return load_seed(seed, overrides)
    except SeedError as error:
        first, *more = error.problems
        _fail(f"{first}{f' (and {len(more)} more: fake-bluejay check {seed})' if more else ''}")
    except OSError as error:
        _fail(f"cannot read {seed}: {error.strerror or error}")
    except ValueError as error:
        _fail(str(error))


def _welcome(fake: FakeBluejay, url: str, seed: Path | None, save: Path | None) -> str:
    running = _running(fake)
    key = f"-H 'X-API-Key: {fake.api_key}'"
    end, post = _end(fake, url), _post(fake)
    head = f"""\
fake Bluejay {__version__} listens on {url}
API key: {fake.api_key}
Console: {url}/_fake/
{f"The world is saved to {save} on exit.{chr(10)}" if save else ""}"""
    if seed is not None:
        return f"""\
{head}
From {seed}: {_summary(fake)}.
{"End one:" if running else "Add a running one:"}
  {_first_line(fake, url)}
"""
    answering = [str(result.id) for result in running if result.agent is None]
    silent_ones = [str(result.id) for result in running if result.agent is not None]
    others = [f"{result.id} is {result.status}" for result in fake.test_results if result not in running]
    advance = f"curl -s {url}/_fake/clock/advance -d '{{\"seconds\": 30}}'"
    look = f"curl -s {url}/_fake/test-results/{silent_ones[0]}"
    soon = f"{answering[0]} ends within seconds, {silent_ones[0]} after 30 s, by the watchdog"
    if hasattr(fake.world.clock, "speed"):
        time = f"Time passes by itself: {soon}. Look:\n  {look}\nOr don't wait:\n  {advance}"
        run = "Queue a run of a simulation with two digital humans, and watch it go on"
    else:
        time = f"Time stands still until you advance the clock; then {soon}:\n  {advance}\n  {look}"
        run = "Queue a run of a simulation with two digital humans, and advance the clock to see it go on"
    return f"""\
{head}
Test results {", ".join(answering)} are RUNNING, with agents that answer; {", ".join(silent_ones)}, with silent ones;
{", ".join(others)}.

End some, one with a silent agent and one that does not exist:
  {end} '{{"test_result_ids": [{answering[0]}, {silent_ones[0]}, 999]}}'
{time}
{run}:
  curl -s {url}/v1/queue-simulation-run {post} '{{"simulation_id": "1"}}'
  curl -s {url}/v1/retrieve-simulation-results/1 {key}
A request that does not validate, and a fresh start:
  {end} '{{"test_result_ids": []}}'
  curl -s -X POST {url}/_fake/reset
"""


def _first_line(fake: FakeBluejay, url: str) -> str:
    """Return a first command to try: it ends a running conversation, or adds one."""
    running = _running(fake)
    ids = json.dumps({"test_result_ids": [result.id for result in running[:1]]})
    return f"{_end(fake, url)} '{ids}'" if running else f"curl -s {url}/_fake/test-results -d '{{}}'"


def _end(fake: FakeBluejay, url: str) -> str:
    return f"curl -s {url}/v1/end-conversations {_post(fake)}"


def _post(fake: FakeBluejay) -> str:
    return f"-H 'X-API-Key: {fake.api_key}' -H 'Content-Type: application/json' -d"


def _running(fake: FakeBluejay) -> list[TestResult]:
    return [result for result in fake.test_results if result.status == "RUNNING"]


def _summary(fake: FakeBluejay) -> str:
    """Return the content of a world, in a line."""
    results, organisations = fake.test_results, fake.world.organisations
    statuses = Counter(result.status for result in results)
    said = [f"{_count(len(results), 'test result')}"]
    if results:
        said[0] += f" ({', '.join(f'{count} {status}' for status, count in statuses.items())})"
    if len(organisations) > 1:
        said.append(f"the organisations {', '.join(organisations)}")
    if len(fake.faults):
        said.append(_count(len(fake.faults), "fault"))
    for collection in fake.world.resources:
        if count := len(collection):
            one = collection.resource
            said.append(f"{count} {one.name if count == 1 else one.plural.replace('_', ' ')}")
    if fake.runs:
        said.append(_count(len(fake.runs), "run"))
    if webhooks := len(fake.world.outbox.webhooks):
        said.append(_count(webhooks, "webhook"))
    if pending := len(fake.clock.pending):
        said.append(_count(pending, "pending timer"))
    return ", ".join(said)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _name_and_choice(text: str) -> tuple[str, str]:
    name, equals, choice = text.partition("=")
    if not equals:
        raise ValueError(f"--reading takes NAME=CHOICE, not {text!r}")
    return name, choice


# --- the others -----------------------------------------------------------------------------------------------------


@main.command()
@click.argument("seed", type=_file)
def check(seed: Path) -> None:
    """Print the contents of a seed, or its errors with file, line and field; then the status is 2."""
    from fake_bluejay.facade.fake import fake_over
    from fake_bluejay.state.seed import SeedError, load_seed

    try:
        loaded = load_seed(seed)
    except SeedError as error:
        click.echo("\n".join(error.problems), err=True)
        sys.exit(2)
    except OSError as error:
        _fail(f"cannot read {seed}: {error.strerror or error}")
    click.echo(f"{seed}: {_summary(fake_over(loaded.service))}")


@main.command()
def schema() -> None:
    """Print the JSON Schema of a seed, for editors."""
    from fake_bluejay.state.seed import schema

    _echo_json(schema())


@main.command()
def openapi() -> None:
    """Print the OpenAPI document of the served operations."""
    from fake_bluejay.bluejay.openapi import document

    _echo_json(document())


@main.command()
def readings() -> None:
    """Print the questions that Bluejay's documentation leaves open, with choices and the evidence for the default."""
    from fake_bluejay.core.readings import questions

    for name, question, choices, evidence in questions():
        default, *others = choices
        click.echo(f"{click.style(name, bold=True)}: {question}")
        click.echo(f"    {default} (default); {'; '.join(others)}")
        click.echo(f"    the default is from {evidence}")


@main.command()
@click.argument("shell", type=click.Choice(list(_INSTALLED)))
def completion(shell: str) -> None:
    """Print a script that lets a shell complete this command; its first line says how to install it."""
    from click.shell_completion import get_completion_class

    complete = get_completion_class(shell)
    assert complete is not None
    source = complete(main, {}, "fake-bluejay", "_FAKE_BLUEJAY_COMPLETE").source().strip()
    first, _, rest = source.partition("\n")
    # The line that gives zsh the command's name has to be the first.
    head, body = (f"{first}\n", rest) if first.startswith("#compdef") else ("", source)
    click.echo(f"{head}# Install it with: {_INSTALLED[shell]}\n{body}")


def _echo_json(document: Any) -> None:
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def _warn(message: str) -> None:
    _report("warning", "Warning", message)


def _fail(message: str, status: int = 2) -> NoReturn:
    _report("error", "fake-bluejay", message)
    sys.exit(status)


def _report(event: str, prefix: str, message: str) -> None:
    """Print a line to standard error: as text with this prefix, or as JSON if `--log-format` asks for that."""
    is_json = click.get_current_context().params.get("log_format") == "json"
    click.echo(json.dumps({"event": event, "message": message}) if is_json else f"{prefix}: {message}", err=True)
