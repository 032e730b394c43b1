"""Whether a command answered what a page shows: what differs from run to run is a shape, everything else is itself."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby

# In this order: what stands first in a line is taken by the first that fits.
_SHAPES: tuple[tuple[str, str], ...] = (
    (r"…", r".*"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", r"[0-9a-f-]{36}"),
    (r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d:\d\d(?:\.\d+)?Z?)?", r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d:\d\d(?:\.\d+)?Z?)?"),
    (r"\b\d\d:\d\d:\d\d(?:\.\d+)?\b", r"\d\d:\d\d:\d\d(?:\.\d+)?"),
    (r"\b[0-9a-f]{12,}\b", r"[0-9a-f]{12,}"),
    # A port that the system has chosen; those that people choose are lower.
    (r"(?<=:)(?:3[2-9]|4\d|5\d|6\d)\d{3}\b", r"\d{5}"),
    (r"(?<=\(pid )\d+(?=\))", r"\d+"),
    (r"\b100\.0 %", r"100\.0 %"),
    (r"(?<![\d.])\d+\.\d+(?![\d.])", r"\d+(?:\.\d+)?"),
    (r" {2,}", r" {2,}"),
)
_WHOLE = (r"(?<![\w.:/-])\d+(?![\w.:/-])", r"\d+")


def pattern(line: str, numbers_vary: bool = False) -> str:
    """The regular expression that a line of a page stands for."""
    shapes = (*_SHAPES, _WHOLE) if numbers_vary else _SHAPES
    finder = re.compile("|".join(f"(?P<_{index}>{found})" for index, (found, _) in enumerate(shapes)))
    made, at = "", 0
    for match in finder.finditer(line):
        made += re.escape(line[at : match.start()]) + shapes[int((match.lastgroup or "")[1:])][1]
        at = match.end()
    return made + re.escape(line[at:])


def answers(shown: list[str], said: str, numbers_vary: bool = False) -> bool:
    """True when `said` is what the lines show; a line that is `…` alone stands for any number of lines."""
    wanted = _in_order(line.rstrip() for line in shown)
    while wanted and not wanted[-1]:
        wanted.pop()
    whole = "".join(r"(?:.*\n)*?" if line.strip() == "…" else pattern(line, numbers_vary) + r"\n" for line in wanted)
    # HTTP ends its lines with CR LF, which a terminal does not show.
    lines = _in_order(line.rstrip() for line in said.rstrip().splitlines())
    return re.fullmatch(whole, "".join(f"{line}\n" for line in lines)) is not None


def _in_order(lines: Iterable[str]) -> list[str]:
    """What starts side by side is ready in any order: such lines are compared by their names."""
    found: list[str] = []
    for together, run in groupby(lines, lambda line: " ready after " in line):
        found += sorted(run, key=lambda line: line if together else "")
    return found
