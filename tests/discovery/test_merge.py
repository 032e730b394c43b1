from dataclasses import replace

import pytest

from weft.compiler.model import Discovered
from weft.discovery.merge import merged, place

ONE, TWO = Discovered("dns x", "192.0.2.1"), Discovered("dns x", "192.0.2.2")


def stale(endpoint: Discovered) -> Discovered:
    return replace(endpoint, stale=True)


# found, who answers → health by address
HEALTH = {
    "fresh ones are not tried": ([ONE, TWO], {}, "healthy healthy"),
    "stale, not tried yet": ([stale(ONE), stale(TWO)], {}, "unknown unknown"),
    "stale, both answer": ([stale(ONE), stale(TWO)], {1: True, 2: True}, "healthy healthy"),
    "stale, one is dead": ([stale(ONE), stale(TWO)], {1: True, 2: False}, "healthy unhealthy"),
    "stale, all are dead: none is left out": ([stale(ONE), stale(TWO)], {1: False, 2: False}, "unknown unknown"),
    "stale and dead, beside a fresh one": ([stale(ONE), TWO], {1: False}, "unhealthy healthy"),
}


@pytest.mark.parametrize(("found", "answers", "health"), HEALTH.values(), ids=HEALTH)
def test_the_dead_are_left_out_only_where_others_live(found, answers, health):
    given = {(f"192.0.2.{last}", 0): answer for last, answer in answers.items()}
    assert [e.health for e in merged(found, given)] == health.split()


def test_one_place_is_one_endpoint_and_the_fresh_one_counts():
    other = Discovered("file /x.yaml", "192.0.2.1", labels={"version": "v2"})
    assert [e.source for e in merged([ONE, other], {})] == ["dns x"]
    assert [(e.source, e.stale) for e in merged([stale(ONE), other], {})] == [("file /x.yaml", False)]
    assert [e.source for e in merged([other, stale(ONE)], {})] == ["file /x.yaml"]
    assert len(merged([ONE, replace(ONE, port=81)], {})) == 2
    assert place(replace(ONE, port=81)) == ("192.0.2.1", 81)
