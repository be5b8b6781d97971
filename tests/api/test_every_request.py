"""A request that is refused changes nothing, and the world that another leaves can be saved and loaded."""

import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.bluejay.modules import operations
from fake_bluejay.http.operation import Operation
from tests.golden.outputs import requests, rich
from tests.thoroughness import some

EVERY = sorted(operations(), key=lambda one: (one.path, one.method))


@pytest.mark.parametrize("operation", some(EVERY), ids=lambda one: f"{one.method} {one.path}")
def test_a_refused_request_changes_nothing_and_what_another_leaves_can_be_loaded(operation: Operation) -> None:
    fake = rich()
    for path, body in requests(operation):
        before = fake.dump()
        with fake.client(headers={"X-API-Key": fake.api_key}) as client:
            status = client.request(operation.method, path, json=body).status_code
        if status >= 400:
            assert fake.dump() == before, path
        else:
            left = fake.dump()
            assert FakeBluejay.load(left).dump() == left, path
            fake = rich()


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v1/agents/1/versions/2", None, 404),
        ("GET", "/v1/agents/1/prompts?label=x", None, 404),
        ("GET", "/v1/agents/1/labels/6b1e7a52-26f3-4d6c-8a1f-0d2c3f4b5a69", None, 404),
        ("DELETE", "/v1/agents/1/versions/1", None, 400),
        ("DELETE", "/v1/agents/1/prompts/versions?label=production", None, 400),
        ("POST", "/v1/agents/1/versions/1/labels", {"labels": ["latest"]}, 400),
        ("POST", "/v1/agents/1/labels", {"label_text": "production"}, 400),
        ("POST", "/v1/agents/1/prompts/promote?version=3", None, 404),
    ],
)
def test_a_refused_look_at_an_agents_versions_makes_none(method: str, path: str, body: object, status: int) -> None:
    fake = FakeBluejay()
    fake.add_agent()
    before, published = fake.dump(), []
    fake.world.on_change = lambda *change: published.append(change)
    with fake.client(headers={"X-API-Key": fake.api_key}) as client:
        assert client.request(method, path, json=body).status_code == status
    assert fake.dump() == before
    assert published == []
