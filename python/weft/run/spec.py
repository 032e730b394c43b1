"""What is to run, before any port, address or file is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from weft.run.loopback import ANY_PORT, Target

Restart: TypeAlias = Literal["never", "on-failure", "always"]

# In-flight requests get as long as Kubernetes' preStop examples and most load balancers grant; then the app is stopped.
DRAIN_MS = 45_000
# Interpreters with large imports (Django, JVM) need 10 to 20 s on a busy laptop.
START_TIMEOUT_MS = 60_000


@dataclass(frozen=True, slots=True)
class Health:
    """How the app says that it is ready. `http_path` or `grpc_service`; neither: a TCP connect."""

    http_path: str | None = None
    grpc_service: str | None = None
    # The service port asked; 0: the first.
    port: int = 0
    interval_ms: int = 10_000
    timeout_ms: int = 1_000
    rise: int = 2
    fall: int = 3


@dataclass(frozen=True, slots=True)
class Command:
    """The app's process."""

    arguments: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    # Empty: where weft was started.
    directory: str = ""
    restart: Restart = "never"
    log_file: str = ""
    start_timeout_ms: int = START_TIMEOUT_MS


@dataclass(frozen=True, slots=True)
class Spec:
    """One workload."""

    name: str
    namespace: str = "default"
    # "<namespace>/<service>"; empty: a pure client.
    service: str = ""
    version: str = ""
    # Empty: the service's name, or the workload's.
    account: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    zone: str = ""
    # Ports of the service, as clients know them, and where the app listens for each; 0: a free port is chosen.
    ports: Mapping[int, int] = field(default_factory=dict)
    # What gets an address of its own.
    calls: tuple[Target, ...] = ()
    # Workload of the same namespace to Compose's condition for it, which is to be true before this one starts.
    after: Mapping[str, str] = field(default_factory=dict)
    # The address on which other proxies reach it.
    bind: str = "127.0.0.1"
    # Where people and `weft up` look into its proxy; port 0: any.
    admin: str = ANY_PORT
    command: Command | None = None
    health: Health | None = None
    drain_ms: int = DRAIN_MS
    # Fixed local addresses ("127.0.0.1:8080") for targets, open to every process of this machine.
    publish: Mapping[str, Target] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def service_account(self) -> str:
        return self.account or self.service.rpartition("/")[2] or self.name


@dataclass(frozen=True, slots=True)
class ControllerPlace:
    """How a proxy finds its controller."""

    # "unix:/path" or "host:port".
    address: str
    root_sha256: str = ""
    token_file: str = ""
