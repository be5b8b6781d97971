"""Preparations that never came into play: faults and stubs that no request met, markers that nothing obeys."""

import re
import warnings
from collections.abc import Callable

import httpx
import pytest

from fake_bluejay import FakeBluejay


def ran(pytester: pytest.Pytester, test: str, *arguments: str) -> pytest.RunResult:
    pytester.makepyfile("import pytest\nfrom fake_bluejay import FakeBluejay\n" + test)
    return pytester.runpytest_inprocess("-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:asyncio", *arguments)


@pytest.mark.parametrize(
    ("prepared", "named"),
    [
        ('bluejay.faults.delay(3, path="/v1/ping")', ["*delay(seconds=3, path='/v1/ping'): *GET /v1/folder/7*"]),
        ("bluejay.faults.reset(after=5)", ["*reset(after=4): *GET /v1/folder/7* was let through"]),
        ('bluejay.stub("GET", "/v1/traces")', ['*stub("GET", "/v1/traces"): the nearest *GET /v1/folder/7*']),
        ("bluejay.faults.refuse_control_write(1)", ["*refuse_control_write(ids=[[]1[]])*"]),
        ('bluejay.faults.rate_limit(1, path="/v1/ping")', ["*rate_limit(*"]),
        ("bluejay.faults.respond(500); bluejay.faults.respond(501)", ["*respond(status=501): *met another fault*"]),
    ],
)
def test_unmet_fault_or_stub_fails_the_test_and_names_the_nearest_request(
    pytester: pytest.Pytester, prepared: str, named: list[str]
) -> None:
    result = ran(pytester, f'def test_it(bluejay):\n    {prepared}\n    bluejay.client().get("/v1/folder/7")\n')
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([*named, '*@pytest.mark.bluejay(unmet="ignore")*'])


def test_without_a_request_none_is_named(pytester: pytest.Pytester) -> None:
    result = ran(pytester, "def test_it(make_bluejay):\n    make_bluejay().faults.reset()\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*reset(): no request came"])


@pytest.mark.parametrize(
    "prepared",
    [
        "bluejay.faults.respond(503)",
        "bluejay.faults.respond(503, times=5)",
        "bluejay.faults.respond(503, probability=0.0)",
        "bluejay.faults.rate_limit(100)",
        "bluejay.faults.respond(503, after=4); bluejay.faults.clear()",
        'bluejay.stub("GET", "/v1/ping")',
        'bluejay.stub("get", "/v1/{any}")',
        # A request came for the stub, though a fault was in its place.
        'bluejay.stub("GET", "/v1/ping"); bluejay.faults.respond(503, path="/v1/ping")',
    ],
)
def test_one_request_is_enough_to_meet_a_fault_or_stub(pytester: pytest.Pytester, prepared: str) -> None:
    result = ran(pytester, f'def test_it(bluejay):\n    {prepared}\n    bluejay.client().get("/v1/ping")\n')
    result.assert_outcomes(passed=1)


def test_a_test_that_failed_is_not_told_of_it_too(pytester: pytest.Pytester) -> None:
    result = ran(pytester, "def test_it(bluejay):\n    bluejay.faults.reset()\n    assert 0\n")
    result.assert_outcomes(failed=1)
    assert "no request met" not in result.stdout.str()


ARMED = "def test_it(bluejay):\n    bluejay.faults.reset()\n"


@pytest.mark.parametrize(
    ("test", "arguments", "outcome"),
    [
        (f'@pytest.mark.bluejay(unmet="ignore")\n{ARMED}', [], {"passed": 1}),
        (f'@pytest.mark.bluejay(unmet="warn")\n{ARMED}', [], {"passed": 1, "warnings": 1}),
        (ARMED, ["--bluejay-unmet=ignore"], {"passed": 1}),
        (ARMED, ["-o", "bluejay_unmet=warn"], {"passed": 1, "warnings": 1}),
        (f'@pytest.mark.bluejay(unmet="error")\n{ARMED}', ["-o", "bluejay_unmet=warn"], {"failed": 1}),
        ('def test_it(make_bluejay):\n    make_bluejay(unmet="ignore").faults.reset()\n', [], {"passed": 1}),
        (
            "@pytest.fixture(scope='module')\ndef armed(make_module_bluejay):\n"
            "    make_module_bluejay().faults.reset()\ndef test_it(armed): ...\n",
            [],
            {"passed": 1, "errors": 1},
        ),
    ],
)
def test_there_is_a_way_out(
    pytester: pytest.Pytester, test: str, arguments: list[str], outcome: dict[str, int]
) -> None:
    ran(pytester, test, "-W", "default", *arguments).assert_outcomes(**outcome)


def test_an_unknown_choice_is_refused(pytester: pytest.Pytester) -> None:
    with pytest.raises(ValueError, match="unknown choice for unmet: 'wran'; did you mean 'warn'"):
        FakeBluejay(unmet="wran")  # type: ignore[typeddict-item]
    result = ran(pytester, ARMED, "--bluejay-unmet=wran")
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_a_with_and_a_decorator_are_as_strict() -> None:
    with pytest.raises(AssertionError, match=r"reset\(\): no request came"), FakeBluejay() as fake:
        fake.faults.reset()

    @FakeBluejay()
    def decorated(bluejay: FakeBluejay) -> None:
        bluejay.faults.reset()

    with pytest.raises(AssertionError, match=r"reset\(\): no request came"):
        decorated()  # type: ignore[call-arg]
    with pytest.raises(KeyError, match="no test result 1"), FakeBluejay() as fake:  # noqa: PT012
        fake.faults.reset()
        fake.test_result(1)
    with pytest.warns(UserWarning, match=r"reset\(\): no request came"), FakeBluejay(unmet="warn") as fake, fake:
        fake.faults.reset()


@pytest.mark.parametrize(
    ("path", "nearest"),
    [
        ("/end-conversations", "/v1/end-conversations"),
        ("/v1/end-conversations/", "/v1/end-conversations"),
        ("/v1/end-conversation", "/v1/end-conversations"),
        ("/v1/v1/end-conversations", "/v1/end-conversations"),
        ("/v1/agents/{id}/prompt", "/v1/agents/{agent_id}/prompts"),
    ],
)
def test_a_fault_that_no_request_could_meet_is_refused(path: str, nearest: str) -> None:
    fake = FakeBluejay()
    with pytest.raises(ValueError, match=f"{re.escape(repr(path))}: .* did you mean {re.escape(repr(nearest))}"):
        fake.faults.reset(path=path)
    assert not fake.faults


@pytest.mark.parametrize(
    "path", ["/v1/{any}", "/v1/agents/7", "/{rest:path}", "/openapi.json", "/v1/agents/{id}/labels"]
)
def test_a_fault_that_some_request_could_meet_is_armed(path: str) -> None:
    fake = FakeBluejay()
    fake.faults.reset(path=path)
    assert len(fake.faults) == 1


def test_a_fault_may_be_for_a_stubbed_path() -> None:
    fake = FakeBluejay()
    with pytest.warns(UserWarning, match=r"/v1/ping/\{id\}, which .* not known to have; the nearest .*: /v1/ping"):
        fake.stub("Get", "/v1/ping/{id}")
    fake.faults.respond(418, path="/v1/ping/7")
    assert fake.client().get("/v1/ping/7").status_code == 418


def test_a_stub_of_a_known_path_does_not_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FakeBluejay().stub("get", "/v1/agents/7")


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ("def test_it(): ...", "@pytest.mark.bluejay has no effect on test_it, which uses none of: bluejay, *"),
        ("def test_it(request): ...", "@pytest.mark.bluejay has no effect on test_it, which uses none of: bluejay, *"),
    ],
)
def test_a_marker_that_nothing_obeys_is_an_error(pytester: pytest.Pytester, test: str, said: str) -> None:
    result = ran(pytester, f'@pytest.mark.bluejay(agent="silent")\n{test}\n', "-p", "no:asyncio")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([said])
    assert "Traceback" not in result.stdout.str()


def test_a_marker_of_a_class_and_a_fixture_asked_for_late_are_none(pytester: pytest.Pytester) -> None:
    marker = '@pytest.mark.bluejay(agent="silent")'
    late = f'{marker}\ndef test_late(request):\n    request.getfixturevalue("bluejay")\n'
    ran(pytester, f"{marker}\nclass TestAll:\n    def test_it(self): ...\n{late}").assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("marker", "said"),
    [
        ('agnt="silent"', "@pytest.mark.bluejay: unknown option 'agnt'; did you mean 'agent'?*"),
        ('agent="silnt"', "@pytest.mark.bluejay: unknown agent behavior 'silnt'*"),
        ('"silent"', "@pytest.mark.bluejay takes options by name, not ('silent',)"),
    ],
)
@pytest.mark.parametrize("fixture", ["bluejay", "make_bluejay"])
def test_a_bad_marker_is_one_line(pytester: pytest.Pytester, marker: str, said: str, fixture: str) -> None:
    result = ran(pytester, f"@pytest.mark.bluejay({marker})\ndef test_it({fixture}): ...\n")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([said])
    assert "pytest_plugin.py" not in result.stdout.str()


# --- assertions -----------------------------------------------------------------------------------------------------


BODY = {"test_result_ids": [1, 2], "extra": {"a": 1, "b": [{"c": 3, "d": 4}]}}


def asked(fake: FakeBluejay) -> None:
    headers = {"X-API-Key": "sk_live_1234567890", "X-Trace": "t1"}
    fake.client(headers=headers).post("/v1/end-conversations?limit=10&tag=a&tag=b&dry=true", json=BODY)


@pytest.mark.parametrize(
    "given",
    [
        {"json": {"test_result_ids": [1, 2]}},
        {"json": {"extra": {"b": [{"c": 3}]}}},
        {"json": {}},
        {"query": {"limit": 10}},
        {"query": {"tag": ["b"], "dry": True}},
        {"headers": {"x-trace": "t1", "X-API-KEY": "sk_live_1234567890"}},
        {"json": {"extra": {"a": 1}}, "query": {"tag": ["a", "b"]}, "times": 1},
        {"json": {"extra": {"a": 2}}, "times": 0},
    ],
)
def test_request_that_contains_the_given_parts_is_found(given: dict[str, object]) -> None:
    fake = FakeBluejay()
    asked(fake)
    fake.assert_requested("post", "/v1/end-conversations", **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "difference"),
    [
        ({"json": {"test_result_ids": [1, 3]}}, "json.test_result_ids[1]: 2, not 3"),
        ({"json": {"test_result_ids": [1]}}, "json.test_result_ids: [1, 2], not [1]"),
        ({"json": {"extra": {"b": [{"e": 5}]}}}, "json.extra.b[0].e: not there, 5 is wanted"),
        ({"json": {"extra": {"a": True}}}, "json.extra.a: 1, not True"),
        ({"json": []}, "json: {"),
        ({"query": {"limit": 11}}, "query.limit: '10', not '11'"),
        ({"query": {"offset": 1}}, "query.offset: not there, '1' is wanted"),
        ({"headers": {"X-Trace": "t2"}}, "headers.X-Trace: 't1', not 't2'"),
        ({"headers": {"X-API-Key": "sk_live_0000000000"}}, "headers.X-API-Key: 'sk_l…90', not 'sk_l…00'"),
    ],
)
def test_the_nearest_request_is_shown_field_by_field(given: dict[str, object], difference: str) -> None:
    fake = FakeBluejay()
    fake.client().get("/v1/ping")
    asked(fake)
    with pytest.raises(AssertionError) as failed:
        fake.assert_requested("POST", "/v1/end-conversations", **given)  # type: ignore[arg-type]
    said = str(failed.value)
    assert "the nearest that came: <POST /v1/end-conversations" in said
    assert f"\n  {difference}" in said
    assert "567890" not in said


def test_another_method_or_path_is_a_difference_too() -> None:
    fake = FakeBluejay()
    fake.client().get("/v1/end-conversations")
    with pytest.raises(AssertionError, match="method: GET, not POST"):
        fake.assert_requested("POST", "/v1/end-conversations")
    with pytest.raises(AssertionError, match="path: /v1/end-conversations, not /v1/end-conversation\n"):
        fake.assert_requested("GET", "/v1/end-conversation")
    with pytest.raises(AssertionError, match="json: the body is no JSON, and empty"):
        fake.assert_requested("GET", "/v1/end-conversations", json={"a": 1})


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda fake: fake.assert_requested("GET", "v1/ping"), "a method and a path are needed"),
        (lambda fake: fake.assert_requested("GET", "/v1/ping?a=1"), "a path has no query: '/v1/ping'"),
        (lambda fake: fake.assert_requested("GET", "/v1/ping", query="a=1"), "query are names with values"),
    ],
)
def test_part_that_no_request_can_have_is_refused(wrong: Callable[[FakeBluejay], None], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        wrong(FakeBluejay())


def test_requests_of_the_fakes_own_pages_do_not_count() -> None:
    fake = FakeBluejay()
    try:
        httpx.get(f"{fake.url}/openapi.json", timeout=60)  # the first one makes it
        httpx.get(f"{fake.url}/fake/transcripts/1.json", headers={"Sec-Fetch-Site": "same-origin"})
        fake.assert_no_requests()
        httpx.get(f"{fake.url}/v1/ping", headers={"Sec-Fetch-Site": "cross-site"})
        with pytest.raises(AssertionError, match="1 requests arrived"):
            fake.assert_no_requests()
    finally:
        fake.stop()


@pytest.mark.parametrize(
    "assertion",
    [
        "assert_ended(1)",
        "assert_failed(1)",
        "assert_ended()",
        'assert_requested("GET", "/v1/pong")',
        'assert_requested("GET", "v1")',
        "assert_no_requests()",
    ],
)
def test_the_traceback_ends_in_the_test(pytester: pytest.Pytester, assertion: str) -> None:
    result = ran(pytester, f'def test_it(bluejay):\n    bluejay.client().get("/v1/ping")\n    bluejay.{assertion}\n')
    result.assert_outcomes(failed=1)
    assert "facade" not in result.stdout.str()
