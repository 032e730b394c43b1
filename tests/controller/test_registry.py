"""The world: leases, told and saved."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace

import pytest

from weft.compiler.model import PortInfo, WorkloadInfo
from weft.controller import registry as module
from weft.controller.leases import Attached, Leases
from weft.controller.registry import Registry, decode, encode
from weft.store.errors import StoreError
from weft.store.model import Registration
from weft.testing import FakeClock

INFO = WorkloadInfo(
    "default/a-0",
    "default",
    "default/a",
    "v1",
    {"tier": "gold"},
    "spiffe://t/ns/default/sa/a",
    (PortInfo(80, "127.0.0.1", 4711),),
    "healthy",
    "z1",
    frozenset(["connect.mtls"]),
)
ATTACHED = Attached(INFO, 2**63, "", "127.0.0.1:15000", "192.0.2.7", "0.1.0", "a", 5.0)


class Keeper:
    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.saves = 0
        self.broken = False
        self.gate: asyncio.Event | None = None

    async def registrations(self) -> list[Registration]:
        return [Registration(name, payload) for name, payload in self.kept.items()]

    async def save_registrations(self, written: dict[str, bytes], removed: Iterable[str]) -> None:
        if self.gate:
            await self.gate.wait()
        if self.broken:
            raise StoreError("no space is left", "free some")
        self.saves += 1
        self.kept.update(written)
        for name in removed:
            del self.kept[name]


class Box:
    def __init__(self, keeper: Keeper | None = None) -> None:
        self.clock, self.keeper = FakeClock(), keeper or Keeper()
        self.told: list[str] = []
        self.registry = Registry(Leases(), self.keeper, self.clock, self._tell)

    def _tell(self, present: list[WorkloadInfo], gone: list[str]) -> None:
        self.told += [f"{each.name} {each.health}" for each in present] + [f"{name} gone" for name in gone]


def test_a_registration_survives_its_encoding() -> None:
    assert decode(encode(ATTACHED)) == ATTACHED
    # Not kept: by then it is an old truth, and an older controller would not know the name.
    assert decode(encode(replace(ATTACHED, clock_ahead_s=3.0))) == ATTACHED


async def test_every_step_of_a_lease_is_told_at_its_time() -> None:
    box, stream = Box(), object()
    task = asyncio.create_task(box.registry.run())
    box.registry.attach(stream, ATTACHED)
    await box.clock.advance(0.0)
    box.registry.lose("default/a-0", stream)
    await box.clock.advance(29.9)
    assert box.told == ["default/a-0 healthy", "default/a-0 unknown"]
    await box.clock.advance(0.2)
    assert box.told[2:] == ["default/a-0 unhealthy"]
    await box.clock.advance(270.0)
    assert box.told[3:] == ["default/a-0 gone"]
    task.cancel()


async def test_what_changes_during_a_save_is_saved_together() -> None:
    box = Box()
    task = asyncio.create_task(box.registry.run())
    for number in range(100):
        box.registry.attach(object(), replace(ATTACHED, info=replace(INFO, name=f"default/a-{number}")))
    await box.clock.advance(0.0)
    assert len(box.keeper.kept) == len(box.told) == 100 and box.keeper.saves == 1
    task.cancel()


async def test_nobody_is_told_what_a_crash_would_forget() -> None:
    box = Box()
    box.keeper.gate = asyncio.Event()
    task = asyncio.create_task(box.registry.run())
    box.registry.attach(object(), ATTACHED)
    await box.clock.advance(0.0)
    assert box.told == [] and box.keeper.kept == {}
    box.keeper.gate.set()
    await box.clock.advance(0.0)
    assert box.told == ["default/a-0 healthy"] and list(box.keeper.kept) == ["default/a-0"]
    task.cancel()


async def test_a_restart_finds_everybody_and_starts_their_clocks() -> None:
    first = Box()
    first.registry.attach(object(), ATTACHED)
    await first.registry.save()
    second = Box(first.keeper)
    (info,) = await second.registry.load()
    assert info == replace(INFO, health="unknown")
    task = asyncio.create_task(second.registry.run())
    await second.clock.advance(31.0)
    assert second.told == ["default/a-0 unhealthy"]
    await second.clock.advance(300.0)
    assert second.told[1:] == ["default/a-0 gone"] and second.keeper.kept == {}
    task.cancel()


async def test_what_could_not_be_saved_is_told_once_and_saved_later(caplog: pytest.LogCaptureFixture) -> None:
    box = Box()
    box.keeper.broken = True
    task = asyncio.create_task(box.registry.run())
    box.registry.attach(object(), ATTACHED)
    await box.clock.advance(0.0)
    assert box.keeper.kept == {} and box.told == ["default/a-0 healthy"]
    box.keeper.broken = False
    await box.clock.advance(2 * module.SAVE_AGAIN_S)
    assert list(box.keeper.kept) == ["default/a-0"] and box.told == ["default/a-0 healthy"]
    task.cancel()
