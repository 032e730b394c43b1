"""The built-in CA and the rules of X509-SVID."""

from __future__ import annotations

import datetime
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import VerificationError

from tests.identity.support import HOUR, NOW, authority, key, uris, verify_as_client
from weft.identity.authority import Authority
from weft.identity.errors import IdentityError

ID = "spiffe://t.example/ns/default/sa/reviews"


def test_the_first_start_makes_a_private_root_that_the_second_finds(tmp_path: Path) -> None:
    first = authority(tmp_path, None)
    assert first.trust_domain.endswith(".weft")
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "ca").iterdir()} == {
        "root.key": 0o600,
        "root.pem": 0o600,
    }
    again = authority(tmp_path, None)
    assert (again.root_der, again.trust_domain) == (first.root_der, first.trust_domain)


def test_the_trust_domain_can_be_given_once_and_never_changed(tmp_path: Path) -> None:
    assert authority(tmp_path, "shop.example").trust_domain == "shop.example"
    assert authority(tmp_path, "shop.example").trust_domain == "shop.example"
    with pytest.raises(IdentityError, match="it never changes"):
        authority(tmp_path, "other.example")


def test_an_svid_follows_the_rules_of_x509_svid(tmp_path: Path) -> None:
    issued = authority(tmp_path).issue(key().public_key(), ID, NOW, 24 * HOUR)
    leaf = x509.load_der_x509_certificate(issued.der)
    assert uris(issued.der) == [ID]
    constraints = leaf.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical and not constraints.value.ca
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical and usage.value.digital_signature
    assert not usage.value.key_cert_sign and not usage.value.crl_sign
    ends = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(ends) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    assert leaf.not_valid_before_utc == NOW - datetime.timedelta(minutes=10)
    assert leaf.not_valid_after_utc == NOW + 24 * HOUR
    assert issued.serial == f"{leaf.serial_number:x}"
    assert isinstance(leaf.public_key(), ec.EllipticCurvePublicKey)


def test_an_independent_verifier_accepts_an_svid_while_it_lives(tmp_path: Path) -> None:
    ca = authority(tmp_path)
    issued = ca.issue(key().public_key(), ID, NOW, HOUR)
    for minutes in (-9, 0, 59):
        verify_as_client(issued.der, ca.root_der, NOW + datetime.timedelta(minutes=minutes))
    for minutes in (-11, 61):
        with pytest.raises(VerificationError):
            verify_as_client(issued.der, ca.root_der, NOW + datetime.timedelta(minutes=minutes))


def test_another_root_is_not_believed(tmp_path: Path) -> None:
    issued = authority(tmp_path).issue(key().public_key(), ID, NOW, HOUR)
    other = authority(tmp_path / "other")
    with pytest.raises(VerificationError):
        verify_as_client(issued.der, other.root_der)


def test_a_life_of_seconds_is_possible_and_none_outlives_the_root(tmp_path: Path) -> None:
    ca = authority(tmp_path)
    short = ca.issue(key().public_key(), ID, NOW, datetime.timedelta(seconds=2))
    assert short.not_after == NOW.timestamp() + 2
    long = ca.issue(key().public_key(), ID, NOW, datetime.timedelta(days=5000))
    assert long.not_after == ca.root.not_valid_after_utc.timestamp()


def test_addresses_become_names_beside_the_one_identity(tmp_path: Path) -> None:
    issued = authority(tmp_path).issue(key().public_key(), ID, NOW, HOUR, ["localhost", "127.0.0.1", "::1"])
    names = x509.load_der_x509_certificate(issued.der).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.value.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(ip) for ip in names.value.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    assert uris(issued.der) == [ID]


def test_the_bundle_holds_other_roots_beside_our_own(tmp_path: Path) -> None:
    old = authority(tmp_path / "old", "old.example")
    ca = authority(tmp_path)
    extra = tmp_path / "ca" / "also-trusted"
    extra.mkdir()
    (extra / "old.pem").write_bytes((tmp_path / "old" / "ca" / "root.pem").read_bytes())
    assert authority(tmp_path).roots == (ca.root_der, old.root_der)


@pytest.mark.parametrize("damage", ["garbage", "foreign", "missing"])
def test_a_ca_whose_files_do_not_fit_is_refused_and_not_replaced(tmp_path: Path, damage: str) -> None:
    authority(tmp_path)
    pem = tmp_path / "ca" / "root.pem"
    if damage == "garbage":
        pem.write_bytes(b"garbage")
    elif damage == "missing":
        pem.unlink()
    else:
        authority(tmp_path / "other")
        pem.write_bytes((tmp_path / "other" / "ca" / "root.pem").read_bytes())
    with pytest.raises(IdentityError, match=r"cannot be read|do not belong together") as caught:
        authority(tmp_path)
    assert "restore" in caught.value.hint


def test_a_root_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    authority(tmp_path)
    (tmp_path / "ca" / "root.key").chmod(0o640)
    with pytest.raises(IdentityError, match="others may read the file"):
        authority(tmp_path)


def test_the_hash_of_the_root_is_what_tokens_carry(tmp_path: Path) -> None:
    ca = authority(tmp_path)
    digest = hashes.Hash(hashes.SHA256())
    digest.update(ca.root_der)
    assert ca.root_sha256 == digest.finalize().hex()
    assert isinstance(ca, Authority)
