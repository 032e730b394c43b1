"""Latencies in buckets that merge."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.observe.histogram import FIRST_US, PER_DOUBLING, lower_us, percentile_us


def bucket(us: float) -> int:
    return max(0, math.floor(math.log2(us / FIRST_US) * PER_DOUBLING))


def test_four_buckets_are_one_doubling() -> None:
    assert lower_us(0) == 16.0 and lower_us(4) == 32.0 and lower_us(8) == 64.0


def test_nothing_observed_has_no_percentile() -> None:
    assert percentile_us({}, 0.5) is None


@given(st.lists(st.floats(16.0, 1e9), min_size=1), st.sampled_from([0.5, 0.9, 0.99]))
def test_a_percentile_is_within_a_bucket_of_the_exact_one(values: list[float], quantile: float) -> None:
    counts: dict[int, int] = {}
    for value in values:
        counts[bucket(value)] = counts.get(bucket(value), 0) + 1
    exact = sorted(values)[math.ceil(quantile * len(values)) - 1]
    found = percentile_us(counts, quantile)
    assert found == pytest.approx(exact, rel=0.2)


def test_merged_histograms_have_the_percentile_of_all() -> None:
    assert percentile_us({0: 50, 40: 50}, 0.5) == pytest.approx(lower_us(1))
    assert percentile_us({0: 50, 40: 50}, 0.99) == pytest.approx(lower_us(40), rel=0.2)
