"""Who is at the other end."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from weft.controller.peers import Peer, identify
from weft.identity.authority import Authority, pem
from weft.identity.errors import IdentityError
from weft.identity.signer import Proof
from weft.identity.spiffe import SpiffeId
from weft.store.model import Issued

NOW = datetime.datetime(2031, 1, 1, tzinfo=datetime.UTC)


class Context:
    def __init__(self, peer: str, certificate: bytes = b"") -> None:
        self._peer, self._certificate = peer, certificate

    def peer(self) -> str:
        return self._peer

    def auth_context(self) -> Mapping[str, Iterable[bytes]]:
        return {"x509_pem_cert": [self._certificate]} if self._certificate else {}


class Ledger:
    async def issued(self, serial: str) -> Issued | None:
        return Issued(serial, "", "default/a-0", "default/a", "token", 0.0, 0.0) if serial != "0" else None


def certificate(tmp_path: Path, spiffe_id: str, *more: str) -> bytes:
    authority = Authority.open(tmp_path / "ca", NOW, "t.example")
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    return pem(authority.issue(key, spiffe_id, NOW, datetime.timedelta(hours=1), more).der)


async def test_the_unix_socket_is_local() -> None:
    assert await identify(Context("unix:"), Ledger(), "t.example") == Peer(Proof("local"))


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:192.0.2.7:4711", "192.0.2.7"),
        ("ipv6:%5B2001:db8::1%5D:4711", "2001:db8::1"),
        ("ipv6:[::ffff:192.0.2.7]:4711", "192.0.2.7"),
        ("something:else", ""),
    ],
)
async def test_without_a_certificate_it_is_anonymous_at_its_address(peer: str, address: str) -> None:
    assert await identify(Context(peer), Ledger(), "t.example") == Peer(Proof("anonymous"), address)


async def test_a_certificate_gives_identity_workload_and_service(tmp_path: Path) -> None:
    found = await identify(
        Context("ipv4:192.0.2.7:1", certificate(tmp_path, "spiffe://t.example/ns/default/sa/a")), Ledger(), "t.example"
    )
    assert found.proof.identity == SpiffeId("t.example", "default", "a") and found.proof.kind == "svid"
    assert (found.workload, found.service) == ("default/a-0", "default/a")
    assert found.not_after == NOW.timestamp() + 3600 and found.seconds_left(NOW.timestamp() + 3000) == 600
    assert found.seconds_left(NOW.timestamp() + 9999) == 0 and Peer(Proof("local")).seconds_left(0.0) is None


@pytest.mark.parametrize("name", ["spiffe://other.example/ns/default/sa/a", "spiffe://t.example/other"])
async def test_a_certificate_of_another_form_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(IdentityError):
        await identify(Context("ipv4:192.0.2.7:1", certificate(tmp_path, name)), Ledger(), "t.example")


def test_it_may_be_only_what_it_proved() -> None:
    a = Proof("svid", SpiffeId("t", "default", "a"), "1")
    assert Peer(a).may_be("default", "a", "default/any")
    assert not Peer(a).may_be("default", "b", "default/any") and not Peer(a).may_be("shop", "a", "shop/any")
    assert Peer(a, "", "default/a-0").may_be("default", "a", "default/a-0")
    assert not Peer(a, "", "default/a-0").may_be("default", "a", "default/a-1")
    assert Peer(Proof("local")).may_be("x", "y", "x/z") and not Peer(Proof("anonymous")).may_be("x", "y", "x/z")
    assert str(Peer(a, "", "default/a-0")) == "spiffe://t/ns/default/sa/a (default/a-0)"
