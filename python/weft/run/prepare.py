"""Chooses ports and addresses, writes the Launch file: the last thing that Python does for a workload."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from weft.run.launch import build, to_json
from weft.run.loopback import allocate, free_port
from weft.run.spec import ControllerPlace, Spec
from weft.run.state import workload_directory, write_private

LAUNCH = "launch.json"


def prepare(spec: Spec, controller: ControllerPlace, root: Path, taken: set[int] | None = None) -> Path:
    """The Launch file of `spec`, written below `root`. `taken`: app ports given to other workloads a moment ago."""
    taken = set() if taken is None else taken
    directory = workload_directory(root, spec.namespace, spec.name)
    chosen = replace(spec, ports={port: app or free_port(taken) for port, app in spec.ports.items()})
    launch = build(chosen, allocate(spec.key, chosen.calls), controller, directory)
    path = directory / LAUNCH
    write_private(path, to_json(launch))
    return path
