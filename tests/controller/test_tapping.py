"""gRPC Tap."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from tests.controller.conftest import World
from weft.v1 import control_pb2

PATIENCE_S = 20


async def orders(call: Any) -> list[control_pb2.TapOrder]:
    async with asyncio.timeout(PATIENCE_S):
        return list((await call.read()).taps)


async def test_a_proxy_hears_what_is_watched_from_its_first_word_to_the_end(world: World) -> None:
    proxy = await world.local("default/a-0", "default/a")
    call = await proxy.open_tap()
    assert await orders(call) == []
    assert world.controller.taps.reporters == {"default/a-0"}
    tap = world.controller.taps.open(control_pb2.TapFilter(method="GET"))
    assert [(each.id, each.filter.method) for each in await orders(call)] == [(tap.id, "GET")]
    world.controller.taps.close(tap)
    assert await orders(call) == []
    call.cancel()
    async with asyncio.timeout(PATIENCE_S):
        while world.controller.taps.reporters:
            await asyncio.sleep(0)


async def test_nobody_shows_requests_of_another(world: World) -> None:
    await (await world.joined("default/b-0", "default/b")).attach()
    proxy = await world.joined("default/a-0", "default/a")
    call = await proxy.open_tap("default/b-0")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call.read()
    assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED and "may not show" in str(caught.value.details())
    assert world.controller.taps.reporters == set()


async def test_a_request_between_others_is_not_shown(world: World) -> None:
    proxy = await world.joined("default/a-0", "default/a")
    call = await proxy.open_tap()
    await orders(call)
    tap = world.controller.taps.open(control_pb2.TapFilter())
    await orders(call)
    report = control_pb2.TapReport(reporter="default/a-0")
    for source in ("default/b-0", "default/a-0"):
        record = report.records.add(taps=[tap.id], path=f"/{source}")
        record.edge.side, record.edge.source_workload = "source", source
    await call.write(report)
    async with asyncio.timeout(PATIENCE_S):
        await tap.news.wait()
    assert [record.path for record in tap.take()] == ["/default/a-0"]


async def test_a_caller_has_its_own_identity_whatever_its_proxy_says(world: World) -> None:
    proxy = await world.joined("default/a-0", "default/a")
    call = await proxy.open_tap()
    await orders(call)
    tap = world.controller.taps.open(control_pb2.TapFilter())
    await orders(call)
    own, another = (f"spiffe://{world.controller.authority.trust_domain}/ns/default/sa/{name}" for name in "ab")
    report = control_pb2.TapReport(reporter="default/a-0")
    for side, principal in (("source", own), ("source", another), ("source", ""), ("destination", another)):
        record = report.records.add(taps=[tap.id], principal=principal)
        record.edge.side, record.edge.source_workload, record.edge.destination_workload = side, *["default/a-0"] * 2
    await call.write(report)
    async with asyncio.timeout(PATIENCE_S):
        await tap.news.wait()
    assert [record.principal for record in tap.take()] == [own, "", "", another]
