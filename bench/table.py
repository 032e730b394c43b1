"""The figures as text that fits a terminal of 80 columns."""

from collections.abc import Sequence

from bench.goals import Verdict
from bench.summary import Spread, Summary, best_peer, ratio

COLUMNS = (
    f"{'conns':>5}  {'proxy':<10} {'CPU µs/req':>10} {'spread':>13}"
    f" {'rps':>7} {'p50 µs':>7} {'RSS MB':>7} {'x best':>7}"
)


def render(summaries: Sequence[Summary], verdicts: Sequence[Verdict]) -> str:
    """All scenarios, then all goals."""
    names = dict.fromkeys(s.scenario for s in summaries)
    blocks = [_scenario(name, summaries) for name in names]
    if verdicts:
        blocks.append(_goals(verdicts))
    return "\n\n".join(blocks)


def _scenario(name: str, summaries: Sequence[Summary]) -> str:
    lines = [f"{name}: median of the runs; spread is low-high", COLUMNS]
    mine = [s for s in summaries if s.scenario == name]
    for connections in dict.fromkeys(s.connections for s in mine):
        group = [s for s in mine if s.connections == connections]
        best = best_peer(group)
        lines += [_line(one, best) for one in group]
    return "\n".join(lines)


def _line(one: Summary, best: Summary | None) -> str:
    against = ratio(one, best) if best else None
    cpu = f"{one.cpu_us.median:.1f}" if one.cpu_us else "-"
    return (
        f"{one.connections:>5}  {one.proxy:<10} {cpu:>10} {_spread(one.cpu_us):>13}"
        f" {one.rps:>7.0f} {one.p50_us:>7.0f} {one.rss_mb:>7.1f}"
        f" {'-' if against is None else f'{against:.2f}':>7}"
    )


def _spread(spread: Spread | None) -> str:
    return f"{spread.low:.1f}-{spread.high:.1f}" if spread else "-"


def _goals(verdicts: Sequence[Verdict]) -> str:
    lines = ["goals (met within 3 %)"]
    lines += [_goal(verdict) for verdict in verdicts]
    return "\n".join(lines)


def _goal(verdict: Verdict) -> str:
    goal = verdict.goal
    where = f"{goal.scenario} {goal.connections} {goal.proxy}"
    limit = f"{goal.factor:.2f} x {verdict.against}" if verdict.against else "limit"
    figures = f"{verdict.value:.1f} <= {verdict.limit:.1f}"
    said = "met" if verdict.met else "NOT MET"
    return f"{where:<23} {goal.what:<12} {limit:<17} {figures:>16} {said:>7}"
