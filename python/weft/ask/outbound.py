"""The caller's side of an explanation: resolve, route, balance, connect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from weft.ask import core
from weft.ask.explanation import End, Step, Tried
from weft.ask.origin import origin_of
from weft.ask.parties import Callee, Caller
from weft.compiler.index import MESH_REF
from weft.compiler.mesh import MESH_KEY
from weft.compiler.model import Compiled, backend_key
from weft.v1 import program_pb2 as pb


@dataclass(frozen=True, slots=True)
class Share:
    """Where a part of the requests goes, and what the callee sees of them."""

    percent: float
    backend: str
    # Of a share without backend.
    end: End | None
    request: core.Request


@dataclass(frozen=True, slots=True)
class Outbound:
    steps: tuple[Step, ...]
    shares: tuple[Share, ...]


def outbound(compiled: Compiled, caller: Caller, callee: Callee, request: core.Request) -> Outbound:
    if caller.identity and callee.reason:
        rule = f"Service/{callee.service}" if callee.service else ""
        step = Step("resolve", f"{callee.name} is no port of any service")
        return _ended(step, end(compiled, callee.reason, rule), request)
    if not callee.service:
        return _unknown(compiled, caller, callee, request)
    if not caller.identity:
        return _without_proxy(callee, request)
    delivered = compiled.delivered["Frontend", compiled.frontend_key_for(callee.service, callee.port, caller.namespace)]
    rule = f"Service/{callee.service}"
    resolved = Step("resolve", f"frontend {delivered.key}", rule, place(compiled, rule))
    return _routed(compiled, resolved, delivered.message, request)


def _unknown(compiled: Compiled, caller: Caller, callee: Callee, request: core.Request) -> Outbound:
    mesh: Any = compiled.delivered["Mesh", MESH_KEY].message
    if mesh.refuse_unknown and caller.identity:
        rule = str(MESH_REF)
        decision = f"{callee.host} is no service, and unknown destinations are refused"
        step = Step("resolve", decision, rule, place(compiled, rule))
        return _ended(step, end(compiled, "unknown-destination", rule), request)
    step = Step("resolve", f"{callee.host} is no service: passed through as it is")
    return Outbound((step,), ())


def _without_proxy(callee: Callee, request: core.Request) -> Outbound:
    step = Step("resolve", "the caller has no proxy: no route is applied")
    return Outbound((step,), (Share(100.0, backend_key(callee.service, callee.port), None, request),))


def _routed(compiled: Compiled, resolved: Step, frontend: Any, request: core.Request) -> Outbound:
    tried = tuple(
        Tried(t.rule_id, t.matched, t.why, place(compiled, t.rule_id)) for t in core.explain_route(frontend, request)
    )
    steps = (resolved,)
    if _looks_at_paths(frontend) and core.ambiguous_path(request.path):
        step = Step("route", f"the path {request.path} can be read in two ways", tried=tried)
        return Outbound((*steps, step), (Share(100.0, "", end(compiled, "ambiguous-path", frontend.origin), request),))
    routed = core.route(frontend, request)
    step = Step("route", _decision(routed), routed.rule_id, place(compiled, routed.rule_id), tried)
    return Outbound((*steps, step), tuple(_shares(compiled, frontend, routed, request)))


def _looks_at_paths(frontend: pb.Frontend) -> bool:
    return any(e.match.WhichOneof("path") and e.match.path_prefix != "/" for e in frontend.routes)


def _decision(routed: core.Routed) -> str:
    if routed.kind == "redirect":
        return f"redirect to {routed.location}"
    if routed.kind in ("forward", "invalid-backend"):
        return f"forward, {_side(routed)}" if routed.sticky else "forward"
    return {"no-route": "no rule matches", "fixed": "answered here"}.get(routed.kind, routed.kind)


def _side(routed: core.Routed) -> str:
    if routed.held:
        return f"to this caller's side by {routed.sticky}"
    return f"without {routed.sticky} to a side by chance"


def _shares(compiled: Compiled, frontend: pb.Frontend, routed: core.Routed, request: core.Request) -> Iterator[Share]:
    if routed.kind not in ("forward", "invalid-backend"):
        # What no rule decided, the service did by having rules.
        rule = routed.rule_id or frontend.origin
        refused = end(compiled, routed.reason, rule)
        yield Share(100.0, "", replace(refused, status=routed.status, location=routed.location), request)
        return
    seen = core.Request(request.method, routed.path, routed.host, request.headers)
    backends = _backends(frontend, routed.rule_id)
    if routed.held:
        backends = [next(b for b in backends if b.backend == routed.backend)]
    total = sum(b.weight for b in backends) or 1
    for backend in backends:
        percent = round(100.0 * backend.weight / total, 2)
        if backend.backend:
            yield Share(percent, backend.backend, None, seen)
        else:
            refused = end(compiled, "invalid-backend", routed.rule_id)
            yield Share(percent, "", replace(refused, advice=backend.invalid), seen)


def _backends(frontend: pb.Frontend, rule_id: str) -> Iterable[pb.WeightedBackend]:
    """The shares of the action that the core chose, by its rule."""
    for entry in frontend.routes:
        if entry.rule_id == rule_id:
            return list(frontend.actions[entry.action].split.backends)
    return [pb.WeightedBackend(backend=frontend.default_backend, weight=1)]


def _ended(step: Step, ending: End, request: core.Request) -> Outbound:
    return Outbound((step,), (Share(100.0, "", ending, request),))


def end(compiled: Compiled, reason: str, rule_id: str = "") -> End:
    """An answer that weft itself makes, by the rule that decided."""
    status, advice = core.advice(reason)
    return End(status, reason, advice, rule_id, place(compiled, rule_id))


def place(compiled: Compiled, rule_id: str) -> str:
    found = origin_of(compiled, rule_id) if rule_id else None
    return str(found) if found else ""
