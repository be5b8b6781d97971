"""`fake-bluejay serve --tls`: clients with the real host in them, in any language, led by the lines that it prints."""

import asyncio
import contextlib
import json
import os
import re
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from fake_bluejay import FakeBluejay, __version__
from fake_bluejay.server import protocol_detection
from fake_bluejay.server.protocol import Limits
from fake_bluejay.server.tls import NAMES, throw_away_authority

CLIENTS = Path(__file__).with_name("clients")


@pytest.fixture(scope="module")
def server(serving: Callable[..., Any]) -> Iterator[Any]:
    with serving("--tls", "--clock", "manual", "--no-access-log") as running:
        yield running


@pytest.fixture(scope="module")
def ca_file(server: Any) -> Path:
    return Path(server.exported["SSL_CERT_FILE"])


def plainly(*command: str) -> str:
    """Run a command without the environment's proxies, and return its output."""
    clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=clean)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_curl_by_its_line_alone(server: Any, tool: Callable[[str], str]) -> None:
    tool("curl")
    connected, resolved = re.findall(r"^  (curl -s --cacert .*)", server.printed, re.MULTILINE)
    assert json.loads(plainly("sh", "-c", connected))["test_result_ids"] == [1]
    assert plainly("sh", "-c", resolved) == f'{{"message":"pong","sha":"{__version__}"}}'


def test_curl_at_a_name_that_is_resolved(server: Any, ca_file: Path, tool: Callable[[str], str]) -> None:
    port = server.url.rpartition(":")[2]
    there = ("--resolve", f"api.getbluejay.ai:{port}:127.0.0.1", f"https://api.getbluejay.ai:{port}/v1/ping")
    plainly(tool("curl"), "-sS", "--cacert", str(ca_file), *there)
    with pytest.raises(AssertionError, match=r"self.signed|issuer"):
        plainly(tool("curl"), "-sS", *there)


@pytest.mark.parametrize("file", ["https.cjs", "requests_client.py", "httpx_client.py", "urllib_client.py"])
def test_unmodified_in_the_shell_of_the_lines(server: Any, tool: Callable[[str], str], file: str) -> None:
    """curl, fetch, Java and Go: see tests/guides."""
    program = tool("node") if file.endswith("cjs") else sys.executable
    answer = json.loads(server.run(program, str(CLIENTS / file)))
    assert (answer["ended_count"], answer["test_result_ids"], answer["failed_ids"]) == (1, [1], [999])


def test_plain_http_still_works_beside_tls(server: Any, ca_file: Path) -> None:
    secure = server.url.replace("http://127.0.0.1", "https://localhost")
    context = ssl.create_default_context(cafile=str(ca_file))
    assert httpx.get(f"{server.url}/_fake/health").status_code == 200
    assert httpx.get(f"{secure}/_fake/health", verify=context).status_code == 200


@pytest.mark.parametrize("name", NAMES)
def test_the_certificate_is_for(server: Any, ca_file: Path, name: str) -> None:
    context = ssl.create_default_context(cafile=str(ca_file))
    there = ("127.0.0.1", server.port)
    with socket.create_connection(there) as plain, context.wrap_socket(plain, server_hostname=name) as secure:
        assert secure.version() == "TLSv1.3"
    with socket.create_connection(there) as plain, pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(plain, server_hostname="example.com")


@pytest.mark.parametrize(("host", "name"), [("bluejay.test", "bluejay.test"), ("0.0.0.0", "localhost")])
def test_the_certificate_is_for_the_host_that_is_served_too(host: str, name: str) -> None:
    with throw_away_authority(host=host) as tls:
        client_reads, server_reads = ssl.MemoryBIO(), ssl.MemoryBIO()
        trusting = ssl.create_default_context(cafile=str(tls.ca_file))
        client = trusting.wrap_bio(client_reads, server_reads, server_hostname=name)
        server = tls.context.wrap_bio(server_reads, client_reads, server_side=True)
        for side in (client, server, client):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
        certificate = client.getpeercert()
        assert certificate is not None
        assert ("DNS", name) in certificate["subjectAltName"]


def spoken(url: str, *pieces: bytes) -> bytes:
    """Return a server's answer to these bytes, sent one piece after another, until it closes."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            connection.sendall(piece)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        return answer


GET = b"GET /_fake/health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("pieces", "status", "words"),
    [
        ([b"CONNECT example.com:443 HTTP/1.1\r\n\r\n"], 403, b"NO_PROXY=example.com"),
        (
            [b"CON", b"NECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n", b"\r\n"],
            403,
            b"api.getbluejay.ai and otlp.getbluejay.ai alone",
        ),
        ([b"CONNECT nonsense\r\n\r\n"], 400, b"not a CONNECT request"),
        ([b"CONNECT " + b"a" * 20_000], 400, b"not a CONNECT request"),
        ([b"C", b"OPY / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"], 404, b"Not Found"),
        ([GET[:1], GET[1:]], 200, b'"ok"'),
        ([GET.replace(b" /_fake/health", b" HTTP://Example.com/v1/ping")], 403, b"NO_PROXY=example.com"),
        ([GET.replace(b" /_fake/health", b" http://api.getbluejay.ai:80/v1/ping")], 200, b'"sha"'),
        ([GET.replace(b" /", b" http://localhost/")], 200, b'"ok"'),
    ],
)
def test_the_first_bytes_decide(server: Any, pieces: list[bytes], status: int, words: bytes) -> None:
    answer = spoken(server.url, *pieces)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer
    assert words in answer


def test_a_proxy_is_followed_by_tls_and_nothing_else(server: Any) -> None:
    answer = spoken(server.url, b"CONNECT api.getbluejay.ai:443 HTTP/1.1\r\n\r\n" + GET)
    assert answer.startswith(b"HTTP/1.1 200 Connection established\r\n\r\n")
    assert b'"ok"' not in answer


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, lambda: pytest.importorskip("uvloop").new_event_loop()])
@pytest.mark.parametrize("first", [b"\x16", b"CONNECT api.getbluejay.ai:443 HTTP/1.1\r\n\r\n"])
def test_a_handshake_survives_a_busy_server(
    new_loop: Callable[[], asyncio.AbstractEventLoop], first: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that a client sends has come before the loop turns once, as on a busy machine."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl._create_unverified_context().wrap_bio(incoming, outgoing)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    hello = outgoing.read()
    rest = hello[1:] if first == b"\x16" else hello
    become_tls = protocol_detection.DetectProtocol._become_tls

    def become_tls_late(self: Any) -> None:
        become_tls(self)
        theirs.sendall(rest)

    monkeypatch.setattr(protocol_detection.DetectProtocol, "_become_tls", become_tls_late)
    state, limits = types.SimpleNamespace(connections=set()), Limits(0, 1000, 20)

    async def shake_hands(context: ssl.SSLContext) -> bytes:
        loop = asyncio.get_running_loop()
        _, connection = await loop.connect_accepted_socket(
            lambda: protocol_detection.DetectProtocol(asyncio.Protocol, context, limits, server_state=state), ours
        )
        theirs.sendall(first)
        answer = b""
        while not answer.startswith(b"\x16"):  # the server's hello
            answer = await asyncio.wait_for(loop.sock_recv(theirs, 65536), 10)
            answer = answer.removeprefix(b"HTTP/1.1 200 Connection established\r\n\r\n")
        connection.shutdown()
        return answer

    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    with theirs, throw_away_authority() as tls, asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(shake_hands(tls.context))


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("reset", "Connection reset by peer"),
        ("lose_response", "Empty reply from server"),
        ("garbage", "Received HTTP/0.9 when not allowed"),
    ],
)
def test_faults_break_a_connection_of_tls(server: Any, tool: Callable[[str], str], fault: str, said: str) -> None:
    curl = tool("curl")
    getattr(FakeBluejay.connect(server.url).faults, fault)()
    with pytest.raises(AssertionError, match=said):
        server.run(curl, "-sS", "https://api.getbluejay.ai/v1/ping")


def test_it_stops_at_once_and_leaves_no_file(serving: Callable[..., Any]) -> None:
    with contextlib.ExitStack() as connections, serving("--tls", "--no-access-log") as server:
        ca_file = Path(server.exported["SSL_CERT_FILE"])
        directory = ca_file.parent
        assert [path.name for path in directory.iterdir()] == ["ca.pem"]
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert "PRIVATE" not in ca_file.read_text()
        connections.enter_context(socket.create_connection(("127.0.0.1", server.port)))  # one that says nothing
        assert httpx.get(f"{server.url}/_fake/health").status_code == 200
        assert server.stop() == server.printed
        assert not directory.exists()


def test_a_connection_that_says_nothing_is_closed(serving: Callable[..., Any]) -> None:
    """Or does not go on with its handshake; one that said plain HTTP is the server's other bounds' to close."""
    with serving("--tls", "--no-access-log", "--client-timeout", "0.2") as server:
        for pieces in ([], [b"CONN"], [b"\x16"], [b"CONNECT api.getbluejay.ai:443 HTTP/1.1\r\n\r\n", b"\x16\x03"]):
            assert spoken(server.url, *pieces) in (b"", b"HTTP/1.1 200 Connection established\r\n\r\n")
        assert server.stop() == server.printed


def is_open(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        while connection.recv(100):
            pass
    except BlockingIOError:
        return True
    except ConnectionResetError:
        pass
    return False


def test_silent_connections_are_counted_and_give_way(serving: Callable[..., Any]) -> None:
    """A silent connection sends nothing at all, or does not go on with its handshake."""
    silent = [b"", b"CONN", b"\x16\x03", b"CONNECT api.getbluejay.ai:443 HTTP/1.1\r\n\r\n\x16\x03"]
    with contextlib.ExitStack() as connections, serving("--tls", "--no-access-log", "--max-connections", "3") as server:
        made = []
        for said in silent * 5:
            made.append(connections.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10)))
            made[-1].sendall(said)
        context = ssl.create_default_context(cafile=server.exported["SSL_CERT_FILE"])
        for scheme in ("http", "https"):
            with httpx.Client(verify=context, trust_env=False) as client:
                assert client.get(f"{scheme}://localhost:{server.port}/_fake/health").status_code == 200
        assert sum(map(is_open, made)) <= 3
        assert server.stop() == server.printed


def test_a_client_that_does_not_trust_it_leaves_nothing_behind(serving: Callable[..., Any]) -> None:
    """Neither a traceback, nor a connection that counts."""
    with serving("--tls", "--no-access-log", "--max-connections", "5") as server:
        for _ in range(20):
            with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
                httpx.get(server.url.replace("http://127.0.0.1", "https://localhost"))
        assert httpx.get(f"{server.url}/_fake/health").status_code == 200
        assert server.stop() == server.printed


def test_a_private_key_is_in_a_file_for_a_moment_and_for_its_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed = []
    unlink = os.unlink

    def watched(path: Any, **more: Any) -> None:
        if not more:
            removed.append((stat.S_IMODE(os.stat(path).st_mode), "PRIVATE KEY" in Path(path).read_text()))
        unlink(path, **more)

    monkeypatch.setattr(os, "unlink", watched)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with throw_away_authority() as tls:
        assert removed == [(0o600, True)]
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tls.ca_file]
        assert "PRIVATE" not in tls.ca_file.read_text()
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_ones_own_is_written_again_and_never_another(tmp_path: Path) -> None:
    mine, others, nobodys = tmp_path / "ca.pem", tmp_path / "others.pem", tmp_path / "notes.txt"
    with throw_away_authority(mine) as first:
        before = mine.read_bytes()
    with throw_away_authority(mine, host="bluejay.test") as second:
        assert (first.ca_file, second.ca_file) == (mine, mine)
    assert mine.read_bytes() != before
    trustme.CA().cert_pem.write_to_path(str(others))
    nobodys.write_text("important")
    for file in (others, nobodys):
        content = file.read_bytes()
        with pytest.raises(ValueError, match="is left as it is"), throw_away_authority(file):
            pass
        assert file.read_bytes() == content
    with pytest.raises(OSError, match="missing"), throw_away_authority(tmp_path / "missing" / "ca.pem"):
        pass


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--ca-file", "ca.pem"], "--ca-file is where --tls writes its authority; add --tls"),
        (
            ["--tls", "--ca-file", "/nowhere/ca.pem"],
            "cannot write the authority of --tls to /nowhere/ca.pem: No such file or directory; --ca-file",
        ),
        (["--tls", "--ca-file", "notes.txt"], "is something else than the authority of a fake Bluejay"),
    ],
)
def test_a_bad_option_is_one_line_and_status_2(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_here: Callable[..., Any]
) -> None:
    (tmp_path / "notes.txt").write_text("important")
    monkeypatch.chdir(tmp_path)
    done = run_here("serve", "--port", "0", *arguments)
    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (2, 1, "")
    assert message in done.stderr


def test_without_trustme_the_error_names_the_package() -> None:
    program = """
import sys
sys.modules["trustme"] = None
sys.argv = ["fake-bluejay", "serve", "--port", "0", "--tls"]
from fake_bluejay.__main__ import main
main()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (
        2,
        'fake-bluejay: --tls needs trustme: pip install "fake-bluejay[tls]"\n',
    )
