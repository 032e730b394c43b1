import json
from pathlib import Path

import pytest

from tests.backup.conftest import State, make_state
from tests.cli.conftest import Weft
from weft.cli.backup import controller_directory


@pytest.fixture
def state(tmp_path: Path) -> State:
    return make_state(tmp_path / "controller")


def test_there_and_back(weft: Weft, state: State, tmp_path: Path) -> None:
    file = str(tmp_path / "backup")
    done = weft("backup", file, "--state-dir", str(state.path))
    assert (done.status, done.err) == (0, "")
    values = dict(line.split(maxsplit=1) for line in done.lines if not line.startswith("trust"))
    assert values["revision"] == "2" and values["file"] == file and "bytes, sha256" in values["store.db"]
    new = tmp_path / "new"
    done = weft("restore", file, "--state-dir", str(new))
    assert done.status == 0 and f"restored {new}, which goes on at revision 1002" in done.err
    assert "hint: start the controller, apply your files again, make new join tokens" in done.err
    assert (new / "ca" / "root.key").read_bytes() == (state.path / "ca" / "root.key").read_bytes()


def test_a_file_can_be_checked(weft: Weft, state: State, tmp_path: Path) -> None:
    file = tmp_path / "backup"
    weft("backup", str(file), "--state-dir", str(state.path))
    done = weft("restore", str(file), "--dry-run", "-o", "json")
    assert done.status == 0 and json.loads(done.out)["trust_domain"] == "t.example"
    file.write_bytes(file.read_bytes()[:-9])
    done = weft("restore", str(file), "--dry-run")
    assert done.status == 1 and done.err.startswith(f"error: {file} is damaged: ") and "\n\nhint: " in done.err


def test_what_is_there_needs_force(weft: Weft, state: State, tmp_path: Path) -> None:
    file = str(tmp_path / "backup")
    weft("backup", file, "--state-dir", str(state.path))
    done = weft("restore", file, "--state-dir", str(state.path))
    assert done.status == 1 and "has a controller's state already" in done.err
    done = weft("restore", file, "--state-dir", str(state.path), "--force")
    assert done.status == 0 and "what was there is in " in done.err


def test_it_is_where_the_controller_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFT_STATE_DIR", str(tmp_path))
    assert controller_directory(None) == tmp_path / "controller"
    assert controller_directory(Path("/elsewhere")) == Path("/elsewhere")
