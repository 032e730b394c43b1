"""REST: the live picture."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.controller.conftest import World, service
from weft.controller import rest_stream


async def items(world: World, last: str = "") -> AsyncIterator[tuple[str, str, Any]]:
    """(event, id, data) as they come."""
    headers = {"last-event-id": last} if last else {}
    async with world.rest.stream("GET", "/v1/stream", headers=headers) as answer:
        assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/event-stream")
        found: dict[str, str] = {}
        async for line in answer.aiter_lines():
            name, _, value = line.partition(": ")
            found[name] = value
            if not line and "event" in found:
                yield found["event"], found.get("id", ""), json.loads(found["data"])
            if not line:
                found = {}


async def first(world: World, wanted: str, last: str = "", count: int = 1) -> list[tuple[str, Any]]:
    """The first `count` items of that kind."""
    found: list[tuple[str, Any]] = []
    async with asyncio.timeout(20):
        async for event, number, data in items(world, last):
            if event == wanted:
                found.append((number, data))
            if len(found) == count:
                break
    return found


def epoch(world: World) -> int:
    return int(world.controller.started_at * 1000)


async def test_a_reader_gets_the_whole_picture_first(world: World) -> None:
    proxy = await world.local("default/web-0", "default/web")
    await proxy.attach()
    [(_, workloads)] = await first(world, "workloads")
    assert [each["name"] for each in workloads] == ["default/web-0"] and "lost_seconds" not in workloads[0]
    [(_, edges)] = await first(world, "edges")
    assert edges == []
    [(_, services)] = await first(world, "services")
    assert [each["name"] for each in services] == ["default/web"]


async def test_a_change_comes_by_itself(world: World) -> None:
    async with asyncio.timeout(20):
        async for event, _, data in items(world):
            if event == "revisions" and data["revision"] == 0:
                await world.apply(service("a"))
            if event == "services" and data:
                break
    assert [(each["name"], each["declared"]) for each in data] == [("default/a", True)]


async def test_who_hears_no_news_hears_that_we_are_still_here(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_stream, "ROUND_S", 0.01)
    # Not a comment: a browser would keep that for itself.
    [(_, first_one), (_, second)] = await first(world, "here", count=2)
    assert first_one == second == {}


async def test_events_are_read_on_from_the_last_one(world: World) -> None:
    for number in range(3):
        world.controller.events.add("x", str(number), "")
    [(last, data)] = await first(world, "events")
    assert [each["subject"] for each in data["events"]][-3:] == ["0", "1", "2"]
    world.controller.events.add("x", "3", "")
    [(_, data)] = await first(world, "events", last)
    assert [each["subject"] for each in data["events"]] == ["3"] and data["lost"] == 0


async def test_what_the_ring_no_longer_holds_is_counted(world: World) -> None:
    for number in range(1500):
        world.controller.events.add("x", str(number), "")
    [(_, data)] = await first(world, "events", f"{epoch(world)}-100")
    assert len(data["events"]) == 1000 and data["lost"] == world.controller.events.last - 1000 - 100


async def test_a_number_of_an_earlier_controller_begins_anew(world: World) -> None:
    world.controller.events.add("x", "0", "")
    [(_, data)] = await first(world, "events", f"{epoch(world) - 1}-1")
    assert data["events"][-1]["subject"] == "0"


@pytest.mark.parametrize("number", ["1", "-1", "many", "1e9-1", "1-" + "9" * 40, "1-²"])
async def test_what_is_no_number_is_refused(world: World, number: str) -> None:
    answer = await world.rest.get("/v1/stream", headers={"last-event-id": number.encode()})
    assert answer.status_code == 400


async def test_readers_are_limited_and_those_who_left_do_not_count(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest_stream, "MAX_READERS", 1)
    async with world.rest.stream("GET", "/v1/stream") as answer:
        await anext(answer.aiter_lines())
        assert "close a tab" in (await world.fails(503, "GET", "/v1/stream"))["hint"]
    async with asyncio.timeout(20):
        while not await _accepted(world):
            pass


async def _accepted(world: World) -> bool:
    async with world.rest.stream("GET", "/v1/stream") as answer:
        return answer.status_code == 200


async def test_readers_end_with_the_controller(world: World) -> None:
    async with world.rest.stream("GET", "/v1/stream") as answer:
        lines = answer.aiter_lines()
        await anext(lines)
        stopping = asyncio.create_task(world.controller.stop())
        async with asyncio.timeout(20):
            async for _ in lines:
                pass
        await stopping
    await world.start()
