"""Certificate requests (PKCS#10): checked, and nothing but the public key taken from them."""

from __future__ import annotations

from typing import TypeAlias

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from weft.identity.errors import IdentityError

PublicKey: TypeAlias = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey

# An honest request is under 1 KiB; RSA-4096 with attributes under 4.
MAX_BYTES = 16 * 1024
# CA/Browser Forum baseline requirements 6.1.5: the least; the most bounds what verifying costs everybody else.
RSA_BITS = range(2048, 8193)
CURVES = ("secp256r1", "secp384r1", "secp521r1")


def public_key(der: bytes) -> PublicKey:
    """The key, once the request proves that its sender holds the private half."""
    if len(der) > MAX_BYTES:
        raise _refused(f"it has {len(der)} bytes, at most {MAX_BYTES} are read")
    try:
        request = x509.load_der_x509_csr(der)
        signed = request.is_signature_valid
        key = request.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise _refused("it is not a PKCS#10 request in DER") from error
    if not signed:
        raise _refused("its signature does not fit its public key")
    return _acceptable(key)


def fingerprint(key: PublicKey) -> str:
    """SHA-256 of the SubjectPublicKeyInfo, in hex."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))
    return digest.finalize().hex()


def _acceptable(key: object) -> PublicKey:
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in CURVES:
        return key
    if isinstance(key, rsa.RSAPublicKey) and key.key_size in RSA_BITS:
        return key
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    size = getattr(key, "key_size", "")
    raise _refused(f"its key ({type(key).__name__} {size}) is of a kind or size that is not accepted")


def _refused(why: str) -> IdentityError:
    return IdentityError("invalid", f"the certificate request is refused: {why}", "use a P-256 key (ECDSA)")
