import pytest

from bench.goals import GOALS, HOP, PAIR, verdicts
from bench.plan import legs
from bench.scenarios import FULL
from bench.summary import Spread, Summary


def one(scenario: str, connections: int, proxy: str, cpu: float = 1.0, p50: float = 1.0) -> Summary:
    middle = Spread(cpu, cpu, cpu)
    return Summary(scenario, proxy, connections, middle, 1e4, p50, 900.0, 14.0)


def hop(weft: float, nginx: float, haproxy: float) -> list[Summary]:
    figures = {"weft": weft, "nginx": nginx, "haproxy": haproxy}
    return [one(HOP, 32, name, cpu) for name, cpu in figures.items()]


@pytest.mark.parametrize(("weft", "met"), [(14.0, True), (15.0, True), (15.44, True), (15.46, False)])
def test_a_goal_is_met_within_three_percent_of_the_better_peer(weft: float, met: bool) -> None:
    (verdict,) = verdicts(hop(weft, nginx=15.0, haproxy=18.0))
    assert (verdict.limit, verdict.met) == (15.0, met)
    assert verdict.against == "nginx"


def test_the_best_of_some_peers_judges_nothing() -> None:
    assert verdicts([one(HOP, 32, "weft"), one(HOP, 32, "nginx")]) == []


def test_latency_is_what_the_pair_adds() -> None:
    p50 = {"direct": 20.0, "weft": 200.0, "haproxy": 220.0, "haproxy-h2": 270.0}
    (verdict,) = verdicts([one(PAIR, 1, name, p50=us) for name, us in p50.items()])
    assert verdict.value == 180.0
    assert verdict.limit == pytest.approx(0.9 * 200.0)
    assert verdict.met


def test_a_limit_needs_no_peer() -> None:
    (verdict,) = verdicts([one(HOP, 256, "weft")])
    assert (verdict.goal.what, verdict.limit) == ("RSS MB", 25.0)


def test_every_goal_can_be_measured() -> None:
    measured = {(leg.scenario, c, p) for leg in legs(FULL) for c in leg.connections for p in leg.proxies}
    for goal in GOALS:
        for proxy in (goal.proxy, *goal.peers):
            assert (goal.scenario, goal.connections, proxy) in measured


def test_no_goal_is_given_twice() -> None:
    keys = {(g.scenario, g.connections, g.proxy, g.what, g.peers) for g in GOALS}
    assert len(keys) == len(GOALS)
