"""Users see the same outputs as before. `make golden` writes an intended change, which is reviewed as a diff."""

import json
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import TypeAdapter, ValidationError

from tests.golden.outputs import DATA, PORT, outputs, pretty

NAMES = sorted(outputs(Path()))


@pytest.mark.skipif(sys.platform == "win32", reason="paths and the numbers of errors differ there")
@pytest.mark.parametrize("name", NAMES)
def test_output_is_as_before(name: str, tmp_path: Path) -> None:
    found = PORT.sub("127.0.0.1:PORT", outputs(tmp_path)[name]())
    expected = _as_this_pydantic_says((DATA / name).read_text())
    if name.endswith("openapi.json") and "additionalProperties" not in TypeAdapter(dict[str, Any]).json_schema():
        expected, found = map(_outline, (expected, found))  # Pydantic before 2.11 writes schemas in other words
    assert found == expected, f"{name} changed; if that is meant: make golden, and look at the diff"


def _as_this_pydantic_says(text: str) -> str:
    """Return what was written, with what the Pydantic that is installed says of a bad UUID."""
    for given, written in (("1", "invalid length: found 1"), ("x", "invalid character: found `x` at 0")):
        with pytest.raises(ValidationError) as refused:
            TypeAdapter(UUID).validate_python(given)
        text = text.replace(written, refused.value.errors()[0]["ctx"]["error"])
    return text


def _outline(text: str) -> str:
    """Return the operations of an OpenAPI document, and what its schemas have and require."""
    document = json.loads(text)
    operations = {
        f"{method} {path}": {
            "id": one["operationId"],
            "parameters": [(each["in"], each["name"], each["required"]) for each in one.get("parameters", ())],
            "takes": "requestBody" in one,
            "statuses": sorted(one["responses"]),
        }
        for path, methods in document["paths"].items()
        for method, one in methods.items()
    }
    schemas = {
        name: {"has": list(one.get("properties", ())), "requires": one.get("required", [])}
        for name, one in document["components"]["schemas"].items()
    }
    assert len(operations) > 10
    return pretty({"operations": operations, "schemas": schemas})


def test_each_file_is_made_by_something() -> None:
    assert sorted(path.name for path in DATA.iterdir()) == NAMES


def test_a_dump_of_the_first_format_is_read() -> None:
    """The dump that was frozen before the resources moved is read by this version, too."""
    from fake_bluejay import FakeBluejay

    dumped = json.loads((Path(__file__).parent / "dump-of-format-1.json").read_text())
    fake = FakeBluejay.load(dumped)
    assert [agent["fields"]["name"] for agent in dumped["agents"]["all"]] == ["Agent"] * 2
    assert fake.dump()["agents"]["last_id"] == 2
    assert len(fake.runs) == 1
