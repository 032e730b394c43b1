"""Certificate requests."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tests.identity.support import csr, key
from weft.identity.errors import IdentityError
from weft.identity.requests import MAX_BYTES, fingerprint, public_key


def test_a_request_gives_its_public_key() -> None:
    private = key()
    assert public_key(csr(private)) == private.public_key()


@pytest.mark.parametrize("private", [ec.generate_private_key(ec.SECP384R1()), ed25519.Ed25519PrivateKey.generate()])
def test_other_good_keys_are_taken(private: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> None:
    assert fingerprint(public_key(csr(private))) == fingerprint(private.public_key())


@pytest.mark.parametrize(
    "private",
    [
        rsa.generate_private_key(65537, 1024),
        ec.generate_private_key(ec.SECP256K1()),
    ],
)
def test_a_weak_or_odd_key_is_refused(private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> None:
    with pytest.raises(IdentityError, match="kind or size") as caught:
        public_key(csr(private))
    assert caught.value.hint == "use a P-256 key (ECDSA)"


def test_a_request_that_its_key_did_not_sign_is_refused() -> None:
    der = bytearray(csr(key()))
    der[-1] ^= 1
    with pytest.raises(IdentityError, match=r"signature|PKCS#10"):
        public_key(bytes(der))


@pytest.mark.parametrize("der", [b"", b"\x30\x03abc", b"x" * (MAX_BYTES + 1)])
def test_what_is_no_request_is_refused(der: bytes) -> None:
    with pytest.raises(IdentityError):
        public_key(der)
