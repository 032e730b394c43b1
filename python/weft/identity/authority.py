"""The built-in CA: one P-256 root per mesh, SVIDs as the SPIFFE X509-SVID standard wants them.

The trust domain stands in the root certificate itself and never changes.
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from weft.identity.errors import IdentityError
from weft.identity.files import private_directory, read_private, write_private
from weft.identity.requests import PublicKey
from weft.identity.spiffe import check_trust_domain, new_trust_domain

# As long as Istio's and Linkerd's self-signed roots; rotation by overlap comes long before.
ROOT_LIFE = datetime.timedelta(days=3650)
# A certificate is valid from before it was made: the clocks of two machines differ.
BACKDATE = datetime.timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Certificate:
    """One issued certificate with what must be remembered of it."""

    der: bytes
    serial: str
    not_before: float
    not_after: float


class Authority:
    """Holds the root key. `issue` is a few hundred microseconds of CPU and safe from any thread."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, root: x509.Certificate, also: Iterable[bytes] = ()) -> None:
        self._key = key
        self.root = root
        self.root_der = root.public_bytes(serialization.Encoding.DER)
        # The trust bundle: our root first, then others that are trusted while a root is rotated.
        self.roots: tuple[bytes, ...] = (self.root_der, *also)
        self.trust_domain = _trust_domain_of(root)

    @classmethod
    def open(cls, directory: Path, now: datetime.datetime, trust_domain: str | None = None) -> Authority:
        """Load the CA of this directory, or make it at the first start. `trust_domain` may be chosen only then."""
        private_directory(directory)
        if not (directory / "root.key").exists():
            _create(directory, trust_domain or new_trust_domain(), now)
        authority = cls.load(directory)
        if trust_domain not in (None, authority.trust_domain):
            raise IdentityError(
                "internal",
                f"this mesh has the trust domain {authority.trust_domain}, not {trust_domain}: it never changes",
                f"leave the option out, or begin a new mesh in another state directory than {directory.parent}",
            )
        return authority

    @classmethod
    def load(cls, directory: Path) -> Authority:
        """The CA that is in this directory."""
        try:
            key = serialization.load_pem_private_key(read_private(directory / "root.key"), None)
            root = x509.load_pem_x509_certificate((directory / "root.pem").read_bytes())
            also = [
                certificate.public_bytes(serialization.Encoding.DER)
                for path in sorted((directory / "also-trusted").glob("*.pem"))
                for certificate in x509.load_pem_x509_certificates(path.read_bytes())
            ]
        except (ValueError, TypeError, OSError) as error:
            raise IdentityError(
                "internal", f"the CA in {directory} cannot be read: {error}", "restore root.key and root.pem"
            ) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != root.public_key():
            raise IdentityError(
                "internal", f"root.key and root.pem in {directory} do not belong together", "restore both"
            )
        return cls(key, root, also)

    @property
    def root_sha256(self) -> str:
        return self.root.fingerprint(hashes.SHA256()).hex()

    def issue(
        self,
        key: PublicKey,
        spiffe_id: str,
        now: datetime.datetime,
        life: datetime.timedelta,
        addresses: Iterable[str] = (),
    ) -> Certificate:
        """An SVID: one URI SAN, no CA, digitalSignature, usable at both ends. `addresses` only for the controller."""
        begin, end = now - BACKDATE, min(now + life, self.root.not_valid_after_utc)
        serial = x509.random_serial_number()
        builder = (
            x509.CertificateBuilder(self.root.subject, _NAME, key, serial, begin, end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(ca=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(_BOTH_ENDS), critical=False)
            .add_extension(x509.SubjectAlternativeName(_names(spiffe_id, addresses)), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(_authority_key(self._key), critical=False)
        )
        der = builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
        return Certificate(der, f"{serial:x}", begin.timestamp(), float(int(end.timestamp())))


_NAME = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "weft")])
_BOTH_ENDS = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]


def _create(directory: Path, trust_domain: str, now: datetime.datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "weft"),
            # RFC 5280 upper bound of a common name: 64.
            x509.NameAttribute(NameOID.COMMON_NAME, f"root of {check_trust_domain(trust_domain)}"[:64]),
        ]
    )
    builder = (
        x509.CertificateBuilder(
            name, name, key.public_key(), x509.random_serial_number(), now - BACKDATE, now + ROOT_LIFE
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_key_usage(ca=True), critical=True)
        .add_extension(x509.SubjectAlternativeName(_names(f"spiffe://{trust_domain}", ())), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    root = builder.sign(key, hashes.SHA256())
    # The key last: its file is what says that the CA exists.
    write_private(directory / "root.pem", root.public_bytes(serialization.Encoding.PEM))
    write_private(directory / "root.key", private_pem(key))


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def pem(der: bytes) -> bytes:
    return x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM)


def _trust_domain_of(root: x509.Certificate) -> str:
    names = root.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    (uri,) = names.get_values_for_type(x509.UniformResourceIdentifier)
    return check_trust_domain(uri.removeprefix("spiffe://"))


def _names(spiffe_id: str, addresses: Iterable[str]) -> list[x509.GeneralName]:
    return [x509.UniformResourceIdentifier(spiffe_id), *map(_address, addresses)]


def _address(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _authority_key(key: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )
