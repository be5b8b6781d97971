"""What users see is what it was. A change that is meant is written by `make golden`, and reviewed as a diff."""

from pathlib import Path

import pytest

from tests.golden.outputs import DATA, PORT, outputs

NAMES = sorted(outputs(Path()))


@pytest.mark.parametrize("name", NAMES)
def test_output_is_as_before(name: str, tmp_path: Path) -> None:
    found = PORT.sub("127.0.0.1:PORT", outputs(tmp_path)[name]())
    assert found == (DATA / name).read_text(), f"{name} changed; if that is meant: make golden, and look at the diff"


def test_each_file_is_made_by_something() -> None:
    assert sorted(path.name for path in DATA.iterdir()) == NAMES


def test_a_dump_of_the_first_format_is_read() -> None:
    """The dump that was frozen before the resources moved is read by this version, too."""
    import json

    from fake_bluejay import FakeBluejay

    dumped = json.loads((Path(__file__).parent / "dump-of-format-1.json").read_text())
    fake = FakeBluejay.load(dumped)
    assert [agent["fields"]["name"] for agent in dumped["agents"]["all"]] == ["Agent"] * 2
    assert fake.dump()["agents"]["last_id"] == 2
    assert len(fake.runs) == 1
