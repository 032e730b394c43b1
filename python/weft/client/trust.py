"""Join tokens and certificates."""

from __future__ import annotations

from dataclasses import dataclass


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
