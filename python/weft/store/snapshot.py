"""A consistent copy of a store's file, whoever has it open; and what makes a copy the store again after a loss."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from weft.store import resources, schema
from weft.store.errors import StoreNewer, corrupt, translate

# More applies than anybody makes between two backups. Whatever was told a revision that is lost must never take one
# that is made later for it.
REVISIONS_LOST = 1_000
BUSY_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    revision: int
    schema: int


def snapshot(source: Path, target: Path) -> Snapshot:
    """`target` becomes a whole, checked, single file (0600) of what `source` held at one moment."""
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    with _opened(source) as theirs, _opened(target) as ours:
        # All pages in one step: a reader of one moment, who keeps no writer waiting (WAL).
        theirs.backup(ours)
        # What is copied is in the file, and not beside it.
        ours.execute("PRAGMA journal_mode = DELETE")
        return _checked(ours, target)


def check(path: Path) -> Snapshot:
    """Of a copy; raises when it is damaged, or newer than this weft."""
    with _opened(path) as connection:
        found = _checked(connection, path)
    if found.schema > schema.VERSION:
        raise StoreNewer(
            f"its store has schema {found.schema}, this weft knows {schema.VERSION}: a later version wrote it",
            "restore it with that version",
        )
    return found


def make_current(path: Path, newest_known: int = 0) -> int:
    """A copy as the store after a loss; its new revision.

    What happened since the copy is not known: so no join token is good any more, the next revision is none that anybody
    has seen, and the controller listens before it tells proxies what it believes to be true.
    """
    with _opened(path) as connection, connection:
        before = resources.revision(connection)
        after = max(before, newest_known) + REVISIONS_LOST
        connection.execute("DELETE FROM tokens")
        connection.execute("UPDATE meta SET value = ? WHERE key = 'revision'", (after,))
        connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (f"{resources.LOST}{before}", after))
        connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (resources.RESTORED, before))
    return after


def _checked(connection: sqlite3.Connection, path: Path) -> Snapshot:
    found = [row[0] for row in connection.execute("PRAGMA quick_check(3)")]
    if found != ["ok"]:
        raise corrupt(path, "; ".join(found))
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return Snapshot(resources.revision(connection), version)


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_TIMEOUT_S)) as one:
            yield one
    except sqlite3.Error as error:
        raise translate(error, path) from error
