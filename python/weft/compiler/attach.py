"""Which route stands on which port for whom, and which policy block holds where: precedence without any content.

Gateway API's mesh profile: a route in the service's namespace is a *producer* route, for everybody. A route in another
namespace is a *consumer* route: it replaces the producer's for clients in its own namespace and is never merged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from weft.compiler.index import Index, ServiceName, parents
from weft.compiler.model import backend_key
from weft.resources.httproute import BackendRef, HTTPRoute
from weft.resources.ref import Ref
from weft.resources.service import Service, ServicePort


@dataclass(frozen=True, slots=True)
class Attachment:
    """One parentRef of a route and what came of it."""

    service: ServiceName
    ports: tuple[int, ...] = ()
    # Why there is none, or not all: reason and sentence.
    reason: str = ""
    message: str = ""


def attachments(index: Index, route: HTTPRoute) -> Iterator[Attachment]:
    for name, parent in parents(route):
        service = index.services.get(name)
        if service is None:
            yield Attachment(name, (), "NoMatchingParent", f"there is no Service {name}")
            continue
        meant = service.meant(parent.port, parent.section_name)
        if not meant:
            yield Attachment(name, (), "NoMatchingParent", f"Service {name} has no port {_meant(parent)}")
            continue
        http = tuple(p.port for p in meant if not p.opaque)
        # Without a port a route means those that speak HTTP; naming an opaque one is a mistake.
        if not http or (len(http) < len(meant) and (parent.port or parent.section_name)):
            speaks = ", ".join(f"{p.port} ({p.speaks})" for p in meant if p.opaque)
            yield Attachment(name, http, "UnsupportedProtocol", f"Service {name} speaks no HTTP on port {speaks}")
            continue
        yield Attachment(name, http)


def _meant(target: Any) -> str:
    return " ".join(str(part) for part in (target.port, target.section_name) if part)


def routes_at(index: Index, service: Service, port: int) -> dict[str, list[Ref]]:
    """Routes by the client namespace that they hold for; "*": the producer's, for everybody without one."""
    found: dict[str, list[Ref]] = {}
    for ref in index.routes_to.of(service.full_name):
        if any(port in a.ports for a in attachments(index, index.route(ref)) if a.service == service.full_name):
            found.setdefault("*" if ref.namespace == service.namespace else ref.namespace, []).append(ref)
    for refs in found.values():
        refs.sort(key=index.age)
    return found


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a backendRef leads to: a key, or the reason why there is none."""

    key: str = ""
    reason: str = ""
    message: str = ""


def resolve_backend(index: Index, route: HTTPRoute, backend: BackendRef) -> Resolved:
    """A reference into another namespace needs no ReferenceGrant: whether the call is let in is the callee's to say."""
    name = f"{backend.namespace or route.namespace}/{backend.name}"
    service = index.services.get(name)
    if service is None:
        return Resolved("", "BackendNotFound", f"there is no Service {name}")
    port = service.port(backend.port)
    if port is None:
        known = ", ".join(str(p.port) for p in service.spec.ports)
        return Resolved("", "BackendNotFound", f"Service {name} has no port {backend.port} (it has {known})")
    if port.opaque:
        return Resolved("", "UnsupportedProtocol", f"Service {name} speaks {port.speaks} on port {port.port}, not HTTP")
    if backend.subset and service.subset(backend.subset) is None:
        return Resolved("", "BackendNotFound", f"Service {name} has no subset {backend.subset}")
    return Resolved(backend_key(name, backend.port, backend.subset or ""))


# ------------------------------------------------------------------------------------------- TrafficPolicy


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """What a TrafficPolicy aims at; a larger one is more specific."""

    subset: str = ""
    port: int = 0


def targets_on(index: Index, ref: Ref, service: Service) -> Iterator[Target]:
    """The targets of a policy on this service; a reference to a port that is not there yields none."""
    policy = index.policy(ref)
    for target in policy.spec.target_refs:
        if target.name != service.name:
            continue
        if not (target.port or target.section_name):
            yield Target(target.subset or "")
        else:
            yield from (Target(target.subset or "", p.port) for p in service.meant(target.port, target.section_name))


def winners(index: Index, service: Service) -> dict[Target, Ref]:
    """Of several policies on the same target the oldest; the others are Conflicted."""
    won: dict[Target, Ref] = {}
    for ref in sorted(index.policies_of.of(service.full_name), key=index.age):
        for target in targets_on(index, ref, service):
            won.setdefault(target, ref)
    return won


class Effective:
    """The blocks that hold for one service, port and subset, and who set them."""

    def __init__(self, index: Index, service: Service, port: ServicePort | int, subset: str = "") -> None:
        number = port if isinstance(port, int) else port.port
        won = winners(index, service)
        holding = [t for t in won if t.port in (0, number) and t.subset in ("", subset)]
        self._policies = [(won[t], index.policy(won[t]).spec) for t in sorted(holding, reverse=True)]
        # Those that a block was taken from.
        self.origins: set[Ref] = set()

    def block(self, name: str) -> Any:
        """The most specific policy's block of that name, or None."""
        for ref, spec in self._policies:
            value = getattr(spec, name)
            if value is not None:
                self.origins.add(ref)
                return value
        return None
