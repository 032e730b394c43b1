import pytest

from bench import plan
from bench.scenarios import FULL, MODES, QUICK, Mode, Topology
from bench.session import WARM_UP_S

# What is needed beside the load itself, generously.
START_S = 3.0
PER_RUN_S = 0.15


def leg(*proxies: str) -> plan.Leg:
    return plan.Leg("hop-h1-64B", Topology.HOP, 64, proxies, (32, 1))


def test_proxies_take_turns_and_another_one_begins() -> None:
    order = [(c.connections, c.proxy) for c in leg("a", "b").cases(2)]
    assert order == [
        *[(1, "a"), (1, "b"), (1, "b"), (1, "a")],
        *[(32, "a"), (32, "b"), (32, "b"), (32, "a")],
    ]


def test_every_proxy_runs_equally_often() -> None:
    cases = list(leg("a", "b", "c").cases(5))
    assert len(cases) == len(set(cases)) == 3 * 2 * 5


def test_quick_ends_in_less_than_four_minutes() -> None:
    needed = 0.0
    for one in plan.legs(QUICK):
        runs = len(list(one.cases(QUICK.runs)))
        warm_ups = len(one.proxies) * len(one.connections)
        needed += START_S + warm_ups * (WARM_UP_S + 0.05)
        needed += runs * (QUICK.seconds + PER_RUN_S)
    assert needed < 240


def test_full_is_thorough_enough_to_publish() -> None:
    assert FULL.runs >= 5
    assert all(one.connections == (1, 32, 256) for one in plan.legs(FULL))


def test_only_narrows_and_drops_scenarios_without_any() -> None:
    found = plan.legs(QUICK, only=["nginx"])
    assert [(one.scenario, one.proxies) for one in found] == [("hop-h1-64B", ("nginx",))]


def test_only_brings_back_what_the_mode_leaves_out() -> None:
    assert [one.proxies for one in plan.legs(QUICK, only=["direct"])] == [
        ("direct",),
        ("direct",),
    ]


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_modes_name_only_scenarios_that_exist(mode: Mode) -> None:
    assert [one.scenario for one in plan.legs(mode)] == list(mode.scenarios)


def test_a_misspelt_name_is_refused_with_the_right_ones() -> None:
    with pytest.raises(plan.UnknownName, match=r"ngnix.*\n\nhint: .*nginx"):
        plan.legs(QUICK, only=["ngnix"])
    with pytest.raises(plan.UnknownName, match="no scenario"):
        plan.legs(QUICK, scenarios=["hop"])
