"""A real controller, real proxies, real apps, on loopback; everything below one temporary directory."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from weft.mesh import Mesh

T = TypeVar("T")

# A start on a busy two-core machine takes 5 s; what takes longer than this will not come.
PATIENCE_S = 60.0

# Says what it sees; asked for `/to/NAME/PATH` it asks the service NAME for /PATH and passes the answer on.
APP = """
import json, os, signal, sys, urllib.error, urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version, wbufsize = "HTTP/1.1", -1
    def do_GET(self):
        if self.path.startswith("/to/"):
            name, path = self.path[4:].split("/", 1)
            try:
                with urllib.request.urlopen(os.environ[name.upper() + "_URL"] + "/" + path, timeout=15) as answer:
                    self.answer(answer.status, answer.read())
            except urllib.error.HTTPError as error:
                self.answer(error.code, json.dumps({"reason": error.headers.get("weft-reason")}).encode())
            return
        seen = {name.lower(): value for name, value in self.headers.items()}
        self.answer(200, json.dumps({"path": self.path, "headers": seen}).encode())
    def answer(self, status, body):
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


def free_port(neighbours: int = 1) -> int:
    """A port that is free, and so are the next ones."""
    while True:
        with socket.socket() as first:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                for i in range(1, neighbours):
                    with socket.socket() as next_one:
                        next_one.bind(("127.0.0.1", port + i))
            except OSError:
                continue
            return port


def until(ask: Callable[[], T | None], what: str) -> T:
    """What `ask` answers once it is neither None nor False."""
    deadline, pause = time.monotonic() + PATIENCE_S, threading.Event()
    while not (found := ask()):
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE_S:.0f} s"
        pause.wait(0.02)
    return found


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: Any


def get(address: str, path: str = "/", **headers: str) -> Answer:
    """`address` is host:port."""
    connection = http.client.HTTPConnection(address, timeout=15)
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        content = response.read()
        named = {name.lower(): value for name, value in response.getheaders()}
        body = json.loads(content) if content.startswith(b"{") else content.decode()
        return Answer(response.status, named, body)
    finally:
        connection.close()


@dataclass
class World:
    """Starts processes, and ends all that it started."""

    folder: Path
    rest: int
    grpc: int
    processes: list[subprocess.Popen[str]] = field(default_factory=list)
    # Of the controller. Another address of 127/8 is shared with nobody, whatever its ports are.
    host: str = "127.0.0.1"

    @property
    def env(self) -> dict[str, str]:
        return {
            **os.environ,
            "WEFT_CONTROLLER": f"http://{self.host}:{self.rest}",
            "WEFT_STATE_DIR": str(self.folder / "state"),
            "TMPDIR": str(self.folder),
        }

    def start(self, *command: str) -> subprocess.Popen[str]:
        """`weft COMMAND` in the background; its output goes to `log`."""
        with (self.folder / "log").open("a") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "weft.cli", *command], env=self.env, text=True, stdout=log, stderr=log
            )
        self.processes.append(process)
        return process

    def weft(self, *command: str) -> subprocess.CompletedProcess[str]:
        """`weft COMMAND`, to its end."""
        arguments = [sys.executable, "-m", "weft.cli", *command]
        return subprocess.run(arguments, env=self.env, text=True, capture_output=True, check=False, timeout=PATIENCE_S)

    def controller(self, *options: str) -> subprocess.Popen[str]:
        ready = self.folder / "ready"
        ready.unlink(missing_ok=True)
        addresses = ["--rest-address", f"{self.host}:{self.rest}", "--grpc-address", f"{self.host}:{self.grpc}"]
        process = self.start("controller", *addresses, "--ready-file", str(ready), *options)
        until(lambda: ready.exists() or process.poll() is not None, "the controller")
        assert ready.exists(), f"the controller ended with {process.returncode}"
        return process

    def mesh(self) -> Mesh:
        return Mesh.connect(f"http://{self.host}:{self.rest}")

    def apply(self, *documents: dict[str, Any]) -> None:
        with self.mesh() as mesh:
            mesh.apply(list(documents))

    def service(self, name: str, port: int = 80) -> dict[str, Any]:
        spec = {"ports": [{"port": port}]}
        return {"apiVersion": "weft/v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}

    def serve(self, name: str, *options: str) -> subprocess.Popen[str]:
        """An `APP` as a workload of that service, healthy."""
        app = self.folder / "app.py"
        app.write_text(APP)
        process = self.start("run", "--service", name, "--name", f"{name}-0", *options, "--", sys.executable, str(app))
        self.healthy(f"default/{name}-0")
        return process

    def healthy(self, name: str) -> None:
        with self.mesh() as mesh:
            until(lambda: any(w.name == name and w.health == "healthy" for w in mesh.workloads()), name)

    def inbound(self, name: str) -> str:
        """Where a workload is reached, in clear: host:port."""
        with self.mesh() as mesh:
            [port] = next(workload.ports for workload in mesh.workloads() if workload.name == name)
        return f"{port.address}:{port.listen_port}"

    def job(self, code: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Python code as a job of the mesh."""
        return self.weft("run", *options, "--", sys.executable, "-c", code)

    def close(self) -> None:
        for process in reversed(self.processes):
            process.terminate()
        for process in reversed(self.processes):
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[World]:
    # Short: a unix socket's path has 107 bytes.
    found = World(tmp_path_factory.mktemp("e"), free_port(), free_port(neighbours=2))
    yield found
    found.close()
    log = found.folder / "log"
    if log.exists():
        print(log.read_text())  # pytest shows it when the test has failed


def processes_below(folder: Path) -> list[str]:
    """Command lines that name `folder`: what a test has left behind."""
    return list(processes(str(folder)).values())


def processes(text: str) -> dict[int, str]:
    """Process ids and command lines that have `text`."""
    # -ww: whole lines. Without a terminal ps cuts them to 80 columns, and what stands behind is never found.
    listing = subprocess.run(["ps", "-ewwo", "pid=,args="], capture_output=True, text=True, check=True).stdout
    lines = (line.strip().partition(" ") for line in listing.splitlines())
    return {int(pid): args for pid, _, args in lines if text in args and not args.startswith("ps ")}
