"""Who does what a resource asks for, and who cannot: the `Enforced` condition.

Asked for and not kept: it depends on every workload that could call, and would otherwise be worked out again for all
routes whenever one unmeshed registration comes or goes.
"""

from __future__ import annotations

from weft.compiler.accept import tls_of
from weft.compiler.attach import attachments
from weft.compiler.authorise import policies_for, rules_require
from weft.compiler.connect import serving
from weft.compiler.index import Index
from weft.compiler.model import Compiled, Condition, Status, WorkloadInfo
from weft.compiler.status import some
from weft.resources.accesspolicy import AccessPolicy
from weft.resources.httproute import HTTPRoute
from weft.resources.ref import Ref
from weft.resources.service import Service
from weft.resources.trafficpolicy import TrafficPolicy


def full_status(compiled: Compiled, ref: Ref) -> Status | None:
    """The compiler's status with `Enforced`; None: there is no such resource."""
    status = compiled.statuses.get(ref)
    condition = enforced(compiled, ref)
    if status is None or condition is None:
        return status
    return Status(ref, (*status.conditions, condition))


def enforced(compiled: Compiled, ref: Ref) -> Condition | None:
    """None for what nobody has to enforce, or what is not in force."""
    index = compiled.index
    stored = index.resources.get(ref) if index else None
    if index is None or stored is None:
        return None
    resource = stored.resource
    if isinstance(resource, AccessPolicy):
        return _protects(index, resource)
    if isinstance(resource, (HTTPRoute, TrafficPolicy)):
        return _steers(compiled, index, resource)
    return None


def _steers(compiled: Compiled, index: Index, resource: HTTPRoute | TrafficPolicy) -> Condition:
    """A caller's proxy steers: a caller without one, or with one that lacks something, goes its own way."""
    services = _targets(index, resource)
    consumer = isinstance(resource, HTTPRoute) and not any(s.namespace == resource.namespace for s in services)
    keys = compiled.by_origin.get(resource.ref, ())
    required = frozenset(name for key in keys for name in compiled.delivered[key].requires)
    # Where every port is strict, an unmeshed caller does not get in at all.
    open_ports = any(tls_of(index, s, p)[0] != "strict" for s in services for p in s.spec.ports)
    callers = (w for w in index.workloads.values() if not consumer or w.namespace == resource.namespace)
    missed = sorted(w.name for w in callers if _misses(w, required, open_ports))
    return _condition(missed, "CallersNotCovered", "not applied to calls from")


def _misses(caller: WorkloadInfo, required: frozenset[str], open_ports: bool) -> bool:
    if not caller.identity:
        return open_ports
    return not required <= caller.capabilities


def _targets(index: Index, resource: HTTPRoute | TrafficPolicy) -> list[Service]:
    if isinstance(resource, HTTPRoute):
        names = {a.service for a in attachments(index, resource) if a.ports}
    else:
        names = {f"{resource.namespace}/{t.name}" for t in resource.spec.target_refs}
    return [index.services[name] for name in sorted(names & index.services.keys())]


def _protects(index: Index, policy: AccessPolicy) -> Condition:
    """The callee's proxy protects: a workload whose proxy cannot is not admitted as an endpoint."""
    names = {f"{policy.namespace}/{t.name}" for t in policy.spec.target_refs} & index.services.keys()
    if not policy.spec.target_refs:
        names = set(index.services_in.get(policy.namespace, ()))
    required = rules_require(index, policy.ref)
    missed = []
    for service in (index.services[name] for name in names):
        for each in serving(index, service):
            able = each.info.identity and (not each.registered or required <= each.info.capabilities)
            if not able and policy.ref in policies_for(index, service, each.info):
                missed.append(each.info.name)
    return _condition(sorted(missed), "WorkloadsNotAdmitted", "cannot be enforced by, and so kept out")


def _condition(missed: list[str], reason: str, what: str) -> Condition:
    if not missed:
        return Condition("Enforced", "True", "Enforced")
    return Condition("Enforced", "Partial", reason, f"{what}: {some(missed)}")
