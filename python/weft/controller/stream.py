"""One proxy's subscriptions: what it asked for, what it was sent, what it has applied. No sockets, no clock.

    receive(request)   subscribe, unsubscribe, ACK, NACK
    mark(topic)        the topic's content changed
    next_response()    the next message to write, or None

There is one set of pending topics and no queue: a slow proxy gets the newest version once, never all of them.

Order: updates before removals; among updates Mesh, Inbound, Endpoints, Backend, Frontend; among removals the reverse. A
Frontend brings what it names. What it no longer names is let go when the proxy has applied the Frontend that does not
name it, and not before: if it refuses, the old Frontend stays in force and still needs its endpoints.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping

from weft.compiler.model import Key, Kind
from weft.controller.shared import capability_set
from weft.controller.slots import NOTHING, Refused, Rejection, Slot, kind_of, rejections
from weft.controller.topics import ORDER, TYPE_PREFIX, Topic, Topics
from weft.v1 import discovery_pb2

# Responses that are not yet acknowledged; more wait, and melt together while they do.
MAX_UNACKNOWLEDGED = 16
# gRPC's default limit for a message is 4 MiB. One resource may be larger by itself; the clients' limit is above that.
MAX_RESPONSE_BYTES = 1 << 20
# The proxies' own limit is 1,000 frontends; with the backends and endpoints that they name this is out of reach.
MAX_NAMES = 16_000
MAX_NAME_BYTES = 600


class ProxyStream:
    """`may_have` decides who gets which Inbound. `wake` is called when there may be something to write."""

    def __init__(self, topics: Topics, may_have: Callable[[Kind, str], bool], wake: Callable[[], None]) -> None:
        self._topics, self._may_have, self._wake = topics, may_have, wake
        self.slots: dict[Topic, Slot] = {}
        # "<namespace>/<workload>", for people.
        self.node = ""
        self.features: frozenset[str] = frozenset()
        self._pending: set[Topic] = set()
        # Versions that a reconnected proxy says it holds ("": it knows it as absent), until it asks for them.
        self._held: dict[Key, str] = {}
        # Backends and Endpoints that it holds: kept up to date until every Frontend is in force, for the one in force
        # there may name what ours does not.
        self._kept: set[Topic] = set()
        self._asked_for_frontends = False
        self._unacknowledged: dict[str, tuple[tuple[Topic, str], ...]] = {}
        self._nonces = itertools.count(1)

    # ------------------------------------------------------------------------------------------------------- inputs

    def receive(self, request: discovery_pb2.DeltaDiscoveryRequest) -> list[tuple[Topic, Rejection]]:
        """What the proxy has just refused, if anything."""
        rejected: list[tuple[Topic, Rejection]] = []
        kind = kind_of(request.type_url)
        if request.HasField("node"):
            self._set_features(request.node.client_features)
        if request.initial_resource_versions:
            self._hold(kind, request.initial_resource_versions)
        for name in request.resource_names_unsubscribe:
            self._unsubscribe(kind, name)
        for name in request.resource_names_subscribe:
            self._subscribe(kind, name, held=name in request.initial_resource_versions)
        if request.response_nonce:
            rejected = self._acknowledge(request)
        self._asked_for_frontends |= kind == "Frontend"
        if self._pending or self._kept:
            self._wake()
        return rejected

    def mark(self, topic: Topic) -> None:
        self._pending.add(topic)
        self._wake()

    def refresh(self) -> None:
        """Look at everything again: the first program is there, or what the proxy may have changed."""
        self._pending.update(self.slots)
        self._wake()

    def close(self) -> None:
        for topic in self.slots:
            self._topics.leave(topic, self)
        self.slots.clear()
        self._pending.clear()

    # ------------------------------------------------------------------------------------------------------- output

    def next_response(self) -> bytes | None:
        if not self._topics.ready or len(self._unacknowledged) >= MAX_UNACKNOWLEDGED:
            return None
        while self._pending:
            self._name_needs()
            kind, updates = self._next_updates()
            if updates:
                return self._response(kind, updates, [])
            kind, removals = self._next_removals()
            if removals:
                return self._response(kind, [], removals)
        if self._kept and self._settled():
            kept, self._kept = self._kept, set()
            self._release(kept, tell=True)
            return self.next_response()
        return None

    @property
    def pending(self) -> list[Topic]:
        """What is not in force here yet, for people."""
        return [topic for topic, slot in self.slots.items() if slot.acked != topic.version]

    # --------------------------------------------------------------------------------------- subscriptions, in detail

    def _set_features(self, features: Iterable[str]) -> None:
        found = capability_set(features)
        if found != self.features:
            self.features = found
            self._pending.update(topic for topic, slot in self.slots.items() if slot.withheld)

    def _hold(self, kind: Kind, versions: Mapping[str, str]) -> None:
        if len(self._held) + len(versions) > MAX_NAMES:
            raise Refused(f"more than {MAX_NAMES} resources are held")
        for name, version in versions.items():
            self._held[kind, name] = version
            if kind in ("Backend", "Endpoints"):
                topic = self._topics.topic(kind, name)
                self._slot(topic).named_by += 1
                self._kept.add(topic)
                self._pending.add(topic)

    def _settled(self) -> bool:
        """The proxy runs our version of every Frontend: nothing else can be named."""
        frontends = (item for item in self.slots.items() if item[0].kind == "Frontend")
        return (
            self._asked_for_frontends
            and not self._unacknowledged
            and all(slot.acked == topic.version for topic, slot in frontends)
        )

    def _subscribe(self, kind: Kind, name: str, *, held: bool) -> None:
        if len(self.slots) >= MAX_NAMES or len(name) > MAX_NAME_BYTES:
            raise Refused(f"more than {MAX_NAMES} resources, or a name of more than {MAX_NAME_BYTES} bytes")
        topic = self._topics.topic(kind, name)
        known = topic in self.slots
        slot = self._slot(topic)
        if known and not held and slot.rejection is None:
            # Asked for again: it was lost on the other side, and is sent again (but not what was refused).
            slot.sent = slot.acked = None
        slot.wanted = True
        self._pending.add(topic)

    def _unsubscribe(self, kind: Kind, name: str) -> None:
        topic = self._topics.topic(kind, name)
        slot = self.slots.get(topic)
        if slot is None:
            self._topics.leave(topic, self)
            return
        slot.wanted = False
        self._drop_unused([topic], tell=False)

    def _slot(self, topic: Topic) -> Slot:
        slot = self.slots.get(topic)
        if slot is None:
            slot = self.slots[topic] = Slot()
            topic.subscribers.add(self)
            slot.sent = slot.acked = self._held.pop((topic.kind, topic.name), None)
        return slot

    def _drop_unused(self, topics: Iterable[Topic], *, tell: bool) -> None:
        """Let go what is neither asked for nor named. `tell`: the proxy does not know it yet."""
        for topic in topics:
            slot = self.slots.get(topic)
            if slot is None or slot.wanted or slot.named_by:
                continue
            if tell and slot.sent:
                # Stays until the removal is acknowledged.
                self._pending.add(topic)
                continue
            del self.slots[topic]
            self._pending.discard(topic)
            self._topics.leave(topic, self)
            self._release({*slot.needs, *slot.needs_acked}, tell=tell)

    def _release(self, needs: Iterable[Topic], *, tell: bool) -> None:
        released = list(needs)
        for topic in released:
            slot = self.slots.get(topic)
            if slot is not None:
                slot.named_by -= 1
        self._drop_unused(released, tell=tell)

    # ------------------------------------------------------------------------------------------ responses, in detail

    def _name_needs(self) -> None:
        """Every pending Frontend that can be sent asks for what it names."""
        for topic in [topic for topic in self._pending if topic.kind == "Frontend"]:
            slot = self.slots[topic]
            if topic.entry is None or not self._sendable(topic, slot):
                continue
            needs = tuple(self._topics.topic(kind, name) for kind, name in topic.entry.needs)
            new = [need for need in needs if need not in slot.needs and need not in slot.needs_acked]
            gone = [need for need in slot.needs if need not in needs and need not in slot.needs_acked]
            slot.needs = needs
            for need in new:
                self._slot(need).named_by += 1
                self._pending.add(need)
            if slot.acked == topic.version:
                slot.needs_acked = needs
            # Named only by a version that was never applied.
            self._release(gone, tell=True)

    def _next_updates(self) -> tuple[Kind, list[Topic]]:
        by_kind = self._pending_by_kind(removals=False)
        for kind in ORDER:
            if by_kind.get(kind):
                return kind, self._within_limit(sorted(by_kind[kind], key=_name))
        return "Mesh", []

    def _next_removals(self) -> tuple[Kind, list[Topic]]:
        by_kind = self._pending_by_kind(removals=True)
        for kind in reversed(ORDER):
            if by_kind.get(kind):
                return kind, sorted(by_kind[kind], key=_name)
        return "Mesh", []

    def _pending_by_kind(self, *, removals: bool) -> dict[Kind, list[Topic]]:
        """Pending topics that have something to say; the others stop being pending here."""
        found: dict[Kind, list[Topic]] = {}
        for topic in list(self._pending):
            slot = self.slots.get(topic)
            if slot is None or not self._news(topic, slot):
                self._pending.discard(topic)
            elif self._is_removal(topic, slot) is removals:
                found.setdefault(topic.kind, []).append(topic)
        return found

    def _news(self, topic: Topic, slot: Slot) -> bool:
        if self._is_removal(topic, slot):
            return slot.sent != ""
        return self._sendable(topic, slot) and slot.sent != topic.version

    def _is_removal(self, topic: Topic, slot: Slot) -> bool:
        unused = not slot.wanted and not slot.named_by
        return unused or topic.entry is None or not self._may_have(topic.kind, topic.name)

    def _sendable(self, topic: Topic, slot: Slot) -> bool:
        """Not what the proxy could not enforce: it keeps its last good one."""
        fits = topic.entry is None or topic.entry.requires <= self.features
        # Every difference of sets is a new object, the empty one too: sixty of them per stream are worth avoiding.
        slot.withheld = NOTHING if fits or topic.entry is None else topic.entry.requires - self.features
        return fits

    def _within_limit(self, topics: list[Topic]) -> list[Topic]:
        size = 0
        for count, topic in enumerate(topics):
            size += len(topic.fragment())
            if size > MAX_RESPONSE_BYTES and count:
                return topics[:count]
        return topics

    def _response(self, kind: Kind, updates: list[Topic], removals: list[Topic]) -> bytes:
        nonce = str(next(self._nonces))
        sent = (*((topic, topic.version) for topic in updates), *((topic, "") for topic in removals))
        for topic, version in sent:
            slot = self.slots[topic]
            slot.sent, slot.rejection = version, None
            self._pending.discard(topic)
        self._unacknowledged[nonce] = sent
        frame = discovery_pb2.DeltaDiscoveryResponse(
            type_url=TYPE_PREFIX + kind, nonce=nonce, removed_resources=[topic.name for topic in removals]
        )
        return b"".join((frame.SerializeToString(), *(topic.fragment() for topic in updates)))

    # --------------------------------------------------------------------------------------- acknowledgement, in detail

    def _acknowledge(self, request: discovery_pb2.DeltaDiscoveryRequest) -> list[tuple[Topic, Rejection]]:
        sent = self._unacknowledged.pop(request.response_nonce, None)
        if sent is None:
            return []
        rejected = rejections(request.error_detail, sent) if request.HasField("error_detail") else {}
        for topic, version in sent:
            slot = self.slots.get(topic)
            if slot is None:
                continue
            if topic.name in rejected:
                slot.rejection = rejected[topic.name]
            else:
                self._applied(topic, slot, version)
        self._wake()
        return [(topic, rejected[topic.name]) for topic, _ in sent if topic.name in rejected]

    def _applied(self, topic: Topic, slot: Slot, version: str) -> None:
        slot.acked = version
        if slot.sent != version:
            return  # A newer one is on its way already.
        if topic.kind == "Frontend":
            if version == "":
                slot.needs = ()
            gone = [need for need in slot.needs_acked if need not in slot.needs]
            slot.needs_acked = slot.needs
            self._release(gone, tell=True)
        if version == "":
            self._drop_unused([topic], tell=False)


def _name(topic: Topic) -> str:
    return topic.name
