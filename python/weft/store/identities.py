"""The tables `tokens` and `issued`: what the CA must remember. Every function runs inside a transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from weft.store.model import Issued, Token

# An expired token is kept this long, so that its late user is told "expired" instead of "unknown".
FORGET_TOKENS_AFTER_S = 7 * 86_400.0
# More would be a mistake in a script; each is a row that every listing shows.
MAX_TOKENS = 10_000


def add_token(connection: sqlite3.Connection, token: Token) -> bool:
    """False when there are too many already."""
    return add_tokens(connection, [token])


def add_tokens(connection: sqlite3.Connection, tokens: Sequence[Token]) -> bool:
    """All of them or, when they would be too many, none."""
    forget = max(token.created_at for token in tokens) - FORGET_TOKENS_AFTER_S
    connection.execute("DELETE FROM tokens WHERE expires_at < ?", (forget,))
    count: int = connection.execute("SELECT COUNT(*) FROM tokens").fetchone()[0]
    if count + len(tokens) > MAX_TOKENS:
        return False
    rows = (
        (
            *(token.id, token.secret_sha256, token.namespace, token.service_account, token.service),
            *(token.created_at, token.expires_at, token.uses, token.used, json.dumps(token.used_by)),
        )
        for token in tokens
    )
    connection.executemany("INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    return True


def token(connection: sqlite3.Connection, token_id: str) -> Token | None:
    row = connection.execute("SELECT * FROM tokens WHERE id = ?", (token_id,)).fetchone()
    return _token(row) if row else None


def tokens(connection: sqlite3.Connection) -> list[Token]:
    return [_token(row) for row in connection.execute("SELECT * FROM tokens ORDER BY created_at, id")]


def spend(connection: sqlite3.Connection, spent: Token, workload: str) -> None:
    """Count one use. The same user again is the same use: its first answer may have been lost."""
    if workload in spent.used_by:
        return
    used_by = json.dumps([*spent.used_by, workload])
    connection.execute("UPDATE tokens SET used = used + 1, used_by = ? WHERE id = ?", (used_by, spent.id))


def delete_token(connection: sqlite3.Connection, token_id: str) -> bool:
    """Also all parts of a machine's token, "<id>.<number>"."""
    parts = f"{token_id}."
    row = (token_id, len(parts), parts)
    return connection.execute("DELETE FROM tokens WHERE id = ? OR substr(id, 1, ?) = ?", row).rowcount > 0


def record_issued(connection: sqlite3.Connection, issued: Issued) -> None:
    """Remember an SVID; forget those that have ended."""
    connection.execute("DELETE FROM issued WHERE not_after < ?", (issued.not_before,))
    row = (
        *(issued.serial, issued.spiffe_id, issued.workload, issued.service),
        *(issued.proof, issued.not_before, issued.not_after),
    )
    connection.execute("INSERT OR REPLACE INTO issued VALUES (?, ?, ?, ?, ?, ?, ?)", row)


def issued(connection: sqlite3.Connection, serial: str) -> Issued | None:
    row = connection.execute("SELECT * FROM issued WHERE serial = ?", (serial,)).fetchone()
    return Issued(*row) if row else None


def all_issued(connection: sqlite3.Connection) -> list[Issued]:
    return [Issued(*row) for row in connection.execute("SELECT * FROM issued ORDER BY not_after DESC")]


def _token(row: tuple[Any, ...]) -> Token:
    most: tuple[Any, ...] = row[:-1]
    used_by: tuple[str, ...] = tuple(json.loads(row[-1]))
    return replace(Token(*most), used_by=used_by)
