"""Workflows of agents: nodes and edges, in an agent that has none and in one that came with its provider's."""

from typing import Any

import pytest

from fake_bluejay import FakeBluejay
from tests.api.client import Client

START = {"id": "start_node", "type": "start", "name": "Start", "prompt": None, "description": None}
OF_ELEVEN_LABS = {
    "agent_id": "x",
    "workflow": {
        "nodes": {
            "start_node": {"type": "start"},
            "n1": {"type": "override_agent", "label": "Greeting", "additional_prompt": "Greet.", "voice": "v"},
        },
        "edges": {
            "e1": {"source": "start_node", "target": "n1", "forward_condition": {"type": "llm", "condition": "always"}}
        },
    },
}


@pytest.fixture(autouse=True)
def agent(fake: FakeBluejay) -> Any:
    return fake.add_agent()


def test_agent_without_a_workflow_gets_one_with_its_first_node(ask: Client) -> None:
    assert ask("GET", "agents/1/workflow/summary") == {"nodes": [START], "edges": []}
    added = ask("POST", "agents/1/workflow/nodes", {"name": "Greeting", "prompt": "Greet."})
    greeting = {"id": added["node_id"], "type": "node", "name": "Greeting", "prompt": "Greet.", "description": None}
    assert added == {"node_id": greeting["id"]}
    assert ask("GET", "agents/1/workflow/summary") == {"nodes": [START, greeting], "edges": []}


def test_edge_leads_from_node_to_node(ask: Client) -> None:
    one, two = (ask("POST", "agents/1/workflow/nodes", {"name": name})["node_id"] for name in "ab")
    first = ask("POST", "agents/1/workflow/edges", {"source_node_id": "start_node", "target_node_id": one})["edge_id"]
    given = {"source_node_id": one, "target_node_id": two, "condition": "The caller is angry."}
    second = ask("POST", "agents/1/workflow/edges", given)["edge_id"]
    assert ask("GET", "agents/1/workflow/summary")["edges"] == [
        {"id": first, "source": "start_node", "target": one, "condition": None},
        {"id": second, "source": one, "target": two, "condition": "The caller is angry."},
    ]
    assert ask("DELETE", f"agents/1/workflow/edges/{first}") == {"edge_id": first}
    assert [edge["id"] for edge in ask("GET", "agents/1/workflow/summary")["edges"]] == [second]
    ask("DELETE", f"agents/1/workflow/edges/{first}", status=404)


def test_deleted_node_takes_its_edges_along_and_its_id_is_not_given_again(ask: Client) -> None:
    one, two = (ask("POST", "agents/1/workflow/nodes", {"name": name})["node_id"] for name in "ab")
    ask("POST", "agents/1/workflow/edges", {"source_node_id": "start_node", "target_node_id": one})
    edge = ask("POST", "agents/1/workflow/edges", {"source_node_id": one, "target_node_id": two})["edge_id"]
    deleted = ask("DELETE", f"agents/1/workflow/nodes/{two}")
    assert deleted == {"node_id": two, "deleted_edge_ids": [edge]}
    summary = ask("GET", "agents/1/workflow/summary")
    assert [node["id"] for node in summary["nodes"]] == ["start_node", one]
    assert [edge["target"] for edge in summary["edges"]] == [one]
    assert ask("DELETE", f"agents/1/workflow/nodes/{two}", status=404) == {"detail": "Node not found"}
    assert ask("POST", "agents/1/workflow/nodes", {"name": "c"})["node_id"] not in (one, two)


def test_start_node_cannot_be_deleted(ask: Client) -> None:
    refused = ask("DELETE", "agents/1/workflow/nodes/start_node", status=400)
    assert refused == {"detail": "The start node cannot be deleted"}


def test_patch_changes_the_given_fields(ask: Client) -> None:
    id = ask("POST", "agents/1/workflow/nodes", {"name": "a", "prompt": "p", "description": "d"})["node_id"]
    patched = ask("PATCH", f"agents/1/workflow/nodes/{id}", {"prompt": "q", "name": None})
    assert patched == {"id": id, "type": "node", "name": "a", "prompt": "q", "description": "d"}
    assert ask("GET", "agents/1/workflow/summary")["nodes"][1] == patched
    assert ask("PATCH", "agents/1/workflow/nodes/x", {}, status=404) == {"detail": "Node not found"}


def test_workflow_of_a_provider_is_read_and_the_rest_of_it_stays(ask: Client, fake: FakeBluejay) -> None:
    agent = fake.add_agent(workflow=OF_ELEVEN_LABS)
    place = f"agents/{agent.id}/workflow"
    assert ask("GET", f"{place}/summary") == {
        "nodes": [
            {**START, "name": None},
            {"id": "n1", "type": "override_agent", "name": "Greeting", "prompt": "Greet.", "description": None},
        ],
        "edges": [{"id": "e1", "source": "start_node", "target": "n1", "condition": "always"}],
    }
    ask("PATCH", f"{place}/nodes/n1", {"name": "Hello", "description": "d"})
    node = ask("GET", f"agents/{agent.id}")["workflow"]["workflow"]["nodes"]["n1"]
    assert node == {
        "type": "override_agent",
        "label": "Hello",
        "additional_prompt": "Greet.",
        "voice": "v",
        "description": "d",
    }


def test_workflow_may_be_lists_of_nodes_and_edges(ask: Client, fake: FakeBluejay) -> None:
    nodes = [{"id": "s", "type": "start"}, {"id": "node_1", "name": "a"}]
    agent = fake.add_agent(workflow={"nodes": nodes, "edges": [{"id": "e", "source": "s", "target": "node_1"}]})
    place = f"agents/{agent.id}/workflow"
    new = ask("POST", f"{place}/nodes", {"name": "b"})["node_id"]
    assert new == "node_2"
    assert ask("DELETE", f"{place}/nodes/node_1") == {"node_id": "node_1", "deleted_edge_ids": ["e"]}
    stored = ask("GET", f"agents/{agent.id}")["workflow"]
    assert ([node["id"] for node in stored["nodes"]], stored["edges"]) == (["s", new], [])


@pytest.mark.parametrize("workflow", [{"nodes": 1}, {"nodes": ["a"]}, {"nodes": [{}]}, {"edges": {"e": 1}}])
def test_workflow_that_cannot_be_read_is_said_to_be_so(ask: Client, fake: FakeBluejay, workflow: Any) -> None:
    agent = fake.add_agent(workflow=workflow)
    refused = ask("GET", f"agents/{agent.id}/workflow/summary", status=400)
    assert "cannot read" in refused["detail"]
    assert ask("GET", f"agents/{agent.id}")["workflow"] == workflow


def test_edge_to_an_unknown_node_changes_nothing(ask: Client, fake: FakeBluejay) -> None:
    before = fake.dump()
    for ends in (("start_node", "x"), ("x", "start_node")):
        body = dict(zip(("source_node_id", "target_node_id"), ends, strict=True))
        assert ask("POST", "agents/1/workflow/edges", body, status=404) == {"detail": "Node not found"}
    ask("POST", "agents/1/workflow/nodes", {"prompt": "p"}, status=422)
    assert fake.dump() == before


def test_another_organisation_sees_no_workflow(ask: Client, others: Client, fake: FakeBluejay) -> None:
    id = ask("POST", "agents/1/workflow/nodes", {"name": "a"})["node_id"]
    before = fake.dump()
    for method, path, body in (
        ("GET", "summary", None),
        ("POST", "nodes", {"name": "b"}),
        ("PATCH", f"nodes/{id}", {"name": "b"}),
        ("DELETE", f"nodes/{id}", None),
        ("POST", "edges", {"source_node_id": "start_node", "target_node_id": id}),
        ("DELETE", "edges/e", None),
    ):
        others(method, f"agents/1/workflow/{path}", body, status=403)
        ask(method, f"agents/9/workflow/{path}", body, status=404)
        ask(method, f"agents/x/workflow/{path}", body, status=404)
    assert {**fake.dump(), "requests": None} == {**before, "requests": None}


def test_restored_dump_goes_on_with_the_workflow(ask: Client, fake: FakeBluejay) -> None:
    ask("POST", "agents/1/workflow/nodes", {"name": "a"})
    with FakeBluejay.load(fake.dump()) as again:
        other = Client(again, again.api_key)
        assert other("GET", "agents/1/workflow/summary") == ask("GET", "agents/1/workflow/summary")
        new = {"name": "b"}
        assert other("POST", "agents/1/workflow/nodes", new) == ask("POST", "agents/1/workflow/nodes", new)


def test_agent_without_a_workflow_may_be_read_as_not_found(ask: Client, fake: FakeBluejay) -> None:
    fake.readings.set(agent_without_workflow="404")
    assert ask("GET", "agents/1/workflow/summary", status=404) == {"detail": "The agent has no workflow"}
