"""REST's listener."""

from __future__ import annotations

import asyncio
import os

import pytest

from tests.controller.conftest import World, service
from weft.controller import peercred, rest_guard, rest_server
from weft.controller.options import Address, OptionError
from weft.controller.rest_guard import PEER_UID, Guard
from weft.controller.rest_server import RestServer


async def test_each_connection_carries_its_owner(world: World) -> None:
    app = world.controller.rest._server
    assert app is not None
    seen = []
    guard = app.config.loaded_app
    assert isinstance(guard, Guard)
    inner = guard._app

    async def spy(scope, receive, send):  # type: ignore[no-untyped-def]
        seen.append(scope["state"][PEER_UID])
        await inner(scope, receive, send)

    guard._app = spy
    await world.ok("GET", "/v1/resources")
    assert seen == [os.geteuid() if peercred.SUPPORTED else None]


@pytest.mark.skipif(not peercred.SUPPORTED, reason="other systems do not tell who connects")
async def test_whose_connection_cannot_be_told_is_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_server, "owner", lambda client, server: None)
    await world.fails(401, "GET", "/v1/resources")


async def test_who_asks_nothing_keeps_nobody_out(world: World) -> None:
    address = world.controller.rest.address
    idle = [await asyncio.open_connection(address.host, address.port) for _ in range(rest_server.MAX_CONNECTIONS + 50)]
    for _, writer in idle[::2]:
        writer.write(b"GET /v1/health HTTP/1.1\r\nhost: ")
    await world.ok("GET", "/v1/resources")
    assert await asyncio.wait_for(idle[0][0].read(), 10) == b"", "the oldest made room"
    for _, writer in idle:
        writer.close()


async def test_a_head_that_does_not_come_is_not_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_server, "HEAD_S", 0.05)
    address = world.controller.rest.address
    good = b"GET /v1/health HTTP/1.1\r\nhost: localhost\r\n\r\n"
    for start, answers in ((b"", 0), (b"GET /v1/hea", 0), (good, 1), (good + b"GET /v1/hea", 1)):
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(start)
        try:
            answer = await asyncio.wait_for(reader.read(), 10)
        except ConnectionResetError:
            answer = b"HTTP/1.1 " * answers
        assert answer.count(b"HTTP/1.1 ") == answers, start
        writer.close()


async def test_a_watch_is_not_taken_for_a_slow_client(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_server, "HEAD_S", 0.05)
    monkeypatch.setattr(rest_guard, "BODY_S", 0.05)
    async with world.rest.stream("GET", "/v1/watch?after=0") as stream:
        lines = stream.aiter_lines()
        later, _ = await asyncio.open_connection(world.controller.rest.address.host, world.controller.rest.address.port)
        await asyncio.wait_for(later.read(), 10)
        await world.apply(service("a"))
        assert "Service/default/a" in await asyncio.wait_for(anext(lines), 10)


async def test_a_taken_port_is_a_clear_error(world: World) -> None:
    with pytest.raises(OptionError, match="cannot listen on") as caught:
        RestServer(world.controller.rest.address)
    assert "--rest-address" in caught.value.hint


async def test_any_free_port_can_be_asked_for() -> None:
    server = RestServer(Address("127.0.0.1", 0))
    assert server.address.port > 0
    await server.stop()
