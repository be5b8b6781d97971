"""A step of `make` that fails leaves nothing behind that a later `make` takes for made."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

PYTHON = r"""#!/bin/sh
# A Python of version {version}, whose virtual environments have a `python` that only notes how it was called.
case "$1 $2" in
-c*) exec "{real}" -c "import sys; sys.version_info = {version}; $2" ;;
"-m venv")
    for last; do :; done
    mkdir -p "$last/bin"
    printf '#!/bin/sh\necho "$@" >> "%s/calls"\n{then}\n' "$last" > "$last/bin/python"
    cp "$last/bin/python" "$last/bin/fake-bluejay"
    chmod +x "$last/bin/"*
    ;;
esac
"""


def python(directory: Path, version: tuple[int, ...], then: str = "exit 0") -> Path:
    file = directory / ("python" + "".join(map(str, version)))
    file.write_text(PYTHON.format(version=version, real=sys.executable, then=then))
    file.chmod(0o755)
    return file


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def make(clone: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # A `make` that runs these tests hands its own variables on, ARGS among them.
    own = ("ARGS", "MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS", "PYTHON")
    plain = {name: value for name, value in os.environ.items() if name not in own}
    return subprocess.run(
        ["make", *arguments], cwd=clone, env=plain, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_python_that_is_too_old_is_named_and_leaves_nothing_in_the_way_of_a_newer_one(clone: Path) -> None:
    refused = make(clone, "serve", f"PYTHON={python(clone, (3, 10, 13))}")
    assert refused.returncode != 0
    assert "Python 3.11 or later is needed, and " in refused.stderr
    assert " is 3.10: make PYTHON=" in refused.stderr
    assert not (clone / ".venv").exists()
    assert make(clone, "serve", f"PYTHON={python(clone, (3, 11, 0))}").returncode == 0


def test_an_environment_whose_installation_failed_is_made_anew(clone: Path) -> None:
    assert make(clone, "serve", f"PYTHON={python(clone, (3, 12, 0), 'exit 1')}").returncode != 0
    assert make(clone, "serve", f"PYTHON={python(clone, (3, 11, 0))}").returncode == 0
    assert (clone / ".venv" / "calls").read_text().endswith("serve\n")


def test_a_schema_that_could_not_be_made_replaces_none(clone: Path) -> None:
    schema = clone / "docs" / "seed.schema.json"
    schema.parent.mkdir()
    schema.write_text("{}")
    assert make(clone, "serve", f"PYTHON={python(clone, (3, 11, 0))}").returncode == 0
    (clone / ".venv" / "bin" / "fake-bluejay").write_text("#!/bin/sh\nexit 1\n")
    assert make(clone, "schema").returncode != 0
    assert schema.read_text() == "{}"
