"""The last lines of a terminal, written again whenever they change, while other lines go by above them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.cells import cell_len

# Select Graphic Rendition (ECMA-48, 8.3.117): colours have no width.
_COLOUR = re.compile(r"\033\[[0-9;]*m")
# Cursor Up, and Erase in Page from there to the end (ECMA-48, 8.3.22 and 8.3.39): all that every terminal can.
UP, ERASE = "\033[{}A", "\033[J"


class Region:
    """`write` takes text as it is; `columns` says how wide the terminal is now."""

    def __init__(self, write: Callable[[str], object], columns: Callable[[], int]) -> None:
        self._write = write
        self._columns = columns
        self._lines: Sequence[str] = ()

    def show(self, lines: Sequence[str]) -> None:
        if lines != self._lines:
            self._write(self._erased() + _text(lines))
            self._lines = lines

    def end(self, lines: Sequence[str]) -> None:
        """These stay. Written in any case: a terminal shows ^C where the cursor stood."""
        self._write(self._erased() + _text(lines))
        self._lines = ()

    @contextmanager
    def above(self) -> Iterator[None]:
        """What is written within goes by above."""
        if erased := self._erased():
            self._write(erased)
        yield
        if self._lines:
            self._write(_text(self._lines))

    def _erased(self) -> str:
        """A terminal that became narrower has broken the lines into pieces: most do since about 2010, xterm cuts."""
        width = max(self._columns(), 1)
        rows = sum(max(1, -(-cell_len(_COLOUR.sub("", line)) // width)) for line in self._lines)
        return f"\r{UP.format(rows)}{ERASE}" if rows else ""


def _text(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
