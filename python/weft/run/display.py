"""What `weft up` writes: logs of all on stdout, each line with its name; what happens on stderr, one line at a time.

In a terminal a table of the start stands below them, until everything is ready.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from typing import TextIO

from weft.run.board import Row, lines
from weft.run.logfile import LogFile
from weft.run.region import Region
from weft.run.visible import visible

# Names in turn; those that are readable on dark and on light.
COLOURS = ("36", "33", "32", "35", "34", "31")
# Terminals that cannot go back to an earlier line, by what they call themselves.
DUMB = ("", "dumb", "unknown")
# Of a terminal that does not know: that of a serial line, or of a test.
USUAL_SIZE = 80, 24

# One long name must not push every line out of the screen; it stands out by itself.
MAX_WIDTH = 24


class Display:
    """Plain lines: they can be piped, searched and pasted; colour marks names only, and only in a terminal."""

    def __init__(self, names: Iterable[str], out: TextIO | None = None, messages: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._messages = messages or sys.stderr
        names = list(names)
        self._width = min(max(map(len, names), default=0), MAX_WIDTH)
        self._colours = dict(zip(names, COLOURS * (len(names) // len(COLOURS) + 1), strict=False))
        # Keeps all of it; whoever runs it sets it.
        self.log: LogFile | None = None
        self._coloured = self._out.isatty() and "NO_COLOR" not in os.environ
        # Both: lines that go elsewhere may come back to this screen, by a pipe, and nobody could say when.
        able = self._out.isatty() and self._messages.isatty() and os.environ.get("TERM", "") not in DUMB
        self._region = Region(self._to_messages, lambda: self._size()[0]) if able else None

    def line(self, name: str, text: str) -> None:
        """One line of a child's output."""
        if self.log is not None:
            self.log.write(name, text)
        head = f"{name:<{self._width}} |"
        if self._coloured:
            head = f"\033[{self._colours.get(name, '0')}m{head}\033[0m"
        self._write(self._out, f"{head} {visible(text)}")

    def message(self, text: str) -> None:
        """Something that weft did or saw."""
        if self.log is not None:
            self.log.write("weft", text)
        self._write(self._messages, f"{'weft':<{self._width}} | {visible(text)}")

    def step(self, text: str) -> None:
        """Something that the table shows as well."""
        if self._region is None:
            self.message(text)
        elif self.log is not None:
            self.log.write("weft", text)

    def table(self, rows: Sequence[Row]) -> None:
        """How far the start is; asked again, the table takes the place of the one before."""
        if self._region is not None:
            width, height = self._size()
            # One cell stays free: some terminals go on to the next line after the last one, others do not.
            self._region.show(lines(rows, width - 1, height - 1, self._coloured))

    def end_table(self, rows: Sequence[Row]) -> None:
        """The last one, whole; it stays."""
        if self._region is not None:
            self._region.end(lines(rows, self._size()[0] - 1, coloured=self._coloured))

    def _size(self) -> tuple[int, int]:
        try:
            columns, rows = os.get_terminal_size(self._messages.fileno())
        except (OSError, ValueError):
            columns, rows = 0, 0
        return columns or USUAL_SIZE[0], rows or USUAL_SIZE[1]

    def _write(self, stream: TextIO, text: str) -> None:
        with self._region.above() if self._region else nullcontext():
            self._put(stream, f"{text}\n")

    def _to_messages(self, text: str) -> None:
        self._put(self._messages, text)

    def _put(self, stream: TextIO, text: str) -> None:
        try:
            stream.write(text)
            stream.flush()
        except (OSError, ValueError):
            pass  # the reader left, the terminal was closed; that is no reason to leave processes behind
