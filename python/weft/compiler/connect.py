"""Table `connect`: who serves a backend now, and which identity each has to prove.

An endpoint was written into the service, found by one of its sources, or registered. It is one only when it is
*admitted*: it proved an identity that may serve the service, and it can enforce every rule that protects the service.
What is left out is named in the service's status, never dropped silently.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from weft.compiler.accept import tls_of
from weft.compiler.authorise import policies_for, rules_require
from weft.compiler.index import Index, ServiceName, labels_of
from weft.compiler.make import deliver
from weft.compiler.model import Delivered, Discovered, WorkloadInfo, backend_key
from weft.compiler.requires import of_endpoints
from weft.resources.ref import Ref
from weft.resources.service import Service, ServicePort, StaticEndpoint, Subset
from weft.v1 import program_pb2 as pb

HEALTH = {
    "healthy": pb.HEALTH_HEALTHY,
    "unhealthy": pb.HEALTH_UNHEALTHY,
    "unknown": pb.HEALTH_UNKNOWN,
    "draining": pb.HEALTH_DRAINING,
}


def endpoints(index: Index, name: ServiceName) -> Iterator[Delivered]:
    service = index.services.get(name)
    if service is None:
        return
    judged = admission(index, service)
    admitted = [each.serving for each in judged if each.refusal is None]
    policies = {ref for each in judged for ref in each.policies}
    for port in service.spec.ports:
        reached = [(labels_of(w.info), e) for w in admitted for e in _reached(w, port)]
        for subset in (None, *service.spec.subsets):
            chosen = [e for labels, e in reached if _in_subset(labels, subset)]
            key = backend_key(name, port.port, subset.name if subset else "")
            message = pb.Endpoints(name=key, endpoints=chosen)
            yield deliver("Endpoints", message, (), of_endpoints(chosen), {service.ref, *policies})


@dataclass(frozen=True, slots=True)
class Serving:
    """Who serves a service: a registration, an endpoint that the user wrote into it, or one that a source found."""

    info: WorkloadInfo
    static: StaticEndpoint | None = None
    discovered: Discovered | None = None

    @property
    def registered(self) -> bool:
        """Its proxy says what it can do. Of the others an identity is all that is known."""
        return self.static is None and self.discovered is None


def serving(index: Index, service: Service) -> list[Serving]:
    """The written ones first, then what was found, then the registered by name."""
    written = [_written(service, n, e) for n, e in enumerate(service.spec.endpoints)]
    found = [_found(service, e) for e in index.discovered.get(service.full_name, ())]
    registered = index.workloads_of.get(service.full_name, {})
    return [*written, *found, *(Serving(registered[name]) for name in sorted(registered))]


def _written(service: Service, number: int, endpoint: StaticEndpoint) -> Serving:
    name = f"{service.full_name}-static-{number}"
    # Nobody reports on it: outlier detection finds out.
    info = WorkloadInfo(
        name,
        service.namespace,
        service.full_name,
        endpoint.labels.get("version", ""),
        endpoint.labels,
        endpoint.identity or "",
        health="healthy",
        zone=endpoint.zone,
    )
    return Serving(info, endpoint)


def discovered_name(service: str, endpoint: Discovered) -> str:
    """The same for as long as it stays where it is. Colons end a name in keys: "default/db-2001-db8--7-5432"."""
    port = f"-{endpoint.port}" if endpoint.port else ""
    return f"{service}-{endpoint.address.replace(':', '-')}{port}"


def _found(service: Service, endpoint: Discovered) -> Serving:
    info = WorkloadInfo(
        discovered_name(service.full_name, endpoint),
        service.namespace,
        service.full_name,
        endpoint.labels.get("version", ""),
        endpoint.labels,
        endpoint.identity,
        health=endpoint.health,
        zone=endpoint.zone,
    )
    return Serving(info, discovered=endpoint)


@dataclass(frozen=True, slots=True)
class Admission:
    serving: Serving
    # The AccessPolicies that cover it.
    policies: tuple[Ref, ...]
    # Why it is not an endpoint; None: it is one.
    refusal: str | None


def admission(index: Index, service: Service) -> list[Admission]:
    """Who serves, and who is kept out: asked for the endpoints and again for the status, worked out once."""
    known: list[Admission] | None = index.admissions.get(service.full_name)
    if known is None:
        known = []
        for each in serving(index, service):
            policies = policies_for(index, service, each.info)
            known.append(Admission(each, policies, _refusal(index, service, each, policies)))
        index.admissions[service.full_name] = known
    return known


def identity_of(index: Index, namespace: str, account: str) -> str:
    return f"spiffe://{index.trust_domain}/ns/{namespace}/sa/{account}"


def _refusal(index: Index, service: Service, serving: Serving, policies: tuple[Ref, ...]) -> str | None:
    workload = serving.info
    if serving.static is None:
        accounts = service.accounts
        if workload.identity and workload.identity not in (identity_of(index, service.namespace, a) for a in accounts):
            claim = f"{'proved' if serving.registered else 'is said to be'} {workload.identity}"
            return f"{workload.name} {claim}, which may not serve it (identities: {_list(accounts)})"
        if not workload.identity and service.spec.identities:
            return f"{workload.name} proved no identity, and only {_list(accounts)} may serve it"
    if not workload.identity and (strict := _asked_strict(index, service)):
        return f"{workload.name} has no proxy, and {strict} asks for strict mTLS"
    return _unprotected(index, serving, policies)


def _asked_strict(index: Index, service: Service) -> str:
    """Only what the service asks for itself: a strict mesh still calls what is outside of it in plaintext."""
    modes = (tls_of(index, service, port) for port in service.spec.ports)
    return next((origin for mode, origin in modes if mode == "strict" and origin == str(service.ref)), "")


def _unprotected(index: Index, serving: Serving, policies: tuple[Ref, ...]) -> str | None:
    """A rule that protects and cannot be enforced keeps its workload out, instead of being dropped."""
    workload = serving.info
    for ref in policies:
        if not workload.identity:
            return f"{workload.name} has no proxy that could enforce {ref}"
        # Who is written down with an identity is taken at the user's word: its own proxy refuses what it does not know.
        lacking = rules_require(index, ref) - workload.capabilities if serving.registered else frozenset()
        if lacking:
            return f"the proxy of {workload.name} is too old for {ref} (it lacks {_list(sorted(lacking))})"
    return None


def refusals(index: Index, service: Service) -> list[str]:
    return [each.refusal for each in admission(index, service) if each.refusal]


def _reached(serving: Serving, port: ServicePort) -> Iterator[pb.Endpoint]:
    workload, static = serving.info, serving.static
    if static is not None:
        yield _endpoint(workload, static.address, static.port or port.port, static.weight)
    if (found := serving.discovered) is not None:
        yield _endpoint(workload, found.address, found.port or port.port, found.weight, found.priority)
    for reached in workload.ports:
        if reached.port == port.port:
            yield _endpoint(workload, reached.address, reached.listen_port)


def _endpoint(
    workload: WorkloadInfo, address: str, port: int, weight: int = 0, priority: int = 0
) -> pb.Endpoint:
    return pb.Endpoint(
        address=address,
        port=port,
        workload=workload.name,
        identity=workload.identity,
        weight=weight,
        health=HEALTH[workload.health],
        version=workload.version,
        zone=workload.zone,
        priority=priority,
    )


def _in_subset(labels: Mapping[str, str], subset: Subset | None) -> bool:
    return subset is None or all(labels.get(name) == value for name, value in subset.labels.items())


def _list(words: Iterable[str]) -> str:
    return ", ".join(words)
