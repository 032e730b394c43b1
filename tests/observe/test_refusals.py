"""Refusals as events: news at once, the rest once a minute."""

from __future__ import annotations

from tests.observe.test_edges import NOW, edge, report
from weft.observe import refusals as module
from weft.observe.edges import EdgeBook
from weft.observe.events import EventRing
from weft.observe.refusals import MAX_PAIRS, Refusals
from weft.v1 import control_pb2


class World:
    def __init__(self) -> None:
        self.book, self.ring = EdgeBook(), EventRing(lambda: NOW)
        self.refusals = Refusals(self.ring, self.book.reasons)
        self.book.on_growth = self.refusals.see
        self.sequence = 0

    def report(self, count: int, reason: str = "access-denied", **of: str) -> None:
        """`count`: all that this proxy has counted until now."""
        self.sequence += 1
        denied = edge(count, **of)  # type: ignore[arg-type]
        denied.reasons.append(control_pb2.ReasonCount(reason=reason, count=count))
        self.book.record(report(self.sequence, denied), NOW)

    def told(self) -> list[tuple[str, str, str]]:
        return [(event.kind, event.subject, event.text) for event in self.ring.after(0)[0]]


EXPLAIN = "; `weft explain --from default/web --to default/api GET /` names the rule"


def test_the_first_is_told_at_once_and_the_others_each_minute() -> None:
    world = World()
    for count in (1, 5, 9):
        world.report(count)
    assert world.told() == [("refused", "default/api", f"1 request of default/web: access-denied{EXPLAIN}")]
    assert world.ring.after(0)[0][0].severity == "warning"
    world.refusals.look()
    assert world.told()[1:] == [("refused", "default/api", f"8 requests of default/web: access-denied{EXPLAIN}")]
    # A minute without: the next one is news.
    world.refusals.look()
    assert len(world.told()) == 2
    world.report(10)
    assert len(world.told()) == 3


def test_other_reasons_and_what_the_other_side_saw_are_no_refusals() -> None:
    world = World()
    world.report(1, reason="no-route")
    world.report(2, side="destination")
    assert world.told() == []


def test_who_has_no_proxy_is_not_explained() -> None:
    world = World()
    world.report(3, reason="mtls-required", source="", side="destination")
    assert world.told() == [("refused", "default/api", "3 requests of somebody without a proxy: mtls-required")]


def test_a_scan_is_told_of_together() -> None:
    world = World()
    for number in range(MAX_PAIRS + 3):
        world.report(1, source=f"default/s{number}-0")
    told = world.told()
    assert len(told) == MAX_PAIRS + 1
    assert told[-1] == ("refused", "several services", "1 request of others: several reasons")
    world.refusals.look()
    assert world.told()[-1] == ("refused", "several services", "2 requests of others: several reasons")
    world.refusals.look()
    assert len(world.refusals._since) == 0


def test_they_are_reasons_that_there_are() -> None:
    from pathlib import Path

    page = (Path(__file__).parents[2] / "docs/reference/reasons.md").read_text(encoding="utf-8")
    assert all(f"| `{reason}` |" in page for reason in module.REFUSALS)
