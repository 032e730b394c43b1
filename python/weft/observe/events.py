"""The last things that happened, numbered: somebody who reads on from a number knows whether something was lost."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["info", "warning", "error"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "error")

# An hour of an ordinary day. History beyond it is what logs are for.
MAX_EVENTS = 1_000
# A proxy in trouble repeats itself; nobody reads the hundredth.
MAX_TEXT = 500
# A kind is a word, a subject a name: of strangers, too, who may say that they are called a megabyte.
MAX_KIND, MAX_SUBJECT = 64, 200


@dataclass(frozen=True, slots=True)
class Event:
    id: int
    at: float
    kind: str
    subject: str
    text: str
    severity: Severity = "info"


class EventRing:
    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._events: deque[Event] = deque(maxlen=MAX_EVENTS)
        self._last = 0
        # How many stand in `wait` now.
        self.waiting = 0
        self._added = asyncio.Event()

    @property
    def last(self) -> int:
        return self._last

    def add(self, kind: str, subject: str, text: str, severity: Severity = "info", at: float | None = None) -> Event:
        self._last += 1
        moment = self._clock() if at is None else at
        event = Event(self._last, moment, kind[:MAX_KIND], subject[:MAX_SUBJECT], text[:MAX_TEXT], severity)
        self._events.append(event)
        self._added.set()
        self._added = asyncio.Event()
        return event

    def after(self, number: int, kind: str = "") -> tuple[list[Event], int]:
        """Events with a greater number, and how many of those are lost."""
        lost = max(0, self._last - len(self._events) - number) if number < self._last else 0
        return [event for event in self._events if event.id > number and kind in ("", event.kind)], lost

    async def wait(self) -> None:
        """Until another event is added."""
        self.waiting += 1
        try:
            await self._added.wait()
        finally:
            self.waiting -= 1
