"""Who calls whom, how much, how well: the live graph from what the proxies report.

The reporter is part of the record. The caller's proxy saw the retries and the whole latency, so its record counts; the
callee's counts only where the caller has no proxy.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from weft.observe.counters import Counters, ReasonNames
from weft.observe.ring import KEPT_S, Ring
from weft.v1 import control_pb2

By: TypeAlias = Literal["service", "version", "workload"]

# 1,000 workloads that each call 20 others. A fleet beyond that is asked by service; what is left out is counted.
MAX_EDGES = 20_000
# A draining proxy and its successor report under one name; more epochs at once are a fault.
MAX_EPOCHS = 4
MAX_REPORTERS = 10_000


@dataclass(frozen=True, slots=True)
class End:
    workload: str = ""
    service: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class EdgeId:
    side: str
    source: End
    destination: End
    tls: str = ""
    protocol: str = ""
    port: int = 0

    @classmethod
    def of(cls, key: control_pb2.EdgeKey) -> EdgeId:
        source = End(key.source_workload, key.source_service, key.source_version)
        destination = End(key.destination_workload, key.destination_service, key.destination_version)
        return cls(key.side, source, destination, key.tls, key.protocol, key.port)

    @property
    def counts(self) -> bool:
        return self.side == "source" or not self.source.workload

    def merged(self, by: By) -> EdgeId:
        """Itself without what `by` does not ask for."""
        return replace(self, source=_coarse(self.source, by), destination=_coarse(self.destination, by))


def _coarse(end: End, by: By) -> End:
    if by == "workload":
        return end
    # A client that serves nothing is known by its workload only; merged it would be mistaken for an unmeshed one.
    workload = "" if end.service else end.workload
    return End(workload, end.service, end.version if by == "version" else "")


@dataclass(frozen=True, slots=True)
class EdgeView:
    """One edge of the graph over some seconds."""

    id: EdgeId
    seconds: float
    counters: Counters


@dataclass(slots=True)
class _Epoch:
    """What one process of one proxy has reported so far."""

    sequence: int = 0
    seen: dict[EdgeId, Counters] = field(default_factory=dict)


class EdgeBook:
    """All edges. `record` takes what a proxy reports, `edges` and `history` answer from it."""

    def __init__(self) -> None:
        # Is told what each edge has grown by.
        self.on_growth: Callable[[EdgeId, Counters], object] = lambda edge, grown: None
        self.reasons = ReasonNames()
        # Records that found no place: MAX_EDGES.
        self.dropped = 0
        self._rings: dict[EdgeId, Ring] = {}
        self._reporters: OrderedDict[str, OrderedDict[int, _Epoch]] = OrderedDict()

    def record(self, report: control_pb2.TelemetryReport, now: float) -> bool:
        """Take one report; False when it is an old or repeated one and changes nothing."""
        epoch, known = self._epoch(report.reporter, report.epoch)
        if known and report.sequence <= epoch.sequence:
            return False
        # A first report that is not the proxy's first: we have restarted, and what it counts was counted before.
        baseline = not known and report.sequence > 1
        epoch.sequence = report.sequence
        for edge in report.edges:
            self._count(epoch, edge, now, baseline=baseline)
        return True

    def edges(self, now: float, seconds: float, by: By = "service") -> list[EdgeView]:
        """The graph over the last `seconds`, without edges that were silent."""
        total: dict[EdgeId, Counters] = {}
        for edge, ring in self._rings.items():
            if not edge.counts:
                continue
            counters = ring.total(now - seconds)
            if counters:
                total.setdefault(edge.merged(by), Counters()).add(counters)
        return [EdgeView(edge, seconds, counters) for edge, counters in sorted(total.items(), key=_order)]

    def towards(self, now: float, seconds: float, by: By = "service") -> list[tuple[End, Counters]]:
        """All edges that lead to each end, added up: percentiles of the sum, which no sum of percentiles is."""
        total: dict[End, Counters] = {}
        for view in self.edges(now, seconds, by):
            total.setdefault(view.id.destination, Counters()).add(view.counters)
        return sorted(total.items(), key=lambda item: (item[0].service, item[0].workload, item[0].version))

    def history(
        self, now: float, seconds: float, step: int, source: str = "", destination: str = ""
    ) -> list[tuple[int, Counters]]:
        """Points of `step` seconds between two services ("" is any), oldest first, silent ones left out."""
        points: dict[int, Counters] = {}
        for ring in self._between(source, destination):
            for begin, _, counters in ring.points(now - seconds):
                points.setdefault(begin - begin % step, Counters()).add(counters)
        return sorted(points.items())

    def forget(self, now: float) -> None:
        """Called now and then: edges that were silent for an hour go."""
        for edge, ring in list(self._rings.items()):
            ring.close(now)
            if ring.empty:
                del self._rings[edge]

    def _between(self, source: str, destination: str) -> Iterator[Ring]:
        for edge, ring in self._rings.items():
            fits = source in ("", edge.source.service) and destination in ("", edge.destination.service)
            if edge.counts and fits:
                yield ring

    def _epoch(self, reporter: str, number: int) -> tuple[_Epoch, bool]:
        epochs = self._reporters.setdefault(reporter, OrderedDict())
        self._reporters.move_to_end(reporter)
        _limit(self._reporters, MAX_REPORTERS)
        known = number in epochs
        epoch = epochs.setdefault(number, _Epoch())
        epochs.move_to_end(number)
        _limit(epochs, MAX_EPOCHS)
        return epoch, known

    def _count(self, epoch: _Epoch, edge: control_pb2.Edge, now: float, *, baseline: bool) -> None:
        key = EdgeId.of(edge.key)
        counters = Counters.of(edge, self.reasons)
        before = epoch.seen.get(key)
        if before is None and len(epoch.seen) >= MAX_EDGES:
            self.dropped += 1
            return
        epoch.seen[key] = counters
        grown = counters.since(before or Counters())
        if baseline or not grown:
            return
        self.on_growth(key, grown)
        ring = self._rings.get(key)
        if ring is None:
            if len(self._rings) >= MAX_EDGES:
                self.dropped += 1
                return
            ring = self._rings[key] = Ring()
        ring.add(now, grown)


def _limit(table: OrderedDict[str, OrderedDict[int, _Epoch]] | OrderedDict[int, _Epoch], most: int) -> None:
    while len(table) > most:
        table.popitem(last=False)


def _order(item: tuple[EdgeId, Counters]) -> tuple[str, ...]:
    edge = item[0]
    ends: Iterable[End] = (edge.source, edge.destination)
    return tuple(text for end in ends for text in (end.service, end.workload, end.version))


__all__ = ["KEPT_S", "By", "EdgeBook", "EdgeId", "EdgeView", "End"]
