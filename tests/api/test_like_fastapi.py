"""The differential test: our surface beside a real FastAPI application, and both against what is known as fact."""

import asyncio
import functools
import json
import sys
from collections.abc import Callable, Iterator
from inspect import Parameter as Argument
from inspect import Signature
from typing import Annotated, Any, NamedTuple

import pytest
from fastapi import Depends, FastAPI, Header, HTTPException, Path, Query
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter

from fake_bluejay.bluejay.app import Api
from fake_bluejay.bluejay.modules import operations
from fake_bluejay.core.errors import DomainError
from fake_bluejay.core.readings import Readings
from fake_bluejay.core.world import DEFAULT_ORGANISATION, World
from fake_bluejay.http.journal import Journal
from fake_bluejay.http.operation import ApiCall, Operation, answer_to
from fake_bluejay.state.snapshot import dump, load
from fake_bluejay.strategies import InvalidPayload, invalid_payloads, valid_payloads
from tests.thoroughness import examples

PATH = "/v1/end-conversations"
KEY = (b"x-api-key", b"key")
JSON = (b"content-type", b"application/json")

# Two applications: one whose header is required, as the published document declares it, and one where it is checked by
# a dependency, as the documentation's 401 for a missing key needs it.
oracle = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
guarded = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
AS_DECLARED = {"missing_key": "422", "bad_key_and_bad_body": "body-first"}


class Request(BaseModel):
    test_result_ids: list[int] = Field(min_length=1)


class Response(BaseModel):
    success: bool
    ended_count: int
    test_result_ids: list[int]
    failed_ids: list[int] | None = None
    message: str


@oracle.post(PATH)
def end_conversations(request: Request, x_api_key: Annotated[str, Header()]) -> Response:
    # The fake's answer if there are no test results: every id fails.
    ids = request.test_result_ids
    message = f"Marked 0 conversation(s) for ending, {len(ids)} failed"
    return Response(success=False, ended_count=0, test_result_ids=[], failed_ids=ids, message=message)


def known_key(x_api_key: Annotated[str | None, Header()] = None) -> str:
    if x_api_key is None:
        raise HTTPException(401, "Missing API key")
    return x_api_key


@guarded.post(PATH)
def guarded_end_conversations(key: Annotated[str, Depends(known_key)], request: Request) -> Response:
    return end_conversations(request, key)


class Answer(NamedTuple):
    status: int
    body: bytes
    content_type: bytes | None
    allow: bytes | None
    location: bytes | None


def ask(app: Any, method: str, path: str, headers: list[tuple[bytes, bytes]], body: bytes) -> Any:
    """A coroutine that asks an ASGI application."""
    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(errors="surrogateescape"),
        "headers": [(b"host", b"api.getbluejay.ai"), *headers],
        "client": ("127.0.0.1", 1),
        "server": ("api.getbluejay.ai", 443),
    }

    async def asking() -> Answer:
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        try:
            await app(scope, receive, send)
        except Exception:
            # FastAPI raises again what it has answered with a 500, for the server to log.
            assert sent[0]["status"] == 500
        found = dict(sent[0]["headers"])
        content = b"".join(message.get("body", b"") for message in sent[1:])
        picked = (found.get(name) for name in (b"content-type", b"allow", b"location"))
        return Answer(sent[0]["status"], content, *picked)

    return asking()


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def compare(loop: asyncio.Runner, method: str, path: str, headers: list[tuple[bytes, bytes]], body: bytes) -> Answer:
    by_default = loop.run(ask(Api(World(), Journal()), method, path, headers, body))
    assert by_default == loop.run(ask(guarded, method, path, headers, body))
    declared = World(readings=Readings().changed(**AS_DECLARED))
    ours = loop.run(ask(Api(declared, Journal()), method, path, headers, body))
    assert ours == loop.run(ask(oracle, method, path, headers, body))
    return ours


def invalid(*errors: dict[str, Any]) -> tuple[int, bytes]:
    return 422, json.dumps({"detail": errors}, separators=(",", ":")).encode()


def error(type: str, loc: list[Any], msg: str, input: Any, ctx: Any = None) -> dict[str, Any]:
    one = {"type": type, "loc": loc, "msg": msg, "input": input}
    return one if ctx is None else {**one, "ctx": ctx}


NO_KEY = error("missing", ["header", "x-api-key"], "Field required", None)
NO_BODY = error("missing", ["body"], "Field required", None)
NO_LIST = error("missing", ["body", "test_result_ids"], "Field required", {})
BROKEN = (400, b'{"detail":"There was an error parsing the body"}')
NOT_ALLOWED = (405, b'{"detail":"Method Not Allowed"}')
FAILED = (500, b"Internal Server Error")
ATTRIBUTES = "Input should be a valid dictionary or object to extract fields from"
TYPE, PARSING = (
    "Input should be a valid integer",
    "Input should be a valid integer, unable to parse string as an integer",
)
FRACTION = "Input should be a valid integer, got a number with a fractional part"
LIST = ["body", "test_result_ids"]


def ids(text: str) -> bytes:
    return b'{"test_result_ids":%s}' % text.encode()


def taken(*ids: int) -> tuple[int, bytes]:
    listed = ",".join(map(str, ids))
    return 200, (
        f'{{"success":false,"ended_count":0,"test_result_ids":[],"failed_ids":[{listed}],'
        f'"message":"Marked 0 conversation(s) for ending, {len(ids)} failed"}}'
    ).encode()


FACTS: dict[str, tuple[list[tuple[bytes, bytes]], bytes, tuple[int, bytes]]] = {
    "no key": ([JSON], ids("[1]"), invalid(NO_KEY)),
    "no key and {}": ([JSON], b"{}", invalid(NO_KEY, NO_LIST)),
    "no body": ([KEY, JSON], b"", invalid(NO_BODY)),
    "broken JSON": (
        [KEY, JSON],
        b'{"test_result_ids":[1,}',
        invalid(error("json_invalid", ["body", 22], "JSON decode error", {}, {"error": "Expecting value"})),
    ),
    "broken JSON and no key": (
        [JSON],
        b"{",
        invalid(
            error(
                "json_invalid",
                ["body", 1],
                "JSON decode error",
                {},
                {"error": "Expecting property name enclosed in double quotes"},
            )
        ),
    ),
    "not UTF-8": ([KEY, JSON], b'{"a":"\xff"}', BROKEN),
    "100,000 levels": ([KEY, JSON], b"[" * 100_000 + b"]" * 100_000, BROKEN),
    "4,400 digits": ([KEY, JSON], ids(f"[{'1' * 4400}]"), BROKEN),
    "plain text": (
        [KEY, (b"content-type", b"text/plain")],
        ids("[1]"),
        invalid(error("model_attributes_type", ["body"], ATTRIBUTES, '{"test_result_ids":[1]}')),
    ),
    "a form": (
        [KEY, (b"content-type", b"application/x-www-form-urlencoded")],
        b"a=1",
        invalid(error("model_attributes_type", ["body"], ATTRIBUTES, "a=1")),
    ),
    "no content type": ([KEY], b"{}", invalid(error("model_attributes_type", ["body"], ATTRIBUTES, "{}"))),
    "+json": ([KEY, (b"content-type", b"application/vnd.api+json")], ids("[1]"), taken(1)),
    "charset": ([KEY, (b"content-type", b"application/json; charset=utf-8")], ids("[1]"), taken(1)),
    "a byte order mark": ([KEY, JSON], b"\xef\xbb\xbf" + ids("[1]"), taken(1)),
    "{}": ([KEY, JSON], b"{}", invalid(NO_LIST)),
    "[] for the list": (
        [KEY, JSON],
        ids("[]"),
        invalid(
            error(
                "too_short",
                LIST,
                "List should have at least 1 item after validation, not 0",
                [],
                {"field_type": "List", "min_length": 1, "actual_length": 0},
            )
        ),
    ),
    **{
        f"{text} for the list": (
            [KEY, JSON],
            ids(text),
            invalid(error("list_type", LIST, "Input should be a valid list", json.loads(text))),
        )
        for text in ("null", "5", '"12"', '{"a":1}')
    },
    "odd items": (
        [KEY, JSON],
        ids('["abc",1.5,null,[1],"0x10"]'),
        invalid(
            error("int_parsing", [*LIST, 0], PARSING, "abc"),
            error("int_from_float", [*LIST, 1], FRACTION, 1.5),
            error("int_type", [*LIST, 2], TYPE, None),
            error("int_type", [*LIST, 3], TYPE, [1]),
            error("int_parsing", [*LIST, 4], PARSING, "0x10"),
        ),
    ),
    "coerced items": ([KEY, JSON], ids('["12"," 13 ",1.0,true,"1_000","+5"]'), taken(12, 13, 1, 1, 1000, 5)),
    "1e20": (
        [KEY, JSON],
        ids("[1e20]"),
        invalid(
            error(
                "int_parsing_size",
                [*LIST, 0],
                "Unable to parse input string as an integer, exceeded maximum size",
                1e20,
            )
        ),
    ),
    "4,301 digits in a string": (
        [KEY, JSON],
        ids(f'["{"1" * 4301}"]'),
        invalid(
            error(
                "int_parsing_size",
                [*LIST, 0],
                "Unable to parse input string as an integer, exceeded maximum size",
                "1" * 4301,
            )
        ),
    ),
    "negative, zero and huge": (
        [KEY, JSON],
        ids("[-1,0,12345678901234567890123456]"),
        taken(-1, 0, 12345678901234567890123456),
    ),
    "extra keys": ([KEY, JSON], b'{"test_result_ids":[1],"more":2}', taken(1)),
    "a key twice": ([KEY, JSON], b'{"test_result_ids":[1],"test_result_ids":[2]}', taken(2)),
    **{
        f"{text} at the top": (
            [KEY, JSON],
            text.encode(),
            invalid(error("model_attributes_type", ["body"], ATTRIBUTES, json.loads(text))),
        )
        for text in ("[1]", "null", '"x"')
    },
    "NaN echoed": ([KEY, JSON], ids("NaN"), FAILED),
    "Infinity echoed": ([KEY, JSON], b"Infinity", FAILED),
}


@pytest.mark.parametrize("case", FACTS)
def test_every_row_of_the_facts(loop: asyncio.Runner, case: str) -> None:
    headers, body, expected = FACTS[case]
    answer = compare(loop, "POST", PATH, headers, body)
    assert (answer.status, answer.body) == expected
    kind = b"text/plain; charset=utf-8" if answer.status == 500 else b"application/json"
    assert answer.content_type == kind


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "OPTIONS", "PATCH", "DELETE"])
def test_other_methods_are_not_allowed(loop: asyncio.Runner, method: str) -> None:
    answer = compare(loop, method, PATH, [KEY], b"")
    assert (answer.status, answer.body, answer.allow) == (*NOT_ALLOWED, b"POST")


def test_a_trailing_slash_is_redirected(loop: asyncio.Runner) -> None:
    answer = compare(loop, "POST", f"{PATH}/?a=1", [KEY, JSON], ids("[1]"))
    assert (answer.status, answer.location) == (307, b"https://api.getbluejay.ai/v1/end-conversations?a=1")


def test_an_address_that_cannot_be_redirected_is_no_bug_of_the_fake(
    loop: asyncio.Runner, caplog: pytest.LogCaptureFixture
) -> None:
    answer = compare(loop, "POST", f"{PATH}/?a=\udcff", [KEY, JSON], ids("[1]"))  # a byte that is not UTF-8
    assert answer.status == 500
    assert not [record for record in caplog.records if record.name == "fake_bluejay"]


def test_an_unknown_path_is_not_found(loop: asyncio.Runner) -> None:
    answer = compare(loop, "POST", "/v1/nothing", [KEY, JSON], ids("[1]"))
    assert (answer.status, answer.body) == (404, b'{"detail":"Not Found"}')


@pytest.mark.parametrize(
    "body",
    [
        b'{"test_result_ids":["%s"]}' % (b"x" * 10_000_000),
        ids(f"[{','.join(['1'] * 1_000_000)}]"),
        b"[" * 10_000 + b"]" * 10_000,
        ids("[" * 10_000 + "]" * 10_000),
    ],
    ids=["10 MB", "1,000,000 ids", "10,000 levels", "10,000 levels of list"],
)
def test_huge_bodies_do_no_harm(loop: asyncio.Runner, body: bytes) -> None:
    compare(loop, "POST", PATH, [KEY, JSON], body)
    answer = compare(loop, "POST", PATH, [KEY, JSON], ids("[1]"))
    assert (answer.status, answer.body) == taken(1)


@pytest.mark.parametrize(
    "value",
    [
        "-0", "-0.0", "1e400", "-1e-400", "2.2250738585072011e-308", "9007199254740993.0", f"0.{'1' * 500}",
        "18446744073709551616", "9" * 640, "01", "1.", "-NaN", "NaN", "-Infinity", '"\\ud800"', '"\\ud83d\\ude00"',
        '"\\u0000"', '"\x7f"', '"\x1f"', '{"a":1,"b":2,"a":3}', "[1,]", "\x0c1", " 1 \r\n", "1\x00",
        "[" * 250 + "]" * 250,
    ],
)  # fmt: skip
@pytest.mark.parametrize("wrap", [ids, str.encode])
def test_values_that_parsers_may_read_differently(
    loop: asyncio.Runner, value: str, wrap: Callable[[str], bytes]
) -> None:
    compare(loop, "POST", PATH, [KEY, JSON], wrap(value))


@pytest.mark.parametrize("digits", [640, 641, 700])
def test_limit_of_digits_is_the_one_that_is_set(loop: asyncio.Runner, digits: int) -> None:
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(640)
    try:
        answer = compare(loop, "POST", PATH, [KEY, JSON], ids(f"[{'1' * digits}]"))
    finally:
        sys.set_int_max_str_digits(limit)
    assert (answer.status == 400) == (digits > 640)


# Nesting stays shallow: some hundred levels deep FastAPI fails where it echoes, from a depth that its stack decides.
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**18, max_value=10**30),
    st.floats(),
    st.text(st.characters(codec=None), max_size=8),  # lone surrogates too
    st.from_regex(r"\A\s*[+-]?[0-9_٠-٩]{1,6}(\.0*)?\s*\Z"),
    st.sampled_from(["", "0x10", "1e3", "1.0", "９", "1__0", "_1", "+", "9" * 4301, float("nan"), float("inf")]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["test_result_ids", "_sa", "_sab", "a", "\ud800"]), inner, max_size=3),
    ),
    max_leaves=8,
)
payloads = st.one_of(
    values,
    st.fixed_dictionaries({"test_result_ids": st.lists(scalars, max_size=5)}),
    st.fixed_dictionaries({"test_result_ids": values}),
)
encodings = st.sampled_from(["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-32-le", "utf-16-be"])


@st.composite
def bodies(draw: Any) -> bytes:
    if draw(st.integers(0, 5)) == 0:
        return draw(st.binary(max_size=30))
    text = json.dumps(draw(payloads), ensure_ascii=draw(st.booleans()))
    if draw(st.integers(0, 5)) == 0:
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(["", "}", ",", '"', "NaN", "\x00", "[", "é"])) + text[at + 1 :]
    return text.encode(draw(encodings), "surrogatepass")


content_types = st.one_of(
    st.sampled_from(
        [
            b"application/json",
            b"APPLICATION/JSON",
            b"application/json; charset=latin-1",
            b"application/problem+json",
            b"application/jsonx",
            b"application/",
            b"application",
            b"json",
            b"text/json",
            b"multipart/form-data; boundary=x",
            b" application/json",
            b"application/json;",
            b"application/json, text/plain",
            b"",
        ]
    ),
    st.binary(max_size=12).filter(lambda value: b"\r" not in value and b"\n" not in value),
)
header_lists = st.lists(
    st.one_of(
        st.just(JSON),
        st.tuples(st.just(b"content-type"), content_types),
        st.just(KEY),
        st.tuples(st.just(b"x-api-key"), st.sampled_from([b"a", b"\xe9", b" ", b"key2"])),
        st.just((b"x_api_key", b"key")),
    ),
    max_size=4,
)


@settings(max_examples=examples(1500, 100), derandomize=True, deadline=None, database=None)
@given(body=bodies())
def test_generated_bodies_are_answered_as_fastapi_does(loop: asyncio.Runner, body: bytes) -> None:
    compare(loop, "POST", PATH, [KEY, JSON], body)


@settings(max_examples=examples(1000, 100), derandomize=True, deadline=None, database=None)
@given(
    method=st.sampled_from(["POST", "POST", "POST", "POST", "GET", "post", "HEAD", "PUT", "ODD"]),
    path=st.sampled_from([PATH, PATH, PATH, f"{PATH}/", f"{PATH}//", f"/{PATH}", "/", f"{PATH}?x=1", f"{PATH}/?é=/"]),
    headers=header_lists,
    body=bodies(),
)
@example(method="POST", path=PATH, headers=[KEY, JSON, KEY, (b"content-type", b"text/plain")], body=b"{}")
def test_generated_requests_are_answered_as_fastapi_does(
    loop: asyncio.Runner, method: str, path: str, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    compare(loop, method, path, headers, body)


# --- every operation: FastAPI parses and renders, our function answers in between -------------------------------------


def equivalent(operation: Operation, world: list[World]) -> Any:
    """A function that declares the same parameters as FastAPI has them declared, and answers with ours."""

    def answer(x_api_key: str | None = None, request: Any = None, **parameters: Any) -> Any:
        organisation = "" if x_api_key is None else DEFAULT_ORGANISATION
        call = ApiCall(world[0], {"scheme": "https"}, {b"host": b"api.getbluejay.ai"})
        call.organisation, call.parameters, call.request = organisation, parameters, request
        return operation.answer(call)

    def argument(name: str, annotation: Any, default: Any = Argument.empty) -> Argument:
        return Argument(name, Argument.KEYWORD_ONLY, annotation=annotation, default=default)

    arguments = [argument(name, Annotated[one.type, Path()]) for name, one in operation.in_path.items()]
    for name, one in operation.in_query.items():
        arguments.append(argument(name, Annotated[one.type, Query()], Argument.empty if one.required else one.default))
    if operation.needs_key:
        arguments.append(argument("x_api_key", Annotated[str, Header()]))
    if operation.takes is not None:
        default = Argument.empty if operation.default_body is None else operation.takes(**operation.default_body)
        arguments.append(argument("request", operation.takes, default))
    answer.__signature__ = Signature(arguments)  # type: ignore[attr-defined]
    return answer


@pytest.fixture(scope="module")
def equivalents() -> tuple[FastAPI, list[World]]:
    app, world = FastAPI(docs_url=None, redoc_url=None, openapi_url=None), [World()]
    app.add_exception_handler(DomainError, lambda request, error: answer_to(error, world[0].readings))  # type: ignore[arg-type]
    for operation in sorted(operations(), key=lambda one: "{" in one.path):
        app.add_api_route(
            operation.path,
            equivalent(operation, world),
            methods=[operation.method],
            response_model=operation.returns,
            status_code=operation.status,
        )
    return app, world


def names_in(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        schema = list(schema.values())
    if isinstance(schema, list):
        for item in schema:
            yield from names_in(item)


def smallest(schema: Any, root: Any) -> Any:
    """The smallest value that a schema allows, near enough."""
    if "$ref" in schema:
        return smallest(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return smallest(schema[choice][0], root)
    if schema.get("type") == "object":
        return {name: smallest(schema["properties"][name], root) for name in schema.get("required", ())}
    if schema.get("type") == "array":
        return [smallest(schema["items"], root)] * schema.get("minItems", 1)
    return {"integer": 1, "number": 1.5, "boolean": True}.get(schema.get("type"), "1")


texts = st.one_of(
    st.sampled_from(
        ["1", "2", "a", "99", " 1", "1.0", "+1", "0", "-1", "1e3", "٣", "1_0", "9" * 4301, "é", "%2F", "x y"]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="/?#"), min_size=1, max_size=5),
)


@functools.cache
def schema_of(model: Any) -> str:
    return json.dumps(TypeAdapter(model).json_schema())


@st.composite
def requests_to(draw: Any, operation: Operation) -> tuple[str, list[tuple[bytes, bytes]], bytes]:
    path = operation.path.format_map({name: draw(texts) for name in operation.in_path})
    if operation.in_query and draw(st.booleans()):
        names = st.sampled_from([*operation.in_query, "else"])
        pairs = st.tuples(names, st.one_of(texts, st.just("")), st.sampled_from(["=", "=", "=", ""]))
        path += "?" + draw(st.sampled_from("&;")).join(
            f"{name}{between}{value}" for name, value, between in draw(st.lists(pairs, max_size=3))
        )
    headers = draw(st.sampled_from([[KEY, JSON], [KEY, JSON], [KEY, JSON], [JSON], [KEY], [KEY, KEY, JSON]]))
    if operation.takes is None:
        return path, headers, b""
    schema = json.loads(schema_of(operation.takes))
    fields = st.dictionaries(st.sampled_from(sorted({*names_in(schema), "else"})), values, max_size=3)
    body = smallest(schema, schema)
    changed = draw(st.sampled_from([body, body, *(value for value in body.values() if isinstance(value, dict))]))
    changed.update(draw(fields))
    if draw(st.integers(0, 3)) == 0:
        body.pop(draw(st.sampled_from(sorted(body))), None) if body else None
    return path, headers, json.dumps(body).encode()


def as_declared(dumped: Any) -> World:
    world = load(dumped)
    world.choose(**AS_DECLARED)
    return world


@pytest.fixture(scope="module")
def untouched(furnished: Any) -> Any:
    """The dump of a world that no request has changed."""
    return dump(as_declared(furnished))


@pytest.fixture(scope="module")
def unchanged() -> list[tuple[World, World]]:
    """Two worlds for the next request, unless one before has changed them, or has failed."""
    return []


@pytest.mark.filterwarnings("ignore::pydantic.warnings.UnsupportedFieldAttributeWarning")
@pytest.mark.parametrize(
    "operation",
    [one for one in operations() if not one.reads_bytes],
    ids=lambda one: f"{one.method} {one.path}",
)
def test_every_operation_is_answered_as_fastapi_does(
    loop: asyncio.Runner,
    equivalents: tuple[FastAPI, list[World]],
    furnished: Any,
    untouched: Any,
    unchanged: list[tuple[World, World]],
    operation: Operation,
) -> None:
    """Parameters in path, query and header, bodies, several errors in one list, and the answer's own bytes.

    A request that is refused changes nothing.
    """
    app, theirs = equivalents

    @settings(max_examples=examples(25, 2), derandomize=True, deadline=None, database=None)
    @given(requests_to(operation))
    def compared(request: tuple[str, list[tuple[bytes, bytes]], bytes]) -> None:
        path, headers, body = request
        worlds = unchanged.pop() if unchanged else (as_declared(furnished), as_declared(furnished))
        ours, theirs[0] = worlds
        answer = loop.run(ask(Api(ours, Journal()), operation.method, path, headers, body))
        assert answer == loop.run(ask(app, operation.method, path, headers, body))
        after = dump(ours)
        assert after == dump(theirs[0])
        if after == untouched:
            unchanged.append(worlds)
        else:
            assert answer.status < 400

    compared()


@settings(max_examples=examples(300, 25), derandomize=True, deadline=None, database=None)
@given(invalid=invalid_payloads())
def test_the_labels_of_invalid_payloads_hold_for_fastapi(loop: asyncio.Runner, invalid: InvalidPayload) -> None:
    answer = compare(loop, "POST", PATH, [KEY, JSON], json.dumps(invalid.payload).encode())
    assert tuple(error["type"] for error in json.loads(answer.body)["detail"]) == invalid.types


@settings(max_examples=examples(300, 25), derandomize=True, deadline=None, database=None)
@given(payload=valid_payloads())
def test_valid_payloads_are_valid_for_fastapi(loop: asyncio.Runner, payload: dict[str, Any]) -> None:
    assert compare(loop, "POST", PATH, [KEY, JSON], json.dumps(payload).encode()).status == 200
