"""The whole controller over real sockets."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncGenerator
from pathlib import Path

import grpc
import pytest

from tests.controller.conftest import World, route, service
from weft.controller.compiling import COMMAND
from weft.controller.controller import SETTLE_S
from weft.controller.options import OptionError
from weft.controller.statedir import StateDirError
from weft.identity.errors import IdentityError
from weft.store.errors import StoreCorrupt
from weft.store.snapshot import make_current
from weft.testing import FakeClock
from weft.v1 import program_pb2

A = "default/a:80@default"


async def test_a_program_reaches_a_proxy_and_its_status_says_so(world: World) -> None:
    await world.apply(service("a"), service("b"), route("r", "a", "b"))
    proxy = await world.joined("default/a-0", "default/a")
    await proxy.attach(ports={80: ("127.0.0.1", 4711)})
    await proxy.subscribe("Inbound", "default/a-0")
    await proxy.subscribe("Frontend", A)
    await proxy.until(lambda: ("Frontend", A) in proxy.held and ("Inbound", "default/a-0") in proxy.held)
    order = [line for line in proxy.log if "Inbound" not in line]
    assert order == ["+ Mesh mesh", "+ Endpoints default/b:80", "+ Backend default/b:80", f"+ Frontend {A}"]
    (status,) = (await world.ok("GET", "/v1/status?kind=HTTPRoute"))["objects"]
    conditions = {condition["type"]: condition for condition in status["conditions"]}
    assert conditions["Programmed"]["message"] == "1/1 proxies"
    assert proxy.message("Mesh", "mesh").roots == [world.controller.authority.root_der]


async def test_endpoints_follow_registrations(world: World) -> None:
    await world.apply(service("a"))
    client = await world.local("default/client")
    await client.subscribe("Frontend", A)
    await client.until(lambda: ("Frontend", A) in client.held)
    server = await world.local("default/a-0", "default/a")
    call = await server.attach(ports={80: ("127.0.0.1", 4711)})

    def endpoints() -> list[tuple[str, int, str]]:
        message = client.message("Endpoints", "default/a:80")
        return [(each.workload, each.port, each.identity) for each in message.endpoints]

    identity = f"spiffe://{world.controller.authority.trust_domain}/ns/default/sa/a"
    await client.until(lambda: endpoints() == [("default/a-0", 4711, identity)])
    await server.say(call, ports={80: ("127.0.0.1", 4712)}, health="draining")
    await client.until(lambda: endpoints() == [("default/a-0", 4712, identity)])
    call.cancel()
    await client.until(lambda: endpoints() == [])


async def test_a_restart_empties_nothing_and_reconnecting_sends_only_what_changed(world: World) -> None:
    await world.apply(service("a"))
    proxy = await world.joined("default/a-0", "default/a")
    await proxy.attach(ports={80: ("127.0.0.1", 4711)})
    await proxy.subscribe("Frontend", A)

    def registered() -> bool:
        return ("Endpoints", "default/a:80") in proxy.held and bool(
            proxy.message("Endpoints", "default/a:80").endpoints
        )

    await proxy.until(registered)
    before = dict(proxy.held)
    await proxy.close()
    # The stream's end is seen, and saved, before the controller goes.
    await world.restart()
    (workload,) = (await world.ok("GET", "/v1/workloads"))["workloads"]
    assert (workload["name"], workload["lease"], workload["health"]) == ("default/a-0", "lost", "unknown")
    proxy.log.clear()
    proxy.connect(str(world.controller.grpc_address))
    await proxy.open(keep=True)
    await proxy.attach(ports={80: ("127.0.0.1", 4711)})
    await proxy.until(lambda: proxy.held == before)
    assert {line for line in proxy.log if "Endpoints" not in line} <= {"+ Mesh mesh"}


async def test_a_proxy_waits_while_the_first_program_is_compiled(tmp_path: Path) -> None:
    world = World(tmp_path / "state")
    await world.start()
    await world.apply(service("a"))
    await world.restart()
    proxy = await world.local("default/x")
    await proxy.subscribe("Frontend", A, "default/none:80@default")
    await proxy.until(lambda: ("Frontend", A) in proxy.held and len(proxy.absent) == 1)
    assert f"- Frontend {A}" not in proxy.log
    await world.end()


async def test_leases_follow_the_clock(tmp_path: Path) -> None:
    clock = FakeClock()
    world = World(tmp_path / "state", clock)
    await world.start()
    await world.apply(service("a"))
    proxy = world.proxy("default/a-0", "default/a")
    proxy.connect(world.unix)
    await proxy.attach(ports={80: ("127.0.0.1", 4711)})
    await proxy.close()

    async def health() -> list[str]:
        return [workload["health"] for workload in (await world.ok("GET", "/v1/workloads"))["workloads"]]

    while await health() == ["healthy"]:
        await asyncio.sleep(0)
    assert await health() == ["unknown"]
    await clock.advance(30.0)
    assert await health() == ["unhealthy"]
    await clock.advance(270.0)
    assert await health() == []
    events = (await world.ok("GET", "/v1/events?kind=removed"))["events"]
    assert [event["subject"] for event in events] == ["default/a-0"]
    await world.end()


async def test_with_the_core_itself_bad_regexes_are_refused_and_requests_explained(tmp_path: Path) -> None:
    world = World(tmp_path / "state", compiler=COMMAND)
    await world.start()
    bad = route("bad", "a", "b")
    bad["spec"]["rules"][0]["matches"] = [{"path": {"type": "RegularExpression", "value": "/(?=x)"}}]
    answer = await world.fails(422, "POST", "/v1/apply", json={"documents": [service("a"), bad]})
    assert [result["action"] for result in answer["results"]] == ["created", "rejected"]
    await world.apply(service("a"), service("b"), route("r", "a", "b", path="/x"))
    body = {"from": "default/client", "to": "default/a", "path": "/x/y"}
    explained = await world.ok("POST", "/v1/explain", json=body)
    assert "HTTPRoute/default/r" in explained["text"]
    answer = await world.fails(400, "POST", "/v1/explain", json={**body, "to": "default/nobody"})
    assert "there is no Service default/nobody" in answer["error"]
    await world.end()


async def test_two_controllers_do_not_share_a_state_directory(world: World) -> None:
    second = World(world.state_dir)
    with pytest.raises(StateDirError, match="another controller runs"):
        await second.start()


async def test_a_port_that_is_taken_is_a_clear_error(world: World, tmp_path: Path) -> None:
    grpc_address, rest_address = str(world.controller.grpc_address), str(world.controller.rest.address)
    for address, second in (
        (grpc_address, World(tmp_path / "one", grpc_address=grpc_address)),
        (rest_address, World(tmp_path / "two", rest_address=rest_address)),
    ):
        with pytest.raises(OptionError, match="cannot listen on") as caught:
            await second.start()
        assert address in str(caught.value) and "choose another" in caught.value.hint


async def test_a_damaged_store_or_another_trust_domain_stops_the_start(world: World) -> None:
    await world.apply(service("a"))
    domain = world.controller.authority.trust_domain
    await world.stop()
    world.options["trust_domain"] = "other.example"
    with pytest.raises(IdentityError, match=f"trust domain {domain}"):
        await world.start()
    world.options["trust_domain"] = domain
    store = world.state_dir / "store.db"
    good = store.read_bytes()
    store.write_bytes(b"garbage" + good[7:])
    with pytest.raises(StoreCorrupt, match="is damaged"):
        await world.start()
    store.write_bytes(good)
    await world.start()
    assert len((await world.ok("GET", "/v1/resources"))["resources"]) == 1


async def test_nothing_in_the_state_directory_is_for_others(world: World) -> None:
    await world.apply(service("a"))
    modes = {path.name: path.stat().st_mode & 0o077 for path in world.state_dir.rglob("*")}
    assert {"store.db", "controller.sock", "rest.token", "root.key"} <= set(modes)
    # Only the public certificate may be read, and that directory cannot be entered either.
    assert all(mode == 0 for mode in modes.values()) and world.state_dir.stat().st_mode & 0o077 == 0


async def test_a_stop_ends_streams_and_watches(world: World) -> None:
    proxy = await world.local("default/a-0", "default/a")
    await proxy.attach()
    async with world.rest.stream("GET", "/v1/watch") as watch:
        assert watch.status_code == 200
        stopping = asyncio.create_task(world.controller.stop())
        async for _ in watch.aiter_lines():
            pass
        await stopping
    assert not os.path.exists(world.controller.state.socket)
    with pytest.raises(grpc.aio.AioRpcError):
        await proxy.sign(proxy.channel)
    await proxy.close()
    await world.start()


async def test_its_certificate_has_the_names_it_is_reached_by(tmp_path: Path) -> None:
    world = World(tmp_path / "state", advertise="mesh.example:15010", names=("other.example",))
    await world.start()
    certificates = await world.ok("GET", "/v1/certs")
    assert {"mesh.example", "other.example", "localhost", "127.0.0.1"} <= set(certificates["controller"]["names"])
    token = await world.ok("POST", "/v1/tokens", json={"namespace": "default", "service_account": "a"})
    assert token["controller"] == "mesh.example:15010" and token["hint"] is None
    assert json.dumps(token).count("mesh.example:15010") == 1
    await world.end()


async def test_what_is_followed_ends_at_once_when_its_reader_leaves_in_the_middle_of_a_wait(world: World) -> None:
    waiting, ended = asyncio.Event(), asyncio.Event()

    async def items() -> AsyncGenerator[int, None]:
        try:
            waiting.set()
            await asyncio.Event().wait()
            yield 1
        finally:
            ended.set()

    following = asyncio.create_task(anext(world.controller.until_stopped(items())))
    await waiting.wait()
    following.cancel()
    with pytest.raises(asyncio.CancelledError):
        await following
    assert ended.is_set()


async def test_a_restored_controller_hears_its_proxies_before_it_tells_them_anything(tmp_path: Path) -> None:
    """Since the backup a-0 has left and a-1 has joined: nobody may be told that the other way round."""
    clock = FakeClock()
    world = World(tmp_path / "state", clock)
    await world.start()
    try:
        await world.apply(service("a"))
        gone = await world.local("default/a-0", "default/a")
        await gone.attach(ports={80: ("127.0.0.1", 4711)})
        await gone.close()
        await world.stop()
        make_current(world.state_dir / "store.db")
        await world.start()
        caller = await world.local("default/caller-0")
        await caller.subscribe("Frontend", A)
        joined = await world.local("default/a-1", "default/a")
        await joined.attach(ports={80: ("127.0.0.1", 4712)})
        async with asyncio.timeout(20):
            while (health := await world.rest.get("/v1/health")).json()["compiled_revision"] == 0:
                pass
        assert health.status_code == 503 and not caller.held
        await clock.advance(SETTLE_S)
        await caller.until(lambda: ("Frontend", A) in caller.held)
        await caller.until(
            lambda: [
                (each.port, each.health) for each in caller.message("Endpoints", "default/a:80").endpoints
            ] == [(4711, program_pb2.HEALTH_UNHEALTHY), (4712, program_pb2.HEALTH_HEALTHY)]
        )
        # Once told, it is as any other.
        await world.restart()
        assert not world.controller.store.restored
    finally:
        await world.end()
