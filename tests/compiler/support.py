"""A mesh in a few words: documents and workloads in, what they compile to out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.resources.support import document, one
from weft.compiler import Compiled, Discovered, PortInfo, Snapshot, Stored, WorkloadInfo, World, compile_all, core
from weft.compiler.index import Dirty, Index
from weft.resources import Resource

__all__ = ["TRUST", "compiled", "document", "index_of", "one", "snapshot", "status", "workload", "world"]

TRUST = "weft.local"


def service(name: str, spec: str = "{ports: [{port: 80, name: http}]}", namespace: str = "default") -> Resource:
    return one("Service", spec, name, namespace)


def route(name: str, rules: str, to: str = "a", namespace: str = "default", more: str = "") -> Resource:
    parent = f"{{group: '', kind: Service, name: {to}, namespace: default{more}}}"
    return one("HTTPRoute", f"{{parentRefs: [{parent}], rules: [{rules}]}}", name, namespace)


def traffic(name: str, spec: str, to: str = "a", more: str = "") -> Resource:
    return one("TrafficPolicy", f"{{targetRefs: [{{name: {to}{more}}}], {spec}}}", name)


def access(name: str, spec: str, namespace: str = "default") -> Resource:
    return one("AccessPolicy", spec, name, namespace)


def mesh(spec: str) -> Resource:
    return one("Mesh", spec)


def workload(name: str, of: str = "a", account: str | None = None, **more: Any) -> WorkloadInfo:
    """A healthy one with a proxy of this build; `account=""`: without a proxy."""
    namespace = more.pop("namespace", "default")
    account = of if account is None else account
    ports = more.pop("ports", (PortInfo(80, "127.0.0.1", 20_000),))
    values: dict[str, Any] = {
        "identity": f"spiffe://{TRUST}/ns/{namespace}/sa/{account}" if account else "",
        "capabilities": core.capabilities() if account else frozenset(),
        "health": "healthy",
        **more,
    }
    service_name = f"{namespace}/{of}" if of else ""
    return WorkloadInfo(f"{namespace}/{name}", namespace, service_name, ports=ports, **values)


def found(address: str = "192.0.2.7", port: int = 0, source: str = "dns db.example.com", **more: Any) -> Discovered:
    return Discovered(source, address, port, **more)


def snapshot(resources: Iterable[Resource], revision: int = 1, stored: bool = True) -> Snapshot:
    """Stored one after the other, or not yet."""
    return Snapshot(
        revision,
        {r.ref: Stored(r, revision, 100.0 + n if stored else 0.0) for n, r in enumerate(resources)},
    )


def world(*parts: WorkloadInfo | Discovered) -> World:
    """What was discovered is of the service default/a."""
    workloads = {p.name: p for p in parts if isinstance(p, WorkloadInfo)}
    discovered = tuple(p for p in parts if isinstance(p, Discovered))
    return World(workloads, TRUST, discovered={"default/a": discovered} if discovered else {})


def compiled(*parts: Resource | WorkloadInfo | Discovered, stored: bool = True) -> Compiled:
    resources = [p for p in parts if isinstance(p, Resource)]
    return compile_all(snapshot(resources, stored=stored), world(*(p for p in parts if not isinstance(p, Resource))))


def message(result: Compiled, kind: Any, key: str) -> Any:
    return result.delivered[kind, key].message


def index_of(*parts: Resource | WorkloadInfo) -> Index:
    index = Index()
    index.trust_domain = TRUST
    for ref, stored in snapshot(p for p in parts if isinstance(p, Resource)).resources.items():
        index.put(ref, stored, Dirty())
    for part in parts:
        if isinstance(part, WorkloadInfo):
            index.put_workload(part, Dirty())
    return index


def status(result: Compiled, resource: Resource) -> dict[str, str]:
    """Condition to "status reason"."""
    return {c.type: f"{c.status} {c.reason}" for c in result.statuses[resource.ref].conditions}
