"""Undocumented parts of uvicorn and asyncio are used in one file each, which names the missing public interface."""

from __future__ import annotations

import ast
from collections.abc import Callable

import pytest

from tests.house.source import nodes

OF_LOOPS = {"_csock", "_get_running_loop", "_ready", "_scheduled", "_ssock", "_when", "_write_to_self"}


def touches_a_loop(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in OF_LOOPS


def touches_uvicorn(node: ast.AST) -> bool:
    return isinstance(node, ast.ImportFrom) and (node.module or "").startswith("uvicorn.")


@pytest.mark.parametrize(
    ("touches", "only"), [(touches_a_loop, "intercept/asyncio.py"), (touches_uvicorn, "server/protocol.py")]
)
def test_privates_are_touched_in_one_file(touches: Callable[[ast.AST], bool], only: str) -> None:
    assert [file for file, found in nodes().items() if any(map(touches, found))] == [only]
