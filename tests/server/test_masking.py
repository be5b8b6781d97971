"""Secrets are masked wherever requests are shown: in the log, the journal, the report, and the answers of faults."""

import httpx
import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.http.journal import is_secret

SECRET = "a-secret-nobody-is-to-see"
NAMES = ["api-key", "x-auth-token", "X-API-Key", "Cookie", "Proxy-Authorization", "x-client-secret"]


@pytest.mark.parametrize("name", NAMES)
def test_a_key_in_any_header_is_masked_wherever_a_request_is_shown(name: str) -> None:
    with FakeBluejay() as fake:
        httpx.get(f"{fake.base_url}/ping", headers={name: SECRET})
        shown = httpx.get(f"{fake.url}/_fake/requests").text
        assert name.lower() in shown
        assert SECRET not in shown
        assert SECRET not in repr(fake.requests[0].headers)
        assert fake.requests[0].headers[name] == SECRET


def test_cookie_that_a_fault_sets_is_masked_but_sent() -> None:
    with FakeBluejay() as fake:
        fake.faults.respond(503, headers={"Set-Cookie": SECRET, "Retry-After": "2"})
        assert SECRET not in repr(fake.faults)
        armed = httpx.get(f"{fake.url}/_fake/faults").text
        assert SECRET not in armed
        assert '"Retry-After":"2"' in armed
        assert httpx.get(f"{fake.base_url}/ping").headers["set-cookie"] == SECRET
        assert SECRET not in httpx.get(f"{fake.url}/_fake/requests").text
        assert SECRET not in fake.report()


@pytest.mark.parametrize("name", ["Idempotency-Key", "WWW-Authenticate", "Content-Type", "Retry-After"])
def test_headers_that_are_no_secrets_are_readable(name: str) -> None:
    assert not is_secret(name)


def test_no_key_is_in_the_access_log(serving) -> None:
    with serving() as server:
        for name in NAMES:
            httpx.get(f"{server.url}/v1/ping?{name}={SECRET}", headers={name: SECRET})
        assert SECRET not in server.stop()


@pytest.mark.parametrize("name", ["Transfer-Encoding", "trailer"])
def test_a_fault_cannot_say_that_its_body_comes_otherwise_than_it_does(name: str) -> None:
    with pytest.raises(ValueError, match="leave it out"):
        FakeBluejay().faults.respond(503, json={}, headers={name: "chunked"})
