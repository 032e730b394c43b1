"""After `weft uninstall` nothing is left: no file, no process, no cgroup."""

from __future__ import annotations

import json
import os
import textwrap
from pathlib import Path

from tests.e2e.conftest import World, free_port, processes_below, until
from tests.e2e.support import failed

FILE = """
services:
  shop:
    run: sh -c 'exec python3 -m http.server --bind 127.0.0.1 $PORT'
    port: 80
"""


def cgroups() -> set[Path]:
    return {path for path in Path("/sys/fs/cgroup").rglob("weft-*") if path.is_dir()}


def test_nothing_is_left(world: World) -> None:
    units = world.folder / "units"
    units.mkdir()
    options = ["--units", str(units)]
    controller = world.controller()
    world.apply(world.service("reviews"))
    workload = world.serve("reviews")
    assert world.weft("unit", "--install", "--directory", str(units), "controller").returncode == 0
    project = world.folder / "shop"
    project.mkdir()
    (project / "weft.yaml").write_text(textwrap.dedent(FILE))
    addresses = ["--rest-address", f"127.0.0.1:{free_port()}", "--grpc-address", f"127.0.0.1:{free_port(neighbours=2)}"]
    done = world.weft("up", "-d", "-f", str(project / "weft.yaml"), *addresses)
    assert done.returncode == 0, done.stdout + done.stderr

    listed = json.loads(world.weft("uninstall", *options, "--dry-run", "-o", "json").stdout)
    used = {each["what"]: each["in_use"] for each in listed if each["in_use"]}
    assert used["controller"] == f"pid {controller.pid}"
    assert f"pid {workload.pid}" in {each["in_use"] for each in listed if each["what"] == "workload"}
    assert {"unit", "up", "workload", "controller", "state"} <= {each["what"] for each in listed}
    failed(world.weft("uninstall", *options, "--yes"), "in use: ", "hint: stop it")
    assert controller.poll() is None and workload.poll() is None

    done = world.weft("uninstall", *options, "--stop", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (controller.wait(10), workload.wait(10)) == (0, 0)
    assert not (world.folder / "state").exists()
    assert list(units.iterdir()) == []
    until(lambda: not processes_below(world.folder), "no process")
    ours = {f"weft-{process.pid}" for process in world.processes}
    assert not {path for path in cgroups() if path.name.partition(".")[0] in ours}
    # What is there was there before: the test's own.
    left = {path.name for path in world.folder.iterdir()}
    assert left <= {"log", "ready", "app.py", "shop", "units"}, left
    done = world.weft("uninstall", *options)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout
    assert os.path.exists(project / "weft.yaml")
