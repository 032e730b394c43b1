"""The gRPC listeners."""

from __future__ import annotations

import dataclasses
import socket
import stat
from pathlib import Path

import grpc
import pytest

from tests.controller.conftest import World
from weft.controller.grpc_server import GrpcServers
from weft.controller.options import Address, OptionError


async def test_joining_is_on_the_next_port(world: World) -> None:
    controller = world.controller
    assert controller.join_address.port == controller.grpc_address.port + 1


async def test_the_unix_socket_is_its_owners_from_the_first_moment(world: World) -> None:
    socket_ = world.controller.state.socket
    assert stat.S_IMODE(socket_.stat().st_mode) == 0o600 and stat.S_IMODE(socket_.parent.stat().st_mode) == 0o700


async def test_a_path_too_long_for_a_socket_says_so(world: World, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="too long for a unix socket") as caught:
        world.controller.grpc.bind_unix(tmp_path / ("x" * 120))
    assert "--state-dir" in caught.value.hint


async def test_a_taken_neighbour_is_an_error_that_names_the_option(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        controller = world.controller
        with pytest.raises(OptionError, match="and on the next port") as caught:
            controller.grpc.bind(Address("127.0.0.1", port - 1), controller.authority, controller.server_identity)
        assert "--grpc-address" in caught.value.hint and "GRPC_VERBOSITY" not in str(caught.value)


async def test_the_servers_certificate_is_renewed_between_handshakes(world: World) -> None:
    proxy = await world.joined("default/a-0", "default/a")
    identity = world.controller.server_identity
    before = identity.current().certificate.serial
    identity._current = dataclasses.replace(identity._current, renew_at=0.0)
    await proxy.close()
    channel = proxy.connect(str(world.controller.grpc_address))
    await proxy.sign(channel)
    assert identity.current().certificate.serial != before
    assert isinstance(world.controller.grpc, GrpcServers) and isinstance(channel, grpc.aio.Channel)
