"""SQLite's errors in words that tell an operator what to do."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from weft.store.errors import StoreCorrupt, StoreError, StoreFull, corrupt, translate

CASES = [
    ("SQLITE_CORRUPT_INDEX", StoreCorrupt, "move"),
    ("SQLITE_NOTADB", StoreCorrupt, "move"),
    ("SQLITE_FULL", StoreFull, "free space"),
    ("SQLITE_READONLY_DIRECTORY", StoreError, "check who owns"),
    ("SQLITE_IOERR_WRITE", StoreError, "check the disk"),
    ("SQLITE_BUSY", StoreError, "nothing was changed"),
]


@pytest.mark.parametrize(("code", "kind", "hint"), CASES)
def test_every_code_has_an_error_that_names_the_file_and_a_hint(code: str, kind: type, hint: str) -> None:
    error = sqlite3.OperationalError("it broke")
    error.sqlite_errorname = code
    found = translate(error, Path("/var/lib/weft/store.db"))
    assert type(found) is kind and "/var/lib/weft/store.db" in str(found) and hint in found.hint


def test_a_backup_that_is_there_is_proposed(tmp_path: Path) -> None:
    backup = tmp_path / "store.db.schema-1.backup"
    backup.touch()
    assert f"restore {backup}" in corrupt(tmp_path / "store.db", "torn page").hint
