"""What a demo has shown: people's own count, and the mesh's telemetry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from weft.client.types import Edge, EdgeEnd, Event, Workload
from weft.demo.people import Seen
from weft.observe.refusals import REFUSALS

# What users may lose: one request in a thousand.
GOAL = 0.999
MTLS = "mtls"
EJECTED = "ejected"


@dataclass(frozen=True, slots=True)
class MeasuredEdge:
    """One edge of the graph; for TCP `requests` counts connections, and what only requests have is None."""

    source: str
    destination: str
    requests: int
    success_rate: float | None
    p50_ms: float | None
    p99_ms: float | None
    tls: str
    # Both ends have a proxy.
    meshed: bool


@dataclass(frozen=True, slots=True)
class Report:
    """The document of `weft demo --duration`."""

    # Of people, and how many of them in 1 were answered as they should be; None: nobody came.
    requests: int
    success_rate: float | None
    edges: tuple[MeasuredEdge, ...] = ()
    # Service to version to requests, of services that have versions.
    versions: dict[str, dict[str, int]] = field(default_factory=dict)
    # Requests that succeeded after at least one try that did not.
    retries_saved: int = 0
    ejections: int = 0
    refused: int = 0

    def problems(self) -> list[tuple[str, str]]:
        """What is not as it should be, each with what to do."""
        found = []
        if self.success_rate is None:
            found.append(("nobody came into the shop", "let it run for longer, or raise --rate"))
        elif self.success_rate < GOAL:
            what = f"people saw {percent(self.success_rate)} of their requests succeed, less than {percent(GOAL)}"
            found.append((what, "what failed stands above, and `weft explain ID` knows more while it runs"))
        clear = [f"{edge.source} → {edge.destination}" for edge in self.edges if edge.meshed and edge.tls != MTLS]
        if clear:
            found.append((f"not encrypted: {', '.join(clear)}", "see `weft edges` and `weft check` while it runs"))
        return found


def report(
    seen: Seen,
    edges: Sequence[Edge],
    by_version: Iterable[Edge],
    events: Iterable[Event],
    workloads: Iterable[Workload],
) -> Report:
    """`edges`, `by_version`: the same traffic by service and by version."""
    proxies = list(workloads)
    known = {name for workload in proxies for name in (workload.name, workload.service) if name}
    return Report(
        seen.requests,
        seen.success_rate,
        tuple(_measured(edge, known) for edge in edges),
        _versions(by_version),
        retries_saved=sum(edge.retries_saved for edge in edges),
        ejections=sum(event.kind == EJECTED for event in events),
        refused=sum(edge.reasons.get(reason, 0) for edge in edges for reason in REFUSALS),
    )


def percent(rate: float) -> str:
    """Never 100 when something failed."""
    return "100 %" if rate == 1 else f"{min(100 * rate, 99.99):.2f} %"


def _measured(edge: Edge, known: set[str]) -> MeasuredEdge:
    ends = edge.source, edge.destination
    return MeasuredEdge(
        str(edge.source),
        str(edge.destination),
        edge.requests or edge.connections,
        edge.success_rate,
        _rounded(edge.p50_ms),
        _rounded(edge.p99_ms),
        edge.tls,
        all(_has_proxy(end, known) for end in ends),
    )


def _rounded(ms: float | None) -> float | None:
    """Microseconds: more digits are those of a bucket's middle."""
    return None if ms is None else round(ms, 3)


def _has_proxy(end: EdgeEnd, known: set[str]) -> bool:
    return (end.workload or end.service) in known


def _versions(edges: Iterable[Edge]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for edge in edges:
        end = edge.destination
        if end.version:
            counts = found.setdefault(end.service, {})
            counts[end.version] = counts.get(end.version, 0) + edge.requests
    return found
