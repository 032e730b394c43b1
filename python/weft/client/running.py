"""What runs: the controller, workloads, services."""

from __future__ import annotations

from dataclasses import dataclass, field


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
class Endpoint:
    """Who serves one port of a service. `source`: "registered", "written", "dns db.example.com", "file /etc/x.yaml".

    `seconds` since the source last named it; `answers`: of a stale one, whether it accepted a connection."""

    service: str
    port: int = 0
    namespace: str = ""
    workload: str = ""
    address: str = ""
    source: str = ""
    version: str = ""
    zone: str = ""
    identity: str = ""
    health: str = "unknown"
    seconds: float | None = None
    stale: bool = False
    answers: bool | None = None
    problem: str | None = None


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
