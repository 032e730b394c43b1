"""What can go wrong with the store, in words that tell an operator what to do."""

from __future__ import annotations

import sqlite3
from pathlib import Path


class StoreError(Exception):
    """The store cannot do what was asked. Nothing was written."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class StoreCorrupt(StoreError):
    """The file is damaged. It is never replaced silently: an empty store would tell every proxy that nothing exists."""


class StoreNewer(StoreError):
    """The file was written by a later version of weft."""


class StoreFull(StoreError):
    """No space is left. What was acknowledged before is safe."""


class Compacted(StoreError):
    """The revision asked for is older than the history that is kept."""


# https://sqlite.org/rescode.html; extended codes start with the primary one's name.
_CORRUPT = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_FORMAT")
_READ_ONLY = ("SQLITE_READONLY", "SQLITE_PERM", "SQLITE_CANTOPEN", "SQLITE_AUTH")


def corrupt(path: Path, detail: str) -> StoreCorrupt:
    backups = sorted(path.parent.glob(path.name + ".*backup"))
    restore = f"restore {backups[-1]}" if backups else "restore a backup"
    return StoreCorrupt(
        f"the store {path} is damaged: {detail}",
        f"{restore}, or move {path} (and its -wal file) away to begin empty and apply your files again; "
        "running proxies keep serving their last good program meanwhile",
    )


def translate(error: sqlite3.Error, path: Path) -> StoreError:
    """The store's own error for one of SQLite's."""
    code = getattr(error, "sqlite_errorname", "") or ""
    if code.startswith(_CORRUPT):
        return corrupt(path, str(error))
    if code == "SQLITE_FULL":
        return StoreFull(
            f"no space is left to write the store {path}",
            f"free space on the file system of {path.parent}; nothing was changed, and nothing acknowledged was lost",
        )
    if code.startswith(_READ_ONLY):
        return StoreError(f"cannot open the store {path} for writing: {error}", f"check who owns {path.parent}")
    if code.startswith("SQLITE_IOERR"):
        return StoreError(
            f"the disk under the store {path} failed: {error} ({code})", "check the disk; nothing was changed"
        )
    return StoreError(f"the store {path} failed: {error} ({code or 'no code'})", "nothing was changed")
