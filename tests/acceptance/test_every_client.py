"""The same scenario by every client library: sync and async, imported before and after, in process and on a socket."""

import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fake_bluejay.core.clock import EPOCH, datetime_at
from tests.warm import output_of

CLIENTS_FILE = Path(__file__).with_name("clients.py")
sys.path.insert(0, str(CLIENTS_FILE.parent))
import clients  # noqa: E402

sys.path.remove(str(CLIENTS_FILE.parent))


@pytest.fixture(scope="module", autouse=True)
def imported_before() -> None:
    for name in clients.CLIENTS:
        (clients.SYNC.get(name) or clients.ASYNC[name])()


def check(seen: dict[str, Any]) -> None:
    assert seen["answer"]["test_result_ids"] == [1, 2, 3]
    assert seen["answer"]["failed_ids"] == [999]
    # The silent one's watchdog is due at 30 s: seen at that poll, the sixth after the first.
    assert seen["polls"] == 6
    assert [result["status"] for result in seen["results"]] == ["COMPLETED", "COMPLETED", "SYSTEM_ERROR"]


@pytest.mark.parametrize("loopback", [False, True], ids=["in process", "loopback"])
@pytest.mark.parametrize("client", clients.CLIENTS)
def test_imported_before(client: str, loopback: bool) -> None:
    played = clients.play(client, loopback)
    check(played.seen)
    causes = [[entry.cause for entry in history] for history in played.histories]
    assert causes == [["agent", "evaluation", "evaluation"]] * 2 + [["watchdog"]]
    ends = [history[0].at - datetime_at(EPOCH) for history in played.histories]
    assert ends == [timedelta(seconds=2), timedelta(seconds=2), timedelta(seconds=30)]
    assert played.fake.requests[0].headers["x-api-key"] == "key"
    assert len(played.fake.requests) == 1 + 7 * 3


@pytest.mark.parametrize("client", clients.CLIENTS)
def test_imported_after(client: str, tmp_path: Path) -> None:
    lines = output_of(CLIENTS_FILE.read_text(), client, directory=tmp_path).splitlines()
    for line in lines:
        check(json.loads(line))
    assert len(lines) == 2
