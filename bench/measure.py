"""One run: load through a proxy, and what the proxy's processes used meanwhile."""

import time
from dataclasses import dataclass

from bench import procstat, wrk
from bench.field import Proxy
from bench.machine import PROXY_CORE
from bench.plan import Case
from bench.results import Row

# After the load the proxy still closes its connections: that is part of the work.
CLOSING_S = 0.05


class NotComparable(RuntimeError):
    """The proxy is no longer the processes that were measured at the start."""


@dataclass(frozen=True)
class Measured:
    row: Row
    # Part of the run in which core 0 worked for others: what no median forgets.
    foreign: float


def measure(scenario: str, case: Case, proxy: Proxy, seconds: int) -> Measured:
    pids = procstat.family_now(proxy.pids)
    memory = _Memory(pids)
    before = _Clock.read(pids)
    load = wrk.run(proxy.url, case.connections, seconds, memory.look)
    time.sleep(CLOSING_S)
    if procstat.family_now(proxy.pids) != pids:
        raise NotComparable(f"{proxy.name} started or lost a process during the run")
    after = _Clock.read(pids)
    used = after.proxy_s - before.proxy_s
    row = Row(
        scenario=scenario,
        proxy=case.proxy,
        connections=case.connections,
        run=case.run,
        cpu_us_per_request=round(used * 1e6 / load.requests, 3) if pids else None,
        rps=load.rps,
        p50_us=load.p50_us,
        p99_us=load.p99_us,
        rss_mb=round(memory.rss_mb, 1),
    )
    busy = after.core_s - before.core_s
    elapsed = after.wall_s - before.wall_s
    return Measured(row, foreign=max(0.0, busy - used) / elapsed)


@dataclass(frozen=True)
class _Clock:
    """CPU time of the proxy and of its core, and the time of day."""

    wall_s: float
    proxy_s: float
    core_s: float

    @classmethod
    def read(cls, pids: frozenset[int]) -> "_Clock":
        core = procstat.core_busy_seconds(PROXY_CORE)
        return cls(time.monotonic(), procstat.cpu_seconds(pids), core)


class _Memory:
    """Resident memory at the one moment when it was looked at."""

    def __init__(self, pids: frozenset[int]) -> None:
        self._pids = pids
        self.rss_mb = 0.0

    def look(self) -> None:
        self.rss_mb = procstat.rss_mb(self._pids)
