"""`weft up`: what is left when it ends, however it ends."""

import fcntl
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
        second = world.weft("up", "-f", str(world.folder / "weft.yaml"), "--controller", mesh.address)
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
