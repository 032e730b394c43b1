"""Counters of one edge."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from weft.observe.counters import (
    CLASSES,
    FAILURES,
    LATENCY,
    MAX_REASONS,
    OTHER_REASON,
    REASONS,
    REQUESTS,
    RETRIES_SAVED,
    Counters,
    ReasonNames,
)
from weft.v1 import control_pb2

sets = st.dictionaries(st.integers(0, 300), st.integers(1, 2**63)).map(Counters)


@given(sets)
def test_packing_loses_nothing(counters: Counters) -> None:
    assert Counters.unpack(counters.pack()) == counters


@given(sets, sets)
def test_what_was_added_is_what_came_on_top(earlier: Counters, more: Counters) -> None:
    later = Counters(earlier)
    later.add(more)
    assert later.since(earlier) == more


def test_an_edge_as_reported() -> None:
    names = ReasonNames()
    edge = control_pb2.Edge(
        requests=10, failures=2, retries_saved=3, classes=[0, 8, 0, 0, 2], latency_us=[0, 3, 7]
    )
    edge.reasons.add(reason="no-route", count=2)
    counters = Counters.of(edge, names)
    assert counters == {REQUESTS: 10, FAILURES: 2, RETRIES_SAVED: 3, CLASSES[1]: 8, CLASSES[4]: 2, LATENCY[1]: 3,
                        LATENCY[2]: 7, names.slot("no-route"): 2}  # fmt: skip
    assert counters.latency() == {1: 3, 2: 7}


def test_a_count_that_goes_back_counts_as_nothing() -> None:
    assert Counters({0: 5, 1: 1}).since(Counters({0: 9})) == {1: 1}


def test_more_buckets_or_classes_than_there_are_do_not_spill_into_other_slots() -> None:
    edge = control_pb2.Edge(classes=[1] * 50, latency_us=[1] * 1000)
    assert set(Counters.of(edge, ReasonNames())) == {*CLASSES, *LATENCY}


def test_invented_reasons_share_one_slot() -> None:
    names = ReasonNames()
    slots = {names.slot(f"reason-{number}") for number in range(MAX_REASONS * 2)}
    assert len(slots) == MAX_REASONS and names.name(names.slot("one-more")) == OTHER_REASON
    assert names.slot("one-more") == REASONS
