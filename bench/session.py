"""A whole session: every leg of a plan, one run after the other."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench import certificates, wrk
from bench.field import field
from bench.measure import Measured, measure
from bench.plan import Leg
from bench.results import Row
from bench.scenarios import Mode

# Fills the pools of a level: 256 connections of HTTP/1.1 with mTLS take about 0.6 s.
# Without it, HAProxy's first second there cost 40 % more per request than the next.
WARM_UP_S = 0.8

# Above this a run is called disturbed. The kernel's own count of a core (250 ticks a
# second here) is off by up to 3 % in a quiet run.
DISTURBED = 0.05


def run(legs: Sequence[Leg], mode: Mode, folder: Path, progress: Callable[[str], None]) -> Iterator[Row]:
    """A row as soon as it is measured."""
    made = certificates.make(folder)
    for leg in legs:
        with field(leg, folder, made) as proxies:
            progress(f"{leg.scenario}: {', '.join(proxies)} serve")
            warm: set[tuple[str, int]] = set()
            for case in leg.cases(mode.runs):
                proxy = proxies[case.proxy]
                if (case.proxy, case.connections) not in warm:
                    wrk.warm_up(proxy.url, case.connections, WARM_UP_S)
                    warm.add((case.proxy, case.connections))
                measured = measure(leg.scenario, case, proxy, mode.seconds)
                progress(_told(measured))
                yield measured.row


def _told(measured: Measured) -> str:
    row = measured.row
    cpu = row.cpu_us_per_request
    figure = "-" if cpu is None else f"{cpu:.1f}"
    told = (
        f"{row.scenario} {row.connections:>3} {row.proxy:<10} run {row.run + 1}:"
        f" {figure:>6} µs/req {row.rps:>7.0f} rps p99 {row.p99_us:.0f} µs"
    )
    if measured.foreign > DISTURBED:
        told += f"  DISTURBED: core 0 was others' for {measured.foreign:.0%}"
    return told
