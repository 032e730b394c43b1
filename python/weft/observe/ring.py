"""An hour of one edge, the finer the younger: seconds for a minute, ten seconds for ten minutes, then minutes.

164 points of about 170 bytes: 28 KB for an edge that is busy all the time, nothing for one that is not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from weft.observe.counters import Counters

# (width of a point, age up to which points have it), both in seconds.
TIERS = ((1, 60), (10, 600), (60, 3600))
KEPT_S = TIERS[-1][1]


class Ring:
    __slots__ = ("_open", "_tiers")

    def __init__(self) -> None:
        # Closed points per tier, oldest first: (begin, packed counters).
        self._tiers: tuple[deque[tuple[int, bytes]], ...] = tuple(deque() for _ in TIERS)
        self._open: tuple[int, Counters] | None = None

    def add(self, now: float, counters: Counters) -> None:
        second = int(now)
        if self._open is not None and self._open[0] != second:
            self._close(self._open[0], self._open[1])
            self._open = None
        if self._open is None:
            self._open = (second, Counters())
        self._open[1].add(counters)
        self.age(now)

    def age(self, now: float) -> None:
        """Move points that grew old into wider ones, and forget those beyond the hour."""
        for tier, (width, oldest) in enumerate(TIERS):
            points = self._tiers[tier]
            while points and points[0][0] + width <= now - oldest:
                begin, packed = points.popleft()
                if tier + 1 < len(TIERS):
                    self._merge(tier + 1, begin, Counters.unpack(packed))

    def points(self, begin: float) -> Iterator[tuple[int, int, Counters]]:
        """(begin, width, counters) of every point that begins at or after `begin`, oldest first."""
        for (width, _), points in reversed(tuple(zip(TIERS, self._tiers, strict=True))):
            for start, packed in points:
                if start >= begin:
                    yield start, width, Counters.unpack(packed)
        if self._open is not None and self._open[0] >= begin:
            yield self._open[0], 1, self._open[1]

    def total(self, begin: float) -> Counters:
        total = Counters()
        for _, _, counters in self.points(begin):
            total.add(counters)
        return total

    @property
    def empty(self) -> bool:
        return self._open is None and not any(self._tiers)

    def close(self, now: float) -> None:
        """Pack the open second once it is over, so that an idle edge ages too."""
        if self._open is not None and self._open[0] < int(now):
            self._close(*self._open)
            self._open = None
        self.age(now)

    def _close(self, second: int, counters: Counters) -> None:
        self._tiers[0].append((second, counters.pack()))

    def _merge(self, tier: int, begin: int, counters: Counters) -> None:
        width = TIERS[tier][0]
        start = begin - begin % width
        points = self._tiers[tier]
        if points and points[-1][0] == start:
            counters.add(Counters.unpack(points.pop()[1]))
        points.append((start, counters.pack()))
