"""How often each rule decided."""

from __future__ import annotations

import pytest

from weft.observe import rules as module
from weft.observe.rules import RuleBook
from weft.v1 import control_pb2

RULE = "AccessPolicy/default/a/0"


def report(hits: int, *, audit: bool = False, epoch: int = 1, rule: str = RULE) -> control_pb2.TelemetryReport:
    made = control_pb2.TelemetryReport(reporter="default/a-0", epoch=epoch, sequence=1)
    made.rules.add(rule_id=rule, hits=hits, audit=audit)
    return made


def test_hits_add_up_over_proxies_and_epochs() -> None:
    book = RuleBook()
    for hits, epoch, at in ((3, 1, 10.0), (5, 1, 11.0), (5, 1, 12.0), (2, 2, 13.0)):
        book.record(report(hits, epoch=epoch), at)
    (found,) = book.all().values()
    assert (found.hits, found.audit_hits, found.last_hit_at) == (7, 0, 13.0)


def test_what_an_audit_rule_would_have_done_is_counted_apart() -> None:
    book = RuleBook()
    book.record(report(4, audit=True), 1.0)
    book.record(report(1), 1.0)
    found = book.all()[RULE]
    assert (found.hits, found.audit_hits) == (1, 4)


def test_there_is_a_limit_to_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_RULES", 2)
    monkeypatch.setattr(module, "MAX_REPORTS", 2)
    book = RuleBook()
    for number in range(5):
        book.record(report(1, rule=f"HTTPRoute/default/r/{number}"), float(number))
    assert list(book.all()) == ["HTTPRoute/default/r/3", "HTTPRoute/default/r/4"] and len(book._seen) == 2
