"""One SQLite file: opened safely, checked, migrated, and written by one thread.

WAL and `synchronous=FULL`: a transaction that was acknowledged survives a crash of the process and of the machine.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from weft.store import schema
from weft.store.errors import StoreNewer, corrupt, translate

T = TypeVar("T")

# Another process holds the file only for a backup or a look; a controller that waits longer should say so.
BUSY_TIMEOUT_MS = 5_000


class Database:
    """A connection and the one thread that may use it: SQLite's fsync never blocks the event loop."""

    def __init__(self, path: Path, migrations: tuple[str, ...] = schema.MIGRATIONS) -> None:
        self.path = path
        self._migrations = migrations
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        with self._translated():
            self._connection = self._open()

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """`work` in one transaction on the store's thread: committed and durable when this returns, or nothing."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self.run_blocking, work)

    def run_blocking(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._translated(), self._transaction():
            return work(self._connection)

    def backup(self, target: Path) -> None:
        """A consistent copy while the store is in use."""
        with self._translated():
            _copy(self._connection, target)

    def close(self) -> None:
        self._thread.shutdown(wait=True)
        self._connection.close()

    def _open(self) -> sqlite3.Connection:
        # Created by us and not by SQLite, so that nobody else may read it; -wal and -shm take their mode from it.
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        found = [row[0] for row in connection.execute("PRAGMA quick_check(3)")]
        if found != ["ok"]:
            raise corrupt(self.path, "; ".join(found))
        self._migrate(connection)

    def _migrate(self, connection: sqlite3.Connection) -> None:
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        newest = len(self._migrations)
        if version > newest and _readable_by(connection, version) > newest:
            raise StoreNewer(
                f"the store {self.path} has schema {version}, this weft knows {newest}: a later version wrote it",
                f"run that version again, or restore {self._backup_name(newest).name} from before the upgrade",
            )
        if version >= newest:
            return
        if version:
            _copy(connection, self._backup_name(version))
        for number in range(version, newest):
            script = self._migrations[number]
            connection.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {number + 1}; COMMIT;")

    def _backup_name(self, version: int) -> Path:
        return self.path.with_name(f"{self.path.name}.schema-{version}.backup")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            # After a full disk SQLite may have rolled back by itself.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise translate(error, self.path) from error


def _readable_by(connection: sqlite3.Connection, version: int) -> int:
    """The oldest schema that can use a file of this later one: what was added since, it passes over."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (schema.READABLE_BY,)).fetchone()
    return row[0] if row else version


def _copy(connection: sqlite3.Connection, target: Path) -> None:
    """A backup is complete or absent: written beside its name, then renamed."""
    partial = target.with_name(target.name + ".partial")
    partial.unlink(missing_ok=True)
    os.close(os.open(partial, os.O_CREAT | os.O_RDWR | os.O_EXCL, 0o600))
    copy = sqlite3.connect(partial)
    try:
        connection.backup(copy)
    finally:
        copy.close()
    with open(partial, "rb") as written:
        os.fsync(written.fileno())
    partial.rename(target)
