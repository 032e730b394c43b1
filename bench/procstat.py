"""What the kernel says a process has used: CPU time and resident memory.

`utime + stime` of /proc/PID/stat is printed in ticks of 10 ms, but behind it
stands the scheduler's nanosecond count (`cputime_adjust` splits
`sum_exec_runtime`), so a run of 3 s is exact to 10 ms: 0.3 % of a busy core.
It holds all threads of the process, ended ones too.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Stat:
    pid: int
    parent: int
    cpu_ticks: int


def parse_stat(text: str) -> Stat:
    """One line of /proc/PID/stat (proc(5)).

    The name in parentheses may itself hold blanks and parentheses: only the last
    one closes it.
    """
    before, _, after = text.rpartition(")")
    fields = after.split()
    # Counted from the state, which is field 3: ppid is 4, utime 14, stime 15.
    return Stat(
        pid=int(before.split(" ", 1)[0]),
        parent=int(fields[1]),
        cpu_ticks=int(fields[11]) + int(fields[12]),
    )


def parse_rss_kib(text: str) -> int:
    """`VmRSS` of /proc/PID/status; a zombie has none."""
    for line in text.splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def parse_core_busy_ticks(text: str, core: int) -> int:
    """Of /proc/stat: what a core did, for whomever, and what a hypervisor took."""
    for line in text.splitlines():
        name, *columns = line.split()
        if name == f"cpu{core}":
            user, nice, system, _idle, _wait, irq, softirq, steal = columns[:8]
            return sum(map(int, (user, nice, system, irq, softirq, steal)))
    raise ValueError(f"no core {core}")


def family(roots: Iterable[int], parents: Mapping[int, int]) -> frozenset[int]:
    """The roots and everything that descends from them."""
    found = set(roots)
    grown = True
    while grown:
        children = {pid for pid, parent in parents.items() if parent in found}
        grown = not children <= found
        found |= children
    return frozenset(found)


def family_now(roots: Iterable[int]) -> frozenset[int]:
    return family(roots, {stat.pid: stat.parent for stat in _all_stats()})


def cpu_seconds(pids: Iterable[int]) -> float:
    ticks = sum(parse_stat(_read(pid, "stat")).cpu_ticks for pid in pids)
    return ticks / TICKS_PER_SECOND


def core_busy_seconds(core: int) -> float:
    text = (PROC / "stat").read_text()
    return parse_core_busy_ticks(text, core) / TICKS_PER_SECOND


def rss_mb(pids: Iterable[int]) -> float:
    kib = sum(parse_rss_kib(_read(pid, "status")) for pid in pids)
    return kib / 1024


def _read(pid: int, name: str) -> str:
    return (PROC / str(pid) / name).read_text()


def _all_stats() -> Iterable[Stat]:
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                yield parse_stat((entry / "stat").read_text())
            except (FileNotFoundError, ProcessLookupError):
                continue  # ended while we looked
