"""How data is printed: as a table for people, as JSON or YAML for programs. Always on stdout, never cut off."""

from __future__ import annotations

import dataclasses
import io
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from weft.cli.failure import note
from weft.cli.options import Format
from weft.printable import in_line, json_text

# What a table is wrapped to when stdout is no terminal: a line is a row, so that grep and awk work.
UNLIMITED = 100_000
# Narrower than three words a column is a pillar of syllables.
FOLDED = 24


def emit(
    value: Any, form: Format, headers: Sequence[str], rows: Iterable[Sequence[object]], nothing: str = ""
) -> None:
    """`value` as JSON or YAML, or `rows` as a table. `nothing`: said on stderr when there are no rows."""
    if form is Format.TABLE:
        text = table(headers, rows, width())
        print(text, end="")
        if nothing and not text:
            note(nothing)
    elif form is Format.JSON:
        print(json_text(plain(value), indent=2))
    else:
        print(yaml_text(plain(value)), end="")


def plain(value: Any) -> Any:
    """Dataclasses as dictionaries, tuples as lists."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return plain(dataclasses.asdict(value))
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def yaml_text(value: Any, documents: bool = False) -> str:
    """`documents`: a list becomes one document per item."""
    import yaml

    dump = yaml.safe_dump_all if documents else yaml.safe_dump
    text: str = dump(value, sort_keys=False, allow_unicode=True, width=UNLIMITED, explicit_start=documents)
    return text


def table(headers: Sequence[str], rows: Iterable[Sequence[object]], columns: int) -> str:
    """Columns two spaces apart, without lines: what is selected with a mouse can be pasted.

    Only the last one is folded, where sentences stand; a name in two pieces cannot be read, so a line that is too long
    for the others is left to the terminal.
    """
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = [[cell(item) for item in row] for row in rows]
    if not cells:
        return ""
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), collapse_padding=True)
    for header in headers:
        grid.add_column(Text(header), overflow="fold", no_wrap=header != headers[-1])
    for row in cells:
        grid.add_row(*map(Text, row))
    fixed = sum(max(map(cell_len, column)) + 2 for column in list(zip(headers, *cells, strict=True))[:-1])
    page = io.StringIO()
    wide = columns if columns - fixed >= FOLDED else UNLIMITED
    Console(file=page, width=wide, no_color=True, highlight=False).print(grid)
    return "".join(f"{line.rstrip()}\n" for line in page.getvalue().splitlines())


def cell(value: object) -> str:
    """Nothing is "-", so that columns can be counted."""
    if isinstance(value, float):
        return f"{value:.1f}"
    return "-" if value is None or value == "" else in_line(str(value))


def width() -> int:
    import shutil

    return shutil.get_terminal_size().columns if sys.stdout.isatty() else UNLIMITED


def duration(seconds: float | None) -> str:
    """ "45s", "12m", "3h", "2d": one unit, rounded down."""
    if seconds is None:
        return ""
    sign = "-" if seconds < 0 else ""
    seconds = abs(seconds)
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{sign}{int(seconds // size)}{unit}"
    return f"{sign}{int(seconds)}s"
