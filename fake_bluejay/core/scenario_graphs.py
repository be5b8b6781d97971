"""Scenario graphs: the rules for the definition of a scenario, by the documentation of August 2026.

A graph is data of React Flow: `nodes` and `edges`, each a list of objects. Without a node of type `single` or `options`
it is a draft, of which only a second start node is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

from fake_bluejay.core.errors import Refused
from fake_bluejay.core.numbers import is_number

_Graph = dict[str, Any]
_CONTENT: Final = ("single", "options")
_TURNS: Final = ("exact", "contextual", "silence", "dtmf")
_LONGEST: Final = 86_400_000
"""The longest silence, in milliseconds."""
_KEYS: Final = frozenset("0123456789*#ABCD")


def check_graph(definition: _Graph) -> None:
    """Check the definition of a scenario.

    Args:
        definition: A graph, as a request has it.

    Raises:
        Refused: It breaks one of the documented rules; the message says which node or edge, and which rule.
    """
    nodes, edges = _objects(definition, "nodes"), _objects(definition, "edges")
    starts = [node for node in nodes if node.get("type") == "start"]
    if len(starts) > 1:
        raise Refused("Only one start node is allowed")
    if all(node.get("type") not in _CONTENT for node in nodes):
        return
    by_id = {_id_of(node, "node"): node for node in nodes}
    ids = [_id_of(edge, "edge") for edge in edges]
    if len(set(ids)) < len(ids):
        raise Refused("Each edge needs an id of its own")
    for id, node in by_id.items():
        _check_node(id, node)
    for edge in edges:
        _check_branch(edge, by_id)
    reached = _reached(starts, edges, by_id)
    content = [id for id, node in by_id.items() if node["type"] in _CONTENT]
    if not reached.intersection(content):
        raise Refused("No paths from Start: connect it to a single or an options node")
    if orphans := [id for id in content if id not in reached]:
        raise Refused(f"Node {orphans[0]!r} is not on any path from Start")


def paths(definition: _Graph) -> Iterator[list[_Graph]]:
    """Yield the turns of each path from the start to an end of a scenario, each branch of an options node in turn.

    Args:
        definition: A graph that keeps the rules. A draft has no paths.
    """
    nodes, edges = _objects(definition, "nodes"), _objects(definition, "edges")
    if all(node.get("type") not in _CONTENT for node in nodes):
        return
    by_id = {node["id"]: node for node in nodes}
    following = _leaving(edges, by_id)
    [start] = [id for id, node in by_id.items() if node["type"] == "start"]
    turns: list[_Graph] = []
    steps = [_steps(by_id[start], following[start])]
    while steps:  # a graph may be too deep for recursion
        step = next(steps[-1], None)
        if step is None:
            steps.pop()
            del turns[-1:]
            continue
        turn, target = step
        turns.append(turn)
        if target is None:
            yield turns[1:]
            turns.pop()
        else:
            steps.append(_steps(by_id[target], following[target]))


def _steps(node: _Graph, edges: list[_Graph]) -> Iterator[tuple[_Graph, str | None]]:
    """Yield each turn that a node may be, with each node that may follow it; None where the conversation ends."""
    if node["type"] == "options":
        for branch in _branches(node):
            turn = {"speaker": "user", **{name: value for name, value in branch.items() if name != "id"}}
            targets = [edge["target"] for edge in edges if edge["sourceHandle"] == branch["id"]]
            yield from ((turn, target) for target in targets or [None])
    else:
        ends = [None] if node["type"] == "single" else []
        for target in [edge["target"] for edge in edges] or ends:
            yield {"speaker": "agent", **_data(node)}, target


def _objects(definition: _Graph, name: str) -> list[_Graph]:
    found = definition.get(name)
    found = [] if found is None else found
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Refused(f"{name} must be a list of objects")
    return found


def _id_of(part: _Graph, kind: str) -> str:
    id = part.get("id")
    if not isinstance(id, str) or not id:
        raise Refused(f"Each {kind} needs a non-empty string id, not {id!r:.80}")
    return id


def _check_node(id: str, node: _Graph) -> None:
    kind, data = node.get("type"), _data(node)
    if kind == "single":
        speaker = data.get("speaker", "agent")
        if speaker not in ("agent", "user"):
            raise Refused(f"Node {id!r}: speaker must be agent or user, not {speaker!r:.80}")
        _check_turn(f"Node {id!r}", data, _TURNS if speaker == "agent" else ("exact", "silence", "dtmf"))
    elif kind == "options":
        if data.get("speaker", "user") != "user":
            raise Refused(f"Node {id!r}: the speaker of an options node is the user")
        if len(_branches(node)) < 2:
            raise Refused(f"Node {id!r}: branch_options needs at least 2 entries")
        names = [_id_of(branch, "branch option") for branch in _branches(node)]
        if len(set(names)) < len(names):
            raise Refused(f"Node {id!r}: each branch option needs an id of its own")
        for branch in _branches(node):
            _check_turn(f"Branch option {branch['id']!r}", branch, ("exact", "silence", "dtmf"))
    elif kind != "start":
        raise Refused(f"Node {id!r}: type must be start, single or options, not {kind!r:.80}")


def _branches(node: _Graph) -> list[_Graph]:
    return _objects(_data(node), "branch_options")


def _data(node: _Graph) -> _Graph:
    data = node.get("data")
    return data if isinstance(data, dict) else {}


def _check_turn(where: str, turn: _Graph, kinds: tuple[str, ...]) -> None:
    """Check the utterance or the action of one turn."""
    kind = turn.get("type")
    if kind not in kinds:
        raise Refused(f"{where}: type must be {', '.join(kinds[:-1])} or {kinds[-1]} here, not {kind!r:.80}")
    if kind in ("exact", "contextual"):
        message = turn.get("message")
        if not isinstance(message, str) or not message.strip():
            raise Refused(f"{where}: message must not be empty")
    elif kind == "silence":
        length = turn.get("duration_ms")
        if not is_number(length) or not 0 <= length <= _LONGEST:
            raise Refused(f"{where}: duration_ms must be a number from 0 to {_LONGEST}, not {length!r:.80}")
    else:
        digits = turn.get("digits")
        if not isinstance(digits, str) or not digits.strip() or not _KEYS.issuperset(digits.strip().upper()):
            raise Refused(f"{where}: digits must be one or more of 0-9, *, # and A-D, not {digits!r:.80}")


def _check_branch(edge: _Graph, by_id: dict[str, _Graph]) -> None:
    """Check that an edge which leaves an options node says which of its branches goes on there."""
    node = _at(by_id, edge.get("source"))
    if node is None or node["type"] != "options":
        return
    handle = edge.get("sourceHandle")
    if handle not in [branch["id"] for branch in _branches(node)]:
        raise Refused(f"Edge {edge['id']!r}: sourceHandle must be the id of a branch option, not {handle!r:.80}")


def _reached(starts: list[_Graph], edges: list[_Graph], by_id: dict[str, _Graph]) -> set[str]:
    """Return the ids of the nodes that can be reached from the start.

    Raises:
        Refused: Edges lead round in a circle, wherever that is.
    """
    targets = {id: [edge["target"] for edge in leaving] for id, leaving in _leaving(edges, by_id).items()}
    try:
        TopologicalSorter(targets).prepare()
    except CycleError as error:
        raise Refused(f"The graph must not have cycles, and one leads through node {error.args[1][0]!r}") from None
    reached: set[str] = set()
    waiting = [one["id"] for one in starts]
    while waiting:
        if (id := waiting.pop()) not in reached:
            reached.add(id)
            waiting += targets[id]
    return reached


def _leaving(edges: list[_Graph], by_id: dict[str, _Graph]) -> dict[str, list[_Graph]]:
    """Return the edges that leave each node; edges from or to nodes that do not exist are left out."""
    leaving: dict[str, list[_Graph]] = {id: [] for id in by_id}
    for edge in edges:
        if (source := _at(by_id, edge.get("source"))) is not None and _at(by_id, edge.get("target")) is not None:
            leaving[source["id"]].append(edge)
    return leaving


def _at(by_id: dict[str, _Graph], id: Any) -> _Graph | None:
    return by_id.get(id) if isinstance(id, str) else None
