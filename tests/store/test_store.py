"""The store as the controller uses it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from weft.resources.ref import Origin, Ref
from weft.store import Change, Compacted, Store, StoreError, Write, identities
from weft.store.model import Issued, Token
from weft.store.plan import Request

A, B = Ref("Service", "default", "a"), Ref("Service", "default", "b")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "store.db", Clock())
    yield opened
    opened.close()


def doc(size: int) -> dict[str, object]:
    return {"kind": "Service", "spec": {"size": size}}


async def test_an_apply_is_one_revision_and_survives_reopening(store: Store, tmp_path: Path) -> None:
    applied = await store.apply(Request([Write(A, doc(1)), Write(B, doc(1))]))
    assert (applied.revision, applied.written, store.revision) == (1, True, 1)
    again = Store(tmp_path / "store.db")
    assert [(record.ref, record.revision) for record in await again.records()] == [(A, 1), (B, 1)]
    assert again.revision == 1
    again.close()


async def test_the_same_apply_again_makes_no_revision(store: Store) -> None:
    await store.apply(Request([Write(A, doc(1))]))
    applied = await store.apply(Request([Write(A, doc(1), Origin("moved.yaml", 7))]))
    assert (applied.revision, applied.written) == (1, False)
    (record,) = await store.records()
    assert record.origin == Origin("moved.yaml", 7) and record.generation == 1


@pytest.mark.parametrize("dry_run", [True, False])
async def test_what_is_stopped_or_dry_writes_nothing(store: Store, dry_run: bool) -> None:
    expect = {} if dry_run else {B: 5}
    applied = await store.apply(Request([Write(A, doc(1)), Write(B, doc(1))], dry_run=dry_run, expect=expect))
    assert not applied.written and await store.records() == []
    assert [result.action for result in applied.results] == ["created", "created" if dry_run else "rejected"]
    assert len(applied.rejected) == (0 if dry_run else 1)


async def test_of_two_with_the_same_expectation_one_wins(store: Store) -> None:
    await store.apply(Request([Write(A, doc(0))]))
    rivals = [store.apply(Request([Write(A, doc(n))], expect={A: 1})) for n in range(1, 9)]
    outcomes = [applied.written for applied in await asyncio.gather(*rivals)]
    assert outcomes.count(True) == 1 and store.revision == 2


async def test_roll_back_gives_the_old_state_with_its_ages_and_owners(store: Store) -> None:
    await store.apply(Request([Write(A, doc(1))], owner="shop"))
    (before,) = await store.records()
    await store.apply(Request([Write(A, None), Write(B, doc(1))]))
    dry = await store.roll_back(1, dry_run=True)
    assert not dry.written and store.revision == 2
    applied = await store.roll_back(1)
    assert applied.written and applied.revision == 3
    (after,) = await store.records()
    assert (after.ref, after.document, after.created_at, after.owner) == (A, doc(1), before.created_at, "shop")
    with pytest.raises(Compacted):
        await store.roll_back(99)


async def test_a_watch_gives_what_was_and_then_what_comes(store: Store) -> None:
    await store.apply(Request([Write(A, doc(1))]))
    seen: asyncio.Queue[Change] = asyncio.Queue()

    async def follow() -> None:
        async for change in store.watch(0):
            seen.put_nowait(change)

    task = asyncio.create_task(follow())
    assert (await seen.get()).ref == A
    await store.apply(Request([Write(B, doc(1)), Write(A, None)]))
    assert [(c.ref, c.action, c.revision) for c in [await seen.get(), await seen.get()]] == [
        (A, "deleted", 2),
        (B, "created", 2),
    ]
    task.cancel()


async def test_a_token_is_spent_in_the_same_transaction_that_checks_it(store: Store) -> None:
    await store.add_token(Token("id", b"hash", "default", "a", "", 0.0, 9e9))

    def check(token: Token | None) -> Token:
        assert token is not None
        if token.used >= token.uses:
            raise StoreError("used", "")
        return token

    rivals = [store.spend_token("id", f"w{n}", check) for n in range(8)]
    outcomes = await asyncio.gather(*rivals, return_exceptions=True)
    assert sum(isinstance(outcome, Token) for outcome in outcomes) == 1
    (token,) = await store.tokens()
    assert token.used == 1 and len(token.used_by) == 1
    assert await store.delete_token("id") and not await store.delete_token("id")


async def test_identity_and_world_survive(store: Store, tmp_path: Path) -> None:
    issued = Issued("0a", "spiffe://t/ns/default/sa/a", "default/a-0", "default/a", "token", 1.0, 2.0)
    await store.record_issued(issued)
    await store.save_registrations({"default/a-0": b"x", "default/a-1": b"y"}, [])
    await store.save_registrations({"default/a-1": b"z"}, ["default/a-0"])
    again = Store(tmp_path / "store.db")
    assert await again.issued("0a") == issued and await again.all_issued() == [issued]
    assert [(r.name, r.payload) for r in await again.registrations()] == [("default/a-1", b"z")]
    again.close()


async def test_renewals_go_on_while_the_disk_is_full_and_are_written_when_it_is_not(store: Store) -> None:
    database = store._database
    pages = database.run_blocking(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
    database._connection.execute(f"PRAGMA max_page_count = {pages}")
    given = [Issued(f"{n:x}", "spiffe://t/ns/d/sa/a", f"d/a-{n}", "x" * 400, "svid", 1.0, 9e9) for n in range(50)]
    for issued in given:
        await store.record_issued(issued)
    assert await store.issued("31") == given[49] and len(await store.all_issued()) == 50
    assert len(database.run_blocking(identities.all_issued)) < 50
    database._connection.execute("PRAGMA max_page_count = 100000")
    await store.record_issued(Issued("last", "spiffe://t/ns/d/sa/a", "", "", "svid", 1.0, 9e9))
    assert len(database.run_blocking(identities.all_issued)) == 51 == len(await store.all_issued())


async def test_a_backup_opens_as_a_store(store: Store, tmp_path: Path) -> None:
    await store.apply(Request([Write(A, doc(1))]))
    await store.backup(tmp_path / "copy.db")
    copy = Store(tmp_path / "copy.db")
    assert copy.revision == 1
    copy.close()
