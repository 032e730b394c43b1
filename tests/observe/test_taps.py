"""Taps: bounds, counts, and who hears what."""

from __future__ import annotations

import pytest

from weft.observe.taps import MAX_RECORD, MAX_TAPS, MAX_WAITING, PROXY_PER_S, TOTAL_PER_S, TapBook, TooManyTaps
from weft.v1 import control_pb2

ANY = control_pb2.TapFilter()


def report(*taps: int, count: int = 1, left_out: dict[int, int] | None = None) -> control_pb2.TapReport:
    made = control_pb2.TapReport()
    for number in range(count):
        made.records.add(taps=taps, request_id=str(number))
    for number, count in (left_out or {}).items():
        made.left_out.add(id=number, count=count)
    return made


def test_each_tap_gets_its_own_once_and_what_has_ended_is_no_mistake() -> None:
    book = TapBook()
    watcher, first, second = book.join("d/a-0"), book.open(ANY), book.open(ANY)
    book.take(watcher, report(first.id, second.id, second.id), 0)
    book.take(watcher, report(second.id, 99), 0)
    assert (len(first.take()), len(second.take())) == (1, 2)
    book.close(first)
    book.take(watcher, report(first.id), 0)
    assert first.take() == [] and not first.news.is_set()


def test_there_are_only_so_many() -> None:
    book = TapBook()
    taps = [book.open(ANY) for _ in range(MAX_TAPS)]
    assert book.is_full
    with pytest.raises(TooManyTaps):
        book.open(ANY)
    book.close(taps[3])
    assert book.open(ANY).id not in {tap.id for tap in taps}


def test_a_reader_that_is_stuck_keeps_the_newest_and_loses_the_rest_with_a_count() -> None:
    book = TapBook()
    watcher, tap = book.join("d/a-0"), book.open(ANY)
    for second in range(3 * MAX_WAITING // PROXY_PER_S):
        book.take(watcher, report(tap.id, count=PROXY_PER_S), second)
    assert tap.lost == 2 * MAX_WAITING
    assert len(tap.take()) == MAX_WAITING
    book.take(watcher, report(tap.id), 99)
    assert len(tap.take()) == 1 and tap.lost == 2 * MAX_WAITING


def test_one_proxy_takes_no_others_place() -> None:
    book = TapBook()
    tap, other = book.open(ANY), book.open(ANY)
    loud, quiet = book.join("d/loud-0"), book.join("d/quiet-0")
    for _ in range(5):
        book.take(loud, report(tap.id, count=PROXY_PER_S), 7.5)
    book.take(loud, report(other.id, count=PROXY_PER_S), 7.5)
    book.take(quiet, report(tap.id), 7.5)
    # Its seconds are not ours: twice what it may send can come in one of ours.
    assert (len(tap.take()), tap.left_out) == (2 * PROXY_PER_S + 1, 3 * PROXY_PER_S)
    assert (len(other.take()), other.left_out) == (PROXY_PER_S, 0)
    book.take(loud, report(tap.id), 8.0)
    assert len(tap.take()) == 1


def test_a_record_that_no_honest_proxy_sends_is_not_kept() -> None:
    book = TapBook()
    watcher, tap = book.join("d/a-0"), book.open(ANY)
    made = report(tap.id, count=2)
    made.records[0].path = "/" * (MAX_RECORD + 1)
    made.refused.add(id=tap.id, missing=["x" * 100_000, *["y"] * 100_000])
    book.take(watcher, made, 0)
    assert (len(tap.take()), tap.left_out) == (1, 1)
    assert len(tap.refused["d/a-0"]) == 16 and max(map(len, tap.refused["d/a-0"])) == 64


def test_all_proxies_together_have_a_measure_for_each_second() -> None:
    book = TapBook()
    tap = book.open(ANY)
    for number in range(30):
        book.take(book.join(f"d/a-{number}"), report(tap.id, count=100), 7.5)
    assert tap.left_out == 3000 - TOTAL_PER_S
    book.take(book.join("d/b-0"), report(tap.id), 8.0)
    assert tap.left_out == 3000 - TOTAL_PER_S


def test_what_proxies_leave_out_adds_up_and_repetitions_do_not() -> None:
    book = TapBook()
    tap = book.open(ANY)
    one, other = book.join("d/a-0"), book.join("d/b-0")
    for watcher, count in ((one, 5), (one, 5), (other, 2), (one, 9), (one, 3)):
        book.take(watcher, report(count=0, left_out={tap.id: count}), 0)
    assert tap.left_out == 9 + 2


def test_a_proxys_share_gets_smaller_with_taps_and_proxies_but_never_nothing() -> None:
    table = [(1, 1, PROXY_PER_S), (1, 4, PROXY_PER_S // 4), (100, 1, 20), (100, 4, 5), (5000, 16, 1)]
    for proxies, taps, share in table:
        book = TapBook()
        for number in range(proxies):
            book.join(f"d/a-{number}")
        for _ in range(taps):
            book.open(ANY)
        assert {order.per_second for order in book.orders().taps} == {share}, (proxies, taps)


def test_proxies_hear_of_every_change_and_of_the_present_at_once() -> None:
    book = TapBook()
    watcher = book.join("d/a-0")
    assert watcher.changed.is_set() and book.reporters == {"d/a-0"} and len(book.orders().taps) == 0
    watcher.changed.clear()
    tap = book.open(control_pb2.TapFilter(method="GET"), query=True)
    assert watcher.changed.is_set()
    (order,) = book.orders().taps
    assert (order.id, order.filter.method, order.query) == (tap.id, "GET", True)
    watcher.changed.clear()
    book.close(tap)
    book.close(tap)
    assert watcher.changed.is_set() and not book.orders().taps
    book.leave(watcher)
    assert book.reporters == set()


def test_a_workload_with_two_processes_is_one_until_both_are_gone() -> None:
    book = TapBook()
    old, new = book.join("d/a-0"), book.join("d/a-0")
    book.leave(old)
    assert book.reporters == {"d/a-0"}
    book.leave(new)
    assert book.reporters == set()


def test_a_proxy_that_lacks_something_is_known_to_refuse() -> None:
    book = TapBook()
    watcher, tap = book.join("d/a-0"), book.open(ANY)
    made = control_pb2.TapReport()
    made.refused.add(id=tap.id, missing=["header"])
    book.take(watcher, made, 0)
    assert tap.refused == {"d/a-0": ("header",)}
