"""A controller that answers from a table, and a supervisor that is a few lines of Python: `weft up` without a mesh."""

import asyncio
import io
import json
import sys
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from weft.resources.expand import expand_text
from weft.run.display import Display
from weft.run.up import Order, Up

# Marks its workload as started, runs the app, passes SIGTERM on, notes the order of ends.
SUPERVISOR = """#!{python}
import json, os, signal, subprocess, sys
launch = json.load(open(sys.argv[sys.argv.index("--launch") + 1]))
name, folder = launch["workload"]["name"], {folder!r}
app = subprocess.Popen(launch["app"]["command"], cwd=launch["app"]["directory"]) if "app" in launch else None
def end(*_):
    if app: app.terminate()
    else: note()
def note():
    with open(folder + "/ended", "a") as file: file.write(name + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
open(folder + "/started-" + name, "w").close()
if app is None: signal.pause()
status = app.wait()
if status < 0: note()
sys.exit(status)
"""

QUIET = ["python3", "-c", "import signal; signal.pause()"]


class World:
    """The fake mesh: a workload is healthy as soon as its supervisor has started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.never_ready = ""
        self.applied: list[Any] = []
        # What stands in the mesh before: reference to owner.
        self.resources: dict[str, str | None] = {}
        self.present: list[str] = []
        self.waited_for, self.told = "", threading.Event()

    def answer(self, path: str, body: Any) -> Any:
        if path == "/v1/health":
            return {"status": "ok", "unix_socket": str(self.folder)}
        if path == "/v1/apply":
            self.applied.append(body)
            named = [document["metadata"]["name"] for document in body["documents"]]
            results = [{"ref": f"Service/default/{name}", "action": "created"} for name in named]
            gone = [] if len(self.applied) == 1 else [{"ref": "Service/default/gone", "action": "deleted"}]
            return {"revision": 1, "results": [*results, *gone]}
        if path == "/v1/resources":
            return {"resources": [{"ref": r, "document": {}, "owner": o} for r, o in self.resources.items()]}
        if path == "/v1/workloads":
            names = [file.name.removeprefix("started-") for file in self.folder.glob("started-*")]
            common = {"lease": "attached", "health": "healthy", "sync": {"connected": True}}
            names += self.present
            if self.waited_for in names:
                self.told.set()
            return {"workloads": [{"name": f"default/{n}", **common} for n in names if n != self.never_ready]}
        return {"services": []}

    async def seen(self, name: str) -> None:
        """Until somebody was told that this one is there."""
        self.waited_for = name
        await asyncio.to_thread(self.told.wait)

    @property
    def ended(self) -> list[str]:
        return (self.folder / "ended").read_text().split()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    script = tmp_path / "supervisor"
    script.write_text(SUPERVISOR.format(python=sys.executable, folder=str(tmp_path)))
    script.chmod(0o755)
    monkeypatch.setenv("WEFT_PROXY", str(script))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return World(tmp_path)


@pytest.fixture
def address(world: World) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length) or b"null")
            content = json.dumps(world.answer(self.path.partition("?")[0], body)).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class Screen:
    def __init__(self) -> None:
        self.out, self.messages = io.StringIO(), io.StringIO()
        self.display = Display([], self.out, self.messages)


def prepared(address: str, services: dict[str, Any], **more: Any) -> tuple[Up, Screen]:
    expanded = expand_text(json.dumps({"services": services}))
    assert expanded.ok, expanded.problems
    screen = Screen()
    order = Order(Path("weft.yaml"), expanded, controller=address or None, **more)
    return Up(order, screen.display), screen


CHAIN = {"a": {"command": QUIET, "port": 80, "calls": ["b"]}, "b": {"command": QUIET, "port": 80}}
