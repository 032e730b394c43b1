"""The callee's side of an explanation: accept, authenticate, authorise, deliver."""

from __future__ import annotations

from typing import Any

from weft.ask import core
from weft.ask.explanation import End, Step, Tried
from weft.ask.outbound import end, place
from weft.ask.parties import Caller
from weft.compiler.model import Compiled, Delivered
from weft.v1 import program_pb2 as pb

_OPAQUE = (pb.APP_PROTOCOL_TCP, pb.APP_PROTOCOL_TLS)


def inbound(
    compiled: Compiled, delivered: Delivered, port: int, caller: Caller, request: core.Request, source_ip: str
) -> tuple[tuple[Step, ...], End]:
    """Steps of the workload's own proxy, and how it ends there."""
    message: Any = delivered.message
    found = next((p for p in message.ports if p.port == port), None)
    if found is None:
        return (Step("accept", f"{delivered.key} has no port {port}"),), end(compiled, "no-port")
    accepted, refused = _accept(compiled, message, found, caller)
    who = caller.identity or "nobody: the caller has no identity"
    steps = (accepted, Step("authenticate", f"principal {who}"))
    if refused:
        return steps[:1], end(compiled, refused, found.tls_origin)
    return _authorised(compiled, message, found, caller, request, source_ip, steps)


def _accept(compiled: Compiled, message: pb.Inbound, port: pb.InboundPort, caller: Caller) -> tuple[Step, str]:
    mode = pb.TlsMode.Name(port.tls).removeprefix("TLS_MODE_").lower()
    protocol = pb.AppProtocol.Name(port.protocol).removeprefix("APP_PROTOCOL_")
    refused = core.tls_verdict(message, port.port, is_mtls=bool(caller.identity))
    how = "mTLS" if caller.identity else "plaintext"
    decision = f"port {port.port} ({protocol}), {mode}: {how} {'refused' if refused else 'accepted'}"
    return Step("accept", decision, port.tls_origin, place(compiled, port.tls_origin)), refused


def _authorised(
    compiled: Compiled,
    message: pb.Inbound,
    port: pb.InboundPort,
    caller: Caller,
    request: core.Request,
    source_ip: str,
    steps: tuple[Step, ...],
) -> tuple[tuple[Step, ...], End]:
    # On an opaque port nobody sees a request.
    seen = None if port.protocol in _OPAQUE else request
    asked = (message, port.port, caller.identity, compiled.world.trust_domain, seen, source_ip)
    verdict = core.authorise(*asked)
    tried = tuple(
        Tried(t.rule_id, t.matched, t.why or t.action, place(compiled, t.rule_id)) for t in core.explain_access(*asked)
    )
    origin = place(compiled, verdict.rule_id)
    step = Step("authorise", _decision(verdict), verdict.rule_id, origin, tried)
    if not verdict.allow:
        return (*steps, step), end(compiled, verdict.reason, verdict.rule_id)
    return (*steps, step, Step("deliver", "to the app")), End(0)


def _decision(verdict: core.Verdict) -> str:
    decision = "allow" if verdict.allow else "deny"
    would = [f"{rule} would {what}" for rule, what in verdict.audited]
    return decision + (f" (audit only: {', '.join(would)})" if would else "")
