"""Who watches which requests live: the taps, the proxies that serve them, and what waits for each reader.

Nothing is stored: a record waits for its reader or is counted as lost. Filters are the proxies' to evaluate.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from weft.v1 import control_pb2

# People have few eyes; each costs every proxy a comparison for each request.
MAX_TAPS: Final = 16
# Of one tap: what a terminal shows in some seconds.
MAX_WAITING: Final = 1_000
# Records of one proxy in a second, and of all proxies: more than anybody reads, and 5 % of a core here.
PROXY_PER_S: Final = 200
TOTAL_PER_S: Final = 2_000
# Bytes of a record. Proxies cut each of its texts after 1,024; a larger one would be kept for a thousand slow reads.
MAX_RECORD: Final = 16 << 10
# Of what a proxy says that it does not know.
MAX_MISSING: Final = 16
MAX_NAME: Final = 64


class TooManyTaps(Exception):
    """There are MAX_TAPS."""


class Tap:
    """One reader's. `take` gives what came; `news` is set when there is something."""

    def __init__(self, number: int, wanted: control_pb2.TapFilter, query: bool) -> None:
        self.id, self.filter, self.query = number, wanted, query
        # Fitted and not sent by proxies, or beyond what all of them together may send.
        self.left_out = 0
        # The reader was too slow for them.
        self.lost = 0
        # Workload to the names that its proxy does not know.
        self.refused: dict[str, tuple[str, ...]] = {}
        self.news = asyncio.Event()
        self._waiting: deque[control_pb2.TapRecord] = deque()
        self._second, self._in_second = 0, 0

    def put(self, record: control_pb2.TapRecord, now: float) -> None:
        if int(now) != self._second:
            self._second, self._in_second = int(now), 0
        self._in_second += 1
        if self._in_second > TOTAL_PER_S:
            self.left_out += 1
            return
        if len(self._waiting) == MAX_WAITING:
            # Who looks wants to see what happens now.
            self._waiting.popleft()
            self.lost += 1
        self._waiting.append(record)
        self.news.set()

    def take(self) -> list[control_pb2.TapRecord]:
        found = list(self._waiting)
        self._waiting.clear()
        self.news.clear()
        return found


@dataclass(eq=False, slots=True)
class Watcher:
    """One proxy's stream. `changed`: it has to hear what is watched."""

    reporter: str
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    # Tap to what this stream said that it left out.
    left_out: dict[int, int] = field(default_factory=dict)
    _second: int = 0
    # Tap to what came for it in this second.
    _came: dict[int, int] = field(default_factory=dict)

    def may_send(self, tap: int, now: float) -> bool:
        """Proxies keep to their measure by themselves; one that does not must not take the others' part. Its seconds
        begin when they like, so that in one of ours twice as much may come."""
        if int(now) != self._second:
            self._second, self._came = int(now), {}
        self._came[tap] = self._came.get(tap, 0) + 1
        return self._came[tap] <= 2 * PROXY_PER_S


class TapBook:
    def __init__(self) -> None:
        self._taps: dict[int, Tap] = {}
        self._watchers: set[Watcher] = set()
        self._last = 0

    def open(self, wanted: control_pb2.TapFilter, query: bool = False) -> Tap:
        if len(self._taps) >= MAX_TAPS:
            raise TooManyTaps
        self._last += 1
        tap = self._taps[self._last] = Tap(self._last, wanted, query)
        self._tell()
        return tap

    def close(self, tap: Tap) -> None:
        if self._taps.pop(tap.id, None) is not None:
            self._tell()

    @property
    def is_full(self) -> bool:
        return len(self._taps) >= MAX_TAPS

    @property
    def reporters(self) -> set[str]:
        """Workloads whose proxies hear what is watched."""
        return {watcher.reporter for watcher in self._watchers}

    def join(self, reporter: str) -> Watcher:
        watcher = Watcher(reporter)
        watcher.changed.set()
        self._watchers.add(watcher)
        return watcher

    def leave(self, watcher: Watcher) -> None:
        self._watchers.discard(watcher)

    def orders(self) -> control_pb2.TapOrders:
        """For each proxy the same; its share grows with the next change when there are fewer."""
        made = control_pb2.TapOrders()
        taps = max(len(self._taps), 1)
        share = min(PROXY_PER_S, TOTAL_PER_S // max(len(self._watchers), 1)) // taps
        for tap in self._taps.values():
            made.taps.add(id=tap.id, filter=tap.filter, query=tap.query, per_second=max(share, 1))
        return made

    def take(self, watcher: Watcher, report: control_pb2.TapReport, now: float) -> None:
        """What a proxy sends; taps that have ended meanwhile are no mistake."""
        for record in report.records:
            fits = record.ByteSize() <= MAX_RECORD
            for tap in self._known(record.taps):
                if fits and watcher.may_send(tap.id, now):
                    tap.put(record, now)
                else:
                    tap.left_out += 1
        for each in report.left_out:
            for tap in self._known((each.id,)):
                tap.left_out += max(each.count - watcher.left_out.get(each.id, 0), 0)
                watcher.left_out[each.id] = each.count
        for refused in report.refused:
            for tap in self._known((refused.id,)):
                tap.refused[watcher.reporter] = tuple(name[:MAX_NAME] for name in refused.missing[:MAX_MISSING])

    def _known(self, ids: Iterable[int]) -> list[Tap]:
        found = dict.fromkeys(ids)
        return [self._taps[number] for number in found if number in self._taps]

    def _tell(self) -> None:
        for watcher in self._watchers:
            for gone in watcher.left_out.keys() - self._taps.keys():
                del watcher.left_out[gone]
            watcher.changed.set()
