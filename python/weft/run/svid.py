"""How long what a proxy keeps in its state directory is worth: it writes the file (`control/state.rs`), both are of one
build."""

from __future__ import annotations

from pathlib import Path

# A line with a digest, then a protobuf message of the proxy's own, in which the certificates are field 2, leaf first.
MAGIC = b"weft-state 1 "
CHAIN = 2


def ends(file: Path) -> float:
    """When the SVID in it does, Unix seconds; 0: there is none, such as after a join that was refused."""
    from cryptography import x509
    from google.protobuf.empty_pb2 import Empty
    from google.protobuf.message import DecodeError
    from google.protobuf.unknown_fields import UnknownFieldSet

    try:
        head, _, body = file.read_bytes().partition(b"\n")
        if not head.startswith(MAGIC):
            return 0.0
        fields = UnknownFieldSet(Empty.FromString(body))
        every = (fields[i] for i in range(len(fields)))
        chain = [field.data for field in every if field.field_number == CHAIN]
        return x509.load_der_x509_certificate(chain[0]).not_valid_after_utc.timestamp() if chain else 0.0
    except (OSError, DecodeError, ValueError):
        return 0.0  # damaged: the proxy sets it aside, and joins again
