"""The server in this process, by which `bluejay.url` and `bluejay_server` are reached."""

from typing import NoReturn

import httpx
import pytest
import uvicorn

from fake_bluejay import FakeBluejay
from fake_bluejay.server import loopback


def test_what_keeps_it_from_starting_is_raised(bluejay: FakeBluejay, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: uvicorn.Config) -> NoReturn:
        raise OSError("no such file: uvicorn/lifespan/off.py")

    monkeypatch.setattr(loopback, "_idle", [])
    with monkeypatch.context() as patch:
        patch.setattr(uvicorn.Config, "load", fail)
        with pytest.raises(OSError, match="no such file"):
            assert bluejay.url
    assert httpx.get(f"{bluejay.url}/v1/ping").status_code == 200
