"""The controller is lost with all that it kept, and comes back from a backup while users go on.

The backup is older than what is true: all replicas have joined since, the one it knows has left, a route was changed, a
token was made and one was used. No call fails, nobody has to be restarted, and nothing that was spent is good again.
That it hears its proxies first is seen in tests/controller/test_controller.py, where they come as late as they may.
"""

from __future__ import annotations

import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import World, until
from tests.e2e.support import documents, failed
from tests.e2e.test_upgrade import Mesh, route
from tools.previous import this


def spent(world: World, file: Path, name: str) -> None:
    """A client that joins with the token, as from another machine, and ends."""
    options = ["--token", str(file), "--name", name, "--state-dir", str(world.folder / name)]
    done = world.job("print('joined')", *options)
    assert done.returncode == 0, done.stderr


def token(world: World, account: str) -> Path:
    done = world.weft("token", "create", account)
    assert done.returncode == 0, done.stderr
    file = world.folder / f"{account}.token"
    file.write_text(done.stdout)
    return file


def revision(world: World) -> int:
    with world.mesh() as mesh:
        return mesh.status().revision


def test_a_restored_controller_goes_on_while_users_do(world: World) -> None:
    mesh, build, state = Mesh(world), this(), world.folder / "state" / "controller"
    mesh.controller(build)
    world.apply(world.service("reviews"), route("backed-up"))
    mesh.replica("reviews-0", build)
    caller = mesh.caller("caller", build)
    unused, used = token(world, "unused"), token(world, "used")
    caller.goes_on("before")

    backup = world.folder / "backup"
    done = world.weft("backup", str(backup))
    assert done.returncode == 0, done.stderr
    at_backup = revision(world)
    before = documents(world)

    # All of this is lost; the backup knows none of the replicas that there are.
    mesh.replica("reviews-1", build)
    mesh.replica("reviews-2", build)
    mesh.stop("reviews-0")
    for mark in ("later", "latest"):
        mesh.mark(mark, [caller])
    spent(world, used, "joined")
    newest = revision(world)
    assert newest == at_backup + 2

    controller = mesh.running.pop("controller")
    controller.send_signal(signal.SIGKILL)
    controller.wait()
    shutil.rmtree(state)
    caller.goes_on("without a controller")
    done = world.weft("restore", str(backup))
    assert done.returncode == 0, done.stderr
    began = time.monotonic()
    mesh.controller_process(build)

    # Whoever is there is known again, whoever is not is no endpoint; the restored route is in force.
    until(lambda: caller.marks() == {"backed-up"} and caller.made(), "the restored route")
    print(f"in force {time.monotonic() - began:.1f} s after the start of the restored controller")
    mesh.settled(3)
    caller.goes_on("with the restored controller")
    caller.is_answered_by(("reviews-1", "reviews-2"))
    assert documents(world) == before
    assert revision(world) > newest

    # Changes reach everybody, a new workload joins, the identity is the same.
    mesh.mark("after", [caller])
    mesh.replica("reviews-3", build)
    caller.is_answered_by(("reviews-1", "reviews-2", "reviews-3"))
    spent(world, token(world, "new"), "newcomer")

    # Neither what was used nor what may have been.
    for file in (used, unused):
        done = world.weft(
            *("run", "--token", str(file), "--name", f"late-{file.stem}", "--state-dir", str(world.folder / "late")),
            *("--", sys.executable, "-c", ""),
        )
        failed(done, "is not known to this controller", "restored from a backup")
    caller.goes_on("to the end")
    print(caller.made(), "calls, bad:", len(caller.bad()))


def test_a_running_controller_is_not_restored_over(world: World) -> None:
    world.controller()
    world.apply(world.service("good"))
    backup = str(world.folder / "backup")
    assert world.weft("backup", backup).returncode == 0
    failed(world.weft("backup", backup), "exists", "hint: ")
    failed(world.weft("restore", backup), "another controller runs", "hint: stop it")
    failed(world.weft("restore", backup, "--force"), "another controller runs")
    done = world.weft("restore", backup, "--dry-run", "-o", "json")
    assert done.returncode == 0 and '"trust_domain"' in done.stdout, done.stderr


def test_a_full_disk_leaves_no_backup(world: World) -> None:
    from tests.e2e.test_bad_input_state import tmpfs

    world.controller()
    world.apply(world.service("good"))
    with tmpfs(world.folder / "small", "64k") as small:
        (small / "old").write_text("of yesterday")
        failed(world.weft("backup", str(small / "new")), "cannot write", "no space left", "hint: make room")
        failed(world.weft("backup", str(small / "old"), "--force"), "no space left")
        assert [path.name for path in small.iterdir()] == ["old"]
        assert (small / "old").read_text() == "of yesterday"


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_what_is_not_there_is_named(world: World, command: str) -> None:
    failed(world.weft(command, str(world.folder / "file")), str(world.folder))
