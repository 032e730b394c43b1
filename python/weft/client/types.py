"""What the controller answers, as values. The fields are those of the REST reference (`weft.controller.rest`).

Times are Unix seconds. `dataclasses.asdict` gives the JSON back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Origin:
    """Where something was written; line 0: unknown."""

    file: str
    line: int = 0
    column: int = 0
    rules: tuple[int, ...] = ()

    def __str__(self) -> str:
        return ":".join([self.file, *(str(n) for n in (self.line, self.column) if n)])


@dataclass(frozen=True, slots=True)
class Problem:
    message: str
    hint: str | None = None
    ref: str | None = None
    field: str | None = None
    origin: Origin | None = None
    severity: str = "error"

    def __str__(self) -> str:
        place = str(self.origin) if self.origin else self.ref
        return f"{place}: {self.message}" if place else self.message


@dataclass(frozen=True, slots=True)
class StoredResource:
    ref: str
    document: dict[str, Any]
    revision: int = 0
    generation: int = 0
    created_at: float = 0.0
    updated_at: float = 0.0
    owner: str | None = None
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one resource: created, configured, unchanged, deleted, rejected."""

    ref: str
    action: str
    revision: int = 0
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Applied:
    revision: int
    results: tuple[Result, ...] = ()
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class PastChange:
    """One line of a resource's history; no document: it was deleted."""

    revision: int
    ref: str
    action: str
    at: float = 0.0
    generation: int = 0
    owner: str | None = None
    document: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ChangedRef:
    ref: str
    action: str
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Revision:
    """What one apply, delete or roll-back changed; `count`: all of it, where `changes` is cut off."""

    revision: int
    at: float = 0.0
    changes: tuple[ChangedRef, ...] = ()
    count: int = 0


@dataclass(frozen=True, slots=True)
class Condition:
    type: str
    status: str
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Missing:
    workload: str
    reason: str = ""
    capabilities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Programmed:
    applied: int = 0
    needed: int = 0
    missing: tuple[Missing, ...] = ()


@dataclass(frozen=True, slots=True)
class ObjectStatus:
    ref: str
    revision: int = 0
    generation: int = 0
    owner: str | None = None
    origin: Origin | None = None
    conditions: tuple[Condition, ...] = ()
    programmed: Programmed = field(default_factory=Programmed)


@dataclass(frozen=True, slots=True)
class Status:
    revision: int
    compiled_revision: int = 0
    objects: tuple[ObjectStatus, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkloadPort:
    port: int
    address: str = ""
    listen_port: int = 0


@dataclass(frozen=True, slots=True)
class Rejection:
    kind: str
    name: str
    version: str = ""
    reason: str = ""
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sync:
    connected: bool = False
    subscriptions: int = 0
    current: int = 0
    pending: tuple[str, ...] = ()
    rejected: tuple[Rejection, ...] = ()


@dataclass(frozen=True, slots=True)
class Workload:
    name: str
    namespace: str = ""
    service: str = ""
    version: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    zone: str = ""
    identity: str = ""
    health: str = "unknown"
    health_reason: str = ""
    lease: str = ""
    lost_seconds: float | None = None
    ports: tuple[WorkloadPort, ...] = ()
    admin: str = ""
    proxy_version: str = ""
    capabilities: tuple[str, ...] = ()
    certificate_not_after: float | None = None
    # How far its machine's clock is ahead of the controller's, when it last said; None: it did not.
    clock_ahead_s: float | None = None
    certificate_seconds_left: float | None = None
    sync: Sync = field(default_factory=Sync)
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServicePort:
    port: int
    protocol: str = ""
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Service:
    name: str
    namespace: str = ""
    service: str = ""
    declared: bool = True
    ports: tuple[ServicePort, ...] = ()
    workloads: int = 0
    healthy: int = 0


@dataclass(frozen=True, slots=True)
class EdgeEnd:
    """Empty fields are those that were merged away by `by=`. Who serves nothing has a workload and no service; a peer
    without a proxy has neither."""

    service: str = ""
    version: str = ""
    workload: str = ""

    def __str__(self) -> str:
        """ "default/reviews v1", as finely as it is known."""
        name = self.workload or self.service or "(unmeshed)"
        return f"{name} {self.version}" if self.version else name


@dataclass(frozen=True, slots=True)
class Edge:
    source: EdgeEnd
    destination: EdgeEnd
    tls: str = ""
    protocol: str = ""
    port: int = 0
    side: str = ""
    requests: int = 0
    failures: int = 0
    retries: int = 0
    retries_saved: int = 0
    connections: int = 0
    request_bytes: int = 0
    response_bytes: int = 0
    classes: dict[str, int] = field(default_factory=dict)
    requests_per_second: float = 0.0
    success_rate: float | None = None
    p50_ms: float | None = None
    p90_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    reasons: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Signals:
    """Golden signals of whoever is called: all edges that lead to it."""

    of: EdgeEnd
    requests: int = 0
    failures: int = 0
    retries: int = 0
    retries_saved: int = 0
    connections: int = 0
    request_bytes: int = 0
    response_bytes: int = 0
    classes: dict[str, int] = field(default_factory=dict)
    requests_per_second: float = 0.0
    success_rate: float | None = None
    p50_ms: float | None = None
    p90_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    reasons: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RuleHits:
    rule_id: str
    hits: int = 0
    audit_hits: int = 0
    last_hit_at: float | None = None
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Event:
    id: int
    kind: str
    at: float = 0.0
    subject: str = ""
    text: str = ""
    severity: str = "info"


@dataclass(frozen=True, slots=True)
class EventPage:
    """`last`: the newest number there is; `lost`: how many the controller no longer has; `more`: ask again at once."""

    events: tuple[Event, ...] = ()
    last: int = 0
    lost: int = 0
    more: bool = False


@dataclass(frozen=True, slots=True)
class Token:
    """A join token, once: the controller does not show it again."""

    token: str
    spiffe_id: str
    expires_at: float
    uses: int = 1
    controller: str = ""
    root_sha256: str = ""
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class MachineToken:
    """A token for all that another machine runs; shown once, too."""

    token: str
    id: str
    machine: str = ""
    spiffe_ids: tuple[str, ...] = ()
    expires_at: float = 0.0
    # Workloads, of all identities together.
    uses: int = 1
    controller: str = ""
    root_sha256: str = ""
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class TokenInfo:
    id: str
    namespace: str = ""
    service_account: str = ""
    service: str | None = None
    created_at: float = 0.0
    expires_at: float = 0.0
    uses: int = 1
    used: int = 0


@dataclass(frozen=True, slots=True)
class Root:
    sha256: str
    subject: str = ""
    not_before: float = 0.0
    not_after: float = 0.0
    pem: str = ""


@dataclass(frozen=True, slots=True)
class Issued:
    serial: str
    spiffe_id: str = ""
    workload: str = ""
    not_before: float = 0.0
    not_after: float = 0.0
    proof: str = ""


@dataclass(frozen=True, slots=True)
class Certificates:
    trust_domain: str
    roots: tuple[Root, ...] = ()
    issued: tuple[Issued, ...] = ()


@dataclass(frozen=True, slots=True)
class Health:
    status: str
    version: str = ""
    revision: int = 0
    compiled_revision: int = 0
    trust_domain: str = ""
    started_at: float = 0.0
    streams: int = 0
    workloads: int = 0
    grpc_address: str = ""
    join_address: str = ""
    unix_socket: str = ""
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundRecord:
    """One proxy's record of a request."""

    workload: str
    record: dict[str, Any] = field(default_factory=dict)
    admin: str = ""


@dataclass(frozen=True, slots=True)
class FailedProxy:
    workload: str
    error: str = ""
    admin: str = ""


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    id: str
    found: tuple[FoundRecord, ...] = ()
    asked: int = 0
    failed: tuple[FailedProxy, ...] = ()
