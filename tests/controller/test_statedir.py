"""The state directory."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from weft.controller.statedir import RESTORING, StateDir, StateDirError
from weft.identity.errors import IdentityError


def test_it_is_ours_alone(tmp_path: Path) -> None:
    state = StateDir(tmp_path / "state")
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    state.close()
    (tmp_path / "state").chmod(0o755)
    with pytest.raises(IdentityError, match="others may read"):
        StateDir(tmp_path / "state")


def test_one_controller_at_a_time(tmp_path: Path) -> None:
    first = StateDir(tmp_path / "state")
    with pytest.raises(StateDirError, match="another controller runs") as caught:
        StateDir(tmp_path / "state")
    assert "--state-dir" in caught.value.hint
    first.close()
    StateDir(tmp_path / "state").close()


def test_half_a_restore_is_no_state(tmp_path: Path) -> None:
    StateDir(tmp_path / "state").close()
    (tmp_path / "state" / RESTORING).mkdir()
    for _ in range(2):  # and it is not locked by who looked
        with pytest.raises(StateDirError, match="a restore was interrupted"):
            StateDir(tmp_path / "state")


def test_the_token_is_made_once_and_read_again(tmp_path: Path) -> None:
    state = StateDir(tmp_path / "state")
    token = state.rest_token()
    assert len(token) > 30 and state.rest_token() == token
    (tmp_path / "state" / "rest.token").chmod(0o644)
    with pytest.raises(IdentityError):
        state.rest_token()
    state.close()


def test_closing_removes_the_socket(tmp_path: Path) -> None:
    state = StateDir(tmp_path / "state")
    state.socket.touch()
    state.close()
    assert not state.socket.exists()
