"""`weft up`: what is left when it ends, however it ends."""

import fcntl
import json
import os
import pty
import signal
import subprocess
import sys
import termios
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.conftest import PATIENCE_S, World, free_port, get, processes, processes_below, until

APP = """
import os, signal, socketserver, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        while (line := self.rfile.readline()).strip(): pass
        self.wfile.write(b"HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\nok")
socketserver.ThreadingTCPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


@dataclass
class Up:
    """`weft up` of one service, ready. Its stderr is open for as long as somebody ends what it started."""

    process: subprocess.Popen[str]
    # Where the service is published.
    port: int
    # What it said until then.
    said: str

    def rest(self) -> str:
        """What it says until all is over."""
        return self.process.communicate(timeout=PATIENCE_S)[1]


def written(world: World) -> tuple[Path, int]:
    """The file, and the port at which its service is published."""
    app, port = world.folder / "app.py", free_port()
    app.write_text(APP)
    weftfile = world.folder / "weft.yaml"
    weftfile.write_text(f"services: {{a: {{command: [{sys.executable}, {app}], port: 80, publish: {port}}}}}")
    return weftfile, port


def started(world: World, *options: str) -> Up:
    weftfile, port = written(world)
    command = [sys.executable, "-m", "weft.cli", "up", "-f", str(weftfile), *options]
    process = subprocess.Popen(command, env=world.env, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    world.processes.append(process)
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if "all ready" in line:
            return Up(process, port, said)
    raise AssertionError(said)


def own(world: World) -> list[str]:
    return ["--rest-address", f"127.0.0.1:{world.rest}", "--grpc-address", f"127.0.0.1:{world.grpc}"]


def left(world: World) -> list[Path]:
    return [path for path in world.folder.iterdir() if path.name.startswith("weft-")]


def test_killed_it_leaves_no_process_and_no_directory(world: World) -> None:
    up = started(world, *own(world))
    assert get(f"127.0.0.1:{up.port}").status == 200
    assert len(left(world)) == 1
    running = processes_below(world.folder)
    assert any("controller" in line for line in running) and any("app.py" in line for line in running)
    up.process.send_signal(signal.SIGKILL)
    assert "`weft up` was killed; stopping what it started" in up.rest()
    assert processes_below(world.folder) == []
    assert left(world) == []


def test_a_closed_terminal_ends_it_as_ctrl_c_does(world: World) -> None:
    ours, its = pty.openpty()
    weftfile, _ = written(world)
    process = subprocess.Popen(
        [sys.executable, "-m", "weft.cli", "up", "-f", str(weftfile), *own(world)],
        env=world.env,
        text=True,
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    world.processes.append(process)
    os.close(its)
    said = b""
    while b"all ready" not in said:
        said += os.read(ours, 4096)
    os.close(ours)  # SIGHUP, and every write fails from now on
    assert process.wait(PATIENCE_S) == 0
    assert processes_below(world.folder) == []
    assert left(world) == []


def test_a_lost_controller_ends_it_as_a_failure(world: World) -> None:
    up = started(world, *own(world))
    [controller] = [pid for pid, line in processes(f"127.0.0.1:{world.rest}").items() if "weft.cli controller" in line]
    os.kill(controller, signal.SIGKILL)
    assert "controller was ended by SIGKILL" in up.rest()
    assert up.process.returncode == 1
    assert processes_below(world.folder) == []


def test_a_mesh_that_was_there_before_is_as_it_was(world: World) -> None:
    world.controller()
    world.apply(world.service("other"))
    up = started(world, "--controller", f"http://127.0.0.1:{world.rest}")
    assert get(f"127.0.0.1:{up.port}").status == 200
    with world.mesh() as mesh:
        assert {item.ref for item in mesh.list()} == {"Service/default/a", "Service/default/other"}
        copy = world.folder / "copy.yaml"
        copy.write_text((world.folder / "weft.yaml").read_text())
        second = world.weft("up", "-f", str(copy), "--controller", mesh.address)
        assert second.returncode == 1
        assert "a-0 is running already in the mesh of" in second.stderr
        up.process.send_signal(signal.SIGINT)
        assert "1 resource removed" in up.rest()
        assert up.process.returncode == 0
        assert [item.ref for item in mesh.list()] == ["Service/default/other"]
        until(lambda: not any(w.lease == "attached" for w in mesh.workloads()), "the end of its workloads")


def test_the_variable_for_other_commands_is_not_for_this_one(world: World) -> None:
    world.controller()
    rest = f"127.0.0.1:{free_port()}"
    up = started(world, "--rest-address", rest, "--grpc-address", f"127.0.0.1:{free_port(2)}")
    with world.mesh() as mesh:
        assert mesh.list() == []
    assert f"hint: for other commands: export WEFT_CONTROLLER=http://{rest}" in up.said
    up.process.send_signal(signal.SIGINT)
    up.rest()


def test_detached_it_is_changed_restarted_and_leaves_nothing(world: World) -> None:
    weftfile, port = written(world)
    here = ["-f", str(weftfile)]
    done = world.weft("up", "-d", *here, *own(world))
    assert (done.returncode, "all ready; `weft down` stops everything" in done.stderr) == (0, True), done.stderr
    try:
        assert get(f"127.0.0.1:{port}").status == 200
        first = pids(world, *here)
        assert list(first) == ["a-0", "edge"]
        assert "nothing has changed" in world.weft("up", *here).stderr
        assert pids(world, *here) == first
        command = f"command: [{sys.executable}, {world.folder / 'app.py'}], port: 80"
        weftfile.write_text(f"services: {{a: {{{command}, publish: {port}}}, b: {{{command}, env: {{A: b}}}}}}")
        assert "started: b-0" in world.weft("up", *here).stderr
        second = pids(world, *here)
        assert {name: second[name] for name in first} == first
        weftfile.write_text(weftfile.read_text().replace("A: b", "A: c"))
        assert "b-0 restarted: it is written differently" in world.weft("up", *here).stderr
        assert "a-0 restarted" in world.weft("restart", "a", *here).stderr
        third = pids(world, *here)
        assert third["a-0"] != second["a-0"] and third["b-0"] != second["b-0"] and third["edge"] == first["edge"]
        assert get(f"127.0.0.1:{port}").status == 200
        assert "a-0 | " in world.weft("logs", "a", "--file", str(weftfile)).stdout
        weftfile.write_text(f"services: {{a: {{{command}, publish: {port}}}}}")
        assert "b-0 stopped: it left the file" in world.weft("up", *here).stderr
        weftfile.write_text("services: {a: {rum: x}}")
        assert world.weft("up", *here).returncode == 1
        assert list(pids(world, *here)) == ["a-0", "edge"]
    finally:
        assert world.weft("down", *here).returncode == 0
    assert processes_below(world.folder) == []
    assert processes(f"127.0.0.1:{world.rest}") == {}
    assert left(world) == []
    assert kept(world) == []


def test_killed_while_detached_it_leaves_nothing_either(world: World) -> None:
    weftfile, _ = written(world)
    assert world.weft("up", "-d", "-f", str(weftfile), *own(world)).returncode == 0
    following = world.start("logs", "-f", "--file", str(weftfile))
    until(lambda: "weft | all ready" in (world.folder / "log").read_text(), "what is followed")
    [pid] = [pid for pid, line in processes("--detached").items() if str(weftfile) in line]
    os.kill(pid, signal.SIGKILL)
    until(lambda: processes_below(world.folder) == [], "the end of all that it ran")
    until(lambda: left(world) == [], "the end of its directory")
    until(lambda: not kept(world), "the end of its files")
    assert following.wait(PATIENCE_S) == 0
    assert "is not up" in world.weft("down", "-f", str(weftfile)).stderr


def test_detached_a_failed_start_is_told_as_any_other(world: World) -> None:
    (world.folder / "weft.yaml").write_text("services: {a: {run: \"sh -c 'echo alas; exit 3'\", port: 80}}")
    done = world.weft("up", "-d", "-f", str(world.folder / "weft.yaml"), *own(world))
    assert done.returncode == 1
    assert "error: a-0 ended with exit status 3" in done.stderr
    assert "  alas" in done.stderr
    assert left(world) == []


def kept(world: World) -> list[Path]:
    """Files in the state directory."""
    return [path for path in (world.folder / "state").rglob("*") if not path.is_dir()]


def pids(world: World, *options: str) -> dict[str, int]:
    """Of all that runs, by workload."""
    return {entry["workload"]: entry["pid"] for entry in json.loads(world.weft("ps", "-o", "json", *options).stdout)}
