"""How often each rule decided: so that one that never does can be found and removed."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from weft.v1 import control_pb2

# Rules of a mesh with thousands of routes; beyond it the ones silent longest are forgotten.
MAX_RULES = 50_000
MAX_REPORTS = 200_000


@dataclass(slots=True)
class Hits:
    hits: int = 0
    # Of an audit rule: what it would have refused.
    audit_hits: int = 0
    last_hit_at: float | None = None


class RuleBook:
    def __init__(self) -> None:
        self._rules: OrderedDict[str, Hits] = OrderedDict()
        # (reporter, epoch, rule, audit) to the cumulative count last seen.
        self._seen: OrderedDict[tuple[str, int, str, bool], int] = OrderedDict()

    def record(self, report: control_pb2.TelemetryReport, now: float) -> None:
        for rule in report.rules:
            key = (report.reporter, report.epoch, rule.rule_id, rule.audit)
            grown = rule.hits - self._seen.get(key, 0)
            self._seen[key] = max(rule.hits, self._seen.get(key, 0))
            self._seen.move_to_end(key)
            if grown > 0:
                self._hit(rule, grown, now)
        while len(self._seen) > MAX_REPORTS:
            self._seen.popitem(last=False)

    def all(self) -> dict[str, Hits]:
        return dict(sorted(self._rules.items()))

    def _hit(self, rule: control_pb2.RuleHits, grown: int, now: float) -> None:
        hits = self._rules.setdefault(rule.rule_id, Hits())
        self._rules.move_to_end(rule.rule_id)
        if rule.audit:
            hits.audit_hits += grown
        else:
            hits.hits += grown
        hits.last_hit_at = now
        while len(self._rules) > MAX_RULES:
            self._rules.popitem(last=False)
