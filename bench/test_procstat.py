import os

import pytest

from bench import procstat

LINE = (
    "1234 (weft) proxy (x) S 77 1234 1234 0 -1 4194560 1068 0 0 0 "
    "250 50 9 9 20 0 1 0 95533 17944576 1068 18446744073709551615\n"
)

STAT = """\
cpu  300 4 100 9000 5 1 20 3 0 0
cpu0 100 1 40 4000 2 1 8 2 0 0
cpu1 200 3 60 5000 3 0 12 1 0 0
intr 12345 0 0
"""


def test_a_name_with_blanks_and_parentheses_shifts_no_field() -> None:
    assert procstat.parse_stat(LINE) == procstat.Stat(1234, 77, 250 + 50)


def test_time_of_dead_children_is_not_counted() -> None:
    assert procstat.parse_stat(LINE).cpu_ticks == 300


def test_rss_is_read_in_kib() -> None:
    text = "Name:\tx\nVmHWM:\t  900 kB\nVmRSS:\t  640 kB\n"
    assert procstat.parse_rss_kib(text) == 640


def test_a_zombie_has_no_memory() -> None:
    assert procstat.parse_rss_kib("Name:\tx\nState:\tZ (zombie)\n") == 0


def test_a_core_is_busy_with_all_but_idle_and_io_wait() -> None:
    assert procstat.parse_core_busy_ticks(STAT, 0) == 100 + 1 + 40 + 1 + 8 + 2


def test_a_core_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="no core 7"):
        procstat.parse_core_busy_ticks(STAT, 7)


@pytest.mark.parametrize(
    ("roots", "expected"),
    [([10], {10, 11, 12}), ([11], {11, 12}), ([20], {20}), ([], set())],
)
def test_a_family_is_all_generations(roots: list[int], expected: set[int]) -> None:
    parents = {12: 11, 11: 10, 10: 1, 20: 1}
    assert procstat.family(roots, parents) == expected


def test_this_process_is_found_and_has_used_something() -> None:
    me = os.getpid()
    assert me in procstat.family_now([me])
    assert procstat.rss_mb([me]) > 1
