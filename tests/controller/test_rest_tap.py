"""REST: requests as they pass."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.controller.conftest import World, service
from weft.controller.rest_tap import record_json
from weft.observe.taps import MAX_TAPS, MAX_WAITING, PROXY_PER_S
from weft.v1 import control_pb2

PATIENCE_S = 20


@asynccontextmanager
async def tapping(world: World, query: str = "") -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    async with world.rest.stream("GET", f"/v1/tap?{query}") as answer:
        assert answer.status_code == 200 and answer.headers["content-type"] == "application/x-ndjson"

        async def items() -> AsyncIterator[dict[str, Any]]:
            async for line in answer.aiter_lines():
                yield json.loads(line)

        yield items()


async def find(items: AsyncIterator[dict[str, Any]], kind: str, **wanted: Any) -> dict[str, Any]:
    """The next item of that kind with those values."""
    async with asyncio.timeout(PATIENCE_S):
        async for item in items:
            if item["type"] == kind and all(item[name] == value for name, value in wanted.items()):
                return item
    raise AssertionError("the tap has ended")


def report(*paths: str, tap: int = 1) -> control_pb2.TapReport:
    made = control_pb2.TapReport(reporter="default/web-0")
    for path in paths:
        record = made.records.add(taps=[tap], unix_us=1_900_000_000_500_000, request_id="r", method="GET", path=path)
        record.status, record.latency_us, record.retries, record.rule_id = 200, 1500, 1, "HTTPRoute/default/r/0"
        edge = control_pb2.EdgeKey(
            side="source", source_workload="default/web-0", source_service="default/web", tls="mtls",
            destination_service="default/api", destination_workload="default/api-0", protocol="http", port=80,
        )  # fmt: skip
        record.edge.CopyFrom(edge)
    return made


async def test_requests_reach_the_reader_and_nobody_watches_when_it_has_left(world: World) -> None:
    proxy = await world.local("default/web-0", "default/web")
    call = await proxy.open_tap()
    async with tapping(world, "destination=default/api&status=5xx&min_latency_ms=1.5&path=/a") as items:
        async with asyncio.timeout(PATIENCE_S):
            while not (found := list((await call.read()).taps)):
                pass
        wanted = found[0].filter
        assert (wanted.destination, wanted.status_from, wanted.status_to) == ("default/api", 500, 599)
        assert (wanted.min_latency_us, wanted.path, found[0].query) == (1500, "/a", False)
        await call.write(report("/a?secret=1", tap=found[0].id))
        item = await find(items, "request")
        assert item["source"] == {"workload": "default/web-0", "service": "default/web", "version": ""}
        assert (item["at"], item["latency_ms"], item["status"], item["retries"]) == (1_900_000_000.5, 1.5, 200, 1)
        assert (item["path"], item["rule"], item["tls"]) == ("/a", "HTTPRoute/default/r/0", "mtls")
    async with asyncio.timeout(PATIENCE_S):
        assert list((await call.read()).taps) == []


async def test_a_reader_that_leaves_while_nothing_passes_is_noticed(world: World) -> None:
    for _ in range(3):
        async with tapping(world) as items:
            await find(items, "state")
            assert len(world.controller.taps.orders().taps) == 1
        async with asyncio.timeout(PATIENCE_S):
            while world.controller.taps.orders().taps:
                await asyncio.sleep(0)


async def test_who_cannot_be_tapped_is_named(world: World) -> None:
    await world.apply(service("api"))
    old = await world.local("default/old-0", "default/web")
    call = await old.attach(proxy_version="0.0.9")
    async with tapping(world, "source=default/nobody&destination=default/api") as items:
        state = await find(items, "state")
        assert (state["tapped"], state["unknown"]) == (0, ["default/nobody"])
        (named,) = state["not_tapped"]
        assert named["workload"] == "default/old-0" and "(0.0.9) has no tap stream" in named["why"]
        new = await world.local("default/new-0", "default/web")
        tap = await new.open_tap()
        assert (await find(items, "state", tapped=1))["not_tapped"] == [named]
        async with asyncio.timeout(PATIENCE_S):
            while not (orders := list((await tap.read()).taps)):
                pass
        refusal = control_pb2.TapReport(reporter="default/new-0")
        refusal.refused.add(id=orders[0].id, missing=["header"])
        await tap.write(refusal)
        state = await find(items, "state", tapped=0)
        assert [each["workload"] for each in state["not_tapped"]] == ["default/new-0", "default/old-0"]
        assert "header" in state["not_tapped"][0]["why"]
        call.cancel()
        while "lost the controller" not in (await find(items, "state"))["not_tapped"][-1]["why"]:
            pass


async def test_a_stuck_reader_holds_up_nobody_and_is_told_what_it_lost(world: World) -> None:
    """It reads nothing while far more comes than sockets hold; another one gets its own all the time."""
    host, _, port = str(world.controller.rest.address).rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 20)
    writer.write(f"GET /v1/tap HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
    async with asyncio.timeout(PATIENCE_S):
        while b'"state"' not in await reader.readline():
            pass
    book = world.controller.taps
    watchers = [book.join(f"default/web-{number}") for number in range(MAX_WAITING // PROXY_PER_S)]
    (stuck,) = book.orders().taps
    async with tapping(world) as items:
        await find(items, "state")
        other = book.orders().taps[-1]
        for second in range(60):
            for watcher in watchers:
                book.take(watcher, report(*["/" + "x" * 1000] * PROXY_PER_S, tap=stuck.id), 1000 + second)
            book.take(watchers[0], report(f"/{second}", tap=other.id), 1000 + second)
            assert (await find(items, "request"))["path"] == f"/{second}"
    async with asyncio.timeout(PATIENCE_S):
        while not (found := re.search(rb'"lost":([1-9][0-9]*)', await reader.readline())):
            pass
    # A few megabytes are on the way in sockets, and a thousand records wait; the rest is lost.
    assert 30 * MAX_WAITING < int(found[1]) < 60 * MAX_WAITING
    writer.close()
    for watcher in watchers:
        book.leave(watcher)


async def test_no_more_taps_than_there_may_be(world: World) -> None:
    taps = [world.controller.taps.open(control_pb2.TapFilter()) for _ in range(MAX_TAPS)]
    assert "taps are open already" in (await world.fails(503, "GET", "/v1/tap"))["error"]
    world.controller.taps.close(taps[0])
    async with tapping(world) as items:
        await find(items, "state")


@pytest.mark.parametrize(
    "query",
    ["status=6xx", "status=50", "method=A%20B", "path=x", "source=reviews", "destination=a/b/c", "reason=A", "query=1",
     "min_latency_ms=-1", "min_latency_ms=fast", "path=/" + "x" * 2000],
)  # fmt: skip
async def test_a_filter_that_means_nothing_is_refused(world: World, query: str) -> None:
    told = await world.fails(400, "GET", f"/v1/tap?{query}")
    assert query.partition("=")[0] in told["error"]


async def test_it_is_for_those_who_may_use_rest(world: World) -> None:
    await world.fails(401, "GET", "/v1/tap", headers={"authorization": "Bearer wrong"})


def test_what_was_not_answered_has_no_status_and_a_query_is_only_for_who_asked() -> None:
    (record,) = report("/a?b").records
    record.status = 0
    assert (record_json(record, False)["status"], record_json(record, False)["path"]) == (None, "/a")
    assert record_json(record, True)["path"] == "/a?b"
