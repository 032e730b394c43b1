"""What the tests of identity share."""

from __future__ import annotations

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.verification import PolicyBuilder, Store

from weft.identity.authority import Authority

NOW = datetime.datetime(2031, 5, 6, 7, 8, 9, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)


def authority(tmp_path: Path, trust_domain: str | None = "t.example") -> Authority:
    return Authority.open(tmp_path / "ca", NOW, trust_domain)


def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def csr(private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    """Its subject and names are lies: only the key may be believed."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "controller")])
    liar = x509.SubjectAlternativeName([x509.UniformResourceIdentifier("spiffe://t.example/ns/weft/sa/controller")])
    algorithm = None if isinstance(private, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    request = x509.CertificateSigningRequestBuilder().subject_name(name).add_extension(liar, critical=False)
    return request.sign(private, algorithm).public_bytes(serialization.Encoding.DER)


def uris(der: bytes) -> list[str]:
    names = x509.load_der_x509_certificate(der).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.UniformResourceIdentifier)


def verify_as_client(der: bytes, root_der: bytes, at: datetime.datetime = NOW) -> None:
    """The chain as an independent implementation sees it; raises when it is not valid."""
    store = Store([x509.load_der_x509_certificate(root_der)])
    PolicyBuilder().store(store).time(at).build_client_verifier().verify(x509.load_der_x509_certificate(der), [])
