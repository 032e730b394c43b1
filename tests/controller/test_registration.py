"""gRPC Registration over real streams."""

from __future__ import annotations

from tests.controller.conftest import World, service


async def test_a_registration_is_shown_with_everything_it_said(world: World) -> None:
    await world.apply(service("a"))
    proxy = await world.joined("default/a-0", "default/a", version="v2", zone="z1", labels={"tier": "gold"})
    await proxy.attach(ports={80: ("127.0.0.1", 4711)}, admin="127.0.0.1:15000", health_reason="")
    assert proxy.status is not None and proxy.status.error == ""
    (workload,) = (await world.ok("GET", "/v1/workloads"))["workloads"]
    assert workload["identity"] == proxy.status.spiffe_id
    shown = {name: workload[name] for name in ("service", "version", "zone", "labels", "health", "lease", "admin")}
    assert shown == {
        "service": "default/a",
        "version": "v2",
        "zone": "z1",
        "labels": {"tier": "gold"},
        "health": "healthy",
        "lease": "attached",
        "admin": "127.0.0.1:15000",
    }
    assert workload["ports"] == [{"port": 80, "address": "127.0.0.1", "listen_port": 4711}]
    assert 86_000 < workload["certificate_seconds_left"] <= 86_400 and workload["problems"] == []


async def test_somebody_elses_name_is_refused_and_may_be_corrected_on_the_same_stream(world: World) -> None:
    await world.apply(service("a"))
    proxy = await world.joined("default/a-0", "default/a")
    proxy.workload.name, right = "b-0", "a-0"
    call = await proxy.attach()
    assert proxy.status is not None and "may not register default/b-0" in proxy.status.error
    assert (await world.ok("GET", "/v1/workloads"))["workloads"] == []
    proxy.workload.name = right
    assert (await proxy.say(call)).error == ""
    proxy.workload.name = "other"
    assert "this stream is of default/a-0" in (await proxy.say(call)).error
    assert [one["name"] for one in (await world.ok("GET", "/v1/workloads"))["workloads"]] == ["default/a-0"]


async def test_a_service_that_nobody_declared_is_kept_and_said(world: World) -> None:
    proxy = await world.local("default/a-0", "default/a")
    await proxy.attach()
    (workload,) = (await world.ok("GET", "/v1/workloads"))["workloads"]
    assert workload["problems"] == ["no such service default/a: declare it, and it is served from here"]
    (listed,) = (await world.ok("GET", "/v1/services"))["services"]
    assert (listed["name"], listed["declared"], listed["workloads"], listed["healthy"]) == ("default/a", False, 1, 1)
    (event,) = (await world.ok("GET", "/v1/events?kind=not-serving"))["events"]
    assert event["subject"] == "default/a-0" and proxy.status is not None and "no such service" in proxy.status.error
    await world.apply(service("a"))
    (workload,) = (await world.ok("GET", "/v1/workloads"))["workloads"]
    assert workload["problems"] == []


async def test_an_account_that_may_not_serve_is_said_and_no_endpoint(world: World) -> None:
    await world.apply(service("a", identities=["only-me"]))
    proxy = await world.local("default/a-0", "default/a")
    await proxy.attach(ports={80: ("127.0.0.1", 4711)})
    (workload,) = (await world.ok("GET", "/v1/workloads"))["workloads"]
    assert workload["problems"] == ["a may not serve default/a (its identities: only-me)"]
    await proxy.subscribe("Endpoints", "default/a:80")
    await proxy.until(lambda: ("Endpoints", "default/a:80") in proxy.held)
    assert list(proxy.message("Endpoints", "default/a:80").endpoints) == []


async def test_a_token_for_a_service_binds_the_workload_to_it(world: World) -> None:
    proxy = world.proxy("default/a-0", "default/a")
    await proxy.join(await world.token("default", "a", service="default/other"), world.roots)
    proxy.connect(str(world.controller.grpc_address))
    await proxy.attach()
    assert proxy.status is not None and "joined with a token for default/other" in proxy.status.error
