"""Delivery over real streams: who gets what."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from tests.controller.conftest import World, route, service
from weft.controller.delivery import PATH
from weft.v1 import discovery_pb2

A, B = "default/a:80@default", "default/b:80@default"


async def conditions(world: World, ref: str) -> dict[str, Any]:
    kind, namespace, name = ref.split("/")
    answer = await world.ok("GET", "/v1/status", params={"kind": kind, "namespace": namespace, "name": name})
    (one,) = answer["objects"]
    return {**one, "conditions": {condition["type"]: condition for condition in one["conditions"]}}


async def test_the_inbound_of_another_workload_is_absent_and_the_stream_lives(world: World) -> None:
    await world.apply(service("a"), service("b"))
    owner = await world.joined("default/b-0", "default/b")
    await owner.attach(ports={80: ("127.0.0.1", 4711)})
    await owner.subscribe("Inbound", "default/b-0")
    await owner.until(lambda: ("Inbound", "default/b-0") in owner.held)
    thief = await world.joined("default/a-0", "default/a")
    await thief.attach()
    await thief.subscribe("Inbound", "default/b-0")
    await thief.subscribe("Frontend", A)
    await thief.until(lambda: ("Frontend", A) in thief.held and ("Inbound", "default/b-0") in thief.absent)
    assert ("Inbound", "default/b-0") not in thief.held
    (event,) = (await world.ok("GET", "/v1/events?kind=inbound-refused"))["events"]
    assert event["subject"] == "default/a-0" and "asked for the Inbound of default/b-0" in event["text"]


async def test_calling_oneself_by_another_name_does_not_help(world: World) -> None:
    await world.apply(service("a"), service("b"))
    owner = await world.joined("default/b-0", "default/b")
    await owner.attach(ports={80: ("127.0.0.1", 4711)})
    thief = await world.joined("default/a-0", "default/a")
    await thief.close()
    thief.connect(str(world.controller.grpc_address))
    thief.name = "default/b-0"
    await thief.open()
    await thief.subscribe("Inbound", "default/b-0")
    await thief.until(lambda: ("Inbound", "default/b-0") in thief.absent)


async def test_a_refused_object_is_quarantined_by_name_and_the_rest_applied(world: World) -> None:
    await world.apply(service("a"), service("b"), route("r", "a", "b"))
    proxy = await world.local("default/x")
    proxy.refuse = {A: "its regex is too large"}
    await proxy.subscribe("Frontend", A, B)
    await proxy.until(lambda: f"! Frontend {A}" in proxy.log and ("Frontend", B) in proxy.held)
    status = await conditions(world, "HTTPRoute/default/r")
    programmed = status["conditions"]["Programmed"]
    assert (programmed["status"], programmed["reason"]) == ("False", "Rejected") and "0/1 proxies" in programmed[
        "message"
    ]
    (missing,) = status["programmed"]["missing"]
    assert missing["workload"] == "default/x" and "its regex is too large" in missing["reason"]
    assert (await conditions(world, "Service/default/b"))["conditions"]["Programmed"]["status"] == "True"
    (event,) = (await world.ok("GET", "/v1/events?kind=rejected"))["events"]
    assert event["severity"] == "error" and "its regex is too large" in event["text"]


async def test_a_proxy_that_lacks_a_capability_keeps_the_last_good_one_and_is_named(world: World) -> None:
    await world.apply(service("a"), service("b"), route("r", "a", "b"))
    old = world.proxy("default/old")
    old.features = tuple(name for name in old.features if name != "route.header.regex")
    old.connect(world.unix)
    await old.open()
    new = await world.local("default/new")
    for proxy in (old, new):
        await proxy.subscribe("Frontend", A)
        await proxy.until(lambda proxy=proxy: ("Frontend", A) in proxy.held)  # type: ignore[misc]
    before = old.held["Frontend", A]
    changed = route("r", "a", "b")
    header = {"name": "x", "type": "RegularExpression", "value": "a+"}
    changed["spec"]["rules"][0]["matches"][0]["headers"] = [header]
    await world.apply(changed)
    await new.until(lambda: new.held["Frontend", A] != before)
    status = await conditions(world, "HTTPRoute/default/r")
    programmed = status["conditions"]["Programmed"]
    assert (programmed["status"], programmed["reason"]) == ("Partial", "Lacking")
    assert status["programmed"]["missing"][0]["capabilities"] == ["route.header.regex"]
    assert old.held["Frontend", A] == before


async def test_a_name_that_appears_later_is_pushed(world: World) -> None:
    proxy = await world.local("default/x")
    await proxy.subscribe("Frontend", A)
    await proxy.until(lambda: ("Frontend", A) in proxy.absent)
    await world.apply(service("a"))
    await proxy.until(lambda: ("Frontend", A) in proxy.held)
    await world.ok("DELETE", "/v1/resources/Service/default/a")
    await proxy.until(lambda: ("Frontend", A) in proxy.absent)
    await proxy.until(lambda: ("Backend", "default/a:80") not in proxy.held)


async def test_the_proxy_of_a_consumer_route_gets_its_own_answer(world: World) -> None:
    await world.apply(service("a"), service("b"), service("c", namespace="shop"))
    consumer = route("mine", "a", "c", namespace="shop")
    consumer["spec"]["parentRefs"][0]["namespace"] = "default"
    await world.apply(consumer)
    shop, other = await world.local("shop/x"), await world.local("other/x")
    for proxy in (shop, other):
        await proxy.subscribe("Frontend", f"default/a:80@{proxy.workload.namespace}")
        await proxy.until(lambda proxy=proxy: any(kind == "Frontend" for kind, _ in proxy.held))  # type: ignore[misc]
    assert shop.held["Frontend", "default/a:80@shop"] != other.held["Frontend", "default/a:80@other"]
    await world.ok("DELETE", "/v1/resources/HTTPRoute/shop/mine")
    await shop.until(
        lambda: shop.held.get(("Frontend", "default/a:80@shop")) == other.held["Frontend", "default/a:80@other"]
    )


NODE = discovery_pb2.Node(id="default/x")
FOREIGN = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
MESH = "type.googleapis.com/weft.v1.Mesh"


@pytest.mark.parametrize(
    "request_",
    [
        discovery_pb2.DeltaDiscoveryRequest(type_url=FOREIGN, node=NODE),
        discovery_pb2.DeltaDiscoveryRequest(type_url=MESH),
        discovery_pb2.DeltaDiscoveryRequest(type_url=MESH, resource_names_subscribe=["x" * 700], node=NODE),
    ],
)
async def test_what_is_not_this_protocol_ends_the_stream_with_a_reason(
    world: World, request_: discovery_pb2.DeltaDiscoveryRequest
) -> None:
    async with grpc.aio.insecure_channel(world.unix) as channel:
        method: Any = channel.stream_stream
        stream = method(PATH, request_serializer=discovery_pb2.DeltaDiscoveryRequest.SerializeToString)()
        await stream.write(request_)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stream.read()
        assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT and caught.value.details()


async def test_a_stream_that_ends_leaves_nothing_behind(world: World) -> None:
    await world.apply(service("a"))
    proxy = await world.local("default/x")
    await proxy.subscribe("Frontend", A)
    await proxy.until(lambda: ("Frontend", A) in proxy.held)
    assert len(world.controller.delivery.connections) == 1
    await proxy.close()
    again = await world.local("default/y")
    await again.until(lambda: ("Mesh", "mesh") in again.held)
    while len(world.controller.delivery.connections) != 1:
        await world.rest.get("/v1/health")
    assert [topic.kind for topic in world.controller.topics._topics.values()] == ["Mesh"]
