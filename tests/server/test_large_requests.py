"""The cost of large and of many requests: time in proportion to what they ask for, and memory that is bounded."""

import json
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import TypeAdapter

from fake_bluejay import FakeBluejay
from fake_bluejay.bluejay.service import Service
from fake_bluejay.server.gate import Gate
from fake_bluejay.server.worlds import Worlds
from tests.thoroughness import examples

MOST = examples(500_000, 150_000)


def asked(fake: FakeBluejay, content: bytes, headers: Any = ()) -> Any:
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/end-conversations",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), (b"x-api-key", b"k"), *headers],
    }
    return fake.app.answer(scope, content)


def cpu(function: Callable[[], Any]) -> float:
    """The least of three times that it takes, whatever else the machine does."""
    times = []
    for _ in range(3):
        began = time.thread_time()
        function()
        times.append(time.thread_time() - began)
    return min(times)


@pytest.mark.parametrize("ids", [[1] * MOST, list(range(MOST)), [1, 2, 3, 4] * (MOST // 4)], ids=["one", "all", "four"])
def test_very_many_ids_cost_little_more_than_reading_them(ids: list[int]) -> None:
    fake = FakeBluejay()
    fake.add_test_results(2)
    content = json.dumps({"test_result_ids": ids}).encode()
    numbers = TypeAdapter(list[int])
    frameworks = cpu(lambda: numbers.dump_json(numbers.validate_python(json.loads(content)["test_result_ids"])))
    assert cpu(lambda: asked(fake, content)) < 8 * frameworks
    assert len(fake.control_objects) <= 3 * 2  # of three requests, one for each test result
    assert len(asked(fake, content).json["failed_ids"] or ()) == sum(id not in (1, 2) for id in ids)
    fake.clock.advance(2)
    assert fake.test_result(1).status == "CONVERSATION_ENDED"


def test_large_headers_count_towards_the_size_of_the_journal() -> None:
    fake = FakeBluejay()
    headers = [(b"x-%d" % number, b"v" * 1_000) for number in range(56)]

    def many(count: int) -> None:
        for _ in range(count):
            asked(fake, b"", [(name, value + b"!") for name, value in headers])

    tracemalloc.start()
    many(3_000)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 100_000_000
    assert 900 < len(fake.requests) < 1_500
    assert fake.service.journal.total == 3_000


def test_many_tiny_headers_count_by_their_memory() -> None:
    fake = FakeBluejay()
    for _ in range(60):
        asked(fake, b"", [(b"%x" % number, b"%d" % number) for number in range(10_000)])
    assert len(fake.requests) < 60


@pytest.mark.parametrize("own", [False, True], ids=["of one world", "with worlds of their own"])
def test_a_late_organisation_costs_as_much_as_the_first(own: bool) -> None:
    worlds = Worlds(Service(), lambda: None, make_service=lambda key: Service(api_keys=[key]), gate=Gate("127.0.0.1"))
    batch = 30 if own else 500

    def add(first: int) -> float:
        began = time.thread_time()
        for number in range(first, first + batch):
            if own:
                worlds.add(f"organisation {number}", f"key-{number}")
            else:
                worlds.world.add_organisation(f"organisation {number}", f"key-{number}")
                assert worlds.world.organisation_of(f"key-{number}") == f"organisation {number}"
        return time.thread_time() - began

    batches = [add(number * batch) for number in range(3 if own else 4)]
    assert min(batches[-2:]) < 4 * max(batches[:2])


def test_the_keys_of_a_world_of_its_own_lead_nowhere_once_they_are_gone() -> None:
    worlds = Worlds(Service(), lambda: None, make_service=lambda key: Service(api_keys=[key]), gate=Gate("127.0.0.1"))
    worlds.add("a", "key-a")
    with pytest.raises(ValueError, match="belongs to another organisation"):
        worlds.add("b", "key-a")
    worlds.world.add_organisation("shared", "key-s")
    with pytest.raises(ValueError, match="belongs to another organisation"):
        worlds.add("b", "key-s")
    worlds.world.organisations.clear()
    worlds.add("b", "key-s")
