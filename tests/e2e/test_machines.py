"""Two machines and one weft.yaml: joined with one command, called both ways, one of them lost and found again.

Each machine is a network namespace, see `netns.py`: this needs root on Linux.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.e2e.conftest import Answer, until
from tests.e2e.netns import Machine, two_machines, usable

pytestmark = pytest.mark.skipif(bool(usable()), reason=f"needs network namespaces: {usable()}")

# `/to/NAME/PATH` asks the service NAME at the address that it was given, `/host/NAME/PATH` by its name in the mesh.
APP = """
import json, os, signal, sys, urllib.error, urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version, wbufsize = "HTTP/1.1", -1
    def do_GET(self):
        _, how, *rest = self.path.split("/", 3)
        if how not in ("to", "host"):
            return self.answer(200, {"name": os.environ["WEFT_WORKLOAD"], "caller": self.headers["weft-principal"]})
        name, path = rest
        base = os.environ[name.upper() + "_URL"] if how == "to" else f"http://{name}.default.mesh"
        try:
            with urllib.request.urlopen(f"{base}/{path}", timeout=5) as answer:
                self.answer(answer.status, json.loads(answer.read()))
        except urllib.error.HTTPError as error:
            self.answer(error.code, {"reason": error.headers.get("weft-reason")})
        except OSError as error:
            self.answer(504, {"reason": f"the caller gave up: {error}"})
    def answer(self, status, body):
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
    def log_message(self, *_): pass
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""

FILE = f"""
controller: 192.0.2.1
services:
  web:
    run: {sys.executable} app.py
    port: 80
    publish: 8080
    calls: [ratings]
  ratings:
    run: {sys.executable} app.py
    port: 80
    machine: b
    calls: [stock]
  stock:
    run: {sys.executable} app.py
    port: 80
  batch:
    run: {sys.executable} app.py
    port: 80
    publish: 8081
"""
THERE_AND_BACK = "http://127.0.0.1:8080/to/ratings/to/stock/x"
REST = "http://127.0.0.1:15080"


@dataclass
class Mesh:
    a: Machine
    b: Machine
    # The first of them, as `weft token machine` printed it.
    line: str

    @property
    def token(self) -> str:
        return self.line.split()[-1]

    def call(self, url: str = THERE_AND_BACK) -> Answer:
        return self.a.get(url)

    def edges(self) -> dict[tuple[str, str], dict[str, Any]]:
        found = self.a.get(f"{REST}/v1/edges?seconds=300&by=service").body["edges"]
        return {(e["source"]["service"] or e["source"]["workload"], e["destination"]["service"]): e for e in found}

    def join(self, *options: str) -> None:
        """`weft up` on b, until all is ready."""
        before = len(self.b.log)
        process = self.b.start("weft", "up", *options)
        until(lambda: "all ready" in self.b.log[before:] or process.poll() is not None, "b")
        assert process.poll() is None, self.b.log[before:]


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    with two_machines(tmp_path_factory.mktemp("m")) as (a, b):
        for machine in (a, b):
            (machine.folder / "app.py").write_text(APP)
            (machine.folder / "weft.yaml").write_text(FILE)
        process = a.start("weft", "up")
        until(lambda: "all ready" in a.log or process.poll() is not None, "a")
        assert process.poll() is None, a.log
        made = a.weft("token", "machine", "b")
        assert made.returncode == 0, made.stderr
        mesh = Mesh(a, b, made.stdout.strip())
        try:
            assert mesh.line.startswith("weft up --join weftm1.")
            mesh.join(*mesh.line.split()[2:])
            yield mesh
        finally:
            print(a.log, "---- b", b.log, sep="\n")  # pytest shows it when a test has failed


def test_calls_go_both_ways_and_each_knows_who_called(mesh: Mesh) -> None:
    answer = until(lambda: (found := mesh.call()).status == 200 and found, "a call from a to b and back")
    assert answer.body["name"] == "stock-0" and answer.body["caller"].endswith("/ns/default/sa/ratings")
    assert mesh.call("http://127.0.0.1:8080/to/ratings/x").body["caller"].endswith("/ns/default/sa/web")
    ways = (("default/web", "default/ratings"), ("default/ratings", "default/stock"))
    edges = until(lambda: (found := mesh.edges()).keys() >= set(ways) and found, "the edges")
    assert [edges[way]["tls"] for way in ways] == ["mtls", "mtls"]
    shown = mesh.a.weft("edges").stdout
    assert [line.split()[3] for line in shown.splitlines() if "default/ratings" in line] == ["mTLS", "mTLS"]


def test_who_starts_and_joins_is_told_what_runs_where(mesh: Mesh) -> None:
    assert "on machine b: ratings-0" in mesh.a.log
    assert "machine b of the mesh at 192.0.2.1:15010" in mesh.b.log
    # Everything is strict where others can reach it, so that there is nothing to warn about.
    assert "in the clear" not in mesh.a.log + mesh.b.log and "warning:" not in mesh.b.log


def test_every_workload_is_reached_at_its_machines_own_address(mesh: Mesh) -> None:
    listed = mesh.a.get(f"{REST}/v1/workloads").body["workloads"]
    found = {each["name"]: {port["address"] for port in each["ports"]} for each in listed}
    assert (found["default/ratings-0"], found["default/web-0"]) == ({"192.0.2.2"}, {"192.0.2.1"})


def test_a_policy_holds_on_both_sides(mesh: Mesh) -> None:
    refused = mesh.call("http://127.0.0.1:8081/host/ratings/x")
    assert (refused.status, refused.body) == (403, {"reason": "access-denied"})
    assert mesh.call("http://127.0.0.1:8081/host/stock/x").status == 403
    edge = until(lambda: mesh.edges().get(("default/batch", "default/ratings")), "the edge of who was refused")
    assert edge["reasons"] == {"access-denied": 1} and edge["tls"] == "mtls"


def test_no_call_in_the_clear_comes_in(mesh: Mesh) -> None:
    listed = mesh.a.get(f"{REST}/v1/workloads").body["workloads"]
    (port,) = next(each["ports"] for each in listed if each["name"] == "default/ratings-0")
    answer = mesh.a.get(f"http://{port['address']}:{port['listen_port']}/x")
    assert answer.status == 403 and answer.headers["weft-reason"] == "mtls-required"


def test_the_other_machine_lists_its_part_without_a_controller(mesh: Mesh) -> None:
    (row,) = json.loads(mesh.b.weft("ps", "-o", "json").stdout)
    assert (row["workload"], row["state"], row["health"], row["mtls"]) == ("ratings-0", "running", "healthy", "yes")
    assert "registered as default/ratings-0" in mesh.b.weft("logs").stdout


def test_who_asks_on_the_wrong_machine_is_told_the_right_one(mesh: Mesh) -> None:
    done = mesh.b.weft("edges")
    assert done.returncode == 1 and "error: no controller answers at http://127.0.0.1:15080" in done.stderr
    assert "hint: the controller that this machine has joined is at 192.0.2.1:15010: ask on that one" in done.stderr


def test_the_other_machine_restarts_its_part(mesh: Mesh) -> None:
    done = mesh.b.weft("restart", "ratings")
    assert (done.returncode, done.stderr) == (0, "ratings-0 restarted\n")
    until(lambda: mesh.call().status == 200, "calls after the restart")
    again = mesh.b.weft("up")
    assert again.returncode == 0 and "nothing has changed" in again.stderr


def test_a_cable_that_was_out_needs_nobody(mesh: Mesh) -> None:
    """Longer than it takes until calls fail: then all is as before, by itself, with the processes as they were."""
    before = json.loads(mesh.b.weft("ps", "-o", "json").stdout)
    mesh.b.cable(False)
    try:
        failed = until(lambda: (found := mesh.call()).status != 200 and found, "a call that fails")
        assert failed.status in (503, 504) and failed.body["reason"], failed
    finally:
        mesh.b.cable(True)
    until(lambda: mesh.call().status == 200, "calls after the cable is back")
    assert json.loads(mesh.b.weft("ps", "-o", "json").stdout) == before


def test_a_machine_that_is_lost_has_a_reason_and_comes_back_without_a_new_token(mesh: Mesh) -> None:
    mesh.b.power_off()
    failed = until(lambda: (found := mesh.call()).status != 200 and found, "a call that fails")
    assert (failed.status, bool(failed.body["reason"])) == (503, True)
    reason = failed.body["reason"]
    way = ("default/web", "default/ratings")
    until(lambda: mesh.edges()[way]["reasons"].get(reason), f"the edge says {reason}")
    mesh.join()
    until(lambda: mesh.call().status == 200, "calls after the machine is back")


def test_the_first_machine_comes_back_as_the_one_that_the_other_knows(mesh: Mesh) -> None:
    """Its controller has the same keys, so that nothing has to be done on b."""
    before = json.loads(mesh.b.weft("ps", "-o", "json").stdout)
    mesh.a.power_off()
    said = len(mesh.a.log)
    process = mesh.a.start("weft", "up")
    until(lambda: "all ready" in mesh.a.log[said:] or process.poll() is not None, "a")
    until(lambda: mesh.call().status == 200, "calls after a is back")
    assert json.loads(mesh.b.weft("ps", "-o", "json").stdout) == before


def test_the_mesh_is_well_and_so_is_each_machine(mesh: Mesh) -> None:
    for machine, part in ((mesh.a, "--mesh"), (mesh.b, "--machine")):
        checks = json.loads(machine.weft("check", part, "-o", "json").stdout)["checks"]
        assert [check for check in checks if check["result"] == "fail"] == []
    found = {check["id"]: check["result"] for check in checks}
    assert (found["joined-token"], found["joined-controller"], found["joined-clock"]) == ("ok", "ok", "ok")


# ------------------------------------------------------------------------------------------------- who does not join


def stranger(mesh: Mesh, *options: str, name: str = "stranger", text: str = FILE) -> CompletedProcess[str]:
    """`weft up` on b as on a machine that never joined: another folder, another state."""
    folder = mesh.b.folder / name
    folder.mkdir(exist_ok=True)
    (folder / "weft.yaml").write_text(text)
    (folder / "app.py").write_text(APP)
    return mesh.b.weft("up", *options, cwd=folder)


def refused(done: CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    assert "error: " in done.stderr and "hint: " in done.stderr
    assert [word for word in words if word not in done.stderr] == [], done.stderr


def test_who_has_no_token_is_told_how_to_get_one(mesh: Mesh) -> None:
    refused(stranger(mesh), "192.0.2.1:15010, and this one has not joined", "weft token machine NAME")


def test_what_is_no_token_is_refused(mesh: Mesh) -> None:
    refused(stranger(mesh, "--join", "weftm1.nonsense"), "not a machine's token: it is cut off or changed")
    refused(stranger(mesh, "--join", "nowhere"), "nowhere cannot be read: no such file")


def test_a_token_that_was_used_names_who_did(mesh: Mesh) -> None:
    refused(stranger(mesh, "--join", mesh.token, name="used"), "was used already, by default/ratings-0")


def test_a_token_that_was_revoked_is_unknown(mesh: Mesh) -> None:
    made = json.loads(mesh.a.weft("token", "machine", "b", "-o", "json").stdout)
    assert mesh.a.weft("token", "revoke", made["id"]).returncode == 0
    refused(stranger(mesh, "--join", made["token"], name="revoked"), "is not known to this controller")


def test_a_token_that_has_expired_says_so(mesh: Mesh) -> None:
    made = json.loads(mesh.a.weft("token", "machine", "b", "--expires", "1s", "-o", "json").stdout)
    until(lambda: time.time() > made["expires_at"], "its end")
    refused(stranger(mesh, "--join", made["token"], name="late"), "the token expired", "weft token machine b")


def test_a_token_gives_no_other_identity(mesh: Mesh) -> None:
    made = mesh.a.weft("token", "machine", "b").stdout.split()[-1]
    other = FILE.replace("  stock:\n", "  stock:\n    machine: b\n")
    refused(stranger(mesh, "--join", made, name="more", text=other), "does not name default/stock-0 as stock")


def test_a_controller_that_is_not_there_is_said_before_anything_starts(mesh: Mesh) -> None:
    made = mesh.a.weft("token", "machine", "b").stdout.split()[-1]
    mesh.b.cable(False)
    try:
        refused(stranger(mesh, "--join", made, name="alone"), "the controller at 192.0.2.1:15010 cannot be reached")
        silent = [c for c in json.loads(mesh.b.weft("check", "-o", "json").stdout)["checks"] if c["result"] == "fail"]
        assert [(check["id"], bool(check["hint"])) for check in silent] == [("joined-controller", True)]
    finally:
        mesh.b.cable(True)


def test_an_address_that_others_cannot_reach_is_refused(mesh: Mesh) -> None:
    made = mesh.a.weft("token", "machine", "b").stdout.split()[-1]
    done = stranger(mesh, "--join", made, "--bind", "127.0.0.1", name="bound")
    refused(done, "other machines cannot reach --bind 127.0.0.1", "192.0.2.2 is how the controller sees this machine")


def test_more_workloads_need_another_token(mesh: Mesh) -> None:
    """The first was for one: a second is refused by name, and comes with what a new one allows."""
    for machine in (mesh.a, mesh.b):
        (machine.folder / "weft.yaml").write_text(FILE.replace("machine: b\n", "machine: b\n    replicas: 2\n"))
    refused(mesh.b.weft("up"), "was used already, by default/ratings-0", "last lines:")
    assert mesh.call().status == 200
    before = mesh.b.weft("ps", "-o", "json").stdout
    new = mesh.b.weft("up", "--join", mesh.a.weft("token", "machine", "b").stdout.strip())
    assert new.returncode == 0 and "started: ratings-1" in new.stderr, new.stderr
    rows = {row["workload"]: row for row in json.loads(mesh.b.weft("ps", "-o", "json").stdout)}
    assert rows["ratings-1"]["health"] == "healthy"
    assert rows["ratings-0"] in json.loads(before), "who was there was left alone"


def test_in_the_end_nothing_runs_and_the_next_start_needs_no_token(mesh: Mesh) -> None:
    assert mesh.b.weft("down").returncode == 0
    assert mesh.b.pids() == []
    done = mesh.b.weft("up", "-d")
    assert done.returncode == 0 and "all ready" in done.stderr, done.stderr
    until(lambda: mesh.call().status == 200, "calls to what runs in the background")
    assert mesh.b.weft("down").returncode == 0


def test_without_a_word_in_the_file_one_option_opens_it_to_others(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """And in the background, on both machines."""
    text = FILE.replace("controller: 192.0.2.1\n", "")
    with two_machines(tmp_path_factory.mktemp("w")) as (a, b):
        for machine in (a, b):
            (machine.folder / "app.py").write_text(APP)
            (machine.folder / "weft.yaml").write_text(text)
        up = a.weft("up", "-d", "--listen", "192.0.2.1")
        assert up.returncode == 0, up.stderr
        # Nobody has said `strict`, and nothing became so in silence.
        assert "who reaches 192.0.2.1 may call in the clear" in up.stderr
        (b.folder / "line").write_text(a.weft("token", "machine", "b").stdout)
        joined = b.weft("up", "-d", "--join", "line")
        assert joined.returncode == 0, joined.stderr
        until(lambda: a.get(THERE_AND_BACK).status == 200, "a call from a to b and back")
        # The token is in no command line that others on the machine can read.
        assert "weftm1." not in b.run("ps", "-ewwo", "args=").stdout
        for machine in (b, a):
            assert machine.weft("down").returncode == 0
        assert b.pids() == []
