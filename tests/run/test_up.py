"""Who is started when, what is said, and that nothing stays behind."""

import asyncio
import json
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.run.conftest import CHAIN, QUIET, World, prepared
from weft.client.errors import WeftError
from weft.client.types import Sync, Workload
from weft.identity.machines import Grant, MachineToken
from weft.run import starter
from weft.run import up as module
from weft.run.controller import Failed
from weft.run.logfile import read
from weft.run.loopback import Target
from weft.run.member import Member
from weft.run.ports import Taken
from weft.run.project import Project


def left_behind(world: World) -> list[str]:
    return [path.name for path in world.folder.iterdir() if path.name.startswith("weft-")]


async def test_all_start_and_end_in_order_and_nothing_stays(world: World, address: str) -> None:
    up, screen = prepared(address, CHAIN, publish={"127.203.1.1:8080": Target("default/a", 80)})
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
    assert "a:80 at http://127.203.1.1:8080" in said
    assert f"dashboard at {address}/\n" in said
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


async def once_ready(up: module.Up) -> int:
    """Its exit status after Ctrl-C when all is ready."""
    running = asyncio.create_task(up.run())
    await asyncio.wait_for(up.ready.wait(), 20)
    up.stop()
    return await asyncio.wait_for(running, 20)


async def test_what_it_brought_leaves_the_mesh_with_it_and_what_it_found_stays(world: World, address: str) -> None:
    owner = f"file:{Path('weft.yaml').absolute()}"
    world.resources = {"Service/default/a": None, "Service/default/b": owner, "Service/default/c": "somebody"}
    up, screen = prepared(address, {name: {"command": QUIET, "port": 80} for name in "ab"})
    assert await once_ready(up) == 0
    _, withdrawn = world.applied
    assert (withdrawn["owner"], withdrawn["prune"]) == (owner, True)
    assert [document["metadata"]["name"] for document in withdrawn["documents"]] == ["a"]
    assert "2 resources applied" in screen.messages.getvalue()
    assert "1 resource removed" in screen.messages.getvalue()


async def test_it_may_be_told_to_leave_them(world: World, address: str) -> None:
    up, _ = prepared(address, {"a": {"command": QUIET, "port": 80}}, keep=True)
    assert await once_ready(up) == 0
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
    up, _ = prepared(address, CHAIN, publish={"127.203.1.1:8080": Target("default/a", 80)})
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


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        (["sh", "-c", "echo $HOME; exit 3"], "try its command alone"),
        (["sh", "-c", "echo weft: the app does not listen on 127.0.0.1:1 after 60 s; exit 3"], "`listen: 8000`"),
    ],
)
async def test_advice_fits_what_was_said(world: World, address: str, command: list[str], hint: str) -> None:
    world.never_ready = "a-0"
    up, _ = prepared(address, {"a": {"command": command}})
    with pytest.raises(Failed) as failed:
        await asyncio.wait_for(up.run(), 20)
    assert hint in str(failed.value.hint)
    assert "goes to no shell" not in str(failed.value.hint)


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


async def test_what_serves_and_goes_to_the_background_has_not_started(world: World, address: str) -> None:
    """"All ready" was a lie there: nobody listens on its port any more, or somebody whom nobody stops."""
    world.never_ready = "a-0"
    up, _ = prepared(address, {"a": {"run": "true", "port": 80}})
    with pytest.raises(Failed, match="a-0 ended well, and served nobody") as failed:
        await asyncio.wait_for(up.run(), 20)
    assert "--daemon" in str(failed.value.hint)
    assert left_behind(world) == []


async def test_what_could_not_begin_was_not_killed(
    world: World, address: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The watcher says so of those whom it ends."""
    monkeypatch.setattr(tempfile, "tempdir", str(world.folder / ("a" * 90)))
    (world.folder / ("a" * 90)).mkdir()
    monkeypatch.setenv("WEFT_STATE_DIR", str(world.folder / "state"))
    up, _ = prepared(address, {"a": {"run": "true"}}, project=Project.of(world.folder / "weft.yaml"))
    with pytest.raises(WeftError, match="up.sock: af_unix path too long"):
        await asyncio.wait_for(up.run(), 20)
    assert "killed" not in capfd.readouterr().err


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


# --------------------------------------------------------------------------------------------- several machines


FAR = {
    "a": {"command": ["true"]},
    "b": {"command": QUIET, "port": 80, "machine": "far"},
    "c": {"command": QUIET, "port": 80, "machine": "other"},
}


class Near(Member):
    """As if each proxy that has started answered."""

    folder: Path

    def workloads(self) -> list[Workload]:
        names = [file.name.removeprefix("started-") for file in self.folder.glob("started-*")]
        return [Workload(f"default/{n}", lease="attached", health="healthy", sync=Sync(True)) for n in names]


@pytest.fixture
def near(world: World) -> Iterator[Near]:
    with socket.create_server(("127.61.18.8", 0)) as controller:
        place = f"127.61.18.8:{controller.getsockname()[1]}"
        grant = Grant("default", "b", "default/b")
        token = MachineToken("1", "s", place, place, "ab", "t", "far", (grant,), 0, 1 << 40)
        found = Near(token, world.folder / "joined")
        found.folder = world.folder
        yield found


async def test_a_machine_that_has_joined_runs_its_part_and_applies_nothing(world: World, near: Near) -> None:
    up, screen = prepared("", FAR, member=near, bind="192.0.2.2")
    running = asyncio.create_task(up.run())
    await asyncio.wait_for(up.ready.wait(), 20)
    assert list(up.children) == ["b-0"] and world.applied == []
    launch = json.loads((near.root / "workloads/default/b-0/launch.json").read_text())
    assert launch["inbound"][0]["address"] == "192.0.2.2:0"
    assert launch["controller"]["address"] == near.token.controller
    assert Path(launch["controller"]["token_file"]).read_text().startswith("weft1.")
    status = await up.answers.answer({"do": "status"}, lambda text: None)
    assert [each["name"] for each in status["seen"]] == ["default/b-0"]
    up.stop()
    assert await asyncio.wait_for(running, 20) == 0
    assert (world.ended, left_behind(world)) == (["b-0"], [])
    assert (near.root / "token").exists(), "for the next start"
    assert "machine far of the mesh at 127.61.18.8" in screen.messages.getvalue()


async def test_a_controller_goes_on_for_others_when_all_is_over_here(world: World, address: str) -> None:
    up, screen = prepared(address, FAR)
    running = asyncio.create_task(up.run())
    await asyncio.wait_for(up.ready.wait(), 20)
    await asyncio.wait_for(up.children["a-0"].wait(), 20)
    assert await up._ended([up.children["a-0"]]) and not running.done()
    up.stop()
    assert await asyncio.wait_for(running, 20) == 0
    assert "on machine far: b-0" in screen.messages.getvalue()


async def test_who_has_a_controller_does_not_join_another(world: World, address: str) -> None:
    up, _ = prepared(address, FAR)
    running = asyncio.create_task(up.run())
    await asyncio.wait_for(up.ready.wait(), 20)
    with pytest.raises(Failed, match="is up with a controller on this machine"):
        await up.answers.answer({"do": "change", "variables": {}, "publish": {}, "join": "weftm1.x"}, lambda text: None)
    up.stop()
    await asyncio.wait_for(running, 20)
