"""The ways to a server: its addresses, browsers, proxies, and worlds of one organisation."""

import http.client
import http.server
import json
import socket
import threading
from collections.abc import Iterator

import httpx
import pytest

from fake_bluejay import FakeBluejay

ORIGIN = "http://localhost:3000"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture(scope="module")
def server(serving) -> Iterator[object]:
    """One that pages of one origin may call, for all tests of this file."""
    with serving("--cors-origin", ORIGIN, "--clock", "manual") as server:
        yield server
        assert "Traceback" not in server.stop()


# --- addresses ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_server_on_every_address_prints_one_that_can_be_opened(serving, host: str) -> None:
    with serving("--host", host) as server:
        assert server.url == f"http://127.0.0.1:{server.port}"
        assert httpx.get(f"{server.url}/_fake/health").json() == {"status": "ok"}
        if host == "::":
            connection = http.client.HTTPConnection("::1", server.port)
            connection.request("GET", "/_fake/health")
            assert connection.getresponse().status == 200
            connection.close()


def test_port_variable_of_a_kubernetes_service_is_ignored(run_here) -> None:
    address = "tcp://10.0.0.1:8787"
    with socket.create_server(("127.0.0.1", 0)) as taken:  # so that the command ends by itself
        done = run_here("serve", "--port", taken.getsockname()[1], FAKE_BLUEJAY_PORT=address)
    assert "Kubernetes" not in done.stderr
    done = run_here("serve", "--host", "no.such.host.invalid", FAKE_BLUEJAY_PORT=address)
    assert f"FAKE_BLUEJAY_PORT={address} is what Kubernetes sets" in done.stderr
    assert "port 8787" in done.stderr
    json_lines = run_here(
        "serve", "--host", "no.such.host.invalid", FAKE_BLUEJAY_PORT=address, FAKE_BLUEJAY_LOG_FORMAT="json"
    )
    assert json.loads(json_lines.stderr.splitlines()[0])["event"] == "warning"
    done = run_here("serve", "--port", address)
    assert done.returncode == 2
    assert "not a valid integer" in done.stderr


# --- browsers -------------------------------------------------------------------------------------------------------


def test_a_browser_that_opens_the_root_is_led_to_the_console_and_nothing_has_arrived(server) -> None:
    before = httpx.get(f"{server.url}/_fake/overview").json()["requests"]
    answer = httpx.get(f"{server.url}/", headers=BROWSER, follow_redirects=True)
    assert (answer.status_code, answer.url.path) == (200, "/_fake/")
    assert httpx.get(f"{server.url}/favicon.ico", headers={"Sec-Fetch-Dest": "image"}).status_code == 200
    assert "paths" in httpx.get(f"{server.url}/_fake/bluejay-openapi.json", timeout=60).json()
    assert httpx.get(f"{server.url}/_fake/overview").json()["requests"] == before
    assert httpx.get(f"{server.url}/").json() == {"detail": "Not Found"}  # as the code under test would ask
    assert httpx.get(f"{server.url}/_fake/overview").json()["requests"] == before + 1


def test_a_page_of_a_named_origin_may_call_bluejay_and_no_more(server) -> None:
    asks = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "X-API-Key"}
    answer = httpx.options(f"{server.url}/v1/end-conversations", headers=asks)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    body = {"test_result_ids": [1]}
    headers = {"Origin": ORIGIN, "X-API-Key": "k"}
    answer = httpx.get(f"{server.url}/v1/ping", headers=headers)  # which needs no key: other tests add their own
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, ORIGIN)
    other = httpx.post(f"{server.url}/v1/end-conversations", json=body, headers={**headers, "Origin": "http://other"})
    assert "access-control-allow-origin" not in other.headers
    controls = httpx.get(f"{server.url}/_fake/overview", headers=headers)
    assert controls.status_code == 403
    assert "access-control-allow-origin" not in controls.headers


def test_a_page_that_may_not_call_is_told_of_in_the_log(serving) -> None:
    with serving() as server:
        asks = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
        assert httpx.options(f"{server.url}/v1/end-conversations", headers=asks).status_code == 405
        assert f"--cors-origin {ORIGIN} lets it" in server.stop()


@pytest.mark.parametrize("origin", ["localhost:3000", "http://localhost:3000/", "https://a.b/c", ""])
def test_cors_origin_that_no_browser_sends_is_refused(run_here, origin: str) -> None:
    done = run_here("serve", "--cors-origin", origin)
    assert done.returncode == 2
    assert "--cors-origin takes the origin of pages" in done.stderr


# --- a proxy --------------------------------------------------------------------------------------------------------


def test_a_fake_can_be_connected_to_behind_the_path_of_a_proxy(server) -> None:
    class Proxy(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            assert self.path.startswith("/fakes/one/")
            path = self.path.removeprefix("/fakes/one")
            answer = httpx.request(self.command, server.url + path, content=body, headers={"X-API-Key": "k"})
            self.send_response(answer.status_code)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_POST = do_GET  # noqa: N815 - the name is http.server's

        def log_message(self, *arguments: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"http://127.0.0.1:{proxy.server_port}/fakes/one"
        bluejay = FakeBluejay.connect(url + "/")
        added = bluejay.add_test_result(status="COMPLETED")
        assert bluejay.base_url == f"{url}/v1"
        assert httpx.get(f"{bluejay.base_url}/ping", headers={"X-API-Key": "k"}).status_code == 200
        assert bluejay.test_result(added.id).status == "COMPLETED"
        proxy.shutdown()
        thread.join()


# --- worlds of one organisation -------------------------------------------------------------------------------------


def test_the_transcript_of_a_world_of_its_own_is_found(server) -> None:
    bluejay = FakeBluejay.connect(server.url, organisation="mine & yours")
    bluejay.add_test_result(1, status="COMPLETED")
    address = f"{bluejay.base_url}/retrieve-simulation-result/1"
    answer = httpx.get(address, headers={"X-API-Key": bluejay.api_key}).json()["simulation_result"]
    transcript = httpx.get(answer["transcript_url"])
    assert transcript.status_code == 200
    assert transcript.json() == []  # nobody said anything
    shared = httpx.get(answer["transcript_url"].partition("?")[0])
    assert shared.status_code == 404


def test_a_test_result_is_looked_at_in_the_name_of_one_organisation_of_a_shared_world(server) -> None:
    control = f"{server.url}/_fake"
    httpx.post(f"{control}/organisations", json={"name": "one", "api_key": "key-one"})
    httpx.post(f"{control}/organisations", json={"name": "two", "api_key": "key-two"})
    added = httpx.post(f"{control}/test-results?organisation=one", json={}).json()
    path = f"{control}/test-results/{added['id']}"
    assert httpx.get(f"{path}?organisation=one").json()["id"] == added["id"]
    other = httpx.get(f"{path}?organisation=two")
    assert other.status_code == 404
    assert str(added["id"]) in other.json()["detail"]
    event = httpx.post(f"{path}/events?organisation=one", json={"event": "end"})
    assert event.json()["status"] == "CONVERSATION_ENDED"
    assert httpx.patch(f"{path}?organisation=two", json={"status": "COMPLETED"}).status_code == 404
    assert httpx.delete(f"{path}?organisation=one").json() == {"removed": 1}


# --- what is printed ------------------------------------------------------------------------------------------------


def test_nobody_is_told_to_wait_for_a_clock_that_stands_still(server) -> None:
    assert "Time stands still until you advance the clock" in server.printed
    for promise in ("Or don't wait", "watch it go on", "passes"):
        assert promise not in server.printed


def test_control_api_can_have_neither_stubs_nor_faults(server, run_here, tmp_path) -> None:
    for what, body in (
        ("stubs", {"method": "GET", "path": "/_fake/clock"}),
        ("faults", {"kind": "reset", "path": "/_fake"}),
    ):
        answer = httpx.post(f"{server.url}/_fake/{what}", json=body)
        assert answer.status_code == 400
        assert "answers for itself" in answer.json()["detail"]
        seed = tmp_path / f"{what}.json"
        seed.write_text(json.dumps({what: [body]}))
        assert "answers for itself" in run_here("check", seed).stderr
