"""An hour of one edge."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from weft.observe.counters import Counters
from weft.observe.ring import KEPT_S, TIERS, Ring

START = 1_000_000


def test_the_last_minute_is_kept_by_the_second() -> None:
    ring = Ring()
    for second in range(30):
        ring.add(START + second + 0.5, Counters({0: second + 1}))
    assert [(begin - START, width, c[0]) for begin, width, c in ring.points(START + 27)] == [
        (27, 1, 28),
        (28, 1, 29),
        (29, 1, 30),
    ]
    assert ring.total(START)[0] == sum(range(1, 31))


def test_what_grows_old_is_merged_and_then_forgotten() -> None:
    ring = Ring()
    for second in range(2 * KEPT_S):
        ring.add(START + second, Counters({0: 1}))
    points = list(ring.points(0))
    assert {width for _, width, _ in points} == {width for width, _ in TIERS}
    assert len(points) <= 170
    assert KEPT_S <= ring.total(0)[0] <= KEPT_S + 2 * TIERS[-1][0]
    assert [begin for begin, _, _ in points] == sorted(begin for begin, _, _ in points)


def test_a_silent_edge_empties_itself() -> None:
    ring = Ring()
    ring.add(START, Counters({0: 1}))
    ring.close(START + 1)
    assert not ring.empty
    ring.close(START + KEPT_S + 120)
    assert ring.empty


@given(st.lists(st.tuples(st.integers(0, 90), st.integers(1, 5)), max_size=60))
def test_within_the_hour_nothing_is_lost(steps: list[tuple[int, int]]) -> None:
    ring, now, total = Ring(), START, 0
    for wait, count in steps:
        now += wait
        if now - START > KEPT_S - 120:
            break
        ring.add(now, Counters({0: count}))
        total += count
    assert ring.total(0).get(0, 0) == total
