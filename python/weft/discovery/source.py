"""What a source is: something that can be asked for the endpoints of one service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from weft.compiler.model import Discovered


class Failed(Exception):
    """Why there is no answer, for people. `again_s`: when to ask again; None: the later, the longer it lasts."""

    def __init__(self, reason: str, again_s: float | None = None) -> None:
        super().__init__(reason)
        self.again_s = again_s


@dataclass(frozen=True, slots=True)
class Answer:
    """All that a source knows now, in parts that can fail each for itself: the two address families of a name, the
    targets of an SRV record. A part that is not named any more is gone; one that failed stays as it was."""

    parts: Mapping[str, tuple[Discovered, ...] | Failed]
    # Seconds for which it holds whatever happens; None: until the source says something else.
    valid_s: float | None
    # Seconds until the source is asked again.
    again_s: float


class Source(Protocol):
    """One task asks it, never twice at the same time. An answer takes seconds at most and blocks nobody."""

    async def ask(self) -> Answer:
        """Raises `Failed`."""
