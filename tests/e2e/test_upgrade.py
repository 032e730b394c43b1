"""One minor version up and down again, controller and proxies, while users go on: no call fails.

| side by side | test |
|---|---|
| old controller, new proxies; old and new proxies calling each other both ways | test_up_and_down |
| new controller, old proxies | test_up_and_down |
| controller upgraded in place: its state directory goes on | test_up_and_down |
| controller downgraded in place: the older one opens what the newer one wrote | test_up_and_down |
| a workload restarted with the other version, up and down, on its state directory | test_up_and_down |
| commands of one version, controller of the other | test_commands_ask_a_controller_of_the_other_version |
| a store that was restored, opened by the older controller | test_a_restored_store_is_one_for_the_version_before |

The old version is built from this repository's history: tools/previous.py.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.backup.conftest import make_state
from tests.e2e.conftest import World, until
from tools.previous import Build, Unavailable, previous, this
from weft.store.snapshot import make_current

# Answers with its workload's name and the mark that the route has put on the request.
SERVER = """
import os, signal, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version, wbufsize = "HTTP/1.1", -1
    def do_GET(self):
        body = f"{os.environ['WEFT_WORKLOAD']} {self.headers.get('x-mark', '-')}".encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
# One call after the other, a line each: "ok WORKLOAD MARK", or "bad" and what was wrong.
CALLER = """
import os, signal, sys, time, urllib.request
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
with open(sys.argv[1], "a", buffering=1) as lines:
    while True:
        try:
            with urllib.request.urlopen(os.environ["REVIEWS_URL"], timeout=15) as answer:
                lines.write(f"ok {answer.read().decode()}\\n")
        except OSError as error:
            lines.write(f"bad {error!r} {getattr(error, 'headers', '')}\\n".replace("\\n", " ") + "\\n")
        time.sleep(0.005)
"""
# Calls that each caller must make well before a step counts as settled.
SETTLED = 60
REPLICAS = ("reviews-0", "reviews-1", "reviews-2")


@pytest.fixture(scope="module")
def old() -> Build:
    try:
        return previous()
    except Unavailable as reason:
        pytest.skip(str(reason))


@dataclass
class Mesh:
    """Processes of two versions in one world."""

    world: World
    running: dict[str, subprocess.Popen[str]] = field(default_factory=dict)

    def start(self, name: str, build: Build, *command: str) -> None:
        env = {**self.world.env, **build.environment(), "WEFT_STATE_DIR": self.world.env["WEFT_STATE_DIR"]}
        with (self.world.folder / "log").open("a") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "weft.cli", *command], env=env, text=True, stdout=log, stderr=log
            )
        self.world.processes.append(process)
        self.running[name] = process

    def stop(self, name: str) -> None:
        process = self.running.pop(name)
        process.terminate()
        assert process.wait(90) == 0, name

    def controller(self, build: Build) -> None:
        self.controller_process(build)
        with self.world.mesh() as mesh:
            assert mesh.health().version == build.version

    def controller_process(self, build: Build) -> None:
        """Listens when this returns."""
        ready = self.world.folder / "ready"
        ready.unlink(missing_ok=True)
        addresses = [
            *("--rest-address", f"127.0.0.1:{self.world.rest}"),
            *("--grpc-address", f"127.0.0.1:{self.world.grpc}"),
        ]
        self.start("controller", build, "controller", *addresses, "--ready-file", str(ready))
        until(lambda: ready.exists() or self.running["controller"].poll() is not None, "the controller")
        assert ready.exists(), "the controller has ended"

    def replica(self, name: str, build: Build) -> None:
        program = self.world.folder / "server.py"
        program.write_text(SERVER)
        self.start(name, build, "run", "--service", "reviews", "--name", name, "--", sys.executable, str(program))
        self.world.healthy(f"default/{name}")

    def caller(self, name: str, build: Build) -> Caller:
        program, lines = self.world.folder / "caller.py", self.world.folder / f"{name}.lines"
        program.write_text(CALLER)
        lines.touch()
        command = [sys.executable, str(program), str(lines)]
        self.start(name, build, "run", "--name", name, "--call", "reviews", "--", *command)
        return Caller(name, lines)

    def mark(self, mark: str, callers: list[Caller], retry: bool = False) -> None:
        """Apply something new, and see it in force wherever a call is made."""
        self.world.apply(route(mark, retry))
        for caller in callers:
            until(lambda caller=caller: caller.marks() == {mark}, f"{mark} at {caller.name}")  # type: ignore[misc]

    def settled(self, count: int) -> None:
        """That many workloads are there, well, and have all that was applied."""

        def well() -> bool:
            with self.world.mesh() as mesh:
                found = mesh.workloads()
            good = [w for w in found if w.lease == "attached" and w.sync.connected and not w.sync.pending]
            return len(good) == count and all(w.health == "healthy" for w in good if w.service)

        until(well, f"{count} workloads in force")


@dataclass
class Caller:
    name: str
    lines: Path

    def bad(self) -> list[str]:
        return [line for line in self.lines.read_text().splitlines() if not line.startswith("ok ")]

    def last(self, count: int) -> list[tuple[str, str]]:
        """Who answered, and with which mark."""
        good = [line.split() for line in self.lines.read_text().splitlines()[-count:] if line.startswith("ok ")]
        return [(words[1], words[2]) for words in good if len(words) == 3]

    def marks(self) -> set[str]:
        """On its latest calls."""
        return {mark for _, mark in self.last(10)}

    def made(self) -> int:
        return self.lines.read_text().count("\n")

    def goes_on(self, what: str) -> None:
        """The next calls are all answered well."""
        before = self.made()
        until(lambda: self.made() >= before + SETTLED or self.bad(), f"{what}: {self.name}")
        assert self.bad() == [], f"{what}: {self.name}"

    def is_answered_by(self, replicas: tuple[str, ...]) -> None:
        until(lambda: {workload for workload, _ in self.last(300)} == set(replicas), f"{self.name}: all replicas")


def route(mark: str, retry: bool = False) -> dict[str, Any]:
    filter_ = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "x-mark", "value": mark}]}}
    rule: dict[str, Any] = {"filters": [filter_], "backendRefs": [{"name": "reviews", "port": 80}]}
    if retry:
        rule["retry"] = {"attempts": 2, "codes": [503]}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "marked"},
        "spec": {"parentRefs": [{"group": "", "kind": "Service", "name": "reviews"}], "rules": [rule]},
    }


def versions(world: World) -> dict[str, str]:
    with world.mesh() as mesh:
        return {workload.name.partition("/")[2]: workload.proxy_version for workload in mesh.workloads()}


def proxy_version(build: Build) -> str:
    done = subprocess.run([build.proxy, "--version"], capture_output=True, text=True, check=True)
    return done.stdout.split()[1]


def test_up_and_down(world: World, old: Build) -> None:
    new, mesh = this(), Mesh(world)
    mesh.controller(old)
    world.apply(world.service("reviews"), route("first"))
    mesh.replica("reviews-0", old)
    mesh.replica("reviews-1", old)
    callers = [mesh.caller("caller-old", old)]
    callers[0].goes_on("old only")

    # New proxies at an old controller; both versions call both.
    mesh.replica("reviews-2", new)
    callers.append(mesh.caller("caller-new", new))
    mesh.settled(5)
    mesh.mark("mixed", callers)
    for caller in callers:
        caller.goes_on("old controller, mixed proxies")
        caller.is_answered_by(REPLICAS)
    known = versions(world)
    assert (known["reviews-0"], known["reviews-2"]) == (proxy_version(old), proxy_version(new))

    # The controller goes up, in place.
    mesh.stop("controller")
    for caller in callers:
        caller.goes_on("no controller")
    mesh.controller(new)
    mesh.settled(5)
    # A proxy of 0.1 ends its app before all callers have heard of it: for its last stop they try elsewhere.
    mesh.mark("up", callers, retry=True)

    # A workload goes up, in place: two others of its service are there meanwhile.
    mesh.stop("reviews-0")
    mesh.replica("reviews-0", new)
    mesh.settled(5)
    mesh.mark("alone", callers)
    for caller in callers:
        caller.goes_on("new controller, mixed proxies")
    encrypted(world)

    # And down again: the workload, then the controller, on what the newer ones wrote.
    mesh.stop("reviews-0")
    mesh.replica("reviews-0", old)
    mesh.settled(5)
    mesh.stop("controller")
    mesh.controller(old)
    mesh.settled(5)
    mesh.mark("down", callers)
    encrypted(world)
    for caller in callers:
        caller.goes_on("down again")
        print(caller.name, caller.made(), "calls, bad:", len(caller.bad()))


def test_replicas_that_restart_one_after_the_other_fail_no_call(world: World) -> None:
    """How a workload is upgraded: a proxy says that it leaves, and serves until its callers have heard of it."""
    mesh, build = Mesh(world), this()
    mesh.controller(build)
    world.apply(world.service("reviews"), route("steady"))
    for name in REPLICAS[:2]:
        mesh.replica(name, build)
    callers = [mesh.caller(name, build) for name in ("caller-old", "caller-new")]
    for name in (*REPLICAS[:2], *REPLICAS[:2]):
        mesh.stop(name)
        mesh.replica(name, build)
        for caller in callers:
            caller.goes_on(f"{name} restarted")
            caller.is_answered_by(REPLICAS[:2])


def encrypted(world: World) -> None:
    def both() -> bool:
        with world.mesh() as mesh:
            edges = [edge for edge in mesh.edges(60) if str(edge.destination) == "default/reviews"]
        assert all(edge.tls == "mtls" for edge in edges), edges
        return {str(edge.source) for edge in edges} == {"default/caller-old", "default/caller-new"}

    until(both, "both callers in the graph")


@pytest.mark.parametrize(("asking", "asked"), [(this, previous), (previous, this)], ids=["new-old", "old-new"])
def test_commands_ask_a_controller_of_the_other_version(
    world: World, old: Build, asking: Callable[[], Build], asked: Callable[[], Build]
) -> None:
    mesh, build = Mesh(world), asking()
    mesh.controller(asked())
    file = world.folder / "service.yaml"
    file.write_text("apiVersion: weft/v1\nkind: Service\nmetadata: {name: reviews}\nspec: {ports: [{port: 80}]}\n")
    env = {**world.env, **build.environment()}
    for command in (
        ["apply", "-f", str(file)],
        ["diff", "-f", str(file)],
        ["get", "-o", "yaml"],
        ["status"],
        ["workloads"],
        ["edges"],
        ["token", "create", "reviews"],
        ["token", "list"],
        ["certs"],
        ["delete", "service", "reviews"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "weft.cli", *command], env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"weft {' '.join(command)}: {done.stdout}{done.stderr}"


def test_the_builds_are_two(old: Build) -> None:
    assert old.version != this().version
    assert os.path.realpath(old.proxy) != os.path.realpath(this().proxy)


def test_a_restored_store_is_one_for_the_version_before(tmp_path: Path, old: Build) -> None:
    """What a restore writes into it, an older controller passes over."""
    state = make_state(tmp_path / "controller")
    make_current(state.path / "store.db")
    code = (
        "import asyncio, sys; from pathlib import Path; from weft.resources.ref import Ref\n"
        "from weft.store.store import Store; from weft.store.model import Write; from weft.store.plan import Request\n"
        "store = Store(Path(sys.argv[1])); before = store.revision\n"
        "asyncio.run(store.apply(Request([Write(Ref('Service', 'default', 'c'), {'spec': {}})])))\n"
        "print(before, store.revision, [r.ref.name for r in asyncio.run(store.records())]); store.close()"
    )
    command = [sys.executable, "-c", code, str(state.path / "store.db")]
    done = subprocess.run(command, env=old.environment(), capture_output=True, text=True, check=False)
    assert done.stdout == "1002 1003 ['a', 'b', 'c']\n", done.stdout + done.stderr
    with state.open() as store:
        assert store.restored, "nothing was told to proxies by this version"
