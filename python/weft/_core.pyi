"""The functions that decide in the proxy (`crates/core`), asked from Python.

`bytes` are serialised messages of `weft.v1.program_pb2`. A resource that the core refuses raises `CoreRefused`.
The classes below `CoreRefused` describe plain dictionaries; they exist for type checkers only.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict, type_check_only

__all__ = [
    "CoreRefused",
    "ambiguous_path",
    "authorise",
    "candidates",
    "capabilities",
    "check",
    "explain_access",
    "explain_route",
    "first_limit",
    "health",
    "pending",
    "reasons",
    "require",
    "resolve",
    "retry",
    "retry_budget",
    "route",
    "route_opaque",
    "simulate_balance",
    "split",
    "tables",
    "tls_verdict",
]

class CoreRefused(ValueError):
    reason: str
    missing: list[str]

@type_check_only
class HeaderEdit(TypedDict):
    set: list[tuple[str, str]]
    add: list[tuple[str, str]]
    remove: list[str]

@type_check_only
class Routed(TypedDict):
    kind: Literal["forward", "redirect", "fixed", "no-route", "no-port", "invalid-backend"]
    rule_id: str | None
    backend: str | None
    status: int | None
    reason: str | None
    location: str | None
    body: str | None
    # As forwarded: after rewrites, the path with its query.
    host: str | None
    path: str | None
    # The rule's, then those of the backend that was picked.
    request_headers: HeaderEdit
    response_headers: HeaderEdit
    # What keeps each caller on its side of the split: "header x-user", "cookie side"; whether the request has it; and
    # the cookie that the response brings to who has none.
    sticky: str | None
    held: bool
    set_cookie: str | None
    # None: the mesh's. 0: none.
    request_timeout_ms: int | None
    backend_request_timeout_ms: int | None
    attempts: int | None

@type_check_only
class TriedRoute(TypedDict):
    rule_id: str
    matched: bool
    # "path /a is not under /b"; empty when it matched.
    why: str

@type_check_only
class AuditedRule(TypedDict):
    rule_id: str
    would: Literal["deny", "allow", "deny-unlisted"]

@type_check_only
class Authorised(TypedDict):
    allow: bool
    # The rule that decided, or the default's origin.
    rule_id: str
    reason: Literal["access-denied", "ambiguous-path"] | None
    audited: list[AuditedRule]

@type_check_only
class TriedAccess(TypedDict):
    rule_id: str
    action: Literal["deny", "allow"]
    audit: bool
    matched: bool
    why: str

@type_check_only
class Changed(TypedDict):
    # From the beginning of the simulation.
    at_us: int
    # "<workload> <address>:<port>"
    endpoint: str
    to: Literal["passing", "rejecting", "probing"]
    why: str
    for_ms: int

@type_check_only
class Simulated(TypedDict):
    # Requests by workload.
    picks: dict[str, int]
    failures: int
    # Picks among all endpoints, because too few were healthy; and picks for which there was none.
    panics: int
    none: int
    changes: list[Changed]

def capabilities() -> list[str]:
    """What this build understands: the closed list of names for `requires`."""

def tables() -> str:
    """The pipeline's declarations, as JSON."""

def reasons() -> list[tuple[str, int, str, str]]:
    """Code, status, flag and advice of every reason."""

def check(kind: str, content: bytes, /) -> str | None:
    """Why the core would not take this resource; None: it takes it. `kind`: "Frontend", …, "Program", or a type URL."""

def require(kind: str, content: bytes, /) -> None:
    """Raises `CoreRefused` when the core would not take this resource."""

def ambiguous_path(path: bytes, /) -> bool:
    """Could app and policy read this path (without query) differently?"""

def route(
    frontend: bytes,
    method: str,
    path: str,
    host: str = "",
    headers: Sequence[tuple[str, str]] = ...,
    *,
    seed: int = 0,
    scheme: str = "http",
) -> Routed:
    """Where this request goes; `path` with its query, `host` without port. `seed` decides within a split."""

def route_opaque(frontend: bytes, *, seed: int = 0) -> Routed:
    """Where a connection that is not HTTP goes."""

def explain_route(
    frontend: bytes,
    method: str,
    path: str,
    host: str = "",
    headers: Sequence[tuple[str, str]] = ...,
) -> list[TriedRoute]:
    """Every rule in order until the one that matches, and why the others did not."""

def split(frontend: bytes, rule_id: str, n: int, *, seed: int = 0) -> dict[str, int]:
    """How `n` requests that a rule matched are divided; "" is the share that is answered 500.

    None of them says whose it is: of a sticky split these are the shares of callers.
    """

def resolve(
    frontends: Sequence[bytes], suffixes: Sequence[str], authority: str, *, refuse_unknown: bool = False
) -> str:
    """What a Host means to a proxy that has these frontends.

    Its key, "ask <key>", "no-port", "unknown" or, where the mesh refuses what it does not know, "unknown-destination".
    """

def pending(
    missing: Literal["frontend", "inbound"], *, waited_ms: int = 0, others: int = 0
) -> tuple[int | None, str | None]:
    """What becomes of a request whose frontend or inbound the proxy does not hold.

    How many milliseconds it waits more, or the reason for which it is refused. `others`: requests that wait already.
    """

def retry(
    policy: bytes | None,
    failure: str,
    *,
    attempt: int = 1,
    method: str = "GET",
    code: int = 0,
    response_started: bool = False,
    body_replayable: bool = True,
    retry_after_ms: int | None = None,
    seed: int = 0,
) -> int | None:
    """After how many milliseconds to try again; None: not at all.

    `policy`: a RetryPolicy; None: the default. `failure`: "connect-failed", "refused-stream", "goaway-unprocessed",
    "reused-closed-unacked", "reset", "timeout", "status" or "grpc-status" (both with `code`).
    """

def first_limit(
    timeouts: bytes | None = None,
    *,
    per_try_ms: int = 0,
    deadline_ms: str | None = None,
    grpc_timeout: str | None = None,
    try_at_ms: int = 0,
) -> tuple[int, str] | None:
    """When a try must be over, in milliseconds from the request's beginning, and the reason if it is not.

    None: no limit. `timeouts`: a Timeouts; None: the mesh's default. `deadline_ms`, `grpc_timeout`: the values of the
    headers of these names.
    """

def retry_budget(policy: bytes | None, events: Sequence[tuple[int, bool]]) -> list[bool]:
    """Which of these retries a fresh budget grants.

    An event: milliseconds from the beginning, and whether it is a retry. `policy`: a RetryBudget; None: the default.
    """

def authorise(
    inbound: bytes,
    port: int,
    principal: str | None = None,
    source_ip: str = "127.0.0.1",
    method: str | None = None,
    path: str = "/",
    host: str = "",
    headers: Sequence[tuple[str, str]] = ...,
    *,
    trust_domain: str = "",
) -> Authorised:
    """May this caller do this? Without a method it is a connection that is not HTTP.

    `trust_domain` is the mesh's own: namespaces and services of a rule mean names within it; "" is any.
    """

def explain_access(
    inbound: bytes,
    port: int,
    principal: str | None = None,
    source_ip: str = "127.0.0.1",
    method: str | None = None,
    path: str = "/",
    host: str = "",
    headers: Sequence[tuple[str, str]] = ...,
    *,
    trust_domain: str = "",
) -> list[TriedAccess]:
    """Every rule in the order of evaluation until the one that decides, then all audit rules."""

def tls_verdict(inbound: bytes, port: int, is_mtls: bool) -> str | None:
    """Why a connection is refused on this port because of its TLS; None: it is not."""

def candidates(backend: bytes, endpoints: bytes) -> tuple[list[tuple[int, float]], bool]:
    """Who may get a request of this backend.

    Positions among the endpoints with their shares, and whether so few are healthy that all are used.
    """

def health(check: bytes, passed: Sequence[bool]) -> Literal["starting", "healthy", "unhealthy"]:
    """Where an app stands after these results of its HealthCheck."""

def simulate_balance(
    backend: bytes,
    endpoints: bytes,
    behaviour: Mapping[str, tuple[int, int]],
    requests: int,
    *,
    every_us: int = 1000,
    seed: int = 0,
) -> Simulated:
    """Where a steady stream of requests goes when endpoints answer as told.

    `behaviour`: workload to (latency in µs, percent of failures).
    """
