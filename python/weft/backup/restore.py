"""Puts a backup in place: checked first, then all of it or nothing.

    restoring.partial   what was unpacked, not yet checked: of no meaning
    restoring           checked and complete: from here on it is moved into place, and no controller starts meanwhile
    before-restore-…    what was there before
"""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from weft.backup.archive import REQUIRED, STORE, BackupError, Manifest, read, trust_domain
from weft.controller.statedir import RESTORING, StateDirError, lock
from weft.store.errors import StoreError
from weft.store.snapshot import check, make_current

# The two beside the store are its write-ahead log: beside another store they would destroy it.
OURS = (STORE, f"{STORE}-wal", f"{STORE}-shm", "ca", "rest.token")


@dataclass(frozen=True, slots=True)
class Restored:
    manifest: Manifest
    # The store's, now: higher than any that was lost.
    revision: int
    # Where that went which was there before.
    aside: Path | None


def verify(file: Path, into: Path) -> Manifest:
    """Unpacks into an empty directory and looks at everything: hashes, CA, store."""
    manifest = read(file, into)
    if trust_domain(into / "ca") != manifest.trust_domain:
        raise BackupError(f"{file} is damaged: its CA is not of {manifest.trust_domain}", "use another backup")
    try:
        found = check(into / STORE)
    except StoreError as error:
        raise BackupError(f"{file}: {error}", error.hint) from error
    if (found.revision, found.schema) != (manifest.revision, manifest.schema):
        raise BackupError(f"{file} is damaged: its store is not of its manifest", "use another backup")
    return manifest


def restore(file: Path, state_dir: Path, now: float, *, force: bool = False) -> Restored:
    """`state_dir` gets the state of the backup; no controller may run there. `now`: Unix seconds."""
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        held = lock(state_dir)
    except StateDirError as error:
        raise BackupError(str(error), "stop it first") from error
    except OSError as error:
        raise BackupError(f"cannot use {state_dir}: {(error.strerror or str(error)).lower()}") from error
    try:
        if not force and any((state_dir / name).exists() for name in REQUIRED):
            hint = "--force moves it aside; another place can be named with --state-dir"
            raise BackupError(f"{state_dir} has a controller's state already", hint)
        partial = state_dir / f"{RESTORING}.partial"
        try:
            return _put(file, state_dir, partial, now)
        except OSError as error:
            raise BackupError(f"cannot restore {state_dir}: {(error.strerror or str(error)).lower()}") from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    finally:
        os.close(held)


def _put(file: Path, state_dir: Path, partial: Path, now: float) -> Restored:
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700)
    manifest = verify(file, partial)
    try:
        revision = make_current(partial / STORE, _revision(state_dir / STORE))
    except StoreError as error:
        raise BackupError(str(error), error.hint) from error
    _give(partial, state_dir.stat())
    ready = state_dir / RESTORING
    shutil.rmtree(ready, ignore_errors=True)
    partial.rename(ready)
    _sync(state_dir)
    aside = _move_aside(state_dir, now)
    for entry in sorted(ready.iterdir()):
        entry.rename(state_dir / entry.name)
    _sync(state_dir)
    ready.rmdir()
    return Restored(manifest, revision, aside)


def _revision(store: Path) -> int:
    """Of the store that is replaced, as far as it can be read."""
    try:
        return check(store).revision if store.exists() else 0
    except StoreError:
        return 0


def _move_aside(state_dir: Path, now: float) -> Path | None:
    there = [name for name in OURS if (state_dir / name).exists()]
    if not there:
        return None
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    aside = state_dir / f"before-restore-{stamp}"
    aside.mkdir(mode=0o700, exist_ok=True)
    for name in there:
        (state_dir / name).rename(aside / name)
    _give(aside, state_dir.stat())
    return aside


def _give(folder: Path, owner: os.stat_result) -> None:
    """Root restores for the user whose directory it is, who may have put links into it: they lead nowhere here."""
    if os.geteuid() != 0 or owner.st_uid == 0:
        return
    for _, folders, files, opened in os.fwalk(folder):
        os.fchown(opened, owner.st_uid, owner.st_gid)
        for name in (*folders, *files):
            os.chown(name, owner.st_uid, owner.st_gid, dir_fd=opened, follow_symlinks=False)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
