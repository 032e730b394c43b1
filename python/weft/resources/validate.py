"""What can only be seen when resources are looked at together.

What contradicts something that is here is an error. What refers to something that is *not* here is a warning: it may
stand in another file, or be applied a minute later, and the object's status will say so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace

from weft.resources.accesspolicy import AccessPolicy
from weft.resources.base import Resource
from weft.resources.httproute import BackendRef, HTTPRoute, ParentRef, RouteMatch
from weft.resources.opaque import covered_ports, unseen
from weft.resources.problem import Problem, did_you_mean
from weft.resources.ref import Origin
from weft.resources.service import Service, ServicePort
from weft.resources.trafficpolicy import ServiceTarget, TrafficPolicy


def validate(resources: Iterable[Resource]) -> list[Problem]:
    """All problems between the resources, in their order; each has the `ref` that it is about."""
    everything = list(resources)
    services = _Services(r for r in everything if isinstance(r, Service))
    problems = [replace(p, ref=r.ref) for r in everything for p in _alone(r, services)]
    return problems + list(_same_targets(everything)) + list(_same_matches(everything))


class _Services(dict[str, Service]):
    """By "<namespace>/<name>"."""

    def __init__(self, services: Iterable[Service]) -> None:
        super().__init__((s.full_name, s) for s in services)
        self._by_namespace: defaultdict[str, list[Service]] = defaultdict(list)
        for service in self.values():
            self._by_namespace[service.namespace].append(service)

    def covered_by(self, policy: AccessPolicy) -> Iterable[Service]:
        """Those that it may concern: ten thousand policies do not look at ten thousand services each."""
        if not policy.spec.target_refs:
            return self._by_namespace.get(policy.namespace, [])
        names = {f"{policy.namespace}/{t.name}" for t in policy.spec.target_refs}
        return [self[name] for name in sorted(names & self.keys())]


def _alone(resource: Resource, services: _Services) -> Iterator[Problem]:
    if isinstance(resource, HTTPRoute):
        yield from _route(resource, services)
    elif isinstance(resource, TrafficPolicy):
        for target in resource.spec.target_refs:
            service, problem = _find(services, resource, f"{resource.namespace}/{target.name}")
            yield from problem
            if service is not None:
                yield from _port_of(service, target, resource.origin, "spec.targetRefs")
                yield from _subset_of(service, target.subset, resource.origin, "spec.targetRefs")
    elif isinstance(resource, AccessPolicy):
        yield from _access(resource, services)


def _find(services: _Services, resource: Resource, name: str) -> tuple[Service | None, list[Problem]]:
    found = services.get(name)
    if found is not None:
        return found, []
    problem = Problem.at(resource.origin, f"there is no Service {name} here", hint=did_you_mean(name, services))
    return None, [replace(problem, severity="warning")]


# --------------------------------------------------------------------------------------------------- routes


def _route(route: HTTPRoute, services: _Services) -> Iterator[Problem]:
    if route.spec.hostnames:
        why = "the route is attached to a Service"
        problem = Problem.at(route.origin, "hostnames are ignored", why, "remove them", "spec.hostnames")
        yield replace(problem, severity="warning")
    for parent in route.spec.parent_refs:
        service, problems = _find(services, route, f"{parent.namespace or route.namespace}/{parent.name}")
        yield from problems
        if service is not None:
            yield from _parent(route, service, parent)
    for number, rule in enumerate(route.spec.rules):
        for backend in rule.backend_refs:
            yield from _backend(route, number, backend, services)


def _parent(route: HTTPRoute, service: Service, parent: ParentRef) -> Iterator[Problem]:
    yield from _port_of(service, parent, route.origin, "spec.parentRefs")
    ports = service.meant(parent.port, parent.section_name)
    if ports and all(p.opaque for p in ports):
        yield _no_http(service, ports[0], route.origin, "spec.parentRefs")


def _backend(route: HTTPRoute, number: int, backend: BackendRef, services: _Services) -> Iterator[Problem]:
    origin = route.origin.of_rule(number) if route.origin else None
    field = f"spec.rules[{number}].backendRefs"
    service, problems = _find(services, route, f"{backend.namespace or route.namespace}/{backend.name}")
    yield from (replace(p, line=origin.line if origin else 0, field=field) for p in problems)
    if service is None:
        return
    port = service.port(backend.port)
    if port is None:
        yield _no_port(service, str(backend.port), origin, field)
    elif port.opaque:
        yield _no_http(service, port, origin, field)
    yield from _subset_of(service, backend.subset, origin, field)


def _port_of(
    service: Service, target: ServiceTarget | ParentRef, origin: Origin | None, field: str
) -> Iterator[Problem]:
    if not service.meant(target.port, target.section_name):
        yield _no_port(service, " ".join(str(v) for v in (target.port, target.section_name) if v), origin, field)


def _no_port(service: Service, port: str, origin: Origin | None, field: str) -> Problem:
    known = ", ".join(f"{p.port}" + (f" ({p.name})" if p.name else "") for p in service.spec.ports)
    return Problem.at(origin, f"Service {service.full_name} has no port {port}", hint=f"it has {known}", field=field)


def _no_http(service: Service, port: ServicePort, origin: Origin | None, field: str) -> Problem:
    what = f"Service {service.full_name} speaks {port.speaks} on port {port.port}"
    return Problem.at(origin, what, "an HTTPRoute needs HTTP, HTTP2 or GRPC", "see the Service's protocol", field)


def _subset_of(service: Service, subset: str | None, origin: Origin | None, field: str) -> Iterator[Problem]:
    if subset and service.subset(subset) is None:
        hint = did_you_mean(subset, (s.name for s in service.spec.subsets)) or "it has none"
        yield Problem.at(origin, f"Service {service.full_name} has no subset {subset}", hint=hint, field=field)


# --------------------------------------------------------------------------------------------------- access


def _access(policy: AccessPolicy, services: _Services) -> Iterator[Problem]:
    for target in policy.spec.target_refs:
        service, problems = _find(services, policy, f"{policy.namespace}/{target.name}")
        yield from problems
        if service is not None:
            yield from _port_of(service, target, policy.origin, "spec.targetRefs")
    for service in services.covered_by(policy):
        yield from _http_on_opaque(policy, service)
        yield from _unenforced(policy, service)
    for name in sorted(set(_callers(policy)) - services.keys()):
        why = f"its account is taken to be {name}"
        hint = did_you_mean(name, services)
        yield replace(Problem.at(policy.origin, f"there is no Service {name} here", why, hint), severity="warning")


def _http_on_opaque(policy: AccessPolicy, service: Service) -> Iterator[Problem]:
    http = ", ".join(str(p.port) for p in service.spec.ports if not p.opaque)
    hint = f"name the ports: ports: [{http}]" if http else "target services that speak HTTP"
    for found in unseen(policy, service):
        origin = policy.origin.of_rule(found.rule) if policy.origin else None
        yield Problem.at(origin, str(found), hint=hint, field=f"spec.rules[{found.rule}].to")


def _unenforced(policy: AccessPolicy, service: Service) -> Iterator[Problem]:
    if not covered_ports(policy, service):
        return
    for endpoint in service.spec.endpoints:
        if endpoint.identity is None:
            what = f"nothing can enforce it for endpoint {endpoint.address} of Service {service.full_name}"
            hint = "target the services that have proxies, or give the endpoint its identity"
            yield Problem.at(policy.origin, what, "no proxy stands before it", hint)
    for source in service.spec.discovery:
        # A file may give its endpoints identities; a DNS record cannot.
        if source.dns is not None:
            what = f"nothing can enforce it for what {source} finds for Service {service.full_name}"
            hint = "target the services that have proxies, or list the endpoints with identities in a file"
            yield Problem.at(policy.origin, what, "no proxy stands before it", hint)


def _callers(policy: AccessPolicy) -> Iterator[str]:
    for rule in policy.spec.rules:
        for source in rule.from_:
            for name in (*source.services, *source.not_services):
                yield name if "/" in name else f"{policy.namespace}/{name}"


# ------------------------------------------------------------------------------------------ two of the same


def _same_targets(resources: Iterable[Resource]) -> Iterator[Problem]:
    """Two TrafficPolicies on one target: the oldest holds, and among files nobody knows which that is."""
    seen: dict[tuple[object, ...], TrafficPolicy] = {}
    for policy in (r for r in resources if isinstance(r, TrafficPolicy)):
        for t in policy.spec.target_refs:
            first = seen.setdefault((policy.namespace, t.name, t.port, t.section_name, t.subset), policy)
            if first is not policy:
                why = "of two the older holds and the other is Conflicted"
                what = f"{first.ref} has the same target {t.name}"
                problem = Problem.at(policy.origin, what, why, "merge them", "spec.targetRefs")
                yield replace(problem, severity="warning", ref=policy.ref)


def _same_matches(resources: Iterable[Resource]) -> Iterator[Problem]:
    """Two routes that match the same on one frontend: the older one gets everything."""
    seen: dict[tuple[object, ...], HTTPRoute] = {}
    for route in (r for r in resources if isinstance(r, HTTPRoute)):
        mine: defaultdict[str, list[int]] = defaultdict(list)
        for number, rule in enumerate(route.spec.rules):
            for match in rule.matches or (RouteMatch(),):
                for parent in route.spec.parent_refs:
                    consumer = "" if parent.namespace in (None, route.namespace) else route.namespace
                    service = f"{parent.namespace or route.namespace}/{parent.name}"
                    first = seen.setdefault((consumer, service, parent.port, parent.section_name, match), route)
                    if first is not route:
                        mine[str(first.ref)].append(number)
        for other, numbers in mine.items():
            yield _shadowed(route, other, min(numbers))


def _shadowed(route: HTTPRoute, other: str, number: int) -> Problem:
    origin = route.origin.of_rule(number) if route.origin else None
    why = "the older of the two gets all of these requests"
    problem = Problem.at(origin, f"{other} has the same match", why, "make one more exact", f"spec.rules[{number}]")
    return replace(problem, severity="warning", ref=route.ref)
