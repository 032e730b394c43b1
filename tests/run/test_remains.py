"""What is found is what was left, in the order in which it goes; what is somebody else's stays."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from pathlib import Path

import pytest

from tests.backup.conftest import make_state
from weft.identity.machines import Grant, MachineToken
from weft.run import remains
from weft.run.member import Member
from weft.run.remains import Found, find, remove
from weft.run.spec import Spec
from weft.run.sys_started import started
from weft.run.sys_unit import Program, controller, workload


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With something of each kind."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr(remains, "left_over", lambda: iter(()))
    for folder in ("tmp/weft-abcdefg1", "tmp/weft-notes", "tmp/weft-restore-abcdefg1", "state/workloads/default/a-0"):
        (tmp_path / folder).mkdir(mode=0o700, parents=True)
    (tmp_path / "tmp/weft-abcdefg1/workloads").mkdir()
    (tmp_path / "state/workloads/default/a-0/identity").touch()
    (tmp_path / "state/workloads/default/a-0/lock").touch()
    (tmp_path / "state/up/shop-0a1b2c3d").mkdir(parents=True)
    make_state(tmp_path / "state/controller")
    return tmp_path / "state"


def look(root: Path) -> list[Found]:
    return find(root, root.parent / "units", (root.parent / "lib", root.parent / "lib/private"))


def listed(root: Path) -> list[tuple[str, str]]:
    return [(each.kind, str(each.path.relative_to(root.parent))) for each in look(root)]


def test_all_of_it_is_found_and_removed(root: Path) -> None:
    assert listed(root) == [
        ("up", "state/up/shop-0a1b2c3d"),
        ("workload", "state/workloads/default/a-0"),
        ("controller", "state/controller"),
        ("temporary", "tmp/weft-abcdefg1"),
        ("temporary", "tmp/weft-restore-abcdefg1"),
        ("state", "state"),
    ]
    assert remove(look(root)) == []
    assert not root.exists() and [path.name for path in (root.parent / "tmp").iterdir()] == ["weft-notes"]
    assert look(root) == []


def test_a_mesh_in_a_folder_of_its_own_is_found(root: Path) -> None:
    remove(look(root))
    (root / "mesh/shop-0a1b2c3d/workloads/default/a-0").mkdir(parents=True)
    (root / "joined/shop-0a1b2c3e/workloads/default/b-0").mkdir(parents=True)
    (root / "up").mkdir()
    make_state(root / "mesh/shop-0a1b2c3d/controller")
    assert {path for kind, path in listed(root) if kind in ("workload", "controller")} == {
        "state/mesh/shop-0a1b2c3d/workloads/default/a-0",
        "state/joined/shop-0a1b2c3e/workloads/default/b-0",
        "state/mesh/shop-0a1b2c3d/controller",
    }
    assert remove(look(root)) == [] and not root.exists()


def test_the_token_of_a_machine_that_has_joined_goes(root: Path) -> None:
    remove(look(root))
    token = MachineToken("1", "s", "192.0.2.1:15010", "192.0.2.1:15011", "ab", "t", "b", (Grant("n", "a"),), 0, 9)
    for place in (root / "joined/shop-1", root.parent / "named"):
        member = Member(token, place)
        member.keep()
        member.offer()
        member.place(Spec("w", "n", account="a"))
    assert ("machine", "state/joined/shop-1") in listed(root)
    assert remove(look(root)) == [] and not root.exists()
    (root.parent / "named/notes").touch()
    named = find(root.parent / "named", root.parent / "units", ())
    assert [each.kind for each in named] == ["machine"]
    assert remove(named) == [] and os.listdir(root.parent / "named") == ["notes"]


def test_a_file_that_is_called_token_is_no_token(root: Path) -> None:
    remove(look(root))
    root.mkdir()
    (root / "token").write_text("mine")
    assert remove(look(root)) == [] and (root / "token").exists()


def test_a_unit_goes_with_its_state(root: Path) -> None:
    remove(look(root))
    units, lib = root.parent / "units", root.parent / "lib"
    wants = units / "multi-user.target.wants"
    wants.mkdir(parents=True)
    program = Program(["/bin/true"], "1")
    for unit in (controller(program, []), workload(program, "a-0", ["--", "/bin/app"], None, None)):
        (units / f"{unit.name}.service").write_text(unit.text)
        (wants / f"{unit.name}.service").symlink_to(units / f"{unit.name}.service")
    (units / "weft-a-0.service.d").mkdir()
    (units / "weft-a-0.service.d" / "override.conf").touch()
    (units / "weft-own.service").write_text("[Service]\nExecStart=/bin/own\n")
    make_state(lib / "private/weft/controller")
    (lib / "private/weft-a-0/workloads/default/a-0").mkdir(parents=True)
    assert ("unit", "units/weft-a-0.service") in listed(root)
    assert ("controller", "lib/private/weft/controller") in listed(root)
    assert ("workload", "lib/private/weft-a-0/workloads/default/a-0") in listed(root)
    assert remove(look(root)) == []
    assert sorted(path.name for path in units.rglob("*")) == ["multi-user.target.wants", "weft-own.service"]
    assert not (lib / "private/weft-a-0").exists() and not (lib / "private/weft/controller").exists()


def test_what_runs_is_said_to(root: Path) -> None:
    run = {"pid": os.getpid(), "start": started(os.getpid()), "since": 0, "file": "f", "controller": "c", "socket": "s"}
    (root / "up/shop-0a1b2c3d/run.json").write_text(json.dumps(run))
    with (root / "controller/lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert {each.kind for each in look(root) if each.in_use} == {"up", "controller"}
        assert {each.pid for each in look(root) if each.in_use} == {os.getpid()}
    assert {each.kind for each in look(root) if each.in_use} == {"up"}


def test_a_controller_beside_other_things_leaves_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr(remains, "left_over", lambda: iter(()))
    make_state(tmp_path / "data")
    (tmp_path / "data/discovered.json").touch()
    (tmp_path / "data/photos").mkdir()
    (tmp_path / "data/before-restore-20260101T000000Z").mkdir()
    assert [each.kind for each in look(tmp_path / "data")] == ["controller"]
    remove(look(tmp_path / "data"))
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["photos"]


def test_what_is_anothers_is_not_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr(remains, "left_over", lambda: iter(()))
    for name in ("data/store.db", "data/app/store.db", "data/app/ca/root.key"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert look(tmp_path / "data") == []
    remove(look(tmp_path / "data"))
    assert (tmp_path / "data/store.db").exists() and (tmp_path / "data/app/ca/root.key").exists()


def test_a_folder_of_somebody_else_in_tmp_stays(root: Path) -> None:
    """Its name alone says nothing: "weft-projects" is as long as one of ours."""
    tmp = root.parent / "tmp"
    (tmp / "weft-projects").mkdir(mode=0o700)
    (tmp / "weft-projects/plan.txt").touch()
    (tmp / "weft-checkout").mkdir()
    (tmp / "weft-checkout/lock").touch()
    # Somebody else's link to a folder of ours, whose locks would be looked at.
    (root.parent / "home").mkdir()
    (root.parent / "home/lock").touch()
    (tmp / "weft-abcdefg2").symlink_to(root.parent / "home")
    with (root.parent / "home/lock").open() as lock, (tmp / "weft-checkout/lock").open() as other:
        fcntl.flock(lock, fcntl.LOCK_EX)
        fcntl.flock(other, fcntl.LOCK_EX)
        assert not any(each.in_use for each in look(root))
    assert remove(look(root)) == []
    assert sorted(path.name for path in tmp.iterdir()) == [
        "weft-abcdefg2", "weft-checkout", "weft-notes", "weft-projects"
    ]  # fmt: skip


def test_what_a_controller_has_found_and_what_a_machine_has_joined_with_go_too(root: Path) -> None:
    """A token that stays is a secret that stays."""
    (root / "controller/discovered.json").touch()
    joined = root / "joined/shop-0a1b2c3d"
    (joined / "tokens").mkdir(parents=True)
    for name in ("token", "up.sock", "tokens/default.a.a"):
        (joined / name).touch()
    assert ("machine", "state/joined/shop-0a1b2c3d") in listed(root)
    assert remove(look(root)) == [] and not root.exists()


def test_of_a_folder_that_is_everybodys_only_ours_goes(root: Path) -> None:
    """WEFT_STATE_DIR=$HOME: people have folders that are called `workloads` and `up`, too."""
    others = ("workloads/spark/job/main.py", "up/2026/photo.jpg", "joined/x/y/z", "controller/src/a.c", "notes")
    for name in (*others, "tmp/weft-examples/a", "state/workloads/default/a-0/notes"):
        place = (root.parent if name.startswith(("tmp", "state")) else root) / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    (root / "up/empty").mkdir()
    (root / "controller/src/empty").mkdir()
    assert "state" not in {kind for kind, _ in listed(root)}  # it stays, so that nobody is asked about it
    assert remove(look(root)) == []
    kept = {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()}
    assert kept == {*others, "workloads/default/a-0/notes"}
    assert (root / "up/empty").is_dir() and (root / "controller/src/empty").is_dir()
    assert (root.parent / "tmp/weft-examples/a").exists()


def test_links_lead_to_nothing_that_goes(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for name in ("ns/app-0/launch.json", "app-0/launch.json", "ca/root.key"):
        (elsewhere / name).parent.mkdir(parents=True, exist_ok=True)
        (elsewhere / name).touch()
    (root / "workloads/ns").symlink_to(elsewhere / "ns")
    (root / "workloads/default/b-0").symlink_to(elsewhere / "app-0")
    (root / "joined").symlink_to(elsewhere)
    (root / "controller/ready").symlink_to(elsewhere / "ca")
    assert not {path for _, path in listed(root)} & {"state/workloads/ns/app-0", "state/workloads/default/b-0"}
    assert remove(look(root)) == []
    assert len([path for path in elsewhere.rglob("*") if path.is_file()]) == 3


def test_what_cannot_be_removed_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(remains.shutil, "rmtree", refuse)
    assert f"{root.parent}/tmp/weft-abcdefg1: permission denied" in remove(look(root))
