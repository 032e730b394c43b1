"""gRPC `Telemetry`: what the proxies saw, into the graph, the rule book and the event ring."""

from __future__ import annotations

import asyncio

import grpc

from weft.controller.clock import Clock
from weft.controller.peers import Peer, end_expired, peer_of
from weft.controller.reporters import Reporters
from weft.observe.edges import EdgeBook
from weft.observe.events import EventRing, Severity
from weft.observe.rules import RuleBook
from weft.store.store import Store
from weft.v1 import control_pb2, control_pb2_grpc

# Of one report (one second): a proxy in trouble repeats itself, and must not push out everybody else's events.
MAX_EVENTS_PER_REPORT = 20
# Proxies tell of what is not as it should be, and few other things; so what a newer one tells is a warning, too.
GOOD_NEWS = frozenset(("readmitted", "probing", "app-healthy"))
# Somebody has to act: a part of the program is not in force, no connection is accepted, weft has a defect.
GRAVE = frozenset(("rejected", "accept-failed", "bug"))


class TelemetryService(control_pb2_grpc.TelemetryServicer):
    def __init__(
        self,
        edges: EdgeBook,
        rules: RuleBook,
        events: EventRing,
        reporters: Reporters,
        store: Store,
        clock: Clock,
        trust_domain: str,
    ) -> None:
        self._edges, self._rules, self._events = edges, rules, events
        self._reporters, self._store, self._clock, self._trust_domain = reporters, store, clock, trust_domain

    async def Report(
        self, requests: object, context: grpc.aio.ServicerContext[control_pb2.TelemetryReport, object]
    ) -> control_pb2.TelemetrySummary:
        peer = await peer_of(context, self._store, self._trust_domain)
        sequence = 0
        try:
            async with asyncio.timeout(peer.seconds_left(self._clock.time())):
                while isinstance(report := await context.read(), control_pb2.TelemetryReport):
                    if not self._reporters.is_own(report.reporter, peer):
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
            grave = severity(event.kind)
            self._events.add(event.kind, subject, event.text, grave, event.unix_ms / 1000 or None)

    def _keep_own(self, report: control_pb2.TelemetryReport, peer: Peer) -> None:
        own = [edge for edge in report.edges if self._reporters.keep_own(edge.key, report.reporter, peer)]
        if len(own) < len(report.edges):
            text = f"{len(report.edges) - len(own)} edges between others are not counted"
            self._events.add("telemetry-refused", report.reporter, text, "warning")
            del report.edges[:]
            report.edges.extend(own)


def severity(kind: str) -> Severity:
    if kind in GOOD_NEWS:
        return "info"
    return "error" if kind in GRAVE else "warning"
