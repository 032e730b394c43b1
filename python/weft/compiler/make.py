"""A message becomes a delivered resource: its version, what it needs, what it requires."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from google.protobuf.message import Message

from weft.compiler import tables
from weft.compiler.model import SCHEMA, Delivered, Key, Kind
from weft.resources.ref import Ref
from weft.v1 import program_pb2 as pb

# 64 bits: a version is compared with one other version of the same resource, never searched in a set.
_VERSION_BYTES = 8


def deliver(
    kind: Kind,
    message: pb.Frontend | pb.Backend | pb.Endpoints | pb.Inbound | pb.Mesh,
    needs: tuple[Key, ...] = (),
    requires: Iterable[str] = (),
    origins: Iterable[Ref] = (),
) -> Delivered:
    required = frozenset(requires)
    tables.assert_declared(kind, required)
    return Delivered(kind, message.name, version(kind, message), message, needs, required, frozenset(origins))


def version(kind: str, message: Message) -> str:
    """The same content has the same version in every process: no message of the contract contains a map."""
    content = message.SerializeToString(deterministic=True)
    return blake2b(content, digest_size=_VERSION_BYTES, person=f"{SCHEMA}/{kind}".encode()).hexdigest()
