"""Outputs that users see, as text: documents, a dump, answers, error messages. `make golden` writes them anew."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
from click.testing import CliRunner
from pydantic import TypeAdapter

from fake_bluejay import FakeBluejay
from fake_bluejay.bluejay.modules import operations
from fake_bluejay.bluejay.published import MODELLED_IN
from fake_bluejay.calls import Call
from fake_bluejay.cli import main
from fake_bluejay.http.operation import Operation

DATA = Path(__file__).parent / "data"
PORT = re.compile(r"127\.0\.0\.1:\d+")


def rich() -> FakeBluejay:
    """A fake with something of everything, the same each time."""
    fake = FakeBluejay(seed=5, unmet="ignore")
    fake.add_organisation("others", "other-key")
    agent = fake.add_agent(external_agent_id="a", http_webhook="http://127.0.0.1/", folder="Support")
    fake.add_simulation(digital_humans=2, agent=agent, max_concurrent=1)
    fake.add_simulation(digital_humans=0, organisation="others")
    fake.add_digital_human(test_name="a", expected_tool_calls=[{"name": "look_up"}])
    fake.webhooks.add("http://127.0.0.1:9/hook", secret="secret")
    fake.queue_run(1)
    fake.clock.advance(3600)
    fake.calls.next(Call(talks_for=3))
    fake.add_test_result(agent="drops-after=5")
    fake.add_test_result(status="QUEUED", organisation="others")
    fake.stub("GET", "/v1/traces", 200, {"traces": []})
    return fake


def pretty(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, default=str) + "\n"


# --- answers of Bluejay's operations ----------------------------------------------------------------------------------

KNOWN: dict[str, Any] = {
    "digital_human_ids": [1, 2],
    "external_agent_id": "a",
    "external_id": "a",
    "simulation_ids": [1],
    "test_name": "a",
    "test_result_ids": [3, 4],
    "update": {},
}
"""Values that mean something in the rich world, by the names that requests have for them."""


def smallest(schema: Any, root: Any, name: str = "") -> Any:
    """The smallest valid value of a schema."""
    if "$ref" in schema:
        return smallest(root["$defs"][schema["$ref"].rpartition("/")[2]], root, name)
    if name in KNOWN and schema.get("type") in ("string", "array", None):
        return KNOWN[name]
    if "enum" in schema or "const" in schema:
        return schema.get("enum", [schema.get("const")])[0]
    if "anyOf" in schema:
        return smallest(schema["anyOf"][0], root, name)
    if schema.get("type") == "object":
        return {one: smallest(schema["properties"][one], root, one) for one in schema.get("required", ())}
    if schema.get("type") == "array":
        return [smallest(schema.get("items", {}), root)] * schema.get("minItems", 1)
    if schema.get("format") == "uuid":
        return "6b1e7a52-26f3-4d6c-8a1f-0d2c3f4b5a69"
    return {"integer": 1, "number": 1.5, "boolean": True}.get(schema.get("type"), "1")


def requests(operation: Operation) -> Iterator[tuple[str, Any]]:
    """Paths and bodies: one that means something, one of an id that is unknown, and one that is empty."""
    body = None
    if operation.takes is not None:
        schema = TypeAdapter(operation.takes).json_schema()
        body = smallest(schema, schema)
    uuid = "6b1e7a52-26f3-4d6c-8a1f-0d2c3f4b5a69"
    yield operation.path.format_map({name: KNOWN.get(name, "1") for name in operation.in_path}), body
    yield (
        operation.path.format_map(
            {name: uuid if "UUID" in str(one.type) else "99" for name, one in operation.in_path.items()}
        ),
        body,
    )
    yield operation.path.format_map(dict.fromkeys(operation.in_path, "x")), {}


def answers_of(module: str) -> str:
    """Return the answers of each operation of a module."""
    lines, fake, untouched = [], rich(), rich().dump()
    before = set(kinds(untouched))
    for operation in sorted(operations(), key=lambda one: (one.path, one.method)):
        if MODELLED_IN[operation.path] != module:
            continue
        for path, body in requests(operation):
            with fake, fake.client(headers={"X-API-Key": fake.api_key}) as client:
                answer = client.request(operation.method, path, json=body)
                after = fake.dump()
            changed = sorted(set(kinds(after)) - before)
            if after != untouched:
                fake = rich()
            lines.append(f"{operation.method} {path} {json.dumps(body, ensure_ascii=False)}\n")
            lines.append(f"{answer.status_code} {answer.headers.get('content-type', '')}\n")
            lines.append(pretty(answer.json()) if answer.content else "")
            lines.append(f"now: {', '.join(changed)}\n\n" if changed else "\n")
    return "".join(lines)


def kinds(dump: Any) -> Iterator[str]:
    """Yield the collections of the world, with the number of their entities."""
    for name, value in dump.items():
        held = value.get("all") if isinstance(value, dict) else value
        if isinstance(held, list):
            yield f"{name} {len(held)}"


# --- the words of mistakes --------------------------------------------------------------------------------------------

OPTIONS: list[dict[str, Any]] = [
    {"sed": 1},
    {"sleep": "often"},
    {"readings": {"sucess": "always"}},
    {"readings": {"success": "sometimes"}},
    {"agent": "sleepy"},
    {"clock": "sundial"},
    {"api_keys": [""]},
    {"evaluation_takes": -1},
]

SEEDS = [
    "sed: 1",
    "clock: sundial",
    "speed: -1",
    "now: 2026-01-01",
    "agent: sleepy",
    "test_results: [{status: RUNING}]",
    "test_results: [{stauts: RUNNING}]",
    "test_results: [{id: 1}, {id: 1}]",
    "simulations: [{agent: {nme: Ann}}]",
    "simulations: [{digital_humans: [{language: 7}]}]",
    "simulations: [{fields: {max_concurrent: 0}}]",
    "simulations: [{organisation: nobody}]",
    "organisations: [{name: a, api_keys: []}]",
    "faults: [{kind: dealy}]",
    "faults: [{kind: delay}]",
    "stubs: [{method: GTE, path: /}]",
    "webhooks: [{url: 'http://example.com'}]",
    "readings: {success: sometimes}",
    "calls: {next: [{talks: 3}]}",
    "a: [",
]

DUMPS: list[tuple[str, Any]] = [
    ("format", 2),
    ("nwo", 1),
    ("now", "yesterday"),
    (
        "agents",
        {
            "last_id": 1,
            "all": [{"id": 1, "organisation": "default", "created_at": "2026-01-01T00:00:00Z", "fields": {}}],
        },
    ),
    ("agents", {"last_id": 0, "all": [{"id": 1, "organisation": "default"}]}),
    ("agents", {"last_id": 1, "all": [{"id": 1, "organisation": "nobody"}]}),
    ("agents", {"all": []}),
    ("agents", 7),
    ("timers", [{"due": "2026-01-01T00:00:00Z"}]),
    ("test_results", [{"id": "x"}]),
]

CONTROL: list[tuple[str, str, Any]] = [
    ("GET", "/_fake/nothing", None),
    ("DELETE", "/_fake/clock", None),
    ("POST", "/_fake/agents", {"nme": "Ann"}),
    ("POST", "/_fake/agents", {"organisation": "nobody"}),
    ("POST", "/_fake/digital-humans", {"simulation_ids": [99]}),
    ("POST", "/_fake/simulations", {"agent": 99}),
    ("POST", "/_fake/simulations", {"digital_humans": [99]}),
    ("POST", "/_fake/runs", {"simulation": 99}),
    ("POST", "/_fake/test-results", {"status": "RUNING"}),
    ("POST", "/_fake/test-results", {"stauts": "RUNNING"}),
    ("POST", "/_fake/test-results", {"id": 1, "count": 2}),
    ("GET", "/_fake/test-results/99", None),
    ("PATCH", "/_fake/test-results/1", {"status": "RUNNING"}),
    ("POST", "/_fake/test-results/1/events", {"event": "explode"}),
    ("POST", "/_fake/faults", {"kind": "dealy"}),
    ("POST", "/_fake/faults", {"kind": "delay"}),
    ("POST", "/_fake/stubs", {"method": "GTE", "path": "/"}),
    ("POST", "/_fake/clock/advance", {"seconds": -1}),
    ("PATCH", "/_fake/clock", {"mode": "sundial"}),
    ("PATCH", "/_fake/readings", {"sucess": "always"}),
    ("POST", "/_fake/organisations", {"name": "others", "api_key": "k"}),
    ("POST", "/_fake/webhooks", {"url": "http://example.com"}),
    ("PUT", "/_fake/state", {"format": 2}),
]

SHOWN = (
    "overview",
    "transitions",
    "test-results",
    "clock",
    "requests",
    "faults",
    "readings",
    "organisations",
    "calls",
    "stubs",
    "webhooks",
    "deliveries",
)

COMMANDS = [
    ["--help"],
    ["serve", "--help"],
    ["schema", "--help"],
    ["openapi", "--help"],
    ["serve", "--reading", "success=sometimes"],
    ["serve", "--seed", "/nowhere.yaml"],
]


def raised(act: Callable[[], object]) -> str:
    try:
        act()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "nothing is raised"


def mistakes_in_options() -> str:
    return "".join(f"{options}\n  {raised(lambda options=options: FakeBluejay(**options))}\n" for options in OPTIONS)


def mistakes_in_seeds(folder: Path) -> str:
    from fake_bluejay.state.seed import load_seed

    path = folder / "seed.yaml"
    lines = []
    for text in SEEDS:
        path.write_text(text)
        lines.append(f"{text}\n  {raised(lambda: load_seed(path)).replace(str(folder), '')}\n")
    return "".join(lines)


def mistakes_in_dumps() -> str:
    empty = FakeBluejay().dump()
    return "".join(
        f"{name}: {json.dumps(value)}\n  {raised(lambda data={**empty, name: value}: FakeBluejay.load(data))}\n"
        for name, value in DUMPS
    )


def control(calls: list[tuple[str, str, Any]]) -> str:
    """Return the control API's answers to these calls, in a rich world of its own."""
    from fake_bluejay.control.app import control_app

    lines = []
    for method, path, body in calls:
        fake = rich()
        answer = _over_asgi(control_app(fake.service, fake.reset), method, path, body)
        lines.append(f"{method} {path} {json.dumps(body)}\n{answer.status_code}\n{pretty(answer.json())}\n")
    return "".join(lines)


def _over_asgi(app: Any, method: str, path: str, body: Any) -> httpx.Response:
    import asyncio

    async def asking() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            return await client.request(method, path, json=body)

    return asyncio.run(asking())


def commands() -> str:
    lines = []
    for arguments in COMMANDS:
        # A width of its own, or the text would be as wide as whoever runs this has his terminal.
        done = CliRunner().invoke(main, arguments, prog_name="fake-bluejay", terminal_width=120, env={"COLUMNS": "120"})
        lines.append(f"$ fake-bluejay {' '.join(arguments)}\n{done.output}[{done.exit_code}]\n\n")
    return "".join(lines)


def outputs(folder: Path) -> dict[str, Callable[[], str]]:
    """Each file of `data`, and what makes its text; `folder` is for files that are needed meanwhile."""
    from fake_bluejay.bluejay.openapi import document
    from fake_bluejay.control.openapi import document as control_document

    return {
        "openapi.json": lambda: pretty(document()),
        "control-openapi.json": lambda: pretty(control_document()),
        "dump.json": lambda: pretty(rich().dump()),
        "dump-of-nothing.json": lambda: pretty(FakeBluejay().dump()),
        "mistakes-in-options.txt": mistakes_in_options,
        "mistakes-in-seeds.txt": lambda: mistakes_in_seeds(folder),
        "mistakes-in-dumps.txt": mistakes_in_dumps,
        "mistakes-in-control.txt": lambda: control(CONTROL),
        "console.txt": lambda: control([("GET", f"/_fake/{name}", None) for name in SHOWN]),
        "commands.txt": commands,
        **{
            f"answers-{module}.txt": (lambda module=module: answers_of(module))
            for module in sorted(set(MODELLED_IN.values()))
        },
    }


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for name, make in outputs(Path(folder)).items():
            if not sys.argv[1:] or name in sys.argv[1:]:
                (DATA / name).write_text(PORT.sub("127.0.0.1:PORT", make()))
