"""A keeper with sources that say what a test lets them say, on a clock that stands still."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.resources.support import one
from weft.compiler.model import Discovered
from weft.discovery import Discovery
from weft.discovery.source import Answer, Failed
from weft.observe.events import EventRing
from weft.resources.service import Service
from weft.resources.source import Source as Spec
from weft.testing import FakeClock


class Said:
    """One source: `says` is its next answer; "" means that it does not come back."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.says: Answer | Failed | Exception | str = ""
        self.asked = 0

    def name_(self, *last: int, valid: float | None = 60, again: float = 50) -> None:
        self.says = Answer({"A": tuple(Discovered(self.name, f"192.0.2.{n}") for n in last)}, valid, again)

    async def ask(self) -> Answer:
        self.asked += 1
        if isinstance(self.says, Exception):
            raise self.says
        if isinstance(self.says, str):
            await asyncio.Event().wait()
        assert isinstance(self.says, Answer)
        return self.says


class Box:
    """`told`: by service, last numbers of addresses; "7?" is stale."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sources: dict[str, Said] = {}
        self.alive: dict[str, bool] = {}
        self.told: dict[str, str] = {}
        self.clock = FakeClock()
        self.events = EventRing(self.clock.time)
        self._telling = asyncio.Event()

    def start(self, service: Service) -> None:
        self.keeper = Discovery(
            self.path, self._make, self._connects, self.clock, self.events, self._tell, chance=lambda: 0.5
        )
        self.keeper.set_service("default/db", service)
        self._tell(self.keeper.remembered())
        self.task = asyncio.create_task(self.keeper.run())

    async def stop(self) -> None:
        self.task.cancel()
        await self.keeper.stop()

    def source(self, name: str) -> Said:
        return self.sources.setdefault(name, Said(name))

    async def until(self, wanted: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not wanted():
                self._telling.clear()
                await self._telling.wait()

    async def tells(self, text: str, name: str = "default/db") -> None:
        await self.until(lambda: self.told.get(name, "") == text)

    def said(self) -> list[str]:
        return [f"{event.kind}: {event.text}" for event in self.events.after(0)[0]]

    def _make(self, spec: Spec, several: bool) -> Said:
        return self.source(str(spec))

    async def _connects(self, address: str, port: int) -> bool:
        return self.alive.get(f"{address}:{port}", False)

    def _tell(self, news: Mapping[str, tuple[Discovered, ...]]) -> None:
        self.told |= {name: " ".join(map(_shown, endpoints)) for name, endpoints in news.items()}
        self._telling.set()


def _shown(endpoint: Discovered) -> str:
    health = "" if endpoint.health == "healthy" else f"({endpoint.health})"
    return f"{endpoint.address.rpartition('.')[2]}{'?' if endpoint.stale else ''}{health}"


def service(*sources: str, ports: str = "{port: 5432}") -> Service:
    text = ", ".join("{dns: " + source + "}" for source in sources)
    made = one("Service", f"{{ports: [{ports}], discovery: [{text}]}}", "db")
    assert isinstance(made, Service)
    return made
