"""What became of each resource: a pure function of the index, asked again for what an update touched."""

from __future__ import annotations

from collections.abc import Iterable

from weft.compiler.attach import attachments, resolve_backend, targets_on, winners
from weft.compiler.connect import refusals
from weft.compiler.index import Index, callers
from weft.compiler.model import Condition, ConditionStatus, ConditionType, Status
from weft.resources.accesspolicy import AccessPolicy
from weft.resources.httproute import HTTPRoute
from weft.resources.opaque import unseen
from weft.resources.ref import Ref
from weft.resources.service import Service
from weft.resources.trafficpolicy import TrafficPolicy

# How many names a message holds; the rest is counted.
MAX_NAMED = 5


def status_of(index: Index, ref: Ref) -> Status:
    resource = index.resources[ref].resource
    match resource:
        case HTTPRoute():
            return Status(ref, (_route_accepted(index, resource), _route_resolved(index, resource)))
        case Service():
            return Status(ref, (_true("Accepted", "Accepted"), _registrations(index, resource)))
        case TrafficPolicy():
            return Status(ref, _policy(index, ref, resource))
        case AccessPolicy():
            return Status(ref, _access(index, resource))
    return Status(ref, (_true("Accepted", "Accepted"),))


def _true(type_: ConditionType, reason: str, message: str = "") -> Condition:
    return Condition(type_, "True", reason, message)


def _route_accepted(index: Index, route: HTTPRoute) -> Condition:
    found = list(attachments(index, route))
    bad = [a for a in found if a.reason]
    ignored = "hostnames are ignored: the route is attached to a Service" if route.spec.hostnames else ""
    if not bad:
        return _true("Accepted", "Accepted", ignored)
    status: ConditionStatus = "Partial" if any(a.ports for a in found) else "False"
    return Condition("Accepted", status, bad[0].reason, _sentences([*(a.message for a in bad), ignored]))


def _route_resolved(index: Index, route: HTTPRoute) -> Condition:
    found = [resolve_backend(index, route, b) for rule in route.spec.rules for b in rule.backend_refs]
    bad = [r for r in found if not r.key]
    if not bad:
        return _true("ResolvedRefs", "ResolvedRefs")
    return Condition("ResolvedRefs", "False", bad[0].reason, _sentences(r.message for r in bad))


def _registrations(index: Index, service: Service) -> Condition:
    """Who registered as this service and is no endpoint of it."""
    refused = refusals(index, service)
    if not refused:
        return _true("ResolvedRefs", "ResolvedRefs")
    return Condition("ResolvedRefs", "False", "RegistrationRefused", _sentences(refused))


def _policy(index: Index, ref: Ref, policy: TrafficPolicy) -> tuple[Condition, ...]:
    missing, lost = [], []
    for target in policy.spec.target_refs:
        service = index.services.get(f"{policy.namespace}/{target.name}")
        if service is None:
            missing.append(f"there is no Service {policy.namespace}/{target.name}")
            continue
        if not service.meant(target.port, target.section_name):
            missing.append(f"Service {service.full_name} has no port {target.port or target.section_name}")
        if target.subset and service.subset(target.subset) is None:
            missing.append(f"Service {service.full_name} has no subset {target.subset}")
        won = winners(index, service)
        lost += [str(won[t]) for t in targets_on(index, ref, service) if won[t] != ref]
    accepted = _true("Accepted", "Accepted")
    if lost:
        accepted = Condition("Accepted", "False", "Conflicted", f"older, for the same target: {some(lost)}")
    elif missing and len(missing) == len(policy.spec.target_refs):
        accepted = Condition("Accepted", "False", "TargetNotFound", _sentences(missing))
    resolved = Condition("ResolvedRefs", "False", "TargetNotFound", _sentences(missing))
    return accepted, resolved if missing else _true("ResolvedRefs", "ResolvedRefs")


def _access(index: Index, policy: AccessPolicy) -> tuple[Condition, ...]:
    missing = []
    for target in policy.spec.target_refs:
        service = index.services.get(f"{policy.namespace}/{target.name}")
        if service is None:
            missing.append(f"there is no Service {policy.namespace}/{target.name}")
        elif not service.meant(target.port, target.section_name):
            missing.append(f"Service {service.full_name} has no port {target.port or target.section_name}")
    unknown = [name for name in callers(policy) if name not in index.services]
    assumed = [f"Service {name} is not declared, its account is taken to be {name}" for name in sorted(set(unknown))]
    resolved = _true("ResolvedRefs", "AssumedAccounts" if assumed else "ResolvedRefs", _sentences(assumed))
    if missing:
        resolved = Condition("ResolvedRefs", "False", "TargetNotFound", _sentences(missing + assumed))
    return _can_be_judged(index, policy), resolved


def _can_be_judged(index: Index, policy: AccessPolicy) -> Condition:
    targets = {f"{policy.namespace}/{t.name}" for t in policy.spec.target_refs} & index.services.keys()
    names = targets or (set() if policy.spec.target_refs else index.services_in.get(policy.namespace, set()))
    hidden = [str(found) for name in sorted(names) for found in unseen(policy, index.services[name])]
    if not hidden:
        return _true("Accepted", "Accepted")
    message = f"{_sentences(hidden)}; until then such a rule closes: Deny matches there, Allow does not"
    return Condition("Accepted", "False", "HttpFieldOnOpaquePort", message)


def _sentences(parts: Iterable[str]) -> str:
    unique = list(dict.fromkeys(p for p in parts if p))
    more = len(unique) - MAX_NAMED
    return "; ".join(unique[:MAX_NAMED]) + (f"; and {more} more" if more > 0 else "")


def some(names: Iterable[str]) -> str:
    """The first of them by name, and how many more there are."""
    unique = sorted(set(names))
    more = len(unique) - MAX_NAMED
    return ", ".join(unique[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
