"""Writes docs/reference/reasons.md from the closed list in crates/core/src/reason.rs; a test compares the two."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "crates" / "core" / "src" / "reason.rs"
PAGE = ROOT / "docs" / "reference" / "reasons.md"

ENTRY = re.compile(
    r'^\s*\w+ "(?P<code>[a-z-]+)" (?P<status>\d{3}) "(?P<flag>[A-Z]+)" "(?P<advice>[^"]+)";$', re.MULTILINE
)

HEAD = """\
# Reasons

Every response that weft itself makes carries one of these codes in `weft-reason`; metrics, access log and
`weft explain` use the same. The list is closed: a code is never given another meaning. The flag is the one that Envoy
writes for the same thing, for dashboards that come from there.

| code | status | flag | what to do |
|---|---|---|---|
"""


def page(source: str) -> str:
    return HEAD + "".join(f"{row}\n" for row in _rows(source))


def _rows(source: str) -> Iterator[str]:
    for entry in ENTRY.finditer(source):
        yield f"| `{entry['code']}` | {entry['status']} | {entry['flag']} | {entry['advice']} |"


def main() -> int:
    PAGE.write_text(page(SOURCE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
