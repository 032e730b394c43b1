"""A service is never emptied by its sources, and none of them waits for another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.discovery.support import Box, service
from tests.resources.support import one
from weft.discovery.saved import load
from weft.discovery.source import Failed


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Box]:
    made = Box(tmp_path / "discovered.json")
    yield made
    await made.stop()


async def test_what_a_source_names_is_saved_and_told(box: Box) -> None:
    box.source("dns a.x").name_(1, 2)
    box.start(service("a.x"))
    await box.tells("1 2")
    assert [e.address for e in load(box.path)["default/db"]["dns a.x"]["A"].endpoints] == ["192.0.2.1", "192.0.2.2"]


async def test_it_is_asked_again_when_it_said_and_its_moves_are_told(box: Box) -> None:
    source = box.source("dns a.x")
    source.name_(1, again=48)
    box.start(service("a.x"))
    await box.tells("1")
    source.name_(2)
    await box.clock.advance(47)
    assert source.asked == 1
    await box.clock.advance(1)
    await box.tells("2")
    assert source.asked == 2


async def test_a_dead_source_holds_up_no_other(box: Box) -> None:
    box.source("dns a.x").says = ""
    box.source("dns b.x").name_(2)
    box.start(service("a.x", "b.x"))
    await box.tells("2")


async def test_several_sources_are_one_set(box: Box) -> None:
    box.source("dns a.x").name_(1, 2)
    box.source("dns b.x").name_(2, 3)
    box.start(service("a.x", "b.x"))
    await box.tells("1 2 3")


FAILURES = [
    Failed("a.x: there is no such name (NXDOMAIN)", 7),
    Failed("a.x A: SERVFAIL"),
    Failed("a.x A: no answer within 5 s"),
    RuntimeError("a defect"),
]


@pytest.mark.parametrize("failure", FAILURES, ids=str)
async def test_whatever_fails_the_last_good_endpoints_stay(box: Box, failure: Exception) -> None:
    source = box.source("dns a.x")
    source.name_(1, 2, valid=60, again=50)
    box.start(service("a.x"))
    await box.tells("1 2")
    source.says = failure
    await box.clock.advance(59)
    assert box.told["default/db"] == "1 2"
    await box.clock.advance(1)
    await box.tells("1?(unknown) 2?(unknown)")
    [said] = box.said()
    assert said.startswith("discovery-failed: ")
    assert said.endswith("; 2 endpoints known before stay in use")
    source.name_(1, 2)
    await box.clock.advance(60)
    await box.tells("1 2")
    assert box.said()[-1] == "discovery-recovered: dns a.x: 2 endpoints"


async def test_a_set_that_becomes_empty_stays_as_it_was(box: Box) -> None:
    source = box.source("dns a.x")
    source.name_(1, valid=None, again=1)
    box.start(service("a.x"))
    await box.tells("1")
    source.name_(valid=None)
    await box.clock.advance(1)
    await box.tells("1?(unknown)")


async def test_failures_are_asked_again_ever_later_and_said_once(box: Box) -> None:
    source = box.source("dns a.x")
    source.says = Failed("SERVFAIL")
    box.start(service("a.x"))
    asked = []
    for _ in range(6):
        await box.clock.advance(30)
        asked.append(source.asked)
    # After 1, 2, 4, 8, 16 s and then every 30.
    assert asked == [5, 6, 7, 8, 9, 10]
    assert box.said() == ["discovery-failed: SERVFAIL"]


async def test_stale_endpoints_are_tried_and_the_dead_left_out_while_another_lives(box: Box) -> None:
    source = box.source("dns a.x")
    source.name_(1, 2, valid=10, again=8)
    box.start(service("a.x"))
    await box.tells("1 2")
    source.says = Failed("SERVFAIL")
    box.alive["192.0.2.2:5432"] = True
    await box.clock.advance(20)
    await box.tells("1?(unhealthy) 2?")
    box.alive.clear()
    await box.clock.advance(10)
    await box.tells("1?(unknown) 2?(unknown)")


async def test_a_controller_that_starts_while_dns_is_dead_knows_the_last_good(box: Box) -> None:
    source = box.source("dns a.x")
    source.name_(1, 2)
    box.start(service("a.x"))
    await box.tells("1 2")
    await box.stop()
    source.says = ""
    box.told.clear()
    box.start(service("a.x"))
    # In the first program, before anybody was asked.
    assert box.told == {"default/db": "1 2"}
    source.says = Failed("SERVFAIL")
    await box.stop()
    box.start(service("a.x"))
    await box.clock.advance(0)
    await box.tells("1?(unknown) 2?(unknown)")


async def test_a_source_that_replaces_another_is_heard_before_that_one_goes(box: Box) -> None:
    box.source("dns a.x").name_(1)
    box.start(service("a.x"))
    await box.tells("1")
    gate = box.source("dns b.x")
    gate.says = Failed("not yet", 5)
    held = asyncio.Event()
    answer = gate.ask

    async def ask() -> object:
        await held.wait()
        return await answer()

    gate.ask = ask  # type: ignore[method-assign, assignment]
    box.keeper.set_service("default/db", service("b.x"))
    await box.clock.advance(1)
    assert box.told["default/db"] == "1"
    gate.name_(2)
    held.set()
    await box.tells("2")


async def test_written_endpoints_stay_until_the_source_that_replaces_them_was_heard(box: Box) -> None:
    source = box.source("dns a.x")
    static = "{ports: [{port: 80}], endpoints: [{address: 192.0.2.9}]}"
    box.start(one("Service", static, "db"))  # type: ignore[arg-type]
    assert box.told == {}
    held, answer = asyncio.Event(), source.ask

    async def ask() -> object:
        await held.wait()
        return await answer()

    source.ask = ask  # type: ignore[method-assign, assignment]
    source.name_(1)
    box.keeper.set_service("default/db", service("a.x"))
    # Before anybody else gets to run: the compiler gets it with the service.
    assert box.told == {"default/db": "9"}
    held.set()
    await box.tells("1")


async def test_what_was_asked_for_no_longer_is_told_as_nothing(box: Box) -> None:
    box.source("dns a.x").name_(1)
    box.start(service("a.x"))
    await box.tells("1")
    box.keeper.set_service("default/db", one("Service", "{ports: [{port: 80}]}", "db"))  # type: ignore[arg-type]
    await box.until(lambda: box.told["default/db"] == "")
    assert box.keeper.found == {}
    asked = box.source("dns a.x").asked
    await box.clock.advance(1_000)
    assert box.source("dns a.x").asked == asked
    box.keeper.set_service("default/db", None)


async def test_a_service_that_is_written_anew_keeps_what_its_sources_said(box: Box) -> None:
    source = box.source("dns a.x")
    source.name_(1)
    box.start(service("a.x"))
    await box.tells("1")
    box.keeper.set_service("default/db", service("a.x", "b.x"))
    await box.clock.advance(1)
    assert (source.asked, box.told["default/db"]) == (1, "1")


async def test_a_disk_that_is_full_holds_up_nothing(box: Box, caplog: pytest.LogCaptureFixture) -> None:
    box.path = box.path / "no-folder" / "x.json"
    box.source("dns a.x").name_(1)
    box.start(service("a.x"))
    await box.tells("1")
    assert "is not saved" in caplog.text
