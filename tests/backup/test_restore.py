"""What is in the backup is in place, or what was there before is."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from pathlib import Path

import pytest

from tests.backup.conftest import State, make_state
from weft.backup import BackupError, restore, write
from weft.controller.statedir import StateDir, StateDirError
from weft.store.errors import Compacted
from weft.store.schema import VERSION
from weft.store.snapshot import REVISIONS_LOST


@pytest.fixture
def file(state: State, tmp_path: Path) -> Path:
    write(state.path, tmp_path / "backup", 0.0)
    return tmp_path / "backup"


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "lock")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_the_same_mesh_in_another_place(state: State, file: Path, tmp_path: Path) -> None:
    done = restore(file, tmp_path / "new", 0.0)
    new = State(tmp_path / "new")
    for name in ("ca/root.key", "ca/root.pem", "rest.token"):
        assert (new.path / name).read_bytes() == (state.path / name).read_bytes()
    with new.open() as store:
        assert [record.ref.name for record in asyncio.run(store.records())] == ["a", "b"]
    assert done.aside is None and done.manifest.trust_domain == "t.example"
    assert {stat.S_IMODE(path.stat().st_mode) for path in new.path.rglob("*") if path.is_file()} == {0o600}
    StateDir(new.path).close()


def test_no_token_comes_back(file: Path, tmp_path: Path) -> None:
    """It may have been used since."""
    restore(file, tmp_path / "new", 0.0)
    with State(tmp_path / "new").open() as store:
        assert asyncio.run(store.tokens()) == []


def test_no_revision_is_given_twice(file: Path, tmp_path: Path) -> None:
    done = restore(file, tmp_path / "new", 0.0)
    new = State(tmp_path / "new")
    assert done.revision == 2 + REVISIONS_LOST
    with new.open() as store:
        assert store.revision == done.revision
        assert set(asyncio.run(store.at(2))) == set(asyncio.run(store.at(done.revision)))
        for lost in (3, done.revision - 1):
            with pytest.raises(Compacted, match="was lost: the store was restored from a backup of revision 2"):
                asyncio.run(store.at(lost))
    assert new.apply("c") == done.revision + 1


def test_it_goes_on_above_what_is_replaced(state: State, file: Path) -> None:
    newest = [state.apply(name) for name in ("c", "d", "e")][-1]
    assert restore(file, state.path, 0.0, force=True).revision == newest + REVISIONS_LOST


def test_a_restored_store_is_heard_before_it_speaks(file: Path, tmp_path: Path) -> None:
    restore(file, tmp_path / "new", 0.0)
    for expected in (True, False):
        with State(tmp_path / "new").open() as store:
            assert store.restored is expected
            asyncio.run(store.settled())
            assert not store.restored


def test_a_state_that_is_there_stays(state: State, file: Path) -> None:
    state.apply("later")
    before = content(state.path)
    with pytest.raises(BackupError, match="has a controller's state already") as refused:
        restore(file, state.path, 0.0)
    assert "--force" in str(refused.value.hint)
    assert content(state.path) == before


def test_by_force_it_goes_aside(state: State, file: Path) -> None:
    state.apply("later")
    before = content(state.path)
    done = restore(file, state.path, 0.0, force=True)
    assert done.aside == state.path / "before-restore-19700101T000000Z"
    assert content(done.aside) == before


def test_the_log_of_a_lost_store_is_not_taken_for_the_new_ones(state: State, file: Path) -> None:
    (state.path / "store.db").unlink()
    (state.path / "store.db-wal").write_bytes(b"of the store that is gone")
    done = restore(file, state.path, 0.0, force=True)
    assert done.aside and (done.aside / "store.db-wal").exists()
    assert not (state.path / "store.db-wal").exists()


def test_a_controller_that_runs_is_left_alone(state: State, file: Path) -> None:
    running = StateDir(state.path)
    try:
        with pytest.raises(BackupError, match="another controller runs") as refused:
            restore(file, state.path, 0.0, force=True)
        assert refused.value.hint == "stop it first"
    finally:
        running.close()


def test_a_damaged_backup_changes_nothing(state: State, file: Path, tmp_path: Path) -> None:
    file.write_bytes(file.read_bytes()[:-200])
    before = content(state.path)
    for place in (state.path, tmp_path / "new"):
        with pytest.raises(BackupError, match="is damaged"):
            restore(file, place, 0.0, force=True)
    assert content(state.path) == before
    assert content(tmp_path / "new") == {}


def test_a_store_of_a_later_version_is_refused(state: State, tmp_path: Path) -> None:
    with sqlite3.connect(state.path / "store.db") as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    write(state.path, tmp_path / "backup", 0.0)
    with pytest.raises(BackupError, match=f"schema {VERSION + 1}, this weft knows {VERSION}") as refused:
        restore(tmp_path / "backup", tmp_path / "new", 0.0)
    assert "that version" in str(refused.value.hint)


def test_a_ca_of_another_mesh_is_refused(state: State, tmp_path: Path) -> None:
    other = make_state(tmp_path / "other", "other.example")
    (state.path / "ca/root.pem").write_bytes((other.path / "ca/root.pem").read_bytes())
    with pytest.raises(BackupError, match="do not belong together"):
        write(state.path, tmp_path / "backup", 0.0)


def test_what_was_interrupted_is_no_state(
    state: State, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between two files, no controller starts on a mixture; the same command again mends it."""

    class Killed(BaseException):
        pass

    def rename(self: Path, target: Path) -> None:
        if self.name == "store.db" and self.parent.name == "restoring":
            raise Killed
        os.rename(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", rename)
        with pytest.raises(Killed):
            restore(file, state.path, 0.0, force=True)
    with pytest.raises(StateDirError, match="a restore was interrupted") as refused:
        StateDir(state.path)
    assert "weft restore FILE --force" in refused.value.hint
    restore(file, state.path, 1.0, force=True)
    StateDir(state.path).close()
    with state.open() as store:
        assert [record.ref.name for record in asyncio.run(store.records())] == ["a", "b"]


def test_root_restores_for_the_user_whose_directory_it_is(file: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    place = tmp_path / "new"
    place.mkdir(mode=0o700)
    os.chown(place, 1234, 1234)
    restore(file, place, 0.0)
    ours = [path for path in place.rglob("*") if path.name != "lock"]
    assert {path.stat().st_uid for path in ours} == {1234}




def test_root_gives_nothing_away_that_a_link_of_that_user_leads_to(file: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    place, roots = tmp_path / "new", tmp_path / "roots"
    roots.mkdir()
    (roots / "secret").touch()
    (place / "ca").mkdir(mode=0o700, parents=True)
    (place / "store.db").symlink_to(roots / "secret")
    (place / "rest.token").symlink_to(roots)
    (place / "ca/root.key").symlink_to(roots / "secret")
    os.chown(place, 1234, 1234)
    done = restore(file, place, 0.0, force=True)
    assert {path.stat().st_uid for path in (roots, roots / "secret")} == {0}
    assert done.aside and (done.aside / "store.db").is_symlink() and (place / "store.db").stat().st_uid == 1234
