"""Access to the control API of a server on a tester's machine, where a browser runs beside it."""

import httpx
import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.server.gate import Gate, check_name


def refused(gate: Gate, method: str = "POST", path: str = "/_fake/reset", **headers: str) -> bool:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return gate.refusal({"type": "http", "method": method, "path": path, "headers": raw}) is not None


@pytest.mark.parametrize(
    ("serves", "allowed", "host", "comes_through"),
    [
        ("127.0.0.1", [], "127.0.0.1:8787", True),
        ("127.0.0.1", [], "localhost:9000", True),
        ("127.0.0.1", [], "LOCALHOST", True),
        ("127.0.0.1", [], "[::1]:8787", True),
        ("127.0.0.1", [], "evil.example", False),
        ("127.0.0.1", [], "localhost.evil.example:8787", False),
        ("127.0.0.1", [], "127.0.0.1.evil.example", False),
        ("127.0.0.1", [], "192.168.1.7:8787", False),
        ("127.0.0.1", [], "", False),
        ("127.0.0.1", [], "[", False),
        ("127.0.0.1", ["bluejay.test"], "bluejay.test:8787", True),
        ("192.168.1.7", [], "192.168.1.7:8787", True),
        ("0.0.0.0", [], "192.168.1.7:8787", True),
        ("0.0.0.0", [], "evil.example:8787", False),
        ("::", [], "[fe80::1]:8787", True),
    ],
)
def test_gate_refuses_other_host_names(serves: str, allowed: list[str], host: str, comes_through: bool) -> None:
    assert refused(Gate(serves, allowed), host=host) is not comes_through


@pytest.mark.parametrize(
    ("headers", "comes_through"),
    [
        ({"origin": "http://localhost:8787", "sec_fetch_site": "same-origin"}, True),
        ({"origin": "http://evil.example"}, False),
        ({"origin": "http://localhost:3000", "sec_fetch_site": "same-site"}, False),
        ({"origin": "null"}, False),
        ({"origin": "http://bluejay.test:5000"}, True),
        ({"sec_fetch_site": "cross-site"}, False),
        ({"sec_fetch_site": "same-site"}, False),
        ({"sec_fetch_site": "none"}, True),
    ],
)
def test_gate_refuses_pages_of_other_origins(headers: dict[str, str], comes_through: bool) -> None:
    assert refused(Gate("127.0.0.1", ["bluejay.test"]), host="localhost:8787", **headers) is not comes_through


@pytest.mark.parametrize("name", ["fake.local", "a_b.c-d", "LOCALHOST", "10.0.0.7", "::1", "fake."])
def test_names_to_be_called_by(name: str) -> None:
    check_name(name)
    host = f"[{name}]" if ":" in name else name
    assert not refused(Gate("127.0.0.1", [name]), host=host)


@pytest.mark.parametrize("name", ["", "*", "x,y", "fake.local:8787", "http://fake.local", "[::1]", "a b", "fäke", "-x"])
def test_invalid_host_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="a name or an address"):
        check_name(name)


def test_a_link_may_open_the_console_and_nothing_else() -> None:
    gate = Gate("127.0.0.1")
    link = {"host": "localhost", "sec_fetch_site": "cross-site", "sec_fetch_dest": "document"}
    assert not refused(gate, "GET", "/_fake/", **link)
    assert refused(gate, "GET", "/_fake/state", **link)
    assert refused(gate, "POST", "/_fake/", **link)
    assert refused(gate, "GET", "/_fake/", **{**link, "sec_fetch_dest": "iframe"})


def test_the_refusal_is_json_and_bluejays_own_surface_is_open(serving) -> None:
    with serving("--allow-host", "bluejay.test", "--clock", "manual") as server:
        for headers, status in [
            ({"Host": "evil.example"}, 403),
            ({"Origin": "http://evil.example"}, 403),
            ({"Sec-Fetch-Site": "cross-site"}, 403),
            ({"Host": "bluejay.test"}, 200),
            ({}, 200),
        ]:
            answer = httpx.post(f"{server.url}/_fake/clock/advance", json={"seconds": 1}, headers=headers)
            assert answer.status_code == status, headers
            assert status == 200 or "control API is not for this caller" in answer.json()["detail"]
        now = httpx.get(f"{server.url}/_fake/clock").json()["now"]
        assert "00:00:02" in now  # those refused moved nothing
        for path in ("/_fake", "/_fake/organisations", "/_fake/save"):
            assert httpx.post(f"{server.url}{path}", headers={"Host": "evil.example"}).status_code == 403
        surface = httpx.get(f"{server.url}/v1/nothing", headers={"Host": "api.getbluejay.ai", "Origin": "http://a.b"})
        assert surface.json() == {"detail": "Not Found"}


def test_a_test_runs_server_has_the_gate_too(bluejay_server: FakeBluejay) -> None:
    url = f"{bluejay_server.url}/_fake/health"
    assert httpx.get(url).status_code == 200
    assert httpx.get(url, headers={"Host": "evil.example"}).status_code == 403
