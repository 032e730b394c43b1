from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from weft.run.sys_locks import LOCKS, held, holder

LOCK = "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print('locked', flush=True); input()"


def test_a_lock_and_its_process_are_seen(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    assert not held(path) and holder(path) is None
    command = [sys.executable, "-c", LOCK, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "locked\n"
        assert held(path)
        if not LOCKS.exists():
            pytest.skip(f"there is no {LOCKS} on this system")
        assert holder(path) == process.pid
        process.communicate("\n")
    assert not held(path)


def test_looking_takes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    assert not held(path)
    with path.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_what_is_not_there_is_held_by_nobody(tmp_path: Path) -> None:
    assert not held(tmp_path / "none") and holder(tmp_path / "none") is None
