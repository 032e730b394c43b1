"""The names of what a rule needs a proxy to understand: `crates/core/src/capability.rs` has the same, closed, list.

Unknown protobuf fields vanish silently, and a condition that vanished is a wider rule. So every message that narrows,
protects or changes something lists the names of its parts; a proxy that lacks one refuses it. The names are read off
the finished message, so that what is sent and what is required cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Iterable

from weft.v1 import program_pb2 as pb


def of_entry(match: pb.RouteMatch) -> list[str]:
    names = {f"route.path.{path.removeprefix('path_')}" if (path := match.WhichOneof("path")) else "route.path.prefix"}
    if match.method:
        names.add("route.method")
    names |= _fields("route.header", match.headers) | _fields("route.query", match.query)
    return sorted(names)


def of_action(action: pb.RouteAction) -> list[str]:
    names = {f"route.{action.WhichOneof('target') or 'split'}"}
    parts = ("request_headers", "response_headers", "timeouts", "retry")
    names |= {f"route.{part.replace('_', '-')}" for part in parts if action.HasField(part)}
    if action.rewrite.host:
        names.add("route.rewrite.host")
    if action.rewrite.WhichOneof("path"):
        names.add("route.rewrite.path")
    if any(b.HasField("request_headers") or b.HasField("response_headers") for b in action.split.backends):
        names.add("route.split.headers")
    if action.split.HasField("sticky"):
        names.add(f"route.split.sticky.{action.split.sticky.WhichOneof('by')}")
    return sorted(names)


def of_frontend(message: pb.Frontend) -> frozenset[str]:
    lists = [e.requires for e in message.routes] + [a.requires for a in message.actions]
    return frozenset(name for names in (*lists, message.default_action.requires) for name in names)


def of_backend(message: pb.Backend) -> list[str]:
    kind = (message.balancer.WhichOneof("kind") or "peak_ewma").replace("_", "-")
    names = {f"balance.{kind}", "balance.outlier", "balance.retry-budget", "connect.timeout"}
    if message.idle_timeout_ms:
        names.add("connect.idle-timeout")
    return sorted(names)


def of_endpoints(endpoints: Iterable[pb.Endpoint]) -> frozenset[str]:
    names = set()
    for endpoint in endpoints:
        names.add("connect.mtls" if endpoint.identity else "connect.plaintext")
        if endpoint.weight > 1:
            names.add("balance.weight")
        if endpoint.priority:
            names.add("balance.priority")
    return frozenset(names)


def of_access(rule: pb.AccessRule) -> list[str]:
    names = {"access.deny" if rule.action == pb.ACCESS_ACTION_DENY else "access.allow"}
    if rule.audit:
        names.add("access.audit")
    for source in rule.sources:
        names |= _of_source(source)
    for operation in rule.operations:
        names |= _of_operation(operation)
    return sorted(names)


def of_inbound_port(port: pb.InboundPort) -> frozenset[str]:
    names = {name for rule in port.access for name in rule.requires}
    names.add(f"accept.tls.{pb.TlsMode.Name(port.tls).removeprefix('TLS_MODE_').lower()}")
    if port.HasField("timeouts"):
        names.add("deliver.timeouts")
    if port.HasField("health"):
        names.add(f"health.{(port.health.WhichOneof('kind') or '').partition('_')[0]}")
    return frozenset(names)


def of_mesh(message: pb.Mesh) -> list[str]:
    return ["mesh.refuse-unknown"] if message.refuse_unknown else []


def _fields(prefix: str, fields: Iterable[pb.FieldMatch]) -> set[str]:
    names = set()
    for field in fields:
        names.add(f"{prefix}.{field.WhichOneof('value')}")
        if field.invert:
            names.add(f"{prefix}.invert")
    return names


_SOURCES = {
    "principals": "access.principal",
    "namespaces": "access.namespace",
    "services": "access.service",
    "ip_blocks": "access.ip-block",
}
_OPERATIONS = {
    "hosts": "access.host",
    "ports": "access.port",
    "methods": "access.method",
    "headers": "access.header",
}


def _of_source(source: pb.Source) -> set[str]:
    names = set()
    for field, name in _SOURCES.items():
        if getattr(source, field):
            names.add(name)
        if getattr(source, f"not_{field}"):
            names |= {name, "access.not-source"}
    if any(p.endswith("*") for p in (*source.principals, *source.not_principals)):
        names.add("access.principal.prefix")
    return names


def _of_operation(operation: pb.Operation) -> set[str]:
    names = {name for field, name in _OPERATIONS.items() if getattr(operation, field)}
    for field in ("hosts", "ports", "methods"):
        if getattr(operation, f"not_{field}"):
            names |= {_OPERATIONS[field], "access.not-operation"}
    names |= {f"access.path.{p.WhichOneof('path')}" for p in (*operation.paths, *operation.not_paths)}
    if operation.not_paths:
        names.add("access.not-operation")
    return names
