"""What a terminal shows of a mesh that runs: the figures are those of real proxies, the shapes those of real names."""

import json

from tests.e2e.conftest import World, get, until


def shown(world: World, *command: str, status: int = 0) -> list[str]:
    """Lines on stdout, none wider than a narrow terminal."""
    done = world.weft(*command)
    assert done.returncode == status, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert [line for line in lines if len(line) > 80] == []
    return lines


def test_traffic_is_seen_as_figures_and_as_a_tree(world: World) -> None:
    world.controller()
    world.apply(world.service("front"), world.service("reviews"))
    world.serve("reviews")
    world.serve("front")
    for i in range(5):
        assert get(world.inbound("default/front-0"), f"/to/reviews/{i}").status == 200
    with world.mesh() as mesh:
        until(lambda: sum(each.requests for each in mesh.signals()) == 10, "all requests")
    figures = [line.split() for line in shown(world, "stat")]
    assert [line[0] for line in figures] == ["SERVICE", "default/front", "default/reviews"]
    assert figures[2][2:4] == ["100.0", "%"] and float(figures[2][4]) <= float(figures[2][5]) <= float(figures[2][6])
    assert [line[:30].rstrip() for line in shown(world, "graph")] == [
        "(unmeshed)",
        "└─ default/front",
        "   └─ default/reviews",
    ]
    assert shown(world, "top")[3].split()[0] in ("default/front", "default/reviews")
    assert any("attached" in line for line in shown(world, "events", "reviews-0"))


def test_a_mesh_that_is_well_passes_its_check_and_what_is_not_is_named(world: World) -> None:
    world.controller()
    world.apply(world.service("reviews"))
    world.serve("reviews")
    assert "ok    no workload is unhealthy" in shown(world, "check", "--mesh")
    world.apply(world.service("nobody"))
    assert "warn  every service has workloads: default/nobody [services-served]" in shown(world, "check", "--mesh")
    world.weft("rollback", "1")
    told = json.loads(world.weft("check", "-o", "json").stdout)
    results = {check["id"]: check["result"] for check in told["checks"]}
    assert (results["services-served"], results["proxy-runs"], results["state-secrets"]) == ("ok", "ok", "ok")


def test_a_controller_that_went_fails_the_check(world: World) -> None:
    controller = world.controller()
    controller.terminate()
    controller.wait()
    lines = shown(world, "check", "--mesh", status=1)
    assert lines[2].startswith("fail  the controller answers: no controller answers at http://127.0.0.1:")
