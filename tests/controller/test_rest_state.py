"""REST: status, workloads, services, programs, explain, health."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.controller.conftest import World, route, service
from weft.controller import rest_state
from weft.testing.fake_proxy import PATIENCE_S


async def test_a_status_has_every_condition(world: World) -> None:
    origin = {"file": "shop.yaml", "line": 3, "column": 1}
    await world.apply(service("a"), {**route("r", "a", "nowhere"), "origin": origin}, owner="shop")
    proxy = await world.local("default/x")
    await proxy.subscribe("Frontend", "default/a:80@default")
    await proxy.until(lambda: ("Frontend", "default/a:80@default") in proxy.held)
    answer = await world.ok("GET", "/v1/status?kind=HTTPRoute&name=r")
    assert (answer["revision"], answer["compiled_revision"]) == (1, 1)
    (one,) = answer["objects"]
    found = {each["type"]: (each["status"], each["reason"]) for each in one["conditions"]}
    assert found["Accepted"] == ("True", "Accepted") and found["ResolvedRefs"][0] == "False"
    assert found["Programmed"] == ("True", "Programmed") and "Enforced" in found
    assert one["origin"]["line"] == 3 and one["owner"] == "shop"
    assert one["programmed"] == {"applied": 1, "needed": 1, "missing": []}


async def test_what_no_proxy_uses_is_not_needed(world: World) -> None:
    await world.apply(service("a"))
    await world.compiled()
    (one,) = (await world.ok("GET", "/v1/status"))["objects"]
    conditions = {each["type"]: each["reason"] for each in one["conditions"]}
    assert conditions["Programmed"] == "NotNeeded"


async def test_a_status_does_not_wait_for_a_busy_compiler(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.apply(service("a"))
    await world.compiled()
    monkeypatch.setattr(rest_state, "ENFORCED_TIMEOUT_S", 0.0)
    (one,) = (await world.ok("GET", "/v1/status"))["objects"]
    assert {each["type"] for each in one["conditions"]} >= {"Accepted", "Programmed"}


async def test_sync_says_what_each_proxy_runs(world: World) -> None:
    await world.apply(service("a"))
    proxy = await world.local("default/a-0", "default/a")
    proxy.refuse = {"default/a:80": "no"}
    await proxy.attach(ports={80: ("127.0.0.1", 4711)})
    await proxy.subscribe("Backend", "default/a:80")
    await proxy.subscribe("Inbound", "default/a-0")
    await proxy.until(lambda: ("Inbound", "default/a-0") in proxy.held and "! Backend default/a:80" in proxy.log)
    # What the proxy has said may still be on its way.
    async with asyncio.timeout(PATIENCE_S):
        while (sync := await _sync(world))["pending"] != ["Backend default/a:80"] or not sync["rejected"]:
            await asyncio.sleep(0)
    assert sync["connected"] and sync["subscriptions"] == 3
    assert [(one["kind"], one["name"], one["reason"]) for one in sync["rejected"]] == [
        ("Backend", "default/a:80", "no")
    ]
    assert (await world.ok("GET", "/v1/workloads?namespace=other"))["workloads"] == []


async def _sync(world: World) -> dict[str, Any]:
    (workload,) = (await world.ok("GET", "/v1/workloads?namespace=default&service=default/a"))["workloads"]
    found: dict[str, Any] = workload["sync"]
    return found


async def test_services_are_listed_with_ports_and_health(world: World) -> None:
    document = service("a")
    document["spec"]["ports"].append({"name": "tcp-admin", "port": 9000})
    await world.apply(document, service("b", namespace="shop"))
    proxy = await world.local("default/a-0", "default/a")
    await proxy.attach(health="unhealthy")
    (one,) = (await world.ok("GET", "/v1/services?namespace=default"))["services"]
    assert one == {
        "name": "default/a",
        "namespace": "default",
        "service": "a",
        "declared": True,
        "ports": [
            {"port": 80, "protocol": "HTTP", "name": None},
            {"port": 9000, "protocol": "TCP", "name": "tcp-admin"},
        ],
        "workloads": 1,
        "sources": [],
        "healthy": 0,
    }


async def test_programs_can_be_read(world: World) -> None:
    await world.apply(service("a"))
    await world.compiled()
    heads = (await world.ok("GET", "/v1/programs"))["programs"]
    assert {"Backend", "Endpoints", "Frontend", "Mesh"} == {head["kind"] for head in heads}
    (frontend,) = (await world.ok("GET", "/v1/programs/Frontend?key=default/a:80@shop"))["programs"]
    assert frontend["key"] == "default/a:80@*" and frontend["content"]["default_backend"] == "default/a:80"
    assert {"kind": "Backend", "key": "default/a:80"} in frontend["needs"]
    assert frontend["origins"] == ["Service/default/a"]
    assert len((await world.ok("GET", "/v1/programs/Backend"))["programs"]) == 1
    await world.fails(404, "GET", "/v1/programs/Backend?key=default/b:80")
    assert "one of Mesh" in (await world.fails(404, "GET", "/v1/programs/Cluster"))["hint"]


async def test_explain_asks_the_compiled_state(world: World) -> None:
    asked: list[Any] = []

    async def ask(operation: str, argument: Any, timeout_s: float | None = None) -> Any:
        asked.append((operation, argument))
        return {"text": "…"} if argument["to"] == "a" else {"error": "there is no Service b", "hint": "look"}

    world.controller.compiling.ask = ask  # type: ignore[method-assign]
    body = {"from": "default/x", "to": "a", "headers": {"k": "v"}}
    assert await world.ok("POST", "/v1/explain", json=body) == {"text": "…"}
    assert asked == [("explain", {"from": "default/x", "to": "a", "method": "GET", "path": "/", "headers": {"k": "v"}})]
    answer = await world.fails(400, "POST", "/v1/explain", json={**body, "to": "b"})
    assert (answer["error"], answer["hint"]) == ("there is no Service b", "look")


async def test_health_says_where_everything_is_and_what_is_wrong(world: World) -> None:
    await world.apply(service("a"))
    await world.compiled()
    health = await world.ok("GET", "/v1/health")
    controller = world.controller
    assert (health["status"], health["problems"]) == ("ok", [])
    assert health["grpc_address"] == str(controller.grpc_address)
    assert health["join_address"] == f"127.0.0.1:{controller.grpc_address.port + 1}"
    assert health["unix_socket"] == str(controller.state.socket)
    controller.compiling.trouble = "the compiler failed"
    assert (await world.ok("GET", "/v1/health"))["status"] == "degraded"
    controller.topics.ready = False
    assert (await world.fails(503, "GET", "/v1/health"))["status"] == "starting"
