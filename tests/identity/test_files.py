"""Files that only their owner may read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from weft.identity.errors import IdentityError
from weft.identity.files import private_directory, read_private, write_private


def test_what_is_written_is_for_its_owner_only(tmp_path: Path) -> None:
    directory = private_directory(tmp_path / "a" / "ca")
    write_private(directory / "key", b"secret")
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE((directory / "key").stat().st_mode) == 0o600
    assert read_private(directory / "key") == b"secret"
    write_private(directory / "key", b"other")
    assert [path.name for path in directory.iterdir()] == ["key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    directory = private_directory(tmp_path / "ca")
    write_private(directory / "key", b"secret")
    (directory / "key").chmod(mode)
    with pytest.raises(IdentityError, match="others may read") as caught:
        read_private(directory / "key")
    assert caught.value.hint == f"chmod 600 {directory / 'key'}"


def test_a_directory_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ca").mkdir(mode=0o755)
    with pytest.raises(IdentityError, match="others may read the directory"):
        private_directory(tmp_path / "ca")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away: run the tests as root to see this one")
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    write_private(tmp_path / "key", b"secret")
    os.chown(tmp_path / "key", 12345, -1)
    with pytest.raises(IdentityError, match="belongs to user 12345"):
        read_private(tmp_path / "key")
