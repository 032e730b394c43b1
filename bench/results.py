"""Rows: one per run, kept as JSON so that a published figure can be traced."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    scenario: str
    proxy: str
    connections: int
    run: int
    # None without a proxy.
    cpu_us_per_request: float | None
    rps: float
    p50_us: float
    p99_us: float
    rss_mb: float


def to_json(rows: Sequence[Row]) -> str:
    """One row per line: a difference of two files reads well."""
    lines = ",\n".join(json.dumps(asdict(row)) for row in rows)
    return f"[\n{lines}\n]\n" if rows else "[]\n"


def from_json(text: str) -> list[Row]:
    return [Row(**row) for row in json.loads(text)]


def write(path: Path, rows: Sequence[Row]) -> None:
    """Whole or not at all: an interrupted run leaves the last file in place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(to_json(rows))
    partial.replace(path)
