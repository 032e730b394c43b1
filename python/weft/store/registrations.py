"""The table `registrations`: the world as it was when the controller stopped. Runs inside a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping

from weft.store.model import Registration


def load(connection: sqlite3.Connection) -> list[Registration]:
    return [Registration(*row) for row in connection.execute("SELECT name, payload FROM registrations ORDER BY name")]


def save(connection: sqlite3.Connection, written: Mapping[str, bytes], removed: Iterable[str]) -> None:
    connection.executemany("INSERT OR REPLACE INTO registrations VALUES (?, ?)", written.items())
    connection.executemany("DELETE FROM registrations WHERE name = ?", [(name,) for name in removed])
