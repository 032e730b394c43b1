"""No private network addresses in anything that is published: somebody's real network hides behind each of them.

Examples and tests use loopback and the documentation ranges of RFC 5737. A line that has to name a private range (a
guard against them, say) ends in the comment `private-range: <why>`.
"""

from __future__ import annotations

import ipaddress
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

PRIVATE = [
    ipaddress.ip_network("10.0.0.0/8"),  # private-range: RFC 1918
    ipaddress.ip_network("172.16.0.0/12"),  # private-range: RFC 1918
    ipaddress.ip_network("192.168.0.0/16"),  # private-range: RFC 1918
    ipaddress.ip_network("100.64.0.0/10"),  # private-range: RFC 6598, shared by carriers
    ipaddress.ip_network("169.254.0.0/16"),  # private-range: RFC 3927, where cloud metadata services live
]
ADDRESS = re.compile(r"(?<![\d.])(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})(?![\d.]*\d)")
EXCUSE = "private-range:"
SKIPPED = {".lock", ".png", ".svg", ".ico", ".woff2"}


def violations(files: list[Path]) -> list[str]:
    """`file:line: address` for each private address."""
    return [found for path in files if path.suffix not in SKIPPED for found in _scan(path)]


def _scan(path: Path) -> Iterator[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
        return
    for number, line in enumerate(text.splitlines(), 1):
        if EXCUSE in line:
            continue
        for match in ADDRESS.finditer(line):
            if _private(match[1]):
                yield f"{path}:{number}: {match[1]}"


def _private(text: str) -> bool:
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        return False  # a version number
    return any(address in network for network in PRIVATE)


def published(root: Path = ROOT) -> list[Path]:
    """What git tracks or would track."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    return [root / line for line in listing.stdout.splitlines()]


def main() -> int:
    lines = violations(published())
    for line in lines:
        print(f"error: private address: {line}", file=sys.stderr)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
