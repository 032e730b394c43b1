"""What one proxy has of one topic, and what its answers mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from weft.compiler.model import Kind
from weft.controller.topics import RANK, TYPE_PREFIX, Topic
from weft.v1 import discovery_pb2

NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Rejection:
    version: str
    reason: str
    missing: tuple[str, ...] = ()


class Slot:
    """What one proxy has of one topic. Versions: "" is absent, None is nothing yet."""

    __slots__ = ("acked", "named_by", "needs", "needs_acked", "rejection", "sent", "wanted", "withheld")

    def __init__(self) -> None:
        self.sent: str | None = None
        self.acked: str | None = None
        self.rejection: Rejection | None = None
        # Asked for by name; otherwise only because `named_by` frontends name it.
        self.wanted = False
        self.named_by = 0
        # Of a Frontend: what the version sent names, and what the version applied names.
        self.needs: tuple[Topic, ...] = ()
        self.needs_acked: tuple[Topic, ...] = ()
        # Capabilities that the current version requires and the proxy lacks: it is not sent.
        self.withheld: frozenset[str] = NOTHING


class Refused(Exception):
    """The request cannot be part of this protocol; the stream ends."""


def rejections(detail: discovery_pb2.Status, sent: Iterable[tuple[Topic, str]]) -> Mapping[str, Rejection]:
    """By name. An engine that cannot say which one it means has rejected all of them."""
    found = {one.name: Rejection(one.version, one.reason, tuple(one.missing)) for one in _listed(detail)}
    return found or {topic.name: Rejection(version, detail.message) for topic, version in sent}


def _listed(detail: discovery_pb2.Status) -> Iterator[discovery_pb2.Rejected]:
    for one in detail.details:
        rejected = discovery_pb2.Rejected()
        if one.Unpack(rejected):
            yield rejected


def kind_of(type_url: str) -> Kind:
    name = type_url.removeprefix(TYPE_PREFIX)
    for kind in RANK:
        if kind == name:
            return kind
    raise Refused(f"there is no type {type_url!r}")
