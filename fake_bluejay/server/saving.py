"""The world in a file: whole or not at all, whenever the writing is interrupted."""

from __future__ import annotations

import contextlib
import errno
import glob
import json
import os
import stat
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

if sys.platform != "win32":
    import fcntl


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the right to save to a file, which one server has at a time, and remove what a killed server has left."""
    target = _target(path)
    _forget(_beside(target)[1])
    lock = target.with_name(f".{target.name}.lock")
    with _locked(lock, path):
        for left in target.parent.glob(f".{glob.escape(target.name)}.*.saving"):
            _forget(str(left))
        try:
            yield
        finally:
            _forget(str(lock))


@contextlib.contextmanager
def _locked(lock: Path, path: Path) -> Iterator[None]:
    """Hold a lock that ends with this process, however the process ends.

    On Windows, nothing is held.
    """
    if sys.platform == "win32":
        yield
    else:
        with lock.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                taken = f"another server saves its world to {path}, and one of them would be lost; choose another file"
                raise BlockingIOError(errno.EAGAIN, taken) from None
            yield


def write(path: Path, world: Mapping[str, Any]) -> None:
    """Write a world beside the file, and put it in the file's place in one step.

    Raises:
        OSError: The file cannot be written; then the old one is still there. Its text is for the user.
    """
    try:
        _replace(path, world)
    except OSError as error:
        raise OSError(f"cannot save the world to {path}: {error.strerror or error}") from error


def _replace(path: Path, world: Mapping[str, Any]) -> None:
    target = _target(path)
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


def _target(path: Path) -> Path:
    """Return the file of a path: a link stays a link, and its target is replaced.

    Raises `OSError` for what cannot be replaced by a file without a loss: a directory, a device, a pipe.
    """
    try:
        target = path.resolve()
        mode = target.stat().st_mode
    except FileNotFoundError:
        return target
    except RuntimeError:  # as Python before 3.13 has it
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from None
    if not stat.S_ISREG(mode):
        kind = "a directory" if stat.S_ISDIR(mode) else "a device or a pipe"
        raise OSError(errno.EINVAL, f"{target} is {kind}, and no file that could be replaced")
    return target


def _beside(path: Path) -> tuple[int, str]:
    return tempfile.mkstemp(prefix=f".{path.name}.", suffix=".saving", dir=path.parent)


def _forget(temporary: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(temporary)


def _sync_directory(directory: Path) -> None:
    """Write the directory to disk where that is possible, so that the new name, too, survives a power cut."""
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
