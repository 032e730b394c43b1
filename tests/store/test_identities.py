"""What the CA must remember."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from weft.store import identities
from weft.store.database import Database
from weft.store.model import Issued, Token


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "store.db")
    yield opened
    opened.close()


TOKEN = Token("t1", b"\x00hash", "default", "reviews", "default/reviews", 100.0, 200.0, uses=2)


def test_a_token_reads_as_it_was_written_and_counts_its_uses(database: Database) -> None:
    assert database.run_blocking(lambda c: identities.add_token(c, TOKEN))
    assert database.run_blocking(lambda c: identities.token(c, "t1")) == TOKEN
    database.run_blocking(lambda c: identities.spend(c, TOKEN, "default/reviews-0"))
    (spent,) = database.run_blocking(identities.tokens)
    assert (spent.used, spent.used_by) == (1, ("default/reviews-0",))


def test_long_expired_tokens_are_forgotten_when_another_is_made(database: Database) -> None:
    database.run_blocking(lambda c: identities.add_token(c, TOKEN))
    later = dataclasses.replace(TOKEN, id="t2", created_at=200.0 + identities.FORGET_TOKENS_AFTER_S + 1)
    database.run_blocking(lambda c: identities.add_token(c, later))
    assert [token.id for token in database.run_blocking(identities.tokens)] == ["t2"]


def test_there_is_a_limit_to_tokens(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identities, "MAX_TOKENS", 1)
    assert database.run_blocking(lambda c: identities.add_token(c, TOKEN))
    assert not database.run_blocking(lambda c: identities.add_token(c, dataclasses.replace(TOKEN, id="t2")))


def test_tokens_that_belong_together_come_and_go_together(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = [dataclasses.replace(TOKEN, id=token_id) for token_id in ("m.0", "m.1")]
    assert database.run_blocking(lambda c: identities.add_tokens(c, [TOKEN, *parts]))
    assert not database.run_blocking(lambda c: identities.delete_token(c, "t"))
    assert database.run_blocking(lambda c: identities.delete_token(c, "m"))
    assert database.run_blocking(identities.tokens) == [TOKEN]
    monkeypatch.setattr(identities, "MAX_TOKENS", 2)
    assert not database.run_blocking(lambda c: identities.add_tokens(c, parts))
    assert database.run_blocking(identities.tokens) == [TOKEN]


def test_ended_certificates_are_forgotten_when_another_is_issued(database: Database) -> None:
    first = Issued("01", "spiffe://t/ns/default/sa/a", "default/a-0", "", "unix", 0.0, 10.0)
    second = dataclasses.replace(first, serial="02", not_before=11.0, not_after=20.0)
    for issued in (first, second):
        database.run_blocking(lambda c, issued=issued: identities.record_issued(c, issued))  # type: ignore[misc]
    assert database.run_blocking(identities.all_issued) == [second]
    assert database.run_blocking(lambda c: identities.issued(c, "01")) is None
