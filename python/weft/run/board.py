"""The table of a start: one row for each workload, made to fit the terminal.

What does not fit goes by its use: first the version, then mTLS, then health. An error is never left out: without a
column for it, it has a line of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size

from weft.printable import in_line
from weft.run.children import Child, state
from weft.run.readiness import waiting
from weft.run.spec import Spec

if TYPE_CHECKING:
    from weft.client.types import Workload

GAP = "  "
# The first to go is the first here.
SPARED = ("VERSION", "MTLS", "HEALTH")
# Narrower, a sentence is a pillar of syllables: then it has a line of its own.
MIN_ERROR = 20
# Narrower, a name cannot be told from others.
MIN_NAME = 6
# A line of the supervisor or of the proxy.
_OURS = re.compile(r"weft: |\S+Z \w+ weft-proxy: ")
# What needs nobody's eye.
WELL = ("ready", "ended")
COLOURS = {"ready": "32", "ended": "32", "starting": "33", "failed": "31"}


@dataclass(frozen=True, slots=True)
class Row:
    # The workload, by its service's name where that has no other.
    service: str
    version: str = ""
    # waiting, starting, ready, stopping, ended, failed (status)
    state: str = "waiting"
    health: str = ""
    mtls: str = ""
    error: str = ""


def rows(
    specs: Sequence[Spec], children: Mapping[str, Child], present: Iterable[Workload], part: Callable[[Spec], str]
) -> list[Row]:
    """`part`: the service of the file that a workload is a process of."""
    there = {workload.name: workload for workload in present if workload.lease == "attached"}
    left = waiting(specs, there.values())
    parts = [part(spec) for spec in specs]
    names = [own if parts.count(own) == 1 else spec.name for own, spec in zip(parts, specs, strict=True)]
    return [
        _row(name, spec, children.get(spec.name), there.get(spec.key), spec.key in left)
        for name, spec in zip(names, specs, strict=True)
    ]


def _row(name: str, spec: Spec, child: Child | None, there: Workload | None, unready: bool) -> Row:
    how = state(child)
    if child is None or how != "running":
        return Row(name, spec.version, how, error=_last_words(child) if child and how.startswith("failed") else "")
    if there is None:
        return Row(name, spec.version, "starting")
    mtls = "yes" if there.identity else "no"
    return Row(name, spec.version, "starting" if unready else "ready", there.health, mtls, _error(there))


def _last_words(child: Child) -> str:
    """Of the app: those of weft come after them."""
    said = [line.strip() for line in (*child.tail, *child.complaints) if line.strip()]
    return next((line for line in reversed(said) if not _OURS.match(line)), said[-1] if said else "")


def _error(workload: Workload) -> str:
    if workload.problems:
        return workload.problems[0]
    if workload.sync.rejected:
        return f"refused {workload.sync.rejected[0].name}: {workload.sync.rejected[0].reason}"
    return workload.health_reason if workload.health == "unhealthy" else ""


def lines(found: Sequence[Row], width: int, height: int | None = None, coloured: bool = False) -> list[str]:
    """None is wider than `width`; not more than `height`: then those that need nobody's eye are left out first."""
    page = _lines(found, width, coloured)
    if height is None or len(page) <= height:
        return page
    page = _lines([row for row in found if row.state not in WELL], width, coloured)[: max(height - 1, 1)]
    return [*page, set_cell_size(f"… of {len(found)} workloads", width).rstrip()][: max(height, 1)]


def _lines(found: Sequence[Row], width: int, coloured: bool) -> list[str]:
    if not found:
        return []
    columns = _columns(found, width)
    room = width - sum(size + len(GAP) for _, size in columns)
    beside = room >= MIN_ERROR and any(row.error for row in found)
    heads = {title: title for title, _ in columns}
    page = [_line(heads, columns, "LAST ERROR" if beside else "", room)]
    for row in found:
        text = _line(_cells(row), columns, row.error if beside else "", room)
        page.append(_painted(text, row.state) if coloured else text)
        if row.error and not beside:
            page.append(_cut(f"{GAP}{row.error}", width))
    return page


def _columns(found: Sequence[Row], width: int) -> list[tuple[str, int]]:
    """Title and width of each that fits; one in which nothing stands is none."""
    cells = [_cells(row) for row in found]
    sizes = {title: max(cell_len(title), *(cell_len(each[title]) for each in cells)) for title in cells[0]}
    kept = [title for title in sizes if any(each[title] for each in cells)]
    for title in SPARED:
        if title in kept and _total(sizes, kept) > width:
            kept.remove(title)
    over = _total(sizes, kept) - width
    sizes["SERVICE"] = max(sizes["SERVICE"] - max(over, 0), MIN_NAME)
    return [(title, sizes[title]) for title in kept]


def _total(sizes: Mapping[str, int], kept: Sequence[str]) -> int:
    return sum(sizes[title] for title in kept) + len(GAP) * (len(kept) - 1)


def _cells(row: Row) -> dict[str, str]:
    return {
        "SERVICE": row.service,
        "VERSION": row.version,
        "STATE": row.state,
        "HEALTH": row.health,
        "MTLS": row.mtls,
    }


def _line(cells: Mapping[str, str], columns: Sequence[tuple[str, int]], error: str, room: int) -> str:
    def padded() -> Iterator[str]:
        for title, size in columns:
            yield set_cell_size(_cut(cells[title] or "-", size), size)

    whole = sum(size + len(GAP) for _, size in columns) + room
    return _cut(GAP.join([*padded(), *([_cut(error, room)] if error else [])]).rstrip(), whole)


def _cut(text: str, size: int) -> str:
    text = in_line(text)
    if cell_len(text) <= size:
        return text
    return f"{set_cell_size(text, size - 1)}…" if size > 1 else text[:size]


def _painted(text: str, how: str) -> str:
    colour = COLOURS.get(how.partition(" ")[0])
    before, found, after = text.partition(f"{GAP}{how}")
    return f"{before}{GAP}\033[{colour}m{how}\033[0m{after}" if colour and found else text
