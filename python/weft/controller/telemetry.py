"""gRPC `Telemetry`: what the proxies saw, into the graph, the rule book and the event ring."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import grpc

from weft.controller.clock import Clock
from weft.controller.peers import Peer, end_expired, peer_of
from weft.controller.registry import Registry
from weft.observe.edges import EdgeBook
from weft.observe.events import EventRing, Severity
from weft.observe.rules import RuleBook
from weft.resources.service import Service
from weft.store.store import Store
from weft.v1 import control_pb2, control_pb2_grpc

# Of one report (one second): a proxy in trouble repeats itself, and must not push out everybody else's events.
MAX_EVENTS_PER_REPORT = 20
SEVERITY: dict[str, Severity] = {
    "ejected": "warning",
    "panic": "warning",
    "rejected": "error",
    "app-unhealthy": "warning",
}


class TelemetryService(control_pb2_grpc.TelemetryServicer):
    def __init__(
        self,
        edges: EdgeBook,
        rules: RuleBook,
        events: EventRing,
        registry: Registry,
        services: Mapping[str, Service],
        store: Store,
        clock: Clock,
        trust_domain: str,
    ) -> None:
        self._services = services
        self._edges, self._rules, self._events = edges, rules, events
        self._registry, self._store, self._clock, self._trust_domain = registry, store, clock, trust_domain

    async def Report(
        self, requests: object, context: grpc.aio.ServicerContext[control_pb2.TelemetryReport, object]
    ) -> control_pb2.TelemetrySummary:
        peer = await peer_of(context, self._store, self._trust_domain)
        sequence = 0
        try:
            async with asyncio.timeout(peer.seconds_left(self._clock.time())):
                while isinstance(report := await context.read(), control_pb2.TelemetryReport):
                    if not self._is_own(report.reporter, peer):
                        text = f"{peer} may not report for {report.reporter}\nhint: attach first"
                        await context.abort(grpc.StatusCode.PERMISSION_DENIED, text)
                    self._keep_own(report, peer)
                    self.take(report)
                    sequence = report.sequence
        except TimeoutError:
            await end_expired(context, peer)
        return control_pb2.TelemetrySummary(sequence=sequence)

    def take(self, report: control_pb2.TelemetryReport) -> None:
        now = self._clock.time()
        if not self._edges.record(report, now):
            return
        self._rules.record(report, now)
        for event in report.events[:MAX_EVENTS_PER_REPORT]:
            subject = event.subject or report.reporter
            severity = SEVERITY.get(event.kind, "info")
            self._events.add(event.kind[:64], subject[:200], event.text, severity, event.unix_ms / 1000 or None)

    def _keep_own(self, report: control_pb2.TelemetryReport, peer: Peer) -> None:
        """Its own end of an edge is the reporter, of no service that others serve: people trust the graph."""
        account = self._account(report.reporter, peer)
        own = [edge for edge in report.edges if _own_workload(edge.key) == report.reporter]
        for key in (edge.key for edge in own):
            name = key.source_service if key.side == "source" else key.destination_service
            service = self._services.get(name)
            if service is not None and account is not None and account not in service.accounts:
                key.ClearField("source_service" if key.side == "source" else "destination_service")
        if len(own) < len(report.edges):
            text = f"{len(report.edges) - len(own)} edges between others are not counted"
            self._events.add("telemetry-refused", report.reporter, text, "warning")
            del report.edges[:]
            report.edges.extend(own)

    def _account(self, reporter: str, peer: Peer) -> str | None:
        """None: of this machine and not attached yet, which may be anybody."""
        lease = self._registry.leases.all.get(reporter)
        if lease is not None:
            return lease.latest.service_account
        return peer.proof.identity.service_account if peer.proof.identity else None

    def _is_own(self, reporter: str, peer: Peer) -> bool:
        """By the lease, which has the account; before the workload is attached, by what its SVID was given for."""
        namespace, _, _ = reporter.partition("/")
        lease = self._registry.leases.all.get(reporter)
        if lease is not None:
            return peer.may_be(namespace, lease.latest.service_account, reporter)
        held = peer.proof.identity
        return peer.local or (held is not None and peer.may_be(namespace, held.service_account, reporter))


def _own_workload(key: control_pb2.EdgeKey) -> str | None:
    return {"source": key.source_workload, "destination": key.destination_workload}.get(key.side)
