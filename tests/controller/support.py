"""What the tests of the controller share: entries without a compiler, and a proxy that is only its protocol."""

from __future__ import annotations

from collections.abc import Callable

from google.protobuf.any_pb2 import Any as AnyMessage

from weft.compiler.model import Key, Kind
from weft.controller.stream import ProxyStream
from weft.controller.topics import RANK, TYPE_PREFIX, Entry, Topics
from weft.resources.ref import Ref
from weft.v1 import discovery_pb2, program_pb2


def entry(kind: Kind, key: str, version: str, *needs: Key, requires: str = "", origin: str = "") -> Entry:
    message: program_pb2.Frontend | program_pb2.Backend = (
        program_pb2.Frontend(name=key, default_backend=version)
        if kind == "Frontend"
        else program_pb2.Backend(name=key, origin=version)
    )
    origins = frozenset([Ref.parse(origin)]) if origin else frozenset()
    return Entry(kind, key, version, message.SerializeToString(), needs, frozenset(requires.split()), origins)


def service(name: str, version: str = "1", *backends: str) -> list[Entry]:
    """A frontend, and what it names: its own backend, or `backends`."""
    named = backends or (name,)
    needs: list[Key] = [("Endpoints", f"default/{one}:80") for one in named]
    needs += [("Backend", f"default/{one}:80") for one in named]
    made = [entry("Frontend", f"default/{name}:80@*", f"{name}-f{version}", *needs)]
    if not backends:
        made += [entry(kind, key, f"{name}-{kind[0].lower()}{version}") for kind, key in needs]
    return made


class Proxy:
    """The other end of a `ProxyStream`: takes responses, checks the order, acknowledges or refuses.

    `log` is a transcript: "+ Endpoints default/a:80 = version", "- Backend default/a:80".
    """

    def __init__(self, topics: Topics, may_have: Callable[[Kind, str], bool] = lambda kind, name: True) -> None:
        self.topics, self.may_have = topics, may_have
        self.held: dict[Key, str] = {}
        self.needs: dict[Key, tuple[Key, ...]] = {}
        self.absent: set[Key] = set()
        self.refuse: set[str] = set()
        self.log: list[str] = []
        self.woken = 0
        self.connect()

    def connect(self) -> None:
        self.stream = ProxyStream(self.topics, self.may_have, self._wake)

    def _wake(self) -> None:
        self.woken += 1

    def send(
        self, kind: Kind, *subscribe: str, drop: tuple[str, ...] = (), features: str = "", held: bool = False
    ) -> None:
        request = discovery_pb2.DeltaDiscoveryRequest(
            type_url=TYPE_PREFIX + kind, resource_names_subscribe=subscribe, resource_names_unsubscribe=drop
        )
        if features:
            request.node.client_features.extend(features.split())
        if held:
            versions = {name: version for (k, name), version in self.held.items() if k == kind}
            versions |= {name: "" for k, name in self.absent if k == kind != "Frontend"}
            request.initial_resource_versions.update(versions)
        self.stream.receive(request)

    def take(self) -> discovery_pb2.DeltaDiscoveryResponse | None:
        data = self.stream.next_response()
        return None if data is None else discovery_pb2.DeltaDiscoveryResponse.FromString(data)

    def run(self) -> list[str]:
        """Take and answer everything; what was written to the log meanwhile."""
        begin = len(self.log)
        while (response := self.take()) is not None:
            self.answer(response)
        return self.log[begin:]

    def forget_what_is_not_in_force(self) -> None:
        """What a proxy lists after a reconnect: frontends that are complete, and what they name, present or absent."""
        known = self.held.keys() | self.absent
        self.needs = {key: needs for key, needs in self.needs.items() if known.issuperset(needs)}
        named = {need for needs in self.needs.values() for need in needs}
        self.held = {key: version for key, version in self.held.items() if key in self.needs or key in named}
        self.absent &= named

    def answer(self, response: discovery_pb2.DeltaDiscoveryResponse) -> None:
        kind = kind_of(response)
        rejected = [one for one in response.resources if one.version in self.refuse]
        for one in response.resources:
            if one not in rejected:
                self._apply(kind, one)
        for name in response.removed_resources:
            self._remove(kind, name)
        ack = discovery_pb2.DeltaDiscoveryRequest(type_url=response.type_url, response_nonce=response.nonce)
        if rejected:
            ack.error_detail.code = 3
            for one in rejected:
                packed = AnyMessage()
                packed.Pack(discovery_pb2.Rejected(name=one.name, version=one.version, reason="no", missing=["x"]))
                ack.error_detail.details.append(packed)
                self.log.append(f"! {kind} {one.name} = {one.version}")
        self.stream.receive(ack)

    def _apply(self, kind: Kind, resource: discovery_pb2.Resource) -> None:
        key = (kind, resource.name)
        self.held[key] = resource.version
        self.absent.discard(key)
        self.log.append(f"+ {kind} {resource.name} = {resource.version}")
        if kind == "Frontend":
            entry = self.topics.find(kind, resource.name)
            assert entry is not None
            self.needs[key] = entry.needs
            missing = [need for need in entry.needs if need not in self.held and need not in self.absent]
            known = (self.topics.find(*need) for need in missing)
            early = [one for one in known if one is not None and one.version not in self.refuse]
            assert not early, f"{key} came before {early}"

    def _remove(self, kind: Kind, name: str) -> None:
        self.held.pop((kind, name), None)
        self.absent.add((kind, name))
        self.log.append(f"- {kind} {name}")
        if kind == "Frontend":
            self.needs.pop((kind, name), None)


def kind_of(response: discovery_pb2.DeltaDiscoveryResponse) -> Kind:
    name = response.type_url.removeprefix(TYPE_PREFIX)
    return next(kind for kind in RANK if kind == name)
