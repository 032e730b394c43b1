"""A mesh for the chaos test: edge×2 → web×2 → api×2, a controller with a state directory of its own, one supervisor
per replica. Everything is a process of its own that can be killed by its id."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from weft.client.errors import WeftError
from weft.mesh import Mesh
from weft.run.binary import proxy_path
from weft.run.loopback import Target
from weft.run.prepare import prepare
from weft.run.spec import Command, ControllerPlace, Health, Spec
from weft.run.state import workload_directory

HERE = Path(__file__).resolve().parent
# In the environment of all that is started here: who still has it at the end was left behind.
MARK = "CHAOS_RUN"
PATIENCE_S = 60.0
LOOK_S = 0.05

RESOURCES = """
apiVersion: weft/v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80, appProtocol: HTTP}]}
---
apiVersion: weft/v1
kind: Service
metadata: {name: api}
spec: {ports: [{port: 80, appProtocol: HTTP}]}
---
apiVersion: weft/v1
kind: TrafficPolicy
metadata: {name: again}
spec:
  targetRefs: [{kind: Service, name: web}, {kind: Service, name: api}]
  retry: {attempts: 2, retryOn: [reset, 5xx], methods: [GET]}
"""


@dataclass(frozen=True)
class Process:
    pid: int
    parent: int
    command: str


def processes(environment: bool = False) -> list[Process]:
    """All that run; with their environment behind the command where asked."""
    listing = ["ps", "axeww" if environment else "axww", "-o", "pid=,ppid=,stat=,command="]
    lines = subprocess.run(listing, check=True, capture_output=True, text=True, errors="replace").stdout.splitlines()
    parts = [line.split(None, 3) for line in lines]
    # A zombie is over, whoever has not asked for it yet.
    return [Process(int(p[0]), int(p[1]), p[3]) for p in parts if len(p) == 4 and not p[2].startswith("Z")]


def until(ask: Callable[[], object], what: str) -> None:
    """Patience is for what never comes; nothing here measures time."""
    deadline, pause = time.monotonic() + PATIENCE_S, threading.Event()
    while True:
        answer = ask()
        if answer is True:
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come within {PATIENCE_S:.0f} s: {answer}")
        pause.wait(LOOK_S)


def free_ports(count: int) -> list[int]:
    """Neighbours."""
    for first in range(20000 + os.getpid() % 5000, 32000, count):
        if all(_is_free(first + i) for i in range(count)):
            return list(range(first, first + count))
    raise AssertionError("no free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Chaos:
    """A context manager; `killed` counts."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="weft-chaos-"))
        self.mark = uuid.uuid4().hex
        self.rest, self.grpc, _, *self.edges = free_ports(5)
        self.address = f"http://127.0.0.1:{self.rest}"
        self.controller: subprocess.Popen[bytes] | None = None
        self.supervisors: dict[str, subprocess.Popen[bytes]] = {}
        self.admins: dict[str, str] = {}
        self.apps: dict[str, str] = {}
        self.killed: list[str] = []

    # -------------------------------------------------------------------------------------------------- start

    def start(self) -> None:
        self.start_controller()
        with Mesh.connect(self.address) as mesh:
            mesh.apply(list(yaml.safe_load_all(RESOURCES)), owner="chaos")
            place = ControllerPlace(f"unix:{mesh.health().unix_socket}")
        taken: set[int] = set()
        for spec in self._specs():
            file = prepare(spec, place, self.root, taken)
            launch = json.loads(file.read_text())
            if spec.command:
                self.apps[spec.name] = launch["inbound"][0]["app"]
            self.supervisors[spec.name] = self._spawn(
                spec.name, [str(proxy_path()), "supervise", "--launch", str(file)]
            )
        until(self.settled, "a mesh that is ready")
        # Each proxy keeps its program for a restart a second after it came: what happens before is not promised.
        until(self._kept, "a program in each state directory")
        with Mesh.connect(self.address) as mesh:
            self.admins = {workload.name.partition("/")[2]: workload.admin for workload in mesh.workloads()}

    def start_controller(self) -> None:
        """Returns when it listens and has compiled what its store has."""
        ready = self.root / "ready"
        ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", "weft.cli", "controller", "--state-dir", str(self.root / "controller")]
        command += ["--rest-address", f"127.0.0.1:{self.rest}", "--grpc-address", f"127.0.0.1:{self.grpc}"]
        self.controller = self._spawn("controller", [*command, "--ready-file", str(ready)])
        until(lambda: ready.exists() and self._healthy(), "a controller that is ready")

    def _healthy(self) -> object:
        try:
            with Mesh.connect(self.address) as mesh:
                mesh.health()
            return True
        except WeftError as error:
            return str(error)

    def _specs(self) -> list[Spec]:
        specs = []
        for service, calls in (("api", ()), ("web", (Target("default/api", 80),))):
            specs += [
                Spec(
                    f"{service}-{replica}",
                    service=f"default/{service}",
                    ports={80: 0},
                    calls=calls,
                    command=Command((sys.executable, str(HERE / "chaos_app.py")), restart="always"),
                    health=Health(http_path="/healthz", interval_ms=500),
                    drain_ms=1_000,
                )
                for replica in "ab"
            ]
        for name, port in zip(("edge-a", "edge-b"), self.edges, strict=True):
            published = {f"127.0.0.1:{port}": Target("default/web", 80)}
            specs.append(Spec(name, account="edge", publish=published, drain_ms=1_000))
        return specs

    def _spawn(self, name: str, command: list[str]) -> subprocess.Popen[bytes]:
        with (self.root / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, MARK: self.mark},
            )

    # -------------------------------------------------------------------------------------------------- state

    def settled(self) -> object:
        """True, or who is not ready and why: every replica configured and healthy, as the controller sees it."""
        try:
            with Mesh.connect(self.address) as mesh:
                seen = {workload.name.partition("/")[2]: workload for workload in mesh.workloads()}
        except WeftError as error:
            return str(error)
        for name in self.supervisors:
            w = seen.get(name)
            if w is None or w.lease != "attached" or not w.sync.connected or w.sync.pending or w.sync.rejected:
                return f"{name}: {w}"
            if w.ports and w.health != "healthy":
                return f"{name}: {w.health} {w.health_reason}"
        return True

    def _kept(self) -> object:
        missing = [
            name
            for name in self.supervisors
            if not (workload_directory(self.root, "default", name) / "program").exists()
        ]
        return missing if missing else True

    def proxy(self, name: str) -> int | None:
        """The child that has the traffic."""
        return self._child(name, r"\bserve$")

    def app(self, name: str) -> int | None:
        return self._child(name, r"chaos_app\.py$")

    def _child(self, name: str, pattern: str) -> int | None:
        """A descendant of the supervisor: how many processes stand between is its own affair."""
        family = {self.supervisors[name].pid}
        for process in sorted(processes(), key=lambda p: p.pid):
            if process.parent in family:
                family.add(process.pid)
                if re.search(pattern, process.command):
                    return process.pid
        return None

    # --------------------------------------------------------------------------------------------------- kill

    def kill_controller(self) -> None:
        assert self.controller is not None
        self.controller.send_signal(signal.SIGKILL)
        self.controller.wait()
        self.killed.append("controller")

    def kill_proxy(self, name: str) -> None:
        """Returns when its successor says that it is ready."""
        self._kill(self.proxy, name, "proxy")
        until(lambda: self._ready(f"http://{self.admins[name]}/ready"), f"the new proxy of {name}")

    def kill_app(self, name: str) -> None:
        """Returns when its successor serves."""
        self._kill(self.app, name, "app")
        until(lambda: self._ready(f"http://{self.apps[name]}/healthz"), f"the new app of {name}")

    def _kill(self, find: Callable[[str], int | None], name: str, kind: str) -> None:
        before = find(name)
        assert before is not None, f"{name} has no {kind}"
        os.kill(before, signal.SIGKILL)
        self.killed.append(f"{name} {kind}")
        until(lambda: find(name) not in (None, before), f"another {kind} of {name}")

    def _ready(self, url: str) -> object:
        try:
            self._get(url)
        except OSError as error:
            return str(error)
        return True

    def _get(self, url: str) -> bytes:
        # Not through a proxy that this machine may have.
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5) as response:
            return bytes(response.read())

    # --------------------------------------------------------------------------------------------------- stop

    def stop(self) -> list[str]:
        """Callers before whom they call; then who is left behind, which is nobody."""
        for name in sorted(self.supervisors, key=_order):
            self._stop(self.supervisors[name])
        if self.controller is not None:
            self._stop(self.controller)
        left = self.left_behind()
        for process in left:
            try:
                os.kill(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return [process.command for process in left]

    def _stop(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            process.terminate()
            process.wait(PATIENCE_S)

    def left_behind(self) -> list[Process]:
        mark = f"{MARK}={self.mark}"
        return [p for p in processes(environment=True) if mark in p.command]

    def logs(self) -> str:
        """The end of each without requests that went well, for whom a test fails."""
        tails = []
        for path in sorted(self.root.glob("*.log")):
            lines = [line for line in path.read_text(errors="replace").splitlines() if '"status":200' not in line]
            tails.append("\n".join([f"--- {path.name}", *lines[-40:]]))
        return "\n".join(tails)

    def remove(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)


def _order(name: str) -> int:
    return ("edge", "web", "api").index(name.partition("-")[0])
