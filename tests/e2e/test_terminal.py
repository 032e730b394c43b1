"""What a terminal shows of a mesh that runs: the figures are those of real proxies, the shapes those of real names."""

import itertools
import json
import re
import signal
import subprocess
import sys

from tests.e2e.conftest import PATIENCE_S, World, get, until


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
    with world.mesh() as mesh:
        [workload] = mesh.workloads()
    # One machine, one clock; what is left is how long the words were on their way.
    assert workload.clock_ahead_s is not None and -30 < workload.clock_ahead_s <= 0.001 and results["clocks"] == "ok"


def test_a_controller_that_went_fails_the_check(world: World) -> None:
    controller = world.controller()
    controller.terminate()
    controller.wait()
    lines = shown(world, "check", "--mesh", status=1)
    assert lines[2].startswith("fail  the controller answers: no controller answers at http://127.0.0.1:")


def tapping(world: World, *options: str) -> subprocess.Popen[str]:
    """`weft tap OPTIONS` beside the test; it ends by itself or with it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "weft.cli", "tap", *options],
        env=world.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    world.processes.append(process)
    return process


def test_requests_are_watched_as_they_pass_once_each_by_filter(world: World) -> None:
    world.controller()
    world.apply(world.service("front"), world.service("reviews"))
    world.serve("reviews")
    world.serve("front")
    front, number = world.inbound("default/front-0"), itertools.count()
    called = tapping(world, "reviews", "--method", "get", "--max", "3")
    everything = tapping(world, "--max", "8", "-o", "json")
    strange = tapping(world, "--from", "nobody", "--path", "/to/reviews/")

    def watched() -> bool:
        assert get(front, f"/to/reviews/{next(number)}?secret=1").status == 200
        return called.poll() is not None and everything.poll() is not None

    until(watched, "what the taps asked for")
    shown, said = called.communicate()
    assert (called.returncode, said) == (0, "3 requests shown\n")
    lines = shown.splitlines()
    assert len(lines) == 3 and [line for line in lines if len(line) > 80] == []
    assert {line.split("  ")[-2] for line in lines} == {"front → reviews-0"}
    assert all(re.fullmatch(r"GET /\d+", line.split("  ")[-1]) for line in lines)
    found = [json.loads(line) for line in everything.communicate()[0].splitlines()]
    # Once each: what comes from outside by the callee's proxy, what goes on by the caller's.
    between = [each for each in found if each["destination"]["service"] == "default/reviews"]
    outside = [each for each in found if each["destination"]["service"] == "default/front"]
    ends = {(each["side"], each["source"]["workload"], each["tls"]) for each in between}
    assert (len(between), len(outside), ends) == (4, 4, {("source", "default/front-0", "mtls")})
    assert {(each["side"], each["source"]["workload"]) for each in outside} == {("destination", "")}
    assert len({each["id"] for each in found}) == len({(each["id"], each["path"]) for each in found}) == 8
    strange.send_signal(signal.SIGINT)
    shown, said = strange.communicate(timeout=PATIENCE_S)
    assert (strange.returncode, shown) == (0, "") and said.endswith("0 requests shown\n"), said
    assert "there is no service and no workload default/nobody yet" in said
