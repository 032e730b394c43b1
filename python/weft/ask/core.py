"""The core's answers as typed values: `weft._core` gives plain dictionaries (python/weft/_core.pyi says which)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

from google.protobuf.message import Message


@dataclass(frozen=True, slots=True)
class Request:
    """As the client sends it: `path` with its query; header names in any case."""

    method: str = "GET"
    path: str = "/"
    host: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def arguments(self) -> tuple[str, str, str, list[tuple[str, str]]]:
        return self.method, self.path, self.host, list(self.headers)


@dataclass(frozen=True, slots=True)
class Routed:
    # "forward", "redirect", "fixed", "invalid-backend", "no-route", "no-port"
    kind: str
    rule_id: str
    # Of an answer that weft makes itself; 0: forwarded.
    status: int
    reason: str
    # Of a redirect.
    location: str
    # What the callee sees.
    host: str
    path: str
    # The one that this request got.
    backend: str = ""
    # What keeps a caller on its side of a split: "header x-user"; empty: nothing.
    sticky: str = ""
    # The request has it, so that all of its caller's requests go to `backend`.
    held: bool = False


@dataclass(frozen=True, slots=True)
class TriedRule:
    rule_id: str
    matched: bool
    why: str
    # Of access rules: "deny" or "allow", with "audit" before it.
    action: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    allow: bool
    rule_id: str
    reason: str
    # (rule, what it would have done)
    audited: tuple[tuple[str, str], ...]


def _core() -> ModuleType:
    return import_module("weft._core")


def route(frontend: Message, request: Request, seed: int = 0) -> Routed:
    found: Mapping[str, Any] = _core().route(_bytes(frontend), *request.arguments, seed=seed)
    return Routed(
        found["kind"],
        found["rule_id"] or "",
        found["status"] or 0,
        found["reason"] or "",
        found["location"] or "",
        found["host"] or request.host,
        found["path"] or request.path,
        found["backend"] or "",
        found["sticky"] or "",
        found["held"],
    )


def explain_route(frontend: Message, request: Request) -> tuple[TriedRule, ...]:
    found = _core().explain_route(_bytes(frontend), *request.arguments)
    return tuple(TriedRule(t["rule_id"], t["matched"], t["why"]) for t in found)


def resolve(frontends: Sequence[Message], suffixes: Sequence[str], authority: str) -> str:
    """The key of the frontend that a proxy with these would take, "ask <key>", "no-port" or "unknown"."""
    answer: str = _core().resolve([_bytes(f) for f in frontends], list(suffixes), authority)
    return answer


def split(frontend: Message, rule_id: str, n: int, seed: int = 0) -> dict[str, int]:
    """How `n` requests are divided; "" is the share answered 500."""
    counts: dict[str, int] = _core().split(_bytes(frontend), rule_id, n, seed=seed)
    return counts


def candidates(backend: Message, endpoints: Message) -> tuple[list[tuple[int, float]], bool]:
    """Positions among the endpoints with their shares, and whether so few are healthy that all are used."""
    found: tuple[list[tuple[int, float]], bool] = _core().candidates(_bytes(backend), _bytes(endpoints))
    return found


def tls_verdict(inbound: Message, port: int, *, is_mtls: bool) -> str:
    """The reason for which the connection is refused; empty: it is not."""
    return _core().tls_verdict(_bytes(inbound), port, is_mtls) or ""


def authorise(
    inbound: Message, port: int, principal: str, trust_domain: str, request: Request | None, source_ip: str
) -> Verdict:
    """`request` None: a connection that is not HTTP. `principal` empty: not proved."""
    asked = _asked(port, principal, request, source_ip)
    found = _core().authorise(_bytes(inbound), *asked, trust_domain=trust_domain)
    audited = tuple((a["rule_id"], a["would"]) for a in found["audited"])
    return Verdict(found["allow"], found["rule_id"], found["reason"] or "", audited)


def explain_access(
    inbound: Message, port: int, principal: str, trust_domain: str, request: Request | None, source_ip: str
) -> tuple[TriedRule, ...]:
    asked = _asked(port, principal, request, source_ip)
    found = _core().explain_access(_bytes(inbound), *asked, trust_domain=trust_domain)
    return tuple(
        TriedRule(t["rule_id"], t["matched"], t["why"], f"audit {t['action']}" if t["audit"] else t["action"])
        for t in found
    )


def ambiguous_path(path: str) -> bool:
    found: bool = _core().ambiguous_path(path.partition("?")[0].encode())
    return found


def advice(reason: str) -> tuple[int, str]:
    """Status and advice of a reason's code."""
    for code, status, _, text in _core().reasons():
        if code == reason:
            return status, text
    return 0, ""


def _asked(port: int, principal: str, request: Request | None, source_ip: str) -> tuple[Any, ...]:
    http = request.arguments if request else (None, "/", "", [])
    return (port, principal or None, source_ip, *http)


def _bytes(message: Message) -> bytes:
    return message.SerializeToString(deterministic=True)
