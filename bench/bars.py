"""`python -m bench.bars`: four bars that a user feels, measured with the real processes on this machine.

    in force     `mesh.apply` returns → the change is in the program of each of 50 proxies    ≤ 1 s
    first user   `weft up` → the first good answer through the published port                 ≤ 5 s
    idle         resident memory of a sidecar's proxy process with nothing to do, program
                 and libraries included, which all proxies of a machine share                 ≤ 12 MB
    ready        start of `weft-proxy run --program FILE` → it answers on its listener        ≤ 50 ms

Each figure is the median of its runs; the worst stands beside it. `--json` prints what was measured, for machines. The
exit status says whether all bars hold. What `tests/e2e/test_bars.py` checks are the counts, never the times.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.machine import free_ports
from bench.procstat import family_now, rss_mb
from weft.mesh import Mesh, MeshError
from weft.run.binary import proxy_path
from weft.run.loopback import Target
from weft.run.prepare import prepare
from weft.run.spec import ControllerPlace, Spec

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "examples/first/weft.yaml"

PROXIES = 50
CHANGES = 5
STARTS = 20
UPS = 3
# For what never comes.
PATIENCE_S = 120.0
LOOK_S = 0.005
STOP_S = 90.0
# An idle proxy's allocator and TLS have settled by then.
IDLE_S = 3.0


@dataclass(frozen=True)
class Bar:
    name: str
    what: str
    unit: str
    limit: float
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def holds(self) -> bool:
        return self.median <= self.limit


class Late(RuntimeError):
    """Something did not come at all."""


# ------------------------------------------------------------------------------------------------------- processes


def until(ask: Callable[[], bool], what: str, look_s: float = LOOK_S) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not ask():
        if time.monotonic() > deadline:
            raise Late(f"{what} did not come within {PATIENCE_S:.0f} s")
        time.sleep(look_s)


@contextmanager
def running(
    command: Sequence[str], log: Path, first: signal.Signals = signal.SIGTERM
) -> Iterator[subprocess.Popen[bytes]]:
    """A child in a session of its own; it and all that it started are gone after the block."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, cwd=ROOT
        )
    try:
        yield process
    finally:
        _end(process, first)


def _end(process: subprocess.Popen[bytes], first: signal.Signals) -> None:
    if process.poll() is not None:
        return
    process.send_signal(first)
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        for pid in family_now([process.pid]) - {process.pid}:
            os.kill(pid, signal.SIGKILL)
        process.kill()
        process.wait()


def _get(url: str) -> bytes:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as response:
        return bytes(response.read())


def _two_neighbours() -> int:
    while True:
        port = free_ports(1)[0]
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
        return port


# ---------------------------------------------------------------------------------------- a change in many proxies


class Fleet:
    """A controller and `count` real proxies of clients, each of which uses `api` and so needs what is said of it."""

    def __init__(self, count: int, folder: Path) -> None:
        self.count, self.folder = count, folder
        self.rest = free_ports(1)[0]
        self.address = f"http://127.0.0.1:{self.rest}"
        self.supervisors: list[subprocess.Popen[bytes]] = []
        self.admins: list[str] = []
        self._stack = ExitStack()

    def __enter__(self) -> Fleet:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        # All at once: one after the other, fifty would take minutes.
        for process in self.supervisors:
            process.terminate()
        self._stack.close()

    def _start(self) -> None:
        ready, log = self.folder / "ready", self.folder / "controller.log"
        command = [sys.executable, "-m", "weft.cli", "controller", "--state-dir", str(self.folder / "controller")]
        command += ["--rest-address", f"127.0.0.1:{self.rest}", "--grpc-address", f"127.0.0.1:{_two_neighbours()}"]
        self._stack.enter_context(running([*command, "--ready-file", str(ready)], log))
        until(lambda: ready.exists() and self._answers(), "a controller")
        with Mesh.connect(self.address) as mesh:
            mesh.apply([_service(), _policy(1)], owner="bars")
            place = ControllerPlace(f"unix:{mesh.health().unix_socket}")
        for number in range(self.count):
            spec = Spec(f"client-{number}", publish={"127.0.0.1:0": Target("default/api", 80)}, drain_ms=100)
            launch = prepare(spec, place, self.folder)
            command = [str(proxy_path()), "supervise", "--launch", str(launch)]
            self.supervisors.append(self._stack.enter_context(running(command, self.folder / f"{spec.name}.log")))
        until(self._all_here, f"{self.count} proxies", 0.1)

    def _answers(self) -> bool:
        try:
            with Mesh.connect(self.address) as mesh:
                mesh.health()
        except MeshError:
            return False
        return True

    def _all_here(self) -> bool:
        with Mesh.connect(self.address) as mesh:
            workloads = mesh.workloads()
        self.admins = [w.admin for w in workloads if w.admin and w.sync.connected and not w.sync.pending]
        return len(self.admins) == self.count

    def change(self, timeout_ms: int) -> float:
        """Seconds from an acknowledged apply until no proxy's own program is without it."""
        with Mesh.connect(self.address) as mesh:
            mesh.apply([_policy(timeout_ms)], owner="bars")
        began, without = time.monotonic(), list(self.admins)

        def everywhere() -> bool:
            # Who has it is not asked again; what is asked of fifty takes its time, so this is an upper bound.
            while without and has(without[-1], timeout_ms):
                without.pop()
            return not without

        until(everywhere, "the change in all proxies")
        return time.monotonic() - began

    def in_force(self, timeout_ms: int) -> int:
        """How many proxies say so themselves, asked one by one."""
        return sum(has(admin, timeout_ms) for admin in self.admins)

    def programmed(self) -> tuple[int, int]:
        """How many of how many, as the controller says of the policy."""
        with Mesh.connect(self.address) as mesh:
            found = mesh.status("TrafficPolicy", "bar", "default").objects
        return found[0].programmed.applied, found[0].programmed.needed

    def idle_mb(self) -> list[float]:
        """Of each proxy child; its supervisor is not counted."""
        children = [family_now([s.pid]) - {s.pid} for s in self.supervisors]
        return [rss_mb(pids) for pids in children]


def has(admin: str, timeout_ms: int) -> bool:
    """Does the proxy's own program have the connect timeout of the change?"""
    backends = json.loads(_get(f"http://{admin}/program"))["backends"]
    return f'"{timeout_ms}"' in json.dumps(backends) or f": {timeout_ms}" in json.dumps(backends)


def _service() -> dict[str, Any]:
    metadata = {"name": "api"}
    return {"apiVersion": "weft/v1", "kind": "Service", "metadata": metadata, "spec": {"ports": [{"port": 80}]}}


def _policy(timeout_ms: int) -> dict[str, Any]:
    spec = {"targetRefs": [{"kind": "Service", "name": "api"}], "timeouts": {"connect": f"{timeout_ms}ms"}}
    return {"apiVersion": "weft/v1", "kind": "TrafficPolicy", "metadata": {"name": "bar"}, "spec": spec}


# Unlike any number that a program has anyway.
MARKS = range(7_771, 7_771 + CHANGES)


def fleet_bars(count: int, folder: Path) -> list[Bar]:
    with Fleet(count, folder) as fleet:
        # Before the first `/program`, which makes a proxy 2.1 MB larger, and is how the changes are seen.
        time.sleep(IDLE_S)
        resident = tuple(fleet.idle_mb())
        seconds = tuple(fleet.change(mark) for mark in MARKS)
    return [
        Bar("in force", f"apply → in force in {count} proxies", "s", 1.0, seconds),
        Bar("idle", "resident memory of an idle sidecar's proxy", "MB", 12.0, resident),
    ]


# -------------------------------------------------------------------------------------------------------- weft up


def first_answer_s(folder: Path) -> float:
    """`weft up` of the first demo until the page behind its edge is 200."""
    web, rest = free_ports(2)
    command = [sys.executable, "-m", "weft.cli", "up", "-f", str(DEMO), "-p", f"web={web}"]
    command += ["--rest-address", f"127.0.0.1:{rest}", "--grpc-address", f"127.0.0.1:{_two_neighbours()}"]
    began = time.monotonic()
    with running(command, folder / "up.log", signal.SIGINT) as process:
        until(lambda: _good(web) or _ended(process), "a first good answer", 0.02)
        return time.monotonic() - began


def _ended(process: subprocess.Popen[bytes]) -> bool:
    if process.poll() is not None:
        raise Late(f"weft up ended with status {process.returncode}")
    return False


def _good(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/product", headers={"host": "web"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


# ---------------------------------------------------------------------------------------------------------- ready


def ready_ms(folder: Path) -> float:
    """Of a proxy with one listener and no service: it answers as soon as it can."""
    (port,) = free_ports(1)
    file = folder / "program.json"
    file.write_text(json.dumps({"launch": {"outbound": [{"address": f"127.0.0.1:{port}"}]}}))
    began = time.monotonic()
    with running([str(proxy_path()), "run", "--program", str(file)], folder / "ready.log") as process:
        until(lambda: _answered(port) or _ended(process), "an answer", 0.0005)
        return (time.monotonic() - began) * 1000


def _answered(port: int) -> bool:
    """Any HTTP answer, a 404 too: the listener alone proves nothing, the kernel accepts before the program does."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nhost: nobody.default.mesh\r\nconnection: close\r\n\r\n")
            return connection.recv(12).startswith(b"HTTP/1.1")
    except OSError:
        return False


# ----------------------------------------------------------------------------------------------------------- main


def measure(proxies: int, progress: Callable[[str], None]) -> list[Bar]:
    # A unix socket's path is short.
    with tempfile.TemporaryDirectory(prefix="weft-bars-") as name:
        folder = Path(name)
        progress(f"weft-proxy run, {STARTS} times …")
        starts = tuple(ready_ms(folder) for _ in range(STARTS))
        progress(f"weft up, {UPS} times …")
        ups = tuple(first_answer_s(folder) for _ in range(UPS))
        progress(f"{proxies} proxies, {CHANGES} changes …")
        fleet = fleet_bars(proxies, folder)
    return [
        fleet[0],
        Bar("first user", "weft up → first good answer", "s", 5.0, ups),
        fleet[1],
        Bar("ready", "weft-proxy run → it answers", "ms", 50.0, starts),
    ]


def render(bars: Sequence[Bar]) -> str:
    lines = [f"{'BAR':<44} {'MEDIAN':>10} {'WORST':>10} {'GOAL':>10}"]
    for bar in bars:
        figures = [f"{value:.2f} {bar.unit}" for value in (bar.median, max(bar.values))]
        goal, verdict = f"≤ {bar.limit:g} {bar.unit}", "holds" if bar.holds else "MISSED"
        lines.append(f"{bar.what:<44} {figures[0]:>10} {figures[1]:>10} {goal:>10}  {verdict}")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.bars", description="measure four bars that a user feels")
    parser.add_argument("--proxies", type=int, default=PROXIES, help=f"how many get the change (default {PROXIES})")
    parser.add_argument("--json", action="store_true", help="print what was measured as JSON")
    asked = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        bars = measure(asked.proxies, lambda text: print(text, file=sys.stderr, flush=True))
    except (Late, OSError) as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    if asked.json:
        print(json.dumps([{**asdict(bar), "median": bar.median, "holds": bar.holds} for bar in bars], indent=1))
    else:
        print(render(bars))
    return 0 if all(bar.holds for bar in bars) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
