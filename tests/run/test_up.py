"""`Up` with a controller that answers from a table, and a supervisor that is a few lines of Python: what is tested is
who is started when, what is said, and that nothing stays behind."""

import asyncio
import io
import json
import os
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from weft.resources.expand import expand_text
from weft.run import starter
from weft.run import up as module
from weft.run.controller import Failed
from weft.run.display import Display
from weft.run.logfile import read
from weft.run.loopback import Target
from weft.run.ports import Taken
from weft.run.project import Project
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
    order = Order(Path("weft.yaml"), expanded, controller=address, **more)
    return Up(order, screen.display), screen


def left_behind(world: World) -> list[str]:
    return [path.name for path in world.folder.iterdir() if path.name.startswith("weft-")]


CHAIN = {"a": {"command": QUIET, "port": 80, "calls": ["b"]}, "b": {"command": QUIET, "port": 80}}


async def test_all_start_and_end_in_order_and_nothing_stays(world: World, address: str) -> None:
    up, screen = prepared(address, CHAIN, publish={"127.0.0.1:8080": Target("default/a", 80)})
    running = asyncio.create_task(up.run())
    await asyncio.wait_for(up.ready.wait(), 20)
    assert len(left_behind(world)) == 1
    children = list(up.children.values())
    up.stop()
    assert await asyncio.wait_for(running, 20) == 0
    assert world.ended == ["edge", "a-0", "b-0"]
    assert not any(child.running for child in children)
    assert left_behind(world) == []
    said = screen.messages.getvalue()
    assert "a-0 ready after " in said
    assert "a:80 at http://127.0.0.1:8080" in said
    assert "all ready; Ctrl-C stops everything" in said


async def test_who_depends_on_another_starts_when_that_one_is_healthy(world: World, address: str) -> None:
    world.never_ready = "b-0"
    quick = {"command": QUIET, "port": 80, "depends_on": {"b": "service_started"}}
    services = {"a": {"command": QUIET, "depends_on": ["b"]}, "b": {"command": QUIET, "port": 80}, "c": quick}
    up, screen = prepared(address, services)
    running = asyncio.create_task(up.run())
    async with asyncio.timeout(20):
        await world.seen("c-0")
        assert list(up.children) == ["b-0", "c-0"]
        world.never_ready = ""
        await up.ready.wait()
    up.stop()
    assert await asyncio.wait_for(running, 20) == 0
    assert world.ended[-1] == "b-0"
    said = screen.messages.getvalue()
    assert said.index("b-0 ready after") < said.index("a-0 ready after")


async def test_who_waits_for_a_job_starts_when_it_is_over(world: World, address: str) -> None:
    world.never_ready = "job-0"
    up, _ = prepared(address, {"job": {"run": "true"}, "a": {"command": QUIET, "depends_on": ["job"]}})
    running = asyncio.create_task(up.run())
    await asyncio.wait_for(up.ready.wait(), 20)
    assert up.children["a-0"].running
    up.stop()
    assert await asyncio.wait_for(running, 20) == 0


async def test_who_waits_is_told_for_whom(world: World, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starter, "WORKLOADS_START_S", 0.0)
    monkeypatch.setattr(starter, "PATIENCE_S", 0.0)
    world.never_ready = "b-0"
    up, screen = prepared(address, {"a": {"run": "x", "depends_on": ["b"]}, "b": {"command": QUIET}})
    with pytest.raises(Failed, match="b-0 has not registered"):
        await asyncio.wait_for(up.run(), 20)
    assert "still waiting: a-0 starts after b-0\n" in screen.messages.getvalue()


async def test_the_file_owns_what_it_applies(world: World, address: str) -> None:
    up, _ = prepared(address, CHAIN)
    running = asyncio.create_task(up.run())
    await asyncio.wait_for(up.ready.wait(), 20)
    up.stop()
    await running
    applied = world.applied[0]
    assert (applied["owner"], applied["prune"]) == (f"file:{Path('weft.yaml').absolute()}", True)
    assert [document["kind"] for document in applied["documents"]] == ["Service", "Service", "AccessPolicy"]


async def test_what_it_brought_leaves_the_mesh_with_it_and_what_it_found_stays(world: World, address: str) -> None:
    owner = f"file:{Path('weft.yaml').absolute()}"
    world.resources = {"Service/default/a": None, "Service/default/b": owner, "Service/default/c": "somebody"}
    up, screen = prepared(address, {"a": {"run": "true", "port": 80}, "b": {"run": "true", "port": 80}})
    assert await asyncio.wait_for(up.run(), 20) == 0
    _, withdrawn = world.applied
    assert (withdrawn["owner"], withdrawn["prune"]) == (owner, True)
    assert [document["metadata"]["name"] for document in withdrawn["documents"]] == ["a"]
    assert "2 resources applied" in screen.messages.getvalue()
    assert "1 resource removed" in screen.messages.getvalue()


async def test_it_may_be_told_to_leave_them(world: World, address: str) -> None:
    up, _ = prepared(address, {"job": {"run": "true", "port": 80}}, keep=True)
    assert await asyncio.wait_for(up.run(), 20) == 0
    assert len(world.applied) == 1


async def test_who_runs_in_that_mesh_already_is_not_started_again(world: World, address: str) -> None:
    world.present = ["b-0"]
    up, _ = prepared(address, CHAIN)
    with pytest.raises(Failed, match="b-0 is running already in the mesh of http://") as caught:
        await asyncio.wait_for(up.run(), 20)
    assert "give weft.yaml a namespace of its own" in str(caught.value.hint)
    assert world.applied == []
    assert up.children == {}


async def test_a_second_edge_has_another_name(world: World, address: str) -> None:
    world.present = ["edge"]
    up, _ = prepared(address, CHAIN, publish={"127.0.0.1:8080": Target("default/a", 80)})
    running = asyncio.create_task(up.run())
    await asyncio.wait_for(up.ready.wait(), 20)
    assert list(up.children) == ["a-0", "b-0", "edge-2"]
    up.stop()
    await running


async def test_what_dies_at_once_shows_its_last_lines_and_takes_nothing_down_with_it(
    world: World, address: str
) -> None:
    world.never_ready = "b-0"
    dies = ["python3", "-c", "[print('line', i) for i in range(30)]; raise SystemExit(3)"]
    up, screen = prepared(address, {"a": {"command": QUIET}, "b": {"command": dies}})
    with pytest.raises(Failed, match="b-0 ended with exit status 3") as caught:
        await asyncio.wait_for(up.run(), 20)
    assert caught.value.tail == tuple(f"line {i}" for i in range(10, 30))
    assert "run` of b-0" in str(caught.value.hint)
    assert world.ended == ["a-0"]
    assert left_behind(world) == []
    assert "b-0 | line 29" in screen.out.getvalue()


async def test_who_wrote_for_a_shell_is_told_that_there_is_none(world: World, address: str) -> None:
    world.never_ready = "a-0"
    up, _ = prepared(address, {"a": {"run": "test $PORT = 80"}})
    with pytest.raises(Failed, match="a-0 ended") as caught:
        await asyncio.wait_for(up.run(), 20)
    assert "write sh -c" in str(caught.value.hint)


async def test_when_all_jobs_have_ended_it_is_over(world: World, address: str) -> None:
    up, screen = prepared(address, {"job": {"run": "echo done"}})
    assert await asyncio.wait_for(up.run(), 20) == 0
    assert "job-0 | done" in screen.out.getvalue()
    assert "job-0 ended" in screen.messages.getvalue()


async def test_when_one_of_them_ended_badly_that_is_a_failure(world: World, address: str) -> None:
    trigger = world.folder / "trigger"
    os.mkfifo(trigger)
    up, screen = prepared(address, {"a": {"command": ["sh", "-c", f"read line < {trigger}; exit 4"]}})
    running = asyncio.create_task(up.run())
    await asyncio.wait_for(up.ready.wait(), 20)
    trigger.write_text("now\n")
    assert await asyncio.wait_for(running, 20) == 1
    assert "a-0 ended with exit status 4" in screen.messages.getvalue()


async def test_a_job_that_is_over_before_it_was_seen_holds_nobody_up(world: World, address: str) -> None:
    world.never_ready = "job-0"
    up, screen = prepared(address, {"job": {"run": "true"}, "a": {"command": QUIET}})
    running = asyncio.create_task(up.run())
    await asyncio.wait_for(up.ready.wait(), 20)
    up.stop()
    assert await asyncio.wait_for(running, 20) == 0
    assert "a-0 ready after" in screen.messages.getvalue()
    assert "job-0 ready after" not in screen.messages.getvalue()


async def test_who_dies_later_is_reported_and_the_others_go_on(world: World, address: str) -> None:
    trigger = world.folder / "trigger"
    os.mkfifo(trigger)
    later = ["sh", "-c", f"read line < {trigger}; echo alas; exit 4"]
    up, _ = prepared(address, {"a": {"command": QUIET}, "b": {"command": later}})
    running = asyncio.create_task(up.run())
    await asyncio.wait_for(up.ready.wait(), 20)
    trigger.write_text("now\n")
    assert await up.children["b-0"].wait() == 4
    up.stop()
    assert await asyncio.wait_for(running, 20) == 0
    assert world.ended == ["a-0"]


async def test_the_second_ctrl_c_waits_for_nobody(world: World, address: str) -> None:
    stubborn = ["python3", "-c", "import signal; signal.signal(15, signal.SIG_IGN); signal.pause()"]
    up, screen = prepared(address, {"a": {"command": stubborn}})
    running = asyncio.create_task(up.run())
    await asyncio.wait_for(up.ready.wait(), 20)
    up.stop()
    up.stop()
    assert await asyncio.wait_for(running, 20) == 0
    assert "stopping at once" in screen.messages.getvalue()
    assert not up.children["a-0"].running


async def test_what_it_cannot_stop_itself_the_watcher_does(
    world: World, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    up, _ = prepared(address, {"a": {"command": QUIET}})
    running = asyncio.create_task(up.run())
    await asyncio.wait_for(up.ready.wait(), 20)
    monkeypatch.setattr(module, "stop_order", lambda specs: 1 / 0)
    child = up.children["a-0"]
    up.stop()
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(running, 20)
    assert await asyncio.wait_for(child.wait(), 20) == 0
    assert world.ended == ["a-0"]


async def test_a_late_workload_is_named_with_what_it_waits_for(
    world: World, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starter, "WORKLOADS_START_S", 0.0)
    monkeypatch.setattr(starter, "LOOK_EVERY_S", 0.0)
    world.never_ready = "a-0"
    up, screen = prepared(address, {"a": {"run": "sleep 600"}})
    monkeypatch.setattr(starter, "PATIENCE_S", 0.0)
    with pytest.raises(Failed, match="a-0 has not registered, after 0 s"):
        await asyncio.wait_for(up.run(), 20)
    assert screen.messages.getvalue().count("still waiting: a-0 has not registered\n") == 1
    assert left_behind(world) == []


async def test_a_port_in_use_starts_nobody(world: World, address: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        up, _ = prepared(address, CHAIN, publish={f"127.0.0.1:{port}": Target("default/a", 80)})
        with pytest.raises(Taken, match=rf":{port} is in use by .*\(pid {os.getpid()}\)"):
            await asyncio.wait_for(up.run(), 20)
    assert (world.applied, up.children, left_behind(world)) == ([], {}, [])


async def test_a_directory_that_was_named_stays(world: World, address: str) -> None:
    up, _ = prepared(address, {"job": {"run": "true"}}, state_dir=world.folder / "kept")
    assert await asyncio.wait_for(up.run(), 20) == 0
    assert (world.folder / "kept/workloads/default/job-0/launch.json").exists()


def ignore(text: str) -> None:
    pass


async def test_asked_while_it_starts_it_says_so(world: World, address: str) -> None:
    world.never_ready = "a-0"
    up, _ = prepared(address, {"a": {"command": QUIET, "port": 80}})
    running = asyncio.create_task(up.run())
    await asyncio.wait_for(world.seen("a-0"), 20)
    with pytest.raises(Failed, match="still starting"):
        await up._asked({"do": "restart", "service": None}, ignore)
    assert [entry["state"] for entry in (await up._asked({"do": "status"}, ignore))["workloads"]] == ["running"]
    up.stop()
    await running


async def test_a_restart_exchanges_the_process_and_ends_nothing_else(world: World, address: str) -> None:
    up, _ = prepared(address, {"a": {"command": QUIET, "port": 80}})
    running = asyncio.create_task(up.run())
    await asyncio.wait_for(up.ready.wait(), 20)
    first, said = up.children["a-0"], list[str]()
    await up._asked({"do": "restart", "service": "a"}, said.append)
    assert (said, first.running, up.children["a-0"].running) == (["a-0 restarted"], False, True)
    with pytest.raises(Failed, match="no service b here"):
        await up._asked({"do": "restart", "service": "b"}, ignore)
    assert not running.done()
    up.stop()
    assert await asyncio.wait_for(running, 20) == 0


async def test_who_fails_to_come_back_is_told_and_the_others_go_on(world: World, address: str) -> None:
    file = world.folder / "weft.yaml"
    file.write_text(json.dumps({"services": CHAIN}))
    expanded = expand_text(file.read_text())
    up = Up(Order(file, expanded, controller=address), Screen().display)
    running = asyncio.create_task(up.run())
    await asyncio.wait_for(up.ready.wait(), 20)
    world.never_ready = "b-0"
    broken = {"command": ["sh", "-c", "echo alas; exit 3"], "port": 80}
    file.write_text(json.dumps({"services": {**CHAIN, "b": broken}}))
    with pytest.raises(Failed, match="b-0 ended with exit status 3") as caught:
        await up._asked({"do": "change", "variables": {}, "publish": {}}, ignore)
    assert caught.value.tail == ("alas",)
    assert up.children["a-0"].running
    assert not running.done()
    world.never_ready, said = "", list[str]()
    file.write_text(json.dumps({"services": CHAIN}))
    await up._asked({"do": "change", "variables": {}, "publish": {}}, said.append)
    assert said[0] == "started: b-0"
    up.stop()
    assert await asyncio.wait_for(running, 20) == 0


async def test_it_is_found_while_it_runs_and_not_afterwards(
    world: World, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEFT_STATE_DIR", str(world.folder / "state"))
    project = Project.of(world.folder / "weft.yaml")
    up, _ = prepared(address, {"a": {"command": QUIET}}, project=project)
    running = asyncio.create_task(up.run())
    await asyncio.wait_for(up.ready.wait(), 20)
    assert project.running().controller == address
    assert [line.text for line in read(project.log)][-1] == "all ready; Ctrl-C stops everything"
    up.stop()
    assert await asyncio.wait_for(running, 20) == 0
    assert not project.directory.exists()
