"""What is attached to what: the snapshot and the world, indexed by service, so that an update looks only at its own.

Every file of a table reads from here and from nowhere else. `put` and `drop` keep the index and say what has to be
compiled again (`Dirty`); nothing here knows how anything is compiled.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

from weft.compiler.model import Discovered, Stored, WorkloadInfo
from weft.resources.accesspolicy import AccessPolicy
from weft.resources.httproute import BackendRef, HTTPRoute, ParentRef
from weft.resources.mesh import MESH_NAME, Mesh, MeshSpec
from weft.resources.ref import Ref
from weft.resources.service import Service
from weft.resources.trafficpolicy import TrafficPolicy

# "<namespace>/<service>"
ServiceName: TypeAlias = str
# How old a resource is, for precedence; smaller wins.
Age: TypeAlias = tuple[bool, float, int, str]

MESH_REF = Ref("Mesh", "default", MESH_NAME)
# What holds while there is no Mesh.
DEFAULT_MESH = MeshSpec()


@dataclass(slots=True)
class Dirty:
    """What has to be compiled again."""

    frontends: set[ServiceName] = field(default_factory=set)
    backends: set[ServiceName] = field(default_factory=set)
    endpoints: set[ServiceName] = field(default_factory=set)
    # Every Inbound of the service's workloads.
    inbounds: set[ServiceName] = field(default_factory=set)
    # These workloads' own Inbound.
    workloads: set[str] = field(default_factory=set)
    mesh: bool = False
    statuses: set[Ref] = field(default_factory=set)


class Groups(defaultdict[str, set[Ref]]):
    """Refs by service or namespace; empty groups are not kept."""

    def __init__(self) -> None:
        super().__init__(set)

    def remove(self, key: str, ref: Ref) -> None:
        group = self.get(key)
        if group is not None:
            group.discard(ref)
            if not group:
                del self[key]

    def of(self, key: str) -> frozenset[Ref] | set[Ref]:
        """Never makes a group."""
        return self.get(key) or frozenset()


class Index:
    def __init__(self) -> None:
        self.resources: dict[Ref, Stored] = {}
        # File order, which counts only among resources that are not stored yet.
        self.order: dict[Ref, int] = {}
        self.services: dict[ServiceName, Service] = {}
        self.routes_to: Groups = Groups()  # routes by the service that they are attached to
        self.routes_using: Groups = Groups()  # routes by the services that they send to
        self.policies_of: Groups = Groups()  # TrafficPolicies by target
        self.access_of: Groups = Groups()  # AccessPolicies by target
        self.access_wide: Groups = Groups()  # those without a target (a selector, or all), by namespace
        self.access_naming: Groups = Groups()  # AccessPolicies by the services that they name as callers
        self.services_in: dict[str, set[ServiceName]] = defaultdict(set)
        self.workloads: dict[str, WorkloadInfo] = {}
        self.workloads_of: dict[ServiceName, dict[str, WorkloadInfo]] = defaultdict(dict)
        self.discovered: dict[ServiceName, tuple[Discovered, ...]] = {}
        # What a proxy must understand to enforce a policy, worked out once for all its workloads.
        self.access_requires: dict[Ref, frozenset[str]] = {}
        # Who is an endpoint and who is kept out, by service; dropped whenever its endpoints are compiled again.
        self.admissions: dict[ServiceName, list[Any]] = {}
        self.trust_domain = ""
        self.roots: tuple[bytes, ...] = ()

    # ------------------------------------------------------------------------------------------- look-ups

    @property
    def mesh(self) -> MeshSpec:
        stored = self.resources.get(MESH_REF)
        return cast(Mesh, stored.resource).spec if stored else DEFAULT_MESH

    def route(self, ref: Ref) -> HTTPRoute:
        return cast(HTTPRoute, self.resources[ref].resource)

    def policy(self, ref: Ref) -> TrafficPolicy:
        return cast(TrafficPolicy, self.resources[ref].resource)

    def access(self, ref: Ref) -> AccessPolicy:
        return cast(AccessPolicy, self.resources[ref].resource)

    def age(self, ref: Ref) -> Age:
        """Gateway API's tie-breakers: oldest, then namespace/name. What is not stored yet is newest, in file order."""
        stored = self.resources[ref]
        name = f"{ref.namespace}/{ref.name}"
        if stored.created_at:
            return (False, stored.created_at, 0, name)
        return (True, 0.0, self.order.get(ref, 0), name)

    # -------------------------------------------------------------------------------------------- changes

    def put(self, ref: Ref, stored: Stored, dirty: Dirty) -> None:
        self.drop(ref, dirty)
        self.resources[ref] = stored
        self._link(ref, stored, add=True)
        self._touch(ref, stored, dirty)

    def drop(self, ref: Ref, dirty: Dirty) -> None:
        stored = self.resources.get(ref)
        if stored is None:
            return
        self._touch(ref, stored, dirty)
        self._link(ref, stored, add=False)
        self.access_requires.pop(ref, None)
        del self.resources[ref]

    def put_workload(self, workload: WorkloadInfo, dirty: Dirty) -> None:
        self.drop_workload(workload.name, dirty)
        self.workloads[workload.name] = workload
        self.workloads_of[workload.service][workload.name] = workload
        _touch_workload(workload, dirty)

    def drop_workload(self, name: str, dirty: Dirty) -> None:
        workload = self.workloads.pop(name, None)
        if workload is not None:
            del self.workloads_of[workload.service][name]
            if not self.workloads_of[workload.service]:
                del self.workloads_of[workload.service]
            _touch_workload(workload, dirty)

    def set_discovered(self, name: ServiceName, found: tuple[Discovered, ...], dirty: Dirty) -> None:
        if self.discovered.get(name, ()) != found:
            dirty.endpoints.add(name)
        if found:
            self.discovered[name] = found
        else:
            self.discovered.pop(name, None)

    def touch_all(self, dirty: Dirty) -> None:
        """For what concerns everybody: the Mesh, the trust domain."""
        dirty.mesh = True
        for kind in (dirty.frontends, dirty.backends, dirty.endpoints):
            kind.update(self.services)
        dirty.inbounds.update(self.workloads_of)
        dirty.statuses.update(self.resources)

    def _link(self, ref: Ref, stored: Stored, *, add: bool) -> None:
        resource = stored.resource
        if isinstance(resource, Service):
            self._link_service(resource, add=add)
        for groups, key in _links(resource):
            group: Groups = getattr(self, groups)
            if add:
                group[key].add(ref)
            else:
                group.remove(key, ref)

    def _link_service(self, service: Service, *, add: bool) -> None:
        if add:
            self.services[service.full_name] = service
            self.services_in[service.namespace].add(service.full_name)
            return
        del self.services[service.full_name]
        self.services_in[service.namespace].discard(service.full_name)

    def _touch(self, ref: Ref, stored: Stored, dirty: Dirty) -> None:
        """Marks what `stored` has a part in, in the state that the index has now."""
        resource = stored.resource
        dirty.statuses.add(ref)
        if isinstance(resource, Service):
            self._touch_service(resource.full_name, dirty)
        elif isinstance(resource, HTTPRoute):
            dirty.frontends.update(name for name, _ in parents(resource))
        elif isinstance(resource, TrafficPolicy):
            self._touch_policy(resource, dirty)
        elif isinstance(resource, AccessPolicy):
            covered = self._covered(resource)
            dirty.endpoints |= covered
            dirty.inbounds |= covered
        elif isinstance(resource, Mesh):
            self.touch_all(dirty)

    def _touch_service(self, name: ServiceName, dirty: Dirty) -> None:
        for kind in (dirty.frontends, dirty.backends, dirty.endpoints, dirty.inbounds):
            kind.add(name)
        for ref in self.routes_using.of(name):
            dirty.frontends.update(parent for parent, _ in parents(self.route(ref)))
        for ref in self.access_naming.of(name):
            dirty.inbounds |= self._covered(self.access(ref))
        namespace = name.partition("/")[0]
        for group in (self.routes_using.of(name), self.routes_to.of(name), self.policies_of.of(name)):
            dirty.statuses |= group
        dirty.statuses |= self.access_naming.of(name) | self.access_of.of(name) | self.access_wide.of(namespace)

    def _touch_policy(self, policy: TrafficPolicy, dirty: Dirty) -> None:
        for target in policy.spec.target_refs:
            name = f"{policy.namespace}/{target.name}"
            dirty.frontends.add(name)
            dirty.backends.add(name)
            # Who else loses or wins the same target.
            dirty.statuses |= self.policies_of.of(name)

    def _covered(self, policy: AccessPolicy) -> set[ServiceName]:
        """The services that it can concern: a selector may choose workloads of any service of the namespace."""
        if policy.spec.target_refs:
            return {f"{policy.namespace}/{t.name}" for t in policy.spec.target_refs}
        return set(self.services_in.get(policy.namespace, ()))


def _touch_workload(workload: WorkloadInfo, dirty: Dirty) -> None:
    dirty.workloads.add(workload.name)
    if workload.service:
        dirty.endpoints.add(workload.service)


def _links(resource: object) -> Iterator[tuple[str, str]]:
    """(name of the group, key) of everything that a resource refers to."""
    if isinstance(resource, HTTPRoute):
        yield from (("routes_to", name) for name, _ in parents(resource))
        yield from (("routes_using", service_of(resource, b)) for r in resource.spec.rules for b in r.backend_refs)
    elif isinstance(resource, TrafficPolicy):
        yield from (("policies_of", f"{resource.namespace}/{t.name}") for t in resource.spec.target_refs)
    elif isinstance(resource, AccessPolicy):
        yield from (("access_of", f"{resource.namespace}/{t.name}") for t in resource.spec.target_refs)
        if not resource.spec.target_refs:
            yield ("access_wide", resource.namespace)
        yield from (("access_naming", name) for name in callers(resource))


def parents(route: HTTPRoute) -> Iterable[tuple[ServiceName, ParentRef]]:
    return ((f"{p.namespace or route.namespace}/{p.name}", p) for p in route.spec.parent_refs)


def service_of(route: HTTPRoute, backend: BackendRef) -> ServiceName:
    return f"{backend.namespace or route.namespace}/{backend.name}"


def callers(policy: AccessPolicy) -> Iterable[ServiceName]:
    """The services that its sources name."""
    for rule in policy.spec.rules:
        for source in rule.from_:
            for name in (*source.services, *source.not_services):
                yield in_namespace(name, policy.namespace)


def in_namespace(name: str, namespace: str) -> ServiceName:
    return name if "/" in name else f"{namespace}/{name}"


def labels_of(workload: WorkloadInfo) -> dict[str, str]:
    """What subsets and selectors match: the workload's labels, with its version as `version` unless it has that."""
    return {"version": workload.version, **workload.labels} if workload.version else dict(workload.labels)
