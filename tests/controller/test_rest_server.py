"""REST's listener."""

from __future__ import annotations

import os

import pytest

from tests.controller.conftest import World
from weft.controller import peercred, rest_server
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


async def test_a_taken_port_is_a_clear_error(world: World) -> None:
    with pytest.raises(OptionError, match="cannot listen on") as caught:
        RestServer(world.controller.rest.address)
    assert "--rest-address" in caught.value.hint


async def test_any_free_port_can_be_asked_for() -> None:
    server = RestServer(Address("127.0.0.1", 0))
    assert server.address.port > 0
    await server.stop()
