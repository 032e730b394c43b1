"""The tables `resources`, `origins` and `history`: SQL and nothing else. Every function runs inside a transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import Any

from weft.resources.ref import Origin, Ref
from weft.store.errors import Compacted
from weft.store.model import Action, Change, Record
from weft.store.plan import Step

# Roll-back and `watch` reach this far back. 10,000 applies are months of people's work; a file stays in the megabytes.
HISTORY_REVISIONS = 10_000

# Keys of `meta`, which an older version passes over. "lost:9" with the value 1009: a restore of revision 9 lost what
# may have been called 10 to 1009. RESTORED: no controller has told its proxies anything since.
LOST = "lost:"
RESTORED = "restored"

_RECORDS = """
    SELECT r.kind, r.namespace, r.name, r.document, r.revision, r.generation, r.created_at, r.updated_at, r.owner,
           o.file, o.line, o.col, o.rules
    FROM resources r LEFT JOIN origins o USING (kind, namespace, name)
"""
_CHANGES = "SELECT revision, kind, namespace, name, action, document, generation, created_at, at, owner FROM history"


def revision(connection: sqlite3.Connection) -> int:
    return _meta(connection, "revision")


def restored(connection: sqlite3.Connection) -> bool:
    """Restored, and nothing told to proxies since."""
    return connection.execute("SELECT 1 FROM meta WHERE key = ?", (RESTORED,)).fetchone() is not None


def settled(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM meta WHERE key = ?", (RESTORED,))


def records(connection: sqlite3.Connection) -> list[Record]:
    return [_record(row) for row in connection.execute(_RECORDS + " ORDER BY r.kind, r.namespace, r.name")]


def find(connection: sqlite3.Connection, refs: Iterable[Ref]) -> dict[Ref, Record]:
    query = _RECORDS + " WHERE r.kind = ? AND r.namespace = ? AND r.name = ?"
    rows = (connection.execute(query, _names(ref)).fetchone() for ref in refs)
    return {record.ref: record for record in (_record(row) for row in rows if row)}


def owned(connection: sqlite3.Connection, owner: str) -> dict[Ref, Record]:
    rows = connection.execute(_RECORDS + " WHERE r.owner = ?", (owner,))
    return {record.ref: record for record in map(_record, rows)}


def write(connection: sqlite3.Connection, steps: Iterable[Step], at_revision: int, now: float) -> None:
    """The steps of one plan, as one revision."""
    for step in steps:
        _write_step(connection, step, at_revision, now)
    connection.execute("UPDATE meta SET value = ? WHERE key = 'revision'", (at_revision,))
    _trim(connection, at_revision - HISTORY_REVISIONS)


def write_origin(connection: sqlite3.Connection, ref: Ref, origin: Origin | None) -> None:
    if origin is None:
        return
    row = (*_names(ref), origin.file, origin.line, origin.column, json.dumps(origin.rules))
    connection.execute("INSERT OR REPLACE INTO origins VALUES (?, ?, ?, ?, ?, ?, ?)", row)


def changes(connection: sqlite3.Connection, after: int, limit: int) -> list[Change]:
    """History after a revision, whole revisions only, at least one if there is any."""
    _check_kept(connection, after)
    query = _CHANGES + " WHERE revision > ? ORDER BY revision, kind, namespace, name LIMIT ?"
    found = [_change(row) for row in connection.execute(query, (after, limit))]
    if len(found) < limit:
        return found
    last = found[-1].revision
    whole = [change for change in found if change.revision < last]
    if whole:
        return whole
    return [_change(row) for row in connection.execute(_CHANGES + " WHERE revision = ?", (last,))]


def history(connection: sqlite3.Connection, ref: Ref) -> list[Change]:
    """Of one object, newest first."""
    query = _CHANGES + " WHERE kind = ? AND namespace = ? AND name = ? ORDER BY revision DESC"
    return [_change(row) for row in connection.execute(query, _names(ref))]


def revisions(connection: sqlite3.Connection, limit: int) -> list[list[Change]]:
    """The changes of the last `limit` revisions, newest first, without documents."""
    floor = max(_meta(connection, "floor"), revision(connection) - limit)
    # A line at the floor or before it is there for its state: its revision is not complete any more.
    lines = _CHANGES.replace(" document,", " NULL,")
    query = lines + " WHERE revision > ? ORDER BY revision DESC, kind, namespace, name"
    found: dict[int, list[Change]] = {}
    for change in map(_change, connection.execute(query, (floor,))):
        found.setdefault(change.revision, []).append(change)
    return list(found.values())


def at(connection: sqlite3.Connection, wanted: int) -> dict[Ref, Change]:
    """Everything that existed at a revision."""
    _check_kept(connection, wanted)
    query = f"""
        {_CHANGES} h WHERE revision = (
            SELECT MAX(revision) FROM history WHERE revision <= ? AND kind = h.kind AND namespace = h.namespace
            AND name = h.name
        ) AND action <> 'deleted'
    """
    return {change.ref: change for change in map(_change, connection.execute(query, (wanted,)))}


def _write_step(connection: sqlite3.Connection, step: Step, at_revision: int, now: float) -> None:
    ref, record = step.result.ref, step.record
    entry: tuple[object, ...]
    if record is None:
        old = find(connection, [ref])[ref]
        connection.execute("DELETE FROM resources WHERE kind = ? AND namespace = ? AND name = ?", _names(ref))
        entry = ("deleted", None, old.generation, old.created_at, now, old.owner)
    else:
        document = json.dumps(record.document, ensure_ascii=False)
        tail = (record.revision, record.generation, record.created_at, record.updated_at, record.owner, document)
        connection.execute(
            "INSERT INTO resources VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " revision = excluded.revision, generation = excluded.generation, created_at = excluded.created_at,"
            " updated_at = excluded.updated_at, owner = excluded.owner, document = excluded.document",
            (*_names(ref), *tail),
        )
        write_origin(connection, ref, record.origin)
        entry = (step.result.action, document, record.generation, record.created_at, now, record.owner)
    row = (at_revision, *_names(ref), *entry)
    connection.execute("INSERT INTO history VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)


def _trim(connection: sqlite3.Connection, floor: int) -> None:
    """Forget what lies before `floor`, except each object's state at it: a roll-back to `floor` stays possible.

    Every revision becomes the floor once, so only the objects written at it can have older lines now.
    """
    if floor <= 0:
        return
    connection.execute("UPDATE meta SET value = ? WHERE key = 'floor'", (floor,))
    at_floor = connection.execute(_CHANGES + " WHERE revision = ?", (floor,)).fetchall()
    for change in map(_change, at_floor):
        oldest_kept = floor + 1 if change.action == "deleted" else floor
        connection.execute(
            "DELETE FROM history WHERE kind = ? AND namespace = ? AND name = ? AND revision < ?",
            (*_names(change.ref), oldest_kept),
        )


def _check_kept(connection: sqlite3.Connection, wanted: int) -> None:
    floor, newest = _meta(connection, "floor"), revision(connection)
    if wanted < floor:
        raise Compacted(
            f"revision {wanted} is no longer kept (the oldest is {floor})",
            "`weft history` lists what is; who watches reads everything again",
        )
    for key, after in connection.execute("SELECT key, value FROM meta WHERE key LIKE ?", (f"{LOST}%",)):
        before = int(key.removeprefix(LOST))
        if before < wanted < after:
            raise Compacted(
                f"revision {wanted} was lost: the store was restored from a backup of revision {before}",
                "`weft history` lists what is; who watches reads everything again",
            )
    if wanted > newest:
        raise Compacted(f"revision {wanted} does not exist yet (the newest is {newest})", "`weft history` lists them")


def _meta(connection: sqlite3.Connection, key: str) -> int:
    value: int = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()[0]
    return value


def _names(ref: Ref) -> tuple[str, str, str]:
    return ref.kind, ref.namespace, ref.name


def _record(row: tuple[Any, ...]) -> Record:
    kind, namespace, name, document, *rest = row
    revision_, generation, created_at, updated_at, owner, file, line, column, rules = rest
    origin = None if file is None else Origin(file, line, column, tuple(json.loads(rules)))
    ref = Ref(kind, namespace, name)
    return Record(ref, json.loads(document), revision_, generation, created_at, updated_at, owner, origin)


def _change(row: tuple[Any, ...]) -> Change:
    revision_, kind, namespace, name, action, document, generation, created_at, at_, owner = row
    parsed = None if document is None else json.loads(document)
    return Change(revision_, Ref(kind, namespace, name), _action(action), parsed, generation, created_at, at_, owner)


def _action(text: str) -> Action:
    known: dict[str, Action] = {"created": "created", "configured": "configured", "deleted": "deleted"}
    return known[text]
