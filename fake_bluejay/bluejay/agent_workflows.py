"""Workflows of agents: the nodes and edges of an agent's `workflow`, in its provider's form.

The fake reads a workflow whose `nodes` and `edges` are objects by id, or lists of objects with an `id`. They are at its
top, or in its own `workflow`, as in ElevenLabs' answer to Get Agent. Everything else in it stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from fake_bluejay.bluejay.models.wire import Wire
from fake_bluejay.bluejay.resources import Operations, as_fields
from fake_bluejay.core.errors import NotFound, Refused
from fake_bluejay.core.json_data import copied
from fake_bluejay.core.readings import AgentWithoutWorkflow
from fake_bluejay.core.resources import Entity
from fake_bluejay.http.operation import ApiCall


class NodeCreate(Wire):
    """A new node of an agent's workflow."""

    name: str
    prompt: str | None = None
    description: str | None = None


class NodePatch(Wire):
    """A change of a node; null leaves a field as it is."""

    prompt: str | None = None
    name: str | None = None
    description: str | None = None


class EdgeCreate(Wire):
    """A new edge from one node to another, with its condition."""

    source_node_id: str
    target_node_id: str
    condition: str | None = None


_Part = dict[str, Any]
_START: Final = "start"
_EMPTY: Final = {"nodes": {"start_node": {"type": _START, "name": "Start"}}, "edges": {}}
_NAMES: Final = {"name": ("name", "label"), "prompt": ("prompt", "additional_prompt"), "description": ("description",)}
"""An argument for a node → the fields that may hold it, the universal name first, then ElevenLabs'."""

agent_workflows = Operations()


class _Workflow:
    """A copy of an agent's workflow, to change and to store.

    Raises:
        NotFound: There is no such agent, or it has no workflow and a reading says that this is 404.
        Refused: The fake cannot read the nodes and edges of the workflow.
    """

    def __init__(self, call: ApiCall, agent_id: str) -> None:
        self._call = call
        self._agent: Entity = call.require("agent", agent_id)
        stored = self._agent.fields.get("workflow")
        if stored is None and call.world.readings.agent_without_workflow is AgentWithoutWorkflow.NOT_FOUND:
            raise NotFound("The agent has no workflow")
        self._stored: _Part = copied(_EMPTY if stored is None else stored)
        inner = self._stored.get("workflow")
        self._graph: _Part = inner if isinstance(inner, dict) else self._stored
        for name in ("nodes", "edges"):
            parts = self._graph.setdefault(name, {})
            if not _is_readable(parts):
                raise Refused(f"The agent's workflow has {name} that this fake cannot read: give it an object by ids")

    def parts(self, name: str) -> Iterator[tuple[str, _Part]]:
        """Return its nodes or its edges, and their ids."""
        parts = self._graph[name]
        yield from parts.items() if isinstance(parts, dict) else ((str(part["id"]), part) for part in parts)

    def part(self, name: str, id: str) -> _Part:
        """Return one of its nodes or edges. Raises `NotFound`."""
        found = dict(self.parts(name)).get(id)
        if found is None:
            raise NotFound(f"{name.removesuffix('s').capitalize()} not found")
        return found

    def add(self, name: str, part: _Part) -> str:
        """Add a node or an edge, and return its new id, which is never used twice."""
        number = self._agent.fields.get("workflow_parts", 0) + 1
        while (id := f"{name.removesuffix('s')}_{number}") in dict(self.parts(name)):
            number += 1
        parts = self._graph[name]
        if isinstance(parts, dict):
            parts[id] = part
        else:
            parts.append({"id": id, **part})
        self.store({"workflow_parts": number})
        return id

    def remove(self, name: str, id: str) -> None:
        """Remove a node or an edge."""
        parts = self._graph[name]
        if isinstance(parts, dict):
            del parts[id]
        else:
            parts.remove(self.part(name, id))

    def store(self, fields: _Part | None = None) -> None:
        """Store the workflow, and these fields, in the agent."""
        self._call.world.resources.change(self._agent, {"workflow": self._stored, **(fields or {})})


@agent_workflows.operation("GET", "/v1/agents/{agent_id}/workflow/summary")
def get_workflow_summary(call: ApiCall, agent_id: str) -> dict[str, Any]:
    """Return the nodes and edges of an agent's workflow, without fields of its provider alone."""
    workflow = _Workflow(call, agent_id)
    return {
        "nodes": [_node(id, node) for id, node in workflow.parts("nodes")],
        "edges": [_edge(id, edge) for id, edge in workflow.parts("edges")],
    }


@agent_workflows.operation("POST", "/v1/agents/{agent_id}/workflow/nodes")
def add_workflow_node(call: ApiCall, agent_id: str, request: NodeCreate) -> dict[str, str]:
    """Add a node to an agent's workflow, which no edge leads to yet."""
    return {"node_id": _Workflow(call, agent_id).add("nodes", {"type": "node", **as_fields(request)})}


@agent_workflows.operation("PATCH", "/v1/agents/{agent_id}/workflow/nodes/{node_id}")
def patch_workflow_node(call: ApiCall, agent_id: str, node_id: str, request: NodePatch) -> dict[str, Any]:
    """Change a node of an agent's workflow."""
    workflow = _Workflow(call, agent_id)
    node = workflow.part("nodes", node_id)
    for field, value in as_fields(request).items():
        if value is not None:
            node[_key(node, field)] = value
    workflow.store()
    return _node(node_id, node)


@agent_workflows.operation("DELETE", "/v1/agents/{agent_id}/workflow/nodes/{node_id}")
def delete_workflow_node(call: ApiCall, agent_id: str, node_id: str) -> dict[str, Any]:
    """Delete a node of an agent's workflow, and every edge that touches it. The start node cannot be deleted."""
    workflow = _Workflow(call, agent_id)
    if workflow.part("nodes", node_id).get("type") == _START:
        raise Refused("The start node cannot be deleted")
    touching = [id for id, edge in workflow.parts("edges") if node_id in (edge.get("source"), edge.get("target"))]
    for id in touching:
        workflow.remove("edges", id)
    workflow.remove("nodes", node_id)
    workflow.store()
    return {"node_id": node_id, "deleted_edge_ids": touching}


@agent_workflows.operation("POST", "/v1/agents/{agent_id}/workflow/edges")
def add_workflow_edge(call: ApiCall, agent_id: str, request: EdgeCreate) -> dict[str, str]:
    """Add an edge between two nodes of an agent's workflow."""
    workflow = _Workflow(call, agent_id)
    given = as_fields(request)
    edge = {"source": given["source_node_id"], "target": given["target_node_id"], "condition": given["condition"]}
    for end in (edge["source"], edge["target"]):
        workflow.part("nodes", end)
    return {"edge_id": workflow.add("edges", edge)}


@agent_workflows.operation("DELETE", "/v1/agents/{agent_id}/workflow/edges/{edge_id}")
def delete_workflow_edge(call: ApiCall, agent_id: str, edge_id: str) -> dict[str, str]:
    """Delete an edge of an agent's workflow."""
    workflow = _Workflow(call, agent_id)
    workflow.part("edges", edge_id)
    workflow.remove("edges", edge_id)
    workflow.store()
    return {"edge_id": edge_id}


def _is_readable(parts: Any) -> bool:
    every = parts.values() if isinstance(parts, dict) else parts if isinstance(parts, list) else [None]
    return all(isinstance(part, dict) and (isinstance(parts, dict) or "id" in part) for part in every)


def _key(node: _Part, field: str) -> str:
    """Return the name under which a node has a field: the universal one, or its provider's."""
    return next((name for name in _NAMES[field] if name in node), field)


def _node(id: str, node: _Part) -> dict[str, Any]:
    return {"id": id, "type": node.get("type"), **{field: node.get(_key(node, field)) for field in _NAMES}}


def _edge(id: str, edge: _Part) -> dict[str, Any]:
    given = edge.get("condition", edge.get("forward_condition"))
    condition = given.get("condition") if isinstance(given, dict) else given
    return {"id": id, "source": edge.get("source"), "target": edge.get("target"), "condition": condition}
