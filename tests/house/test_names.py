"""The names of the package, as they stand in its source."""

from __future__ import annotations

import ast
from collections import defaultdict

from tests.house.source import nodes


def wire_shapes(found: list[tuple[str, ast.ClassDef]]) -> set[int]:
    """Return the ids of the classes that are shapes on the wire: their names are Bluejay's, as it publishes them."""
    names, shapes = {"Wire"}, set[int]()
    while True:
        more = {id(one): one.name for _, one in found if {ast.unparse(base) for base in one.bases} & names}
        if shapes >= more.keys():
            return shapes
        shapes |= more.keys()
        names |= set(more.values())


def test_no_class_name_is_there_twice() -> None:
    found, places = list[tuple[str, ast.ClassDef]](), defaultdict[tuple[bool, str], list[str]](list)
    for file, of_file in nodes().items():
        for node in of_file:
            if isinstance(node, ast.ClassDef):
                found.append((file, node))
            elif isinstance(node, ast.Call) and getattr(node.func, "id", None) in ("shape", "StrEnum"):
                places[True, ast.literal_eval(node.args[0])].append(file)
    shapes = wire_shapes(found)
    for file, one in found:
        places[id(one) in shapes, one.name].append(file)
    assert {name: files for (_, name), files in places.items() if len(files) > 1} == {}
