"""Chooses ports and addresses, writes the Launch file: the last thing that Python does for a workload."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from weft.run.launch import build, to_json
from weft.run.loopback import allocate, free_port
from weft.run.spec import ControllerPlace, Spec
from weft.run.state import workload_directory, workload_path, write_private

LAUNCH = "launch.json"
# What a proxy keeps of its mesh.
KEPT = ("identity", "program")


def prepare(spec: Spec, controller: ControllerPlace, root: Path, taken: set[int] | None = None) -> Path:
    """The Launch file of `spec`, written below `root`. `taken`: app ports given to other workloads a moment ago."""
    text = planned(spec, controller, root, taken)
    path = workload_directory(root, spec.namespace, spec.name) / LAUNCH
    _forget_another_mesh(path, controller)
    write_private(path, text)
    return path


def planned(spec: Spec, controller: ControllerPlace, root: Path, taken: set[int] | None = None) -> str:
    """The same as text; nothing is written."""
    taken = set() if taken is None else taken
    chosen = replace(spec, ports={port: app or free_port(taken) for port, app in spec.ports.items()})
    directory = workload_path(root, spec.namespace, spec.name)
    return to_json(build(chosen, allocate(spec.key, chosen.calls), controller, directory))


def _forget_another_mesh(launch: Path, controller: ControllerPlace) -> None:
    """A proxy trusts the roots that it kept, so that one of another mesh would never be let in with its token."""
    if not controller.root_sha256 or not launch.exists():
        return
    try:
        before = json.loads(launch.read_text(encoding="utf-8")).get("controller", {}).get("root_sha256", "")
    except ValueError:
        return  # cut off by a full disk: what it was about nobody knows
    if before != controller.root_sha256:
        for name in KEPT:
            (launch.parent / name).unlink(missing_ok=True)
