"""What only Linux has stays behind `crates/kernel` and `crates/proxy/src/sys*`: fails when it is named elsewhere.

Everything else must build and run on macOS, and a port to a third system is those two places only. Comments are free
to name what they like.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

RUST = re.compile(r"target_os|\blibc\b|\bnix::|\"/proc|\"/sys\b|\bepoll|\bnetlink|\bcgroup|\bio_uring", re.IGNORECASE)
PYTHON = re.compile(r"[\"']/proc\b|[\"']/sys\b|\bepoll|\bnetlink|SO_PEERCRED|AF_NETLINK|PR_SET_|setns\(|os\.sched_")

# Python has one file for such things too; it says what the other systems get instead.
PYTHON_ALLOWED = re.compile(r"(^|/)(peercred|sys_[a-z]+)\.py$")
RUST_ALLOWED = re.compile(r"^crates/(kernel/|proxy/src/sys)")


def violations(root: Path = ROOT) -> list[str]:
    """`file:line: text` for each Linux-only name outside its place."""
    return [*_scan(root, "crates", "*.rs", RUST, RUST_ALLOWED), *_scan(root, "python", "*.py", PYTHON, PYTHON_ALLOWED)]


def _scan(root: Path, top: str, pattern: str, banned: re.Pattern[str], allowed: re.Pattern[str]) -> Iterator[str]:
    comment = "//" if pattern == "*.rs" else "#"
    for path in sorted((root / top).rglob(pattern)):
        name = path.relative_to(root).as_posix()
        if allowed.search(name) or "/v1/" in name:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            code = line.split(comment, 1)[0]
            if banned.search(code):
                yield f"{name}:{number}: {line.strip()}"


def main() -> int:
    lines = violations()
    for line in lines:
        print(f"error: Linux only, outside crates/kernel and crates/proxy/src/sys: {line}", file=sys.stderr)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
