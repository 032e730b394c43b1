"""What one source said last: a state without tasks, with time as an argument (monotonic seconds).

    pending ── answer ──► fresh ── failure ──► fresh, and failing ── its time is over ──► stale
                            ▲                                                              │
                            └──────────────────────── answer ──────────────────────────────┘

An answer without any endpoint counts as a failure: an empty registry is more often a broken one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from weft.compiler.model import Discovered
from weft.discovery.source import Answer, Failed

# More is a mistake of the source; the same limit as for written endpoints.
MAX_ENDPOINTS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Part:
    endpoints: tuple[Discovered, ...]
    # Unix seconds at which the source last named them.
    answered_at: float
    # Monotonic seconds until which it holds whatever happens.
    valid_until: float
    # Why it could not be asked since; "" while it could.
    failure: str = ""


@dataclass(slots=True)
class Known:
    # The source's.
    name: str
    parts: dict[str, Part] = field(default_factory=dict)
    # Why the source as a whole does not answer; "" while it does.
    failure: str = ""
    # It has answered or failed since this controller began to ask it.
    asked: bool = False

    @property
    def problem(self) -> str:
        """All that is wrong with it now."""
        return self.failure or "; ".join(part.failure for part in self.parts.values() if part.failure)

    @property
    def said(self) -> tuple[object, ...]:
        """Equal while nothing but time has changed."""
        return self.asked, self.failure, {name: (part.endpoints, part.failure) for name, part in self.parts.items()}

    @property
    def answered_at(self) -> float | None:
        """Unix seconds of the last answer; None: there was none."""
        return max((part.answered_at for part in self.parts.values()), default=None)

    def answered(self, answer: Answer, now: float, unix: float) -> None:
        self.asked = True
        count = sum(len(part) for part in answer.parts.values() if not isinstance(part, Failed))
        if not 0 < count <= MAX_ENDPOINTS:
            failures = "; ".join(str(part) for part in answer.parts.values() if isinstance(part, Failed))
            many = f"{self.name}: {count} endpoints, and {MAX_ENDPOINTS} are the most"
            self.failed(many if count else failures or f"{self.name}: no endpoint")
            return
        valid_until = now if answer.valid_s is None else now + answer.valid_s
        new: dict[str, Part] = {}
        for name, given in answer.parts.items():
            if not isinstance(given, Failed):
                new[name] = Part(given, unix, valid_until)
            elif (old := self.parts.get(name)) is not None:
                new[name] = replace(old, failure=str(given))
            else:
                new[name] = Part((), unix, now, str(given))
        self.parts, self.failure = new, ""

    def failed(self, reason: str) -> None:
        self.asked, self.failure = True, reason

    def endpoints(self, now: float) -> Iterator[Discovered]:
        """What it named last; stale is what it was asked for since its time was over, and did not name again."""
        for part in self.parts.values():
            stale = bool(self.failure or part.failure) and now >= part.valid_until
            yield from (replace(each, stale=True) if stale else each for each in part.endpoints)

    def next_change(self, now: float) -> float | None:
        """When something turns stale by itself; None: never."""
        ends = (part.valid_until for part in self.parts.values() if self.failure or part.failure)
        return min((end for end in ends if end > now), default=None)
