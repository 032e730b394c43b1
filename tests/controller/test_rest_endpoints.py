"""GET /v1/endpoints: one list of whoever serves a service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.controller.conftest import World, service


async def listed(world: World, ready: Callable[[list[dict[str, Any]]], bool], query: str = "") -> list[dict[str, Any]]:
    """The endpoints, once they are `ready`."""
    async with asyncio.timeout(20):
        while not ready(found := (await world.ok("GET", f"/v1/endpoints{query}"))["endpoints"]):
            pass
    return found


async def test_written_discovered_and_registered_stand_in_one_list(world: World, tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("- {address: '::1', port: 99, labels: {version: v2}, zone: z}\n")
    proxy = await world.local("default/a-0", "default/a")
    await proxy.attach(ports={80: ("192.0.2.9", 4711)})
    await world.apply(
        service("a", endpoints=[{"address": "192.0.2.7"}], discovery=[{"file": str(file)}]),
        service("b", endpoints=[{"address": "192.0.2.8"}]),
    )
    found = await listed(world, lambda each: len(each) == 3, "?service=default/a")
    seen = {each["source"]: (each["workload"], each["address"], each["health"], each["stale"]) for each in found}
    assert seen == {
        "registered": ("default/a-0", "192.0.2.9:4711", "healthy", False),
        "written": ("default/a-static-0", "192.0.2.7:80", "healthy", False),
        f"file {file}": ("default/a---1-99", "[::1]:99", "healthy", False),
    }
    [from_file] = [each for each in found if each["source"].startswith("file")]
    assert (from_file["version"], from_file["zone"], from_file["port"], from_file["answers"]) == ("v2", "z", 80, None)
    assert from_file["seconds"] >= 0
    everything = (await world.ok("GET", "/v1/endpoints?namespace=default"))["endpoints"]
    assert [each["service"] for each in everything] == ["default/a"] * 3 + ["default/b"]


async def test_a_broken_file_leaves_them_stale_and_says_why_also_after_a_restart(world: World, tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("- {address: 127.53.31.1, port: 9}\n")
    await world.apply(service("a", discovery=[{"file": str(file)}]))
    await listed(world, bool)
    file.write_text("- {address: nobody}\n")
    found = await listed(world, lambda each: bool(each[0]["stale"]))
    assert f"{file}:1:13: address: 'nobody' is not an IP address" in found[0]["problem"]
    [before] = (await world.ok("GET", "/v1/services"))["services"]
    assert before["sources"][0]["state"] == "stale"
    await world.restart()
    [after] = (await world.ok("GET", "/v1/endpoints"))["endpoints"]
    assert after["address"] == "127.53.31.1:9"
    async with asyncio.timeout(20):
        while (await world.rest.get("/v1/health")).status_code != 200:
            pass
    [program] = (await world.ok("GET", "/v1/programs/Endpoints?key=default/a:80"))["programs"]
    assert program["content"]["endpoints"][0]["address"] == "127.53.31.1"
    [status] = (await world.ok("GET", "/v1/status"))["objects"]
    assert "Discovered" in [condition["type"] for condition in status["conditions"]]
    await world.ok("DELETE", "/v1/resources/Service/default/a")
    assert (await world.ok("GET", "/v1/endpoints"))["endpoints"] == []
