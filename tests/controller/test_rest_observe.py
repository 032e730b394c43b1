"""REST: edges, rules, events."""

from __future__ import annotations

import asyncio

import httpx

from tests.controller.conftest import World, route, service
from weft.v1 import control_pb2, control_pb2_grpc


async def report(world: World) -> None:
    proxy = await world.local("default/web-0", "default/web")
    stub = control_pb2_grpc.TelemetryStub(proxy.channel)
    key = control_pb2.EdgeKey(
        side="source",
        source_workload="default/web-0",
        source_service="default/web",
        destination_workload="default/api-0",
        destination_service="default/api",
        destination_version="v2",
        tls="mtls",
        protocol="http",
        port=80,
    )
    edge = control_pb2.Edge(
        key=key,
        requests=10,
        failures=1,
        retries=3,
        retries_saved=2,
        classes=[0, 9, 0, 0, 1],
        latency_us=[0] * 24 + [10],
    )
    edge.reasons.add(reason="upstream-reset", count=1)
    sent = control_pb2.TelemetryReport(reporter="default/web-0", epoch=1, sequence=1, edges=[edge])
    sent.rules.add(rule_id="HTTPRoute/default/r/0", hits=7)
    sent.events.add(unix_ms=1_900_000_000_000, kind="ejected", subject="default/api-0", text="5 failures in a row")
    summary = await stub.Report(iter([sent]))
    assert summary.sequence == 1


async def test_edges_are_shown_with_golden_signals(world: World) -> None:
    await report(world)
    (edge,) = (await world.ok("GET", "/v1/edges?seconds=60"))["edges"]
    assert edge["source"] == {"workload": "", "service": "default/web", "version": ""}
    assert edge["destination"] == {"workload": "", "service": "default/api", "version": ""}
    assert (edge["requests"], edge["failures"], edge["success_rate"], edge["tls"]) == (10, 1, 0.9, "mtls")
    assert (edge["retries"], edge["retries_saved"]) == (3, 2)
    assert edge["classes"] == {"1xx": 0, "2xx": 9, "3xx": 0, "4xx": 0, "5xx": 1}
    # Bucket 24 begins at 16 µs · 2^6.
    assert 1.024 <= edge["p50_ms"] <= edge["p99_ms"] <= 1.22 and edge["reasons"] == {"upstream-reset": 1}
    (edge,) = (await world.ok("GET", "/v1/edges?by=workload&namespace=default"))["edges"]
    assert edge["destination"] == {"workload": "default/api-0", "service": "default/api", "version": "v2"}
    assert (await world.ok("GET", "/v1/edges?namespace=shop"))["edges"] == []
    (point,) = (await world.ok("GET", "/v1/edges/history?step=60&source=default/web"))["points"]
    assert (point["requests"], point["failures"]) == (10, 1)
    for query in ("by=colour", "seconds=0", "seconds=many"):
        await world.fails(400, "GET", f"/v1/edges?{query}")


async def test_signals_are_those_of_all_callers_together(world: World) -> None:
    await report(world)
    (api,) = (await world.ok("GET", "/v1/signals?seconds=10&by=version"))["signals"]
    assert api["of"] == {"workload": "", "service": "default/api", "version": "v2"}
    assert (api["requests"], api["requests_per_second"], api["success_rate"]) == (10, 1.0, 0.9)
    assert 1.024 <= api["p95_ms"] <= 1.22 and api["retries_saved"] == 2
    assert (await world.ok("GET", "/v1/signals?namespace=shop"))["signals"] == []
    await world.fails(400, "GET", "/v1/signals?by=colour")


async def test_rules_are_shown_with_their_origin(world: World) -> None:
    origin = {"file": "shop.yaml", "line": 3, "column": 1, "rules": [9]}
    await world.apply(service("a"), {**route("r", "a", "a"), "origin": origin})
    await report(world)
    (rule,) = (await world.ok("GET", "/v1/rules"))["rules"]
    assert (rule["rule_id"], rule["hits"], rule["audit_hits"]) == ("HTTPRoute/default/r/0", 7, 0)
    assert rule["origin"]["file"] == "shop.yaml" and rule["origin"]["line"] == 9


async def test_events_are_read_on_from_a_number(world: World) -> None:
    await report(world)
    answer = await world.ok("GET", "/v1/events?kind=ejected")
    (event,) = answer["events"]
    assert (event["subject"], event["severity"], event["at"]) == ("default/api-0", "warning", 1_900_000_000.0)
    for number in range(5):
        world.controller.events.add("x", str(number), "")
    answer = await world.ok("GET", f"/v1/events?after={event['id']}&limit=2")
    assert [each["subject"] for each in answer["events"]] == ["0", "1"] and answer["lost"] == 0
    newest = await world.ok("GET", "/v1/events?limit=2")
    assert [each["subject"] for each in newest["events"]] == ["3", "4"] and newest["last"] == answer["last"]


async def test_events_are_chosen_by_part_of_the_subject_and_severity(world: World) -> None:
    for subject, severity in (("default/a-0", "info"), ("default/a-0", "error"), ("default/b-0", "warning")):
        world.controller.events.add("x", subject, "", severity)  # type: ignore[arg-type]
    answer = await world.ok("GET", "/v1/events?subject=a-0&severity=warning")
    assert [each["severity"] for each in answer["events"]] == ["error"] and not answer["more"]
    assert (await world.ok("GET", "/v1/events?limit=1"))["more"]
    await world.fails(400, "GET", "/v1/events?severity=bad")


async def test_an_open_question_is_answered_by_the_next_event_that_fits(world: World) -> None:
    last = world.controller.events.add("x", "", "").id
    asked = asyncio.create_task(world.ok("GET", f"/v1/events?after={last}&wait=25&kind=wanted"))
    while not world.controller.events.waiting:
        await asyncio.sleep(0)
    world.controller.events.add("other", "", "")
    world.controller.events.add("wanted", "here", "")
    answer = await asyncio.wait_for(asked, 10)
    assert [each["subject"] for each in answer["events"]] == ["here"] and answer["last"] == last + 2


async def test_an_open_question_about_a_number_to_come_is_answered_at_once(world: World) -> None:
    answer = await asyncio.wait_for(world.ok("GET", "/v1/events?after=700&wait=25"), 10)
    assert answer["events"] == [] and answer["last"] < 700


async def test_an_open_question_does_not_hold_up_the_end(world: World) -> None:
    world.controller.events.add("x", "", "")
    own = httpx.AsyncClient(base_url=str(world.rest.base_url), trust_env=False, timeout=30)
    asked = asyncio.create_task(own.get("/v1/events?after=1&wait=25"))
    while not world.controller.events.waiting:
        await asyncio.sleep(0)
    await asyncio.wait_for(world.restart(), 20)
    assert (await asked).json()["events"] == []
    await own.aclose()
