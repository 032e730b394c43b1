"""A copy of one moment, and the same as the store after a loss."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from weft.resources.ref import Ref
from weft.store import schema
from weft.store.errors import Compacted, StoreCorrupt, StoreNewer
from weft.store.model import Token, Write
from weft.store.plan import Request
from weft.store.snapshot import REVISIONS_LOST, Snapshot, check, make_current, snapshot
from weft.store.store import Store


def store_at(path: Path, revision: int) -> Store:
    store = Store(path, lambda: 1.0)
    for number in range(revision):
        asyncio.run(store.apply(Request([Write(Ref("Service", "default", f"s{number}"), {"spec": {}})])))
    return store


def test_a_store_in_use_is_copied_as_it_is_at_one_moment(tmp_path: Path) -> None:
    store = store_at(tmp_path / "store.db", 3)
    assert (tmp_path / "store.db-wal").stat().st_size
    assert snapshot(tmp_path / "store.db", tmp_path / "copy") == Snapshot(3, schema.VERSION)
    # One file, whole in itself.
    assert sorted(path.name for path in tmp_path.glob("copy*")) == ["copy"]
    asyncio.run(store.apply(Request([Write(Ref("Service", "default", "later"), {"spec": {}})])))
    store.close()
    assert check(tmp_path / "copy").revision == 3
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o600


def test_what_is_damaged_is_no_copy(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"not a database at all" * 500)
    with pytest.raises(StoreCorrupt):
        snapshot(tmp_path / "store.db", tmp_path / "copy")


def test_a_newer_copy_is_refused(tmp_path: Path) -> None:
    store_at(tmp_path / "store.db", 1).close()
    with sqlite3.connect(tmp_path / "store.db") as connection:
        connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    connection.close()
    with pytest.raises(StoreNewer, match=f"schema {schema.VERSION + 1}"):
        check(tmp_path / "store.db")


def test_what_was_lost_is_never_called_again(tmp_path: Path) -> None:
    store = store_at(tmp_path / "store.db", 5)
    asyncio.run(store.add_token(Token("t", b"", "default", "a", "", 0.0, 9e9)))
    store.close()
    after = make_current(tmp_path / "store.db", newest_known=7)
    assert after == 7 + REVISIONS_LOST
    again = Store(tmp_path / "store.db", lambda: 1.0)
    assert (again.revision, again.restored, asyncio.run(again.tokens())) == (after, True, [])
    assert len(asyncio.run(again.changes(4))) == 1
    # Who watches is told to read everything again: what happened since is not known.
    with pytest.raises(Compacted, match="was lost"):
        asyncio.run(again.changes(6))
    assert asyncio.run(again.changes(after)) == []
    assert asyncio.run(again.roll_back(3)).revision == after + 1
    asyncio.run(again.settled())
    again.close()
    later = Store(tmp_path / "store.db")
    assert not later.restored
    later.close()


def test_a_second_loss_keeps_the_memory_of_the_first(tmp_path: Path) -> None:
    store_at(tmp_path / "store.db", 2).close()
    first = make_current(tmp_path / "store.db")
    second = make_current(tmp_path / "store.db")
    store = Store(tmp_path / "store.db")
    for lost in (3, first + 1, second - 1):
        with pytest.raises(Compacted):
            asyncio.run(store.at(lost))
    for kept in (2, first, second):
        assert len(asyncio.run(store.at(kept))) == 2
    store.close()
