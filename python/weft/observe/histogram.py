"""Latencies in log-scale buckets that merge: bucket i counts [16 · 2^(i/4), 16 · 2^((i+1)/4)) µs.

Four buckets per doubling: a percentile is at most 19 % off, and adding two histograms is adding their counts, which
percentiles themselves never allow.
"""

from __future__ import annotations

from collections.abc import Mapping

FIRST_US = 16.0
PER_DOUBLING = 4
# 2^(1/4) steps from 16 µs: the last begins at 4.8 h, beyond every timeout.
BUCKETS = 120


def lower_us(bucket: int) -> float:
    return float(FIRST_US * 2.0 ** (bucket / PER_DOUBLING))


def percentile_us(counts: Mapping[int, int], quantile: float) -> float | None:
    """The value below which `quantile` (0–1) of the observations lie; None without observations."""
    total = sum(counts.values())
    if not total:
        return None
    rank, seen = quantile * total, 0
    for bucket in sorted(counts):
        count = counts[bucket]
        if seen + count >= rank:
            # Within a bucket the values are taken as evenly spread on the log scale.
            return float(lower_us(bucket) * 2.0 ** ((rank - seen) / count / PER_DOUBLING))
        seen += count
    return lower_us(max(counts) + 1)
