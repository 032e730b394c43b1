"""`AccessPolicy`: who may call what. All of it protects, so the callee's proxy does it.

Deny, then allow, then the default: the mesh's, or deny once any `Allow` covers the workload. What is written here is
matched against exactly the bytes that are forwarded, so a value that no forwarded path can have is refused.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from weft.resources.base import Model, Resource
from weft.resources.trafficpolicy import ServiceTarget
from weft.resources.types import DnsLabel, Flag, HeaderName, IpBlock, Method, Port, Regex, wrong

_AMBIGUOUS = re.compile(r"//|%2f|%5c|%00|;|\\|\x00|[?#]", re.IGNORECASE)
_DOT_SEGMENT = re.compile(r"/\.{1,2}(/|$)")
_HOST = re.compile(r"(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*|\*")
_SERVICE = re.compile(r"([a-z0-9]([-a-z0-9]*[a-z0-9])?/)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_PRINCIPAL = re.compile(r"spiffe://[a-z0-9._-]+/ns/[a-z0-9.-]+/sa/[A-Za-z0-9._-]+")
_PREFIX = re.compile(r"(spiffe://[A-Za-z0-9._/-]*)?\*")
_GRPC_METHOD = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*/([A-Za-z_]\w*|\*)", re.ASCII)
_SEGMENT = re.compile(r"\{\*\}|[^{}*]+")


def unambiguous(path: str) -> str:
    """Such requests are answered 400 where an L7 rule applies: a rule about them would never be asked."""
    found = _AMBIGUOUS.search(path) or _DOT_SEGMENT.search(path)
    if found:
        raise wrong(f"the path {path!r} contains {found.group()!r}, which requests are refused for (400)")
    return path


def _absolute(path: str) -> str:
    if not path.startswith("/"):
        raise wrong(f"the path {path!r} does not start with /", f'write "/{path}"')
    if "*" in path:
        raise wrong(f"the path {path!r} contains *, which stands for itself here", "use prefix, suffix or template")
    return unambiguous(path)


def _template(path: str) -> str:
    if not path.startswith("/"):
        raise wrong(f"the template {path!r} does not start with /")
    segments = path[1:].split("/")
    for index, segment in enumerate(segments):
        last = index == len(segments) - 1
        if not (_SEGMENT.fullmatch(segment) or (last and segment in ("{**}", ""))):
            hint = "{*} is one whole segment, {**} any number of them and only at the end"
            raise wrong(f"the template {path!r} has the segment {segment!r}", hint)
    return unambiguous(path)


def _principal(value: str) -> str:
    exact = not value.endswith("*")
    if not (_PRINCIPAL if exact else _PREFIX).fullmatch(value):
        hint = "spiffe://<trust domain>/ns/<namespace>/sa/<account>; a * only at the end; services: takes service names"
        raise wrong(f"{value!r} is not a principal", hint)
    return value


def _host(value: str) -> str:
    value = value.lower()
    if not _HOST.fullmatch(value):
        raise wrong(f"{value!r} is not a host", "a name without port, *.name, or *")
    return value


def _service(value: str) -> str:
    if not _SERVICE.fullmatch(value):
        raise wrong(f"{value!r} is not a service", 'write "<namespace>/<service>", or its name alone in this namespace')
    return value


def _grpc_method(value: str) -> str:
    if not _GRPC_METHOD.fullmatch(value):
        hint = 'write "<package>.<Service>/<Method>", or * for all methods of a service'
        raise wrong(f"{value!r} is not a gRPC method", hint)
    return value


Principal = Annotated[str, AfterValidator(_principal)]
Host = Annotated[str, AfterValidator(_host)]
ServiceName = Annotated[str, AfterValidator(_service)]
GrpcMethod = Annotated[str, AfterValidator(_grpc_method)]


class PathCondition(Model):
    """Exactly one of them."""

    # The whole path, without query.
    exact: Annotated[str, AfterValidator(_absolute)] | None = None
    # Its beginning, of whole segments: /a is that of /a/b, and not of /ab.
    prefix: Annotated[str, AfterValidator(_absolute)] | None = None
    # Its end.
    suffix: Annotated[str, StringConstraints(min_length=1), AfterValidator(unambiguous)] | None = None
    # "{*}" is one segment, "{**}" any number, only at the end.
    template: Annotated[str, AfterValidator(_template)] | None = None

    @model_validator(mode="after")
    def _one(self) -> PathCondition:
        if sum(v is not None for v in (self.exact, self.prefix, self.suffix, self.template)) != 1:
            raise wrong("a path needs exactly one of exact, prefix, suffix, template")
        return self


class HeaderCondition(Model):
    # In any case.
    name: HeaderName
    # The whole value.
    exact: str | None = None
    # Its beginning.
    prefix: str | None = None
    # Its end.
    suffix: str | None = None
    # All of it matches.
    regex: Regex | None = None
    # Whatever it says.
    present: Literal[True] | None = None
    # Matches where the rest does not.
    invert: Flag = False

    @model_validator(mode="after")
    def _one(self) -> HeaderCondition:
        given = (self.exact, self.prefix, self.suffix, self.regex, self.present)
        if sum(v is not None for v in given) != 1:
            raise wrong("a header needs exactly one of exact, prefix, suffix, regex, present")
        return self


class Source(Model):
    """All given fields must match; within a field one value is enough. An empty one matches every caller."""

    # SPIFFE IDs; a `*` at the end stands for any end.
    principals: tuple[Principal, ...] = ()
    # Of the caller's identity.
    namespaces: tuple[DnsLabel, ...] = ()
    # "<namespace>/<service>", or a name in the policy's namespace: whoever holds an identity that may serve it.
    services: tuple[ServiceName, ...] = ()
    # The caller's address, as the callee's proxy sees it.
    ip_blocks: tuple[IpBlock, ...] = ()
    # None of these.
    not_principals: tuple[Principal, ...] = ()
    # None of these.
    not_namespaces: tuple[DnsLabel, ...] = ()
    # None of these.
    not_services: tuple[ServiceName, ...] = ()
    # None of these.
    not_ip_blocks: tuple[IpBlock, ...] = ()


class Operation(Model):
    """All given fields must match; within a field one value is enough. An empty one matches every request."""

    # The request's host, without port; `*.example.com` for what is below it.
    hosts: tuple[Host, ...] = ()
    # Service ports.
    ports: tuple[Port, ...] = ()
    # One of these.
    methods: tuple[Method, ...] = ()
    # One of these.
    paths: tuple[PathCondition, ...] = ()
    # "<package>.<Service>/<Method>" or "<package>.<Service>/*"; gRPC sends them as paths.
    grpc_methods: tuple[GrpcMethod, ...] = ()
    # All of them must match.
    headers: tuple[HeaderCondition, ...] = ()
    # None of these.
    not_hosts: tuple[Host, ...] = ()
    # None of these.
    not_ports: tuple[Port, ...] = ()
    # None of these.
    not_methods: tuple[Method, ...] = ()
    # None of these.
    not_paths: tuple[PathCondition, ...] = ()

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> Operation:
        if self.paths and self.grpc_methods:
            raise wrong("a gRPC method is a path: an operation has paths or grpcMethods", "make two operations")
        return self

    @property
    def http_fields(self) -> tuple[str, ...]:
        """The names of the fields that only HTTP has, as written in YAML."""
        names = ("hosts", "methods", "paths", "grpc_methods", "headers", "not_hosts", "not_methods", "not_paths")
        return tuple(type(self).model_fields[n].alias or n for n in names if getattr(self, n))

    def concerns(self, port: int) -> bool:
        return (not self.ports or port in self.ports) and port not in self.not_ports


class AccessRule(Model):
    """Matches when one of `from` matches (or there is none) and one of `to` matches (or there is none)."""

    # Callers; none: every caller.
    from_: tuple[Source, ...] = Field(default=(), alias="from", max_length=64)
    # Requests; none: every request.
    to: tuple[Operation, ...] = Field(default=(), max_length=64)


class Selector(Model):
    # Workloads that have all of these.
    labels: dict[str, str] = Field(min_length=1)


class AccessPolicySpec(Model):
    # Neither targetRefs nor selector: every workload of the namespace.
    target_refs: tuple[ServiceTarget, ...] = Field(default=(), max_length=16)
    # Workloads of the namespace by labels.
    selector: Selector | None = None
    # A Deny that matches stands above every Allow.
    action: Literal["Allow", "Deny"] = "Allow"
    # Decides nothing: counts and logs what it would have done.
    audit: Flag = False
    # An Allow without rules allows nothing, and so denies everything.
    rules: tuple[AccessRule, ...] = Field(default=(), max_length=256)

    @model_validator(mode="after")
    def _says_something(self) -> AccessPolicySpec:
        if self.target_refs and self.selector:
            raise wrong("a policy has targetRefs or a selector, not both", "make two policies")
        if self.action == "Deny" and not self.rules:
            raise wrong("a Deny without rules denies nothing", "rules: [{}] denies everything")
        return self


class AccessPolicy(Resource):
    KIND = "AccessPolicy"
    API_VERSIONS = ("weft/v1",)

    spec: AccessPolicySpec

    def rule_id(self, index: int) -> str:
        return f"{self.ref}/{index}"
