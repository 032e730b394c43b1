"""A backup is complete or absent; what was changed since is noticed."""

from __future__ import annotations

import gzip
import io
import json
import stat
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.backup.conftest import State
from weft import __version__
from weft.backup import BackupError, read, write
from weft.backup.archive import MANIFEST


def test_it_holds_what_a_controller_cannot_make_again(state: State, tmp_path: Path) -> None:
    file = tmp_path / "backup"
    manifest = write(state.path, file, 1_700_000_000.5)
    assert (manifest.weft, manifest.trust_domain, manifest.revision) == (__version__, "t.example", 2)
    assert sorted(manifest.files) == ["ca/root.key", "ca/root.pem", "rest.token", "store.db"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    into = tmp_path / "into"
    into.mkdir()
    assert read(file, into) == manifest
    assert (into / "ca/root.key").read_bytes() == (state.path / "ca/root.key").read_bytes()
    assert {stat.S_IMODE(path.stat().st_mode) for path in into.rglob("*") if path.is_file()} == {0o600}


def test_roots_that_are_trusted_too_are_in_it(state: State, tmp_path: Path) -> None:
    also = state.path / "ca" / "also-trusted"
    also.mkdir()
    (also / "old.pem").write_bytes((state.path / "ca/root.pem").read_bytes())
    assert "ca/also-trusted/old.pem" in write(state.path, tmp_path / "backup", 0.0).files


def test_the_store_may_be_in_use(state: State, tmp_path: Path) -> None:
    with state.open() as store:  # as a controller has it, with its write-ahead log
        assert write(state.path, tmp_path / "backup", 0.0).revision == store.revision


def test_a_file_is_replaced_only_when_asked(state: State, tmp_path: Path) -> None:
    file = tmp_path / "backup"
    file.write_text("precious")
    with pytest.raises(BackupError, match="exists"):
        write(state.path, file, 0.0)
    assert file.read_text() == "precious"
    write(state.path, file, 0.0, force=True)
    assert file.read_bytes()[:2] == b"\x1f\x8b"


@pytest.mark.parametrize("place", ["no/such/folder/backup", "folder/backup"])
def test_a_failure_leaves_no_file(
    state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (tmp_path / "folder").mkdir()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("weft.backup.archive.os.fsync", full)
    with pytest.raises(BackupError, match=r"cannot write .*: no (space left|such file)"):
        write(state.path, tmp_path / place, 0.0)
    assert list((tmp_path / "folder").iterdir()) == []


def test_a_place_without_a_controllers_state_is_named(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=r"no controller has its state in .*: there is no store.db"):
        write(tmp_path, tmp_path / "backup", 0.0)


@dataclass(frozen=True)
class Damage:
    what: str
    do: Callable[[bytes], bytes]
    says: str


def changed(name: str, change: Callable[[bytes], bytes | None]) -> Callable[[bytes], bytes]:
    """The archive with another content under that name (None: without it)."""

    def do(whole: bytes) -> bytes:
        out = io.BytesIO()
        with tarfile.open(fileobj=io.BytesIO(whole)) as old, tarfile.open(fileobj=out, mode="w:gz") as new:
            for member in old:
                file = old.extractfile(member)
                assert file is not None
                content = file.read()
                if member.name == name:
                    after = change(content)
                    if after is None:
                        continue
                    content, member.size = after, len(after)
                new.addfile(member, io.BytesIO(content))
        return out.getvalue()

    return do


def field(name: str, value: object) -> Callable[[bytes], bytes]:
    return changed(MANIFEST, lambda text: json.dumps({**json.loads(text), name: value}).encode())


def cut_off(percent: int, whole: bytes) -> bytes:
    return whole[: len(whole) * percent // 100]


def extra(whole: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(whole)) as old, tarfile.open(fileobj=out, mode="w:gz") as new:
        for member in old:
            new.addfile(member, old.extractfile(member))
        new.addfile(tarfile.TarInfo("../outside"), io.BytesIO())
    return out.getvalue()


DAMAGES = [
    Damage("empty", lambda whole: b"", "is damaged"),
    Damage("text", lambda whole: b"not a backup at all", "is no backup of weft"),
    Damage("another archive", lambda whole: gzip.compress(b"\0" * 10240), "is no backup of weft"),
    *(Damage(f"cut off after {n} %", partial(cut_off, n), "is damaged") for n in (10, 50, 99)),
    Damage("other bytes", changed("store.db", lambda b: b[:-1] + bytes([b[-1] ^ 1])), "store.db has another hash"),
    Damage("shorter", changed("ca/root.key", lambda b: b[:-1]), "ca/root.key is not what its manifest says"),
    Damage("without its key", changed("ca/root.key", lambda b: None), "it lacks ca/root.key"),
    Damage("one more file", extra, "../outside is not what its manifest says"),
    Damage("a later format", field("format", 2), f"was made by weft {__version__}, which is newer"),
    Damage("no manifest", field("files", {}), "its manifest is wrong about store.db"),
    Damage("another place", field("files", {"../x": {"sha256": "", "size": 0}}), "its manifest is wrong about ../x"),
    Damage("half a manifest", changed(MANIFEST, lambda text: text[:40]), "its manifest cannot be read"),
]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.what)
def test_what_is_damaged_is_refused(state: State, tmp_path: Path, damage: Damage) -> None:
    file, into = tmp_path / "backup", tmp_path / "into"
    write(state.path, file, 0.0)
    file.write_bytes(damage.do(file.read_bytes()))
    into.mkdir()
    with pytest.raises(BackupError) as refused:
        read(file, into)
    assert str(refused.value).startswith(str(file)) and damage.says in str(refused.value)
    assert not (tmp_path / "outside").exists()


def test_no_file_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="cannot read .*: no such file"):
        read(tmp_path / "nothing", tmp_path)
