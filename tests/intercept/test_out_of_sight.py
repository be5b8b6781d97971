"""The guard's gaps are those that docs/guard.md lists: libraries in C with connections or resolvers of their own.

Each is led to a socket of this test's, so that nothing leaves the machine: by an option of the library, under
Bluejay's name. It arrives there, and no error of the guard's comes before.
"""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fake_bluejay import FakeBluejay

API = "api.getbluejay.ai"
GUIDE = Path(__file__).parents[2] / "docs" / "guard.md"


@pytest.fixture
def listening() -> Iterator[tuple[int, list[bytes]]]:
    """A port where each connection's first bytes are kept, and then it is closed."""
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            connection, _ = server.accept()
            with connection:
                if first := connection.recv(4096):
                    received.append(first)
                    connection.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield server.getsockname()[1], received
        if not received:  # the test was skipped, or failed before anything was sent
            socket.create_connection(server.getsockname()).close()
        thread.join(timeout=10)


@pytest.fixture
def name_server() -> Iterator[tuple[int, list[bytes]]]:
    """A port where a name server is asked, and says that there is no such name."""
    received: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def answer() -> None:
            while True:
                query, client = server.recvfrom(4096)
                if not query:
                    return
                received.append(query)
                server.sendto(query[:2] + b"\x81\x83" + query[4:], client)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield server.getsockname()[1], received
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"", server.getsockname())
        thread.join(timeout=10)


def test_pycurl(bluejay: FakeBluejay, listening: tuple[int, list[bytes]]) -> None:
    pycurl = pytest.importorskip("pycurl")
    port, received = listening
    handle = pycurl.Curl()
    handle.setopt(handle.URL, f"http://{API}:{port}/v1/ping")
    handle.setopt(handle.RESOLVE, [f"{API}:{port}:127.0.0.1"])
    handle.setopt(handle.PROXY, "")
    handle.setopt(handle.TIMEOUT, 10)
    handle.perform()
    assert received[0].startswith(b"GET /v1/ping HTTP/1.1\r\nHost: api.getbluejay.ai")
    bluejay.assert_no_requests()


def test_primp(bluejay: FakeBluejay, listening: tuple[int, list[bytes]]) -> None:
    primp = pytest.importorskip("primp")
    port, received = listening
    primp.Client(proxy=f"http://127.0.0.1:{port}", timeout=10).get(f"http://{API}/v1/ping")
    assert received[0].startswith(b"GET http://api.getbluejay.ai/v1/ping HTTP/1.1")
    bluejay.assert_no_requests()


def test_curl_cffi(bluejay: FakeBluejay, listening: tuple[int, list[bytes]]) -> None:
    curl_cffi = pytest.importorskip("curl_cffi")
    port, received = listening
    handle = curl_cffi.Curl()
    handle.setopt(curl_cffi.CurlOpt.URL, f"http://{API}:{port}/v1/ping".encode())
    handle.setopt(curl_cffi.CurlOpt.RESOLVE, [f"{API}:{port}:127.0.0.1"])
    handle.setopt(curl_cffi.CurlOpt.PROXY, b"")
    handle.setopt(curl_cffi.CurlOpt.TIMEOUT_MS, 10_000)
    handle.perform()
    assert received[0].startswith(b"GET /v1/ping HTTP/1.1\r\nHost: api.getbluejay.ai")
    bluejay.assert_no_requests()


def test_aiodns(bluejay: FakeBluejay, name_server: tuple[int, list[bytes]]) -> None:
    pycares = pytest.importorskip("pycares")
    pytest.importorskip("aiodns")
    port, received = name_server
    answered: list[Any] = []
    channel = pycares.Channel(servers=["127.0.0.1"], udp_port=port, timeout=5, tries=1)
    channel.query(API, pycares.QUERY_TYPE_A, callback=lambda *answer: answered.append(answer))
    channel.wait(10) if hasattr(channel, "wait") else None
    channel.close()
    assert b"\x03api\x0agetbluejay\x02ai" in received[0].lower()


def test_dnspython(bluejay: FakeBluejay, name_server: tuple[int, list[bytes]]) -> None:
    pytest.importorskip("dns")
    import dns.resolver

    port, received = name_server
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], port
    with pytest.raises(dns.resolver.NXDOMAIN):
        resolver.resolve(API, lifetime=10)
    assert b"\x03api\x0agetbluejay\x02ai" in received[0].lower()


def test_grpc(bluejay: FakeBluejay, name_server: tuple[int, list[bytes]]) -> None:
    pytest.importorskip("grpc")
    port, received = name_server
    code = f"""
import grpc
from fake_bluejay import FakeBluejay
with FakeBluejay(sleep="real"):
    channel = grpc.insecure_channel("dns://127.0.0.1:{port}/{API}:443")
    try:
        channel.unary_unary("/v1/ping", bytes, bytes)(b"", timeout=5)
    except grpc.RpcError as error:
        print(error.code().name)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout in ("UNAVAILABLE\n", "DEADLINE_EXCEEDED\n"), done.stderr
    assert any(b"\x03api\x0agetbluejay\x02ai" in query.lower() for query in received)


def test_a_new_process(bluejay: FakeBluejay) -> None:
    code = "import socket; print(socket.gethostbyname.__module__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "_socket\n", done.stderr


def test_an_address_in_place_of_a_name(bluejay: FakeBluejay, listening: tuple[int, list[bytes]]) -> None:
    port, received = listening
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"GET /v1/ping HTTP/1.1\r\nHost: api.getbluejay.ai\r\n\r\n")
        assert connection.recv(100)
    assert b"Host: api.getbluejay.ai" in received[0]


def test_a_socket_of_the_built_in_class(bluejay: FakeBluejay) -> None:
    import _socket

    guarded, built_in = socket.socket.connect, _socket.socket.connect
    assert type(built_in).__name__ == "method_descriptor", "what is C's own cannot be replaced"
    assert guarded is not built_in


@pytest.mark.parametrize(
    "name", ["pycurl", "curl_cffi", "aiodns", "dnspython", "grpcio", "`_socket.socket`", "gevent", "new process"]
)
def test_the_guide_lists(name: str) -> None:
    assert name in GUIDE.read_text()
