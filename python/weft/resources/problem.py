"""What is wrong with something that a user wrote: where, what, why, and what to do next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from weft.resources.ref import Origin, Ref


@dataclass(frozen=True, slots=True)
class Problem:
    """One error (or warning). Lines and columns count from 1; 0 means unknown."""

    file: str
    line: int
    column: int
    what: str
    why: str = ""
    hint: str = ""
    severity: Literal["error", "warning"] = "error"
    # Whose problem it is, and of which field, where that is known.
    ref: Ref | None = None
    field: str = ""

    @classmethod
    def at(cls, origin: Origin | None, what: str, why: str = "", hint: str = "", field: str = "") -> Problem:
        place = origin or Origin("")
        return cls(place.file, place.line, place.column, what, why, hint, field=field)

    @property
    def place(self) -> str:
        return str(Origin(self.file, self.line, self.column))

    def __str__(self) -> str:
        """Two or three lines, without a full stop; the hint stands after a blank line (uv's guide)."""
        place = f"{self.place}: " if self.file else ""
        text = f"{self.severity}: {place}{self.what}"
        if self.why:
            text += f": {self.why}"
        return f"{text}\n\nhint: {self.hint}" if self.hint else text


class Problems(ValueError):
    """Raised where one call reads one thing and it was wrong: `parse_document`, typed constructors of the API."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(p) for p in self.problems))


# Comparing with each takes about 10 µs; in a mesh of 10,000 services a hint is not worth a tenth of a second.
MAX_CHOICES = 1_000


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """'did you mean "matches"?', or the known words where none is near, or "" where there is nothing to choose from."""
    choices = sorted(set(known))
    if len(choices) > MAX_CHOICES:
        return ""
    lowered = {c.lower(): c for c in choices}
    near = [name for name in difflib.get_close_matches(word.lower(), list(lowered)) if _same_end(word.lower(), name)]
    if near:
        return f'did you mean "{lowered[near[0]]}"?'
    # A list of fifty choices helps nobody.
    return f"known here: {', '.join(choices)}" if 0 < len(choices) <= 20 else ""


def _same_end(word: str, name: str) -> bool:
    """Kind and namespace alone make two references alike; who mistypes a name means one like it."""
    end, other = word.rpartition("/")[2], name.rpartition("/")[2]
    return bool(difflib.get_close_matches(end, [other]))
