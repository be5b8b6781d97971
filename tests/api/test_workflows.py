"""Scenarios of the scenario builder, by both of their paths: their graphs, and the agents that they are linked to."""

import copy
import json
from typing import Any

import pytest

from fake_bluejay import FakeBluejay
from tests.api.client import Client

UNKNOWN = "6b1e7a52-26f3-4d6c-8a1f-0d2c3f4b5a69"


def start(id: str = "start") -> dict[str, Any]:
    return {"id": id, "type": "start", "data": {}}


def turn(id: str, **data: Any) -> dict[str, Any]:
    return {"id": id, "type": "single", "data": {"type": "exact", "message": "Hello.", **data}}


def menu(*branches: dict[str, Any], **data: Any) -> dict[str, Any]:
    given = list(branches) or [
        {"id": "one", "type": "dtmf", "digits": "1"},
        {"id": "more", "type": "silence", "duration_ms": 0},
    ]
    return {"id": "menu", "type": "options", "data": {"branch_options": given, **data}}


def edge(source: str, target: str, **more: Any) -> dict[str, Any]:
    return {"id": f"{source}-{target}", "source": source, "target": target, **more}


MENU = {
    "nodes": [
        start(),
        turn("greeting"),
        menu(),
        turn("help", type="contextual"),
        turn("wait", type="silence", duration_ms=500),
    ],
    "edges": [
        edge("start", "greeting"),
        edge("greeting", "menu"),
        edge("menu", "help", sourceHandle="one"),
        edge("menu", "wait", sourceHandle="more"),
    ],
    "viewport": {"zoom": 1},
}


@pytest.fixture(params=["workflow", "scenario"])
def path(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def scenario(ask: Client, fake: FakeBluejay) -> Any:
    fake.add_agent()
    return ask("POST", "workflow", {"name": "Menu", "agent_ids": [1], "definition": MENU})


def test_created_scenario_is_found_and_listed_by_its_agent(
    ask: Client, fake: FakeBluejay, scenario: Any, path: str
) -> None:
    fake.add_agent()
    draft = ask("POST", path, {"name": "Draft", "description": "To come.", "definition": {}})
    assert scenario == {
        "id": scenario["id"],
        "organization_id": "default",
        "agent_ids": [1],
        "name": "Menu",
        "description": None,
        "definition": MENU,
        "created_at": "2026-01-01T00:00:00Z",
        "dh_sync_summary": None,
    }
    assert (draft["agent_ids"], draft["definition"]) == ([], {"nodes": [], "edges": []})
    assert ask("GET", f"{path}/{scenario['id']}") == scenario
    assert ask("GET", path) == {"workflows": [scenario, draft], "total_count": 2}
    assert ask("GET", f"{path}?agent_id=1") == {"workflows": [scenario], "total_count": 1}
    assert ask("GET", f"{path}?agent_id=2") == {"workflows": [], "total_count": 0}


def test_update_changes_the_given_fields_and_replaces_agents_and_graph(
    ask: Client, fake: FakeBluejay, scenario: Any, path: str
) -> None:
    second, place = fake.add_agent(), f"{path}/{scenario['id']}"
    assert ask("PUT", place, {"name": "Help"}) == {**scenario, "name": "Help"}
    assert ask("PUT", place, {"agent_ids": [second.id]})["agent_ids"] == [2]
    assert ask("PUT", place, {"description": "d"})["agent_ids"] == [2]
    changed = ask("PUT", place, {"definition": {"nodes": [start()]}})
    assert changed["definition"] == {"nodes": [start()], "edges": []}
    assert changed["dh_sync_summary"] == {"updated": 0, "created": 0, "marked_stale": 0, "skipped": 0, "errors": []}
    assert ask("PUT", place, {"agent_ids": []})["agent_ids"] == []
    ask("PUT", place, {"agent_ids": [1]})
    assert ask("PUT", place, {"agent_ids": None})["agent_ids"] == []
    assert ask("GET", place) == {**changed, "agent_ids": [], "dh_sync_summary": None}


def test_copy_has_the_graph_and_the_agents_and_goes_its_own_way(ask: Client, scenario: Any, path: str) -> None:
    place = f"{path}/{scenario['id']}"
    copied = ask("POST", f"{place}/duplicate", {})
    assert copied == {**scenario, "id": copied["id"], "name": "Copy of Menu"}
    assert ask("POST", f"{place}/duplicate", {"name": "Second"})["name"] == "Second"
    ask("PUT", place, {"definition": {}})
    assert ask("GET", f"{path}/{copied['id']}") == copied
    assert ask("GET", path)["total_count"] == 3


def test_deleted_scenario_is_gone(ask: Client, scenario: Any, path: str) -> None:
    place = f"{path}/{scenario['id']}"
    assert ask("DELETE", place) == {"message": "Workflow deleted", "deleted_workflow_id": scenario["id"]}
    for method, where, body in (
        ("GET", place, None),
        ("DELETE", place, None),
        ("PUT", place, {}),
        ("POST", f"{place}/duplicate", {}),
    ):
        assert ask(method, where, body, status=404) == {"detail": "Workflow not found"}
    assert ask("GET", path)["total_count"] == 0


def test_deleted_agent_leaves_its_scenarios(ask: Client, scenario: Any) -> None:
    ask("DELETE", "agent/1")
    assert ask("GET", f"workflow/{scenario['id']}") == {**scenario, "agent_ids": []}


def test_agents_that_do_not_exist_or_do_not_talk_are_refused_and_nothing_changes(
    ask: Client, fake: FakeBluejay, scenario: Any
) -> None:
    fake.add_agent(mode="TEXT")
    before = fake.dump()
    for method, path, more in (
        ("POST", "workflow", {"name": "a", "definition": {}}),
        ("PUT", f"workflow/{scenario['id']}", {}),
    ):
        assert ask(method, path, {**more, "agent_ids": [1, 99]}, status=404) == {"detail": "Agent not found"}
        refused = ask(method, path, {**more, "agent_ids": [2]}, status=400)
        assert refused == {"detail": "Agent 2 is a TEXT agent: scenarios are for VOICE agents only"}
    assert fake.dump() == before


def test_scenarios_of_another_organisation_do_not_exist(ask: Client, others: Client, scenario: Any, path: str) -> None:
    place = f"{path}/{scenario['id']}"
    for method, where, body in (
        ("GET", place, None),
        ("DELETE", place, None),
        ("PUT", place, {}),
        ("POST", f"{place}/duplicate", {}),
    ):
        assert others(method, where, body, status=404) == {"detail": "Workflow not found"}
    assert others("GET", path) == {"workflows": [], "total_count": 0}
    others("POST", path, {"name": "a", "definition": {}, "agent_ids": [1]}, status=403)
    assert ask("GET", place) == scenario


def test_restored_dump_has_the_scenarios(fake: FakeBluejay, scenario: Any) -> None:
    with FakeBluejay.load(fake.dump()) as again:
        assert Client(again, again.api_key)("GET", f"workflow/{scenario['id']}") == scenario


@pytest.mark.parametrize("name", ["", "n" * 256])
def test_name_is_a_text_of_up_to_255_characters(ask: Client, name: str) -> None:
    [error] = ask("POST", "workflow", {"name": name, "definition": {}}, status=422)["detail"]
    assert error["loc"] == ["body", "name"]


def with_nodes(*nodes: Any) -> dict[str, Any]:
    """A graph in which the start leads to each other node."""
    ids = [node["id"] for node in nodes if isinstance(node.get("id"), str)]
    return {"nodes": [start(), *nodes], "edges": [edge("start", id) for id in ids]}


def replaced(**parts: Any) -> dict[str, Any]:
    return {**copy.deepcopy(MENU), **parts}


@pytest.mark.parametrize(
    "definition",
    [
        {},
        {"nodes": None, "edges": None},
        {"nodes": [{"type": "note"}], "edges": [{}]},
        MENU,
        with_nodes(turn("a", type="dtmf", digits=" 12*#abcd ", speaker="user")),
        with_nodes(turn("a", type="silence", duration_ms=86_400_000)),
        with_nodes(menu(speaker="user")),
        replaced(edges=[*MENU["edges"], edge("help", "wait")]),
    ],
)
def test_accepted_graph(ask: Client, definition: Any, path: str) -> None:
    assert ask("POST", f"{path}/validate-definition", {"definition": definition}) == {"success": True}
    assert (
        ask("POST", path, {"name": "a", "definition": definition})["definition"].items()
        >= {key: value for key, value in definition.items() if value is not None}.items()
    )


@pytest.mark.parametrize(
    ("definition", "detail"),
    [
        ({"nodes": {}}, "nodes must be a list of objects"),
        ({"edges": [1]}, "edges must be a list of objects"),
        ({"nodes": [start("a"), start("b")]}, "Only one start node is allowed"),
        ({"nodes": [turn("a")]}, "No paths from Start: connect it to a single or an options node"),
        ({"nodes": [start(), turn("a")]}, "No paths from Start: connect it to a single or an options node"),
        (replaced(edges=MENU["edges"][:2]), "Node 'help' is not on any path from Start"),
        (with_nodes(turn("")), "Each node needs a non-empty string id, not ''"),
        (with_nodes({**turn("a"), "id": 7}), "Each node needs a non-empty string id, not 7"),
        (
            replaced(edges=[*MENU["edges"], {"source": "start", "target": "help"}]),
            "Each edge needs a non-empty string id, not None",
        ),
        (replaced(edges=[*MENU["edges"], MENU["edges"][0]]), "Each edge needs an id of its own"),
        (
            replaced(edges=[*MENU["edges"], edge("help", "greeting")]),
            "The graph must not have cycles, and one leads through node 'greeting'",
        ),
        (
            replaced(nodes=[*MENU["nodes"], {"id": "x", "type": "start_"}]),
            "Node 'x': type must be start, single or options, not 'start_'",
        ),
        (
            with_nodes({"id": "a", "type": "single"}),
            "Node 'a': type must be exact, contextual, silence or dtmf here, not None",
        ),
        (with_nodes(turn("a", message=" ")), "Node 'a': message must not be empty"),
        (with_nodes(turn("a", speaker="robot")), "Node 'a': speaker must be agent or user, not 'robot'"),
        (
            with_nodes(turn("a", type="contextual", speaker="user")),
            "Node 'a': type must be exact, silence or dtmf here, not 'contextual'",
        ),
        *[
            (
                with_nodes(turn("a", type="silence", duration_ms=length)),
                f"Node 'a': duration_ms must be a number from 0 to 86400000, not {length!r}",
            )
            for length in (-1, 86_400_001, "5", True, None)
        ],
        *[
            (
                with_nodes(turn("a", type="dtmf", digits=digits)),
                f"Node 'a': digits must be one or more of 0-9, *, # and A-D, not {digits!r}",
            )
            for digits in (" ", "12E", 12)
        ],
        (
            with_nodes(menu({"id": "one", "type": "dtmf", "digits": "1"})),
            "Node 'menu': branch_options needs at least 2 entries",
        ),
        (with_nodes(menu(speaker="agent")), "Node 'menu': the speaker of an options node is the user"),
        (
            with_nodes(menu(*[{"id": "one", "type": "dtmf", "digits": "1"}] * 2)),
            "Node 'menu': each branch option needs an id of its own",
        ),
        (
            with_nodes(menu({"id": "one", "type": "contextual", "message": "a"}, {"id": "two", "type": "exact"})),
            "Branch option 'one': type must be exact, silence or dtmf here, not 'contextual'",
        ),
        (
            with_nodes(menu({"id": "one", "type": "dtmf", "digits": "1"}, {"id": "two", "type": "exact"})),
            "Branch option 'two': message must not be empty",
        ),
        (
            replaced(edges=[*MENU["edges"][:3], edge("menu", "wait")]),
            "Edge 'menu-wait': sourceHandle must be the id of a branch option, not None",
        ),
    ],
)
def test_refused_graph_says_why_and_is_not_stored(
    ask: Client, fake: FakeBluejay, scenario: Any, definition: Any, detail: str
) -> None:
    before = fake.dump()
    for method, path, body in (
        ("POST", "scenario/validate-definition", {}),
        ("POST", "scenario", {"name": "a"}),
        ("PUT", f"scenario/{scenario['id']}", {"name": "a"}),
    ):
        assert ask(method, path, {**body, "definition": definition}, status=400) == {"detail": detail}
    assert fake.dump() == before


def test_graph_may_be_checked_as_a_text(ask: Client, path: str) -> None:
    place = f"{path}/validate-definition"
    assert ask("POST", place, {"json_text": '{"nodes": []}'}) == {"success": True}
    for text, detail in (
        ("{", "json_text is not valid JSON"),
        ("[" * 100_000, "json_text is not valid JSON"),
        ("[]", "The definition must be an object"),
        ('{"nodes": 1}', "nodes must be a list of objects"),
    ):
        assert ask("POST", place, {"json_text": text}, status=400) == {"detail": detail}
    assert ask("POST", place, {}, status=400) == {"detail": "Send a definition, or one as json_text"}


@pytest.mark.parametrize("length", ["NaN", "Infinity", "-Infinity"])
def test_silence_has_a_length(ask: Client, length: str) -> None:
    graph = {"nodes": [start(), turn("a", type="silence", duration_ms=0)], "edges": [edge("start", "a")]}
    place, text = "workflow/validate-definition", json.dumps(graph)
    assert ask("POST", place, {"json_text": text}) == {"success": True}
    refused = ask("POST", place, {"json_text": text.replace(": 0", f": {length}")}, status=400)
    assert refused["detail"].startswith("Node 'a': duration_ms must be a number from 0 to 86400000")


def test_long_path_is_no_trouble(ask: Client) -> None:
    nodes = [turn(str(number)) for number in range(3000)]
    edges = [edge("start", "0"), *[edge(str(number), str(number + 1)) for number in range(2999)]]
    assert ask("POST", "scenario/validate-definition", {"definition": {"nodes": [start(), *nodes], "edges": edges}})
    edges.append(edge("2999", "0"))
    ask(
        "POST", "scenario/validate-definition", {"definition": {"nodes": [start(), *nodes], "edges": edges}}, status=400
    )
