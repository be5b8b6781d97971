"""One place decides if a host is Bluejay's, for every form in which a name can be given."""

import re
from typing import Any

import pytest

from fake_bluejay.intercept import hosts


class Text(str):
    """A string that says something else of itself wherever its methods are asked."""

    def __str__(self) -> str:
        return "example.com"

    def __eq__(self, other: object) -> bool:
        raise AssertionError("asked for equality")

    def __hash__(self) -> int:
        raise AssertionError("asked for a hash")

    def lower(self) -> str:
        raise AssertionError("asked for lower case")

    isascii = encode = rstrip = removesuffix = endswith = lower  # type: ignore[assignment]


class Bytes(bytes):
    def decode(self, *args: object) -> str:  # type: ignore[override]
        raise AssertionError("asked to decode itself")

    lower = decode  # type: ignore[assignment]


class Pretender:
    """No string, whatever it says."""

    @property
    def __class__(self) -> type:  # type: ignore[override]
        raise AssertionError("asked for its class")


ANSWERED = [
    "api.getbluejay.ai",
    "API.GetBluejay.AI",
    "api.getbluejay.ai.",
    "API.GETBLUEJAY.AI.",
    "api.getbluejay.ai:443",
    "api.getbluejay.ai.:443",
    "api.getbluejay.ai:",
    b"api.getbluejay.ai",
    b"API.getbluejay.ai.",
    bytearray(b"api.getbluejay.AI"),
    "ａｐｉ.getbluejay.ai",
    "api。getbluejay．ai",
    "api｡getbluejay.ai",
    "api.getbluejay.ai。",
    "api.get\u00adbluejay.ai",
    "ⓐpi.getbluejay.ai",
    "api.getbluejay.ａi:443",
    "otlp.getbluejay.ai",
    "otlp.getbluejay.ai:4318",
    b"OTLP.getbluejay.ai",
    "ｏｔｌｐ。getbluejay.ai",
    Text("API.getbluejay.ai"),
    Bytes(b"API.getbluejay.ai"),
]
IN_THE_DOMAIN = [
    "getbluejay.ai",
    "GETBLUEJAY.AI.",
    "app.getbluejay.ai",
    "app.getbluejay.ai:4318",
    b"APP.getbluejay.ai",
    bytearray(b"app.getbluejay.ai."),
    "a.b.api.getbluejay.ai",
    "_dmarc.getbluejay.ai",
    "ａｐｐ。getbluejay.ai",
    "otlp.api.getbluejay.ai",
    "bücher.getbluejay.ai",
    "xn--bcher-kva.getbluejay.ai",
    Text("app.getbluejay.ai"),
]
ELSEWHERE: list[Any] = [
    None,
    "",
    ".",
    b"",
    443,
    True,
    ("api.getbluejay.ai", 443),
    ["api.getbluejay.ai"],
    memoryview(b"api.getbluejay.ai"),
    object(),
    "ai",
    "api.getbluejay.ai..",
    ".api.getbluejay.a",
    "api.getbluejay.ai.example.com",
    "notgetbluejay.ai",
    "api-getbluejay.ai",
    "api.getbluejay.aia",
    "api.getbluejay.com",
    "api.getbluejay.ai/v1",
    "https://api.getbluejay.ai",
    "api.getbluejay.ai:443:1",
    "api.getbluejay.ai:https",
    "api.getbluejay.ai ",
    "api.getbluejay.ai\n",
    "api.getbluejay.ai\0",
    "api.getbluejay.ai:443\n",
    "аpi.getbluejаy.ai",  # Cyrillic
    "api.getbluejay.aı",  # a dotless i
    "ａｐｉ.getbluejay.ai".encode(),
    b"api.getbluejay.ai\xff",
    "x" * 64 + "ü.getbluejay.ai",
    "\udcff.getbluejay.ai",
    "::1",
    "[::1]:443",
    "[api.getbluejay.ai]",
    "fe80::1%eth0",
    "::ffff:127.0.0.1",
    "127.0.0.1:8787",
    "127.0.0.1",
    "localhost",
]


def shown(value: object) -> str:
    """Return an id that is the same in every process."""
    return re.sub(" at 0x[0-9a-f]+", "", ascii(value))


@pytest.mark.parametrize("host", ANSWERED, ids=shown)
def test_a_host_that_the_fake_answers(host: Any) -> None:
    assert hosts.is_bluejay(host) is True
    assert hosts.is_in_domain(host) is True


@pytest.mark.parametrize("host", IN_THE_DOMAIN, ids=shown)
def test_another_host_of_the_domain(host: Any) -> None:
    assert hosts.is_bluejay(host) is False
    assert hosts.is_in_domain(host) is True


@pytest.mark.parametrize("host", ELSEWHERE, ids=shown)
def test_a_host_that_is_not_bluejays(host: Any) -> None:
    assert hosts.is_bluejay(host) is False
    assert hosts.is_in_domain(host) is False


def test_code_of_a_foreign_object_does_not_run() -> None:
    assert not hosts.is_bluejay(Pretender())


@pytest.mark.parametrize("text", [host for host in ANSWERED if type(host) is str], ids=shown)
def test_the_socket_module_takes_a_form_that_counts_for_the_same_name(text: str) -> None:
    """Python encodes a name by IDNA before the system resolves it; ports are for clients to take off."""
    name = text.partition(":")[0]
    assert name.encode("idna").decode().removesuffix(".").lower() in (hosts.HOST, hosts.OTLP_HOST)
