"""Every operation that is modelled is in the tests that generate requests, or its absence has a reason here.

Some of the tests have all operations only in CI.
"""

from collections.abc import Callable
from typing import Any

import pytest

from fake_bluejay.bluejay.modules import operations
from fake_bluejay.bluejay.published import METHODS, MODELLED_IN, PUBLISHED
from tests.api import test_like_fastapi
from tests.contract import test_answers, test_models
from tests.thoroughness import thorough

Called = tuple[str, str]
"""A method and a path."""

ANY_OBJECT = "it takes any object, and refuses others with 400: FastAPI would declare nothing of its body"
NOT_BESIDE_FASTAPI = {
    ("PATCH", "/v1/integrations"): ANY_OBJECT,
    ("POST", "/v1/update-integrations"): ANY_OBJECT,
    ("POST", "/v1/traces"): "the OTLP host takes protobuf there",
}
NOT_BY_SCHEMATHESIS = {("POST", "/v1/traces"): "the OTLP host takes protobuf there, and not the API's host"}


def modelled_in(source: dict[str, tuple[str, ...]]) -> set[Called]:
    """Return what the tables of paths say is modelled."""
    return {(method, path) for path, methods in source.items() if path in MODELLED_IN for method in methods}


def tried_by(*tests: Callable[..., None]) -> set[Called]:
    """Return the operations that tests are run with."""
    marks: list[Any] = [mark for test in tests for mark in test.pytestmark]  # type: ignore[attr-defined]
    every = [mark.args[1] for mark in marks if mark.name == "parametrize" and mark.args[0] == "operation"]
    return {(one.method, one.path) for each in every for one in each}


def test_all_that_the_tables_say_is_modelled_is_an_operation() -> None:
    assert {(one.method, one.path) for one in operations()} == modelled_in(METHODS)


@thorough
@pytest.mark.parametrize(
    "test",
    [
        test_answers.test_bodies,
        test_answers.test_newer_contracts_accept_all_requests_of_the_published_one,
        test_answers.test_parameters,
        test_models.test_an_operation_has_the_published_request_and_answer,
    ],
)
def test_all_that_is_published_is_in_the_contract_tests(test: Callable[..., None]) -> None:
    assert tried_by(test) == modelled_in(PUBLISHED)


@thorough
def test_schemathesis_tries_every_operation() -> None:
    from tests.contract.test_schemathesis import test_schemathesis_finds_nothing, test_schemathesis_finds_nothing_newer

    assert tried_by(test_schemathesis_finds_nothing) == modelled_in(PUBLISHED)
    every = tried_by(test_schemathesis_finds_nothing, test_schemathesis_finds_nothing_newer)
    assert modelled_in(METHODS) - every == NOT_BY_SCHEMATHESIS.keys()


def test_all_is_compared_with_fastapi() -> None:
    compared = tried_by(test_like_fastapi.test_every_operation_is_answered_as_fastapi_does)
    assert modelled_in(METHODS) - compared == NOT_BESIDE_FASTAPI.keys()
