"""Whether a program takes its port from the environment, as far as its source shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

SUFFIXES = frozenset(".cs .ex .exs .go .java .js .jsx .kt .mjs .php .pl .properties .py .rb .rs .ru .sh .ts".split())
# Other people's code, in which PORT stands everywhere.
ELSEWHERE = frozenset(".git .hg .venv build dist node_modules site-packages target vendor venv".split())
# A program's start is in one of its first files; a repository of ten thousand is not read for a guess.
MAX_FILES, MAX_BYTES = 200, 256 * 1024

_READS = re.compile(r"(?i:env|getenv)\w*\W[^\n]{0,24}\bPORT\b|\$\{?PORT\b|\$\{PORT:")


def reads_port(folder: Path) -> bool:
    return any(_READS.search(text) for text in islice(_texts(folder), MAX_FILES))


def _texts(folder: Path) -> Iterator[str]:
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: (entry.is_dir(), entry.name))
    except OSError:
        return
    for entry in entries:
        if entry.is_symlink() or entry.name in ELSEWHERE:
            continue
        if entry.is_dir():
            yield from _texts(entry)
        elif entry.suffix in SUFFIXES:
            try:
                yield entry.read_bytes()[:MAX_BYTES].decode("utf-8", "replace")
            except OSError:
                continue
