"""Nothing that a source says or fails to say empties what it said before."""

from __future__ import annotations

from weft.compiler.model import Discovered
from weft.discovery.known import MAX_ENDPOINTS, Known
from weft.discovery.source import Answer, Failed


def endpoint(last: int) -> Discovered:
    return Discovered("dns x", f"192.0.2.{last}")


def answer(valid: float | None = 60, **parts: tuple[Discovered, ...] | Failed) -> Answer:
    return Answer(parts, valid, 1)


def known(*answers: Answer) -> Known:
    made = Known("dns x")
    for each in answers:
        made.answered(each, 0, 1_000)
    return made


def seen(of: Known, now: float) -> dict[str, bool]:
    """Last number of the address to whether it is stale."""
    return {e.address.rpartition(".")[2]: e.stale for e in of.endpoints(now)}


def test_an_answer_replaces_the_one_before() -> None:
    made = known(answer(A=(endpoint(1),)), answer(A=(endpoint(2), endpoint(3))))
    assert seen(made, 0) == {"2": False, "3": False}
    assert (made.problem, made.answered_at, made.asked) == ("", 1_000, True)


def test_after_a_failure_it_holds_for_its_time_and_then_is_stale() -> None:
    made = known(answer(A=(endpoint(1),)))
    made.failed("SERVFAIL")
    assert seen(made, 59) == {"1": False}
    assert made.next_change(59) == 60
    assert seen(made, 60) == {"1": True}
    assert made.next_change(60) is None
    assert made.problem == "SERVFAIL"


def test_without_a_failure_it_is_not_stale_however_long_an_answer_takes() -> None:
    assert seen(known(answer(A=(endpoint(1),))), 1e9) == {"1": False}


def test_what_has_no_time_is_stale_at_once() -> None:
    made = known(answer(None, A=(endpoint(1),)))
    assert seen(made, 5) == {"1": False}
    made.failed("broken")
    assert seen(made, 5) == {"1": True}


def test_an_empty_answer_is_a_failure() -> None:
    made = known(answer(A=(endpoint(1),)), answer(A=(), AAAA=()))
    assert seen(made, 60) == {"1": True}
    assert made.problem == "dns x: no endpoint"


def test_a_part_that_failed_stays_and_one_that_left_goes() -> None:
    first = answer(a=(endpoint(1),), b=(endpoint(2),), c=(endpoint(3),))
    made = known(first, answer(a=Failed("timeout"), b=(endpoint(4),)))
    assert seen(made, 60) == {"1": True, "4": False}
    assert made.problem == "timeout"


def test_a_part_that_is_empty_among_others_is_empty() -> None:
    made = known(answer(A=(endpoint(1),), AAAA=(endpoint(2),)), answer(A=(endpoint(1),), AAAA=()))
    assert seen(made, 60) == {"1": False}
    assert made.problem == ""


def test_an_answer_ends_the_failure() -> None:
    made = known(answer(A=(endpoint(1),)))
    made.failed("SERVFAIL")
    made.answered(answer(A=(endpoint(1),)), 100, 1_100)
    assert seen(made, 1_000) == {"1": False}
    assert (made.problem, made.answered_at) == ("", 1_100)


def test_more_than_a_service_can_have_is_a_failure() -> None:
    made = known(answer(A=(endpoint(1),)), answer(A=(endpoint(2),) * (MAX_ENDPOINTS + 1)))
    assert seen(made, 0) == {"1": False}
    assert "10001 endpoints" in made.problem


def test_only_time_passing_is_nothing_said() -> None:
    made = known(answer(A=(endpoint(1),)))
    before = made.said
    made.answered(answer(A=(endpoint(1),)), 50, 1_050)
    assert made.said == before
    made.failed("x")
    assert made.said != before
