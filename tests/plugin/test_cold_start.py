"""The first test of a session loads no more modules than it uses, however many resources there are."""

import json
import re
import subprocess
import sys
from typing import Any

import httpx
import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.bluejay.published import MODELLED_IN

AFTER = """
import json, sys
from http.client import HTTPSConnection
from fake_bluejay import FakeBluejay

def loaded(prefix):
    return sorted(name for name in sys.modules if name.startswith(prefix))

with FakeBluejay() as bluejay:
    bluejay.add_test_result()
    bluejay.clock.advance(1)
    at_start = [*loaded("pydantic"), *loaded("starlette."), *loaded("fake_bluejay.bluejay.")]
    from fake_bluejay.bluejay import resources, routes
    before = set(sys.modules)
    connection = HTTPSConnection("api.getbluejay.ai")
    connection.request("GET", sys.argv[1], headers={"X-API-Key": bluejay.api_key})
    status = connection.getresponse().status
    brought = [name for name in loaded("fake_bluejay.bluejay.") if name not in before]
    brought = [name.removeprefix("fake_bluejay.bluejay.") for name in brought]
    routes = sorted(routes.ROUTER.made)
    print(json.dumps({"at_start": at_start, "status": status, "brought": brought, "routes": routes}))
"""


def loads(path: str) -> Any:
    return json.loads(subprocess.check_output([sys.executable, "-c", AFTER, path]))


@pytest.fixture(scope="module")
def folders() -> Any:
    return loads("/v1/folder/7f1c9a52-6a55-4b70-9d5d-0f3c5e1a2b3c")


def test_a_fake_that_gets_no_request_loads_neither_pydantic_nor_starlette_nor_a_resource(folders: Any) -> None:
    of_resources = {f"fake_bluejay.bluejay.{module}" for module in (*MODELLED_IN.values(), "resources", "models")}
    assert [name for name in folders["at_start"] if name.split(".")[0] in ("pydantic", "starlette")] == [
        "starlette.types"
    ]
    assert of_resources.isdisjoint(folders["at_start"])
    assert "fake_bluejay.bluejay.app" in folders["at_start"]


def test_a_request_loads_the_module_of_its_resource_and_its_own_routes_alone(folders: Any) -> None:
    assert folders["status"] == 404
    assert folders["brought"] == ["folders"]
    assert folders["routes"] == ["/openapi.json", "/v1/folder"]


def test_loading_all_resources_builds_none_of_their_models() -> None:
    program = """
import json
from pydantic import BaseModel
from fake_bluejay.bluejay.modules import operations
operations()

def below(model):
    for one in model.__subclasses__():
        yield one
        yield from below(one)

print(json.dumps({f"{one.__module__}.{one.__name__}": one.__pydantic_complete__ for one in below(BaseModel)}))
"""
    models = json.loads(subprocess.check_output([sys.executable, "-c", program]))
    assert len(models) > 100
    ours = re.compile(r"fake_bluejay\.(?!\S*RootModel\[)")  # Pydantic builds the base of such a model at once
    assert [name for name, is_built in models.items() if is_built and ours.match(name)] == []


def test_a_server_starts_with_the_modules_of_its_world_alone() -> None:
    program = """
import json, sys
from fake_bluejay.cli import main
from fake_bluejay.server.foreground import _Server
_Server.run = lambda *_, **__: print(json.dumps(sorted(sys.modules)))
main(["serve", "--port", "0", "--log-format", "json"])
"""
    *_, loaded = subprocess.check_output([sys.executable, "-c", program], text=True).splitlines()
    resources = {f"fake_bluejay.bluejay.{module}" for module in (*MODELLED_IN.values(), "models.runs")}
    assert sorted(resources & set(json.loads(loaded))) == [
        f"fake_bluejay.bluejay.{module}" for module in ("agents", "digital_humans", "folders", "simulations")
    ]


def test_a_request_for_a_path_with_its_braces_is_one_with_these_values(bluejay: FakeBluejay) -> None:
    refused = httpx.get("https://api.getbluejay.ai/v1/agents/{agent_id}", headers={"X-API-Key": bluejay.api_key})
    assert refused.status_code == 422
    assert [error["loc"] for error in refused.json()["detail"]] == [["path", "agent_id"]]
    assert refused.json()["detail"][0]["input"] == "{agent_id}"
