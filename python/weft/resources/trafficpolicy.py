"""`TrafficPolicy`: how callers talk to a service. All of it steers, so the caller's proxy does it.

A block (`timeouts`, `retry`, …) that a more specific policy sets replaces the whole block of a less specific one:
subset of a port > subset > port > service. A route's own `timeouts` and `retry` stand above all of them.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from weft.resources.base import Model, Resource
from weft.resources.types import (
    AtLeastOne,
    CookieName,
    Count,
    DnsLabel,
    DnsName,
    Duration,
    Flag,
    Group,
    HeaderName,
    Method,
    OnePercent,
    Percent,
    Port,
    Time,
    wrong,
)

RetryOn: TypeAlias = Literal["reset", "5xx", "gateway-error", "connect-failure", "timeout"]
BalancerKind: TypeAlias = Literal["peak-ewma", "round-robin", "random", "least-request"]


class ServiceTarget(Model):
    """A service of the policy's own namespace: policy over other people's services is not one's to write."""

    # Core and weft's Service are the same.
    group: Group = ""
    # Only Service.
    kind: Literal["Service"] = "Service"
    # The service.
    name: DnsName
    # Else all of its ports.
    port: Port | None = None
    # The port by name.
    section_name: DnsLabel | None = None


class TrafficTarget(ServiceTarget):
    # Else the whole service.
    subset: DnsLabel | None = None


class TrafficTimeouts(Model):
    """What is left out keeps the mesh's default; for `request`, `backendRequest` and `streamIdle`, "0s" is none."""

    # For the whole request, all tries included; else none.
    request: Duration | None = None
    # For one try; else none.
    backend_request: Duration | None = None
    # A connect without an end would hold a request for minutes.
    connect: Time | None = None
    # An idle connection is closed after it.
    idle: Time | None = None
    # A stream without a byte either way is ended after it.
    stream_idle: Duration | None = None

    @model_validator(mode="after")
    def _nested(self) -> TrafficTimeouts:
        if self.request and self.backend_request and self.backend_request > self.request:
            raise wrong("backendRequest is longer than request", "one try cannot outlast all of them")
        return self


class Backoff(Model):
    # Full jitter between 0 and min(max, base · 2ⁿ).
    base: Time = 25
    # No pause is longer.
    max: Time = 250

    @model_validator(mode="after")
    def _ordered(self) -> Backoff:
        if self.base > self.max:
            raise wrong("backoff base must be at most max")
        return self


class TrafficRetry(Model):
    """What is provably unprocessed is retried without being asked for; all here is beyond that."""

    # Tries after the first.
    attempts: Annotated[int, Field(strict=True, ge=0, le=20)] = 2
    # Kinds of failure that are tried again.
    retry_on: tuple[RetryOn, ...] = ()
    # Statuses that are tried again.
    codes: tuple[Annotated[int, Field(strict=True, ge=400, le=599)], ...] = Field(default=(), max_length=64)
    # gRPC statuses, by number, that are tried again.
    grpc_statuses: tuple[Annotated[int, Field(strict=True, ge=1, le=16)], ...] = Field(default=(), max_length=16)
    # Empty: GET, HEAD, OPTIONS.
    methods: tuple[Method, ...] = ()
    # For one try.
    per_try_timeout: Time | None = None
    # The pause between two tries.
    backoff: Backoff = Backoff()
    # Retry-After counts in seconds. A server that asks for more than this is not waited for: the caller decides.
    retry_after_max: Time = 1_000
    # A larger body is streamed and not retried. 64 KiB: Linkerd's choice.
    body_bytes: Annotated[int, Field(strict=True, ge=1, le=1024 * 1024)] = 65_536


class RetryBudget(Model):
    """A retry storm cannot exist: retries stay below this share of requests (Finagle's figures)."""

    # Of the requests in the window.
    percent: Percent = 20
    # So many are free, however few requests there are.
    min_per_second: Count = 10
    # How far back requests count.
    window: Annotated[Duration, Field(ge=1_000, le=60_000)] = 10_000


class Balancer(Model):
    # How an endpoint is chosen.
    kind: BalancerKind = "peak-ewma"
    # Of peak-ewma only: how fast a latency peak is forgotten, and what an endpoint not yet measured is thought to take.
    decay: Time | None = None
    # See `decay`.
    default_rtt: Time | None = None

    @model_validator(mode="after")
    def _ewma_only(self) -> Balancer:
        if self.kind != "peak-ewma" and (self.decay is not None or self.default_rtt is not None):
            raise wrong(f"decay and defaultRtt belong to peak-ewma, not to {self.kind}")
        return self


class OutlierDetection(Model):
    """So many failures in a row, or a success rate below this, ejects. `maxEjectedPercent` is rounded down."""

    # Nobody is ejected.
    disabled: Flag = False
    # 5xx, no connection, reset or timeout, in a row.
    consecutive_failures: AtLeastOne = 5
    # Percent; below it within the window.
    success_rate: OnePercent = 80
    # How far back the success rate looks.
    window: Annotated[Duration, Field(ge=1_000)] = 10_000
    # With fewer in the window there is no success rate.
    min_requests: AtLeastOne = 5
    # The first time out; doubled with each that follows.
    base_ejection: Time = 5_000
    # The longest time out.
    max_ejection: Time = 300_000
    # No more of a group are out at once.
    max_ejected_percent: OnePercent = 50
    # Below this share of healthy ones all are used.
    panic_threshold: OnePercent = 50


class StickyCookie(Model):
    # Of the cookie, in its own case.
    name: CookieName
    # For so long weft gives one to a caller without it. Left out: the app gives it, or nobody.
    ttl: Time | None = None


class Sticky(Model):
    """The value of this header or cookie says which side of a split a caller is on."""

    # The request header, in any case.
    header: HeaderName | None = None
    # The request's cookie.
    cookie: StickyCookie | None = None

    @model_validator(mode="after")
    def _one_thing(self) -> Sticky:
        if (self.header is None) == (self.cookie is None):
            hint = "sticky: {header: x-user}, or sticky: {cookie: {name: side}}"
            raise wrong("sticky by a header or by a cookie", hint)
        if self.header == "cookie":
            raise wrong("the header cookie holds many of them", "sticky: {cookie: {name: …}} takes one")
        if self.header and self.header.startswith(("weft-", "weft_")):
            raise wrong(f"no caller can send {self.header}: the names weft-* and weft_* are weft's own")
        return self


class Split(Model):
    """How the shares of a route's `backendRefs` are given out."""

    # Same caller, same side.
    sticky: Sticky


class TrafficPolicySpec(Model):
    # Whose callers it is for.
    target_refs: tuple[TrafficTarget, ...] = Field(min_length=1, max_length=16)
    # How long things may take.
    timeouts: TrafficTimeouts | None = None
    # What is tried again beyond what is safe anyway.
    retry: TrafficRetry | None = None
    # What all retries together may not exceed.
    retry_budget: RetryBudget | None = None
    # Which endpoint gets a request.
    balancer: Balancer | None = None
    # When an endpoint is left out.
    outlier_detection: OutlierDetection | None = None
    # Of what a route divides.
    split: Split | None = None

    @model_validator(mode="after")
    def _subset_has_no_requests(self) -> TrafficPolicySpec:
        """Request timeouts and retries begin before a subset is chosen, and a split chooses it."""
        times = self.timeouts
        timed = times and (times.request, times.backend_request, times.stream_idle) != (None,) * 3
        if (self.retry or self.split or timed) and any(t.subset for t in self.target_refs):
            hint = "a second policy without subset; connect, idle, balancer and outlierDetection can stay"
            raise wrong("retry, split and request timeouts belong to a service or port, not to a subset", hint)
        return self


class TrafficPolicy(Resource):
    KIND = "TrafficPolicy"
    API_VERSIONS = ("weft/v1",)

    spec: TrafficPolicySpec
