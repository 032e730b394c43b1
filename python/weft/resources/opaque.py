"""An HTTP field on a port that speaks no HTTP is an error, not a hole (S5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from weft.resources.accesspolicy import AccessPolicy
from weft.resources.service import Service, ServicePort


@dataclass(frozen=True, slots=True)
class Unseen:
    """Fields of one rule that cannot be seen on one port."""

    rule: int
    fields: tuple[str, ...]
    port: ServicePort
    service: Service

    def __str__(self) -> str:
        where = f"port {self.port.port} of Service {self.service.full_name}, which speaks {self.port.speaks}"
        return f"{', '.join(self.fields)} cannot be seen on {where}"


def covered_ports(policy: AccessPolicy, service: Service) -> tuple[ServicePort, ...]:
    """The ports of a service that a policy concerns, as far as that can be said without knowing the workloads."""
    if service.namespace != policy.namespace or policy.spec.selector is not None:
        return ()
    if not policy.spec.target_refs:
        return service.spec.ports
    targets = [t for t in policy.spec.target_refs if t.name == service.name]
    return tuple(p for p in service.spec.ports if any(p in service.meant(t.port, t.section_name) for t in targets))


def unseen(policy: AccessPolicy, service: Service) -> Iterator[Unseen]:
    """A selector chooses workloads, whose ports come and go: nothing to say ahead, the proxy closes."""
    for port in covered_ports(policy, service):
        if not port.opaque:
            continue
        for number, rule in enumerate(policy.spec.rules):
            fields = {name for o in rule.to if o.concerns(port.port) for name in o.http_fields}
            if fields:
                yield Unseen(number, tuple(sorted(fields)), port, service)
