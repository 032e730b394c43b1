import subprocess
from pathlib import Path

import pytest

import weft
from tools import previous as module
from tools.previous import COMMIT, MADE, ROOT, VERSION, Build, Unavailable, previous, version_of


def minor(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")[:2]))


def test_it_is_the_minor_version_before_this_one() -> None:
    (major, number), (their_major, theirs) = minor(weft.__version__), minor(VERSION)
    assert (major, number) == (their_major, theirs + 1)


def test_the_commit_is_of_that_version() -> None:
    command = ["git", "show", f"{COMMIT}:python/weft/__init__.py"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"commit {COMMIT[:12]} is not in the history of {ROOT}")
    assert version_of(done.stdout) == VERSION


def test_every_place_has_this_version() -> None:
    cargo = (ROOT / "Cargo.toml").read_text()
    assert f'\nversion = "{weft.__version__}"\n' in cargo
    assert f'name = "weft-proxy"\nversion = "{weft.__version__}"\n' in (ROOT / "Cargo.lock").read_text()
    assert f"\n## {VERSION}" in (ROOT / "CHANGELOG.md").read_text()


def test_without_history_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEFT_PREVIOUS", raising=False)
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    with pytest.raises(Unavailable, match=f"weft {VERSION} .* is not in the history"):
        previous(tmp_path)


def test_a_build_that_is_named_must_be_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFT_PREVIOUS", str(tmp_path))
    with pytest.raises(Unavailable, match="lacks python/weft/_core"):
        previous()
    for name in MADE:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert previous().folder == tmp_path


def test_what_is_there_is_not_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEFT_PREVIOUS", raising=False)
    made: list[Path] = []

    def make(root: Path, folder: Path) -> None:
        made.append(folder)
        for name in MADE:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).touch()

    monkeypatch.setattr(module, "make", make)
    monkeypatch.setattr(module, "require_history", lambda root: None)
    assert previous(tmp_path) == previous(tmp_path)
    assert len(made) == 1


def test_its_environment_finds_that_version_and_no_other_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFT_PROXY", "/elsewhere")
    env = Build(Path("/build")).environment()
    assert env["PYTHONPATH"] == "/build/python" and "WEFT_PROXY" not in env


def test_a_package_without_a_version_is_none() -> None:
    with pytest.raises(Unavailable):
        version_of("")
