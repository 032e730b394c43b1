"""What bench/bars.py measures does happen: counts only, no times."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import bars


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short: unix sockets lie in it."""
    with tempfile.TemporaryDirectory(prefix="weft-bars-") as name:
        yield Path(name)


def test_a_change_is_in_force_in_fifty_proxies(folder: Path) -> None:
    with bars.Fleet(bars.PROXIES, folder) as fleet:
        assert len(fleet.admins) == bars.PROXIES
        mark = bars.MARKS[0]
        assert fleet.in_force(mark) == 0
        fleet.change(mark)
        assert fleet.in_force(mark) == bars.PROXIES
        # The controller hears of it from the proxies, each in its own time.
        bars.until(lambda: fleet.programmed() == (bars.PROXIES, bars.PROXIES), "Programmed 50/50")
        # One process each: what is called a sidecar's memory is one proxy's.
        assert len([mb for mb in fleet.idle_mb() if mb > 0]) == bars.PROXIES


def test_a_bar_is_held_by_its_median() -> None:
    bar = bars.Bar("ready", "weft-proxy run → it answers", "ms", 50.0, (20.0, 60.0, 30.0))
    assert (bar.median, bar.holds) == (30.0, True)
    assert "30.00 ms" in bars.render([bar]) and "60.00 ms" in bars.render([bar]) and "holds" in bars.render([bar])


def test_a_missed_bar_says_so() -> None:
    assert "MISSED" in bars.render([bars.Bar("idle", "memory", "MB", 12.0, (13.0,))])


def test_a_proxy_from_a_file_answers(folder: Path) -> None:
    """That it does is the assertion: `ready_ms` raises when it does not."""
    assert bars.ready_ms(folder) > 0
