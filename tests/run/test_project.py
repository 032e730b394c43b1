import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from weft.client.errors import WeftError
from weft.run.project import NotRunning, Project, Run, stop
from weft.run.sys_started import started


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("WEFT_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "My Shop").mkdir()
    return Project.of(tmp_path / "My Shop" / "weft.yaml")


def test_a_file_has_a_directory_of_its_own(project: Project, tmp_path: Path) -> None:
    assert project.directory.parent == tmp_path / "state/up"
    assert project.directory.name.startswith("my-shop-")
    assert Project.of(tmp_path / "x/../My Shop/weft.yaml") == project
    assert Project.of(tmp_path / "My Shop/other.yaml").directory != project.directory


def test_several_machines_keep_their_state_apart_from_what_goes(project: Project, tmp_path: Path) -> None:
    state, name = tmp_path / "state", project.directory.name
    assert (project.kept, project.joined()) == (state / "mesh" / name, state / "joined" / name)
    assert project.joined(tmp_path / "other") == tmp_path / "other"


def test_who_has_it_up_is_found_until_it_is_over(project: Project) -> None:
    assert project.run() is None
    project.open()
    project.note("http://127.0.0.1:1", Path("/x/up.sock"))
    run = project.running()
    assert (run.pid, run.controller, run.socket) == (os.getpid(), "http://127.0.0.1:1", "/x/up.sock")
    assert run.file == str(project.file)
    assert project.directory.stat().st_mode & 0o777 == 0o700
    project.remove()
    assert not project.directory.exists()
    with pytest.raises(NotRunning, match="is not up"):
        project.running()


def test_its_folders_go_with_the_last_that_has_something_in_them(project: Project, tmp_path: Path) -> None:
    other = Project.of(tmp_path / "weft.yaml")
    project.open()
    other.open()
    project.remove()
    assert list((tmp_path / "state").rglob("*")) == [tmp_path / "state/up", other.directory]
    other.remove()
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"pid": 1}'])
def test_what_is_no_note_is_nobody(project: Project, text: str) -> None:
    project.open()
    (project.directory / "run.json").write_text(text)
    assert project.run() is None


def test_a_later_process_of_the_same_id_is_somebody_else(project: Project) -> None:
    project.open()
    project.note("", Path("x"))
    note = project.directory / "run.json"
    note.write_text(json.dumps({**json.loads(note.read_text()), "start": "another"}))
    assert project.run() is None


def test_two_at_the_same_moment_are_one(project: Project) -> None:
    project.open()
    project.note("", Path("x"))
    with pytest.raises(WeftError, match=rf"is up already \(pid {os.getpid()}\)"):
        project.open()
    assert project.run() is not None


def test_a_new_run_begins_with_nothing(project: Project) -> None:
    project.open()
    project.log.write_text("old")
    project.open()
    assert not project.log.exists()


def test_a_place_that_cannot_be_used_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "state").write_text("a file")
    monkeypatch.setenv("WEFT_STATE_DIR", str(tmp_path / "state"))
    with pytest.raises(WeftError, match="cannot use .*: not a directory") as caught:
        Project.of(tmp_path / "weft.yaml").open()
    assert "WEFT_STATE_DIR" in str(caught.value.hint)


@pytest.mark.parametrize(("at_once", "needed"), [(False, 1), (True, 2)])
def test_a_run_is_stopped_as_by_ctrl_c(at_once: bool, needed: int) -> None:
    """A process that ends at the first or at the second signal."""
    code = (
        "import signal, sys\n"
        "def end(*_):\n"
        "    global left\n"
        "    left -= 1\n"
        "    left or sys.exit(0)\n"
        f"left = {needed}\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "print('ready', flush=True)\n"
        "while True: signal.pause()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        run = Run(process.pid, started(process.pid), time.time(), "", "", "")
        stop(run, at_once)
        assert not run.alive
    assert process.returncode == 0
