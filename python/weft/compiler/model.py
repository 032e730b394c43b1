"""What goes into the compiler and what comes out: plain values, no behaviour beyond look-ups.

In:  a `Snapshot` (what users wrote, at one revision) and a `World` (what is true now and has no history).
Out: `Compiled`: delivered resources by (kind, key), and one `Status` per resource; or, incrementally, a `Delta`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from google.protobuf.message import Message

from weft.resources.base import Resource
from weft.resources.ref import Ref

if TYPE_CHECKING:
    from weft.compiler.index import Index

Kind: TypeAlias = Literal["Frontend", "Backend", "Endpoints", "Inbound", "Mesh"]
Key: TypeAlias = tuple[Kind, str]
Health: TypeAlias = Literal["healthy", "unhealthy", "unknown", "draining"]

# Part of every version: two compilers that lay content out differently never produce the same version by accident.
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Stored:
    """A resource and what the store knows about it."""

    resource: Resource
    # The store's revision at which it was last written; 0: not stored yet (`validate`, `diff`, `run --program`).
    revision: int = 0
    # Unix seconds. Route precedence: the oldest wins; what is not stored yet (0) counts as newest, in file order.
    created_at: float = 0.0
    # Counts changes of the spec.
    generation: int = 1
    # `apply --owner NAME`.
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All resources at one revision. The mapping's order is file order, and matters only among the not yet stored."""

    revision: int = 0
    resources: Mapping[Ref, Stored] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PortInfo:
    """Where other proxies reach one port of a workload."""

    # The service port, as clients know it.
    port: int
    address: str
    listen_port: int


@dataclass(frozen=True, slots=True)
class WorkloadInfo:
    """One registration, as its lease says now."""

    # "<namespace>/<workload>"
    name: str
    namespace: str
    # "<namespace>/<service>"; empty: a pure client.
    service: str = ""
    version: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    # The SPIFFE ID that it proved; empty: not meshed.
    identity: str = ""
    ports: tuple[PortInfo, ...] = ()
    health: Health = "unknown"
    zone: str = ""
    # What its proxy said it can do; empty for what has no proxy.
    capabilities: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Discovered:
    """One endpoint that a source named: nobody registers it, and no proxy reports on it."""

    # "dns db.example.com", "file /etc/weft/db.yaml"
    source: str
    address: str
    # 0: the service port.
    port: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    weight: int = 1
    # The SPIFFE ID to be proved on connect; empty: not meshed.
    identity: str = ""
    zone: str = ""
    # Lower is preferred.
    priority: int = 0
    health: Health = "healthy"
    # Its source does not name it any more, or names nothing at all: this is the last that it said.
    stale: bool = False


@dataclass(frozen=True, slots=True)
class World:
    """What is true now: registrations by "<namespace>/<workload>", what sources found, and the mesh's identity."""

    workloads: Mapping[str, WorkloadInfo] = field(default_factory=dict)
    trust_domain: str = "weft.local"
    # DER certificates; several while one is rotated.
    roots: tuple[bytes, ...] = ()
    # What sources named, by "<namespace>/<service>", complete for each.
    discovered: Mapping[str, tuple[Discovered, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivered:
    """One delivered resource. Its content is a function of its key only, never of the proxy that asks."""

    kind: Kind
    key: str
    # Hash of the canonical content and `SCHEMA`.
    version: str
    # Never changed after it was made.
    message: Message
    # What it names, in the order in which a proxy should have it: Endpoints, then Backends.
    needs: tuple[Key, ...] = ()
    # Union of all `requires` inside: what a proxy must be able to do to be given it.
    requires: frozenset[str] = frozenset()
    # The resources that shaped it.
    origins: frozenset[Ref] = frozenset()


ConditionType: TypeAlias = Literal["Accepted", "ResolvedRefs", "Programmed", "Enforced", "Discovered"]
ConditionStatus: TypeAlias = Literal["True", "False", "Unknown", "Partial"]


@dataclass(frozen=True, slots=True)
class Condition:
    type: ConditionType
    status: ConditionStatus
    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """What became of one resource. `Programmed n/m` is the controller's to add: only it knows who applied what."""

    ref: Ref
    conditions: tuple[Condition, ...] = ()

    def condition(self, type_: ConditionType) -> Condition | None:
        return next((c for c in self.conditions if c.type == type_), None)


def frontend_key(service: str, port: int, client_namespace: str = "*") -> str:
    """The key of a Frontend: `service` is "<namespace>/<service>"."""
    return f"{service}:{port}@{client_namespace}"


def backend_key(service: str, port: int, subset: str = "") -> str:
    """The key of a Backend and of its Endpoints."""
    return f"{service}:{port}[{subset}]" if subset else f"{service}:{port}"


@dataclass(frozen=True, slots=True)
class Compiled:
    """A whole program: everything that could be delivered to anybody."""

    revision: int
    delivered: Mapping[Key, Delivered]
    statuses: Mapping[Ref, Status]
    snapshot: Snapshot
    world: World
    # What each resource had a part in: "how many of the proxies that need it have applied it" begins here.
    by_origin: Mapping[Ref, Collection[Key]] = field(default_factory=dict)
    # For `weft.compiler.enforced`, which looks at callers and not at content.
    index: Index | None = field(default=None, repr=False, compare=False)

    def find(self, kind: Kind, key: str) -> Delivered | None:
        """What answers a request for `key`; None means absent.

        A Frontend exists for a client namespace only where that namespace has a consumer route; every other namespace
        is answered with the "@*" one, whose `name` and version stay as they are. Delivery sends it under the name that
        was asked for.
        """
        found = self.delivered.get((kind, key))
        if found is None and kind == "Frontend":
            found = self.delivered.get((kind, key.rpartition("@")[0] + "@*"))
        return found

    def frontend_key_for(self, service: str, port: int, client_namespace: str) -> str:
        """The key under which the content for clients in `client_namespace` stands."""
        own = frontend_key(service, port, client_namespace)
        return own if ("Frontend", own) in self.delivered else frontend_key(service, port)


@dataclass(frozen=True, slots=True)
class Delta:
    """What one update changed."""

    revision: int
    changed: Mapping[Key, Delivered] = field(default_factory=dict)
    removed: frozenset[Key] = frozenset()
    # Only those that changed; a resource that is gone has none.
    statuses: Mapping[Ref, Status] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.changed or self.removed or self.statuses)
