from bench.goals import GOALS, Verdict, verdicts
from bench.results import Row
from bench.scenarios import SCENARIOS
from bench.summary import summarise
from bench.table import render


def rows() -> list[Row]:
    """Every proxy of every scenario, with figures as wide as they get."""
    return [
        Row(s.name, p, c, 0, None if p == "direct" else 1234.56, 123456.7, 38380, 1, 99)
        for s in SCENARIOS
        for c in s.connections
        for p in s.proxies
    ]


def test_no_line_is_wider_than_a_terminal() -> None:
    summaries = summarise(rows())
    text = render(summaries, verdicts(summaries))
    assert max(len(line) for line in text.splitlines()) <= 80


def test_every_proxy_has_its_line() -> None:
    text = render(summarise(rows()), [])
    lines = [line for line in text.splitlines() if " 123457 " in line]
    assert len(lines) == len(rows())


def test_a_missed_goal_is_loud() -> None:
    text = render([], [Verdict(GOALS[0], value=20.0, limit=15.0)])
    assert text.endswith("20.0 <= 15.0 NOT MET")


def test_a_met_goal_says_so() -> None:
    text = render([], [Verdict(GOALS[0], value=15.0, limit=15.0)])
    assert text.endswith("    met")
