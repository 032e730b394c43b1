"""What a real proxy has written is read in `tests/e2e/test_machines.py`: its machine starts again without a token."""

import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from weft.run.svid import ends


def identity(until: float, chain: int = 2) -> bytes:
    """A file as a proxy writes it: a key, a chain of so many certificates, the leaf of which ends then."""
    ders = [certificate(until), certificate(until + 1000)][:chain]
    fields = [field(1, b"key"), *(field(2, der) for der in ders), field(3, b"root"), b"\x20\x05"]
    return b"weft-state 1 digest\n" + b"".join(fields)


def field(number: int, content: bytes) -> bytes:
    """Protobuf, wire type 2: the length as a varint."""
    low, high = len(content) & 127, len(content) >> 7
    return bytes([number << 3 | 2, low | (128 if high else 0), *([high] if high else [])]) + content


def certificate(until: float) -> bytes:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    end = datetime.datetime.fromtimestamp(until, datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, end - datetime.timedelta(1), end)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def test_the_leaf_counts(tmp_path: Path) -> None:
    file = tmp_path / "identity"
    file.write_bytes(identity(5000.0))
    assert ends(file) == 5000.0


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"weft-state 1 digest\n",
        identity(5000.0, chain=0),  # a key that was made, and refused
        identity(5000.0)[:60],
        b"weft-state 2 digest\nlater",
        b"weft-state 1 digest\n" + field(2, b"no certificate"),
        b"weft-state 1 digest\n\xff\xff\xff",
    ],
)
def test_whatever_else_there_is_is_none(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "identity"
    assert ends(file) == 0.0
    file.write_bytes(content)
    assert ends(file) == 0.0
