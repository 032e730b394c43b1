"""`HTTPRoute`: Gateway API v1, mesh profile (a route attaches to a Service), with `subset` as our one extension.

A backendRef into another namespace needs no ReferenceGrant: in a mesh that grant would protect nothing, because any
client may call any service by name. Whether the call is let in is for the callee's AccessPolicy to say.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from weft.resources.base import Model, Resource
from weft.resources.filters import MAX_FIELDS, MAX_PATH, Filter
from weft.resources.types import (
    Count,
    DnsLabel,
    DnsName,
    Duration,
    Group,
    HeaderName,
    Method,
    Port,
    Time,
    Weight,
    linear_regex,
    once,
    wrong,
)

# Gateway API's own limits, which keep a frontend within reason.
MAX_RULES = 64
MAX_MATCHES = 64
MAX_BACKENDS = 64


class ParentRef(Model):
    # Gateway API's default kind is Gateway: leaving it out means a gateway there, so it cannot mean a Service here.
    group: str = "gateway.networking.k8s.io"
    # Only Service is one here.
    kind: str = "Gateway"
    # Else the route's own.
    namespace: DnsLabel | None = None
    # The service whose callers follow the route.
    name: DnsName
    # Else every port of the service.
    port: Port | None = None
    # The port by name.
    section_name: DnsName | None = None

    @model_validator(mode="after")
    def _is_a_service(self) -> ParentRef:
        if self.kind != "Service":
            hint = 'attach it to a Service: group: "", kind: Service'
            raise wrong(f"not supported yet: a route attached to a {self.kind}", hint)
        if self.group not in ("", "weft"):
            raise wrong(f"{self.group!r} has no kind Service", 'write group: ""')
        return self


class PathMatch(Model):
    # A prefix is one of whole segments: /a has /a/b in it, and not /ab.
    type: Literal["Exact", "PathPrefix", "RegularExpression"] = "PathPrefix"
    # The path, without query.
    value: str = Field(default="/", max_length=MAX_PATH)

    @model_validator(mode="after")
    def _can_match(self) -> PathMatch:
        if self.type == "RegularExpression":
            linear_regex(self.value)
        else:
            normal_path(self.value)
        return self


def normal_path(path: str) -> str:
    """Refuses a path that no forwarded request has (Gateway API, HTTPPathMatch)."""
    if not path.startswith("/"):
        raise wrong(f"the path {path!r} does not start with /", f'write "/{path}"')
    for part in ("//", "/./", "/../", "%2f", "%2F", "#", "?"):
        if part in path:
            raise wrong(f"the path {path!r} contains {part!r}, so that it could never match")
    if path.endswith(("/.", "/..")):
        raise wrong(f"the path {path!r} ends in a dot segment, so that it could never match")
    return path


class _ValueMatch(Model):
    # How `value` is meant.
    type: Literal["Exact", "RegularExpression"] = "Exact"

    @model_validator(mode="after")
    def _is_linear(self) -> _ValueMatch:
        if self.type == "RegularExpression":
            linear_regex(self.value)  # type: ignore[attr-defined]  # both subclasses have one
        return self


class HeaderMatch(_ValueMatch):
    # In any case.
    name: HeaderName
    # What the whole value is, or the pattern that all of it has.
    value: str = Field(min_length=1, max_length=4096)


class QueryMatch(_ValueMatch):
    # In its own case.
    name: str = Field(min_length=1, max_length=256)
    # What the whole value is, or the pattern that all of it has.
    value: str = Field(min_length=1, max_length=1024)


class RouteMatch(Model):
    """All given fields must match. No path given: every path."""

    # Else every path.
    path: PathMatch = PathMatch()
    # Else every method.
    method: Method | None = None
    # All of them.
    headers: tuple[HeaderMatch, ...] = Field(default=(), max_length=MAX_FIELDS)
    # All of them.
    query_params: tuple[QueryMatch, ...] = Field(default=(), max_length=MAX_FIELDS)

    @model_validator(mode="after")
    def _names_once(self) -> RouteMatch:
        once("headers", (h.name for h in self.headers))
        once("queryParams", (q.name for q in self.query_params))
        return self


class BackendRef(Model):
    # Core and weft's Service are the same.
    group: Group = ""
    # Only Service.
    kind: Literal["Service"] = "Service"
    # Else the route's own.
    namespace: DnsLabel | None = None
    # The service that requests are sent to.
    name: DnsName
    # A port of that service.
    port: Port
    # Our extension: one of the Service's `subsets`.
    subset: DnsLabel | None = None
    # Its share of the sum of all weights; 0 gets nothing.
    weight: Weight = 1
    # Header modifiers for this share alone.
    filters: tuple[Filter, ...] = Field(default=(), max_length=MAX_FIELDS)

    @model_validator(mode="after")
    def _filters_headers_only(self) -> BackendRef:
        once("filters", (f.type for f in self.filters))
        for each in self.filters:
            if each.type not in ("RequestHeaderModifier", "ResponseHeaderModifier"):
                raise wrong(f"not supported yet: {each.type} on a backend", "put it on the rule")
        return self


class Timeouts(Model):
    """Where it is written, "0s" is none."""

    # For the whole request, all tries included.
    request: Duration | None = None
    # For one try.
    backend_request: Duration | None = None

    @model_validator(mode="after")
    def _nested(self) -> Timeouts:
        if self.request and self.backend_request and self.backend_request > self.request:
            raise wrong("backendRequest is longer than request", "one try cannot outlast all of them")
        return self


class Retry(Model):
    """GEP-1731."""

    # Statuses that are tried again.
    codes: tuple[Annotated[int, Field(strict=True)], ...] = Field(default=(), max_length=64)
    # Tries after the first; else 2.
    attempts: Count | None = None
    # The base of the pause between two tries; else 25 ms.
    backoff: Time | None = None

    @model_validator(mode="after")
    def _codes_are_errors(self) -> Retry:
        for code in self.codes:
            if not 400 <= code <= 599:
                raise wrong(f"{code} is not an error status", "400 to 599")
        return self


class Rule(Model):
    NOT_YET: ClassVar[frozenset[str]] = frozenset({"sessionPersistence"})

    # Goes into the rule's id; without it the id has the rule's number.
    name: DnsName | None = None
    # One of them has to match; none: every request.
    matches: tuple[RouteMatch, ...] = Field(default=(), max_length=MAX_MATCHES)
    # What is changed on the way.
    filters: tuple[Filter, ...] = Field(default=(), max_length=MAX_FIELDS)
    # Where to, in shares by weight. None, and no redirect: answered 500.
    backend_refs: tuple[BackendRef, ...] = Field(default=(), max_length=MAX_BACKENDS)
    # Else those of a TrafficPolicy.
    timeouts: Timeouts | None = None
    # Else that of a TrafficPolicy.
    retry: Retry | None = None

    @model_validator(mode="after")
    def _filters_agree(self) -> Rule:
        once("filters", (f.type for f in self.filters))
        types = {f.type for f in self.filters}
        if {"RequestRedirect", "URLRewrite"} <= types:
            raise wrong("a rule either redirects or rewrites", "make two rules")
        if "RequestRedirect" in types and self.backend_refs:
            raise wrong("a rule that redirects has no backendRefs", "remove one of the two")
        if self._replaces_prefix() and any(m.path.type != "PathPrefix" for m in self.matches):
            raise wrong("ReplacePrefixMatch needs a PathPrefix in every match of its rule")
        return self

    def _replaces_prefix(self) -> bool:
        modifiers = (change.path for f in self.filters for change in (f.request_redirect, f.url_rewrite) if change)
        return any(m is not None and m.type == "ReplacePrefixMatch" for m in modifiers)

    def filter(self, kind: str) -> Filter | None:
        return next((f for f in self.filters if f.type == kind), None)


class HTTPRouteSpec(Model):
    NOT_YET: ClassVar[frozenset[str]] = frozenset({"useDefaultGateways"})

    # The services that it routes for.
    parent_refs: tuple[ParentRef, ...] = Field(min_length=1, max_length=32)
    # Read and ignored: Gateway API's rule for routes attached to a Service.
    hostnames: tuple[str, ...] = ()
    # By Gateway API's precedence, not by their order here; a request that matches none is answered 404.
    rules: tuple[Rule, ...] = Field(default=(Rule(),), min_length=1, max_length=MAX_RULES)

    @model_validator(mode="after")
    def _rule_names_once(self) -> HTTPRouteSpec:
        once("rules", (r.name for r in self.rules if r.name))
        return self


class HTTPRoute(Resource):
    KIND = "HTTPRoute"
    API_VERSIONS = ("gateway.networking.k8s.io/v1", "gateway.networking.k8s.io/v1beta1")

    spec: HTTPRouteSpec

    def rule_id(self, index: int) -> str:
        """Stable over reordering where the rule has a name; a name of digits could be mistaken for a number."""
        name = self.spec.rules[index].name
        return f"{self.ref}/{name if name and not name.isdigit() else index}"
