"""What the proxies saw: edges, rules, events, single requests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from weft.client.resources import Origin


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
