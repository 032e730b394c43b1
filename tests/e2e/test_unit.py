"""What a unit says is run as systemd would, as far as that can be done without it: command line, readiness, stop."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess

from tests.e2e.conftest import World


def test_the_controllers_unit_starts_one_that_says_when_it_is_ready(world: World) -> None:
    addresses = ["--rest-address", f"127.0.0.1:{world.rest}", "--grpc-address", f"127.0.0.1:{world.grpc}"]
    done = world.weft("unit", "controller", *addresses)
    found = re.search(r"^ExecStart=(.*)$", done.stdout, re.MULTILINE)
    assert found, done.stderr
    command = shlex.split(found[1].replace("%S", str(world.folder / "state")))
    name = str(world.folder / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd, (world.folder / "log").open("a") as log:
        systemd.settimeout(60)
        systemd.bind(name)
        env = {**world.env, "NOTIFY_SOCKET": name, "PATH": os.environ["PATH"]}
        controller = subprocess.Popen(command, env=env, text=True, stdout=log, stderr=log)
        world.processes.append(controller)
        assert systemd.recv(100) == b"READY=1"
        with world.mesh() as mesh:
            assert mesh.health().trust_domain
        assert (world.folder / "state" / "weft" / "controller" / "store.db").exists()
        controller.send_signal(signal.SIGTERM)
        assert systemd.recv(100) == b"STOPPING=1"
        assert controller.wait(20) == 0, "TimeoutStopSec"
