"""Who is registered, and for how long."""

from __future__ import annotations

from dataclasses import replace

import pytest

from weft.compiler.model import Health, WorkloadInfo
from weft.controller.leases import Attached, Leases

NAME = "default/a-0"
OLD, NEW = object(), object()


def attached(health: Health = "healthy", epoch: int = 1, **more: str) -> Attached:
    return Attached(WorkloadInfo(NAME, "default", "default/a", health=health), epoch, **more)  # type: ignore[arg-type]


def health(leases: Leases, now: float) -> str:
    leases.expire(now)
    lease = leases.all.get(NAME)
    return lease.health(now, leases.unhealthy_after) if lease else "removed"


def test_a_lost_stream_turns_unknown_then_unhealthy_then_removed() -> None:
    leases = Leases()
    assert leases.attach(OLD, attached()) == {NAME}
    assert health(leases, 1e6) == "healthy"
    assert leases.lose(NAME, OLD, 100.0) == {NAME}
    seen = [(seconds, health(leases, 100.0 + seconds)) for seconds in (0, 29.9, 30, 299.9, 300)]
    assert seen == [(0, "unknown"), (29.9, "unknown"), (30, "unhealthy"), (299.9, "unhealthy"), (300, "removed")]


def test_it_says_when_to_look_again() -> None:
    leases = Leases()
    leases.attach(OLD, attached())
    assert leases.next_change(0.0) is None
    leases.lose(NAME, OLD, 100.0)
    assert [leases.next_change(now) for now in (100.0, 129.0, 130.0, 399.0, 400.0)] == [
        130.0,
        130.0,
        400.0,
        400.0,
        None,
    ]
    assert [leases.expire(now) for now in (129.0, 130.0, 131.0, 400.0)] == [set(), {NAME}, set(), {NAME}]


def test_who_comes_back_in_time_is_as_before() -> None:
    leases = Leases()
    leases.attach(OLD, attached())
    leases.lose(NAME, OLD, 100.0)
    assert leases.attach(NEW, attached()) == {NAME}
    assert health(leases, 1e6) == "healthy"


def test_losing_sight_of_the_unhealthy_is_no_good_news() -> None:
    leases = Leases()
    leases.attach(OLD, attached("unhealthy"))
    leases.lose(NAME, OLD, 100.0)
    assert health(leases, 101.0) == "unhealthy"


def test_what_drains_is_removed_with_its_stream() -> None:
    leases = Leases()
    leases.attach(OLD, attached())
    assert leases.attach(OLD, attached("draining")) == {NAME}
    assert health(leases, 1.0) == "draining"
    assert leases.lose(NAME, OLD, 2.0) == {NAME}
    assert health(leases, 2.0) == "removed"


def test_saying_the_same_again_changes_nothing() -> None:
    leases = Leases()
    leases.attach(OLD, attached())
    assert leases.attach(OLD, attached()) == set()
    assert leases.attach(OLD, attached(admin="127.0.0.1:15000")) == {NAME}


def test_a_new_process_speaks_for_the_workload_and_the_old_one_may_drain() -> None:
    leases = Leases()
    leases.attach(OLD, attached(epoch=7))
    leases.attach(NEW, attached(epoch=3))
    assert leases.attach(OLD, attached("draining", epoch=7)) == set()
    assert health(leases, 1.0) == "healthy"
    assert leases.lose(NAME, OLD, 2.0) == set()
    assert health(leases, 1e6) == "healthy"


def test_when_the_new_process_fails_the_old_one_speaks_again() -> None:
    leases = Leases()
    leases.attach(OLD, attached(epoch=1))
    leases.attach(NEW, attached("unhealthy", epoch=2))
    assert health(leases, 1.0) == "unhealthy"
    assert leases.lose(NAME, NEW, 2.0) == {NAME}
    assert health(leases, 1e6) == "healthy"


def test_an_old_process_that_reconnects_does_not_speak_over_the_new_one() -> None:
    leases = Leases()
    leases.attach(OLD, attached(epoch=1))
    leases.attach(NEW, attached(epoch=2))
    leases.lose(NAME, OLD, 1.0)
    assert leases.attach(object(), attached("draining", epoch=1)) == set()
    assert health(leases, 2.0) == "healthy"


def test_after_a_restart_everybody_has_the_whole_time_to_come_back() -> None:
    leases = Leases()
    leases.restore(
        [attached(), replace(attached("unhealthy"), info=replace(attached("unhealthy").info, name="default/b"))], 50.0
    )
    assert health(leases, 79.0) == "unknown" and leases.all["default/b"].health(79.0, 30.0) == "unhealthy"
    assert leases.attach(NEW, attached(epoch=9)) == {NAME}
    assert health(leases, 1e6) == "healthy"


def test_a_restart_before_anybody_came_back_starts_the_clocks_again() -> None:
    for _ in range(3):
        leases = Leases()
        leases.restore([attached()], 0.0)
        assert health(leases, 299.0) == "unhealthy"


@pytest.mark.parametrize("crashes", [3, 50])
def test_a_crash_loop_leaves_no_trail(crashes: int) -> None:
    leases = Leases()
    for epoch in range(crashes):
        stream = object()
        leases.attach(stream, attached(epoch=epoch))
        leases.lose(NAME, stream, float(epoch))
    (lease,) = leases.all.values()
    assert len(lease.epochs) <= 8 and lease.streams == []


def test_there_is_a_limit_to_workloads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weft.controller.leases.MAX_WORKLOADS", 1)
    leases = Leases()
    assert not leases.full
    leases.attach(OLD, attached())
    assert leases.full
