"""gRPC Identity over real listeners."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from tests.controller.conftest import World
from weft.testing import FakeProxy


async def refused(world: World, proxy: FakeProxy, channel: grpc.aio.Channel, **more: object) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await proxy.sign(channel, **more)  # type: ignore[arg-type]
    return caught.value


async def test_joining_is_one_step_and_renewal_needs_no_token(world: World) -> None:
    proxy = await world.joined("default/a-0", "default/a")
    first = proxy.chain
    response = await proxy.sign(proxy.channel)
    assert proxy.chain != first and response.spiffe_id.endswith("/ns/default/sa/a")
    assert abs(response.unix_seconds - world.controller.clock.time()) < 5
    assert response.roots == [world.controller.authority.root_der]
    proofs = [one["proof"] for one in (await world.ok("GET", "/v1/certs"))["issued"]]
    assert sorted(proofs) == ["svid", "token"]


async def test_an_svid_renews_itself_only(world: World) -> None:
    proxy = await world.joined("default/a-0", "default/a")
    proxy.workload.service_account = "b"
    error = await refused(world, proxy, proxy.channel)
    assert error.code() == grpc.StatusCode.PERMISSION_DENIED
    assert "renews itself only" in (error.details() or "") and "\nhint: use a join token" in (error.details() or "")


async def test_a_token_is_for_one_workload(world: World) -> None:
    token = await world.token("default", "a")
    first, second = world.proxy("default/a-0", "default/a"), world.proxy("default/a-1", "default/a")
    await first.join(token, world.roots)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await second.join(token, world.roots)
    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED
    assert "was used already, by default/a-0" in (caught.value.details() or "")
    (event,) = (await world.ok("GET", "/v1/events?kind=certificate-refused"))["events"]
    assert event["subject"] == "default/a-1"


async def test_the_listener_for_joining_gives_nothing_without_a_token_and_serves_nothing_else(world: World) -> None:
    proxy = world.proxy("default/a-0", "default/a")
    credentials = grpc.ssl_channel_credentials(world.roots)
    options = (("grpc.ssl_target_name_override", "localhost"),)
    async with grpc.aio.secure_channel(str(world.controller.join_address), credentials, options=options) as channel:
        assert (await refused(world, proxy, channel)).code() == grpc.StatusCode.UNAUTHENTICATED
        bad = await refused(world, proxy, channel, token="weft1.nonsense")
        assert bad.code() == grpc.StatusCode.INVALID_ARGUMENT
        method: Any = channel.unary_unary
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await method("/weft.v1.Telemetry/Report")(b"")
        assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


async def test_strangers_fill_neither_memory_nor_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    credentials = grpc.ssl_channel_credentials(world.roots)
    options = (("grpc.ssl_target_name_override", "localhost"),)
    async with grpc.aio.secure_channel(str(world.controller.join_address), credentials, options=options) as channel:
        named = world.proxy("default/a-0")
        named.workload.namespace = "\x1b[2J\n12:00:00 all is well" * 500
        assert (await refused(world, named, channel)).code() == grpc.StatusCode.INVALID_ARGUMENT
        large = world.proxy("default/a-0")
        large.workload.name = "a" * 100_000
        assert (await refused(world, large, channel)).code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    [event] = world.controller.events.after(0, "certificate-refused")[0]
    [said] = [record.getMessage() for record in caplog.records if record.name == "weft.controller.signing"]
    for text in (event.subject, said):
        assert text.isprintable() and len(text) < 700


async def test_the_other_listener_asks_for_a_certificate_of_ours(world: World) -> None:
    proxy = world.proxy("default/a-0", "default/a")
    credentials = grpc.ssl_channel_credentials(world.roots)
    options = (("grpc.ssl_target_name_override", "localhost"),)
    async with grpc.aio.secure_channel(str(world.controller.grpc_address), credentials, options=options) as channel:
        assert (await refused(world, proxy, channel)).code() == grpc.StatusCode.UNAVAILABLE


async def test_a_clock_that_is_off_is_refused_or_noted(world: World) -> None:
    proxy = world.proxy("default/a-0", "default/a")
    channel, now = proxy.connect(world.unix), int(world.controller.clock.time())
    error = await refused(world, proxy, channel, unix_seconds=now - 1800)
    assert error.code() == grpc.StatusCode.FAILED_PRECONDITION and "30 min behind" in (error.details() or "")
    response = await proxy.sign(channel, unix_seconds=now - 180)
    assert "3 min behind" in response.warning
    assert [event["kind"] for event in (await world.ok("GET", "/v1/events?kind=clock"))["events"]] == ["clock"]


async def test_seconds_long_certificates_work_and_end(world: World) -> None:
    world.options["svid_ttl_s"] = 1.0
    await world.restart()
    proxy = await world.joined("default/a-0", "default/a")
    attached = await proxy.attach()
    # Streams do not outlive the certificate that they were opened with.
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await attached.read()
    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED and "has ended" in (caught.value.details() or "")
    await proxy.close()
    # The certificate's own seconds: real TLS has no other clock.
    while world.controller.clock.time() < proxy.not_after + 0.1:
        await world.rest.get("/v1/health")
    proxy.connect(str(world.controller.grpc_address))
    assert (await refused(world, proxy, proxy.channel)).code() == grpc.StatusCode.UNAVAILABLE
