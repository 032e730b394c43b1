"""An HTTP field on a port that speaks no HTTP is an error, not a hole (S5)."""

from __future__ import annotations

from collections.abc import Iterator

from weft.compiler.authorise import concerns_port
from weft.compiler.index import Index
from weft.resources.accesspolicy import AccessPolicy
from weft.resources.service import Service


def opaque_conflicts(index: Index, policy: AccessPolicy) -> list[str]:
    """Sentences, one per rule and port: empty when every rule can be judged wherever it holds."""
    if not any(o.http_fields for rule in policy.spec.rules for o in rule.to):
        return []
    return [sentence for service in _services(index, policy) for _, sentence in conflicts_with(policy, service)]


def conflicts_with(policy: AccessPolicy, service: Service) -> Iterator[tuple[int, str]]:
    """(number of the rule, sentence)"""
    for port in service.spec.ports:
        if not port.opaque or not concerns_port(policy, service, port):
            continue
        for number, rule in enumerate(policy.spec.rules):
            fields = {name for o in rule.to if o.concerns(port.port) for name in o.http_fields}
            if fields:
                where = f"port {port.port} of Service {service.full_name}, which speaks {port.speaks}"
                yield number, f"rule {number} asks for {', '.join(sorted(fields))} on {where}"


def _services(index: Index, policy: AccessPolicy) -> Iterator[Service]:
    """A selector chooses workloads, whose ports come and go: nothing to judge ahead, the proxy closes."""
    names = set() if policy.spec.selector else index.services_in.get(policy.namespace, set())
    if policy.spec.target_refs:
        names = names & {f"{policy.namespace}/{t.name}" for t in policy.spec.target_refs}
    yield from (index.services[name] for name in sorted(names))
