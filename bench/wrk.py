"""The load: wrk, one thread, keep-alive, as fast as answers come back."""

import re
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from bench.machine import LOAD_CORE
from bench.processes import end, pinned

# How long wrk may take beyond the time asked for.
GRACE_S = 10.0
# When memory is looked at: late, while all connections are still in use.
PROBE_AT = 0.8

UNITS_US = {"us": 1.0, "ms": 1e3, "s": 1e6, "m": 60e6}


class LoadFailed(RuntimeError):
    """Not every request was answered as it should be: the figures are void."""


@dataclass(frozen=True)
class Load:
    requests: int
    rps: float
    p50_us: float
    p99_us: float


def run(url: str, connections: int, seconds: int, probe: Callable[[], None]) -> Load:
    """Loads `url`; calls `probe` once while the load is on."""
    started = time.monotonic()
    child = _start(url, connections, seconds)
    try:
        time.sleep(seconds * PROBE_AT)
        probe()
        left = started + seconds + GRACE_S - time.monotonic()
        output = child.communicate(timeout=left)[0].decode()
    finally:
        end(child)
    if child.returncode:
        raise LoadFailed(f"wrk ended with {child.returncode}:\n{output}")
    return parse(output)


def warm_up(url: str, connections: int, seconds: float) -> None:
    """Load of which nothing is counted; wrk itself knows whole seconds only."""
    child = _start(url, connections, seconds=60)
    try:
        with suppress(subprocess.TimeoutExpired):
            output = child.communicate(timeout=seconds)[0].decode()
            raise LoadFailed(f"wrk ended early:\n{output}")
    finally:
        end(child)


def _start(url: str, connections: int, seconds: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        pinned(command(url, connections, seconds), LOAD_CORE),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def command(url: str, connections: int, seconds: int) -> list[str]:
    return [
        *("wrk", "--threads", "1", "--connections", str(connections)),
        *("--duration", f"{seconds}s", "--timeout", "2s", "--latency", url),
    ]


def parse(output: str) -> Load:
    """What wrk printed; raises if it saw any error."""
    for sign in ("Socket errors:", "Non-2xx or 3xx responses:"):
        if sign in output:
            line = next(text for text in output.splitlines() if sign in text)
            raise LoadFailed(line.strip())
    load = Load(
        requests=int(_find(r"(\d+) requests in ", output)[1]),
        rps=float(_find(r"Requests/sec:\s+([\d.]+)", output)[1]),
        p50_us=_percentile("50", output),
        p99_us=_percentile("99", output),
    )
    if load.requests == 0:
        raise LoadFailed("no request was answered")
    return load


def _percentile(percent: str, output: str) -> float:
    found = _find(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s|m)$", output)
    return float(found[1]) * UNITS_US[found[2]]


def _find(pattern: str, output: str) -> re.Match[str]:
    found = re.search(pattern, output, re.MULTILINE)
    if found is None:
        raise LoadFailed(f"wrk printed nothing like {pattern!r}:\n{output}")
    return found
