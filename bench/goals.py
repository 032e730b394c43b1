"""The goals, as a table, and whether the figures meet them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from bench.summary import Summary

# A goal is met within 3 %: closer than that, two runs of one proxy are not.
TOLERANCE = 1.03

HAPROXIES = ("haproxy", "haproxy-h2")
ENVOYS = ("envoy-h1", "envoy-h2")
WEFTS = ("weft", "weft-2p")

Group = Mapping[str, Summary]
# None where a figure that is needed was not measured.
Figure = Callable[[Group, str], float | None]


@dataclass(frozen=True)
class Goal:
    """`proxy` takes at most `factor` times what the best of `peers` takes.

    Without peers, `factor` is the limit itself.
    """

    scenario: str
    connections: int
    proxy: str
    what: str
    factor: float
    peers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    goal: Goal
    value: float
    limit: float
    # Which of the peers was the best; empty where none is asked for.
    against: str = ""

    @property
    def met(self) -> bool:
        return self.value <= self.limit * TOLERANCE


def _cpu(group: Group, proxy: str) -> float | None:
    cpu = group[proxy].cpu_us if proxy in group else None
    return cpu.median if cpu else None


def _p50_added(group: Group, proxy: str) -> float | None:
    """Beyond what the client, the backend and loopback take by themselves."""
    if proxy not in group or "direct" not in group:
        return None
    return group[proxy].p50_us - group["direct"].p50_us


def _rss(group: Group, proxy: str) -> float | None:
    return group[proxy].rss_mb if proxy in group else None


FIGURES: Mapping[str, Figure] = {
    "CPU µs/req": _cpu,
    "p50 added µs": _p50_added,
    "RSS MB": _rss,
}

HOP, PAIR = "hop-h1-64B", "pair-h1-64B"
CPU, P50, RSS = FIGURES

GOALS = (
    *(Goal(HOP, n, "weft", CPU, 1.0, ("nginx", "haproxy")) for n in (32, 256)),
    *(Goal(HOP, n, "weft", CPU, 0.36, ("envoy",)) for n in (32, 256)),
    Goal(HOP, 256, "weft", RSS, 25.0),
    *(Goal(PAIR, n, p, CPU, 1.0, ("haproxy-h2",)) for n in (32, 256) for p in WEFTS),
    *(Goal(PAIR, 32, p, CPU, 0.33, ("envoy-h2",)) for p in WEFTS),
    *(Goal(PAIR, 256, p, CPU, 0.25, ("envoy-h2",)) for p in WEFTS),
    Goal(PAIR, 1, "weft", P50, 0.9, HAPROXIES),
    Goal(PAIR, 1, "weft-2p", P50, 1.05, HAPROXIES),
    *(Goal(PAIR, 1, p, P50, 0.4, ENVOYS) for p in WEFTS),
)


def verdicts(summaries: Iterable[Summary]) -> list[Verdict]:
    """One per goal whose figures were all measured."""
    groups: dict[tuple[str, int], dict[str, Summary]] = {}
    for one in summaries:
        groups.setdefault((one.scenario, one.connections), {})[one.proxy] = one
    judged = (_judge(g, groups.get((g.scenario, g.connections), {})) for g in GOALS)
    return [verdict for verdict in judged if verdict is not None]


def _judge(goal: Goal, group: Group) -> Verdict | None:
    figure = FIGURES[goal.what]
    value = figure(group, goal.proxy)
    if value is None:
        return None
    if not goal.peers:
        return Verdict(goal, value, goal.factor)
    peers = [(figure(group, peer), peer) for peer in goal.peers]
    measured = [(cost, peer) for cost, peer in peers if cost is not None]
    # The best of *some* of the peers could be worse than the best of all.
    if len(measured) < len(peers):
        return None
    least, best = min(measured)
    return Verdict(goal, value, goal.factor * least, best)
