"""The world in a file: whole or not at all, whenever the writing is interrupted."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["check", "write"]


def check(path: Path) -> None:
    """Raises `OSError` if a world could not be written there."""
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a directory")
    _forget(_beside(path)[1])


def write(path: Path, world: Mapping[str, Any]) -> None:
    """Write it beside, and put it in place in one step. Raises `OSError`; then what was there is there still."""
    # A link stays a link: what it leads to is replaced.
    target = path.resolve()
    descriptor, temporary = _beside(target)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump(world, file, ensure_ascii=False, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            os.chmod(temporary, target.stat().st_mode)
        os.replace(temporary, target)
    except BaseException:
        _forget(temporary)
        raise
    _sync_directory(target.parent)


def _beside(path: Path) -> tuple[int, str]:
    return tempfile.mkstemp(prefix=f".{path.name}.", suffix=".saving", dir=path.resolve().parent)


def _forget(temporary: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(temporary)


def _sync_directory(directory: Path) -> None:
    """The new name, too, is to outlast a power cut, where a directory can be synced."""
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
