"""The controller's own certificate."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

from cryptography import x509

from tests.identity.support import NOW, authority, uris
from weft.identity.server import ServerIdentity


class Clock:
    now = NOW.timestamp()

    def __call__(self) -> float:
        return self.now


def test_it_names_the_controller_and_its_addresses_and_ends_in_the_root(tmp_path: Path) -> None:
    ca = authority(tmp_path)
    current = ServerIdentity(ca, ["localhost", "127.0.0.1", "localhost"], Clock()).current()
    assert uris(current.certificate.der) == ["spiffe://t.example/ns/weft/sa/controller"]
    leaf, root = x509.load_pem_x509_certificates(current.chain_pem)
    assert root == ca.root and leaf.issuer == root.subject


def test_it_renews_itself_after_a_third_of_its_life(tmp_path: Path) -> None:
    clock = Clock()
    server = ServerIdentity(authority(tmp_path), ["localhost"], clock, datetime.timedelta(hours=3))
    first = server.current()
    clock.now += 3599
    assert server.current() is first
    clock.now += 1
    second = server.current()
    assert second.key_pem != first.key_pem
    assert second.certificate.not_after == first.certificate.not_after + 3600


def test_openssl_takes_key_and_chain(tmp_path: Path) -> None:
    current = ServerIdentity(authority(tmp_path), ["localhost"], Clock()).current()
    (tmp_path / "server.pem").write_bytes(current.key_pem + current.chain_pem)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tmp_path / "server.pem")
