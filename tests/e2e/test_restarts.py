"""Controller and proxies restart in either order while users go on: nothing is lost, and what is stored is in force."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any

import pytest

from tests.e2e.conftest import World, get, until
from tests.e2e.support import documents

GOOD = 0.99
# GETs that must all be good once a step has settled.
SETTLED = 100
NAMES = ("front", "reviews")
# How many proxies need each object: only front calls reviews, each knows both services.
NEEDED = {"HTTPRoute/default/marked": 1, "Service/default/front": 2, "Service/default/reviews": 2}
# Set by the route: without it, a call went past what was applied.
MARK = "x-kept"


class Traffic(threading.Thread):
    """One GET after the other: front's proxy, its app, its proxy again, reviews' proxy and its app."""

    def __init__(self, address: str) -> None:
        super().__init__(daemon=True)
        self.address = address
        self.over = threading.Event()
        self.good = 0
        self.bad: list[str] = []

    def run(self) -> None:
        while not self.over.wait(0.002):
            try:
                answer = get(self.address, "/to/reviews/steady")
                found = "" if answer.status == 200 and answer.body["headers"].get(MARK) == "yes" else repr(answer)
            except (OSError, HTTPException) as error:
                found = repr(error)
            if found:
                self.bad.append(found)
            else:
                self.good += 1

    @property
    def sent(self) -> int:
        return self.good + len(self.bad)

    def all_good(self, what: str) -> None:
        """From now on."""
        good, bad = self.good, len(self.bad)
        until(lambda: self.good >= good + SETTLED or len(self.bad) > bad, f"{what}: {SETTLED} GETs")
        assert self.bad[bad:] == [], what


@dataclass
class Setting:
    world: World
    controller: subprocess.Popen[str]
    supervisors: dict[str, subprocess.Popen[str]] = field(default_factory=dict)
    admins: dict[str, str] = field(default_factory=dict)

    def stop_controller(self) -> None:
        self.controller.send_signal(signal.SIGTERM)
        assert self.controller.wait(30) == 0

    def start_controller(self) -> None:
        self.controller = controller(self.world)

    def proxy(self, name: str) -> int | None:
        """The process that `name`'s supervisor has for its proxy."""
        command = ["ps", "-ewwo", "pid,ppid,stat,args"]
        listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        for pid, parent, state, command in (line.split(None, 3) for line in listing.splitlines()):
            if parent == str(self.supervisors[name].pid) and command.endswith("weft-proxy serve") and state[0] != "Z":
                return int(pid)
        return None

    def kill_proxy(self, name: str) -> None:
        """Returns when its successor is ready."""
        old = self.proxy(name)
        assert old is not None, name
        os.kill(old, signal.SIGKILL)
        until(lambda: self.proxy(name) not in (None, old), f"another proxy of {name}")
        until(lambda: ready(self.admins[name]) == 200, f"{name}'s proxy ready")

    def attached(self, name: str) -> int:
        """How often it did."""
        return (self.world.folder / "log").read_text().count(f"default/{name}-0 attached as")

    def in_force(self) -> bool:
        """Every object Programmed by all that need it, every workload there and well."""
        with self.world.mesh() as mesh:
            status, workloads = mesh.status(), mesh.workloads()
        counts = {each.ref: (each.programmed.applied, each.programmed.needed) for each in status.objects}
        well = {
            each.name
            for each in workloads
            if each.health == "healthy" and each.lease == "attached" and each.sync.connected and not each.sync.pending
        }
        wanted = {ref: (needed, needed) for ref, needed in NEEDED.items()}
        return counts == wanted and well == {f"default/{name}-0" for name in NAMES}


def controller(world: World) -> subprocess.Popen[str]:
    """Its state is not where the workloads' is."""
    return world.controller("--state-dir", str(world.folder / "controller"))


def ready(admin: str) -> int | None:
    try:
        return get(admin, "/ready").status
    except (OSError, HTTPException):
        return None


def route(*names: str) -> dict[str, Any]:
    headers = [{"name": name, "value": "yes"} for name in names]
    mark = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": headers}}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "marked"},
        "spec": {
            "parentRefs": [{"group": "", "kind": "Service", "name": "reviews"}],
            "rules": [{"filters": [mark], "backendRefs": [{"name": "reviews", "port": 80}]}],
        },
    }


@pytest.fixture
def setting(world: World) -> Setting:
    made = Setting(world, controller(world))
    world.apply(*map(world.service, NAMES), route(MARK))
    for name in reversed(NAMES):
        made.supervisors[name] = world.serve(name)
    # Kept a moment after it came: what happens before is not promised.
    for name, word in (("front", MARK), ("reviews", "reviews-0")):
        path = world.folder / "state" / "workloads" / "default" / f"{name}-0" / "program"
        until(lambda path=path, word=word: path.exists() and word.encode() in path.read_bytes(), str(path))  # type: ignore[misc]
    with world.mesh() as mesh:
        made.admins = {each.service.rpartition("/")[2]: each.admin for each in mesh.workloads()}
    until(made.in_force, "all that was applied in force")
    return made


@pytest.fixture
def traffic(setting: Setting) -> Iterator[Traffic]:
    made = Traffic(setting.world.inbound("default/front-0"))
    made.start()
    try:
        made.all_good("at first")
        yield made
    finally:
        made.over.set()
        made.join()


def ended_well(traffic: Traffic) -> None:
    traffic.over.set()
    traffic.join()
    print(f"{traffic.sent} GETs, bad: {traffic.bad}")
    assert traffic.good >= GOOD * traffic.sent, traffic.bad


def test_proxies_restart_without_their_controller_and_find_it_again(setting: Setting, traffic: Traffic) -> None:
    world = setting.world
    before = documents(world)
    setting.stop_controller()
    traffic.all_good("without a controller")
    for name in NAMES:
        setting.kill_proxy(name)
        traffic.all_good(f"without a controller, {name}'s proxy restarted")
    setting.start_controller()
    until(setting.in_force, "all in force with the controller back")
    traffic.all_good("with the controller back")
    assert documents(world) == before
    done = world.weft("status")
    assert done.returncode == 0 and "2/2" in done.stdout, done.stdout + done.stderr
    ended_well(traffic)


def test_the_controller_restarts_first_and_the_proxies_then(setting: Setting, traffic: Traffic) -> None:
    world = setting.world
    before = documents(world)
    setting.stop_controller()
    setting.start_controller()
    until(setting.in_force, "all in force with the controller back")
    traffic.all_good("with the controller back")
    for name in reversed(NAMES):
        times = setting.attached(name)
        setting.kill_proxy(name)
        until(lambda name=name, times=times: setting.attached(name) > times, f"{name} attached again")  # type: ignore[misc]
        until(setting.in_force, f"all in force in {name}'s new proxy")
        traffic.all_good(f"{name}'s proxy restarted")
    assert documents(world) == before
    # What comes now arrives, too.
    world.apply(route(MARK, "x-late"))
    front = world.inbound("default/front-0")
    until(lambda: get(front, "/to/reviews/late").body["headers"].get("x-late") == "yes", "a change")
    until(setting.in_force, "all in force after a change")
    ended_well(traffic)
