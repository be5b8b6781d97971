"""The OpenAPI document of what is modelled."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from fastapi import FastAPI
from openapi_spec_validator import OpenAPIV31SpecValidator

from fake_bluejay import FakeBluejay
from fake_bluejay.bluejay.modules import operations
from fake_bluejay.bluejay.openapi import content, document
from fake_bluejay.bluejay.published import METHODS, MODELLED_IN
from fake_bluejay.cli import main
from fake_bluejay.http.operation import Operation
from tests.thoroughness import some, thorough


@pytest.fixture
def bluejay() -> Iterator[FakeBluejay]:
    with FakeBluejay() as bluejay:
        yield bluejay


@pytest.fixture(scope="module")
def ours() -> Any:
    return json.loads(content())


@thorough
def test_it_is_openapi_3_1(ours: Any) -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(ours).iter_errors()] == []


def test_document_has_the_modelled_operations_and_no_others(ours: Any) -> None:
    paths = ours["paths"]
    described = {path: {method.upper() for method in methods} for path, methods in paths.items()}
    assert described == {path: set(METHODS[path]) for path in MODELLED_IN}
    names = [one["operationId"] for methods in paths.values() for one in methods.values()]
    assert len(names) == len(set(names))


def test_it_is_served_and_printed(bluejay: FakeBluejay) -> None:
    served = httpx.get("https://api.getbluejay.ai/openapi.json")
    assert served.headers["content-type"] == "application/json"
    assert served.json() == json.loads(CliRunner().invoke(main, ["openapi"]).output) == document()


@pytest.mark.filterwarnings("ignore::pydantic.warnings.UnsupportedFieldAttributeWarning")
@pytest.mark.parametrize("operation", some(operations()), ids=lambda one: f"{one.method} {one.path}")
def test_bodies_are_described_as_fastapi_does(ours: Any, operation: Operation) -> None:
    """A FastAPI application of the same models describes them in the same words, titles of its own aside."""
    app = FastAPI()
    if operation.takes is None:

        def answer() -> None: ...
    elif operation.default_body is not None:
        default = operation.takes(**operation.default_body)

        def answer(body: operation.takes = default) -> None: ...  # type: ignore[name-defined, no-redef]
    else:

        def answer(body: operation.takes) -> None: ...  # type: ignore[name-defined, no-redef]

    app.add_api_route(
        "/", answer, methods=[operation.method], response_model=operation.returns, status_code=operation.status
    )
    theirs = app.openapi()
    described, described_here = (
        theirs["paths"]["/"][operation.method.lower()],
        ours["paths"][operation.path][operation.method.lower()],
    )
    if "requestBody" in described:
        described["requestBody"]["content"]["application/json"]["schema"].pop("title", None)  # of a union
    assert described.get("requestBody") == described_here.get("requestBody")
    response, here = (one["responses"][str(operation.status)] for one in (described, described_here))
    assert ("content" in response) == ("content" in here) == (operation.status != 204)
    if "content" in response:
        schema = response["content"]["application/json"]["schema"]
        schema.pop("title", None)
        assert schema == here["content"]["application/json"]["schema"]
    for name, schema in theirs.get("components", {}).get("schemas", {}).items():
        assert schema == ours["components"]["schemas"][name], name
