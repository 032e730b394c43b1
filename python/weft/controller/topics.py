"""What is in force, under each name that some proxy asks for.

A topic is a kind and a name as asked. Its content is shared by all who asked: encoded once, sent to a thousand streams
as the same bytes. A Frontend asked for as "…@shop" is answered with the content of "…@*" while that namespace has no
consumer route, under the name that was asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from google.protobuf.any_pb2 import Any as AnyMessage

from weft.compiler.model import Key, Kind
from weft.resources.ref import Ref
from weft.v1 import discovery_pb2

TYPE_PREFIX = "type.googleapis.com/weft.v1."
# Make-before-break: what is named travels before what names it. Mesh first: without its roots nothing can be verified.
ORDER: tuple[Kind, ...] = ("Mesh", "Inbound", "Endpoints", "Backend", "Frontend")
RANK: Mapping[Kind, int] = {kind: rank for rank, kind in enumerate(ORDER)}


@dataclass(frozen=True, slots=True)
class Entry:
    """One delivered resource as the compiler made it, already encoded."""

    kind: Kind
    key: str
    version: str
    # The message, serialised.
    content: bytes
    needs: tuple[Key, ...] = ()
    requires: frozenset[str] = frozenset()
    origins: frozenset[Ref] = frozenset()


class Subscriber(Protocol):
    def mark(self, topic: Topic) -> None:
        """The topic's entry changed."""


class Topic:
    """One name that is asked for. `entry` None: absent."""

    __slots__ = ("_fragment", "entry", "kind", "name", "subscribers")

    def __init__(self, kind: Kind, name: str, entry: Entry | None) -> None:
        self.kind, self.name, self.entry = kind, name, entry
        self.subscribers: set[Subscriber] = set()
        self._fragment = b""

    def __repr__(self) -> str:
        return f"{self.kind} {self.name}"

    @property
    def version(self) -> str:
        """ "" means absent."""
        return self.entry.version if self.entry else ""

    def fragment(self) -> bytes:
        """The resource as a field of DeltaDiscoveryResponse: appended as it is, since concatenated messages merge."""
        if not self._fragment and self.entry is not None:
            any_ = AnyMessage(type_url=TYPE_PREFIX + self.kind, value=self.entry.content)
            resource = discovery_pb2.Resource(version=self.entry.version, name=self.name, resource=any_)
            self._fragment = discovery_pb2.DeltaDiscoveryResponse(resources=[resource]).SerializeToString()
        return self._fragment

    def set(self, entry: Entry | None) -> None:
        if entry is not None and entry.version == self.version:
            self.entry = entry
            return
        if entry is None and self.entry is None:
            return
        self.entry, self._fragment = entry, b""
        for subscriber in self.subscribers:
            subscriber.mark(self)


class Topics:
    """The current program, and the topics that live streams have asked for."""

    def __init__(self) -> None:
        self.entries: dict[Key, Entry] = {}
        # False until the first program is known: until then nothing is absent, everything is pending.
        self.ready = False
        self._topics: dict[Key, Topic] = {}
        # Frontend topics by "…" of their "…@namespace": they share the content of "…@*".
        self._same_service: dict[str, set[Topic]] = {}
        self._by_origin: dict[Ref, set[Key]] = {}

    def topic(self, kind: Kind, name: str) -> Topic:
        found = self._topics.get((kind, name))
        if found is None:
            found = self._topics[kind, name] = Topic(kind, name, self.find(kind, name))
            if kind == "Frontend":
                self._same_service.setdefault(_service(name), set()).add(found)
        return found

    def find(self, kind: Kind, name: str) -> Entry | None:
        found = self.entries.get((kind, name))
        if found is None and kind == "Frontend":
            found = self.entries.get((kind, _service(name) + "@*"))
        return found

    def leave(self, topic: Topic, subscriber: Subscriber) -> None:
        """A topic that nobody asks for any more is forgotten."""
        topic.subscribers.discard(subscriber)
        if topic.subscribers or self._topics.get((topic.kind, topic.name)) is not topic:
            return
        del self._topics[topic.kind, topic.name]
        same = self._same_service.get(_service(topic.name)) if topic.kind == "Frontend" else None
        if same is not None:
            same.discard(topic)
            if not same:
                del self._same_service[_service(topic.name)]

    def update(self, changed: Iterable[Entry], removed: Iterable[Key] = ()) -> None:
        """Take a new program. Subscribers are told only of what has another version."""
        touched: list[Key] = []
        for key in removed:
            self._forget(key)
            touched.append(key)
        for entry in changed:
            self._forget((entry.kind, entry.key))
            self.entries[entry.kind, entry.key] = entry
            for ref in entry.origins:
                self._by_origin.setdefault(ref, set()).add((entry.kind, entry.key))
            touched.append((entry.kind, entry.key))
        for key in touched:
            for topic in self._affected(key):
                topic.set(self.find(topic.kind, topic.name))

    def replace(self, whole: Iterable[Entry]) -> None:
        """A whole program from a compiler that knows nothing of the last one."""
        entries = list(whole)
        kept = {(entry.kind, entry.key) for entry in entries}
        self.update(entries, [key for key in self.entries if key not in kept])

    def shaped_by(self, ref: Ref) -> list[Topic]:
        """The topics whose content one resource had a part in, of those that somebody has asked for."""
        found: dict[Key, Topic] = {}
        for key in self._by_origin.get(ref, ()):
            for topic in self._affected(key):
                if topic.entry is self.entries[key]:
                    found[topic.kind, topic.name] = topic
        return list(found.values())

    def _affected(self, key: Key) -> list[Topic]:
        kind, name = key
        if kind == "Frontend" and name.endswith("@*"):
            return list(self._same_service.get(_service(name), ()))
        topic = self._topics.get(key)
        return [topic] if topic else []

    def _forget(self, key: Key) -> None:
        old = self.entries.pop(key, None)
        for ref in old.origins if old else ():
            keys = self._by_origin[ref]
            keys.discard(key)
            if not keys:
                del self._by_origin[ref]


def _service(name: str) -> str:
    return name.rpartition("@")[0]
