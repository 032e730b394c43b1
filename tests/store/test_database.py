"""Opening, damage, migration, a full disk, and a writer that is killed."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from weft.resources.ref import Ref
from weft.store import StoreCorrupt, StoreError, StoreFull, StoreNewer, resources
from weft.store.database import Database
from weft.store.model import Write
from weft.store.plan import Request, plan
from weft.store.schema import MIGRATIONS

KILLS = 50


def put(database: Database, name: str, text: str = "") -> int:
    def work(connection: sqlite3.Connection) -> int:
        ref = Ref("Service", "default", name)
        revision = resources.revision(connection) + 1
        current = resources.find(connection, [ref])
        planned = plan(current, Request([Write(ref, {"spec": {"text": text}})]), revision, 1.0)
        resources.write(connection, planned.changes, revision, 1.0)
        return revision

    return database.run_blocking(work)


def names(database: Database) -> list[str]:
    return [record.ref.name for record in database.run_blocking(resources.records)]


def test_the_file_is_for_its_owner_only_and_written_through(tmp_path: Path) -> None:
    database = Database(tmp_path / "store.db")
    put(database, "a")
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    pragmas = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "user_version": len(MIGRATIONS)}
    for pragma, value in pragmas.items():
        assert database._connection.execute(f"PRAGMA {pragma}").fetchone()[0] == value
    database.close()


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path / "store.db")

    def half(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE meta SET value = 99 WHERE key = 'revision'")
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        database.run_blocking(half)
    assert database.run_blocking(resources.revision) == 0
    database.close()


@pytest.mark.parametrize("damage", ["header", "pages"])
def test_a_damaged_file_is_named_and_never_replaced(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "store.db"
    database = Database(path)
    for number in range(200):
        put(database, f"service-{number}", "x" * 200)
    database.close()
    broken = bytearray(path.read_bytes())
    spoiled = range(16) if damage == "header" else range(4096, len(broken))
    for position in spoiled:
        broken[position] ^= 0xA5
    path.write_bytes(broken)
    with pytest.raises(StoreCorrupt) as caught:
        Database(path)
    assert str(path) in str(caught.value) and "move" in caught.value.hint
    assert path.read_bytes() == broken


def test_a_file_of_a_later_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    Database(path, (*MIGRATIONS, "CREATE TABLE later (x);")).close()
    with pytest.raises(StoreNewer, match="schema 2, this weft knows 1"):
        Database(path)


def test_a_file_that_only_has_more_is_used_by_the_version_before(tmp_path: Path) -> None:
    more = "CREATE TABLE more (x INTEGER); INSERT INTO more VALUES (7); INSERT INTO meta VALUES ('readable-by', 1);"
    later = Database(tmp_path / "store.db", (*MIGRATIONS, more))
    put(later, "a")
    later.close()
    earlier = Database(tmp_path / "store.db")
    put(earlier, "b")
    earlier.close()
    again = Database(tmp_path / "store.db", (*MIGRATIONS, more))
    assert names(again) == ["a", "b"]
    assert again.run_blocking(lambda connection: connection.execute("SELECT x FROM more").fetchall()) == [(7,)]
    again.close()


def test_a_migration_is_backed_up_first_and_keeps_everything(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    old = Database(path)
    put(old, "a")
    old.close()
    new = Database(path, (*MIGRATIONS, "CREATE TABLE later (x);"))
    assert names(new) == ["a"]
    new.close()
    backup = Database(tmp_path / "store.db.schema-1.backup")
    assert names(backup) == ["a"]
    backup.close()


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    old = Database(path)
    put(old, "a")
    old.close()
    with pytest.raises(StoreError):
        Database(path, (*MIGRATIONS, "CREATE TABLE later (x); CREATE TABLE later (x);"))
    again = Database(path)
    assert names(again) == ["a"]
    again.close()


def test_a_backup_is_complete_while_the_store_is_in_use(tmp_path: Path) -> None:
    database = Database(tmp_path / "store.db")
    put(database, "a")
    database.backup(tmp_path / "copy.db")
    put(database, "b")
    copy = Database(tmp_path / "copy.db")
    assert (names(copy), names(database)) == (["a"], ["a", "b"])
    copy.close()
    database.close()


def test_a_full_disk_is_a_clear_error_and_loses_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path / "store.db")
    pages = database._connection.execute("PRAGMA page_count").fetchone()[0]
    database._connection.execute(f"PRAGMA max_page_count = {pages + 10}")
    acknowledged = []
    with pytest.raises(StoreFull) as caught:
        for number in range(1000):
            put(database, f"service-{number:04}", "x" * 3000)
            acknowledged.append(f"service-{number:04}")
    assert acknowledged and "free space" in caught.value.hint
    assert names(database) == acknowledged
    database._connection.execute(f"PRAGMA max_page_count = {pages + 1000}")
    put(database, "service-9999")
    assert names(database) == [*acknowledged, "service-9999"]
    database.close()


LIMITED_WRITER = """
import resource, signal, sys
from pathlib import Path
from tests.store.test_database import names, put
from weft.store import StoreError
from weft.store.database import Database
database = Database(Path(sys.argv[1]))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
written = 0
try:
    while True:
        put(database, f"service-{written:05}", "x" * 3000)
        written += 1
except StoreError as error:
    print(written, error, error.hint)
"""


def test_a_write_that_the_file_system_refuses_is_a_clear_error_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    run = subprocess.run([sys.executable, "-c", LIMITED_WRITER, str(path)], capture_output=True, text=True, cwd=root())
    assert run.returncode == 0, run.stderr
    count, text = run.stdout.split(" ", 1)
    assert str(path) in text and "nothing was changed" in text
    database = Database(path)
    assert names(database) == [f"service-{number:05}" for number in range(int(count))]
    database.close()


KILLED_WRITER = """
import sys
from pathlib import Path
from tests.store.test_database import put
from weft.store.database import Database
database = Database(Path(sys.argv[1]))
number = int(sys.argv[2])
while True:
    put(database, f"service-{number:06}", "x" * (number * 37 % 9000))
    print(number, flush=True)
    number += 1
"""


def test_repeated_sigkill_in_mid_write_loses_no_acknowledged_write(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    acknowledged: list[int] = []
    for kill in range(KILLS):
        first = acknowledged[-1] + 2 if acknowledged else 0
        command = [sys.executable, "-c", KILLED_WRITER, str(path), str(first)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root()) as writer:
            assert writer.stdout is not None
            for _ in range(1 + kill % 4):
                acknowledged.append(int(writer.stdout.readline()))
            # The next write is under way: how far differs from kill to kill.
            os.kill(writer.pid, signal.SIGKILL)
            acknowledged += [int(line) for line in writer.stdout.read().split()]
    database = Database(path)
    found = set(names(database))
    assert {f"service-{number:06}" for number in acknowledged} <= found
    # Nothing but the one write that was under way at each kill came on top.
    assert len(found) <= len(acknowledged) + KILLS
    assert database.run_blocking(resources.revision) == len(found)
    database.close()


def root() -> Path:
    return Path(__file__).resolve().parents[2]
