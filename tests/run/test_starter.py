"""Order, readiness and failure of a start are in `test_up.py`, where there is a mesh to wait for."""

import io

from weft.run.display import Display
from weft.run.spec import START_TIMEOUT_MS, Command, Spec
from weft.run.starter import GRACE_S, WORKLOADS_START_S, Starter, _allowed_s, grace_s


def test_who_was_given_more_time_has_it() -> None:
    slow = Spec("a", command=Command(("x",), start_timeout_ms=START_TIMEOUT_MS + 30_000))
    quick = Spec("b", command=Command(("x",), start_timeout_ms=1))
    assert _allowed_s([Spec("edge"), quick]) == WORKLOADS_START_S
    assert _allowed_s([quick, slow]) == WORKLOADS_START_S + 30


def test_an_end_may_take_the_drain_and_a_moment() -> None:
    assert grace_s(Spec("a", drain_ms=1000)) == 1 + GRACE_S


async def test_who_is_to_stop_starts_nobody() -> None:
    starter = Starter(Display([], io.StringIO(), io.StringIO()), {}, lambda: True, lambda child, grace: None)
    await starter._start([Spec("a")], [Spec("a")], {})
    assert starter._children == {}
