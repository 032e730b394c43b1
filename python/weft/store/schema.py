"""The store's tables, and how an older file becomes a current one.

`PRAGMA user_version` counts the migrations that a file has seen. A migration is never edited once released.

A controller must be able to go back by one minor version on its file. So a migration only adds tables and keys of
`meta` (a column more, and an older version's INSERT fails), and says in `meta` which schema can still use the file:

    INSERT OR REPLACE INTO meta VALUES ('readable-by', 1);

What cannot be done so is done over two minor versions: the first reads both ways, the second writes the new one.
"""

from __future__ import annotations

READABLE_BY = "readable-by"

_FIRST = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('revision', 0), ('floor', 0);

CREATE TABLE resources (
    kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    revision INTEGER NOT NULL, generation INTEGER NOT NULL,
    created_at REAL NOT NULL, updated_at REAL NOT NULL,
    owner TEXT, document TEXT NOT NULL,
    PRIMARY KEY (kind, namespace, name)
);
CREATE INDEX resources_by_owner ON resources (owner) WHERE owner IS NOT NULL;

-- Apart from the resource: moving it to another line is no change of it.
CREATE TABLE origins (
    kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    file TEXT NOT NULL, line INTEGER NOT NULL, col INTEGER NOT NULL, rules TEXT NOT NULL,
    PRIMARY KEY (kind, namespace, name),
    FOREIGN KEY (kind, namespace, name) REFERENCES resources ON DELETE CASCADE
);

CREATE TABLE history (
    revision INTEGER NOT NULL, kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    action TEXT NOT NULL, document TEXT, generation INTEGER NOT NULL,
    created_at REAL NOT NULL, at REAL NOT NULL, owner TEXT,
    PRIMARY KEY (revision, kind, namespace, name)
) WITHOUT ROWID;
CREATE INDEX history_by_name ON history (kind, namespace, name, revision);

CREATE TABLE tokens (
    id TEXT PRIMARY KEY, secret_sha256 BLOB NOT NULL,
    namespace TEXT NOT NULL, service_account TEXT NOT NULL, service TEXT NOT NULL,
    created_at REAL NOT NULL, expires_at REAL NOT NULL,
    uses INTEGER NOT NULL, used INTEGER NOT NULL DEFAULT 0, used_by TEXT NOT NULL DEFAULT '[]'
);

CREATE TABLE issued (
    serial TEXT PRIMARY KEY, spiffe_id TEXT NOT NULL, workload TEXT NOT NULL, service TEXT NOT NULL,
    proof TEXT NOT NULL, not_before REAL NOT NULL, not_after REAL NOT NULL
);
CREATE INDEX issued_by_end ON issued (not_after);

-- The world: leases, not versioned objects.
CREATE TABLE registrations (name TEXT PRIMARY KEY, payload BLOB NOT NULL);
"""

MIGRATIONS: tuple[str, ...] = (_FIRST,)
VERSION = len(MIGRATIONS)
