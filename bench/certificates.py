"""A certificate authority for one run, and three identities under it.

P-256 and one SPIFFE ID in each leaf, as a mesh's CA would issue them
(https://github.com/spiffe/spiffe/blob/main/standards/X509-SVID.md). `stranger` is
as well certified as `client` and is allowed nothing: it proves that the caller's
identity is looked at and not only its certificate.
"""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TRUST_DOMAIN = "bench.test"
NAMES = ("client", "server", "stranger")


def spiffe_id(name: str) -> str:
    return f"spiffe://{TRUST_DOMAIN}/ns/default/sa/{name}"


@dataclass(frozen=True)
class Certificates:
    """Where the PEM files are."""

    folder: Path

    @property
    def roots(self) -> Path:
        return self.folder / "ca.pem"

    def chain(self, name: str) -> Path:
        return self.folder / f"{name}.pem"

    def key(self, name: str) -> Path:
        return self.folder / f"{name}.key"

    def both(self, name: str) -> Path:
        """Chain and key in one file: the form that HAProxy wants."""
        return self.folder / f"{name}.both.pem"


def make(folder: Path) -> Certificates:
    made = Certificates(folder)
    _openssl(
        *_self_signed(folder / "ca.key", made.roots, f"/O={TRUST_DOMAIN}/CN=root"),
        *("-addext", "basicConstraints=critical,CA:TRUE"),
        *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        *("-addext", f"subjectAltName=URI:spiffe://{TRUST_DOMAIN}"),
    )
    for name in NAMES:
        _issue(made, name)
    return made


def leaf_extensions(name: str) -> str:
    return "\n".join(
        [
            "basicConstraints=critical,CA:FALSE",
            "keyUsage=critical,digitalSignature",
            "extendedKeyUsage=serverAuth,clientAuth",
            f"subjectAltName=URI:{spiffe_id(name)}",
            "",
        ]
    )


def _issue(made: Certificates, name: str) -> None:
    request = made.folder / f"{name}.csr"
    extensions = made.folder / f"{name}.ext"
    extensions.write_text(leaf_extensions(name))
    _openssl(*_new_key(made.key(name), request), "-subj", f"/CN={name}")
    _openssl(
        *("x509", "-req", "-in", str(request), "-out", str(made.chain(name))),
        *("-CA", str(made.roots), "-CAkey", str(made.folder / "ca.key")),
        *("-CAcreateserial", "-days", "2", "-extfile", str(extensions)),
    )
    made.both(name).write_text(made.chain(name).read_text() + made.key(name).read_text())


def _self_signed(key: Path, out: Path, subject: str) -> Sequence[str]:
    return (*_new_key(key, out), "-x509", "-days", "2", "-subj", subject)


def _new_key(key: Path, out: Path) -> Sequence[str]:
    return (
        *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
        *("-nodes", "-keyout", str(key), "-out", str(out)),
    )


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=10)
