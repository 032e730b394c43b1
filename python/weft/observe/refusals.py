"""Who is turned away, as events: once when it begins, then once a minute how often."""

from __future__ import annotations

from typing import Final, TypeAlias

from weft.observe.counters import REASONS, Counters, ReasonNames
from weft.observe.edges import EdgeId, End
from weft.observe.events import EventRing

# Reasons with which a callee's proxy turns a caller away.
REFUSALS: Final = ("access-denied", "mtls-required")
KIND: Final = "refused"
# Who is refused may try a thousand times a second; the event list is for people.
EVERY_S: Final = 60.0
# A scan by strangers must not fill memory; those beyond are told of together.
MAX_PAIRS: Final = 256
UNMESHED: Final = "somebody without a proxy"
OTHERS: Final = ("others", "several services", "several reasons")

Pair: TypeAlias = tuple[str, str, str]


class Refusals:
    """`see` is told what an edge has grown by, `look` is called each EVERY_S."""

    def __init__(self, events: EventRing, reasons: ReasonNames) -> None:
        self._events, self._reasons = events, reasons
        # Of those that were told lately: what has come since.
        self._since: dict[Pair, int] = {}

    def see(self, edge: EdgeId, grown: Counters) -> None:
        if not edge.counts:
            return
        for slot, count in grown.items():
            if slot >= REASONS and (reason := self._reasons.name(slot)) in REFUSALS:
                self._count((_name(edge.source), _name(edge.destination), reason), count)

    def look(self) -> None:
        """What went on is told, what did not is news the next time."""
        for pair, count in list(self._since.items()):
            if count:
                self._tell(pair, count)
            else:
                del self._since[pair]

    def _count(self, pair: Pair, count: int) -> None:
        if pair not in self._since and len(self._since) >= MAX_PAIRS:
            pair = OTHERS
        if pair in self._since:
            self._since[pair] += count
        else:
            self._tell(pair, count)

    def _tell(self, pair: Pair, count: int) -> None:
        source, destination, reason = pair
        self._since[pair] = 0
        requests = "1 request" if count == 1 else f"{count} requests"
        text = f"{requests} of {source}: {reason}"
        if source != UNMESHED and pair != OTHERS:
            text += f"; `weft explain --from {source} --to {destination} GET /` names the rule"
        self._events.add(KIND, destination, text, "warning")


def _name(end: End) -> str:
    return end.service or end.workload or UNMESHED
