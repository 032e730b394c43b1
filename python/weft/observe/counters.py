"""The counters of one edge: a sparse map from slot to count, so that adding, subtracting and packing know no names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from weft.observe.histogram import BUCKETS
from weft.v1 import control_pb2

REQUESTS: Final = 0
FAILURES: Final = 1
RETRIES: Final = 2
REQUEST_BYTES: Final = 3
RESPONSE_BYTES: Final = 4
CONNECTIONS: Final = 5
# 1xx … 5xx
CLASSES: Final = range(6, 11)
RETRIES_SAVED: Final = 11
LATENCY: Final = range(16, 16 + BUCKETS)
REASONS: Final = 16 + BUCKETS

# Reasons are a closed list (docs/reference/reasons.md) of a few dozen; a proxy that invents more shares one slot.
MAX_REASONS = 128
OTHER_REASON = "other"


class ReasonNames:
    """Slots of reason codes, in order of appearance."""

    def __init__(self) -> None:
        self._names: list[str] = [OTHER_REASON]
        self._slots: dict[str, int] = {OTHER_REASON: REASONS}

    def slot(self, reason: str) -> int:
        known = self._slots.get(reason)
        if known is not None:
            return known
        if len(self._names) >= MAX_REASONS:
            return REASONS
        self._names.append(reason)
        self._slots[reason] = REASONS + len(self._names) - 1
        return self._slots[reason]

    def name(self, slot: int) -> str:
        return self._names[slot - REASONS]


class Counters(dict[int, int]):
    """Slot to count; absent is 0."""

    @classmethod
    def of(cls, edge: control_pb2.Edge, reasons: ReasonNames) -> Counters:
        made = cls()
        fields = (edge.requests, edge.failures, edge.retries, edge.request_bytes, edge.response_bytes, edge.connections)
        made._fill(0, fields)
        made.add_to(RETRIES_SAVED, edge.retries_saved)
        made._fill(CLASSES.start, edge.classes[: len(CLASSES)])
        made._fill(LATENCY.start, edge.latency_us[: len(LATENCY)])
        for reason in edge.reasons:
            made.add_to(reasons.slot(reason.reason), reason.count)
        return made

    def add_to(self, slot: int, count: int) -> None:
        if count:
            self[slot] = self.get(slot, 0) + count

    def add(self, other: Counters) -> None:
        for slot, count in other.items():
            self[slot] = self.get(slot, 0) + count

    def since(self, earlier: Counters) -> Counters:
        """What came on top. A count that went back can only be a fault of the reporter: it counts as nothing."""
        grown = ((slot, count - earlier.get(slot, 0)) for slot, count in self.items())
        return Counters((slot, more) for slot, more in grown if more > 0)

    def latency(self) -> dict[int, int]:
        return {slot - LATENCY.start: count for slot, count in self.items() if slot in LATENCY}

    def pack(self) -> bytes:
        """Varints of (slot difference, count): about 40 bytes for a busy edge's second."""
        out, last = bytearray(), 0
        for slot in sorted(self):
            _varint(out, slot - last)
            _varint(out, self[slot])
            last = slot
        return bytes(out)

    @classmethod
    def unpack(cls, packed: bytes) -> Counters:
        made = cls()
        numbers = _numbers(packed)
        slot = 0
        for difference in numbers:
            slot += difference
            made[slot] = next(numbers)
        return made

    def _fill(self, first: int, counts: Iterable[int]) -> None:
        for slot, count in enumerate(counts, first):
            if count:
                self[slot] = count


def _varint(out: bytearray, number: int) -> None:
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)


def _numbers(packed: bytes) -> Iterator[int]:
    number, shift = 0, 0
    for byte in packed:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield number
            number, shift = 0, 0
