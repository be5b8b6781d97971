"""The source of the package as syntax trees."""

import ast
import functools
from pathlib import Path

import fake_bluejay


@functools.cache
def nodes() -> dict[str, list[ast.AST]]:
    """Return all nodes of each file. It takes half a second, which the tests share."""
    package = Path(fake_bluejay.__file__).parent
    files = sorted(package.rglob("*.py"))
    return {file.relative_to(package).as_posix(): list(ast.walk(ast.parse(file.read_text()))) for file in files}
