import fcntl
import tempfile
from pathlib import Path

import pytest

from tests.backup.conftest import make_state
from tests.cli.conftest import Weft
from weft.cli import uninstall as module
from weft.run import remains


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Of a machine with a controller's state, and nothing else."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr(remains, "left_over", lambda: iter(()))
    make_state(tmp_path / "state" / "controller")
    return ["--state-dir", str(tmp_path / "state"), "--units", str(tmp_path / "units")]


def test_a_dry_run_lists_and_removes_nothing(weft: Weft, options: list[str], tmp_path: Path) -> None:
    done = weft("uninstall", *options, "--dry-run")
    assert (done.status, done.err) == (0, "")
    assert [line.split() for line in done.lines] == [
        ["WHAT", "IN", "USE", "PATH"],
        ["controller", "-", f"{tmp_path}/state/controller"],
        ["state", "-", f"{tmp_path}/state"],
    ]
    assert (tmp_path / "state/controller/store.db").exists()


def test_nobody_there_to_be_asked_is_no_yes(weft: Weft, options: list[str], tmp_path: Path) -> None:
    done = weft("uninstall", *options)
    assert done.status == 1 and "hint: say --yes" in done.err
    assert (tmp_path / "state/controller/store.db").exists()


@pytest.mark.parametrize(("answer", "stays"), [("", True), ("n", True), ("yes", False)])
def test_it_asks(
    weft: Weft, options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, stays: bool
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda question: answer)
    assert weft("uninstall", *options).status == (1 if stays else 0)
    assert (tmp_path / "state").exists() is stays


def test_with_yes_nothing_is_left(weft: Weft, options: list[str], tmp_path: Path) -> None:
    done = weft("uninstall", *options, "--yes")
    assert done.status == 0 and "pip uninstall weft" in done.err
    assert not (tmp_path / "state").exists()
    done = weft("uninstall", *options, "--yes")
    assert (done.status, done.out, done.err) == (0, "", "nothing of weft is left here\n")


def test_what_is_in_use_stays(weft: Weft, options: list[str], tmp_path: Path) -> None:
    with (tmp_path / "state/controller/lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = weft("uninstall", *options, "--yes")
    assert done.status == 1 and f"in use: {tmp_path}/state/controller" in done.err and "--stop" in done.err
    assert (tmp_path / "state/controller/store.db").exists()


def test_systemd_is_told_where_it_runs(weft: Weft, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr(remains, "left_over", lambda: iter(()))
    monkeypatch.setattr(module, "SYSTEMD", tmp_path)
    for folder in ("bin", "units"):
        (tmp_path / folder).mkdir()
    systemctl = tmp_path / "bin" / "systemctl"
    systemctl.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n')
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    weft("unit", "--install", "--directory", str(tmp_path / "units"), "controller")
    options = ["--state-dir", str(tmp_path / "state"), "--units", str(tmp_path / "units")]
    assert weft("uninstall", *options, "--stop", "--yes").status == 0
    assert (tmp_path / "calls").read_text().splitlines() == [
        "--quiet disable --now weft-controller.service",
        "--quiet daemon-reload",
    ]
    assert list((tmp_path / "units").iterdir()) == []
