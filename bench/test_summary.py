from bench.results import Row
from bench.summary import Spread, best_peer, ratio, spread, summarise


def row(proxy: str, cpu: float | None, run: int = 0, connections: int = 32) -> Row:
    return Row("hop-h1-64B", proxy, connections, run, cpu, 1e4, 500.0, 900.0, 14.0)


def test_a_spread_is_middle_least_greatest() -> None:
    assert spread([3.0, 1.0, 9.0]) == Spread(3.0, 1.0, 9.0)
    assert spread([1.0, 2.0]) == Spread(1.5, 1.0, 2.0)


def test_runs_of_one_proxy_and_level_become_one_summary() -> None:
    rows = [row("nginx", 15.0), row("haproxy", 16.0), row("nginx", 17.0, run=1)]
    found = summarise([*rows, row("nginx", 20.0, connections=256)])
    assert [(s.proxy, s.connections) for s in found] == [
        ("nginx", 32),
        ("haproxy", 32),
        ("nginx", 256),
    ]
    assert found[0].cpu_us == Spread(16.0, 15.0, 17.0)


def test_without_a_proxy_there_is_no_cpu_time() -> None:
    (direct,) = summarise([row("direct", None)])
    assert direct.cpu_us is None


def test_the_best_peer_is_neither_weft_nor_no_proxy() -> None:
    figures = {"direct": None, "weft": 1.0, "weft-2p": 1.0, "haproxy": 3.0, "nginx": 2}
    best = best_peer(summarise([row(name, cpu) for name, cpu in figures.items()]))
    assert best is not None and best.proxy == "nginx"


def test_no_peer_no_best() -> None:
    assert best_peer(summarise([row("weft", 1.0)])) is None


def test_a_ratio_needs_both_figures() -> None:
    direct, one, other = summarise([row("direct", None), row("weft", 10.0), row("nginx", 20.0)])
    assert ratio(one, other) == 0.5
    assert ratio(direct, other) is None
