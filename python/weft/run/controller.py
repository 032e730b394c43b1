"""The controller of a run: one of its own, or one that is there already."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from weft.client.errors import ControllerUnreachable, WeftError
from weft.mesh import Mesh
from weft.run.children import Child, Sink, died, start
from weft.run.spec import ControllerPlace
from weft.run.state import make_private
from weft.run.sys_ports import holder

NAME = "controller"
# Imports of gRPC and pydantic on a slow disk; a warm start takes 1 s.
START_S = 30.0
# Each look is one request on loopback (2 ms): often enough that nobody waits for it.
LOOK_EVERY_S = 0.05


class Failed(WeftError):
    """Something did not start; `tail` is what it said last."""

    def __init__(self, message: str, hint: str | None = None, tail: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint)
        self.tail = tail


async def launch(directory: Path, rest_address: str, grpc_address: str, sink: Sink) -> Child:
    """A controller that keeps its state in `directory`; returns at once, see `ready`."""
    address = f"http://{rest_address}"
    await asyncio.to_thread(_refuse_second, address)
    make_private(directory)
    (directory / "ready").unlink(missing_ok=True)
    # Without the folder of the weft.yaml on its path: a file types.py there is not Python's.
    command = [sys.executable, "-P", "-m", "weft.cli", "controller", "--state-dir", str(directory)]
    command += ["--rest-address", rest_address, "--grpc-address", grpc_address]
    return await start(NAME, [*command, "--ready-file", str(directory / "ready")], sink)


async def listening(child: Child, directory: Path) -> None:
    """Once everything listens."""
    deadline = time.monotonic() + START_S
    while not (directory / "ready").exists():
        if not child.running:
            raise Failed(died(NAME, await child.wait()), "its last lines are above", tuple(child.tail))
        if time.monotonic() > deadline:
            raise Failed(f"the controller is not ready after {START_S:.0f} s", None, tuple(child.tail))
        await asyncio.sleep(LOOK_EVERY_S)


async def place(mesh: Mesh) -> ControllerPlace:
    """Its socket, once it has compiled what its store has: before that a workload would wait for its program."""
    return await asyncio.to_thread(_unix_socket, mesh)


def _refuse_second(address: str) -> None:
    try:
        with Mesh.connect(address) as mesh:
            mesh.health()
    except ControllerUnreachable:
        return
    except WeftError:
        pass
    host, _, port = address.removeprefix("http://").rpartition(":")
    who = holder(int(port), host.strip("[]")) or "something"
    hint = f"use that controller with --controller {address}, or stop it first"
    raise Failed(f"{who} listens on {address} already", hint)


def _unix_socket(mesh: Mesh) -> ControllerPlace:
    path = mesh.health().unix_socket
    if not Path(path).exists():
        raise Failed(f"the controller at {mesh.address} runs on another machine", "`weft up` needs one on this machine")
    return ControllerPlace(f"unix:{path}")
