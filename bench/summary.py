"""Runs become one figure: medians, their spread, and what stands beside them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.results import Row

# No peers: what is measured against them, and the absence of a proxy.
NOT_PEERS = ("direct", "weft", "weft-2p")


@dataclass(frozen=True)
class Spread:
    """The middle of some runs, and the least and the greatest of them."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Summary:
    """All runs of one proxy at one number of connections."""

    scenario: str
    proxy: str
    connections: int
    # None where there is no proxy.
    cpu_us: Spread | None
    rps: float
    p50_us: float
    p99_us: float
    rss_mb: float


def spread(values: Sequence[float]) -> Spread:
    return Spread(median(values), min(values), max(values))


def summarise(rows: Iterable[Row]) -> list[Summary]:
    """One summary per scenario, connections and proxy, in the order of the rows."""
    groups: dict[tuple[str, int, str], list[Row]] = {}
    for row in rows:
        key = (row.scenario, row.connections, row.proxy)
        groups.setdefault(key, []).append(row)
    return [_summary(group) for group in groups.values()]


def best_peer(summaries: Iterable[Summary]) -> Summary | None:
    """The peer with the least CPU time per request."""
    peers = [s for s in summaries if s.cpu_us and s.proxy not in NOT_PEERS]
    return min(peers, key=_cpu, default=None)


def ratio(one: Summary, other: Summary) -> float | None:
    """How much CPU time `one` takes for each unit of `other`."""
    if one.cpu_us is None or other.cpu_us is None:
        return None
    return one.cpu_us.median / other.cpu_us.median


def _cpu(summary: Summary) -> float:
    return summary.cpu_us.median if summary.cpu_us else float("inf")


def _summary(rows: Sequence[Row]) -> Summary:
    first = rows[0]
    cpu = [r.cpu_us_per_request for r in rows if r.cpu_us_per_request is not None]
    return Summary(
        scenario=first.scenario,
        proxy=first.proxy,
        connections=first.connections,
        cpu_us=spread(cpu) if cpu else None,
        rps=median(r.rps for r in rows),
        p50_us=median(r.p50_us for r in rows),
        p99_us=median(r.p99_us for r in rows),
        rss_mb=median(r.rss_mb for r in rows),
    )
