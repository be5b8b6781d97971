"""Copies of JSON-ready data."""

from enum import StrEnum
from typing import Any

from fake_bluejay.core.json_data import copied


class Kind(StrEnum):
    ONE = "one"


def test_a_copy_is_equal_and_shares_nothing_that_can_be_changed() -> None:
    data: dict[str, Any] = {"a": [{"b": [1, 2.5, None, True]}, []], "c": {}, "kind": Kind.ONE, "pair": ({"d": 1}, [2])}
    copy = copied(data)
    assert copy == data
    assert type(copy["kind"]) is Kind
    copy["a"][0]["b"].append(3)
    copy["a"][1].append(3)
    copy["c"]["new"] = 1
    copy["pair"][0]["d"] = 2
    assert data == {"a": [{"b": [1, 2.5, None, True]}, []], "c": {}, "kind": Kind.ONE, "pair": ({"d": 1}, [2])}
