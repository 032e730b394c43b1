"""Writes into pages what their commands answer now: `python -m tests.docs.rewrite docs/tour.md …`; read the diff."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.docs.follow import follow
from tests.docs.page import ROOT, blocks, typed
from tests.docs.shown import answers


def rewrite(page: Path) -> str:
    """The page with today's answers; those that still hold stay as they are."""
    heard = follow(page, strict=False).heard
    lines = page.read_text(encoding="utf-8").splitlines()
    for block in reversed(blocks(page)):
        if block.language != "console" or block.not_run is not None:
            continue
        for step in reversed(typed(block)):
            vary = "numbers vary" in block.said
            if step.line not in heard or answers(step.shown or [], heard[step.line], vary):
                continue
            first = step.line + step.command.count("\n")
            said = [line.rstrip() for line in heard[step.line].splitlines()]
            lines[first : first + len(step.shown or [])] = said
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        page = (ROOT / name).resolve()
        page.write_text(rewrite(page), encoding="utf-8")
