"""The tables of resources: records, origins, history."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from weft.resources.ref import Origin, Ref
from weft.store import Compacted, resources
from weft.store.database import Database
from weft.store.model import Write
from weft.store.plan import Request, plan

A, B = Ref("Service", "default", "a"), Ref("HTTPRoute", "shop", "b")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "store.db")
    yield opened
    opened.close()


def apply(database: Database, *writes: Write, owner: str | None = None, now: float = 1.0) -> int:
    def work(connection):  # type: ignore[no-untyped-def]
        revision = resources.revision(connection) + 1
        current = resources.find(connection, [write.ref for write in writes])
        planned = plan(current, Request(writes, owner=owner), revision, now)
        resources.write(connection, planned.changes, revision, now)
        return revision

    return int(database.run_blocking(work))


def doc(size: int) -> dict[str, object]:
    return {"kind": "Service", "spec": {"size": size, "text": "grüße"}}


def test_a_record_reads_as_it_was_written(database: Database) -> None:
    origin = Origin("shop.yaml", 3, 1, (5, 9))
    apply(database, Write(A, doc(1), origin), owner="shop", now=5.0)
    (record,) = database.run_blocking(resources.records)
    assert (record.ref, record.document, record.origin, record.owner) == (A, doc(1), origin, "shop")
    assert (record.revision, record.generation, record.created_at, record.updated_at) == (1, 1, 5.0, 5.0)
    assert database.run_blocking(lambda c: resources.owned(c, "shop")) == {A: record}
    assert database.run_blocking(lambda c: resources.find(c, [A, B])) == {A: record}


def test_history_tells_every_change_and_deletion(database: Database) -> None:
    apply(database, Write(A, doc(1)))
    apply(database, Write(A, doc(2)), now=2.0)
    apply(database, Write(A, None), now=3.0)
    lines = database.run_blocking(lambda c: resources.history(c, A))
    assert [(line.revision, line.action) for line in lines] == [(3, "deleted"), (2, "configured"), (1, "created")]
    assert lines[0].document is None and lines[0].created_at == 1.0


def test_the_past_can_be_read(database: Database) -> None:
    apply(database, Write(A, doc(1)))
    apply(database, Write(A, doc(2)), Write(B, doc(1)))
    apply(database, Write(A, None))

    def sizes(revision: int) -> dict[str, object]:
        found = database.run_blocking(lambda c: resources.at(c, revision))
        return {ref.name: (change.document or {})["spec"]["size"] for ref, change in found.items()}

    assert [sizes(revision) for revision in range(4)] == [{}, {"a": 1}, {"a": 2, "b": 1}, {"b": 1}]
    with pytest.raises(Compacted, match="does not exist yet"):
        sizes(4)


def test_revisions_are_listed_newest_first_without_documents(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "HISTORY_REVISIONS", 3)
    for size in range(5):
        apply(database, Write(A, doc(size)), Write(B, doc(size)))

    def last(limit: int) -> list[list[tuple[int, str, object]]]:
        found = database.run_blocking(lambda c: resources.revisions(c, limit))
        return [[(change.revision, change.ref.name, change.document) for change in each] for each in found]

    assert last(2) == [[(5, "b", None), (5, "a", None)], [(4, "b", None), (4, "a", None)]]
    assert [each[0][0] for each in last(100)] == [5, 4, 3]


def test_changes_come_in_whole_revisions(database: Database) -> None:
    apply(database, Write(A, doc(1)))
    apply(database, *(Write(Ref("Service", "default", f"s{n}"), doc(n)) for n in range(5)))
    apply(database, Write(A, doc(2)))

    def after(revision: int, limit: int) -> list[int]:
        return [change.revision for change in database.run_blocking(lambda c: resources.changes(c, revision, limit))]

    assert after(0, 100) == [1, 2, 2, 2, 2, 2, 3]
    assert after(0, 3) == [1]
    assert after(1, 3) == [2, 2, 2, 2, 2]
    assert after(3, 3) == []


def test_old_history_is_forgotten_but_the_oldest_kept_state_stays(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "HISTORY_REVISIONS", 3)
    apply(database, Write(B, doc(1)))
    apply(database, Write(B, None))
    for size in range(8):
        apply(database, Write(A, doc(size)))
    with pytest.raises(Compacted, match="the oldest is 7"):
        database.run_blocking(lambda c: resources.changes(c, 6, 10))
    assert list(database.run_blocking(lambda c: resources.at(c, 7))) == [A]
    assert [line.revision for line in database.run_blocking(lambda c: resources.history(c, A))] == [10, 9, 8, 7]
    assert database.run_blocking(lambda c: resources.history(c, B)) == []
