"""The page in the package is the page of these sources, or the build says what is missing."""

from pathlib import Path

import pytest

from tools import build_dashboard
from tools.build_dashboard import NotBuilt, build, page_of, sources_hash

# Stands for npm: `run build` makes a page, and each call leaves a line.
NPM = """#!/bin/sh
echo "$@" >> "$CALLS"
page=../python/weft/controller/dashboard
[ "$1" = run ] && { mkdir -p $page; echo page > $page/index.html; }
[ "$1" != "$FAILS" ] || { echo "no such package"; exit 1; }
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "web/src").mkdir(parents=True)
    (tmp_path / "web/src/main.tsx").write_text("1")
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    for name in ("node", "npm"):
        (bin_ / name).write_text(NPM)
        (bin_ / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_}:/usr/bin:/bin")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("FAILS", "nothing")
    return tmp_path


def calls(root: Path) -> int:
    path = root / "calls"
    return len(path.read_text().splitlines()) if path.exists() else 0


def without_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_dashboard.shutil, "which", lambda name: None)


def test_it_is_built_once_for_the_same_sources(root: Path) -> None:
    build(root)
    assert (page_of(root) / "index.html").exists() and calls(root) == 2
    build(root)
    assert calls(root) == 2


def test_it_is_built_again_for_other_sources(root: Path) -> None:
    build(root)
    (root / "web/src/main.tsx").write_text("2")
    build(root)
    assert calls(root) == 4


def test_what_npm_installed_is_no_source(root: Path) -> None:
    before = sources_hash(root / "web")
    (root / "web/node_modules").mkdir()
    (root / "web/node_modules/x.js").write_text("1")
    assert sources_hash(root / "web") == before


def test_a_name_is_part_of_a_source(root: Path) -> None:
    before = sources_hash(root / "web")
    (root / "web/src/main.tsx").rename(root / "web/src/other.tsx")
    assert sources_hash(root / "web") != before


def test_a_page_of_these_sources_needs_no_node(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(root)
    without_node(monkeypatch)
    build(root)


def test_without_node_it_says_what_to_install(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_node(monkeypatch)
    with pytest.raises(NotBuilt, match="not built") as failure:
        build(root)
    assert "install node" in failure.value.hint


def test_an_old_page_is_not_taken_for_a_new_one(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(root)
    (root / "web/src/main.tsx").write_text("2")
    without_node(monkeypatch)
    with pytest.raises(NotBuilt, match="older than its sources"):
        build(root)


@pytest.mark.parametrize("step", ["ci", "run"])
def test_a_build_that_fails_leaves_no_stamp(root: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    monkeypatch.setenv("FAILS", step)
    with pytest.raises(NotBuilt, match="no such package"):
        build(root)
    assert not (page_of(root) / "sources").exists()


@pytest.mark.parametrize(("options", "status", "word"), [([], 0, "warning: "), (["--require"], 1, "error: ")])
def test_only_what_is_published_requires_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], options: list[str], status: int, word: str
) -> None:
    def fail() -> None:
        raise NotBuilt("there is no node", "install it")

    monkeypatch.setattr(build_dashboard, "build", fail)
    assert build_dashboard.main(options) == status
    said = capsys.readouterr().err
    assert said.startswith(word) and "hint: install it" in said
