"""The backup file: a compressed tar whose first member is a manifest with the size and hash of every other.

It is complete or absent, as every file that it holds is complete or refused.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from weft import __version__
from weft.client.errors import WeftError
from weft.store.snapshot import Snapshot, snapshot

MANIFEST = "weft-backup.json"
FORMAT = 1
STORE = "store.db"
ROOT_KEY = "ca/root.key"
# What a controller cannot make again; the lock and the socket are of its process.
NAMES = re.compile(r"store\.db|rest\.token|ca/root\.(key|pem)|ca/also-trusted/[\w.-]+\.pem")
REQUIRED = (STORE, ROOT_KEY, "ca/root.pem")
# Ten thousand files would be a manifest of a megabyte; an honest one has five lines.
MAX_MANIFEST = 1 << 20
CHUNK = 1 << 20


class BackupError(WeftError):
    """A backup cannot be made, or is none."""


@dataclass(frozen=True, slots=True)
class File:
    sha256: str
    # Bytes.
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    format: int
    # The version that made it.
    weft: str
    trust_domain: str
    revision: int
    # Of the store.
    schema: int
    # Unix seconds.
    created_at: float
    files: Mapping[str, File]


def write(state_dir: Path, file: Path, now: float, *, force: bool = False) -> Manifest:
    """Backs up a controller's state directory while its controller runs, or does not. `now`: Unix seconds."""
    _require_state(state_dir)
    if file.exists() and not force:
        raise BackupError(f"{file} exists", "name another file, or replace this one with --force")
    with _said_of(file):
        scratch = Path(tempfile.mkdtemp(prefix=".weft-backup-", dir=file.absolute().parent))
    try:
        with _said_of(file):
            taken = snapshot(state_dir / STORE, scratch / STORE)
            content = {STORE: scratch / STORE, **_others(state_dir)}
            manifest = _manifest(taken, trust_domain(state_dir / "ca"), content, now)
            _pack(scratch / "archive", manifest, content)
            os.replace(scratch / "archive", file)
            _sync_directory(file.absolute().parent)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return manifest


def read(file: Path, into: Path) -> Manifest:
    """Unpacks below `into`, which is there and empty, each file 0600; raises unless all of it is as it was written."""
    try:
        with gzip.open(file) as unzipped, tarfile.open(fileobj=unzipped, mode="r:") as archive:
            manifest = _manifest_of(file, archive)
            while (member := archive.next()) is not None:
                _unpack(file, archive, member, manifest, into)
            # tar stops at its own end; gzip's, with its checksum, comes after it.
            while unzipped.read(CHUNK):
                pass
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError):
            raise BackupError(f"cannot read {file}: {(error.strerror or str(error)).lower()}") from error
        if isinstance(error, OSError) and error.errno is not None:
            raise BackupError(f"cannot unpack {file}: {(error.strerror or str(error)).lower()}", "make room") from error
        if isinstance(error, gzip.BadGzipFile) and "Not a gzipped file" in str(error):
            raise BackupError(f"{file} is no backup of weft", "`weft backup FILE` writes one") from error
        raise _broken(file, f"it is cut off or changed ({str(error) or 'its end is missing'})") from error
    missing = [name for name in manifest.files if not (into / name).exists()]
    if missing:
        raise _broken(file, f"it lacks {', '.join(missing)}")
    return manifest


def trust_domain(ca: Path) -> str:
    """Of a directory with a CA whose key and certificate belong together."""
    from weft.identity.authority import Authority
    from weft.identity.errors import IdentityError

    try:
        return Authority.load(ca).trust_domain
    except IdentityError as error:
        raise BackupError(str(error), error.hint) from error


def _require_state(state_dir: Path) -> None:
    missing = [name for name in REQUIRED if not (state_dir / name).exists()]
    if missing:
        hint = "name the directory of the controller with --state-dir; a user that may read it is needed"
        raise BackupError(f"no controller has its state in {state_dir}: there is no {missing[0]}", hint)


def _others(state_dir: Path) -> dict[str, Path]:
    found = [state_dir / "rest.token", *sorted((state_dir / "ca").rglob("*"))]
    named = {path.relative_to(state_dir).as_posix(): path for path in found if path.is_file()}
    return {name: path for name, path in named.items() if NAMES.fullmatch(name)}


def _manifest(taken: Snapshot, domain: str, content: Mapping[str, Path], now: float) -> Manifest:
    files = {name: File(_sha256(path), path.stat().st_size) for name, path in content.items()}
    return Manifest(FORMAT, __version__, domain, taken.revision, taken.schema, now, files)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pack(target: Path, manifest: Manifest, content: Mapping[str, Path]) -> None:
    descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        with tarfile.open(fileobj=out, mode="w:gz") as archive:
            text = json.dumps(asdict(manifest), indent=1).encode()
            _add(archive, MANIFEST, len(text), manifest.created_at, io.BytesIO(text))
            for name, path in content.items():
                with path.open("rb") as file:
                    _add(archive, name, manifest.files[name].size, manifest.created_at, file)
        out.flush()
        os.fsync(out.fileno())


def _add(archive: tarfile.TarFile, name: str, size: int, at: float, content: IO[bytes]) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o600, int(at)
    archive.addfile(member, content)


def _manifest_of(file: Path, archive: tarfile.TarFile) -> Manifest:
    first = archive.next()
    if first is None or first.name != MANIFEST or not first.isfile() or first.size > MAX_MANIFEST:
        raise BackupError(f"{file} is no backup of weft", "`weft backup FILE` makes one")
    content = archive.extractfile(first)
    assert content is not None
    try:
        fields: dict[str, Any] = json.loads(content.read())
        if fields["format"] > FORMAT:
            raise BackupError(f"{file} was made by weft {fields['weft']}, which is newer", "restore it with that one")
        files = {name: File(**each) for name, each in fields.pop("files").items()}
        known = {name: fields[name] for name in Manifest.__slots__ if name != "files"}
        manifest = Manifest(**known, files=files)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _broken(file, "its manifest cannot be read") from error
    wrong = [name for name in files if not NAMES.fullmatch(name)] + [name for name in REQUIRED if name not in files]
    if wrong:
        raise _broken(file, f"its manifest is wrong about {wrong[0]}")
    return manifest


def _unpack(file: Path, archive: tarfile.TarFile, member: tarfile.TarInfo, manifest: Manifest, into: Path) -> None:
    wanted = manifest.files.get(member.name)
    if wanted is None or not member.isfile() or member.size != wanted.size:
        raise _broken(file, f"{member.name} is not what its manifest says")
    content = archive.extractfile(member)
    assert content is not None
    target, digest = into / member.name, hashlib.sha256()
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        while chunk := content.read(CHUNK):
            digest.update(chunk)
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
    if digest.hexdigest() != wanted.sha256:
        raise _broken(file, f"{member.name} has another hash than its manifest says")


def _broken(file: Path, why: str) -> BackupError:
    return BackupError(f"{file} is damaged: {why}", "use another backup; nothing was changed")


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


@contextmanager
def _said_of(file: Path) -> Iterator[None]:
    """A full disk, or a folder that is not there, is no defect of ours."""
    from weft.store.errors import StoreError, StoreFull

    room = "make room or put it right there; no file was left"
    try:
        yield
    except StoreFull as error:
        raise BackupError(f"cannot write {file}: no space left on device", room) from error
    except StoreError as error:
        raise BackupError(str(error), error.hint) from error
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise BackupError(f"cannot write {file}: {why}", room) from error
