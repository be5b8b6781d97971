"""The names of the package, as they stand in its source."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import fake_bluejay

PACKAGE = Path(fake_bluejay.__file__).parent


def classes() -> Iterator[tuple[str, ast.ClassDef]]:
    """List the classes of the package, each with its file."""
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ClassDef):
                yield str(file.relative_to(PACKAGE)), node


def made_by_a_call() -> Iterator[tuple[str, str]]:
    """List the names of the shapes and enums that no `class` statement makes, each with its file."""
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("shape", "StrEnum"):
                yield str(file.relative_to(PACKAGE)), ast.literal_eval(node.args[0])


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
    found = list(classes())
    shapes = wire_shapes(found)
    places: dict[tuple[bool, str], list[str]] = defaultdict(list)
    for file, one in found:
        places[id(one) in shapes, one.name].append(file)
    for file, name in made_by_a_call():
        places[True, name].append(file)
    assert {name: files for (_, name), files in places.items() if len(files) > 1} == {}
