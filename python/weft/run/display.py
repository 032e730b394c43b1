"""What `weft up` writes: logs of all on stdout, each line with its name; what happens on stderr, one line at a time."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TextIO

from weft.run.logfile import LogFile

# Names in turn; those that are readable on dark and on light.
COLOURS = ("36", "33", "32", "35", "34", "31")


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

    def line(self, name: str, text: str) -> None:
        """One line of a child's output."""
        if self.log is not None:
            self.log.write(name, text)
        head = f"{name:<{self._width}} |"
        if self._coloured:
            head = f"\033[{self._colours.get(name, '0')}m{head}\033[0m"
        self._write(self._out, f"{head} {text}")

    def message(self, text: str) -> None:
        """Something that weft did or saw."""
        if self.log is not None:
            self.log.write("weft", text)
        self._write(self._messages, f"{'weft':<{self._width}} | {text}")

    def _write(self, stream: TextIO, text: str) -> None:
        try:
            stream.write(f"{text}\n")
            stream.flush()
        except (OSError, ValueError):
            pass  # the reader left, the terminal was closed; that is no reason to leave processes behind
