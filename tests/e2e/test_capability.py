"""A proxy that lacks a capability keeps the last version that it understands, and people are told who lacks what."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.e2e.conftest import World, get, until
from tests.e2e.support import CAPABILITIES
from weft.client.types import ObjectStatus
from weft.testing import FakeProxy

LACKED = "route.header.regex"
A, B = "default/a:80@default", "default/b:80@default"


def route(version: str, **match: Any) -> dict[str, Any]:
    """To `a` itself; each request is marked with the version."""
    mark = {
        "type": "RequestHeaderModifier",
        "requestHeaderModifier": {"set": [{"name": "x-version", "value": version}]},
    }
    rule = {"matches": [match], "filters": [mark], "backendRefs": [{"name": "a", "port": 80}]}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "r"},
        "spec": {"parentRefs": [{"group": "", "kind": "Service", "name": "a"}], "rules": [rule]},
    }


def status_when(world: World, condition: Callable[[ObjectStatus], bool], what: str) -> ObjectStatus:
    """The route's."""

    def ask() -> ObjectStatus | None:
        with world.mesh() as mesh:
            (found,) = mesh.status("HTTPRoute", "r", "default").objects
        return found if condition(found) else None

    return until(ask, what)


def programmed(found: ObjectStatus) -> tuple[str, str, int, int]:
    (condition,) = (each for each in found.conditions if each.type == "Programmed")
    return condition.status, condition.reason, found.programmed.applied, found.programmed.needed


def unix_socket(world: World) -> str:
    with world.mesh() as mesh:
        return mesh.health().unix_socket


async def test_a_proxy_that_lacks_a_capability_keeps_the_last_good_version_and_is_named(world: World) -> None:
    # What blocks is done in threads: the proxy lives in this loop.
    await asyncio.to_thread(world.controller)
    await asyncio.to_thread(world.apply, world.service("a"), world.service("b"), route("one"))
    # The other proxy that needs the route: b-0 calls a.
    await asyncio.to_thread(world.serve, "a")
    await asyncio.to_thread(world.serve, "b")
    caller = await asyncio.to_thread(world.inbound, "default/b-0")

    old = FakeProxy("default", "old")
    old.features = tuple(name for name in CAPABILITIES if name != LACKED)
    old.connect(f"unix:{await asyncio.to_thread(unix_socket, world)}")
    try:
        await old.sign(old.channel)
        await old.attach()
        await old.open()
        await old.subscribe("Frontend", A, B)
        await old.until(lambda: {("Frontend", A), ("Frontend", B)} <= old.held.keys())
        first = await asyncio.to_thread(status_when, world, lambda s: s.programmed.applied == 2, "version one")
        assert (programmed(first)[0], first.programmed.needed) == ("True", 2)
        assert (await asyncio.to_thread(get, caller, "/to/a/x")).body["headers"]["x-version"] == "one"
        good = old.held["Frontend", A]
        assert b"one" in old.content["Frontend", A].value

        match = {"headers": [{"name": "x-user", "type": "RegularExpression", "value": "j.+"}]}
        await asyncio.to_thread(world.apply, route("two", **match))
        second = await asyncio.to_thread(
            status_when,
            world,
            lambda s: s.revision > first.revision and programmed(s) == ("Partial", "Lacking", 1, 2),
            "version two in the other proxy only",
        )
        (missing,) = second.programmed.missing
        assert (missing.workload, missing.capabilities) == ("default/old", (LACKED,))
        assert LACKED in missing.reason

        for options, words in (
            ((), ("1/2", "default/old", LACKED)),
            (("-o", "json"), ('"Lacking"', "default/old", LACKED)),
        ):
            said = await asyncio.to_thread(world.weft, "status", *options)
            assert said.returncode == 1 and "Traceback" not in said.stderr, said.stdout + said.stderr
            for word in words:
                assert word in said.stdout, said.stdout

        # Who has the capability does what version two says: nothing matches a request of nobody's.
        assert (await asyncio.to_thread(get, caller, "/to/a/x")).status == 404

        # What comes after it is delivered, so it was left out and is not on its way.
        frontend_b = old.held["Frontend", B]
        other = route("other")
        other["metadata"]["name"] = "other"
        other["spec"]["parentRefs"][0]["name"] = "b"
        await asyncio.to_thread(world.apply, other)
        await old.until(lambda: old.held["Frontend", B] != frontend_b)
        assert old.held["Frontend", A] == good and old.log.count(f"+ Frontend {A}") == 1
        assert not [line for line in old.log if line[0] in "!-"]

        await asyncio.to_thread(world.apply, route("three"))
        await old.until(lambda: b"three" in old.content["Frontend", A].value)
        third = await asyncio.to_thread(status_when, world, lambda s: s.programmed.applied == 2, "version three")
        assert programmed(third)[0] == "True" and not third.programmed.missing
    finally:
        await old.close()
