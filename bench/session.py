"""A whole session: every leg of a plan, one run after the other."""

from collections.abc import Callable, Sequence
from pathlib import Path

from bench import certificates, wrk
from bench.field import field
from bench.measure import measure
from bench.plan import Leg
from bench.results import Row
from bench.scenarios import Mode

# Fills pools and caches, and lets allocators reach their size.
WARM_UP_S = 1


def run(
    legs: Sequence[Leg], mode: Mode, folder: Path, progress: Callable[[str], None]
) -> list[Row]:
    made = certificates.make(folder)
    rows: list[Row] = []
    for leg in legs:
        with field(leg, folder, made) as proxies:
            progress(f"{leg.scenario}: {', '.join(proxies)} up; warming up")
            for proxy in proxies.values():
                wrk.run(proxy.url, min(leg.connections), WARM_UP_S)
            for case in leg.cases(mode.runs):
                row = measure(leg.scenario, case, proxies[case.proxy], mode.seconds)
                rows.append(row)
                progress(_told(row))
    return rows


def _told(row: Row) -> str:
    cpu = row.cpu_us_per_request
    figure = "-" if cpu is None else f"{cpu:.1f}"
    return (
        f"{row.scenario} {row.connections:>3} {row.proxy:<10} run {row.run + 1}:"
        f" {figure:>6} µs/req {row.rps:>7.0f} rps p99 {row.p99_us:.0f} µs"
    )
