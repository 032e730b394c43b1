"""gRPC Telemetry."""

from __future__ import annotations

import grpc
import pytest

from tests.controller.conftest import ROOT, World, service
from weft.controller.telemetry import GOOD_NEWS, GRAVE, MAX_EVENTS_PER_REPORT
from weft.v1 import control_pb2, control_pb2_grpc


def report(reporter: str, sequence: int = 1, events: int = 0) -> control_pb2.TelemetryReport:
    made = control_pb2.TelemetryReport(reporter=reporter, epoch=1, sequence=sequence)
    edge = made.edges.add(requests=sequence)
    edge.key.side, edge.key.source_workload, edge.key.destination_service = "source", reporter, "default/b"
    for number in range(events):
        made.events.add(kind="ejected", text=str(number))
    return made


async def send(channel: grpc.aio.Channel, *reports: control_pb2.TelemetryReport) -> int:
    summary = await control_pb2_grpc.TelemetryStub(channel).Report(iter(reports))
    return int(summary.sequence)


async def test_reports_add_up_and_repetitions_do_not(world: World) -> None:
    proxy = await world.joined("default/a-0", "default/a")
    assert await send(proxy.channel, report("default/a-0", 1), report("default/a-0", 3)) == 3
    assert await send(proxy.channel, report("default/a-0", 3)) == 3
    (edge,) = (await world.ok("GET", "/v1/edges"))["edges"]
    assert edge["requests"] == 3


@pytest.mark.parametrize("attached", [False, True])
async def test_nobody_reports_for_another(world: World, attached: bool) -> None:
    victim = await world.joined("default/b-0", "default/b")
    if attached:
        await victim.attach()
    proxy = await world.joined("default/a-0", "default/a")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await send(proxy.channel, report("default/b-0"))
    assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED
    assert (await world.ok("GET", "/v1/edges"))["edges"] == []


@pytest.mark.parametrize("local", [False, True])
async def test_an_edge_between_others_is_not_counted(world: World, local: bool) -> None:
    proxy = await (world.local if local else world.joined)("default/a-0", "default/a")
    lies = report("default/a-0")
    del lies.edges[:]
    for side, source, destination in [
        ("source", "default/b-0", "default/c-0"),
        ("destination", "default/a-0", "default/c-0"),
        ("destination", "", "default/c-0"),
        ("", "default/a-0", "default/a-0"),
        ("source", "default/a-0", "default/c-0"),
        ("destination", "", "default/a-0"),
    ]:
        key = lies.edges.add(requests=1).key
        key.side, key.source_workload, key.destination_workload = side, source, destination
    await send(proxy.channel, lies)
    edges = (await world.ok("GET", "/v1/edges?by=workload"))["edges"]
    found = {(edge["side"], edge["source"]["workload"], edge["destination"]["workload"]) for edge in edges}
    assert found == {("source", "default/a-0", "default/c-0"), ("destination", "", "default/a-0")}
    (event,) = (await world.ok("GET", "/v1/events?kind=telemetry-refused"))["events"]
    assert event["subject"] == "default/a-0" and "4 edges between others" in event["text"]


@pytest.mark.parametrize("attached", [False, True])
async def test_a_service_that_others_serve_is_not_its_own(world: World, attached: bool) -> None:
    await world.apply(service("a"), service("b"))
    proxy = await world.joined("default/a-0", "default/a")
    if attached:
        await proxy.attach()
    claims = report("default/a-0")
    claims.edges[0].key.source_service = "default/b"
    rightful = claims.edges.add(requests=1).key
    rightful.side, rightful.source_workload, rightful.source_service = "source", "default/a-0", "default/a"
    await send(proxy.channel, claims)
    edges = (await world.ok("GET", "/v1/edges"))["edges"]
    assert {edge["source"]["service"] for edge in edges} == {"", "default/a"}


async def test_a_proxy_in_trouble_does_not_push_out_other_events(world: World) -> None:
    proxy = await world.local("default/a-0", "default/a")
    await send(proxy.channel, report("default/a-0", 1, events=10 * MAX_EVENTS_PER_REPORT))
    events = (await world.ok("GET", "/v1/events?kind=ejected"))["events"]
    assert len(events) == MAX_EVENTS_PER_REPORT and events[0]["subject"] == "default/a-0"


async def test_events_of_proxies_are_as_grave_as_they_are(world: World) -> None:
    proxy = await world.local("default/a-0", "default/a")
    table = {
        "ejected": "warning", "probing": "info", "readmitted": "info", "app-unhealthy": "warning",
        "app-healthy": "info", "rejected": "error", "tls-failed": "warning", "bug": "error",
        "of-a-newer-proxy": "warning",
    }  # fmt: skip
    told = report("default/a-0")
    for kind in table:
        told.events.add(kind=kind)
    await send(proxy.channel, told)
    events = (await world.ok("GET", "/v1/events"))["events"]
    assert {event["kind"]: event["severity"] for event in events if event["kind"] in table} == table


def test_the_kinds_that_are_judged_are_those_that_proxies_tell() -> None:
    source = "".join(path.read_text() for path in (ROOT / "crates/proxy/src").rglob("*.rs"))
    assert [kind for kind in sorted(GOOD_NEWS | GRAVE) if f'"{kind}"' not in source] == []
