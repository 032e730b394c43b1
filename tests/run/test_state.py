import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from weft.client.errors import WeftError
from weft.run.state import AlreadyRunning, claim, run_directory, state_root, workload_directory, write_private


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_root_is_what_was_given_or_named_or_usual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFT_STATE_DIR", "/named")
    assert state_root(tmp_path) == tmp_path
    assert state_root() == Path("/named")
    monkeypatch.delenv("WEFT_STATE_DIR")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert state_root() == Path("/var/lib/weft")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_STATE_HOME", "/xdg")
    assert state_root() == Path("/xdg/weft")


def test_a_user_whom_nobody_knows_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WEFT_STATE_DIR", "XDG_STATE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 64444)
    monkeypatch.setattr(os, "geteuid", lambda: 64444)
    with pytest.raises(WeftError, match="user 64444 has no home") as refused:
        state_root()
    assert refused.value.hint == "set HOME, or name a place in WEFT_STATE_DIR"


def test_directories_and_files_are_closed_to_others(tmp_path: Path) -> None:
    directory = workload_directory(tmp_path, "default", "web-0")
    write_private(directory / "launch.json", "{}")
    assert mode(directory) == 0o700
    assert mode(directory / "launch.json") == 0o600
    write_private(directory / "launch.json", "{} ")
    assert [path.name for path in directory.iterdir()] == ["launch.json"]


def test_each_folder_that_was_made_on_the_way_is_closed_too(tmp_path: Path) -> None:
    workload_directory(tmp_path / "state", "default", "web-0")
    made = [tmp_path / "state", *(tmp_path / "state").rglob("*")]
    assert [mode(each) for each in made if each.is_dir()] == [0o700] * 4


def test_a_directory_that_was_open_is_closed(tmp_path: Path) -> None:
    (tmp_path / "workloads/default/web-0").mkdir(parents=True, mode=0o755)
    assert mode(workload_directory(tmp_path, "default", "web-0")) == 0o700


def test_a_directory_of_somebody_else_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workload_directory(tmp_path, "default", "web-0")
    monkeypatch.setattr(os, "geteuid", lambda: 54_321)
    with pytest.raises(WeftError, match=r"web-0 belongs to user \d+, not to 54321"):
        workload_directory(tmp_path, "default", "web-0")


def test_what_is_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "workloads").write_text("a file")
    with pytest.raises(WeftError, match=r"cannot use .*/default/web-0: not a directory") as caught:
        workload_directory(tmp_path, "default", "web-0")
    assert "--state-dir" in (caught.value.hint or "")
    (tmp_path / "lock").mkdir()
    with pytest.raises(WeftError, match="lock: is a directory"):
        claim(tmp_path)


def test_a_full_disk_is_named_and_leaves_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(WeftError, match=r"launch\.json: no space left on device"):
        write_private(tmp_path / "launch.json", "{}")
    assert list(tmp_path.iterdir()) == []


def test_one_workload_runs_once(tmp_path: Path) -> None:
    descriptor = claim(tmp_path)
    with pytest.raises(AlreadyRunning, match="already running on this machine"):
        claim(tmp_path)
    os.close(descriptor)
    os.close(claim(tmp_path))


def test_the_claim_lives_on_in_what_the_process_becomes(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from weft.run.state import claim;"
        "claim(Path(sys.argv[1])); os.execv('/bin/sh', ['sh', '-c', 'echo ready; read line'])"
    )
    become = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with become:
        assert become.stdout is not None
        assert become.stdout.readline() == "ready\n"
        with pytest.raises(AlreadyRunning):
            claim(tmp_path)
        become.communicate("\n")
    os.close(claim(tmp_path))


def test_a_run_keeps_the_directory_that_was_named_and_no_other(tmp_path: Path) -> None:
    with run_directory(tmp_path / "a/b") as kept:
        assert mode(kept) == 0o700
    assert kept.exists()
    with run_directory(None) as temporary:
        assert mode(temporary) == 0o700
        (temporary / "file").touch()
    assert not temporary.exists()
