"""Seeds: what they make, and how they say what is wrong."""

import json
import textwrap
import time
import tomllib
from pathlib import Path

import jsonschema
import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.agents import ends_after, silent
from fake_bluejay.core.outbox import EVENTS
from fake_bluejay.facade.fake import fake_over
from fake_bluejay.state.loaded_seed import Overrides
from fake_bluejay.state.seed import SeedError, load_seed, schema

TOML = """
seed = 7
clock = "manual"
now = 2026-03-01T12:00:00Z
agent = "ends-after=4"
api_keys = ["a-key"]
evaluation_takes = 9

[readings]
success = "always"

[[organisations]]
name = "acme"
api_keys = ["acme-key"]

[[test_results]]
count = 2
agent = "silent"

[[test_results]]
id = 50
status = "EVALUATING"
organisation = "acme"
metadata = { call = { number = 1 } }

[[stubs]]
method = "GET"
path = "/v1/ping"
json = { pong = true }

[[faults]]
kind = "respond"
status = 503
times = 2
"""
YAML = """
seed: 7
clock: manual
now: 2026-03-01T12:00:00Z
agent: ends-after=4
api_keys: [a-key]
evaluation_takes: 9
readings: {success: always}
organisations:
  - {name: acme, api_keys: [acme-key]}
test_results:
  - count: 2
    agent: silent
  - id: 50
    status: EVALUATING
    organisation: acme
    metadata: {call: {number: 1}}
stubs:
  - {method: GET, path: /v1/ping, json: {pong: true}}
faults:
  - {kind: respond, status: 503, times: 2}
"""


BOMB = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 8)}]\n" for number in range(1, 12)
)
"""Each list has the one before it eight times, which makes some 69,000,000,000 values."""


def written(directory: Path, name: str, text: str) -> Path:
    path = directory / name
    path.write_text(textwrap.dedent(text))
    return path


@pytest.mark.parametrize("name", ["world.toml", "world.yaml", "world.yml", "world.json"])
def test_each_format_makes_the_same_world(tmp_path: Path, name: str) -> None:
    as_json = json.dumps({**tomllib.loads(TOML), "now": "2026-03-01T12:00:00Z"})
    loaded = load_seed(written(tmp_path, name, {"toml": TOML, "json": as_json}.get(name[6:], YAML)))
    fake, world = fake_over(loaded.service), loaded.service.world
    assert (world.seed, world.agent, fake.readings.success) == (7, ends_after(4), "always")
    assert fake.clock.now.isoformat() == "2026-03-01T12:00:00+00:00"
    assert [(one.id, one.status, one.agent, one.organisation) for one in fake.test_results] == [
        (1, "RUNNING", silent(), "default"),
        (2, "RUNNING", silent(), "default"),
        (50, "EVALUATING", None, "acme"),
    ]
    assert fake.test_result(50).fields == {"metadata": {"call": {"number": 1}}}
    assert [timer.due - world.now() for timer in fake.clock.pending] == [9_000_000]
    with fake.client(headers={"X-API-Key": "acme-key"}) as client:
        assert [client.get("/v1/ping").status_code for _ in "123"] == [503, 503, 200]
        assert client.get("/v1/ping").json() == {"pong": True}
    before = fake.dump()
    fake.add_test_result(51)
    fake.clock.advance(60)
    loaded.reset()
    assert len(fake.faults) == 1
    assert fake.dump() == before
    assert world.organisation_of("a-key") == "default"
    assert world.organisation_of("another") is None


def test_keys_that_a_seed_revokes_are_refused(tmp_path: Path) -> None:
    seed = "organisations:\n- {name: acme, api_keys: [new, old]}\nrevoked_keys: [old, stray]"
    loaded = load_seed(written(tmp_path, "world.yaml", seed))
    loaded.reset()
    with fake_over(loaded.service).client() as client:
        statuses = [client.get("/v1/all-agents", headers={"X-API-Key": key}) for key in ("new", "old", "stray")]
    assert [answer.status_code for answer in statuses] == [200, 401, 401]


def test_a_seed_arms_limits_and_refusals(tmp_path: Path) -> None:
    seed = (
        "faults:\n- {kind: billing, code: SPEND_ALERT_REACHED}\n- {kind: unavailable}\n- {kind: rate_limit, count: 2}"
    )
    fake = fake_over(load_seed(written(tmp_path, "world.yaml", seed)).service)
    with fake.client() as client:
        assert [client.get("/v1/ping").status_code for _ in range(5)] == [403, 503, 200, 200, 429]


@pytest.mark.parametrize(("now", "begins"), [("", "2033-05-18"), ("now: 2026-03-01T12:00:00Z", "2026-03-01")])
def test_time_after_a_reset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now: str, begins: str) -> None:
    """After a reset, time begins at the seed's `now` again, or else at the present, which the test replaces."""
    loaded = load_seed(written(tmp_path, "world.yaml", f"clock: real\n{now}\ntest_results: [{{}}]"))
    with monkeypatch.context() as later:
        later.setattr(time, "time_ns", lambda: 2_000_000_000_000_000_000)
        loaded.reset()
        assert fake_over(loaded.service).test_result(1).created_at.date().isoformat() == begins
        assert fake_over(loaded.service).clock.now.date().isoformat() == begins


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("w.toml", "seed = 1\nsede = 2", "w.toml:2: sede: unknown field 'sede'; did you mean 'seed'? known: $schema"),
        ("w.toml", 'agent = "silnt"', "w.toml:1: agent: unknown agent behavior 'silnt'; did you mean 'silent'?"),
        (
            "w.toml",
            "[readings]\n\nsucess = 'always'",
            "w.toml:3: readings.sucess: unknown field 'sucess'; did you mean",
        ),
        ("w.toml", "[readings]\nsuccess = 'alwys'", "w.toml:2: readings.success: unknown choice for the reading"),
        (
            "w.toml",
            "[[test_results]]\ntags = [\n 'a',\n 'b']\n\n# one more\n[[test_results]]\nstatus = 'RUNING'",
            "w.toml:8: test_results[1].status: unknown status 'RUNING'; did you mean 'RUNNING'?",
        ),
        (
            "w.toml",
            "[[test_results]]\ntags = [\n'a']\ncount = [\n1]",
            "w.toml:4: test_results[0].count: an integer is needed",
        ),
        ("w.toml", "seed = 1\nseed = 2", "w.toml:2: not TOML: Cannot overwrite a value"),
        ("w.toml", "seed =", "w.toml:1: not TOML"),
        (
            "w.toml",
            "now = 2026-01-01T00:00:00",
            "w.toml:1: now: a moment with its offset is needed, e.g. 2026-03-01T12",
        ),
        (
            "w.toml",
            "now = 'x'",
            "w.toml:1: now: a moment with its offset is needed, e.g. 2026-03-01T12:00:00Z, not 'x'",
        ),
        ("w.toml", "now = 9999-12-31T23:59:59Z", "w.toml:1: now: a clock begins somewhere in the years 1 to 9998"),
        ("w.toml", "now = 0001-01-01T00:00:00+23:59", "w.toml:1: now: a clock begins somewhere in the years 1"),
        ("w.toml", "speed = 1e18", "w.toml:1: speed: input should be less than or equal to 1000000"),
        ("w.toml", "clock = 'manual'\nspeed = 2", "w.toml:2: speed: a manual clock has no speed"),
        ("w.toml", "seed = " + "9" * 5000, "w.toml: Exceeds the limit"),
        ("w.yaml", "seed: " + "9" * 5000, "w.yaml:1: not YAML: Exceeds the limit"),
        ("w.json", '{"seed": ' + "9" * 5000 + "}", "w.json: Exceeds the limit"),
        ("w.yaml", "stubs: &a\n- *a", "w.yaml: too deeply nested, or something in it contains itself"),
        ("w.yaml", BOMB, "w.yaml:7: a6: there are more than 1,000,000 values here, aliases written out"),
        ("w.yaml", "simulations:\n- digital_humans: 1000000000", "w.yaml:2: simulations[0].digital_humans"),
        ("w.yaml", "seed: 1\napi_keys: [a, '']", "w.yaml:2: api_keys[1]: an API key must not be empty"),
        ("w.yaml", "revoked_keys:\n- a\n- a", "w.yaml:3: revoked_keys[1]: the API key given is revoked already"),
        ("w.yaml", "revoked_keys:\n- ''", "w.yaml:2: revoked_keys[0]: an API key must not be empty"),
        ("w.yaml", "seed: 1\n2: 1", "w.yaml:2: a name is a text, not 2; put it in quotes"),
        ("w.yaml", "seed: 1\nreadings:\n  yes: 1", "w.yaml:3: readings: a name is a text, not True; put it in quotes"),
        ("w.yaml", "stubs:\n- method: GET\n  path: x", "w.yaml:3: stubs[0].path: a path starts with a slash"),
        ("w.yaml", "stubs:\n- path: /x\n  status: 9\n  method: GET", "w.yaml:3: stubs[0].status: a status is an"),
        ("w.yaml", "webhooks:\n- url: http://[::1]/\n  events: [x]", "w.yaml:3: webhooks[0].events: unknown webhook"),
        ("w.yaml", "webhooks:\n- url: http://[::1]/\n  retries: 101", "w.yaml:3: webhooks[0].retries: input should be"),
        (
            "w.yaml",
            "webhooks:\n- events: [simulation_ended]\n  url: x",
            "w.yaml:3: webhooks[0].url: a webhook's URL is like",
        ),
        (
            "w.yaml",
            "organisations:\n- &a {name: a, api_keys: [k]}\n- name: b\n  api_keys: [k]",
            "w.yaml:4: organisations[1].api_keys: the API key given belongs to the organisation 'a' already",
        ),
        ("w.yaml", "organisations:\n- name: default\n  api_keys: [k]", "w.yaml:2: organisations[0].name: there is"),
        ("w.yaml", "test_results:\n- id: 1\n  evaluations: 1", "w.yaml:3: test_results[0].evaluations: a test result"),
        ("w.yaml", "seed: 1\n  x: [", "w.yaml:2: not YAML"),
        ("w.yaml", "test_results:\n- id: 3\n- id: 3", "w.yaml:3: test_results[1].id: the test result id 3 is taken"),
        (
            "w.yaml",
            "test_results:\n- {organisation: acme}",
            "w.yaml:2: test_results[0].organisation: unknown organisation 'acme'",
        ),
        ("w.yaml", "clock: fast", "w.yaml:1: clock: unknown clock 'fast'; known: real, manual"),
        ("w.yaml", "speed: .inf", "w.yaml:1: speed: a finite number is needed"),
        ("w.yaml", "api_keys: a-key", "w.yaml:1: api_keys: a list is needed, not a str"),
        ("w.yaml", "organisations:\n- name: a", "w.yaml:2: organisations[0].api_keys: missing"),
        ("w.yaml", "faults:\n- {kind: delay}", "w.yaml:2: faults[0].seconds: missing"),
        (
            "w.yaml",
            "faults:\n- {kind: reset, bytes: 1}",
            "w.yaml:2: faults[0].bytes: unknown field 'bytes'; did you mean 'times'? known: kind, path, times",
        ),
        ("w.yaml", "faults:\n- {kind: billing}", "w.yaml:2: faults[0].code: missing"),
        ("w.yaml", "faults:\n- {kind: billing, code: NONE}", "w.yaml:2: faults[0]: unknown billing code 'NONE'; known"),
        (
            "w.yaml",
            "faults:\n- {kind: rate_limit, count: 0}",
            "w.yaml:2: faults[0]: count is how many requests are let",
        ),
        (
            "w.yaml",
            "faults:\n- {kind: rate_limit, count: 1, per: 0}",
            "w.yaml:2: faults[0]: per is a number of seconds",
        ),
        (
            "w.yaml",
            "faults:\n- {kind: rate_limit, count: 1, times: 0}",
            "w.yaml:2: faults[0]: times is an integer, at least 1",
        ),
        ("w.yaml", "faults:\n- kind: rest", "w.yaml:2: faults[0].kind: unknown kind of fault 'rest'; did you mean"),
        ("w.yaml", "stubs:\n- {method: GETS, path: /}", "w.yaml:2: stubs[0].method: unknown method 'GETS'"),
        ("w.yaml", "!!python/object/apply:os.system [ls]", "w.yaml:1: not YAML: could not determine a constructor"),
        ("w.yaml", "calls:\n  next: [{en: x}]", "w.yaml:2: calls.next[0]: unknown field of a call 'en'; did you mean"),
        ("w.yaml", "webhooks:\n- {url: http://10.0.0.1/}", "w.yaml:2: webhooks[0].url: 10.0.0.1 is not this machine"),
        (
            "w.yaml",
            "simulations:\n- {fields: {nam: x}}",
            "w.yaml:2: simulations[0].fields: unknown field of a simulation",
        ),
        (
            "w.yaml",
            "simulations:\n- agent: {organisation: default}",
            "w.yaml:2: simulations[0].agent: unknown field of an agent 'organisation'; known: ",
        ),
        (
            "w.yaml",
            "simulations:\n- fields:\n    agent: 1",
            "w.yaml:2: simulations[0].fields: unknown field of a simulation 'agent'; did you mean 'agent_id'?",
        ),
        (
            "w.yaml",
            "simulations:\n- digital_humans:\n  - {name: Ann}\n  - {organisation: default}",
            "w.yaml:4: simulations[0].digital_humans[1]: unknown field of a digital human 'organisation'; ",
        ),
        (
            "w.yaml",
            "simulations:\n- runs: 1\n  digital_humans: {name: Ann}",
            "w.yaml:3: simulations[0].digital_humans: an integer is needed, not {'name': 'Ann'}",
        ),
        (
            "w.yaml",
            "simulations:\n- runs: 1\n  agent: {mode: of a simulation}",
            "w.yaml:3: simulations[0].agent: mode of",
        ),
        (
            "w.yaml",
            "stubs:\n- path: /\n  method: a status is",
            "w.yaml:3: stubs[0].method: unknown method 'a status is'",
        ),
        ("w.yaml", "stubs:\n- {method: GET, path: /, status: 204,\n   json: 1}", "w.yaml:3: stubs[0].json: an answer"),
        (
            "w.yaml",
            "webhooks:\n- url: http://[::1]/\n  organisation: API key",
            "w.yaml:3: webhooks[0].organisation: unknown organisation 'API key'; known: default",
        ),
        (
            "w.yaml",
            "webhooks:\n- url: http://[::1]/\n  secret: ''",
            "w.yaml:3: webhooks[0].secret: a secret is printable",
        ),
        (
            "w.yaml",
            "calls:\n  of:\n    Ben: {tool_calls: [{}]}",
            "w.yaml:3: calls.of.Ben: a call's tool_calls.0.name: ",
        ),
        ("w.yaml", "calls:\n  of:\n    '': {}", "w.yaml:3: calls.of.: a digital human, its id or its name is needed"),
        ("w.yaml", "- 1", "w.yaml:1: a seed is a table of names and values, not list"),
        ("w.json", '{\n\t"test_results": [\n\t\t{"count": 0}]}', "w.json:3: test_results[0].count: input should be"),
        ("w.json", '{"seed": 1,\n"clock" 2}', "w.json:2: not JSON: "),
        ("w.json", '{"format": 1,\n "now": "x"}', "w.json:2: now: Invalid isoformat string: 'x'"),
        ("w.txt", "", "w.txt: the name of a seed ends in one of .toml, .yaml, .yml, .json"),
    ],
)
def test_error_of_a_seed_names_file_line_and_field(tmp_path: Path, name: str, text: str, problem: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(SeedError) as error:
        load_seed(path)
    assert error.value.problems[0].startswith(str(tmp_path / problem)), error.value


@pytest.mark.parametrize("name", ["w.yaml", "w.json", "w.toml"])
def test_a_value_is_nested_200_deep_at_most(tmp_path: Path, name: str) -> None:
    def load(levels: int) -> None:
        value = "[" * levels + "]" * levels
        begin, end = {".json": ('{"x": ', "}"), ".yaml": ("x: ", ""), ".toml": ("x = ", "")}[Path(name).suffix]
        (tmp_path / name).write_text(f"{begin}{value}{end}")
        load_seed(tmp_path / name)

    with pytest.raises(SeedError, match="unknown field 'x'"):
        load(200)
    with pytest.raises(SeedError, match="too deeply nested, or something in it contains itself"):
        load(201)


def test_a_value_that_has_one_of_the_types_is_one_mistake(tmp_path: Path) -> None:
    with pytest.raises(SeedError) as error:
        load_seed(written(tmp_path, "w.yaml", "simulations: [{digital_humans: -1}]"))
    [problem] = error.value.problems
    assert problem.endswith("simulations[0].digital_humans: input should be greater than or equal to 0, not -1")


def test_check_prints_the_number_of_each_resource(run_here, tmp_path: Path) -> None:
    seed = "resources: {folders: [{}], communities: [{}, {}]}\nsimulations: [{digital_humans: 2, runs: 1}]"
    done = run_here("check", written(tmp_path, "w.yaml", seed))
    for what in ("1 folder,", "2 communities,", "1 agent,", "2 digital humans,", "1 simulation,", "1 run,"):
        assert what in done.stdout


def test_check_prints_the_contents_of_a_seed_or_all_errors(run_here, tmp_path: Path) -> None:
    good = run_here("check", written(tmp_path, "world.yaml", YAML))
    assert (good.returncode, good.stderr) == (0, "")
    assert "3 test results (2 RUNNING, 1 EVALUATING), the organisations default, acme, 1 fault" in good.stdout
    path = written(tmp_path, "bad.toml", "sede = 1\nagent = 'x'\n")
    bad = run_here("check", path)
    assert (bad.returncode, bad.stdout) == (2, "")
    assert len(bad.stderr.splitlines()) == 2
    served = run_here("serve", "--port", "0", "--seed", path)
    assert (served.returncode, served.stdout, served.stderr.count("\n")) == (2, "", 1)
    assert f"{path}:" in served.stderr
    assert f"(and 1 more: fake-bluejay check {path})" in served.stderr


def test_a_webhook_is_of_agents_of_the_seed(tmp_path: Path) -> None:
    seed = (
        "resources: {agents: [{name: Ann}, {name: Bob}]}\n"
        "webhooks: [{url: http://127.0.0.1:1/, events: null, agents: [2]}]"
    )
    service = load_seed(written(tmp_path, "world.yaml", seed)).service
    [webhook] = service.world.outbox.webhooks.values()
    assert (webhook.scope.agents, webhook.events) == ((2,), EVENTS)


def test_a_saved_world_is_a_seed_that_goes_on(tmp_path: Path) -> None:
    fake = FakeBluejay()
    fake.add_test_results(2, agent=silent())
    with fake.client(headers={"X-API-Key": "k"}) as client:
        client.post("/v1/end-conversations", json={"test_result_ids": [1, 2, 999]})
    fake.clock.advance(10)
    path = written(tmp_path, "world.json", json.dumps(fake.dump()))
    other = fake_over(load_seed(path).service)
    assert other.dump() == fake.dump()
    other.clock.advance(19.999999)
    assert other.test_result(1).status == "RUNNING"
    other.clock.advance(0.000001)
    assert other.test_result(1).status == "SYSTEM_ERROR"

    told = fake_over(load_seed(path, Overrides("real", 5.0, "silent", {"success": "always"}, ("another-key",))).service)
    assert (told.world.clock.speed, told.world.agent, told.readings.success) == (5.0, silent(), "always")
    assert told.world.organisation_of("k") is None

    data = fake.dump()
    data["test_results"][1]["status"] = "DONE"
    path.write_text(json.dumps(data, indent=1))
    line = path.read_text()[: path.read_text().index("DONE")].count("\n") + 1
    with pytest.raises(SeedError, match=rf"world.json:{line}: test_results\[1\].status: unknown status 'DONE'"):
        load_seed(path)


RUNS = """
clock: manual
webhooks:
  - {url: "http://127.0.0.1:9/hook", events: [simulation_ended], secret: s3cret}
calls:
  default: {talks_for: 10}
  next: [{end: no_answer, connects_after: 3}]
  of: {Bob: {passes: false}, "3": {passes: false}}
simulations:
  - agent: {name: Reception}
    fields: {name: Nightly, max_concurrent: 1}
    digital_humans: [{name: Ann}, {name: Bob}, {name: Cid}]
    runs: 2
  - {digital_humans: 2}
"""


def test_simulations_are_run_as_it_is_scripted(tmp_path: Path) -> None:
    fake = fake_over(load_seed(written(tmp_path, "world.yaml", RUNS)).service)
    first, second = fake.runs
    assert first.simulation.agent.fields["name"] == "Reception"
    assert first.simulation.fields["max_concurrent"] == 1
    [webhook] = fake.world.outbox.webhooks.values()
    assert (webhook.url, webhook.events, webhook.secret) == ("http://127.0.0.1:9/hook", ("simulation_ended",), "s3cret")
    fake.webhooks.remove(webhook.id)  # nobody listens there
    fake.clock.advance(3600)
    assert [str(result.status) for result in first.test_results] == ["NO_ANSWER", "COMPLETED", "COMPLETED"]
    assert [result.passed for result in second.test_results] == [True, False, False]
    [_, talking, _] = first.test_results
    assert (talking.end_time - talking.start_time).total_seconds() == 45, "Bob's script has its own length"
    assert len(fake.resources("digital human")) == 5


def test_webhooks_lead_elsewhere_if_told_so(tmp_path: Path) -> None:
    seed = written(tmp_path, "world.yaml", "webhooks: [{url: 'http://10.0.0.1/'}]")
    assert len(load_seed(seed, Overrides(webhooks_anywhere=True)).service.world.outbox.webhooks) == 1


def test_the_keys_given_are_the_only_ones_of_a_saved_world(tmp_path: Path) -> None:
    path = written(tmp_path, "world.json", json.dumps(FakeBluejay(api_keys=["old-key", "my-key"]).dump()))
    world = load_seed(path, Overrides(api_keys=("my-key",))).service.world
    assert (world.organisation_of("my-key"), world.organisation_of("old-key")) == ("default", None)
    assert "my-key" not in repr(world.organisations)


def _saved(**own: object) -> str:
    world = FakeBluejay(api_keys=["own-key"]).dump()
    whole = {**FakeBluejay().dump(), "own_worlds": [{"name": "own", "api_key": "own-key", "world": world, **own}]}
    return json.dumps(whole, indent=1)


@pytest.mark.parametrize(
    ("own", "api_keys", "problem"),
    [
        ({"name": "default"}, (), "own_worlds[0].name: there is an organisation 'default' already"),
        ({"world": FakeBluejay().dump()}, (), "own_worlds[0]: one of its API keys belongs to an organisation"),
        ({}, ("own-key",), "own_worlds[0]: one of its API keys belongs to an organisation elsewhere already"),
        ({"api_key": ""}, (), "own_worlds[0].api_key: an API key must not be empty"),
        ({"nmae": 1}, (), "own_worlds[0].nmae: unknown field 'nmae'; did you mean 'name'? known: name, api_key, world"),
        ({"world": {"format": 1}}, (), "own_worlds[0].world.now: missing"),
    ],
)
def test_saved_worlds_that_would_not_start_are_refused(
    tmp_path: Path, own: dict[str, object], api_keys: tuple[str, ...], problem: str
) -> None:
    with pytest.raises(SeedError) as error:
        load_seed(written(tmp_path, "world.json", _saved(**own)), Overrides(api_keys=api_keys))
    assert problem in str(error.value)


def test_the_key_that_led_to_a_saved_world_is_known_there(tmp_path: Path) -> None:
    loaded = load_seed(written(tmp_path, "world.json", _saved(api_key="another-key")))
    [(name, key, service)] = loaded.own_worlds
    fake = fake_over(service)
    assert (name, key) == ("own", "another-key")
    assert fake.world.organisation_of("another-key") == "default"


def test_options_go_before_the_seed(tmp_path: Path) -> None:
    path = written(tmp_path, "world.toml", TOML)
    fake = fake_over(load_seed(path, Overrides("real", 3.0, "silent", {"foreign_id": "403"}, ("my-key",))).service)
    assert (fake.world.clock.speed, fake.world.agent, fake.api_key) == (3.0, silent(), "my-key")
    assert (fake.readings.success, fake.readings.foreign_id) == ("always", "403")


def test_a_speed_means_a_clock_that_has_one(tmp_path: Path) -> None:
    seed = written(tmp_path, "w.toml", "clock = 'manual'")
    assert load_seed(seed, Overrides(speed=10)).service.world.clock.speed == 10  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="a clock's speed is a number from 0 to 1,000,000, not 1e\\+18") as error:
        load_seed(seed, Overrides(speed=1e18))
    assert not isinstance(error.value, SeedError)  # for it is none of the file's


def test_the_published_schema_is_that_of_the_code(run_here) -> None:
    published = Path(__file__).parent.parent.parent / "docs" / "seed.schema.json"
    assert json.loads(published.read_text()) == schema(), "run: make schema"
    assert run_here("schema").stdout == published.read_text()


def test_schema_accepts_every_valid_seed() -> None:
    validator = jsonschema.Draft202012Validator(schema())
    assert not list(validator.iter_errors({**tomllib.loads(TOML), "now": "2026-03-01T12:00:00Z"}))
    for wrong in ({"sede": 1}, {"test_results": [{"status": "X"}]}, {"readings": {"success": "x"}}, {"speed": -1}):
        assert list(validator.iter_errors(wrong)), wrong


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        (
            "a.json",
            '{"seed": 1,\n "test_results": [{"id": 1},\n {"id": 2, "id": 3}]}',
            "3: the name 'id' is there twice",
        ),
        ("a.yaml", "seed: 1\nclock: manual\nseed: 2\n", "3: the name 'seed' is there twice"),
        ("a.yaml", "stubs:\n- {method: GET, path: /x, status: 0200}", "2: 0200 is the number 128 in YAML"),
        ("a.yaml", "evaluation_takes: 1:30", "1: 1:30 is the number 90 in YAML"),
    ],
)
def test_text_that_yaml_would_silently_change_is_refused(tmp_path: Path, name: str, text: str, problem: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(SeedError) as error:
        load_seed(path)
    assert [one for one in error.value.problems if problem in one], error.value.problems


def test_one_name_after_another_may_come_from_a_merge_in_yaml(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("test_results:\n- &one {id: 5, status: QUEUED}\n- {<<: *one, id: 6}\n")
    assert [(one.id, one.status) for one in fake_over(load_seed(path).service).test_results] == [
        (5, "QUEUED"),
        (6, "QUEUED"),
    ]


def test_bad_name_does_not_hide_other_errors(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(
        "calls:\n  of:\n    1: {talks_for: 2}\n    '': {}\n    Anna: {talks_forr: 2}\n"
        "stubs:\n- {method: GETT, path: /x}\nevaluation_takes: .nan\n"
    )
    with pytest.raises(SeedError) as error:
        load_seed(path)
    said = "\n".join(error.value.problems)
    for expected in (
        ":3: calls.of: a name is a text, not 1",
        ":4: calls.of.",
        ":5: ",
        ":7: ",
        ":8: evaluation_takes: a fin",
    ):
        assert expected in said
    assert len(error.value.problems) == 5


def test_bad_value_does_not_hide_misfits(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(
        "readings: {success: somtimes}\n"
        "revoked_keys: [1, one]\n"
        "calls: {next: [{talks_forr: 2}]}\n"
        "test_results:\n"
        "- {id: 3, status: RUNING, agent: silnt}\n"
        "- {id: 3}\n"
        "- {organisation: acmee}\n"
        "webhooks:\n"
        "- {url: 'ftp://x'}\n"
        "- {url: 'http://127.0.0.1/', agents: [7]}\n"
        "stubs:\n"
        "- {method: GETT, path: /x}\n"
        "- {method: GET, path: /x, status: 204, json: 1}\n"
    )
    with pytest.raises(SeedError) as error:
        load_seed(path)
    places = [one.removeprefix(f"{path}:").split(": ")[:2] for one in error.value.problems]
    assert places == [
        ["1", "readings.success"],
        ["2", "revoked_keys[0]"],
        ["3", "calls.next[0]"],
        ["9", "webhooks[0].url"],
        ["5", "test_results[0].status"],
        ["5", "test_results[0].agent"],
        ["12", "stubs[0].method"],
        ["10", "webhooks[1].agents"],
        ["6", "test_results[1].id"],
        ["7", "test_results[2].organisation"],
        ["13", "stubs[1].json"],
    ]


def misplaced(tmp_path: Path, text: str) -> list[str]:
    """Return the places of all that is wrong with a seed."""
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(SeedError) as error:
        load_seed(path)
    return [one.removeprefix(f"{path}:").split(": ")[1] for one in error.value.problems]


REFERENCES = "test_results: [{organisation: acme}]\nwebhooks: [{url: 'http://127.0.0.1/', agents: [1]}]\n"


@pytest.mark.parametrize(
    ("wrong", "reported"),
    [
        ("organisations: [{name: acme, api_keys: [1]}]", ["organisations[0].api_keys[0]", "webhooks[0].agents"]),
        ("simulations: [{agent: 1}]", ["simulations[0].agent", "webhooks[0].agents", "test_results[0].organisation"]),
        (
            "resources: {agents: [{organisation: 1}]}",
            ["resources.agents[0].organisation", "test_results[0].organisation"],
        ),
        # A misspelt part is judged as what its name is similar to.
        ("organisatons: [{name: acme, api_keys: [k]}]", ["organisatons", "webhooks[0].agents"]),
        ("resorces: {agents: [{}]}", ["resorces", "test_results[0].organisation"]),
        (
            "simulatons: [{agent: {nme: Ann}}]",
            ["simulatons", "webhooks[0].agents", "simulatons[0].agent", "test_results[0].organisation"],
        ),
        # If it has not the shape of that part, or is similar to none, references to it are not judged.
        ("resorces: 5", ["resorces", "test_results[0].organisation"]),
        ("companies: [{name: acme}]", ["companies"]),
        # What can be no part that others refer to hides nothing.
        ("sed: 1", ["sed", "webhooks[0].agents", "test_results[0].organisation"]),
        ("comment: for the demo", ["comment", "webhooks[0].agents", "test_results[0].organisation"]),
    ],
)
def test_only_references_that_may_follow_from_a_wrong_part_are_left_out(
    tmp_path: Path, wrong: str, reported: list[str]
) -> None:
    assert misplaced(tmp_path, f"{wrong}\n{REFERENCES}") == reported


def test_ids_that_may_be_those_of_a_wrong_simulations_runs_are_not_judged(tmp_path: Path) -> None:
    wrong = "simulations: [{runs: 1, fields: x}]\ntest_results: [{}, {id: 1}]\n"
    assert misplaced(tmp_path, wrong) == ["simulations[0].fields"]


@pytest.mark.parametrize("wrong", ["{id: x}", "{count: 0}", "1"])
def test_a_wrong_id_hides_only_ids(tmp_path: Path, wrong: str) -> None:
    stub = "{method: GET, path: /, json: 1, status: 204}"
    seed = f"test_results: [{{id: 7}}, {wrong}, {{id: 7}}, {{organisation: acme}}]\nstubs: [{stub}]\n"
    first, *others = misplaced(tmp_path, seed)
    assert first.startswith("test_results[1]")
    assert others == ["test_results[3].organisation", "stubs[0].json"]


@pytest.mark.parametrize(
    ("humans", "places"),
    [
        ("x", ["", ""]),  # one for each type
        ("-1", [""]),  # it has one of the types
        ("[{language: en}, 5]", ["[1]"]),
        ("[5, 6]", ["[0]", "[1]"]),
    ],
)
def test_what_fits_none_of_several_types_has_its_place_in_the_file(
    tmp_path: Path, humans: str, places: list[str]
) -> None:
    found = misplaced(tmp_path, f"simulations: [{{digital_humans: {humans}}}]\n")
    assert found == [f"simulations[0].digital_humans{place}" for place in places]


def test_a_wrong_organisation_does_not_hide_what_is_wrong_with_a_simulation(tmp_path: Path) -> None:
    seed = "organisations: [{name: acme, api_keys: 5}]\nsimulations: [{organisation: acme}, {agent: {nme: Ann}}]\n"
    assert misplaced(tmp_path, seed) == ["organisations[0].api_keys", "simulations[1].agent"]


@pytest.mark.parametrize("wrong", ["- {id: x}", "- {count: 0}", "- 1"])
def test_no_id_is_reported_that_is_taken_only_if_one_does_not_count(tmp_path: Path, wrong: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(f"test_results:\n- {{id: 7}}\n{wrong}\n- {{id: 8}}\n- {{id: 8}}\n")
    with pytest.raises(SeedError) as error:
        load_seed(path)
    assert len(error.value.problems) == 1
