"""The store as the controller uses it: async, with one transaction per call, and a watch."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from weft.resources.ref import Ref
from weft.store import identities, registrations, resources
from weft.store.database import Database
from weft.store.errors import StoreError
from weft.store.model import Applied, Change, Issued, Record, Registration, Token, Write
from weft.store.plan import Request, plan

log = logging.getLogger("weft.store")

T = TypeVar("T")

# Certificates that wait for the disk: a day of a large fleet.
MAX_UNWRITTEN = 100_000

# A watcher that is behind reads this many changes at a time, so that it never holds all of history in memory.
WATCH_BATCH = 500


class Store:
    """Resources with revisions, and what identity and leases must remember. `clock` gives Unix seconds."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._database = Database(path)
        self._clock = clock
        self._revision = self._database.run_blocking(resources.revision)
        # From a backup, and no proxy was told anything of it yet.
        self.restored = self._database.run_blocking(resources.restored)
        self._written = asyncio.Event()
        self._unwritten: dict[str, Issued] = {}

    @property
    def revision(self) -> int:
        """Of the last apply that wrote something."""
        return self._revision

    # -------------------------------------------------------------------------------------------------- resources

    async def records(self) -> list[Record]:
        return await self._run(resources.records)

    async def find(self, refs: Iterable[Ref]) -> list[Record]:
        """Those of `refs` that exist."""
        wanted = list(refs)
        return list((await self._run(lambda connection: resources.find(connection, wanted))).values())

    async def apply(self, request: Request) -> Applied:
        """Durable when this returns; `Applied.written` says whether anything was."""
        now = self._clock()
        return self._announced(await self._run(lambda connection: _apply(connection, request, now)))

    async def roll_back(self, revision: int, *, dry_run: bool = False) -> Applied:
        """Everything reads again as at `revision`: one new revision, ages kept."""
        now = self._clock()

        def work(connection: sqlite3.Connection) -> Applied:
            return _apply(connection, _way_back(connection, revision, dry_run), now)

        return self._announced(await self._run(work))

    async def history(self, ref: Ref) -> list[Change]:
        return await self._run(lambda connection: resources.history(connection, ref))

    async def revisions(self, limit: int) -> list[list[Change]]:
        """The changes of the last `limit` revisions, newest first, without documents."""
        return await self._run(lambda connection: resources.revisions(connection, limit))

    async def at(self, revision: int) -> dict[Ref, Change]:
        return await self._run(lambda connection: resources.at(connection, revision))

    async def changes(self, after: int) -> list[Change]:
        return await self._run(lambda connection: resources.changes(connection, after, WATCH_BATCH))

    async def watch(self, after: int) -> AsyncGenerator[Change, None]:
        """Every change after a revision, in order, for ever. Nothing is queued for a slow watcher: it reads history."""
        while True:
            written = self._written
            found = await self.changes(after)
            for change in found:
                yield change
                after = change.revision
            if not found:
                await written.wait()

    # ------------------------------------------------------------------------------------------ identity and world

    async def add_token(self, token: Token) -> bool:
        return await self._run(lambda connection: identities.add_token(connection, token))

    async def add_tokens(self, tokens: Sequence[Token]) -> bool:
        return await self._run(lambda connection: identities.add_tokens(connection, tokens))

    async def tokens(self) -> list[Token]:
        return await self._run(identities.tokens)

    async def delete_token(self, token_id: str) -> bool:
        return await self._run(lambda connection: identities.delete_token(connection, token_id))

    async def spend_token(self, token_id: str, workload: str, check: Callable[[Token | None], Token]) -> Token:
        """One transaction: `check` raises unless the token may be used now; then it counts as used."""

        def work(connection: sqlite3.Connection) -> Token:
            token = check(identities.token(connection, token_id))
            identities.spend(connection, token, workload)
            return token

        return await self._run(work)

    async def record_issued(self, issued: Issued) -> None:
        """On a full disk kept in memory, and written with the next one: renewals must go on, or the mesh ends."""
        self._unwritten[issued.serial] = issued
        batch = list(self._unwritten.values())

        def work(connection: sqlite3.Connection) -> None:
            for one in batch:
                identities.record_issued(connection, one)

        try:
            await self._run(work)
        except StoreError as error:
            log.error("certificates are not recorded: %s; %s", error, error.hint)
            if len(self._unwritten) > MAX_UNWRITTEN:
                raise
            return
        for one in batch:
            self._unwritten.pop(one.serial, None)

    async def issued(self, serial: str) -> Issued | None:
        unwritten = self._unwritten.get(serial)
        return unwritten or await self._run(lambda connection: identities.issued(connection, serial))

    async def all_issued(self) -> list[Issued]:
        written = await self._run(identities.all_issued)
        return [*self._unwritten.values(), *written]

    async def registrations(self) -> list[Registration]:
        return await self._run(registrations.load)

    async def save_registrations(self, written: Mapping[str, bytes], removed: Iterable[str]) -> None:
        await self._run(lambda connection: registrations.save(connection, written, removed))

    # ---------------------------------------------------------------------------------------------------- the file

    async def settled(self) -> None:
        """Proxies are told what is here: it is the truth from now on."""
        await self._run(resources.settled)
        self.restored = False

    async def backup(self, target: Path) -> None:
        await asyncio.to_thread(self._database.backup, target)

    def close(self) -> None:
        self._database.close()

    def _announced(self, applied: Applied) -> Applied:
        if applied.written:
            self._revision = max(self._revision, applied.revision)
            self._written.set()
            self._written = asyncio.Event()
        return applied

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await self._database.run(work)


def _apply(connection: sqlite3.Connection, request: Request, now: float) -> Applied:
    revision = resources.revision(connection)
    current = resources.find(connection, (write.ref for write in request.writes))
    if request.prune and request.owner:
        current |= resources.owned(connection, request.owner)
    planned = plan(current, request, revision + 1, now)
    results = tuple(step.result for step in planned.steps)
    if planned.stopped or request.dry_run:
        return Applied(revision, results)
    for step in planned.moved:
        resources.write_origin(connection, step.result.ref, step.record.origin if step.record else None)
    if not planned.changes:
        return Applied(revision, results)
    resources.write(connection, planned.changes, revision + 1, now)
    return Applied(revision + 1, results, written=True)


def _way_back(connection: sqlite3.Connection, revision: int, dry_run: bool) -> Request:
    then = resources.at(connection, revision)
    now = resources.records(connection)
    writes = [
        Write(ref, change.document, None, change.created_at, change.owner) for ref, change in sorted(then.items())
    ]
    writes += [Write(record.ref, None) for record in now if record.ref not in then]
    return Request(writes, dry_run=dry_run)
