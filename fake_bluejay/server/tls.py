"""TLS under the real name: a throw-away authority, a certificate of it, and the lines that make clients trust it.

No private key is ever in a file that stays: the authority's is never written, and the certificate's only for the moment
that OpenSSL takes to read it, in a file that only its owner may read.
"""

from __future__ import annotations

import contextlib
import shlex
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

try:
    import trustme
except ModuleNotFoundError as error:
    raise ModuleNotFoundError('--tls needs trustme: pip install "fake-bluejay[tls]"', name=error.name) from None

from cryptography import x509
from cryptography.x509.oid import NameOID

from fake_bluejay.bluejay.published import HOST, OTLP_HOST
from fake_bluejay.server.gate import is_every_address

NAMES = (HOST, OTLP_HOST, "localhost", "127.0.0.1", "::1")
"""The hosts of the certificate."""

_PRELOAD = Path(__file__).with_name("node.cjs")
"""A preload that leads a Node before 22.21, which ignores `HTTPS_PROXY`, to the fake."""

_ORGANISATION = "fake Bluejay: a throw-away authority"


class Tls(NamedTuple):
    """The certificate of a server, and the file of the authority that clients are to trust."""

    context: ssl.SSLContext
    ca_file: Path

    def client_lines(self, url: str, api_key: str) -> str:
        """Return the lines to type so that unmodified clients with the real host in their code reach a server.

        Args:
            url: The address at which it listens, without TLS, e.g. `http://127.0.0.1:8787`.
            api_key: A key that the server accepts.
        """
        address = url.removeprefix("http://")
        host, _, port = address.rpartition(":")
        ca, store = shlex.quote(str(self.ca_file)), shlex.quote(str(self.ca_file.with_suffix(".p12")))
        resolved = f"--resolve {shlex.quote(f'{HOST}:{port}:' + host.strip('[]'))}"
        to = resolved if port == "443" else f"--connect-to {shlex.quote(f'{HOST}:443:{address}')}"
        key = f"-H 'X-API-Key: {api_key}'"
        post = f"{key} -H 'Content-Type: application/json' -d '{{\"test_result_ids\": [1]}}'"
        return f"""\
The same port speaks TLS, as https://localhost:{port}, and is a proxy that leads to https://{HOST}.
The authority to trust is {self.ca_file}.
So that clients with the real host in them come here unmodified, in the shell of curl, Python, Go, Node:
  export HTTPS_PROXY={url} SSL_CERT_FILE={ca} REQUESTS_CA_BUNDLE={ca} CURL_CA_BUNDLE={ca}
  export NODE_EXTRA_CA_CERTS={ca} NODE_OPTIONS={shlex.quote(f"--require={_PRELOAD}")}
and of Java:
  keytool -importcert -noprompt -alias fake-bluejay -file {ca} -keystore {store} -storetype PKCS12 -storepass changeit
  export JAVA_TOOL_OPTIONS="-Djavax.net.ssl.trustStore={store} -Djavax.net.ssl.trustStorePassword=changeit\
 -Dhttps.proxyHost={host.strip("[]")} -Dhttps.proxyPort={port}"
Or with nothing exported:
  curl -s --cacert {ca} {to} https://{HOST}/v1/end-conversations {post}
  curl -s --cacert {ca} {resolved} https://{HOST}:{port}/v1/ping {key}
"""


@contextlib.contextmanager
def throw_away_authority(ca_file: Path | None = None, *, host: str = "localhost") -> Iterator[Tls]:
    """Yield a certificate for `NAMES` and `host`, signed by a new authority.

    The authority's certificate is written to `ca_file` and stays there; without one, to a temporary directory that is
    removed at the end.

    Raises:
        OSError: The file cannot be written.
        ValueError: The file holds something else than an earlier authority of this kind, which would be lost.
    """
    authority = trustme.CA(organization_name=_ORGANISATION)
    names = dict.fromkeys([*NAMES, *([] if is_every_address(host) else [host])])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*names).configure_cert(context)
    with contextlib.ExitStack() as until_the_end:
        if ca_file is None:
            directory = until_the_end.enter_context(tempfile.TemporaryDirectory(prefix="fake-bluejay-"))
            ca_file = Path(directory, "ca.pem")
        elif ca_file.exists() and not _is_ours(ca_file.read_bytes()):
            raise ValueError(f"{ca_file} is something else than the authority of a fake Bluejay, and is left as it is")
        authority.cert_pem.write_to_path(str(ca_file))
        yield Tls(context, ca_file.absolute())


def _is_ours(content: bytes) -> bool:
    try:
        (certificate,) = x509.load_pem_x509_certificates(content)
    except ValueError:
        return False
    names = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return [name.value for name in names] == [_ORGANISATION]
