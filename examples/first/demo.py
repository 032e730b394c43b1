"""Runs this folder's mesh, sends traffic through it, shows what weft saw, and checks it: python -m examples.first.demo

Exit status 0 when every edge was mTLS, the split is what it should be, and the refusal names its rule. `--stay` leaves
it running, to be looked at with `weft edges`, `weft status`, `weft explain`.
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from weft.cli.edges import HEADERS, row
from weft.cli.output import UNLIMITED, table
from weft.client.types import Edge
from weft.mesh import Mesh, MeshError

FOLDER = Path(__file__).resolve().parent
REQUESTS = 400
# v2's share is 20 %: five standard deviations (8 of 400) to both sides are passed by luck once in two million runs.
V2 = range(40, 121)
START_S, SETTLE_S, STOP_S = 90.0, 20.0, 90.0
REFUSED = re.compile(r"batch was refused: (\d+) (\S+), request (\S+)")

T = TypeVar("T")


class Broken(Exception):
    """The demo does not show what it promises."""


class Running:
    """`weft up`, and every line that it writes."""

    def __init__(self, web: int, rest: int, grpc: int) -> None:
        self.lines: list[str] = []
        self._changed = threading.Condition()
        command = [sys.executable, "-m", "weft.cli", "up", "-f", str(FOLDER / "weft.yaml"), "-p", f"web={web}"]
        command += ["--rest-address", f"127.0.0.1:{rest}", "--grpc-address", f"127.0.0.1:{grpc}"]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def wait_for(self, pattern: str | re.Pattern[str], seconds: float) -> re.Match[str]:
        """The first line that has it."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                for line in self.lines:
                    if found := re.search(pattern, line):
                        return found
                left = deadline - time.monotonic()
                if left <= 0 or not self._reader.is_alive():
                    raise Broken("\n".join([f"no line like {pattern!r}; the last ones:", *self.lines[-30:]]))
                self._changed.wait(left)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            status = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Broken(f"weft up did not stop within {STOP_S:.0f} s") from None
        if status != 0:
            raise Broken("\n".join([f"weft up ended with status {status}; the last lines:", *self.lines[-30:]]))


def send(port: int) -> Counter[str]:
    """Answers by version of reviews."""
    versions: Counter[str] = Counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
    for _ in range(REQUESTS):
        connection.request("GET", "/product", headers={"host": "web"})
        response = connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise Broken(f"a request was answered {response.status}: {body[:200]!r}")
        versions[json.loads(body)["reviews"]["version"]] += 1
    connection.close()
    return versions


def until(ask: Callable[[], T | None], what: str) -> T:
    """What `ask` answers once it answers something: the controller hears of traffic once a second."""
    deadline = time.monotonic() + SETTLE_S
    while (found := ask()) is None:
        if time.monotonic() > deadline:
            raise Broken(f"{what} did not appear within {SETTLE_S:.0f} s")
        time.sleep(0.2)
    return found


def settled_edges(mesh: Mesh) -> list[Edge]:
    def ask() -> list[Edge] | None:
        edges = list(mesh.edges(seconds=300, by="version"))
        called = Counter({edge.destination.service: 0 for edge in edges})
        for edge in edges:
            called[edge.destination.service] += edge.requests
        refused = any("access-denied" in edge.reasons for edge in edges)
        return edges if called["default/web"] == called["default/reviews"] == REQUESTS and refused else None

    return until(ask, "an edge with all requests")


def refusal(mesh: Mesh, request: str) -> tuple[str, str]:
    """The rule that refused a request, and where it was written."""

    def ask() -> str | None:
        try:
            found = mesh.request(request).found
        except MeshError:
            return None
        return next((rule for item in found if (rule := str(item.record.get("rule", "")))), None)

    rule = until(ask, f"the record of request {request}")
    for hits in mesh.rules():
        if hits.rule_id == rule and hits.origin is not None:
            return rule, f"{Path(hits.origin.file).name}:{hits.origin.line}"
    raise Broken(f"nobody knows where {rule} was written")


def check(edges: Iterable[Edge], versions: Counter[str], rule: str, place: str) -> None:
    clear = [f"{row(edge)[0]} to {row(edge)[1]}" for edge in edges if edge.tls != "mtls"]
    if clear:
        raise Broken(f"not encrypted: {'; '.join(clear)}")
    if versions["v2"] not in V2 or versions["v1"] + versions["v2"] != REQUESTS:
        raise Broken(f"the split is {dict(versions)}; v2 should have {V2.start} to {V2.stop - 1} of {REQUESTS}")
    if "ratings" not in rule or not re.search(r"weft\.yaml:\d+$", place):
        raise Broken(f"the refusal names {rule!r} at {place!r}, which is not the policy of ratings")


def show(edges: list[Edge], versions: Counter[str], told: re.Match[str], rule: str, place: str) -> None:
    print("\nwho called whom (weft edges --by version):\n")
    print(table(HEADERS, map(row, edges), UNLIMITED))
    share = ", ".join(f"{name} {count}" for name, count in sorted(versions.items()))
    print(f"split 80/20 of {REQUESTS} requests: {share}\n")
    print(f"batch called ratings and got {told[1]} {told[2]} (weft explain {told[3]}):")
    print(f"  refused by {rule}, written at {place}")
    print("  only who stands under `calls` may call\n")


def demo(stay: bool) -> None:
    web, rest, grpc = free_port(8080, 20000), free_port(15080, 20100), free_port(15010, 20200, neighbours=2)
    print("starting a controller, five apps and their proxies …", flush=True)
    began = time.monotonic()
    running = Running(web, rest, grpc)
    try:
        running.wait_for("all ready", START_S)
        print(f"ready after {time.monotonic() - began:.1f} s; sending {REQUESTS} requests to http://127.0.0.1:{web}")
        versions = send(web)
        told = running.wait_for(REFUSED, SETTLE_S)
        with Mesh.connect(f"http://127.0.0.1:{rest}") as mesh:
            edges = settled_edges(mesh)
            rule, place = refusal(mesh, told[3])
        show(edges, versions, told, rule, place)
        check(edges, versions, rule, place)
        print("all edges are mTLS, the split holds, the refusal names its rule")
        if stay:
            print(f"\nstill running: http://127.0.0.1:{web}; try `weft edges --controller http://127.0.0.1:{rest}`")
            print("Ctrl-C stops everything", flush=True)
            signal.pause()
    except KeyboardInterrupt:
        print()
    finally:
        running.stop()


def free_port(wanted: int, otherwise: int, neighbours: int = 1) -> int:
    """`wanted` where it and its neighbours are free, else one of the hundred from `otherwise` on."""
    wishes: list[int] = [wanted, *range(otherwise, otherwise + 99)]
    for first in wishes:
        if all(is_free(first + i) for i in range(neighbours)):
            return first
    raise Broken("no free port")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen()  # bound is not yet taken: two that may share an address find out here
        except OSError:
            return False
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description="run, use and check the first demo")
    parser.add_argument("--stay", action="store_true", help="leave it running until Ctrl-C")
    stay: bool = parser.parse_args().stay
    # Whoever ends us ends all that we started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        demo(stay)
    except Broken as broken:
        print(f"\nerror: {broken}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
