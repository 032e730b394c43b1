"""Table `authorise`: who may call a port of a workload. Deny, then allow, then the default; audit-only rules last."""

from __future__ import annotations

from weft.compiler.accept import DEFAULT_ORIGIN
from weft.compiler.index import MESH_REF, Index, in_namespace, labels_of
from weft.compiler.model import WorkloadInfo
from weft.compiler.requires import of_access
from weft.resources.accesspolicy import AccessPolicy, AccessRule, HeaderCondition, Operation, PathCondition, Source
from weft.resources.ref import Ref
from weft.resources.service import Service, ServicePort
from weft.v1 import program_pb2 as pb

_ACTIONS = {"Deny": pb.ACCESS_ACTION_DENY, "Allow": pb.ACCESS_ACTION_ALLOW}
_DEFAULTS = {"allow": pb.ACCESS_DEFAULT_ALLOW, "deny": pb.ACCESS_DEFAULT_DENY}


def policies_for(index: Index, service: Service, workload: WorkloadInfo) -> tuple[Ref, ...]:
    """The AccessPolicies that cover a workload, by name."""
    aimed = index.access_of.of(service.full_name)
    wide = index.access_wide.of(service.namespace)
    if not wide:
        return tuple(sorted(aimed)) if len(aimed) > 1 else tuple(aimed)
    return tuple(sorted(aimed | {ref for ref in wide if selects(index.access(ref), workload)}))


def selects(policy: AccessPolicy, workload: WorkloadInfo) -> bool:
    """Of a policy without targets: its selector's labels, or the whole namespace."""
    if policy.spec.selector is None:
        return True
    labels = labels_of(workload)
    return all(labels.get(name) == value for name, value in policy.spec.selector.labels.items())


def concerns_port(policy: AccessPolicy, service: Service, port: ServicePort) -> bool:
    targets = [t for t in policy.spec.target_refs if t.name == service.name]
    return not policy.spec.target_refs or any(port in service.meant(t.port, t.section_name) for t in targets)


def authorise(message: pb.InboundPort, index: Index, policies: tuple[Ref, ...]) -> None:
    """Fills `access`, `otherwise` and `path_safety`; `policies` are those that concern this port, in order of name."""
    chosen = [(ref, index.access(ref)) for ref in policies]
    for group in (_denying, _allowing, _auditing):
        for _, policy in chosen:
            if group(policy):
                message.access.extend(rules(index, policy))
    listed = [ref for ref, policy in chosen if _allowing(policy)]
    if listed:
        message.otherwise, message.otherwise_origin = pb.ACCESS_DEFAULT_DENY, str(listed[0])
    else:
        message.otherwise = _DEFAULTS[index.mesh.access.default]
        message.otherwise_origin = str(MESH_REF) if MESH_REF in index.resources else DEFAULT_ORIGIN
    message.path_safety = any(o.http_fields for _, policy in chosen for r in policy.spec.rules for o in r.to)


def _denying(policy: AccessPolicy) -> bool:
    return policy.spec.action == "Deny" and not policy.spec.audit


def _allowing(policy: AccessPolicy) -> bool:
    return policy.spec.action == "Allow" and not policy.spec.audit


def _auditing(policy: AccessPolicy) -> bool:
    return policy.spec.audit


def rules(index: Index, policy: AccessPolicy) -> list[pb.AccessRule]:
    return [_rule(index, policy, number, rule) for number, rule in enumerate(policy.spec.rules)]


def rules_require(index: Index, ref: Ref) -> frozenset[str]:
    """What a proxy must understand to enforce it."""
    known = index.access_requires.get(ref)
    if known is None:
        known = frozenset(name for rule in rules(index, index.access(ref)) for name in rule.requires)
        index.access_requires[ref] = known
    return known


def _rule(index: Index, policy: AccessPolicy, number: int, rule: AccessRule) -> pb.AccessRule:
    message = pb.AccessRule(
        rule_id=policy.rule_id(number),
        action=_ACTIONS[policy.spec.action],
        audit=policy.spec.audit,
        sources=[_source(index, policy.namespace, s) for s in rule.from_],
        operations=[_operation(o) for o in rule.to],
    )
    message.requires.extend(of_access(message))
    return message


def _source(index: Index, namespace: str, source: Source) -> pb.Source:
    return pb.Source(
        principals=source.principals,
        namespaces=source.namespaces,
        services=accounts_of(index, namespace, source.services),
        ip_blocks=source.ip_blocks,
        not_principals=source.not_principals,
        not_namespaces=source.not_namespaces,
        not_services=accounts_of(index, namespace, source.not_services),
        not_ip_blocks=source.not_ip_blocks,
    )


def accounts_of(index: Index, namespace: str, names: tuple[str, ...]) -> list[str]:
    """Services as "<namespace>/<service account>". One that is not declared is taken to have its default account."""
    accounts: list[str] = []
    for name in names:
        full = in_namespace(name, namespace)
        service = index.services.get(full)
        accounts += [f"{service.namespace}/{a}" for a in service.accounts] if service else [full]
    return sorted(set(accounts))


def _operation(operation: Operation) -> pb.Operation:
    return pb.Operation(
        hosts=operation.hosts,
        ports=operation.ports,
        methods=operation.methods,
        paths=[*map(_path, operation.paths), *map(_grpc_method, operation.grpc_methods)],
        headers=[_header(h) for h in operation.headers],
        not_hosts=operation.not_hosts,
        not_ports=operation.not_ports,
        not_methods=operation.not_methods,
        not_paths=[_path(p) for p in operation.not_paths],
    )


def _path(path: PathCondition) -> pb.PathMatch:
    return pb.PathMatch(exact=path.exact, prefix=path.prefix, suffix=path.suffix, template=path.template)


def _grpc_method(name: str) -> pb.PathMatch:
    """gRPC over HTTP/2, "Requests": the path is "/" service "/" method."""
    service, _, method = name.partition("/")
    return pb.PathMatch(template=f"/{service}/{{*}}") if method == "*" else pb.PathMatch(exact=f"/{name}")


def _header(header: HeaderCondition) -> pb.FieldMatch:
    return pb.FieldMatch(
        name=header.name,
        exact=header.exact,
        prefix=header.prefix,
        suffix=header.suffix,
        regex=header.regex,
        present=header.present,
        invert=header.invert,
    )
