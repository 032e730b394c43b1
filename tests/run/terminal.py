"""As much of a terminal as a start needs: lines, cursor up, erase, colours; and one that becomes narrower."""

import re

_PIECE = re.compile(r"\033\[(?P<number>[0-9;]*)(?P<what>[AJm])|(?P<text>[^\033])|(?P<other>\033.?)", re.DOTALL)
# What came in two pieces.
_BEGUN = re.compile(r"\033(\[[0-9;]*)?\Z")


class Terminal:
    """What was fed to it, as somebody sees it. Cells are single characters."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        # Rows, each with whether it goes on in the next one.
        self._rows: list[tuple[str, bool]] = [("", False)]
        self._row, self._column = 0, 0
        self._begun = ""

    def feed(self, text: str) -> None:
        text = self._begun + text
        begun = _BEGUN.search(text)
        self._begun = begun[0] if begun else ""
        for piece in _PIECE.finditer(text.removesuffix(self._begun)):
            assert piece["other"] is None, f"not every terminal knows {piece[0]!r}"
            if piece["what"] == "A":
                self._row = max(0, self._row - int(piece["number"] or 1))
            elif piece["what"] == "J":
                self._rows[self._row] = (self._rows[self._row][0][: self._column], False)
                del self._rows[self._row + 1 :]
            elif piece["text"] == "\r":
                self._column = 0
            elif piece["text"] == "\n":
                self._next(False)
            elif piece["text"]:
                self._put(piece["text"])

    def resize(self, columns: int) -> None:
        """Lines that are too long now are broken, and the cursor stays where it stood: at the end."""
        whole, line = list[str](), ""
        for text, goes_on in self._rows:
            line += text
            if not goes_on:
                whole.append(line)
                line = ""
        self.columns, self._rows = columns, []
        for line in whole:
            parts = [line[at : at + columns] for at in range(0, len(line), columns)] or [""]
            self._rows += [(part, place < len(parts) - 1) for place, part in enumerate(parts)]
        self._row, self._column = len(self._rows) - 1, len(self._rows[-1][0])

    @property
    def lines(self) -> list[str]:
        return [text.rstrip() for text, _ in self._rows]

    def _put(self, letter: str) -> None:
        if self._column >= self.columns:
            self._next(True)
        text = self._rows[self._row][0].ljust(self._column)
        self._rows[self._row] = (text[: self._column] + letter + text[self._column + 1 :], self._rows[self._row][1])
        self._column += 1

    def _next(self, goes_on: bool) -> None:
        self._rows[self._row] = (self._rows[self._row][0], goes_on)
        self._row, self._column = self._row + 1, 0
        if self._row == len(self._rows):
            self._rows.append(("", False))
